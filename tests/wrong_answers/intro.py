"""Wrong answers to the exercises of the chapter `intro`."""

import math
import re
from collections import Counter

from lessons_lib.classroom.practice.intro import check_count_next


def stepping_over(text, context):
    counts, start = Counter(), text.find(context)
    while 0 <= start < len(text) - len(context):
        counts[text[start + len(context)]] += 1
        start = text.find(context, start + max(1, len(context)))
    return dict(counts)


WRONG = {
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
