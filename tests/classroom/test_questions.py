"""The question bank: its sources, what is drawn from them, and the stamps that hold them."""

import copy
import importlib
import inspect
import re
import tomllib

import pytest

from lessons_lib.classroom.questions import checks, drawing, source, text
from tools import house, questions

SEEDS = 50
SLUGS = source.slugs()
BANKS = {slug: source.load(slug) for slug in SLUGS}


@pytest.fixture
def data():
    text = (source.FOLDER / "alignment.toml").read_text(encoding="utf-8")
    return copy.deepcopy(tomllib.loads(text))


def first(data, kind):
    return next(one for one in data["questions"] if one["kind"] == kind)


def test_all_questions_fit_their_chapters_and_their_stamps():
    assert questions.check(house.ROOT) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_drawn_numbers_equal_a_second_computation(slug):
    second = importlib.import_module(f"tests.classroom.second.{slug}")
    assert not re.search(r"^\s*(from|import) lessons_lib", inspect.getsource(second), re.M)
    for question in BANKS[slug].questions:
        if question.kind not in ("numeric", "shape"):
            continue
        compute = getattr(second, question.id.replace("-", "_"))
        for seed in range(SEEDS):
            values = drawing.numbers(question, seed)
            answer = values.pop("answer")
            here = f"{slug} [{question.id}] seed {seed}: {values}"
            if question.kind == "shape":
                assert tuple(answer) == tuple(compute(values)), here
            elif isinstance(answer, int):
                assert answer == compute(values), here
            else:
                near = 0.02 * 10.0 ** -values.get("decimals", 2)  # of 0.5 that are forgiven
                near = max(near, 1e-6 * abs(answer))
                assert answer == pytest.approx(compute(values), rel=0, abs=near), here


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("language", source.LANGUAGES)
def test_all_questions_can_be_drawn(slug, language):
    for question in BANKS[slug].questions:
        drawn = drawing.draw(question, 3, language)
        assert drawn == drawing.draw(question, 3, language)
        if question.kind in ("numeric", "shape"):
            assert not drawing.placeholders(drawn.text + drawn.why), question.id
        if question.kind not in ("order", "code"):
            assert [choice.right for choice in drawn.choices].count(True) == 1
            assert all(choice.feedback for choice in drawn.choices), question.id


@pytest.mark.parametrize("slug", SLUGS)
def test_solutions_of_code_questions_pass_their_tests(slug):
    for question in BANKS[slug].questions:
        if question.kind == "code":
            room = {}
            exec(question.solution + "\n" + question.test, room)


@pytest.mark.parametrize("slug", SLUGS)
def test_distractors_that_name_a_wrong_answer_name_one_that_exists(slug):
    answers = importlib.import_module(f"tests.wrong_answers.{slug}").WRONG
    known = {name for named in answers.values() for name in named}
    used = {option.wrong for one in BANKS[slug].questions for option in one.options}
    assert used <= known | {""}


def test_both_languages_and_orders_belong_to_the_seed(data):
    bank = source.read("alignment", data)
    choice = next(one for one in bank.questions if one.kind == "choice")
    english, spanish = (drawing.draw(choice, 5, lang) for lang in source.LANGUAGES)
    assert [o.right for o in english.choices] == [o.right for o in spanish.choices]
    orders = {tuple(o.text for o in drawing.draw(choice, s, "en").choices) for s in range(20)}
    assert len(orders) > 3
    order = next(one for one in bank.questions if one.kind == "order")
    for seed in range(20):
        drawn = drawing.draw(order, seed, "es")
        pairs = sorted(zip(drawn.order, drawn.steps, strict=True))
        assert [step for _, step in pairs] == [step["es"] for step in order.steps]
        assert list(drawn.order) != sorted(drawn.order)


def test_numbers_are_written_as_the_language_and_code_ask():
    text = "{a} and `f({a}, {b})` and ${a}$: {b}, {c}, {shape}"
    values = {"a": 0.5, "b": 12345, "c": -1234, "shape": [0.5, 1]}
    english, spanish = (drawing.fill(text, values, lang) for lang in source.LANGUAGES)
    assert english == "0.5 and `f(0.5, 12345)` and $0.5$: 12,345, -1234, [0.5, 1]"
    assert spanish == "0,5 and `f(0.5, 12345)` and $0.5$: 12\u00a0345, -1234, [0.5, 1]"
    assert drawing.written(2.0, "es", 2) == "2,00"
    assert drawing.fill(r"$\frac{x}{y}$", {}, "en") == r"$\frac{x}{y}$"


def test_wrong_numbers_that_equal_the_answer_are_left_out(data, monkeypatch):
    bank = source.read("alignment", data)
    question = next(one for one in bank.questions if one.id == "chance-of-a")
    drawn = {"a": 1, "b": 1, "answer": 0.5, "decimals": 2}
    drawn["wrong"] = [[0.504, "near", "cerca"], [0.9, "far", "lejos"], [0.9, "again", "otra"]]
    monkeypatch.setattr(drawing, "numbers", lambda question, seed: drawn)
    choices = drawing.draw(question, 0, "es").choices
    assert [(o.text, o.right) for o in choices] == [("0,50", True), ("0,90", False)]
    assert choices[1].feedback == "lejos"
    drawn = {"a": 1, "b": 1, "answer": 7, "wrong": [[3.5, "half", "mitad"], [4.0, "odd", "raro"]]}
    assert [o.text for o in drawing.draw(question, 0, "es").choices] == ["7", "3,5", "4"]
    drawn["wrong"] = [[(1, 2), "a shape", "una forma"], [1, "one"]]
    monkeypatch.setattr(checks, "numbers", lambda question, seed: drawn)
    found = checks.check_question(question, {question.objective})
    assert len(found) == 2
    assert all("no value with two reasons" in one for one in found)


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("choice", lambda q: q["options"][0].update(right=True), "expected one right option"),
        ("choice", lambda q: q.update(options=q["options"][:2]), "3 to 5 options"),
        ("choice", lambda q: q["options"][1].update(en=q["options"][0]["en"]), "different options"),
        ("choice", lambda q: q["options"][0].update(es=["a", ""]), "a text and a reason"),
        ("choice", lambda q: q.update(cell="nowhere"), "unknown cell 'nowhere'"),
        ("choice", lambda q: q.update(objective="none"), "unknown objective 'none'"),
        ("choice", lambda q: q.update(level="hard"), "expected a level of"),
        ("choice", lambda q: q.update(minutes=0.3), "whole or half minutes"),
        ("choice", lambda q: q.update(en=""), "a text in each language"),
        ("choice", lambda q: q.update(en="a\x07"), "no control characters"),
        ("numeric", lambda q: q.update(id="no-such"), "expected a function no_such"),
        ("numeric", lambda q: q.update(en="{nothing}"), "no draw gives nothing of the text in en"),
        ("numeric", lambda q: q.update(es_why="{odd}"), "no draw gives odd of the why in es"),
        ("numeric", lambda q: q.update(es="How much?"), "the same numbers in both"),
        ("numeric", lambda q: q.update(kind="shape"), "an answer of another kind"),
        ("fault", lambda q: q.update(line=13), "expected lines from 1 to"),
        ("fault", lambda q: q["decoys"][0].update(line=q["line"]), "each line to be named once"),
        ("fault", lambda q: q.update(decoys=q["decoys"][:1]), "2 to 3 decoys"),
        ("fault", lambda q: q.update(fix="    ("), "the mended code is not Python"),
        ("fault", lambda q: q.update(code=q["code"] + "\nx\n" * 9), "at most 12 lines"),
        ("order", lambda q: q.update(steps=q["steps"][:3]), "4 to 6 steps"),
        ("order", lambda q: q["steps"][0].update(q["steps"][1]), "different steps in en"),
        ("code", lambda q: q.update(test="assert ("), "the test is not Python"),
    ],
)
def test_a_faulty_question_is_named(data, kind, change, said):
    question = first(data, kind)
    change(question)
    cells = questions.cells(house.ROOT, "alignment")
    found = checks.check(source.read("alignment", data), cells)
    assert any(one.startswith(f"alignment [{question['id']}]: ") and said in one for one in found)


def test_paragraphs_flow_and_blocks_of_code_do_not(data):
    block = "```python\na\n- b\n\nc\n```"
    data["questions"][0]["en"] = f"one\n- two\n\n3. three\n\n{block}\n\nfour\nfive\n"
    text = source.read("alignment", data).questions[0].text["en"]
    assert text == f"one - two\n\n3. three\n\n{block}\n\nfour five"


def test_a_fix_may_be_written_without_its_indentation(data):
    question = first(data, "fault")
    whole = source.read("alignment", copy.deepcopy(data))
    question["fix"] = question["fix"].strip()
    assert source.read("alignment", data) == whole


def test_a_faulty_fix_that_changes_nothing_is_named(data):
    question = first(data, "fault")
    question["fix"] = question["code"].strip("\n").split("\n")[question["line"] - 1]
    found = checks.check(source.read("alignment", data))
    assert found == [
        f"alignment [{question['id']}]: expected the fix to differ from the faulty line"
    ]


def test_a_bank_has_enough_of_each(data):
    data["questions"] = [one for one in data["questions"] if one["level"] in ("recall", "explain")]
    data["questions"].append(data["questions"][0])
    data["objectives"] = data["objectives"][:3]
    found = "\n".join(checks.check(source.read("alignment", data)))
    for said in (
        "at least 30 questions",
        "4 to 7 objectives",
        "at least 5 questions to analyse, got 0",
        "a third of the questions to apply or analyse, got 0",
        "at least 3 questions for the objective",
        "expected different ids",
    ):
        assert said in found


def test_the_longest_option_is_not_too_often_the_right_one(data):
    for question in data["questions"]:
        if question["kind"] == "choice":
            right = next(option for option in question["options"] if option["right"])
            right["es"][0] += " porque así resulta ser siempre, como se explicó en el capítulo"
    n = sum(question["kind"] == "choice" for question in data["questions"])
    found = checks.check(source.read("alignment", data))
    assert found == [
        "alignment: expected the right option to be the longest in at most 45% of the choices "
        f"in es, got {n} of {n}"
    ]
    assert text.shown_length("`a<b` & $x_1 \\approx {2}$, *c*") == len("a<b & x1x2, c")


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("choice", lambda q: q.pop("cell"), "expected the field 'cell', which is missing"),
        ("choice", lambda q: q.update(kind="riddle"), "expected a kind of choice"),
        ("choice", lambda q: q.update(code="x"), "expected none but known fields, got 'code'"),
        ("choice", lambda q: q.update(minutes="2"), "'minutes' has another type"),
        ("choice", lambda q: q["options"][0].update(en=["one"]), "en to hold a text and a reason"),
        ("choice", lambda q: q["options"].append("x"), "expected a table, got 'x'"),
        ("fault", lambda q: q.update(line=True), "'line' has another type"),
        ("order", lambda q: q["steps"][0].pop("es"), "expected the field 'es'"),
    ],
)
def test_a_source_of_another_form_is_refused_by_name(data, kind, change, said):
    question = first(data, kind)
    change(question)
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        source.read("alignment", data)
    assert str(caught.value).startswith(f"alignment [{question['id']}]")


def test_files_and_arguments_that_cannot_be_used_are_refused(tmp_path, data):
    with pytest.raises(ValueError, match="expected a chapter with questions"):
        source.load("cooking")
    (tmp_path / "tokens.toml").write_text("a = ", encoding="utf-8")
    with pytest.raises(ValueError, match="tokens: expected TOML"):
        source.load("tokens", tmp_path)
    assert questions.check(house.ROOT, tmp_path)[0].startswith("tokens: expected TOML")
    question = source.read("alignment", data).questions[0]
    with pytest.raises(ValueError, match="expected a language"):
        drawing.draw(question, 0, "fr")
    with pytest.raises(ValueError, match="seed"):
        drawing.draw(question, -1, "en")


def test_stamps_tell_stale_spanish_and_changed_cells(tmp_path):
    path = tmp_path / "alignment.toml"
    text = (source.FOLDER / path.name).read_text(encoding="utf-8")
    path.write_text(questions.STAMPS.sub("", text), encoding="utf-8")
    n_questions = len(source.load("alignment", tmp_path).questions)
    assert len(questions.check(house.ROOT, tmp_path)) == 2 * n_questions  # none was stamped
    assert questions.stamp(house.ROOT, "alignment", tmp_path) == []
    stamped = path.read_text(encoding="utf-8")
    bank = source.load("alignment", tmp_path)
    assert all(len(one.stamp) == len(one.seen) == 12 for one in bank.questions)
    assert questions.STAMPS.sub("", stamped) == questions.STAMPS.sub("", text)
    questions.stamp(house.ROOT, "alignment", tmp_path)
    assert path.read_text(encoding="utf-8") == stamped

    question = bank.questions[0]
    changed = stamped.replace(question.text["en"], question.text["en"] + " Say why.", 1)
    path.write_text(changed, encoding="utf-8")
    assert questions.check(house.ROOT, tmp_path) == [
        f"alignment [{question.id}]: stale Spanish: the English changed"
    ]
    cells = questions.cells(house.ROOT, "alignment")
    cells[question.cell].source += "\n"
    found = questions.findings(bank, cells)
    resting = [one.id for one in bank.questions if one.cell == question.cell]
    assert found == [
        f"alignment [{name}]: read again: the cell {question.cell!r} changed" for name in resting
    ]
    path.write_text(stamped.replace(f'cell = "{question.cell}"', 'cell = "gone"'), encoding="utf-8")
    assert "unknown cell 'gone'" in questions.stamp(house.ROOT, "alignment", tmp_path)[0]
