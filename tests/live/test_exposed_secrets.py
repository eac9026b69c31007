"""Exposed secrets in a real browser: what was stored, as intervals, and what chance gives."""

import json
import math

import numpy as np
import pytest

from lessons_lib.live import ExposedSecrets
from lessons_lib.live.exposed_secrets import STORED, exposures
from lessons_lib.live.figure import decimal
from lessons_lib.responsibility import dp_epsilon, t_interval
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

EPSILON = "ε of the training"
STEPS = [math.inf, 8, 3, 1, 0.5]


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text(encoding="utf-8"))["privacy"]


def check(page, run):
    """Hold what the figure shows against the stored run, and return its sentence."""
    found = json.loads(page.locator("table.live-exposures").get_attribute("data-exposed"))
    assert found["epsilon"] == run["epsilon"]
    assert found["nats"] == pytest.approx(np.mean(run["extra_nats"]), abs=1e-9)
    rows = live.texts(page, "table.live-exposures tbody tr")
    for told, models, ends, row in zip(
        run["exposure"], run["exposure"].values(), found["bits"], rows, strict=True
    ):
        wanted = np.clip(t_interval([np.mean(bits) for bits in models]), 0, math.log2(960))
        assert ends == pytest.approx(list(wanted), abs=1e-9)
        assert row == [told, *(decimal(end, 1, "en") for end in wanted)]
    return page.get_by_role("status").inner_text()


def test_the_slider_goes_through_the_stored_runs(page, stored):
    live.mount(page, ExposedSecrets())
    assert live.reached(page, 1) == [EPSILON]
    for run in stored["runs"]:
        said = check(page, run)
        assert said.startswith("ε = ∞" if run["epsilon"] is None else f"ε = {run['epsilon']}:")
        page.keyboard.press("ArrowRight")


def test_spanish(page):
    live.mount(page, ExposedSecrets(0.5, "es"))
    text = page.locator("main").inner_text()
    for words in ("ε = 0,5: contado 16 veces", "nats más que en su mundo", "Contado, veces"):
        assert words in text
    assert "told" not in text


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, ExposedSecrets(1, language), theme=theme, width=width)
    live.assert_accessible(page)


def test_fallback_has_all_runs(page_without_scripts):
    page = page_without_scripts
    page.set_content(live.html_page(ExposedSecrets(), scripts=False))
    rows = [row.split("\t") for row in page.locator(".live-fallback tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == ["∞", "8", "3", "1", "0.5"]
    _, known = exposures()
    for row, wanted in zip(rows, known, strict=True):
        written = [[decimal(end, 1, "en") for end in ends] for ends in wanted["bits"]]
        assert row[2:] == [f"{mean} ({low} – {high})" for mean, low, high in written]


def test_chance_is_that_of_any_rank():
    draws = math.log2(960) - np.log2(np.random.default_rng(0).integers(1, 961, 100_000))
    assert ExposedSecrets().chance == pytest.approx(draws.mean(), abs=0.02)  # four deviations


def test_stored_noise_gives_the_stored_epsilon(stored):
    own = stored["settings"]
    for run in stored["runs"]:
        found = dp_epsilon(run["noise"], own["rate"], own["steps"], own["delta"])
        wanted = math.inf if run["epsilon"] is None else run["epsilon"]
        assert found == wanted or wanted - 0.02 < found <= wanted
        assert {len(models) for models in run["exposure"].values()} == {len(run["extra_nats"])}


def test_outputs_are_deterministic_and_short():
    assert ExposedSecrets().to_html() == ExposedSecrets().to_html()
    assert [repr(ExposedSecrets(epsilon)) for epsilon in (math.inf, 0.5)] == [
        "ExposedSecrets(epsilon=math.inf, language='en')",
        "ExposedSecrets(epsilon=0.5, language='en')",
    ]
    assert [ExposedSecrets(epsilon).at for epsilon in STEPS] == [0, 1, 2, 3, 4]
    assert set(ExposedSecrets().props) == {"at", "chance", "language", "rows", "told"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExposedSecrets(2), r"one of \[inf, 8, 3, 1, 0.5\], got 2"),
        (lambda: ExposedSecrets("8"), "epsilon to be one of"),
        (lambda: ExposedSecrets(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
