"""Byte-pair encoding: words, pairs and merges, learned and applied."""

import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import regex

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
    "TokenChain",
    "count_pairs",
    "learn_merges",
    "merge_pair",
    "split_special",
    "split_words",
    "train_bpe",
    "train_bpe_naive",
]


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
    check_integer("n_merges", n_merges, 0)
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
            new_id = self.ids.setdefault(left + right, len(self.ids))  # pairs may share a token
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
