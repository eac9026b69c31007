"""Checks for the exercises of the chapter `block`."""

import math

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = ["check_block_parameters", "check_gelu_exact", "check_layer_norm", "check_most_alike"]


def _numbers(answer: object) -> list:
    """Make arrays, tensors and lists of numbers alike: four decimals, the same on all machines."""
    return np.asarray(answer, dtype=float).round(4).tolist()


def _same(answer: list, expected: list) -> bool:
    """Compare shapes and numbers, with room for one unit in the last of four decimals."""
    shapes = np.shape(answer) == np.shape(expected)
    return shapes and np.allclose(answer, expected, rtol=1e-4, atol=1.5e-4)


def _layer_norm(x: np.ndarray, eps: float) -> list:
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return _numbers((x - mean) / np.sqrt(variance + eps))


check_layer_norm = Exercise(
    "layer_norm",
    _layer_norm,
    (
        Case(
            (np.array([1.0, 3, 5]), 0.0),
            "subtract the mean, divide by the root of the variance (a mean over D, not D - 1).",
            "resta la media y divide entre la raíz de la varianza (media sobre D, no D - 1).",
        ),
        Case(
            (np.array([2.0, 4, 9]), 1.0),
            "eps is added to the variance, before the root.",
            "eps se suma a la varianza, antes de la raíz.",
        ),
        Case(
            (np.array([[0.0, 2], [10, 30], [-1, -4]]), 1e-5),
            "each vector by itself, along the last axis: axis=-1, with keepdims=True.",
            "cada vector por separado, a lo largo del último eje: axis=-1, con keepdims=True.",
        ),
        Case(
            (np.arange(12.0).reshape(2, 2, 3) ** 2, 1e-5),
            "any shape: with -1 the axis is the last one, however many there are.",
            "cualquier forma: con -1 el eje es el último, haya los que haya.",
        ),
        Case(
            (np.full(4, 7.0), 1e-5),
            "a constant vector becomes zeros: eps keeps it from dividing by 0.",
            "un vector constante pasa a ser ceros: eps evita dividir entre 0.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _gelu_exact(x: float) -> float:
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))


check_gelu_exact = Exercise(
    "gelu_exact",
    _gelu_exact,
    (
        Case(
            (1.5,),
            "x times Phi(x), with math.erf(x / math.sqrt(2)): the tanh formula is only near it.",
            "x por Phi(x), con math.erf(x / math.sqrt(2)): la fórmula con tanh solo se acerca.",
        ),
        Case(
            (-1.0,),
            "for a negative x too: x Phi(x) is a little below 0, not 0.",
            "también para x negativo: x Phi(x) queda un poco por debajo de 0, no es 0.",
        ),
        Case((0.0,), "zero stays zero.", "el cero se queda en cero."),
        Case(
            (-30.0,),
            "far to the left nothing is left; no overflow, no error.",
            "muy a la izquierda no queda nada; sin desbordamientos ni errores.",
        ),
    ),
    same=near,
)


def _block_parameters(d_model: int, d_ff: int, bias: bool) -> int:
    tables = 4 * d_model**2 + 2 * d_model * d_ff
    biases = 5 * d_model + d_ff
    return tables + (biases if bias else 0) + 4 * d_model


check_block_parameters = Exercise(
    "block_parameters",
    _block_parameters,
    (
        Case(
            (1, 1, False),
            "four tables in attention, two in the feed-forward network, 2 D numbers in each norm.",
            "cuatro tablas en la atención, dos en la red prealimentada, 2 D números en cada "
            "normalización.",
        ),
        Case(
            (1, 3, False),
            "the tables of the feed-forward network are D by F and F by D: F need not be 4 D.",
            "las tablas de la red prealimentada son de D por F y de F por D: F no tiene por qué "
            "ser 4 D.",
        ),
        Case(
            (10, 40, True),
            "biases: D for each of attention's four maps, F for the first map of the feed-forward "
            "network and D for the second.",
            "sesgos aditivos: D por cada una de las cuatro tablas de la atención, F por la primera "
            "de la red prealimentada y D por la segunda.",
        ),
        Case(
            (10, 40, False),
            "without biases in the linear maps; the norms keep their weight and their bias.",
            "sin sesgos aditivos en las tablas; las normalizaciones conservan su peso y su sesgo "
            "aditivo.",
        ),
        Case(
            (768, 3072, True),
            "a block of GPT-2 has 7,087,872 parameters.",
            "un bloque de GPT-2 tiene 7 087 872 parámetros.",
        ),
    ),
)


def _most_alike(n_positions: int, d_model: int) -> int:
    speeds = 10000.0 ** (-np.arange(0, d_model, 2) / d_model)
    products = np.cos(np.arange(1, n_positions)[:, None] * speeds).sum(axis=1)
    return int(products.argmax()) + 1


check_most_alike = Exercise(
    "most_alike",
    _most_alike,
    (
        Case(
            (3, 2),
            "take the dot product of position 0 with each position from 1 on, and say where the "
            "largest stands.",
            "calcula el producto escalar de la posición 0 con cada posición a partir de la 1 y di "
            "dónde está el mayor.",
        ),
        Case(
            (7, 2),
            "up to the last position, and with its sign: a negative product is no likeness.",
            "hasta la última posición, y con su signo: un producto negativo no es parecido.",
        ),
        Case(
            (50, 4),
            "all hands take part: D numbers in each vector.",
            "participan todas las manecillas: D números en cada vector.",
        ),
        Case(
            (50, 64),
            "with many hands the neighbour is the most alike: measure, for any D.",
            "con muchas manecillas, la más parecida es la vecina: mide, para cualquier D.",
        ),
        Case(
            (1000, 2),
            "look at all positions, far ones too.",
            "mira todas las posiciones, también las lejanas.",
        ),
    ),
    read=int,
)
