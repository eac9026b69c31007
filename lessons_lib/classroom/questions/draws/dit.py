"""Numbers for the questions of the chapter `dit`."""

import math
from functools import cache
from random import Random
from types import SimpleNamespace

import torch
from torch import Tensor

from lessons_lib.classroom.practice.dit import check_best_guess
from lessons_lib.dit import (
    DiTBlock,
    DiTConfig,
    euler_step,
    flow_time,
    guided,
    noisy,
    patchify,
    to_picture,
    to_velocity,
    unpatchify,
)


class _TwoAnswers:
    """Stand in for a model of one class that knows what to say with it and without."""

    config = SimpleNamespace(n_classes=1)

    def __init__(self, heard: float, unheard: float):
        self.said = torch.tensor([heard, unheard], dtype=torch.double)

    def check(self, *_: object) -> None:
        """Accept everything."""

    def __call__(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        return self.said[condition].view(-1, 1, 1, 1)


@cache
def _block(d: int) -> DiTBlock:
    """Return a block of this width."""
    return DiTBlock(DiTConfig(d_condition=128, d_model=d, n_heads=4, n_layers=1))


def _pixel(value: float) -> Tensor:
    """Return a picture of one pixel."""
    return torch.full((1, 1, 1, 1), value, dtype=torch.double)


def _time(t: float) -> Tensor:
    """Return a time as a batch of one."""
    return torch.tensor([t], dtype=torch.double)


def mix_one_pixel(rng: Random) -> dict[str, object]:
    """Return a pixel, its noise and a time, and the mixture."""
    x, noise = rng.choice([-1.0, 1.0]), rng.choice([-1.5, -0.7, -0.4, 0.4, 0.7, 1.5])
    t = rng.choice([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    return {
        "x": x,
        "noise": noise,
        "t": t,
        "answer": noisy(_pixel(x), _pixel(noise), _time(t)).item(),
        "decimals": 2,
        "wrong": [
            [
                t * x + (1 - t) * noise,
                "The shares are exchanged.",
                "Las partes están intercambiadas.",
            ],
            [x + t * noise, "The picture must shrink too.", "La imagen también debe encoger."],
        ],
    }


def step_back(rng: Random) -> dict[str, object]:
    """Return a mixture and a believed picture, and where a step ends."""
    t, s = rng.choice([(0.8, 0.6), (0.5, 0.4), (0.5, 0.2), (1.0, 0.75), (0.8, 0.4)])
    picture = rng.choice([-0.8, -0.6, 0.6, 0.8])
    z = round(picture + rng.choice([-1.2, -0.8, -0.4, 0.4, 0.8, 1.2]), 1)
    velocity = to_velocity(_pixel(picture), _pixel(z), _time(t), "picture")
    speed = (z - picture) / t
    return {
        "t": t,
        "s": s,
        "z": z,
        "picture": picture,
        "answer": euler_step(_pixel(z), velocity, t, s).item(),
        "decimals": 2,
        "tolerance": 0.006,
        "wrong": [
            [z - (s - t) * speed, "This goes to more noise.", "Así se va hacia más ruido."],
            [picture, "This believes the picture at once.", "Así se cree del todo la imagen."],
        ],
    }


def picture_from_noise(rng: Random) -> dict[str, object]:
    """Return a mixture and a named noise, and the picture that is meant."""
    t, noise = rng.choice([0.2, 0.4, 0.5, 0.6, 0.8]), rng.choice([-1.5, -0.5, 0.5, 1.5])
    z = rng.choice([-0.85, -0.35, 0.35, 0.85])
    found = to_picture(_pixel(noise), _pixel(z), _time(t), "noise").item()
    return {
        "t": t,
        "z": z,
        "noise": noise,
        "answer": found,
        "decimals": 2,
        "tolerance": 0.006,
        "wrong": [
            [z - t * noise, "Divide by 1 - t.", "Falta dividir entre 1 - t."],
            [(z + t * noise) / (1 - t), "Subtract the noise.", "El ruido se resta."],
        ],
    }


def guide_by_hand(rng: Random) -> dict[str, object]:
    """Return two answers and a guidance, and the prediction."""
    unheard = rng.choice([-0.3, -0.2, 0.1, 0.2])
    heard = round(unheard + rng.choice([-0.4, -0.2, 0.2, 0.3, 0.4]), 1)
    w = rng.choice([1.5, 2.0, 2.5, 3.0, 4.0])
    model, nowhere = _TwoAnswers(heard, unheard), torch.zeros(1, 1, 1, 1)
    found = guided(model, nowhere, torch.zeros(1), torch.tensor([0]), w)
    return {
        "heard": heard,
        "unheard": unheard,
        "w": w,
        "answer": found.item(),
        "decimals": 2,
        "wrong": [
            [
                heard + w * (heard - unheard),
                "The way begins at the answer without the caption.",
                "El camino empieza en la respuesta sin descripción.",
            ],
            [
                unheard - w * (heard - unheard),
                "The difference is turned round.",
                "La diferencia está al revés.",
            ],
        ],
    }


def same_hour(rng: Random) -> dict[str, object]:
    """Return what is left of a picture, and the time on the straight path."""
    left = rng.choice([0.04, 0.09, 0.16, 0.25, 0.36, 0.64, 0.7, 0.8, 0.9])
    return {
        "left": left,
        "answer": flow_time(torch.tensor(left, dtype=torch.double)).item(),
        "decimals": 2,
        "tolerance": 0.006,
        "wrong": [
            [1 - left, "The roots are missing.", "Faltan las raíces."],
            [
                math.sqrt(1 - left),
                "Divide by the sum of both amounts.",
                "Falta dividir entre la suma de las dos cantidades.",
            ],
        ],
    }


def best_guess(rng: Random) -> dict[str, object]:
    """Return a mixture of a pixel of -1 or 1 and a time, and the best answer."""
    t, z = rng.choice([0.6, 0.7, 0.8]), rng.choice([-0.6, -0.4, -0.3, 0.3, 0.4, 0.6])
    found = float(check_best_guess.solution(z, t, [-1.0, 1.0]))
    return {
        "t": t,
        "z": z,
        "answer": found,
        "decimals": 2,
        "wrong": [
            [math.copysign(1.0, z), "This is the nearest picture.", "Esta es la más cercana."],
            [math.tanh((1 - t) * z / t), "Divide by t squared.", "Se divide entre t al cuadrado."],
        ],
    }


def put_together(rng: Random) -> dict[str, object]:
    """Return patches, and the shape of the pictures that they make."""
    b, side = rng.randint(2, 8), rng.choice([3, 4, 6, 8])
    size, colours = rng.choice([2, 4, 8]), rng.choice([3, 4])
    p, n = side * side, size * size * colours
    return {
        "b": b,
        "p": p,
        "n": n,
        "size": size,
        "answer": tuple(unpatchify(torch.zeros(b, p, n), size).shape),
        "wrong": [
            [
                (b, side * size, side * size, colours),
                "The colours come before height and width.",
                "Los colores van antes del alto y el ancho.",
            ],
            [
                (b, colours, side, side),
                "Each patch has more than one pixel.",
                "Cada parche tiene más de un píxel.",
            ],
        ],
    }


def six_vectors(rng: Random) -> dict[str, object]:
    """Return the shape of a condition, and that of what a block makes of it."""
    b, d = rng.randint(2, 12), rng.choice([64, 96, 128])
    with torch.no_grad():
        found = _block(d).modulation(torch.zeros(b, d))
    return {
        "b": b,
        "d": d,
        "answer": tuple(found.shape),
        "wrong": [
            [
                (b, 3 * d),
                "Attention and the network have three vectors each.",
                "La atención y la red tienen tres vectores cada una.",
            ],
            [(6 * b, d), "The six stand side by side.", "Los seis van uno al lado de otro."],
        ],
    }


def words_and_patches(rng: Random) -> dict[str, object]:
    """Return the sizes of a batch, and the shape of what enters the blocks."""
    side, size = rng.choice([(32, 8), (32, 4), (24, 8), (48, 8), (64, 16)])
    b, n_words, d_model = rng.randint(2, 8), rng.randint(17, 24), rng.choice([96, 128, 192])
    cut = patchify(torch.zeros(b, 3, side, side), size)
    together = torch.cat(
        [torch.zeros(b, n_words, d_model), cut.new_zeros(*cut.shape[:2], d_model)], 1
    )
    n_patches = cut.shape[1]
    return {
        "b": b,
        "side": side,
        "size": size,
        "n_words": n_words,
        "d_model": d_model,
        "answer": tuple(together.shape),
        "wrong": [
            [
                (b, n_patches, d_model),
                "The words are positions too.",
                "Las palabras también son posiciones.",
            ],
            [
                (b, n_words + n_patches + 1, d_model),
                "There is no vector in front, as CLIP has.",
                "No hay un vector delante, como en CLIP.",
            ],
        ],
    }
