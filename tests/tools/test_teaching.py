"""The page on teaching says what the notebooks say, in both languages; defects are planted here."""

import subprocess
import sys

import nbformat.v4 as v4
import pytest

from tests.classroom.test_practice import EXERCISES
from tools import house, notebooks, teaching

TOC = "format: jb-book\nroot: book/en/intro\nchapters:\n  - file: book/en/tokens\n"
PHRASES = """
[also]
intro = { en = "Python", es = "Python en español" }
[trains.tokens]
double = { en = "Doubling", es = "Doblar" }
[paths]
"2 weeks" = [
    { class = ["intro"], home = [] },
    { en = "Project", es = "Proyecto", class_minutes = 30, home_minutes = 60 },
]
"1 week" = [{ class = ["intro"], home = ["tokens"] }]
"""
TIME = {
    "en": "**Time**: about {} minutes to read and type, {} for the exercises",
    "es": "**Tiempo**: unos {} minutos para leer y escribir, y {} para los ejercicios",
}
PROSE = {
    "en": [
        (
            "# Start: a book\n\n**You need** a little Python. "
            + TIME["en"].format(60, 0)
            + "; fast.",
            "",
        ),
        (
            "# Tokens\n\n**You need** [the start](intro.ipynb). "
            + TIME["en"].format(120, 20)
            + ".",
            "## Exercises\n\n**1. Twice!** Write `double(x)`.",
        ),
    ],
    "es": [
        (
            "# Inicio: un libro\n\n**Necesitas** un poco de Python. "
            + TIME["es"].format(60, 0)
            + ".",
            "",
        ),
        (
            "# Tokens\n\n**Necesitas** [el inicio](intro.ipynb). "
            + TIME["es"].format(120, 20)
            + ".",
            "## Ejercicios\n\n**1. ¿El doble?** Escribe `double(x)`.",
        ),
    ],
}
PLACES = "".join(
    f"<!-- table: {name} -->\n<!-- end of table -->\n\n"
    for name in ("chapters", "sizes", "path of 2 weeks", "path of 1 week", "exercises")
)


@pytest.fixture
def root(tmp_path):
    """A small book in two languages whose page on teaching is up to date."""
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "tools").mkdir()
    (tmp_path / teaching.PHRASES).write_text(PHRASES, encoding="utf-8")
    (tmp_path / teaching.SECONDS).write_text('{"seconds": {"intro": 2.0, "tokens": 66.0}}')
    for language, texts in PROSE.items():
        folder = tmp_path / "book" / language
        folder.mkdir(parents=True)
        for slug, (head, exercise) in zip(("intro", "tokens"), texts, strict=True):
            cells = [v4.new_markdown_cell(head), v4.new_code_cell("x = 1\n\ny = 2")]
            if exercise:
                task = v4.new_code_cell("def double(x):\n    return x", metadata={})
                task.metadata["tags"] = ["exercise"]
                solved = v4.new_code_cell("def double(x):\n    return 2 * x")
                solved.metadata["tags"] = ["hide-cell"]
                cells += [v4.new_markdown_cell(exercise), task, solved]
            house.write_notebook(folder / f"{slug}.ipynb", v4.new_notebook(cells=cells))
        page = f"# Page\n\n{PLACES}The end.\n"
        (folder / "teaching.md").write_text(page, encoding="utf-8")
        page = "# Course\n\n<!-- table: workload -->\n<!-- end of table -->\n"
        (folder / "course.md").write_text(page, encoding="utf-8")
    refresh(tmp_path)
    return tmp_path


def refresh(root):
    for language in ("en", "es"):
        for path, text in teaching.pages(root, language).items():
            path.write_text(text, encoding="utf-8")


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_book_is_up_to_date():
    findings = teaching.check(house.ROOT)
    assert not findings, "\n" + "\n".join(findings)


def test_every_check_belongs_to_an_exercise():
    asked = {
        f"{slug}.{task.function}"
        for slug, chapter in teaching.read_book(house.ROOT, "en").items()
        for task in chapter.exercises
    }
    assert asked == {f"{n.partition('.')[0]}.{check.name}" for n, check in EXERCISES.items()}


def test_what_a_chapter_says_is_read(root):
    chapter = teaching.read_chapter(root / "book" / "es" / "tokens.ipynb")
    assert chapter == teaching.Chapter(
        slug="tokens",
        name="Tokens",
        minutes=120,
        exercise_minutes=20,
        words=21,
        code_lines=4,
        needs=("intro",),
        exercises=(teaching.Task(1, "¿El doble?", "double"),),
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One two, three.", 3),
        ("A [link](https://example.org/a/b/c) and `code_name`", 4),
        ("It costs $x + y$ or 12 more", 4),
        ("```\nnot this\n```\n<details><summary>Yes</summary>", 1),
        ("$$\na\n$$ año, don't, self-attention", 3),
        ("", 0),
    ],
)
def test_words_are_counted(text, count):
    assert teaching.count_words(text) == count


def test_the_tables_of_a_small_book(root):
    english, spanish = (teaching.tables(root, language) for language in ("en", "es"))
    assert english["chapters"] == (
        "| Chapter | Minutes | Exer\xadcises | Needs |\n"
        "|---|---:|---:|---|\n"
        "| [Start](intro.ipynb) | 60 | 0 | Python |\n"
        "| [Tokens](tokens.ipynb) | 120 | 20 | [Start](intro.ipynb) |\n"
        "| **All** | 180 | 20 |  |"
    )
    assert english["sizes"].splitlines()[2:] == [
        "| [Start](intro.ipynb) | 19 | 2 | 0 | 5 |",
        "| [Tokens](tokens.ipynb) | 20 | 4 | 1 | 65 |",
        "| **All** | 39 | 6 | 1 | 70 |",
    ]
    assert spanish["path of 1 week"] == (  # home: 120 minutes, 20 for the exercise, and no time
        "| Se\xadmana | En clase | A solas | Clase | Casa |\n"  # to read 13 words again
        "|---|---|---|---:|---:|\n"
        "| 1 | [Inicio](intro.ipynb) | [Tokens](tokens.ipynb) | 1:00 | 2:20 |\n"
        "| **Total** |  |  | 1:00 | 2:20 |"
    )
    assert english["path of 2 weeks"] == (
        "| Week | In class | Class | Home |\n"
        "|---|---|---:|---:|\n"
        "| 1 | [Start](intro.ipynb) | 1:00 | 0:00 |\n"
        "| 2 | Project | 0:30 | 1:00 |\n"
        "| **All** |  | 1:30 | 1:00 |\n\n"
        "Left out: Tokens."
    )
    assert english["workload"].splitlines()[2:] == [  # 150 and 200 minutes
        "| 2 | 1:30 | 1:00 | 2:30 | 0.1 – 0.1 |",
        "| 1 | 1:00 | 2:20 | 3:20 | 0.1 – 0.1 |",
    ]
    assert teaching._credits(75 * 60, "es") == "2,5 – 3,0"
    assert spanish["exercises"].splitlines() == [
        "### Tokens",
        "",
        "| Ejercicio | Qué entrena |",
        "|---|---|",
        "| 1. ¿El doble?<br>`double` | Doblar |",
    ]
    assert teaching._number(12345, "en") == "12,345"
    assert teaching._number(12345, "es") == "12\N{NO-BREAK SPACE}345"
    assert teaching._number(1234, "es") == "1234"


def test_a_table_that_is_up_to_date_stays(root):
    assert teaching.check(root) == []
    before = (root / "book" / "en" / "teaching.md").read_text(encoding="utf-8")
    refresh(root)
    assert (root / "book" / "en" / "teaching.md").read_text(encoding="utf-8") == before
    assert before.endswith("<!-- end of table -->\n\nThe end.\n")


def notebook(slug, old, new, languages=("en", "es")):
    def plant(root):
        for language in languages:
            replace(root / "book" / language / f"{slug}.ipynb", old, new)

    return plant


def stored(file, old, new):
    return lambda root: replace(root / file, old, new)


DEFECTS = {
    "book/en/teaching.md: stale": [
        notebook("intro", "60 minut", "50 minut"),
        notebook("tokens", "y = 2", "y = 3\\nz = 4"),
        stored("book/en/teaching.md", "| 120 |", "| 90 |"),
        stored(teaching.SECONDS, "66.0", "71.0"),
        stored(teaching.PHRASES, "Doubling", "Twice as much"),
        stored(teaching.PHRASES, "class_minutes = 30", "class_minutes = 40"),
    ],
    "book/en/course.md: stale": [stored("book/en/course.md", "| 2:30 |", "| 2:31 |")],
    "book/es/teaching.md: stale": [
        notebook("tokens", "El doble", "Dos veces", ["es"]),
        notebook("intro", "un poco de", "un poco más de", ["es"]),
    ],
    "expected places": [
        stored("book/en/teaching.md", "table: chapters -->", "table: chapter -->"),
        stored(teaching.PHRASES, '"1 week" =', '"one week" ='),
    ],
    "book/es/tokens: minutes 180, in English 120": [
        notebook("tokens", "unos 120", "unos 180", ["es"])
    ],
    "book/es/tokens: exercise_minutes 30, in English 20": [
        notebook("tokens", "y 20 para", "y 30 para", ["es"])
    ],
    "book/es/tokens: needs (), in English ('intro',)": [
        notebook("tokens", "(intro.ipynb)", "(inicio.md)", ["es"])
    ],
    "no phrase for tokens.twice": [notebook("tokens", "def double", "def twice")],
    "tokens.double is no exercise": [notebook("tokens", "def double", "def twice")],
    "double must be said in en and es": [stored(teaching.PHRASES, ', es = "Doblar"', "")],
    "intro must be said in en and es": [stored(teaching.PHRASES, 'en = "Python"', 'en = ""')],
    "clip is no chapter": [
        stored(teaching.PHRASES, "[also]", '[also]\nclip = {en = "x", es = "y"}'),
        stored(teaching.SECONDS, '"tokens"', '"clip": 1.0, "tokens"'),
        stored(teaching.PHRASES, '["tokens"]', '["clip"]'),
    ],
    "nothing for tokens": [stored(teaching.SECONDS, ', "tokens": 66.0', "")],
    "path of 1 week: week 1: tokens needs intro": [
        stored(teaching.PHRASES, '["intro"], home = ["tokens"]', '["tokens"]')
    ],
    "path of 2 weeks: intro comes twice": [
        stored(teaching.PHRASES, 'home = []', 'home = ["intro"]')
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("finding", "plant"), [(text, plant) for text, plants in DEFECTS.items() for plant in plants]
)
def test_defects_are_found(finding, plant, root):
    plant(root)
    findings = teaching.check(root)
    assert any(finding in found for found in findings), findings


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("# Tokens", "Tokens", "got no title"),
        ("**Time**", "**Duration**", "got no time"),
        ("**You need**", "**Needed**:", "got no needs"),
        ("**1. Twice!**", "Twice!", "expected a cell after '**1. Title.**'"),
        ("def double", "def _ (): pass\\ndef double", ""),
    ],
)
def test_a_chapter_that_says_too_little_is_refused(old, new, says, root):
    path = root / "book" / "en" / "tokens.ipynb"
    replace(path, old, new)
    if not says:
        assert teaching.read_chapter(path).exercises[0].function == "double"
        return
    with pytest.raises(ValueError, match=r"tokens\.ipynb") as refused:
        teaching.read_chapter(path)
    assert says in str(refused.value)


def test_the_command(root, monkeypatch, capsys):
    monkeypatch.setattr(house, "ROOT", root)
    replace(root / "book" / "es" / "teaching.md", "| 120 |", "| 9 |")
    assert teaching.main(["--check"]) == 1
    assert "book/es/teaching.md: stale" in capsys.readouterr().out
    assert teaching.main([]) == 0
    assert teaching.main(["--check"]) == 0
    replace(root / teaching.SECONDS, '"tokens"', '"words"')
    assert teaching.main([]) == 1
    assert "nothing for tokens" in capsys.readouterr().out


def test_a_run_is_measured(root, monkeypatch):
    def run(nb, at, name):
        assert at == root
        assert "real-text" not in str(nb.cells)
        ranges = {"intro": 10**7, "tokens": 1}
        subprocess.run([sys.executable, "-Sc", f"sum(range({ranges[name]}))"], check=True)

    monkeypatch.setattr(notebooks, "run", run)
    tagged = '"metadata": {"tags": ["real-text"]}'
    replace(root / "book" / "en" / "intro.ipynb", '"metadata": {}', tagged)
    seconds = teaching.measure(root)
    assert list(seconds) == ["intro", "tokens"]
    assert seconds["intro"] > seconds["tokens"] >= 0
