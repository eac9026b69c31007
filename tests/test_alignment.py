"""Preferences, rewards and the known optimum: against `trl`, enumeration and planted scores."""

import doctest
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lessons_lib import alignment
from lessons_lib.alignment import (
    Pair,
    answer_log_probs,
    dpo_loss,
    draw_answers,
    fit_scores,
    group_advantages,
    kl_divergence,
    kl_estimate,
    optimum,
    policy_loss,
    prefer,
    preference,
    reinforce,
)
from lessons_lib.corpus.tasks import meetings
from lessons_lib.fine_tuning import chat_tokenizer, encode_chat
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.training import END, story_tokenizer

ORACLE = json.loads((Path(__file__).parent / "oracles" / "alignment.json").read_text())
PAIRS = {
    name: torch.tensor(ORACLE["pairs"][name], dtype=torch.float64) for name in ("own", "reference")
}
LENGTHS = torch.tensor(ORACLE["pairs"]["lengths"])
ANSWERS = {
    name: torch.tensor(ORACLE["answers"][name], dtype=torch.float64)
    for name in ("own", "old", "reference", "advantages")
}
MASK = torch.tensor(ORACLE["answers"]["mask"])


def pairs(by_length=False):
    """The four arguments of `dpo_loss`, summed over tokens, or averaged as trl's IPO wants them."""
    mask = torch.arange(PAIRS["own"].shape[1]) < LENGTHS[:, None]
    sums = [(PAIRS[name] * mask).sum(1) for name in ("own", "reference")]
    sums = [one / LENGTHS for one in sums] if by_length else sums
    (chosen, rejected), (reference_chosen, reference_rejected) = (one.chunk(2) for one in sums)
    return chosen, rejected, reference_chosen, reference_rejected


# ------------------------------------------------------------------------------------- preferences


def test_preferences_hang_on_the_difference():
    assert preference(0, 0) == 0.5
    assert preference(3, 1) == pytest.approx(1 / (1 + math.exp(-2)))
    assert preference(3, 1) + preference(1, 3) == pytest.approx(1)
    assert preference(1000, 0) == 1
    assert preference(0, 1000) == 0


def test_two_things_have_the_log_odds_of_their_wins():
    found = fit_scores([[0, 30], [10, 0]])
    assert found.scores[0] - found.scores[1] == pytest.approx(math.log(3))
    assert found.scores.sum() == pytest.approx(0)
    # the variance of log-odds is 1 / 30 + 1 / 10; each score has half of the difference
    assert found.errors == pytest.approx(math.sqrt(1 / 30 + 1 / 10) / 2)


def test_planted_scores_are_found_within_their_errors():
    planted = np.array([-1.0, -0.2, 0.0, 0.3, 0.9])
    planted -= planted.mean()
    within = []
    for seed in range(40):
        rng, wins = np.random.default_rng(seed), np.zeros((5, 5))
        for i, j in itertools.combinations(range(5), 2):
            wins[i, j] = rng.binomial(40, preference(planted[i], planted[j]))
            wins[j, i] = 40 - wins[i, j]
        found = fit_scores(wins)
        within.append(np.abs(found.scores - planted) < 1.96 * found.errors)
    assert 0.9 < np.mean(within) < 0.99


def test_scores_of_many_things_and_of_uneven_numbers():
    chain = np.eye(1100, k=1) + np.eye(1100, k=-1)
    assert np.abs(fit_scores(chain).scores).max() < 1e-9
    for scale in (1e-300, 1.0, 1e280):
        scores, errors = fit_scores(np.array([[0, 1e15], [1, 0]]) * scale)
        assert scores[0] - scores[1] == pytest.approx(math.log(1e15))
        assert errors[0] * math.sqrt(scale) == pytest.approx(0.5)


def test_scores_are_the_most_probable():
    wins = np.array([[0, 5, 2], [1, 0, 4], [3, 2, 0]])

    def log_probability(scores):
        return sum(
            wins[i, j] * math.log(preference(scores[i], scores[j]))
            for i, j in itertools.permutations(range(3), 2)
        )

    best = fit_scores(wins).scores
    for change in np.eye(3) * 0.01:
        assert log_probability(best) > log_probability(best + change)
        assert log_probability(best) > log_probability(best - change)


# -------------------------------------------------------------------------------------------- DPO


@pytest.mark.parametrize(("kind", "beta", "loss"), ORACLE["pairs"]["losses"])
def test_dpo_is_trl_s(kind, beta, loss):
    found = dpo_loss(*pairs(by_length=kind == "ipo"), beta, kind)
    assert found.item() == pytest.approx(loss, rel=1e-6)  # trl's settings are float32


def test_a_model_that_is_its_reference_has_the_loss_ln_2():
    chosen, rejected = torch.tensor([-1.0, -7.0]), torch.tensor([-5.0, -2.0])
    for beta in (0.01, 1.0, 50.0):
        loss = dpo_loss(chosen, rejected, chosen, rejected, beta)
        assert loss.item() == pytest.approx(math.log(2))
    assert dpo_loss(chosen, rejected, chosen, rejected, 0.5, "hinge") == 1
    assert dpo_loss(chosen, rejected, chosen, rejected, 0.5, "ipo") == 1
    robust = dpo_loss(chosen, rejected, chosen, rejected, 0.5, "robust", flipped=0.3)
    assert robust.item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("kind", ["sigmoid", "ipo", "hinge", "robust"])
def test_the_slope_raises_the_chosen_and_lowers_the_rejected(kind):
    numbers = [one.clone() for one in pairs()]
    numbers[0].requires_grad_()
    numbers[1].requires_grad_()
    numbers[2] = numbers[0].detach().clone()  # margins of 0
    numbers[3] = numbers[1].detach().clone()
    dpo_loss(*numbers, 0.1, kind).backward()
    assert (numbers[0].grad < 0).all()
    assert torch.equal(numbers[0].grad, -numbers[1].grad)


def test_robust_is_right_on_average_where_some_preferences_are_wrong():
    chosen, rejected, *reference = pairs()
    flipped = 0.2
    right = dpo_loss(chosen, rejected, *reference, 0.5, "robust", flipped)
    wrong = dpo_loss(rejected, chosen, *reference[::-1], 0.5, "robust", flipped)
    mean = (1 - flipped) * right + flipped * wrong
    assert mean.item() == pytest.approx(dpo_loss(chosen, rejected, *reference, 0.5).item())
    same = dpo_loss(chosen, rejected, *reference, 0.5, "robust", flipped=0)
    assert same.item() == pytest.approx(dpo_loss(chosen, rejected, *reference, 0.5).item())


# ----------------------------------------------------------------------------------------- rewards


def test_advantages_by_hand():
    rewards = torch.tensor([[1.0, 0.0, 0.0, 1.0], [2.0, 2.0, 2.0, 6.0]])
    assert group_advantages(rewards, "dr_grpo").tolist() == [
        [0.5, -0.5, -0.5, 0.5],
        [-1.0, -1.0, -1.0, 3.0],
    ]
    std = math.sqrt(1 / 3)
    assert group_advantages(rewards)[0].tolist() == pytest.approx(
        [0.5 / (std + 1e-4) * sign for sign in (1, -1, -1, 1)]
    )
    alone = group_advantages(rewards, "leave_one_out")
    assert alone[1].tolist() == pytest.approx([2 - 10 / 3] * 3 + [4])


@pytest.mark.parametrize("kind", ["grpo", "dr_grpo", "leave_one_out"])
def test_equal_rewards_give_no_advantage(kind):
    rewards = torch.tensor([[0.1] * 7, [1.0] * 7, [0.0, 1.0] * 3 + [0.0]])
    found = group_advantages(rewards, kind)
    assert (found[:2] == 0).all()  # exactly, where 0.1 has no exact mean
    assert found[2].sum().item() == pytest.approx(0, abs=1e-5)
    whole = group_advantages((rewards[2:] > 0).int(), kind)
    assert torch.equal(whole, found[2:])


@pytest.mark.parametrize(("kind", "beta", "loss"), ORACLE["answers"]["losses"])
def test_policy_loss_is_trl_s(kind, beta, loss):
    own, old, reference, advantages = ANSWERS.values()
    found = policy_loss(
        own, old, advantages[:, None], MASK, kind, beta=beta, reference_log_probs=reference
    )
    assert found.item() == pytest.approx(loss, rel=1e-6)
    each = advantages[:, None].expand_as(own)
    assert policy_loss(own, old, each, MASK, kind, 0.2, beta, reference) == found


def test_kinds_differ_in_what_a_long_answer_weighs():
    zeros, mask = torch.zeros(2, 4), torch.tensor([[1, 0, 0, 0], [1, 1, 1, 1]]).bool()
    advantages = torch.tensor([[1.0], [-1.0]])
    found = {kind: policy_loss(zeros, zeros, advantages, mask, kind).item() for kind in KINDS}
    assert found == pytest.approx({"grpo": 0, "dapo": 3 / 5, "dr_grpo": 3 / 8})


KINDS = ("grpo", "dapo", "dr_grpo")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_masked_does_not_count(kind):
    own, old, reference, advantages = (one.clone() for one in ANSWERS.values())
    before = policy_loss(own, old, advantages[:, None], MASK, kind, 0.2, 0.1, reference)
    for one in (own, old, reference):
        one[~MASK] = -3.0
    after = policy_loss(own, old, advantages[:, None], MASK, kind, 0.2, 0.1, reference)
    assert before == after


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_where_nothing_counts_may_be_anything(kind):
    mask = torch.tensor([[True, True, False], [True, False, False]])
    clean = torch.full((2, 3), -1.0)
    expected = policy_loss(clean, clean - 0.1, clean, mask, kind, 0.2, 0.1, clean - 0.2)
    for odd in (-math.inf, math.nan, 500.0):
        dirty = torch.where(mask, clean, odd).requires_grad_()
        rest = (torch.where(mask, clean - by, odd) for by in (0.1, 0.0, 0.2))
        old, advantages, reference = rest
        loss = policy_loss(dirty, old, advantages, mask, kind, 0.2, 0.1, reference)
        assert torch.equal(loss, expected)
        [slope] = torch.autograd.grad(loss, dirty)
        assert slope.isfinite().all()
        assert not slope[~mask].any()


def test_a_ratio_that_no_float_holds_has_no_slope():
    now = torch.full((1, 1), 1e4, requires_grad=True)
    loss = policy_loss(now, torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1, 1))
    loss.backward()
    assert (loss.item(), now.grad.item()) == (pytest.approx(-1.2), 0)


def test_sixteen_bits_are_computed_in_thirty_two():
    """Where 16 bits would overflow or round; rewards, too, wherever they are."""
    half, ones = torch.zeros(2, 5000).half(), torch.ones(2, 5000, dtype=torch.bool)
    assert policy_loss(half, half, half + 30, ones).item() == pytest.approx(-30)
    big, small = (one * 1e4).half(), (other * 1e4).half()
    assert dpo_loss(big, small, one, other, 1.0, "ipo").isfinite()
    for rewards in (torch.tensor([[1, 0]]).bfloat16(), torch.tensor([[True, False]])):
        assert group_advantages(rewards, "dr_grpo").tolist() == [[0.5, -0.5]]


def test_the_clip_stops_the_slope_where_enough_has_changed():
    old = torch.zeros(1, 4)
    own = torch.tensor([[0.1, 0.3, -0.1, -0.3]], requires_grad=True)
    mask = torch.ones(1, 4, dtype=torch.bool)
    policy_loss(own, old, torch.tensor([[1.0]]), mask).backward()
    assert (own.grad != 0).tolist() == [[True, False, True, True]]
    own.grad = None
    policy_loss(own, old, torch.tensor([[-1.0]]), mask).backward()
    assert (own.grad != 0).tolist() == [[True, True, True, False]]


def test_on_policy_the_slope_is_that_of_reinforce():
    logits = torch.tensor([0.2, -0.5, 1.0], dtype=torch.float64, requires_grad=True)
    drawn, rewards = torch.tensor([0, 1, 1, 2]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]).double()
    advantages = group_advantages(rewards, "dr_grpo").T
    log_probs = logits.log_softmax(0)[drawn][:, None]
    mask = torch.ones(4, 1, dtype=torch.bool)
    policy_loss(log_probs, log_probs.detach(), advantages, mask).backward()
    probs = logits.detach().softmax(0)
    by_hand = sum(
        a * (torch.eye(3).double()[i] - probs) for a, i in zip(advantages[:, 0], drawn, strict=True)
    )
    assert torch.allclose(logits.grad, -by_hand / 4)


def test_the_estimate_is_never_negative_by_rounding():
    log_probs = -torch.rand(10_000, generator=torch.Generator().manual_seed(0)) * 5
    assert (kl_estimate(log_probs, log_probs * 1.00001) >= 0).all()
    assert kl_estimate(one, one + 0.001).numpy() == pytest.approx(5e-7, rel=0.01)


def test_the_estimate_is_right_on_average_and_never_negative():
    p, q = torch.tensor([0.7, 0.2, 0.1]).double(), torch.tensor([0.3, 0.3, 0.4]).double()
    estimate = kl_estimate(p.log(), q.log())
    assert (estimate >= 0).all()
    assert (p * estimate).sum().item() == pytest.approx(kl_divergence(p.numpy(), q.numpy()))
    assert (kl_estimate(p.log(), p.log()) == 0).all()


# ------------------------------------------------------------------------------- the known optimum


@pytest.mark.parametrize("beta", [0.05, 0.5, 5.0])
def test_nothing_is_better_than_the_optimum(beta):
    reference, rewards = np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 0.4])

    def worth(policy):
        return policy @ rewards - beta * kl_divergence(policy, reference)

    best = optimum(reference, rewards, beta)
    assert best.sum() == pytest.approx(1)
    grid = np.linspace(0, 1, 41)
    for a, b in itertools.product(grid, grid):
        if a + b <= 1:
            assert worth(np.array([a, b, max(0.0, 1 - a - b)])) <= worth(best) + 1e-9
    assert worth(best) == pytest.approx(beta * np.log(reference @ np.exp(rewards / beta)))


def test_the_optimum_s_ends():
    reference, rewards = [0.5, 0.5, 0.0], [0.0, 1.0, 1000.0]
    assert optimum(reference, rewards, 1e9) == pytest.approx(reference)
    assert optimum(reference, rewards, 1e-3) == pytest.approx([0, 1, 0])  # never said before: never
    assert optimum([1.0], [5.0], 1) == [1]
    shifted = optimum([0.5, 0.5], [7.0, 8.0], 1)
    assert shifted == pytest.approx(optimum([0.5, 0.5], [0.0, 1.0], 1))


@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
def test_dpo_arrives_at_the_optimum_of_the_rewards_behind_its_preferences(beta):
    reference = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    rewards = torch.tensor([0.0, 1.0, 0.4], dtype=torch.float64)
    logits = reference.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-10)
    orders = list(itertools.permutations(range(3), 2))
    weights = torch.sigmoid(torch.stack([rewards[i] - rewards[j] for i, j in orders]))

    def closure():
        optimizer.zero_grad()
        log_probs = logits.log_softmax(0)
        losses = [
            dpo_loss(log_probs[[i]], log_probs[[j]], reference[[i]], reference[[j]], beta)
            for i, j in orders
        ]
        loss = (weights * torch.stack(losses)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    found = logits.detach().softmax(0).numpy()
    assert found == pytest.approx(optimum(reference.exp(), rewards, beta), abs=1e-4)


def test_the_optimum_takes_the_numbers_of_models():
    probs = torch.rand(1000, generator=torch.Generator().manual_seed(0)).softmax(0)
    assert optimum(probs, torch.zeros(1000), 1.0) == pytest.approx(probs.numpy(), rel=1e-5)
    assert optimum([0.5, 0.5], [1.0, 1.0], 1e-320).tolist() == [0.5, 0.5]
    assert optimum([0.5, 0.5], [1e308, -1e308], 1e-3).tolist() == [1.0, 0.0]
    assert kl_divergence([0.5, 0.5], [1e-320, 1.0]) == pytest.approx(367.7, abs=0.1)


def test_kl_divergence_by_hand():
    assert kl_divergence([0.5, 0.5], [0.25, 0.75]) == pytest.approx(
        0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    )
    assert kl_divergence([1.0, 0.0], [0.5, 0.5]) == pytest.approx(math.log(2))
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == math.inf


# ----------------------------------------------------------------------------- training of a model

TOKENIZER = chat_tokenizer(story_tokenizer())
E = TOKENIZER.special_tokens[END]
SMALL = LlamaConfig(TOKENIZER.vocab_size, 128, 32, 2, 1, 48, n_kv_heads=2, end_ids=(E,))
PROMPTS, ANSWERS_OF_TWO = [[E, 5, 6], [E, 7]], [[8, E], [9, 10, 11, E]]


def small_model(seed=0):
    torch.manual_seed(seed)
    return Llama(SMALL)


def test_answers_have_the_log_probabilities_of_each_alone():
    model = small_model()
    found, mask = answer_log_probs(model, PROMPTS, ANSWERS_OF_TWO)
    assert found.shape == mask.shape == (2, 5)
    for row, counts, prompt, answer in zip(found, mask, PROMPTS, ANSWERS_OF_TWO, strict=True):
        ids, wanted = list(prompt), []
        for token in answer:
            wanted.append(model(torch.tensor([ids]))[0, -1].log_softmax(-1)[token].item())
            ids.append(token)
        assert row[counts].tolist() == pytest.approx(wanted, abs=1e-5)
        assert (row[~counts] == 0).all()
    assert mask.tolist() == [
        [False, False, True, True, False],
        [False, True, True, True, True],
    ]


def test_a_first_step_on_pairs_costs_ln_2_and_the_better_answer_gains():
    model, before = small_model(), small_model()
    pairs = [Pair(p, a, a[::-1]) for p, a in zip(PROMPTS, ANSWERS_OF_TWO, strict=True)]
    losses = prefer(model, 6 * pairs, beta=0.5, lr=1e-3, size=2)
    assert len(losses) == 6
    assert losses[0] == pytest.approx(math.log(2), abs=1e-6)
    assert losses[-1] < losses[0]

    def margin(one):
        kinds = ("chosen", "rejected")
        rows = [[getattr(pair, kind) for pair in pairs] for kind in kinds]
        good, bad = (answer_log_probs(one, PROMPTS, row)[0].sum() for row in rows)
        return (good - bad).item()

    assert margin(model) > margin(before) + 1


def test_pairs_are_trained_on_alike_twice():
    pairs = [Pair(p, a, a[::-1]) for p, a in zip(PROMPTS, ANSWERS_OF_TWO, strict=True)]
    first, second = (prefer(model := small_model(), 3 * pairs), model.state_dict())
    again = small_model()
    assert prefer(again, 3 * pairs) == first
    assert all(torch.equal(one, second[name]) for name, one in again.state_dict().items())


def test_answers_are_drawn_side_by_side_and_end_once():
    model, tasks = small_model(), meetings(2, 3)
    prompts, answers, texts = draw_answers(model, TOKENIZER, tasks, 3, n_tokens=6)
    asked = [encode_chat(t.messages, TOKENIZER, add_generation_prompt=True) for t in tasks]
    assert prompts == [asked[0]] * 3 + [asked[1]] * 3
    for answer, text in zip(answers, texts, strict=True):
        assert E not in answer[:-1]
        assert len(answer) == 6 or answer[-1] == E
        assert TOKENIZER.decode([i for i in answer if i != E]) == text
    assert draw_answers(model, TOKENIZER, tasks, 3, n_tokens=6) == (prompts, answers, texts)
    assert draw_answers(model, TOKENIZER, tasks, 3, 6, seed=1)[2] != texts


def test_rewards_make_what_is_paid_more_probable():
    def short(task, text):
        return -float(len(text))

    batches = [meetings(2, seed) for seed in range(40)]
    paid = reinforce(small_model(), TOKENIZER, batches, short, size=16, lr=1e-2, n_tokens=4)
    assert len(paid) == 40
    assert sum(paid[-4:]) > sum(paid[:4]) + 20


def test_equal_rewards_change_nothing_and_a_reference_holds():
    batches = [meetings(1, seed) for seed in range(4)]
    still = small_model()
    reinforce(still, TOKENIZER, batches, lambda task, text: 1.0, size=4, n_tokens=5)
    assert all(
        torch.equal(one, other)
        for one, other in zip(still.parameters(), small_model().parameters(), strict=True)
    )

    def departure(beta):
        model = small_model()
        reward = lambda task, text: -float(len(text))  # noqa: E731
        reinforce(model, TOKENIZER, 3 * batches, reward, size=6, lr=3e-3, beta=beta, n_tokens=6)
        rows = draw_answers(model, TOKENIZER, batches[0], 16, 6)[:2]
        own, mask = answer_log_probs(model, *rows)
        return (kl_estimate(own, answer_log_probs(small_model(), *rows)[0]) * mask).mean().item()

    assert departure(20.0) < departure(0.0)


# ------------------------------------------------------------------------------------------ errors


def test_examples_in_docstrings():
    found = doctest.testmod(alignment)
    assert found.attempted >= 5
    assert found.failed == 0


PAIR = Pair([E, 5], [6], [7])
one = torch.tensor([-1.0, -2.0])
other = torch.tensor([-2.0, -1.0])
table = torch.zeros(2, 3)
full = torch.ones(2, 3, dtype=torch.bool)
nan = torch.tensor([[0.0, math.nan, 0.0]] * 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: preference(math.nan, 0), "expected a to be a finite number, got nan"),
        (lambda: fit_scores([[0, 1]]), r"expected wins \(K, K\) with a diagonal of 0, got shape"),
        (lambda: fit_scores([[1, 1], [1, 0]]), "diagonal of 0"),
        (lambda: fit_scores([[0]]), "diagonal of 0"),
        (lambda: fit_scores([[0, -1], [1, 0]]), "wins to be finite numbers of at least 0"),
        (lambda: fit_scores([[0, 3], [0, 0]]), "everything to be preferred"),
        (lambda: fit_scores([[0, 1e300], [1, 0]]), "from which scores follow"),
        (lambda: dpo_loss(one, other[:1], one, other, 0.1), "tensors of one shape"),
        (
            lambda: dpo_loss(one * math.nan, other, one, other, 0.1),
            "chosen to be one or more finite",
        ),
        (lambda: dpo_loss(one[:0], one[:0], one[:0], one[:0], 0.1), "finite numbers, got none"),
        (lambda: dpo_loss(one - math.inf, other, one, other, 0.1), "chosen to .* got -inf"),
        (lambda: dpo_loss([-1.0], other, one, other, 0.1), "chosen to be a tensor of numbers"),
        (lambda: dpo_loss(one, one, other, other, 0.1), "the same answer as both"),
        (lambda: dpo_loss(one, other, one, other, 0), "beta to be a finite number above 0, got 0"),
        (lambda: dpo_loss(one, other, one, other, 1, "dpo"), "sigmoid, ipo, hinge or robust"),
        (lambda: dpo_loss(one, other, one, other, 1, "robust", 0.5), "flipped"),
        (lambda: group_advantages(one), r"rewards \(G, N\), at least 2 answers, got \(2,\)"),
        (lambda: group_advantages([[1.0, 0.0]]), "a tensor of rewards .* got list"),
        (lambda: group_advantages(one[None, :1]), "at least 2 answers"),
        (lambda: group_advantages(nan), "rewards to be finite numbers, got nan"),
        (lambda: group_advantages(one[None], "ppo"), "grpo, dr_grpo or leave_one_out, got 'ppo'"),
        (lambda: kl_estimate(one, one[:1]), "one shape"),
        (lambda: answer_log_probs(small_model(), [[E]], []), "as many prompts as answers"),
        (lambda: answer_log_probs(small_model(), [], []), "none of them empty, got 0 and 0"),
        (lambda: answer_log_probs(small_model(), [[E]], [[]]), "none of them empty"),
        (lambda: prefer(small_model(), []), "at least one pair, got none"),
        (lambda: prefer(small_model(), [PAIR], beta=-1), "beta to be a finite number above 0"),
        (lambda: prefer(small_model(), [PAIR], lr=0), "lr to be a finite number above 0"),
        (lambda: prefer(small_model(), [PAIR], size=0), "size"),
        (lambda: prefer(small_model(), [Pair([E], [5], [5])]), "the same answer as both"),
        (lambda: draw_answers(small_model(), TOKENIZER, meetings(1, 0), 0), "size"),
        (
            lambda: reinforce(
                small_model(), TOKENIZER, [meetings(1, 0)], lambda *_: math.nan, n_tokens=2
            ),
            "rewards to be finite numbers, got nan",
        ),
        (lambda: policy_loss(table, table[:1], table, full), "one shape"),
        (
            lambda: policy_loss(table, table, nan, full),
            "advantages to be one or more finite",
        ),
        (lambda: policy_loss(table, table, table[:1, :1], full), "one shape"),
        (lambda: policy_loss(table, table, torch.ones(5, 1), full), "one shape"),
        (lambda: policy_loss(table, table, table, full[:1]), "one shape"),
        (lambda: policy_loss(table, table, table, full * 0.5), "0 and 1, got 0.5"),
        (lambda: policy_loss(table, table, table, None), "mask to be a tensor of numbers, got N"),
        (lambda: policy_loss(table, table, table, full & False), "a token in each row"),
        (
            lambda: policy_loss(table, table, table, full, clip=0),
            "clip to be a finite number above",
        ),
        (lambda: policy_loss(table, table, table, full, beta=-1), "beta to be a finite number of"),
        (
            lambda: policy_loss(table, table, table, full, beta=1),
            "reference_log_probs to .* None",
        ),
        (lambda: policy_loss(table, table, table, full, "ppo"), "grpo, dapo or dr_grpo, got 'ppo'"),
        (lambda: optimum([0.5, 0.5], [1.0], 1), "as many rewards as probabilities"),
        (lambda: optimum([0.5, 0.4], [1.0, 1.0], 1), "add up to 1"),
        (lambda: optimum([0.5, 0.5], [1.0, math.nan], 1), "rewards to be finite numbers, got nan"),
        (lambda: optimum([0.5, 0.5], [1.0, 1.0], 0), "beta to be a finite number above 0"),
        (lambda: kl_divergence([0.5, 0.5], [1.0]), "two distributions over the same answers"),
        (lambda: kl_divergence([0.5, 0.4], [0.5, 0.5]), "two distributions"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
