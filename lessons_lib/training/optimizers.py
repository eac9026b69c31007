"""What changes the numbers, given their slopes, and by how much at each step."""

from collections.abc import Iterable

import torch
from torch import Tensor

from lessons_lib.base.linear import linear
from lessons_lib.base.parallel import part_like, whole
from lessons_lib.base.validation import check_integer, check_number, check_optimizer


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
        weight_decay: what part of a number, times `lr`, is lost at each step.

    Raises:
        ValueError: a parameter that is no matrix; see `check_optimizer`.

    Source: Jordan et al. 2024; as `torch.optim.Muon`, whose weight decay is 0.1 if none is given.
    """

    def __init__(self, parameters: Iterable, lr: float, momentum=0.95, weight_decay=0.0):
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)
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
                p.mul_(1 - group["lr"] * group["weight_decay"])
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
