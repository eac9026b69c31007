"""Pack the built site, and hand what was built to GitHub.

    python -m tools.release zip            _build/site into _build/book-VERSION.zip
    python -m tools.release notebooks      _build/notebooks to the branch of the notebooks
    python -m tools.release publish TAG    wheel, zip and PDFs to the release TAG

The last two are for the publishing workflow: they call `git push` and GitHub's command line tool
`gh`, which find the repository and the right to write to it in the environment. Running one of them
again leads to the same result. The release `book` moves along with the branch and keeps its old
wheels, which readers' saved notebooks install; any other belongs to the git tag of its name.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from tools.addresses import NOTEBOOKS, RELEASE, ROOT, version, wheel_name

BUILD = ROOT / "_build"
# The first moment that a zip file can tell: the same site gives the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
NOTES = """\
Build an LLM, step by step · Construye un LLM, paso a paso

- `{name}.zip`: both editions for reading offline; unpack it and open `index.html`.
- `{name}-en.pdf`, `{name}-es.pdf`: the editions for printing.
- `{wheel}`: the library, which the notebooks install in Colab.

Built from {commit}.
"""


def name() -> str:
    """Return how this version's files are called, without their endings."""
    return f"book-{version()}"


def make_zip(site: Path, file: Path) -> None:
    """Write a zip of the built site with one folder at its top.

    Raises:
        ValueError: the site has not been built.
    """
    if not (site / "index.html").is_file():
        raise ValueError(f"expected a built site in {site}, got none: run `python -m tools.site`")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in site.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{file.stem}/{path.relative_to(site).as_posix()}", EPOCH)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # Unix: the permissions above count
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    write_atomic(file, data.getvalue())


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} ...: {done.stderr.strip()}")
    return done.stdout.strip()


def push_notebooks(folder: Path) -> str:
    """Make the published notebooks the one commit of their branch, and return the commit.

    The branch has no history: its old commit is replaced.

    Raises:
        ValueError: the folder holds no notebooks.
        RuntimeError: git failed.
    """
    if not any(folder.rglob("*.ipynb")):
        raise ValueError(f"expected notebooks in {folder}, got none: run `python -m tools.publish`")
    source = _run("git", "rev-parse", "HEAD")
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _run("git", f"--work-tree={folder.resolve()}", "add", "--all", "--force", ".", **index)
        tree = _run("git", "write-tree", **index)
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (
            ("NAME", "github-actions[bot]"),
            ("EMAIL", "41898282+github-actions[bot]@users.noreply.github.com"),
            ("DATE", _run("git", "log", "-1", "--format=%cI")),
        )
    }
    message = f"Notebooks published from {source}"
    commit = _run("git", "commit-tree", tree, "-m", message, **who)
    helper = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")
    _run("git", *helper, "push", "--force", "origin", f"{commit}:refs/heads/{NOTEBOOKS}")
    return commit


def files(build: Path) -> list[Path]:
    """Return the files of a release.

    Raises:
        ValueError: one has not been built.
    """
    wanted = [
        build / "wheel" / wheel_name(),
        build / f"{name()}.zip",
        *(build / "pdf" / f"{name()}-{language}.pdf" for language in ("en", "es")),
    ]
    missing = [str(file) for file in wanted if not file.is_file()]
    if missing:
        raise ValueError(f"expected the files of the release, got none at {', '.join(missing)}")
    return wanted


def publish(tag: str, assets: list[Path]) -> None:
    """Make or renew a release, so that it holds these files and, of older ones, only the wheels.

    Raises:
        RuntimeError: `gh` failed.
    """
    commit = _run("git", "rev-parse", "HEAD")
    rolling = tag == RELEASE
    notes = NOTES.format(name=name(), wheel=wheel_name(), commit=commit)
    about = ["--title", f"{name()} (latest)" if rolling else tag, "--notes", notes]
    try:
        old = _run("gh", "release", "view", tag, "--json", "assets", "--jq", ".assets[].name")
    except RuntimeError:
        made = ["--target", commit, "--latest=false"] if rolling else ["--verify-tag"]
        _run("gh", "release", "create", tag, *about, *made, *map(str, assets))
    else:
        _run("gh", "release", "upload", tag, "--clobber", *map(str, assets))
        for surplus in sorted(set(old.split()) - {asset.name for asset in assets}):
            if not surplus.endswith(".whl"):
                _run("gh", "release", "delete-asset", tag, surplus, "--yes")
        _run("gh", "release", "edit", tag, *about)
    if rolling:  # where the tag was there before, --target does not move it
        reference = f"repos/{{owner}}/{{repo}}/git/refs/tags/{tag}"
        _run("gh", "api", "--method", "PATCH", reference, "-f", f"sha={commit}", "-F", "force=true")


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    todo = reader.add_subparsers(dest="todo", required=True)
    todo.add_parser("zip", help="pack the built site")
    todo.add_parser("notebooks", help="push the published notebooks to their branch")
    todo.add_parser("publish", help="make or renew a release").add_argument("tag")
    return reader


def main(arguments: list[str] | None = None) -> int:
    """Pack, push or publish."""
    options = parser().parse_args(arguments)
    try:
        if options.todo == "zip":
            file = BUILD / f"{name()}.zip"
            make_zip(BUILD / "site", file)
            print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
        elif options.todo == "notebooks":
            commit = push_notebooks(BUILD / "notebooks")
            print(f"Pushed to the branch {NOTEBOOKS}: {commit}")
        else:
            assets = files(BUILD)
            publish(options.tag, assets)
            print(f"Release {options.tag}: {', '.join(asset.name for asset in assets)}")
    except (RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    console.run(main)
