"""A page of feedback for each student: one HTML file that needs no other."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from lessons_lib.classroom.marking.reports import note
from lessons_lib.classroom.marking.submissions import Row
from lessons_lib.classroom.marking.words import WORDS, printable

__all__ = ["as_page"]

_STYLE = """\
:root { color-scheme: light dark; --line: #c9ced6; --good: #0b6e4f; --open: #8a4b00; }
@media (prefers-color-scheme: dark) { :root { --line: #454d5a; --good: #6fd3ae; --open: #f2b366; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 44rem; padding: 1rem; }
h2 { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1rem; }
h3 { font-family: ui-monospace, monospace; margin-bottom: 0; }
p { margin: 0.25rem 0; }
.right { color: var(--good); } .open { color: var(--open); }
pre { border-left: 3px solid var(--line); margin: 0.5rem 0; padding-left: 0.75rem; }
pre { overflow-wrap: anywhere; white-space: pre-wrap; }
"""


def as_page(rows: Iterable[Row], language: str) -> str:
    """Return the page of one student: for each notebook what is right, and what is still missing.

    It speaks each notebook's language, or `language`. All that comes from a student is escaped.
    """
    rows = list(rows)
    spoken = [_language(row, language) for row in rows]
    first = spoken[0] if spoken else language
    words = WORDS[first]
    name = _html(rows[0].student) if rows else ""
    title = f"{words['feedback'].capitalize()}: {name}"
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{first}">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>\n{_STYLE}</style></head>",
        f"<body><main>\n<h1>{title}</h1>",
    ]
    for row, speaks in zip(rows, spoken, strict=True):
        part = _notebook(row, speaks)
        parts.append(part if speaks == first else f'<section lang="{speaks}">\n{part}\n</section>')
    return "\n".join([*parts, "</main></body>", "</html>"]) + "\n"


def _language(row: Row, language: str) -> str:
    return (row.notebook and row.notebook.language) or language


def _notebook(row: Row, language: str) -> str:
    words = WORDS[language]
    name = Path(row.path).name if row.path else words["notebook"]
    lines = [f"<h2>{_html(name)}</h2>"]
    if row.problem:
        lines.append(f'<p class="open">{_html(note(row, language))}</p>')
    if row.marks:
        total = words["total"].format(right=row.right, n=len(row.marks))
        lines.append(f"<p>{_html(row.chapter)}: {total}</p>")
    for mark in row.marks:
        sign, state = ("✓", "right") if mark.right else ("○", "open")
        said = words["yes" if mark.right else "no"]
        lines += [
            f"<h3>{_html(mark.exercise)}</h3>",
            f'<p class="{state}"><span aria-hidden="true">{sign}</span> {said}</p>',
        ]
        if mark.message:
            lines.append(f"<pre>{_html(mark.message)}</pre>")
    return "\n".join(lines)


def _html(text: str) -> str:
    return escape(printable(text).encode("utf-8", "backslashreplace").decode())
