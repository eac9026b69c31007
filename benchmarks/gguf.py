"""Opening a GGUF file of 500 MB: time and memory of ours beside the `gguf` package's reader.

    python -m benchmarks.gguf [--repeats 9]

The file has the 310 tensors of Qwen3 0.6B in Q6_K, of zeros, and once a vocabulary as large as that
of Qwen3, once one of 1,024 tokens. The readers take turns, each time in a process of its own;
medians are compared. Memory is by how much the process grew at most, mapped pages included.
"""

import argparse
import os
import platform
import random
import statistics
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from lessons_lib.base import console
from lessons_lib.gguf import (
    ALIGNMENT,
    pack_tensor_entry,
    pack_text,
    pack_value,
    round_up,
    tensor_shapes,
    write_config,
)
from lessons_lib.llama import LlamaConfig
from lessons_lib.quantization import FORMATS

QWEN3 = LlamaConfig(151936, 40960, 1024, 16, 28, 3072, 8, 128, qk_norm=True, tied=True)
SETUP = {
    "ours": "from lessons_lib.gguf import read_gguf as read",
    "gguf.GGUFReader": "from gguf import GGUFReader as read",
}
MEASURE = """
import sys, time

def pages(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

open("/proc/self/clear_refs", "w").write("5")  # forget the peak of the imports
before = pages("VmRSS")
start = time.perf_counter()
file = read(sys.argv[1])
seconds = time.perf_counter() - start
print(seconds, pages("VmHWM") - before, len(file.tensors))
"""


def machine() -> str:
    """Return the processor, as the system names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}"


def write_file(path: Path, n_tokens: int) -> int:
    """Write the file, its tensors as a hole; return how many tensors it has."""
    rng = random.Random(0)
    words = ["Ġ" * (i % 2) + f"{rng.randrange(36**5):x}" for i in range(n_tokens)]
    metadata = write_config(QWEN3) | {
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.token_type": [1] * n_tokens,
        "tokenizer.ggml.merges": [f"{word[:2]} {word[2:]}" for word in words],
    }
    shapes, entries, end = tensor_shapes(QWEN3), b"", 0
    for name, shape in shapes.items():
        kind = FORMATS["Q6_K" if len(shape) > 1 else "F32"]
        entries += pack_tensor_entry(name, shape, kind.name, end)
        size = shape[0] if len(shape) == 1 else shape[0] * shape[1]
        end = round_up(end + size // kind.block_size * kind.bytes_per_block, ALIGNMENT)
    header = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(metadata))
    header += b"".join(pack_text(name) + pack_value(value) for name, value in metadata.items())
    path.write_bytes(header + entries)
    os.truncate(path, round_up(len(header + entries), ALIGNMENT) + end)
    return len(shapes)


def open_once(reader: str, path: Path, n_tensors: int) -> tuple[float, float]:
    """Open the file in a process of its own; return milliseconds and megabytes."""
    command = [sys.executable, "-c", SETUP[reader] + MEASURE, str(path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    seconds, kilobytes, found = done.stdout.split()
    if int(found) != n_tensors:
        raise SystemExit(f"{reader} finds {found} tensors of {n_tensors}")
    return 1000 * float(seconds), int(kilobytes) * 1024 / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print(f"{machine()}, {options.repeats} repeats")
    with tempfile.TemporaryDirectory() as folder:
        for n_tokens in (QWEN3.vocab_size, 1024):
            path = Path(folder, f"{n_tokens}.gguf")
            n_tensors = write_file(path, n_tokens)
            print(f"{path.stat().st_size / 1e6:.0f} MB, {n_tokens:,} tokens and as many merges")
            results = {reader: [] for reader in SETUP}
            for _ in range(options.repeats):
                for reader, found in results.items():
                    found.append(open_once(reader, path, n_tensors))
            medians = {
                reader: [statistics.median(values) for values in zip(*found, strict=True)]
                for reader, found in results.items()
            }
            for reader, (time, memory) in medians.items():
                ratio = medians["gguf.GGUFReader"][0] / time
                print(f"  {reader:16} {time:8.1f} ms {memory:7.1f} MB, {ratio:6.1f} times as fast")


if __name__ == "__main__":
    console.run(main)
