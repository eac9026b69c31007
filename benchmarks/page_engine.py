"""Tokens per second of the model in the page, in headless Chromium, by type.

    python -m benchmarks.page_engine [--repeats 5]

The book's own model. The engine alone reads one token after the other, to the end of the context;
the figure tells its greedy story as the reader sees it, with the text and the bars drawn. Printed
too: how long loading takes, and how long the page was kept busy at a time at most.
"""

import argparse
import json
import platform
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from lessons_lib.base import console
from lessons_lib.live import ModelInPage
from lessons_lib.live.modules import FOLDER, engine_source
from tools.book_site.live import pack_figures, pack_model
from tools.browser import launch

LANGUAGE = "en"
ENGINE = """
async ([source, text, repeats]) => {
    const { openFile, quantizeModel, Session } = new Function(`${source} return engine.model;`)();
    const never = async () => false;
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const { model } = await openFile(bytes, never);
    const speeds = {};
    for (const type of ["F32", "Q8_0", "Q4_0"]) {
        const own = type === "F32" ? model : await quantizeModel(model, type, never);
        speeds[type] = [];
        for (let turn = 0; turn <= repeats; turn++) {
            const session = new Session(own);
            const start = performance.now();
            for (let i = 0; i < session.positions; i++) session.read((7 * i) % 1024);
            const seconds = (performance.now() - start) / 1000;
            if (turn) speeds[type].push(session.positions / seconds); // the first warms up
        }
    }
    return speeds;
}
"""


def machine() -> str:
    """Return the processor, as the system names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}"


def engine_speeds(page, repeats: int) -> dict[str, float]:
    """Return the median tokens per second of the engine alone."""
    text = json.loads(pack_model(LANGUAGE).split(" = ")[1].rstrip(";\n"))
    page.goto("about:blank")
    speeds = page.evaluate(ENGINE, [engine_source(), text, repeats])
    return {type: statistics.median(values) for type, values in speeds.items()}


def figure_speeds(page, folder: Path, repeats: int) -> tuple[float, list[float], float]:
    """Return the seconds of loading, the speeds the figure shows, and its longest task, in ms."""
    (folder / "_static").mkdir()
    (folder / "_static" / "live.js").write_text(pack_figures(FOLDER), encoding="utf-8")
    (folder / "_static" / f"model_{LANGUAGE}.js").write_text(pack_model(LANGUAGE), encoding="utf-8")
    figure = ModelInPage(language=LANGUAGE).to_html()
    script = '<script defer src="_static/live.js"></script>'
    path = folder / "page.html"
    path.write_text(f'<!doctype html><meta charset="utf-8">{script}{figure}', encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_selector("figure[data-live-state=ready]")
    page.evaluate(
        """() => {
            window.longest = 0; // tasks of more than 50 ms
            new PerformanceObserver((list) => {
                for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
            }).observe({ type: "longtask" });
            window.started = performance.now();
        }"""
    )
    page.get_by_role("button", name="Load").click()
    page.wait_for_selector(".live-next tbody tr", timeout=60_000)
    loading = page.evaluate("performance.now() - started") / 1000
    speeds = []
    for _ in range(repeats + 1):
        page.get_by_role("button", name="Tell", exact=True).click()
        page.get_by_role("status").filter(has_text="per second").wait_for(timeout=60_000)
        speeds.append(float(page.locator("dd").nth(1).inner_text()))
    page.get_by_role("button", name="Tell with each").click()
    page.wait_for_selector(".live-columns[data-ids]", timeout=60_000)
    page.wait_for_timeout(200)
    return loading, speeds[1:], page.evaluate("longest")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        print(f"{machine()}, Chromium {browser.version}, {ModelInPage(language=LANGUAGE)!r}")
        for type, speed in engine_speeds(browser.new_page(), repeats).items():
            print(f"engine alone, {type:5} {speed:6.0f} tokens/s")
        loading, speeds, longest = figure_speeds(browser.new_page(), Path(folder), repeats)
        print(f"the figure, F32     {statistics.median(speeds):6.0f} tokens/s")
        print(f"loading             {loading:6.1f} s")
        print(f"longest task        {longest:6.0f} ms" if longest else "no task of more than 50 ms")
        browser.close()


if __name__ == "__main__":
    console.run(main)
