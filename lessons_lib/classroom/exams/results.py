"""What each student of an exam got: a table of points, and a file for a platform's gradebook."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lessons_lib.classroom.exams.answers import Answers
from lessons_lib.classroom.exams.tables import write_table
from lessons_lib.classroom.exams.words import RESULTS
from lessons_lib.classroom.marking.gradebooks import Roster
from lessons_lib.classroom.marking.reports import cell

__all__ = ["Result", "gradebook", "results", "results_table"]


@dataclass(frozen=True)
class Result:
    """A student's points of those of the exam; `empty` where nothing was answered or marked."""

    student: str
    name: str
    got: float
    points: float
    empty: bool


def results(answers: Answers) -> list[Result]:
    """Add up the points of each student, in the order of the table."""
    given = defaultdict(list)
    for one in answers.responses:
        given[one.student].append(one)
    return [
        Result(
            student,
            next((one.name for one in some if one.name), ""),
            sum(one.score for one in some),
            sum(one.points for one in some),
            not any(one.score or one.answer for one in some),
        )
        for student, some in given.items()
    ]


def results_table(found: Sequence[Result], language: str) -> bytes:
    """Return a CSV table with a row for each student."""
    rows = [(one.student, one.name, one.got, one.points, one.got / one.points) for one in found]
    return write_table([RESULTS[language]["head"], *rows], language)


def gradebook(
    found: Sequence[Result], roster: Roster, title: str, language: str
) -> tuple[str, list[str]]:
    """Return a table that the platform of the list imports, and what a lecturer must know.

    Nobody who is not found in the list, or could be several in it, has a place; who is in the list
    and has answered nothing has an empty cell. Canvas gets a row of the points there are.
    """
    words, said, marks = RESULTS[language], [], {}
    for one in found:
        places = roster.find(one.student) or roster.find(one.name)
        if len(places) != 1 or places[0] in marks:
            said.append(words["unclear" if places else "unknown"].format(one.student))
        elif not one.empty:
            marks[places[0]] = one
    absent = [i for i in range(len(roster.rows)) if i not in marks]
    if absent:
        names = (" ".join(filter(None, roster.rows[i].values())) for i in absent)
        said.append(words["absent"].format("; ".join(names)))
    own = [n for n in roster.assignments if re.fullmatch(rf"{re.escape(title)} \(\d+\)", n)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*roster.columns, (own or [cell(title)])[0]])
    if roster.canvas:
        blank = [""] * (len(roster.columns) - 1)
        most = max((one.points for one in found), default=0)
        writer.writerow(["    Points Possible", *blank, f"{most:g}"])
    for i, who in enumerate(roster.rows):
        got = f"{marks[i].got:g}" if i in marks else ""
        writer.writerow([*(cell(who[name]) for name in roster.columns), got])
    return text.getvalue(), said
