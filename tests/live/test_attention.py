"""The attention map in a real browser, driven by the keyboard: the weights of the library."""

import json
import math

import numpy as np
import pytest
import torch

from lessons_lib.attention import attention_weights, causal_mask
from lessons_lib.live import AttentionMap
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

TOKENS = ["Ana", "has", "the", "lamp", ".", "the"]
HEADS = ["first head", "second <b>", "third"]
NUMBERS = np.random.default_rng(0).normal(size=(2, 3, 6, 4)) * [[[[3]]], [[[1]]]]
TEMPERATURE = "Temperature: the scores are divided by it"
KEY, FOLD = ".", "All weights in numbers"
MASK = "Causal mask: nobody looks ahead"


def make(**options):
    return AttentionMap(TOKENS, *NUMBERS, **{"heads": HEADS, **options})


def expected(head, temperature=1.0, causal=True, numbers=NUMBERS):
    """The library's weights; queries divided by the temperature are scores divided by it."""
    q, k = (torch.tensor(one[head]) for one in numbers)
    return attention_weights(q / temperature, k, causal_mask(len(q)) if causal else None).numpy()


def shown(page):
    live.settle(page)
    data = page.locator("table.live-heat").evaluate("table => ({...table.dataset})")
    return np.array(json.loads(data["weights"])), data


def check(page, head=0, token=5, temperature=1.0, causal=True):
    weights = expected(head, temperature, causal)
    found, data = shown(page)
    # JavaScript and the library both calculate with 64 bits.
    np.testing.assert_allclose(found, weights, rtol=1e-6, atol=1e-12)
    assert data["head"] == str(head)
    assert data["token"] == str(token)
    assert float(data["temperature"]) == temperature
    assert data["causal"] == ("true" if causal else "false")
    cells = page.locator("table.live-heat tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    )
    assert cells == [
        ["–" if causal and s > t else f"{w:.2f}" for s, w in enumerate(row)]
        for t, row in enumerate(weights)
    ]
    rows = page.locator("table.live-bars tbody tr")
    assert rows.locator("th").all_text_contents() == TOKENS
    bars = rows.locator("td > span:last-child").all_text_contents()
    row = weights[token]
    assert bars == ["masked" if causal and s > token else f"{w:.3f}" for s, w in enumerate(row)]
    widths = rows.locator(".live-bar > span").evaluate_all("all => all.map(one => one.style.width)")
    assert [float(width.rstrip("%")) for width in widths] == pytest.approx(100 * row, abs=1e-3)
    heights = rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")
    assert max(heights) < 1.2 * min(heights)  # one line each, masked or not
    best = int(row.argmax())
    assert page.get_by_role("status").inner_text() == (
        f"{TOKENS[token]} attends most to {TOKENS[best]}: {row[best]:.3f}."
    )
    caption = page.locator("table.live-bars caption").text_content()
    assert caption == f"Where {TOKENS[token]} looks"
    chosen = page.locator("table.live-heat tbody tr").evaluate_all(
        "rows => rows.flatMap((row, i) => row.className ? [i] : [])"
    )
    assert chosen == [token]
    check_drawing(page, weights, token)


def check_drawing(page, weights, token):
    """Squares as large as the weights, and an arc for each weight that can be seen."""
    sizes = page.locator(".live-weight").evaluate_all(
        "all => all.map(one => ['width', 'height'].map(name => Number(one.getAttribute(name))))"
    )
    whole = page.locator(".live-field").first.evaluate(
        "one => ['width', 'height'].map(name => Number(one.getAttribute(name)))"
    )
    areas = [width * height / whole[0] / whole[1] for width, height in sizes]
    np.testing.assert_allclose(areas, weights.flatten(), atol=1e-9)
    arcs = page.locator(".live-arc").evaluate_all(
        "all => all.map(one => [Number(one.dataset.key), Number(one.getAttribute('stroke-width'))])"
    )
    seen = [[s, pytest.approx(1 + 6 * w)] for s, w in enumerate(weights[token]) if w >= 0.005]
    assert arcs == seen


def focus_select(page):
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"


def test_weights_are_the_library_s_at_first(page):
    live.mount(page, make())
    check(page)


def test_heads_by_keyboard(page):
    live.mount(page, make())
    focus_select(page)
    assert page.locator("option").all_text_contents() == HEADS
    for head in (1, 2):
        page.keyboard.press("ArrowDown")
        check(page, head)
    page.keyboard.press("Home")
    check(page, 0)


def test_tokens_by_arrow_keys(page):
    live.mount(page, make(token=2))
    check(page, token=2)
    live.focus(page, "the")
    for key, token in [("ArrowRight", 3), ("ArrowDown", 4), ("ArrowLeft", 3), ("ArrowUp", 2)]:
        page.keyboard.press(key)
        check(page, token=token)


def test_temperature_by_keyboard(page):
    live.mount(page, make(token=4))
    live.focus(page, TEMPERATURE)
    for key, temperature in [
        ("ArrowLeft", 0.75),
        ("Home", 0.25),
        ("ArrowRight", 0.5),
        ("End", 8.0),
        ("ArrowLeft", 7.75),
    ]:
        page.keyboard.press(key)
        check(page, token=4, temperature=temperature)
        assert page.locator(".live-place").inner_text() == f"{temperature:.2f}"
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == "7.75"


def test_mask_by_keyboard(page):
    live.mount(page, make(token=1))
    live.focus(page, MASK)
    page.keyboard.press("Space")
    check(page, token=1, causal=False)
    live.focus(page, TEMPERATURE)
    page.keyboard.press("ArrowRight")
    check(page, token=1, temperature=1.25, causal=False)
    live.focus(page, MASK)
    page.keyboard.press("Space")
    check(page, token=1, temperature=1.25)


def test_equal_weights_have_no_largest(page):
    live.mount(page, AttentionMap(["a", "b", "c"], np.zeros((1, 3, 2)), np.ones((1, 3, 2))))
    status = page.get_by_role("status")
    assert status.inner_text() == "c attends alike to all that it sees: 0.333 each."
    live.focus(page, "c")
    page.keyboard.press("ArrowRight")
    live.settle(page)
    assert status.inner_text() == "a attends most to a: 1.000."
    live.focus(page, MASK)
    page.keyboard.press("Space")
    live.settle(page)
    assert status.inner_text() == "a attends alike to all that it sees: 0.333 each."


def test_random_and_large_queries(page):
    """The module's own function, with scores that would overflow without care."""
    live.internals(page, "attention_map", "attentionWeights")
    rng = np.random.default_rng(4)
    for scale in (1, 100, 1e4):
        for size, width in [(1, 1), (2, 5), (9, 3)]:
            q, k = scale * rng.normal(size=(2, size, width))
            for temperature, causal in [(1, True), (0.25, False), (8, True)]:
                found = page.evaluate(
                    "([q, k, temperature, causal]) =>"
                    " inside.attentionWeights(q, k, temperature, causal)",
                    [q.tolist(), k.tolist(), temperature, causal],
                )
                weights = expected(0, temperature, causal, (q[None], k[None]))
                # At scale 10,000 scores reach 10**9, whose rounding is about 1e-7.
                np.testing.assert_allclose(found, weights, rtol=1e-6, atol=1e-6)


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, make())
    assert live.reached(page, 6) == ["Head", TEMPERATURE, MASK, "the", KEY, FOLD]


def test_two_maps_keep_their_choices_apart(page):
    live.mount(page, make(token=0), make(token=3))
    live.focus(page, "Ana")
    page.keyboard.press("ArrowRight")
    live.settle(page)
    tokens = page.locator("table.live-heat").evaluate_all(
        "all => all.map(one => one.dataset.token)"
    )
    assert tokens == ["1", "3"]


def test_spanish(page):
    live.mount(page, make(language="es"))
    text = page.locator("main").inner_text()
    for words in ("Cabeza", "Temperatura", "Máscara causal", "¿Quién mira?", "sobre todo"):
        assert words in text
    assert "attends" not in text
    page.locator(".live-tap").first.click()
    live.settle(page)
    assert "oculto" in page.locator("table.live-bars").inner_text()


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    tokens = [*TOKENS, *TOKENS]  # wider than a telephone
    q = np.eye(12)[None] * 30  # weights from 0 to 1, on every ground
    one = AttentionMap(tokens, q, q, language=language)
    live.mount(page, one, theme=theme, width=width)
    live.assert_accessible(page)
    page.locator("input[type=checkbox]").uncheck()
    live.focus(page, live.words(page, "attention_map", language)["temperature"])
    page.keyboard.press("End")
    assert live.violations(page) == []


def drawn_texts(page):
    return page.locator(".live-attention text").all_text_contents()


def test_a_tap_chooses_who_looks_and_at_whose_key(page):
    live.mount(page, make())
    words = page.locator(".live-tap[data-row='3']:not([data-column])")
    words.click()
    check(page, token=3)
    page.locator(".live-tap[data-row='4'][data-column='1']").click()
    check(page, token=4)
    assert page.locator("input[name=key]").nth(1).is_checked()
    q, k = NUMBERS[0][0][4], NUMBERS[1][0][1]
    score = f"sum {q @ k:.2f}, scaled: score {q @ k / 2:.2f}".replace("-", "−")
    weight = f"after softmax: weight {expected(0)[4, 1]:.3f}"
    shown_now = drawn_texts(page)
    assert [text for text in (score, weight) if text not in shown_now] == []
    page.locator(".live-tap[data-row='1'][data-column='5']").click()
    check(page, token=1)
    assert "the mask hides it: weight 0" in drawn_texts(page)


def test_keys_by_arrow_keys(page):
    live.mount(page, make(token=5))
    best = int(expected(0)[5].argmax())
    live.reached(page, 5)  # the group of keys comes after that of words
    assert page.locator("input[name=key]").nth(best).is_checked()
    page.keyboard.press("ArrowRight")
    live.settle(page)
    key = (best + 1) % len(TOKENS)
    assert page.locator("input[name=key]").nth(key).is_checked()
    bars = page.locator(".live-attention rect:is(.live-q, .live-k, .live-qk):not(.live-band)")
    heights = bars.evaluate_all("all => all.map(one => Number(one.getAttribute('height')))")
    q, k = NUMBERS[0][0][5], NUMBERS[1][0][key]
    for one, drawn in zip((q, k, q * k), np.reshape(heights, (3, 4)), strict=True):
        np.testing.assert_allclose(drawn, 12.5 * np.abs(one) / np.abs(one).max(), atol=1e-9)


def test_touch_chooses_a_word(browser):
    context = browser.new_context(has_touch=True)
    tab = context.new_page()
    live.mount(tab, make(), width=390)
    tab.locator(".live-tap[data-row='2']:not([data-column])").tap()
    check(tab, token=2)
    context.close()


def test_fallback_shows_the_first_head(page_without_scripts):
    page = page_without_scripts
    page.set_content(live.html_page(make(), scripts=False))
    rows = page.locator(".live-fallback tbody tr").all_inner_texts()
    assert rows == [
        "\t".join([name, *("–" if s > t else f"{w:.2f}" for s, w in enumerate(row))])
        for t, (name, row) in enumerate(zip(TOKENS, expected(0), strict=True))
    ]
    assert "first head" in page.locator("caption").inner_text()


@pytest.mark.parametrize("text", ["</script><b>", "<!--<script>", "\"&quot;'", "🦊\u2028"])
def test_html_holds_any_text(page, text):
    one = AttentionMap([text, "b"], [[[1], [2]]], [[[3], [4]]], heads=[text])
    found = live.Props(one.to_html())
    assert json.loads(found.scripts[0]) == one.props
    assert "b" not in found.tags
    live.mount(page, one)
    assert page.locator("option").text_content() == text
    assert page.locator("table.live-heat tbody th").first.text_content() == text


def test_outputs_are_deterministic_and_short():
    one, other = make(), make()
    assert one.to_html() == other.to_html()
    assert repr(one) == f"AttentionMap(6 tokens, heads={HEADS!r}, token=5, language='en')"
    assert set(one.props) == {"heads", "k", "language", "q", "token", "tokens"}
    numbers = AttentionMap(["a", "b"], [[[1.0], [2.0]]], torch.ones(1, 2, 1))
    assert '"k":[[[1],[1]]]' in numbers.to_html()
    assert numbers.heads == ["1"]
    assert numbers.token == 1


ONE = [[[1]]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AttentionMap([], ONE, ONE), "1 to 24 tokens"),
        (lambda: AttentionMap("a", ONE, ONE), "1 to 24 tokens, got 'a'"),
        (lambda: AttentionMap(["a"] * 25, ONE, ONE), "1 to 24 tokens"),
        (lambda: AttentionMap([3], ONE, ONE), r"text \(str\), got int"),
        (lambda: AttentionMap([""], ONE, ONE), "at least one character"),
        (lambda: AttentionMap(["a"], [[1]], [[1]]), r"shape \(H, 1, K\), got \(1, 1\)"),
        (lambda: AttentionMap(["a"], ONE, [[[1, 2]]]), r"got \(1, 1, 1\) and \(1, 1, 2\)"),
        (lambda: AttentionMap(["a", "b"], ONE, ONE), r"shape \(H, 2, K\)"),
        (lambda: AttentionMap(["a"], [[[]]], [[[]]]), r"got \(1, 1, 0\)"),
        (lambda: AttentionMap(["a"], [[[1, 2], [3]]], ONE), r"numbers \(H, T, K\) in q"),
        (lambda: AttentionMap(["a"], [[["x"]]], ONE), r"numbers \(H, T, K\) in q"),
        (lambda: AttentionMap(["a"], ONE, [[[math.nan]]]), "finite numbers in k, got nan"),
        (lambda: AttentionMap(["a"], [[[math.inf]]], ONE), "finite numbers in q, got inf"),
        (lambda: AttentionMap(["a"], ONE, ONE, heads=["x", "y"]), "1 names of heads"),
        (lambda: AttentionMap(["a"], ONE, ONE, heads="x"), "1 names of heads, got 'x'"),
        (lambda: AttentionMap(["a"], ONE, ONE, token=1), "a token from 0 to 0, got 1"),
        (lambda: AttentionMap(["a"], ONE, ONE, token=-1), "at least 0, got -1"),
        (lambda: AttentionMap(["a"], ONE, ONE, language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
