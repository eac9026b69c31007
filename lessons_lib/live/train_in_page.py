"""The page trains: a small model learns the stories in the reader's browser."""

import functools
import json
import zlib
from collections import Counter

from lessons_lib.corpus.stories import Story, sample
from lessons_lib.tokens import split_words

__all__ = ["held_stories", "pack_stories", "word_stories"]

N_STORIES = 5000  # to learn from: those that the chapter on n-grams counts in
N_HELD = 50  # new ones, the first of the chapter on training


def held_stories(language: str) -> list[Story]:
    """Return the stories on which the page measures what was learned; it never trains on them."""
    return sample(N_HELD, seed=0, language=language)


@functools.cache
def word_stories(language: str) -> tuple[list[str], list[list[int]]]:
    """Return the words of the stories, and each story as places in that list.

    Each word is one token. Word 0 is the line end that closes every story, the others follow by how
    often they come. The last `N_HELD` stories are `held_stories`.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    told = [*sample(N_STORIES, seed=1, language=language), *held_stories(language)]
    stories = [split_words(story.text) for story in told]
    counts = Counter(word for story in stories for word in story)
    words = ["\n", *sorted(counts.keys() - {"\n"}, key=lambda word: (-counts[word], word))]
    places = {word: i for i, word in enumerate(words)}
    return words, [[places[word] for word in story] for story in stories]


@functools.cache
def pack_stories(language: str) -> bytes:
    """Return the stories as a file for the page, in the format of zlib.

    First a line of JSON: the words, and how many stories at the end are held out. Then the low
    bytes of all ids, then their high bytes; where word 0 stands, a story ends.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    words, stories = word_stories(language)
    head = json.dumps({"words": words, "held": N_HELD}, ensure_ascii=False) + "\n"
    ids = [place for story in stories for place in story]
    low, high = bytes(place % 256 for place in ids), bytes(place // 256 for place in ids)
    return zlib.compress(head.encode() + low + high, level=9)
