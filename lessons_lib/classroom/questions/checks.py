"""What is wrong with a bank of questions, each finding with the name of its question."""

import ast
import unicodedata
from collections import Counter
from collections.abc import Collection
from importlib import import_module

from lessons_lib.classroom.questions.drawing import OWN, numbers, placeholders
from lessons_lib.classroom.questions.maths import mathml
from lessons_lib.classroom.questions.source import LANGUAGES, LEVELS, UPPER, Bank, Question
from lessons_lib.classroom.questions.text import formulas, shown_length

__all__ = ["check", "check_question"]

FEWEST = 30  # questions of a chapter
FEWEST_AT = {"recall": 5, "analyse": 5}
FEWEST_SERVING = 3  # questions for an objective
LONGEST = 12  # lines of a fault
TELLING = 0.45  # of the choices may have a right option that is longer than all others


def check(bank: Bank, cells: Collection[str] | None = None) -> list[str]:
    """Return what is wrong with a chapter's questions.

    `cells` are the ids of the chapter's cells; without them, cells are not looked up.
    """
    found = []
    if len(bank.questions) < FEWEST:
        found.append(f"expected at least {FEWEST} questions, got {len(bank.questions)}")
    if not 4 <= len(bank.objectives) <= 7:
        found.append(f"expected 4 to 7 objectives, got {len(bank.objectives)}")
    levels = Counter(question.level for question in bank.questions)
    for level, fewest in FEWEST_AT.items():
        if levels[level] < fewest:
            found.append(f"expected at least {fewest} questions to {level}, got {levels[level]}")
    upper = sum(levels[level] for level in UPPER)
    if 3 * upper < len(bank.questions):
        found.append(f"expected a third of the questions to apply or analyse, got {upper}")
    serving = Counter(question.objective for question in bank.questions)
    for objective in bank.objectives:
        if serving[objective.id] < FEWEST_SERVING:
            found.append(
                f"expected at least {FEWEST_SERVING} questions for the objective "
                f"{objective.id!r}, got {serving[objective.id]}"
            )
    found += _telling(bank)
    for what in (bank.objectives, bank.questions):
        for name, times in Counter(one.id for one in what).items():
            if times > 1:
                found.append(f"expected different ids, got {name!r} {times} times")
    found = [f"{bank.slug}: {finding}" for finding in found]
    objectives = {objective.id for objective in bank.objectives}
    for question in bank.questions:
        for finding in check_question(question, objectives, cells):
            found.append(f"{bank.slug} [{question.id}]: {finding}")
    return found


def _telling(bank: Bank) -> list[str]:
    """Return the languages in which one would too often be right with the longest option."""
    choices, found = [one for one in bank.questions if one.kind == "choice"], []
    for lang in LANGUAGES:
        longest = 0
        for question in choices:
            sizes = {True: [0], False: [0]}
            for option in question.options:
                sizes[option.right].append(shown_length(option.text[lang]))
            longest += max(sizes[True]) > max(sizes[False])
        if longest > TELLING * len(choices):
            found.append(
                f"expected the right option to be the longest in at most {TELLING:.0%} of the "
                f"choices in {lang}, got {longest} of {len(choices)}"
            )
    return found


def check_question(
    question: Question, objectives: Collection[str], cells: Collection[str] | None = None
) -> list[str]:
    """Return what is wrong with a question, given the objectives and cells of its chapter."""
    found = []
    if question.level not in LEVELS:
        found.append(f"expected a level of {', '.join(LEVELS)}, got {question.level!r}")
    if question.objective not in objectives:
        found.append(f"unknown objective {question.objective!r}")
    if cells is not None and question.cell not in cells:
        found.append(f"unknown cell {question.cell!r}")
    if question.minutes <= 0 or question.minutes * 2 % 1:
        found.append(f"expected whole or half minutes, got {question.minutes}")
    if any(unicodedata.category(char) == "Cc" and char != "\n" for char in _all_text(question)):
        found.append("expected no control characters")
    for formula in sorted(formulas(_all_text(question))):
        try:
            mathml(formula)
        except ValueError as error:
            found.append(str(error))
    if not all(text for text in question.text.values()):
        found.append("expected a text in each language")
    return found + KIND[question.kind](question)


def _all_text(question: Question) -> str:
    """Return all that a reader may see of a question."""
    parts = [*question.text.values(), *question.why.values(), question.code, question.fix]
    parts += [question.solution, *(text for step in question.steps for text in step.values())]
    for option in question.options:
        parts += [*option.text.values(), *option.reason.values()]
    return "\n\n".join(parts)


def _choice(question: Question) -> list[str]:
    found = []
    right = sum(option.right for option in question.options)
    if right != 1:
        found.append(f"expected one right option, got {right}")
    if not 3 <= len(question.options) <= 5:
        found.append(f"expected 3 to 5 options, got {len(question.options)}")
    for lang in LANGUAGES:
        texts = [option.text[lang] for option in question.options]
        if len(set(texts)) < len(texts):
            found.append(f"expected different options in {lang}")
        if not all(texts) or not all(option.reason[lang] for option in question.options):
            found.append(f"expected a text and a reason for each option in {lang}")
    return found


def _numbers(question: Question) -> list[str]:
    name = question.id.replace("-", "_")
    module = import_module(f"lessons_lib.classroom.questions.draws.{question.slug}")
    if not callable(getattr(module, name, None)):
        return [f"expected a function {name} in draws/{question.slug}.py"]
    drawn = numbers(question, 0)
    if "answer" not in drawn:
        return [f"expected {name} to return an answer"]
    found = []
    number = isinstance(drawn["answer"], int | float)
    if number != (question.kind == "numeric") or isinstance(drawn["answer"], bool):
        found.append(f"{name} has an answer of another kind: {drawn['answer']!r}")
    kinds = (int, float) if question.kind == "numeric" else (list, tuple)
    for wrong in drawn.get("wrong", ()):
        if len(wrong) != 3 or not isinstance(wrong[0], kinds):
            found.append(f"{name} has a wrong answer that is no value with two reasons: {wrong!r}")
    given = set(drawn) - set(OWN)
    for lang in LANGUAGES:
        if unknown := placeholders(question.text[lang]) - given:
            found.append(f"no draw gives {', '.join(sorted(unknown))} of the text in {lang}")
        if unknown := placeholders(question.why[lang]) - given - {"answer"}:
            found.append(f"no draw gives {', '.join(sorted(unknown))} of the why in {lang}")
    if placeholders(question.text["en"]) != placeholders(question.text["es"]):
        found.append("expected the same numbers in both languages")
    return found


def _fault(question: Question) -> list[str]:
    code = question.code.split("\n")
    found = []
    if len(code) > LONGEST:
        found.append(f"expected at most {LONGEST} lines of code, got {len(code)}")
    lines = [question.line, *(option.line for option in question.options)]
    if outside := [line for line in lines if not 1 <= line <= len(code)]:
        return [*found, f"expected lines from 1 to {len(code)}, got {outside[0]}"]
    if len(set(lines)) < len(lines):
        found.append("expected each line to be named once")
    if not 2 <= len(question.options) <= 3:
        found.append(f"expected 2 to 3 decoys, got {len(question.options)}")
    if question.fix == code[question.line - 1]:
        found.append("expected the fix to differ from the faulty line")
    code[question.line - 1] = question.fix
    return found + _parses("the mended code", "\n".join(code))


def _order(question: Question) -> list[str]:
    found = []
    if not 4 <= len(question.steps) <= 6:
        found.append(f"expected 4 to 6 steps, got {len(question.steps)}")
    for lang in LANGUAGES:
        if len({step[lang] for step in question.steps}) < len(question.steps):
            found.append(f"expected different steps in {lang}")
    return found


def _code(question: Question) -> list[str]:
    return _parses("the solution", question.solution) + _parses("the test", question.test)


def _parses(name: str, code: str) -> list[str]:
    try:
        ast.parse(code)
    except SyntaxError as error:
        return [f"{name} is not Python: {error.msg} in line {error.lineno}"]
    return []


KIND = {
    "choice": _choice,
    "numeric": _numbers,
    "shape": _numbers,
    "fault": _fault,
    "order": _order,
    "code": _code,
}
