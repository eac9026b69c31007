"""Checks for the exercises of the chapter `alignment`."""

from collections.abc import Sequence

import numpy as np

from lessons_lib.alignment import optimum
from lessons_lib.classroom.practice import Case, Exercise

__all__ = ["check_best_beta", "check_best_of_n", "check_implied_rewards", "check_vote"]


def _close(answer: object, expected: object) -> bool:
    answer, expected = np.asarray(answer, float), np.asarray(expected, float)
    return answer.shape == expected.shape and bool(np.allclose(answer, expected, atol=1e-5))


def _rounded(answer: object) -> object:
    return (np.asarray(answer, float).round(6) + 0.0).tolist()


def _implied_rewards(own: Sequence[float], before: Sequence[float], beta: float) -> list[float]:
    found = beta * (np.array(own) - np.array(before))
    return (found - found.mean()).tolist()


check_implied_rewards = Exercise(
    "implied_rewards",
    _implied_rewards,
    (
        Case(
            ([-1.0, -3.0], [-2.0, -2.0], 1.0),
            "what the model raised, compared with its reference, it holds to be good: own less "
            "before.",
            "lo que el modelo ha subido, respecto a su referencia, le parece bueno: own menos "
            "before.",
        ),
        Case(
            ([-1.0, -3.0], [-2.0, -2.0], 0.1),
            "the same change stands for less reward where leaving the reference is cheap: times "
            "beta.",
            "el mismo cambio supone menos recompensa si alejarse de la referencia es barato: por "
            "beta.",
        ),
        Case(
            ([-1.0, -4.0, -2.5], [-2.0, -2.0, -2.0], 2.0),
            "only differences are known: shift the rewards so that they add up to 0.",
            "solo se conocen las diferencias: desplaza las recompensas para que sumen 0.",
        ),
        Case(
            ([-2.0, -5.0], [-2.0, -5.0], 0.5),
            "a model that is its reference believes that all answers are equally good.",
            "un modelo igual a su referencia cree que todas las respuestas son igual de buenas.",
        ),
    ),
    same=_close,
    read=_rounded,
)


def _best_of_n(probs: Sequence[float], rewards: Sequence[float], n: int) -> float:
    total, below = 0.0, 0.0
    for level in sorted(set(rewards)):
        at_most = sum(p for p, r in zip(probs, rewards, strict=True) if r <= level)
        total += level * (at_most**n - below**n)
        below = at_most
    return total


check_best_of_n = Exercise(
    "best_of_n",
    _best_of_n,
    (
        Case(
            ([0.25, 0.75], [1.0, 0.0], 1),
            "with one answer it is the mean reward.",
            "con una sola respuesta es la recompensa media.",
        ),
        Case(
            ([0.25, 0.75], [1.0, 0.0], 2),
            "both earn nothing with probability 0.75 times 0.75.",
            "ninguna de las dos gana nada con probabilidad 0,75 por 0,75.",
        ),
        Case(
            ([0.5, 0.25, 0.25], [0.0, 2.0, 1.0], 3),
            "none of the n earns more than a level with probability (the sum of p up to it) to the "
            "power n; go up level by level.",
            "ninguna de las n gana más que un nivel con probabilidad (la suma de p hasta él) "
            "elevada a n; sube nivel a nivel.",
        ),
        Case(
            ([0.25, 0.25, 0.5], [1.0, 1.0, -1.0], 2),
            "answers with the same reward belong together, and rewards may be negative.",
            "las respuestas con la misma recompensa van juntas, y puede haber recompensas "
            "negativas.",
        ),
    ),
    same=_close,
    read=_rounded,
)


def _vote(answers: Sequence[str]) -> str:
    given = [one for one in answers if one]
    return max(given, key=given.count, default="")


check_vote = Exercise(
    "vote",
    _vote,
    (
        Case(
            (["Leo.", "Ana.", "Ana."],),
            "count how often each answer was given, and return the most frequent.",
            "cuenta cuántas veces se dio cada respuesta y devuelve la más frecuente.",
        ),
        Case(
            (["Leo.", "Ana.", "Leo.", "Ana.", "Eva."],),
            "of equally frequent answers take the one that came first.",
            "entre respuestas igual de frecuentes, toma la que llegó antes.",
        ),
        Case(
            (["", "", "Eva."],),
            "an empty answer does not count.",
            "una respuesta vacía no cuenta.",
        ),
        Case(
            ([],),
            "without answers the result is an empty text.",
            "sin respuestas el resultado es un texto vacío.",
        ),
    ),
)


def _best_beta(
    reference: Sequence[float],
    judge: Sequence[float],
    truth: Sequence[float],
    betas: Sequence[float],
) -> float:
    worth = {beta: optimum(reference, judge, beta) @ np.array(truth) for beta in betas}
    best = max(worth.values())
    return max(beta for beta in betas if worth[beta] > best - 1e-9)


_START = [0.25, 0.35, 0.2, 0.15, 0.05]
_TRUTH = [1.0, 0.0, 0.0, 0.5, 0.0]
_BETAS = [10.0, 3.0, 1.0, 0.3, 0.1]

check_best_beta = Exercise(
    "best_beta",
    _best_beta,
    (
        Case(
            (_START, _TRUTH, _TRUTH, _BETAS),
            "a judge who pays for the truth can be trusted: the smallest beta goes furthest.",
            "de un juez que paga la verdad te puedes fiar: la beta menor llega más lejos.",
        ),
        Case(
            (_START, [1.0, 0.2, 0.3, 0.5, 1.6], _TRUTH, _BETAS),
            "the optimum is for the judge, its worth is in truth: try every beta.",
            "el óptimo es para el juez, y su valor, según la verdad: prueba todas las betas.",
        ),
        Case(
            (_START, [0.0, 1.0, 1.0, 0.5, 1.0], _TRUTH, [0.1, 10.0, 1.0]),
            "a judge who pays for what is false is best not followed: the largest beta.",
            "a un juez que paga lo falso es mejor no seguirlo: la beta mayor.",
        ),
        Case(
            ([0.5, 0.5], [1.0, 1.0], [1.0, 0.0], [0.5, 2.0, 1.0]),
            "here beta changes nothing; of equally good ones take the largest.",
            "aquí beta no cambia nada; entre iguales, toma la mayor.",
        ),
    ),
    read=lambda answer: float(answer),
)
