"""Make the slides of the chapters: one deck each, in both languages, for reading offline.

    python -m tools.slides                     all decks into _build/slides
    python -m tools.slides attention block     some chapters only
    python -m tools.slides --measure           and open every slide in Chromium: what is too large?
    python -m tools.slides --pdf               and print each deck, one page a slide

A deck runs from its folder, without a network: open `_build/slides/index.html`.
"""

import argparse
import re
import sys
from html import unescape
from pathlib import Path

from lessons_lib.base import console
from tools import house
from tools.browser import launch
from tools.slides.browse import measure, print_deck
from tools.slides.build import OUT, build


def main(arguments: list[str] | None = None) -> int:
    """Make the decks; measure or print them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="all by default")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR")
    parser.add_argument("--measure", action="store_true", help="list what does not fit its slide")
    parser.add_argument("--pdf", action="store_true", help="print the decks too")
    options = parser.parse_args(arguments)
    try:
        decks = build(options.out.resolve(), options.chapters)
        files = [
            options.out.resolve() / language / f"{deck.slug}.html"
            for language in house.LANGUAGES
            for deck in decks
        ]
        slides = len(house.LANGUAGES) * sum(len(deck.slides) for deck in decks)
        print(f"{len(files)} decks, {slides} slides: open {options.out / 'index.html'}")
        return _browse(files, options) if options.measure or options.pdf else 0
    except (RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def _browse(files: list[Path], options: argparse.Namespace) -> int:
    from playwright.sync_api import sync_playwright

    findings = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for file in files:
            if options.measure:
                name = file.relative_to(options.out.resolve()).as_posix()
                findings += [f"{name}: {finding}" for finding in measure(browser, file)]
            if options.pdf:
                text = file.read_text(encoding="utf-8")
                title = unescape(re.search(r"<title>(.*?)</title>", text)[1])
                pages = print_deck(browser, file, file.with_suffix(".pdf"), title)
                print(f"{file.with_suffix('.pdf')}: {pages} pages")
        browser.close()
    if options.measure and not findings:
        print("Everything fits its slide.")
    return house.report(findings)


if __name__ == "__main__":
    console.run(main)
