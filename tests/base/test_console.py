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


# Runs commands one after the other, "--" before each: PyTorch is imported once.
PROGRAM = """
import itertools, runpy, sys, torch
torch.set_num_threads(1)
several = itertools.groupby(sys.argv[1:], lambda word: word == "--")
for command in [list(words) for ends, words in several if not ends]:
    sys.argv = command
    try:
        runpy.run_module(command[0], run_name="__main__")
    except SystemExit as ended:
        assert not ended.code, ended.code
from lessons_lib.classroom import practice
from lessons_lib.classroom.practice import tokens
practice.speak("es")
tokens.check_best_split(lambda word, shares: ["\\u2192\\U0001f999"])
"""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_commands_tell_of_characters_that_the_console_lacks(encoding, tmp_path):
    """Training reports what a model has hardly learned, such as halves of characters."""
    text = tmp_path / "ñandú 🦙.txt"
    text.write_text("El ñandú y la llama 🦙 corren → lejos. " * 200, encoding="utf-8")
    sizes = ("--d-model", 16, "--n-layers", 1, "--n-heads", 2, "--context", 8, "--batch", 2)
    options = ("--text", text, "--out", tmp_path / "año 🦙", "--steps", 2, "--every", 1, *sizes)
    path = tmp_path / "llama 🦙.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_string("general.name", "ñandú → 🦙")
    writer.add_tensor("peso_ñ", np.zeros((2, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    training = ("lessons_lib.training", "--vocab-size", 300, *options)
    commands = (training, ("lessons_lib.gguf", path), ("tools.translations",))
    out, _ = command(encoding, "-c", PROGRAM, *(word for one in commands for word in ("--", *one)))
    trained, shown = out.split(b"general.name")
    assert b"step 2" in trained
    assert b"written:" in trained
    assert (tmp_path / "año 🦙" / "config.json").exists()
    assert ("🦙".encode() in trained) == (encoding == "utf-8")
    assert ("ñandú → 🦙".encode() in shown) == (encoding == "utf-8")
    assert (b"\\u2192" in shown) == (encoding != "utf-8")
    [answer] = [line for line in shown.splitlines() if line.startswith(b"Toda")]
    assert answer.startswith("Todavía".encode("utf-8" if encoding == "utf-8" else "cp1252")[:4])


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
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
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
            if path.name == "__main__.py" or '\nif __name__ == "__main__"' in text:
                yield path.relative_to(house.ROOT).as_posix(), text


@pytest.mark.parametrize(("name", "text"), [*commands()], ids=[name for name, _ in commands()])
def test_every_command_is_run_by_the_console(name, text):
    assert "    console.run(main" in text, f"{name}: expected console.run(main)"
