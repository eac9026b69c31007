"""Speed of `lessons_lib.corpus.pictures`: drawing at the models' size, and the reader.

    python -m benchmarks.pictures [--pictures 5000] [--repeats 5]

Seconds are the processor's, of one thread; the median of the repeats counts. The peer is NumPy
itself, which copies a background: no drawing can be faster.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable

from lessons_lib.base import console
from lessons_lib.corpus.pictures import draw, read, sample, sample_shifts


def rate(n: int, repeats: int, run: Callable[[], object]) -> float:
    """Return how many of `n` things a second of the processor does."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return n / statistics.median(seconds)


def main() -> None:
    """Draw, read and print what a second gives."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    n, rng = options.pictures, random.Random(0)
    scenes = sample(n, 0)
    shifts = [sample_shifts(len(scene.things), rng) for scene in scenes]
    pictures = [draw(scene) for scene in scenes]  # fills the caches of backgrounds and drawings
    copied = rate(n, options.repeats, lambda: [picture.copy() for picture in pictures])
    print(f"copying a picture     {copied:10,.0f} a second")
    for name, run in {
        "drawing": lambda: [draw(scene) for scene in scenes],
        "drawing, shifted": lambda: [
            draw(scene, 32, moved) for scene, moved in zip(scenes, shifts, strict=True)
        ],
    }.items():
        drawn = rate(n, options.repeats, run)
        print(f"{name:21} {drawn:10,.0f} a second   {drawn / copied:6.3f} of copying")
    few = pictures[: max(1, n // 50)]
    seen = rate(len(few), options.repeats, lambda: [read(picture) for picture in few])
    print(f"reading               {seen:10,.0f} a second")


if __name__ == "__main__":
    console.run(main)
