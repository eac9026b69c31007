"""How high things will be on a slide of 1280 × 720 pixels, estimated without a browser.

The numbers are those of `slides.css`, a little on the large side; `python -m tools.slides
--measure` says where the browser disagrees.
"""

import re
from functools import cache

WIDTH, HEIGHT = 1280, 720
ROOM = 596  # pixels below a title of one line
TITLE = 62  # letters in a line of the title
TITLE_LINE = 44
TEXT, TEXT_LINE = 80, 36  # letters in a line, its height
GAP = 14  # between blocks
CODE_LINE, SMALL_LINE = 29, 26  # of code: letters of 22 and of 20 pixels
CODE_WIDE, CODE_MOST = 88, 98  # letters in such lines
STEP = 14  # lines of code at once
OUTPUT = 16  # lines of an output at once
FORMULA, FRACTION = 52, 88
ROW = 42


def visible(source: str) -> str:
    """Return about what a reader sees of Markdown, for counting its letters."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", source)
    text = re.sub(r"\\(?:text|mathrm|operatorname)\{([^}]*)\}", r"\1", text)
    text = re.sub(r"\\[a-zA-Z]+", "x", text)
    return re.sub(r"[*`${}^_]|<[^>]*>", "", text)


@cache
def lines(source: str, letters: int = TEXT) -> int:
    """Return how many lines a text takes."""
    return sum(max(1, -(-len(line) // letters)) for line in visible(source).split("\n"))


def paragraph(source: str) -> int:
    """Return the height of a paragraph."""
    return lines(source.replace("\n", " ")) * TEXT_LINE + GAP


def title(source: str) -> int:
    """Return how much a title takes of the room beyond its first line."""
    return (lines(source, TITLE) - 1) * TITLE_LINE


def items(source: str) -> list[str]:
    r"""Return the items of a list, with their marks.

    >>> items("- a\n  b\n- c")
    ['- a\n  b', '- c']
    """
    return [
        one.rstrip() for one in re.split(r"(?m)^(?=(?:[-*+]|\d+[.)])\s)", source) if one.strip()
    ]


def bullets(source: str) -> int:
    """Return the height of a list."""
    each = [lines(one.replace("\n", " "), TEXT - 4) * TEXT_LINE + 8 for one in items(source)]
    return sum(each) + GAP


def rows(source: str) -> list[str]:
    """Return the rows of a table, its head and the line below it included."""
    return [line for line in source.strip().split("\n") if line.strip()]


def table(source: str) -> int:
    """Return the height of a table."""
    cells = [
        [visible(cell.strip()) for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
        for row in rows(source)
    ]
    body = [cells[0], *cells[2:]]
    widths = [max(len(row[i]) if i < len(row) else 0 for row in body) for i in range(len(cells[0]))]
    share = min(1.0, 92 / max(1, sum(widths) + 2 * len(widths)))
    height = GAP
    for row in body:
        deep = max(
            -(-len(cell) // max(6, int(width * share)))
            for cell, width in zip(row, widths, strict=False)
        )
        height += ROW + (max(1, deep) - 1) * 28
    return height


def formula(source: str) -> int:
    """Return the height of a formula."""
    deep = r"\\frac|\\sum|\\prod|\\begin|\\sqrt|\\int"
    each = [FRACTION if re.search(deep, row) else FORMULA for row in source.split(r"\\")]
    return sum(each) + GAP


def is_small(source: str) -> bool:
    """Tell code with lines so long that its letters have 20 pixels instead of 22."""
    return max(map(len, source.split("\n"))) > CODE_WIDE


def code(source: str) -> int:
    """Return the height of code."""
    line = SMALL_LINE if is_small(source) else CODE_LINE
    return lines_of_output(source, CODE_MOST + 3) * line + 24 + GAP


def lines_of_output(source: str, letters: int = CODE_MOST) -> int:
    """Return how many lines a printed text takes, long ones broken."""
    return sum(max(1, -(-len(line) // letters)) for line in source.split("\n"))


def output(source: str) -> int:
    """Return the height of a printed text."""
    return lines_of_output(source) * SMALL_LINE + 20 + GAP


def picture(svg: str) -> int:
    """Return the height that a drawing should have at least."""
    match = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', svg)
    width, height = (float(match[1]), float(match[2])) if match else (4.0, 3.0)
    return int(min(1200 * height / width, 300 if width > 2.2 * height else 420)) + GAP
