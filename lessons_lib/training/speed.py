"""What makes steps faster or smaller, with PyTorch's own tools, and how fast they are.

Sources:
    Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv:1604.06174:
        activations computed twice in place of being kept.
    Chowdhery et al., "PaLM: Scaling Language Modeling with Pathways", 2022, arXiv:2204.02311,
        appendix B: the share of a machine's speed that a model uses (MFU).
"""

import sys
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.benchmark import Timer
from torch.utils.checkpoint import checkpoint

from lessons_lib.base.linear import linear
from lessons_lib.base.parallel import own_model, rank_and_size, same_for_all
from lessons_lib.base.validation import check_number
from lessons_lib.training.recipe import Recipe

__all__ = [
    "Meter",
    "clock",
    "compile_blocks",
    "flops_per_token",
    "measure_peak",
    "memory_used",
    "recompute_blocks",
]


def compile_blocks(model: nn.Module, backend: str = "inductor") -> None:
    """Let PyTorch compile the blocks, in place: names, weights and checkpoints stay as they are.

    Blocks are alike, so one is compiled for all. That takes some seconds, at the first step and
    where shapes change; numbers differ by rounding only.

    Raises:
        ValueError: PyTorch cannot compile here, mostly for want of a C++ compiler.

    Source: PyTorch's recipe on regional compilation.
    """
    device = next(model.parameters()).device
    try:  # a compiler that is missing is missed only when something is compiled
        torch.compile(lambda x: (x + 1).sin(), backend=backend)(torch.ones(2, device=device))
    except Exception as error:  # PyTorch's errors here have no common kind
        told = [line for line in str(error).splitlines() if line and not line.endswith("raised:")]
        reason = told[0] if told else type(error).__name__
        raise ValueError(
            "expected what torch.compile needs, on a CPU a C++ compiler (Debian, Ubuntu: apt "
            f"install g++ python3-dev), got: {reason}"
        ) from None
    for block in own_model(model).blocks:
        block.compile(backend=backend)


def recompute_blocks(model: nn.Module) -> None:
    """Keep of each block only what goes in, and compute the rest again on the way back, in place.

    Saves most of the memory that grows with batch and context, and costs about one more forward
    pass, a third of a step. The numbers stay the same to the bit.

    Source: Chen et al. 2016; `torch.utils.checkpoint`.
    """
    for block in own_model(model).blocks:
        block.forward = _again(block.forward)


def _again(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    # A function of its own and no `partial`: of PyTorch's own frames `torch.compile` takes none.
    def forward_again(*inputs: Tensor | None) -> Tensor:
        return checkpoint(forward, *inputs, use_reentrant=False)

    return forward_again


def flops_per_token(model: nn.Module, length: int) -> int:
    """Return the floating-point operations that a training step does for each token.

    Six for each weight of a matrix (two forward, four back) and those of the attention, as if
    every position attended to all; what is computed twice to save memory does not count.

    Args:
        model: with `blocks` and a `config` of sizes.
        length: T, the tokens of a window.

    Source: Chowdhery et al. 2022, appendix B.
    """
    inner = own_model(model)
    config = inner.config
    matrices = sum(p.numel() for p in inner.blocks.parameters() if p.ndim == 2)
    head = config.vocab_size * config.d_model
    width = config.n_heads * (getattr(config, "d_head", None) or config.d_model // config.n_heads)
    return 6 * (matrices + head) + 12 * len(inner.blocks) * width * length


def measure_peak(device: torch.device, precision: str = "float32") -> float:
    """Return how many floating-point operations a second one large product of matrices reaches.

    Args:
        device: where.
        precision: "float32" or "bfloat16", of the numbers.
    """
    size = 1024 if device.type == "cpu" else 8192
    x = torch.randn(size, size, device=device, dtype=getattr(torch, precision))
    product = Timer("linear(x, x)", globals={"linear": linear, "x": x})
    with torch.no_grad():
        found = product.blocked_autorange(min_run_time=0.2)
    return 2 * size**3 / found.median


def memory_used(device: torch.device) -> int | None:
    """Return the most bytes that were in use so far: of the GPU, or of the process on a CPU.

    None where the system does not tell.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def clock(seconds: float) -> str:
    """Write a time as hours, minutes and seconds.

    >>> clock(75), clock(7322)
    ('1:15', '2:02:02')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Meter:
    """How fast a run is, over its last steps, and how long it will take.

    Args:
        model: see `flops_per_token`.
        length: T, the tokens of a window.
        recipe: of the run.
        peak: what each process's machine can do, in operations a second, see `measure_peak`; None:
            no share of it is told.
    """

    def __init__(self, model: nn.Module, length: int, recipe: Recipe, peak: float | None = None):
        self.device = next(model.parameters()).device
        self.length, self.recipe = length, recipe
        self.share = None
        if peak is not None:
            check_number("peak", peak, above=0)
            self.share = flops_per_token(model, length) / (peak * rank_and_size()[1])
        self.marks = deque(maxlen=50)  # steps and seconds

    def note(self, n_done: int, seconds: float) -> None:
        """Note that so many steps were done after so many seconds."""
        self.marks.append((n_done, seconds))

    @property
    def tokens_per_second(self) -> float:
        """The speed of the last steps; 0 before there are two."""
        (first, since), (last, now) = self.marks[0], self.marks[-1]
        n_tokens = (last - first) * self.recipe.batch_size * self.length
        return n_tokens / (now - since) if now > since else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the run still takes at the speed of the last steps; None if that is unknown."""
        (n_done, seconds), speed = self.marks[-1], self.tokens_per_second
        left = []
        if self.recipe.n_steps is not None and speed:
            n_tokens = (self.recipe.n_steps - n_done) * self.recipe.batch_size * self.length
            left.append(n_tokens / speed)
        if self.recipe.seconds is not None:
            left.append(self.recipe.seconds - seconds)
        return max(0.0, min(left)) if left else None

    def text(self) -> str:
        """Say speed and time left, for a progress bar."""
        left = self.seconds_left
        after = "" if left is None else f", {clock(left)} left"
        return f"{self.tokens_per_second:,.0f} tokens/s{after}"

    def report(self) -> dict:
        """Return speed, memory and time left, for the record. All processes have to call it."""
        speed, memory, left = self.tokens_per_second, memory_used(self.device), self.seconds_left
        found = {"tokens_per_second": round(speed, 1)}
        if self.share is not None:
            found["mfu"] = round(speed * self.share, 4)
        if memory is not None:
            found["memory_bytes"] = int(same_for_all(memory))
        if left is not None:
            found["seconds_left"] = round(left, 1)
        return found
