"""A language model by counting: n-grams, how good they are, and how far counting gets.

The chapter `ngrams`. It adds to the tokens of the chapter before a probability for each next token,
and the measures that every later chapter uses: cross-entropy, perplexity and bits per byte.

Letters: V is the size of the vocabulary, n the order of the model: it looks back n - 1 tokens.
Logarithms are natural, so surprises are in *nats*; 1 nat is 1 / ln 2 = 1.443 bits.

Sources:
    Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27, 1948: the
        entropy of a source, and text drawn from n-gram counts.
    Witten and Bell, "The Zero-Frequency Problem: Estimating the Probabilities of Novel Events in
        Adaptive Text Compression", IEEE Transactions on Information Theory 37(4), 1991: method C,
        the smoothing used here, from Moffat, "Implementing the PPM Data Compression Scheme", IEEE
        Transactions on Communications 38(11), 1990.
    Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", Computer
        Speech and Language 13, 1999, section 2.5: the same rule written as a mixture of orders.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from lessons_lib.base.validation import (
    check_array,
    check_counts,
    check_ids,
    check_integer,
    check_number,
    check_probs,
)

__all__ = [
    "NGram",
    "add_k_probs",
    "count_ngrams",
    "cross_entropy",
    "nats_to_bits_per_byte",
    "perplexity",
    "sample_tokens",
    "witten_bell_probs",
]


def count_ngrams(ids: Sequence[int], n: int) -> dict[tuple[int, ...], Counter]:
    """Count which token follows each context of n - 1 tokens.

    Args:
        ids: token ids of a text.
        n: the order, at least 1; an order of 1 has a single, empty context.

    Returns:
        For each context, how often each token follows it. A context that stands only at the very
        end of the text is not there: nothing follows it.

    Raises:
        ValueError: ids that are no integers, or an order below 1.

    >>> count_ngrams([5, 6, 5, 6, 7], 2)[6,]
    Counter({5: 1, 7: 1})
    """
    ids, n = check_ids(ids), check_integer("n", n, 1)
    counts = defaultdict(Counter)
    for end in range(n - 1, len(ids)):
        counts[tuple(ids[end - n + 1 : end])][ids[end]] += 1
    return dict(counts)


def add_k_probs(counts: Counter, vocab_size: int, k: float = 1.0) -> np.ndarray:
    """Return probabilities in which every token was seen k times more than it was.

    Args:
        counts: how often each token followed.
        vocab_size: V.
        k: what is added to each count, at least 0; with 0 these are plain shares.

    Returns:
        V probabilities that add up to 1.

    Raises:
        ValueError: a k that is negative or not finite, nothing counted and k = 0, a token outside
            ``0 .. V - 1``, or a count that is no integer from 0 on.

    Source: Laplace's rule of succession for k = 1; Lidstone's for other k.

    >>> add_k_probs(Counter({0: 3}), 2)
    array([0.8, 0.2])
    """
    check_counts(counts, check_integer("vocab_size", vocab_size, 1))
    if not (check_number("k", k, least=0) or sum(counts.values())):
        raise ValueError(f"expected k above 0 without counts, got {k}")
    probs = np.full(vocab_size, float(k))
    for token, count in counts.items():
        probs[token] += count
    return probs / probs.sum()


def witten_bell_probs(counts: Counter, shorter: np.ndarray) -> np.ndarray:
    """Mix what followed this context with what the shorter context says.

    A context in which many different tokens have followed is likely to be followed by a new one. So
    the shorter context gets the weight T / (N + T): N is how often the context was seen, T how many
    different tokens followed it.

    Args:
        counts: how often each token followed this context; may be empty.
        shorter: probabilities (V,) of the context without its first token.

    Returns:
        V probabilities that add up to 1.

    Raises:
        ValueError: a token outside ``0 .. V - 1``, a count that is no integer from 0 on, or shorter
            probabilities that are none.

    Source: Witten and Bell 1991, method C; Chen and Goodman 1999, section 2.5.

    >>> witten_bell_probs(Counter({0: 3}), np.array([0.5, 0.5]))
    array([0.875, 0.125])
    """
    check_counts(counts, len(check_probs("shorter", np.asarray(shorter))))
    kinds, seen = sum(n > 0 for n in counts.values()), sum(counts.values())
    if not kinds:
        return np.array(shorter, dtype=float)
    probs = kinds * np.asarray(shorter)
    for token, count in counts.items():
        probs[token] += count
    return probs / (seen + kinds)


class NGram:
    """An n-gram model: counts of all orders up to n, mixed by Witten and Bell's rule.

    Args:
        ids: token ids to count in.
        n: the order; the model looks back n - 1 tokens.
        vocab_size: V.

    Attributes:
        n: the order. A lower one may be set later: the counts of all lower orders are there.
        vocab_size: V.
        counts: what `count_ngrams` gives, for the orders 1, 2, ... in turn.

    Raises:
        ValueError: an order or a V below 1, or ids outside ``0 .. V - 1``; the methods raise it for
            such ids too.

    >>> model = NGram([0, 1, 0, 1, 0], n=2, vocab_size=3)
    >>> model.probs([1]).round(3)
    array([0.841, 0.127, 0.032])
    """

    def __init__(self, ids: Sequence[int], n: int, vocab_size: int):
        self.n, self.vocab_size = check_integer("n", n, 1), check_integer("V", vocab_size, 1)
        ids = check_ids(ids, vocab_size)
        self.counts = [count_ngrams(ids, order) for order in range(1, n + 1)]

    def counts_after(self, context: Sequence[int]) -> Iterator[Counter]:
        """Yield what followed the end of `context`: no token of it, the last, the last two, ..."""
        end = check_ids(context[max(0, len(context) - self.n + 1) :], self.vocab_size)
        for length in range(len(end) + 1):
            if counts := self.counts[length].get(tuple(end[len(end) - length :])):
                yield counts

    def probs(self, context: Sequence[int]) -> np.ndarray:
        """Return the probabilities (V,) of the next token after `context`."""
        probs = np.full(self.vocab_size, 1 / self.vocab_size)
        for counts in self.counts_after(context):
            probs = witten_bell_probs(counts, probs)
        return probs

    def surprises(self, ids: Sequence[int]) -> np.ndarray:
        """Return -ln p of each token of `ids` after those before it, in nats."""
        ids = check_ids(ids, self.vocab_size)
        probs = np.full(len(ids), 1 / self.vocab_size)
        for i, token in enumerate(ids):
            for counts in self.counts_after(ids[max(0, i - self.n + 1) : i]):
                probs[i] = (counts[token] + len(counts) * probs[i]) / (counts.total() + len(counts))
        return -np.log(probs)


def sample_tokens(model: NGram, context: Sequence[int], n_tokens: int, seed: int = 0) -> list[int]:
    """Draw tokens one after the other, each from the model's `probs` of what stands before it.

    Args:
        model: has `vocab_size` and `probs`.
        context: token ids to begin after; may be empty.
        n_tokens: how many to draw.
        seed: the same seed draws the same tokens.

    Returns:
        The new token ids, without those of `context`.

    Raises:
        ValueError: a negative number of tokens or seed, or ids outside the model's vocabulary.
    """
    draw, ids = np.random.default_rng(check_integer("seed", seed, 0)), check_ids(context)
    start = len(ids)
    for _ in range(check_integer("n_tokens", n_tokens, 0)):
        ids.append(int(draw.choice(model.vocab_size, p=model.probs(ids))))
    return ids[start:]


def cross_entropy(surprises: Sequence[float]) -> float:
    """Return the mean surprise, in nats per token.

    Args:
        surprises: -ln p of each token that really came, in nats.

    Raises:
        ValueError: no surprises, or one that is no number; infinity is the surprise at p = 0.

    Source: Shannon 1948, section 7; the loss of all language models since.

    >>> cross_entropy([0.5, 1.5])
    1.0
    """
    if not len(surprises):
        raise ValueError("expected the surprise of at least one token, got none")
    return float(np.mean(check_array("surprises", surprises, finite=False)))


def perplexity(surprises: Sequence[float]) -> float:
    """Return e to the cross-entropy: as if choosing among so many equally likely tokens.

    Args:
        surprises: -ln p of each token that really came, in nats.

    Returns:
        The perplexity, infinite where a float cannot hold it.

    Raises:
        ValueError: as `cross_entropy`.

    >>> round(perplexity([math.log(8)] * 5), 6)
    8.0
    """
    try:
        return math.exp(cross_entropy(surprises))
    except OverflowError:
        return math.inf


def nats_to_bits_per_byte(nats: float, n_bytes: int) -> float:
    """Return bits per byte of text: comparable between models with different tokens.

    Args:
        nats: the sum of the surprises of a text's tokens, in nats.
        n_bytes: length of the text in UTF-8 bytes.

    Raises:
        ValueError: fewer than 1 byte, or nats that are no number.

    >>> round(nats_to_bits_per_byte(8 * math.log(2), 4), 6)
    2.0
    """
    check_array("nats", nats, finite=False)
    return nats / math.log(2) / check_integer("n_bytes", n_bytes, 1)
