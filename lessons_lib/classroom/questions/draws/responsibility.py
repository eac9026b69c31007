"""Numbers for the questions of the chapter `responsibility`."""

import math
from random import Random

import numpy as np

from lessons_lib.classroom.practice.responsibility import (
    check_bits_of_exposure,
    check_price,
    check_tokens_needed,
)
from lessons_lib.responsibility import (
    Watermark,
    fit_probe,
    log_odds,
    membership_auc,
    roc,
    sharpen,
)


class _Counted(Watermark):
    """A watermark that takes a count of green tokens for a text."""

    def count(self, token_ids: tuple[int, int]) -> tuple[int, int]:
        """Return the count as it was given."""
        return token_ids


def _scores(rng: Random) -> tuple[list[int], list[int]]:
    """Draw three scores of members, most of them higher, and three of outsiders."""
    ranks = rng.sample(range(1, 10), 6)
    ranks.sort()
    inside = [ranks[i] for i in rng.choice([(2, 4, 5), (1, 4, 5), (2, 3, 5), (1, 3, 5)])]
    outside = [one for one in ranks if one not in inside]
    rng.shuffle(inside)
    rng.shuffle(outside)
    return inside, outside


def log_odds_apart(rng: Random) -> dict[str, object]:
    """Return two probabilities, and how far their log odds are apart."""
    a, b = rng.choice([0.05, 0.1, 0.15, 0.2]), rng.choice([0.3, 0.4, 0.5, 0.6, 0.7])
    return {
        "a": a,
        "b": b,
        "answer": log_odds(b) - log_odds(a),
        "decimals": 2,
        "wrong": [
            [math.log(b / a), "These are logarithms of probabilities.", "Falta p / (1 - p)."],
            [
                b / (1 - b) - a / (1 - a),
                "The logarithm is missing.",
                "Falta el logaritmo.",
            ],
        ],
    }


def sharpened(rng: Random) -> dict[str, object]:
    """Return a trait's probability and a temperature, and what becomes of it."""
    p, others, tau = rng.choice([0.3, 0.5]), rng.choice([4, 5, 7]), rng.choice([0.5, 2.0])
    rest = (1 - p) / others

    def share(power: float, n: int) -> float:
        return p**power / (p**power + n * rest**power)

    found = sharpen([p] + [rest] * others, tau)[0]
    return {
        "p": p,
        "others": others,
        "tau": tau,
        "answer": float(found),
        "decimals": 2,
        "wrong": [
            [share(tau, others), "The power is 1 / τ, not τ.", "La potencia es 1 / τ, no τ."],
            [p ** (1 / tau), "Divide by the sum.", "Falta dividir entre la suma."],
        ],
    }


def price_of_belief(rng: Random) -> dict[str, object]:
    """Return a true probability and a believed one, and the price."""
    p, q = rng.choice([0.1, 0.15, 0.5, 0.6, 0.7]), rng.choice([0.25, 0.3, 0.35])
    return {
        "p": p,
        "q": q,
        "answer": float(check_price.solution(p, q)),
        "decimals": 3,
        "wrong": [
            [p * math.log(p / q), "The opposite event is missing.", "Falta el suceso contrario."],
            [
                -(p * math.log(q) + (1 - p) * math.log(1 - q)),
                "This is all it pays, the world's own surprise included.",
                "Esto es todo lo que paga, con la sorpresa del propio mundo.",
            ],
        ],
    }


def bits_of_a_rank(rng: Random) -> dict[str, object]:
    """Return how many secrets there are and how many are better, and the exposure."""
    n, better = rng.choice([64, 256, 960, 1024]), rng.choice([1, 2, 3, 4, 7, 9, 15])
    log_probs = -np.arange(n, dtype=float)
    return {
        "n": n,
        "better": better,
        "answer": float(check_bits_of_exposure.solution(log_probs, better)),
        "decimals": 1,
        "tolerance": 0.051,
        "wrong": [
            [math.log2(n), "This is the first place.", "Este es el primer lugar."],
            [
                math.log(n / (better + 1)),
                "This is in nats.",
                "Esto está en nats.",
            ],
        ],
    }


def area_by_hand(rng: Random) -> dict[str, object]:
    """Return scores of members and outsiders, and the area under the ROC."""
    inside, outside = _scores(rng)
    area = float(membership_auc(inside, outside)[0])
    return {
        "inside": inside,
        "outside": outside,
        "answer": area,
        "decimals": 2,
        "tolerance": 0.006,
        "wrong": [
            [1 - area, "Members and outsiders are exchanged.", "Grupos intercambiados."],
            [9 * area, "Divide by the nine pairs.", "Divide entre los nueve pares."],
        ],
    }


def z_of_a_text(rng: Random) -> dict[str, object]:
    """Return a count of green tokens, and the score."""
    n = rng.choice([48, 100, 108, 192, 300])
    green = n // 4 + rng.randint(5, 30)
    return {
        "n": n,
        "green": green,
        "answer": _Counted(100).z_score((green, n)),
        "decimals": 1,
        "tolerance": 0.051,
        "wrong": [
            [
                (green - n / 4) / (n * 3 / 16),
                "Divide by the root.",
                "Hay que dividir entre la raíz.",
            ],
            [
                (green - n / 4) / math.sqrt(n),
                "The root holds 1/4 times 3/4 as well.",
                "En la raíz van también 1/4 y 3/4.",
            ],
        ],
    }


def how_long_a_text(rng: Random) -> dict[str, object]:
    """Return a share of green tokens and a score, and how many tokens it takes."""
    share, ratio, z = rng.choice([0.35, 0.4, 0.55, 0.75]), 0.25, rng.choice([3, 4, 5, 6])
    gap = share - ratio
    return {
        "share": share,
        "ratio": ratio,
        "z": z,
        "answer": int(check_tokens_needed.solution(share, ratio, z)),
        "wrong": [
            [
                math.ceil(z * ratio * (1 - ratio) / gap**2 - 1e-9),
                "The score must be squared.",
                "La puntuación va al cuadrado.",
            ],
            [
                math.ceil(z**2 * ratio * (1 - ratio) / gap - 1e-9),
                "The distance must be squared.",
                "La distancia va al cuadrado.",
            ],
        ],
    }


def probe_weights(rng: Random) -> dict[str, object]:
    """Return names and the width of their vectors, and the shape of a probe."""
    n, d = rng.choice([12, 14, 16, 20]), rng.choice([8, 10, 24, 32, 48])
    states = np.random.default_rng(0).normal(size=(n, d))
    found = fit_probe(states, [i % 2 == 0 for i in range(n)])
    return {
        "n": n,
        "d": d,
        "answer": tuple(found.shape),
        "wrong": [
            [(d,), "The offset is missing.", "Falta el desplazamiento."],
            [(n, d + 1), "One line serves all names.", "Una recta sirve para todos los nombres."],
        ],
    }


def points_of_a_roc(rng: Random) -> dict[str, object]:
    """Return scores of members and outsiders, and the shape of their curve."""
    inside, outside = _scores(rng)
    inside, outside = inside[: rng.randint(2, 3)], outside[: rng.randint(2, 3)]
    n_points, two = roc(inside, outside).shape
    return {
        "inside": inside,
        "outside": outside,
        "answer": (int(n_points), int(two)),
        "wrong": [
            [
                (n_points - 1, two),
                "The curve begins at (0, 0).",
                "La curva empieza en (0, 0).",
            ],
            [(n_points,), "A point has two coordinates.", "Un punto tiene dos coordenadas."],
        ],
    }


def sharpened_shares(rng: Random) -> dict[str, object]:
    """Return numbers of questions and options, and the shape of their sharpened shares."""
    n, k = rng.randint(9, 60), rng.randint(3, 8)
    return {
        "n": n,
        "k": k,
        "answer": tuple(sharpen(np.full((n, k), 1 / k), 0.5).shape),
        "wrong": [
            [(n,), "Each option keeps a probability.", "Cada opción conserva una probabilidad."],
            [(k, n), "A row is a question.", "Una fila es una pregunta."],
        ],
    }
