"""Make the written pages light: icons in place, one style sheet, one script.

The theme loads Font Awesome (700 kB) for a dozen icons, ten style sheets and a dozen scripts one
after the other. Here the icons become drawings in the page, and what every page loads becomes one
file of styles and one of scripts, which wait for nothing and hold nothing up. MathJax is left to
`book.js`, which asks for it after the first paint.
"""

import hashlib
import posixpath
import re
import shutil
import tomllib
from pathlib import Path

from tools.book_site.columns import keep_columns

ICONS = tomllib.loads(Path(__file__).with_name("icons.toml").read_text(encoding="utf-8"))
ICON = re.compile(
    r'<(i|span) class="([^"]*\b(?:fa|fas|fab|fa-solid|fa-brands)\b[^"]*)"([^>]*)>\s*</\1>'
)
STYLE = re.compile(r'<link\b(?=[^>]*\brel="stylesheet")[^>]*\bhref="_static/([^"?]+)[^"]*"[^>]*>')
SCRIPT = re.compile(r'<script\b[^>]*\bsrc="_static/([^"?]+)[^"]*"[^>]*></script>')
PRELOAD = re.compile(r'<link\b[^>]*\brel="preload"[^>]*>\n?')
# Scripts of Sphinx's search and of keys that the book does not use, and Font Awesome.
UNUSED = {
    "doctools.js",
    "language_data.js",
    "scripts/fontawesome.js",
    "searchtools.js",
    "sphinx_highlight.js",
    "translations.js",
}
SETTINGS = "documentation_options.js"  # small, and each language has its own
LATER = "mathjax/tex-chtml.js"  # book.js asks for it
# What looks at its own element or for files beside it, and what one page alone needs.
ALONE = re.compile(r"live\.js|search_\w+\.js|design-tabs\.js")
TABS = "design-tabs.js"  # of use to pages with tabs
DESIGN = "sphinx-design.min.css"  # of use to pages with its cards, grids and badges
JOINED = "book-joined-"  # how the names of the joined files begin
PRINTED = {"drawings.css", "live.css", "pygments.css", DESIGN}  # what tools.pdf takes


def draw_icons(html: str) -> str:
    """Return a page whose icons are drawings instead of names for Font Awesome.

    Raises:
        ValueError: an icon that `icons.toml` does not have.
    """

    def draw(match: re.Match) -> str:
        _, classes, rest = match.groups()
        names = [name for name in classes.split() if not re.fullmatch(r"fa|fa[srb]|fa-.*", name)]
        known = [name.removeprefix("fa-") for name in classes.split()]
        paths = [ICONS[name] for name in known if name in ICONS]
        if len(paths) != 1:
            raise ValueError(f"expected an icon of {sorted(ICONS)}, got {classes!r}")
        names = ["icon", *(["icon-lg"] if "lg" in known else []), *names]
        rest = rest.replace(' aria-hidden="true"', "")
        return (
            f'<svg class="{" ".join(names)}" viewBox="0 0 24 24" aria-hidden="true"{rest}>'
            f'<path d="{paths[0]}"/></svg>'
        )

    return ICON.sub(draw, html)


def without_font_awesome(css: str) -> str:
    """Return the theme's style sheet without the fonts and the classes of Font Awesome.

    >>> without_font_awesome(".a{b:c}.fa-x:before,.fas{d:e}@font-face{font-family:Font Awesome}")
    '.a{b:c}'
    """
    own = r"\.fa[a-z]?(?!\w)[^,{}]*"
    css = re.sub(r"/\*!\n? \* Font Awesome.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(r"@font-face\{[^{}]*Font ?Awesome[^{}]*\}", "", css)
    css = re.sub(r"@(?:-webkit-)?keyframes fa-[\w-]+\{(?:[^{}]*\{[^{}]*\})*\}", "", css)
    return re.sub(rf"(?<=[{{}}])\s*{own}(?:,{own})*\{{[^{{}}]*\}}", "", css)


def _stylesheet(static: Path, name: str) -> str:
    """Return a style sheet's text, with what it imports and with addresses seen from `static`."""
    css = (static / name).read_text(encoding="utf-8").replace('@charset "UTF-8";', "")
    folder = posixpath.dirname(name)

    def beside(address: str) -> str:
        return posixpath.normpath(posixpath.join(folder, address))

    if folder:
        css = re.sub(r'url\((?!["\']?data:)([^)"\']+)\)', lambda m: f"url({beside(m[1])})", css)
    css = re.sub(r'@import "([^"]+)";', lambda m: _stylesheet(static, beside(m[1])), css)
    if name.endswith("pydata-sphinx-theme.css"):
        css = without_font_awesome(css)
    return re.sub(r"/\*[#@] sourceMappingURL=.*?\*/", "", css)


def _joined(static: Path, texts: list[str], ending: str) -> str:
    """Write texts as one file, named by what it holds; return its name."""
    text = "\n".join(texts)
    name = f"{JOINED}{hashlib.sha256(text.encode()).hexdigest()[:10]}.{ending}"
    (static / name).write_text(text, encoding="utf-8")
    return name


def join_styles(html: str, static: Path, used: set[str]) -> str:
    """Return a page with its style sheets joined in one; add their names to `used`."""
    names = STYLE.findall(html)
    used.update(names)
    if not re.search(r'class="[^"]*\bsd-', html):
        names = [name for name in names if name != DESIGN]
    if not names:
        return html
    name = _joined(static, [_stylesheet(static, name) for name in names], "css")
    link = f'<link rel="stylesheet" href="_static/{name}" />'
    before, after = (html[: STYLE.search(html).start()], html[STYLE.search(html).end() :])
    return before + link + STYLE.sub("", after)


def join_scripts(html: str, static: Path, used: set[str]) -> str:
    """Return a page with its scripts joined in one that waits for none; add their names to `used`.

    Settings stand in the page; MathJax is left out, because the page asks for it later.
    """
    needless = UNUSED | {LATER, SETTINGS} | ({TABS} if "sd-tab-label" not in html else set())
    kept = [name for name in SCRIPT.findall(html) if name not in needless]
    names = list(dict.fromkeys(name for name in kept if not ALONE.fullmatch(name)))
    used.update(names, UNUSED, {SETTINGS})
    # The empty statement keeps a file's "use strict" from being that of all.
    texts = [f";{(static / name).read_text(encoding='utf-8')}" for name in names]
    texts = [re.sub(r"//# sourceMappingURL=.*", "", text) for text in texts]
    bundle = _joined(static, texts, "js") if names else ""

    def place(match: re.Match) -> str:
        name = match[1]
        if name == SETTINGS:
            return f"<script>{(static / name).read_text(encoding='utf-8')}</script>"
        if name in names:  # behind the live figures, which readers wait for
            last = name == names[-1]
            return f'<script defer src="_static/{bundle}"></script>' if last else ""
        return match[0] if name in kept else ""

    return PRELOAD.sub("", SCRIPT.sub(place, html))


def lighten(outdir: Path) -> None:
    """Lighten all pages of one edition in place, and remove the files that no page needs any more.

    Raises:
        ValueError: a page has an icon that `icons.toml` does not have.
    """
    static, used = outdir / "_static", set()
    for page in sorted(outdir.rglob("*.html")):
        if "_static" in page.parts:
            continue
        html = page.read_text(encoding="utf-8")
        if JOINED in html:  # written by an earlier build
            continue
        html = keep_columns(draw_icons(html))
        html = join_styles(html, static, used)
        html = join_scripts(html, static, used)
        page.write_text(html, encoding="utf-8")
    for name in used - PRINTED:
        (static / name).unlink(missing_ok=True)
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
