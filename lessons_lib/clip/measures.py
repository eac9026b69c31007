"""What a CLIP can do, counted: find its picture, and name what it sees."""

import random
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.base.validation import check_integer
from lessons_lib.clip.towers import CLIP
from lessons_lib.clip.words import WordTokenizer
from lessons_lib.corpus.pictures import Scene, draw, sample_shifts


def show(scenes: Sequence[Scene], rng: random.Random | None = None) -> Tensor:
    """Draw scenes as the models see them: (M, 32, 32, 3).

    Args:
        scenes: at least one.
        rng: shifts each thing by chance; without it, all stand in their usual places.

    Raises:
        ValueError: no scenes.
    """
    if not len(scenes):
        raise ValueError("expected at least one scene, got none")
    shifts = [sample_shifts(len(scene.things), rng) if rng else None for scene in scenes]
    pictures = [draw(scene, shifts=moved) for scene, moved in zip(scenes, shifts, strict=True)]
    return torch.from_numpy(np.stack(pictures))


def recall(logits: Tensor, k: int = 1) -> float:
    """Return the part of the rows whose own column is among the `k` largest.

    Args:
        logits: (N, N), where caption i belongs to picture i; transposed, the pictures look for
            their captions.
        k: 1 to N.

    Raises:
        ValueError: another shape, or a k out of range.

    >>> recall(torch.tensor([[2.0, 1.0], [3.0, 0.0]]))
    0.5
    """
    if logits.ndim != 2 or logits.shape[0] != logits.shape[1] or not len(logits):
        raise ValueError(f"expected scores (N, N), got {tuple(logits.shape)}")
    check_integer("k", k, 1, len(logits))
    better = (logits > logits.diagonal()[:, None]).sum(1)
    return (better < k).double().mean().item()


@torch.inference_mode()
def classify(
    model: CLIP,
    tokenizer: WordTokenizer,
    pictures: Tensor,
    options: Sequence[str | Sequence[str]],
) -> Tensor:
    """Return for each picture which of the options fits it best: (M,), numbers of options.

    Args:
        model: has learned which captions fit.
        tokenizer: knows the options' words.
        pictures: (M, H, W, 3).
        options: a caption each, or several that mean the same, whose vectors are averaged.

    Raises:
        ValueError: one text in place of a sequence, fewer than two options, or captions that
            `WordTokenizer.batch` refuses.

    Source: Radford et al. 2021, section 3.1: zero-shot transfer, prompt ensembles.
    """
    if isinstance(options, str) or len(options) < 2:
        raise ValueError(f"expected at least two options, got {options!r:.80}")
    most, vectors = model.config.context_length, []
    for option in options:
        texts = [option] if isinstance(option, str) else option
        vectors.append(model.encode_text(tokenizer.batch(texts, most)).mean(0))
    scores = model.encode_pictures(pictures) @ F.normalize(torch.stack(vectors), dim=-1).T
    return scores.argmax(1)
