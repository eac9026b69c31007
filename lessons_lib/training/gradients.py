"""The slope of the loss: by formula, by trying, and what to do with one that is too long."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from lessons_lib.base.parallel import whole
from lessons_lib.base.validation import check_number, check_positions


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
