"""The bibliography and the book are in step, and each edition words its entries."""

import pytest
from nbformat import v4
from pybtex.database import parse_string

from tools import house, references
from tools.book_site.references import EnglishStyle, SpanishStyle

ROOT = house.ROOT


def test_the_bibliography_is_in_step_with_the_book():
    assert references.check(ROOT) == []
    assert len(references.read(ROOT).entries) > 100
    assert all(references.namers(ROOT).values())


BOOK = """[one](https://arxiv.org/abs/1804.10959), [two](https://a.example/two), Kneser (1995)"""
MODULE = '''"""Tokens.

Sources:
    Ba, Kiros and Hinton, "Layer
        Norm", 2016, arXiv:1607.06450: the idea.

Not a source: Nobody 2001.
"""

def f():
    """Do it.

    Source: Ba et al. 2016, equation 4.
    """
'''
WORKS = """@misc{kudo,
  author = {Kudo, T.},
  title = {A},
  year = 2018,
  eprint = {1804.10959},
  keywords = {tokens},
}
@misc{ba,
  author = {Ba, J. and Kiros, J. and Hinton, G.},
  title = {Layer {Norm}},
  year = 2016,
  eprint = {1607.06450},
  keywords = {tokens},
}
@misc{two,
  title = {Two},
  url = {https://a.example/two},
  keywords = {tokens},
}
@misc{kneser,
  author = {Kneser, R.},
  title = {B},
  called = {Kneser (1995)},
  keywords = {tokens},
}
@misc{rest,
  title = {Rest},
  called = {the rest; all others},
  keywords = {library},
}
"""


@pytest.fixture
def root(tmp_path):
    """A book of one chapter."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    write("_toc.yml", "root: book/en/tokens\n")
    cells = [v4.new_markdown_cell(BOOK, id="only"), v4.new_code_cell("arXiv = 1", id="code")]
    write("book/en/tokens.ipynb", house.notebook_text(v4.new_notebook(cells=cells)))
    write("book/references.bib", WORKS)
    write("lessons_lib/tokens.py", MODULE)
    write("lessons_lib/base/files.py", '"""Files.\n\nSource: all others.\n"""\n')
    for language in house.LANGUAGES:
        filters = [f':filter: keywords % "{slug}"' for slug in ("tokens", "library")]
        write(f"book/{language}/references.md", "\n".join(filters) + "\n")
    return tmp_path


def test_a_chapter_s_package_names_for_the_chapter(root):
    package = root / "lessons_lib" / "tokens"
    package.mkdir()
    (root / "lessons_lib" / "tokens.py").rename(package / "pairs.py")
    assert references.check(root) == []
    (root / "lessons_lib" / "base" / "tokens.py").write_text((package / "pairs.py").read_text())
    (package / "pairs.py").unlink()
    assert references.check(root) != []


@pytest.mark.parametrize(
    ("name", "old", "new", "finding"),
    [
        ("book/en/tokens.ipynb", "1804.10959", "1804.99999", "lacks arXiv:1804.99999 of tokens"),
        ("book/en/tokens.ipynb", "abs/1804.10959", "pdf/none", "nobody names kudo"),
        ("book/en/tokens.ipynb", "a.example/two", "a.example/2", "a.example/2 of tokens"),
        ("book/en/tokens.ipynb", "Kneser (1995)", "Ney (1995)", "nobody names kneser"),
        ("lessons_lib/tokens.py", "Ba et al. 2016", "Bo et al. 2016", "names Bo 2016"),
        ("lessons_lib/tokens.py", "Ba et al. 2016", "Ba et al. 2017", "names Ba 2017"),
        ("lessons_lib/tokens.py", "arXiv:1607.06450", "arXiv:1607.99999", "arXiv:1607.99999 of"),
        ("lessons_lib/base/files.py", "all others", "none", "nobody names rest"),
        ("book/references.bib", "{library}", "{}", "keywords are not up to date"),
        ("book/es/references.md", '"library"', '"files"', "expected ['tokens', 'library']"),
    ],
)
def test_check_finds(root, name, old, new, finding):
    assert references.main(["--check"], root) == 0
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert any(finding in found for found in references.check(root)), references.check(root)


def test_keywords_are_written(root):
    path = root / references.BIBLIOGRAPHY
    path.write_text(WORKS.replace("{library}", "{}"), encoding="utf-8")
    assert references.main([], root) == 0
    assert path.read_text(encoding="utf-8") == WORKS
    with pytest.raises(ValueError, match="expected a line of keywords in rest"):
        references.with_keywords(WORKS.replace("  keywords = {library},\n", ""), {"rest": []})


def test_a_title_names_a_work_without_its_number(root):
    path = root / "lessons_lib" / "tokens.py"
    path.write_text(MODULE.replace("arXiv:1607.06450", "a report"), encoding="utf-8")
    assert references.check(root) == []


@pytest.mark.parametrize(
    ("entry", "english", "spanish"),
    [
        (
            "@article{a, author={Ba, Jean-B. and Cid, Ana de}, title={One {T}wo}, year=1999,"
            " journal={J}, volume=3, number=4, doi={10.1/x}}",
            "Ba, J.-B. and Cid, A. de (1999). One Two. J 3(4). doi:10.1/x",
            "Ba, J.-B. y Cid, A. de (1999). One Two. J 3(4). doi:10.1/x",
        ),
        (
            "@misc{b, author={Ba, Ana and others}, title={T}, year=2020, eprint={2001.1}}",
            "Ba, A. and others (2020). T. arXiv:2001.1",
            "Ba, A. y otros (2020). T. arXiv:2001.1",
        ),
        (
            "@software{c, author={{Open A}}, title={T}, url={https://a.example}}",
            "Open A. T. a.example",
            "Open A. T. a.example",
        ),
        ("@misc{d, author={Ba, Ana}, title={Why?}}", "Ba, A. Why?", "Ba, A. Why?"),
        ("@misc{e, title={T.}}", "T.", "T."),
    ],
)
def test_entries_in_both_languages(entry, english, spanish):
    for style, expected in ((EnglishStyle, english), (SpanishStyle, spanish)):
        (formatted,) = style().format_bibliography(parse_string(entry, "bibtex"))
        assert str(formatted.text) == expected
