"""A computation as a graph: values that are made of each other, and the slopes that come back."""

from collections.abc import Mapping, Sequence

from lessons_lib.figures.sketch import Box, Drawing, Sketch

__all__ = ["graph"]

WIDE, TALL = 108, 50  # of a box; a column is half a box wide


def graph(
    boxes: Mapping[str, tuple[float, int, str, float, float]],
    arrows: Sequence[tuple[str, str, float]],
) -> Drawing:
    """Draw how values are made of each other, with the slopes that come back.

    Args:
        boxes: for each name its place, column and row, what is written in its box, its value, and
            its slope.
        arrows: from a name to another that is made of it, with the slope of that step. Two arrows
            between the same boxes stand side by side.

    Raises:
        ValueError: no boxes, or an arrow to or from a box that is not there.
    """
    ends = {name for source, result, _ in arrows for name in (source, result)}
    if not boxes or ends - boxes.keys():
        raise ValueError(f"expected boxes, and arrows between them, got {ends - boxes.keys()}")
    at = {
        name: Box(60 * column + 62 - WIDE / 2, 96 * row + 33 - TALL / 2, WIDE, TALL)
        for name, (column, row, *_) in boxes.items()
    }
    right, bottom = (max(getattr(box, side) for box in at.values()) for side in ("right", "bottom"))
    sketch = Sketch(bottom + 8, "", width=right + 8)
    for i, (source, result, slope) in enumerate(arrows):
        beside = sum((source, result) == pair[:2] for pair in arrows) > 1
        first = (source, result) not in [pair[:2] for pair in arrows[:i]]
        aside = (-24 if first else 24) * beside
        x1, x2 = at[source].x + aside, at[result].x + aside
        y1, y2 = at[source].bottom, at[result].top
        sketch.line((x1, y1), (x2, y2))
        left = x1 < x2 or (beside and first)
        x, y = (x1 + x2) / 2 + (-8 if left else 8), (y1 + y2) / 2
        written = f"·{slope:g}" if slope >= 0 else f"·({slope:g})"
        sketch.text(x, y, _signed(written), anchor=("start", "end")[left], size=14)
    for name, (*_, label, value, slope) in boxes.items():
        box = at[name]
        sketch.box(box.left, box.top, WIDE, TALL)
        sketch.text(box.x, box.y - 11, _signed(label), size=14)
        low = box.y + 11
        sketch.text(box.left + 8, low, _signed(f"{value:g}"), anchor="start", size=14)
        slope_ink = "gradient-ink strong"
        back = _signed(f"\u2191 {slope:g}")
        sketch.text(box.right - 8, low, back, anchor="end", size=14, style=slope_ink)
    return sketch.drawing()


def _signed(text: str) -> str:
    return text.replace("-", "\u2212")
