"""Checks for the exercises of the chapter `llama`."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = [
    "check_fold",
    "check_positions_apart",
    "check_swiglu_width",
    "check_turned_pairs",
]


def _numbers(answer: object) -> list:
    """Make arrays, tensors and lists of numbers alike: four decimals, the same on all machines."""
    return np.asarray(answer, dtype=float).round(4).tolist()


def _same(answer: list, expected: list) -> bool:
    """Compare shapes and numbers, with room for one unit in the last of four decimals."""
    shapes = np.shape(answer) == np.shape(expected)
    return shapes and np.allclose(answer, expected, rtol=1e-4, atol=1.5e-4)


def _fold(weight: np.ndarray, matrix: np.ndarray) -> list:
    return _numbers(matrix * weight)


check_fold = Exercise(
    "fold",
    _fold,
    (
        Case(
            (np.array([10.0, 1.0, 2.0]), np.array([[1.0, 2, 3], [4, 5, 6]])),
            "the first number of x meets the first column of the matrix: multiply columns.",
            "el primer número de x se encuentra con la primera columna de la matriz: multiplica "
            "columnas.",
        ),
        Case(
            (np.array([0.5, -2.0]), np.array([[1.0, 3], [5, 7]])),
            "columns, also where rows would fit: a column holds what one number of x counts for.",
            "columnas, aunque las filas también encajen: una columna dice cuánto cuenta un número "
            "de x.",
        ),
        Case(
            (np.array([3.0, 0.0]), np.array([[1.0, 4], [2, 6], [5, 1]])),
            "a weight of 0 hides its number of x from all outputs.",
            "un peso 0 oculta su número de x a todas las salidas.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _positions_apart(a: tuple, b: tuple, speed: float) -> float:
    angle = math.atan2(b[1], b[0]) - math.atan2(a[1], a[0])
    return angle % math.tau / speed


def _hand(turns: float, length: float = 1.0) -> tuple[float, float]:
    """Return where a hand points, so many turns counter-clockwise from (1, 0)."""
    x, y = math.cos(math.tau * turns), math.sin(math.tau * turns)
    return round(length * x, 6) + 0.0, round(length * y, 6) + 0.0


check_positions_apart = Exercise(
    "positions_apart",
    _positions_apart,
    (
        Case(
            (_hand(0), _hand(0.25), math.pi / 2),
            "a quarter turn, at a quarter turn per position: 1.",
            "un cuarto de vuelta, a un cuarto de vuelta por posición: 1.",
        ),
        Case(
            (_hand(0), _hand(0.25), 0.5),
            "divide the angle, in radians, by the speed.",
            "divide el ángulo, en radianes, entre la velocidad.",
        ),
        Case(
            (_hand(0), _hand(0.75), 1.0),
            "the hand turns counter-clockwise only: this is three quarters of a turn.",
            "la manecilla solo gira en sentido antihorario: son tres cuartos de vuelta.",
        ),
        Case(
            (_hand(0.9, 5.0), _hand(0.1, 5.0), 0.1),
            "hands of any length, and past (1, 0): the difference of the angles, modulo 2 pi.",
            "manecillas de cualquier longitud, y más allá de (1, 0): la diferencia de los "
            "ángulos, módulo 2 pi.",
        ),
        Case(
            (_hand(0.4), _hand(0.4), 0.3),
            "a hand that has not moved is 0 positions further, the first time.",
            "una manecilla que no se ha movido está 0 posiciones más allá, la primera vez.",
        ),
    ),
    same=near,
    read=float,
)


@dataclass(frozen=True)
class _Rotation:
    """A rotation whose layout the learner does not see: pairs of places, and their speeds."""

    name: str
    pairs: tuple[tuple[int, int], ...]
    speeds: tuple[float, ...]

    def __repr__(self) -> str:
        return self.name

    def __call__(self, x: np.ndarray, position: int) -> np.ndarray:
        x = np.array(x, dtype=float)
        for (i, j), speed in zip(self.pairs, self.speeds, strict=True):
            cos, sin = math.cos(position * speed), math.sin(position * speed)
            x[i], x[j] = x[i] * cos - x[j] * sin, x[i] * sin + x[j] * cos
        return x


def _turned_pairs(rotate: Callable, n: int) -> list[tuple[int, int]]:
    pairs = []
    for i in range(n):
        turned = rotate(np.eye(n)[i], 1)  # a single 1, at place i
        pairs += [(i, j) for j in range(i + 1, n) if abs(turned[j]) > 1e-9]
    return pairs


check_turned_pairs = Exercise(
    "turned_pairs",
    _turned_pairs,
    (
        Case(
            (_Rotation("rotate_a", ((0, 1), (2, 3)), (1.0, 0.1)), 4),
            "turn an array with a single 1 in it, and see where else numbers appear.",
            "gira un array con un solo 1 y mira en qué otro lugar aparecen números.",
        ),
        Case(
            (_Rotation("rotate_b", ((0, 3), (1, 4), (2, 5)), (1.0, 0.5, 0.2)), 6),
            "another layout: find it out anew, do not assume it.",
            "otra disposición: averíguala de nuevo, no la supongas.",
        ),
        Case(
            (_Rotation("rotate_c", ((0, 5), (1, 4), (2, 3)), (0.9, 0.01, 1e-5)), 6),
            "slow hands hardly move: any number but 0 counts.",
            "las manecillas lentas apenas se mueven: cuenta cualquier número distinto de 0.",
        ),
        Case(
            (_Rotation("rotate_d", ((0, 2), (1, 3)), (0.7, 0.03)), 8),
            "some models turn a part of the numbers only: the others are in no pair.",
            "algunos modelos giran solo una parte de los números: los demás no están en ningún "
            "par.",
        ),
        Case(
            (_Rotation("rotate_e", ((0, 1), (2, 3)), (math.pi / 2, math.pi / 50)), 4),
            "after whole and half turns nothing shows: try a position that is neither for any "
            "hand, such as 1.",
            "tras vueltas enteras y medias no se ve nada: prueba una posición que no lo sea para "
            "ninguna manecilla, como 1.",
        ),
    ),
    read=lambda pairs: [(int(i), int(j)) for i, j in pairs],
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
