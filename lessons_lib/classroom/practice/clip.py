"""Checks for the exercises of the chapter `clip`."""

import math

import numpy as np

from lessons_lib.classroom.examples import Onlooker
from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = ["check_blind_to", "check_least_loss", "check_pair_loss", "check_patch_of"]


def _patch_of(row: int, column: int, image_size: int, patch_size: int) -> int:
    return row // patch_size * (image_size // patch_size) + column // patch_size


check_patch_of = Exercise(
    "patch_of",
    _patch_of,
    (
        Case(
            (9, 20, 32, 8),
            "rows of patches first: 9 // 8 whole patches above, 20 // 8 to the left.",
            "primero las filas de parches: 9 // 8 parches enteros arriba, 20 // 8 a la izquierda.",
        ),
        Case(
            (0, 31, 32, 8),
            "the last patch of the first row has the number 3.",
            "el último parche de la primera fila tiene el número 3.",
        ),
        Case(
            (223, 0, 224, 16),
            "a row of patches holds image_size // patch_size of them: here 14.",
            "una fila de parches tiene image_size // patch_size: aquí, 14.",
        ),
        Case(
            (5, 5, 6, 6),
            "one patch may be the whole picture: 0.",
            "un parche puede ser toda la imagen: 0.",
        ),
    ),
)


def _pair_loss(scores: np.ndarray, bias: float) -> float:
    z = np.asarray(scores, float) + bias
    signs = 2 * np.eye(len(z)) - 1
    return float(np.logaddexp(0, -signs * z).sum() / len(z))


check_pair_loss = Exercise(
    "pair_loss",
    _pair_loss,
    (
        Case(
            (np.array([[2.0]]), 0.0),
            "a single pair that belongs together: ln(1 + exp(-2)).",
            "una sola pareja que va junta: ln(1 + exp(-2)).",
        ),
        Case(
            (np.array([[0.0, 3.0], [-1.0, 1.0]]), 0.0),
            "off the diagonal the sign turns: a high score is a surprise there.",
            "fuera de la diagonal cambia el signo: allí una puntuación alta es una sorpresa.",
        ),
        Case(
            (np.array([[4.0, 1.0], [0.0, 5.0]]), -2.0),
            "the bias is added to every score, on the diagonal too.",
            "el sesgo se suma a todas las puntuaciones, también en la diagonal.",
        ),
        Case(
            (np.zeros((3, 3)), 0.0),
            "nine times ln 2, divided by N = 3, not by 9.",
            "nueve veces ln 2, dividido entre N = 3 y no entre 9.",
        ),
    ),
    same=near,
    read=float,
)


def _least_loss(n: int, tau: float) -> float:
    return math.log1p((n - 1) * math.exp(-tau / (n - 1) - tau))


check_least_loss = Exercise(
    "least_loss",
    _least_loss,
    (
        Case(
            (2, 1.0),
            "two vectors can point away from each other: 1 against -1, ln(1 + exp(-2)).",
            "dos vectores pueden apuntar en sentidos opuestos: 1 contra -1, ln(1 + exp(-2)).",
        ),
        Case(
            (64, 1.0),
            "with n = 64 there are 63 others, each with a score of -1/63.",
            "con n = 64 hay otros 63, cada uno con una puntuación de -1/63.",
        ),
        Case(
            (10, 0.0),
            "a factor of 0 makes all scores equal: ln n.",
            "un factor 0 iguala todas las puntuaciones: ln n.",
        ),
        Case(
            (1000, 14.0),
            "rows and columns cost the same; their mean is the loss of one row.",
            "filas y columnas cuestan lo mismo; su media es la pérdida de una fila.",
        ),
    ),
    same=near,
    read=float,
)


def _blind_to(score: Onlooker, picture: tuple[str, str, str]) -> list[str]:
    left, right, place = picture
    changed = {
        "left": ("nothing", right, place),
        "right": (left, "nothing", place),
        "place": (left, right, "nothing"),
        "side": (right, left, place),
    }
    whole = score(picture, picture)
    return [name for name, text in changed.items() if score(picture, text) >= whole]


_PICTURE = ("red ball", "fox", "lake")


def _try(number: int, en: str, es: str, sees: tuple, picture=_PICTURE, **more: object) -> Case:
    return Case((Onlooker(f"score_{number}", sees, **more), picture), en, es)


check_blind_to = Exercise(
    "blind_to",
    _blind_to,
    (
        _try(
            1,
            "this one sees all three parts: it is blind to nothing.",
            "este ve las tres partes: no es ciego a nada.",
            (0, 1, 2),
        ),
        _try(
            2,
            "this one asks only whether the things are there: exchange them, and nothing falls.",
            "este solo pregunta si las cosas están: se intercambian y nada baja.",
            (0, 1, 2),
            bag=True,
        ),
        _try(
            3,
            "this one looks at the place alone; its scores need not end at 0.",
            "este mira solo el lugar; sus puntuaciones no tienen por qué acabar en 0.",
            (2,),
            offset=-5.0,
        ),
        _try(
            4,
            "this one sees the right thing alone; exchanged, that one stands on the left.",
            "este ve solo la cosa de la derecha; intercambiada, esa queda a la izquierda.",
            (1,),
        ),
        _try(
            5,
            "two equal things can be exchanged before anybody's eyes: nobody can see it.",
            "dos cosas iguales se pueden intercambiar a la vista de todos: nadie puede verlo.",
            (0, 1),
            picture=("blue key", "blue key", "beach"),
        ),
    ),
    read=list,
)
