"""From a picture to noise and back: one path, two ways to count its time.

Along the path, picture and noise are mixed, `a * picture + b * noise`. Flow matching takes
`a = 1 - t` and `b = t`; DDPM takes `a ** 2 + b ** 2 = 1`, with b from a table. Divided by `a + b`,
each DDPM mixture is one of flow matching, at the time `b / (a + b)`: the path is the same.

Whoever knows a mixture, its time and one of picture, noise and velocity knows the other two.
"""

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from lessons_lib.base.validation import MOST_NUMBERS, check_integer, check_number
from lessons_lib.dit.sizes import MOST_STEPS, PREDICTIONS
from lessons_lib.intro import random_bits

NEAR = 1e-3  # a division by a time, or by 1 minus it, takes at least this
SCHEDULES = ("linear", "scaled_linear", "cosine")


def check_times(t: Tensor, n: int) -> Tensor:
    """Return times (B,) from 0 to 1.

    Raises:
        ValueError: no floating-point numbers, another shape, or one outside 0 to 1.
    """
    if not isinstance(t, Tensor) or not t.is_floating_point() or t.shape != (n,):
        got = f"{t.dtype} {tuple(t.shape)}" if isinstance(t, Tensor) else repr(t)
        raise ValueError(f"expected times of shape ({n},) from 0 to 1, got {got:.80}")
    wrong = t[~((t >= 0) & (t <= 1))]
    if len(wrong):
        raise ValueError(f"expected times from 0 to 1, got {wrong[0].item():g}")
    return t


def check_alike(x: Tensor, **others: Tensor) -> None:
    """Make sure that others have the shape of x: PyTorch would repeat what is smaller.

    Raises:
        ValueError: another shape, by the name of what has it.
    """
    shape = tuple(getattr(x, "shape", ()))
    for name, other in others.items():
        if (got := tuple(getattr(other, "shape", ()))) != shape:
            raise ValueError(f"expected {name} of shape {shape}, got {got}")


def for_each(t: Tensor, x: Tensor, **others: Tensor) -> Tensor:
    """Return times (B,) so that they multiply x (B, ...) row by row, and others that are alike."""
    if not isinstance(x, Tensor) or not x.is_floating_point() or not x.ndim:
        got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"expected floating-point numbers of shape (B, ...), got {got}")
    check_alike(x, **others)
    return check_times(t, len(x)).view(-1, *[1] * (x.ndim - 1))


def check_predicts(predicts: str) -> str:
    """Return `predicts` if it is one of `PREDICTIONS`; `ValueError` else."""
    if predicts not in PREDICTIONS:
        raise ValueError(f"expected predicts among {PREDICTIONS}, got {predicts!r:.80}")
    return predicts


def noisy(x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Mix pictures with noise: ``(1 - t) x + t noise``.

    Args:
        x: pictures (B, ...).
        noise: of the same shape, normal with mean 0 and deviation 1.
        t: (B,), 0 leaves the picture, 1 the noise.

    Raises:
        ValueError: other shapes, or times outside 0 to 1.

    Source: Lipman et al. 2022; Liu et al. 2022.

    >>> noisy(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]), torch.tensor([0.25]))
    tensor([[0.7500, 0.5000]])
    """
    t = for_each(t, x, noise=noise)
    return (1 - t) * x + t * noise


def to_picture(prediction: Tensor, x_t: Tensor, t: Tensor, predicts: str) -> Tensor:
    """Return the picture that a prediction means.

    Args:
        prediction: what a model says of `x_t`, of the same shape.
        x_t: (B, ...), see `noisy`.
        t: (B,). Near 1 the noise says little of the picture: it is divided by `NEAR` at least.
        predicts: what the prediction is: "picture", "velocity" or "noise".

    Raises:
        ValueError: another word, other shapes, or times outside 0 to 1.
    """
    t = for_each(t, x_t, prediction=prediction)
    if check_predicts(predicts) == "picture":
        return prediction
    if predicts == "velocity":
        return x_t - t * prediction
    return (x_t - t * prediction) / (1 - t).clamp(min=NEAR)


def to_velocity(prediction: Tensor, x_t: Tensor, t: Tensor, predicts: str) -> Tensor:
    """Return the velocity that a prediction means: where the mixture moves, ``noise - picture``.

    Args:
        prediction: as for `to_picture`.
        x_t: as for `to_picture`.
        t: as for `to_picture`. Near 0 the picture says little of the noise: it is divided by `NEAR`
            at least.
        predicts: as for `to_picture`.

    Raises:
        ValueError: see `to_picture`.
    """
    times = for_each(t, x_t, prediction=prediction)
    if check_predicts(predicts) == "velocity":
        return prediction
    if predicts == "noise":
        return prediction - to_picture(prediction, x_t, t, predicts)
    return (x_t - prediction) / times.clamp(min=NEAR)


def ddpm_schedule(
    n_steps: int = 1000, kind: str = "linear", first: float = 1e-4, last: float = 0.02
) -> Tensor:
    """Return how much of the picture is left at each step, `a ** 2`: (n_steps,), falling.

    Each step takes a share `beta` of what is left.

    Args:
        n_steps: how many steps.
        kind: "linear", the shares rise evenly from `first` to `last`; "scaled_linear", their roots
            do, as in Stable Diffusion; "cosine", what is left falls as a squared cosine.
        first: the share of the first step.
        last: the share of the last step.

    Raises:
        ValueError: no steps or beyond all tables, another kind, shares outside 0 to 1, or such that
            32 bits hold nothing of the picture at the end, or nothing of the noise at the start.

    Source: Ho et al. 2020, section 2; Rombach et al. 2021; Nichol and Dhariwal 2021, equation 17.
        In 32 bits, as `diffusers`' `alphas_cumprod`.

    >>> ddpm_schedule(3, first=0.5, last=0.5)
    tensor([0.5000, 0.2500, 0.1250])
    """
    n_steps = check_integer("n_steps", n_steps, 1, MOST_STEPS)
    ends = [check_number("first", first, above=0, below=1)]
    ends.append(check_number("last", last, above=0, below=1))
    if kind == "linear":
        shares = torch.linspace(*ends, n_steps)
    elif kind == "scaled_linear":
        shares = torch.linspace(*(end**0.5 for end in ends), n_steps) ** 2
    elif kind == "cosine":
        left = [
            math.cos((i / n_steps + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(n_steps + 1)
        ]
        shares = [min(1 - after / before, 0.999) for before, after in pairwise(left)]
        shares = torch.tensor(shares)
    else:
        raise ValueError(f"expected a schedule among {SCHEDULES}, got {kind!r:.80}")
    kept = (1 - shares).cumprod(0)
    if not kept[-1] > 0 or not kept[0] < 1:
        raise ValueError(
            f"expected shares that leave something and take something, got {first} to {last}"
        )
    return kept


def flow_time(left: Tensor) -> Tensor:
    """Return the flow's time of a DDPM step, of which `left` is what is left of the picture.

    >>> flow_time(torch.tensor([1.0, 0.5, 0.0]))
    tensor([0.0000, 0.5000, 1.0000])

    Raises:
        ValueError: a number outside 0 to 1.
    """
    if not ((left >= 0) & (left <= 1)).all():
        raise ValueError(f"expected what is left to be from 0 to 1, got {left}")
    a, b = left.sqrt(), (1 - left).sqrt()
    return b / (a + b)


def seeded_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return normal numbers that are the same for a seed on all machines, also in the page.

    Two numbers of `random_bits` give two normal ones: one says how far, the other in which
    direction.

    Args:
        shape: of the result.
        seed: from 0 to 2**32 - 1.

    Raises:
        ValueError: a shape of no sizes from 1 on, or of too many numbers; a seed out of range.

    Source: Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    """
    if not isinstance(shape, tuple | list):
        raise ValueError(f"expected a shape, such as (3, 32, 32), got {shape!r:.80}")
    sizes = [check_integer("a size of the shape", size, 1) for size in shape]
    n = check_integer("the numbers of the shape", math.prod(sizes), 1, MOST_NUMBERS)
    bits, pairs = random_bits(seed), (n + 1) // 2
    u = np.array([next(bits) for _ in range(2 * pairs)]).reshape(pairs, 2)
    far, turn = ((u + 0.5) / 2**32).T
    far, turn = np.sqrt(-2 * np.log(far)), 2 * np.pi * turn
    numbers = np.stack([far * np.cos(turn), far * np.sin(turn)], 1).ravel()[:n]
    return torch.from_numpy(numbers.astype(np.float32)).view(sizes)
