"""Test the library with the oldest or the newest versions of torch, NumPy and matplotlib allowed.

    python -m tools.bounds oldest
    python -m tools.bounds newest

`oldest` takes the lower bounds of pyproject.toml, `newest` whatever the package index has beyond
the versions of requirements.txt. Each makes an environment of its own, some gigabytes, and runs the
tests there, without the notebooks (their outputs belong to requirements.txt) and without the pages.
It needs nothing beyond Python itself.
"""

import argparse
import os
import re
import subprocess
import tomllib
import venv
from pathlib import Path

from lessons_lib.base import console

ROOT = Path(__file__).resolve().parents[1]
# What the library computes and draws with. The others' lower bounds are those of Colab, or the
# other tools that the tests compare with ask for newer ones.
BOUNDED = ("torch", "numpy", "matplotlib")
TESTS = ("-m", "not site", "--doctest-modules", "tests", "lessons_lib")


def wanted(which: str, project: dict) -> list[str]:
    """Return what pip shall install.

    Args:
        which: ``"oldest"`` or ``"newest"``.
        project: the content of pyproject.toml.

    Raises:
        ValueError: `which` is another word, or a bounded package has no lower bound.
    """
    if which not in ("oldest", "newest"):
        raise ValueError(f"expected 'oldest' or 'newest', got {which!r}")
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    if which == "newest":
        return asked
    bounds = dict(re.findall(r"^([\w-]+)>=([\d.]+)$", "\n".join(asked), re.MULTILINE))
    for name in BOUNDED:
        if name not in bounds:
            raise ValueError(f"expected a lower bound of {name} in pyproject.toml, got none")
    return [*asked, *(f"{name}=={bounds[name]}.*" for name in BOUNDED)]


def main(arguments: list[str] | None = None) -> int:
    """Make the environment and run the tests in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=("oldest", "newest"))
    which = parser.parse_args(arguments).which
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folder = ROOT / "_build" / "bounds" / which
    venv.create(folder, clear=True, with_pip=True, symlinks=os.name != "nt")
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, *wanted(which, project)], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", str(ROOT)], check=True)
    versions = f"from importlib.metadata import version; [print(n, version(n)) for n in {BOUNDED}]"
    subprocess.run([python, "-c", versions], check=True)
    tests = [python, "-m", "pytest", "-n", "2", "--dist", "loadscope", *TESTS]
    return subprocess.run(tests, cwd=ROOT).returncode


if __name__ == "__main__":
    console.run(main)
