"""Is a text prose? Rules that need no model, and a model that is surprised by what is none."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import regex

from lessons_lib.base.validation import check_text

# Words that prose hardly avoids, for each language of the small web.
STOP_WORDS = {
    "en": {"the", "be", "to", "of", "and", "that", "have", "with"},
    "es": {"el", "la", "los", "de", "que", "y", "en", "con", "un", "una"},
    "ca": {"el", "la", "els", "de", "que", "i", "en", "amb", "un", "una"},
    "pt": {"o", "a", "os", "de", "que", "e", "em", "com", "um", "uma"},
    "fr": {"le", "la", "les", "de", "que", "et", "en", "avec", "un", "une"},
}
_ENDS = (".", "!", "?", "…", '"', "»", "”", ":", ";")


class _Text:
    """A text taken apart once: its lines and its words, as they stand between spaces."""

    def __init__(self, text: str):
        self.text, self.words = text, text.split()
        self.lines = [line for line in text.splitlines() if line.strip()]
        self.n = max(1, len(self.words))
        self.low = [word.lower().strip(".,;:!?¡¿«»\"'()") for word in self.words]


def _words(one: _Text) -> float:
    return len(one.words)


def _word_length(one: _Text) -> float:
    return sum(map(len, one.words)) / one.n


def _symbols(one: _Text) -> float:
    return (one.text.count("#") + one.text.count("…") + one.text.count("...")) / one.n


def _with_letters(one: _Text) -> float:
    return sum(bool(regex.search(r"\p{L}", word)) for word in one.words) / one.n


def _stop_words(one: _Text) -> float:
    said = set(one.low)
    return max(len(said & words) for words in STOP_WORDS.values())


def _repeated_lines(one: _Text) -> float:
    return 1 - len(set(one.lines)) / max(1, len(one.lines))


def _top_pair(one: _Text) -> float:
    pairs = Counter(pairwise(one.low))
    if not pairs:
        return 0.0
    (a, b), times = min(pairs.items(), key=lambda item: (-item[1], item[0]))
    return times * (len(a) + len(b)) / max(1, sum(map(len, one.low))) if times > 1 else 0.0


def _sentence_ends(one: _Text) -> float:
    lines = [line for line in one.lines if len(line.split()) >= 5]
    return sum(line.rstrip().endswith(_ENDS) for line in lines) / max(1, len(one.lines))


def _placeholders(one: _Text) -> float:
    return one.text.lower().count("lorem ipsum") + one.text.count("{")


# name: (how it is measured, least, most); from Gopher but for the last two, which are from C4.
RULES: dict[str, tuple[Callable[[_Text], float], float, float]] = {
    "words": (_words, 50, 100_000),
    "letters per word": (_word_length, 3, 10),
    "symbols per word": (_symbols, 0, 0.1),
    "words with letters": (_with_letters, 0.8, 1),
    "stop words": (_stop_words, 2, 1e9),
    "repeated lines": (_repeated_lines, 0, 0.3),
    "most frequent pair": (_top_pair, 0, 0.2),
    "lines that end": (_sentence_ends, 0.3, 1),
    "placeholders": (_placeholders, 0, 0),
}


def quality_flaws(text: str) -> dict[str, float]:
    """Return the rules that a text breaks, each with the number measured; none for good prose.

    Args:
        text: what a page says, see `extract_text`.

    Raises:
        ValueError: no text, or lone surrogates.

    Source: the limits are those of Rae et al., "Scaling Language Models" (Gopher), 2021, table A1
    and appendix A.1.1; lines and placeholders from Raffel et al. (C4), 2020, section 2.2, where a
    line that does not end is dropped, and here a page of such lines. Gopher has stop words for
    English alone.

    >>> quality_flaws("buy now " * 40)
    {'stop words': 0, 'most frequent pair': 1.0, 'lines that end': 0.0}
    """
    one, flaws = _Text(check_text(text)), {}
    for name, (measure, least, most) in RULES.items():
        value = measure(one)
        if not least <= value <= most:
            flaws[name] = value
    return flaws
