"""A wall of pictures in a real browser: the library's scores, by keyboard, pointer and finger."""

import base64
import json

import numpy as np
import pytest
import torch

from lessons_lib.clip import picture_model, show
from lessons_lib.corpus.pictures import caption
from lessons_lib.live import CaptionWall
from lessons_lib.live.caption_wall import SCENES
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures


def shares(figure, place, factor=None):
    """Return the softmax over pictures that the figure should show, from its cosines."""
    scores = torch.tensor(figure.cosines[place], dtype=torch.float64)
    return (scores * (factor or figure.scale)).softmax(0).tolist()


def shown(page):
    return json.loads(page.locator("table.live-cosines").get_attribute("data-shares"))


def test_its_cosines_are_those_of_the_model():
    model, tokenizer = picture_model()
    for language in ("en", "es"):
        figure = CaptionWall(language)
        assert figure.captions[:12] == [caption(scene, language) for scene in SCENES]
        with torch.inference_mode():
            words = model.encode_text(tokenizer.batch(figure.captions))
            expected = words @ model.encode_pictures(show(SCENES)).T
        np.testing.assert_allclose(figure.cosines, expected, atol=6e-4)
        assert figure.scale == pytest.approx(model.log_scale.exp().item(), abs=0.5)
        best = [int(np.argmax(row)) for row in figure.cosines[:12]]
        assert best == list(range(12))
    pixels = np.frombuffer(base64.b64decode(figure.pictures[3]), np.uint8).reshape(32, 32, 3)
    np.testing.assert_allclose(pixels / 255, show(SCENES)[3], atol=0.003)


def test_captions_by_the_keyboard(page):
    figure = CaptionWall()
    live.mount(page, figure)
    assert shown(page) == pytest.approx(shares(figure, 0), abs=1e-9)
    live.focus(page, "Caption")
    for place in (1, 2, 3):
        page.keyboard.press("ArrowDown")
        assert shown(page) == pytest.approx(shares(figure, place), abs=1e-9)
    said = page.get_by_role("status").inner_text()
    assert said.startswith("Picture 4 fits best")
    live.focus(page, "Factor τ")
    page.keyboard.press("Home")
    assert shown(page) == pytest.approx(shares(figure, 3, 1), abs=1e-9)


def test_a_picture_asks_back(page):
    figure = CaptionWall()
    live.mount(page, figure)
    assert "drag it here" in page.locator(".live-frame").inner_text()
    page.locator(".live-tile").nth(5).press("Enter")
    column = torch.tensor(figure.cosines, dtype=torch.float64)[:, 5] * figure.scale
    found = json.loads(page.locator(".live-frame").get_attribute("data-found"))
    assert found == pytest.approx(column.softmax(0).tolist(), abs=1e-9)
    rows = live.texts(page, ".live-answers tbody tr")
    order = sorted(range(len(found)), key=lambda i: (-found[i], i))[:4]
    assert [row[0] for row in rows] == [figure.captions[i] for i in order]
    assert page.locator(".live-tile").nth(5).get_attribute("aria-pressed") == "true"


def test_a_picture_is_dragged_into_the_frame(page):
    live.mount(page, CaptionWall())
    tile, frame = page.locator(".live-tile").nth(2), page.locator(".live-frame")
    start, end = tile.bounding_box(), frame.bounding_box()
    page.mouse.move(start["x"] + 20, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 60, steps=4)
    page.mouse.up()  # beside the frame: nothing happens
    assert tile.get_attribute("aria-pressed") == "false"
    page.mouse.move(start["x"] + 20, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(end["x"] + 40, end["y"] + 40, steps=6)
    page.mouse.up()
    assert tile.get_attribute("aria-pressed") == "true"
    assert tile.evaluate("one => one.style.transform") == ""


def test_spanish(page):
    live.mount(page, CaptionWall("es"))
    text = page.locator("main").inner_text()
    for words in ("Descripción", "La imagen 1 es la que mejor encaja", "Pulsa una imagen"):
        assert words in text
    assert "Picture" not in text


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, CaptionWall(language), theme=theme, width=width)
    page.locator(".live-tile").first.press("Enter")
    live.assert_accessible(page)


def test_fallback_has_the_library_s_numbers(page_without_scripts):
    page = page_without_scripts
    figure = CaptionWall()
    page.set_content(live.html_page(figure, scripts=False))
    rows = [row.split("\t") for row in page.locator(".live-fallback tbody tr").all_inner_texts()]
    assert len(rows) == 12
    for i, (text, number, percent) in enumerate(rows):
        found = shares(figure, i)
        assert (text, int(number)) == (figure.captions[i], i + 1)
        assert abs(float(percent) - 100 * max(found)) <= 0.51


def test_outputs_are_deterministic_and_short():
    assert CaptionWall().to_html() == CaptionWall().to_html()
    assert repr(CaptionWall("es")) == "CaptionWall(language='es')"
    with pytest.raises(ValueError, match="'en' or 'es', got 'fr'"):
        CaptionWall("fr")
