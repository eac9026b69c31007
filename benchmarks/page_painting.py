"""Seconds for a picture that the page paints, in headless Chromium, beside the library's.

    python -m benchmarks.page_painting [--repeats 5]

The figure `Painter` with the book's own model, opened from a folder, its engine in a worker: from
the press of the button until the last step is shown, each step read back. The library paints the
same captions in one thread, and reads the same steps. Printed too: how long the first picture
takes, for which the model is loaded, and how long the page was kept busy at a time at most.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

from benchmarks.page_engine import LONG_TASKS, machine
from lessons_lib.base import console
from lessons_lib.corpus.pictures import caption, read
from lessons_lib.dit import as_pictures, caption_condition, painter, sample
from lessons_lib.live import Painter
from lessons_lib.live.modules import FOLDER
from lessons_lib.live.painter import GUIDANCE, PRESETS
from tools.book_site.live import pack_figures, pack_files
from tools.browser import launch

STEPS = (4, 16)
WAIT = 120_000  # milliseconds: on a busy machine
PAINT = """async (place) => {
    const form = document.querySelector("form");
    delete form.dataset.painted;
    const start = performance.now();
    const painted = new Promise((done) => {
        const watcher = new MutationObserver(() => {
            if (!form.dataset.painted) return;
            watcher.disconnect();
            done();
        });
        watcher.observe(form, { attributeFilter: ["data-painted"] });
    });
    document.querySelectorAll(".paint-chips button")[place].click();
    await painted;
    return (performance.now() - start) / 1000;
}"""


def write_page(folder: Path) -> Path:
    """Write a page with the figure, as the book has it."""
    static = folder / "_static"
    static.mkdir()
    for name, text in {
        "live.js": pack_figures(FOLDER, ["painter"]),
        **pack_files("painter", "en"),
    }.items():
        (static / name).write_text(text, encoding="utf-8")
    style = f"<style>{(FOLDER / 'live.css').read_text(encoding='utf-8')}</style>"
    script = '<script defer src="_static/live.js"></script>'
    path = folder / "page.html"
    html = f'<!doctype html><meta charset="utf-8">{style}{script}{Painter().to_html()}'
    path.write_text(html, encoding="utf-8")
    return path


def page_seconds(page, steps: int, repeats: int) -> list[float]:
    """Return how long pictures of so many steps take, after a first one."""
    page.get_by_role("radio", name=str(steps), exact=True).check()
    return [page.evaluate(PAINT, i % len(PRESETS)) for i in range(repeats + 1)][1:]


def library_seconds(steps: int, repeats: int) -> list[float]:
    """Return how long the library takes for the same, in one thread."""
    torch.set_num_threads(1)
    model, found = painter(), []
    for i in range(repeats + 1):
        text = caption(PRESETS[i % len(PRESETS)], "en")
        start = time.perf_counter()
        show = lambda _, x: read(as_pictures(x)[0])  # noqa: E731
        sample(model, caption_condition([text]), steps, GUIDANCE, watch=show)
        found.append(time.perf_counter() - start)
    return found[1:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(f"{machine()}, {repeats} pictures each, median seconds")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        page = browser.new_page()
        page.set_default_timeout(WAIT)
        page.goto(write_page(Path(folder)).as_uri())
        page.wait_for_selector("figure[data-live-state=ready]")
        page.evaluate(LONG_TASKS)
        first = page.evaluate(PAINT, 0)
        print(f"the first picture, with the model's loading: {first:.2f}")
        for steps in STEPS:
            own = statistics.median(page_seconds(page, steps, repeats))
            peer = statistics.median(library_seconds(steps, repeats))
            print(f"{steps} guided steps: page {own:.2f}, library {peer:.2f}, {own / peer:.1f}")
        print(f"longest task of the page: {page.evaluate('longest'):.0f} ms (0: none over 50)")
        browser.close()


if __name__ == "__main__":
    console.run(main)
