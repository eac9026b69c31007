"""How fast the page trains, in headless Chromium, against the n-grams and the exact cost.

    python -m benchmarks.page_training [--steps 1200]

The figure as a reader sees it, in a page opened from its folder, in both languages: after how many
seconds and steps new stories cost less than the best n-gram asks for them, and less than 60 nats.
Beside the seconds of the clock stand those of the processor, all processes of the browser together:
on a busy machine the clock says little. Stories and measurements on the way are included.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.page_engine import machine
from lessons_lib.base import console
from lessons_lib.live import TrainInPage
from lessons_lib.live.modules import FOLDER
from tools.book_site.live import pack_figures, pack_files
from tools.browser import launch

GOAL = 60  # nats
STEP = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.0  # seconds


def processor_seconds() -> float:
    """Return the processor time of all processes started here, 0 where unknown."""
    parents, spent = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
        except OSError:
            continue  # it has ended
        pid = int(folder.name)
        parents[pid], spent[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) * STEP

    def ours(pid: int) -> bool:
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        return pid == os.getpid()

    return sum(seconds for pid, seconds in spent.items() if pid != os.getpid() and ours(pid))


def run(page, folder: Path, language: str, n_steps: int) -> Iterator[tuple]:
    """Train; yield the steps, the nats, and the seconds of the clock and of the processor."""
    figure = TrainInPage(last=n_steps, language=language).to_html()
    path = folder / f"{language}.html"
    script = '<script defer src="_static/live.js"></script>'
    path.write_text(f'<!doctype html><meta charset="utf-8">{script}{figure}', encoding="utf-8")
    [(name, text)] = pack_files("train_in_page", language).items()
    (folder / "_static" / name).write_text(text, encoding="ascii")
    page.goto(path.as_uri())
    page.wait_for_selector("figure[data-live-state=ready]")
    before, known, state = processor_seconds(), 0, ""
    page.get_by_role("button", name="Train" if language == "en" else "Entrenar").click()
    start = time.perf_counter()
    while state not in ("ended", "diverged", "failed"):
        time.sleep(0.1)
        data = page.locator("svg.live-losses").first.evaluate("svg => ({...svg.dataset})")
        measured, state = json.loads(data["measured"]), data["state"]
        for step, nats in measured[known:]:
            yield step, nats, time.perf_counter() - start, processor_seconds() - before
        known = len(measured)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1200)
    n_steps = parser.parse_args().steps
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser, folder = launch(playwright), Path(name)
        (folder / "_static").mkdir()
        (folder / "_static" / "live.js").write_text(pack_figures(FOLDER), encoding="utf-8")
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        print(f"{machine()}, Chromium {browser.version}, load {load:.1f}")
        for language in ("en", "es"):
            figure = TrainInPage(language=language)
            goals = {f"the best n-gram ({figure.ngram})": figure.ngram, f"{GOAL} nats": GOAL}
            for step, nats, clock, processor in run(browser.new_page(), folder, language, n_steps):
                for goal in [one for one, limit in goals.items() if nats < limit]:
                    del goals[goal]
                    print(
                        f"{language}: below {goal:24} at step {step:4}: {nats:5.1f} nats, ", end=""
                    )
                    print(f"{clock:5.1f} s, of the processor {processor:5.1f} s", flush=True)
            print(
                f"{language}: {nats:.1f} nats after {step} steps, {clock:.1f} s, of the processor ",
                end="",
            )
            print(f"{processor:.1f} s; exact cost {figure.exact}")
        browser.close()


if __name__ == "__main__":
    console.run(main)
