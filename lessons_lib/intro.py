"""The next character, by counting what followed: the smallest language model.

The chapter `intro`. A language model gives a probability to everything that could come next. The
model here looks for the last characters of the prompt in a text, as many of them as occur there,
and counts which characters followed. It is an n-gram model that backs off to the longest match; the
live figure `lessons_lib.live.NextCharacter` computes the same numbers in the page.

Sources:
    Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27, 1948,
        section 3: text drawn letter by letter from the frequencies of another text.
    Liu et al., "Infini-gram: Scaling Unbounded n-gram Language Models to a Trillion Tokens", 2024,
        arXiv:2401.17377: back off to the longest suffix that occurs at all. There over tokens, with
        a suffix array; here over characters, with a plain search.
"""

from collections import Counter
from collections.abc import Iterator

from lessons_lib.base.validation import check_integer, check_text

__all__ = ["continue_text", "next_char_counts", "next_char_probs", "pick_char", "random_bits"]


def next_char_counts(text: str, prompt: str, max_context: int = 12) -> tuple[str, dict[str, int]]:
    """Count the characters that follow the end of `prompt` in `text`.

    Args:
        text: the text to look in; at least one character.
        prompt: what has been written so far.
        max_context: how many of the prompt's last characters to look at, at most.

    Returns:
        The context (the longest end of the prompt that something follows in `text`), and how often
        each character followed it: most frequent first, then by code point. Occurrences may
        overlap; one at the very end of `text` has no next character and does not count.

    Raises:
        ValueError: empty text, negative `max_context`, or something that is not text.

    >>> next_char_counts("banana band", "a banan")
    ('banan', {'a': 1})
    >>> next_char_counts("banana band", "an")
    ('an', {'a': 2, 'd': 1})
    """
    check_text(text, empty=False)
    check_text(prompt)
    check_integer("max_context", max_context, 0)
    for length in range(min(max_context, len(prompt)), -1, -1):
        context = prompt[len(prompt) - length :]
        counts = Counter()
        start = text.find(context)
        while 0 <= start < len(text) - length:
            counts[text[start + length]] += 1
            start = text.find(context, start + 1)
        if counts:
            break
    return context, dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def next_char_probs(text: str, prompt: str, max_context: int = 12) -> dict[str, float]:
    """Return the probability of each next character: its share of the counts.

    Arguments, order and errors are those of `next_char_counts`; a character not listed has
    probability 0.

    >>> next_char_probs("banana band", "ban")
    {'a': 0.5, 'd': 0.5}
    """
    _, counts = next_char_counts(text, prompt, max_context)
    total = sum(counts.values())
    return {character: count / total for character, count in counts.items()}


def pick_char(counts: dict[str, int], place: int) -> str:
    """Return the character at a place of a row in which each stands as often as it was counted.

    Args:
        counts: how often each character was counted, as `next_char_counts` gives it.
        place: from 0 to the sum of the counts minus 1.

    Raises:
        ValueError: a place outside the row.

    >>> [pick_char({"a": 2, "d": 1}, place) for place in range(3)]
    ['a', 'a', 'd']
    """
    left = check_integer("place", place, 0)
    for character, count in counts.items():
        if left < count:
            return character
        left -= count
    raise ValueError(f"expected a place below {sum(counts.values())}, got {place}")


def continue_text(
    text: str, prompt: str, n: int, seed: int | None = None, max_context: int = 12
) -> str:
    """Return `prompt` with `n` more characters, each found by `next_char_counts`.

    Args:
        text: the text to look in.
        prompt: how to begin.
        n: how many characters to add.
        seed: ``None`` always adds the most frequent character (greedy); a number from 0 to
            2**32 - 1 draws each in proportion to its count, the same ones for the same seed.
        max_context: how many of the last characters to look at, at most.

    Raises:
        ValueError: as `next_char_counts`; a negative `n`, or a seed out of range.

    >>> continue_text("banana band", "ba", 5)
    'banana '
    """
    next_char_counts(text, prompt, max_context)  # raises for bad arguments, also when n is 0
    check_integer("n", n, 0)
    bits = None if seed is None else random_bits(seed)
    for _ in range(n):
        _, counts = next_char_counts(text, prompt, max_context)
        place = 0 if bits is None else next(bits) * sum(counts.values()) // 2**32
        prompt += pick_char(counts, place)
    return prompt


def random_bits(seed: int) -> Iterator[int]:
    """Return an endless stream of pseudo-random integers from 0 to 2**32 - 1.

    Source: Tommy Ettinger's mulberry32 (public domain), chosen because it is short and gives the
    same numbers in JavaScript.

    Raises:
        ValueError: a seed that is not an integer from 0 to 2**32 - 1.

    >>> from itertools import islice
    >>> list(islice(random_bits(1), 3))
    [2693262067, 11749833, 2265367787]
    """
    seed = check_integer("seed", seed, 0)  # a number of NumPy's would be too narrow
    if seed >= 2**32:
        raise ValueError(f"expected a seed from 0 to {2**32 - 1}, got {seed}")
    return _mulberry32(seed)


def _mulberry32(state: int) -> Iterator[int]:
    while True:
        state = (state + 0x6D2B79F5) % 2**32
        mixed = (state ^ state >> 15) * (state | 1) % 2**32
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) % 2**32
        yield mixed ^ mixed >> 14
