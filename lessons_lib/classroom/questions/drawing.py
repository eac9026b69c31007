"""Questions drawn from a seed: numbers filled in, options shuffled, the answer computed.

The numbers of a `numeric` or a `shape` come from a function in `draws`, which also computes the
answer, with the chapter's own code.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from random import Random

from lessons_lib.base.validation import check_integer
from lessons_lib.classroom.questions.source import LANGUAGES, Question

__all__ = ["Choice", "Drawn", "draw", "fill", "numbers", "placeholders", "written"]

OWN = ("answer", "tolerance", "decimals", "wrong")  # of what a function returns: no placeholders
PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")
CODE = re.compile(r"(`+).+?\1|\$[^$\n]+\$", re.S)
DECIMALS = {
    "en": ("Give a whole number.", "Give 1 decimal.", "Give {} decimals."),
    "es": ("Da un número entero.", "Da 1 decimal.", "Da {} decimales."),
}


@dataclass(frozen=True)
class Choice:
    """What a student may answer, with the feedback for it.

    `value` is the number or the shape of a `numeric` or `shape`, the line of a `fault`.
    """

    text: str
    right: bool
    feedback: str
    value: object = None


@dataclass(frozen=True)
class Drawn:
    """A question in one language with its numbers, ready to be asked.

    `choices` holds the options of a `choice` or the lines of a `fault` in the order shown; of a
    `numeric` or a `shape`, the right answer and the wrong ones that have feedback of their own.
    `steps` of an `order` are shuffled; `order` gives the place of each, from 1. `tolerance` is how
    far, at most, an answer may lie from that of a `numeric`.
    """

    question: Question
    language: str
    seed: int
    text: str
    why: str
    choices: tuple[Choice, ...] = ()
    steps: tuple[str, ...] = ()
    order: tuple[int, ...] = ()
    answer: object = None
    decimals: int = 0
    tolerance: float = 0.0


def placeholders(text: str) -> set[str]:
    """Return the names in braces of a text, but for those within formulas."""
    return set(PLACE.findall(re.sub(r"\$[^$\n]+\$", "", text)))


def numbers(question: Question, seed: int) -> dict[str, object]:
    """Return what the question's function draws: placeholders, answer and wrong answers."""
    module = import_module(f"lessons_lib.classroom.questions.draws.{question.slug}")
    function = getattr(module, question.id.replace("-", "_"), None)
    if function is None:
        raise ValueError(f"{question.slug} [{question.id}]: expected a function in draws")
    return function(Random(f"{question.slug}:{question.id}:{seed}"))


def written(value: object, language: str, decimals: int | None = None) -> str:
    """Return a number as the language writes it; lists, shapes and texts stay as they are.

    >>> written(0.25, "es"), written(12345, "en"), written((2, 3), "es")
    ('0,25', '12,345', '(2, 3)')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, float) and decimals is None:
        text = repr(value)
    else:
        text = f"{value:.{decimals or 0}f}" if isinstance(value, float) else str(value)
    whole, point, rest = text.partition(".")
    if len(whole.lstrip("-")) > 4 and whole.lstrip("-").isdigit():
        whole = f"{int(whole):,}".replace(",", "," if language == "en" else "\u00a0")
    return whole + point.replace(".", "." if language == "en" else ",") + rest


def fill(text: str, values: Mapping[str, object], language: str) -> str:
    """Put values for the names in braces; within code and formulas as Python writes them."""

    def put(part: str, write) -> str:
        return PLACE.sub(lambda m: write(values[m[1]]) if m[1] in values else m[0], part)

    parts, start = [], 0
    for match in CODE.finditer(text):
        parts += [put(text[start : match.start()], lambda v: written(v, language))]
        parts += [put(match[0], str)]
        start = match.end()
    return "".join([*parts, put(text[start:], lambda v: written(v, language))])


def draw(question: Question, seed: int, language: str) -> Drawn:
    """Return a question with the numbers and the order that belong to a seed.

    The same seed gives the same question, in both languages. Raises `ValueError` for an unknown
    language or a negative seed.
    """
    if language not in LANGUAGES:
        raise ValueError(f"expected a language of {', '.join(LANGUAGES)}, got {language!r}")
    check_integer("seed", seed, 0)
    if question.kind in ("numeric", "shape"):
        return _draw_numbers(question, seed, language)
    plain = (question, language, seed, question.text[language], question.why.get(language, ""))
    rng = Random(f"{question.slug}:{question.id}:{seed}:order")
    if question.kind == "order":
        places = list(range(1, len(question.steps) + 1))
        while places == sorted(places):
            rng.shuffle(places)
        steps = tuple(question.steps[place - 1][language] for place in places)
        return Drawn(*plain, steps=steps, order=tuple(places))
    if question.kind == "fault":
        return Drawn(*plain, choices=_lines(question, language), answer=question.line)
    choices = [Choice(o.text[language], o.right, o.reason[language]) for o in question.options]
    rng.shuffle(choices)
    return Drawn(*plain, choices=tuple(choices))


def _lines(question: Question, language: str) -> tuple[Choice, ...]:
    """Return the lines of a fault that may be blamed, from above."""
    code = question.code.split("\n")
    reasons = {option.line: option.reason[language] for option in question.options}
    reasons[question.line] = question.why[language]
    return tuple(
        Choice(code[line - 1].strip(), line == question.line, reasons[line], line)
        for line in sorted(reasons)
    )


def _draw_numbers(question: Question, seed: int, language: str) -> Drawn:
    """Draw a question about a number or a shape."""
    drawn = numbers(question, seed)
    answer = drawn["answer"]
    real = isinstance(answer, float)
    decimals = drawn.get("decimals", 2) if real else 0
    tolerance = drawn.get("tolerance", 0.5 * 10.0**-decimals if real else 0)
    values = {key: value for key, value in drawn.items() if key not in OWN}
    shown = written(answer, language, decimals)
    text = fill(question.text[language], values, language)
    why = fill(question.why[language], values | {"answer": shown}, language)
    if real and "tolerance" not in drawn and "decimal" not in text:
        text += " " + DECIMALS[language][min(decimals, 2)].format(decimals)
    choices = [Choice(shown, True, why, answer)]
    for value, *reasons in drawn.get("wrong", ()):
        value = tuple(value) if isinstance(value, list) else value
        if not any(_same(value, choice.value, 2 * tolerance) for choice in choices):
            if isinstance(value, float) and not real:  # a fraction beside whole answers
                value = int(value) if value.is_integer() else round(value, 2)
            shown = written(value, language, decimals if real else None)
            choices.append(Choice(shown, False, reasons[LANGUAGES.index(language)], value))
    return Drawn(
        question,
        language,
        seed,
        text,
        why,
        tuple(choices),
        answer=answer,
        decimals=decimals,
        tolerance=tolerance,
    )


def _same(one: object, other: object, tolerance: float) -> bool:
    """Tell whether two answers cannot be told apart."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=tolerance)
    return one == other
