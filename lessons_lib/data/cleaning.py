"""What must not be learned: personal data, and the questions of an exam."""

from collections.abc import Iterable, Sequence

from lessons_lib.base.validation import check_integer, check_text
from lessons_lib.data.duplicates import words_of
from lessons_lib.responsibility import find_personal_data


def mask_personal_data(text: str) -> str:
    """Return a text in which what has the form of personal data is replaced by its kind.

    Raises:
        ValueError: no text, or lone surrogates.

    Source: `find_personal_data`; replacing in place of dropping is what Dolma does with pages of
    few finds (Soldaini et al. 2024, section 5.3).

    >>> mask_personal_data("Write to ana@example.org or 612 345 678.")
    'Write to [email] or [telephone].'
    """
    masked, end = [], 0
    for span in find_personal_data(text):
        masked += [text[end : span.start], f"[{span.kind}]"]
        end = span.end
    return "".join(masked) + text[end:]


def word_runs(text: str, n: int) -> set[tuple[str, ...]]:
    """Return all runs of n words of a text, in small letters and without signs.

    >>> sorted(word_runs("The cat sat. The cat", 3))
    [('cat', 'sat', 'the'), ('sat', 'the', 'cat'), ('the', 'cat', 'sat')]
    """
    words = words_of(text)
    return {tuple(words[i : i + n]) for i in range(len(words) - check_integer("n", n, 1) + 1)}


def find_leaks(texts: Sequence[str], exam: Iterable[str], n: int = 13) -> list[bool]:
    """Tell of each text whether it has a run of n words in common with an exam.

    Args:
        texts: what is to be learned.
        exam: the texts that a model will be tested on.
        n: how many words in a row are no coincidence.

    Raises:
        ValueError: one text in place of several, or n below 1.

    Source: Brown et al. 2020, appendix C: 13 words. `seen_before` measures the same from the
    exam's side.

    >>> find_leaks(["Ana has a red dog.", "Leo has a cat."], ["a RED dog"], n=3)
    [True, False]
    """
    for several in (texts, exam):
        if isinstance(several, str | bytes):
            raise ValueError(f"expected several texts, got one: {several!r:.40}")
    asked = set().union(*(word_runs(check_text(text), n) for text in exam))
    return [not asked.isdisjoint(word_runs(text, n)) for text in texts]
