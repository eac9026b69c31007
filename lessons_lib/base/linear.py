"""Linear maps, computed by the faster of two libraries that come with PyTorch.

Matrix products are most of what a Transformer computes. PyTorch hands those of float32 to MKL,
which left half of the speed of one AMD processor with AVX-512 unused, and a tenth of that of
another (measured); oneDNN, which PyTorch brings along for other work, uses it. The numbers are the
same up to rounding.

`benchmarks/transformers_parity.py` measures what it gives on the machine at hand.
"""

import platform

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Linear", "linear"]

# Below this many multiplications, handing the numbers over costs more than it gives; with
# gradients, which Python has to pass on, below so many times as many.
_WORTH_IT, _WITH_GRADIENTS = 2**23, 4
_X86 = platform.machine().lower() in ("x86_64", "amd64")


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `x` times the transposed `weight`, plus `bias`.

    Args:
        x: (..., D).
        weight: (E, D).
        bias: (E,).

    Returns:
        (..., E), with gradients, as `torch.nn.functional.linear`, which computes whatever is not
        float32 on an x86 processor, and whatever has other shapes.

    Raises:
        RuntimeError: as `torch.nn.functional.linear`, for shapes or types that do not go together.

    >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([[11.]])
    """
    if not _pays(x, weight, bias):
        return F.linear(x, weight, bias)
    x, weight = _in_order(x), _in_order(weight)
    if bias is not None:
        bias = bias.contiguous()  # oneDNN reads it as if it were, wherever its numbers stand
    if not _DIRECT:
        return F.linear(x.to_mkldnn(), weight, bias).to_dense()
    return _Product.apply(x, weight, bias) if torch.is_grad_enabled() else _direct(x, weight, bias)


class _Product(torch.autograd.Function):
    """The direct operator, with the slopes that it does not know; they too are its products."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _direct(x, weight, bias)

    @staticmethod
    def backward(ctx, slopes: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight), (for_x, for_weight, for_bias) = ctx.saved_tensors, ctx.needs_input_grad
        rows = _in_order(slopes.flatten(0, -2))  # (N, E)
        x_slopes = linear(rows, weight.T).view(x.shape) if for_x else None
        weight_slopes = _columns(rows, x.flatten(0, -2)) if for_weight else None
        return x_slopes, weight_slopes, rows.sum(0) if for_bias else None


def _columns(a: Tensor, b: Tensor) -> Tensor:
    """Return all products of a column of a (N, E) with one of b (N, D): (E, D)."""
    if a.shape[1] > b.shape[1]:
        return linear(b.T, a.T).T  # the longer side last is faster
    return linear(a.T.contiguous(), b.T)


def _direct(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Ask oneDNN without copies to and from its own layout, an eighth of a training step.

    `torch.compile` calls this operator, but PyTorch promises nobody else that it stays.
    """
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _has_direct() -> bool:
    """Whether this PyTorch has the operator and it computes what is expected."""
    x = torch.arange(6.0).view(2, 3)
    try:
        return torch.equal(_direct(x, x, None), x @ x.T)
    except (AttributeError, RuntimeError, TypeError):
        return False


def _in_order(x: Tensor) -> Tensor:
    """Return x, or a copy if its numbers stand neither row by row nor column by column.

    oneDNN knows no rows that overlap.
    """
    return x if x.is_contiguous() or (x.ndim == 2 and x.T.is_contiguous()) else x.contiguous()


def _pays(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    """Whether oneDNN can take this product and is worth asking."""
    tensors = (x, weight) if bias is None else (x, weight, bias)
    least = _WORTH_IT * (_WITH_GRADIENTS if torch.is_grad_enabled() else 1)
    return (
        _X86
        and x.ndim > 1  # the gradients of a single vector are none of oneDNN
        and weight.ndim == 2
        and x.numel() * len(weight) >= least
        and x.shape[-1] == weight.shape[1]
        and (bias is None or bias.shape == weight.shape[:1])
        and all(t.dtype == torch.float32 for t in tensors)
        and all(t.device.type == "cpu" and t.layout == torch.strided for t in tensors)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and torch.backends.mkldnn.is_available()
    )


_DIRECT = _has_direct()


class Linear(nn.Linear):
    """`torch.nn.Linear`, computed by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., D) to (..., E)."""
        return linear(x, self.weight, self.bias)
