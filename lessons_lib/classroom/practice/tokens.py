"""Checks for the exercises of the chapter `tokens`."""

import math
from collections import Counter
from itertools import pairwise

from lessons_lib.classroom.practice import Case, Exercise, near
from lessons_lib.tokens import BPE, train_bpe

__all__ = [
    "check_best_pair",
    "check_best_split",
    "check_bytes_per_token",
    "check_fewest_merges",
]


def _bytes_per_token(text: str, ids: list[int]) -> float:
    return len(text.encode()) / len(ids)


check_bytes_per_token = Exercise(
    "bytes_per_token",
    _bytes_per_token,
    (
        Case(
            ("banana", [1, 2, 3]),
            "divide the number of bytes by the number of tokens.",
            "divide el número de bytes entre el número de tokens.",
        ),
        Case(
            ("año 🐢", [7, 8, 9]),
            "bytes, not characters: text.encode() gives the bytes.",
            "bytes, no caracteres: text.encode() da los bytes.",
        ),
        Case(
            ("banana!", [5, 5, 5]),
            "keep the fraction: / and not //; and count every token, also repeated ones.",
            "conserva los decimales: / y no //; y cuenta todos los tokens, también los repetidos.",
        ),
    ),
    same=near,
)


def _best_pair(words: dict[tuple[int, ...], int]) -> tuple[int, int]:
    counts = Counter()
    for ids, times in words.items():
        for pair in pairwise(ids):
            counts[pair] += times
    return min(counts, key=lambda pair: (-counts[pair], pair))


check_best_pair = Exercise(
    "best_pair",
    _best_pair,
    (
        Case(
            ({(1, 2, 1, 2): 1, (2, 3): 1},),
            "count the pairs of neighbours inside each word.",
            "cuenta los pares de vecinos dentro de cada palabra.",
        ),
        Case(
            ({(1, 2): 1, (1, 2, 1, 2): 1, (3, 4): 4},),
            "a word that occurs 4 times counts each of its pairs 4 times.",
            "una palabra que aparece 4 veces cuenta cada uno de sus pares 4 veces.",
        ),
        Case(
            ({(5,): 9, (6, 7): 1, (8, 5): 1, (5, 9): 2, (9,): 3},),
            "a word of one token has no pair, and no pair crosses from one word to the next.",
            "una palabra de un token no tiene pares, y ningún par cruza de una palabra a otra.",
        ),
        Case(
            ({(9, 1): 2, (2, 8): 2, (2, 7): 2},),
            "of equally frequent pairs take the first in order, as min() of the pairs gives it.",
            "entre los pares igual de frecuentes, el primero en orden, como lo da min().",
        ),
        Case(
            ({(9, 9, 9): 1, (4, 5): 1},),
            "neighbours may overlap: (9, 9, 9) holds the pair (9, 9) twice.",
            "los vecinos pueden solaparse: (9, 9, 9) contiene dos veces el par (9, 9).",
        ),
        Case(
            ({(256, 1, 300): 2, (300, 0): 1},),
            "ids may be larger than 255: merged tokens are merged again.",
            "los ids pueden superar 255: los tokens fusionados se vuelven a fusionar.",
        ),
    ),
)


def _best_split(word: str, shares: dict[str, float]) -> list[str]:
    best = [(0.0, [])]
    for end in range(1, len(word) + 1):
        ways = [(math.inf, [])]
        for start, (bits, pieces) in enumerate(best):
            if share := shares.get(word[start:end]):
                ways.append((bits - math.log2(share), [*pieces, word[start:end]]))
        best.append(min(ways))
    return best[-1][1]


check_best_split = Exercise(
    "best_split",
    _best_split,
    (
        Case(
            ("ab", {"a": 0.4, "b": 0.3, "ab": 0.2}),
            "one piece of 0.2 is more probable than two of 0.4 and 0.3: their product is 0.12.",
            "una pieza de 0,2 es más probable que dos de 0,4 y 0,3: su producto es 0,12.",
        ),
        Case(
            ("abc", {"a": 0.2, "b": 0.1, "c": 0.01, "ab": 0.3, "bc": 0.3}),
            "the longest piece at the start may leave a bad rest: compare whole cuts.",
            "la pieza más larga al comienzo puede dejar un mal resto: compara cortes enteros.",
        ),
        Case(
            ("abab", {"a": 0.1, "b": 0.1, "ab": 0.3, "abab": 0.001}),
            "few pieces are not enough: it is the product of their probabilities that counts.",
            "no basta con que sean pocas piezas: cuenta el producto de sus probabilidades.",
        ),
        Case(
            ("quiz", {"qu": 0.2, "u": 0.1, "i": 0.1, "z": 0.1, "iz": 0.1, "a": 0.4}),
            "only pieces that stand in shares may be used, and q alone does not.",
            "solo valen las piezas que están en shares, y la q sola no está.",
        ),
        Case(
            ("banana", {"b": 0.1, "a": 0.3, "n": 0.2, "an": 0.1, "na": 0.15, "ana": 0.001}),
            "a piece may be used twice, and the pieces stay in the order of the word.",
            "una pieza puede usarse dos veces, y las piezas quedan en el orden de la palabra.",
        ),
        Case(
            ("na" * 8, {"n": 1e-25, "a": 1e-25, "na": 1e-45, "nana": 1e-95}),
            "a product of many small numbers becomes 0 in the computer: add up logarithms.",
            "un producto de muchos números pequeños acaba en 0: suma logaritmos.",
        ),
        Case(
            ("", {"a": 1.0}), "an empty word has no pieces.", "una palabra vacía no tiene piezas."
        ),
    ),
    read=list,
)


def _fewest_merges(training: str, new: str, wanted: float, most: int) -> int:
    _, merges = train_bpe(training, 256 + most)
    for n in range(len(merges) + 1):
        if _bytes_per_token(new, BPE(merges[:n]).encode(new)) >= wanted:
            return n
    return -1


_MOON = "The old moon told the old cat of the cold. The cat told the moon of the coat."

check_fewest_merges = Exercise(
    "fewest_merges",
    _fewest_merges,
    (
        Case(
            ("banana", "banana", 2.0, 9),
            "6 bytes; with two merges they are 3 tokens, exactly 2 bytes each, and that is enough.",
            "6 bytes; con dos fusiones son 3 tokens, justo 2 bytes cada uno, y con eso basta.",
        ),
        Case(
            (_MOON, "a hot coat", 1.5, 60),
            "learn from the first text, count the tokens of the second.",
            "aprende del primer texto y cuenta los tokens del segundo.",
        ),
        Case(
            ("ñandú, ñandú, ñandú", "ñandú", 1.6, 20),
            "bytes, not characters: text.encode() gives the bytes.",
            "bytes, no caracteres: text.encode() da los bytes.",
        ),
        Case((_MOON, "cold", 1.0, 5), "0 merges may be enough.", "pueden bastar 0 fusiones."),
        Case(
            (_MOON, _MOON, 2.2, 10),
            "10 merges at most, and with 10 it is less: -1.",
            "10 fusiones como mucho, y con 10 no llega: -1.",
        ),
        Case(
            ("abab", "xyz", 1.5, 9),
            "training may run out of pairs before most merges: then there are fewer to try.",
            "el entrenamiento puede quedarse sin pares antes de most fusiones: prueba las que hay.",
        ),
    ),
)
