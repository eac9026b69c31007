"""Matplotlib's SVG in the book's inks: text as text, colours that follow the page, few bytes.

What Matplotlib writes names its own fonts and fixed colours, repeats its ids in every picture and
gives places to a millionth of a point. A page shows many pictures in one document, so ids are made
unique, and none stays that nothing refers to.
"""

import hashlib
import io
import re
from collections.abc import Callable

import matplotlib as mpl
from matplotlib.figure import Figure

from lessons_lib.figures.style import CURVES, PALE, style_sheet

__all__ = ["FIXED", "svg_of"]

SCALE = 1.5  # pixels of a point, where there is room
# Matplotlib's colours, and what they are in the book: ink, paper, or the pale ink of marks.
INKS = {
    **{colour.lower(): f"var(--curve-{i})" for i, colour in enumerate(CURVES)},
    **{colour.lower(): f"var(--tint-{i})" for i, colour in enumerate(PALE)},
    **dict.fromkeys(("#000000", "#333333"), "var(--ink)"),
    **dict.fromkeys(("#555555", "#999999", "#b0b0b0", "#cccccc"), "var(--plain)"),
    "#dddddd": "var(--frozen-pale)",
    "#ffffff": "var(--paper)",
}
FIXED = ("#FEFEFE", "#010101")  # letters on cells whose colours are the same on every ground


def svg_of(figure: Figure) -> str:
    """Return a figure as a drawing of the book, the same text for the same figure."""
    buffer = io.StringIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": "book"}
    with mpl.rc_context(settings):
        figure.savefig(
            buffer,
            format="svg",
            bbox_inches="tight",
            pad_inches=0.04,
            dpi=200,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    body = re.search(r"<svg\b[^>]*>(.*)</svg>", buffer.getvalue(), re.DOTALL)
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', buffer.getvalue()).groups()
    width, height = (round(float(side), 1) for side in (width, height))
    drawn = _own_ids(_compact(_inked(body[1])))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" '
        f'viewBox="0 0 {width:g} {height:g}" width="{SCALE * width:g}" '
        f'height="{SCALE * height:g}"><style>{style_sheet()}</style>'
        f'<g stroke-linejoin="round">{drawn}</g></svg>'
    )


def _inked(svg: str) -> str:
    """Return Matplotlib's drawing with the book's colours and letters."""
    svg = re.sub(r"<style.*?</style>|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r"font: ((?:\w+ )*)([\d.]+px) [^;\"]*", _font, svg)  # Matplotlib 3.9's way
    svg = _in_tags(r"#[0-9a-f]{6}\b", lambda match: INKS.get(match[0], match[0]), svg)
    return re.sub(r'style="fill: (url\([^)]*\));', r'fill="\1" style="', svg)


def _font(shorthand: re.Match) -> str:
    weight = shorthand[1].strip()
    return f"font-size: {shorthand[2]}" + (f"; font-weight: {weight}" if weight else "")


def _in_tags(pattern: str, change: Callable[[re.Match], str], svg: str) -> str:
    """Return a drawing with what matches changed, but nothing that is written in it."""
    return re.sub(r"<[^>]*>", lambda tag: re.sub(pattern, change, tag[0]), svg)


def _compact(svg: str) -> str:
    """Return a drawing with places to a tenth of a point, and without needless words."""
    svg = re.sub(r'<!--.*?-->| transform="rotate\(-0 [^)]*\)"', "", svg, flags=re.DOTALL)
    svg = _in_tags(r"\d+\.\d{2,}", lambda match: f"{float(match[0]):.1f}".replace(".0", ""), svg)
    svg = svg.replace("xlink:href", "href").replace(" \n", "\n")
    return re.sub(r"\s*\n\s*", "\n", svg).replace("\nz\n", "z").strip()


def _own_ids(svg: str) -> str:
    """Return a drawing whose ids no other has; those that nothing refers to are left out."""
    mark = hashlib.sha256(svg.encode()).hexdigest()[:8]
    used = {*re.findall(r'(?:url\(#|href="#)([\w.-]+)', svg)}
    svg = re.sub(
        r' id="([^"]*)"',
        lambda match: f' id="d{mark}-{match[1]}"' if match[1] in used else "",
        svg,
    )
    svg = re.sub(r'(url\(#|href="#)', rf"\1d{mark}-", svg)
    return svg.replace("<g>\n<g>", "<g><g>")
