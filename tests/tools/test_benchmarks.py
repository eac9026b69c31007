"""Every benchmark starts as its docstring says, from the root of a clone."""

import ast
import re
import runpy
import sys

import pytest

from tools import house

NAMES = sorted(path.stem for path in (house.ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_starts_as_its_docstring_says(name, monkeypatch, capsys):
    module = f"benchmarks.{name}"
    source = (house.ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
    commands = re.findall(r"^ +python (.+)$", ast.get_docstring(ast.parse(source)), re.M)
    assert commands
    for command in commands:
        # As a script, it would find its neighbours in place of packages of their names.
        start, *words = re.split(r"\s{3,}", command)[0].removeprefix("-m ").split()
        assert command.startswith(f"-m {module}")
        assert start == module
        words = [word.strip("[]") for word in words]
        monkeypatch.setattr(sys, "argv", [module, *words, "--help"])
        with pytest.raises(SystemExit) as end:
            runpy.run_module(module, run_name="__main__")
        assert end.value.code == 0
        shown = capsys.readouterr()
        assert shown.out.startswith("usage: ")
        assert shown.err == ""
        assert {word for word in words if word[0] == "-"} <= set(re.findall(r"--\w+", shown.out))


def test_there_are_benchmarks():
    assert {"generation", "tokens", "training"} <= set(NAMES)
