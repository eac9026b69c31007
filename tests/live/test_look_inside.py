"""Look inside, in a real browser: what it shows of the model is what the library calculates."""

import json
import re
import threading

import numpy as np
import pytest
import torch

from lessons_lib.corpus.stories import sample
from lessons_lib.generation import Sampling, token_probs
from lessons_lib.gguf import load_gguf
from lessons_lib.live import LookInside
from lessons_lib.live.look_inside import look, questions, right_answers
from lessons_lib.live.model_in_page import model_file
from lessons_lib.live.modules import FOLDER
from lessons_lib.training import END, story_model
from tests.live import page as live
from tests.live.engine import page as engines
from tests.live.engine.page import TOLERANCE, beginning
from tools.book_site.live import FILE_FIGURE, pack_figures, pack_model
from tools.site import server

pytestmark = pytest.mark.site
page, page_without_scripts, engine = live.page, live.page_without_scripts, engines.engine


# ------------------------------------------------------------------------------------ the library


@pytest.mark.parametrize("language", ["en", "es"])
def test_look_sees_what_the_model_calculates(language):
    model, tokenizer = story_model(language)
    ids = beginning(tokenizer, questions(language)[0][0])
    seen = look(model, ids)
    with torch.no_grad():
        expected = model(torch.tensor([ids]))[0]
    torch.testing.assert_close(seen.guesses[-1], expected.softmax(-1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(seen.weights.sum(-1), torch.ones(3, 8, len(ids)))
    assert (seen.weights.triu(1) == 0).all()  # nobody looks ahead
    torch.testing.assert_close(seen.stream[0], model.token_embedding(torch.tensor(ids)).detach())
    assert seen.keys.shape == seen.values.shape == (3, 8, len(ids), 32)

    off = look(model, ids, [(0, 2), (2, 5)])
    with torch.no_grad():  # a head that passes nothing on: its columns of the output map are 0
        for layer, head in [(0, 2), (2, 5)]:
            weight = model.blocks[layer].attention.output.weight
            weight[:, 32 * head : 32 * head + 32] = 0
        expected = model(torch.tensor([ids]))[0]
    torch.testing.assert_close(off.guesses[-1], expected.softmax(-1), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(off.guesses[-1], seen.guesses[-1], atol=0.01)
    torch.testing.assert_close(off.weights[0], seen.weights[0])  # it looks all the same


@pytest.mark.parametrize(("layer", "head"), [(3, 0), (-1, 0), (0, 8), (0, -1)])
def test_a_head_that_is_not_there(layer, head):
    with pytest.raises(ValueError, match=r"expected (layer|head)"):
        look(story_model("en")[0], [1, 2], [(layer, head)])


def test_questions_are_held_out_and_end_before_the_answer():
    for language in ("en", "es"):
        asked = questions(language)
        assert len(asked) == 60
        for (text, answer), story in zip(asked, sample(60, 0, language), strict=True):
            assert story.text.startswith(text + answer)
            assert answer.startswith(story.facts.answer)
            assert story.facts.question in text[-len(story.facts.question) - 5 :]


def test_right_answers():
    model, tokenizer = story_model("en")
    asked = questions("en")
    assert right_answers(model, tokenizer, asked) == 60
    assert right_answers(model, tokenizer, asked, [(0, 2)]) == 26
    assert right_answers(model, tokenizer, asked, [(2, 5)]) == 39
    assert right_answers(model, tokenizer, [(asked[0][0], "Nobody has it")]) == 0
    assert [LookInside(language=one).stored["right"] for one in ("en", "es")] == [60, 59]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"language": "fr"}, "expected language 'en' or 'es', got 'fr'"),
        ({"panels": ["legs"]}, r"expected some of \['heads', .*got \['legs'\]"),
        ({"panels": "heads"}, "expected some of .*got 'heads'"),
        ({"panels": ["heads"], "replay": True}, r"expected panels of \['next', 'text'\] to replay"),
    ],
)
def test_bad_input(values, message):
    with pytest.raises(ValueError, match=message):
        LookInside(**values)


def test_the_kernel_sends_the_file_when_it_is_asked():
    figure, sent = LookInside(), []
    figure.send = lambda content, buffers: sent.append((content, buffers))
    figure._answer(figure, {"type": "other"}, [])
    figure._answer(figure, {"type": "load"}, [])
    assert sent == [({"type": "model"}, [model_file("en")])]


@pytest.mark.parametrize("language", ["en", "es"])
def test_without_scripts_there_is_what_is_stored(page_without_scripts, language):
    figure = LookInside(language=language)
    page_without_scripts.set_content(live.html_page(figure))
    text, answer = figure.asked
    assert page_without_scripts.locator(".live-story").inner_text() == text + answer
    assert (text + answer).endswith("".join(questions(language)[13])[-20:])
    assert page_without_scripts.locator("tbody tr").count() == 24
    assert FILE_FIGURE.findall(figure.to_html()) == [("look_inside", language)]
    assert "table" not in LookInside(["next"], language)._fallback()


# ------------------------------------------------------------------------------------- the engine


def inside(page, language, code, given=None):
    """What a program in the page tells, asked by `ask(name, ...)`."""
    engines.give(page, "model", model_file(language))
    return page.evaluate(
        f"""async (given) => {{
            const counts = [];
            const hear = rooms.looking.serve((told) =>
                told.counted ? counts.push(told.counted) : calls.hear(told));
            const calls = inside.makeCalls(hear);
            const ask = calls.call;
            await ask("open", files.model, "", 0, 0);
            const plainly = (one) => JSON.parse(JSON.stringify(one, (_, value) =>
                ArrayBuffer.isView(value) ? Array.from(value) : value));
            {code}
        }}""",
        given,
    )


VIEWED = """
const { ids, bytes } = await ask("encode", given.text);
await ask("read", ids, given.off, 1);
const views = [];
for (const [position, layer, head] of given.places) {
    views.push(await ask("view", position, layer, head));
}
return plainly({ ids, bytes, views });
"""


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("off", [[], [(0, 2), (1, 4)]])
def test_a_view_holds_the_library_s_numbers(engine, language, off):
    model, tokenizer = story_model(language)
    text = questions(language)[13][0]
    ids = beginning(tokenizer, text)
    last = len(ids) - 1
    flags = [int((i // 8, i % 8) in off) for i in range(24)]
    places = [[last, 2, 1], [0, 0, 2], [last // 2, 1, 4], [2, 0, 0]]
    found = inside(engine, language, VIEWED, {"text": text, "off": flags, "places": places})
    assert found["ids"] == ids
    assert [bytes(one) for one in found["bytes"]] == [tokenizer.vocab[i] for i in ids]
    seen = look(model.double(), ids, off)
    close = {"atol": TOLERANCE, "rtol": 0}
    for (position, layer, head), view in zip(places, found["views"], strict=True):
        n = position + 1
        weights = np.reshape(view["weights"], (3, 8, n))
        np.testing.assert_allclose(weights, seen.weights[:, :, position, :n], **close)
        for row, guesses in zip(seen.guesses[:, position], view["guesses"], strict=True):
            probs, best = row.topk(4)
            np.testing.assert_allclose([prob for _, prob in guesses], probs, **close)
            assert guesses[0][0] == best[0]
        probs = torch.tensor(view["logits"]).softmax(-1)
        np.testing.assert_allclose(probs, seen.guesses[-1, position], **close)
        zoom, own = view["zoom"], seen.weights[layer, head, position]
        np.testing.assert_allclose(zoom["q"], seen.queries[layer, head, position], **close)
        np.testing.assert_allclose(zoom["mixed"], own @ seen.values[layer, head], **close)
        assert [row["place"] for row in zoom["rows"]] == own[:n].topk(min(6, n)).indices.tolist()
        for row in zoom["rows"]:
            np.testing.assert_allclose(row["k"], seen.keys[layer, head, row["place"]], **close)
            np.testing.assert_allclose(row["v"], seen.values[layer, head, row["place"]], **close)
        names = {i: bytes(one) for i, one in view["names"]}
        assert names == {i: tokenizer.vocab[i] for i in names}
        assert {i for guesses in view["guesses"] for i, _ in guesses} <= set(names)


def test_counting_and_counting_anew(engine):
    asked = questions("en")[:12]
    model, tokenizer = story_model("en")
    found = inside(
        engine,
        "en",
        """
        const { asked, off } = given;
        const first = ask("count", asked, off).catch(({ reason }) => reason);
        const second = await ask("count", asked, off);
        const none = await ask("count", [[asked[0][0], "Nobody has it"]], off);
        return [await first, second, none, counts.at(-2), counts.at(-1)];
        """,
        {"asked": asked, "off": [int(i == 2) for i in range(24)]},
    )
    right = right_answers(model, tokenizer, asked, [(0, 2)])
    assert found == ["anew", right, 0, [right, 12], [0, 1]]


def test_writing_by_tokens_and_by_time(engine):
    model, tokenizer = story_model("en")
    text, answer = questions("en")[13]
    found = inside(
        engine,
        "en",
        """
        const { ids } = await ask("encode", given);
        const off = Array(24).fill(0);
        const wanted = { settings: { temperature: 0, minP: 0 }, layer: 0, head: 0 };
        await ask("read", ids, off, 1);
        const four = await ask("write", { ...wanted, tokens: 4 });
        const rest = await ask("write", { ...wanted, tokens: 1e4 });
        const more = await ask("write", { ...wanted, tokens: 1 });
        await ask("read", ids, off, 1);
        const chosen = await ask("write", { ...wanted, tokens: 1, chosen: 7 });
        const timed = await ask("write", { ...wanted, tokens: 1e4, milliseconds: 0 });
        return [four, rest, more, chosen, timed].map(({ written, end, view }) =>
            [written, end ?? null, view.position]);
        """,
        text,
    )
    four, rest, more, chosen, timed = found
    ids = beginning(tokenizer, text)
    assert tokenizer.decode(four[0]) == answer[: len(tokenizer.decode(four[0]))]
    assert four[1:] == [None, len(ids) + 3]
    best = look(model, ids + four[0] + rest[0]).guesses[-1].argmax(-1).tolist()
    assert best[len(ids) - 1 :] == [*four[0], *rest[0], *tokenizer.encode(END, [END])]
    assert rest[1:] == more[1:] == ["end", len(ids) + 3 + len(rest[0])]
    assert more[0] == []
    assert chosen == [[7], None, len(ids)]
    assert timed == [[], None, len(ids)]


def test_other_types(engine, tmp_path):
    model, tokenizer = story_model("en")
    text = questions("en")[13][0]
    found = inside(
        engine,
        "en",
        """
        const { ids } = await ask("encode", given);
        const after = [];
        for (const type of ["Q4_0", "Q8_0", "", "Q4_0"]) {
            await ask("quantize", type);
            await ask("read", ids, Array(24).fill(0));
            after.push(plainly((await ask("view", ids.length - 1, 0, 0)).logits));
        }
        return after;
        """,
        text,
    )
    ids = beginning(tokenizer, text)
    for type, logits in zip(["Q4_0", "Q8_0", "F32", "Q4_0"], found, strict=True):
        engines.write(tmp_path, model, tokenizer, type)
        probs = look(load_gguf(tmp_path / "model.gguf")[0], ids).guesses[-1, -1]
        np.testing.assert_allclose(torch.tensor(logits).softmax(-1), probs, atol=TOLERANCE)


# ------------------------------------------------------------------------------------- the figure


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages as the book has them: the script of all figures, and the models beside it."""
    files = {"live.js": pack_figures(FOLDER)}
    files |= {f"model_{language}.js": pack_model(language) for language in ("en", "es")}
    return live.book_pages(
        tmp_path_factory.mktemp("pages"),
        files,
        [LookInside(language=language) for language in ("en", "es")],
    )


def words_of(page, language="en"):
    return live.words(page, "look_inside", language)


def answered(page):
    page.wait_for_selector("form[data-answer]")
    return page.locator("form").get_attribute("data-answer")


def counted(page):
    page.wait_for_selector("p[data-right]")
    return int(page.locator("p[data-right]").get_attribute("data-right"))


def shown(page):
    """The weights of all heads as they are labelled, and the texts of the tokens."""
    labels = page.locator(".look-head").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label'))"
    )
    found = [re.search(r"(\d[.,]\d\d) (?:at|a) [“«](.*)[”»]", label) for label in labels]
    return [(float(one[1].replace(",", ".")), one[2]) for one in found]


def check_guesses(page, seen):
    """What the stream says after each block, from the last position, is what was seen there."""
    guesses = page.locator(".look-guesses").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label'))"
    )
    for label, row in zip(guesses, seen.guesses[:, -1].flip(0), strict=True):
        found = re.findall(r"(\d[.,]\d\d)(?:, |$)", label)
        found = [float(number.replace(",", ".")) for number in found]
        np.testing.assert_allclose(found, row.topk(4).values, atol=0.006)


@pytest.mark.parametrize(("scheme", "language"), [("file", "en"), ("http", "es")])
def test_who_has_it_in_one_tap(visit, folder, scheme, language):
    with server(folder) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        start = f"http://127.0.0.1:{serving.server_port}/"
        start = start if scheme == "http" else f"{folder.as_uri()}/"
        page, requests = visit(f"{start}{language}.html")
        words = words_of(page, language)
        own = [url for url in requests if not url.startswith(("data:", "blob:"))]
        assert own == [f"{start}{language}.html", f"{start}_static/live.js"]
        model, tokenizer = story_model(language)
        figure = LookInside(language=language)
        stored = shown(page)  # before anything is loaded

        page.get_by_role("button", name=words["who"]).click()
        assert answered(page) == figure.asked[1]
        assert page.locator("form").get_attribute("data-where") == "worker"
        own = [url for url in requests if not url.startswith(("data:", "blob:"))]
        assert own[2:] == [f"{start}_static/model_{language}.js"]

        # It stands where the answer comes from; what it shows there was stored.
        live.settle(page)
        ids = beginning(tokenizer, figure.asked[0])
        assert page.locator("form").get_attribute("data-position") == str(len(ids) - 1)
        seen = look(model, ids)
        found = shown(page)
        sure = [i for i, (weight, _) in enumerate(found) if weight > 0.2]  # others are close
        assert [found[i][1] for i in sure] == [stored[i][1] for i in sure]
        assert len(sure) > 6
        top = seen.weights[:, :, -1].flatten(0, 1).max(-1)
        np.testing.assert_allclose([weight for weight, _ in stored], top.values, atol=0.006)
        names = [tokenizer.vocab[ids[i]].decode() if i else words["start"] for i in top.indices]
        assert [found[i][1] for i in sure] == [names[i] for i in sure]
        check_guesses(page, seen)

        # A head less, counted in the worker.
        page.locator(".look-head").nth(2).click()
        page.get_by_role(
            "button", name=re.compile("Switch layer 1, head 3 off|Apagar .* 3")
        ).click()
        right = counted(page)
        assert right == right_answers(model, tokenizer, questions(language), [(0, 2)])
        assert page.locator(".look-off").count() == 1
        serving.shutdown()


def test_by_keyboard_alone(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    words = words_of(page)
    model, tokenizer = story_model("en")
    text, answer = LookInside().asked
    ids = beginning(tokenizer, text)
    position = page.locator("form").get_attribute

    def at(place):
        page.wait_for_selector(f"form[data-position='{place}']")

    live.press(page, words["one"], times=2)
    at(len(ids) + 1)
    live.press(page, words["back"])
    at(len(ids))
    tokens = page.locator(".look-token")
    assert tokens.count() == len(ids) + 1
    assert tokens.nth(len(ids)).inner_text() == tokenizer.decode(tokenizer.encode(answer)[:1])

    # The story is one stop; the arrow keys go on in it.
    tokens.nth(len(ids)).focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    at(len(ids) - 3)
    assert tokens.nth(len(ids) - 3).get_attribute("aria-current") == "true"
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    at(0)
    assert {weight for weight, _ in shown(page)} == {1.0}
    stops = page.locator(".look-token[tabindex='0'], .look-head[tabindex='0']")
    assert stops.count() == 2

    page.locator(".look-head[tabindex='0']").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert (
        page.locator(".look-head[aria-pressed=true]")
        .get_attribute("aria-label")
        .startswith("Layer 2, head 1")
    )
    live.press(page, "Switch layer 2, head 1 off")
    page.wait_for_selector(".look-off")
    assert not page.locator("p[data-right]").count()  # counted anew
    live.press(page, words["allOn"])
    page.wait_for_function("!document.querySelector('.look-off')")

    # Temperature and min-p: the bars are `token_probs`.
    page.locator(".look-token").last.focus()
    page.keyboard.press("Enter")
    at(len(ids))
    live.focus(page, words["temperature"])
    page.keyboard.press("End")
    live.focus(page, words["minP"])
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    live.settle(page)
    logits = look(model, [*ids, tokenizer.encode(answer)[0]]).guesses[-1, -1].log()
    probs = token_probs(logits, Sampling(temperature=2.0, min_p=0.1))
    bars = page.locator(".look-stair small").all_inner_texts()
    best = probs.topk(10).values.tolist()
    for bar, prob in zip(bars, best, strict=True):
        assert bar == "–" if prob == 0 else float(bar) == pytest.approx(prob, abs=0.0051)

    live.press(page, words["play"])
    page.wait_for_selector("form[data-speed]")
    assert "tokens" in page.get_by_role("status").first.inner_text()
    assert position("data-position") != str(len(ids))


def test_a_bar_that_is_tapped_is_written(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    page.locator(".look-token").nth(9).click()
    page.wait_for_selector("form[data-position='9']")
    live.settle(page)
    bar = page.locator(".look-stair").nth(1)
    name = bar.locator("b").inner_text()
    bar.click()
    page.wait_for_selector("form[data-position='10']")
    live.settle(page)
    tokens = page.locator(".look-token")
    assert tokens.count() == 11
    assert tokens.nth(10).text_content() == name.replace("·", " ")


TEXTS = [
    "The fox",
    "👨‍👩‍👧 y 🦊🏽 the fox 🇪🇸",
    "שלום עולם، مرحبا",
    '<b>bold</b><img src=x onerror="alert(1)"> </script>',
    "nin\u0303a \u0301fox \x00 \u202efox",
    " ",
]


@pytest.mark.parametrize("place", ["worker", "page"])
def test_texts_of_the_reader(visit, folder, place):
    page, _ = visit((folder / "en.html").as_uri())
    if place == "page":
        page.evaluate(
            "() => { globalThis.Worker = class { constructor() { throw new Error('no'); } }; }"
        )
    words = words_of(page)
    _, tokenizer = story_model("en")
    status = page.get_by_role("status").first
    live.press(page, words["read"])
    assert status.inner_text() == words["empty"]
    for text in TEXTS:
        live.write(page, words["own"], text)
        live.press(page, words["read"])
        ids = beginning(tokenizer, text)
        said = f"{len(text)} characters were cut into {len(ids) - 1} tokens."
        status.filter(has_text=said).wait_for()
        assert page.locator(".look-token").count() == len(ids)
        assert page.locator(".look-tokens :is(b, img, script)").count() == 0
    live.write(page, words["own"], "a fox " * 1666)
    live.press(page, words["read"])
    status.filter(has_text="the model remembers 512").wait_for()
    assert page.locator(".look-token").count() == len(ids)  # the text before stays
    assert page.locator("form").get_attribute("data-where") == place
    live.press(page, words["surprise"])
    answer = answered(page)
    assert (
        status.inner_text()
        == f"The model answers: “{answer.rstrip(chr(34) + ',')}.” That is right."
    )
    assert answer == questions("en")[7][1]


def test_a_missing_script_is_told(visit, folder, tmp_path):
    for name in ("en.html", "_static/live.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    missing = "Failed to load resource: net::ERR_FILE_NOT_FOUND"
    page, _ = visit((tmp_path / "en.html").as_uri(), expected=[missing])
    words = words_of(page)
    live.press(page, words["who"])
    page.get_by_role("status").filter(has_text="could not be loaded").wait_for()
    script = "_static/model_en.js"
    (tmp_path / script).write_bytes((folder / script).read_bytes())
    live.press(page, words["who"])  # and can be tried again
    assert answered(page) == LookInside().asked[1]


def test_parts_draw_in_turns(page):
    """No frame has more than its time allows; of what passes, only what is in sight is drawn."""
    page.set_content('<p id="seen">a</p><p id="below" style="margin-top: 5000px">b</p>')
    live.internals(page, "look_inside", "inTurns")
    passing, final, late = page.evaluate(
        """async () => {
            let frame = 0;
            const count = () => { frame++; requestAnimationFrame(count); };
            requestAnimationFrame(count);
            const wait = async (n) => {
                while (n--) await new Promise((done) => requestAnimationFrame(() => done()));
            };
            let log = [];
            const busy = (name) => (state) => {
                log.push([name, state, frame]);
                const until = performance.now() + 12;
                while (performance.now() < until);
            };
            const draw = inside.inTurns(
                [[seen, busy("one")], [seen, busy("two")], [below, busy("three")]]);
            await wait(3); // until it is known what is in sight
            const logs = [];
            for (const act of [
                () => draw(1, true),
                () => draw(2),
                () => { draw(3); draw(4); },
            ]) {
                act();
                await wait(8);
                logs.push(log);
                log = [];
            }
            draw.end();
            return logs;
        }"""
    )
    assert [one[:2] for one in passing] == [["one", 1], ["two", 1]]
    assert [one[:2] for one in final] == [["one", 2], ["two", 2], ["three", 2]]
    for log in (passing, final):
        frames = [frame for *_, frame in log]
        assert len(set(frames)) == len(frames)
    states = {name: [state for other, state, _ in late if other == name] for name, *_ in late}
    assert states == {"one": [3, 4], "two": [4], "three": [4]}


def choose(page, data):
    page.set_input_files(
        "input[type=file]",
        {"name": "own.gguf", "mimeType": "application/octet-stream", "buffer": data},
    )


@pytest.mark.parametrize("first", ["file", "the book's model"])
def test_a_file_of_the_reader(visit, folder, first):
    """All of the figure is about its model: other sizes and heads, no token that begins texts."""
    page, requests = visit((folder / "en.html").as_uri())
    words = words_of(page)
    if first != "file":
        live.press(page, words["one"])
        page.get_by_role("status").filter(has_text="works in your browser").wait_for()
    model, tokenizer = engines.small_model(n_kv_heads=2, n_layers=3, context_length=64)
    live.write(page, words["own"], "a girl saw a fish")
    choose(page, engines.small_file({f"{engines.T}bos_token_id": 0}, sizes=SIZES.items()))
    page.get_by_role("status").filter(has_text="Opened: llama, 3 layers of 4 heads.").wait_for()
    live.settle(page)
    assert page.locator(".look-head").count() == 12
    assert page.locator(".look-off, .look-start").count() == 0
    ids = tokenizer.encode("a girl saw a fish")
    tokens = page.locator(".look-token").all_inner_texts()
    assert tokens == [tokenizer.decode([one]) for one in ids]
    seen = look(model, ids)
    top = seen.weights[:, :, -1].flatten(0, 1).max(-1)
    np.testing.assert_allclose([weight for weight, _ in shown(page)], top.values, atol=0.006)
    check_guesses(page, seen)
    assert counted(page) == 0
    assert bool([url for url in requests if "model_en" in url]) == (first != "file")

    # What cannot be opened changes nothing, and says why.
    too_many = engines.small_file(sizes={"n_layers": 9, "n_heads": 32, "d_head": 2}.items())
    cut = bytes(engines.small_file())[:-40]
    other = bytes(engines.small_file({"general.architecture": "bert"}))
    huge = {
        f"blk.{i}.attn_{name}.weight": engines.floats(32, 32, value=3e38)
        for i in (0, 1)
        for name in "kv"
    }
    for data, said in [
        (b"PK\x03\x04 a zip", "This is no GGUF file. magic at byte 0"),
        (too_many, "more heads than the figure can draw. expected at most 256 heads, got 288"),
        (cut, "This file cannot be opened."),
        (other, "an architecture that the page does not know"),
        (engines.small_file(tensors=huge), "leaves the range of numbers"),
    ]:
        choose(page, bytes(data))
        page.get_by_role("status").filter(has_text=said).wait_for()
    assert page.locator(".look-head").count() == 12
    live.press(page, words["one"])
    page.wait_for_selector(f"form[data-position='{len(ids)}']")
    assert page.locator(".look-token").count() == len(ids) + 1


SIZES = {"n_kv_heads": 2, "n_layers": 3, "context_length": 64}


def test_a_text_longer_than_the_model_remembers_is_read_as_far_as_it_goes(visit, folder):
    page, _ = visit((folder / "es.html").as_uri())
    live.drop(page, "small.gguf", bytes(engines.small_file()))
    page.get_by_role("status").filter(has_text="Abierto: llama, 2 capas de 4 cabezas.").wait_for()
    live.settle(page)
    assert page.locator(".look-token").count() == 48


def test_who_wants_no_motion_sees_the_end(visit, folder):
    """The answer and what is played stand there at once; nothing is drawn on the way."""
    page, _ = visit((folder / "en.html").as_uri())
    page.emulate_media(reduced_motion="reduce")
    words = words_of(page)
    page.evaluate(
        """() => {
            window.seen = new Set();
            const note = () => seen.add(document.querySelectorAll(".look-token").length);
            new MutationObserver(note).observe(
                document.querySelector(".look-tokens"), { childList: true });
        }"""
    )
    tokenizer = story_model("en")[1]
    figure = LookInside()
    live.press(page, words["who"])
    assert answered(page) == figure.asked[1]
    live.settle(page)
    n_given = len(beginning(tokenizer, figure.asked[0]))
    n_answer = len(tokenizer.encode(figure.asked[1]))
    assert page.evaluate("[...seen]") == [n_given + n_answer]
    live.press(page, words["play"])
    page.wait_for_selector("form[data-speed]")
    live.settle(page)
    assert len(page.evaluate("[...seen]")) == 2
    page.emulate_media(reduced_motion="no-preference")


def check_clocks(page, seen, layer, head):
    """The products below the clocks are those of the pairs, of the query and its dearest key."""
    place = int(seen.weights[layer, head, -1].argmax())
    pairs = seen.queries[layer, head, -1] * seen.keys[layer, head, place]
    half = len(pairs) // 2
    expected = pairs[:half] + pairs[half:]
    found = page.locator(".live-clocks text.live-strong").all_text_contents()
    found = [live.number(text.replace(",", ".")) for text in found]
    np.testing.assert_allclose(found, expected, atol=0.006)
    hands = (
        page.locator(".live-clock")
        .first.locator("line")
        .evaluate_all(
            "all => all.map(one => ['x2', 'y2'].map(name => Number(one.getAttribute(name))))"
        )
    )
    before, after = (np.array(both) for both in (hands[:2], hands[2:]))
    np.testing.assert_allclose(np.hypot(*before.T), np.hypot(*after.T), atol=1e-6)
    angles = [np.arctan2(-y, x) for x, y in (after.T, before.T)]  # y points down
    places = np.array([seen.weights.shape[2] - 1, place])
    # The first pair turns by a radian a place.
    np.testing.assert_allclose(np.cos(angles[0] - angles[1] - places), 1, atol=1e-3)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_clocks_of_a_head(visit, folder, language):
    page, _ = visit((folder / f"{language}.html").as_uri())
    figure = LookInside(["clocks"], language)
    live.settle(page)
    model, tokenizer = story_model(language)
    seen = look(model, beginning(tokenizer, figure.asked[0]))
    page.wait_for_selector("form[data-position]")
    products = page.locator(".live-clocks text.live-strong").all_text_contents()
    layer, head = figure.stored["layer"], figure.stored["head"]
    place = int(seen.weights[layer, head, -1].argmax())
    total = float(seen.queries[layer, head, -1] @ seen.keys[layer, head, place])
    assert sum(live.number(one.replace(",", ".")) for one in products) == pytest.approx(
        total, abs=1
    )
    live.press(page, words_of(page, language)["who"])  # what is stored has two decimals, this more
    answered(page)
    live.settle(page)
    check_clocks(page, seen, layer, head)


@pytest.mark.parametrize("language", ["en", "es"])
def test_one_slow_clock_gives_most_of_what_the_chapter_on_llama_shows(language):
    stored = LookInside(["clocks"], language).stored
    q, k = (np.array(one) for one in (stored["zoom"]["q"], stored["zoom"]["rows"][0]["k"]))
    parts = (q * k).reshape(2, -1).sum(0)
    places = 2 * np.pi * stored["sizes"]["ropeBase"] ** (np.arange(16) / 16)
    assert parts.max() / parts.sum() > 0.65
    assert 190 < places[parts.argmax()] < 210
    assert abs(parts[:4]).max() / parts.sum() < 0.05  # the fast ones


def test_the_clocks_of_a_file_in_the_other_layout(visit, folder):
    """In the files of llama the two numbers of a pair are neighbours."""
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = engines.small_model()
    live.write(page, words_of(page)["own"], "a girl saw")
    choose(page, bytes(engines.small_file()))
    page.get_by_role("status").filter(has_text="Opened: llama").wait_for()
    page.locator(".look-head").nth(6).click()
    page.get_by_text("Layer 2, head 3: its clocks").wait_for()
    live.settle(page)
    check_clocks(page, look(model, beginning(tokenizer, "a girl saw")), 1, 2)


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_was_written_is_shown_again(page, language):
    figure = LookInside(["next", "text"], language, replay=True)
    model, tokenizer = story_model(language)
    ids = beginning(tokenizer, figure.asked[0])
    steps = figure.stored["replay"]
    told = "".join(step["text"] for step in steps)
    assert told.startswith(figure.asked[1])
    assert len(json.dumps(steps, ensure_ascii=False)) < 8_000
    page.emulate_media(reduced_motion="reduce")
    live.mount(page, figure)
    tokens = page.locator(".look-token")
    page.wait_for_timeout(700)
    assert tokens.count() == len(ids)  # who wants no motion sees the question
    page.emulate_media(reduced_motion="no-preference")
    live.mount(page, figure)
    words = words_of(page, language)
    button = page.get_by_role("button", name=words["pause"], exact=True)
    page.wait_for_function(f"document.querySelectorAll('.look-token').length > {len(ids) + 1}")
    button.click()
    live.settle(page)
    n = tokens.count()
    page.wait_for_timeout(700)
    assert tokens.count() == n  # it stands still
    step = steps[n - len(ids) - 1]
    assert tokens.last.inner_text() == step["text"]
    bars = page.locator(".look-stair small").all_inner_texts()
    best = [prob for _, prob in step["next"]]
    found = [float(bar.replace("–", "0").replace(",", ".")) for bar in bars[: len(best)]]
    np.testing.assert_allclose(found, best, atol=0.006)
    seen = look(model, [*ids, *tokenizer.encode(told)][:n])
    own = seen.weights[figure.stored["layer"], figure.stored["head"], -1]
    assert {place for place, _ in step["weights"]} == set(torch.where(own > 0.02)[0].tolist())
    for place, weight in step["weights"]:
        assert weight / 1000 == pytest.approx(float(own[place]), abs=2e-3)
    assert page.get_by_role("button", name=words["play"], exact=True).count() == 1


@live.in_every_look
def test_everybody_can_use_it(page, language, width, theme):
    live.mount(page, LookInside(language=language), theme=theme, width=width)
    live.assert_accessible(page)


def test_drawing_and_controls_share_the_screen_of_a_phone(page):
    live.mount(page, LookInside(["heads", "next"]), width=390)
    top = page.locator("form").bounding_box()["y"]
    for part, most in [(".look-story", 450), (".look-heads", 700)]:
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] - top < most, part
    sizes = page.locator("form :is(b, small, span, text, button, p)").evaluate_all(
        "all => all.map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) >= 11


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_numbers_of_a_head_do_not_meet_on_a_phone(page, language):
    live.mount(page, LookInside(["heads", "head"], language=language), width=390)
    texts = page.locator(".look-zoom text").evaluate_all(
        """all => all.map((one) => {
          const { x, right } = one.getBoundingClientRect();
          return [one.textContent, x, right];
        })"""
    )
    middle = min(x for text, x, _ in texts if "softmax" in text)
    assert [text for text, x, right in texts if x < middle < right] == []
    end = page.locator(".look-zoom").evaluate("one => one.getBoundingClientRect().right")
    assert [text for text, _, right in texts if right > end] == []


def test_only_the_panels_that_are_asked_for(page):
    live.mount(page, LookInside(["stream"]))
    assert page.locator(".look-panel").count() == 1
    assert page.locator(".look-guesses").count() == 4
