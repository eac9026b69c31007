"""Tokens per second of the model in the page, in headless Chromium, by type.

    python -m benchmarks.page_engine [--repeats 5] [--before FOLDER]

The book's own model. The engine alone reads one token after the other, to the end of the context,
in turns with the engine of an older checkout of this repository, if its FOLDER is given; the figure
tells its greedy story as the reader sees it, in its worker, with the text and the bars drawn.
`LookInside` writes the same story as fast as it goes, in its worker, with its panels drawn, also
with the page's processor slowed down four times. Printed too: how long loading takes, and how long
the page was kept busy at a time at most.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from lessons_lib.base import console
from lessons_lib.live import LookInside, ModelInPage
from lessons_lib.live.modules import FOLDER, engine_source
from tools.book_site.live import pack_figures, pack_model
from tools.browser import launch

LANGUAGE = "en"
ENGINE = """
async ([sources, text, repeats]) => {
    const never = async () => false;
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const engines = sources.map((source) => new Function(`${source} return engine.model;`)());
    const opened = [];
    for (const { openFile } of engines) opened.push((await openFile(bytes, never)).model);
    const speeds = {};
    for (const type of ["F32", "Q8_0", "Q4_0"]) {
        speeds[type] = engines.map(() => []);
        const models = [];
        for (const [i, { quantizeModel }] of engines.entries()) {
            const model = opened[i];
            models.push(type === "F32" ? model : await quantizeModel(model, type, never));
        }
        for (let turn = 0; turn <= repeats; turn++) {
            for (const [i, { Session }] of engines.entries()) {
                const session = new Session(models[i]);
                const start = performance.now();
                for (let i = 0; i < session.positions; i++) session.read((7 * i) % 1024);
                const seconds = (performance.now() - start) / 1000;
                if (turn) speeds[type][i].push(session.positions / seconds); // the first warms up
            }
        }
    }
    return speeds;
}
"""

LONG_TASKS = """() => {
    window.longest = 0; // tasks of more than 50 ms
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    }).observe({ type: "longtask" });
    window.started = performance.now();
}"""


def machine() -> str:
    """Return the processor, as the system names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}"


def older_engine(folder: Path) -> str:
    """Return the engine of another checkout, put together by its own code."""
    code = "from lessons_lib.live.modules import engine_source; print(engine_source())"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def engine_speeds(page, repeats: int, before: Path | None = None) -> dict[str, list[float]]:
    """Return the median tokens per second of the engine alone, and of an older one's if given."""
    text = json.loads(pack_model(LANGUAGE).split(" = ")[1].rstrip(";\n"))
    sources = [engine_source(), *([older_engine(before)] if before else [])]
    page.goto("about:blank")
    speeds = page.evaluate(ENGINE, [sources, text, repeats])
    return {type: [statistics.median(one) for one in values] for type, values in speeds.items()}


def look_speed(page, folder: Path, slower: int) -> tuple[float, float]:
    """Return the tokens per second of `LookInside`, and the page's longest task in ms, 0 if none.

    Args:
        page: a page of the browser.
        folder: where `figure_speeds` has put its scripts.
        slower: how many times slower the page's processor is made.
    """
    figure = LookInside(language=LANGUAGE).to_html()
    script = '<script defer src="_static/live.js"></script>'
    path = folder / "look.html"
    path.write_text(f'<!doctype html><meta charset="utf-8">{script}{figure}', encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_selector("figure[data-live-state=ready]")
    page.get_by_role("button", name="One token").click()
    page.get_by_role("status").filter(has_text="works in your browser").wait_for(timeout=60_000)
    page.get_by_label("Your own text").fill("Once upon a time")
    page.get_by_role("button", name="Read it").click()
    page.get_by_role("status").filter(has_text="were cut into").wait_for()
    page.locator(".live-slider input").last.press("End")
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.evaluate(LONG_TASKS)
    page.get_by_role("button", name="Play").click()
    page.wait_for_selector("form[data-speed]", timeout=120_000)
    page.wait_for_timeout(200)
    speed = float(page.locator("form").get_attribute("data-speed"))
    return speed, page.evaluate("longest")


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
    page.evaluate(LONG_TASKS)
    page.get_by_role("button", name="Load").click()
    page.wait_for_selector(".live-next tbody tr", timeout=60_000)
    loading = page.evaluate("performance.now() - started") / 1000
    speeds = []
    for _ in range(repeats + 1):
        page.get_by_role("button", name="Tell", exact=True).click()
        page.get_by_role("status").filter(has_text="per second").wait_for(timeout=60_000)
        speeds.append(float(page.locator("dd").nth(1).inner_text().replace(",", "")))
    page.get_by_role("button", name="Tell with each").click()
    page.wait_for_selector(".live-columns[data-ids]", timeout=60_000)
    page.wait_for_timeout(200)
    return loading, speeds[1:], page.evaluate("longest")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--before", type=Path, help="an older checkout of this repository")
    given = parser.parse_args()
    repeats, before = given.repeats, given.before
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        print(f"{machine()}, Chromium {browser.version}, {ModelInPage(language=LANGUAGE)!r}")
        for type, found in engine_speeds(browser.new_page(), repeats, before).items():
            older = f" (before {found[1]:.0f}, ratio {found[0] / found[1]:.2f})" if before else ""
            print(f"engine alone, {type:5} {found[0]:6.0f} tokens/s{older}")
        loading, speeds, longest = figure_speeds(browser.new_page(), Path(folder), repeats)
        print(f"the figure, F32     {statistics.median(speeds):6.0f} tokens/s")
        print(f"loading             {loading:6.1f} s")
        print(f"longest task        {longest:6.0f} ms" if longest else "no task of more than 50 ms")
        for slower in (1, 4):
            speed, longest = look_speed(browser.new_page(), Path(folder), slower)
            print(
                f"look inside, {slower}x     {speed:6.0f} tokens/s, longest task {longest:.0f} ms"
            )
        browser.close()


if __name__ == "__main__":
    console.run(main)
