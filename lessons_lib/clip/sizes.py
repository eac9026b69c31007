"""The sizes of a CLIP and of its towers, and the bend between their maps."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from lessons_lib.base.validation import (
    MOST_LAYERS,
    MOST_NUMBERS,
    check_heads,
    check_integer,
    check_number,
)
from lessons_lib.block import gelu

LEGACY_END = 2  # in a file's config, this end means: read where the largest id stands


def quick_gelu(x: Tensor) -> Tensor:
    """Let large numbers pass and hold others back: ``x * sigmoid(1.702 x)``, nearly GELU.

    Source: Hendrycks and Gimpel 2016, section 2; the bend of the published CLIP.

    >>> import torch
    >>> quick_gelu(torch.tensor([-3.0, 0.0, 3.0]))
    tensor([-0.0181,  0.0000,  2.9819])
    """
    return F.silu(1.702 * x) / 1.702


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "quick_gelu": quick_gelu,
    "gelu": F.gelu,
    "gelu_pytorch_tanh": gelu,
}


@dataclass(frozen=True)
class TowerConfig:
    """The sizes of one tower.

    Args:
        d_model: D.
        n_heads: H, the heads of each attention.
        n_layers: the number of blocks.
        d_ff: F, 4 D by default.
        eps: see `LayerNorm`.
        activation: a name of `ACTIVATIONS`.

    Raises:
        ValueError: a size below 1 or beyond all models, heads that do not divide the width, a
            negative eps, or another activation.
    """

    d_model: int = 128
    n_heads: int = 4
    n_layers: int = 2
    d_ff: int | None = None  # None means 4 * d_model
    eps: float = 1e-5
    activation: str = "quick_gelu"

    def __post_init__(self):
        check_heads(self.d_model, self.n_heads)
        check_integer("n_layers", self.n_layers, 1, MOST_LAYERS)
        if self.d_ff is not None:
            check_integer("d_ff", self.d_ff, 1, MOST_NUMBERS)
        check_number("eps", self.eps, least=0)
        if self.activation not in ACTIVATIONS:
            known = tuple(ACTIVATIONS)
            raise ValueError(f"expected an activation among {known}, got {self.activation!r:.80}")


@dataclass(frozen=True)
class CLIPConfig:
    """The sizes of a CLIP; the defaults are those of the book's own.

    Args:
        vocab_size: V.
        context_length: the most tokens of a caption, begin and end among them.
        text: the tower of the captions.
        vision: the tower of the pictures.
        d_shared: E, the width of the space where they meet.
        image_size: the width and height of a picture, in pixels.
        patch_size: the same of a patch.
        end_id: the token at which a caption is read; None reads where the largest id stands.
        mean: of red, green and blue, subtracted from them; None changes nothing.
        deviation: of the same, divided by; given together with `mean`.

    Raises:
        ValueError: a size below 1 or beyond all models, patches that do not fill the picture, an
            end outside of the vocabulary or equal to `LEGACY_END`, or no three numbers each for
            mean and deviation, the deviations above 0.
    """

    vocab_size: int
    context_length: int = 24
    text: TowerConfig = TowerConfig()
    vision: TowerConfig = TowerConfig(n_layers=3)
    d_shared: int = 128
    image_size: int = 32
    patch_size: int = 8
    end_id: int | None = 3
    mean: tuple[float, ...] | None = (0.5, 0.5, 0.5)
    deviation: tuple[float, ...] | None = (0.5, 0.5, 0.5)

    def __post_init__(self):
        names = ("vocab_size", "context_length", "d_shared", "image_size", "patch_size")
        for name in names:
            check_integer(name, getattr(self, name), 1, MOST_NUMBERS)
        if self.image_size % self.patch_size:
            raise ValueError(
                f"expected an image_size divisible by patch_size, got {self.image_size} and "
                f"{self.patch_size}"
            )
        if self.end_id is not None:
            check_integer("end_id", self.end_id, 0, self.vocab_size - 1)
            if self.end_id == LEGACY_END:
                raise ValueError(
                    f"expected an end_id other than {LEGACY_END}, which files keep for 'where the "
                    "largest id stands': write None for that"
                )
        self._check_colours()

    def _check_colours(self):
        if (self.mean is None) != (self.deviation is None):
            raise ValueError(
                f"expected mean and deviation, or neither, got {self.mean!r:.80} and "
                f"{self.deviation!r:.80}"
            )
        for name in ("mean", "deviation"):
            values = getattr(self, name)
            if values is None:
                continue
            if not isinstance(values, tuple) or len(values) != 3:
                raise ValueError(f"expected {name} to be three numbers, got {values!r:.80}")
            for value in values:
                check_number(name, value, above=0 if name == "deviation" else -math.inf)

    @property
    def n_layers(self) -> int:
        """The blocks of both towers."""
        return self.text.n_layers + self.vision.n_layers

    @property
    def n_patches(self) -> int:
        """P, the patches of a picture."""
        return (self.image_size // self.patch_size) ** 2
