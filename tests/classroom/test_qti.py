"""Questions as QTI 2.1 and on paper: read back, and marked by the items' own rules."""

import io
import os
import sys
import zipfile
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from lessons_lib.classroom import printing
from lessons_lib.classroom.questions import asking, checks, drawing, source
from lessons_lib.classroom.questions.__main__ import export
from lessons_lib.classroom.questions.maths import mathml
from lessons_lib.classroom.questions.paper import asked, paper, solved
from lessons_lib.classroom.questions.qti import QTI, item
from lessons_lib.classroom.questions.qti_package import PACKAGE, package
from tests.classroom.test_questions_export import HOSTILE, hostile, read_html

BANKS = [source.load(slug) for slug in source.slugs()]
ORDER = [
    *("responseDeclaration", "outcomeDeclaration", "itemBody", "responseProcessing"),
    "modalFeedback",
]
Q, MATHS = f"{{{QTI}}}", "{http://www.w3.org/1998/Math/MathML}"


@pytest.fixture(scope="module")
def drawn():
    return asking.draw_all(BANKS, 1, "es")


def value(rule, entry, given):
    """Compute an expression of QTI: what a platform does with an answer."""
    tag, inside = rule.tag.removeprefix(Q), list(rule)
    if tag == "variable":
        return given
    if tag == "baseValue":
        return float(rule.text) if rule.get("baseType") == "float" else rule.text
    if tag == "correct":
        return [one.text for one in entry.iterfind(f".//{Q}correctResponse/{Q}value")]
    one, *other = (value(part, entry, given) for part in inside)
    if tag == "stringMatch":
        return one.lower() == other[0].lower()
    compare = {
        "match": lambda: one == other[0],
        "equal": lambda: one == other[0],
        "gte": lambda: one >= other[0],
        "lte": lambda: one <= other[0],
        "and": lambda: one and all(other),
        "or": lambda: one or any(other),
    }
    return compare[tag]()


def mark(entry, given):
    """Return the points of an answer and the feedback that it is shown."""
    points, shown = 0.0, []
    for rule in entry.find(f"{Q}responseProcessing"):
        sets = [rule]
        if rule.tag == f"{Q}responseCondition":
            sets = next((list(one)[1:] for one in rule if value(one[0], entry, given)), [])
        for one in sets:
            base = one.find(f".//{Q}baseValue")
            if one.get("identifier") == "SCORE":
                points = float(base.text)
            else:
                shown.append(base.text)
    texts = {one.get("identifier"): one for one in entry.findall(f"{Q}modalFeedback")}
    return points, [" ".join("".join(texts[name].itertext()).split()) for name in shown]


def answers(one):
    """Return what students may answer, each with whether it is right and what they read."""
    kind = one.question.kind
    if kind == "order":
        letters = dict(zip(one.order, "ABCDEF", strict=False))
        right = [letters[at] for at in sorted(letters)]
        return [(right, True, ""), (right[::-1], False, "")]
    told = [
        choice.feedback if kind == "choice" or not choice.right else "" for choice in one.choices
    ]
    if kind in ("choice", "fault"):
        given = "ABCDEFGH"[: len(one.choices)]
        return [(a, c.right, t) for a, c, t in zip(given, one.choices, told, strict=True)]
    if kind == "shape":
        return [
            (way, choice.right, text)
            for choice, text in zip(one.choices, told, strict=True)
            for way in asking.spellings(tuple(choice.value))
        ]
    return [
        (float(f"{choice.value:.{one.decimals}f}"), choice.right, text)
        for choice, text in zip(one.choices, told, strict=True)
        if choice.right or float(choice.value) == round(choice.value, one.decimals)
    ]


def test_each_item_gives_points_to_the_right_answer_and_feedback_to_each(drawn):
    marked = 0
    for one in drawn:
        entry = ElementTree.fromstring(item(one))
        tags = [child.tag.removeprefix(Q) for child in entry]
        assert tags == sorted(tags, key=ORDER.index), one.question.id
        if one.question.kind == "code":
            assert "responseProcessing" not in tags
            (rubric,) = entry.iterfind(f".//{Q}rubricBlock")
            assert rubric.get("view") == "scorer"
            assert one.question.solution in "".join(rubric.itertext())
            continue
        for given, right, told in answers(one):
            points, shown = mark(entry, given)
            assert points == right, (asking.name(one), given)
            assert len(shown) == bool(told) + (one.question.kind != "choice")
            marked += 1
    assert marked > 1000


def test_a_number_is_right_within_its_tolerance_and_not_beyond():
    question = next(one for one in BANKS[1].questions if one.id == "weight-by-hand")
    one = drawing.draw(question, 0, "en")
    entry = ElementTree.fromstring(item(one))
    near, far = one.answer + 0.99 * one.tolerance, one.answer + 1.1 * one.tolerance
    assert [mark(entry, given)[0] for given in (near, far)] == [1, 0]
    assert mark(entry, one.choices[1].value)[1][0] == one.choices[1].feedback
    assert "0.25" in item(drawing.draw(question, 0, "es"))  # a platform reads no decimal comma


@pytest.mark.parametrize("kind", ["choice", "fault", "order", "code"])
def test_hostile_texts_come_through_whole(kind):
    one = drawing.draw(hostile(kind), 0, "es")
    entry = ElementTree.fromstring(item(one))
    plain = HOSTILE.replace("`", "")
    body = entry.find(f"{Q}itemBody")
    assert plain in "".join(body.itertext())
    choices = ["".join(choice.itertext()) for choice in body.iter(f"{Q}simpleChoice")]
    if kind == "fault":
        assert "a = {'<': \"]]>\"}\n 2  b = `~#`" in "".join(body.itertext())
        assert choices[:2] == ["Línea 1: a = {'<': \"]]>\"}", "Línea 2: b = `~#`"]
    elif kind != "code":
        assert all(choice[1:] == plain for choice in choices)
    if kind == "choice":
        for given, right, _ in answers(one):
            assert mark(entry, given) == (right, [plain])
    page = asked(one, 1, "") + solved(one)
    assert plain in read_html(page).text
    assert set(read_html(page).tags) <= {
        *("div", "span", "p", "pre", "code", "ul", "li", "strong", "em"),
    }


def test_the_package_lists_its_files_and_is_the_same_each_time(drawn):
    data = package(drawn)
    assert data == package(drawn)
    archive = zipfile.ZipFile(io.BytesIO(data))
    manifest = ElementTree.fromstring(archive.read("imsmanifest.xml"))
    resources = list(manifest.iter(f"{{{PACKAGE}}}resource"))
    listed = [one.get("href") for one in resources]
    assert sorted(listed) == sorted(set(archive.namelist()) - {"imsmanifest.xml"})
    assert len({one.get("identifier") for one in resources}) == len(drawn)
    for href in listed[:5]:
        assert ElementTree.fromstring(archive.read(href)).get("identifier") == href[6:-4]


def test_formulas_become_mathml():
    def inner(formula):
        return mathml(formula).removeprefix(f'<math xmlns="{MATHS[1:-1]}">')[:-7]

    assert inner("6ND") == "<mrow><mn>6</mn><mi>N</mi><mi>D</mi></mrow>"
    assert inner("10^{{-8}}") == ("<msup><mn>10</mn><mrow><mo>−</mo><mn>8</mn></mrow></msup>")
    assert inner(r"\log_2 p") == (
        "<mrow><msub><mi>log</mi><mn>2</mn></msub><mo>\u2061</mo><mi>p</mi></mrow>"
    )
    assert inner(r"\frac{1}{\sqrt{d}}") == "<mfrac><mn>1</mn><msqrt><mi>d</mi></msqrt></mfrac>"
    assert inner(r"e \approx 2{,}72") == "<mrow><mi>e</mi><mo>≈</mo><mn>2,72</mn></mrow>"
    assert inner(r"\text{a < b} < c").startswith("<mrow><mtext>a &lt; b</mtext><mo>&lt;</mo>")
    for wrong in (r"\foo", "2^", "{2", "2}", "^"):
        with pytest.raises(ValueError, match="expected"):
            mathml(wrong)


def test_a_formula_that_no_paper_can_show_is_named():
    question = hostile("order")
    text = dict.fromkeys(("en", "es"), r"What is $\foo{x}$?")
    question = source.Question(**{**vars(question), "text": text})
    found = checks.check_question(question, {"weights"})
    assert [one for one in found if r"\foo" in one]


@pytest.mark.parametrize("key", [False, True])
def test_paper_has_every_question_and_no_raw_formula(drawn, key):
    text = paper(drawn, "es", key)
    page = read_html(text)
    assert "script" not in page.tags
    assert "$" not in page.text
    assert r"\(" not in page.text
    assert text.count('<div class="question">') == len(drawn)
    assert text.count('<div class="key">') == (len(drawn) if key else 0)
    assert "math" in page.tags
    assert "http" not in text.replace(MATHS[1:-1], "")


def test_what_is_expected_on_paper_is_what_was_drawn(drawn):
    for one in drawn:
        said, kind = asking.expected(one), one.question.kind
        if kind in ("choice", "fault"):
            assert one.choices["abcdefgh".index(said)].right
        if kind == "order":
            places = [one.order["abcdefgh".index(letter)] for letter in said.split(", ")]
            assert places == list(range(1, len(places) + 1))


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """A browser that writes what it was called with, in place of a PDF."""
    fake = tmp_path / "chromium"
    fake.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "out = next(a for a in sys.argv if a.startswith('--print-to-pdf=')).split('=')[1]\n"
        "open(out, 'w').write(' '.join(sys.argv[1:]))\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(fake))
    return fake


@pytest.mark.skipif(os.name == "nt", reason="the browser of this test is a script")
def test_pdfs_are_printed_by_the_browser_that_is_there(browser, tmp_path):
    files = export("pdf", "en", ["alignment"], 1, tmp_path)
    names = [f"{what}-en.{end}" for end in ("html", "pdf") for what in ("questions", "key")]
    assert [path.name for path in files] == names
    assert files[2].read_text().endswith((tmp_path / names[0]).as_uri())
    browser.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(ValueError, match="got no PDF"):
        printing.print_pdf(files[0], tmp_path / "other.pdf")
    browser.write_bytes(b"\x7fELF no program")
    with pytest.raises(ValueError, match="to print"):
        printing.print_pdf(files[0], tmp_path / "other.pdf")


def test_without_a_browser_the_page_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(ValueError, match="expected Chromium or Chrome to print"):
        export("pdf", "es", ["alignment"], 1, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key-es.html", "questions-es.html"]


@pytest.mark.site
def test_chromium_prints_formulas_and_code(tmp_path):
    question = next(one for one in BANKS[1].questions if one.id == "weight-by-hand")
    fault = next(one for one in BANKS[1].questions if one.kind == "fault")
    drawn = [drawing.draw(one, 0, "es") for one in (question, fault)]
    (tmp_path / "key.html").write_text(paper(drawn, "es", key=True), encoding="utf-8")
    printing.print_pdf(tmp_path / "key.html", tmp_path / "key.pdf")
    (shown,) = PdfReader(tmp_path / "key.pdf").pages
    text = "".join(shown.extract_text().split())
    assert "Respuesta:0,49" in text
    assert fault.code.split("\n")[0].replace(" ", "") in text
    assert "$" not in text
