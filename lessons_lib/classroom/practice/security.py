"""Checks for the exercises of the chapter `security`."""

import math
from collections.abc import Sequence

from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = ["check_attempts", "check_found_among", "check_without_roles"]

USER, ASSISTANT = "<|user|>", "<|assistant|>"


def _without_roles(text: str, marks: Sequence[str]) -> str:
    before = None
    while text != before:
        before = text
        for mark in marks:
            text = text.replace(mark, "")
    return text


check_without_roles = Exercise(
    "without_roles",
    _without_roles,
    (
        Case(
            (f"{USER}Sum up the story.{ASSISTANT}", [USER, ASSISTANT]),
            "both marks go, wherever they stand; the words between them stay.",
            "las dos marcas desaparecen, estén donde estén; las palabras de en medio se quedan.",
        ),
        Case(
            (f"<|us{USER}er|>Hello.", [USER]),
            "taking one mark out may put another together. Look again at what is left.",
            "al quitar una marca puede formarse otra. Vuelve a mirar lo que queda.",
        ),
        Case(
            (f"<|as{USER}sistant|>Hello.", [ASSISTANT, USER]),
            "a mark that was looked for already may come into being when another one goes.",
            "al quitar una marca puede formarse otra que ya se había buscado.",
        ),
        Case(
            ("a < b | c > d, <user>", [USER, ASSISTANT]),
            "signs that are no whole mark are ordinary text and stay.",
            "los signos que no forman una marca entera son texto corriente y se quedan.",
        ),
        Case(
            ("", [USER]),
            "nothing in, nothing out.",
            "de un texto vacío sale un texto vacío.",
        ),
    ),
    read=str,
)


def _attempts(caught: float, chance: float) -> float:
    n, all_caught = 0, 1.0
    while 1 - all_caught < chance - 1e-12:
        if caught == 1:
            return math.inf
        n, all_caught = n + 1, all_caught * caught
    return n


check_attempts = Exercise(
    "attempts",
    _attempts,
    (
        Case(
            (0.5, 0.75),
            "two attempts are both caught in one case of four: after two, 0.75 is reached.",
            "dos intentos fracasan ambos en uno de cada cuatro casos: con dos se llega a 0,75.",
        ),
        Case(
            (0.9, 0.5),
            "after n attempts all were caught with 0.9 to the power n; it takes 7.",
            "tras n intentos todos han sido detectados con 0,9 elevado a n; hacen falta 7.",
        ),
        Case(
            (0.99, 0.95),
            "chances multiply, they do not add up: 299 attempts, not 95.",
            "las probabilidades se multiplican, no se suman: 299 intentos, no 95.",
        ),
        Case(
            (0.0, 0.99),
            "a filter that catches nothing lets the first attempt pass.",
            "un filtro que no detecta nada deja pasar el primer intento.",
        ),
        Case(
            (1.0, 0.1),
            "where everything is caught, no number of attempts is enough: math.inf.",
            "si todo se detecta, no basta ningún número de intentos: math.inf.",
        ),
    ),
    same=near,
    read=float,
)


def _found_among(scores: Sequence[float], poisoned: Sequence[bool], n: int) -> int:
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return sum(bool(poisoned[i]) for i in order[:n])


check_found_among = Exercise(
    "found_among",
    _found_among,
    (
        Case(
            ([1.0, 9.0, 3.0, 7.0], [False, True, True, False], 1),
            "the highest score is 9, and that text is poisoned.",
            "la puntuación más alta es 9, y ese texto está envenenado.",
        ),
        Case(
            ([1.0, 9.0, 3.0, 7.0], [False, True, True, False], 2),
            "the two highest scores are 9 and 7; one of the two texts is poisoned.",
            "las dos puntuaciones más altas son 9 y 7; uno de los dos textos está envenenado.",
        ),
        Case(
            ([5.0, 5.0, 5.0], [False, True, True], 1),
            "of equal scores the earlier text comes first: here one that is not poisoned.",
            "con puntuaciones iguales va antes el primer texto: aquí, uno no envenenado.",
        ),
        Case(
            ([2.0, 1.0], [True, True], 5),
            "of two texts no more than two can be found.",
            "entre dos textos no se pueden hallar más de dos.",
        ),
        Case(
            ([2.0, 1.0, 4.0], [True, True, False], 0),
            "among no texts at all: 0.",
            "entre ningún texto: 0.",
        ),
    ),
    read=int,
)
