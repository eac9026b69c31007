"""What is packed and handed over: the zip, the branch of the notebooks, the releases."""

import os
import re
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from tools import release
from tools.addresses import NOTEBOOKS, version, wheel_name

COMMITTED = "2026-01-31T12:00:00+01:00"
# It writes each argument and each call with a separator behind it.
FAKE_GH = r"""#!/bin/sh
for word in "$@"; do printf '%s\037' "$word" >> "$GH_LOG"; done
printf '\036' >> "$GH_LOG"
[ "$2" = "$GH_FAILS" ] && { echo "planted" >&2; exit 1; }
[ "$2" = view ] && printf '%s\n' book-0.0.9.zip book.zip lessons_lib-0.0.9-py3-none-any.whl
exit 0
"""


def make_site(folder):
    (folder / "en" / "_static").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Los años</h1>", encoding="utf-8")
    (folder / ".nojekyll").touch()
    (folder / "en" / "_static" / "x.js").write_text("let a = 1;" * 1000)
    return folder


def test_the_zip_has_one_folder_and_the_same_bytes_each_time(tmp_path):
    site = make_site(tmp_path / "site")
    first, second = tmp_path / "book-1.zip", tmp_path / "other" / "book-1.zip"
    second.parent.mkdir()
    release.make_zip(site, first)
    os.utime(site / "index.html", (1, 1))
    release.make_zip(site, second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "book-1/.nojekyll",
            "book-1/en/_static/x.js",
            "book-1/index.html",
        ]
        assert {stat.S_IMODE(i.external_attr >> 16) for i in archive.infolist()} == {0o644}
        assert archive.read("book-1/index.html") == (site / "index.html").read_bytes()
    assert first.stat().st_size < 1500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book-1.zip", "other", "site"]


def test_without_a_site_there_is_no_zip(tmp_path):
    with pytest.raises(ValueError, match="expected a built site"):
        release.make_zip(tmp_path, tmp_path / "book.zip")
    assert list(tmp_path.iterdir()) == []


def git(folder, *command) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *command], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with one commit; its origin is a folder."""
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # a user may sign commits
    origin, folder = tmp_path / "origin.git", tmp_path / "clone"
    subprocess.run(["git", "init", "-q", "--bare", origin], check=True)
    subprocess.run(["git", "init", "-q", folder], check=True)
    git(folder, "remote", "add", "origin", str(origin))
    (folder / ".gitignore").write_text("_build/\n")
    (folder / ".git" / "info" / "exclude").write_text("*.ipynb\n")  # a user's own rules
    git(folder, "add", ".")
    monkeypatch.setenv("GIT_COMMITTER_DATE", COMMITTED)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    git(folder, *who, "commit", "-qm", "first")
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    monkeypatch.setattr(release, "ROOT", folder)
    return folder


def test_the_notebooks_are_one_commit_of_their_branch(clone):
    notebooks = clone / "_build" / "notebooks"
    (notebooks / "en").mkdir(parents=True)
    with pytest.raises(ValueError, match="expected notebooks"):
        release.push_notebooks(notebooks)
    (notebooks / "en" / "a.ipynb").write_text("{}")
    (notebooks / "en" / "b.ipynb").write_text("{}")
    first = release.push_notebooks(notebooks)
    assert release.push_notebooks(notebooks) == first  # the same notebooks, the same commit
    (notebooks / "en" / "b.ipynb").unlink()
    second = release.push_notebooks(notebooks)

    origin = clone.parent / "origin.git"
    assert git(origin, "rev-parse", NOTEBOOKS) == second != first
    assert git(origin, "rev-list", "--count", NOTEBOOKS) == "1"
    assert git(origin, "ls-tree", "-r", "--name-only", NOTEBOOKS) == "en/a.ipynb"
    assert git(clone, "rev-parse", "HEAD") in git(origin, "log", "-1", "--format=%s", NOTEBOOKS)
    assert git(origin, "log", "-1", "--format=%aI %cI", NOTEBOOKS) == f"{COMMITTED} {COMMITTED}"
    # The clone itself is as before.
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "ls-files") == ".gitignore"

    git(clone, "remote", "set-url", "origin", str(clone / "nowhere"))
    with pytest.raises(RuntimeError, match=r"git -c credential\.helper="):
        release.push_notebooks(notebooks)


@pytest.fixture
def gh(clone, tmp_path, monkeypatch):
    """Stand in for GitHub's tool; returns what it was asked."""
    tool, log = tmp_path / "bin" / "gh", tmp_path / "gh.log"
    tool.parent.mkdir()
    tool.write_text(FAKE_GH)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GH_LOG", str(log))
    monkeypatch.setenv("GH_FAILS", "")

    def asked() -> list[list[str]]:
        calls = log.read_text().split("\x1e")[:-1]
        log.unlink()
        return [call.split("\x1f")[:-1] for call in calls]

    return asked


def test_a_release_is_made_where_there_is_none(clone, gh, monkeypatch):
    monkeypatch.setenv("GH_FAILS", "view")
    commit = git(clone, "rev-parse", "HEAD")
    release.publish("book", [clone / "book.zip"])
    view, create, move = gh()
    assert view[:4] == ["release", "view", "book", "--json"]
    assert create == [
        *("release", "create", "book", *about(f"book-{version()} (latest)", commit)),
        *("--target", commit, "--latest=false", str(clone / "book.zip")),
    ]
    assert move == moving(commit)  # a tag that was there before stays where it was until then
    release.publish("v1.0", [clone / "book.zip"])
    assert gh()[1:] == [
        [
            *("release", "create", "v1.0", *about("v1.0", commit)),
            *("--verify-tag", str(clone / "book.zip")),
        ]
    ]


def about(title: str, commit: str) -> list[str]:
    """The options with a release's title and text."""
    notes = release.NOTES.format(name=release.name(), wheel=wheel_name(), commit=commit)
    return ["--title", title, "--notes", notes]


def moving(commit: str) -> list[str]:
    """The call that moves the tag of the release `book`."""
    reference = "repos/{owner}/{repo}/git/refs/tags/book"
    return ["api", "--method", "PATCH", reference, "-f", f"sha={commit}", "-F", "force=true"]


def test_a_release_is_renewed_and_of_old_files_holds_the_wheels_only(clone, gh, monkeypatch):
    commit = git(clone, "rev-parse", "HEAD")
    release.publish("book", [clone / "book.zip"])
    _, upload, delete, edit, move = gh()
    assert upload == ["release", "upload", "book", "--clobber", str(clone / "book.zip")]
    assert delete == ["release", "delete-asset", "book", "book-0.0.9.zip", "--yes"]
    assert edit == ["release", "edit", "book", *about(f"book-{version()} (latest)", commit)]
    assert move == moving(commit)
    release.publish("v1.0", [clone / "book.zip"])
    calls = gh()
    assert [call[1] for call in calls] == ["view", "upload", "delete-asset", "edit"]
    assert calls[-1] == ["release", "edit", "v1.0", *about("v1.0", commit)]
    monkeypatch.setenv("GH_FAILS", "upload")
    with pytest.raises(RuntimeError, match=r"gh release upload \.\.\.: planted"):
        release.publish("book", [clone / "book.zip"])


def test_the_files_of_a_release_are_all_there(tmp_path, capsys, monkeypatch):
    with pytest.raises(ValueError, match=r"lessons_lib-.*whl, .*zip, .*en\.pdf, .*es\.pdf"):
        release.files(tmp_path)
    for folder in ("wheel", "pdf"):
        (tmp_path / folder).mkdir()
    names = [f"wheel/lessons_lib-{version()}-py3-none-any.whl", f"book-{version()}.zip"]
    names += [f"pdf/book-{version()}-{language}.pdf" for language in ("en", "es")]
    for name in names:
        (tmp_path / name).touch()
    assert release.files(tmp_path) == [tmp_path / name for name in names]
    monkeypatch.setattr(release, "BUILD", tmp_path)
    assert release.main(["zip"]) == 1
    assert "expected a built site" in capsys.readouterr().err


def test_what_the_notes_name_is_in_the_release():
    notes = release.NOTES.format(name=release.name(), wheel=wheel_name(), commit="abc")
    named = {name for name in re.findall(r"`(\S+)`", notes) if name != "index.html"}
    build = Path("build")
    with pytest.raises(ValueError, match="expected the files") as error:
        release.files(build)
    assert named == {Path(name).name for name in str(error.value).split(" at ")[1].split(", ")}
    assert "Built from abc." in notes


def test_the_command_packs_pushes_and_publishes(clone, gh, monkeypatch, capsys):
    build = clone / "_build"
    make_site(build / "site")
    for folder in ("wheel", "pdf", "notebooks"):
        (build / folder).mkdir()
    (build / "notebooks" / "a.ipynb").write_text("{}")
    (build / "wheel" / wheel_name()).touch()
    for language in ("en", "es"):
        (build / "pdf" / f"{release.name()}-{language}.pdf").touch()
    monkeypatch.setattr(release, "BUILD", build)
    assert release.main(["publish", "v1.0"]) == 1  # the zip is not there
    assert release.main(["zip"]) == 0
    assert zipfile.is_zipfile(build / f"{release.name()}.zip")
    assert release.main(["notebooks"]) == 0
    assert git(clone.parent / "origin.git", "ls-tree", "--name-only", NOTEBOOKS) == "a.ipynb"
    assert release.main(["publish", "v1.0"]) == 0
    assert gh()[1][-4:] == [str(file) for file in release.files(build)]
    printed = capsys.readouterr()
    assert f"Release v1.0: {wheel_name()}, {release.name()}.zip, " in printed.out
    assert f"Pushed to the branch {NOTEBOOKS}: " in printed.out
    assert "expected the files of the release" in printed.err
    with pytest.raises(SystemExit):
        release.main(["publish"])
