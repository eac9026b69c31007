"""Evaluation: how good a model is, and how sure that is.

The chapter `evaluation`. It adds to models that write, and to losses, what a comparison needs:
questions with known answers, scores, and error bars around them.

Letters: N questions, C choices of a question, V vocabulary. Log-probabilities are in nats.

Sources:
    Wilson, "Probable inference, the law of succession, and statistical inference", 1927: the
        interval around a share.
    Efron, "Bootstrap methods: another look at the jackknife", 1979.
    McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.
    Miller, "Adding Error Bars to Evals", 2024, arXiv:2411.00640: paired comparisons of models.
    Chen et al., "Evaluating Large Language Models Trained on Code", 2021, arXiv:2107.03374: pass@k.
    Brown et al., "Language Models are Few-Shot Learners", 2020, arXiv:2005.14165, section 2.4 and
        appendix C: choices scored by log-probability, text seen in training.
    Guo et al., "On Calibration of Modern Neural Networks", 2017, arXiv:1706.04599.
    Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena", 2023, arXiv:2306.05685.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from lessons_lib.base.validation import (
    as_array,
    check_array,
    check_ids,
    check_integer,
    check_number,
)
from lessons_lib.corpus.stories import WORLD, Story, sample
from lessons_lib.generation import KVCache, cached_logits
from lessons_lib.ngrams import nats_to_bits_per_byte
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END

__all__ = [
    "Accuracy",
    "Bin",
    "Question",
    "accuracy",
    "bits_per_byte",
    "bootstrap",
    "calibration_error",
    "check_right",
    "choice_log_probs",
    "judge_outcomes",
    "paired_difference",
    "pass_at_k",
    "pick",
    "questions_needed",
    "reliability",
    "seen_before",
    "sign_test",
    "story_choices",
    "story_questions",
    "wilson",
    "z_value",
]

# -------------------------------------------------------------------------------------- questions


@dataclass(frozen=True)
class Question:
    """A question with one right answer among several.

    Args:
        prompt: the text before the answer.
        choices: C answers, all different.
        answer: the place of the right one in `choices`.
    """

    prompt: str
    choices: tuple[str, ...]
    answer: int


_FORMS = {  # in the words of the stories
    "en": ("I have {it}", "{friend} has {it}", "{is_at} {place}"),
    "es": ("{it} tengo yo", "{it} tiene {friend}", "{is_at} {place}"),
}
_PRONOUNS = {"el": "Lo", "la": "La", "los": "Los", "las": "Las"}


def story_choices(story: Story) -> tuple[str, ...]:
    """Return what could be answered to the question of a story: two friends, and all the places.

    >>> story_choices(sample(1, seed=42)[0])[:3]
    ('I have it', 'Clara has it', 'It is in the basket')
    """
    facts, spanish = story.facts, story.language == "es"
    asked = next(thing.phrase for thing in facts.things if thing.phrase in facts.question)
    several = facts.question.startswith(("Where are", "¿Dónde están"))
    it = _PRONOUNS[asked.split()[0]] if spanish else ("it", "them")[several]
    is_at = (("It is", "They are"), ("Está", "Están"))[spanish][several]
    words = {"it": it, "is_at": is_at, "friend": facts.friend.name}
    mine, friends, lying = _FORMS[story.language]
    places = [getattr(place, story.language) for place in WORLD.spots]
    people = [mine.format(**words), friends.format(**words)]
    return (*people, *(lying.format(place=place, **words) for place in places))


def story_questions(n: int, seed: int, language: str = "en", things: int = 1) -> list[Question]:
    """Ask where a thing is, at the end of `n` stories of a seed.

    The prompt is the story as far as the answer, which only someone who has followed it knows.

    Args:
        n: how many.
        seed: of the stories. The book's models were not trained on seed 0.
        language: "en" or "es".
        things: 1, or 2 for stories that are harder to follow.

    Raises:
        ValueError: arguments that `sample` does not take.

    >>> question = story_questions(1, seed=42)[0]
    >>> question.prompt[-21:], question.choices[question.answer]
    ('the green whistle?" "', 'I have it')
    """
    questions = []
    for story in sample(n, seed, language, things):
        choices, said = story_choices(story), story.facts.answer
        prompt = story.text[: story.text.rindex(said)]
        questions.append(Question(prompt, choices, choices.index(said)))
    return questions


# ----------------------------------------------------------------------------------------- choices


@torch.no_grad()
def choice_log_probs(
    model: nn.Module, tokenizer: BPETokenizer, prompt: str, choices: Sequence[str]
) -> np.ndarray:
    """Return ln p of each of C choices after a prompt, in nats: (C,).

    Args:
        model: a `GPT` or a `Llama`; it reads the prompt once for all choices.
        tokenizer: knows `END`, which stands before the prompt.
        prompt: the text before the answer; may be empty.
        choices: the answers.

    Raises:
        ValueError: no choices, an empty one, or a prompt longer than the model reads.

    Source: Brown et al. 2020, section 2.4. Prompt and choice are cut into tokens apart, so a choice
    has the same tokens after every prompt.
    """
    before = tokenizer.encode(END, allowed_special=[END]) + tokenizer.encode(prompt)
    answers = [] if isinstance(choices, str) else [tokenizer.encode(text) for text in choices]
    if not answers or not all(answers):
        raise ValueError(f"expected several choices of at least one token, got {choices!r:.80}")
    longest = max(len(answer) for answer in answers)
    token_ids = torch.tensor([answer + [0] * (longest - len(answer)) for answer in answers])
    cache = KVCache(model, len(before) + longest - 1)
    logits = cached_logits(model, torch.tensor([before]), cache, n_logits=1)
    logits = logits.expand(len(answers), 1, -1)  # the prompt is read once for all
    if longest > 1:
        rows = [0] * len(answers)
        cache.keys, cache.values = cache.keys[:, rows], cache.values[:, rows]
        rest = cached_logits(model, token_ids[:, :-1], cache)
        logits = torch.cat([logits, rest], 1)  # (C, longest, V); zeros at the end change nothing
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # 16 bits add up badly
    log_probs = logits.log_softmax(-1)
    of_tokens = log_probs.gather(-1, token_ids[..., None])[..., 0]
    sums = [row[: len(answer)].sum() for row, answer in zip(of_tokens, answers, strict=True)]
    return torch.stack(sums).double().numpy()


def pick(
    log_probs: Sequence[float], lengths: Sequence[float] = 1, alone: Sequence[float] = 0
) -> int:
    """Return the place of the best choice: the largest (ln p - ln p alone) / length.

    Args:
        log_probs: ln p of each choice after the prompt, in nats: (C,).
        lengths: of each choice, in tokens or bytes; 1 to compare the sums.
        alone: ln p of each choice without the question, in nats; 0 to leave it out.

    Returns:
        The first of the best.

    Raises:
        ValueError: no choices, numbers that are none, lengths not above 0, or shapes that differ.

    Source: Brown et al. 2020, section 2.4; in EleutherAI's `lm-eval`, `acc` compares sums,
    `acc_norm` sums by length, `acc_mutual_info` sums less those without the question.

    >>> pick([-2.0, -3.0]), pick([-2.0, -3.0], lengths=[1, 4]), pick([-2.0, -3.0], alone=[-1, -4])
    (0, 1, 1)
    """
    log_probs = check_array("log_probs", log_probs)
    lengths, alone = check_array("lengths", lengths, above=0), check_array("alone", alone)
    shapes = {log_probs.shape, lengths.shape or log_probs.shape, alone.shape or log_probs.shape}
    if shapes != {(log_probs.size,)} or not log_probs.size:
        raise ValueError(f"expected one number for each of C choices, got shapes {sorted(shapes)}")
    return int(((log_probs - alone) / lengths).argmax())


@torch.no_grad()
def bits_per_byte(model: nn.Module, tokenizer: BPETokenizer, text: str) -> float:
    """Return what a text costs a model, in bits per byte: comparable between tokenizers.

    Args:
        model: gives logits (B, T, V) for token ids (B, T).
        tokenizer: knows `END`, which stands before the text.
        text: not empty, and not longer than the model reads.

    Raises:
        ValueError: an empty or too long text.
    """
    nats = -choice_log_probs(model, tokenizer, "", [text])[0]
    return nats_to_bits_per_byte(float(nats), len(text.encode()))


# -------------------------------------------------------------------------------------- error bars


class Accuracy(NamedTuple):
    """A share, and the interval in which the true share may well lie."""

    mean: float
    low: float
    high: float


def check_right(right: Sequence[bool]) -> np.ndarray:
    """Return truth values, or zeros and ones, as an array of zeros and ones: (N,).

    Raises:
        ValueError: no values, another shape, or other values.
    """
    array = as_array("right", right)
    numbers = array.dtype.kind in "biuf"
    if not numbers or array.ndim != 1 or not array.size or not np.isin(array, [0, 1]).all():
        raise ValueError(f"expected one or more truth values (N,), got {right!r:.80}")
    return array.astype(float)


def z_value(confidence: float) -> float:
    """Return how many standard errors to each side hold this part of a normal distribution.

    >>> round(z_value(0.95), 3)
    1.96
    """
    check_number("confidence", confidence, above=0, below=1)
    return -NormalDist().inv_cdf((1 - confidence) / 2)


def wilson(n_right: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of true shares that go with `n_right` of `n`.

    It holds each p for which the observed share lies within z standard errors of p. The standard
    error is that of p, sqrt(p (1 - p) / n), so the interval also makes sense at 0 and 1.

    Args:
        n_right: how many were right, 0 to n.
        n: how many were asked, at least 1.
        confidence: the part of such intervals that hold the true share.

    Raises:
        ValueError: a number out of its range.

    Source: Wilson 1927.

    >>> [round(end, 3) for end in wilson(20, 20)]
    [0.839, 1.0]
    """
    check_integer("n", n, 1)
    share, z2 = check_number("n_right", n_right, least=0, most=n) / n, z_value(confidence) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def accuracy(right: Sequence[bool], confidence: float = 0.95) -> Accuracy:
    """Return the share of right answers with its Wilson interval.

    Args:
        right: for each of N questions, whether the answer was right.
        confidence: the part of such intervals that hold the true share.

    Raises:
        ValueError: no answers, values other than true and false, or another confidence.

    >>> [round(number, 3) for number in accuracy([True, True, False, True])]
    [0.75, 0.301, 0.954]
    """
    right = check_right(right)
    return Accuracy(float(right.mean()), *wilson(float(right.sum()), len(right), confidence))


def bootstrap(
    values: Sequence[float],
    statistic: Callable[[np.ndarray], float] = np.mean,
    n_times: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Return an interval for any number that is computed from N values, by drawing them again.

    Each time, N values are drawn from the N, with repetition, and the statistic is computed; the
    interval holds the middle part of what came out.

    Args:
        values: one for each question, or one row for each: (N, ...).
        statistic: computes a number from an array like `values`.
        n_times: how often to draw.
        seed: of the draws.
        confidence: the part that the interval holds.

    Raises:
        ValueError: no values, values that are no numbers, a statistic that is none, or a number
            out of its range.

    Source: Efron 1979; the percentile interval.
    """
    values = check_array("values", values)
    if not values.ndim or not len(values):
        raise ValueError(f"expected at least one value (N, ...), got shape {values.shape}")
    check_number("confidence", confidence, above=0, below=1)
    n, rng = len(values), np.random.default_rng(check_integer("seed", seed, 0))
    times = range(check_integer("n_times", n_times, 1))
    found = [statistic(values[rng.integers(n, size=n)]) for _ in times]
    if check_array("the statistic", found, truth=True).shape != (n_times,):
        raise ValueError(f"expected a statistic of one number, got {found[0]!r:.80}")
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


# ------------------------------------------------------------------------------------- comparisons


def paired_difference(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> Accuracy:
    """Return how much better A is than B on the same questions, with an interval.

    What makes a question easy or hard for both goes out of the differences.

    Args:
        a: what A got on each of N questions: truth values, or numbers such as losses.
        b: what B got on the same questions, in the same order.
        confidence: the part of such intervals that hold the true difference.

    Raises:
        ValueError: fewer than 2 questions, not as many in both, or values that are no numbers.

    Source: Miller 2024, section 4.2: the standard error of the mean of the differences.

    >>> paired_difference([1, 1, 1, 0], [1, 1, 0, 0]).mean
    0.25
    """
    a, b = check_array("a", a, truth=True), check_array("b", b, truth=True)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ValueError(
            f"expected as many values of both, at least 2, got {a.shape} and {b.shape}"
        )
    each = a - b
    half = z_value(confidence) * each.std(ddof=1) / math.sqrt(len(each))
    return Accuracy(float(each.mean()), float(each.mean() - half), float(each.mean() + half))


def sign_test(a: Sequence[bool], b: Sequence[bool]) -> float:
    """Return how probable so uneven a result is if A and B are equally good: a p-value.

    Only the questions count that one got right and the other wrong. If both are equally good, each
    of these is a fair coin.

    Args:
        a: whether A was right, for each of N questions.
        b: whether B was right, for the same ones.

    Raises:
        ValueError: not as many in both, none, or values other than true and false.

    Source: McNemar 1947, with exact probabilities.

    >>> sign_test([1, 1, 1, 1, 0], [0, 0, 0, 0, 0])
    0.125
    """
    a, b = check_right(a), check_right(b)
    if len(a) != len(b):
        raise ValueError(f"expected answers to the same questions, got {len(a)} and {len(b)}")
    differ, fewer = int((a != b).sum()), int(min((a > b).sum(), (b > a).sum()))
    tail, ways = 0, 1  # in so many ways, k of the coins show heads
    for k in range(fewer + 1):
        tail, ways = tail + ways, ways * (differ - k) // (k + 1)
    return min(1.0, 2 * tail / 2**differ)


def questions_needed(
    p_a: float,
    p_b: float,
    disagree: float | None = None,
    power: float = 0.8,
    confidence: float = 0.95,
) -> int:
    """Return how many questions tell two models of these true accuracies apart.

    Args:
        p_a: the accuracy of A, 0 to 1.
        p_b: that of B, another one.
        disagree: the share of questions that only one of the two gets right; by default what
            comes about where one's mistakes say nothing of the other's, or with other questions.
        power: how probable it shall be that the difference is found.
        confidence: how sure the finding shall be.

    Returns:
        Questions that both answer, or that each answers where they answer different ones.

    Raises:
        ValueError: equal accuracies, a number out of its range, or a share of disagreement that is
            not possible.

    Source: Miller 2024, section 5, solved for the number of questions; the variance of a difference
    of two answers is `disagree` less the difference squared.

    >>> questions_needed(0.7, 0.6), questions_needed(0.7, 0.6, disagree=0.12)
    (354, 87)
    """
    for name, p in (("p_a", p_a), ("p_b", p_b)):
        check_number(name, p, least=0, most=1)
    gap, most = abs(p_a - p_b), min(p_a + p_b, 2 - p_a - p_b)
    room = 1e-9  # for differences such as 0.7 - 0.6
    if gap <= room:
        raise ValueError(f"expected two different accuracies, got {p_a} and {p_b}")
    if disagree is None:
        disagree = p_a * (1 - p_b) + p_b * (1 - p_a)
    check_number("disagree", disagree, least=gap - room, most=most + room)
    z = z_value(confidence) + NormalDist().inv_cdf(check_number("power", power, above=0, below=1))
    if z <= 0:  # so little power has chance alone
        return 1
    return max(1, math.ceil(z * z * max(0.0, disagree - gap * gap) / (gap * gap) - room))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Estimate how probable it is that one of k answers is right, from n answers to a question.

    It is 1 less the share of the groups of k of the n answers in which none is right.

    Args:
        n: how many answers were drawn.
        c: how many of them are right.
        k: how many one may try, at most n.

    Raises:
        ValueError: a number out of its range.

    Source: Chen et al. 2021, equation 1: unbiased, while 1 - (1 - c / n)^k is not.

    >>> round(pass_at_k(10, 3, 2), 4)
    0.5333
    """
    check_integer("c", c, 0, check_integer("n", n, 1))
    check_integer("k", k, 1, n)
    return 1 - math.comb(n - c, k) / math.comb(n, k)


# -------------------------------------------------------------------------------------- calibration


class Bin(NamedTuple):
    """Answers of about the same confidence: how many, how sure, and how often right."""

    n: int
    confidence: float
    accuracy: float


def reliability(confidences: Sequence[float], right: Sequence[bool], n_bins: int = 10) -> list[Bin]:
    """Return what answers of each confidence are worth: the points of a reliability curve.

    Args:
        confidences: for each of N answers, the probability that the model gives it, 0 to 1.
        right: whether each was right.
        n_bins: into how many equal parts 0 to 1 is cut; each holds its upper end.

    Returns:
        The parts in which there are answers, from the least sure.

    Raises:
        ValueError: no answers, not as many of both, or numbers out of their range.

    Source: Guo et al. 2017, section 2.

    >>> reliability([0.9, 0.9, 0.3, 0.9], [1, 0, 0, 1])[0]
    Bin(n=1, confidence=0.3, accuracy=0.0)
    """
    confidences, right = check_array("confidences", confidences, least=0), check_right(right)
    if confidences.shape != right.shape or confidences.max() > 1:
        raise ValueError(f"expected {len(right)} confidences of at most 1, got {confidences}")
    ends = np.arange(1, check_integer("n_bins", n_bins, 1, 10**6)) / n_bins
    places = np.searchsorted(ends, confidences)
    groups = [places == place for place in np.unique(places)]
    return [
        Bin(int(here.sum()), float(confidences[here].mean()), float(right[here].mean()))
        for here in groups
    ]


def calibration_error(
    confidences: Sequence[float], right: Sequence[bool], n_bins: int = 10
) -> float:
    """Return how far confidence is from accuracy, on average over the answers (ECE).

    Arguments and errors as in `reliability`.

    Source: Guo et al. 2017, equation 3.

    >>> calibration_error([1.0, 1.0, 1.0, 1.0], [1, 0, 1, 1])
    0.25
    """
    bins = reliability(confidences, right, n_bins)
    return sum(one.n * abs(one.confidence - one.accuracy) for one in bins) / len(right)


# --------------------------------------------------------------------------- exams seen, and judges


def seen_before(token_ids: Sequence[int], training_ids: Sequence[int], n: int = 13) -> float:
    """Return which share of a text's n-grams stand in the training text as well.

    Args:
        token_ids: of a question of the exam.
        training_ids: of the text that a model was trained on.
        n: how many tokens in a row are no coincidence.

    Returns:
        From 0 to 1; 0 for a text of fewer than n tokens.

    Raises:
        ValueError: n below 1, or ids that are no integers.

    Source: Brown et al. 2020, appendix C, who look for 13 words in a row.

    >>> seen_before([1, 2, 3, 4], [9, 1, 2, 3], n=2)
    0.6666666666666666
    """
    check_integer("n", n, 1)
    own, known = (check_ids(ids) for ids in (token_ids, training_ids))
    trained = {tuple(known[i : i + n]) for i in range(len(known) - n + 1)}
    grams = [tuple(own[i : i + n]) for i in range(len(own) - n + 1)]
    return sum(gram in trained for gram in grams) / len(grams) if grams else 0.0


def judge_outcomes(right_first: Sequence[bool], right_second: Sequence[bool]) -> dict[str, int]:
    """Count what a judge did with pairs of a right and a wrong answer, shown in both orders.

    Args:
        right_first: for each of N pairs, whether the judge chose the right answer when it stood
            first.
        right_second: whether it chose the right answer when it stood second.

    Returns:
        How often it chose the right one both times, the wrong one both times, the first both times
        and the second both times.

    Raises:
        ValueError: not as many of both, none, or values other than true and false.

    Source: Zheng et al. 2023, section 3.4: judge twice with the places changed.

    >>> judge_outcomes([True, True, False], [True, False, True])
    {'right': 1, 'wrong': 0, 'first': 1, 'second': 1}
    """
    first, second = check_right(right_first), check_right(right_second)
    if len(first) != len(second):
        raise ValueError(f"expected verdicts on the same pairs, got {len(first)} and {len(second)}")
    kinds = {"right": (1, 1), "wrong": (0, 0), "first": (1, 0), "second": (0, 1)}
    return {
        name: int(((first == one) & (second == other)).sum())
        for name, (one, other) in kinds.items()
    }
