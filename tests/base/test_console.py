"""Commands on consoles that lack characters; text files that name their encoding."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from gguf import GGUFWriter

from lessons_lib.base import console
from lessons_lib.base.progress import progress_bar
from tools import house

ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},  # ASCII files too
    "utf-8": {"PYTHONIOENCODING": "utf-8"},
}
SETTINGS = ("LC_ALL", "LANG", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONCOERCECLOCALE")


def command(encoding, *arguments):
    """Run a command on such a console; return its output and what it says of errors."""
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=clean | {"PYTHONPATH": str(house.ROOT)} | ENCODINGS[encoding],
        capture_output=True,
        cwd=house.ROOT,
    )
    assert done.returncode == 0, done.stderr.decode("ascii", "replace")[-2000:]
    return done.stdout, done.stderr


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_training_tells_of_characters_that_the_console_lacks(encoding, tmp_path):
    """Its reports hold what a model has hardly learned, such as halves of characters."""
    text = tmp_path / "ñandú 🦙.txt"
    text.write_text("El ñandú y la llama 🦙 corren → lejos. " * 200, encoding="utf-8")
    sizes = ("--d-model", 16, "--n-layers", 1, "--n-heads", 2, "--context", 8, "--batch", 2)
    options = ("--text", text, "--out", tmp_path / "año 🦙", "--steps", 2, "--every", 1, *sizes)
    program = "import torch; torch.set_num_threads(1); import runpy; import sys;"
    program += "sys.argv = ['training', *sys.argv[1:]];"
    program += "runpy.run_module('lessons_lib.training', run_name='__main__')"
    out, _ = command(encoding, "-c", program, "--vocab-size", 300, *options)
    assert b"step 2" in out
    assert b"written:" in out
    assert (tmp_path / "año 🦙" / "config.json").exists()
    assert ("🦙" in out.decode("utf-8", "replace")) == (encoding == "utf-8")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_gguf_shows_characters_that_the_console_lacks(encoding, tmp_path):
    path = tmp_path / "llama 🦙.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_string("general.name", "ñandú → 🦙")
    writer.add_tensor("peso_ñ", np.zeros((2, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    out, _ = command(encoding, "-m", "lessons_lib.gguf", path)
    assert b"general.name" in out
    assert ("ñandú → 🦙".encode() in out) == (encoding == "utf-8")
    assert (b"\\u2192" in out) == (encoding != "utf-8")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tools_and_checks(encoding, tmp_path):
    command(encoding, "-m", "tools.translations")
    program = "from lessons_lib.classroom.practice.tokens import *; from lessons_lib.classroom "
    program += "import practice; practice.speak('es'); "
    program += "check_best_split(lambda word, shares: ['\\u2192\\U0001f999'])"
    out, _ = command(encoding, "-c", program)
    assert out.startswith("Todavía".encode("utf-8" if encoding == "utf-8" else "cp1252")[:4])


@pytest.mark.parametrize("name", ["cp1252", "ascii", "utf-8", "utf-16", "shift_jis"])
def test_what_is_told_is_what_the_encoding_allows(name, monkeypatch):
    text = "año → 🦙 \udc80"
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=name))
    console.tell(text)
    sys.stdout.flush()
    assert raw.getvalue().decode(name).splitlines() == [
        text.encode(name, "backslashreplace").decode(name)
    ]


def test_run_ends_with_the_status_or_a_sentence():
    def fail():
        raise ValueError("expected a folder, got 🦙")

    said = "error: expected a folder, got 🦙"
    for main, code in ((lambda: None, None), (lambda: 3, 3), (fail, said)):
        with pytest.raises(SystemExit) as ended:
            console.run(main, ValueError)
        assert ended.value.code == code
    with pytest.raises(ValueError, match="expected"):
        console.run(fail, OSError)


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


@pytest.mark.parametrize("name", ["ascii", "cp1252", "utf-8"])
def test_progress_bars(name, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.delenv("TQDM_DISABLE")
    monkeypatch.setattr(sys, "stderr", Terminal(raw, encoding=name, errors="strict"))
    with progress_bar("mañana 🦙", 2, mininterval=0) as bar:
        bar.update()
        bar.refresh()
    sys.stderr.flush()
    shown = raw.getvalue().decode(name)
    assert ("█" in shown) == (name == "utf-8")
    assert "50%" in shown
    assert "\\u2588" not in shown


def commands():
    for room in ("lessons_lib", "tools", "benchmarks"):
        for path in sorted((house.ROOT / room).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if path.name == "__main__.py" or '__name__ == "__main__"' in text:
                yield path.relative_to(house.ROOT).as_posix(), text


@pytest.mark.parametrize(("name", "text"), [*commands()], ids=[name for name, _ in commands()])
def test_every_command_is_run_by_the_console(name, text):
    assert "    console.run(main" in text, f"{name}: expected console.run(main)"
