"""A scene in words: what is true of it, or a part of that, in both languages."""

import random
from collections.abc import Hashable
from typing import NamedTuple

from lessons_lib.base.validation import check_integer
from lessons_lib.corpus.pictures.scenes import ANIMALS, Scene, Thing
from lessons_lib.corpus.stories import LANGUAGES, WORLD, _agree

PLACE_WORDS = {
    "beach": ("at the beach", "en la playa"),
    "market": ("at the market", "en el mercado"),
    "garden": ("in the garden", "en el jardín"),
    "castle": ("at the castle", "en el castillo"),
    "school": ("at the school", "en la escuela"),
    "lake": ("by the lake", "junto al lago"),
}
TIME_WORDS = {
    "summer": ("on a summer day", "en un día de verano"),
    "winter": ("on a winter day", "en un día de invierno"),
    "rain": ("on a rainy day", "en un día de lluvia"),
    "night": ("at night", "de noche"),
}
_JOINED = {"side": (" to the left of ", " a la izquierda de "), "with": (" with ", " con ")}
_JOINED["and"] = (" and ", " y ")
_NUMBERS = {2: ("two", "dos"), 3: ("three", "tres")}
_NOUNS = {noun.en: noun for noun in (*WORLD.objects, *WORLD.kinds)}
_COLOURS = {colour.en: colour for colour in WORLD.colours}


class Wording(NamedTuple):
    """What a caption says of a scene, and in which order; all of it by default.

    `side` says which of two things stands on the left; `colour`, `place`, `time` and `things` are
    said or left out; `place_first` begins with time and place.
    """

    side: bool = True
    colour: bool = True
    place: bool = True
    time: bool = True
    things: bool = True
    place_first: bool = False


def wording(seed: int) -> Wording:
    """Return the wording of a number: 0 says everything, others leave out what chance decides.

    The side is said in half of the captions, the colours in 7 of 10, the place and the time in 6 of
    10 each; a caption that names place or time leaves out the things in 1 of 10.

    Raises:
        ValueError: a negative number, or no integer.
    """
    if check_integer("seed", seed, 0) == 0:
        return Wording()
    chance = random.Random(seed).random
    place, time = chance() < 0.6, chance() < 0.6
    things = not (place or time) or chance() < 0.9
    return Wording(chance() < 0.5, chance() < 0.7, place, time, things, chance() < 0.5)


def caption(scene: Scene, language: str, seed: int = 0) -> str:
    """Say what a scene shows; seed 0 says all that is true, see `wording`.

    Raises:
        ValueError: no scene, a language other than "en" and "es", or a seed that is no integer from
            0 on.

    >>> scene = Scene((Thing("fox"), Thing("ball", "red")), "lake", "night")
    >>> caption(scene, "en")
    'a fox to the left of a red ball by the lake at night'
    >>> caption(scene, "es")
    'un zorro a la izquierda de una pelota roja junto al lago de noche'
    """
    return describe(scene, language, wording(seed))


def describe(scene: Scene, language: str, wording: Wording) -> str:
    """Say of a scene what `wording` asks for.

    Raises:
        ValueError: no scene, a language other than "en" and "es", or a wording of nothing.

    >>> scene = Scene((Thing("ball", "red"), Thing("fox")), "lake", "night")
    >>> describe(scene, "en", Wording(side=False, time=False))
    'a fox with a red ball by the lake'
    """
    if not isinstance(scene, Scene):
        raise ValueError(f"expected a scene, got {type(scene).__name__}")
    if language not in LANGUAGES:
        raise ValueError(f"expected the language en or es, got {language!r:.80}")
    if not (wording.things or wording.place or wording.time):
        raise ValueError(f"expected a wording that says something, got {wording}")
    es = LANGUAGES.index(language)
    things = _say_things(scene.things, language, wording) if wording.things else ""
    place = PLACE_WORDS[scene.place][es] if wording.place else ""
    time = TIME_WORDS[scene.time][es] if wording.time else ""
    parts = (time, place, things) if wording.place_first else (things, place, time)
    return " ".join(part for part in parts if part)


def facts(scene: Scene, wording: Wording) -> Hashable:
    """Return what a wording says of a scene: equal for all scenes of which the caption is true.

    >>> ball, fox = Thing("ball", "red"), Thing("fox")
    >>> one, other = (Scene(things, "lake", "rain") for things in ((ball, fox), (fox, ball)))
    >>> [facts(one, Wording(side=side)) == facts(other, Wording(side=side)) for side in (0, 1)]
    [True, False]
    """
    return (
        _shown(scene.things, wording) if wording.things else None,
        scene.place if wording.place else None,
        scene.time if wording.time else None,
    )


def _shown(things: tuple[Thing, ...], wording: Wording) -> tuple[tuple[str, str], ...]:
    """Return the names and colours that are said, in the order in which they are said."""
    shown = [(thing.name, thing.colour if wording.colour else "") for thing in things]
    if not wording.side:  # an animal first, then by the alphabet: nothing is said about the side
        shown.sort(key=lambda one: (one[0] not in ANIMALS, one))
    return tuple(shown)


def _say_things(things: tuple[Thing, ...], language: str, wording: Wording) -> str:
    es, shown = LANGUAGES.index(language), _shown(things, wording)
    if len(set(shown)) == 1:
        return _noun(*shown[0], language, len(shown))
    joined = "with" if shown[0][0] in ANIMALS else "and"
    return _JOINED["side" if wording.side else joined][es].join(
        _noun(name, colour, language) for name, colour in shown
    )


def _noun(name: str, colour: str, language: str, n: int = 1) -> str:
    """Return "a red ball" or "two red balls", in Spanish with the words agreeing."""
    noun = _NOUNS[name]
    if language == "en":
        words = f"{colour} {noun.en}" if colour else noun.en
        article = "an" if words[0] in "aeiou" else "a"
        return f"{article} {words}" if n == 1 else f"{_NUMBERS[n][0]} {words}s"
    words = noun.es if n == 1 else _plural(noun.es)
    if colour:
        words = f"{words} {_agree(_COLOURS[colour].es, noun.feminine, n > 1)}"
    article = "una" if noun.feminine else "un"
    return f"{article} {words}" if n == 1 else f"{_NUMBERS[n][1]} {words}"


def _plural(word: str) -> str:
    return word + ("s" if word[-1] in "aeo" else "es")


def one_thing(thing: Thing, language: str, colour: bool = True) -> str:
    """Return the words for a thing alone: "a red ball", or without its colour "a ball".

    >>> one_thing(Thing("ball", "red"), "es", colour=False)
    'una pelota'
    """
    wording = Wording(colour=colour, place=False, time=False)
    return describe(Scene((thing,), "beach", "summer"), language, wording)
