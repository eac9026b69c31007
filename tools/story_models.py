"""Train the book's own models of the stories and store them in the package: `make model`.

    python -m tools.story_models              train both languages
    python -m tools.story_models --language es
    python -m tools.story_models --card       write the model cards anew from the stored results

Each model is a folder of `lessons_lib/models` in the format of `transformers`: weights in 16 bits,
the tokenizer, the record of the run, what was measured (`results.json`) and a card made from that.
A model is written only if it is good enough for the book. A run that was stopped goes on where it
was; to begin anew, delete `_build/models`.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from lessons_lib.files import write_atomic
from lessons_lib.generation import Sampling, generate_batch
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.stories import WORLD, entropy, log_prob, sample
from lessons_lib.training import (
    END,
    Recipe,
    Run,
    story_data,
    story_losses,
    story_tokenizer,
    train,
)
from tools.house import LANGUAGES, ROOT

MODELS = ROOT / "lessons_lib" / "models"
RUNS = ROOT / "_build" / "models"  # a run that was stopped goes on from here
CONFIG = LlamaConfig(
    vocab_size=1024,
    context_length=512,
    d_model=256,
    n_heads=8,
    n_layers=3,
    d_ff=256,
    qk_norm=True,
)
RATES = {"batch_size": 8, "lr": 0.02, "matrix_lr": 0.02, "evaluate_every": 200, "save_every": 200}
# First short stories, in which it is easier to find out who holds what; then all.
SHORT = replace(WORLD, min_events=0, max_events=2)
STAGES = {
    "short": (SHORT, 4_800, 112, Recipe(n_steps=600, final=1.0, **RATES)),
    "all": (WORLD, 30_400, 160, Recipe(n_steps=3_800, **RATES)),
}  # world, stories, tokens of a window, recipe
N_TESTS, N_SAMPLES = 500, 100
MIN_P = 0.1
LARGEST_RATIO = 1.03


def count_told(model: Llama, language: str, sampling: Sampling) -> int:
    """Return how many of the stories drawn from the model the world can tell."""
    tokenizer = story_tokenizer()
    [end] = tokenizer.encode(END, allowed_special=[END])
    drawn = generate_batch(model, [[end]] * N_SAMPLES, 250, sampling, stop_ids=[end])
    told = 0
    for ids in drawn:
        try:
            told += log_prob(tokenizer.decode(ids), language) < 0
        except ValueError:
            continue
    return told


def measure(model: Llama, language: str) -> dict:
    """Return how far the model is from the floor, and how many of its stories can be told."""
    tests = sample(N_TESTS, seed=0, language=language)
    losses = story_losses(model, story_tokenizer(), tests).double()
    least = -torch.tensor([story.log_prob for story in tests], dtype=torch.float64)
    excess = losses - least
    return {
        "language": language,
        "parameters": sum(p.numel() for p in model.parameters()),
        "entropy": entropy(language),
        "tested_stories": N_TESTS,
        "loss": losses.mean().item(),
        "least_loss": least.mean().item(),
        "ratio": (losses.mean() / least.mean()).item(),
        "excess": excess.mean().item(),
        "excess_error": (excess.std() / N_TESTS**0.5).item(),
        "sampled_stories": N_SAMPLES,
        "told_stories": count_told(model, language, Sampling()),
        "told_stories_min_p": count_told(model, language, Sampling(min_p=MIN_P)),
    }


def build(language: str) -> None:
    """Train, measure and store the model of one language.

    Raises:
        ValueError: a model that is not good enough; nothing is written.
    """
    tokenizer = story_tokenizer()
    torch.manual_seed(0)
    model = Llama(CONFIG)

    def watch(line: dict) -> None:
        if line["step"] % 50 == 0:
            print(f"{language}: {line}", flush=True)

    record, settings, tokens, seconds = [], {}, 0, 0.0
    for name, (world, n_stories, length, recipe) in STAGES.items():
        data = story_data(language, tokenizer, n_stories, length, world=world)
        validation = story_data(language, tokenizer, 200, length, seed=1)
        folder = RUNS / language / name
        resume = (folder / "checkpoint.pt").exists()
        lines = train(model, data, recipe, validation, folder, resume, watch=watch)
        record += [{"stage": name, **line} for line in lines]
        settings[name] = Run(model, data, recipe).settings()
        tokens, seconds = tokens + lines[-1]["tokens"], seconds + lines[-1]["seconds"]
    stored = model.half().float()  # what 16 bits keep is what is measured
    results = measure(stored, language) | {
        "steps": len(record),
        "tokens": tokens,
        "minutes": seconds / 60,
        "threads": torch.get_num_threads(),
        "settings": settings,
    }
    print(json.dumps(results, indent=2))
    if results["ratio"] > LARGEST_RATIO:
        raise ValueError(
            f"expected at most {LARGEST_RATIO} of the floor, got {results['ratio']:.4f}"
        )
    folder = MODELS / language
    stored.half().save_pretrained(folder, tokenizer)
    kept = [line for line in record if line["step"] % 10 == 0]
    lines = "".join(json.dumps(line) + "\n" for line in kept)
    write_atomic(folder / "record.jsonl", lines.encode())
    write_atomic(folder / "results.json", (json.dumps(results, indent=2) + "\n").encode())
    write_card(folder)


def write_card(folder: Path) -> None:
    """Write the model card from what was measured."""
    r = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    name = {"en": "English", "es": "Spanish"}[r["language"]]
    card = f"""# A model of children's stories ({name})

A language model that tells the stories of the book's small world, and nothing else. The book trains
it, looks into it, makes it smaller and teaches it to answer; it is of no other use.

- **Architecture**: Qwen3 (Llama with norms on queries and keys), {r["parameters"]:,} parameters:
  {CONFIG.n_layers} layers of width {CONFIG.d_model}, {CONFIG.n_heads} heads, feed-forward width
  {CONFIG.d_ff}. Weights in float16.
- **Tokenizer**: byte-level BPE with {CONFIG.vocab_size:,} tokens, made from both
  languages; `{END}` begins and ends each story.
- **Training data**: stories told by `lessons_lib.stories` (seed 2), {STAGES["short"][1]:,} short
  ones of at most two events and then {STAGES["all"][1]:,} of all lengths. They come from a program:
  no person wrote them, and no person is in them.
- **Training**: {r["steps"]:,} steps of {RATES["batch_size"]} windows of
  {STAGES["short"][2]} and then {STAGES["all"][2]} tokens ({r["tokens"]:,}
  tokens in all), Muon for the matrices and AdamW for the rest, float32, seed 0;
  {r["minutes"]:.1f} minutes on {r["threads"]} processor thread(s). `make model` trains it again.
- **Measured** on {r["tested_stories"]} stories that it has not seen (seed 0):
  {r["loss"]:.2f} nats per story. The true probabilities cost {r["least_loss"]:.2f} on them; the
  excess is {r["excess"]:.2f} ± {r["excess_error"]:.2f} nats, a ratio of {r["ratio"]:.3f}. (The
  entropy of the world is {r["entropy"]:.2f} nats per story.)
- **Of {r["sampled_stories"]} stories drawn from it** with min-p {MIN_P}, {r["told_stories_min_p"]}
  are stories that the world can tell; without any filter, {r["told_stories"]}.
- **Limits**: outside of this world it writes nonsense. It knows no facts and understands no
  questions.

The weights are under the same licence as the book's code.
"""
    write_atomic(folder / "README.md", card.encode())


def main() -> int:
    """Train, or write the cards; the exit status says whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--language", choices=LANGUAGES)
    parser.add_argument("--card", action="store_true")
    options = parser.parse_args()
    for language in [options.language] if options.language else LANGUAGES:
        try:
            write_card(MODELS / language) if options.card else build(language)
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
