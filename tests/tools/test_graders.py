"""Assignments for nbgrader and Otter: made of the exercises' own cells, and graded by their checks.

`python -m tools.graders --try` runs the tools themselves.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from lessons_lib.classroom import own, practice
from tests.classroom.test_own import FOLDER
from tools import graders, house, publish, teaching
from tools.plain_markdown import Edition

EDITION = Edition("en", {"tokens": "Tokens", "gpt": "GPT"})
OWN = ("count_vowels", "mean_surprise")


@pytest.fixture(autouse=True)
def english():
    yield
    practice.speak("en")


@pytest.fixture(scope="module")
def files():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOK_REPOSITORY", "some/fork")
        for name in ("BOOK_BASE_URL", "BOOK_RELEASE", "BOOK_WHEEL_URL"):
            patch.delenv(name, raising=False)
        found, findings = graders.build(own=own.read_all(FOLDER), seed="7")
    assert findings == []
    return found


@pytest.fixture
def sheets(files):
    """The notebooks of a tool, by language and chapter."""

    def read(tool):
        found = {}
        for path in house.notebooks(house.ROOT):
            key = path.parent.name, path.stem
            found[key] = nbformat.reads(files[graders.path_of(tool, *key)], 4)
        return found

    return read


def exercises_of(language, slug):
    """What the chapter's page asks for, as another tool reads it, and the lecturer's own."""
    found = teaching.read_chapter(house.ROOT / "book" / language / f"{slug}.ipynb").exercises
    mine = ["count_vowels", *(["mean_surprise"] if language == "en" else [])]
    return [one.function for one in found] + (mine if slug == "intro" else [])


@pytest.mark.parametrize("tool", ["nbgrader", "otter"])
def test_every_sheet_is_valid_and_holds_every_exercise_once(sheets, tool):
    for (language, slug), nb in sheets(tool).items():
        nbformat.validate(nb)
        assert len({cell.id for cell in nb.cells}) == len(nb.cells)
        text = "\n".join(cell.source for cell in nb.cells)
        begin = "### BEGIN SOLUTION" if tool == "nbgrader" else "    # BEGIN SOLUTION"
        asked = exercises_of(language, slug)
        assert text.count(begin) == len(asked) > 2
        asked_by = re.findall(r"^fault = check_\w+\.find_fault\((\w+)\)$", text, re.MULTILINE)
        assert text.count("\nassert fault is None, fault") == len(asked_by)
        assert list(dict.fromkeys(asked_by)) == asked
        hidden = len(set(asked) & set(OWN)) if tool == "otter" else 0  # they have another test
        assert len(asked_by) == len(asked) + hidden
        assert f'practice.speak("{language}")' in text


def test_what_nbgrader_is_told(sheets):
    keys = {"schema_version", "grade_id", "grade", "solution", "locked", "task"}
    for key, nb in sheets("nbgrader").items():
        told = [cell.metadata.nbgrader for cell in nb.cells if "nbgrader" in cell.metadata]
        names = [one.grade_id for one in told]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[\w-]+", name) for name in names)
        assert names == [f"{name}{part}" for name in exercises_of(*key)
                         for part in ("-text", "", "-test")]  # fmt: skip
        for one in told:
            graded = one.grade_id.endswith("-test")
            assert one.keys() == keys | ({"points"} if graded else set())
            assert one.schema_version == 3
            assert (one.grade, one.locked) == (graded, one.grade_id != one.grade_id.split("-")[0])
            assert one.solution == (not one.locked)


def test_what_otter_reads(sheets):
    for (language, slug), nb in sheets("otter").items():
        raw = [cell.source for cell in nb.cells if cell.cell_type == "raw"]
        assert raw[0].startswith(f"# ASSIGNMENT CONFIG\nname: {slug}-{language}\n")
        assert raw[0].endswith(".whl")
        expected = []
        for name in exercises_of(language, slug):
            both = "\nall_or_nothing: true" if name in OWN else ""
            expected += [f"# BEGIN QUESTION\nname: {name}\npoints: 1{both}", "# BEGIN SOLUTION"]
            expected += ["# END SOLUTION", "# BEGIN TESTS", "# END TESTS", "# END QUESTION"]
        assert raw[1:] == expected


def test_texts_and_solutions_are_the_books(sheets):
    for (language, slug), nb in sheets("nbgrader").items():
        book = house.read_notebook(house.ROOT / "book" / language / f"{slug}.ipynb")
        cells = {cell.id: cell.source for cell in nb.cells}
        written = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
        for name in exercises_of(language, slug):
            stem = name.replace("_", "-")
            answer = "\n".join(line for line in cells[stem].splitlines() if " SOLUTION" not in line)
            if name in OWN:
                assert answer in (FOLDER / name / "exercise.py").read_text(encoding="utf-8")
                continue
            solutions = [cell.source for cell in book.cells if house.is_solution(cell)]
            assert any(answer in source for source in solutions), name
            title = re.match(r"\*\*\d+\. .+?\*\*", cells[f"{stem}-text"]).group()
            assert title in written, name


def blank(source):
    """What is left when a tool cuts the solution out."""
    return re.sub(r"### BEGIN SOLUTION.*### END SOLUTION", "...", source, flags=re.DOTALL)


@pytest.mark.parametrize("slug", [path.stem for path in house.notebooks(house.ROOT, (), ("en",))])
def test_solutions_pass_and_blanks_do_not(sheets, slug):
    language = "es" if slug == "intro" else "en"  # their code is the same
    nb = sheets("nbgrader")[language, slug]
    names, empty = {}, {}
    for cell in nb.cells:
        if cell.cell_type == "markdown" or cell.id == "set-up" or cell.id.endswith("-try"):
            continue
        test = cell.metadata.get("nbgrader", {}).get("grade")
        exec(cell.source, names)
        if test:
            with pytest.raises(AssertionError, match=r"Not yet|Todavía no"):
                exec(cell.source, empty)
        else:
            exec(blank(cell.source), empty)


def test_the_cases_of_a_lecturers_own_exercise_are_hidden(files, sheets):
    [nb, book] = sheets("nbgrader")["en", "intro"], sheets("otter")["en", "intro"]
    cells = {cell.id: cell.source for cell in nb.cells}
    test, shown = cells["count-vowels-test"], cells["count-vowels-try"]
    assert test.startswith("### BEGIN HIDDEN TESTS\n")
    assert test.endswith("\n### END HIDDEN TESTS")
    assert test.count("a case of your course.") == own.DRAWS
    assert "a case of your course." not in shown
    assert "counts[letter]" not in shown
    [hidden] = [cell.source for cell in book.cells if cell.id == "count-vowels-hidden"]
    assert hidden.startswith("# HIDDEN\n")
    names = {}
    exec(shown.replace("\n\ncheck_count_vowels(count_vowels)", ""), names)
    table = "count_vowels = lambda text: {'banana': {'a': 3}, 'Aa': {'a': 2}}.get(text, {})"
    exec(table, names)
    assert names["check_count_vowels"].find_fault(names["count_vowels"]) is None
    with pytest.raises(AssertionError, match="a case of your course"):
        exec(test, names)
    assert "mean_surprise" not in files["nbgrader/es/source/intro/intro.ipynb"]


def test_drift_is_seen():
    path = house.ROOT / "book/en/tokens.ipynb"
    nb = house.read_notebook(path)
    before = graders.read_sheet(nb, EDITION, "tokens")
    by_id = {cell.id: cell for cell in nb.cells}
    by_id["solution-2"].source = by_id["solution-2"].source.replace("def best_pair(", "def other(")
    with pytest.raises(ValueError, match="expected a solution that defines best_pair"):
        graders.read_sheet(nb, EDITION, "tokens")
    by_id["solution-2"].source = by_id["solution-2"].source.replace("def other(", "def best_pair(")
    by_id["exercise-2-text"].source += " And more."
    after = graders.read_sheet(nb, EDITION, "tokens")
    assert [a == b for a, b in zip(before.tasks, after.tasks, strict=True)] == [1, 0, 1, 1]
    for wrong, says in (
        ([c for c in nb.cells if c.id != "solution-4"], "expected a solution of fewest_merges"),
        ([c for c in nb.cells if c.id != "exercise-3"], "expected an exercise before"),
        ([c for c in nb.cells if c.id != "exercise-2-text"], "exercise with a text and one"),
    ):
        nb.cells = wrong
        with pytest.raises(ValueError, match=says):
            graders.read_sheet(nb, EDITION, "tokens")
        nb.cells = list(by_id.values())


def test_a_solution_with_a_docstring_or_one_line_keeps_its_marks_inside():
    for source, inside in (
        ('def f(x):\n    """Say x."""\n    return x', '    """Say x."""\n    return x'),
        ("def f(\n    x,\n):\n    # a note\n    return x", "    return x"),
    ):
        answer = graders.Task("f", "", source, "", "").answer("# BEGIN", "# END")
        assert f"    # BEGIN\n{inside}\n    # END" in answer
        assert ast.parse(answer)


def test_the_placeholder_is_in_the_sheets_language(files):
    for language, words in (("en", "your turn"), ("es", "te toca")):
        text = files[f"nbgrader/{language}/nbgrader_config.py"]
        assert words in text
        names = {"get_config": lambda: type("C", (), {"ClearSolutions": type("D", (), {})})}
        exec(text, names)
        assert "NotImplementedError" in names["c"].ClearSolutions.code_stub["python"]


# --- The variants ----------------------------------------------------------------------------


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_own_exercises_join_the_variants(language):
    nb = house.read_notebook(house.ROOT / f"book/{language}/intro.ipynb")
    edition = publish.read_edition(house.ROOT, language)
    some = own.read_all(FOLDER)
    for variant in publish.VARIANTS:
        made = publish.publish(nb, edition, "intro", variant, some)
        nbformat.validate(made)
        ids = [cell.id for cell in made.cells]
        assert ("exercise-own-mean-surprise" in ids) == (language == "en")
        assert ("solution-own-count-vowels" in ids) == (variant != "student")
        assert ("notes-check-count-vowels" in ids) == (variant == "instructor")
        at = ids.index("exercise-own-count-vowels")
        assert at > max(i for i, name in enumerate(ids) if re.fullmatch(r"exercise-\d", name))
        assert at < len(ids) - 1
        plain = publish.publish(nb, edition, "intro", variant)
        assert [cell for cell in made.cells if "own" in cell.id or "vowels" in cell.id]
        assert [c for c in made.cells if c in plain.cells] == plain.cells


def test_a_students_own_exercise_runs_with_its_check(capsys):
    edition = publish.read_edition(house.ROOT, "es")
    nb = house.read_notebook(house.ROOT / "book/es/intro.ipynb")
    made = publish.publish(nb, edition, "intro", "", own.read_all(FOLDER))
    cells = {cell.id: cell.source for cell in made.cells}
    practice.speak("es")
    names = {}
    exec(cells["exercise-own-count-vowels"], names)
    assert "Todavía no: para count_vowels('banana')" in capsys.readouterr().out
    exec(cells["solution-own-count-vowels"].partition("\n")[2], names)
    assert "Correcto: coinciden 3 de 3 casos." in capsys.readouterr().out


def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        graders, "build", lambda **_: ({"a/b.py": "", "otter/en/x/x.ipynb": "{}"}, [])
    )
    monkeypatch.setattr(graders, "WORDS", {"en": {}})
    old = tmp_path / "otter" / "en" / "old" / "old.ipynb"
    old.parent.mkdir(parents=True)
    old.touch()
    assert graders.main(["--out", str(tmp_path)]) == 0
    assert "1 assignments in" in capsys.readouterr().out
    assert not old.exists()
    assert Path(tmp_path / "otter/en/x/x.ipynb").is_file()
    monkeypatch.setattr(graders, "build", lambda **_: ({}, ["en/x: wrong"]))
    assert graders.main(["--out", str(tmp_path)]) == 1
