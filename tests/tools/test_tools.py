"""Each tool finds the defect it is there for, planted in a small house where all is right."""

import ast
import json
import os
import shutil
import subprocess

import nbformat.v4 as v4
import pytest

from tools import house, notebooks, translations, weave

TOC = """
format: jb-book
root: book/en/intro
parts:
  - caption: Foundations
    chapters:
      - file: book/en/tokens
        sections:
          - file: book/en/ngrams
"""
TOKENS = '''"""Tokens."""

from lessons_lib.base.validation import check

__all__ = ["LIMIT", "Box", "double", "hidden"]

LIMIT = 3


def double(x):
    """Return twice `x`.

    Args:
        x: a number.
    """
    check(x)
    # twice
    return 2 * x


@staticmethod
def hidden():
    """Hide."""


class Box:
    """
    A box.

    It holds a thing.
    """

    def __init__(self, thing):
        self.thing = thing

    def open(self):
        r"""Open it: \\o/

        Returns the thing.
        """
        return self.thing
'''
DOUBLE = '''# lessons_lib.tokens :: LIMIT, double
LIMIT = 3


def double(x):
    """Return twice `x`."""
    check(x)
    # twice
    return 2 * x'''
BOX = '''# lessons_lib.tokens :: Box
class Box:
    """A box."""

    def __init__(self, thing):
        self.thing = thing

    def open(self):
        r"""Open it: \\o/"""
        return self.thing'''
INTRO = """# Intro

One sentence of more than eight words that stands in the page.

```console
make book/en  # build it
```

| a | b |
|---|---|

```{glossary}
:long: option of a directive that has more than eight words in both
token
  A piece of a text.
```
"""
INTRO_ES = """# Intro

Una frase de más de ocho palabras que está en la página.

```console
make book/es  # haz el libro
```

| c | d |
|---|---|

```{glossary}
:long: option of a directive that has more than eight words in both
token
  Un trozo de un texto.
```
"""
PNG = "iVBORw0KGgo="
ALT = "A bar chart of the five most frequent tokens"
ALT_ES = "Gráfico de barras de los cinco tokens más frecuentes"


def markdown(id_, source):
    return v4.new_markdown_cell(source, id=id_)


def code(id_, source, *outputs, tags=(), alt=None):
    cell = v4.new_code_cell(source, id=id_, outputs=list(outputs))
    if tags:
        cell.metadata["tags"] = list(tags)
    if alt:
        cell.metadata["mystnb"] = {"image": {"alt": alt}}
    return cell


def printed(text, name="stdout"):
    return v4.new_output("stream", name=name, text=text)


def shown(**data):
    return v4.new_output("display_data", data={key.replace("_", "/"): v for key, v in data.items()})


def tokens_cells(spanish):
    def say(english, other):
        return other if spanish else english

    text = (
        "A token is not a word, and a word is not a token in this chapter of the book.",
        "Un token no es una palabra, y una palabra no es un token en este capítulo del libro.",
    )
    cells = [
        markdown("opening", say(*text)),
        code("imports", "from lessons_lib.base.validation import check"),
        code("double", DOUBLE),
        code("box", BOX),
        code(
            "first-print",
            say(
                'n = 2  # how many\nprint(f"{n:.2f} tokens of {double(n)}")',
                'n = 2  # cuántos\nprint(f"De {double(n)}, {n:.2f} tokens")',
            ),
            printed(say("2.00 tokens of 4\n", "De 4, 2.00 tokens\n")),
        ),
        code(
            "picture",
            "%matplotlib inline\nplot()",
            shown(image_png=PNG),
            alt=say(ALT, ALT_ES),
        ),
    ]
    if spanish:
        cells[0].metadata["translates"] = translations.fingerprint(text[0])
    return cells


def save(root, lang, slug, cells):
    count = 0
    for cell in cells:
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
    nb = notebooks.normalise(v4.new_notebook(cells=cells))
    house.write_notebook(root / "book" / lang / f"{slug}.ipynb", nb)


@pytest.fixture
def root(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("_toc.yml", TOC)
    write("lessons_lib/__init__.py", '"""A library."""\n')
    write("lessons_lib/intro.py", '"""Intro."""\n\n__all__ = []\n')
    write("lessons_lib/tokens.py", TOKENS)
    write("lessons_lib/ngrams.py", '"""N-grams."""\n\nfrom . import tokens\n\n__all__ = []\n')
    write(
        "lessons_lib/base/validation.py",
        '"""Checks."""\n\n\ndef check(x):\n    """Check."""\n    x + 0\n',
    )
    write("lessons_lib/figures.py", '"""Pictures."""\n\nimport matplotlib\n')
    practice = "lessons_lib/classroom/practice"
    write(f"{practice}/__init__.py", '"""Practice."""\n\nfrom .ngrams import check\n')
    write(f"{practice}/tokens.py", '"""Practice."""\n\nfrom ...tokens import double\n')
    write(f"{practice}/ngrams.py", '"""Practice."""\n\nfrom ...ngrams import tokens\n')
    write("lessons_lib/live/playground.py", '"""A figure."""\n\nfrom lessons_lib import ngrams\n')
    for slug in ("intro", "tokens", "ngrams"):
        write(f"tests/test_{slug}.py", "")
    write("tools/not_shown.toml", '["lessons_lib.tokens"]\nhidden = "too shy"\n')
    for lang in house.LANGUAGES:
        (tmp_path / "book" / lang).mkdir(parents=True)
        stamp = f"---\ntranslates: {translations.fingerprint(INTRO)}\n---\n"
        write(f"book/{lang}/intro.md", INTRO if lang == "en" else stamp + INTRO_ES)
        save(tmp_path, lang, "tokens", tokens_cells(lang == "es"))
        save(tmp_path, lang, "ngrams", [code("own", "from lessons_lib.live import playground")])
    return tmp_path


def edit(root, name, old, new):
    """Replace text in a file of the small house; for notebooks, name:cell-id."""
    name, _, id_ = name.partition(":")
    path = root / name
    if id_:
        nb = house.read_notebook(path)
        cell = next(cell for cell in nb.cells if cell.id == id_)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)
        house.write_notebook(path, nb)
    else:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


def change(root, name, function):
    """Change the list of a notebook's cells in place."""
    path = root / name
    nb = house.read_notebook(path)
    function(nb.cells)
    house.write_notebook(path, nb)


def all_findings(root):
    return [
        finding
        for check in (house.check, weave.check, notebooks.check, translations.check)
        for finding in check(root)
    ]


def assert_found(findings, *parts):
    """One finding holds all the parts."""
    assert any(all(part in finding for part in parts) for finding in findings), findings


def test_small_house_is_right(root):
    assert all_findings(root) == []
    assert house.chapters(root) == ["intro", "tokens", "ngrams"]
    assert [p.relative_to(root).as_posix() for p in house.notebooks(root)] == [
        f"book/{lang}/{slug}.ipynb" for slug in ("tokens", "ngrams") for lang in ("en", "es")
    ]


# ---------------------------------------------------------------- house


@pytest.mark.parametrize(
    "line",
    [
        "import lessons_lib.ngrams",
        "import lessons_lib.ngrams as later",
        "from lessons_lib import ngrams",
        "from lessons_lib.ngrams import x",
        "from . import ngrams",
        "from .ngrams import x",
        "def late():\n    from lessons_lib import ngrams",
        "import importlib\n\nimportlib.import_module('lessons_lib.ngrams')",
    ],
)
def test_floors_import_of_a_later_chapter(root, line):
    edit(root, "lessons_lib/tokens.py", "\nLIMIT", f"\n{line}\n\nLIMIT")
    assert_found(house.check_floors(root), "lessons_lib/tokens.py: imports lessons_lib.ngrams, a l")


@pytest.mark.parametrize(
    ("module", "line", "finding"),
    [
        ("tokens", "import matplotlib.pyplot as plt", "imports matplotlib, a plotting package"),
        ("tokens", "from anywidget import AnyWidget", "imports anywidget, a plotting package"),
        ("base/validation", "import ipywidgets", "imports ipywidgets, a plotting package"),
        ("tokens", "from lessons_lib import figures", "lessons_lib.figures, a room not open"),
        ("ngrams", "from .live import playground", "lessons_lib.live.playground, a room not open"),
        ("ngrams", "import lessons_lib.classroom", "lessons_lib.classroom, a room not open"),
        ("base/validation", "import lessons_lib.corpus", "lessons_lib.corpus, a room not open"),
        ("base/validation", "from lessons_lib import intro", "lessons_lib.intro, but stands below"),
        ("figures", "from lessons_lib import tokens", "lessons_lib.tokens, but stands below"),
        ("__init__", "from .tokens import double", "lessons_lib.tokens, but stands below"),
        ("classroom/practice/tokens", "from ...ngrams import x", "lessons_lib.ngrams, a later"),
        ("classroom/practice/tokens", "from .ngrams import x", "practice.ngrams, a later chapter"),
        ("live/intro", "from ..tokens import x", "lessons_lib.tokens, a later chapter"),
        ("tokens", "import lessons_lib.nothing", "lessons_lib.nothing, which does not exist"),
        ("helpers", "import re", "neither a chapter of _toc.yml nor a room"),
    ],
)
def test_floors_rooms(root, module, line, finding):
    path = root / "lessons_lib" / f"{module}.py"
    (root / "lessons_lib" / "corpus").mkdir()
    text = path.read_text() if path.exists() else ""
    path.write_text(f"{text}\n{line}\n")
    assert_found(house.check_floors(root), f"lessons_lib/{module}.py: ", finding)


@pytest.mark.parametrize(
    "source",
    [
        "from lessons_lib.ngrams import x",
        "%matplotlib inline\nimport lessons_lib.classroom.practice.ngrams",
        "# lessons_lib.ngrams :: x",
    ],
)
def test_floors_notebook_uses_a_later_chapter(root, source):
    change(root, "book/es/tokens.ipynb", lambda cells: cells.append(code("late", source)))
    assert_found(house.check_floors(root), "book/es/tokens.ipynb [late]", "ngrams, a later chapter")


def test_floors_notebook_names(root):
    change(
        root,
        "book/en/tokens.ipynb",
        lambda cells: cells.extend(
            [code("wrong", "import lessons_lib.nothing"), code("broken", "a b")]
        ),
    )
    save(root, "en", "orphan", [markdown("a", "Alone.")])
    findings = house.check_floors(root)
    assert_found(findings, "[wrong]", "lessons_lib.nothing, which does not exist")
    assert_found(findings, "[broken]: not Python")
    assert_found(findings, "book/en/orphan.ipynb: not in _toc.yml")


def test_floors_follow_the_table_of_contents(root):
    """The reading order alone decides: the same imports are wrong when the chapters swap."""
    (root / "_toc.yml").write_text(
        "root: book/en/intro\nchapters:\n- file: book/en/ngrams\n- file: book/en/tokens\n"
    )
    assert_found(house.check_floors(root), "ngrams.py: imports lessons_lib.tokens, a later chapter")


def test_floors_of_a_module_that_waits_for_its_chapter(root, monkeypatch):
    (root / "lessons_lib/probing.py").write_text('"""Probe."""\n\nfrom .ngrams import x\n')
    assert_found(house.check_floors(root), "lessons_lib/probing.py: neither a chapter")
    monkeypatch.setattr(house, "COMING", ("probing",))
    assert house.check_floors(root) == []
    edit(root, "lessons_lib/tokens.py", "\nLIMIT", "\nfrom .probing import x\n\nLIMIT")
    assert_found(house.check_floors(root), "tokens.py: imports lessons_lib.probing, a later chap")
    save(root, "en", "probing", [markdown("a", "Alone.")])
    assert_found(house.check_floors(root), "book/en/probing.ipynb: not in _toc.yml")


def test_doors(root):
    (root / "book/es/intro.md").unlink()
    (root / "book/en/ngrams.ipynb").unlink()
    (root / "tests/test_tokens.py").unlink()
    assert house.check_doors(root) == [
        "_toc.yml: book/es/intro does not exist",
        "tests/test_tokens.py: does not exist",
        "_toc.yml: book/en/ngrams does not exist",
    ]


def test_docstrings(root):
    edit(root, "lessons_lib/tokens.py", '    """Hide."""\n', "    _private = 1\n")
    edit(
        root, "lessons_lib/tokens.py", "def __init__", "def close(self):\n        pass\n\n    def _"
    )
    edit(root, "lessons_lib/figures.py", '"""Pictures."""', "")
    assert house.check_docstrings(root) == [
        "lessons_lib/figures.py: no docstring",
        "lessons_lib/tokens.py hidden: no docstring",
        "lessons_lib/tokens.py Box close: no docstring",
    ]


OPEN_TASK = "TOD" + "O"
MACHINE = "/wor" + "k/main"


def test_words(root):
    edit(root, "lessons_lib/tokens.py", "# twice", f"# {OPEN_TASK}: twice")
    edit(root, "book/en/tokens.ipynb:imports", "from", f"# {MACHINE}\nfrom")
    (root / "notes.txt").write_text("\n../share" + "d/notes\n")
    (root / "book/es/intro.md").write_text(f"{OPEN_TASK} es posible\n")
    (root / "vendor").mkdir()
    (root / "vendor/x.js").write_text(OPEN_TASK)
    (root / "picture.png").write_bytes(b"\xff\xfe")
    picture = shown(image_png=f"a/{OPEN_TASK}+")
    change(root, "book/en/ngrams.ipynb", lambda cells: cells[0].outputs.append(picture))
    findings = house.check_words(root)
    assert len(findings) == 3
    assert_found(findings, f"lessons_lib/tokens.py:17: {OPEN_TASK}, an open task")
    assert_found(findings, "book/en/tokens.ipynb:", "a path of one machine")
    assert_found(findings, "notes.txt:2: ")


def test_words_reads_what_git_would_track(root):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".gitignore").write_text("ignored.txt\n")
    for name in ("ignored.txt", "untracked-ñ.txt"):
        (root / name).write_text(OPEN_TASK)
    assert house.check_words(root) == [f"untracked-ñ.txt:1: {OPEN_TASK}, an open task"]


@pytest.mark.parametrize(
    "call",
    [
        *["open(x)", "open(x, 'w')", "open(x, mode='r+')", "os.fdopen(x, 'w')", "path.open()"],
        *["path.open('a')", "path.read_text()", "path.write_text(x)", "run(x, text=True)"],
        "Popen(x, universal_newlines=True)",
    ],
)
def test_text_of_no_known_encoding(call):
    assert len(house.unnamed_encodings(ast.parse(f"y = f({call})"))) == 1


@pytest.mark.parametrize(
    "call",
    [
        *["open(x, 'rb')", "open(x, encoding='utf-8')", "open(x, mode)", "os.fdopen(x, 'wb')"],
        *["path.open('rb')", "opener.open(request, timeout=3)", "path.read_text('utf-8')"],
        *["path.write_text(x, 'utf-8')", "path.write_text(x, encoding='utf-8')", "open(**how)"],
        *[
            "run(x, encoding='utf-8')",
            "run(x, text=False)",
            "read_text(file, name)",
            "os.open(x, 1)",
        ],
    ],
)
def test_text_of_a_known_encoding(call):
    assert not house.unnamed_encodings(ast.parse(f"y = f({call})"))


def test_encodings_are_named_in_code_notebooks_and_prose(root):
    edit(root, "lessons_lib/tokens.py", "return 2 * x", "return open(x)")
    (root / "README.md").write_text("Text\n\n```python\nx = 1\nPath(x).read_text()\n```\n")
    findings = house.check_encodings(root)
    assert_found(findings, "lessons_lib/tokens.py:")
    assert_found(findings, "README.md:2: Path(x).read_text(), no encoding named")


def test_each_column_of_a_table_has_a_name(root):
    table = "| %s | b |\n|---|:-:|\n| | 1 |\n"
    (root / "README.md").write_text(f"Text\n\n{table % 'a'}")
    assert house.check_tables(root) == []
    (root / "README.md").write_text(f"Text\n\n{table % ''}")
    assert_found(house.check_tables(root), "README.md: a column without a name")


# ---------------------------------------------------------------- weave


def test_weave_writes_the_source(root):
    edit(root, "lessons_lib/tokens.py", "return 2 * x", "return x + x")
    before = (root / "book/en/ngrams.ipynb").read_bytes()
    for lang in house.LANGUAGES:
        assert_found(weave.check(root), f"book/{lang}/tokens.ipynb [double]: differs from lessons_")
    assert weave.main([], root) == 0
    for lang in house.LANGUAGES:
        nb = house.read_notebook(root / f"book/{lang}/tokens.ipynb")
        sources = {cell.id: cell.source for cell in nb.cells}
        assert sources["double"] == DOUBLE.replace("2 * x", "x + x")
        assert sources["box"] == BOX
    assert (root / "book/en/ngrams.ipynb").read_bytes() == before
    assert weave.weave(root) == []
    assert all_findings(root) == []


def test_weave_edited_cell(root, capsys):
    edit(root, "book/es/tokens.ipynb:double", "2 * x", "3 * x")
    assert weave.main(["--check"], root) == 1
    assert "book/es/tokens.ipynb [double]: differs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("header", "finding"),
    [
        ("# lessons_lib.tokens :: triple", "[double]: expected a name that lessons_lib.tokens def"),
        ("# lessons_lib.nothing :: double", "[double]: expected a module of the library"),
        ("# lessons_lib.tokens: double", "[double]: expected '# lessons_lib.module :: name, name'"),
        ("# lessons_lib.tokens :: Box.open", "[double]: expected '# lessons_lib.module :: name, "),
    ],
)
def test_weave_names_that_do_not_exist(root, header, finding):
    edit(root, "book/en/tokens.ipynb:double", "# lessons_lib.tokens :: LIMIT, double", header)
    assert_found(weave.check(root), finding)
    assert weave.main([], root) == 1  # leaves the cell alone


def test_weave_public_name_shown_once(root):
    edit(root, "lessons_lib/tokens.py", '"double",', '"double", "late",')
    edit(root, "lessons_lib/tokens.py", "LIMIT = 3", "LIMIT = 3\nlate = 4")
    change(root, "book/es/tokens.ipynb", lambda cells: cells.append(code("again", BOX)))
    findings = weave.check(root)
    for lang in house.LANGUAGES:
        assert_found(findings, f"book/{lang}/tokens.ipynb: weaves late 0 times")
    assert_found(findings, "book/es/tokens.ipynb: weaves Box 2 times")


def test_weave_needs_a_list_of_public_names(root):
    edit(root, "lessons_lib/ngrams.py", "__all__ = []", "")
    assert_found(weave.check(root), "lessons_lib/ngrams.py: no plain list __all__")


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ('gone = "x"', "lessons_lib.tokens gone: not a public name"),
        ('Box = " "', "lessons_lib.tokens Box: no reason"),
        ('double = "x"', "weaves double, which tools/not_shown.toml lists"),
        ('["lessons_lib.nothing"]\na = "x"', "lessons_lib.nothing a: not a public name"),
    ],
)
def test_weave_not_shown(root, line, finding):
    path = root / "tools/not_shown.toml"
    path.write_text(path.read_text() + line)
    assert_found(weave.check(root), finding)


@pytest.mark.parametrize(
    ("source", "tags", "finding"),
    [
        ("def double(x):\n    return x", ["exercise"], "defines double, a public name"),
        ("class Box:\n    pass", [], "defines Box, a public name"),
        ("%time 3\nLIMIT = 4", [], "defines LIMIT, a public name"),
        ("for a, double in []:\n    pass", [], "defines double, a public name"),
        ("def twice(x):\n    return 2 * x", [], "the sketch twice should end in _by_hand or _loop"),
        ("def twice(x):\n    return 2 * x", ["hide-cell"], None),
        ("def twice(x):\n    return 2 * x", ["exercise"], None),
        ("def double_loop(x):\n    LIMIT = 2\n    return LIMIT * x", [], None),
        ("twice = [double(LIMIT) for LIMIT in (1, 2)]", [], None),
        ("from lessons_lib.tokens import double", [], None),
    ],
)
def test_weave_unmarked_definitions(root, source, tags, finding):
    change(
        root, "book/en/tokens.ipynb", lambda cells: cells.append(code("free", source, tags=tags))
    )
    findings = weave.check(root)
    if finding:
        assert_found(findings, "[free]", finding)
    else:
        assert findings == []


@pytest.mark.parametrize(("added", "found"), [(22, []), (23, ["[double]: 31 woven lines"])])
def test_weave_long_definition(root, added, found):
    body = "\n".join(f"    x += {i}" for i in range(added))
    edit(root, "lessons_lib/tokens.py", "    # twice", body + "\n    # twice")
    weave.weave(root)
    findings = weave.check(root)
    assert bool(findings) == bool(found)
    for finding in found:
        assert_found(findings, finding)


# ---------------------------------------------------------------- notebooks


def check_cell(cell):
    """The findings of a notebook that holds this one cell."""
    if cell.cell_type == "markdown":
        return notebooks.check_markdown(cell.source)
    return notebooks.check_code(cell, cell.execution_count or 1)


def ran(source, *outputs, **options):
    cell = code("a", source, *outputs, **options)
    cell.execution_count = 1
    return cell


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "for i in range(3):\n    print(i)",
        "import matplotlib.pyplot as plt\nplt.show()",
        "display(x)",
        "x = 1\nx",
        "x.y",
        "x[0]",
        "3 + 4",
        "x == 1",
        "f'{x}'",
        "[a for a in x]",
        "%matplotlib inline\nx",
    ],
)
def test_notebooks_cell_that_prints_has_its_output_stored(source):
    assert check_cell(ran(source)) == ["produces output but has none stored"]
    assert check_cell(ran(source, tags=["no-output"])) == []
    assert check_cell(ran(source, printed("1\n"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "def f():\n    print(1)",
        "f = lambda: print(1)",
        "print(1, file=log)",
        "train(model)",
        "x;",
        "None",
        "# print(1)",
        "%load_ext x",
        "assert x == 1",
    ],
)
def test_notebooks_cell_without_output(source):
    assert check_cell(ran(source)) == []


def test_notebooks_planted_unstored_output(root):
    """In the notebook as it lies on disk: the cell ran, its output was cleared."""
    change(root, "book/en/tokens.ipynb", lambda cells: cells[4].update(outputs=[]))
    assert notebooks.check(root) == [
        "book/en/tokens.ipynb [first-print]: produces output but has none stored"
    ]


def test_notebooks_planted_image_without_alternative_text(root):
    edit(root, "book/en/tokens.ipynb:opening", "A token", "![](tokens.png) A token")
    change(root, "book/es/tokens.ipynb", lambda cells: cells[5].metadata.pop("mystnb"))
    findings = notebooks.check(root)
    assert len(findings) == 2
    assert_found(findings, "book/en/tokens.ipynb [opening]: an image without alternative text")
    assert_found(findings, "book/es/tokens.ipynb [picture]: a picture without alternative text")


def test_notebooks_execution_counts(root):
    change(root, "book/en/tokens.ipynb", lambda cells: cells[2].update(execution_count=None))
    change(root, "book/es/tokens.ipynb", lambda cells: cells.insert(1, cells.pop(2)))
    findings = notebooks.check(root)
    assert_found(findings, "book/en/tokens.ipynb [double]: execution count None, expected 2")
    assert_found(findings, "book/es/tokens.ipynb [double]: execution count 2, expected 1")


def widget():
    return v4.new_output("display_data", data={notebooks.WIDGET: {"model_id": "1"}})


ERROR = v4.new_output("error", ename="ValueError", evalue="bad", traceback=["\x1b[31mbad\x1b[0m"])


@pytest.mark.parametrize(
    ("cell", "finding"),
    [
        (ran("f()", ERROR), "an error is stored: ValueError"),
        (ran("f()", printed("careful\n", "stderr")), "a warning or other stderr output"),
        (ran("f()", printed("<X object at 0x7f>\n")), "output shows an object's address"),
        (ran("f()", printed("in /home/me/x\n")), "output shows a path of one machine: /home/"),
        (ran("f()", shown(text_html="<a href='/tmp/x'>")), "output shows a path of one machine"),
        (ran("f()", printed("C:\\x\n")), "output shows a path of one machine"),
        (ran("f()", printed("\x1b[31mred\n")), "output with terminal colours"),
        (ran("f()", widget()), "the state of a widget is stored"),
        (ran("f()", shown(image_png=PNG)), "a picture without alternative text"),
        (ran("f()", shown(image_png=PNG), alt="A picture"), "a picture without alternative text"),
        (ran("f()", shown(image_png=PNG), alt="x" * 19), "a picture without alternative text"),
        (ran("f()\n" * 31), "31 lines, 30 at most"),
        (ran("f()", tags=["nbval-ignore-output"]), "its output is not compared, and it asserts n"),
        (ran("f()", tags=["real-text"]), "its output is not compared, and it asserts nothing"),
        (ran("f()", tags=["nbval-skip"]), "tag nbval-skip"),
        (ran("f("), "not Python"),
        (
            ran("f()\nassert x", printed("set LESSONS_LIB_TEXTS\n"), tags=["real-text"]),
            "stored without its real text",
        ),
        (markdown("a", "![](x.png)"), "an image without alternative text"),
        (markdown("a", "<img src='x.png'>"), "an <img> without alternative text"),
        (markdown("a", "<IMG src='x.png' alt=''>"), "an <img> without alternative text"),
        (markdown("a", "```{figure} x.png\n:name: x\n```"), "a figure directive without :alt:"),
    ],
)
def test_notebooks_finding(cell, finding):
    findings = check_cell(cell)
    assert len(findings) == 1
    assert findings[0].startswith(finding)


@pytest.mark.parametrize(
    "cell",
    [
        ran("f()", ERROR, tags=["raises-exception"]),
        ran("f()", printed("https://a.example/tmp/x ../home/x\n")),
        ran("f()", shown(image_png=PNG), alt=ALT),
        ran("f()", shown(image_png=PNG), alt="x" * 20),
        ran("f()\n" * 30),
        ran("f()\nassert x > 0", printed("0.31\n"), tags=["nbval-ignore-output"]),
        ran("# lessons_lib.tokens :: Box\n" + "x = 1\n" * 30),
        markdown("a", "![A cat](x.png) <img src='x.png' alt='A cat'>"),
        markdown("a", "Write `![](x.png)` or\n\n```html\n<img src='x'>\n```"),
        markdown("a", "```{figure} x.png\n:alt: A cat\n```"),
    ],
)
def test_notebooks_no_finding(cell):
    assert check_cell(cell) == []


def test_notebooks_form(root):
    path = root / "book/en/tokens.ipynb"
    path.write_text(path.read_text().replace('"Python 3"', '"Python 3 (mine)"'))
    other = root / "book/es/tokens.ipynb"
    other.write_text(json.dumps(json.loads(other.read_text()), indent=4))
    for name in ("en", "es"):
        assert_found(notebooks.check(root), f"book/{name}/tokens.ipynb: not normalised")
    assert notebooks.main(["--format", "tokens", "--language", "en"], root) == 0
    assert len(notebooks.check(root)) == 1
    assert notebooks.main(["--format"], root) == 0
    assert notebooks.check(root) == []


def test_notebooks_ids(root):
    change(root, "book/en/tokens.ipynb", lambda cells: cells[1].update(id="opening"))
    change(root, "book/es/tokens.ipynb", lambda cells: cells[1].pop("id"))
    findings = notebooks.check(root)
    assert_found(findings, "book/en/tokens.ipynb [opening]: the id of two cells")
    assert_found(findings, "book/es/tokens.ipynb: not a notebook of format 4.5", "'id'")
    assert notebooks.main(["--format"], root) == 1  # invents no id


def test_notebooks_normalise():
    cell = code("a", "f()", printed("a\n"), printed("b \n"), printed("c\n", "stderr"), widget())
    cell.outputs[-1].data["text/plain"] = "Figure()"
    cell.metadata["execution"] = {"iopub.execute_input": "now"}
    nb = v4.new_notebook(cells=[cell], metadata={"widgets": {}, "custom": 1})
    form = notebooks.normalise(nb)
    assert [output.get("text") for output in form.cells[0].outputs] == ["a\nb \n", "c\n", None]
    assert form.cells[0].outputs[-1].data == {"text/plain": "Figure()"}
    assert form.cells[0].metadata == {}
    assert set(form.metadata) == {"custom", "kernelspec", "language_info"}
    assert form.metadata.kernelspec.display_name == "Python 3"
    assert "widgets" in nb.metadata  # the argument stays as it was
    text = house.notebook_text(form)
    assert text.endswith("}\n")
    assert '\n "cells"' in text


def test_notebooks_unknown_slug(root, capsys):
    with pytest.raises(SystemExit):
        notebooks.main(["nothing"], root)
    assert "expected slugs of notebooks, got nothing" in capsys.readouterr().err


ENVIRONMENT_CELL = """
import os
from lessons_lib.tokens import double
print(double(2), os.environ["PYTHONHASHSEED"], os.environ["TQDM_DISABLE"], os.listdir())
print({name for name in os.environ if name == "MPLBACKEND" and os.environ[name] == "Agg"})
"""


def test_notebooks_run_store_check_refuse(root, monkeypatch, capsys):
    """One kernel after the other: a clean run, then a missing text, then an error."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    path = root / "book/en/tokens.ipynb"
    cells = [
        markdown("opening", "A run."),
        code("environment", ENVIRONMENT_CELL.strip()),
        code("sum", "1 + 1", printed("an old output\n")),
        code("quiet", "x = 3"),
    ]
    save(root, "en", "tokens", cells)
    arguments = ["tokens", "--language", "en"]
    assert notebooks.main(arguments, root) == 0
    assert notebooks.check(root, ["tokens"], ["en"]) == []
    nb = house.read_notebook(path)
    assert [cell.get("execution_count") for cell in nb.cells] == [None, 1, 2, 3]
    assert nb.cells[1].outputs == [printed("4 0 1 []\nset()\n")]
    assert nb.cells[2].outputs[0].data == {"text/plain": "2"}
    assert "book/en/tokens.ipynb" in capsys.readouterr().err  # the progress bar

    stored = path.read_bytes()
    assert notebooks.main(["--format", *arguments], root) == 0
    assert path.read_bytes() == stored

    missing = 'text = ""\nassert not text\nprint("set LESSONS_LIB_TEXTS to a folder")'
    save(root, "en", "tokens", [code("text", missing, tags=["real-text"])])
    stored = path.read_bytes()
    assert notebooks.main(arguments, root) == 1
    assert "[text]: not stored, because a real text is missing" in capsys.readouterr().err
    assert path.read_bytes() == stored

    save(root, "en", "tokens", [code("fine", "x = 1"), code("fails", "y = x / 0")])
    stored = path.read_bytes()
    assert notebooks.main(arguments, root) == 1
    error = capsys.readouterr().err
    assert "book/en/tokens.ipynb [fails] failed" in error
    assert "y = x / 0" in error
    assert "ZeroDivisionError" in error
    assert path.read_bytes() == stored
    assert sorted(os.listdir(path.parent)) == ["intro.md", "ngrams.ipynb", "tokens.ipynb"]


# ---------------------------------------------------------------- translations


def test_translations_stale_then_stamped(root, capsys):
    edit(root, "book/en/tokens.ipynb:opening", "in this chapter", "in this long chapter")
    assert translations.check(root) == [
        "book/es/tokens.ipynb [opening]: stale; read it again, then --stamp tokens:opening"
    ]
    assert translations.main([], root) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["tokens", "6", "5", "1", "0", "0"]
    assert translations.main(["--stamp", "tokens:opening"], root) == 0
    assert translations.check(root) == []
    assert all_findings(root) == []
    assert translations.stamp(root, "tokens") == 0


@pytest.mark.parametrize("target", ["nothing", "tokens:nothing", "tokens:double"])
def test_translations_stamp_of_nothing(root, target):
    with pytest.raises(ValueError, match="expected a"):
        translations.stamp(root, target)
    with pytest.raises(SystemExit):
        translations.main(["--stamp", target], root)


def test_translations_cells(root):
    change(root, "book/es/tokens.ipynb", lambda cells: cells.pop(4))
    change(root, "book/es/tokens.ipynb", lambda cells: cells.append(markdown("more", "Más.")))
    change(root, "book/es/tokens.ipynb", lambda cells: cells.insert(2, cells.pop(3)))
    findings = translations.check(root)
    assert len(findings) == 3
    assert_found(findings, "[first-print]: missing in Spanish")
    assert_found(findings, "[more]: surplus")
    assert_found(findings, "book/es/tokens.ipynb: the cells stand in another order")


def test_translations_missing_notebooks(root):
    (root / "book/es/tokens.ipynb").unlink()
    (root / "book/en/ngrams.ipynb").unlink()
    assert translations.check(root) == [
        "book/es/tokens.ipynb: does not exist",
        "book/en/ngrams.ipynb: does not exist",
    ]


@pytest.mark.parametrize(
    ("cell", "old", "new", "finding"),
    [
        ("first-print", "n = 2", "n = 3", "code differs from English"),
        ("first-print", ":.2f", ":.3f", "code differs from English"),
        ("first-print", "double(n)", "double(2)", "code differs from English"),
        ("picture", "%matplotlib inline", "%matplotlib widget", "code differs from English"),
        ("double", "# twice", "# el doble", "a build cell that differs from the English one"),
        ("double", "# lessons_lib.tokens :: LIMIT", "# LIMIT", "a build cell that differs"),
        ("opening", "palabra", "transformador", "says transformador; say Transformer"),
        ("opening", "palabra", "Cuantificación", "says Cuantificacion; say cuantización"),
        ("opening", "capítulo", "capítulo de librerías", "says librerias; say biblioteca"),
    ],
)
def test_translations_cell_content(root, cell, old, new, finding):
    edit(root, f"book/es/tokens.ipynb:{cell}", old, new)
    assert_found(translations.check(root), f"book/es/tokens.ipynb [{cell}]: {finding}")


def test_translations_code_that_may_differ():
    same = [
        ('f("a")  # one', 'f("b")  # uno'),
        ("# only a comment", ""),
        ('"""Doc."""\nx = "a" "b"', '"""Otra."""\nx = "c"'),
        ('f"{a} of {b}"', 'f"de {b}, {a}"'),
        ('f"no value"', '"sin valor"'),
        ("%time f()\n!ls", "%time f()\n!ls"),
    ]
    different = [
        ('f("a")', 'f("a", "b")'),
        ('f"{a:>5}"', 'f"{a:>6}"'),
        ('f"{a}"', '"a"'),
        ("!ls", "!ls -l"),
        ("b'a'", "b'b'"),
        ("%%bash\nls", "%%bash\nls -l"),
        ("a b", "a c"),
    ]
    for en, es in same:
        assert translations.skeleton(en) == translations.skeleton(es), (en, es)
    for en, es in different:
        assert translations.skeleton(en) != translations.skeleton(es), (en, es)


def test_translations_untranslated(root):
    path = root / "book/es/tokens.ipynb"
    english = tokens_cells(spanish=False)
    change(root, "book/es/tokens.ipynb", lambda cells: cells[0].update(source=english[0].source))
    assert_found(translations.check(root), "[opening]: not translated")
    change(
        root, "book/es/tokens.ipynb", lambda cells: cells[5].update(metadata=english[5].metadata)
    )
    assert path.is_file()
    long = f"{ALT}, most frequent first"
    for lang in house.LANGUAGES:
        change(
            root,
            f"book/{lang}/tokens.ipynb",
            lambda cells: cells[5].metadata.mystnb.image.update(alt=long),
        )
    assert_found(translations.check(root), "[picture]: alternative text not translated")


def test_translations_tags_and_types(root):
    change(root, "book/es/tokens.ipynb", lambda cells: cells[1].metadata.update(tags=["exercise"]))
    change(root, "book/es/ngrams.ipynb", lambda cells: cells.append(markdown("own-2", "Sí.")))
    change(root, "book/en/ngrams.ipynb", lambda cells: cells.append(code("own-2", "x")))
    findings = translations.check(root)
    assert_found(findings, "[imports]: tags ['exercise'], in English []")
    assert_found(findings, "[own-2]: is of type markdown, in English code")


def test_translations_never_words_in_prose_only(root):
    text = "`librería` y [enlace](https://a.example/transformador) $cuantificado$ bibliotecas"
    assert translations.never_words(text) == []
    assert [wrong for wrong, _ in translations.never_words("Una LIBRERÍA")] == ["LIBRERIA"]
    edit(root, "book/es/intro.md", "Un trozo", "Una librería")
    assert_found(translations.check(root), "book/es/intro.md: says libreria; say biblioteca")


def test_translations_stale_page_then_stamped(root, capsys):
    edit(root, "book/en/intro.md", "One sentence", "One long sentence")
    stale = "book/es/intro.md: stale; read it again, then --stamp intro"
    assert translations.check(root) == [stale]
    assert translations.main([], root) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["intro", "1", "0", "1", "0", "0"]
    assert translations.main(["--stamp", "intro"], root) == 0
    assert translations.check(root) == []
    assert translations.stamp(root, "intro") == 0
    page = root / "book/es/intro.md"
    page.write_text(f"---\nother: ñ\n---\n{INTRO_ES}", encoding="utf-8")
    assert translations.check(root) == [stale]
    assert translations.stamp(root, "intro") == 1
    assert page.read_text(encoding="utf-8").startswith("---\nother: ñ\ntranslates: ")
    assert page.read_text(encoding="utf-8").endswith(f"\n---\n{INTRO_ES}")


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("# Intro", "## Intro", "headings, code, directives or rows"),
        ("make book/es", "make libro", "headings, code, directives or rows"),
        ("make book/es  # haz", "make book/es # haz", "headings, code, directives or rows"),
        ("{glossary}", "{note}", "headings, code, directives or rows"),
        ("| c | d |\n", "", "headings, code, directives or rows"),
        ("Un trozo", "Una cuantificación", "says cuantificacion; say cuantización"),
        (
            "Una frase de más de ocho palabras que está en la página.",
            "One sentence of more than eight words that stands in the page.",
            "not translated: One sentence of more than eight",
        ),
    ],
)
def test_translations_page_content(root, old, new, finding):
    edit(root, "book/es/intro.md", old, new)
    assert_found(translations.check(root), f"book/es/intro.md: {finding}")


def test_translations_missing_pages(root):
    (root / "book/es/intro.md").unlink()
    (root / "book/en/more.md").write_text("# More\n")
    (root / "book/es/even.md").write_text("# Aún más\n")
    assert translations.check(root) == [
        "book/es/intro.md: does not exist",
        "book/en/even.md: does not exist",
        "book/es/more.md: does not exist",
    ]
    with pytest.raises(ValueError, match="expected a page in both languages"):
        translations.stamp(root, "more")
