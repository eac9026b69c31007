"""Writes tests/oracles/dit.json: what diffusers computes with the same weights, pictures and noise.

It is not needed to read or to test the book; run it where diffusers is installed:

    python -m tools.dit_oracle

All numbers that go in come from `seeded_noise`, so that only what comes out is stored.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.dit import seeded_noise

FILE = Path(__file__).parents[1] / "tests" / "oracles" / "dit.json"
MODELS = {  # sizes in diffusers' words, and whether all layers share what time and label become
    "one embedder": (
        dict(num_attention_heads=4, attention_head_dim=8, in_channels=3, num_layers=2)
        | dict(sample_size=8, patch_size=2, num_embeds_ada_norm=5, norm_num_groups=1),
        True,
    ),
    "an embedder each": (
        dict(num_attention_heads=2, attention_head_dim=20, in_channels=4, num_layers=3)
        | dict(sample_size=12, patch_size=4, num_embeds_ada_norm=3, norm_num_groups=1),
        False,
    ),
    "sure of itself": (  # the numbers that come out are twice as many
        dict(num_attention_heads=3, attention_head_dim=16, in_channels=2, num_layers=1)
        | dict(sample_size=6, patch_size=3, num_embeds_ada_norm=7, norm_num_groups=1)
        | dict(out_channels=4, norm_eps=1e-3),
        True,
    ),
}
TIMES, SHAPE = (3, 700), (2, 3, 4, 4)
# kind, first, last, what is predicted, clipped, n_steps, steps taken, eta
TABLES = [
    ("linear", 1e-4, 0.02, "noise", False, 1000, 10, 0.0),
    ("linear", 1e-4, 0.02, "noise", True, 1000, 50, 1.0),
    ("scaled_linear", 0.00085, 0.012, "picture", False, 1000, 20, 0.5),
    ("cosine", 1e-4, 0.02, "noise", True, 100, 5, 0.3),
    ("cosine", 1e-4, 0.02, "picture", True, 1000, 25, 0.0),
]
PLACES = (0, 2, -1)  # of the steps taken, the first, one in the middle and the last
SIGMAS = [1.0, 0.8, 0.35, 0.1]
THEIRS = {"noise": "epsilon", "picture": "sample", "cosine": "squaredcos_cap_v2"}


def weights(shapes: Mapping[str, tuple[int, ...]], shared: bool) -> dict[str, Tensor]:
    """Return the weights of a model by diffusers' names, large enough to tell mistakes apart."""
    found = {}
    for i, (name, shape) in enumerate(sorted(shapes.items())):
        found[name] = 0.2 * seeded_noise(shape, i)
    for name in found if shared else ():
        layer, _, part = name.removeprefix("transformer_blocks.").partition(".norm1.emb.")
        if part and layer != "0":
            found[name] = found[f"transformer_blocks.0.norm1.emb.{part}"].clone()
    return found


def model_inputs(sizes: Mapping[str, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return pictures, steps, labels (the last one is none) and noise to be predicted."""
    size, channels = sizes["sample_size"], sizes["in_channels"]
    out = sizes.get("out_channels", channels)
    x, noise = seeded_noise((2, channels, size, size), 101), seeded_noise((2, out, size, size), 102)
    return x, torch.tensor(TIMES), torch.tensor([1, sizes["num_embeds_ada_norm"]]), noise


def step_inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Return a mixture, two predictions and, in the last place, fresh noise."""
    return tuple(seeded_noise(SHAPE, seed) for seed in (201, 202, 203, 204))


def short(x: Tensor) -> list[float]:
    """Return numbers with as many digits as 32 bits have."""
    return [float(f"{value:.9g}") for value in x.flatten().tolist()]


def forward(sizes: Mapping[str, int], shared: bool) -> dict:
    """Return what a model says, its loss, and of each slope its length and first numbers."""
    from diffusers import DiTTransformer2DModel

    model = DiTTransformer2DModel(**sizes).eval()
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    model.load_state_dict(weights(shapes, shared))
    x, t, labels, noise = model_inputs(sizes)
    said = model(x, t, labels).sample
    loss = (said - noise).square().mean()
    loss.backward()
    slopes = {
        name: [p.grad.norm().item(), *short(p.grad.flatten()[:3])]
        for name, p in sorted(model.named_parameters())
    }
    return {
        "shapes": shapes,
        "said": short(said),
        "loss": loss.item(),
        "slopes": slopes,
    }


def table_steps() -> list[dict]:
    """Return single steps of DDPM and DDIM, at several settings and places."""
    from diffusers import DDIMScheduler, DDPMScheduler
    from diffusers.schedulers import scheduling_ddpm

    x, said, _, fresh = step_inputs()
    scheduling_ddpm.randn_tensor = lambda *arguments, **options: fresh
    found = []
    for kind, first, last, predicts, clip, n_steps, taken, eta in TABLES:
        settings = dict(
            num_train_timesteps=n_steps,
            beta_start=first,
            beta_end=last,
            beta_schedule=THEIRS.get(kind, kind),
            prediction_type=THEIRS[predicts],
            clip_sample=clip,
        )
        ddpm, ddim = DDPMScheduler(**settings), DDIMScheduler(**settings)
        for scheduler in (ddpm, ddim):
            scheduler.set_timesteps(taken)
        for place in PLACES:
            now = int(ddpm.timesteps[place])
            one = ddpm.step(said, now, x).prev_sample
            noise = fresh if eta else None
            two = ddim.step(said, now, x, eta=eta, variance_noise=noise).prev_sample
            before = int(ddpm.previous_timestep(now))
            found.append({"now": now, "before": max(before, -1), "ddpm": short(one)})
            found[-1] |= {"ddim": short(two), "left": short(ddpm.alphas_cumprod[[0, now, -1]])}
    return found


def flow_steps() -> dict[str, list]:
    """Return steps of Euler and of Heun along the flow, each from the same mixture."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler

    x, one, two, _ = step_inputs()
    euler = FlowMatchEulerDiscreteScheduler()
    euler.set_timesteps(sigmas=SIGMAS)
    steps = [euler.step(one, t, x).prev_sample for t in euler.timesteps]
    heuns = []
    for n in (4, 7):
        heun = FlowMatchHeunDiscreteScheduler()
        heun.set_timesteps(n)
        ahead = heun.step(one, heun.timesteps[0], x).prev_sample
        heuns.append(
            {
                "times": short(heun.sigmas[:2]),
                "ahead": short(ahead),
                "then": short(heun.step(two, heun.timesteps[1], ahead).prev_sample),
            }
        )
    return {"euler": [short(step) for step in steps], "heun": heuns}


def main() -> None:
    """Write the file."""
    from importlib.metadata import version

    found = {
        "made_with": {"diffusers": version("diffusers"), "torch": torch.__version__},
        "models": {name: forward(*model) for name, model in MODELS.items()},
        "tables": table_steps(),
        "flow": flow_steps(),
    }
    write_atomic(FILE, (json.dumps(found) + "\n").encode())


if __name__ == "__main__":
    console.run(main)
