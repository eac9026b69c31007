"""Megabytes per second of our quantization beside the `gguf` package's and llama.cpp's own in C.

    python -m benchmarks.quantization [--repeats 9] [--rows 1024] [--all]

A matrix of normal numbers with rows of 4096, float32, one thread; megabytes are those of float32.
The ways take turns, and medians are compared. All give the same bytes and numbers.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize as gguf_dequantize
from gguf.quants import quantize as gguf_quantize

from lessons_lib.base import console
from lessons_lib.quantization import ENCODERS, dequantize, quantize
from tests.llama_cpp import chunk_quantizer

COLUMNS = 4096
GOALS = ("Q8_0", "Q4_0", "Q4_K", "Q6_K")
K_QUANTS = ("Q4_K", "Q5_K", "Q6_K")
PEERS = ("gguf", "C")


def machine() -> str:
    """Return the processor, as the system names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}"


def measure(ways: dict[str, Callable[[], np.ndarray]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each way; the first turn warms up and compares the results."""
    seconds = {name: [] for name in ways}
    for turn in range(repeats + 1):
        results = {}
        for name, way in ways.items():
            start = time.perf_counter()
            results[name] = way()
            if turn:
                seconds[name].append(time.perf_counter() - start)
        if not turn and len({result.tobytes() for result in results.values()}) != 1:
            raise SystemExit("the ways do not give the same bytes")
    return {name: statistics.median(values) for name, values in seconds.items()}


def ways(type: str, x: np.ndarray) -> dict[str, dict[str, Callable[[], np.ndarray]]]:
    """Return what to measure for a type: encoding and decoding, each in several ways."""
    number, data, in_c = gguf.GGMLQuantizationType[type], quantize(x, type), chunk_quantizer(type)
    encoding = {"ours": lambda: quantize(x, type), "C": lambda: in_c(x)}
    if type not in K_QUANTS:
        encoding["gguf"] = lambda: gguf_quantize(x, number)
    decoding = {
        "ours": lambda: dequantize(data, type, x.shape),
        "gguf": lambda: gguf_dequantize(data, number),
    }
    return {"encode": encoding, "decode": decoding}


def row(type: str, what: str, rates: dict[str, float]) -> str:
    """Return a row of the table: rates in MB/s, ratios, and whether a goal is met."""
    cells = [f"{type:6} {what:6} {rates['ours']:7.0f}"]
    cells += [f"{rates[name]:7.0f}" if name in rates else f"{'-':>7}" for name in PEERS]
    cells += [
        f"{rates['ours'] / rates[name]:9.2f}" if name in rates else f"{'-':>9}" for name in PEERS
    ]
    if type in GOALS and not (what == "decode" and type in K_QUANTS):
        goal = min(25, rates["C"] / 2) if type in K_QUANTS else rates["gguf"]
        cells.append(f"  goal {goal:5.0f}: {'met' if rates['ours'] >= goal else 'MISSED'}")
    return " ".join(cells)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--all", action="store_true", help="all types, not only those with a goal")
    options = parser.parse_args()
    x = np.random.default_rng(0).standard_normal((options.rows, COLUMNS)).astype(np.float32)
    print(f"{machine()}, 1 thread, NumPy {np.__version__}; MB/s of float32, {options.rows} rows")
    print(f"{'':14} {'ours':>6} {'gguf':>7} {'C':>7} {'ours/gguf':>9} {'ours/C':>9}")
    for type in ENCODERS if options.all else GOALS:
        for what, choices in ways(type, x).items():
            medians = measure(choices, options.repeats)
            rates = {name: x.nbytes / 1e6 / seconds for name, seconds in medians.items()}
            print(row(type, what, rates), flush=True)


if __name__ == "__main__":
    console.run(main)
