"""Checks for the exercises of the chapter `generation`."""

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_cache_bytes",
    "check_held_back",
    "check_leftover",
    "check_nucleus",
]


def _nucleus(probs: list, p: float) -> list:
    order = sorted(range(len(probs)), key=lambda i: -probs[i])
    kept, total = [], 0.0
    for i in order:
        kept.append(i)
        total += probs[i]
        if total >= p:
            break
    return kept


check_nucleus = Exercise(
    "nucleus",
    _nucleus,
    (
        Case(
            ([0.125, 0.5, 0.25, 0.125], 0.6),
            "0.5 alone is below 0.6; with 0.25 it is reached: tokens 1 and 2, the largest first.",
            "0,5 solo no llega a 0,6; con 0,25 se alcanza: tokens 1 y 2, primero el mayor.",
        ),
        Case(
            ([0.125, 0.5, 0.25, 0.125], 0.75),
            "stop as soon as the sum is p or more: 0.5 + 0.25 is 0.75 already.",
            "para en cuanto la suma sea p o más: 0,5 + 0,25 ya son 0,75.",
        ),
        Case(
            ([0.25, 0.25, 0.5], 0.1),
            "the most probable token is always kept, even when p is smaller than it.",
            "el token más probable se conserva siempre, aunque p sea menor.",
        ),
        Case(
            ([0.25, 0.25, 0.25, 0.25], 0.5),
            "of equal probabilities the smaller id comes first: tokens 0 and 1.",
            "entre probabilidades iguales va primero el id menor: tokens 0 y 1.",
        ),
        Case(
            ([0.5, 0.125, 0.375], 1),
            "with p = 1 all tokens are kept.",
            "con p = 1 se conservan todos los tokens.",
        ),
        Case(
            ([1.0], 0.9),
            "one token: it is kept.",
            "un solo token: se conserva.",
        ),
    ),
    read=lambda answer: [int(i) for i in answer],
)


def _held_back(data: bytes) -> int:
    for n in range(1, min(3, len(data)) + 1):
        byte = data[-n]
        if byte >= 0b1100_0000:  # the first byte of a character of 2, 3 or 4 bytes
            length = 2 + (byte >= 0b1110_0000) + (byte >= 0b1111_0000)
            return n if n < length else 0
        if byte < 0b1000_0000:
            return 0
    return 0


check_held_back = Exercise(
    "held_back",
    _held_back,
    (
        Case(
            (b"abc",),
            "letters of one byte are whole: hold back nothing, 0.",
            "las letras de un byte están enteras: no se retiene nada, 0.",
        ),
        Case(
            (b"ni" + b"\xc3",),
            "C3 begins a character of two bytes and its second byte is missing: 1.",
            "C3 empieza un carácter de dos bytes y falta el segundo: 1.",
        ),
        Case(
            ("niñ".encode(),),
            "the ñ is whole, both its bytes are there: 0.",
            "la ñ está entera, con sus dos bytes: 0.",
        ),
        Case(
            ("🦊".encode()[:3],),
            "a fox has four bytes; three of them are not a character yet: 3.",
            "un zorro tiene cuatro bytes; tres aún no son un carácter: 3.",
        ),
        Case(
            ("a€".encode()[:-1],),
            "the euro sign has three bytes; with two of them, 2 wait.",
            "el signo del euro tiene tres bytes; con dos de ellos esperan 2.",
        ),
        Case(
            ("ñandú🦊".encode()[:-2],),
            "only the last character can be incomplete; look back no further.",
            "solo el último carácter puede estar incompleto; no mires más atrás.",
        ),
        Case(
            ("🦊".encode(),),
            "four bytes of four: the fox is whole.",
            "cuatro bytes de cuatro: el zorro está entero.",
        ),
        Case(
            (b"",),
            "no bytes: nothing to hold back.",
            "sin bytes no hay nada que retener.",
        ),
    ),
    read=int,
)


def _numbers(answer: object) -> list:
    """Make arrays, tensors and lists of numbers alike: four decimals, the same on all machines."""
    return np.asarray(answer, dtype=float).round(4).tolist()


def _same(answer: list, expected: list) -> bool:
    """Compare shapes and numbers, with room for one unit in the last of four decimals."""
    return np.shape(answer) == np.shape(expected) and np.allclose(answer, expected, atol=1.5e-4)


def _leftover(p: np.ndarray, q: np.ndarray) -> list:
    more = np.maximum(p - q, 0)
    return _numbers(more / more.sum())


check_leftover = Exercise(
    "leftover",
    _leftover,
    (
        Case(
            (np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])),
            "p has 0.25 more than q in two places, and nothing more in the third: [0.5, 0.5, 0].",
            "en dos lugares, p supera a q en 0,25, y en el tercero en nada: [0.5, 0.5, 0].",
        ),
        Case(
            (np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25])),
            "where q has more than p nothing is left: 0, not a negative number.",
            "donde q tiene más que p no queda nada: 0, no un número negativo.",
        ),
        Case(
            (np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.2, 0.6])),
            "divide by the sum, so that the probabilities add up to 1: [0.8, 0.2, 0].",
            "divide entre la suma, para que las probabilidades sumen 1: [0.8, 0.2, 0].",
        ),
        Case(
            (np.array([0.0, 1.0]), np.array([1.0, 0.0])),
            "nothing in common: what is left is p itself.",
            "sin nada en común, lo que queda es la propia p.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _cache_bytes(n_layers: int, n_kv_heads: int, d_head: int, n_positions: int) -> int:
    return 2 * n_layers * n_kv_heads * d_head * n_positions * 2


check_cache_bytes = Exercise(
    "cache_bytes",
    _cache_bytes,
    (
        Case(
            (1, 1, 1, 1),
            "one key and one value of 2 bytes each: 4.",
            "una clave y un valor de 2 bytes cada uno: 4.",
        ),
        Case(
            (2, 3, 5, 7),
            "multiply all sizes: every layer keeps vectors for every head and position.",
            "multiplica todos los tamaños: cada capa guarda vectores por cabeza y posición.",
        ),
        Case(
            (32, 8, 128, 8192),
            "Llama 3 8B with its whole context: 1,073,741,824 bytes, 1 GiB.",
            "Llama 3 8B con todo su contexto: 1 073 741 824 bytes, 1 GiB.",
        ),
        Case(
            (32, 8, 128, 0),
            "no positions, no bytes.",
            "sin posiciones no hay bytes.",
        ),
    ),
)
