"""Wrong answers to the exercises of the chapter `llama`."""

import math

import numpy as np


def angle_of(vector):
    return math.atan2(vector[1], vector[0])


def unsigned(a, b):
    return math.acos((a[0] * b[0] + a[1] * b[1]) / math.hypot(*a) / math.hypot(*b))


def found(rotate, n, position=1, least=1e-9):
    turned = [rotate(np.eye(n)[i], position) for i in range(n)]
    return [(i, j) for i in range(n) for j in range(n) if i != j and abs(turned[i][j]) > least]


def one_way(pairs):
    return [(i, j) for i, j in pairs if i < j]


WRONG = {
    "check_fold": {
        "unchanged": lambda weight, matrix: matrix,
        "rows": lambda weight, matrix: matrix * np.resize(weight, len(matrix))[:, None],
        "rows where they fit": lambda weight, matrix: (
            matrix * weight[:, None] if len(matrix) == len(weight) else matrix * weight
        ),
        "divided": lambda weight, matrix: matrix / np.where(weight == 0, 1, weight),
        "added": lambda weight, matrix: matrix + weight,
        "applied": lambda weight, matrix: matrix @ weight,
        "turned over": lambda weight, matrix: (matrix * weight).T,
        "sizes only": lambda weight, matrix: matrix * np.abs(weight),
        "zeros left out": lambda weight, matrix: matrix * np.where(weight == 0, 1, weight),
    },
    "check_positions_apart": {
        "the angle": lambda a, b, speed: (angle_of(b) - angle_of(a)) % math.tau,
        "times the speed": lambda a, b, speed: (angle_of(b) - angle_of(a)) % math.tau * speed,
        "degrees": lambda a, b, speed: math.degrees((angle_of(b) - angle_of(a)) % math.tau) / speed,
        "in turns": lambda a, b, speed: (angle_of(b) - angle_of(a)) / math.tau % 1 / speed,
        "the shorter way": lambda a, b, speed: unsigned(a, b) / speed,
        "backwards": lambda a, b, speed: (angle_of(a) - angle_of(b)) % math.tau / speed,
        "no modulo": lambda a, b, speed: (angle_of(b) - angle_of(a)) / speed,
        "modulo a half turn": lambda a, b, speed: (angle_of(b) - angle_of(a)) % math.pi / speed,
        "from the start": lambda a, b, speed: angle_of(b) % math.tau / speed,
        "lengths of 1": lambda a, b, speed: math.acos(a[0] * b[0] + a[1] * b[1]) / speed,
        "a whole turn at least": lambda a, b, speed: (
            ((angle_of(b) - angle_of(a)) % math.tau or math.tau) / speed
        ),
    },
    "check_turned_pairs": {
        "always neighbours": lambda rotate, n: [(i, i + 1) for i in range(0, n, 2)],
        "always halves": lambda rotate, n: [(i, i + n // 2) for i in range(n // 2)],
        "both ways": lambda rotate, n: found(rotate, n),
        "at position 0": lambda rotate, n: one_way(found(rotate, n, 0)),
        "at position 100": lambda rotate, n: one_way(found(rotate, n, 100)),
        "large numbers only": lambda rotate, n: one_way(found(rotate, n, 1, 0.05)),
        "the first only": lambda rotate, n: one_way(found(rotate, n))[:1],
        "the rest as neighbours": lambda rotate, n: (
            (pairs := one_way(found(rotate, n))) + [(i, i + 1) for i in range(2 * len(pairs), n, 2)]
        ),
        "places alone": lambda rotate, n: [i for i in range(n)],
    },
    "check_swiglu_width": {
        "four times": lambda d_model, multiple: 4 * d_model,
        "not rounded": lambda d_model, multiple: 8 * d_model // 3,
        "rounded down": lambda d_model, multiple: 8 * d_model // 3 // multiple * multiple,
        "to the nearest": lambda d_model, multiple: (
            (8 * d_model // 3 + multiple // 2) // multiple * multiple
        ),
        "one multiple more": lambda d_model, multiple: (
            (8 * d_model // 3 // multiple + 1) * multiple
        ),
        "two thirds": lambda d_model, multiple: -(-(2 * d_model // 3) // multiple) * multiple,
        "always 256": lambda d_model, multiple: -(-(8 * d_model // 3) // 256) * 256,
        "fraction rounded": lambda d_model, multiple: (
            -(-round(8 * d_model / 3) // multiple) * multiple
        ),
        "fraction up": lambda d_model, multiple: int(
            np.ceil(8 * d_model / 3 / multiple) * multiple
        ),
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_fold", "unchanged"): "multiply columns",
    ("check_fold", "rows"): "multiply columns",
    ("check_fold", "rows where they fit"): "also where rows would fit",
    ("check_fold", "sizes only"): "also where rows would fit",
    ("check_fold", "zeros left out"): "weight of 0",
    ("check_positions_apart", "the angle"): "a quarter turn",
    ("check_positions_apart", "times the speed"): "a quarter turn",
    ("check_positions_apart", "the shorter way"): "three quarters",
    ("check_positions_apart", "no modulo"): "three quarters",
    ("check_positions_apart", "from the start"): "past (1, 0)",
    ("check_positions_apart", "a whole turn at least"): "0 positions",
    ("check_turned_pairs", "always neighbours"): "another layout",
    ("check_turned_pairs", "at position 0"): "a single 1",
    ("check_turned_pairs", "large numbers only"): "slow hands",
    ("check_turned_pairs", "the rest as neighbours"): "in no pair",
    ("check_turned_pairs", "at position 100"): "whole and half turns",
    ("check_swiglu_width", "four times"): "8/3 of 768",
    ("check_swiglu_width", "one multiple more"): "already",
    ("check_swiglu_width", "not rounded"): "11,008",
    ("check_swiglu_width", "rounded down"): "11,008",
    ("check_swiglu_width", "to the nearest"): "13,653",
    ("check_swiglu_width", "fraction rounded"): "without its fraction",
    ("check_swiglu_width", "always 256"): "multiple of 1",
}
