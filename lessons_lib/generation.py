"""Generation: from a model's logits to text, one token after the other, and fast.

The chapter `generation`. It adds to a trained model what turns its probabilities into text: ways to
choose the next token, a memory of what has been read, several texts at a time, and a small model
that guesses ahead for a large one.

Shapes: B batch, T new positions, S positions in the cache, H query heads, G key-value heads, K
width of a head, V vocabulary. Token ids outside of tensors are lists of integers.

Sources:
    Holtzman et al., "The Curious Case of Neural Text Degeneration", 2019, arXiv:1904.09751: top-p,
        and what is wrong with the most probable text.
    Fan et al., "Hierarchical Neural Story Generation", 2018, arXiv:1805.04833: top-k.
    Nguyen et al., "Turning Up the Heat: Min-p Sampling", 2024, arXiv:2407.01082.
    Keskar et al., "CTRL", 2019, arXiv:1909.05858, section 4.1: the repetition penalty.
    Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", 2022,
        arXiv:2211.17192.
    The `transformers` package, whose functions on logits these equal.
"""

import codecs
import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.attention import MultiHeadAttention, causal_mask, merge_heads, split_heads
from lessons_lib.base.linear import linear
from lessons_lib.base.validation import (
    check_ids,
    check_integer,
    check_logits,
    check_number,
    check_probs,
    check_real,
    check_text,
)
from lessons_lib.gpt import check_token_ids, padding_mask
from lessons_lib.llama import Llama
from lessons_lib.tokens import BPETokenizer

__all__ = [
    "Beam",
    "Draft",
    "KVCache",
    "LlamaStep",
    "ModelDraft",
    "PaddedCache",
    "Reader",
    "Sampling",
    "Speculation",
    "TextStream",
    "accept_draft",
    "beam_search",
    "cached_attention",
    "cached_logits",
    "filter_logits",
    "generate",
    "generate_batch",
    "mark_seen",
    "min_p",
    "pad_prompts",
    "pick_token",
    "repetition_penalty",
    "sample_token",
    "speculative",
    "stops_of",
    "stream",
    "token_probs",
    "token_steps",
    "top_k",
    "top_p",
]


# ----------------------------------------------------------------------- choosing the next token


def top_k(logits: Tensor, k: int) -> Tensor:
    """Keep the k largest logits (..., V), and those equal to the k-th; the rest are -inf.

    Raises:
        ValueError: k below 1.

    Source: Fan et al. 2018, section 5.4.

    >>> top_k(torch.tensor([1.0, 3.0, 2.0]), 2)
    tensor([-inf, 3., 2.])
    """
    k = min(check_integer("top_k", k, 1), logits.shape[-1])
    least = logits.topk(k).values[..., -1:]
    return logits.masked_fill(logits < least, -math.inf)


def top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the most probable tokens until their probabilities add up to p; the rest are -inf.

    The token that reaches p is kept, so at least one is. Of equals, the smallest id comes first.
    Probabilities are computed in 64 bits; a sum that misses p by rounding alone has reached it.

    Raises:
        ValueError: p outside (0, 1].

    Source: Holtzman et al. 2019, section 3.1.

    >>> top_p(torch.tensor([0.0, math.log(2), math.log(5)]), 0.6)
    tensor([  -inf,   -inf, 1.6094])
    """
    if check_number("top_p", p, above=0, most=1) == 1:
        return logits
    ordered, places = logits.sort(descending=True, stable=True)
    sums = F.pad(ordered.double().softmax(-1).cumsum(-1), (1, 0))[..., :-1]
    before = torch.empty_like(sums).scatter(-1, places, sums)  # of the more probable ones
    return logits.masked_fill(before >= p * (1 - 1e-12), -math.inf)


def min_p(logits: Tensor, p: float) -> Tensor:
    """Keep tokens at least p times as probable as the most probable one; the rest are -inf.

    Computed in 64 bits; a token that misses the limit by rounding alone is kept.

    Raises:
        ValueError: p outside [0, 1].

    Source: Nguyen et al. 2024, section 3.

    >>> min_p(torch.tensor([0.0, math.log(2), math.log(5)]), 0.3)
    tensor([  -inf, 0.6931, 1.6094])
    """
    check_number("min_p", p, least=0, most=1)
    probs = logits.double().softmax(-1)
    least = p * (1 - 1e-12) * probs.amax(-1, keepdim=True)
    return logits.masked_fill(probs < least, -math.inf)


def repetition_penalty(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Divide the logits of tokens that were seen by `penalty`; multiply those below 0.

    Args:
        logits: (..., V).
        seen: booleans (..., V), True for tokens that stand in the text so far.
        penalty: above 1 to avoid repetitions.

    Raises:
        ValueError: a penalty that is not above 0.

    Source: Keskar et al. 2019, section 4.1, with the multiplication that `transformers` added.

    >>> repetition_penalty(torch.tensor([2.0, -2.0]), torch.tensor([True, True]), 2.0)
    tensor([ 1., -4.])
    """
    check_number("repetition_penalty", penalty, above=0)
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


@dataclass(frozen=True)
class Sampling:
    """How to choose the next token; by default, with the model's own probabilities.

    Args:
        temperature: the logits are divided by it; 0 takes the most probable token.
        top_k: see the function; `None` keeps all.
        top_p: see the function; 1 keeps all.
        min_p: see the function; 0 keeps all.
        repetition_penalty: see the function; 1 changes nothing.

    Raises:
        ValueError: a value outside its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self):
        check_number("temperature", self.temperature, least=0)
        check_integer("top_k", 1 if self.top_k is None else self.top_k, 1)
        check_number("top_p", self.top_p, above=0, most=1)
        check_number("min_p", self.min_p, least=0, most=1)
        check_number("repetition_penalty", self.repetition_penalty, above=0)


def filter_logits(logits: Tensor, sampling: Sampling, seen: Tensor | None = None) -> Tensor:
    """Apply all settings to logits (..., V), in the order of `transformers`.

    Args:
        logits: (..., V).
        sampling: the settings.
        seen: booleans (..., V), see `repetition_penalty`; needed only if there is a penalty.
    """
    if sampling.repetition_penalty != 1:
        logits = repetition_penalty(logits, seen, sampling.repetition_penalty)
    if sampling.temperature not in (0, 1):
        logits = logits / sampling.temperature
    if sampling.top_k is not None:
        logits = top_k(logits, sampling.top_k)
    logits = top_p(logits, sampling.top_p)
    if sampling.min_p != 0:
        logits = min_p(logits, sampling.min_p)
    return logits


def token_probs(logits: Tensor, sampling: Sampling, seen: Tensor | None = None) -> Tensor:
    """Return the probabilities (..., V) with which the next token is drawn, in 64 bits.

    Raises:
        ValueError: a NaN or +inf among the logits, or nothing but -inf.

    >>> token_probs(torch.tensor([0.0, 1.0]), Sampling(temperature=0))
    tensor([0., 1.], dtype=torch.float64)
    """
    logits = check_logits(filter_logits(logits.double(), sampling, seen))
    if sampling.temperature == 0:
        return F.one_hot(logits.argmax(-1), logits.shape[-1]).double()
    return logits.softmax(-1)


def sample_token(probs: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a token id for each row of probabilities (..., V): (...).

    The probabilities are laid end to end on a line; a random place on it falls on a token. They
    need not add up to 1.

    Raises:
        ValueError: a row with a negative number, a NaN or infinity, or with nothing but zeros.
    """
    places = torch.rand(
        (*probs.shape[:-1], 1), generator=generator, device=generator.device, dtype=torch.float64
    )
    ends = check_probs("probs", probs).double().cumsum(-1)  # where each token's piece ends
    return torch.searchsorted(ends, places.to(probs.device) * ends[..., -1:], right=True)[..., 0]


def pick_token(
    logits: Tensor, sampling: Sampling, generator: torch.Generator, seen: Tensor | None = None
) -> Tensor:
    """Choose a token id for each row of logits (..., V) as `sampling` says: (...)."""
    if sampling.temperature == 0 and sampling.repetition_penalty == 1:
        best, token_ids = logits.max(-1)
        if best.isfinite().all():
            return token_ids  # nothing else can change which one is the largest
    return sample_token(token_probs(logits, sampling, seen), generator)


# -------------------------------------------------------------------- the cache of keys and values


class KVCache:
    """The keys and values of all positions that a model has read, in every layer.

    Room for all positions is made once. Setting `length` back forgets the positions from there on.

    Args:
        model: a `GPT` or a `Llama`.
        n_positions: how many positions to make room for; the model's context by default.
        batch_size: B.

    Attributes:
        keys: (L, B, G, n_positions, K) for L layers.
        values: likewise.
        length: how many positions have been read.

    Raises:
        ValueError: a number of positions that is below 1 or above the model's context, or no rows.
    """

    def __init__(self, model: nn.Module, n_positions: int | None = None, batch_size: int = 1):
        most = model.config.context_length
        n_positions = most if n_positions is None else check_integer("n_positions", n_positions, 1)
        if n_positions > most:
            raise ValueError(f"expected at most {most} positions, the context, got {n_positions}")
        attention = model.blocks[0].attention
        d_head = attention.key.out_features // attention.n_kv_heads
        check_integer("batch_size", batch_size, 1)
        shape = (len(model.blocks), batch_size, attention.n_kv_heads, n_positions, d_head)
        self.keys, self.values = attention.key.weight.detach().new_zeros((2, *shape))
        self.length, self.n_positions = 0, n_positions

    def add(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Write k and v (B, G, T, K) behind what the layer has; return all of it (B, G, S, K)."""
        end = self.length + k.shape[2]
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def positions(self, n_new: int) -> Tensor:
        """Return where the next positions stand in their text: (T,)."""
        check_integer("n_new", n_new, 0)
        return torch.arange(self.length, self.length + n_new, device=self.keys.device)

    def mask(self, n_new: int) -> Tensor | None:
        """Return what the next positions may attend to: booleans (T, S), or None for all."""
        return causal_mask(n_new, self.length + n_new).to(self.keys.device) if n_new > 1 else None


class PaddedCache(KVCache):
    """A cache for prompts of different lengths, the shorter ones filled up from the left.

    Args:
        model: as for `KVCache`.
        real: booleans (B, n_positions), False where a prompt was filled up.

    Raises:
        ValueError: no such booleans, or more positions than the model's context.
    """

    def __init__(self, model: nn.Module, real: Tensor):
        real = check_real(real)
        super().__init__(model, real.shape[1], len(real))
        self.real = real.to(self.keys.device)

    def positions(self, n_new: int) -> Tensor:
        """Return where the next positions stand in their text: (B, T)."""
        real = self.real[:, : self.length + n_new]
        return (real.cumsum(-1) - 1).clamp(min=0)[:, self.length :]

    def mask(self, n_new: int) -> Tensor:
        """Return what the next positions may attend to: booleans (B, 1, T, S)."""
        real = self.real[:, : self.length + n_new]
        return real[:, None, None] if n_new == 1 else padding_mask(real)[:, :, self.length :]


def cached_attention(
    attention: MultiHeadAttention, x: Tensor, cache: KVCache, layer: int
) -> Tensor:
    """Let new positions x (B, T, D) attend to those in the cache and to themselves: (B, T, D).

    Query heads that share a key-value head stand below each other, as more rows of it.

    Raises:
        ValueError: a layer that the cache does not have, or another number of texts.
    """
    n_layers, n_texts = cache.keys.shape[:2]
    check_integer("layer", layer, 0, n_layers - 1)
    check_integer("the number of texts", len(x), n_texts, n_texts)
    n_new = x.shape[1]
    q = split_heads(attention.query(x), attention.n_heads)  # (B, H, T, K)
    k = split_heads(attention.key(x), attention.n_kv_heads)  # (B, G, T, K)
    v = split_heads(attention.value(x), attention.n_kv_heads)
    if attention.prepare:
        q, k = attention.prepare(q, k, cache.positions(n_new)[..., None, :])
    k, v = cache.add(layer, k, v)  # (B, G, S, K)
    q = q.unflatten(1, (attention.n_kv_heads, -1)).flatten(2, 3)  # (B, G, H / G T, K)
    mask = cache.mask(n_new)
    if mask is not None:
        mask = torch.cat([mask] * (q.shape[2] // n_new), dim=-2)
    mixed = F.scaled_dot_product_attention(q, k, v, mask)
    mixed = mixed.unflatten(2, (-1, n_new)).flatten(1, 2)  # (B, H, T, K)
    return attention.output(merge_heads(mixed))


@torch.inference_mode()
def cached_logits(
    model: nn.Module, token_ids: Tensor, cache: KVCache, n_logits: int | None = None
) -> Tensor:
    """Read new tokens behind those in the cache; return their logits (B, T, V).

    Args:
        model: a `GPT` or a `Llama`.
        token_ids: (B, T), the new tokens.
        cache: what the model has read so far; it grows by the new positions.
        n_logits: for how many of the last positions logits are wanted; all by default.

    Raises:
        ValueError: as `check_token_ids`, with the room left in the cache for the context; another
            number of texts than in the cache; logits wanted for fewer than one position.
    """
    room, n_texts = cache.n_positions - cache.length, cache.keys.shape[1]
    n_new = check_token_ids(token_ids, model.config.vocab_size, room).shape[1]
    check_integer("the number of texts", len(token_ids), n_texts, n_texts)
    n_logits = check_integer("n_logits", n_new if n_logits is None else n_logits, 1)
    x = model.token_embedding(token_ids)  # (B, T, D)
    if hasattr(model, "position_embedding"):
        x = x + model.position_embedding(cache.positions(n_new))
    for layer, block in enumerate(model.blocks):
        x = x + cached_attention(block.attention, block.attention_norm(x), cache, layer)
        x = x + block.feed_forward(block.feed_norm(x))
    cache.length += n_new
    x = model.final_norm(x[:, -n_logits:])
    return linear(x, getattr(model, "head", model.token_embedding).weight)


class LlamaStep:
    """One more token of each text through a `Llama` with its cache, in NumPy.

    With one token a text, most of the time goes into starting operations, which NumPy does faster
    than torch, and into memory. The weights and the cache are the model's own, not copies.

    Args:
        model: a `Llama` of 32 or 64 bits on the CPU.
        cache: its cache.
    """

    def __init__(self, model: nn.Module, cache: KVCache):
        def array(tensor: Tensor) -> np.ndarray:
            return tensor.detach().numpy()

        def norm(module: nn.Module | None) -> tuple | None:
            return (array(module.weight), module.eps) if module else None

        def maps(module: nn.Module, *names: str) -> list[np.ndarray]:
            return [array(getattr(module, name).weight).T for name in names]

        attention = model.blocks[0].attention
        rotary, dtype = attention.prepare, model.token_embedding.weight.dtype
        angles = torch.arange(cache.n_positions)[:, None] * rotary.speeds
        cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
        self.cos, self.sin = array(torch.stack([cos, cos], 1)), array(torch.stack([-sin, sin], 1))
        self.heads = attention.n_kv_heads, attention.n_heads // attention.n_kv_heads
        self.table, self.head = array(model.token_embedding.weight), array(model.head.weight).T
        self.final_norm, self.cache, self.hidden = norm(model.final_norm), cache, None
        if isinstance(cache, PaddedCache):
            self.places = array((cache.real.cumsum(-1) - 1).clamp(min=0))  # (B, S)
            shut = cache.real.logical_not()[:, None, None]
            self.hidden = array(torch.zeros(shut.shape, dtype=dtype).masked_fill(shut, -math.inf))
        self.layers = [
            (
                norm(block.attention_norm),
                *maps(block.attention, "query", "key", "value", "output"),
                norm(block.attention.prepare.q_norm),
                norm(block.attention.prepare.k_norm),
                norm(block.feed_norm),
                *maps(block.feed_forward, "gate", "up", "down"),
                array(cache.keys[layer]),
                array(cache.values[layer]),
            )
            for layer, block in enumerate(model.blocks)
        ]

    @staticmethod
    def fits(model: nn.Module, cache: KVCache) -> bool:
        """Whether this can compute what `cached_logits` does."""
        return (
            isinstance(model, Llama)
            and type(cache) in (KVCache, PaddedCache)
            and cache.keys.device.type == "cpu"
            and cache.keys.dtype in (torch.float32, torch.float64)
        )

    @np.errstate(over="ignore")  # e ** -g may be infinite: then the gate is shut, as it should be
    def __call__(self, token_ids: np.ndarray) -> np.ndarray:
        """Read one more token of each text (B,); return the logits (B, V) of the next."""
        position, (n_kv, n_shared), n_texts = self.cache.length, self.heads, len(token_ids)
        place = position if self.hidden is None else self.places[:, position, None]  # or (B, 1)
        cos, sin = self.cos[place], self.sin[place]

        def heads(x: np.ndarray, norm: tuple | None) -> np.ndarray:
            x = x.reshape(n_texts, -1, 2 * cos.shape[-1])  # (B, H or G, K)
            if norm:
                mean_square = np.einsum("bhk,bhk->bh", x, x) / x.shape[-1]
                x = x * (norm[0] / np.sqrt(mean_square + norm[1])[..., None])
            x = x.reshape(n_texts, -1, 2, cos.shape[-1])  # both halves of each head
            return x * cos + x[:, :, ::-1] * sin

        x = self.table[token_ids]
        for (
            norm,
            query,
            key,
            value,
            output,
            q_norm,
            k_norm,
            feed,
            gate,
            up,
            down,
            k,
            v,
        ) in self.layers:
            y = _rms_norm(x, norm)
            k[:, :, position] = heads(y @ key, k_norm).reshape(n_texts, n_kv, -1)
            v[:, :, position] = (y @ value).reshape(n_texts, n_kv, -1)
            q = heads(y @ query, q_norm).reshape(n_texts, n_kv, n_shared, -1)  # (B, G, H / G, K)
            scores = q @ k[:, :, : position + 1].swapaxes(2, 3) / math.sqrt(q.shape[-1])
            if self.hidden is not None:
                scores += self.hidden[..., : position + 1]
            weights = np.exp(scores - np.maximum.reduce(scores, -1, keepdims=True))
            weights /= np.add.reduce(weights, -1, keepdims=True)  # (B, G, H / G, S)
            x = x + (weights @ v[:, :, : position + 1]).reshape(n_texts, -1) @ output
            y = _rms_norm(x, feed)
            g = y @ gate
            x = x + (g / (1 + np.exp(-g)) * (y @ up)) @ down
        self.cache.length += 1
        return _rms_norm(x, self.final_norm) @ self.head


def _rms_norm(x: np.ndarray, norm: tuple) -> np.ndarray:
    mean_square = np.einsum("bd,bd->b", x, x) / x.shape[-1]
    return x * (norm[0] / np.sqrt(mean_square + norm[1])[:, None])


class Reader:
    """A model and its cache: read some tokens, get the logits of the next one.

    Prompts that are equal, such as those of a group of answers, are read once. Texts that have
    ended are read no further: see `keep`.

    Args:
        model: a `GPT` or a `Llama`.
        cache: what it has read so far.

    Attributes:
        rows: (B,), which of the texts are still read.
    """

    def __init__(self, model: nn.Module, cache: KVCache):
        self.model, self.cache = model, cache
        n_texts, weight = cache.keys.shape[1], model.token_embedding.weight
        self.rows = torch.arange(n_texts, device=weight.device)
        self.logits = weight.new_zeros(n_texts, len(weight))  # where some texts are read no further
        self.step = self._step()

    def _step(self) -> LlamaStep | None:
        fits = LlamaStep.fits(self.model, self.cache)
        return LlamaStep(self.model, self.cache) if fits else None

    def keep(self, going: Sequence[bool]) -> None:
        """Read on only those of the B texts that are still going, once a quarter has ended.

        For fewer it does not pay to move the cache together.
        """
        if 0 < sum(going) <= 0.75 * len(self.rows):
            still = torch.tensor(going, device=self.rows.device)[self.rows]
            self.rows = self.rows[still]
            cache, n = self.cache, len(self.rows)
            for stored in (cache.keys, cache.values):  # only what has been read has to move
                stored[:, :n, :, : cache.length] = stored[:, still, :, : cache.length]
            cache.keys, cache.values = cache.keys[:, :n], cache.values[:, :n]
            if isinstance(cache, PaddedCache):
                cache.real = cache.real[still]
            self.step = self._step()

    def next_logits(self, token_ids: Tensor) -> Tensor:
        """Read new tokens (B, T), return the logits (B, V) of what follows them.

        Those of a text that is read no further mean nothing.
        """
        if self.cache.length == 0 and len(token_ids) > 1:
            return self._read_prompts(token_ids)
        token_ids = token_ids[self.rows]
        if self.step and token_ids.shape[1] == 1 and self.cache.length < self.cache.n_positions:
            logits = torch.from_numpy(self.step(token_ids[:, 0].numpy()))
        else:
            logits = cached_logits(self.model, token_ids, self.cache, n_logits=1)[:, -1]
        if len(logits) == len(self.logits):
            return logits
        return self.logits.index_copy_(0, self.rows, logits)

    def _read_prompts(self, token_ids: Tensor) -> Tensor:
        cache, n = self.cache, token_ids.shape[1]
        part, marked = copy.copy(cache), token_ids
        if isinstance(cache, PaddedCache):
            marked = token_ids.masked_fill(~cache.real[:, :n], -1)
        different, row_of = marked.unique(dim=0, return_inverse=True)
        rows = torch.arange(len(row_of), device=row_of.device)
        rows = row_of.new_empty(len(different)).scatter_(0, row_of, rows)  # one of each
        part.keys, part.values = cache.keys[:, rows, :, :n], cache.values[:, rows, :, :n]
        if isinstance(cache, PaddedCache):
            part.real = cache.real[rows]
        logits = cached_logits(self.model, token_ids[rows], part, n_logits=1)[:, -1]
        cache.keys[..., :n, :], cache.values[..., :n, :] = (
            part.keys[:, row_of],
            part.values[:, row_of],
        )
        cache.length = part.length
        return logits[row_of]


# ------------------------------------------------------------------------- writing and stopping


def pad_prompts(prompts: Sequence[Sequence[int]], vocab_size: int) -> tuple[Tensor, Tensor]:
    """Fill prompts up from the left: token ids (B, T), and which of them are real (B, T).

    Raises:
        ValueError: no prompts, an empty one, or ids that are not in the vocabulary.

    >>> pad_prompts([[5, 6], [7]], vocab_size=8)
    (tensor([[5, 6],
            [0, 7]]), tensor([[ True,  True],
            [False,  True]]))
    """
    check_integer("vocab_size", vocab_size, 1)
    rows = [check_ids(prompt, vocab_size) for prompt in prompts]
    if not rows or not all(rows):
        raise ValueError(f"expected prompts of at least one token, got {rows!r:.80}")
    longest = max(map(len, rows))
    token_ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    missing = torch.tensor([longest - len(row) for row in rows])
    return token_ids, torch.arange(longest) >= missing[:, None]


def mark_seen(token_ids: Tensor, vocab_size: int, real: Tensor | None = None) -> Tensor:
    """Return which tokens of the vocabulary stand in each row of ids (B, T): booleans (B, V).

    Args:
        token_ids: (B, T).
        vocab_size: V.
        real: booleans (B, T), False for padding, which does not count.

    Raises:
        ValueError: see `check_token_ids`.

    >>> mark_seen(torch.tensor([[2, 0]]), vocab_size=3)
    tensor([[ True, False,  True]])
    """
    check_token_ids(token_ids, vocab_size, token_ids.shape[-1], real)
    times = torch.zeros(len(token_ids), vocab_size, dtype=torch.int64)
    one = torch.ones_like(token_ids) if real is None else real.long()
    return times.scatter_add_(1, token_ids, one) > 0


@torch.inference_mode()
def token_steps(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    n_tokens: int,
    sampling: Sampling = Sampling(),
    seed: int = 0,
    stop_ids: Iterable[int] = (),
) -> Iterator[list[int]]:
    """Yield, `n_tokens` times, the next token of each of the texts that begin with `prompts`.

    A text ends with the first of its tokens that is one of `stop_ids`; what is yielded for it from
    then on has no meaning. When all have ended, nothing more is yielded.

    Args:
        model: a `GPT` or a `Llama`.
        prompts: B lists of token ids; they may differ in length.
        n_tokens: how many tokens to add to each.
        sampling: how to choose them.
        seed: the same seed draws the same tokens, whenever other texts end.
        stop_ids: tokens that end a text.

    Raises:
        ValueError: see `pad_prompts`; a negative `n_tokens` or seed; or a longest prompt that,
            with `n_tokens` more, is longer than the model's context.
    """
    vocab_size, context = model.config.vocab_size, model.config.context_length
    token_ids, real = pad_prompts(prompts, vocab_size)
    length = token_ids.shape[1] + check_integer("n_tokens", n_tokens, 0)
    if length > context:
        raise ValueError(
            f"expected prompt and new tokens within the context of {context}, "
            f"got {token_ids.shape[1]} + {n_tokens}"
        )
    generator = torch.Generator().manual_seed(check_integer("seed", seed, 0, 2**64 - 1))
    device = model.token_embedding.weight.device
    if real.all():
        cache = KVCache(model, length, len(token_ids))
    else:
        cache = PaddedCache(model, F.pad(real, (0, n_tokens), value=True))
    reader = Reader(model, cache)
    seen = None
    if sampling.repetition_penalty != 1:
        seen = mark_seen(token_ids, vocab_size, real).to(device)
    token_ids, stop_ids = token_ids.to(device), set(check_ids(stop_ids))
    going = [True] * len(token_ids)
    for _ in range(n_tokens):
        chosen = pick_token(reader.next_logits(token_ids), sampling, generator, seen)
        yield chosen.tolist()
        token_ids = chosen[:, None]
        if seen is not None:
            seen.scatter_(1, token_ids, True)
        if stop_ids:
            ends = (token_id in stop_ids for token_id in chosen.tolist())
            going = [still and not end for still, end in zip(going, ends, strict=True)]
            if not any(going):
                return
            reader.keep(going)


def stops_of(model: nn.Module, stop_ids: Iterable[int] | None) -> set[int]:
    """Return the tokens that end a text: those given, or, without any, those of the model.

    Args:
        model: its configuration says how its texts end (`end_ids`).
        stop_ids: None takes these; an empty sequence lets texts go on.
    """
    return set(model.config.end_ids if stop_ids is None else check_ids(stop_ids))


def generate_batch(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    n_tokens: int,
    sampling: Sampling = Sampling(),
    stop_ids: Iterable[int] | None = None,
    seed: int = 0,
) -> list[list[int]]:
    """Continue several texts at a time; see `token_steps`.

    Each text ends before the first of its tokens that is one of `stop_ids`; see `stops_of`.

    Returns:
        For each prompt its new token ids.
    """
    stop_ids, texts, done = stops_of(model, stop_ids), [[] for _ in prompts], set()
    for chosen in token_steps(model, prompts, n_tokens, sampling, seed, stop_ids):
        for row, token_id in enumerate(chosen):
            if token_id in stop_ids:
                done.add(row)
            if row not in done:
                texts[row].append(token_id)
    return texts


def generate(
    model: nn.Module,
    token_ids: Sequence[int],
    n_tokens: int,
    sampling: Sampling = Sampling(),
    stop_ids: Iterable[int] | None = None,
    seed: int = 0,
) -> list[int]:
    """Continue one text by up to `n_tokens` tokens; see `generate_batch`.

    Returns:
        The new token ids.
    """
    return generate_batch(model, [token_ids], n_tokens, sampling, stop_ids, seed)[0]


class TextStream:
    """Turn tokens that come one by one into text, as soon as it is certain.

    A token may end in the middle of a character, or in the middle of what may become a stop text.
    Such an end is held back until the next tokens decide.

    Args:
        tokenizer: of the tokens.
        stop_texts: the text ends before the first of these.

    Attributes:
        stopped: whether a stop text has come.

    Raises:
        ValueError: an empty stop text, or one text in place of a sequence.
    """

    def __init__(self, tokenizer: BPETokenizer, stop_texts: Sequence[str] = ()):
        if isinstance(stop_texts, str):
            raise ValueError(f"expected a sequence of stop texts, got {stop_texts!r}")
        self.tokenizer, self.stopped, self._held = tokenizer, False, ""
        self._stops = [check_text(stop, empty=False) for stop in stop_texts]
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """Take one more token; return the text that is certain now, maybe none."""
        return self._release(self._utf8.decode(self.tokenizer.decode_bytes([token_id])))

    def end(self) -> str:
        """Return what was held back: nothing more will come."""
        text = self._release(self._utf8.decode(b"", final=True)) + self._held
        self._held = ""
        return text

    def _release(self, text: str) -> str:
        self._held += "" if self.stopped else text
        found = [self._held.index(stop) for stop in self._stops if stop in self._held]
        self.stopped = self.stopped or bool(found)
        beginnings = (stop[:n] for stop in self._stops for n in range(1, len(stop)))
        doubtful = max((len(b) for b in beginnings if self._held.endswith(b)), default=0)
        cut = min(found) if found else len(self._held) - doubtful
        text, self._held = self._held[:cut], "" if found else self._held[cut:]
        return text


def stream(
    model: nn.Module,
    tokenizer: BPETokenizer,
    token_ids: Sequence[int],
    n_tokens: int,
    sampling: Sampling = Sampling(),
    stop_ids: Iterable[int] | None = None,
    stop_texts: Sequence[str] = (),
    seed: int = 0,
) -> Iterator[str]:
    """Continue a text as `generate` does; yield the new text in pieces of whole characters.

    It ends before the first of `stop_ids` and before the first of `stop_texts`; see `stops_of` and
    `TextStream`.
    """
    text, stop_ids = TextStream(tokenizer, stop_texts), stops_of(model, stop_ids)
    for [token_id] in token_steps(model, [token_ids], n_tokens, sampling, seed):
        if token_id in stop_ids:
            break
        if piece := text.push(token_id):
            yield piece
        if text.stopped:
            return
    if rest := text.end():
        yield rest


# --------------------------------------------------------- the most probable text; guessing ahead


class Beam(NamedTuple):
    """A text that beam search has found, and its log-probability after the prompt, in nats."""

    token_ids: list[int]
    log_prob: float


@torch.inference_mode()
def beam_search(
    model: nn.Module,
    token_ids: Sequence[int],
    n_tokens: int,
    n_beams: int = 4,
    stop_ids: Iterable[int] | None = None,
) -> list[Beam]:
    """Look for the most probable continuation, keeping the `n_beams` best beginnings at each step.

    Args:
        model: a `GPT` or a `Llama`.
        token_ids: the prompt.
        n_tokens: the most tokens to add.
        n_beams: how many to keep; 1 is greedy.
        stop_ids: a text ends with the first of these tokens, whose probability counts; see
            `stops_of`.

    Returns:
        Up to `n_beams` texts, the most probable first, each with its stop token if it has one.

    Raises:
        ValueError: as `token_steps`, fewer than one beam, or logits of which none is the largest,
            such as NaN.
    """
    check_integer("n_beams", n_beams, 1)
    ids, _ = pad_prompts([token_ids], model.config.vocab_size)
    length = ids.shape[1] + check_integer("n_tokens", n_tokens, 0)
    stop_ids, alive, ended = stops_of(model, stop_ids), [(Beam([], 0.0), 0)], []
    cache = KVCache(model, length)
    for _ in range(n_tokens):
        logits = cached_logits(model, ids.to(cache.keys.device), cache, n_logits=1)[:, -1]
        before = torch.tensor([beam.log_prob for beam, _ in alive], dtype=torch.float64)
        scores = before[:, None] + check_logits(logits).double().log_softmax(-1).cpu()  # (beams, V)
        best, places = scores.flatten().topk(min(n_beams, scores.numel()))
        longer = []
        for log_prob, place in zip(best.tolist(), places.tolist(), strict=True):
            if log_prob == -math.inf:
                break  # from here on, none is possible
            row, token_id = divmod(place, scores.shape[1])
            longer.append((Beam([*alive[row][0].token_ids, token_id], log_prob), row))
        kept = sorted([*longer, *ended], key=_worth)[:n_beams]
        alive = [one for one in kept if one[0].token_ids[-1] not in stop_ids]
        ended = [one for one in kept if one[0].token_ids[-1] in stop_ids]
        if not alive:
            break
        rows = [row for _, row in alive]
        cache.keys, cache.values = cache.keys[:, rows], cache.values[:, rows]
        ids = torch.tensor([beam.token_ids[-1:] for beam, _ in alive])
    return [beam for beam, _ in sorted([*alive, *ended], key=_worth)]


def _worth(entry: tuple[Beam, int]) -> float:
    return -entry[0].log_prob


class Draft(Protocol):
    """What guesses for `speculative`: an `NGram`, a `ModelDraft`, or anything with this method."""

    def probs(self, ids: Sequence[int]) -> Sequence[float]:
        """Return the probabilities (V,) of the token after `ids`."""


class ModelDraft:
    """A small model that guesses for a large one with the same tokens.

    It reads only what is new: the cache is kept as far as the ids agree with those of last time.
    """

    def __init__(self, model: nn.Module):
        self._reader, self._read = Reader(model, KVCache(model)), []

    @torch.inference_mode()
    def probs(self, ids: Sequence[int]) -> Tensor:
        """Return the model's probabilities (V,) after `ids`."""
        pairs = zip(self._read, ids[:-1], strict=False)
        same = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
        same = min(len(self._read), len(ids) - 1) if same is None else same
        self._reader.cache.length, self._read = same, list(ids)
        return self._reader.next_logits(torch.tensor([ids[same:]]))[0].softmax(-1)


class Speculation(NamedTuple):
    """The new token ids, and how many times the large model was asked for them."""

    token_ids: list[int]
    n_reads: int


def accept_draft(
    p: Tensor, q: Sequence[Tensor], guesses: Sequence[int], generator: torch.Generator
) -> list[int]:
    """Keep guesses as long as they pass, then add one token: each is distributed as p says.

    A guess g passes with the probability p(g) / q(g), at most 1. In place of the first that fails
    comes a token drawn from what p has more than q. If none fails, one more is drawn from p.

    Args:
        p: the large model's probabilities (n + 1, V), each row given the guesses before it.
        q: n rows of probabilities (V,) from which the guesses were drawn.
        guesses: n token ids.
        generator: of the random numbers.

    Raises:
        ValueError: rows that are no probabilities, guesses outside the vocabulary, or not as many
            rows of q as guesses and one more of p.

    Source: Leviathan et al. 2022, algorithm 1.
    """
    check_probs("p and q", torch.stack([*p, *q]))
    if not len(p) - 1 == len(q) == len(check_ids(guesses, p.shape[-1])):
        raise ValueError(f"expected n + 1, n and n, got {len(p)}, {len(q)} and {len(guesses)}")
    places = torch.rand(len(guesses), generator=generator, dtype=torch.float64).tolist()
    for i, guess in enumerate(guesses):
        if places[i] * q[i][guess] >= p[i, guess]:
            return [*guesses[:i], sample_token((p[i] - q[i]).clamp(min=0), generator).item()]
    return [*guesses, sample_token(p[-1], generator).item()]


@torch.inference_mode()
def speculative(
    model: nn.Module,
    draft: Draft,
    token_ids: Sequence[int],
    n_tokens: int,
    sampling: Sampling = Sampling(),
    n_guesses: int = 4,
    stop_ids: Iterable[int] | None = None,
    seed: int = 0,
) -> Speculation:
    """Continue a text as `generate` does, reading several guesses of a draft at a time.

    The draft guesses `n_guesses` tokens, then the model reads them all at once. The text is
    distributed as if the model had written it alone; the draft decides only how fast.

    Raises:
        ValueError: as `generate`; fewer than one guess; probabilities of another vocabulary.
    """
    check_integer("n_guesses", n_guesses, 1)
    vocab_size, stop_ids = model.config.vocab_size, stops_of(model, stop_ids)
    ids = pad_prompts([token_ids], vocab_size)[0][0].tolist()
    start, end = len(ids), len(ids) + check_integer("n_tokens", n_tokens, 0)
    generator = torch.Generator().manual_seed(check_integer("seed", seed, 0, 2**64 - 1))
    cache, n_reads = KVCache(model, end), 0
    while len(ids) < end and stop_ids.isdisjoint(ids[start:]):
        q, guesses = [], []
        for _ in range(min(n_guesses, end - len(ids) - 1)):
            text = ids + guesses
            guess = torch.as_tensor(draft.probs(text))
            if guess.shape != (vocab_size,):
                raise ValueError(f"expected {vocab_size} probabilities, got {tuple(guess.shape)}")
            q.append(_probs_after([text], guess.log()[None], sampling)[0])
            guesses.append(sample_token(q[-1], generator).item())
        new = torch.tensor([ids[cache.length :] + guesses], device=cache.keys.device)
        logits = cached_logits(model, new, cache, n_logits=len(guesses) + 1)[0].cpu()
        texts = [ids + guesses[:i] for i in range(len(logits))]
        ids += accept_draft(_probs_after(texts, logits, sampling), q, guesses, generator)
        cache.length, n_reads = len(ids) - 1, n_reads + 1
    new_ids = ids[start:]
    stops = [i for i, token_id in enumerate(new_ids) if token_id in stop_ids]
    return Speculation(new_ids[: stops[0]] if stops else new_ids, n_reads)


def _probs_after(texts: Sequence[list[int]], logits: Tensor, sampling: Sampling) -> Tensor:
    """Turn logits (n, V) into probabilities, each row given what stands in its text."""
    seen = None
    if sampling.repetition_penalty != 1:
        marks = [mark_seen(torch.tensor([text]), logits.shape[1]) for text in texts]
        seen = torch.cat(marks)
    return token_probs(logits, sampling, seen)
