"""What was painted, read back from its pixels and counted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lessons_lib.base.validation import check_integer
from lessons_lib.corpus.pictures import Scene, Thing, read
from lessons_lib.evaluation import Accuracy, accuracy


class ReadBack(NamedTuple):
    """Which part of N pictures shows what it was to show, each with its interval.

    `place`, `time`, `number` (how many things), `names` and `colours` (each of all things, wherever
    they stand), `things` (all with their own colours), `scene` (those, on the right sides, in the
    right place and time); and `rmse`, the mean distance to the nearest true picture, with its
    standard error `rmse_error`.
    """

    place: Accuracy
    time: Accuracy
    number: Accuracy
    names: Accuracy
    colours: Accuracy
    things: Accuracy
    scene: Accuracy
    rmse: float
    rmse_error: float


def read_back(scenes: Sequence[Scene], pictures: np.ndarray) -> ReadBack:
    """Read pictures and compare them with the scenes that they were to show.

    Args:
        scenes: N, at least 2.
        pictures: (N, 32, 32, 3), numbers from 0 to 1.

    Raises:
        ValueError: fewer than 2, something else than scenes, as many pictures as there are no
            scenes, or pictures that `lessons_lib.corpus.pictures.read` refuses.
    """
    for name, several in (("scenes", scenes), ("pictures", pictures)):
        if not hasattr(several, "__len__"):
            raise ValueError(f"expected several {name}, got {type(several).__name__}")
    check_integer("the number of scenes", len(scenes), 2)
    if len(pictures) != len(scenes):
        raise ValueError(f"expected {len(scenes)} pictures, got {len(pictures)}")
    for scene in scenes:
        if not isinstance(scene, Scene):
            raise ValueError(f"expected scenes, got {type(scene).__name__}")
    found, distances = zip(*map(read, pictures), strict=True)
    right = np.array([compare(*pair) for pair in zip(scenes, found, strict=True)])
    error = np.std(distances, ddof=1) / len(distances) ** 0.5
    return ReadBack(*map(accuracy, right.T), float(np.mean(distances)), float(error))


def compare(scene: Scene, other: Scene) -> tuple[bool, ...]:
    """Return what is alike in two scenes, in the order of `ReadBack`."""

    def alike(part) -> bool:
        return sorted(map(part, scene.things)) == sorted(map(part, other.things))

    return (
        scene.place == other.place,
        scene.time == other.time,
        len(scene.things) == len(other.things),
        alike(lambda thing: thing.name),
        alike(lambda thing: thing.colour),
        alike(_whole),
        scene == other,
    )


def _whole(thing: Thing) -> tuple[str, str]:
    return thing.name, thing.colour
