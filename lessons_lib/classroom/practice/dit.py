"""Checks for the exercises of the chapter `dit`."""

from collections.abc import Callable, Sequence

import numpy as np

from lessons_lib.classroom.examples import Denoiser
from lessons_lib.classroom.practice import Case, Exercise, near

__all__ = ["check_best_guess", "check_heun", "check_mix_anew", "check_what_it_predicts"]


def _best_guess(z: float, t: float, values: Sequence[float]) -> float:
    x = np.asarray(values, float)
    scores = -np.square(z - (1 - t) * x) / (2 * t**2)
    weights = np.exp(scores - scores.max())
    return float(weights @ x / weights.sum())


check_best_guess = Exercise(
    "best_guess",
    _best_guess,
    (
        Case(
            (0.1, 0.6, [-1.0, 1.0]),
            "the weight of x is exp(-(z - (1 - t) x)**2 / (2 t**2)); divide by the sum of weights.",
            "el peso de x es exp(-(z - (1 - t) x)**2 / (2 t**2)); divide entre la suma de pesos.",
        ),
        Case(
            (3.0, 1.0, [-1.0, 1.0]),
            "at t = 1 nothing of x is left in z: the mean of all values.",
            "en t = 1 no queda nada de x en z: la media de todos los valores.",
        ),
        Case(
            (0.9, 0.5, [0.0, 1.0, 4.0]),
            "z is near (1 - t) x, not near x: 0.9 speaks for 1 and 4 both.",
            "z está cerca de (1 - t) x, no de x: 0.9 habla a favor de 1 y también de 4.",
        ),
        Case(
            (9.0, 0.01, [-1.0, 1.0]),
            "all weights become 0 here: subtract the largest exponent from all of them first.",
            "aquí todos los pesos dan 0: resta antes a todos los exponentes el mayor de ellos.",
        ),
    ),
    same=near,
    read=float,
)


def _mix_anew(z: float, picture: float, t: float, s: float) -> float:
    noise = (z - (1 - t) * picture) / t
    return (1 - s) * picture + s * noise


check_mix_anew = Exercise(
    "mix_anew",
    _mix_anew,
    (
        Case(
            (0.1, 1.0, 0.6, 0.3),
            "first the noise that is meant: (z - (1 - t) picture) / t, here -0.5; then mix at s.",
            "primero el ruido supuesto: (z - (1 - t) picture) / t, aquí -0.5; luego mezcla en s.",
        ),
        Case(
            (2.0, 0.5, 1.0, 0.75),
            "at t = 1 z is the noise itself; at s a quarter of the picture comes in.",
            "en t = 1, z es el ruido mismo; en s entra un cuarto de la imagen.",
        ),
        Case(
            (0.4, -1.0, 0.2, 0.0),
            "at s = 0 no noise is left: the picture alone.",
            "en s = 0 no queda ruido: solo la imagen.",
        ),
        Case(
            (-0.7, 0.3, 0.5, 0.5),
            "no time has passed, so z comes back.",
            "no ha pasado tiempo, así que vuelve z.",
        ),
    ),
    same=near,
    read=float,
)


def _heun(velocity: Callable[[float, float], float], z: float, t: float, s: float) -> float:
    first = velocity(z, t)
    there = z + (s - t) * first
    if s == 0:
        return there
    return z + (s - t) * (first + velocity(there, s)) / 2


_SIDES = (-1.0, 1.0)

check_heun = Exercise(
    "heun",
    _heun,
    (
        Case(
            (Denoiser("v_1", _SIDES, "velocity"), 1.5, 1.0, 0.5),
            "the velocity at t and the one at s, where Euler's step ends: go on with their mean.",
            "la velocidad en t y la de s, donde acaba el paso de Euler: avanza con su media.",
        ),
        Case(
            (Denoiser("v_2", (0.0, 1.0, 4.0), "velocity"), 0.8, 0.7, 0.4),
            "s - t is negative: time runs from 1 to 0. The second velocity is asked at s, not t.",
            "s - t es negativo: el tiempo va de 1 a 0. La segunda velocidad se pide en s, no en t.",
        ),
        Case(
            (Denoiser("v_3", _SIDES, "velocity"), 0.4, 0.2, 0.0),
            "at time 0 there is no velocity to ask for: the last step is Euler's.",
            "en el tiempo 0 no hay velocidad que pedir: el último paso es el de Euler.",
        ),
        Case(
            (Denoiser("v_4", (2.0,), "velocity"), -1.0, 0.9, 0.3),
            "with a single value the path is straight: both velocities agree.",
            "con un solo valor el camino es recto: las dos velocidades coinciden.",
        ),
    ),
    same=near,
    read=float,
)


def _what_it_predicts(model: Callable[[float, float], float], values: Sequence[float]) -> str:
    t, x = 0.01, max(values, key=abs)
    said = model((1 - t) * x, t)
    away = {"picture": abs(said - x), "noise": abs(said), "velocity": abs(said + x)}
    return min(away, key=away.get)


def _ask(number: int, en: str, es: str, values: tuple, predicts: str, off: float = 0.0) -> Case:
    return Case((Denoiser(f"model_{number}", values, predicts, off), list(values)), en, es)


check_what_it_predicts = Exercise(
    "what_it_predicts",
    _what_it_predicts,
    (
        _ask(
            1,
            "give it a value without noise, z = (1 - t) x, at a small t: this one says x.",
            "dale un valor sin ruido, z = (1 - t) x, con un t pequeño: este dice x.",
            _SIDES,
            "picture",
        ),
        _ask(
            2,
            "no noise was added, and this one says about 0.",
            "no se añadió ruido, y este dice más o menos 0.",
            _SIDES,
            "noise",
        ),
        _ask(
            3,
            "noise minus picture: without noise, this one says about -x.",
            "ruido menos imagen: sin ruido, este dice más o menos -x.",
            _SIDES,
            "velocity",
        ),
        _ask(
            4,
            "for the value 0 all three answers are 0: choose another of the values.",
            "con el valor 0 las tres respuestas son 0: elige otro de los valores.",
            (0.0, 3.0),
            "velocity",
        ),
        _ask(
            5,
            "models are never exact: ask which of the three answers is nearest.",
            "los modelos nunca son exactos: pregunta cuál de las tres respuestas está más cerca.",
            (-2.0, 2.0),
            "picture",
            -0.3,
        ),
        _ask(
            6,
            "all values are negative here: -x is above 0.",
            "aquí todos los valores son negativos: -x está por encima de 0.",
            (-4.0, -3.0),
            "velocity",
            0.2,
        ),
    ),
    read=str,
)
