"""Write the decks of all chapters, with every file that they need."""

import hashlib
import re
import shutil
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from pygments.formatters import HtmlFormatter

from lessons_lib.base.files import write_atomic
from lessons_lib.figures.style import style_sheet
from tools import house
from tools.book_site.live import FIGURE, FILE_FIGURE, pack_figures, pack_files
from tools.slides.pages import Writer, index
from tools.slides.parts import chapter_parts
from tools.slides.plan import Deck, make_deck

ROOT = house.ROOT
HERE = Path(__file__).resolve().parent
OUT = ROOT / "_build" / "slides"
LIVE = ROOT / "lessons_lib" / "live"
STYLES = {"light": "a11y-high-contrast-light", "dark": "a11y-high-contrast-dark"}
# The themes' colours in the book's style sheet.
COLOURS = re.compile(r"^html\[data-theme=\"(?:light|dark)\"\],?[^{}]*\{[^{}]*\}", re.M)


def chapter_slugs(root: Path = ROOT) -> list[str]:
    """Return the chapters in reading order: the pages that are notebooks."""
    slugs = house.chapters(root)
    return [slug for slug in slugs if (root / "book" / "en" / f"{slug}.ipynb").is_file()]


def reveal_folder() -> Path:
    """Return where reveal.js lies: in the package sphinx-revealjs, which is not imported.

    Raises:
        RuntimeError: the package is not there.
    """
    found = find_spec("sphinx_revealjs")
    if found is None:
        raise RuntimeError("expected the package sphinx-revealjs, found none: run `make` again")
    return Path(found.submodule_search_locations[0]) / "_static" / "revealjs"


def style() -> str:
    """Return the one style sheet of all decks."""
    reveal = reveal_folder() / "dist"
    book = (ROOT / "book" / "_static" / "book.css").read_text(encoding="utf-8")
    code = [
        re.sub(
            r"(?m)^pre \{.*\n|^td\.linenos.*\n|^span\.linenos.*\n",
            "",
            HtmlFormatter(style=name).get_style_defs(f'html[data-theme="{theme}"] .highlight'),
        )
        for theme, name in STYLES.items()
    ]
    texts = [
        (reveal / "reset.css").read_text(encoding="utf-8"),
        (reveal / "reveal.css").read_text(encoding="utf-8"),
        "\n".join(match[0] for match in COLOURS.finditer(book)),
        *code,
        style_sheet(),
        (LIVE / "live.css").read_text(encoding="utf-8"),
        (HERE / "slides.css").read_text(encoding="utf-8"),
    ]
    return "\n".join(texts)


def write_static(static: Path) -> None:
    """Write what all decks share: reveal.js, MathJax, the styles, the start."""
    static.mkdir(parents=True, exist_ok=True)
    reveal = reveal_folder()
    shutil.copyfile(reveal / "dist" / "reveal.js", static / "reveal.js")
    shutil.copyfile(reveal / "plugin" / "notes" / "notes.js", static / "notes.js")
    shutil.copyfile(reveal / "LICENSE", static / "reveal-LICENSE")
    shutil.copyfile(HERE / "slides.js", static / "slides.js")
    write_atomic(static / "slides.css", style().encode())
    for file in distribution("sphinx-mathjax-offline").files or []:
        if file.name == "tex-chtml.js" or file.suffix == ".woff":
            target = static / "mathjax" / file.as_posix().split("/mathjax/")[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target)


def make_decks(slugs: list[str] | None = None, root: Path = ROOT) -> list[Deck]:
    """Return the decks of the chapters, or of some of them.

    Raises:
        ValueError: a chapter that is not there; what its notebooks cannot say (see `parts`).
    """
    known = chapter_slugs(root)
    if unknown := set(slugs or ()) - set(known):
        raise ValueError(f"expected chapters of {known}, got {sorted(unknown)}")
    return [make_deck(slug, chapter_parts(root, slug)) for slug in slugs or known]


def live_figures(deck: Deck, language: str) -> set[str]:
    """Return the names of the live figures that a deck has."""
    blocks = [block for slide in deck.slides for block in slide.blocks if block.kind == "live"]
    return {name for block in blocks for name in FIGURE.findall(block.texts[language])}


def pages(decks: list[Deck], root: Path = ROOT) -> tuple[dict[str, str], dict[str, str]]:
    """Return the decks' pages by path, and by name the scripts with their live figures."""
    found, scripts, writers = {}, {}, []
    for language in house.LANGUAGES:
        writers.append(Writer(language, chapter_slugs(root)))
        for deck in decks:
            writer, name = writers[-1], ""
            if figures := live_figures(deck, language):
                script = pack_figures(LIVE, figures)
                name = f"live-{hashlib.sha256(script.encode()).hexdigest()[:10]}.js"
                scripts[name] = script
            found[f"{language}/{deck.slug}.html"] = writer.deck(deck, name)
    found["index.html"] = index(writers, decks)
    return found, scripts


def build(out: Path = OUT, slugs: list[str] | None = None) -> list[Deck]:
    """Write decks into a folder, which is replaced, and return them."""
    decks = make_decks(slugs)
    found, scripts = pages(decks)
    new = out.with_name(f".{out.name}-new")
    shutil.rmtree(new, ignore_errors=True)
    write_static(new / "_static")
    wanted = {figure for text in found.values() for figure in FILE_FIGURE.findall(text)}
    for figure, language in sorted(wanted):
        scripts |= pack_files(figure, language)
    for name, text in scripts.items():
        write_atomic(new / "_static" / name, text.encode())
    for path, text in found.items():
        (new / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(new / path, text.encode())
    shutil.rmtree(out, ignore_errors=True)
    new.rename(out)
    return decks
