"""Wrong answers to the exercises of the chapter `intro`."""

import math
import re
from collections import Counter

from lessons_lib.classroom.practice.intro import check_count_next
from lessons_lib.intro import next_char_probs


def stepping_over(text, context):
    counts, start = Counter(), text.find(context)
    while 0 <= start < len(text) - len(context):
        counts[text[start + len(context)]] += 1
        start = text.find(context, start + max(1, len(context)))
    return dict(counts)


def cheapest(cost, lengths):
    costs = {length: cost(length) for length in lengths}
    return min(costs, key=costs.get)


def probabilities(text, new, length, shift=0):
    """The probability of each character of `new`, 0 where it has none."""
    places = range(len(new))
    return [next_char_probs(text, new[: i + shift], length).get(new[i], 0.0) for i in places]


def surprises(probs, least=0.001):
    return sum(-math.log2(max(p, least)) if max(p, least) else math.inf for p in probs)


def hits(text, new, length):
    guesses = (next(iter(next_char_probs(text, new[:i], length))) for i in range(len(new)))
    return sum(guess == character for guess, character in zip(guesses, new, strict=True))


WRONG = {
    "check_best_look_back": {
        "the longest": lambda text, new, lengths: max(lengths),
        "the shortest": lambda text, new, lengths: min(lengths),
        "the most surprised": lambda text, new, lengths: cheapest(
            lambda length: -surprises(probabilities(text, new, length)), sorted(lengths)
        ),
        "the most hits": lambda text, new, lengths: cheapest(
            lambda length: -hits(text, new, length), sorted(lengths)
        ),
        "the largest sum of probabilities": lambda text, new, lengths: cheapest(
            lambda length: -sum(probabilities(text, new, length)), sorted(lengths)
        ),
        "missing ones infinite": lambda text, new, lengths: cheapest(
            lambda length: surprises(probabilities(text, new, length), 0.0), sorted(lengths)
        ),
        "missing ones left out": lambda text, new, lengths: cheapest(
            lambda length: surprises(filter(None, probabilities(text, new, length))),
            sorted(lengths),
        ),
        "judged on what was read": lambda text, new, lengths: cheapest(
            lambda length: surprises(probabilities(text, text, length)), sorted(lengths)
        ),
        "the first of equals": lambda text, new, lengths: cheapest(
            lambda length: surprises(probabilities(text, new, length)), lengths
        ),
        "sees the character itself": lambda text, new, lengths: cheapest(
            lambda length: surprises(probabilities(text, new, length, shift=1)), sorted(lengths)
        ),
    },
    "check_count_next": {
        "nothing": lambda text, context: {},
        "only once each": lambda text, context: dict.fromkeys(
            check_count_next.solution(text, context), 1
        ),
        "no overlap": stepping_over,
        "splits": lambda text, context: dict(Counter(p[:1] for p in text.split(context)[1:])),
        "counts the end": lambda text, context: dict(
            Counter(
                text[i + len(context) :][:1]
                for i in range(len(text))
                if text.startswith(context, i)
            )
        ),
        "a pattern, not a text": lambda text, context: dict(
            Counter(re.findall(f"(?={context}(.))", text))
        ),
        "the character before": lambda text, context: dict(
            Counter(text[i - 1] for i in range(1, len(text)) if text.startswith(context, i))
        ),
    },
    "check_most_likely": {
        "the count": lambda counts: max(counts.values()),
        "first seen": lambda counts: max(counts, key=counts.get),
        "capitals as small letters": lambda counts: min(
            counts, key=lambda c: (-counts[c], c.lower())
        ),
        "last in order": lambda counts: max(counts, key=lambda c: (counts[c], c)),
        "first in order": min,
        "least frequent": lambda counts: min(counts, key=counts.get),
    },
    "check_surprise": {
        "natural logarithm": lambda probs, c: -math.log(probs[c]) if probs.get(c) else math.inf,
        "sign": lambda probs, c: math.log2(probs[c]) if probs.get(c) else math.inf,
        "fails where missing": lambda probs, c: -math.log2(probs[c]) if probs[c] else math.inf,
        "fails at zero": lambda probs, c: -math.log2(probs[c]) if c in probs else math.inf,
        "zero for missing": lambda probs, c: -math.log2(probs[c]) if probs.get(c) else 0.0,
        "inverse": lambda probs, c: 1 / probs[c] if probs.get(c) else math.inf,
        "zeros": lambda probs, c: 0.0,
        "rounded": lambda probs, c: round(-math.log2(probs[c])) if probs.get(c) else math.inf,
        "no logarithm": lambda probs, c: probs[c] ** -0.5 if probs.get(c) else math.inf,
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_best_look_back", "judged on what was read"): "judge it by",
    ("check_best_look_back", "the most surprised"): "smallest sum",
    ("check_best_look_back", "missing ones left out"): "smallest sum",
    ("check_best_look_back", "the most hits"): "first guess",
    ("check_best_look_back", "the largest sum of probabilities"): "not the probabilities",
    ("check_best_look_back", "sees the character itself"): "without new[i]",
    ("check_best_look_back", "missing ones infinite"): "take 0.001",
    ("check_best_look_back", "the first of equals"): "the shorter one",
    ("check_count_next", "nothing"): "every place where",
    ("check_count_next", "only once each"): "several times",
    ("check_count_next", "no overlap"): "overlap",
    ("check_count_next", "counts the end"): "very end",
    ("check_count_next", "a pattern, not a text"): "a point is a point",
    ("check_most_likely", "the count"): "not its count",
    ("check_most_likely", "first seen"): "Unicode's order",
    ("check_most_likely", "last in order"): "Unicode's order",
    ("check_most_likely", "capitals as small letters"): "capitals",
    ("check_surprise", "natural logarithm"): "base 2",
    ("check_surprise", "sign"): "minus sign",
    ("check_surprise", "rounded"): "round",
    ("check_surprise", "fails where missing"): "not there",
    ("check_surprise", "fails at zero"): "logarithm of 0",
}
