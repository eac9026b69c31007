"""The live figures in a real browser, driven by the keyboard: the same numbers as the library."""

import doctest
import json
import random
import re
import subprocess
import sys
from itertools import pairwise

import nbclient
import nbformat.v4
import pytest
from traitlets import TraitError

from lessons_lib.intro import continue_text, next_char_counts, next_char_probs
from lessons_lib.live import BPEPlayground, NextCharacter, figure
from lessons_lib.live.figure import visible
from lessons_lib.live.modules import FOLDER
from lessons_lib.tokens import GPT4_PATTERN, BPETokenizer, merge_pair, split_words
from tests.live import page as live

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

PROMPTS = [
    "the fox",
    "The mo",
    "la niña mir",
    "zzz",
    "",
    "🦊 l",
    "Then the fox slept.",
    "e\u0301",
    "\n",
]


@pytest.fixture(scope="module")
def tokenizers():
    return {
        "English stories": BPETokenizer.train(live.ENGLISH, 330),
        "Cuentos en español": BPETokenizer.train(live.SPANISH, 340, ["<|end|>"]),
    }


def tokens_shown(page):
    data = page.locator(".live-words").evaluate("list => ({...list.dataset})")
    return {
        "ids": [int(i) for i in data["ids"].split()],
        "words": json.loads(data["words"]),
        **{
            name: int(data[name]) if data[name] else None
            for name in ("step", "steps", "rank", "count", "bytes", "characters")
        },
    }


def merge_steps(text, tokenizer):
    """Rank and token ids after each step: the lowest rank in the text is merged everywhere."""
    ids = {token: i for i, token in tokenizer.vocab.items()}
    ranks = {(ids[a], ids[b]): n for n, (a, b) in enumerate(tokenizer.merges)}
    words = [[ids[bytes([byte])] for byte in word.encode()] for word in split_words(text)]
    steps = [(None, [i for word in words for i in word])]
    while found := [ranks[pair] for word in words for pair in pairwise(word) if pair in ranks]:
        left, right = tokenizer.merges[min(found)]
        words = [merge_pair(word, (ids[left], ids[right]), ids[left + right]) for word in words]
        steps.append((min(found), [i for word in words for i in word]))
    return steps


# ---------------------------------------------------------------- the BPE playground


def test_bpe_ends_with_the_library_s_ids(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, "the fox"))
    tokenizer = tokenizers["English stories"]
    for text in live.TEXTS:
        live.write(page, "Your text", text)
        live.press(page, "To the end")
        shown = tokens_shown(page)
        assert shown["words"] == split_words(text)
        assert shown["ids"] == tokenizer.encode(text)
        assert shown["count"] == len(tokenizer.encode(text))
        assert (shown["bytes"], shown["characters"]) == (len(text.encode()), len(text))
        counts = page.locator("tr[data-label]").evaluate_all(
            "rows => rows.map(row => [row.dataset.label, Number(row.dataset.count)])"
        )
        assert counts == [[name, len(one.encode(text))] for name, one in tokenizers.items()]


@pytest.mark.parametrize("text", [*live.TEXTS[:6], ""], ids=lambda text: ascii(text)[:30])
def test_bpe_every_step_and_back(page, tokenizers, text):
    live.mount(page, BPEPlayground(tokenizers, text))
    tokenizer = tokenizers["English stories"]
    steps = merge_steps(text, tokenizer)

    def check(step):
        rank, ids = steps[step]
        shown = tokens_shown(page)
        assert (shown["step"], shown["steps"]) == (step, len(steps) - 1)
        assert (shown["rank"], shown["ids"]) == (rank, ids)
        chips = page.locator(".live-chip")
        names = chips.locator(".live-token").all_text_contents()
        assert names == [visible(tokenizer.vocab[i]) for i in ids]
        assert chips.locator("small").all_text_contents() == [str(i) for i in ids]
        new = page.locator(".live-new .live-token").all_text_contents()
        status = page.get_by_role("status").inner_text()
        if step:
            left, right = tokenizer.merges[rank]
            made = visible(left + right)
            assert f"{visible(left)} + {visible(right)} → {made} (rank {rank})" in status
            assert set(new) == {made}
            assert len(new) == len(steps[step - 1][1]) - len(ids)
        else:
            assert new == []
            assert str(len(text.encode())) in status or not text

    check(0)
    for step in range(1, len(steps)):
        live.press(page, "Next merge", key="Space" if step % 2 else "Enter")
        check(step)
    live.press(page, "Next merge")  # nothing more happens, and the focus stays
    check(len(steps) - 1)
    assert live.focused(page) == "Next merge"
    for step in reversed(range(len(steps) - 1)):
        live.press(page, "Back")
        check(step)
    live.press(page, "Back")
    check(0)


def test_bpe_slider_by_keyboard(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, live.TEXTS[0]))
    steps = merge_steps(live.TEXTS[0], tokenizers["English stories"])
    live.focus(page, "Merges applied, in order")
    for key, step in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", -1)]:
        page.keyboard.press(key)
        assert tokens_shown(page)["ids"] == steps[step][1]
    page.keyboard.press("Home")
    assert tokens_shown(page)["step"] == 0
    slider = page.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == f"0 of {len(steps) - 1}"


def test_bpe_vocabulary_by_keyboard(page, tokenizers):
    text = "la niña y the fox <|end|>"
    live.mount(page, BPEPlayground(tokenizers, text))
    live.press(page, "To the end")
    live.focus(page, "English stories")
    page.keyboard.press("ArrowDown")
    # Who was at the end stays at the end; special tokens in the text are plain text.
    assert tokens_shown(page)["ids"] == tokenizers["Cuentos en español"].encode(text)
    page.keyboard.press("ArrowUp")
    assert tokens_shown(page)["ids"] == tokenizers["English stories"].encode(text)
    live.focus(page, "its id")
    page.keyboard.press("ArrowRight")
    below = page.locator(".live-chip small").all_text_contents()
    assert bytes.fromhex("".join(below)) == text.encode()


def ghosts(page):
    return page.locator(".live-ghost .live-token").all_text_contents()


def test_bpe_two_boxes_slide_into_one(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, "the the fox"))
    left, right = (visible(part) for part in tokenizers["English stories"].merges[0])
    # stop what moves at its first frame
    page.evaluate(
        "() => (Element.prototype.animate = function (frames) {"
        " (window.seen ??= []).push([this.className, frames[0].transform]); return {}; })"
    )
    live.press(page, "Next merge")
    found = ghosts(page)
    assert found
    assert found == [left, right] * (len(found) // 2)
    seen = page.evaluate("window.seen")
    moves = [move for kind, move in seen if kind == "live-ghost"]
    assert len(moves) == len(found)
    assert {kind for kind, _ in seen} == {"live-ghost", "live-chip", "live-chip live-new"}
    live.press(page, "Back")  # back, and many at once, nothing moves
    assert ghosts(page) == []
    live.press(page, "To the end")
    assert ghosts(page) == []
    assert len(page.evaluate("window.seen")) == len(seen)


def neighbours(page, left, right):
    """The middles of the first two boxes that stand side by side with these tokens."""
    return page.evaluate(
        """(wanted) => {
            for (const box of document.querySelectorAll(".live-words .live-chip")) {
                const pair = [box, box.nextElementSibling];
                const texts = pair.map((one) => one?.querySelector(".live-token").textContent);
                if (texts.join() !== wanted.join()) continue;
                return pair.map((one) => one.getBoundingClientRect()).map(
                    ({ left, right, top, bottom }) => [(left + right) / 2, (top + bottom) / 2]);
            }
        }""",
        [left, right],
    )


@pytest.mark.parametrize("backwards", [False, True])
def test_bpe_a_box_dragged_onto_its_neighbour_joins_it(page, tokenizers, backwards):
    live.mount(page, BPEPlayground(tokenizers, "the the fox"))
    left, right = (visible(part) for part in tokenizers["English stories"].merges[0])
    start, end = neighbours(page, left, right)[:: -1 if backwards else 1]
    live.drag(page, start, ((start[0] + end[0]) / 2, end[1]), end)
    assert tokens_shown(page)["step"] == 1
    assert neighbours(page, left, right) is None  # the same pair in the other word too
    assert "Merge 1 of" in page.get_by_role("status").inner_text()


def test_bpe_a_box_dragged_by_a_finger(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, "the the fox"))
    left, right = (visible(part) for part in tokenizers["English stories"].merges[0])
    box = page.locator("form").first.bounding_box()
    places = [[x - box["x"], y - box["y"]] for x, y in neighbours(page, left, right)]
    live.drag_by_touch(page, *places, "form")
    assert tokens_shown(page)["step"] == 1


def test_bpe_a_pair_whose_turn_has_not_come_is_told(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, "she fox"))
    ranks = {pair: i for i, pair in enumerate(tokenizers["English stories"].merges)}
    shown = page.locator(".live-words .live-token").all_text_contents()
    status = page.get_by_role("status")
    told = set()
    for left, right in [*zip("she", "he", strict=False), ("o", "x")]:
        places = neighbours(page, left, right)
        pair = (left.encode(), right.encode())
        live.drag(page, *places)
        if tokens_shown(page)["step"]:
            assert ranks[pair] == min(ranks.get(one, 1e9) for one in PAIRS)
            live.press(page, "Back")
            told.add("merged")
        elif pair in ranks:
            assert f"{left} + {right} has rank {ranks[pair]}" in status.inner_text()
            told.add("later")
        else:
            assert status.inner_text().endswith(f"joins {left} and {right}.")
            told.add("never")
    assert "later" in told
    assert page.locator(".live-words .live-token").all_text_contents() == shown
    # Dragged only a little, or where there is no neighbour, a box goes back without a word.
    live.press(page, "To the end")
    before = status.inner_text()
    [x, y] = page.locator(".live-words .live-chip").last.evaluate(
        "(one) => [one.getBoundingClientRect().left + 4, one.getBoundingClientRect().top + 4]"
    )
    live.drag(page, (x, y), (x + 90, y))
    assert status.inner_text() == before
    assert page.locator(".live-chip[style*=translate]").count() == 0


PAIRS = [(b"s", b"h"), (b"h", b"e"), (b" ", b"f"), (b"f", b"o"), (b"o", b"x")]


def test_bpe_nothing_moves_for_who_wants_no_motion(page, tokenizers):
    page.emulate_media(reduced_motion="reduce")
    live.mount(page, BPEPlayground(tokenizers, "the fox"))
    page.evaluate("() => { Element.prototype.animate = () => { throw new Error('moved'); } }")
    live.press(page, "Next merge", 2)
    assert tokens_shown(page)["step"] == 2
    live.press(page, "Play")
    assert tokens_shown(page)["ids"] == tokenizers["English stories"].encode("the fox")
    page.emulate_media(reduced_motion="no-preference")


def test_bpe_play_merges_to_the_end(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, "the"))
    live.press(page, "Play")
    page.wait_for_function(
        "(({ step, steps }) => step === steps)(document.querySelector('.live-words').dataset)"
    )
    assert tokens_shown(page)["ids"] == tokenizers["English stories"].encode("the")
    assert page.locator(".live-ghost").count() in (0, 2)
    page.wait_for_function("!document.querySelector('.live-ghost')")
    assert page.get_by_role("button", name="Play").count() == 1


def test_bpe_boxes_inside_a_character_touch_the_one_before(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, "🦊é a"))
    joined = page.locator(".live-words .live-chip").evaluate_all(
        "all => all.map(one => one.classList.contains('live-joined'))"
    )
    assert joined == [byte >> 6 == 2 for byte in "🦊é a".encode()]


def test_bpe_a_new_box_is_scrolled_to(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, "ox " * 60 + "he"), width=390)
    stage = page.locator(".live-stage")
    assert stage.evaluate("one => one.scrollHeight > one.clientHeight")
    for _ in range(8):
        live.press(page, "Next merge")
        outer, inner = (
            stage.bounding_box(),
            page.locator(".live-new").first.bounding_box(),
        )
        assert outer["y"] - 1 <= inner["y"]
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1
        if tokens_shown(page)["step"] == tokens_shown(page)["steps"]:
            break


def test_bpe_stays_at_the_end_while_typing(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers, "the fox"))
    live.press(page, "To the end")
    live.focus(page, "Your text")
    page.keyboard.press("End")
    page.keyboard.type(" didn't sleep")
    expected = tokenizers["English stories"].encode("the fox didn't sleep")
    assert tokens_shown(page)["ids"] == expected


def test_bpe_line_ends_of_another_system_stay(page, tokenizers):
    """A text box turns CR LF into LF: the author's text is split as given all the same."""
    live.mount(page, BPEPlayground(tokenizers, "the\r\nfox \r"))
    assert tokens_shown(page)["words"] == split_words("the\r\nfox \r")


def test_bpe_ids_in_another_order(page):
    """Ranks are the order of the merges, not of the ids."""
    pieces = [bytes([byte]) for byte in range(256)] + [b"ab", b"bc", b"abc", b"abcd"]
    vocab = {1000 - 3 * i: piece for i, piece in enumerate(pieces)}
    merges = [(b"b", b"c"), (b"a", b"b"), (b"a", b"bc"), (b"abc", b"d")]
    tokenizer = BPETokenizer.from_merges(vocab, merges)
    text = "abcd ab bcd abab aabbccdd"
    live.mount(page, BPEPlayground({"odd": tokenizer}, text))
    live.press(page, "To the end")
    assert tokens_shown(page)["ids"] == tokenizer.encode(text)


def test_bpe_long_text_draws_some_words_and_counts_all(page, tokenizers):
    text = live.ENGLISH * 35
    live.mount(page, BPEPlayground(tokenizers, text))
    live.press(page, "To the end")
    assert tokens_shown(page)["ids"] == tokenizers["English stories"].encode(text)
    words = page.locator(".live-words > li")
    assert words.count() == 301
    assert words.last.inner_text() == f"… ({len(split_words(text)) - 300:,} more)"


def test_bpe_random_texts(page, tokenizers):
    """The module's own functions on texts of the characters that splitting and UTF-8 make hard."""
    rng = random.Random(7)
    alphabet = [
        *"theoxwani 's lrd  12é·'.,",
        *"\n\t\u00a0\u0085\ufeff\u200d\u0301ñ猫🦊\u3000\r\x1cⅧ",
    ]
    texts = ["".join(rng.choices(alphabet, k=rng.randrange(40))) for _ in range(400)]
    live.internals(page, "bpe_playground", "readVocabulary", "mergeAll", "tokensAt")
    for tokenizer in tokenizers.values():
        props = BPEPlayground({"x": tokenizer}).props["vocabularies"][0]
        found = page.evaluate(
            """([props, texts]) => {
                const vocabulary = inside.readVocabulary(props);
                return texts.map((text) => {
                    const run = inside.mergeAll(text, vocabulary);
                    return [run.words, inside.tokensAt(run, Infinity)];
                });
            }""",
            [props, texts],
        )
        assert found == [[split_words(text), tokenizer.encode(text)] for text in texts]


def test_visible_tokens_are_the_same_in_both(page, tokenizers):
    rng = random.Random(11)
    tokens = [token for one in tokenizers.values() for token in one.vocab.values()]
    tokens += [rng.randbytes(rng.randrange(6)) for _ in range(2000)]
    tokens += [text.encode()[i : i + 5] for text in live.TEXTS[:14] for i in range(12)]
    live.internals(page, "bpe_playground", "visible", "decoded")
    found = page.evaluate(
        "tokens => tokens.map((one) => inside.visible(inside.decoded(one)))",
        [list(token) for token in tokens],
    )
    assert found == [visible(token) for token in tokens]


# ---------------------------------------------------------------- the next character


def counts_shown(page):
    data = page.locator("table.live-bars").evaluate("table => ({...table.dataset})")
    return data["context"], dict(json.loads(data["counts"]))


def test_next_character_counts_as_the_library(page):
    text = live.ENGLISH + live.SPANISH + "🦊 luna 🦊 lobo e\u0301a\n\n"
    live.mount(page, NextCharacter(text, ["Once"]))
    for prompt in PROMPTS:
        live.write(page, "Your text so far", prompt)
        live.focus(page, "How many characters it may look back")
        for max_context in reversed(range(13)):
            page.keyboard.press("End" if max_context == 12 else "ArrowLeft")
            assert page.locator(".live-place").inner_text() == str(max_context)
            check_prediction(page, text, prompt, max_context)


def check_prediction(page, text, prompt, max_context):
    context, counts = next_char_counts(text, prompt, max_context)
    found_context, found = counts_shown(page)
    assert (found_context, list(found.items())) == (context, list(counts.items()))
    rows = page.locator("tbody tr").evaluate_all("rows => rows.map(row => ({...row.dataset}))")
    probs = list(next_char_probs(text, prompt, max_context).items())
    shown = [(row["char"], float(row["probability"])) for row in rows if "char" in row]
    assert shown == probs[:8]  # the same divisions of whole numbers: equal to the last bit
    rest = [int(row["count"]) for row in rows if "rest" in row]
    assert rest == ([sum(list(counts.values())[8:])] if probs[8:] else [])
    total = sum(counts.values())
    assert f"({total:,} place{'s' * (total != 1)})" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_next_character_writes_as_the_library(page, seed):
    text = live.ENGLISH + "🦊 luna\r\n🦊 lobo 👨‍👩‍👧\n"
    prompts = ["The little ", "🦊 l"]
    live.mount(page, NextCharacter(text, prompts, max_context=3, seed=seed))
    box = page.locator("textarea")
    for prompt in prompts:
        live.press(page, prompt)
        assert box.input_value() == prompt
        live.press(page, "Add the most likely", 2)
        assert box.input_value() == continue_text(text, prompt, 2, None, 3)
        live.press(page, "Start again")
        live.press(page, "Write 40, the most likely each time")
        assert box.input_value() == in_box(continue_text(text, prompt, 40, None, 3))
        live.press(page, "Start again")
        live.press(page, "Add one at random", 3, "Space")
        live.press(page, "Write 40 at random", 2)  # the draws go on
        assert box.input_value() == in_box(continue_text(text, prompt, 83, seed, 3))
        live.press(page, "Start again")
        assert box.input_value() == prompt


def in_box(text):
    """A text box shows every line end as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_next_character_random_texts(page):
    rng = random.Random(3)
    alphabet = "aab ñ🦊\u0301\n"
    cases = [
        [
            "".join(rng.choices(alphabet, k=rng.randrange(1, 60))),
            "".join(rng.choices(alphabet, k=rng.randrange(15))),
            rng.randrange(14),
        ]
        for _ in range(500)
    ]
    live.internals(page, "next_character", "nextCounts", "points", "textOf")
    found = page.evaluate(
        """cases => cases.map(([text, prompt, most]) => {
            const { nextCounts, points, textOf } = inside;
            const { context, counts } = nextCounts(points(text), points(prompt), most);
            return [textOf(context), counts.map(([code, n]) => [textOf([code]), n])];
        })""",
        cases,
    )
    expected = [next_char_counts(*case) for case in cases]
    assert found == [[context, [list(one) for one in n.items()]] for context, n in expected]


# ---------------------------------------------------------------- both figures


def both(tokenizers, language="en"):
    return (
        BPEPlayground(tokenizers, language=language),
        NextCharacter(live.ENGLISH if language == "en" else live.SPANISH, language=language),
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Next merge", "Your text", "Bytes per token", "The model looks at", "Start again"]),
        (
            "es",
            [
                "Fusión siguiente",
                "Tu texto",
                "Bytes por token",
                "El modelo se fija en",
                "Escribir 40",
            ],
        ),
    ],
)
def test_figures_speak_the_language(page, tokenizers, language, words):
    live.mount(page, *both(tokenizers, language))
    shown = page.locator("main").inner_text()
    assert [word for word in words if word not in shown] == []
    other = "Fusi" if language == "en" else "merge"
    assert other not in shown
    assert page.locator(".live-body").first.get_attribute("lang") == language


def test_all_controls_can_be_reached_in_reading_order(page, tokenizers):
    live.mount(page, *both(tokenizers))
    assert live.reached(page, 16) == [
        *["English stories", "Your text", "live-scroll live-stage"],
        *["Back", "Next merge", "Play", "To the end", "Merges applied, in order"],
        *["Ids, bytes and all vocabularies", "its id"],
        *["Once upon a ", "Your text so far", "Add the most likely", "Add one at random"],
        *["Write 40, the most likely each time", "Write 40 at random"],
    ]


def test_two_playgrounds_keep_their_choices_apart(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers), BPEPlayground(tokenizers))
    live.focus(page, "English stories")
    page.keyboard.press("ArrowDown")
    assert page.locator("input[type=radio]").evaluate_all("all => all.map(one => one.checked)") == [
        *[False, True, True, False],
        *[True, False, True, False],
    ]


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(page, tokenizers, theme, width, language):
    live.mount(page, *both(tokenizers, language), theme=theme, width=width)
    live.press(page, "Next merge" if language == "en" else "Fusión siguiente", 3)
    live.assert_accessible(page)
    page.evaluate("document.activeElement.blur()")
    live.assert_accessible(page)


def test_axe_would_find_something(page, tokenizers):
    live.mount(page, BPEPlayground(tokenizers))
    page.add_style_tag(content=".live-status { color: #bbb !important }")
    assert [name for name, _ in live.violations(page)] == ["color-contrast"]


def test_nothing_moves_in_the_style():
    """What moves is moved by scripts, which ask whether the reader wants less of it."""
    style = (FOLDER / "live.css").read_text()
    assert style.count("{") == style.count("}")  # else all that follows is lost
    assert not re.search("transition|animation|smooth", style)
    for path in FOLDER.glob("*.js"):
        text = path.read_text()
        assert "isStill()" in text or ".animate(" not in text


def test_fallback_without_scripts(page_without_scripts, tokenizers):
    page = page_without_scripts
    page.set_content(live.html_page(*both(tokenizers), scripts=False))
    tables = page.locator(".live-fallback table")
    assert tables.count() == 2
    rows = tables.nth(0).locator("tbody tr")
    text = BPEPlayground(tokenizers).text
    for row, (name, one) in zip(rows.all(), tokenizers.items(), strict=True):
        ids = one.encode(text)
        assert row.locator("th").inner_text() == name
        chips = [visible(one.vocab[i]) for i in ids]
        assert row.locator(".live-chip").all_text_contents() == chips
        assert row.locator("td").nth(1).inner_text() == str(len(ids))
        assert row.locator("td").nth(2).inner_text() == f"{len(text.encode()) / len(ids):.2f}"
    rows = tables.nth(1).locator("tbody tr").all_inner_texts()
    probs = next_char_probs(live.ENGLISH, live.ENGLISH[:12])
    counts = next_char_counts(live.ENGLISH, live.ENGLISH[:12])[1]
    assert rows == [f"{visible(c.encode())}\t{p:.3f}\t{counts[c]}" for c, p in probs.items()]
    assert page.locator("script.live-props").first.is_hidden()


def test_fallback_sums_up_the_rest():
    html = NextCharacter("abcdefghijk", [""], language="es").to_html()
    assert '<th scope="row">otros</th><td>0,273</td><td>3</td>' in html


@pytest.mark.parametrize(
    "text", ["</script><b>", "<!--<script>", "\"&quot;'", "a\x00\r\n\u2028\ufeff🦊"]
)
def test_html_holds_any_text(page, tokenizers, text):
    figures = (
        BPEPlayground({text: tokenizers["English stories"]}, text),
        NextCharacter(text, [text]),
    )
    for one in figures:
        found = live.Props(one.to_html())
        assert json.loads("".join(found.scripts[:1])) == one.props
        assert "b" not in found.tags
    live.mount(page, *figures)
    assert tokens_shown(page)["words"] == split_words(text)
    context, counts = next_char_counts(text, text)
    assert counts_shown(page) == (context, counts)


def test_outputs_are_deterministic(tokenizers):
    for first, second in zip(both(tokenizers), both(tokenizers), strict=True):
        one, other = (figure._repr_mimebundle_()[0] for figure in (first, second))
        view = "application/vnd.jupyter.widget-view+json"
        assert one.pop(view) != other.pop(view)  # two widgets for a kernel,
        assert one == other  # and the same text and HTML
        assert set(one) == {"text/plain", "text/html"}
        assert one["text/plain"] == repr(first)
        assert " at 0x" not in one["text/plain"]
    assert repr(second) == (
        "NextCharacter(559 characters, prompts=['Once upon a '], max_context=12, seed=0, "
        "language='en')"
    )


def test_strict_nbval_accepts_the_figures(tmp_path):
    source = (
        "from lessons_lib.live import BPEPlayground, NextCharacter\n"
        "from lessons_lib.tokens import BPETokenizer\n"
        "tokenizer = BPETokenizer.train('banana bandana', 260)"
    )
    cells = [source, "BPEPlayground({'b': tokenizer}, 'banana')", "NextCharacter('banana', ['an'])"]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(nb, kernel_name="python3").execute()
    for cell in nb.cells[1:]:
        assert "live-figure" in cell.outputs[0].data["text/html"]
    path = tmp_path / "figures.ipynb"

    def nbval():
        nbformat.write(nb, path)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--nbval",
            "--nbval-current-env",
            "-q",
            str(path),
        ]
        return subprocess.run([*command, "-p", "no:cacheprovider"], capture_output=True, text=True)

    run = nbval()
    assert "3 passed" in run.stdout, run.stdout
    data = nb.cells[2].outputs[0].data
    data["text/html"] = data["text/html"].replace('"prompts":["an"]', '"prompts":["na"]')
    assert "1 failed, 2 passed" in nbval().stdout


def test_properties_are_traits_that_a_kernel_can_change(tokenizers):
    playground, following = both(tokenizers)
    assert set(playground.props) == {"language", "text", "vocabularies"}
    assert set(following.props) == {"language", "max_context", "prompts", "seed", "text"}
    playground.text = "the fox"
    assert '"text":"the fox"' in playground.to_html()
    assert "the fox" in playground.to_html().split("</script>")[1]


def test_doctests():
    assert doctest.testmod(figure).failed == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: BPEPlayground({}), "named tokenizers"),
        (lambda t: BPEPlayground([t]), "named tokenizers"),
        (lambda t: BPEPlayground({"": t}), "a name for each tokenizer"),
        (lambda t: BPEPlayground({3: t}), r"text \(str\), got int"),
        (lambda t: BPEPlayground({"t": t}, "a" * 20_001), "at most 20000 characters, got 20001"),
        (lambda t: BPEPlayground({"t": t}, "\ud800"), "lone surrogates"),
        (lambda t: BPEPlayground({"t": t}, language="fr"), "'en' or 'es', got 'fr'"),
        (lambda t: BPEPlayground({"t": BPETokenizer.train("a", 256, (), GPT4_PATTERN)}), "GPT2"),
        (lambda t: BPEPlayground({"t": Broken(t)}), r"the token b'\\xff'"),
        (lambda t: NextCharacter(""), "1 to 200000 characters, got 0"),
        (lambda t: NextCharacter("a" * 200_001), "got 200001"),
        (lambda t: NextCharacter(b"abc"), r"text \(str\), got bytes"),
        (lambda t: NextCharacter("abc", []), "sequence of prompts"),
        (lambda t: NextCharacter("abc", "ab"), "sequence of prompts, got 'ab'"),
        (lambda t: NextCharacter("abc", [3]), r"text \(str\), got int"),
        (lambda t: NextCharacter("abc", max_context=-1), "at least 0, got -1"),
        (lambda t: NextCharacter("abc", seed=2**32), "seed from 0"),
        (lambda t: NextCharacter("abc", language="de"), "'en' or 'es', got 'de'"),
    ],
)
def test_errors(tokenizers, make, message):
    with pytest.raises(ValueError, match=message):
        make(tokenizers["English stories"])


class Broken:
    """A tokenizer whose vocabulary lacks a byte."""

    def __init__(self, tokenizer):
        self.vocab = {i: token for i, token in tokenizer.vocab.items() if token != b"\xff"}
        self.merges, self.pattern = tokenizer.merges, tokenizer.pattern


def test_a_trait_of_another_type_is_refused(tokenizers):
    with pytest.raises(TraitError):
        BPEPlayground(tokenizers).text = 3
