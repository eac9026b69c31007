"""The n-gram lab: how surprised a model that counts characters is by what the reader types."""

import math
from collections.abc import Sequence
from html import escape
from typing import ClassVar

import numpy as np
import traitlets

from lessons_lib.base.validation import check_integer
from lessons_lib.live.figure import LiveFigure, check_prompts, decimal, html_table, visible
from lessons_lib.ngrams import NGram, add_k_probs, cross_entropy, perplexity
from lessons_lib.tokens import CharTokenizer

__all__ = ["NGramLab"]

MAX_CHARACTERS = 60_000  # counted in the page, in five orders
MAX_ORDER = 5
SMOOTHINGS = ("none", "add-k", "witten-bell")
LEAST_K, MOST_K = 1e-4, 10.0
FALLBACK = {
    "en": {
        "caption": "Order {}, smoothing {}: cross-entropy {} nats per character, perplexity {}",
        "head": ["Character", "Surprise in nats"],
        "none": "none",
        "add-k": "add-k",
        "witten-bell": "Witten-Bell",
    },
    "es": {
        "caption": "Orden {}, suavizado {}: entropía cruzada {} nats por carácter, perplejidad {}",
        "head": ["Carácter", "Sorpresa en nats"],
        "none": "ninguno",
        "add-k": "suma k",
        "witten-bell": "Witten-Bell",
    },
}


class NGramLab(LiveFigure):
    """A text box that shows how surprising each typed character is for an n-gram model.

    The model counts characters in a given text. Its numbers are those of `lessons_lib.ngrams`: of
    `NGram` with Witten and Bell's smoothing, and of `add_k_probs` on the counts of one order with
    add-k or (k = 0) without smoothing. At the start of what was typed, the context is as long as
    there is text. Characters that the counted text lacks are left out.

    Args:
        text: the text to count in, 1 to 60,000 characters (code points).
        prompts: texts to try; the first stands in the box. By default, how `text` begins.
        n: the order at first, 1 to 5; a slider changes it.
        smoothing: ``"none"``, ``"add-k"`` or ``"witten-bell"`` at first.
        k: what add-k adds at first, from 0.0001 to 10.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: empty or too much text, no prompts, an order, a smoothing or a k that there is
            not, or something that is not text.
    """

    slug = "ngram_lab"
    label: ClassVar = {"en": "How surprised is the model?", "es": "¿Cuánto se sorprende el modelo?"}
    caption: ClassVar = {
        "en": "Surprise, cross-entropy and perplexity of a model that counts characters.",
        "es": "Sorpresa, entropía cruzada y perplejidad de un modelo que cuenta caracteres.",
    }

    text = traitlets.Unicode().tag(sync=True)
    prompts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    n = traitlets.Int(3).tag(sync=True)
    smoothing = traitlets.Unicode("witten-bell").tag(sync=True)
    k = traitlets.Float(0.1).tag(sync=True)

    def __init__(
        self,
        text: str,
        prompts: Sequence[str] | None = None,
        n: int = 3,
        smoothing: str = "witten-bell",
        k: float = 0.1,
        language: str = "en",
    ):
        prompts = check_prompts(text, prompts, MAX_CHARACTERS)
        if check_integer("n", n, 1) > MAX_ORDER:
            raise ValueError(f"expected n from 1 to {MAX_ORDER}, got {n}")
        if smoothing not in SMOOTHINGS:
            raise ValueError(f"expected one of {SMOOTHINGS}, got {smoothing!r}")
        if not LEAST_K <= k <= MOST_K:
            raise ValueError(f"expected k from {LEAST_K} to {MOST_K}, got {k}")
        super().__init__(
            text=text,
            prompts=prompts,
            n=n,
            smoothing=smoothing,
            k=float(k),
            language=language,
        )

    def surprises(self, text: str) -> tuple[str, np.ndarray]:
        """Return the characters of `text` that the model knows, and the surprise of each in nats.

        The smoothing, the order and k are those that the figure starts with.
        """
        tokenizer = CharTokenizer(self.text)
        characters = "".join(c for c in text if c in tokenizer.ids)
        typed, size = tokenizer.encode(characters), tokenizer.vocab_size
        model = NGram(tokenizer.encode(self.text), self.n, size)
        if self.smoothing == "witten-bell":
            return characters, model.surprises(typed)
        k = self.k if self.smoothing == "add-k" else 0
        surprises = []
        for i, token in enumerate(typed):
            context = tuple(typed[max(0, i - self.n + 1) : i])
            counts = model.counts[len(context)].get(context)
            p = add_k_probs(counts or {}, size, k)[token] if counts or k else 0
            surprises.append(-math.log(p) if p else math.inf)
        return characters, np.array(surprises)

    def _fallback(self) -> str:
        words = FALLBACK[self.language]
        characters, surprises = self.surprises(self.prompts[0])
        rows = [
            [escape(visible(c.encode())), decimal(nats, 2, self.language)]
            for c, nats in zip(characters, surprises, strict=True)
        ]
        means = ["–", "–"]
        if rows:
            mean, unsure = cross_entropy(surprises), perplexity(surprises)
            means = [decimal(mean, 3, self.language), decimal(unsure, 2, self.language)]
        caption = words["caption"].format(self.n, words[self.smoothing], *means)
        return html_table(caption, words["head"], rows)

    def __repr__(self) -> str:
        return (
            f"NGramLab({len(self.text)} characters, prompts={self.prompts!r}, n={self.n}, "
            f"smoothing={self.smoothing!r}, k={self.k:g}, language={self.language!r})"
        )
