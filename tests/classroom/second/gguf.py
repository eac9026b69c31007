"""Second computations for the chapter `gguf`, in plain Python and NumPy."""

import numpy as np


def little_number(values):
    return sum(int(byte, 16) * 256**i for i, byte in enumerate(values["shown"].split()))


def dims_written(values):
    return np.zeros((values["rows"], values["columns"])).T.shape


def bytes_of_text(values):
    return 8 + sum(1 + (character > "\x7f") for character in values["text"])


def bytes_of_list(values):
    return 16 + np.zeros(values["n"], np.int32).nbytes


def third_place(values):
    place = 0
    for size in (values["first"], values["second"]):
        place += size
        while place % 32:
            place += 1
    return place


def padding_bytes(values):
    return -values["end"] % 32


def window_shape(values):
    return values["rows"], values["columns"] * values["n_bytes"] // values["size"]


def row_moves(values):
    return list(np.arange(values["width"]).reshape(2, -1).T.ravel()).index(values["row"])
