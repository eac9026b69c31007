"""Numbers for the numeric questions of the chapter `intro`."""

import math
from random import Random

from lessons_lib.classroom.practice.intro import check_surprise
from lessons_lib.intro import next_char_counts, next_char_probs, pick_char

__all__ = [
    "count_overlaps",
    "pick_place",
    "probability_by_hand",
    "random_place",
    "surprise_power",
    "surprise_sum",
    "training_operations",
]


def probability_by_hand(rng: Random) -> dict[str, object]:
    """Draw how often three characters follow a context."""
    a, b, c = rng.sample(range(2, 10), 3)
    text = "xa" * a + "xe" * b + "x " * c
    return {
        "a": a,
        "b": b,
        "c": c,
        "answer": next_char_probs(text, "x", 1)["e"],
        "decimals": 3,
        "wrong": [
            [
                b / (a + c),
                "Divided by the other counts only: the total includes those of `e`.",
                "Dividido solo entre las otras cuentas: el total incluye las de `e`.",
            ],
            [
                a / (a + b + c),
                "That is the probability of `a`.",
                "Esa es la probabilidad de `a`.",
            ],
        ],
    }


def count_overlaps(rng: Random) -> dict[str, object]:
    """Draw a text of runs of `a`, in which occurrences of `aa` overlap."""
    text = "b".join("a" * n for n in rng.sample(range(4, 8), 2)) + "b"
    answer = next_char_counts(text, "aa", 2)[1]["a"]
    apart = sum((len(run) - 1) // 2 for run in text.split("b"))
    return {
        "text": text,
        "answer": answer,
        "wrong": [
            [
                apart,
                "Counted without overlap: the next search starts one character further.",
                "Contado sin solapar: la búsqueda siguiente empieza un carácter más allá.",
            ],
            [
                text.count("a"),
                "These are all the `a` of the text, also those that do not follow `aa`.",
                "Esas son todas las `a` del texto, también las que no siguen a `aa`.",
            ],
            [
                answer + 2,
                "The `b` that follow `aa` were counted too.",
                "Se contaron también las `b` que siguen a `aa`.",
            ],
        ],
    }


def pick_place(rng: Random) -> dict[str, object]:
    """Draw three counts and a place inside the part of the second."""
    a, b, c = rng.randint(2, 6), rng.randint(4, 9), rng.randint(2, 6)
    place = a + rng.randint(1, b - 2)
    counts = {"a": a, "b": b, "c": c}
    answer = sum(pick_char(counts, i) == "b" for i in range(place + 1))
    return {
        "a": a,
        "b": b,
        "c": c,
        "place": place,
        "answer": answer,
        "wrong": [
            [
                answer - 1,
                "Places start at 0, so the first `b` stands at the place whose number is the count "
                "of `a`; the last place counts too.",
                "Los lugares empiezan en 0, así que la primera `b` está en el lugar cuyo número es "
                "la cuenta de `a`; el último lugar también cuenta.",
            ],
            [
                place + 1,
                "The places of `a` were counted too.",
                "Se contaron también los lugares de `a`.",
            ],
        ],
    }


def random_place(rng: Random) -> dict[str, object]:
    """Draw the length of a row and a share of the random numbers."""
    total, percent = rng.choice([7, 9, 11, 13, 17]), rng.choice([23, 37, 41, 59, 68, 83])
    counts = {chr(97 + i): 1 for i in range(total)}
    answer = ord(pick_char(counts, 2**32 * percent // 100 * total // 2**32)) - 97
    return {
        "percent": percent,
        "total": total,
        "answer": answer,
        "wrong": [
            [
                answer + 1,
                "Rounded up, or counted from 1: round down, the first place is 0.",
                "Redondeado hacia arriba o contado desde 1: se redondea hacia abajo y el primer "
                "lugar es el 0.",
            ],
            [
                percent % total if percent % total not in (answer, answer + 1) else total,
                "The remainder of a division is not the place; the share of the row is.",
                "El resto de una división no es el lugar; lo es la parte de la fila.",
            ],
        ],
    }


def surprise_power(rng: Random) -> dict[str, object]:
    """Draw a power of two."""
    n = rng.choice([8, 16, 32, 64, 128, 256])
    bits = round(check_surprise.solution({"a": 1 / n}, "a"))
    return {
        "n": n,
        "answer": bits,
        "wrong": [
            [-bits, "The minus sign is missing.", "Falta el signo menos."],
            [
                n // 2,
                "Halved once, instead of counting how often one halves to reach 1.",
                "Dividido una vez entre 2, en lugar de contar las mitades hasta llegar a 1.",
            ],
            [n, "That is 1/p, without the logarithm.", "Eso es 1/p, sin el logaritmo."],
        ],
    }


def surprise_sum(rng: Random) -> dict[str, object]:
    """Draw the probabilities of four characters, one of them 0."""
    probs = [*rng.sample([0.5, 0.25, 0.2, 0.1, 0.8, 0.4], 3), 0]
    rng.shuffle(probs)
    kept = [p for p in probs if p]
    answer = sum(check_surprise.solution({"x": p or 0.001}, "x") for p in probs)
    return {
        "probs": probs,
        "answer": answer,
        "decimals": 2,
        "tolerance": 0.02,
        "wrong": [
            [
                sum(-math.log2(p) for p in kept),
                "The character without a probability was left out.",
                "Se omitió el carácter sin probabilidad.",
            ],
            [
                sum(-math.log(p or 0.001) for p in probs),
                "This is the natural logarithm; bits need base 2.",
                "Ese es el logaritmo natural; los bits piden base 2.",
            ],
            [
                -math.log2(sum(kept) + 0.001),
                "The logarithm of the sum is not the sum of the logarithms.",
                "El logaritmo de la suma no es la suma de los logaritmos.",
            ],
        ],
    }


def training_operations(rng: Random) -> dict[str, object]:
    """Draw the size of a small model and of its training text."""
    params, tokens = rng.randint(2, 30), 10 * rng.randint(2, 40)
    operations = 6 * (params * 1e6) * (tokens * 1e6) / 1e15  # a later chapter builds this rule
    return {
        "params": params,
        "tokens": tokens,
        "answer": operations,
        "decimals": 2,
        "wrong": [
            [
                operations / 6,
                "The 6 operations for each parameter and token are missing.",
                "Faltan las 6 operaciones por parámetro y token.",
            ],
            [
                6 * (params + tokens) / 1000,
                "Parameters and tokens are multiplied, not added.",
                "Los parámetros y los tokens se multiplican, no se suman.",
            ],
            [
                operations * 1000,
                "A million times a million is 10¹², not 10¹⁵.",
                "Un millón por un millón es 10¹², no 10¹⁵.",
            ],
        ],
    }
