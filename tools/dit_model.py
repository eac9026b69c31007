"""Train the book's DiT on the pictures of the stories and store it: a part of `make model`.

    python -m tools.dit_model                 train, measure, store
    python -m tools.dit_model --card          write the model card anew from the stored results

It learns from pictures and captions that are drawn as it goes, in both languages; the captions
reach it through the text tower of the book's CLIP, which stays as it is. What it can do is measured
on scenes that are kept apart by their hash, by reading back what it painted.
"""

import json
import random
import time
from collections.abc import Sequence

import torch

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.pictures import Scene, all_scenes, caption, count_scenes
from lessons_lib.corpus.pictures import sample as draw_scenes
from lessons_lib.dit import (
    DiT,
    DiTConfig,
    ReadBack,
    as_pictures,
    caption_condition,
    read_back,
    sample,
    train_painter,
)
from lessons_lib.training import Recipe
from tools.house import LANGUAGES, ROOT
from tools.stored import train_or

FOLDER = ROOT / "lessons_lib" / "models" / "dit"
RECIPE = Recipe(n_steps=5500, batch_size=16, lr=0.003, matrix_lr=0.02, warm_up=0.04)
KEEP = 0.998
GUIDANCE = 2.0
N_TESTS, AT_ONCE = 1000, 50
# What is measured: the scenes, and the steps that they are painted in.
TRIALS = {"16": ("test", 16), "4": ("test", 4), "pairs": ("pairs", 4)}
HEADS = {"16": "16 steps", "4": "4 steps", "pairs": "never-seen pairs, 4 steps"}
MEASURES = {
    "place": "the place, of 6",
    "time": "the time, of 4",
    "number": "how many things, 1 to 3",
    "names": "all things, whatever their colours",
    "colours": "all colours, whatever has them",
    "things": "all things with their colours",
    "scene": "the whole scene: that, sides, place and time",
}
LEAST = {"place": 0.98, "time": 0.98, "things": 0.85}
MOST_RMSE = 0.05
MOST_LOST = 0.02  # of the things with their colours, with 4 steps in place of 16


def new_model() -> DiT:
    """Return the model before it has learned anything."""
    torch.manual_seed(0)
    return DiT(DiTConfig(d_condition=128, d_ff=576))


# ---------------------------------------------------------------- measuring


def scenes_of(split: str, n: int) -> list[Scene]:
    """Return different scenes of a part: as they are drawn, or of the pairs a choice of all."""
    if split == "pairs":
        return random.Random(0).sample(all_scenes(split), n)
    return list(dict.fromkeys(draw_scenes(3 * n, 0, split)))[:n]


def try_out(model: DiT, scenes: Sequence[Scene], language: str, steps: int) -> ReadBack:
    """Paint scenes from captions that say all, each from a noise of its own, and read them back."""
    painted = []
    for i in range(0, len(scenes), AT_ONCE):
        said = caption_condition([caption(s, language) for s in scenes[i : i + AT_ONCE]])
        painted.append(as_pictures(sample(model, said, steps, GUIDANCE, seed=i)))
    return read_back(scenes, torch.cat(painted).numpy())


def measure(model: DiT, n: int) -> dict[str, dict[str, dict]]:
    """Return all measures of all trials in each language."""
    found = {}
    for language in LANGUAGES:
        found[language] = {}
        for trial, (split, steps) in TRIALS.items():
            result = try_out(model, scenes_of(split, n), language, steps)._asdict()
            parts = {name: list(result.pop(name)) for name in MEASURES}
            found[language][trial] = parts | result
    return found


def shortcomings(right: dict[str, dict[str, dict]]) -> dict[str, float]:
    """Return what is worse than it has to be."""
    found = {}
    for language, trials in right.items():
        many, few = trials["16"], trials["4"]
        found |= {
            f"{name} ({language})": many[name][0]
            for name, least in LEAST.items()
            if many[name][0] < least
        }
        if many["rmse"] > MOST_RMSE:
            found[f"rmse ({language})"] = many["rmse"]
        if few["things"][0] < many["things"][0] - MOST_LOST:
            found[f"things in 4 steps ({language})"] = few["things"][0]
    return found


# ---------------------------------------------------------------- storing


def build() -> None:
    """Train, measure and store the model.

    Raises:
        ValueError: a model that is not good enough; nothing is written.
    """
    model, start = new_model(), time.process_time()

    def watch(step: int, loss: float) -> None:
        if step % 100 == 0:
            print(f"step {step}, loss {loss:.3f}", flush=True)

    losses = train_painter(model, RECIPE, LANGUAGES, KEEP, watch=watch)
    store(model, losses, time.process_time() - start)


def store(model: DiT, losses: list[float], seconds: float) -> None:
    """Measure a trained model and write it, if it is good enough.

    Args:
        model: what was trained.
        losses: of its steps.
        seconds: of the processor.

    Raises:
        ValueError: a measure that is worse than it has to be; nothing is written.
    """
    stored = model.half().float()  # what 16 bits keep is what is measured
    results = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "tested": N_TESTS,
        "kept apart": count_scenes("test"),
        "steps": len(losses),
        "minutes": seconds / 60,
        "threads": torch.get_num_threads(),
        "right": measure(stored, N_TESTS),
    }
    print(json.dumps(results, indent=2))
    if low := shortcomings(results["right"]):
        raise ValueError(f"expected at least {LEAST} and an rmse of {MOST_RMSE}, got {low}")
    stored.half().save_pretrained(FOLDER)
    means = [sum(losses[i : i + 10]) / len(losses[i : i + 10]) for i in range(0, len(losses), 10)]
    record = [{"step": 10 * (i + 1), "loss": round(loss, 4)} for i, loss in enumerate(means)]
    lines = "".join(json.dumps(line) + "\n" for line in record)
    write_atomic(FOLDER / "record.jsonl", lines.encode())
    write_atomic(FOLDER / "results.json", (json.dumps(results, indent=2) + "\n").encode())
    write_card()


def write_card() -> None:
    """Write the model card from what was measured."""
    r = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    right, n, batch, minutes = r["right"], r["tested"], RECIPE.batch_size, r["minutes"]
    columns = [(trial, language) for trial in TRIALS for language in LANGUAGES]

    def share(mean: float, low: float, high: float) -> str:
        return f"{mean:.3f} ({low:.3f} to {high:.3f})"

    names = {"en": "English", "es": "Spanish"}
    head = " | ".join(f"{names[language]}, {HEADS[trial]}" for trial, language in columns)
    rows = "".join(
        f"| {text} | {' | '.join(share(*right[la][trial][name]) for trial, la in columns)} |\n"
        for name, text in MEASURES.items()
    )
    distances = [right[la][trial] for trial, la in columns]
    rmse = " | ".join(f"{x['rmse']:.4f} ± {x['rmse_error']:.4f}" for x in distances)
    card = f"""# A DiT of children's stories (English and Spanish)

It paints pictures of 32 by 32 pixels from captions: animals and coloured objects in the six
places of the book's small world. The book uses it to show how a Transformer paints; it is of no
other use.

- **Architecture**: DiT with adaLN-zero, {r["parameters"]:,} parameters: 4 layers, 160 wide, 5
  heads, patches of 8 by 8 pixels, queries and keys brought to one length. The time enters through
  the norms, and with it the caption's vector; the caption's words stand before the patches. Both
  come from the text tower of the book's CLIP, which this model needs. Weights in float16.
- **Training data**: pictures and captions of `lessons_lib.corpus.pictures`, drawn as it learned:
  no person drew or wrote them, and no person is in them. Each caption is in one of the two
  languages, and in a tenth of the cases it was left out.
- **Training**: {r["steps"]:,} steps of {batch} pictures. Flow matching: the model names the
  picture, and its squared error counts 1 / max(t, 0.3)^2. Muon for the matrices of attention and
  feed-forward networks, AdamW for the rest, seed {RECIPE.seed}; {minutes:.1f} minutes of
  {r["threads"]} processor thread(s). Kept are the means of the weights over the last steps, with
  a factor of {KEEP}. `make model` trains it again.
- **Measured** by reading back what it painted: {n:,} scenes kept apart by their hash
  ({r["kept apart"]:,} of them), from captions that say all, with Euler's steps and a guidance
  of {GUIDANCE:g}. Beside them {n:,} scenes with a pair of colour and object that neither this
  model nor CLIP ever saw. In parentheses the intervals that hold the true share in 95 of 100
  cases (Wilson).

| right is | {head} |
|---|{"---|" * len(columns)}
{rows}| distance to the nearest true picture (rmse, of 1) | {rmse} |

- **Limits**: it knows 125 words and this world alone, and it paints something for any caption.
  A colour and an object that it never saw together it often takes for others that it did.

The weights are under the same licence as the book's code.
"""
    write_atomic(FOLDER / "README.md", card.encode())


def main() -> int:
    """Train, or write the card; the exit status says whether all went well."""
    return train_or("card", write_card, build, __doc__)


if __name__ == "__main__":
    console.run(main)
