"""The lessons say what chapters, questions and checks say; defects are planted in a small book."""

import shutil

import pytest

from tools import house, lessons

PLAN = f"{lessons.FOLDER}/intro.toml"
EN, ES = "book/en/lessons_models.md", "book/es/lessons_models.md"
BOOK = ("book/en/intro.ipynb", "book/es/intro.ipynb")
HEADING = "From probabilities to text"


@pytest.fixture
def root(tmp_path):
    """A book of one chapter, whose page of lessons is up to date."""
    for name in (PLAN, *BOOK):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(house.ROOT / name, tmp_path / name)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/en/intro\n")
    for name in (EN, ES):
        text = "# Page\n\n<!-- lesson: intro -->\n<!-- end of lesson -->\n\nThe end.\n"
        (tmp_path / name).write_text(text, encoding="utf-8")
    refresh(tmp_path)
    return tmp_path


def refresh(root):
    known = {"intro": (lessons.read_plan(root, "intro"), lessons.read_room(root, "intro"))}
    for name in (EN, ES):
        text = lessons.page(root / name, known)
        (root / name).write_text(text, encoding="utf-8")


def swap(name, old, new, count=-1):
    def plant(root):
        text = (root / name).read_text(encoding="utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new, count), encoding="utf-8")

    return plant


def test_the_book_is_up_to_date():
    found = lessons.check(house.ROOT)
    assert not found, "\n" + "\n".join(found)


def test_the_small_book_is_up_to_date_and_says_what_it_should(root):
    assert lessons.check(root) == []
    english, spanish = ((root / name).read_text(encoding="utf-8") for name in (EN, ES))
    assert "- count what follows a context and turn the counts into probabilities" in english
    assert "`most_likely` *the count*, *first seen*." in english
    assert "`most_likely` *el recuento*, *el primero que aparece*." in spanish
    assert f"| {HEADING} | 10 | 15 | 25 |" in english
    assert "| De las probabilidades al texto | 10 | 15 | 25 |" in spanish
    assert "| **Together** | 45 | 90 | 180 |" in english
    assert english.endswith("<!-- end of lesson -->\n\nThe end.\n")


DEFECTS = {
    f"no heading or exercise {HEADING!r}": swap(BOOK[0], f"## {HEADING}", "## To a text"),
    "no heading or exercise 'exercise surprise'": lambda root: [
        swap(name, "def surprise(", "def wonder(")(root) for name in BOOK
    ],
    "numbers of headings": swap(BOOK[1], "## Las familias", "Las familias"),
    "es/lessons_models.md: stale; run": swap(BOOK[1], "## Las familias", "## Los parientes"),
    "en/lessons_models.md: stale; run": swap(EN, "| 10 | 15 | 25 |", "| 10 | 15 | 30 |"),
    "read again: the chapter changed": swap(BOOK[0], "## The families", "## The houses"),
    "intro.toml: read again": swap(BOOK[1], "voraz: Había una vez una", "voraz: Hubo una vez una"),
    "es: numbers in no named cell: 14": swap(BOOK[1], "el modelo: 14 de", "el modelo: 13 de"),
    "en: numbers in no named cell: 12.5": swap(PLAN, "The slider ends at 12,", "It ends at 12.5,"),
    "no cell 'look'": swap(PLAN, '"live"]', '"live", "look"]'),
    "expected sections of 90 minutes, got 91": swap(PLAN, "[10, 15, 25]", "[10, 16, 25]"),
    "count_next has no wrong answer 'no end'": swap(PLAN, '"counts the end"', '"no end"'),
    "stale Spanish": swap(PLAN, "Ties are the other half", "Ties are another half"),
    "calculus: expected a text for es": swap(
        PLAN, 'es = """El capítulo', 'es = ""\n# """El capítulo'
    ),
    "mistakes: expected ['en', 'es'], got ['en', 'es', 'help']": swap(
        PLAN, "[[mistakes]]\n", '[[mistakes]]\nhelp = "x"\n', 1
    ),
    "book/es: places and plans differ: intro": swap(ES, "lesson: intro", "lesson: intros"),
}


@pytest.mark.parametrize("finding", DEFECTS)
def test_defects_are_found(finding, root):
    DEFECTS[finding](root)
    if "read again" in finding and "chapter" in finding:  # the row is renamed in the plan too
        swap(PLAN, '"The families"', '"The houses"')(root)
    found = lessons.check(root)
    assert any(finding in one for one in found), found


def test_stamps_are_renewed_once_a_plan_is_right(root, monkeypatch, capsys):
    monkeypatch.setattr(house, "ROOT", root)
    swap(BOOK[0], "the model: 18 of", "the model: 19 of")(root)
    assert lessons.main(["--stamp"]) == 1
    assert "en: numbers in no named cell: 18" in capsys.readouterr().out
    swap(PLAN, "It answers 18 of 100", "It answers 19 of 100")(root)
    assert lessons.main(["--check"]) == 1
    assert lessons.main(["--stamp", "intro"]) == 0
    assert lessons.main([]) == 0
    assert lessons.main(["--check"]) == 0
    assert "It answers 19 of 100" in (root / EN).read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="expected a chapter with a plan"):
        lessons.main(["--stamp", "tokens"])


def test_what_a_processor_decides_is_held_by_its_numbers_alone(root, monkeypatch):
    monkeypatch.setattr(house, "ROOT", root)
    for name in BOOK:
        nb = house.read_notebook(root / name)
        [cell] = [cell for cell in nb.cells if cell.id == "answers"]
        cell.metadata["tags"] = ["nbval-ignore-output"]
        house.write_notebook(root / name, nb)
    assert lessons.main(["--stamp"]) == 0
    swap(BOOK[0], "the model: 18 of 100 answers are", "the model: 18 of 100 are")(root)
    assert lessons.check(root) == []
    swap(BOOK[0], "the model: 18 of", "the model: 17 of")(root)
    assert "en: numbers in no named cell: 18" in lessons.check(root)[0]


def test_a_chapter_without_questions_has_objectives_in_its_plan(root, monkeypatch):
    monkeypatch.setattr(lessons.source, "slugs", list)
    assert "neither objectives nor a question bank" in lessons.check(root)[0]
    swap(PLAN, "[[mistakes]]", '[[objectives]]\nen = "count"\nes = "contar"\n\n[[mistakes]]', 1)(
        root
    )
    monkeypatch.setattr(house, "ROOT", root)
    assert lessons.main(["--stamp"]) == lessons.main([]) == lessons.main(["--check"]) == 0
    page = (root / ES).read_text(encoding="utf-8")
    assert "\n\n- contar\n\n**Qué sale mal" in page


def test_numbers_are_read_in_both_languages():
    english = "From 1,234.5 to 3/4, [2, 48] and `x9`; 0.86."
    assert lessons.numbers(english, "en") == ["1234.5", "3", "4", "2", "48", "0.86"]
    spanish = "De 12\N{NO-BREAK SPACE}345 a 0,86 y 1234,5."
    assert lessons.numbers(spanish, "es") == ["12345", "0.86", "1234.5"]
