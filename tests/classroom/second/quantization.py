"""Second computations for the chapter `quantization`, in plain Python and NumPy."""

import math

import numpy as np


def value_of_bits(values):
    digits = int("1" + values["mantissa"], 2)
    size = digits * 2.0 ** (int(values["exponent"], 2) - values["bias"] - len(values["mantissa"]))
    return size * (-1) ** int(values["sign"])


def gap_to_next(values):
    return 1024 * 2 ** (math.frexp(values["x"])[1] - 1) // 2 ** values["bits"]


def absmax_level(values):
    steps = abs(values["x"]) * values["most"] / values["peak"]
    return int(math.copysign(math.floor(steps + 0.5), values["x"]))


def zero_point_level(values):
    steps = 15 * (values["x"] - values["low"]) / (values["high"] - values["low"])
    return math.floor(steps + 0.5)


def bits_each(values):
    return (values["size"] * values["bits"] + 8 * values["n_bytes"]) / values["size"]


def packed_shape(values):
    blocks = np.zeros((values["rows"], values["columns"])).reshape(
        values["rows"], -1, values["size"]
    )
    return np.zeros((*blocks.shape[:2], values["n_bytes"])).reshape(values["rows"], -1).shape


def scales_shape(values):
    blocks = np.ones((values["rows"], values["columns"])).reshape(-1, values["size"])
    return blocks.max(axis=1, keepdims=True).shape


def rmse_of(values):
    return float(np.linalg.norm(np.subtract(values["a"], values["b"]))) / 2


def tokens_a_second(values):
    return 8 * values["speed"] / values["billions"] / values["bits"]
