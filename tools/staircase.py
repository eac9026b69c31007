"""The way to each build cell: by hand or as a loop first, then the woven code, then an assert.

    python -m tools.staircase    list the build cells whose section lacks a step

A sketch is a function or a variable whose name ends in `_by_hand` or `_loop`, in the section of the
build cell and before it; the assert, or a function of a library's such as `assert_close`, stands
after it, in a cell that uses a woven name. What needs no sketch or no assert stands in
`tools/staircase.toml`, each with its reason:

    [tokens]
    GPT2_PATTERN = "a constant: the text explains each part"
"""

import argparse
import ast
import re
import tomllib
from pathlib import Path

from nbformat import NotebookNode

from lessons_lib.base import console
from tools import house
from tools.weave import SKETCH

EXCEPTIONS = "tools/staircase.toml"


def _sections(cells: list[NotebookNode]) -> list[list[NotebookNode]]:
    """Return the cells by section: a cell with a heading of the second level begins one."""
    sections = [[]]
    for cell in cells:
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.MULTILINE):
            sections.append([])
        sections[-1].append(cell)
    return sections


def _parse(cell: NotebookNode) -> ast.Module:
    return ast.parse(house.split_magics(cell.source)[1])


def _sketches(cell: NotebookNode) -> bool:
    """Tell whether a cell binds a name that ends like a sketch's."""
    for node in ast.walk(_parse(cell)):
        name = node.name if isinstance(node, ast.FunctionDef) else getattr(node, "id", "")
        bound = isinstance(node, ast.FunctionDef) or isinstance(
            getattr(node, "ctx", None), ast.Store
        )
        if bound and name.endswith(SKETCH):
            return True
    return False


def _asserts(cell: NotebookNode, names: list[str]) -> bool:
    """Tell whether a cell asserts something and uses one of the names."""
    nodes = list(ast.walk(_parse(cell)))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    asserts = any(isinstance(node, ast.Assert) for node in nodes)
    asserts |= any(name.startswith("assert_") for name in used)  # torch.testing.assert_close
    return asserts and bool(used & set(names))


def check_notebook(root: Path, path: Path, reasons: dict[str, str]) -> list[str]:
    """List the build cells of a chapter's own module that lack a step in their section."""
    findings, excused = [], set()
    for section in _sections(house.read_notebook(path).cells):
        code = [cell for cell in section if cell.cell_type == "code"]
        for i, cell in enumerate(code):
            header = house.build_header(cell.source)
            if not header or header[0] != f"{house.PACKAGE}.{path.stem}":
                continue
            names = header[1]
            lacks = []
            if not any(_sketches(one) for one in code[:i]):
                lacks.append("sketch before it")
            if not any(_asserts(one, names) for one in code[i + 1 :]):
                lacks.append("assert after it")
            listed = [name for name in names if name in reasons]
            excused |= set(listed) if lacks else set()
            if lacks and not listed:
                at = house.where(root, path, cell)
                findings.append(f"{at}: {', '.join(names)}: no {' and no '.join(lacks)}")
    at = f"{EXCEPTIONS}: {path.stem}"
    findings += [f"{at}.{name}: lacks no step" for name in sorted(reasons.keys() - excused)]
    return findings


def check(root: Path) -> list[str]:
    """List what is missing in the English notebooks; the Spanish ones have the same code."""
    stored = root / EXCEPTIONS
    listed = tomllib.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {}
    findings = []
    for path in house.notebooks(root, languages=("en",)):
        findings += check_notebook(root, path, listed.pop(path.stem, {}))
    return findings + [f"{EXCEPTIONS}: {slug} is no chapter" for slug in listed]


def main(argv: list[str] | None = None, root: Path = house.ROOT) -> int:
    """List what is missing; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.staircase", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.parse_args(argv)
    return house.report(check(root))


if __name__ == "__main__":
    console.run(main)
