"""The stories' world: exact probabilities, equal in both languages, and facts that hold."""

import hashlib
import math
import re
from collections import Counter
from dataclasses import asdict, replace
from itertools import pairwise

import pytest

from lessons_lib.corpus import stories
from lessons_lib.corpus.stories import (
    LANGUAGES,
    WORLD,
    alternatives,
    entropy,
    enumerate_stories,
    log_prob,
    next_probs,
    parse,
    retell,
    sample,
)

# Small enough to tell every one of its stories, and lopsided on purpose: one feminine name and
# two masculine ones, moods with unequal numbers of endings, so that nothing cancels by symmetry.
SMALL = replace(
    WORLD,
    openings=WORLD.openings[:1],
    names=(WORLD.names[0], *WORLD.names[-2:]),
    kinds=(*WORLD.kinds[:2], *WORLD.kinds[6:9]),
    traits=WORLD.traits[-2:],
    homes=WORLD.homes[:1],
    objects=WORLD.objects[11:13],
    colours=WORLD.colours[4:6],
    times=WORLD.times[:1],
    moods=(
        WORLD.moods[0]._replace(days=WORLD.moods[0].days[:1], nights=WORLD.moods[0].nights[:1]),
        WORLD.moods[1]._replace(days=WORLD.moods[1].days[:1]),
    ),
    spots=WORLD.spots[:1],
    places=WORLD.places[:1],
    games=WORLD.games[:1],
    deeds=WORLD.deeds[:1],
    relatives=WORLD.relatives[:1],
    closings=WORLD.closings[:1],
    min_events=1,
    max_events=1,
)
# fewer characters, but stories long enough for the things to travel
LONG = replace(
    SMALL,
    names=(WORLD.names[0], WORLD.names[-1]),
    kinds=(*WORLD.kinds[:2], *WORLD.kinds[6:8]),
    objects=SMALL.objects[1:],
    colours=SMALL.colours[:1],
    moods=SMALL.moods[:1],
    min_events=1,
    max_events=3,
)
SMALL_WORLDS = [(SMALL, 1), (replace(SMALL, moods=SMALL.moods[:1]), 2), (LONG, 1)]


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module", params=[1, 2])
def things(request):
    return request.param


@pytest.fixture(scope="module")
def some(language, things):
    return sample(400, 7, language, things)


@pytest.fixture(scope="module")
def many():
    english = sample(20_000, 1)
    return {"en": english, "es": sample(4_000, 1, "es")}


@pytest.fixture(scope="module")
def everything():
    """Every story of each small world, in both languages."""
    return {
        (case, language): list(enumerate_stories(language, things, world=world))
        for case, (world, things) in enumerate(SMALL_WORLDS)
        for language in LANGUAGES
    }


class TestExactness:
    @pytest.mark.parametrize("case", range(len(SMALL_WORLDS)))
    def test_probabilities_of_all_stories_sum_to_one(self, case, language, everything):
        told = everything[case, language]
        assert len(told) > 500
        assert len({story.text for story in told}) == len(told)
        assert math.fsum(math.exp(s.log_prob) for s in told) == pytest.approx(1, abs=1e-9)

    @pytest.mark.parametrize("case", range(len(SMALL_WORLDS)))
    def test_read_probabilities_of_all_stories_sum_to_one(self, case, language, everything):
        world, things = SMALL_WORLDS[case]
        read = [log_prob(s.text, things=things, world=world) for s in everything[case, language]]
        assert math.fsum(map(math.exp, read)) == pytest.approx(1, abs=1e-9)

    @pytest.mark.parametrize("case", range(len(SMALL_WORLDS)))
    def test_entropy_is_the_sum_over_all_stories(self, case, language, everything):
        world, things = SMALL_WORLDS[case]
        by_hand = -math.fsum(s.log_prob * math.exp(s.log_prob) for s in everything[case, language])
        assert entropy(language, things, world=world) == pytest.approx(by_hand, abs=1e-9)

    def test_entropy_is_the_same_number_in_both_languages(self, things):
        assert entropy("en", things) == entropy("es", things)

    def test_mean_of_samples_agrees_with_entropy(self, many):
        nats = [-story.log_prob for story in many["en"]]
        mean = math.fsum(nats) / len(nats)
        deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in nats) / (len(nats) - 1))
        assert abs(mean - entropy()) < 4 * deviation / math.sqrt(len(nats))

    def test_log_prob_reads_what_sample_wrote(self, some, language, things):
        for story in some:
            assert log_prob(story.text, things=things) == story.log_prob
            assert parse(story.text, language, things) == story
            assert story.log_prob == pytest.approx(
                math.fsum(choice.log_prob for choice in story.choices), abs=1e-9
            )

    def test_one_choice_by_hand(self):
        first = sample(1, 0)[0].choices[0]
        assert first.label == "opening"
        assert first.log_prob == math.log(1 / 3)  # one of three openings, all alike

    def test_every_pick_is_prefix_free(self, language, things):
        seen = set()

        def watch(pick, position):
            texts = tuple(sorted(option.text for option in pick.options))
            if texts not in seen:
                seen.add(texts)
                assert all(texts), f"an empty option at {pick.label}"
                # sorted, a text stands right before those that begin with it
                for one, next_one in pairwise(texts):
                    assert not next_one.startswith(one), (pick.label, one, next_one)
            return next(turns) if pick.label else 0

        for story in sample(1_000, 11, language, things):
            turns = iter([choice.index for choice in story.choices])
            stories._tell(WORLD, language, things, watch)
        assert len(seen) > 500


class TestNextProbs:
    def test_chain_rule(self, language, things):
        for story in sample(3, 5, language, things):
            nats = 0.0
            for i, character in enumerate(story.text):
                probs = next_probs(story.text[:i], language, things)
                assert math.fsum(probs.values()) == pytest.approx(1, abs=1e-12)
                nats += math.log(probs[character])
            assert nats == pytest.approx(story.log_prob, abs=1e-9)
            assert next_probs(story.text, language, things) == {}

    def test_agrees_with_every_story_counted(self, language, everything):
        """Exact: the weight of all stories that go on with a character after a prefix."""
        told = everything[2, language]
        weights = [math.exp(story.log_prob) for story in told]
        for end in range(0, len(told[0].text), 7):
            prefix = told[-1].text[:end]
            counted = Counter()
            for story, weight in zip(told, weights, strict=True):
                if story.text.startswith(prefix) and len(story.text) > end:
                    counted[story.text[end]] += weight
            total = math.fsum(counted.values())
            expected = {character: weight / total for character, weight in counted.items()}
            assert next_probs(prefix, language, world=LONG) == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize(
        ("language", "prefix"),
        [
            ("en", ""),
            ("en", "Once upon a time there was a"),
            ("es", ""),
            ("es", "Había una vez un"),
        ],
    )
    def test_agrees_with_counting_samples(self, language, prefix, many):
        texts = [s.text for s in many[language] if s.text.startswith(prefix)]
        counts = Counter(text[len(prefix)] for text in texts)
        probs = next_probs(prefix, language)
        assert counts.keys() <= probs.keys()
        for character, p in probs.items():
            # a binomial count: 5 standard errors are passed once in two million
            error = math.sqrt(p * (1 - p) / len(texts))
            assert abs(counts[character] / len(texts) - p) <= 5 * error + 1e-12

    def test_article_waits_for_its_word(self):
        # 6 of 8 traits begin with a consonant: "a brave", "a kind", ... but "an elegant"
        assert next_probs("Once upon a time there was a") == pytest.approx({" ": 3 / 4, "n": 1 / 4})
        assert next_probs("Once upon a time there was an ") == pytest.approx({"e": 0.5, "h": 0.5})

    def test_language_is_english_where_nothing_is_said(self):
        assert next_probs("") == next_probs("", "en") != next_probs("", "es")
        assert next_probs("H") == next_probs("H", "es")

    def test_memory_decides(self):
        story = next(s for s in sample(200, 2) if s.facts.things[0].holder == s.facts.friend.name)
        before = story.text[: story.text.rindex(f'"{story.facts.answer}') + 1]
        assert next_probs(before) == {story.facts.friend.name[0]: 1.0}


class TestLanguages:
    def test_one_seed_tells_the_same_stories(self, things):
        english, spanish = (sample(300, 13, language, things) for language in LANGUAGES)
        for en, es in zip(english, spanish, strict=True):
            assert retell(en, "es") == es
            assert retell(es.text, "en", things) == en
            assert en.log_prob == es.log_prob
            assert [c[:2] for c in en.choices] == [c[:2] for c in es.choices]

    def test_facts_are_the_same(self):
        for en, es in zip(sample(300, 4), sample(300, 4, "es"), strict=True):
            a, b = en.facts, es.facts
            assert (a.hero.name, a.friend.name, a.mood) == (b.hero.name, b.friend.name, b.mood)
            assert [t.holder for t in a.things] == [t.holder for t in b.things]
            assert [(e.action, e.who, e.to) for e in a.events] == [
                (e.action, e.who, e.to) for e in b.events
            ]

    def test_all_stories_correspond_one_to_one(self, everything):
        for case, (world, _) in enumerate(SMALL_WORLDS):
            english, spanish = everything[case, "en"], everything[case, "es"]
            assert [retell(story, "es", world=world) for story in english] == spanish

    def test_no_text_is_told_in_both(self, some, language, things):
        other = "es" if language == "en" else "en"
        for story in some[:50]:
            with pytest.raises(ValueError, match="at character 0 "):
                log_prob(story.text, other, things)


class TestWords:
    def test_articles_in_english(self):
        text = "".join(str(story) for story in sample(3_000, 17))
        found = set(re.findall(r"\b(an?) (\w+)", text))
        assert {("an", "elegant"), ("an", "honest"), ("an", "orange"), ("a", "red")} <= found
        for article, word in found - {("an", "honest")}:
            assert (article == "an") == (word[0] in "aeiou"), (article, word)
        assert "some orange boots" in text
        assert not re.search(r"\ban? \w+ (boots|marbles|gloves|shoes)", text)

    def test_agreement_in_spanish(self):
        gender = {noun.es: (noun.feminine, noun.plural) for noun in WORLD.objects + WORLD.kinds}
        article = {"un": (False, False), "una": (True, False)}
        article |= {"unos": (False, True), "unas": (True, True)}
        article |= {"el": (False, False), "la": (True, False)}
        article |= {"los": (False, True), "las": (True, True)}
        ending = {"a": True, "o": False}
        seen = 0
        for story in sample(2_000, 19, "es", 2):
            assert "@" not in str(story)
            for word, noun, adjective in re.findall(r"\b(\w+) (\w+) (\w+)", story.text.lower()):
                if word in article and noun in gender:
                    seen += 1
                    assert gender[noun] == article[word], story.text
                    if re.fullmatch(
                        r"(roj|amarill|blanc|list|curios|tranquil|tímid|sincer)[ao]s?", adjective
                    ):
                        feminine = ending[adjective.rstrip("s")[-1]]
                        plural = adjective.endswith("s")
                        assert (feminine, plural) == gender[noun], story.text
        assert seen > 5_000

    def test_spanish_signs_stand_in_pairs(self):
        for story in sample(1_000, 23, "es"):
            signs = re.findall(r"[«»¿?¡!]", story.text)
            assert "".join(signs).replace("¿?", "").replace("«»", "") == ""
            assert '"' not in story.text

    def test_possessives_and_pronouns_follow_the_hero(self):
        for story in sample(500, 29):
            she, her = ("She", "her") if story.facts.hero.feminine else ("He", "his")
            assert f". {she} lived {story.facts.home} and had " in story.text
            assert f", {her} {story.facts.relative} asked " in story.text

    def test_text_is_clean(self, some):
        for story in some:
            assert story.text == str(story)
            assert re.fullmatch(r"\S+( \S+)*\n", story.text)
            assert story.text[-2] == "."

    def test_no_event_stands_twice_in_a_row(self, some):
        for story in some:
            events = [(e.action, e.who, e.thing) for e in story.facts.events if e.action != "ask"]
            assert len(story.facts.events) in range(2, 6)
            if len(events) == len(story.facts.events):
                assert all(a != b for a, b in pairwise(events))


class TestFacts:
    def test_words_stand_in_the_text(self, some):
        for story in some:
            facts = story.facts
            for words in (facts.home, facts.mood_by_day, facts.question, facts.answer):
                assert words in story.text
            assert f", {facts.mood_by_day}, {facts.hero.name} " in story.text
            assert story.text.endswith(
                f"{facts.hero.name} {facts.mood_by_night}. {facts.closing}\n"
            )
            for person in (facts.hero, facts.friend):
                assert {person.name, person.kind, person.trait} <= set(
                    re.findall(r"\w+", story.text)
                )

    def test_the_events_lead_to_the_end(self, some):
        """An independent telling of who holds what, from the events alone."""
        for story in some:
            facts = story.facts
            holder = {thing.phrase: thing.owner for thing in facts.things}
            place = {}
            for event in facts.events:
                if event.action == "give":
                    assert holder[event.thing] == event.who != event.to
                    holder[event.thing] = event.to
                elif event.action == "leave":
                    assert holder.pop(event.thing) == event.who
                    place[event.thing] = event.detail
                elif event.action == "find":
                    assert place.pop(event.thing) == event.detail
                    holder[event.thing] = event.who
                elif event.action == "ask":
                    assert place[event.thing] == event.detail
                elif event.action == "admire":
                    assert holder[event.thing] == event.to != event.who
            for thing in facts.things:
                assert thing.holder == holder.get(thing.phrase)
                assert thing.place == place.get(thing.phrase)

    def test_the_answer_is_right(self, some, language):
        for story in some:
            facts = story.facts
            (thing,) = [t for t in facts.things if t.phrase in facts.question]
            if thing.place:
                assert thing.place in facts.answer
            elif thing.holder == facts.hero.name:
                assert ("I have" if language == "en" else "tengo yo") in facts.answer
            else:
                assert facts.friend.name in facts.answer

    def test_mood_shows_by_day_and_by_night(self, some, language):
        by_name = {mood.name.en: mood for mood in WORLD.moods}
        for story in some:
            mood, facts = by_name[story.facts.mood], story.facts
            nights = [getattr(night, language) for night in mood.nights]
            others = [m for m in WORLD.moods if m is not mood]
            assert facts.mood_by_night in nights
            assert not any(
                getattr(words, language).split("@")[0] in story.text.split("\n")[0]
                for other in others
                for words in other.nights
            )
        assert {story.facts.mood for story in some} == set(by_name)

    def test_facts_are_plain_values(self, some):
        assert hash(some[0].facts) == hash(some[0].facts)
        assert asdict(some[0].facts)["hero"]["name"] == some[0].facts.hero.name


class TestSampling:
    def test_first_stories_for_a_seed_never_change(self):
        texts = "".join(map(str, sample(50, 42) + sample(50, 42, "es", 2)))
        digest = hashlib.sha256(texts.encode()).hexdigest()[:16]
        assert digest == "93f276191b6dd1cf"

    def test_a_longer_list_begins_with_the_shorter(self):
        assert sample(10, 3)[:4] == sample(4, 3)
        assert sample(0, 3) == []

    def test_seeds_differ(self):
        assert sample(5, 0) != sample(5, 1)

    def test_both_numbers_of_things(self):
        assert {len(story.facts.things) for story in sample(20, 0)} == {1}
        assert {len(story.facts.things) for story in sample(20, 0, things=2)} == {2}


TEXT = sample(1, 42)[0].text


class TestBadInput:
    @pytest.mark.parametrize("function", [parse, log_prob, next_probs])
    @pytest.mark.parametrize("text", [None, b"Once", 3, ["Once"]])
    def test_text_has_to_be_a_string(self, function, text):
        with pytest.raises(ValueError, match=r"expected the text of a story \(str\), got "):
            function(text)

    def test_retell_reads_only_texts_and_stories(self):
        with pytest.raises(ValueError, match="got NoneType"):
            retell(None, "es")

    @pytest.mark.parametrize(
        "call",
        [
            lambda: sample(1, 0, "fr"),
            lambda: parse(TEXT, "fr"),
            lambda: log_prob(TEXT, "fr"),
            lambda: next_probs("", "fr"),
            lambda: entropy("fr"),
            lambda: retell(TEXT, "fr"),
            lambda: next(enumerate_stories("fr")),
        ],
    )
    def test_unknown_language(self, call):
        with pytest.raises(ValueError, match=r"expected a language among .*, got 'fr'"):
            call()

    @pytest.mark.parametrize("things", [0, 3, "1"])
    def test_number_of_things(self, things):
        with pytest.raises(
            ValueError, match=f"expected things to be an integer from 1 to 2, got {things!r}"
        ):
            sample(1, 0, things=things)

    @pytest.mark.parametrize("bad", [-1, 1.5, "2", None])
    def test_number_and_seed(self, bad):
        with pytest.raises(ValueError, match=f"expected n to be .*, got {bad!r}"):
            sample(bad, 0)
        with pytest.raises(ValueError, match=f"expected seed to be .*, got {bad!r}"):
            sample(1, bad)

    def test_empty_text(self):
        with pytest.raises(ValueError, match="at character 0 the text ends, expected 'Once upon"):
            log_prob("")

    def test_truncated_text(self):
        for end in (1, 40, len(TEXT) // 2, len(TEXT) - 1):
            with pytest.raises(ValueError, match=f"at character {end} the text ends, expected "):
                log_prob(TEXT[:end])

    def test_altered_text_at_every_character(self):
        for i, character in enumerate(TEXT):
            altered = TEXT[:i] + "#" + TEXT[i + 1 :]
            with pytest.raises(ValueError, match=f"at character {i} the text has '#") as error:
                log_prob(altered)
            assert "expected" in str(error.value)
            with pytest.raises(ValueError, match=f"at character {i} "):
                next_probs(altered[: i + 1])
            assert character in next_probs(TEXT[:i])

    def test_surplus_text(self):
        for function in (log_prob, next_probs):
            with pytest.raises(
                ValueError, match=f"character {len(TEXT)} the text has 'A long.*end of the story"
            ):
                function(TEXT + TEXT)

    def test_impossible_answer(self):
        """Fluent, but untrue: the text is refused at the word that lies."""
        story = next(s for s in sample(200, 2) if s.facts.answer.startswith("I have"))
        friend = story.facts.friend.name
        pronoun = story.facts.answer.removeprefix("I have ")
        lie = story.text.replace(f'"{story.facts.answer},"', f'"{friend} has {pronoun},"')
        with pytest.raises(ValueError, match=f"has '{friend} .*expected 'I have {pronoun}"):
            log_prob(lie)

    def test_two_things_are_another_world(self):
        with pytest.raises(ValueError, match="expected"):
            log_prob(TEXT, things=2)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"names": WORLD.names[:1]}, "at least 2 names, got 1"),
            ({"closings": ()}, "at least 1 closings, got 0"),
            ({"kinds": WORLD.kinds[:6]}, "2 kinds for each gender"),
            ({"min_events": 6}, "min_events <= max_events, got 6 and 5"),
            ({"min_events": -1}, "got -1 and 5"),
        ],
    )
    def test_worlds_too_small(self, change, message):
        with pytest.raises(ValueError, match=message):
            replace(WORLD, **change)

    def test_world_too_small_for_two_things(self):
        with pytest.raises(ValueError, match="2 objects and 2 colours"):
            sample(1, 0, things=2, world=LONG)


class TestAlternatives:
    @pytest.mark.parametrize("language", ["en", "es"])
    @pytest.mark.parametrize("things", [1, 2])
    def test_they_are_the_choices_of_the_story(self, language, things):
        for story in sample(20, seed=3, language=language, things=things):
            places = alternatives(story)
            assert [place.taken for place in places] == [c.index for c in story.choices]
            for place, choice in zip(places, story.choices, strict=True):
                text, p = place.texts[place.taken], place.probs[place.taken]
                assert story.text.startswith(text, place.position)
                assert (text, math.log(p)) == (choice.text, pytest.approx(choice.log_prob))
                assert sum(place.probs) == pytest.approx(1)

    def test_each_of_them_can_be_told(self):
        for story in sample(3, seed=4):
            for place in alternatives(story):
                told = story.text[: place.position]
                likely = dict.fromkeys((text[0] for text in place.texts), 0.0)
                for text, p in zip(place.texts, place.probs, strict=True):
                    likely[text[0]] += p
                assert next_probs(told, "en") == pytest.approx(likely)

    def test_a_story_of_another_world_has_its_own(self):
        story = sample(1, seed=0, world=SMALL)[0]
        assert len(alternatives(story, world=SMALL)[0].texts) == len(SMALL.openings)
