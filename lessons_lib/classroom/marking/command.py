"""The command that marks a class."""

import argparse
import contextlib
import math
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.classroom import practice
from lessons_lib.classroom.marking import limits, marks
from lessons_lib.classroom.marking.reports import as_csv, as_json, as_text, write_feedback
from lessons_lib.classroom.marking.submissions import Row, collect, forgotten
from lessons_lib.classroom.marking.words import WORDS, Told, printable

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Mark notebooks; return 1 if one of them could not be marked, else 0, whatever the marks."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        console.forgive(stream)
    try:
        cases = _check(options)
        rows = collect(options.notebooks, options.chapter)
        if not rows:
            raise ValueError(f"expected notebooks, found none in {', '.join(options.notebooks)}")
        language = options.language or _spoken(rows)
        report = _Report(options, rows, language)
    except (OSError, ValueError) as error:
        parser.error(printable(str(error)))
    words = WORDS[language]
    beside, home = forgotten(options.notebooks)
    if beside:
        print(words["others"].format(names=", ".join(beside), folder=home), file=sys.stderr)
    if not (options.container or limits.enclosing()):
        print(words["unprotected"], file=sys.stderr)

    def mark(row: Row) -> Row:
        if row.notebook and not row.problem:
            how = (cases, options.seconds, options.language, options.container)
            try:
                row.marks = marks.mark_read(row.path, row.notebook, row.chapter, *how)
            except Exception as error:  # of the marker itself: this row's, not the class's
                row.problem = Told("failed", got=practice.told(error))
        return row

    pool = ThreadPoolExecutor(options.jobs)
    try:
        turns = [pool.submit(mark, row) for row in rows]
        for turn in as_completed(turns):
            row = turn.result()
            print(as_text(row, language), flush=True)
            report.write(row)
    except BaseException:  # Ctrl+C too: what is marked is written already
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
    parser.add_argument("--cases", metavar="FILE", help="a Python file with CASES of your own")
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


def _check(options: argparse.Namespace) -> dict[str, list[tuple]]:
    """Return the lecturer's cases; raise for what would be wrong for all notebooks."""
    if options.jobs < 1:
        raise ValueError(f"expected --jobs of at least 1, got {options.jobs}")
    if not 0 < options.seconds < math.inf:
        raise ValueError(f"expected --seconds above 0, got {options.seconds:g}")
    if options.chapter:
        marks.exercises(options.chapter)
    cases = marks.load_cases(options.cases) if options.cases else {}
    marks.check_cases(cases)
    if options.container:
        marks.start(options.container, "")
    for path in filter(None, (options.csv, options.json)):
        if ".ipynb" in path.lower():
            raise ValueError(f"{path}: expected a file for the marks, got a notebook")
        open(path, "ab").close()  # fails now, not after the last notebook
    if options.feedback:
        Path(options.feedback).mkdir(parents=True, exist_ok=True)
    return cases


def _spoken(rows: list[Row]) -> str:
    """Return the language of most notebooks."""
    spoken = Counter(row.notebook.language or "en" for row in rows if row.notebook)
    return spoken.most_common(1)[0][0] if spoken else "en"


class _Report:
    """The files of marks. They hold all students from the start, and each mark as it comes."""

    def __init__(self, options: argparse.Namespace, rows: list[Row], language: str):
        self.rows, self.language = rows, language
        self.feedback = options.feedback and Path(options.feedback)
        self.files = {
            Path(path): (make, encoding)
            for path, make, encoding in (
                # From the byte order mark, Excel knows that it is UTF-8.
                (options.csv, as_csv, "utf-8-sig"),
                (options.json, as_json, "utf-8"),
            )
            if path
        }
        self.write()

    def write(self, changed: Row | None = None) -> None:
        """Write all files anew; one that another program keeps open is written the next time."""
        for path in self.files:
            with contextlib.suppress(PermissionError):
                self.write_file(path, path)
        if changed and self.feedback:
            write_feedback(self.feedback, self.rows, changed, self.language)

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
