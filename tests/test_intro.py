import doctest
import warnings
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lessons_lib import intro
from lessons_lib.intro import (
    continue_text,
    next_char_counts,
    next_char_probs,
    pick_char,
    random_bits,
)

# Few letters make long matches likely; the others are characters that UTF-16 or accents make hard.
texts = st.text(alphabet="aab n\nñ́🦊👨\u200d猫", min_size=1, max_size=40)
prompts = st.text(alphabet="aab n\nñ́🦊👨\u200d猫", max_size=15)
contexts = st.integers(0, 14)


def counts_by_hand(text, prompt, max_context):
    """The longest end of `prompt` that stands before each character of `text`, one by one."""

    def shared(i):
        n = 0
        while n < min(i, max_context, len(prompt)) and text[i - 1 - n] == prompt[-1 - n]:
            n += 1
        return n

    lengths = [shared(i) for i in range(len(text))]
    longest = max(lengths)
    followers = Counter(c for c, n in zip(text, lengths, strict=True) if n == longest)
    return prompt[len(prompt) - longest :], followers


def test_doctests():
    assert doctest.testmod(intro).failed == 0


@pytest.mark.parametrize(
    ("text", "prompt", "max_context", "context", "counts"),
    [
        ("banana", "an", 12, "an", [("a", 2)]),
        ("banana band", "xan", 12, "an", [("a", 2), ("d", 1)]),
        ("banana band", "an", 1, "n", [("a", 2), ("d", 1)]),
        ("banana band", "an", 0, "", [("a", 4), ("n", 3), ("b", 2), (" ", 1), ("d", 1)]),
        ("aaaa", "aa", 12, "aa", [("a", 2)]),  # occurrences overlap
        ("abcabd", "abd", 12, "", [("a", 2), ("b", 2), ("c", 1), ("d", 1)]),  # only at the end
        ("xab-ab", "xab", 2, "ab", [("-", 1)]),
        ("ab", "", 12, "", [("a", 1), ("b", 1)]),
        ("a", "a", 12, "", [("a", 1)]),
        ("b🦊b🦉b🦊", "b", 12, "b", [("🦊", 2), ("🦉", 1)]),
        ("🦊x🦉y", "🦉", 12, "🦉", [("y", 1)]),  # half of a surrogate pair is no match
    ],
)
def test_counts_by_hand(text, prompt, max_context, context, counts):
    found_context, found = next_char_counts(text, prompt, max_context)
    assert found_context == context
    assert list(found.items()) == counts  # the order too


def test_default_looks_back_twelve_characters():
    text = "a123456789012b" + "c123456789012d"
    assert next_char_counts(text, "a123456789012")[1] == {"b": 1, "d": 1}
    assert next_char_counts(text, "a123456789012", 13)[1] == {"b": 1}


@given(texts, prompts, contexts)
@example("abcabd", "abd", 12)
def test_counts_equal_a_slow_search(text, prompt, max_context):
    context, counts = next_char_counts(text, prompt, max_context)
    assert (context, counts) == counts_by_hand(text, prompt, max_context)
    assert list(counts) == sorted(counts, key=lambda c: (-counts[c], c))


@given(texts, prompts, contexts)
def test_context_is_an_end_of_the_prompt_that_counts_explain(text, prompt, max_context):
    context, counts = next_char_counts(text, prompt, max_context)
    assert prompt.endswith(context)
    assert len(context) <= max_context
    assert all(context + character in text for character in counts)


@given(texts, prompts, contexts)
def test_probabilities_are_shares_of_the_counts(text, prompt, max_context):
    probs = next_char_probs(text, prompt, max_context)
    _, counts = next_char_counts(text, prompt, max_context)
    assert list(probs) == list(counts)
    # A sum of at most 40 floats, each rounded to 2**-53.
    np.testing.assert_allclose(sum(probs.values()), 1, rtol=0, atol=1e-14)
    assert all(probs[c] * sum(counts.values()) == pytest.approx(counts[c]) for c in counts)


@given(texts, prompts, st.integers(0, 6))
def test_greedy_adds_the_most_frequent_one_by_one(text, prompt, n):
    written = prompt
    for _ in range(n):
        written += next(iter(next_char_counts(text, written)[1]))
    assert continue_text(text, prompt, n) == written


@given(texts, prompts, st.integers(0, 2**32 - 1))
def test_random_text_goes_on_and_stays_possible(text, prompt, seed):
    short, long = (continue_text(text, prompt, n, seed) for n in (3, 6))
    assert len(long) == len(prompt) + 6
    assert long.startswith(short)  # the same seed draws the same characters
    for i in range(len(prompt), len(long)):
        assert long[i] in next_char_counts(text, long[:i])[1]


@given(st.dictionaries(st.characters(), st.integers(0, 5), max_size=6))
def test_a_place_picks_what_a_row_laid_out_holds(counts):
    row = [character for character, n in counts.items() for _ in range(n)]
    assert [pick_char(counts, place) for place in range(len(row))] == row
    with pytest.raises(ValueError, match=f"place below {len(row)}, got {len(row)}"):
        pick_char(counts, len(row))


def test_random_draws_follow_the_counts():
    text = "xa" * 6 + "xb" * 3 + "xc"
    drawn = Counter(continue_text(text, "x", 1, seed)[-1] for seed in range(3000))
    # Four standard errors of a share of 3,000 draws are below 0.037.
    for character, share in next_char_probs(text, "x").items():
        assert abs(drawn[character] / 3000 - share) < 0.037


def test_random_bits_are_those_of_the_published_javascript():
    assert list(islice(random_bits(1), 3)) == [2693262067, 11749833, 2265367787]
    assert list(islice(random_bits(2**32 - 1), 2)) == [3850105811, 813802916]


@pytest.mark.parametrize("seed", [np.uint8(7), np.int8(7), np.uint32(7), np.int64(7)])
def test_random_bits_from_seeds_of_numpy(seed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy warns where a number becomes too large for its type
        assert list(islice(random_bits(seed), 3)) == list(islice(random_bits(7), 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: next_char_counts("", "a"), "at least one character, got an empty"),
        (lambda: next_char_counts("a", "a", -1), "max_context to be an integer .* got -1"),
        (lambda: next_char_counts(b"a", "a"), r"text \(str\), got bytes"),
        (lambda: next_char_counts("a", None), r"text \(str\), got NoneType"),
        (lambda: next_char_counts("a", "a", 1.5), r"an integer of at least 0, got 1\.5"),
        (lambda: next_char_counts("a\ud800", "a"), "lone surrogates"),
        (lambda: next_char_probs("", "a"), "an empty"),
        (lambda: pick_char({"a": 2}, -1), "place to be an integer .* got -1"),
        (lambda: pick_char({"a": 2}, 0.5), r"place to be an integer .* got 0\.5"),
        (lambda: pick_char({}, 0), "expected a place below 0, got 0"),
        (lambda: continue_text("a", "a", -1), "n to be an integer .* got -1"),
        (lambda: continue_text("", "a", 0), "an empty"),
        (lambda: continue_text("a", None, 0), r"text \(str\), got NoneType"),
        (lambda: continue_text("a", "a", 0, max_context=-5), "max_context to be an integer"),
        (
            lambda: continue_text("a", "a", 1, seed=-1),
            "seed to be an integer of at least 0, got -1",
        ),
        (lambda: random_bits(2**32), "seed from 0 to 4294967295, got 4294967296"),
        (lambda: random_bits(0.5), r"an integer .* got 0\.5"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
