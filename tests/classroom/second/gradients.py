"""Second computations for the questions on the chapter `gradients`: no `lessons_lib`."""

import numpy as np
import torch


def _slope(function, x):
    x = torch.tensor(float(x), dtype=torch.float64, requires_grad=True)
    function(x).backward()
    return x.grad.item()


def slope_of_w(values):
    x, b, y = values["x"], values["b"], values["y"]
    return _slope(lambda w: (w * x + b - y) ** 2, values["w"])


def one_step(values):
    w, x, y = values["w"], values["x"], values["y"]
    return w - 0.01 * _slope(lambda w: (w * x - y) ** 2, w)


def two_paths(values):
    return values["b"] + 2 * values["a"]


def logit_slope(values):
    powers = np.exp(values["logits"])
    return powers[values["target"]] / powers.sum() - 1


def bias_slope(values):
    return sum(row[1] for row in values["arrived"])


def weight_slope(values):
    return (np.array(values["arrived"]).T @ np.array(values["x"]))[0, 0]


def shape_of_dw(values):
    return values["e"], values["d"]


def shape_of_fit(values):
    return values["a"], 1


def shape_of_table_slope(values):
    return values["vocab_size"], values["d_model"]
