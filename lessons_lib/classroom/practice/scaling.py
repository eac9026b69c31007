"""Checks for the exercises of the chapter `scaling`."""

import math

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_exponent",
    "check_mean_gradient",
    "check_texts_that_fit",
    "check_training_days",
]


def _number(answer: object) -> float:
    """Make numbers of NumPy, torch and Python alike."""
    return round(float(answer), 6)


def _close(answer: float, expected: float) -> bool:
    return math.isclose(answer, expected, rel_tol=1e-4, abs_tol=1e-6)


def _training_days(n_parameters, n_tokens, n_devices, peak, utilisation) -> float:
    seconds = 6 * n_parameters * n_tokens / (n_devices * peak * utilisation)
    return _number(seconds / 86400)


check_training_days = Exercise(
    "training_days",
    _training_days,
    (
        Case(
            (1e9, 2e10, 1, 1e15, 1.0),
            "6 operations for each parameter and token; a day has 86,400 seconds.",
            "6 operaciones por parámetro y token; un día tiene 86 400 segundos.",
        ),
        Case(
            (1e9, 2e10, 1, 1e15, 0.5),
            "at half of the peak it takes twice as long: divide by the utilisation.",
            "a la mitad del máximo tarda el doble: divide entre la utilización.",
        ),
        Case(
            (1e9, 2e10, 8, 1e15, 0.4),
            "eight devices share the work: their peaks add up.",
            "ocho dispositivos se reparten el trabajo: sus máximos se suman.",
        ),
        Case(
            (4.05e11, 1.56e13, 16384, 9.89e14, 0.4),
            "Llama 3 405B on 16,384 accelerators: about 68 days.",
            "Llama 3 405B en 16 384 aceleradores: unos 68 días.",
        ),
    ),
    same=_close,
    read=_number,
)


def _texts_that_fit(memory: int, weights: int, bytes_per_token: int, n_tokens: int) -> int:
    return max(0, memory - weights) // (bytes_per_token * n_tokens)


check_texts_that_fit = Exercise(
    "texts_that_fit",
    _texts_that_fit,
    (
        Case(
            (100, 40, 2, 10),
            "what the weights leave free, divided by the cache of one whole text.",
            "lo que dejan libre los pesos, dividido entre la caché de un texto entero.",
        ),
        Case(
            (100, 41, 2, 10),
            "only whole texts count: round down (//).",
            "solo cuentan los textos enteros: redondea hacia abajo (//).",
        ),
        Case(
            (80 * 10**9, 16 * 10**9, 2**17, 8192),
            "Llama 3 8B on a device of 80 GB: 59 texts of 8,192 tokens.",
            "Llama 3 8B en un dispositivo de 80 GB: 59 textos de 8192 tokens.",
        ),
        Case(
            (100, 99, 2, 10),
            "too little room for one text: 0.",
            "no hay sitio ni para un texto: 0.",
        ),
        Case(
            (100, 200, 2, 10),
            "where not even the weights fit, the answer is 0, not a negative number.",
            "si no caben ni los pesos, la respuesta es 0, no un número negativo.",
        ),
    ),
)


def _vector(answer: object) -> list:
    return np.asarray(answer, dtype=float).round(6).tolist()


def _same_vector(answer: list, expected: list) -> bool:
    shapes = np.shape(answer) == np.shape(expected)
    return shapes and np.allclose(answer, expected, rtol=1e-4, atol=1e-6)


def _mean_gradient(gradients: list, n_tokens: list) -> list:
    total = sum(g * n for g, n in zip(gradients, n_tokens, strict=True))
    return _vector(total / sum(n_tokens))


check_mean_gradient = Exercise(
    "mean_gradient",
    _mean_gradient,
    (
        Case(
            ([np.array([1.0, 2.0]), np.array([3.0, -2.0])], [10, 10]),
            "with equal parts it is the plain mean, number by number.",
            "con partes iguales es la media corriente, número a número.",
        ),
        Case(
            ([np.array([1.0, 0.0]), np.array([5.0, 4.0])], [30, 10]),
            "a part with more tokens counts more: weigh each gradient by its tokens.",
            "una parte con más tokens cuenta más: pondera cada gradiente por sus tokens.",
        ),
        Case(
            ([np.array([1.0]), np.array([2.0]), np.array([6.0])], [1, 2, 1]),
            "for any number of devices: divide by all tokens together.",
            "con cualquier número de dispositivos: divide entre todos los tokens juntos.",
        ),
        Case(
            ([np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2))], [5, 0]),
            "a device without tokens adds nothing; gradients may be matrices.",
            "un dispositivo sin tokens no aporta nada; los gradientes pueden ser matrices.",
        ),
    ),
    same=_same_vector,
    read=_vector,
)


def _exponent(x, loss, floor) -> float:
    slope, _ = np.polyfit(np.log(x), np.log(np.asarray(loss) - floor), 1)
    return _number(-slope)


check_exponent = Exercise(
    "exponent",
    _exponent,
    (
        Case(
            (np.array([1.0, 10.0, 100.0]), np.array([8.0, 4.0, 2.0]), 0.0),
            "the slope of the line through (log x, log y), without its minus sign.",
            "la pendiente de la recta por (log x, log y), sin el signo menos.",
        ),
        Case(
            (np.array([1.0, 4.0, 16.0]), np.array([14.0, 12.0, 11.0]), 10.0),
            "first subtract the floor from the losses.",
            "primero resta el suelo a las pérdidas.",
        ),
        Case(
            (np.array([1.0, 2.0, 4.0, 8.0]), np.array([6.0, 4.0, 3.5, 2.0]), 1.0),
            "use all points: the line of least squares (np.polyfit).",
            "usa todos los puntos: la recta de mínimos cuadrados (np.polyfit).",
        ),
        Case(
            (np.array([3.0, 30.0]), np.array([5.0, 5.0]), 1.0),
            "a loss that does not fall has the exponent 0.",
            "una pérdida que no baja tiene exponente 0.",
        ),
    ),
    same=_close,
    read=_number,
)
