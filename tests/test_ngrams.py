import doctest
import math
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from lessons_lib import ngrams as module
from lessons_lib.corpus.stories import sample
from lessons_lib.ngrams import (
    NGram,
    add_k_probs,
    count_ngrams,
    cross_entropy,
    nats_to_bits_per_byte,
    perplexity,
    sample_tokens,
    witten_bell_probs,
)
from lessons_lib.tokens import BPETokenizer, bits_per_byte

V = 5
# Few different tokens make contexts repeat; token 4 is often missing.
texts = st.lists(st.integers(0, V - 1), max_size=30)
contexts = st.lists(st.integers(0, V - 1), max_size=6)
orders = st.integers(1, 5)

# What the tests compare with: the definitions, word by word, in fractions.


def followers(ids, context):
    """The tokens that follow `context` in `ids`, found by looking at every place."""
    size = len(context)
    return [ids[i + size] for i in range(len(ids) - size) if ids[i : i + size] == context]


def witten_bell_exact(ids, context, token, size):
    """The probability by Witten and Bell's formula, from the longest context down."""
    shorter = witten_bell_exact(ids, context[1:], token, size) if context else Fraction(1, size)
    found = followers(ids, context)
    if not found:
        return shorter
    kinds = len(set(found))
    return (found.count(token) + kinds * shorter) / (len(found) + kinds)


def model_exact(ids, n, context, token, size=V):
    start = max(0, len(context) - (n - 1))
    return witten_bell_exact(ids, context[start:], token, size)


def close(found, expected):
    """Equal up to the rounding of some tens of operations on numbers of at most 1."""
    np.testing.assert_allclose(found, [float(one) for one in expected], rtol=1e-12, atol=1e-15)


def test_doctests():
    assert doctest.testmod(module).failed == 0


# ---------------------------------------------------------------- counting


def test_counts_by_hand():
    assert count_ngrams([5, 6, 5, 6, 7], 1) == {(): {5: 2, 6: 2, 7: 1}}
    assert count_ngrams([5, 6, 5, 6, 7], 2) == {(5,): {6: 2}, (6,): {5: 1, 7: 1}}
    assert count_ngrams([5, 6, 5, 6, 7], 3) == {(5, 6): {5: 1, 7: 1}, (6, 5): {6: 1}}
    assert count_ngrams([1, 1, 1], 2) == {(1,): {1: 2}}
    assert count_ngrams([1, 2], 2)[1,] == Counter({2: 1})
    assert (2,) not in count_ngrams([1, 2], 2)  # nothing follows the last token


@given(texts, orders)
def test_counts_equal_a_search_at_every_place(ids, n):
    counts = count_ngrams(ids, n)
    for context, followed in counts.items():
        assert followed == Counter(followers(ids, list(context)))
    assert sum(followed.total() for followed in counts.values()) == max(0, len(ids) - n + 1)


def test_counts_of_little_and_of_arrays():
    assert count_ngrams([], 1) == count_ngrams([1, 2], 3) == {}
    expected = {(1,): {2: 1}, (2,): {1: 1}}
    assert count_ngrams(np.array([1, 2, 1]), 2) == expected
    assert count_ngrams(torch.tensor([1, 2, 1]), 2) == expected
    with pytest.raises(KeyError):  # looking up a new context does not add it
        count_ngrams([1, 2], 2)[9,]


# ---------------------------------------------------------------- smoothing


def test_add_k_by_hand():
    close(add_k_probs(Counter({1: 3, 2: 2}), 6, 1), [Fraction(n, 11) for n in (1, 4, 3, 1, 1, 1)])
    close(add_k_probs(Counter({1: 3, 2: 2}), 6), [Fraction(n, 11) for n in (1, 4, 3, 1, 1, 1)])
    close(add_k_probs({0: 3, 2: 1}, 3, 0), [0.75, 0, 0.25])
    close(add_k_probs(Counter(), 4, 0.5), [0.25] * 4)
    close(add_k_probs(Counter({0: 7}), 1, 2), [1])


@given(texts, st.fractions(0, 20))
def test_add_k_is_the_formula(ids, k):
    counts = Counter(ids)
    if not (k or counts):
        return
    total = counts.total() + V * k
    close(add_k_probs(counts, V, float(k)), [(counts[i] + k) / total for i in range(V)])


def test_witten_bell_by_hand():
    close(witten_bell_probs(Counter({0: 3}), np.array([0.5, 0.5])), [3.5 / 4, 0.5 / 4])
    close(witten_bell_probs({0: 1, 1: 1}, [0.2, 0.2, 0.6]), [1.4 / 4, 1.4 / 4, 1.2 / 4])
    close(witten_bell_probs({1: 2}, [1, 0]), [1 / 3, 2 / 3])  # whole numbers are no trap


def test_witten_bell_without_counts_is_a_copy_of_the_shorter():
    shorter = np.array([0.25, 0.75])
    probs = witten_bell_probs(Counter(), shorter)
    np.testing.assert_array_equal(probs, shorter)
    probs[0] = 9
    witten_bell_probs(Counter({0: 2}), shorter)
    np.testing.assert_array_equal(shorter, [0.25, 0.75])


# ---------------------------------------------------------------- the model


@given(texts, orders, contexts)
@example([0, 1, 2, 0, 1], 3, [2, 0, 1])  # the context stands only at the end
@example([], 2, [1])
@example([3], 5, [3, 3, 3, 3, 3, 3])
def test_model_is_the_formula(ids, n, context):
    probs = NGram(ids, n, V).probs(context)
    close(probs, [model_exact(ids, n, context, token) for token in range(V)])
    # A sum of V floats, each rounded a few times.
    np.testing.assert_allclose(probs.sum(), 1, rtol=0, atol=1e-14)
    assert probs.min() > 0  # nothing is impossible


@given(texts, orders, texts)
def test_surprises_are_logarithms_of_the_probabilities(ids, n, told):
    model = NGram(ids, n, V)
    expected = [-math.log(model.probs(told[:i])[token]) for i, token in enumerate(told)]
    # The same operations on one token instead of V; a surprise near 0 keeps fewer digits.
    np.testing.assert_allclose(model.surprises(told), expected, rtol=1e-12, atol=1e-14)


@given(texts, orders, texts, st.integers(0, V - 1))
def test_what_comes_later_changes_nothing_before(ids, n, told, token):
    model = NGram(ids, n, V)
    before = model.surprises(told)
    np.testing.assert_array_equal(model.surprises([*told, token])[: len(told)], before)
    assert len(before) == len(told)


@given(texts, st.integers(1, 3), contexts)
def test_a_lower_order_is_a_lower_model(ids, lower, context):
    model = NGram(ids, 5, V)
    model.n = lower
    np.testing.assert_array_equal(model.probs(context), NGram(ids, lower, V).probs(context))
    np.testing.assert_array_equal(model.surprises(context), NGram(ids, lower, V).surprises(context))
    far = [4, 4, 0, *context][-max(0, lower - 1) :] if lower > 1 else []
    if len(context) >= lower - 1:  # what stands further back does not matter
        np.testing.assert_array_equal(model.probs(far), model.probs(context))


def test_counts_after_yields_what_was_seen_only():
    model = NGram([0, 1, 0, 1, 2], 3, 4)
    assert list(model.counts_after([])) == [{0: 2, 1: 2, 2: 1}]
    assert list(model.counts_after([3, 0])) == [{0: 2, 1: 2, 2: 1}, {1: 2}]
    assert list(model.counts_after([1, 0, 1]))[1:] == [{0: 1, 2: 1}, {0: 1, 2: 1}]
    assert [len(counts) for counts in model.counts] == [1, 2, 2]


def test_small_and_other_inputs():
    close(NGram([], 3, 4).probs([1, 2]), [0.25] * 4)
    assert NGram([0, 0], 2, 1).surprises([0, 0]).tolist() == [0, 0]
    assert NGram([0, 1], 2, 2).surprises([]).tolist() == []
    ids = [0, 1, 2, 0, 1]
    for kind in (np.array, torch.tensor, tuple):
        other = NGram(kind(ids), 2, 3)
        np.testing.assert_array_equal(other.surprises(kind(ids)), NGram(ids, 2, 3).surprises(ids))
        np.testing.assert_array_equal(other.probs(kind(ids)), NGram(ids, 2, 3).probs(ids))


@pytest.fixture(scope="module")
def world():
    text = "".join(story.text for story in sample(300, seed=1))
    told = sample(20, seed=2)
    tokenizer = BPETokenizer.train(text, 600)
    model = NGram(tokenizer.encode(text), 5, 600)
    return model, tokenizer, told


def test_no_model_is_better_than_the_truth(world):
    model, tokenizer, told = world
    ids = tokenizer.encode("".join(story.text for story in told))
    exact = -sum(story.log_prob for story in told)
    nats = []
    for n in range(1, 6):
        model.n = n
        nats.append(model.surprises(ids).sum())
        assert nats[-1] > 2 * exact
    assert nats[0] > 2 * nats[1] > 3 * nats[2] > 3 * nats[3]


def test_torch_measures_the_same_loss(world):
    model, tokenizer, told = world
    model.n = 3
    ids = tokenizer.encode(told[0].text)
    logits = np.log([model.probs(ids[:i]) for i in range(len(ids))])
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(ids))
    # Doubles on both sides; torch normalises the logits once more.
    assert cross_entropy(model.surprises(ids)) == pytest.approx(loss.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("language", "gave", "nearest", "furthest"), [("en", "gave", 26, 50), ("es", "le dio", 31, 68)]
)
def test_what_decides_the_answer_stands_too_far_back(language, gave, nearest, furthest):
    """In tokens, for the chapter's words: 25, sometimes 50; in Spanish 30, sometimes 70."""
    text = "".join(story.text for story in sample(1_200, seed=1, language=language))
    tokenizer, distances = BPETokenizer.train(text[:500_000], 800), []
    for story in sample(200, seed=2, language=language):
        placed = [
            event for event in story.facts.events if event.action in ("give", "leave", "find")
        ]
        if placed and placed[-1].action == "give":
            before = story.text[: story.text.rindex(story.facts.answer)]
            start = before.rindex(f" {placed[-1].who} {gave} ")
            distances.append(len(tokenizer.encode(before[start:])))
    assert (min(distances), max(distances)) == (nearest, furthest)


# ---------------------------------------------------------------- sampling


def test_samples_go_on_and_repeat():
    model = NGram([0, 1, 2, 0, 1, 3, 0, 2], 2, 4)
    drawn = sample_tokens(model, [0], 30, seed=5)
    assert drawn == sample_tokens(model, [0], 30, seed=5)
    assert drawn[:10] == sample_tokens(model, [0], 10, seed=5)
    assert drawn != sample_tokens(model, [0], 30, seed=6)
    assert sample_tokens(model, [0], 30) == sample_tokens(model, [0], 30, seed=0)
    assert len(drawn) == 30
    assert all(type(token) is int and 0 <= token < 4 for token in drawn)
    assert sample_tokens(model, [], 0) == []
    context = [0, 1]
    sample_tokens(model, context, 3)
    assert context == [0, 1]


def test_samples_follow_the_probabilities():
    model = NGram([0, 1, 0, 1, 0, 2], 2, 3)
    drawn = Counter(sample_tokens(model, [0], 1, seed)[0] for seed in range(2000))
    for token, p in enumerate(model.probs([0])):
        # Four standard errors of a share of 2,000 draws are below 0.045.
        assert abs(drawn[token] / 2000 - p) < 0.045


def test_samples_look_back_at_what_was_drawn():
    model = NGram([0, 1, 2] * 200, 3, 3)  # always 0 1 2 0 1 2, but for 1 in hundreds
    drawn = sample_tokens(model, [0, 1], 60, seed=1)
    right = sum(b == (a + 1) % 3 for a, b in zip([1, *drawn], drawn, strict=False))
    assert right >= 58


# ---------------------------------------------------------------- measures


def test_measures_by_hand():
    surprises = [math.log(5 / 3), math.log(3), 0, math.log(5 / 2)]
    assert cross_entropy(surprises) == pytest.approx(0.631433, abs=1e-6)
    assert perplexity(surprises) == pytest.approx((3 / 5 * 1 / 3 * 2 / 5) ** -0.25, rel=1e-12)
    assert perplexity([math.log(6)] * 7) == pytest.approx(6, rel=1e-12)
    assert perplexity(np.zeros(3)) == 1
    assert nats_to_bits_per_byte(8 * math.log(2), 4) == pytest.approx(2, rel=1e-12)
    assert nats_to_bits_per_byte(0.0, 1) == 0


def test_measures_at_their_ends():
    assert cross_entropy([1.0, math.inf]) == perplexity([1.0, math.inf]) == math.inf
    assert perplexity([1e4]) == math.inf
    assert nats_to_bits_per_byte(math.inf, 3) == math.inf
    assert type(cross_entropy(np.array([1, 2], dtype=np.float32))) is float
    assert cross_entropy(torch.tensor([1.0, 2.0])) == 1.5


def test_bits_per_byte_of_the_chapter_before():
    """Its measure is that of a model with one fixed probability for each token."""
    ids = [1, 1, 1, 2, 3, 3]
    probs = add_k_probs(Counter(ids), 4, k=0)
    nats = -np.log(probs[ids]).sum()
    assert nats_to_bits_per_byte(nats, 9) == pytest.approx(bits_per_byte(ids, 9), rel=1e-12)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: count_ngrams([1], 0), "n to be an integer of at least 1, got 0"),
        (lambda: count_ngrams([1], 1.5), r"n to be an integer .* got 1\.5"),
        (lambda: count_ngrams([0.5], 1), "a sequence of integers"),
        (lambda: count_ngrams("ab", 1), "a sequence of integers"),
        (lambda: add_k_probs(Counter({0: 1}), 2, -1), "k to be .* of at least 0, got -1"),
        (lambda: add_k_probs(Counter({0: 1}), 2, math.nan), "k to be .* of at least 0, got nan"),
        (lambda: add_k_probs(Counter({0: 1}), 2, math.inf), "k to be .* of at least 0, got inf"),
        (lambda: add_k_probs(Counter(), 2, 0), "above 0 without counts, got 0"),
        (lambda: add_k_probs(Counter({0: 0}), 2, 0), "above 0 without counts, got 0"),
        (lambda: add_k_probs(Counter({2: 1}), 2), "ids from 0 to 1, got 2"),
        (lambda: add_k_probs(Counter({-1: 1}), 2), "ids from 0 to 1, got -1"),
        (lambda: add_k_probs(Counter(), 0), "vocab_size to be an integer of at least 1"),
        (lambda: witten_bell_probs(Counter({-1: 1}), [0.5, 0.5]), "ids from 0 to 1, got -1"),
        (lambda: witten_bell_probs(Counter({2: 1}), [0.5, 0.5]), "ids from 0 to 1, got 2"),
        (lambda: NGram([0], 0, 2), "n to be an integer of at least 1, got 0"),
        (lambda: NGram([0], 2, 0), "V to be an integer of at least 1, got 0"),
        (lambda: NGram([0, 2], 2, 2), "ids from 0 to 1, got 2"),
        (lambda: NGram([0], 2, 2).probs([-1]), "ids from 0 to 1, got -1"),
        (lambda: NGram([0], 2, 2).probs([0.5]), "a sequence of integers"),
        (lambda: NGram([0], 2, 2).surprises([0, 2]), "ids from 0 to 1, got 2"),
        (lambda: sample_tokens(NGram([0], 2, 2), [3], 1), "ids from 0 to 1, got 3"),
        (lambda: sample_tokens(NGram([0], 2, 2), [0], -1), "n_tokens to be an integer"),
        (lambda: sample_tokens(NGram([0], 2, 2), [0], 1, seed=-1), "seed to be an integer"),
        (lambda: sample_tokens(NGram([0], 2, 2), [0], 1, seed=0.5), "seed to be an integer"),
        (lambda: cross_entropy([]), "at least one token, got none"),
        (lambda: perplexity(np.array([])), "at least one token, got none"),
        (lambda: nats_to_bits_per_byte(1.0, 0), "n_bytes to be an integer of at least 1, got 0"),
        (lambda: nats_to_bits_per_byte(1.0, 2.5), r"n_bytes to be an integer .* got 2\.5"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_module_needs_no_torch():
    code = "import sys, lessons_lib.ngrams; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert set(module.__all__) <= set(dir(module))
