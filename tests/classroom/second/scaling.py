"""Second computations for the chapter `scaling`, in plain Python and NumPy."""

import math

import numpy as np


def training_cost(values):
    return 6 * values["billions"] * values["tokens"] / 1000


def devices_for_state(values):
    return -(-16 * values["billions"] // values["room"])


def cache_of_texts(values):
    shape = [values[k] for k in ("n_layers", "n_texts", "n_kv_heads", "n_tokens", "d_head")]
    return 2 * np.zeros(shape, np.float16).nbytes


def cache_shape(values):
    rows = values["n_layers"], values["n_texts"], values["n_tokens"]
    keys = np.zeros((*rows, values["n_heads"] * (values["d_model"] // values["n_heads"])))
    return keys.reshape(*rows, values["n_heads"], -1).swapaxes(2, 3).shape


def mfu_of_run(values):
    could = values["seconds"] * values["n_devices"] * values["peak"] / 1000
    return values["needed"] / could


def exponent_of_two(values):
    return math.log10(values["before"] / values["after"]) / math.log10(values["times"])


def twenty_tokens(values):
    return 20 * values["billions"]


def zero_two(values):
    return values["billions"] * (2 + 14 / values["n_devices"])


def cut_columns(values):
    down = np.zeros((values["d_ff"], values["d_model"]))
    return np.split(down, values["n_devices"], axis=0)[0].shape


def schedule_shape(values):
    p, m = values["n_stages"], values["n_micro"]
    return p, 2 * (m + p - 1)


def bubble_of(values):
    p, m = values["n_stages"], values["n_micro"]
    return 100 * (p - 1) / (m + p - 1)
