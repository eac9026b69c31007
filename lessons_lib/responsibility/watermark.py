"""A watermark in what is drawn: some tokens are green, and a marked text has too many of them."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from lessons_lib.base.validation import MOST_NUMBERS, check_ids, check_integer, check_number

KEY = 15_485_863  # the one millionth prime, the usual default


class Watermark:
    """Green lists, drawn anew after each token from a secret key and that token.

    Who knows the key sees a marked text in its share of green tokens. Who does not sees text.

    Args:
        vocab_size: V of the model.
        ratio: share of the tokens that are green.
        bias: added to the logits of green tokens; 0 marks nothing.
        key: the secret, from 1 on.

    Raises:
        ValueError: a number out of its range, or a ratio that leaves no token green.

    Source: Kirchenbauer et al. 2023, algorithm 2, with the lists of `transformers`
    (`WatermarkingConfig`, `seeding_scheme="lefthash"`, `context_width=1`).

    >>> mark = Watermark(vocab_size=8, ratio=0.5)
    >>> len(mark.green(3)), mark.process([3], torch.zeros(8)).sum()
    (4, tensor(8.))
    """

    def __init__(self, vocab_size: int, ratio: float = 0.25, bias: float = 2.0, key: int = KEY):
        self.vocab_size = check_integer("vocab_size", vocab_size, 1, MOST_NUMBERS)
        self.ratio = check_number("ratio", ratio, above=0, below=1)
        self.bias = check_number("bias", bias, least=0, most=1e4)
        self.key = check_integer("key", key, 1, 2**40)
        self.n_green = int(vocab_size * ratio)
        if not self.n_green:
            raise ValueError(f"expected a ratio that makes some of {vocab_size} green, got {ratio}")

    def green(self, before: int) -> Tensor:
        """Return the ids (G,) that are green after a token."""
        seed = self.key * check_integer("before", before, 0, self.vocab_size - 1)
        rng = torch.Generator().manual_seed(seed % (2**64 - 1))
        return torch.randperm(self.vocab_size, generator=rng)[: self.n_green]

    def process(self, token_ids: list[int] | Tensor, logits: Tensor) -> Tensor:
        """Return logits in which the green tokens are more probable.

        Args:
            token_ids: the text so far, (T,) or (B, T); at least one token.
            logits: (V,) or (B, V), of the next token; they stay as they are.

        Raises:
            ValueError: no token, ids that are none, or logits of another shape.
        """
        if not isinstance(logits, Tensor) or not logits.is_floating_point():
            got = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(f"expected a tensor of floating-point logits, got {got}")
        try:
            ids = torch.as_tensor(token_ids)
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(f"expected rows of token ids, got {token_ids!r:.80}") from None
        rows = ids[None] if ids.ndim == 1 else ids
        marks = torch.zeros_like(logits)
        if rows.ndim != 2 or not rows.shape[1] or marks.shape != (*ids.shape[:-1], self.vocab_size):
            raise ValueError(
                f"expected token ids (B, T) and logits (B, {self.vocab_size}), got "
                f"{tuple(ids.shape)} and {tuple(logits.shape)}"
            )
        lists = marks[None] if ids.ndim == 1 else marks
        for i, last in enumerate(rows[:, -1].tolist()):
            lists[i, self.green(last)] = self.bias
        return logits + marks

    def count(self, token_ids: list[int] | Tensor) -> tuple[int, int]:
        """Return how many tokens of a text (T,) are green, and how many were asked about: T - 1."""
        ids = check_ids(token_ids, self.vocab_size)
        lists = {before: set(self.green(before).tolist()) for before in set(ids[:-1])}
        return sum(after in lists[before] for before, after in pairwise(ids)), len(ids) - 1

    def z_score(self, token_ids: list[int] | Tensor) -> float:
        """Return by how many standard deviations a text (T,) has more green tokens than by chance.

        A text that was not marked has about the standard normal distribution, if its pairs of
        tokens do not repeat; where they do, it scatters more.

        Raises:
            ValueError: fewer than two tokens, or ids that are none.

        Source: Kirchenbauer et al. 2023, equation 3.
        """
        green, n = self.count(token_ids)
        if n < 1:
            raise ValueError(f"expected at least two tokens, got {n + 1}")
        return (green - self.ratio * n) / math.sqrt(n * self.ratio * (1 - self.ratio))
