"""Wrong answers to the exercises of the chapter `generation`."""


def best(probs):
    return probs.index(max(probs))


def texts(reader, shared, endings, n_tokens, start, choose=best, more=lambda old, new: new):
    """Continue each ending; `start` says where from, `more` what is read next."""
    found = []
    for ending in endings:
        own, ids, text = *start(reader, shared, ending), []
        for _ in range(n_tokens):
            probs = own.read(ids)
            text.append(choose(probs))
            ids = more(ids, text[-1:])
        found.append(text)
    return found


def after_shared(reader, shared, ending):
    if not reader.n_read[0]:
        reader.read(shared)
    return reader.copy(), ending


def search(next_probs, n_beams, n_tokens, join=lambda p, q: p * q, keep=None, first=1.0):
    keep = keep or (lambda longer, step: sorted(longer, key=lambda b: -b[1])[:n_beams])
    beams = [([], first)]
    for step in range(n_tokens):
        longer = [
            ([*ids, i], join(p, q)) for ids, p in beams for i, q in enumerate(next_probs(ids))
        ]
        beams = keep(longer, step)
    return beams


def each_parents_best(next_probs, n_beams, n_tokens):
    def keep(longer, step):
        parents = {}
        for ids, p in sorted(longer, key=lambda b: -b[1]):
            parents.setdefault(tuple(ids[:-1]) if step else tuple(ids), (ids, p))
        return sorted(parents.values(), key=lambda b: -b[1])[:n_beams]

    return search(next_probs, n_beams, n_tokens, keep=keep)


def all_texts(next_probs, n_beams, n_tokens):
    found = search(next_probs, n_beams, n_tokens, keep=lambda longer, step: longer)
    return sorted(found, key=lambda b: -b[1])[:n_beams]


def mean(play, n, times=300):
    return sum(play(n) for _ in range(times)) / times


def choose(numbers, worth):
    numbers = list(numbers)
    worths = [worth(n) for n in numbers]
    return numbers[worths.index(max(worths))]


WRONG = {
    "check_continue_all": {
        "everything again": lambda reader, shared, endings, n: texts(
            reader,
            shared,
            endings,
            n,
            lambda r, s, e: (r.copy(), s + e),
            more=lambda old, new: old + new,
        ),
        "shared each time": lambda reader, shared, endings, n: texts(
            reader, shared, endings, n, lambda r, s, e: (r.copy(), s + e)
        ),
        "one cache for all": lambda reader, shared, endings, n: texts(
            reader,
            shared,
            endings,
            n,
            lambda r, s, e: (r, e) if r.n_read[0] else (r, s + e),
        ),
        "shared forgotten": lambda reader, shared, endings, n: texts(
            reader, shared, endings, n, lambda r, s, e: (r.copy(), e)
        ),
        "the ending forgotten": lambda reader, shared, endings, n: texts(
            reader, shared, endings, n, lambda r, s, e: (after_shared(r, s, e)[0], s[-1:])
        ),
        "least probable": lambda reader, shared, endings, n: texts(
            reader,
            shared,
            endings,
            n,
            after_shared,
            choose=lambda probs: probs.index(min(probs)),
        ),
        "with the endings": lambda reader, shared, endings, n: [
            ending + text
            for ending, text in zip(
                endings, texts(reader, shared, endings, n, after_shared), strict=True
            )
        ],
        "one too many": lambda reader, shared, endings, n: texts(
            reader, shared, endings, n + 1, after_shared
        ),
        "the first only": lambda reader, shared, endings, n: texts(
            reader, shared, endings[:1], n, after_shared
        ),
        "distinct endings": lambda reader, shared, endings, n: texts(
            reader, shared, sorted({tuple(e) for e in endings}), n, after_shared
        ),
        "at least one token": lambda reader, shared, endings, n: texts(
            reader, shared, endings, max(n, 1), after_shared
        ),
    },
    "check_held_back": {
        "nothing": lambda data: 0,
        "always one": lambda data: 1,
        "any high byte": lambda data: sum(byte >= 128 for byte in data[-3:]),
        "last byte only": lambda data: int(data[-1:] >= b"\xc0"),
        "two bytes always": lambda data: int(len(data) > 1 and data[-1] >= 192),
        "all or nothing": lambda data: 0 if data.decode(errors="replace").isprintable() else 4,
        "what is lost": lambda data: len(data) - len(data.decode(errors="ignore")),
        "one character short": lambda data: len(data) % 4,
        "no empty text": lambda data: (
            len(data) - len(data.decode(errors="ignore").encode()) if data[0] else 0
        ),
    },
    "check_beams": {
        "greedy": lambda next_probs, n_beams, n: search(next_probs, 1, n),
        "the best of each": each_parents_best,
        "all texts": all_texts,
        "the last probability": lambda next_probs, n_beams, n: search(
            next_probs, n_beams, n, join=lambda p, q: q
        ),
        "sums": lambda next_probs, n_beams, n: search(
            next_probs, n_beams, n, join=lambda p, q: p + q, first=0.0
        ),
        "the worst": lambda next_probs, n_beams, n: search(
            next_probs,
            n_beams,
            n,
            keep=lambda longer, step: sorted(longer, key=lambda b: b[1])[:n_beams],
        ),
        "first in order": lambda next_probs, n_beams, n: search(
            next_probs, n_beams, n, keep=lambda longer, step: longer[:n_beams]
        ),
        "texts only": lambda next_probs, n_beams, n: [
            ids for ids, _ in search(next_probs, n_beams, n)
        ],
        "one token more": lambda next_probs, n_beams, n: search(next_probs, n_beams, n + 1),
        "the best only": lambda next_probs, n_beams, n: search(next_probs, n_beams, n)[:1],
        "only as many as fit": lambda next_probs, n_beams, n: search(
            next_probs, min(n_beams, len(next_probs([]))), n
        ),
        "nothing without tokens": lambda next_probs, n_beams, n: (
            search(next_probs, n_beams, n) if n else []
        ),
    },
    "check_best_n_guesses": {
        "the most": lambda play, cost, most: most,
        "never": lambda play, cost, most: 0,
        "most tokens": lambda play, cost, most: choose(range(most + 1), lambda n: mean(play, n)),
        "at least one": lambda play, cost, most: choose(
            range(1, most + 1), lambda n: mean(play, n) / (1 + n * cost)
        ),
        "one round each": lambda play, cost, most: choose(
            range(most + 1), lambda n: play(n) / (1 + n * cost)
        ),
        "time subtracted": lambda play, cost, most: choose(
            range(most + 1), lambda n: mean(play, n) - n * cost
        ),
        "drafts only": lambda play, cost, most: choose(
            range(1, most + 1), lambda n: mean(play, n) / (n * cost)
        ),
        "the best pace": lambda play, cost, most: max(
            mean(play, n) / (1 + n * cost) for n in range(most + 1)
        ),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_continue_all", "everything again"): "not the whole text again",
    ("check_continue_all", "shared each time"): "read shared once",
    ("check_continue_all", "one cache for all"): "none may see",
    ("check_continue_all", "shared forgotten"): "read shared and then",
    ("check_continue_all", "distinct endings"): "equal endings",
    ("check_continue_all", "at least one token"): "empty list",
    ("check_held_back", "nothing"): "second byte is missing",
    ("check_held_back", "always one"): "hold back nothing",
    ("check_held_back", "any high byte"): "is whole",
    ("check_held_back", "last byte only"): "four bytes",
    ("check_held_back", "no empty text"): "no bytes",
    ("check_beams", "greedy"): "two best beginnings",
    ("check_beams", "the last probability"): "multiply",
    ("check_beams", "the best of each"): "same beginning",
    ("check_beams", "all texts"): "forgotten",
    ("check_beams", "only as many as fit"): "fewer texts than beams",
    ("check_beams", "nothing without tokens"): "one empty text",
    ("check_best_n_guesses", "at least one"): "try 0",
    ("check_best_n_guesses", "one round each"): "one round says little",
    ("check_best_n_guesses", "time subtracted"): "divided by the time",
}
