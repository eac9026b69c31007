"""What a class gets: a text for the terminal, tables, and a page of feedback for each student."""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from lessons_lib.base.files import write_atomic
from lessons_lib.classroom.marking.reading import exercises
from lessons_lib.classroom.marking.submissions import Row
from lessons_lib.classroom.marking.words import WORDS, printable

__all__ = ["as_csv", "as_json", "as_text", "note", "write_feedback"]

# A sign that begins a formula, where a cell could begin for any separator; wide signs count too.
_FORMULA = re.compile(r"(?<![^\W_])(?=[=+\-@＝＋－＠])")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # no file names on Windows


def note(row: Row, language: str) -> str:
    """Return what is to be known about a row besides its marks."""
    words, notes = WORDS[language], []
    if row.problem:
        notes.append(row.problem.say(language))
    elif not row.marks:
        notes.append(words["not marked"])
    if row.n_notebooks > 1:
        notes.append(words["several"].format(n=row.n_notebooks))
    if same := [mark.exercise for mark in row.marks if mark.published]:
        notes.append(words["published"].format(names=", ".join(same)))
    return "; ".join(notes)


def as_text(row: Row, language: str) -> str:
    """Return a row as text: a line for the notebook and one for each exercise."""
    words = WORDS[language]
    said = [note(row, language)] if note(row, language) else []
    if row.marks:
        said.insert(0, words["total"].format(right=row.right, n=len(row.marks)))
    where = f" ({row.path})" if row.path else ""
    lines = [f"{row.student}{where}: {'; '.join(said)}"]
    for mark in row.marks:
        lines.append(f"  {words['yes' if mark.right else 'no']:<11} {mark.exercise}")
        lines += [f"              {line}" for line in mark.message.splitlines()]
    return printable("\n".join(lines))


def as_csv(rows: Iterable[Row], language: str) -> str:
    """Return a table with a line for each row: its total, then 1 or 0 for each exercise.

    No cell begins a formula, with whatever separator a program reads the table.
    """
    rows, words = list(rows), WORDS[language]
    chapters = sorted({row.chapter for row in rows} - {""})
    columns = [(chapter, one.name) for chapter in chapters for one in exercises(chapter)]
    titles = [name if len(chapters) == 1 else f"{chapter}.{name}" for chapter, name in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [words[key] for key in ("student", "notebook", "chapter", "right", "of")]
    writer.writerow([*head, *titles, words["note"]])
    for row in rows:
        marks = {(mark.chapter, mark.exercise): int(mark.right) for mark in row.marks}
        n = sum(chapter == row.chapter for chapter, _ in columns)
        total = [row.right, n or ""] if row.marks or row.problem else ["", n or ""]
        marked = [marks.get(column, "") for column in columns]
        cells = [*map(_cell, (row.student, row.path, row.chapter)), *total, *marked]
        writer.writerow([*cells, _cell(note(row, language))])
    return text.getvalue()


def _cell(text: str) -> str:
    return _FORMULA.sub("'", " ".join(printable(text).split()))


def as_json(rows: Iterable[Row], language: str) -> str:
    """Return all that is known, as JSON."""
    told = [
        {
            "student": row.student,
            "notebook": row.path,
            "chapter": row.chapter,
            "right": row.right,
            "note": note(row, language),
            "marks": [asdict(mark) for mark in row.marks],
        }
        for row in rows
    ]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def write_feedback(folder: Path, rows: list[Row], changed: Row, language: str) -> None:
    """Write the page of one student: what is right, and what the checks say about the rest."""
    names = _file_names([row.student for row in rows])
    own = [row for row in rows if row.student == changed.student and (row.marks or row.problem)]
    pages = []
    for row in own:
        speaks = (row.notebook and row.notebook.language) or language
        words = WORDS[speaks]
        lines = [f"{Path(row.path).name or row.student}"]
        lines += [note(row, speaks)] if row.problem else []
        if row.marks:
            lines[0] += ": " + words["total"].format(right=row.right, n=len(row.marks))
        for mark in row.marks:
            lines += ["", f"{mark.exercise}: {words['yes' if mark.right else 'no']}"]
            lines += [f"    {line}" for line in mark.message.splitlines()]
        pages.append(printable("\n".join(lines)))
    text = "\n\n\n".join(pages) + "\n"
    write_atomic(folder / names[changed.student], text.encode("utf-8", "backslashreplace"))


def _file_names(students: list[str]) -> dict[str, str]:
    """Return a file's name for each student, no two alike on any system."""
    names: dict[str, str] = {}
    taken = set()
    for student in dict.fromkeys(students):
        stem = re.sub(r"[^\w.-]+", "_", printable(student)).strip("._ ")[:100] or "_"
        stem += "_" if _RESERVED.fullmatch(stem.partition(".")[0]) else ""
        name, n = stem, 2
        while name.casefold() in taken:
            name, n = f"{stem}-{n}", n + 1
        taken.add(name.casefold())
        names[student] = f"{name}.txt"
    return names
