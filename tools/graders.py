"""Write the exercises as assignments that courses already run: nbgrader's and Otter's.

    python -m tools.graders                    write them into _build/notebooks
    python -m tools.graders --exercises DIR    with exercises of your own, cases drawn with --seed
    python -m tools.graders --try intro        run the tools themselves on a chapter

`tools.publish` writes the same files. For each chapter there is one sheet: what its solutions need,
then each exercise's text, its solution between the marks that the tool cuts out, and a test that
asks the book's own check, so that a wrong answer is refused with the book's hint.

    nbgrader/en/source/intro/intro.ipynb    a course of nbgrader, with its nbgrader_config.py
    otter/en/intro/intro.ipynb              an assignment of Otter each
"""

import argparse
import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat.v4
from nbformat import NotebookNode

from lessons_lib.base import console
from lessons_lib.classroom.marking import needs
from lessons_lib.classroom.own import Own, read_all
from tools import addresses, house, publish
from tools.plain_markdown import Edition, plain, read_edition

PRACTICE = "lessons_lib.classroom.practice."
_NUMBER = re.compile(r"^\*\*\d+\. ", re.MULTILINE)  # where an exercise's text begins
WORDS = {
    "en": {
        "title": "Exercises",
        "about": "The exercises of the chapter {chapter}. Where a text asks you to try a function "
        "on the chapter's own data, do that in the chapter's notebook; here the function counts.",
        "stub": "your turn",
    },
    "es": {
        "title": "Ejercicios",
        "about": "Los ejercicios del capítulo {chapter}. Si un texto pide probar una función con "
        "los datos del capítulo, hazlo en el cuaderno del capítulo; aquí cuenta la función.",
        "stub": "te toca",
    },
}
CONFIG = """\
# What students see in place of the solutions; write the rest of your course's settings below.
c = get_config()
c.ClearSolutions.code_stub = {{"python": "raise NotImplementedError  # {stub}"}}
"""
TEST = """\
{check}

fault = check_{name}.find_fault({name})
assert fault is None, fault"""


@dataclass(frozen=True)
class Task:
    """An exercise of a sheet: its text, its solution, and the code that makes its check.

    Args:
        name: the function asked for.
        text: what is asked, as Markdown.
        solution: the function as the book writes it.
        check: code that makes `check_name`, for students.
        test: code that makes it for the test.
        hidden: whether students do not see the test.
    """

    name: str
    text: str
    solution: str
    check: str
    test: str
    hidden: bool = False

    def answer(self, begin: str, end: str) -> str:
        """Return the solution with its body between two comments."""
        lines = self.solution.splitlines()
        body = ast.parse(self.solution).body[0].body
        head = body[0].lineno - 1
        indent = " " * (len(lines[head]) - len(lines[head].lstrip()))
        return "\n".join([*lines[:head], indent + begin, *lines[head:], indent + end])


@dataclass(frozen=True)
class Sheet:
    """The exercises of a chapter, with the statements that their solutions need."""

    slug: str
    language: str
    title: str
    needs: str
    tasks: tuple[Task, ...]


# ---------------------------------------------------------------- from a chapter


def read_sheet(
    nb: NotebookNode, edition: Edition, slug: str, own: Iterable[Own] = (), seed: str | None = None
) -> Sheet:
    """Return the sheet of a chapter's notebook, with a lecturer's own exercises after the book's.

    Raises `ValueError` where an exercise has no check, no text or no solution.
    """
    text, waiting, tasks = None, None, []
    for cell in nb.cells:
        if "exercise" in house.tags(cell):
            check = publish.exercise_name(cell)
            if check is None or text is None:
                raise ValueError(f"[{cell.id}]: expected an exercise with a text and one check")
            waiting = check.removeprefix("check_"), text
        elif cell.cell_type == "markdown":
            begins = list(_NUMBER.finditer(cell.source))
            if begins:
                text = plain(cell.source[begins[-1].start() :], edition, slug)
        if house.is_solution(cell):
            if waiting is None:
                raise ValueError(f"[{cell.id}]: expected an exercise before its solution")
            name, asked = waiting
            check = f"from {PRACTICE}{slug} import check_{name}"
            tasks.append(Task(name, asked, _definition(cell.source, name), check, check))
            text = waiting = None
    if waiting:
        raise ValueError(f"expected a solution of {waiting[0]}, found none")
    before = _needed(nb, [task.name for task in tasks])
    mine = [one for one in own if one.chapter == slug and edition.language in one.statements]
    for one in mine:
        before += one.imports().splitlines()
        tasks.append(_own_task(one, edition.language, seed))
    lines = "\n".join(dict.fromkeys(before))
    title = edition.titles.get(slug, slug)
    return Sheet(slug, edition.language, title, lines, tuple(tasks))


def _own_task(one: Own, language: str, seed: str | None) -> Task:
    from_here = "from lessons_lib.classroom.own import given\n\n"
    drawn = [] if seed is None else one.drawn(seed, "")
    check, test = one.published(language), one.published(language, drawn)
    solution = one.definition()
    return Task(
        one.name, one.statements[language], solution, from_here + check, from_here + test, True
    )


def _definition(source: str, name: str) -> str:
    """Return the function of a solution's cell, as it is written."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _lines(source, node)
    raise ValueError(f"expected a solution that defines {name}")


def _lines(source: str, node: ast.stmt) -> str:
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def _needed(nb: NotebookNode, names: list[str]) -> list[str]:
    """Return what a chapter's solutions need, in its order; what is woven is imported."""
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    headers = [house.build_header(cell.source) for cell in cells]
    found, _ = needs.statements([cell.source for cell in cells])
    for i, one in enumerate(found):
        if headers[one.cell]:  # an import of it needs nothing else
            found[i] = replace(one, used=frozenset(), calls=frozenset())
    kept = {id(one) for name in names for one in needs.needed(name, found)}
    lines, woven = [], defaultdict(list)
    for one in found:
        cell, header = cells[one.cell], headers[one.cell]
        theirs = _is_task(cell)  # from a cell of an exercise only its imports
        wanted = one.imported and PRACTICE not in ast.unparse(one.node) if theirs else True
        if not wanted or (id(one) not in kept and not theirs) or (one.settings - one.bound):
            continue
        if header:
            woven[header[0]] += sorted(one.bound)
        else:
            lines.append(_lines(cell.source, one.node))
    imports = [f"from {module} import {', '.join(names)}" for module, names in woven.items()]
    return [*lines, *imports]


def _is_task(cell: NotebookNode) -> bool:
    return "exercise" in house.tags(cell) or house.is_solution(cell)


# ---------------------------------------------------------------- the tools' forms


def _opening(sheet: Sheet) -> list[NotebookNode]:
    words, page = WORDS[sheet.language], addresses.page_url(sheet.language, sheet.slug)
    chapter = f"[{sheet.title}]({page})" if page else f"*{sheet.title}*"
    about = f"# {words['title']}: {sheet.title}\n\n{words['about'].format(chapter=chapter)}"
    speak = (
        "from lessons_lib.classroom import practice\n\n"
        f'practice.speak("{sheet.language}")\n\n{sheet.needs}'
    )
    return [
        nbformat.v4.new_markdown_cell(about, id="title"),
        publish.set_up_cell(sheet.language),
        nbformat.v4.new_code_cell(speak.strip(), id="needs"),
    ]


def _notebook(cells: list[NotebookNode]) -> NotebookNode:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def nbgrader(sheet: Sheet) -> NotebookNode:
    """Return a sheet as a source notebook of nbgrader (metadata of schema 3)."""
    cells = _opening(sheet)
    for task in sheet.tasks:
        answer = task.answer("### BEGIN SOLUTION", "### END SOLUTION")
        test = TEST.format(check=task.test, name=task.name)
        if task.hidden:
            test = f"### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"
        try_it = f"{task.check}\n\ncheck_{task.name}({task.name})"
        cells += [
            _mark(nbformat.v4.new_markdown_cell(task.text), f"{task.name}-text", locked=True),
            _mark(nbformat.v4.new_code_cell(answer), task.name, solution=True),
            nbformat.v4.new_code_cell(try_it, id=f"{task.name}-try".replace("_", "-")),
            _mark(nbformat.v4.new_code_cell(test), f"{task.name}-test", locked=True, points=1),
        ]
    return _notebook(cells)


def _mark(
    cell: NotebookNode, name: str, solution: bool = False, locked: bool = False, points: int = 0
) -> NotebookNode:
    """Give a cell its name and what nbgrader is told about it."""
    cell.id = name.replace("_", "-")
    told = {"schema_version": 3, "grade_id": name, "grade": points > 0, "solution": solution}
    told |= {"locked": locked, "task": False}
    cell.metadata["nbgrader"] = told | ({"points": points} if points else {})
    return cell


def otter(sheet: Sheet) -> NotebookNode:
    """Return a sheet as a master notebook of Otter Assign, a point for each question."""
    config = f"# ASSIGNMENT CONFIG\nname: {sheet.slug}-{sheet.language}\nexport_cell:\n  pdf: false"
    if wheel := addresses.wheel_url():
        config += f"\nrequirements:\n  - {wheel}"
    cells = [nbformat.v4.new_raw_cell(config, id="config"), *_opening(sheet)]
    for task in sheet.tasks:
        stem = task.name.replace("_", "-")
        answer = task.answer("# BEGIN SOLUTION", "# END SOLUTION")
        begin = f"# BEGIN QUESTION\nname: {task.name}\npoints: 1"
        hidden = []
        if task.hidden:  # beside the test that students see
            begin += "\nall_or_nothing: true"
            test = TEST.format(check=task.test, name=task.name)
            hidden = [("code", "hidden", f"# HIDDEN\n{test}")]
        parts = [
            ("raw", "begin", begin),
            ("markdown", "text", task.text),
            ("raw", "begin-solution", "# BEGIN SOLUTION"),
            ("code", "solution", answer),
            ("raw", "end-solution", "# END SOLUTION"),
            ("raw", "begin-tests", "# BEGIN TESTS"),
            ("code", "test", TEST.format(check=task.check, name=task.name)),
            *hidden,
            ("raw", "end-tests", "# END TESTS"),
            ("raw", "end", "# END QUESTION"),
        ]
        for kind, part, source in parts:
            make = getattr(nbformat.v4, f"new_{kind}_cell")
            cells.append(make(source, id=f"{stem}-{part}"))
    return _notebook(cells)


# ---------------------------------------------------------------- files


def path_of(tool: str, language: str, slug: str) -> str:
    """Return where a sheet lies below the folder of all published notebooks."""
    source = "source/" if tool == "nbgrader" else ""
    return f"{tool}/{language}/{source}{slug}/{slug}.ipynb"


def build(
    root: Path = house.ROOT, own: Iterable[Own] = (), seed: str | None = None
) -> tuple[dict[str, str], list[str]]:
    """Return all assignments by path, and what is wrong with the exercises of the book."""
    own, files, findings = list(own), {}, []
    editions = {language: read_edition(root, language) for language in house.LANGUAGES}
    for language, words in WORDS.items():
        files[f"nbgrader/{language}/nbgrader_config.py"] = CONFIG.format(**words)
    for path in house.notebooks(root):
        language, slug = path.parent.name, path.stem
        try:
            nb = house.read_notebook(path)
            sheet = read_sheet(nb, editions[language], slug, own, seed)
        except ValueError as error:
            where = house.where(root, path)
            findings += [f"{where} {line}" for line in str(error).split("\n")]
            continue
        for tool, make in (("nbgrader", nbgrader), ("otter", otter)):
            files[path_of(tool, language, slug)] = house.notebook_text(make(sheet))
    return files, findings


def main(argv: list[str] | None = None) -> int:
    """Write the assignments, or run the tools on some; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.graders", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=publish.OUT, metavar="DIR")
    parser.add_argument("--exercises", metavar="DIR", help="exercises of your own")
    parser.add_argument("--seed", help="draws more cases of your own exercises, for the tests")
    parser.add_argument("--try", dest="tried", nargs="*", metavar="CHAPTER", help="run the tools")
    parser.add_argument(
        "--wrong", action="store_true", help="with --try: nbgrader grades wrong answers too"
    )
    args = parser.parse_args(argv)
    if args.tried is not None and args.exercises:
        parser.error("expected --try without --exercises: it grades the exercises of the book")
    own = read_all(args.exercises) if args.exercises else []
    if args.tried is not None:
        from tools import graders_check

        return house.report(graders_check.run(args.tried, args.wrong))
    files, findings = build(own=own, seed=args.seed)
    if findings:
        return house.report(findings)
    publish.write(files, args.out)
    print(f"{len(files) - len(WORDS)} assignments in {args.out}")
    return 0


if __name__ == "__main__":
    console.run(main, ValueError)
