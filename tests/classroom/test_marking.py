"""Marks of students' notebooks: right and wrong answers, and what must not count as an answer."""

import json
import os
import pickle
import re
import subprocess
import sys
from array import array
from collections import UserDict, UserList
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from lessons_lib.classroom import own, practice
from lessons_lib.classroom.marking import Mark, limits, load_cases, mark
from lessons_lib.classroom.marking.command import main
from lessons_lib.classroom.marking.needs import last_definition, needed, statements
from lessons_lib.classroom.marking.values import pack, pack_arguments, unpack, unpack_arguments
from lessons_lib.classroom.practice import intro
from lessons_lib.classroom.practice.intro import check_count_next
from tests.classroom.test_practice import EXERCISES
from tests.wrong_answers.intro import WRONG
from tools import house, teaching

IMPORT = "from lessons_lib.classroom.practice.intro import check_count_next, check_most_likely"
COUNT_NEXT = """def count_next(text, context):
    places = range(len(text) - len(context))
    after = [text[i + len(context)] for i in places if text.startswith(context, i)]
    return {letter: after.count(letter) for letter in after}"""
MOST_LIKELY = """def most_likely(counts):
    return sorted(counts, key=lambda letter: (-counts[letter], letter))[0]"""
SURPRISE = """def surprise(probs, character):
    return -math.log2(probs[character]) if probs.get(character) else math.inf"""
BEST_LOOK_BACK = """from lessons_lib.intro import next_char_probs
def best_look_back(text, new, lengths):
    def bits(length):
        all_probs = [next_char_probs(text, new[:i], length) for i in range(len(new))]
        chances = [max(probs.get(c, 0), 0.001) for c, probs in zip(new, all_probs)]
        return sum(-math.log2(p) for p in chances)
    return min(sorted(lengths), key=bits)"""
RIGHT = [IMPORT, "import math", COUNT_NEXT, MOST_LIKELY, SURPRISE, BEST_LOOK_BACK]
ASKED = ["count_next", "most_likely", "surprise", "best_look_back"]


@pytest.fixture(autouse=True)
def english():
    practice.speak("en")
    yield
    practice.speak("en")


def write_notebook(path, *sources):
    """Write code cells as a notebook, and return its path."""
    cells = [{"cell_type": "code", "metadata": {}, "source": [source]} for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 0, "cells": cells}))
    return path


@pytest.fixture
def notebook(tmp_path):
    return lambda *sources, name="ana.ipynb": write_notebook(tmp_path / name, *sources)


def mark_class(folder, *options):
    """Run the command on a folder of students; return the marks of each."""
    table = folder.parent / f"{folder.name}.json"
    main([str(folder), "--json", str(table), "--jobs", "2", *options])
    rows = json.loads(table.read_text(encoding="utf-8"))
    return {row["student"]: [Mark(**one) for one in row["marks"]] for row in rows}


def only(marks, exercise):
    return next(mark for mark in marks if mark.exercise == exercise)


def test_a_right_notebook_gets_all_marks(notebook):
    path = notebook(*RIGHT)
    assert mark(path) == [Mark(str(path), "intro", name, True, "") for name in ASKED]


def test_all_that_is_asked_is_marked():
    exercises = teaching.read_chapter(house.ROOT / "book" / "en" / "intro.ipynb").exercises
    assert [exercise.function for exercise in exercises] == ASKED


@pytest.mark.parametrize("slug", ["tokens", "attention", "gguf"])
def test_the_solutions_of_a_chapter_get_all_marks_only_from_the_student(slug, tmp_path):
    book = house.ROOT / "book" / "en" / f"{slug}.ipynb"
    nb = house.read_notebook(book)
    assert not any(one.right for one in mark(book)), "the book's own solutions count"
    for cell in nb.cells:  # the student writes what the solution says into a cell without a name
        if cell.id.startswith("solution-"):
            cell.id, cell.metadata = f"mine-{cell.id[-1]}", {}
    house.write_notebook(tmp_path / "ana.ipynb", nb)
    marks = mark(tmp_path / "ana.ipynb")
    assert [one.exercise for one in marks] == [
        exercise.function for exercise in teaching.read_chapter(book).exercises
    ]
    assert all(one.right for one in marks), [one.message for one in marks]


def test_wrong_answers_get_no_mark(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "enclosing", tuple)  # in namespaces, they could not be imported
    module = "lessons_lib.classroom.practice.intro"  # they use it
    visible = f"WRONG = __import__('sys').modules.pop({module!r})"
    chosen = {}
    for turn in map(str, range(max(map(len, WRONG.values())))):
        chosen[turn] = {check: list(some)[int(turn) % len(some)] for check, some in WRONG.items()}
        take = [
            f"{check.removeprefix('check_')} = WRONG[{check!r}][{wrong!r}]"
            for check, wrong in chosen[turn].items()
        ]
        imported = "from tests.wrong_answers.intro import WRONG"
        path = tmp_path / "class" / turn / "intro.ipynb"
        write_notebook(path, IMPORT, visible, imported, *take)
    for turn, marks in mark_class(tmp_path / "class").items():
        assert len(marks) == len(ASKED)
        for one in marks:
            check = f"check_{one.exercise}"
            assert not one.right
            wrong = WRONG[check][chosen[turn][check]]
            assert one.message == getattr(intro, check).find_fault(wrong)


CHEATS = {
    "prints what the check prints": 'print("Right: 8 of 8 cases agree.")\n'
    "def count_next(text, context):\n"
    '    print("Right: 8 of 8 cases agree.")\n    return {}',
    "another check": "class check_count_next:\n    find_fault = lambda *_: None\n"
    "def count_next(text, context):\n    return {}",
    "another comparison": "from lessons_lib.classroom import practice\n"
    "def count_next(text, context):\n"
    "    practice.Exercise.find_fault = lambda *_: None\n"
    "    practice.operator.eq = lambda *_: True\n    return {}",
    "equal to everything": "def count_next(text, context):\n"
    "    class Same(dict):\n        __eq__ = lambda *_: True\n    return Same()",
    "equal to everything, and no dictionary": "def count_next(text, context):\n"
    "    class Same:\n        __eq__ = lambda *_: True\n    return Same()",
    "writes to all files that are open": "def count_next(text, context):\n    import os\n"
    "    for handle in range(1, 20):\n        try:\n"
    '            os.write(handle, b\'["right", true]\\n["answer"]\\n[[\\n{}\\n\')\n'
    "        except OSError:\n            pass\n    return {}",
    "ends the process": "def count_next(text, context):\n    import os\n    os._exit(0)",
    "exits": "def count_next(text, context):\n    exit()",
    "larger than any float": "def count_next(text, context):\n    return 10**9999",
    "another name": "def count_nothing(text, context):\n    return {}",
    "not Python": "def count_next(text, context)\n    return {}",
    "no function": "count_next = 3",
    "the solution": "count_next = check_count_next.solution",
    "the solution by another path": "import lessons_lib.classroom.practice.intro as checks\n"
    "def count_next(text, context):\n    return checks._count_next(text, context)",
    "the solution from the package": "from lessons_lib.classroom.practice import intro\n"
    "count_next = intro.check_count_next.solution",
    "the check": "count_next = check_count_next",
    "a terminal's commands": 'def count_next(text, context):\n    raise ValueError("\\x1b[2J")',
    "half a character": 'def count_next(text, context):\n    raise ValueError("\\ud800")',
}


@pytest.fixture(scope="module")
def cheats(tmp_path_factory):
    """Mark all of them in one run, as a class."""
    folder = tmp_path_factory.mktemp("cheats")
    for how, cell in CHEATS.items():
        write_notebook(folder / how / "intro.ipynb", IMPORT, cell, MOST_LIKELY)
    return mark_class(folder)


@pytest.mark.parametrize("how", CHEATS)
def test_what_is_no_answer_gets_no_mark(how, cheats):
    found = only(cheats[how], "count_next")
    assert not found.right
    assert found.message.startswith("Not yet: ")
    assert found.message.replace("\n", "").isprintable()
    assert only(cheats[how], "most_likely").right, "one exercise must not touch the others"


def test_the_imports_of_checks_do_no_harm(notebook):
    inside = COUNT_NEXT.replace(":\n", f":\n    {IMPORT}\n    display(check_count_next)\n", 1)
    module = "lessons_lib.classroom.practice.intro"
    star = f"from {module} import *\nimport {module} as checks"
    assert only(mark(notebook(star, inside)), "count_next").right


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit memory")
def test_memory_has_a_limit(notebook):
    large = COUNT_NEXT.replace(":\n", ":\n    bytes(5 * 10**9)\n", 1)
    assert "an error (MemoryError" in only(mark(notebook(IMPORT, large)), "count_next").message


NOT_PYTHON = [
    "def other(a, a): pass",
    "def other():\n    x = 1\n    global x",
    "nonlocal x",
    "x = '\0'",
    "x = '\ud800'",
    "x = " + "-" * 100_000 + "1",
    "def count_next(text, context)\n    return {}",
]


def test_cells_that_are_not_python_are_left_out(notebook):
    assert only(mark(notebook(IMPORT, *NOT_PYTHON, COUNT_NEXT)), "count_next").right


def number_needed(cells, name="count_next"):
    found, errors = statements(cells)
    last_definition(name, cells, found, errors)
    return len(needed(name, found))


@pytest.mark.parametrize("cell", NOT_PYTHON, ids=range(len(NOT_PYTHON)))
def test_the_answers_own_cell_must_be_python(cell):
    assert number_needed([cell, COUNT_NEXT]) == 1
    with pytest.raises((SyntaxError, ValueError, RecursionError, MemoryError)):
        number_needed([COUNT_NEXT, f"{COUNT_NEXT}\n{cell}"])


@pytest.mark.parametrize("line", ["count_next?", "check.find_fault??", "?x", "a, b = !ls", "%cd"])
def test_a_line_for_ipython_is_passed_over(line):
    assert number_needed([f"{COUNT_NEXT}\n# Right?\n{line}\n\n"]) == 1


VALUE = "model = train()\ncount_next = model('ab')"


@pytest.mark.parametrize(
    ("cells", "n"),
    [
        ([VALUE, COUNT_NEXT], 1),
        ([VALUE, "count_next.table[3] = 5", COUNT_NEXT], 1),
        ([VALUE, "wrong = count_next", COUNT_NEXT], 1),
        ([COUNT_NEXT, COUNT_NEXT], 1),
        ([VALUE, "old = count_next", "def count_next(text):\n    return old[text]"], 4),
        ([VALUE, "@count_next\ndef count_next(text):\n    return text"], 3),
        ([VALUE, "def count_next(text, old=count_next):\n    return old[text]"], 3),
        ([COUNT_NEXT, "count_next = remember(count_next)"], 2),
        ([VALUE, "if True:\n    def count_next(text):\n        return text"], 3),
    ],
)
def test_what_had_the_name_before_counts_where_it_was_seen(cells, n):
    assert number_needed(cells) == n


@pytest.mark.parametrize("path", house.notebooks(house.ROOT), ids=lambda path: path.stem)
def test_little_of_a_chapter_is_needed(path):
    """The book's own solutions need helpers and imports, not a chapter's minutes of training."""
    nb = house.read_notebook(path)
    cells = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    found, _ = statements(cells)
    for cell in nb.cells:
        if cell.id.startswith("solution-"):
            name = re.search(r"^check_(\w+)\(", cell.source, re.MULTILINE)[1]
            assert len(needed(name, found)) < 15, name


def test_a_table_may_be_filled_above_the_function(notebook):
    fill = """skip = []
skip.append(0)
first = {}
for key in "a":
    match key:
        case "a":
            first[key] = [0]
first.setdefault("b", []).append(0)"""
    unused = """import math
def wait():
    first = []
    first.append(endless)
math.sqrt(wait())
while endless:
    later.append(0)"""
    answer = COUNT_NEXT.replace(":\n", ":\n    assert skip == first['a'] == first['b'], math\n", 1)
    marks = mark(notebook(IMPORT, fill, unused, "for endless in iter(int, 1): pass", answer))
    assert only(marks, "count_next").right, only(marks, "count_next").message


def test_what_a_notebook_allows_is_allowed(notebook):
    answer = COUNT_NEXT.replace("context):", "context: Text):\n    global n\n    n += 1", 1)
    cells = "from __future__ import annotations", "n = 0", f"%%time\nawait n\n{answer}"
    marks = mark(notebook(IMPORT, *cells))
    assert only(marks, "count_next").right, only(marks, "count_next").message


def test_an_endless_loop_is_cut_and_the_rest_is_marked(notebook):
    endless = "def count_next(text, context):\n    while True:\n        pass"
    marks = mark(notebook(IMPORT, endless, MOST_LIKELY), seconds=3)
    assert "but no answer came within 3 s" in only(marks, "count_next").message
    assert only(marks, "most_likely").right


def test_only_what_the_function_needs_is_run(notebook):
    marks = mark(
        notebook(
            IMPORT,
            "for letter in iter(int, 1):\n    after = 1",  # local names of the function, for ever
            "%matplotlib inline\n!ls\nlimits = {}",
            "limits['low'] = 0.0",
            "from math import *",
            "def bits(p):\n    return -log2(p) if p > limits['low'] else inf",
            "raise SystemExit",
            COUNT_NEXT,
            SURPRISE.replace("math.inf", "bits(0)").replace("-math.log2", "bits"),
            "(",
        ),
        seconds=10,
    )
    assert [one.exercise for one in marks if one.right] == ["count_next", "surprise"]
    assert "expected a function, got None" in only(marks, "most_likely").message


def test_a_right_function_may_print(notebook):
    show = "import sys; print(text, '→', flush=True); assert sys.flags.utf8_mode"  # on Windows too
    loud = COUNT_NEXT.replace(":\n", f":\n    {show}\n", 1)
    assert only(mark(notebook(IMPORT, loud)), "count_next").right


def test_the_last_definition_counts(notebook):
    wrong = "def count_next(text, context):\n    return {}"
    assert only(mark(notebook(IMPORT, wrong, COUNT_NEXT)), "count_next").right
    assert not only(mark(notebook(IMPORT, COUNT_NEXT, wrong)), "count_next").right


def test_what_fails_above_the_function_is_told(notebook):
    marks = mark(notebook(IMPORT, "count_next = 1 / 0"))
    assert "an error (ZeroDivisionError: division by zero)" in marks[0].message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "expected a notebook, got an empty file"),
        (b"\x89PNG", "expected a notebook of format 4, got a file that is not JSON"),
        (b"def f(): pass", "expected a notebook of format 4, got a file that is not JSON"),
        (b"[" * 100_000, "expected a notebook of format 4, got a file that is not JSON"),
        (b"[]", "expected a notebook of format 4, got other JSON"),
        (b"{}", "expected a notebook of format 4, got other JSON"),
        (b'{"cells": [{"cell_type": "code"}]}', "expected a notebook of format 4, got other JSON"),
        (b'{"cells": [3]}', "expected a notebook of format 4, got other JSON"),
        (b'{"cells": []}', "imports the checks of one chapter .*, got: –"),
    ],
)
def test_what_is_no_notebook_is_refused(content, says, tmp_path):
    path = tmp_path / "ana.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says) as refused:
        mark(path)
    assert str(path) in str(refused.value)


def test_the_chapter_must_be_clear(notebook):
    assert mark(notebook(*RIGHT, "# lessons_lib.classroom.practice.__init__"))[0].right
    both = notebook(*RIGHT, "from lessons_lib.classroom.practice.tokens import check_best_pair")
    with pytest.raises(ValueError, match=r"one chapter .*, got: intro, tokens"):
        mark(both)
    assert all(one.right for one in mark(both, chapter="intro"))
    with pytest.raises(ValueError, match="a chapter with exercises, got 'knitting'"):
        mark(both, chapter="knitting")


def test_cases_of_ones_own_are_added(notebook, tmp_path):
    learned = {case.arguments: check_count_next.solution(*case.arguments)
               for case in check_count_next.cases}  # fmt: skip
    table = f"def count_next(text, context):\n    return {learned!r}[text, context]"
    path = notebook(IMPORT, table)
    assert only(mark(path), "count_next").right, "a table of the published cases passes them"
    (tmp_path / "term.py").write_text("CASES = {'intro.count_next': iter([('anagrams', 'a')])}")
    cases = load_cases(tmp_path / "term.py")
    assert cases == {"intro.count_next": [("anagrams", "a")]}, "they serve many notebooks"
    found = only(mark(path, cases=cases), "count_next")
    assert not found.right
    assert "KeyError" in found.message
    assert "Hint: a case of your course." in found.message
    assert only(mark(notebook(*RIGHT), cases=cases), "count_next").right
    with pytest.raises(ValueError, match=r"chapter\.function, got 'intro\.count'"):
        mark(path, cases={"intro.count": []})
    with pytest.raises(ValueError, match="expected a tuple of arguments, got 'banana'"):
        mark(path, cases={"intro.count_next": ["banana"]})
    with pytest.raises(ValueError, match="the solution can take, got TypeError"):
        mark(path, cases={"intro.count_next": [(3, "a")]})
    (tmp_path / "term.py").write_text("CASES = []")
    with pytest.raises(ValueError, match="expected a dictionary CASES, got list"):
        load_cases(tmp_path / "term.py")


def test_what_is_wrong_for_all_notebooks_is_said_once(notebook, tmp_path, capsys):
    path, cases, table = str(notebook(*RIGHT)), tmp_path / "term.py", tmp_path / "m.csv"

    def refused(*options):
        with pytest.raises(SystemExit):
            main([path, path, "--csv", str(table), *options])
        assert not table.exists()
        return capsys.readouterr().err.splitlines()[-1]

    cases.write_text("CASES = {'intro.count': []}")
    assert "for chapter.function, got 'intro.count'" in refused("--cases", str(cases))
    cases.write_text("CASES = {7: []}")
    assert "expected a chapter with exercises, got '7'" in refused("--cases", str(cases))
    assert "got 'a.b'" in refused("--chapter", "a.b")
    assert "ana.ipynb: expected a file for the marks, got a notebook" in refused("--csv", path)
    assert Path(path).read_text().startswith("{"), "it stays as it was"
    table = tmp_path / "nowhere" / "m.csv"
    assert "nowhere" in refused()
    table = tmp_path / "m.csv"
    for seconds in ("-1", "0", "nan", "inf"):
        assert "expected --seconds above 0" in refused("--seconds", seconds)
    assert "expected --jobs of at least 1, got 0" in refused("--jobs", "0")
    with pytest.raises(ValueError, match="expected seconds above 0, got -1"):
        mark(path, seconds=-1)
    with pytest.raises(ValueError, match=r"one of .*'es'.*, got 'fr'"):
        mark(path, language="fr")


@pytest.mark.parametrize("name", EXERCISES)
def test_every_case_can_travel(name):
    exercise = EXERCISES[name]
    for case in exercise.cases:
        there = unpack_arguments(json.loads(json.dumps(pack_arguments(case.arguments))))
        for one, same in zip(there, case.arguments, strict=True):
            if isinstance(same, torch.Tensor):
                assert torch.equal(one, same)
                continue
            assert type(one) is type(same)
            if type(same).__module__.startswith("lessons_lib."):
                one, same = (
                    {name: getattr(value, "tolist", lambda value=value: value)()
                     for name, value in vars(example).items()}
                    for example in (one, same)
                )  # fmt: skip
            np.testing.assert_equal(one, same)
            assert repr(one) == repr(same)


def test_answers_travel_as_what_they_are():
    def travel(value):
        return unpack(json.loads(json.dumps(pack(value))))

    same = [None, True, -3, 0.1, float("inf"), "ñ", b"\xff", (1, [2]), {1: (2,)}, {3}, frozenset()]
    for value in same:
        assert travel(value) == value
        assert type(travel(value)) is type(value)
    assert list(travel(x * 2 for x in (1, 2))) == [2, 4]
    assert travel(range(3)) == (0, 1, 2)
    assert travel(np.float32(0.5)) == 0.5
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::2]
    np.testing.assert_array_equal(travel(numbers), numbers)
    for kind in (torch.float64, torch.bfloat16, torch.int64):
        np.testing.assert_array_equal(travel(torch.ones(2, dtype=kind)), [1, 1])
    assert travel(np.array(["a", None])) == ["a", None]
    assert travel(Fraction(1, 2)) == travel(Decimal("0.5")) == 0.5
    assert travel(UserDict(a=UserList([1]))) == {"a": [1]}
    assert travel(array("d", [0.5])) == [0.5]
    assert travel(memoryview(b"ab")) == b"ab"
    for sent in (["object", pickle.dumps(3).hex()], ["list", [["object", ""]]]):
        with pytest.raises(KeyError):
            unpack(sent)
    for odd in (object(), int, len):
        with pytest.raises(TypeError, match=type(odd).__name__):
            pack(odd)
    with pytest.raises(TypeError, match="expected numbers, got O"):
        unpack(["array", "O", [1], "00" * 8])


def example(name, language="en"):
    """Return a code block of the page on teaching."""
    page = (house.ROOT / "book" / language / "teaching.md").read_text(encoding="utf-8")
    return page.split(f"<!-- example: {name} -->\n```")[1].split("```")[0].partition("\n")[2]


EXAMPLES = ("cases", "own", "pytest")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_pages_show_the_same_examples(name):
    assert example(name) == example(name, "es")


def test_the_cases_of_the_page(notebook, tmp_path):
    (tmp_path / "term.py").write_text(example("cases"))
    cases = load_cases(tmp_path / "term.py")
    assert len(cases["intro.count_next"]) == 20
    assert all(one.right for one in mark(notebook(*RIGHT), cases=cases))


def test_the_file_for_pytest(notebook, tmp_path):
    (tmp_path / "test_term.py").write_text(example("pytest"))
    (tmp_path / "submitted").mkdir()
    notebook(*RIGHT, name="submitted/ana.ipynb")
    notebook(IMPORT, COUNT_NEXT, name="submitted/ben.ipynb")
    (tmp_path / "submitted" / "carla.ipynb").write_text("{")
    (tmp_path / "submitted" / ".ipynb_checkpoints").mkdir()
    notebook(IMPORT, name="submitted/.ipynb_checkpoints/ana.ipynb")
    settings = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(house.ROOT),
        "COLUMNS": "200",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert "2 failed, 1 passed" in ran.stdout, ran.stdout
    for name, says in (("ben", "AssertionError: most_likely: Not yet"), ("carla", "ValueError")):
        assert f"[{Path('submitted') / name}.ipynb] - {says}" in ran.stdout
    assert "surprise: Not yet" in ran.stdout


def test_the_exercise_of_the_page():
    exercise = own.load("count_vowels", example("own"))
    assert own.check(exercise) == []
    assert exercise.drawn("2027", "ana") != exercise.drawn("2027", "ben")
