"""Pictures for the chapters: arrays in, a Matplotlib figure out.

Colours are those of Okabe and Ito ("Color Universal Design", 2008), which readers with any of the
common kinds of colour blindness can tell apart. Backgrounds are white and opaque, so that a picture
reads alike on a light and on a dark page. Numbers are written as the notebook's language writes
them: 0.5, in Spanish 0,5.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axis import Axis
from matplotlib.text import Text
from matplotlib.ticker import Formatter

from lessons_lib.base import language

__all__ = [
    "COLOURS",
    "bars",
    "boxes",
    "curves",
    "heat_map",
    "loss_curve",
    "points",
    "strips",
]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_MARKS = ("o", "s", "^", "D", "v", "P")
_HATCHES = ("", "//", "..", "xx", "\\\\", "++")
_PALE = ("#CCE3F0", "#FAECCC", "#CCECE3", "#F5E4ED", "#DDF0FB", "#F7DFCC")  # of COLOURS


class _Ticks(Formatter):
    """The labels of another formatter, in the chosen language."""

    def __init__(self, inner: Formatter):
        self.inner = inner

    def __call__(self, x: float, pos: int | None = None) -> str:
        return language.decimals(self.inner(x, pos))

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return [language.decimals(str(label)) for label in self.inner.format_ticks(values)]

    def get_offset(self) -> str:
        return language.decimals(self.inner.get_offset())

    def set_axis(self, axis: Axis) -> None:
        self.inner.set_axis(axis)

    def set_locs(self, locs: Sequence[float]) -> None:
        self.inner.set_locs(locs)


class Figure(mpl.figure.Figure):
    """A figure that is drawn in the chosen language, with what a notebook has changed in it."""

    def draw(self, renderer: object) -> None:
        """Draw as Matplotlib does, after numbers have been written as the language writes them."""
        if language.chosen() != "en":
            self._translate()
        super().draw(renderer)

    def _translate(self) -> None:
        for axis in self.findobj(Axis):
            for form, use in (
                (axis.get_major_formatter(), axis.set_major_formatter),
                (axis.get_minor_formatter(), axis.set_minor_formatter),
            ):
                if not isinstance(form, _Ticks):
                    use(_Ticks(form))
        for text in self.findobj(Text):
            text.set_text(language.decimals(text.get_text()))


def strips(rows: Mapping[str, Sequence[tuple[str, int]]], unit: str) -> Figure:
    """Draw the same text cut in several ways, one row of boxes below the other.

    Args:
        rows: for each row, its name and the boxes: a label and a width in units.
        unit: what one unit of width is, for the axis.
    """
    length = max(sum(width for _, width in boxes) for boxes in rows.values())
    figure, axes = plt.subplots(
        FigureClass=Figure, figsize=(8, 0.5 + 0.55 * len(rows)), layout="constrained"
    )
    for row, boxes in enumerate(rows.values()):
        start = 0
        for i, (label, width) in enumerate(boxes):
            colour = ("#DCEBF5", "#FBE8C5")[i % 2]
            axes.barh(row, width, left=start, height=0.8, color=colour, edgecolor="#333333")
            axes.text(start + width / 2, row, label, ha="center", va="center", color="black")
            start += width
    axes.set(xlim=(0, length), ylim=(len(rows) - 0.5, -0.5), xlabel=unit)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(left=False)
    axes.spines[:].set_visible(False)
    return figure


def bars(groups: Mapping[str, Mapping[str, float]], ylabel: str, form: str = ".2f") -> Figure:
    """Draw groups of bars side by side, each bar with its value above it.

    Args:
        groups: for each group (a place on the horizontal axis), its bars: name and height.
        ylabel: label of the vertical axis, with its unit.
        form: format of the values above the bars.

    Raises:
        ValueError: no groups, groups with different bars, or more bars than there are colours.
    """
    names = list(next(iter(groups.values()), ()))
    if not 0 < len(names) <= len(COLOURS) or any(list(g) != names for g in groups.values()):
        raise ValueError(
            f"expected groups of the same 1 to {len(COLOURS)} bars, got {groups!r:.80}"
        )
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(8, 3.4), layout="constrained")
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        places = [at + (i - (len(names) - 1) / 2) * width for at in range(len(groups))]
        heights = [group[name] for group in groups.values()]
        drawn = axes.bar(
            places,
            heights,
            0.92 * width,
            label=name,
            color=COLOURS[i],
            hatch=_HATCHES[i],
            edgecolor="white",
        )
        axes.bar_label(drawn, fmt=f"{{:{form}}}", padding=2, fontsize=9)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set(ylabel=ylabel)
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=len(names), loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def curves(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    log_x: bool = False,
) -> Figure:
    """Draw one line with marks for each series.

    Args:
        x: places on the horizontal axis, shared by all series.
        series: for each line, its name and its heights.
        xlabel: label of the horizontal axis, with its unit.
        ylabel: label of the vertical axis, with its unit.
        log_x: whether the horizontal axis is logarithmic (base 2).

    Raises:
        ValueError: more series than there are colours.
    """
    if len(series) > len(COLOURS):
        raise ValueError(f"expected at most {len(COLOURS)} series, got {len(series)}")
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(8, 3.4), layout="constrained")
    for i, (name, heights) in enumerate(series.items()):
        axes.plot(x, heights, color=COLOURS[i], marker=_MARKS[i], label=name)
    if log_x:
        axes.set_xscale("log", base=2)
        axes.set_xticks(x, [f"{place:g}" for place in x])
        axes.minorticks_off()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def heat_map(
    matrix: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    form: str = ".2f",
) -> Figure:
    """Draw a matrix as coloured cells, each with its number.

    The colours are Matplotlib's cividis, from dark blue to yellow, which readers with any of the
    common kinds of colour blindness see alike.

    Args:
        matrix: the numbers, R rows of C.
        rows: R names, from top to bottom; they may repeat.
        columns: C names, from left to right; they may repeat.
        label: what the numbers are, for the colour bar.
        form: format of the numbers.

    Raises:
        ValueError: an empty matrix, or names that do not fit its shape.
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.size == 0 or matrix.shape != (len(rows), len(columns)):
        raise ValueError(f"expected {len(rows)} x {len(columns)} numbers, got {matrix.shape}")
    height = 1.2 + 0.36 * len(rows)
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(8, height), layout="constrained")
    image = axes.imshow(matrix, cmap="cividis", vmin=min(0.0, matrix.min()), aspect="auto")
    for (row, column), number in np.ndenumerate(matrix):
        ink = "white" if image.norm(number) < 0.47 else "black"  # the better contrast of the two
        axes.text(column, row, f"{number:{form}}", ha="center", va="center", color=ink, fontsize=9)
    axes.set_xticks(range(len(columns)), list(columns))
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label=label, fraction=0.04, pad=0.02)
    return figure


def points(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Draw points and lines on two logarithmic axes.

    Args:
        groups: for each kind of points, its name, the places and the heights.
        lines: for each line, its name and where it goes; none has marks.
        xlabel: label of the horizontal axis, with its unit.
        ylabel: label of the vertical axis, with its unit.

    Raises:
        ValueError: more groups than there are colours, or more lines than there are styles.
    """
    styles = ("-", "--", ":")
    if len(groups) > len(COLOURS) or len(lines) > len(styles):
        raise ValueError(
            f"expected at most {len(COLOURS)} groups and {len(styles)} lines, "
            f"got {len(groups)} and {len(lines)}"
        )
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(8, 3.8), layout="constrained")
    for i, (name, (x, y)) in enumerate(groups.items()):
        axes.plot(x, y, _MARKS[i], color=COLOURS[i], label=name)
    for style, (name, (x, y)) in zip(styles, lines.items(), strict=False):
        axes.plot(x, y, style, color="#333333", label=name)
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def boxes(
    panels: Mapping[str, Sequence[tuple[float, float, float, float, str, int]]],
    height: float = 2.4,
) -> Figure:
    """Draw boxes side by side in panels: parts of a whole, and who has which.

    Args:
        panels: for each panel, its title and the boxes: left, top, width, height, a label, and the
            number of its owner, who has a colour and a hatch. The vertical axis points down.
        height: of the picture, in inches.

    Raises:
        ValueError: an owner for whom there is no colour.
    """
    owners = {box[5] for drawn in panels.values() for box in drawn}
    if owners - set(range(len(COLOURS))):
        raise ValueError(f"expected owners from 0 to {len(COLOURS) - 1}, got {sorted(owners)}")
    figure, grid = plt.subplots(
        1,
        len(panels),
        FigureClass=Figure,
        figsize=(8, height),
        layout="constrained",
        squeeze=False,
    )
    for axes, (title, drawn) in zip(grid[0], panels.items(), strict=True):
        for left, top, width, tall, label, owner in drawn:
            axes.add_patch(
                plt.Rectangle(
                    (left, top),
                    width,
                    tall,
                    facecolor=_PALE[owner],
                    edgecolor="#555555",
                    hatch=_HATCHES[owner],
                    linewidth=1.2,
                )
            )
            paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
            middle = (left + width / 2, top + tall / 2)
            axes.text(*middle, label, ha="center", va="center", fontsize=9, bbox=paper)
        axes.set_title(title, fontsize=10)
        axes.autoscale_view()
        axes.invert_yaxis()
        axes.axis("off")
    return figure


def loss_curve(
    record: Sequence[Mapping[str, float]],
    names: tuple[str, str, str],
    xlabel: str,
    ylabel: str,
    floor: float | None = None,
) -> Figure:
    """Draw the losses of a training run on a logarithmic axis.

    Args:
        record: lines with `step`, `loss` and, some of them, `validation`.
        names: what the legend calls training, validation and floor.
        xlabel: label of the horizontal axis, with its unit.
        ylabel: label of the vertical axis, with its unit.
        floor: the lowest loss that a model can reach on new data.

    Raises:
        ValueError: a record without lines.
    """
    if not record:
        raise ValueError("expected a record of at least one step, got none")
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(8, 3.4), layout="constrained")
    steps, losses = [line["step"] for line in record], [line["loss"] for line in record]
    axes.plot(steps, losses, color=COLOURS[0], linewidth=1.2, label=names[0])
    measured = [(line["step"], line["validation"]) for line in record if "validation" in line]
    if measured:
        axes.plot(*zip(*measured, strict=True), "s--", color=COLOURS[5], label=names[1])
    if floor is not None:
        axes.axhline(floor, color="#333333", linestyle=":", linewidth=2, label=names[2])
    axes.set(yscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.yaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
