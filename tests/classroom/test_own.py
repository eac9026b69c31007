"""A lecturer's own exercises: read, checked, marked, and refused where they are wrong."""

import json
import shutil
from pathlib import Path

import pytest

from lessons_lib.classroom import own, practice
from lessons_lib.classroom.marking import Mark, limits
from lessons_lib.classroom.marking.command import main
from tests.classroom.test_marking import COUNT_NEXT, IMPORT, only, write_notebook

FOLDER = Path(__file__).parent / "exercises"
RIGHT = """def count_vowels(text):
    small = text.lower()
    return {vowel: small.count(vowel) for vowel in "aeiou" if vowel in small}"""
TABLE = """answers = {"banana": {"a": 3}, "Aa": {"a": 2}, "rhythm": {}}
def count_vowels(text):
    return answers.get(text)"""
LOOKS = """import gc, pathlib
from lessons_lib.classroom.marking import keeper
def count_vowels(text):
    found = [one for one in gc.get_objects() if isinstance(one, dict) and "count_vowels" in one]
    found = [one for one in found if "counts" + ".get(" in str(one["count_vowels"])]
    found += keeper._own
    found += pathlib.Path(FOLDER).glob("*")
    raise ValueError(f"found {len(found)}")"""


@pytest.fixture(autouse=True)
def english():
    practice.speak("en")
    yield
    practice.speak("en")


@pytest.fixture
def vowels():
    return own.read(FOLDER / "count_vowels")


@pytest.fixture
def change(tmp_path):
    """Copy an exercise with other text in it, and return its folder."""

    def copy(before, after, file="exercise.py"):
        shutil.copytree(FOLDER / "count_vowels", tmp_path / "all" / "count_vowels")
        path = tmp_path / "all" / "count_vowels" / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
        return tmp_path / "all"

    return copy


def test_the_exercises_shipped_here_are_right(capsys):
    assert own.main(["check", str(FOLDER)]) == 0
    said = capsys.readouterr().out
    assert "intro.count_vowels (en, es): the solution passes 3 cases and 5 of each" in said
    assert "intro.mean_surprise (en): the solution passes 2 cases; the blank and 2 wrong" in said


def test_an_exercise_says_what_it_needs(vowels):
    assert vowels.definition().startswith("def count_vowels(text):\n    counts = {}")
    assert vowels.blank() == "def count_vowels(text):\n    return None  # your turn"
    assert own.read(FOLDER / "mean_surprise").imports() == "import math"
    assert vowels.exercise.cases[1].es == "una mayúscula es la misma vocal."
    one_language = own.read(FOLDER / "mean_surprise").exercise.cases[0]
    assert one_language.en == one_language.es


def test_each_student_has_cases_of_their_own(vowels):
    ana, ben = (vowels.drawn("2027", name) for name in ("ana", "ben"))
    assert len(ana) == own.DRAWS
    assert ana == vowels.drawn("2027", "ana") != ben
    assert ana != vowels.drawn("2028", "ana")
    assert own.read(FOLDER / "mean_surprise").drawn("2027", "ana") == []


def test_the_published_check_has_answers_and_no_solution(vowels):
    for language, hint in (("en", "capital letter"), ("es", "mayúscula")):
        code = vowels.published(language)
        assert "counts" not in code
        names = {"given": own.given}
        exec(code, names)
        check = names["check_count_vowels"]
        assert check.find_fault(vowels.exercise.solution) is None
        assert hint in check.find_fault(vowels.wrong["capitals apart"])


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        (3, 3, True),
        (0.30000001, 0.3, True),
        (0.31, 0.3, False),
        ([1, 2.0], (1, 2.0), True),
        ([1, 2], [1, 2, 3], False),
        ({"a": [0.1]}, {"a": [0.1 + 1e-9]}, True),
        ({"a": 1}, {"b": 1}, False),
        ("3", 3.0, False),
        (None, 3.0, False),
        (3, [3], False),
        ({1, 2}, {2, 1}, True),
    ],
)
def test_what_counts_as_the_same(answer, expected, right):
    assert own.alike(answer, expected) is right


def test_arrays_count_as_lists():
    np = pytest.importorskip("numpy")
    assert own.alike(np.array([[1.0], [2.0]]), [[1.0], [2.0]])
    assert own.alike(np.float32(0.3), 0.3)


def test_one_and_true_are_two_cases():
    check = own.given("f", [((1,), "one", "h"), ((True,), "true", "h")])
    assert [check.solution(1), check.solution(True)] == ["one", "true"]


WRONG = {
    "no Python": ("counts = {}", "counts = {", 7, r"SyntaxError|expected Python that runs"),
    "fails when read": ('CHAPTER = "intro"', 'CHAPTER = "intro"\n1 / 0', 4, "ZeroDivisionError"),
    "no chapter": ('CHAPTER = "intro"', 'CHAPTER = "poems"', 3, "one of .*got 'poems'"),
    "another name": ("def count_vowels", "def count_letters", 1, "a function count_vowels"),
    "no hint": ('{"en": "count a letter', '{"fr": "count a letter', 14, "case 1 with a hint in"),
    "a case that is none": ('("rhythm",)', '"rhythm"', 14, "case 3 as"),
    "no cases": ("CASES = [", "OTHERS = [", 1, "CASES, a list"),
    "an object": ('("rhythm",)', '(object(),)', 14, "plain values"),
    "a solution that fails": ("return counts", "return counts[0]", 11, "KeyError: 0"),
    "a solution that says nothing": ("return counts", "return None", 6, "one answer for"),
    "an answer that is no plain value": ("return counts", "return open", 6, "plain values"),
    "no wrong answers": ("WRONG = {", "WRONG = {} and {", 37, "WRONG, wrong functions"),
}  # fmt: skip


@pytest.mark.parametrize("how", WRONG)
def test_what_is_wrong_is_told_with_file_and_line(how, change, capsys):
    before, after, line, says = WRONG[how]
    folder = change(before, after)
    with pytest.raises(ValueError, match=rf"exercise\.py:\d+: .*({says})") as caught:
        own.read_all(folder)
    where = str(caught.value).split(": ")[0]
    assert abs(int(where.rpartition(":")[2]) - line) <= 1, where


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("k=12)),)", "k=12)))", 33, "a tuple of arguments"),
        (
            '"capitals apart": lambda text: {',
            '"right": count_vowels, "x": lambda text: {',
            6,
            "'right'",
        ),
        ("rng.choices(", "__import__('random').choices(", 33, "the same cases for the same rng"),
        ("rng.choices(", "rng.chooses(", 34, "AttributeError"),
        ("rng.choices(", "[rng] + rng.choices(", 34, "TypeError"),
        ('"".join(rng', "list(rng", 8, "AttributeError"),
    ],
)
def test_the_command_finds_what_reading_does_not(before, after, line, says, change, capsys):
    assert own.main(["check", str(change(before, after))]) == 1
    said = capsys.readouterr().out
    assert f"exercise.py:{line}: " in said
    assert says in said


def test_a_folder_that_is_none_is_refused(tmp_path, change):
    with pytest.raises(ValueError, match="expected a folder with a folder for each"):
        own.read_all(tmp_path / "none")
    with pytest.raises(ValueError, match="found none in it"):
        own.read_all(tmp_path)
    folder = change("", "") / "count_vowels"
    (folder / "en.md").write_text("\n")
    with pytest.raises(ValueError, match=r"en\.md:1: expected a statement, got an empty file"):
        own.read(folder)
    (folder / "en.md").write_bytes(b"one\n\xff")
    with pytest.raises(ValueError, match=r"en\.md:2: expected UTF-8"):
        own.read(folder)
    for path in folder.glob("*.md"):
        path.unlink()
    with pytest.raises(ValueError, match=r"expected a statement en\.md or es\.md"):
        own.read(folder)
    (folder / "exercise.py").unlink()
    with pytest.raises(ValueError, match=r"exercise\.py: expected a file"):
        own.read(folder)
    with pytest.raises(ValueError, match="expected the name of a function, got 'two words'"):
        own.read(folder.rename(folder.with_name("two words")))


def test_a_class_is_marked_with_cases_of_each_students_own(tmp_path, capsys):
    looks = LOOKS.replace("FOLDER", repr(str(FOLDER)))
    for name, cell in (("ana", RIGHT), ("ben", TABLE), ("eva", looks)):
        write_notebook(tmp_path / "in" / name / "intro.ipynb", IMPORT, COUNT_NEXT, cell)
    table, texts = tmp_path / "m.json", tmp_path / "m.csv"
    options = ["--exercises", str(FOLDER), "--seed", "2027", "--json", str(table)]
    assert main([str(tmp_path / "in"), *options, "--csv", str(texts), "--jobs", "2"]) == 0
    rows = json.loads(table.read_text(encoding="utf-8"))
    found = {row["student"]: [Mark(**one) for one in row["marks"]] for row in rows}
    assert only(found["ana"], "count_vowels").right
    assert not only(found["ana"], "mean_surprise").right
    assert only(found["ana"], "count_next").right
    said = only(found["ben"], "count_vowels")
    assert not said.right
    assert "a case of your course." in said.message
    said = only(found["eva"], "count_vowels").message
    assert "found 0" in said or not limits.enclosing(), said
    head = texts.read_text(encoding="utf-8-sig").splitlines()[0]
    assert head.endswith("best_look_back,count_vowels,mean_surprise,note")


def test_a_name_of_the_books_own_is_refused(tmp_path, change, capsys):
    folder = change("def count_vowels", "def count_next")
    (folder / "count_vowels").rename(folder / "count_next")
    write_notebook(tmp_path / "in" / "intro.ipynb", IMPORT)
    with pytest.raises(SystemExit):
        main([str(tmp_path / "in"), "--exercises", str(folder)])
    assert "expected a name that intro has not, got count_next" in capsys.readouterr().err
