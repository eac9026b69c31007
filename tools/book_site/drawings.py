"""Drawings in SVG become part of their page: letters stay letters, and colours follow its theme.

A picture in a file of its own knows only the system's colours, not the page's theme. The style
sheet that every drawing carries stands once, beside the others.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from lessons_lib.figures.style import style_sheet

DRAWING = re.compile(r'<svg\b[^>]*\bclass="drawing"')


def inline(svg: str, alt: str) -> str:
    """Return a drawing as it stands in a page: without its style sheet, named by `alt`."""
    svg = svg[DRAWING.search(svg).start() :]
    svg = svg.replace(f"<style>{style_sheet()}</style>", "")
    opening, rest = svg.split(">", 1)
    opening = re.sub(r' aria-label="[^"]*"', "", opening)
    return f'{opening} aria-label="{escape(alt)}">{rest}'


class InlineDrawings(SphinxPostTransform):
    """Put each drawing's own text in the place of the picture that a page would load."""

    default_priority = 400  # after the outputs' formats have been chosen
    formats = ("html",)

    def run(self, **_) -> None:
        """Replace the pictures of one page."""
        for image in list(self.document.findall(nodes.image)):
            file = Path(self.app.srcdir, image.get("candidates", {}).get("*", image["uri"]))
            if file.suffix != ".svg" or not file.is_file():
                continue
            svg = file.read_text(encoding="utf-8")
            if DRAWING.search(svg):
                drawn = inline(svg, image.get("alt", ""))
                image.replace_self(nodes.raw("", drawn, format="html"))


def write_styles(static: Path) -> None:
    """Write the drawings' style sheet beside the other static files."""
    (static / "drawings.css").write_text(style_sheet(), encoding="utf-8")
