"""The library with the oldest and the newest packages: what is installed, and where tests run."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from tools import bounds

ROOT = Path(__file__).resolve().parents[2]


def test_bounds_are_those_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    newest, oldest = bounds.wanted("newest", project), bounds.wanted("oldest", project)
    assert oldest[: len(newest)] == newest
    assert oldest[len(newest) :] == ["torch==2.9.*", "numpy==2.0.*", "matplotlib==3.9.*"]
    with pytest.raises(ValueError, match="expected 'oldest' or 'newest', got 'old'"):
        bounds.wanted("old", project)
    project["project"]["dependencies"].remove("numpy>=2.0")
    with pytest.raises(ValueError, match="lower bound of numpy"):
        bounds.wanted("oldest", project)


@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_the_tests_run_in_an_environment_of_their_own(monkeypatch, which):
    made, commands = [], []

    def run(command, **options):
        testing = command[1:3] == ["-m", "pytest"]
        assert options == ({"cwd": ROOT} if testing else {"check": True})
        commands.append(command)
        return subprocess.CompletedProcess(command, 3 if testing else 0)

    monkeypatch.setattr(bounds.venv, "create", lambda *a, **options: made.append((a, options)))
    monkeypatch.setattr(bounds.subprocess, "run", run)
    assert bounds.main([which]) == 3  # the tests' own status

    folder = ROOT / "_build" / "bounds" / which
    options = {"clear": True, "with_pip": True, "symlinks": os.name != "nt"}
    assert made == [((folder,), options)]
    assert {Path(command[0]).parent.parent for command in commands} == {folder}
    packages, project, versions, tests = commands
    assert packages[1:4] == ["-m", "pip", "install"]
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = bounds.wanted(which, pyproject)
    assert packages[-len(wanted) :] == wanted
    assert project[1:4] == ["-m", "pip", "install"]
    assert project[-3:] == ["--no-deps", "--editable", str(ROOT)]
    assert all(name in versions[2] for name in bounds.BOUNDED)
    assert tests[-len(bounds.TESTS) :] == list(bounds.TESTS)
