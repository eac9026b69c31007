"""The slides: made from the notebooks and from nothing else, the same in both languages."""

import json
import re
import shutil
from functools import cache
from html import unescape
from html.parser import HTMLParser

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from nbformat import v4
from pypdf import PdfReader

from tools import house
from tools.publish import publish
from tools.slides import __main__ as command
from tools.slides import browse, build, plan, sizes
from tools.slides.parts import chapter_parts, is_topic, marks_of, prose_parts, sentences

SLUGS = build.chapter_slugs()


@pytest.fixture(scope="module")
def decks():
    return build.make_decks()


@pytest.fixture(scope="module")
def pages(decks):
    return build.pages(decks)[0]


# --- Nothing that is not in the notebook ------------------------------------------------------
# Read again with other means: HTML by the standard library, the notebook as plain JSON.


class Slides(HTMLParser):
    """The words, the code lines and the drawn things of a deck's slides, without the notes."""

    def __init__(self, page):
        super().__init__()
        self.words, self.code, self.drawn, self.count = [], [], [], 0
        self.inside, self.pre = [], None
        self.feed(page[page.index('<div class="slides">') : page.rindex("</main>")])

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.count += tag == "section"
        if tag in ("aside", "pre", "svg", "script", "figure"):
            self.inside.append(tag)
        if tag == "pre" and "aside" not in self.inside:
            self.pre = ""
        if tag == "path" and "svg" in self.inside:
            self.drawn.append(given["d"])

    def handle_endtag(self, tag):
        if tag == "pre" and self.pre is not None:
            self.code += self.pre.split("\n")
            self.pre = None
        if tag in ("aside", "pre", "svg", "script", "figure"):
            self.inside.remove(tag)

    def handle_data(self, data):
        if "aside" in self.inside:
            return
        if self.pre is not None:
            self.pre += data
        elif "figure" in self.inside or "svg" in self.inside:
            self.drawn.append(data)
        else:
            self.words.append(data)


def letters(text):
    return re.sub(r"[\W_]+", "", text)


def numbers(text):
    return re.findall(r"\d+(?:[.,]\d+)*", text)


@cache
def cells_of(root, language, slug):
    text = (root / "book" / language / f"{slug}.ipynb").read_text(encoding="utf-8")
    return json.loads(text)["cells"]


def strangers(page, cells):
    """Return what stands on a deck's slides and not in the notebook."""
    slides = Slides(page)
    sources = ["".join(cell["source"]) for cell in cells]
    outputs = []
    for cell in cells:
        for output in cell.get("outputs", ()):
            given = [output.get("text", ""), *output.get("data", {}).values()]
            outputs += ["".join(text) for text in given if isinstance(text, (str, list))]
    prose = "\n".join(sources)
    lines = {line.strip() for text in [*sources, *outputs] for line in text.split("\n")}
    known = letters(re.sub(r"\]\([^)]*\)", "]", unescape(prose)))
    figures = {number for text in sources for number in numbers(text)}
    drawn = unescape("".join(outputs))
    found = [line for line in slides.code if line.strip() and line.strip() not in lines]
    found += [text for text in slides.words if letters(text) not in known]
    found += [n for text in slides.words for n in numbers(text) if n not in figures]
    found += [text for text in slides.drawn if text.strip() and text not in drawn]
    return found


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_all_of_a_slide_stands_in_its_notebook(pages, language):
    for slug in SLUGS:
        page = pages[f"{language}/{slug}.html"]
        assert strangers(page, cells_of(build.ROOT, language, slug)) == [], slug


def test_a_drifted_notebook_is_noticed(pages):
    page, cells = pages["en/attention.html"], cells_of(build.ROOT, "en", "attention")
    at = {cell["id"]: cell for cell in cells}

    def drift(cell, old, new, output=False):
        other = json.loads(json.dumps(at[cell]))
        place = other["outputs"][0] if output else other
        key = "text" if output else "source"
        text = "".join(place[key])
        assert old in text
        place[key] = text.replace(old, new)
        return strangers(page, [other if one["id"] == cell else one for one in cells])

    assert drift("build-softmax", "keepdim=True", "keepdim=False")
    assert drift("one-query-loop", "0.33", "0.34", output=True)
    assert drift("recap", "a causal mask".capitalize(), "A mask of causes")
    assert drift("scaling", "Sixteen", "Fifteen")
    assert "19" in strangers(page.replace("<h2>", "<h2>19 ", 1), cells)
    assert strangers(page.replace('d="M', 'd="M 7', 1), cells)


# --- The decks ---------------------------------------------------------------------------------


def test_every_chapter_has_a_deck_of_15_to_50_slides_for_75_to_90_minutes(decks):
    assert [deck.slug for deck in decks] == SLUGS
    assert [deck.slug for deck in decks if not 15 <= len(deck.slides) <= 50] == []
    assert {75 <= sum(deck.minutes) <= 90 for deck in decks} == {True}
    assert [deck.slug for deck in decks if min(deck.minutes) < 1] == []
    for deck in decks:
        assert len(deck.minutes) == len(deck.sections)
        assert [slide.section for slide in deck.slides] == sorted(s.section for s in deck.slides)


def test_both_languages_have_the_same_slides(decks, pages):
    for deck in decks:
        both = [pages[f"{language}/{deck.slug}.html"] for language in house.LANGUAGES]
        shapes = [
            [
                re.findall(r'<(?:pre|div) class="([\w ]+)"', section)
                for section in re.findall(r"<section.*?</section>", page, re.S)
            ]
            for page in both
        ]
        assert len(shapes[0]) == len(deck.slides)
        drop = {"math", "highlight"}
        plain = [[[c for c in s if c not in drop and "live-" not in c] for s in p] for p in shapes]
        assert plain[0] == plain[1], deck.slug


def test_nothing_is_estimated_to_be_higher_than_its_slide(decks):
    over = [(deck.slug, i) for deck in decks for i, s in enumerate(deck.slides) if s.left < 0]
    assert over == []


def test_code_comes_in_steps_and_whole(decks):
    for deck in decks:
        steps = {}
        for block in (block for slide in deck.slides for block in slide.blocks):
            if block.kind == "code":
                for language, text in block.texts.items():
                    assert text.count("\n") < sizes.STEP, (deck.slug, block.cell)
                    steps.setdefault((language, block.cell), []).append(text)
        for (language, cell), texts in steps.items():
            source = next(
                "".join(one["source"])
                for one in cells_of(build.ROOT, language, deck.slug)
                if one["id"] == cell
            )
            kept = [line for text in texts for line in text.split("\n") if line.strip()]
            assert kept == [line for line in source.split("\n") if line.strip()], cell


def test_answers_come_after_a_pause(decks, pages):
    blocks = [block for deck in decks for slide in deck.slides for block in slide.blocks]
    answers = [block for block in blocks if block.kind == "answer"]
    assert len(answers) > 80
    assert {block.hidden for block in answers} == {True}
    page = pages["en/attention.html"]
    asked = page[page.index("in which <em>everything</em> is forbidden?") :]
    assert re.search(r'<pre class="(\w+ ?\w*)"><code>tensor', asked)[1] == "output fragment"
    first = build.make_decks(["quantization"])[0]
    quotes = [b for slide in first.slides for b in slide.blocks if b.kind == "quote"]
    assert not quotes[0].hidden  # the chapter's own question


def test_live_figures_are_on_the_slides_with_their_script(decks, pages):
    for deck in decks:
        for language in house.LANGUAGES:
            page = pages[f"{language}/{deck.slug}.html"]
            names = build.live_figures(deck, language)
            assert names == set(re.findall(r'data-live="(\w+)"', page))
            assert names, deck.slug
            assert 'src="../_static/live-' in page


def test_no_live_figure_makes_a_section_which_would_be_a_slide():
    for file in build.LIVE.rglob("*.js"):
        assert '"section"' not in file.read_text(encoding="utf-8"), file.name


def test_the_prose_is_in_the_notes_and_the_plan_before_it(pages):
    page = pages["es/attention.html"]
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', page, re.S)
    assert "Plan de tiempo" in notes[0]
    assert notes[0].count("min)") == 15
    assert "Sección 2 de 15: " in page
    text = letters(unescape(re.sub("<[^>]*>", "", page)))
    for cell in cells_of(build.ROOT, "es", "attention"):
        if cell["cell_type"] == "markdown":
            for kind, source, _ in prose_parts("".join(cell["source"])):
                plain = letters(re.sub(r"\]\([^)]*\)", "", source))
                assert kind != "text" or plain[:25] in text, source


def test_the_index_leads_to_every_deck(pages):
    links = re.findall(r'<a href="((?:en|es)/[\w]+\.html)"', pages["index.html"])
    assert sorted(links) == sorted(path for path in pages if "/" in path)
    known = {path.partition("/")[2] for path in pages}
    for path, page in pages.items():
        links = [link for link in re.findall(r'<a href="([^"]*)"', page) if ":" not in link]
        assert {link.rpartition("/")[2] for link in links} <= known, path


# --- What a cell's metadata says ---------------------------------------------------------------


def chapter(tmp_path, cells, other=None):
    """Store a chapter `tokens` of the same cells in both languages."""
    for language in house.LANGUAGES:
        folder = tmp_path / "book" / language
        folder.mkdir(parents=True, exist_ok=True)
        mine = other if other and language == "es" else cells
        nb = v4.new_notebook(cells=[v4.new_markdown_cell("# Tokens", id="title"), *mine])
        house.write_notebook(folder / "tokens.ipynb", nb)
    return plan.make_deck("tokens", chapter_parts(tmp_path, "tokens"))


def prose(text, **slides):
    return v4.new_markdown_cell(text, id="prose", metadata={"slides": slides} if slides else {})


def code(source, output="", name="code", **slides):
    outputs = [v4.new_output("stream", text=output)] if output else []
    metadata = {"slides": slides} if slides else {}
    return v4.new_code_cell(source, id=name, outputs=outputs, metadata=metadata)


def shown(deck):
    return [[block.texts["en"] for block in slide.blocks] for slide in deck.slides]


def test_by_itself_the_first_sentence_is_shown_and_code_with_its_output(tmp_path):
    deck = chapter(tmp_path, [prose("## One\n\nA claim. And more."), code("print(1)", "1\n")])
    assert shown(deck) == [[], ["A claim.", "print(1)", "1"]]
    assert [part.texts["en"] for part in deck.slides[1].notes] == ["A claim. And more."]
    alone = chapter(tmp_path, [prose("## One\n\nA claim. And more.")])
    assert shown(alone) == [[], ["A claim. And more."]]  # there is room for all of it
    assert alone.slides[1].notes == []


def test_metadata_takes_skips_and_begins(tmp_path):
    text = "## One\n\nA claim. And more.\n\nSecond. Third.\n\nLast."
    deck = chapter(tmp_path, [prose(text, take=[3]), code("x = 1", "", "quiet", slide="skip")])
    assert shown(deck) == [[], ["Second. Third."]]
    deck = chapter(tmp_path, [prose(text), code("print(1)", "1\n", take=["output"])])
    assert shown(deck)[1] == ["A claim.", "Last.", "1"]
    deck = chapter(tmp_path, [prose(text), code("print(1)", "1\n", slide="new")])
    assert shown(deck)[1:] == [["A claim. And more."], ["print(1)", "1"]]
    quote = "## One\n\n```\n" + "line\n" * 13 + "```\n\n> **Predict first.** Why?"
    assert len(chapter(tmp_path, [prose(quote)]).slides) == 3
    assert len(chapter(tmp_path, [prose(quote, slide="same")]).slides) == 2


def test_metadata_that_cannot_be_is_refused(tmp_path):
    wrong = ({"slide": "old"}, {"take": "code"}, {"take": ["figure"]}, {"title": "x"})
    for marks in wrong:
        with pytest.raises(ValueError, match=r"\[prose\]: expected slides with slide"):
            marks_of(prose("x", **marks))
    with pytest.raises(ValueError, match="expected the same slides in both languages"):
        chapter(tmp_path, [prose("x", slide="skip")], [prose("x")])
    with pytest.raises(ValueError, match="expected the same cells in both languages"):
        chapter(tmp_path, [prose("x")], [code("x")])
    with pytest.raises(ValueError, match=r"expected chapters of .*, got \['nothing'\]"):
        build.make_decks(["nothing"])


def test_published_notebooks_do_not_have_it():
    path = build.ROOT / "book" / "en" / "quantization.ipynb"
    nb = house.read_notebook(path)
    assert any("slides" in cell.metadata for cell in nb.cells)
    from tools.plain_markdown import read_edition

    out = publish(nb, read_edition(build.ROOT, "en"), "quantization")
    assert not any("slides" in cell.metadata for cell in out.cells)


def test_paragraphs_that_only_one_language_has_stay_in_the_notes(tmp_path):
    both = [prose("## One\n\nA claim.\n\n- a\n- b"), prose("## Uno\n\nUna.\n\nDos.\n\n- a\n- b")]
    deck = chapter(tmp_path, *([one] for one in both))
    assert shown(deck) == [[], ["A claim.", "- a\n- b"]]
    assert {"es": "Dos."} in [part.texts for part in deck.slides[1].notes]


# --- Pieces ------------------------------------------------------------------------------------


def test_sentences_are_not_cut_within():
    assert sentences("One (see A. B). Two.") == ["One (see A. B).", "Two."]
    assert sentences("By J. Smith, in $a. B$ and `c. D`. **Two. Three.** Four.")[0].endswith("`.")
    assert sentences("*A. B.* C.") == ["*A. B.*", "C."]
    assert sentences("¿Qué es? Nada.") == ["¿Qué es?", "Nada."]
    assert sentences("1.5 and 2. More") == ["1.5 and 2.", "More"]
    assert is_topic("**Why.** Because")
    assert not is_topic("**a** b.")


def test_code_is_cut_at_its_joints():
    source = "\n".join(["def f():", *["    x = 1"] * 8, "", "", "def g():", *["    y = 1"] * 8])
    assert plan.code_steps(source, 1) is None
    starts = [step.split("\n")[0] for step in plan.code_steps(source, 2)[1]]
    assert starts == ["def f():", "def g():"]
    pieces = plan.cut_code({"en": source, "es": source.replace("x = 1", "y = 2")})
    assert [piece["es"].split("\n")[0] for piece in pieces] == ["def f():", "def g():"]
    three = "\n\n\n".join("\n".join([f"def {name}():", *["    x = 1"] * 7]) for name in "fgh")
    starts = [piece["en"].split("\n")[0] for piece in plan.cut_code({"en": three})]
    assert starts == ["def f():", "def g():", "def h():"]  # not two halves
    with pytest.raises(ValueError, match="expected code that can be cut"):
        plan.cut_code({"en": "\n".join(["x"] * 15), "es": "x"})


def test_long_lists_tables_and_outputs_are_cut():
    rows = {"en": "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 30}
    part = prose_parts(rows["en"])[0]
    assert part[0] == "table"
    tables = plan._cut_rows(rows, sizes.rows, sizes.table, head=2)
    assert len(tables) > 1
    assert all(one["en"].startswith("| a | b |\n|---|---|\n| 1") for one in tables)
    assert sum(one["en"].count("| 1 | 2 |") for one in tables) == 30
    outputs = plan.cut_output({"en": "\n".join(map(str, range(40)))})
    assert [one["en"].count("\n") + 1 for one in outputs] == [13, 13, 14]


def test_minutes_add_up():
    assert sum(plan.minutes_of([1] * 200)) == 200  # a minute each at least
    assert sum(plan.minutes_of([5, 5000, 300])) == 76
    assert plan.minutes_of([100, 100]) == [38, 37]


# --- In Chromium -------------------------------------------------------------------------------

TRIED = ["attention", "clip"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("decks") / "slides"
    build.build(out, TRIED)
    return out


@pytest.mark.site
def test_nothing_overflows_and_figures_live(built, browser):
    files = [built / "en" / "attention.html", built / "es" / "clip.html"]
    assert [browse.measure(browser, file) for file in files] == [[], []]
    broken = built / "en" / "broken.html"
    page = files[0].read_text(encoding="utf-8")
    end = page.index("</pre>")
    page = page[:end] + "\nlong" * 20 + page[end:]
    page = page.replace("<h2>", '<p style="font-size: 12px">small</p><h2>', 1)
    broken.write_text(page.replace("attention_map", "nothing"), encoding="utf-8")
    said = "\n".join(browse.measure(browser, broken))
    assert re.search(r"slide 2: \d+ pixels too far: ", said)
    assert "letters of 12 pixels" in said
    assert "the live figure is not alive" in said


@pytest.mark.site
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_deck_is_accessible_and_its_notes_open(built, browser, scheme):
    with browse.opened(browser, built / "es" / "attention.html", color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        page.evaluate(AXE_SCRIPT)
        rules = "runOnly: ['color-contrast'], " if scheme == "dark" else ""
        for number in (0, 2, 5, 26):
            page.evaluate("n => deck.slide(n, 0, 99)", number)
            page.wait_for_timeout(400)  # what comes after a pause fades in
            result = page.evaluate(f"axe.run(document, {{{rules}preload: false}})")
            assert [one["id"] for one in result["violations"]] == [], number
        page.evaluate("deck.slide(1)")
        page.keyboard.press("n")
        notes = page.locator(".speaker-notes")
        assert "Los mismos números" in notes.inner_text()
        page.keyboard.press("t")
        assert page.evaluate("document.documentElement.dataset.theme") != scheme
        with page.context.expect_page() as window:
            page.keyboard.press("s")
        spoken = window.value.locator(".speaker-controls-notes .value")
        spoken.filter(has_text="Los mismos números").wait_for()
        page.keyboard.press("ArrowRight")
        spoken.filter(has_text="Necesitas").wait_for()


@pytest.mark.site
def test_a_deck_is_printed_with_one_page_a_slide(built, browser, decks):
    file = built / "en" / "clip.html"
    pages = browse.print_deck(browser, file, built / "clip.pdf", "CLIP")
    deck = next(deck for deck in decks if deck.slug == "clip")
    assert pages == len(deck.slides) == len(PdfReader(built / "clip.pdf").pages)
    first = PdfReader(built / "clip.pdf").pages[0]
    assert abs(first.mediabox.width / first.mediabox.height - 16 / 9) < 0.01


def test_the_command_makes_decks_and_refuses_what_is_no_chapter(tmp_path, capsys):
    out = tmp_path / "slides"
    assert command.main(["intro", "--out", str(out)]) == 0
    assert "2 decks" in capsys.readouterr().out
    assert (out / "en" / "intro.html").is_file()
    assert (out / "_static" / "reveal-LICENSE").is_file()
    assert command.main(["nothing", "--out", str(out)]) == 1
    assert "got ['nothing']" in capsys.readouterr().err
    shutil.rmtree(out)
