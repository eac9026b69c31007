"""The page trains, in a real browser: fixed numbers of steps, and what can go wrong on the way."""

import base64
import json

import numpy as np
import pytest

from lessons_lib.live import TrainInPage
from lessons_lib.live.modules import FOLDER
from lessons_lib.live.train_in_page import (
    N_HELD,
    held_stories,
    pack_stories,
    stored_run,
    word_stories,
)
from lessons_lib.ngrams import NGram
from tests.live import page as live
from tools.book_site.live import FILE_FIGURE, pack_figures, pack_files

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

WAIT = 180_000  # milliseconds: on a busy machine training is slow
RATES = {0: "Home", 1e20: "End"}  # the keys that the slider has for them


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages as the book has them: the script of all figures, and the stories beside it."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "_static").mkdir()
    (folder / "_static" / "live.js").write_text(pack_figures(FOLDER), encoding="utf-8")
    for language in ("en", "es"):
        [(name, script)] = pack_files("train_in_page", language).items()
        (folder / "_static" / name).write_text(script, encoding="ascii")
    return folder


@pytest.fixture
def visit(tab, folder):
    """Open a page with one figure; it must end without an error."""
    troubles, allowed = [], []

    def opened(last=3000, language="en", head="", expected=()):
        allowed.extend(expected)
        figure = TrainInPage(last=last, language=language).to_html()
        path = folder / "page.html"
        path.write_text(
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">{head}'
            '<title>P</title><link rel="icon" href="data:,">'
            f"<style>{(FOLDER / 'live.css').read_text(encoding='utf-8')}</style>"
            '<script defer src="_static/live.js"></script></head>'
            f"<body><main><h1>Page</h1>{figure}</main></body></html>",
            encoding="utf-8",
        )
        tab.set_default_timeout(WAIT)
        tab.goto(path.as_uri())
        tab.wait_for_selector("figure[data-live-state=ready]")
        return tab

    with live.listening(
        tab,
        console=lambda message: (
            any(one in message.text for one in allowed) or troubles.append(message.text)
        ),
        pageerror=lambda error: troubles.append(str(error)),
    ):
        yield opened
    assert troubles == []


def data(page):
    return page.locator("svg.live-losses").first.evaluate("svg => ({...svg.dataset})")


def measured(page):
    return [tuple(one) for one in json.loads(data(page)["measured"])]


def wait(page, state):
    page.wait_for_selector(f"svg.live-losses[data-state={state}]")


def wait_steps(page, steps):
    page.wait_for_function(
        f"Number(document.querySelector('svg.live-losses').dataset.steps) >= {steps}"
    )


def rested(page):
    """The steps taken, when no more come: on a busy machine some are on the way for a while."""
    before = -1
    for _ in range(20):
        steps = int(data(page)["steps"])
        if steps == before:
            return steps
        before = steps
        page.wait_for_timeout(500)
    raise AssertionError(f"expected a run at rest, got one that took step {steps}")


def status(page):
    return page.get_by_role("status").inner_text()


# --------------------------------------------------------------------------------- what is stored


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_lines_are_those_of_the_library(language):
    run = stored_run(language)
    words, stories = word_stories(language)
    texts = ["".join(words[place] for place in story) for story in stories[-N_HELD:]]
    assert texts == [story.text for story in held_stories(language)]
    row = [place for story in stories[:-N_HELD] for place in story]
    new = [place for story in stories[-N_HELD:] for place in story]
    model = NGram(row, run["order"] + 1, len(words))
    costs = {}
    for model.n in (run["order"] - 1, run["order"], run["order"] + 1):
        costs[model.n] = np.sum(model.surprises(new)) / N_HELD
    assert min(costs, key=costs.get) == run["order"]
    assert abs(costs[run["order"]] - run["ngram"]) <= 0.051
    exact = np.mean([-story.log_prob for story in held_stories(language)])
    assert abs(exact - run["exact"]) <= 0.051


def test_the_stored_run_goes_below_the_n_grams():
    for language in ("en", "es"):
        run = stored_run(language)
        steps, nats = zip(*run["measured"], strict=True)
        V, d = len(word_stories(language)[0]), 48
        assert run["parameters"] == 2 * V * d + 12 * d**2
        assert (steps[0], steps[-1]) == (0, 1500)
        assert nats[0] > 5 * len(word_stories(language)[1][0])  # about ln V for each token
        assert run["exact"] + 10 < nats[-1] < 60 < run["ngram"]
        assert min(step for step, cost in run["measured"] if cost < run["ngram"]) <= 200


# --------------------------------------------------------------------------------- the page trains


@pytest.mark.parametrize(("language", "last"), [("en", 220), ("es", 50)])
def test_a_fixed_number_of_steps(visit, language, last):
    page = visit(last, language)
    words = live.words(page, "train_in_page", language)
    assert status(page) == words["idle"]
    live.press(page, words["start"])
    wait(page, "ended")
    assert int(data(page)["steps"]) == last
    found, stored = dict(measured(page)), dict(stored_run(language)["measured"])
    for step in (0, 5, 20, 50):  # the same run as the stored one
        assert abs(found[step] - stored[step]) < 0.2
    limit = {220: stored_run(language)["ngram"], 50: 200}[last]
    assert found[last] < limit < found[0]
    assert live.focused(page) == words["start"]
    table = live.texts(page, "details tbody tr")
    assert len(table) == len(found)
    told = page.locator(".live-body .live-story").inner_text()
    assert len(told.split()) > 20
    assert page.evaluate("Object.keys(globalThis.bookFiles)") == []  # the text is let go


def test_pause_go_on_and_begin_anew_by_keyboard(visit):
    page = visit()
    live.press(page, "Train")
    wait_steps(page, 2)
    live.press(page, "Pause")
    wait(page, "paused")
    steps = rested(page)
    live.press(page, "Go on")
    wait_steps(page, steps + 2)
    live.press(page, "Begin anew")
    page.wait_for_selector("svg.live-losses[data-run='2']")
    wait(page, "going")
    assert live.focused(page) == "Begin anew"


def test_another_width_in_mid_run_begins_anew(visit):
    page = visit()
    live.press(page, "Train")
    wait_steps(page, 6)  # there is a curve of two points
    page.get_by_label("64", exact=True).check()
    page.wait_for_selector("svg.live-losses[data-run='2']")
    page.locator("dd").filter(has_text="80,384").wait_for()  # 2 · 244 · 64 + 12 · 64²
    wait_steps(page, 2)
    assert measured(page)[0][0] == 0
    assert page.locator("svg.live-losses polyline.live-stored").count() == 1
    assert "the run before" in page.locator(".live-keys").inner_text()
    page.get_by_label("2", exact=True).check()
    page.locator("dd").filter(has_text="129,536").wait_for()  # 12 · 64² more
    page.get_by_label("AdamW alone").check()
    page.wait_for_selector("svg.live-losses[data-run='4']")
    wait_steps(page, 1)


def test_rates_that_teach_nothing_or_too_much(visit):
    page = visit(20)
    words = live.words(page, "train_in_page", "en")
    live.focus(page, words["rate"])
    page.keyboard.press(RATES[0])
    live.press(page, "Train")
    wait(page, "ended")
    [first, *others] = [nats for _, nats in measured(page)]
    assert all(abs(nats - first) < 1e-3 for nats in others)
    live.focus(page, words["rate"])
    page.keyboard.press(RATES[1e20])
    live.press(page, "Begin anew")
    wait(page, "diverged")
    assert "the numbers have left their range" in status(page)
    assert "NaN" not in page.locator("main").inner_html()
    assert "Infinity" not in page.locator("main").inner_html()
    live.focus(page, words["rate"])
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    live.press(page, "Begin anew")
    wait(page, "ended")
    assert measured(page)[-1][1] < 0.9 * first
    live.focus(page, words["rate"])
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    live.press(page, "Begin anew")
    page.get_by_role("status").filter(has_text="Worse than before").wait_for()


def test_a_page_that_cannot_be_seen_rests(visit):
    page = visit()
    live.press(page, "Train")
    wait_steps(page, 1)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    assert data(page)["state"] == "hidden"
    steps = rested(page)
    page.evaluate(hide, False)
    wait_steps(page, steps + 1)
    live.press(page, "Pause")
    page.evaluate(hide, True)
    page.evaluate(hide, False)
    assert data(page)["state"] == "paused"  # what the reader has paused stays so


CSP = (
    "<meta http-equiv=Content-Security-Policy content=\"worker-src 'none'\">",
    "<script>delete globalThis.Worker</script>",
)


@pytest.mark.parametrize("head", CSP)
def test_without_a_worker_the_page_trains_itself(visit, head):
    page = visit(6, head=head, expected=["Content Security Policy", "worker-src"])
    live.press(page, "Train")
    page.get_by_role("status").filter(has_text="no worker for this page").wait_for()
    wait(page, "ended")
    stored = dict(stored_run("en")["measured"])
    assert abs(dict(measured(page))[5] - stored[5]) < 0.2
    live.press(page, "Begin anew")
    page.wait_for_selector("svg.live-losses[data-run='2'][data-state=ended]")


@pytest.mark.parametrize(
    "head",
    [
        "<script>delete globalThis.DecompressionStream</script>",
        '<script>Object.defineProperty(globalThis, "bookFiles",'
        ' { get: () => ({ stories_en: "AAAA" }), set() {} })</script>',
    ],
)
def test_stories_that_cannot_be_read_are_told(visit, head):
    page = visit(6, head=CSP[1] + head)  # in a worker, the first would be there
    live.press(page, "Train")
    wait(page, "failed")
    assert status(page).startswith("The stories could not be loaded.")
    assert live.focused(page) == "Train"


def test_a_missing_script_is_told_and_can_be_asked_for_again(visit, folder):
    path = folder / "_static" / "stories_en.js"
    text = path.read_bytes()
    path.unlink()
    try:
        page = visit(2, expected=["ERR_FILE_NOT_FOUND"])
        live.press(page, "Train")
        wait(page, "failed")
    finally:
        path.write_bytes(text)
    live.press(page, "Train")
    wait(page, "ended")


# -------------------------------------------------------------------------------------- the figure


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, TrainInPage())
    words = live.words(page, "train_in_page", "en")
    names = ["Train", "Begin anew", words["rate"], "48", "1", "Muon and AdamW"]
    assert live.reached(page, 7) == [*names, words["numbers"]]


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, TrainInPage(language=language), theme=theme, width=width)
    live.assert_accessible(page)
    page.locator("details").first.evaluate("one => one.open = true")
    live.assert_accessible(page)
    smallest = page.locator("svg.live-losses text").evaluate_all(
        "all => Math.min(...all.map((one) => parseFloat(getComputedStyle(one).fontSize)))"
    )
    assert smallest >= 11


def test_without_scripts_the_stored_run_is_there(page_without_scripts):
    page = page_without_scripts
    for language in ("en", "es"):
        page.set_content(live.html_page(TrainInPage(language=language), scripts=False))
        text = page.locator(".live-fallback").inner_text()
        run = stored_run(language)
        for number in (run["ngram"], run["exact"], run["measured"][-1][1]):
            assert str(number).replace(".", "," if language == "es" else ".") in text
        assert run["story"].strip()[:40] in text
        points = page.locator("polyline").get_attribute("points").split()
        assert len(points) == 2 * len(run["measured"])


def test_axe_finds_nothing_without_scripts(page):
    page.set_content(live.html_page(TrainInPage(), scripts=False))
    assert live.violations(page) == []


def test_a_kernel_sends_the_stories():
    sent = []
    figure = TrainInPage(language="es")
    figure.send = lambda content, buffers: sent.append((content, buffers))
    figure._answer(figure, {"type": "load"}, [])
    figure._answer(figure, {"type": "other"}, [])
    assert sent == [({"type": "stories"}, [pack_stories("es")])]


def test_outputs_are_deterministic_and_small():
    one, other = TrainInPage(), TrainInPage()
    assert one.to_html() == other.to_html()
    assert repr(one) == "TrainInPage(last=3000, language='en')"
    assert len(one.to_html()) < 8_000
    assert json.loads(live.Props(one.to_html()).scripts[0]) == one.props
    assert FILE_FIGURE.findall(one.to_html()) == [("train_in_page", "en")]
    [(name, script)] = pack_files("train_in_page", "en").items()
    assert name == "stories_en.js"
    start = '(globalThis.bookFiles ??= {}).stories_en = "'
    assert base64.b64decode(script.removeprefix(start).removesuffix('";\n')) == pack_stories("en")
    assert len(pack_stories("en")) < 200_000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainInPage(language="fr"), "'en' or 'es', got 'fr'"),
        (lambda: TrainInPage(last=0), "last"),
        (lambda: TrainInPage(last=1.5), "last"),
        (lambda: word_stories("fr"), "language"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
