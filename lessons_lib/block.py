"""The Transformer block: attention and a small network, each added to what is already there.

The chapter `block`. It adds to attention what makes layers stack: the residual stream, layer
normalisation, the feed-forward network, and positions. A block is composed of parts that are
handed to it; later models hand it other parts.

Shapes: B batch, T positions, D width of the model, F width of the feed-forward network.

Sources:
    Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, section 3.
    He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385.
    Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450.
    Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, arXiv:1606.08415.
    Xiong et al., "On Layer Normalization in the Transformer Architecture", 2020, arXiv:2002.04745:
        normalisation before against after.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.base.linear import Linear
from lessons_lib.base.validation import check_integer, check_number

__all__ = [
    "Block",
    "FeedForward",
    "LayerNorm",
    "block_flops",
    "count_parameters",
    "gelu",
    "sinusoidal_positions",
]


class LayerNorm(nn.Module):
    """Shift and scale each vector to mean 0 and variance 1, then by learned numbers.

    Args:
        d_model: D, the width of the vectors.
        eps: added to the variance, so that a constant vector divides by no zero.

    Raises:
        ValueError: a width below 1, or an eps that is negative or not finite.

    Source: Ba et al. 2016, equation 4, over the last axis.
    """

    def __init__(self, d_model: int, eps: float = 1e-5):
        super().__init__()
        check_integer("d_model", d_model, 1)
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = check_number("eps", eps, least=0)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each vector of x (..., D)."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


def gelu(x: Tensor) -> Tensor:
    """Let large numbers pass and hold small and negative ones back, smoothly.

    x times the probability that a standard normal number is below x, by GPT-2's formula:
    ``0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x ** 3)))``.

    Source: Hendrycks and Gimpel 2016, section 2.

    >>> gelu(torch.tensor([-3.0, 0.0, 3.0]))
    tensor([-0.0036,  0.0000,  2.9964])
    """
    return F.gelu(x, approximate="tanh")


class FeedForward(nn.Module):
    """Two linear maps with a bend between them, applied to each position on its own.

    Args:
        d_model: D, the width in and out.
        d_ff: F, the width between, 4 D by default.
        bias: whether the linear maps add a bias.
        activation: the bend, GELU by default.

    Raises:
        ValueError: a width below 1.

    Source: Vaswani et al. 2017, section 3.3, with GELU in place of ReLU as in GPT-2.
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int | None = None,
        bias: bool = True,
        activation: Callable[[Tensor], Tensor] = gelu,
    ):
        super().__init__()
        check_integer("d_model", d_model, 1)
        d_ff = 4 * d_model if d_ff is None else check_integer("d_ff", d_ff, 1)
        self.up = Linear(d_model, d_ff, bias)
        self.down = Linear(d_ff, d_model, bias)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to (B, T, D)."""
        return self.down(self.activation(self.up(x)))


class Block(nn.Module):
    """One layer of a Transformer: attend, then think, each time adding to the residual stream.

    Args:
        attention_norm: normalises the vectors for the attention.
        attention: a module of (x, mask).
        feed_norm: normalises the vectors for the feed-forward network.
        feed_forward: a module of x.
        pre_norm: normalise what goes into each part (as GPT-2 and all since), or what comes out of
            each addition (the original Transformer).

    Source: Vaswani et al. 2017, section 3.1 (after); Xiong et al. 2020, figure 1 (before).
    """

    def __init__(
        self,
        attention_norm: nn.Module,
        attention: nn.Module,
        feed_norm: nn.Module,
        feed_forward: nn.Module,
        pre_norm: bool = True,
    ):
        super().__init__()
        self.attention_norm, self.attention = attention_norm, attention
        self.feed_norm, self.feed_forward = feed_norm, feed_forward
        self.pre_norm = pre_norm

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map the residual stream x (B, T, D); without a `mask`, our attention is causal."""
        if self.pre_norm:
            x = x + self.attention(self.attention_norm(x), mask)
            return x + self.feed_forward(self.feed_norm(x))
        x = self.attention_norm(x + self.attention(x, mask))
        return self.feed_norm(x + self.feed_forward(x))


def sinusoidal_positions(n_positions: int, d_model: int) -> Tensor:
    """Return a vector for each position, made of sine and cosine waves: (T, D).

    Columns 2 i and 2 i + 1 are the sine and cosine of the position times ``10000 ** (-2 i / D)``:
    clock hands from fast to slow.

    Args:
        n_positions: T.
        d_model: D, even.

    Raises:
        ValueError: no positions, or an odd D.

    Source: Vaswani et al. 2017, section 3.5.

    >>> sinusoidal_positions(2, 4)
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    """
    check_integer("n_positions", n_positions, 1)
    if check_integer("d_model", d_model, 2) % 2:
        raise ValueError(f"expected an even d_model, got {d_model}")
    speeds = 10000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angles = torch.arange(n_positions)[:, None] * speeds  # (T, D / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()


def count_parameters(module: nn.Module) -> int:
    """Return how many numbers `module` learns; a tensor used in two places counts once.

    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in module.parameters())


def block_flops(n_tokens: int, d_model: int, d_ff: int | None = None) -> int:
    """Return the floating-point operations of one block's matrix products, forward.

    A product of (T, D) and (D, E) counts 2 T D E: one multiplication and one addition each. What is
    left out (norms, softmax, GELU) grows with T D only.

    Args:
        n_tokens: T, the length of the sequence.
        d_model: D; all heads together have this width.
        d_ff: F, 4 D by default.

    Raises:
        ValueError: a size below 1.

    Source: Kaplan et al., "Scaling Laws for Neural Language Models", 2020, arXiv:2001.08361,
    table 1, without the mask's saving of half of the attention.

    >>> block_flops(1, 2, 8)
    104
    """
    check_integer("n_tokens", n_tokens, 1)
    check_integer("d_model", d_model, 1)
    d_ff = 4 * d_model if d_ff is None else check_integer("d_ff", d_ff, 1)
    maps = 2 * n_tokens * d_model * (4 * d_model + 2 * d_ff)
    scores_and_means = 2 * 2 * n_tokens * n_tokens * d_model
    return maps + scores_and_means
