"""The front door of the site: the page that offers both editions, and the page of a lost address.

The front page shows the book's model writing (`trace_<language>.json`, see `tools.traces`), what
the reader will have built, and each chapter with its question, its time and a small drawing. All of
it stands in the page, both languages one after the other; `root.js` shows the reader's own, and
brings the model itself to who asks for it.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from html import unescape
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from lessons_lib.live.modules import FOLDER
from tools import addresses
from tools.book_site.live import pack_figures

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
DRAWINGS = tomllib.loads((HERE / "drawings.toml").read_text(encoding="utf-8"))
SECONDS = ROOT / "tools" / "teaching_seconds.json"
MINUTES = {
    "en": r"\*\*Time\*\*: about (\d+) minutes to read and type, (\d+) for the exercises",
    "es": r"\*\*Tiempo\*\*: unos (\d+) minutos para leer y escribir, y (\d+) para los ejercicios",
}


def plain(markdown: str) -> str:
    """Return a line of Markdown as text.

    >>> plain("how to *choose* a `token` [here](x.ipynb)")
    'how to choose a token here'
    """
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return unescape(re.sub(r"[*`$]", "", text)).strip()


def question(prose: str) -> str:
    """Return the questions of a chapter's first block quote, or "".

    >>> question("> **The question of this chapter.** Costs 39.01. What is *it*? See below.")
    'What is it?'
    """
    quote = re.search(r"^> \*\*[^*]+\.\*\* (.+)", prose, re.MULTILINE)
    sentences = re.split(r"(?<=[.?!]) ", plain(quote[1])) if quote else []
    return " ".join(one for one in sentences if one.endswith("?"))


def card(language: str, slug: str, number: int | None) -> dict | None:
    """Return what the front page says of a chapter; None for a page that is no notebook."""
    file = ROOT / "book" / language / f"{slug}.ipynb"
    if not file.exists():
        return None
    cells = nbformat.v4.reads(file.read_text(encoding="utf-8")).cells
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    title = re.search(r"^# (.+)", prose, re.MULTILINE)
    time = re.search(MINUTES[language], prose)
    measured = json.loads(SECONDS.read_text(encoding="utf-8"))["seconds"]
    return {
        "slug": slug,
        "number": number,
        "title": plain(title[1]) if title else slug,
        "question": question(prose),
        "minutes": time and int(time[1]) + int(time[2]),
        "seconds": round(measured[slug]) if slug in measured else None,
        "drawing": Markup(DRAWINGS.get(slug, DRAWINGS["other"])),
    }


def parts(toc: dict, language: str) -> list[dict]:
    """Return an edition's parts with the cards of their chapters, numbered as in the book.

    The book's first page, which belongs to no part, stands before the chapters of the first.

    Args:
        toc: the edition's table of contents.
        language: its language.
    """
    slugs = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    chapters = [slug for slug in slugs if (ROOT / "book" / language / f"{slug}.ipynb").exists()]
    numbers = {slug: i for i, slug in enumerate(chapters, 1)}
    found, first = [], [card(language, toc["root"], None)]
    for part in toc["parts"]:
        cards = [
            card(language, entry["file"], numbers.get(entry["file"])) for entry in part["chapters"]
        ]
        cards, first = [one for one in [*first, *cards] if one], []
        if cards:
            found.append({"caption": part["caption"], "cards": cards})
    return found


def trace(language: str) -> dict:
    """Return how the book's model writes the end of a story."""
    return json.loads((HERE / f"trace_{language}.json").read_text(encoding="utf-8"))


def _template(name: str, **values: object) -> str:
    templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)

    def inline(file: str) -> Markup:
        return Markup((HERE / file).read_text(encoding="utf-8"))

    return templates.get_template(name).render(
        base=addresses.site_url(), inline=inline, drawing=Markup(DRAWINGS["other"]), **values
    )


def live_files(languages: Iterable[str]) -> dict[str, str]:
    """Return the scripts that bring the model to the front page, by name: first the figure's own.

    Args:
        languages: for each, another script holds the figure, with its style, as text.
    """
    from lessons_lib.live import LookInside  # takes seconds

    script = pack_figures(FOLDER, ["look_inside"])
    files = {f"live-{hashlib.sha256(script.encode()).hexdigest()[:10]}.js": script}
    style = (FOLDER / "live.css").read_text(encoding="utf-8")
    for language in languages:
        figure = LookInside(["next", "text"], language).to_html()
        text = json.dumps(f"<style>{style}</style>{figure}", ensure_ascii=False)
        files[f"front_{language}.js"] = (
            f"(globalThis.bookFiles ??= {{}}).front_{language} = {text};\n"
        )
    return files


def front_page(editions: list[dict], tocs: list[dict], live_script: str) -> str:
    """Return the front page, `index.html`.

    Args:
        live_script: the name of the script with the figure, see `live_files`.
        editions: the editions' settings, English first; they get what the page shows, such as the
            `trace`.
        tocs: their tables of contents.
    """
    for edition, toc in zip(editions, tocs, strict=True):
        language = edition["language"]
        told = trace(language)
        props = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        edition |= {
            "parts": parts(toc, language),
            "trace": told,
            "props": Markup(props),
        }
    start = f"{tocs[0]['root']}.html"
    return _template("root.html", editions=editions, start=start, live_script=live_script)


def lost_page(editions: list[dict]) -> str:
    """Return the page of an address that does not exist, `404.html`; it may be shown anywhere."""
    icon = (ROOT / "book" / "_static" / "favicon.svg").read_text(encoding="utf-8")
    return _template("404.html", editions=editions, icon=icon)
