"""Whole models: from a file and into one."""

import os
from collections.abc import Mapping

import torch

from lessons_lib.gguf.layout import TYPE_NUMBERS, shown
from lessons_lib.gguf.names import (
    check_tensors,
    from_gguf_tensors,
    read_config,
    to_gguf_tensors,
    write_config,
)
from lessons_lib.gguf.reading import GGUF, read_gguf
from lessons_lib.gguf.tokenizer import read_tokenizer, write_tokenizer
from lessons_lib.gguf.writing import write_tensors
from lessons_lib.gpt import GPT, GPTFiles, with_ends_of
from lessons_lib.llama import Llama, LlamaConfig, LlamaFiles
from lessons_lib.quantization import ENCODERS
from lessons_lib.tokens import BPETokenizer


def write_gguf(
    path: str | os.PathLike,
    model: Llama | GPT,
    tokenizer: BPETokenizer,
    type: str = "F32",
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a model and its tokenizer to a file that llama.cpp opens; in one step.

    Args:
        path: where to.
        model: written as the architecture "llama", "qwen3" (with norms on queries and keys) or
            "gpt2".
        tokenizer: see `write_tokenizer`.
        type: of all matrices; what has one dimension stays in F32.
        metadata: further entries, such as {"general.name": "Stories"}.

    Raises:
        ValueError: a type that cannot be written or cannot hold the rows of a matrix, metadata that
            the model and the tokenizer give themselves, texts that end differently for the two, or
            what `write_config` and `write_tokenizer` refuse. Then nothing has been written.
    """
    if not isinstance(model, Llama | GPT):
        raise ValueError(f"expected a Llama or a GPT, got {model.__class__.__name__}")
    if type not in ENCODERS:
        raise ValueError(f"expected a type among {[*ENCODERS]}, got {type!r}")
    tensors = {
        name: (tensor.detach().float().cpu().numpy(), type if tensor.ndim > 1 else "F32")
        for name, tensor in to_gguf_tensors(model.state_dict(), model.config).items()
    }
    entries = write_config(model.config) | {"general.file_type": TYPE_NUMBERS[type][1]}
    entries |= {"general.quantization_version": 2}
    ends = with_ends_of(model.config, tokenizer).end_ids
    entries |= write_tokenizer(tokenizer, model.config.vocab_size, ends)
    write_tensors(path, add_entries(metadata or {}, entries), tensors)


def add_entries(further: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return further entries of the metadata and those of a model, which nothing may contradict.

    Raises:
        ValueError: an entry that the model or the tokenizer gives itself, that would describe
            another model of its architecture, or that makes the file a part of several.
    """
    reserved = (f"{own['general.architecture']}.", "split.")
    for name in further:
        if name in own or str(name).startswith(reserved):
            got = shown(str(name))
            raise ValueError(f"expected metadata beside what the model itself says, got {got}")
    return dict(further) | dict(own)


def read_model(gguf: GGUF) -> Llama | GPT:
    """Return the model in an open file, in float32.

    Raises:
        ValueError: see `read_config`; tensors missing, surplus, of other shapes, or of a type that
            cannot be decoded.
    """
    config = read_config(gguf)
    names = check_tensors(gguf, config)
    tensors = {name: torch.from_numpy(gguf.tensors[name].array()) for name in names}
    model = Llama(config) if isinstance(config, LlamaConfig) else GPT(config)
    model.load_state_dict(from_gguf_tensors(tensors, config))
    return model


def load_gguf(path: str | os.PathLike) -> tuple[Llama | GPT, BPETokenizer]:
    """Return the model and the tokenizer in a file.

    Raises:
        ValueError: as `read_gguf`, `read_model` and `read_tokenizer`; not one token for each row
            of the table.
    """
    gguf = read_gguf(path)
    model, tokenizer = read_model(gguf), read_tokenizer(gguf)
    rows, n_tokens = model.config.vocab_size, len(gguf.metadata["tokenizer.ggml.tokens"])
    if n_tokens != rows:
        raise ValueError(f"expected {rows} tokens, a row of token_embd.weight each, got {n_tokens}")
    return model, tokenizer


def from_gguf(cls: type, path: str | os.PathLike) -> Llama | GPT:
    """Return the model in a GGUF file, whatever its tokenizer.

    Raises:
        ValueError: as `read_gguf` and `read_model`; a model of the other kind.
    """
    model = read_model(read_gguf(path))
    if not isinstance(model, cls):
        raise ValueError(f"expected a {cls.__name__} in the file, got a {type(model).__name__}")
    return model


# `Llama.from_gguf` and `GPT.from_gguf`: given to the two here, because the chapters of the models
# come before this one and know nothing of it.
LlamaFiles.from_gguf = GPTFiles.from_gguf = classmethod(from_gguf)
