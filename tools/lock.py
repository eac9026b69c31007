"""Renew requirements.txt: install what pyproject.toml asks for into a new environment, and list it.

    python -m tools.lock

torch stays at the version that requirements.txt names; change it there first to move on.
"""

import os
import re
import subprocess
import tempfile
import tomllib
import venv
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements.txt"
HEADER = """\
# Everything that building and testing the book needs, fully pinned; `make lock` renews it.
# lessons_lib itself asks only for the lower bounds in pyproject.toml.
"""


def main() -> None:
    """Write requirements.txt anew."""
    torch = re.search(r"^torch==\S+", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [torch, *project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
        pip = [str(Path(folder) / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", *wanted], check=True)
        # Without --all, setuptools is left out, with which the wheel is built.
        freeze = [*pip, "freeze", "--all", "--exclude", "pip", "--exclude", "wheel"]
        frozen = subprocess.run(freeze, check=True, capture_output=True, encoding="utf-8").stdout
    # A build's own mark, such as torch's +cpu, names no release that others can get.
    public = re.sub(r"\+\S+$", "", frozen, flags=re.MULTILINE)
    write_atomic(REQUIREMENTS, (HEADER + public).encode())
    print(f"requirements.txt: {len(public.splitlines())} packages")


if __name__ == "__main__":
    console.run(main)
