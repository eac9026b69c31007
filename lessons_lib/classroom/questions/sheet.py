"""The questions as Markdown, to be printed or edited: with the key or without it."""

from collections.abc import Iterable

from lessons_lib.classroom.questions.asking import (
    LETTERS,
    WORDS,
    expected,
    explained,
    offered,
    prompt,
)
from lessons_lib.classroom.questions.drawing import Drawn

__all__ = ["sheet"]


def sheet(questions: Iterable[Drawn], language: str, key: bool = False) -> str:
    """Return drawn questions as a page of Markdown; with `key`, each with answer and reasons."""
    words = WORDS[language]
    blocks, slug = [f"# {words['key' if key else 'bank']}"], None
    for i, drawn in enumerate(questions, 1):
        question = drawn.question
        if slug != (slug := question.slug):
            blocks.append(f"## {slug}")
        minutes = str(question.minutes).replace(".", "," if language == "es" else ".")
        about = f"{words[question.level]}, {minutes} {words['minutes']}"
        blocks += [f"### {i}. {question.id} ({about})", prompt(drawn), *_answers(drawn)]
        if key:
            blocks += _key(drawn)
    return "\n\n".join(blocks) + "\n"


def _answers(drawn: Drawn) -> list[str]:
    """Return what a student chooses from, if there is anything."""
    items = [_item(f"{LETTERS[i]})", text) for i, text in enumerate(offered(drawn))]
    return ["\n".join(items)] if items else []


def _key(drawn: Drawn) -> list[str]:
    """Return the answer, and the reason for each answer that has one."""
    kind = drawn.question.kind
    answers = [f"{LETTERS[i]})" for i in range(len(drawn.choices))]
    if kind in ("numeric", "shape"):
        answers = [choice.text for choice in drawn.choices]
    said = f"{expected(drawn)})" if kind in ("choice", "fault") else expected(drawn)
    blocks = [] if kind == "code" else [f"**{WORDS[drawn.language]['answer']}:** {said}"]
    reasons = [
        _item(answer, choice.feedback)
        for answer, choice in zip(answers, drawn.choices, strict=True)
        if kind == "choice" or not choice.right
    ]
    return [*blocks, *filter(None, ["\n".join(reasons), explained(drawn)])]


def _item(mark: str, text: str) -> str:
    return f"- {mark} {' '.join(text.split())}"
