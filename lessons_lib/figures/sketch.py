"""The words of the book's diagrams: boxes, arrows, grids and the shapes beside them, as SVG.

A diagram is 360 units wide at most, so that a telephone of 390 pixels shows it at its own size, and
its letters have 12 units or more. Texts stay texts. What is written is given in English, or as a
pair, English and Spanish; the language chosen by `practice.speak` decides. Colours are those of
`style`, by role.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, get_font

from lessons_lib.base import language
from lessons_lib.figures.style import ROLES, style_sheet

__all__ = ["SIZE", "WIDTH", "Box", "Drawing", "Sketch", "Words", "spoken", "text_width"]

WIDTH = 360  # units; a telephone's page has 358 pixels
SIZE = 12.0  # of letters, in units
SCALE = 1.3  # pixels of a unit, where there is room
LINE = 1.25  # height of a line of text, in sizes

Words = str | tuple[str, str]


def spoken(words: Words) -> str:
    """Return a label in the chosen language: the one given, or that of a pair."""
    if isinstance(words, tuple):
        words = words[language.LANGUAGES.index(language.chosen())]
    return language.decimals(words)


@cache
def _font(bold: bool) -> object:
    family = mpl.rcParamsDefault["font.sans-serif"][0]  # comes with Matplotlib, and is a wide one
    return get_font(findfont(FontProperties(family=family, weight="bold" if bold else "normal")))


def text_width(text: str, size: float = SIZE, bold: bool = False) -> float:
    """Return how wide a line of text is, in units, in a wide font."""
    font = _font(bold)
    font.set_size(100, 72)
    font.set_text(text, 0.0)
    return font.get_width_height()[0] / 64 * size / 100


class Drawing:
    """A picture of lines and letters, which stay letters: SVG.

    Args:
        svg: the picture.
        alt: what is seen in it, in words; none if the notebook says it.
    """

    def __init__(self, svg: str, alt: str = ""):
        self._svg = svg
        self.alt = alt

    def _repr_svg_(self) -> str:
        return self._svg

    def __repr__(self) -> str:
        return "<Drawing>"


@dataclass(frozen=True)
class Box:
    """Where something stands; the vertical axis points down."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height

    @property
    def x(self) -> float:
        """Its middle, from left to right."""
        return self.left + self.width / 2

    @property
    def y(self) -> float:
        """Its middle, from top to bottom."""
        return self.top + self.height / 2


class Sketch:
    """A drawing in the making.

    Args:
        height: in units.
        alt: what is seen in it, for readers who do not see; none if the notebook says it.
        width: in units.
    """

    def __init__(self, height: float, alt: Words, width: float = WIDTH):
        self.height, self.width, self.alt = height, width, spoken(alt)
        self.parts: list[str] = []

    def box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        label: Words = "",
        role: str = "plain",
        *,
        look: str = "",
        size: float = SIZE,
        style: str = "",
        round: float = 5,
    ) -> Box:
        """Draw a box with a label in its middle, whose lines are parted by line breaks.

        Args:
            left: and the three after it, place and size.
            top: see `left`.
            width: see `left`.
            height: see `left`.
            label: what stands in it.
            role: what it stands for, one of `style.ROLES`.
            look: further classes of the box: "dashed", "sheet", "frame", or "behind" for a sheet of
                a stack that another covers.
            size: of the letters.
            style: classes of the label: "strong", "muted", "code".
            round: radius of the corners.

        Raises:
            ValueError: a role that has no colour.
        """
        if role not in ROLES:
            raise ValueError(f"expected one of {sorted(ROLES)}, got {role!r}")
        classes = look if look == "frame" else f"{role} {look}".strip()
        self.parts.append(
            f'<rect class="{classes}" x="{left:g}" y="{top:g}" width="{width:g}" '
            f'height="{height:g}" rx="{min(round, height / 4):g}" stroke-width="1.2"/>'
        )
        box = Box(left, top, width, height)
        if label:
            self.text(box.x, box.y, label, size=size, style=style)
        return box

    def text(
        self,
        x: float,
        y: float,
        label: Words,
        *,
        anchor: str = "middle",
        size: float = SIZE,
        style: str = "",
    ) -> None:
        """Write lines of text whose middle is at the height `y`.

        Args:
            x: where the text begins, ends or has its middle, as `anchor` says.
            y: the middle of its height.
            label: what is written.
            anchor: "start", "middle" or "end".
            size: of the letters.
            style: classes: "strong", "muted", "code", or the ink of a role, such as "query-ink".
        """
        lines = spoken(label).split("\n")
        first = y - (len(lines) - 1) / 2 * LINE * size + 0.36 * size  # the baseline
        named = f' class="{style}"' if style else ""
        for i, line in enumerate(lines):
            self.parts.append(
                f'<text{named} x="{x:g}" y="{first + i * LINE * size:.5g}" font-size="{size:g}" '
                f'text-anchor="{anchor}" xml:space="preserve">{escape(line, quote=False)}</text>'
            )

    def line(
        self,
        *points: tuple[float, float],
        role: str = "plain",
        look: str = "",
        width: float = 1.4,
    ) -> None:
        """Draw a line through points, without a head."""
        path = "L".join(f"{x:g} {y:g}" for x, y in points)
        self.parts.append(
            f'<path class="{f"{role}-line {look}".strip()}" d="M{path}" stroke-width="{width:g}"/>'
        )

    def arrow(
        self,
        *points: tuple[float, float],
        role: str = "plain",
        look: str = "",
        width: float = 1.4,
    ) -> None:
        """Draw an arrow through points, its head at the last one; the last leg runs straight."""
        (x0, y0), (x, y) = points[-2:]
        away = max(abs(x - x0), abs(y - y0))
        dx, dy = (x - x0) / away, (y - y0) / away
        half, long = 3 + width / 2, 6 + width / 2
        self.line(*points[:-1], (x - dx * long, y - dy * long), role=role, look=look, width=width)
        corners = (
            (x, y),
            (x - dx * long - dy * half, y - dy * long + dx * half),
            (x - dx * long + dy * half, y - dy * long - dx * half),
        )
        path = "L".join(f"{a:.5g} {b:.5g}" for a, b in corners)
        self.parts.append(f'<path class="{role}-ink" d="M{path}Z"/>')

    def grid(
        self,
        left: float,
        top: float,
        rows: int,
        columns: int,
        cell: float | tuple[float, float] = 14,
        role: str = "plain",
        shown: Sequence[Sequence[object]] | None = None,
        blank: Sequence[tuple[int, int]] = (),
        size: float = SIZE,
    ) -> Box:
        """Draw a matrix as cells.

        Args:
            left: and `top`: its corner.
            top: see `left`.
            rows: how many.
            columns: how many.
            cell: width and height of a cell.
            role: what it stands for.
            shown: what is written in each cell, row by row; nothing without it.
            blank: row and column of cells that stay as pale as paper, with dashed edges.
            size: of the letters.
        """
        wide, tall = cell if isinstance(cell, tuple) else (cell, cell)
        for row in range(rows):
            for column in range(columns):
                empty = (row, column) in blank
                look = "sheet dashed" if empty else ""
                written = "" if shown is None else str(shown[row][column])
                at = (left + column * wide, top + row * tall)
                kind = "plain" if empty else role
                self.box(*at, wide, tall, written, kind, look=look, size=size, round=1)
        return Box(left, top, columns * wide, rows * tall)

    def shape(self, x: float, y: float, shape: str, anchor: str = "start") -> None:
        """Write a shape, such as (B, T, D), beside a line."""
        self.text(x, y, shape, anchor=anchor, style="muted")

    def plus(self, x: float, y: float, role: str = "stream") -> Box:
        """Draw the sign of a sum on the stream."""
        self.parts.append(
            f'<circle class="{role}" cx="{x:g}" cy="{y:g}" r="9" stroke-width="1.4"/>'
            f'<path class="{role}-line" d="M{x - 5:g} {y:g}H{x + 5:g}M{x:g} {y - 5:g}V{y + 5:g}" '
            'stroke-width="1.6"/>'
        )
        return Box(x - 9, y - 9, 18, 18)

    def drawing(self) -> Drawing:
        """Return the finished drawing."""
        alt = escape(self.alt)
        named = f'aria-label="{alt}" ' if alt else ""
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" {named}'
            f'viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{SCALE * self.width:g}" height="{SCALE * self.height:g}">'
            f"<style>{style_sheet()}</style>"
            f'<rect class="sheet" width="{self.width:g}" height="{self.height:g}" stroke="none"/>'
            f"{''.join(self.parts)}</svg>"
        )
        return Drawing(svg, self.alt)
