"""The way to each build cell, on a small chapter with planted gaps."""

import nbformat.v4 as v4
import pytest

from tools import house, staircase

CELLS = [
    ("markdown", "## Twice"),
    ("code", "def double_loop(x):\n    return x + x"),
    ("code", "# lessons_lib.tokens :: double\ndef double(x):\n    return 2 * x"),
    ("code", "assert double(2) == double_loop(2)"),
    ("markdown", "## Half"),
    ("code", "half_by_hand = 1 / 2"),
    ("code", "# lessons_lib.tokens :: half\ndef half(x):\n    return x / 2"),
    ("code", "for x in (1, 2):\n    assert half(x) == x * half_by_hand"),
    ("code", "# lessons_lib.intro :: earlier\nearlier = 1"),
]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/en/intro\nchapters:\n  - file: book/en/tokens\n"
    )
    (tmp_path / "tools").mkdir()
    return tmp_path


def save(root, cells):
    make = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    path = root / "book" / "en" / "tokens.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    house.write_notebook(path, v4.new_notebook(cells=[make[kind](text) for kind, text in cells]))


def test_a_whole_staircase_is_right(root):
    save(root, CELLS)
    assert staircase.check(root) == []


@pytest.mark.parametrize(
    "text",
    [
        "torch.testing.assert_close(double(2), double_loop(2))",
        "np.testing.assert_array_equal(double(2), 4)",
        "import this\n\nassert_close(this.double(2), 4)",
    ],
)
def test_the_assert_of_a_library_counts(root, text):
    save(root, [*CELLS[:3], ("code", text), *CELLS[4:]])
    assert staircase.check(root) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda cells: cells[:1] + cells[2:], "double: no sketch before it"),
        (lambda cells: [*cells[:1], cells[2], cells[1], *cells[3:]], "double: no sketch before"),
        (lambda cells: cells[:3] + cells[4:], "double: no assert after it"),
        (lambda cells: [*cells[:2], cells[3], cells[2], *cells[4:]], "double: no assert after it"),
        (lambda cells: [*cells[:3], ("code", "double(2) == 4"), *cells[4:]], "double: no assert"),
        (lambda cells: [*cells[:3], ("code", "assert 2 == 2"), *cells[4:]], "double: no assert"),
        (lambda cells: [*cells[:3], ("code", "assert_close(2, 2)"), *cells[4:]], "double: no as"),
        # What another section holds is of no help.
        (lambda cells: [*cells[:1], *cells[2:6], cells[1], *cells[6:]], "double: no sketch"),
    ],
)
def test_gaps_are_found(root, change, finding):
    save(root, change(CELLS))
    found = staircase.check(root)
    assert len(found) == 1
    assert finding in found[0]


def test_exceptions_need_a_gap_and_a_chapter(root):
    save(root, CELLS[:1] + CELLS[2:])
    listed = root / staircase.EXCEPTIONS
    listed.write_text('[tokens]\ndouble = "it is plain"\n')
    assert staircase.check(root) == []
    listed.write_text('[tokens]\ndouble = "it is plain"\nhalf = "it is not"\n[nothing]\nx = "y"\n')
    assert [text.split(": ", 1)[1] for text in staircase.check(root)] == [
        "tokens.half: lacks no step",
        "nothing is no chapter",
    ]
