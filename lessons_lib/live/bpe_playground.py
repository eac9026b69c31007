"""The BPE playground: type text and watch the merges of a vocabulary happen, one by one."""

from collections.abc import Mapping
from html import escape
from typing import ClassVar, Protocol

import traitlets

from lessons_lib.base.validation import check_text
from lessons_lib.live.figure import LiveFigure, decimal, html_table, plain, visible
from lessons_lib.tokens import GPT2_PATTERN

__all__ = ["BPEPlayground"]

MAX_CHARACTERS = 20_000
TEXT = {
    "en": "Once upon a time, a little fox didn't want to sleep.",
    "es": "Había una vez una niña que no quería dormir.",
}
FALLBACK = {
    "en": {
        "caption": "The text “{}” in each vocabulary",
        "head": ["Vocabulary", "Tokens", "Number", "Bytes per token"],
    },
    "es": {
        "caption": "El texto «{}» con cada vocabulario",
        "head": ["Vocabulario", "Tokens", "Cantidad", "Bytes por token"],
    },
}


class Tokenizer(Protocol):
    """What the playground needs of a tokenizer; `lessons_lib.tokens.BPETokenizer` has it."""

    vocab: Mapping[int, bytes]
    merges: list[tuple[bytes, bytes]]
    pattern: str

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`."""


class BPEPlayground(LiveFigure):
    """A text box whose text becomes tokens, merge by merge, with one of several vocabularies.

    A merge slides two boxes into one, unless the reader wants no motion.

    Each step takes the earliest learned merge that fits anywhere in the text and applies it
    everywhere. The last step has the ids that ``tokenizer.encode(text)`` gives.

    Args:
        tokenizers: a name for each tokenizer, in the order to offer them. Their special tokens play
            no part.
        text: what stands in the box at first, at most 20,000 characters; a sentence by default.
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: no tokenizers, one with another pattern than `GPT2_PATTERN` or without all the
            bytes, a merge of tokens that are not in its vocabulary, too much text, or something
            that is not text.
    """

    slug = "bpe_playground"
    label: ClassVar = {"en": "BPE playground", "es": "Laboratorio de BPE"}
    caption: ClassVar = {
        "en": "Byte-pair encoding, one merge at a time.",
        "es": "Codificación por pares de bytes (BPE), fusión a fusión.",
    }

    vocabularies = traitlets.List(traitlets.Dict()).tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, tokenizers: Mapping[str, Tokenizer], text: str | None = None, language: str = "en"
    ):
        if not isinstance(tokenizers, Mapping) or not tokenizers:
            raise ValueError(f"expected named tokenizers ({{name: tokenizer}}), got {tokenizers!r}")
        vocabularies = [_vocabulary(name, tokenizer) for name, tokenizer in tokenizers.items()]
        super().__init__(vocabularies=vocabularies, language=language)
        self.text = TEXT[language] if text is None else text
        self._tokenizers = dict(tokenizers)

    @traitlets.validate("text")
    def _check_text(self, proposal: traitlets.Bunch) -> str:
        if len(check_text(proposal["value"])) > MAX_CHARACTERS:
            raise ValueError(
                f"expected at most {MAX_CHARACTERS} characters, got {len(proposal['value'])}"
            )
        return proposal["value"]

    def _fallback(self) -> str:
        words = FALLBACK[self.language]
        rows = []
        for name, tokenizer in self._tokenizers.items():
            tokens = [tokenizer.vocab[i] for i in tokenizer.encode(self.text)]
            chips = " ".join(f'<span class="live-chip">{escape(visible(t))}</span>' for t in tokens)
            n_bytes = len(self.text.encode())
            ratio = decimal(n_bytes / len(tokens), 2, self.language) if tokens else "–"
            rows.append([escape(name), chips, plain(len(tokens), self.language), ratio])
        return html_table(words["caption"].format(self.text), words["head"], rows)

    def __repr__(self) -> str:
        names = ", ".join(repr(vocabulary["label"]) for vocabulary in self.vocabularies)
        return f"BPEPlayground({names}; {len(self.text)} characters, language={self.language!r})"


def _vocabulary(name: str, tokenizer: Tokenizer) -> dict:
    """Return the ids of the 256 bytes and, for each merge, those of left, right and whole."""
    if not check_text(name):
        raise ValueError("expected a name for each tokenizer, got an empty one")
    if tokenizer.pattern != GPT2_PATTERN:
        raise ValueError(f"expected a tokenizer with GPT2_PATTERN, got {tokenizer.pattern!r}")
    ids = {token: i for i, token in sorted(tokenizer.vocab.items(), reverse=True)}
    try:
        single = [ids[bytes([byte])] for byte in range(256)]
        merges = [[ids[a], ids[b], ids[a + b]] for a, b in tokenizer.merges]
    except KeyError as error:
        raise ValueError(f"expected a vocabulary with the token {error.args[0]!r}") from None
    return {"bytes": single, "label": name, "merges": merges, "size": len(tokenizer.vocab)}
