"""The block calculator in a real browser, driven by the keyboard: the library's exact numbers."""

import json

import numpy as np
import pytest
import torch

from lessons_lib.attention import MultiHeadAttention
from lessons_lib.block import Block, FeedForward, LayerNorm, block_flops, count_parameters
from lessons_lib.live import BlockCalculator
from lessons_lib.live.block_calculator import WIDTHS
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

SLIDERS = {
    "width": "Width D",
    "ratio": "Inner width of feed-forward, F\xa0/\xa0D",
    "tokens": "Length of the text T, in tokens",
    "layers": "Layers",
}


def expected_parameters(d_model, ratio, n_layers):
    """Parameters by part, of layers that exist in name only and take no memory."""
    with torch.device("meta"):
        block = Block(
            LayerNorm(d_model),
            MultiHeadAttention(d_model, 1),
            LayerNorm(d_model),
            FeedForward(d_model, int(ratio * d_model)),
        )
    parts = {
        "tables": n_layers * count_parameters(block.attention),
        "feed": n_layers * count_parameters(block.feed_forward),
        "norms": 2 * n_layers * count_parameters(block.feed_norm),
    }
    return {**parts, "total": n_layers * count_parameters(block)}


def shown(page, kind):
    live.settle(page)
    rows = page.locator(f"table[data-kind={kind}] tbody tr")
    found = rows.evaluate_all(
        "rows => rows.map(row => [row.dataset.part, row.dataset.number, "
        "row.cells[2].textContent.replace(/\\D/g, '')])"
    )
    assert all(number == written for _, number, written in found)
    return {part: int(number) for part, number, _ in found}


def assert_shows(page, d_model, ratio, n_tokens, n_layers):
    parameters, flops = shown(page, "parameters"), shown(page, "flops")
    assert parameters == expected_parameters(d_model, ratio, n_layers)
    total = n_layers * block_flops(n_tokens, d_model, int(ratio * d_model))
    assert flops["total"] == total == sum(flops.values()) - total
    assert flops["scores"] == n_layers * 4 * n_tokens**2 * d_model
    assert flops["feed"] == n_layers * 4 * n_tokens * d_model * int(ratio * d_model)
    status = page.locator(".live-status").inner_text()
    quotient = total / parameters["total"] / n_tokens
    assert status == (
        f"{parameters['total']:,} parameters, {total:,} FLOPs. "
        f"That is {quotient:.2f} FLOPs per parameter and token."
    )
    check_drawing(page, d_model, ratio, n_tokens, {"parameters": parameters, "flops": flops})


def boxes(page, selector):
    return page.locator(f".live-block {selector}").evaluate_all(
        "all => all.map(one => ['width', 'height'].map(name => Number(one.getAttribute(name))))"
    )


def check_drawing(page, d_model, ratio, n_tokens, numbers):
    """Areas as the tables' parameters, the square as long as the text, bars as the shares."""
    *tables, first, second = boxes(page, ".live-part:not(.live-qk)")
    ((length, height),) = boxes(page, ".live-part.live-qk")
    assert length == height
    assert len(tables) == 4
    if min([*first, length]) > 1.5:  # else something is too small to be drawn in scale
        unit = length / n_tokens
        assert np.allclose(tables, d_model * unit)
        assert np.allclose([first, second], [ratio * d_model * unit, d_model * unit])
    width = page.locator(".live-block").evaluate("one => one.viewBox.baseVal.width")
    shares = [
        number / parts["total"]
        for parts in numbers.values()
        for part, number in parts.items()
        if part != "total"
    ]
    bars = [wide / width for wide, _ in boxes(page, ".live-share")]
    np.testing.assert_allclose(bars, shares, atol=2e-5)


def test_dragging_the_corner_makes_the_text_longer(page):
    live.mount(page, BlockCalculator())
    for doublings in (1, -2):
        handle = page.locator(".live-block .live-handle").bounding_box()
        ((length, _),) = boxes(page, ".live-part.live-qk")
        x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + (2.0**doublings - 1) * length, y)
        page.mouse.up()
        live.settle(page)
        assert_shows(page, 768, 4, {1: 2048, -2: 512}[doublings], 12)


def test_a_finger_drags_the_corner(browser):
    context = browser.new_context(has_touch=True)
    page = context.new_page()
    live.mount(page, BlockCalculator(), width=390)
    ((length, _),) = boxes(page, ".live-part.live-qk")
    live.drag_by_touch(page, (22, 22), (22 - length / 2, 22), ".live-block .live-handle")
    assert_shows(page, 768, 4, 512, 12)
    context.close()


def test_the_numbers_follow_the_keyboard(page):
    live.mount(page, BlockCalculator())
    assert_shows(page, 768, 4, 1024, 12)
    live.focus(page, SLIDERS["width"])
    page.keyboard.press("ArrowRight")
    assert_shows(page, 1024, 4, 1024, 12)
    live.focus(page, SLIDERS["ratio"])
    page.keyboard.press("ArrowLeft")
    assert_shows(page, 1024, 3.5, 1024, 12)
    live.focus(page, SLIDERS["tokens"])
    page.keyboard.press("ArrowRight")
    assert_shows(page, 1024, 3.5, 2048, 12)
    live.focus(page, SLIDERS["layers"])
    page.keyboard.press("ArrowLeft")
    assert_shows(page, 1024, 3.5, 2048, 11)


@pytest.mark.parametrize(
    ("key", "sizes"), [("Home", (64, 1, 1, 1)), ("End", (16384, 8, 2**20, 128))]
)
def test_the_ends_of_the_sliders(page, key, sizes):
    """At the upper end the sum is far above 2**53, where doubles lose their last digits."""
    live.mount(page, BlockCalculator())
    for name in SLIDERS.values():
        live.focus(page, name)
        page.keyboard.press(key)
    assert_shows(page, *sizes)


def test_every_width_and_many_sizes(page):
    live.internals(page, "block_calculator", "costs", "sum")
    cases = [
        [width, ratio, n_tokens, n_layers]
        for i, width in enumerate(WIDTHS)
        for ratio, n_tokens, n_layers in [(1 + i % 15 / 2, 2**i, 1 + 7 * i), (2.5, 1, 3)]
    ]
    found = page.evaluate(
        """cases => cases.map((one) => Object.values(inside.costs(...one)).map(
            (parts) => String(inside.sum(parts))))""",
        cases,
    )
    for (width, ratio, n_tokens, n_layers), (parameters, flops) in zip(cases, found, strict=True):
        assert int(parameters) == expected_parameters(width, ratio, n_layers)["total"]
        assert int(flops) == n_layers * block_flops(n_tokens, width, int(ratio * width))


def test_bars_are_as_long_as_their_shares(page):
    live.mount(page, BlockCalculator())
    rows = page.locator("table[data-kind=parameters] tbody tr")
    parameters = shown(page, "parameters")
    for row, number in zip(rows.all(), parameters.values(), strict=True):
        share = 100 * number / parameters["total"]
        assert row.locator("td").first.inner_text().strip() == f"{share:.1f}\u00a0%"
        length = row.locator(".live-bar > span").evaluate("one => parseFloat(one.style.width)")
        assert length == pytest.approx(share, abs=0.06)  # one decimal


def test_shares_are_rounded_to_the_nearest_tenth(page):
    live.internals(page, "block_calculator", "percent")
    cases = [["1", "3"], ["2", "3"], ["0", "7"], ["7", "7"], ["1", "2000"], [str(2**62), "9" * 19]]
    found = page.evaluate(
        "cases => cases.map(([part, total]) => inside.percent(BigInt(part), BigInt(total)))", cases
    )
    assert found == [33.3, 66.7, 0, 100, 0.1, 46.1]


def test_sliders_say_their_values(page):
    live.mount(page, BlockCalculator(12288, 2.5, 2048, 96))
    values = page.locator("input").evaluate_all("all => all.map(one => one.ariaValueText)")
    assert values == ["12,288", "2.5", "2,048", "96"]
    assert page.locator(".live-place").all_inner_texts() == values
    assert_shows(page, 12288, 2.5, 2048, 96)


def test_spanish(page):
    live.mount(page, BlockCalculator(language="es"))
    text = page.locator("main").inner_text()
    assert "Red prealimentada" in text
    assert "85\u202f054\u202f464 parámetros" in text
    assert "66,6\u00a0%" in text
    assert "Width" not in text
    assert page.locator(".live-place").first.inner_text() == "768"


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, language, width):
    live.mount(page, BlockCalculator(16384, 8, 2**20, 128, language), theme=theme, width=width)
    live.assert_accessible(page)
    page.keyboard.press("Tab")
    assert live.violations(page) == []


def test_the_table_without_scripts():
    one = BlockCalculator(768, 4, 1024, 12)
    parts = one.parts()
    assert sum(n for n, _ in parts) == expected_parameters(768, 4, 12)["total"]
    assert sum(n for _, n in parts) == 12 * block_flops(1024, 768)
    assert parts[1][0] == parts[3][1] == 0
    html = one.to_html().replace("<wbr>", "")
    assert '<th scope="row">Together</th><td>85,054,464</td><td>212,600,881,152</td>' in html
    assert "Width D = 768, F / D = 4, 1,024 tokens, 12 layers" in html
    spanish = BlockCalculator(language="es").to_html().replace("<wbr>", "")
    assert "85\u202f054\u202f464" in spanish
    assert "1024 tokens" in spanish


def test_properties_and_repr():
    one = BlockCalculator(64, 1.5, 1, 1)
    assert set(one.props) == {"d_model", "language", "n_layers", "n_tokens", "ratio", "widths"}
    props = one.to_html().split('class="live-props">')[1].split("</script>")[0]
    assert json.loads(props) == one.props
    assert repr(one) == (
        "BlockCalculator(d_model=64, ratio=1.5, n_tokens=1, n_layers=1, language='en')"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlockCalculator(65), "d_model to be one of .* got 65"),
        (lambda: BlockCalculator(ratio=0.5), "a ratio of 1, 1.5, ..., 8, got 0.5"),
        (lambda: BlockCalculator(ratio=2.25), "got 2.25"),
        (lambda: BlockCalculator(n_tokens=0), "n_tokens to be an integer of at least 1, got 0"),
        (lambda: BlockCalculator(n_tokens=1000), "a power of 2 to 1048576, got 1000"),
        (lambda: BlockCalculator(n_tokens=2**21), "got 2097152"),
        (lambda: BlockCalculator(n_layers=0), "n_layers to be an integer of at least 1, got 0"),
        (lambda: BlockCalculator(n_layers=129), "at most 128 layers, got 129"),
        (lambda: BlockCalculator(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
