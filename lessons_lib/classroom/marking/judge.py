"""The judge: compare a student's answers with the solution's, in a process of its own."""

import ast
import functools
import importlib
import inspect
import json
from collections.abc import Callable, Iterable
from dataclasses import replace

from lessons_lib.classroom import practice
from lessons_lib.classroom.marking.reading import exercises
from lessons_lib.classroom.marking.values import unpack, unpack_arguments
from lessons_lib.classroom.marking.words import Told
from lessons_lib.classroom.own import load, own_case
from lessons_lib.classroom.practice import Exercise, Unanswered

__all__ = ["is_published", "judge"]

_SMALL = 40  # nodes: whoever writes a shorter function may well write the same


def judge(
    chapter: str,
    name: str,
    more: list,
    data: bytes,
    reason: str,
    language: str,
    texts: list[str],
    source: str | None,
    write: Callable,
) -> None:
    """Write what is wrong with the answers, or `None`, and whether the code is the published one.

    Args:
        chapter: the exercise's chapter.
        name: its function.
        more: packed tuples of arguments, cases after those of the book.
        data: the lines that the student's process has written.
        reason: why there are no more of them, in the language.
        language: of what is said.
        texts: the statements that the function needs.
        source: of an exercise of the lecturer's own.
        write: called with the two results.
    """
    practice.speak(language)
    if source is None:
        exercise = next(one for one in exercises(chapter) if one.name == name)
    else:
        exercise = load(name, source).exercise
    cases = [own_case(unpack_arguments(arguments)) for arguments in more]
    exercise = replace(exercise, cases=(*exercise.cases, *cases))
    lines = data.splitlines()
    if lines and lines[0] == b'["none"]':
        fault = exercise.find_fault(None)
    else:
        fault = exercise.find_fault(functools.partial(_replay, iter(lines), reason, language))
    public = source is None and fault is None
    write(fault, public and is_published(exercise, chapter, texts))


def _replay(lines: Iterable[bytes], reason: str, language: str, *_: object) -> object:
    """Give the answer of the next line."""
    line = next(lines, None)
    if line is None:
        raise Unanswered(reason)
    try:
        kind, *content = json.loads(line)
        if kind == "answer":
            return unpack(content[0])
        said = str({"type": content, "error": content}[kind][0])
    except Exception:  # bytes that the marker's own half did not write
        raise Unanswered(Told("read").say(language)) from None
    if kind == "type":
        raise Unanswered(Told("type", got=said).say(language))
    raise practice.Raised(said)


# ---------------------------------------------------------------- whose code it is


def is_published(exercise: Exercise, chapter: str, texts: list[str]) -> bool:
    """Tell whether statements hold the solution of `practice`, whatever its names are now.

    Docstrings, annotations and comments do not count. A short function is nobody's.
    """
    source = inspect.getsource(importlib.import_module(f"{practice.__name__}.{chapter}"))
    line = exercise.solution.__code__.co_firstlineno
    published = {
        _shape(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.Lambda) and node.lineno == line
    }
    written = {
        _shape(node)
        for text in texts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.Lambda)
    }
    return bool(published & written - {None})


def _shape(function: ast.FunctionDef | ast.Lambda) -> str | None:
    """Return a function as a text in which its own names are numbers."""
    body = function.body if isinstance(function.body, list) else [function.body]
    body = [
        one
        for one in body
        if not isinstance(getattr(one, "value", None), ast.Constant)
        or not isinstance(one, ast.Expr)
    ]
    nodes = [node for part in body for node in ast.walk(part)]
    if len(nodes) < _SMALL:
        return None
    own = [node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)]
    own += [n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    numbers = {name: f"name {i}" for i, name in enumerate(dict.fromkeys(own))}
    return "\n".join(ast.dump(_Renamed(numbers).visit(part)) for part in body)


class _Renamed(ast.NodeTransformer):
    def __init__(self, numbers: dict[str, str]):
        self.numbers = numbers

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.numbers.get(node.id, node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.numbers.get(node.arg, node.arg))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return self.generic_visit(ast.Assign([node.target], node.value, lineno=0))
