"""The network: patches of noise and what to paint go in, patches of a picture come out."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.attention import MultiHeadAttention
from lessons_lib.base.linear import Linear
from lessons_lib.base.validation import MOST_NUMBERS, check_integer
from lessons_lib.block import FeedForward
from lessons_lib.clip import patches
from lessons_lib.dit.files import DiTFiles
from lessons_lib.dit.path import check_times
from lessons_lib.dit.sizes import DiTConfig

SLOWEST = 10_000  # a time's slowest wave takes about 2 pi times as many units for a round
FINEST = 1000  # how many units there are between the times 0 and 1


class Captions(NamedTuple):
    """What captions say, in vectors of a text tower: `caption_condition` makes them.

    `pooled` (B, E) holds one for each caption; `words` (B, T, E) one for each word, of which `real`
    (B, T) says whether there is one. A row without any real word is no caption at all.
    """

    pooled: Tensor
    words: Tensor
    real: Tensor


Condition = Captions | Tensor | None  # captions, labels (B,), or nothing said


def patchify(x: Tensor, size: int) -> Tensor:
    """Cut pictures into squares, row by row: (B, C, H, W) to (B, P, size * size * C).

    Args:
        x: H and W divisible by `size`.
        size: the width and height of a patch, in pixels.

    Raises:
        ValueError: another number of axes, or a size that does not divide them.

    >>> patchify(torch.arange(16).view(1, 1, 4, 4), 2)[0, 1]
    tensor([2, 3, 6, 7])
    """
    if not isinstance(x, Tensor) or x.ndim != 4:
        raise ValueError(f"expected pictures of shape (B, C, H, W), got {_shape(x)}")
    return patches(x.permute(0, 2, 3, 1), size)


def unpatchify(x: Tensor, size: int) -> Tensor:
    """Put the squares of square pictures together: (B, P, size * size * C) to (B, C, H, W).

    Raises:
        ValueError: a number of patches that is no square, or numbers that fill no patches.
    """
    check_integer("size", size, 1)
    n = round(x.shape[1] ** 0.5) if isinstance(x, Tensor) and x.ndim == 3 else 0
    if not n or n * n != x.shape[1] or not x.shape[2] or x.shape[2] % size**2:
        raise ValueError(
            f"expected patches (B, P, {size**2} C) with P a square number, "
            f"got {tuple(getattr(x, 'shape', ()))}"
        )
    x = x.unflatten(2, (size, size, -1)).unflatten(1, (n, n))  # (B, h, w, s, s, C)
    return x.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)


def time_waves(t: Tensor, n: int) -> Tensor:
    """Return times as waves, from fast to slow: (B,) to (B, n), cosines first, then sines.

    Args:
        t: any numbers.
        n: how many waves, even and at least 4.

    Raises:
        ValueError: an odd n or one below 4, or times of another shape.

    Source: Vaswani et al. 2017, section 3.5; as `diffusers`' `Timesteps`, where the slowest wave is
        `SLOWEST` times as slow as the fastest.

    >>> time_waves(torch.tensor([0.0, 100.0]), 4)
    tensor([[ 1.0000,  1.0000,  0.0000,  0.0000],
            [ 0.8623,  0.9999, -0.5064,  0.0100]])
    """
    if check_integer("n", n, 4, 2**24) % 2:
        raise ValueError(f"expected an even n, got {n}")
    if not isinstance(t, Tensor) or t.ndim != 1:
        raise ValueError(f"expected times of shape (B,), got {getattr(t, 'shape', t)!r:.80}")
    steps = torch.arange(n // 2, dtype=torch.float32, device=t.device)
    angles = t[:, None].float() * torch.exp(-math.log(SLOWEST) * steps / (n // 2 - 1))
    return torch.cat([angles.cos(), angles.sin()], 1)


def _shape(x: object) -> tuple[int, ...] | str:
    """Return the shape of a tensor, or what else it is, for a message."""
    return tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Stretch vectors (B, T, D) and move them, all of a picture alike: `shift`, `scale` (B, D).

    >>> modulate(torch.ones(1, 1, 2), torch.tensor([[0.0, 5.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([[[2., 6.]]])
    """
    return x * (1 + scale[:, None]) + shift[:, None]


def plane_waves(n: int, d_model: int) -> Tensor:
    """Return a vector for each place of n rows and n columns, row by row: (n * n, D).

    The first half of its numbers are sines and cosines of the column, the second of the row.

    Raises:
        ValueError: no rows, a width that 4 does not divide, or more numbers than any model has.

    Source: Peebles and Xie 2022, the code published with it.
    """
    check_integer("n", n, 1, MOST_NUMBERS)
    if check_integer("d_model", d_model, 4, MOST_NUMBERS) % 4:
        raise ValueError(f"expected a d_model divisible by 4, got {d_model}")
    check_integer("n * n * d_model", n * n * d_model, 4, MOST_NUMBERS)
    exponents = torch.arange(d_model // 4, dtype=torch.float64) / (d_model / 4)
    angles = torch.arange(n).to(exponents)[:, None] / 10_000**exponents
    one = torch.cat([angles.sin(), angles.cos()], 1).float()  # (n, D / 2)
    return torch.cat([one.repeat(n, 1), one.repeat_interleave(n, 0)], 1)


def plain_norm(x: Tensor, eps: float = 1e-6) -> Tensor:
    """Shift and scale each vector of x (..., D) to mean 0 and variance 1, and learn nothing."""
    return F.layer_norm(x, x.shape[-1:], eps=eps)


def even_out(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Bring each query and key to the length sqrt(K)."""
    return tuple(F.rms_norm(x, x.shape[-1:]) for x in (q, k))


class DiTBlock(nn.Module):
    """A layer that is told, for each picture, how much to do: adaLN-zero.

    What goes into attention and feed-forward network is moved and stretched, what comes out is
    multiplied by a gate; all six come from the time and the condition by one map, which begins at
    zero: the gates are shut, and the block changes nothing.

    Source: Peebles and Xie 2022, section 3.2 and figure 3.
    """

    def __init__(self, config: DiTConfig):
        super().__init__()
        d, self.feed_eps = config.d_model, config.feed_eps
        prepare = even_out if config.qk_norm else None
        self.attention = MultiHeadAttention(d, config.n_heads, prepare=prepare)
        self.feed_forward = FeedForward(d, config.d_ff)
        self.modulation = Linear(d, 6 * d)

    def forward(self, x: Tensor, c: Tensor, mask: Tensor) -> Tensor:
        """Map x (B, T, D), told c (B, D), with a mask that broadcasts to (B, H, T, T)."""
        parts = self.modulation(F.silu(c)).chunk(6, 1)
        shift, scale, gate = parts[:3]
        inner = modulate(plain_norm(x), shift, scale)
        x = x + gate[:, None] * self.attention(inner, mask)
        shift, scale, gate = parts[3:]
        inner = modulate(plain_norm(x, self.feed_eps), shift, scale)
        return x + gate[:, None] * self.feed_forward(inner)


class Embedder(nn.Module):
    """Times, and labels if there are any, as vectors: (B,) to (B, D).

    The last row of the labels' table stands for none.
    """

    def __init__(self, config: DiTConfig):
        super().__init__()
        d, self.n_waves = config.d_model, config.n_waves
        self.first, self.second = Linear(self.n_waves, d), Linear(d, d)
        if config.n_classes:
            self.labels = nn.Embedding(config.n_classes + 1, d)

    def forward(self, t: Tensor, said: "Captions | Tensor") -> Tensor:
        """Return what times and labels (B,) become, or times alone: (B, D)."""
        waves = time_waves(t, self.n_waves).to(self.first.weight.dtype)
        c = self.second(F.silu(self.first(waves)))
        return c + self.labels(said) if isinstance(said, Tensor) else c


class CaptionMap(nn.Module):
    """Captions in the width of the model: one vector for the modulation, others as positions."""

    def __init__(self, d_condition: int, d_model: int):
        super().__init__()
        self.pooled, self.words = Linear(d_condition, d_model), Linear(d_condition, d_model)
        self.nothing = nn.Parameter(torch.zeros(d_model))

    def forward(self, captions: Captions) -> tuple[Tensor, Tensor]:
        """Return vectors (B, D), `nothing` where there is no caption, and words (B, T, D)."""
        said, dtype = captions.real.any(1, keepdim=True), self.nothing.dtype
        pooled = torch.where(said, self.pooled(captions.pooled.to(dtype)), self.nothing)
        return pooled, self.words(captions.words.to(dtype))


class DiT(DiTFiles):
    """A Transformer that says of a noisy picture what the picture is, or the noise.

    Args:
        config: the sizes.

    Raises:
        ValueError: in `forward`, pictures, times or a condition of other shapes or kinds.

    Source: Peebles and Xie, "Scalable Diffusion Models with Transformers", 2022; captions as
        further positions as in Esser et al. 2024.
    """

    def __init__(self, config: DiTConfig):
        super().__init__()
        self.config, d = config, config.d_model
        self.patch_map = Linear(config.n_inputs, d)
        self.embedders = nn.ModuleList(Embedder(config) for _ in range(config.n_embedders))
        self.caption = CaptionMap(config.d_condition, d) if config.d_condition else None
        self.blocks = nn.ModuleList(DiTBlock(config) for _ in range(config.n_layers))
        self.modulation, self.output = Linear(d, 2 * d), Linear(d, config.n_outputs)
        places = plane_waves(config.image_size // config.patch_size, d)
        self.register_buffer("places", places, persistent=False)
        start(self)

    def forward(self, x: Tensor, t: Tensor, condition: Condition = None) -> Tensor:
        """Say of pictures with noise what `config.predicts` names: (B, C, H, W).

        Args:
            x: (B, C, H, W), about from -1 to 1 where there is no noise.
            t: (B,), times from 0 to 1, or for the path "ddpm" steps counted from 0.
            condition: `Captions` of B, or labels (B,), of which `n_classes` stands for none; None
                says nothing at all.
        """
        x, t, said = self.check(x, t, condition)
        h = self.patch_map(patchify(x.to(self.places), self.config.patch_size)) + self.places
        told = [embedder(t, said) for embedder in self.embedders]
        words, real = h[:, :0], torch.ones_like(h[:, :0, 0], dtype=torch.bool)
        if self.caption:
            pooled, words = self.caption(said)
            told, real = [c + pooled for c in told], said.real
        h, mask = torch.cat([words, h], 1), seen(real, self.config.n_patches)
        for i, block in enumerate(self.blocks):
            h = block(h, told[i % len(told)], mask)
        shift, scale = self.modulation(F.silu(told[0])).chunk(2, 1)
        h = modulate(plain_norm(h[:, words.shape[1] :]), shift, scale)
        return unpatchify(self.output(h), self.config.patch_size)

    def check(
        self, x: Tensor, t: Tensor, condition: Condition
    ) -> tuple[Tensor, Tensor, Captions | Tensor]:
        """Return pictures, times as the waves have them, and a condition, if `forward` takes them.

        Raises:
            ValueError: one of another kind or shape, or in another place than the model.
        """
        check_device("pictures", x, self.places)
        check_device("times", t, self.places)
        for part in condition if isinstance(condition, Captions) else [condition]:
            check_device("a condition", part, self.places)
        return check_inputs(x, t, condition, self.config)


def start(model: DiT) -> None:
    """Draw the weights that training starts from: all gates shut, and zero as the answer.

    Source: Peebles and Xie 2022, the code published with it: uniform maps, normal tables.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
    for zero in (*(block.modulation for block in model.blocks), model.modulation, model.output):
        nn.init.zeros_(zero.weight)


def seen(real: Tensor, n_patches: int) -> Tensor:
    """Return who may attend to whom: all to all patches and to the real words, (B, 1, 1, T + P)."""
    always = real.new_ones(len(real), n_patches)
    return torch.cat([real, always], 1)[:, None, None]


def without(condition: Condition, rows: Tensor | None = None) -> Condition:
    """Return captions of which those in `rows` (B,), or all, say nothing.

    Raises:
        ValueError: no captions, or rows that are no booleans (B,).
    """
    if not isinstance(condition, Captions):
        raise ValueError(f"expected captions, got {type(condition).__name__}")
    if rows is None:
        return condition._replace(real=torch.zeros_like(condition.real))
    n = len(condition.real)
    if not isinstance(rows, Tensor) or rows.dtype != torch.bool or rows.shape != (n,):
        got = f"{rows.dtype} {tuple(rows.shape)}" if isinstance(rows, Tensor) else repr(rows)
        raise ValueError(f"expected rows ({n},), booleans, got {got:.80}")
    kept = condition.real & ~rows[:, None]
    return condition._replace(real=kept)


# ---------------------------------------------------------------- checks


def check_inputs(
    x: Tensor, t: Tensor, condition: Condition, config: DiTConfig
) -> tuple[Tensor, Tensor, Captions | Tensor]:
    """Return pictures, times as the waves have them, and a condition, also where nothing is said.

    Raises:
        ValueError: one of another kind or shape.
    """
    n, width = len(check_input(x, config)), config.d_condition
    times = check_steps(t, n, config)
    if condition is None and width is None:
        condition = torch.full((n,), config.n_classes, device=x.device)
    elif condition is None:
        empty = x.new_zeros(n, 1, width)
        condition = Captions(empty[:, 0], empty, empty[..., 0].bool())
    return x, times, check_condition(condition, n, config)


def check_device(name: str, part: object, weights: Tensor) -> None:
    """Make sure that a tensor is where a model's weights are, if it is one; `ValueError` else."""
    if isinstance(part, Tensor) and part.device != weights.device:
        raise ValueError(f"expected {name} on {weights.device}, as the model, got {part.device}")


def check_condition(condition: Condition, n: int, config: DiTConfig) -> Captions | Tensor:
    """Return what is said of n pictures, as a model of these sizes understands it.

    Raises:
        ValueError: see `check_labels` and `check_captions`.
    """
    if config.d_condition is None:
        return check_labels(condition, n, config.n_classes)
    return check_captions(condition, n, config.d_condition)


def check_input(x: Tensor, config: DiTConfig) -> Tensor:
    """Return pictures with noise (B, C, H, W).

    Raises:
        ValueError: no tensor of floating-point numbers, another shape, or NaN or infinity in it.
    """
    size = (config.channels, config.image_size, config.image_size)
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = getattr(x, "dtype", type(x).__name__)
        raise ValueError(f"expected a tensor of floating-point pictures, got {got}")
    if x.ndim != 4 or x.shape[1:] != size or not len(x):
        shape = ", ".join(map(str, size))
        raise ValueError(f"expected pictures of shape (B, {shape}), got {tuple(x.shape)}")
    if not x.isfinite().all():
        raise ValueError(f"expected finite numbers in x, got {x[~x.isfinite()][0].item()}")
    return x


def check_steps(t: Tensor, n: int, config: DiTConfig) -> Tensor:
    """Return times as the waves have them.

    Raises:
        ValueError: another shape, or others than the path's.
    """
    if config.path == "flow":
        return check_times(t, n) * FINEST
    integer = isinstance(t, Tensor) and t.dtype in (torch.int32, torch.int64)
    if not integer or t.shape != (n,):
        got = f"{t.dtype} {tuple(t.shape)}" if isinstance(t, Tensor) else repr(t)
        raise ValueError(f"expected steps of shape ({n},), integers, got {got:.80}")
    wrong = t[(t < 0) | (t >= config.n_steps)]
    if len(wrong):
        raise ValueError(f"expected steps from 0 to {config.n_steps - 1}, got {wrong[0].item()}")
    return t


def check_labels(labels: Tensor, n: int, n_classes: int) -> Tensor:
    """Return labels (B,), where `n_classes` stands for none.

    Raises:
        ValueError: no integers, another shape, or labels out of range.
    """
    integer = isinstance(labels, Tensor) and labels.dtype in (torch.int32, torch.int64)
    if not integer or labels.shape != (n,):
        shape = getattr(labels, "shape", None)
        got = type(labels).__name__ if shape is None else f"{labels.dtype} {tuple(shape)}"
        raise ValueError(f"expected labels of shape ({n},), integers, got {got:.80}")
    wrong = labels[(labels < 0) | (labels > n_classes)]
    if len(wrong):
        raise ValueError(f"expected labels from 0 to {n_classes}, got {wrong[0].item()}")
    return labels


def check_captions(captions: Captions, n: int, width: int) -> Captions:
    """Return captions of n pictures, their vectors of `width`.

    Raises:
        ValueError: something else, other shapes, or NaN or infinity in the vectors, also where
            there is no word: it would spread.
    """
    if not isinstance(captions, Captions):
        raise ValueError(f"expected captions, got {type(captions).__name__}")
    pooled, words, real = captions
    shapes = [_shape(x) for x in captions]
    length = shapes[1][1] if len(shapes[1]) == 3 else 0
    wanted = [(n, width), (n, length, width), (n, length)]
    if shapes != wanted or not length or real.dtype != torch.bool:
        raise ValueError(
            f"expected vectors ({n}, {width}) and ({n}, T, {width}) and booleans ({n}, T), "
            f"got {shapes}"
        )
    for vectors in (pooled, words):
        if not vectors.is_floating_point() or not vectors.isfinite().all():
            raise ValueError("expected vectors of finite floating-point numbers, got others")
    return captions


Model = Callable[[Tensor, Tensor, Condition], Tensor]
