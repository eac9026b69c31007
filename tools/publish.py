"""Make the notebooks that Colab opens, and variants for a course, from the book's own.

    python -m tools.publish              write into _build/notebooks
    python -m tools.publish --out DIR    write into another folder
    python -m tools.publish --check      write nothing, list what would be wrong

    en/, es/            for Colab: a set-up cell, plain Markdown, solutions collapsed
    student/en, es/     the same without solutions; each exercise keeps its check
    instructor/en, es/  solutions open, and under each the wrong answers that its check rejects

All addresses come from `tools.addresses`. The same sources and addresses give the same files.
"""

import argparse
import functools
import re
import tomllib
from importlib import import_module
from pathlib import Path

import nbformat.v4
from nbformat import NotebookNode

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom import practice
from tools import addresses, house
from tools.notebooks import normalise
from tools.plain_markdown import Edition, plain, read_edition

OUT = house.ROOT / "_build" / "notebooks"
VARIANTS = ("", "student", "instructor")
SPANISH = house.ROOT / "tools" / "wrong_answers_es.toml"
WORDS = {
    "en": {
        "page": "This chapter on the book's site",
        "set-up": "Set-up: in Google Colab, and only there, this installs the book's library.",
        "no address": "The address of the book's library is missing: this notebook was made "
        "without BOOK_REPOSITORY (owner/name on GitHub).",
        "solution": "Solution",
        "notes": "For the instructor: `{check}`",
        "tries": "The check tries {n} cases. It rejects these answers, each with its hint:",
        "wrong": "Wrong answer",
        "hint": "Hint that the student sees",
    },
    "es": {
        "page": "Este capítulo en la web del libro",
        "set-up": "Preparación: en Google Colab, y solo allí, instala la biblioteca del libro.",
        "no address": "Falta la dirección de la biblioteca del libro: este cuaderno se hizo "
        "sin BOOK_REPOSITORY (dueño/repositorio en GitHub).",
        "solution": "Solución",
        "notes": "Para quien enseña: `{check}`",
        "tries": "La comprobación prueba {n} casos. Rechaza estas respuestas, cada una con su "
        "pista:",
        "wrong": "Respuesta incorrecta",
        "hint": "Pista que ve el estudiante",
    },
}
SET_UP = """\
# {words}
import os
import sys

if "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules:
    {action}"""
INSTALL = """\
%pip install --quiet --no-deps {wheel}
    from lessons_lib.classroom import colab

    colab.check("{language}")"""


# ---------------------------------------------------------------- cells


def set_up_cell(language: str) -> NotebookNode:
    """Return the cell that installs the library in Colab, or says there what is missing."""
    words, wheel = WORDS[language], addresses.wheel_url()
    action = f'print("{words["no address"]}")'
    if wheel:
        action = INSTALL.format(wheel=wheel, language=language)
    source = SET_UP.format(words=words["set-up"], action=action)
    return nbformat.v4.new_code_cell(source, id="set-up")


def exercise_name(cell: NotebookNode) -> str | None:
    """Return the name of the check that an exercise's cell imports from `classroom.practice`."""
    names = [
        name
        for line in cell.source.splitlines()
        if line.startswith("from lessons_lib.classroom.practice.")
        for name in line.partition(" import ")[2].replace(" ", "").split(",")
    ]
    return names[0] if len(names) == 1 else None


@functools.cache
def rejected(chapter: str) -> dict[str, list[tuple[str, practice.Case]]]:
    """Return, for each check of a chapter, its known wrong answers and the case that finds each."""
    checks = import_module(f"lessons_lib.classroom.practice.{chapter}")
    practice.speak("en")
    found = {}
    for name, answers in import_module(f"tests.wrong_answers.{chapter}").WRONG.items():
        exercise, found[name] = getattr(checks, name), []
        for wrong, function in answers.items():
            hint = exercise.find_fault(function).split("Hint: ")[1]
            case = next(case for case in exercise.cases if case.en == hint)
            found[name].append((wrong, case))
    return found


@functools.cache
def spanish_names() -> dict[str, str]:
    """Return the Spanish names of the wrong answers by their English ones."""
    return tomllib.loads(SPANISH.read_text(encoding="utf-8"))


def notes_cell(chapter: str, check: str, language: str) -> NotebookNode:
    """Return the instructor's notes on an exercise.

    Raises:
        ValueError: a check that the chapter has not, or a wrong answer without a Spanish name.
    """
    answers = rejected(chapter).get(check)
    if answers is None:
        raise ValueError(f"expected a check of the chapter {chapter!r}, got {check!r}")
    words = WORDS[language]
    n = len(getattr(import_module(f"lessons_lib.classroom.practice.{chapter}"), check).cases)
    rows = [f"| {words['wrong']} | {words['hint']} |", "|---|---|"]
    for wrong, case in answers:
        if language == "es":
            if wrong not in spanish_names():
                raise ValueError(f"expected {wrong!r} in tools/{SPANISH.name}")
            wrong = spanish_names()[wrong]
        cells = [
            re.sub(r"([\\`*_<|$])", r"\\\1", cell) for cell in (wrong, getattr(case, language))
        ]
        rows.append(f"| {' | '.join(cells)} |")
    text = [f"#### {words['notes'].format(check=check)}", words["tries"].format(n=n)]
    id_ = f"notes-{check.replace('_', '-')}"
    return nbformat.v4.new_markdown_cell("\n\n".join([*text, "\n".join(rows)]), id=id_)


def collapse(cell: NotebookNode, title: str) -> None:
    """Hide a cell's code in Colab (as a form with a title), and all of it in JupyterLab."""
    cell.source = f"#@title {title}\n{cell.source}"
    cell.metadata["cellView"] = "form"
    cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}


# ---------------------------------------------------------------- notebooks


def publish(nb: NotebookNode, edition: Edition, slug: str, variant: str = "") -> NotebookNode:
    """Return the published form of a notebook.

    Args:
        nb: the book's notebook.
        edition: what its pages may refer to; also tells its language.
        slug: the chapter.
        variant: "" for Colab, "student" or "instructor".

    Raises:
        ValueError: what cannot be published, one finding a line, each with its cell's id.
    """
    language, findings, cells = edition.language, [], []
    nb = normalise(nb)
    if not (nb.cells and nb.cells[0].cell_type == "markdown" and nb.cells[0].source[:2] == "# "):
        raise ValueError("expected a first cell with the title, '# ...'")
    check = None  # of the exercise that waits for its solution
    for i, cell in enumerate(nb.cells):
        tags = house.tags(cell)
        title = cell.metadata.get("mystnb", {}).get("code_prompt_show", "")
        if house.is_solution(cell):
            title = WORDS[language]["solution"]
        for key in ("translates", "mystnb"):
            cell.metadata.pop(key, None)
        try:
            if cell.cell_type == "markdown":
                cell.source = plain(cell.source, edition, slug)
            if "exercise" in tags:
                check = exercise_name(cell)
                if check is None:
                    raise ValueError("expected an exercise to import one check")
            if "hide-cell" in tags:
                if variant == "student" and house.is_solution(cell):
                    continue
                if variant == "instructor":
                    cell.metadata.tags.remove("hide-cell")
                else:
                    collapse(cell, title)
            cells.append(cell)
            if variant == "instructor" and "hide-cell" in tags and check:
                cells.append(notes_cell(slug, check, language))
                check = None
        except ValueError as error:
            findings.append(f"[{cell.id}]: {error}")
        if i == 0:
            if page := addresses.page_url(language, slug):
                title, _, rest = cell.source.partition("\n")
                cell.source = f"{title}\n\n[{WORDS[language]['page']}]({page})\n{rest}"
            cells.append(set_up_cell(language))
    if findings:
        raise ValueError("\n".join(findings))
    nb.cells = cells
    return nb


def read_me(editions: list[Edition]) -> str:
    """Return the front page of the branch that holds the published notebooks."""
    lines = [
        "# Notebooks",
        "Made from the branch `main` by `python -m tools.publish`; changes here are lost. Each "
        "chapter: for Colab, for students (without solutions) and for instructors (with notes).",
    ]
    if page := addresses.site_url():
        lines.append(f"The book: {page}")
    for edition in editions:
        rows = []
        for slug, title in edition.titles.items():
            if not (house.ROOT / "book" / edition.language / f"{slug}.ipynb").is_file():
                continue
            links = []
            for variant in VARIANTS:
                path = addresses.notebook_path(edition.language, slug, variant)
                address = addresses.colab_url(edition.language, slug, variant) or path
                links.append(f"[{variant or 'Colab'}]({address})")
            rows.append(f"- {title}: {', '.join(links)}")
        lines.append("\n".join(rows))
    return "\n\n".join(lines) + "\n"


def build(root: Path = house.ROOT) -> tuple[dict[str, str], list[str]]:
    """Return all published files by path, and what is wrong with the book's notebooks."""
    editions = {language: read_edition(root, language) for language in house.LANGUAGES}
    files, findings = {"README.md": read_me(list(editions.values()))}, []
    for path in house.notebooks(root):
        language, slug = path.parent.name, path.stem
        for variant in VARIANTS:
            try:
                nb = publish(house.read_notebook(path), editions[language], slug, variant)
            except ValueError as error:
                where = house.where(root, path)
                findings += [f"{where} {line}" for line in str(error).split("\n")]
                continue
            name = addresses.notebook_path(language, slug, variant)
            files[name] = house.notebook_text(nb)
    return files, list(dict.fromkeys(findings))


def write(files: dict[str, str], out: Path) -> None:
    """Write the published files below a folder, and remove notebooks that are no longer made."""
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
    for variant in VARIANTS:
        for language in house.LANGUAGES:
            for path in (out / variant / language).glob("*.ipynb"):
                if path.relative_to(out).as_posix() not in files:
                    path.unlink()


def main(argv: list[str] | None = None) -> int:
    """Publish or check; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.publish", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write")
    parser.add_argument("--check", action="store_true", help="write nothing, list what is wrong")
    args = parser.parse_args(argv)
    try:
        files, findings = build()
    except ValueError as error:
        parser.error(str(error))
    if findings or args.check:
        return house.report(findings)
    write(files, args.out)
    print(f"{len(files) - 1} notebooks in {args.out}")
    return 0


if __name__ == "__main__":
    console.run(main)
