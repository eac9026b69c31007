"""The commands that the pages name exist, with the options that they name."""

import ast
import re
from functools import cache

import pytest

from tools import house

PAGES = [
    *sorted(house.ROOT.glob("*.md")),
    *sorted((house.ROOT / "book").glob("*/*.md")),
]
# A command ends where its code does, or where a comment or another command begins.
COMMAND = re.compile(
    r"python3? -m ((?:lessons_lib|tools|benchmarks)[.\w]*)((?:(?!python)[^`|#\n])*)"
)
MAKE = re.compile(r"(?:^|`|^\$ )make ([a-z]+)\b", re.M)
MAKEFILE = (house.ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(" ".join(re.findall(r"^([a-z][a-z ]*):", MAKEFILE, re.M)).split())


@cache
def known(module):
    """All texts in the source of a module or package; none if there is no such command."""
    path = house.ROOT / module.replace(".", "/")
    files = sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    if not files[0].is_file() or (path.is_dir() and not (path / "__main__.py").is_file()):
        return frozenset()
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    nodes = (node for tree in trees for node in ast.walk(tree))
    return frozenset(
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def unknown(text):
    """The commands of a text that do not exist, and options that they do not know."""
    found = [f"make {target}" for target in MAKE.findall(text) if target not in TARGETS]
    for module, rest in COMMAND.findall(text):
        if module.endswith(".NAME"):
            continue
        module = module.rstrip(".")
        texts = known(module)
        if not texts:
            found.append(module)
        found += [f"{module} {option}" for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", rest)
                  if texts and option not in texts]  # fmt: skip
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(house.ROOT).as_posix())
def test_the_commands_of_a_page_exist(page):
    assert unknown(page.read_text(encoding="utf-8")) == []


def test_a_command_that_does_not_exist_is_noticed():
    assert unknown("`make slides` or `python -m tools.slides --pdf`") == []
    assert unknown("`make slide`; `make book`") == ["make slide"]
    assert unknown("$ python -m lessons_lib.classroom.marks in") == ["lessons_lib.classroom.marks"]
    text = "    .venv/bin/python -m lessons_lib.classroom.exams make --student class.csv --seed 1\n"
    assert unknown(text) == ["lessons_lib.classroom.exams --student"]


def test_commands_of_the_classroom_are_named_on_the_page_on_teaching():
    for language in house.LANGUAGES:
        page = (house.ROOT / "book" / language / "teaching.md").read_text(encoding="utf-8")
        named = {module for module, _ in COMMAND.findall(page)}
        assert named >= {f"lessons_lib.classroom.{name}" for name in ("exams", "marking", "own")}
        assert set(MAKE.findall(page)) >= {"slides", "questions", "publish"}
