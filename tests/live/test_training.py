"""The optimizer race in a real browser, driven by the keyboard: the steps of the library."""

import json
import math

import numpy as np
import pytest
import torch

from lessons_lib.live import OptimizerRace
from lessons_lib.live.figure import decimal, scientific
from lessons_lib.training import SGD, AdamW
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

RATE, STEP = "Learning rate of all three", "Step"
NEXT, TURN = "One step", "Turn the valley by 45 degrees"
NAMES = ["SGD", "SGD with momentum 0.9", "AdamW"]
MAKE = [SGD, lambda p, lr: SGD(p, lr, momentum=0.9), AdamW]


def make(**options):
    return OptimizerRace(**{"step": 5, **options})


def height(place, steepness, turned):
    """How high the valley is; turned, its floor runs along x = y."""
    x, y = place
    u, v = ((x + y) / math.sqrt(2), (y - x) / math.sqrt(2)) if turned else (x, y)
    return (u**2 + steepness * v**2) / 2


def paths(start, steepness, turned, lr, steps):
    """Where the library's optimizers go, with the slopes of autograd."""
    if turned:  # the start turns with the valley
        x, y = start
        start = ((x - y) / math.sqrt(2), (x + y) / math.sqrt(2))
    found = []
    for make_one in MAKE:
        place = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        optimizer = make_one([place], lr)
        path = [place.tolist()]
        for _ in range(steps):
            optimizer.zero_grad()
            height(place, steepness, turned).backward()
            optimizer.step()
            path.append(place.tolist())
        found.append(path)
    return np.array(found)


def short(number):
    """What the figure writes: three decimals, or one digit and a power of ten."""
    return decimal(number, 3, "en") if abs(number) < 1000 else scientific(number, "en", 0)


def shown(page):
    live.settle(page)
    # JavaScript writes 1e20 without an exponent, which Python would read as an integer.
    return json.loads(page.locator("table.live-race").get_attribute("data-race"), parse_int=float)


def check(page, lr=0.05, step=5, turned=False, start=(-2.0, 1.0), steepness=25.0):
    """Compare all that the figure shows with the library."""
    found = shown(page)
    assert (found["lr"], found["step"]) == (lr, step)
    assert found["angle"] == pytest.approx(math.pi / 4 if turned else 0)
    expected = paths(start, steepness, turned, lr, step)
    # Both calculate with 64 bits; what runs away multiplies their differences, relative to it.
    np.testing.assert_allclose(found["paths"], expected, rtol=1e-6, atol=1e-9)
    heights = [height(path[-1], steepness, turned) for path in found["paths"]]
    np.testing.assert_allclose(found["heights"], heights, rtol=1e-9, atol=1e-12)
    rows = live.texts(page, "table.live-race tbody tr")
    for row, name, path, high in zip(rows, NAMES, found["paths"], heights, strict=True):
        assert row == [name, *map(short, (*path[-1], high))]
    best = int(np.argmin(heights))
    expected = (
        f"After step {step}, {NAMES[best]} is lowest: height {short(heights[best])}."
        if step
        else f"All three stand at height {short(heights[best])}. Take a step."
    )
    assert page.get_by_role("status").inner_text() == expected
    points = page.locator("svg.live-valley polyline").evaluate_all(
        "all => all.map(one => one.getAttribute('points').split(' ').map("
        "(pair) => pair.split(',').map(Number)))"
    )
    drawn = np.clip(found["paths"], -7.5, 7.5) * [50, -50]
    np.testing.assert_allclose(points, drawn, atol=1e-6)
    marks = page.locator("svg.live-valley circle:not(.live-ring, .live-handle)").evaluate_all(
        "all => all.map(one => ['cx', 'cy'].map(name => Number(one.getAttribute(name))))"
    )
    np.testing.assert_allclose(marks, drawn[:, -1], atol=1e-6)
    check_curves(page, lr, step, turned, start, steepness)
    return heights


def check_curves(page, lr, step, turned, start, steepness):
    """The curves of the heights beside the valley, as far as step, on their scale of powers."""
    whole = paths(start, steepness, turned, lr, 60)
    lines = page.locator("svg.live-curves polyline").evaluate_all(
        "all => all.map(one => one.getAttribute('points').split(' ').map("
        "(pair) => pair.split(',').map(Number)))"
    )
    for path, pale, run in zip(whole, lines[::2], lines[1::2], strict=True):
        assert run == pale[: step + 1]
        assert len(pale) == 61
        heights = np.array([height(place, steepness, turned) for place in path])
        powers = np.clip(np.log10(np.maximum(heights, 1e-300)), -4, 4)
        drawn = np.array(pale)[:, 1]
        # 1e-9 off in a place is a larger part of a height that is nearly nothing
        np.testing.assert_allclose(drawn, 8 + 142 * (4 - powers) / 8, atol=0.05)


def test_the_start_is_dragged_and_moved_by_keys(page):
    live.mount(page, make(step=7))
    box = page.locator("svg.live-valley").bounding_box()
    edge = 1  # the picture's line

    def at(x, y):
        wide = box["width"] - 2 * edge
        return box["x"] + edge + wide * (x / 5 + 0.5), box["y"] + edge + wide * (0.5 - y / 5)

    live.drag(page, at(-2, 1), at(1, 1.5))
    start = shown(page)["paths"][0][0]
    assert start == pytest.approx([1, 1.5], abs=0.03)
    check(page, step=7, start=tuple(start))
    live.drag(page, at(1, 1.5), at(4, 0))  # never farther than the picture
    check(page, step=7, start=tuple(shown(page)["paths"][0][0]))
    assert math.hypot(*shown(page)["paths"][0][0]) == pytest.approx(2.5, abs=0.01)
    live.mount(page, make(step=7))
    live.focus(page, "Start, along the valley")
    page.keyboard.press("ArrowRight")
    check(page, step=7, start=(-1.9, 1.0))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    check(page, step=7, start=(-1.9, 0.9))


def test_a_finger_drags_the_start(browser):
    context = browser.new_context(has_touch=True)
    page = context.new_page()
    live.mount(page, make(step=3), width=390)
    box = page.locator("svg.live-valley").bounding_box()
    unit = (box["width"] - 2) / 5
    live.drag_by_touch(page, (26, 26), (26 + unit, 26), "svg.live-valley .live-handle")
    start = shown(page)["paths"][0][0]
    assert start[1] == pytest.approx(1, abs=0.6)
    check(page, step=3, start=tuple(start))
    context.close()


def test_play_runs_to_the_end_and_pauses(page):
    live.mount(page, make(step=0))
    live.press(page, "Play")
    page.wait_for_function(
        "JSON.parse(document.querySelector('table.live-race').dataset.race).step >= 3"
    )
    live.press(page, "Pause")
    step = int(shown(page)["step"])
    assert 3 <= step < 60
    assert page.get_by_role("button", name="Play").count() == 1
    check(page, step=step)
    live.focus(page, STEP)
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    live.press(page, "Play")
    page.wait_for_function(
        "JSON.parse(document.querySelector('table.live-race').dataset.race).step === 60"
    )
    assert page.get_by_role("button", name="Play").count() == 1


def test_play_goes_straight_to_the_end_for_who_wants_no_motion(page):
    page.emulate_media(reduced_motion="reduce")
    live.mount(page, make(step=0))
    live.press(page, "Play")
    check(page, step=60)
    page.emulate_media(reduced_motion="no-preference")


def test_the_step_is_dragged_along_the_curves(page):
    live.mount(page, make(step=0))
    box = page.locator("svg.live-curves").bounding_box()
    live.drag(page, (box["x"] + 37, box["y"] + 50), (box["x"] + 36 + (box["width"] - 42) / 2, 0))
    check(page, step=30)


def test_paths_are_the_library_s_at_first(page):
    live.mount(page, make())
    check(page)


def test_steps_by_keyboard(page):
    live.mount(page, make(step=0))
    assert check(page, step=0) == [pytest.approx((4 + 25) / 2)] * 3
    live.focus(page, STEP)
    for key, step in [("ArrowRight", 1), ("End", 60), ("ArrowLeft", 59), ("Home", 0)]:
        page.keyboard.press(key)
        check(page, step=step)
    live.press(page, NEXT, 3)
    check(page, step=3)
    live.focus(page, STEP)
    page.keyboard.press("End")
    live.settle(page)
    button = page.get_by_role("button", name=NEXT)
    assert button.get_attribute("aria-disabled") == "true"
    live.press(page, NEXT, key="Space")  # nothing further on
    check(page, step=60)
    assert page.locator(".live-place").all_inner_texts()[2:] == ["0.05", "60"]


def test_rates_by_keyboard(page):
    live.mount(page, make(step=20))
    live.focus(page, RATE)
    for key, lr in [
        ("ArrowRight", 0.063),
        ("ArrowRight", 0.079),
        ("ArrowRight", 0.1),
        ("Home", 0.001),
        ("ArrowRight", 0.0013),
        ("End", 1.0),
    ]:
        page.keyboard.press(key)
        heights = check(page, lr=lr, step=20)
        # Gradient descent runs away above 2 over the steepest curve: 2 / 25.
        assert (heights[0] > 14.5) == (lr > 0.08)
    assert page.get_by_role("slider", name=RATE).get_attribute("aria-valuetext") == "1"


def test_a_rate_between_two_steps_stays_until_moved(page):
    live.mount(page, make(lr=0.07))
    live.focus(page, STEP)
    page.keyboard.press("ArrowRight")
    check(page, lr=0.07, step=6)


def test_turning_the_valley(page):
    live.mount(page, make(step=40))
    straight = check(page, step=40)
    live.focus(page, TURN)
    page.keyboard.press("Space")
    turned = check(page, step=40, turned=True)
    assert turned[:2] == pytest.approx(straight[:2], rel=1e-9)  # gradient descent does not mind
    assert turned[2] > 2 * straight[2]  # AdamW does
    rings = page.locator("svg.live-valley ellipse").evaluate_all(
        "all => all.map(one => one.getAttribute('transform'))"
    )
    assert set(rings) == {"rotate(-45)"}
    page.keyboard.press("Space")
    assert check(page, step=40) == straight


@pytest.mark.parametrize("start", [(0.0, 0.0), (2.0, -1.5)])
@pytest.mark.parametrize("steepness", [1, 100])
def test_other_valleys_and_starts(page, start, steepness):
    live.mount(page, make(start=start, steepness=steepness, step=60, lr=1))
    check(page, 1, 60, False, start, steepness)
    page.locator("input[type=checkbox]").check()
    check(page, 1, 60, True, start, steepness)


def test_rings_are_places_of_equal_height(page):
    live.mount(page, make(steepness=9))
    rings = page.locator("svg.live-valley ellipse").evaluate_all(
        "all => all.map(one => ['rx', 'ry'].map(name => Number(one.getAttribute(name)) / 50))"
    )
    for rx, ry in rings:
        assert height((rx, 0), 9, False) == pytest.approx(height((0, ry), 9, False))
    assert len({round(rx, 6) for rx, _ in rings}) == len(rings) >= 5


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, make())
    assert live.reached(page, 8) == [
        *["Start, along the valley", "Start, across the valley", "Play", NEXT, TURN, RATE, STEP],
        "In numbers",
    ]


def test_spanish(page):
    live.mount(page, make(language="es"))
    text = page.locator("main").inner_text()
    for words in ("Tasa de aprendizaje", "Girar el valle", "SGD con momento", "el más bajo es"):
        assert words in text
    assert "lowest" not in text
    assert "desde arriba" in page.locator("svg.live-valley").get_attribute("aria-label")


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    one = make(step=60, lr=1, steepness=100, language=language)  # with the longest numbers
    live.mount(page, one, theme=theme, width=width)
    live.assert_accessible(page)
    ink = page.locator("svg.live-valley polyline").evaluate_all(
        "all => all.map(one => [getComputedStyle(one).stroke, "
        "getComputedStyle(one).strokeDasharray].join())"
    )
    assert len(set(ink)) == 3


def test_fallback_tells_how_high_all_three_end(page_without_scripts):
    page = page_without_scripts
    page.set_content(live.html_page(make(), scripts=False))
    rows = page.locator(".live-fallback tbody tr").all_inner_texts()
    assert len(rows) >= 4
    for row in rows:
        lr, *heights = row.split("\t")
        ends = paths((-2.0, 1.0), 25.0, False, float(lr), 60)[:, -1]
        for written, place in zip(heights, ends, strict=True):
            expected = height(place, 25.0, False)
            unit = 0.001 if expected < 1000 else 10 ** math.floor(math.log10(expected))
            assert live.number(written) == pytest.approx(expected, abs=0.51 * unit)


def test_outputs_are_deterministic_and_short():
    one, other = make(), make()
    assert one.to_html() == other.to_html()
    assert repr(one) == ("OptimizerRace([-2.0, 1.0], steepness=25, lr=0.05, step=5, language='en')")
    assert set(one.props) == {"language", "lr", "start", "steepness", "step"}
    assert OptimizerRace(np.array([1, 2])).props["start"] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OptimizerRace(3), "two numbers in start, got 3"),
        (lambda: OptimizerRace([1, "x"]), "two numbers in start"),
        (lambda: OptimizerRace([1]), r"two numbers, at most 2.5 from \(0, 0\), got \[1.0\]"),
        (lambda: OptimizerRace([1, 2, 1]), "two numbers, at most 2.5"),
        (lambda: OptimizerRace([2, 2]), "two numbers, at most 2.5"),
        (lambda: OptimizerRace([1, math.nan]), "two numbers, at most 2.5"),
        (lambda: make(steepness=0.5), "steepness from 1 to 100, got 0.5"),
        (lambda: make(steepness=101), "steepness from 1 to 100, got 101"),
        (lambda: make(lr=0), "lr from 0.001 to 1, got 0"),
        (lambda: make(lr=math.nan), "lr from 0.001 to 1, got nan"),
        (lambda: make(step=61), "a step from 0 to 60, got 61"),
        (lambda: make(step=-1), "at least 0, got -1"),
        (lambda: make(step=1.5), "integer"),
        (lambda: make(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
