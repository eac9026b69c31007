"""Second computations for the questions on the chapter `generation`: plain Python."""

import math


def warm_probability(values):
    return 1 / (1 + math.exp((values["b"] - values["a"]) / values["temperature"]))


def nucleus_size(values):
    total, kept = 0, 0
    for one in sorted(values["probs"], reverse=True):
        if total >= round(100 * values["p"]):
            break
        total, kept = total + round(100 * one), kept + 1
    return kept


def positions_computed(values):
    n, start = values["n"], values["start"]
    return n * start + n * (n - 1) // 2


def cache_size(values):
    numbers = values["n_layers"] * values["n_kv_heads"] * values["d_head"]
    return 2 * numbers * values["n_positions"]


def acceptance(values):
    return sum(min(a, b) for a, b in zip(values["p"], values["q"], strict=True))


def penalised_logit(values):
    return values["logit"] * values["penalty"]


def shape_of_padded(values):
    return 3, max(values["a"], values["b"], values["c"])


def shape_of_probs(values):
    return values["batch"], values["vocab_size"]


def shape_of_drawn(values):
    return values["batch"], values["n"]
