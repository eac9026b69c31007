"""Learning to paint: add noise to pictures and ask what they were."""

import random
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from lessons_lib.base.progress import progress_bar
from lessons_lib.base.validation import check_integer, check_number
from lessons_lib.clip import show
from lessons_lib.corpus.pictures import Wording, describe, sample, wording
from lessons_lib.corpus.stories import LANGUAGES
from lessons_lib.dit.model import Captions, Condition, DiT, without
from lessons_lib.dit.painting import as_input, caption_condition
from lessons_lib.dit.path import check_predicts, noisy
from lessons_lib.training import AdamW, Muon, Recipe, clip_gradients

MOST_SEED = 2**63 - 1  # of PyTorch's generators
LEAST_TIME = 0.3  # below it, the loss counts a picture's fine grain no more


def random_times(
    n: int, generator: torch.Generator, mean: float = 0.5, deviation: float = 1.2
) -> Tensor:
    """Draw times between 0 and 1, those beyond the middle more often: (n,).

    There the caption alone must say what is to be painted.

    Args:
        n: how many.
        generator: of the draws.
        mean: of a normal number, which the logistic function brings between 0 and 1.
        deviation: of the same, from 0 on.

    Raises:
        ValueError: fewer than 1, a mean that is no finite number, or a negative deviation.

    Source: Esser et al. 2024, section 3.1: logit-normal.
    """
    check_integer("n", n, 1)
    mean, deviation = check_number("mean", mean), check_number("deviation", deviation, least=0)
    return torch.sigmoid(mean + deviation * torch.randn(n, generator=generator))


def flow_loss(
    model: DiT,
    x: Tensor,
    condition: Condition,
    generator: torch.Generator,
    predicts: str | None = None,
    drop: float = 0.1,
) -> Tensor:
    """Return the mean squared error of what a model says of noisy pictures.

    Args:
        model: says it.
        x: pictures (B, C, H, W), numbers from -1 to 1.
        condition: of B pictures.
        generator: of times, noise and what is dropped.
        predicts: what the model is to say; by default what its configuration names. The error of a
            picture is weighted by ``1 / max(t, 0.3) ** 2``: that of the velocity, with small times
            held back.
        drop: how often the condition is left out, so that the model also learns to paint freely.

    Raises:
        ValueError: another word, a drop outside 0 to 1, a model of the path "ddpm", or what a model
            refuses.

    Source: Lipman et al. 2022, equation 23; Li and He 2025 for the picture.
    """
    predicts = check_predicts(model.config.predicts if predicts is None else predicts)
    check_number("drop", drop, least=0, most=1)
    t = random_times(len(x), generator).to(x.device)
    noise = torch.randn(x.shape, generator=generator).to(x.device)
    rows = (torch.rand(len(x), generator=generator) < drop).to(x.device)
    model.check(x, t, condition)
    if isinstance(condition, Captions):
        condition = without(condition, rows)
    elif condition is not None:
        condition = condition.masked_fill(rows, model.config.n_classes)
    said = model(noisy(x, noise, t), t, condition)[:, : x.shape[1]]
    true = {"picture": x, "noise": noise, "velocity": noise - x}[predicts]
    errors = (said - true).square().flatten(1).mean(1)
    if predicts == "picture":
        errors = errors / t.clamp(min=LEAST_TIME) ** 2
    return errors.mean()


def painter_batch(
    n: int, seed: int, languages: Sequence[str] = LANGUAGES, full: float = 0.7
) -> tuple[Tensor, list[str]]:
    """Draw pictures (n, 3, 32, 32), numbers from -1 to 1, and captions that are true of them.

    Args:
        n: how many.
        seed: of all draws.
        languages: of the captions, one drawn for each.
        full: how many of the captions say all there is; the others leave out what chance decides.

    Raises:
        ValueError: fewer than 1, a negative seed, other languages, or a part outside 0 to 1.
    """
    check_integer("n", n, 1)
    check_number("full", full, least=0, most=1)
    if isinstance(languages, str) or not isinstance(languages, Sequence) or not languages:
        raise ValueError(f"expected languages, such as {LANGUAGES}, got {languages!r:.80}")
    rng = random.Random(check_integer("seed", seed, 0))
    scenes = sample(n, rng.getrandbits(32))
    ways = [
        Wording(place_first=rng.random() < 0.5) if rng.random() < full else None for _ in scenes
    ]
    captions = [
        describe(scene, rng.choice(languages), way or wording(rng.randrange(1, 2**31)))
        for scene, way in zip(scenes, ways, strict=True)
    ]
    return as_input(show(scenes)), captions


def painter_rate(
    progress: float, warm_up: float = 0.04, final: float = 0.02, fall: float = 0.5
) -> float:
    """Return what part of the full learning rate to use: up, level, and down in the last part.

    Args:
        progress: the part of the run that is done, 0 to 1.
        warm_up: the part of the run in which the rate rises.
        final: the part of the rate that is left at the end.
        fall: the part of the run in which the rate falls, above 0.

    Raises:
        ValueError: one outside 0 to 1.

    >>> [painter_rate(p) for p in (0.02, 0.3, 0.75)]
    [0.5, 1.0, 0.5]
    """
    check_number("progress", progress, least=0, most=1)
    check_number("warm_up", warm_up, least=0, below=1)
    check_number("final", final, least=0, most=1)
    check_number("fall", fall, above=0, most=1)
    if progress < warm_up:
        return progress / warm_up
    return max(final, min(1.0, (1 - progress) / fall))


def make_painter_optimizers(model: DiT, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Give the matrices of attention and feed-forward networks to Muon, all else to AdamW.

    The maps of adaLN, which begin at zero, are AdamW's.
    """
    parts = [part for block in model.blocks for part in (block.attention, block.feed_forward)]
    matrices = [p for part in parts for p in part.parameters() if p.ndim == 2 and recipe.matrix_lr]
    inside = set(map(id, matrices))
    rest = [p for p in model.parameters() if id(p) not in inside]
    adamw = AdamW(rest, recipe.lr, betas=(0.9, 0.99))
    return [adamw, Muon(matrices, recipe.matrix_lr)] if matrices else [adamw]


def train_painter(
    model: DiT,
    recipe: Recipe,
    languages: Sequence[str] = LANGUAGES,
    keep: float = 0.998,
    fall: float = 0.5,
    watch: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train a model on pictures that are drawn as it goes, and return the loss of each step.

    What is left in the model are the means of its weights over about the last ``1 / (1 - keep)``
    steps, which paint more cleanly than any of them.

    Args:
        model: is changed; captions condition it.
        recipe: `n_steps`, `batch_size`, the rates, `warm_up`, `final`, `clip` and the seed count.
        languages: of the captions.
        keep: how much of the mean is kept at each step, below 1.
        fall: the part of the run in which the rates fall.
        watch: is told each step and its loss.

    Raises:
        ValueError: a recipe without steps, a keep outside 0 to 1, a fall outside the same, a model
            that cannot learn from captions, or a loss that is no finite number any more.

    Source: Peebles and Xie 2022, section 4, with Muon for the matrices of the blocks.
    """
    n_steps = check_integer("n_steps", recipe.n_steps, 1)
    check_number("keep", keep, least=0, below=1)
    seed = check_integer("seed", recipe.seed, 0, MOST_SEED)
    if not all(p.requires_grad for p in model.parameters()):
        raise ValueError("expected a model whose weights can all learn, got one with fixed ones")
    optimizers = make_painter_optimizers(model, recipe)
    draws = torch.Generator().manual_seed(seed)
    mean = [p.detach().clone() for p in model.parameters()]
    losses = []
    with progress_bar("learning to paint", n_steps, unit=" steps") as bar:
        for step in range(n_steps):
            x, captions = painter_batch(recipe.batch_size, seed * 10**9 + step, languages)
            loss = flow_loss(model, x, caption_condition(captions), draws)
            if not loss.isfinite():
                raise ValueError(f"expected a finite loss, got {loss.item()} at step {step + 1}")
            loss.backward()
            rate = painter_rate((step + 1) / n_steps, recipe.warm_up, recipe.final, fall)
            go_down(optimizers, model, recipe, rate)
            follow_weights(mean, model.parameters(), min(keep, 1 - 4 / (step + 5)))
            losses.append(loss.item())
            bar.update()
            if watch:
                watch(step + 1, losses[-1])
    follow_weights(model.parameters(), mean, 0.0)
    return losses


def go_down(
    optimizers: Sequence[torch.optim.Optimizer], model: DiT, recipe: Recipe, rate: float
) -> None:
    """Take a step of all optimizers at a part of the recipe's rates, and forget the slopes."""
    clip_gradients(model.parameters(), recipe.clip)
    for optimizer, full in zip(optimizers, (recipe.lr, recipe.matrix_lr), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = rate * full
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def follow_weights(weights: Iterable[Tensor], others: Iterable[Tensor], keep: float) -> None:
    """Move weights towards others: step by step, an exponential moving average of them."""
    for one, other in zip(weights, others, strict=True):
        one.lerp_(other, 1 - keep)
