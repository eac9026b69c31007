"""How short the tokens make a text."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lessons_lib.base.validation import check_ids, check_integer, check_text

__all__ = ["bits_per_byte", "tokens_per_word"]


def tokens_per_word(n_tokens: int, text: str) -> float:
    """Return tokens per word of `text`, a word being what stands between spaces.

    >>> tokens_per_word(6, "una casa azul")
    2.0
    """
    check_integer("n_tokens", n_tokens, 0)
    words = len(check_text(text).split())
    if not words:
        raise ValueError("expected a text with at least one word, got none")
    return n_tokens / words


def bits_per_byte(ids: Sequence[int], n_bytes: int) -> float:
    """Return the bits per byte of text that a code for single tokens needs.

    A token that makes up the share p of `ids` costs -log2 p bits: the least that a code can need
    when it knows how frequent each token is and nothing of what stands before it. Dividing by the
    bytes of the text makes vocabularies comparable, whatever their size.

    Args:
        ids: token ids of the text.
        n_bytes: length of the text in UTF-8 bytes.

    Raises:
        ValueError: no ids, or no bytes.

    Source: Shannon, "A Mathematical Theory of Communication", 1948, section 6 (entropy).

    >>> bits_per_byte([1, 1, 2, 2], n_bytes=8)
    0.5
    """
    counts = np.array(list(Counter(check_ids(ids)).values()))
    if not counts.size:
        raise ValueError("expected at least one token, got none")
    bits = np.sum(counts * np.log2(counts.sum() / counts))
    return float(bits / check_integer("n_bytes", n_bytes, 1))
