"""The questions as HTML for paper: formulas are MathML, and nothing comes from elsewhere."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from lessons_lib.classroom.questions.asking import (
    LETTERS,
    WORDS,
    expected,
    explained,
    offered,
    prompt,
)
from lessons_lib.classroom.questions.drawing import Drawn
from lessons_lib.classroom.questions.maths import mathml
from lessons_lib.classroom.questions.text import as_html, inline_html

__all__ = ["asked", "page", "paper", "solved"]

CSS = Path(__file__).with_suffix(".css")
RULES = 5  # lines to write code on


def page(title: str, body: str, language: str) -> str:
    """Return a page of HTML with the style of paper."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{CSS.read_text(encoding='utf-8')}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def paper(questions: Iterable[Drawn], language: str, key: bool = False) -> str:
    """Return drawn questions as a page; with `key`, each with answer and reasons."""
    words = WORDS[language]
    title, slug = words["key" if key else "bank"], None
    parts = [f"<h1>{title}</h1>"]
    for i, drawn in enumerate(questions, 1):
        question = drawn.question
        if slug != (slug := question.slug):
            parts.append(f"<h2>{slug}</h2>")
        minutes = str(question.minutes).replace(".", "," if language == "es" else ".")
        about = f"{words[question.level]}, {minutes} {words['minutes']}"
        parts.append(asked(drawn, i, about, solved(drawn) if key else "", room=not key))
    return page(title, "\n".join(parts), language)


def asked(drawn: Drawn, number: int, worth: str, below: str = "", room: bool = True) -> str:
    """Return a question with its number and what it is worth, and room for the answer."""
    kind = drawn.question.kind
    about = f'<strong>{number}.</strong> <span class="worth">({worth})</span>'
    text = as_html(prompt(drawn), mathml)
    parts = [text.replace("<p>", f"<p>{about} ", 1)]
    items = []
    for letter, text in zip(LETTERS, offered(drawn), strict=False):
        box = '<span class="box"></span>' if kind != "order" and room else ""
        mark = f'<span class="mark">{box}{letter})</span>'
        items.append(f"<li>{mark}{inline_html(text, mathml)}</li>")
    if items:
        parts.append(f'<ul class="offered">{"".join(items)}</ul>')
    if room and kind in ("numeric", "shape", "order"):
        answer = WORDS[drawn.language]["answer"]
        parts.append(f'<p>{answer}: <span class="line">&nbsp;</span></p>')
    if room and kind == "code":
        parts.append('<div class="rule"></div>' * RULES)
    return f'<div class="question">{"".join([*parts, below])}</div>'


def solved(drawn: Drawn) -> str:
    """Return the right answer of a question, the reasons for each answer, and the solution."""
    kind, word = drawn.question.kind, WORDS[drawn.language]["answer"]
    said = f"{expected(drawn)})" if kind in ("choice", "fault") else expected(drawn)
    parts = [] if kind == "code" else [f"<p><strong>{word}:</strong> {escape(said)}</p>"]
    items = []
    for letter, choice in zip(LETTERS, drawn.choices, strict=False):
        mark = f"{letter})" if kind in ("choice", "fault") else choice.text
        if kind == "choice" or not choice.right:
            items.append(f"<li>{escape(mark)} {inline_html(choice.feedback, mathml)}</li>")
    if items:
        parts.append(f"<ul>{''.join(items)}</ul>")
    parts.append(as_html(explained(drawn), mathml))
    return f'<div class="key">{"".join(parts)}</div>'
