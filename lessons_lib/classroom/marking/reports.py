"""What a class gets: a text for the terminal, tables, and a text of feedback for each student."""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from lessons_lib.classroom.marking.reading import exercises
from lessons_lib.classroom.marking.submissions import Row
from lessons_lib.classroom.marking.words import WORDS, printable
from lessons_lib.classroom.own import Own

__all__ = ["as_csv", "as_feedback", "as_json", "as_text", "cell", "file_stems", "note"]

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


def as_csv(rows: Iterable[Row], language: str, own: Iterable[Own] = ()) -> str:
    """Return a table with a line for each row: its total, then 1 or 0 for each exercise.

    The exercises are those of the book, then the lecturer's own. No cell begins a formula, with
    whatever separator a program reads the table.
    """
    rows, own, words = list(rows), list(own), WORDS[language]
    chapters = sorted({row.chapter for row in rows} - {""})
    columns = [(chapter, one.name) for chapter in chapters for one in exercises(chapter, own)]
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
        cells = [*map(cell, (row.student, row.path, row.chapter)), *total, *marked]
        writer.writerow([*cells, cell(note(row, language))])
    return text.getvalue()


def cell(text: str) -> str:
    """Return a text as one line of a table that begins no formula."""
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


def as_feedback(rows: Iterable[Row], language: str) -> str:
    """Return the text of one student: what is right, and what the checks say about the rest."""
    pages = []
    for row in rows:
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
    return "\n\n\n".join(pages) + "\n"


def file_stems(students: Iterable[str]) -> dict[str, str]:
    """Return a file's name without suffix for each student, no two alike on any system."""
    names: dict[str, str] = {}
    taken = set()
    for student in dict.fromkeys(students):
        stem = re.sub(r"[^\w.-]+", "_", printable(student)).strip("._ ")[:100] or "_"
        stem += "_" if _RESERVED.fullmatch(stem.partition(".")[0]) else ""
        name, n = stem, 2
        while name.casefold() in taken:
            name, n = f"{stem}-{n}", n + 1
        taken.add(name.casefold())
        names[student] = name
    return names
