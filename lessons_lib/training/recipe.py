"""How to train: the settings of a run, and the optimizers that follow from them."""

from dataclasses import dataclass

import torch
from torch import nn

from lessons_lib.base.validation import check_integer, check_number
from lessons_lib.training.optimizers import AdamW, Muon, learning_rate


@dataclass(frozen=True)
class Recipe:
    """How to train. A run ends with the first of `n_steps`, `seconds` and `target_loss` it meets.

    Raises:
        ValueError: no end given, or a number out of range.
    """

    n_steps: int | None = None
    seconds: float | None = None  # the rate then follows the clock: no run is like another
    target_loss: float | None = None  # of the validation, in nats per token
    batch_size: int = 16
    accumulate: int = 1  # parts of a batch, computed one after the other to save memory
    lr: float = 0.005  # of AdamW
    matrix_lr: float | None = 0.02  # of Muon, for the matrices of the blocks; None: AdamW for all
    weight_decay: float = 0.0  # of matrices and tables, see `make_optimizers`
    warm_up: float = 0.03
    final: float = 0.02
    clip: float = 1.0
    precision: str = "float32"  # or "bfloat16", for the products
    seed: int = 0  # of the order of the data
    evaluate_every: int = 0  # steps; 0: only at the end
    save_every: int = 0  # steps; 0: only at the end

    def __post_init__(self):
        if self.n_steps is None and self.seconds is None:
            raise ValueError("expected n_steps or seconds, got neither")
        for name in ("batch_size", "accumulate"):
            check_integer(name, getattr(self, name), 1)
        for name in ("seed", "evaluate_every", "save_every"):
            check_integer(name, getattr(self, name), 0)
        if self.n_steps is not None:
            check_integer("n_steps", self.n_steps, 1)
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"expected accumulate to divide batch_size, got {self.accumulate} and "
                f"{self.batch_size}"
            )
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"expected float32 or bfloat16, got {self.precision!r}")
        for name in ("lr", "matrix_lr", "clip", "seconds"):
            if getattr(self, name) is not None or name in ("lr", "clip"):
                check_number(name, getattr(self, name), above=0)
        check_number("weight_decay", self.weight_decay, least=0)
        if self.target_loss is not None:
            check_number("target_loss", self.target_loss)
        learning_rate(0, self.warm_up, self.final)  # checks both

    def progress(self, step: int, seconds: float) -> float:
        """Return the part of the run that is done after `step` steps and `seconds`."""
        by_steps = step / self.n_steps if self.n_steps else 0.0
        by_clock = seconds / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_steps, by_clock))


def make_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Give the matrices inside the blocks to Muon, all else to AdamW; or all to AdamW.

    Weight decay shrinks what multiplies vectors, that is matrices and tables, in both optimizers by
    the recipe's value. Gains and biases, which have one dimension, stay: shrinking them would not
    make the model simpler, but what it computes smaller. GPT-2's tables and head decay too, as in
    nanoGPT; a tied table is both.
    """
    inside = {id(p) for p in model.blocks.parameters() if p.ndim == 2 and recipe.matrix_lr}
    matrices = [p for p in model.parameters() if id(p) in inside]
    others = [p for p in model.parameters() if id(p) not in inside]
    tables, rest = [p for p in others if p.ndim >= 2], [p for p in others if p.ndim < 2]
    decay = recipe.weight_decay
    groups = [{"params": tables, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
    adamw = AdamW(groups, recipe.lr)
    return [adamw, Muon(matrices, recipe.matrix_lr, weight_decay=decay)] if matrices else [adamw]
