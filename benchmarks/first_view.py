"""What a page makes a reader load and wait for, beside another build of the site.

    python -m benchmarks.first_view [--site _build/site] [--beside OTHER] [--pages en/attention ...]

Each page is opened in an empty Chromium at slow 4G (1.6 Mbit/s, 150 ms) and 4 times CPU throttling,
through the DevTools protocol, from a server that compresses as GitHub's does. Printed are gzipped
kilobytes and requests without throttling, then seconds until the first paint, until the page's
first live figure (scrolled to once the page is parsed) can be used, and until all formulas are set:
medians.
"""

import argparse
import contextlib
import functools
import gzip
import http.server
import statistics
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from lessons_lib.base import console
from tools.browser import launch
from tools.site import SITE

SLOW_4G = {"latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 93_750}
WATCH = """(() => {
  window.seen = {};
  const watch = setInterval(() => {
    const figure = document.querySelector("figure.live-figure");
    const parsed = document.readyState !== "loading";
    if (figure && parsed && !seen.scrolled) seen.scrolled = (figure.scrollIntoView(), 1);
    if (figure?.dataset.liveState === "ready") seen.live ??= performance.now();
    const formulas = document.querySelectorAll("article .math").length;
    const done = document.querySelectorAll("article .math mjx-container").length;
    if (document.readyState === "complete" && done >= formulas) seen.formulas ??= performance.now();
    if (seen.live && seen.formulas) clearInterval(watch);
  }, 50);
})()"""


class _Zipped(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @staticmethod
    @functools.cache
    def _body(path: str) -> bytes:
        return gzip.compress(Path(path).read_bytes())

    def do_GET(self) -> None:
        path = self.translate_path(self.path)
        if not Path(path).is_file():
            self.send_error(404)
            return
        body = self._body(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a page that was left
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing about single requests."""


@contextlib.contextmanager
def _served(folder: Path):
    handler = functools.partial(_Zipped, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def weigh(browser, address: str) -> tuple[float, int]:
    """Return the gzipped kilobytes and the number of the requests of a first view."""
    finished = []
    with browser.new_context(viewport={"width": 1400, "height": 900}) as context:
        page = context.new_page()
        page.on("requestfinished", lambda request: finished.append(request))
        page.goto(address, wait_until="load")
        page.evaluate("() => window.formulas ?? window.MathJax?.startup?.promise")
        page.wait_for_load_state("networkidle")
        sizes = [request.sizes()["responseBodySize"] for request in finished]
    return sum(sizes) / 1000, len(sizes)


def wait(browser, address: str) -> list[float]:
    """Return the seconds until the first paint, the first live figure and all formulas."""
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        protocol = context.new_cdp_session(page)
        protocol.send("Network.enable")
        protocol.send("Network.emulateNetworkConditions", {"offline": False, **SLOW_4G})
        protocol.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.add_init_script(WATCH)
        page.goto(address, wait_until="commit", timeout=120_000)
        page.wait_for_function("seen.live && seen.formulas", timeout=120_000)
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        found = page.evaluate(f"[{paint}, seen.live, seen.formulas]")
    return [one / 1000 for one in found]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--site", type=Path, default=SITE)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--pages", nargs="+", default=["en/attention", "en/quantization"])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    sites = [site for site in (options.site, options.beside) if site]
    print(f"{'page':<18}{'site':<28}{'kB':>6}{'files':>6}{'paint':>7}{'figure':>8}{'formulas':>9}")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name in options.pages:
            for site in sites:
                with _served(site) as web:
                    address = f"{web}/{name}.html"
                    size, files = weigh(browser, address)
                    times = [wait(browser, address) for _ in range(options.repeats)]
                paint, figure, formulas = map(statistics.median, zip(*times, strict=True))
                print(
                    f"{name:<18}{str(site)[-26:]:<28}{size:>6.0f}{files:>6}"
                    f"{paint:>7.1f}{figure:>8.1f}{formulas:>9.1f}"
                )
        browser.close()


if __name__ == "__main__":
    console.run(main)
