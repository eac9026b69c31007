"""Wrong answers to the exercises of the chapter `evaluation`."""

import math

import numpy as np

from lessons_lib.classroom.practice.evaluation import check_cluster_error, check_upset_chance


def flat(groups):
    return [value for group in groups for value in group]


def chances(p, n):
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def upset(p_a, p_b, n, first=0):
    a, b = chances(p_a, n), chances(p_b, n)
    return sum(b[k] * sum(a[: k + first]) for k in range(n + 1))


def warm(log_probs, answers, temperatures, apply=np.divide, normal=True, best=np.argmin):
    losses = []
    for temperature in temperatures:
        rows = apply(log_probs, temperature)
        if normal:
            rows = rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)
        losses.append(-rows[np.arange(len(answers)), answers].mean())
    return temperatures[int(best(losses))]


WRONG = {
    "check_cluster_error": {
        "nothing": lambda groups: 0.0,
        "as if there were no groups": lambda groups: check_cluster_error.solution(
            [[value] for value in flat(groups)]
        ),
        "squared before the sum": lambda groups: (
            math.sqrt(sum((v - np.mean(flat(groups))) ** 2 for v in flat(groups)))
            / len(flat(groups))
        ),
        "number of groups": lambda groups: (
            check_cluster_error.solution(groups) * len(flat(groups)) / len(groups)
        ),
        "no root": lambda groups: check_cluster_error.solution(groups) ** 2 * len(flat(groups)),
        "mean of the means": lambda groups: (
            math.sqrt(
                sum(
                    sum(v - np.mean([np.mean(g) for g in groups]) for v in group) ** 2
                    for group in groups
                )
            )
            / len(flat(groups))
        ),
        "each group by its own mean": lambda groups: math.sqrt(
            sum(sum(v - np.mean(group) for v in group) ** 2 for group in groups)
        ),
    },
    "check_upset_chance": {
        "ties too": lambda *given: upset(*given, first=1),
        "A wins": lambda p_a, p_b, n: upset(p_b, p_a, n),
        "never": lambda *_: 0.0,
        "a coin": lambda *_: 0.5,
        "one question": lambda p_a, p_b, n: (1 - p_a) * p_b,
        "every question": lambda p_a, p_b, n: ((1 - p_a) * p_b) ** n,
        "ties by half": lambda *given: (upset(*given) + upset(*given, first=1)) / 2,
        "only what is likely": lambda p_a, p_b, n: check_upset_chance.solution(p_a, p_b, min(n, 2)),
    },
    "check_best_temperature": {
        "always 1": lambda *_: 1.0,
        "the highest": lambda log_probs, answers, temperatures: max(temperatures),
        "the first": lambda log_probs, answers, temperatures: temperatures[0],
        "multiplied": lambda *given: warm(*given, apply=np.multiply),
        "not normalised": lambda *given: warm(*given, normal=False),
        "upside down": lambda *given: warm(*given, best=np.argmax),
        "the answers ignored": lambda log_probs, answers, temperatures: warm(
            log_probs, [0] * len(answers), temperatures
        ),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_cluster_error", "nothing"): "groups of one",
    ("check_cluster_error", "as if there were no groups"): "added first",
    ("check_cluster_error", "squared before the sum"): "added first",
    ("check_cluster_error", "mean of the means"): "over all questions",
    ("check_upset_chance", "A wins"): "one question",
    ("check_upset_chance", "ties too"): "one question",
    ("check_upset_chance", "one question"): "a tie is no win",
    ("check_upset_chance", "only what is likely"): "comb(n, k)",
    ("check_best_temperature", "always 1"): "once in three",
    ("check_best_temperature", "the highest"): "a lower temperature",
    ("check_best_temperature", "multiplied"): "once in three",
}
