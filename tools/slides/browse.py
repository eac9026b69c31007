"""Open decks in Chromium: measure every slide, and print decks as PDF."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pypdf import PdfReader, PdfWriter

from lessons_lib.base.files import write_atomic

# It warns that Chromium's trailer counts some objects fewer than there are.
logging.getLogger("pypdf").setLevel(logging.ERROR)
SIZE = {"width": 1280, "height": 720}
# The deck has begun, with its formulas.
READY = """async () => {
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  if (!deck.isReady()) await new Promise((done) => deck.on("ready", done));
}"""
# Every slide in turn, with all that comes after a pause; what lies outside, and small letters.
MEASURE = """async ({ smallest, drawn }) => {
  const one = () => new Promise((done) => requestAnimationFrame(done));
  const frame = () => one().then(one);
  const found = [];
  const slides = deck.getSlides();
  for (const [number, slide] of slides.entries()) {
    deck.slide(number, 0, 99);
    await frame();
    const live = slide.querySelector(".live-figure");
    for (let i = 0; live && !live.dataset.liveState && i < 300; i++)
      await new Promise((done) => setTimeout(done, 20));
    if (live) await frame();
    const tell = (what) => found.push(`slide ${number + 1}: ${what}`);
    if (live && live.dataset.liveState !== "ready") tell("the live figure is not alive");
    const box = slide.getBoundingClientRect();
    const bottom = box.top + 720 - 20;
    const named = (one) =>
      `${one.className || one.tagName} "${one.textContent.trim().slice(0, 40)}"`;
    for (const one of slide.querySelectorAll(":scope > :not(aside)")) {
      const { right, bottom: below, height } = one.getBoundingClientRect();
      const out = Math.max(below - bottom, right - (box.left + 1280 - 20));
      if (out > 0.5) tell(`${Math.ceil(out)} pixels too far: ${named(one)}`);
      if (one.matches("pre, .table") && one.scrollWidth > one.clientWidth + 1)
        tell(`${one.scrollWidth - one.clientWidth} pixels wider than its box: ${named(one)}`);
      if (one.matches(".picture") && height < 150) tell(`only ${Math.round(height)} pixels high`);
    }
    for (const formula of slide.querySelectorAll("mjx-math")) {
      const out = formula.getBoundingClientRect().right - (box.left + 1280 - 20);
      if (out > 0) tell(`a formula is ${Math.ceil(out)} pixels too wide`);
    }
    const texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
    const small = new Set();
    while (texts.nextNode()) {
      const { parentElement: one, data } = texts.currentNode;
      if (!data.trim() || one.closest("aside, .live, mjx-container, style, script")) continue;
      const size = parseFloat(getComputedStyle(one).fontSize);
      const turned = one.getScreenCTM?.() ?? { a: 1, b: 0 };
      const scale = Math.hypot(turned.a, turned.b);
      const least = one.closest("svg") ? drawn : smallest;
      if (size * scale < least - 0.05) small.add(Math.round(size * scale * 10) / 10);
    }
    if (small.size) tell(`letters of ${Math.min(...small)} pixels`);
  }
  return found;
}"""
LETTERS = {"smallest": 20, "drawn": 11}  # pixels: of text, code and tables; of drawings


@contextmanager
def opened(browser, file: Path, query: str = "", **settings) -> Iterator:
    """Open a deck from its folder; complain about what it asks for from elsewhere."""
    problems = []
    with browser.new_context(viewport=SIZE, **settings) as context:
        page = context.new_page()
        page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:", "blob:", "about:"))
                or problems.append(f"request to elsewhere: {request.url}")
            ),
        )
        page.goto(f"{file.as_uri()}{query}")
        page.evaluate(READY)
        yield page
        if problems:
            raise RuntimeError("\n".join([str(file), *problems]))


def measure(browser, file: Path) -> list[str]:
    """Return what of a deck lies outside its slides or is too small to be read.

    Raises:
        RuntimeError: the deck asks for something from elsewhere, or a script fails.
    """
    with opened(browser, file) as page:
        return page.evaluate(MEASURE, LETTERS)


def print_deck(browser, file: Path, out: Path, title: str) -> int:
    """Print a deck as PDF, one page a slide, and return the number of pages.

    Raises:
        RuntimeError: see `measure`.
    """
    with opened(browser, file, "?print-pdf", color_scheme="light") as page:
        page.wait_for_selector(".pdf-page")
        page.evaluate(
            """async () => {
              for (const figure of document.querySelectorAll(".live-figure")) {
                figure.scrollIntoView();
                for (let i = 0; !figure.dataset.liveState && i < 300; i++)
                  await new Promise((done) => setTimeout(done, 20));
              }
              scrollTo(0, 0);
            }"""
        )
        data = page.pdf(prefer_css_page_size=True, print_background=True, tagged=True)
    writer = PdfWriter(clone_from=io.BytesIO(data))
    writer.add_metadata({"/Title": title})
    printed = io.BytesIO()
    writer.write(printed)
    write_atomic(out, printed.getvalue())
    return len(PdfReader(printed).pages)
