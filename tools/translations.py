"""Hold the Spanish edition to the English one, cell by cell.

    python -m tools.translations                          show where each chapter stands
    python -m tools.translations --check                  list what is wrong
    python -m tools.translations --stamp tokens           all prose of a chapter is up to date
    python -m tools.translations --stamp tokens:cell-id   this cell is up to date
    python -m tools.translations --stamp setup            this page is up to date

The cells of a chapter have the same ids in both languages. A Spanish prose cell remembers, in its
metadata, the hash of the English cell that it translates; when the English changes, it is stale
until someone has read it again and stamped it. Code is equal but for comments and strings, and
build cells are equal to the letter. A Spanish page of plain Markdown remembers, in its front
matter, the hash of the whole English page; headings, code (but for comments behind a line),
directives and rows of tables follow each other as there. Terms of the field are those of the table
`NEVER`.
"""

import argparse
import ast
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from nbformat import NotebookNode

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from tools import house

LONGEST_SAME = 8  # words that prose may have in common with the English before it is untranslated
FENCE = re.compile(r"^(`{3,}|~{3,})(.*?)\n(.*?)^\1", re.M | re.S)  # fence, its first line, inside
NEVER = {
    r"librerias?": "biblioteca",
    r"cuantificacion(es)?|cuantificad[oa]s?|cuantificar": "cuantización, cuantizado, cuantizar",
    r"transformador(es)?": "Transformer",
}


def fingerprint(source: str) -> str:
    """Return what a Spanish cell remembers of its English source: 12 hexadecimal digits."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


class Blank(ast.NodeTransformer):
    """Empty all strings of a syntax tree; the format of a number in an f-string stays."""

    def visit_Constant(self, node):  # noqa: D102
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node):  # noqa: D102
        values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        for part in values:
            part.value = self.visit(part.value)
        values.sort(key=ast.dump)  # another language may name them in another order
        return ast.JoinedStr(values) if values else ast.Constant("")


def skeleton(source: str) -> str:
    """Return what of a code cell is the same in every language: all but comments and strings."""
    magics, python = house.split_magics(source)
    try:
        return "\n".join([*magics, ast.dump(Blank().visit(ast.parse(python)))])
    except SyntaxError:
        return source


def prose(source: str) -> str:
    """Return the words of Markdown that a reader reads as prose: no code, formulas, addresses.

    What stands in a directive, such as a glossary, is prose.
    """
    text = FENCE.sub(lambda block: block[3] if block[2].startswith("{") else " ", source)
    text = re.sub(r"^:[\w-]+:.*$", " ", text, flags=re.M)
    text = re.sub(r"(`+).+?\1|(\$\$?).+?\2|<[^>]*>", " ", text, flags=re.S)
    return re.sub(r"(?<=\])\([^)]*\)|https?://\S+", " ", text)


def words(text: str) -> list[str]:
    """Return the words of two letters and more."""
    return re.findall(r"[^\W\d_]{2,}", text)


def never_words(source: str) -> list[tuple[str, str]]:
    """Return the terms that the Spanish edition does not use, each with the right one."""
    text = unicodedata.normalize("NFD", prose(source))
    text = "".join(c for c in text if not unicodedata.combining(c))
    return [
        (match[0], right)
        for wrong, right in NEVER.items()
        for match in re.finditer(rf"\b({wrong})\b", text, re.I)
    ]


@dataclass
class Comparison:
    """How the Spanish notebook of a chapter stands to the English one."""

    cells: int = 0
    fresh: int = 0
    stale: int = 0
    missing: int = 0
    surplus: int = 0
    findings: list[str] = field(default_factory=list)


def pair(root: Path, slug: str, end: str = ".ipynb") -> tuple[Path, Path]:
    """Return the paths of a chapter's notebooks, or a page's files, in English and in Spanish."""
    return tuple(root / "book" / lang / f"{slug}{end}" for lang in house.LANGUAGES)


def pages(root: Path) -> list[str]:
    """Return the slugs of the pages of plain Markdown in any language, in reading order."""
    found = {path.stem for lang in house.LANGUAGES for path in (root / "book" / lang).glob("*.md")}
    order = house.chapters(root)
    return sorted(
        found, key=lambda slug: (order.index(slug) if slug in order else len(order), slug)
    )


def front_matter(text: str) -> tuple[dict, str]:
    """Split a page into the settings at its head and the rest."""
    match = re.match(r"---\n(.*?)^---\n", text, re.M | re.S)
    return (yaml.safe_load(match[1]) or {}, text[match.end() :]) if match else ({}, text)


def outline(text: str) -> list[str]:
    """Return what of a page is the same in every language: its headings, blocks and table rows."""
    found = []
    for match in FENCE.finditer(text):
        code = "" if match[2].startswith("{") else re.sub(r" {2,}# .*", "", match[3])
        found.append(f"{match[2]} {code}")
    rest = FENCE.sub("", text)
    found += re.findall(r"^(#+) ", rest, re.M)
    found.append(f"{len(re.findall('^[|]', rest, re.M))} rows")
    return found


def compare_page(root: Path, slug: str) -> Comparison:
    """Compare the two pages of plain Markdown of one name."""
    paths = pair(root, slug, ".md")
    texts = [path.read_text(encoding="utf-8") if path.is_file() else "" for path in paths]
    result = Comparison(cells=bool(texts[0]))
    if not all(texts):
        result.missing, result.surplus = int(not texts[1]), int(not texts[0])
        result.findings = [
            f"{house.where(root, path)}: does not exist" for path in paths if not path.is_file()
        ]
        return result
    settings, spanish = front_matter(texts[1])
    english = front_matter(texts[0])[1]
    result.stale = settings.get("translates") != fingerprint(texts[0])
    result.fresh = 1 - result.stale
    found = [f"stale; read it again, then --stamp {slug}"] if result.stale else []
    if outline(english) != outline(
        spanish.replace("book/es", "book/en").replace("language es", "language en")
    ):
        found.append("headings, code, directives or rows of tables differ from English")
    blocks = [{block.strip() for block in prose(text).split("\n\n")} for text in (english, spanish)]
    same = sorted(block for block in blocks[0] & blocks[1] if len(words(block)) > LONGEST_SAME)
    found += [f"not translated: {' '.join(block.split()[:LONGEST_SAME])} ..." for block in same]
    found += [f"says {wrong}; say {right}" for wrong, right in never_words(spanish)]
    result.findings = [f"{house.where(root, paths[1])}: {message}" for message in found]
    return result


def compare(root: Path, slug: str) -> Comparison:
    """Compare the two notebooks of a chapter, or the two pages of plain Markdown."""
    if slug in pages(root):
        return compare_page(root, slug)
    paths = pair(root, slug)
    nbs = [house.read_notebook(path).cells if path.is_file() else [] for path in paths]
    english, spanish = ({cell.get("id"): cell for cell in cells} for cells in nbs)
    result = Comparison(cells=len(english))

    def find(message: str, cell: NotebookNode | None = None, path: Path = paths[1]) -> None:
        result.findings.append(f"{house.where(root, path, cell)}: {message}")

    for path in paths:
        if not path.is_file():
            find("does not exist", path=path)
    for id_, cell in english.items():
        if id_ not in spanish:
            result.missing += 1
            if spanish:
                find("missing in Spanish", cell)
    for id_, cell in spanish.items():
        if id_ not in english:
            result.surplus += 1
            if english:
                find("surplus: no English cell has this id", cell)
    shared = [id_ for id_ in english if id_ in spanish]
    if shared != [id_ for id_ in spanish if id_ in english]:
        find("the cells stand in another order than in English")
    for id_ in shared:
        en, es = english[id_], spanish[id_]
        stale = en.cell_type != "code" and es.metadata.get("translates") != fingerprint(en.source)
        result.stale += stale
        result.fresh += not stale
        if stale:
            find(f"stale; read it again, then --stamp {slug}:{id_}", es)
        for message in compare_cells(en, es):
            find(message, es)
    return result


def compare_cells(en: NotebookNode, es: NotebookNode) -> list[str]:
    """List in what a Spanish cell differs from its English one where it should not, or agrees."""
    if en.cell_type != es.cell_type:
        return [f"is of type {es.cell_type}, in English {en.cell_type}"]
    findings = []
    if house.tags(en) != house.tags(es):
        findings.append(f"tags {sorted(house.tags(es))}, in English {sorted(house.tags(en))}")
    if en.metadata.get("slides") != es.metadata.get("slides"):
        findings.append("what its metadata `slides` says is not what it says in English")
    if en.cell_type != "code":
        if en.source == es.source and len(words(prose(en.source))) > LONGEST_SAME:
            findings.append("not translated")
        findings += [f"says {wrong}; say {right}" for wrong, right in never_words(es.source)]
        return findings
    if any(cell.source.startswith(f"# {house.PACKAGE}.") for cell in (en, es)):
        if en.source != es.source:
            findings.append("a build cell that differs from the English one")
    elif skeleton(en.source) != skeleton(es.source):
        findings.append("code differs from English in more than comments and strings")
    alts = [cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "") for cell in (en, es)]
    if alts[0] == alts[1] and len(words(alts[0])) > LONGEST_SAME:
        findings.append("alternative text not translated")
    findings += [
        f"alternative text says {wrong}; say {right}" for wrong, right in never_words(alts[1])
    ]
    return findings


def slugs(root: Path) -> list[str]:
    """Return all chapters with a notebook in any language, in reading order, then the pages."""
    return list(dict.fromkeys([*(path.stem for path in house.notebooks(root)), *pages(root)]))


def check(root: Path) -> list[str]:
    """List everything in which the Spanish edition is behind, or differs where it should not."""
    return [finding for slug in slugs(root) for finding in compare(root, slug).findings]


def stamp(root: Path, target: str) -> int:
    """Store the present English hashes in a chapter (`tokens`), a cell (`tokens:id`) or a page.

    Returns the number of cells, or pages, that changed. Raises `ValueError` for a chapter, page or
    cell that is not there in both languages, or a cell of code.
    """
    slug, _, wanted = target.partition(":")
    if slug in pages(root) and not wanted:
        return stamp_page(root, slug)
    paths = pair(root, slug)
    if not all(path.is_file() for path in paths):
        raise ValueError(f"expected a chapter with notebooks in both languages, got {slug}")
    english = {
        cell.id: fingerprint(cell.source)
        for cell in house.read_notebook(paths[0]).cells
        if cell.cell_type != "code" and wanted in ("", cell.id)
    }
    nb = house.read_notebook(paths[1])
    chosen = [cell for cell in nb.cells if cell.cell_type != "code" and cell.id in english]
    if wanted and not chosen:
        raise ValueError(f"expected a prose cell of {slug} in both languages, got {wanted}")
    changed = [cell for cell in chosen if cell.metadata.get("translates") != english[cell.id]]
    for cell in changed:
        cell.metadata["translates"] = english[cell.id]
    if changed:
        house.write_notebook(paths[1], nb)
    return len(changed)


def stamp_page(root: Path, slug: str) -> int:
    """Store the hash of the English page in the Spanish one; return how many pages changed.

    Raises `ValueError` for a page that is not there in both languages.
    """
    paths = pair(root, slug, ".md")
    if not all(path.is_file() for path in paths):
        raise ValueError(f"expected a page in both languages, got {slug}")
    english, old = (path.read_text(encoding="utf-8") for path in paths)
    settings, body = front_matter(old)
    settings["translates"] = fingerprint(english)
    new = f"---\n{yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)}---\n{body}"
    if new != old:
        write_atomic(paths[1], new.encode())
    return int(new != old)


def table(root: Path) -> str:
    """Return where each chapter stands, one line a chapter."""
    columns = ("cells", "fresh", "stale", "missing", "surplus")
    lines = [f"{'chapter':<16}" + "".join(f"{name:>9}" for name in columns)]
    for slug in slugs(root):
        result = compare(root, slug)
        lines.append(f"{slug:<16}" + "".join(f"{getattr(result, name):>9}" for name in columns))
    return "\n".join(lines)


def main(argv: list[str] | None = None, root: Path = house.ROOT) -> int:
    """Show the state, check it or stamp cells; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.translations", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="list what is wrong")
    mode.add_argument("--stamp", nargs="+", metavar="SLUG[:CELL]", help="mark as up to date")
    args = parser.parse_args(argv)
    if args.check:
        return house.report(check(root))
    if args.stamp:
        for target in args.stamp:
            try:
                print(f"{target}: {stamp(root, target)} cells stamped")
            except ValueError as error:
                parser.error(str(error))
        return 0
    print(table(root))
    return 0


if __name__ == "__main__":
    console.run(main)
