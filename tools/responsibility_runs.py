"""Runs the experiments of the chapter on responsible use that take longer than a chapter may.

    python -m tools.responsibility_runs            # all parts
    python -m tools.responsibility_runs bias-en    # one of them

`lessons_lib/models/responsibility.json` keeps what came out, part by part, with the settings. Other
processors round differently, and the numbers then differ in their last digits.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lessons_lib.base import console
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.responsibility import (
    DPSGD,
    Odds,
    Secret,
    all_secrets,
    draw_scenes,
    draw_secrets,
    exposure,
    log_odds,
    read_odds,
    row_loss,
    scene_log_prob,
    scene_model,
    scene_tokenizer,
    t_interval,
    tell_scene,
    text_log_probs,
    text_rows,
    train_rows,
)
from lessons_lib.responsibility.bias import t_value
from lessons_lib.training import Recipe
from tools.stored import note_part, run_parts

STORED = Path(__file__).resolve().parents[1] / "lessons_lib" / "models" / "responsibility.json"
N_SEEDS, N_MODELS, N_SCENES = 20, 4, 3000  # of the odds
N_BESIDE, DELTA, RATE = 1000, 1e-4, 0.06  # of the secrets: scenes beside them, and DP-SGD
N_STEPS, N_HIDDEN = 120, 5  # of DP-SGD, and models for each epsilon
NOISES = {None: 0.0, 8: 0.762, 3: 1.219, 1: 2.55, 0.5: 4.499}  # what gives each epsilon
HELD = 10**6  # seed of scenes that no model learns


def read_seed(seed: int, language: str, n_models: int = N_MODELS) -> list[dict[str, float]]:
    """Train a few models, each on scenes of its own, and read the odds of each."""
    asked, found = draw_scenes(60, HELD), []
    for number in range(n_models):
        own = seed * N_MODELS + number + 1
        model = scene_model([tell_scene(s, language) for s in draw_scenes(N_SCENES, own)], own)
        found.append(read_odds(model, scene_tokenizer(), asked, language))
    return found


def compare(found: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return each quantity's mean over the models and its interval: log odds, or their difference.

    "brave" is by how much the log odds of a man exceed those of a woman, "clever" by how much those
    of the fox exceed any other animal's.
    """
    values = {name: [log_odds(one[name]) for one in found] for name in found[0]}
    values["brave"] = list(np.subtract(values.pop("brave_he"), values.pop("brave_she")))
    values["clever"] = list(np.subtract(values.pop("clever_fox"), values.pop("clever_other")))
    return {name: [round(end, 3) for end in t_interval(list(x))] for name, x in values.items()}


def planted() -> dict[str, float]:
    """Return what `compare` should find."""
    names = vars(Odds())
    both = {name: [one, one] for name, one in names.items()}
    rows = [{name: pair[which] for name, pair in both.items()} for which in (0, 1)]
    return {name: interval[0] for name, interval in compare(rows).items()}


def count_inside(seeds: list[dict[str, list[float]]], confidence: float) -> dict[str, int]:
    """Count the intervals that hold what was planted, widened from 95% to another confidence."""
    truth = planted()
    wider = t_value(confidence, N_MODELS - 1) / t_value(0.95, N_MODELS - 1)
    return {
        name: sum(
            abs(truth[name] - one[name][0]) <= wider * (one[name][2] - one[name][0])
            for one in seeds
        )
        for name in seeds[0]
    }


def bias(language: str, first: int = 0, name: str = "") -> None:
    """Read the odds of four models, twenty times, and count the intervals that hold the truth.

    Of seven odds in two languages one was held 18 times of 20 by the first twenty seeds; that
    happens to a true interval of 95% with a probability of 0.26, and to at least one of seven with
    0.88. Twenty other seeds were run once, as a check. In all, 267 of 280 intervals hold the truth,
    and the models themselves learn "clever" a little too low, by 0.07.
    """
    truth, seeds = planted(), []
    for seed in range(first, first + N_SEEDS):
        found = compare(read_seed(seed, language))
        seeds.append(found)
        settings = {"scenes": N_SCENES, "models": N_MODELS, "confidence": 0.95}
        found = {"settings": settings, "planted": truth, "n": len(seeds), "seeds": seeds}
        found["inside"] = {str(level): count_inside(seeds, level) for level in (0.95, 0.99)}
        note_part(STORED, f"bias-{language}{name}", found)
        print(language, seed, found["inside"], flush=True)


def by_repetitions(model: torch.nn.Module, secrets: list[Secret], language: str) -> dict:
    """Return the exposures of secrets, in bits, by how often each was told."""
    found: dict[str, list[float]] = {}
    for secret in secrets:
        candidates = all_secrets(secret.name, language)
        bits = exposure(model, scene_tokenizer(), secret.text, candidates)
        found.setdefault(str(secret.repetitions), []).append(round(bits, 2))
    return found


def extra_nats(model: torch.nn.Module, language: str, n: int = 200) -> float:
    """Return what an unseen scene costs the model beyond what it costs its world, in nats."""
    scenes = draw_scenes(n, HELD + 1)
    own = text_log_probs(model, scene_tokenizer(), [tell_scene(s, language) for s in scenes])
    return round(float(np.mean([scene_log_prob(s, language) for s in scenes] - own)), 3)


def training_texts(secrets: list[Secret], language: str, seed: int) -> list[str]:
    """Return scenes, and each secret as often as it says."""
    scenes = [tell_scene(s, language) for s in draw_scenes(N_BESIDE, seed)]
    return scenes + [s.text for s in secrets for _ in range(s.repetitions)]


def repetitions() -> None:
    """Train two sizes for three lengths of time, and say how exposed the secrets are."""
    runs, tokenizer = [], scene_tokenizer()
    secrets = draw_secrets(1, "en")
    rows = text_rows(tokenizer, training_texts(secrets, "en", 1))
    for width, n_layers in ((32, 1), (64, 2)):
        for rounds in (3, 6, 12):
            torch.manual_seed(0)
            sizes = {"n_heads": 4, "n_layers": n_layers, "d_ff": 2 * width}
            model = Llama(LlamaConfig(len(tokenizer.vocab), 40, width, **sizes))
            n_steps = rounds * len(rows) // 32
            train_rows(model, rows, Recipe(n_steps, lr=0.01, matrix_lr=0.02, batch_size=32))
            run = {"width": width, "layers": n_layers, "rounds": rounds}
            run |= {"extra_nats": extra_nats(model, "en")}
            runs.append(run | {"exposure": by_repetitions(model, secrets, "en")})
            print(runs[-1], flush=True)
            note_part(STORED, "repetitions", {"scenes": N_BESIDE, "runs": runs})


def hidden(noise: float, seed: int) -> tuple[float, dict]:
    """Train with noise, and say what was learned of the world and of the secrets."""
    tokenizer, secrets = scene_tokenizer(), draw_secrets(seed, "en")
    rows = text_rows(tokenizer, training_texts(secrets, "en", seed))
    torch.manual_seed(seed)
    model = Llama(LlamaConfig(len(tokenizer.vocab), 40, 32, n_heads=4, n_layers=1, d_ff=64))
    lr = min(2.0, 1 / noise) if noise else 2.0  # more noise, smaller steps
    size = round(RATE * len(rows))
    run = DPSGD(model, lambda m, row: row_loss(m, row[None]), lr, noise, 1.0, size, seed)
    rng = torch.Generator().manual_seed(seed)
    for _ in range(N_STEPS):
        run.step(rows[torch.rand(len(rows), generator=rng) < RATE])
    return extra_nats(model, "en"), by_repetitions(model, secrets, "en")


def privacy() -> None:
    """Train with more and more noise, several times, each with secrets and scenes of its own."""
    settings = {"scenes": N_BESIDE, "rate": RATE, "steps": N_STEPS, "delta": DELTA}
    runs = [
        {"epsilon": epsilon, "noise": noise, "extra_nats": [], "exposure": {}}
        for epsilon, noise in NOISES.items()
    ]
    for seed in range(N_HIDDEN):
        for run in runs:
            nats, exposures = hidden(run["noise"], seed)
            run["extra_nats"].append(nats)
            for told, bits in exposures.items():
                run["exposure"].setdefault(told, []).append(bits)
            print(run["epsilon"], seed, nats, exposures, flush=True)
    note_part(STORED, "privacy", {"settings": settings, "runs": runs})


PARTS: dict[str, Callable[[], None]] = {
    "bias-en": lambda: bias("en"),
    "bias-es": lambda: bias("es"),
    "bias-en-again": lambda: bias("en", N_SEEDS, "-again"),
    "bias-es-again": lambda: bias("es", N_SEEDS, "-again"),
    "repetitions": repetitions,
    "privacy": privacy,
}


def main() -> None:
    """Run the parts that are asked for."""
    run_parts(PARTS, __doc__)


if __name__ == "__main__":
    console.run(main)
