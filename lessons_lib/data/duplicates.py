"""Duplicates and near duplicates: sets of shingles, MinHash, and locality-sensitive hashing."""

import functools
import hashlib
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import regex

from lessons_lib.base.validation import check_integer, check_number, check_text

WIDTH = 5  # words of a shingle, as in FineWeb


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters, without the signs around them.

    >>> words_of("«¿Dónde está?», dijo.")
    ['dónde', 'está', 'dijo']
    """
    return regex.findall(
        r"[\p{L}\p{M}\p{N}]+(?:['’·-][\p{L}\p{M}\p{N}]+)*", check_text(text).lower()
    )


def shingles(text: str, width: int = WIDTH) -> set[str]:
    """Return all runs of `width` words of a text; of a shorter one, all of it as one.

    Raises:
        ValueError: no text, or a width below 1.

    >>> sorted(shingles("Ana has a dog", 3))
    ['ana has a', 'has a dog']
    """
    words = words_of(text)
    check_integer("width", width, 1)
    if len(words) <= width:
        return {" ".join(words)} - {""}
    return {" ".join(words[i : i + width]) for i in range(len(words) - width + 1)}


def jaccard(one: set, other: set) -> float:
    """Return the share of what two sets have in common, of all they have; 1 for two empty ones.

    >>> jaccard({1, 2, 3}, {2, 3, 4})
    0.5
    """
    return len(one & other) / len(one | other) if one or other else 1.0


def fingerprint(text: str) -> str:
    """Return a checksum of a text's words: equal for copies that differ in signs and spaces alone.

    >>> fingerprint("Hello, world!") == fingerprint("hello   world")
    True
    """
    return hashlib.sha256(" ".join(words_of(text)).encode()).hexdigest()


def mix(numbers: np.ndarray) -> np.ndarray:
    """Stir 32-bit numbers so that close ones end up far apart; no two become one.

    Source: the last step of MurmurHash3 (A. Appleby), which datasketch 2 uses here too.
    """
    x = np.asarray(numbers, np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def hash_orders(n_hashes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return factors (n,) and addends (n,) of as many orders of the 32-bit numbers.

    A number x has the place ``a x + b`` modulo 2^32 in an order. The factors are odd, so that no
    two numbers have one place. The orders of a longer list begin with those of a shorter one.

    Raises:
        ValueError: fewer than 1 or more than 4,096 hashes, or a seed that does not fit 32 bits.
    """
    n = 2 * check_integer("n_hashes", n_hashes, 1, 2**12)
    start = np.uint32(check_integer("seed", seed, 0, 2**32 - 1))
    steps = np.arange(1, n + 1, dtype=np.uint32) * np.uint32(0x9E3779B9)
    drawn = mix(steps + mix(np.array([start])))
    return drawn[::2] | np.uint32(1), drawn[1::2]


def min_hash(text: str, n_hashes: int = 128, seed: int = 0, width: int = WIDTH) -> np.ndarray:
    """Return the signature of a text: the first of its shingles in each of `n_hashes` orders.

    Two texts have the same first shingle with a probability equal to their Jaccard similarity. So
    the share of equal numbers in two signatures estimates it, see `estimate_jaccard`.

    Args:
        text: any text.
        n_hashes: how many orders.
        seed: of the orders. Only signatures of one seed can be compared.
        width: words of a shingle.

    Returns:
        (n_hashes,) of uint32; for a text without words, the largest number each time.

    Raises:
        ValueError: no text, or a number out of range.

    Source: Broder, "On the resemblance and containment of documents", 1997. The orders are those of
    datasketch's ``affine32``, with CRC-32 in place of SHA-1.

    >>> a, b = (min_hash(text, 64, seed=0) for text in ("one two three", "four five six"))
    >>> a.shape, int((a == b).sum())
    ((64,), 0)
    """
    factors, addends = hash_orders(n_hashes, seed)
    codes = [zlib.crc32(shingle.encode()) for shingle in shingles(text, width)]
    least = np.full(len(factors), 2**32 - 1, np.uint32)
    for code in mix(np.array(codes, np.uint32)):
        least = np.minimum(least, factors * code + addends)
    return least


def estimate_jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of equal numbers of two signatures, an estimate of the similarity J.

    Its standard error is sqrt(J (1 - J) / n) for n hashes.

    Raises:
        ValueError: signatures of different lengths, or empty ones.
    """
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"expected two signatures of one length, got {a.shape} and {b.shape}")
    return float(np.mean(a == b))


def lsh_probability(similarity: float, bands: int, rows: int) -> float:
    """Return how likely two texts share at least one whole band of their signatures.

    Args:
        similarity: their Jaccard similarity J.
        bands: b, how many bands a signature is cut into.
        rows: r, how many hashes a band has.

    Returns:
        1 - (1 - J^r)^b.

    Raises:
        ValueError: a similarity outside 0 to 1, or a number below 1.

    Source: Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4.2.

    >>> round(lsh_probability(0.8, 14, 8), 3)  # FineWeb's 112 hashes
    0.924
    """
    check_number("similarity", similarity, least=0, most=1)
    check_integer("bands", bands, 1)
    check_integer("rows", rows, 1)
    return 1 - (1 - similarity**rows) ** bands


def choose_bands(threshold: float, n_hashes: int) -> tuple[int, int]:
    """Return bands and rows whose curve rises nearest to a threshold and misses little above it.

    Of all ways to cut `n_hashes`, the one with the least area of wrong decisions: candidates below
    the threshold, and misses above it, which weigh nine times as much, since a candidate is looked
    at again and a miss is not.

    Raises:
        ValueError: a threshold that is not above 0 and at most 1, or fewer than 1 hash.

    Source: Zhu et al., "LSH Ensemble", 2016, section 5.4; datasketch's ``MinHashLSH`` chooses so,
    with the weights 0.5 and 0.5.

    >>> choose_bands(0.8, 128)
    (14, 9)
    """
    check_number("threshold", threshold, above=0, most=1)
    return _choose_bands(threshold, check_integer("n_hashes", n_hashes, 1, 2**12))


@functools.cache
def _choose_bands(threshold: float, n_hashes: int) -> tuple[int, int]:
    s = (np.arange(400) + 0.5) / 400
    best = (np.inf, 0, 0)
    for rows in range(1, n_hashes + 1):
        missed = 1.0
        for bands in range(1, n_hashes // rows + 1):
            missed = missed * (1 - s**rows)
            caught = 1 - missed[s < threshold]
            cost = 0.1 * caught.sum() + 0.9 * missed[s >= threshold].sum()
            best = min(best, (float(cost), bands, rows))
    return best[1:]


def candidate_pairs(signatures: Sequence[np.ndarray], bands: int) -> set[tuple[int, int]]:
    """Return the pairs of texts that share at least one whole band of their signatures.

    Texts with the same band fall into one bucket, so nobody compares all pairs.

    Args:
        signatures: one a text, all of one length.
        bands: how many bands to cut each into; hashes that are left over are not used.

    Raises:
        ValueError: signatures of different lengths, or fewer hashes than bands.
    """
    lengths = {len(one) for one in signatures} or {bands}
    if len(lengths) != 1 or min(lengths) < check_integer("bands", bands, 1):
        raise ValueError(f"expected signatures of one length, {bands} at least, got {lengths}")
    rows, pairs = lengths.pop() // bands, set()
    for start in range(0, bands * rows, rows):
        buckets = defaultdict(list)
        for i, signature in enumerate(signatures):
            buckets[signature[start : start + rows].tobytes()].append(i)
        for same in buckets.values():
            pairs.update(combinations(same, 2))
    return pairs


def near_duplicates(
    texts: Sequence[str],
    threshold: float = 0.8,
    n_hashes: int = 128,
    seed: int = 0,
    width: int = WIDTH,
) -> list[tuple[int, int]]:
    """Return the pairs of texts whose estimated similarity is at least `threshold`.

    Candidates come from `candidate_pairs`; of those the signatures decide. Texts without words are
    no duplicates of each other.

    Args:
        texts: any number.
        threshold: above 0, at most 1.
        n_hashes: of a signature.
        seed: of the orders.
        width: words of a shingle.

    Returns:
        Pairs (i, j) of numbers of texts, i < j, in order.

    Raises:
        ValueError: one text in place of several, or a number out of range.

    >>> near_duplicates(["a b c d e f", "g h i j k l", "A, b, c, d, e, f!"], 0.8)
    [(0, 2)]
    """
    if isinstance(texts, str | bytes):
        raise ValueError(f"expected several texts, got one: {texts!r:.40}")
    bands, _ = choose_bands(threshold, n_hashes)
    signatures = [min_hash(text, n_hashes, seed, width) for text in texts]
    filled = [i for i, one in enumerate(signatures) if (one < 2**32 - 1).any()]
    pairs = candidate_pairs([signatures[i] for i in filled], bands)
    pairs = sorted((filled[i], filled[j]) for i, j in pairs)
    return [(i, j) for i, j in pairs if estimate_jaccard(signatures[i], signatures[j]) >= threshold]


def keep_first(n: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return which of n texts to keep: of all that hang together by pairs, the first.

    Raises:
        ValueError: a negative n, or a pair with a number outside 0 .. n - 1.

    >>> keep_first(5, [(0, 3), (3, 4)])
    [0, 1, 2]
    """
    first = list(range(check_integer("n", n, 0)))

    def root(i: int) -> int:
        while first[i] != i:
            first[i] = first[first[i]]
            i = first[i]
        return i

    for pair in pairs:
        a, b = (root(check_integer("pair", i, 0, n - 1)) for i in pair)
        first[max(a, b)] = min(a, b)
    return [i for i in range(n) if first[i] == i]
