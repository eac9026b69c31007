"""Wrong answers to the exercises of the chapter `ngrams`."""

import math
from collections import Counter
from itertools import pairwise

from lessons_lib.classroom.practice.ngrams import (
    check_add_k,
    check_bits_per_byte_of,
    check_perplexity_of,
)
from lessons_lib.ngrams import NGram, cross_entropy


def writes(choose, stop=True, whole=True):
    def write_bigrams(ids, start, n):
        pairs, written = Counter(pairwise(ids)), [start]
        for _ in range(n):
            followed = {b: times for (a, b), times in pairs.items() if a == written[-1]}
            if not followed and stop:
                break
            written.append(choose(followed) if followed else 0)
        return written if whole else written[1:]

    return write_bigrams


def best(followed):
    return min(followed, key=lambda token: (-followed[token], token))


def no_pair_with_itself(ids, start, n):
    return writes(best)([i for i, j in pairwise([*ids, None]) if i != j], start, n)


def fails_at_the_end(ids, start, n):
    followers, written = {}, [start]
    for left, right in pairwise(ids):
        followers.setdefault(left, Counter())[right] += 1
    for _ in range(n):
        written.append(best(followers[written[-1]]))
    return written


def fails_at_an_unknown_start(ids, start, n):
    if start not in ids:
        raise KeyError(start)
    return writes(best)(ids, start, n)


def chooses(by="validation", report="test", orders=range(1, 6), best=min, more=False):
    """Return a `choose_order` that chooses by one text and reports the loss on another."""

    def choose_order(counted, validation, test, vocab_size):
        texts = {"counted": counted, "validation": validation, "test": test}
        if more:
            counted = counted + validation
        models = [NGram(counted, n, vocab_size) for n in orders]
        losses = [cross_entropy(model.surprises(texts[by])) for model in models]
        model = models[losses.index(best(losses))]
        return model.n, cross_entropy(model.surprises(texts[report]))

    return choose_order


def of_loss(change):
    def choose_order(counted, validation, test, vocab_size):
        order, loss = chooses()(counted, validation, test, vocab_size)
        return order, change(loss, len(test))

    return choose_order


WRONG = {
    "check_perplexity_of": {
        "nothing": lambda probs: 1.0,
        "cross-entropy": lambda probs: (
            math.inf if 0 in probs else -sum(map(math.log, probs)) / len(probs)
        ),
        "sign": lambda probs: (
            math.inf if 0 in probs else math.exp(sum(map(math.log, probs)) / len(probs))
        ),
        "base 2 and e": lambda probs: (
            math.inf if 0 in probs else math.exp(-sum(map(math.log2, probs)) / len(probs))
        ),
        "mean of the probabilities": lambda probs: (
            math.inf if 0 in probs else len(probs) / sum(probs)
        ),
        "mean of 1 / p": lambda probs: (
            math.inf if 0 in probs else sum(1 / p for p in probs) / len(probs)
        ),
        "sum, not mean": lambda probs: (
            math.inf if 0 in probs else math.exp(-sum(map(math.log, probs)))
        ),
        "leaves out the certain": lambda probs: check_perplexity_of.solution(
            [p for p in probs if p != 1]
        ),
        "fails at zero": lambda probs: math.exp(-sum(map(math.log, probs)) / len(probs)),
        "leaves out zeros": lambda probs: check_perplexity_of.solution([p for p in probs if p]),
        "product": lambda probs: math.inf if 0 in probs else math.prod(probs) ** (-1 / len(probs)),
    },
    "check_add_k": {
        "no smoothing": lambda counts, token, vocab_size, k: (
            counts.get(token, 0) / sum(counts.values())
        ),
        "k below only once": lambda counts, token, vocab_size, k: (
            (counts.get(token, 0) + k) / (sum(counts.values()) + k)
        ),
        "k for tokens seen": lambda counts, token, vocab_size, k: (
            (counts.get(token, 0) + k) / (sum(counts.values()) + k * len(counts))
        ),
        "only above": lambda counts, token, vocab_size, k: (
            (counts.get(token, 0) + k) / sum(counts.values())
        ),
        "always 1": lambda counts, token, vocab_size, k: check_add_k.solution(
            counts, token, vocab_size, 1
        ),
        "1 above, k below": lambda counts, token, vocab_size, k: (
            (counts.get(token, 0) + 1) / (sum(counts.values()) + k * vocab_size)
        ),
        "fails where missing": lambda counts, token, vocab_size, k: (
            (counts[token] + k) / (sum(counts.values()) + k * vocab_size) if counts else 0.25
        ),
        "zero where missing": lambda counts, token, vocab_size, k: (
            check_add_k.solution(counts, token, vocab_size, k) if token in counts else 0.0
        ),
        "zero without counts": lambda counts, token, vocab_size, k: (
            check_add_k.solution(counts, token, vocab_size, k) if counts else 0.0
        ),
        "0 means 1": lambda counts, token, vocab_size, k: check_add_k.solution(
            counts, token, vocab_size, k or 1
        ),
    },
    "check_bits_per_byte_of": {
        "nothing": lambda text, nats, n: nats,
        "stays in nats": lambda text, nats, n: nats * n / len(text.encode()),
        "multiplies": lambda text, nats, n: nats * n * math.log(2) / len(text.encode()),
        "forgets the tokens": lambda text, nats, n: nats / math.log(2) / len(text.encode()),
        "per token": lambda text, nats, n: nats / math.log(2),
        "characters": lambda text, nats, n: nats * n / math.log(2) / len(text),
        "Latin-1": lambda text, nats, n: (
            nats * n / math.log(2) / len(text.encode("latin-1", "replace"))
        ),
        "whole division": lambda text, nats, n: nats * n / math.log(2) // len(text.encode()),
        "upside down": lambda text, nats, n: 1 / check_bits_per_byte_of.solution(text, nats, n),
    },
    "check_write_bigrams": {
        "only start": lambda ids, start, n: [start],
        "without start": writes(best, whole=False),
        "one too many": lambda ids, start, n: writes(best)(ids, start, n + 1),
        "one too few": lambda ids, start, n: writes(best)(ids, start, max(n - 1, 0)),
        "first seen": writes(lambda followed: max(followed, key=followed.get)),
        "largest of equals": writes(lambda f: max(f, key=lambda token: (f[token], token))),
        "smallest": writes(min),
        "least frequent": writes(lambda followed: min(followed, key=followed.get)),
        "goes on with 0": writes(best, stop=False),
        "fails at the end": fails_at_the_end,
        "fails at an unknown start": fails_at_an_unknown_start,
        "never itself": no_pair_with_itself,
    },
    "check_choose_order": {
        "longest": chooses(orders=[5]),
        "chosen on the test": chooses(by="test"),
        "chosen on what was counted": chooses(by="counted"),
        "validation's loss": chooses(report="validation"),
        "highest": chooses(best=max),
        "never order 1": chooses(orders=range(2, 6)),
        "never order 5": chooses(orders=range(1, 5)),
        "counts validation too": chooses(more=True),
        "sum, not mean": of_loss(lambda loss, n: loss * n),
        "perplexity": of_loss(lambda loss, n: math.exp(loss)),
        "order counted from 0": lambda *texts: (chooses()(*texts)[0] - 1, chooses()(*texts)[1]),
        "only the order": lambda *texts: chooses()(*texts)[0],
    },
}

# Which case finds each of these, by some words of its hint: no hint stands at the wrong case.
FOUND_BY = {
    ("check_perplexity_of", "nothing"): "the same p",
    ("check_perplexity_of", "cross-entropy"): "then math.exp",
    ("check_perplexity_of", "sign"): "-math.log(p)",
    ("check_perplexity_of", "mean of the probabilities"): "not the probabilities",
    ("check_perplexity_of", "mean of 1 / p"): "not 1 / p",
    ("check_perplexity_of", "leaves out the certain"): "certain",
    ("check_perplexity_of", "fails at zero"): "infinite",
    ("check_perplexity_of", "leaves out zeros"): "infinite",
    ("check_perplexity_of", "product"): "add logarithms",
    ("check_add_k", "k below only once"): "each of the vocab_size",
    ("check_add_k", "k for tokens seen"): "each of the vocab_size",
    ("check_add_k", "only above"): "to the total",
    ("check_add_k", "always 1"): "another number than 1",
    ("check_add_k", "1 above, k below"): "another number than 1",
    ("check_add_k", "fails where missing"): "never followed",
    ("check_add_k", "zero where missing"): "never followed",
    ("check_add_k", "zero without counts"): "a context never seen",
    ("check_add_k", "0 means 1"): "k = 0",
    ("check_bits_per_byte_of", "nothing"): "math.log(2)",
    ("check_bits_per_byte_of", "stays in nats"): "math.log(2)",
    ("check_bits_per_byte_of", "multiplies"): "math.log(2)",
    ("check_bits_per_byte_of", "per token"): "number of tokens",
    ("check_bits_per_byte_of", "characters"): "not characters",
    ("check_bits_per_byte_of", "Latin-1"): "not characters",
    ("check_write_bigrams", "only start"): "begin with start",
    ("check_write_bigrams", "without start"): "begin with start",
    ("check_write_bigrams", "first seen"): "smallest id",
    ("check_write_bigrams", "largest of equals"): "smallest id",
    ("check_write_bigrams", "smallest"): "first the count",
    ("check_write_bigrams", "goes on with 0"): "stop there",
    ("check_write_bigrams", "fails at the end"): "stop there",
    ("check_write_bigrams", "fails at an unknown start"): "never stood",
    ("check_write_bigrams", "never itself"): "follow itself",
    ("check_choose_order", "longest"): "lowest cross-entropy on",
    ("check_choose_order", "chosen on the test"): "do not choose on the test",
    ("check_choose_order", "chosen on what was counted"): "lowest cross-entropy on",
    ("check_choose_order", "never order 1"): "try it too",
    ("check_choose_order", "never order 5"): "come round again",
}
