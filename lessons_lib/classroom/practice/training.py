"""Checks for the exercises of the chapter `training`."""

from statistics import median

import numpy as np
import torch

from lessons_lib.classroom.practice import Case, Exercise
from lessons_lib.training import AdamW

__all__ = ["check_best_rate", "check_first_spike", "check_stable_rate", "check_teacher_gradient"]


def _numbers(answer: object) -> list:
    """Make arrays, tensors and lists of numbers alike: four decimals, the same on all machines."""
    return np.asarray(answer, dtype=float).round(4).tolist()


def _same(answer: list, expected: list) -> bool:
    """Compare shapes and numbers, with room for one unit in the last of four decimals."""
    shapes = np.shape(answer) == np.shape(expected)
    return shapes and np.allclose(answer, expected, rtol=1e-4, atol=1.5e-4)


def _teacher_gradient(logits: np.ndarray, wanted: np.ndarray) -> list:
    weights = np.exp(logits - logits.max())
    return _numbers(weights / weights.sum() - wanted)


check_teacher_gradient = Exercise(
    "teacher_gradient",
    _teacher_gradient,
    (
        Case(
            (np.array([0.0, 0.0]), np.array([1.0, 0.0])),
            "a teacher certain of one token is the chapter's formula: probabilities, less 1 there.",
            "un maestro seguro de un token es la fórmula del capítulo: las probabilidades, menos 1 "
            "en ese token.",
        ),
        Case(
            (np.array([1.0, 3.0, 2.0, 0.0]), np.array([0.5, 0.25, 0.25, 0.0])),
            "from each token's probability goes what the teacher gives it; their sum is 0.",
            "a la probabilidad de cada token se le quita la que le da el maestro; la suma es 0.",
        ),
        Case(
            (np.log([0.5, 0.3, 0.2]), np.array([0.5, 0.3, 0.2])),
            "who says what the teacher says has nothing to learn: every slope is 0.",
            "quien dice lo que dice el maestro no tiene nada que aprender: cada pendiente es 0.",
        ),
        Case(
            (np.array([1000.0, 1001.0]), np.array([0.5, 0.5])),
            "large logits: take the largest away from all before you exponentiate.",
            "logits grandes: resta el mayor a todos antes de tomar exponenciales.",
        ),
        Case(
            (np.array([-4.0, 5.0, -6.0]), np.array([0.0, 0.1, 0.9])),
            "logits may be negative: softmax makes them probabilities.",
            "los logits pueden ser negativos: softmax los convierte en probabilidades.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _height_after(rate: float, steepness: float, n_steps: int) -> float:
    """Return how high AdamW stands in the chapter's valley after so many steps."""
    place = torch.tensor([-2.0, 1.0], requires_grad=True)
    optimizer = AdamW([place], lr=rate)
    for _ in range(n_steps):
        place.grad = place.detach() * torch.tensor([1.0, steepness])
        optimizer.step()
    x, y = place.tolist()
    return (x**2 + steepness * y**2) / 2


def _best_rate(rates: list[float], steepness: float, n_steps: int) -> float:
    return min(rates, key=lambda rate: _height_after(rate, steepness, n_steps))


check_best_rate = Exercise(
    "best_rate",
    _best_rate,
    (
        Case(
            ([0.01, 0.1, 1.0], 25.0, 1),
            "return the rate, not its place or its height; and after one step it is the largest.",
            "devuelve la tasa, no su lugar ni su altura; y tras un solo paso es la mayor.",
        ),
        Case(
            ([0.1, 0.01, 0.3], 400.0, 10),
            "begin anew for each rate, at (-2, 1) and with a new AdamW; forget the slopes of the "
            "step before.",
            "empieza de nuevo con cada tasa, en (-2, 1) y con un AdamW nuevo; olvida las "
            "pendientes del paso anterior.",
        ),
        Case(
            ([0.3, 0.01, 0.1], 400.0, 300),
            "take n_steps steps: in a long run a small rate comes closer.",
            "da n_steps pasos: en un entrenamiento largo, una tasa pequeña llega más cerca.",
        ),
        Case(
            ([0.003, 0.3, 0.03], 25.0, 100),
            "it is the height after the last step that counts.",
            "cuenta la altura tras el último paso.",
        ),
    ),
)


def _first_spike(lengths: list[float], window: int, factor: float) -> int:
    for step in range(window, len(lengths)):
        if lengths[step] > factor * median(lengths[step - window : step]):
            return step
    return -1


check_first_spike = Exercise(
    "first_spike",
    _first_spike,
    (
        Case(
            ([1.0, 1.0, 1.0, 5.0, 1.0, 10.0], 2, 3.0),
            "5 is more than 3 times the median of the two before it, and it comes first: step 3.",
            "5 es más de 3 veces la mediana de los dos anteriores, y es el primero: el paso 3.",
        ),
        Case(
            ([1.0, 9.0, 1.0, 1.0, 1.0], 3, 3.0),
            "a step is judged by the window before it: the first three have none yet.",
            "un paso se juzga por la ventana anterior: los tres primeros aún no tienen ninguna.",
        ),
        Case(
            ([9.0, 1.0, 1.0, 2.5], 3, 2.0),
            "the median of 9, 1 and 1 is 1: one large value hardly moves it, but it moves a mean.",
            "la mediana de 9, 1 y 1 es 1: un solo valor grande no la mueve, pero sí a la media.",
        ),
        Case(
            ([1.0, 1.0, 3.0, 3.0, 3.0], 2, 3.0),
            "exactly 3 times is not more than 3 times: -1.",
            "justo 3 veces no es más de 3 veces: -1.",
        ),
        Case(
            ([1.0, 2.0, 4.0, 8.0, 16.0, 33.0], 2, 5.0),
            "only the last steps count: lengths may grow slowly without a spike.",
            "solo cuentan los últimos pasos: las longitudes pueden crecer despacio, sin ningún "
            "pico.",
        ),
        Case(([], 3, 2.0), "no steps, no spike: -1.", "sin pasos no hay pico: -1."),
    ),
)


def _stable_rate(step: int, n_steps: int, n_warm_up: int, n_decay: int, lr: float) -> float:
    if step < n_warm_up:
        return _numbers(lr * step / n_warm_up)
    if step <= n_steps - n_decay:
        return _numbers(lr)
    return _numbers(lr * (n_steps - step) / n_decay)


check_stable_rate = Exercise(
    "stable_rate",
    _stable_rate,
    (
        Case(
            (5, 100, 10, 20, 1.0),
            "half of the warm-up is done: half of the rate.",
            "va la mitad del calentamiento: la mitad de la tasa.",
        ),
        Case(
            (60, 100, 10, 20, 0.4),
            "between warm-up and decay the whole rate, lr.",
            "entre el calentamiento y el decaimiento, la tasa entera, lr.",
        ),
        Case(
            (95, 100, 10, 20, 0.4),
            "it falls in the last 20 steps only, from step 80 on: step 95 has a quarter left.",
            "solo baja en los últimos 20 pasos, desde el 80: en el 95 queda un cuarto.",
        ),
        Case((100, 100, 10, 20, 0.4), "at the last step 0.", "en el último paso, 0."),
        Case(
            (0, 100, 0, 50, 1.0),
            "without a warm-up the first step has the whole rate; do not divide by 0.",
            "sin calentamiento, el primer paso tiene la tasa entera; no dividas entre 0.",
        ),
        Case(
            (100, 100, 10, 0, 1.0),
            "without a decay the rate stays to the end; do not divide by 0.",
            "sin decaimiento, la tasa se mantiene hasta el final; no dividas entre 0.",
        ),
    ),
    same=_same,
    read=_numbers,
)
