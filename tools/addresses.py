"""Where the book lives: the one place that knows its repository, and every address made from it.

A fork changes nothing here. The publishing workflow sets the environment, and a clone has its git
remote:

    BOOK_REPOSITORY   owner/name on GitHub; empty: none; unset: that of the git remote `origin`
    BOOK_BASE_URL     the site's address; empty: none; unset: GitHub Pages of the repository
    BOOK_RELEASE      the release that holds the wheel; unset: `book`, which each publication renews
    BOOK_WHEEL_URL    the wheel's whole address, in place of the one in the release

Without a repository the book builds all the same, only without what would lead there.
"""

import os
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BRANCH = "main"  # holds the sources
NOTEBOOKS = "notebooks"  # the branch of the published notebooks (tools.publish)
RELEASE = "book"
# What stands in a page in place of an address that is not known.
UNKNOWN = {
    "en": {
        "repository": "ADDRESS-OF-THE-REPOSITORY",
        "site": "ADDRESS-OF-THE-SITE",
        "wheel": "ADDRESS-OF-THE-WHEEL",
    },
    "es": {
        "repository": "DIRECCIÓN-DEL-REPOSITORIO",
        "site": "DIRECCIÓN-DEL-SITIO",
        "wheel": "DIRECCIÓN-DEL-PAQUETE",
    },
}


def repository() -> str | None:
    """Return the repository's ``owner/name`` on GitHub, or None where there is none.

    Raises:
        ValueError: ``BOOK_REPOSITORY`` is not of the form ``owner/name``.
    """
    name = os.environ.get("BOOK_REPOSITORY")
    if name is None:
        try:
            git = subprocess.run(
                ["git", "-C", ROOT, "remote", "get-url", "origin"],
                capture_output=True,
                encoding="utf-8",
            )
        except OSError:
            return None
        match = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", git.stdout.strip())
        return match and match[1]
    if name and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ValueError(f"expected BOOK_REPOSITORY as owner/name, got {name!r}")
    return name or None


def repository_url() -> str | None:
    """Return the repository's page on GitHub, or None."""
    name = repository()
    return name and f"https://github.com/{name}"


def site_url() -> str:
    """Return the published site's address, ending in a slash, or "" where there is none."""
    base = os.environ.get("BOOK_BASE_URL")
    if base is None:
        name = repository()
        if not name:
            return ""
        owner, _, name = name.partition("/")
        host = f"{owner.lower()}.github.io"
        base = f"https://{host}/" + ("" if name.lower() == host else name)
    if base and not re.match(r"https?://[^/\s]", base):
        raise ValueError(f"expected BOOK_BASE_URL as http(s)://..., got {base!r}")
    return base and f"{base.rstrip('/')}/"


def page_url(language: str, slug: str) -> str:
    """Return the address of a page of the site, or "" where the site's is not known."""
    site = site_url()
    return site and f"{site}{language}/{slug}.html"


def notebook_path(language: str, slug: str, variant: str = "") -> str:
    """Return where a published notebook lies on its branch, below the folder of its variant."""
    return "/".join(filter(None, [variant, language, f"{slug}.ipynb"]))


def colab_url(language: str, slug: str, variant: str = "") -> str | None:
    """Return the address that opens a published notebook in Colab, or None."""
    name = repository()
    path = notebook_path(language, slug, variant)
    return name and f"https://colab.research.google.com/github/{name}/blob/{NOTEBOOKS}/{path}"


def version() -> str:
    """Return the library's version, as pyproject.toml gives it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["project"]["version"]


def wheel_name() -> str:
    """Return the file name of the library's wheel."""
    return f"lessons_lib-{version()}-py3-none-any.whl"


def wheel_url() -> str | None:
    """Return the address of the library's wheel, or None."""
    if url := os.environ.get("BOOK_WHEEL_URL"):
        return url
    name, release = repository(), os.environ.get("BOOK_RELEASE") or RELEASE
    return name and f"https://github.com/{name}/releases/download/{release}/{wheel_name()}"


def substitutions(language: str) -> dict[str, str]:
    """Return what `{{ repository }}`, `{{ clone }}`, `{{ site }}` and `{{ wheel }}` stand for.

    Each is plain text: an address or a command, with a speaking name, in the page's language,
    where none is known.
    """
    known = {"repository": repository_url(), "site": site_url(), "wheel": wheel_url()}
    values = {name: known[name] or UNKNOWN[language][name] for name in known}
    source = f"{values['repository']}.git" if known["repository"] else values["repository"]
    return {**values, "clone": f"git clone {source}"}
