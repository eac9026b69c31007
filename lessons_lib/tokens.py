r"""From text to numbers and back: characters, bytes, and byte-level byte-pair encoding (BPE).

The chapter `tokens`. It adds to the opening chapter the first stage of every language model: a
reversible map between text and a short list of integers.

A *byte* is a number from 0 to 255. A *token* is a piece of text, held as `bytes`. A *token id* is
the token's number in the vocabulary. A vocabulary trained here numbers the 256 bytes first, then
the merges in the order learned, then the special tokens; a published vocabulary may number them
otherwise, and `BPETokenizer.from_merges` keeps its numbers.

Sources:
    Gage, "A New Algorithm for Data Compression", The C Users Journal 12(2), 1994: the idea.
    Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016,
        arXiv:1508.07909: BPE for language models.
    Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (GPT-2): BPE over
        the bytes of words cut out by a pattern.
    The tiktoken package, MIT licence: the patterns and the behaviour that the tests compare with.
"""

import hashlib
import heapq
import json
import os
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import regex
import tiktoken

from lessons_lib.base.files import write_atomic
from lessons_lib.base.validation import (
    check_ids,
    check_integer,
    check_pattern,
    check_special_tokens,
    check_text,
)

__all__ = [
    "BPE",
    "GPT2_PATTERN",
    "GPT4_PATTERN",
    "BPETokenizer",
    "CharTokenizer",
    "TokenChain",
    "bits_per_byte",
    "byte_characters",
    "count_pairs",
    "embed",
    "learn_merges",
    "merge_pair",
    "split_special",
    "split_words",
    "tokens_per_word",
    "train_bpe",
    "train_bpe_naive",
]


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


GPT2_PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)"  # an English contraction: 's 'd 'm 't 'll 've 're
    r"| ?\p{L}+"  # letters, with one space before them
    r"| ?\p{N}+"  # digits, with one space before them
    r"| ?[^\s\p{L}\p{N}]+"  # anything else that is seen, with one space before it
    r"|\s+(?!\S)|\s+"  # spaces: all but the last, which joins the word after it
)

GPT4_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)"  # contractions, capitals too
    r"|[^\r\n\p{L}\p{N}]?+\p{L}++"  # letters, with one space or sign before them
    r"|\p{N}{1,3}+"  # digits, three at most, and no space
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+"  # signs, with the line ends after them
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"  # spaces, line ends on their own
)


def split_words(text: str, pattern: str = GPT2_PATTERN) -> list[str]:
    r"""Cut `text` into the words that no merge will cross.

    Args:
        text: any text.
        pattern: a regular expression (package `regex`) without groups that keep their text. Its
            matches, one after the other, are the words; together they must be the whole text.

    Raises:
        ValueError: the pattern is no regular expression, keeps groups, or leaves text out.

    Letters and digits are what the installed `regex` package's Unicode version says; tiktoken's may
    be older, so the two can differ on characters that Unicode added in the last years.

    >>> split_words("It's 2 lámparas!")
    ['It', "'s", ' 2', ' lámparas', '!']
    >>> split_words("It's 2 lámparas!", GPT4_PATTERN)
    ['It', "'s", ' ', '2', ' lámparas', '!']
    """
    words = check_pattern(pattern).findall(check_text(text))
    if "" in words or "".join(words) != text:
        raise ValueError(f"expected a pattern that matches all text, got {pattern!r}")
    return words


def count_pairs(words: Iterable[Sequence[int]]) -> Counter[tuple[int, int]]:
    """Count how often each pair of neighbours stands in the words, each a list of token ids.

    >>> count_pairs([[1, 2, 1, 2], [2, 3]])
    Counter({(1, 2): 2, (2, 1): 1, (2, 3): 1})
    """
    return Counter(pair for ids in words for pair in pairwise(ids))


def merge_pair(ids: Sequence[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """Replace each occurrence of `pair` in `ids` by `new_id`, from left to right.

    >>> merge_pair([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


def train_bpe_naive(text: str, n_merges: int, pattern: str = GPT2_PATTERN) -> list[tuple[int, int]]:
    """Learn BPE merges by counting every pair again after each merge.

    Args:
        text: the training text.
        n_merges: how many merges to learn; fewer come back when no pair is left.
        pattern: see `split_words`.

    Returns:
        Pairs of ids in the order learned; merge number `i`, from 0, makes the token ``256 + i``.
        The most frequent pair wins; of equally frequent ones, the one with the smallest ids.

    Source: Sennrich et al. 2016, Algorithm 1, on bytes and with a rule for ties.

    >>> train_bpe_naive("banana bandana", 2)
    [(97, 110), (98, 256)]
    """
    words = [list(word.encode()) for word in split_words(text, pattern)]
    merges = []
    for new_id in range(256, 256 + check_integer("n_merges", n_merges, 0)):
        counts = count_pairs(words)
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        words = [merge_pair(word, best, new_id) for word in words]
    return merges


class TokenChain:
    """Words as one chain of token ids, with the places of every pair of neighbours.

    A merge then touches only the places where its pair stands, not the whole text.

    Args:
        words: the words' bytes; no pair crosses from one word to the next.

    Attributes:
        ids: token id at each place; -1 between words, -2 where a merge took the token away.
        before, after: the place of each token's neighbour on the left and on the right.
        places: for each pair, the places where its left token stands or once stood.
    """

    def __init__(self, words: Iterable[bytes]):
        self.ids = array("i", [-1])
        for word in words:
            self.ids.extend(word)
            self.ids.append(-1)
        self.before = array("q", range(-1, len(self.ids) - 1))
        self.after = array("q", range(1, len(self.ids) + 1))
        self.places = defaultdict(list)
        for place, pair in enumerate(pairwise(self.ids)):
            if min(pair) >= 0:
                self.places[pair].append(place)

    def merge(self, pair: tuple[int, int], new_id: int) -> Iterator[tuple[int, tuple, tuple]]:
        """Merge `pair` everywhere; yield (place, pair gone, pair come) for each neighbour."""
        ids, before, after = self.ids, self.before, self.after
        for i in sorted(self.places.pop(pair)):
            j = after[i]
            if (ids[i], ids[j]) == pair:  # else an earlier merge changed this place
                h, k = before[i], after[j]
                ids[i], ids[j], after[i], before[k] = new_id, -2, k, i
                if ids[h] >= 0:
                    self.places[ids[h], new_id].append(h)
                    yield h, (ids[h], pair[0]), (ids[h], new_id)
                if ids[k] >= 0:
                    self.places[new_id, ids[k]].append(i)
                    yield i, (pair[1], ids[k]), (new_id, ids[k])


def train_bpe(
    text: str,
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    pattern: str = GPT2_PATTERN,
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Learn a byte-level BPE vocabulary from `text`.

    The merges equal those of `train_bpe_naive`. Each distinct word is kept once, with the number of
    times it occurs, and a merge updates only the counts of the pairs beside it.

    Args:
        text: the training text. Special tokens that stand in it are cut out first: nothing is
            learned from them or across them.
        vocab_size: tokens wanted: 256 bytes, then merges, then the special tokens. A text that has
            no pair left to merge gives a smaller vocabulary.
        special_tokens: texts that get a token of their own and are never split; where several fit,
            the longest wins.
        pattern: see `split_words`.

    Returns:
        The vocabulary (token id to bytes) and the merges (pairs of tokens, in the order learned).

    Raises:
        ValueError: bad text, pattern or special tokens, or a `vocab_size` without room for the
            bytes and the special tokens.

    Source: Sennrich et al. 2016, section 3.2, on bytes as in GPT-2. The Hugging Face `tokenizers`
    trainer keeps the same counts and breaks ties alike.

    >>> vocab, merges = train_bpe("banana bandana", 259)
    >>> merges
    [(b'a', b'n'), (b'b', b'an'), (b'an', b'a')]
    """
    special = check_special_tokens(special_tokens)
    n_merges = check_integer("vocab_size", vocab_size, 256 + len(special)) - 256 - len(special)
    words = Counter()
    for part in split_special(check_text(text), special):
        if part not in special:
            words.update(split_words(part, pattern))
    tokens, merges = [bytes([byte]) for byte in range(256)], []
    for left, right in learn_merges(words, n_merges):
        merges.append((tokens[left], tokens[right]))
        tokens.append(tokens[left] + tokens[right])
    tokens += [token.encode() for token in special]
    return dict(enumerate(tokens)), merges


def learn_merges(words: Mapping[str, int], n_merges: int) -> list[tuple[int, int]]:
    """Learn up to `n_merges` BPE merges from distinct words and how often each occurs.

    The most frequent pair waits on top of a heap. An entry whose count has changed since it was put
    there goes back with the right one.

    Args:
        words: each distinct word with the number of times it occurs.
        n_merges: how many merges to learn; fewer come back when no pair is left.

    Returns:
        Pairs of ids, as `train_bpe_naive` gives them.

    >>> learn_merges({"banana": 1, " bandana": 1}, 2)
    [(97, 110), (98, 256)]
    """
    chain = TokenChain(word.encode() for word in words)
    times = array("q", [0])  # how often the word at each place occurs
    for word, n in words.items():
        times.extend([n] * (len(word.encode()) + 1))
    counts = Counter({pair: sum(times[i + 1] for i in at) for pair, at in chain.places.items()})
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    merges = []
    while heap and len(merges) < n_merges:
        count, pair = heapq.heappop(heap)
        if -count != counts[pair]:
            if counts[pair]:
                heapq.heappush(heap, (-counts[pair], pair))
            continue
        changed = set()
        for place, gone, new in chain.merge(pair, 256 + len(merges)):
            counts[gone] -= times[place]
            counts[new] += times[place]
            changed.add(new)
        merges.append(pair)
        del counts[pair]
        for new in changed:
            if counts[new]:
                heapq.heappush(heap, (-counts[new], new))
    return merges


def split_special(text: str, special_tokens: Iterable[str]) -> list[str]:
    """Cut `text` before and after every special token; where several fit, the longest wins.

    >>> split_special("one<|end|>two", ["<|end|>"])
    ['one', '<|end|>', 'two']
    """
    longest_first = sorted(check_special_tokens(special_tokens), key=len, reverse=True)
    if not longest_first:
        return [text] if text else []
    pattern = "|".join(regex.escape(token) for token in longest_first)
    return [part for part in regex.split(f"({pattern})", text) if part]


class BPE:
    """The merges of one vocabulary, ready to be applied to text and undone.

    Token `i` is byte `i` for ``i < 256``; the others are numbered in the order in which the merges
    first make them.

    Args:
        merges: pairs of tokens in the order learned; each token is a byte or made by an earlier
            merge. Several pairs may make the same token, as in files derived from tiktoken's.
        pattern: see `split_words`.

    Raises:
        ValueError: a merge whose parts do not exist yet.

    Source: Sennrich et al. 2016: the learned merges are applied in the order learned.
    """

    def __init__(self, merges: Sequence[tuple[bytes, bytes]], pattern: str = GPT2_PATTERN):
        self.pattern, self.ids = pattern, {bytes([byte]): byte for byte in range(256)}
        self.made_by = {}  # pair of ids -> id of the token it makes; lower ids were learned earlier
        for left, right in merges:
            if left not in self.ids or right not in self.ids:
                raise ValueError(f"expected merges of earlier tokens, got {left} and {right}")
            new_id = self.ids.setdefault(left + right, len(self.ids))
            self.made_by[self.ids[left], self.ids[right]] = new_id
        self.tokens = list(self.ids)

    def encode_word(self, word: bytes) -> list[int]:
        """Merge the bytes of one word, the earliest learned pair first."""
        ids = list(word)
        while known := [pair for pair in pairwise(ids) if pair in self.made_by]:
            pair = min(known, key=self.made_by.get)
            ids = merge_pair(ids, pair, self.made_by[pair])
        return ids

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`."""
        words = split_words(text, self.pattern)
        return [i for word in words for i in self.encode_word(word.encode())]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; bytes that are no UTF-8 become the sign U+FFFD."""
        known = check_ids(ids, len(self.tokens))
        return b"".join(self.tokens[i] for i in known).decode(errors="replace")


class BPETokenizer:
    """A complete byte-level BPE tokenizer: `BPE` with special tokens, streams and files.

    Make one with `train`, `from_merges` or `load`.

    Args:
        vocab: token id to bytes, for every byte and every merge; special tokens may be in it too.
        merges: pairs of tokens in the order learned.
        special_tokens: texts with a token of their own. One that is not in `vocab` gets the next
            free id; a mapping gives the ids itself.
        pattern: see `split_words`.

    Attributes:
        vocab: token id to bytes, special tokens included (`dict[int, bytes]`).
        merges: pairs of tokens in the order learned (`list[tuple[bytes, bytes]]`).
        special_tokens: text to token id (`dict[str, int]`).
        pattern: the pattern that cuts text into words.

    Raises:
        ValueError: a vocabulary without some byte or merge, ids or tokens given twice, merges out
            of order, or special tokens that are ordinary tokens too.

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
    ) -> "BPETokenizer":
        """Learn a tokenizer from `text`; arguments and errors as for `train_bpe`."""
        special = check_special_tokens(special_tokens)
        vocab, merges = train_bpe(text, vocab_size, special, pattern)
        return cls(vocab, merges, special, pattern)

    @classmethod
    def from_merges(
        cls,
        vocab: Mapping[int, bytes],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Iterable[str] | Mapping[str, int] = (),
        pattern: str = GPT2_PATTERN,
    ) -> "BPETokenizer":
        """Make a tokenizer from a vocabulary learned elsewhere; arguments as for the class."""
        return cls(vocab, merges, special_tokens, pattern)

    @property
    def vocab_size(self) -> int:
        """Rows that an embedding table needs: the highest id and one."""
        return max(self.vocab) + 1

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
        shown = byte_characters()
        show = lambda token: "".join(shown[byte] for byte in token)  # noqa: E731
        content = {
            "pattern": self.pattern,
            "special_tokens": self.special_tokens,
            "vocab": {show(t): i for t, i in zip(self._bpe.tokens, self._ids, strict=True)},
            "merges": [f"{show(left)} {show(right)}" for left, right in self.merges],
        }
        file = {"format": _FORMAT, "sha256": _digest(content), **content}
        write_atomic(path, json.dumps(file, ensure_ascii=False, indent=1).encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "BPETokenizer":
        """Read a file written by `save`.

        Raises:
            ValueError: the file is not such a file, is cut short, or was changed since.
            OSError: the file cannot be read.
        """
        try:
            file = json.loads(Path(path).read_bytes())
            content = {key: file[key] for key in ("pattern", "special_tokens", "vocab", "merges")}
            if file["format"] != _FORMAT or file["sha256"] != _digest(content):
                raise ValueError("its format or checksum is wrong")
            byte_of = {character: byte for byte, character in byte_characters().items()}
            read = lambda shown: bytes(byte_of[character] for character in shown)  # noqa: E731
            vocab = {i: read(shown) for shown, i in content["vocab"].items()}
            merges = [tuple(map(read, pair.split(" "))) for pair in content["merges"]]
            return cls(vocab, merges, content["special_tokens"], content["pattern"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"expected a tokenizer file, got {os.fspath(path)!r}: {error}"
            ) from None

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write tokenizer.json and its configuration, which `transformers` opens; atomic."""
        shown = byte_characters()
        show = lambda token: "".join(shown[byte] for byte in token)  # noqa: E731
        split = {"type": "Split", "pattern": {"Regex": _PORTABLE.get(self.pattern, self.pattern)}}
        split |= {"behavior": "Isolated", "invert": False}
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
        added = [
            {"id": i, "content": token, "special": True}
            | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
            for token, i in self.special_tokens.items()
        ]
        file = {
            "version": "1.0",
            "added_tokens": added,
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [split, byte_level | {"use_regex": False}],
            },
            "decoder": byte_level | {"use_regex": False},
            "model": {
                "type": "BPE",
                "vocab": {show(t): i for t, i in zip(self._bpe.tokens, self._ids, strict=True)},
                "merges": [[show(left), show(right)] for left, right in self.merges],
            },
        }
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
        }
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in {"tokenizer.json": file, "tokenizer_config.json": settings}.items():
            data = json.dumps(content, ensure_ascii=False, indent=1).encode()
            write_atomic(folder / name, data)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "BPETokenizer":
        """Read the tokenizer.json of a byte-level BPE, such as GPT-2's, Llama 3's or Qwen3's.

        Raises:
            ValueError: the file is broken, or its tokenizer is of another kind.
            OSError: the file cannot be read.
        """
        path = Path(folder) / "tokenizer.json"
        try:
            file = json.loads(path.read_bytes())
            model, special = file["model"], file.get("added_tokens") or ()
            if model["type"] != "BPE" or file.get("normalizer") or model.get("byte_fallback"):
                raise ValueError("it is no byte-level BPE without normalizer")
            byte_of = {character: byte for byte, character in byte_characters().items()}
            read = lambda shown: bytes(byte_of[character] for character in shown)  # noqa: E731
            special = {token["content"]: token["id"] for token in special}
            ordinary = {shown: i for shown, i in model["vocab"].items() if shown not in special}
            vocab = {i: read(shown) for shown, i in ordinary.items()}
            pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
            merges = [tuple(map(read, pair)) for pair in pairs]
            return cls(vocab, merges, special, _read_pattern(file["pre_tokenizer"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"expected a byte-level tokenizer, got {path}: {error!r}") from None


def _read_pattern(pre_tokenizer: dict) -> str:
    """Return the pattern of a pre-tokenizer: its split, or else GPT-2's."""
    steps = pre_tokenizer.get("pretokenizers", [pre_tokenizer])
    if not any(step["type"] == "ByteLevel" for step in steps):
        raise ValueError("its words do not become bytes")
    if any(step.get("add_prefix_space") for step in steps):
        raise ValueError("it puts a space before the text")
    for step in steps:
        if step["type"] == "Split":
            pattern = step["pattern"]["Regex"]
            return next((own for own, other in _PORTABLE.items() if other == pattern), pattern)
    return GPT2_PATTERN


# The same patterns without what the engine of `tokenizers` reads otherwise: there `{1,3}+` is a
# repetition of a repetition, and `$` also stands before a line end.
_PORTABLE = {
    GPT4_PATTERN: r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]|\s+(?!\S)|\s"
}

# Places where no word of the pattern goes on, whatever follows, and the words before end alike.
_SAFE_CUTS = {
    GPT2_PATTERN: r"(?<=\S)(?=\s)",  # a space of any kind after something seen
    GPT4_PATTERN: r"(?<=[\p{L}\p{N}])(?=\s)"  # the same after a letter or a digit
    r"|(?<=\S)(?=[^\S\r\n])"  # after a sign, whose word takes the line ends: other spaces
    r"|(?<=[\r\n])(?=[^\S\r\n]*+\S)",  # the start of a line that is not blank
}

_FORMAT = "lessons_lib byte-level BPE, version 1"


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


def _digest(content: dict) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


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


def embed(ids: Sequence[int] | np.ndarray, table: np.ndarray) -> np.ndarray:
    """Look up one row of `table` for each token id.

    Args:
        ids: token ids, of any shape (...).
        table: the embedding table, shape (V, D): one vector of D numbers for each token.

    Returns:
        The vectors, shape (..., D).

    Raises:
        ValueError: ids that are not integers, or outside ``0 .. V - 1``.

    >>> table = np.array([[0.0, 0.0], [1.0, 5.0], [2.0, 6.0]])
    >>> embed([2, 1], table)
    array([[2., 6.],
           [1., 5.]])
    """
    ids = np.asarray(ids)
    if not ids.size:
        ids = ids.astype(int)
    if not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"expected integer token ids, got {ids.dtype}")
    if ids.size and (ids.min() < 0 or ids.max() >= len(table)):
        raise ValueError(f"expected ids from 0 to {len(table) - 1}, got {ids.min()} to {ids.max()}")
    return table[ids]


def tokens_per_word(n_tokens: int, text: str) -> float:
    """Return tokens per word of `text`, a word being what stands between spaces.

    >>> tokens_per_word(6, "una casa azul")
    2.0
    """
    words = len(check_text(text).split())
    if not words:
        raise ValueError("expected a text with at least one word, got none")
    return n_tokens / words


def bits_per_byte(ids: Sequence[int], n_bytes: int) -> float:
    """Return the bits per byte of text that a code for single tokens needs.

    A token that makes up the share p of `ids` costs -log2 p bits: the least that a code can need
    when it knows how frequent each token is and nothing of what stands before it. Dividing by the
    bytes of the text makes vocabularies comparable, whatever their size.

    Args:
        ids: token ids of the text.
        n_bytes: length of the text in UTF-8 bytes.

    Raises:
        ValueError: no ids, or no bytes.

    Source: Shannon, "A Mathematical Theory of Communication", 1948, section 6 (entropy).

    >>> bits_per_byte([1, 1, 2, 2], n_bytes=8)
    0.5
    """
    counts = np.array(list(Counter(check_ids(ids)).values()))
    if not counts.size:
        raise ValueError("expected at least one token, got none")
    bits = np.sum(counts * np.log2(counts.sum() / counts))
    return float(bits / check_integer("n_bytes", n_bytes, 1))
