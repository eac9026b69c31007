"""Models in the format of `transformers`: folders and the hub, checked before anything is used.

A folder holds `config.json` with a model's sizes, `generation_config.json` with the tokens that end
a text, and the weights in `model.safetensors`, or in several such files with an index.

Sources: the `transformers` package, whose folders these are; the safetensors format; the
documentation of `huggingface_hub`.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lessons_lib.base.checkpoints import weights_sha256
from lessons_lib.base.files import write_atomic
from lessons_lib.base.validation import check_integer, check_number

__all__ = [
    "FLOATS",
    "CheckpointUnavailable",
    "Entries",
    "add_once",
    "checkpoint_folder",
    "end_entry",
    "open_checkpoint",
    "outlines",
    "read_json",
    "read_weights",
    "same_tensor",
    "write_folder",
]

# What numbers may be stored as; all are read into 32 bits.
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

_NEEDED = object()


class CheckpointUnavailable(OSError):
    """The published weights are not on this computer and cannot be fetched."""


# ---------------------------------------------------------------- reading


def checkpoint_folder(path_or_repo: str | os.PathLike) -> Path:
    """Return the folder of a model: the one given, or the local copy of a repository on the hub.

    Raises:
        ValueError: neither a folder nor a possible name of a repository.
        CheckpointUnavailable: no such folder, and the hub does not answer, knows no such repository
            or wants to know who asks.
    """
    if not isinstance(path_or_repo, str | os.PathLike) or path_or_repo == "":
        raise ValueError(f"expected a folder or a repository's name, got {path_or_repo!r:.80}")
    folder, repo = Path(path_or_repo), str(path_or_repo)
    if folder.is_dir():
        return folder
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils import (
            GatedRepoError,
            HFValidationError,
            LocalEntryNotFoundError,
            OfflineModeIsEnabled,
            RepositoryNotFoundError,
        )
    except ImportError:
        raise CheckpointUnavailable(
            f"{repo!r} is no folder here, and fetching needs the package huggingface_hub"
        ) from None
    try:
        return Path(snapshot_download(repo, allow_patterns=["*.json", "model*.safetensors"]))
    except HFValidationError:
        raise ValueError(f"expected a folder or a repository's name, got {repo!r}") from None
    except GatedRepoError as error:
        raise CheckpointUnavailable(
            f"{repo!r} is only for those who have asked: accept its terms on huggingface.co, then "
            "log in here with `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointUnavailable(
            f"{repo!r} is no folder here, and the hub has no public repository of this name: check "
            "the spelling, or log in with `hf auth login` if it is a private one"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError) as error:
        raise CheckpointUnavailable(
            f"{repo!r} is no folder here, and the hub cannot be reached: go online once, or give "
            "the folder of a model that is on this computer"
        ) from error
    except Exception as error:  # the hub's other errors, and those of every layer below it
        raise CheckpointUnavailable(
            f"{repo!r} is no folder here and could not be fetched ({type(error).__name__}: {error})"
        ) from error


def open_checkpoint(
    path_or_repo: str | os.PathLike, *model_types: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the configuration and the tensors of a folder, or of a repository on the hub.

    Only safetensors files are read: weights in pickle files can run any code when they are loaded.

    Args:
        path_or_repo: a folder, or a name such as "openai-community/gpt2".
        model_types: what config.json may say that it is.

    Returns:
        The entries of config.json, with the end of a text (`eos_token_id`) as
        generation_config.json has it where there is one; and the tensors by their names.

    Raises:
        ValueError: a file missing or broken, pickled weights alone, another kind of model, or two
            tensors of one name that differ.
        CheckpointUnavailable: see `checkpoint_folder`.
    """
    folder = checkpoint_folder(path_or_repo)
    config = read_json(folder / "config.json")
    if (got := config.get("model_type")) not in model_types:
        raise ValueError(f"expected a model of type {model_types} in {folder}, got {got!r:.80}")
    if (folder / "generation_config.json").exists():
        generation = read_json(folder / "generation_config.json")
        config["eos_token_id"] = generation.get("eos_token_id")
    return config, read_weights(folder)


def read_weights(folder: Path, stem: str = "model") -> dict[str, Tensor]:
    """Read the tensors of a folder by their names, see `open_checkpoint`.

    Args:
        folder: where the files are.
        stem: how their names begin.

    Raises:
        ValueError: a file missing or broken, pickled weights alone, or two tensors of one name
            that differ.
    """
    tensors = {}
    for file, listed in _weight_files(folder, stem).items():
        try:
            found = safetensors.torch.load_file(folder / file)
            with safetensors.safe_open(folder / file, "pt") as opened:
                said = (opened.metadata() or {}).get("sha256")
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise ValueError(f"expected a safetensors file {file}, got: {error}") from None
        if said is not None and said != weights_sha256(found):
            raise ValueError(f"expected a safetensors file {file}, got: its weights were changed")
        for name in listed - found.keys():
            raise ValueError(f"expected {name!r:.80} in {file}, where the index has it, got none")
        for name, tensor in found.items():
            add_once(tensors, name, tensor, file)
    return tensors


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of entries with names.

    Raises:
        ValueError: no such file, no JSON, or something else than entries with names.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"expected a readable {path.name} in {path.parent}, got: {error}"
        ) from None
    if not isinstance(found, dict):
        raise ValueError(f"expected entries with names in {path}, got {type(found).__name__}")
    return found


def _weight_files(folder: Path, stem: str) -> dict[str, set[str]]:
    """Return the names of the files with weights, and which tensors the index says are in them."""
    if (folder / f"{stem}.safetensors").exists():
        return {f"{stem}.safetensors": set()}
    index = folder / f"{stem}.safetensors.index.json"
    if not index.exists():
        found = sorted(path.name for path in folder.iterdir())
        raise ValueError(
            f"expected {stem}.safetensors in {folder} (pickled weights such as pytorch_model.bin "
            f"are not read: loading them can run any code), got {found!r:.300}"
        )
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise ValueError(f"expected an index of weight files in {index}, got {names!r:.80}")
    files = {}
    for tensor, file in names.items():
        inside = isinstance(file, str) and file.endswith(".safetensors")
        if not (inside and file == PurePosixPath(file).name == PureWindowsPath(file).name):
            raise ValueError(f"expected weight files beside {index}, got {file!r:.80}")
        files.setdefault(file, set()).add(tensor)
    return dict(sorted(files.items()))


def same_tensor(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors hold the same bits of the same type in the same shape."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(*(x.contiguous().flatten().view(torch.uint8) for x in (a, b)))


def add_once(tensors: dict[str, Tensor], name: str, tensor: Tensor, source: str) -> None:
    """Add a tensor to those that were found.

    Args:
        tensors: what was found before.
        name: under which the tensor is added.
        tensor: a new one, or an equal one once more.
        source: where it comes from.

    Raises:
        ValueError: another one of this name is there already.
    """
    if not same_tensor(tensors.setdefault(name, tensor), tensor):
        raise ValueError(f"expected one tensor for {name!r:.80}, got another from {source!r:.80}")


@contextmanager
def outlines() -> Iterator[None]:
    """Make tensors that have a shape and no numbers: what is built inside takes no memory."""
    with torch.device("meta"), _Outline():
        yield


class _Outline(TorchFunctionMode):
    """Skips starting weights, which PyTorch would work out even where there is nothing to fill.

    A few numbers in a row are made all the same: to calculate with a row that has no numbers,
    PyTorch loads its compiler, which takes more than a second.
    """

    SKIPPED = (nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_)
    FEW = 2**16

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in self.SKIPPED:
            return kwargs["tensor"]
        if func is torch.arange and all(value <= self.FEW for value in args):
            kwargs = {**kwargs, "device": "cpu"}
        return func(*args, **kwargs)


class Entries:
    """The entries of a config.json, taken one by one; what is not as expected is refused by name.

    Args:
        entries: names and values, as JSON has them.

    Raises:
        ValueError: in each method, an entry of another kind or out of range, or one that is
            missing and has no usual value.
    """

    def __init__(self, entries: Mapping[str, Any]):
        self.entries = entries

    def take(self, *names: str, usual: Any = _NEEDED) -> Any:
        """Return what stands under a name, or under other names of the same thing.

        Raises:
            ValueError: two names for one thing that say different things.
        """
        found = {name: self.entries[name] for name in names if name in self.entries}
        values = [*found.values(), usual]
        if not found and usual is _NEEDED:
            got = sorted(map(str, self.entries))
            raise ValueError(f"expected {names[0]!r} in config.json, got {got!r:.300}")
        if any(json.dumps(value) != json.dumps(values[0]) for value in found.values()):
            raise ValueError(f"expected one value for {', '.join(found)}, got {found!r:.200}")
        return values[0]

    def integer(self, *names: str, usual: Any = _NEEDED) -> int | None:
        """Return a size, at least 1; `usual` may be None."""
        value = self.take(*names, usual=usual)
        if value is None and usual is None:
            return None
        return check_integer(names[0], value, 1)

    def number(self, *names: str, usual: Any = _NEEDED, above: float = -math.inf) -> float:
        """Return a number of at least 0, or above a limit."""
        return float(check_number(names[0], self.take(*names, usual=usual), least=0, above=above))

    def truth(self, name: str, usual: bool) -> bool:
        """Return True or False."""
        self.only(name, usual, not usual)
        return self.take(name, usual=usual)

    def only(self, name: str, *known: Any) -> None:
        """Refuse all but the known values, of which the first is the usual one."""
        got = self.take(name, usual=known[0])
        if not any(type(got) is type(value) and got == value for value in known):
            raise ValueError(f"expected {name} among {known}, got {got!r:.80}")

    def only_plain(self) -> None:
        """Refuse what changes how any model computes: another type, other layers, no causal mask.

        Weights are read in 32 bits whatever floating-point type they are stored in.
        """
        for name in ("quantization_config", "compression_config", "per_layer_config"):
            self.only(name, None)
        for name, usual in (("is_causal", True), ("is_encoder_decoder", False)):
            self.only(name, usual)
        self.only("pruned_heads", None, {}, [])
        dtype = self.take("dtype", "torch_dtype", usual=None)
        types = [None, "auto", *(str(t).removeprefix("torch.") for t in FLOATS)]
        if dtype not in types:
            raise ValueError(f"expected dtype among {types}, got {dtype!r:.80}")

    def end_ids(self, vocab_size: int) -> tuple[int, ...]:
        """Return the tokens that end a text; those outside of the vocabulary can never come."""
        value = self.take("eos_token_id", usual=None)
        ids = value if isinstance(value, list) else [] if value is None else [value]
        if any(type(token_id) is not int for token_id in ids):
            raise ValueError(f"expected eos_token_id to be integers or null, got {value!r:.80}")
        return tuple(i for i in dict.fromkeys(ids) if 0 <= i < vocab_size)


# ---------------------------------------------------------------- writing


def end_entry(end_ids: tuple[int, ...]) -> int | list[int] | None:
    """Return the tokens that end a text as config.json has them, see `Entries.end_ids`.

    >>> end_entry(()), end_entry((7,)), end_entry((7, 9))
    (None, 7, [7, 9])
    """
    ids = [int(token_id) for token_id in end_ids]
    return ids if len(ids) > 1 else ids[0] if ids else None


def write_folder(
    folder: str | os.PathLike,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    tokenizer: Any = None,
    weights: str = "model",
) -> None:
    """Write a model that `transformers` opens, each file in one step.

    The weights' checksum stands in the file's metadata, where others leave it alone.

    Args:
        folder: is made if it is not there.
        config: the entries of config.json; generation_config.json gets the end of a text from it,
            and is not written for a model that writes no text.
        tensors: the weights.
        tokenizer: writes its own files with `save_pretrained`.
        weights: the name of their file, without its ending.
    """
    folder = Path(folder)
    files = {"config": config}
    if "eos_token_id" in config:
        ends = {name: config[name] for name in ("bos_token_id", "eos_token_id")}
        files["generation_config"] = ends
    texts = {name: json.dumps(entries, indent=2, default=_plain) for name, entries in files.items()}
    folder.mkdir(parents=True, exist_ok=True)
    own = {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    metadata = {"format": "pt", "sha256": weights_sha256(own)}
    write_atomic(folder / f"{weights}.safetensors", safetensors.torch.save(own, metadata))
    for name, text in texts.items():
        write_atomic(folder / f"{name}.json", f"{text}\n".encode())
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)


def _plain(number: Any) -> Any:
    """Return what a NumPy or torch number holds, for JSON."""
    return number.item()
