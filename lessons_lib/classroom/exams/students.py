"""Who sits an exam: a list from a CSV file, or just a number."""

from dataclasses import dataclass
from pathlib import Path

from lessons_lib.base.validation import check_integer
from lessons_lib.classroom.exams.tables import read_table

__all__ = ["Student", "read_students"]

CODES = ("code", "student", "id", "username", "email", "código", "codigo", "estudiante", "alumno")
CODES += ("usuario", "matrícula", "matricula", "correo", "email address", "correo electrónico")
CODES += ("dirección de correo", "dirección email")  # as Moodle exports them
NAMES = ("name", "nombre", "full name", "nombre completo", "first name")
SURNAMES = ("surname", "last name", "apellidos", "apellido", "apellido(s)")
MOST = 5000


@dataclass(frozen=True)
class Student:
    """A student: a code that nobody else has, and a name, which may be empty."""

    code: str
    name: str = ""


def read_students(given: str) -> list[Student]:
    """Return students from a number of them, or from a CSV file with a column of codes.

    The lists that Moodle and Canvas export are read as they are.

    Raises `ValueError` for another number than 1 to 5000, a file without students, without a
    column of codes or names, an empty code, or one that comes twice.
    """
    if given.strip().lstrip("-").isdecimal():
        n = check_integer("the number of students", int(given), 1, MOST)
        return [Student(f"{i:03}") for i in range(1, n + 1)]
    rows = read_table(Path(given))
    canvas = {"student", "id"} <= set(rows[0]) and bool({"sis user id", "section"} & set(rows[0]))
    students = _of_canvas(rows) if canvas else _of_columns(rows, Path(given).name)
    if not students:
        raise ValueError(f"{Path(given).name}: expected students with an ID, got none")
    codes = [student.code for student in students]
    if twice := [one for one in codes if codes.count(one) > 1]:
        raise ValueError(f"{Path(given).name}: expected each code once, got {twice[0]!r} again")
    return students


def _of_columns(rows: list[dict[str, str]], file: str) -> list[Student]:
    code, name, surname = (
        next((column for column in columns if column in rows[0]), "")
        for columns in (CODES, NAMES, SURNAMES)
    )
    if not code and not name:
        raise ValueError(f"{file}: expected a column {CODES[0]} or {NAMES[0]}, got {list(rows[0])}")
    students = []
    for i, row in enumerate(rows, 2):
        full = " ".join(filter(None, (row.get(name, ""), row.get(surname, ""))))
        if not (own := row[code] if code else full):
            raise ValueError(f"{file}, row {i}: expected a code, got none")
        students.append(Student(own, full))
    return students


def _of_canvas(rows: list[dict[str, str]]) -> list[Student]:
    """Read the rows of Canvas's gradebook: those with a number are students, and it is unique."""
    students = []
    for row in rows:
        last, _, first = row["student"].partition(", ")
        if row["id"]:
            students.append(Student(row["id"], f"{first} {last}".strip()))
    return students
