"""Characters as tokens, and the characters that stand for bytes in files."""

from collections.abc import Iterable

from lessons_lib.base.validation import check_ids, check_text

__all__ = ["CharTokenizer", "byte_characters"]


class CharTokenizer:
    """One token for each character that a text contains.

    The vocabulary is the sorted set of the characters (Unicode code points) of `text`; the id of a
    character is its place there.

    Args:
        text: the text whose characters become the vocabulary.

    Raises:
        ValueError: `text` is empty or not text.

    >>> tokenizer = CharTokenizer("banana")
    >>> tokenizer.encode("nab")
    [2, 0, 1]
    >>> tokenizer.decode([1, 0, 2])
    'ban'
    """

    def __init__(self, text: str):
        self.characters = sorted(set(check_text(text, empty=False)))
        self.ids = {character: i for i, character in enumerate(self.characters)}

    @property
    def vocab_size(self) -> int:
        """Number of tokens in the vocabulary."""
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """Return the id of each character; `ValueError` for a character never seen.

        >>> CharTokenizer("abc").encode("ñ")
        Traceback (most recent call last):
        ...
        ValueError: expected characters of the vocabulary, got 'ñ'
        """
        unknown = sorted(set(check_text(text)) - set(self.ids))
        if unknown:
            raise ValueError(f"expected characters of the vocabulary, got {unknown[0]!r}")
        return [self.ids[character] for character in text]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the characters with these ids, joined; `ValueError` for an unknown id."""
        return "".join(self.characters[i] for i in check_ids(ids, self.vocab_size))


def byte_characters() -> dict[int, str]:
    """Return one visible character for each byte, as GPT-2's vocabulary files show them.

    Bytes that Latin-1 shows as visible signs keep theirs; the others get the characters from U+0100
    on, in order. A space becomes Ġ, a line end Ċ.

    Source: `bytes_to_unicode` in the code published with GPT-2 (Radford et al. 2019).

    >>> "".join(byte_characters()[byte] for byte in " año".encode())
    'ĠaÃ±o'
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {
        byte: chr(0x100 + i) for i, byte in enumerate(hidden)
    }
