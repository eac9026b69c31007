"""Wrong answers to the exercises of the chapter `tokens`."""

from collections import Counter
from itertools import pairwise

from lessons_lib.classroom.practice.tokens import check_print_stream
from lessons_lib.tokens import merge_pair


def best_of(counts):
    return min(counts, key=lambda pair: (-counts[pair], pair))


def weighted(words):
    counts = Counter()
    for ids, times in words.items():
        for pair in pairwise(ids):
            counts[pair] += times
    return counts


def without_overlap(words):
    counts = Counter()
    for ids, times in words.items():
        for pair in set(pairwise(ids)):
            counts[pair] += times * (len(ids) - len(merge_pair(ids, pair, -1)))
    return best_of(counts)


def merged(word, merges, order=None):
    ids = list(word)
    for i in order or range(len(merges)):
        ids = merge_pair(ids, merges[i], 256 + i)
    return ids


def first_place_only(word, merges):
    ids = list(word)
    for i, pair in enumerate(merges):
        for at in range(len(ids) - 1):
            if (ids[at], ids[at + 1]) == pair:
                ids[at : at + 2] = [256 + i]
                break
    return ids


def leftmost_first(word, merges):
    ids, at = list(word), 0
    while at < len(ids) - 1:
        pair = (ids[at], ids[at + 1])
        if pair in merges:
            ids[at : at + 2] = [256 + merges.index(pair)]
            at = 0
        else:
            at += 1
    return ids


def from_the_right(word, merges):
    ids = list(word)
    for i, (left, right) in enumerate(merges):
        ids = merge_pair(ids[::-1], (right, left), 256 + i)[::-1]
    return ids


def stops_early(word, merges):
    ids = list(word)
    for i, pair in enumerate(merges):
        shorter = merge_pair(ids, pair, 256 + i)
        if len(shorter) == len(ids):
            break
        ids = shorter
    return ids


def drops_the_tail(pieces):
    texts = check_print_stream.solution(pieces)
    return [*texts[:-1], ""]


def sign_per_byte(pieces):
    texts, held = [], b""
    for piece in [*pieces, b""]:
        held += piece
        try:
            text, held = held.decode(), b""
        except UnicodeDecodeError as error:
            text, held = held[: error.start].decode(), held[error.start :]
            if error.reason != "unexpected end of data":
                text, held = text + "".join(chr(b) if b < 128 else "\ufffd" for b in held), b""
        texts.append(text)
    return [*texts[:-1], texts[-1] + "\ufffd" * len(held)]


WRONG = {
    "check_bytes_per_token": {
        "characters for bytes": lambda text, ids: len(text) / len(ids),
        "upside down": lambda text, ids: len(ids) / len(text.encode()),
        "whole numbers": lambda text, ids: len(text.encode()) // len(ids),
        "distinct tokens": lambda text, ids: len(text.encode()) / len(set(ids)),
        "nothing": lambda text, ids: None,
        "rounded": lambda text, ids: round(len(text.encode()) / len(ids), 2),
        "zero": lambda text, ids: 0.0,
    },
    "check_best_pair": {
        "forgets how often a word occurs": lambda words: best_of(
            Counter(pair for ids in words for pair in pairwise(ids))
        ),
        "first seen wins a tie": lambda words: weighted(words).most_common(1)[0][0],
        "largest wins a tie": lambda words: max(
            weighted(words), key=lambda pair: (weighted(words)[pair], pair)
        ),
        "crosses words": lambda words: best_of(
            Counter(pairwise([i for ids, times in words.items() for i in ids * times]))
        ),
        "no overlap": without_overlap,
        "bytes only": lambda words: best_of(
            {pair: n for pair, n in weighted(words).items() if max(pair) < 256}
        ),
        "count, not pair": lambda words: max(weighted(words).values()),
    },
    "check_apply_merges": {
        "first place only": first_place_only,
        "leftmost first": leftmost_first,
        "last learned first": lambda word, merges: merged(
            word, merges, list(reversed(range(len(merges))))
        ),
        "from the right": from_the_right,
        "stops at a pair that is not there": stops_early,
        "numbers from 255": lambda word, merges: [
            i - 1 if i > 255 else i for i in merged(word, merges)
        ],
        "no merge": lambda word, merges: list(word),
        "characters": lambda word, merges: merged([ord(c) for c in word.decode()], merges),
        "empty word fails": lambda word, merges: merged(word, merges) if word[0] else [],
    },
    "check_print_stream": {
        "each piece alone": lambda pieces: [p.decode(errors="replace") for p in pieces] + [""],
        "all at the end": lambda pieces: (
            [""] * len(pieces) + [b"".join(pieces).decode("utf-8", "replace")]
        ),
        "broken bytes ignored": lambda pieces: [p.decode(errors="ignore") for p in pieces] + [""],
        "strict": lambda pieces: [b"".join(pieces).decode()],
        "drops the tail": drops_the_tail,
        "one sign per broken byte": sign_per_byte,
        "no last text": lambda pieces: check_print_stream.solution(pieces)[:-1],
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_bytes_per_token", "characters for bytes"): "not characters",
    ("check_bytes_per_token", "whole numbers"): "keep the fraction",
    ("check_bytes_per_token", "distinct tokens"): "repeated ones",
    ("check_best_pair", "forgets how often a word occurs"): "4 times",
    ("check_best_pair", "crosses words"): "no pair crosses",
    ("check_best_pair", "first seen wins a tie"): "equally frequent",
    ("check_best_pair", "largest wins a tie"): "equally frequent",
    ("check_best_pair", "no overlap"): "overlap",
    ("check_best_pair", "bytes only"): "larger than 255",
    ("check_apply_merges", "first place only"): "not only the first",
    ("check_apply_merges", "leftmost first"): "have an order",
    ("check_apply_merges", "last learned first"): "have an order",
    ("check_apply_merges", "from the right"): "left to right",
    ("check_apply_merges", "stops at a pair that is not there"): "passed over",
    ("check_apply_merges", "empty word fails"): "empty word",
    ("check_print_stream", "each piece alone"): "hold back",
    ("check_print_stream", "all at the end"): "at once",
    ("check_print_stream", "drops the tail"): "at the end",
    ("check_print_stream", "one sign per broken byte"): "new character",
}
