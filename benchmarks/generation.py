"""Tokens per second of our generation beside that of `transformers`, and with and without a cache.

    python -m benchmarks.generation [--repeats 9]

One text, greedy, 256 new tokens of the book's own model, float32; the ways take turns, and medians
are compared. All write the same tokens.
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import transformers

from lessons_lib.base import console
from lessons_lib.generation import Sampling, generate, generate_batch
from lessons_lib.gpt import greedy
from lessons_lib.training import END, story_model

PROMPT, NEW, BATCH = 6, 256, 16
GREEDY = Sampling(temperature=0)


def machine() -> str:
    """Return the processor, as the system names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}"


def measure(ways: dict[str, Callable[[], list[int]]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each way; the first turn warms up and compares the tokens."""
    seconds = {name: [] for name in ways}
    for turn in range(repeats + 1):
        written = {}
        for name, way in ways.items():
            start = time.perf_counter()
            written[name] = way()
            if turn:
                seconds[name].append(time.perf_counter() - start)
        if len(set(map(tuple, written.values()))) != 1:
            raise SystemExit("the ways do not write the same tokens")
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    transformers.logging.disable_progress_bar()
    model, tokenizer = story_model("en")
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        peer = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    peer.generation_config.eos_token_id = None  # all ways write on behind the end of a story
    start = tokenizer.encode(END + "Once upon a time there was", allowed_special=[END])[:PROMPT]
    ids = torch.tensor([start])

    def theirs() -> list[int]:
        written = peer.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=NEW,
            do_sample=False,
            pad_token_id=0,
        )
        return written[0, PROMPT:].tolist()

    ways = {
        "ours, with the cache": lambda: generate(model, ids[0], NEW, GREEDY, stop_ids=()),
        "ours, without a cache": lambda: greedy(model, ids, NEW)[0, PROMPT:].tolist(),
        f"ours, {BATCH} texts": lambda: generate_batch(
            model, ids.repeat(BATCH, 1), NEW, GREEDY, ()
        )[0],
        "transformers.generate": theirs,
    }
    medians = measure(ways, options.repeats)
    print(f"{machine()}, {options.threads} threads, torch {torch.__version__}")
    for name, seconds in medians.items():
        tokens = NEW * (BATCH if "texts" in name else 1)
        rate, ratio = tokens / seconds, tokens / NEW * medians["transformers.generate"] / seconds
        print(f"{name:22} {rate:8,.0f} tokens/s, {ratio:6.2f} times transformers")


if __name__ == "__main__":
    console.run(main)
