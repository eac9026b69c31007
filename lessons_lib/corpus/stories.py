"""A small world of children's stories, in English and Spanish, whose exact probability is known.

The book trains on these stories. A language model can at best say every text exactly as often as
it occurs; here that optimum is a number, so a loss can be read as a distance from the best
possible. And every story comes with the facts behind it: who holds what, who feels how.

How it works. A story is a Python generator. ``yield "text"`` says fixed words; ``yield Pick(...)``
leaves the next words to chance, and the generator receives what was chosen. Whoever drives the
generator decides what chance is: `sample` draws, `parse` and `log_prob` follow a given text,
`next_probs` looks at what could come next, `entropy` visits every branch.

Why the probabilities are exact. At every pick no option's text begins with another option's text,
so a text can be told in one way only: log p(text) is the sum of log p(choice).

Why both languages have the same entropy. Both make the same picks in the same order, with the same
options in the same order; only the words differ. Words whose order depends on the language ("red
ball", "pelota roja") are picked together. So one seed tells the same stories in both.

It stands beside the chapters, uses the standard library alone, and its words are its own.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Generator, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from lessons_lib.base.validation import check_integer

LANGUAGES = ("en", "es")

# ------------------------------------------------------------------------------- the vocabulary


class Phrase(NamedTuple):
    """The same words in both languages; `@` is the Spanish ending that agrees: -a or -o."""

    en: str
    es: str


class Name(NamedTuple):
    """A person's name, the same in both languages."""

    text: str
    feminine: bool


class Noun(NamedTuple):
    """A kind of person or thing, with the gender and number that Spanish words agree with."""

    en: str
    es: str
    feminine: bool
    plural: bool = False


class Mood(NamedTuple):
    """A feeling, the words that show it by day, and the ways it ends at night."""

    name: Phrase
    days: tuple[Phrase, ...]
    nights: tuple[Phrase, ...]


def _phrases(*pairs: tuple[str, str]) -> tuple[Phrase, ...]:
    return tuple(Phrase(*pair) for pair in pairs)


@dataclass(frozen=True, eq=False)
class World:
    """All that can occur in a story: the words to pick from, and how many events there may be.

    Smaller worlds, for experiments and tests, come from ``dataclasses.replace(WORLD, ...)``.
    Raises `ValueError` where a list is too short to tell a story with two different friends.
    """

    openings: tuple[Phrase, ...]
    names: tuple[Name, ...]
    kinds: tuple[Noun, ...]
    traits: tuple[Phrase, ...]
    homes: tuple[Phrase, ...]
    objects: tuple[Noun, ...]
    colours: tuple[Phrase, ...]
    times: tuple[Phrase, ...]
    moods: tuple[Mood, ...]
    spots: tuple[Phrase, ...]
    places: tuple[Phrase, ...]
    games: tuple[Phrase, ...]
    deeds: tuple[Phrase, ...]
    relatives: tuple[Phrase, ...]
    closings: tuple[Phrase, ...]
    min_events: int = 2
    max_events: int = 5

    def __post_init__(self):
        for field, value in vars(self).items():
            least = 2 if field in ("names", "traits") else 1
            if isinstance(value, tuple) and len(value) < least:
                raise ValueError(f"a world needs at least {least} {field}, got {len(value)}")
        for feminine in {name.feminine for name in self.names}:
            if sum(kind.feminine == feminine for kind in self.kinds) < 2:
                raise ValueError("a world needs at least 2 kinds for each gender among its names")
        if not 0 <= self.min_events <= self.max_events:
            raise ValueError(
                "expected 0 <= min_events <= max_events, "
                f"got {self.min_events} and {self.max_events}"
            )


WORLD = World(
    openings=_phrases(
        ("Once upon a time there was ", "Había una vez "),
        ("A long time ago there was ", "Hace mucho tiempo había "),
        ("In a faraway land there was ", "En un país lejano había "),
    ),
    names=(
        *(Name(n, True) for n in ("Ana", "Clara", "Emma", "Eva", "Luz", "Nora", "Sara", "Vera")),
        *(Name(n, False) for n in ("Bruno", "Daniel", "David", "Hugo", "Leo", "Marco", "Max")),
        Name("Pablo", False),
    ),
    kinds=(
        Noun("girl", "niña", True),
        Noun("turtle", "tortuga", True),
        Noun("squirrel", "ardilla", True),
        Noun("hen", "gallina", True),
        Noun("frog", "rana", True),
        Noun("giraffe", "jirafa", True),
        Noun("boy", "niño", False),
        Noun("fox", "zorro", False),
        Noun("bear", "oso", False),
        Noun("duck", "pato", False),
        Noun("cat", "gato", False),
        Noun("rabbit", "conejo", False),
    ),
    traits=_phrases(
        ("brave", "valiente"),
        ("kind", "amable"),
        ("clever", "list@"),
        ("curious", "curios@"),
        ("quiet", "tranquil@"),
        ("shy", "tímid@"),
        ("elegant", "elegante"),
        ("honest", "sincer@"),
    ),
    homes=_phrases(
        ("by the sea", "junto al mar"),
        ("near the forest", "cerca del bosque"),
        ("on the hill", "en la colina"),
        ("behind the mill", "detrás del molino"),
        ("in the valley", "en el valle"),
        ("across the river", "al otro lado del río"),
    ),
    objects=(
        Noun("ball", "pelota", True),
        Noun("kite", "cometa", True),
        Noun("bell", "campana", True),
        Noun("flute", "flauta", True),
        Noun("key", "llave", True),
        Noun("lamp", "lámpara", True),
        Noun("drum", "tambor", False),
        Noun("hat", "sombrero", False),
        Noun("book", "libro", False),
        Noun("boat", "barco", False),
        Noun("map", "mapa", False),
        Noun("whistle", "silbato", False),
        Noun("boots", "botas", True, True),
        Noun("marbles", "canicas", True, True),
        Noun("gloves", "guantes", False, True),
        Noun("shoes", "zapatos", False, True),
    ),
    colours=_phrases(
        ("red", "roj@"),
        ("yellow", "amarill@"),
        ("white", "blanc@"),
        ("blue", "azul"),
        ("green", "verde"),
        ("orange", "naranja"),
    ),
    times=_phrases(
        ("One morning", "Una mañana"),
        ("One afternoon", "Una tarde"),
        ("One summer day", "Un día de verano"),
        ("One winter day", "Un día de invierno"),
        ("One rainy day", "Un día de lluvia"),
        ("One windy day", "Un día de viento"),
    ),
    moods=(
        Mood(
            Phrase("happy", "feliz"),
            _phrases(
                ("full of joy", "llen@ de alegría"),
                ("with a big smile", "con una gran sonrisa"),
                ("humming a tune", "tarareando una canción"),
            ),
            _phrases(
                ("fell asleep with a smile", "se durmió con una sonrisa"),
                ("danced to bed", "bailó hasta la cama"),
            ),
        ),
        Mood(
            Phrase("sad", "triste"),
            _phrases(
                ("full of sorrow", "llen@ de pena"),
                ("in tears", "con lágrimas en los ojos"),
                ("sighing at every step", "suspirando a cada paso"),
            ),
            _phrases(
                ("cried a little", "lloró un poco"),
                ("needed a long hug", "necesitó un largo abrazo"),
            ),
        ),
        Mood(
            Phrase("angry", "enfadad@"),
            _phrases(
                ("full of rage", "llen@ de rabia"),
                ("with a deep frown", "con el ceño fruncido"),
                ("grumbling like thunder", "gruñendo como un trueno"),
            ),
            _phrases(
                ("slammed the door", "dio un portazo"),
                ("kicked the blankets", "pateó las mantas"),
            ),
        ),
        Mood(
            Phrase("afraid", "asustad@"),
            _phrases(
                ("full of fear", "llen@ de miedo"),
                ("with a pounding heart", "con el corazón encogido"),
                ("trembling like a leaf", "temblando como una hoja"),
            ),
            _phrases(
                ("left a light on", "dejó una luz encendida"),
                ("hid under the blankets", "se escondió bajo las mantas"),
            ),
        ),
    ),
    spots=_phrases(
        ("in the basket", "en la cesta"),
        ("under the bench", "debajo del banco"),
        ("behind the tree", "detrás del árbol"),
        ("on the wall", "sobre el muro"),
        ("by the well", "junto al pozo"),
        ("inside the cave", "dentro de la cueva"),
    ),
    places=_phrases(
        ("to the beach", "a la playa"),
        ("to the market", "al mercado"),
        ("to the garden", "al jardín"),
        ("to the castle", "al castillo"),
        ("to the school", "a la escuela"),
        ("to the lake", "al lago"),
    ),
    games=_phrases(
        ("sang a song", "cantaron una canción"),
        ("ran a race", "echaron una carrera"),
        ("counted the clouds", "contaron las nubes"),
        ("ate bread and honey", "comieron pan con miel"),
        ("drew animals", "dibujaron animales"),
        ("told riddles", "contaron adivinanzas"),
    ),
    deeds=_phrases(
        ("sneezed", "estornudó"),
        ("yawned", "bostezó"),
        ("looked at the sky", "miró al cielo"),
        ("took a deep breath", "respiró hondo"),
        ("sat down to rest", "se sentó a descansar"),
        ("chased a butterfly", "persiguió a una mariposa"),
    ),
    relatives=_phrases(
        ("mother", "madre"),
        ("father", "padre"),
        ("grandmother", "abuela"),
        ("grandfather", "abuelo"),
    ),
    closings=_phrases(
        ("And that is the end of the story.", "Y colorín colorado, este cuento se ha acabado."),
        ("Good friends share everything.", "Los buenos amigos lo comparten todo."),
        ("Tomorrow would be another day.", "Mañana sería otro día."),
        ("The moon was shining.", "Brillaba la luna."),
    ),
)

# ---------------------------------------------------------------- what a story is and what it says


class Choice(NamedTuple):
    """One step of a story's derivation: what was picked, and the log-probability of that (nats).

    `label` and `index` (which of the options) are the same in both languages; `text` is not.
    """

    label: str
    index: int
    text: str
    log_prob: float


@dataclass(frozen=True)
class Character:
    """One of the two friends, in the words of the story's language."""

    name: str
    kind: str
    trait: str
    feminine: bool


@dataclass(frozen=True)
class Belonging:
    """A thing of the story: who brought it, and who holds it or where it lies at the end."""

    phrase: str  # "the red ball"
    object: str  # "ball"
    colour: str  # "red"
    owner: str  # the name of who had it first
    holder: str | None  # a name, or None when it lies somewhere
    place: str | None  # "under the bench", or None when somebody holds it


@dataclass(frozen=True)
class Event:
    """Something that happened between the friends.

    `action` is one of give, leave, admire, find, ask (these have a `thing`), go, play, do. `who`
    is a name, None where both act. `detail` is the place of leave, find, ask and go, the words of
    play and do.
    """

    action: str
    who: str | None
    thing: str | None = None
    to: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Facts:
    """What is true in a story, in the words of its language (`mood` alone is always English)."""

    hero: Character
    friend: Character
    home: str
    time: str
    mood: str  # the name of the mood in English, the same in both languages: a class label
    feeling: str  # the mood's adjective, agreeing with the hero
    mood_by_day: str
    mood_by_night: str
    things: tuple[Belonging, ...]
    events: tuple[Event, ...]
    relative: str
    question: str
    answer: str
    closing: str


@dataclass(frozen=True)
class Story:
    """A told story: its text (ending in a newline), the facts behind it, its log-probability.

    `log_prob` is in nats; `choices` is the derivation, whose log-probabilities sum to it.
    """

    text: str
    language: str
    facts: Facts
    log_prob: float
    choices: tuple[Choice, ...]

    def __str__(self) -> str:
        return self.text


# ----------------------------------------------------------------------------------- the grammar


def _agree(adjective: str, feminine: bool, plural: bool = False) -> str:
    """Make a Spanish adjective agree: ``_agree("roj@", True, True)`` is "rojas"."""
    adjective = adjective.replace("@", "a" if feminine else "o")
    if plural:
        adjective += "s" if adjective[-1] in "aeo" else "es"
    return adjective


def _described(noun: Noun, adjective: Phrase, language: str) -> str:
    """Join noun and adjective: "red ball", "pelota roja"."""
    if language == "en":
        return f"{adjective.en} {noun.en}"
    return f"{noun.es} {_agree(adjective.es, noun.feminine, noun.plural)}"


# (feminine, plural) -> the Spanish indefinite and definite article
_ARTICLES = {
    (True, False): ("una", "la"),
    (False, False): ("un", "el"),
    (True, True): ("unas", "las"),
    (False, True): ("unos", "los"),
}


def _indefinite(noun: Noun, adjective: Phrase, language: str) -> str:
    """Introduce what is not yet known: "a red ball", "an orange ball", "unas botas rojas"."""
    if language == "es":
        article = _ARTICLES[noun.feminine, noun.plural][0]
    elif noun.plural:
        article = "some"
    else:
        article = "an" if adjective.en.startswith(("a", "e", "i", "o", "u", "hon")) else "a"
    return f"{article} {_described(noun, adjective, language)}"


def _definite(noun: Noun, words: str, language: str) -> str:
    """Name what is known: "the ball", "la pelota"; `words` are the noun's, alone or described."""
    return f"{_ARTICLES[noun.feminine, noun.plural][1] if language == 'es' else 'the'} {words}"


class _Thing(NamedTuple):
    """An object of one colour, with the words in which a story speaks of it."""

    object: Noun
    colour: Phrase
    bare: str  # "red ball"
    the: str  # "the ball"
    the_full: str  # "the red ball"
    where_is: str  # "Where is", "¿Dónde está"
    it_is: str  # "It is", "Está"
    pronoun: str  # "it", "La"


def _thing(noun: Noun, colour: Phrase, language: str) -> _Thing:
    bare = _described(noun, colour, language)
    if language == "en":
        words = ("Where are", "They are", "them") if noun.plural else ("Where is", "It is", "it")
    else:
        be = "están" if noun.plural else "está"
        article = _ARTICLES[noun.feminine, noun.plural][1]
        words = (f"¿Dónde {be}", be.capitalize(), "Lo" if article == "el" else article.capitalize())
    the = _definite(noun, getattr(noun, language), language)
    return _Thing(noun, colour, bare, the, _definite(noun, bare, language), *words)


# ------------------------------------------------------------------------------------- the picks


class Option(NamedTuple):
    """One of the ways to go on: the words said, what they mean, how likely (relative weight)."""

    text: str
    value: Any
    weight: float = 1.0


class Pick(NamedTuple):
    """A place where chance decides how the story goes on.

    `state` is all that the number and the weights of later options depend on, besides the option
    taken here: two picks of equal label and state have equal futures. None says that not even
    the option taken matters: it changes words, never later chances.
    """

    label: str
    options: tuple[Option, ...]
    state: Hashable = None


@lru_cache(maxsize=4096)
def _phrase_options(phrases: tuple[Phrase, ...], language: str, end: str) -> tuple[Option, ...]:
    return tuple(Option(getattr(phrase, language) + end, phrase) for phrase in phrases)


def _pick(label: str, phrases: tuple[Phrase, ...], language: str, end: str = "") -> Pick:
    """Make an even choice of phrases that changes only words."""
    return Pick(label, _phrase_options(phrases, language, end))


@lru_cache(maxsize=4096)
def _character_options(
    world: World, language: str, feminine: bool | None, unlike: tuple[Noun, Phrase] | None
) -> tuple[Option, ...]:
    """List all kinds and traits, of one gender or both, that both differ from `unlike`'s."""
    return tuple(
        Option(_indefinite(kind, trait, language), (kind, trait))
        for kind in world.kinds
        for trait in world.traits
        if feminine in (None, kind.feminine) and (not unlike or kind != unlike[0])
        if not unlike or trait != unlike[1]
    )


@lru_cache(maxsize=4096)
def _thing_options(
    world: World, language: str, unlike: tuple[Noun, Phrase] | None
) -> tuple[Option, ...]:
    """List all objects in all colours that differ in both from `unlike`."""
    return tuple(
        Option(_indefinite(noun, colour, language), _thing(noun, colour, language))
        for noun in world.objects
        for colour in world.colours
        if not unlike or (noun != unlike[0] and colour != unlike[1])
    )


# ------------------------------------------------------------------------------------- the story


class _Person(NamedTuple):
    name: str
    kind: Noun
    trait: Phrase
    the: str  # "the fox"


class _Act(NamedTuple):
    action: str
    who: int | None = None  # 0 the hero, 1 the friend, None both
    thing: int | None = None


Steps = Generator[str | Pick, Any, Any]


class _Telling:
    """One telling of a story: the scenes, and what they have made true so far."""

    def __init__(self, world: World, language: str, things: int):
        self.world, self.language, self.thing_count = world, language, things
        self.people: list[_Person] = []
        self.things: list[_Thing] = []
        self.holders: list[int | None] = []
        self.spots: list[Phrase | None] = []
        self.events: list[Event] = []
        self.told: dict[str, str] = {}  # facts that are plain words
        self.mood: Mood | None = None

    def say(self, en: str, es: str) -> str:
        return en if self.language == "en" else es

    def pick_fact(self, label: str, phrases: tuple[Phrase, ...], end: str = "") -> Steps:
        """Pick words and note them as a fact of that name."""
        phrase = yield _pick(label, phrases, self.language, end)
        self.told[label] = getattr(phrase, self.language)

    def tell(self) -> Generator[str | Pick, Any, Facts]:
        """Tell the whole story, scene by scene, and return its facts."""
        yield from self.meet_hero()
        yield from self.feel()
        yield from self.meet_friend()
        yield from self.live()
        yield from self.answer()
        yield from self.sleep()
        return self.facts()

    def meet_hero(self) -> Steps:
        world, say = self.world, self.say
        yield _pick("opening", world.openings, self.language)
        kind, trait = yield Pick("hero", _character_options(world, self.language, None, None), ())
        yield say(" called ", _agree(" llamad@ ", kind.feminine))
        names = [name for name in world.names if name.feminine == kind.feminine]
        name = yield Pick("hero name", tuple(Option(name.text, name) for name in names))
        self.enter(name, kind, trait)
        yield say(". She lived " if name.feminine else ". He lived ", ". Vivía ")
        yield from self.pick_fact("home", world.homes)
        yield say(" and had ", " y tenía ")
        yield from self.bring("hero thing")
        yield ". "

    def feel(self) -> Steps:
        feminine = self.people[0].kind.feminine
        yield from self.pick_fact("time", self.world.times)
        yield ", "
        options = []
        for mood in self.world.moods:
            for day in mood.days:
                words = self.say(day.en, _agree(day.es, feminine))
                options.append(Option(words, (mood, words)))
        self.mood, self.told["mood_by_day"] = yield Pick("mood", tuple(options), feminine)
        yield ", "

    def meet_friend(self) -> Steps:
        hero, language = self.people[0], self.language
        yield hero.name + self.say(" met ", " conoció a ")
        names = (name for name in self.world.names if name.text != hero.name)
        options = tuple(Option(name.text, name) for name in names)
        name = yield Pick("friend name", options, (hero.kind.feminine, len(self.mood.nights)))
        yield ", "
        unlike = hero.kind, hero.trait
        options = _character_options(self.world, language, name.feminine, unlike)
        kind, trait = yield Pick("friend", options)
        self.enter(name, kind, trait)
        if self.thing_count == 2:
            yield self.say(" with ", " con ")
            yield from self.bring("friend thing")
        yield "."

    def enter(self, name: Name, kind: Noun, trait: Phrase) -> None:
        the = _definite(kind, getattr(kind, self.language), self.language)
        self.people.append(_Person(name.text, kind, trait, the))

    def bring(self, label: str) -> Steps:
        """Give a thing to whoever entered last, unlike the other's."""
        unlike = self.things[0][:2] if self.things else None
        self.things.append((yield Pick(label, _thing_options(self.world, self.language, unlike))))
        self.holders.append(len(self.people) - 1)
        self.spots.append(None)

    def live(self) -> Steps:
        """Tell one event after the other, then go home."""
        home = self.say(f" Back home {self.told['home']}, ", f" Ya en casa, {self.told['home']}, ")
        last = None
        for turn in range(1, self.world.max_events + 1):
            possible = self.event_options()
            options = [option for option in possible if option.value != last]  # none twice in a row
            barred = last if len(options) < len(possible) else None
            if turn > self.world.min_events:  # one story in four that get here ends here
                options.append(Option(home, None, sum(option.weight for option in options) / 3))
            state = len(self.mood.nights), tuple(self.holders), barred
            last = yield Pick(f"event {turn}", tuple(options), state)
            if last is None:
                return
            yield from self.happen(last, turn)
        yield home

    def event_options(self) -> list[Option]:
        """List what may happen now, which depends on who holds what."""
        options = []
        for x, holder in enumerate(self.holders):
            options += self.lying_options(x) if holder is None else self.held_options(x, holder)
        many, say = len(self.things), self.say
        girls = all(person.kind.feminine for person in self.people)
        both = " Las dos amigas " if girls else " Los dos amigos "
        options.append(Option(say(" They went ", " Fueron "), _Act("go"), 0.8 * many))
        options.append(Option(say(" The two friends ", both), _Act("play"), 0.8 * many))
        for j, person in enumerate(self.people):
            the = person.the[0].upper() + person.the[1:]
            options.append(Option(f" {the} ", _Act("do", j), 0.4 * many))
        return options

    def held_options(self, x: int, holder: int) -> list[Option]:
        thing, person, other = self.things[x], self.people[holder], self.people[1 - holder]
        a, b, the, plural = person.name, other.name, thing.the, thing.object.plural
        gusta = "Me gustan tus" if plural else "Me gusta tu"
        give = self.say(f" {a} gave {the} to {b}.", f" {a} le dio {the} a {b}.")
        leave = self.say(f" {a} left {the} ", f" {a} dejó {the} ")
        admire = self.say(
            f' "I like your {thing.bare}," said {other.the}.',
            f" «{gusta} {thing.bare}», dijo {other.the}.",
        )
        return [
            Option(give, _Act("give", holder, x), 3.0),
            Option(leave, _Act("leave", holder, x), 2.0),
            Option(admire, _Act("admire", 1 - holder, x), 1.0),
        ]

    def lying_options(self, x: int) -> list[Option]:
        thing, spot = self.things[x], getattr(self.spots[x], self.language)
        the, where_is = thing.the, thing.where_is
        options = []
        for j, person in enumerate(self.people):
            found = self.say("found", "encontró")
            find = f" {person.name} {found} {the} {spot}."
            options.append(Option(find, _Act("find", j, x), 1.75))
        ask = self.say(f' "{where_is} {the}?" asked ', f" «{where_is} {the}?», preguntó ")
        options.append(Option(ask, _Act("ask", None, x), 2.5))
        return options

    def happen(self, act: _Act, turn: int) -> Steps:
        """Finish the event's sentence and leave its mark on the world."""
        world, (action, who, x) = self.world, act
        if action == "give":
            self.holders[x] = 1 - who
        elif action == "find":
            self.holders[x] = who
        elif action == "leave":
            self.spots[x] = yield _pick(f"spot {turn}", world.spots, self.language, ".")
            self.holders[x] = None
        elif action == "ask":
            who = yield from self.ask(x, turn)
        lists = {"go": world.places, "play": world.games, "do": world.deeds}
        if action in lists:
            detail = yield _pick(f"{action} {turn}", lists[action], self.language, ".")
        else:
            detail = self.spots[x] if action in ("leave", "find", "ask") else None
        self.events.append(
            Event(
                action,
                who=None if who is None else self.people[who].name,
                thing=None if x is None else self.things[x].the_full,
                to=self.people[1 - who].name if action in ("give", "admire", "ask") else None,
                detail=detail and getattr(detail, self.language),
            )
        )

    def ask(self, x: int, turn: int) -> Steps:
        """Let one friend ask where a lying thing is; the other knows. Return who asked."""
        options = tuple(Option(person.name, j) for j, person in enumerate(self.people))
        who = yield Pick(f"asker {turn}", options)
        the, where = self.people[1 - who].the, self.where(x)
        yield self.say(f'. "{where}," said {the}.', f". «{where}», dijo {the}.")
        return who

    def where(self, x: int) -> str:
        """Say where thing `x` is, in the hero's words."""
        thing, holder, say = self.things[x], self.holders[x], self.say
        if holder is None:
            return f"{thing.it_is} {getattr(self.spots[x], self.language)}"
        if holder == 0:
            return say(f"I have {thing.pronoun}", f"{thing.pronoun} tengo yo")
        name = self.people[1].name
        return say(f"{name} has {thing.pronoun}", f"{thing.pronoun} tiene {name}")

    def answer(self) -> Steps:
        """Have the hero asked what only memory can answer."""
        hero, told = self.people[0], self.told
        yield self.say("her " if hero.kind.feminine else "his ", "su ")
        yield from self.pick_fact("relative", self.world.relatives)
        yield self.say(f' asked {hero.name}, "', f" le preguntó a {hero.name}: «")
        questions = [f"{thing.where_is} {thing.the_full}?" for thing in self.things]
        if len(questions) == 1:
            x = 0
            yield questions[0]
        else:
            x = yield Pick("question", tuple(Option(q, i) for i, q in enumerate(questions)))
        told["question"], told["answer"] = questions[x], self.where(x)
        yield self.say(
            f'" "{told["answer"]}," said {hero.the}. That night, ',
            f"». «{told['answer']}», dijo {hero.the}. Aquella noche, ",
        )

    def sleep(self) -> Steps:
        yield self.people[0].name + " "
        yield from self.pick_fact("mood_by_night", self.mood.nights)
        yield ". "
        yield from self.pick_fact("closing", self.world.closings)
        yield "\n"

    def facts(self) -> Facts:
        hero, friend = (self.character(person) for person in self.people)
        return Facts(
            hero=hero,
            friend=friend,
            mood=self.mood.name.en,
            feeling=self.say(self.mood.name.en, _agree(self.mood.name.es, hero.feminine)),
            things=tuple(self.belonging(x) for x in range(len(self.things))),
            events=tuple(self.events),
            **self.told,
        )

    def character(self, person: _Person) -> Character:
        kind, feminine = person.kind, person.kind.feminine
        trait = self.say(person.trait.en, _agree(person.trait.es, feminine))
        return Character(person.name, getattr(kind, self.language), trait, feminine)

    def belonging(self, x: int) -> Belonging:
        thing, holder, spot = self.things[x], self.holders[x], self.spots[x]
        noun, colour = thing.object, thing.colour
        return Belonging(
            thing.the_full,
            getattr(noun, self.language),
            self.say(colour.en, _agree(colour.es, noun.feminine, noun.plural)),
            owner=self.people[x].name,
            holder=None if holder is None else self.people[holder].name,
            place=getattr(spot, self.language) if holder is None else None,
        )


# ----------------------------------------------------------------------------------- the drivers

Chooser = Callable[[Pick, int], int]  # (pick, characters told so far) -> index of the option


def _tell(world: World, language: str, things: int, choose: Chooser) -> Story:
    """Drive one telling to its end. Fixed words reach `choose` as a pick of one option."""
    steps = _Telling(world, language, things).tell()
    parts, choices, position, value = [], [], 0, None
    while True:
        try:
            step = steps.send(value)
        except StopIteration as end:
            log_prob = sum(choice.log_prob for choice in choices)
            return Story("".join(parts), language, end.value, log_prob, tuple(choices))
        fixed = isinstance(step, str)
        pick = Pick("", (Option(step, None),)) if fixed else step
        index = choose(pick, position)
        text, value, weight = pick.options[index]
        if not fixed:
            chance = weight / sum([option.weight for option in pick.options])
            choices.append(Choice(pick.label, index, text, math.log(chance)))
        parts.append(text)
        position += len(text)


def _check(language: str, things: int, world: World) -> None:
    if language not in LANGUAGES:
        raise ValueError(f"expected a language among {LANGUAGES}, got {language!r}")
    check_integer("things", things, 1, 2)
    if things == 2 and min(len(world.objects), len(world.colours)) < 2:
        raise ValueError("a story of two things needs a world with 2 objects and 2 colours")


def _agreed(text: str, other: str) -> int:
    """Count the leading characters that two texts share."""
    pairs = enumerate(zip(text, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(text), len(other)))


def _check_text(text: str, language: str | None, things: int, world: World) -> str:
    """Check the arguments of a function that reads; return the language, detected where None."""
    if not isinstance(text, str):
        raise ValueError(f"expected the text of a story (str), got {type(text).__name__}")
    if language is None:  # the one whose openings go along with most of the text
        language = max(
            LANGUAGES,
            key=lambda tongue: max(_agreed(text, getattr(o, tongue)) for o in world.openings),
        )
    _check(language, things, world)
    return language


def _departure(pick: Pick, text: str, position: int) -> ValueError:
    """Make the error for a text that leaves the story at this pick."""
    agreed = [_agreed(text[position:], option.text) for option in pick.options]
    longest = max(agreed)
    place = position + longest
    rests = [o.text[longest:] for o, n in zip(pick.options, agreed, strict=True) if n == longest]
    expected = " or ".join(repr(rest[:20]) for rest in rests[:4]) + " ..." * (len(rests) > 4)
    found = f"has {text[place : place + 20]!r}" if place < len(text) else "ends"
    return ValueError(
        f"not a story of this world: at character {place} the text {found}, expected {expected}"
    )


def _surplus(text: str, told: int) -> ValueError:
    return ValueError(
        f"not a story of this world: at character {told} the text has "
        f"{text[told : told + 20]!r}, expected the end of the story"
    )


def sample(
    n: int, seed: int, language: str = "en", things: int = 1, *, world: World = WORLD
) -> list[Story]:
    """Draw `n` stories, independent of each other.

    The same seed gives the same stories on every platform, in either language the same ones (see
    `retell`), and the first stories of a longer list are those of a shorter one.

    Args:
        n: how many, at least 0.
        seed: an integer, at least 0.
        language: "en" or "es".
        things: 1, or 2 for stories that are harder to remember.
        world: what stories are made of.

    Raises:
        ValueError: for any argument outside of these.

    >>> story = sample(1, seed=42)[0]
    >>> story.text[:46]
    'A long time ago there was a clever girl called'
    >>> story.facts.answer
    'I have it'
    """
    n, rng = check_integer("n", n, 0), random.Random(check_integer("seed", seed, 0))
    _check(language, things, world)

    def choose(pick: Pick, _position: int) -> int:
        if not pick.label:
            return 0
        totals = list(accumulate([option.weight for option in pick.options]))
        return bisect_right(totals, rng.random() * totals[-1], hi=len(totals) - 1)

    return [_tell(world, language, things, choose) for _ in range(n)]


def parse(
    text: str, language: str | None = None, things: int = 1, *, world: World = WORLD
) -> Story:
    """Read the story that a text tells: its facts, its derivation and its log-probability.

    Args:
        text: one whole story, with the newline it ends in.
        language: "en", "es", or None to detect it.
        things: how many things the story has, 1 or 2.
        world: what stories are made of.

    Raises:
        ValueError: for a text that the world cannot tell, with the character at which it departs
            and what was expected there.
    """
    language = _check_text(text, language, things, world)

    def choose(pick: Pick, position: int) -> int:
        for index, option in enumerate(pick.options):
            if text.startswith(option.text, position):
                return index
        raise _departure(pick, text, position)

    story = _tell(world, language, things, choose)
    if len(story.text) < len(text):
        raise _surplus(text, len(story.text))
    return story


def log_prob(
    text: str, language: str | None = None, things: int = 1, *, world: World = WORLD
) -> float:
    """Return the exact log-probability of a story in nats; arguments and errors as in `parse`."""
    return parse(text, language, things, world=world).log_prob


class _PrefixEnds(Exception):
    """Raised inside a telling where the given prefix ends: what could come next."""

    def __init__(self, options: list[Option], said: int):
        self.options, self.said = options, said


def next_probs(
    prefix: str, language: str | None = None, things: int = 1, *, world: World = WORLD
) -> dict[str, float]:
    """Give the true distribution of the next character after `prefix`.

    Args:
        prefix: the beginning of a story, to any character.
        language: "en", "es", or None to detect it (English where `prefix` is empty).
        things: 1 or 2.
        world: what stories are made of.

    Returns:
        Every possible next character with its probability; nothing (``{}``) after a whole story.

    Raises:
        ValueError: for a prefix that begins no story of the world, as in `parse`.
    """
    language = _check_text(prefix, language, things, world)

    def choose(pick: Pick, position: int) -> int:
        rest = prefix[position:]
        for index, option in enumerate(pick.options):
            if rest.startswith(option.text):
                return index
        possible = [option for option in pick.options if option.text.startswith(rest)]
        if not possible:
            raise _departure(pick, prefix, position)
        raise _PrefixEnds(possible, len(rest))

    try:
        story = _tell(world, language, things, choose)
    except _PrefixEnds as end:
        total = sum(option.weight for option in end.options)
        probs: dict[str, float] = {}
        for option in end.options:
            character = option.text[end.said]
            probs[character] = probs.get(character, 0.0) + option.weight / total
        return probs
    if len(story.text) < len(prefix):
        raise _surplus(prefix, len(story.text))
    return {}


class _Branch(Exception):
    """Raised inside a telling at a pick where the story's chances branch."""

    def __init__(self, pick: Pick):
        self.pick = pick


def _probabilities(pick: Pick) -> list[float]:
    total = sum(option.weight for option in pick.options)
    return [option.weight / total for option in pick.options]


def _nats(pick: Pick) -> float:
    """Compute the entropy of one pick."""
    return -sum(p * math.log(p) for p in _probabilities(pick))


def _follow(world: World, language: str, things: int, path: tuple[int, ...]) -> tuple:
    """Take the options of `path` at the branching picks, and go on to the next one.

    Returns that pick (None at the story's end) and the nats of the free picks on the way to it.
    """
    nats, turns = 0.0, iter(path)

    def choose(pick: Pick, _position: int) -> int:
        nonlocal nats
        if pick.state is None:
            nats += _nats(pick)
            return 0
        index = next(turns, None)
        if index is None:
            raise _Branch(pick)
        nats = 0.0  # what came before this pick was counted on the way to it
        return index

    try:
        _tell(world, language, things, choose)
    except _Branch as branch:
        return branch.pick, nats
    return None, nats


@lru_cache(maxsize=64)
def _entropy(world: World, language: str, things: int) -> float:
    known: dict[Hashable, float] = {}  # (label, state) of a branching pick -> nats from there on

    def ahead(path: tuple[int, ...]) -> float:
        """Compute the nats that are still to come after `path`."""
        pick, nats = _follow(world, language, things, path)
        if pick is None:
            return nats
        key = pick.label, pick.state
        if key not in known:
            chances = enumerate(_probabilities(pick))
            known[key] = _nats(pick) + sum(p * ahead((*path, i)) for i, p in chances)
        return nats + known[key]

    return ahead(())


def entropy(language: str = "en", things: int = 1, *, world: World = WORLD) -> float:
    """Compute the entropy of the stories, exactly: the least mean loss any model can reach.

    Choices that change only words add their entropy once; the others branch, and branches that
    come to the same state of the world are followed once.

    Returns:
        Nats per story, the same number in both languages.

    Raises:
        ValueError: for an unknown language or a number of things other than 1 or 2.

    >>> entropy("en") == entropy("es")
    True
    """
    _check(language, things, world)
    return _entropy(world, language, things)


def retell(story: Story | str, language: str, things: int = 1, *, world: World = WORLD) -> Story:
    """Tell the same story in the given language.

    Args:
        story: a `Story`, or the text of one.
        language: "en" or "es".
        things: how many things a text tells of; a `Story` knows its own.
        world: the world that the story comes from.

    Raises:
        ValueError: for an unknown language, or a text that the world cannot tell.
    """
    if not isinstance(story, Story):
        story = parse(story, None, things, world=world)
    things = len(story.facts.things)
    _check(language, things, world)
    indices = iter([choice.index for choice in story.choices])
    return _tell(world, language, things, lambda pick, _: next(indices) if pick.label else 0)


class Alternatives(NamedTuple):
    """A place in a story where chance decided: what could have been said there.

    `position` counts the characters before it. `probs` sum to 1. `texts[taken]` is what was said.
    """

    position: int
    taken: int
    texts: tuple[str, ...]
    probs: tuple[float, ...]


def alternatives(story: Story, *, world: World = WORLD) -> list[Alternatives]:
    """List the places of a story where chance decided, in the story's order.

    Args:
        story: from `sample`, `parse` or `retell`.
        world: the world that the story comes from.

    >>> first = alternatives(sample(1, seed=42)[0])[0]
    >>> first.position, first.taken, first.texts[1], round(first.probs[1], 3)
    (0, 1, 'A long time ago there was ', 0.333)
    """
    found, indices = [], iter([choice.index for choice in story.choices])

    def choose(pick: Pick, position: int) -> int:
        if not pick.label:
            return 0
        texts = tuple([option.text for option in pick.options])
        found.append(Alternatives(position, next(indices), texts, tuple(_probabilities(pick))))
        return found[-1].taken

    _tell(world, story.language, len(story.facts.things), choose)
    return found


def enumerate_stories(
    language: str = "en", things: int = 1, *, world: World = WORLD
) -> Iterator[Story]:
    """Yield every story of a world, once each. Meant for small worlds: `WORLD` has no end in sight.

    Raises `ValueError` for an unknown language or a number of things other than 1 or 2.
    """
    _check(language, things, world)
    path: list[int] = []  # the options to take, as the digits of an odometer
    while True:
        sizes: list[int] = []

        def choose(pick: Pick, _position: int, sizes: list[int] = sizes) -> int:
            if not pick.label:
                return 0
            sizes.append(len(pick.options))
            if len(sizes) > len(path):
                path.append(0)
            return path[len(sizes) - 1]

        yield _tell(world, language, things, choose)
        while path and path[-1] + 1 == sizes[len(path) - 1]:
            path.pop()
        if not path:
            return
        path[-1] += 1
