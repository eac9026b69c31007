"""The browser that opens the pages: it is there only if it starts."""

import sys

import pytest

from tools import browser


@pytest.fixture
def installing(monkeypatch):
    """Let each start fail or succeed in turn; returns what was called to install a browser."""
    commands = []

    def prepare(faults: list[str], root: bool = True, apt: bool = True) -> list[list[str]]:
        monkeypatch.setattr(browser, "_fault", iter(faults).__next__)
        monkeypatch.setattr(browser, "_is_root", lambda: root)
        monkeypatch.setattr(browser.shutil, "which", lambda name: name if apt else None)
        monkeypatch.setattr(browser.subprocess, "run", lambda call, **_: commands.append(call))
        return commands

    return prepare


PLAYWRIGHT = [sys.executable, "-m", "playwright", "install", "chromium"]


def test_nothing_is_installed_where_one_starts(installing):
    commands = installing([""])
    assert browser.ensure_chromium() == ""
    assert commands == []


def test_root_gets_the_distributions_or_playwrights_with_its_libraries(installing):
    commands = installing(["missing", "", ""])
    assert browser.ensure_chromium() == ""
    assert [call[:2] for call in commands] == [["apt-get", "update"], ["apt-get", "install"]]
    commands.clear()
    installing(["missing", "missing", "libnss3"])
    assert browser.ensure_chromium() == "libnss3"
    assert commands[2:] == [[*PLAYWRIGHT, "--with-deps"]]


@pytest.mark.parametrize(("root", "apt"), [(False, True), (True, False)])
def test_others_get_playwrights(installing, root, apt):
    commands = installing(["missing", "missing", ""], root, apt)
    assert browser.ensure_chromium() == ""
    assert commands == [PLAYWRIGHT]


def test_a_browser_that_does_not_start_is_named(installing, tmp_path, monkeypatch, capsys):
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\necho 'libnss3.so: cannot open shared object file' >&2\nexit 127\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(fake))
    fault = browser._fault()
    assert fault.startswith(f"{fake} does not start: name another in CHROMIUM.\n")
    assert "libnss3.so: cannot open shared object file" in fault
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    assert browser._fault() == browser.MISSING
    installing(["missing", "missing", "libnss3"])
    assert browser.main(["--ensure"]) == 1
    assert capsys.readouterr().err == "libnss3\n"


@pytest.mark.site
def test_the_browser_of_these_tests_starts(capsys):
    assert browser._fault() == ""
    assert browser.main([]) == 0
    assert capsys.readouterr().out == f"{browser.find_chromium()}\n"
