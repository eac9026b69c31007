"""Attention: each token looks at the others and takes from them what it needs.

The chapter `attention`. It adds the first part of a neural language model: a mean of the other
tokens' vectors, with weights that the tokens themselves decide.

Shapes are written with the letters of the equations: B batch, T query positions, S key positions,
H query heads, G key-value heads, K width of a head, D width of the model. A mask is boolean, and
True means *may attend*.

Sources:
    Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, section 3.2.
    Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head
        Checkpoints", 2023, arXiv:2305.13245: grouped queries.
    torch.nn.functional.scaled_dot_product_attention: the fused operation with which the class
        computes, equal to the function of that name here.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.base.linear import Linear
from lessons_lib.base.validation import check_heads, check_integer

__all__ = [
    "MultiHeadAttention",
    "attention_weights",
    "causal_mask",
    "check_mask",
    "merge_heads",
    "repeat_heads",
    "scaled_dot_product_attention",
    "softmax",
    "split_heads",
]


def softmax(scores: Tensor) -> Tensor:
    """Turn the last axis of `scores` into positive weights that add up to 1.

    The largest score is subtracted first: the weights stay the same, and no exponential overflows.

    >>> softmax(torch.tensor([0.0, math.log(3)]))
    tensor([0.2500, 0.7500])
    """
    exponentials = torch.exp(scores - scores.amax(-1, keepdim=True))
    return exponentials / exponentials.sum(-1, keepdim=True)


def causal_mask(n_queries: int, n_keys: int | None = None) -> Tensor:
    """Return who may attend to whom when nobody sees the future: booleans (T, S).

    Args:
        n_queries: T, the number of query positions.
        n_keys: S, the number of key positions, T by default. If there are more keys than queries,
            the queries are the last T positions, as when the first keys come from a cache.

    Raises:
        ValueError: a length below 1, or fewer keys than queries.

    >>> causal_mask(3).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    check_integer("n_queries", n_queries, 1)
    n_keys = check_integer("n_keys", n_queries if n_keys is None else n_keys, n_queries)
    return torch.ones(n_queries, n_keys, dtype=torch.bool).tril(n_keys - n_queries)


def check_mask(mask: Tensor | None) -> Tensor | None:
    """Return `mask` if it is boolean and lets every query attend to at least one key.

    `None`, no mask at all, comes back as it is.

    Raises:
        ValueError: another type, or a row without any True, whose weights would be 0 / 0.
    """
    if mask is None:
        return None
    if mask.dtype != torch.bool:
        raise ValueError(f"expected a mask of booleans (True = may attend), got {mask.dtype}")
    empty = ~mask.any(-1)
    if empty.any():
        row = tuple(empty.nonzero()[0].tolist())
        raise ValueError(f"expected each mask row to allow some key, got none in row {row}")
    return mask


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return how much each query attends to each key.

    Args:
        q: queries (..., T, K).
        k: keys (..., S, K).
        mask: booleans that broadcast to (..., T, S), True where a query may attend.

    Returns:
        Weights (..., T, S); each row adds up to 1, and masked weights are exactly 0.

    Raises:
        ValueError: see `check_mask`.

    Source: Vaswani et al. 2017, the softmax in equation 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~check_mask(mask), -math.inf)
    return softmax(scores)


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Return for each query the mean of the values, weighted by how well its key fits.

    Args:
        q: queries (..., T, K).
        k: keys (..., S, K).
        v: values (..., S, K); they may have a width of their own.
        mask: booleans that broadcast to (..., T, S), True where a query may attend.

    Returns:
        (..., T, K), with the width of the values.

    Raises:
        ValueError: see `check_mask`; or a NaN or an infinite number among the inputs. A weight of
            0 times either is NaN, so one bad number would reach even the queries that may not
            attend to it.

    Source: Vaswani et al. 2017, equation 1. `torch.nn.functional.scaled_dot_product_attention` is
    the same in one fused operation, without these checks.
    """
    for name, x in {"q": q, "k": k, "v": v}.items():
        if not x.isfinite().all():
            raise ValueError(f"expected finite numbers in {name}, got {x[~x.isfinite()][0]}")
    return attention_weights(q, k, mask) @ v


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """Cut vectors (B, T, H * K) into heads: (B, H, T, K)."""
    _, d_head = check_heads(x.shape[-1], n_heads)
    return x.unflatten(-1, (n_heads, d_head)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Put heads (B, H, T, K) side by side again: (B, T, H * K)."""
    return x.transpose(1, 2).flatten(2)


def repeat_heads(x: Tensor, n_times: int) -> Tensor:
    """Repeat each key-value head for its queries: (B, G, S, K) to (B, H, S, K)."""
    check_integer("n_times", n_times, 1)
    return x if n_times == 1 else x.repeat_interleave(n_times, dim=1)


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each with queries, keys and values of its own.

    Args:
        d_model: D, the width of the vectors.
        n_heads: H, the number of query heads.
        n_kv_heads: G, the number of key-value heads, each shared by H / G query heads; H by
            default.
        d_head: K, the width of a head; D / H by default.
        bias: whether the four linear maps add a bias.
        prepare: what to do with queries and keys (B, H or G, T, K) before they meet, a function
            of (q, k) that returns both; later chapters rotate and normalise them there.

    Raises:
        ValueError: D not divisible by H where `d_head` is not given, or H not by G; in `forward`,
            see `check_mask`. A NaN in x is not hidden: its own position and all that may attend to
            it become NaN.

    Source: Vaswani et al. 2017, section 3.2.2; Ainslie et al. 2023 for G < H.
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        n_kv_heads: int | None = None,
        d_head: int | None = None,
        bias: bool = True,
        prepare: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    ):
        super().__init__()
        n_kv_heads, d_head = check_heads(d_model, n_heads, n_kv_heads, d_head)
        self.n_heads, self.n_kv_heads, self.prepare = n_heads, n_kv_heads, prepare
        self.query = Linear(d_model, n_heads * d_head, bias)
        self.key = Linear(d_model, n_kv_heads * d_head, bias)
        self.value = Linear(d_model, n_kv_heads * d_head, bias)
        self.output = Linear(n_heads * d_head, d_model, bias)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let positions of x (B, T, D) attend up to themselves, or as `mask` says."""
        q = split_heads(self.query(x), self.n_heads)  # (B, H, T, K)
        k = split_heads(self.key(x), self.n_kv_heads)  # (B, G, T, K)
        v = split_heads(self.value(x), self.n_kv_heads)
        if self.prepare:
            q, k = self.prepare(q, k)
        k, v = (repeat_heads(y, self.n_heads // self.n_kv_heads) for y in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, check_mask(mask), is_causal=mask is None)
        return self.output(merge_heads(mixed))  # (B, T, D)
