"""Numbers for the numeric and shape questions of the chapter `attention`."""

import math
from random import Random

import torch

from lessons_lib.attention import (
    MultiHeadAttention,
    attention_weights,
    causal_mask,
    scaled_dot_product_attention,
    softmax,
    split_heads,
)
from lessons_lib.classroom.practice.attention import check_count_kv_cache

__all__ = [
    "allowed_pairs",
    "keys_shape",
    "kv_cache_bytes",
    "plain_average",
    "slope_by_hand",
    "split_shape",
    "spread_of_scores",
    "weight_by_hand",
    "weights_shape",
]


def weight_by_hand(rng: Random) -> dict[str, object]:
    """Draw a score and the number of tokens of score 0."""
    score, others = rng.choice([2, 3, 4]), rng.randint(4, 30)
    scores = torch.tensor([float(score)] + [0.0] * others, dtype=torch.float64)
    e = math.exp(score)
    return {
        "score": score,
        "others": others,
        "answer": softmax(scores)[0].item(),
        "decimals": 2,
        "wrong": [
            [
                1 / (others + 1),
                "That would be the plain average, with equal scores.",
                "Eso sería la media simple, con puntuaciones iguales.",
            ],
            [
                e / others,
                "The sum below also holds the exponential of the first score.",
                "El divisor contiene también la exponencial de la primera puntuación.",
            ],
        ],
    }


def plain_average(rng: Random) -> dict[str, object]:
    """Draw the values of six tokens and a position."""
    values, t = sorted(rng.sample(range(1, 20), 6)), rng.randint(2, 4)
    v = torch.tensor(values, dtype=torch.float64)[:, None]
    zeros = torch.zeros(6, 2, dtype=torch.float64)
    output = scaled_dot_product_attention(zeros, zeros, v, causal_mask(6))
    return {
        "values": values,
        "t": t,
        "answer": output[t, 0].item(),
        "decimals": 2,
        "wrong": [
            [
                sum(values) / 6,
                "Later tokens were averaged too: the mask forbids them.",
                "Se promediaron también los tokens posteriores: la máscara los prohíbe.",
            ],
            [
                sum(values[: t + 1]) / 6,
                "The weights are shares among the allowed tokens only.",
                "Los pesos se reparten solo entre los tokens permitidos.",
            ],
        ],
    }


def spread_of_scores(rng: Random) -> dict[str, object]:
    """Draw the width of queries and keys, a square."""
    width = rng.choice([16, 25, 36, 64, 100, 144, 256, 400, 1024])
    one = torch.ones(1, width, dtype=torch.float64)
    weights = attention_weights(one, torch.cat([one, 0 * one]))[0]  # scores sqrt(width) and 0
    spread = round((weights[0] / weights[1]).log().item())
    return {
        "width": width,
        "answer": spread,
        "wrong": [
            [width, "That is the variance; take its root.", "Esa es la varianza; saca su raíz."],
            [1, "That is the spread after the division.", "Esa es la dispersión tras dividir."],
        ],
    }


def slope_by_hand(rng: Random) -> dict[str, object]:
    """Draw the difference of two scores."""
    difference = rng.choice([1, 1.5, 2, 2.5, 3])
    w = softmax(torch.tensor([difference, 0.0], dtype=torch.float64))[0].item()
    return {
        "difference": difference,
        "answer": w * (1 - w),
        "decimals": 3,
        "wrong": [
            [w, "That is the weight itself.", "Ese es el peso mismo."],
            [1 - w, "That is the weight of the other token.", "Ese es el peso del otro token."],
        ],
    }


def allowed_pairs(rng: Random) -> dict[str, object]:
    """Draw the numbers of queries and keys."""
    queries = rng.randint(3, 5)
    keys = queries + rng.randint(2, 6)
    return {
        "queries": queries,
        "keys": keys,
        "answer": int(causal_mask(queries, keys).sum()),
        "wrong": [
            [
                queries * keys,
                "The mask forbids the keys that lie ahead.",
                "La máscara prohíbe las claves que están por delante.",
            ],
            [
                queries * (queries + 1) // 2,
                "The queries were taken to be the first positions; they are the last.",
                "Se tomaron las consultas como las primeras posiciones; son las últimas.",
            ],
        ],
    }


def _sizes(rng: Random) -> tuple[int, int, int, int, int]:
    """Draw texts, tokens, heads, key-value heads and the width of a head, all different."""
    b, g, h, t, k = rng.choice(
        [(3, 2, 4, 7, 8), (2, 4, 8, 5, 16), (5, 2, 6, 9, 4), (4, 3, 6, 10, 8)]
    )
    return b, t, h, g, k


def split_shape(rng: Random) -> dict[str, object]:
    """Draw the shape of vectors that are to be cut into heads."""
    b, t, h, _, k = _sizes(rng)
    return {
        "b": b,
        "t": t,
        "d": h * k,
        "h": h,
        "answer": tuple(split_heads(torch.zeros(b, t, h * k), h).shape),
        "wrong": [
            [
                (b, t, h, k),
                "The heads still have to come in front of the positions.",
                "Falta poner las cabezas delante de las posiciones.",
            ],
            [
                (b, h, t, h * k),
                "The width is divided among the heads.",
                "El ancho se reparte entre las cabezas.",
            ],
        ],
    }


def weights_shape(rng: Random) -> dict[str, object]:
    """Draw the sizes of a layer with grouped queries."""
    b, t, h, g, k = _sizes(rng)
    q = torch.zeros(b, h, t, k)
    return {
        "b": b,
        "t": t,
        "h": h,
        "g": g,
        "answer": tuple(attention_weights(q, q).shape),
        "wrong": [
            [
                (b, g, t, t),
                "Keys are shared, weights are not: each query head has its own.",
                "Las claves se comparten y los pesos no: cada cabeza de consultas tiene los suyos.",
            ],
            [
                (b, t, t),
                "Each head has a table of its own.",
                "Cada cabeza tiene su propia tabla.",
            ],
        ],
    }


def keys_shape(rng: Random) -> dict[str, object]:
    """Draw the sizes of a layer with grouped queries."""
    b, t, h, g, k = _sizes(rng)
    layer = MultiHeadAttention(h * k, h, g)
    keys = split_heads(layer.key(torch.zeros(b, t, h * k)), g)
    return {
        "b": b,
        "t": t,
        "d": h * k,
        "h": h,
        "g": g,
        "answer": tuple(keys.shape),
        "wrong": [
            [
                (b, h, t, k),
                "That is after the repetition; before it there are fewer heads.",
                "Eso es tras la repetición; antes hay menos cabezas.",
            ],
            [
                (b, g, t, h * k // g),
                "A head is as wide as a query head, D / H.",
                "Una cabeza es tan ancha como una de consultas, D / H.",
            ],
        ],
    }


def kv_cache_bytes(rng: Random) -> dict[str, object]:
    """Draw the sizes of a model and of a text."""
    layers, kv_heads, d_head = rng.choice([4, 8, 12]), rng.choice([2, 4, 8]), rng.choice([32, 64])
    tokens, n_bytes = rng.choice([100, 500, 1000]), rng.choice([2, 4])
    answer = check_count_kv_cache.solution(layers, kv_heads, d_head, tokens, n_bytes)
    return {
        "layers": layers,
        "kv_heads": kv_heads,
        "d_head": d_head,
        "tokens": tokens,
        "n_bytes": n_bytes,
        "answer": answer,
        "wrong": [
            [
                answer // 2,
                "Keys and values are both kept: times 2.",
                "Se guardan claves y valores: por 2.",
            ],
            [
                answer // layers,
                "That is one layer; every layer has a cache.",
                "Eso es una capa; cada capa tiene su caché.",
            ],
            [answer * 8, "These are bits.", "Eso son bits."],
        ],
    }
