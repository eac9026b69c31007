"""Exams: one for each student, all equally hard, the same files for the same seed."""

import csv
import dataclasses
import io
from collections import Counter

import pytest

from lessons_lib.classroom.exams import drawing, plan, sheets, students, tables
from lessons_lib.classroom.exams.__main__ import main
from lessons_lib.classroom.questions import asking
from tests.classroom.test_marking_gradebooks import CANVAS, MOODLE
from tests.classroom.test_questions_export import read_html
from tools import house

SMALL = plan.Plan(("attention", "gpt"), 30)


@pytest.fixture(scope="module")
def midterm():
    """The mid-term of 40 students, without any of its pages."""
    chosen = plan.load_plan("midterm")
    questions = drawing.pool(chosen)
    slots = drawing.blueprint(chosen, 7, questions)
    return chosen, [
        drawing.draw_exam(one, slots, questions, 7, "es") for one in students.read_students("40")
    ]


@pytest.mark.parametrize("name", plan.plans())
def test_the_plans_that_come_along_fill_their_minutes(name):
    chosen = plan.load_plan(name)
    questions = drawing.pool(chosen)
    for seed in range(5):
        slots = drawing.blueprint(chosen, seed, questions)
        assert sum(slot.minutes for slot in slots) == chosen.minutes
        assert sum(slot.points for slot in slots) == 2 * chosen.minutes
        for slot, n in Counter(slots).items():
            assert 2 * n <= len(questions[slot])  # students get different ones
        spent = Counter()
        for slot in slots:
            spent[slot.level] += slot.minutes
        whole = sum(chosen.levels.values())
        for level, share in chosen.levels.items():
            assert abs(spent[level] - chosen.minutes * share / whole) <= 4, level


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_plan_of_the_page_on_teaching_works(language, tmp_path):
    page = (house.ROOT / "book" / language / "teaching.md").read_text(encoding="utf-8")
    text = page.split("<!-- example: plan -->\n```toml\n")[1].split("```")[0]
    (tmp_path / "second.toml").write_text(text, encoding="utf-8")
    chosen = plan.load_plan(str(tmp_path / "second.toml"))
    levels = ",".join(f"{level}={share}" for level, share in chosen.levels.items())
    asked = f"`--chapters {','.join(chosen.chapters)} --minutes {chosen.minutes} --levels {levels}`"
    assert asked in page
    without_file = dataclasses.replace(chosen, kinds=plan.Plan(("gpt",), 5).kinds)
    for one in (chosen, without_file):
        questions = drawing.pool(one)
        for seed in range(20):
            slots = drawing.blueprint(one, seed, questions)
            assert sum(slot.minutes for slot in slots) == one.minutes
            assert drawing.plenty(slots, questions)


def test_minutes_are_filled_wherever_the_questions_can(capsys, tmp_path):
    """One question of a minute and a half can spoil the sum, at the end of a drawing at random."""
    hard = {"levels": {"explain": 1, "apply": 2}, "kinds": ("choice", "numeric", "shape", "order")}
    questions = drawing.pool(plan.Plan(("attention", "block"), 5, **hard))
    for minutes in range(5, 37):
        chosen = plan.Plan(("attention", "block"), minutes, **hard)
        points = [2 * q.minutes for found in questions.values() for q in found]
        sums = {0}
        for one in points:
            sums |= {one + other for other in sums}
        if 2 * minutes in sums:
            slots = drawing.blueprint(chosen, 3, questions)
            assert sum(slot.minutes for slot in slots) == minutes
        else:
            most = max(one for one in sums if one < 2 * minutes) / 2
            with pytest.raises(ValueError, match=f"got enough for {most:g}:"):
                drawing.blueprint(chosen, 3, questions)
    words = "--chapters attention --minutes 20 --students 2 --no-pdf --out"
    main(["make", *words.split(), str(tmp_path / "few")])
    assert "many of the same ones" in capsys.readouterr().err
    main(["make", *words.replace("20", "10").split(), str(tmp_path / "many")])
    assert capsys.readouterr().err == ""


def test_all_exams_are_equally_hard(midterm):
    chosen, exams = midterm
    for exam in exams:
        asked = [one.question for one in exam.questions]
        kinds = [drawing.Slot(one.level, one.kind, float(one.minutes)) for one in asked]
        assert tuple(kinds) == exam.slots
        assert len({(one.slug, one.id) for one in asked}) == len(asked)
        counts = Counter(one.slug for one in asked)
        assert set(counts) == set(chosen.chapters)
        assert max(counts.values()) - min(counts.values()) <= 4


def test_exams_differ_in_questions_numbers_and_orders(midterm):
    _, exams = midterm
    texts = {tuple(asking.prompt(one) for one in exam.questions) for exam in exams}
    assert len(texts) == len(exams)
    at_a_place = [len({exam.questions[i].question.id for exam in exams}) for i in range(20)]
    assert min(at_a_place) >= 2
    by_id = {}
    for exam in exams:
        for one in exam.questions:
            by_id.setdefault(one.question.id, set()).add((one.text, one.choices, one.steps))
    assert sum(len(ways) > 1 for ways in by_id.values()) > 40


def test_a_students_exam_does_not_depend_on_the_class(midterm):
    chosen, exams = midterm
    questions = drawing.pool(chosen)
    alone = drawing.draw_exam(exams[9].student, exams[9].slots, questions, 7, "es")
    assert alone == exams[9]
    other = drawing.draw_exam(exams[9].student, exams[9].slots, questions, 8, "es")
    assert other.questions != alone.questions


def test_the_sheets_hold_all_and_the_key_gives_what_is_expected(midterm):
    chosen, exams = midterm
    page, key = (make(chosen, exams[:5], "es") for make in (sheets.sheets, sheets.key))
    n = len(exams[0].slots)
    assert page.count('<section class="sheet">') == 5
    assert page.count('<div class="question">') == 5 * n
    for text in (page, key):
        shown = read_html(text)
        assert "$" not in shown.text
        assert "script" not in shown.tags
        assert "break-after: page" in text
    assert "60 minutos, 120 puntos" in page
    for exam in exams[:5]:
        assert f"Código: {exam.student.code}<" in page
        assert f"Código: {exam.student.code}<" in key
    assert '<div class="key">' not in page
    rows = list(
        csv.reader(
            io.StringIO(sheets.marking_sheet(exams[:5], "es").decode("utf-8-sig"), newline=""),
            delimiter=";",
        )
    )
    assert len(rows) == 1 + 5 * n
    first = dict(zip(rows[0], rows[1], strict=True))
    assert first["estudiante"] == "001"
    assert first["esperada"] == asking.expected(exams[0].questions[0])
    assert sum(int(row[8]) for row in rows[1 : n + 1]) == 120


def test_hostile_names_are_text(tmp_path):
    path = tmp_path / "class.csv"
    path.write_text('student,name\n=1+1,"<b>&, ""x"""\n@a,ñandú 🦙\n', encoding="utf-8")
    people = students.read_students(str(path))
    questions = drawing.pool(SMALL)
    slots = drawing.blueprint(SMALL, 1, questions)
    exams = [drawing.draw_exam(one, slots, questions, 1, "en") for one in people]
    page = sheets.sheets(SMALL, exams, "en")
    assert '<b>&, "x"' in read_html(page).text
    assert "<b>" not in page
    rows = sheets.marking_sheet(exams, "en").decode("utf-8-sig").splitlines()
    assert rows[1].startswith("'=1+1,")
    table = tables.write_table([["-3", "-3,5", "-x", 0.5, 1.25, 2]], "es").decode("utf-8-sig")
    assert table == "-3;-3,5;'-x;0,5;1,25;2\r\n"


def test_the_command_writes_the_same_files_for_the_same_seed(tmp_path, monkeypatch, capsys):
    words = "make --chapters attention,gpt --minutes 20 --levels recall=1,apply=2 --students 3"
    for folder, seed in (("one", 1), ("two", 1), ("three", 2)):
        more = f"--kinds choice,numeric,shape --seed {seed} --no-pdf --out"
        assert main([*words.split(), *more.split(), str(tmp_path / folder)]) == 0
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["exams-en.html", "key-en.html", "marking-en.csv"]
    for name in names:
        one, two, three = (
            (tmp_path / folder / name).read_bytes() for folder in ("one", "two", "three")
        )
        assert one == two != three
    assert "exams-en.html" in capsys.readouterr().out
    rows = tables.read_table(tmp_path / "one" / "marking-en.csv")
    assert {row["level"] for row in rows} == {"recall", "apply"}
    assert {row["kind"] for row in rows} <= {"choice", "numeric", "shape"}
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(ValueError, match="expected Chromium or Chrome"):
        main([*words.split(), "--out", str(tmp_path / "four")])
    assert len(list((tmp_path / "four").iterdir())) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--students 3", "expected --plan"),
        ("--students 3 --plan midterm --minutes 5", "got both"),
        ("--students 3 --plan nothing.toml", "expected a plan"),
        ("--students 0 --plan midterm", "the number of students"),
        ("--students none.csv --plan midterm", "expected a CSV file"),
        ("--students 3 --chapters cooking --minutes 30", "expected chapters of"),
        ("--students 3 --chapters gpt,gpt --minutes 30", "each once"),
        ("--students 3 --chapters gpt --minutes 400", "expected questions for 400 minutes"),
        ("--students 3 --chapters gpt --minutes 3", "expected minutes"),
        ("--students 3 --chapters gpt --minutes 30 --levels hard", "expected levels of"),
        ("--students 3 --chapters gpt --minutes 30 --levels recall=x", "expected a number"),
        ("--students 3 --chapters gpt --minutes 30 --levels recall=-1", "share of recall"),
        ("--students 3 --chapters gpt --minutes 30 --levels recall=0", "a share above 0"),
        ("--students 3 --chapters gpt --minutes 30 --kinds essay", "expected kinds of"),
        ("--students 3 --plan midterm --seed -1", "seed"),
    ],
)
def test_what_cannot_be_made_is_refused(words, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        main(["make", *words.split(), "--no-pdf", "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_plans_of_ones_own(tmp_path):
    path = tmp_path / "quiz.toml"
    path.write_text(
        'chapters = ["tokens"]\nminutes = 10\nkinds = ["choice"]\n[levels]\nrecall = 1\n'
        'explain = 1\n[title]\nen = "Quiz"\nes = "Control"\n',
        encoding="utf-8",
    )
    chosen = plan.load_plan(str(path))
    assert chosen.title["es"] == "Control"
    assert {slot.level for slot in drawing.pool(chosen)} == {"recall", "explain"}
    for text, said in (
        ("minutes = 10", "the field chapters, which is missing"),
        ('chapters = "tokens"\nminutes = 10', "got chapters = 'tokens'"),
        ('chapters = ["tokens"]\nminutes = 10\nstudents = 3', "got students = 3"),
        ('chapters = ["tokens"]\nminutes = 10\n[title]\nen = "Quiz"', "a title in en and es"),
        ("chapters = [", "expected a plan in TOML"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=said):
            plan.load_plan(str(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_lists_of_students_are_read_as_spreadsheets_write_them(encoding, separator, tmp_path):
    path = tmp_path / "class.csv"
    rows = [["Apellidos", "Nombre", "Código"], ["Núñez", "Íñigo", "a1"], ["Peña", "Zoë", "b2"], []]
    text = "\r\n".join(separator.join(row) for row in rows)
    path.write_bytes(text.encode(encoding))
    found = students.read_students(str(path))
    assert found == [students.Student("a1", "Íñigo Núñez"), students.Student("b2", "Zoë Peña")]


def test_the_lists_of_moodle_and_canvas_are_read_as_they_are(tmp_path):
    path = tmp_path / "class.csv"
    path.write_text(MOODLE, encoding="utf-8")
    assert students.read_students(str(path))[0] == students.Student(
        "ana@uni.example", "Ana García López"
    )
    path.write_text(CANVAS, encoding="utf-8")
    found = students.read_students(str(path))
    assert found[:2] == [
        students.Student("101", "Ana García López"),
        students.Student("102", "Ben Smith"),
    ]
    assert len(found) == 5  # without the row of points, and with both students of one name
    path.write_text("Student,ID,Section\nPoints Possible,,\n", encoding="utf-8")
    with pytest.raises(ValueError, match="students with an ID, got none"):
        students.read_students(str(path))


def test_lists_of_students_that_cannot_be_read_are_refused(tmp_path):
    path = tmp_path / "class.csv"
    for text, said in (
        ("", "a head and rows"),
        ("student\n", "a head and rows"),
        ("what,ever\n1,2\n", "expected a column code or name"),
        ("student,name\n,Ada\n", "row 2: expected a code"),
        ("student\na\na\n", "each code once, got 'a' again"),
        ("student,student\na,b\n", "each column once"),
        ("student,name\na,b,c\n", "expected 2 cells, got 3"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=said):
            students.read_students(str(path))
    path.write_text("nombre\nAda\nEve\n", encoding="utf-8")
    assert students.read_students(str(path))[1] == students.Student("Eve", "Eve")
    assert [one.code for one in students.read_students("2")] == ["001", "002"]
