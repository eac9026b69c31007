"""Second computations for the questions on the chapter `training`: no `lessons_lib`."""

import math

import numpy as np


def gradient_of_target(values):
    powers = np.exp(values["logits"])
    return (powers[values["target"]] / powers.sum() - 1) / values["n"]


def two_sgd_steps(values):
    x, v = values["x"], 0.0
    for _ in range(2):
        v = 0.5 * v + values["a"] * x
        x -= 0.1 * v
    return x


def first_adamw_step(values):
    shrunk = values["x"] * (1 - 0.1 * values["decay"])
    return shrunk - 0.1 if values["g"] > 0 else shrunk + 0.1


def rate_at_step(values):
    return float(np.interp(values["percent"], [0, 20, 100], [0, 1, 0.02]))


def clipped_number(values):
    return values["a"] * values["longest"] / math.hypot(values["a"], values["b"])


def muon_overhead(values):
    return 100 * 5 * values["width"] / (values["rows"] * values["length"])


def shape_of_batch(values):
    return values["size"], values["length"] + 1


def shape_of_gradient(values):
    return values["n"], values["vocab_size"]


def shape_of_step(values):
    return values["rows"], values["columns"]
