"""Wrong answers to the exercises of the chapter `tokens`."""

import math
from collections import Counter
from itertools import pairwise

from lessons_lib.classroom.practice.tokens import check_best_split, check_fewest_merges
from lessons_lib.tokens import BPE, merge_pair, train_bpe


def best_of(counts):
    return min(counts, key=lambda pair: (-counts[pair], pair))


def weighted(words):
    counts = Counter()
    for ids, times in words.items():
        for pair in pairwise(ids):
            counts[pair] += times
    return counts


def without_overlap(words):
    counts = Counter()
    for ids, times in words.items():
        for pair in set(pairwise(ids)):
            counts[pair] += times * (len(ids) - len(merge_pair(ids, pair, -1)))
    return best_of(counts)


def cuts(word, shares):
    """List all cuts of `word` into pieces of `shares`."""
    if not word:
        return [[]]
    starts = [word[:n] for n in range(1, len(word) + 1) if word[:n] in shares]
    return [[piece, *rest] for piece in starts for rest in cuts(word[len(piece) :], shares)]


def longest_first(word, shares):
    pieces = []
    while word:
        pieces.append(max((p for p in shares if word.startswith(p)), key=len))
        word = word[len(pieces[-1]) :]
    return pieces


def likeliest_first(word, shares):
    pieces = []
    while word:
        pieces.append(max((p for p in shares if word.startswith(p)), key=shares.get))
        word = word[len(pieces[-1]) :]
    return pieces


def by_product(word, shares):
    return max(cuts(word, shares), key=lambda pieces: math.prod(shares[p] for p in pieces))


def by_sum(word, shares):
    return max(cuts(word, shares), key=lambda pieces: sum(shares[p] for p in pieces))


def empty_word_is_a_piece(word, shares):
    return check_best_split.solution(word, shares) or [word]


def first_that_reaches(training, new, wanted, most, per_token):
    _, merges = train_bpe(training, 256 + most)
    for n in range(len(merges) + 1):
        if per_token(new, BPE(merges[:n]).encode(new)) >= wanted:
            return n
    return -1


def bytes_each(text, ids):
    return len(text.encode()) / len(ids)


def more_than(training, new, wanted, most):
    return first_that_reaches(training, new, wanted + 1e-9, most, bytes_each)


def always_trains(training, new, wanted, most):
    for n in range(most + 1):
        vocab, merges = train_bpe(training, 256 + n)
        if len(vocab) < 256 + n:
            return n
        if bytes_each(new, BPE(merges).encode(new)) >= wanted:
            return n
    return -1


WRONG = {
    "check_bytes_per_token": {
        "characters for bytes": lambda text, ids: len(text) / len(ids),
        "upside down": lambda text, ids: len(ids) / len(text.encode()),
        "whole numbers": lambda text, ids: len(text.encode()) // len(ids),
        "distinct tokens": lambda text, ids: len(text.encode()) / len(set(ids)),
        "nothing": lambda text, ids: None,
        "rounded": lambda text, ids: round(len(text.encode()) / len(ids), 2),
        "zero": lambda text, ids: 0.0,
    },
    "check_best_pair": {
        "forgets how often a word occurs": lambda words: best_of(
            Counter(pair for ids in words for pair in pairwise(ids))
        ),
        "first seen wins a tie": lambda words: weighted(words).most_common(1)[0][0],
        "largest wins a tie": lambda words: max(
            weighted(words), key=lambda pair: (weighted(words)[pair], pair)
        ),
        "crosses words": lambda words: best_of(
            Counter(pairwise([i for ids, times in words.items() for i in ids * times]))
        ),
        "no overlap": without_overlap,
        "bytes only": lambda words: best_of(
            {pair: n for pair, n in weighted(words).items() if max(pair) < 256}
        ),
        "count, not pair": lambda words: max(weighted(words).values()),
    },
    "check_best_split": {
        "characters": lambda word, shares: list(word),
        "longest piece first": longest_first,
        "most probable piece first": likeliest_first,
        "fewest pieces": lambda word, shares: min(cuts(word, shares), key=len),
        "sum of probabilities": by_sum,
        "product that becomes 0": by_product,
        "last piece first": lambda word, shares: check_best_split.solution(word, shares)[::-1],
        "joined": lambda word, shares: " ".join(check_best_split.solution(word, shares)),
        "empty word is a piece": empty_word_is_a_piece,
    },
    "check_fewest_merges": {
        "all of them": lambda training, new, wanted, most: most,
        "size of the vocabulary": lambda *given: 256 + check_fewest_merges.solution(*given),
        "more than, not at least": more_than,
        "measured on the training text": lambda training, new, wanted, most: first_that_reaches(
            training, training, wanted, most, bytes_each
        ),
        "learned from the new text": lambda training, new, wanted, most: first_that_reaches(
            new, new, wanted, most, bytes_each
        ),
        "characters for bytes": lambda training, new, wanted, most: first_that_reaches(
            training, new, wanted, most, lambda text, ids: len(text) / len(ids)
        ),
        "from one merge on": lambda *given: check_fewest_merges.solution(*given) or 1,
        "without a limit": lambda training, new, wanted, most: first_that_reaches(
            training, new, wanted, 999, bytes_each
        ),
        "the limit where it is not reached": lambda training, new, wanted, most: (
            most if (n := check_fewest_merges.solution(training, new, wanted, most)) < 0 else n
        ),
        "stops where training stops": always_trains,
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_bytes_per_token", "characters for bytes"): "not characters",
    ("check_bytes_per_token", "whole numbers"): "keep the fraction",
    ("check_bytes_per_token", "distinct tokens"): "repeated ones",
    ("check_best_pair", "forgets how often a word occurs"): "4 times",
    ("check_best_pair", "crosses words"): "no pair crosses",
    ("check_best_pair", "first seen wins a tie"): "equally frequent",
    ("check_best_pair", "largest wins a tie"): "equally frequent",
    ("check_best_pair", "no overlap"): "overlap",
    ("check_best_pair", "bytes only"): "larger than 255",
    ("check_best_split", "characters"): "more probable",
    ("check_best_split", "longest piece first"): "whole cuts",
    ("check_best_split", "most probable piece first"): "more probable",
    ("check_best_split", "fewest pieces"): "product of their",
    ("check_best_split", "product that becomes 0"): "logarithms",
    ("check_best_split", "empty word is a piece"): "empty word",
    ("check_fewest_merges", "more than, not at least"): "exactly 2",
    ("check_fewest_merges", "measured on the training text"): "the second",
    ("check_fewest_merges", "characters for bytes"): "not characters",
    ("check_fewest_merges", "from one merge on"): "0 merges",
    ("check_fewest_merges", "without a limit"): "at most",
    ("check_fewest_merges", "stops where training stops"): "run out",
}
