"""Checks for the exercises of the chapter `llama`."""

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_pairs_to_halves",
    "check_rms_norm",
    "check_swiglu_width",
    "check_turn",
]


def _numbers(answer: object) -> list:
    """Make arrays, tensors and lists of numbers alike: four decimals, the same on all machines."""
    return np.asarray(answer, dtype=float).round(4).tolist()


def _same(answer: list, expected: list) -> bool:
    """Compare shapes and numbers, with room for one unit in the last of four decimals."""
    shapes = np.shape(answer) == np.shape(expected)
    return shapes and np.allclose(answer, expected, rtol=1e-4, atol=1.5e-4)


def _rms_norm(x: np.ndarray, weight: np.ndarray, eps: float) -> list:
    return _numbers(x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * weight)


check_rms_norm = Exercise(
    "rms_norm",
    _rms_norm,
    (
        Case(
            (np.array([1.0, 7.0]), np.array([1.0, 1.0]), 0.0),
            "divide by the root of the mean of the squares; no mean is subtracted.",
            "divide entre la raíz de la media de los cuadrados; no se resta ninguna media.",
        ),
        Case(
            (np.array([1.0, 7.0]), np.array([2.0, -1.0]), 0.0),
            "multiply by weight at the end, number by number.",
            "multiplica al final por weight, número a número.",
        ),
        Case(
            (np.array([[3.0, -4.0], [30.0, 40.0]]), np.array([1.0, 1.0]), 0.0),
            "each row has a mean square of its own: axis=-1, with keepdims=True.",
            "cada fila tiene su propia media de cuadrados: axis=-1, con keepdims=True.",
        ),
        Case(
            (np.array([0.1, 0.1, 0.2, 0.0]), np.ones(4), 0.25),
            "add eps to the mean square, before the root.",
            "suma eps a la media de los cuadrados, antes de la raíz.",
        ),
        Case(
            (np.arange(24.0).reshape(2, 3, 4), np.array([1.0, 0.5, 2, -3]), 1e-5),
            "any shape: the last axis holds the vectors.",
            "cualquier forma: los vectores están en el último eje.",
        ),
        Case(
            (np.zeros((2, 3)), np.ones(3), 1e-5),
            "zeros stay zeros: eps keeps the division from 0 / 0.",
            "los ceros siguen siendo ceros: eps evita la división 0 / 0.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _turn(x: np.ndarray, position: int, speed: float) -> list:
    cos, sin = np.cos(position * speed), np.sin(position * speed)
    return _numbers([x[0] * cos - x[1] * sin, x[0] * sin + x[1] * cos])


check_turn = Exercise(
    "turn",
    _turn,
    (
        Case(
            (np.array([1.0, 0.0]), 1, np.pi / 2),
            "a quarter turn takes (1, 0) to (0, 1): counter-clockwise, in radians.",
            "un cuarto de vuelta lleva (1, 0) a (0, 1): en sentido antihorario, en radianes.",
        ),
        Case(
            (np.array([0.0, 1.0]), 1, np.pi / 2),
            "the first number is x[0] cos - x[1] sin, the second x[0] sin + x[1] cos.",
            "el primer número es x[0] cos - x[1] sen, el segundo x[0] sen + x[1] cos.",
        ),
        Case(
            (np.array([3.0, 2.0]), 5, 0.1),
            "the angle is the position times the speed; keep the length of x.",
            "el ángulo es la posición por la velocidad; conserva la longitud de x.",
        ),
        Case(
            (np.array([-1.0, 4.0]), 0, 1.0),
            "at position 0 nothing turns.",
            "en la posición 0 nada gira.",
        ),
        Case(
            (np.array([2.0, -5.0]), 1000, 0.25),
            "far positions too: the angle may be many turns.",
            "también en posiciones lejanas: el ángulo puede ser muchas vueltas.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _pairs_to_halves(x: np.ndarray) -> list:
    return _numbers(np.concatenate([x[..., 0::2], x[..., 1::2]], axis=-1))


check_pairs_to_halves = Exercise(
    "pairs_to_halves",
    _pairs_to_halves,
    (
        Case(
            (np.arange(6.0),),
            "first the numbers at the even places, then those at the odd places: 0 2 4 1 3 5.",
            "primero los números de los lugares pares, luego los de los impares: 0 2 4 1 3 5.",
        ),
        Case(
            (np.array([[3.0, 1, 4, 1], [5, 9, 2, 6]]),),
            "in each row: the last axis holds the numbers of a head (x[..., 0::2]).",
            "en cada fila: el último eje tiene los números de una cabeza (x[..., 0::2]).",
        ),
        Case(
            (np.array([7.0, 8.0]),),
            "two numbers are one pair already: nothing moves.",
            "dos números ya forman un par: no se mueve nada.",
        ),
        Case(
            (np.array([9.0, 3, 5, 5, 0, 8, 1, 2]).reshape(1, 1, 8),),
            "it is about places, not sizes: nothing is sorted; and the shape stays.",
            "se trata de lugares, no de tamaños: no se ordena nada; y la forma se conserva.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _swiglu_width(d_model: int, multiple: int) -> int:
    return -(-(8 * d_model // 3) // multiple) * multiple


check_swiglu_width = Exercise(
    "swiglu_width",
    _swiglu_width,
    (
        Case(
            (768, 256),
            "8/3 of 768 is 2,048, a multiple of 256 already.",
            "8/3 de 768 son 2048, que ya es múltiplo de 256.",
        ),
        Case(
            (4096, 256),
            "8/3 of 4,096 is 10,922; the multiple of 256 above is 11,008, as in Llama 2 7B.",
            "8/3 de 4096 son 10 922 y pico; el siguiente múltiplo de 256 es 11 008: Llama 2 7B.",
        ),
        Case(
            (5120, 256),
            "round up, not to the nearest: 13,653 becomes 13,824, as in Llama 2 13B.",
            "redondea hacia arriba, no al más cercano: 13 653 pasa a 13 824, como en Llama 2 13B.",
        ),
        Case(
            (100, 1),
            "without its fraction first: 266.67 is 266, and with a multiple of 1 it stays so.",
            "primero sin la parte decimal: 266,67 es 266, y con múltiplo 1 se queda así.",
        ),
        Case(
            (3, 64),
            "small models too: at least one multiple.",
            "también en modelos pequeños: al menos un múltiplo.",
        ),
    ),
)
