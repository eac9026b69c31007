"""Second computations of the numeric and shape questions of the chapter `block`."""

import math
import statistics


def same_position(values):
    return values["d"] // 2


def position_product(values):
    distance = values["s"] - values["t"]
    return round(math.cos(distance) + math.cos(distance / 100), 5)


def positions_shape(values):
    return values["t"], values["d"]


def inner_shape(values):
    return values["b"], values["t"], 4 * values["d"]


def up_shape(values):
    return values["f"], values["d"]


def norm_by_number(values):
    vector = values["vector"]
    return (vector[-1] - statistics.fmean(vector)) / statistics.pstdev(vector)


def block_count(values):
    d, f = values["d"], values["f"]
    return 4 * (d + 1) * d + (d + 1) * f + (f + 1) * d + 4 * d


def block_operations(values):
    d, t = values["d"], values["t"]
    return 24 * t * d * d + 4 * t * t * d


def equal_length(values):
    return 6 * values["d"]
