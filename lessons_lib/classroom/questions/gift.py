"""The questions as GIFT, a format of plain text that Moodle and other platforms import.

Source: https://docs.moodle.org/en/GIFT_format
"""

import re
from collections.abc import Iterable

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

__all__ = ["gift"]


def gift(questions: Iterable[Drawn]) -> str:
    """Return drawn questions as one file of GIFT."""
    blocks, category = [], None
    for drawn in sorted(questions, key=place):
        if category != (category := (drawn.question.slug, drawn.question.level)):
            blocks.append(f"$CATEGORY: $course$/top/{category[0]}/{category[1]}")
        blocks.append(_question(drawn))
    return "\n\n".join(blocks) + "\n"


def _question(drawn: Drawn) -> str:
    """Return the block of a question: no empty line in it, which would end it."""
    question = drawn.question
    tags = (question.slug, question.level, question.objective, question.kind)
    head = f"// {' '.join(f'[tag:{tag}]' for tag in tags)}"
    start = f"::{_safe(name(drawn))}::[html]{_html(as_html(prompt(drawn)))}"
    if question.kind == "code":
        return f"{head}\n{start}{{####{_html(as_html(explained(drawn)))}\n}}"
    lines = KIND[question.kind](drawn)
    if general := _html(as_html(explained(drawn))):
        lines = [*lines, f"####{general}"]
    mark = "#" if question.kind == "numeric" else ""
    return "\n".join([head, f"{start}{{{mark}", *lines, "}"])


def _choices(drawn: Drawn) -> list[str]:
    lines = []
    for choice in drawn.choices:
        said = "" if choice.right and drawn.question.kind == "fault" else choice.feedback
        text = _html(inline_html(label(drawn, choice)))
        lines.append(f"{'=' if choice.right else '~'}{text}{_feedback(said)}")
    return lines


def _numbers(drawn: Drawn) -> list[str]:
    within = plain(drawn.tolerance, drawn.decimals)
    return [
        f"=%{100 if choice.right else 0}%{plain(choice.value, drawn.decimals)}:{within}"
        + _feedback("" if choice.right else choice.feedback)
        for choice in drawn.choices
    ]


def _shapes(drawn: Drawn) -> list[str]:
    return [
        f"=%{100 if choice.right else 0}%{_safe(way)}"
        + _feedback("" if choice.right else choice.feedback)
        for choice in drawn.choices
        for way in spellings(tuple(choice.value))
    ]


def _steps(drawn: Drawn) -> list[str]:
    pairs = zip(drawn.steps, drawn.order, strict=True)
    return [f"={_html(inline_html(step))} -> {number}" for step, number in pairs]


KIND = {
    "choice": _choices,
    "fault": _choices,
    "numeric": _numbers,
    "shape": _shapes,
    "order": _steps,
}


def _feedback(text: str) -> str:
    return f"#{_html(as_html(text))}" if text else ""


def _html(text: str) -> str:
    """Return HTML on one line, with all characters escaped that GIFT reads as its own."""
    text = re.sub(
        r"(?<=<pre>).*?(?=</pre>)", lambda m: m[0].replace("\n", "<br>"), text, flags=re.S
    )
    if text.startswith("%"):  # would be read as a weight
        text = f"&#37;{text[1:]}"
    return _safe(" ".join(text.split("\n")))


def _safe(text: str) -> str:
    return re.sub(r"[\\~=#{}:]", r"\\\g<0>", text)
