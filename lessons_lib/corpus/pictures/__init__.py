"""The stories' world in pictures: scenes drawn by rule, their captions, and a reader of pixels.

A *scene* is one to three things before one of 24 backgrounds. It is known exactly, so whatever a
model sees in a picture, or paints, can be compared with the truth. There are 80,880 scenes; each
can be drawn at any size, described in English and Spanish in several wordings, and read back from
its pixels.

    scenes      what can be seen, how often, and which scenes are kept apart for tests
    shapes      signed distances: shapes with smooth edges at any size
    things      the objects and animals, drawn with them
    backgrounds the six places in four kinds of weather
    drawing     a scene as an array of pixels
    captions    a scene in words
    reading     the scene in an array of pixels

It stands beside the chapters and uses NumPy alone; its drawings and words are its own.
"""

from lessons_lib.corpus.pictures.captions import Wording, caption, describe, facts, wording
from lessons_lib.corpus.pictures.drawing import SHIFTS, draw, sample_shifts
from lessons_lib.corpus.pictures.reading import check_picture, nearest, read
from lessons_lib.corpus.pictures.scenes import (
    ANIMALS,
    COLOURS,
    HELD_OUT,
    OBJECTS,
    PLACES,
    SPLITS,
    THINGS,
    TIMES,
    Scene,
    Thing,
    all_scenes,
    count_scenes,
    exchange_colours,
    near_miss,
    same_words,
    sample,
    split_of,
)

__all__ = [
    "ANIMALS",
    "COLOURS",
    "HELD_OUT",
    "OBJECTS",
    "PLACES",
    "SHIFTS",
    "SPLITS",
    "THINGS",
    "TIMES",
    "Scene",
    "Thing",
    "Wording",
    "all_scenes",
    "caption",
    "check_picture",
    "count_scenes",
    "describe",
    "draw",
    "exchange_colours",
    "facts",
    "near_miss",
    "nearest",
    "read",
    "same_words",
    "sample",
    "sample_shifts",
    "split_of",
    "wording",
]
