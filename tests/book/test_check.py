"""*Check yourself*: the questions' data, and the section in the built pages."""

import json
import re

import pytest
from bs4 import BeautifulSoup

from lessons_lib.classroom.questions.drawing import draw
from lessons_lib.classroom.questions.source import load, slugs
from tests.book.check import bank, begin, plain
from tools import house
from tools.book_site import check, editions

LANGUAGES = house.LANGUAGES


def texts(thing) -> list[str]:
    """All texts in a question's data, but for those that are code or names."""
    if isinstance(thing, dict):
        own = ("id", "kind", "level", "objective", "code", "fix")
        return [text for key, one in thing.items() if key not in own for text in texts(one)]
    if isinstance(thing, list):
        return [text for one in thing for text in texts(one)]
    return [thing] if isinstance(thing, str) else []


# ---------------------------------------------------------------- the data


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("slug", slugs())
def test_every_question_is_html_without_marks_of_its_source(slug, language):
    data, source = bank(slug, language), load(slug).questions
    assert [one["id"] for one in data["questions"]] == [one.id for one in source]
    for question in data["questions"]:
        assert str(question["at"]) in data["sections"]
        for text in texts(question):
            bare = re.sub(
                r'<code>.*?</code>|<span class="math[^>]*>.*?</span>', "", text, flags=re.S
            )
            assert not re.search(r"[`$]|\\\(|\{\w+\}|\*\*", bare), (question["id"], text)
            assert "{answer}" not in text, question["id"]
    assert all(title for title in data["sections"].values())


def test_each_kind_has_what_is_asked_and_its_reasons():
    kinds = {}
    for question in bank("attention", "en")["questions"]:
        kinds.setdefault(question["kind"], question)
    choice, numeric, shape = kinds["choice"], kinds["numeric"], kinds["shape"]
    assert [right for *_, right in choice["options"]].count(1) == 1
    assert all(reason.startswith("<p>") for _, reason, _ in choice["options"])
    assert len(numeric["draws"]) > 1
    assert all(len(one["wrong"]) >= 1 for one in numeric["draws"])
    assert "(2, 3)" in shape["draws"][0]["text"]
    fault = kinds["fault"]
    assert fault["fix"] != fault["code"][fault["line"] - 1]
    assert len(fault["decoys"]) >= 2
    assert len(kinds["order"]["steps"]) >= 4
    assert "<pre><code>" in kinds["code"]["why"]


def test_a_chapters_sections_are_counted_as_in_its_page():
    def cell(name, source):
        return house.nbformat.v4.new_markdown_cell(source, id=name)

    cells = [
        cell("title", "# A\n\ntext"),
        cell("two", "## B `c`\n\n```\n# no heading\n```\n\n### D ###"),
        house.nbformat.v4.new_code_cell("# no heading", id="code"),
        cell("next", "## Next\n\ntext"),
        cell("after", "text"),
    ]
    titles, at = check.section_titles(house.nbformat.v4.new_notebook(cells=cells))
    assert titles == ["A", "B `c`", "D", "", "Next"]
    assert at == {"title": 0, "two": 1, "code": 2, "next": 4, "after": 4}


def test_without_scripts_three_questions_stand_there_with_their_answers():
    for language in LANGUAGES:
        words = editions()[language]["check"]
        for slug in slugs():
            html = check.place_html(slug, language, words)
            place = BeautifulSoup(html, "html.parser").div
            assert len(place.select("noscript > ol")) == len(place.select("details")) == 3
            assert "\\(" not in html
            assert place["data-chapter"] == slug
    assert (
        check.place_html("ngrams", "en", words)
        .split('data-earlier="')[1]
        .startswith("intro tokens")
    )
    assert 'data-earlier=""' in check.place_html("intro", "en", words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_after_how_many_days_questions_come_back(language):
    days = re.search(r"DAYS = \[(.*)\];", check.pack_check())[1].split(", ")
    said = editions()[language]["check"]["about"]
    assert re.findall(r"\b\d+\b", said) == days


def test_the_draws_are_the_librarys():
    question = next(one for one in load("attention").questions if one.kind == "numeric")
    data = next(one for one in bank("attention", "es")["questions"] if one["id"] == question.id)
    drawn = [draw(question, seed, "es") for seed in range(check.DRAWS)]
    assert {(one.answer, one.choices[0].text) for one in drawn} == {
        (one["answer"], one["shown"]) for one in data["draws"]
    }


# ---------------------------------------------------------------- the built pages


@pytest.mark.site
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_has_the_section_and_its_links_lead_to_its_sections(site, language):
    title = editions()[language]["check"]["title"]
    heading = re.compile(
        r'<section [^>]*\bid="([^"]+)">\s*<span id="(section-\d+)"></span><h\d>(.*?)</h\d>'
    )
    for slug in slugs():
        html = (site / language / f"{slug}.html").read_text("utf-8")
        found = [(one, mark, plain(text).rstrip("#")) for one, mark, text in heading.findall(html)]
        assert found[-2][2] == title, "before the last one"
        assert html.count('<div class="check"') == 1
        assert f'<a class="reference internal nav-link" href="#{found[-2][0]}"' in html
        titles = {mark: re.sub(r"^\d+\. ", "", text) for _, mark, text in found}
        text = (site / "_static" / f"{check.script_name(slug, language)}.js").read_text("utf-8")
        data = json.loads(text.partition("] = ")[2].removesuffix(";\n"))
        quotes = str.maketrans("’“”", '\'""')  # Sphinx sets others
        for number, name in data["sections"].items():
            assert titles[f"section-{number}"].translate(quotes) == plain(name), slug
    assert 'class="check"' not in (site / language / "setup.html").read_text("utf-8")


@pytest.mark.site
def test_a_page_loads_nothing_of_it_until_it_is_asked(browser, site):
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page, asked = context.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "es/attention.html").as_uri())
        page.evaluate("() => window.formulas")
        page.locator(".check").scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        assert not any("check.js" in url or "questions" in url for url in asked)
        begin(page)
        assert [url.rpartition("_static/")[2] for url in asked[-2:]] == [
            "check.js",
            "questions/attention_es.js",
        ]
        assert all(url.startswith(site.as_uri()) for url in asked)
        assert page.locator(".check-task > legend").inner_text() == "Pregunta 1 de 5"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
