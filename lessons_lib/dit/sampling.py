"""From noise to a picture, step by step."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from lessons_lib.base.validation import check_integer, check_number
from lessons_lib.dit.model import (
    Captions,
    Condition,
    DiT,
    check_condition,
    check_device,
    check_input,
    without,
)
from lessons_lib.dit.path import (
    check_alike,
    check_predicts,
    ddpm_schedule,
    flow_time,
    seeded_noise,
    to_velocity,
)
from lessons_lib.dit.sizes import MOST_STEPS, DiTConfig

SAMPLERS = ("euler", "heun", "ddim", "ddpm")
OF_THE_FLOW = SAMPLERS[:2]


def guided(model: DiT, x: Tensor, t: Tensor, condition: Condition, guidance: float = 1.0) -> Tensor:
    """Return a prediction that follows the condition more than the model itself does.

    What the model says without the condition is left, in the direction of what it says with it:
    ``without + guidance * (with - without)``. So 0 does not listen, and 1 is the model itself.

    Args:
        model: predicts.
        x: (B, C, H, W).
        t: (B,).
        condition: captions, or labels.
        guidance: from 0 on.

    Raises:
        ValueError: a guidance that is negative or no finite number, no condition to follow, or what
            the model refuses.

    Source: Ho and Salimans 2022, equation 6, with their w one less than this guidance.
    """
    check_number("guidance", guidance, least=0)
    if condition is None:
        raise ValueError("expected a condition to follow, got None")
    if guidance == 1:
        return model(x, t, condition)
    model.check(x, t, condition)
    if isinstance(condition, Captions):
        nothing = without(condition)
        both = Captions(*(torch.cat(pair) for pair in zip(condition, nothing, strict=True)))
    else:
        both = torch.cat([condition, torch.full_like(condition, model.config.n_classes)])
    heard, unheard = model(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2)
    return unheard + guidance * (heard - unheard)


# ---------------------------------------------------------------- the flow: velocities


def euler_step(x: Tensor, velocity: Tensor, t: float, s: float) -> Tensor:
    """Go straight on from the time t to the time s: ``x + (s - t) velocity``.

    Raises:
        ValueError: times outside 0 to 1, s not before t, or a velocity of another shape.

    >>> euler_step(torch.tensor([1.0]), torch.tensor([4.0]), 1.0, 0.75)
    tensor([0.])
    """
    check_step(t, s, x, velocity)
    return x + (s - t) * velocity


def heun_step(
    x: Tensor, velocity_at: Callable[[Tensor, float], Tensor], t: float, s: float
) -> Tensor:
    """Go from t to s with the mean of the velocities at both ends; to the time 0 straight on.

    Args:
        x: the mixture at t.
        velocity_at: says how fast a mixture moves at a time; it is asked twice.
        t: where x is.
        s: where to go.

    Raises:
        ValueError: see `euler_step`.

    Source: Karras et al. 2022, algorithm 1.
    """
    check_step(t, s, x, x)
    velocity = velocity_at(x, t)
    ahead = euler_step(x, velocity, t, s)
    if s == 0:
        return ahead
    after = velocity_at(ahead, s)
    check_step(t, s, x, after)
    return euler_step(x, (velocity + after) / 2, t, s)


def check_step(t: float, s: float, x: Tensor, velocity: Tensor) -> None:
    """Refuse times outside 0 to 1, an s not before t, or another shape, with `ValueError`."""
    check_number("t", t, above=0, most=1)
    check_number("s", s, least=0, below=t)
    check_alike(x, velocity=velocity)


# ---------------------------------------------------------------- DDPM: shares of a table


def to_parts(
    prediction: Tensor, x: Tensor, left: Tensor, predicts: str, clip: bool = False
) -> tuple[Tensor, Tensor]:
    """Return picture and noise that a prediction means, of a DDPM mixture.

    Args:
        prediction: what a model says of x, of the same shape.
        x: ``left ** 0.5 * picture + (1 - left) ** 0.5 * noise``.
        left: how much of the picture is left.
        predicts: "picture", "noise" or "velocity", the flow's ``noise - picture``.
        clip: whether the picture is cut off at -1 and 1; the noise stays.

    Raises:
        ValueError: another word, or a prediction of another shape.
    """
    check_alike(x, prediction=prediction)
    a, b = left**0.5, (1 - left) ** 0.5
    if check_predicts(predicts) == "picture":
        picture, noise = prediction, (x - a * prediction) / b
    elif predicts == "noise":
        picture, noise = (x - b * prediction) / a, prediction
    else:
        picture = (x - b * prediction) / (a + b)
        noise = picture + prediction
    return picture.clamp(-1, 1) if clip else picture, noise


def _shares(schedule: Tensor, now: int, before: int) -> tuple[Tensor, Tensor]:
    """Return how much of the picture is left now and one step before; -1 is the picture itself.

    Raises:
        ValueError: steps out of range or in the wrong order, or a schedule that is none.
    """
    if not isinstance(schedule, Tensor) or schedule.ndim != 1 or not schedule.is_floating_point():
        raise ValueError(f"expected a schedule as of ddpm_schedule, got {schedule!r:.80}")
    now = check_integer("now", now, 0, len(schedule) - 1)
    before = check_integer("before", before, -1, now - 1)
    left, earlier = schedule[now], schedule[before] if before >= 0 else torch.ones_like(schedule[0])
    if not 0 < left <= earlier <= 1 or left == 1:
        raise ValueError(
            f"expected a schedule that falls between 1 and 0, got {earlier:g} and then {left:g}"
        )
    return left, earlier


def ddpm_step(
    x: Tensor,
    prediction: Tensor,
    now: int,
    before: int,
    schedule: Tensor,
    predicts: str = "noise",
    noise: Tensor | None = None,
    clip: bool = False,
) -> Tensor:
    """Draw the mixture one step before, as DDPM does: its mean, and some fresh noise.

    Args:
        x: the mixture now (B, ...).
        prediction: what a model says of it.
        now: the step, counted from 0.
        before: the step to go to, -1 for the picture itself.
        schedule: see `ddpm_schedule`.
        predicts: see `to_parts`.
        noise: fresh noise; without it, the mean is returned.
        clip: see `to_parts`.

    Raises:
        ValueError: steps out of range or in the wrong order, a schedule that does not fall between
            1 and 0, another word, or other shapes.

    Source: Ho et al. 2020, equations 6 and 7, with the smaller of their two variances.
    """
    left, left_before = _shares(schedule, now, before)
    picture, _ = to_parts(prediction, x, left, predicts, clip)
    kept = left / left_before
    of_picture = left_before**0.5 * (1 - kept) / (1 - left)
    of_x = kept**0.5 * (1 - left_before) / (1 - left)
    mean = of_picture * picture + of_x * x
    check_alike(x, noise=x if noise is None else noise)
    if noise is None or before < 0:
        return mean
    return mean + ((1 - left_before) / (1 - left) * (1 - kept)).clamp(min=1e-20) ** 0.5 * noise


def ddim_step(
    x: Tensor,
    prediction: Tensor,
    now: int,
    before: int,
    schedule: Tensor,
    predicts: str = "noise",
    eta: float = 0.0,
    noise: Tensor | None = None,
    clip: bool = False,
) -> Tensor:
    """Mix picture and noise anew for a step before, however far: DDIM.

    Args:
        x: as for `ddpm_step`.
        prediction: as for `ddpm_step`.
        now: as for `ddpm_step`.
        before: as for `ddpm_step`.
        schedule: as for `ddpm_step`.
        predicts: as for `ddpm_step`.
        eta: how much of the noise is fresh: 0 none, 1 as much as DDPM has.
        noise: the fresh noise, needed where eta is above 0.
        clip: as for `ddpm_step`.

    Raises:
        ValueError: as `ddpm_step`; an eta outside 0 to 1, or one above 0 without noise.

    Source: Song et al. 2020, equations 12 and 16.
    """
    if check_number("eta", eta, least=0, most=1) and noise is None:
        raise ValueError(f"expected fresh noise for an eta of {eta}, got None")
    left, left_before = _shares(schedule, now, before)
    picture, old = to_parts(prediction, x, left, predicts, clip)
    fresh = eta * ((1 - left_before) / (1 - left) * (1 - left / left_before)) ** 0.5
    check_alike(x, noise=x if noise is None else noise)
    kept = (1 - left_before - fresh**2).clamp(min=0)  # where nothing is to stay, it can round below
    x = left_before**0.5 * picture + kept**0.5 * old
    return x + fresh * noise if eta else x


# ---------------------------------------------------------------- all steps


@torch.no_grad()
def sample(
    model: DiT,
    condition: Condition,
    steps: int = 16,
    guidance: float = 1.0,
    seed: int = 0,
    sampler: str = "euler",
    noise: Tensor | None = None,
    watch: Callable[[int, Tensor], None] | None = None,
) -> Tensor:
    """Paint what a condition says: (B, C, H, W), about from -1 to 1.

    Args:
        model: says of noisy pictures what they are.
        condition: captions or labels of B pictures.
        steps: how many, at least 1.
        guidance: see `guided`.
        seed: of the noise: picture i starts from that of ``seed + i``.
        sampler: "euler" or "heun", which follow the flow; "ddim" or "ddpm", which take steps of a
            DDPM's linear table and go for both paths.
        noise: (B, C, H, W) to start from, in place of the seed's.
        watch: is told how many steps are done, and the mixture then.

    Raises:
        ValueError: no steps, more than a table has or beyond all tables, a guidance that `guided`
            refuses, another sampler, one that does not go with what the model learned, a condition
            or noise of another kind or shape, a seed outside 0 to 2**32 - 1, or a mixture that
            leaves all bounds on the way.
    """
    steps = check_integer("steps", steps, 1, MOST_STEPS)
    seed = check_integer("seed", seed, 0, 2**32 - 1)
    check_number("guidance", guidance, least=0)
    if sampler not in SAMPLERS:
        raise ValueError(f"expected a sampler among {SAMPLERS}, got {sampler!r:.80}")
    path = model.config.path
    if sampler in OF_THE_FLOW and path != "flow":
        raise ValueError(
            f"expected a model of the path 'flow' for {sampler!r}, got one of {path!r} that "
            f"predicts the {model.config.predicts}: take 'ddim' or 'ddpm'"
        )
    told = told_rows(condition, model.config)
    check_device("noise", noise, told)
    if noise is None:
        noise = start_noise(model, condition, seed)
    elif len(check_input(noise, model.config)) != len(told):
        raise ValueError(f"expected noise for {len(told)} pictures, got {len(noise)}")
    follow = _follow_flow if sampler in OF_THE_FLOW else _follow_table
    mixtures = follow(model, noise, condition, steps, guidance, sampler, seed)
    for done, mixture in enumerate(mixtures, 1):
        if not mixture.isfinite().all():
            raise ValueError(
                f"expected finite numbers after step {done} of {steps}, got others: with a "
                f"guidance of {guidance}, the model leads out of all bounds"
            )
        if watch:
            watch(done, mixture)
    return mixture


def start_noise(model: DiT, condition: Condition, seed: int) -> Tensor:
    """Return what painting starts from: (B, C, H, W), picture i from the seed ``seed + i``.

    Raises:
        ValueError: no condition, one of another kind, or a seed outside 0 to 2**32 - 1.
    """
    c = model.config
    told, seed = told_rows(condition, c), check_integer("seed", seed, 0, 2**32 - 1)
    shape = (c.channels, c.image_size, c.image_size)
    rows = [seeded_noise(shape, (seed + i) % 2**32) for i in range(len(told))]
    return torch.stack(rows).to(told.device)


def told_rows(condition: Condition, config: DiTConfig) -> Tensor:
    """Return of a condition the part that has a row for each picture, whatever it says.

    Raises:
        ValueError: no condition, or one of another kind.
    """
    if condition is None:
        raise ValueError("expected a condition to follow, got None")
    parts = condition.real if isinstance(condition, Captions) else condition
    n = len(parts) if isinstance(parts, Tensor) and parts.ndim else 0
    check_condition(condition, max(n, 1), config)
    return parts


def _follow_flow(model, x, condition, steps, guidance, sampler, seed):
    """Yield the mixtures on the way from the time 1 to the time 0, at even distances."""
    predicts, channels = model.config.predicts, model.config.channels

    def velocity_at(x: Tensor, t: float) -> Tensor:
        times = torch.full((len(x),), t, device=x.device)
        said = guided(model, x, times, condition, guidance)[:, :channels]
        return to_velocity(said, x, times, predicts)

    times = [1 - i / steps for i in range(steps)] + [0.0]
    for t, s in pairwise(times):
        if sampler == "heun":
            x = heun_step(x, velocity_at, t, s)
        else:
            x = euler_step(x, velocity_at(x, t), t, s)
        yield x


def _follow_table(model, x, condition, steps, guidance, sampler, seed):
    """Yield the mixtures on the way from a table's last step to the picture, evenly counted.

    A model of the flow is asked about the mixture that is the same but for its size.
    """
    config = model.config
    schedule = ddpm_schedule(config.n_steps).to(x.device)
    check_integer("steps", steps, 1, config.n_steps)
    places = [round(config.n_steps * (1 - i / steps)) - 1 for i in range(steps)] + [-1]
    step = ddpm_step if sampler == "ddpm" else ddim_step
    draws = torch.Generator().manual_seed(seed)
    for now, before in pairwise(places):
        left = schedule[now]
        if config.path == "flow":
            asked = x / (left.sqrt() + (1 - left).sqrt())
            times = flow_time(left).expand(len(x))
        else:
            asked, times = x, torch.full((len(x),), now, device=x.device)
        said = guided(model, asked, times, condition, guidance)[:, : config.channels]
        fresh = torch.randn(x.shape, generator=draws).to(x) if sampler == "ddpm" else None
        x = step(x, said, now, before, schedule, config.predicts, noise=fresh)
        yield x
