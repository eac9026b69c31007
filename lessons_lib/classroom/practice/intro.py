"""Checks for the exercises of the chapter `intro`."""

import math
from collections import Counter

from lessons_lib.classroom.practice import Case, Exercise, near
from lessons_lib.intro import next_char_probs

__all__ = ["check_best_look_back", "check_count_next", "check_most_likely", "check_surprise"]


def _count_next(text: str, context: str) -> dict[str, int]:
    places = range(len(text) - len(context))
    return dict(Counter(text[i + len(context)] for i in places if text.startswith(context, i)))


check_count_next = Exercise(
    "count_next",
    _count_next,
    (
        Case(
            ("abcab", "bc"),
            "look at every place where the context stands, and at the one character after it.",
            "mira cada sitio donde aparece el contexto y el carácter que le sigue.",
        ),
        Case(
            ("banana band", "an"),
            "add 1 for each place: the same character may follow several times.",
            "suma 1 por cada sitio: el mismo carácter puede seguir varias veces.",
        ),
        Case(
            ("aaaab", "aa"),
            "occurrences may overlap: aaaa holds aa three times.",
            "las apariciones pueden solaparse: aaaa contiene aa tres veces.",
        ),
        Case(
            ("banana", "na"),
            "at the very end of the text nothing follows.",
            "justo al final del texto no sigue nada.",
        ),
        Case(
            ("a.b\n.c", "."),
            "compare characters with the context as they are: a point is a point.",
            "compara los caracteres con el contexto tal cual: un punto es un punto.",
        ),
        Case(
            ("a\nb", "a"),
            "a line end is a character too, and may follow.",
            "un salto de línea también es un carácter y puede seguir.",
        ),
        Case(
            ("aba", ""),
            "the empty context stands before every character.",
            "el contexto vacío está delante de cada carácter.",
        ),
        Case(
            ("abc", "abcd"),
            "a context longer than the text never occurs.",
            "un contexto más largo que el texto no aparece nunca.",
        ),
    ),
)


check_most_likely = Exercise(
    "most_likely",
    lambda counts: min(counts, key=lambda character: (-counts[character], character)),
    (
        Case(
            ({"a": 1, "b": 3, "c": 2},),
            "return the character, not its count.",
            "devuelve el carácter, no su número de apariciones.",
        ),
        Case(
            ({"z": 2, "b": 2, "a": 1},),
            "of equally frequent ones take the first in Unicode's order: min() of them.",
            "entre los igual de frecuentes, el primero en el orden de Unicode: min() de ellos.",
        ),
        Case(
            ({"b": 2, "B": 2, "é": 2},),
            "Unicode's order is that of Python's <: capitals come before small letters.",
            "el orden de Unicode es el de < en Python: las mayúsculas van antes.",
        ),
        Case(
            ({"b": 5, "z": 5, "a": 4},),
            "first the count, and only then the character, decides.",
            "primero decide el número de apariciones y solo después el carácter.",
        ),
        Case(({"x": 1},), "one character is enough.", "basta con un carácter."),
    ),
)


def _surprise(probs: dict[str, float], character: str) -> float:
    p = probs.get(character, 0.0)
    return -math.log2(p) if p > 0 else math.inf


check_surprise = Exercise(
    "surprise",
    _surprise,
    (
        Case(
            ({"a": 0.25, "b": 0.75}, "a"),
            "use the logarithm to base 2, with a minus sign: -math.log2(p).",
            "usa el logaritmo en base 2, con signo menos: -math.log2(p).",
        ),
        Case(
            ({"a": 0.3, "b": 0.7}, "a"),
            "the bits need not be a whole number, and do not round them.",
            "los bits no tienen por qué ser un número entero; no los redondees.",
        ),
        Case(({"a": 1.0}, "a"), "a certain character: 0 bits.", "un carácter seguro: 0 bits."),
        Case(
            ({"a": 1.0}, "b"),
            "a character that is not there has probability 0: return math.inf.",
            "un carácter que no está tiene probabilidad 0: devuelve math.inf.",
        ),
        Case(
            ({"a": 1.0, "b": 0.0}, "b"),
            "the logarithm of 0 does not exist: return math.inf.",
            "el logaritmo de 0 no existe: devuelve math.inf.",
        ),
    ),
    same=near,
)


def _best_look_back(text: str, new: str, lengths: tuple[int, ...]) -> int:
    sums = {}
    for length in sorted(lengths):
        probs = (next_char_probs(text, new[:i], length).get(new[i], 0.0) for i in range(len(new)))
        sums[length] = sum(-math.log2(max(p, 0.001)) for p in probs)
    return min(sums, key=sums.get)


check_best_look_back = Exercise(
    "best_look_back",
    _best_look_back,
    (
        Case(
            ("bbacabbbaa", " ba a c", (0, 5)),
            "the model reads text; judge it by how well it predicts new.",
            "el modelo lee text; júzgalo por lo bien que predice new.",
        ),
        Case(
            (" bbbbcc ", "a ca b c", (0, 3)),
            "the smallest sum wins, and a character without a probability counts with 0.001.",
            "gana la suma más pequeña, y un carácter sin probabilidad cuenta con 0,001.",
        ),
        Case(
            ("bbcaaabcbb a", "bac a c", (3, 0)),
            "add up the surprises; how often the first guess is right does not matter.",
            "suma las sorpresas; no importa cuántas veces acierta la primera opción.",
        ),
        Case(
            (" b  bacc b", "bcca", (0, 1)),
            "add up the surprises, -math.log2(p), not the probabilities.",
            "suma las sorpresas, -math.log2(p), no las probabilidades.",
        ),
        Case(
            ("ab   abac", "bacc", (1, 3)),
            "what stands before new[i] is new[:i], without new[i] itself.",
            "lo que está delante de new[i] es new[:i], sin new[i].",
        ),
        Case(
            ("cccbabb  ac bacc", "ba bacc", (5, 2)),
            "take 0.001 where the probability is smaller or missing, or one character decides all.",
            "toma 0,001 si la probabilidad es menor o falta, o un solo carácter lo decide todo.",
        ),
        Case(
            ("ba aa babcccaca", "ab ", (5, 3)),
            "if two lengths do equally well, return the shorter one.",
            "si dos longitudes empatan, devuelve la más corta.",
        ),
    ),
)
