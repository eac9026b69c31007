"""Second computations for the questions of the chapter `clip`."""

import math

import numpy as np


def _surprise(row, own):
    return math.log(sum(math.exp(score - row[own]) for score in row))


def which_patch(values):
    per_row = values["image"] // values["size"]
    return values["row"] // values["size"] * per_row + values["column"] // values["size"]


def chance_loss(values):
    return math.log(values["n"])


def two_pairs(values):
    table = np.array(values["table"])
    return sum(_surprise(one[i], i) for one in (table, table.T) for i in range(2)) / 4


def least_loss(values):
    other = -values["tau"] / (values["n"] - 1)
    return _surprise([values["tau"]] + [other] * (values["n"] - 1), 0)


def recall_by_hand(values):
    places = [sorted(row, reverse=True).index(row[i]) for i, row in enumerate(values["table"])]
    return sum(place < values["k"] for place in places) / len(places)


def one_left_out(values):
    n = values["n"]
    return ((n - 1) * math.log(n) + math.log(n - 1)) / n


def patches_shape(values):
    side = values["image"] // values["size"]
    return values["m"], side**2, 3 * values["size"] ** 2


def positions_shape(values):
    return (values["image"] // values["size"]) ** 2 + 1, values["d_model"]


def scores_shape(values):
    return values["n"], values["m"]
