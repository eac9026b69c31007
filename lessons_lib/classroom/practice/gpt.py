"""Checks for the exercises of the chapter `gpt`."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lessons_lib.classroom.examples import TableModel
from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = ["check_count_layers", "check_cut_rows", "check_echo_share", "check_text_loss"]


def _cut_rows(ids: list[int], n_inputs: int) -> list[list[int]]:
    return [list(ids[i : i + n_inputs + 1]) for i in range(0, len(ids) - 1, n_inputs)]


check_cut_rows = Exercise(
    "cut_rows",
    _cut_rows,
    (
        Case(
            ([5, 6, 7, 8, 9], 2),
            "the last token of a row is its last target, and the first input of the next row.",
            "el último token de una fila es su último objetivo y la primera entrada de la "
            "siguiente.",
        ),
        Case(
            ([5, 6, 7, 8, 9, 10], 2),
            "what is left at the end makes a shorter row, as soon as it has a target.",
            "lo que queda al final forma una fila más corta, en cuanto tenga un objetivo.",
        ),
        Case(
            ([3, 9], 4),
            "two tokens: one row, with one input and one target.",
            "dos tokens: una fila, con una entrada y un objetivo.",
        ),
        Case(
            ([4, 4, 4, 1, 4, 4, 1], 3),
            "tokens may repeat: go by places, not by values.",
            "los tokens pueden repetirse: guíate por los lugares, no por los valores.",
        ),
        Case(
            ([7, 8, 9], 1),
            "rows of one input and one target, too.",
            "también filas de una entrada y un objetivo.",
        ),
    ),
    read=lambda answer: [np.asarray(row).tolist() for row in answer],
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


def _count_layers(n_parameters: int, vocab_size: int, context_length: int, d_model: int) -> int:
    tables = (vocab_size + context_length) * d_model
    return (n_parameters - tables - 2 * d_model) // (12 * d_model**2 + 13 * d_model)


check_count_layers = Exercise(
    "count_layers",
    _count_layers,
    (
        Case(
            (15, 10, 3, 1),
            "two tables of D columns, the last normalisation with 2 D, and nothing else: 0 layers.",
            "dos tablas de D columnas, la última normalización con 2 D y nada más: 0 capas.",
        ),
        Case(
            (40, 10, 3, 1),
            "a layer has 12 D * D + 13 D: attention 4 maps, feed-forward 2, and two norms.",
            "una capa tiene 12 D * D + 13 D: cuatro tablas en la atención, dos en la red "
            "prealimentada y dos normalizaciones.",
        ),
        Case(
            (124_439_808, 50257, 1024, 768),
            "the smallest GPT-2 has 12 layers.",
            "el GPT-2 más pequeño tiene 12 capas.",
        ),
        Case(
            (1_557_611_200, 50257, 1024, 1600),
            "large numbers as well: a whole number of layers, found by division.",
            "también con números grandes: un número entero de capas, hallado con una división.",
        ),
    ),
)


def _echo_share(model: Callable[[Tensor], Tensor], token_ids: Tensor) -> float:
    return (model(token_ids).argmax(-1) == token_ids).double().mean().item()


_ECHO = TableModel("echo", ((2.0, 0, 0), (0, 2, 0), (0, 0, 2)))
_NEXT = TableModel("next_one", ((0.0, 2, 0), (0, 0, 2), (2, 0, 0)))
_HALF = TableModel("half", ((-1.0, -2, -3), (-3, -3.5, -2), (-6, -5, -4)))
_FIRST = TableModel("first_of_row", _ECHO.table, first=True)

check_echo_share = Exercise(
    "echo_share",
    _echo_share,
    (
        Case(
            (_ECHO, torch.tensor([[0, 1, 2, 1]])),
            "a share: how many positions say the token just read, divided by all positions.",
            "una fracción: cuántas posiciones dicen el token recién leído, entre todas.",
        ),
        Case(
            (_NEXT, torch.tensor([[0, 1, 2, 0]])),
            "row t against token t, the one just read: this is no loss, nothing is shifted.",
            "la fila t frente al token t, el recién leído: no es una pérdida, nada se desplaza.",
        ),
        Case(
            (_HALF, torch.tensor([[0, 1, 1, 1], [1, 0, 2, 1]])),
            "the favourite is the largest logit, also of negative ones; all rows count.",
            "el favorito es el mayor logit, también si son negativos; cuentan todas las filas.",
        ),
        Case(
            (_FIRST, torch.tensor([[1, 0, 1, 2], [2, 2, 2, 1]])),
            "give the model whole rows: what it says may hang on all that it has read.",
            "da al modelo filas enteras: lo que dice puede depender de todo lo que ha leído.",
        ),
    ),
    same=near,
    read=float,
)
