"""Checks for the exercises of the chapter `ngrams`."""

import math

from lessons_lib.classroom.practice import Case, Exercise, near
from lessons_lib.ngrams import NGram, count_ngrams, cross_entropy

__all__ = [
    "check_add_k",
    "check_bits_per_byte_of",
    "check_choose_order",
    "check_perplexity_of",
    "check_write_bigrams",
]


def _perplexity_of(probs: list[float]) -> float:
    if 0 in probs:
        return math.inf
    return math.exp(sum(-math.log(p) for p in probs) / len(probs))


check_perplexity_of = Exercise(
    "perplexity_of",
    _perplexity_of,
    (
        Case(
            ([0.5] * 4,),
            "the same p each time gives 1 / p: take the mean of -math.log(p), then math.exp.",
            "la misma p cada vez da 1 / p: haz la media de -math.log(p) y luego math.exp.",
        ),
        Case(
            ([0.5, 0.1, 0.4],),
            "average the logarithms, not the probabilities and not 1 / p.",
            "haz la media de los logaritmos, no la de las probabilidades ni la de 1 / p.",
        ),
        Case(
            ([0.25, 1.0],),
            "divide by the number of tokens, also of those that were certain.",
            "divide entre el número de tokens, también los que eran seguros.",
        ),
        Case(
            ([0.5, 0.0, 0.5],),
            "a token of probability 0 makes the perplexity infinite: return math.inf.",
            "un token con probabilidad 0 hace infinita la perplejidad: devuelve math.inf.",
        ),
        Case(
            ([0.01] * 500,),
            "the product of many probabilities becomes 0 in a float: add logarithms.",
            "el producto de muchas probabilidades se queda en 0 en un float: suma logaritmos.",
        ),
    ),
    same=near,
)


def _add_k(counts: dict[int, int], token: int, vocab_size: int, k: float) -> float:
    return (counts.get(token, 0) + k) / (sum(counts.values()) + k * vocab_size)


check_add_k = Exercise(
    "add_k",
    _add_k,
    (
        Case(
            ({1: 3, 2: 2}, 1, 6, 1),
            "add k to the count, and k for each of the vocab_size tokens to the total.",
            "suma k al recuento y, al total, k por cada uno de los vocab_size tokens.",
        ),
        Case(
            ({1: 3, 2: 2}, 1, 6, 0.5),
            "k may be another number than 1, above the line and below it.",
            "k puede ser distinto de 1, arriba y abajo de la fracción.",
        ),
        Case(
            ({1: 3, 2: 2}, 5, 6, 1),
            "a token that never followed has the count 0: counts.get(token, 0).",
            "un token que no siguió nunca tiene recuento 0: counts.get(token, 0).",
        ),
        Case(
            ({}, 0, 4, 0.1),
            "after a context never seen all tokens are equally likely: 1 / vocab_size.",
            "tras un contexto nunca visto, todos son igual de probables: 1 / vocab_size.",
        ),
        Case(
            ({0: 4, 3: 4}, 3, 5, 0),
            "with k = 0 these are plain shares.",
            "con k = 0 quedan las proporciones sin más.",
        ),
    ),
    same=near,
)


def _bits_per_byte_of(text: str, nats_per_token: float, n_tokens: int) -> float:
    return nats_per_token * n_tokens / math.log(2) / len(text.encode())


check_bits_per_byte_of = Exercise(
    "bits_per_byte_of",
    _bits_per_byte_of,
    (
        Case(
            ("banana", math.log(2), 6),
            "divide nats by math.log(2) to get bits: here one bit per token and per byte.",
            "los nats divididos entre math.log(2) son bits: aquí, uno por token y por byte.",
        ),
        Case(
            ("banana band", 1.5, 4),
            "multiply by the number of tokens for the whole text, then divide by its bytes.",
            "multiplica por el número de tokens, para todo el texto, y divide entre sus bytes.",
        ),
        Case(
            ("año 🐢", 2.0, 3),
            "bytes, not characters: len(text.encode()).",
            "bytes, no caracteres: len(text.encode()).",
        ),
    ),
    same=near,
)


def _write_bigrams(ids: list[int], start: int, n: int) -> list[int]:
    counts, written = count_ngrams(ids, 2), [start]
    for _ in range(n):
        followed = counts.get((written[-1],))
        if not followed:
            break
        written.append(min(followed, key=lambda token: (-followed[token], token)))
    return written


check_write_bigrams = Exercise(
    "write_bigrams",
    _write_bigrams,
    (
        Case(
            ([1, 2, 3, 1, 2, 4, 1, 2, 3], 1, 2),
            "begin with start, and add the most frequent follower of the last token, n times.",
            "empieza con start y añade, n veces, el token que más veces siguió al último.",
        ),
        Case(
            ([7, 9, 7, 8, 7, 9, 7, 8], 7, 3),
            "of equally frequent followers take the smallest id, not the one seen first.",
            "si hay empate, toma el id menor, no el que se vio primero.",
        ),
        Case(
            ([1, 5, 1, 5, 1, 3], 1, 1),
            "first the count decides, and only then the smallest id.",
            "primero decide el recuento; el id menor, solo si hay empate.",
        ),
        Case(
            ([1, 2, 3], 2, 5),
            "after the last token of ids nothing may have followed: stop there.",
            "puede que al último token de ids no lo siguiera nada: para ahí.",
        ),
        Case(
            ([1, 2], 9, 3),
            "a start that never stood in ids has no followers: return [start].",
            "a un start que no está en ids no lo sigue nada: devuelve [start].",
        ),
        Case(
            ([4, 4, 4, 5], 4, 3),
            "a token may follow itself.",
            "un token puede ir detrás de sí mismo.",
        ),
        Case(([1, 2, 1], 1, 0), "with n = 0 nothing is added.", "con n = 0 no se añade nada."),
    ),
    read=list,
)


def _choose_order(
    counted: list[int], validation: list[int], test: list[int], vocab_size: int
) -> tuple[int, float]:
    models = [NGram(counted, n, vocab_size) for n in range(1, 6)]
    best = min(models, key=lambda model: cross_entropy(model.surprises(validation)))
    return best.n, round(cross_entropy(best.surprises(test)), 6)


def _order_and_loss(answer: tuple) -> tuple[int, float]:
    order, loss = answer
    return int(order), round(float(loss), 6)


def _same_order_and_loss(answer: tuple[int, float], expected: tuple[int, float]) -> bool:
    return answer[0] == expected[0] and near(answer[1], expected[1])


check_choose_order = Exercise(
    "choose_order",
    _choose_order,
    (
        Case(
            (
                [2, 1, 2, 2, 0, 1, 2, 1, 2, 2, 1, 0, 1, 2, 1, 0, 1, 2, 0, 0, 0, 1, 2, 1, 1, 1, 2],
                [2, 2, 1, 2, 0, 1, 2, 1, 2, 2, 2, 1, 2, 2, 0],
                [2, 0, 0, 0, 1, 2, 0, 0, 1, 0, 0, 0, 1, 0, 0],
                3,
            ),
            "take the order of lowest cross-entropy on validation, and its mean surprise on test.",
            "toma el orden con menos entropía cruzada en validation, y su sorpresa media en test.",
        ),
        Case(
            (
                [1, 1, 2, 0, 2, 2, 0, 0, 2, 0, 0, 2, 1, 1, 2, 1, 1, 1, 1, 0, 2, 0, 2, 0, 1, 1, 1],
                [2, 2, 2, 2, 2, 0, 2, 0, 0, 2, 0, 2, 2, 1, 1],
                [0, 2, 1, 2, 0, 1, 1, 0, 2, 0, 0, 0, 1, 0, 1],
                3,
            ),
            "do not choose on the test: its own lowest would be another order, by luck.",
            "no elijas con la prueba: allí, por suerte, el mejor sería otro orden.",
        ),
        Case(
            (
                [2, 1, 0, 2, 2, 1, 1, 0, 2, 0, 1, 0, 2, 1, 0, 0, 0, 0, 2, 2, 1, 0, 0, 1, 1, 1, 1],
                [1, 2, 2, 2, 0, 1, 2, 1, 0, 1, 1, 2, 1, 0, 0],
                [2, 2, 1, 0, 0, 2, 0, 1, 2, 0, 2, 0, 0, 0, 0],
                3,
            ),
            "these tokens are chance, so order 1 is best: try it too.",
            "estos tokens son puro azar y lo mejor es el orden 1: prueba también ese.",
        ),
        Case(
            (
                [2, 0, 1, 0, 2, 0, 1, 1, 2, 0, 1, 0, 2, 0, 1, 1, 2, 0, 1, 0, 2, 0, 1, 1, 2, 0, 1],
                [1, 1, 1, 2, 0, 1, 0, 2, 0, 1, 1, 2, 0, 1, 0],
                [1, 2, 0, 1, 0, 2, 0, 1, 1, 2, 0, 1, 0, 2, 0],
                3,
            ),
            "these tokens come round again, so order 5 is best: try it too.",
            "estos tokens se repiten en ciclo y lo mejor es el orden 5: prueba también ese.",
        ),
    ),
    same=_same_order_and_loss,
    read=_order_and_loss,
)
