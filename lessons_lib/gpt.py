"""GPT: the whole model, from token ids to logits, and the published GPT-2 inside it.

The chapter `gpt`. It adds to the block what makes a model of it: embeddings of tokens and positions
below, a last normalisation and a map to the vocabulary above; how it starts; and how it reads and
writes the files that others use.

Shapes: B batch, T positions, D width, V vocabulary. A *logit* is a score before the softmax.

Sources:
    Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (GPT-2).
    Press and Wolf, "Using the Output Embedding to Improve Language Models", 2017, arXiv:1608.05859:
        one table for input and output.
    The safetensors format and the `transformers` package: the names in GPT-2's files.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.attention import MultiHeadAttention, causal_mask
from lessons_lib.base.hub import (
    FLOATS,
    Entries,
    add_once,
    end_entry,
    open_checkpoint,
    outlines,
    write_folder,
)
from lessons_lib.base.linear import linear
from lessons_lib.base.validation import (
    check_integer,
    check_logits,
    check_model,
    check_number,
    check_real,
)
from lessons_lib.block import Block, FeedForward, LayerNorm
from lessons_lib.tokens import BPETokenizer

__all__ = [
    "GPT",
    "GPTConfig",
    "GPTFiles",
    "build_model",
    "check_token_ids",
    "from_hub_gpt2",
    "gpt_parameters",
    "greedy",
    "initialise",
    "load_tensors",
    "loss",
    "make_block",
    "padding_mask",
    "read_gpt2_config",
    "to_hub_gpt2",
    "with_ends_of",
    "write_gpt2_config",
]


@dataclass(frozen=True)
class GPTConfig:
    """The sizes of a GPT; the defaults are those of the smallest GPT-2.

    Args:
        vocab_size: V.
        context_length: the most positions that the model can read.
        d_model: D.
        n_heads: H, the heads of each attention.
        n_layers: the number of blocks.
        d_ff: F, 4 D by default.
        eps: see `LayerNorm`.
        end_ids: the tokens that end a text.

    Raises:
        ValueError: see `check_model`.
    """

    vocab_size: int = 50257
    context_length: int = 1024
    d_model: int = 768
    n_heads: int = 12
    n_layers: int = 12
    d_ff: int | None = None  # None means 4 * d_model
    eps: float = 1e-5
    end_ids: tuple[int, ...] = ()  # the tokens that end a text

    def __post_init__(self):
        check_model(self)


def gpt_parameters(config: GPTConfig) -> int:
    """Return the number of parameters by formula: tables, layers, the last normalisation.

    >>> gpt_parameters(GPTConfig())
    124439808
    """
    d, f = config.d_model, config.d_ff or 4 * config.d_model
    attention = 4 * (d * d + d)
    feed_forward = d * f + f + f * d + d
    norms = 2 * 2 * d
    tables = (config.vocab_size + config.context_length) * d
    return tables + config.n_layers * (attention + feed_forward + norms) + 2 * d


def check_token_ids(
    token_ids: Tensor, vocab_size: int, context_length: int, real: Tensor | None = None
) -> Tensor:
    """Return `token_ids` if they are integers (B, T) of the vocabulary, within the context.

    Args:
        token_ids: what should be ids, of 32 or 64 bits.
        vocab_size: V.
        context_length: the largest T.
        real: what should be as for `padding_mask` and of the same shape, if there is padding.

    Raises:
        ValueError: another type or shape, ids out of range, or T above `context_length`; a
            `vocab_size` below 1 or a negative `context_length`.
    """
    check_integer("vocab_size", vocab_size, 1)
    check_integer("context_length", context_length, 0)
    if not isinstance(token_ids, Tensor) or token_ids.dtype not in (torch.int32, torch.int64):
        got = getattr(token_ids, "dtype", type(token_ids).__name__)
        raise ValueError(f"expected a tensor of integer token ids, got {got}")
    if token_ids.ndim != 2 or not 0 < token_ids.shape[1] <= context_length:
        raise ValueError(
            f"expected ids of shape (B, T) with T from 1 to {context_length}, "
            f"got {tuple(token_ids.shape)}"
        )
    if token_ids.numel() and (token_ids.min() < 0 or token_ids.max() >= vocab_size):
        got = f"{token_ids.min().item()} to {token_ids.max().item()}"
        raise ValueError(f"expected ids from 0 to {vocab_size - 1}, got {got}")
    if real is not None and (not isinstance(real, Tensor) or real.shape != token_ids.shape):
        got = tuple(real.shape) if isinstance(real, Tensor) else type(real).__name__
        shape = tuple(token_ids.shape)
        raise ValueError(f"expected a boolean for each id, of shape {shape}, got {got}")
    return token_ids


def padding_mask(real: Tensor) -> Tensor:
    """Return the causal mask (B, 1, T, T) of a batch in which some positions are padding.

    A padding position attends to itself, so that no row is empty; nobody reads what it gives.

    Args:
        real: booleans (B, T), False where a shorter sequence was filled up.

    Raises:
        ValueError: no such booleans.

    >>> padding_mask(torch.tensor([[False, True]])).int()[0, 0]
    tensor([[1, 0],
            [0, 1]], dtype=torch.int32)
    """
    real = check_real(real)
    n_tokens = real.shape[1]
    itself = torch.eye(n_tokens, dtype=torch.bool, device=real.device)
    causal = causal_mask(n_tokens).to(real.device)
    return (causal & real[:, None, None, :]) | itself


def initialise(model: nn.Module, n_layers: int, std: float = 0.02) -> None:
    """Draw the weights that training starts from.

    Tables and linear maps are normal with standard deviation `std`, biases zero. The two maps of
    each block that add to the residual stream are smaller by ``sqrt(2 n_layers)``, so that the
    stream's size does not grow with the number of layers.

    Raises:
        ValueError: no layers, or a deviation that is negative or not finite.

    Source: Radford et al. 2019, section 2.3, and the code published with it.
    """
    check_integer("n_layers", n_layers, 1)
    check_number("std", std, least=0)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            adds = name.endswith(("attention.output", "feed_forward.down"))
            nn.init.normal_(module.weight, std=std / math.sqrt(2 * n_layers) if adds else std)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)


class GPTFiles(nn.Module):
    """What `GPT` does with files: reading and writing the format of `transformers`."""

    @classmethod
    def from_pretrained(cls, path_or_repo: str | os.PathLike) -> Self:
        """Read a GPT-2: a folder, or a repository on the hub such as "openai-community/gpt2".

        Raises:
            ValueError: the files are no GPT-2, or tensors are missing, surplus or of other shapes.
            CheckpointUnavailable: see `checkpoint_folder`.
        """
        hub, tensors = open_checkpoint(path_or_repo, "gpt2")
        return build_model(cls, read_gpt2_config(hub), from_hub_gpt2(tensors))

    def save_pretrained(
        self, folder: str | os.PathLike, tokenizer: BPETokenizer | None = None
    ) -> None:
        """Write the model, and a tokenizer, as a folder that `transformers` opens.

        Raises:
            ValueError: see `with_ends_of`.
        """
        config = write_gpt2_config(with_ends_of(self.config, tokenizer))
        write_folder(folder, config, to_hub_gpt2(self.state_dict()), tokenizer)


def make_block(config: GPTConfig) -> Block:
    """Compose one layer of GPT-2 from its parts."""
    return Block(
        LayerNorm(config.d_model, config.eps),
        MultiHeadAttention(config.d_model, config.n_heads),
        LayerNorm(config.d_model, config.eps),
        FeedForward(config.d_model, config.d_ff),
    )


class GPT(GPTFiles):
    """GPT-2: embeddings, blocks, a last normalisation, and the token table once more.

    Args:
        config: the sizes.

    Raises:
        ValueError: in `forward`, see `check_token_ids`.

    Source: Radford et al. 2019, section 2.3; Press and Wolf 2017 for the table used twice.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = nn.Embedding(config.context_length, config.d_model)
        self.blocks = nn.ModuleList(make_block(config) for _ in range(config.n_layers))
        self.final_norm = LayerNorm(config.d_model, config.eps)
        initialise(self, config.n_layers)

    def forward(self, token_ids: Tensor, real: Tensor | None = None) -> Tensor:
        """Return logits (B, T, V) for token ids (B, T); `real` as for `padding_mask`."""
        check_token_ids(token_ids, self.config.vocab_size, self.config.context_length, real)
        mask = None if real is None else padding_mask(real)
        positions = torch.arange(token_ids.shape[1], device=token_ids.device)
        x = self.token_embedding(token_ids) + self.position_embedding(positions)  # (B, T, D)
        for block in self.blocks:
            x = block(x, mask)  # (B, T, D)
        return linear(self.final_norm(x), self.token_embedding.weight)  # (B, T, V)


def loss(model: nn.Module, token_ids: Tensor) -> Tensor:
    """Return the mean surprise of each token after the first, in nats.

    Args:
        model: gives logits (B, T, V) for ids (B, T).
        token_ids: (B, T + 1); the first T are the input, the last T what should come out.

    Raises:
        ValueError: fewer than two tokens, or ids that the model does not know.

    Source: Radford et al. 2019, equation 1; the cross-entropy of the chapter `ngrams`.
    """
    logits = model(token_ids[:, :-1])  # (B, T, V)
    check_token_ids(token_ids, logits.shape[-1], token_ids.shape[1])
    return F.cross_entropy(logits.flatten(0, 1), token_ids[:, 1:].flatten().long())


@torch.inference_mode()
def greedy(model: nn.Module, token_ids: Tensor, n_tokens: int) -> Tensor:
    """Return `token_ids` (B, T) with `n_tokens` more, each the most probable one.

    Of equally probable tokens it takes the one with the smallest id.

    Raises:
        ValueError: a negative `n_tokens`, a text that grows beyond the model's context, or logits
            of which none is the largest, such as NaN.
    """
    for _ in range(check_integer("n_tokens", n_tokens, 0)):
        logits = check_logits(model(token_ids)[:, -1])  # (B, V)
        token_ids = torch.cat([token_ids, logits.argmax(-1, keepdim=True)], dim=1)
    return token_ids


# ------------------------------------------------------------------------- files that others use


def load_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy `tensors` into the model's parameters, all or none.

    Raises:
        ValueError: tensors missing, surplus or of another shape, all of them named.
    """
    wanted = model.state_dict()
    problems = [f"missing {name}" for name in wanted if name not in tensors]
    problems += [f"surplus {name}" for name in tensors if name not in wanted]
    for name in wanted.keys() & tensors.keys():
        if wanted[name].shape != tensors[name].shape:
            shapes = f"{tuple(wanted[name].shape)}, got {tuple(tensors[name].shape)}"
            problems.append(f"{name}: expected the shape {shapes}")
    if problems:
        raise ValueError("the tensors do not fit the model: " + "; ".join(sorted(problems)))
    model.load_state_dict(tensors)


def build_model(kind: type[nn.Module], config: Any, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Make a model and fill it; nothing is made before all shapes are known to fit.

    Args:
        kind: its class, `GPT` or `Llama`.
        config: its sizes.
        tensors: our names and their values.

    Raises:
        ValueError: see `load_tensors`; or what is not stored as floating-point numbers.
    """
    for name, tensor in tensors.items():
        if tensor.dtype not in FLOATS:
            raise ValueError(f"{name}: expected floating-point numbers, got {tensor.dtype}")
    if config.n_layers > len(tensors):
        raise ValueError(f"expected {config.n_layers} layers, got {len(tensors)} tensors in all")
    with outlines():
        outline = kind(config)
    load_tensors(outline, {name: tensor.to("meta") for name, tensor in tensors.items()})
    model = kind(config)
    load_tensors(model, tensors)
    return model


def with_ends_of(config: Any, tokenizer: BPETokenizer | None) -> Any:
    """Return a configuration whose texts end as the tokenizer's do, if only that one says how.

    Raises:
        ValueError: both say how, and differently.
    """
    end = None if tokenizer is None else tokenizer.end_id
    if end is None or end in config.end_ids:
        return config
    if config.end_ids:
        raise ValueError(
            f"expected a tokenizer whose texts end with one of {config.end_ids}, got {end}"
        )
    return replace(config, end_ids=(end,))


def read_gpt2_config(hub: Mapping[str, Any]) -> GPTConfig:
    """Translate the config.json of a GPT-2.

    Raises:
        ValueError: an entry missing or of another kind, or something that this GPT does not do.
    """
    entries = Entries(hub)
    entries.only_plain()
    entries.only("activation_function", "gelu_new", "gelu_pytorch_tanh")
    for name in ("tie_word_embeddings", "scale_attn_weights"):
        entries.only(name, True)
    for name in (
        "scale_attn_by_inverse_layer_idx",
        "reorder_and_upcast_attn",
        "add_cross_attention",
    ):
        entries.only(name, False)
    vocab_size = entries.integer("vocab_size")
    return GPTConfig(
        vocab_size=vocab_size,
        context_length=entries.integer("n_positions", "max_position_embeddings"),
        d_model=entries.integer("n_embd", "hidden_size"),
        n_heads=entries.integer("n_head", "num_attention_heads"),
        n_layers=entries.integer("n_layer", "num_hidden_layers"),
        d_ff=entries.integer("n_inner", usual=None),
        eps=entries.number("layer_norm_epsilon", usual=1e-5),
        end_ids=entries.end_ids(vocab_size),
    )


def write_gpt2_config(config: GPTConfig) -> dict[str, Any]:
    """Translate a configuration into the config.json of a GPT-2."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.d_model,
        "n_head": config.n_heads,
        "n_layer": config.n_layers,
        "n_inner": config.d_ff,
        "layer_norm_epsilon": config.eps,
        "activation_function": "gelu_new",
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": end_entry(config.end_ids),
    }


# our name -> the name in GPT-2's files; {} is the number of the layer
_TABLES = {
    "token_embedding": "wte",
    "position_embedding": "wpe",
    "final_norm": "ln_f",
}
_LAYER = {
    "attention_norm": "ln_1",
    "attention.output": "attn.c_proj",
    "feed_norm": "ln_2",
    "feed_forward.up": "mlp.c_fc",
    "feed_forward.down": "mlp.c_proj",
}
_QKV = ("attention.query", "attention.key", "attention.value")


def from_hub_gpt2(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate the tensors of a GPT-2 file into ours.

    The files multiply from the right, so their matrices are transposed; they keep queries, keys and
    values in one matrix; and some begin each name with "transformer.", hold the causal mask, or the
    output's table once more.

    Raises:
        ValueError: a tensor that stands there twice, with and without the prefix or as input and
            output, and not with the same numbers.
    """
    theirs, ours = {}, {}
    for name, tensor in tensors.items():
        add_once(theirs, name.removeprefix("transformer."), tensor, name)
    tables = {hub: own for own, hub in _TABLES.items()} | {"lm_head": "token_embedding"}
    parts = {hub: own for own, hub in _LAYER.items()}
    for name, tensor in theirs.items():
        module, _, kind = name.rpartition(".")
        layer, _, part = module.removeprefix("h.").partition(".")
        if name.endswith((".attn.bias", ".attn.masked_bias")):
            continue  # the mask, not a parameter
        if part in ("attn.c_attn", *parts) and tensor.ndim == 2:
            tensor = tensor.T
        if part == "attn.c_attn" and tensor.ndim and len(tensor) % 3 == 0:
            for own, third in zip(_QKV, tensor.chunk(3), strict=True):
                add_once(ours, f"blocks.{layer}.{own}.{kind}", third, name)
        elif part in parts:
            add_once(ours, f"blocks.{layer}.{parts[part]}.{kind}", tensor, name)
        else:
            add_once(ours, f"{tables.get(module, module)}.{kind}", tensor, name)
    return ours


def to_hub_gpt2(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate our tensors into those of a GPT-2 file: `from_hub_gpt2` the other way round."""
    theirs = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        layer, _, part = module.removeprefix("blocks.").partition(".")
        tensor = tensor.T if part and tensor.ndim == 2 else tensor
        if part in _QKV:
            own = torch.cat([tensors[f"blocks.{layer}.{third}.{kind}"] for third in _QKV])
            theirs[f"transformer.h.{layer}.attn.c_attn.{kind}"] = own.T if own.ndim == 2 else own
        elif part:
            theirs[f"transformer.h.{layer}.{_LAYER[part]}.{kind}"] = tensor
        else:
            theirs[f"transformer.{_TABLES[module]}.{kind}"] = tensor
    return theirs
