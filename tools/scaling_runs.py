"""Make the runs of the chapter `scaling` and store what they came to.

    python -m tools.scaling_runs

Small models of four widths tell stories, each trained from scratch for several numbers of steps.
Measured are the operations of the training, and by how much each story of a test set costs the
model more than it would cost the world that told it. On two cores this takes some minutes. The
results go to `lessons_lib/models/scaling.json`; other processors round differently, and the losses
then differ in their third or fourth digit.
"""

import argparse
import json
from pathlib import Path

import torch

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.corpus.stories import sample
from lessons_lib.llama import Llama, LlamaConfig, llama_parameters
from lessons_lib.scaling import model_flops
from lessons_lib.training import Recipe, story_data, story_losses, story_tokenizer, train

STORED = Path(__file__).resolve().parents[1] / "lessons_lib" / "models" / "scaling.json"
LANGUAGE = "en"
RUNS = {32: (50, 150, 450), 64: (50, 150, 450), 128: (60, 180, 540, 1200), 256: (80, 240)}
LENGTH = 168  # tokens: nearly every story fits
BATCH = 12
N_TEST = 100  # stories


def story_config(d_model: int) -> LlamaConfig:
    """Return the sizes of a model: two layers with norms on queries and keys, heads of 32."""
    return LlamaConfig(
        vocab_size=1024,
        context_length=2 * LENGTH,
        d_model=d_model,
        n_heads=d_model // 32,
        n_layers=2,
        d_ff=3 * d_model,
        qk_norm=True,
    )


def make_run(d_model: int, n_steps: int, data, tokenizer, test) -> dict:
    """Train one model and measure it."""
    torch.manual_seed(0)
    config = story_config(d_model)
    model = Llama(config)
    train(model, data, Recipe(n_steps=n_steps, batch_size=BATCH, lr=0.005, matrix_lr=0.02))
    losses = story_losses(model, tokenizer, test)
    log_probs = torch.tensor([story.log_prob for story in test])
    return {
        "d_model": d_model,
        "n_steps": n_steps,
        "n_parameters": llama_parameters(config),
        "n_tokens": n_steps * BATCH * LENGTH,
        "flops": 3 * n_steps * BATCH * model_flops(config, LENGTH),
        "loss": round(losses.mean().item(), 3),
        "excess": round((losses + log_probs).mean().item(), 3),
    }


def main() -> int:
    """Make all runs, printing each, and store them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=STORED, help="where to write the results")
    out = parser.parse_args().out
    tokenizer = story_tokenizer()
    data = story_data(LANGUAGE, tokenizer, 8000, LENGTH)
    test = sample(N_TEST, seed=0, language=LANGUAGE)
    runs = []
    for d_model, steps in RUNS.items():
        for n_steps in steps:
            runs.append(make_run(d_model, n_steps, data, tokenizer, test))
            print(json.dumps(runs[-1]), flush=True)
    content = {"language": LANGUAGE, "runs": runs}
    out.parent.mkdir(exist_ok=True)
    write_atomic(out, (json.dumps(content, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    console.run(main)
