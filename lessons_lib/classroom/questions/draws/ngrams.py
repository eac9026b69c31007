"""Numbers for the numeric and shape questions of the chapter `ngrams`."""

import math
from collections import Counter
from random import Random

import numpy as np

from lessons_lib.classroom.practice.ngrams import check_perplexity_of
from lessons_lib.ngrams import (
    NGram,
    add_k_probs,
    count_ngrams,
    nats_to_bits_per_byte,
    perplexity,
    witten_bell_probs,
)

__all__ = [
    "add_k_of",
    "bits_per_byte_by_hand",
    "how_many_ngrams",
    "perplexity_from_probs",
    "probs_shape",
    "share_after",
    "surprises_shape",
    "uniform_perplexity",
    "witten_bell_of",
]


def how_many_ngrams(rng: Random) -> dict[str, object]:
    """Draw the length of a text and an order."""
    tokens, n = rng.randint(12, 60), rng.randint(3, 5)
    return {
        "tokens": tokens,
        "n": n,
        "answer": sum(c.total() for c in count_ngrams([0] * tokens, n).values()),
        "wrong": [
            [
                tokens,
                "The first tokens have no full context before them.",
                "Los primeros tokens no tienen un contexto completo delante.",
            ],
            [
                tokens - n,
                "One too few: the last n-gram ends at the last token.",
                "Falta uno: el último n-grama acaba en el último token.",
            ],
            [
                tokens // n,
                "N-grams overlap; the text is not cut into pieces.",
                "Los n-gramas se solapan; el texto no se corta en trozos.",
            ],
        ],
    }


def share_after(rng: Random) -> dict[str, object]:
    """Draw a short text of three ids that ends with the context."""
    ones, twos = rng.choice([(2, 3), (3, 2), (1, 3), (3, 1), (4, 1), (1, 4)])
    followers = [1] * ones + [2] * twos
    rng.shuffle(followers)
    ids = [0, *(i for follower in followers for i in (follower, 0))]
    counts = count_ngrams(ids, 2)[0,]
    return {
        "ids": ids,
        "answer": counts[1] / counts.total(),
        "decimals": 2,
        "wrong": [
            [
                ones / (ones + twos + 1),
                "The 0 at the end was counted too, though nothing follows it.",
                "Se contó también el 0 del final, aunque nada le sigue.",
            ],
            [
                ones / len(ids),
                "Divided by all tokens: only those after the context count.",
                "Dividido entre todos los tokens: solo cuentan los que siguen al contexto.",
            ],
            [twos / (ones + twos), "That is the share of 2.", "Esa es la parte de 2."],
        ],
    }


def perplexity_from_probs(rng: Random) -> dict[str, object]:
    """Draw the probabilities of four tokens."""
    probs = rng.sample([0.1, 0.2, 0.25, 0.4, 0.5, 0.8], 4)
    answer = check_perplexity_of.solution(probs)
    return {
        "probs": probs,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [math.log(answer), "That is the cross-entropy.", "Eso es la entropía cruzada."],
            [
                4 / sum(probs),
                "The probabilities were averaged; average the surprises.",
                "Se promediaron las probabilidades; hay que promediar las sorpresas.",
            ],
            [
                1 / math.prod(probs),
                "The sum of the surprises was taken in place of their mean.",
                "Se tomó la suma de las sorpresas en lugar de la media.",
            ],
        ],
    }


def uniform_perplexity(rng: Random) -> dict[str, object]:
    """Draw the size of a vocabulary."""
    vocab_size = rng.choice([64, 256, 500, 1000, 4096])
    return {
        "vocab_size": vocab_size,
        "answer": round(perplexity([math.log(vocab_size)] * 10)),
        "wrong": [
            [1, "Perplexity 1 needs certainty.", "Para perplejidad 1 hace falta certeza."],
            [
                round(math.log2(vocab_size)),
                "That is about the surprise in bits, not the perplexity.",
                "Eso es, más o menos, la sorpresa en bits, no la perplejidad.",
            ],
        ],
    }


def add_k_of(rng: Random) -> dict[str, object]:
    """Draw counts, the size of a vocabulary and k."""
    count, rest, vocab_size = rng.randint(2, 9), rng.randint(3, 15), rng.randint(20, 60)
    k, total = rng.choice([1, 2]), count + rest
    return {
        "total": total,
        "count": count,
        "vocab_size": vocab_size,
        "k": k,
        "answer": float(add_k_probs(Counter({0: count, 1: rest}), vocab_size, k)[0]),
        "decimals": 3,
        "wrong": [
            [
                (count + k) / (total + k),
                "Below the line, k stands once for every token of the vocabulary.",
                "En el denominador, k aparece una vez por cada token del vocabulario.",
            ],
            [
                count / (total + k * vocab_size),
                "Above the line, k is missing.",
                "En el numerador falta k.",
            ],
            [count / total, "That is without smoothing.", "Eso es sin suavizado."],
        ],
    }


def witten_bell_of(rng: Random) -> dict[str, object]:
    """Draw what followed a context and what the shorter one says."""
    count, kinds, shorter = rng.randint(2, 8), rng.randint(3, 6), rng.choice([0.1, 0.05, 0.2])
    total = count + kinds - 1 + rng.randint(2, 8)
    others = {i: 1 for i in range(1, kinds - 1)}
    counts = Counter({0: count, **others, kinds - 1: total - count - len(others)})
    below = np.full(10, (1 - shorter) / 9)
    below[0] = shorter
    return {
        "total": total,
        "kinds": kinds,
        "count": count,
        "shorter": shorter,
        "answer": float(witten_bell_probs(counts, below)[0]),
        "decimals": 3,
        "wrong": [
            [
                count / (total + kinds),
                "What the shorter context gives is missing.",
                "Falta lo que da el contexto más corto.",
            ],
            [
                (count + shorter) / (total + 1),
                "The shorter context weighs as much as there were kinds, not once.",
                "El contexto más corto pesa tanto como clases hubo, no una vez.",
            ],
            [
                count / total,
                "That is the share without smoothing.",
                "Esa es la parte sin suavizado.",
            ],
        ],
    }


def probs_shape(rng: Random) -> dict[str, object]:
    """Draw an order, the size of a vocabulary and the length of a context."""
    n, vocab_size, length = rng.randint(2, 4), rng.choice([50, 120, 300]), rng.randint(5, 9)
    shape = NGram([0, 1], n, vocab_size).probs([0] * length).shape
    return {
        "n": n,
        "vocab_size": vocab_size,
        "length": length,
        "answer": tuple(shape),
        "wrong": [
            [
                (length, vocab_size),
                "Only the token after the whole context is asked for.",
                "Solo se pide el token que sigue a todo el contexto.",
            ],
            [(n,), "The order is no axis.", "El orden no es un eje."],
            [
                (length,),
                "The context is given; a probability belongs to each next token.",
                "El contexto ya se tiene; hay una probabilidad por token siguiente.",
            ],
        ],
    }


def surprises_shape(rng: Random) -> dict[str, object]:
    """Draw an order, the size of a vocabulary and the length of a text."""
    n, vocab_size, length = rng.randint(2, 4), rng.choice([50, 120, 300]), rng.randint(10, 40)
    shape = NGram([0, 1], n, vocab_size).surprises([0] * length).shape
    return {
        "n": n,
        "vocab_size": vocab_size,
        "length": length,
        "answer": tuple(shape),
        "wrong": [
            [
                (length - n + 1,),
                "The first tokens have surprises too, from shorter contexts.",
                "Los primeros tokens también tienen sorpresa, con contextos más cortos.",
            ],
            [
                (length, vocab_size),
                "Only the token that came has a surprise, not all of the vocabulary.",
                "Solo tiene sorpresa el token que vino, no todo el vocabulario.",
            ],
        ],
    }


def bits_per_byte_by_hand(rng: Random) -> dict[str, object]:
    """Draw the cross-entropy on a text, and its tokens and bytes."""
    nats, tokens = rng.choice([1.2, 1.5, 2.1, 2.5, 3.2]), 10 * rng.randint(10, 40)
    n_bytes = tokens * rng.choice([3, 4]) + 10
    answer = nats_to_bits_per_byte(nats * tokens, n_bytes)
    return {
        "nats": nats,
        "tokens": tokens,
        "bytes": n_bytes,
        "answer": answer,
        "decimals": 2,
        "wrong": [
            [
                answer * math.log(2),
                "These are nats per byte: divide by ln 2.",
                "Eso son nats por byte: divide entre ln 2.",
            ],
            [
                nats / math.log(2),
                "These are bits per token, not per byte.",
                "Eso son bits por token, no por byte.",
            ],
            [
                answer * math.log(2) ** 2,
                "Multiplied by ln 2 in place of divided.",
                "Multiplicado por ln 2 en lugar de dividido.",
            ],
        ],
    }
