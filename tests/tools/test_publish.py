"""Published notebooks: what Colab, a student and an instructor get, made from the book's own."""

import ast
import contextlib
import io
import re
import sys
import types
from importlib import import_module

import nbformat
import pytest

from lessons_lib.classroom import colab
from tools import graders, house, publish
from tools.plain_markdown import Edition

FORK = "https://colab.research.google.com/github/some/fork/blob/notebooks/"
EDITION = Edition("en", {"tokens": "Tokens", "gpt": "GPT"})
BOTH = pytest.mark.parametrize("language", house.LANGUAGES)


@pytest.fixture(scope="module")
def published():
    """All published files, as from some/fork."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOK_REPOSITORY", "some/fork")
        for name in ("BOOK_BASE_URL", "BOOK_RELEASE", "BOOK_WHEEL_URL"):
            patch.delenv(name, raising=False)
        files, findings = publish.build()
    assert findings == []
    return files


@pytest.fixture
def notebooks(published):
    """The published notebooks of one variant, by language and chapter."""

    def read(variant):
        found = {}
        for name, text in published.items():
            match = re.fullmatch(rf"{variant and variant + '/'}(\w\w)/(\w+)\.ipynb", name)
            if match:
                found[match.groups()] = nbformat.reads(text, 4)
        assert len(found) == len(house.notebooks(house.ROOT))
        return found

    return read


def source_of(language, slug):
    return house.read_notebook(house.ROOT / "book" / language / f"{slug}.ipynb")


def tagged(nb, tag):
    return [cell for cell in nb.cells if tag in house.tags(cell)]


@pytest.mark.parametrize("variant", publish.VARIANTS)
def test_every_notebook_is_valid_and_begins_with_the_set_up(notebooks, variant):
    for (language, slug), nb in notebooks(variant).items():
        nbformat.validate(nb)
        title, set_up = nb.cells[:2]
        page = f"https://some.github.io/fork/{language}/{slug}.html"
        assert title.source.split("\n")[2].endswith(f"({page})")
        assert set_up.id == "set-up"
        assert "--no-deps https://github.com/some/fork/" in set_up.source
        assert not set_up.outputs
        assert "widgets" not in nb.metadata
        for cell in nb.cells:
            assert not {"translates", "mystnb"} & cell.metadata.keys()
            for output in cell.get("outputs", ()):
                assert not any("widget" in mime for mime in output.get("data", {}))


@pytest.mark.parametrize("variant", publish.VARIANTS)
def test_nothing_is_lost_but_what_should_be(notebooks, variant):
    for (language, slug), nb in notebooks(variant).items():
        original = source_of(language, slug).cells
        added = {"set-up"} | {cell.id for cell in nb.cells if cell.id.startswith("notes-")}
        kept = [cell.id for cell in nb.cells if cell.id not in added]
        without = {cell.id for cell in original if house.is_solution(cell)}
        gone = without if variant == "student" else set()
        assert kept == [cell.id for cell in original if cell.id not in gone]
        assert without
        cells = {cell.id: cell for cell in nb.cells}
        for cell in original:
            if cell.cell_type == "code" and cell.id in cells:
                assert re.sub(r"^#@title .*\n", "", cells[cell.id].source) == cell.source
                assert cells[cell.id].outputs == cell.outputs


def test_all_addresses_are_the_forks(published):
    text = "\n".join(published.values())
    colab_links = re.findall(r"https://colab\.research\.google\.com/[^\s)\"\\]*", text)
    assert colab_links
    assert all(link.startswith(FORK) for link in colab_links)
    wheels = set(re.findall(r"https?://[^\s\"\\]*\.whl", text))
    [wheel] = wheels
    assert wheel.startswith("https://github.com/some/fork/releases/download/book/lessons_lib-")
    assert not re.search(r"\]\((?:\w+\.(?:ipynb|md)|\.)", text)


def test_folded_cells_are_collapsed_for_colab_and_jupyterlab(notebooks):
    for (language, slug), nb in notebooks("").items():
        prompts = {
            cell.id: cell.metadata.mystnb.code_prompt_show
            for cell in tagged(source_of(language, slug), "hide-cell")
        }
        for cell in tagged(nb, "hide-cell"):
            title = {"en": "Solution", "es": "Solución"}[language]
            if not cell.id.startswith("solution-"):
                title = prompts[cell.id]
            assert cell.source.split("\n")[0] == f"#@title {title}"
            assert cell.metadata.cellView == "form"
            assert cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}


def test_students_get_the_checks_and_no_solution(notebooks):
    for nb in notebooks("student").values():
        assert not any(cell.id.startswith("solution-") for cell in nb.cells)
        for cell in tagged(nb, "exercise"):
            check = publish.exercise_name(cell)
            assert f"\n{check}(" in cell.source
        assert not any(cell.id.startswith("notes-") for cell in nb.cells)


def test_instructors_get_open_solutions_and_notes(notebooks):
    for (language, slug), nb in notebooks("instructor").items():
        assert not any(
            "cellView" in cell.metadata or "jupyter" in cell.metadata for cell in nb.cells
        )
        wrong = import_module(f"tests.wrong_answers.{slug}").WRONG
        checks = [publish.exercise_name(cell) for cell in tagged(nb, "exercise")]
        notes = [cell for cell in nb.cells if cell.id.startswith("notes-")]
        assert [cell.id for cell in notes] == [f"notes-{c.replace('_', '-')}" for c in checks]
        assert sorted(checks) == sorted(wrong)
        for check, cell in zip(checks, notes, strict=True):
            rows = cell.source.split("\n")[6:]
            assert len(rows) == len(wrong[check])
            exercise = getattr(import_module(f"lessons_lib.classroom.practice.{slug}"), check)
            hints = {getattr(case, language) for case in exercise.cases}
            for row in rows:
                hint = re.sub(r"\\(.)", r"\1", re.split(r"(?<!\\)\|", row)[2].strip())
                assert hint in hints
        at = nb.cells.index(notes[0])
        assert check_called(nb.cells[at - 1].source) == checks[0]  # under the solution


def check_called(source):
    return ast.parse(source).body[-1].value.func.id


def test_wrong_answers_have_spanish_names():
    used = {
        wrong
        for slug in house.chapters(house.ROOT)
        if house.module_path(house.ROOT, f"lessons_lib.classroom.practice.{slug}")
        for answers in publish.rejected(slug).values()
        for wrong, _ in answers
    }
    assert used == publish.spanish_names().keys()


def test_the_hint_of_a_note_is_the_one_that_a_student_sees():
    answers = publish.rejected("tokens")["check_best_pair"]
    hints = {wrong: case.en for wrong, case in answers}
    assert "overlap" in hints["no overlap"]
    assert "4 times" in hints["forgets how often a word occurs"]
    cell = publish.notes_cell("tokens", "check_best_pair", "es")
    assert "| sin solapamiento | los vecinos pueden solaparse: (9, 9, 9) contiene" in cell.source
    with pytest.raises(ValueError, match="expected a check of the chapter 'tokens', got 'check_x'"):
        publish.notes_cell("tokens", "check_x", "en")


def test_the_same_sources_give_the_same_files(published, monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", "some/fork")
    monkeypatch.delenv("BOOK_BASE_URL", raising=False)
    path = house.ROOT / "book/es/tokens.ipynb"
    edition = publish.read_edition(house.ROOT, "es")
    for variant in publish.VARIANTS:
        nb = publish.publish(house.read_notebook(path), edition, "tokens", variant)
        assert published["/".join(filter(None, [variant, "es/tokens.ipynb"]))] == (
            house.notebook_text(nb)
        )


# --- The set-up cell -------------------------------------------------------------------------


def run_set_up(language):
    """Run the set-up cell as IPython would; return what it prints and what it installs."""
    source = publish.set_up_cell(language).source
    source = re.sub(r"^( *)%pip (.*)$", r"\1installed.append(\2)", source, flags=re.M)
    source = re.sub(r"append\((.*)\)", lambda m: f"append({m[1]!r})", source)
    installed, out = [], io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(source, {"installed": installed})
    return out.getvalue(), installed


@pytest.fixture
def colab_or_not(monkeypatch):
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.setenv("BOOK_WHEEL_URL", "http://127.0.0.1/x.whl")
    monkeypatch.setattr(colab, "faults", list)
    return monkeypatch


@BOTH
def test_set_up_does_nothing_elsewhere(colab_or_not, language):
    assert run_set_up(language) == ("", [])


@BOTH
@pytest.mark.parametrize("sign", ["variable", "module"])
def test_set_up_installs_the_wheel_alone_in_colab(colab_or_not, language, sign):
    if sign == "variable":
        colab_or_not.setenv("COLAB_RELEASE_TAG", "release-colab")
    else:
        colab_or_not.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    out, installed = run_set_up(language)
    assert re.fullmatch(r"lessons_lib \S+ (is ready|está lista)\.\n", out)
    assert installed == ["install --quiet --no-deps http://127.0.0.1/x.whl"]


@BOTH
def test_set_up_without_an_address_says_so_in_one_sentence(colab_or_not, language):
    colab_or_not.delenv("BOOK_WHEEL_URL")
    colab_or_not.setenv("BOOK_REPOSITORY", "")
    assert run_set_up(language) == ("", [])
    colab_or_not.setenv("COLAB_RELEASE_TAG", "release-colab")
    out, installed = run_set_up(language)
    assert "BOOK_REPOSITORY" in out
    assert out.count("\n") == 1
    assert installed == []


def test_set_up_differs_between_languages_only_in_words(colab_or_not):
    def bare(language):
        tree = ast.parse(publish.set_up_cell(language).source.replace("%pip", "pip #"))
        return ast.dump(tree).replace(f"'{language}'", "")

    assert bare("en") == bare("es")


# --- What cannot be published ------------------------------------------------------------------


def notebook(*cells):
    title = nbformat.v4.new_markdown_cell("# Title\n\nText.", id="title")
    return nbformat.v4.new_notebook(cells=[title, *cells])


def test_a_finding_names_its_cell():
    bad = nbformat.v4.new_markdown_cell("{eq}`one`", id="bad")
    link = nbformat.v4.new_markdown_cell("[a](nowhere.ipynb)", id="link")
    with pytest.raises(ValueError, match=r"^\[bad\]: unknown role: 'eq'\n\[link\]: unknown page"):
        publish.publish(notebook(bad, link), EDITION, "tokens")


def test_a_notebook_needs_a_title():
    cell = nbformat.v4.new_markdown_cell("Text", id="title")
    with pytest.raises(ValueError, match="expected a first cell with the title"):
        publish.publish(nbformat.v4.new_notebook(cells=[cell]), EDITION, "tokens")


def test_an_exercise_needs_one_check():
    cell = nbformat.v4.new_code_cell("x = 1", id="e", metadata={"tags": ["exercise"]})
    with pytest.raises(ValueError, match=r"^\[e\]: expected an exercise to import one check"):
        publish.publish(notebook(cell), EDITION, "tokens")


def test_without_an_address_links_stay_relative(monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", "")
    monkeypatch.delenv("BOOK_BASE_URL", raising=False)
    cell = nbformat.v4.new_markdown_cell("[a](gpt.ipynb#x)", id="a")
    nb = publish.publish(notebook(cell), EDITION, "tokens")
    assert nb.cells[0].source == "# Title\n\nText."
    assert nb.cells[2].source == "[a](gpt.ipynb#x)"


# --- The command -------------------------------------------------------------------------------


def test_command(monkeypatch, tmp_path, capsys):
    files = {"README.md": "r", "en/a.ipynb": "{}", "student/es/b.ipynb": "{}"}
    monkeypatch.setattr(graders, "build", lambda **_: ({}, []))
    monkeypatch.setattr(publish, "build", lambda **_: (files, []))
    (tmp_path / "en").mkdir()
    (tmp_path / "en/old.ipynb").touch()
    (tmp_path / ".git").touch()
    assert publish.main(["--out", str(tmp_path)]) == 0
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {*files, ".git"}
    assert "2 notebooks" in capsys.readouterr().out
    monkeypatch.setattr(publish, "build", lambda **_: (files, ["en/a [x]: wrong"]))
    assert publish.main(["--check"]) == 1
    assert publish.main(["--out", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().out == "en/a [x]: wrong\n" * 2
    assert not (tmp_path / "none").exists()


def test_an_address_that_is_none_ends_the_command(monkeypatch, capsys):
    monkeypatch.setenv("BOOK_REPOSITORY", "no-owner")
    with pytest.raises(SystemExit):
        publish.main(["--check"])
    assert "expected BOOK_REPOSITORY as owner/name" in capsys.readouterr().err


def test_read_me_of_the_branch(published):
    lines = published["README.md"].split("\n")
    for path in house.notebooks(house.ROOT):
        tail = f"{path.parent.name}/{path.stem}.ipynb"
        for variant in publish.VARIANTS:
            address = FORK + (f"{variant}/" if variant else "") + tail
            assert any(f"({address})" in line for line in lines)
