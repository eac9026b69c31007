"""The report of numbers in prose that no cell near them has."""

import re

import nbformat
import nbformat.v4 as v4
import pytest

from tools import house, numbers


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("1,234.50", "en", (1234.5, 2)),
        ("0.333", "en", (0.333, 3)),
        ("3,5", "es", (3.5, 1)),
        ("12\N{NO-BREAK SPACE}345", "es", (12345.0, 0)),
        ("12 345,25", "es", (12345.25, 2)),
        ("1,073,741,824", "en", (1073741824.0, 0)),
        ("400", "en", (400.0, 0)),
    ],
)
def test_numbers_are_read_as_the_language_writes_them(text, language, value):
    assert numbers.read_number(text, language) == value


def found(tmp_path, language, prose, source, output=""):
    cell = v4.new_code_cell(source)
    if output:
        cell.outputs = [v4.new_output("stream", text=output)]
    nb = v4.new_notebook(cells=[v4.new_markdown_cell(prose), cell])
    path = tmp_path / language / "tokens.ipynb"
    path.parent.mkdir()
    house.write_notebook(path, nb)
    return [number for _, number, _ in numbers.unheld(path)]


def test_what_no_cell_has_is_listed(tmp_path):
    prose = "It has 97 rows, 0.87 of them, 41 %, 1,234 in all; see [here](x12.ipynb), 2017, `99`."
    assert found(tmp_path, "en", prose, "x = 97", "0.8666 and 0.41, 1234.0\n") == []


def test_a_wrong_number_is_listed(tmp_path):
    prose = "It has 98 rows, 0,88 de ellas, 42 %."
    assert found(tmp_path, "es", prose, "assert x == 97", "0.8666 0.41") == ["98", "0,88", "42"]


def test_another_section_holds_nothing(tmp_path):
    prose = "## One\n\n97 rows."
    nb = v4.new_notebook(
        cells=[
            v4.new_markdown_cell(prose),
            v4.new_markdown_cell("## Two"),
            v4.new_code_cell("assert rows == 97"),
        ]
    )
    path = tmp_path / "en" / "x.ipynb"
    path.parent.mkdir()
    house.write_notebook(path, nb)
    assert [number for _, number, _ in numbers.unheld(path)] == ["97"]


PARTED = re.compile(r"(?<![\d.,\w/])\d{1,3}(?: \d{3})+(?![\dB%])")  # "3 405B" is a name
CODE_OR_FORMULA = re.compile(r"```.*?```|`[^`]*`|\$[^$]*\$", re.DOTALL)
SPANISH = sorted((house.ROOT / "book" / "es").glob("*.[im][pd]*"))


@pytest.mark.parametrize("path", SPANISH, ids=[path.stem for path in SPANISH])
def test_spanish_thousands_stay_on_a_line(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    prose = CODE_OR_FORMULA.sub("", text)
    assert PARTED.findall(prose) == [], "a no-break space parts the thousands"
