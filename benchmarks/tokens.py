"""Speed and memory of `lessons_lib.tokens` beside its peers, as ratios of medians in one run.

    python -m benchmarks.tokens [--repeats 5] [--megabytes 100]

Peers: the Rust trainer and encoder of Hugging Face `tokenizers`, and tiktoken; both come with
requirements.txt. The texts are Shakespeare and Don Quijote (`load_text` of
`lessons_lib.corpus.texts`). The memory part reads /proc, so it needs Linux.
"""

import argparse
import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from lessons_lib.base import console
from lessons_lib.corpus.texts import load_text
from lessons_lib.tokens import BPE, BPETokenizer, train_bpe, train_bpe_naive

MEMORY = """
import random, sys
from pathlib import Path
from lessons_lib.tokens import BPETokenizer
tokenizer, draw = BPETokenizer.load(sys.argv[1]), random.Random(0)
letters = "aaaabcdeeeeefghiiijlmnnoooopqrrrsssttuuvyz"
def pieces(megabytes):
    for _ in range(megabytes * 10):
        words = ("".join(draw.choices(letters, k=draw.randint(1, 9))) for _ in range(20_000))
        yield (" ".join(words) + " ")[:100_000]
tokens = sum(1 for _ in tokenizer.encode_iterable(pieces(int(sys.argv[2]))))
peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
print(tokens, int(peak) // 1024)
"""


def compare(repeats: int, **runs: Callable[[], object]) -> dict[str, float]:
    """Run each function `repeats` times in turn; return the median seconds of each."""
    seconds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            gc.collect()
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(title: str, seconds: dict[str, float], ours: str) -> None:
    """Print the medians, and each peer's as a multiple of ours."""
    print(title)
    for name, value in seconds.items():
        print(f"  {name:34} {value:9.3f} s   ours / it = {seconds[ours] / value:8.3f}")


def rust_tokenizer() -> tokenizers.Tokenizer:
    """Return an untrained byte-level BPE of `tokenizers` with GPT-2's pattern."""
    engine = tokenizers.Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return engine


def rust_trainer(vocab_size: int) -> trainers.BpeTrainer:
    """Return the Rust trainer with all bytes in its alphabet, as ours has."""
    return trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )


def training(text: str, repeats: int) -> None:
    """Compare training with the Rust trainer, and with the chapter's plain one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        file.write_text(text, encoding="utf-8")
        seconds = compare(
            repeats,
            ours=lambda: train_bpe(text, 4096),
            rust_from_file=lambda: rust_tokenizer().train([str(file)], rust_trainer(4096)),
            rust_from_memory=lambda: rust_tokenizer().train_from_iterator(
                [text], rust_trainer(4096)
            ),
        )
    report(f"train 4,096 tokens on {len(text.encode()):,} bytes", seconds, "ours")


def against_naive(text: str) -> None:
    """Compare with the plain trainer, once, and check that the merges are equal."""
    learned = {}
    seconds = compare(
        1,
        ours=lambda: learned.update(fast=train_bpe(text, 500)),
        naive=lambda: learned.update(naive=train_bpe_naive(text, 500 - 256)),
    )
    vocab, merges = learned["fast"]
    assert [(vocab[left], vocab[right]) for left, right in learned["naive"]] == merges
    report(f"train 500 tokens on {len(text):,} characters of English", seconds, "ours")


def encoding(text: str, repeats: int) -> None:
    """Compare encoding of one text with and without cache, and with both Rust engines."""
    vocab, merges = train_bpe(text, 4096)
    tokenizer = BPETokenizer.from_merges(vocab, merges)
    plain, tiktoken_engine = BPE(merges), tokenizer.to_tiktoken()
    rust = rust_tokenizer()
    rust.train_from_iterator([text], rust_trainer(4096))
    assert tokenizer.encode(text) == tiktoken_engine.encode_ordinary(text)
    seconds = compare(
        repeats,
        ours_cold_cache=lambda: BPETokenizer.from_merges(vocab, merges).encode(text),
        ours_warm_cache=lambda: tokenizer.encode(text),
        ours_uncached=lambda: plain.encode(text),
        tokenizers=lambda: rust.encode(text),
        tiktoken=lambda: tiktoken_engine.encode_ordinary(text),
    )
    report(f"encode {len(text.encode()):,} bytes as one text", seconds, "ours_cold_cache")


def memory(text: str, megabytes: int) -> None:
    """Print the peak memory of a process that encodes a stream, for two lengths of it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokenizer.json"
        BPETokenizer.train(text[: 1 << 20], 2048).save(file)
        print("peak memory of encode_iterable")
        for size in (megabytes // 10, megabytes):
            command = [sys.executable, "-c", MEMORY, str(file), str(size)]
            done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
            n_tokens, peak = map(int, done.stdout.split())
            print(f"  {size:4} MB of text, {n_tokens:12,} tokens: {peak} MB")


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=100)
    arguments = parser.parse_args()
    english = load_text("shakespeare")
    text = load_text("quijote") + english
    training(text, arguments.repeats)
    against_naive(english[:130_000])
    encoding(text, arguments.repeats)
    memory(text, arguments.megabytes)


if __name__ == "__main__":
    console.run(main)
