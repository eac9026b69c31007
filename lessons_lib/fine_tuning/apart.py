"""Packed rows read text by text: what `packed_logits` computes, without what its mask hides."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.attention import MultiHeadAttention, merge_heads, repeat_heads, split_heads
from lessons_lib.block import Block
from lessons_lib.gpt import check_token_ids
from lessons_lib.llama import Llama


def check_packed(
    model: Llama, token_ids: Tensor, numbers: Tensor, wanted: Tensor | None = None
) -> None:
    """Make sure that a model can read packed rows: see `packed_logits`.

    Raises:
        ValueError: see `check_token_ids`; a model without rotary positions; other shapes.
    """
    if not isinstance(model, Llama):
        raise ValueError(f"expected a Llama, got a {type(model).__name__}")
    check_token_ids(token_ids, model.config.vocab_size, model.config.context_length)
    if getattr(numbers, "shape", None) != token_ids.shape:
        raise ValueError(f"expected a number for each token, got {numbers!r:.80}")
    if wanted is not None and (wanted.shape, wanted.dtype) != (token_ids.shape, torch.bool):
        raise ValueError(f"expected a boolean for each token, got {wanted!r:.80}")


def logits_apart(model: Llama, token_ids: Tensor, numbers: Tensor, wanted: Tensor) -> Tensor:
    """Return the logits (N, V) of packed rows (B, T) at the N positions that are wanted.

    All texts stand in one long row, and in each layer each attends to itself. Texts of which
    nothing is wanted, such as what fills up a row, are left out; so is, in the last layer, what
    comes after attention at positions that are not wanted.

    Args:
        model: a Llama.
        token_ids: (B, T).
        numbers: of each token's text, as `documents` gives them: (B, T).
        wanted: booleans (B, T) of which N are true.

    Raises:
        ValueError: see `check_packed`.
    """
    check_packed(model, token_ids, numbers, wanted)
    begins = numbers.diff(dim=1, prepend=numbers[:, :1] - 1).flatten() != 0
    text = begins.cumsum(0) - 1  # of all rows
    n_wanted = torch.zeros_like(text).index_add_(0, text, wanted.flatten().long())  # in each
    kept = (n_wanted > 0)[text] | ~wanted.any()  # if nothing is wanted, all gets slopes of zero
    lengths = text[kept].unique_consecutive(return_counts=True)[1].tolist()
    positions = torch.cat([torch.arange(n) for n in lengths]).to(text.device)
    x, wanted = model.token_embedding(token_ids.flatten()[kept])[None], wanted.flatten()[kept]
    for i, block in enumerate(model.blocks, 1):
        x = _layer(block, x, positions, lengths, wanted if i == len(model.blocks) else None)
    return model.head(model.final_norm(x[0]))


def _layer(
    block: Block, x: Tensor, positions: Tensor, lengths: Sequence[int], wanted: Tensor | None
) -> Tensor:
    """Map texts (1, N, D) one behind the other; return all positions or those wanted."""
    mixed = _attend(block.attention, block.attention_norm(x), positions, lengths)
    if wanted is not None:
        x, mixed = x[:, wanted], mixed[:, wanted]
    x = x + block.attention.output(mixed)
    return x + block.feed_forward(block.feed_norm(x))


def _attend(
    attention: MultiHeadAttention, x: Tensor, positions: Tensor, lengths: Sequence[int]
) -> Tensor:
    """Return what each text of x (1, N, D) takes from itself: (1, N, H K)."""
    q = split_heads(attention.query(x), attention.n_heads)  # (1, H, N, K)
    k = split_heads(attention.key(x), attention.n_kv_heads)
    v = split_heads(attention.value(x), attention.n_kv_heads)
    q, k = attention.prepare(q, k, positions)
    k, v = (repeat_heads(y, attention.n_heads // attention.n_kv_heads) for y in (k, v))
    texts = zip(*(y.split(lengths, dim=2) for y in (q, k, v)), strict=True)
    mixed = [F.scaled_dot_product_attention(*text, is_causal=True) for text in texts]
    return merge_heads(torch.cat(mixed, dim=2))
