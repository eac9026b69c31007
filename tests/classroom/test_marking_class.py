"""Marking a class: a row for every student, limits that hold, and right work in any style."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lessons_lib.classroom import practice
from lessons_lib.classroom.marking import limits, mark, marks, reading, reports
from lessons_lib.classroom.marking.command import main
from lessons_lib.classroom.marking.submissions import collect
from lessons_lib.classroom.marking.words import WORDS, Told
from lessons_lib.classroom.practice import intro
from tests.classroom.honest import HONEST, cells
from tests.classroom.test_marking import (
    ASKED,
    COUNT_NEXT,
    IMPORT,
    MOST_LIKELY,
    RIGHT,
    mark_class,
    only,
    write_notebook,
)
from tools import house

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems have fewer limits")


@pytest.fixture(autouse=True)
def english():
    practice.speak("en")
    yield
    practice.speak("en")


# ---------------------------------------------------------------- honest work


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("honest")
    for name in HONEST:
        write_notebook(folder / name / "work.ipynb", *cells(name))
    return mark_class(folder)


@pytest.mark.parametrize("name", HONEST)
def test_right_work_gets_its_mark(name, honest):
    found = only(honest[name], HONEST[name][1])
    assert found.right, found.message


# ---------------------------------------------------------------- odd work


def count_next(body):
    """Return a function that answers with what `body` gives."""
    return "def count_next(text, context):\n" + "\n".join(f"    {x}" for x in body.splitlines())


LEAVE = """import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        for handle in range(100):
            try: os.close(handle)
            except OSError: pass
        while True: time.sleep(0.05)
    os._exit(0)
return {}"""
SAME_HASH = "{i * (2**61 - 1): 0 for i in range(%d)}"
# From the student's name to the code, and what the message says.
ODD = {
    "endless": ("while True: pass", "but no answer came within 2 s"),
    "asleep": ("import time\ntime.sleep(1000)", "but no answer came within 2 s"),
    "forks": (
        "import os, time\nfor _ in range(7): os.fork()\ntime.sleep(1000)",
        "but more than 64 processes were started",
    ),
    "memory": ("return {'a': b'x' * 5 * 10**9}", r"an error \(MemoryError"),
    "memory of many": (
        "import os, time\nfor _ in range(5):\n    if not os.fork():\n"
        "        some = b'x' * 60 * 2**20\n        time.sleep(1000)\ntime.sleep(1000)",
        "but more than 0.25 GiB of memory were used",
    ),
    "files": (
        "for i in range(1000): open(str(i), 'wb').write(bytes(2**24))",
        r"No space left on device|more than 256 MiB were written|File too large",
    ),
    "one file": (
        "with open('one', 'wb') as file:\n    while True: file.write(bytes(2**24))",
        r"No space left on device|more than 256 MiB were written|File too large",
    ),
    "leaves a process": (LEAVE, r"got \{\}"),
    "same hashes": (f"return {SAME_HASH % 60_000}", "came within|comparing"),
    "same hashes later": (
        "class Many(dict):\n"
        "    def items(self): return ((i * (2**61 - 1), 0) for i in range(90_000))\n"
        "return Many()",
        "comparing the answer took more than 2 s|came within",
    ),
    "deep": ("a = []\nfor _ in range(900): a = [a]\nreturn {'a': a}", "RecursionError"),
    "deeper": (
        "import os\nline = b'[\"answer\", ' + b'[\"list\", [' * 9_999 + b']]' * 9_999 + b']'\n"
        "for handle in range(3, 9):\n    try: os.write(handle, line)\n"
        "    except OSError: pass\nos._exit(0)",
        "but the answer cannot be read",
    ),
    "errors recurse": (
        "class Odd(Exception):\n    def __str__(self): return str(self)\nraise Odd",
        r"got an error \(Odd: \)",
    ),
    "repr recurses": (
        "class Odd(dict):\n    def __repr__(self): return repr(self)\n"
        "    def __eq__(self, other): return other == self\nreturn Odd()",
        r"got \{\}",
    ),
    "reads the environment": ("import os\nraise ValueError(sorted(os.environ.values()))", "got an"),
    "overwrites practice": (
        "from lessons_lib.classroom import practice\n"
        "path = practice.__path__[0] + '/intro.py'\n"
        "practice.Exercise.find_fault = practice.operator.eq = lambda *_: None\n"
        "return {} if __import__('os').path.isdir(path) else {'written': 0}",
        r"got \{'written': 0\}",
    ),
    "sys.exit": ("import sys\nsys.exit(0)", r"an error \(SystemExit: 0\)"),
    "os._exit": ("import os\nos._exit(0)", "but the process ended without an answer"),
    "kills its parent": ("import os\nos.kill(os.getppid(), 9)\nreturn {}", "Not yet: "),
    "forges marks": (
        "import os, sys\nfor handle in range(1, 30):\n    try: os.write(handle, "
        'b\'["count_next", null, false]\\n["ready"]\\n\')\n    except OSError: pass\nreturn {}',
        "Not yet: ",
    ),
    "interrupts": ("raise KeyboardInterrupt", r"an error \(KeyboardInterrupt: \)"),
    "answers too much": ("return {'a': 'x' * 30_000_000}", "the answer cannot be read|take more"),
}


BY_DESCENT = ("forks", "memory of many", "files", "leaves a process", "reads the environment",
              "kills its parent", "forges marks")  # fmt: skip


@pytest.fixture(scope="module", params=["enclosed", "by descent"])
def odd(request, tmp_path_factory):
    """Mark a class of odd notebooks, in namespaces where the system allows that, and without."""
    if request.param == "enclosed" and not limits.enclosing():
        pytest.skip("no namespaces here")
    folder = tmp_path_factory.mktemp("odd")
    for name in ODD if request.param == "enclosed" else BY_DESCENT:
        body = count_next(ODD[name][0])
        part = (
            "short" if "came within" in ODD[name][1] or "comparing" in ODD[name][1] else "for long"
        )
        write_notebook(folder / part / name / "intro.ipynb", IMPORT, body, MOST_LIKELY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LECTURERS_SECRET", "swordfish")
        patch.setattr(limits, "MEMORY", 2**28)
        if request.param == "by descent":
            patch.setattr(limits, "enclosing", tuple)
        found = mark_class(folder / "for long", "--seconds", "100")
        if (folder / "short").exists():
            found |= mark_class(folder / "short", "--seconds", "2")
        return found


@LINUX
def test_odd_work_gets_no_mark_and_stops_nothing(odd):
    for name, found in odd.items():
        said = only(found, "count_next")
        assert not said.right, name
        assert re.search(ODD[name][1], said.message), (name, said.message)
        assert "swordfish" not in said.message
        assert only(found, "most_likely").right, name


@LINUX
def test_no_process_of_a_student_is_left(odd):
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            assert b"MARKING_TURN=" not in Path("/proc", name, "environ").read_bytes()
        except OSError:
            continue  # it has ended meanwhile


@pytest.fixture
def enclosed():
    if not limits.enclosing():
        pytest.skip("no namespaces here")


REACH = {
    "the lecturer's processes": "import os\nreturn sorted(map(int, filter(str.isdigit, "
    "os.listdir('/proc'))))[2:] or 1 / 0",
    "the keeper's files": "return open('/proc/1/fd/0').read()",
    "the keeper's memory": "return open('/proc/1/mem', 'rb').read(1)",
    "files to write": "import pathlib\npathlib.Path(lessons_lib.__file__).touch()\nreturn {}",
    "a folder to write in": "open('/tmp/written-by-a-student', 'w')\nreturn {}",
    "the network": "import socket\nsocket.create_connection(('127.0.0.1', PORT), 1)\nreturn {}",
    "the solutions": "import os\nfrom lessons_lib.classroom import practice\n"
    "return dict.fromkeys(os.listdir(practice.__path__[0])) or 1 / 0",
}


def test_what_a_student_cannot_reach(enclosed, tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for i, body in enumerate(REACH.values()):
            cell = count_next(body.replace("PORT", str(port)))
            write_notebook(
                tmp_path / "class" / f"{i}" / "intro.ipynb", "import lessons_lib", IMPORT, cell
            )
        found = mark_class(tmp_path / "class")
    for i, name in enumerate(REACH):
        said = only(found[f"{i}"], "count_next").message
        assert re.search("PermissionError|OSError|ZeroDivision|ConnectionRefused", said), name


def test_one_students_files_are_not_the_nexts(tmp_path):
    leave = count_next("open('here', 'w').close()\nreturn {}")
    look = COUNT_NEXT.replace(":\n", ":\n    assert not __import__('os').path.exists('here')\n", 1)
    for name, cell in (("a", leave), ("b", look)):
        write_notebook(tmp_path / "class" / name / "intro.ipynb", IMPORT, cell)
    assert only(mark_class(tmp_path / "class")["b"], "count_next").right


def test_each_student_has_one_keeper_for_all_notebooks(tmp_path, monkeypatch):
    started, start = [], marks.start
    monkeypatch.setattr(marks, "start", lambda *given: started.append(1) or start(*given))
    for name, cell in (("a", COUNT_NEXT), ("b", count_next("import os\nos.kill(1, 9)\nreturn {}"))):
        write_notebook(tmp_path / "class" / name / "intro.ipynb", IMPORT, cell)
        write_notebook(
            tmp_path / "class" / name / "tokens.ipynb", IMPORT.replace("intro", "tokens")
        )
    main([str(tmp_path / "class"), "--json", str(tmp_path / "m.json")])
    rows = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert [(row["student"], row["chapter"], row["right"]) for row in rows] == [
        ("a", "intro", 1), ("a", "tokens", 0), ("b", "intro", 0), ("b", "tokens", 0)
    ]  # fmt: skip
    assert len(started) == 2 or not limits.enclosing()


@pytest.mark.parametrize("jobs", [1, 3])
def test_as_many_students_are_marked_side_by_side_as_jobs_say(jobs, tmp_path, monkeypatch):
    """With its first mark in hand, each waits until the others have theirs: in turn, none would.

    The minutes of waiting only end a test that fails.
    """
    meeting, lock, inside, most = threading.Barrier(jobs), threading.Lock(), set(), []
    turn, mark_read = marks.Sitting.turn, marks.mark_read

    def met(sitting, task):
        for i, said in enumerate(turn(sitting, task)):
            if i == 0:
                meeting.wait(120)
                assert sitting.process.poll() is None, "its keeper has ended"
            yield said

    def counted(name, *given):
        with lock:
            inside.add(name)
            most.append(len(inside))
        found = mark_read(name, *given)
        with lock:
            inside.remove(name)
        return found

    monkeypatch.setattr(marks.Sitting, "turn", met)
    monkeypatch.setattr(marks, "mark_read", counted)
    two = [intro.check_count_next, intro.check_most_likely]
    monkeypatch.setattr(marks, "exercises", lambda *_: two)
    for i in range(2 * jobs):
        write_notebook(tmp_path / "class" / f"{i}" / "intro.ipynb", IMPORT, COUNT_NEXT)
    table = tmp_path / "m.json"
    assert main([str(tmp_path / "class"), "--json", str(table), "--jobs", str(jobs)]) == 0
    rows = json.loads(table.read_text(encoding="utf-8"))
    assert [row["right"] for row in rows] == [1] * (2 * jobs)
    assert max(most) == jobs


def test_without_fork(tmp_path, monkeypatch):
    """Windows and macOS start each process anew."""
    keep = "from lessons_lib.classroom.marking import keeper; keeper._METHOD = 'spawn'; "
    monkeypatch.setattr(marks, "KEEP", f"{keep}keeper.keep()")
    monkeypatch.setattr(limits, "enclosing", tuple)
    monkeypatch.setattr(marks, "exercises", lambda *_: [intro.check_count_next])
    assert [
        one.right for one in mark(write_notebook(tmp_path / "ana.ipynb", IMPORT, COUNT_NEXT))
    ] == [True]


def test_each_student_in_a_container(tmp_path, monkeypatch):
    """A stand-in for podman writes down how it is called, and runs the command itself."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "podman").write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n[ "$1" = run ] || exit 0\n'
        f'while [ "$1" != my-image ]; do shift; done\nshift 2\n'
        f'PYTHONPATH={house.ROOT} exec {sys.executable} "$@"\n'
    )
    (tools / "podman").chmod(0o755)
    if os.name == "nt":
        pytest.skip("no shell")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    path = write_notebook(tmp_path / "ana.ipynb", *RIGHT)
    assert all(one.right for one in mark(path, container="my-image"))
    run, *kill = (tmp_path / "calls").read_text().splitlines()
    for option in ("--network none", "--read-only", "--memory 4294967296", "--pids-limit 128"):
        assert option in run
    assert kill == [f"kill {re.search('marking-[0-9a-f]+', run).group()}"]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ChildProcessError, match="expected podman or docker"):
        mark(path, container="my-image")


# ---------------------------------------------------------------- a row for every student


@pytest.fixture
def students(tmp_path):
    """Thirteen students, of whom few have handed in what was asked for."""
    folder = tmp_path / "submitted"
    good = [IMPORT, COUNT_NEXT, MOST_LIKELY]
    write_notebook(folder / "01 right" / "intro.ipynb", *RIGHT)
    write_notebook(folder / "02 other name" / "My Intro (1).ipynb", *good)
    write_notebook(folder / "03 other suffix" / "intro.ipynb.txt", *good)
    write_notebook(folder / "04 deep" / "a" / "b" / "INTRO.IPYNB", *good)
    write_notebook(folder / "05 two" / "intro.ipynb", *good)
    write_notebook(folder / "05 two" / "intro-copy.ipynb", IMPORT, COUNT_NEXT)
    write_notebook(folder / "06 no import" / "intro.ipynb", COUNT_NEXT)
    write_notebook(
        folder / "07 other chapter" / "tokens.ipynb",
        "from lessons_lib.classroom.practice.tokens import check_best_pair",
    )
    for name, content in (("08 empty", ""), ("09 no JSON", "%PDF"), ("10 other", "{}")):
        (folder / name).mkdir()
        (folder / name / "intro.ipynb").write_text(content)
    (folder / "11 huge").mkdir()
    with (folder / "11 huge" / "intro.ipynb").open("wb") as file:
        file.truncate(reading.LARGEST + 1)
    (folder / "12 nothing").mkdir()
    (folder / "13 no notebook").mkdir()
    (folder / "13 no notebook" / "intro.py").write_text(COUNT_NEXT)
    write_notebook(folder / "01 right" / ".ipynb_checkpoints" / "intro.ipynb", IMPORT)
    write_notebook(folder / "__MACOSX" / "intro.ipynb", IMPORT)
    return folder


def test_every_student_has_a_row(students, tmp_path, capsys):
    table, texts = tmp_path / "m.csv", tmp_path / "texts"
    options = ["--chapter", "intro", "--csv", str(table), "--feedback", str(texts), "--jobs", "2"]
    assert main([str(students), *options]) == 1
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["student", "notebook", "chapter", "right", "of", *ASKED, "note"]
    got = [(row["student"][:2], row["right"], row["of"], row["note"]) for row in rows]
    of = str(len(ASKED))
    several = "one of 2 notebooks of this student"
    assert got == [
        ("01", of, of, ""),
        ("02", "2", of, ""),
        ("03", "2", of, ""),
        ("04", "2", of, ""),
        ("05", "1", of, several),
        ("05", "2", of, several),
        ("06", "1", of, ""),
        ("07", "0", of, "expected a notebook, found only: tokens.ipynb"),
        ("08", "0", of, "expected a notebook, got an empty file"),
        ("09", "0", of, "expected a notebook of format 4, got a file that is not JSON"),
        ("10", "0", of, "expected a notebook of format 4, got other JSON"),
        ("11", "0", of, "expected a notebook of at most 100 MiB, got a larger file"),
        ("12", "0", of, "expected a notebook, found none"),
        ("13", "0", of, "expected a notebook, found only: intro.py"),
    ]
    assert [rows[1][name] for name in ASKED] == ["1", "1", "0", "0"]
    assert len(list(texts.iterdir())) == 13
    page = (texts / "02_other_name.txt").read_text(encoding="utf-8")
    assert page.startswith("My Intro (1).ipynb: 2 of 4\n\ncount_next: right\n")
    assert "surprise: not yet\n    Not yet: expected a function, got None" in page
    assert "empty file" in (texts / "08_empty.txt").read_text()
    assert capsys.readouterr().out.count("My Intro") == 1


def test_who_is_not_in_the_list_of_files_is_named(students, capsys, monkeypatch):
    monkeypatch.setattr(marks, "_ask", lambda task, tasks, _: dict.fromkeys(tasks, (None, False)))
    main([str(path) for path in sorted(students.glob("*/intro.ipynb"))[:3]])
    said = capsys.readouterr()
    assert "01 right" in said.out
    assert "Not named, so without a row: 02 other name, 03 other suffix" in said.err
    assert said.err.rstrip().endswith("submitted")


def test_whose_notebook_it_is(tmp_path):
    for name in ("a/intro", "b/intro", "class/intro", "class/ana", "one/eva"):
        write_notebook(tmp_path / f"{name}.ipynb", IMPORT)

    def students(*names):
        return [row.student for row in collect([str(tmp_path / name) for name in names])]

    assert students("a/intro.ipynb", "b/intro.ipynb") == ["a", "b"]
    assert students("[ab]/*.ipynb") == ["a", "b"]
    assert students("class/ana.ipynb", "one/eva.ipynb") == ["ana", "eva"]
    assert students("a/intro.ipynb") == ["a"]
    assert students("class") == ["ana", "class"]
    assert students("nobody.ipynb") == ["nobody"]


TROUBLE = [
    "=cmd|' /C calc'!A0",
    "ana;=1+1",
    "ana\t=1+1",
    "ana|@SUM(1)",
    "ana, +1",
    '"=1',
    "\r=1",
    "-1",
    "＝1",
    "Ana-María Núñez",
]


def test_no_cell_begins_a_formula_whatever_the_separator():
    rows = [reports.Row(name, f"{name}.ipynb", problem=Told("unreadable", got=name))
            for name in TROUBLE]  # fmt: skip
    table = reports.as_csv(rows, "en")
    for separator in ",;\t|:^~ ":
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            for row in csv.reader(io.StringIO(table), delimiter=separator, quoting=quoting):
                for cell in row:
                    assert cell.lstrip(' "')[:1] not in tuple("=+-@＝\t\r"), cell
    assert "Ana-María Núñez" in table


def test_names_and_messages_of_any_kind_are_written(tmp_path, capsys):
    half = count_next('raise ValueError("\\ud800")')
    odd = tmp_path / "class" / "Garc\udced"  # a Latin-1 name on Linux
    try:
        write_notebook(odd / "intro.ipynb", IMPORT, half)
    except OSError:
        pytest.skip("names are UTF-8 here")
    files = tmp_path / "m.csv", tmp_path / "m.json"
    texts = tmp_path / "texts"
    options = ["--csv", str(files[0]), "--json", str(files[1]), "--feedback", str(texts)]
    assert main([str(odd.parent), *options]) == 0
    assert "Garc\\udced/intro.ipynb): 0 of 4" in capsys.readouterr().out
    assert r"Garc\udced," in files[0].read_text(encoding="utf-8-sig")
    [stored] = json.loads(files[1].read_text(encoding="utf-8"))
    assert r"ValueError: \ud800" in stored["marks"][0]["message"]
    assert len(list(texts.iterdir())) == 1


def test_the_pages_of_students_have_names_of_their_own():
    names = ["Ana", "ana", "../../etc", "con", "a/b", "a:b", "…", "ñandú"]
    files = reports.file_stems(names)
    assert list(files) == names
    assert len({name.casefold() for name in files.values()}) == len(names)
    assert all(re.fullmatch(r"[\w-][\w.-]*", name) for name in files.values())
    assert files["ñandú"] == "ñandú"
    assert files["con"] == "con_"


# ---------------------------------------------------------------- a run that is stopped


@LINUX
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_marks_survive_a_kill(how, tmp_path):
    folder, table = tmp_path / "class", tmp_path / "m.csv"
    write_notebook(folder / "ana" / "intro.ipynb", IMPORT, COUNT_NEXT)
    write_notebook(folder / "ben" / "intro.ipynb", IMPORT, count_next("while True: pass"))
    command = [sys.executable, "-m", "lessons_lib.classroom.marking", str(folder)]
    process = subprocess.Popen(
        [*command, "--csv", str(table), "--seconds", "300"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # What a shell starts in the background passes over SIGINT, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout.readline().startswith("ana")
    while ",1,4,1," not in table.read_text(encoding="utf-8-sig"):
        assert process.poll() is None
        time.sleep(0.01)
    keepers = children_of(process.pid)
    assert keepers
    process.send_signal(how)
    process.wait()
    process.stdout.close()
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], row["right"]) for row in rows] == [("ana", "1"), ("ben", "")]
    assert rows[1]["note"] == "not marked yet"
    while any(Path("/proc", str(pid)).exists() for pid in keepers):
        time.sleep(0.01)  # they see that the marker is gone


def children_of(pid):
    """Return the processes below one, all the way down."""
    found = []
    for path in Path("/proc", str(pid), "task").glob("*/children"):
        for child in path.read_text().split():
            found += [int(child), *children_of(int(child))]
    return found


@pytest.mark.skipif(os.name == "nt", reason="the file would be locked")
def test_a_table_that_another_program_keeps_open_is_written_beside(tmp_path, monkeypatch, capsys):
    path = write_notebook(tmp_path / "ana.ipynb", IMPORT, COUNT_NEXT)
    from lessons_lib.classroom.marking import command

    write = command.write_atomic

    def refuse(to, data):
        if to.name == "m.csv":
            raise PermissionError("in use")
        write(to, data)

    monkeypatch.setattr(command, "write_atomic", refuse)
    assert main([str(path), "--csv", str(tmp_path / "m.csv")]) == 0
    assert ",1,4," in (tmp_path / "m-new.csv").read_text(encoding="utf-8-sig")
    assert "m.csv is in use; the marks go to" in capsys.readouterr().err


def test_a_fault_of_the_marker_is_one_rows(students, capsys, monkeypatch):
    def broken(task, *_):
        raise RuntimeError("planted")

    monkeypatch.setattr(marks, "_ask", broken)
    assert main([str(students), "--chapter", "intro"]) == 1
    assert capsys.readouterr().out.count("could not be marked: RuntimeError: planted") == 7


# ---------------------------------------------------------------- languages


def test_the_notebook_chooses_the_language(tmp_path, capsys):
    spanish = 'from lessons_lib.classroom import practice\npractice.speak("es")'
    path = write_notebook(tmp_path / "ana.ipynb", spanish, IMPORT, count_next("return int"))
    [found, *_] = mark(path)
    assert found.message.startswith("Todavía no: para count_next('abcab', 'bc') se esperaba")
    assert "una respuesta de tipo type no se puede comparar" in found.message
    assert mark(path, language="en")[0].message.startswith("Not yet")
    table = tmp_path / "m.csv"
    main([str(path), "--csv", str(table), "--seconds", "2"])
    assert table.read_text(encoding="utf-8-sig").startswith("estudiante,cuaderno,capítulo,bien,de,")
    assert "0 de 4" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no hay ningún archivo"):
        mark(tmp_path / "nobody.ipynb", language="es")


def test_all_that_is_said_is_said_in_both_languages():
    assert WORDS["en"].keys() == WORDS["es"].keys()
    for key, english in WORDS["en"].items():
        spanish = WORDS["es"][key]
        assert re.findall(r"\{\w+", english) == re.findall(r"\{\w+", spanish), key
        assert english != spanish
        said = re.sub(r"\{.*?\}|\(from.*?\)", "", spanish)
        assert not re.search(r"\b(the|an|of|got|answer|expected|process)\b", said), key


# ---------------------------------------------------------------- whose work it is


def published(source):
    """Return the solution as it stands in `practice`, in a notebook."""
    text = Path(practice.__path__[0], "intro.py").read_text()
    return "from collections import Counter\n" + source(
        text.split("def _count_next")[1].split("\n\n")[0]
    )


def test_a_copy_of_the_solution_is_noticed(tmp_path, capsys):
    copy = published(lambda rest: f"def count_next{rest}")
    other = published(
        lambda rest: (
            f"def mine{rest}\n\ncount_next = mine".replace("text", "words")
            .replace("places", "spots")
            .replace(": str", "")
        )
    ).replace("return", '"""Count."""\n    # my own\n    return')
    for name, cell in (("copy", copy), ("renamed", other), ("own", COUNT_NEXT)):
        write_notebook(tmp_path / "class" / name / "intro.ipynb", IMPORT, cell)
    found = mark_class(tmp_path / "class")
    assert {name: found[name][0].published for name in found} == {
        "copy": True,
        "renamed": True,
        "own": False,
    }
    assert all(found[name][0].right for name in found)
    assert capsys.readouterr().out.count("the same as the published solution: count_next") == 2
