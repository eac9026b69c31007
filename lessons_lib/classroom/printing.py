"""Pages on paper: HTML printed to PDF by the Chromium or Chrome that is on the machine."""

import glob
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lessons_lib.base.files import write_atomic

__all__ = ["ARGUMENTS", "find_chromium", "is_root", "print_pdf"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
USUAL_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files\Chromium\Application\chrome.exe",
)
# Where `playwright install` puts its own, on Linux, macOS and Windows.
PLAYWRIGHT_FOLDERS = (
    "~/.cache/ms-playwright",
    "~/Library/Caches/ms-playwright",
    "~/AppData/Local/ms-playwright",
)
PLAYWRIGHT_FILES = (
    "chrome-linux*/chrome",
    "chrome-mac*/*.app/Contents/MacOS/*",
    "chrome-win*/chrome.exe",
)
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
LONGEST = 600  # seconds that printing may take


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome, or None.

    Looked for in this order: the environment variable ``CHROMIUM``, the usual names on the PATH,
    the usual places on macOS and Windows, Playwright's own.
    """
    if wanted := os.environ.get("CHROMIUM"):
        return shutil.which(wanted)
    for name in NAMES:
        if path := shutil.which(name):
            return path
    folders = [os.environ.get("PLAYWRIGHT_BROWSERS_PATH", ""), *PLAYWRIGHT_FOLDERS]
    own = [
        path
        for folder in filter(None, folders)
        for file in PLAYWRIGHT_FILES
        for path in sorted(glob.glob(f"{os.path.expanduser(folder)}/chromium-*/{file}"))
    ]
    return next((path for path in [*USUAL_PLACES, *reversed(own)] if Path(path).is_file()), None)


def is_root() -> bool:
    """Tell whether this process is the system's: Chromium then wants to be without a sandbox."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def print_pdf(page: Path, out: Path) -> None:
    """Print a page of HTML that needs no network to a PDF.

    Raises `ValueError` if there is no Chromium, or if it made no PDF; the page stays.
    """
    path = find_chromium()
    if path is None:
        raise ValueError(
            "expected Chromium or Chrome to print the PDF, found none: install one, name one in "
            f"the environment variable CHROMIUM, or print {page} from your browser"
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = Path(folder) / "page.pdf"
        command = [path, "--headless", *ARGUMENTS, f"--user-data-dir={folder}/profile"]
        command += ["--no-sandbox"] if is_root() else []
        # Tags take half of the time and three quarters of the bytes.
        command += [
            "--disable-pdf-tagging",
            "--no-pdf-header-footer",
            f"--print-to-pdf={made}",
            page.resolve().as_uri(),
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=LONGEST, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ValueError(f"expected {path} to print {page}, got: {error}") from None
        if not made.is_file():
            raise ValueError(f"expected {path} to print {page}, got no PDF")
        write_atomic(out, made.read_bytes())
