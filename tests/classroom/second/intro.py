"""Second computations of the numeric questions of the chapter `intro`."""

import math


def probability_by_hand(values):
    return values["b"] / (values["a"] + values["b"] + values["c"])


def count_overlaps(values):
    return sum(values["text"][i : i + 3] == "aaa" for i in range(len(values["text"])))


def pick_place(values):
    row = "a" * values["a"] + "b" * values["b"] + "c" * values["c"]
    return row[: values["place"] + 1].count("b")


def random_place(values):
    return values["total"] * values["percent"] // 100


def surprise_power(values):
    return values["n"].bit_length() - 1


def surprise_sum(values):
    return -math.log2(math.prod(p or 0.001 for p in values["probs"]))


def training_operations(values):
    return 6 * values["params"] * 1e6 * values["tokens"] * 1e6 / 1e15
