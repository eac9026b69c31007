"""Wrong answers to the exercises of the chapter `block`."""

import math

import numpy as np


def normalised(x, eps, axis=-1, ddof=0):
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, ddof=ddof, keepdims=True)
    with np.errstate(all="ignore"):
        return (x - mean) / np.sqrt(variance + eps)


def eps_outside(x, eps):
    with np.errstate(all="ignore"):
        return (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + eps)


def by_variance(x, eps):
    return (x - x.mean(-1, keepdims=True)) / (x.var(-1, keepdims=True) + eps)


def by_root_mean_square(x, eps):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps)


def no_eps(x, eps):
    return normalised(x, 0.0)


def phi(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def tanh_form(x):
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def parameters(d, f, bias, tables=4, biases=5, norms=4):
    return tables * d**2 + 2 * d * f + (biases * d + f) * bias + norms * d


def products(n, d, start=1, other=0, hands=None):
    """Return the dot products of position `other` with each position from `start` on."""
    speeds = 10000.0 ** (-np.arange(0, d, 2) / d)[:hands]
    return np.cos((np.arange(start, n) - other)[:, None] * speeds).sum(axis=1)


WRONG = {
    "check_layer_norm": {
        "shift only": lambda x, eps: x - x.mean(-1, keepdims=True),
        "scale only": by_root_mean_square,
        "by the variance": by_variance,
        "by D - 1": lambda x, eps: normalised(x, eps, ddof=1),
        "eps outside": eps_outside,
        "no eps": no_eps,
        "all vectors together": lambda x, eps: normalised(x, eps, axis=None),
        "first axis": lambda x, eps: normalised(x, eps, axis=0),
        "second axis": lambda x, eps: normalised(x, eps, axis=min(1, x.ndim - 1)),
        "no keepdims": lambda x, eps: (x - x.mean(-1)) / np.sqrt(x.var(-1) + eps),
        "zeros": lambda x, eps: np.zeros_like(x),
        "nothing": lambda x, eps: None,
    },
    "check_gelu_exact": {
        "tanh": tanh_form,
        "relu": lambda x: max(0.0, x),
        "probability alone": phi,
        "no root of 2": lambda x: x * 0.5 * (1 + math.erf(x)),
        "no half": lambda x: x * (1 + math.erf(x / math.sqrt(2))),
        "swish": lambda x: x / (1 + math.exp(-x)),
        "sigmoid form": lambda x: x / (1 + math.exp(-1.702 * x)),
        "even": lambda x: abs(x) * phi(x),
        "relu on the left": lambda x: x * phi(x) if x > 0 else 0.0,
        "error at zero": lambda x: x**2 * phi(x) / x,
        "by the density, far left": lambda x: x * phi(x) if x > -20 else x,
    },
    "check_block_parameters": {
        "only tables": lambda d, f, bias: 4 * d**2 + 2 * d * f,
        "F is 4 D": lambda d, f, bias: parameters(d, 4 * d, bias) - 6 * d**2,
        "always 4 D": lambda d, f, bias: parameters(d, 4 * d, bias),
        "ends where F is 1": lambda d, f, bias: 4 * d**2 + 2 * d + 4 * d,
        "three tables": lambda d, f, bias: parameters(d, f, bias, tables=3),
        "one norm": lambda d, f, bias: parameters(d, f, bias, norms=2),
        "always biases": lambda d, f, bias: parameters(d, f, True),
        "never biases": lambda d, f, bias: parameters(d, f, False),
        "no bias for F": lambda d, f, bias: parameters(d, f, bias) - f * bias,
        "no bias after F": lambda d, f, bias: parameters(d, f, bias, biases=4),
        "norms lose their bias": lambda d, f, bias: parameters(d, f, bias, norms=4 if bias else 2),
        "GPT-2 always": lambda d, f, bias: 7_087_872,
        "off by D far up": lambda d, f, bias: parameters(d, f, bias) + (d > 500),
    },
    "check_most_alike": {
        "itself": lambda n, d: products(n, d, start=0).argmax(),
        "off by one": lambda n, d: products(n, d).argmax(),
        "the least alike": lambda n, d: products(n, d).argmin() + 1,
        "size without sign": lambda n, d: abs(products(n, d)).argmax() + 1,
        "the product, not the place": lambda n, d: products(n, d).max(),
        "always the neighbour": lambda n, d: 1,
        "always the last": lambda n, d: n - 1,
        "without the last": lambda n, d: products(n - 1, d).argmax() + 1,
        "the first hand only": lambda n, d: products(n, d, hands=1).argmax() + 1,
        "the slowest hand only": lambda n, d: (
            np.cos(np.arange(1, n) * 10000.0 ** (2 / d - 1)).argmax() + 1
        ),
        "never the neighbour": lambda n, d: products(n, d, start=2).argmax() + 2,
        "the first hundred": lambda n, d: products(min(n, 100), d).argmax() + 1,
        "nothing": lambda n, d: None,
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_layer_norm", "by D - 1"): "not D - 1",
    ("check_layer_norm", "by the variance"): "root of the variance",
    ("check_layer_norm", "eps outside"): "before the root",
    ("check_layer_norm", "no eps"): "added to the variance",
    ("check_layer_norm", "all vectors together"): "each vector by itself",
    ("check_layer_norm", "first axis"): "each vector by itself",
    ("check_layer_norm", "no keepdims"): "each vector by itself",
    ("check_layer_norm", "second axis"): "any shape",
    ("check_gelu_exact", "probability alone"): "x times Phi",
    ("check_gelu_exact", "relu on the left"): "negative x",
    ("check_gelu_exact", "tanh"): "only near",
    ("check_gelu_exact", "error at zero"): "zero stays zero",
    ("check_gelu_exact", "by the density, far left"): "far to the left",
    ("check_block_parameters", "three tables"): "four tables",
    ("check_block_parameters", "one norm"): "each norm",
    ("check_block_parameters", "ends where F is 1"): "need not be 4 D",
    ("check_block_parameters", "never biases"): "biases: D for each",
    ("check_block_parameters", "no bias for F"): "biases: D for each",
    ("check_block_parameters", "no bias after F"): "biases: D for each",
    ("check_block_parameters", "off by D far up"): "7,087,872",
    ("check_most_alike", "itself"): "from 1 on",
    ("check_most_alike", "off by one"): "from 1 on",
    ("check_most_alike", "without the last"): "the last position",
    ("check_most_alike", "size without sign"): "with its sign",
    ("check_most_alike", "the first hand only"): "all hands",
    ("check_most_alike", "the first hundred"): "far ones too",
}
