"""What a model keeps of single texts: exposure, membership, and training that hides each one."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lessons_lib.base.validation import check_array, check_integer, check_number, check_text
from lessons_lib.evaluation import z_value
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END

# Orders at which a loss of privacy is followed; the best of them counts.
ORDERS = np.array([1 + i / 10 for i in range(1, 100)] + [*range(11, 64), 128, 256, 512, 1024])

# Below, a step's two distributions are so narrow that sums miss them; above, noise changes nothing.
LEAST_NOISE, MOST_NOISE = 0.01, 1e9


@torch.no_grad()
def text_log_probs(
    model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str], size: int = 64
) -> np.ndarray:
    """Return ln p of each of N texts, in nats, told from their beginning: (N,).

    Args:
        model: gives logits (B, T, V) for token ids (B, T), and has a `config`.
        tokenizer: knows `END`, which stands before each text.
        texts: that fit into the model's context.
        size: how many are read at once.

    Raises:
        ValueError: one text in place of several, none, an empty one, or one that is too long.
    """
    check_integer("size", size, 1)
    texts = check_texts(texts)
    [end] = tokenizer.encode(END, allowed_special=[END])
    rows = [[end, *tokenizer.encode(check_text(text, empty=False))] for text in texts]
    longest, most = max(map(len, rows)), model.config.context_length
    if longest - 1 > most:
        raise ValueError(f"expected texts of at most {most} tokens, got {longest - 1}")
    found = []
    for first in range(0, len(rows), size):
        part = rows[first : first + size]
        width = max(map(len, part))
        ids = torch.tensor([row + [end] * (width - len(row)) for row in part])
        ids = ids.to(next(model.parameters()).device)
        log_probs = model(ids[:, :-1]).double().log_softmax(-1)
        log_probs = log_probs.gather(2, ids[:, 1:, None])[..., 0]
        counts = torch.arange(1, width) < torch.tensor([[len(row)] for row in part])
        found += torch.where(counts.to(ids.device), log_probs, 0).sum(1).tolist()
    return np.array(found)


def check_texts(texts: Iterable[str]) -> list[str]:
    """Return texts, at least one, none of them empty.

    Raises:
        ValueError: one text in place of several, none, or an empty one.
    """
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise ValueError(f"expected several texts, got {texts!r:.80}")
    found = [check_text(text, empty=False) for text in texts]
    if not found:
        raise ValueError("expected at least one text, got none")
    return found


def exposure(
    model: nn.Module, tokenizer: BPETokenizer, canary: str, candidates: Sequence[str]
) -> float:
    """Return how exposed a planted text is, in bits: log2 of N, less log2 of its rank.

    Of N candidates that are equally likely by how they were made, the canary has the rank 1 if the
    model finds none more probable: then it could be guessed at the first try, and the exposure is
    log2 N. A model that has not seen it gives it any rank: 1.4 bits on average, whatever N.

    Args:
        model: see `text_log_probs`.
        tokenizer: knows `END`.
        canary: a text that may have been in the training data.
        candidates: all texts of its form, the canary among them, each once.

    Raises:
        ValueError: fewer than two candidates, one that stands twice, a canary that is not among
            them, or texts that `text_log_probs` does not take.

    Source: Carlini et al. 2019, section 4.3, definition 4, with the exact rank.
    """
    if len(candidates) < 2 or len(set(candidates)) < len(candidates):
        raise ValueError(
            f"expected at least two candidates, each once, got {len(candidates)}, of which "
            f"{len(set(candidates))} differ"
        )
    if canary not in candidates:
        raise ValueError(f"expected a canary among the candidates, got {canary!r:.60}")
    log_probs = text_log_probs(model, tokenizer, candidates)
    own = log_probs[list(candidates).index(canary)]
    if np.isnan(log_probs).any():
        raise ValueError("expected a model that gives probabilities, got NaN")
    return math.log2(len(candidates)) - math.log2((log_probs >= own).sum())


# --------------------------------------------------------------------------------------- membership


def roc(scores_in: Sequence[float], scores_out: Sequence[float]) -> np.ndarray:
    """Return the share of outsiders and of members above each threshold: (K, 2), rising.

    Args:
        scores_in: of texts that were in the training data; higher speaks for membership.
        scores_out: of texts that were not.

    Raises:
        ValueError: no scores on a side, or a NaN.

    >>> roc([2.0, 1.0], [1.0, 0.0]).tolist()
    [[0.0, 0.0], [0.0, 0.5], [0.5, 1.0], [1.0, 1.0]]
    """
    inside, outside = check_scores(scores_in, scores_out)
    thresholds = np.unique(np.concatenate([inside, outside]))[::-1]
    rates = [[(outside >= t).mean(), (inside >= t).mean()] for t in thresholds]
    return np.array([[0.0, 0.0], *rates])


def membership_auc(
    scores_in: Sequence[float], scores_out: Sequence[float], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return how well scores tell members from outsiders: the area under the ROC, and an interval.

    It is the probability that a member has the higher score, a tie counting half: 0.5 is chance.

    Args:
        scores_in: of texts that were in the training data; higher speaks for membership.
        scores_out: of texts that were not.
        confidence: of the interval, between 0 and 1.

    Returns:
        The area, and the two ends of the interval.

    Raises:
        ValueError: no scores on a side, a NaN, or a confidence outside of 0 to 1.

    Source: the area, Mann and Whitney 1947; the interval, Newcombe 2006, method 5: all true areas
    from which what was found lies less than z standard deviations away.

    >>> membership_auc([3.0, 2.0], [1.0, 2.0])[0]
    0.875
    """
    inside, outside = check_scores(scores_in, scores_out)
    every = np.sort(outside)
    below = np.searchsorted(every, inside, "left") + np.searchsorted(every, inside, "right")
    found = float(below.mean() / (2 * len(outside)))
    z, pairs = z_value(confidence), len(inside) * len(outside)
    more = (len(inside) + len(outside)) / 2 - 1

    def far(true: float) -> float:
        """Return how much the squared distance exceeds z squared times the variance."""
        spread = 1 + more * ((1 - true) / (2 - true) + true / (1 + true))
        return (found - true) ** 2 - z**2 * true * (1 - true) * spread / pairs

    return found, _border(far, 0.0, found), _border(far, 1.0, found)


def _border(far: Callable[[float], float], outside: float, inside: float) -> float:
    """Return where a function turns from positive to negative, by halving."""
    if far(outside) <= 0:
        return outside
    for _ in range(60):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if far(middle) > 0 else (outside, middle)
    return (outside + inside) / 2


def check_scores(scores_in: Sequence[float], scores_out: Sequence[float]) -> list[np.ndarray]:
    """Return two lists of scores as arrays.

    Raises:
        ValueError: no scores, or a NaN.
    """
    found = []
    for name, scores in (("scores_in", scores_in), ("scores_out", scores_out)):
        array = check_array(name, scores, finite=False, truth=True)
        if array.ndim != 1 or not len(array):
            raise ValueError(f"expected {name} to be numbers (N,), got {scores!r:.80}")
        found.append(array)
    return found


# ----------------------------------------------------------------------------- differential privacy


def dp_epsilon(noise: float, sampling_rate: float, n_steps: int, delta: float) -> float:
    """Return the epsilon of DP-SGD: how far one example can move what a run shows.

    With an example or without it, nothing that can be seen of the model becomes more than e to the
    epsilon times as likely, except with the probability delta.

    Args:
        noise: standard deviation of the noise, in parts of the longest gradient; 0 gives infinity.
        sampling_rate: the probability that an example takes part in a step, 0 to 1.
        n_steps: of the run.
        delta: between 0 and 1; usually below 1 in the number of examples.

    Raises:
        ValueError: a number out of its range.

    Source: Mironov et al. 2019, for the steps; Balle et al. 2020, theorem 21, for epsilon.

    >>> round(dp_epsilon(1.0, 0.01, 1000, 1e-5), 2)
    2.1
    """
    check_number("noise", noise, least=0)
    q = check_number("sampling_rate", sampling_rate, least=0, most=1)
    check_integer("n_steps", n_steps, 0, 2**63 - 1)
    check_number("delta", delta, above=0, below=1)
    if not (q and n_steps):
        return 0.0
    if not noise:
        return math.inf
    if noise < LEAST_NOISE:  # as if all took part in each step: no less is lost
        lost = n_steps * ORDERS / 2 * min(1 / noise, 1e100) ** 2
    else:
        lost = n_steps * renyi_divergence(min(noise, MOST_NOISE), q)
    epsilon = lost + np.log1p(-1 / ORDERS) - np.log(delta * ORDERS) / (ORDERS - 1)
    return max(0.0, float(epsilon.min()))


def renyi_divergence(noise: float, sampling_rate: float) -> np.ndarray:
    """Return how far apart one step with and without an example can be, at each of `ORDERS`.

    What a step shows is a number from a normal distribution of this standard deviation. Without the
    example its mean is 0; with it, it is 1 if the example takes part. With r the ratio of the two
    densities, the divergence of order a is ln E[r^a] / (a - 1), an integral taken here by sums.
    """
    a, variance = ORDERS[:, None], noise**2
    low, high = -20 * noise, ORDERS.max() + 20 * noise
    x = np.linspace(low, high, min(2**17, int(8 * (high - low) / min(noise, variance)) + 2))
    shift = (2 * x - 1) / (2 * variance)
    with np.errstate(divide="ignore"):  # all examples take part: the logarithm of 0
        ratio = np.logaddexp(np.log1p(-sampling_rate), np.log(sampling_rate) + shift)
    density = -(x**2) / (2 * variance) - 0.5 * math.log(2 * math.pi * variance)
    values = a * ratio + density
    top = values.max(1, keepdims=True)
    sums = np.log(np.exp(values - top).sum(1)) + top[:, 0] + math.log(x[1] - x[0])
    return np.maximum(sums, 0) / (ORDERS - 1)


class DPSGD:
    """Gradient descent in which no example weighs more than the others, and noise hides each one.

    Args:
        model: its parameters that are trained.
        loss_fn: from the model and one example, its loss ().
        lr: learning rate.
        noise: standard deviation of the noise, in parts of `longest`.
        longest: to which length the gradient of an example is cut.
        batch_size: how many examples a step has on average; the sum is divided by it, whatever
            their number, since that number too would tell something.
        seed: of the noise.

    Raises:
        ValueError: a number out of its range.

    Source: Abadi et al. 2016, algorithm 1.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: Callable[[nn.Module, Tensor], Tensor],
        lr: float,
        noise: float,
        longest: float,
        batch_size: int,
        seed: int = 0,
    ):
        self.model, self.loss_fn = model, loss_fn
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        if not self.parameters:
            raise ValueError("expected a model with weights that are trained, got none")
        self.lr = check_number("lr", lr, above=0)
        self.noise = check_number("noise", noise, least=0)
        self.longest = check_number("longest", longest, above=0)
        self.batch_size = check_integer("batch_size", batch_size, 1)
        self.rng = torch.Generator().manual_seed(check_integer("seed", seed, 0, 2**63 - 1))

    def clipped(self, example: Tensor) -> tuple[list[Tensor], float]:
        """Return the gradient of one example, cut to `longest`, and its loss.

        Raises:
            ValueError: no loss () that the model's weights change, or a loss or gradient that is no
            finite number: it would spoil the sum.
        """
        value = self.loss_fn(self.model, example)
        if not isinstance(value, Tensor) or value.ndim or not value.requires_grad:
            raise ValueError(f"expected a loss () that weights change, got {value!r:.80}")
        gradients = torch.autograd.grad(
            value, self.parameters, allow_unused=True, materialize_grads=True
        )
        length = math.sqrt(sum(g.double().square().sum().item() for g in gradients))
        if not math.isfinite(length + value.item()):
            raise ValueError(f"expected a finite gradient, got one of length {length}")
        part = min(1.0, self.longest / length) if length else 1.0
        return [g * part for g in gradients], value.item()

    def step(self, examples: Sequence[Tensor] | Tensor) -> float:
        """Take a step on a batch, which may be empty, and return its mean loss (0 if empty)."""
        sums = [torch.zeros_like(p) for p in self.parameters]
        losses = []
        for example in examples:
            gradients, value = self.clipped(example)
            losses.append(value)
            for total, g in zip(sums, gradients, strict=True):
                total += g
        with torch.no_grad():
            for p, total in zip(self.parameters, sums, strict=True):
                hidden = torch.randn(p.shape, generator=self.rng).to(p)
                hidden *= self.noise * self.longest
                p -= self.lr * (total + hidden) / self.batch_size
        return sum(losses) / len(losses) if losses else 0.0
