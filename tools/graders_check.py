"""Run nbgrader and Otter on the assignments of `tools.graders`, in an environment of their own.

    python -m tools.graders --try                 all chapters, both languages
    python -m tools.graders --try intro --wrong   one chapter, wrong answers with nbgrader too

The environment (in _build/graders, kept for the next time) sees the packages of this one. For each
sheet nbgrader makes the assignment, grades the solutions, the blank and, with `--wrong`, notebooks
that together hold all wrong answers of `tests/wrong_answers`, and writes the feedback; Otter
assigns, runs the solutions, and checks the blank and all wrong answers. Solutions must get all
points, blanks and wrong answers none, and a wrong answer must be told the hint of the book's check.
"""

import contextlib
import functools
import html
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lessons_lib.base import console
from lessons_lib.classroom import practice
from tools import graders, house, publish
from tools.colab_check import command

OUT = house.ROOT / "_build" / "graders"
PACKAGES = ("nbgrader==0.9.6", "otter-grader==7.0.0")
TAG = re.compile(r"<[^>]*>")
CLEAN = re.compile(r"\x1b\[[0-9;]*m|\s+")


def make_environment(folder: Path) -> Path:
    """Make the environment, unless it is there already; return its Python."""
    ready, inside = folder / "packages", folder / "bin" / "python"
    here = sysconfig.get_path("purelib")
    wanted = "\n".join([sys.version, here, *PACKAGES])
    if not (ready.is_file() and ready.read_text(encoding="utf-8") == wanted):
        print("Making an environment with nbgrader and Otter: some minutes", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        command(sys.executable, "-m", "venv", folder)
        command(inside, "-m", "pip", "install", "--quiet", *PACKAGES)
        site = command(inside, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        (Path(site.strip()) / "zz_book.pth").write_text(f"{here}\n", encoding="utf-8")
        ready.write_text(wanted, encoding="utf-8")
    return inside


def run(chapters: list[str], wrong: bool) -> list[str]:
    """Run the tools on chapters, all of them if there are none; return what is wrong."""
    inside = make_environment(OUT)
    environment = os.environ | {"PYTHONPATH": str(house.ROOT), "PYTHONHASHSEED": "0"}
    environment["PATH"] = os.pathsep.join([str(inside.parent), os.environ["PATH"]])
    asked = json.dumps({"chapters": chapters, "wrong": wrong})
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "findings.json"
        start = [str(inside), "-m", "tools.graders_check", folder, asked, str(result)]
        subprocess.run(start, env=environment, cwd=house.ROOT, check=True)
        return json.loads(result.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- submissions


def _answers(slug: str) -> dict[str, list[tuple[str, str]]]:
    """Return for each exercise its wrong answers: their names, and code that makes them."""
    known = import_module(f"tests.wrong_answers.{slug}").WRONG
    return {
        check.removeprefix("check_"): [
            (
                name,
                f"from tests.wrong_answers.{slug} import WRONG\n\n"
                f"{check.removeprefix('check_')} = WRONG[{check!r}][{name!r}]",
            )
            for name in some
        ]
        for check, some in known.items()
    }


def _submissions(
    nb: NotebookNode, source: NotebookNode, answers: dict[str, list[tuple[str, str]]]
) -> Iterator[tuple[str, NotebookNode, dict[str, str]]]:
    """Yield students: a name, a notebook made of the released one, the wrong answer by exercise."""
    right = {cell.id: cell.source for cell in source.cells}
    solved = nbformat.from_dict(nb)
    for cell in solved.cells:
        if cell.get("metadata", {}).get("nbgrader", {}).get("solution"):
            cell.source = right[cell.id]
    yield "solved", solved, {}
    yield "blank", nb, {}
    for turn in range(max(map(len, answers.values()), default=0)):
        other = nbformat.reads(nbformat.writes(nb), 4)
        chosen = {name: some[turn % len(some)] for name, some in answers.items()}
        for cell in other.cells:
            told = cell.metadata.get("nbgrader", {})
            if told.get("solution"):
                cell.source = chosen[told["grade_id"]][1]
        yield f"wrong-{turn}", other, {name: one[0] for name, one in chosen.items()}


def _hint(slug: str, name: str, wrong: str, language: str) -> str:
    """Return the hint that the book's check gives to a wrong answer."""
    practice.speak(language)
    checks = import_module(f"{practice.__name__}.{slug}")
    answer = import_module(f"tests.wrong_answers.{slug}").WRONG[f"check_{name}"][wrong]
    fault = getattr(checks, f"check_{name}").find_fault(answer)
    return CLEAN.sub("", fault.rpartition("\n")[2])


# ---------------------------------------------------------------- inside the environment


def _nbgrader(course: Path, slug: str, language: str, wrong: bool) -> Iterator[str]:
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    _did(api.generate_assignment(slug, create=True))
    name = f"{slug}.ipynb"
    released = nbformat.read(course / "release" / slug / name, 4)
    source = nbformat.read(course / "source" / slug / name, 4)
    n = 0
    for student, nb, chosen in _submissions(released, source, _answers(slug) if wrong else {}):
        path = course / "submitted" / student / slug / name
        path.parent.mkdir(parents=True)
        nbformat.write(nb, path)
        _did(api.autograde(slug, student, create=True))
        _did(api.generate_feedback(slug, student, force=True))
        said = (course / "feedback" / student / slug / f"{slug}.html").read_text(encoding="utf-8")
        said = CLEAN.sub("", html.unescape(TAG.sub("", said)))
        with api.gradebook as book:
            [graded] = book.find_submission(slug, student).notebooks
            points = {one.name.removesuffix("-test"): one.score for one in graded.grades}
        if points.keys() != {cell.metadata.nbgrader.grade_id for cell in source.cells
                             if cell.metadata.get("nbgrader", {}).get("solution")}:  # fmt: skip
            yield f"nbgrader {language} {slug} {student}: expected all exercises, got {points}"
        for exercise, score in points.items():
            n += 1
            if score != (student == "solved"):
                yield f"nbgrader {language} {slug}.{exercise} {student}: got {score:g} points"
        for exercise, one in chosen.items():
            if _hint(slug, exercise, one, language) not in said:
                yield f"nbgrader {language} {slug}.{exercise} {one!r}: no hint in the feedback"
    print(f"nbgrader {language} {slug}: {n} answers graded", flush=True)


def _did(result: dict) -> None:
    if not result["success"]:
        raise RuntimeError(f"{result['error']}\n{result['log'][-3000:]}")


def _otter(master: Path, folder: Path, slug: str, language: str) -> Iterator[str]:
    from otter import Notebook
    from otter.assign import main as assign

    assign(str(master), str(folder), no_pdfs=True)  # runs the solutions; raises if one fails
    path = folder / "student" / master.name
    nb = nbformat.read(path, 4)
    blank: dict = {}
    for cell in nb.cells:
        if cell.cell_type == "code" and "grader" not in cell.source:
            exec(cell.source, blank)
    with contextlib.chdir(path.parent), contextlib.redirect_stdout(io.StringIO()):
        check = functools.partial(_points, Notebook(path.name).check)
        names = re.findall(r'grader\.check\("(\w+)"\)', "\n".join(c.source for c in nb.cells))
        tries = [(name, "the blank", blank[name]) for name in names]
        for name, some in _answers(slug).items():
            known = import_module(f"tests.wrong_answers.{slug}").WRONG[f"check_{name}"]
            tries += [(name, one, known[one]) for one, _ in some]
        findings = []
        for name, one, function in tries:
            practice.speak(language)
            points, said = check(name, blank | {name: function})
            if points:
                findings.append(f"otter {language} {slug}.{name} {one!r}: got {points:g} points")
            if one != "the blank" and _hint(slug, name, one, language) not in said:
                findings.append(f"otter {language} {slug}.{name} {one!r}: no hint")
    yield from findings
    print(f"otter {language} {slug}: solutions right, {len(tries)} answers checked", flush=True)


def _points(check: Callable, name: str, names: dict) -> tuple[float, str]:
    result = check(name, global_env=names)
    said = "\n".join(str(one.message) for one in result.test_case_results)
    return result.grade, CLEAN.sub("", said)


def main() -> None:
    """Do in the environment what `run` asks for, and write the findings."""
    folder, asked, result = sys.argv[1:]
    asked, folder, findings = json.loads(asked), Path(folder), []
    files, wrong = graders.build()
    findings += wrong
    publish.write(files, folder)
    sheets = [path for path in sorted(folder.glob("otter/*/*/*.ipynb"))]
    for path, tool in itertools.product(sheets, ("nbgrader", "otter")):
        language, slug = path.parts[-3:-1]
        if asked["chapters"] and slug not in asked["chapters"]:
            continue
        try:
            if tool == "otter":
                made = _otter(path, folder / "made" / language / slug, slug, language)
            else:
                made = _nbgrader(folder / tool / language, slug, language, asked["wrong"])
            findings += made
        except Exception as error:
            findings.append(f"{tool} {language} {slug}: {type(error).__name__}: {error}")
    Path(result).write_text(json.dumps(findings), encoding="utf-8")


if __name__ == "__main__":
    console.run(main)
