"""Speed of `lessons_lib.dit` beside `diffusers` at equal shapes, and of painting.

    python -m benchmarks.dit [--repeats 9]

Forward and backward of a DiT as `diffusers` has it, with the same weights. Both take turns, seconds
are the processor's, of one thread, and the ratio is that of the medians. Where `diffusers` is not
installed, only our own seconds are printed.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from lessons_lib.base import console
from lessons_lib.dit import DiT, DiTConfig, caption_condition, paint
from lessons_lib.dit.files import to_hub_dit, write_hub_config

SHAPES = {  # D, heads, layers, patch, picture, batch
    "as the book's": (160, 5, 4, 8, 32, 16),
    "patches of 4": (128, 4, 4, 4, 32, 16),
    "DiT-S/4": (384, 6, 12, 4, 32, 4),
}


def seconds(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each run; they take turns."""
    found = {name: [] for name in runs}
    for _ in range(repeats + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            found[name].append(time.process_time() - start)
    return {name: statistics.median(times[1:]) for name, times in found.items()}


def theirs(model: DiT) -> torch.nn.Module | None:
    """Return the model of `diffusers` with the same weights, None if it is not installed."""
    try:
        from diffusers import DiTTransformer2DModel
    except ImportError:
        return None
    sizes = {k: v for k, v in write_hub_config(model.config).items() if k != "_class_name"}
    other = DiTTransformer2DModel(**sizes, norm_num_groups=1).eval()
    other.load_state_dict(to_hub_dit(model.state_dict(), model.config))
    return other


def turns(shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    """Return what takes turns: forward and backward of our model and of theirs."""
    d, heads, layers, patch, size, n = shape
    sizes = dict(d_model=d, n_heads=heads, n_layers=layers, patch_size=patch, image_size=size)
    alike = dict(predicts="noise", path="ddpm", n_waves=256, qk_norm=False, n_classes=10)
    torch.manual_seed(0)
    ours = DiT(DiTConfig(**sizes, **alike))
    with torch.no_grad():
        for p in ours.parameters():
            p.add_(0.02 * torch.randn_like(p))
    other = theirs(ours)
    x, t = torch.randn(n, 3, size, size), torch.randint(0, 1000, (n,))
    labels, noise = torch.randint(0, 10, (n,)), torch.randn(n, 3, size, size)

    def once(model: torch.nn.Module) -> None:
        model.zero_grad()
        said = model(x, t, labels)
        (getattr(said, "sample", said) - noise).square().mean().backward()

    return {"ours": lambda: once(ours)} | ({"theirs": lambda: once(other)} if other else {})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name, shape in SHAPES.items():
        found = seconds(turns(shape), options.repeats)
        told = f"{name:14} {found['ours'] * 1000:8.1f} ms"
        if "theirs" in found:
            ratio = found["ours"] / found["theirs"]
            told += f"   diffusers {found['theirs'] * 1000:8.1f} ms   ratio {ratio:.2f}"
        print(told)
    captions = ["a fox to the left of a red ball by the lake at night"]
    caption_condition(captions)
    for steps in (4, 16):
        run = {"paint": lambda steps=steps: paint(captions, steps)}
        print(f"painting, {steps:2} steps {seconds(run, options.repeats)['paint'] * 1000:8.1f} ms")


if __name__ == "__main__":
    console.run(main)
