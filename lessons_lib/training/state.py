"""What a run keeps of its weights and optimizers: in one file, or in parts that all write.

In one file, the first process writes all tensors whole. In parts, `checkpoint.pt` holds all but the
tensors, and names the folder beside it in which each process wrote its own; it is written last, so
whatever is killed on the way leaves the checkpoint before, with its parts.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from lessons_lib.base.checkpoints import (
    before,
    read_checkpoint,
    read_last_checkpoint,
    write_checkpoint,
)
from lessons_lib.base.parallel import first_alone, part_like, whole
from lessons_lib.base.parts import check_parts, read_parts, write_parts

_PARTS = "parts-"  # begins the names of the folders of parts


def write_state(
    path: Path,
    parameters: Mapping[str, nn.Parameter],
    optimizers: Sequence[torch.optim.Optimizer],
    more: Mapping,
    parts: bool,
) -> None:
    """Write a checkpoint; all processes have to call it.

    Args:
        path: of the checkpoint.
        parameters: by name.
        optimizers: of these parameters.
        more: what else to keep: numbers, texts, lists and dicts of them; with `n_done`.
        parts: each process writes its own part of the tensors, in a folder beside `path`.

    Raises:
        OSError: it cannot be written; the checkpoint before is kept.
    """
    states = _by_name(parameters, optimizers)
    if parts:
        tensors = _tensors(parameters, states)
        folder = f"{_PARTS}{more['n_done']}"
        digests = write_parts(path.with_name(folder), tensors)
        shapes = {name: tuple(p.shape) for name, p in parameters.items()}
        kept = [
            {name: _without_tensors(state) for name, state in entries.items()} for entries in states
        ]
        state = {"parts": folder, "digests": digests, "shapes": shapes, "optimizers": kept}
    else:
        kept = [
            {name: {k: whole(v) for k, v in state.items()} for name, state in entries.items()}
            for entries in states
        ]
        model = {name: whole(p.detach()) for name, p in parameters.items()}
        state = {"model": model, "optimizers": kept}
    first_alone(lambda: write_checkpoint(path, {**more, **state}))
    first_alone(lambda: _remove_old(path))


def read_state(path: Path) -> dict:
    """Read the last checkpoint of which everything is whole, as `read_last_checkpoint` does."""
    return read_last_checkpoint(path, _read_checked)


def shapes_in(state: Mapping) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters in a checkpoint that was read."""
    if "parts" in state:
        return dict(state["shapes"])
    return {name: tuple(tensor.shape) for name, tensor in state["model"].items()}


def fill(
    state: Mapping,
    path: Path,
    parameters: Mapping[str, nn.Parameter],
    optimizers: Sequence[torch.optim.Optimizer],
) -> None:
    """Give parameters and optimizers the numbers of a checkpoint; all processes have to call it."""
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        for name, entries in saved.items():
            p = parameters[name]
            optimizer.state[p] = {key: _value(p, value) for key, value in entries.items()}
    if "parts" in state:
        read_parts(
            path.with_name(state["parts"]), _tensors(parameters, _by_name(parameters, optimizers))
        )
        return
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(part_like(p, state["model"][name]))


def saved_weights(path: Path) -> dict[str, Tensor]:
    """Read the whole weights of a checkpoint, in this process alone."""
    state = _read_checked(path)
    if "parts" not in state:
        return state["model"]
    weights = {name: torch.empty(shape) for name, shape in state["shapes"].items()}
    asked = {f"model.{name}": tensor for name, tensor in weights.items()}
    read_parts(path.with_name(state["parts"]), asked, alone=True)
    return weights


def _read_checked(path: Path) -> dict:
    state = read_checkpoint(path)
    if "parts" in state:
        check_parts(Path(path).with_name(state["parts"]), state["digests"])
    return state


def _by_name(
    parameters: Mapping[str, nn.Parameter], optimizers: Sequence[torch.optim.Optimizer]
) -> list[dict[str, dict]]:
    """Return what each optimizer keeps, by the names of the parameters."""
    names = {p: name for name, p in parameters.items()}
    return [{names[p]: state for p, state in o.state.items()} for o in optimizers]


def _tensors(parameters: Mapping[str, Tensor], states: Sequence[Mapping]) -> dict[str, Tensor]:
    """Return all tensors of a run, or this process's parts of them, by one name each."""
    tensors = {f"model.{name}": p.detach() for name, p in parameters.items()}
    return tensors | {
        f"optimizers.{i}.{name}.{key}": value
        for i, entries in enumerate(states)
        for name, state in entries.items()
        for key, value in state.items()
        if isinstance(value, Tensor)
    }


def _without_tensors(state: Mapping) -> dict:
    return {key: None if isinstance(value, Tensor) else value for key, value in state.items()}


def _value(p: Tensor, value: object) -> object:
    """Return what an optimizer keeps of `p`; what stands in parts becomes an empty place for it."""
    if value is None:
        return torch.zeros_like(p, requires_grad=False)
    return part_like(p, value.to(p.device)) if isinstance(value, Tensor) else value


def _remove_old(path: Path) -> None:
    """Remove the folders of parts that no checkpoint names any more."""
    named = set()
    for checkpoint in (path, before(path)):
        try:
            named.add(read_checkpoint(checkpoint).get("parts"))
        except ValueError:  # none there, or a broken one
            continue
    for folder in path.parent.glob(f"{_PARTS}*"):
        if folder.name not in named:
            shutil.rmtree(folder, ignore_errors=True)
