"""The exports of the question bank, read back by parsers that are not ours."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from lessons_lib.classroom.questions import asking, drawing, source
from lessons_lib.classroom.questions.__main__ import FORMATS, main
from lessons_lib.classroom.questions.gift import gift
from lessons_lib.classroom.questions.moodle import moodle
from lessons_lib.classroom.questions.sheet import sheet
from lessons_lib.classroom.questions.text import as_html, code_span, fenced, inline_html

HOSTILE = r"%a <b> & ]]> {x} = ~ # : \n \\ -> // ::t:: * _ `<i>{`s & ] 🦙 é"
BANKS = [source.load(slug) for slug in source.slugs()]


class Text(HTMLParser):
    """Collect what of HTML is text, and the tags it has."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def read_html(text):
    reader = Text()
    reader.feed(text)
    return reader


def hostile(kind):
    """Return a question whose every text has all characters that a format reads as its own."""
    both = {"en": HOSTILE, "es": HOSTILE}
    option = [
        source.Option({lang: f"{i}{HOSTILE}" for lang in both}, both, right=i == 1, line=i)
        for i in (1, 2, 3)
    ]
    return source.Question(
        *("attention", "id", kind, "apply", "weights", "scale", 1.5, both, both),
        options=tuple(option if kind == "choice" else option[1:]),
        steps=tuple({lang: f"{i}{HOSTILE}" for lang in both} for i in range(4)),
        code="a = {'<': \"]]>\"}\nb = `~#`\nc % d",
        line=1,
        fix=HOSTILE,
        solution=HOSTILE,
    )


def plain_gift(text):
    """Undo the escapes of GIFT; HTML stays."""
    return re.sub(r"\\(.)", r"\1", text)


@pytest.mark.parametrize("kind", ["choice", "fault", "order", "code"])
def test_hostile_texts_come_through_moodle_whole(kind):
    drawn = drawing.draw(hostile(kind), 0, "es")
    quiz = ElementTree.fromstring(moodle([drawn]))
    entry = quiz.findall("question")[1]
    shown = read_html(entry.findtext("questiontext/text"))
    assert HOSTILE.replace("`", "") in shown.text
    if kind == "fault":
        assert "a = {'<': \"]]>\"}\n 2  b = `~#`" in shown.text
        lines = [read_html(one.findtext("text")) for one in entry.findall("answer")]
        assert [one.text for one in lines][:2] == [
            "Línea 1: a = {'<': \"]]>\"}",
            "Línea 2: b = `~#`",
        ]
        assert [one.get("fraction") for one in entry.findall("answer")] == ["100", "0", "0"]
    if kind == "choice":
        for answer in entry.findall("answer"):
            text = read_html(answer.findtext("text")).text
            assert text[1:] == HOSTILE.replace("`", "")
            assert (text[0] == "1") == (answer.get("fraction") == "100")
            assert read_html(answer.findtext("feedback/text")).text == HOSTILE.replace("`", "")
    if kind == "order":
        pairs = {
            read_html(part.findtext("text")).text[0]: part.findtext("answer/text")
            for part in entry.findall("subquestion")
        }
        assert pairs == {"0": "1", "1": "2", "2": "3", "3": "4"}
    if kind == "code":
        assert HOSTILE in read_html(entry.findtext("graderinfo/text")).text
        assert not entry.findtext("generalfeedback/text")


@pytest.mark.parametrize("kind", ["choice", "fault", "order", "code"])
def test_hostile_texts_are_escaped_in_gift(kind):
    text = gift([drawing.draw(hostile(kind), 0, "en")])
    _, block = text.strip().split("\n\n")
    tags, *lines = block.split("\n")
    assert tags.startswith("// [tag:attention]")
    head = lines[0].removeprefix("::attention id::[html]")
    bare = re.sub(r"\\.", "", head.removesuffix("{"))
    if kind != "code":
        assert not set(bare) & set(r"~=#{}:\ ".strip()), bare
    assert HOSTILE.replace("`", "") in read_html(plain_gift(head)).text
    for line in lines[1:-1]:
        bare = re.sub(r"\\.", "", line.removeprefix("####").lstrip("=~"))
        assert not set(bare.replace("#", "", 1)) & set("~={}:"), line
        assert bare.count("#") <= 1, line
        assert bare.count(" -> ") == (kind == "order" and line.startswith("="))


def test_an_answer_that_begins_with_a_percent_sign_is_no_weight():
    lines = gift([drawing.draw(hostile("choice"), 0, "en")]).split("\n")
    assert not any(re.match("[=~]%", line) for line in lines)
    question = hostile("order")
    steps = tuple({"en": f"%50% {i}", "es": ""} for i in range(4))
    question = source.Question(**{**vars(question), "steps": steps})
    assert gift([drawing.draw(question, 0, "en")]).count(r"=&\#37;50% ") == 4


@pytest.mark.parametrize("language", source.LANGUAGES)
def test_moodle_has_every_question_with_its_answers(language):
    drawn = asking.draw_all(BANKS, 2, language)
    quiz = ElementTree.fromstring(moodle(drawn))
    entries = [one for one in quiz if one.get("type") != "category"]
    by_name = {one.findtext("name/text"): one for one in entries}
    assert len(by_name) == len(drawn)
    for one in drawn:
        entry = by_name[asking.name(one)]
        kind = one.question.kind
        assert [tag.text for tag in entry.iterfind("tags/tag/text")][3] == kind
        answers = {a.findtext("text"): a for a in entry.findall("answer")}
        right = [text for text, a in answers.items() if a.get("fraction") == "100"]
        if kind == "numeric":
            asked, within = float(right[0]), float(answers[right[0]].findtext("tolerance"))
            typed = float(f"{one.answer:.{one.decimals}f}")
            assert abs(typed - asked) <= within * 1.001 + 1e-9, asking.name(one)
            for text, answer in answers.items():
                if answer.get("fraction") == "0":
                    assert abs(float(text) - asked) > within, asking.name(one)
        if kind == "shape":
            assert str(tuple(one.answer)) in right
            assert str(list(one.answer)) in right
            assert len(answers) == len(entry.findall("answer"))
        for field in entry.iter("text"):
            assert "script" not in read_html(field.text or "").tags


@pytest.mark.parametrize("language", source.LANGUAGES)
def test_markdown_has_every_question_and_only_the_key_has_answers(language):
    drawn = asking.draw_all(BANKS, 2, language)
    parser = MarkdownIt()
    bare, key = (parser.parse(sheet(drawn, language, key)) for key in (False, True))
    for tokens in (bare, key):
        assert sum(t.type == "heading_open" and t.tag == "h3" for t in tokens) == len(drawn)
    word = f"{asking.WORDS[language]['answer']}:"
    said = [t.content for t in key if t.type == "inline" and t.content.startswith(f"**{word}**")]
    assert len(said) == sum(one.question.kind != "code" for one in drawn)
    assert not any(word in t.content for t in bare)
    items = sum(t.type == "list_item_open" for t in bare)
    fixed = sum(len(d.choices) for d in drawn if d.question.kind in ("choice", "fault"))
    assert items == fixed + sum(len(d.steps) for d in drawn)


def test_the_key_gives_the_letters_of_the_right_order():
    drawn = drawing.draw(hostile("order"), 0, "en")
    text = sheet([drawn], "en", key=True)
    letters = re.search(r"\*\*Answer:\*\* (.+)", text)[1].split(", ")
    shown = dict(re.findall(r"^- (\w)\) (\d)", text, re.M))
    assert [shown[letter] for letter in letters] == ["0", "1", "2", "3"]


def test_markdown_becomes_html():
    assert inline_html("a < `b & c`, *d*, **e**, $f_1 < g$") == (
        r"a &lt; <code>b &amp; c</code>, <em>d</em>, <strong>e</strong>, \(f_1 &lt; g\)"
    )
    assert inline_html("6 * 2 * 3, a_b_c, $5 and $6, 2*3*4") == "6 * 2 * 3, a_b_c, $5 and $6, 2*3*4"
    assert inline_html("`` a`b ``") == "<code>a`b</code>"
    assert as_html("one\n\n```python\nif a < b:\n\n    c\n```\ntwo") == (
        "<p>one</p><pre><code>if a &lt; b:\n\n    c</code></pre><p>two</p>"
    )
    for code in ("a`b``c", "`", "x"):
        assert read_html(inline_html(code_span(code))).text == code
        assert MarkdownIt().parseInline(code_span(code))[0].children[0].content == code
        assert MarkdownIt().parse(fenced(f"{code}\n```\n"))[0].content == f"{code}\n```\n\n"


def test_shapes_are_read_in_the_ways_that_students_write_them():
    assert set(asking.spellings((2, 3))) >= {"(2, 3)", "2,3", "[2, 3]", "2x3", "torch.Size([2, 3])"}
    assert set(asking.spellings((5,))) >= {"(5,)", "(5)", "5", "[5]"}
    assert asking.plain(0.1 + 0.2, 2) == "0.3"
    assert asking.plain(-2.0, 0) == "-2"
    assert asking.plain(10, 0) == "10"


def test_the_command_writes_the_same_files_each_time(tmp_path, capsys):
    for form in FORMATS[:4]:
        for folder in ("one", "two"):
            words = f"export --format {form} --language es --chapters alignment --seeds 2 --out"
            assert main([*words.split(), str(tmp_path / folder)]) == 0
    names = ["key-es.md", "questions-es.gift", "questions-es.md", "questions-es.xml"]
    names.append("questions-es.zip")
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    for name in names:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two
    assert "questions-es.xml" in capsys.readouterr().out
    with pytest.raises(ValueError, match="expected a chapter with questions"):
        main(["export", "--format", "gift", "--chapters", "cooking", "--out", str(tmp_path)])
    with pytest.raises(ValueError, match="seeds"):
        main(["export", "--format", "gift", "--seeds", "0", "--out", str(tmp_path)])
