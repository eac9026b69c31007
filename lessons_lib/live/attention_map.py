"""The attention map: who attends to whom, for given queries and keys, with mask and temperature."""

import functools
from collections.abc import Sequence
from html import escape
from typing import ClassVar

import numpy as np
import traitlets

from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.live.figure import LiveFigure, decimal, html_table

__all__ = ["AttentionMap"]

MAX_TOKENS = 24  # as many rows and columns as a page can show
FALLBACK = {
    "en": {
        "caption": "Weights of the head “{}”: each row attends to the columns, causal mask on",
        "corner": "token",
    },
    "es": {
        "caption": "Pesos de la cabeza «{}»: cada fila atiende a las columnas, con máscara causal",
        "corner": "token",
    },
}


class AttentionMap(LiveFigure):
    """The weights of one of several heads as squares, those of one token as arcs, and why.

    The reader chooses the head, taps the token that looks or a square, whose query, key and product
    are drawn as strips, divides the scores by a temperature, and takes the causal mask on and off.
    At temperature 1 the numbers are those of `lessons_lib.attention.attention_weights`.

    Args:
        tokens: the labels of T tokens, 1 to 24.
        q: queries (H, T, K), an array, a tensor or lists.
        k: keys (H, T, K).
        heads: H names; by default the numbers from 1.
        token: index of the token that looks at first; by default the last.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: no tokens or too many, queries or keys of another shape or with numbers that
            are not finite, names that are not as many as the heads, or no such token.
    """

    slug = "attention_map"
    label: ClassVar = {"en": "Who attends to whom", "es": "Quién atiende a quién"}
    caption: ClassVar = {
        "en": "Attention weights: the softmax of how well each query fits each key.",
        "es": "Pesos de atención: el softmax de lo bien que cada consulta encaja con cada clave.",
    }

    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    heads = traitlets.List(traitlets.Unicode()).tag(sync=True)
    q = traitlets.List().tag(sync=True)
    k = traitlets.List().tag(sync=True)
    token = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        tokens: Sequence[str],
        q: Sequence,
        k: Sequence,
        heads: Sequence[str] | None = None,
        token: int | None = None,
        language: str = "en",
    ):
        if isinstance(tokens, str) or not 0 < len(tokens) <= MAX_TOKENS:
            raise ValueError(f"expected a sequence of 1 to {MAX_TOKENS} tokens, got {tokens!r:.80}")
        q, k = _numbers("q", q), _numbers("k", k)
        if q.ndim != 3 or 0 in q.shape or q.shape != k.shape or q.shape[1] != len(tokens):
            raise ValueError(
                f"expected q and k of shape (H, {len(tokens)}, K), got {q.shape} and {k.shape}"
            )
        heads = [str(head + 1) for head in range(len(q))] if heads is None else heads
        if isinstance(heads, str) or len(heads) != len(q):
            raise ValueError(f"expected {len(q)} names of heads, got {heads!r:.80}")
        token = len(tokens) - 1 if token is None else token
        if check_integer("token", token, 0) >= len(tokens):
            raise ValueError(f"expected a token from 0 to {len(tokens) - 1}, got {token}")
        super().__init__(
            tokens=[check_text(one, empty=False) for one in tokens],
            heads=[check_text(name, empty=False) for name in heads],
            q=q.tolist(),
            k=k.tolist(),
            token=token,
            language=language,
        )

    def _fallback(self) -> str:
        words = FALLBACK[self.language]
        q, k = np.array(self.q[0], float), np.array(self.k[0], float)
        scores = np.where(np.tri(len(q)) > 0, q @ k.T / np.sqrt(q.shape[1]), -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        short = functools.partial(decimal, digits=2, language=self.language)
        rows = [
            [escape(token), *(short(w) if s <= t else "–" for s, w in enumerate(row))]
            for t, (token, row) in enumerate(zip(self.tokens, weights, strict=True))
        ]
        table = html_table(
            words["caption"].format(self.heads[0]), [words["corner"], *self.tokens], rows
        )
        return f'<div class="live-scroll">{table}</div>'

    def __repr__(self) -> str:
        return (
            f"AttentionMap({len(self.tokens)} tokens, heads={self.heads!r}, token={self.token}, "
            f"language={self.language!r})"
        )


def _numbers(name: str, numbers: Sequence) -> np.ndarray:
    """Return an array of finite numbers; whole ones as integers, which are shorter in a page."""
    try:
        array = np.asarray(numbers, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"expected numbers (H, T, K) in {name}, got {numbers!r:.80}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite numbers in {name}, got {array[~np.isfinite(array)][0]}")
    whole = (array == array.round()).all() and (abs(array) < 2**53).all()
    return array.astype(np.int64) if whole else array
