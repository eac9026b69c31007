"""Marks as a file that a learning platform's gradebook imports, for the students of its own list.

The list is what the platform exports: Canvas's gradebook, or Moodle's participants or grades. A
folder of a student is found in it by name, number, address or login, however it is written; where
it could be several students, nobody gets its marks.

Source: Instructure, "How do I import grades in the Gradebook?"; MoodleDocs, "Grade import".
"""

import csv
import io
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lessons_lib.classroom.marking.reports import cell, note
from lessons_lib.classroom.marking.submissions import Row
from lessons_lib.classroom.marking.words import WORDS

__all__ = ["Roster", "as_gradebook", "read_roster", "unplaced"]

_CANVAS = ("ID", "SIS User ID", "SIS Login ID", "Integration ID")
_FIRST = ("first name", "nombre", "firstname")
_LAST = ("last name", "surname", "apellido(s)", "apellidos", "lastname")
_OTHER = (
    *("email address", "email", "dirección de correo", "dirección email", "correo electrónico"),
    *("id number", "idnumber", "número de id", "número de identificación", "número id"),
    *("username", "nombre de usuario"),
)
# What the platforms put around a student's name when they pack what was handed in.
_MOODLE_FOLDER = re.compile(r"(.+?)_\d+_(?:assignsubmission|onlinetext)")
_CANVAS_FILE = re.compile(r"([^\W_]+)_(?:late_)?(\d+)_\d+_", re.IGNORECASE)


@dataclass(frozen=True)
class Roster:
    """The students of a platform: its kind, the columns that say who they are, and their rows."""

    canvas: bool
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    assignments: tuple[str, ...]  # other columns: on Canvas, assignments that are there already

    def find(self, student: str) -> list[int]:
        """Return the numbers of the rows that a folder's name may mean."""
        found = (self._index.get(_key(name), []) for name in _names(student))
        return next(filter(None, found), [])

    @cached_property
    def _index(self) -> dict[str, list[int]]:
        index = defaultdict(list)
        for i, row in enumerate(self.rows):
            for key in self._keys(row):
                index[key].append(i)
        return dict(index)

    def _keys(self, row: dict[str, str]) -> set[str]:
        """Return all that may stand for a student."""
        names = {key: row[key] for key in self.columns if key != "Section"}
        first, last = ("".join(names[k] for k in names if k.lower() in n) for n in (_FIRST, _LAST))
        whole = names.get("Student", "")
        before, comma, after = whole.partition(",")
        said = [value for key, value in names.items() if key.lower() not in (*_FIRST, *_LAST)]
        said += [first + last, last + first, after + before if comma else whole]
        return {_key(one) for one in said} - {""}


def _names(student: str) -> list[str]:
    """Return a folder's name, or what of it is the student's own."""
    if found := _MOODLE_FOLDER.match(student):
        return [found[1]]
    if found := _CANVAS_FILE.match(student):
        return [found[2], found[1]]
    return [student]


def _key(text: str) -> str:
    """Return only the letters and digits, small and without accents: archives change the rest."""
    text = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in text if sign.isalnum())


def read_roster(path: str | os.PathLike) -> Roster:
    """Read the list that a platform has exported, with whatever separator and encoding.

    Raises `ValueError` if it is none of Canvas or Moodle, or holds nobody.
    """
    data = Path(path).read_bytes()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    line = text.partition("\n")[0]
    table = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=line.count))
    head = [name.strip() for name in next(table, [])]
    canvas = "Student" in head and any(name in head for name in _CANVAS)
    identity = ("Student", *_CANVAS, "Section") if canvas else ()
    columns = [n for n in head if n in identity or n.lower() in (*_FIRST, *_LAST, *_OTHER)]
    known = [name for name in columns if name.lower() in _OTHER or name in _CANVAS]
    if not known or len(set(columns)) < len(columns):
        expected = (
            f"{', '.join(('Student', *_CANVAS[:3]))}; or First name, Email address, ID number"
        )
        raise ValueError(f"{path}: expected columns of Canvas or Moodle ({expected}), got {head}")
    rows = [dict(zip(head, (one.strip() for one in row), strict=False)) for row in table]
    rows = [{name: row.get(name, "") for name in columns} for row in rows]
    rows = [row for row in rows if any(row[name] for name in known)]
    if not rows:
        raise ValueError(f"{path}: expected students below the columns, got none")
    others = tuple(name for name in head if name and name not in columns)
    return Roster(canvas, tuple(columns), tuple(rows), others)


def unplaced(rows: Iterable[Row], roster: Roster, language: str) -> list[str]:
    """Return what a lecturer must know: who is in one list only, or could be several, or is twice.

    Raises nothing: whoever is not placed gets no mark, and is named here.
    """
    words, said, handed = WORDS[language], [], defaultdict(list)
    for row in rows:
        found = roster.find(row.student)
        if len(found) == 1:
            handed[found[0], row.chapter].append(row)
        else:
            said.append(words["not listed" if not found else "unclear student"].format(
                student=row.student, n=len(found)))  # fmt: skip
    for several in handed.values():
        if len(several) > 1:
            names = ", ".join(row.path or row.student for row in several)
            said.append(words["best of"].format(names=names))
    present = {i for i, _ in handed}
    missing = [_called(row, roster) for i, row in enumerate(roster.rows) if i not in present]
    if missing:
        said.append(words["nothing handed in"].format(names="; ".join(missing)))
    return list(dict.fromkeys(said))


def _called(row: dict[str, str], roster: Roster) -> str:
    named = [row[name] for name in roster.columns if name in ("Student",) or name.lower() in _FIRST]
    named += [row[name] for name in roster.columns if name.lower() in _LAST]
    return " ".join(filter(None, named)) or next(filter(None, row.values()))


def as_gradebook(rows: Iterable[Row], roster: Roster, points: dict[str, int], language: str) -> str:
    """Return a table for the platform: who, then for each chapter how many exercises are right.

    Moodle's has a column of feedback for each chapter too. A student of the list who has handed in
    nothing has an empty cell; of several notebooks the best one counts; no cell begins a formula.

    Args:
        rows: students' notebooks and marks.
        roster: the platform's students.
        points: how many exercises each chapter has.
        language: of the feedback.
    """
    best: dict[tuple[int, str], Row] = {}
    for row in rows:
        found = roster.find(row.student)
        if len(found) == 1 and row.chapter in points and (row.marks or row.problem):
            place = found[0], row.chapter
            if place not in best or row.right > best[place].right:
                best[place] = row
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    titles = [_title(chapter, roster, language) for chapter in points]
    writer.writerow([*roster.columns, *(title for some in titles for title in some)])
    if roster.canvas:
        writer.writerow(
            ["    Points Possible", *[""] * (len(roster.columns) - 1), *points.values()]
        )
    for i, who in enumerate(roster.rows):
        marks = []
        for chapter in points:
            row = best.get((i, chapter))
            marks.append(row.right if row else "")
            if not roster.canvas:
                marks.append(cell(_feedback(row, language)) if row else "")
        writer.writerow([*(cell(who[name]) for name in roster.columns), *marks])
    return text.getvalue()


def _title(chapter: str, roster: Roster, language: str) -> list[str]:
    """Return a chapter's column: the name of its assignment, if Canvas has one already."""
    if roster.canvas:
        own = [n for n in roster.assignments if re.fullmatch(rf"{chapter} \(\d+\)", n.lower())]
        return own[:1] or [chapter]
    return [chapter, f"{chapter} ({WORDS[language]['feedback']})"]


def _feedback(row: Row, language: str) -> str:
    """Return on one line what is right, and what the checks say first about the rest."""
    words, said = WORDS[language], [note(row, language)] if row.problem else []
    for mark in row.marks:
        said.append(f"{mark.exercise}: {words['yes' if mark.right else 'no']}")
        said[-1] += f" ({mark.message})" if mark.message else ""
    return "; ".join(" ".join(one.split()) for one in said)
