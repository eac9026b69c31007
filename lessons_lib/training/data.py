"""Tokens in windows, and what a model loses on them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lessons_lib.base.validation import check_integer, check_positions
from lessons_lib.gpt import loss


class Windows:
    """A long row of tokens, read in windows of T + 1: T to read, and each one's successor.

    Args:
        token_ids: (N,), integers.
        length: T.
        starts: where windows may begin, such as the beginnings of stories. By default windows lie
            side by side, from another first token in each round.

    Raises:
        ValueError: a row shorter than one window, no place for a window to begin, or one of either
            that is no integer from 0 on; in the methods, a number out of range.
    """

    def __init__(self, token_ids: Tensor | Sequence[int], length: int, starts=None):
        self.token_ids = check_positions("token_ids", token_ids)
        self.length = check_integer("length", length, 1)
        self.last = len(self.token_ids) - length - 1  # the last place for a window
        if self.last < 0:
            raise ValueError(
                f"expected at least {length + 1} tokens for a window, got {len(self.token_ids)}"
            )
        self.starts = None
        if starts is not None:
            starts = check_positions("starts", starts)
            self.starts = starts[starts <= self.last]
            if not len(self.starts):
                raise ValueError(f"expected a start of at most {self.last}, got none")
        self._order = (None, None)  # the last round asked for, and its order

    def __repr__(self) -> str:
        """Return what it holds: how many tokens, and in windows of what length."""
        return f"Windows({len(self.token_ids):,} tokens, length {self.length})"

    def __len__(self) -> int:
        """Return the number of windows in one round through the data."""
        return self.last // self.length + 1 if self.starts is None else len(self.starts)

    @property
    def n_tokens(self) -> int:
        """How many tokens there are to learn from."""
        return len(self.token_ids)

    @property
    def all_tokens(self) -> Tensor:
        """All tokens to learn from, in memory: (N,)."""
        return self.token_ids

    def checksum(self) -> int:
        """Return a number that most often differs where the tokens differ."""
        place = torch.arange(len(self.token_ids)) % 8191 + 1
        return int((self.token_ids * place).sum())

    def order(self, round_: int, seed: int) -> Tensor:
        """Return the shuffled starts of a round, the same for the same seed."""
        check_integer("round_", round_, 0)
        check_integer("seed", seed, 0)
        if self._order[0] != (round_, seed):
            rng = torch.Generator().manual_seed((seed * 1_000_003 + round_) % 2**64)
            starts = self.starts
            if starts is None:
                slack = self.last - (len(self) - 1) * self.length
                first = torch.randint(slack + 1, (), generator=rng)
                starts = first + self.length * torch.arange(len(self))
            shuffled = starts[torch.randperm(len(starts), generator=rng)]
            self._order = ((round_, seed), shuffled)
        return self._order[1]

    def batch(self, step: int, size: int, seed: int = 0) -> Tensor:
        """Return the windows of one step, (B, T + 1).

        What they are depends on the arguments only. So a run that starts again at some step goes
        on with the data that would have come.
        """
        check_integer("step", step, 0)
        check_integer("size", size, 1)
        places = range(step * size, (step + 1) * size)
        starts = [self.order(i // len(self), seed)[i % len(self)] for i in places]
        return self.rows(torch.stack(starts))

    def rows(self, starts: Tensor) -> Tensor:
        """Return the windows (B, T + 1) that begin at `starts` (B,)."""
        starts = check_positions("starts", starts, self.last + 1)
        return self.token_ids[starts[:, None] + torch.arange(self.length + 1)]


@torch.no_grad()
def evaluate(model: nn.Module, data: Windows, most: int = 64, size: int = 16) -> float:
    """Return the mean loss on windows that lie evenly in `data`, in nats per token.

    Args:
        model: as for `loss`.
        data: what to predict.
        most: how many windows to use at most.
        size: B, how many at a time.

    Raises:
        ValueError: a number below 1.
    """
    check_integer("most", most, 1)
    check_integer("size", size, 1)
    places = torch.linspace(0, data.last, min(most, len(data)), dtype=torch.float64).long()
    if data.starts is not None:
        places = data.starts[: min(most, len(data))]
    rows = data.rows(places).to(next(model.parameters()).device)
    return sum(loss(model, part).item() * len(part) for part in rows.split(size)) / len(rows)
