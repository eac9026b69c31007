"""The command that marks a class."""

import argparse
import contextlib
import math
import os
import queue
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom import practice
from lessons_lib.classroom.marking import gradebooks, limits, marks
from lessons_lib.classroom.marking.pages import as_page
from lessons_lib.classroom.marking.reports import as_csv, as_feedback, as_json, as_text, file_stems
from lessons_lib.classroom.marking.submissions import Row, collect, forgotten
from lessons_lib.classroom.marking.words import WORDS, Told, printable
from lessons_lib.classroom.own import Own, read_all

__all__ = ["main"]

RARELY = 20  # the files of a class are written for at most a twentieth of the time


def main(arguments: list[str] | None = None) -> int:
    """Mark notebooks; return 1 if one of them could not be marked, else 0, whatever the marks."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        console.forgive(stream)
    try:
        own = read_all(options.exercises) if options.exercises else []
        cases = _check(options, own)
        rows = collect(options.notebooks, options.chapter)
        if not rows:
            raise ValueError(f"expected notebooks, found none in {', '.join(options.notebooks)}")
        language = options.language or _spoken(rows)
        report = _Report(options, rows, language, own)
        if report.roster:
            for line in gradebooks.unplaced(rows, report.roster, language):
                print(printable(line), file=sys.stderr)
    except (OSError, ValueError) as error:
        parser.error(printable(str(error)))
    words = WORDS[language]
    beside, home = forgotten(options.notebooks)
    if beside:
        print(words["others"].format(names=", ".join(beside), folder=home), file=sys.stderr)
    if not (options.container or limits.enclosing()):
        print(words["unprotected"], file=sys.stderr)

    def mark(row: Row, sitting: marks.Sitting) -> None:
        if row.notebook and not row.problem:
            how = (options.seconds, options.language, own, sitting, True)
            try:
                drawn = _drawn(own, row, options.seed)
                more = {key: [*cases.get(key, ()), *drawn.get(key, ())] for key in cases | drawn}
                row.marks = marks.mark_read(row.path, row.notebook, row.chapter, more, *how)
            except Exception as error:  # of the marker itself: this row's, not the class's
                row.problem = Told("failed", got=practice.told(error))

    def mark_student(some: list[Row]) -> None:
        with marks.Sitting(options.container) as sitting:
            for row in some:
                if stopping.is_set():
                    break
                mark(row, sitting)
                marked.put(row)

    stopping, marked = threading.Event(), queue.SimpleQueue()
    pool = ThreadPoolExecutor(options.jobs)
    try:
        turns = [pool.submit(mark_student, some) for some in report.of.values()]
        waiting = len(rows)
        while waiting:
            with contextlib.suppress(queue.Empty):  # a wait that ends lets Ctrl+C through
                row = marked.get(timeout=min(1.0, report.due() or 1.0))
                print(as_text(row, language), flush=True)
                report.add(row)
                waiting -= 1
            report.write()
    except BaseException:  # Ctrl+C too: what is marked is written
        stopping.set()
        report.close()
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(turn.done() for turn in turns):  # one may be about to begin
            marks.end_turns()
            time.sleep(0.01)
        raise
    pool.shutdown()
    report.close()
    return int(any(row.problem for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.classroom.marking",
        description="Mark the exercises of students' notebooks.",
    )
    parser.add_argument(
        "notebooks",
        nargs="+",
        metavar="NOTEBOOK",
        help="a folder with a folder for each student, an .ipynb file, or a pattern",
    )
    parser.add_argument("--chapter", help="the chapter, such as intro")
    parser.add_argument("--csv", metavar="FILE", help="write a row for each student, with totals")
    parser.add_argument("--json", metavar="FILE", help="write all that is known as JSON")
    parser.add_argument("--feedback", metavar="FOLDER", help="write a text for each student")
    parser.add_argument("--html", metavar="FOLDER", help="write a page for each student")
    parser.add_argument(
        "--roster", metavar="FILE", help="the students as Canvas or Moodle lists them"
    )
    parser.add_argument("--gradebook", metavar="FILE", help="write marks for the roster's platform")
    parser.add_argument("--cases", metavar="FILE", help="a Python file with CASES of your own")
    parser.add_argument("--exercises", metavar="FOLDER", help="exercises of your own")
    parser.add_argument("--seed", help="draw other cases of your exercises for each student")
    parser.add_argument("--jobs", type=int, default=1, help="students at the same time (1)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=marks.SECONDS,
        help=f"limit for one exercise ({marks.SECONDS:g})",
    )
    parser.add_argument(
        "--container", metavar="IMAGE", help="mark each notebook in a container of its own"
    )
    parser.add_argument(
        "--language",
        choices=sorted(practice.LANGUAGES),
        help="by default each notebook's own, and for the table that of most",
    )
    return parser


def _drawn(own: list[Own], row: Row, seed: str | None) -> dict[str, list[tuple]]:
    """Return a student's own cases of the lecturer's exercises, if there is a seed."""
    if seed is None:
        return {}
    some = [one for one in own if one.chapter == row.chapter]
    return {f"{one.chapter}.{one.name}": one.drawn(seed, row.student) for one in some}


def _check(options: argparse.Namespace, own: list[Own]) -> dict[str, list[tuple]]:
    """Return the lecturer's cases; raise for what would be wrong for all notebooks."""
    if options.jobs < 1:
        raise ValueError(f"expected --jobs of at least 1, got {options.jobs}")
    if not 0 < options.seconds < math.inf:
        raise ValueError(f"expected --seconds above 0, got {options.seconds:g}")
    if options.chapter:
        marks.exercises(options.chapter)
    cases = marks.load_cases(options.cases) if options.cases else {}
    for chapter in {one.chapter for one in own}:
        marks.exercises(chapter, own)  # no name twice
    marks.check_cases(cases, own)
    if options.container:
        marks.start(options.container, "")
    if bool(options.roster) != bool(options.gradebook):
        raise ValueError("expected --roster and --gradebook together, got one of them")
    if options.roster and os.path.abspath(options.roster) == os.path.abspath(options.gradebook):
        raise ValueError(f"expected another file for the marks, got the roster {options.roster}")
    for path in filter(None, (options.csv, options.json, options.gradebook)):
        if ".ipynb" in path.lower():
            raise ValueError(f"{path}: expected a file for the marks, got a notebook")
        open(path, "ab").close()  # fails now, not after the last notebook
    for folder in filter(None, (options.feedback, options.html)):
        Path(folder).mkdir(parents=True, exist_ok=True)
    return cases


def _spoken(rows: list[Row]) -> str:
    """Return the language of most notebooks."""
    spoken = Counter(row.notebook.language or "en" for row in rows if row.notebook)
    return spoken.most_common(1)[0][0] if spoken else "en"


class _Report:
    """The files of marks. They hold all students from the start, and each mark as it comes."""

    def __init__(self, options: argparse.Namespace, rows: list[Row], language: str, own: list[Own]):
        self.rows, self.language, self.own = rows, language, own
        self.roster = gradebooks.read_roster(options.roster) if options.gradebook else None
        made = (
            # From the byte order mark, Excel knows that it is UTF-8.
            (options.csv, partial(as_csv, own=own), "utf-8-sig"),
            (options.json, as_json, "utf-8"),
            (options.gradebook, self.as_gradebook, "utf-8"),
        )
        self.files = {Path(path): (make, encoding) for path, make, encoding in made if path}
        self.pages = [
            (Path(folder), suffix, make)
            for folder, suffix, make in (
                (options.feedback, "txt", as_feedback),
                (options.html, "html", as_page),
            )
            if folder
        ]
        self.stems = file_stems(row.student for row in rows)
        self.of: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            self.of[row.student].append(row)
        self.next, self.changed = -math.inf, True
        self.write()

    def as_gradebook(self, rows: list[Row], language: str) -> str:
        chapters = sorted({row.chapter for row in rows} - {""})
        points = {chapter: len(marks.exercises(chapter, self.own)) for chapter in chapters}
        return gradebooks.as_gradebook(rows, self.roster, points, language)

    def add(self, row: Row) -> None:
        """Write a student's own files, and remember that those of the class have changed."""
        self.changed = True
        own = [one for one in self.of[row.student] if one.marks or one.problem]
        for folder, suffix, make in self.pages:
            text = make(own, self.language).encode("utf-8", "backslashreplace")
            write_atomic(folder / f"{self.stems[row.student]}.{suffix}", text)

    def due(self) -> float | None:
        """Return in how many seconds `write` has something to do, or `None`."""
        return max(0.0, self.next - time.monotonic()) if self.changed else None

    def write(self) -> None:
        """Write the files of the class anew, unless they have taken too much of the time.

        One that another program keeps open is written the next time.
        """
        begun = time.monotonic()
        if not self.changed or begun < self.next:
            return
        for path in self.files:
            with contextlib.suppress(PermissionError):
                self.write_file(path, path)
        ended = time.monotonic()
        self.next, self.changed = ended + RARELY * (ended - begun), False

    def write_file(self, path: Path, to: Path) -> None:
        make, encoding = self.files[path]
        text = make(self.rows, self.language)
        write_atomic(to, text.encode(encoding, "backslashreplace"))

    def close(self) -> None:
        """Write the files a last time, beside their place if another program keeps that open."""
        for path in self.files:
            try:
                self.write_file(path, path)
            except PermissionError:
                other = path.with_stem(f"{path.stem}-new")
                self.write_file(path, other)
                words = WORDS[self.language]["busy"]
                print(words.format(path=path, other=other), file=sys.stderr)
