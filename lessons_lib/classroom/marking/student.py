"""The student's half: find what each function needs, run it, and send the answers."""

import __future__

import ast
import importlib
import inspect
import json
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable
from types import ModuleType

from lessons_lib.classroom import practice
from lessons_lib.classroom.marking import needs
from lessons_lib.classroom.marking.values import pack, unpack_arguments
from lessons_lib.classroom.practice import Exercise, told

__all__ = ["answer", "plan"]

_FLAGS = __future__.annotations.compiler_flag | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def plan(cells: list[str], names: Iterable[str], write: Callable) -> None:
    """Write what to run for each function: the statements it needs, as two texts of them.

    The first ends with the cell of its last definition, as the student saw it when it was checked;
    the other takes all cells, for helpers that stand below. Where both are the same, there is one;
    where no cell names the function, there is none.
    """
    found, errors = needs.statements(cells)
    text = "\n".join(cells)
    for name in names:
        if not re.search(rf"\b{name}\b", text):
            write(name, [], [], None)
            continue
        try:
            end = needs.last_definition(name, cells, found, errors)
            above = [statement for statement in found if statement.cell <= end]
            versions = [_texts(needs.needed(name, some)) for some in (above, found)]
            imported = {module for texts in versions for text in texts for module in _imports(text)}
            write(name, versions[: 1 + (versions[0] != versions[1])], sorted(imported), None)
        except needs.NOT_PYTHON as error:
            write(name, [[]], [], told(error))


def _texts(statements: Iterable[needs.Statement]) -> list[str]:
    return [ast.unparse(statement.node) for statement in statements]


def _imports(text: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(text)))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def answer(texts: list[str], name: str, arguments: list, failed: str, write: Callable) -> None:
    """Run statements, then the function on each tuple of arguments; write one line for each."""
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__dict__["display"] = print  # in a notebook it needs no import
    sys.path.insert(0, os.getcwd())  # for what the notebook has written itself
    _hide_solutions()
    for text in texts:
        try:
            code = compile(text, "<notebook>", "exec", _FLAGS, dont_inherit=True)
            if code.co_flags & inspect.CO_COROUTINE:
                importlib.import_module("asyncio").run(eval(code, main.__dict__))
            else:
                exec(code, main.__dict__)
        except BaseException as error:
            failed = failed or told(error)
    function = main.__dict__.get(name)
    if not callable(function):
        write("error", failed) if failed else write("none")
        return
    for packed in arguments:
        given = unpack_arguments(packed)
        try:
            value = function(*given)
        except BaseException as error:
            write("error", told(error))
            continue
        try:
            write("answer", pack(value))
        except TypeError as error:
            write("type", told(error).partition(": ")[2])
        except BaseException as error:  # a generator's own, or too deep
            write("error", told(error))


def _hide_solutions() -> None:
    """Let every import of a check go on, and give it a check without solution and cases."""

    def empty(name):
        if not name.startswith("check_"):
            raise AttributeError(name)
        return Exercise(name, None, ())

    for chapter in HIDDEN:
        checks = ModuleType(f"{practice.__name__}.{chapter}")
        checks.__getattr__ = empty
        checks.__all__ = []
        sys.modules[checks.__name__] = checks
        setattr(practice, chapter, checks)


# Listed before the folder is hidden.
HIDDEN = tuple(module.name for module in pkgutil.iter_modules(practice.__path__))


def lines(write_line: Callable[[str], object]) -> Callable:
    """Return a function that writes its arguments as one line of JSON."""
    return lambda *line: write_line(json.dumps(line) + "\n")
