"""What can be seen: things before a background, how often, and what is kept apart for tests."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from itertools import product

from lessons_lib.base.validation import check_integer

OBJECTS = ("ball", "kite", "bell", "key", "drum", "hat", "book", "boat")
ANIMALS = (
    "turtle",
    "squirrel",
    "hen",
    "frog",
    "giraffe",
    "fox",
    "bear",
    "duck",
    "cat",
    "rabbit",
)
COLOURS = ("red", "yellow", "white", "blue", "green", "orange")
PLACES = ("beach", "market", "garden", "castle", "school", "lake")
TIMES = ("summer", "winter", "rain", "night")
SPLITS = ("train", "test", "pairs")
TEST_PART = 0.1  # of the scenes, by their hash


@dataclass(frozen=True, order=True)
class Thing:
    """An object with its colour, or an animal, which has its own: ``Thing("ball", "red")``.

    Raises:
        ValueError: another name or colour, an object without a colour, or an animal with one.
    """

    name: str
    colour: str = ""

    def __post_init__(self):
        if self.name in ANIMALS and self.colour == "":
            return
        if not (self.name in OBJECTS and self.colour in COLOURS):
            raise ValueError(
                f"expected an animal {ANIMALS}, or an object {OBJECTS} and a colour {COLOURS}, "
                f"got {self.name!r:.40} and {self.colour!r:.40}"
            )

    @property
    def is_animal(self) -> bool:
        """Whether it is an animal."""
        return not self.colour


@dataclass(frozen=True)
class Scene:
    """What a picture shows: its things from left to right, the place and the time.

    The things are one of any kind, an animal and an object, two different objects, or two or three
    equal objects.

    Raises:
        ValueError: other things, another place or another time.
    """

    things: tuple[Thing, ...]
    place: str
    time: str

    def __post_init__(self):
        things = self.things
        if not isinstance(things, tuple) or not all(isinstance(x, Thing) for x in things):
            raise ValueError(f"expected a tuple of things, got {things!r:.80}")
        if not (1 <= len(things) <= 3) or (len(things) > 1 and not self._go_together()):
            raise ValueError(
                "expected one thing, an animal and an object, two different objects, or two or "
                f"three equal objects, got {things!r:.200}"
            )
        if self.place not in PLACES or self.time not in TIMES:
            raise ValueError(
                f"expected a place {PLACES} and a time {TIMES}, "
                f"got {self.place!r:.40} and {self.time!r:.40}"
            )

    def _go_together(self) -> bool:
        n_animals = sum(thing.is_animal for thing in self.things)
        if len(self.things) == 2:
            return n_animals < 2
        return n_animals == 0 and len(set(self.things)) == 1


THINGS = (
    *(Thing(name, colour) for name in OBJECTS for colour in COLOURS),
    *(Thing(name) for name in ANIMALS),
)
# Pairs of object and colour that no scene for training shows: each object and colour once.
HELD_OUT = (
    Thing("ball", "green"),
    Thing("kite", "white"),
    Thing("bell", "blue"),
    Thing("key", "red"),
    Thing("drum", "yellow"),
    Thing("hat", "orange"),
)


def split_of(scene: Scene) -> str:
    """Return to which part a scene belongs.

    "pairs" shows a pair of `HELD_OUT`; of all others, "test" is a tenth, chosen by a hash of the
    scene, and "train" the rest. So no picture of a tested scene is ever trained on, however often
    scenes are drawn.

    >>> split_of(Scene((Thing("ball", "green"),), "beach", "summer"))
    'pairs'
    """
    if any(thing in HELD_OUT for thing in scene.things):
        return "pairs"
    words = [f"{thing.colour} {thing.name}" for thing in scene.things]
    digest = sha256(", ".join([*words, scene.place, scene.time]).encode()).digest()
    return "test" if int.from_bytes(digest[:4], "big") < TEST_PART * 2**32 else "train"


def check_split(split: str) -> str:
    """Return `split` if it is one of `SPLITS`; `ValueError` else."""
    if split not in SPLITS:
        raise ValueError(f"expected a split among {SPLITS}, got {split!r:.80}")
    return split


def _groups() -> Iterator[tuple[Thing, ...]]:
    """Yield the things of every scene."""
    objects = [thing for thing in THINGS if not thing.is_animal]
    animals = [thing for thing in THINGS if thing.is_animal]
    yield from ((thing,) for thing in THINGS)
    for animal, thing in product(animals, objects):
        yield from ((animal, thing), (thing, animal))
    yield from ((one, other) for one, other in product(objects, objects) if one != other)
    yield from ((thing,) * n for thing in objects for n in (2, 3))


def all_scenes(split: str) -> tuple[Scene, ...]:
    """Return all scenes of a part, in a fixed order.

    Raises:
        ValueError: another part than those of `SPLITS`.
    """
    return _all_scenes(check_split(split))


@lru_cache(maxsize=len(SPLITS))
def _all_scenes(split: str) -> tuple[Scene, ...]:
    scenes = (Scene(*parts) for parts in product(_groups(), PLACES, TIMES))
    return tuple(scene for scene in scenes if split_of(scene) == split)


def count_scenes(split: str | None = None) -> int:
    """Return how many scenes there are, in all or in a part.

    In all: (58 single things + 960 of an animal and an object + 2,256 of two objects + 96 of equal
    ones) times 24 backgrounds.

    Raises:
        ValueError: another part than those of `SPLITS`.

    >>> count_scenes()
    80880
    """
    return sum(len(all_scenes(part)) for part in (SPLITS if split is None else [split]))


def sample(n: int, seed: int, split: str = "train") -> list[Scene]:
    """Draw `n` scenes of a part: the same ones for the same seed, some of them perhaps twice.

    Of 100, 15 show one thing, 35 an animal with an object, 35 two objects, 15 two or three equal
    objects; place, time, kinds and colours are equally likely.

    Args:
        n: how many.
        seed: of the draws.
        split: "train", "test" or "pairs", see `split_of`.

    Raises:
        ValueError: a negative number or seed, or another split.

    >>> [scene.place for scene in sample(3, seed=0)]
    ['castle', 'market', 'lake']
    """
    check_integer("n", n, 0)
    rng = random.Random(check_integer("seed", seed, 0))
    check_split(split)
    scenes = []
    while len(scenes) < n:
        scene = Scene(_draw_things(rng), rng.choice(PLACES), rng.choice(TIMES))
        if split_of(scene) == split:
            scenes.append(scene)
    return scenes


def _draw_things(rng: random.Random) -> tuple[Thing, ...]:
    one, kind = Thing(rng.choice(OBJECTS), rng.choice(COLOURS)), rng.random()
    if kind < 0.15:
        return (one if rng.random() < 0.6 else Thing(rng.choice(ANIMALS)),)
    if kind < 0.5:
        both = (one, Thing(rng.choice(ANIMALS)))
        return both if rng.random() < 0.5 else both[::-1]
    if kind < 0.85:
        other = one
        while other == one:
            other = Thing(rng.choice(OBJECTS), rng.choice(COLOURS))
        return one, other
    return (one,) * rng.choice((2, 3))


def exchange_colours(scene: Scene) -> Scene | None:
    """Return the scene whose two objects have each other's colour; None where that changes nothing.

    >>> red_ball, blue_key = Thing("ball", "red"), Thing("key", "blue")
    >>> exchange_colours(Scene((red_ball, blue_key), "lake", "rain")).things[0]
    Thing(name='ball', colour='blue')
    """
    if len(scene.things) != 2 or any(thing.is_animal for thing in scene.things):
        return None
    one, other = scene.things
    if one.name == other.name or one.colour == other.colour:
        return None
    things = (replace(one, colour=other.colour), replace(other, colour=one.colour))
    return replace(scene, things=things)


def near_miss(scene: Scene, rng: random.Random) -> Scene:
    """Return a scene that differs in one respect: the hardest pictures to tell apart.

    One thing has another name or another colour, the colours or the sides are exchanged, or there
    is one of equal things more or fewer; by chance one of those that the scene has.
    """
    things, choices = scene.things, []
    equal = len(set(things)) == 1
    k = rng.randrange(len(things))
    names = OBJECTS if things[k].colour else ANIMALS
    choices.append(replace(things[k], name=_other(names, things[k].name, rng)))
    if things[k].colour:
        choices.append(replace(things[k], colour=_other(COLOURS, things[k].colour, rng)))
    changed = [
        (new,) * len(things) if equal else (*things[:k], new, *things[k + 1 :]) for new in choices
    ]
    if not equal:
        changed.append(things[::-1])
        if exchanged := exchange_colours(scene):
            changed += [exchanged.things] * 2  # as often as both other names
    elif things[0].colour:
        changed.append((things[0],) * _other((1, 2, 3), len(things), rng))
    return replace(scene, things=rng.choice(changed))


def same_words(scene: Scene, rng: random.Random) -> Scene | None:
    """Return a scene that is described with the same words in another order.

    Two objects exchange their colours, in a quarter of the cases and where that changes nothing
    their sides, as an animal and an object do; None for equal things and for one alone.
    """
    if len(set(scene.things)) == 1:
        return None
    other = exchange_colours(scene)
    if other and rng.random() < 0.75:
        return other
    return replace(scene, things=scene.things[::-1])


def _other(values: tuple, value: object, rng: random.Random) -> object:
    """Return another one of the values."""
    return rng.choice([other for other in values if other != value])
