"""Planted odds in a real browser: what the library's temperature makes of them."""

import json
import math

import pytest

from lessons_lib.live import PlantedOdds
from lessons_lib.live.figure import decimal
from lessons_lib.responsibility import log_odds, sharpen
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

SHE, HE = "She is called brave, percent", "He is called brave, percent"
TEMPERATURE = "Temperature"


def expected(she, he, tenths):
    """Return what the figure should show, from the library."""
    planted, temperature = [she / 100, he / 100], tenths / 10
    gap = log_odds(planted[1]) - log_odds(planted[0])
    return {
        "planted": planted,
        "drawn": [sharpen([p, *[(1 - p) / 7] * 7], temperature)[0] for p in planted],
        "gap": gap,
        "sharp": gap / temperature if temperature else math.copysign(math.inf, gap) if gap else 0,
    }


def check(page, she, he, tenths):
    found = json.loads(page.locator("table.live-planted").get_attribute("data-odds"))
    wanted = expected(she, he, tenths)
    for name in ("planted", "drawn", "gap"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-12)
    if math.isfinite(wanted["sharp"]):
        assert found["sharp"] == pytest.approx(wanted["sharp"], abs=1e-12)
    else:
        assert found["sharp"] is None
    rows = live.texts(page, "table.live-planted tbody tr")
    for i, name in enumerate(("her", "him")):
        percents = [decimal(100 * wanted[kind][i], 1, "en") for kind in ("planted", "drawn")]
        assert rows[i] == [name, *percents]
    return page.get_by_role("status").inner_text()


def test_a_low_temperature_widens_the_gap(page):
    live.mount(page, PlantedOdds())
    assert check(page, 10, 40, 10).endswith("1.79 apart in the texts, 1.79 in what is drawn.")
    live.focus(page, TEMPERATURE)
    for tenths in (9, 8, 7, 6, 5):
        page.keyboard.press("ArrowLeft")
        said = check(page, 10, 40, tenths)
    assert said == "The log odds lie 1.79 apart in the texts, 3.58 in what is drawn."
    page.keyboard.press("Home")
    assert "Drawn is always the most likely trait" in check(page, 10, 40, 0)
    page.keyboard.press("End")
    check(page, 10, 40, 15)


def test_equal_odds_stay_equal_and_the_ends(page):
    live.mount(page, PlantedOdds(25, 25, 0))
    assert "0.00" in check(page, 25, 25, 0)
    live.focus(page, SHE)
    page.keyboard.press("End")
    check(page, 99, 25, 0)
    live.focus(page, HE)
    page.keyboard.press("Home")
    check(page, 99, 1, 0)
    live.focus(page, TEMPERATURE)
    page.keyboard.press("ArrowRight")
    check(page, 99, 1, 1)


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, PlantedOdds())
    assert live.reached(page, 3) == [SHE, HE, TEMPERATURE]


def test_spanish(page):
    live.mount(page, PlantedOdds(10, 40, 5, "es"))
    text = page.locator("main").inner_text()
    for words in ("Los logits distan 1,79", "3,58", "Temperatura", "10,0"):
        assert words in text
    assert "drawn" not in text


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, PlantedOdds(99, 1, 1, language), theme=theme, width=width)
    live.assert_accessible(page)


def test_fallback_has_the_library_s_numbers(page_without_scripts):
    page = page_without_scripts
    page.set_content(live.html_page(PlantedOdds(10, 40, 5), scripts=False))
    rows = [row.split("\t") for row in page.locator(".live-fallback tbody tr").all_inner_texts()]
    wanted = expected(10, 40, 5)
    for i in (0, 1):
        percents = [decimal(100 * wanted[kind][i], 1, "en") for kind in ("planted", "drawn")]
        assert rows[i][1:] == percents
    assert rows[2][1:] == ["1.79", "3.58"]


def test_outputs_are_deterministic_and_short():
    assert PlantedOdds().to_html() == PlantedOdds().to_html()
    assert "∞" in PlantedOdds(tenths=0).to_html()
    assert repr(PlantedOdds()) == "PlantedOdds(she=10, he=40, tenths=10, language='en')"
    assert set(PlantedOdds().props) == {"he", "language", "she", "tenths"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PlantedOdds(0), "she to be an integer from 1 to 99, got 0"),
        (lambda: PlantedOdds(he=100), "he to be an integer from 1 to 99"),
        (lambda: PlantedOdds(tenths=16), "tenths to be an integer from 0 to 15"),
        (lambda: PlantedOdds(she=0.5), "she to be an integer"),
        (lambda: PlantedOdds(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
