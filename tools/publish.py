"""Make the notebooks that Colab opens, and variants for a course, from the book's own.

    python -m tools.publish              write into _build/notebooks
    python -m tools.publish --out DIR    write into another folder
    python -m tools.publish --check      write nothing, list what would be wrong

    en/, es/            for Colab: a set-up cell, plain Markdown, solutions collapsed
    student/en, es/     the same without solutions; each exercise keeps its check
    instructor/en, es/  solutions open, and under each the wrong answers that its check rejects
    nbgrader/, otter/   the exercises as assignments for these tools: see `tools.graders`

With `--exercises DIR`, a lecturer's own exercises (see `lessons_lib.classroom.own`) follow those of
their chapters everywhere; `--seed` draws cases of theirs for the assignments.

All addresses come from `tools.addresses`. The same sources and addresses give the same files.
"""

import argparse
import functools
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import nbformat.v4
from nbformat import NotebookNode

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom import practice
from lessons_lib.classroom.own import Own, read_all
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
    n = len(getattr(import_module(f"lessons_lib.classroom.practice.{chapter}"), check).cases)
    if language == "es":
        missing = [wrong for wrong, _ in answers if wrong not in spanish_names()]
        if missing:
            raise ValueError(f"expected {missing[0]!r} in tools/{SPANISH.name}")
        answers = [(spanish_names()[wrong], case) for wrong, case in answers]
    return notes(check, n, answers, language)


def notes(
    check: str, n: int, answers: list[tuple[str, practice.Case]], language: str
) -> NotebookNode:
    """Return a cell that lists wrong answers, each with the hint of the case that refuses it."""
    words = WORDS[language]
    rows = [f"| {words['wrong']} | {words['hint']} |", "|---|---|"]
    for wrong, case in answers:
        cells = [
            re.sub(r"([\\`*_<|$])", r"\\\1", cell) for cell in (wrong, getattr(case, language))
        ]
        rows.append(f"| {' | '.join(cells)} |")
    text = [f"#### {words['notes'].format(check=check)}", words["tries"].format(n=n)]
    id_ = f"notes-{check.replace('_', '-')}"
    return nbformat.v4.new_markdown_cell("\n\n".join([*text, "\n".join(rows)]), id=id_)


def own_cells(one: Own, language: str, variant: str) -> list[NotebookNode]:
    """Return the cells of a lecturer's own exercise: its text, a blank, its solution, and notes."""
    stem, check = f"own-{one.name}".replace("_", "-"), f"check_{one.name}({one.name})"
    made = f"from lessons_lib.classroom.own import given\n\n{one.published(language)}"
    blank = f"{made}\n\n\n{one.blank()}\n\n\n{check}"
    imports = one.imports()
    solution = f"{imports}\n\n\n" if imports else ""
    solution += f"{one.definition()}\n\n\n{check}"
    text = nbformat.v4.new_markdown_cell(one.statements[language], id=f"exercise-{stem}-text")
    start = nbformat.v4.new_code_cell(blank, id=f"exercise-{stem}")
    start.metadata["tags"] = ["exercise"]
    answer = nbformat.v4.new_code_cell(solution, id=f"solution-{stem}")
    if variant == "student":
        return [text, start]
    if variant == "instructor":
        answers = [(wrong, _case_of(one, function)) for wrong, function in one.wrong.items()]
        n = len(one.exercise.cases)
        return [text, start, answer, notes(f"check_{one.name}", n, answers, language)]
    answer.metadata["tags"] = ["hide-cell"]
    collapse(answer, WORDS[language]["solution"])
    return [text, start, answer]


def _case_of(one: Own, function: Callable) -> practice.Case:
    """Return the first case that refuses a wrong answer."""
    return next(
        case
        for case in one.exercise.cases
        if replace(one.exercise, cases=(case,)).find_fault(function)
    )


def collapse(cell: NotebookNode, title: str) -> None:
    """Hide a cell's code in Colab (as a form with a title), and all of it in JupyterLab."""
    cell.source = f"#@title {title}\n{cell.source}"
    cell.metadata["cellView"] = "form"
    cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}


# ---------------------------------------------------------------- notebooks


def publish(
    nb: NotebookNode, edition: Edition, slug: str, variant: str = "", own: Iterable[Own] = ()
) -> NotebookNode:
    """Return the published form of a notebook.

    Args:
        nb: the book's notebook.
        edition: what its pages may refer to; also tells its language.
        slug: the chapter.
        variant: "" for Colab, "student" or "instructor".
        own: a lecturer's own exercises; those of the chapter and the language join it.

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
        for key in ("translates", "mystnb", "slides"):
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
    last = max(
        (i for i, cell in enumerate(cells) if re.match(r"(exercise|solution|notes)-", cell.id)),
        default=len(cells) - 1,
    )
    mine = [one for one in own if one.chapter == slug and language in one.statements]
    cells[last + 1 : last + 1] = [
        cell for one in mine for cell in own_cells(one, language, variant)
    ]
    nb.cells = cells
    return nb


def read_me(editions: list[Edition]) -> str:
    """Return the front page of the branch that holds the published notebooks."""
    lines = [
        "# Notebooks",
        "Made from the branch `main` by `python -m tools.publish`; changes here are lost. Each "
        "chapter: for Colab, for students (without solutions) and for instructors (with notes). "
        "In `nbgrader` and `otter` lie the exercises as assignments for these tools.",
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


def build(root: Path = house.ROOT, own: Iterable[Own] = ()) -> tuple[dict[str, str], list[str]]:
    """Return all published notebooks by path, and what is wrong with the book's own."""
    own = list(own)
    editions = {language: read_edition(root, language) for language in house.LANGUAGES}
    files, findings = {"README.md": read_me(list(editions.values()))}, []
    for path in house.notebooks(root):
        language, slug = path.parent.name, path.stem
        for variant in VARIANTS:
            try:
                nb = publish(house.read_notebook(path), editions[language], slug, variant, own)
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
    for variant in (*VARIANTS, "nbgrader", "otter"):
        for language in house.LANGUAGES:
            pattern = "*.ipynb" if variant in VARIANTS else "**/*.ipynb"
            for path in (out / variant / language).glob(pattern):
                if path.relative_to(out).as_posix() not in files:
                    path.unlink()


def main(argv: list[str] | None = None) -> int:
    """Publish or check; return the exit status."""
    from tools import graders  # which stands on this module

    parser = argparse.ArgumentParser(prog="python -m tools.publish", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to write")
    parser.add_argument("--check", action="store_true", help="write nothing, list what is wrong")
    parser.add_argument("--exercises", metavar="DIR", help="exercises of your own")
    parser.add_argument("--seed", help="draws more cases of your own exercises")
    args = parser.parse_args(argv)
    try:
        own = read_all(args.exercises) if args.exercises else []
        files, findings = build(own=own)
        assignments, wrong = graders.build(own=own, seed=args.seed)
        files, findings = files | assignments, findings + wrong
    except ValueError as error:
        parser.error(str(error))
    if findings or args.check:
        return house.report(findings)
    write(files, args.out)
    n = sum(name.endswith(".ipynb") for name in files)
    print(f"{n} notebooks in {args.out}")
    return 0


if __name__ == "__main__":
    console.run(main)
