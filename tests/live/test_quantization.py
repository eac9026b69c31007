"""The quantizer in a real browser, driven by the keyboard: the bytes and numbers of the library."""

import json
import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from lessons_lib.live import Quantizer
from lessons_lib.live.quantizer import TYPES
from lessons_lib.quantization import FORMATS, dequantize, quantize, rmse
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures
number = live.number

OUTLIER = "Outlier: the first weight, multiplied by"
FORMULAS = {"Q8_0": "d q", "Q5_0": "d (q − 16)", "Q4_1": "d q + m", "Q4_0": "d (q − 8)"}
LEVELS = {
    "Q8_0": range(-127, 128),
    "Q5_0": range(-16, 16),
    "Q4_1": range(16),
    "Q4_0": range(-8, 8),
}
HOLDS = {"d": "scale, 16 bits", "m": "minimum, 16 bits", "qh": "1 bit of each level"}
RNG = np.random.default_rng(5)
WEIGHTS = RNG.normal(size=32).astype(np.float32)


def block(outlier=1, weights=WEIGHTS):
    x = np.array(weights, np.float32)
    x[0] = x[0] * np.float32(outlier)
    return x


def check(page, type="Q4_0", outlier=1, weights=WEIGHTS):
    """Compare all that the figure shows with the library."""
    x, format = block(outlier, weights), FORMATS[type]
    data = quantize(x, type)
    stored, landed = data.view(format.layout)[0], dequantize(data, type, x.shape)
    fields = stored.dtype.names

    found = json.loads(page.locator("table.live-numbers").get_attribute("data-block"))
    assert (found["type"], found["outlier"]) == (type, outlier)
    assert page.locator("input:checked").evaluate("one => one.labels[0].textContent") == type
    slider = page.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == slider.input_value() == str(outlier)
    assert page.locator(".live-place").inner_text() == str(outlier)
    np.testing.assert_array_equal(found["x"], x.astype(float))
    np.testing.assert_array_equal(found["decoded"], landed.astype(float))
    assert found["d"] == stored["d"].item()
    assert found["m"] == (stored["m"].item() if "m" in fields else 0)
    error = rmse(x, landed)
    assert found["rmse"] == pytest.approx(error, rel=1e-12)  # NumPy adds in another order

    rows = live.texts(page, "table.live-bytes tbody tr")
    bits = 8 if type == "Q8_0" else 4
    holds = HOLDS | {"qs": f"{bits} bits of each level"}
    assert [row[:2] for row in rows] == [[name, holds[name]] for name in fields]
    assert [row[2] for row in rows] == [stored[name].tobytes().hex(" ") for name in fields]
    assert bytes.fromhex("".join(row[2] for row in rows)) == data.tobytes()
    title = page.locator("table.live-bytes caption").inner_text()
    assert title == f"The block as stored: {format.bytes_per_block} bytes"

    short = {"rel": 5.01e-4, "abs": 0}  # four digits
    expected = {"Decoded as": FORMULAS[type], "Scale d": stored["d"].item()}
    if "m" in fields:
        expected["Minimum m"] = stored["m"].item()
    expected |= {"Bits per weight": format.bits_per_weight, "Root mean square error": error}
    names, values = (page.locator(f"dl {tag}").all_inner_texts() for tag in ("dt", "dd"))
    shown = dict(zip(names, values, strict=True))
    assert list(shown) == list(expected)
    for name, value in expected.items():
        if isinstance(value, str):
            assert shown[name] == value
        else:
            assert number(shown[name]) == pytest.approx(value, **short)

    names, *lines = zip(*live.texts(page, "table.live-numbers tbody tr"), strict=True)
    assert names == ("Weight", "Level q", "Decoded", "Difference")
    lines = np.array([[number(text) for text in line] for line in lines]).T
    d, m = (float(found[name]) for name in "dm")
    zero = {"Q5_0": 16, "Q4_0": 8}.get(type, 0)
    assert lines[1].tolist() == found["levels"]
    np.testing.assert_array_equal(np.float32((lines[1] - zero) * d + m), landed)
    for line, exact in zip(lines[[0, 2, 3]], (x, landed, landed.astype(float) - x), strict=True):
        assert line == pytest.approx(exact.astype(float), **short)
    used = len(set(found["levels"][1:]))
    assert used == len(set(landed[1:].tolist())) or d == 0
    status = page.get_by_role("status").inner_text()
    assert (
        re.fullmatch(
            rf"{type}: the 31 other weights share {used} of {len(LEVELS[type])} levels. "
            r"Root mean square error: (.*)\.",
            status,
        )[1]
        == shown["Root mean square error"]
    )

    check_picture(page, x, landed, type, d, m)
    return found


def check_picture(page, x, landed, type, d, m):
    values = [d * level + m for level in LEVELS[type]]
    top, bottom = max(*x, *values, 0), min(*x, *values, 0)
    ends = page.locator(".live-landing > div span").all_inner_texts()
    assert [number(end) for end in ends] == pytest.approx([top, bottom], rel=5.01e-4)

    def height(numbers):
        return 8 + 184 * (top - np.asarray(numbers, float)) / ((top - bottom) or 1)

    def drawn(selector, *names):
        return page.locator(f".live-landing {selector}").evaluate_all(
            "(all, names) => all.map(one => names.map(name => Number(one.getAttribute(name))))",
            names,
        )

    columns = 10.0 + 10 * np.arange(32)
    close = {"atol": 1e-3}  # a thousandth of a unit: nothing to be seen
    rings, bars = drawn("circle", "cx", "cy"), drawn(".live-landed", "x1", "x2", "y1", "y2")
    np.testing.assert_allclose(rings, np.stack([columns, height(x)], 1), **close)
    y = height(landed)
    np.testing.assert_allclose(bars, np.stack([columns - 4, columns + 4, y, y], 1), **close)
    errors = drawn(".live-off", "x1", "x2", "y1", "y2")
    np.testing.assert_allclose(errors, np.stack([columns, columns, height(x), y], 1), **close)
    levels = drawn(".live-level", "y1", "y2")
    expected = [] if type == "Q8_0" else [[y, y] for y in height(values)]
    np.testing.assert_allclose(levels, expected, **close)
    np.testing.assert_allclose(drawn(".live-zero", "y1", "y2"), [[height(0)] * 2], **close)


def test_at_first(page):
    live.mount(page, Quantizer())
    own = np.array(Quantizer().weights)
    check(page, weights=own)
    assert page.locator("table.live-numbers thead th").all_text_contents() == [
        "Index",
        *map(str, range(32)),
    ]
    assert page.locator("fieldset label").all_text_contents() == list(TYPES)
    edges = [
        page.locator(f"table.live-numbers {row} > *").evaluate_all(
            "cells => cells.map((one) => one.getBoundingClientRect().x)"
        )
        for row in ("thead tr", "tbody tr:first-child")
    ]
    assert edges[0] == edges[1], "each index stands above its weight"


def test_every_place_of_the_slider_in_every_format_by_keyboard(page):
    live.mount(page, Quantizer(WEIGHTS))
    errors = {}
    for before, type in pairwise(["Q4_0", *TYPES]):  # from the last around to the first
        live.press(page, before, key="ArrowRight")
        live.focus(page, OUTLIER)
        page.keyboard.press("Home")
        for outlier in range(1, 21):
            errors[type, outlier] = check(page, type, outlier)["rmse"]
            page.keyboard.press("ArrowRight")
        check(page, type, 20)  # there is no further place
    for type in TYPES:
        assert errors[type, 20] > 3 * errors[type, 1]  # an outlier makes all others coarse
    assert errors["Q8_0", 20] < errors["Q5_0", 20] < errors["Q4_0", 20]


@pytest.mark.parametrize(
    "weights",
    [
        np.zeros(32),
        -np.zeros(32),
        np.full(32, 0.3),
        np.abs(WEIGHTS) + 7,
        -np.abs(WEIGHTS),
        50 * WEIGHTS * np.linspace(0, 1, 32) ** 8,
        1e-7 * WEIGHTS,
        1e-42 * WEIGHTS.astype(float),
        np.linspace(-1000, 1000, 32),
    ],
    ids=["0", "-0", "constant", "above", "below", "heavy", "small", "subnormal", "widest"],
)
def test_other_weights(page, weights):
    weights = weights.astype(np.float32)
    live.mount(page, Quantizer(weights, "Q8_0", 20))
    check(page, "Q8_0", 20, weights)
    for before, type in pairwise(TYPES):
        live.press(page, before, key="ArrowRight")
        check(page, type, 20, weights)


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, Quantizer())
    assert live.reached(page, 3) == ["Q4_0", OUTLIER, "live-scroll"]


def test_two_figures_keep_their_settings_apart(page):
    live.mount(page, Quantizer(), Quantizer(type="Q8_0", outlier=4))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    settings = page.locator("table.live-numbers").evaluate_all(
        "all => all.map(one => JSON.parse(one.dataset.block)).map(one => [one.type, one.outlier])"
    )
    assert settings == [["Q4_1", 20], ["Q8_0", 4]]


def test_spanish(page):
    live.mount(page, Quantizer(language="es", type="Q5_0"))
    text = page.locator("main").inner_text()
    for words in ("Valor atípico", "Escala d", "Bits por peso", "1 bit de cada", "Peso a peso"):
        assert words in text
    assert "weight" not in text.lower()
    assert "dónde caen en Q5_0" in page.locator(".live-landing svg").get_attribute("aria-label")


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    one = Quantizer(1e-7 * WEIGHTS, "Q8_0", 20, language)  # with the longest numbers and bytes
    live.mount(page, one, theme=theme, width=width)
    for _ in TYPES:
        live.assert_accessible(page)
        live.focus(page, page.locator("input:checked").evaluate("one => one.labels[0].textContent"))
        page.keyboard.press("ArrowRight")
    # not by colour alone: the weights are rings, and what they land on is a line of another width
    ground, widths = page.locator(".live-landing").evaluate(
        """box => {
            const style = (kind) => getComputedStyle(box.querySelector(kind));
            const lines = [".live-landed", ".live-off", ".live-zero"];
            return [style("circle").fill, lines.map((kind) => style(kind).strokeWidth)];
        }"""
    )
    assert ground == page.locator(".live-landing svg").evaluate(
        "one => getComputedStyle(one).backgroundColor"
    )
    assert widths == ["2px", "1px", "1px"]


@pytest.mark.parametrize("type", TYPES)
def test_fallback_shows_the_first_state(page_without_scripts, type):
    page = page_without_scripts
    page.set_content(live.html_page(Quantizer(WEIGHTS, type, 3), scripts=False))
    x, format = block(3), FORMATS[type]
    data = quantize(x, type)
    stored, landed = data.view(format.layout)[0], dequantize(data, type, x.shape)
    summary, weights = page.locator(".live-fallback table").all()
    assert summary.locator("caption").inner_text() == (
        f"A block of 32 weights in {type}, the first multiplied by 3"
    )
    shown = dict(row.split("\t") for row in summary.locator("tbody tr").all_inner_texts())
    assert bytes.fromhex(shown["Bytes"]) == data.tobytes()
    assert number(shown["Scale d"]) == pytest.approx(stored["d"].item(), rel=5.01e-4)
    assert ("Minimum m" in shown) == (type == "Q4_1")
    if type == "Q4_1":
        assert number(shown["Minimum m"]) == pytest.approx(stored["m"].item(), rel=5.01e-4)
    assert number(shown["Bits per weight"]) == format.bits_per_weight
    assert number(shown["Root mean square error"]) == pytest.approx(rmse(x, landed), rel=5.01e-4)
    pairs = [text.split(" → ") for text in weights.locator("td").all_inner_texts()]
    before, after = np.array([[number(one) for one in pair] for pair in pairs]).T
    assert before == pytest.approx(x.astype(float), rel=5.01e-4)
    assert after == pytest.approx(landed.astype(float), rel=5.01e-4)
    assert weights.locator("tbody th").all_inner_texts()[:2] == ["0–3", "4–7"]


def test_outputs_are_deterministic_and_short():
    assert Quantizer().to_html() == Quantizer().to_html()
    assert len(Quantizer().to_html()) < 4000
    assert repr(Quantizer(WEIGHTS, "Q8_0", 2)) == (
        "Quantizer(32 weights, type='Q8_0', outlier=2, language='en')"
    )
    assert set(Quantizer().props) == {"language", "outlier", "type", "weights"}
    for same in (WEIGHTS.tolist(), torch.tensor(WEIGHTS), WEIGHTS.astype(float)):
        assert Quantizer(same).props["weights"] == WEIGHTS.tolist()
    third = Quantizer(np.full(32, 1 / 3)).props["weights"]
    assert third == [np.float32(1 / 3).item()] * 32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Quantizer("abc"), "expected 32 numbers, got 'abc'"),
        (lambda: Quantizer([[1], [1, 2]]), "expected 32 numbers, got"),
        (lambda: Quantizer([1.0] * 31), r"expected 32 numbers, got shape \(31,\)"),
        (lambda: Quantizer(np.ones((1, 32))), r"got shape \(1, 32\)"),
        (lambda: Quantizer([math.nan] * 32), "from -1000 to 1000, got nan"),
        (lambda: Quantizer([0.0] * 31 + [-1001]), "from -1000 to 1000, got -1001"),
        (lambda: Quantizer([0.0] * 31 + [math.inf]), "from -1000 to 1000, got inf"),
        (lambda: Quantizer(type="Q4_K"), "one of Q8_0, Q5_0, Q4_1, Q4_0, got 'Q4_K'"),
        (lambda: Quantizer(outlier=0), "at least 1, got 0"),
        (lambda: Quantizer(outlier=21), "an outlier from 1 to 20, got 21"),
        (lambda: Quantizer(outlier=1.5), "integer"),
        (lambda: Quantizer(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
