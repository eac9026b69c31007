"""The questions as Moodle XML: a category for each chapter and level, feedback, tags.

Source: https://docs.moodle.org/en/Moodle_XML_format
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from lessons_lib.classroom.questions.asking import (
    explained,
    label,
    name,
    place,
    plain,
    prompt,
    spellings,
)
from lessons_lib.classroom.questions.drawing import Drawn
from lessons_lib.classroom.questions.text import as_html, inline_html

__all__ = ["moodle"]

TYPES = {
    "choice": "multichoice",
    "fault": "multichoice",
    "numeric": "numerical",
    "shape": "shortanswer",
    "order": "matching",
    "code": "essay",
}


def moodle(questions: Iterable[Drawn]) -> str:
    """Return drawn questions as one file that Moodle imports."""
    quiz, category = Element("quiz"), None
    for drawn in sorted(questions, key=place):
        if category != (category := (drawn.question.slug, drawn.question.level)):
            entry = SubElement(SubElement(quiz, "question", type="category"), "category")
            _text(entry, f"$course$/top/{category[0]}/{category[1]}")
        quiz.append(_question(drawn))
    indent(quiz)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(quiz, "unicode") + "\n"


def _question(drawn: Drawn) -> Element:
    """Return the element of a question."""
    kind = drawn.question.kind
    entry = Element("question", type=TYPES[kind])
    _text(SubElement(entry, "name"), name(drawn))
    _html(entry, "questiontext", as_html(prompt(drawn)))
    _html(entry, "generalfeedback", "" if kind == "code" else as_html(explained(drawn)))
    SubElement(entry, "defaultgrade").text = "1"
    SubElement(entry, "penalty").text = "0"
    KIND[kind](entry, drawn)
    tags = SubElement(entry, "tags")
    question = drawn.question
    for tag in (question.slug, question.level, question.objective, kind):
        _text(SubElement(tags, "tag"), tag)
    return entry


def _multichoice(entry: Element, drawn: Drawn) -> None:
    SubElement(entry, "single").text = "true"
    shuffled = drawn.question.kind == "choice"
    SubElement(entry, "shuffleanswers").text = str(shuffled).lower()
    SubElement(entry, "answernumbering").text = "abc" if shuffled else "none"
    for choice in drawn.choices:
        answer = SubElement(entry, "answer", fraction=_fraction(choice.right), format="html")
        SubElement(answer, "text").text = inline_html(label(drawn, choice))
        said = choice.feedback if shuffled or not choice.right else ""
        _html(answer, "feedback", as_html(said))


def _numerical(entry: Element, drawn: Drawn) -> None:
    for choice in drawn.choices:
        answer = SubElement(
            entry, "answer", fraction=_fraction(choice.right), format="moodle_auto_format"
        )
        SubElement(answer, "text").text = plain(choice.value, drawn.decimals)
        _html(answer, "feedback", "" if choice.right else as_html(choice.feedback))
        SubElement(answer, "tolerance").text = plain(drawn.tolerance, drawn.decimals)
    SubElement(entry, "unitgradingtype").text = "0"
    SubElement(entry, "showunits").text = "3"


def _shortanswer(entry: Element, drawn: Drawn) -> None:
    SubElement(entry, "usecase").text = "0"
    for choice in drawn.choices:
        for way in spellings(tuple(choice.value)):
            answer = SubElement(
                entry, "answer", fraction=_fraction(choice.right), format="plain_text"
            )
            SubElement(answer, "text").text = way
            _html(answer, "feedback", "" if choice.right else as_html(choice.feedback))


def _matching(entry: Element, drawn: Drawn) -> None:
    SubElement(entry, "shuffleanswers").text = "true"
    for step, number in zip(drawn.steps, drawn.order, strict=True):
        part = _html(entry, "subquestion", inline_html(step))
        _text(SubElement(part, "answer"), str(number))


def _essay(entry: Element, drawn: Drawn) -> None:
    SubElement(entry, "responseformat").text = "monospaced"
    SubElement(entry, "responserequired").text = "1"
    SubElement(entry, "responsefieldlines").text = "5"
    SubElement(entry, "attachments").text = "0"
    _html(entry, "graderinfo", as_html(explained(drawn)))
    _html(entry, "responsetemplate", "")


KIND = {
    "choice": _multichoice,
    "fault": _multichoice,
    "numeric": _numerical,
    "shape": _shortanswer,
    "order": _matching,
    "code": _essay,
}


def _fraction(right: bool) -> str:
    return "100" if right else "0"


def _text(parent: Element, text: str) -> None:
    SubElement(parent, "text").text = text


def _html(parent: Element, tag: str, text: str) -> Element:
    """Add an element that holds HTML; return it."""
    element = SubElement(parent, tag, format="html")
    _text(element, text)
    return element
