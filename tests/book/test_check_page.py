"""*Check yourself* in a page: how answers are read, and when questions come back."""

import json
import re
import shutil
from contextlib import contextmanager
from importlib.metadata import distribution

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from bs4 import BeautifulSoup

from lessons_lib.classroom.questions.asking import spellings
from lessons_lib.classroom.questions.source import slugs
from lessons_lib.live.modules import FOLDER
from tests.book.check import bank, begin, plain
from tests.live.page import theme_style
from tools import house
from tools.book_site import check, editions

LANGUAGES = house.LANGUAGES
DAY = 86_400  # seconds
# What of the script only tests call.
INSIDE = """window.beginCheck = begin;
window.inside = {
  ASK, WORDS, answered, drawOwn, isDue, judged, numbersIn, readAnswers, shapeIn };"""
TALES = {"attention": ("choice", "numeric", "shape", "fault", "order"), "block": ("code", "choice")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages with the section and what they load: two chapters with some of their questions."""
    folder = tmp_path_factory.mktemp("check ñ")
    static = folder / "_static"
    (static / "questions").mkdir(parents=True)
    css = theme_style() + (FOLDER / "live.css").read_text("utf-8")
    css += (house.ROOT / "book/_static/book.css").read_text("utf-8")
    (static / "style.css").write_text(css, encoding="utf-8")
    shutil.copy(house.ROOT / "book/_static/book.js", static)
    packed = check.pack_check()
    assert packed.count("window.beginCheck = begin;") == 1
    packed = packed.replace("window.beginCheck = begin;", INSIDE)
    (static / "check.js").write_text(packed, encoding="utf-8")
    for file in distribution("sphinx-mathjax-offline").files or []:
        if file.name == "tex-chtml.js":
            (static / "mathjax").symlink_to(file.locate().parent)
    for language in LANGUAGES:
        words = editions()[language]["check"]
        for slug, kinds in TALES.items():
            data = {**bank(slug, language), "questions": some(slug, language)}
            assert {one["kind"] for one in data["questions"]} == set(kinds)
            name = check.script_name(slug, language)
            script = f'(globalThis.bookFiles ??= {{}})["{name}"] = {json.dumps(data)};'
            (static / f"{name}.js").write_text(script, encoding="utf-8")
            page = (
                f'<!doctype html><html lang="{language}" data-theme="light"><head>'
                '<meta charset="utf-8"><title>P</title><link rel="icon" href="data:,">'
                '<meta name="viewport" content="width=device-width">'
                '<link rel="stylesheet" href="_static/style.css">'
                '<script defer src="_static/book.js"></script></head><body><main><article '
                f'class="bd-article"><h1>P</h1>{check.place_html(slug, language, words)}'
                "</article></main></body></html>"
            )
            (folder / f"{slug}_{language}.html").write_text(page, encoding="utf-8")
    return folder


def some(slug, language):
    """One question of each of a chapter's kinds here, or five of them in all."""
    questions = bank(slug, language)["questions"]
    recall = [one for one in questions if one["kind"] == "choice" and one["level"] == "recall"]
    firsts = [next(one for one in questions if one["kind"] == kind) for kind in TALES[slug]]
    firsts = [recall[0] if one["kind"] == "choice" else one for one in firsts]
    return firsts + recall[1 : 6 - len(firsts)]


@pytest.fixture
def visit(browser, folder):
    """Open a page from its folder; it must end without an error, and ask for nothing elsewhere."""
    troubles = []

    @contextmanager
    def opened(name, start=True, before="", failing="none", **context):
        with browser.new_context(viewport={"width": 390, "height": 844}, **context) as made:
            made.add_init_script(f"Math.random = () => 0;{before}")
            page = made.new_page()
            page.set_default_timeout(15_000)
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on("console", lambda one: failing in one.text or troubles.append(one.text))
            own = (folder.as_uri(), "data:")
            page.on("request", lambda one: one.url.startswith(own) or troubles.append(one.url))
            page.goto((folder / f"{name}.html").as_uri())
            if start:
                begin(page)
            yield page

    yield opened
    assert troubles == []


def asked(page):
    """The question that is asked: its chapter and its data."""
    chapter, name = page.locator(".check-task").get_attribute("data-question").split("/")
    language = page.evaluate("document.documentElement.lang")
    return chapter, next(one for one in bank(chapter, language)["questions"] if one["id"] == name)


def answer(page, right):
    """Answer the question with the keyboard, right or wrong; return it."""
    chapter, question = asked(page)
    kind = question["kind"]
    if kind in ("choice", "fault"):
        place = wanted(question, right)
        radio = page.locator(".check-task input").nth(place)
        radio.focus()
        page.keyboard.press("Space")
    elif kind in ("numeric", "shape"):
        draw = question["draws"][0]
        page.locator(".check-task input").focus()
        page.keyboard.insert_text(draw["shown"] if right else str(draw["wrong"][0][0]))
    elif kind == "order" and right:
        order(page, question)
    page.locator(".check-act").focus()
    page.keyboard.press("Enter")
    if kind == "code":
        page.locator("fieldset.live-buttons button").nth(0 if right else 1).press("Enter")
    page.locator(".check-right" if right else ".check-wrong").or_(
        page.locator(".check-said pre")
    ).first.wait_for()
    return chapter, question


def wanted(question, right):
    """The place of the right answer, or of a wrong one that has a reason."""
    if question["kind"] == "fault":
        lines = [n for n, line in enumerate(question["code"], 1) if line.strip()]
        return lines.index(question["line"] if right else int(min(question["decoys"])))
    mixed = mix(question["options"])
    return next(i for i, (_, _, is_right) in enumerate(mixed) if is_right == right)


def mix(things):
    """As the page does where Math.random is 0."""
    things = list(things)
    for i in range(len(things) - 1, 0, -1):
        things[0], things[i] = things[i], things[0]
    return things


def order(page, question):
    """Bring the steps in order with the buttons that move them up."""
    shown = page.locator(".check-steps li > span:nth-child(2)")
    for place, step in enumerate(plain(unset(step)) for step in question["steps"]):
        now = [plain(unset(one)) for one in shown.evaluate_all("all => all.map(a => a.innerHTML)")]
        for i in range(now.index(step), place, -1):
            page.locator(".check-steps li").nth(i).locator("button").first.press("Enter")


def go_on(page):
    page.locator(".live-buttons button").last.press("Enter")


def stored(page):
    return json.loads(page.evaluate("localStorage.getItem('book-check')"))


def problems(page):
    """What axe finds, contrast in both themes."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = []
    for theme in ("dark", "light"):
        page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
        rules = {} if theme == "light" else {"runOnly": ["color-contrast"]}
        run = "(rules) => axe.run('.check', { preload: false, ...rules })"
        for one in page.evaluate(run, rules)["violations"]:
            found += [f"{theme} {one['id']}: {node['html'][:150]}" for node in one["nodes"]]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_five_questions_with_the_keyboard(visit, language):
    """Each kind, all wrong: each tells its reason; then what to read again."""
    with visit(f"attention_{language}") as page:
        names, links = [], set()
        for n in range(1, 6):
            legend = page.locator(".check-task > legend")
            assert str(n) in legend.inner_text()
            assert page.evaluate("document.activeElement.localName") == "legend"
            assert page.locator(".check-said").inner_html() == ""
            _, question = answer(page, right=False)
            names.append(question["id"])
            said = page.locator(".check-said")
            assert plain(reason(question)) in plain(unset(said.inner_html())), question["id"]
            links.add(said.locator("a").last.get_attribute("href"))
            assert language == "es" or problems(page) == [], question["id"]
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            go_on(page)
        assert len(set(names)) == 5
        assert re.search(r"\b0\b.*\b5\b", page.locator(".check-score").inner_text())
        assert page.evaluate("document.activeElement.className") == "check-score"
        hrefs = page.locator(".check-form li a").evaluate_all(
            "all => all.map(a => a.getAttribute('href'))"
        )
        assert set(hrefs) == links
        assert all(re.fullmatch(r"#section-\d+", href) for href in hrefs)
        assert language == "es" or problems(page) == []
        assert sorted(stored(page)) == sorted(f"attention/{name}" for name in names)
        assert {box for box, *_ in stored(page).values()} == {1}

        page.locator(".check-form .live-buttons button").last.press("Enter")  # delete my answers
        assert page.evaluate("localStorage.getItem('book-check')") is None


def unset(html):
    """HTML whose formulas, already set, are left out."""
    soup = BeautifulSoup(html, "html.parser")
    for formula in soup.select(".math"):
        formula.decompose()
    return str(soup)


def reason(question):
    """What a wrong answer of `answer` is told, without formulas."""
    if question["kind"] == "choice":
        return unset(mix(question["options"])[wanted(question, right=False)][1])
    if question["kind"] == "fault":
        return unset(question["decoys"][min(question["decoys"])])
    if question["kind"] == "order":
        return unset(question["why"])
    return unset(question["draws"][0]["wrong"][0][1])


def test_right_answers_move_to_the_next_box_and_others_are_drawn(visit):
    with visit("attention_en") as page:
        for _ in range(5):
            _, question = answer(page, right=True)
            assert page.locator(".check-is-wrong").count() == 0, question["id"]
            go_on(page)
        assert page.locator(".check-score").inner_text() == "5 of 5 right."
        assert {box for box, *_ in stored(page).values()} == {2}
        assert page.locator(".check-form li a").count() == 0
        page.locator(".check-form .live-buttons button").first.press("Enter")
        assert "1" in page.locator(".check-task > legend").inner_text()


def test_steps_are_dragged_too(visit):
    with visit("attention_en") as page:
        while asked(page)[1]["kind"] != "order":
            answer(page, right=True)
            go_on(page)
        rows = page.locator(".check-steps li")
        before = rows.all_inner_texts()
        rows.first.scroll_into_view_if_needed()
        handle, end = (
            one.bounding_box() for one in (page.locator(".check-handle").first, rows.nth(2))
        )
        x = handle["x"] + handle["width"] / 2
        page.mouse.move(x, handle["y"] + handle["height"] / 2)
        page.mouse.down()
        page.mouse.move(x, end["y"] + end["height"] / 2 - 5)
        page.mouse.move(x, end["y"] + end["height"] - 5)
        page.mouse.up()
        assert rows.all_inner_texts() == [*before[1:3], before[0], *before[3:]]
        assert page.locator(".check-dragged").count() == 0


def press(page, place):
    """Tap where nothing moves any more: formulas are set later, and so are their letters."""
    unset_ones = ".check-form .math:not(:has(mjx-container))"
    page.wait_for_function(f"document.querySelector('{unset_ones}') === null")
    page.evaluate("document.fonts.ready.then(() => null)")
    place.tap()


def tapped(page):
    """Answer the question rightly with a finger; the keys are only for writing a number."""
    _, question = asked(page)
    if question["kind"] in ("choice", "fault"):
        press(page, page.locator(".check-options > label").nth(wanted(question, right=True)))
    elif question["kind"] in ("numeric", "shape"):
        press(page, page.locator(".check-task input"))
        page.keyboard.insert_text(question["draws"][0]["shown"])
    else:
        press(page, page.locator(".check-text"))
        steps = [plain(unset(step)) for step in question["steps"]]
        rows = page.locator(".check-steps li")
        texts = rows.locator("span:nth-child(2)")
        for place, step in enumerate(steps):
            now = [
                plain(unset(one)) for one in texts.evaluate_all("all => all.map(a => a.innerHTML)")
            ]
            if now.index(step) > place:
                drag(page, rows.nth(now.index(step)).locator(".check-handle"), rows.nth(place))
    press(page, page.locator(".check-act"))
    page.locator(".check-right").wait_for()  # a tap becomes a click a little later
    press(page, page.locator(".live-buttons button").last)
    page.locator(".check-right").wait_for(state="detached")
    return question["kind"]


def drag(page, handle, row):
    """Move a finger from a step's handle to another's upper edge, when all stands still."""
    page.locator(".check-steps").scroll_into_view_if_needed()
    start, end = handle.bounding_box(), row.bounding_box()
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    fingers = page.context.new_cdp_session(page)
    frame = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    moves = [("Start", y), ("Move", (y + end["y"]) / 2), ("Move", end["y"] + 2), ("End", None)]
    for kind, at in moves:
        points = [] if at is None else [{"x": x, "y": at}]
        fingers.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        page.evaluate(frame)  # a finger is no faster
    fingers.detach()


def test_five_questions_with_a_finger_and_they_are_kept(visit):
    with visit("attention_es", start=False, has_touch=True, is_mobile=True) as page:
        page.locator(".check button").first.tap()
        page.locator(".check-task").wait_for()
        targets = page.locator(".check-form :is(button, label)").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().height)"
        )
        assert min(targets) >= 24
        assert sorted(tapped(page) for _ in range(5)) == sorted(TALES["attention"])
        assert page.locator(".check-score").inner_text() == "Aciertos: 5 de 5."
        before = stored(page)
        page.reload()
        assert stored(page) == before
        page.locator(".check button").first.tap()
        page.locator(".check-task").wait_for()
        for _ in range(5):
            tapped(page)
        assert "Has respondido 5 de las 5 preguntas" in page.locator(".check-form").inner_text()


def test_what_cannot_be_read_is_no_answer_yet(visit):
    with visit("attention_en") as page:
        while asked(page)[1]["kind"] != "numeric":
            answer(page, right=True)
            go_on(page)
        act = page.locator(".check-act")
        assert act.get_attribute("aria-disabled") == "true"
        page.locator(".check-task input").fill("about two")
        page.keyboard.press("Enter")
        assert "cannot be read" in page.locator(".check-said").inner_text()
        _, question = asked(page)
        page.locator(".check-task input").fill(question["draws"][0]["shown"])
        page.keyboard.press("Enter")
        assert page.locator(".check-right").is_visible()


def kept(entries):
    return f"localStorage.setItem('book-check', '{json.dumps(entries)}')"


def test_recall_questions_of_earlier_chapters_come_back_when_they_are_due(visit):
    day = 20_000
    recall = some("attention", "es")[0]["id"]
    name = f"attention/{recall}"
    other = "attention/no-longer-there"
    with visit("block_es", start=False, timezone_id="UTC") as page:
        page.clock.set_fixed_time(day * DAY)
        page.evaluate(kept({name: [2, day - 2, 1], other: [1, 5, 1], "gpt/later": [1, 5, 1]}))
        begin(page)
        for _ in range(5):  # two days after the right answer: not yet
            assert answer(page, right=True)[0] == "block"
            go_on(page)
        page.clock.set_fixed_time((day + 1) * DAY)
        page.reload()
        begin(page)
        assert answer(page, right=True)[0] == "block"
        go_on(page)
        assert "de un capítulo anterior" in page.locator("legend").inner_text()
        assert answer(page, right=False)[0] == "attention"
        assert (
            page.locator(".check-said a")
            .get_attribute("href")
            .startswith("attention.html#section-")
        )
        assert stored(page)[name] == [1, day + 1, 1]
        go_on(page)
        while page.locator(".check-score").count() == 0:
            assert answer(page, right=True)[0] == "block"
            go_on(page)
        assert f"block/{some('block', 'es')[0]['id']}" in stored(page), "code, judged by the reader"


HOSTILE = ["{", "null", "[]", '"x"', '{"attention/a": 3}', '{"__proto__": [1, 1, 1]}', "[[1]]"]
WRONG = {"<b>/x": [1, 1, 1], "a/b": [9, 1, 1], "a/c": ["1", 1], "a/d": [1, None], "a/e": [1.5, 1]}


def test_what_is_not_the_books_in_the_storage_is_ignored(visit):
    with visit("attention_en") as page:
        read = "(text) => [...inside.readAnswers(text)].map(([name]) => name)"
        for text in [*HOSTILE, json.dumps(WRONG)]:
            assert page.evaluate(read, text) == [], text
        good = {**WRONG, "gpt/x-1": [3, 20000, 0]}
        assert page.evaluate(read, json.dumps(good)) == ["gpt/x-1"]
        page.evaluate("localStorage.setItem('book-check', '{')")
        page.reload()
        begin(page)
        answer(page, right=True)
        assert len(stored(page)) == 1


NO_STORAGE = """Object.defineProperty(window, "localStorage",
  { get() { throw new DOMException("denied", "SecurityError"); } });"""
SHIM = """Object.defineProperty(window, "localStorage",
  { value: { getItem: () => null, setItem() {}, removeItem() {} } });"""


@pytest.mark.parametrize("before", [NO_STORAGE, SHIM])
def test_without_storage_answers_last_as_long_as_the_page(visit, before):
    with visit("attention_en", before=before, failing="MathJax localStorage") as page:
        for _ in range(5):
            answer(page, right=True)
            go_on(page)
        assert "You have answered 5 of the 5 questions" in page.locator(".check-form").inner_text()


def test_a_failure_is_said_and_can_be_mended(visit):
    with visit("attention_es", start=False, failing="Failed to load resource") as page:
        chapter = "(chapter) => (document.querySelector('.check').dataset.chapter = chapter)"
        page.evaluate(chapter, "missing")
        page.locator(".check button").click()
        page.get_by_text("No se han podido cargar las preguntas.").wait_for()
        page.evaluate(chapter, "attention")
        begin(page)
        assert page.locator(".check [role=status]").first.inner_text() == ""


# ---------------------------------------------------------------- parts of the script


@pytest.fixture(scope="module")
def inside(browser, folder):
    """A page whose script has been loaded."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((folder / "block_en.html").as_uri())
        begin(page)
        yield page


def test_answers_are_judged_as_the_library_computes_them(inside):
    """Right ones in every way in which they are written; wrong ones with their reason."""
    cases = []
    for language in LANGUAGES:
        for question in (one for slug in slugs() for one in bank(slug, language)["questions"]):
            for drawn in question.get("draws", ()):
                drawn = {key: drawn[key] for key in ("answer", "tolerance", "wrong", "shown")}
                drawn["wrong"] = [[value, str(value)] for value, _ in drawn["wrong"]]
                cases.append([question["kind"], drawn, ways(drawn["answer"], drawn["shown"])])
    run = """(text) => JSON.parse(text).flatMap(([kind, drawn, ways]) => [
        ...ways.filter((way) => !inside.judged(kind, drawn, way)?.right),
        ...drawn.wrong.filter(([value, reason]) => {
            const result = inside.judged(kind, drawn, String(value));
            return result.right || result.reason !== reason;
        })])"""
    assert inside.evaluate(run, json.dumps(cases)) == []
    assert len(cases) > 1400
    other = {True: [1, 2, 3, 4, 5], False: 0.123}
    for kind, drawn, _ in cases[:100]:
        drawn["answer"] = other[kind == "shape"]
    odd = inside.evaluate(run, json.dumps(cases[:100]))
    assert len(odd) > 100, "another answer is not the right one"


def ways(value, shown):
    """How a right answer may be written."""
    if isinstance(value, list):
        return [f" {shown} ", *spellings(tuple(value))]
    other = shown.translate(str.maketrans(".,", ",."))
    return [f" {shown} ", other, repr(value), f"{shown} bytes", shown.replace("\u00a0", " ")]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.5", [1.5]),
        ("1,5", [1.5]),
        (" 12 345,5 ", [12345.5]),
        ("12\u00a0345", [12345]),
        ("1,234", [1.234, 1234]),
        ("1.234.567", [1234567]),
        ("1,234.5", [1234.5]),
        ("1.234,5", [1234.5]),
        ("−3", [-3]),
        (".5", [0.5]),
        ("2e3", [2000]),
        ("12 %", [12]),
        ("1,2,3", []),
        ("1.2.3,4", []),
        ("", []),
        ("two", []),
        ("2 or 3", []),
        ("1e999", []),
    ],
)
def test_numbers_are_read_in_both_languages_ways(inside, text, numbers):
    assert sorted(inside.evaluate("(text) => inside.numbersIn(text)", text)) == numbers


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("(2, 3)", [2, 3]),
        ("2 3", [2, 3]),
        ("[2;3]", [2, 3]),
        ("(5,)", [5]),
        ("torch.Size([2, 3, 4])", [2, 3, 4]),
        ("2×3", [2, 3]),
        ("(2, -3)", None),
        ("(2, T)", None),
        ("", None),
    ],
)
def test_shapes_are_read_in_every_way(inside, text, shape):
    assert inside.evaluate("(text) => inside.shapeIn(text)", text) == shape


def test_five_of_a_chapter_are_different_and_the_due_come_first(inside):
    questions = [
        {key: one[key] for key in ("id", "kind", "level", "objective")}
        for one in bank("attention", "en")["questions"]
    ]
    due = {f"attention/{one['id']}": [1, 90, 0] for one in questions[:4]}
    fresh = {f"attention/{one['id']}": [3, 99, 0] for one in questions[4:10]}
    run = """([questions, kept]) => {
        let state = 1;
        const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
        const answers = inside.readAnswers(JSON.stringify(kept));
        return Array.from({ length: 200 }, () =>
            inside.drawOwn("attention", questions, 5, answers, 100, random));
    }"""
    drawn = inside.evaluate(run, [questions, {**due, **fresh}])
    for five in drawn:
        names = [one["id"] for one in five]
        assert len(set(names)) == 5
        assert sum(f"attention/{name}" in due for name in names) == 2
        assert not any(f"attention/{name}" in fresh for name in names)
        assert len({one["objective"] for one in five}) >= 3
    drawn = inside.evaluate(run, [questions, {}])
    assert {one["id"] for five in drawn for one in five} == {one["id"] for one in questions}
    all_seen = {f"attention/{one['id']}": [3, 90 + i % 10, 0] for i, one in enumerate(questions)}
    (five, *_) = inside.evaluate(run, [questions, all_seen])
    assert len({one["id"] for one in five}) == 5, "none is due or new: those answered longest ago"
    assert len(inside.evaluate(run, [questions[:3], {}])[0]) == 3


def test_boxes_are_due_after_their_days(inside):
    days = [1, 3, 7, 21, 60]
    run = "([box, day, now]) => inside.isDue({ box, day }, now)"
    for box, wait in enumerate(days, 1):
        assert not inside.evaluate(run, [box, 100, 100 + wait - 1])
        assert inside.evaluate(run, [box, 100, 100 + wait])
    assert inside.evaluate(run, [5, 100, 99]), "the clock was wrong"
    after = "([before, right, now]) => inside.answered(before, right, now, true)"
    box = None
    for expected in (2, 3, 4, 5, 5):
        now = box["day"] + 60 if box else 0
        box = inside.evaluate(after, [box, True, now])
        assert box == {"box": expected, "day": now, "recall": True}
    assert inside.evaluate(after, [box, True, box["day"] + 1]) == box, "not due: nothing moves"
    assert inside.evaluate(after, [box, False, 7])["box"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_question_can_be_asked(inside, language):
    """As the script renders and answers it, no mark of the source is seen."""
    run = r"""([text, say]) => {
        const odd = [];
        const [half, mark] = [() => 0.5, /[`$]|\\\(|\{\w+\}|undefined|\[object/];
        for (const question of JSON.parse(text)) {
            const task = inside.ASK[question.kind](question, inside.WORDS[say], () => {}, half);
            const place = document.createElement("div");
            place.innerHTML = task.text ?? question.text;
            place.append(...task.parts);
            place.querySelector("input[type=radio]")?.click();
            const input = place.querySelector("input[type=text]");
            if (input) input.value = question.draws[0].shown;
            place.append(...task.judge().said);
            for (const one of place.querySelectorAll("code, .math")) one.remove();
            const text = place.textContent;
            if (mark.test(place.textContent)) odd.push([question.id, place.textContent]);
        }
        return odd;
    }"""
    questions = [one for slug in slugs() for one in bank(slug, language)["questions"]]
    assert inside.evaluate(run, [json.dumps(questions), language]) == []
    assert len(questions) >= 19 * 30


def test_every_formula_can_be_set(inside):
    formulas = set()
    for language in LANGUAGES:
        for slug in slugs():
            text = json.dumps(bank(slug, language), ensure_ascii=False)
            formulas |= set(re.findall(r'notranslate nohighlight[\\]">(.*?)</span>', text))
    formulas = sorted(json.loads(f'"{one}"') for one in formulas)
    run = r"""async (formulas) => {
        const one = document.createElement("p");
        one.innerHTML = '<span class="math">\\(x\\)</span>';
        document.querySelector("article").append(one);
        await window.setFormulas(one);
        const set = (text) => MathJax.tex2mml(text.replaceAll("&lt;", "<").replaceAll("&gt;", ">")
            .replaceAll("&amp;", "&").slice(2, -2));
        return [one.querySelectorAll("mjx-container").length,
            formulas.filter((text) => set(text).includes("merror"))];
    }"""
    assert inside.evaluate(run, formulas) == [1, []]
    assert len(formulas) > 50
