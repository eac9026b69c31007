"""Tokens on disk beside their peers, as ratios in one run.

    python -m benchmarks.shards [--megabytes 1000] [--processes 2] [--repeats 3]

Writing: `lessons_lib.data tokenize`, from generated JSON lines on disk to shards on disk, beside
tiktoken's own batch of the same documents in memory, with the same vocabulary and cores. Reading: a
training step on windows of shards beside one on the same tokens in memory, and memory while
100,000 windows are drawn. The memory parts read /proc, so they need Linux. Where other programs
run, believe the processor's time; the wall's is printed too.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from lessons_lib.base import console
from lessons_lib.data import Shards
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import GPT4_PATTERN, BPETokenizer
from lessons_lib.training import END, Recipe, Windows
from lessons_lib.training.run import Run

PEER = """
import json, sys
from lessons_lib.tokens import BPETokenizer
engine = BPETokenizer.load(sys.argv[1]).to_tiktoken()
batch, size, n = [], 0, 0
for line in open(sys.argv[2], encoding="utf-8"):
    batch.append(json.loads(line)["text"])
    size += len(batch[-1])
    if size > 20_000_000:
        n += sum(map(len, engine.encode_ordinary_batch(batch, num_threads=int(sys.argv[3]))))
        batch, size = [], 0
n += sum(map(len, engine.encode_ordinary_batch(batch, num_threads=int(sys.argv[3]))))
print(n)
"""


def generate(path: Path, megabytes: int, seed: int = 0) -> None:
    """Write documents of 100 to 4,000 words, drawn as words of real texts are, as JSON lines."""
    draw = random.Random(seed)
    letters = "aaaabcdeeeeefghiiijlmnnoooopqrrrsssttuuvyzñé"
    words = ["".join(draw.choices(letters, k=draw.randint(1, 10))) for _ in range(40_000)]
    shares = [1 / rank for rank in range(1, len(words) + 1)]  # Zipf's law
    pool = draw.choices(words, shares, k=1_000_000)
    with open(path, "w", encoding="utf-8") as file:
        while file.tell() < megabytes * 1_000_000:
            for _ in range(200):
                start, n = draw.randrange(len(pool) - 4000), draw.randint(100, 4000)
                text = " ".join(pool[start : start + n]) + ".\n"
                file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")


def family(process: int) -> list[int]:
    """Return a process and all that it started, and so on."""
    found = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            found += family(int(child))
    return found


def memory(process: int) -> int:
    """Return the MB that a process and those it started hold together; shared pages count once."""
    total = 0
    for number in family(process):
        for line in Path(f"/proc/{number}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total // 1024


def measured(command: list[str], watch: bool) -> tuple[float, float, int]:
    """Run a command; return seconds of the wall, of all processors, and its peak in MB."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        peak = 0
        while watch and process.poll() is None:
            try:
                peak = max(peak, memory(process.pid))
            except OSError:  # one has just ended
                continue
            time.sleep(0.2)
        if process.wait():
            raise SystemExit(f"failed: {command}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, processors, peak


def writing(folder: Path, megabytes: int, processes: int, repeats: int) -> None:
    """Compare writing with tiktoken's batch, and print the memory."""
    text, small, tokenizer = folder / "text.jsonl", folder / "small.jsonl", folder / "bpe.json"
    generate(text, megabytes)
    generate(small, 4)
    texts = [json.loads(line)["text"] for line in small.read_text(encoding="utf-8").splitlines()]
    learned = BPETokenizer.train_from_iterator(texts, 8192, [END], GPT4_PATTERN, END)
    learned.save(tokenizer)
    size = text.stat().st_size / 1e6
    ours = [sys.executable, "-m", "lessons_lib.data", "tokenize", str(text)]
    ours += ["--tokenizer", str(tokenizer), "--processes", str(processes)]
    peer = [sys.executable, "-c", PEER, str(tokenizer), str(text), str(processes)]
    runs = {"ours": [], "tiktoken's batch": []}
    for number in range(repeats):
        out = folder / f"out-{number}"
        runs["ours"].append(measured([*ours, "--out", str(out)], watch=False))
        runs["tiktoken's batch"].append(measured(peer, watch=False))
    print(f"writing {size:,.0f} MB, {processes} processes, medians of {repeats}")
    rates = {}
    for name, found in runs.items():
        wall, processors, _ = map(statistics.median, zip(*found, strict=True))
        rates[name] = size / wall, size / processors
        print(f"  {name:18} {wall:7.1f} s wall, {processors:7.1f} s of processors")
    for i, kind in enumerate(("wall", "processors")):
        ratio = rates["ours"][i] / rates["tiktoken's batch"][i]
        print(f"  speed, ours / tiktoken's batch, by {kind}: {ratio:.2f}")
    *_, peak = measured([*ours, "--out", str(folder / "watched")], watch=True)
    print(f"  peak memory of all its processes together: {peak} MB")


def reading(folder: Path, repeats: int) -> None:
    """Compare a step from shards with one from memory, and draw 100,000 windows."""
    shards = Shards(folder, 128)
    memory_data = Windows(shards.all_tokens, 128)
    runs = {}
    for name, data in (("shards", shards), ("memory", memory_data)):
        torch.manual_seed(0)
        config = LlamaConfig(shards.index["vocab_size"], 128, 64, n_heads=2, n_layers=2, d_ff=256)
        runs[name] = Run(Llama(config), data, Recipe(n_steps=10_000, batch_size=16))
    times = {name: [] for name in runs}
    for _ in range(20 * repeats):
        for name, run in runs.items():
            start = time.process_time()
            run.step()
            times[name].append(time.process_time() - start)
    pairs = zip(times["shards"], times["memory"], strict=True)
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"reading: a step from shards / from memory, median of pairs: {ratio:.3f}")
    for name, data in (("shards", shards), ("memory", memory_data)):
        start = time.process_time()
        for step in range(300):
            data.batch(step, 16)
        print(f"  a batch of 16 from {name}: {(time.process_time() - start) / 300 * 1e6:.0f} us")
    held = []
    for step in range(100_000 // 16):
        shards.batch(step, 16)
        if step % 1250 == 100:
            held.append(memory(os.getpid()))
    print(f"  MB held while 100,000 windows are drawn: {', '.join(map(str, held))}")


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        writing(Path(folder), arguments.megabytes, arguments.processes, arguments.repeats)
        reading(Path(folder) / "out-0", arguments.repeats)


if __name__ == "__main__":
    console.run(main)
