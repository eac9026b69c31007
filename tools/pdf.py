"""Print each edition of the built site as one PDF, with cover, contents, links and outline.

    python -m tools.pdf                   # every edition into _build/pdf
    python -m tools.pdf --language en --out DIR

The chapters' articles are taken from the built pages (`python -m tools.site`) and joined in one
page, which Chromium prints twice: the first time tells on which page each heading lies, the
second has the contents' page numbers.
"""

import argparse
import io
import logging
import re
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import matplotlib
import yaml
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from tools import release
from tools.addresses import site_url, version
from tools.book_site import editions
from tools.browser import launch
from tools.site import ROOT, SITE, edition_config, edition_toc

CSS = Path(__file__).with_suffix(".css")
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
WORDS = {
    "en": {"contents": "Contents", "solution": "Solution", "version": "Version {} of {}"},
    "es": {"contents": "Índice", "solution": "Solución", "version": "Versión {} del {}"},
}
PRINTS = 5  # at most; the third has the numbers of the second, unless the contents changed pages
# The page's text column, as wide as the paper's: what is too wide is measured before printing.
VIEWPORT = {"width": 658, "height": 960}
# It warns that Chromium's trailer counts some objects fewer than there are.
logging.getLogger("pypdf").setLevel(logging.ERROR)
# Attributes that name an element of the same page.
REFERENCES = ("id", "name", "for", "aria-labelledby", "aria-describedby", "aria-controls")
# Wide formulas and tables become smaller; short code and short tables stay in one piece.
FIT = """() => {
  const width = document.body.clientWidth;
  const shrink = (element, inner, property) => {
    const room = element.parentElement.clientWidth || width;
    const wide = inner.getBoundingClientRect().width;
    if (wide > room + 1) element.style[property] = String(Math.floor((99 * room) / wide) / 100);
  };
  for (const box of document.querySelectorAll('mjx-container[display="true"]'))
    shrink(box, box.querySelector("mjx-math"), "zoom");
  for (const table of document.querySelectorAll("table")) shrink(table, table, "zoom");
  const whole = (selector, height) => {
    for (const block of document.querySelectorAll(selector))
      if (block.getBoundingClientRect().height < height) block.classList.add("whole");
  };
  whole(".cell_input, blockquote, .admonition, pre", 220);
  whole("table, figure", 500);
}"""


def chapters(language: str) -> list[tuple[str, str]]:
    """Return the pages of an edition in reading order: part (or nothing) and slug."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found = []

    def walk(entry: dict, part: str) -> None:
        part = entry.get("caption", part)
        found.extend((part, entry[key]) for key in ("root", "file") if key in entry)
        for key in ("parts", "chapters", "sections"):
            for child in entry.get(key, ()):
                walk(child, part)

    walk(edition_toc(toc, editions()[language]), "")
    return found


def _article(site: Path, language: str, slug: str, slugs: list[str]) -> Tag:
    """Return a page's article, with addresses that hold in the joined page."""
    page = site / language / f"{slug}.html"
    text = page.read_text(encoding="utf-8")
    canonical = re.search(r'<link rel="canonical" href="([^"]*)"', text)
    text = text[text.index('<article class="bd-article"') : text.index("</article>")]
    article = BeautifulSoup(text, "html.parser").article
    for useless in article.select(
        "script, .headerlink, .toctree-wrapper, button, section:has(> .check)"
    ):
        useless.decompose()
    for element in article.find_all(True):
        for key in REFERENCES:
            if value := element.get(key):
                element[key] = " ".join(f"{slug}--{name}" for name in str(value).split())
        element.attrs.pop("loading", None)  # nothing comes near on paper
        if element.get("src") and not urlsplit(element["src"]).scheme:
            element["src"] = urljoin(page.as_uri(), element["src"])
        for key in ("fill", "stroke", "clip-path", "marker-end", "marker-start", "mask", "filter"):
            if "url(#" in (value := element.get(key, "")):
                element[key] = value.replace("url(#", f"url(#{slug}--")
        if element.name == "details":
            element["open"] = ""
        if href := element.get("href"):
            element["href"] = _joined(href, slug, slugs)
            if element["href"]:
                continue
            if canonical:
                element["href"] = urljoin(canonical[1], href)
            else:
                del element["href"]
    for summary in article.select("details.hide > summary"):
        summary.string = WORDS[language]["solution"]
    return article


def _joined(href: str, slug: str, slugs: list[str]) -> str:
    """Return where a page's link leads in the joined page, or "" where it leaves the book."""
    parts = urlsplit(href)
    if parts.scheme:
        return href
    target = parts.path.removesuffix(".html") if parts.path else slug
    if target not in slugs:
        return ""
    return f"#{target}--{parts.fragment}" if parts.fragment else f"#{target}"


def _heading(tag: Tag) -> str:
    """Return a heading's text as HTML."""
    return re.sub(r"</?(?:a|code|span)\b[^>]*>", "", tag.decode_contents()).strip()


def document(site: Path, language: str, slugs: list[str] | None = None) -> str:
    """Return the whole book, or some of its pages, as one page of HTML to print.

    Raises:
        ValueError: a page has not been built.
    """
    edition, words = editions()[language], WORDS[language]
    pages = [(part, slug) for part, slug in chapters(language) if slugs is None or slug in slugs]
    slugs = [slug for _, slug in pages]
    for slug in slugs:
        if not (site / language / f"{slug}.html").is_file():
            raise ValueError(
                f"expected the built page {language}/{slug}.html in {site}, got none: "
                "run `python -m tools.site` first"
            )
    contents, body, rules, last = [], [], [], ""
    for part, slug in pages:
        article = _article(site, language, slug, slugs)
        title = _heading(article.h1)
        kicker = f'<p class="part">{escape(part)}</p>' if part and part != last else ""
        last = part
        contents += [kicker, _row(slug, title, "chapter")]
        contents += [_row(_named(h2), _heading(h2), "section") for h2 in article.find_all("h2")]
        text = BeautifulSoup(title, "html.parser").get_text().replace("\\", "\\\\")
        text = text.replace('"', '\\"')
        rules.append(f'@page {slug} {{ @bottom-left {{ content: "{text}"; }} }}')
        body.append(
            f'<section id="{slug}" style="page: {slug}">{kicker}'
            f"{article.decode_contents()}</section>"
        )
    static = (site / "_static").as_uri()
    first = (site / language / f"{slugs[0]}.html").read_text(encoding="utf-8")
    settings = re.search(r"<script>(window\.MathJax = .*?)</script>", first, re.DOTALL)
    head = "\n".join(
        [
            *(
                f'<link rel="stylesheet" href="{static}/{name}">'
                for name in ("pygments.css", "sphinx-design.min.css", "live.css", "drawings.css")
            ),
            f"<style>{_fonts()}\n{CSS.read_text(encoding='utf-8')}\n"
            f'@page contents {{ @bottom-left {{ content: "{words["contents"]}"; }} }}\n'
            + "\n".join(rules)
            + "</style>",
            f"<script>{settings[1] if settings else ''}</script>",
            f'<script defer src="{static}/mathjax/tex-chtml.js"></script>',
        ]
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{language}" data-theme="light">\n<head>\n'
        f'<meta charset="utf-8">\n<title>{escape(edition["title"])}</title>\n{head}\n</head>\n'
        "<body>\n"
        f"{_cover(language)}\n"
        f'<nav class="contents" style="page: contents"><h1>{words["contents"]}</h1>\n'
        + "\n".join(filter(None, contents))
        + "</nav>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _named(h2: Tag) -> str:
    """Give a heading an id of its own: its section may begin at the foot of the page before."""
    h2["id"] = f"{h2.parent['id']}-title"
    return h2["id"]


def _row(anchor: str, title: str, kind: str) -> str:
    return (
        f'<a class="{kind}" href="#{anchor}"><span>{title}</span><span class="dots"></span>'
        f'<span class="number" data-page-of="{anchor}"></span></a>'
    )


def _date() -> str:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return citation["date-released"]


def _cover(language: str) -> str:
    edition, settings, site = editions()[language], edition_config(language), site_url()
    facts = [
        settings["author"][:1].upper() + settings["author"][1:],
        WORDS[language]["version"].format(version(), _date()),
        settings["html"]["extra_footer"],
    ]
    return (
        f'<header class="cover"><h1>{escape(edition["title"])}</h1>'
        f'<p class="description">{escape(edition["description"])}</p><div class="facts">'
        + "".join(f"<p>{escape(fact)}</p>" for fact in facts)
        + (f'<p><a href="{site}">{site}</a></p>' if site else "")
        + "</div></header>"
    )


def _fonts() -> str:
    families = {
        "Book Serif": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
        "Book Sans": (
            "DejaVuSans",
            "DejaVuSans-Bold",
            "DejaVuSans-Oblique",
            "DejaVuSans-BoldOblique",
        ),
        "Book Mono": (
            "DejaVuSansMono",
            "DejaVuSansMono-Bold",
            "DejaVuSansMono-Oblique",
            "DejaVuSansMono-BoldOblique",
        ),
    }
    styles = ("400 normal", "700 normal", "400 italic", "700 italic")
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {style.split()[0]}; '
        f"font-style: {style.split()[1]}; src: url({(FONTS / f'{file}.ttf').as_uri()}); }}"
        for family, files in families.items()
        for style, file in zip(styles, files, strict=True)
    )


def page_numbers(pdf: PdfReader) -> dict[str, int]:
    """Return the page on which each linked element lies, counted from 1, by the element's id."""
    pages = {page.indirect_reference.idnum: i for i, page in enumerate(pdf.pages, 1)}
    return {
        name.removeprefix("/"): pages[target.raw_get("/Page").idnum]
        for name, target in pdf.named_destinations.items()
    }


def print_book(browser, html: str, language: str) -> bytes:
    """Print a joined page.

    Args:
        browser: a running Chromium of Playwright's sync API.
        html: what `document` returned.
        language: the edition's language code.

    Raises:
        RuntimeError: the page asks for something from elsewhere, something of it is missing, or
            the numbers in the contents do not settle.
    """
    problems = []

    def only_files(route):
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"request to elsewhere: {route.request.url}")
            route.abort()

    titles = {}
    for heading in BeautifulSoup(html, "html.parser").find_all(["h1", "h2", "h3", "h4"]):
        text = " ".join(heading.get_text().split())
        titles["".join(text.split())] = text
    with tempfile.TemporaryDirectory() as folder, browser.new_context(viewport=VIEWPORT) as context:
        source = Path(folder) / "book.html"
        source.write_text(html, encoding="utf-8")
        context.route("**/*", only_files)
        page = context.new_page()
        page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
        page.emulate_media(media="print", color_scheme="light")
        page.goto(source.as_uri())
        page.evaluate("() => window.MathJax?.startup?.promise")
        page.evaluate("() => document.fonts.ready")
        page.evaluate(FIT)
        if problems:
            raise RuntimeError("\n".join(problems))
        numbers = {}
        for _ in range(PRINTS):
            options = {"prefer_css_page_size": True, "outline": True, "tagged": True}
            pdf = page.pdf(**options, print_background=True)
            found = page_numbers(PdfReader(io.BytesIO(pdf)))
            if found == numbers:
                return _finish(pdf, language, titles)
            numbers = found
            page.evaluate(
                """(pages) => {
                  for (const number of document.querySelectorAll("[data-page-of]"))
                    number.textContent = pages[number.dataset.pageOf];
                }""",
                numbers,
            )
        raise RuntimeError(f"expected page numbers that settle, got others in {PRINTS} prints")


def _finish(pdf: bytes, language: str, titles: dict[str, str]) -> bytes:
    """Say who made it, without the hour of the day; mend the outline and show it first.

    Chromium's outline leaves out the space where a heading's line breaks; `titles` gives each
    heading by its letters without spaces.
    """
    settings = edition_config(language)
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    date = f"D:{_date().replace('-', '')}000000Z"
    writer.add_metadata(
        {
            "/Author": settings["author"],
            "/Subject": settings["html"]["extra_footer"],
            "/CreationDate": date,
            "/ModDate": date,
        }
    )
    writer.page_mode = "/UseOutlines"
    for entry in _outline(writer.root_object["/Outlines"]):
        title = "".join(entry["/Title"].split())
        entry[NameObject("/Title")] = TextStringObject(titles.get(title, entry["/Title"]))
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def _outline(entry: DictionaryObject) -> Iterator[DictionaryObject]:
    """Yield the entries below an entry of the outline, in order."""
    child = entry.get("/First")
    while child is not None:
        child = child.get_object()
        yield child
        yield from _outline(child)
        child = child.get("/Next")


def file_name(language: str) -> str:
    """Return the name of an edition's file."""
    return f"{release.name()}-{language}.pdf"


def main(arguments: list[str] | None = None) -> int:
    """Print the editions."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--language", choices=list(editions()), help="one edition only")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "pdf", metavar="DIR")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for language in [options.language] if options.language else editions():
            try:
                pdf = print_book(browser, document(SITE, language), language)
            except (RuntimeError, ValueError) as error:
                print(f"{error}\nThe PDF was not made.", file=sys.stderr)
                return 1
            file = options.out / file_name(language)
            write_atomic(file, pdf)
            pages = len(PdfReader(io.BytesIO(pdf)).pages)
            print(f"{file}: {pages} pages, {len(pdf) / 1e6:.1f} MB")
        browser.close()
    return 0


if __name__ == "__main__":
    console.run(main)
