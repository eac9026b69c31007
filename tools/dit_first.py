"""Record what a DiT learns first, for the plot of the chapter `dit`.

    python -m tools.dit_first    train, measure at each of `STOPS`, and store

The chapter's small model learns for longer than there, at the full rate. At each stop the means of
its weights paint scenes that are kept apart, and what they painted is read back.
"""

import copy
import json

import torch

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.pictures import caption
from lessons_lib.corpus.pictures import sample as draw_scenes
from lessons_lib.dit import (
    DiT,
    DiTConfig,
    as_pictures,
    caption_condition,
    read_back,
    sample,
    train_painter,
)
from lessons_lib.dit.learning import follow_weights
from lessons_lib.training import Recipe
from tools.house import LANGUAGES, ROOT

STORED = ROOT / "lessons_lib" / "models" / "dit_first.json"
STOPS = (32, 64, 128, 256, 512, 1024, 2048)
# The rate falls in the last half of a run: twice as long a run keeps it level up to the last stop.
RECIPE = Recipe(n_steps=2 * STOPS[-1], batch_size=16, lr=0.003, matrix_lr=0.02)
KEEP = 0.98
N_TESTS, STEPS, GUIDANCE = 200, 4, 2.0
PARTS = ("place", "time", "colours", "names", "things", "scene")


class Enough(Exception):
    """The last stop is behind."""


def measure(model: DiT, step: int) -> dict[str, float]:
    """Return which part of the pictures shows what it was to show, after so many steps."""
    scenes = draw_scenes(N_TESTS, 0, "test")
    said = caption_condition([caption(scene, "en") for scene in scenes])
    painted = as_pictures(sample(model, said, STEPS, GUIDANCE)).numpy()
    found = read_back(scenes, painted)
    shares = {part: round(getattr(found, part).mean, 3) for part in PARTS}
    return {"step": step, **shares, "rmse": round(found.rmse, 4)}


def main() -> None:
    """Train and measure, and store what was found so far at each stop."""
    torch.manual_seed(0)
    model = DiT(DiTConfig(d_condition=128, d_model=96, n_heads=3, n_layers=3))
    mean = [p.detach().clone() for p in model.parameters()]
    lines = []

    def watch(step: int, loss: float) -> None:
        follow_weights(mean, model.parameters(), min(KEEP, 1 - 4 / (step + 4)))
        if step not in STOPS:
            return
        smooth = copy.deepcopy(model)
        with torch.no_grad():
            for p, kept in zip(smooth.parameters(), mean, strict=True):
                p.copy_(kept)
        lines.append(measure(smooth, step))
        print(lines[-1], flush=True)
        write_atomic(STORED, (json.dumps(lines, indent=1) + "\n").encode())
        if step == STOPS[-1]:
            raise Enough

    try:
        train_painter(model, RECIPE, LANGUAGES, watch=watch)
    except Enough:
        return


if __name__ == "__main__":
    console.run(main)
