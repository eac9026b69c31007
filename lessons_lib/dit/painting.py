"""The book's own painter: captions in, pictures out."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.clip import CLIP, WordTokenizer, caption_ends, check_pictures, picture_model
from lessons_lib.clip.words import PAD
from lessons_lib.dit.model import Captions, DiT
from lessons_lib.dit.sampling import sample


def as_input(pictures: Tensor) -> Tensor:
    """Turn pictures (B, H, W, C) of numbers from 0 to 1 into (B, C, H, W) from -1 to 1.

    Raises:
        ValueError: see `lessons_lib.clip.check_pictures`.
    """
    size = pictures.shape[1] if getattr(pictures, "ndim", 0) == 4 else 1
    return (2 * check_pictures(pictures, max(size, 1)) - 1).permute(0, 3, 1, 2).contiguous()


def as_pictures(x: Tensor) -> Tensor:
    """Turn what a model paints (B, C, H, W), about from -1 to 1, into (B, H, W, C) from 0 to 1.

    >>> as_pictures(torch.tensor([-1.5, 0.0, 1.0]).view(1, 3, 1, 1)).flatten()
    tensor([0.0000, 0.5000, 1.0000])

    Raises:
        ValueError: no tensor of floating-point numbers, another shape, or NaN or infinity in it.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim != 4:
        got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"expected floating-point pictures of shape (B, C, H, W), got {got}")
    if not x.isfinite().all():
        raise ValueError(f"expected finite numbers, got {x[~x.isfinite()][0].item()}")
    return ((x + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1).contiguous()


@cache
def _tower() -> tuple[CLIP, WordTokenizer]:
    """Return the book's CLIP, read once, not to be changed."""
    model, tokenizer = picture_model()
    return model.requires_grad_(False), tokenizer


@torch.no_grad()
def caption_condition(captions: Sequence[str]) -> Captions:
    """Return what the text tower of the book's CLIP says of captions: it stays as it is.

    Args:
        captions: in English or Spanish; words that the tower does not know count as one that means
            nothing.

    Raises:
        ValueError: one text in place of a sequence, none, a caption of unknown words only, or one
            that is too long; the message names it.
    """
    clip, tokenizer = _tower()
    ids = tokenizer.batch(captions, clip.config.context_length)
    words, ends = clip.text.hidden(ids), caption_ends(ids, clip.config.end_id)
    pooled = clip.text.projection(words[torch.arange(len(words)), ends])
    pooled = F.normalize(pooled, dim=-1) * clip.config.d_shared**0.5  # numbers near 1
    return Captions(pooled, words, ids != PAD)


def painter() -> DiT:
    """Return the book's own DiT, which paints from captions in both languages.

    `make model` trained it.
    """
    return DiT.from_pretrained(Path(__file__).parents[1] / "models" / "dit").float()


@cache
def _painter() -> DiT:
    """Return the same, read once, not to be changed."""
    return painter().requires_grad_(False)


def paint(
    captions: Sequence[str], steps: int = 16, guidance: float = 2.0, seed: int = 0
) -> np.ndarray:
    """Paint captions in either language: (B, 32, 32, 3) of float32, from 0 to 1.

    Args:
        captions: at least one.
        steps: of Euler, at least 1.
        guidance: how much more the captions count than to the model itself, from 0 on.
        seed: of the noise; picture i has that of ``seed + i``.

    Raises:
        ValueError: captions that `caption_condition` refuses, or what `sample` refuses.
    """
    x = sample(_painter(), caption_condition(captions), steps, guidance, seed)
    return as_pictures(x).numpy()
