"""What exercises hand to a learner's function, beside plain values.

These stand apart from the checks, which hold the solutions: a marked notebook sees the one and not
the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from lessons_lib.llama import Llama
from lessons_lib.training import Windows, evaluate

__all__ = [
    "Attention",
    "Denoiser",
    "HiddenLoss",
    "LettersLoss",
    "Onlooker",
    "Operation",
    "TableModel",
    "letters",
]


@dataclass(frozen=True)
class Attention:
    """An attention whose mask the learner does not see; `late` masks after the softmax.

    Args:
        name: what is printed for it.
        mask: which of T positions (rows) may see which, as T rows of T truth values.
        late: whether the weights are masked after the softmax.
    """

    name: str
    mask: tuple[tuple[bool, ...], ...]
    late: bool = False

    def __repr__(self) -> str:
        return self.name

    def __call__(self, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return (T, D) outputs for queries and keys (T, K) and values (T, D)."""
        scores = torch.tensor(np.asarray(q) @ np.asarray(k).T / np.sqrt(len(q[0])))
        mask = torch.tensor(self.mask)
        if self.late:
            return (scores.softmax(-1) * mask).numpy() @ np.asarray(v)
        return scores.masked_fill(~mask, -torch.inf).softmax(-1).numpy() @ np.asarray(v)


@dataclass(frozen=True)
class TableModel:
    """A model whose logits hang on the last token read, or on the first of the row.

    Args:
        name: what is printed for it.
        table: the V logits after each of V tokens.
        first: whether the first token of a row decides.
    """

    name: str
    table: tuple[tuple[float, ...], ...]
    first: bool = False

    def __repr__(self) -> str:
        return self.name

    def __call__(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Return (B, T, V) logits for (B, T) tokens."""
        ids = token_ids[:, :1].expand_as(token_ids) if self.first else token_ids
        return torch.tensor(self.table)[ids]


def letters(length: int) -> Windows:
    """Return windows of a text of four letters in an irregular order."""
    return Windows([(7 * i * i + i // 5) % 4 for i in range(240)], length)


class LettersLoss:
    """What a model loses on `letters`, in nats per token."""

    def __call__(self, model: Llama) -> float:
        """Return the mean loss of a model with a vocabulary of four."""
        return evaluate(model, letters(16), most=8)

    def __repr__(self) -> str:
        return "measure"


def _weights(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max())
    return exponentials / exponentials.sum()


# Each operation with what its rule makes of x and of the slopes that arrive; not all are right.
_OPERATIONS: dict[str, tuple[Callable, Callable]] = {
    "square": (lambda x: x * x, lambda x, arrived: 2 * x * arrived),
    "square, right at 1": (lambda x: x * x, lambda x, arrived: 2 * arrived),
    "exp": (np.exp, lambda x, arrived: np.exp(x) * arrived),
    "exp, arrivals forgotten": (np.exp, lambda x, arrived: np.exp(x)),
    "relu": (lambda x: np.maximum(x, 0), lambda x, arrived: (x > 0) * arrived),
    "relu, slopes cut": (lambda x: np.maximum(x, 0), lambda x, arrived: np.maximum(arrived, 0)),
    "relu, open below": (
        lambda x: np.maximum(x, 0),
        lambda x, arrived: np.where(x > 0, 1, 0.05) * arrived,
    ),
    "turn": (lambda x: np.roll(x, 1), lambda x, arrived: np.roll(arrived, -1)),
    "turn, on instead of back": (lambda x: np.roll(x, 1), lambda x, arrived: np.roll(arrived, 1)),
    "softmax": (
        _weights,
        lambda x, arrived: _weights(x) * (arrived - (_weights(x) * arrived).sum()),
    ),
    "softmax, each for itself": (
        _weights,
        lambda x, arrived: _weights(x) * (1 - _weights(x)) * arrived,
    ),
}


@dataclass(frozen=True)
class Operation:
    """An operation on a row of numbers, with a rule that takes slopes back, right or wrong.

    Args:
        name: what is printed for it.
        kind: which one it is.
    """

    name: str
    kind: str

    def __repr__(self) -> str:
        return self.name

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the result, as many numbers as `x` has."""
        return _OPERATIONS[self.kind][0](np.asarray(x, float))

    def slopes(self, x: np.ndarray, arrived: np.ndarray) -> np.ndarray:
        """Return what the rule says of the slopes at `x`, for slopes that arrive at the result."""
        return _OPERATIONS[self.kind][1](np.asarray(x, float), np.asarray(arrived, float))


@dataclass(frozen=True)
class HiddenLoss:
    """A loss over the tokens of a row whose mask the learner does not see.

    Args:
        name: what is printed for it.
        weights: how much each token counts.
        mean: whether the sum is divided by the weights' sum.
        constant: is added in any case.
    """

    name: str
    weights: tuple[float, ...]
    mean: bool = False
    constant: float = 0.0

    def __repr__(self) -> str:
        return self.name

    def __call__(self, log_probs: np.ndarray) -> float:
        """Return the loss of a row whose tokens have these log-probabilities."""
        weights = np.array(self.weights)
        total = -(weights * np.asarray(log_probs, float)).sum()
        return float(total / weights.sum() if self.mean else total) + self.constant


@dataclass(frozen=True)
class Onlooker:
    """A model that says how well a caption fits a picture, and looks at some of it only.

    Pictures and captions are tuples: the left thing, the right thing, the place.

    Args:
        name: what is printed for it.
        sees: the numbers of the parts that it compares, each with the part of the same number.
        bag: whether it asks of the two things only if they are there, wherever that is.
        offset: is added to every score.
    """

    name: str
    sees: tuple[int, ...]
    bag: bool = False
    offset: float = 0.0

    def __repr__(self) -> str:
        return self.name

    def __call__(self, picture: tuple[str, ...], caption: tuple[str, ...]) -> float:
        """Return the score: the parts that fit, of those that it sees."""
        if self.bag:
            fits = [word in picture for word in caption]
        else:
            fits = [word == shown for word, shown in zip(caption, picture, strict=True)]
        return sum(fits[part] for part in self.sees) + self.offset


@dataclass(frozen=True)
class Denoiser:
    """A model that removes noise from one number, as well as anybody can.

    It knows which numbers there are, and that all are equally likely.

    Args:
        name: what is printed for it.
        values: the numbers that noise was mixed with.
        predicts: what it says: "picture" (the number), "noise", or "velocity", their difference.
        off: is added to whatever it says.
    """

    name: str
    values: tuple[float, ...]
    predicts: str
    off: float = 0.0

    def __repr__(self) -> str:
        return self.name

    def __call__(self, z: float, t: float) -> float:
        """Return what it believes, for z = (1 - t) x + t noise.

        Raises:
            ValueError: a time outside 0 to 1, or 0, where there is nothing to remove.
        """
        if not 0 < t <= 1:
            raise ValueError(f"expected a time above 0 and at most 1, got {t!r:.80}")
        values = np.array(self.values)
        scores = -np.square(z - (1 - t) * values) / (2 * t**2)
        weights = np.exp(scores - scores.max())
        picture = float(weights @ values / weights.sum())
        noise = (z - (1 - t) * picture) / t
        said = {"picture": picture, "noise": noise, "velocity": noise - picture}
        return said[self.predicts] + self.off
