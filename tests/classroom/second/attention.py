"""Second computations of the numeric and shape questions of the chapter `attention`."""

import math


def weight_by_hand(values):
    return 1 / (1 + values["others"] * math.exp(-values["score"]))


def plain_average(values):
    seen = values["values"][: values["t"] + 1]
    return sum(seen) / len(seen)


def spread_of_scores(values):
    return math.isqrt(values["width"])


def slope_by_hand(values):
    e = math.exp(values["difference"])
    return e / (1 + e) ** 2


def allowed_pairs(values):
    before = values["keys"] - values["queries"]
    return sum(before + t + 1 for t in range(values["queries"]))


def split_shape(values):
    return values["b"], values["h"], values["t"], values["d"] // values["h"]


def weights_shape(values):
    return values["b"], values["h"], values["t"], values["t"]


def keys_shape(values):
    return values["b"], values["g"], values["t"], values["d"] // values["h"]


def kv_cache_bytes(values):
    numbers = values["layers"] * values["kv_heads"] * values["d_head"] * values["tokens"]
    return 2 * numbers * values["n_bytes"]
