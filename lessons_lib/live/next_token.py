"""The next-token figure: a model's probabilities after some prefixes, under the usual settings."""

from collections.abc import Sequence
from html import escape
from typing import ClassVar

import numpy as np
import traitlets

from lessons_lib.base.validation import check_text
from lessons_lib.live.figure import LiveFigure, decimal, html_table, plain, visible

__all__ = ["NextToken"]

MAX_LOGITS = 20_000  # of all prefixes together, some 150 kB of a page
MAX_ROWS = 10
FALLBACK = {
    "en": {
        "caption": "The model's own probabilities after “{}”",
        "head": ["Next token", "Probability"],
        "others": "{} others",
    },
    "es": {
        "caption": "Probabilidades del propio modelo después de «{}»",
        "head": ["Token siguiente", "Probabilidad"],
        "others": "otros {}",
    },
}


class NextToken(LiveFigure):
    """The distribution of the next token as a staircase, cut by temperature, top-k, top-p, min-p.

    The cut line can be dragged. It opens after the prefix where the model doubts most.

    The numbers are those of `lessons_lib.generation.token_probs` on the logits, which are rounded
    to three decimals.

    Args:
        prefixes: N texts that the model has read, to choose from.
        logits: what it gave for the next token after each, (N, V), an array, a tensor or lists.
        tokens: the V tokens as bytes, in the order of their ids.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: no prefixes, logits of another shape, too many or not finite, or tokens that
            are no bytes.
    """

    slug = "next_token"
    label: ClassVar = {"en": "Which token comes next?", "es": "¿Qué token viene después?"}
    caption: ClassVar = {
        "en": "The model's distribution of the next token, and what the settings make of it.",
        "es": "La distribución del modelo para el token siguiente, y lo que hacen los ajustes.",
    }

    prefixes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    logits = traitlets.List().tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        prefixes: Sequence[str],
        logits: Sequence,
        tokens: Sequence[bytes],
        language: str = "en",
    ):
        if isinstance(prefixes, str) or not prefixes:
            raise ValueError(f"expected a sequence of prefixes, got {prefixes!r:.80}")
        if not all(isinstance(token, bytes) for token in tokens):
            raise ValueError(f"expected tokens as bytes, got {list(tokens)!r:.80}")
        try:
            rows = np.asarray(logits, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"expected numbers (N, V), got {logits!r:.80}") from None
        shape = (len(prefixes), len(tokens))
        if rows.shape != shape or not 0 < rows.size <= MAX_LOGITS:
            raise ValueError(
                f"expected logits of shape {shape}, 1 to {MAX_LOGITS} numbers, got {rows.shape}"
            )
        if not np.isfinite(rows).all():
            raise ValueError(f"expected finite logits, got {rows[~np.isfinite(rows)][0]}")
        super().__init__(
            prefixes=[check_text(prefix, empty=False) for prefix in prefixes],
            logits=(rows.round(3) + 0.0).tolist(),  # no -0.0
            tokens=[visible(token) for token in tokens],
            language=language,
        )

    def _fallback(self) -> str:
        words, say = FALLBACK[self.language], self.language
        # The prefix that the figure opens with: where the model doubts most there is most to cut.
        rows = np.array(self.logits)
        every = np.exp(rows - rows.max(-1, keepdims=True))
        every /= every.sum(-1, keepdims=True)
        doubts = -np.sum(every * np.log(np.where(every > 0, every, 1)), -1)
        prefix = int(doubts.argmax())
        probs = every[prefix]
        best = np.argsort(-probs, kind="stable")[:MAX_ROWS]
        rows = [[escape(self.tokens[i]), decimal(probs[i], 3, say)] for i in best]
        if len(probs) > MAX_ROWS:
            others = words["others"].format(plain(len(probs) - MAX_ROWS, say))
            rows.append([others, decimal(probs.sum() - probs[best].sum(), 3, say)])
        return html_table(words["caption"].format(self.prefixes[prefix]), words["head"], rows)

    def __repr__(self) -> str:
        return (
            f"NextToken({len(self.prefixes)} prefixes, {len(self.tokens)} tokens, "
            f"language={self.language!r})"
        )
