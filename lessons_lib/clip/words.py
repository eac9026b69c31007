"""Captions as token ids: one for each word."""

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lessons_lib.base.files import write_atomic
from lessons_lib.base.hub import read_json
from lessons_lib.base.validation import check_ids, check_integer, check_text

SPECIAL = ("<|pad|>", "<|begin|>", "<|unknown|>", "<|end|>")
PAD, BEGIN, UNKNOWN, END = range(4)


class WordTokenizer:
    """One token for each word of a small vocabulary, and one for all other words.

    Capital letters and punctuation make no difference. A caption becomes a begin, its words and an
    end.

    Args:
        words: the vocabulary, in the order of its ids, which begin at 4.

    Raises:
        ValueError: no words, one twice, or one that is not lower-case letters alone.

    >>> tokenizer = WordTokenizer(["a", "ball", "red"])
    >>> tokenizer.encode("A red ball!")
    [1, 4, 6, 5, 3]
    """

    def __init__(self, words: Iterable[str]):
        self.words = [check_text(word) for word in words]
        for word in self.words:
            if split(word) != [word]:
                raise ValueError(f"expected words of lower-case letters, got {word!r:.80}")
        if not self.words or len(set(self.words)) < len(self.words):
            raise ValueError(f"expected different words, at least one, got {self.words!r:.80}")
        self.ids = {word: len(SPECIAL) + i for i, word in enumerate(self.words)}

    @property
    def vocab_size(self) -> int:
        """V, the words and the four special tokens."""
        return len(SPECIAL) + len(self.words)

    @property
    def end_id(self) -> int:
        """The token that ends a caption."""
        return END

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a caption that are not in the vocabulary."""
        return [word for word in split(check_text(text)) if word not in self.ids]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a caption.

        Raises:
            ValueError: no text, no words in it, or none that is known.
        """
        ids = [self.ids.get(word, UNKNOWN) for word in split(check_text(text))]
        if set(ids) <= {UNKNOWN}:
            raise ValueError(f"expected a caption with some known word, got {text!r:.80}")
        return [BEGIN, *ids, END]

    def batch(self, texts: Sequence[str], most: int | None = None) -> Tensor:
        """Return the ids of captions (N, T), the shorter ones filled up behind their end.

        Args:
            texts: the captions.
            most: T may not be more.

        Raises:
            ValueError: one text in place of a sequence, none, a caption as `encode` refuses, or one
                that is too long.
        """
        several = isinstance(texts, Iterable) and not isinstance(texts, str)
        if not several or not (texts := list(texts)):
            raise ValueError(f"expected a sequence of captions, got {texts!r:.80}")
        rows = [self.encode(text) for text in texts]
        length = max(map(len, rows))
        if most is not None and length > check_integer("most", most, 1):
            text = texts[max(range(len(rows)), key=lambda i: len(rows[i]))]
            raise ValueError(
                f"expected captions of at most {most - 2} words, got {length - 2}: {text!r:.80}"
            )
        return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words with these ids, those of begin, end and padding left out.

        Raises:
            ValueError: an id outside of the vocabulary.
        """
        tokens = [*SPECIAL, *self.words]
        found = check_ids(ids, self.vocab_size)
        return " ".join(tokens[i] for i in found if i not in (PAD, BEGIN, END))

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write tokenizer.json and tokenizer_config.json, which `transformers` opens."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        names = ("pad_token", "bos_token", "unk_token", "eos_token")
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            **dict(zip(names, SPECIAL, strict=True)),
        }
        for name, entries in (("tokenizer", self._file()), ("tokenizer_config", settings)):
            text = json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
            write_atomic(folder / f"{name}.json", text.encode())

    def _file(self) -> dict:
        """Return what tokenizer.json says, as the package `tokenizers` reads it."""
        special = [
            {"id": i, "content": token, "special": True, "normalized": False}
            | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
            for i, token in enumerate(SPECIAL)
        ]
        part = lambda i: {"SpecialToken": {"id": SPECIAL[i], "type_id": 0}}  # noqa: E731
        ends = {SPECIAL[i]: {"id": SPECIAL[i], "ids": [i], "tokens": [SPECIAL[i]]} for i in (1, 3)}
        single = [part(BEGIN), {"Sequence": {"id": "A", "type_id": 0}}, part(END)]
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": {
                "type": "Sequence",
                "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}],
            },
            "pre_tokenizer": {
                "type": "Split",
                "pattern": {"Regex": _WORD},
                "behavior": "Removed",
                "invert": True,
            },
            "post_processor": {
                "type": "TemplateProcessing",
                "single": single,
                "pair": single,
                "special_tokens": ends,
            },
            "decoder": None,
            "model": {
                "type": "WordLevel",
                "vocab": dict(zip(SPECIAL, range(4), strict=True)) | self.ids,
                "unk_token": SPECIAL[UNKNOWN],
            },
        }

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "WordTokenizer":
        """Read what `save_pretrained` wrote.

        Raises:
            ValueError: no such file, or one of another kind of tokenizer.
        """
        path = Path(folder) / "tokenizer.json"
        file = read_json(path)
        model = file.get("model")
        vocab = model.get("vocab") if isinstance(model, dict) else None
        if not isinstance(vocab, dict) or model.get("type") != "WordLevel":
            raise ValueError(f"expected the vocabulary of a WordTokenizer in {path}, got another")
        tokens = sorted(vocab, key=lambda token: (str(vocab[token]).zfill(9), token))
        if (
            list(vocab[token] for token in tokens) != list(range(len(tokens)))
            or tuple(tokens[: len(SPECIAL)]) != SPECIAL
        ):
            raise ValueError(f"expected ids from 0 on in {path}, {SPECIAL} first, got others")
        return cls(tokens[len(SPECIAL) :])


_WORD = r"[^\W\d_]+"


def split(text: str) -> list[str]:
    """Return the words of a text in lower case.

    >>> split("¡Una pelota ROJA!")
    ['una', 'pelota', 'roja']
    """
    return re.findall(_WORD, unicodedata.normalize("NFC", text).lower())
