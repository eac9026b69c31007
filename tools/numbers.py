"""A report of numbers in prose that nothing near them computes.

    python -m tools.numbers [SLUG ...] [--language es]

A number counts as held if a cell of the same section, code or output, has it: exactly, rounded to
the digits that the prose gives, or as its percentage. Years, numbers of chapters and exercises, and
whole numbers up to ten are passed over. It is a report to read, not a check: what comes from a
source stands beside its link, and some numbers are facts.
"""

import argparse
import math
import re
from pathlib import Path

from nbformat import NotebookNode

from lessons_lib.base import console
from tools import house

NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:[.,\u00a0\u202f ]?\d{3})*(?:[.,]\d+)?(?![\w/])")
LEAVE_OUT = (
    r"\*\*(?:Time|Tiempo)\*\*:[^\n]*",
    r"```.*?```",
    r"\]\([^)]*\)",
    r"<[^>]+>",
    r"`[^`]*`",
    r"\*\*\d+\..*?\*\*",
)
SMALL = 10  # whole numbers up to this are counted by reading


def read_number(text: str, language: str) -> tuple[float, int]:
    """Return the value of a number as the language writes it, and its decimals.

    >>> read_number("1,234.50", "en"), read_number("3,5", "es")
    ((1234.5, 2), (3.5, 1))
    """
    point, thousands = (".", ",") if language == "en" else (",", ".")
    text = re.sub(rf"[{re.escape(thousands)}\u00a0\u202f ](?=\d{{3}})", "", text)
    whole, _, decimals = text.partition(point)
    digits = re.sub(r"\D", "", whole), re.sub(r"\D", "", decimals)
    return float(f"{digits[0] or 0}.{digits[1] or 0}"), len(digits[1])


def _computed(cell: NotebookNode) -> set[float]:
    """Return the numbers of a code cell: in its source and in what it printed or drew."""
    texts = [cell.source]
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        texts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    found = set()
    for text in texts:
        text = "".join(text)
        for match in re.findall(r"\d[\d_]*(?:[.,]\d+)*(?:e[+-]?\d+)?", text):
            plain = match.replace("_", "")
            for reading in (plain.replace(",", ""), plain.replace(",", ".")):
                try:
                    found.add(float(reading))
                except ValueError:
                    continue
    return found


def _held(value: float, decimals: int, computed: set[float]) -> bool:
    tolerance = 0.5000001 * 10.0**-decimals
    return any(
        math.isclose(scale * number, value, abs_tol=tolerance)
        for number in computed
        for scale in (1, 100)
    )


def unheld(path: Path) -> list[tuple[NotebookNode, str, str]]:
    """Return [cell, number, words around it] for the numbers of a notebook that nothing holds."""
    language, findings = path.parent.name, []
    sections = [[]]
    for cell in house.read_notebook(path).cells:
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.MULTILINE):
            sections.append([])
        sections[-1].append(cell)
    for section in sections:
        computed = set()
        for cell in section:
            if cell.cell_type == "code":
                computed |= _computed(cell)
        for cell in section:
            if cell.cell_type != "markdown":
                continue
            prose = cell.source
            for pattern in LEAVE_OUT:
                prose = re.sub(pattern, " ", prose, flags=re.DOTALL)
            for match in NUMBER.finditer(prose):
                value, decimals = read_number(match[0], language)
                year = not decimals and 1900 <= value <= 2030 and len(match[0]) == 4
                if year or (not decimals and value <= SMALL) or _held(value, decimals, computed):
                    continue
                around = prose[max(0, match.start() - 40) : match.end() + 30]
                findings.append((cell, match[0], re.sub(r"\s+", " ", around)))
    return findings


def main(argv: list[str] | None = None, root: Path = house.ROOT) -> int:
    """Print the report; the exit status is always 0."""
    parser = argparse.ArgumentParser(prog="python -m tools.numbers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("slugs", nargs="*", metavar="SLUG", help="chapters (default: all)")
    parser.add_argument("--language", choices=house.LANGUAGES, default="en")
    options = parser.parse_args(argv)
    for path in house.notebooks(root, options.slugs, (options.language,)):
        for cell, number, around in unheld(path):
            print(f"{house.where(root, path, cell)}: {number}: {around}")
    return 0


if __name__ == "__main__":
    console.run(main)
