"""What is printed of exams: all students' sheets in one page, the key, the marking sheet."""

from collections.abc import Sequence
from html import escape

from lessons_lib.classroom.exams.drawing import Exam
from lessons_lib.classroom.exams.plan import Plan
from lessons_lib.classroom.exams.tables import write_table
from lessons_lib.classroom.exams.words import COLUMNS, WORDS
from lessons_lib.classroom.questions.asking import expected
from lessons_lib.classroom.questions.drawing import Drawn
from lessons_lib.classroom.questions.maths import mathml
from lessons_lib.classroom.questions.paper import asked, page, solved
from lessons_lib.classroom.questions.text import as_html

__all__ = ["key", "marking_sheet", "sheets"]


def sheets(plan: Plan, exams: Sequence[Exam], language: str) -> str:
    """Return all exams as one page of HTML; each student's begins on a new sheet of paper."""
    words, title = WORDS[language], plan.title[language]
    bodies, seen = [], {}
    for exam in exams:
        points = sum(slot.points for slot in exam.slots)
        parts = [_head(title, exam, language)]
        about = words["about"].format(minutes=plan.minutes, points=points)
        parts.append(f"<p>{about} {words['how']}</p></header>")
        for i, (slot, drawn) in enumerate(zip(exam.slots, exam.questions, strict=True), 1):
            at = (i, drawn.question.slug, drawn.question.id, drawn.seed)
            if at not in seen:
                seen[at] = asked(drawn, i, _worth(slot.points, language))
            parts.append(seen[at])
        bodies.append(f'<section class="sheet">{"".join(parts)}</section>')
    return page(title, "\n".join(bodies), language)


def _head(title: str, exam: Exam, language: str) -> str:
    """Return the head of a sheet, without its end: title, name, code, date."""
    words, student = WORDS[language], exam.student
    name = escape(student.name) or '<span class="line"></span>'
    return (
        f'<header class="head"><h1>{escape(title)}</h1><p class="who">'
        f"<span>{words['name']}: {name}</span>"
        f"<span>{words['code']}: {escape(student.code)}</span>"
        f'<span>{words["date"]}: <span class="line"></span></span></p>'
    )


def _worth(points: int, language: str) -> str:
    return WORDS[language]["point" if points == 1 else "points"].format(points)


def key(plan: Plan, exams: Sequence[Exam], language: str) -> str:
    """Return the right answers of each student, then the solutions of the code questions."""
    words = WORDS[language]
    title = f"{words['key']}: {plan.title[language]}"
    head = "".join(
        f"<th{' class=of' if name in ('number', 'worth') else ''}>{words[name]}</th>"
        for name in ("number", "question", "expected", "worth")
    )
    bodies, code = [], {}
    for exam in exams:
        rows = []
        for i, (slot, drawn) in enumerate(zip(exam.slots, exam.questions, strict=True), 1):
            rows.append(
                f'<tr><td class="of">{i}</td><td>{_label(drawn)}</td>'
                f'<td>{_expected(drawn)}</td><td class="of">{slot.points}</td></tr>'
            )
            if slot.kind == "code":
                code[_label(drawn)] = drawn
        bodies.append(
            f'<section class="sheet">{_head(title, exam, language)}</header>'
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></section>"
        )
    if code:
        solutions = (
            f"<h2>{name}</h2>{as_html(drawn.text, mathml)}{solved(drawn)}"
            for name, drawn in sorted(code.items())
        )
        title_of_code = f"<h1>{words['marks']}</h1>"
        bodies.append(f'<section class="sheet">{title_of_code}{"".join(solutions)}</section>')
    return page(title, "\n".join(bodies), language)


def _label(drawn: Drawn) -> str:
    return f"{drawn.question.slug}/{drawn.question.id}"


def _expected(drawn: Drawn) -> str:
    """Return the right answer as HTML, a letter with the text that it stands for."""
    said = escape(expected(drawn))
    if drawn.question.kind == "code":
        return f"<pre>{said}</pre>"
    if drawn.question.kind != "choice":
        return said
    right = next(choice.text for choice in drawn.choices if choice.right)
    return f"{said}) {as_html(right, mathml)[3:-4]}"


def marking_sheet(exams: Sequence[Exam], language: str) -> bytes:
    """Return a CSV table with a row for each student and question, the last columns empty.

    Whoever marks fills in the answer, or the points that it got, or both.
    """
    rows = [COLUMNS[language]]
    for exam in exams:
        for i, (slot, drawn) in enumerate(zip(exam.slots, exam.questions, strict=True), 1):
            about = (_label(drawn), drawn.seed, slot.level, slot.kind, slot.minutes, slot.points)
            rows.append((exam.student.code, exam.student.name, i, *about, expected(drawn), "", ""))
    return write_table(rows, language)
