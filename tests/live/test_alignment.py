"""The optimum of a preference in a real browser: shares, divergences and rewards of the library."""

import json

import numpy as np
import pytest

from lessons_lib.alignment import kl_divergence, optimum
from lessons_lib.live import PreferenceOptimum
from lessons_lib.live.figure import decimal
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

BETA = "Beta: the price of distance"
ANSWER, PAY = "An answer to change", "What the judge pays for it"
SHARE = "Its share in the reference"
FAIR, FLAWED = "An honest judge", "A judge with a flaw"
REFERENCE, TRUTH = [0.25, 0.35, 0.2, 0.15, 0.05], [1, 0, 0, 0.5, 0]
JUDGE = [1, 0.2, 0.3, 0.5, 1.6]


def check(page, beta=1, judge=JUDGE, reference=REFERENCE):
    """Compare what is shown with the library; return what is said."""
    found = json.loads(page.locator("table.live-optimum").get_attribute("data-now"))
    assert found["beta"] == beta
    assert found["pays"] == pytest.approx(judge)
    wanted = [
        np.array(reference),
        optimum(reference, TRUTH, beta),
        optimum(reference, judge, beta),
    ]
    rows = live.texts(page, "table.live-optimum tbody tr")
    *answers, divergence, reward = rows
    for column, (name, policy) in enumerate(
        zip(("reference", "truth", "judge"), wanted, strict=True), 3
    ):
        shown = found[name]
        assert shown["policy"] == pytest.approx(policy, abs=1e-12)
        assert shown["divergence"] == pytest.approx(kl_divergence(policy, reference), abs=1e-12)
        assert shown["reward"] == pytest.approx(policy @ TRUTH, abs=1e-12)
        assert shown["judged"] == pytest.approx(policy @ np.array(judge), abs=1e-12)
        assert [row[column] for row in answers] == [decimal(p, 3, "en") for p in shown["policy"]]
        assert divergence[column] == decimal(shown["divergence"], 3, "en")
        assert reward[column] == decimal(shown["reward"], 3, "en")
    return page.get_by_role("status").inner_text()


def test_the_less_beta_the_more_of_what_is_paid_for(page):
    live.mount(page, PreferenceOptimum())
    said = [check(page)]
    live.focus(page, BETA)
    for beta in (0.7, 0.5, 0.3):
        page.keyboard.press("ArrowRight")
        live.settle(page)
        said.append(check(page, beta))
    page.keyboard.press("End")
    live.settle(page)
    said.append(check(page, 0.05))
    assert said[0].startswith("The judge's optimum earns 0.73 from the judge and 0.43 in truth")
    assert said[-1].startswith("The judge's optimum earns 1.60 from the judge and 0.00 in truth")
    page.keyboard.press("Home")
    live.settle(page)
    check(page, 10)


def test_an_honest_judge_leads_where_the_world_leads(page):
    live.mount(page, PreferenceOptimum(beta=0.3))
    live.press(page, FAIR)
    live.settle(page)
    check(page, 0.3, TRUTH)
    live.press(page, FLAWED)
    live.settle(page)
    check(page, 0.3)


def test_what_is_paid_and_where_it_begins(page):
    live.mount(page, PreferenceOptimum(beta=0.5))
    page.get_by_label(ANSWER).select_option("1")
    live.focus(page, PAY)
    page.keyboard.press("End")
    live.settle(page)
    judge = [1, 2, 0.3, 0.5, 1.6]
    check(page, 0.5, judge)
    live.focus(page, SHARE)
    page.keyboard.press("Home")
    live.settle(page)
    rest = 0.99 / 0.65
    check(page, 0.5, judge, [0.25 * rest, 0.01, 0.2 * rest, 0.15 * rest, 0.05 * rest])
    page.keyboard.press("End")
    live.settle(page)
    rest = 0.05 / 0.65
    check(page, 0.5, judge, [0.25 * rest, 0.95, 0.2 * rest, 0.15 * rest, 0.05 * rest])


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, PreferenceOptimum())
    assert live.reached(page, 6) == [BETA, ANSWER, PAY, SHARE, FAIR, FLAWED]


def test_bars_are_as_long_as_shares(page):
    live.mount(page, PreferenceOptimum(beta=0.3))
    found = json.loads(page.locator("table.live-optimum").get_attribute("data-now"))
    for kind, name in (("live-v", "truth"), ("live-hacked", "judge")):
        widths = page.locator(f"svg.live-optima rect.{kind}").evaluate_all(
            "all => all.map(one => Number(one.getAttribute('width')))"
        )
        assert widths == pytest.approx([w * sum(widths) for w in found[name]["policy"]])


def test_spanish(page):
    live.mount(page, PreferenceOptimum(language="es"))
    text = page.locator("main").inner_text()
    for words in ("Lo tiene Leo.", "El óptimo para el juez gana 0,73", "Recompensa verdadera"):
        assert words in text
    assert "judge" not in text


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, PreferenceOptimum(beta=0.2, language=language), theme=theme, width=width)
    live.assert_accessible(page)


def test_fallback_has_the_library_s_numbers(page_without_scripts):
    page = page_without_scripts
    page.set_content(live.html_page(PreferenceOptimum(beta=0.5), scripts=False))
    rows = [row.split("\t") for row in page.locator(".live-fallback tbody tr").all_inner_texts()]
    policies = [optimum(REFERENCE, pays, 0.5) for pays in (TRUTH, JUDGE)]
    for i in range(5):
        shares = [decimal(policy[i], 3, "en") for policy in (REFERENCE, *policies)]
        assert rows[i][3:] == shares
    divergences = [decimal(kl_divergence(policy, REFERENCE), 3, "en") for policy in policies]
    assert rows[5][3:] == ["0.000", *divergences]
    assert rows[6][3:] == [decimal(p @ np.array(TRUTH), 3, "en") for p in (REFERENCE, *policies)]


def test_outputs_are_deterministic_and_short():
    assert PreferenceOptimum().to_html() == PreferenceOptimum().to_html()
    assert repr(PreferenceOptimum()) == "PreferenceOptimum(beta=1, language='en')"
    assert set(PreferenceOptimum().props) == {
        *("answers", "reference", "truth", "judge"),
        *("beta", "language"),
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PreferenceOptimum([1.0, 0.0]), "reference to be 5 numbers"),
        (lambda: PreferenceOptimum([0.3, 0.35, 0.2, 0.15, 0.05]), "add up to 1"),
        (lambda: PreferenceOptimum([0.3, 0.35, 0.2, 0.15, 0.0]), "shares above 0"),
        (lambda: PreferenceOptimum(judge=[1, 0, 0, 0, 3]), "judge to be 5 numbers of at most 2"),
        (lambda: PreferenceOptimum(truth=[1, 0, 0, 0, -1]), "truth"),
        (lambda: PreferenceOptimum(beta=0.4), "beta to be one of .*, got 0.4"),
        (lambda: PreferenceOptimum(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
