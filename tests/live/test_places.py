"""Where the live figures stand: a chapter shows its first one before half of it is behind."""

import pytest

from tools import house

CHAPTERS = [
    slug
    for slug in ["intro", *house.chapters(house.ROOT)]
    if (house.ROOT / "book" / "en" / f"{slug}.ipynb").is_file()
]


def share(cells):
    """How far down, by characters of source, the first live figure stands, or None."""
    sizes = [len(cell.source) for cell in cells]
    for i, cell in enumerate(cells):
        outputs = (output.get("data", {}) for output in cell.get("outputs", []))
        if any('class="live-figure"' in "".join(one.get("text/html", "")) for one in outputs):
            return sum(sizes[:i]) / sum(sizes)
    return None


@pytest.mark.parametrize("code", house.LANGUAGES)
@pytest.mark.parametrize("slug", dict.fromkeys(CHAPTERS))
def test_a_live_figure_stands_no_later_than_half_way(slug, code):
    found = share(house.read_notebook(house.ROOT / "book" / code / f"{slug}.ipynb").cells)
    assert found is None or found <= 0.5


def test_chapters_have_live_figures():
    """All but a few, so that the test above has something to look at."""
    paths = [house.ROOT / "book" / "en" / f"{slug}.ipynb" for slug in CHAPTERS]
    alive = [path for path in paths if share(house.read_notebook(path).cells) is not None]
    assert len(alive) >= 12
