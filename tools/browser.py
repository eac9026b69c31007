"""Find a Chromium for the tests that open the built pages, or install one.

python -m tools.browser            # print the one that the tests use
python -m tools.browser --ensure   # install one where none starts
"""

import argparse
import os
import shutil
import subprocess
import sys

from lessons_lib.base import console
from lessons_lib.classroom.printing import ARGUMENTS, find_chromium
from lessons_lib.classroom.printing import is_root as _is_root

MISSING = (
    "No Chromium found: install Chromium or Chrome, or name one in the environment variable "
    "CHROMIUM."
)


def launch(playwright):
    """Start the Chromium found, headless, with a profile of its own, by Playwright's sync API.

    Raises:
        RuntimeError: there is no Chromium.
    """
    path = find_chromium()
    if path is None:
        raise RuntimeError(
            "expected a Chromium browser, found none: run `python -m tools.browser --ensure`, "
            "or name one in the environment variable CHROMIUM"
        )
    sandbox = ["--no-sandbox"] if _is_root() else []
    return playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *sandbox])


def _fault() -> str:
    """Say why no Chromium starts; nothing where one does."""
    from playwright.sync_api import Error, sync_playwright

    if find_chromium() is None:
        return MISSING
    try:
        with sync_playwright() as playwright:
            launch(playwright).close()
    except Error as error:
        said = [line for line in error.message.splitlines() if line.startswith("[pid=")]
        return "\n".join([f"{find_chromium()} does not start: name another in CHROMIUM.", *said])
    return ""


def ensure_chromium() -> str:
    """Install a Chromium where none starts; return what is wrong after all, or nothing."""
    if not _fault():
        return ""
    apt = shutil.which("apt-get") and _is_root()
    if apt:
        packages = ["chromium", "fonts-dejavu-core"]
        subprocess.run(["apt-get", "update"], stdout=sys.stderr, check=False)
        subprocess.run(
            ["apt-get", "install", "-y", "--no-install-recommends", *packages],
            stdout=sys.stderr,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    if _fault():
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        command += ["--with-deps"] if apt else []
        subprocess.run(command, stdout=sys.stderr, check=False)
    return _fault()


def main(arguments: list[str] | None = None) -> int:
    """Print the path of the Chromium that the tests use."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ensure", action="store_true", help="install one where none starts")
    wrong = ensure_chromium() if parser.parse_args(arguments).ensure else ""
    path = find_chromium()
    if wrong or path is None:
        print(wrong or MISSING, file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    console.run(main)
