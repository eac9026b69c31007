"""What the tests of *Check yourself* share."""

import json
from functools import cache

from bs4 import BeautifulSoup

from tools import house
from tools.book_site import check


@cache
def bank(slug: str, language: str) -> dict:
    notebook = house.read_notebook(house.ROOT / "book" / language / f"{slug}.ipynb")
    return json.loads(json.dumps(check.chapter_data(slug, language, notebook)))


def plain(html: str) -> str:
    """The text of HTML."""
    return BeautifulSoup(html, "html.parser").get_text()


def begin(page) -> None:
    """Press the section's button and wait for the first question."""
    page.locator(".check button").first.click()
    page.locator(".check-task").wait_for()
