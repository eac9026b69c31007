"""Second computations for the chapter `security`, in plain Python."""

import unicodedata
from fractions import Fraction
from math import log


def obeyed_low(values):
    """Half-way search for the rate at which k of n lies 1.96 deviations above."""
    k, n = values["k"], values["n"]
    low, high = 0.0, k / n
    for _ in range(60):
        p = (low + high) / 2
        if (k / n - p) > 1.959963984540054 * (p * (1 - p) / n) ** 0.5:
            low = p
        else:
            high = p
    return low


def one_passes(values):
    passed, left = 0.0, 1.0
    for _ in range(values["n"]):
        passed += left * (1 - values["caught"])
        left *= values["caught"]
    return passed


def tries_needed(values):
    caught, chance = (Fraction(str(values[name])) for name in ("caught", "chance"))
    n = 0
    while 1 - caught**n < chance:
        n += 1
    return n


def letters_left(values):
    return sum(unicodedata.category(sign)[0] in "LN" for sign in values["text"])


def alarms_a_day(values):
    right = values["bad"] * values["caught"]
    return right / (right + (values["n"] - values["bad"]) * values["false"])


def share_planted(values):
    return 100 / (values["n"] / values["bad"] + 1)


def surprise_of_pair(values):
    return log(values["before"] + 0.1 * values["words"]) - log(values["pair"] + 0.1)


def times_seen(values):
    return values["bad"] * (values["steps"] * values["batch"] / values["n"])
