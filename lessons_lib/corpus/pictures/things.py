"""The objects and animals as drawings: y = 0 is the ground, x = 0 the middle, units of a pixel."""

import numpy as np

from lessons_lib.corpus.pictures.scenes import Thing
from lessons_lib.corpus.pictures.shapes import DARK, OUTLINE, Canvas, Colour, mix, union

PAINTS = {
    "red": (214, 48, 49),
    "yellow": (250, 208, 44),
    "white": (246, 246, 246),
    "blue": (44, 92, 214),
    "green": (40, 160, 72),
    "orange": (240, 132, 24),
}
PAPER, CREAM = (252, 246, 228), (250, 244, 236)


def paint_thing(c: Canvas, thing: Thing) -> None:
    """Paint a thing that stands at the canvas's origin."""
    if thing.is_animal:
        _ANIMALS[thing.name](c)
    else:
        paint = PAINTS[thing.colour]
        light, shade = mix(paint, (255, 255, 255), 0.55), mix(paint, (0, 0, 0), 0.28)
        _OBJECTS[thing.name](c, paint, light, shade)


# ---------------------------------------------------------------- objects


def _ball(c: Canvas, paint: Colour, light: Colour, shade: Colour) -> None:
    c.paint(c.circle(0, -5.4, 5.0), paint, OUTLINE)
    stripe = np.abs(c.y + 5.4 + 0.25 * c.x) - 1.0
    c.paint(np.maximum(c.circle(0, -5.4, 4.8), stripe), shade)
    c.paint(c.circle(-1.8, -7.6, 1.1), light)


def _kite(c: Canvas, paint: Colour, light: Colour, shade: Colour) -> None:
    for i, x in enumerate((0.4, 1.8, 3.2)):
        c.paint(c.line(x - 0.6, -3.0 + i, x + 0.8, -2.0 + i, 0.45), DARK)
    c.paint(c.polygon((0, -13.5), (4.6, -8.6), (0, -2.6), (-4.6, -8.6)), paint, OUTLINE)
    c.paint(union(c.line(0, -13, 0, -3.2, 0.35), c.line(-4.2, -8.6, 4.2, -8.6, 0.35)), shade)


def _bell(c: Canvas, paint: Colour, light: Colour, shade: Colour) -> None:
    c.paint(c.circle(0, -1.6, 1.5), DARK)
    c.paint(c.circle(0, -11.2, 1.0), paint, OUTLINE)
    dome = np.maximum(c.ellipse(0, -4.6, 4.2, 6.2), c.y + 3.0)
    c.paint(union(dome, c.box(0, -3.1, 5.2, 0.9, 0.6)), paint, OUTLINE)
    c.paint(c.line(-1.6, -8, -2.2, -5.2, 0.55), light)


def _key(c: Canvas, paint: Colour, light: Colour, shade: Colour) -> None:
    shaft = c.line(-1.0, -6.8, 4.4, -1.6, 1.0)
    teeth = union(c.line(2.4, -3.4, 4.4, -5.6, 0.85), c.line(4.4, -1.6, 5.9, -3.4, 0.85))
    c.paint(union(c.circle(-3.0, -8.6, 3.3), shaft, teeth), paint, OUTLINE)
    c.paint(c.circle(-3.0, -8.6, 1.5), DARK)


def _drum(c: Canvas, paint: Colour, light: Colour, shade: Colour) -> None:
    c.paint(union(c.box(0, -4.6, 5.2, 3.4), c.ellipse(0, -1.6, 5.2, 1.4)), paint, OUTLINE)
    for x in (-3.6, 0, 3.6):
        ropes = union(c.line(x - 1.5, -6.6, x, -2.0, 0.3), c.line(x + 1.5, -6.6, x, -2.0, 0.3))
        c.paint(ropes, shade)
    c.paint(c.ellipse(0, -7.8, 5.2, 1.7), (240, 224, 190), OUTLINE)
    sticks = union(c.line(-4.5, -12.5, -1, -8.4, 0.5), c.line(4.5, -12.5, 1, -8.4, 0.5))
    c.paint(sticks, (140, 90, 50))


def _hat(c: Canvas, paint: Colour, light: Colour, shade: Colour) -> None:
    crown = c.polygon((-3.6, -2), (-3.1, -9.2), (3.1, -9.2), (3.6, -2))
    c.paint(union(c.ellipse(0, -1.9, 6.4, 1.7), crown), paint, OUTLINE)
    c.paint(c.polygon((-3.6, -2.6), (-3.45, -4.8), (3.45, -4.8), (3.6, -2.6)), DARK)


def _book(c: Canvas, paint: Colour, light: Colour, shade: Colour) -> None:
    cover = ((-5.4, -9.4), (0, -8.2), (5.4, -9.4), (5.4, -1.6), (0, -0.6), (-5.4, -1.6))
    c.paint(c.polygon(*cover), paint, OUTLINE)
    for side in (-1, 1):
        page = ((4.3, -8.7), (0.4, -7.8), (0.4, -2.0), (4.3, -2.8))
        c.paint(c.polygon(*((side * x, y) for x, y in page)), PAPER)
    for y in (-6.9, -5.3, -3.9):
        lines = union(c.line(-3.4, y - 0.5, -1.3, y, 0.3), c.line(3.4, y - 0.5, 1.3, y, 0.3))
        c.paint(lines, (120, 110, 120))


def _boat(c: Canvas, paint: Colour, light: Colour, shade: Colour) -> None:
    c.paint(c.line(0, -12.4, 0, -4, 0.45), DARK)
    c.paint(c.polygon((0.8, -12.2), (5.2, -5.2), (0.8, -5.2)), light, OUTLINE * 0.8)
    c.paint(c.polygon((-0.8, -10.6), (-4.2, -5.2), (-0.8, -5.2)), light, OUTLINE * 0.8)
    c.paint(c.polygon((-6.2, -4.0), (6.2, -4.0), (3.9, -0.8), (-3.9, -0.8)), paint, OUTLINE)


# ---------------------------------------------------------------- animals


def _pair(c: Canvas, x: float, y: float, radius: float) -> np.ndarray:
    """Return the distance to two circles, mirror images of each other."""
    return union(c.circle(-x, y, radius), c.circle(x, y, radius))


def _turtle(c: Canvas) -> None:
    shell, skin = (62, 130, 70), (150, 196, 96)
    c.paint(union(*(c.box(x, -1.4, 1.2, 1.2, 0.6) for x in (-2.6, 2.6))), skin, OUTLINE)
    c.paint(union(c.circle(5.0, -5.0, 2.1), c.line(5, -4, 3, -2.6, 1.0)), skin, OUTLINE)
    c.paint(np.maximum(c.ellipse(-0.6, -2.4, 5.2, 5.8), c.y + 2.2), shell, OUTLINE)
    for x, y in ((-3.0, -4.0), (-0.6, -5.6), (1.8, -4.0)):
        c.paint(c.circle(x, y, 0.95), (40, 92, 50))
    c.paint(c.circle(5.5, -5.4, 0.65), DARK)


def _hen(c: Canvas) -> None:
    legs = union(c.line(-1, -2.4, -1, -0.4, 0.4), c.line(1.6, -2.4, 1.6, -0.4, 0.4))
    c.paint(legs, (230, 140, 30))
    comb = ((2.4, -11.4, 1.2), (3.8, -10.9, 1.0), (1.2, -10.6, 1.0))
    c.paint(union(*(c.circle(*part) for part in comb)), (206, 40, 40))
    tail = c.polygon((-2.6, -4.4), (-6, -9.4), (-4, -3))
    body = union(c.ellipse(-0.4, -4.8, 4.4, 3.4), c.circle(2.6, -8.4, 2.3), tail)
    c.paint(body, (240, 232, 220), OUTLINE)
    c.paint(c.polygon((4.6, -9), (7, -7.9), (4.6, -7.2)), (240, 160, 30))
    c.paint(c.circle(3.2, -8.8, 0.7), DARK)
    c.paint(c.ellipse(-1.2, -4.8, 1.9, 1.3), (196, 176, 156))


def _frog(c: Canvas) -> None:
    skin = (88, 190, 60)
    c.paint(union(*(c.ellipse(x, -1.6, 2.2, 1.4) for x in (-4.4, 4.4))), skin, OUTLINE)
    c.paint(union(c.ellipse(0, -4.4, 4.7, 4.0), _pair(c, 2.7, -8.4, 2.0)), skin, OUTLINE)
    c.paint(_pair(c, 2.7, -8.6, 1.25), (255, 255, 255))
    c.paint(_pair(c, 2.7, -8.6, 0.7), DARK)
    mouth = np.abs(c.ellipse(0, -5.6, 3.0, 1.8)) - 0.3
    c.paint(np.maximum(mouth, -(c.y + 5.2)), DARK)
    c.paint(c.ellipse(0, -2.4, 2.6, 1.5), (206, 232, 150))


def _giraffe(c: Canvas) -> None:
    skin, brown = (246, 200, 88), (168, 100, 40)
    horns = union(c.line(1.6, -15.4, 1.4, -13.5, 0.4), c.line(3.0, -15.4, 2.6, -13.5, 0.4))
    c.paint(horns, brown)
    legs = union(c.line(-3.4, -4, -3.6, -0.9, 0.75), c.line(1.6, -4, 1.8, -0.9, 0.75))
    neck, head = c.line(1.4, -5.6, 2, -12.4, 1.15), c.ellipse(3.4, -12.6, 2.6, 1.6)
    c.paint(union(legs, c.ellipse(-1, -5.2, 3.9, 2.3), neck, head), skin, OUTLINE)
    for x, y, radius in (
        (-3, -5.8, 0.9),
        (-0.6, -5, 0.9),
        (1.6, -7.6, 0.75),
        (1.9, -10.2, 0.7),
        (0.9, -4.4, 0.6),
    ):
        c.paint(c.circle(x, y, radius), brown)
    c.paint(c.circle(3.0, -13.0, 0.6), DARK)


def _fox(c: Canvas) -> None:
    fur = (226, 106, 36)
    c.paint(c.line(-3.2, -2.2, -5.6, -5.6, 1.6), fur, OUTLINE)
    c.paint(c.circle(-5.8, -6.2, 1.1), CREAM)
    c.paint(c.ellipse(0, -3.4, 3.4, 3.0), fur, OUTLINE)
    c.paint(c.ellipse(0.2, -2.8, 1.7, 2.0), CREAM)
    ears = (c.polygon((s * 4.4, -13.4), (s * 0.8, -10.4), (s * 4.2, -8.0)) for s in (-1, 1))
    c.paint(union(*ears), fur, OUTLINE)
    head = ((-4.6, -9.4), (-2.4, -11), (2.4, -11), (4.6, -9.4), (0, -4.6))
    c.paint(c.polygon(*head), fur, OUTLINE)
    cheeks = (c.polygon((s * 4.1, -9.0), (s * 1.6, -8.2), (s * 0.4, -5.4)) for s in (-1, 1))
    c.paint(union(*cheeks), CREAM)
    c.paint(_pair(c, 1.8, -9.0, 0.7), DARK)
    c.paint(c.circle(0, -5.6, 0.85), DARK)


def _duck(c: Canvas) -> None:
    feathers = (250, 216, 60)
    feet = union(c.line(-1, -1.4, -0.2, -0.6, 0.5), c.line(1.8, -1.4, 2.6, -0.6, 0.5))
    c.paint(feet, (230, 120, 20))
    c.paint(c.polygon((4.4, -8.8), (7.4, -7.7), (4.4, -6.8)), (238, 120, 20), OUTLINE)
    tail = c.polygon((-3, -5), (-6.4, -7.4), (-4.6, -3))
    body = union(c.ellipse(-0.6, -4.0, 4.8, 3.0), c.circle(2.6, -8.2, 2.8), tail)
    c.paint(body, feathers, OUTLINE)
    c.paint(c.ellipse(-1.2, -4.2, 2.2, 1.3), (226, 176, 30))
    c.paint(c.circle(3.4, -8.8, 0.75), DARK)


def _sitting(c: Canvas, fur: Colour, belly: Colour, width: float, muzzle: bool) -> None:
    """Paint the body and the head that four animals share."""
    c.paint(c.ellipse(0, -3.6, width, 3.2), fur, OUTLINE)
    c.paint(c.ellipse(0, -3.0, width * 0.55, 2.1), belly)
    c.paint(c.ellipse(0, -8.8, 4.3, 3.6), fur, OUTLINE)
    if muzzle:
        c.paint(c.ellipse(0, -7.4, 1.9, 1.3), belly)
    c.paint(_pair(c, 1.8, -9.4, 0.7), DARK)


def _pointed_ears(c: Canvas, fur: Colour) -> None:
    ears = (c.polygon((s * 4.2, -13.6), (s * 0.6, -11), (s * 4.0, -8.4)) for s in (-1, 1))
    c.paint(union(*ears), fur, OUTLINE)


def _bear(c: Canvas) -> None:
    fur, belly = (122, 78, 48), (196, 156, 112)
    c.paint(_pair(c, 3.5, -12.0, 1.7), fur, OUTLINE)
    _sitting(c, fur, belly, 4.4, muzzle=True)
    c.paint(c.circle(0, -7.9, 0.75), DARK)


def _cat(c: Canvas) -> None:
    fur, belly = (128, 128, 142), (226, 226, 232)
    tail = union(c.line(2.6, -1.6, 5.4, -2.6, 0.8), c.line(5.4, -2.6, 5.4, -6.0, 0.8))
    c.paint(tail, fur, OUTLINE)
    _pointed_ears(c, fur)
    _sitting(c, fur, belly, 3.4, muzzle=True)
    c.paint(c.circle(0, -7.9, 0.75), (226, 110, 120))


def _rabbit(c: Canvas) -> None:
    fur, belly = (232, 214, 204), (252, 250, 246)
    ears = (c.line(s * 1.7, -10, s * 2.3, -14.6, 1.15) for s in (-1, 1))
    c.paint(union(*ears), fur, OUTLINE)
    inner = (c.line(s * 1.8, -11, s * 2.2, -14.4, 0.45) for s in (-1, 1))
    c.paint(union(*inner), (240, 150, 160))
    _sitting(c, fur, belly, 3.4, muzzle=False)
    c.paint(c.circle(0, -7.9, 0.75), (226, 110, 120))


def _squirrel(c: Canvas) -> None:
    fur, belly = (172, 84, 44), (240, 208, 170)
    c.paint(union(c.line(-3.6, -2.4, -5.2, -7.2, 1.9), c.circle(-4.4, -9.6, 2.2)), fur, OUTLINE)
    c.paint(c.circle(-4.3, -9.4, 0.9), belly)
    _pointed_ears(c, fur)
    _sitting(c, fur, belly, 3.4, muzzle=False)
    c.paint(c.circle(0, -7.9, 0.75), DARK)


_OBJECTS = {
    "ball": _ball,
    "kite": _kite,
    "bell": _bell,
    "key": _key,
    "drum": _drum,
    "hat": _hat,
    "book": _book,
    "boat": _boat,
}
_ANIMALS = {
    "turtle": _turtle,
    "squirrel": _squirrel,
    "hen": _hen,
    "frog": _frog,
    "giraffe": _giraffe,
    "fox": _fox,
    "bear": _bear,
    "duck": _duck,
    "cat": _cat,
    "rabbit": _rabbit,
}
