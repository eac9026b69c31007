"""The places in their four kinds of weather, on a canvas of 32 by 32 units."""

import numpy as np

from lessons_lib.corpus.pictures.shapes import Canvas, Colour, mix, union

UNITS = 32  # the width and the height of a picture
HORIZON = 17.5  # units from the top

_SKY = {
    "summer": ((96, 184, 250), (206, 236, 255)),
    "winter": ((176, 196, 216), (228, 236, 244)),
    "rain": ((104, 114, 132), (164, 172, 184)),
    "night": ((18, 22, 66), (62, 62, 124)),
}
_DARKER = {"summer": 0.0, "winter": 0.12, "rain": 0.25, "night": 0.52}
_LAMP = (255, 220, 120)
# Rows that the flakes and drops begin in, from left to right.
_FLAKES = (3, 11, 6, 0, 9, 13, 4, 8, 1, 12, 5, 10, 2, 7)
_DROPS = (7, 2, 11, 5, 0, 9, 3, 12, 6, 1, 10, 4, 8)


class Place(Canvas):
    """A canvas with the colours of a time of day or year.

    Args:
        x, y, pixels: as for `Canvas`.
        time: one of `TIMES`.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, pixels: float, time: str):
        super().__init__(x, y, pixels)
        self.time = time

    def put(self, distance: np.ndarray, colour: Colour) -> None:
        """Paint a shape in the light of the time."""
        self.paint(distance, mix(colour, (20, 20, 60), _DARKER[self.time]))

    def window(self, distance: np.ndarray, colour: Colour) -> None:
        """Paint a window, which is lit at night."""
        if self.time == "night":
            self.paint(distance, _LAMP)
        else:
            self.put(distance, colour)

    def ground(self, colour: Colour) -> None:
        """Paint all that is below the horizon."""
        self.put(HORIZON - self.y, colour)


def paint_background(c: Place, place: str) -> None:
    """Paint the sky, the place and the weather."""
    top, low = (np.array(colour) for colour in _SKY[c.time])
    height = np.clip(c.y / HORIZON, 0, 1)[..., None]
    c.rgb[:], c.alpha[:] = (top * (1 - height) + low * height) / 255, 1
    if c.time == "summer":
        c.paint(c.circle(27, 4.6, 2.7), (255, 226, 80))
    if c.time == "night":
        moon = np.maximum(c.circle(27, 4.8, 2.8), -c.circle(25.7, 4.0, 2.3))
        c.paint(moon, (255, 246, 196))
        for x, y in ((3, 3), (9, 6), (15, 2.4), (20, 5.5), (6, 9.5), (29.5, 11)):
            c.paint(c.circle(x, y, 0.45), (255, 250, 220))
    _PLACES[place](c)
    if c.time == "winter":
        _snow(c)
    if c.time == "rain":
        _rain(c)


def _beach(c: Place) -> None:
    c.put(13.5 - c.y, (48, 140, 206))
    c.put(np.abs(c.y - 15.3 - 0.35 * np.sin(c.x * 0.9)) - 0.3, (200, 228, 244))
    c.put(HORIZON - c.y + 0.5 * np.sin(c.x * 0.35), (240, 214, 150))
    c.put(union(c.circle(4, 29, 0.6), c.circle(27, 30, 0.6)), (214, 178, 110))


def _lake(c: Place) -> None:
    hills = (c.polygon((-4, 18), (6, 7.5), (16, 18)), c.polygon((11, 18), (21, 9.5), (33, 18)))
    c.put(union(*hills), (120, 142, 150))
    peaks = (
        c.polygon((4.2, 9.4), (6, 7.5), (7.8, 9.4)),
        c.polygon((19.2, 11), (21, 9.5), (23, 11)),
    )
    c.put(union(*peaks), (240, 244, 250))
    c.ground((122, 184, 92))
    c.put(c.ellipse(16, 20.6, 15, 2.7), (72, 150, 214))


def _garden(c: Place) -> None:
    c.put(union(c.circle(4.5, 11.5, 4.2), c.circle(24, 13.5, 3.4)), (64, 148, 66))
    c.put(union(c.box(4.5, 16.5, 0.8, 2), c.box(24, 17, 0.7, 2)), (128, 84, 50))
    c.ground((128, 200, 84))
    petals = ((240, 110, 150), (250, 240, 250), (180, 110, 220))
    flowers = ((3, 21), (12, 20), (20, 21.5), (29, 20), (7, 30), (16.5, 30.3), (26, 30))
    for i, (x, y) in enumerate(flowers):
        c.put(c.circle(x, y, 0.95), petals[i % 3])
        c.put(c.circle(x, y, 0.4), (250, 220, 90))


def _castle(c: Place) -> None:
    towers = (c.box(6.5, 11.5, 2.6, 6.5), c.box(25.5, 11.5, 2.6, 6.5))
    high = (c.box(x, 4.9, 0.55, 0.9) for x in (4.7, 6.5, 8.3, 23.7, 25.5, 27.3))
    low = (c.box(x, 9.7, 0.55, 0.9) for x in (11, 13.5, 16, 18.5, 21))
    c.put(union(c.box(16, 14, 9, 4), *towers, *high, *low), (150, 146, 156))
    c.put(union(c.box(16, 16.5, 1.9, 2.2), c.circle(16, 14.3, 1.9)), (84, 58, 46))
    c.window(union(c.box(6.5, 10, 0.6, 1.2), c.box(25.5, 10, 0.6, 1.2)), (60, 56, 76))
    c.ground((140, 180, 100))
    c.put(c.polygon((14.4, 17), (17.6, 17), (22, 33), (10, 33)), (206, 186, 146))


def _school(c: Place) -> None:
    c.put(c.box(16, 13.5, 10.5, 5), (222, 160, 112))
    c.put(c.polygon((4.4, 9), (27.6, 9), (24.6, 5), (7.4, 5)), (168, 66, 56))
    for x in (8.5, 12, 20, 23.5):
        c.window(c.box(x, 12.8, 1.1, 1.4), (190, 226, 246))
    c.put(c.box(16, 15, 1.5, 2.9), (96, 70, 60))
    c.put(c.circle(16, 7.2, 1.2), (250, 246, 230))
    c.ground((176, 176, 172))
    c.put(np.abs(c.y - 20.2) - 0.3, (226, 222, 206))


def _market(c: Place) -> None:
    c.put(union(c.box(3.2, 14, 0.5, 5), c.box(28.8, 14, 0.5, 5)), (130, 92, 60))
    c.put(c.box(16, 16, 13.2, 2.2), (170, 116, 70))
    fruit = ((226, 70, 60), (250, 190, 50), (120, 190, 70))
    for i, x in enumerate(range(6, 28, 4)):
        c.put(c.circle(x, 13.4, 1.2), fruit[i % 3])
    for i, x in enumerate(range(4, 29, 4)):
        stripe = union(c.box(x, 7, 2, 2.2), c.circle(x, 9.2, 2.0))
        c.put(stripe, (250, 244, 232) if i % 2 else (206, 60, 66))
    c.ground((204, 190, 168))
    for y in (21, 25.5, 30):
        c.put(np.abs(c.y - y) - 0.22, (176, 160, 140))


def _snow(c: Place) -> None:
    c.paint(HORIZON - c.y + 0.6 * np.sin(c.x * 0.5), (242, 246, 252), opacity=0.78)
    for i, row in enumerate(_FLAKES):
        c.paint(c.circle(1.2 + 2.2 * i, 0.8 + 1.25 * row, 0.62), (255, 255, 255))


def _rain(c: Place) -> None:
    for i, row in enumerate(_DROPS):
        x, y = 1.5 + 2.4 * i, 1.0 + 1.25 * row
        c.paint(c.line(x, y, x - 0.7, y + 2.0, 0.22), (206, 222, 246))
    for x, y, radius in ((4, 1.4, 2.6), (9, 0.8, 3), (22, 0.6, 2.8), (27, 1.6, 2.6)):
        c.paint(c.circle(x, y, radius), (84, 92, 108))


_PLACES = {
    "beach": _beach,
    "market": _market,
    "garden": _garden,
    "castle": _castle,
    "school": _school,
    "lake": _lake,
}
