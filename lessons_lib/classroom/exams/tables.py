"""Tables as spreadsheets write them: any usual encoding, commas, semicolons or tabs."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["as_number", "read_table", "write_table"]

SEPARATORS = (";", "\t", ",")
FORMULA = ("=", "+", "-", "@", "\t")  # a text that begins so is a formula to a spreadsheet
NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*")


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file by the names of their columns, in lower case.

    UTF-8, UTF-16 and Windows-1252 are read, and the separator that the first line has most of.

    Raises `ValueError` if there is no such file, no row below the head, a column twice, or a row
    with more cells than the head.
    """
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise ValueError(f"expected a CSV file, got {path}: {error.strerror}") from None
    lines = text.lstrip().splitlines() or [""]
    separator = max(SEPARATORS, key=lines[0].count)
    if lines[0].lower().startswith("sep="):  # a hint for Excel
        separator, text = lines[0][4:5] or separator, text.lstrip().split("\n", 1)[-1]
    reader = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=separator)
    try:
        rows = [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise ValueError(f"{path.name}: expected a table of CSV, got {error}") from None
    rows = [row for row in rows if any(row)]
    if len(rows) < 2:
        raise ValueError(f"{path.name}: expected a head and rows below it, got {len(rows)} lines")
    head = [name.lower() for name in rows[0]]
    named = [name for name in head if name]
    if twice := [name for name in named if named.count(name) > 1]:
        raise ValueError(f"{path.name}: expected each column once, got {twice[0]!r} again")
    for i, row in enumerate(rows[1:], 2):
        if len(row) > len(head) and any(row[len(head) :]):
            raise ValueError(
                f"{path.name}, row {i}: expected {len(head)} cells, got {len(row)} "
                f"(separated by {separator!r})"
            )
    return [
        {name: cell for name, cell in zip(head, row + [""] * len(head), strict=False) if name}
        for row in rows[1:]
    ]


def _decoded(data: bytes) -> str:
    """Return text in the encoding that it most likely has."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def as_number(text: str, where: str) -> float:
    """Return a number written with a point or a comma.

    Raises `ValueError`, which says `where`, for anything else.

    >>> as_number("1,5", "row 2")
    1.5
    """
    try:
        number = float(text.replace(",", ".").replace("\u00a0", ""))
    except ValueError:
        number = float("nan")
    if not -1e9 < number < 1e9:
        raise ValueError(f"{where}: expected a number, got {text!r}")
    return number


def write_table(rows: Iterable[Sequence[object]], language: str) -> bytes:
    """Return rows as CSV that a spreadsheet of the language opens: Spanish has semicolons.

    Numbers are written as the language writes them; a text never begins a formula.
    """
    text = io.StringIO()
    spanish = language == "es"
    writer = csv.writer(text, delimiter=";" if spanish else ",", lineterminator="\r\n")

    def cell(value: object) -> object:
        if isinstance(value, float):
            text = f"{value:.3f}".rstrip("0").removesuffix(".")
            return text.replace(".", "," if spanish else ".")
        if isinstance(value, str) and value.startswith(FORMULA) and not NUMBER.fullmatch(value):
            return f"'{value}"
        return value

    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")
