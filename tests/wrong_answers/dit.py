"""Wrong answers to the exercises of the chapter `dit`."""

import numpy as np

from lessons_lib.classroom.practice.dit import check_what_it_predicts


def guess(z, t, values, mixed=lambda x, t: (1 - t) * x, width=lambda t: 2 * t**2, whole=False):
    x = np.asarray(values, float)
    scores = -np.square(z - mixed(x, t)) / width(t)
    weights = np.exp(scores - scores.max())
    return float(weights @ x / (1 if whole else weights.sum()))


def bare(z, t, values):
    x = np.asarray(values, float)
    with np.errstate(all="ignore"):
        weights = np.exp(-np.square(z - (1 - t) * x) / (2 * t**2))
        return float(weights @ x / weights.sum())


def two_steps(velocity, z, t, s, ask=None, mean=0.5, last=True):
    first = velocity(z, t)
    there = z + (s - t) * first
    if s == 0 and last:
        return there
    return z + (s - t) * mean * (first + velocity(there, s if ask is None else ask(t, s)))


def asked(model, values, t=0.01, choose=lambda values: max(values, key=abs), names=None):
    x = choose(values)
    said = model((1 - t) * x, t)
    away = {"picture": abs(said - x), "noise": abs(said), "velocity": abs(said + x)}
    return min(names or away, key=away.get)


def exactly(model, values):
    x = max(values, key=abs)
    said = round(model(0.99 * x, 0.01), 2)
    return {round(x, 2): "picture", 0.0: "noise"}.get(said, "velocity")


WRONG = {
    "check_best_guess": {
        "nothing": lambda *_: 0.0,
        "z itself": lambda z, t, values: z,
        "the mean of all": lambda z, t, values: float(np.mean(values)),
        "the nearest value": lambda z, t, values: min(values, key=lambda x: abs(z - (1 - t) * x)),
        "the picture unmixed": lambda *given: guess(*given, mixed=lambda x, t: x),
        "the path turned": lambda *given: guess(*given, mixed=lambda x, t: t * x),
        "t not squared": lambda *given: guess(*given, width=lambda t: 2 * t),
        "the 2 left out": lambda *given: guess(*given, width=lambda t: t**2),
        "not divided": lambda *given: guess(*given, whole=True),
        "weights that vanish": bare,
    },
    "check_mix_anew": {
        "nothing": lambda *_: 0.0,
        "the picture alone": lambda z, picture, t, s: (1 - s) * picture,
        "z for the noise": lambda z, picture, t, s: (1 - s) * picture + s * z,
        "not divided": lambda z, picture, t, s: (1 - s) * picture + s * (z - (1 - t) * picture),
        "the path turned": lambda z, picture, t, s: (
            s * picture + (1 - s) * (z - (1 - t) * picture) / t
        ),
        "the whole picture taken off": lambda z, picture, t, s: (
            (1 - s) * picture + s * (z - picture) / t
        ),
        "all the way": lambda z, picture, t, s: picture,
        "roots for shares": lambda z, picture, t, s: (
            (1 - s) ** 0.5 * picture + s**0.5 * (z - (1 - t) * picture) / t
        ),
    },
    "check_heun": {
        "nothing": lambda *_: 0.0,
        "Euler": lambda velocity, z, t, s: z + (s - t) * velocity(z, t),
        "the end alone": lambda velocity, z, t, s: (
            z + (s - t) * (velocity(z + (s - t) * velocity(z, t), s) if s else velocity(z, t))
        ),
        "a sum": lambda *given: two_steps(*given, mean=1.0),
        "time turned": lambda velocity, z, t, s: 2 * z - two_steps(velocity, z, t, s),
        "asked at t again": lambda *given: two_steps(*given, ask=lambda t, s: t),
        "the middle": lambda velocity, z, t, s: (
            z + (s - t) * velocity(z + (s - t) / 2 * velocity(z, t), (t + s) / 2)
        ),
        "asked at 0": lambda *given: two_steps(*given, last=False),
        "from the same place": lambda velocity, z, t, s: (
            z + (s - t) * (velocity(z, t) + velocity(z, s or t)) / 2
        ),
    },
    "check_what_it_predicts": {
        "nothing": lambda *_: "",
        "always the picture": lambda *_: "picture",
        "always the noise": lambda *_: "noise",
        "two names exchanged": lambda model, values: {
            "picture": "picture",
            "noise": "velocity",
            "velocity": "noise",
        }[check_what_it_predicts.solution(model, values)],
        "at t = 1": lambda model, values: "picture" if abs(model(3.0, 1.0)) < 1 else "noise",
        "the first value": lambda model, values: asked(model, values, choose=lambda some: some[0]),
        "asked for equality": exactly,
        "the sign alone": lambda model, values: (
            "picture"
            if model(0.99 * max(values), 0.01) > 0.5
            else "velocity"
            if model(0.99 * max(values), 0.01) < -0.5
            else "noise"
        ),
        "never the velocity": lambda *given: asked(*given, names=("picture", "noise")),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_best_guess", "weights that vanish"): "all weights become 0",
    ("check_best_guess", "t not squared"): "divide by the sum",
    ("check_mix_anew", "z for the noise"): "first the noise that is meant",
    ("check_mix_anew", "all the way"): "first the noise that is meant",
    ("check_heun", "Euler"): "go on with their mean",
    ("check_heun", "asked at 0"): "the last step is Euler's",
    ("check_what_it_predicts", "the first value"): "choose another",
    ("check_what_it_predicts", "asked for equality"): "never exact",
    ("check_what_it_predicts", "the sign alone"): "all values are negative",
    ("check_what_it_predicts", "never the velocity"): "noise minus picture",
}
