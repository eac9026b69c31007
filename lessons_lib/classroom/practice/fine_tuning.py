"""Checks for the exercises of the chapter `fine_tuning`."""

import numpy as np

from lessons_lib.classroom.examples import HiddenLoss
from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_adapter_numbers",
    "check_answer_flags",
    "check_rank_for",
    "check_token_weights",
]


def _answer_flags(turns: list[tuple[str, int]]) -> list[bool]:
    flags = [False]
    for role, n_tokens in turns:
        counts = role == "assistant"
        flags += [False] + [counts] * (n_tokens + counts)
    return flags


check_answer_flags = Exercise(
    "answer_flags",
    _answer_flags,
    (
        Case(
            ([("user", 2)],),
            "the END in front, the token of the user and what the user says: none of it counts.",
            "el END del principio, el token del usuario y lo que dice: nada de eso cuenta.",
        ),
        Case(
            ([("user", 1), ("assistant", 2)],),
            "the answer counts with the END behind it; the token that says who speaks does not.",
            "cuenta la respuesta con el END que la cierra; no el token que dice quién habla.",
        ),
        Case(
            ([("user", 1), ("assistant", 1), ("user", 3), ("assistant", 2)],),
            "an END stands in front of the chat and behind each answer, nowhere else.",
            "hay un END al principio de la conversación y otro tras cada respuesta, y ninguno más.",
        ),
        Case(
            ([("user", 0), ("assistant", 0)],),
            "an empty answer is learned too: its END.",
            "una respuesta vacía también se aprende: su END.",
        ),
        Case(
            ([],),
            "without turns only the END in front is left.",
            "sin turnos solo queda el END del principio.",
        ),
    ),
    read=lambda answer: [bool(flag) for flag in answer],
)


def _adapter_numbers(shapes: list[tuple[int, int]], rank: int) -> int:
    return sum(rank * (n_out + n_in) for n_out, n_in in shapes)


check_adapter_numbers = Exercise(
    "adapter_numbers",
    _adapter_numbers,
    (
        Case(
            ([(4, 3)], 1),
            "A has a number for each column and B one for each row.",
            "A tiene un número por cada columna y B uno por cada fila.",
        ),
        Case(
            ([(256, 256)], 8),
            "with rank r, A has r rows and B has r columns.",
            "con rango r, A tiene r filas y B tiene r columnas.",
        ),
        Case(
            ([(4, 3), (10, 2)], 2),
            "add up over all matrices.",
            "suma los de todas las matrices.",
        ),
        Case(
            ([], 3),
            "no matrices, no numbers.",
            "sin matrices no hay números.",
        ),
    ),
    read=lambda answer: int(answer),
)


def _rank_for(change: np.ndarray, share: float) -> int:
    squares = np.linalg.svd(change, compute_uv=False) ** 2
    kept = np.cumsum(squares) / squares.sum()
    return int(np.argmax(kept >= share - 1e-9)) + 1


def _of_sizes(*sizes: float) -> np.ndarray:
    """Return a matrix with these singular values, in no easy position."""
    rng = np.random.default_rng(len(sizes))
    left, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    right, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    middle = np.zeros((6, 5))
    middle[range(len(sizes)), range(len(sizes))] = sizes
    return left @ middle @ right.T


check_rank_for = Exercise(
    "rank_for",
    _rank_for,
    (
        Case(
            (_of_sizes(3.0), 0.99),
            "this matrix is one column times one row: rank 1 keeps all of it.",
            "esta matriz es una columna por una fila: el rango 1 la conserva entera.",
        ),
        Case(
            (_of_sizes(2.0, 1.0), 0.75),
            "shares are of the squares: 4 of 5 are in the first direction, so one is enough.",
            "se cuentan los cuadrados: 4 de 5 están en la primera dirección, y basta una.",
        ),
        Case(
            (_of_sizes(2.0, 2.0, 1.0), 0.75),
            "add up the largest ones until the share is reached, and count them.",
            "suma las mayores hasta alcanzar la parte pedida, y cuéntalas.",
        ),
        Case(
            (_of_sizes(1.0, 1.0, 1.0, 1.0), 0.5),
            "half is reached, not passed, with two of four equal ones.",
            "con dos de cuatro iguales la mitad se alcanza; no hace falta pasarla.",
        ),
        Case(
            (_of_sizes(1.0, 1.0, 1.0, 1.0, 1.0), 1.0),
            "all of it takes all directions: as many as the matrix has columns here.",
            "para todo hacen falta todas las direcciones: aquí, tantas como columnas.",
        ),
    ),
    read=lambda answer: int(answer),
)


def _token_weights(loss: HiddenLoss, n_tokens: int) -> list[float]:
    start, weights = np.full(n_tokens, -1.0), []
    for place in range(n_tokens):
        worse = start.copy()
        worse[place] -= 1.0
        weights.append(loss(worse) - loss(start))
    return [round(float(weight), 3) + 0.0 for weight in weights]


def _try(number: int, en: str, es: str, *weights: float, **settings: object) -> Case:
    loss = HiddenLoss(f"loss_{number}", tuple(map(float, weights)), **settings)
    return Case((loss, len(weights)), en, es)


check_token_weights = Exercise(
    "token_weights",
    _token_weights,
    (
        _try(
            1,
            "make one token less probable by a nat and see by how much the loss grows.",
            "haz que un token sea un nat menos probable y mira cuánto crece la pérdida.",
            *(0, 0, 1, 1),
        ),
        _try(
            2,
            "this loss has a constant that no token changes: compare with the loss before.",
            "esta pérdida tiene una constante que ningún token cambia: compara con la de antes.",
            *(0, 1, 1, 0),
            constant=0.5,
        ),
        _try(
            3,
            "this loss is a mean: one nat in one of four tokens is a quarter.",
            "esta pérdida es una media: un nat en uno de cuatro tokens es un cuarto.",
            *(1, 1, 1, 1),
            mean=True,
        ),
        _try(
            4,
            "here the tokens of the user count too, for a tenth.",
            "aquí los tokens del usuario también cuentan, una décima parte.",
            *(0.1, 0.1, 1, 1, 1),
        ),
        _try(
            5,
            "no token counts in this loss; every weight is 0.",
            "en esta pérdida no cuenta ningún token; todos los pesos son 0.",
            *(0, 0, 0),
        ),
    ),
    same=lambda answer, expected: (
        len(answer) == len(expected) and bool(np.allclose(answer, expected, atol=2e-3))
    ),
    read=lambda answer: [round(float(weight), 3) + 0.0 for weight in answer],
)
