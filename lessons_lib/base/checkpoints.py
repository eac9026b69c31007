"""Training states on disk: written in one step, read whole or not at all, compared before use."""

import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch

from lessons_lib.base.files import write_atomic

__all__ = ["differences", "read_checkpoint", "write_checkpoint"]

_KIND = "lessons_lib training state 1"


def write_checkpoint(path: str | os.PathLike, state: Mapping) -> None:
    """Write `state` (tensors, numbers, texts, and lists and dicts of them) to one file.

    An error on the way, such as a full disk, leaves the file that was there before.
    """
    buffer = io.BytesIO()
    torch.save({"kind": _KIND, **state}, buffer)
    write_atomic(path, buffer.getvalue())


def read_checkpoint(path: str | os.PathLike) -> dict:
    """Read what `write_checkpoint` wrote; nothing in the file can run code.

    Raises:
        ValueError: no such file, a broken one, or one of another kind.
    """
    try:
        state = torch.load(Path(path), map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"expected a checkpoint, got no file at {path}") from None
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"expected a whole checkpoint in {path}, got: {reason}") from None
    if not isinstance(state, dict) or state.get("kind") != _KIND:
        raise ValueError(f"expected a training state of this library in {path}, got another file")
    return state


def differences(saved: Mapping, given: Mapping) -> list[str]:
    """List the entries in which two descriptions of a run differ, one readable line each."""
    missing = "nothing"
    return [
        f"{name}: saved {saved.get(name, missing)!r}, given {given.get(name, missing)!r}"
        for name in sorted(saved.keys() | given.keys())
        if saved.get(name, missing) != given.get(name, missing)
    ]
