"""Second computations for the questions of the chapter `dit`."""

import math


def mix_one_pixel(values):
    return values["x"] + values["t"] * (values["noise"] - values["x"])


def step_back(values):
    t, s, z, picture = (values[name] for name in ("t", "s", "z", "picture"))
    noise = (z - (1 - t) * picture) / t
    return (1 - s) * picture + s * noise


def picture_from_noise(values):
    return (values["z"] - values["t"] * values["noise"]) / (1 - values["t"])


def guide_by_hand(values):
    return values["w"] * values["heard"] + (1 - values["w"]) * values["unheard"]


def same_hour(values):
    return 1 / (1 + math.sqrt(values["left"] / (1 - values["left"])))


def best_guess(values):
    t, z = values["t"], values["z"]
    up, down = (math.exp(-((z - (1 - t) * x) ** 2) / (2 * t**2)) for x in (1, -1))
    return (up - down) / (up + down)


def put_together(values):
    side = math.isqrt(values["p"]) * values["size"]
    return values["b"], values["n"] // values["size"] ** 2, side, side


def six_vectors(values):
    return values["b"], 6 * values["d"]


def words_and_patches(values):
    n_patches = (values["side"] // values["size"]) ** 2
    return values["b"], values["n_words"] + n_patches, values["d_model"]
