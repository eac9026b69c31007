"""The front page: the model's stored writing, the chapters, the reader's language and place."""

import io
import json
import re

import pytest
import yaml
from PIL import Image

from tests.live.page import violations
from tools import house, teaching, traces
from tools.book_site import editions, front
from tools.book_site.share import share_picture

LANGUAGES = ("en", "es")
PHONE = {"width": 390, "height": 844}
TOC = yaml.safe_load((house.ROOT / "_toc.yml").read_text(encoding="utf-8"))


@pytest.fixture
def visit(browser, site):
    """A function that opens the front page from its folder in a new context."""
    contexts, problems = [], []

    def open_page(address="index.html", **context):
        contexts.append(browser.new_context(**({"viewport": PHONE} | context)))
        page = contexts[-1].new_page()
        page.on("console", lambda m: m.type == "error" and problems.append(m.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{site.as_uri()}/{address}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


# --- What the model wrote --------------------------------------------------------------------


def test_the_stored_traces_are_what_the_model_writes():
    assert traces.check() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_trace_ends_a_story_and_answers_it(language):
    told = front.trace(language)
    pieces, given, answer = told["pieces"], told["given"], told["answer"]
    text = "".join(pieces)
    assert text.startswith(traces.GIVEN[language])
    assert "".join(pieces[:given]) == traces.GIVEN[language]
    assert traces.WHO[language].startswith(pieces[answer].strip())
    assert "".join(pieces[answer:]).strip().startswith(traces.WHO[language])
    assert len(told["steps"]) == len(pieces) - given > 30
    for at, step in enumerate(told["steps"], given):
        assert step["guesses"][0][0] == pieces[at]
        assert all(0 <= place < at - 1 and 0.2 <= weight <= 1 for place, weight in step["arcs"])
        assert sum(p for _, p in step["guesses"]) <= 1.02
    assert len(traces.path(language).read_bytes()) < 8000


def test_traces_that_differ_are_reported(tmp_path, monkeypatch):
    told = {language: front.trace(language) for language in LANGUAGES}
    monkeypatch.setattr(traces, "trace", told.__getitem__)
    monkeypatch.setattr(traces, "FOLDER", tmp_path)
    assert traces.main(["--check"]) == 1
    assert traces.main([]) == 0
    assert traces.main(["--check"]) == 0
    text = traces.path("es").read_text(encoding="utf-8")
    traces.path("es").write_text(text.replace('"answer":', '"answer":1'), encoding="utf-8")
    assert traces.check() == ["trace_es.json: not what the model writes; run tools.traces"]


def test_only_rounding_may_differ():
    assert traces.alike({"a": [0.5, "x", 1]}, {"a": [0.51, "x", 1]})
    assert not traces.alike({"a": [0.5]}, {"a": [0.52]})
    assert not traces.alike({"a": [0.5]}, {"a": [0.5, 0.5]})
    assert not traces.alike({"a": 1}, {"b": 1})
    assert not traces.alike(["x"], ["y"])


def test_the_picture_for_links_is_small():
    told = front.trace("en")
    data = share_picture("A title", "What you will have built, in a sentence. " * 3, told)
    picture = Image.open(io.BytesIO(data))
    assert picture.size == (1200, 630)
    assert len(data) < 80_000
    colours = {colour for _, colour in picture.convert("RGB").getcolors()}
    assert len(colours) > 10, "something is drawn"


# --- The cards -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_chapter_has_a_card_with_question_time_and_drawing(language):
    edition = editions()[language]
    from tools.site import edition_toc

    parts = front.parts(edition_toc(TOC, edition), language)
    cards = [card for part in parts for card in part["cards"]]
    slugs = [path.stem for path in house.notebooks(house.ROOT, languages=[language])]
    assert [card["slug"] for card in cards] == slugs
    assert [card["number"] for card in cards] == [None, *range(1, len(slugs))]
    for card in cards:
        chapter = teaching.read_chapter(house.ROOT / f"book/{language}/{card['slug']}.ipynb")
        assert card["minutes"] == chapter.minutes + chapter.exercise_minutes
        assert card["seconds"] > 0, card["slug"]
        assert card["question"].endswith("?"), card["slug"]
        assert len(card["question"]) < 200
        assert card["drawing"] == front.DRAWINGS[card["slug"]]
    assert parts[0]["caption"] == edition_toc(TOC, edition)["parts"][0]["caption"]


def test_a_page_without_time_or_question_still_has_a_card(tmp_path, monkeypatch):
    file = tmp_path / "book" / "en" / "new.ipynb"
    file.parent.mkdir(parents=True)
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A `title`"}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    file.write_text(json.dumps(notebook), encoding="utf-8")
    monkeypatch.setattr(front, "ROOT", tmp_path)
    card = front.card("en", "new", 3)
    assert card["title"] == "A title"
    assert (card["question"], card["minutes"], card["seconds"]) == ("", None, None)
    assert card["drawing"] == front.DRAWINGS["other"]
    assert front.card("en", "missing", None) is None


# --- The page in the browser -----------------------------------------------------------------


@pytest.mark.site
@pytest.mark.parametrize(
    ("locale", "shown"), [("es-MX", "es"), ("en-GB", "en"), ("fr-FR", "en"), ("es-ES", "es")]
)
def test_the_page_speaks_the_browsers_language_and_offers_both(visit, locale, shown):
    page = visit(locale=locale)
    assert page.locator(".edition:visible").count() == 1
    assert page.locator(f"#{shown}").is_visible()
    assert page.evaluate("document.documentElement.lang") == shown
    assert page.title() == editions()[shown]["title"]
    assert page.locator("header nav a:visible").all_inner_texts() == ["English", "Español"]
    other = {"en": "es", "es": "en"}[shown]
    page.locator(f'a[hreflang="{other}"]:visible').click()
    page.locator(f"#{other} h1").wait_for()
    assert not page.locator(f"#{shown}").is_visible()
    page.goto(page.url.partition("#")[0])
    page.reload()
    assert page.locator(f"#{other}").is_visible(), "the choice is remembered"


@pytest.mark.site
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_model_writes_again_what_it_wrote(visit, language):
    told = front.trace(language)
    page = visit(f"index.html#{language}", reduced_motion="reduce")
    figure = page.locator(f"#{language} .replay")
    whole = "".join(told["pieces"])
    shown = f"() => [...document.querySelectorAll('#{language} .story span:not(.ahead)')]"
    text = f"({shown})().map((one) => one.textContent).join('')"
    assert page.evaluate(text) == whole, "reduced motion begins at the end"
    page.wait_for_timeout(700)
    assert page.evaluate(text) == whole, "and stays there"
    arcs = figure.locator(".arcs path")
    steps, given = told["steps"], told["given"]
    assert arcs.count() == len(steps[told["answer"] - given]["arcs"])
    one = figure.locator("button.one")
    for at in range(given, given + 3):
        one.click()
        assert page.evaluate(text) == "".join(told["pieces"][:at])
        assert arcs.count() == len(steps[at - given]["arcs"])
        guesses = figure.locator(".guesses code").all_inner_texts()
        expected = [name.replace(" ", "·", 1) for name, _ in steps[at - given]["guesses"]]
        assert [one.strip() for one in guesses] == expected
    play = figure.locator("button.play")
    play.click()
    words = editions()[language]["front"]
    assert play.inner_text() == words["pause"]
    page.wait_for_function(f"({text}).length > {len(''.join(told['pieces'][: given + 4]))}")
    play.click()
    assert play.inner_text() == words["play"]
    stopped = page.evaluate(text)
    page.wait_for_timeout(500)
    assert page.evaluate(text) == stopped


@pytest.mark.site
def test_the_replay_begins_by_itself_where_motion_is_welcome(visit):
    page = visit(reduced_motion="no-preference")
    page.wait_for_function("document.querySelectorAll('#en .story .ahead').length > 0")
    height = "document.querySelector('#en .replay').getBoundingClientRect().height"
    before = page.evaluate(height)
    page.wait_for_timeout(700)
    assert page.evaluate(height) == before, "nothing jumps"


@pytest.mark.site
def test_without_scripts_both_languages_and_the_whole_story_are_there(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("h1:visible").all_inner_texts() == [
        edition["title"] for edition in editions().values()
    ]
    for language in LANGUAGES:
        story = page.locator(f"#{language} .story")
        assert story.inner_text().strip() == "".join(front.trace(language)["pieces"]).strip()
        assert not page.locator(f"#{language} .keys").is_visible()
        assert not page.locator(f"#{language} .continue").is_visible()


@pytest.mark.site
@pytest.mark.parametrize("language", LANGUAGES)
def test_two_taps_lead_to_the_model(visit, language):
    page = visit(f"index.html#{language}", reduced_motion="reduce")
    ask = page.locator(f"#{language} a.door.second")
    box = ask.bounding_box()
    assert box["y"] + box["height"] < PHONE["height"], "on the first screen of a phone"
    ask.click()
    page.wait_for_url(f"**/{language}/intro.html#look-inside")
    figure = page.locator("figure.live-figure[data-live=look_inside]")
    figure.locator(".live-root").wait_for()
    asking = {"en": "Who has it?", "es": "¿Quién lo tiene?"}[language]
    figure.get_by_role("button", name=asking, exact=True).click()
    answer = {"en": "The model answers: .*That is right", "es": "El modelo responde: .*Es correcto"}
    figure.get_by_text(re.compile(answer[language])).wait_for(timeout=60_000)


@pytest.mark.site
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_model_itself_comes_to_the_front_page(visit, scheme):
    """In place of the replay, in both languages one after the other; one tap, and it answers."""
    page = visit("index.html#en", reduced_motion="reduce", color_scheme=scheme)
    answers = {"en": "The model answers: .*That is right", "es": "El modelo responde: .*correcto"}
    for language, answer in answers.items():
        page.goto(page.url.partition("#")[0] + f"#{language}")
        edition = page.locator(f"#{language}")
        edition.locator("button.live").click()
        edition.get_by_text(re.compile(answer)).wait_for(timeout=60_000)
        assert edition.locator(".live-root").count() == 1
        assert edition.locator(".replay").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        assert violations(page) == []


@pytest.mark.site
def test_without_its_files_the_front_page_says_so(browser, site):
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    page = context.new_page()
    page.route("**/front_es.js", lambda route: route.abort())
    page.goto(f"{site.as_uri()}/index.html#es")
    page.locator("#es button.live").click()
    page.get_by_text(editions()["es"]["front"]["failed"]).wait_for()
    assert page.locator("#es .replay").is_visible()
    context.close()


@pytest.mark.site
def test_the_page_knows_where_the_reader_was(visit):
    page = visit()
    assert not page.locator(".continue:visible").count()
    root = page.url
    page.goto(root.replace("index.html", "es/attention.html"))
    page.evaluate("() => window.formulas")
    page.evaluate("document.getElementById('varias-cabezas').scrollIntoView()")
    there = "JSON.parse(localStorage.getItem('book-read'))?.pages?.attention > 0.3"
    page.wait_for_function(there)
    read = page.evaluate("JSON.parse(localStorage.getItem('book-read'))")
    assert read["last"]["page"] == "attention"
    assert 0.3 < read["pages"]["attention"] < 1
    # The book was last read in Spanish. Another process may show the next page, and what was kept a
    # moment ago may reach it late.
    for _ in range(50):
        page.goto(root)
        if page.locator("#es").is_visible():
            break
        page.wait_for_timeout(200)
    assert page.locator("#es").is_visible()
    link = page.locator("#es .continue a")
    assert "Atención" in link.inner_text()
    mark = page.locator('#es [data-slug="attention"] .read')
    assert re.fullmatch(r"\d+\s?% leído", mark.inner_text())
    assert page.locator("#es .read:visible").count() == 1
    link.click()
    page.wait_for_url(f"**/es/attention.html#{read['last']['section']}")
    page.wait_for_function("scrollY > 1000")


@pytest.mark.site
@pytest.mark.parametrize("stored", ["{", "null", '{"last":{"page":"../x\\"]"},"pages":3}', "[]"])
def test_what_is_not_the_books_in_the_storage_does_no_harm(visit, stored):
    page = visit()
    page.evaluate("(text) => localStorage.setItem('book-read', text)", stored)
    page.reload()
    assert page.locator("#en h1").is_visible()
    assert page.locator("#en .guesses li").count() > 0
    page.goto(page.url.replace("index.html", "en/tokens.html"))
    page.evaluate("scrollTo(0, 2000)")
    page.wait_for_timeout(600)


@pytest.mark.site
def test_without_storage_the_pages_work(browser, site):
    with browser.new_context(viewport=PHONE) as context:
        context.add_init_script(
            "Object.defineProperty(window, 'localStorage',"
            " { get() { throw new DOMException('denied', 'SecurityError'); } })"
        )
        page, problems = context.new_page(), []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((site / "index.html").as_uri())
        page.locator('a[hreflang="es"]:visible').click()
        page.locator("#es h1").wait_for()
        page.goto((site / "es/attention.html").as_uri())
        page.evaluate("() => window.formulas")
        page.evaluate("scrollTo(0, 2000)")
        page.wait_for_timeout(600)
        page.click(".theme-switch-button")
        assert page.evaluate("document.documentElement.dataset.theme") in ("light", "dark")
        assert problems == []


@pytest.mark.site
def test_links_to_the_book_carry_its_picture(site):
    base = "https://owner.github.io/name/"
    for name, picture in {
        "index.html": "en",
        "en/attention.html": "en",
        "es/attention.html": "es",
    }.items():
        html = (site / name).read_text(encoding="utf-8")
        tags = dict(
            re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)"', html)
        )
        assert tags["og:image"] == f"{base}_static/share_{picture}.png"
        assert (site / f"_static/share_{picture}.png").is_file()
        assert tags["twitter:card"] == "summary_large_image"
        assert tags["og:title"]
        assert len(tags["og:description"]) > 30
        assert tags["og:url"].startswith(base)
        assert tags["og:image:alt"] == editions()[picture]["front"]["share"].replace('"', "&#34;")


@pytest.mark.site
def test_a_lost_address_finds_a_page_that_works_anywhere(site):
    html = (site / "404.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', html)
    assert all(link.startswith(("https://owner.github.io/name/", "data:")) for link in links)
    for language in LANGUAGES:
        assert editions()[language]["front"]["lost"] in html


@pytest.mark.site
def test_the_books_title_leads_to_the_front_page(site):
    for language in LANGUAGES:
        html = (site / language / "tokens.html").read_text(encoding="utf-8")
        assert f'<a class="navbar-brand logo" href="../index.html#{language}">' in html
