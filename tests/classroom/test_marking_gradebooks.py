"""Marks for the gradebooks of Canvas and Moodle, and a page of feedback for each student."""

import csv
import io
from html.parser import HTMLParser

import pytest

from lessons_lib.classroom import practice
from lessons_lib.classroom.marking import marks
from lessons_lib.classroom.marking.command import main
from lessons_lib.classroom.marking.gradebooks import as_gradebook, read_roster, unplaced
from lessons_lib.classroom.marking.marks import Mark
from lessons_lib.classroom.marking.pages import as_page
from lessons_lib.classroom.marking.reading import Notebook
from lessons_lib.classroom.marking.submissions import Row
from lessons_lib.classroom.marking.words import Told
from tests.classroom.test_marking import IMPORT, RIGHT, write_notebook

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,intro (4711),Final Score
    Points Possible,,,,,4,(read only)
"García López, Ana",101,S-1,agarcia,"Group 1, ""A"" 1",,
"Smith, Ben",102,S-2,bsmith@uni.example,Group 1,,
"Smith, Ben",103,S-3,bsmith2@uni.example,Group 2,,
"=cmd|' /C calc'!A0",104,S-4,@sum,Group 2,,
"Student, Test",105,,test,Group 2,,
"""
MOODLE = """\
Nombre;Apellido(s);Número de ID;Dirección de correo;Grupos
Ana;García López;7;ana@uni.example;
Ñusta;O'Higgins;8;nusta+llm@uni.example;
"""


def row(student, right, chapter="intro"):
    names = ["count_next", "most_likely", "surprise", "best_look_back"]
    said = [
        Mark("x.ipynb", chapter, name, i < right, "" if i < right else "Not yet: <b>\nHint: =1")
        for i, name in enumerate(names)
    ]
    return Row(student, f"{student}/x.ipynb", Notebook((), (), None), None, 1, chapter, said)


@pytest.fixture
def roster(tmp_path):
    def write(text, encoding="utf-8"):
        (tmp_path / "roster.csv").write_bytes(text.encode(encoding))
        return read_roster(tmp_path / "roster.csv")

    return write


def table(rows, roster, points=None, language="en"):
    text = as_gradebook(rows, roster, points or {"intro": 4}, language)
    return list(csv.reader(io.StringIO(text)))


def test_canvas_gets_its_own_columns_and_rows_back(roster):
    listed = roster(CANVAS)
    rows = [row("101", 3), row("bsmith@uni.example", 4), row("garcialopezana", 2)]
    head, points, *got = table(rows, listed)
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "intro (4711)"]
    assert points == ["    Points Possible", "", "", "", "", "4"]
    assert got[0] == ["García López, Ana", "101", "S-1", "agarcia", 'Group 1, "A" 1', "3"]
    assert [line[-1] for line in got] == ["3", "4", "", "", ""]
    assert [line[1] for line in got] == ["101", "102", "103", "104", "105"]


def test_no_cell_begins_a_formula(roster):
    for text in (CANVAS, MOODLE.replace("Ana;", "=1+1;")):
        listed = roster(text)
        for line in table([row("104", 0), row("7", 0)], listed):
            assert not [one for one in line if one.lstrip()[:1] in tuple("=+-@\t\r")], line
    assert "nusta+llm@uni.example" in as_gradebook([], roster(MOODLE), {"intro": 4}, "en")


@pytest.mark.parametrize(
    ("folder", "n"),
    [
        ("García López, Ana", 1),
        ("Ana García López", 1),
        ("GARCIA LOPEZ ANA", 1),
        ("García López Ana_98_assignsubmission_file_", 1),
        ("garcialopezana_101_2202_intro", 1),
        ("garcialopezana_LATE_101_2202_intro", 1),
        ("S-1", 1),
        ("agarcia", 1),
        ("Smith, Ben", 2),
        ("Ben Smith", 2),
        ("smithben_102_33_intro", 1),
        ("Ana", 0),
        ("", 0),
    ],
)
def test_a_student_is_found_however_the_folder_is_called(roster, folder, n):
    assert len(roster(CANVAS).find(folder)) == n


def test_who_has_no_place_is_named_and_nobody_gets_anothers_marks(roster):
    listed = roster(CANVAS)
    rows = [row("Ben Smith", 4), row("Nobody", 4), row("101", 1), row("Ana García López", 3)]
    assert [line[-1] for line in table(rows, listed)[2:]] == ["3", "", "", "", ""]
    said = unplaced(rows, listed, "en")
    assert said[0].startswith("Could be any of 2 students")
    assert said[0].endswith("Ben Smith")
    assert said[1].startswith("Not in the roster")
    assert said[1].endswith("Nobody")
    assert "of which the best counts: 101/x.ipynb, Ana García López/x.ipynb" in said[2]
    assert "empty cell in the gradebook: Smith, Ben; Smith, Ben; =cmd" in said[3]
    assert len(unplaced(rows, listed, "es")) == 4
    assert unplaced(rows, listed, "es")[0] != said[0]


def test_moodle_gets_marks_and_feedback(roster):
    both = {"intro": 4, "tokens": 4}
    rows = [row("Ana García López_7_assignsubmission_file_", 3), row("8", 4, "tokens")]
    rows.append(Row("8", "8/y.ipynb", None, Told("empty"), 1, "intro"))
    head, ana, nusta = table(rows, roster(MOODLE), both, "es")
    assert head[:4] == ["Nombre", "Apellido(s)", "Número de ID", "Dirección de correo"]
    assert head[4:] == ["intro", "intro (comentarios)", "tokens", "tokens (comentarios)"]
    assert ana[:5] == ["Ana", "García López", "7", "ana@uni.example", "3"]
    assert ana[5].startswith("count_next: bien; most_likely: bien;")
    assert "Not yet: <b> Hint: '=1" in ana[5]
    assert ana[6:] == ["", ""]
    assert nusta[4:7] == ["0", "se esperaba un cuaderno y el archivo está vacío", "4"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", ",;\t")
def test_a_roster_may_come_from_any_spreadsheet(roster, encoding, separator):
    text = MOODLE.replace(";", separator).replace("Ñusta", "Ñusta")
    listed = roster(text, encoding)
    assert [one["Nombre"] for one in listed.rows] == ["Ana", "Ñusta"]
    assert not listed.canvas


@pytest.mark.parametrize(
    "text",
    ["", "Name,Mark\nAna,3", "Student,ID\n", "Student,Section\nAna,1", "ID number,ID number\n1,2"],
)
def test_what_is_no_roster_is_refused(roster, text):
    with pytest.raises(ValueError, match="expected"):
        roster(text)


class Reader(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.attrs = [], "", []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attrs += attrs

    def handle_data(self, data):
        self.text += data


def test_a_page_holds_all_that_is_said_and_nothing_of_a_students_runs():
    bad = "<script>alert(1)</script>"
    one = row(f"{bad}&\ud800", 2)
    one.marks[3] = Mark("x", "intro", "best_look_back", False, f'{bad} " \x1b[2J \ud800')
    read = Reader(as_page([one], "en"))
    assert "script" not in read.tags
    assert read.text.count(bad) == 3  # title, heading, message
    assert "intro: 2 of 4" in read.text
    assert read.text.count("✓ right") == read.text.count("○ not yet") == 2
    assert r"\x1b[2J \ud800" in read.text
    assert ("lang", "en") in read.attrs
    assert not [name for name, _ in read.attrs if name in ("src", "href", "onclick")]


def test_a_page_speaks_each_notebooks_language():
    spanish, english = row("eva", 4), row("eva", 1)
    spanish.notebook = Notebook((), (), "es")
    page = as_page([english, spanish, Row("eva", "z.ipynb", None, Told("no JSON"))], "en")
    assert '<html lang="en">' in page
    assert '<section lang="es">' in page
    assert "intro: 4 de 4" in page
    assert "file that is not JSON" in page


def test_command(tmp_path, capsys, monkeypatch):
    practice.speak("en")
    monkeypatch.setattr(
        marks, "_ask", lambda task, tasks, _: dict.fromkeys(tasks, ("Not yet: x", False))
    )
    for name in ("García López, Ana", "Nobody"):
        write_notebook(tmp_path / "in" / name / "intro.ipynb", *RIGHT)
    roster, out = tmp_path / "roster.csv", tmp_path / "marks.csv"
    roster.write_text(CANVAS, encoding="utf-8")
    options = ["--roster", str(roster), "--gradebook", str(out), "--html", str(tmp_path / "pages")]
    assert main([str(tmp_path / "in"), *options]) == 0
    assert b"\xef\xbb\xbf" not in out.read_bytes()
    got = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [line[-1] for line in got] == ["intro (4711)", "4", "0", "", "", "", ""]
    assert "so without a line in the gradebook: Nobody" in capsys.readouterr().err
    pages = sorted(path.name for path in (tmp_path / "pages").iterdir())
    assert pages == ["García_López_Ana.html", "Nobody.html"]
    for wrong in (options[:2], options[2:4], [*options[:2], "--gradebook", str(roster)]):
        with pytest.raises(SystemExit):
            main([str(tmp_path / "in"), *wrong])
        assert "roster" in capsys.readouterr().err
    assert roster.read_text(encoding="utf-8") == CANVAS


def test_a_large_class_is_not_written_anew_for_each_student(tmp_path, monkeypatch):
    from lessons_lib.classroom.marking import command

    monkeypatch.setattr(marks, "_ask", lambda task, tasks, _: dict.fromkeys(tasks, (None, False)))
    for i in range(30):
        write_notebook(tmp_path / "in" / f"{i}" / "intro.ipynb", IMPORT)
    times = iter(range(10**6))
    monkeypatch.setattr(command.time, "monotonic", lambda: float(next(times)))
    made = []
    monkeypatch.setattr(command, "as_csv", lambda rows, _, own: made.append(1) or "")
    main([str(tmp_path / "in"), "--csv", str(tmp_path / "m.csv")])
    assert 3 <= len(made) < 10
