"""Tasks with known answers: every answer is true in its story, and what is false is marked so."""

import re

import pytest

from lessons_lib.corpus.stories import LANGUAGES, WORLD, parse, retell
from lessons_lib.corpus.stories import sample as sample_stories
from lessons_lib.corpus.tasks import (
    ABOUT,
    FRIENDS,
    KINDS,
    NOT_SAID,
    ask,
    dialogue,
    meetings,
    run_program,
    sample,
    sentences,
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_right_and_others_are_not(kind, language):
    tasks = sample(40, 7, language, kind)
    for task in tasks:
        assert task.kind == kind
        assert task.language == language
        assert task.check(task.answer)
        assert task.check(f" {task.answer}\n")
        assert all(task.check(other) for other in task.accepted) or kind == "program"
        assert not task.check("")
        assert not task.check(task.answer + " No.")
        assert [message["role"] for message in task.messages] == ["user"]
        assert task.messages[0]["content"].endswith(task.question)
    wrong = sum(one.check(other.answer) for one in tasks[:20] for other in tasks[20:])
    assert wrong < {"unknown": 401, "holder": 60, "count": 200, "mood": 60}.get(kind, 150)


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_by_another_reading_of_the_story(language):
    """What the text says, found in it by other means than the facts."""
    for story in sample_stories(60, 3, language):
        text = story.text
        answer = ask(story, "holder").answer
        said = re.findall(r'"([^"]*),"|«([^»]*)»', text)[-1]
        said = (said[0] or said[1]).removesuffix(".")
        mine = {
            "I have": f"{story.facts.hero.name} has",
            "tengo yo": f"tiene {story.facts.hero.name}",
        }
        for short, long in mine.items():
            said = said.replace(short, long)
        assert answer.removeprefix("Nobody. ").removeprefix("Nadie. ") == f"{said}."
        gave = len(re.findall(r" gave the | le dio ", text))
        assert ask(story, "count").answer == f"{gave}."
        for seed in range(3):
            who = ask(story, "person", seed).answer.removesuffix(".")
            name, what = re.split(" is | es ", who)
            called = rf"{what} (called|llamad[ao]) {name}\.|(met|conoció a) {name}, {what}\."
            assert re.search(called, text)
            assert ask(story, "trait", seed).answer.split()[-1][:-1] in what


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_story_does_not_say_is_nowhere_in_it(language):
    asked = set()
    for task in sample(200, 5, language, "unknown"):
        assert task.answer == NOT_SAID[language]
        name = task.question.rstrip("?").split()[-1]
        word = re.match(r"¿?(\S+ \S+)", task.question)[1]
        asked.add(word)
        facts = task.story.facts
        if word in ("Who is", "Quién es"):
            assert name not in task.story.text
        elif word in ("Who has", "Quién tiene"):
            phrase = re.split(" has | tiene ", task.question)[1].rstrip("?")
            assert phrase != facts.things[0].phrase
        elif name != "live" and name != "feel":
            assert name == facts.friend.name
    assert len(asked) == 4


def test_both_languages_ask_the_same():
    for kind in (*KINDS, None):
        pairs = zip(sample(15, 11, "en", kind), sample(15, 11, "es", kind), strict=True)
        for english, spanish in pairs:
            assert english.kind == spanish.kind
            if english.story:
                assert retell(english.story, "es") == spanish.story


def test_the_first_tasks_of_a_longer_list():
    assert sample(5, 4) == sample(9, 4)[:5]
    assert sample(5, 4) != sample(5, 5)
    assert {task.kind for task in sample(200, 1)} == set(KINDS)
    assert sample(0, 1) == []


# ------------------------------------------------------------------------------------ translation


def test_sentences_of_both_tellings_correspond():
    for story in sample_stories(300, 8):
        here, there = sentences(story.text), sentences(retell(story, "es").text)
        assert len(here) == len(there)
        assert " ".join(here) == story.text.strip()


def test_a_translation_may_choose_what_the_sentence_leaves_open():
    """'Vivía' says neither he nor she; 'the two friends' may be women."""
    tasks = [*sample(400, 2, "en", "translation"), *sample(400, 2, "es", "translation")]
    open_ones = [task for task in tasks if task.accepted]
    assert open_ones
    for task in open_ones:
        [other] = task.accepted
        assert other != task.answer
        assert task.check(other)
    lived = next(task for task in open_ones if task.question.startswith("Traduce: Vivía"))
    assert {lived.answer.split()[0], lived.accepted[0].split()[0]} == {"He", "She"}
    assert not lived.check(lived.answer.replace("lived", "lives"))


def test_no_two_sentences_have_one_translation_but_those():
    """Whoever knows the world can translate every sentence: nothing else is left open."""
    for language in LANGUAGES:
        seen = {}
        for task in sample(3000, 6, language, "translation"):
            rights = {task.answer, *task.accepted}
            assert seen.setdefault(task.question, rights) == rights


# ------------------------------------------------------------------------------- orders, meetings


def test_an_order_is_obeyed_or_not():
    task = sample(1, 3, "en", "order")[0]
    facts = task.story.facts
    others = [s for s in sample_stories(400, 9) if s.facts.mood == facts.mood]
    assert not any(task.check(story.text) for story in others if story.facts.hero != facts.hero)
    other_mood = next(s.text for s in sample_stories(50, 10) if s.facts.mood != facts.mood)
    assert not task.check(other_mood)
    assert not task.check(task.answer.replace(facts.hero.name, "Zoe"))
    assert parse(task.answer + "\n").facts.hero == facts.hero


@pytest.mark.parametrize("language", LANGUAGES)
def test_meetings_by_hand_and_by_another_way(language):
    for task in meetings(100, 3, language, (1, 4, 6)):
        told = task.question.split(". ")
        holder = told[0].split()[0]
        for sentence in told[1:-1]:
            pair = [sentence.split()[0], sentence.split()[-1]]
            if holder in pair:
                holder = pair[1 - pair.index(holder)]
        assert task.accepted == (f"{holder}.",)
        assert task.check(f"{holder}.")
        assert task.answer.count(":") == len(told) - 2
        for wrong in set(FRIENDS) - {holder}:
            assert not task.check(f"{wrong}.")
            assert not task.check(task.answer.rsplit(" ", 1)[0] + f" {wrong}.")
    lengths = {len(task.answer.split(":")) - 1 for task in meetings(50, 1, language, (2, 3))}
    assert lengths == {2, 3}


# --------------------------------------------------------------------------------------- programs


def test_programs_by_hand():
    assert run_program("had Ana. who.") == "Ana"
    assert run_program("had Ana. times.") == "0"
    assert run_program("who.") == "nobody"
    assert run_program("quién.", "es") == "nadie"
    assert run_program("had Ana. gave Leo. gave Ana. times.") == "2"
    assert run_program("had Ana. left. who.") == "nobody"
    assert run_program("had Ana.left.found   Leo. \n who.") == "Leo"
    assert run_program("tenía Ana. dio Leo. repite 2. veces.", "es") == "3"


def test_loops_count_and_end():
    assert run_program("had Ana. gave Leo. again 0. times.") == "1"
    assert run_program("had Ana. gave Leo. again 1. again 2. times.") == "6"
    with pytest.raises(ValueError, match="a program that ends within 200 steps"):
        run_program("had Ana. gave Leo. again 999999. times.")
    with pytest.raises(ValueError, match="ends within 9 steps"):
        run_program("had Ana. gave Leo. again 2. times.", most_steps=9)
    assert run_program("had Ana. gave Leo. again 2. times.", most_steps=10) == "3"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("", "one question at a program's end"),
        ("had Ana.", "one question at a program's end"),
        ("who. had Ana. who.", "one question at a program's end"),
        ("had Ana. who", "one question at a program's end"),
        ("gave Leo. who.", "expected somebody who has it at statement 1"),
        ("had Ana. left. left. who.", "expected somebody who has it at statement 3"),
        ("had Ana. found Leo. who.", "Ana has it"),
        ("had. who.", "expected a statement of"),
        ("left Ana. who.", "expected a statement of"),
        ("again Ana. who.", "expected a statement of"),
        ("again ٣. who.", "expected a statement of"),
        ("import os. who.", "expected a statement of"),
        ("had Ana; rm. who.", "expected a statement of"),
        ("had Ana. " * 200 + "who.", "expected at most 1000 characters, got"),
    ],
)
def test_programs_that_are_none(program, message):
    with pytest.raises(ValueError, match=message):
        run_program(program)
    assert not sample(1, 1, kind="program")[0].check(program)


def test_a_program_is_right_if_it_says_the_truth():
    for task in sample(30, 2, "en", "program"):
        truth = task.accepted[0]
        assert run_program(task.answer) == truth
        if task.answer.endswith("who.") and truth != "nobody":
            assert task.check(f"had {truth}. who.")  # right by another way
            assert not task.check("had Zoe. who.")


# --------------------------------------------------------------------------------------- the rest


def test_a_dialogue_tells_a_story_once():
    story, other = sample_stories(2, 1)
    tasks = [ask(story, "home"), ask(story, "mood"), ask(other, "home")]
    messages = dialogue(tasks)
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3
    assert messages[0]["content"] == story.text + tasks[0].question
    assert messages[2]["content"] == tasks[1].question
    assert messages[4]["content"] == other.text + tasks[2].question
    assert messages[5]["content"] == tasks[2].answer
    with pytest.raises(ValueError, match="at least one task"):
        dialogue([])


def test_errors():
    story = sample_stories(1, 1)[0]
    with pytest.raises(ValueError, match="kind among"):
        sample(1, 1, kind="who")
    with pytest.raises(ValueError, match="language among"):
        sample(1, 1, "fr")
    with pytest.raises(ValueError, match="n"):
        sample(-1, 1)
    with pytest.raises(ValueError, match="kind among"):
        ask(story, "meetings")
    with pytest.raises(ValueError, match="story of one thing, got 2"):
        ask(sample_stories(1, 1, things=2)[0], "home")
    with pytest.raises(ValueError, match="a number of meetings to be an integer of at"):
        meetings(1, 1, counts=(0, 1))
    with pytest.raises(ValueError, match="a number of meetings to be an integer of at"):
        meetings(1, 1, counts=("a",))
    with pytest.raises(ValueError, match="at least one number of meetings"):
        meetings(1, 1, counts=())
    for task in sample(20, 1):
        with pytest.raises(ValueError, match="expected text"):
            task.check(None)
    with pytest.raises(ValueError, match="expected text"):
        run_program(b"who.")
    with pytest.raises(ValueError, match="language among"):
        run_program("who.", "fr")
    assert set(ABOUT) < set(KINDS)
    assert all(name in {n.text for n in WORLD.names} for name in FRIENDS)
