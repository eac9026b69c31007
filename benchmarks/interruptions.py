"""Training on shards, killed and stopped at random moments: it ends with the same bits.

    python -m benchmarks.interruptions --times 20

Each life of the run is a process of its own, which gets SIGKILL or SIGTERM after a random time; the
next one goes on with what it finds, with checkpoints in one file or in parts. In the end the
weights are compared with those of a run that nobody stopped.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch

from lessons_lib.base import console
from lessons_lib.base.checkpoints import read_checkpoint, weights_sha256
from lessons_lib.corpus.stories import sample
from lessons_lib.data import Shards, tokenize_files
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.training import Recipe, Stopping, story_tokenizer, train
from lessons_lib.training.state import saved_weights

FORK = multiprocessing.get_context("fork")
RECIPE = Recipe(n_steps=300, batch_size=4, save_every=7)


def write_shards(folder: Path) -> Path:
    """Write some stories as shards."""
    text = folder / "stories.jsonl"
    lines = [json.dumps({"text": story.text}) + "\n" for story in sample(500, 3, "en")]
    text.write_text("".join(lines), encoding="utf-8")
    tokenize_files([text], story_tokenizer(), folder / "shards", 1, shard_tokens=20_000)
    return folder / "shards"


def live(shards: Path, folder: Path, parts: bool) -> None:
    """Train in `folder`, from where it stands, until the end or a signal."""
    torch.manual_seed(0)
    data = Shards(shards, 64)
    model = Llama(LlamaConfig(1024, 64, 64, n_heads=2, n_layers=2, d_ff=128, qk_norm=True))
    resume = (folder / "checkpoint.pt").exists()
    with Stopping() as stopping:
        train(model, data, RECIPE, None, folder, resume, stop=stopping, parts=parts)
    os._exit(stopping.status if stopping.number else 0)


def interrupted(shards: Path, folder: Path, times: int, rng: random.Random) -> Counter:
    """Train in `folder` with so many interruptions; count how the processes ended."""
    ends = Counter()
    while True:
        child = FORK.Process(target=live, args=(shards, folder, rng.random() < 0.5))
        child.start()
        if sum(ends.values()) < times:
            time.sleep(rng.uniform(0.05, 1.0))
            number = rng.choice([signal.SIGKILL, signal.SIGTERM])
            os.kill(child.pid, number)
        child.join()
        ends[child.exitcode] += 1
        if child.exitcode == 0:
            return ends


def main() -> None:
    """Compare a run that was interrupted with one that was not."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=20, help="how many interruptions")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shards = write_shards(folder)
        rng = random.Random(options.seed)
        interrupted(shards, folder / "whole", 0, rng)
        ends = interrupted(shards, folder / "killed", options.times, rng)
        states = [folder / name / "checkpoint.pt" for name in ("whole", "killed")]
        digests = {weights_sha256(saved_weights(state)) for state in states}
        losses = [[line["loss"] for line in read_checkpoint(s)["record"]] for s in states]
        print(f"{Shards(shards, 64)}, {RECIPE.n_steps} steps; ends of processes: {dict(ends)}")
        same = len(digests) == 1 and losses[0] == losses[1]
        print("the weights and all losses are the same to the bit" if same else "THEY DIFFER")


if __name__ == "__main__":
    console.run(main)
