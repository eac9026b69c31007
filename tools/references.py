"""Hold the bibliography to the book: who names which work.

    python -m tools.references            write into each entry the chapters that name it
    python -m tools.references --check    list what is wrong

A chapter names the works of its English notebook's text and of the `Source` paragraphs in its
module's docstrings. Works that only another room of the library names belong to `library`. A work
is known by its arXiv number, its DOI, its address, its title in quotation marks, or the words of
its field `called`.
"""

import argparse
import re
from pathlib import Path

from pybtex.database import BibliographyData, Entry, parse_string

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from tools import house

BIBLIOGRAPHY = Path("book") / "references.bib"
LIBRARY = "library"
# Pages that the chapters link to and that are no works: programs' manuals, downloads.
NO_WORKS = (
    "https://docs.ollama.com/",
    "https://huggingface.co/openai-community/",
    "https://lmstudio.ai/",
)
NUMBER = r"(?:arxiv\.org/abs/|arXiv:)(\d{4}\.\d{4,5})"
AUTHORS = r"([A-Z][\w-]+)(?:, [A-Z]\w+)*(?: et al\.| and [A-Z]\w+)?,? ((?:19|20)\d\d)\b"


def _plain(text: str) -> str:
    return " ".join(re.sub(r"-\n\s*", "-", text).split()).lower()


def names(entry: Entry, text: str) -> bool:
    """Return whether a text names a work; `text` as `_plain` leaves it."""
    fields = entry.fields
    known = [fields[key] for key in ("eprint", "doi", "url") if key in fields]
    known += [f'"{fields["title"]}', *fields.get("called", "").split("; ")]
    known = [re.sub(r"[{}\\]", "", words) for words in known]
    return any(words and _plain(words) in text for words in known)


def sources(python: str) -> str:
    """Return the `Source` paragraphs of a module's docstrings."""
    return "\n\n".join(re.findall(r'^ *Sources?:.*?(?=\n\s*\n|""")', python, re.M | re.S))


def texts(root: Path) -> dict[str, str]:
    """Return by chapter, in reading order, and at last for the library, what may name works."""
    chapters = [path.stem for path in house.notebooks(root, languages=("en",))]
    found = {}
    for slug in chapters:
        cells = house.read_notebook(root / "book" / "en" / f"{slug}.ipynb").cells
        found[slug] = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for path in sorted((root / house.PACKAGE).rglob("*.py")):
        room = path.relative_to(root / house.PACKAGE).with_suffix("").parts[0]  # file or package
        slug = room if room in chapters else LIBRARY
        found[slug] = f"{found.get(slug, '')}\n\n{sources(path.read_text(encoding='utf-8'))}"
    return found


def read(root: Path) -> BibliographyData:
    """Read the bibliography."""
    return parse_string((root / BIBLIOGRAPHY).read_text(encoding="utf-8"), "bibtex")


def namers(root: Path) -> dict[str, list[str]]:
    """Return by entry the chapters that name it, or the library where no chapter does."""
    return _namers(read(root), texts(root))


def _namers(works: BibliographyData, found: dict[str, str]) -> dict[str, list[str]]:
    plain = {slug: _plain(text) for slug, text in found.items()}
    by_work = {}
    for key, entry in works.entries.items():
        slugs = [slug for slug, text in plain.items() if names(entry, text)]
        by_work[key] = [slug for slug in slugs if slug != LIBRARY] or slugs
    return by_work


def with_keywords(text: str, by_work: dict[str, list[str]]) -> str:
    """Return a bibliography with its keywords renewed.

    Raises `ValueError` for an entry without a line of keywords.
    """
    for key, slugs in by_work.items():
        entry = re.compile(rf"(@\w+\{{{re.escape(key)},\n(?:  .*\n)*?  keywords +=) \{{.*?\}},")
        text, changed = entry.subn(rf"\1 {{{', '.join(slugs)}}},", text)
        if changed != 1:
            raise ValueError(f"{BIBLIOGRAPHY}: expected a line of keywords in {key}, got none")
    return text


def check(root: Path) -> list[str]:
    """List works that the bibliography lacks or nobody names, and pages that are not in step."""
    text, at = (root / BIBLIOGRAPHY).read_text(encoding="utf-8"), BIBLIOGRAPHY.as_posix()
    data, found = read(root), texts(root)
    works, by_work = data.entries, _namers(data, found)
    findings = [f"{at}: nobody names {key}" for key, slugs in by_work.items() if not slugs]
    if with_keywords(text, by_work) != text:
        findings.append(f"{at}: run `python -m tools.references`, its keywords are not up to date")

    numbers = {entry.fields.get("eprint") for entry in works.values()}
    fields = [entry.fields for entry in works.values()]
    known = [f["url"] for f in fields if "url" in f]
    known += [f"https://doi.org/{f['doi']}" for f in fields if "doi" in f]
    known = (*map(str.lower, known), *NO_WORKS)
    authors = {
        (re.sub(r"[{}]", "", " ".join(person.last_names)), entry.fields.get("year"))
        for entry in works.values()
        for person in entry.persons.get("author", [])
    }
    for slug, text in found.items():
        plain = re.sub(r"\s+", " ", text)
        findings += [
            f"{at}: lacks arXiv:{n} of {slug}" for n in set(re.findall(NUMBER, plain)) - numbers
        ]
        findings += [
            f"{at}: lacks {address} of {slug}"
            for address in re.findall(r"\]\((https?://[^)\s]+)\)", plain)
            if "arxiv.org" not in address and not address.lower().startswith(known)
        ]
    for path in sorted((root / house.PACKAGE).rglob("*.py")):
        named = re.sub(r"\s+", " ", sources(path.read_text(encoding="utf-8")))
        named = re.sub(r'"[^"]*",? ', "", named)
        findings += [
            f"{house.where(root, path)}: names {author} {year}, which is not in {at}"
            for author, year in re.findall(AUTHORS, named)
            if (author, year) not in authors
        ]

    used = {slug for slugs in by_work.values() for slug in slugs}
    expected = [slug for slug in found if slug in used]
    for language in house.LANGUAGES:
        page = root / "book" / language / "references.md"
        listed = re.findall(
            r'^:filter: keywords % "(\w+)"$', page.read_text(encoding="utf-8"), re.M
        )
        if listed != expected:
            findings.append(f"{house.where(root, page)}: lists {listed}, expected {expected}")
    return findings


def main(argv: list[str] | None = None, root: Path = house.ROOT) -> int:
    """Renew the keywords or check the bibliography; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.references", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="list what is wrong")
    if parser.parse_args(argv).check:
        return house.report(check(root))
    path = root / BIBLIOGRAPHY
    text = with_keywords(path.read_text(encoding="utf-8"), namers(root))
    write_atomic(path, text.encode())
    return 0


if __name__ == "__main__":
    console.run(main)
