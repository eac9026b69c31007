"""Take two notebooks of one chapter apart: what stands where, side by side in both languages.

A cell of prose gives its headings, paragraphs, lists, tables, formulas and answers; a cell of code
its source and its outputs. Each `Part` holds the text of both languages, so that whatever is chosen
for a slide is chosen for both.
"""

import ast
import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode

from tools import addresses, house

LIVE = 'class="live-figure"'
KINDS = {
    "heading_open": "heading",
    "paragraph_open": "text",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "blockquote_open": "quote",
    "math_block": "formula",
    "math_block_label": "formula",
    "amsmath": "formula",
    "fence": "output",
}
KEYS = {"slide": ("new", "same", "skip"), "take": ("code", "output")}
# What ends a sentence, and what begins the next.
END = re.compile(r"[.?!…][*_\"”»)]*\s+(?=[*_\"“«¿¡(\[`$]*[A-ZÁÉÍÓÚÑ$`0-9])")
# Full stops that end no sentence.
SHORT = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|p\. ej|fig|eq|ec|n|aprox|[A-Z])\.\s+$")


@dataclass
class Part:
    """A piece of a chapter.

    Attributes:
        cell: the id of its cell.
        kind: heading, text, list, table, quote, formula, answer, code, output, picture or live.
        texts: Markdown, code, printed text or HTML, by language.
        level: of a heading.
        number: its place in its cell, from 1.
        alt: of a picture, by language.
        marks: the cell's metadata `slides`.
        tags: the cell's tags.
    """

    cell: str
    kind: str
    texts: dict[str, str]
    level: int = 0
    number: int = 0
    alt: dict[str, str] = field(default_factory=dict)
    marks: dict = field(default_factory=dict)
    tags: frozenset = frozenset()


def reader() -> MarkdownIt:
    """Return what reads Markdown as the book's pages do."""
    markdown = MarkdownIt("commonmark").enable("table")
    return markdown.use(dollarmath_plugin).use(amsmath_plugin)


READER = reader()


def marks_of(cell: NotebookNode) -> dict:
    """Return a cell's metadata `slides`.

    Raises:
        ValueError: a key or a value that it cannot have.
    """
    marks = dict(cell.metadata.get("slides", {}))
    slide, take = marks.get("slide", "new"), marks.get("take", [])
    fits = isinstance(take, list) and all(
        isinstance(one, int) or one in KEYS["take"] for one in take
    )
    if set(marks) - set(KEYS) or slide not in KEYS["slide"] or not fits:
        raise ValueError(
            f"[{cell.id}]: expected slides with slide (one of {KEYS['slide']}) and take (a list of "
            f"numbers, 'code', 'output'), got {marks}"
        )
    return marks


def prose_parts(source: str) -> list[tuple[str, str, int]]:
    """Return the parts of a prose cell: kind, Markdown and, of headings, the level."""
    lines, found = source.split("\n"), []
    tokens = [token for token in READER.parse(source) if token.level == 0 and token.map]
    inside = None  # where an answer begins
    for token in tokens:
        start, end = token.map
        text = "\n".join(lines[start:end]).strip("\n")
        if token.type == "html_block":
            if inside is None and text.startswith("<details"):
                inside = start
            if inside is not None and text.rstrip().endswith("</details>"):
                found.append(("answer", "\n".join(lines[inside:end]).strip(), 0))
                inside = None
        elif inside is None:
            level = int(token.tag[1]) if token.type == "heading_open" else 0
            text = text.lstrip("# ") if level else text
            found.append((KINDS.get(token.type, "text"), text, level))
    return found


def answer_of(source: str) -> tuple[str, str]:
    """Return the summary and the text of an answer, `<details>` in a notebook."""
    match = re.match(
        r"<details[^>]*>\s*<summary>(.*?)</summary>(.*?)</details>", source.strip(), re.S
    )
    return match[1].strip(), match[2].strip()


def code_parts(cell: NotebookNode) -> list[tuple[str, str]]:
    """Return the parts of a code cell: its source and its outputs, each with its kind."""
    found = [("code", cell.source)]
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        if output.output_type == "stream":
            found.append(("output", output.text.rstrip("\n")))
        elif LIVE in data.get("text/html", ""):
            found.append(("live", data["text/html"]))
        elif "image/svg+xml" in data:
            found.append(("picture", data["image/svg+xml"]))
        elif "text/plain" in data:
            found.append(("output", data["text/plain"].rstrip("\n")))
    return found


def _paired(en: list, es: list) -> list[tuple]:
    """Pair the parts of two cells by their kinds; what only one language has pairs with None."""
    matcher = SequenceMatcher(None, [one[0] for one in en], [one[0] for one in es], autojunk=False)
    pairs = []
    for same, a, b, c, d in matcher.get_opcodes():
        if same == "equal":
            pairs += zip(en[a:b], es[c:d], strict=True)
        else:
            pairs += [(one, None) for one in en[a:b]] + [(None, one) for one in es[c:d]]
    return pairs


def chapter_parts(root: Path, slug: str) -> list[Part]:
    """Return the parts of a chapter in order, with the texts of both languages.

    Raises:
        ValueError: the notebooks have other cells, or mark their slides otherwise.
    """
    books = {
        language: house.read_notebook(root / "book" / language / f"{slug}.ipynb")
        for language in house.LANGUAGES
    }
    ids = [[cell.id for cell in book.cells] for book in books.values()]
    if ids[0] != ids[1]:
        raise ValueError(f"{slug}: expected the same cells in both languages, got others")
    found = []
    for cells in zip(*(book.cells for book in books.values()), strict=True):
        marks = [marks_of(cell) for cell in cells]
        if marks[0] != marks[1]:
            raise ValueError(
                f"{slug} [{cells[0].id}]: expected the same slides in both languages, got {marks}"
            )
        found += _cell_parts(dict(zip(books, cells, strict=True)), marks[0])
    return found


def _cell_parts(cells: dict[str, NotebookNode], marks: dict) -> list[Part]:
    """Return the parts of a cell of both languages."""
    first = next(iter(cells.values()))
    if first.cell_type == "code":
        each = [[(*part, 0) for part in code_parts(cell)] for cell in cells.values()]
    else:
        each = [prose_parts(substituted(cell.source, language)) for language, cell in cells.items()]
    alts = {
        language: cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        for language, cell in cells.items()
    }
    found = []
    for number, both in enumerate(_paired(*each), 1):
        texts = {lang: one[1] for lang, one in zip(cells, both, strict=True) if one}
        kind, _, level = next(one for one in both if one)
        tags = frozenset(house.tags(first))
        found.append(Part(first.id, kind, texts, level, number, alts, marks, tags))
    return found


def substituted(source: str, language: str) -> str:
    """Return prose with the addresses that the pages put in, where any are known."""
    if "{{" not in source:
        return source
    for name, value in addresses.substitutions(language).items():
        source = re.sub(rf"\{{\{{\s*{name}\s*\}}\}}", lambda _, v=value: str(v), source)
    return source


def _masked(source: str) -> str:
    """Return prose of the same length in which code, formulas and addresses end no sentence."""
    hide = re.compile(r"(`+).+?\1|(\$\$?).+?\2|(?<=\])\([^)]*\)|<[^>]*>", re.S)
    return hide.sub(lambda match: match[0][0] + "x" * (len(match[0]) - 1), source)


@cache
def sentences(source: str) -> list[str]:
    """Return the sentences of a paragraph, each as it stands there.

    What is bold or in brackets is not cut, and a bold beginning stays with its first sentence.

    >>> sentences("**Why?** It is `x. Y`. (See A. B.) Then more.")
    ['**Why?** It is `x. Y`.', '(See A. B.)', 'Then more.']
    """
    masked, pieces, start = _masked(source), [], 0
    for match in END.finditer(masked):
        piece = masked[start : match.end()]
        whole = (
            piece.count("(") == piece.count(")")
            and len(re.findall(r"\*+", piece)) % 2 == 0
            and not SHORT.search(piece)
            and not re.fullmatch(r"\s*(?:[-+]|\d+[.)])?\s*\*\*[^*]+\*\*\s*", piece)
        )
        if whole:
            pieces.append(source[start : match.end()].strip())
            start = match.end()
    return [*pieces, source[start:].strip()]


def is_topic(source: str) -> bool:
    """Tell a paragraph that begins with a bold sentence, such as a heading would.

    >>> is_topic("**Grouped queries.** A model"), is_topic("**You need** the chapter")
    (True, False)
    """
    return bool(re.match(r"\*\*[^*]+[.?!:…]\*\*(\s|$)", source))


@cache
def only_imports(source: str) -> bool:
    """Tell code that only imports, or speaks to the exercises."""
    kinds = (ast.Import, ast.ImportFrom)
    rest = [one for one in _statements(source) if not isinstance(one, kinds)]
    return all("practice." in ast.unparse(one) for one in rest[:3]) and len(rest) < 4


@cache
def only_asserts(source: str) -> bool:
    """Tell code of nothing but assertions and what they compare."""
    body = _statements(source)
    return bool(body) and isinstance(body[-1], ast.Assert) and "print" not in source


@cache
def _statements(source: str) -> list[ast.stmt]:
    _, python = house.split_magics(source)
    try:
        return ast.parse(python).body
    except SyntaxError:
        return []
