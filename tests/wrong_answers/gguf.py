"""Wrong answers to the exercises of the chapter `gguf`."""

from lessons_lib.classroom.practice.gguf import check_misplaced, check_offsets, check_text_at


def length(data, at, order="little"):
    return int.from_bytes(data[at : at + 8], order)


def by_characters(data, at):
    text = data[at + 8 :].decode()[: length(data, at)]
    return text, at + 8 + length(data, at)


def rounded(sizes, alignment, up):
    places, end = [], 0
    for size in sizes:
        places.append(end)
        end = up(end + size, alignment)
    return places


def by_halves(rows, n_heads, change):
    width = len(rows) // n_heads
    heads = [rows[at : at + width] for at in range(0, len(rows), width)]
    return [row for head in heads for row in change(head)]


def beyond(places, n_bytes):
    return [name for name, (offset, size) in places.items() if offset + size > n_bytes]


def past_the_misplaced(places, n_bytes):
    names, free = [], 0
    for name, (offset, size) in sorted(places.items(), key=lambda place: place[1]):
        if offset < free or offset + size > n_bytes:
            names.append(name)
        else:
            free = offset + size
    return names


def against_the_last(places, n_bytes, ordered=True, edge=0):
    names, free = [], 0
    items = sorted(places.items(), key=lambda place: place[1][0]) if ordered else places.items()
    for name, (offset, size) in items:
        if offset < free + edge or offset + size > n_bytes:
            names.append(name)
        free = offset + size
    return names


WRONG = {
    "check_text_at": {
        "nothing": lambda data, at: ("", at),
        "all that is left": lambda data, at: (data[at + 8 :].decode(), len(data)),
        "with its length": lambda data, at: (data[at : at + 8 + length(data, at)].decode(), at + 8),
        "one byte of length": lambda data, at: (
            data[at + 8 : at + 8 + data[at]].decode(),
            at + 8 + data[at],
        ),
        "two bytes of length": lambda data, at: check_text_at.solution(
            data[: at + 2] + bytes(6) + data[at + 8 :], at
        ),
        "from the start": lambda data, at: check_text_at.solution(data, 0),
        "place from at": lambda data, at: (
            check_text_at.solution(data, at)[0],
            8 + length(data, at),
        ),
        "place of the text": lambda data, at: (check_text_at.solution(data, at)[0], at + 8),
        "size in place of the place": lambda data, at: (
            check_text_at.solution(data, at)[0],
            length(data, at),
        ),
        "characters": by_characters,
        "bytes": lambda data, at: (
            data[at + 8 : at + 8 + length(data, at)],
            at + 8 + length(data, at),
        ),
        "highest byte first": lambda data, at: (
            data[at + 8 : at + 8 + length(data, at, "big")].decode(),
            at + 8 + length(data, at, "big"),
        ),
        "no empty text": lambda data, at: check_text_at.solution(
            data, at if length(data, at) else at + 8
        ),
    },
    "check_offsets": {
        "nothing": lambda sizes, alignment: [0 for _ in sizes],
        "no padding": lambda sizes, alignment: check_offsets.solution(sizes, 1),
        "ends": lambda sizes, alignment: [*check_offsets.solution([*sizes, 0], alignment)[1:]],
        "rounded down": lambda sizes, alignment: rounded(sizes, alignment, lambda n, a: n // a * a),
        "always one more": lambda sizes, alignment: rounded(
            sizes, alignment, lambda n, a: (n // a + 1) * a
        ),
        "padding added": lambda sizes, alignment: rounded(sizes, alignment, lambda n, a: n + a),
        "always 32": lambda sizes, alignment: check_offsets.solution(sizes, 32),
        "rest added": lambda sizes, alignment: rounded(sizes, alignment, lambda n, a: n + n % a),
        "the end too": lambda sizes, alignment: check_offsets.solution([*sizes, 0], alignment),
        "0 always": lambda sizes, alignment: check_offsets.solution(sizes, alignment) or [0],
    },
    "check_to_halves": {
        "nothing": lambda rows, n_heads: list(rows),
        "across heads": lambda rows, n_heads: [*rows[::2], *rows[1::2]],
        "the other way": lambda rows, n_heads: by_halves(
            rows,
            n_heads,
            lambda h: [h[i + f] for i in range(len(h) // 2) for f in (0, len(h) // 2)],
        ),
        "seconds first": lambda rows, n_heads: by_halves(
            rows, n_heads, lambda h: [*h[1::2], *h[::2]]
        ),
        "halves exchanged": lambda rows, n_heads: by_halves(
            rows, n_heads, lambda h: [*h[len(h) // 2 :], *h[: len(h) // 2]]
        ),
        "first head only": lambda rows, n_heads: [
            *by_halves(rows[: len(rows) // n_heads], 1, lambda h: [*h[::2], *h[1::2]]),
            *rows[len(rows) // n_heads :],
        ],
        "width for heads": lambda rows, n_heads: by_halves(
            rows, len(rows) // n_heads, lambda h: [*h[::2], *h[1::2]]
        ),
    },
    "check_misplaced": {
        "nothing": lambda places, n_bytes: [],
        "all": lambda places, n_bytes: list(places),
        "begins beyond": lambda places, n_bytes: [
            name for name, (offset, _) in places.items() if offset >= n_bytes
        ],
        "beyond only": beyond,
        "overlaps only": lambda places, n_bytes: check_misplaced.solution(places, 10**6),
        "as listed": lambda places, n_bytes: against_the_last(places, n_bytes, ordered=False),
        "against the last": against_the_last,
        "past the misplaced": past_the_misplaced,
        "edges touch": lambda places, n_bytes: against_the_last(places, n_bytes, edge=1),
        "end not allowed": lambda places, n_bytes: check_misplaced.solution(places, n_bytes - 1),
        "names in order": lambda places, n_bytes: sorted(
            check_misplaced.solution(places, n_bytes), reverse=True
        ),
        "listed order": lambda places, n_bytes: [
            name for name in places if name in check_misplaced.solution(places, n_bytes)
        ],
    },
}

FOUND_BY = {
    ("check_text_at", "all that is left"): "others may follow",
    ("check_text_at", "from the start"): "begin at the place",
    ("check_text_at", "place from at"): "begin at the place",
    ("check_text_at", "characters"): "bytes, not characters",
    ("check_text_at", "one byte of length"): "more than 255",
    ("check_text_at", "two bytes of length"): "more than 255",
    ("check_text_at", "no empty text"): "empty",
    ("check_offsets", "no padding"): "the next one 64",
    ("check_offsets", "always one more"): "where the first ends",
    ("check_offsets", "always 32"): "need not be 32",
    ("check_offsets", "0 always"): "no places",
    ("check_to_halves", "across heads"): "stays where it is",
    ("check_misplaced", "begins beyond"): "ends beyond",
    ("check_misplaced", "beyond only"): "before a has ended",
    ("check_misplaced", "as listed"): "another order",
    ("check_misplaced", "against the last"): "inside a",
    ("check_misplaced", "past the misplaced"): "before b has ended",
    ("check_misplaced", "edges touch"): "all is well",
    ("check_misplaced", "listed order"): "order of the offsets",
}
