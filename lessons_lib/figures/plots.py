"""Pictures for the chapters: arrays in, a Matplotlib figure out.

Colours are those of Okabe and Ito ("Color Universal Design", 2008), which readers with any of the
common kinds of colour blindness can tell apart. A notebook shows and stores SVG, in the inks of the
page (`ink`); a telephone shows it at its own size, with letters of 11 pixels. Numbers are written
as the notebook's language writes them: 0.5, in Spanish 0,5.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.text import Text
from matplotlib.ticker import Formatter

from lessons_lib.base import language
from lessons_lib.figures.ink import FIXED, svg_of
from lessons_lib.figures.sketch import text_width
from lessons_lib.figures.style import CURVES, PALE

__all__ = [
    "COLOURS",
    "bars",
    "boxes",
    "curves",
    "heat_map",
    "loss_curve",
    "panels",
    "picture_grid",
    "points",
    "strips",
]

WIDTH = 4.5  # inches; with letters of 10 points, 11 pixels on a telephone
_SIZE = 10  # of letters, in points: Matplotlib's own
COLOURS = tuple(CURVES)
_MARKS = ("o", "s", "^", "D", "v", "P")
_HATCHES = ("", "//", "..", "xx", "\\\\", "++")
_PALE = tuple(PALE)  # of COLOURS


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

    def _ipython_display_(self) -> None:
        """Show the figure in a notebook: as SVG, and by its name where there are only letters."""
        from IPython.display import display  # only where there is a notebook

        self._lift_legends()
        display({"image/svg+xml": svg_of(self), "text/plain": repr(self)}, raw=True)

    def draw(self, renderer: object) -> None:
        """Draw as Matplotlib does, after numbers have been written as the language writes them."""
        if language.chosen() != "en":
            self._translate()
        super().draw(renderer)

    def _lift_legends(self) -> None:
        """Set each legend behind which a line passes above its axes."""
        self.draw_without_rendering()
        for axes in self.axes:
            if (legend := axes.get_legend()) is None:
                continue
            box = legend.get_window_extent()
            lines = [line.get_path().transformed(line.get_transform()) for line in axes.lines]
            if any(line.intersects_bbox(box, filled=False) for line in lines):
                _legend_above(axes, [text.get_text() for text in legend.get_texts()])

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


def _wrapped(text: str, points: float) -> str:
    """Return a text broken at spaces so that, if its words allow it, no line is wider."""
    lines = [""]
    for word in str(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and text_width(longer, _SIZE) > points:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def _name_places(axis: Axis, names: Sequence[object], points: float) -> float:
    """Name the places 0, 1, ... of an axis; names wider than their place are turned.

    Returns the height that the turned names need beyond a line, in points; 0 if none is turned.
    """
    labels = [_wrapped(name, points) for name in names]
    widest = max(text_width(line, _SIZE) for label in labels for line in label.split("\n"))
    if widest <= points:
        axis.set_ticks(range(len(labels)), labels)
        return 0.0
    axis.set_ticks(range(len(labels)), names, rotation=90)
    return max(text_width(str(name), _SIZE) for name in names) - _SIZE


def strips(rows: Mapping[str, Sequence[tuple[str, int]]], unit: str) -> Figure:
    """Draw the same text cut in several ways, one row of boxes below the other.

    Args:
        rows: for each row, its name, broken where it is long, and the boxes: a label and a width
            in units.
        unit: what one unit of width is, for the axis.
    """
    length = max(sum(width for _, width in boxes) for boxes in rows.values())
    names = [_wrapped(name, 72) for name in rows]
    widest = max(text_width(line, _SIZE) for name in names for line in name.split("\n"))
    room = (72 * WIDTH - widest - 20) / length
    labels = [[_wrapped(label, room * w - 4) for label, w in boxes] for boxes in rows.values()]
    lines = max(label.count("\n") + 1 for row in [*labels, names] for label in row)
    figure, axes = plt.subplots(
        FigureClass=Figure,
        figsize=(WIDTH, 0.5 + (0.22 + 0.18 * lines) * len(rows)),
        layout="constrained",
    )
    for row, boxes in enumerate(rows.values()):
        start = 0
        for i, (_, width) in enumerate(boxes):
            label, colour = labels[row][i], _PALE[i % 2]
            axes.barh(row, width, left=start, height=0.8, color=colour, edgecolor="#333333")
            axes.text(start + width / 2, row, label, ha="center", va="center", color="black")
            start += width
    axes.set(xlim=(0, length), ylim=(len(rows) - 0.5, -0.5), xlabel=unit)
    axes.set_yticks(range(len(rows)), names)
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
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(WIDTH, 2.7), layout="constrained")
    width, place = 0.8 / len(names), 62 * WIDTH / len(groups)  # points of a group
    written = [f"{height:{form}}" for group in groups.values() for height in group.values()]
    turned = max(text_width(value, _SIZE) for value in written) > width * place - 1
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
        axes.bar_label(drawn, fmt=f"{{:{form}}}", padding=2, rotation=90 if turned else 0)
    _name_places(axes.xaxis, list(groups), place - 4)
    axes.set(ylabel=ylabel)
    axes.margins(y=0.3 if turned else 0.12)
    axes.spines[["top", "right"]].set_visible(False)
    _legend_above(axes, names)
    return figure


def _legend_above(axes: Axes, names: Sequence[str]) -> None:
    """Add a legend above the axes, in two columns where the names are too long for one row."""
    wide = sum(text_width(name, _SIZE) + 45 for name in names) > 62 * WIDTH
    columns = 2 if wide else len(names)
    axes.legend(frameon=False, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1))


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
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(WIDTH, 2.7), layout="constrained")
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
    height = 1.2 + 0.26 * len(rows)
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(WIDTH, height), layout="constrained")
    edges = (np.arange(-0.5, n) for n in (len(columns), len(rows)))
    image = axes.pcolormesh(*edges, matrix, cmap="cividis", vmin=min(0.0, matrix.min()))
    axes.invert_yaxis()
    for (row, column), number in np.ndenumerate(matrix):
        ink = FIXED[int(image.norm(number) >= 0.47)]  # the better contrast of the two
        axes.text(column, row, f"{number:{form}}", ha="center", va="center", color=ink)
    names = max(text_width(str(name), _SIZE) for name in rows)
    turned = _name_places(axes.xaxis, list(columns), (72 * WIDTH - names - 20) / len(columns) - 3)
    figure.set_size_inches(WIDTH, height + turned / 72)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    bar = {"orientation": "horizontal", "aspect": 40, "pad": 0.02, "fraction": 0.1}
    figure.colorbar(image, ax=axes, label=label, ticks=plt.MaxNLocator(4), **bar)
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
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(WIDTH, 3.0), layout="constrained")
    for i, (name, (x, y)) in enumerate(groups.items()):
        # Hollow: marks that lie on each other are all seen.
        axes.plot(x, y, _MARKS[i], color=COLOURS[i], label=name, fillstyle="none")
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
        figsize=(WIDTH, height),
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
            axes.text(*middle, label, ha="center", va="center", bbox=paper)
        axes.set_title(_wrapped(title, 72 * WIDTH / len(panels) - 8), fontsize=_SIZE)
        axes.autoscale_view()
        axes.invert_yaxis()
        axes.axis("off")
    return figure


def panels(n: int, height: float) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure with empty panels side by side, and the panels, for a notebook to fill.

    Args:
        n: how many.
        height: of the picture, in inches.
    """
    size = {"FigureClass": Figure, "figsize": (WIDTH, height)}
    figure, grid = plt.subplots(1, n, layout="constrained", squeeze=False, **size)
    return figure, list(grid[0])


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
    figure, axes = plt.subplots(FigureClass=Figure, figsize=(WIDTH, 2.7), layout="constrained")
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


def picture_grid(
    pictures: Sequence[np.ndarray], captions: Sequence[str] = (), columns: int = 4
) -> Figure:
    """Show pictures in rows, each above its caption.

    Args:
        pictures: each (H, W, 3) of numbers from 0 to 1, all of the same size.
        captions: what stands below them; nothing without them.
        columns: how many pictures in a row.

    Raises:
        ValueError: no pictures, columns below 1, or another number of captions.
    """
    if not len(pictures) or columns < 1 or len(captions) not in (0, len(pictures)):
        raise ValueError(
            f"expected pictures, a caption each or none, and columns from 1 on, got "
            f"{len(pictures)}, {len(captions)} and {columns}"
        )
    place = 72 * WIDTH / columns - 4  # points of a picture
    labels = [_wrapped(caption, place) for caption in captions]
    lines = max((label.count("\n") + 1 for label in labels), default=0)
    n_rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(
        n_rows,
        columns,
        FigureClass=Figure,
        figsize=(WIDTH, n_rows * (place + 4 + 12.5 * lines) / 72),
        squeeze=False,
        gridspec_kw={"wspace": 0.06, "hspace": 0.06 + 12.5 * lines / place},
    )
    figure.subplots_adjust(0.005, 0.01 + 12.5 * lines / (n_rows * (place + 4)) * 0.6, 0.995, 0.995)
    for ax in axes.flat:
        ax.set_axis_off()
    for i, picture in enumerate(pictures):
        ax = axes.flat[i]
        ax.imshow(np.asarray(picture, dtype=float), interpolation="none", aspect="auto")
        if labels:
            ax.text(0.5, -0.03, labels[i], ha="center", va="top", transform=ax.transAxes)
    return figure
