"""Numbers for the numeric and shape questions of the chapter `tokens`."""

import math
from random import Random

import numpy as np

from lessons_lib.classroom.practice.tokens import check_bytes_per_token
from lessons_lib.tokens import BPE, bits_per_byte, count_pairs, embed, merge_pair, tokens_per_word

__all__ = [
    "bits_of_tokens",
    "bytes_per_token_of",
    "count_bytes",
    "embed_shape",
    "merged_length",
    "one_hot_shape",
    "pair_count",
    "tokens_per_word_of",
]


def count_bytes(rng: Random) -> dict[str, object]:
    """Draw how often characters of one to four bytes occur."""
    latin, enye, euro, turtle = rng.randint(5, 20), *rng.sample(range(2, 6), 3)
    text = "a" * latin + "ñ" * enye + "€" * euro + "🐢" * turtle
    return {
        "latin": latin,
        "enye": enye,
        "euro": euro,
        "turtle": turtle,
        "answer": len(BPE([]).encode(text)),
        "wrong": [
            [
                len(text),
                "These are the characters; most of the signs take several bytes.",
                "Esos son los caracteres; varios signos ocupan más de un byte.",
            ],
            [
                latin + 2 * (enye + euro + turtle),
                "Two bytes for everything that is not a basic letter: `€` takes three, `🐢` four.",
                "Dos bytes para todo lo que no es letra básica: `€` ocupa tres y `🐢`, cuatro.",
            ],
            [
                4 * len(text),
                "Four bytes for each character: UTF-8 takes one to four.",
                "Cuatro bytes por carácter: UTF-8 usa de uno a cuatro.",
            ],
        ],
    }


def pair_count(rng: Random) -> dict[str, object]:
    """Draw a word of the syllables `an`, `na` and `ban`."""
    word = "an" + "".join(rng.choice(["an", "na", "ba", "ban"]) for _ in range(6)) + "aa"
    answer = count_pairs([word.encode()])[97, 110]
    return {
        "word": word,
        "answer": answer,
        "wrong": [
            [
                word.count("a"),
                "These are all the `a`; count only those with `n` directly after them.",
                "Esas son todas las `a`; cuenta solo las que tienen una `n` justo detrás.",
            ],
            [
                len(word) - 1,
                "That is the number of all pairs of the word.",
                "Ese es el número de todos los pares de la palabra.",
            ],
        ],
    }


def merged_length(rng: Random) -> dict[str, object]:
    """Draw a word with an odd run of `a`."""
    first, second = rng.choice([5, 7, 9]), rng.choice([2, 4, 6])
    word = "b" + "a" * first + "n" + "a" * second + "d"
    pairs = first + second - 2
    answer = len(merge_pair(list(word.encode()), (97, 97), 256))
    return {
        "word": word,
        "answer": answer,
        "wrong": [
            [
                len(word),
                "That is the number of bytes before the merge.",
                "Ese es el número de bytes antes de la fusión.",
            ],
            [
                3 + pairs,
                "Overlapping pairs were merged twice: no token may be used in two merges.",
                "Se fusionaron pares solapados: ningún token puede usarse en dos fusiones.",
            ],
            [
                answer - 1,
                "The `a` that is left over was forgotten: it stays a token.",
                "Se olvidó la `a` que sobra: sigue siendo un token.",
            ],
        ],
    }


def tokens_per_word_of(rng: Random) -> dict[str, object]:
    """Draw the words, tokens and bytes of a text."""
    words = rng.randint(20, 90)
    tokens = words + rng.randint(5, words - 5)
    n_bytes = words * 6 + rng.randint(1, 30)
    return {
        "words": words,
        "tokens": tokens,
        "bytes": n_bytes,
        "answer": tokens_per_word(tokens, "w " * words),
        "decimals": 2,
        "wrong": [
            [words / tokens, "Upside down: words per token.", "Al revés: palabras por token."],
            [n_bytes / tokens, "That is bytes per token.", "Eso son bytes por token."],
            [n_bytes / words, "That is bytes per word.", "Eso son bytes por palabra."],
        ],
    }


def bytes_per_token_of(rng: Random) -> dict[str, object]:
    """Draw a Spanish word with the letter `ñ` and a number of tokens."""
    word, tokens = rng.choice(["niñez", "cañaña", "añoñar", "señaña", "muñeñ"]), rng.choice([3, 4])
    ids = list(range(tokens))
    return {
        "word": word,
        "tokens": tokens,
        "answer": check_bytes_per_token.solution(word, ids),
        "decimals": 2,
        "wrong": [
            [
                len(word) / tokens,
                "Characters were counted in place of bytes.",
                "Se contaron caracteres en lugar de bytes.",
            ],
            [
                tokens / len(word.encode()),
                "Upside down: tokens per byte.",
                "Al revés: tokens por byte.",
            ],
        ],
    }


def bits_of_tokens(rng: Random) -> dict[str, object]:
    """Draw how often two tokens occur."""
    rare = rng.randint(2, 6)
    common = rare * rng.choice([3, 7, 4])
    n_bytes = (common + rare) * rng.choice([2, 3])
    answer = bits_per_byte([1] * common + [2] * rare, n_bytes)
    return {
        "common": common,
        "rare": rare,
        "n_bytes": n_bytes,
        "answer": answer,
        "decimals": 3,
        "wrong": [
            [
                answer * n_bytes / (common + rare),
                "That is bits per token: divide by the bytes of the text.",
                "Eso son bits por token: divide entre los bytes del texto.",
            ],
            [
                answer * math.log(2),
                "The natural logarithm gives nats; bits need base 2.",
                "El logaritmo natural da nats; los bits piden base 2.",
            ],
            [
                (common + rare) / n_bytes,
                "One bit for each token would ignore that one of them is more frequent.",
                "Un bit por token no tiene en cuenta que uno es más frecuente.",
            ],
        ],
    }


def embed_shape(rng: Random) -> dict[str, object]:
    """Draw the shapes of an array of ids and of a table."""
    rows, columns, d = rng.sample(range(2, 12), 3)
    vocab_size = rng.choice([50, 100, 300])
    shape = embed(np.zeros((rows, columns), dtype=int), np.zeros((vocab_size, d))).shape
    return {
        "rows": rows,
        "columns": columns,
        "vocab_size": vocab_size,
        "d": d,
        "answer": tuple(shape),
        "wrong": [
            [
                (rows, columns, vocab_size),
                "That would be one-hot rows; the table gives its own width.",
                "Eso serían filas one-hot; la tabla da su propio ancho.",
            ],
            [
                (rows, d),
                "Every id of a row gets a vector, not each row.",
                "Cada id de una fila recibe un vector, no cada fila.",
            ],
            [
                (vocab_size, d),
                "That is the whole table; only the rows of the ids are taken.",
                "Esa es la tabla entera; solo se toman las filas de los ids.",
            ],
        ],
    }


def one_hot_shape(rng: Random) -> dict[str, object]:
    """Draw the length of a text and the size of a vocabulary."""
    n, vocab_size = rng.randint(3, 20), rng.choice([50, 100, 300, 600])
    shape = embed(np.zeros(n, dtype=int), np.eye(vocab_size)).shape
    return {
        "n": n,
        "vocab_size": vocab_size,
        "answer": tuple(shape),
        "wrong": [
            [(vocab_size, n), "Rows are tokens of the text.", "Las filas son tokens del texto."],
            [
                (n, n),
                "A row needs a place for every token of the vocabulary.",
                "Una fila necesita un lugar para cada token del vocabulario.",
            ],
        ],
    }
