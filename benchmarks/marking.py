"""A class's notebooks marked with one job and with several: seconds, and how much faster.

    python -m benchmarks.marking --students 20 --chapters intro attention gguf --jobs 2

The class is made from the book's English notebooks: of each student's exercises two in three hold
the solution, the others are blank. Both runs must give the same marks. Jobs are processes side by
side, so the ratio comes near `--jobs` only where so many cores are free; the load of the machine
before the runs is printed with it. The processor time tells what a larger class takes.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import tempfile
import time
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.classroom.marking.command import main as mark
from tools import house

EVERY = 3  # a student leaves every third exercise blank, each student others


def work(chapter: str, student: int):
    """Return the notebook that a student hands in."""
    notebook = house.read_notebook(house.ROOT / "book" / "en" / f"{chapter}.ipynb")
    solutions = [cell for cell in notebook.cells if cell.id.startswith("solution-")]
    for i, cell in enumerate(solutions):
        if (student + i) % EVERY:
            cell.id, cell.metadata = f"mine-{i}", {}
    return notebook


def hand_in(folder: Path, n_students: int, chapters: list[str]) -> None:
    """Write a folder for each student, with a notebook of each chapter."""
    for student in range(n_students):
        home = folder / f"student {student:03}"
        home.mkdir(parents=True)
        for chapter in chapters:
            house.write_notebook(home / f"{chapter}.ipynb", work(chapter, student))


def timed(folder: Path, jobs: int) -> tuple[float, float, list[dict]]:
    """Mark all; return seconds, seconds of the processors, and the rows of the table."""
    table = folder.parent / f"{jobs}.json"
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        assert mark([str(folder), "--jobs", str(jobs), "--json", str(table)]) == 0
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds, spent, json.loads(table.read_text(encoding="utf-8"))


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--chapters", nargs="+", default=["intro", "attention", "gguf"])
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "class"
        hand_in(folder, args.students, args.chapters)
        print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        alone, spent, rows = timed(folder, 1)
        print(f"--jobs 1: {alone:.1f} s, {spent:.1f} s of processors, {len(rows)} notebooks")
        together, spent, same = timed(folder, args.jobs)
        print(f"--jobs {args.jobs}: {together:.1f} s, {spent:.1f} s of processors")
    marks = [[(one["exercise"], one["right"]) for row in some for one in row["marks"]]
             for some in (rows, same)]  # fmt: skip
    assert marks[0] == marks[1], "expected the same marks from both runs"
    right = sum(is_right for _, is_right in marks[0])
    print(f"{right} of {len(marks[0])} exercises right; {alone / together:.2f} times as fast")


if __name__ == "__main__":
    console.run(main)
