"""The model in the page, in a real browser, driven by the keyboard: the library's stories."""

import base64
import html
import json
import random
import re
import threading

import numpy as np
import pytest
import torch

from lessons_lib.generation import generate
from lessons_lib.gguf import (
    load_gguf,
    parse_gguf,
    read_model,
    read_tokenizer,
)
from lessons_lib.live import ModelInPage
from lessons_lib.live.figure import visible
from lessons_lib.live.model_in_page import model_file, stored_story
from lessons_lib.live.modules import FOLDER
from lessons_lib.training import END, story_model
from tests import test_gguf_hostile as hostile
from tests.live import page as live
from tests.live.engine.page import (
    GREEDY,
    TOLERANCE,
    WAIT,
    T,
    beginning,
    floats,
    small_file,
    small_model,
    torch_logits,
    write,
)
from tools.book_site.live import FILE_FIGURE, pack_figures, pack_model
from tools.site import server

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

LOAD = {
    "en": f"Load the model ({len(model_file('en')) / 1e6:.1f} MB)",
    "es": f"Cargar el modelo ({len(model_file('es')) / 1e6:.1f} MB)".replace(".", ","),
}


def test_the_file_is_the_stored_model():
    for language in ("en", "es"):
        file = parse_gguf(model_file(language))
        model, tokenizer = story_model(language)
        assert {t.type for t in file.tensors.values() if len(t.shape) > 1} == {"F16"}
        found = read_model(file).state_dict()
        assert all(torch.equal(found[name], one) for name, one in model.state_dict().items())
        assert read_tokenizer(file).merges == tokenizer.merges
        script = pack_model(language)
        start = f'(globalThis.bookFiles ??= {{}}).model_{language} = "'
        assert base64.b64decode(script.removeprefix(start).removesuffix('";\n')) == model_file(
            language
        )


# --------------------------------------------------------------------------- a page from a folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages as the book has them: the script of all figures, and the models beside it."""
    files = {"live.js": pack_figures(FOLDER)}
    files |= {f"model_{language}.js": pack_model(language) for language in ("en", "es")}
    return live.book_pages(
        tmp_path_factory.mktemp("pages"),
        files,
        [ModelInPage(language=language) for language in ("en", "es")],
    )


def load(page, language="en"):
    live.press(page, LOAD[language])
    page.wait_for_selector(".live-next tbody tr")


def told(page):
    """Wait until the story is told; return its new ids."""
    words = re.compile("tokens per second|tokens por segundo")
    page.get_by_role("status").filter(has_text=words).wait_for()
    live.settle(page)
    return json.loads(page.locator(".live-controls .live-story > span").get_attribute("data-ids"))


def library_story(text, language="en", sampling=GREEDY, n_tokens=200):
    model, tokenizer = story_model(language)
    [end] = tokenizer.encode(END, allowed_special=[END])
    return generate(model, [end, *tokenizer.encode(text)], n_tokens, sampling, stop_ids=[end])


@pytest.mark.parametrize(("scheme", "language"), [("file", "en"), ("file", "es"), ("http", "en")])
def test_the_book_s_story_by_keyboard(visit, folder, scheme, language):
    with server(folder) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        start = f"http://127.0.0.1:{serving.server_port}/"
        start = start if scheme == "http" else f"{folder.as_uri()}/"
        page, requests = visit(f"{start}{language}.html")
        words = live.words(page, "model_in_page", language)
        # Nothing is loaded before the reader asks for it; the stored story stands there.
        page.wait_for_timeout(300)
        own = [url for url in requests if not url.startswith(("data:", "blob:"))]
        assert own == [f"{start}{language}.html", f"{start}_static/live.js"]
        text = {"en": "Once upon a time", "es": "Había una vez"}[language]
        shown = page.locator(".live-body .live-story").first.inner_text()
        assert shown == text + stored_story(text, language)
        assert not page.locator(".live-controls").first.is_visible()

        load(page, language)
        assert live.focused(page) == words["beginning"]
        millions = sum(one.numel() for one in story_model(language)[0].parameters()) / 1e6
        assert f"{millions:.1f}" in page.get_by_role("status").first.inner_text().replace(",", ".")
        live.press(page, words["tell"])
        ids = told(page)
        assert ids == library_story(text, language)
        _, tokenizer = story_model(language)
        story = page.locator(".live-controls .live-story")
        assert story.first.inner_text() == text + tokenizer.decode(ids)
        own = [url for url in requests if not url.startswith(("data:", "blob:"))]
        assert own[2:] == [f"{start}_static/model_{language}.js"]
        assert page.evaluate("Object.keys(globalThis.bookFiles)") == []  # the text is let go
        serving.shutdown()


@pytest.mark.parametrize("place", ["worker", "page"])
def test_it_works_beside_the_page_or_in_it(visit, folder, place):
    page, _ = visit((folder / "es.html").as_uri())
    if place == "page":
        page.evaluate(
            "() => { globalThis.Worker = class { constructor() { throw new Error('no'); } }; }"
        )
    load(page, "es")
    assert page.locator("form").get_attribute("data-where") == place
    live.press(page, "Seguir el cuento")
    assert told(page) == library_story("Había una vez", "es")
    live.drop(page, "file.gguf", b"PK\x03\x04 a zip")
    page.get_by_role("status").filter(has_text="Esto no es un archivo GGUF.").wait_for()
    # Work that was begun ends when other work begins.
    live.press(page, "Seguir el cuento")
    live.drop(page, "small.gguf", small_file())
    page.get_by_role("status").filter(has_text="Listo: llama").wait_for()
    small, tokenizer = small_model()
    check_next(page, beginning(tokenizer, "Había una vez"), small)


def test_a_missing_script_is_told(visit, folder, tmp_path):
    for name in ("en.html", "_static/live.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    missing = "Failed to load resource: net::ERR_FILE_NOT_FOUND"
    page, _ = visit((tmp_path / "en.html").as_uri(), expected=[missing])
    live.press(page, LOAD["en"])
    page.get_by_role("status").filter(has_text="could not be loaded").wait_for()
    assert live.focused(page) == LOAD["en"]  # and can be tried again
    (tmp_path / "_static" / "model_en.js").write_bytes(
        (folder / "_static" / "model_en.js").read_bytes()
    )
    load(page)


def next_shown(page):
    return json.loads(page.locator("table.live-next").get_attribute("data-best"))


def check_next(page, ids, model):
    """The bars show the model's distribution after these ids."""
    probs = torch.tensor(torch_logits(model, ids)[-1]).double().softmax(-1).numpy()
    best = next_shown(page)
    assert len(best) == 8
    np.testing.assert_allclose([p for _, p in best], [probs[i] for i, _ in best], atol=TOLERANCE)
    np.testing.assert_allclose([p for _, p in best], np.sort(probs)[::-1][:8], atol=TOLERANCE)
    cells = page.locator(".live-next tbody td > span:last-child").all_text_contents()
    cells = [text.replace(",", ".") for text in cells]
    assert cells[:8] == [f"{p:.3f}" for _, p in best]
    assert float(cells[8]) == pytest.approx(1 - sum(p for _, p in best), abs=1e-3)
    widths = page.locator(".live-next .live-bar > span").evaluate_all(
        "all => all.map(one => parseFloat(one.style.width))"
    )
    assert widths[:8] == pytest.approx([100 * p for _, p in best], abs=1e-2)


def test_the_next_token_follows_the_text(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = story_model("en")
    load(page)
    check_next(page, beginning(tokenizer, "Once upon a time"), model)
    for text in ("A long time ago there lived a ", "A long time ago there lived a fox", ""):
        live.write(page, "How the text begins", text)
        ids = beginning(tokenizer, text)
        best = torch_logits(model, ids)[-1].argmax()
        page.wait_for_function(  # it draws a moment after the last key
            "best => JSON.parse(document.querySelector('.live-next').dataset.best)[0][0] === best",
            arg=int(best),
        )
        check_next(page, ids, model)
    live.press(page, "Tell")
    ids = told(page)
    check_next(page, beginning(tokenizer, "") + ids, model)
    names = page.locator(".live-next tbody th").all_text_contents()
    assert names[:8] == [visible(tokenizer.vocab[i]) for i, _ in next_shown(page)]
    assert names[8] == "1,016 others"


def test_settings_and_seeds(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    load(page)
    greedy = library_story("Once upon a time")

    def tell():
        live.press(page, "Tell")
        return told(page)

    live.focus(page, "Temperature; at 0 always the most probable token")
    for _ in range(15):
        page.keyboard.press("ArrowRight")
    assert page.locator(".live-place").first.inner_text() == "1.50"
    first, again = tell(), tell()
    assert first == again != greedy  # the same seed, the same story
    live.focus(page, "Seed of the draws")
    page.keyboard.press("Control+A")
    page.keyboard.type("2")
    assert tell() != first
    live.focus(page, "Min-p: only tokens at least p times as probable as the best")
    page.keyboard.press("End")
    assert page.locator(".live-place").nth(1).inner_text() == "0.50"
    live.focus(page, "Temperature; at 0 always the most probable token")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    # At temperature 0.1 and min-p 0.5 only tokens within a factor of 1.07 can beat the best.
    ids = tell()
    model, tokenizer = story_model("en")
    whole = beginning(tokenizer, "Once upon a time") + ids
    logits = torch_logits(model, whole)
    n_given = len(whole) - len(ids)
    rows = logits[n_given - 1 : -1]
    chosen = rows[np.arange(len(ids)), ids]
    assert (rows.max(-1) - chosen <= 0.1 * np.log(2) + TOLERANCE).all()


def test_stop_and_too_long(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    load(page)
    # A page that is slow: each turn of the story waits for us.
    live.press(page, "Tell")
    page.keyboard.press("Tab")
    assert live.focused(page) == "Stop"
    page.keyboard.press("Enter")
    ids = told(page)
    whole = library_story("Once upon a time")
    assert ids == whole[: len(ids)]
    assert live.focused(page) == "Stop"
    live.write(page, "How the text begins", "a fox " * 330)
    page.get_by_role("status").filter(has_text="too long: the model remembers 512").wait_for()
    live.press(page, "Tell")
    page.get_by_role("status").first.filter(has_text="too long").wait_for()
    live.write(page, "How the text begins", "a fox " * 150)
    live.press(page, "Tell")
    told(page)


def test_the_same_model_in_fewer_bits(visit, folder, tmp_path):
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = story_model("en")
    load(page)
    live.write(page, "How the text begins", "There was a ")
    live.press(page, "Tell with each")
    page.wait_for_selector(".live-columns[data-ids]")
    live.settle(page)
    found = json.loads(page.locator(".live-columns").get_attribute("data-ids"))
    [end] = tokenizer.encode(END, allowed_special=[END])
    stories, sizes = [], []
    for type in ("F32", "Q8_0", "Q4_0"):
        write(tmp_path, model, tokenizer, type)
        own, _ = load_gguf(tmp_path / "model.gguf")
        tensors = parse_gguf((tmp_path / "model.gguf").read_bytes()).tensors.values()
        sizes.append(f"{type} · {sum(tensor.data.nbytes for tensor in tensors) / 1e6:.1f} MB")
        ids = beginning(tokenizer, "There was a ")
        stories.append(generate(own, ids, 200, GREEDY, stop_ids=[end]))
    assert found == stories
    groups = page.locator(".live-columns > div")
    assert groups.locator("p:first-child").all_inner_texts() == sizes
    texts = [tokenizer.decode(ids) for ids in stories]
    for i, text in enumerate(texts):
        assert groups.nth(i).locator(".live-story").inner_text() == "There was a " + text
        verdict = groups.nth(i).locator(".live-legend").inner_text()
        assert bool(groups.nth(i).locator("mark").count()) == (text.split() != texts[0].split())
        if i and stories[i] == stories[0]:
            assert verdict == "The same text as F32."
        elif i:
            shorter = min(len(stories[0]), len(stories[i]))
            same = [stories[0][k] == stories[i][k] for k in range(shorter)]
            n = same.index(False) if False in same else shorter
            assert verdict == f"Differs from F32 at token {n + 1}."


def test_marked_words_are_those_of_a_longest_common_text(page):
    live.internals(page, "model_in_page", "wordsInCommon", "wordsOf")
    rng = random.Random(9)
    for _ in range(60):
        a, b = ([rng.choice("abcd") for _ in range(rng.randrange(12))] for _ in range(2))
        common = page.evaluate("([a, b]) => inside.wordsInCommon(a, b)", [a, b])
        kept = [word for word, one in zip(a, common, strict=True) if one]
        rest = iter(b)
        assert all(word in rest for word in kept)  # in the order of b
        longest = np.zeros((len(a) + 1, len(b) + 1), int)
        for i, one in enumerate(a):
            for j, other in enumerate(b):
                longest[i + 1, j + 1] = (
                    longest[i, j] + 1 if one == other else max(longest[i, j + 1], longest[i + 1, j])
                )
        assert len(kept) == longest[-1, -1]
    text = " a  niña,\n¿sí? "
    assert "".join(page.evaluate("text => inside.wordsOf(text)", text)) == text


# ---------------------------------------------------------------------------- the reader's file


def drag(page, path, *moves):
    """Drag a file as a reader does, with the browser's input: what happens, at which element."""
    cdp = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind, selector in moves:
        box = page.locator(selector).bounding_box()
        place = {"x": box["x"] + 10, "y": box["y"] + 10}
        for _ in range(2 if kind == "dragOver" else 1):  # the first one only enters the element
            cdp.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
    cdp.detach()


def test_a_file_that_is_dragged(visit, folder, tmp_path):
    """Over the figure it is awaited; dropped, it is opened, and the control says its name."""
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = small_model()
    write(tmp_path, model, tokenizer)
    path, form = tmp_path / "model.gguf", "form.live-body"

    def outline(style):
        page.wait_for_function(
            f"getComputedStyle(document.querySelector('{form}')).outlineStyle === '{style}'"
        )

    drag(page, path, ("dragEnter", "h1"), ("dragOver", "h1"))
    outline("none")
    drag(page, path, ("dragOver", form))
    outline("dashed")
    drag(page, path, ("dragOver", "h1"))
    outline("none")
    drag(page, path, ("dragOver", form), ("drop", form))
    page.get_by_role("status").filter(has_text="Ready: llama").wait_for()
    outline("none")
    name = "document.querySelector('input[type=file]').files[0]?.name"
    assert page.evaluate(name) == "model.gguf"
    load(page)  # the book's model again, which is no file
    page.get_by_role("status").filter(has_text="Ready: qwen3").wait_for()
    assert page.evaluate(name) is None


def test_what_is_dropped_beside_the_figure(visit, folder):
    """A file opens nothing, the page stays; text is none of the figure's business."""
    page, _ = visit((folder / "en.html").as_uri())
    prevented = page.evaluate(
        """() => [true, false].map((file) => ["h1", "form.live-body"].map((selector) => {
            const dataTransfer = new DataTransfer();
            if (file) dataTransfer.items.add(new File(["none"], "none.gguf"));
            else dataTransfer.setData("text/plain", "a fox");
            return ["dragover", "drop"].map((name) => {
                const options = { dataTransfer, bubbles: true, cancelable: true };
                const event = new DragEvent(name, options);
                document.querySelector(selector).dispatchEvent(event);
                return event.defaultPrevented;
            });
        }))"""
    )
    assert prevented == [[[True, True], [True, True]], [[False, False], [False, False]]]
    page.get_by_role("status").filter(has_text="This is no GGUF file.").wait_for()
    assert page.locator(".live-over").count() == 0
    assert page.get_by_role("status").first.inner_text() == ""


def test_what_is_said_of_a_file_stands_beside_it(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    page.set_viewport_size({"width": 390, "height": 900})
    live.drop(page, "none.gguf", b"none")
    page.get_by_role("status").filter(has_text="This is no GGUF file.").wait_for()
    said = page.get_by_role("status").nth(1).bounding_box()
    control = page.locator("input[type=file]").bounding_box()
    assert 0 < said["y"] - control["y"] < 300
    load(page)
    assert page.get_by_role("status").nth(1).inner_text() == ""


def test_a_calculation_that_overflows(visit, folder):
    """Its numbers are finite, its logits are not: the model that was there stays."""
    page, _ = visit((folder / "en.html").as_uri())
    load(page)
    huge = {
        f"blk.{i}.attn_{name}.weight": floats(32, 32, value=3e38) for i in (0, 1) for name in "kv"
    }
    live.drop(page, "huge.gguf", small_file(tensors=huge))
    said = page.get_by_role("status").filter(has_text="leaves the range of numbers")
    said.filter(has_text="expected logits with a finite largest one, got NaN").wait_for()
    live.press(page, "Tell")
    assert told(page) == library_story("Once upon a time")


@pytest.mark.parametrize("way", ["dropped", "chosen"])
def test_a_file_of_the_reader(visit, folder, tmp_path, way):
    page, requests = visit((folder / "en.html").as_uri())
    model, tokenizer = small_model(n_kv_heads=2, tied=True)
    data = write(tmp_path, model, tokenizer)
    if way == "dropped":
        live.drop(page, "model.gguf", data)
    else:
        page.set_input_files("input[type=file]", tmp_path / "model.gguf")
    page.get_by_role("status").filter(has_text="Ready: llama, 0.0 million").wait_for()
    live.write(page, "How the text begins", "a girl")
    live.press(page, "Tell")
    ids = beginning(tokenizer, "a girl")
    n_tokens = model.config.context_length - len(ids)
    [end] = tokenizer.encode(END, allowed_special=[END])
    assert told(page) == generate(model, ids, n_tokens, GREEDY, stop_ids=[end])
    assert not [url for url in requests if "model_" in url]
    # The book's model can still be loaded, and then takes its place.
    load(page)
    page.get_by_role("status").filter(has_text="Ready: qwen3").wait_for()
    live.write(page, "How the text begins", "Once upon a time")
    live.press(page, "Tell")
    assert told(page) == library_story("Once upon a time")


def test_files_that_cannot_be_opened(visit, folder):
    """The reason in a sentence, then the field; the model that was there stays."""
    page, _ = visit((folder / "es.html").as_uri())
    load(page, "es")
    sizes = {"d_model": 256, "d_ff": 256, "n_layers": 1}
    for data, words in {
        b"PK\x03\x04 a zip": ("Esto no es un archivo GGUF.", "magic at byte 0"),
        b"": ("Este archivo no se puede abrir.", "magic at byte 0"),
        bytes(hostile.valid()): ("Este archivo no se puede abrir.", "token_embd.weight at byte"),
        bytes(small_file(sizes=sizes, type="Q4_K")): ("de un tipo que la página", "got Q4_K"),
        bytes(small_file({"general.architecture": "bert"})): ("una arquitectura", "got bert"),
        bytes(small_file({f"{T}pre": "tekken"})): ("un tokenizador que", "cut as 'tekken'"),
        bytes(small_file())[:-40]: ("Este archivo no se puede abrir.", "that of the file"),
        bytes(small_file({"split.count": 3, "split.no": 1})): (
            "una parte de un modelo",
            "got part 2 of 3",
        ),
    }.items():
        live.drop(page, "file.gguf", data)
        page.get_by_role("status").filter(has_text=words[0]).filter(has_text=words[1]).wait_for()
    live.press(page, "Seguir el cuento")
    assert told(page) == library_story("Había una vez", "es")


def test_files_that_are_too_large_are_not_read(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    page.evaluate(
        """() => {
            window.read = 0;
            File.prototype.arrayBuffer = function () { window.read++; };
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(128e6 + 1)], "large.gguf"));
            const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
            document.querySelector("form.live-body").dispatchEvent(event);
        }"""
    )
    page.get_by_role("status").filter(has_text="too large for the page").wait_for()
    assert page.evaluate("window.read") == 0


def test_models_that_cannot_be_quantized(visit, folder, tmp_path):
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = small_model(d_model=24, n_heads=2)
    live.drop(page, "narrow.gguf", write(tmp_path, model, tokenizer))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.press(page, "Tell with each")
    page.get_by_role("status").filter(has_text="no multiples of 32").wait_for()
    huge = {"blk.0.ffn_up.weight": floats(64, 32, value=1e8)}
    live.drop(page, "huge.gguf", small_file(tensors=huge))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.press(page, "Tell with each")
    page.get_by_role("status").filter(has_text="A scale is too large for 16 bits").wait_for()


def test_a_quantized_file_is_called_so(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    live.drop(page, "small.gguf", small_file(type="Q8_0"))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.press(page, "Tell with each")
    page.wait_for_selector(".live-columns[data-ids]")
    live.settle(page)
    assert page.locator(".live-columns b:only-of-type").first.inner_text() == "Q8_0"
    first, second, _ = json.loads(page.locator(".live-columns").get_attribute("data-ids"))
    assert first == second  # what was rounded once is not rounded again


def test_a_model_without_a_token_between_texts(visit, folder):
    """Nothing stands in front of the beginning, so there has to be one."""
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = small_model()
    live.drop(page, "small.gguf", small_file({f"{T}bos_token_id": 0}))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.write(page, "How the text begins", "")
    live.press(page, "Tell")
    page.get_by_role("status").filter(has_text="Type how the text begins.").wait_for()
    live.write(page, "How the text begins", "a girl")
    live.press(page, "Tell")
    ids = tokenizer.encode("a girl")
    [end] = tokenizer.encode(END, allowed_special=[END])
    assert told(page) == generate(model, ids, 48 - len(ids), GREEDY, stop_ids=[end])
    live.drop(page, "asked.gguf", small_file({f"{T}bos_token_id": 7, f"{T}add_bos_token": True}))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.press(page, "Tell")
    ids = [7, *tokenizer.encode("a girl")]
    assert told(page) == generate(model, ids, 48 - len(ids), GREEDY, stop_ids=[end])


# ----------------------------------------------------------------------------- words and looks


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(visit, folder, theme, width, language):
    source = folder / f"{language}.html"
    name = f"{language} {theme} {width}.html"
    text = source.read_text(encoding="utf-8").replace("<head>", '<head><meta name="viewport"'
        ' content="width=device-width">')  # fmt: skip
    if theme != "no theme":
        text = text.replace("<html", f'<html data-theme="{theme}"')
        text = text.replace("<style>", f"<style>{live.theme_style()}")
    (folder / name).write_text(text, encoding="utf-8")
    page, _ = visit((folder / name).as_uri())
    page.set_viewport_size({"width": width, "height": 900})
    live.assert_accessible(page)
    live.drop(page, "small.gguf", small_file())
    page.wait_for_selector(".live-next tbody tr")
    live.press(page, {"en": "Tell with each", "es": "Seguir con cada uno"}[language])
    page.wait_for_selector(".live-columns[data-ids]")
    live.settle(page)
    live.drop(page, "none.gguf", b"GG" + b"long " * 50)
    page.get_by_role("status").filter(has_text="magic").wait_for()
    live.assert_accessible(page)


def test_controls_are_reached_in_reading_order(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    file = "Open a small GGUF file of your own, or drop it here"
    page.keyboard.press("Tab")
    assert live.focused(page) == LOAD["en"]
    page.keyboard.press("Tab")
    assert live.focused(page) == file
    load(page)
    reached = [live.focused(page)]
    while reached[-1] != file:
        page.keyboard.press("Tab")
        reached.append(live.focused(page))
    say = live.words(page, "model_in_page", "en")
    names = ("beginning", "temperature", "minP", "seed", "tell", "stop", "compareTell")
    assert reached == [*(say[name] for name in names), file]


def test_two_figures_keep_apart(visit, folder):
    both = folder / "both.html"
    one = ModelInPage("A fox", language="en").to_html()
    text = (folder / "en.html").read_text(encoding="utf-8").replace("</main>", f"{one}</main>")
    both.write_text(text, encoding="utf-8")
    page, _ = visit(both.as_uri())
    page.locator("figure").nth(1).scroll_into_view_if_needed()
    buttons = page.get_by_role("button", name=LOAD["en"])
    buttons.nth(1).click()
    page.wait_for_selector("figure:nth-of-type(2) .live-next tbody tr")
    assert page.locator("figure").first.locator(".live-next tbody tr").count() == 0
    assert page.locator("textarea").nth(1).input_value() == "A fox"
    buttons.first.click()
    page.wait_for_selector("figure:nth-of-type(1) .live-next tbody tr")


# ------------------------------------------------------------------------------ other hosts


def test_fallback_shows_the_story(page_without_scripts):
    page = page_without_scripts
    for language, text in {"en": "Once upon a time", "es": "Había una vez"}.items():
        page.set_content(live.html_page(ModelInPage(language=language), scripts=False))
        story = page.locator(".live-fallback .live-story").text_content()
        _, tokenizer = story_model(language)
        assert story == text + tokenizer.decode(library_story(text, language))


def test_jupyter_asks_the_kernel(page, monkeypatch):
    """As anywidget loads it: an ES module; the weights come only when they are asked for."""
    sent = []
    figure = ModelInPage(language="en")
    monkeypatch.setattr(figure, "send", lambda *message, **more: sent.append((*message, more)))
    page.set_default_timeout(WAIT)
    page.evaluate(
        """async ([source, props]) => {
            const module = (await import(`data:text/javascript;base64,${source}`)).default;
            window.listeners = new Map();
            window.asked = [];
            const model = {
                get: (name) => props[name],
                send: (content) => asked.push(content),
                on: (name, listener) => listeners.set(listener, name),
                off: (name, listener) => listeners.delete(listener),
            };
            const el = document.createElement("div");
            document.body.append(el);
            window.stop = module.render({ model, el });
            window.props = props;
        }""",
        [base64.b64encode(str(figure._esm).encode()).decode(), figure.props],
    )
    assert page.evaluate("asked") == []
    page.get_by_role("button", name=LOAD["en"]).click()
    page.wait_for_function("asked.length === 1")
    figure._handle_custom_msg(page.evaluate("asked[0]"), [])
    [(content, more)] = sent
    assert content == {"type": "model"}
    page.evaluate(
        """([content, text]) => {
            const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            for (const [listener, name] of [...listeners]) {
                if (name !== "msg:custom") continue;
                listener({ type: "other" }, []);
                listener(content, [new DataView(bytes.buffer)]);
            }
        }""",
        [content, base64.b64encode(more["buffers"][0]).decode()],
    )
    page.wait_for_selector(".live-next tbody tr")
    page.get_by_role("button", name="Tell", exact=True).click()
    assert told(page) == library_story("Once upon a time")
    # A figure whose properties change starts afresh; one that is taken away lets go.
    page.evaluate(
        """() => {
            props.language = "es";
            for (const listener of [...listeners.keys()]) listener();
        }"""
    )
    assert page.get_by_role("button", name=LOAD["es"]).is_visible()
    page.evaluate("stop()")
    assert page.evaluate("listeners.size") == 0


def test_the_kernel_answers_nothing_else(monkeypatch):
    sent = []
    figure = ModelInPage(language="es")
    monkeypatch.setattr(figure, "send", lambda *message, **more: sent.append((*message, more)))
    for content in ({}, {"type": "save"}, {"type": "load", "path": "/"}, {"language": "en"}):
        figure._handle_custom_msg(content, [])
    assert sent == []
    figure._handle_custom_msg({"type": "load"}, [])
    assert sent == [({"type": "model"}, {"buffers": [model_file("es")]})]


def test_outputs_are_deterministic_and_small():
    one, other = ModelInPage(language="en"), ModelInPage(language="en")
    assert one.to_html() == other.to_html()
    assert repr(one) == "ModelInPage('Once upon a time', language='en')"
    assert set(one.props) == {"beginning", "language", "size", "story"}
    assert len(one.to_html()) < 3_000
    assert one.size == len(model_file("en"))
    data, _ = one._repr_mimebundle_()
    assert len(json.dumps(data)) < 10_000
    assert FILE_FIGURE.findall(one.to_html()) == [("model_in_page", "en")]
    spanish = ModelInPage(language="es").to_html()
    assert FILE_FIGURE.findall(spanish) == [("model_in_page", "es")]
    figure = ModelInPage("<b>&", language="en")
    assert json.loads(live.Props(figure.to_html()).scripts[0]) == figure.props
    assert html.escape("<b>&") in figure.to_html()


def test_the_built_site_has_the_files_of_its_figures(site):
    kinds = {"model_in_page": "model", "look_inside": "model", "train_in_page": "stories"}
    pages = [page.read_text(encoding="utf-8") for page in site.glob("*/*.html")]
    wanted = {one for text in pages for one in FILE_FIGURE.findall(text)}
    found = {path.stem for path in (site / "_static").glob("*_??.js")}
    found = {name for name in found if not name.startswith(("search_", "front_"))}
    assert found == {f"{kinds[figure]}_{own}" for figure, own in wanted if figure in kinds}
    chats = {path.name for path in (site / "_static").glob("chat_*.js")}
    assert chats == ({"chat_model.js", "chat_adapter.js"} if "chat" in dict(wanted) else set())
    assert (site / "_static" / "painter.js").exists() == ("painter" in dict(wanted))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModelInPage(language="fr"), "'en' or 'es', got 'fr'"),
        (lambda: ModelInPage(7), "text"),
        (lambda: ModelInPage("a fox " * 300), "less than 511 tokens, got"),
        (lambda: model_file("fr"), "the language en or es, got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
