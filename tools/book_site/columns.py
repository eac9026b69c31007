"""Printed tables keep their columns: on a phone they scroll, where other outputs wrap."""

import re
from html import unescape

OUTPUT = re.compile(
    r'(<div class="output stream [^"]*"><div class="highlight">)<pre>(.*?)</pre>', re.DOTALL
)
TAG = re.compile(r"<[^>]+>")
GAP = re.compile(r"\S {2,}\S")
WIDEST = 100  # characters: a longer line is read more easily in pieces


def is_table(text: str) -> bool:
    """Return whether printed text stands in columns: nearly all of its lines have gaps."""
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    gaps = sum(bool(GAP.search(line)) for line in lines)
    return len(lines) > 1 and 4 * gaps >= 3 * len(lines) and max(map(len, lines)) <= WIDEST


def keep_columns(html: str) -> str:
    """Return a page whose printed tables have the class `columns`."""

    def mark(match: re.Match) -> str:
        before, text = match.groups()
        kind = ' class="columns"' if is_table(unescape(TAG.sub("", text))) else ""
        return f"{before}<pre{kind}>{text}</pre>"

    return OUTPUT.sub(mark, html)
