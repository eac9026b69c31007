"""Paint what the figure `Painter` shows before a reader paints, and readers without scripts.

    python -m tools.painted

The captions of its presets, in both languages, and for the first of them the model's guess at each
step. The pictures go to `lessons_lib/models/painted.json`, three bytes a pixel, so that they are
the same on all machines. It takes some seconds.
"""

import argparse
import json

import torch

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.pictures import Scene, caption
from lessons_lib.corpus.stories import LANGUAGES
from lessons_lib.dit import (
    as_pictures,
    caption_condition,
    euler_step,
    guided,
    painter,
    seeded_noise,
    to_picture,
    to_velocity,
)
from lessons_lib.live.painter import GUIDANCE, PRESETS, SEED, STEPS, STORED, pack_picture


@torch.inference_mode()
def paint_steps(text: str) -> list[tuple[str, str]]:
    """Return for each step of a caption's painting the mixture behind it, and the model's guess."""
    model, condition, found = painter(), caption_condition([text]), []
    config = model.config
    x = seeded_noise((1, config.channels, config.image_size, config.image_size), SEED)
    for i in range(STEPS):
        t, s = 1 - i / STEPS, 1 - (i + 1) / STEPS
        times = torch.tensor([t])
        said = guided(model, x, times, condition, GUIDANCE)
        guess = to_picture(said, x, times, config.predicts)
        x = euler_step(x, to_velocity(said, x, times, config.predicts), t, s)
        found.append(tuple(pack_picture(as_pictures(one)[0].numpy()) for one in (x, guess)))
    return found


def paint_presets(scenes: tuple[Scene, ...], language: str) -> dict[str, list[str]]:
    """Return the steps for the first scene's caption, and the pictures of all."""
    painted = [paint_steps(caption(scene, language)) for scene in scenes]
    ways, guesses = (list(column) for column in zip(*painted[0], strict=True))
    return {"ways": ways, "guesses": guesses, "pictures": [steps[-1][0] for steps in painted]}


def main(argv: list[str] | None = None) -> None:
    """Paint and store."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(argv)
    stored = {language: paint_presets(PRESETS, language) for language in LANGUAGES}
    write_atomic(STORED, (json.dumps(stored, indent=1) + "\n").encode())
    print(f"wrote {STORED}")


if __name__ == "__main__":
    console.run(main)
