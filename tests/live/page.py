"""What the tests of the live figures share: pages with figures, driven by the keyboard."""

import base64
import json
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pydata_sphinx_theme
import pytest
from axe_playwright_python.base import AXE_SCRIPT

from lessons_lib.live.modules import FOLDER, module_source
from tests.shades import COLOUR_RULES, SOME_OF_EACH_SHADE
from tools.book_site.live import pack_figures

ENGLISH = (
    "Once upon a time there was a little fox. The fox didn't want to sleep. It's late, said the "
    "owl, and we'll all be tired. The little fox looked at the moon and the moon looked back. "
) * 3 + "Then the fox slept."
SPANISH = (
    "Había una vez una niña que no quería dormir. La niña miró la luna y la luna miró a la niña. "
    "¿Quién está ahí?, preguntó el búho. Mañana será otro día, pensó la niña. "
) * 3 + "Y se durmió."

LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
TEXTS = [
    "The little fox didn't sleep; we'll see, it's LATE and IT'S so.",
    "El pingüino añoró mañanas: ¿cuándo volverá la niña?",
    "👨‍👩‍👧 y 🦊🏽 the fox 🇪🇸",
    "猫は眠りたくなかった。 我爱你",
    "nin\u0303a cafe\u0301 \u0301fox",  # accents as combining marks
    "the\tfox\n\n  the   fox \n",
    "the\u00a0fox\u00a0\u00a0la\u3000niña\u2028luna",
    "in 2024 there were 12345 foxes and 3,5 owls ½ ٣ Ⅷ",
    "\ufeffthe fox\ufeff \ufeff fox",  # white space for JavaScript's \s, not for Unicode
    "the\u0085fox \u0085 niña\u180e la",  # the other way round; U+180E is neither
    "\x1cfox\x1f \x00the\x7f",  # white space for Python's str.isspace, not for Unicode
    "𝒯𝒽𝑒 𐍈𐍉 𠮷野家",
    "'s 't 'S don''t l'luna ''",
    '___ ... !!! ¿¡ <b>&amp;</b> </script> \\ " `',
    " ",
    "   ",
    "a",
    "",
    "aaaa aaaaa " * 40 + "niñaniñaniña" * 20,
]


@contextmanager
def listening(tab, **listeners):
    """A blank tab with listeners to its events; in the end it is blank again, without them."""
    tab.set_default_timeout(10_000)
    tab.set_viewport_size({"width": 800, "height": 900})
    for event, listener in listeners.items():
        tab.on(event, listener)
    yield
    tab.goto("about:blank")  # another document: nothing of the test's lives on
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)


@pytest.fixture
def page(tab):
    """A blank page that must end without an error; its workers are all that it may ask for."""
    troubles = []
    with listening(
        tab,
        console=lambda message: troubles.append(message.text),
        pageerror=lambda error: troubles.append(str(error)),
        request=lambda request: request.url.startswith("blob:") or troubles.append(request.url),
    ):
        yield tab
    assert troubles == []


@pytest.fixture
def page_without_scripts(browser):
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def theme_style():
    """The book's theme."""
    styles = "theme/pydata_sphinx_theme/static/styles/pydata-sphinx-theme.css"
    return (Path(pydata_sphinx_theme.__file__).parent / styles).read_text(encoding="utf-8")


def html_page(*figures, theme="no theme", scripts=True):
    css = "" if theme == "no theme" else theme_style()
    css += (FOLDER / "live.css").read_text(encoding="utf-8")
    own = {one.slug for one in figures}  # as the book's pages have it
    script = f"<script>{pack_figures(FOLDER, own)}</script>" if scripts else ""
    body = "".join(one.to_html() for one in figures)
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><title>Page</title>'
        f'<meta name="viewport" content="width=device-width"><style>{css}</style></head>'
        f"<body><main><h1>Page</h1>{body}</main>{script}</body></html>"
    )


def book_pages(folder, files, figures):
    """Write pages as the book has them, one a language: scripts beside them, a figure in each."""
    (folder / "_static").mkdir()
    for name, script in files.items():
        (folder / "_static" / name).write_text(script, encoding="utf-8")
    css = (FOLDER / "live.css").read_text(encoding="utf-8")
    for one in figures:
        (folder / f"{one.language}.html").write_text(
            f'<!doctype html><html lang="{one.language}"><head><meta charset="utf-8">'
            '<title>P</title><meta name="viewport" content="width=device-width">'
            f'<link rel="icon" href="data:,"><style>{css}</style>'
            '<script defer src="_static/live.js"></script></head>'
            f"<body><main><h1>Page</h1>{one.to_html()}</main></body>",
            encoding="utf-8",
        )
    return folder


def mount(page, *figures, theme="no theme", width=800, unfolded=True):
    """Load figures, with their folded numbers open: closed they would not be found as text."""
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(html_page(*figures, theme=theme))
    for one in page.locator("figure").all():
        one.scroll_into_view_if_needed()
    page.wait_for_function(
        "document.querySelectorAll('figure[data-live-state=ready]').length ==="
        " document.querySelectorAll('figure').length"
    )
    if unfolded:
        page.evaluate("document.querySelectorAll('.live-fold').forEach((one) => (one.open = true))")


def settle(page):
    """Wait until what was asked for is drawn: that is at most once a frame."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => done()))")


def in_every_look(test):
    """Run a test in both languages, one as on a telephone; light, dark, and without a theme."""
    sizes = pytest.mark.parametrize(("language", "width"), [("en", 800), ("es", 360)])
    return sizes(pytest.mark.parametrize("theme", ["light", "dark", "no theme"])(test))


def assert_accessible(page):
    """Axe finds nothing, and nothing sticks out of the page."""
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


PASSED = set()  # shades whose texts were found to have enough contrast, of all figures and states
SOUND = set()  # what of a page axe's other rules see, where they found nothing: not its colours
STRUCTURE = """() => {
  const main = document.querySelector("main"), style = document.querySelector("style");
  const html = main.outerHTML.replaceAll(/ data-(shade-measured|aside)=""/g, "");
  return [innerWidth, style.textContent.length, document.title, html].join();
}"""


def violations(page):
    """What axe finds; contrast is measured where a shade is new, all else where a structure is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    structure = hash(page.evaluate(STRUCTURE))
    shades = page.evaluate(SOME_OF_EACH_SHADE, sorted(PASSED))
    options = {"preload": False, "resultTypes": ["violations"]}
    if structure in SOUND:
        if not shades:
            return []
        options["runOnly"] = list(COLOUR_RULES)
    else:
        options["rules"] = {rule: {"enabled": bool(shades)} for rule in COLOUR_RULES}
    found = page.evaluate("(options) => axe.run(options)", options)["violations"]
    if not found:
        PASSED.update(shades)
        SOUND.add(structure)
    return [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found]


def internals(page, slug, *names):
    """The named constants and functions of a figure's module, as `window.inside`."""
    source = module_source(slug).split("export default")[0]
    page.evaluate(
        f"() => {{ window.inside = (() => {{ {source} return {{{','.join(names)}}} }})(); }}"
    )


def words(page, slug, language):
    """The texts of a figure in a language, by name, without those that are functions."""
    internals(page, slug, "STRINGS")
    return json.loads(page.evaluate(f"JSON.stringify(inside.STRINGS.{language})"))


def follow(page, figure, selector):
    """Load a figure as anywidget does, as an ES module; change its language; then let it go.

    Return the text at `selector` before and after, the names of the events that it listens to, how
    many listeners are left, and how many elements it has put in its place.
    """
    return page.evaluate(
        """async ([source, props, selector]) => {
            const module = (await import(`data:text/javascript;base64,${source}`)).default;
            const listeners = new Set();
            const followed = [];
            const model = {
                get: (name) => props[name],
                on: (names, listener) => listeners.add(listener) && followed.push(names),
                off: (names, listener) => listeners.delete(listener),
            };
            const el = document.createElement("div");
            const stop = module.render({ model, el });
            const text = () => el.querySelector(selector).textContent;
            const before = text();
            props.language = "es";
            for (const listener of listeners) listener();
            const after = text();
            stop();
            return [before, after, followed.join(" "), listeners.size, el.children.length];
        }""",
        [base64.b64encode(str(figure._esm).encode()).decode(), figure.props, selector],
    )


def focus(page, name):
    """Tab from the top of the page until the control of this name has the focus."""
    if focused(page) == name:
        return
    page.evaluate("document.activeElement.blur()")
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        if seen[-1] == name:
            return
    raise AssertionError(f"{name!r} cannot be reached with Tab, only {seen}")


def focused(page):
    """The name of what has the focus: its label, or its class, or its text."""
    return page.evaluate(
        """() => {
            const { activeElement: one } = document;
            const label = one.labels?.[0]?.querySelector("span");
            return label?.textContent ?? (one.className || one.textContent);
        }"""
    )


def reached(page, times):
    """What gets the focus, one after the other, with Tab."""
    names = []
    for _ in range(times):
        page.keyboard.press("Tab")
        names.append(focused(page))
    return names


def press(page, button, times=1, key="Enter"):
    focus(page, button)
    for _ in range(times):
        page.keyboard.press(key)


def write(page, label, text):
    focus(page, label)
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    if text:
        page.keyboard.insert_text(text)
    assert page.evaluate("document.activeElement.value") == text


def drag_by_touch(page, start, end, selector):
    """Drag a finger from one place to another, both in CSS pixels of the first element."""
    box = page.locator(selector).first.bounding_box()
    session = page.context.new_cdp_session(page)
    for kind, place in (("Start", start), ("Move", end), ("End", None)):
        points = [{"x": box["x"] + place[0], "y": box["y"] + place[1]}] if place else []
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    settle(page)


def texts(page, selector):
    """The texts of the rows of a table, cell by cell."""
    return page.locator(selector).evaluate_all(
        "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    )


def number(text):
    """The number that an English figure has written."""
    digits, _, power = text.replace("−", "-").replace(",", "").partition("\u00a0×\u00a010")
    return float(f"{digits}e{power.translate(LOWERED) or 0}")


class Props(HTMLParser):
    """What an HTML parser finds in the script element, and the tags in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.scripts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        if self.tags[-1] == "script":
            self.scripts.append(data)


def drag(page, start, *places):
    """Press the mouse at `start`, move it over `places` and let it go."""
    page.mouse.move(*start)
    page.mouse.down()
    for place in places:
        page.mouse.move(*place)
    page.mouse.up()
    settle(page)


def drop(page, name, data):
    """Drop a file on the first figure."""
    transfer = page.evaluate_handle(
        """([name, text]) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            transfer.items.add(new File([bytes], name));
            return transfer;
        }""",
        [name, base64.b64encode(data).decode()],
    )
    page.dispatch_event("form.live-body", "drop", {"dataTransfer": transfer})
