"""Second computations for the questions of the chapter `responsibility`."""

import math
from fractions import Fraction


def log_odds_apart(values):
    a, b = values["a"], values["b"]
    return math.log(b * (1 - a) / (a * (1 - b)))


def sharpened(values):
    rest = (1 - values["p"]) / values["others"]
    ratio = (rest / values["p"]) ** (1 / values["tau"])
    return 1 / (1 + values["others"] * ratio)


def price_of_belief(values):
    p, q = values["p"], values["q"]
    paid = -p * math.log(q) - (1 - p) * math.log(1 - q)
    return paid + p * math.log(p) + (1 - p) * math.log(1 - p)


def bits_of_a_rank(values):
    return math.log(values["n"], 2) - math.log(values["better"] + 1, 2)


def area_by_hand(values):
    pairs = [(a, b) for a in values["inside"] for b in values["outside"]]
    return sum(a > b for a, b in pairs) / len(pairs)


def z_of_a_text(values):
    return (4 * values["green"] - values["n"]) / math.sqrt(3 * values["n"])


def how_long_a_text(values):
    share, ratio = Fraction(str(values["share"])), Fraction(str(values["ratio"]))
    n = 1
    while (share - ratio) ** 2 * n < values["z"] ** 2 * ratio * (1 - ratio):
        n += 1
    return n


def probe_weights(values):
    return (values["d"] + 1,)


def points_of_a_roc(values):
    return 1 + len({*values["inside"], *values["outside"]}), 2


def sharpened_shares(values):
    return values["n"], values["k"]
