"""Tensors on disk in parts, each written by the process that holds it, with PyTorch's own tools.

A checkpoint in one file needs one process that holds all tensors whole. Here each process writes
what it has, and any other number of processes reads what it needs. `torch.distributed.checkpoint`
does so; what is added is that a folder counts only with the SHA-256 of each of its files.

Sources: the documentation of torch.distributed.checkpoint.
"""

import hashlib
import os
import shutil
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import torch.distributed as dist
from torch import Tensor

from lessons_lib.base.parallel import first_alone

__all__ = ["check_parts", "read_parts", "write_parts"]


def write_parts(folder: str | os.PathLike, tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Write tensors to a new folder and return the SHA-256 of each of its files.

    All processes have to call it; of a tensor that all have, one writes it. What was in the folder
    is removed.

    Raises:
        OSError: it cannot be written, in whichever process; in all of them.
    """
    from torch.distributed import checkpoint  # here: it takes long to import

    folder = Path(folder)
    first_alone(lambda: shutil.rmtree(folder, ignore_errors=True))
    with _plain_errors(folder):
        checkpoint.save(dict(tensors), checkpoint_id=folder, no_dist=not dist.is_initialized())
    return first_alone(lambda: _digests(folder))


def read_parts(
    folder: str | os.PathLike, tensors: Mapping[str, Tensor], alone: bool = False
) -> None:
    """Fill tensors, whole or one process's parts, with what `write_parts` wrote by their names.

    Args:
        folder: see `write_parts`; `check_parts` says whether it is whole.
        tensors: what to fill.
        alone: this process reads by itself, whatever the others do; else all have to call it.

    Raises:
        OSError: a file that cannot be read, or a tensor that is not there, in whichever process.
    """
    from torch.distributed import checkpoint

    with _plain_errors(Path(folder)):
        no_dist = alone or not dist.is_initialized()
        checkpoint.load(dict(tensors), checkpoint_id=folder, no_dist=no_dist)


def check_parts(folder: str | os.PathLike, digests: Mapping[str, str]) -> None:
    """Do nothing if a folder holds the files with the SHA-256 that `write_parts` returned.

    Raises:
        ValueError: a file is missing, or has changed by as little as one bit.
    """
    found = _digests(Path(folder))
    for name, digest in digests.items():
        if found.get(name) != digest:
            state = "a file that was cut or changed" if name in found else "none"
            raise ValueError(f"expected {name} in {folder} as it was written, got {state}")


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(path for path in folder.glob("*") if path.is_file()):
        with open(path, "rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@contextmanager
def _plain_errors(folder: Path):
    """Turn PyTorch's collection of all processes' errors into the first of them, as an OSError."""
    from torch.distributed.checkpoint import CheckpointException

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")  # as intended
        warnings.filterwarnings("ignore", message=".*TypedStorage is deprecated.*")
        try:
            yield
        except CheckpointException as failed:
            rank, (error, _) = min(failed.failures.items(), key=lambda entry: entry[0])
            number = getattr(error, "errno", None)
            what = getattr(error, "strerror", None) or str(error)
            raise OSError(number, f"process {rank}: {what}", str(folder)) from None
