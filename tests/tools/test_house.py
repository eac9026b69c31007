"""The book, its two editions and the library are in step: each tool's check finds nothing.

`tests/test_tools.py` plants the defects that these checks must find.
"""

import pytest

from tools import house, notebooks, staircase, translations, weave

ROOT = house.ROOT
NOTEBOOKS = [path.relative_to(ROOT).as_posix() for path in house.notebooks(ROOT)]


def assert_none(findings):
    assert not findings, "\n" + "\n".join(findings)


def test_there_is_something_to_check():
    assert len(NOTEBOOKS) >= 2
    assert len(house.shipped_files(ROOT)) > len(NOTEBOOKS)


@pytest.mark.parametrize(
    "check",
    [
        house.check_floors,
        house.check_doors,
        house.check_docstrings,
        house.check_words,
        house.check_encodings,
        house.check_tables,
        staircase.check,
        weave.check,
        translations.check,
    ],
    ids=lambda check: f"{check.__module__.removeprefix('tools.')}-{check.__name__}",
)
def test_house(check):
    assert_none(check(ROOT))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_stored_as_a_clean_run(name):
    assert_none(notebooks.check_notebook(ROOT, ROOT / name))
