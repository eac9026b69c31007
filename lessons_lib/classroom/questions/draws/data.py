"""Numbers for the questions of the chapter `data`."""

import math
from random import Random

import numpy as np

from lessons_lib.data import (
    candidate_pairs,
    jaccard,
    lsh_probability,
    mixture_weights,
    page_blocks,
    shingles,
)

__all__ = [
    "chance_of_bands",
    "error_of_signature",
    "jaccard_of_sets",
    "link_share",
    "one_word_changed",
    "pairs_compared",
    "signatures_shape",
    "times_read",
    "weight_of_small",
]


def link_share(rng: Random) -> dict[str, object]:
    """Draw a block of a page with one link."""
    before = rng.choice(["See", "More", "Today", "Read on"])
    link = rng.choice(["the map", "all mills", "our news", "the whole story"])
    (block,) = page_blocks(f"<p>{before} | <a href=/>{link}</a></p>")
    return {
        "before": before,
        "link": link,
        "answer": block.link_share,
        "decimals": 2,
        "wrong": [
            [1 - block.link_share, "the share that is no link", "la parte que no es enlace"],
            [0.5, "counted parts, not characters", "se contaron partes, no caracteres"],
        ],
    }


def jaccard_of_sets(rng: Random) -> dict[str, object]:
    """Draw two sets of shingles by their sizes."""
    n_both, a, b = rng.randint(3, 12), rng.randint(2, 9), rng.randint(10, 18)
    one, other = set(range(n_both + a)), {*range(n_both), *range(100, 100 + b)}
    return {
        "n_a": len(one),
        "n_b": len(other),
        "n_both": n_both,
        "answer": jaccard(one, other),
        "decimals": 2,
        "wrong": [
            [
                n_both / (len(one) + len(other)),
                "those in both were counted twice",
                "las que están en los dos se contaron dos veces",
            ],
            [n_both / len(one), "over the first text only", "solo entre el primer texto"],
        ],
    }


def one_word_changed(rng: Random) -> dict[str, object]:
    """Draw the length of a text, and that of its shingles."""
    n_words, width = rng.choice([40, 60, 80, 120]), rng.choice([3, 4, 5])
    words = [f"w{i}" for i in range(n_words)]
    text, middle = " ".join(words), n_words // 2
    changed = " ".join([*words[:middle], "new", *words[middle + 1 :]])
    n_shingles = n_words - width + 1
    return {
        "n_words": n_words,
        "width": width,
        "answer": jaccard(shingles(text, width), shingles(changed, width)),
        "decimals": 2,
        "wrong": [
            [
                1 - width / n_shingles,
                "over one text's shingles, not over those of both",
                "entre las tiras de un texto, no entre las de los dos",
            ],
            [
                (n_words - 1) / (n_words + 1),
                "words were compared, not shingles",
                "se compararon palabras, no tiras",
            ],
        ],
    }


def error_of_signature(rng: Random) -> dict[str, object]:
    """Draw a similarity and the length of signatures; the error is that of a signature's mean."""
    j, n_hashes = rng.choice([0.2, 0.5, 0.8, 0.9]), rng.choice([64, 100, 128, 256])
    equal = np.array([1.0] * round(1000 * j) + [0.0] * (1000 - round(1000 * j)))
    answer = float(equal.std()) / math.sqrt(n_hashes)
    return {
        "j": j,
        "n_hashes": n_hashes,
        "answer": answer,
        "decimals": 3,
        "wrong": [
            [float(equal.var()) / n_hashes, "the root is missing", "falta la raíz"],
            [float(equal.std()), "the error of a single number", "el error de un solo número"],
        ],
    }


def chance_of_bands(rng: Random) -> dict[str, object]:
    """Draw bands, rows and a similarity at which the curve is neither 0 nor 1."""
    bands, rows, j = rng.choice([(4, 3, 0.5), (5, 2, 0.4), (10, 4, 0.6), (14, 8, 0.7), (8, 4, 0.6)])
    return {
        "bands": bands,
        "rows": rows,
        "j": j,
        "answer": lsh_probability(j, bands, rows),
        "decimals": 2,
        "wrong": [
            [j**rows, "one band only", "una sola banda"],
            [
                1 - (1 - j**bands) ** rows,
                "bands and rows were exchanged",
                "se cambiaron bandas y filas",
            ],
        ],
    }


def pairs_compared(rng: Random) -> dict[str, object]:
    """Draw a number of texts; with signatures that are all equal, all pairs are candidates."""
    n = rng.choice([20, 30, 50, 80])
    answer = len(candidate_pairs([np.zeros(4, np.uint32)] * n, 2))
    return {
        "n": n,
        "answer": answer,
        "wrong": [
            [n * n, "each text with itself, and each pair twice", "cada texto consigo y dos veces"],
            [n * (n - 1), "each pair was counted twice", "cada par se contó dos veces"],
        ],
    }


def signatures_shape(rng: Random) -> dict[str, object]:
    """Draw texts, hashes and bands."""
    n, (n_hashes, bands) = rng.choice([50, 200, 300]), rng.choice([(128, 16), (64, 8), (96, 12)])
    stacked = np.zeros((n, n_hashes), np.uint32)
    return {
        "n": n,
        "n_hashes": n_hashes,
        "bands": bands,
        "answer": stacked.reshape(n, bands, -1).shape,
        "wrong": [
            [
                (n, n_hashes // bands, bands),
                "bands and their numbers were exchanged",
                "se cambiaron las bandas y sus números",
            ],
            [(bands, n, n_hashes // bands), "texts come first", "los textos van primero"],
        ],
    }


def weight_of_small(rng: Random) -> dict[str, object]:
    """Draw two languages and a temperature."""
    n_large, n_small = rng.choice([(900, 100), (800, 200), (640, 40), (960, 60)])
    tau = rng.choice([2, 4])
    weights = mixture_weights([n_large, n_small], float(tau))
    upside_down = mixture_weights([n_large, n_small], 1 / tau)
    return {
        "n_large": n_large,
        "n_small": n_small,
        "tau": tau,
        "answer": float(weights[1]),
        "decimals": 2,
        "wrong": [
            [float(upside_down[1]), "the power is upside down", "el exponente está al revés"],
            [float(weights[0]), "the larger one's share", "la parte de la mayor"],
        ],
    }


def times_read(rng: Random) -> dict[str, object]:
    """Draw a small language with a large weight."""
    n_texts, n_drawn, tau = rng.choice([100, 200, 250]), rng.choice([1000, 2000]), 4.0
    weight = round(float(mixture_weights([n_drawn, n_texts], tau)[1]), 2)
    return {
        "n_texts": n_texts,
        "n_drawn": n_drawn,
        "weight": weight,
        "answer": n_drawn * weight / n_texts,
        "decimals": 2,
        "wrong": [
            [n_drawn / n_texts, "without its weight", "sin su peso"],
            [n_texts * weight / n_drawn, "upside down", "al revés"],
        ],
    }
