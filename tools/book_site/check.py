"""*Check yourself*: five questions of the bank at the end of each chapter's page.

The section stands in the page before *Next*, with a button; without scripts, a reader finds three
questions with their answers there. What the button loads is written here: one script with the words
and the ways of asking, and one with the questions of each chapter, numbers drawn by the library.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from docutils import nodes
from nbformat import NotebookNode

from lessons_lib.classroom.questions.asking import explained, prompt
from lessons_lib.classroom.questions.drawing import Drawn, draw
from lessons_lib.classroom.questions.source import FOLDER, UPPER, Question, load, slugs
from lessons_lib.classroom.questions.text import as_html, inline_html
from lessons_lib.live.modules import shared_source
from tools import house

__all__ = ["add_section", "place_html", "question_data", "section_titles", "write_questions"]

PARTS = Path(__file__).with_name("check")
SCRIPTS = ("memory", "reading", "tasks", "check")  # in the order in which they stand
LAST = "next"  # the cell that begins a chapter's last section
DRAWS = 5  # of each question with numbers
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1[ \t]*$", re.M | re.S)
HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.M)
FORMULA = re.compile(r"(<code>.*?</code>)|\\\((.+?)\\\)", re.S)


# ---------------------------------------------------------------- the section of a page


def add_section(app, doctree: nodes.document, words: Mapping[str, str]) -> None:
    """Put the section before the last one of a chapter that has questions.

    `words` are the edition's own for it.
    """
    slug = app.env.docname.rpartition("/")[2]
    path = Path(app.env.doc2path(app.env.docname))
    if slug not in slugs() or path.suffix != ".ipynb":
        return
    if all(cell.id != LAST for cell in house.read_notebook(path).cells):
        return
    app.env.note_dependency(str(FOLDER / f"{slug}.toml"))
    title = nodes.title("", words["title"])
    body = nodes.raw("", place_html(slug, app.config.language, words), format="html")
    section = nodes.section("", title, body, ids=[nodes.make_id(words["title"])])
    top = doctree.next_node(nodes.section)
    last = [i for i, child in enumerate(top.children) if isinstance(child, nodes.section)][-1]
    top.insert(last, section)


def place_html(slug: str, language: str, words: Mapping[str, str]) -> str:
    """Return what stands in the section: a sentence, the button, questions for a page at rest."""
    order = _reading_order()
    earlier = [name for name in order[: order.index(slug)] if name in slugs()]
    return (
        f'<div class="check" data-chapter="{slug}" data-earlier="{" ".join(earlier)}">'
        f'<p>{words["about"]}</p><p><button type="button" hidden>{words["begin"]}</button></p>'
        f'<p role="status" data-failed="{words["failed"]}"></p>'
        f"<noscript>{_at_rest(slug, language, words)}</noscript></div>"
    )


@cache
def _reading_order() -> list[str]:
    return house.chapters(house.ROOT)


def _at_rest(slug: str, language: str, words: Mapping[str, str]) -> str:
    """Return three questions with their answers, without formulas, which need scripts too."""
    parts = [f"<p>{words['no_scripts']}</p>"]
    plain = [one for one in load(slug).questions if one.kind == "choice" and not _formulas(one)]
    for levels in (("recall",), ("explain",), UPPER):
        drawn = draw(next(one for one in plain if one.level in levels), 0, language)
        options = "".join(f"<li>{inline_html(choice.text)}</li>" for choice in drawn.choices)
        place, right = next(pair for pair in enumerate(drawn.choices) if pair[1].right)
        answer = f"{'abcde'[place]}. {inline_html(right.feedback)}"
        parts += [as_html(drawn.text), f'<ol type="a">{options}</ol>']
        parts += [f"<details><summary>{words['answer']}</summary><p>{answer}</p></details>"]
    return "".join(parts)


def _formulas(question: Question) -> bool:
    options = [text[lang] for o in question.options for text in (o.text, o.reason) for lang in text]
    return any("$" in text for text in [*question.text.values(), *options])


# ---------------------------------------------------------------- the chapters' questions


def section_titles(notebook: NotebookNode) -> tuple[list[str], dict[str, int]]:
    """Return the titles of a chapter's sections in Markdown, and for each cell its section.

    Sections are counted as in the page: from 0, which is the chapter itself.
    """
    titles, at = [], {}
    for cell in notebook.cells:
        text = FENCE.sub("", cell.source) if cell.cell_type == "markdown" else ""
        found = HEADING.findall(text)
        at[cell.id] = len(titles) if found else max(0, len(titles) - 1)
        titles += found
    if LAST in at:  # Check yourself stands before it
        first = at[LAST]
        at = {cell: place + (place >= first) for cell, place in at.items()}
        titles.insert(first, "")
    return titles, at


def chapter_data(slug: str, language: str, notebook: NotebookNode) -> dict:
    """Return a chapter's questions with their draws, as the page's script reads them."""
    titles, at = section_titles(notebook)
    questions = [
        {**question_data(question, language), "at": at[question.cell]}
        for question in load(slug).questions
    ]
    used = {question["at"] for question in questions}
    return {
        "title": with_formulas(inline_html(titles[0])),
        "sections": {place: with_formulas(inline_html(titles[place])) for place in sorted(used)},
        "questions": questions,
    }


def question_data(question: Question, language: str) -> dict:
    """Return a question as the page's script reads it; texts are HTML."""
    seeds = range(DRAWS if question.kind in ("numeric", "shape") else 1)
    drawn = [draw(question, seed, language) for seed in seeds]
    about = {name: getattr(question, name) for name in ("id", "kind", "level", "objective")}
    return {**about, **KINDS[question.kind](drawn)}


def _choice(drawn: list[Drawn]) -> dict:
    choices = [
        [_inline(choice.text), _blocks(choice.feedback), int(choice.right)]
        for choice in drawn[0].choices
    ]
    return {"text": _blocks(drawn[0].text), "options": choices}


def _numbers(drawn: list[Drawn]) -> dict:
    different = {one.text: one for one in drawn}.values()
    return {"draws": [_numbers_of(one) for one in different]}


def _numbers_of(drawn: Drawn) -> dict:
    """Return a draw: task, answer as a value and as written, reasons for typical wrong ones."""
    right, *wrong = drawn.choices
    return {
        "text": _blocks(prompt(drawn)),
        "answer": drawn.answer,
        "shown": right.text,
        "tolerance": drawn.tolerance,
        "why": _blocks(drawn.why),
        "wrong": [[choice.value, _blocks(choice.feedback)] for choice in wrong],
    }


def _fault(drawn: list[Drawn]) -> dict:
    (one,) = drawn
    return {
        "text": _blocks(one.text),
        "code": one.question.code.split("\n"),
        "line": one.question.line,
        "fix": one.question.fix,
        "why": _blocks(one.why),
        "decoys": {c.value: _blocks(c.feedback) for c in one.choices if not c.right},
    }


def _order(drawn: list[Drawn]) -> dict:
    (one,) = drawn
    steps = [_inline(step[one.language]) for step in one.question.steps]
    return {"text": _blocks(one.text), "steps": steps, "why": _blocks(one.why)}


def _code(drawn: list[Drawn]) -> dict:
    return {"text": _blocks(drawn[0].text), "why": _blocks(explained(drawn[0]))}


KINDS = {
    "choice": _choice,
    "numeric": _numbers,
    "shape": _numbers,
    "fault": _fault,
    "order": _order,
    "code": _code,
}


def with_formulas(html: str) -> str:
    r"""Return HTML whose formulas are marked as those of the book's pages are.

    >>> with_formulas(r"<code>\(a\)</code> \(b\)")
    '<code>\\(a\\)</code> <span class="math notranslate nohighlight">\\(b\\)</span>'
    """
    span = r'<span class="math notranslate nohighlight">\({}\)</span>'
    return FORMULA.sub(lambda m: m[1] or span.format(m[2]), html)


def _blocks(text: str) -> str:
    return with_formulas(as_html(text))


def _inline(text: str) -> str:
    return with_formulas(inline_html(text))


# ---------------------------------------------------------------- the scripts


def pack_questions(slug: str, language: str, notebook: NotebookNode) -> str:
    """Return a classic script that holds a chapter's questions in a language."""
    data = chapter_data(slug, language, notebook)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f'(globalThis.bookFiles ??= {{}})["{script_name(slug, language)}"] = {text};\n'


def script_name(slug: str, language: str) -> str:
    """Return the name of a chapter's script, from the folder of the page's scripts."""
    return f"questions/{slug}_{language}"


def pack_check() -> str:
    """Return the classic script that asks, with its styles and with what live figures share."""
    css = json.dumps((PARTS / "check.css").read_text(encoding="utf-8"))
    parts = [(PARTS / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    shared = shared_source(parts)
    return "\n".join(['(() => {\n"use strict";', shared, f"const STYLES = {css};", *parts, "})();"])


def write_questions(app, pages: list[str]) -> None:
    """Write the scripts for the chapters among an edition's pages that have the section."""
    language = app.config.language
    static = Path(app.outdir) / "_static"
    wanted = [page for page in pages if page.rpartition("/")[2] in slugs()]
    for page in wanted:
        notebook = house.read_notebook(Path(app.env.doc2path(page)))
        if all(cell.id != LAST for cell in notebook.cells):
            continue
        slug = page.rpartition("/")[2]
        target = static / f"{script_name(slug, language)}.js"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(pack_questions(slug, language, notebook), encoding="utf-8")
        (static / "check.js").write_text(pack_check(), encoding="utf-8")
