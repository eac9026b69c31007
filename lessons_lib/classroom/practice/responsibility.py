"""Checks for the exercises of the chapter `responsibility`."""

import math

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = ["check_bits_of_exposure", "check_price", "check_remembered", "check_tokens_needed"]


def _price(p: float, q: float) -> float:
    rest = (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0
    return (p * math.log(p / q) if p > 0 else 0.0) + rest


check_price = Exercise(
    "price",
    _price,
    (
        Case(
            (0.25, 0.25),
            "whoever says what the world says pays nothing.",
            "quien dice lo que dice el mundo no paga nada.",
        ),
        Case(
            (0.1, 0.25),
            "the world draws, so its p weighs both surprises: p ln(p / q) and the rest.",
            "sortea el mundo, así que su p pesa las dos sorpresas: p ln(p / q) y el resto.",
        ),
        Case(
            (0.4, 0.25),
            "the other answers count too: (1 - p) ln((1 - p) / (1 - q)).",
            "las otras respuestas también cuentan: (1 - p) ln((1 - p) / (1 - q)).",
        ),
        Case(
            (0.0, 0.5),
            "what never happens costs nothing: 0 times a logarithm is 0 here; ln 2 is left.",
            "lo que nunca ocurre no cuesta nada: aquí 0 por un logaritmo es 0; queda ln 2.",
        ),
    ),
    same=near,
    read=float,
)


def _bits_of_exposure(log_probs: np.ndarray, own: int) -> float:
    log_probs = np.asarray(log_probs, float)
    return math.log2(len(log_probs)) - math.log2(int((log_probs >= log_probs[own]).sum()))


check_bits_of_exposure = Exercise(
    "bits_of_exposure",
    _bits_of_exposure,
    (
        Case(
            (np.array([-9.0, -2.0, -5.0, -7.0]), 1),
            "the most probable of four has the rank 1: log2 4 = 2 bits.",
            "el más probable de cuatro tiene el rango 1: log2 4 = 2 bits.",
        ),
        Case(
            (np.array([-9.0, -2.0, -5.0, -7.0]), 2),
            "one is more probable: the rank is 2, and log2 4 - log2 2 = 1 bit.",
            "hay uno más probable: el rango es 2, y log2 4 - log2 2 = 1 bit.",
        ),
        Case(
            (np.array([-3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0]), 0),
            "who knows nothing holds all equally probable: equals count in the rank, 0 bits.",
            "quien no sabe nada los ve igual de probables: los empates cuentan, 0 bits.",
        ),
        Case(
            (np.array([-1.0, -2.0, -3.0]), 2),
            "the last rank is 3 of 3: 0 bits.",
            "el último rango es 3 de 3: 0 bits.",
        ),
    ),
    same=near,
    read=float,
)


def _tokens_needed(share: float, ratio: float, z: float) -> int:
    return math.ceil(z**2 * ratio * (1 - ratio) / (share - ratio) ** 2 - 1e-9)


check_tokens_needed = Exercise(
    "tokens_needed",
    _tokens_needed,
    (
        Case(
            (0.5, 0.25, 4.0),
            "solve (share - ratio) n / sqrt(n ratio (1 - ratio)) = z for n: here 48.",
            "despeja n en (share - ratio) n / sqrt(n ratio (1 - ratio)) = z: aquí, 48.",
        ),
        Case(
            (1.0, 0.5, 3.0),
            "all green, half by chance: 9 tokens; the deviation is of chance, ratio (1 - ratio).",
            "todos verdes, la mitad por azar: 9 tokens; la desviación es la del azar, "
            "ratio (1 - ratio).",
        ),
        Case(
            (0.3, 0.25, 4.0),
            "a faint mark needs many: the difference is squared. Here 1200.",
            "una marca débil necesita muchos: la diferencia va al cuadrado. Aquí, 1200.",
        ),
        Case(
            (0.6, 0.25, 3.3),
            "there are whole tokens only, and fewer do not reach z: round up.",
            "solo hay tokens enteros, y con menos no se llega a z: redondea hacia arriba.",
        ),
    ),
    read=int,
)


def _remembered(log_probs: np.ndarray, true_log_probs: np.ndarray) -> int:
    return int(np.argmax(np.asarray(log_probs) - np.asarray(true_log_probs)))


check_remembered = Exercise(
    "remembered",
    _remembered,
    (
        Case(
            (np.array([-18.0, -12.0, -20.0]), np.array([-18.0, -19.0, -20.0])),
            "the second is more probable for the model than for the world: number 1.",
            "el segundo es más probable para el modelo que para el mundo: el número 1.",
        ),
        Case(
            (np.array([-14.0, -21.0, -17.0]), np.array([-13.5, -26.0, -17.5])),
            "the first is easy for everybody. What does the model know that the world does not?",
            "el primero es fácil para cualquiera. ¿Qué sabe el modelo que el mundo no sabe?",
        ),
        Case(
            (np.array([-25.0, -16.0, -16.0]), np.array([-24.0, -16.2, -15.0])),
            "a difference, with its sign: being less probable than in the world is no memory.",
            "una diferencia, con su signo: ser menos probable que en el mundo no es recordar.",
        ),
    ),
    read=int,
)
