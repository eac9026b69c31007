"""The complete byte-level tokenizer: special tokens, streams and files around the merges."""

import heapq
import os
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise

import regex
import tiktoken

from lessons_lib.base.validation import (
    check_ids,
    check_integer,
    check_pattern,
    check_special_tokens,
    check_text,
)
from lessons_lib.tokens import files, published
from lessons_lib.tokens.bpe import (
    GPT2_PATTERN,
    learn_merges,
    split_special,
    split_words,
    train_bpe,
)
from lessons_lib.tokens.streams import SAFE_CUTS, count_words

__all__ = ["BPETokenizer"]


class BPETokenizer:
    """A complete byte-level BPE tokenizer: `BPE` with special tokens, streams and files around it.

    Make one with `train`, `from_merges` or `load`. What stands behind `end` is for the vocabularies
    of published models; `from_pretrained` sets it as their files ask.

    Args:
        vocab: token id to bytes, for every byte and every merge; special tokens may be in it too.
        merges: pairs of tokens; of those that can be applied, the first in the list is. A pair may
            stand before the merges that make its parts, and several may make the same token.
        special_tokens: texts with a token of their own. One that is not in `vocab` gets the next
            free id; a mapping gives the ids itself.
        pattern: see `split_words`. A sequence of patterns cuts in steps: each cuts the pieces of
            the one before into its matches and what stands between them.
        end: the special token that ends a text, where there is one.
        user_defined: as `special_tokens`, for texts that are recognised wherever they stand.
        normalizer: the Unicode form that text is brought into first: NFC, NFD, NFKC or NFKD.
        normalized: those special and user-defined tokens that are looked for after the others, in
            the normalized text.
        ignore_merges: whether a word that is a token becomes that token, whatever the merges say.
        unknown: the special or user-defined token of bytes that the vocabulary lacks.
        fuse_unknown: whether several such bytes in a row become one unknown token.
        drop_unknown: whether the vocabulary may lack bytes without an unknown token: such bytes are
            left out of the text, and what stands beside them can merge.

    Attributes:
        vocab: token id to bytes, special and user-defined tokens included (`dict[int, bytes]`).
        merges: pairs of tokens in order (`list[tuple[bytes, bytes]]`).
        special_tokens, user_defined: text to token id (`dict[str, int]`).
        pattern: the pattern that cuts text into words (`str`), or several (`tuple[str, ...]`).
        end: the special token that ends a text (`str`), or None.
        normalized: the tokens looked for in normalized text (`list[str]`).

    Raises:
        ValueError: a vocabulary without some byte or merge, ids or tokens given twice, merges of
            parts that are no tokens, special tokens that are ordinary tokens too, an end that is
            not special, or another setting of the wrong kind.

    >>> tokenizer = BPETokenizer.train("banana bandana", 259)
    >>> tokenizer.encode("banana")
    [257, 258]
    >>> tokenizer.decode([257, 258])
    'banana'
    """

    _CACHE_WORDS = 100_000  # words remembered while encoding, some tens of MB
    _CACHE_CHARACTERS = 64  # longer words are rare: encoded anew each time
    _LONG_WORD = 100  # bytes; beyond, a heap is faster than a list

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Iterable[str] | Mapping[str, int] = (),
        pattern: str | Sequence[str] = GPT2_PATTERN,
        end: str | None = None,
        *,
        user_defined: Iterable[str] | Mapping[str, int] = (),
        normalizer: str | None = None,
        normalized: Iterable[str] = (),
        ignore_merges: bool = False,
        unknown: str | None = None,
        fuse_unknown: bool = False,
        drop_unknown: bool = False,
    ):
        self.vocab = _check_vocab(vocab)
        self.merges = _check_merges(merges)
        self.pattern, self._steps = _check_patterns(pattern)
        self._tokens = [bytes([byte]) for byte in range(256)]
        self._tokens += dict.fromkeys(left + right for left, right in self.merges)
        self._numbers = {token: number for number, token in enumerate(self._tokens)}
        self.special_tokens = self._number(special_tokens)
        self.user_defined = self._number(user_defined)
        self._added = self.special_tokens | self.user_defined
        self._check_added()
        self.end = self._check_choice("the end", end, self.special_tokens)
        self.unknown = self._check_choice("the unknown token", unknown, self._added)
        self.ignore_merges = _check_flag("ignore_merges", ignore_merges)
        self.fuse_unknown = _check_flag("fuse_unknown", fuse_unknown)
        self.drop_unknown = _check_flag("drop_unknown", drop_unknown)
        if normalizer not in (None, *_NORMAL_FORMS):
            raise ValueError(f"expected a normalizer of {_NORMAL_FORMS}, got {normalizer!r}")
        self.normalizer = normalizer
        self.normalized = check_special_tokens(normalized)
        for token in self.normalized:
            self._check_choice("normalized tokens", token, self._added)
        self._late = {self._normalize(token): self._added[token] for token in self.normalized}
        if len(check_special_tokens(self._late)) < len(self.normalized):
            raise ValueError(f"expected normalized tokens that differ, got {self.normalized}")
        self._set_ids()
        self._set_merges()
        self._cache = {}

    def _number(self, added: Iterable[str] | Mapping[str, int]) -> dict[str, int]:
        """Give ids to tokens beside the ordinary ones, and put them into the vocabulary."""
        texts = check_special_tokens(added)
        ordinary = [token for token in texts if token.encode() in self._numbers]
        if ordinary:
            raise ValueError(
                f"expected special tokens apart from ordinary ones, got {ordinary[0]!r}"
            )
        if isinstance(added, Mapping):
            numbers = {token: check_integer("token id", added[token], 0) for token in texts}
            clash = {
                i: t for t, i in numbers.items() if self.vocab.get(i, t.encode()) != t.encode()
            }
            if clash or len(set(numbers.values())) < len(numbers):
                raise ValueError(f"expected ids of their own for special tokens, got {numbers}")
        else:
            known = {token: i for i, token in self.vocab.items()}
            new = max(self.vocab, default=-1) + 1
            numbers = {}
            for token in texts:
                numbers[token] = known.get(token.encode(), new)
                new += numbers[token] == new
        self.vocab.update((i, token.encode()) for token, i in numbers.items())
        return numbers

    def _check_added(self) -> None:
        if twice := self.special_tokens.keys() & self.user_defined.keys():
            raise ValueError(f"expected tokens special or user-defined, got both: {sorted(twice)}")

    def _check_choice(self, what: str, token: str | None, among: Mapping[str, int]) -> str | None:
        if token is not None and not (isinstance(token, str) and token in among):
            kind = "special tokens" if among is self.special_tokens else "special or user-defined"
            raise ValueError(f"expected {what} among the {kind} {[*among]!r:.300}, got {token!r}")
        return token

    def _set_ids(self) -> None:
        """Check that the vocabulary and the merges belong together; note the id of each token."""
        ids = {token: i for i, token in self.vocab.items()}
        if len(ids) < len(self.vocab):
            raise ValueError("expected tokens that differ, got a vocabulary with one token twice")
        surplus = set(ids) - set(self._numbers) - {token.encode() for token in self._added}
        missing = set(self._numbers) - set(ids)
        if self.unknown is not None or self.drop_unknown:
            missing = {token for token in missing if len(token) > 1}
        if surplus or missing:
            raise ValueError(
                "expected a vocabulary of the bytes, the merges and the special tokens, got "
                f"{len(missing)} missing {sorted(missing)[:3]}, "
                f"{len(surplus)} surplus {sorted(surplus)[:3]}"
            )
        self._ids = [ids.get(token, -1) for token in self._tokens]
        self._lacking = bytes(byte for byte in range(256) if self._ids[byte] < 0)

    def _set_merges(self) -> None:
        """Note the rank of each merge, by the numbers of its parts, and what each rank makes."""
        numbers = self._numbers
        known = {token for token, i in zip(self._tokens, self._ids, strict=True) if i >= 0}
        for left, right in self.merges:
            if left not in known or right not in known:
                raise ValueError(f"expected merges of tokens, got {left} and {right}")
        # Of a pair given twice the last rank holds, as in `tokenizers`.
        self._ranks = {(numbers[a], numbers[b]): i for i, (a, b) in enumerate(self.merges)}
        self._makes = [numbers[left + right] for left, right in self.merges]

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
    def train_from_iterator(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        special_tokens: Sequence[str] = (),
        pattern: str = GPT2_PATTERN,
        end: str | None = None,
        most_words: int = 250_000,
    ) -> "BPETokenizer":
        """Learn a tokenizer from a stream of texts, in constant memory.

        The texts are counted and forgotten. With at most `most_words` different words, the merges
        are those of `train` on all texts; of more, the rarest are forgotten, see `count_words`.

        Args:
            texts: one after the other; no word goes on from one to the next.
            vocab_size: as for `train`, and so are the next three.
            special_tokens: see there.
            pattern: see there.
            end: see there.
            most_words: how many different words are kept.

        Raises:
            ValueError: as `train`.

        >>> BPETokenizer.train_from_iterator(["banana", " bandana"], 259).encode("banana")
        [257, 258]
        """
        special = check_special_tokens(special_tokens)
        n_merges = check_integer("vocab_size", vocab_size, 256 + len(special)) - 256 - len(special)
        tokens, merges = [bytes([byte]) for byte in range(256)], []
        for left, right in learn_merges(count_words(texts, special, pattern, most_words), n_merges):
            merges.append((tokens[left], tokens[right]))
            tokens.append(tokens[left] + tokens[right])
        tokens += [token.encode() for token in special]
        return cls(dict(enumerate(tokens)), merges, special, pattern, end)

    @classmethod
    def from_merges(
        cls,
        vocab: Mapping[int, bytes],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Iterable[str] | Mapping[str, int] = (),
        pattern: str | Sequence[str] = GPT2_PATTERN,
        end: str | None = None,
        **settings: object,
    ) -> "BPETokenizer":
        """Make a tokenizer from a vocabulary learned elsewhere; arguments as for the class."""
        return cls(vocab, merges, special_tokens, pattern, end, **settings)

    @property
    def vocab_size(self) -> int:
        """Rows that an embedding table needs: the highest id and one."""
        return max(self.vocab) + 1

    @property
    def ordinary(self) -> dict[bytes, int]:
        """The tokens that are bytes or made by merges, with their ids: all but the added ones."""
        pairs = zip(self._tokens, self._ids, strict=True)
        return {token: i for token, i in pairs if i >= 0}

    @property
    def end_id(self) -> int | None:
        """The id of the token that ends a text, None where there is none."""
        return None if self.end is None else self.special_tokens[self.end]

    def __repr__(self) -> str:
        n_bytes = 256 - len(self._lacking)
        return (
            f"BPETokenizer({len(self.vocab)} tokens: {n_bytes} bytes, {len(self.merges)} merges, "
            f"{len(self.special_tokens)} special)"
        )

    def encode(self, text: str, allowed_special: Iterable[str] = ()) -> list[int]:
        """Return the token ids of `text`; nothing is added before or after them.

        Args:
            text: any text; the empty one has no tokens.
            allowed_special: special tokens to recognise in `text`, or ``"all"``. Others are read as
                plain text, so that what a user types cannot pose as one. User-defined tokens are
                recognised always.

        Raises:
            ValueError: not text, a lone surrogate, or an allowed token that is not special here.
        """
        return self._encode(check_text(text), self._allowed(allowed_special))

    def _encode(self, text: str, allowed: set[str]) -> list[int]:
        """Return the ids of `text`; all of `allowed` are recognised in it."""
        early = allowed.difference(self.normalized)
        late = self._late if allowed.issuperset(self.normalized) else self._late_among(allowed)
        ids = []
        for part in split_special(text, early):
            if part in early:
                ids.append(self._added[part])
                continue
            for piece in split_special(self._normalize(part), late):
                if piece in late:
                    ids.append(late[piece])
                else:
                    self._encode_ordinary(piece, ids)
        return ids

    def _late_among(self, allowed: set[str]) -> dict[str, int]:
        return {self._normalize(t): self._added[t] for t in self.normalized if t in allowed}

    def _normalize(self, text: str) -> str:
        return unicodedata.normalize(self.normalizer, text) if self.normalizer else text

    def _allowed(self, allowed_special: Iterable[str]) -> set[str]:
        """Return all tokens to recognise: those allowed and the user-defined ones."""
        if isinstance(allowed_special, str) and allowed_special == "all":
            return set(self._added)
        if isinstance(allowed_special, str) or not isinstance(allowed_special, Iterable):
            raise ValueError(f'expected a set of special tokens or "all", got {allowed_special!r}')
        allowed = list(allowed_special)
        if unknown := [token for token in allowed if token not in self._added]:
            raise ValueError(
                f"expected special tokens of this tokenizer {sorted(self.special_tokens)}, "
                f"got {unknown}"
            )
        return {*allowed, *self.user_defined}

    def _encode_ordinary(self, text: str, ids: list[int]) -> None:
        cache = self._cache
        for word in self._split(text):
            known = cache.get(word)
            if known is None:
                known = self._encode_word(word.encode())
                if len(word) <= self._CACHE_CHARACTERS:
                    if len(cache) >= self._CACHE_WORDS:
                        cache.clear()
                    cache[word] = known
            ids += known

    def _split(self, text: str) -> list[str]:
        if isinstance(self.pattern, str):
            return split_words(text, self.pattern)
        pieces = [text]
        for step in self._steps:
            pieces = [part for piece in pieces for part in _isolate(step, piece)]
        return pieces

    def _encode_word(self, word: bytes) -> list[int]:
        if self.ignore_merges and word in self._numbers:
            whole = self._ids[self._numbers[word]]
            if whole >= 0:
                return [whole]
        if not self._lacking:
            return [self._ids[number] for number in self._merge(word)]
        if self.unknown is None:
            word = word.translate(None, self._lacking)
            return [self._ids[number] for number in self._merge(word)]
        ids = []
        for lacking, run in groupby(word, self._lacking.__contains__):
            run = bytes(run)
            if lacking:
                ids += [self._added[self.unknown]] * (1 if self.fuse_unknown else len(run))
            else:
                ids += [self._ids[number] for number in self._merge(run)]
        return ids

    def _merge(self, word: bytes) -> list[int]:
        """Apply the first merge of the list that fits, at its first place, until none fits."""
        if len(word) > self._LONG_WORD:
            return self._merge_long(word)
        numbers, ranks, makes = list(word), self._ranks, self._makes
        never = len(makes)
        found = [ranks.get(pair, never) for pair in pairwise(numbers)]
        while found and (rank := min(found)) < never:
            i, new = found.index(rank), makes[rank]
            numbers[i : i + 2] = [new]
            del found[i]
            if i < len(found):
                found[i] = ranks.get((new, numbers[i + 1]), never)
            if i:
                found[i - 1] = ranks.get((numbers[i - 1], new), never)
        return numbers

    def _merge_long(self, word: bytes) -> list[int]:
        """Do the same with a heap of ranks and places, in time not much above the length."""
        size, ranks, makes = len(word), self._ranks, self._makes
        numbers = array("q", [*word, -1])  # -1 is in no merge
        before, after = array("q", range(-1, size)), array("q", range(1, size + 2))
        pairs = enumerate(pairwise(word))
        heap = [ranks[pair] * size + place for place, pair in pairs if pair in ranks]
        heapq.heapify(heap)
        while heap:
            rank, i = divmod(heapq.heappop(heap), size)
            j = after[i]
            if ranks.get((numbers[i], numbers[j])) != rank:
                continue  # an earlier merge changed this place
            numbers[i], numbers[j] = makes[rank], -1
            after[i] = k = after[j]
            before[k] = i
            for left, right in ((before[i], i), (i, k)):
                pair = numbers[left], numbers[right]
                if left >= 0 and pair in ranks:
                    heapq.heappush(heap, ranks[pair] * size + left)
        return [number for number in numbers if number >= 0]

    def encode_iterable(
        self, iterable: Iterable[str], allowed_special: Iterable[str] = ()
    ) -> Iterator[int]:
        """Yield the token ids of texts that follow one another, without holding them all.

        The ids are those of `encode` on the joined text. With the patterns of GPT-2, GPT-4 and
        Llama 3, text is held back only from the last place where what follows cannot change the
        words before, such as a space after a letter, so memory stays constant while such places
        keep coming. Of another pattern nothing is known, and all text is held; so it is where text
        is normalized.

        Args:
            iterable: pieces of one text, such as an open file's lines.
            allowed_special: see `encode`.

        Raises:
            ValueError: as `encode`, when the piece is reached.
        """
        allowed = self._allowed(allowed_special)
        longest = max(map(len, allowed), default=0)
        safe = self.pattern in SAFE_CUTS and not (self.normalizer or self.normalized)
        held, size, enough = [], 0, 0  # looking again only at twice the size keeps the time linear
        for piece in iterable:
            held.append(check_text(piece))
            size += len(piece)
            if safe and size >= enough:
                text = "".join(held)
                cut = self._safe_cut(text, allowed, len(text) - longest)
                yield from self._encode(text[:cut], allowed)
                held, size = [text[cut:]], len(text) - cut
                enough = 2 * size
        yield from self._encode("".join(held), allowed)

    def _safe_cut(self, text: str, allowed: set[str], end: int) -> int:
        """Return the last place up to `end` where what follows cannot change what is before."""
        cut = start = 0
        for part in split_special(text, allowed):
            if start > end:
                break
            cut = start
            if part not in allowed:
                for place in regex.finditer(SAFE_CUTS[self.pattern], part):
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
            ValueError: tiktoken would give other ids. It knows no merges, only tokens: it joins any
                two neighbours that make a token, the lowest id first. So ids have to rise in the
                order of the merges, and each token's bytes have to merge into that token. It has no
                user-defined tokens, normal forms, steps of patterns or bytes without a token.
        """
        ids = [self._ids[number] for number in (*range(256), *self._makes)]
        if self._lacking or self.user_defined or self.normalizer or self.normalized:
            raise ValueError("expected all bytes, special tokens and a pattern, got more settings")
        if not isinstance(self.pattern, str):
            raise ValueError(f"expected a single pattern, got {len(self.pattern)} steps")
        if ids[256:] != sorted(ids[256:]) or max(ids[:256]) > min(ids[256:], default=max(ids)):
            raise ValueError("expected ids that rise in the order of the merges, got another order")
        for number, token in enumerate(self._tokens):
            if self._merge(token) != [number]:
                raise ValueError(f"expected merges that lead to each token, got none to {token!r}")
        return tiktoken.Encoding(
            name="lessons_lib",
            pat_str=self.pattern,
            mergeable_ranks=dict(zip(self._tokens, self._ids, strict=True)),
            special_tokens=self.special_tokens,
        )

    def digest(self) -> str:
        """Return the SHA-256 of all that decides the ids, as it stands in the file of `save`."""
        return files.digest(self)

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
        """Write tokenizer.json and its configuration, which `transformers` opens; atomic.

        Raises:
            ValueError: the file could not say it, and `tokenizers` would give other ids: a pattern
                that engines read differently, an added token that looks as other bytes do in the
                file, ids of more than 32 bits. Then nothing has been written.
        """
        published.write(self, folder)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "BPETokenizer":
        """Read the tokenizer.json of a byte-level BPE, such as GPT-2's, Llama 3's or Qwen3's.

        ``encode(text, "all")`` then gives the ids of the library `tokenizers` without what a
        template adds, such as a token for the beginning: ``encode(text, add_special_tokens=False)``
        there. The end token is the one that tokenizer_config.json names. The libraries carry
        different Unicode versions: characters added in the last years may be cut otherwise.

        Raises:
            ValueError: the file is broken, its tokenizer is of another kind, or it has a setting
                that would give other ids here; the message names it.
            OSError: the file cannot be read.
        """
        return published.read(cls, folder)


_NORMAL_FORMS = ("NFC", "NFD", "NFKC", "NFKD")


def _check_flag(name: str, value: bool) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected {name} to be True or False, got {value!r}")
    return value


def _check_patterns(pattern: str | Sequence[str]) -> tuple[str | tuple[str, ...], list]:
    """Return the pattern, or several as a tuple, and each compiled."""
    if isinstance(pattern, str):
        return check_pattern(pattern).pattern, [check_pattern(pattern)]
    if not isinstance(pattern, list | tuple) or not pattern:
        raise ValueError(f"expected a pattern or several, got {pattern!r:.80}")
    steps = [check_pattern(step) for step in pattern]
    return tuple(step.pattern for step in steps), steps


def _isolate(step: regex.Pattern, text: str) -> list[str]:
    """Cut `text` into the matches of a pattern and what stands between them."""
    pieces, end = [], 0
    for match in step.finditer(text):
        if match.end() == match.start():
            raise ValueError(f"expected a pattern without empty matches, got {step.pattern!r}")
        if match.start() > end:
            pieces.append(text[end : match.start()])
        pieces.append(match[0])
        end = match.end()
    if end < len(text):
        pieces.append(text[end:])
    return pieces


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
