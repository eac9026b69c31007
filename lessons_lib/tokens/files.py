"""Files of tokenizers: our own, and the tokenizer.json that `transformers` opens."""

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lessons_lib.base.files import write_atomic
from lessons_lib.tokens.bpe import GPT2_PATTERN, GPT4_PATTERN
from lessons_lib.tokens.characters import byte_characters

if TYPE_CHECKING:
    from lessons_lib.tokens.tokenizer import BPETokenizer

__all__ = ["read", "read_pretrained", "write", "write_pretrained"]


def write(tokenizer: "BPETokenizer", path: str | os.PathLike) -> None:
    """Write a tokenizer as `BPETokenizer.save` says."""
    shown = byte_characters()
    show = lambda token: "".join(shown[byte] for byte in token)  # noqa: E731
    content = {
        "pattern": tokenizer.pattern,
        "special_tokens": tokenizer.special_tokens,
        "end": tokenizer.end,
        "vocab": {show(t): i for t, i in zip(tokenizer._bpe.tokens, tokenizer._ids, strict=True)},
        "merges": [f"{show(left)} {show(right)}" for left, right in tokenizer.merges],
    }
    file = {"format": _FORMAT, "sha256": _digest(content), **content}
    write_atomic(path, json.dumps(file, ensure_ascii=False, indent=1).encode())


def read(kind: type["BPETokenizer"], path: str | os.PathLike) -> "BPETokenizer":
    """Read a tokenizer as `BPETokenizer.load` says."""
    try:
        file = json.loads(Path(path).read_bytes())
        content = {
            key: file[key] for key in ("pattern", "special_tokens", "end", "vocab", "merges")
        }
        if file["format"] != _FORMAT or file["sha256"] != _digest(content):
            raise ValueError("its format or checksum is wrong")
        byte_of = {character: byte for byte, character in byte_characters().items()}
        read = lambda shown: bytes(byte_of[character] for character in shown)  # noqa: E731
        vocab = {i: read(shown) for shown, i in content["vocab"].items()}
        merges = [tuple(map(read, pair.split(" "))) for pair in content["merges"]]
        return kind(vocab, merges, content["special_tokens"], content["pattern"], content["end"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"expected a tokenizer file, got {os.fspath(path)!r}: {error}") from None


def write_pretrained(tokenizer: "BPETokenizer", folder: str | os.PathLike) -> None:
    """Write a tokenizer as `BPETokenizer.save_pretrained` says."""
    shown = byte_characters()
    show = lambda token: "".join(shown[byte] for byte in token)  # noqa: E731
    split = {
        "type": "Split",
        "pattern": {"Regex": _PORTABLE.get(tokenizer.pattern, tokenizer.pattern)},
    }
    split |= {"behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    added = [
        {"id": i, "content": token, "special": True}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for token, i in tokenizer.special_tokens.items()
    ]
    file = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split, byte_level | {"use_regex": False}],
        },
        "decoder": byte_level | {"use_regex": False},
        "model": {
            "type": "BPE",
            "vocab": {
                show(t): i for t, i in zip(tokenizer._bpe.tokens, tokenizer._ids, strict=True)
            },
            "merges": [[show(left), show(right)] for left, right in tokenizer.merges],
        },
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
    }
    if tokenizer.end is not None:
        settings["eos_token"] = tokenizer.end
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"tokenizer.json": file, "tokenizer_config.json": settings}.items():
        data = json.dumps(content, ensure_ascii=False, indent=1).encode()
        write_atomic(folder / name, data)


def read_pretrained(kind: type["BPETokenizer"], folder: str | os.PathLike) -> "BPETokenizer":
    """Read a tokenizer as `BPETokenizer.from_pretrained` says."""
    path = Path(folder) / "tokenizer.json"
    try:
        file = json.loads(path.read_bytes())
        model, special = file["model"], file.get("added_tokens") or ()
        if model["type"] != "BPE" or file.get("normalizer") or model.get("byte_fallback"):
            raise ValueError("it is no byte-level BPE without normalizer")
        byte_of = {character: byte for byte, character in byte_characters().items()}
        read = lambda shown: bytes(byte_of[character] for character in shown)  # noqa: E731
        special = {token["content"]: token["id"] for token in special}
        ordinary = {shown: i for shown, i in model["vocab"].items() if shown not in special}
        vocab = {i: read(shown) for shown, i in ordinary.items()}
        pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
        merges = [tuple(map(read, pair)) for pair in pairs]
        pattern = _read_pattern(file["pre_tokenizer"])
        return kind(vocab, merges, special, pattern, _read_end(path.parent))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"expected a byte-level tokenizer, got {path}: {error!r}") from None


def _read_end(folder: Path) -> str | None:
    """Return the end token that tokenizer_config.json names, as a text or with its flags."""
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return None
    end = json.loads(path.read_bytes()).get("eos_token")
    return end["content"] if isinstance(end, dict) else end


def _read_pattern(pre_tokenizer: dict) -> str:
    """Return the pattern of a pre-tokenizer: its split, or else GPT-2's."""
    steps = pre_tokenizer.get("pretokenizers", [pre_tokenizer])
    if not any(step["type"] == "ByteLevel" for step in steps):
        raise ValueError("its words do not become bytes")
    if any(step.get("add_prefix_space") for step in steps):
        raise ValueError("it puts a space before the text")
    for step in steps:
        if step["type"] == "Split":
            pattern = step["pattern"]["Regex"]
            return next((own for own, other in _PORTABLE.items() if other == pattern), pattern)
    return GPT2_PATTERN


# The same patterns without what the engine of `tokenizers` reads otherwise: there `{1,3}+` is a
# repetition of a repetition, and `$` also stands before a line end.
_PORTABLE = {
    GPT4_PATTERN: r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]|\s+(?!\S)|\s"
}


_FORMAT = "lessons_lib byte-level BPE, version 2"


def _digest(content: dict) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
