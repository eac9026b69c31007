"""Scale: what a model costs to train and to run, and what more of it buys.

The chapter `scaling`. It adds to the training of one small model on one computer the arithmetic of
large ones: operations, memory, utilisation, laws of how the loss falls, and the ways to share the
work among many devices.

Letters: N parameters, C operations of a training (FLOPs), D tokens in the laws and width of a model
elsewhere, as in the papers; B batch, T positions, H heads, G key-value heads, K width of a head,
F width of the feed-forward network, V vocabulary.

Sources:
    Kaplan et al., "Scaling Laws for Neural Language Models", 2020, arXiv:2001.08361.
    Hoffmann et al., "Training Compute-Optimal Large Language Models", 2022, arXiv:2203.15556.
    Besiroglu et al., "Chinchilla Scaling: A replication attempt", 2024, arXiv:2404.10102.
    Rajbhandari et al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models",
        2019, arXiv:1910.02054: the memory of training.
    Korthikanti et al., "Reducing Activation Recomputation in Large Transformer Models", 2022,
        arXiv:2205.05198: the activations.
    Chowdhery et al., "PaLM: Scaling Language Modeling with Pathways", 2022, arXiv:2204.02311,
        appendix B: utilisation.
    Huang et al., "GPipe: Efficient Training of Giant Neural Networks using Pipeline Parallelism",
        2018, arXiv:1811.06965: the pipeline.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

import numpy as np
import torch

from lessons_lib.base.linear import linear
from lessons_lib.base.validation import check_array, check_integer, check_number
from lessons_lib.gpt import GPTConfig
from lessons_lib.llama import LlamaConfig

__all__ = [
    "BYTES_PER_PARAMETER",
    "CHINCHILLA",
    "CHINCHILLA_REFIT",
    "LossLaw",
    "PowerLaw",
    "StoredRun",
    "activation_memory",
    "bubble_fraction",
    "check_points",
    "compute_optimal",
    "fit_floor",
    "fit_power_law",
    "heads_width",
    "kv_cache_memory",
    "matmul_parameters",
    "model_flops",
    "peak_flops",
    "pipeline_schedule",
    "stored_runs",
    "training_flops",
    "training_memory",
    "training_seconds",
    "utilisation",
]


# ------------------------------------------------------------------------------------- operations


def training_flops(n_parameters: float, n_tokens: float) -> float:
    """Estimate the operations of a training: 6 for each parameter and token.

    Forward, a parameter multiplies and adds once for each token; backward costs twice as much.

    Args:
        n_parameters: N.
        n_tokens: D, how many tokens the model is trained on, each pass over a text counted.

    Raises:
        ValueError: a negative number.

    Source: Kaplan et al. 2020, section 2.1, without the attention's own products.

    >>> training_flops(175e9, 300e9)
    3.15e+23
    """
    check_number("n_parameters", n_parameters, least=0)
    check_number("n_tokens", n_tokens, least=0)
    return 6 * n_parameters * n_tokens


def heads_width(config: GPTConfig | LlamaConfig) -> tuple[int, int]:
    """Return H K and G K: the width of all queries of a position, and of all its keys.

    >>> heads_width(GPTConfig())
    (768, 768)
    """
    if isinstance(config, LlamaConfig):
        n_kv_heads, d_head = config.kv_heads_and_width
        return config.n_heads * d_head, n_kv_heads * d_head
    return config.d_model, config.d_model


def matmul_parameters(config: GPTConfig | LlamaConfig) -> int:
    """Count the parameters that multiply: no biases, no norms, no table that is only looked up.

    >>> matmul_parameters(GPTConfig())
    123532032
    """
    d, f = config.d_model, config.d_ff or 4 * config.d_model
    feed_forward = (3 if isinstance(config, LlamaConfig) else 2) * d * f
    layer = 2 * d * sum(heads_width(config)) + feed_forward
    return config.n_layers * layer + config.vocab_size * d


def model_flops(config: GPTConfig | LlamaConfig, n_tokens: int) -> int:
    """Count the operations of the matrix products for one sequence, forward.

    A training step takes three times as many: the backward pass has two products for each one.

    Args:
        config: the sizes of the model.
        n_tokens: T, the length of the sequence.

    Raises:
        ValueError: no tokens, or more than the model reads.

    Source: Hoffmann et al. 2022, appendix F, without embeddings and softmax, which are no products;
    all T * T scores are counted, as there and in PaLM, although half of them are masked.

    >>> model_flops(GPTConfig(), 1024)
    291648307200
    """
    if check_integer("n_tokens", n_tokens, 1) > config.context_length:
        raise ValueError(f"expected at most {config.context_length} tokens, got {n_tokens}")
    width = heads_width(config)[0]
    scores_and_means = 4 * n_tokens * n_tokens * width
    return 2 * n_tokens * matmul_parameters(config) + config.n_layers * scores_and_means


# ----------------------------------------------------------------------------------------- memory

BYTES_PER_PARAMETER = {  # weight, gradient, what AdamW keeps
    "float32": (4, 4, 8),
    "mixed": (2, 2, 12),  # 16 bits to calculate with; AdamW has the weights in 32 bits as well
    "bfloat16": (2, 2, 4),
}


def training_memory(n_parameters: float, precision: str = "float32") -> dict[str, float]:
    """Return the bytes that training keeps from step to step: weights, gradients, AdamW's state.

    Args:
        n_parameters: N.
        precision: "float32"; "mixed", 16 bits with a copy of the weights in 32 bits; or "bfloat16",
            all in 16 bits.

    Raises:
        ValueError: another precision, or a negative number.

    Source: Rajbhandari et al. 2019, section 3.1.

    >>> training_memory(1000, "mixed")
    {'weights': 2000, 'gradients': 2000, 'optimizer': 12000}
    """
    if precision not in BYTES_PER_PARAMETER:
        known = sorted(BYTES_PER_PARAMETER)
        raise ValueError(f"expected a precision of {known}, got {precision!r}")
    check_number("n_parameters", n_parameters, least=0)
    weights, gradients, optimizer = (n_parameters * n for n in BYTES_PER_PARAMETER[precision])
    return {"weights": weights, "gradients": gradients, "optimizer": optimizer}


def activation_memory(
    config: GPTConfig | LlamaConfig, batch_size: int, n_tokens: int, n_bytes: int = 4
) -> int:
    """Estimate the bytes that the forward pass leaves for the backward pass.

    Counted are the vectors of each position that torch keeps for our models: what goes into each
    matrix, norm and bend, and the log-probabilities at the end. A few numbers for each head and
    norm are left out, and the copies that `lessons_lib.base.linear` makes where oneDNN computes.
    Fused attention keeps no (T, T) weights.

    Args:
        config: the sizes of the model.
        batch_size: B.
        n_tokens: T.
        n_bytes: the bytes of one number.

    Raises:
        ValueError: a size below 1.

    Source: the kind of count of Korthikanti et al. 2022, section 4.1, for the parts of our models.
    """
    positions = check_integer("batch_size", batch_size, 1) * check_integer("n_tokens", n_tokens, 1)
    d, f = config.d_model, config.d_ff or 4 * config.d_model
    queries, keys = heads_width(config)
    if isinstance(config, LlamaConfig):
        layer = 6 * d + 4 * queries + 4 * f + 2 * (queries + keys) * config.qk_norm
        last = 3 * d
    else:
        layer = 8 * d + 2 * f
        last = 2 * d
    numbers = config.n_layers * layer + last + config.vocab_size
    return positions * numbers * check_integer("n_bytes", n_bytes, 1)


def kv_cache_memory(
    config: GPTConfig | LlamaConfig, batch_size: int, n_tokens: int, n_bytes: int = 2
) -> int:
    """Return the bytes of the keys and values that a model keeps while it writes.

    Args:
        config: the sizes of the model.
        batch_size: B, how many texts at once.
        n_tokens: T, the tokens so far of each.
        n_bytes: the bytes of one number.

    Raises:
        ValueError: a size below 1.

    >>> kv_cache_memory(GPTConfig(), 1, 1024)
    37748736
    """
    positions = check_integer("batch_size", batch_size, 1) * check_integer("n_tokens", n_tokens, 1)
    keys_and_values = 2 * config.n_layers * heads_width(config)[1]
    return positions * keys_and_values * check_integer("n_bytes", n_bytes, 1)


# ------------------------------------------------------------------------------------------- time


def utilisation(flops: float, seconds: float, peak: float) -> float:
    """Return which part of the peak a model used (model FLOPs utilisation, MFU).

    Args:
        flops: the operations that the model needs, however many were done.
        seconds: how long they took.
        peak: operations per second, of all devices together.

    Raises:
        ValueError: no time, no peak, or a number of operations below 0.

    Source: Chowdhery et al. 2022, appendix B.

    >>> utilisation(3e12, seconds=10, peak=1e12)
    0.3
    """
    check_number("flops", flops, least=0)
    check_number("seconds", seconds, above=0)
    check_number("peak", peak, above=0)
    return flops / seconds / peak


def training_seconds(flops: float, peak: float, utilisation: float) -> float:
    """Return how long a training takes: `utilisation` the other way round.

    Args:
        flops: the operations of the training.
        peak: operations per second, of all devices together.
        utilisation: the part of the peak that is used, above 0, at most 1.

    Raises:
        ValueError: a peak that is not above 0, another utilisation, or operations below 0.

    >>> training_seconds(3e12, peak=1e12, utilisation=0.25)
    12.0
    """
    check_number("flops", flops, least=0)
    check_number("peak", peak, above=0)
    check_number("utilisation", utilisation, above=0, most=1)
    return flops / peak / utilisation


def peak_flops(size: int = 1024, n_times: int = 10) -> float:
    """Measure how many operations a second this computer does in its best case, float32.

    The best case is a product of two large square matrices. The fastest of several counts: whatever
    else the computer does makes a product slower, never faster.

    Args:
        size: rows and columns of the matrices.
        n_times: how often to measure.

    Raises:
        ValueError: a size or a number below 1.
    """
    check_integer("size", size, 1)
    matrix = torch.ones(size, size)
    linear(matrix, matrix)  # the first product also prepares the library
    seconds = []
    for _ in range(check_integer("n_times", n_times, 1)):
        start = time.perf_counter()
        linear(matrix, matrix)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


# ------------------------------------------------------------------------------------------- laws


class PowerLaw(NamedTuple):
    """A coefficient times x to the power of minus the exponent: a falling line on log axes.

    >>> PowerLaw(8.0, 0.5)(16)
    2.0
    """

    coefficient: float
    exponent: float

    def __call__(self, x: float) -> float:
        """Return the value at x, a number or an array of them, above 0."""
        check_array("x", x, above=0)
        return self.coefficient * x**-self.exponent


def fit_power_law(x: Sequence[float], y: Sequence[float]) -> PowerLaw:
    """Fit a power law: the straight line of least squares through the logarithms.

    Args:
        x: numbers above 0, two of them different.
        y: as many numbers above 0.

    Raises:
        ValueError: numbers that are not above 0, too few of them, or not as many in both.
    """
    x, y = check_points(x, y, 2)
    slope, intercept = np.polyfit(np.log(x), np.log(y), 1)
    return PowerLaw(float(np.exp(intercept)), float(-slope))


def fit_floor(x: Sequence[float], y: Sequence[float]) -> tuple[float, PowerLaw]:
    """Fit a power law above an unknown floor: ``floor + coefficient * x ** -exponent``.

    For a given exponent the best floor and coefficient are those of a linear least-squares problem;
    the exponents 0.001, 0.002, ..., 3 are tried in turn. Errors count relative to y; a floor below
    0 is none of a loss.

    Args:
        x: numbers above 0, three of them different.
        y: as many numbers above 0.

    Returns:
        The floor, and the power law above it.

    Raises:
        ValueError: as in `fit_power_law`; or no curve of this form that falls.
    """
    x, y = check_points(x, y, 3)
    best = np.inf, 0.0, PowerLaw(0.0, 0.0)
    for exponent in np.arange(1, 3001) / 1000:
        columns = np.stack([np.ones_like(x), (x / x.min()) ** -exponent], axis=1) / y[:, None]
        (floor, height), *_ = np.linalg.lstsq(columns, np.ones_like(y), rcond=None)
        if floor < 0:
            floor, height = 0.0, columns[:, 1].sum() / (columns[:, 1] ** 2).sum()
        error = ((columns @ [floor, height] - 1) ** 2).sum()
        if error < best[0] and height > 0:
            law = PowerLaw(float(height * x.min() ** exponent), float(exponent))
            best = error, float(floor), law
    if best[0] == np.inf:
        raise ValueError("expected points that fall towards a floor of 0 or above, got others")
    return best[1:]


def check_points(x: Sequence[float], y: Sequence[float], least: int) -> list[np.ndarray]:
    """Return x and y as arrays if they are points that a law can be fitted to.

    Args:
        x: what should be finite numbers above 0.
        y: as many of them.
        least: how many different numbers x has to have.

    Raises:
        ValueError: other numbers, too few of them, or not as many in both.
    """
    check_integer("least", least, 1)
    x, y = check_array("x", x, above=0), check_array("y", y, above=0)
    if x.ndim != 1 or x.shape != y.shape or len(np.unique(x)) < least:
        raise ValueError(
            f"expected as many x as y, {least} x of them different, got {x.shape} and {y.shape}"
        )
    return [x, y]


@dataclass(frozen=True)
class LossLaw:
    """The loss of a model of N parameters after D tokens, in nats per token.

    It is ``floor + a / N ** alpha + b / D ** beta``: what no model can do, what this one is too
    small for, and what it has read too little for.

    Raises:
        ValueError: a part that is negative or not finite; an exponent of 0; when asked, numbers
            that are not above 0.

    Source: Hoffmann et al. 2022, equation 2.
    """

    floor: float
    a: float
    alpha: float
    b: float
    beta: float

    def __post_init__(self):
        for name in ("floor", "a", "b"):
            check_number(name, getattr(self, name), least=0)
        for name in ("alpha", "beta"):
            check_number(name, getattr(self, name), above=0)

    def __call__(self, n_parameters: float, n_tokens: float) -> float:
        """Return the loss, in nats per token, for numbers or arrays of them."""
        check_array("n_parameters", n_parameters, above=0)
        check_array("n_tokens", n_tokens, above=0)
        return self.floor + self.a / n_parameters**self.alpha + self.b / n_tokens**self.beta


# Hoffmann et al. 2022, equation 10, and Besiroglu et al. 2024, table 1
CHINCHILLA = LossLaw(1.69, a=406.4, alpha=0.34, b=410.7, beta=0.28)
CHINCHILLA_REFIT = LossLaw(1.8172, a=482.01, alpha=0.3478, b=2085.43, beta=0.3658)


def compute_optimal(flops: float, law: LossLaw = CHINCHILLA_REFIT) -> tuple[float, float]:
    """Return the parameters and the tokens with the least loss that the operations can buy.

    Args:
        flops: C, of which 6 N D are spent.
        law: how the loss depends on N and D.

    Returns:
        N and D; they are not rounded.

    Raises:
        ValueError: no operations.

    Source: Hoffmann et al. 2022, equation 4.
    """
    check_number("flops", flops, above=0)
    ratio = law.alpha * law.a / (law.beta * law.b)
    both = law.alpha + law.beta
    n_parameters = ratio ** (1 / both) * (flops / 6) ** (law.beta / both)
    return n_parameters, flops / 6 / n_parameters


class StoredRun(NamedTuple):
    """One training of the chapter's experiment.

    Attributes:
        d_model: width of the model.
        n_steps: steps of training.
        n_parameters: N.
        n_tokens: how many tokens it read, those of all steps together.
        flops: the operations of the whole training, counted by `model_flops`.
        loss: on stories that the model has not seen, in nats per story.
        excess: how far the loss is above the floor: what the same stories cost the model more than
            the world that told them.
    """

    d_model: int
    n_steps: int
    n_parameters: int
    n_tokens: int
    flops: int
    loss: float
    excess: float


def stored_runs() -> list[StoredRun]:
    """Return the runs that `tools/scaling_runs.py` made and stored with the library."""
    text = resources.files("lessons_lib").joinpath("models/scaling.json").read_text("utf-8")
    return [StoredRun(**run) for run in json.loads(text)["runs"]]


# -------------------------------------------------------------------------------------- pipelines


def pipeline_schedule(n_stages: int, n_micro_batches: int) -> list[list[str]]:
    """Return what each stage of a pipeline does at each tick.

    All micro-batches go forward through the stages, then all go back. A tick is the time of one
    micro-batch in one stage, forward or backward taken as equally long.

    Args:
        n_stages: p, the devices, each with its part of the layers.
        n_micro_batches: m, the parts of the batch.

    Returns:
        For each stage a list of "F0" (forward, micro-batch 0), "B0" (backward) and "" (idle).

    Raises:
        ValueError: a number below 1.

    Source: Huang et al. 2018, figure 2c.

    >>> pipeline_schedule(2, 1)
    [['F0', '', '', 'B0'], ['', 'F0', 'B0', '']]
    """
    check_integer("n_stages", n_stages, 1)
    half = n_stages + check_integer("n_micro_batches", n_micro_batches, 1) - 1
    table = [[""] * (2 * half) for _ in range(n_stages)]
    for stage in range(n_stages):
        for i in range(n_micro_batches):
            table[stage][stage + i] = f"F{i}"
            table[stage][half + n_stages - 1 - stage + i] = f"B{i}"
    return table


def bubble_fraction(n_stages: int, n_micro_batches: int) -> float:
    """Return the part of its time that a device of a pipeline waits: (p - 1) / (m + p - 1).

    Args:
        n_stages: p.
        n_micro_batches: m.

    Raises:
        ValueError: a number below 1.

    Source: Huang et al. 2018, section 2.3.

    >>> bubble_fraction(4, 12)
    0.2
    """
    waiting = check_integer("n_stages", n_stages, 1) - 1
    return waiting / (check_integer("n_micro_batches", n_micro_batches, 1) + waiting)
