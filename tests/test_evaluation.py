"""Questions, error bars, comparisons, calibration: against SciPy, scikit-learn and enumeration."""

import copy
import doctest
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lessons_lib import evaluation
from lessons_lib.corpus.stories import sample
from lessons_lib.evaluation import (
    accuracy,
    bits_per_byte,
    bootstrap,
    calibration_error,
    choice_log_probs,
    judge_outcomes,
    paired_difference,
    pass_at_k,
    pick,
    questions_needed,
    reliability,
    seen_before,
    sign_test,
    story_choices,
    story_questions,
    wilson,
    z_value,
)
from lessons_lib.training import END, story_losses, story_model

ORACLE = json.loads((Path(__file__).parent / "oracles" / "evaluation.json").read_text())

# -------------------------------------------------------------------------------------- questions


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("things", [1, 2])
def test_questions_are_the_stories_with_all_that_could_be_said(language, things):
    stories = sample(300, 5, language, things)
    questions = story_questions(300, 5, language, things)
    said = set()
    for story, question in zip(stories, questions, strict=True):
        right = question.choices[question.answer]
        assert right == story.facts.answer
        assert story.text.startswith(question.prompt + right)
        assert question.prompt[-1] == {"en": '"', "es": "«"}[language]
        assert len(set(question.choices)) == len(question.choices) == 8
        assert not any(
            a != b and b.startswith(a) for a in question.choices for b in question.choices
        )
        said.add(question.answer)
    assert said == set(range(8))


def test_choices_agree_with_what_is_asked():
    choices = {
        (language, story.facts.question): story_choices(story)
        for language in ("en", "es")
        for story in sample(200, 3, language)
    }
    for (language, question), found in choices.items():
        if language == "en":
            assert ("them" in found[0]) == ("They are" in found[2]) == ("Where are" in question)
        else:
            article = question.split()[2]
            assert found[0].split()[0].lower() == {"el": "lo"}.get(article, article)
            assert found[2].startswith("Están" if article[-1] == "s" else "Está ")


# ---------------------------------------------------------------------------------------- choices


@pytest.fixture(scope="module")
def english():
    return story_model("en")


def test_log_probs_are_those_of_each_choice_alone(english):
    model, tokenizer = english
    question = story_questions(1, 0, "en")[0]
    found = choice_log_probs(model, tokenizer, question.prompt, question.choices)
    for choice, nats in zip(question.choices, found, strict=True):
        before = tokenizer.encode(END + question.prompt, allowed_special=[END])
        ids = tokenizer.encode(END + question.prompt + choice, allowed_special=[END])
        log_probs = model(torch.tensor([ids]))[0].log_softmax(-1)
        each = [log_probs[i - 1, ids[i]].item() for i in range(len(before), len(ids))]
        assert nats == pytest.approx(sum(each), abs=1e-3)  # float32, sums in another order
    assert pick(found) == question.answer
    assert 0.99 < np.exp(found).sum() < 1.0001


@pytest.mark.parametrize("language", ["en", "es"])
def test_choices_have_the_tokens_that_they_have_in_the_story(language):
    tokenizer = story_model(language)[1]
    for question in story_questions(40, 0, language, 2):
        for choice in question.choices:
            apart = tokenizer.encode(question.prompt) + tokenizer.encode(choice)
            assert apart == tokenizer.encode(question.prompt + choice)


def test_the_book_s_model_follows_one_thing_and_not_two(english):
    model, tokenizer = english
    right = {
        things: [
            pick(choice_log_probs(model, tokenizer, q.prompt, q.choices)) == q.answer
            for q in story_questions(24, 0, "en", things)
        ]
        for things in (1, 2)
    }
    assert all(right[1])
    assert 0.3 < accuracy(right[2]).mean < 0.9


def test_sixteen_bits_add_up_as_well_as_the_logits_allow(english):
    model, tokenizer = english
    text = sample(1, 5)[0].text
    thin = copy.deepcopy(model).bfloat16()
    found = choice_log_probs(thin, tokenizer, "", [text])[0]
    ids = torch.tensor([tokenizer.encode(END + text, allowed_special=[END])])
    exact = thin(ids)[0, :-1].double().log_softmax(-1)[range(ids.shape[1] - 1), ids[0, 1:]].sum()
    assert found == pytest.approx(exact.item(), rel=1e-5)


def test_bits_per_byte_of_a_story(english):
    model, tokenizer = english
    story = sample(1, 0)[0]
    losses = story_losses(model, tokenizer, [story])  # reads the end as well
    bits = bits_per_byte(model, tokenizer, story.text + "")
    ids = tokenizer.encode(END + story.text, allowed_special=[END])
    with torch.no_grad():
        end = -model(torch.tensor([ids]))[0, -1].log_softmax(-1)[1023].item()
    nats = losses.item() - end
    assert bits == pytest.approx(nats / math.log(2) / len(story.text.encode()), rel=1e-4)


def test_pick_takes_the_largest_and_the_first_of_equals():
    assert pick([-3.0, -1.0, -2.0]) == 1
    assert pick(np.array([-1.0, -1.0])) == 0
    assert pick([-4.0, -3.0], lengths=[4, 1]) == 0
    assert pick([-1.0, -2.0], alone=[0.0, -5.0]) == 1
    assert pick([-1.0, -2.0], 1, [-3.0, -3.0]) == 0


# -------------------------------------------------------------------------------------- error bars


@pytest.mark.parametrize(("k", "n", "confidence", "low", "high"), ORACLE["wilson"])
def test_wilson_is_scipy_s(k, n, confidence, low, high):
    assert wilson(k, n, confidence) == pytest.approx((low, high), abs=1e-12)
    right = [i < k for i in range(n)]
    assert accuracy(right, confidence) == pytest.approx((k / n, low, high), abs=1e-12)


def test_wilson_s_ends_are_one_error_from_what_was_seen():
    low, high = wilson(7, 20)
    for end in (low, high):
        assert abs(7 / 20 - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / 20))


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_wilson_holds_the_true_share_about_as_often_as_it_says(p):
    n = 40
    held = sum(
        math.comb(n, k) * p**k * (1 - p) ** (n - k)
        for k in range(n + 1)
        if wilson(k, n)[0] <= p <= wilson(k, n)[1]
    )
    assert 0.92 < held < 0.99


def test_bootstrap_is_scipy_s_but_for_the_draws():
    stored = ORACLE["bootstrap"]
    found = bootstrap(stored["values"], n_times=20000, seed=1)
    assert found == pytest.approx(stored["interval"], abs=0.01)  # 20,000 draws on each side
    assert bootstrap(stored["values"], seed=3) == bootstrap(stored["values"], seed=3)
    assert bootstrap(stored["values"], seed=3) != bootstrap(stored["values"], seed=4)


def test_bootstrap_takes_rows_and_other_statistics():
    pairs = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]])
    assert bootstrap(pairs, lambda rows: (rows[:, 1] - rows[:, 0]).mean()) == (1, 1)
    assert bootstrap([5.0]) == (5, 5)
    low, high = bootstrap([0.0, 1.0, 10.0], np.median)
    assert (low, high) == (0, 10)


# ------------------------------------------------------------------------------------- comparisons


def test_paired_difference_has_the_standard_error_of_the_differences():
    values = np.array(ORACLE["bootstrap"]["values"])
    found = paired_difference(values, np.zeros(30))
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.mean == pytest.approx(1.959964 * ORACLE["standard_error"])
    assert found.mean - found.low == pytest.approx(found.high - found.mean)
    backwards = paired_difference(np.zeros(30), values)
    assert backwards.low == pytest.approx(-found.high)
    assert paired_difference([True, False], [True, False]) == (0, 0, 0)


@pytest.mark.parametrize(("one", "other", "p"), ORACLE["sign_test"])
def test_sign_test_is_scipy_s(one, other, p):
    both = [1] * 5 + [0] * 5
    a, b = [1] * one + [0] * other + both, [0] * one + [1] * other + both
    assert sign_test(a, b) == pytest.approx(p, rel=1e-12)
    assert sign_test(b, a) == sign_test(a, b)


def test_sign_test_of_many_questions_is_quick_and_exact():
    halves = [1] * 3000 + [0] * 2900
    p = sign_test(halves, [1 - x for x in halves])
    assert p == pytest.approx(math.erfc(99 / math.sqrt(2 * 5900)), rel=1e-3)  # from 3000 on
    assert sign_test([1] * 2000, [0] * 2000) == 0.0


def test_sign_test_counts_all_coins():
    differ = 7
    a, b = [1] * 6 + [0], [0] * 6 + [1]
    uneven = [
        coins for coins in itertools.product([0, 1], repeat=differ) if sum(coins) in (0, 1, 6, 7)
    ]
    assert sign_test(a, b) == len(uneven) / 2**differ


@pytest.mark.parametrize(("p_a", "p_b", "disagree"), [(0.7, 0.6, None), (0.8, 0.7, 0.14)])
def test_so_many_questions_find_the_difference_so_often(p_a, p_b, disagree):
    n = questions_needed(p_a, p_b, disagree)
    disagree = p_a * (1 - p_b) + p_b * (1 - p_a) if disagree is None else disagree
    only_a, only_b = (disagree + p_a - p_b) / 2, (disagree - p_a + p_b) / 2
    rng = np.random.default_rng(0)
    draws = rng.multinomial(n, [only_a, only_b, 1 - disagree], size=4000)
    gap = (draws[:, 0] - draws[:, 1]) / n
    error = np.sqrt(((draws[:, 0] + draws[:, 1]) / n - gap**2) / (n - 1))
    found = (gap > 1.96 * error).mean()
    assert found == pytest.approx(0.8, abs=0.03)  # the normal distribution is an approximation


def test_more_is_needed_for_less():
    assert questions_needed(0.9, 0.6) < questions_needed(0.9, 0.8) < questions_needed(0.9, 0.89)
    assert questions_needed(0.7, 0.6, power=0.9) > questions_needed(0.7, 0.6)
    assert questions_needed(0.7, 0.6, confidence=0.99) > questions_needed(0.7, 0.6)
    assert questions_needed(0.6, 0.7) == questions_needed(0.7, 0.6)
    assert questions_needed(0.7, 0.6, disagree=0.1) < questions_needed(0.7, 0.6, disagree=0.4)
    assert questions_needed(1, 0) == 1


@pytest.mark.parametrize(("n", "c"), [(5, 0), (5, 2), (6, 3), (6, 6)])
def test_pass_at_k_is_the_share_of_all_groups(n, c):
    answers = [i < c for i in range(n)]
    for k in range(1, n + 1):
        groups = list(itertools.combinations(answers, k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, groups)) / len(groups))


def test_pass_at_k_is_unbiased_and_the_plain_estimate_is_not():
    p, n, k = 0.3, 6, 4
    weights = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    mean = sum(w * pass_at_k(n, c, k) for c, w in enumerate(weights))
    plain = sum(w * (1 - (1 - c / n) ** k) for c, w in enumerate(weights))
    assert mean == pytest.approx(1 - (1 - p) ** k)
    assert plain < mean - 0.05
    assert pass_at_k(100_000, 3, 1) == pytest.approx(3e-5)


# -------------------------------------------------------------------------------------- calibration


def test_reliability_is_scikit_learn_s():
    stored = ORACLE["reliability"]
    found = reliability(stored["confidences"], stored["right"])
    assert [one.confidence for one in found] == pytest.approx(stored["said"])
    assert [one.accuracy for one in found] == pytest.approx(stored["true"])
    assert sum(one.n for one in found) == 200


def test_bins_hold_their_upper_end_and_the_first_holds_zero():
    assert [one.n for one in reliability([0.0, 0.5, 0.50001, 1.0], [0, 0, 1, 1], 2)] == [2, 2]
    assert reliability([0.3], [True], 1) == [(1, 0.3, 1.0)]


def test_bins_hold_their_upper_end_however_it_is_rounded():
    """7 of 100 times 100 is a little above 7 in floating-point numbers."""
    for n in (10, 100, 150):
        for k in range(1, n):
            assert len(reliability([(k - 0.5) / n, k / n], [1, 1], n)) == 1


def test_numbers_of_torch_are_numbers():
    """Also those with gradients, and of 16 bits, which NumPy does not know."""
    for right in (torch.tensor([1.0, 0.0], requires_grad=True), torch.tensor([1, 0]).bfloat16()):
        assert accuracy(right).mean == 0.5
        assert pick(right) == 0
        assert paired_difference(right, [False, True]).mean == 0
        assert reliability(right, [True, False])[0].accuracy == 0


def test_little_power_needs_little():
    assert questions_needed(0.7, 0.6, power=0.001, confidence=0.01) == 1
    assert z_value(1 - 1e-16) == pytest.approx(8.2, abs=0.1)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_calibration_error_lies_between_the_whole_and_each(answers):
    sure, right = (np.array(column, float) for column in zip(*answers, strict=True))
    whole = abs(sure.mean() - right.mean())
    each = np.abs(sure - right).mean()
    found = calibration_error(sure, right)
    assert whole - 1e-9 <= found <= each + 1e-9
    assert calibration_error(sure, right, 1) == pytest.approx(whole)


def test_who_says_what_is_true_has_no_error():
    assert calibration_error([0.75] * 4, [1, 1, 1, 0]) == 0
    assert calibration_error([1.0, 1.0], [0, 0]) == 1


# --------------------------------------------------------------------------- exams seen, and judges


def test_seen_before():
    assert seen_before([1, 2, 3, 4, 5], range(100), 3) == 1
    assert seen_before([1, 2, 3, 9, 10], range(5), 2) == 0.5
    assert seen_before([5, 4, 3, 2], range(10), 2) == 0
    assert seen_before([1, 2], range(10), 3) == 0
    assert seen_before([], [1], 1) == 0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_judge_outcomes_count_each_pair_once(verdicts):
    first, second = zip(*verdicts, strict=True)
    found = judge_outcomes(first, second)
    assert found == {
        "right": verdicts.count((True, True)),
        "wrong": verdicts.count((False, False)),
        "first": verdicts.count((True, False)),
        "second": verdicts.count((False, True)),
    }


# ------------------------------------------------------------------------------------------ errors


def test_examples_in_docstrings():
    found = doctest.testmod(evaluation)
    assert found.attempted >= 14
    assert found.failed == 0


def test_errors_of_the_model_s_functions(english):
    model, tokenizer = english
    with pytest.raises(ValueError, match="choices of at least one token"):
        choice_log_probs(model, tokenizer, "a", [])
    with pytest.raises(ValueError, match="choices of at least one token"):
        choice_log_probs(model, tokenizer, "a", ["a", ""])
    with pytest.raises(ValueError, match="several choices of at least one token, got 'ab'"):
        choice_log_probs(model, tokenizer, "a", "ab")
    with pytest.raises(ValueError, match="512"):
        choice_log_probs(model, tokenizer, "a " * 600, ["a"])
    with pytest.raises(ValueError, match="at least one token"):
        bits_per_byte(model, tokenizer, "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: story_questions(-1, 0), "n to be an integer of at least 0, got -1"),
        (lambda: story_questions(1, 0, "fr"), "fr"),
        (lambda: story_questions(1, 0, things=3), "3"),
        (lambda: pick([]), "one number for each of C choices"),
        (lambda: pick([1.0, 2.0], [1, 2, 3]), r"got shapes \[\(2,\), \(3,\)\]"),
        (lambda: pick([1.0, 2.0], 1, [0.0]), "got shapes"),
        (lambda: pick([[1.0]]), "got shapes"),
        (lambda: pick([1.0], [0]), "lengths to be finite numbers above 0, got 0"),
        (lambda: pick([math.nan]), "log_probs to be finite numbers, got nan"),
        (lambda: accuracy([]), r"one or more truth values \(N,\), got \[\]"),
        (lambda: accuracy([0.5]), "truth values"),
        (lambda: accuracy([[1, 0]]), "truth values"),
        (lambda: accuracy([[1], [0, 1]]), "right to be an array"),
        (lambda: accuracy([1 + 0j]), "truth values"),
        (lambda: accuracy([1], 1), "confidence to be a finite number above 0 and below 1, got 1"),
        (lambda: wilson(3, 2), "n_right to be a finite number of at least 0 and at most 2, got 3"),
        (lambda: wilson(0, 0), "n to be an integer of at least 1, got 0"),
        (lambda: bootstrap([]), r"at least one value \(N, ...\), got shape \(0,\)"),
        (lambda: bootstrap(1.0), r"got shape \(\)"),
        (lambda: bootstrap([math.nan]), "values to be finite numbers, got nan"),
        (lambda: bootstrap([[1], [0, 1]]), "values to be an array"),
        (lambda: bootstrap([1.0, 2.0], lambda x: math.nan), "statistic to be finite numbers"),
        (lambda: bootstrap([1.0, 2.0], lambda x: "a"), "statistic to be numbers"),
        (lambda: bootstrap([1.0, 2.0], lambda x: x), "a statistic of one number"),
        (lambda: bootstrap([1.0], n_times=0), "n_times to be an integer of at least 1"),
        (lambda: bootstrap([1.0], seed=-1), "seed to be an integer of at least 0"),
        (lambda: bootstrap([1.0], confidence=0), "confidence"),
        (lambda: paired_difference([1], [0]), r"at least 2, got \(1,\) and \(1,\)"),
        (lambda: paired_difference([1, 0], [0, 1, 1]), r"got \(2,\) and \(3,\)"),
        (lambda: paired_difference([math.nan, 1], [0, 1]), "a to be finite numbers, got nan"),
        (lambda: paired_difference(["a", "b"], [0, 1]), "a to be numbers, got"),
        (lambda: paired_difference([None, 1], [0, 1]), "a to be numbers, got"),
        (lambda: sign_test([1, 0], [1]), "the same questions, got 2 and 1"),
        (lambda: sign_test([1, 2], [1, 1]), "truth values"),
        (lambda: questions_needed(0.5, 0.5), "two different accuracies, got 0.5 and 0.5"),
        (lambda: questions_needed(1e-300, 0.0), "two different accuracies, got 1e-300 and 0.0"),
        (lambda: questions_needed(1.5, 0.5), "p_a to be a finite number of at least 0 and at most"),
        (lambda: questions_needed(0.7, 0.5, 0.1), "disagree to be a finite number of at least 0.1"),
        (lambda: questions_needed(0.9, 0.8, 0.5), "disagree"),
        (lambda: questions_needed(0.9, 0.8, power=1), "power"),
        (lambda: pass_at_k(0, 0, 1), "n to be an integer of at least 1"),
        (lambda: pass_at_k(3, 4, 1), "c to be an integer from 0 to 3, got 4"),
        (lambda: pass_at_k(3, 1, 4), "k to be an integer from 1 to 3, got 4"),
        (lambda: reliability([0.5], [1, 0]), "2 confidences of at most 1"),
        (lambda: reliability([1.5], [1]), "1 confidences of at most 1"),
        (lambda: reliability([-0.1], [1]), "confidences to be finite numbers of at least 0"),
        (lambda: reliability([0.5], [1], 0), "n_bins to be an integer from 1 to"),
        (lambda: reliability([0.5], [1], 10**400), "n_bins to be an integer from 1 to 1000000"),
        (lambda: calibration_error([], []), "truth values"),
        (lambda: seen_before([1], [1], 0), "n to be an integer of at least 1"),
        (lambda: seen_before([0.5], [1], 1), "integers"),
        (lambda: judge_outcomes([1], [1, 0]), "the same pairs, got 1 and 2"),
        (lambda: judge_outcomes([], []), "truth values"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
