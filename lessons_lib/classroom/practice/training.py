"""Checks for the exercises of the chapter `training`."""

import numpy as np

from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_adamw",
    "check_clip",
    "check_learning_rate_at",
    "check_loss_gradient",
    "check_momentum",
]


def _numbers(answer: object) -> list:
    """Make arrays, tensors and lists of numbers alike: four decimals, the same on all machines."""
    return np.asarray(answer, dtype=float).round(4).tolist()


def _same(answer: list, expected: list) -> bool:
    """Compare shapes and numbers, with room for one unit in the last of four decimals."""
    shapes = np.shape(answer) == np.shape(expected)
    return shapes and np.allclose(answer, expected, rtol=1e-4, atol=1.5e-4)


def _loss_gradient(logits: np.ndarray, target: int) -> list:
    weights = np.exp(logits - logits.max())
    gradient = weights / weights.sum()
    gradient[target] -= 1
    return _numbers(gradient)


check_loss_gradient = Exercise(
    "loss_gradient",
    _loss_gradient,
    (
        Case(
            (np.array([0.0, 0.0]), 0),
            "first the probabilities, here one half each; then 1 less at the target.",
            "primero las probabilidades, aquí una mitad cada una; luego 1 menos en el objetivo.",
        ),
        Case(
            (np.array([1.0, 3.0, 2.0, 0.0]), 2),
            "the target is a place in the list: only there 1 is taken away.",
            "el objetivo es un lugar de la lista: solo ahí se resta 1.",
        ),
        Case(
            (np.array([-4.0, 5.0, -6.0]), 1),
            "logits may be negative: softmax makes them probabilities.",
            "los logits pueden ser negativos: softmax los convierte en probabilidades.",
        ),
        Case(
            (np.array([1000.0, 1001.0]), 0),
            "large logits: take the largest away from all before you exponentiate.",
            "logits grandes: resta el mayor a todos antes de exponenciar.",
        ),
        Case(
            (np.array([7.0]), 0),
            "a vocabulary of one token: it is certain, and nothing changes.",
            "un vocabulario de un solo token: es seguro, y nada cambia.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _momentum(gradients: list[float], lr: float, momentum: float) -> list:
    place, velocity, places = 0.0, 0.0, []
    for gradient in gradients:
        velocity = momentum * velocity + gradient
        place -= lr * velocity
        places.append(place)
    return _numbers(places)


check_momentum = Exercise(
    "momentum_places",
    _momentum,
    (
        Case(
            ([1.0], 0.1, 0.9),
            "start at 0 and go against the gradient: the first place is -lr * gradient.",
            "empieza en 0 y ve en contra del gradiente: el primer lugar es -lr * gradiente.",
        ),
        Case(
            ([1.0, 0.0, 0.0], 0.1, 0.5),
            "without a gradient it rolls on: half as fast at each step.",
            "sin gradiente sigue rodando: a la mitad de velocidad en cada paso.",
        ),
        Case(
            ([2.0, 2.0, 2.0], 0.1, 0.9),
            "the velocity keeps 0.9 of itself and takes the whole new gradient: 2, 3.8, 5.42.",
            "la velocidad guarda 0.9 de sí misma y suma todo el gradiente nuevo: 2, 3.8, 5.42.",
        ),
        Case(
            ([1.0, -3.0, 2.0], 0.5, 0.0),
            "momentum 0 keeps nothing: plain gradient descent, one place after each step.",
            "con momento 0 no queda nada: descenso de gradiente, un lugar tras cada paso.",
        ),
        Case(([], 0.1, 0.9), "no gradients, no places.", "sin gradientes no hay lugares."),
    ),
    same=_same,
    read=_numbers,
)


def _adamw(x: float, gradients: list[float], lr: float, decay: float) -> float:
    mean, square = 0.0, 0.0
    for step, gradient in enumerate(gradients, 1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.95 * square + 0.05 * gradient**2
        size = np.sqrt(square / (1 - 0.95**step)) + 1e-8
        x = x * (1 - lr * decay) - lr * mean / (1 - 0.9**step) / size
    return _numbers(x)


check_adamw = Exercise(
    "adamw",
    _adamw,
    (
        Case(
            (1.0, [0.004], 0.1, 0.0),
            "the first step is as long as lr, however small the gradient: divide mean by "
            "1 - 0.9**step and square by 1 - 0.95**step, with step 1 at first.",
            "el primer paso mide lr, por pequeño que sea el gradiente: divide mean entre "
            "1 - 0.9**paso y square entre 1 - 0.95**paso, con paso 1 al principio.",
        ),
        Case(
            (0.0, [1.0, -0.5, 2.0], 0.1, 0.0),
            "both means go on from step to step: 0.9 of the old one and 0.1 of the gradient, "
            "0.95 and 0.05 for its square; divide by the root of the second.",
            "ambas medias siguen de paso en paso: 0.9 de la vieja y 0.1 del gradiente, "
            "0.95 y 0.05 para su cuadrado; divide entre la raíz de la segunda.",
        ),
        Case(
            (2.0, [0.0, 0.0], 0.1, 0.5),
            "without gradients only the decay is left: times 1 - lr * decay at each step; and "
            "1e-8 beside the root keeps 0 / 0 away.",
            "sin gradientes solo queda el decaimiento: por 1 - lr * decay en cada paso; y "
            "1e-8 junto a la raíz evita 0 / 0.",
        ),
        Case(
            (4.0, [1.0, 1.0], 0.1, 0.5),
            "the decay acts on x itself; it is no part of the gradient.",
            "el decaimiento actúa sobre x misma; no forma parte del gradiente.",
        ),
        Case(
            (-1.0, [1e-6, 1e-6, 1e-6], 0.5, 0.0),
            "tiny gradients too: 1e-8 stands outside of the root.",
            "también con gradientes diminutos: 1e-8 va fuera de la raíz.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _vectors(answer: object) -> list:
    return [_numbers(one) for one in answer]


def _same_vectors(answer: list, expected: list) -> bool:
    return len(answer) == len(expected) and all(map(_same, answer, expected))


def _clip(gradients: list[np.ndarray], longest: float) -> list:
    length = np.sqrt(sum((g**2).sum() for g in gradients))
    factor = longest / length if length > longest else 1.0
    return _vectors([g * factor for g in gradients])


check_clip = Exercise(
    "clip",
    _clip,
    (
        Case(
            ([np.array([3.0, 4.0])], 1.0),
            "the length is the root of the sum of squares, here 5: make it 1, the direction stays.",
            "la longitud es la raíz de la suma de cuadrados, aquí 5: que sea 1, misma dirección.",
        ),
        Case(
            ([np.array([3.0]), np.array([-4.0])], 1.0),
            "all arrays together are one long vector, of length 5: one factor for all.",
            "todos los arrays juntos son un solo vector, de longitud 5: un factor para todos.",
        ),
        Case(
            ([np.array([0.3, 0.4]), np.array([[0.0]])], 1.0),
            "what is short enough stays as it is.",
            "lo que ya es corto se queda como está.",
        ),
        Case(
            ([np.array([[6.0, 0.0], [0.0, 8.0]]), np.array([0.0])], 2.0),
            "any shapes, any limit: here the factor is 2 / 10.",
            "cualquier forma y cualquier límite: aquí el factor es 2 / 10.",
        ),
        Case(
            ([np.zeros(2)], 1.0),
            "zeros stay zeros: do not divide by a length of 0.",
            "los ceros siguen siendo ceros: no dividas entre una longitud de 0.",
        ),
    ),
    same=_same_vectors,
    read=_vectors,
)


def _learning_rate_at(step: int, n_steps: int, n_warm_up: int, lr: float) -> float:
    if step < n_warm_up:
        return _numbers(lr * step / n_warm_up)
    return _numbers(lr * (n_steps - step) / (n_steps - n_warm_up))


check_learning_rate_at = Exercise(
    "learning_rate_at",
    _learning_rate_at,
    (
        Case(
            (5, 100, 10, 1.0),
            "half of the warm-up is done: half of the rate.",
            "va la mitad del calentamiento: la mitad de la tasa.",
        ),
        Case(
            (10, 100, 10, 0.4),
            "at the end of the warm-up the whole rate, lr.",
            "al final del calentamiento, la tasa entera, lr.",
        ),
        Case(
            (55, 100, 10, 0.4),
            "from step 10 to step 100 it falls in a line: step 55 is half of the way.",
            "del paso 10 al 100 baja en línea recta: el paso 55 está a medio camino.",
        ),
        Case((100, 100, 10, 0.4), "at the last step 0.", "en el último paso, 0."),
        Case(
            (25, 100, 0, 1.0),
            "without a warm-up it falls from the first step on; do not divide by 0.",
            "sin calentamiento baja desde el primer paso; no dividas entre 0.",
        ),
    ),
    same=_same,
    read=_numbers,
)
