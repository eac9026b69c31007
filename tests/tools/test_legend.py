"""The legend of the colours: as the library draws it, and with every colour in it."""

import re

from lessons_lib.figures.style import ROLES
from tools import house, legend


def test_the_stored_legends_are_the_library_s():
    assert legend.check(house.ROOT) == []
    for code in house.LANGUAGES:
        svg = legend.drawn(code)
        boxes = re.findall(r'<rect class="(\w+)"', svg)
        assert {*boxes} - {"sheet"} == {*ROLES}
        alt = re.search(r'aria-label="([^"]*)"', svg)[1]
        page = (house.ROOT / "book" / code / "notation.md").read_text(encoding="utf-8")
        assert f"![{alt}]({legend.NAME})" in page
    assert legend.drawn("en") != legend.drawn("es")


def test_a_stale_or_missing_legend_is_found_and_mended(tmp_path, capsys):
    for code in house.LANGUAGES:
        (tmp_path / "book" / code).mkdir(parents=True)
    (tmp_path / "book" / "es" / legend.NAME).write_text("<svg/>", encoding="utf-8")
    assert legend.main(["--check"], tmp_path) == 1
    told = capsys.readouterr()
    for code in house.LANGUAGES:
        assert f"book/{code}/colours.svg: stale; run python -m tools.legend" in told.out + told.err
    assert legend.main([], tmp_path) == 0
    assert legend.main(["--check"], tmp_path) == 0
