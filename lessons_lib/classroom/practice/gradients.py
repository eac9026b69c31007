"""Checks for the exercises of the chapter `gradients`."""

import numpy as np

from lessons_lib.classroom.examples import Operation
from lessons_lib.classroom.practice import Case, Exercise

__all__ = [
    "check_is_right",
    "check_path_counts",
    "check_quotient_slopes",
    "check_shared_slopes",
]


def _numbers(answer: object) -> list:
    """Make arrays, tensors and lists of numbers alike: four decimals, the same on all machines."""
    return np.asarray(answer, dtype=float).round(4).tolist()


def _same(answer: list, expected: list) -> bool:
    """Compare shapes and numbers, with room for one unit in the last of four decimals."""
    shapes = np.shape(answer) == np.shape(expected)
    return shapes and np.allclose(answer, expected, rtol=1e-4, atol=1.5e-4)


def _quotient_slopes(a: np.ndarray, b: np.ndarray, arrived: np.ndarray) -> list:
    return _numbers((arrived / b, -arrived * a / b**2))


check_quotient_slopes = Exercise(
    "quotient_slopes",
    _quotient_slopes,
    (
        Case(
            (np.array([3.0]), np.array([1.0]), np.array([1.0])),
            "a larger b makes a / b smaller: the second slope has a minus, and a in it.",
            "una b mayor hace menor a / b: la segunda pendiente lleva un menos, y contiene a.",
        ),
        Case(
            (np.array([1.0]), np.array([2.0]), np.array([1.0])),
            "a / b is a times 1 / b, and the slope of 1 / b is -1 / b**2.",
            "a / b es a por 1 / b, y la pendiente de 1 / b es -1 / b**2.",
        ),
        Case(
            (np.array([1.0, -3.0]), np.array([2.0, 0.5]), np.array([10.0, -0.1])),
            "each slope is multiplied by the one that arrives, place by place.",
            "cada pendiente se multiplica por la que llega, elemento a elemento.",
        ),
        Case(
            (np.array([[2.0, 0.0]]), np.array([[-4.0, 5.0]]), np.array([[1.0, 1.0]])),
            "return both, that of a and that of b, in the shape of a and b.",
            "devuelve las dos, la de a y la de b, con la forma de a y b.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _shared_slopes(arrived: np.ndarray, n_times: int) -> list:
    return _numbers(arrived.reshape(-1, n_times, *arrived.shape[1:]).sum(1))


check_shared_slopes = Exercise(
    "shared_slopes",
    _shared_slopes,
    (
        Case(
            (np.array([[[1.0, 2.0]], [[10.0, 20.0]]]), 2),
            "each copy brings a slope, and the head gets their sum.",
            "cada copia trae una pendiente, y la cabeza recibe la suma.",
        ),
        Case(
            (np.array([[[1.0]], [[2.0]], [[30.0]], [[40.0]]]), 2),
            "the copies of one head are neighbours: heads 0 and 1 come from the first.",
            "las copias de una cabeza son vecinas: las cabezas 0 y 1 vienen de la primera.",
        ),
        Case(
            (np.arange(12.0).reshape(6, 1, 2) ** 2, 3),
            "each head has n_times copies, so H / n_times heads are left.",
            "cada cabeza tiene n_times copias, así que quedan H / n_times cabezas.",
        ),
        Case(
            (np.arange(8.0).reshape(2, 2, 2), 1),
            "with one copy each, the slopes are those that arrive, in three axes.",
            "con una sola copia, las pendientes son las que llegan, con tres ejes.",
        ),
    ),
    same=_same,
    read=_numbers,
)


def _path_counts(made_from: dict) -> dict:
    counts = dict.fromkeys(made_from, 0)
    names = list(made_from)
    counts[names[-1]] = 1
    for name in reversed(names):
        for source in made_from[name]:
            counts[source] += counts[name]
    return counts


_DOUBLED = {"x": [], **{f"x{i}": [f"x{i - 1}" if i else "x"] * 2 for i in range(12)}}

check_path_counts = Exercise(
    "path_counts",
    _path_counts,
    (
        Case(
            ({"a": [], "b": ["a"], "c": ["b"]},),
            "the last name is the result: one path from it to itself; go backwards from there.",
            "el último nombre es el resultado: un camino de él a sí mismo; desde ahí, hacia atrás.",
        ),
        Case(
            ({"a": [], "b": ["a", "a"]},),
            "a source that stands twice in the list was used twice: two paths.",
            "un origen que aparece dos veces en la lista se usó dos veces: dos caminos.",
        ),
        Case(
            ({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]},),
            "paths add up: a is reached over b and over c.",
            "los caminos se suman: a `a` se llega por b y por c.",
        ),
        Case(
            ({"a": [], "b": ["a", "a"], "c": ["b", "b"], "d": ["c", "a"]},),
            "a source gets as many paths as the result of its use has, not one.",
            "un origen recibe tantos caminos como tiene el resultado de su uso, no uno.",
        ),
        Case(
            ({"a": [], "unused": ["a"], "b": ["a"]},),
            "what the result was not made from has no path to it: 0.",
            "lo que no interviene en el resultado no tiene ningún camino hasta él: 0.",
        ),
        Case(
            (_DOUBLED,),
            "twelve doublings: two to the power of twelve paths from x.",
            "doce duplicaciones: dos elevado a doce caminos desde x.",
        ),
    ),
    read=lambda answer: {str(name): int(count) for name, count in dict(answer).items()},
)


def _is_right(operation: Operation, x: np.ndarray) -> bool:
    arrived = np.random.default_rng(0).normal(size=x.shape)
    for i, slope in enumerate(operation.slopes(x, arrived)):
        step = np.zeros_like(x)
        step[i] = 1e-5
        change = (operation(x + step) - operation(x - step)) / 2e-5
        if abs((arrived * change).sum() - slope) > 1e-4:
            return False
    return True


def _try(number: int, kind: str, x: list[float], en: str, es: str) -> Case:
    return Case((Operation(f"operation_{number}", kind), np.array(x)), en, es)


check_is_right = Exercise(
    "is_right",
    _is_right,
    (
        _try(
            *(1, "square", [1.0, -2.0, 0.5]),
            "this rule is right: compare it with (f(x + h) - f(x - h)) / 2h for a small h.",
            "esta regla es correcta: compárala con (f(x + h) - f(x - h)) / 2h para una h pequeña.",
        ),
        _try(
            *(2, "square, right at 1", [1.0, -2.0, 0.5]),
            "this rule is wrong: try it at the x that is given, at all of its numbers.",
            "esta regla es falsa: pruébala en la x que se da, en todos sus números.",
        ),
        _try(
            *(3, "exp", [3.0, -1.0]),
            "this rule is right: a large step, or too little patience with rounding, misjudges it.",
            "es correcta: con un paso grande, o si exiges demasiados decimales, parece falsa.",
        ),
        _try(
            *(4, "exp, arrivals forgotten", [0.5, -1.0]),
            "this rule is wrong: let slopes arrive that are not all 1.",
            "esta regla es falsa: haz que lleguen pendientes que no sean todas 1.",
        ),
        _try(
            *(5, "relu, open below", [2.0, -1.0, 3.0]),
            "this rule is wrong at one number, by little: compare each slope, to three decimals.",
            "esta regla falla en un número, por poco: compara cada pendiente, con tres decimales.",
        ),
        _try(
            *(6, "turn, on instead of back", [1.0, 2.0, 4.0]),
            "this rule is wrong: different slopes must arrive, and come back in the right places.",
            "esta regla es falsa: han de llegar pendientes distintas y volver a su sitio.",
        ),
        _try(
            *(7, "softmax", [1.0, 0.0, -1.0, 2.0]),
            "this rule is right: each number of x changes all results, so add up over all of them.",
            "es correcta: cada número de x cambia todos los resultados, así que suma los efectos.",
        ),
        _try(
            *(8, "softmax, each for itself", [1.0, 0.0, -1.0, 2.0]),
            "this rule is wrong: each number of x changes all results, not only its own.",
            "esta regla es falsa: cada número de x cambia todos los resultados, no solo el suyo.",
        ),
        _try(
            *(9, "relu, slopes cut", [2.0, 1.0, 3.0, 0.5, 1.5, 4.0, 2.5, 3.5]),
            "this rule is wrong: let slopes of both signs arrive.",
            "esta regla es falsa: haz que lleguen pendientes de los dos signos.",
        ),
        _try(
            *(10, "turn", [1.0, 2.0, 4.0]),
            "this rule is right: try again with slopes that arrive in other places.",
            "esta regla es correcta: prueba otra vez con pendientes que lleguen a otros sitios.",
        ),
    ),
    read=lambda answer: bool(np.asarray(answer).item()),
)
