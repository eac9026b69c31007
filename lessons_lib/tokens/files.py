"""The file that `BPETokenizer.save` writes: readable by eye, with a checksum."""

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lessons_lib.base.files import write_atomic
from lessons_lib.tokens.characters import byte_characters

if TYPE_CHECKING:
    from lessons_lib.tokens.tokenizer import BPETokenizer

__all__ = ["digest", "read", "write"]

_FORMAT = "lessons_lib byte-level BPE, version 2"
_CONTENT = ("pattern", "special_tokens", "settings", "vocab", "merges")
_SETTINGS = (
    "end",
    "user_defined",
    "normalizer",
    "normalized",
    "ignore_merges",
    "unknown",
    "fuse_unknown",
    "drop_unknown",
)


def write(tokenizer: "BPETokenizer", path: str | os.PathLike) -> None:
    """Write a tokenizer as `BPETokenizer.save` says."""
    content = _content(tokenizer)
    file = {"format": _FORMAT, "sha256": _digest(content), **content}
    write_atomic(path, json.dumps(file, ensure_ascii=False, indent=1).encode())


def digest(tokenizer: "BPETokenizer") -> str:
    """Return the checksum that stands in the file."""
    return _digest(_content(tokenizer))


def _content(tokenizer: "BPETokenizer") -> dict:
    shown = byte_characters()
    show = lambda token: "".join(shown[byte] for byte in token)  # noqa: E731
    return {
        "pattern": tokenizer.pattern,
        "special_tokens": tokenizer.special_tokens,
        "settings": {name: getattr(tokenizer, name) for name in _SETTINGS},
        "vocab": {show(token): i for token, i in tokenizer.ordinary.items()},
        "merges": [f"{show(left)} {show(right)}" for left, right in tokenizer.merges],
    }


def read(kind: type["BPETokenizer"], path: str | os.PathLike) -> "BPETokenizer":
    """Read a tokenizer as `BPETokenizer.load` says."""
    try:
        file = json.loads(Path(path).read_bytes())
        content = {key: file[key] for key in _CONTENT}
        if file["format"] != _FORMAT or file["sha256"] != _digest(content):
            raise ValueError("its format or checksum is wrong")
        byte_of = {character: byte for byte, character in byte_characters().items()}
        read = lambda shown: bytes(byte_of[character] for character in shown)  # noqa: E731
        pattern, special, settings, shown_vocab, shown_merges = content.values()
        if not isinstance(special, dict) or not isinstance(settings["user_defined"], dict):
            raise ValueError("its special tokens have no ids")
        vocab = {i: read(shown) for shown, i in shown_vocab.items()}
        merges = [tuple(map(read, pair.split(" "))) for pair in shown_merges]
        return kind(vocab, merges, special, pattern, **settings)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"expected a tokenizer file, got {os.fspath(path)!r}: {error}") from None


def _digest(content: dict) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
