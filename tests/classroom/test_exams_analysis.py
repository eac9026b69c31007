"""Item analysis: statistics that other packages compute too, tables as spreadsheets write them."""

import numpy as np
import pytest

from lessons_lib.base import language
from lessons_lib.classroom.exams import (
    analysis,
    answers,
    drawing,
    plan,
    report,
    results,
    sheets,
    students,
)
from lessons_lib.classroom.exams.__main__ import main
from lessons_lib.classroom.marking import gradebooks
from lessons_lib.classroom.questions import source
from tests.classroom.test_questions_export import read_html

# 40 students drawn with rng = default_rng(3); skill = rng.normal(size=(40, 1));
# rng.random((40, 6)) < 1 / (1 + exp(-(1.5 * skill - linspace(-1.5, 1.5, 6))))
POINTS = (
    "111110000000101110110000101000000101000000000100100000111111"
    "111101011000111000000000100000101000111100101100110110001001"
    "110001111111111100011000011000101100111111100000110000111110"
    "100010110100111001101100110100111101010000111010100000000000"
)
WHOLE = np.array(list(map(int, POINTS))).reshape(40, 6)
PARTS = np.array([[1, 2.5, 0], [3, 4, 1], [2, 2, 2], [5, 4.5, 3], [4, 5, 2]])
# pingouin 0.7.0: cronbach_alpha(data=DataFrame(WHOLE)), its Feldt interval; the same of PARTS
ALPHA, FELDT, ALPHA_OF_PARTS = 0.6658331537, (0.475, 0.804), 0.8836772983
# scipy: pointbiserialr(WHOLE[:, i], WHOLE.sum(1) - WHOLE[:, i]) for each i
RPB = [0.377479, 0.387169, 0.42702, 0.463784, 0.423815, 0.292904]


def table(points):
    """Return answers of a table of points, a row for each student."""
    n = len(points[0])
    most = [max(row[i] for row in points) or 1 for i in range(n)]
    return answers.Answers(
        tuple(
            answers.Response(f"s{s}", f"q{i}", float(row[i]), float(most[i]), f"q{i}")
            for s, row in enumerate(points)
            for i in range(n)
        )
    )


def test_statistics_by_hand():
    # Variances 1/3 and 1/3 of two equal columns, 4/3 of their sum: alpha is 2 (1 - 1/2) = 1.
    assert analysis.alpha([[0, 0], [1, 1], [1, 1], [0, 0]]) == pytest.approx(1)
    # Columns that have nothing in common: the variance of the sum is the sum of the variances.
    assert analysis.alpha([[0, 0], [0, 1], [1, 0], [1, 1]]) == pytest.approx(0)
    assert np.isnan(analysis.alpha([[0, 1], [1, 0]]))
    assert analysis.correlation([0, 1, 2], [5, 5, 5]) is None
    assert analysis.correlation([0, 1, 0, 1], [1, 3, 1, 3]) == pytest.approx(1)
    for points in ([[1, 2]], [[1], [2]], [1, 2]):
        with pytest.raises(ValueError, match="2 of each"):
            analysis.alpha(points)


def test_statistics_equal_those_of_other_packages():
    assert analysis.alpha(WHOLE) == pytest.approx(ALPHA, abs=1e-6)
    assert analysis.alpha(PARTS) == pytest.approx(ALPHA_OF_PARTS, abs=1e-6)
    found = analysis.analyse(table(WHOLE.tolist()))
    assert [one.discrimination for one in found.items] == pytest.approx(RPB, abs=1e-6)
    assert [one.difficulty for one in found.items] == pytest.approx(WHOLE.mean(0))
    value, low, high = found.reliability
    assert value == pytest.approx(ALPHA, abs=1e-6)
    # Another interval than Feldt's, which assumes normal scores: about as wide.
    assert low == pytest.approx(FELDT[0], abs=0.1)
    assert high == pytest.approx(FELDT[1], abs=0.1)
    assert found.whole
    assert not analysis.analyse(table(PARTS.tolist())).whole
    assert analysis.interval(WHOLE) == analysis.interval(WHOLE)


def test_alpha_changes_neither_with_a_shift_nor_with_the_order():
    moved = WHOLE[::-1, [2, 0, 1, 5, 4, 3]] + np.arange(6)
    assert analysis.alpha(moved) == pytest.approx(analysis.alpha(WHOLE))
    assert analysis.alpha(7 * WHOLE) == pytest.approx(analysis.alpha(WHOLE))


@pytest.fixture(scope="module")
def filled():
    """The marking sheet of a class of 60."""
    chosen = plan.Plan(("attention",), 15, kinds=("choice", "numeric", "fault"))
    questions = drawing.pool(chosen)
    slots = drawing.blueprint(chosen, 3, questions)
    exams = [
        drawing.draw_exam(one, slots, questions, 3, "es") for one in students.read_students("60")
    ]
    return sheets.marking_sheet(exams, "es")


def fill(sheet, encoding="utf-8-sig"):
    """Answer a marking sheet: students 31 to 60 know it all, 1 to 30 miss the upper levels."""
    head, *rows = (line.split(";") for line in sheet.decode("utf-8-sig").split("\r\n") if line)
    for row in rows:
        upper = row[5] in ("apply", "analyse") and int(row[0]) <= 30
        row[10] = row[9] if not upper else {"numeric": "99,5"}.get(row[6], "a, b")
    return "\r\n".join(";".join(row) for row in [head, *rows]).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_marking_sheet_comes_back_from_a_spreadsheet(filled, encoding, tmp_path):
    text = fill(filled).decode("utf-8-sig").replace("\u00a0", " ")
    path = tmp_path / "marking.csv"
    path.write_bytes(text.encode(encoding, "replace"))
    given = answers.read_answers(path)
    assert given.language == "es"
    for one in given.responses:
        if int(one.student) > 30:
            assert one.score == one.points, one
    upper = [one for one in given.responses if one.answer in ("a, b", "99,5")]
    assert upper
    assert not any(one.score for one in upper)


def test_the_report_names_what_is_to_be_mended(filled, tmp_path, capsys):
    path = tmp_path / "marking.csv"
    path.write_bytes(fill(filled))
    assert main(["analyse", str(path), "--out", str(tmp_path / "out")]) == 0
    names = [f"{what}-es.{end}" for what, end in (("analysis", "html"), ("items", "csv"))]
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [
        names[0],
        "answers-es.csv",
        names[1],
        "points-es.csv",
    ]
    page = read_html((tmp_path / "out" / names[0]).read_text(encoding="utf-8"))
    assert "60 estudiantes" in page.text
    assert "Fiabilidad (KR-20" in page.text
    assert "Casi todos aciertan" in page.text
    assert "Nadie elige" in page.text
    assert "svg" in page.tags
    assert "script" not in page.tags
    assert language.chosen() == "en"
    again = tmp_path / "again"
    main(["analyse", str(path), "--language", "en", "--out", str(again)])
    main(["analyse", str(path), "--language", "en", "--out", str(tmp_path / "more")])
    text = (again / "analysis-en.html").read_text(encoding="utf-8")
    assert "Nearly all get it right" in text
    for one in again.iterdir():
        assert one.read_bytes() == (tmp_path / "more" / one.name).read_bytes()
    assert "analysis-en.html" in capsys.readouterr().out


LIST = "First name,Last name,Email address,ID number\n{}"
WHO = ("ana@uni.example", "Ben Kim", "eva@uni.example", "nobody", "none@uni.example")


@pytest.fixture
def points(tmp_path):
    """A marked table of points of `WHO`, whose last one has answered nothing."""
    path = tmp_path / "points.csv"
    rows = [f"{one},{i + 1.5 if i < 4 else 0},{0 if i == 4 else 2}" for i, one in enumerate(WHO)]
    path.write_text("\n".join(["student,q1,q2", *rows]), encoding="utf-8")
    return path


def test_each_student_has_a_row_of_points(points, filled, tmp_path):
    out = tmp_path / "out"
    main(["analyse", str(points), "--out", str(out)])
    head, *rows = (out / "points-en.csv").read_text(encoding="utf-8-sig").split()
    assert head == "student,name,points,of,share"
    assert rows[0] == "ana@uni.example,,3.5,6.5,0.538"
    assert rows[-1] == "none@uni.example,,0,6.5,0"
    (tmp_path / "filled.csv").write_bytes(fill(filled).replace(b"\n002;;", b"\n002;Eva P;"))
    main(["analyse", str(tmp_path / "filled.csv"), "--out", str(out)])
    head, *rows = (out / "points-es.csv").read_text(encoding="utf-8-sig").splitlines()
    assert head == "estudiante;nombre;puntos;de;parte"
    assert rows[1].startswith("002;Eva P;")
    assert rows[59] == "060;;30;30;1"


@pytest.mark.parametrize("order", [1, -1])
def test_points_go_to_the_gradebook_of_moodle_and_nobody_gets_anothers(
    order, points, tmp_path, capsys
):
    people = ["Ana,Ruiz,ana@uni.example,", "Ben,Kim,b@uni.example,", "Eva,Paz,eva@uni.example,",
              "No,Show,none@uni.example,9", "Ben,Other,o@uni.example,"]  # fmt: skip
    (tmp_path / "list.csv").write_text(LIST.format("\n".join(people[::order])), encoding="utf-8")
    book = tmp_path / "import.csv"
    words = ["--roster", str(tmp_path / "list.csv"), "--gradebook", str(book), "--column", "=T1"]
    main(["analyse", str(points), "--out", str(tmp_path / "out"), *words])
    head, *rows = book.read_text(encoding="utf-8").splitlines()
    assert head == "First name,Last name,Email address,ID number,'=T1"
    got = {row.split(",")[2].partition("@")[0]: row.rpartition(",")[2] for row in rows}
    assert got == {"ana": "3.5", "b": "4.5", "eva": "5.5", "none": "", "o": ""}
    said = capsys.readouterr().err
    assert "Not in the list: nobody" in said
    assert all(name in said.splitlines()[-1] for name in ("No Show", "Ben Other"))


def test_points_go_to_the_gradebook_of_canvas(points, tmp_path, capsys):
    text = "Student,ID,SIS Login ID,Section,Exam (31),Exam final (32)\n    Points Possible,,,,6,9\n"
    text += '"Ruiz, Ana",1,ana@uni.example,A,,\n"Kim, Ben",2,ben,A,,\n"Kim, Ben",3,ben2,B,,\n'
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    book = tmp_path / "import.csv"
    words = ["--roster", str(tmp_path / "list.csv"), "--gradebook", str(book)]
    main(["analyse", str(points), "--out", str(tmp_path / "out"), *words])
    assert book.read_text(encoding="utf-8").splitlines() == [
        "Student,ID,SIS Login ID,Section,Exam (31)",
        "    Points Possible,,,,6.5",
        '"Ruiz, Ana",1,ana@uni.example,A,3.5',
        '"Kim, Ben",2,ben,A,',
        '"Kim, Ben",3,ben2,B,',
    ]
    assert "Could be several in the list, or stands for one who has marks: Ben Kim" in (
        capsys.readouterr().err
    )
    with pytest.raises(ValueError, match="--roster and --gradebook together"):
        main(["analyse", str(points), "--out", str(tmp_path / "out"), "--roster", "list.csv"])
    with pytest.raises(ValueError, match="another file for the points"):
        main(["analyse", str(points), "--out", str(tmp_path / "out"), *words[:3], words[1]])


def test_nobody_of_a_list_has_the_points_of_two(tmp_path):
    (tmp_path / "list.csv").write_text(LIST.format("Ana,Ruiz,ana@uni.example,"), encoding="utf-8")
    roster = gradebooks.read_roster(tmp_path / "list.csv")
    both = [
        results.Result(one, "", 1.0 + i, 4.0, False) for i, one in enumerate((WHO[0], "Ana Ruiz"))
    ]
    text, said = results.gradebook(both, roster, "Exam", "es")
    assert text.splitlines()[1] == "Ana,Ruiz,ana@uni.example,,1"
    assert said == ["Podría ser más de una persona de la lista, o una que ya tiene nota: Ana Ruiz"]


def respond(question, shares, letters, draw=0):
    """Return responses to one question, given the rest of the students' points."""
    return [
        answers.Response(f"s{i}", question, float(score), 1.0, "1", draw, "choice", letter)
        for i, (score, letter) in enumerate(zip(shares, letters, strict=True))
    ]


def findings(shares, letters="", question="q"):
    letters = letters or "x" * len(shares)
    given = respond(question, shares, letters)
    rest = [i / len(shares) for i in range(len(shares))]
    return dict(analysis._item(question, given, rest, "en").findings)


def test_each_thing_to_mend_is_found_and_only_then():
    half = [0] * 12 + [1] * 12
    assert findings(half, "b" * 12 + "a" * 12) == {}
    assert set(findings(half[::-1], "a" * 12 + "b" * 12)) == {"negative", "trap"}
    assert set(findings([0] + [1] * 23, "b" + "a" * 23)) == {"easy"}
    assert set(findings([0] * 22 + [1] * 2, "b" * 22 + "aa")) == {"hard", "trap"}
    assert set(findings([0, 1] * 12, "ba" * 12)) == {"weak"}
    assert findings([0, 1, 1]) == {"few": "3"}
    bank = next(one for one in source.load("attention").questions if one.kind == "choice")
    wrong = [one.text["en"] for one in bank.options if not one.right]
    found = findings(half, "b" * 12 + "a" * 12, f"attention/{bank.id}")
    assert found["unused"] in wrong
    assert all(
        report.sentences(analysis.Item("q", 3, 0, 0, (), (one,)), "es") for one in found.items()
    )


def test_letters_stand_for_the_option_that_was_drawn():
    bank = next(one for one in source.load("attention").questions if one.kind == "choice")
    right = next(one.text["en"] for one in bank.options if one.right)
    given = []
    for i in range(20):
        drawn = drawing.draw(bank, i, "en")
        letter = "ABCDE"[[one.right for one in drawn.choices].index(True)]
        given += respond(f"attention/{bank.id}", [1], [f" {letter}) "], i)
    options = analysis._item(given[0].question, given, list(range(20)), "en").options
    assert (options[0].text, options[0].right, options[0].n) == (right, True, 20)
    assert [one.n for one in options[1:]] == [0] * (len(bank.options) - 1)


def test_tables_of_points_are_read(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("alumno;P1;P2;P3\nAna;1;0,5;2\nLuis;0;1,5;\nEva;1;1;1\n", encoding="cp1252")
    found = analysis.analyse(answers.read_answers(path))
    assert [one.question for one in found.items] == ["p1", "p2", "p3"]
    assert [one.difficulty for one in found.items] == pytest.approx([2 / 3, 2 / 3, 0.5])
    assert found.places == 3
    path.write_text("student,question,score\na,q,2\nb,q,1\n", encoding="utf-8")
    assert [one.points for one in answers.read_answers(path).responses] == [2, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("student,question,answer\na,q,x\nb,q,y\n", "row 2: expected points for the answer 'x'"),
        ("student,question\na,q\nb,q\n", "expected a column answer"),
        ("question,score\nq,1\nq,0\n", "expected a column student"),
        ("pregunta;nota\nq;1\nq;0\n", "expected a column estudiante"),
        ("student,question,score\na,q,1\nb,q,good\n", "row 3: expected a number, got 'good'"),
        ("student,question,points,score\na,q,1,2\nb,q,1,1\n", "row 2: expected 0 to 1 points"),
        ("student,question,score\na,q,-1\nb,q,1\n", "expected 0 to 1 points, got -1"),
        ("student,question,score\na,q,nan\nb,q,1\n", "expected a number"),
        ("student,question,score\na,q,1\na,p,1\n", "at least 2 students, got 1"),
        ("student,question,score\na,q,1\na,q,1\n", "one row for a and q, got 2"),
        ("student,question,score\na,,1\nb,q,1\n", "expected a student and a question"),
        ("student,q1,q2\na,1,x\nb,0,1\n", "row 2, q2: expected a number"),
        ("student,q1,q2\na,1,-1\nb,0,1\n", "at least 0, got less for q2"),
        ("student,q1\na,1\nb,0\n", "expected a column question, or a student"),
        ("student,q1,q1\na,1,1\nb,0,1\n", "each column once"),
        ("student,q1,q2\n", "a head and rows"),
    ],
)
def test_tables_that_cannot_be_read_are_refused(text, said, tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        answers.read_answers(path)


def test_what_does_not_vary_has_no_statistics_but_a_report():
    same = analysis.analyse(table([[1, 0, 1]] * 12))
    assert same.reliability is None
    assert all(one.discrimination is None for one in same.items)
    assert "all students have the same total" in report.report(same, "en")
    apart = answers.Answers(
        tuple(answers.Response(f"s{i}", f"q{3 * i + j}", j % 2) for i in range(6) for j in range(3))
    )
    assert "students answered different questions" in report.report(analysis.analyse(apart), "en")
    one = answers.Answers(tuple(answers.Response(f"s{i}", "q", i % 2) for i in range(6)))
    assert analysis.analyse(one).reliability is None


def test_answers_are_compared_as_people_write_them():
    for kind, expected, answer, lang, right in (
        ("choice", "b", " B) ", "en", True),
        ("choice", "b", "a", "en", False),
        ("order", "c, a, b", "c a b", "es", True),
        ("order", "c, a, b", "a, b, c", "es", False),
        ("shape", "(2, 3)", "[2,3]", "en", True),
        ("shape", "(2, 3)", "(3, 2)", "en", False),
        ("numeric", "12,345", "12345", "en", True),
        ("numeric", "0.25", "0.254", "en", True),
        ("numeric", "0.25", "0.26", "en", False),
        ("numeric", "0,25", ".25", "es", True),
        ("numeric", "12\u00a0345", "12 345", "es", True),
        ("numeric", "12345", "12345.4", "en", False),
        ("numeric", "7", "seven", "en", False),
        ("", "Yes", " yes", "en", True),
    ):
        assert answers.is_right(kind, expected, answer, lang) is right, (kind, expected, answer)
