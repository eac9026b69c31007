"""The small web: the same everywhere, and true to what its records say."""

import re
from itertools import pairwise

import pytest

from lessons_lib.corpus.stories import parse
from lessons_lib.corpus.web import LANGUAGES, SAMPLES, TALES, count_kinds, exam_stories, make_web
from lessons_lib.corpus.web.words import AROUND, CONTACTS, DAYS, SENTENCES, THINGS
from lessons_lib.responsibility import is_dni, is_iban

WEB = make_web(600)


def test_the_same_seed_makes_the_same_pages_and_a_larger_web_begins_with_a_smaller():
    assert make_web(40).pages == WEB.pages[:40]
    assert make_web(40, seed=2).pages != WEB.pages[:40]
    assert len({page.url for page in WEB.pages}) == 600


def test_there_is_some_of_everything():
    assert all(n > 20 for n in count_kinds(WEB.pages).values())
    assert {page.language for page in WEB.pages} == {*LANGUAGES, ""}
    for name in ("copy_of", "personal", "leaked", "changed"):
        assert sum(bool(getattr(page, name)) for page in WEB.pages) > 15, name
    assert len({page.url.split("/")[2] for page in WEB.pages}) == 4


def test_copies_repeat_their_original():
    for page in WEB.pages:
        if page.copy_of is None:
            assert not page.changed
            continue
        origin = WEB.pages[page.copy_of]
        assert origin.copy_of is None
        assert (origin.kind, origin.language) == (page.kind, page.language)
        assert page.changed or page.text == origin.text


def test_originals_tell_different_stories():
    told = [
        line
        for page in WEB.pages
        if page.kind == "story" and page.copy_of is None
        for line in page.text.split("\n")[1:3]
    ]
    assert len(set(told)) == len(told)
    for line in told[:20]:
        assert parse(line + "\n", world=TALES).text.strip() == line


def test_what_leaked_and_what_did_not():
    exam = {story.text.strip() for stories in WEB.exam.values() for story in stories}
    for page in WEB.pages:
        if not page.changed:
            assert page.leaked == any(line in exam for line in page.text.split("\n"))
    assert WEB.exam["es"] == exam_stories("es")


def test_personal_data_stand_in_the_text_and_are_well_formed():
    for page in WEB.pages:
        for one in page.personal:
            assert one in page.text
            if re.fullmatch(r"\d{8}[A-Z]", one):
                assert is_dni(one)
            if one.startswith("ES"):
                assert is_iban(one)


def test_bodies_can_be_read_in_one_of_two_encodings():
    old = 0
    for page in WEB.pages:
        try:
            page.body.decode("utf-8")
        except UnicodeDecodeError:
            page.body.decode("cp1252")
            old += 1
    assert old > 10


def test_words_are_as_many_in_each_language():
    for table in (SAMPLES, SENTENCES, DAYS, THINGS, AROUND, CONTACTS):
        assert set(table) == set(LANGUAGES)
        if table is not SAMPLES:
            assert len({len(words) for words in table.values()}) == 1
    sizes = [len(text) for text in SAMPLES.values()]
    assert max(sizes) < 1.2 * min(sizes)


def test_nothing_of_the_samples_stands_in_the_sentences():
    for language in LANGUAGES:
        words = SAMPLES[language].split()
        runs = {" ".join(words[i : i + 5]) for i in range(len(words))}
        for sentence in SENTENCES[language]:
            said = sentence.split()
            assert not any(" ".join(said[i : i + 5]) in runs for i in range(len(said) - 4))
    assert all(a != b for a, b in pairwise(SAMPLES.values()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "n_pages"), ((5, 0), "seed"), ((1.5,), "n_pages"), ((5, "x"), "seed")],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_web(*arguments)
    with pytest.raises(ValueError, match="en"):
        exam_stories("fr")
