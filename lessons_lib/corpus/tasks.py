"""Tasks for an assistant, in English and Spanish, whose right answers are known.

Most are about one of the book's stories: who has the ball, who is who, how often was it given, sum
it up, translate a sentence, write a small program. A story comes with the facts behind it, so every
answer can be checked, and what a story does not say is known too.

    holder       Who has the red ball?                 Leo has it.
    person       Who is Ana?                           Ana is a clever girl.
    trait        What is Ana like?  Who is clever?     Ana is clever.
    home         Where does Ana live?                  Ana lives by the sea.
    mood         How does Ana feel?                    Ana is sad.
    count        How many times did they give ...?     2.
    unknown      a question that the story leaves open The story does not say.
    summary      Sum up the story.                     two sentences of a fixed form
    translation  Translate: ...                        one sentence, to the other language
    order        Tell a story of a clever girl ...     a story that obeys
    meetings     Ana has the ball. Leo met Ana. ...    Leo met Ana: Leo. So Leo.
    program      Write a program: ...                  had Ana. gave Leo. who.

Programs are in a language of seven words, which `run_program` carries out within limits.

It stands beside the chapters, uses the standard library alone, and its words are its own.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.corpus.stories import (
    LANGUAGES,
    WORLD,
    Belonging,
    Character,
    Story,
    _thing,
    parse,
    retell,
)
from lessons_lib.corpus.stories import sample as sample_stories

ABOUT = ("holder", "person", "trait", "home", "mood", "count", "unknown", "summary", "program")
KINDS = (*ABOUT, "translation", "order", "meetings")
FRIENDS = ("Ana", "Leo", "Eva")  # who meet
NOT_SAID = {"en": "The story does not say.", "es": "El cuento no lo dice."}

Message = dict[str, str]  # {"role": "user" or "assistant", "content": ...}


@dataclass(frozen=True)
class Task:
    """Something to answer, and what is right.

    `story` is what a question is about, None where it needs none; `answer` is a right answer, in
    the words that a model is taught; `accepted` are other texts that are right too.
    """

    kind: str
    language: str
    question: str
    answer: str
    story: Story | None = None
    accepted: tuple[str, ...] = ()

    @property
    def messages(self) -> list[Message]:
        """What a user says: the story, if there is one, and the question."""
        told = self.story.text if self.story and self.kind in ABOUT else ""
        return [{"role": "user", "content": told + self.question}]

    def check(self, text: str) -> bool:
        """Tell whether a text answers rightly.

        A program is right if it says what is true, a story if it is one and obeys, an answer to
        meetings if its last word is right; all others have to say what `answer` or one of
        `accepted` says, to the letter but for space around it.
        """
        text = check_text(text).strip()
        if self.kind == "program":
            return _says(text, self.language, self.accepted[0])
        if self.kind == "order":
            return _obeys(text, self.story)
        if self.kind == "meetings":
            last = re.search(r"(\w+)\.$", text)
            return bool(last) and last[1] == self.accepted[0].rstrip(".")
        return text in (self.answer, *self.accepted)


def _says(program: str, language: str, truth: str) -> bool:
    """Tell whether a program runs and says the truth."""
    try:
        return run_program(program, language) == truth
    except ValueError:
        return False


def _obeys(text: str, ordered: Story) -> bool:
    """Tell whether a text is a story with the hero and the mood of the one ordered."""
    try:
        told = parse(text + "\n", ordered.language).facts
    except ValueError:
        return False
    return (told.hero, told.mood) == (ordered.facts.hero, ordered.facts.mood)


# ------------------------------------------------------------------------------------- programs

WORDS = {
    "en": ("had", "gave", "left", "found", "again", "who", "times"),
    "es": ("tenía", "dio", "dejó", "encontró", "repite", "quién", "veces"),
}
NOBODY = {"en": "nobody", "es": "nadie"}
MOST_CHARACTERS, MOST_STEPS = 1000, 200


def run_program(program: str, language: str = "en", most_steps: int = MOST_STEPS) -> str:
    """Carry out a program about a thing and say what its last statement asks for.

    Statements end in a period: ``had NAME`` (who has it at first), ``gave NAME`` (to whom),
    ``left`` (it lies somewhere), ``found NAME`` (by whom), ``again N`` (N times more from the
    first statement). The last is ``who`` (a name, or "nobody") or ``times`` (how often it was
    given). Spanish programs use the words of `WORDS`. A program can do nothing else: it reads no
    file and reaches no network.

    Args:
        program: at most `MOST_CHARACTERS` characters.
        language: "en" or "es".
        most_steps: how many statements may be carried out.

    Raises:
        ValueError: a text that is no program, a step that is impossible (giving what nobody has),
            or a program that is too long or goes on for too long.

    >>> run_program("had Ana. gave Leo. left. found Ana. who.")
    'Ana'
    >>> run_program("had Ana. gave Leo. again 3. times.")
    '4'
    """
    statements = _read_program(program, language)
    holder, given, line, left_over = None, 0, 0, {}
    for _ in range(check_integer("most_steps", most_steps, 1)):
        verb, argument = statements[line]
        line += 1
        if verb in ("gave", "left") and holder is None:
            raise ValueError(f"expected somebody who has it at statement {line}, {verb!r}")
        if verb == "found" and holder is not None:
            raise ValueError(f"expected that nobody has it at statement {line}, {holder} has it")
        if verb == "who":
            return holder or NOBODY[language]
        if verb == "times":
            return str(given)
        if verb == "again":
            left = left_over.get(line, int(argument))
            left_over[line] = left - 1
            if left:
                line = 0
            else:
                del left_over[line]
            continue
        given += verb == "gave"
        holder = argument
    raise ValueError(f"expected a program that ends within {most_steps} steps")


def _read_program(program: str, language: str) -> list[tuple[str, str | None]]:
    """Return the statements of a program, verbs in English, or say what is wrong with it."""
    if language not in LANGUAGES:
        raise ValueError(f"expected a language among {LANGUAGES}, got {language!r}")
    if len(check_text(program)) > MOST_CHARACTERS:
        raise ValueError(f"expected at most {MOST_CHARACTERS} characters, got {len(program)}")
    verbs = dict(zip(WORDS[language], WORDS["en"], strict=True))
    *lines, rest = program.strip().split(".")
    statements = []
    for number, line in enumerate(lines, 1):
        verb, *arguments = line.split() or [""]
        verb = verbs.get(verb)
        shape = {"had": r"\w+", "gave": r"\w+", "found": r"\w+", "again": r"[0-9]{1,6}"}.get(verb)
        fits = len(arguments) == (shape is not None)
        if verb is None or not fits or (shape and not re.fullmatch(shape, arguments[0])):
            raise ValueError(f"expected a statement of {[*verbs]}, got {line!r} ({number})")
        statements.append((verb, arguments[0] if arguments else None))
    ends = [verb in ("who", "times") for verb, _ in statements]
    if rest or not ends or not ends[-1] or any(ends[:-1]):
        raise ValueError(f"expected one question at a program's end, got {program[-40:]!r}")
    return statements


def _program_of(story: Story, last: str) -> str:
    """Write down what happened to the thing of a story."""
    [thing] = story.facts.things
    had, gave, left, found, *_ = WORDS[story.language]
    lines = [f"{had} {thing.owner}"]
    for event in story.facts.events:
        if event.action in ("give", "leave", "find"):
            lines.append(
                {
                    "give": f"{gave} {event.to}",
                    "leave": left,
                    "find": f"{found} {event.who}",
                }[event.action]
            )
    return ". ".join([*lines, last]) + "."


# ------------------------------------------------------------------------ questions about a story


class _Asker:
    """One story, and a question of each kind about it."""

    def __init__(self, story: Story, rng: random.Random):
        self.story, self.facts, self.rng = story, story.facts, rng
        self.language = story.language
        self.hero, self.friend = story.facts.hero, story.facts.friend
        self.thing: Belonging = story.facts.things[0]
        self.plural = next(
            o.plural for o in WORLD.objects if getattr(o, self.language) == self.thing.object
        )

    def say(self, en: str, es: str) -> str:
        return en if self.language == "en" else es

    def task(self, kind: str, question: str, answer: str, *accepted: str) -> Task:
        return Task(kind, self.language, question, answer, self.story, accepted)

    def ask(self, kind: str) -> Task:
        return getattr(self, kind)()

    def one_of_them(self) -> Character:
        return self.rng.choice([self.hero, self.friend])

    def holder(self) -> Task:
        t = self.thing
        question = self.say(f"Who has {t.phrase}?", f"¿Quién tiene {t.phrase}?")
        if t.holder:
            article = {"la": "La", "el": "Lo", "las": "Las", "los": "Los"}
            answer = self.say(
                f"{t.holder} has {'them' if self.plural else 'it'}.",
                f"{article.get(t.phrase.split()[0])} tiene {t.holder}.",
            )
        else:
            nobody = self.say("Nobody", "Nadie")
            answer = f"{nobody}. {self.be(capital=True)} {t.place}."
        return self.task("holder", question, answer)

    def be(self, capital: bool = False) -> str:
        if capital:
            words = ("They are", "Están") if self.plural else ("It is", "Está")
        else:
            words = ("are", "están") if self.plural else ("is", "está")
        return self.say(*words)

    def person(self) -> Task:
        p = self.one_of_them()
        be = self.say("is", "es")
        question = self.say(f"Who is {p.name}?", f"¿Quién es {p.name}?")
        return self.task("person", question, f"{p.name} {be} {described(p, self.language)}.")

    def trait(self) -> Task:
        p = self.one_of_them()
        answer = f"{p.name} {self.say('is', 'es')} {p.trait}."
        if self.rng.random() < 0.5:
            question = self.say(f"What is {p.name} like?", f"¿Cómo es {p.name}?")
        else:
            question = self.say(f"Who is {p.trait}?", f"¿Quién es {p.trait}?")
        return self.task("trait", question, answer)

    def home(self) -> Task:
        name, home = self.hero.name, self.facts.home
        question = self.say(f"Where does {name} live?", f"¿Dónde vive {name}?")
        return self.task("home", question, f"{name} {self.say('lives', 'vive')} {home}.")

    def mood(self) -> Task:
        name, feeling = self.hero.name, self.facts.feeling
        question = self.say(f"How does {name} feel?", f"¿Cómo se siente {name}?")
        return self.task("mood", question, f"{name} {self.say('is', 'está')} {feeling}.")

    def how_often(self) -> str:
        return self.say(
            f"How many times did they give {self.thing.phrase}?",
            f"¿Cuántas veces dieron {self.thing.phrase}?",
        )

    def given(self) -> int:
        return sum(event.action == "give" for event in self.facts.events)

    def count(self) -> Task:
        return self.task("count", self.how_often(), f"{self.given()}.")

    def unknown(self) -> Task:
        """Ask about the friend what is told of the hero alone, a stranger, another thing."""
        here = (self.hero.name, self.friend.name)
        stranger = self.rng.choice([n.text for n in WORLD.names if n.text not in here])
        other, friend = self.another_thing(), self.friend.name
        question = self.rng.choice(
            [
                self.say(f"Where does {friend} live?", f"¿Dónde vive {friend}?"),
                self.say(f"How does {friend} feel?", f"¿Cómo se siente {friend}?"),
                self.say(f"Who is {stranger}?", f"¿Quién es {stranger}?"),
                self.say(f"Who has {other}?", f"¿Quién tiene {other}?"),
            ]
        )
        return self.task("unknown", question, NOT_SAID[self.language])

    def another_thing(self) -> str:
        """Name a thing of another kind, another colour or both."""
        things = [
            _thing(o, c, self.language).the_full for o in WORLD.objects for c in WORLD.colours
        ]
        return self.rng.choice([thing for thing in things if thing != self.thing.phrase])

    def summary(self) -> Task:
        t, hero = self.thing, self.hero
        who, meets = described(hero, self.language), self.friend.name
        held = f"{t.holder} {self.say('has', 'tiene')} {t.phrase}"
        end = held if t.holder else f"{t.phrase} {self.be()} {t.place}"
        answer = self.say(
            f"{hero.name}, {who}, is {self.facts.feeling} and meets {meets}. In the end {end}.",
            f"{hero.name}, {who}, está {self.facts.feeling} y conoce a {meets}. Al final {end}.",
        )
        return self.task("summary", self.say("Sum up the story.", "Resume el cuento."), answer)

    def program(self) -> Task:
        *_, who, times = WORDS[self.language]
        ask = self.say("Write a program:", "Escribe un programa:")
        if self.rng.random() < 0.5:
            t = self.thing
            question = self.say(f"who has {t.phrase}?", f"¿quién tiene {t.phrase}?")
            last, truth = who, t.holder or NOBODY[self.language]
        else:
            question = self.how_often()
            start = 1 if question.startswith("¿") else 0
            question = question[:start] + question[start].lower() + question[start + 1 :]
            last, truth = times, str(self.given())
        return self.task("program", f"{ask} {question}", _program_of(self.story, last), truth)

    def translation(self) -> Task:
        other = retell(self.story, "es" if self.language == "en" else "en")
        mine, theirs = sentences(self.story.text), sentences(other.text)
        i = self.rng.randrange(len(mine))
        question = f"{self.say('Translate:', 'Traduce:')} {mine[i]}"
        variant = _other_way(theirs[i])
        return self.task("translation", question, theirs[i], *variant)

    def order(self) -> Task:
        who, name, feeling = described(self.hero, self.language), self.hero.name, self.facts.feeling
        called = "llamada" if self.hero.feminine else "llamado"
        question = self.say(
            f"Tell a story of {who} called {name} who is {feeling}.",
            f"Cuenta un cuento de {who} {called} {name} que está {feeling}.",
        )
        return self.task("order", question, self.story.text.rstrip("\n"))


def described(person: Character, language: str) -> str:
    """Say what somebody is: "a clever girl", "una niña lista"."""
    if language == "es":
        return f"{'una' if person.feminine else 'un'} {person.kind} {person.trait}"
    article = "an" if person.trait.startswith(("a", "e", "i", "o", "u", "hon")) else "a"
    return f"{article} {person.trait} {person.kind}"


def sentences(text: str) -> list[str]:
    """Cut a story into sentences; both tellings of one have equally many.

    >>> sentences('Leo ran. "Where is it?" asked Ana.')
    ['Leo ran.', '"Where is it?" asked Ana.']
    """
    return re.split(r"(?<=[^»]\.) ", text.strip())


# What a sentence alone leaves open when it comes from the other language.
_OPEN = (
    ("He lived ", "She lived "),
    ("Los dos amigos ", "Las dos amigas "),
)


def _other_way(sentence: str) -> list[str]:
    """Return the other translation of a sentence that leaves a gender open, if it does."""
    for one, other in [*_OPEN, *((b, a) for a, b in _OPEN)]:
        if sentence.startswith(one):
            return [other + sentence.removeprefix(one)]
    return []


# -------------------------------------------------------------------------------------- meetings


def meetings(
    n: int, seed: int, language: str = "en", counts: Sequence[int] = (1, 2, 3, 4)
) -> list[Task]:
    """Draw tasks in which a ball is passed on whenever two friends meet and one has it.

    The answer is written out, a sentence for each meeting; `accepted` holds the name alone, which
    is as right.

    Args:
        n: how many.
        seed: at least 0; the same in both languages.
        language: "en" or "es".
        counts: how many meetings there may be.

    Raises:
        ValueError: an argument outside of these.
    """
    _check(n, seed, language)
    counts = [check_integer("a number of meetings", count, 1) for count in counts]
    if not counts:
        raise ValueError("expected at least one number of meetings, got none")
    return [_meetings(_chance(seed, i), language, counts) for i in range(n)]


def _meetings(rng: random.Random, language: str, counts: Sequence[int]) -> Task:
    names = rng.sample(FRIENDS, 3)
    holder, thoughts = names[0], []
    met = "met" if language == "en" else "conoció a"
    told = [f"{holder} has the ball." if language == "en" else f"{holder} tiene la pelota."]
    for _ in range(rng.choice(counts)):
        one, other = rng.sample(names, 2)
        holder = other if holder == one else one if holder == other else holder
        told.append(f"{one} {met} {other}.")
        thoughts.append(f"{one} {met} {other}: {holder}.")
    question = " ".join([*told, "Who has it?" if language == "en" else "¿Quién la tiene?"])
    thoughts.append(f"{'So' if language == 'en' else 'Así que'} {holder}.")
    answer = " ".join(thoughts)
    return Task("meetings", language, question, answer, accepted=(f"{holder}.",))


# --------------------------------------------------------------------------------------- drawing


def _check(n: int, seed: int, language: str) -> None:
    check_integer("n", n, 0)
    check_integer("seed", seed, 0)
    if language not in LANGUAGES:
        raise ValueError(f"expected a language among {LANGUAGES}, got {language!r}")


def _chance(seed: int, i: int) -> random.Random:
    return random.Random(seed * 1_000_003 + i)


def ask(story: Story, kind: str, seed: int = 0) -> Task:
    """Ask something about a story.

    Args:
        story: of one thing.
        kind: one of `KINDS`, but "meetings".
        seed: of what is left to chance, such as who is asked about.

    Raises:
        ValueError: another kind, or a story of two things.
    """
    if kind not in KINDS or kind == "meetings":
        raise ValueError(f"expected a kind among {KINDS} but meetings, got {kind!r}")
    if len(story.facts.things) != 1:
        raise ValueError(f"expected a story of one thing, got {len(story.facts.things)}")
    return _Asker(story, random.Random(check_integer("seed", seed, 0))).ask(kind)


def sample(n: int, seed: int, language: str = "en", kind: str | None = None) -> list[Task]:
    """Draw `n` tasks, each about a story of its own.

    The same seed gives the same tasks on every platform, in either language about the same
    stories; the first of a longer list are those of a shorter one. Seed 0 is kept for tests: no
    model of the book has learned from it.

    Args:
        n: how many, at least 0.
        seed: at least 0.
        language: "en" or "es". A translation is asked for in this language, of a sentence in it.
        kind: one of `KINDS`, or None to draw one for each.

    Raises:
        ValueError: an argument outside of these.

    >>> task = sample(1, 42, kind="home")[0]
    >>> task.question, task.answer
    ('Where does Emma live?', 'Emma lives near the forest.')
    >>> task.check("Emma lives by the sea.")
    False
    """
    _check(n, seed, language)
    if kind is not None and kind not in KINDS:
        raise ValueError(f"expected a kind among {KINDS}, got {kind!r}")
    tasks = []
    for i, story in enumerate(sample_stories(n, seed, language)):
        rng = _chance(seed, i)
        chosen = kind or rng.choice(KINDS)
        if chosen == "meetings":
            tasks.append(_meetings(rng, language, (1, 2, 3, 4)))
        else:
            tasks.append(_Asker(story, rng).ask(chosen))
    return tasks


def dialogue(tasks: Sequence[Task]) -> list[Message]:
    """Put tasks one after the other, each with its answer; a story is told once.

    Raises:
        ValueError: no tasks.
    """
    if not tasks:
        raise ValueError("expected at least one task, got none")
    messages, told = [], None
    for task in tasks:
        [message] = task.messages
        if task.story is told and task.kind in ABOUT:
            message = {"role": "user", "content": task.question}
        told = task.story if task.kind in ABOUT else told
        messages += [message, {"role": "assistant", "content": task.answer}]
    return messages
