"""Second computations for the chapter `fine_tuning`, in plain Python and NumPy."""

import numpy as np


def chat_length(values):
    return 1 + values["turns"] * (3 + values["q"] + values["a"])


def counted_tokens(values):
    return values["turns"] * (values["a"] + 1)


def seen_pairs(values):
    text = np.tril(np.ones((values["n"], values["n"]), int))
    return int(np.kron(np.eye(values["n_texts"], dtype=int), text).sum())


def mask_shape(values):
    return values["batch"], 1, values["length"], values["length"]


def rows_needed(values):
    room = []
    for n in values["lengths"]:
        place = next((i for i, left in enumerate(room) if left >= n), len(room))
        if place == len(room):
            room.append(values["room"])
        room[place] -= n
    return len(room)


def lora_numbers(values):
    return values["rank"] * (values["n_in"] + values["n_out"])


def shape_of_b(values):
    return np.zeros((values["n_out"], values["n_in"]))[:, : values["rank"]].shape


def train_memory(values):
    return 4 * values["all"] + 12 * values["learning"]


def lora_by_hand(values):
    inner = np.dot(values["a"], values["x"])
    return int(values["wx"] + values["scale"] * values["b"] * inner)
