"""Whose notebook is which: a row for every student of a class, whatever they have handed in."""

import glob
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lessons_lib.classroom.marking.marks import Mark
from lessons_lib.classroom.marking.reading import Notebook, chapters, read
from lessons_lib.classroom.marking.words import Told

__all__ = ["Row", "collect", "forgotten"]

DEEPEST = 8  # folders inside a student's folder
_OTHERS = ("__MACOSX", "__pycache__")


@dataclass
class Row:
    """A student's notebook, or why there is none; and its marks, once there are any."""

    student: str
    path: str = ""
    notebook: Notebook | None = None
    problem: Told | None = None
    n_notebooks: int = 1
    chapter: str = ""
    marks: list[Mark] = field(default_factory=list)

    @property
    def right(self) -> int:
        """How many exercises are right."""
        return sum(mark.right for mark in self.marks)


def collect(names: list[str], chapter: str | None = None) -> list[Row]:
    """Read what files, patterns and folders name, and return a row for each student and notebook.

    In a folder, each folder is a student, and so is each notebook that lies in none. With
    `chapter`, a student's notebooks of other chapters are passed over; a notebook that names no
    chapter is taken for the one of the class.
    """
    rows: list[Row] = []
    files = []
    for name in _expanded(names):
        if os.path.isdir(name):
            rows += _folder(Path(name), chapter)
        else:
            files.append(name)
    stems = Counter(Path(name).stem for name in files)
    rows += [_row(_student(Path(name), stems), name) for name in files]
    found = {one for row in rows if row.notebook for one in row.notebook.chapters}
    usual = chapter or (found.pop() if len(found) == 1 else "")
    for row in rows:
        own = row.notebook.chapters if row.notebook and not chapter else ()
        row.chapter = own[0] if len(own) == 1 else usual if not own else ""
        if row.notebook and not row.chapter:
            row.problem = _why(row.notebook.chapter)
    return rows


def _expanded(names: list[str]) -> Iterator[str]:
    """Yield the names; a pattern that the shell has left as it is, as on Windows, is expanded."""
    for name in names:
        found = [name] if os.path.exists(name) else sorted(glob.glob(name, recursive=True))
        yield from found or [name]


def _student(path: Path, stems: Counter) -> str:
    """Return the name of a file, or of its folder where many files have that name."""
    own = stems[path.stem] == 1 and path.stem not in chapters()
    return path.stem if own else path.absolute().parent.name or path.stem


def _row(student: str, path: str | os.PathLike) -> Row:
    row = Row(student, str(path))
    try:
        row.notebook = read(path)
    except Told as reason:
        row.problem = reason
    return row


def _why(call) -> Told | None:
    try:
        call()
    except Told as reason:
        return reason
    return None


def _folder(folder: Path, chapter: str | None) -> list[Row]:
    rows = []
    entries = sorted(entry for entry in folder.iterdir() if _visible(entry.name))
    loose = [entry for entry in entries if not entry.is_dir() and _is_notebook(entry.name)]
    stems = Counter(path.stem for path in loose)
    for entry in entries:
        if entry.is_dir():
            rows += _of_student(entry, chapter)
        elif entry in loose:
            rows.append(_row(_student(entry, stems), entry))
    return rows


def _of_student(folder: Path, chapter: str | None) -> list[Row]:
    files = list(_files(folder))
    rows = [_row(folder.name, path) for path in files if _is_notebook(path.name)]
    named = [row for row in rows if row.notebook and row.notebook.chapters]
    open_ones = [row for row in rows if row.notebook and not row.notebook.chapters]
    if chapter:
        named = [row for row in named if chapter in row.notebook.chapters]
    broken = [row for row in rows if not row.notebook]
    chosen = named or open_ones or broken[:1]
    for row in chosen:
        row.n_notebooks = len(chosen)
    if chosen:
        return chosen
    got = ", ".join(sorted(path.name for path in files)[:3])
    reason = Told("no notebook here but", got=got) if got else Told("no notebook here")
    return [Row(folder.name, problem=reason)]


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        deep = len(Path(where).relative_to(folder).parts) >= DEEPEST
        folders[:] = [] if deep else sorted(filter(_visible, folders))
        yield from (Path(where, name) for name in sorted(files) if _visible(name))


def _visible(name: str) -> bool:
    return not name.startswith(".") and name not in _OTHERS


def _is_notebook(name: str) -> bool:
    """Tell by the name; browsers make `intro.ipynb.txt` and `intro.ipynb.json` of `intro.ipynb`."""
    return ".ipynb" in name.lower()


def forgotten(names: list[str]) -> tuple[list[str], str]:
    """Return folders beside those of the files named that have none of them, and where they are.

    The shell makes `submitted/*/intro.ipynb` a list of files: who has none is not in it.
    """
    paths = [Path(name).absolute() for name in _expanded(names) if os.path.isfile(name)]
    folders = {path.parent for path in paths}
    homes = {folder.parent for folder in folders}
    if len(folders) < 2 or len(homes) != 1 or len({path.name for path in paths}) != 1:
        return [], ""
    home = homes.pop()
    beside = {entry for entry in home.iterdir() if entry.is_dir() and _visible(entry.name)}
    return sorted(folder.name for folder in beside - folders), os.path.relpath(home)
