"""Second computations for the chapter `evaluation`, in plain Python and NumPy."""

import itertools
import math

import numpy as np


def pick_by_length(values):
    return int(np.argmax(np.divide(values["sums"], values["lengths"])))


def score_shape(values):
    return np.zeros((values["n_models"], values["n"], values["n_choices"])).argmax(-1).shape


def nats_to_bits(values):
    return values["nats"] / math.log(2) / values["n_bytes"]


def standard_error(values):
    share = values["percent"] / 100
    return 100 * (share - share**2) ** 0.5 / values["n"] ** 0.5


def sign_coins(values):
    fewer, n = min(values["a"], values["b"]), values["differ"]
    falls = [sum(coins) for coins in itertools.product((0, 1), repeat=n)]
    return sum(min(k, n - k) <= fewer for k in falls) / 2**n


def how_many_questions(values):
    gap = values["gap"] / 100
    z = 1.959964 + 0.841621
    return math.ceil(z * z * (values["d"] / 100 - gap * gap) / gap**2)


def pair_table(values):
    right = np.zeros((values["n_models"], values["n"]), bool)
    return (right[:, None, :] & ~right[None, :, :]).shape


def ece_of_bins(values):
    parts = [values[f"n{i}"] * abs(values[f"c{i}"] - values[f"r{i}"] / 100) for i in (1, 2)]
    return sum(parts) / (values["n1"] + values["n2"])


def leaked_half(values):
    return values["leaked"] + (100 - values["leaked"]) * values["percent"] // 100


def pass_two(values):
    right = [i < values["c"] for i in range(values["n"])]
    pairs = list(itertools.combinations(right, 2))
    return sum(map(any, pairs)) / len(pairs)
