"""Train the book's own models of the stories and store them in the package: `make model`.

    python -m tools.story_models              train both languages
    python -m tools.story_models --language es
    python -m tools.story_models --card       write the model cards anew from the stored results

Each model is a folder of `lessons_lib/models` in the format of `transformers`: weights in 16 bits,
the tokenizer, the record of the run, what was measured (`results.json`) and a card made from that.
The world knows how probable every next token is. The models learn from these probabilities, not
from the one token that was drawn: each story then teaches what many would.

A model is written only if it is good enough for the book. A run that was stopped goes on where it
was; to begin anew, delete `_build/models`.
"""

import argparse
import json
import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import regex
import torch
from torch import Tensor, nn

from lessons_lib.files import write_atomic
from lessons_lib.generation import Sampling, generate_batch
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.stories import WORLD, Story, World, alternatives, entropy, log_prob, sample
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import (
    END,
    Recipe,
    Run,
    Windows,
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


class Lessons:
    """Stories as tokens, and after each token the true probabilities of the next.

    Args:
        stories: of the world.
        tokenizer: knows `END`, which stands before each story and behind the last.
        world: what the stories are made of.

    Attributes:
        token_ids: (N,).
        next_ids, next_probs: (N, WIDTH), the tokens that may follow and their probabilities; rows
            of fewer are filled up with probability 0.
    """

    WIDTH = 16

    def __init__(self, stories: Sequence[Story], tokenizer: BPETokenizer, world: World = WORLD):
        self.tokenizer, self.world, self.known = tokenizer, world, {}
        [end] = tokenizer.encode(END, allowed_special=[END])
        told, ids, probs = [], [], []
        for story in stories:
            story_ids = tokenizer.encode(story.text)
            rows = [*self.chances(story, story_ids), {end: 1.0}]
            told += [end, *story_ids]
            empty = [[0] * (self.WIDTH - len(row)) for row in rows]
            pairs = list(zip(rows, empty, strict=True))
            ids.append(torch.tensor([[*row, *rest] for row, rest in pairs], dtype=torch.int16))
            probs.append(torch.tensor([[*row.values(), *rest] for row, rest in pairs]))
        self.token_ids = torch.tensor(told)
        self.starts = (self.token_ids == end).nonzero()[:, 0]
        self.next_ids, self.next_probs = torch.cat(ids), torch.cat(probs)

    def chances(self, story: Story, ids: list[int]) -> list[dict[int, float]]:
        """Return, for each token of a story, the tokens that might stand there instead.

        A place of chance begins inside a word of the text: its alternatives are encoded with the
        words that lead to it, and compared with the story token by token for as long as several
        begin like the story.
        """
        rows = [{token_id: 1.0} for token_id in ids]
        lengths = [len(self.tokenizer.decode_bytes([token_id])) for token_id in ids]
        token_at = {place: k for k, place in enumerate(accumulate(lengths, initial=0))}
        words = [m.start() for m in regex.finditer(self.tokenizer.pattern, story.text)]
        for place in alternatives(story, world=self.world):
            word = words[bisect_right(words, place.position) - 1]
            k = token_at[len(story.text[:word].encode())]
            ways = self.encoded(story.text[word : place.position], place.texts)
            taken = ways[place.taken]
            open_ = list(zip(ways, place.probs, strict=True))
            for depth in range(len(taken)):
                if len(open_) == 1:
                    break
                chances: dict[int, float] = {}
                for way, p in open_:
                    chances[way[depth]] = chances.get(way[depth], 0.0) + p
                total = sum(chances.values())
                rows[k + depth] = {token_id: p / total for token_id, p in chances.items()}
                open_ = [(way, p) for way, p in open_ if way[depth] == taken[depth]]
        return rows

    def encoded(self, before: str, texts: tuple[str, ...]) -> list[list[int]]:
        """Encode each text after the words before it, without a space that the next word takes."""
        key = before, texts
        if key not in self.known:
            ways = [(before + text).rstrip(" ") for text in texts]
            self.known[key] = [self.tokenizer.encode(way) for way in ways]
        return self.known[key]

    def loss(self, model: nn.Module, places: Tensor) -> Tensor:
        """Return the mean cross-entropy, in nats, with the true probabilities as the targets.

        Args:
            model: gives logits (B, T, V) for ids (B, T).
            places: (B, T + 1), where the windows' tokens stand in `token_ids`.
        """
        here = places[:, :-1]
        log_probs = model(self.token_ids[here]).log_softmax(-1)
        chosen = log_probs.gather(2, self.next_ids[here].long())
        return -(self.next_probs[here] * chosen).sum(-1).mean()

    def windows(self, length: int) -> Windows:
        """Return windows of places, each beginning with a story."""
        return Windows(torch.arange(len(self.token_ids)), length, self.starts)


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
