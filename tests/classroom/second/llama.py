"""Second computations for the questions on the chapter `llama`: plain Python, no `lessons_lib`."""

import cmath
import math


def rms_of_vector(values):
    x = values["x"]
    return x[-1] * math.sqrt(len(x)) / math.hypot(*x)


def kv_cache_bytes(values):
    numbers = 2 * values["n_layers"] * values["n_kv_heads"] * values["d_head"]
    return numbers * values["n_tokens"] * 2


def count_llama(values):
    d, h, g, f = (values[name] for name in ("d_model", "n_heads", "n_kv_heads", "d_ff"))
    k = d // h
    maps = [d * h * k, d * g * k, d * g * k, h * k * d, d * f, d * f, f * d]
    return 2 * values["vocab_size"] * d + values["n_layers"] * (sum(maps) + 2 * d) + d


def wavelength(values):
    return math.exp(-2 * values["pair"] / values["d_head"] * math.log(10000))


def turned_vector(values):
    a, b = values["q"]
    return (complex(a, b) * cmath.exp(1j * values["position"])).real


def stretched_turn(values):
    keep = (values["turns"] - 1) / (4 - 1)
    return keep + (1 - keep) / 8


def shape_of_key_weight(values):
    return values["n_kv_heads"] * values["d_head"], values["d_model"]


def shape_of_turned_keys(values):
    return values["batch"], values["n_kv_heads"], values["n_tokens"], values["d_head"]


def shape_of_gate(values):
    return values["d_model"], values["d_ff"]
