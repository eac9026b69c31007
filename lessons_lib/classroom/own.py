"""Exercises of a lecturer's own: a folder for each, beside those of the book and without a fork.

    python -m lessons_lib.classroom.own check exercises

A folder bears the name of the function asked for. It holds the statement, `en.md`, `es.md` or both,
and `exercise.py`: `CHAPTER`, the solution under that name, `CASES`, each a tuple of arguments with
a hint, and `WRONG`, functions that must be refused. `draw(rng)` may give more arguments, others
for each student. Arguments and answers are plain values: numbers, texts, lists and the like.
"""

import argparse
import ast
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from lessons_lib.base import console
from lessons_lib.classroom.practice import LANGUAGES, Case, Exercise, near, speak, told

__all__ = ["DRAWS", "Own", "alike", "check", "given", "load", "own_case", "read", "read_all"]

DRAWS = 5  # cases of each student's own
_SOURCE = "exercise.py"
_TRIES = 20  # seeds with which `check` draws


@dataclass(frozen=True)
class Own:
    """A lecturer's exercise: where it stands, what it asks, and how its answers are judged.

    Args:
        chapter: the chapter of the book that it joins.
        exercise: the check, with the cases that all students have.
        statements: what is asked, as Markdown, by language.
        source: the text of `exercise.py`.
        path: where that text stands.
        draw: gives arguments of one case more, or `None`.
        wrong: functions that must be refused, by what is wrong with them.
    """

    chapter: str
    exercise: Exercise
    statements: Mapping[str, str]
    source: str
    path: str
    draw: Callable[[Random], tuple] | None
    wrong: Mapping[str, Callable]

    @property
    def name(self) -> str:
        """The function asked for."""
        return self.exercise.name

    def drawn(self, seed: str, student: str, n: int = DRAWS) -> list[tuple]:
        """Return a student's own cases: the same for the same seed and student.

        Raises `ValueError` if `draw` fails, or gives no arguments that the solution takes.
        """
        if self.draw is None:
            return []
        rng, cases = Random(f"{seed}:{student}:{self.name}"), []
        for _ in range(n):
            try:
                arguments = self.draw(rng)
            except Exception as error:
                raise _fault(self.path, error) from None
            if not isinstance(arguments, tuple):
                raise _At(self, "draw", f"a tuple of arguments, got {arguments!r:.80}")
            _plain(self, "draw", arguments)
            _plain(self, self.name, _solve(self, arguments))
            cases.append(arguments)
        return cases

    def definition(self) -> str:
        """Return the solution as it is written."""
        return ast.get_source_segment(self.source, _node(self.source, self.name))

    def imports(self) -> str:
        """Return the imports of `exercise.py`, which its solution may need."""
        nodes = [
            n for n in ast.parse(self.source).body if isinstance(n, ast.Import | ast.ImportFrom)
        ]
        return "\n".join(map(ast.unparse, nodes))

    def blank(self) -> str:
        """Return what the student begins with."""
        arguments = ast.unparse(_node(self.source, self.name).args)
        return f"def {self.name}({arguments}):\n    return None  # your turn"

    def published(self, language: str, more: Iterable[tuple] = ()) -> str:
        """Return the code that makes the check in a notebook: cases with answers, no solution.

        Args:
            language: of the hints.
            more: arguments of cases beside those that all students have.
        """
        cases = [
            (case.arguments, _solve(self, case.arguments), getattr(case, language))
            for case in (*self.exercise.cases, *map(own_case, more))
        ]
        rows = "".join(f"\n        {case!r}," for case in cases)
        return f"check_{self.name} = given(\n    {self.name!r},\n    [{rows}\n    ],\n)"


def own_case(arguments: tuple) -> Case:
    """Return a case that stands in no notebook."""
    return Case(arguments, "a case of your course.", "un caso de tu curso.")


def given(name: str, cases: Iterable[tuple[tuple, object, str]]) -> Exercise:
    """Return a check from cases with their right answers: arguments, the answer, and a hint."""
    cases = list(cases)

    def solution(*arguments: object) -> object:
        same = [case for case in cases if case[0] == arguments]
        exactly = [case for case in same if repr(case[0]) == repr(arguments)]  # 1 is no True
        return (exactly or same)[0][1]

    return Exercise(name, solution, tuple(Case(a, hint, hint) for a, _, hint in cases), alike)


def alike(answer: object, expected: object) -> bool:
    """Tell whether an answer is right: numbers to five digits; lists, tuples and arrays alike."""
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    if isinstance(expected, list | tuple):
        if not isinstance(answer, list | tuple) or len(answer) != len(expected):
            return False
        return all(map(alike, answer, expected))
    if isinstance(expected, dict):
        if not isinstance(answer, dict) or answer.keys() != expected.keys():
            return False
        return all(alike(answer[key], expected[key]) for key in expected)
    if isinstance(expected, float) and isinstance(answer, int | float):
        return near(answer, expected)
    return bool(answer == expected)


# ---------------------------------------------------------------- reading


class _At(ValueError):
    """What is wrong, with file and line: at a name of the exercise's source."""

    def __init__(self, own: Own, name: str, expected: str):
        node = _node(own.source, name)
        line = getattr(node, "lineno", 1)
        super().__init__(f"{own.path}:{line}: expected {expected}")


def read_all(folder: str | Path, chapters: Iterable[str] | None = None) -> list[Own]:
    """Read all exercises of a folder, by the names of their folders.

    Args:
        folder: holds a folder for each exercise.
        chapters: those that exercises may join; by default those of the book.

    Raises `ValueError` with file and line for the first thing that is wrong.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder with a folder for each exercise, found none")
    places = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")
    if not places:
        raise ValueError(f"{folder}: expected a folder for each exercise, found none in it")
    return [read(place, chapters) for place in places]


def read(folder: Path, chapters: Iterable[str] | None = None) -> Own:
    """Read one exercise; see `read_all`."""
    name, path = folder.name, folder / _SOURCE
    if not name.isidentifier():
        raise ValueError(f"{folder}: expected the name of a function, got {name!r}")
    if not path.is_file():
        raise ValueError(f"{path}: expected a file, found none")
    statements = {}
    for language in sorted(LANGUAGES):
        text = folder / f"{language}.md"
        if text.is_file():
            statements[language] = _text(text).strip()
            if not statements[language]:
                raise ValueError(f"{text}:1: expected a statement, got an empty file")
    if not statements:
        raise ValueError(f"{folder}: expected a statement en.md or es.md, found none")
    return load(name, _text(path), str(path), statements, chapters)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}:{line}: expected UTF-8, got other bytes") from None


def load(
    name: str,
    source: str,
    path: str = _SOURCE,
    statements: Mapping[str, str] | None = None,
    chapters: Iterable[str] | None = None,
) -> Own:
    """Run the text of an exercise and return what it says; `ValueError` with file and line."""
    found = {"__name__": f"exercise_{name}", "__file__": path}
    try:
        exec(compile(source, path, "exec"), found)
    except BaseException as error:
        raise _fault(path, error) from None
    own = Own("", Exercise(name, None, ()), statements or {}, source, path, found.get("draw"), {})
    if chapters is None:
        from lessons_lib.classroom.marking.reading import chapters as of_the_book

        chapters = of_the_book()
    chapter, solution = found.get("CHAPTER"), found.get(name)
    if chapter not in chapters:
        raise _At(own, "CHAPTER", f"CHAPTER, one of {', '.join(sorted(chapters))}, got {chapter!r}")
    if not isinstance(_node(source, name), ast.FunctionDef) or not callable(solution):
        raise _At(own, name, f"a function {name}, named as its folder, got {solution!r:.80}")
    if own.draw is not None and not callable(own.draw):
        raise _At(own, "draw", f"a function draw(rng), got {own.draw!r:.80}")
    own = replace(own, chapter=chapter, exercise=Exercise(name, solution, (), alike))
    cases = _cases(own, found.get("CASES"), sorted(own.statements or LANGUAGES))
    wrong = found.get("WRONG")
    named = wrong.items() if isinstance(wrong, dict) else ()
    if not named or not all(isinstance(key, str) and callable(one) for key, one in named):
        raise _At(own, "WRONG", f"WRONG, wrong functions by their names, got {wrong!r:.80}")
    return replace(own, exercise=replace(own.exercise, cases=cases), wrong=dict(named))


def _cases(own: Own, cases: object, languages: list[str]) -> tuple[Case, ...]:
    if not isinstance(cases, list | tuple) or not cases:
        raise _At(own, "CASES", f"CASES, a list of (arguments, hint), got {cases!r:.80}")
    found = []
    for i, case in enumerate(cases, start=1):
        arguments, hint = case if isinstance(case, tuple) and len(case) == 2 else (None, None)
        if not isinstance(arguments, tuple):
            raise _At(own, "CASES", f"case {i} as (tuple of arguments, hint), got {case!r:.80}")
        hints = hint if isinstance(hint, dict) else dict.fromkeys(languages, hint)
        if not all(isinstance(hints.get(one), str) and hints[one].strip() for one in languages):
            raise _At(own, "CASES", f"case {i} with a hint in {languages}, got {hint!r:.80}")
        _plain(own, "CASES", arguments)
        _plain(own, own.name, _solve(own, arguments))
        spare = hints[languages[0]]
        found.append(Case(arguments, hints.get("en", spare), hints.get("es", spare)))
    return tuple(found)


def _solve(own: Own, arguments: tuple) -> object:
    """Return the solution's answer, which must be one, and always the same."""
    try:
        answers = [own.exercise.solution(*ast.literal_eval(repr(arguments))) for _ in range(2)]
    except Exception as error:
        raise _fault(own.path, error) from None
    if answers[0] is None or not alike(*answers):
        got = " and ".join(f"{one!r:.80}" for one in answers)
        raise _At(own, own.name, f"one answer for {own.name}{arguments!r:.80}, got {got}")
    return answers[0]


def _plain(own: Own, name: str, value: object) -> None:
    """Raise unless a value can be written down in a notebook and read back."""
    try:
        same = ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        same = False
    if not same:
        raise _At(own, name, f"plain values (numbers, texts, lists ...), got {value!r:.80}")


def _node(source: str, name: str) -> ast.AST | None:
    """Return the last statement of a source that gives a name its value."""
    found = None
    for node in ast.parse(source).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        named = [getattr(node, "name", None), *(getattr(one, "id", None) for one in targets)]
        found = node if name in named else found
    return found


def _fault(path: str, error: BaseException) -> ValueError:
    """Return an error with the line of the exercise's file where it arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == path]  # fmt: skip
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    line = line or (lines[-1] if lines else 1)
    return ValueError(f"{path}:{line}: expected Python that runs, got {told(error)}")


# ---------------------------------------------------------------- the command


def check(own: Own) -> list[str]:
    """Return what is wrong with an exercise that could be read, each with file and line.

    The solution must pass, also with cases drawn from twenty seeds, and each wrong answer and the
    blank be refused by the cases that all students have.
    """
    findings = []
    for seed in range(_TRIES):
        try:
            if own.drawn(str(seed), "one") != own.drawn(str(seed), "one"):
                findings.append(
                    str(_At(own, "draw", "the same cases for the same rng, got others"))
                )
        except ValueError as error:
            findings.append(str(error))
    for what, function in {"the blank": lambda *_: None, **own.wrong}.items():
        if own.exercise.find_fault(function) is None:
            line = getattr(getattr(function, "__code__", None), "co_firstlineno", 1)
            line = 1 if what == "the blank" else line
            findings.append(f"{own.path}:{line}: expected cases that refuse {what!r}, got none")
    return list(dict.fromkeys(findings))


def main(arguments: list[str] | None = None) -> int:
    """Check the exercises of a folder; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.classroom.own", description=__doc__.split("\n")[0]
    )
    todo = parser.add_subparsers(required=True, metavar="check")
    one = todo.add_parser("check", help="try solutions, wrong answers and blanks")
    one.add_argument("folder", metavar="FOLDER", help="a folder with a folder for each exercise")
    options = parser.parse_args(arguments)
    speak("en")
    found = read_all(options.folder)
    findings = [line for own in found for line in check(own)]
    for line in findings:
        console.tell(line)
    if not findings:
        for own in found:
            n = len(own.exercise.cases)
            drawn = f" and {DRAWS} of each student's own" if own.draw else ""
            languages = ", ".join(own.statements)
            console.tell(
                f"{own.chapter}.{own.name} ({languages}): the solution passes {n} cases{drawn}; "
                f"the blank and {len(own.wrong)} wrong answers are refused"
            )
    return int(bool(findings))


if __name__ == "__main__":
    console.run(main, ValueError)
