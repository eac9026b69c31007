"""Checks for the exercises of the chapter `attention`."""

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_attend_one",
    "check_causal_weights",
    "check_count_kv_cache",
    "check_stable_softmax",
]


def _numbers(answer: object) -> list:
    """Make arrays, tensors and lists of numbers alike: four decimals, the same on all machines."""
    return np.asarray(answer, dtype=float).round(4).tolist()


def _same(answer: list, expected: list) -> bool:
    """Compare shapes and numbers, with room for one unit in the last of four decimals."""
    shapes = np.shape(answer) == np.shape(expected)
    return shapes and np.allclose(answer, expected, rtol=1e-4, atol=1.5e-4)


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _attend_one(q: np.ndarray, keys: np.ndarray, values: np.ndarray) -> list:
    return _numbers(_softmax(keys @ q / np.sqrt(len(q))) @ values)


check_attend_one = Exercise(
    "attend_one",
    _attend_one,
    (
        Case(
            (np.array([2.0]), np.array([[1.0], [0.0]]), np.array([[5.0], [1.0]])),
            "scores are the dot products of q with each key; their softmax gives the weights.",
            "las puntuaciones son los productos escalares de q con cada clave; su softmax da los "
            "pesos.",
        ),
        Case(
            (np.array([1.0, 0, 2, 0]), np.eye(4)[:3] * 2, np.array([[1.0, 0], [0, 1], [3, 3]])),
            "divide the scores by the root of K, the length of q.",
            "divide las puntuaciones entre la raíz de K; K es la longitud de q.",
        ),
        Case(
            (np.array([1.0, -1]), np.array([[0.0, 3], [2, 1], [1, 1], [2, 2]]), np.eye(4)[:, :3]),
            "the sum runs over the keys: there is one score for each key, not for each place of q.",
            "la suma recorre las claves: hay una puntuación por clave, no una por cada lugar de q.",
        ),
        Case(
            (np.array([40.0, 40]), np.array([[40.0, 0], [0, 41]]), np.array([[1.0], [2.0]])),
            "scores may be large: subtract the largest before you take exponentials.",
            "las puntuaciones pueden ser grandes: resta la mayor antes de tomar exponenciales.",
        ),
        Case(
            (np.array([3.0, 1]), np.array([[7.0, 7]]), np.array([[0.25, -4, 9]])),
            "a single key gets all the weight: the output is its value.",
            "una única clave recibe todo el peso: la salida es su valor.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _stable_softmax(scores: np.ndarray) -> list:
    return _numbers(_softmax(scores))


check_stable_softmax = Exercise(
    "stable_softmax",
    _stable_softmax,
    (
        Case(
            (np.array([0.0, 1.0, 2.0]),),
            "exponentials, divided by their sum.",
            "exponenciales, divididas entre su suma.",
        ),
        Case(
            (np.array([1000.0, 999.0]),),
            "subtract the largest score first: the weights stay the same.",
            "resta primero la mayor puntuación: los pesos no cambian.",
        ),
        Case(
            (np.array([-1000.0, -1001.0, -1000.0]),),
            "very negative scores, too: subtract the largest, not the largest absolute value.",
            "también si son muy negativas: resta la mayor, no la de mayor valor absoluto.",
        ),
        Case(
            (np.array([[0.0, 1.0], [3.0, 3.0]]),),
            "each row by itself, along the last axis: axis=-1, with keepdims=True.",
            "cada fila por separado, a lo largo del último eje: axis=-1, con keepdims=True.",
        ),
        Case(
            (np.array([[2000.0, 2001.0], [0.0, -1.0]]),),
            "each row has a largest score of its own.",
            "cada fila tiene su propia puntuación máxima.",
        ),
        Case(
            (np.arange(12.0).reshape(2, 3, 2) ** 2 / 10,),
            "any shape: with -1 the axis is the last one, however many there are.",
            "cualquier forma: con -1 el eje es el último, haya los que haya.",
        ),
        Case(
            (np.array([-np.inf, 0.0, 1.0]),),
            "a score of minus infinity gets the weight 0.",
            "una puntuación de menos infinito recibe el peso 0.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _causal_weights(scores: np.ndarray) -> list:
    n_queries, n_keys = scores.shape
    mask = np.tril(np.ones((n_queries, n_keys), dtype=bool), n_keys - n_queries)
    return _numbers(_softmax(np.where(mask, scores, -np.inf)))


check_causal_weights = Exercise(
    "causal_weights",
    _causal_weights,
    (
        Case(
            (np.array([[0.0, 5.0], [0.0, 1.0]]),),
            "position 0 may attend to itself only: mask what lies to the right of the diagonal.",
            "la posición 0 solo puede atender a sí misma: enmascara lo que queda a la derecha de "
            "la diagonal.",
        ),
        Case(
            (np.array([[1.0, 2, 3], [4, 4, 4], [0, 1, 0]]),),
            "each row adds up to 1: mask the scores before the softmax, not the weights after it.",
            "cada fila suma 1: enmascara las puntuaciones antes del softmax, no los pesos después.",
        ),
        Case(
            (np.array([[-200.0, 0], [-200, -201]]),),
            "a forbidden score is minus infinity: nothing else is small enough for all scores.",
            "una puntuación prohibida es menos infinito: ningún otro número basta siempre.",
        ),
        Case(
            (np.array([[0.0, 1, 2, 3], [0, 0, 0, 0]]),),
            "the queries are the last T of the S positions: query 0 stands at position S - T.",
            "las consultas son las últimas T de las S posiciones: la consulta 0 está en S - T.",
        ),
        Case(
            (np.array([[7.0]]),),
            "a single token gives itself all the weight.",
            "un único token se da a sí mismo todo el peso.",
        ),
        Case(
            (np.array([[900.0, 0, 0], [900, 901, 0], [0, 0, 950]]),),
            "scores may be large: subtract the largest allowed one of each row.",
            "las puntuaciones pueden ser grandes: resta la mayor de las permitidas en cada fila.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _count_kv_cache(
    n_layers: int, n_kv_heads: int, d_head: int, n_tokens: int, n_bytes: int
) -> int:
    return 2 * n_layers * n_kv_heads * d_head * n_tokens * n_bytes


check_count_kv_cache = Exercise(
    "count_kv_cache",
    _count_kv_cache,
    (
        Case(
            (1, 1, 1, 1, 2),
            "two numbers, a key and a value, of 2 bytes each.",
            "dos números, una clave y un valor, de 2 bytes cada uno.",
        ),
        Case(
            (12, 12, 64, 1024, 4),
            "keys and values have d_head numbers in each head of each layer, for each token.",
            "claves y valores tienen d_head números en cada cabeza de cada capa, por cada token.",
        ),
        Case(
            (32, 8, 128, 8192, 2),
            "bytes, not bits, MiB or GiB: Llama 3 8B needs 1,073,741,824 for 8,192 tokens.",
            "bytes, y no bits, MiB ni GiB: Llama 3 8B necesita 1 073 741 824 para 8192 tokens.",
        ),
        Case(
            (2, 3, 5, 0, 2),
            "without tokens the cache is empty: 0 bytes.",
            "sin tokens la caché está vacía: 0 bytes.",
        ),
    ),
)
