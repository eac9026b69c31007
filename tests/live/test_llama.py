"""The rotary clock in a real browser, driven by the keyboard: the turns of the library."""

import json
import math

import numpy as np
import pytest
import torch

from lessons_lib.live import RotaryClock
from lessons_lib.live.figure import decimal, plain
from lessons_lib.llama import rotate_half, rotation_speeds
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

Q = [1.0, 0.5, -0.4, 0.8, 0.2, 1.0, 0.7, -0.3]
K = [0.6, 1.0, 0.3, 0.5, 0.8, -0.2, 0.9, 0.4]
M, N = "Position m of the query", "Position n of the key"
BOTH, BASE = "Move both one place on", "Base of the speeds"
DISTANCE = "n\N{NO-BREAK SPACE}−\N{NO-BREAK SPACE}m"  # in one piece


def make(**options):
    return RotaryClock(Q, K, **{"m": 3, "n": 9, **options})


def shown(page):
    live.settle(page)
    return json.loads(page.locator("table.live-turns").get_attribute("data-numbers"))


def check(page, m, n, base=10000.0, pair=0, q=Q, k=K):
    """Compare all that the figure shows with the library."""
    found = shown(page)
    assert (found["m"], found["n"], found["pair"]) == (m, n, pair)
    assert found["base"] == base
    # The library's speeds are of 32 bits, the figure's of 64.
    speeds = torch.tensor(found["speeds"], dtype=torch.float64)
    np.testing.assert_allclose(speeds, rotation_speeds(len(q), base), rtol=1e-6)
    turned = {}
    for name, x, place in (("q", q, m), ("k", k, n)):
        turned[name] = rotate_half(torch.tensor(x, dtype=torch.float64)[None], place * speeds[None])
        np.testing.assert_allclose(found[name], turned[name][0], rtol=0, atol=1e-6)
    product = float((turned["q"] * turned["k"]).sum())
    assert found["product"] == pytest.approx(product, abs=1e-6)
    status = page.get_by_role("status").inner_text()
    distance = f"{DISTANCE}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{plain(n - m, 'en')}"
    assert status.startswith(
        f"{distance}: the product of all pairs is {decimal(product, 3, 'en')}. "
    )

    half = len(q) // 2
    a, b = (turned[name][0].numpy() for name in "qk")
    rows = live.texts(page, "table.live-turns tbody tr")
    products = a[:half] * b[:half] + a[half:] * b[half:]
    assert rows == [
        *(
            [str(i), *(decimal(float(x), 3, "en") for x in numbers)]
            for i, numbers in enumerate(zip(speeds, m * speeds, n * speeds, products, strict=True))
        ),
        ["all", "", "", "", decimal(product, 3, "en")],
    ]
    chosen = page.locator("table.live-turns tr").evaluate_all(
        "rows => rows.flatMap((row, i) => row.className ? [i - 1] : [])"
    )
    assert chosen == [pair]

    hands = page.locator(f".live-clock[data-pair='{pair}'] line.live-hand").evaluate_all(
        "all => all.map(one => ['x2', 'y2'].map(name => Number(one.getAttribute(name))))"
    )
    angles = [math.atan2(-y, x) for x, y in hands]
    for angle, x in zip(angles, (a, b), strict=True):
        expected = math.atan2(x[half + pair], x[pair])
        assert math.cos(angle - expected) == pytest.approx(1, abs=1e-9)
    lengths = [math.hypot(x, y) for x, y in hands]
    both = [math.hypot(x[pair], x[half + pair]) for x in (a, b)]
    np.testing.assert_allclose(lengths, 100 * np.array(both) / max(both), atol=1e-6)
    degrees = [int((math.degrees(angle) + 360.5) // 1) % 360 for angle in angles]
    label = page.locator("svg.live-clocks").get_attribute("aria-label")
    assert label == (
        f"Clock: the query's hand at {degrees[0]} degrees, the key's at {degrees[1]} degrees"
    )
    check_all_clocks(page, pair, a, b)
    check_curve(page, n - m, speeds.numpy(), q, k, pair)
    return found["product"]


def check_all_clocks(page, pair, a, b):
    """A clock for each pair, one framed; every hand where the library turns it."""
    half = len(a) // 2
    clocks = page.locator(".live-clock")
    kinds = clocks.evaluate_all("all => all.map(one => one.classList.contains('live-chosen'))")
    assert kinds == [i == pair for i in range(half)]
    for i, clock in enumerate(clocks.all()):
        ends = clock.locator(".live-hand").evaluate_all(
            "all => all.map(one => ['x2', 'y2'].map(name => Number(one.getAttribute(name))))"
        )
        for (x, y), turned in zip(ends, (a, b), strict=True):
            angle = math.atan2(turned[half + i], turned[i])
            assert math.cos(math.atan2(-y, x) - angle) == pytest.approx(1, abs=1e-9)


def check_curve(page, distance, speeds, q, k, pair):
    """The curve has the library's product at every distance, the dot the one of n - m."""
    lines = page.locator(".live-clocks polyline").evaluate_all(
        "all => all.map(one => one.getAttribute('points').split(' ').map("
        "pair => Number(pair.split(',')[1])))"
    )
    places = torch.arange(-63, 63.5, 0.5, dtype=torch.float64)[:, None]
    query, key = (torch.tensor(x, dtype=torch.float64)[None] for x in (q, k))
    products = query * rotate_half(key.expand(len(places), -1), places * torch.tensor(speeds)[None])
    half = len(q) // 2
    pairs = (products[:, :half] + products[:, half:]).numpy()
    zero = float(page.locator(".live-clocks .live-axis").get_attribute("y1"))
    part, whole = (zero - np.array(line) for line in lines)
    drawn, expected = np.array([part, whole]), np.array([pairs[:, pair], pairs.sum(1)])
    unit = abs(drawn).max() / abs(expected).max()
    np.testing.assert_allclose(drawn, unit * expected, atol=1e-4 * unit)
    dot = zero - float(page.locator(".live-clocks .live-dot").get_attribute("cy"))
    assert dot == pytest.approx(drawn[1][2 * (distance + 63)], abs=1e-6)


def test_hands_are_dragged_by_whole_positions(page):
    live.mount(page, make())

    def on_clock(pair, angle, length=0.6):
        box = page.locator(f".live-clock[data-pair='{pair}'] circle").bounding_box()
        radius = length * box["width"] / 2
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        return x + radius * math.cos(angle), y - radius * math.sin(angle)

    query = math.atan2(Q[4], Q[0]) + 3  # of the first pair, at position 3
    live.drag(page, on_clock(0, query), *(on_clock(0, query + step) for step in (1, 2.1)))
    check(page, 5, 9)
    key = math.atan2(K[5], K[1]) + 0.9  # of the second pair: 0.1 radians per position
    live.drag(page, on_clock(1, key), on_clock(1, key - 0.28))
    check(page, 5, 6, pair=1)
    live.drag(page, on_clock(1, key - 0.3), on_clock(1, key + 1.5), on_clock(1, key + 3))
    check(page, 5, 39, pair=1)


def test_the_dot_is_dragged_along_the_curve(page):
    live.mount(page, make())
    box = page.locator(".live-clocks").bounding_box()

    def at(distance):
        return box["x"] + box["width"] * (0.5 + 0.49 * distance / 63), box["y"] + box["height"] - 60

    live.drag(page, at(6), at(20))
    check(page, 3, 23)
    live.drag(page, at(20), at(-30))
    check(page, 30, 0)
    live.drag(page, at(-30), at(63.8))
    check(page, 0, 63)


def test_a_finger_drags_the_dot(browser):
    context = browser.new_context(has_touch=True)
    page = context.new_page()
    live.mount(page, make(), width=390)
    width = page.locator(".live-clocks").bounding_box()["width"]
    start = (22, 40)
    live.drag_by_touch(page, start, (22 + 10 * width * 0.49 / 63, 40), ".live-handle")
    check(page, 3, 19)
    context.close()


def test_turns_are_the_library_s_at_first(page):
    live.mount(page, make())
    check(page, 3, 9)


def test_positions_by_keyboard(page):
    live.mount(page, make())
    live.focus(page, M)
    for key, m in [("ArrowRight", 4), ("ArrowLeft", 3), ("End", 63), ("Home", 0)]:
        page.keyboard.press(key)
        check(page, m, 9)
    live.focus(page, N)
    for key, n in [("End", 63), ("Home", 0), ("ArrowUp", 1)]:
        page.keyboard.press(key)
        check(page, 0, n)
    assert page.locator(".live-place").all_inner_texts() == ["0", "1", "10,000"]
    slider = page.get_by_role("slider").nth(1)
    assert slider.get_attribute("aria-valuetext") == "1"


def test_the_product_stays_when_both_move(page):
    live.mount(page, make(m=50, n=58))
    before = check(page, 50, 58)
    live.press(page, BOTH)
    assert check(page, 51, 59) == pytest.approx(before, abs=1e-9)
    live.press(page, BOTH, 4, key="Space")
    assert check(page, 55, 63) == pytest.approx(before, abs=1e-9)
    button = page.get_by_role("button", name=BOTH)
    assert button.get_attribute("aria-disabled") == "true"
    live.press(page, BOTH)  # nothing further on: nothing happens
    check(page, 55, 63)
    live.focus(page, M)
    page.keyboard.press("ArrowLeft")
    assert check(page, 54, 63) != pytest.approx(before, abs=0.05)


def test_pairs_by_keyboard(page):
    live.mount(page, make(base=100.0))
    assert page.locator("option").all_text_contents() == [
        f"pair {i}: {speed:.3f} radians per position"
        for i, speed in enumerate(rotation_speeds(8, 100.0).tolist())
    ]
    live.press(page, BOTH)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    for pair in (1, 2, 3):
        page.keyboard.press("ArrowDown")
        check(page, 4, 10, 100.0, pair)


def test_base_by_keyboard(page):
    live.mount(page, make())
    live.focus(page, BASE)
    for key, base in [
        ("ArrowRight", 12600.0),
        ("ArrowLeft", 10000.0),
        ("Home", 2.0),
        ("ArrowRight", 2.51),
        ("End", 10_000_000.0),
    ]:
        page.keyboard.press(key)
        check(page, 3, 9, base)


def test_a_base_between_two_steps_stays_until_moved(page):
    live.mount(page, make(base=500_000.0))
    live.focus(page, M)
    page.keyboard.press("ArrowRight")
    check(page, 4, 9, 500_000.0)


def test_one_pair_and_zeros(page):
    live.mount(page, RotaryClock([0, 0], [3, 4], 1, 2))
    found = shown(page)
    assert found["product"] == 0
    assert found["speeds"] == [1]
    assert page.locator("line.live-hand").first.get_attribute("x2") in ("0", "-0")


def test_random_heads(page):
    """The module's own functions."""
    live.internals(page, "rotary_clock", "rotationSpeeds", "rotateHalf")
    generator = torch.Generator().manual_seed(0)
    for width in (2, 6, 64, 128):
        x = torch.randn(width, generator=generator, dtype=torch.float64)
        speeds = page.evaluate("([k, base]) => inside.rotationSpeeds(k, base)", [width, 5e5])
        np.testing.assert_allclose(speeds, rotation_speeds(width, 5e5), rtol=1e-6)
        angles = 1000 * torch.tensor(speeds, dtype=torch.float64)
        found = page.evaluate("([x, a]) => inside.rotateHalf(x, a)", [x.tolist(), angles.tolist()])
        np.testing.assert_allclose(found, rotate_half(x[None], angles[None])[0], atol=1e-6)


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, make())
    assert live.reached(page, 6) == [M, N, BOTH, "Pair in the frame", BASE, "In numbers"]


def test_spanish(page):
    live.mount(page, make(language="es"))
    text = page.locator("main").inner_text()
    for words in (
        "Posición m de la consulta",
        "Base de las velocidades",
        f"Solo depende de {DISTANCE}",
    ):
        assert words in text
    assert "query" not in text
    assert "consulta" in page.locator("svg.live-clocks").get_attribute("aria-label")


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    one = make(m=63, language=language)  # with the button at its end
    live.mount(page, one, theme=theme, width=width)
    live.assert_accessible(page)
    ink = page.locator("line.live-hand").evaluate_all(
        "all => all.map(one => getComputedStyle(one).stroke)"
    )
    assert ink[0] != ink[1]
    assert "none" not in ink


def test_fallback_says_that_only_the_distance_counts(page_without_scripts):
    page = page_without_scripts
    page.set_content(live.html_page(make(), scripts=False))
    rows = page.locator(".live-fallback tbody tr").all_inner_texts()
    assert len(rows) >= 6
    seen = {}
    speeds = rotation_speeds(8, 10000.0).double()[None]
    q, k = (torch.tensor(x, dtype=torch.float64)[None] for x in (Q, K))
    for row in rows:
        m, n, distance, product = map(live.number, row.split("\t"))
        turned = rotate_half(q, m * speeds) * rotate_half(k, n * speeds)
        assert product == pytest.approx(float(turned.sum()), abs=6e-4)
        assert distance == n - m
        assert seen.setdefault(distance, product) == product
    assert len(seen) >= 3


def test_outputs_are_deterministic_and_short():
    one, other = make(), make()
    assert one.to_html() == other.to_html()
    assert repr(one) == "RotaryClock(8 numbers, m=3, n=9, base=10000, language='en')"
    assert set(one.props) == {"base", "k", "language", "m", "n", "q"}
    assert RotaryClock(torch.tensor([1.0, 2.0]), np.array([3, 4])).props["k"] == [3.0, 4.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RotaryClock([], []), "even number of numbers up to 16.*got 0 and 0"),
        (lambda: RotaryClock([1], [1]), "got 1 and 1"),
        (lambda: RotaryClock([1, 2], [1, 2, 3, 4]), "got 2 and 4"),
        (lambda: RotaryClock([1] * 18, [1] * 18), "got 18 and 18"),
        (lambda: RotaryClock(3, [1, 2]), "numbers in q, got 3"),
        (lambda: RotaryClock([1, 2], ["x", 2]), "numbers in k"),
        (lambda: RotaryClock([1, math.nan], [1, 2]), "finite numbers in q"),
        (lambda: RotaryClock([1, 2], [1, math.inf]), "finite numbers in k"),
        (lambda: make(m=64), "m from 0 to 63, got 64"),
        (lambda: make(n=-1), "n to be an integer of at least 0, got -1"),
        (lambda: make(m=1.5), "m to be an integer"),
        (lambda: make(base=1.5), "base from 2 to 10,000,000, got 1.5"),
        (lambda: make(base=math.nan), "base from 2"),
        (lambda: make(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
