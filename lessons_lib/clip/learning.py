"""Learning from pairs: what belongs together is pulled near, all else is pushed away."""

import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.base.validation import check_integer, check_number
from lessons_lib.clip.measures import show
from lessons_lib.clip.towers import CLIP
from lessons_lib.clip.words import UNKNOWN, WordTokenizer
from lessons_lib.corpus.pictures import (
    Scene,
    Wording,
    describe,
    facts,
    near_miss,
    sample,
    split_of,
    wording,
)
from lessons_lib.corpus.stories import LANGUAGES
from lessons_lib.training import Recipe, clip_gradients, learning_rate, make_optimizers

MOST_SCALE = math.log(100)  # of the factor that sharpens the scores, as in the published CLIP
Twin = Callable[[Scene, random.Random], Scene | None]
FORGOTTEN = 0.02  # of the words of a batch: they teach what a word outside of the vocabulary means


def check_scores(logits: Tensor, also: Tensor | None = None) -> Tensor:
    """Return scores (N, N) of N captions and their pictures.

    Raises:
        ValueError: another shape, one pair only, or `also` of another shape or kind.
    """
    if logits.ndim != 2 or logits.shape[0] != logits.shape[1] or len(logits) < 2:
        raise ValueError(f"expected scores (N, N) with N from 2 on, got {tuple(logits.shape)}")
    if also is not None and (also.shape != logits.shape or also.dtype != torch.bool):
        raise ValueError(
            f"expected booleans {tuple(logits.shape)}, got {also.dtype} {tuple(also.shape)}"
        )
    return logits


def contrastive_loss(logits: Tensor, also: Tensor | None = None) -> Tensor:
    """Return the mean surprise at each caption's picture and at each picture's caption, in nats.

    Args:
        logits: scores (N, N); pairs that belong together stand on the diagonal.
        also: booleans (N, N), True where a caption is true of another pair's picture too: a false
            negative, which is left out.

    Raises:
        ValueError: see `check_scores`.

    Source: Radford et al. 2021, figure 3; without `also` as `transformers`' CLIP.
    """
    check_scores(logits, also)
    if also is not None:
        others = also & ~torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(others, -math.inf)
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def sigmoid_loss(logits: Tensor, bias: Tensor | float, also: Tensor | None = None) -> Tensor:
    """Return the surprise of N answers each to "do these two belong together?", in nats.

    Each caption and picture is a question of its own, so that nothing is divided by the batch's
    sum; `bias` begins far below zero, as most pairs do not belong together.

    Args:
        logits: scores (N, N); pairs that belong together stand on the diagonal.
        bias: added to all scores.
        also: as for `contrastive_loss`.

    Raises:
        ValueError: see `check_scores`; a bias that is no finite number.

    Source: Zhai et al. 2023, equation 1.
    """
    check_scores(logits, also)
    if not isinstance(bias, Tensor):
        bias = check_number("bias", bias)
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    losses = -F.logsigmoid((logits + bias) * (2 * own.to(logits.dtype) - 1))
    if also is not None:
        losses = losses.masked_fill(also & ~own, 0)
    return losses.sum() / len(logits)


class Batch(NamedTuple):
    """Pairs to learn from.

    `token_ids` (N, T) and `pictures` (N, 32, 32, 3) belong together row by row; `also` (N, N) says
    where a caption is true of a picture, its own or another.
    """

    token_ids: Tensor
    pictures: Tensor
    also: Tensor


def picture_batch(
    n: int,
    seed: int,
    tokenizer: WordTokenizer,
    languages: Sequence[str] = LANGUAGES,
    hard: float = 0.0,
    twin: Twin = near_miss,
) -> Batch:
    """Draw pairs of pictures and captions: the same for the same seed.

    Args:
        n: N.
        seed: of all draws.
        tokenizer: knows the words.
        languages: of the captions, one drawn for each.
        hard: how likely a scene is followed by one that is hard to tell from it.
        twin: makes that one, or None where there is none.

    Raises:
        ValueError: fewer than 2 pairs, a negative seed, or a part outside [0, 1].
    """
    check_integer("n", n, 2)
    rng = random.Random(check_integer("seed", seed, 0))
    scenes = []
    for scene in sample(n, rng.getrandbits(32)):
        scenes.append(scene)
        if rng.random() < check_number("hard", hard, least=0, most=1):
            other = twin(scene, rng)
            scenes += [other] if other and split_of(other) == "train" else []
    scenes = scenes[:n]
    wordings = [wording(rng.randrange(1, 2**31)) for _ in scenes]
    captions = [
        describe(scene, rng.choice(languages), how)
        for scene, how in zip(scenes, wordings, strict=True)
    ]
    ids = tokenizer.batch(captions)
    chance = torch.rand(ids.shape, generator=torch.Generator().manual_seed(seed))
    ids[(ids > tokenizer.end_id) & (chance < FORGOTTEN)] = UNKNOWN
    return Batch(ids, show(scenes, rng), also_true(scenes, wordings))


def also_true(scenes: Sequence[Scene], wordings: Sequence[Wording]) -> Tensor:
    """Return of which scenes each scene's caption is true: booleans (N, N)."""
    said = [how._replace(place_first=False) for how in wordings]
    codes = {}
    for how in set(said):
        numbers = {}
        each = [numbers.setdefault(facts(scene, how), len(numbers)) for scene in scenes]
        codes[how] = torch.tensor(each)
    return torch.stack([codes[how] == codes[how][i] for i, how in enumerate(said)])


def train_clip(
    model: CLIP,
    tokenizer: WordTokenizer,
    recipe: Recipe,
    languages: Sequence[str] = LANGUAGES,
    hard: float = 0.0,
    twin: Twin = near_miss,
    watch: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train a model on pairs that are drawn as it goes, and return the loss of each step.

    Args:
        model: is changed.
        tokenizer: knows the captions' words.
        recipe: `n_steps`, `batch_size`, the rates and `clip` count; no batch comes twice.
        languages: as for `picture_batch`.
        hard: as for `picture_batch`.
        twin: as for `picture_batch`.
        watch: is told each step and its loss.

    Raises:
        ValueError: a recipe without steps.

    Source: Radford et al. 2021, section 2.5, with Muon for the matrices of the blocks.
    """
    n_steps = check_integer("n_steps", recipe.n_steps, 1)
    optimizers = make_optimizers(model, recipe)
    losses = []
    for step in range(n_steps):
        batch = picture_batch(
            recipe.batch_size, recipe.seed * 10**9 + step, tokenizer, languages, hard, twin
        )
        loss = contrastive_loss(model(batch.token_ids, batch.pictures), batch.also)
        loss.backward()
        clip_gradients(model.parameters(), recipe.clip)
        rate = learning_rate((step + 1) / n_steps, recipe.warm_up, recipe.final)
        for optimizer, full in zip(optimizers, (recipe.lr, recipe.matrix_lr), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate * full
            optimizer.step()
            optimizer.zero_grad()
        model.log_scale.data.clamp_(max=MOST_SCALE)
        losses.append(loss.item())
        if watch:
            watch(step + 1, losses[-1])
    return losses
