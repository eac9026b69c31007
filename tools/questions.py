"""Hold the question bank to the chapters, and its Spanish to its English.

    python -m tools.questions                    show where each chapter stands
    python -m tools.questions --check            list what is wrong, stale, or to be read again
    python -m tools.questions --stamp [SLUG]     all questions (of a chapter) have been read again

A question remembers the hash of its English text (`stamp`) and that of the English cell that it
rests on, source and printed numbers (`seen`). When the English text changes, the Spanish one is
stale; when the cell changes, the question is to be read again. One without stamps is both.
"""

import argparse
import json
import re
from pathlib import Path

from nbformat import NotebookNode

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom.questions.checks import check as check_bank
from lessons_lib.classroom.questions.source import FOLDER, Bank, Question, load, slugs
from tools import house
from tools.translations import fingerprint

ENTRY = re.compile(r"^\[\[questions\]\]$", re.M)
STAMPS = re.compile(r'^(?:stamp|seen) = ".*"\n', re.M)


def english(question: Question) -> str:
    """Return the fingerprint of what the Spanish text of a question translates."""
    parts = [question.text["en"], question.why.get("en", "")]
    for option in question.options:
        parts += [option.text.get("en", ""), option.reason["en"]]
    return fingerprint(json.dumps([*parts, *(step["en"] for step in question.steps)]))


def cell_print(cell: NotebookNode) -> str:
    """Return the fingerprint of a cell: its source, and the text that it printed or returned."""
    parts = [cell.source]
    for output in cell.get("outputs", ()):
        parts.append(output.get("text", ""))
        parts.append(output.get("data", {}).get("text/plain", ""))
    return fingerprint(json.dumps(parts))


def cells(root: Path, slug: str) -> dict[str, NotebookNode]:
    """Return the cells of a chapter's English notebook by their ids."""
    nb = house.read_notebook(root / "book" / "en" / f"{slug}.ipynb")
    return {cell.id: cell for cell in nb.cells}


def findings(bank: Bank, cells: dict[str, NotebookNode]) -> list[str]:
    """Return what is wrong, stale, or to be read again in a chapter's questions."""
    found = check_bank(bank, cells)
    for question in bank.questions:
        name = f"{bank.slug} [{question.id}]"
        if question.stamp != english(question):
            found.append(f"{name}: stale Spanish: the English changed")
        if question.cell in cells and question.seen != cell_print(cells[question.cell]):
            found.append(f"{name}: read again: the cell {question.cell!r} changed")
    return found


def stamped(text: str, bank: Bank, cells: dict[str, NotebookNode]) -> str:
    """Return the TOML of a chapter with fresh stamps, each behind the line that names the cell."""
    head, *entries = ENTRY.split(STAMPS.sub("", text))
    for i, question in enumerate(bank.questions):
        marks = f'stamp = "{english(question)}"\nseen = "{cell_print(cells[question.cell])}"\n'
        line = re.search(r"^cell = .*\n", entries[i], re.M)
        if not line:
            raise ValueError(f"{bank.slug} [{question.id}]: expected a line of its own for cell")
        entries[i] = entries[i][: line.end()] + marks + entries[i][line.end() :]
    return "[[questions]]".join([head, *entries])


def stamp(root: Path, slug: str, folder: Path = FOLDER) -> list[str]:
    """Stamp a chapter's questions, unless something else is wrong with them: return that."""
    bank, known = load(slug, folder), cells(root, slug)
    if wrong := check_bank(bank, known):
        return wrong
    path = folder / f"{slug}.toml"
    write_atomic(path, stamped(path.read_text(encoding="utf-8"), bank, known).encode())
    return []


def check(root: Path, folder: Path = FOLDER) -> list[str]:
    """Return the findings about all banks."""
    found = []
    for slug in slugs(folder):
        try:
            found += findings(load(slug, folder), cells(root, slug))
        except ValueError as error:
            found.append(str(error))
    return found


def main() -> int:
    """Read the command line, then show, check or stamp."""
    parser = argparse.ArgumentParser(description="Hold the question bank to the chapters.")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="list what is wrong")
    group.add_argument("--stamp", nargs="*", metavar="SLUG", help="the questions were read again")
    args = parser.parse_args()
    if args.stamp is not None:
        return house.report([f for slug in args.stamp or slugs() for f in stamp(house.ROOT, slug)])
    if args.check:
        return house.report(check(house.ROOT))
    for slug in slugs():
        bank = load(slug)
        held = sum(bool(question.stamp) for question in bank.questions)
        print(f"{slug}: {len(bank.questions)} questions, {held} stamped")
    return 0


if __name__ == "__main__":
    console.run(main, ValueError)
