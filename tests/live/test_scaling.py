"""The budget calculator in a real browser, driven by the keyboard: the library's numbers."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest

from lessons_lib.live import BudgetCalculator
from lessons_lib.live.budget_calculator import DEVICES, MODELS, PARAMETERS, TOKENS, _written
from lessons_lib.scaling import (
    CHINCHILLA_REFIT,
    compute_optimal,
    training_flops,
    training_memory,
    training_seconds,
)
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

SLIDERS = {
    "parameters": "Parameters N",
    "tokens": "Tokens of training D",
    "n_devices": "Number of devices",
    "utilisation": "Utilisation, % of the peak",
}


def shown(page, kind):
    live.settle(page)
    rows = page.locator(f"table[data-kind={kind}] tbody tr").evaluate_all(
        "rows => rows.map(row => [row.dataset.key, [...row.querySelectorAll('[data-number]')]"
        ".map(cell => [cell.dataset.number, cell.textContent])])"
    )
    for _, cells in rows:
        for number, text in cells:
            form = f"{float(number):.3f}" if kind == "law" else _written(float(number), "en")
            assert text == form
    return {key: [float(number) for number, _ in cells] for key, cells in rows}


def assert_shows(page, n, d, n_devices=1024, utilisation=0.4, device="NVIDIA H100"):
    """All that the figure shows, against the library."""
    peak, room = DEVICES[device]
    flops, memory = training_flops(n, d), sum(training_memory(n, "mixed").values())
    assert shown(page, "costs") == {
        "flops": [pytest.approx(flops)],
        "days": [pytest.approx(training_seconds(flops, peak * n_devices, utilisation) / 86400)],
        "memory": [pytest.approx(memory / 1e9)],
        "holders": [math.ceil(memory / room)],
        "ratio": [pytest.approx(d / n)],
    }
    law, best = CHINCHILLA_REFIT, compute_optimal(flops)
    found = shown(page, "law")
    for i, (parameters, tokens) in enumerate([(n, d), best]):
        size, reading = law.a / parameters**law.alpha, law.b / tokens**law.beta
        column = [found[key][i] for key in ("floor", "size", "reading", "loss")]
        assert column == pytest.approx([law.floor, size, reading, law(parameters, tokens)])
    assert found["loss"][1] <= found["loss"][0]
    status = page.get_by_role("status").inner_text()
    side = {-1: "below 20", 0: "the rule", 1: "above 20"}[(d > 20 * n) - (d < 20 * n)]
    assert side in status
    assert status.startswith(f"{_written(d / n, 'en')} tokens per parameter")
    best_n, best_d = (_written(number, "en") for number in best)
    assert status.endswith(f"The best for these FLOPs is {best_n} parameters and {best_d} tokens.")
    check_plane(page, n, d, best)


def on_plane(page, n, d):
    """Where the drawing has parameters and tokens: logarithms across and up."""
    width = page.locator(".live-plane").evaluate("one => one.viewBox.baseVal.width")
    across = math.log(n / PARAMETERS[0]) / math.log(PARAMETERS[-1] / PARAMETERS[0])
    up = math.log(d / TOKENS[0]) / math.log(TOKENS[-1] / TOKENS[0])
    return 34 + (width - 42) * across, 18 + 190 * (1 - up)


def check_plane(page, n, d, best):
    """The point, the best for its FLOPs, and the real models stand where they belong."""
    marks = page.locator(".live-plane circle:not(.live-handle)").evaluate_all(
        "all => all.map(one => [one.getAttribute('class'), Number(one.getAttribute('cx')),"
        " Number(one.getAttribute('cy'))])"
    )
    models = [mark[1:] for mark in marks if mark[0] == "live-model"]
    np.testing.assert_allclose(models, [on_plane(page, *MODELS[name]) for name in sorted(MODELS)])
    points = [mark[1:] for mark in marks if mark[0] == "live-point"]
    assert points[0] == pytest.approx(on_plane(page, n, d))
    assert points[1][0] == pytest.approx(points[0][0])
    if PARAMETERS[0] <= best[0] <= PARAMETERS[-1] and TOKENS[0] <= best[1] <= TOKENS[-1]:
        rings = [mark[1:] for mark in marks if mark[0] == "live-best"]
        assert rings[0] == pytest.approx(on_plane(page, *best))
        assert rings[1][0] == pytest.approx(rings[0][0])
        assert rings[1][1] >= points[1][1] - 1e-9  # at the foot of the valley


def test_edges_of_the_areas_have_their_loss(page):
    live.internals(page, "budget_calculator", "tokensFor", "LEVELS")
    law = vars(CHINCHILLA_REFIT)
    found = page.evaluate(
        "([law, all]) => inside.LEVELS.flatMap(loss => all.map(n =>"
        " [loss, n, inside.tokensFor(law, loss, n)]))",
        [law, PARAMETERS[::9]],
    )
    assert len(found) > 100
    for loss, n, d in found:
        if d is None or math.isinf(d):
            assert CHINCHILLA_REFIT.floor + CHINCHILLA_REFIT.a / n**CHINCHILLA_REFIT.alpha >= loss
        else:
            assert CHINCHILLA_REFIT(n, d) == pytest.approx(loss)


def test_the_point_is_dragged(page):
    live.mount(page, BudgetCalculator())
    box = page.locator(".live-plane").bounding_box()

    def at(n, d):
        x, y = on_plane(page, n, d)
        return box["x"] + x, box["y"] + y

    page.mouse.move(*at(70e9, 1.4e12))
    page.mouse.down()
    page.mouse.move(*at(1.02e9, 19.9e9))
    live.settle(page)
    page.mouse.move(*at(8.02e9, 14.9e12))
    page.mouse.up()
    assert_shows(page, 8e9, 15e12)
    page.mouse.click(*at(1.01e8, 0.98e9))
    assert_shows(page, 1e8, 1e9)
    page.mouse.move(*at(1e8, 1e9))
    page.mouse.down()
    page.mouse.move(0, 0)  # no farther than the ends
    page.mouse.up()
    assert_shows(page, PARAMETERS[0], TOKENS[-1])


def test_a_finger_drags_the_point(browser):
    context = browser.new_context(has_touch=True)
    page = context.new_page()
    live.mount(page, BudgetCalculator(), width=390)
    (x, y), (to_x, to_y) = on_plane(page, 70e9, 1.4e12), on_plane(page, 1e9, 2e10)
    live.drag_by_touch(page, (24, 24), (24 + to_x - x, 24 + to_y - y), ".live-plane .live-handle")
    assert_shows(page, 1e9, 2e10)
    context.close()


def test_real_models_by_their_buttons(page):
    live.mount(page, BudgetCalculator())
    assert_shows(page, 70e9, 1.4e12)
    for key, (name, (n, d)) in zip(["Enter", "Space"] * 2, MODELS.items(), strict=True):
        live.press(page, name, key=key)
        assert_shows(page, n, d)
        places = page.locator("input").evaluate_all("all => all.map(one => Number(one.value))")
        assert places[:2] == [PARAMETERS.index(n), TOKENS.index(d)]


def test_the_numbers_follow_the_keyboard(page):
    live.mount(page, BudgetCalculator("GPT-3", "NVIDIA V100", 8, 0.25))
    assert_shows(page, 175e9, 300e9, 8, 0.25, "NVIDIA V100")
    live.focus(page, SLIDERS["parameters"])
    page.keyboard.press("ArrowRight")
    assert_shows(page, 200e9, 300e9, 8, 0.25, "NVIDIA V100")
    live.focus(page, SLIDERS["tokens"])
    page.keyboard.press("ArrowLeft")
    assert_shows(page, 200e9, 250e9, 8, 0.25, "NVIDIA V100")
    live.focus(page, "Device")
    page.keyboard.type("NVIDIA A")
    assert_shows(page, 200e9, 250e9, 8, 0.25, "NVIDIA A100")
    live.focus(page, SLIDERS["n_devices"])
    page.keyboard.press("ArrowRight")
    assert_shows(page, 200e9, 250e9, 16, 0.25, "NVIDIA A100")
    live.focus(page, SLIDERS["utilisation"])
    page.keyboard.press("ArrowRight")
    assert_shows(page, 200e9, 250e9, 16, 0.3, "NVIDIA A100")


@pytest.mark.parametrize(
    ("key", "sizes"),
    [
        ("Home", (PARAMETERS[0], TOKENS[0], 1, 0.05)),
        ("End", (PARAMETERS[-1], TOKENS[-1], 2**16, 1.0)),
    ],
)
def test_the_ends_of_the_sliders(page, key, sizes):
    live.mount(page, BudgetCalculator())
    for name in SLIDERS.values():
        live.focus(page, name)
        page.keyboard.press(key)
    assert_shows(page, *sizes)


def test_every_size_and_many_devices(page):
    live.internals(page, "budget_calculator", "costs", "optimum", "parts", "total")
    law = vars(CHINCHILLA_REFIT)
    cases = [(n, TOKENS[(7 * i) % len(TOKENS)], 2 ** (i % 17)) for i, n in enumerate(PARAMETERS)]
    found = page.evaluate(
        """([law, cases]) => cases.map(([n, d, many]) => {
            const cost = inside.costs(n, d, many, [3e14, 8e10], 0.4);
            const best = inside.optimum(law, cost.flops);
            return [cost.days, cost.holders, ...best, inside.total(inside.parts(law, n, d))];
        })""",
        [law, cases],
    )
    for (n, d, many), got in zip(cases, found, strict=True):
        flops = training_flops(n, d)
        days = training_seconds(flops, 3e14 * many, 0.4) / 86400
        holders = math.ceil(16 * n / 8e10)
        wanted = [days, holders, *compute_optimal(flops), CHINCHILLA_REFIT(n, d)]
        assert got == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("language", ["en", "es"])
def test_numbers_are_written_as_python_writes_them(page, language):
    live.internals(page, "budget_calculator", "written")
    numbers = [0, 1, 5, 20, 999, 1000, 1024, 65536, 99_949, 99_950, 1e5, 5.88e23, 1.8172, 81.44]
    numbers += [0.4, 0.07123, 0.00123, 0.000999, 3.5e-7, 999.4, 999.6, 12_345.6, 9.999]
    found = page.evaluate(
        "([all, language]) => all.map(one => inside.written(one, language))", [numbers, language]
    )
    assert found == [_written(number, language) for number in numbers]
    if language == "en":
        assert _written(5.88e23, "en") == "5.88\u00a0×\u00a010²³"
        assert _written(65536, "en") == "65,536"
        assert _written(1.8172, "en") == "1.82"
        assert _written(3.5e-7, "en") == "3.50\u00a0×\u00a010⁻⁷"
    else:
        assert _written(12_345.6, "es") == "12\u202f346"
        assert _written(1024, "es") == "1024"
        assert _written(0.4, "es") == "0,400"


def test_sliders_say_their_values(page):
    live.mount(page, BudgetCalculator("Llama 3 405B", n_devices=16384))
    values = page.locator("input").evaluate_all("all => all.map(one => one.ariaValueText)")
    assert values == ["4.05\u00a0×\u00a010¹¹", "1.56\u00a0×\u00a010¹³", "16,384", "40"]
    assert page.locator(".live-place").all_inner_texts() == values
    assert_shows(page, 405e9, 15.6e12, 16384)


def test_spanish(page):
    live.mount(page, BudgetCalculator(language="es"))
    text = page.locator("main").inner_text()
    assert "20 tokens por parámetro, como dice la regla de Chinchilla" in text
    assert "5,88\u00a0×\u00a010²³" in text
    assert "Device" not in text
    assert "Loss" not in text


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, language, width):
    one = BudgetCalculator("Llama 3 405B", n_devices=2**16, utilisation=1.0, language=language)
    live.mount(page, one, theme=theme, width=width)
    live.assert_accessible(page)
    page.keyboard.press("Tab")
    assert live.violations(page) == []


def test_the_table_without_scripts():
    html = BudgetCalculator().to_html()
    assert (
        "7.00\u00a0×\u00a010¹⁰ parameters, 1.40\u00a0×\u00a010¹² tokens, 1,024 × NVIDIA H100"
        in html
    )
    assert '<th scope="row">Operations of the training</th><td>5.88\u00a0×\u00a010²³</td>' in html
    assert '<th scope="row">Tokens per parameter</th><td>20</td>' in html
    spanish = BudgetCalculator("GPT-3", language="es").to_html()
    assert '<th scope="row">Tokens por parámetro</th><td>1,71</td>' in spanish


def test_properties_and_repr():
    one = BudgetCalculator("GPT-3", "NVIDIA V100", 512, 0.3)
    props = one.to_html().split('class="live-props">')[1].split("</script>")[0]
    assert json.loads(props) == one.props
    assert one.props["law"] == vars(CHINCHILLA_REFIT)
    assert repr(one) == (
        "BudgetCalculator(model='GPT-3', device='NVIDIA V100', n_devices=512, utilisation=0.3, "
        "language='en')"
    )


def test_the_lists_of_the_sliders():
    for values, models in ((PARAMETERS, 0), (TOKENS, 1)):
        assert values == sorted(set(values))
        assert all(sizes[models] in values for sizes in MODELS.values())
        steps = [after / before for before, after in pairwise(values)]
        assert max(steps) < 1.34


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BudgetCalculator("GPT-4"), "a model of .* got 'GPT-4'"),
        (lambda: BudgetCalculator(device="abacus"), "a device of .* got 'abacus'"),
        (lambda: BudgetCalculator(n_devices=3), "a power of 2 to 65536, got 3"),
        (lambda: BudgetCalculator(n_devices=2**17), "got 131072"),
        (lambda: BudgetCalculator(utilisation=0.0), "got 0.0"),
        (lambda: BudgetCalculator(utilisation=0.42), "got 0.42"),
        (lambda: BudgetCalculator(language="fr"), "'en' or 'es', got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
