"""The shape walk in a real browser, driven by the keyboard: the same numbers as the library."""

import json
import random

import pytest
import torch

from lessons_lib.gpt import GPT, GPTConfig, initialise
from lessons_lib.live import ShapeWalk
from lessons_lib.live.shape_walk import FALLBACK, SHAPES
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

CHARACTERS = list(" abcdefhilmnorstuñ.")
TEXT = "Your text: up to 8 characters"
TEXTS = ["the lamp"[:7], "a", "ñ.", "aaaaaaaa", "  sol  a", "tu luna"]


@pytest.fixture(scope="module")
def model():
    return random_model(0)


def random_model(seed, n_heads=2, std=0.6):
    """A tiny model in which every number counts: biases and norms too."""
    torch.manual_seed(seed)
    made = GPT(GPTConfig(len(CHARACTERS), 8, 4, n_heads, 1, d_ff=6))
    initialise(made, 1, std)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    return made


def steps_of(model, text):
    """What the library gives at each step: [letters of the shape, numbers]."""
    ids = torch.tensor([[CHARACTERS.index(one) for one in text]])
    seen = {}
    hooks = [
        module.register_forward_hook(
            lambda _, inputs, output, name=name: seen.update({name: (inputs[0][0], output[0])})
        )
        for name, module in model.named_modules()
        if name
    ]
    with torch.no_grad():
        logits = model(ids)[0]
    for hook in hooks:
        hook.remove()
    out = {name: output for name, (_, output) in seen.items()}
    attention = "blocks.0.attention."
    heads = (model.config.n_heads, -1)
    q, k = (out[attention + name].unflatten(-1, heads) for name in ("query", "key"))
    scores = torch.einsum("thi,shi->hts", q, k) / q.shape[-1] ** 0.5
    hidden = torch.ones(len(text), len(text)).triu(1).bool()
    start = seen["blocks.0.attention_norm"][0]
    return [
        ("T", ids[0]),
        ("TD", out["token_embedding"]),
        ("TD", start),
        ("TD", out["blocks.0.attention_norm"]),
        ("TD", out[attention + "query"]),
        ("TD", out[attention + "key"]),
        ("TD", out[attention + "value"]),
        ("HTT", scores.masked_fill(hidden, -torch.inf).softmax(-1)),
        ("TD", out["blocks.0.attention"]),
        ("TD", seen["blocks.0.feed_norm"][0]),
        ("TD", out["blocks.0.feed_norm"]),
        ("TF", seen["blocks.0.feed_forward.down"][0]),
        ("TD", out["blocks.0"]),
        ("TD", out["final_norm"]),
        ("TV", logits),
        ("V", logits[-1].softmax(-1)),
    ]


def check(page, step, expected):
    letters, numbers = expected
    data = page.locator(".live-boards").evaluate("board => ({...board.dataset})")
    assert int(data["step"]) == step
    found = torch.tensor(json.loads(data["values"]), dtype=torch.float64)
    # The library's 32 bits hold 7 digits, and the logits add up some dozen of such numbers.
    torch.testing.assert_close(found, numbers.double(), rtol=1e-5, atol=1e-5)
    sizes = " × ".join(str(size) for size in numbers.shape)
    assert page.locator(".live-shape").inner_text() == f"Shape ({', '.join(letters)}) = {sizes}"
    cells = page.locator(".live-boards tbody td").all_text_contents()
    shown = [live.number(cell) for cell in cells]
    flat = found.flatten().tolist()
    expected = sorted(flat, reverse=True) if letters == "V" else flat
    assert shown == pytest.approx(expected, abs=5.001e-4)


@pytest.mark.parametrize("text", TEXTS)
def test_every_step_and_back(page, model, text):
    live.mount(page, ShapeWalk(model, CHARACTERS, "sol"))
    live.write(page, TEXT, text)
    steps = steps_of(model, text)
    check(page, 0, steps[0])
    for step in range(1, len(steps)):
        live.press(page, "Next step", key="Space" if step % 2 else "Enter")
        check(page, step, steps[step])
    live.press(page, "Next step")  # nothing more, and the focus stays
    assert live.focused(page) == "Next step"
    check(page, 15, steps[15])
    best = CHARACTERS[steps[15][1].argmax()].replace(" ", "·")
    status = page.get_by_role("status").inner_text()
    assert f"Most likely next: {best}, with {steps[15][1].max():.3f}." in status
    for step in reversed(range(15)):
        live.press(page, "Back")
        check(page, step, steps[step])


def test_other_models_and_random_texts(page):
    rng = random.Random(5)
    live.internals(page, "shape_walk", "forward")
    for seed, n_heads in enumerate((1, 2, 4)):
        model = random_model(seed + 1, n_heads)
        props = ShapeWalk(model, CHARACTERS, "a").props
        for _ in range(20):
            text = "".join(rng.choices(CHARACTERS, k=rng.randrange(1, 9)))
            found = page.evaluate(
                "([ids, { weights, sizes }]) => inside.forward(ids, weights, sizes)",
                [[CHARACTERS.index(one) for one in text], props],
            )
            for one, (letters, numbers) in zip(found, steps_of(model, text), strict=True):
                assert one["shape"] == letters
                values = torch.tensor(one["values"], dtype=torch.float64)
                torch.testing.assert_close(values, numbers.double(), rtol=1e-5, atol=1e-5)


def test_slider_and_typing_keep_the_step(page, model):
    live.mount(page, ShapeWalk(model, CHARACTERS, "luna"))
    live.focus(page, "Step")
    for key, step in [("ArrowRight", 1), ("End", 15), ("ArrowLeft", 14), ("Home", 0)]:
        page.keyboard.press(key)
        check(page, step, steps_of(model, "luna")[step])
    slider = page.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == "0 of 15"
    live.press(page, "To the end")
    live.write(page, TEXT, "sol")
    check(page, 15, steps_of(model, "sol")[15])


def test_unknown_characters_are_left_out_and_named(page, model):
    live.mount(page, ShapeWalk(model, CHARACTERS, "luna"))
    live.write(page, TEXT, "sXol🦊")
    check(page, 0, steps_of(model, "sol")[0])
    status = page.get_by_role("status")
    assert "no token for it: X 🦊." in status.inner_text()
    live.write(page, TEXT, "")
    assert "Write at least one character." in status.inner_text()
    assert page.locator(".live-boards table").count() == 0
    live.press(page, "To the end")
    live.write(page, TEXT, "a")
    check(page, 15, steps_of(model, "a")[15])


def test_every_step_has_its_words(page):
    for language, said in FALLBACK.items():
        steps = live.words(page, "shape_walk", language)["steps"]
        assert len(steps) == len(said["steps"]) == len(SHAPES)
        assert all(len(pair) == 2 for pair in steps)


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, model, theme, width, language):
    figure = ShapeWalk(model, CHARACTERS, "aaaaaaaa", language=language)
    live.mount(page, figure, theme=theme, width=width)
    for step in range(16):
        if step in (0, 1, 7, 11, 14, 15):
            live.assert_accessible(page)
        live.press(page, "Next step" if language == "en" else "Paso siguiente")
    other = "Shape" if language == "es" else "Forma"
    assert other not in page.locator("main").inner_text()


def test_fallback_without_scripts(page_without_scripts, model):
    page = page_without_scripts
    page.set_content(live.html_page(ShapeWalk(model, CHARACTERS, "luna"), scripts=False))
    rows = page.locator(".live-fallback tbody tr").all_inner_texts()
    expected = [
        f"{name}\t({', '.join(letters)})\t{' × '.join(str(size) for size in numbers.shape)}"
        for name, (letters, numbers) in zip(
            FALLBACK["en"]["steps"], steps_of(model, "luna"), strict=True
        )
    ]
    assert rows == expected


def test_it_follows_its_properties(model):
    figure = ShapeWalk(model, CHARACTERS, "luna", language="es")
    assert set(figure.props) == {"characters", "language", "sizes", "text", "weights"}
    assert repr(figure) == "ShapeWalk(19 characters, text='luna', language='es')"
    assert "«luna» a través" in figure.to_html()
    figure.text = "sol"
    assert "«sol» a través" in figure.to_html()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: ShapeWalk(m, CHARACTERS, ""), "1 to 8 of the model's characters, got ''"),
        (lambda m: ShapeWalk(m, CHARACTERS, "aaaaaaaaa"), "1 to 8"),
        (lambda m: ShapeWalk(m, CHARACTERS, "X"), "got 'X'"),
        (lambda m: ShapeWalk(m, CHARACTERS, 3), "text"),
        (lambda m: ShapeWalk(m, CHARACTERS[:-1], "a"), "19 different characters"),
        (lambda m: ShapeWalk(m, ["a"] * 19, "a"), "19 different characters"),
        (lambda m: ShapeWalk(m, [*CHARACTERS[:-1], "zz"], "a"), "19 different characters"),
        (lambda m: ShapeWalk(m, CHARACTERS, "a", language="fr"), "'en' or 'es'"),
        (lambda m: ShapeWalk(GPT(GPTConfig(19, 8, 4, 2, 2)), CHARACTERS, "a"), "n_layers of at"),
        (lambda m: ShapeWalk(GPT(GPTConfig(33, 8, 4, 2, 1)), CHARACTERS, "a"), "vocab_size of at"),
        (lambda m: ShapeWalk(GPT(GPTConfig(19, 9, 4, 2, 1)), CHARACTERS, "a"), "context_length of"),
        (lambda m: ShapeWalk(GPT(GPTConfig(19, 8, 10, 2, 1)), CHARACTERS, "a"), "d_model of at"),
    ],
)
def test_errors(model, make, message):
    with pytest.raises(ValueError, match=message):
        make(model)
