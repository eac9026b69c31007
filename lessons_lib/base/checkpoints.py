"""Training states on disk: written in one step, read whole or not at all, compared before use.

A file of PyTorch's is a zip archive whose checksums PyTorch does not check: with one bit flipped,
most of them open with other weights. So here the archive's comment, its last bytes, is the SHA-256
of all bytes before it. `torch.load` opens the file all the same.
"""

import hashlib
import io
import os
import pickle
import struct
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from lessons_lib.base.files import write_atomic

__all__ = [
    "before",
    "differences",
    "read_checkpoint",
    "read_last_checkpoint",
    "weights_sha256",
    "write_checkpoint",
]

_KIND = "lessons_lib training state 2"
_DIGEST = 64  # characters of a SHA-256
_NO_COMMENT = b"\0\0"  # the length of the comment, with which an archive without one ends


def before(path: str | os.PathLike) -> Path:
    """Return where the checkpoint before the one at `path` is kept."""
    path = Path(path)
    return path.with_name(f"{path.stem}-before{path.suffix}")


def write_checkpoint(path: str | os.PathLike, state: Mapping) -> None:
    """Write `state` (tensors, numbers, texts, and lists and dicts of them) to one file.

    A whole checkpoint that was there is kept beside it (`before`). An error on the way, such as a
    full disk, leaves the file that was there.
    """
    path = Path(path)
    buffer = io.BytesIO()
    torch.save({"kind": _KIND, **state}, buffer)
    archive = buffer.getvalue()
    if not archive.endswith(_NO_COMMENT):
        raise ValueError("expected an archive of PyTorch without a comment, got another ending")
    body = archive[: -len(_NO_COMMENT)] + struct.pack("<H", _DIGEST)
    old = path.read_bytes() if path.exists() else b""
    if _is_whole(old):
        write_atomic(before(path), old)
    write_atomic(path, body + _digest(body))


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _is_whole(data: bytes) -> bool:
    return data[-_DIGEST:] == _digest(data[:-_DIGEST])


def read_checkpoint(path: str | os.PathLike) -> dict:
    """Read what `write_checkpoint` wrote; nothing in the file can run code.

    Raises:
        ValueError: no such file, a broken one, in which as little as one bit may have changed, or
            one of another kind.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"expected a checkpoint at {path}, got: {error.strerror}") from None
    expected = f"expected a whole training state of this library in {path}, got"
    if not _is_whole(data):
        raise ValueError(f"{expected} a file that was cut or changed, or another one")
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{expected}: {reason}") from None
    if not isinstance(state, dict) or state.get("kind") != _KIND:
        raise ValueError(f"{expected} another file")
    return state


def read_last_checkpoint(
    path: str | os.PathLike, read: Callable[[Path], dict] = read_checkpoint
) -> dict:
    """Read the checkpoint at `path`; where it is broken or missing, the one before, with a warning.

    Args:
        path: of the last checkpoint.
        read: reads one, or says with a `ValueError` what is wrong with it.

    Raises:
        ValueError: neither can be read.
    """
    try:
        return read(Path(path))
    except ValueError as error:
        if not before(path).exists():
            raise
        reason = str(error)
    try:
        state = read(before(path))
    except ValueError as error:
        raise ValueError(f"{reason}; and of the one before: {error}") from None
    warnings.warn(f"{reason}; going on from the one before, {before(path)}", stacklevel=2)
    return state


def differences(saved: Mapping, given: Mapping) -> list[str]:
    """List the entries in which two descriptions of a run differ, one readable line each."""
    missing = "nothing"
    return [
        f"{name}: saved {saved.get(name, missing)!r}, given {given.get(name, missing)!r}"
        for name in sorted(saved.keys() | given.keys())
        if saved.get(name, missing) != given.get(name, missing)
    ]


def weights_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names, kinds, shapes and numbers, in whatever order they stand.

    For the metadata of safetensors files, a format without a checksum of its own.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
