"""The graph walk in a real browser: the values and slopes of the library, step by step."""

import itertools
import json
import math

import pytest

from lessons_lib.gradients import Tensor
from lessons_lib.live import GraphWalk
from lessons_lib.live.figure import plain
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

STEP, NEXT, PREVIOUS = "Step", "One step", "One step back"
NAMES = ["w", "x", "p", "b", "s", "y", "d", "L"]  # from the top of the graph
MADE = {"p": "w · x", "s": "p + b", "d": "s − y", "L": "d · d"}
# What each step adds: values of p, s, d, L, then slopes; half of d's in step 6.
FORWARD = ["p", "s", "d", "L"]
BACK = [["L"], ["d"], ["d"], ["s", "y"], ["p", "b"], ["w", "x"]]


def run(given):
    """Return values and slopes of the whole graph, of the library."""
    nodes = {name: Tensor(number) for name, number in given.items()}
    nodes["p"] = nodes["w"] * nodes["x"]
    nodes["s"] = nodes["p"] + nodes["b"]
    nodes["d"] = nodes["s"] - nodes["y"]
    nodes["L"] = nodes["d"] * nodes["d"]
    nodes["L"].backward()
    values = {name: node.array.item() for name, node in nodes.items()}
    return values, {name: node.gradient.item() for name, node in nodes.items()}


def known(given, step):
    """Return values and slopes as far as they are known after so many steps."""
    values, slopes = run(given)
    seen = {"w", "x", "b", "y", *FORWARD[:step]}
    back = set(itertools.chain(*BACK[: max(step - 4, 0)]))
    slopes = {name: slope for name, slope in slopes.items() if name in back}
    if step == 6:
        slopes["d"] /= 2  # one of two equal parts
    return {name: value for name, value in values.items() if name in seen}, slopes


def check(page, step, w=2.0, x=3.0, b=-1.0, y=1.0):
    given = {"w": w, "x": x, "b": b, "y": y}
    values, slopes = known(given, step)
    found = json.loads(page.locator("table.live-walk").get_attribute("data-walk"))
    assert found == {"step": step, "values": values, "slopes": slopes}  # all exact in 64 bits

    def written(numbers, name):
        return plain(numbers[name], "en") if name in numbers else ""

    assert live.texts(page, "table.live-walk tbody tr") == [
        [name, MADE.get(name, "given"), written(values, name), written(slopes, name)]
        for name in NAMES
    ]
    drawn = page.locator("svg.live-graph g").evaluate_all(
        "all => all.map(one => [...one.querySelectorAll('text')].map(text => text.textContent))"
    )
    assert drawn == [
        [
            f"{name} = {MADE[name]}" if name in MADE else name,
            written(values, name),
            f"↑ {written(slopes, name)}" if name in slopes else "",
        ]
        for name in NAMES
    ]
    return page.get_by_role("status").inner_text()


def test_each_step_and_back_again(page):
    live.mount(page, GraphWalk())
    said = [check(page, 0)]
    for step in range(1, 11):
        live.press(page, NEXT)
        said.append(check(page, step))
    assert said[0].startswith("Four numbers are given")
    assert said[1] == "Forward: p = w · x = 2 · 3 = 6."
    assert said[2] == "Forward: s = p + b = 6 + (−1) = 5."
    assert said[4] == "Forward: L = d · d = 4 · 4 = 16."
    assert "slope is 1" in said[5]
    assert said[6] == "From L back to d: 1 · 4 = 4."
    assert said[7] == (
        "From L back to d: 1 · 4 = 4. d was used twice, and the parts add up: 4 + 4 = 8."
    )
    assert said[8] == "From d back to s: 8 · 1 = 8. From d back to y: 8 · (−1) = −8."
    assert said[10] == "From p back to w: 8 · 3 = 24. From p back to x: 8 · 2 = 16."
    button = page.get_by_role("button", name=NEXT, exact=True)
    assert button.get_attribute("aria-disabled") == "true"
    live.press(page, NEXT)  # nothing further on
    check(page, 10)
    live.press(page, PREVIOUS, 10, key="Space")
    check(page, 0)
    live.press(page, PREVIOUS)
    assert check(page, 0) == said[0]


def test_the_step_s_slider_by_keyboard(page):
    live.mount(page, GraphWalk(step=4))
    check(page, 4)
    live.focus(page, STEP)
    for key, step in [("ArrowRight", 5), ("End", 10), ("ArrowLeft", 9), ("Home", 0)]:
        page.keyboard.press(key)
        check(page, step)


@pytest.mark.parametrize("step", [3, 6, 10])
def test_other_numbers(page, step):
    live.mount(page, GraphWalk(step=step))
    given = {"w": 2.0, "x": 3.0, "b": -1.0, "y": 1.0}
    for name, key, value in [
        ("w", "ArrowLeft", 1.5),
        ("x", "Home", -3.0),
        ("b", "ArrowRight", -0.5),
        ("y", "End", 3.0),
        ("w", "Home", -3.0),
    ]:
        live.focus(page, name)
        page.keyboard.press(key)
        given[name] = value
        check(page, step, **given)
    assert page.locator(".live-place").all_inner_texts() == [str(step), "−3", "−3", "−0.5", "3"]


def test_zeros_are_no_minus_zeros(page):
    live.mount(page, GraphWalk(0, -3, 0, 0, step=10))
    check(page, 10, 0.0, -3.0, 0.0, 0.0)
    assert "−0" not in page.locator("svg.live-graph").text_content()


def test_touch_and_mouse(page):
    live.mount(page, GraphWalk(), width=390)
    page.get_by_role("button", name=NEXT, exact=True).click()
    check(page, 1)
    page.get_by_role("button", name=PREVIOUS).click()
    check(page, 0)
    sizes = page.locator("svg.live-graph text").evaluate_all(
        "all => all.map(one => 14 * one.getScreenCTM().a)"
    )
    assert min(sizes) > 11  # pixels, on a telephone


def test_what_is_new_is_marked_in_the_graph(page):
    live.mount(page, GraphWalk(step=8))
    names = "all => all.map(one => one.querySelector('text').textContent)"
    assert page.locator("svg.live-graph g.live-now").evaluate_all(names) == ["s = p + b", "y"]
    assert page.locator("svg.live-graph line.live-now").count() == 2


def test_texts_stay_in_their_boxes(page):
    live.mount(page, GraphWalk(-3, 2.5, -3, 2.5, step=10))
    check(page, 10, -3.0, 2.5, -3.0, 2.5)
    gaps = page.locator("svg.live-graph g").evaluate_all(
        """all => all.map((group) => {
            const box = group.querySelector("rect").getBBox();
            const [name, value, slope] = [...group.querySelectorAll("text")].map(
                (text) => text.getBBox());
            return [slope.x - value.x - value.width, box.width - name.width];
        })"""
    )
    assert min(itertools.chain(*gaps)) > 0


def test_controls_are_reached_in_reading_order(page):
    live.mount(page, GraphWalk())
    order = [STEP, NEXT, PREVIOUS, "w", "x", "b", "y", "live-scroll"]
    assert live.reached(page, 8) == order


def test_spanish(page):
    live.mount(page, GraphWalk(0.5, 2.5, step=7, language="es"))
    text = page.locator("main").inner_text()
    for words in ("Un paso atrás", "se usó dos veces", "Pendiente", "0,5"):
        assert words in text
    assert "slope" not in text
    assert "El grafo de" in page.locator("svg.live-graph").get_attribute("aria-label")


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, GraphWalk(-3, 2.5, -3, 2.5, 10, language), theme=theme, width=width)
    live.assert_accessible(page)


def test_fallback_has_the_library_s_numbers(page_without_scripts):
    page = page_without_scripts
    page.set_content(live.html_page(GraphWalk(1.5, -2, 0.5, 1), scripts=False))
    values, slopes = run({"w": 1.5, "x": -2.0, "b": 0.5, "y": 1.0})
    rows = [row.split("\t") for row in page.locator(".live-fallback tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == ["w", "x", "b", "y", "p", "s", "d", "L"]
    for name, made, value, slope in rows:
        assert made == MADE.get(name, "given")
        assert (live.number(value), live.number(slope)) == (values[name], slopes[name])


def test_outputs_are_deterministic_and_short():
    one, other = GraphWalk(), GraphWalk()
    assert one.to_html() == other.to_html()
    assert repr(one) == "GraphWalk(w=2, x=3, b=-1, y=1, step=0, language='en')"
    assert set(one.props) == {"b", "language", "step", "w", "x", "y"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GraphWalk(4), "w to be a finite number of at least -3 and at most 3, got 4"),
        (lambda: GraphWalk(x=math.nan), "expected x to be a finite number"),
        (lambda: GraphWalk(b="1"), "expected b to be a finite number"),
        (lambda: GraphWalk(y=-3.5), "expected y to be a finite number"),
        (lambda: GraphWalk(step=11), "step to be an integer from 0 to 10, got 11"),
        (lambda: GraphWalk(step=-1), "step to be an integer from 0 to 10"),
        (lambda: GraphWalk(step=0.5), "step to be an integer"),
        (lambda: GraphWalk(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
