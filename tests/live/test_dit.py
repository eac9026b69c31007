"""The page that paints: its figure shows what the library paints and reads, in a browser."""

import base64
import json
import re
import threading
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lessons_lib.corpus.pictures import caption, nearest, read
from lessons_lib.corpus.stories import LANGUAGES
from lessons_lib.dit import as_pictures, paint, painter, seeded_noise
from lessons_lib.live import Painter
from lessons_lib.live.modules import FOLDER
from lessons_lib.live.painter import (
    GUIDANCE,
    PRESETS,
    SEED,
    STEPS,
    STORED,
    asked_parts,
    painter_file,
    png,
)
from tests.live import page as live
from tests.live.engine.test_painting import ways
from tools.book_site.live import FILE_FIGURE, pack_figures, pack_files
from tools.painted import paint_presets
from tools.site import server

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages as the book has them: the script of the figure, and the file beside it."""
    files = {"live.js": pack_figures(FOLDER, ["painter"])} | pack_files("painter", "en")
    return live.book_pages(tmp_path_factory.mktemp("pages"), files, map(Painter, LANGUAGES))


def words_of(page, language="en"):
    return live.words(page, "painter", language)


def done(page):
    page.wait_for_selector("form[data-painted]:not([aria-busy=true])")


def pixels(page, place):
    """What the canvas of a panel shows (32, 32, 3): 0 its way, 1 the guess, 2 the nearest."""
    canvas = page.locator(".paint-panel canvas").nth(place)
    found = canvas.evaluate(
        """(one) => {
            const copy = new OffscreenCanvas(32, 32).getContext("2d", { willReadFrequently: true });
            copy.drawImage(one, 0, 0);
            return Array.from(copy.getImageData(0, 0, 32, 32).data);
        }"""
    )
    return np.array(found).reshape(32, 32, 4)[..., :3]


def rounded(picture):
    return 255 * picture.reshape(32, 32, 3)


NEAR = 1  # levels of 256: the nearest of them may be another one where two are equally near


@pytest.mark.parametrize(("scheme", "language"), [("file", "en"), ("http", "es")])
def test_a_chip_is_painted_as_the_library_paints_it(visit, folder, scheme, language):
    with server(folder) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        start = f"http://127.0.0.1:{serving.server_port}/"
        start = start if scheme == "http" else f"{folder.as_uri()}/"
        page, requests = visit(f"{start}{language}.html")
        own = lambda: [url for url in requests if url.startswith(start)]  # noqa: E731
        assert own() == [f"{start}{language}.html", f"{start}_static/live.js"]
        text = caption(PRESETS[1], language)
        page.get_by_role("button", name=text).click()
        done(page)
        assert own()[2:] == [f"{start}_static/painter.js"]
        assert page.locator("form").get_attribute("data-where") == "worker"
        expected = paint([text], STEPS, GUIDANCE, SEED)[0]
        for place in (0, 1):
            np.testing.assert_allclose(pixels(page, place), rounded(expected), atol=NEAR)
        scene, drawing, rmse = nearest(expected)
        np.testing.assert_allclose(pixels(page, 2), rounded(drawing), atol=NEAR)
        verdict = page.locator(".paint-verdict").inner_text()
        assert caption(scene, language) in verdict
        shown = f"{rmse:.3f}".replace(".", "," if language == "es" else ".")
        assert verdict.endswith(shown)
        parts = asked_parts(PRESETS[1], scene, language)
        marks = [one.get_attribute("data-right") for one in page.locator(".paint-asked li").all()]
        assert marks == [str(part["right"]).lower() for part in parts]
        said = page.get_by_role("status").inner_text()
        assert f"{sum(part['right'] for part in parts)}" in said
        assert page.locator("textarea").input_value() == text
        serving.shutdown()


def test_settings_change_the_picture(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    words = words_of(page)
    live.focus(page, words["guidance"])
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    live.focus(page, words["seed"])
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.get_by_role("radio", name="8", exact=True).check()
    live.write(page, words["caption"], "una pelota roja en la playa")  # in the other language
    page.keyboard.press("Enter")
    done(page)
    expected = ways(painter(), "una pelota roja en la playa", 8, 4.0, 3)
    np.testing.assert_allclose(pixels(page, 0), rounded(expected[-1].numpy()), atol=NEAR)
    assert page.get_by_role("slider", name=words["step"]).get_attribute("max") == "8"
    asked = page.locator(".paint-asked").inner_text()
    assert "una pelota roja" in asked
    assert "en la playa" in asked

    # Step by step, from the noise.
    live.focus(page, words["step"])
    page.keyboard.press("Home")
    noise = as_pictures(seeded_noise((1, 3, 32, 32), 3))[0].numpy()
    np.testing.assert_allclose(pixels(page, 0), rounded(noise), atol=NEAR)
    assert page.get_by_role("img", name=words["noise"]).is_visible()
    assert page.locator(".paint-asked li").count() == 0
    for step in range(3):
        page.keyboard.press("ArrowRight")
        np.testing.assert_allclose(pixels(page, 0), rounded(expected[step].numpy()), atol=NEAR)
    page.locator(".paint-film canvas").nth(1).click()
    np.testing.assert_allclose(pixels(page, 0), rounded(expected[0].numpy()), atol=NEAR)
    page.locator("summary").click()
    rows = live.texts(page, ".paint-numbers tbody tr")
    assert [row[1] for row in rows[:3]] == ["1.00", "0.88", "0.75"]
    assert [row[0] for row in rows] == [str(1 + i) for i in range(8)]
    assert rows[0][2] in page.locator(".paint-verdict").inner_text()


def test_words_that_are_unknown_are_named(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    words, status, before = words_of(page), page.get_by_role("status"), pixels(page, 1)
    live.write(page, words["caption"], "   ")
    live.press(page, words["paint"])
    assert status.inner_text() == words["empty"]
    for text, sentence in (
        ("dragón 7", "knows none of these words: dragón."),
        ("1, 2, 3", "no words in this caption"),
        ("a red ball " * 8, "at most 22 words"),
    ):
        live.write(page, words["caption"], text)
        live.press(page, words["paint"])
        status.filter(has_text=sentence).wait_for()
        step = page.get_by_role("slider", name=words["step"])
        step.press("Home")
        step.press("End")  # what was painted before is still there
        assert step.input_value() == str(STEPS)
        np.testing.assert_array_equal(pixels(page, 1), before)
    live.write(page, words["caption"], "a purple fox and a dragon at night")
    live.press(page, words["paint"])
    done(page)
    assert "does not know: purple, dragon." in status.inner_text()
    expected = paint(["a purple fox and a dragon at night"], STEPS, GUIDANCE, SEED)[0]
    np.testing.assert_allclose(pixels(page, 0), rounded(expected), atol=NEAR)


def test_steps_are_played_and_for_who_wants_no_motion_shown_at_once(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    words = words_of(page)
    step = page.get_by_role("slider", name=words["step"])
    live.press(page, words["play"])
    assert page.get_by_role("button", name=words["pause"]).is_visible()
    page.wait_for_function("document.querySelector('.paint-stage').dataset.step === '1'")
    page.keyboard.press("Enter")
    assert int(step.input_value()) < STEPS
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(
        """() => {
            window.steps = [];
            const stage = document.querySelector(".paint-stage");
            new MutationObserver(() => steps.push(stage.dataset.step)).observe(
                stage, { attributeFilter: ["data-step"] });
        }"""
    )
    live.press(page, words["play"])
    assert step.input_value() == str(STEPS)
    live.press(page, words["paint"])
    done(page)
    assert set(page.evaluate("steps")) == {str(STEPS)}
    page.emulate_media(reduced_motion="no-preference")


def test_in_the_page_where_there_are_no_workers(visit, folder):
    page, _ = visit((folder / "es.html").as_uri())
    page.evaluate(
        "() => { globalThis.Worker = class { constructor() { throw new Error('no'); } }; }"
    )
    live.press(page, words_of(page, "es")["paint"])
    done(page)
    assert page.locator("form").get_attribute("data-where") == "page"


def test_a_missing_script_is_told(visit, folder, tmp_path):
    for name in ("en.html", "_static/live.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    missing = "Failed to load resource: net::ERR_FILE_NOT_FOUND"
    page, _ = visit((tmp_path / "en.html").as_uri(), expected=[missing])
    before = pixels(page, 0)
    live.press(page, words_of(page)["paint"])
    page.get_by_role("status").filter(has_text="could not be loaded").wait_for()
    np.testing.assert_array_equal(pixels(page, 0), before)
    script = "_static/painter.js"
    (tmp_path / script).write_bytes((folder / script).read_bytes())
    page.keyboard.press("Enter")  # and can be tried again
    done(page)


# --------------------------------------------------------------------- what is seen without paint


def test_what_is_stored_is_what_the_model_paints():
    """To a level of 256, which rounding on another processor may change."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    assert set(stored) == set(LANGUAGES)
    for language, own in stored.items():
        made = paint_presets(PRESETS, language)
        for kind, n in (("ways", STEPS), ("guesses", STEPS), ("pictures", len(PRESETS))):
            assert len(own[kind]) == n
            for one, other in zip(own[kind], made[kind], strict=True):
                found, expected = (
                    np.frombuffer(base64.b64decode(text), np.uint8).astype(int)
                    for text in (one, other)
                )
                np.testing.assert_allclose(found, expected, rtol=0, atol=1)
        direct = paint([caption(PRESETS[2], language)], STEPS, GUIDANCE, SEED)
        found = np.frombuffer(base64.b64decode(own["pictures"][2]), np.uint8)
        np.testing.assert_allclose(found, rounded(direct).ravel(), rtol=0, atol=1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_begins_with_the_stored_steps(page, language):
    live.mount(page, Painter(language))
    expected = ways(painter(), caption(PRESETS[0], language), STEPS, GUIDANCE, SEED)
    words = words_of(page, language)
    live.focus(page, words["step"])
    for step in reversed(range(STEPS)):
        page.keyboard.press("End" if step == STEPS - 1 else "ArrowLeft")
        np.testing.assert_allclose(pixels(page, 0), rounded(expected[step].numpy()), atol=1.5)


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, theme, width, language):
    live.mount(page, Painter(language), theme=theme, width=width)
    live.assert_accessible(page)


def test_pictures_and_caption_share_the_screen_of_a_phone(page):
    for language in LANGUAGES:
        live.mount(page, Painter(language), width=390, unfolded=False)
        top = page.locator("form").bounding_box()["y"]
        for part, most in [(".paint-stage", 460), (".paint-steps", 570), (".paint-own", 720)]:
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] - top < most, (language, part)
        sizes = page.locator("form :is(b, span, button, p, li)").evaluate_all(
            "all => all.map(one => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert min(sizes) >= 11
        assert pixels(page, 0).std() > 10
        rendering = page.locator(".paint-panel canvas").first.evaluate(
            "one => getComputedStyle(one).imageRendering"
        )
        assert rendering == "pixelated"


def test_fallback_shows_and_reads_the_pictures(page_without_scripts):
    page = page_without_scripts
    figure = Painter()
    page.set_content(live.html_page(figure, scripts=False))
    items = page.locator(".live-fallback li").all()
    assert len(items) == len(PRESETS)
    stored = json.loads(STORED.read_text(encoding="utf-8"))["en"]["pictures"]
    for scene, text, item in zip(PRESETS, stored, items, strict=True):
        picture = np.frombuffer(base64.b64decode(text), np.uint8).reshape(32, 32, 3)
        seen, rmse = read(picture.astype("f4") / 255)
        image, said = item.locator("img"), item.inner_text()
        assert image.evaluate("one => [one.naturalWidth, one.naturalHeight]") == [32, 32]
        assert image.get_attribute("src") == png(picture)
        alt = image.get_attribute("alt")
        for words in (caption(scene, "en"), caption(seen, "en")):
            assert words in said
            assert words in alt
        assert f"{rmse:.3f}" in said


def test_a_png_by_an_oracle():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    address = png(pixels)
    file = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(np.array(Image.open(BytesIO(file))), pixels)


def test_the_kernel_answers_nothing_else(monkeypatch):
    sent = []
    figure = Painter("es")
    monkeypatch.setattr(figure, "send", lambda *message, **more: sent.append((*message, more)))
    for content in ({}, {"type": "load"}, {"type": "load", "kind": "model"}, {"kind": "painter"}):
        figure._handle_custom_msg(content, [])
    assert sent == []
    figure._handle_custom_msg({"type": "load", "kind": "painter"}, [])
    assert sent == [({"type": "painter"}, {"buffers": [painter_file()]})]


def test_outputs_are_deterministic_and_small():
    one, other = Painter(), Painter("en")
    assert one.to_html() == other.to_html()
    assert repr(Painter("es")) == "Painter(language='es')"
    assert len(one.to_html()) < 90_000
    assert one.size == len(painter_file()) < 6e6
    for language in LANGUAGES:
        html = Painter(language).to_html()
        assert FILE_FIGURE.findall(html) == [("painter", language)]
        assert [*pack_files("painter", language)] == ["painter.js"]
    assert [preset["unseen"] for preset in one.presets] == [False] * 5 + [True]
    assert all(re.fullmatch(r"[\w ]+", preset["caption"]) for preset in one.presets)
    with pytest.raises(ValueError, match="'en' or 'es', got 'fr'"):
        Painter("fr")
