"""The next-token figure in a real browser, driven by the keyboard: the library's probabilities."""

import json
import math

import numpy as np
import pytest
import torch

from lessons_lib.generation import Sampling, token_probs
from lessons_lib.live import NextToken
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

PREFIXES = ["Once upon a time", "There was a <b>"]
TOKENS = [b" the", b"a", b" ni\xc3", b"\n", *(bytes([97 + i]) * 2 for i in range(16))]
LOGITS = 2 * np.random.default_rng(0).normal(size=(2, 20))
SLIDERS = {
    "temperature": "Temperature: divides the logits",
    "topK": "Top-k: the k most probable",
    "topP": "Top-p: until they add up to p",
    "minP": "Min-p: at least p times the best",
}
OWN = {"temperature": 1, "topK": None, "topP": 1, "minP": 0}


def make(**options):
    return NextToken(PREFIXES, LOGITS, TOKENS, **options)


def expected(prefix, settings, logits=LOGITS):
    sampling = Sampling(*(settings[name] for name in ("temperature", "topK", "topP", "minP")))
    return token_probs(torch.tensor(np.round(logits[prefix], 3)), sampling).numpy()


def check(page, prefix=0, **changed):
    settings = OWN | changed
    live.settle(page)
    data = page.locator("table.live-bars").evaluate("table => ({...table.dataset})")
    assert json.loads(data["settings"]) == pytest.approx(settings)
    assert data["prefix"] == str(prefix)
    probs, own = expected(prefix, settings), expected(prefix, OWN)
    # JavaScript and the library both calculate with 64 bits.
    np.testing.assert_allclose(json.loads(data["probs"]), probs, rtol=1e-9, atol=1e-15)
    order = np.argsort(-own, kind="stable")
    groups = [[i] for i in order[:10]] + [order[10:]]
    cells = page.locator("table.live-bars tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    )
    assert cells == [[f"{probs[g].sum():.3f}", f"{own[g].sum():.3f}"] for g in groups]
    widths = page.locator("tbody .live-bar > span").evaluate_all(
        "all => all.map(a => a.style.width)"
    )
    assert [float(width.rstrip("%")) for width in widths] == pytest.approx(
        [100 * probs[g].sum() for g in groups], abs=1e-3
    )
    assert page.get_by_role("status").inner_text() == (
        f"{(probs > 0).sum()} of 20 tokens can come; "
        f"the model itself gave them {own[probs > 0].sum():.3f}."
    )
    check_stairs(page, prefix, settings, order)


def check_stairs(page, prefix, settings, order):
    """Bars: kept tokens with their new probability, removed ones with that before the cut."""
    probs = expected(prefix, settings)
    before = expected(prefix, OWN | {"temperature": settings["temperature"]})
    heights, kinds = np.transpose(
        page.locator(".live-staircase rect:not(.live-handle)").evaluate_all(
            "all => all.map(one => [one.getAttribute('height'), one.getAttribute('class')])"
        )
    )
    assert len(heights) == 20
    kept = probs[order] > 0
    assert list(kinds) == ["live-stair" if one else "live-removed" for one in kept]
    shown = np.where(kept, probs[order], before[order])
    heights = heights.astype(float)
    np.testing.assert_allclose(heights / heights.sum(), shown / shown.sum(), atol=1e-9)
    cut = float(page.locator(".live-cut").first.get_attribute("x1"))
    width = page.locator(".live-staircase").evaluate("one => one.viewBox.baseVal.width")
    assert cut == pytest.approx(min(kept.sum() * width / 20, width - 1))


def test_the_model_s_own_probabilities_at_first(page):
    live.mount(page, make())
    check(page)
    names = page.locator("table.live-bars tbody th").all_text_contents()
    order = np.argsort(-expected(0, OWN), kind="stable")
    assert names[-1] == "10 others"
    shown = {0: "·the", 1: "a", 2: "·ni<C3>", 3: "↵"}
    assert names[:-1] == [shown.get(i, TOKENS[i].decode(errors="ignore")) for i in order[:10]]


def test_prefixes_by_keyboard(page):
    live.mount(page, make())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    assert page.locator("option").all_text_contents() == PREFIXES
    page.keyboard.press("ArrowDown")
    check(page, 1)
    page.keyboard.press("Home")
    check(page, 0)


def test_each_slider_by_keyboard(page):
    live.mount(page, make())
    for name, steps in {
        "temperature": [("ArrowRight", 1.1), ("Home", 0.1), ("End", 3)],
        "topK": [("ArrowLeft", 50), ("ArrowLeft", 20), ("ArrowLeft", 10), ("Home", 1)],
        "topP": [("ArrowLeft", 0.95), ("Home", 0.05), ("ArrowRight", 0.1)],
        "minP": [("ArrowRight", 0.02), ("End", 0.5)],
    }.items():
        live.focus(page, SLIDERS[name])
        for key, value in steps:
            page.keyboard.press(key)
            check(page, **{name: value})
        live.focus(page, "The model's own probabilities")
        page.keyboard.press("Enter")
        check(page)


def test_settings_work_together_and_speak(page):
    live.mount(page, make())
    for name, keys in {
        "temperature": ["ArrowRight"] * 5,
        "topK": ["ArrowLeft"] * 3,
        "topP": ["ArrowLeft"] * 3,
        "minP": ["ArrowRight"] * 2,
    }.items():
        live.focus(page, SLIDERS[name])
        for key in keys:
            page.keyboard.press(key)
    check(page, temperature=1.5, topK=10, topP=0.85, minP=0.04)
    texts = page.get_by_role("slider").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-valuetext'))"
    )
    assert texts == ["1.50", "10", "0.85", "0.04"]
    assert page.locator(".live-place").all_inner_texts() == texts
    live.focus(page, SLIDERS["topK"])
    page.keyboard.press("End")
    assert page.locator(".live-place").all_inner_texts()[1] == "all"


def test_random_logits_ties_and_extremes(page):
    """The module's own function, on what could overflow or be equal."""
    live.internals(page, "next_token", "tokenProbs")
    rng = np.random.default_rng(4)
    rows = [scale * rng.normal(size=50) for scale in (0.1, 3, 1000)]
    rows += [np.zeros(7), rng.integers(0, 3, 30).astype(float), np.array([5.0])]
    for row in rows:
        for settings in [
            OWN,
            OWN | {"temperature": 0.1},
            OWN | {"topK": 1},
            OWN | {"topK": 5, "minP": 0.3},
            OWN | {"topP": 0.55},
            {"temperature": 2.3, "topK": 20, "topP": 0.83, "minP": 0.07},
        ]:
            given = settings | {"topK": settings["topK"] or 10**9}
            found = page.evaluate(
                "([row, settings]) => inside.tokenProbs(row, settings)",
                [row.round(3).tolist(), given],
            )
            probs = expected(0, settings, [row.round(3)])
            np.testing.assert_allclose(found, probs, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("touch", [False, True])
def test_the_cut_line_is_dragged(browser, touch):
    context = browser.new_context(has_touch=touch)
    page = context.new_page()
    live.mount(page, make())
    box = page.locator(".live-staircase").bounding_box()
    step = box["width"] / 20
    if touch:
        live.drag_by_touch(page, (box["width"] - 4, 80), (5.2 * step, 80), ".live-staircase")
        check(page, topK=5)
    else:
        page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 80)
        page.mouse.down()
        for k, found in ((9.8, 10), (2.1, 2), (0.1, 1), (5.3, 5)):
            page.mouse.move(box["x"] + k * step, box["y"] + 80)
            check(page, topK=found)
        page.mouse.move(box["x"] + 19.9 * step, box["y"] + 80)
        check(page)
        page.mouse.up()
        page.mouse.move(box["x"] + 3 * step, box["y"] + 80)
        check(page)
    context.close()


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, make())
    names = ["The model has read", *SLIDERS.values(), "The model's own probabilities"]
    assert live.reached(page, 7) == [*names, "In numbers"]


def test_two_figures_keep_their_settings_apart(page):
    live.mount(page, make(), make())
    live.focus(page, SLIDERS["temperature"])
    page.keyboard.press("Home")
    live.settle(page)
    settings = page.locator("table.live-bars").evaluate_all(
        "all => all.map(one => JSON.parse(one.dataset.settings).temperature)"
    )
    assert settings == [0.1, 1]


def test_spanish(page):
    live.mount(page, make(language="es"))
    text = page.locator("main").inner_text()
    for words in ("El modelo ha leído", "Temperatura", "todos", "Con estos ajustes", "otros 10"):
        assert words in text
    assert "keep" not in text


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    one = NextToken(["A long beginning of a story, " * 8], LOGITS[:1], TOKENS, language=language)
    live.mount(page, one, theme=theme, width=width)
    live.assert_accessible(page)
    live.focus(page, live.words(page, "next_token", language)["topK"])
    page.keyboard.press("Home")
    assert live.violations(page) == []


def test_fallback_shows_the_prefix_that_the_figure_opens_with(page, page_without_scripts):
    live.mount(page, make())
    prefix = page.locator("select").evaluate("(one) => one.selectedIndex")
    rows = np.array([expected(i, OWN) for i in range(len(make().prefixes))])
    doubts = -(rows * np.log(rows)).sum(-1)
    assert prefix == doubts.argmax()
    without = page_without_scripts
    without.set_content(live.html_page(make(), scripts=False))
    shown = without.locator(".live-fallback tbody tr").all_inner_texts()
    own = np.sort(rows[prefix])[::-1]
    assert [row.split("\t")[1] for row in shown] == [
        *(f"{prob:.3f}" for prob in own[:10]),
        f"{own[10:].sum():.3f}",
    ]
    assert make().prefixes[prefix] in without.locator("caption").inner_text()
    certain = NextToken(["a", "b"], [[50, 0], [0, 50]], [b"x", b"y"])  # of equals the first
    assert "after “a”" in certain.to_html()


@pytest.mark.parametrize("text", ["</script><b>", "<!--<script>", "\"&quot;'", "🦊\u2028"])
def test_html_holds_any_text(page, text):
    one = NextToken([text], [[1, 2]], [text.encode(), b"b"])
    found = live.Props(one.to_html())
    assert json.loads(found.scripts[0]) == one.props
    assert "b" not in found.tags
    live.mount(page, one)
    assert page.locator("option").text_content() == text


def test_outputs_are_deterministic_and_short():
    one, other = make(), make()
    assert one.to_html() == other.to_html()
    assert repr(one) == "NextToken(2 prefixes, 20 tokens, language='en')"
    assert set(one.props) == {"language", "logits", "prefixes", "tokens"}
    tensor = NextToken(["a"], torch.tensor([[1.23456, -0.00001]]), [b"a", b"b"])
    assert '"logits":[[1.235,0.0]]' in tensor.to_html()
    large = NextToken(["a"] * 4, np.random.default_rng(0).normal(size=(4, 1024)), [b"abcd"] * 1024)
    assert len(large.to_html()) < 60_000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NextToken([], [[1]], [b"a"]), r"sequence of prefixes, got \[\]"),
        (lambda: NextToken("a", [[1]], [b"a"]), "sequence of prefixes, got 'a'"),
        (lambda: NextToken([""], [[1]], [b"a"]), "at least one character"),
        (lambda: NextToken(["a"], [[1]], ["a"]), r"tokens as bytes, got \['a'\]"),
        (lambda: NextToken(["a"], [[1, 2]], [b"a"]), r"shape \(1, 1\).*got \(1, 2\)"),
        (lambda: NextToken(["a", "b"], [[1]], [b"a"]), r"shape \(2, 1\)"),
        (lambda: NextToken(["a"], [[]], []), r"1 to 20000 numbers"),
        (lambda: NextToken(["a"], np.zeros((1, 20_001)), [b"a"] * 20_001), "1 to 20000 numbers"),
        (lambda: NextToken(["a"], [["x"]], [b"a"]), r"numbers \(N, V\)"),
        (lambda: NextToken(["a"], [[math.nan]], [b"a"]), "finite logits, got nan"),
        (lambda: NextToken(["a"], [[1]], [b"a"], language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
