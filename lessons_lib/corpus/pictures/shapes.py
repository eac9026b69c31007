"""Shapes as signed distances: negative inside, positive outside, in units.

How far a pixel's centre is from the edge says how much of the pixel is covered, so edges are smooth
at any size, with nothing but NumPy.

Source: Quilez, "2D distance functions", for the distances to boxes and segments; the distance to an
ellipse is an approximation, exact at its edge.
"""

import numpy as np

DARK = (52, 42, 56)  # outlines and eyes
OUTLINE = 0.55  # units

Colour = tuple[float, float, float]  # red, green, blue, from 0 to 255


def mix(one: Colour, other: Colour, part: float) -> Colour:
    """Return a colour between two: `part` of the other."""
    return tuple(a * (1 - part) + b * part for a, b in zip(one, other, strict=True))


def union(*distances: np.ndarray) -> np.ndarray:
    """Return the distance to several shapes taken together."""
    return np.minimum.reduce(distances)


class Canvas:
    """Pixels to paint shapes on, transparent at first.

    Args:
        x: where each pixel's centre is, in units to the right: (H, W).
        y: the same, downwards.
        pixels: how many pixels a unit has.

    `rgb` (H, W, 3) from 0 to 1 is multiplied by `alpha` (H, W), as what is put over other pixels.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, pixels: float):
        self.x, self.y, self.pixels = x, y, pixels
        self.rgb, self.alpha = np.zeros((*x.shape, 3)), np.zeros(x.shape)

    def paint(
        self,
        distance: np.ndarray,
        colour: Colour,
        outline: float = 0.0,
        opacity: float = 1.0,
    ) -> None:
        """Paint a shape over what is there, with a dark line of `outline` units around it."""
        if outline:
            self.paint(distance - outline, DARK)
        cover = np.clip(0.5 - distance * self.pixels, 0, 1) * opacity
        colour = np.array(colour, float) / 255
        self.rgb = self.rgb * (1 - cover[..., None]) + cover[..., None] * colour
        self.alpha = self.alpha * (1 - cover) + cover

    def circle(self, x: float, y: float, radius: float) -> np.ndarray:
        """Return the distance to a circle."""
        return np.hypot(self.x - x, self.y - y) - radius

    def ellipse(self, x: float, y: float, rx: float, ry: float) -> np.ndarray:
        """Return about the distance to an ellipse of two radii."""
        u, v = (self.x - x) / rx, (self.y - y) / ry
        size = np.hypot(u, v)
        return size * (size - 1) / np.maximum(np.hypot(u / rx, v / ry), 1e-6)

    def box(self, x: float, y: float, rx: float, ry: float, corner: float = 0.0) -> np.ndarray:
        """Return the distance to a box of half width `rx` and half height `ry`."""
        u, v = np.abs(self.x - x) - rx + corner, np.abs(self.y - y) - ry + corner
        outside = np.hypot(np.maximum(u, 0), np.maximum(v, 0))
        return outside + np.minimum(np.maximum(u, v), 0) - corner

    def line(self, x1: float, y1: float, x2: float, y2: float, radius: float) -> np.ndarray:
        """Return the distance to a line with round ends."""
        dx, dy = x2 - x1, y2 - y1
        part = ((self.x - x1) * dx + (self.y - y1) * dy) / (dx * dx + dy * dy)
        part = np.clip(part, 0, 1)
        return np.hypot(self.x - x1 - part * dx, self.y - y1 - part * dy) - radius

    def polygon(self, *points: tuple[float, float]) -> np.ndarray:
        """Return the distance to a polygon."""
        edges = list(zip(points, points[1:] + points[:1], strict=True))
        distance = union(*(self.line(*one, *other, 0.0) for one, other in edges))
        inside = np.zeros(self.x.shape, bool)
        for (x1, y1), (x2, y2) in edges:
            if y1 != y2:
                crossed = (y1 > self.y) != (y2 > self.y)
                inside ^= crossed & (self.x < (x2 - x1) * (self.y - y1) / (y2 - y1) + x1)
        return np.where(inside, -distance, distance)
