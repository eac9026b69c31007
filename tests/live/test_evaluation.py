"""Questions and error bars in a real browser: the intervals of the library."""

import json
import math

import pytest

from lessons_lib.evaluation import questions_needed, wilson
from lessons_lib.live import ErrorBars
from lessons_lib.live.figure import decimal
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

A, B = "A is right, percent", "B is right, percent"
SIZE, DIFFER = "Questions", "Only one is right, percent"


def expected(a, b, n, differ):
    """Return what the figure should show, from the library."""
    a, b, differ = a / 100, b / 100, differ / 100
    gap = a - b
    half = 1.9599639845400536 * math.sqrt(max(0, differ - gap * gap) / n)
    return {
        "a": [a, *wilson(a * n, n)],
        "b": [b, *wilson(b * n, n)],
        "gap": [gap, gap - half, gap + half],
        "needed": questions_needed(a, b, differ) if gap else None,
    }


def check(page, a, b, n, differ):
    found = json.loads(page.locator("table.live-exam").get_attribute("data-exam"))
    wanted = expected(a, b, n, differ)
    assert found["differ"] == differ
    assert found["needed"] == wanted["needed"]
    rows = live.texts(page, "table.live-exam tbody tr")
    for (name, *cells), key in zip(rows, ("a", "b", "gap"), strict=True):
        assert name == {"a": "A", "b": "B", "gap": "A − B"}[key]
        assert found[key] == pytest.approx(wanted[key], abs=1e-12)
        assert cells == [decimal(100 * part, 1, "en") for part in wanted[key]]
    low, high = wanted["gap"][1:]
    assert found["apart"] == (low > 0 or high < 0)
    return page.get_by_role("status").inner_text()


def test_more_questions_tell_them_apart(page):
    live.mount(page, ErrorBars())
    assert "100 questions do not tell them apart" in check(page, 70, 60, 100, 46)
    live.focus(page, SIZE)
    for n in (200, 500):
        page.keyboard.press("ArrowRight")
        said = check(page, 70, 60, n, 46)
    assert said == (
        "500 questions tell them apart: the interval of the difference leaves out 0. "
        "To find this difference four times in five takes 354 questions."
    )
    page.keyboard.press("End")
    check(page, 70, 60, 10000, 46)


def test_so_do_answers_that_both_give_alike(page):
    live.mount(page, ErrorBars())
    live.focus(page, DIFFER)
    page.keyboard.press("Home")  # as little as is possible
    assert "takes 71 questions" in check(page, 70, 60, 100, 10)
    page.keyboard.press("End")
    check(page, 70, 60, 100, 70)


def test_accuracies_at_the_ends_and_equal_ones(page):
    live.mount(page, ErrorBars(50, 50, 20, 50))
    assert "equally good" in check(page, 50, 50, 20, 50)
    live.focus(page, A)
    page.keyboard.press("End")
    check(page, 100, 50, 20, 50)
    live.focus(page, B)
    page.keyboard.press("Home")
    assert "takes 1 questions" in check(page, 100, 0, 20, 100)


def test_touch_and_size_on_a_telephone(page):
    live.mount(page, ErrorBars(), width=390)
    sizes = page.locator("svg.live-intervals text").evaluate_all(
        "all => all.map(one => 14 * one.getScreenCTM().a)"
    )
    assert min(sizes) > 11


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, ErrorBars())
    assert live.reached(page, 5) == [A, B, SIZE, DIFFER, "live-scroll"]


def test_spanish(page):
    live.mount(page, ErrorBars(71, 60, 10000, 40, "es"))
    text = page.locator("main").inner_text()
    for words in ("A acierta", "10\u202f000 preguntas los distinguen", "71,0"):
        assert words in text
    assert "questions" not in text


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, ErrorBars(99, 60, 10000, 40, language), theme=theme, width=width)
    live.assert_accessible(page)


def test_fallback_has_the_library_s_numbers(page_without_scripts):
    page = page_without_scripts
    page.set_content(live.html_page(ErrorBars(80, 70, 200, 5), scripts=False))
    rows = [row.split("\t") for row in page.locator(".live-fallback tbody tr").all_inner_texts()]
    wanted = expected(80, 70, 200, 10)  # the least that is possible
    for row, key in zip(rows, ("a", "b", "gap"), strict=False):
        assert row[1:] == [decimal(100 * part, 1, "en") for part in wanted[key]]
    assert rows[3][1] == str(wanted["needed"])
    assert "–" in ErrorBars(50, 50).to_html()


def test_outputs_are_deterministic_and_short():
    assert ErrorBars().to_html() == ErrorBars().to_html()
    assert repr(ErrorBars()) == "ErrorBars(a=70, b=60, questions=100, differ=46, language='en')"
    assert set(ErrorBars().props) == {"a", "b", "differ", "language", "questions"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ErrorBars(101), "a to be an integer from 0 to 100, got 101"),
        (lambda: ErrorBars(b=-1), "b to be an integer from 0 to 100"),
        (lambda: ErrorBars(differ=0.5), "differ to be an integer from 0 to 100"),
        (lambda: ErrorBars(questions=11), "questions to be one of .*, got 11"),
        (lambda: ErrorBars(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
