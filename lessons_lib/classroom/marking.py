"""Mark the exercises of students' notebooks.

    python -m lessons_lib.classroom.marking submitted/*/intro.ipynb --csv marks.csv

For each exercise of a notebook's chapter, the student's function and what it needs are run in a
process of their own, with a time limit. That process gets the arguments of the exercise's cases and
sends back answers. Whether they are right is decided here, by the check that the chapter uses: what
a notebook prints, and what it does to the checks, changes no mark.

It is no sandbox. The student's code runs as the user who marks, so mark in a container or under an
account of its own. Nor does it see who wrote the code: the solutions are public.
"""

import __future__

import argparse
import ast
import contextlib
import csv
import glob
import importlib
import io
import itertools
import json
import os
import pkgutil
import re
import runpy
import signal
import subprocess
import symtable
import sys
import tempfile
from collections import deque
from collections.abc import (
    Callable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    ValuesView,
)
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom import practice
from lessons_lib.classroom.practice import Case, Exercise, speak

__all__ = ["Mark", "load_cases", "main", "mark"]

SECONDS = 20  # for one exercise, the start of Python included
MEMORY = 4 * 2**30  # bytes that its process may take, on Linux
LARGEST = 20_000_000  # bytes of all answers to one exercise
LONGEST = 1_000_000  # elements that are taken from a generator
KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "LD_LIBRARY_PATH")  # of the environment
_NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)  # of a cell's text
_WORDS = {
    "en": {"right": "right", "not_yet": "not yet", "total": "{right} of {n}"},
    "es": {"right": "bien", "not_yet": "todavía no", "total": "{right} de {n}"},
}


@dataclass(frozen=True)
class Mark:
    """The mark of one exercise: the notebook's path, and what the check says where it is wrong."""

    notebook: str
    chapter: str
    exercise: str
    right: bool
    message: str


def mark(
    notebook: str | os.PathLike,
    *,
    chapter: str | None = None,
    cases: Mapping[str, Iterable[tuple]] | None = None,
    seconds: float = SECONDS,
) -> list[Mark]:
    """Mark all exercises of the chapter that a notebook belongs to.

    Of a function that is defined several times, the last definition counts. The book's own
    solutions (cells tagged `hide-cell`, or named `solution-1`) do not.

    Args:
        notebook: the path of an `.ipynb` file of format 4, with or without outputs.
        chapter: the chapter's name; by default the one whose checks the notebook imports.
        cases: more cases: from "chapter.function" to tuples of arguments. They come after the
            cases of the book; the model solution gives the right answers.
        seconds: the limit for each exercise.

    Returns:
        one `Mark` for each exercise, in the order of the notebook; missing functions come last.

    Raises:
        ValueError: the file is no notebook, its chapter is unclear or unknown, or a case names no
            exercise or is refused by the model solution.
    """
    cells = _cells(Path(notebook))
    chapter = chapter or _chapter(notebook, cells)
    exercises = _with_cases(_exercises(chapter), chapter, cases or {})
    text = "\n".join(cells)
    places = {exercise.name: text.find(f"def {exercise.name}(") for exercise in exercises}
    marks = []
    for exercise in sorted(exercises, key=lambda exercise: places[exercise.name] % (len(text) + 1)):
        fault = exercise.find_fault(_answers(cells, exercise, seconds))
        message = _printable(fault or "")
        marks.append(Mark(str(notebook), chapter, exercise.name, fault is None, message))
    return marks


def _printable(text: str) -> str:
    """Escape what may not stand in a terminal or a file: its commands, half a surrogate pair."""
    return "".join(c if c == "\n" or c.isprintable() else ascii(c)[1:-1] for c in text)


def load_cases(path: str | os.PathLike) -> dict[str, list[tuple]]:
    """Run a Python file and return its `CASES`: from "chapter.function" to tuples of arguments.

    Raises `ValueError` if the file has no such dictionary.
    """
    cases = runpy.run_path(str(path)).get("CASES")
    if not isinstance(cases, dict):
        raise ValueError(f"{path}: expected a dictionary CASES, got {type(cases).__name__}")
    return {key: list(more) for key, more in cases.items()}


# ---------------------------------------------------------------- the notebook


def _cells(path: Path) -> list[str]:
    """Return the code cells of a notebook, the book's own solutions apart."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        codes = [cell for cell in cells if cell["cell_type"] == "code"]
        return ["".join(cell["source"]) for cell in codes if not _is_solution(cell)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path}: expected a notebook of format 4, got {what[:200]}") from None


def _is_solution(cell: dict) -> bool:
    tags = cell.get("metadata", {}).get("tags", [])
    return "hide-cell" in tags or str(cell.get("id", "")).startswith("solution-")


def _chapters() -> set[str]:
    """Return the chapters with exercises."""
    return {module.name for module in pkgutil.iter_modules(practice.__path__)}


def _chapter(notebook: str | os.PathLike, cells: list[str]) -> str:
    named = {name for cell in cells for name in re.findall(r"lessons_lib\.practice\.(\w+)", cell)}
    found = named & _chapters()
    if len(found) != 1:
        raise ValueError(
            f"{notebook}: expected a notebook that imports the checks of one chapter "
            f"(from lessons_lib.classroom.practice.tokens import ...), "
            f"got {sorted(found) or 'none'}"
        )
    return found.pop()


def _exercises(chapter: str) -> list[Exercise]:
    if chapter not in _chapters():
        raise ValueError(f"expected a chapter with exercises, got {chapter!r}")
    checks = importlib.import_module(f"lessons_lib.classroom.practice.{chapter}")
    return [getattr(checks, check) for check in checks.__all__]


def _with_cases(exercises: list[Exercise], chapter: str, cases: Mapping) -> list[Exercise]:
    """Return the exercises with the lecturer's cases for them added."""
    for key in cases:
        other, _, name = str(key).partition(".")
        if name not in [exercise.name for exercise in _exercises(other)]:
            raise ValueError(f"expected cases for chapter.function, got {key!r}")
    longer = []
    for exercise in exercises:
        key = f"{chapter}.{exercise.name}"
        more = [_own_case(key, exercise, arguments) for arguments in cases.get(key, ())]
        longer.append(replace(exercise, cases=(*exercise.cases, *more)))
    return longer


def _own_case(key: str, exercise: Exercise, arguments: tuple) -> Case:
    if not isinstance(arguments, tuple):
        raise ValueError(f"{key}: expected a tuple of arguments, got {arguments!r}")
    case = Case(arguments, "a case of your course.", "un caso de tu curso.")
    try:
        _pack(arguments)
        fault = replace(exercise, cases=(case,)).find_fault(exercise.solution)
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        raise ValueError(f"{key}: expected arguments that the solution can take, got {fault}")
    return case


# ---------------------------------------------------------------- the student's process


def _answers(cells: list[str], exercise: Exercise, seconds: float) -> Callable:
    """Run the student's function on all cases; return a function that gives these answers."""
    arguments = [_pack(case.arguments) for case in exercise.cases]
    task = {"cells": cells, "name": exercise.name, "arguments": arguments}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as got,
    ):
        given.write(json.dumps(task).encode())
        given.seek(0)
        environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "HOME": folder,
            "USERPROFILE": folder,
            "PYTHONPATH": os.pathsep.join(filter(None, map(os.path.abspath, sys.path))),
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "HF_HUB_OFFLINE": "1",
            "LESSONS_LIB_OFFLINE": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-c", "from lessons_lib.classroom.marking import _answer; _answer()"],
            stdin=given,
            stdout=got,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            process.wait(seconds)
            end = ChildProcessError("the process ended")
        except subprocess.TimeoutExpired:
            end = TimeoutError(f"no answer within {seconds:g} s")
        finally:
            _end(process)
        got.seek(0)
        lines = got.read(LARGEST).splitlines()

    if lines and lines[0] == b"null":
        return None
    rest = iter(lines)

    def replay(*_):
        try:
            kind, *content = json.loads(next(rest, b"[]")) or ("end",)
            if kind == "answer":
                return _unpack(content[0])
        except Exception:  # bytes that this module's own half did not write
            raise TypeError("an answer that cannot be read") from None
        if kind == "error":
            raise type(str(content[0]), (Exception,), {})(*content[1:])
        raise end

    return replay


def _end(process: subprocess.Popen) -> None:
    """End a process, and on POSIX whatever it has started in its session."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _answer() -> None:
    """Do the student's half: read the task, run the function, write one line for each case."""
    import __main__

    task = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)

    def write(*line):
        print(json.dumps(line), file=out, flush=True)

    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows; a lower limit
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    _hide_solutions()
    namespace, failed = vars(__main__), None
    namespace["display"] = print  # in a notebook it needs no import
    unread = __future__.annotations.compiler_flag  # as a cell may have asked for all others
    try:
        for statement in _needed(task["cells"], task["name"]):
            try:
                exec(compile(statement, "<notebook>", "exec", unread), namespace)
            except (Exception, SystemExit) as error:
                failed = failed or error
        function = namespace.get(task["name"])
    except _NOT_PYTHON as error:
        function, failed = None, error
    if not callable(function) and not failed:
        print("null", file=out, flush=True)
        return
    for packed in task["arguments"]:
        try:
            if not callable(function):
                raise failed
            write("answer", _pack(function(*_unpack(packed))))
        except (Exception, SystemExit) as error:
            write("error", type(error).__name__, str(error)[:300])
    out.flush()
    os._exit(0)


def _hide_solutions() -> None:
    """Let every import of a check go on, and give it a check without solution and cases."""

    def empty(name):
        if not name.startswith("check_"):
            raise AttributeError(name)
        return Exercise(name, None, ())

    for chapter in _chapters():
        checks = ModuleType(f"{practice.__name__}.{chapter}")
        checks.__getattr__ = empty
        checks.__all__ = []
        sys.modules[checks.__name__] = checks


def _needed(cells: list[str], name: str) -> list[ast.Module]:
    """Return the statements that define `name` and, in turn, the names that these use.

    A cell that is not Python is left out, unless it holds the last definition of `name`: that is
    an error.
    """
    statements, imported, broken = [], set(), None
    for cell in cells:
        try:
            nodes = _parse(cell).body
            tables = [symtable.symtable(ast.unparse(node), "<notebook>", "exec") for node in nodes]
        except _NOT_PYTHON as error:
            if re.search(rf"\bdef\s+{name}\b", cell):
                broken = error
            continue
        for node, table in zip(nodes, tables, strict=True):
            modules = {s.get_name() for s in table.get_symbols() if s.is_imported()}
            bound = modules | {s.get_name() for s in table.get_symbols() if s.is_assigned()}
            statements.append((node, bound, _changed(node), set(_used(table))))
            imported |= modules
            broken = None if name in bound else broken
    if broken:
        raise broken
    wanted, kept = {name}, set()
    grown = True
    while grown:
        grown = False
        for i, (_, bound, changed, used) in enumerate(statements):
            needed = wanted & (bound | changed - imported) or "*" in changed
            if needed and i not in kept:
                kept.add(i)
                wanted |= used
                grown = True
    return [ast.Module([statements[i][0]], []) for i in sorted(kept)]


def _parse(cell: str) -> ast.Module:
    """Parse a cell; IPython's own lines, `%magic`, `files = !ls` and `help?`, are passed over."""
    try:
        return ast.parse(cell)
    except SyntaxError:
        own = r"^([ \t]*)(([\w, ]+= *)?[%!?].*|[\w.]+\?\??[ \t\r]*)$"
        return ast.parse(re.sub(own, r"\1pass", cell, flags=re.MULTILINE))


def _changed(node: ast.stmt) -> set[str]:
    """Return `*` for a star import, and `table` for `table[3] = 5` or `table.append(5)`.

    Loops and other blocks are looked into, functions and classes are not.
    """
    if isinstance(node, ast.ImportFrom):
        return {"*"} & {alias.name for alias in node.names}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return set()
    names, targets = set(), getattr(node, "targets", [getattr(node, "target", None)])
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
            targets = [method]
    for target in targets:
        while isinstance(target, ast.Subscript | ast.Attribute | ast.Call):
            target = target.func if isinstance(target, ast.Call) else target.value
        if isinstance(target, ast.Name):
            names.add(target.id)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            names |= _changed(child)
    return names


def _used(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the global names that a statement, or any function inside it, uses."""
    module = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() if module else symbol.is_global():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _used(child)


# ---------------------------------------------------------------- values as JSON


def _pack(value: object) -> object:
    """Turn an answer into what JSON can hold. Only plain values pass; `TypeError` for others."""
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    if value is None:
        return None
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return [kind.__name__, [_pack(item) for item in value]]
    if isinstance(value, dict):
        return ["dict", [[_pack(key), _pack(item)] for key, item in value.items()]]
    if isinstance(value, bytes | bytearray):
        return ["bytes", value.hex()]
    if isinstance(value, range | deque | KeysView | ValuesView | ItemsView):
        return ["tuple", [_pack(item) for item in value]]
    if isinstance(value, Iterator):
        return ["iter", [_pack(item) for item in itertools.islice(value, LONGEST)]]
    if (torch := sys.modules.get("torch")) and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if np := sys.modules.get("numpy"):
        if isinstance(value, np.generic):
            return _pack(value.item())
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
            return ["array", value.dtype.str, list(value.shape), value.tobytes().hex()]
    raise TypeError(f"an answer of type {type(value).__name__}")


def _unpack(packed: object) -> object:
    """Give back what `_pack` was given: an iterator for a generator, arrays for tensors."""
    if not isinstance(packed, list):
        return packed
    kind, *content = packed
    if kind == "bytes":
        return bytes.fromhex(*content)
    if kind == "array":
        import numpy as np

        dtype, shape, data = content
        if np.dtype(dtype).kind not in "biufc":
            raise TypeError(f"expected numbers, got {dtype}")
        return np.frombuffer(bytes.fromhex(data), dtype).reshape(shape).copy()
    if kind == "dict":
        return {_unpack(key): _unpack(item) for key, item in content[0]}
    kinds = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "iter": iter}
    return kinds[kind]([_unpack(item) for item in content[0]])


# ---------------------------------------------------------------- the command


def _table(marks: list[Mark], language: str) -> str:
    """Return the marks as text: a line for each notebook and one for each exercise."""
    words, lines = _WORDS[language], []
    for notebook, group in itertools.groupby(marks, key=lambda mark: mark.notebook):
        group = list(group)
        total = words["total"].format(right=sum(mark.right for mark in group), n=len(group))
        lines.append(f"{_printable(notebook)}: {total}")
        for mark in group:
            said = words["right" if mark.right else "not_yet"]
            lines.append(f"  {said:<11} {mark.exercise}")
            lines += [f"              {line}" for line in mark.message.splitlines()]
    return "\n".join(lines)


def _csv(marks: list[Mark]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Mark.__dataclass_fields__)
    for mark in marks:
        writer.writerow([mark.notebook, mark.chapter, mark.exercise, int(mark.right), mark.message])
    return text.getvalue()


def _files(names: list[str]) -> Iterator[str]:
    """Yield the files; a pattern that the shell has left as it is, as on Windows, is expanded."""
    for name in names:
        found = [name] if os.path.exists(name) else sorted(glob.glob(name, recursive=True))
        yield from found or [name]


def main(arguments: list[str] | None = None) -> int:
    """Mark notebooks; return 1 if one of them could not be read, else 0, whatever the marks."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.classroom.marking",
        description="Mark the exercises of students' notebooks.",
    )
    parser.add_argument(
        "notebooks", nargs="+", metavar="NOTEBOOK", help="an .ipynb file, or a pattern"
    )
    parser.add_argument("--csv", metavar="FILE", help="write a row for each notebook and exercise")
    parser.add_argument("--json", metavar="FILE", help="write the same as JSON")
    parser.add_argument("--cases", metavar="FILE", help="a Python file with CASES of your own")
    parser.add_argument("--chapter", help="the chapter, where a notebook does not tell")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"limit for one exercise ({SECONDS})"
    )
    parser.add_argument("--language", choices=sorted(_WORDS), default="en")
    options = parser.parse_args(arguments)
    console.forgive(sys.stdout)
    speak(options.language)
    try:
        cases = load_cases(options.cases) if options.cases else {}
        chapters = {str(key).partition(".")[0] for key in cases} | {options.chapter} - {None}
        for chapter in chapters:
            _with_cases(_exercises(chapter), chapter, cases)
        for path in filter(None, (options.csv, options.json)):
            if path.endswith(".ipynb"):
                raise ValueError(f"{path}: expected a file for the marks, got a notebook")
            open(path, "ab").close()  # fails now, not after the last notebook
    except (OSError, ValueError) as error:
        parser.error(str(error))
    how = {"chapter": options.chapter, "cases": cases, "seconds": options.seconds}
    marks, failed = [], 0
    try:
        for notebook in _files(options.notebooks):
            try:
                found = mark(notebook, **how)
            except (OSError, ValueError) as error:
                print(_printable(str(error)), file=sys.stderr)
                failed = 1
                continue
            print(_table(found, options.language), flush=True)
            marks += found
    finally:  # after Ctrl+C too
        if options.csv:  # from the byte order mark Excel knows that it is UTF-8
            write_atomic(options.csv, _csv(marks).encode("utf-8-sig", "backslashreplace"))
        if options.json:
            rows = json.dumps([asdict(mark) for mark in marks], indent=1, ensure_ascii=False)
            write_atomic(options.json, f"{rows}\n".encode("utf-8", "backslashreplace"))
    return failed


if __name__ == "__main__":
    console.run(main)
