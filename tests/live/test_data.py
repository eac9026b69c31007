"""MinHash in a real browser: signatures and bands of the library."""

import json

import numpy as np
import pytest

from lessons_lib.data import (
    candidate_pairs,
    estimate_jaccard,
    jaccard,
    lsh_probability,
    min_hash,
    shingles,
)
from lessons_lib.live import MinHashLab
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures


def check(page, one, other, words, hashes, rows):
    found = json.loads(page.locator("table.live-signatures").get_attribute("data-found"))
    a, b = (min_hash(text, hashes, 0, words) for text in (one, other))
    sets = shingles(one, words), shingles(other, words)
    similarity = jaccard(*sets)
    assert found["sizes"] == [len(sets[0]), len(sets[1]), len(sets[0] & sets[1])]
    assert found["equal"] == (a == b).tolist()
    assert found["similarity"] == pytest.approx(similarity)
    assert found["estimate"] == pytest.approx(estimate_jaccard(a, b))
    assert found["error"] == pytest.approx(np.sqrt(similarity * (1 - similarity) / hashes))
    assert found["chance"] == pytest.approx(lsh_probability(similarity, hashes // rows, rows))
    assert any(found["whole"]) == bool(candidate_pairs([a, b], hashes // rows))
    return page.get_by_role("status").inner_text()


def test_sliders_change_what_is_compared(page):
    figure = MinHashLab()
    live.mount(page, figure)
    texts = figure.one, figure.other
    assert "candidates" in check(page, *texts, 3, 32, 4)
    live.focus(page, "Hashes")
    page.keyboard.press("End")
    check(page, *texts, 3, 64, 4)
    live.focus(page, "Numbers in a band")
    page.keyboard.press("End")
    check(page, *texts, 3, 64, 8)
    live.focus(page, "Words of a shingle")
    page.keyboard.press("Home")
    check(page, *texts, 1, 64, 8)


@pytest.mark.parametrize("text", [*(text[:300] for text in live.TEXTS), "O’Neill's well-known"])
def test_any_text_has_the_library_s_signature(page, text):
    live.mount(page, MinHashLab("the fox and la niña", text, 2, 16, 2))
    check(page, "the fox and la niña", text, 2, 16, 2)


def test_typing_and_reading_order(page):
    live.mount(page, MinHashLab())
    names = ["One text", "Another text", "Words of a shingle", "Hashes", "Numbers in a band"]
    assert live.reached(page, 5) == names
    page.get_by_label("Another text").fill("nothing of it")
    assert "nobody compares" in check(page, MinHashLab().one, "nothing of it", 3, 32, 4)


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, MinHashLab(hashes=64, rows=8, language=language), theme=theme, width=width)
    live.assert_accessible(page)


def test_fallback_has_the_library_s_numbers(page_without_scripts):
    page_without_scripts.set_content(live.html_page(MinHashLab(language="es"), scripts=False))
    rows = page_without_scripts.locator(".live-fallback tbody tr").all_inner_texts()
    assert [row.split("\t")[1] for row in rows][-1] == "sí"
    assert "0,73" in rows[0]


def test_outputs_are_deterministic_and_short():
    assert MinHashLab().to_html() == MinHashLab().to_html()
    assert repr(MinHashLab()) == "MinHashLab(words=3, hashes=32, rows=4, language='en')"
    assert len(MinHashLab().to_html()) < 2500


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MinHashLab("a" * 301), "at most 300 characters, got 301"),
        (lambda: MinHashLab(3), "expected text"),
        (lambda: MinHashLab(words=6), "words"),
        (lambda: MinHashLab(hashes=20), "hashes to be one of"),
        (lambda: MinHashLab(rows=3), "rows to be one of"),
        (lambda: MinHashLab(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
