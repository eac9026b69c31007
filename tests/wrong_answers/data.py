"""Wrong answers to the exercises of the chapter `data`."""


def share(pieces, length=lambda text: len("".join(text.split()))):
    total = sum(length(text) for text, _ in pieces)
    return sum(length(text) for text, link in pieces if link) / max(1, total)


def threshold(similarities, copies, wrong=lambda s, t, c: (s >= t) != c, last=False):
    order = sorted(similarities, reverse=last)
    pairs = list(zip(similarities, copies, strict=True))
    return min(order, key=lambda t: sum(wrong(s, t, c) for s, c in pairs))


WRONG = {
    "check_link_share": {
        "nothing": lambda *_: 0.0,
        "spaces count": lambda pieces: share(pieces, len),
        "pieces in place of characters": lambda pieces: (
            sum(link for _, link in pieces) / max(1, len(pieces))
        ),
        "links against the rest": lambda pieces: (
            share(pieces) / (1 - share(pieces)) if share(pieces) < 1 else 1.0
        ),
        "the text that is no link": lambda pieces: 1 - share(pieces),
        "division by zero": lambda pieces: (
            sum(len("".join(t.split())) for t, link in pieces if link)
            / sum(len("".join(t.split())) for t, _ in pieces)
        ),
    },
    "check_containment": {
        "nothing": lambda *_: 0.0,
        "Jaccard": lambda part, whole: len(part & whole) / max(1, len(part | whole)),
        "the whole in place of the part": lambda part, whole: (
            len(part & whole) / max(1, len(whole))
        ),
        "the smaller of both": lambda part, whole: (
            len(part & whole) / max(1, min(len(part), len(whole)))
        ),
        "a number, no share": lambda part, whole: len(part & whole),
        "division by zero": lambda part, whole: len(part & whole) / len(part),
    },
    "check_rounds": {
        "nothing": lambda sizes, *_: [0.0 for _ in sizes],
        "tokens in place of rounds": lambda sizes, weights, n: [
            n * w / sum(weights) for w in weights
        ],
        "weights as they are": lambda sizes, weights, n: [
            n * w / s for s, w in zip(sizes, weights, strict=True)
        ],
        "the other way round": lambda sizes, weights, n: [
            s * sum(weights) / (n * w) if w else 0.0 for s, w in zip(sizes, weights, strict=True)
        ],
        "whole rounds": lambda sizes, weights, n: [
            float(n * w / sum(weights) // s) for s, w in zip(sizes, weights, strict=True)
        ],
        "all sources alike": lambda sizes, weights, n: [n / sum(sizes) for _ in sizes],
    },
    "check_best_threshold": {
        "the usual one": lambda *_: 0.8,
        "the largest of equals": lambda s, c: threshold(s, c, last=True),
        "above, not at": lambda s, c: threshold(s, c, lambda x, t, copy: (x > t) != copy),
        "copies missed alone": lambda s, c: threshold(s, c, lambda x, t, copy: copy and x < t),
        "false copies alone": lambda s, c: threshold(s, c, lambda x, t, copy: x >= t and not copy),
        "the smallest copy": lambda s, c: min(x for x, copy in zip(s, c, strict=True) if copy),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_link_share", "spaces count"): "count no spaces",
    ("check_link_share", "division by zero"): "divided by 0",
    ("check_containment", "the smaller of both"): "Divide by the part",
    ("check_rounds", "weights as they are"): "need not add up",
    ("check_best_threshold", "the largest of equals"): "Of equals",
}
