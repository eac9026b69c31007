"""Numbers for the questions of the chapter `evaluation`."""

import math
from random import Random

import numpy as np

from lessons_lib.evaluation import (
    calibration_error,
    pass_at_k,
    pick,
    questions_needed,
    sign_test,
)
from lessons_lib.ngrams import nats_to_bits_per_byte

__all__ = [
    "ece_of_bins",
    "how_many_questions",
    "leaked_half",
    "nats_to_bits",
    "pair_table",
    "pass_two",
    "pick_by_length",
    "score_shape",
    "sign_coins",
    "standard_error",
]


def pick_by_length(rng: Random) -> dict[str, object]:
    """Draw three choices whose best sum is not the best mean."""
    rows = [(-2.0, 1), (-6.0, rng.choice([4, 5, 6])), (-9.0, rng.choice([3, 4]))]
    rng.shuffle(rows)
    sums, lengths = [row[0] for row in rows], [row[1] for row in rows]
    return {
        "sums": sums,
        "lengths": lengths,
        "answer": pick(sums, lengths),
        "wrong": [
            [pick(sums), "compared the sums", "se compararon las sumas"],
            [sums.index(-9.0), "took the least probable", "se tomó la menos probable"],
        ],
    }


def score_shape(rng: Random) -> dict[str, object]:
    """Draw an exam for some models."""
    n, n_choices, n_models = rng.randint(20, 90), rng.choice([4, 5, 8]), rng.choice([2, 3])
    scores = np.zeros((n_models, n, n_choices))
    picked = [[pick(row) for row in rows] for rows in scores]
    return {
        "n": n,
        "n_choices": n_choices,
        "n_models": n_models,
        "answer": np.shape(picked),
        "wrong": [
            [(n_models, n, 1), "`argmax` drops its axis", "`argmax` quita su eje"],
            [
                (n_models, n_choices),
                "the last axis is that of choices",
                "el último eje es de opciones",
            ],
        ],
    }


def nats_to_bits(rng: Random) -> dict[str, object]:
    """Draw a text's bytes and its cost."""
    n_bytes, nats = rng.choice([50, 100, 200, 400]), rng.choice([30, 60, 90, 120])
    answer = nats_to_bits_per_byte(float(nats), n_bytes)
    return {
        "n_bytes": n_bytes,
        "nats": nats,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [nats / n_bytes, "nats, not bits", "nats, no bits"],
            [nats * math.log(2) / n_bytes, "times ln 2", "por ln 2"],
        ],
    }


def standard_error(rng: Random) -> dict[str, object]:
    """Draw a true share and an exam."""
    percent, n = rng.choice([60, 70, 80, 90]), rng.choice([25, 50, 100, 400])
    answer = 100 * math.sqrt(percent / 100 * (1 - percent / 100) / n)
    return {
        "percent": percent,
        "n": n,
        "answer": answer,
        "decimals": 1,
        "wrong": [
            [answer * math.sqrt(n), "N was left out", "se olvidó N"],
            [1.96 * answer, "half the interval of 95 percent", "medio intervalo del 95 por ciento"],
        ],
    }


def sign_coins(rng: Random) -> dict[str, object]:
    """Draw on how many questions only one of two models is right."""
    differ, b = rng.choice([6, 7, 8, 9]), rng.choice([0, 1])
    a = differ - b
    answer = sign_test([1] * a + [0] * b, [0] * a + [1] * b)
    return {
        "differ": differ,
        "a": a,
        "b": b,
        "answer": answer,
        "decimals": 3,
        "wrong": [
            [answer / 2, "one side only", "un solo lado"],
            [b / differ, "the share of the fewer", "la proporción de los menos"],
        ],
    }


def how_many_questions(rng: Random) -> dict[str, object]:
    """Draw two models' difference."""
    d, gap = rng.choice([20, 30, 40]), rng.choice([4, 5, 10])
    p_b = 0.5 - gap / 200
    answer = questions_needed(p_b + gap / 100, p_b, disagree=d / 100)
    return {
        "d": d,
        "gap": gap,
        "answer": answer,
        "tolerance": max(1, answer // 100),
        "wrong": [
            [
                math.ceil(1.96**2 * (d / 100 - (gap / 100) ** 2) / (gap / 100) ** 2),
                "1.96 alone: found in half of the exams only",
                "solo 1,96: se halla en la mitad de los exámenes",
            ],
            [
                math.ceil(7.84 / (gap / 100) ** 2),
                "as if they always differed",
                "como si siempre difirieran",
            ],
        ],
    }


def pair_table(rng: Random) -> dict[str, object]:
    """Draw models and questions."""
    n_models, n = rng.choice([3, 4, 5]), rng.randint(20, 90)
    return {
        "n_models": n_models,
        "n": n,
        "answer": np.broadcast_shapes((n_models, 1, n), (1, n_models, n)),
        "wrong": [
            [(n_models, 1, n), "only one of the two is stretched", "solo se extiende uno"],
            [(n_models, n), "each pair has a row", "cada par tiene una fila"],
        ],
    }


def ece_of_bins(rng: Random) -> dict[str, object]:
    """Draw two bins of answers."""
    n1, n2 = rng.choice([(20, 80), (40, 60), (60, 40), (80, 20)])
    c1, r1 = rng.choice([(0.5, 40), (0.45, 60), (0.55, 40)])
    c2, r2 = rng.choice([(0.95, 65), (0.95, 60), (0.95, 55)])
    confidences = [c1] * n1 + [c2] * n2
    right = [i < n1 * r1 // 100 for i in range(n1)] + [i < n2 * r2 // 100 for i in range(n2)]
    gaps = abs(c1 - r1 / 100), abs(c2 - r2 / 100)
    return {
        "n1": n1,
        "c1": c1,
        "r1": r1,
        "n2": n2,
        "c2": c2,
        "r2": r2,
        "answer": calibration_error(confidences, right),
        "decimals": 2,
        "wrong": [
            [sum(gaps), "added, not weighted", "sumados, sin ponderar"],
            [max(gaps), "the larger gap only", "solo la mayor diferencia"],
        ],
    }


def leaked_half(rng: Random) -> dict[str, object]:
    """Draw a score and a leak."""
    percent, leaked = rng.choice([30, 40, 60]), rng.choice([10, 20, 50])
    answer = round(100 * pass_at_k(100, leaked, 1) + percent * (1 - pass_at_k(100, leaked, 1)))
    return {
        "percent": percent,
        "leaked": leaked,
        "answer": answer,
        "wrong": [
            [
                percent + leaked,
                "the leaked part counted twice",
                "la parte filtrada contada dos veces",
            ],
            [percent, "as if nothing had leaked", "como si nada se hubiera filtrado"],
        ],
    }


def pass_two(rng: Random) -> dict[str, object]:
    """Draw how many answers are right."""
    n, c = rng.choice([5, 6, 8, 10]), rng.choice([1, 2, 3])
    return {
        "n": n,
        "c": c,
        "answer": pass_at_k(n, c, 2),
        "decimals": 3,
        "wrong": [
            [1 - (1 - c / n) ** 2, "drawn with repetition", "con reemplazo"],
            [c / n, "one try", "un solo intento"],
        ],
    }
