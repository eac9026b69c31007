"""A scene as an array of pixels."""

import random
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from lessons_lib.base.validation import check_integer
from lessons_lib.corpus.pictures.backgrounds import UNITS, Place, paint_background
from lessons_lib.corpus.pictures.scenes import Scene, Thing
from lessons_lib.corpus.pictures.shapes import Canvas
from lessons_lib.corpus.pictures.things import paint_thing

WIDTH, HEIGHT = 16, 18  # of the box around a thing, in units; its foot is a unit above the bottom
LEFT = {1: (8,), 2: (0, 16), 3: (-2, 8, 18)}  # where the boxes of one, two and three things begin
TOP = 10
SCALE = {1: 1.0, 2: 1.0, 3: 0.7}
SHIFTS = tuple((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1))  # units to the right and down
MOST_PIXELS = 1024

Shift = tuple[int, int]


def draw(scene: Scene, size: int = UNITS, shifts: Sequence[Shift] | None = None) -> np.ndarray:
    """Draw a scene.

    Args:
        scene: what to draw.
        size: the width and the height, in pixels; 32 is what the book's models see.
        shifts: for each thing, how far it stands from its usual place, one of `SHIFTS`.

    Returns:
        (size, size, 3) of float32: red, green and blue from 0 to 1, row by row from the top.

    Raises:
        ValueError: no scene, a size outside 8 to 1,024, or other shifts.
    """
    if not isinstance(scene, Scene):
        raise ValueError(f"expected a scene, got {type(scene).__name__}")
    size = check_integer("size", size, 8, MOST_PIXELS)
    n = len(scene.things)
    shifts = ((0, 0),) * n if shifts is None else _check_shifts(shifts, n)
    picture = background(scene.place, scene.time, size).copy()
    for i, thing in enumerate(scene.things):
        (top, bottom, left, right), rgb, clear = sprite(thing, n, i, shifts[i], size)
        part = picture[top:bottom, left:right]
        part *= clear
        part += rgb
    return picture


def _check_shifts(shifts: Sequence[Shift], n: int) -> list[Shift]:
    try:
        found = [tuple(shift) for shift in shifts]
        fits = set(found) <= set(SHIFTS)
    except TypeError:  # no pairs, or of what is no number
        fits = False
    if not fits or len(found) != n:
        raise ValueError(f"expected {n} shifts of -1, 0 or 1 units, got {shifts!r:.80}")
    return found


def sample_shifts(n: int, rng: random.Random) -> list[Shift]:
    """Draw a shift for each of `n` things: half of them stay in their usual place.

    Raises:
        ValueError: a number below 1.
    """
    check_integer("n", n, 1)
    weights = [len(SHIFTS) - 1 if shift == (0, 0) else 1 for shift in SHIFTS]
    return rng.choices(SHIFTS, weights, k=n)


def _centres(start: int, stop: int, size: int) -> np.ndarray:
    """Return where the centres of some pixels are, in units."""
    return (np.arange(start, stop) + 0.5) * (UNITS / size)


@lru_cache(maxsize=512)
def background(place: str, time: str, size: int) -> np.ndarray:
    """Return a background: (size, size, 3), not to be changed."""
    x, y = np.meshgrid(_centres(0, size, size), _centres(0, size, size))
    canvas = Place(x, y, size / UNITS, time)
    paint_background(canvas, place)
    picture = canvas.rgb.astype(np.float32)
    picture.flags.writeable = False
    return picture


Box = tuple[int, int, int, int]  # top, bottom, left, right


@lru_cache(maxsize=8192)  # all of them at the models' size
def sprite(
    thing: Thing, n: int, i: int, shift: Shift = (0, 0), size: int = UNITS
) -> tuple[Box, np.ndarray, np.ndarray]:
    """Return thing `i` of `n` as it stands in a picture.

    Returns:
        The pixels that it takes up; what it adds to them (H, W, 3); and which part of what was
        there it leaves (H, W, 1).
    """
    pixels, scale = size / UNITS, SCALE[n]
    foot_x, foot_y = LEFT[n][i] + WIDTH / 2 + shift[0], TOP + HEIGHT - 1 + shift[1]
    left, top = foot_x - WIDTH / 2, foot_y - (HEIGHT - 1)
    edges = np.array([top, top + HEIGHT, left, left + WIDTH]) * pixels
    starts, stops = np.floor(edges[::2]), np.ceil(edges[1::2])
    (top, left), (bottom, right) = (
        np.clip(edge, 0, size).astype(int).tolist() for edge in (starts, stops)
    )
    x, y = np.meshgrid(_centres(left, right, size) - foot_x, _centres(top, bottom, size) - foot_y)
    if thing.is_animal and n > 1 and i == n - 1:
        x = -x  # an animal on the right looks to the left
    canvas = Canvas(x / scale, y / scale, pixels * scale)
    paint_thing(canvas, thing)
    clear = (1 - canvas.alpha[..., None]).astype(np.float32)
    return (top, bottom, left, right), canvas.rgb.astype(np.float32), clear
