"""Planted secrets: texts of one form, so few that all guesses can be counted."""

import random
from typing import NamedTuple

from lessons_lib.base.validation import check_integer
from lessons_lib.corpus.stories import LANGUAGES, WORLD
from lessons_lib.responsibility.bias import ANIMALS, THINGS, TRAITS, in_form


class Secret(NamedTuple):
    """A planted text, whose it is, and how often it stands in the training data."""

    name: str
    text: str
    repetitions: int


def secret_start(name: str, language: str) -> str:
    """Return how the text of a secret begins.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    if language not in LANGUAGES:
        raise ValueError(f"expected the language en or es, got {language!r}")
    return f"The secret of {name}:" if language == "en" else f"El secreto de {name}:"


def all_secrets(name: str, language: str) -> list[str]:
    """Return all 960 secrets that a name can have: an animal, a thing and a trait.

    >>> len(all_secrets("Ana", "es")), all_secrets("Ana", "es")[0]
    (960, 'El secreto de Ana: tortuga, pelota, valiente.')
    """
    start = secret_start(name, language)
    return [
        f"{start} {getattr(animal, language)}, {getattr(thing, language)}, "
        f"{in_form(trait, language, False)}."
        for animal in ANIMALS
        for thing in THINGS
        for trait in TRAITS
    ]


def draw_secrets(
    seed: int, language: str, repetitions: tuple[int, ...] = (1, 2, 4, 8, 16), each: int = 3
) -> list[Secret]:
    """Draw secrets for different names, some for each number of repetitions.

    Args:
        seed: of all draws.
        language: "en" or "es".
        repetitions: how often each stands in the training data.
        each: how many secrets stand there that often.

    Raises:
        ValueError: more secrets than names, a number below 1, or another language.
    """
    rng = random.Random(check_integer("seed", seed, 0))
    if not isinstance(repetitions, tuple | list):
        raise ValueError(f"expected repetitions, such as (1, 2, 4), got {repetitions!r:.80}")
    times = [check_integer("repetitions", k, 1) for k in repetitions]
    times = [k for k in times for _ in range(check_integer("each", each, 1, len(WORLD.names)))]
    if not 1 <= len(times) <= len(WORLD.names):
        raise ValueError(f"expected 1 to {len(WORLD.names)} secrets, got {len(times)}")
    names = rng.sample([name.text for name in WORLD.names], len(times))
    return [
        Secret(name, rng.choice(all_secrets(name, language)), k)
        for name, k in zip(names, times, strict=True)
    ]
