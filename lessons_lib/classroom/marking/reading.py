"""Read a notebook: the student's code, the chapter it belongs to, the language it speaks."""

import importlib
import json
import os
import pkgutil
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.classroom import practice
from lessons_lib.classroom.marking.words import Told
from lessons_lib.classroom.own import Own
from lessons_lib.classroom.practice import Exercise

__all__ = ["Notebook", "chapters", "exercises", "read"]

LARGEST = 100 * 2**20  # bytes of a notebook, its pictures included
_CHECKS = re.compile(r"lessons_lib\.classroom\.practice\.(\w+)")
_CALL = re.compile(r"^check_\w+\(", re.MULTILINE)
_SPEAK = re.compile(r"""\bspeak\(\s*["'](\w+)["']\s*\)""")


@dataclass(frozen=True)
class Notebook:
    """The code cells of a notebook, the chapters whose checks it names, its language or `None`."""

    cells: tuple[str, ...]
    chapters: tuple[str, ...]
    language: str | None

    def chapter(self) -> str:
        """Return the one chapter that it belongs to; `Told` if that is unclear."""
        if len(self.chapters) != 1:
            raise Told("unclear", got=", ".join(self.chapters) or "–")
        return self.chapters[0]


def read(path: str | os.PathLike) -> Notebook:
    """Read a notebook of format 4, with or without outputs; `Told` where it is none.

    The book's own solutions are left out: cells named `solution-1`, or folded (tagged `hide-cell`)
    with the call of a check. Other folded cells hold code that later ones may need.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise Told("no file")
        if path.stat().st_size > LARGEST:
            raise Told("too large", limit=LARGEST // 2**20)
        data = path.read_bytes()
    except OSError as error:
        raise Told("unreadable", got=error.strerror or type(error).__name__) from None
    if not data.strip():
        raise Told("empty")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Told("no JSON") from None
    try:
        codes = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        cells = tuple("".join(cell["source"]) for cell in codes if not _is_solution(cell))
    except (KeyError, TypeError, AttributeError):
        raise Told("no notebook") from None
    text = "\n".join(cells)
    named = sorted(set(_CHECKS.findall(text)) & chapters())
    spoken = [language for language in _SPEAK.findall(text) if language in practice.LANGUAGES]
    return Notebook(cells, tuple(named), spoken[-1] if spoken else None)


def _is_solution(cell: dict) -> bool:
    tags = cell.get("metadata", {}).get("tags", [])
    folded = "hide-cell" in tags and _CALL.search("".join(cell["source"]))
    return bool(folded) or str(cell.get("id", "")).startswith("solution-")


def chapters() -> set[str]:
    """Return the chapters with exercises."""
    return {module.name for module in pkgutil.iter_modules(practice.__path__)}


def exercises(chapter: str, own: Iterable[Own] = ()) -> list[Exercise]:
    """Return the exercises of a chapter in its order, then those of the lecturer's own.

    Raises `ValueError` if the book has no such chapter, or an exercise of its own by a name.
    """
    if chapter not in chapters():
        raise ValueError(f"expected a chapter with exercises, got {chapter!r}")
    checks = importlib.import_module(f"lessons_lib.classroom.practice.{chapter}")
    found = [check for name, check in vars(checks).items() if name in checks.__all__]
    names = {check.name for check in found}
    for one in own:
        if one.chapter == chapter:
            if one.name in names:
                raise ValueError(
                    f"{one.path}: expected a name that {chapter} has not, got {one.name}"
                )
            found.append(one.exercise)
    return found
