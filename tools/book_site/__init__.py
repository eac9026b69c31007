"""The Sphinx extension behind the book's pages.

It adds what the theme lacks: a switch to the same page in the other language, live figures
without a kernel, self-hosted MathJax, repository buttons, and the accessibility fixes. All of it
works over http and from a folder (``file://``), with no request to another host. `lighten` makes
the written pages quick to load.
"""

import hashlib
import re
import shutil
from importlib.metadata import distribution
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.errors import ConfigError

from tools import addresses
from tools.book_site.check import add_section, write_questions
from tools.book_site.drawings import InlineDrawings, write_styles
from tools.book_site.lighten import lighten
from tools.book_site.live import FILE_FIGURE, pack_files, write_scripts
from tools.book_site.search import write_index

ROOT = Path(__file__).resolve().parents[2]
STORAGE = """
    try {
      localStorage;
    } catch {
      const none = { getItem: () => null, setItem() {}, removeItem() {}, clear() {} };
      Object.defineProperty(window, "localStorage", { value: none });
    }"""
HERE = Path(__file__).resolve().parent
LONG_ENTRY = 120  # characters of a table's entry that is a sentence
LONG_OPTION = 24  # characters of a word in code that still fits into a line of a phone
COMMANDS = re.compile(r'<div class="highlight-(?:console|bash|shell) .*?</pre>', re.DOTALL)


def made_by() -> str:
    """Return a checksum of what turns the book's sources into pages.

    It is a setting of Sphinx, which reads all pages anew when it changes: an older page is not kept
    after an update of the book.
    """
    files = [*HERE.rglob("*.py"), *(ROOT / "book").glob("*/_edition.yml")]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def editions() -> dict[str, dict]:
    """Return the editions' settings by language code, English (the source) first."""
    files = sorted((ROOT / "book").glob("*/_edition.yml"), key=lambda f: (f.parent.name != "en", f))
    return {file.parent.name: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def _configure(app, config):
    config.templates_path.insert(0, str(HERE / "templates"))
    config.html_static_path.append(str(ROOT / "book" / "_static"))
    config.mathjax_path = "mathjax/tex-chtml.js"
    # MathJax's menu offers parts that are not shipped here.
    config.mathjax3_config = {"options": {"enableMenu": False}}
    try:
        repository = addresses.repository_url()
        config.myst_substitutions = {
            **config.myst_substitutions,
            **addresses.substitutions(config.language),
        }
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if config.book_has_both_editions:  # the title leads to the front page
        logo = config.html_theme_options.setdefault("logo", {})
        logo["link"] = f"../index.html#{config.language}"
    if repository:
        config.html_theme_options.update(
            repository_url=repository,
            repository_branch=addresses.BRANCH,
            path_to_docs=Path(app.srcdir).resolve().relative_to(ROOT).as_posix().removeprefix("."),
            use_repository_button=True,
            use_issues_button=True,
            use_edit_page_button=True,
            launch_buttons={"colab_url": "https://colab.research.google.com"},
        )


def _vendor(app):
    """Write MathJax and the live figures beside the other static files."""
    if app.builder.format != "html":
        return
    app.builder.search = False  # the book has its own
    static = Path(app.outdir) / "_static"
    (static / "mathjax").mkdir(parents=True, exist_ok=True)
    files = distribution("sphinx-mathjax-offline").files or []
    for file in files:
        if file.name == "tex-chtml.js" or file.suffix == ".woff":
            target = static / "mathjax" / file.as_posix().split("/mathjax/")[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target)
    write_styles(static)
    figures = ROOT / "lessons_lib" / "live"
    shutil.copyfile(figures / "live.css", static / "live.css")


def _search_page(app):
    yield "search", {}, "search.html"


def _number_sections(app, doctree):
    """Give each section a second name that both languages share: its number on the page."""
    for number, section in enumerate(doctree.findall(nodes.section)):
        section["ids"].append(f"section-{number}")


def _add_check(app, doctree):
    """Put *Check yourself* before a chapter's last section."""
    add_section(app, doctree, editions()[app.config.language]["check"])


def _mark_long_entries(app, doctree):
    """Mark the entries of tables that are sentences: on a phone their columns are wider."""
    for entry in doctree.findall(nodes.entry):
        if len(entry.astext()) > LONG_ENTRY:
            entry["classes"].append("long")


def _mark_options(app, doctree):
    """Mark code in running text whose words are short options: they are not broken."""
    for literal in doctree.findall(nodes.literal):
        words = literal.astext().split()
        if any(word.startswith("--") for word in words) and max(map(len, words)) <= LONG_OPTION:
            literal["classes"].append("whole")


def keep_options_whole(html: str) -> str:
    """Mark the options of the commands that a page prints: a line does not end within them."""
    option = re.compile(rf"(?<=[ \n])--[a-z][a-z-]{{0,{LONG_OPTION - 3}}}(?![\w-])")

    def marked(block: re.Match) -> str:
        return option.sub(r'<span class="whole">\g<0></span>', block[0])

    return COMMANDS.sub(marked, html)


def describe(doctree: nodes.document | None, longest: int = 160) -> str:
    """Return a page's description: the question it asks, else the beginning of its text."""
    if doctree is None:
        return ""
    inside = (nodes.block_quote, nodes.section)
    texts = []
    for part in doctree.findall(nodes.paragraph):
        if isinstance(part.parent, inside):
            label = part[0].astext() if isinstance(part[0], nodes.strong) else ""
            text = re.sub(r"\s+", " ", part.astext().removeprefix(label)).strip()
            texts.append((isinstance(part.parent, nodes.block_quote), text))
    questions = [text for quoted, text in texts if quoted and "?" in text]
    text = questions[0] if questions else next((text for _, text in texts if text), "")
    if len(text) <= longest:
        return text
    cut = text[:longest]
    end = max(cut.rfind(mark) for mark in (". ", "? ", "! "))
    return cut[: end + 1] if end > longest / 3 else cut[: cut.rfind(" ")] + " …"


def _page(app, pagename, templatename, context, doctree):
    every, here = editions(), app.config.language
    context["description"] = describe(doctree)
    up = "../" * (pagename.count("/") + 1)
    base = addresses.site_url() or up
    context["words"] = every[here]
    if app.config.book_has_both_editions:
        context["other_editions"] = [
            {**other, "href": f"{up}{code}/{pagename}.html"}
            for code, other in every.items()
            if code != here
        ]
        context["site_address"] = addresses.site_url()
        context["alternates"] = [(code, f"{base}{code}/{pagename}.html") for code in every]
    if 'class="live-figure"' in context.get("body", ""):
        app.add_js_file("live.js", loading_method="defer")


def _buttons(app, pagename, templatename, context, doctree):
    """Put the launch menu's only entry, Colab, in the place of the menu: a published notebook."""
    buttons = context["header_buttons"]
    for i, button in enumerate(buttons):
        if button["label"] == "launch-buttons":
            buttons[i] = {
                **button["buttons"][0],
                "url": addresses.colab_url(app.config.language, pagename.rpartition("/")[2]),
                "icon": "fas fa-play",
                "label": "colab-button",
            }


def _finish(app, exception):
    """Mend in the written pages what the theme gets wrong; add the files they may ask for."""
    if exception or app.builder.format != "html":
        return
    words = editions()[app.config.language]
    changes = {
        # A landmark for the sidebar's title.
        'id="pst-primary-sidebar" class=': 'id="pst-primary-sidebar" role="complementary" '
        f'aria-label="{words["sidebar"]}" class=',
        # The theme's scripts ask for a storage that a browser may refuse.
        '<script data-cfasync="false">': f'<script data-cfasync="false">{STORAGE}',
        # The theme of readers without scripts.
        ' data-theme="auto"': "",
        # Labels that differ from the words that are seen.
        ' aria-label="Toggle hidden content"': "",
    }
    for english, own in words["phrases"].items():
        for place in ('title="{}"', 'aria-label="{}"', 'btn__text-container">{}<'):
            changes[place.format(english)] = place.format(own)
    write_index(app, {"language": app.config.language, **words["search"]})
    wanted = set()
    for page in Path(app.outdir).rglob("*.html"):
        if "_static" in page.parts:
            continue
        text = old = page.read_text(encoding="utf-8")
        wanted.update(FILE_FIGURE.findall(text))
        for before, after in changes.items():
            text = text.replace(before, after)
        text = keep_options_whole(text)
        if text != old:
            page.write_text(text, encoding="utf-8")
    lighten(Path(app.outdir))
    write_questions(app, sorted(app.env.found_docs))
    write_scripts(Path(app.outdir), ROOT / "lessons_lib" / "live")
    for figure, language in wanted:  # only what a figure of some page may ask for
        for name, script in pack_files(figure, language).items():
            (Path(app.outdir) / "_static" / name).write_text(script, encoding="ascii")


def setup(app):
    """Register the extension with Sphinx."""
    app.add_config_value("book_has_both_editions", False, "html")
    app.add_config_value("book_made_by", made_by(), "env")
    app.add_post_transform(InlineDrawings)
    app.connect("config-inited", _configure)
    app.connect("builder-inited", _vendor)
    # Before the contents of the page are collected, and its sections numbered.
    app.connect("doctree-read", _add_check, priority=400)
    app.connect("doctree-read", _number_sections)
    app.connect("doctree-read", _mark_long_entries)
    app.connect("doctree-read", _mark_options)
    app.connect("html-collect-pages", _search_page)
    # Before the theme drops the templates that come out empty; after it has made its buttons.
    app.connect("html-page-context", _page, priority=400)
    app.connect("html-page-context", _buttons, priority=900)
    # After the theme has written its colours of code.
    app.connect("build-finished", _finish, priority=900)
    app.add_css_file("live.css")
    app.add_css_file("book.css", priority=900)
    app.add_css_file("drawings.css", priority=900)
    app.add_js_file("book.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
