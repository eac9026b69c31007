"""Training: a model takes many small steps downhill, until it predicts nearly as well as possible.

The chapter `training`. It adds to the models what makes them learn: gradients, optimizers, a
schedule, batches, and a loop that can be stopped at any moment and goes on as if nothing had been.

    python -m lessons_lib.training --text quijote --minutes 3 --out quijote-model

Shapes: B batch, T positions, V vocabulary. Losses are in nats per token.

Sources:
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986:
        gradient descent with momentum.
    Kingma and Ba, "Adam", 2014, arXiv:1412.6980; Loshchilov and Hutter, "Decoupled Weight Decay
        Regularization", 2017, arXiv:1711.05101: AdamW.
    Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
        kellerjordan.github.io/posts/muon.
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2012,
        arXiv:1211.5063: clipping.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lessons_lib.base.checkpoints import differences, read_checkpoint, write_checkpoint
from lessons_lib.base.files import write_atomic
from lessons_lib.base.linear import linear
from lessons_lib.base.parallel import (
    part_like,
    process_group,
    rank_and_size,
    same_for_all,
    share,
    whole,
)
from lessons_lib.base.progress import progress_bar
from lessons_lib.base.validation import (
    check_integer,
    check_logits,
    check_number,
    check_optimizer,
    check_positions,
)
from lessons_lib.corpus.stories import WORLD, Story, World, sample
from lessons_lib.corpus.texts import load_text
from lessons_lib.gpt import GPT, GPTConfig, loss
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import BPETokenizer

__all__ = [
    "END",
    "SGD",
    "AdamW",
    "Muon",
    "Recipe",
    "TrainingDiverged",
    "Windows",
    "clip_gradients",
    "cross_entropy_gradient",
    "evaluate",
    "learning_rate",
    "make_optimizers",
    "numeric_gradient",
    "orthogonalise",
    "read_record",
    "story_data",
    "story_losses",
    "story_model",
    "story_tokenizer",
    "train",
    "write_text",
]

END = "<|end|>"  # begins and ends every story


# ---------------------------------------------------------------- the slope of the loss


def cross_entropy_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the gradient of the mean cross-entropy: probabilities, less one at the target.

    Args:
        logits: (N, V).
        targets: (N,), the token that came.

    Returns:
        (N, V), divided by N, as the loss is a mean.

    Raises:
        ValueError: targets that are no N integers from 0 to V - 1, or none.

    >>> cross_entropy_gradient(torch.zeros(1, 2), torch.tensor([0]))
    tensor([[-0.5000,  0.5000]])
    """
    gradient = logits.softmax(-1)
    targets = check_positions("targets", targets, logits.shape[1], len(logits))
    gradient[torch.arange(len(targets)), targets] -= 1
    return gradient / len(targets)


@torch.no_grad()
def numeric_gradient(function: Callable[[], Tensor], x: Tensor, step: float = 1e-6) -> Tensor:
    """Return how fast `function` grows with each number of `x`, by trying.

    Each number goes up and down by `step`, and comes back: ``(f(x + h) - f(x - h)) / (2 h)``.

    Args:
        function: gives one number, computed from `x` among others.
        x: any shape, in float64, or the differences drown in rounding.
        step: h.

    Raises:
        ValueError: a step that is not above 0, or an `x` of integers.
    """
    check_number("step", step, above=0)
    if not x.is_floating_point():
        raise ValueError(f"expected an x of floats, got {x.dtype}")
    gradient = torch.zeros_like(x)
    numbers, slopes = x.view(-1), gradient.view(-1)
    for i, number in enumerate(numbers.tolist()):
        numbers[i] = number + step
        above = function().item()
        numbers[i] = number - step
        slopes[i] = (above - function().item()) / (2 * step)
        numbers[i] = number
    return gradient


# ---------------------------------------------------------------- optimizers


class SGD(torch.optim.Optimizer):
    """Go down the slope; with momentum, keep rolling the way of the steps before.

    Args:
        parameters: what to train.
        lr: the learning rate.
        momentum: the part of the last step that is kept.

    Raises:
        ValueError: see `check_optimizer`.

    Source: Rumelhart et al. 1986; as `torch.optim.SGD`.
    """

    def __init__(self, parameters: Iterable, lr: float, momentum: float = 0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        check_optimizer(self.param_groups)

    @torch.no_grad()
    def step(self) -> None:
        """Change all parameters by one step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["velocity"] = torch.zeros_like(p)
                velocity = state["velocity"].mul_(group["momentum"]).add_(p.grad)
                p.sub_(velocity, alpha=group["lr"])


class AdamW(torch.optim.Optimizer):
    """Divide each number's slope by its usual size, so that all move at about the same pace.

    Args:
        parameters: what to train.
        lr: about how far a number moves in a step.
        betas: how much of the running means of the slope and of its square is kept.
        eps: keeps numbers that never change from a division by zero.
        weight_decay: what part of a number, times `lr`, is lost at each step.

    Raises:
        ValueError: see `check_optimizer`.

    Source: Loshchilov and Hutter 2017, algorithm 2; as `torch.optim.AdamW`.
    """

    def __init__(
        self, parameters: Iterable, lr: float, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)
        check_optimizer(self.param_groups)

    @torch.no_grad()
    def step(self) -> None:
        """Change all parameters by one step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.move(p, group)

    def move(self, p: Tensor, group: dict) -> None:
        """Change one parameter."""
        state, (beta1, beta2) = self.state[p], group["betas"]
        if not state:
            state |= {"step": 0, "mean": torch.zeros_like(p), "square": torch.zeros_like(p)}
        state["step"] += 1
        mean = state["mean"].lerp_(p.grad, 1 - beta1)
        square = state["square"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
        unbiased = (square / (1 - beta2 ** state["step"])).sqrt_().add_(group["eps"])
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.addcdiv_(mean, unbiased, value=-group["lr"] / (1 - beta1 ** state["step"]))


def orthogonalise(matrix: Tensor, n_steps: int = 5) -> Tensor:
    """Bring the singular values of a matrix near 1 and leave its directions as they are.

    Singular values say how much a matrix stretches each of its directions. A polynomial of odd
    powers, applied to the matrix, acts on each of them alone; five rounds of this one take all that
    are not tiny to between about 0.7 and 1.2, without ever computing them.

    Args:
        matrix: (E, D).
        n_steps: how many rounds.

    Raises:
        ValueError: a negative number of rounds.

    Source: Jordan et al. 2024, the Newton-Schulz iteration with coefficients 3.4445, -4.7750 and
    2.0315; as in `torch.optim.Muon`, which computes it in bfloat16.
    """
    check_integer("n_steps", n_steps, 0)
    x = matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix  # the smaller product
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(n_steps):
        a = linear(x, x)  # x x^T
        b = 2.0315 * linear(a, a) - 4.7750 * a
        x = 3.4445 * x + linear(b, x.mT)
    return x.mT if matrix.shape[0] > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """Momentum for matrices, whose step stretches all directions alike.

    Args:
        parameters: matrices; tables, norms and biases are left to AdamW.
        lr: how far a step goes, at all widths.
        momentum: the part of the last steps that is kept.

    Raises:
        ValueError: a parameter that is no matrix; see `check_optimizer`.

    Source: Jordan et al. 2024; as `torch.optim.Muon` without weight decay.
    """

    def __init__(self, parameters: Iterable, lr: float, momentum: float = 0.95):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        check_optimizer(self.param_groups)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(f"expected matrices, got a shape of {tuple(p.shape)}")

    @torch.no_grad()
    def step(self) -> None:
        """Change all matrices by one step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["mean"] = torch.zeros_like(p)
                mean = state["mean"].lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(mean, group["momentum"])  # Nesterov's look ahead
                rows, columns = p.shape
                scale = max(1, rows / columns) ** 0.5
                step = part_like(p, orthogonalise(whole(ahead)))
                p.sub_(step, alpha=group["lr"] * scale)


def learning_rate(progress: float, warm_up: float = 0.03, final: float = 0.02) -> float:
    """Return what part of the full learning rate to use: up in a line, then down in a line.

    Args:
        progress: the part of the run that is done, 0 to 1; beyond its end the rate stays.
        warm_up: the part of the run in which the rate rises.
        final: the part of the rate that is left at the end.

    Raises:
        ValueError: a negative `progress`, a `warm_up` outside [0, 1), a `final` outside [0, 1].

    >>> [round(learning_rate(p), 3) for p in (0.0, 0.015, 0.03, 0.515, 1.0)]
    [0.0, 0.5, 1.0, 0.51, 0.02]
    """
    progress = min(1, check_number("progress", progress, least=0))
    check_number("warm_up", warm_up, least=0, below=1)
    check_number("final", final, least=0, most=1)
    if progress < warm_up:
        return progress / warm_up
    return final + (1 - final) * (1 - progress) / (1 - warm_up)


def clip_gradients(parameters: Tensor | Iterable[Tensor], longest: float) -> float:
    """Shorten all gradients together to a length of at most `longest`; return what it was.

    If it was infinite or NaN, the gradients are no longer of use; the caller has to look.

    Raises:
        ValueError: a `longest` that is not above 0.

    Source: Pascanu et al. 2012, algorithm 1; as `torch.nn.utils.clip_grad_norm_`.
    """
    check_number("longest", longest, above=0)
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    gradients = [p.grad for p in parameters if p.grad is not None]
    squares = [whole(g.square().sum()) for g in gradients]
    length = torch.stack(squares).sum().sqrt().item() if squares else 0.0
    if length > longest:
        for g in gradients:
            g.mul_(longest / length)
    return length


# ---------------------------------------------------------------- data


class Windows:
    """A long row of tokens, read in windows of T + 1: T to read, and each one's successor.

    Args:
        token_ids: (N,), integers.
        length: T.
        starts: where windows may begin, such as the beginnings of stories. By default windows lie
            side by side, from another first token in each round.

    Raises:
        ValueError: a row shorter than one window, no place for a window to begin, or one of either
            that is no integer from 0 on; in the methods, a number out of range.
    """

    def __init__(self, token_ids: Tensor | Sequence[int], length: int, starts=None):
        self.token_ids = check_positions("token_ids", token_ids)
        self.length = check_integer("length", length, 1)
        self.last = len(self.token_ids) - length - 1  # the last place for a window
        if self.last < 0:
            raise ValueError(
                f"expected at least {length + 1} tokens for a window, got {len(self.token_ids)}"
            )
        self.starts = None
        if starts is not None:
            starts = check_positions("starts", starts)
            self.starts = starts[starts <= self.last]
            if not len(self.starts):
                raise ValueError(f"expected a start of at most {self.last}, got none")
        self._order = (None, None)  # the last round asked for, and its order

    def __len__(self) -> int:
        """Return the number of windows in one round through the data."""
        return self.last // self.length + 1 if self.starts is None else len(self.starts)

    def order(self, round_: int, seed: int) -> Tensor:
        """Return the shuffled starts of a round, the same for the same seed."""
        check_integer("round_", round_, 0)
        check_integer("seed", seed, 0)
        if self._order[0] != (round_, seed):
            rng = torch.Generator().manual_seed(seed * 1_000_003 + round_)
            starts = self.starts
            if starts is None:
                slack = self.last - (len(self) - 1) * self.length
                first = torch.randint(slack + 1, (), generator=rng)
                starts = first + self.length * torch.arange(len(self))
            shuffled = starts[torch.randperm(len(starts), generator=rng)]
            self._order = ((round_, seed), shuffled)
        return self._order[1]

    def batch(self, step: int, size: int, seed: int = 0) -> Tensor:
        """Return the windows of one step, (B, T + 1).

        What they are depends on the arguments only. So a run that starts again at some step goes
        on with the data that would have come.
        """
        check_integer("step", step, 0)
        check_integer("size", size, 1)
        places = range(step * size, (step + 1) * size)
        starts = [self.order(i // len(self), seed)[i % len(self)] for i in places]
        return self.rows(torch.stack(starts))

    def rows(self, starts: Tensor) -> Tensor:
        """Return the windows (B, T + 1) that begin at `starts` (B,)."""
        starts = check_positions("starts", starts, self.last + 1)
        return self.token_ids[starts[:, None] + torch.arange(self.length + 1)]


@torch.no_grad()
def evaluate(model: nn.Module, data: Windows, most: int = 64, size: int = 16) -> float:
    """Return the mean loss on windows that lie evenly in `data`, in nats per token.

    Args:
        model: as for `loss`.
        data: what to predict.
        most: how many windows to use at most.
        size: B, how many at a time.

    Raises:
        ValueError: a number below 1.
    """
    check_integer("most", most, 1)
    check_integer("size", size, 1)
    places = torch.linspace(0, data.last, min(most, len(data)), dtype=torch.float64).long()
    if data.starts is not None:
        places = data.starts[: min(most, len(data))]
    rows = data.rows(places).to(next(model.parameters()).device)
    return sum(loss(model, part).item() * len(part) for part in rows.split(size)) / len(rows)


# ---------------------------------------------------------------- the loop


class TrainingDiverged(ArithmeticError):
    """The loss is no longer a number."""


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
    weight_decay: float = 0.0
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
    """Give the matrices inside the blocks to Muon, all else to AdamW; or all to AdamW."""
    inside = {id(p) for p in model.blocks.parameters() if p.ndim == 2 and recipe.matrix_lr}
    matrices = [p for p in model.parameters() if id(p) in inside]
    others = [p for p in model.parameters() if id(p) not in inside]
    adamw = AdamW(others, recipe.lr, weight_decay=recipe.weight_decay)
    return [adamw, Muon(matrices, recipe.matrix_lr)] if matrices else [adamw]


class Run:
    """A training run: all that changes while it goes on, and how to keep it on disk.

    Args:
        model: with `blocks` and a `config`.
        data: what to learn from.
        recipe: how.
        folder: where to write `record.jsonl` and `checkpoint.pt`; None writes nothing.
        sharded: split the weights among the processes (FSDP2).
        loss_fn: what to make small, see `train`.

    Raises:
        ValueError: windows longer than the model can read, or a batch that the processes and the
            parts of `accumulate` cannot share.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Windows,
        recipe: Recipe,
        folder: str | os.PathLike | None = None,
        sharded: bool = False,
        loss_fn: Callable[[nn.Module, Tensor], Tensor] = loss,
    ):
        if data.length > model.config.context_length:
            raise ValueError(
                f"expected windows of at most {model.config.context_length} tokens, "
                f"got {data.length}"
            )
        self.rank, self.size = rank_and_size()
        if recipe.batch_size % (self.size * recipe.accumulate):
            raise ValueError(
                f"expected a batch that {self.size} processes times {recipe.accumulate} parts can "
                f"share, got {recipe.batch_size}"
            )
        self.model, self.data, self.recipe, self.loss_fn = model, data, recipe, loss_fn
        self.compute = share(model, sharded)
        self.optimizers = make_optimizers(model, recipe)
        self.parameters = dict(model.named_parameters())
        self.folder = None if folder is None else Path(folder)
        self.n_done, self.n_saved, self.seconds, self.record = 0, 0, 0.0, []
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)

    def settings(self) -> dict:
        """Describe the run: what must be equal for it to go on."""
        data = self.data.token_ids
        place = torch.arange(len(data)) % 8191 + 1
        settings = {f"recipe.{name}": value for name, value in asdict(self.recipe).items()}
        settings |= {f"model.{k}": repr(v) for k, v in vars(self.model.config).items()}
        settings |= {"model": type(self.model).__name__, "data.tokens": len(data)}
        return settings | {"data.sum": int((data * place).sum()), "data.length": self.data.length}

    @property
    def finished(self) -> bool:
        """Whether the recipe's end is reached."""
        target = self.recipe.target_loss
        reached = [line["validation"] for line in self.record[-1:] if "validation" in line]
        if target is not None and reached and reached[0] <= target:
            return True
        return self.recipe.progress(self.n_done, self.seconds) >= 1

    def due(self, every: int) -> bool:
        """Whether what happens every so many steps happens now."""
        return every > 0 and self.n_done % every == 0

    def step(self) -> dict:
        """Take one step and return its line of the record.

        Raises:
            TrainingDiverged: the loss or the gradient is no longer a number; nothing was changed.
        """
        recipe = self.recipe
        rows = self.data.batch(self.n_done, recipe.batch_size, recipe.seed)[self.rank :: self.size]
        device = next(self.model.parameters()).device
        half = torch.autocast(device.type, torch.bfloat16, recipe.precision == "bfloat16")
        total = torch.zeros(())
        for part in rows.to(device).chunk(recipe.accumulate):
            with half:
                value = self.loss_fn(self.compute, part)
            (value / recipe.accumulate).backward()
            total += value.detach().cpu() / recipe.accumulate
        total = same_for_all(total.item(), mean=True)
        length = clip_gradients(self.parameters.values(), recipe.clip)
        if not (math.isfinite(total) and math.isfinite(length)):
            kept = f"; {self.checkpoint} is from step {self.n_saved}" if self.n_saved else ""
            raise TrainingDiverged(
                f"the loss at step {self.n_done} is {total:g}, its gradient {length:g} long: try "
                f"a lower learning rate (now {recipe.lr:g} and {recipe.matrix_lr}), a longer "
                f"warm-up, or float32{kept}"
            )
        done = recipe.progress(self.n_done + 1, self.seconds)
        rate = learning_rate(done, recipe.warm_up, recipe.final)
        for optimizer, full in zip(self.optimizers, (recipe.lr, recipe.matrix_lr), strict=False):
            optimizer.param_groups[0]["lr"] = rate * full
            optimizer.step()
            optimizer.zero_grad()
        self.n_done += 1
        return {"step": self.n_done, "loss": total, "rate": rate, "gradient": length}

    # ------------------------------------------------------------ keeping it

    @property
    def checkpoint(self) -> Path:
        """Where the state of the run is kept."""
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint: weights, optimizers, place in the data, random state, record."""
        names = {p: name for name, p in self.parameters.items()}
        optimizers = [
            {names[p]: {k: whole(v) for k, v in state.items()} for p, state in o.state.items()}
            for o in self.optimizers
        ]
        state = {
            "settings": self.settings(),
            "model": {name: whole(p.detach()) for p, name in names.items()},
            "optimizers": optimizers,
            "random": torch.get_rng_state(),
            "n_done": self.n_done,
            "seconds": self.seconds,
            "record": self.record,
        }
        if self.rank == 0:
            write_checkpoint(self.checkpoint, state)
        self.n_saved = self.n_done

    def restore(self) -> None:
        """Go on where the checkpoint was written.

        Raises:
            ValueError: no whole checkpoint, or one of a run with other settings, all of them named.
        """
        state = read_checkpoint(self.checkpoint)
        if changed := differences(state["settings"], self.settings()):
            raise ValueError(
                f"expected the settings of the run in {self.checkpoint}; these differ:\n  "
                + "\n  ".join(changed)
            )
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(part_like(p, state["model"][name]))
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            for name, entries in saved.items():
                p = self.parameters[name]
                optimizer.state[p] = {
                    key: part_like(p, value.to(p.device)) if isinstance(value, Tensor) else value
                    for key, value in entries.items()
                }
        torch.set_rng_state(state["random"])
        self.n_done = self.n_saved = state["n_done"]
        self.seconds, self.record = state["seconds"], state["record"]
        if self.rank == 0:
            lines = "".join(json.dumps(line) + "\n" for line in self.record)
            write_atomic(self.folder / "record.jsonl", lines.encode())

    def note(self, line: dict) -> None:
        """Add a line to the record, in memory and on disk."""
        self.record.append(line)
        if self.folder and self.rank == 0:
            with open(self.folder / "record.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def train(
    model: nn.Module,
    data: Windows,
    recipe: Recipe,
    validation: Windows | None = None,
    folder: str | os.PathLike | None = None,
    resume: bool = False,
    sharded: bool = False,
    watch: Callable[[dict], None] = lambda line: None,
    loss_fn: Callable[[nn.Module, Tensor], Tensor] = loss,
) -> list[dict]:
    """Train a model in place and return the record of the run, a line for each step.

    Args:
        model: GPT, Llama, or another with `blocks`, a `config`, and logits (B, T, V).
        data: what to learn from.
        recipe: how, and until when.
        validation: what to measure the loss on, as often as the recipe says and at the end.
        folder: where to keep `record.jsonl` and `checkpoint.pt`.
        resume: go on from the checkpoint in `folder`, as if the run had never stopped.
        sharded: split the weights among the processes that `torchrun` started.
        watch: is called with each line of the record.
        loss_fn: what to make small: takes the model and windows (B, T + 1) and returns a mean over
            their tokens. By default the cross-entropy of each next token.

    Returns:
        Lines with step, loss (nats per token), rate (part of the full one), gradient (its length),
        tokens (read so far), seconds, and at times validation (nats per token).

    Raises:
        ValueError: see `Run`; `resume` without a folder or with other settings.
        TrainingDiverged: the loss is no longer a number; the last checkpoint is kept.
    """
    run = Run(model, data, recipe, folder, sharded, loss_fn)
    if resume:
        run.restore()
    began = time.perf_counter() - run.seconds
    with progress_bar("training", recipe.n_steps, unit=" steps", initial=run.n_done) as bar:
        while not run.finished:
            line = run.step()
            run.seconds = same_for_all(time.perf_counter() - began)
            tokens = run.n_done * recipe.batch_size * data.length
            line |= {"tokens": tokens, "seconds": round(run.seconds, 3)}
            if validation and (run.finished or run.due(recipe.evaluate_every)):
                line["validation"] = evaluate(run.compute, validation)
            run.note(line)
            watch(line)
            if folder and (run.finished or run.due(recipe.save_every)):
                run.save()
            bar.set_postfix_str(f"loss {line['loss']:.3f}, {tokens / run.seconds:,.0f} tokens/s")
            bar.update()
    return run.record


def read_record(path: str | os.PathLike) -> list[dict]:
    """Read a run's `record.jsonl`; a last line that was cut off is left out.

    Raises:
        ValueError: a line that is none of a record.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    whole_lines = [line for line in lines if line.endswith("\n")]
    try:
        return [json.loads(line) for line in whole_lines]
    except ValueError as error:
        raise ValueError(f"expected a line of JSON for each step in {path}, got: {error}") from None


# ---------------------------------------------------------------- the stories


def story_tokenizer(vocab_size: int = 1024) -> BPETokenizer:
    """Train the tokenizer of the book's models: on stories of both languages, with `END`."""
    texts = (story.text for lang in ("en", "es") for story in sample(2000, seed=1, language=lang))
    return BPETokenizer.train("".join(texts), vocab_size, special_tokens=[END])


def story_data(
    language: str,
    tokenizer: BPETokenizer,
    n_stories: int,
    length: int,
    seed: int = 2,
    world: World = WORLD,
) -> Windows:
    """Tell stories, one after the other with `END` between them; windows begin with a story.

    Args:
        language: "en" or "es".
        tokenizer: knows `END`.
        n_stories: how many.
        length: T, the tokens of a window.
        seed: of the stories. Seed 0 is kept for tests of what was learned.
        world: what they are about; one of fewer events tells shorter stories.
    """
    stories = sample(n_stories, seed, language, world=world)
    text = "".join(END + story.text for story in stories) + END
    ids = torch.tensor(tokenizer.encode(text, allowed_special=[END]))
    [end] = tokenizer.encode(END, allowed_special=[END])
    return Windows(ids, length, (ids == end).nonzero()[:-1, 0])


@torch.no_grad()
def story_losses(model: nn.Module, tokenizer: BPETokenizer, stories: Sequence[Story]) -> Tensor:
    """Return what each story costs the model, in nats: (N,).

    A story is read whole, from its `END` in front to the one behind it. Beside ``-story.log_prob``,
    which no model can beat on average, this says how far from perfect the model is.
    """
    losses = []
    for story in stories:
        ids = torch.tensor([tokenizer.encode(END + story.text + END, allowed_special=[END])])
        losses.append(loss(model, ids) * (ids.shape[1] - 1))
    return torch.stack(losses)


def story_model(language: str) -> tuple[Llama, BPETokenizer]:
    """Return the book's own model of the stories, which `make model` trained, and its tokenizer.

    Raises:
        ValueError: a language other than "en" and "es".
    """
    if language not in ("en", "es"):
        raise ValueError(f"expected the language en or es, got {language!r}")
    folder = Path(__file__).parent / "models" / language
    return Llama.from_pretrained(folder).float(), BPETokenizer.from_pretrained(folder)


# ---------------------------------------------------------------- the command


@torch.no_grad()
def write_text(
    model: nn.Module, tokenizer: BPETokenizer, start: str, n_tokens: int, seed: int = 0
) -> str:
    """Go on with `start` by up to `n_tokens` tokens, each drawn as the model says; stop at `END`.

    The chapter `generation` does this with more choice, and fast.

    Raises:
        ValueError: a negative number of tokens or seed, or logits without a largest one.
    """
    rng = torch.Generator().manual_seed(check_integer("seed", seed, 0, 2**64 - 1))
    special = [END] if END in tokenizer.special_tokens else []
    ids = torch.tensor([tokenizer.encode(start, allowed_special=special)])
    n_given = ids.shape[1]
    device = next(model.parameters()).device
    for _ in range(check_integer("n_tokens", n_tokens, 0)):
        window = ids[:, -model.config.context_length :].to(device)
        probabilities = check_logits(model(window)[0, -1]).float().softmax(-1).cpu()
        new = torch.multinomial(probabilities, 1, generator=rng)
        if tokenizer.decode([new.item()]) == END:
            break
        ids = torch.cat([ids, new[None]], dim=1)
    return tokenizer.decode(ids[0, n_given:].tolist())


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.training",
        description="Train a small language model and write it as a folder that others can open.",
    )
    add = parser.add_argument
    add("--text", required=True, help="stories, quijote, shakespeare, or a file of text")
    add("--language", choices=("en", "es"), default="en", help="of the stories")
    add("--stories", type=int, default=20_000, help="how many stories to tell")
    add("--out", required=True, type=Path, help="the folder to write")
    add("--minutes", type=float, help="how long to train")
    add("--steps", type=int, help="how many steps to train; at the end of a run that repeats")
    add("--resume", action="store_true", help="go on where the run in --out stopped")
    add("--model", choices=("llama", "gpt"), default="llama", help="llama has norms as in Qwen3")
    add("--d-model", type=int, default=128)
    add("--n-layers", type=int, default=2)
    add("--n-heads", type=int, default=4)
    add("--context", type=int, default=160, help="tokens in a window")
    add("--batch", type=int, default=16, help="windows in a step")
    add("--accumulate", type=int, default=1, help="parts of a batch, one after the other")
    add("--vocab-size", type=int, default=1024, help="tokens to learn from a text")
    add("--lr", type=float, default=Recipe.lr, help="learning rate of AdamW")
    add("--matrix-lr", type=float, default=Recipe.matrix_lr, help="of Muon; 0: AdamW for all")
    add("--precision", choices=("float32", "bfloat16"), default="float32")
    add("--every", type=int, default=100, help="steps from one report and checkpoint to the next")
    add("--seed", type=int, default=0)
    add("--fsdp", action="store_true", help="under torchrun: split the weights too")
    found = parser.parse_args(arguments)
    if found.minutes is None and found.steps is None:
        parser.error("expected --minutes or --steps, got neither")
    return found


def read_data(options: argparse.Namespace) -> tuple[BPETokenizer, Windows, Windows, float]:
    """Return tokenizer, training and validation windows, and the validation's bytes per token."""
    if options.text == "stories":
        tokenizer = story_tokenizer()
        data = story_data(options.language, tokenizer, options.stories, options.context)
        validation = story_data(options.language, tokenizer, 200, options.context, seed=0)
    else:
        text = load_text(options.text)
        cut = int(0.9 * len(text))
        tokenizer = BPETokenizer.train(text[:cut], options.vocab_size)
        data = Windows(tokenizer.encode(text[:cut]), options.context)
        validation = Windows(tokenizer.encode(text[cut:]), options.context)
    n_bytes = len(tokenizer.decode_bytes(validation.token_ids.tolist()))
    return tokenizer, data, validation, n_bytes / len(validation.token_ids)


def new_model(options: argparse.Namespace, vocab_size: int) -> Llama | GPT:
    """Return an untrained model of the sizes asked for."""
    torch.manual_seed(options.seed)
    sizes = options.d_model, options.n_heads, options.n_layers
    context = max(512, options.context)
    if options.model == "gpt":
        return GPT(GPTConfig(vocab_size, options.context, *sizes))
    d_ff = 256 * math.ceil(options.d_model * 8 / 3 / 256)
    shared = max(1, options.n_heads // 2)
    config = LlamaConfig(vocab_size, context, *sizes, d_ff, shared, qk_norm=True, tied=True)
    return Llama(config)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line says, and write the model, its tokenizer and the run's record."""
    options = read_arguments(arguments)
    with process_group() as device:
        first = rank_and_size()[0] == 0
        tell = print if first else lambda *_: None
        tell(f"reading {options.text}")
        tokenizer, data, validation, width = read_data(options)
        model = new_model(options, tokenizer.vocab_size).to(device)
        n_parameters = sum(p.numel() for p in model.parameters())
        tell(f"{len(data.token_ids):,} tokens, {n_parameters:,} parameters, {device}")
        recipe = Recipe(
            n_steps=options.steps,
            seconds=options.minutes and 60 * options.minutes,
            batch_size=options.batch,
            accumulate=options.accumulate,
            lr=options.lr,
            matrix_lr=options.matrix_lr or None,
            precision=options.precision,
            seed=options.seed,
            evaluate_every=options.every,
            save_every=options.every,
        )

        def report(line: dict) -> None:
            if "validation" in line:
                bits = line["validation"] / width / math.log(2)
                tell(
                    f"\nstep {line['step']}, {line['seconds']:.0f} s, loss {line['loss']:.3f}; "
                    f"validation {line['validation']:.3f} nats per token, {bits:.3f} bits per byte"
                )
                start = END if END in tokenizer.special_tokens else "\n"
                tell("  " + write_text(model, tokenizer, start, 60).strip().replace("\n", "\n  "))

        train(model, data, recipe, validation, options.out, options.resume, options.fsdp, report)
        if first:
            done = new_model(options, tokenizer.vocab_size)
            weights = read_checkpoint(options.out / "checkpoint.pt")["model"]
            with torch.no_grad():
                for name, p in done.named_parameters():
                    p.copy_(weights[name])
            done.save_pretrained(options.out, tokenizer)
            tell(f"\nwritten: {options.out}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, TrainingDiverged) as error:
        sys.exit(f"error: {error}")
