"""How much a page makes a reader load, counted, and that nothing is missing for it."""

import gzip
import io
import re

import pytest
from pypdf import PdfReader

from tools.book_site.columns import keep_columns
from tools.book_site.lighten import (
    ICONS,
    draw_icons,
    join_scripts,
    join_styles,
    lighten,
    without_font_awesome,
)

LANGUAGES = ("en", "es")
FIRST_VIEW = 600_000  # bytes, gzipped


@pytest.fixture
def loads(browser, web):
    """A function that opens a page and returns the gzipped bytes of all that it loads."""
    contexts = []

    def load(name: str, width: int = 1400) -> dict[str, int]:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        page, finished = contexts[-1].new_page(), []
        page.on("requestfinished", lambda request: finished.append(request))
        page.goto(f"{web}/{name}", wait_until="load")
        page.evaluate("() => window.formulas")
        page.evaluate("() => document.fonts.ready")
        page.wait_for_load_state("networkidle")
        return {
            request.url.removeprefix(f"{web}/"): len(gzip.compress(request.response().body()))
            for request in finished
        }

    yield load
    for context in contexts:
        context.close()


@pytest.mark.site
@pytest.mark.parametrize("name", ["attention", "gpt", "quantization", "training", "intro"])
def test_a_first_view_is_light(loads, name):
    sizes = loads(f"en/{name}.html")
    assert "_static/mathjax/tex-chtml.js" in sizes, "a page of formulas"
    assert sum(sizes.values()) <= FIRST_VIEW, sizes
    assert len(sizes) <= 16, sizes


@pytest.mark.site
def test_a_page_without_formulas_loads_no_mathjax_and_only_the_search_its_index(loads):
    sizes = loads("es/glossary.html")
    assert not any("mathjax" in name or "search" in name for name in sizes), sizes
    assert sum(sizes.values()) <= 250_000
    assert "_static/search_es.js" in loads("es/search.html")


@pytest.mark.site
def test_both_languages_load_the_same_files(site):
    pattern = re.compile(r'\b(?:src|href)="([^"]*_static/[^"]+)"')
    for slug in ("attention", "intro"):
        english, spanish = (
            pattern.findall((site / f"{language}/{slug}.html").read_text(encoding="utf-8"))
            for language in LANGUAGES
        )
        assert english == spanish
        assert all(address.startswith("../_static/") for address in english)
        assert len([address for address in english if ".css" in address]) == 1
    assert not list(site.glob("*/_static"))
    names = {path.name for path in (site / "_static").rglob("*")}
    assert not {"fontawesome.js", "fa-solid-900.woff2", "searchtools.js", "doctools.js"} & names


@pytest.mark.site
def test_pictures_are_drawn_in_the_page(site):
    """They are no files of their own: nothing waits for them, nothing moves when they come."""
    pages = [page.read_text(encoding="utf-8") for page in site.glob("*/*.html")]
    assert [tag for html in pages for tag in re.findall(r"<img [^>]*_images[^>]*>", html)] == []
    assert sum(len(re.findall(r'<svg[^>]* class="drawing"', html)) for html in pages) > 60


@pytest.mark.site
def test_the_print_has_the_formulas(browser, site, web):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{web}/en/attention.html")
        page.evaluate("() => window.formulas")
        pdf = PdfReader(io.BytesIO(page.pdf()))
    html = (site / "en/attention.html").read_text(encoding="utf-8")
    assert "\\sqrt" in html
    assert "\\sqrt" not in "".join(sheet.extract_text() for sheet in pdf.pages), "a formula as text"
    resources = [sheet["/Resources"] for sheet in pdf.pages]
    fonts = [font.get_object() for one in resources for font in one.get("/Font", {}).values()]
    # Chromium embeds MathJax's fonts in this way, and the system's in another.
    assert any(font["/Subtype"] == "/Type3" for font in fonts)


@pytest.mark.site
def test_a_dark_page_is_printed_in_light_and_its_code_is_not_cut(browser, site, web):
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        page.goto(f"{web}/en/attention.html")
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.evaluate(
            "addEventListener('beforeprint',"
            " () => (window.printed = document.documentElement.dataset.theme))"
        )
        page.pdf()
        assert page.evaluate("window.printed") == "light"
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        page.set_viewport_size({"width": 680, "height": 960})  # A4, less its margins
        page.emulate_media(media="print")
        cut = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).length"
        assert page.eval_on_selector_all("article pre", cut) == 0


# --- The parts -------------------------------------------------------------------------------


STREAM = '<div class="output stream x"><div class="highlight"><pre{}>{}</pre></div></div>'


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("width  steps   loss\n   32     50  377.9\n", True),
        ("<span>before</span>  0.2\nafter   <b>0.9</b>", True),
        ("&lt;|end|&gt;  1\n&lt;|user|&gt;  2", True),
        ("one line  alone", False),
        ("Once upon a time\nthere was a boy.", False),
        ("a  b\nand " + 100 * "c" + "  d", False),  # its longest line is no line of a table
        ("a  b\nc  d\nno gap\nnone", False),
        ("", False),
    ],
)
def test_printed_tables_keep_their_columns(text, columns):
    expected = STREAM.format(' class="columns"' if columns else "", text)
    assert keep_columns(STREAM.format("", text)) == expected


def test_only_what_was_printed_has_columns():
    code = '<div class="highlight"><pre>a  b\nc  d</pre></div>'
    assert keep_columns(code) == code


def test_an_icon_is_drawn_in_place():
    drawn = draw_icons('<i class="theme-switch fa-solid fa-sun fa-lg" data-mode="light"></i>')
    assert drawn == (
        '<svg class="icon icon-lg theme-switch" viewBox="0 0 24 24" aria-hidden="true"'
        f' data-mode="light"><path d="{ICONS["sun"]}"/></svg>'
    )
    assert "<svg" in draw_icons('<span class="fab fa-github"></span>')
    assert draw_icons('<i class="fast"></i><i>fa-sun</i>') == '<i class="fast"></i><i>fa-sun</i>'
    with pytest.raises(ValueError, match=r"expected an icon of .*'fas fa-unicorn'"):
        draw_icons('<i class="fas fa-unicorn"></i>')


def test_font_awesome_leaves_the_style_sheet_and_nothing_else():
    theirs = (
        "/*!\n * Font Awesome Free 6\n */.fa{a:b}",
        '.fa-0:before{content:"0"}',
        ".fa,.fas,.far{x:y}",
        "@font-face{font-family:Font Awesome\\ 6 Free;src:url(../vendor/x.woff2)}",
        "@keyframes fa-beat{0%{a:b}to{c:d}}",
    )
    ours = (".fade{a:b}", ".a .fa-b{c:d}", "@font-face{font-family:Other}", ":root{--x:y}", "b{}")
    mixed = "".join(own + their for own, their in zip(ours, theirs, strict=True))
    assert without_font_awesome(mixed) == "".join(ours)


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


PAGE = """<head>
<link href="_static/styles/a.css?digest=1" rel="stylesheet" />
<link rel="stylesheet" type="text/css" href="_static/b.css?v=1" />
<link rel="preload" as="script" href="_static/b.js" />
<link rel="icon" href="_static/i.svg" />
<script src="_static/documentation_options.js?v=2"></script>
<script src="_static/doctools.js"></script>
<script src="_static/a.js?v=3"></script>
<script>let inline = 1;</script>
<script src="_static/design-tabs.js"></script>
<script defer src="_static/live.js"></script>
<script defer src="_static/mathjax/tex-chtml.js"></script>
</head><body>BODY<script src="_static/b.js"></script></body>"""
FILES = {
    "styles/a.css": '@import "../base.css";\n.a { background: url(../i.svg) url("data:x(y") }',
    "base.css": ".base { background: url(j.svg) }",
    "b.css": ".b {}\n/*# sourceMappingURL=b.css.map */",
    "documentation_options.js": "const DOCUMENTATION_OPTIONS = {};",
    "doctools.js": "",
    "design-tabs.js": "",
    "a.js": '"use strict";\nconst a = 1;\n//# sourceMappingURL=a.js.map',
    "b.js": "const b = 2;",
    "live.js": "",
    "mathjax/tex-chtml.js": "",
}


def test_a_page_gets_one_style_sheet_and_one_script(tmp_path):
    write(tmp_path / "_static", FILES)
    tabs = PAGE.replace("BODY", '<p class="sd-tab-label">')
    write(tmp_path, {"page.html": PAGE, "tabs.html": tabs})
    lighten(tmp_path)
    lighten(tmp_path)  # a page of an earlier build stays as it is
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    (css,) = re.findall(r'<link rel="stylesheet" href="_static/(book-joined-\w+\.css)" />', html)
    (js,) = re.findall(r'<script defer src="_static/(book-joined-\w+\.js)"></script>', html)
    style = (tmp_path / "_static" / css).read_text(encoding="utf-8")
    assert style.splitlines() == [
        ".base { background: url(j.svg) }",
        '.a { background: url(i.svg) url("data:x(y") }',
        ".b {}",
    ]
    script = (tmp_path / "_static" / js).read_text(encoding="utf-8")
    assert script == ';"use strict";\nconst a = 1;\n\n;const b = 2;'
    order = ["<script>const DOC", "<script>let inline", "live.js", js]
    assert [html.index(part) for part in order] == sorted(html.index(part) for part in order)
    assert html.count("<script") == 4
    assert "sphinx-design" not in html
    assert "preload" not in html
    assert 'href="_static/i.svg"' in html
    assert "design-tabs.js" in (tmp_path / "tabs.html").read_text(encoding="utf-8")
    left = {path.name for path in (tmp_path / "_static").rglob("*") if path.is_file()}
    assert left == {css, js, "live.js", "design-tabs.js", "tex-chtml.js", "base.css"}


def test_bundles_are_named_by_what_they_hold(tmp_path):
    write(tmp_path, FILES)
    used = set()
    once = join_styles(PAGE, tmp_path, used)
    assert once == join_styles(PAGE, tmp_path, used)
    write(tmp_path, {"b.css": ".c {}"})
    assert once != join_styles(PAGE, tmp_path, used)
    assert used == {"styles/a.css", "b.css"}
    assert join_scripts("<p>none</p>", tmp_path, used) == "<p>none</p>"
    assert join_styles("<p>none</p>", tmp_path, used) == "<p>none</p>"
