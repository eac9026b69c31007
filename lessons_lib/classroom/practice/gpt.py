"""Checks for the exercises of the chapter `gpt`."""

import math

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_count_gpt",
    "check_inputs_and_targets",
    "check_next_token",
    "check_text_loss",
]


def _inputs_and_targets(ids: list[int]) -> list[list[int]]:
    return [list(ids[:-1]), list(ids[1:])]


check_inputs_and_targets = Exercise(
    "inputs_and_targets",
    _inputs_and_targets,
    (
        Case(
            ([5, 6, 7, 8],),
            "the target of each input is the token that comes one place later.",
            "el objetivo de cada entrada es el token que viene un lugar después.",
        ),
        Case(
            ([3, 9],),
            "two tokens: one input and one target.",
            "dos tokens: una entrada y un objetivo.",
        ),
        Case(
            ([4, 4, 4, 1, 4],),
            "tokens may repeat: go by places, not by values.",
            "los tokens pueden repetirse: guíate por los lugares, no por los valores.",
        ),
    ),
    read=lambda answer: [np.asarray(part).tolist() for part in answer],
)


def _text_loss(logits: np.ndarray, ids: list[int]) -> float:
    logits = np.asarray(logits, dtype=float)[:-1]
    largest = logits.max(axis=-1, keepdims=True)
    log_sums = np.log(np.exp(logits - largest).sum(axis=-1)) + largest[:, 0]
    return float(np.mean(log_sums - logits[np.arange(len(logits)), ids[1:]]))


check_text_loss = Exercise(
    "text_loss",
    _text_loss,
    (
        Case(
            (np.zeros((3, 2)), [0, 1, 1]),
            "equal logits for 2 tokens: each surprise is ln 2, in nats, and so is their mean.",
            "logits iguales para 2 tokens: cada sorpresa es ln 2, en nats, y su media también.",
        ),
        Case(
            (np.array([[2.0, 0], [0, 2], [0, 0]]), [0, 1, 0]),
            "row t is about the token at place t + 1; the last row has no target.",
            "la fila t habla del token del lugar t + 1; la última fila no tiene objetivo.",
        ),
        Case(
            (np.array([[0.0, 1, 0], [3, 0, 1], [0, 0, 0]]), [0, 1, 2]),
            "the softmax runs over the vocabulary, the last axis: each row by itself.",
            "el softmax recorre el vocabulario, el último eje: cada fila por separado.",
        ),
        Case(
            (np.array([[1000.0, 0], [0, 0]]), [0, 1]),
            "logits may be large: subtract the largest of each row before the exponential, and "
            "take no logarithm of a softmax, which may be 0: ln p is a difference.",
            "los logits pueden ser grandes: resta el mayor de cada fila antes de la exponencial, y "
            "no tomes el logaritmo de un softmax, que puede ser 0: ln p es una diferencia.",
        ),
    ),
    same=lambda answer, expected: math.isclose(answer, expected, rel_tol=1e-4, abs_tol=1e-6),
    read=float,
)


def _count_gpt(vocab_size: int, context_length: int, d_model: int, n_layers: int) -> int:
    layer = 12 * d_model**2 + 13 * d_model
    return (vocab_size + context_length) * d_model + n_layers * layer + 2 * d_model


check_count_gpt = Exercise(
    "count_gpt",
    _count_gpt,
    (
        Case(
            (10, 3, 1, 0),
            "without layers: two tables, and the weight and bias of the last normalisation.",
            "sin capas: dos tablas, y el peso y el sesgo aditivo de la última normalización.",
        ),
        Case(
            (10, 3, 2, 1),
            "a layer has 12 D * D + 13 D: attention 4 maps, feed-forward 2, and two norms.",
            "una capa tiene 12 D * D + 13 D: cuatro tablas en la atención, dos en la red "
            "prealimentada y dos normalizaciones.",
        ),
        Case(
            (50257, 1024, 768, 12),
            "GPT-2 has 124,439,808: the table counts once, each layer for itself.",
            "GPT-2 tiene 124 439 808: la tabla se cuenta una vez; las capas, una por una.",
        ),
    ),
)


def _next_token(logits: np.ndarray) -> int:
    return int(np.argmax(np.asarray(logits)[-1]))


check_next_token = Exercise(
    "next_token",
    _next_token,
    (
        Case(
            (np.array([[5.0, 0, 0, 0], [0, 0, 0, 4]]),),
            "the next token comes after the last position: the last row.",
            "el token siguiente viene después de la última posición: la última fila.",
        ),
        Case(
            (np.array([[9.0, 9, 9], [0, 7, 1]]),),
            "the id is the place of the largest logit in its row, from 0 to V - 1.",
            "el id es el lugar del mayor logit en su fila, de 0 a V - 1.",
        ),
        Case(
            (np.array([[0.0, 0, 0], [1, 2, 2]]),),
            "of equally likely tokens take the one with the smallest id.",
            "entre los igual de probables, toma el de menor id.",
        ),
        Case(
            (np.array([[-3.0, -1, -2]]),),
            "all logits may be negative; the largest still wins.",
            "todos los logits pueden ser negativos; aun así gana el mayor.",
        ),
    ),
    read=int,
)
