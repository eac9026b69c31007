"""The built book as a reader meets it: opened in Chromium, over http and from a folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from axe_playwright_python.base import AXE_SCRIPT

from tests.shades import BRING_BACK, COLOUR_RULES, LOOK, PUT_ASIDE, SOME_OF_EACH_SHADE
from tools import release
from tools import site as book
from tools.book_site import editions
from tools.book_site.live import pack_figures, write_scripts
from tools.browser import find_chromium

LANGUAGES = ("en", "es")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
WIDE = (1400, 820)
# Tables and formulas that fade out at the right and do not go on there, or go on and do not fade.
UNFADED = """[...document.querySelectorAll(
    '.bd-article .pst-scrollable-table-container, .bd-article mjx-container[display="true"]'
  )].filter((e) => e.clientWidth &&
    (e.scrollWidth > e.clientWidth) !==
    (parseFloat(getComputedStyle(e).getPropertyValue('--fade-right')) > 0)
  ).map((e) => e.textContent.slice(0, 60))"""
TWO_FRAMES = "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
# The page has a new size, and the theme, which waits 300 ms by the page's clock, has marked what
# scrolls.
SETTLED = f"""async () => {{
  await ({TWO_FRAMES})();
  await new Promise((go) => setTimeout(go, 400));
}}"""
# Formulas whose comma or full stop begins the next line.
STRAY = r"""() => [...document.querySelectorAll(".bd-article span.math")].filter((formula) => {
  const stop = formula.nextSibling;
  if (stop?.nodeType !== Node.TEXT_NODE || !/^[.,;:!?…)\]»”]/.test(stop.data)) return false;
  const range = document.createRange();
  range.setStart(stop, 0);
  range.setEnd(stop, 1);
  const { top, width } = range.getBoundingClientRect();
  return width > 0 && top > formula.getBoundingClientRect().bottom - 4;
}).map((formula) => formula.closest("p, li, td")?.textContent.slice(0, 80))"""
# The texts of visible boxes whose lines are cut on the right.
CUT = """(selector) => [...document.querySelectorAll(selector)]
  .filter((box) => box.offsetParent && box.scrollWidth > box.clientWidth)
  .map((box) => box.textContent.slice(0, 200))"""


def chapters(folder: Path = book.ROOT) -> list[str]:
    """Return the slugs of a table of contents, in order."""
    slugs = []

    def walk(entry):
        for key in ("root", "file"):
            if key in entry:
                slugs.append(entry[key].removeprefix("book/en/"))
        for key in ("parts", "chapters", "sections"):
            for child in entry.get(key, ()):
                walk(child)

    walk(yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8")))
    return slugs


CHAPTERS = [f"{language}/{slug}.html" for language in LANGUAGES for slug in chapters()]
FRONT = ["index.html", "404.html"]
PAGES = [*FRONT, *CHAPTERS, *(f"{language}/search.html" for language in LANGUAGES)]


def test_the_table_of_contents_gave_pages_to_test():
    assert {"en/intro.html", "es/intro.html", "en/tokens.html", "es/tokens.html"} <= set(CHAPTERS)
    assert len(set(PAGES)) == len(PAGES) == 2 * len(chapters()) + 4


# --- Every page in the browser ---------------------------------------------------------------

# All texts of a page and how they look, once its scripts have seen where it is scrolled to.
LOOKS = f"""async () => {{
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  await frame().then(frame);
  {LOOK}
  const texts = [];
  for (const element of document.body.querySelectorAll("*:not(script, style)")) {{
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    const text = own.map((node) => node.data.trim()).join(" ").trim();
    if (text) texts.push(`${{look(element)}} ${{text}}`);
  }}
  return [...numbers.keys(), ...texts].join("\\n");
}}"""

# Code without its colours: a word's own element says nothing that axe's other rules ask for, and
# such words are most of a chapter's elements.
PLAIN_CODE = """() => {
  const bare = (one) => one.matches("span") && /^(class|data-[^ ]*)?( data-[^ ]*)*$/.test(
    one.getAttributeNames().join(" "));
  for (const pre of document.querySelectorAll(".highlight pre"))
    if ([...pre.querySelectorAll("*")].every(bare)) pre.textContent = pre.textContent;
}"""


class Visit:
    """A page opened in a tab of its own or in one given, with all that went wrong on the way."""

    passed: ClassVar[set] = set()  # shades whose texts were found to have enough contrast

    def __init__(self, browser, address: str, leads_to: str = "", tab=None, **context):
        self.tab = tab
        self.page = tab or browser.new_context(**{"viewport": DESKTOP} | context).new_page()
        self.page.set_default_timeout(60_000)
        self.problems = []
        own = urlsplit(address)
        own = f"{own.scheme}://{own.netloc}/"
        self.listeners = {
            "console": self._console,
            "pageerror": lambda error: self.problems.append(f"exception: {error}"),
            "requestfailed": lambda r: self.problems.append(f"failed: {r.url}"),
            "request": lambda r: (
                r.url.startswith((own, "data:", "blob:"))
                or self.problems.append(f"request to elsewhere: {r.url}")
            ),
        }
        if tab:
            tab.set_viewport_size(DESKTOP)
        for event, listener in self.listeners.items():
            self.page.on(event, listener)
        self.page.emulate_media(reduced_motion="reduce")  # what moves looks the same each time
        self.page.goto(address, wait_until="commit" if leads_to else "load")
        if leads_to:
            self.page.wait_for_url(leads_to)
        self.page.evaluate("() => window.formulas")
        self.page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")

    def _console(self, message):
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.tab:  # as before for the next page
            self.page.evaluate("localStorage.clear()")
            for event, listener in self.listeners.items():
                self.page.remove_listener(event, listener)
            self.page.emulate_media(media="null", color_scheme="null", reduced_motion="null")
            self.page.goto("about:blank")
        else:
            self.page.context.close()

    @contextmanager
    def leaving(self):
        """Do what leads to another page, and wait for that page.

        What the old page still loads, such as its icon, would fail when it is left.
        """
        self.page.wait_for_load_state("networkidle")
        with self.page.expect_navigation(wait_until="load"):
            yield

    def follow(self, link: str) -> None:
        """Click a link and wait for the page that it leads to: a click alone does not wait."""
        with self.leaving():
            self.page.click(link)

    def wake_figures(self) -> int:
        """Bring every live figure into view; return how many came to life."""
        figures = self.page.locator("figure.live-figure")
        for i in range(figures.count()):
            figures.nth(i).scroll_into_view_if_needed()
            figures.nth(i).locator(".live-root").wait_for(state="attached")
        self.page.evaluate("scrollTo(0, 0)")
        return self.page.locator("figure.live-figure[data-live-state=ready]").count()

    def axe(self, *only: str) -> list[str]:
        """Return axe-core's violations of some rules, or of all but those of `contrast`."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        options = {
            # Loading the style sheets again would fail from a folder.
            "preload": False,
            "resultTypes": ["violations"],
            "rules": {"label-content-name-mismatch": {"enabled": True}}
            | {rule: {"enabled": False} for rule in COLOUR_RULES},
        }
        if only:
            options |= {"runOnly": list(only), "rules": {}}
        result = self.page.evaluate("(options) => axe.run(options)", options)
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]

    def contrast(self) -> list[str]:
        """Return the violations of axe-core's rules of colour, for shades that are new."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        shades = self.page.evaluate(SOME_OF_EACH_SHADE, sorted(self.passed))
        if not shades:
            return []
        self.page.evaluate(PUT_ASIDE)
        found = self.axe(*COLOUR_RULES)
        self.page.evaluate(BRING_BACK)
        if not found:
            self.passed.update(shades)
        return found

    def use_theme(self, theme: str):
        """Show the light or the dark theme without its fading, which axe would take for final."""
        self.page.emulate_media(color_scheme=theme)
        self.page.evaluate(
            """(theme) => {
              const style = document.createElement("style");
              style.className = "still";
              style.textContent = "* { transition: none !important; animation: none !important; }";
              document.head.append(style);
              Object.assign(document.documentElement.dataset, { mode: theme, theme });
            }""",
            theme,
        )


def address_of(scheme: str, name: str, site: Path, web: str) -> str:
    return f"{web}/{name}" if scheme == "http" else (site / name).as_uri()


@pytest.fixture(scope="module")
def other_tab(browser):
    """Another tab: one for pages over http and one for files keep their processes."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


class Pages:
    """Each language in a class of its own, so that both can be tested side by side."""

    def test_page_works(self, tab, other_tab, site, web, name):
        seen = check_page(tab, f"{web}/{name}")
        check_the_same(other_tab, (site / name).as_uri(), seen)


@pytest.mark.site
@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith("es/")])
class TestEnglishPages(Pages):
    pass


@pytest.mark.site
@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("es/")])
class TestSpanishPages(Pages):
    pass


@contextmanager
def awake(tab, address):
    """Visit a page and wake its figures; at the end nothing may have gone wrong."""
    with Visit(None, address, tab=tab) as visit:
        figures = visit.page.locator("figure.live-figure").count()
        assert visit.wake_figures() == figures
        assert visit.page.locator(".live-fallback:visible").count() == 0
        yield visit
        assert visit.problems == []


def seen_in(visit, theme):
    """Return how a page's texts look in a theme."""
    visit.use_theme(theme)
    return visit.page.evaluate(LOOKS)


def contents(visit):
    """Return a page's elements; what marks the place scrolled to may still change."""
    visit.page.evaluate(TWO_FRAMES)  # a figure draws at most once a frame
    html = visit.page.evaluate("document.querySelector('.bd-article, main').innerHTML")
    return html.replace(' class=""', "")


def check_page(tab, address):
    """Check a page; return what it holds and how that looks in each theme."""
    with awake(tab, address) as visit:
        page = visit.page
        images = page.eval_on_selector_all("img", "all => all.map(i => [i.src, i.alt])")
        # Without a text of its own, an output's picture is called by its file.
        assert [src for src, alt in images if not alt.strip() or "/" in alt] == []
        formulas = page.locator(".math").count()
        assert page.locator("mjx-container").count() >= formulas
        assert page.locator(".math mjx-container").count() == formulas

        seen = {"contents": contents(visit)}
        for theme in ("light", "dark"):
            seen[theme] = seen_in(visit, theme)
        assert visit.contrast() == [], "dark"
        visit.use_theme("light")
        assert visit.contrast() == []

        for width in WIDE:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(CUT, "pre") == [], width
        page.emulate_media(media="print")
        assert page.evaluate(CUT, "pre") == []
        page.emulate_media(media="screen")
        page.set_viewport_size(PHONE)
        assert page.evaluate(CUT, ".cell_output pre:not(.columns)") == []
        page.evaluate(SETTLED)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate(STRAY) == []
        page.eval_on_selector_all("style.still", "all => all.forEach((style) => style.remove())")
        page.evaluate(TWO_FRAMES)  # what follows the scrolling begins with the next frame
        assert page.evaluate(UNFADED) == []
        page.evaluate(PLAIN_CODE)
        assert visit.axe("scrollable-region-focusable") == []
        page.set_viewport_size(DESKTOP)
        assert visit.axe() == []
    return seen


def check_the_same(tab, address, seen):
    """Check that a page holds the elements seen at another address, and that they look the same."""
    with awake(tab, address) as visit:
        assert contents(visit) == seen["contents"]
        for theme in ("light", "dark"):
            assert seen_in(visit, theme) == seen[theme], theme


LIGHT = "<style>pre { background: #fff; overflow: hidden; width: 30em; margin: 0 } .b { color: %s }"
WORD = '<span class="%s">word</span>'


@pytest.mark.site
@pytest.mark.parametrize(
    ("colour", "code", "pale"),
    [
        ("#000", WORD % "a" + WORD % "b", 0),
        ("#bbb", WORD % "a" + WORD % "b", 1),
        ("#bbb", WORD % "b" * 5, 3),  # three speak for all that look like them
        ("#bbb", '<span class="b">x</span><span class="b"> </span>' + WORD % "b", 1),
        ("#bbb", f'<span style="margin-left: 40em">{WORD % "b"}</span>\n{WORD % "b"}', 1),
        ("#222", f'<b style="background: #000">{WORD % "b"}</b>{WORD % "b"}', 1),
        ("#222", f'{WORD % "b"}<b style="background: #000">{WORD % "b"}</b>', 1),
        ("#000", f'{WORD % "b"}</pre></div><div class="highlight"><pre>{WORD % "c"}', 0),
        ("#222", f'{WORD % "b"}</pre></div><div class="highlight x"><pre>{WORD % "b"}', 1),
        ("#222", WORD % "b" + '<span class="b" style="opacity: 0.2">word</span>', 1),
        ("#777", f'{WORD % "b"}<b class="b" style="font-size: 30px">word</b>', 1),  # large
        ("#bbb", f'<b class="b" style="font-size: 30px">word</b>{WORD % "a"}', 1),
    ],
)
def test_a_pale_word_of_the_code_is_seen(browser, tab, tmp_path, colour, code, pale):
    page = tmp_path / "page.html"
    page.write_text(
        f'<!doctype html><html lang="en"><title>Page</title>{LIGHT % colour}'
        " .x pre { background: #000 }</style>"
        f'<main><h1>Page</h1><div class="highlight"><pre>{code}</pre></div></main></html>',
        encoding="utf-8",
    )
    with Visit(browser, page.as_uri(), tab=tab) as visit:
        assert len(visit.contrast()) == pale


@pytest.mark.site
def test_the_book_has_formulas_and_live_figures(site):
    text = {name: (site / name).read_text(encoding="utf-8") for name in CHAPTERS}
    for language in LANGUAGES:
        own = "".join(html for name, html in text.items() if name.startswith(language))
        assert 'class="math' in own
        assert 'class="live-figure"' in own
    for name, html in text.items():
        assert ("_static/live-" in html) == ('class="live-figure"' in html), name


@pytest.mark.site
@pytest.mark.parametrize("name", [name for name in PAGES if name not in FRONT])
def test_switch_leads_to_the_same_page_in_the_other_language(site, name):
    language, page = name.split("/")
    (other,) = set(LANGUAGES) - {language}
    html = (site / name).read_text(encoding="utf-8")
    assert f'<html lang="{language}"' in html
    (switch,) = re.findall(
        r'<a class="btn btn-sm language-switch" href="([^"]*)" lang="(..)"', html
    )
    assert switch == (f"../{other}/{page}", other)
    alternates = re.findall(r'<link rel="alternate" hreflang="([^"]*)" href="([^"]*)"', html)
    assert dict(alternates) == {
        "en": f"https://owner.github.io/name/en/{page}",
        "es": f"https://owner.github.io/name/es/{page}",
        "x-default": f"https://owner.github.io/name/en/{page}",
    }


@pytest.mark.site
def test_root_page_offers_both_languages(browser, site):
    html = (site / "index.html").read_text(encoding="utf-8")
    assert "<script src" not in html
    assert "http-equiv" not in html
    first = f"{chapters()[0]}.html"
    for language in LANGUAGES:
        address = f"https://owner.github.io/name/{language}/{first}"
        assert f'<link rel="alternate" hreflang="{language}" href="{address}"' in html
        with Visit(browser, (site / "index.html").as_uri()) as visit:
            visit.page.locator(f'a[hreflang="{language}"]:visible').click()
            assert visit.page.evaluate("document.documentElement.lang") == language
            visit.follow(f"#{language} a.door >> nth=0")
            assert visit.page.evaluate("document.documentElement.lang") == language
            visit.follow("a.language-switch")
            assert visit.page.evaluate("document.documentElement.lang") != language
            assert visit.problems == []


@pytest.mark.site
@pytest.mark.parametrize("name", [f"{language}/index.html" for language in LANGUAGES])
def test_an_edition_opens_at_its_first_page(browser, site, name):
    first = (site / name).with_name(f"{chapters()[0]}.html").as_uri()
    with Visit(browser, (site / name).as_uri(), leads_to=first) as visit:
        assert visit.page.url == first
        assert visit.problems == []


@pytest.mark.site
def test_no_label_of_the_spanish_edition_is_english(site):
    spanish = editions()["es"]["phrases"]
    for name in PAGES:
        if name.startswith("es/"):
            html = (site / name).read_text(encoding="utf-8")
            labels = set(re.findall(r'(?:title|aria-label)="([^"]*)"', html))
            assert labels & spanish.keys() == set(), name
            assert labels & set(spanish.values()), name
            assert re.findall(r'"(?:Toggle|Link to|Permalink|Download|Launch)\b[^"]*"', html) == []


# The site is built as if published from here.
PUBLISHED = "https://owner.github.io/name/"
IN_CSS = re.compile(r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^"')\s]+))\s*\)""")


def links_in_css(text: str) -> list[str]:
    """Return the addresses that a style sheet loads."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    imports = re.findall(r"""@import\s+["']([^"']+)["']""", text)
    return imports + [next(filter(None, groups), "") for groups in IN_CSS.findall(text)]


class _Links(HTMLParser):
    """Everything in a page that can be led to, and everything that leads or loads."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links, self.style = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = {key: value for key, value in attributes if value}
        self.style = tag == "style"
        self.ids += {attributes[key] for key in ("id", "name") if key in attributes}
        keys = ("href", "xlink:href", "src", "poster", "data", "action", "cite")
        self.links += [attributes[key] for key in keys if key in attributes]
        for candidate in attributes.get("srcset", "").split(","):
            self.links += candidate.split()[:1]
        self.links += links_in_css(attributes.get("style", ""))
        if attributes.get("http-equiv", "").lower() == "refresh":
            self.links.append(attributes["content"].split("url=")[1])

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        self.style = False

    def handle_data(self, data):
        if self.style:
            self.links += links_in_css(data)


def broken_links(site: Path, published: str = PUBLISHED) -> tuple[list[str], int]:
    """Return what leads nowhere inside a built site, and how many links were followed."""
    pages = {
        path: _Links(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }
    links = {path: page.links for path, page in pages.items()}
    for path in site.rglob("*.css"):
        links[path] = links_in_css(path.read_text(encoding="utf-8"))
    for path in site.glob("*.xml"):
        text = path.read_text(encoding="utf-8")
        links[path] = re.findall(r'<loc>([^<]*)</loc>|href="([^"]*)"', text)
        links[path] = [one or other for one, other in links[path]]
    broken, followed = [], 0
    for path, own in links.items():
        for link in own:
            parts, start = urlsplit(link.removeprefix(published)), path.parent
            if link.startswith(published):
                start = site
            elif parts.scheme or parts.netloc:
                continue
            target = (start / unquote(parts.path)).resolve() if parts.path else path
            if link == published:
                target = site / "index.html"
            anchor, followed = unquote(parts.fragment), followed + 1
            ids = pages[target].ids if target in pages else ()
            inside = target.is_relative_to(site.resolve()) and target.is_file()
            if not inside or (anchor and ids.count(anchor) != 1):
                broken.append(f"{path.relative_to(site)}: {link}")
    return broken, followed


@pytest.mark.site
def test_every_internal_link_leads_somewhere(site):
    assert {site / name for name in PAGES} <= set(site.rglob("*.html"))
    broken, followed = broken_links(site)
    assert broken == []
    assert followed > 1000


def test_a_broken_link_of_any_kind_is_seen(tmp_path):
    (tmp_path / "there.png").touch()
    good = [
        '<a href="page.html#here">x</a>',
        '<a href="#here" id="here">x</a>',
        '<a href="https://example.org/nowhere">x</a>',
        f'<link rel="alternate" hreflang="es" href="{PUBLISHED}page.html">',
        f'<link rel="canonical" href="{PUBLISHED}">',
        '<img src="there.png" srcset="there.png 1x, ./there.png 2x">',
        "<p style=\"background: url('there.png')\">x</p>",
        "<style>p { background: url(there.png) /* url(old.png) */; }</style>",
        '<p>url(spoken-of.png)</p><img src="data:image/png;base64,AAAA" />',
    ]
    bad = [
        '<a href="gone.html">x</a>',
        '<a href="#gone">x</a>',
        '<a href="page.html#gone">x</a>',
        '<a href="#twice">x</a><p id="twice">x</p><p id="twice">x</p>',
        '<a href="../outside.html">x</a>',
        '<a href="_sources/gone.ipynb" download>x</a>',
        f'<link rel="alternate" hreflang="es" href="{PUBLISHED}gone.html">',
        '<img src="gone.png" />',
        '<img src="there.png" srcset="there.png 1x, gone.png 2x">',
        '<p style="background: url(gone.png)">x</p>',
        "<style>@font-face { src: url('gone.woff'); }</style>",
        '<meta http-equiv="refresh" content="0; url=gone.html">',
    ]
    (tmp_path.parent / "outside.html").touch()
    page, index = tmp_path / "page.html", tmp_path / "index.html"
    index.touch()
    page.write_text("\n".join(good), encoding="utf-8")
    assert broken_links(tmp_path) == ([], 9)
    for link in bad:
        page.write_text("\n".join([*good, link]), encoding="utf-8")
        assert len(broken_links(tmp_path)[0]) == 1, link
    page.write_text("x", encoding="utf-8")
    for name, text in {
        "a.css": 'b { src: url("gone.woff") }',
        "sitemap.xml": f"<loc>{PUBLISHED}gone.html</loc>",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert len(broken_links(tmp_path)[0]) == 1, name
        (tmp_path / name).unlink()


# --- What a reader does ----------------------------------------------------------------------


@pytest.mark.site
@pytest.mark.parametrize(
    ("scheme", "language", "query"),
    [
        ("http", "en", "tokenizer"),
        ("file", "en", "tokenizer"),
        ("http", "es", "tokenizador"),
        ("file", "es", "codificacion"),
        ("file", "es", "CODIFICACIÓN"),
    ],
)
def test_search_finds(tab, site, web, scheme, language, query):
    with Visit(None, address_of(scheme, f"{language}/search.html", site, web), tab=tab) as visit:
        page = visit.page
        fields = page.locator('input[type="search"]:visible')
        assert fields.count() == 1
        fields.fill(query)
        with visit.leaving():
            fields.press("Enter")
        page.locator("#search-results .search-summary").filter(
            has_text=re.compile(r"\d")
        ).wait_for()
        assert page.locator('#search-results a[href^="tokens.html"]').count() > 0
        assert page.locator("#search-results mark").count() > 0
        assert visit.axe() == []
        assert visit.problems == []


# What a reader may look for, and the start of the address of the section that answers.
QUERIES = {
    "en": {
        "KV cache": "generation.html#remembering-the-kv-cache",
        "RoPE": "llama.html#rotary-positions",
        "autograd": "gradients.html#the-tape",
        "LoRA": "fine_tuning.html#lora-learning-beside-the-weights",
        "DPO": "alignment.html#dpo-learning-from-pairs",
        "backprop": "gradients.html#the-",
        "backpropagation": "gradients.html#the-",
        "chain rule": "gradients.html#the-chain-rule-on-a-graph",
        "how do I install": "setup.html",
        "quantise": "quantization.html",
        "the causal mask": "attention.html#no-looking-ahead-the-mask",
        "softmax": "attention.html#a-softmax",
        "perplexities": "ngrams.html",
        "residual stream": "block.html#stacking-and-the-residual-stream",
        "layer norm": "block.html#layer-normalisation",
        "RMSNorm": "llama.html#rmsnorm",
        "GQA": "llama.html#fewer-key-value-heads",
        "adamw": "training.html#adamw",
        "beam search": "generation.html#the-most-probable-text",
        "speculative decoding": "generation.html#a-small-model-guesses",
        "Chinchilla": "scaling.html#chinchilla",
        "data parallel": "scaling.html#data-parallel",
        "Q4_0": "quantization.html#q4-0",
        "weight tying": "gpt.html#one-table-used-twice",
    },
    "es": {
        "caché KV": "generation.html#recordar-la-cache-kv",
        "KV cache": "generation.html#recordar-la-cache-kv",
        "LoRA": "fine_tuning.html#lora-aprender-al-lado-de-los-pesos",
        "DPO": "alignment.html#dpo-aprender-de-pares",
        "RoPE": "llama.html#posiciones-rotatorias",
        "backprop": "gradients.html#la-",
        "retropropagacion": "gradients.html#la-",
        "regla de la cadena": "gradients.html#la-regla-de-la-cadena-en-un-grafo",
        "cómo instalo": "setup.html",
        "cuantizacion": "quantization.html",
        "máscara causal": "attention.html#sin-mirar-adelante-la-mascara",
        "softmax": "attention.html#un-softmax",
        "perplejidades": "ngrams.html",
        "flujo residual": "block.html#apilar-y-el-flujo-residual",
        "normalización de capas": "block.html#la-normalizacion-de-capa",
        "RMSNorm": "llama.html#rmsnorm",
        "GQA": "llama.html#menos-cabezas",
        "leyes de escala": "scaling.html#una-ley",
        "búsqueda en haz": "generation.html#el-texto-mas-probable",
        "tokens especiales": "tokens.html#tokens-especiales",
        "paralelismo de datos": "scaling.html#paralelismo-de-datos",
        "computadora": "training.html#en-tu-ordenador",
        "Quijote": "tokens.html#un-libro-de-verdad",
    },
}


@pytest.mark.site
@pytest.mark.parametrize("language", LANGUAGES)
def test_search_finds_sections_first_or_second(tab, site, language):
    with Visit(None, (site / f"{language}/search.html").as_uri(), tab=tab) as visit:
        find = "(queries) => queries.map((q) => search(q).slice(0, 2).map((r) => r.entry[0]))"
        queries = QUERIES[language]
        found = visit.page.evaluate(find, list(queries))
        wrong = {
            query: two
            for (query, address), two in zip(queries.items(), found, strict=True)
            if not any(one.startswith(address) for one in two)
        }
        assert wrong == {}


@pytest.mark.site
def test_search_shows_what_the_section_says_and_no_menu(tab, site):
    with Visit(None, f"{(site / 'en/search.html').as_uri()}?q=KV%20cache", tab=tab) as visit:
        excerpts = visit.page.locator("#search-results li p").all_inner_texts()
        assert len(excerpts) > 3
        assert not any(".ipynb" in text or "Contents" in text for text in excerpts)
        # A result leads to its section, not to the top of its page.
        with visit.leaving():
            visit.page.locator("#search-results a").first.click()
        assert visit.page.url.endswith("generation.html#remembering-the-kv-cache")
        assert visit.page.evaluate("scrollY") > 1000


@pytest.mark.site
@pytest.mark.parametrize("word", ["constructor", "__proto__", "toString", "hasOwnProperty", "<b>"])
def test_words_that_javascript_knows_are_words_like_others(tab, site, word):
    with Visit(None, (site / "en/search.html").as_uri(), tab=tab) as visit:
        found = visit.page.evaluate("(q) => search(q).map((r) => r.entry.join(' '))", word)
        asked = re.sub(r"\W", "", word).lower()[:6]
        assert all(asked in text.lower() for text in found)
        visit.page.locator('input[type="search"]:visible').fill(word)
        with visit.leaving():
            visit.page.locator('input[type="search"]:visible').press("Enter")
        visit.page.locator("#search-results .search-summary").wait_for()
        assert visit.page.locator("#search-results b").count() == 0
        assert visit.problems == []


@pytest.mark.site
def test_search_finds_nothing_where_there_is_nothing(tab, site):
    with Visit(None, f"{(site / 'es/search.html').as_uri()}?q=xqzwv", tab=tab) as visit:
        summary = visit.page.locator("#search-results .search-summary")
        summary.filter(has_text="Ninguna sección").wait_for()
        assert visit.page.locator("#search-results a").count() == 0


# --- Where a reader is -----------------------------------------------------------------------


@pytest.mark.site
@pytest.mark.parametrize("slug", chapters())
def test_sections_have_the_same_numbers_in_both_languages(site, slug):
    marks = [
        re.findall(r'id="(section-\d+)"', (site / f"{code}/{slug}.html").read_text("utf-8"))
        for code in LANGUAGES
    ]
    assert marks[0] == marks[1] == [f"section-{i}" for i in range(len(marks[0]))] != []


@pytest.mark.site
def test_switching_the_language_keeps_the_section(tab, site):
    address = (site / "en/attention.html").as_uri()
    with Visit(None, f"{address}#why-the-scores-are-divided", tab=tab) as visit:
        visit.page.wait_for_function("scrollY > 1000")
        visit.follow("a.language-switch")
        heading = visit.page.locator("#por-que-se-dividen-las-puntuaciones h2")
        visit.page.wait_for_function(
            "document.querySelector('#por-que-se-dividen-las-puntuaciones h2')"
            ".getBoundingClientRect().top < innerHeight"
        )
        assert heading.bounding_box()["y"] > 0
        assert visit.problems == []


@pytest.mark.site
def test_the_drawer_of_a_phone_closes_after_a_choice(browser, site):
    address = (site / "es/attention.html").as_uri()
    with Visit(browser, address, viewport=PHONE) as visit:
        page = visit.page
        page.click(".secondary-toggle")
        drawer = page.locator("#pst-secondary-sidebar-modal")
        drawer.locator('a[href="#varias-cabezas"]').click()
        drawer.wait_for(state="hidden")
        page.wait_for_function(
            "Math.abs(document.getElementById('varias-cabezas').getBoundingClientRect().top) < 200"
        )
        assert visit.problems == []


@pytest.mark.site
def test_each_page_describes_itself(site):
    described = {}
    for name in CHAPTERS:
        html = (site / name).read_text(encoding="utf-8")
        (text,) = re.findall(r'<meta name="description" content="([^"]*)"', html)
        assert 30 < len(text) <= 200, name
        described[text] = name
    assert len(described) == len(CHAPTERS)


@pytest.mark.site
def test_sentences_in_tables_are_marked(site):
    marked = '<td class="long">'
    for language in LANGUAGES:
        assert marked in (site / f"{language}/today.html").read_text(encoding="utf-8")
        assert marked not in (site / f"{language}/notation.html").read_text(encoding="utf-8")


@pytest.mark.site
def test_theme_button_changes_the_colours_and_is_remembered(browser, site):
    background = "getComputedStyle(document.body).backgroundColor"
    with Visit(browser, (site / CHAPTERS[0]).as_uri(), color_scheme="light") as visit:
        page, seen = visit.page, {}
        for _ in range(3):
            page.click(".theme-switch-button")
            page.wait_for_timeout(50)
            seen[page.evaluate("document.documentElement.dataset.mode")] = page.evaluate(background)
        assert seen.keys() == {"light", "dark", "auto"}
        assert seen["light"] == seen["auto"] != seen["dark"]
        while page.evaluate("document.documentElement.dataset.mode") != "dark":
            page.click(".theme-switch-button")
        page.goto((site / CHAPTERS[-1]).as_uri())
        assert page.evaluate(background) == seen["dark"]


@pytest.mark.site
@pytest.mark.parametrize("language", LANGUAGES)
def test_buttons_open_colab_and_download_the_notebook(tab, site, language):
    with Visit(None, (site / f"{language}/tokens.html").as_uri(), tab=tab) as visit:
        colab = visit.page.locator("a.btn-colab-button").get_attribute("href")
        assert colab == (
            "https://colab.research.google.com/github/owner/name/blob/notebooks/"
            f"{language}/tokens.ipynb"
        )
        visit.page.locator(".dropdown-download-buttons > button").click()
        link = visit.page.locator(".dropdown-download-buttons a:visible")
        assert link.inner_text().strip() == ".ipynb"
        source = site / language / link.get_attribute("href")
    assert source.read_bytes() == (book.ROOT / f"book/{language}/tokens.ipynb").read_bytes()


@pytest.mark.site
def test_menus_open_on_a_phone(browser, site):
    with Visit(browser, (site / "en/tokens.html").as_uri(), viewport=PHONE) as visit:
        page = visit.page
        page.click(".primary-toggle")
        page.locator('#pst-primary-sidebar-modal a:has-text("Tokens")').first.wait_for()
        assert visit.axe() == visit.contrast() == []
        page.keyboard.press("Escape")
        page.click(".bd-header-article .search-button")
        page.locator('#pst-search-dialog input[type="search"]').wait_for()
        assert visit.axe() == visit.contrast() == []
        assert visit.problems == []


@pytest.mark.site
def test_code_has_a_copy_button(tab, site):
    with Visit(None, (site / "en/tokens.html").as_uri(), tab=tab) as visit:
        assert visit.page.locator("div.cell_input button.copybtn").count() > 0


@pytest.mark.site
def test_site_works_from_a_zip(browser, site, tmp_path):
    archive = tmp_path / "book-1.zip"
    release.make_zip(site, archive)
    shutil.unpack_archive(archive, tmp_path / "elsewhere and ñ")
    start = tmp_path / "elsewhere and ñ" / "book-1" / "index.html"
    with Visit(browser, start.as_uri()) as visit:
        visit.page.locator('a[hreflang="es"]:visible').click()
        visit.follow("#es a.door >> nth=0")
        visit.follow('nav a:has-text("Tokens") >> nth=0')
        assert visit.wake_figures() == visit.page.locator("figure.live-figure").count()
        visit.follow("a.language-switch")
        assert visit.page.url.endswith("/en/tokens.html")
        assert visit.problems == []


@pytest.mark.site
def test_pages_read_without_scripts(browser, site):
    with Visit(browser, (site / "en/intro.html").as_uri(), java_script_enabled=False) as visit:
        assert visit.page.locator("article h1").is_visible()
        background = "getComputedStyle(document.documentElement).getPropertyValue"
        assert visit.page.evaluate(f"{background}('--pst-color-background')") == "#fffefb"
        fallbacks = visit.page.locator(".live-fallback")
        assert fallbacks.count() == visit.page.locator(".live-fallback:visible").count()


@pytest.mark.site
def test_nothing_needless_is_shipped(site):
    names = {path.name for path in site.rglob("*") if path.is_file()}
    assert "searchindex.js" not in names
    assert {".nojekyll", "tex-chtml.js", "MathJax_Main-Regular.woff"} <= names
    assert [name for name in names if name.endswith((".map", ".pickle", ".doctree"))] == []


# --- The live figures' loader ----------------------------------------------------------------

COMMON = "const start = 1;\n"
COUNTER = """
function render({ model, el }) {
  const button = document.createElement("button");
  const show = () => (button.textContent = `${model.get("word")} ${model.get("count")}`);
  let changes = 0;
  const count = () => changes++;
  model.on("change:count", show);
  model.on("change:count change:word", count);
  button.onclick = () => {
    model.set("count", model.get("count") + start);
    model.set("count", model.get("count"));
    model.save_changes();
    el.dataset.changes = changes;
    if (changes === 2) model.off("change:count", show);
  };
  el.append(button);
  show();
}
export default { render };
"""
BROKEN = (
    'export default {\n  render({ el }) { el.append("half"); throw new Error("planted"); },\n};\n'
)


def figure(name: str, props: dict) -> str:
    return (
        f'<figure class="live-figure" data-live="{name}">'
        f'<script type="application/json" class="live-props">{json.dumps(props)}</script>'
        '<div class="live-fallback">plain</div></figure>'
    )


@pytest.mark.site
def test_figures_hydrate_each_with_its_own_model(browser, tmp_path):
    (tmp_path / "common.js").write_text(COMMON)
    (tmp_path / "counter.js").write_text(COUNTER)
    (tmp_path / "broken.js").write_text(BROKEN)
    props = [{"word": "a", "count": 1}, {"word": "b", "count": 5}]
    body = "".join([figure("counter", one) for one in props] + [figure("broken", {})])
    body += figure("missing", {})
    page_file = tmp_path / "page.html"
    page_file.write_text(f"<!doctype html>{body}<script>{pack_figures(tmp_path)}</script>")
    with Visit(browser, page_file.as_uri()) as visit:
        page = visit.page
        page.wait_for_function("document.querySelectorAll('[data-live-state]').length === 4")
        buttons = page.locator("figure button")
        assert buttons.all_inner_texts() == ["a 1", "b 5"]
        for _ in range(3):
            buttons.nth(1).click()
        # The third click came after off().
        assert buttons.all_inner_texts() == ["a 1", "b 7"]
        assert page.locator(".live-root").nth(1).get_attribute("data-changes") == "3"
        shown = page.eval_on_selector_all(".live-fallback", "all => all.map((f) => !f.hidden)")
        assert shown == [False, False, True, True]
        assert page.locator(".live-root").count() == 2
        errors = "\n".join(visit.problems)
        assert len(visit.problems) == 2
        assert "planted" in errors
        assert "no such figure" in errors


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('import { x } from "./x.js";\nexport default { x };\n', "from the engine"),
        ("export const a = 1;\nexport default { a };\n", "exactly one"),
        ("function render() {}\n", "exactly one"),
        ("export default { a: 1 };\nconst late = 2\n", "at the end"),
        ("export default { a: 1 };\nconst late = 2;\n", "at the end"),
    ],
)
def test_pack_refuses_other_modules(tmp_path, source, message):
    (tmp_path / "common.js").write_text(COMMON)
    (tmp_path / "odd.js").write_text(source)
    with pytest.raises(ValueError, match=rf"odd\.js.*{message}"):
        pack_figures(tmp_path)


def test_a_page_gets_the_figures_that_it_has(tmp_path):
    figures = tmp_path / "figures"
    figures.mkdir()
    (tmp_path / "_static").mkdir()
    (figures / "common.js").write_text(COMMON)
    (figures / "counter.js").write_text(COUNTER)
    (figures / "broken.js").write_text(BROKEN)
    script = '<script defer="defer" src="_static/live.js?v=1"></script>'
    for name, body in {
        "one": figure("counter", {}) * 2,
        "same": figure("counter", {}),
        "other": figure("broken", {}) + figure("counter", {}),
    }.items():
        (tmp_path / f"{name}.html").write_text(f"{script}{body}")
    (tmp_path / "none.html").write_text("<p>no figure</p>")
    write_scripts(tmp_path, figures)
    scripts = {}
    for page in tmp_path.glob("*.html"):
        scripts[page.stem] = re.findall(r'src="_static/(live-\w+\.js)"', page.read_text())
    assert scripts["one"] == scripts["same"] != scripts["other"]
    assert scripts["none"] == []
    small, large = (
        (tmp_path / "_static" / scripts[name][0]).read_text() for name in ("one", "other")
    )
    assert small == pack_figures(figures, ["counter"])
    assert large == pack_figures(figures)
    assert "planted" not in small
    (tmp_path / "one.html").write_text(script + figure("missing", {}))
    with pytest.raises(ValueError, match=r"figures of \['broken', 'counter'\], got \['missing'\]"):
        write_scripts(tmp_path, figures)


# --- The build -------------------------------------------------------------------------------


def test_editions_are_english_first():
    assert list(editions()) == ["en", "es"]
    assert {edition["language"] for edition in editions().values()} == {"en", "es"}


def test_toc_is_translated_at_every_level():
    toc = {
        "root": "book/en/intro",
        "parts": [
            {
                "caption": "One",
                "chapters": [{"file": "book/en/a", "sections": [{"file": "book/en/b"}]}],
            }
        ],
    }
    assert book.edition_toc(toc, {"language": "es", "captions": {"One": "Uno"}}) == {
        "root": "intro",
        "parts": [{"caption": "Uno", "chapters": [{"file": "a", "sections": [{"file": "b"}]}]}],
    }
    assert toc["parts"][0]["caption"] == "One"
    with pytest.raises(ValueError, match="translation of the caption 'One'"):
        book.edition_toc(toc, {"language": "es", "captions": {}})
    with pytest.raises(ValueError, match="below book/en/, got README"):
        book.edition_toc({"root": "README"}, {"language": "es", "captions": {}})


def test_find_chromium_obeys_the_environment(monkeypatch):
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert find_chromium() == sys.executable
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    assert find_chromium() is None


def small_book(folder: Path) -> None:
    """Write a book of a few short pages in each language, with the real tools and settings."""
    for name in ("_config.yml", "pyproject.toml"):
        shutil.copy(book.ROOT / name, folder)
    toc = yaml.safe_load((book.ROOT / "_toc.yml").read_text(encoding="utf-8"))
    for part in toc["parts"]:
        del part["chapters"][1:]
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    ignore = shutil.ignore_patterns("*.ipynb", "*.md", "__pycache__")
    for name in ("book", "tools", "lessons_lib/live"):
        shutil.copytree(book.ROOT / name, folder / name, ignore=ignore)
    for language in LANGUAGES:
        for slug in chapters(folder):
            write_page(folder, language, slug, "[home](intro.ipynb)\n\n{{ clone }}")


def write_page(folder: Path, language: str, slug: str, text: str) -> None:
    cell = nbformat.v4.new_markdown_cell(f"# {slug}\n\n{text}\n", id="only")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.write(notebook, folder / "book" / language / f"{slug}.ipynb")


def run_site(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tools.site"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.site
def test_a_failed_build_says_why_and_keeps_the_old_site(tmp_path):
    small_book(tmp_path)
    index = tmp_path / "_build" / "site" / "index.html"
    base = "https://example.org/book"
    done = run_site(tmp_path, BOOK_REPOSITORY="", BOOK_BASE_URL=base)
    assert done.returncode == 0, done.stderr
    assert f"Open {index}" in done.stdout.splitlines()[-1]
    assert "make serve" in done.stdout.splitlines()[-1]
    assert done.stderr == ""
    good = {path: path.read_bytes() for path in index.parent.rglob("*.html")}

    # With an address the alternates are absolute; without a repository nothing leads to Colab.
    page = good[index.parent / "es" / "tokens.html"].decode()
    assert f'hreflang="en" href="{base}/en/tokens.html"' in page
    assert '<link rel="canonical" href="https://example.org/book/es/tokens.html"' in page
    assert "colab" not in page.lower().replace("btn-colab", "")
    assert "_sources/tokens.ipynb" in page
    assert "<p>git clone DIRECCIÓN-DEL-REPOSITORIO</p>" in page

    write_page(tmp_path, "es", "tokens", "#### A level left out")
    for _ in range(2):  # Sphinx would not warn again of a page that it has read before
        failed = run_site(tmp_path, BOOK_REPOSITORY="")
        assert failed.returncode == 1
        assert "es/tokens.ipynb" in failed.stderr
        assert "Non-consecutive header level" in failed.stderr
        assert "Traceback" not in failed.stderr
        assert {path: path.read_bytes() for path in index.parent.rglob("*.html")} == good

    assert sorted(path.name for path in index.parent.parent.iterdir()) == ["editions", "site"]


@pytest.mark.site
def test_jupyter_book_builds_the_english_edition_alone(tmp_path):
    small_book(tmp_path)
    command = ["build", ".", "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", *command],
        cwd=tmp_path,
        env={**os.environ, "BOOK_REPOSITORY": "owner/name"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "_build/html/book/en/tokens.html").read_text(encoding="utf-8")
    assert "github/owner/name/blob/notebooks/en/tokens.ipynb" in html
    assert "github.com/owner/name/edit/main/book/en/tokens.ipynb" in html
    assert "<p>git clone https://github.com/owner/name.git</p>" in html
    assert "language-switch" not in html
    assert "hreflang" not in html
