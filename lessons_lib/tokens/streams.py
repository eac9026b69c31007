"""Long texts in pieces: where a text may be cut, and words counted without keeping the text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import regex

from lessons_lib.base.validation import check_integer, check_special_tokens, check_text
from lessons_lib.tokens.bpe import GPT2_PATTERN, GPT4_PATTERN, split_special, split_words

__all__ = ["LLAMA3_PATTERN", "SAFE_CUTS", "count_words", "cut_text", "last_cut"]

LLAMA3_PATTERN = (  # as the tokenizer.json of Llama 3 has it: GPT-4's with other line ends
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Places where no word of the pattern goes on, whatever follows, and the words before end alike.
SAFE_CUTS = {
    GPT2_PATTERN: r"(?<=\S)(?=\s)",  # a space of any kind after something seen
    GPT4_PATTERN: r"(?<=[\p{L}\p{N}])(?=\s)"  # the same after a letter or a digit
    r"|(?<=\S)(?=[^\S\r\n])"  # after a sign, whose word takes the line ends: other spaces
    r"|(?<=[\r\n])(?=[^\S\r\n]*+\S)",  # the start of a line that is not blank
}
SAFE_CUTS[LLAMA3_PATTERN] = SAFE_CUTS[GPT4_PATTERN]
_PIECE = 1 << 18  # characters, about
_MOST = 1 << 24  # characters without a place to cut


def last_cut(text: str, pattern: str | Sequence[str]) -> int:
    """Return the last place at which both parts keep the tokens of the whole, 0 if none is known.

    >>> last_cut("one two thr", GPT2_PATTERN)
    7
    >>> last_cut("one two thr", "[a-z]+| ")
    0
    """
    if pattern not in SAFE_CUTS:
        return 0
    for size in (1 << 8, 1 << 13, len(text)):  # most often the end of the text will do
        start = max(0, len(text) - size)
        places = [found.start() for found in regex.finditer(SAFE_CUTS[pattern], text[start:])]
        if places:
            return start + places[-1]
    return 0


def cut_text(
    chunks: Iterable[str], pattern: str | Sequence[str], size: int = _PIECE, most: int = _MOST
) -> Iterator[str]:
    """Cut a text of any length anew: its pieces have, one after the other, the tokens of the whole.

    Args:
        chunks: the text in parts, wherever those end.
        pattern: of the tokenizer. Of a pattern without known places to cut, such as one from
            elsewhere, the text stays whole.
        size: of a piece, about, in characters.
        most: how many characters may come without a place to cut.

    Raises:
        ValueError: more than that came.

    >>> list(cut_text(["one t", "wo three"], GPT2_PATTERN, size=4))
    ['one', ' two', ' three']
    """
    held, enough = "", size
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            held += chunk[start : start + size]
            if len(held) < enough:
                continue
            if cut := last_cut(held, pattern):
                yield held[:cut]
            held = held[cut:]
            if len(held) > most:
                raise ValueError(
                    f"expected a place to cut in every {most:,} characters of a text, got none: "
                    "a text without spaces, or a tokenizer whose pattern is not the book's"
                )
            enough = max(size, 2 * len(held))  # so that looking again keeps the time linear
    if held:
        yield held


def count_words(
    texts: Iterable[str],
    special_tokens: Sequence[str] = (),
    pattern: str = GPT2_PATTERN,
    most: int = 250_000,
) -> Counter[str]:
    """Count the words of many texts, keeping none of the texts and a limited number of words.

    Whenever there are more than `most` words, the rarest are forgotten: those seen once, and if
    that leaves more than half, those seen twice, and so on. As long as the texts have at most
    `most` different words, the counts are exact.

    Source: Manku and Motwani, "Approximate Frequency Counts over Data Streams", 2002: forgetting
    the rare; here not at fixed intervals, but where memory asks for it.

    >>> count_words(["one two", " two"])
    Counter({' two': 2, 'one': 1})
    """
    special = check_special_tokens(special_tokens)
    check_integer("most", most, 1)
    counts = Counter()
    for text in texts:
        for part in split_special(check_text(text), special):
            if part not in special:
                counts.update(split_words(part, pattern))
        rare = 0
        while len(counts) > (most if not rare else most // 2):
            rare += 1
            counts = Counter({word: n for word, n in counts.items() if n > rare})
    return counts
