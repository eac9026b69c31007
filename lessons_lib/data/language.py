"""Which language a text is in: the one whose n-gram model is least surprised by it."""

import functools
import math
from collections import Counter

import regex

from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.corpus.web import SAMPLES
from lessons_lib.ngrams import NGram, nats_to_bits_per_byte

MOST_BYTES = 4096  # of a text are read to identify its language
UNKNOWN = 5.0  # bits per byte; whoever is so surprised has not learned this language


class ByteModel:
    """An `NGram` over bytes, which can read any text, and looks up each n-gram only once.

    Args:
        text: what to count in.
        n: the order.

    Raises:
        ValueError: no text, an empty one, or an order below 1.

    >>> round(ByteModel("la la la ", 2).bits_per_byte("la la"), 2)
    0.66
    """

    def __init__(self, text: str, n: int = 4):
        self.n = check_integer("n", n, 1)
        self.model = NGram(list(check_text(text, empty=False).encode()), n, 256)
        self._known: dict[bytes, float] = {}

    def bits_per_byte(self, text: str) -> float:
        """Return the mean surprise of a text's bytes, in bits.

        Raises:
            ValueError: no text, or an empty one.
        """
        data = check_text(text, empty=False).encode()
        begin = data[: self.n - 1]
        total = float(self.model.surprises(list(begin)).sum())
        grams = Counter(data[i : i + self.n] for i in range(len(data) - self.n + 1))
        for gram, count in grams.items():
            if gram not in self._known:
                self._known[gram] = float(self.model.surprises(list(gram))[-1])
            total += count * self._known[gram]
        return nats_to_bits_per_byte(total, len(data))


@functools.cache
def language_models() -> dict[str, ByteModel]:
    """Return a model for each language of the small web, of the prose in `SAMPLES`."""
    return {language: ByteModel(letters(text)) for language, text in SAMPLES.items()}


def letters(text: str) -> str:
    """Return the words of a text in small letters, without digits, signs and addresses.

    >>> letters("¿Qué? Mira www.example.org: 3 €")
    'qué mira'
    """
    words = regex.sub(r"\S*(?:@|://|www\.)\S*", " ", check_text(text).lower())
    return " ".join(regex.findall(r"[\p{L}\p{M}]+(?:['’·-][\p{L}\p{M}]+)*", words))


def language_bits(text: str) -> dict[str, float]:
    """Return how surprised each language's model is, in bits per byte; infinity without letters.

    Raises:
        ValueError: no text, or lone surrogates.
    """
    begin = check_text(text)[: 2 * MOST_BYTES]
    plain = letters(begin).encode()[:MOST_BYTES].decode(errors="ignore")
    models = language_models()
    if not plain:
        return dict.fromkeys(models, math.inf)
    return {language: model.bits_per_byte(plain) for language, model in models.items()}


def identify_language(text: str) -> str | None:
    """Return the language of a text: "en", "es", "ca", "pt" or "fr".

    Args:
        text: of which the beginning is read.

    Returns:
        The language whose model is least surprised; None for a text without letters, or if all
        models are surprised by more than `UNKNOWN`, as in another script.

    Raises:
        ValueError: no text, or lone surrogates.

    Source: Dunning, "Statistical Identification of Language", 1994, who compares models of n-grams
    of bytes in the same way.

    >>> identify_language("Los niños duermen y la casa está en silencio.")
    'es'
    """
    bits = language_bits(text)
    best = min(bits, key=bits.get)
    return best if bits[best] <= UNKNOWN else None
