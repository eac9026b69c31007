"""Wrong answers to the exercises of the chapter `security`."""

import math


def once(text, marks):
    for mark in marks:
        text = text.replace(mark, "")
    return text


def each_in_turn(text, marks):
    for mark in marks:
        while mark in text:
            text = text.replace(mark, "")
    return text


def ranked(scores, poisoned, n, key=lambda scores: lambda i: -scores[i], order=range):
    return sum(bool(poisoned[i]) for i in sorted(order(len(scores)), key=key(scores))[:n])


WRONG = {
    "check_without_roles": {
        "nothing": lambda text, _: text,
        "once": once,
        "one mark after the other": each_in_turn,
        "only the first of each": lambda text, marks: once(text.replace(marks[0], "", 1), []),
        "all signs of the marks": lambda text, marks: "".join(
            sign for sign in text if sign not in "<|>"
        ),
        "the words too": lambda text, marks: "" if any(m in text for m in marks) else text,
    },
    "check_attempts": {
        "nothing": lambda *_: 0,
        "chances added": lambda caught, chance: (
            math.inf if caught == 1 else math.ceil(chance / (1 - caught))
        ),
        "one too few": lambda caught, chance: (
            math.inf
            if caught == 1
            else 0
            if caught == 0
            else math.floor(math.log(1 - chance) / math.log(caught))
        ),
        "the mean number": lambda caught, _: math.inf if caught == 1 else 1 / (1 - caught),
        "no end at 1": lambda caught, chance: (
            1 if caught in (0, 1) else math.ceil(math.log(1 - chance) / math.log(caught) - 1e-9)
        ),
        "until all are caught": lambda caught, chance: (
            math.inf
            if caught == 1
            else 1
            if caught == 0
            else math.ceil(math.log(chance) / math.log(caught) - 1e-9)
        ),
    },
    "check_found_among": {
        "nothing": lambda *_: 0,
        "the lowest": lambda scores, poisoned, n: ranked(
            scores, poisoned, n, lambda scores: lambda i: scores[i]
        ),
        "the first ones": lambda scores, poisoned, n: sum(poisoned[:n]),
        "a share": lambda scores, poisoned, n: ranked(scores, poisoned, n) / max(1, n),
        "the later of equals": lambda scores, poisoned, n: ranked(
            scores, poisoned, n, order=lambda size: range(size - 1, -1, -1)
        ),
        "all of them": lambda scores, poisoned, n: sum(poisoned),
    },
}

FOUND_BY = {
    ("check_without_roles", "once"): "Look again",
    ("check_without_roles", "one mark after the other"): "when another one goes",
    ("check_attempts", "chances added"): "0.9 to the power n",
    ("check_attempts", "no end at 1"): "math.inf",
    ("check_found_among", "the later of equals"): "earlier text comes first",
}
