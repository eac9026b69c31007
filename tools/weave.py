"""Weave the library into the notebooks: every build cell holds exactly the library's source.

A build cell begins with `# lessons_lib.tokens :: count_pairs, merge_pair`. Below that line stand
the objects named, as the library has them, each docstring cut to its first line.

    python -m tools.weave            write the build cells of all notebooks
    python -m tools.weave --check    change nothing, list what is wrong

Public names that a chapter does not show stand in `tools/not_shown.toml`, each with its reason:

    ["lessons_lib.tokens"]
    GPT2_PATTERN = "a long regular expression, explained in prose"
"""

import argparse
import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

from lessons_lib.base import console
from tools import house

LONGEST = 30  # lines of a build cell, its header not counted
SKETCH = ("_by_hand", "_loop")
LEARNERS_OWN = {"exercise", "hide-cell"}  # tags of cells that may define functions of any name


def cut_docstrings(source: str) -> str:
    """Return `source` with each docstring of several lines cut to its first line."""
    lines = source.splitlines()
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    docs = [
        node.body[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, definitions) and ast.get_docstring(node) is not None
    ]
    for doc in sorted(docs, key=lambda doc: -doc.lineno):
        if doc.end_lineno == doc.lineno:
            continue
        first = lines[doc.lineno - 1].rstrip()
        quote = re.match(r"""\s*\w?("{3}|'{3}|["'])""", first)
        if quote.end() == len(first):  # the summary stands on the next line
            first += lines[doc.lineno].strip()
        lines[doc.lineno - 1 : doc.end_lineno] = [first + quote[1]]
    return "\n".join(lines)


def definitions(tree: ast.Module) -> dict[str, tuple[int, int]]:
    """Return first and last line of each function, class and constant at the top of a module."""
    spans = {}
    for node in tree.body:
        start = node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
            start = min([start, *(decorator.lineno for decorator in node.decorator_list)])
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        else:
            continue
        spans |= dict.fromkeys(names, (start, node.end_lineno))
    return spans


def woven(root: Path, module: str, names: list[str]) -> str:
    """Return what a build cell holds below its header.

    Raises `ValueError` for a module or a name that does not exist.
    """
    path = house.module_path(root, module)
    if path is None or path.is_dir():
        raise ValueError(f"expected a module of the library, got {module}")
    # A chapter of several modules is a package: its `__init__` has the names, its rooms the code.
    rooms = sorted(path.parent.glob("*.py")) if path.stem == "__init__" else [path]
    sources = {}
    for room in rooms:
        text = room.read_text(encoding="utf-8")
        lines = text.splitlines()
        for name, (first, last) in definitions(ast.parse(text)).items():
            sources.setdefault(name, "\n".join(lines[first - 1 : last]))
    parts = []
    for name in names:
        if name not in sources:
            raise ValueError(f"expected a name that {module} defines, got {name}")
        parts.append(cut_docstrings(sources[name]))
    return "\n\n\n".join(parts)


def public_names(root: Path, module: str) -> list[str] | None:
    """Return a module's `__all__`, None where it has none that can be read without running it."""
    for node in ast.parse(house.module_path(root, module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            try:
                return list(ast.literal_eval(node.value))
            except ValueError:
                return None
    return None


def bound_names(source: str) -> tuple[set[str], set[str]]:
    """Return the names that a cell defines or assigns at its top level, and those of functions."""
    names, functions = set(), set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            if not isinstance(node, ast.ClassDef):
                functions.add(node.name)
            return
        if isinstance(node, ast.Lambda):
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        for child in ast.iter_child_nodes(node):
            # the variable of a comprehension is its own
            if not isinstance(child, ast.comprehension):
                visit(child)

    visit(ast.parse(house.split_magics(source)[1]))
    return names, functions


def not_shown(root: Path) -> dict[str, dict[str, str]]:
    """Return the reasons of `tools/not_shown.toml`: module, name, why no chapter shows it."""
    path = root / "tools" / "not_shown.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def weave(root: Path) -> list[Path]:
    """Write the build cells of all notebooks and return the notebooks changed.

    Cells that name something that does not exist stay as they are; `check` lists them.
    """
    changed = []
    for path in house.notebooks(root):
        nb = house.read_notebook(path)
        before = [cell.source for cell in nb.cells]
        for cell in nb.cells:
            try:
                if cell.cell_type == "code" and (header := house.build_header(cell.source)):
                    first = cell.source.partition("\n")[0].rstrip()
                    cell.source = f"{first}\n{woven(root, *header)}"
            except ValueError:
                continue
        if before != [cell.source for cell in nb.cells]:
            house.write_notebook(path, nb)
            changed.append(path)
    return changed


def check_notebook(root: Path, path: Path, public: dict[str, list[str]]) -> list[str]:
    """List what is wrong with the cells of one notebook.

    `public` maps chapters to the public names of their modules.
    """
    own = public.get(path.stem, [])
    findings, shown = [], Counter()
    for cell in house.read_notebook(path).cells:
        if cell.cell_type != "code":
            continue
        at = house.where(root, path, cell)
        try:
            header = house.build_header(cell.source)
            if header:
                module, names = header
                if module == f"{house.PACKAGE}.{path.stem}":
                    shown.update(names)
                source = woven(root, module, names)
                if cell.source.partition("\n")[2] != source:
                    findings.append(f"{at}: differs from {module}; run python -m tools.weave")
                if (length := len(source.splitlines())) > LONGEST:
                    findings.append(f"{at}: {length} woven lines, {LONGEST} at most; split it")
                continue
            names, functions = bound_names(cell.source)
        except SyntaxError as error:
            findings.append(f"{at}: not Python: {error.msg}")
            continue
        except ValueError as error:
            findings.append(f"{at}: {error}")
            continue
        findings += [
            f"{at}: defines {name}, a public name of the library, outside a build cell"
            for name in sorted(names & set(own))
        ]
        if not house.tags(cell) & LEARNERS_OWN:
            findings += [
                f"{at}: the sketch {name} should end in {' or '.join(SKETCH)}"
                for name in sorted(functions - set(own))
                if not name.endswith(SKETCH)
            ]
    hidden = not_shown(root).get(f"{house.PACKAGE}.{path.stem}", {})
    at = house.where(root, path)
    for name in own:
        if name not in hidden and shown[name] != 1:
            findings.append(f"{at}: weaves {name} {shown[name]} times, expected once")
        elif name in hidden and shown[name]:
            findings.append(f"{at}: weaves {name}, which tools/not_shown.toml lists as not shown")
    return findings


def check(root: Path) -> list[str]:
    """List everything in which the build cells and the library disagree."""
    findings, public = [], {}
    for slug in house.chapters(root):
        module = f"{house.PACKAGE}.{slug}"
        if path := house.module_path(root, module):
            names = public_names(root, module)
            if names is None:
                findings.append(f"{house.where(root, path)}: no plain list __all__ of public names")
            public[slug] = names or []
    for module, reasons in not_shown(root).items():
        for name, reason in reasons.items():
            at = f"tools/not_shown.toml: {module} {name}"
            if name not in public.get(module.removeprefix(f"{house.PACKAGE}."), []):
                findings.append(f"{at}: not a public name of a chapter's module")
            if not str(reason).strip():
                findings.append(f"{at}: no reason given")
    for path in house.notebooks(root):
        findings += check_notebook(root, path, public)
    return findings


def main(argv: list[str] | None = None, root: Path = house.ROOT) -> int:
    """Weave, or check with `--check`; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.weave", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="change nothing, list what is wrong")
    if not parser.parse_args(argv).check:
        for path in weave(root):
            print(f"{house.where(root, path)}: woven")
    return house.report(check(root))


if __name__ == "__main__":
    console.run(main)
