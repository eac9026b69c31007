"""Drawings in the pages: part of the page, named, in its colours."""

import re

import pytest

from lessons_lib import figures
from lessons_lib.figures.style import GROUND, style_sheet
from tools.book_site.drawings import inline
from tools.house import LANGUAGES, ROOT, notebooks

DRAWN = re.compile(r'<svg[^>]*class="drawing"[^>]*>')


def test_a_drawing_loses_its_style_sheet_and_gets_the_cell_s_text():
    svg = figures.mask_diagram()._repr_svg_()
    inlined = inline(f'<?xml version="1.0"?>\n{svg}', 'the mask, "causal" & <early>')
    assert inlined.startswith("<svg ")
    assert style_sheet() not in inlined
    assert re.findall(r'aria-label="([^"]*)"', inlined) == [
        "the mask, &quot;causal&quot; &amp; &lt;early&gt;"
    ]
    assert inlined.count("<text") == svg.count("<text")


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_drawing_is_part_of_its_page(site, code):
    for path in notebooks(ROOT, (), (code,)):
        slug = path.stem
        page = (site / code / f"{slug}.html").read_text(encoding="utf-8")
        drawn = DRAWN.findall(page)
        assert drawn, slug
        assert all(re.search(r'aria-label="[^"]{20,}"', one) for one in drawn), slug
        assert 'src="_images/' not in page or ".svg" not in page.split('src="_images/')[1][:90]
        assert "--stream-pale:" not in page
    assert (site / "_static" / "drawings.css").read_text(encoding="utf-8") == style_sheet()


@pytest.mark.site
def test_a_drawing_follows_the_page_s_theme_and_fits_a_telephone(tab, site):
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto((site / "en" / "attention.html").as_uri())
    found = tab.evaluate(
        """() => {
          const [svg] = document.querySelectorAll("svg.drawing");
          const text = svg.querySelector("text:not([class])");
          const paper = svg.querySelector(".sheet");
          const colours = () => [getComputedStyle(text).fill, getComputedStyle(paper).fill];
          const both = ["light", "dark"].map((theme) => {
            document.documentElement.dataset.theme = theme;
            return colours();
          });
          const wide = svg.getBoundingClientRect();
          const size = parseFloat(text.getAttribute("font-size"));
          return { both, pixels: (size * wide.width) / svg.viewBox.baseVal.width,
                   right: wide.right, scroll: document.documentElement.scrollWidth };
        }"""
    )
    rgb = [
        [f"rgb({', '.join(str(int(c[i : i + 2], 16)) for i in (1, 3, 5))})" for c in pair]
        for pair in zip(GROUND["ink"], GROUND["paper"], strict=True)
    ]
    assert found["both"] == rgb
    assert found["pixels"] >= 11
    assert found["right"] <= found["scroll"] <= 390
