"""The pages of plain Markdown: pairs of terms, messages of the set-up, age of today's models."""

import datetime
import re
import unicodedata

import pytest

from tools import book_site, house
from tools.book_site import keep_options_whole
from tools.law import stale

ROOT = house.ROOT
ENTRY = re.compile(
    r"^(?P<term>\S.*)\n  (?P<text>\S.*) \(\[(?P<title>[^\]]+)\]\((?P<slug>\w+)\.ipynb\); "
    r"\*(?P<other>en|es):\* (?P<counterpart>.+)\)$",
    re.M,
)


def page(language: str, slug: str) -> str:
    return (ROOT / "book" / language / f"{slug}.md").read_text(encoding="utf-8")


def entries(language: str) -> list[re.Match]:
    (glossary,) = re.findall(r"```\{glossary\}\n(.*?)```", page(language, "glossary"), re.S)
    found = list(ENTRY.finditer(glossary))
    assert len(found) == len(re.findall(r"^\S", glossary, re.M)), "an entry of another form"
    return found


def plain(term: str) -> str:
    letters = unicodedata.normalize("NFD", term.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def prose(language: str, slug: str) -> str:
    cells = house.read_notebook(ROOT / "book" / language / f"{slug}.ipynb").cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.sub("[*_`]", "", plain(text))


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_the_map_of_the_book_names_all_chapters(language):
    """Each once, in the order of the table of contents, with its question."""
    cells = house.read_notebook(ROOT / "book" / language / "intro.ipynb").cells
    (text,) = [cell.source for cell in cells if cell.id == "scale"]
    rows = re.findall(r"^\| \[[^\]]+\]\((\w+)\.ipynb\) \| (.+\?) \| .+ \|$", text, re.M)
    slugs = [path.stem for path in house.notebooks(ROOT, languages=(language,))]
    assert [slug for slug, _ in rows] == slugs[1:]


def test_every_entry_has_its_counterpart():
    english, spanish = ({e["term"]: e for e in entries(lang)} for lang in house.LANGUAGES)
    assert len(english) == len(spanish) > 120
    for language, terms, others in (("es", english, spanish), ("en", spanish, english)):
        for term, entry in terms.items():
            assert entry["other"] == language, term
            assert others[entry["counterpart"]]["counterpart"] == term
            assert others[entry["counterpart"]]["slug"] == entry["slug"], term


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_entries_are_sorted_and_their_letters_lead_to_them(language):
    terms = [entry["term"] for entry in entries(language)]
    assert terms == sorted(terms, key=plain)
    first = {}
    for term in terms:
        first.setdefault(plain(term)[0].upper(), term)
    letters = re.findall(r"\{term\}`(\w) <(.+?)>`", page(language, "glossary"))
    assert letters == list(first.items())


@pytest.mark.parametrize("language", house.LANGUAGES)
def test_entries_lead_to_a_chapter_that_uses_the_term(language):
    texts = {slug: prose(language, slug) for slug in {e["slug"] for e in entries(language)}}
    for entry in entries(language):
        # A word without its ending: chapters say "blocks" and "quantized" too.
        stem = plain(entry["term"]).split()[0][:5]
        assert stem in texts[entry["slug"]], entry["term"]
        assert plain(entry["title"])[:4] in texts[entry["slug"]], entry["title"]


MESSAGES = [  # of the project's own: where they are written, and what stands in the page
    ("Makefile", "en es", "expected Python 3.11 to 3.14, got"),
    ("tools/site.py", "en es", "There is no site yet: build it with make book."),
    ("tools/site.py", "en es", "The book was not built."),
    ("tools/browser.py", "en es", "No Chromium found: install Chromium or Chrome, or name one in"),
    ("tools/browser.py", "en es", "does not start: name another in CHROMIUM."),
    ("tools/publish.py", "en", "The address of the book's library is missing: "),
    ("tools/publish.py", "es", "Falta la dirección de la biblioteca del libro: "),
    ("tools/translations.py", "en es", "stale; read it again, then --stamp"),
    (
        "lessons_lib/corpus/texts.py",
        "en es",
        "is not on this computer and could not be fetched from",
    ),
    ("lessons_lib/corpus/texts.py", "en es", "is not the text"),
    ("lessons_lib/classroom/practice/__init__.py", "en", "Not yet: expected a function, got"),
    ("lessons_lib/classroom/practice/__init__.py", "en", "Not yet: for"),
    (
        "lessons_lib/classroom/practice/__init__.py",
        "es",
        "Todavía no: se esperaba una función y se recibió",
    ),
    ("lessons_lib/classroom/practice/__init__.py", "es", "Todavía no: para"),
    ("book/en/gpt.ipynb", "en", "GPT-2 cannot be fetched here. The untrained model speaks in its"),
    ("book/es/gpt.ipynb", "es", "Aquí no se puede descargar GPT-2. En su lugar habla el modelo"),
    ("book/en/gguf.ipynb", "en", "No llama.cpp here: install it with pip install xllamacpp and"),
    ("book/es/gguf.ipynb", "es", "No hay llama.cpp: instálalo con pip install xllamacpp y repite"),
]


@pytest.mark.parametrize(("source", "languages", "message"), MESSAGES)
def test_the_set_up_quotes_messages_as_they_are(source, languages, message):
    text = (ROOT / source).read_text(encoding="utf-8").replace("`", "")
    assert message in text
    for language in languages.split():
        assert message in page(language, "setup")


def test_the_set_up_names_the_locked_torch():
    (version,) = re.findall(r"^torch==(\S+)", (ROOT / "requirements.txt").read_text(), re.M)
    for language in house.LANGUAGES:
        assert f"install torch=={version} --index-url" in page(language, "setup")


def checked(language: str) -> datetime.date:
    """The day on which the page of today's models was checked."""
    words = {"en": "Checked on", "es": "Comprobado el"}[language]
    (day,) = re.findall(rf"^{words} (\S+)\.", page(language, "today"), re.M)
    return datetime.date.fromisoformat(day)


def test_todays_models_were_checked_within_nine_months():
    english, spanish = map(checked, house.LANGUAGES)
    assert english == spanish
    assert english <= datetime.date.today()
    assert not stale(english, datetime.date.today()), (
        "check each line of book/*/today.md anew, then change its date"
    )


def test_todays_models_are_the_same_in_both_languages():
    links = re.compile(r"\]\((https://\S+?)\)")
    english, spanish = (links.findall(page(language, "today")) for language in house.LANGUAGES)
    assert english == spanish
    assert len(english) > 15


def test_options_of_commands_are_kept_whole():
    printed = (
        '<div class="highlight-console notranslate"><div class="highlight"><pre>{}</pre></div>'
    )
    for before, after in (
        ("run --every 3", 'run <span class="whole">--every</span> 3'),
        ("run \\\n--no-load", 'run \\\n<span class="whole">--no-load</span>'),
        ("run a--b --- -x", "run a--b --- -x"),
        (f"run --{'long' * 9}", f"run --{'long' * 9}"),
    ):
        assert keep_options_whole(printed.format(before)) == printed.format(after)
    python = '<div class="highlight-ipython3 notranslate"><div class="highlight"><pre>a --b</pre>'
    assert keep_options_whole(python) == python


def test_a_change_of_what_makes_the_pages_is_a_change_of_settings(tmp_path, monkeypatch):
    """Sphinx reads pages anew when a setting has changed, and else keeps those it has."""
    own, words = tmp_path / "own", tmp_path / "book" / "en"
    own.mkdir()
    words.mkdir(parents=True)
    monkeypatch.setattr(book_site, "HERE", own)
    monkeypatch.setattr(book_site, "ROOT", tmp_path)
    seen = [book_site.made_by()]
    for path in (own / "a.py", words / "_edition.yml", own / "a.py"):
        path.write_text(f"{len(seen)}", encoding="utf-8")
        seen.append(book_site.made_by())
        assert book_site.made_by() == seen[-1]
    assert len(set(seen)) == 4
