"""The book's own CLIP, trained on the pictures of its stories."""

from functools import cache
from pathlib import Path

from lessons_lib.clip.towers import CLIP
from lessons_lib.clip.words import WordTokenizer
from lessons_lib.corpus.pictures import PLACES, THINGS, TIMES, Scene, Thing, Wording, describe
from lessons_lib.corpus.stories import LANGUAGES


@cache
def picture_words() -> tuple[str, ...]:
    """Return all words that captions of pictures have in both languages, in alphabetical order."""
    fox, ball, key = Thing("fox"), Thing("ball", "red"), Thing("key", "blue")
    groups = [(fox, ball), (ball, key), *((thing,) for thing in THINGS)]
    groups += [(thing,) * n for thing in THINGS if thing.colour for n in (2, 3)]
    scenes = [Scene(things, "lake", "rain") for things in groups]
    scenes += [Scene((fox,), place, time) for place in PLACES for time in TIMES]
    both = (Wording(), Wording(side=False))
    captions = (
        describe(s, language, how) for s in scenes for language in LANGUAGES for how in both
    )
    return tuple(sorted({word for text in captions for word in text.split()}))


def picture_model() -> tuple[CLIP, WordTokenizer]:
    """Return the book's own CLIP, which knows captions in both languages, and its tokenizer.

    `make model` trained it.
    """
    folder = Path(__file__).parents[1] / "models" / "clip"
    return CLIP.from_pretrained(folder).float(), WordTokenizer.from_pretrained(folder)
