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

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from lessons_lib.attention import MultiHeadAttention, causal_mask
from lessons_lib.base.checkpoints import weights_sha256
from lessons_lib.base.files import write_atomic
from lessons_lib.base.linear import linear
from lessons_lib.base.validation import check_heads, check_integer
from lessons_lib.block import Block, FeedForward, LayerNorm
from lessons_lib.tokens import BPETokenizer

__all__ = [
    "GPT",
    "CheckpointUnavailable",
    "GPTConfig",
    "GPTFiles",
    "check_token_ids",
    "checkpoint_folder",
    "from_hub_gpt2",
    "gpt_parameters",
    "greedy",
    "initialise",
    "load_tensors",
    "loss",
    "make_block",
    "open_checkpoint",
    "padding_mask",
    "read_gpt2_config",
    "to_hub_gpt2",
    "write_checkpoint",
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

    Raises:
        ValueError: a size below 1, or `d_model` not divisible by `n_heads`.
    """

    vocab_size: int = 50257
    context_length: int = 1024
    d_model: int = 768
    n_heads: int = 12
    n_layers: int = 12
    d_ff: int | None = None  # None means 4 * d_model
    eps: float = 1e-5

    def __post_init__(self):
        for name in ("vocab_size", "context_length", "n_layers"):
            check_integer(name, getattr(self, name), 1)
        check_heads(self.d_model, self.n_heads)
        if self.d_ff is not None:
            check_integer("d_ff", self.d_ff, 1)


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
        ValueError: another type or shape, ids out of range, or T above `context_length`.
    """
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
    if real is not None and real.shape != token_ids.shape:
        shapes = f"{tuple(token_ids.shape)}, got {tuple(real.shape)}"
        raise ValueError(f"expected a boolean for each id, of shape {shapes}")
    return token_ids


def padding_mask(real: Tensor) -> Tensor:
    """Return the causal mask (B, 1, T, T) of a batch in which some positions are padding.

    A padding position attends to itself, so that no row is empty; nobody reads what it gives.

    Args:
        real: booleans (B, T), False where a shorter sequence was filled up.

    >>> padding_mask(torch.tensor([[False, True]])).int()[0, 0]
    tensor([[1, 0],
            [0, 1]], dtype=torch.int32)
    """
    n_tokens = real.shape[1]
    itself = torch.eye(n_tokens, dtype=torch.bool, device=real.device)
    causal = causal_mask(n_tokens).to(real.device)
    return (causal & real.bool()[:, None, None, :]) | itself


def initialise(model: nn.Module, n_layers: int, std: float = 0.02) -> None:
    """Draw the weights that training starts from.

    Tables and linear maps are normal with standard deviation `std`, biases zero. The two maps of
    each block that add to the residual stream are smaller by ``sqrt(2 n_layers)``, so that the
    stream's size does not grow with the number of layers.

    Source: Radford et al. 2019, section 2.3, and the code published with it.
    """
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
            CheckpointUnavailable: there is no such folder and the hub cannot be reached.
        """
        hub, tensors = open_checkpoint(path_or_repo, "gpt2")
        model = cls(read_gpt2_config(hub))
        load_tensors(model, from_hub_gpt2(tensors))
        return model

    def save_pretrained(
        self, folder: str | os.PathLike, tokenizer: BPETokenizer | None = None
    ) -> None:
        """Write the model, and a tokenizer, as a folder that `transformers` opens."""
        tensors = to_hub_gpt2(self.state_dict())
        write_checkpoint(folder, write_gpt2_config(self.config), tensors, tokenizer)


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
        ValueError: a negative `n_tokens`, or a text that grows beyond the model's context.
    """
    for _ in range(check_integer("n_tokens", n_tokens, 0)):
        logits = model(token_ids)[:, -1]  # (B, V)
        token_ids = torch.cat([token_ids, logits.argmax(-1, keepdim=True)], dim=1)
    return token_ids


# ------------------------------------------------------------------------- files that others use


class CheckpointUnavailable(OSError):
    """The published weights are not on this computer and cannot be fetched."""


def checkpoint_folder(path_or_repo: str | os.PathLike) -> Path:
    """Return the folder of a model: the one given, or the local copy of a repository on the hub.

    Raises:
        ValueError: neither a folder nor a possible name of a repository.
        CheckpointUnavailable: no such folder, and the hub does not answer.
    """
    folder, repo = Path(path_or_repo), str(path_or_repo)
    if folder.is_dir():
        return folder
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        raise CheckpointUnavailable(
            f"{repo!r} is no folder here, and fetching needs the package huggingface_hub"
        ) from None
    try:
        return Path(snapshot_download(repo, allow_patterns=["*.json", "model*.safetensors"]))
    except HFValidationError:
        raise ValueError(f"expected a folder or a repository's name, got {repo!r}") from None
    except Exception as error:  # the hub's own errors, and those of every layer below it
        raise CheckpointUnavailable(
            f"{repo!r} is no folder here and could not be fetched ({type(error).__name__}): "
            "go online once, or give the folder of a model that is on this computer"
        ) from error


def open_checkpoint(
    path_or_repo: str | os.PathLike, *model_types: str
) -> tuple[dict, dict[str, Tensor]]:
    """Read the configuration and the tensors of a folder, or of a repository on the hub.

    Only safetensors files are read: weights in pickle files can run any code when they are loaded.

    Args:
        path_or_repo: a folder with config.json and model.safetensors (or parts of it with an
            index), or a name such as "openai-community/gpt2".
        model_types: what config.json may say that it is.

    Raises:
        ValueError: a file missing or broken, pickled weights alone, or another kind of model.
        CheckpointUnavailable: no such folder, and the hub does not answer.
    """
    folder = checkpoint_folder(path_or_repo)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"expected a readable config.json in {folder}, got: {error}") from None
    got = config.get("model_type") if isinstance(config, dict) else None
    if got not in model_types:
        raise ValueError(f"expected a model of type {model_types} in {folder}, got {got!r}")
    tensors = {}
    for name in _weight_files(folder):
        try:
            found = safetensors.torch.load_file(folder / name)
            with safetensors.safe_open(folder / name, "pt") as file:
                said = (file.metadata() or {}).get("sha256")
        except (OSError, SafetensorError) as error:
            raise ValueError(f"expected a safetensors file {name}, got: {error}") from None
        if said is not None and said != weights_sha256(found):
            raise ValueError(f"expected a safetensors file {name}, got: its weights were changed")
        tensors |= found
    return config, tensors


def _weight_files(folder: Path) -> list[str]:
    if (folder / "model.safetensors").exists():
        return ["model.safetensors"]
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            return sorted({Path(name).name for name in names})
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"expected an index of weight files, got: {error!r}") from None
    found = sorted(path.name for path in folder.iterdir())
    raise ValueError(
        f"expected model.safetensors in {folder} (pickled weights such as pytorch_model.bin are "
        f"not read: loading them can run any code), got {found}"
    )


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


def write_checkpoint(
    folder: str | os.PathLike,
    config: dict,
    tensors: Mapping[str, Tensor],
    tokenizer: BPETokenizer | None = None,
) -> None:
    """Write config.json, model.safetensors and the tokenizer's files, each in one step.

    The weights' checksum stands in the file's metadata, where others leave it alone.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    own = {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    metadata = {"format": "pt", "sha256": weights_sha256(own)}
    weights = safetensors.torch.save(own, metadata)
    write_atomic(folder / "model.safetensors", weights)
    write_atomic(folder / "config.json", json.dumps(config, indent=2).encode())
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)


def read_gpt2_config(hub: Mapping) -> GPTConfig:
    """Translate the config.json of a GPT-2.

    Raises:
        ValueError: an entry missing or of another kind, or something that this GPT does not do.
    """
    unknown = {
        "activation_function": ("gelu_new", ("gelu_new", "gelu_pytorch_tanh")),
        "tie_word_embeddings": (True, (True,)),
        "scale_attn_weights": (True, (True,)),
        "scale_attn_by_inverse_layer_idx": (False, (False,)),
        "add_cross_attention": (False, (False,)),
    }
    for name, (usual, known) in unknown.items():
        if (got := hub.get(name, usual)) not in known:
            raise ValueError(f"expected {name} among {known}, got {got!r}")
    try:
        return GPTConfig(
            vocab_size=hub["vocab_size"],
            context_length=hub["n_positions"],
            d_model=hub["n_embd"],
            n_heads=hub["n_head"],
            n_layers=hub["n_layer"],
            d_ff=hub.get("n_inner"),
            eps=float(hub.get("layer_norm_epsilon", 1e-5)),
        )
    except KeyError as error:
        raise ValueError(f"expected {error} in config.json, got {sorted(hub)}") from None
    except TypeError as error:
        raise ValueError(f"expected numbers in config.json, got: {error}") from None


def write_gpt2_config(config: GPTConfig) -> dict:
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
        "eos_token_id": None,
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
        ValueError: a tensor that stands there twice, with and without the prefix.
    """
    theirs = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    if len(theirs) < len(tensors):
        twice = [name for name in theirs if f"transformer.{name}" in tensors and name in tensors]
        raise ValueError(f"expected each tensor once, got {twice} also with a prefix")
    ours = {}
    tables = {hub: own for own, hub in _TABLES.items()}
    parts = {hub: own for own, hub in _LAYER.items()}
    for name, tensor in theirs.items():
        module, _, kind = name.rpartition(".")
        layer, _, part = module.removeprefix("h.").partition(".")
        if name.endswith((".attn.bias", ".attn.masked_bias")):
            continue  # the mask, not a parameter
        table = theirs.get("wte.weight", tensor)
        if name == "lm_head.weight" and table.shape == tensor.shape and (table == tensor).all():
            continue  # tied to the token table
        if part in ("attn.c_attn", *parts) and tensor.ndim == 2:
            tensor = tensor.T
        if part == "attn.c_attn" and tensor.ndim and len(tensor) % 3 == 0:
            for own, third in zip(_QKV, tensor.chunk(3), strict=True):
                ours[f"blocks.{layer}.{own}.{kind}"] = third
        elif part in parts:
            ours[f"blocks.{layer}.{parts[part]}.{kind}"] = tensor
        else:
            ours[f"{tables.get(module, module)}.{kind}"] = tensor
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
