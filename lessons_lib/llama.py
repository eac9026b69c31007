"""Llama: what has changed since GPT-2, one part at a time.

The chapter `llama`. It hands the block other parts: RMSNorm for LayerNorm, SwiGLU for the
feed-forward network, rotary positions for learned ones, fewer key-value heads, no biases. With
norms on queries and keys it is Qwen3.

Shapes: B batch, T positions, H query heads, G key-value heads, K width of a head, D width of the
model, F width of the feed-forward network, V vocabulary.

Sources:
    Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023, arXiv:2302.13971.
    Grattafiori et al., "The Llama 3 Herd of Models", 2024, arXiv:2407.21783.
    Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467.
    Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
        arXiv:2104.09864.
    Shazeer, "GLU Variants Improve Transformer", 2020, arXiv:2002.05202: SwiGLU.
    Yang et al., "Qwen3 Technical Report", 2025, arXiv:2505.09388: norms on queries and keys.
    The `transformers` package: the names in the files, and the scaling called llama3.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.attention import MultiHeadAttention
from lessons_lib.base.hub import Entries, add_once, end_entry, open_checkpoint, write_folder
from lessons_lib.base.linear import Linear
from lessons_lib.base.validation import (
    MOST_LAYERS,
    check_heads,
    check_integer,
    check_model,
    check_number,
)
from lessons_lib.block import Block
from lessons_lib.gpt import build_model, check_token_ids, initialise, padding_mask, with_ends_of
from lessons_lib.tokens import BPETokenizer

__all__ = [
    "Llama",
    "LlamaConfig",
    "LlamaFiles",
    "RMSNorm",
    "RopeScaling",
    "RotaryEmbedding",
    "SwiGLU",
    "from_hub_llama",
    "llama_block",
    "llama_parameters",
    "read_llama_config",
    "rotate_half",
    "rotate_pairs",
    "rotation_speeds",
    "to_hub_llama",
    "write_llama_config",
]


class RMSNorm(nn.Module):
    """Scale each vector to a mean square of 1, then by learned numbers; no mean, no bias.

    Args:
        d: the width of the vectors.
        eps: added to the mean square.

    Raises:
        ValueError: a width below 1, or an eps that is negative or not finite.

    Source: Zhang and Sennrich 2019, equation 4.
    """

    def __init__(self, d: int, eps: float = 1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(check_integer("d", d, 1)))
        self.eps = check_number("eps", eps, least=0)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each vector of x (..., d)."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))  # 16 bits are few for squares
        scale = (wide.square().mean(-1, keepdim=True) + self.eps).rsqrt()
        return (wide * scale).to(x.dtype) * self.weight


class SwiGLU(nn.Module):
    """A feed-forward network with a gate: what goes up is multiplied by what the gate lets pass.

    Args:
        d_model: D, the width in and out.
        d_ff: F, the width between.

    Raises:
        ValueError: a width below 1.

    Source: Shazeer 2020, equation 6, with SiLU (Swish with beta 1) as the gate's bend.
    """

    def __init__(self, d_model: int, d_ff: int):
        super().__init__()
        check_integer("d_model", d_model, 1)
        check_integer("d_ff", d_ff, 1)
        self.gate = Linear(d_model, d_ff, bias=False)
        self.up = Linear(d_model, d_ff, bias=False)
        self.down = Linear(d_ff, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to (B, T, D)."""
        return self.down(F.silu(self.gate(x)) * self.up(x))


def rotation_speeds(d_head: int, base: float, scaling: "RopeScaling | None" = None) -> Tensor:
    """Return by how many radians per position each pair of numbers turns: (K / 2,).

    Args:
        d_head: K, even.
        base: pair i turns by ``base ** (-2 i / K)``.
        scaling: for contexts longer than in training.

    Raises:
        ValueError: an odd K, or a base that is not above 0 or not finite.

    Source: Su et al. 2021, equation 15.

    >>> rotation_speeds(4, 10000.0)
    tensor([1.0000, 0.0100])
    """
    if check_integer("d_head", d_head, 2) % 2:
        raise ValueError(f"expected an even d_head, got {d_head}")
    check_number("base", base, above=0)
    speeds = 1 / base ** (torch.arange(0, d_head, 2).float() / d_head)
    return speeds if scaling is None else scaling.stretch(speeds)


def rotate_pairs(x: Tensor, angles: Tensor) -> Tensor:
    """Turn each pair of neighbours (0, 1), (2, 3), ... of x (..., T, K) by angles (T, K / 2).

    Source: Su et al. 2021, equation 34; the layout of Meta's own code and of GGUF files.
    """
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


def rotate_half(x: Tensor, angles: Tensor) -> Tensor:
    """Turn the pairs (0, K / 2), (1, K / 2 + 1), ... of x (..., T, K) by angles (T, K / 2).

    The same as `rotate_pairs` with the numbers of a head in another order; the layout of
    `transformers` and its files.
    """
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    partners = x.roll(x.shape[-1] // 2, dims=-1)  # the second half, then the first
    return x * torch.cat([cos, cos], dim=-1) + partners * torch.cat([-sin, sin], dim=-1)


class RotaryEmbedding(nn.Module):
    """Turn queries and keys by their positions, so that their product sees only the distance.

    The angles are computed at each call, in float32 whatever the model's type: a table of them for
    a context of 131,072 positions would need more memory than a layer's weights.

    Args:
        d_head: K.
        base: see `rotation_speeds`.
        scaling: see `rotation_speeds`.
        q_norm, k_norm: what to apply to queries and keys before, such as Qwen3's RMSNorm.

    Source: Su et al. 2021; Yang et al. 2025 for the norms.
    """

    def __init__(
        self,
        d_head: int,
        base: float = 10000.0,
        scaling: "RopeScaling | None" = None,
        q_norm: nn.Module | None = None,
        k_norm: nn.Module | None = None,
    ):
        super().__init__()
        self.speeds = rotation_speeds(d_head, base, scaling)
        self.q_norm, self.k_norm = q_norm, k_norm

    def forward(
        self, q: Tensor, k: Tensor, positions: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Turn q (B, H, T, K) and k (B, G, T, K) by positions (..., T), by default 0, 1, 2, ..."""
        q = self.q_norm(q) if self.q_norm else q
        k = self.k_norm(k) if self.k_norm else k
        if positions is None:
            positions = torch.arange(q.shape[-2], device=q.device)
        angles = positions[..., None] * self.speeds.to(q.device)  # (..., T, K / 2)
        return rotate_half(q, angles), rotate_half(k, angles)


@dataclass(frozen=True)
class LlamaConfig:
    """The sizes of a Llama or, with `qk_norm`, a Qwen3.

    Raises:
        ValueError: see `check_model`.
    """

    vocab_size: int
    context_length: int
    d_model: int
    n_heads: int
    n_layers: int
    d_ff: int
    n_kv_heads: int | None = None  # n_heads
    d_head: int | None = None  # d_model / n_heads
    eps: float = 1e-5
    rope_base: float = 10000.0
    rope_scaling: "RopeScaling | None" = None
    qk_norm: bool = False
    tied: bool = False  # one table for input and output
    end_ids: tuple[int, ...] = ()  # the tokens that end a text

    def __post_init__(self):
        check_integer("d_ff", self.d_ff, 1)
        check_model(self)

    @property
    def kv_heads_and_width(self) -> tuple[int, int]:
        """G and K, with their defaults filled in."""
        return check_heads(self.d_model, self.n_heads, self.n_kv_heads, self.d_head)


def llama_parameters(config: LlamaConfig) -> int:
    """Return the number of parameters by formula.

    >>> llama_parameters(LlamaConfig(128256, 8192, 4096, 32, 32, 14336, n_kv_heads=8))
    8030261248
    """
    n_kv_heads, d_head = config.kv_heads_and_width
    d = config.d_model
    attention = 2 * d * d_head * (config.n_heads + n_kv_heads) + 2 * d_head * config.qk_norm
    layer = attention + 3 * d * config.d_ff + 2 * d
    tables = config.vocab_size * d * (1 if config.tied else 2)
    return tables + config.n_layers * layer + d


def llama_block(config: LlamaConfig) -> Block:
    """Compose one block of the newer parts."""
    n_kv_heads, d_head = config.kv_heads_and_width
    norms = [RMSNorm(d_head, config.eps) for _ in range(2)] if config.qk_norm else []
    rotary = RotaryEmbedding(d_head, config.rope_base, config.rope_scaling, *norms)
    heads = config.n_heads, n_kv_heads, d_head
    return Block(
        RMSNorm(config.d_model, config.eps),
        MultiHeadAttention(config.d_model, *heads, bias=False, prepare=rotary),
        RMSNorm(config.d_model, config.eps),
        SwiGLU(config.d_model, config.d_ff),
    )


class LlamaFiles:
    """Reading and writing files in the format of `transformers`: a part of `Llama`."""

    @classmethod
    def from_pretrained(cls, path_or_repo: str | os.PathLike) -> "LlamaFiles":
        """Read a Llama or a Qwen3 in the format of `transformers`: a folder, or a repository.

        Raises:
            ValueError: the files are neither, or tensors are missing, surplus or of other shapes.
            CheckpointUnavailable: see `checkpoint_folder`.
        """
        hub, tensors = open_checkpoint(path_or_repo, "llama", "qwen3")
        config = read_llama_config(hub)
        return build_model(cls, config, from_hub_llama(tensors, config))

    def save_pretrained(
        self, folder: str | os.PathLike, tokenizer: BPETokenizer | None = None
    ) -> None:
        """Write the model, and a tokenizer, as a folder that `transformers` opens.

        Raises:
            ValueError: see `with_ends_of`.
        """
        config = write_llama_config(with_ends_of(self.config, tokenizer))
        write_folder(folder, config, to_hub_llama(self.state_dict(), self.config), tokenizer)


class Llama(LlamaFiles, nn.Module):
    """Llama (and Qwen3): embeddings, blocks of the newer parts, a last norm, a map to logits.

    Args:
        config: the sizes.

    Raises:
        ValueError: in `forward`, see `check_token_ids`.
    """

    def __init__(self, config: LlamaConfig):
        super().__init__()
        self.config, d_model = config, config.d_model
        self.token_embedding = nn.Embedding(config.vocab_size, d_model)
        self.blocks = nn.ModuleList(llama_block(config) for _ in range(config.n_layers))
        self.final_norm = RMSNorm(d_model, config.eps)
        self.head = Linear(d_model, config.vocab_size, bias=False)
        if config.tied:
            self.head.weight = self.token_embedding.weight
        initialise(self, config.n_layers)

    def forward(self, token_ids: Tensor, real: Tensor | None = None) -> Tensor:
        """Return logits (B, T, V) for token ids (B, T); `real` as for `padding_mask`."""
        check_token_ids(token_ids, self.config.vocab_size, self.config.context_length, real)
        mask = None if real is None else padding_mask(real)
        x = self.token_embedding(token_ids)  # (B, T, D)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.final_norm(x))  # (B, T, V)


@dataclass(frozen=True)
class RopeScaling:
    """How Llama 3.1 stretches rotary positions to texts longer than those it was trained on.

    Waves longer than the old context slow down by `factor`, waves much shorter stay, those between
    are blended. `low` and `high` say where between begins and ends, in turns per old context.

    Raises:
        ValueError: a `factor` or an `old_context` that is not above 0, or not 0 <= `low` < `high`.

    Source: the configuration files of Llama 3.1, and `apply_scaling` in Meta's code of it.
    Grattafiori et al. 2024, section 3.4.2, describes the training on longer texts.
    """

    factor: float = 8.0
    low: float = 1.0
    high: float = 4.0
    old_context: int = 8192

    def __post_init__(self):
        check_number("factor", self.factor, above=0)
        check_number("low", self.low, least=0)
        check_number("high", self.high, above=self.low)
        check_integer("old_context", self.old_context, 1)

    def stretch(self, speeds: Tensor) -> Tensor:
        """Slow down the slow ones of some speeds, in radians per position."""
        turns = self.old_context * speeds / (2 * math.pi)
        keep = ((turns - self.low) / (self.high - self.low)).clamp(0, 1)
        return keep * speeds + (1 - keep) * speeds / self.factor


def read_llama_config(hub: Mapping[str, Any]) -> LlamaConfig:
    """Translate a config.json of Llama or Qwen3, in its older or newer spelling.

    Raises:
        ValueError: an entry missing or of another kind, or something that this Llama does not do.
    """
    entries = Entries(hub)
    entries.only_plain()
    entries.only("hidden_act", "silu", "swish")
    for name in ("attention_bias", "mlp_bias", "use_sliding_window"):
        entries.only(name, False)
    qwen3 = entries.take("model_type") == "qwen3"
    context_length = entries.integer("max_position_embeddings")
    window = entries.integer("sliding_window", usual=None)
    if not qwen3 and window is not None and window < context_length:
        raise ValueError(f"expected no sliding_window below {context_length}, got {window}")
    vocab_size, n_layers = entries.integer("vocab_size"), entries.integer("num_hidden_layers")
    layers = entries.take("layer_types", usual=None)
    if layers is not None and layers != ["full_attention"] * min(n_layers, MOST_LAYERS):
        raise ValueError(f"expected {n_layers} layer_types full_attention, got {layers!r:.80}")
    rope_base, rope_scaling = _read_rope(entries)
    return LlamaConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=entries.integer("hidden_size"),
        n_heads=entries.integer("num_attention_heads"),
        n_layers=n_layers,
        d_ff=entries.integer("intermediate_size"),
        n_kv_heads=entries.integer("num_key_value_heads", usual=32 if qwen3 else None),
        d_head=entries.integer("head_dim", usual=128 if qwen3 else None),
        eps=entries.number("rms_norm_eps", usual=1e-6),
        rope_base=rope_base,
        rope_scaling=rope_scaling,
        qk_norm=qwen3,
        tied=entries.truth("tie_word_embeddings", False),
        end_ids=entries.end_ids(vocab_size),
    )


def _read_rope(entries: Entries) -> tuple[float, RopeScaling | None]:
    """Return what says how positions turn, which stands in one of three places or in several."""
    places = {name: entries.take(name, usual=None) for name in ("rope_parameters", "rope_scaling")}
    found = {name: value for name, value in entries.entries.items() if name in _ROPE_OUTSIDE}
    for name, place in places.items():
        if not isinstance(place, dict | None):
            raise ValueError(f"expected entries with names in {name}, got {place!r:.80}")
        for key, value in (place or {}).items():
            if json.dumps(found.setdefault(key, value)) != json.dumps(value):
                raise ValueError(f"expected one {key}, got {found[key]!r:.80} and {value!r:.80}")
    rope = Entries(found)
    kind = rope.take("rope_type", "type", usual="default")
    if kind not in ("default", "llama3"):
        raise ValueError(f"expected rope_type among ('default', 'llama3'), got {kind!r:.80}")
    rope.only("partial_rotary_factor", 1.0, 1, None)
    base = rope.number("rope_theta", usual=10000.0, above=0.0)
    if kind == "default":
        return base, None
    return base, RopeScaling(
        rope.number("factor"),
        rope.number("low_freq_factor"),
        rope.number("high_freq_factor"),
        rope.integer("original_max_position_embeddings"),
    )


_ROPE_OUTSIDE = ("rope_theta", "partial_rotary_factor")  # what older files have beside the rest


def write_llama_config(config: LlamaConfig) -> dict[str, Any]:
    """Translate a configuration into a config.json of Llama or Qwen3."""
    n_kv_heads, d_head = config.kv_heads_and_width
    kind = "Qwen3" if config.qk_norm else "Llama"
    rope = {"rope_type": "default", "rope_theta": config.rope_base}
    if config.rope_scaling:
        rope |= {
            "rope_type": "llama3",
            "factor": config.rope_scaling.factor,
            "low_freq_factor": config.rope_scaling.low,
            "high_freq_factor": config.rope_scaling.high,
            "original_max_position_embeddings": config.rope_scaling.old_context,
        }
    return {
        "architectures": [f"{kind}ForCausalLM"],
        "model_type": kind.lower(),
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "hidden_size": config.d_model,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": n_kv_heads,
        "head_dim": d_head,
        "num_hidden_layers": config.n_layers,
        "intermediate_size": config.d_ff,
        "rms_norm_eps": config.eps,
        "hidden_act": "silu",
        "attention_bias": False,
        "rope_theta": config.rope_base,
        "rope_scaling": rope if config.rope_scaling else None,
        "rope_parameters": rope,
        "tie_word_embeddings": config.tied,
        "bos_token_id": None,
        "eos_token_id": end_entry(config.end_ids),
    }


# our name -> the name in the files
_TABLES = {
    "token_embedding": "embed_tokens",
    "final_norm": "norm",
    "head": "lm_head",
}
_LAYER = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "attention.prepare.q_norm": "self_attn.q_norm",
    "attention.prepare.k_norm": "self_attn.k_norm",
    "feed_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
}


def from_hub_llama(tensors: Mapping[str, Tensor], config: LlamaConfig) -> dict[str, Tensor]:
    """Translate the tensors of a Llama or Qwen3 file into ours.

    A tied model's file may hold the table once or twice; some begin no name with "model."; some old
    files hold the rotation speeds, which are computed here.

    Raises:
        ValueError: a tensor that stands there twice, and not with the same numbers.
    """
    names = {hub: own for own, hub in _TABLES.items()}
    parts = {hub: own for own, hub in _LAYER.items()}
    ours = {}
    for name, tensor in tensors.items():
        module, _, kind = name.removeprefix("model.").rpartition(".")
        layer, _, part = module.removeprefix("layers.").partition(".")
        if kind == "inv_freq":
            continue
        own = f"blocks.{layer}.{parts[part]}" if part in parts else names.get(module, module)
        add_once(ours, f"{own}.{kind}", tensor, name)
    if config.tied:
        for own, other in (("head", "token_embedding"), ("token_embedding", "head")):
            if f"{own}.weight" in ours:
                add_once(ours, f"{other}.weight", ours[f"{own}.weight"], f"{own}.weight")
    return ours


def to_hub_llama(tensors: Mapping[str, Tensor], config: LlamaConfig) -> dict[str, Tensor]:
    """Translate our tensors into those of a Llama or Qwen3 file."""
    theirs = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        layer, _, part = module.removeprefix("blocks.").partition(".")
        if not (config.tied and module == "head"):
            hub = f"layers.{layer}.{_LAYER[part]}" if part else _TABLES[module]
            theirs[f"{hub if module == 'head' else f'model.{hub}'}.{kind}"] = tensor
    return theirs
