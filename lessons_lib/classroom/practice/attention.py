"""Checks for the exercises of the chapter `attention`."""

from collections.abc import Callable

import numpy as np

from lessons_lib.classroom.examples import Attention
from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_causal_weights",
    "check_count_kv_cache",
    "check_looks_ahead",
    "check_stable_softmax",
    "check_two_heads",
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
            "la posición 0 solo puede atenderse a sí misma: enmascara lo que queda a la derecha de "
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


def _two_heads(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> list:
    width = q.shape[1] // 2
    heads = []
    for own in (slice(0, width), slice(width, 2 * width)):
        weights = _softmax(q[:, own] @ k[:, own].T / np.sqrt(width))
        heads.append(weights @ v[:, own])
    return _numbers(np.concatenate(heads, axis=1))


check_two_heads = Exercise(
    "two_heads",
    _two_heads,
    (
        Case(
            (np.array([[1.0, 2]]), np.array([[3.0, 4]]), np.array([[5.0, 6]])),
            "the outputs of the heads stand side by side in each row, not one below the other.",
            "en cada fila, las salidas de las cabezas van una al lado de otra, no una debajo.",
        ),
        Case(
            (np.zeros((2, 4)), np.ones((2, 4)), np.array([[1.0, 2, 3, 4], [5, 7, 9, 11]])),
            "cut columns, not rows: x.reshape(2, T, K) mixes tokens; x[:, :K] is the first head.",
            "corta columnas, no filas: x.reshape(2, T, K) mezcla tokens; x[:, :K] es la primera.",
        ),
        Case(
            (np.array([[2.0, -1]]), np.array([[1.0, 0], [0, 3]]), np.array([[1.0, 3], [2, 7]])),
            "each head has scores and a softmax of its own, from its K of the 2K columns.",
            "cada cabeza tiene sus puntuaciones y su softmax, con sus K columnas de las 2K.",
        ),
        Case(
            (
                np.array([[1.0, 0, 2, 1], [0, 3, 1, 1]]),
                np.array([[1.0, 2, 0, 1], [0, 1, 3, 0], [2, 0, 1, 1]]),
                np.array([[1.0, 0, 4, 2], [0, 1, 5, 3], [2, 2, 0, 1]]),
            ),
            "divide the scores by the root of K, the width of one head; S may be more than T.",
            "divide las puntuaciones entre la raíz de K, ancho de una cabeza; S puede superar T.",
        ),
        Case(
            (np.full((1, 2), 40.0), np.array([[40.0, 0], [41, 50]]), np.array([[1.0, 2], [3, 4]])),
            "scores may be large: subtract the largest before you take exponentials.",
            "las puntuaciones pueden ser grandes: resta la mayor antes de tomar exponenciales.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _looks_ahead(attend: Callable, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> bool:
    before = attend(q, k, v)
    for t in range(1, len(q)):
        later = np.arange(len(q))[:, None] >= t
        if not np.allclose(attend(q, k + later, v + later)[:t], before[:t]):
            return True
    return False


_CAUSAL, _ALL = np.tri(4, dtype=bool), np.ones((4, 4), dtype=bool)
_FIRST = _CAUSAL | (np.arange(16).reshape(4, 4) == 1)  # position 0 sees position 1
_THIRD = _CAUSAL | (np.arange(16).reshape(4, 4) == 11)  # position 2 sees position 3
_Q = np.array([[1.0, 2], [2, 1], [1, 1], [0, 2]])
_K = np.array([[1.0, 0], [0, 1], [2, 1], [1, 2]])
_V = np.array([[3.0, 1], [1, 4], [2, 2], [5, 0]])


def _attention(name: str, mask: np.ndarray, late: bool = False) -> Attention:
    return Attention(name, tuple(map(tuple, mask.tolist())), late)


check_looks_ahead = Exercise(
    "looks_ahead",
    _looks_ahead,
    (
        Case(
            (_attention("attend_a", _CAUSAL), _Q, _K, _V),
            "compare only outputs before the change: those at and after it may see it.",
            "compara solo las salidas anteriores al cambio: desde ahí se permite verlo.",
        ),
        Case(
            (_attention("attend_b", _ALL), _Q, _K, _V),
            "change the last key and value in a copy, attend again, and compare earlier outputs.",
            "cambia en una copia la última clave y valor, atiende otra vez y compara lo anterior.",
        ),
        Case(
            (_attention("attend_c", _ALL), 0 * _Q, _K, _V),
            "with queries of 0 only the values count: change values too.",
            "con consultas de 0 solo cuentan los valores: cambia también los valores.",
        ),
        Case(
            (_attention("attend_d", _CAUSAL, late=True), _Q, _K, _V),
            "this mask comes after the softmax and leaks by the keys: change keys too.",
            "esta máscara va después del softmax y las claves se filtran: cambia también claves.",
        ),
        Case(
            (_attention("attend_e", _ALL), _Q, _K * (_V[:, :1] < 5), _V * (_V[:, :1] < 5)),
            "the last key and value are 0 already: change them by adding something.",
            "la última clave y el último valor ya son 0: cámbialos sumando algo.",
        ),
        Case(
            (_attention("attend_f", _FIRST), _Q, _K, _V),
            "here only position 0 sees position 1: change what comes after each position.",
            "aquí solo la posición 0 ve la 1: cambia lo que viene después de cada posición.",
        ),
        Case(
            (_attention("attend_g", _THIRD), _Q, _K, _V),
            "here only position 2 sees position 3: compare all outputs before the change.",
            "aquí solo la posición 2 ve la 3: compara todas las salidas anteriores al cambio.",
        ),
    ),
    read=bool,
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
