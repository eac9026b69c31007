"""The reader: which scene explains the pixels of a picture best.

It draws what it reads. The background is the one that differs least from the picture where the
differences are small, since things cover a part of it; then, for each number of things, each place
takes the drawing that comes nearest in squares, of those that go together in a scene.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from lessons_lib.base.validation import as_array
from lessons_lib.corpus.pictures.backgrounds import UNITS
from lessons_lib.corpus.pictures.drawing import LEFT, SHIFTS, Shift, background, draw, sprite
from lessons_lib.corpus.pictures.scenes import PLACES, THINGS, TIMES, Scene

_GROUNDS = [(place, time) for place in PLACES for time in TIMES]
_COVERED = 0.25  # a difference, added up over the colours, beyond which a pixel shows no background
_IS_ANIMAL = np.array([thing.is_animal for thing in THINGS])


def check_picture(picture: object, size: int = UNITS) -> np.ndarray:
    """Return a picture as an array (size, size, 3) of float32.

    Args:
        picture: an array or a tensor of floating-point numbers from 0 to 1.
        size: the width and the height that will do.

    Raises:
        ValueError: no numbers, integers, another shape (as with transparency, a fourth number for
            each pixel), NaN, or numbers outside 0 to 1.
    """
    found = as_array("a picture", picture)
    if found.dtype.kind != "f":
        raise ValueError(
            f"expected a picture of floating-point numbers from 0 to 1, got {found.dtype}"
        )
    if found.shape != (size, size, 3):
        raise ValueError(f"expected a picture of shape {(size, size, 3)}, got {found.shape}")
    wrong = found[~((found >= 0) & (found <= 1))]
    if wrong.size:
        raise ValueError(f"expected a picture of numbers from 0 to 1, got {wrong[0]}")
    return found.astype(np.float32)


def read(picture: object) -> tuple[Scene, float]:
    """Say which scene a picture shows, and how far it is from that scene's drawing.

    It always answers, also for a picture of something else: the distance says how far to believe
    it.

    Args:
        picture: (32, 32, 3) of floating-point numbers from 0 to 1.

    Returns:
        The scene, and the root of the mean squared difference from the nearest drawing of it, of
        all `SHIFTS` of its things: 0 for a drawing, about 0.3 for a picture of noise.

    Raises:
        ValueError: see `check_picture`.
    """
    scene, _, error = nearest(picture)
    return scene, error


def nearest(picture: object) -> tuple[Scene, np.ndarray, float]:
    """Return the scene that a picture shows, the nearest drawing of it, and how far that is.

    Arguments and errors as for `read`.
    """
    picture = check_picture(picture)
    grounds = _all_grounds()
    differences = np.abs(grounds - picture).sum(-1)
    best = int(np.minimum(differences, _COVERED).sum((1, 2)).argmin())
    found = []
    for n in LEFT:
        scene, shifts = _best_things(picture, grounds[best], n, *_GROUNDS[best])
        drawing = draw(scene, UNITS, shifts)
        error = float(np.sqrt(np.square(drawing - picture).mean()))
        found.append((scene, drawing, error))
    return min(found, key=lambda one: one[-1])


@cache
def _all_grounds() -> np.ndarray:
    return np.stack([background(*ground, UNITS) for ground in _GROUNDS])


class _Drawings(NamedTuple):
    """All things that can stand somewhere, each as a row: what is multiplied with the pixels.

    With b the background, t the picture, c the clear part and r the colours of a thing, the squared
    error (b c + r - t)^2 is c^2 b^2 + 2 b c r + r^2 - 2 t b c - 2 t r + t^2, so that all errors are
    a few products of matrices and vectors.
    """

    rows: slice
    columns: slice
    clear: np.ndarray  # (things, pixels)
    rgb: np.ndarray  # (things, 3 * pixels)
    clear_rgb: np.ndarray  # the product of both


@cache
def _drawings(n: int, i: int, shift: Shift) -> _Drawings:
    """Return where thing `i` of `n` stands, and all that can stand there."""
    sprites = [sprite(thing, n, i, shift) for thing in THINGS]
    top, bottom, left, right = sprites[0][0]
    rgb, clear = (np.stack([one[part] for one in sprites]) for part in (1, 2))
    flat = (x.reshape(len(THINGS), -1) for x in (clear, rgb, clear * rgb))
    return _Drawings(slice(top, bottom), slice(left, right), *flat)


def _costs(picture: np.ndarray, ground: np.ndarray, n: int, i: int) -> np.ndarray:
    """Return how much each thing at each shift changes the squared error: (things, shifts)."""
    costs = []
    for shift in SHIFTS:
        d = _drawings(n, i, shift)
        t, b = picture[d.rows, d.columns], ground[d.rows, d.columns]
        squares, products = (np.sum(x * b, -1).ravel() for x in (b, t))
        cost = np.square(d.clear) @ squares - 2 * d.clear @ products
        cost += 2 * (d.clear_rgb @ b.ravel() - d.rgb @ t.ravel()) + np.square(d.rgb).sum(1)
        costs.append(cost - squares.sum() + 2 * products.sum())
    return np.stack(costs, 1)


def _best_things(
    picture: np.ndarray, ground: np.ndarray, n: int, place: str, time: str
) -> tuple[Scene, list[Shift]]:
    """Return the scene of `n` things with the least error, and where they stand."""
    costs = [_costs(picture, ground, n, i) for i in range(n)]
    each = [cost.min(1) for cost in costs]
    if n == 2:
        both = each[0][:, None] + each[1]
        both[np.ix_(_IS_ANIMAL, _IS_ANIMAL)] = np.inf
        numbers = np.unravel_index(both.argmin(), both.shape)
    else:
        total = np.sum(each, axis=0)
        total[_IS_ANIMAL & (n > 1)] = np.inf
        numbers = [total.argmin()] * n
    shifts = [SHIFTS[cost[k].argmin()] for cost, k in zip(costs, numbers, strict=True)]
    return Scene(tuple(THINGS[k] for k in numbers), place, time), shifts
