"""What students answered, from a filled-in marking sheet or from a table of points."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.classroom.exams.tables import as_number, read_table
from lessons_lib.classroom.exams.words import COLUMNS

__all__ = ["Answers", "Response", "is_right", "read_answers"]

LETTERED = ("choice", "fault", "order")


@dataclass(frozen=True)
class Response:
    """What a student answered to one question, and the points it got of those it could get.

    `place` is where in the exam it stood, which all students have in common; `draw` the seed of its
    numbers and of the order of its options, or -1.
    """

    student: str
    question: str
    score: float
    points: float = 1.0
    place: str = ""
    draw: int = -1
    kind: str = ""
    answer: str = ""
    name: str = ""


@dataclass(frozen=True)
class Answers:
    """All answers of a class, and the language of the table that they come from."""

    responses: tuple[Response, ...]
    language: str = "en"


def read_answers(path: Path) -> Answers:
    """Read a marking sheet, a row for each student and question, or a row of points a student.

    In a marking sheet an answer without points is marked by what is expected, but for code; where
    nothing was answered there are no points. Without a column of points, a question gives as many
    as the best answer got, at least 1. In a table of points, the first column names the student,
    and each other one is a question, of which the largest number is what it gives.

    Raises `ValueError` for a column that is missing, something that is no number, points below 0 or
    above those of the question, an answer given twice, or fewer than two students.
    """
    rows = read_table(path)
    language = "es" if COLUMNS["es"][3] in rows[0] or COLUMNS["es"][0] in rows[0] else "en"
    names = dict(zip(COLUMNS[language], COLUMNS["en"], strict=True))
    rows = [{names.get(key, key): cell for key, cell in row.items()} for row in rows]
    read = _sheet if "question" in rows[0] else _points
    found = read(rows, path.name, language)
    pairs = Counter((one.student, one.question) for one in found)
    for (student, question), times in pairs.items():
        if times > 1:
            raise ValueError(
                f"{path.name}: expected one row for {student} and {question}, got {times}"
            )
    students = {one.student for one in found}
    if len(students) < 2:
        raise ValueError(f"{path.name}: expected at least 2 students, got {len(students)}")
    return Answers(tuple(found), language)


def _sheet(rows: list[dict], file: str, language: str) -> list[Response]:
    """Read a marking sheet."""
    names = dict(zip(COLUMNS["en"], COLUMNS[language], strict=True))
    for name in ("student", "answer" if "score" not in rows[0] else "score"):
        if name not in rows[0]:
            raise ValueError(f"{file}: expected a column {names[name]}, got {list(rows[0])}")
    most, found = {}, []
    if "points" not in rows[0]:  # then the best answer got all
        for i, row in enumerate(rows, 2):
            score = as_number(row.get("score") or "0", f"{file}, row {i}")
            most[row["question"]] = max(most.get(row["question"], 1.0), score)
    for i, row in enumerate(rows, 2):
        where = f"{file}, row {i}"
        if not row["student"] or not row["question"]:
            raise ValueError(f"{where}: expected a student and a question, got {row}")
        points = as_number(row.get("points") or "1", where)
        points = most.get(row["question"], points)
        draw = row.get("draw", "")
        found.append(
            Response(
                row["student"],
                row["question"],
                _score(row, points, where, language),
                points,
                row.get("number", ""),
                int(draw) if draw.isdecimal() else -1,
                row.get("kind", ""),
                row.get("answer", ""),
                row.get("name", ""),
            )
        )
    return found


def _score(row: dict, points: float, where: str, language: str) -> float:
    """Return the points that an answer got; `ValueError` if nobody can tell."""
    if given := row.get("score", ""):
        score = as_number(given, where)
    elif not (answer := row.get("answer", "")):
        score = 0.0
    elif not row.get("expected") or row.get("kind") == "code":
        raise ValueError(f"{where}: expected points for the answer {answer!r}, got none")
    else:
        right = is_right(row.get("kind", ""), row["expected"], answer, language)
        score = points if right else 0.0
    if points <= 0 or not 0 <= score <= points:
        raise ValueError(f"{where}: expected 0 to {points:g} points, got {score:g}")
    return score


def is_right(kind: str, expected: str, answer: str, language: str) -> bool:
    """Tell whether an answer is what is expected: letters, a shape, a number or a text.

    >>> is_right("order", "c, a, b", "CAB", "en"), is_right("numeric", "0,25", "0.25", "es")
    (True, True)
    """
    if kind in LETTERED:
        one, other = (re.sub(r"[^a-z]", "", text.lower()) for text in (expected, answer))
        return one == other
    if kind == "shape":
        return re.findall(r"\d+", expected) == re.findall(r"\d+", answer)
    if kind == "numeric":
        right, given = (_number(text, language) for text in (expected, answer))
        decimals = len(re.split(r"[.,]", expected)[-1]) if right % 1 or given % 1 else 0
        within = 0.5000001 * 10.0**-decimals if decimals and right % 1 else 1e-9
        return abs(right - given) <= within
    return expected.strip().lower() == answer.strip().lower()


def _number(text: str, language: str) -> float:
    """Return a number as the language writes it, or one that equals no other."""
    text = re.sub(r"\s", "", text)
    text = text.replace(",", "." if language == "es" else "")
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _points(rows: list[dict], file: str, language: str) -> list[Response]:
    """Read a table with a row for each student and a column for each question."""
    student, *questions = rows[0]
    questions = [one for one in questions if one not in ("name", "surname", "apellidos", "email")]
    if len(questions) < 2:
        raise ValueError(
            f"{file}: expected a column {COLUMNS[language][3]}, or a student and at least 2 "
            f"questions, got {list(rows[0])}"
        )
    numbers = [
        {one: as_number(row[one] or "0", f"{file}, row {i}, {one}") for one in questions}
        for i, row in enumerate(rows, 2)
    ]
    if least := [one for row in numbers for one, score in row.items() if score < 0]:
        raise ValueError(f"{file}: expected points of at least 0, got less for {least[0]}")
    most = {one: max(row[one] for row in numbers) or 1.0 for one in questions}
    return [
        Response(given[student], one, row[one], most[one], one)
        for given, row in zip(rows, numbers, strict=True)
        for one in questions
    ]
