"""Names and sizes: what tensors and settings are called in our models, and what in the files."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from lessons_lib.base.validation import check_integer
from lessons_lib.gguf.layout import shown
from lessons_lib.gguf.reading import GGUF, GGUFTensor, check_whole
from lessons_lib.gguf.tokenizer import read_ends
from lessons_lib.gpt import GPTConfig
from lessons_lib.llama import LlamaConfig, RopeScaling, rotation_speeds
from lessons_lib.quantization import FORMATS

# ------------------------------------------------------------------------------- names and layouts


def interleave_rotary(rows: Tensor, n_heads: int) -> Tensor:
    """Bring the rows of a query or key map into the order of GGUF files of Llama.

    Rotary positions turn pairs of numbers. Ours are i and i + K / 2 of a head (`rotate_half`),
    those of llama.cpp for Llama are neighbours (`rotate_pairs`).

    Args:
        rows: (H K, ...), the heads one after the other.
        n_heads: H.

    Raises:
        ValueError: not H heads of an even width.

    >>> interleave_rotary(torch.tensor([0, 1, 2, 3]), n_heads=1)
    tensor([0, 2, 1, 3])
    """
    if len(rows) % (2 * check_integer("n_heads", n_heads, 1)):
        raise ValueError(f"expected {n_heads} heads of an even width, got {len(rows)} rows")
    return rows.unflatten(0, (n_heads, 2, -1)).transpose(1, 2).flatten(0, 2)


def half_rotary(rows: Tensor, n_heads: int) -> Tensor:
    """Bring rows back from the order of GGUF files of Llama: undo `interleave_rotary`.

    >>> half_rotary(torch.tensor([0, 2, 1, 3]), n_heads=1)
    tensor([0, 1, 2, 3])
    """
    if len(rows) % (2 * check_integer("n_heads", n_heads, 1)):
        raise ValueError(f"expected {n_heads} heads of an even width, got {len(rows)} rows")
    return rows.unflatten(0, (n_heads, -1, 2)).transpose(1, 2).flatten(0, 2)


# our name -> the name in the files
TABLE_NAMES = {
    "token_embedding": "token_embd",
    "position_embedding": "position_embd",
    "final_norm": "output_norm",
    "head": "output",
}
LAYER_NAMES = {
    "attention_norm": "attn_norm",
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.output": "attn_output",
    "attention.prepare.q_norm": "attn_q_norm",
    "attention.prepare.k_norm": "attn_k_norm",
    "feed_norm": "ffn_norm",
    "feed_forward.gate": "ffn_gate",
    "feed_forward.up": "ffn_up",
    "feed_forward.down": "ffn_down",
}


def to_gguf_tensors(
    tensors: Mapping[str, Tensor], config: LlamaConfig | GPTConfig
) -> dict[str, Tensor]:
    """Translate a model's tensors into those of a GGUF file.

    The files of GPT-2 hold queries, keys and values in one matrix; those of Llama have the rows of
    queries and keys in another order; a table used twice stands there once.
    """
    theirs = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        layer, _, part = module.removeprefix("blocks.").partition(".")
        module = f"blk.{layer}.{LAYER_NAMES[part]}" if part else TABLE_NAMES[module]
        theirs[f"{module}.{kind}"] = tensor
    if isinstance(config, GPTConfig):
        for name in [name for name in theirs if ".attn_q." in name]:
            parts = [theirs.pop(name.replace("attn_q", f"attn_{part}")) for part in "qkv"]
            theirs[name.replace("attn_q", "attn_qkv")] = torch.cat(parts)
        return theirs
    if config.tied:
        del theirs["output.weight"]
    if config.rope_scaling:
        _, d_head = config.kv_heads_and_width
        scaled = rotation_speeds(d_head, config.rope_base, config.rope_scaling)
        theirs["rope_freqs.weight"] = rotation_speeds(d_head, config.rope_base) / scaled
    return theirs if config.qk_norm else _reorder_heads(theirs, config, interleave_rotary)


def from_gguf_tensors(
    tensors: Mapping[str, Tensor], config: LlamaConfig | GPTConfig
) -> dict[str, Tensor]:
    """Translate the tensors of a GGUF file into ours: `to_gguf_tensors` the other way round."""
    tables = {theirs: own for own, theirs in TABLE_NAMES.items()}
    parts = {theirs: own for own, theirs in LAYER_NAMES.items()}
    if isinstance(config, LlamaConfig) and not config.qk_norm:
        tensors = _reorder_heads(tensors, config, half_rotary)
    ours = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        layer, _, part = module.removeprefix("blk.").partition(".")
        if part == "attn_qkv":
            for own, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                ours[f"blocks.{layer}.attention.{own}.{kind}"] = third
        elif name != "rope_freqs.weight":
            module = f"blocks.{layer}.{parts[part]}" if part else tables[module]
            ours[f"{module}.{kind}"] = tensor
    if isinstance(config, LlamaConfig) and config.tied:
        ours["head.weight"] = ours["token_embedding.weight"]
    return ours


def _reorder_heads(
    tensors: Mapping[str, Tensor], config: LlamaConfig, reorder: Callable[[Tensor, int], Tensor]
) -> dict[str, Tensor]:
    n_kv_heads, _ = config.kv_heads_and_width
    heads = {"attn_q": config.n_heads, "attn_k": n_kv_heads}
    return {
        name: reorder(tensor, heads[part]) if (part := name.split(".")[-2]) in heads else tensor
        for name, tensor in tensors.items()
    }


def tensor_shapes(config: LlamaConfig | GPTConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors in the file of a model of these sizes.

    >>> tensor_shapes(GPTConfig(d_model=8, n_heads=2))["blk.11.attn_qkv.weight"]
    (24, 8)
    """
    v, d, f, h = config.vocab_size, config.d_model, config.d_ff, config.n_heads
    shapes = {"token_embd.weight": (v, d), "output_norm.weight": (d,)}
    if isinstance(config, GPTConfig):
        f = f or 4 * d
        shapes |= {"position_embd.weight": (config.context_length, d), "output_norm.bias": (d,)}
        maps = {"attn_qkv": (3 * d, d), "attn_output": (d, d), "ffn_up": (f, d), "ffn_down": (d, f)}
    else:
        g, k = config.kv_heads_and_width
        shapes |= {} if config.tied else {"output.weight": (v, d)}
        shapes |= {"rope_freqs.weight": (k // 2,)} if config.rope_scaling else {}
        maps = {"attn_q": (h * k, d), "attn_k": (g * k, d), "attn_v": (g * k, d)}
        maps |= {"attn_q_norm": (k,), "attn_k_norm": (k,)} if config.qk_norm else {}
        maps |= {
            "attn_output": (d, h * k),
            "ffn_gate": (f, d),
            "ffn_up": (f, d),
            "ffn_down": (d, f),
        }
    for part, shape in (maps | {"attn_norm": (d,), "ffn_norm": (d,)}).items():
        for layer in range(config.n_layers):
            shapes[f"blk.{layer}.{part}.weight"] = shape
            if isinstance(config, GPTConfig):
                shapes[f"blk.{layer}.{part}.bias"] = shape[:1]
    return shapes


def check_tensors(gguf: GGUF, config: LlamaConfig | GPTConfig) -> list[str]:
    """Make sure that a file has the tensors of a model of these sizes, before memory is taken.

    Returns:
        Their names. Some files of GPT-2 hold its table once more as the output's: that is left out.

    Raises:
        ValueError: tensors missing, surplus, of another shape or of a type that cannot be decoded,
            the first of them named; an output of GPT-2 that differs from its table.
    """
    for name, tensor in gguf.tensors.items():
        if tensor.type not in FORMATS:
            expected = f"a type among {sorted(FORMATS)}"
            raise ValueError(f"{shown(name)}: expected {expected}, got {tensor.type}")
    found = {name: tensor.shape for name, tensor in gguf.tensors.items()}
    if isinstance(config, GPTConfig) and "output.weight" in found:
        table, again = (gguf.tensors[f"{name}.weight"] for name in ("token_embd", "output"))
        if table.shape == again.shape:
            check_same(table, again)
            del found["output.weight"]
    if config.n_layers > len(found):
        raise ValueError(f"expected tensors of {config.n_layers} layers, got {len(found)} tensors")
    wanted = tensor_shapes(config)
    misfits = [name for name in wanted | found if wanted.get(name) != found.get(name)]
    for name in misfits:
        what = f"{wanted.get(name, 'no such tensor')}, got {found.get(name, 'none')}"
        raise ValueError(f"{shown(name)}: expected {what}; {len(misfits)} tensors do not fit")
    return list(found)


def check_same(table: GGUFTensor, again: GGUFTensor) -> None:
    """Make sure that a table (V, D) that a file holds twice says the same twice.

    Raises:
        ValueError: it does not; our GPT has one table, for the input and for the output.
    """
    width = table.shape[-1]
    step = max(1, 2**20 // width)  # rows, some megabytes of them
    for i in range(0, len(table.data), step):
        found = []
        for tensor in (table, again):
            rows = tensor.data[i : i + step]
            found.append(GGUFTensor(tensor.type, (len(rows), width), 0, rows).array())
        if not np.array_equal(*found, equal_nan=True):
            expected = "the numbers of token_embd.weight, the one table of our GPT"
            got = f"others, in {again.type} beside {table.type}"
            raise ValueError(f"output.weight: expected {expected}, got {got}")


# ------------------------------------------------------------------------------- sizes of the model

# our name -> the name in the metadata, behind that of the architecture
SIZE_NAMES = {
    "context_length": "context_length",
    "d_model": "embedding_length",
    "n_heads": "attention.head_count",
    "n_layers": "block_count",
    "d_ff": "feed_forward_length",
}
KV_HEADS, ROPE_BASE = "attention.head_count_kv", "rope.freq_base"
HEAD_WIDTHS = ("attention.key_length", "attention.value_length", "rope.dimension_count")
GPT_EPS, LLAMA_EPS = "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon"
KNOWN_SIZES = {*SIZE_NAMES.values(), KV_HEADS, ROPE_BASE, *HEAD_WIDTHS, GPT_EPS, LLAMA_EPS}


def write_config(config: LlamaConfig | GPTConfig) -> dict[str, object]:
    """Return the metadata that say of what kind and size a model is.

    Raises:
        ValueError: norms on queries and keys together with stretched rotary positions: for these,
            the files of Qwen3 have no place.
    """
    sizes = {name: getattr(config, own) for own, name in SIZE_NAMES.items()}
    if isinstance(config, GPTConfig):
        arch = "gpt2"
        sizes |= {SIZE_NAMES["d_ff"]: config.d_ff or 4 * config.d_model, GPT_EPS: config.eps}
    else:
        arch = "qwen3" if config.qk_norm else "llama"
        if config.qk_norm and config.rope_scaling:
            raise ValueError("expected qk_norm or rope_scaling, got both: no GGUF file holds them")
        n_kv_heads, d_head = config.kv_heads_and_width
        sizes |= {KV_HEADS: n_kv_heads, LLAMA_EPS: config.eps, "vocab_size": config.vocab_size}
        sizes |= {ROPE_BASE: float(config.rope_base)} | dict.fromkeys(HEAD_WIDTHS, d_head)
    return {"general.architecture": arch} | {f"{arch}.{name}": n for name, n in sizes.items()}


def read_config(gguf: GGUF) -> LlamaConfig | GPTConfig:
    """Return the kind and the sizes of the model in a file.

    Raises:
        ValueError: one of several parts, an architecture that is not here, an entry missing or of
            another kind, or one that asks for something that our models do not do.
    """
    check_whole(gguf)
    arch, tensors = gguf.metadata.get("general.architecture"), gguf.tensors
    if arch not in ("llama", "qwen3", "gpt2"):
        raise ValueError(f"expected the architecture llama, qwen3 or gpt2, got {arch!r:.60}")
    sizes = model_entries(gguf, arch)
    config = {own: check_integer(name, sizes.get(name), 1) for own, name in SIZE_NAMES.items()}
    config["vocab_size"] = tensors["token_embd.weight"].shape[0]
    config["end_ids"] = read_ends(gguf, config["vocab_size"])
    if arch == "gpt2":
        return GPTConfig(**config, eps=read_float(sizes, GPT_EPS))
    n_kv_heads = check_integer(KV_HEADS, sizes.get(KV_HEADS, config["n_heads"]), 1)
    d_head = sizes.get(HEAD_WIDTHS[0], config["d_model"] // config["n_heads"])
    check_integer(HEAD_WIDTHS[0], d_head, 1)
    if any(sizes.get(name, d_head) != d_head for name in HEAD_WIDTHS):
        raise ValueError(f"expected heads of one width, all of it turned, got {sizes}")
    config |= {"n_kv_heads": n_kv_heads, "d_head": d_head, "eps": read_float(sizes, LLAMA_EPS)}
    config |= {"rope_base": read_float(sizes, ROPE_BASE, 10000.0), "qk_norm": arch == "qwen3"}
    factors = tensors.get("rope_freqs.weight") if arch == "llama" else None
    scaling = read_scaling(factors, d_head, config["rope_base"]) if factors else None
    return LlamaConfig(**config, rope_scaling=scaling, tied="output.weight" not in tensors)


def model_entries(gguf: GGUF, arch: str) -> dict[str, object]:
    """Return the metadata of an architecture, its name cut off, if our models know them all.

    Raises:
        ValueError: an entry that they do not know and that is not switched off, or no table of
            tokens.
    """
    start = f"{arch}."
    found = {k.removeprefix(start): v for k, v in gguf.metadata.items() if k.startswith(start)}
    for name, value in found.items():
        if name not in KNOWN_SIZES and name != "vocab_size" and value not in (0, "none"):
            raise ValueError(f"expected a plain {arch}, got {start}{shown(name)} = {value!r:.60}")
    if "token_embd.weight" not in gguf.tensors:
        raise ValueError(f"expected a tensor token_embd.weight, got {len(gguf.tensors)} others")
    return found


def read_float(sizes: Mapping[str, object], name: str, usual: float | None = None) -> float:
    """Return a number of 32 bits, as the shortest decimal that stands for it.

    >>> read_float({"eps": float(np.float32(1e-5))}, "eps")
    1e-05
    """
    value = sizes.get(name, usual)
    if type(value) is not float or not 0 <= value <= float(np.finfo(np.float32).max):
        raise ValueError(f"expected {name} to be a number of at least 0, got {value!r:.60}")
    return float(str(np.float32(value)))


def read_scaling(factors: GGUFTensor, d_head: int, base: float) -> RopeScaling:
    """Return the stretching of rotary positions that slows each pair of numbers down so much.

    The file holds the factors (K / 2,), not what they come from. All published models blend between
    1 and 4 turns per old context; then the pairs that are blended tell how long that was.

    Raises:
        ValueError: not that many factors, or others than Llama 3 would have.
    """
    slower = factors.array().astype(float) if factors.shape == (d_head // 2,) else np.zeros(1)
    factor = float(slower.max())
    if not 0.999 < slower.min() < factor < math.inf:
        raise ValueError(f"expected {d_head // 2} factors from 1 on in rope_freqs, got {factors}")
    speeds = rotation_speeds(d_head, base).double()
    keep = (1 / slower - 1 / factor) / (1 - 1 / factor)  # 0 is slowed down in full, 1 not at all
    blended = (keep > 0.001) & (keep < 0.999)
    contexts = 2 * math.pi * (1 + 3 * keep) / speeds.numpy()
    old_context = round(contexts[blended if blended.any() else keep <= 0.001].min())
    scaling = RopeScaling(factor, 1.0, 4.0, old_context)
    if not np.allclose(speeds / rotation_speeds(d_head, base, scaling), slower, rtol=1e-4):
        raise ValueError(f"expected the factors of a Llama 3 in rope_freqs, got {slower}")
    return scaling
