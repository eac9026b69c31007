"""The complete byte-level tokenizer: special tokens, streams and files around the merges."""

import heapq
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import regex
import tiktoken

from lessons_lib.base.validation import (
    check_ids,
    check_integer,
    check_pattern,
    check_special_tokens,
    check_text,
)
from lessons_lib.tokens import files
from lessons_lib.tokens.bpe import (
    BPE,
    GPT2_PATTERN,
    GPT4_PATTERN,
    TokenChain,
    split_special,
    split_words,
    train_bpe,
)

__all__ = ["BPETokenizer"]


class BPETokenizer:
    """A complete byte-level BPE tokenizer: `BPE` with special tokens, streams and files.

    Make one with `train`, `from_merges` or `load`.

    Args:
        vocab: token id to bytes, for every byte and every merge; special tokens may be in it too.
        merges: pairs of tokens in the order learned.
        special_tokens: texts with a token of their own. One that is not in `vocab` gets the next
            free id; a mapping gives the ids itself.
        pattern: see `split_words`.
        end: the special token that ends a text, where there is one.

    Attributes:
        vocab: token id to bytes, special tokens included (`dict[int, bytes]`).
        merges: pairs of tokens in the order learned (`list[tuple[bytes, bytes]]`).
        special_tokens: text to token id (`dict[str, int]`).
        pattern: the pattern that cuts text into words.
        end: the special token that ends a text (`str`), or None.

    Raises:
        ValueError: a vocabulary without some byte or merge, ids or tokens given twice, merges out
            of order, special tokens that are ordinary tokens too, or an end that is not special.

    >>> tokenizer = BPETokenizer.train("banana bandana", 259)
    >>> tokenizer.encode("banana")
    [257, 258]
    >>> tokenizer.decode([257, 258])
    'banana'
    """

    _CACHE_WORDS = 100_000  # words remembered while encoding, some tens of MB
    _CACHE_CHARACTERS = 64  # longer words are rare: encoded anew each time
    _LONG_WORD = 100  # bytes; beyond, a chain is faster than a list

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Iterable[str] | Mapping[str, int] = (),
        pattern: str = GPT2_PATTERN,
        end: str | None = None,
    ):
        self.vocab = _check_vocab(vocab)
        self.merges = _check_merges(merges)
        self.pattern = check_pattern(pattern).pattern
        self._bpe = BPE(self.merges, pattern)
        self.special_tokens = self._number(special_tokens)
        self.vocab.update((i, token.encode()) for token, i in self.special_tokens.items())
        ids = {token: i for i, token in self.vocab.items()}
        if len(ids) < len(self.vocab):
            raise ValueError("expected tokens that differ, got a vocabulary with one token twice")
        surplus = set(ids) - set(self._bpe.ids) - {t.encode() for t in self.special_tokens}
        missing = set(self._bpe.ids) - set(ids)
        if surplus or missing:
            raise ValueError(
                "expected a vocabulary of the bytes, the merges and the special tokens, got "
                f"{len(missing)} missing {sorted(missing)[:3]}, "
                f"{len(surplus)} surplus {sorted(surplus)[:3]}"
            )
        self._ids = [ids[token] for token in self._bpe.tokens]
        self._cache = {}
        if end is not None and not (isinstance(end, str) and end in self.special_tokens):
            raise ValueError(
                f"expected the end among the special tokens {[*self.special_tokens]}, got {end!r}"
            )
        self.end = end

    def _number(self, special_tokens: Iterable[str] | Mapping[str, int]) -> dict[str, int]:
        special = check_special_tokens(special_tokens)
        ordinary = [token for token in special if token.encode() in self._bpe.ids]
        if ordinary:
            raise ValueError(
                f"expected special tokens apart from ordinary ones, got {ordinary[0]!r}"
            )
        if isinstance(special_tokens, Mapping):
            numbers = {
                token: check_integer("token id", special_tokens[token], 0) for token in special
            }
            clash = {
                i: t for t, i in numbers.items() if self.vocab.get(i, t.encode()) != t.encode()
            }
            if clash or len(set(numbers.values())) < len(numbers):
                raise ValueError(f"expected ids of their own for special tokens, got {numbers}")
            return numbers
        known = {token: i for i, token in self.vocab.items()}
        new = max(self.vocab, default=-1) + 1
        numbers = {}
        for token in special:
            numbers[token] = known.get(token.encode(), new)
            new += numbers[token] == new
        return numbers

    @classmethod
    def train(
        cls,
        text: str,
        vocab_size: int,
        special_tokens: Sequence[str] = (),
        pattern: str = GPT2_PATTERN,
        end: str | None = None,
    ) -> "BPETokenizer":
        """Learn a tokenizer from `text`; arguments and errors as for `train_bpe` and the class."""
        special = check_special_tokens(special_tokens)
        vocab, merges = train_bpe(text, vocab_size, special, pattern)
        return cls(vocab, merges, special, pattern, end)

    @classmethod
    def from_merges(
        cls,
        vocab: Mapping[int, bytes],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Iterable[str] | Mapping[str, int] = (),
        pattern: str = GPT2_PATTERN,
        end: str | None = None,
    ) -> "BPETokenizer":
        """Make a tokenizer from a vocabulary learned elsewhere; arguments as for the class."""
        return cls(vocab, merges, special_tokens, pattern, end)

    @property
    def vocab_size(self) -> int:
        """Rows that an embedding table needs: the highest id and one."""
        return max(self.vocab) + 1

    @property
    def end_id(self) -> int | None:
        """The id of the token that ends a text, None where there is none."""
        return None if self.end is None else self.special_tokens[self.end]

    def __repr__(self) -> str:
        return (
            f"BPETokenizer({len(self.vocab)} tokens: 256 bytes, {len(self.merges)} merges, "
            f"{len(self.special_tokens)} special)"
        )

    def encode(self, text: str, allowed_special: Iterable[str] = ()) -> list[int]:
        """Return the token ids of `text`.

        Args:
            text: any text; the empty one has no tokens.
            allowed_special: special tokens to recognise in `text`, or ``"all"``. Others are read as
                plain text, so that what a user types cannot pose as one.

        Raises:
            ValueError: not text, a lone surrogate, or an allowed token that is not special here.
        """
        allowed = self._allowed(allowed_special)
        ids = []
        for part in split_special(check_text(text), allowed):
            if part in allowed:
                ids.append(self.special_tokens[part])
            else:
                self._encode_ordinary(part, ids)
        return ids

    def _allowed(self, allowed_special: Iterable[str]) -> set[str]:
        if isinstance(allowed_special, str) and allowed_special == "all":
            return set(self.special_tokens)
        if isinstance(allowed_special, str) or not isinstance(allowed_special, Iterable):
            raise ValueError(f'expected a set of special tokens or "all", got {allowed_special!r}')
        allowed = list(allowed_special)
        if unknown := [token for token in allowed if token not in self.special_tokens]:
            raise ValueError(
                f"expected special tokens of this tokenizer {sorted(self.special_tokens)}, "
                f"got {unknown}"
            )
        return set(allowed)

    def _encode_ordinary(self, text: str, ids: list[int]) -> None:
        cache = self._cache
        for word in split_words(text, self.pattern):
            known = cache.get(word)
            if known is None:
                known = self._encode_word(word)
                if len(word) <= self._CACHE_CHARACTERS:
                    if len(cache) >= self._CACHE_WORDS:
                        cache.clear()
                    cache[word] = known
            ids += known

    def _encode_word(self, word: str) -> list[int]:
        return [self._ids[i] for i in self._merge(word.encode())]

    def _merge(self, word: bytes) -> list[int]:
        """Merge as `BPE.encode_word` does, but look up only the pairs beside each merge."""
        if len(word) > self._LONG_WORD:
            return self._merge_long(word)
        ids, made_by = list(word), self._bpe.made_by
        never = len(self._bpe.tokens)
        made = [made_by.get(pair, never) for pair in pairwise(ids)]
        while made and (new_id := min(made)) < never:
            i = made.index(new_id)
            ids[i : i + 2] = [new_id]
            del made[i]
            if i < len(made):
                made[i] = made_by.get((new_id, ids[i + 1]), never)
            if i:
                made[i - 1] = made_by.get((ids[i - 1], new_id), never)
        return ids

    def _merge_long(self, word: bytes) -> list[int]:
        """Merge each pair at all its places at once: time in proportion to the length."""
        chain, made_by = TokenChain([word]), self._bpe.made_by
        waiting = [(made_by[pair], pair) for pair in chain.places if pair in made_by]
        heapq.heapify(waiting)
        while waiting:
            new_id, pair = heapq.heappop(waiting)
            if pair in chain.places:
                for new in {new for _, _, new in chain.merge(pair, new_id)}:
                    if new in made_by:
                        heapq.heappush(waiting, (made_by[new], new))
        return [i for i in chain.ids if i >= 0]

    def encode_iterable(
        self, iterable: Iterable[str], allowed_special: Iterable[str] = ()
    ) -> Iterator[int]:
        """Yield the token ids of texts that follow one another, without holding them all.

        The ids are those of `encode` on the joined text. With `GPT2_PATTERN` and `GPT4_PATTERN`,
        text is held back only from the last place where what follows cannot change the words
        before, such as a space after a letter, so memory stays constant while such places keep
        coming. Of another pattern nothing is known, and all text is held.

        Args:
            iterable: pieces of one text, such as an open file's lines.
            allowed_special: see `encode`.

        Raises:
            ValueError: as `encode`, when the piece is reached.
        """
        allowed = self._allowed(allowed_special)
        longest = max(map(len, allowed), default=0)
        held, size, enough = [], 0, 0  # looking again only at twice the size keeps the time linear
        for piece in iterable:
            held.append(check_text(piece))
            size += len(piece)
            if self.pattern in _SAFE_CUTS and size >= enough:
                text = "".join(held)
                cut = self._safe_cut(text, allowed, len(text) - longest)
                yield from self.encode(text[:cut], allowed)
                held, size = [text[cut:]], len(text) - cut
                enough = 2 * size
        yield from self.encode("".join(held), allowed)

    def _safe_cut(self, text: str, allowed: set[str], end: int) -> int:
        """Return the last place up to `end` where what follows cannot change what is before."""
        cut = start = 0
        for part in split_special(text, allowed):
            if start > end:
                break
            cut = start
            if part not in allowed:
                for place in regex.finditer(_SAFE_CUTS[self.pattern], part):
                    if start + place.start() <= end:
                        cut = start + place.start()
            start += len(part)
        return cut

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of `ids`; `ValueError` for an id that is not in the vocabulary."""
        try:
            return b"".join([self.vocab[i] for i in check_ids(ids)])
        except KeyError as error:
            raise ValueError(f"expected ids of this vocabulary, got {error.args[0]}") from None

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; bytes that are no UTF-8 become the sign U+FFFD."""
        return self.decode_bytes(ids).decode(errors="replace")

    def to_tiktoken(self) -> tiktoken.Encoding:
        """Return the same tokenizer inside tiktoken, a production engine.

        Raises:
            ValueError: tiktoken would merge otherwise. It knows no merges, only tokens: it joins
                any two neighbours that make a token, the lowest id first. So ids have to rise in
                the order of the merges, and each token's bytes have to merge into that token.
        """
        made = self._ids[256:]
        if made != sorted(made) or (made and max(self._ids[:256]) > made[0]):
            raise ValueError("expected ids that rise in the order of the merges, got another order")
        for i, token in enumerate(self._bpe.tokens):
            if self._merge(token) != [i]:
                raise ValueError(f"expected merges that lead to each token, got none to {token!r}")
        return tiktoken.Encoding(
            name="lessons_lib",
            pat_str=self.pattern,
            mergeable_ranks=dict(zip(self._bpe.tokens, self._ids, strict=True)),
            special_tokens=self.special_tokens,
        )

    def save(self, path: str | os.PathLike) -> None:
        """Write the tokenizer to one JSON file that can be read by eye; atomic.

        Each byte is shown as one visible character, as in GPT-2's own files (`byte_characters`).
        """
        files.write(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "BPETokenizer":
        """Read a file written by `save`.

        Raises:
            ValueError: the file is not such a file, is cut short, or was changed since.
            OSError: the file cannot be read.
        """
        return files.read(cls, path)

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write tokenizer.json and its configuration, which `transformers` opens; atomic."""
        files.write_pretrained(self, folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "BPETokenizer":
        """Read the tokenizer.json of a byte-level BPE, such as GPT-2's, Llama 3's or Qwen3's.

        Raises:
            ValueError: the file is broken, or its tokenizer is of another kind.
            OSError: the file cannot be read.
        """
        return files.read_pretrained(cls, folder)


# Places where no word of the pattern goes on, whatever follows, and the words before end alike.
_SAFE_CUTS = {
    GPT2_PATTERN: r"(?<=\S)(?=\s)",  # a space of any kind after something seen
    GPT4_PATTERN: r"(?<=[\p{L}\p{N}])(?=\s)"  # the same after a letter or a digit
    r"|(?<=\S)(?=[^\S\r\n])"  # after a sign, whose word takes the line ends: other spaces
    r"|(?<=[\r\n])(?=[^\S\r\n]*+\S)",  # the start of a line that is not blank
}


def _check_vocab(vocab: Mapping[int, bytes]) -> dict[int, bytes]:
    if not isinstance(vocab, Mapping) or not all(isinstance(t, bytes) for t in vocab.values()):
        raise ValueError(f"expected a vocabulary of ids and bytes, got {vocab!r:.80}")
    return {check_integer("token id", i, 0): token for i, token in vocab.items()}


def _check_merges(merges: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    pairs = [tuple(pair) for pair in merges]
    for pair in pairs:
        if len(pair) != 2 or not all(isinstance(token, bytes) for token in pair):
            raise ValueError(f"expected merges that are pairs of bytes, got {pair!r}")
    return pairs
