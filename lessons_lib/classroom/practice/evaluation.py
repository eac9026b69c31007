"""Checks for the exercises of the chapter `evaluation`."""

import math

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = ["check_best_temperature", "check_cluster_error", "check_upset_chance"]


def _cluster_error(groups: list) -> float:
    every = [value for group in groups for value in group]
    mean = sum(every) / len(every)
    squares = [sum(value - mean for value in group) ** 2 for group in groups]
    return math.sqrt(sum(squares)) / len(every)


check_cluster_error = Exercise(
    "cluster_error",
    _cluster_error,
    (
        Case(
            ([[1], [0]],),
            "groups of one: the root of the sum of the squared departures, divided by N.",
            "grupos de uno: la raíz de la suma de las desviaciones al cuadrado, dividida entre N.",
        ),
        Case(
            ([[1, 1], [0, 0]],),
            "within a group departures are added first, and then squared.",
            "dentro de un grupo primero se suman las desviaciones y después se elevan al cuadrado.",
        ),
        Case(
            ([[1, 0], [0, 1]],),
            "departures within a group may cancel: here nothing is left, 0.",
            "dentro de un grupo las desviaciones pueden anularse: aquí no queda nada, 0.",
        ),
        Case(
            ([[1, 1, 1], [0], [1, 0]],),
            "groups may differ in size: the mean is over all questions, and so is N.",
            "los grupos pueden ser desiguales: la media es de todas las preguntas, y N también.",
        ),
    ),
    same=near,
    read=float,
)


def _upset_chance(p_a: float, p_b: float, n: int) -> float:
    def chances(p: float) -> list[float]:
        return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]

    a, b = chances(p_a), chances(p_b)
    return sum(b[k] * sum(a[:k]) for k in range(n + 1))


check_upset_chance = Exercise(
    "upset_chance",
    _upset_chance,
    (
        Case(
            (0.75, 0.5, 1),
            "with one question B wins if A is wrong and B is right: 0.25 times 0.5.",
            "con una pregunta, B gana si A falla y B acierta: 0,25 por 0,5.",
        ),
        Case(
            (0.5, 0.5, 2),
            "a tie is no win: only what B has more of counts.",
            "empatar no es ganar: solo cuenta que B tenga más.",
        ),
        Case(
            (0.7, 0.6, 20),
            "k right of n has the probability comb(n, k) p^k (1 - p)^(n - k), for both.",
            "acertar k de n tiene probabilidad comb(n, k) p^k (1 - p)^(n - k), para los dos.",
        ),
        Case(
            (1.0, 0.9, 5),
            "who is always right cannot lose: 0.",
            "quien siempre acierta no puede perder: 0.",
        ),
    ),
    same=near,
    read=float,
)


def _best_temperature(log_probs: np.ndarray, answers: list, temperatures: list) -> float:
    def loss(temperature: float) -> float:
        cooled = np.asarray(log_probs) / temperature
        cooled = cooled - np.logaddexp.reduce(cooled, axis=1, keepdims=True)
        return -cooled[np.arange(len(answers)), answers].mean()

    losses = [loss(temperature) for temperature in temperatures]
    return float(temperatures[int(np.argmin(losses))])


_SURE = np.log(np.array([[0.98, 0.01, 0.01]] * 3))
_SHY = np.log(np.array([[0.4, 0.3, 0.3]] * 3))

check_best_temperature = Exercise(
    "best_temperature",
    _best_temperature,
    (
        Case(
            (_SURE, [0, 0, 1], [0.5, 1.0, 4.0]),
            "sure and wrong once in three: a higher temperature flattens, log_probs / temperature.",
            "seguro, y falla una de tres: una temperatura mayor aplana, log_probs / temperatura.",
        ),
        Case(
            (_SHY, [0, 0, 0], [0.25, 1.0, 4.0]),
            "shy and always right: a lower temperature pays. Probabilities must add up to 1 again.",
            "tímido, y siempre acierta: conviene una menor. Las probabilidades han de sumar 1.",
        ),
        Case(
            (_SURE, [0, 1, 2], [4.0, 1.0, 100.0]),
            "no better than chance: the flattest is best, and what is picked stays the same.",
            "acierta como el azar: la mejor es la que más aplana, y la opción elegida no cambia.",
        ),
        Case(
            (np.vstack([_SURE, _SHY - 50.0]), [0, 0, 1, 0, 1, 0], [0.5, 1.5, 3.0]),
            "each row by itself: add a number to a row, and nothing may change.",
            "cada fila por sí sola: si a una fila se le suma un número, nada debe cambiar.",
        ),
    ),
    same=near,
    read=float,
)
