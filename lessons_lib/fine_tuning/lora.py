"""LoRA: two thin matrices beside each large one, which is left as it is."""

import math
from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn

from lessons_lib.base.linear import linear
from lessons_lib.base.validation import MOST_NUMBERS, check_integer, check_number
from lessons_lib.llama import Llama

TARGETS = ("query", "key", "value", "output", "gate", "up", "down")


class LoRALinear(nn.Module):
    """A linear map W x + s B A x of which only A and B learn; at the start B is 0.

    Args:
        base: the map W, (E, D), without a bias; it no longer learns.
        rank: r, how thin A (r, D) and B (E, r) are.
        alpha: s is alpha / r, or with `rs` alpha / sqrt(r).
        rs: see `alpha`.
        generator: draws A.

    Raises:
        ValueError: a rank below 1, an alpha that is not above 0, or a map with a bias.

    Source: Hu et al., "LoRA", 2021, arXiv:2106.09685, equation 3; Kalajdzievski, "A Rank
    Stabilization Scaling Factor", 2023, arXiv:2312.03732, for `rs`. Equals `peft`, A's first
    numbers too: uniform between -1 / sqrt(D) and 1 / sqrt(D).
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, rs: bool = False, generator=None):
        super().__init__()
        if base.bias is not None:
            raise ValueError("expected a map without a bias, got one with it")
        check_integer("rank", rank, 1, MOST_NUMBERS)
        check_number("alpha", alpha, above=0)
        self.base, self.rank, self.alpha, self.rs = base.requires_grad_(False), rank, alpha, rs
        self.scale = alpha / (math.sqrt(rank) if rs else rank)
        self.out_features, self.in_features = base.weight.shape
        self.A = nn.Parameter(base.weight.new_empty(rank, self.in_features))
        self.B = nn.Parameter(base.weight.new_zeros(self.out_features, rank))
        most = 1 / math.sqrt(self.in_features)
        nn.init.uniform_(self.A, -most, most, generator)
        self.register_parameter("bias", None)

    @property
    def weight(self) -> Tensor:
        """The matrix that does the same: W + s B A."""
        return self.base.weight + self.scale * (self.B @ self.A)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., D) to (..., E)."""
        return self.base(x) + self.scale * linear(linear(x, self.A), self.B)


def lora_parts(model: nn.Module) -> Iterator[tuple[str, LoRALinear]]:
    """Yield the names and the maps of a model that have thin matrices.

    They are known by what they have, and not by their class: the chapter defines its own.
    """
    for name, module in model.named_modules():
        if all(hasattr(module, part) for part in ("base", "A", "B", "scale")):
            yield name, module


def check_plain(model: nn.Module) -> None:
    """Raise a `ValueError` for anything but a Llama without thin matrices."""
    if not isinstance(model, Llama):
        raise ValueError(f"expected a Llama, got a {type(model).__name__}")
    if any(lora_parts(model)):
        raise ValueError("expected a model without LoRA, got one with it")


def add_lora(
    model: nn.Module,
    rank: int,
    alpha: float,
    targets: Collection[str] | None = None,
    rs: bool = False,
    seed: int = 0,
) -> nn.Module:
    """Freeze a model and give its blocks' maps thin matrices that learn; in place.

    What it computes does not change, to the bit, until they have learned something.

    Args:
        model: a Llama or another with `blocks`.
        rank: r.
        alpha: see `LoRALinear`.
        targets: which maps, of `TARGETS`; all by default.
        rs: see `LoRALinear`.
        seed: of the first numbers of A.

    Returns:
        The model.

    Raises:
        ValueError: see `LoRALinear`; a model that has thin matrices already, or targets that it
            does not have. Then nothing has changed.
    """
    if any(lora_parts(model)):
        raise ValueError("expected a model without LoRA, got one with it: merge it first")
    targets = set(TARGETS if targets is None else [targets] if targets == str(targets) else targets)
    found = [
        (owner, name, module)
        for owner in model.blocks.modules()
        for name, module in owner.named_children()
        if name in targets and isinstance(module, nn.Linear)
    ]
    missing = targets - {name for _, name, _ in found}
    if missing or not found:
        raise ValueError(f"expected targets among {TARGETS}, got {sorted(missing) or 'none'}")
    generator = torch.Generator(found[0][2].weight.device)
    generator.manual_seed(check_integer("seed", seed, 0, 2**64 - 1))
    parts = [LoRALinear(module, rank, alpha, rs, generator) for _, _, module in found]
    model.requires_grad_(False)
    for (owner, name, _), part in zip(found, parts, strict=True):
        part.A.requires_grad_(True)
        part.B.requires_grad_(True)
        setattr(owner, name, part)
    return model


@torch.no_grad()
def merge_lora(model: nn.Module) -> nn.Module:
    """Add the thin matrices to the large ones, which then do the same alone; in place.

    Returns:
        The model, all of whose parameters may learn again.

    Raises:
        ValueError: a model without LoRA.
    """
    parts = list(lora_parts(model))
    if not parts:
        raise ValueError("expected a model with LoRA, got one without")
    for name, part in parts:
        part.base.weight.copy_(part.weight)
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, part.base)
    return model.requires_grad_(True)


def remove_lora(model: nn.Module) -> nn.Module:
    """Take the thin matrices away, so that the model is again what it was; in place.

    Raises:
        ValueError: a model without LoRA.
    """
    parts = list(lora_parts(model))
    if not parts:
        raise ValueError("expected a model with LoRA, got one without")
    for name, part in parts:
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, part.base)
    return model.requires_grad_(True)
