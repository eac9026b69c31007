"""Training on several processes with PyTorch's own tools: who I am, and a model shared by all.

`torchrun` starts the processes and tells each its number in the environment. Data parallelism
(DistributedDataParallel) gives each the whole model and a part of the batch; fully sharded training
(FSDP2) also gives each only a part of the weights. In both the gradients are averaged, so that all
take the same step that one process with the whole batch would take.

Sources: the documentation of torch.distributed, torch.nn.parallel.DistributedDataParallel and
torch.distributed.fsdp.fully_shard.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

__all__ = [
    "first_alone",
    "own_device",
    "own_model",
    "own_parameters",
    "part_like",
    "process_group",
    "rank_and_size",
    "same_for_all",
    "share",
    "whole",
]

T = TypeVar("T")
_COMPILED = "_orig_mod"  # where torch.compile keeps the module that was compiled


def own_device() -> torch.device:
    """Return the device that this process computes on: its own GPU if there is one, else the CPU.

    It is chosen here and nowhere else; what is computed later stays where its model is.
    """
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cpu")


@contextmanager
def process_group() -> Iterator[torch.device]:
    """Join the other processes if `torchrun` started this one; give the device to compute on.

    On GPUs the processes talk through nccl, else through gloo.
    """
    device = own_device()
    cuda = device.type == "cuda"
    if "WORLD_SIZE" not in os.environ:
        yield device
        return
    if cuda:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def rank_and_size() -> tuple[int, int]:
    """Return the number of this process and how many there are; (0, 1) when it is alone."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def same_for_all(number: float, mean: bool = False) -> float:
    """Return the largest of all processes' numbers, or their mean: the same number everywhere."""
    if not dist.is_initialized():
        return number
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    agreed = torch.tensor(number, dtype=torch.float64, device=device)
    dist.all_reduce(agreed, dist.ReduceOp.SUM if mean else dist.ReduceOp.MAX)
    return agreed.item() / (dist.get_world_size() if mean else 1)


def first_alone(action: Callable[[], T]) -> T:
    """Do something in the first process alone, and return in all what came of it.

    Raises:
        ValueError, OSError: what the action raised, in all processes: none waits for another.
    """
    outcome = [None, None]
    if rank_and_size()[0] == 0:
        try:
            outcome[0] = action()
        except (ValueError, OSError) as error:
            outcome[1] = error
    if dist.is_initialized():
        dist.broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


def own_model(model: nn.Module) -> nn.Module:
    """Return the model inside the wrappers of `torch.compile` and of data parallelism."""
    while True:
        if isinstance(model, DistributedDataParallel | nn.DataParallel):
            model = model.module
        elif hasattr(model, _COMPILED):
            model = getattr(model, _COMPILED)
        else:
            return model


def own_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return all parameters by the names that they have in the model itself, without wrappers."""
    named = own_model(model).named_parameters()
    return {name.replace(f"{_COMPILED}.", ""): p for name, p in named}


def share(model: nn.Module, sharded: bool) -> nn.Module:
    """Return what to call in place of `model` so that all processes train the same one.

    Args:
        model: with its layers in `model.blocks`; as it is, compiled, or already shared.
        sharded: keep only a part of the weights in each process (FSDP2).

    Raises:
        ValueError: `sharded` without other processes.
    """
    if not dist.is_initialized():
        if sharded:
            raise ValueError("expected several processes for sharded training, got one")
        return model
    if not sharded:
        shared = isinstance(model, DistributedDataParallel)
        return model if shared else DistributedDataParallel(model)
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    kind = next(model.parameters()).device.type
    mesh = init_device_mesh(kind, (dist.get_world_size(),))
    inner = own_model(model)
    for block in inner.blocks:
        fully_shard(own_model(block), mesh=mesh)
    fully_shard(inner, mesh=mesh)
    return model


def _is_part(tensor: object) -> bool:
    """Whether this is one process's part of a tensor.

    Who has such a part has imported the module that makes them; it takes as long as PyTorch.
    """
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def whole(tensor: object) -> object:
    """Return a tensor with all its parts, wherever they are; all processes have to ask for it.

    What is no tensor comes back as it is.
    """
    return tensor.full_tensor() if _is_part(tensor) else tensor


def part_like(own: Tensor, values: Tensor) -> Tensor:
    """Return of a whole tensor the part that this process holds of `own`, mostly all of it."""
    if _is_part(own):
        from torch.distributed.tensor import distribute_tensor

        return distribute_tensor(values.to(own.device), own.device_mesh, own.placements)
    return values
