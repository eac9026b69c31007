"""Numbers for the numeric and shape questions of the chapter `block`."""

import math
from random import Random

import torch

from lessons_lib.block import FeedForward, LayerNorm, block_flops, sinusoidal_positions
from lessons_lib.classroom.practice.block import check_block_parameters

__all__ = [
    "block_count",
    "block_operations",
    "equal_length",
    "inner_shape",
    "norm_by_number",
    "position_product",
    "positions_shape",
    "same_position",
    "up_shape",
]


def same_position(rng: Random) -> dict[str, object]:
    """Draw the width of position vectors."""
    d = rng.choice([16, 32, 64, 96, 128, 256])
    vector = sinusoidal_positions(8, d)[7].double()
    return {
        "d": d,
        "answer": round((vector @ vector).item()),
        "wrong": [
            [
                d,
                "A hand takes two places, a sine and a cosine.",
                "Una manecilla ocupa dos lugares: un seno y un coseno.",
            ],
            [1, "Each hand gives 1; there are several.", "Cada manecilla da 1; hay varias."],
        ],
    }


def position_product(rng: Random) -> dict[str, object]:
    """Draw two positions."""
    t = rng.randint(3, 30)
    distance = rng.randint(2, 9)
    rows = sinusoidal_positions(t + distance + 1, 4).double()
    return {
        "t": t,
        "s": t + distance,
        "answer": round((rows[t] @ rows[t + distance]).item(), 5),
        "decimals": 2,
        "wrong": [
            [
                2.0,
                "That is the product of a position with itself.",
                "Ese es el producto de una posición consigo misma.",
            ],
            [
                math.cos(distance),
                "The slow hand is missing: it gives almost 1.",
                "Falta la manecilla lenta: da casi 1.",
            ],
        ],
    }


def positions_shape(rng: Random) -> dict[str, object]:
    """Draw the sizes of a batch."""
    b, t, d = rng.randint(2, 5), rng.randint(6, 20), rng.choice([32, 48, 64])
    return {
        "b": b,
        "t": t,
        "d": d,
        "answer": tuple(sinusoidal_positions(t, d).shape),
        "wrong": [
            [
                (t, d // 2),
                "Each of the D / 2 hands takes two places.",
                "Cada una de las D / 2 manecillas ocupa dos lugares.",
            ],
            [
                (b, t),
                "A position has a vector, not one number.",
                "Una posición tiene un vector, no un número.",
            ],
        ],
    }


def inner_shape(rng: Random) -> dict[str, object]:
    """Draw the sizes of a batch."""
    b, t, d = rng.randint(2, 5), rng.randint(6, 15), rng.choice([8, 16, 24])
    shape = FeedForward(d).up(torch.zeros(b, t, d)).shape
    return {
        "b": b,
        "t": t,
        "d": d,
        "answer": tuple(shape),
        "wrong": [
            [
                (b, t, d),
                "That is after the second table.",
                "Eso es después de la segunda tabla.",
            ],
            [
                (b, 4 * t, d),
                "The vectors become wider, not the text longer.",
                "Se ensanchan los vectores; el texto no se alarga.",
            ],
        ],
    }


def up_shape(rng: Random) -> dict[str, object]:
    """Draw the two widths of a feed-forward network."""
    d = rng.choice([6, 8, 12])
    f = d * rng.choice([2, 3, 4])
    return {
        "d": d,
        "f": f,
        "answer": tuple(FeedForward(d, f).up.weight.shape),
        "wrong": [
            [
                (d, f),
                "That is the table of the formula; `nn.Linear` keeps it transposed.",
                "Esa es la tabla de la fórmula; `nn.Linear` la guarda traspuesta.",
            ],
            [
                (f, 4 * d) if f != 4 * d else (f, f),
                "The inner width is given; the table leads to it from D.",
                "El ancho interior está fijado; la tabla lleva de D a él.",
            ],
        ],
    }


def norm_by_number(rng: Random) -> dict[str, object]:
    """Draw a vector of three numbers, the last one the largest."""
    first = rng.randint(1, 6)
    vector = [first, first + rng.randint(1, 4), first + rng.randint(6, 12)]
    x = torch.tensor(vector, dtype=torch.float64)
    answer = LayerNorm(3, eps=0).double()(x)[-1].item()
    centred = (x - x.mean())[-1].item()
    return {
        "vector": vector,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [
                centred,
                "The mean was subtracted, the division is missing.",
                "Se restó la media; falta dividir.",
            ],
            [
                centred / x.var(correction=0).item(),
                "Divided by the variance in place of its root.",
                "Dividido entre la varianza en lugar de su raíz.",
            ],
            [
                centred / x.std().item(),
                "The variance was divided by D − 1.",
                "La varianza se dividió entre D − 1.",
            ],
        ],
    }


def block_count(rng: Random) -> dict[str, object]:
    """Draw the widths of a small block."""
    d = rng.choice([4, 6, 8, 10])
    f = d * rng.choice([2, 3])
    answer = check_block_parameters.solution(d, f, True)
    return {
        "d": d,
        "f": f,
        "answer": answer,
        "wrong": [
            [
                4 * d**2 + 2 * d * f,
                "These are only the tables; biases and norms are missing.",
                "Esas son solo las tablas; faltan los sesgos aditivos y las normalizaciones.",
            ],
            [
                12 * d**2 + 13 * d,
                "That is for F = 4 D; here F is another.",
                "Eso es con F = 4 D; aquí F es otra.",
            ],
            [
                answer - 2 * d,
                "One norm was forgotten.",
                "Se olvidó una normalización.",
            ],
        ],
    }


def block_operations(rng: Random) -> dict[str, object]:
    """Draw the width of a small block and the length of a text."""
    d, t = rng.choice([4, 5, 8, 10]), rng.choice([2, 3, 6, 7])
    answer = block_flops(t, d)
    return {
        "d": d,
        "t": t,
        "answer": answer,
        "wrong": [
            [
                24 * t * d**2,
                "The scores and averages are missing.",
                "Faltan las puntuaciones y las medias.",
            ],
            [
                answer // 2,
                "Only multiplications were counted; additions count as well.",
                "Se contaron solo multiplicaciones; las sumas también cuentan.",
            ],
        ],
    }


def equal_length(rng: Random) -> dict[str, object]:
    """Draw the width of a block."""
    d = rng.choice([32, 64, 96, 128, 256, 512])
    scores = block_flops(2, d) - 2 * block_flops(1, d)  # twice those of one token
    answer = (block_flops(1, d) - scores // 2) // (scores // 2)
    return {
        "d": d,
        "answer": answer,
        "wrong": [
            [
                12 * d,
                "Scores and averages are two products: 4 T² D, not 2 T² D.",
                "Puntuaciones y medias son dos productos: 4 T² D, no 2 T² D.",
            ],
            [
                d,
                "That compares the scores with a single table only.",
                "Eso compara las puntuaciones con una sola tabla.",
            ],
        ],
    }
