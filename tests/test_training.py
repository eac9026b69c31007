"""The mathematics of training: beside torch, beside numbers worked by hand, and its data.

What happens to a run on disk and on several processes stands in `test_training_runs`.
"""

import dataclasses
import doctest
import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lessons_lib.classroom.practice.training import check_best_rate, check_teacher_gradient
from lessons_lib.corpus.stories import WORLD, sample
from lessons_lib.gpt import GPT, GPTConfig, loss
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import (
    END,
    SGD,
    AdamW,
    Muon,
    Recipe,
    Windows,
    clip_gradients,
    cross_entropy_gradient,
    evaluate,
    gradients,
    learning_rate,
    make_optimizers,
    numeric_gradient,
    optimizers,
    orthogonalise,
    read_record,
    story_data,
    story_losses,
    story_tokenizer,
    train,
)
from lessons_lib.training.run import Run

SHAPES = [(), (1,), (7,), (3, 5), (2, 3, 4)]


@pytest.mark.parametrize("room", [gradients, optimizers])
def test_docstring_examples(room):
    found = doctest.testmod(room)
    assert found.failed == 0
    assert found.attempted > 0


# ---------------------------------------------------------------- the slope of the loss


def test_cross_entropy_gradient_by_hand():
    # Probabilities 1/6, 2/6, 3/6; the target's is reduced by 1.
    logits = torch.tensor([[1.0, 2.0, 3.0]]).log()
    found = cross_entropy_gradient(logits, torch.tensor([2]))
    torch.testing.assert_close(found, torch.tensor([[1 / 6, 2 / 6, -3 / 6]]))


@pytest.mark.parametrize("shift", [0.0, 1000.0, -1000.0])
def test_cross_entropy_gradient_is_autograd_s_and_the_numeric_one(shift):
    torch.manual_seed(0)
    logits = torch.randn(6, 11, dtype=torch.float64) * 3 + shift
    targets = torch.tensor([0, 10, 3, 3, 5, 0])
    before = logits.clone()
    found = cross_entropy_gradient(logits, targets)
    assert torch.equal(logits, before)
    numeric = numeric_gradient(lambda: F.cross_entropy(logits, targets), logits)
    # A step of 1e-6 leaves an error of about 1e-12 of the curve and 1e-16 / 1e-6 of rounding.
    torch.testing.assert_close(found, numeric, rtol=0, atol=1e-9)
    logits.requires_grad_()
    F.cross_entropy(logits, targets).backward()
    torch.testing.assert_close(found, logits.grad, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(found.sum(-1), torch.zeros(6, dtype=torch.float64))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, -1], "targets from 0 to 2, got -1"),
        ([0, -100], "targets from 0 to 2, got -100"),  # no sign of "leave this one out" here
        ([0, 3], "targets from 0 to 2, got 3"),
        ([0.0, 1.0], "targets to be integers, got torch.float32"),
        ([True, False], "targets to be integers, got torch.bool"),
        ([0], r"targets of shape \(2,\), got \(1,\)"),
        ([[0, 1]], r"targets of shape \(2,\), got \(1, 2\)"),
        ([], r"targets of shape \(2,\), got \(0,\)"),
        ("ab", "targets to be integers, got 'ab'"),
    ],
)
def test_targets_that_are_none(targets, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy_gradient(torch.zeros(2, 3), targets)
    if targets and not isinstance(targets, str):
        with pytest.raises(ValueError, match=message):
            cross_entropy_gradient(torch.zeros(2, 3), torch.tensor(targets))


def test_numeric_gradient_takes_no_integers():
    with pytest.raises(ValueError, match=r"expected an x of floats, got torch\.int64"):
        numeric_gradient(lambda: torch.zeros(()), torch.tensor([1, 2]))


def test_numeric_gradient_of_known_functions():
    x = torch.tensor([[0.5, -2.0], [3.0, 0.0]], dtype=torch.float64)
    before = x.clone()
    torch.testing.assert_close(numeric_gradient(lambda: (x**2).sum(), x), 2 * x)
    torch.testing.assert_close(numeric_gradient(lambda: x.sin().sum(), x), x.cos())
    product = torch.tensor([[0.0, 0.0], [0.0, -3.0]], dtype=torch.float64)  # the other three
    torch.testing.assert_close(numeric_gradient(lambda: x.prod(), x), product)
    assert torch.equal(x, before)  # every number has come back
    # Of a square, the difference on both sides is exact for any step; on one side it is not.
    torch.testing.assert_close(numeric_gradient(lambda: (x**2).sum(), x, step=0.5), 2 * x)


def test_numeric_gradient_of_a_whole_model():
    """Every parameter of a small GPT, by trying and by autograd."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=9, context_length=5, d_model=4, n_heads=2, n_layers=1))
    model = model.double()
    ids = torch.tensor([[1, 8, 0, 3, 3], [2, 2, 7, 4, 1]])
    loss(model, ids).backward()
    for name, parameter in model.named_parameters():
        numeric = numeric_gradient(lambda: loss(model, ids), parameter)
        # As above: rounding of 1e-16 times a few, divided by 1e-6.
        torch.testing.assert_close(numeric, parameter.grad, rtol=1e-5, atol=2e-9, msg=name)


# ---------------------------------------------------------------- optimizers


def follow(make, start, gradients):
    """Where numbers go under an optimizer that is given these gradients."""
    parameters = [nn.Parameter(one.clone()) for one in start]
    optimizer = make(parameters)
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()
    return parameters


@pytest.fixture
def slopes():
    """Starts of several shapes, and 100 gradients for them: some large, some small, some zero."""
    torch.manual_seed(1)
    start = [torch.randn(shape) for shape in SHAPES]
    sizes = torch.logspace(-4, 2, 100)[torch.randperm(100)]
    gradients = [[size * torch.randn(shape) for shape in SHAPES] for size in sizes]
    gradients[3] = [torch.zeros(shape) for shape in SHAPES]
    return start, gradients


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_is_torch_s(slopes, momentum):
    ours = follow(lambda p: SGD(p, lr=0.01, momentum=momentum), *slopes)
    torchs = follow(lambda p: torch.optim.SGD(p, lr=0.01, momentum=momentum), *slopes)
    # The numbers reach a size of about 10, whose rounding is 1e-6.
    torch.testing.assert_close(ours, torchs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("betas", [(0.9, 0.95), (0.0, 0.999), (0.8, 0.0)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adamw_is_torch_s(slopes, betas, decay):
    options = {"lr": 0.01, "betas": betas, "eps": 1e-6, "weight_decay": decay}
    ours = follow(lambda p: AdamW(p, **options), *slopes)
    torchs = follow(lambda p: torch.optim.AdamW(p, **options), *slopes)
    torch.testing.assert_close(ours, torchs, rtol=1e-6, atol=1e-6)


def test_first_steps_by_hand():
    one = [torch.tensor([3.0])]
    slope = [[torch.tensor([0.5])], [torch.tensor([0.5])]]
    (p,) = follow(lambda p: SGD(p, lr=0.1, momentum=0.9), one, slope)
    assert p.item() == pytest.approx(3 - 0.1 * 0.5 - 0.1 * 0.95)
    # AdamW's first step is as long as lr, however small the slope; the decay comes beside it.
    for size in (1e-3, 1.0, 1e3):
        (p,) = follow(lambda p: AdamW(p, lr=0.1, eps=1e-12), one, [[torch.tensor([size])]])
        assert p.item() == pytest.approx(2.9, abs=1e-6)
    (p,) = follow(lambda p: AdamW(p, lr=0.1, weight_decay=0.5), one, [[torch.tensor([1.0])]])
    assert p.item() == pytest.approx(3 * (1 - 0.1 * 0.5) - 0.1, abs=1e-6)


@pytest.mark.parametrize("make", [SGD, AdamW, Muon])
def test_what_has_no_gradient_stays(make):
    moved, still = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    optimizer = make([moved, still], lr=0.1)
    moved.grad = torch.ones(2, 2)
    optimizer.step()
    assert torch.equal(still, torch.ones(2, 2))
    assert not torch.equal(moved, torch.ones(2, 2))
    optimizer.param_groups[0]["lr"] = 0.0  # a schedule changes the rate between steps
    before = moved.clone()
    optimizer.step()
    assert torch.equal(moved, before)


@pytest.mark.parametrize("shape", [(8, 8), (5, 40), (40, 5), (1, 6), (6, 1), (96, 128)])
def test_orthogonalise_keeps_directions_and_evens_out_sizes(shape):
    torch.manual_seed(2)
    matrix = torch.randn(shape, dtype=torch.float64) * 100
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    out = orthogonalise(matrix)
    inside = u.T @ out @ v.T  # diagonal, if the directions are the same
    sizes = inside.diagonal()
    torch.testing.assert_close(inside, sizes.diag(), rtol=0, atol=1e-9)
    # Singular values above 0.02 of the norm come within the band; the very small ones lag behind.
    large = sizes[s > 0.02 * matrix.norm()]
    assert len(large)
    assert 0.65 < large.min() <= large.max() < 1.25
    assert (sizes >= -1e-9).all()
    assert (sizes.max() < 1.25).all()


def test_orthogonalise_does_on_numbers_what_its_polynomial_does():
    """On a diagonal matrix it works on each entry by itself."""
    numbers = torch.tensor([3.0, 1.0, 0.2, 0.01], dtype=torch.float64)
    x = numbers / numbers.norm()
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    torch.testing.assert_close(orthogonalise(numbers.diag()), x.diag())
    assert torch.equal(orthogonalise(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_orthogonalise_does_not_depend_on_size_or_side():
    torch.manual_seed(3)
    matrix = torch.randn(7, 20, dtype=torch.float64)
    out = orthogonalise(matrix)
    torch.testing.assert_close(orthogonalise(1e5 * matrix), out)
    torch.testing.assert_close(orthogonalise(matrix.T), out.T)


@pytest.mark.parametrize("shape", [(16, 16), (12, 48), (48, 12)])
def test_muon_is_torch_s(shape):
    torch.manual_seed(4)
    start = [torch.randn(shape)]
    gradients = [[torch.randn(shape)] for _ in range(20)]
    ours = follow(lambda p: Muon(p, lr=0.02), start, gradients)[0] - start[0]
    torchs = follow(lambda p: torch.optim.Muon(p, lr=0.02, weight_decay=0), start, gradients)[0]
    torchs = torchs - start[0]
    # torch computes each step in bfloat16, of 3 digits, in five rounds that multiply errors by
    # 3.4 each where values are small: steps differ by some percent.
    assert (ours - torchs).norm() < 0.05 * torchs.norm()
    assert torchs.norm() > 0.1  # there was something to compare


def test_muon_by_hand():
    """A step is the matrix made orthogonal, times lr, times the root of rows over columns."""
    torch.manual_seed(5)
    first, second = torch.randn(2, 12, 3, dtype=torch.float64)
    start = torch.zeros(12, 3, dtype=torch.float64)
    (p,) = follow(lambda p: Muon(p, lr=0.1, momentum=0.9), [start], [[first], [second]])
    mean_1 = 0.1 * first
    mean_2 = 0.9 * mean_1 + 0.1 * second
    steps = orthogonalise(0.1 * first + 0.9 * mean_1) + orthogonalise(0.1 * second + 0.9 * mean_2)
    torch.testing.assert_close(p.detach(), -0.1 * 2 * steps)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), ()])
def test_muon_refuses_what_is_no_matrix(shape):
    with pytest.raises(ValueError, match="expected matrices, got a shape of"):
        Muon([nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(shape))], lr=0.1)


@pytest.mark.parametrize("longest", [0.1, 1.0, 1e6])
def test_clipping_is_torch_s(longest):
    torch.manual_seed(6)
    ours = [nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    for p in ours:
        p.grad = 3 * torch.randn_like(p)
    torchs = [nn.Parameter(p.detach().clone()) for p in ours]
    for p, other in zip(ours, torchs, strict=True):
        other.grad = p.grad.clone()
    still = nn.Parameter(torch.ones(2))  # without a gradient
    length = clip_gradients(iter([*ours, still]), longest)
    expected = torch.nn.utils.clip_grad_norm_(torchs, longest)
    assert length == pytest.approx(expected.item(), rel=1e-6)
    for p, other in zip(ours, torchs, strict=True):
        # torch adds 1e-6 to the length before it divides.
        torch.testing.assert_close(p.grad, other.grad, rtol=1e-5, atol=0)


def test_clipping_by_hand():
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    a.grad, b.grad = torch.tensor([3.0]), torch.tensor([-4.0])
    assert clip_gradients([a, b], 1.0) == 5
    torch.testing.assert_close(torch.cat([a.grad, b.grad]), torch.tensor([0.6, -0.8]))
    assert clip_gradients([a, b], 2.0) == pytest.approx(1)
    torch.testing.assert_close(torch.cat([a.grad, b.grad]), torch.tensor([0.6, -0.8]))
    assert clip_gradients([], 1.0) == 0
    a.grad[0] = math.nan
    assert math.isnan(clip_gradients([a, b], 0.1))  # told, not hidden


def test_learning_rate_by_hand_and_in_a_scheduler():
    values = {0.0: 0.0, 0.05: 0.5, 0.1: 1.0, 0.55: 0.6, 1.0: 0.2}
    for progress, rate in values.items():
        assert learning_rate(progress, 0.1, 0.2) == pytest.approx(rate)
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=3.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step / 40))
    assert learning_rate(1.3, 0.1, 0.2) == 0.2  # a scheduler asks once more after the last step
    for step in range(41):
        up, down = step / 40 / 0.03, 1 - 0.98 * (step / 40 - 0.03) / 0.97
        assert schedule.get_last_lr()[0] == pytest.approx(3 * min(up, down))
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize(("warm_up", "final"), [(0.03, 0.02), (0.0, 0.0), (0.5, 1.0), (0.9, 0.1)])
def test_learning_rate_rises_then_falls(warm_up, final):
    places = [i / 1000 for i in range(1001)]
    rates = [learning_rate(p, warm_up, final) for p in places]
    for (p, a), (_, b) in pairwise(zip(places, rates, strict=True)):
        assert b >= a - 1e-12 if p < warm_up - 1e-3 else b <= a + 1e-12 or p < warm_up
    assert max(rates) == pytest.approx(1)
    assert rates[-1] == pytest.approx(final)
    assert min(rates) >= 0


@pytest.mark.parametrize("longest", [-1.0, 0.0, math.nan, math.inf, None, True, "1"])
def test_a_limit_that_is_none_changes_no_gradient(longest):
    """A negative limit turned the gradients round, NaN clipped nothing."""
    a = nn.Parameter(torch.ones(1))
    a.grad = torch.tensor([3.0])
    with pytest.raises(ValueError, match="longest to be a finite number above 0, got"):
        clip_gradients([a], longest)
    assert a.grad.item() == 3


def test_clipping_takes_a_single_tensor_as_torch_does():
    a = nn.Parameter(torch.ones(2))
    a.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients(a, 1.0) == 5
    torch.testing.assert_close(a.grad, torch.tensor([0.6, 0.8]))


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf, None, True, "0.1"])
@pytest.mark.parametrize(
    ("make", "name"),
    [(SGD, name) for name in ("lr", "momentum")]
    + [(Muon, name) for name in ("lr", "momentum", "weight_decay")]
    + [(AdamW, name) for name in ("lr", "betas", "eps", "weight_decay")],
)
def test_optimizers_refuse_settings(make, bad, name):
    """Given for all, or for one group of parameters."""
    p = nn.Parameter(torch.ones(2, 2))
    for setting in (bad, (bad, 0.9), (0.9, bad), (0.9,)) if name == "betas" else (bad,):
        with pytest.raises(ValueError, match=f"expected {name}"):
            make([p], **{"lr": 0.1, name: setting})
        with pytest.raises(ValueError, match=f"expected {name}"):
            make([{"params": [p], name: setting}], lr=0.1)


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (SGD, {"momentum": 1.0}),
        (Muon, {"momentum": 1.0}),
        (AdamW, {"betas": (0.9, 1.0)}),
        (AdamW, {"eps": 0.0}),
    ],
)
def test_optimizers_refuse_the_ends_of_ranges(make, settings):
    with pytest.raises(ValueError, match=r"below 1, got 1\.0|above 0, got 0\.0"):
        make([nn.Parameter(torch.ones(2, 2))], lr=0.1, **settings)


# ---------------------------------------------------------------- data


def test_windows_are_tokens_and_their_successors():
    data = Windows(range(100), 4)
    rows = data.rows(torch.tensor([0, 95]))
    assert rows.tolist() == [[0, 1, 2, 3, 4], [95, 96, 97, 98, 99]]
    assert data.batch(0, 3).shape == (3, 5)
    assert data.batch(0, 3).dtype == torch.int64
    assert (data.batch(7, 3).diff() == 1).all()


@pytest.mark.parametrize(("n", "length"), [(100, 4), (101, 4), (104, 4), (5, 4), (6, 4), (2, 1)])
def test_every_window_comes_once_in_a_round(n, length):
    data = Windows(range(n), length)
    assert len(data) == (n - 1) // length
    for round_ in range(20):
        starts = sorted(data.order(round_, seed=0).tolist())
        assert len(starts) == len(data)
        assert all(b - a == length for a, b in pairwise(starts))
        assert 0 <= starts[0] <= starts[-1] <= n - length - 1
    first = {min(data.order(round_, 0).tolist()) for round_ in range(60)}
    slack = (n - 1) % length
    assert first == set(range(slack + 1))  # each round begins at another token, all are met


def test_batches_follow_one_another_through_the_rounds():
    data = Windows(range(41), 4)  # 10 windows
    starts = [data.batch(step, 3)[:, 0] for step in range(10)]  # 30 windows: 3 rounds
    rounds = torch.cat(starts).view(3, 10)
    for round_, found in enumerate(rounds):
        assert torch.equal(found, data.order(round_, 0))
    assert len({tuple(row.tolist()) for row in rounds}) == 3  # shuffled anew in each
    # A batch larger than the data: the windows of several rounds.
    assert torch.equal(data.batch(0, 30)[:, 0], rounds.flatten())


def test_a_batch_depends_on_nothing_but_its_arguments():
    data, other = Windows(range(500), 4), Windows(range(500), 4)
    torch.manual_seed(0)
    asked = [data.batch(step, 5, seed=3) for step in range(60)]
    torch.manual_seed(1)
    state = torch.get_rng_state()
    for step in (59, 0, 31, 32, 0):
        assert torch.equal(other.batch(step, 5, seed=3), asked[step])
    assert torch.equal(torch.get_rng_state(), state)  # the common random numbers are left alone
    assert not torch.equal(data.batch(0, 5, seed=4), asked[0])


def test_windows_at_given_starts():
    data = Windows(range(30), 9, starts=[0, 5, 20, 21, 28])
    assert len(data) == 3  # 21 and 28 leave too few tokens
    for round_ in range(5):
        assert sorted(data.order(round_, 0).tolist()) == [0, 5, 20]
    assert sorted(data.batch(0, 3)[:, 0].tolist()) == [0, 5, 20]


def test_windows_of_other_types_of_integers():
    expected = Windows(range(30), 9).batch(0, 2)
    for kind in (np.uint16, np.int32, np.uint64, np.uint8):
        assert torch.equal(Windows(np.arange(30).astype(kind), 9).batch(0, 2), expected)


def test_windows_beyond_the_ends_are_refused():
    """A negative start read from the end, silently."""
    data = Windows(range(30), 9)
    for start in (-1, 21):
        with pytest.raises(ValueError, match=f"starts from 0 to 20, got {start}"):
            data.rows(torch.tensor([0, start]))
    with pytest.raises(ValueError, match="step to be an integer of at least 0, got -1"):
        data.batch(-1, 4)
    with pytest.raises(ValueError, match="size to be an integer of at least 1, got 0"):
        data.batch(0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2, 3, 4], 4), "at least 5 tokens for a window, got 4"),
        (([], 1), "at least 2 tokens for a window, got 0"),
        ((range(9), 0), "at least 1, got 0"),
        ((range(9), 2.5), "integer"),
        ((range(9), 4, [5, 6]), "a start of at most 4, got none"),
        ((range(9), 4, []), "a start of at most 4, got none"),
        (([0.0, 1.9, 2.0], 1), "token_ids to be integers, got torch.float32"),
        (([True, False], 1), "token_ids to be integers, got torch.bool"),
        (([[1, 2], [3, 4]], 1), r"token_ids of shape \(N,\), got \(2, 2\)"),
        (([1, -2, 3], 1), "token_ids from 0 on, got -2"),
        (("text", 1), "token_ids to be integers, got 'text'"),
        ((range(9), True), "integer of at least 1, got True"),
        ((range(9), 4, [0, -1]), "starts from 0 on, got -1"),
        ((range(9), 4, [0.5]), "starts to be integers, got torch.float32"),
    ],
)
def test_windows_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        Windows(*arguments)


class Table(nn.Module):
    """Logits that depend on the token before: the simplest model there is."""

    def __init__(self, vocab_size):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(vocab_size, vocab_size))

    def forward(self, ids):
        return self.table[ids]


def test_evaluate_is_the_mean_over_all_windows():
    torch.manual_seed(7)
    ids = torch.randint(0, 5, (101,))
    model, data = Table(5), Windows(ids, 10)
    assert evaluate(model, data) == pytest.approx(math.log(5))
    with torch.no_grad():
        model.table.normal_()
    # Ten windows side by side: every token but the first is predicted once.
    expected = loss(model, ids[None]).item()
    for size in (1, 3, 16):
        assert evaluate(model, data, size=size) == pytest.approx(expected, rel=1e-5)
    first = loss(model, ids[None, :11]).item()
    assert evaluate(model, data, most=1) == pytest.approx(first, rel=1e-5)
    two = loss(model, torch.stack([ids[:11], ids[-11:]])).item()  # evenly: both ends
    assert evaluate(model, data, most=2) == pytest.approx(two, rel=1e-5)


def test_evaluate_leaves_no_gradients_and_takes_given_starts():
    model = Table(5)
    with torch.no_grad():
        model.table.normal_(generator=torch.Generator().manual_seed(0))
    ids = torch.arange(40) % 5
    data = Windows(ids, 7, starts=[3, 13, 31])
    rows = torch.stack([ids[3:11], ids[13:21], ids[31:39]])
    assert evaluate(model, data) == pytest.approx(loss(model, rows).item(), rel=1e-6)
    assert model.table.grad is None


def test_windows_that_lie_evenly_in_a_long_row():
    """Places beyond what 32-bit floats can count to."""
    n = 2**24 + 12  # the last place is an odd number above 2**24, which float32 would round up
    model = Table(2)
    ids = torch.zeros(1, dtype=torch.int64).expand(n)
    assert evaluate(model, Windows(ids, 8), most=4) == pytest.approx(math.log(2))


# ---------------------------------------------------------------- recipes


def test_progress_is_that_of_whatever_ends_first():
    assert Recipe(n_steps=10).progress(3, seconds=99) == 0.3
    assert Recipe(seconds=20).progress(10**6, seconds=5) == 0.25
    both = Recipe(n_steps=10, seconds=20)
    assert both.progress(3, 5) == 0.3
    assert both.progress(1, 5) == 0.25
    assert both.progress(11, 5) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "n_steps or seconds, got neither"),
        ({"target_loss": 1.0}, "n_steps or seconds, got neither"),
        ({"n_steps": 0}, "at least 1, got 0"),
        ({"n_steps": 1.5}, "integer"),
        ({"seconds": 0}, "expected seconds to be a finite number above 0, got 0"),
        ({"seconds": math.inf}, "expected seconds to be a finite number above 0, got inf"),
        ({"lr": 0}, "expected lr to be a finite number above 0, got 0"),
        ({"lr": math.nan}, "expected lr to be a finite number above 0, got nan"),
        ({"matrix_lr": 0}, "expected matrix_lr to be a finite number above 0, got 0"),
        ({"matrix_lr": -1}, "expected matrix_lr to be a finite number above 0, got -1"),
        ({"clip": -1}, "expected clip to be a finite number above 0, got -1"),
        ({"warm_up": 1}, "warm_up to be a finite number of at least 0 and below 1"),
        ({"warm_up": -0.1}, "warm_up to be a finite number of at least 0 and below 1"),
        ({"final": 2}, "final to be a finite number of at least 0 and at most 1"),
        ({"weight_decay": -0.1}, "weight_decay to be a finite number of at least 0, got -0.1"),
        ({"batch_size": 0}, "at least 1, got 0"),
        ({"accumulate": 0}, "at least 1, got 0"),
        ({"batch_size": 16, "accumulate": 3}, "accumulate to divide batch_size, got 3 and 16"),
        ({"precision": "float16"}, "float32 or bfloat16, got 'float16'"),
        ({"seed": -1}, "at least 0, got -1"),
        ({"evaluate_every": -1}, "at least 0, got -1"),
        ({"save_every": 0.5}, "integer"),
    ],
)
def test_recipes_refuse(options, message):
    ending = {} if "seconds" in options or "neither" in message else {"n_steps": 10}
    with pytest.raises(ValueError, match=message):
        Recipe(**{**ending, **options})


def test_matrices_inside_the_blocks_go_to_muon():
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=9, context_length=5, d_model=4, n_heads=2, n_layers=2))
    names = {p: name for name, p in model.named_parameters()}

    def given(recipe):
        return [
            {names[p] for group in one.param_groups for p in group["params"]}
            for one in make_optimizers(model, recipe)
        ]

    adamw, muon = given(Recipe(n_steps=1))
    assert adamw | muon == set(names.values())
    assert not adamw & muon
    assert muon == {
        n
        for n in names.values()
        if n.startswith("blocks.") and n.endswith("weight") and "norm" not in n
    }
    (everything,) = given(Recipe(n_steps=1, matrix_lr=None))
    assert everything == set(names.values())
    first, second = make_optimizers(model, Recipe(n_steps=1, lr=0.1))
    assert (type(first), type(second)) == (AdamW, Muon)
    assert {group["lr"] for group in first.param_groups} == {0.1}
    assert {group["lr"] for group in second.param_groups} == {0.02}


def stories_gpt():
    return GPT(GPTConfig(vocab_size=9, context_length=5, d_model=4, n_heads=2, n_layers=2))


def stories_llama(tied):
    sizes = {"d_ff": 6, "n_kv_heads": 1, "qk_norm": True, "tied": tied}
    return Llama(LlamaConfig(9, 5, 4, n_heads=2, n_layers=2, **sizes))


@pytest.mark.parametrize("matrix_lr", [None, 0.01])
@pytest.mark.parametrize(
    ("make", "spared"),
    [
        (stories_gpt, ("norm", "bias")),
        (lambda: stories_llama(tied=False), ("norm",)),
        (lambda: stories_llama(tied=True), ("norm",)),
    ],
)
def test_matrices_and_tables_decay_and_nothing_else(make, spared, matrix_lr):
    """By what happens to the numbers: with gradients of zero, only the decay moves them."""
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p) + 3)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    recipe = Recipe(n_steps=1, lr=0.1, matrix_lr=matrix_lr, weight_decay=0.2)
    for optimizer in make_optimizers(model, recipe):
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        optimizer.step()
    decayed = set()
    for name, p in model.named_parameters():
        by_muon = matrix_lr and name.startswith("blocks.")
        smaller = before[name] * (1 - (matrix_lr if by_muon else 0.1) * 0.2)
        if not torch.equal(p, before[name]):
            torch.testing.assert_close(p.detach(), smaller, rtol=1e-6, atol=0)
            decayed.add(name)
    assert decayed == {name for name in before if not any(word in name for word in spared)}
    assert "token_embedding.weight" in decayed
    assert ("head.weight" in decayed) == ("head.weight" in before)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_muon_s_decay_is_torch_s(decay):
    """PyTorch computes the step in bfloat16, so it is taken out: both with and without decay."""
    torch.manual_seed(0)
    start, slopes = torch.randn(6, 4), torch.randn(3, 6, 4)

    def walk(make):
        p = nn.Parameter(start.clone())
        optimizer = make([p])
        for slope in slopes:
            p.grad = slope.clone()
            optimizer.step()
        return p.detach()

    ours = [walk(lambda p, d=d: Muon(p, 0.02, weight_decay=d)) for d in (decay, 0.0)]
    torchs = [walk(lambda p, d=d: torch.optim.Muon(p, 0.02, weight_decay=d)) for d in (decay, 0.0)]
    # What is left of the difference of bfloat16, a hundredth of steps of 0.02, decays too: 1e-6.
    torch.testing.assert_close(ours[0] - ours[1], torchs[0] - torchs[1], rtol=0, atol=2e-6)
    assert torch.equal(ours[0], ours[1]) == (decay == 0)


# ---------------------------------------------------------------- a run is its steps


def small_model(seed=0):
    torch.manual_seed(seed)
    return GPT(GPTConfig(vocab_size=12, context_length=8, d_model=16, n_heads=2, n_layers=1))


@pytest.mark.parametrize("accumulate", [1, 4])
def test_train_takes_the_steps_that_stand_in_its_recipe(accumulate):
    ids = torch.randint(0, 12, (400,), generator=torch.Generator().manual_seed(0))
    data = Windows(ids, 8)
    recipe = Recipe(n_steps=12, batch_size=8, accumulate=accumulate, clip=0.5, weight_decay=0.1)
    model, other = small_model(), small_model()
    record = train(model, data, recipe)

    named = dict(other.named_parameters())
    gains = [p for p in named.values() if p.ndim == 1]
    tables = [p for name, p in named.items() if p.ndim == 2 and "blocks" not in name]
    adamw = torch.optim.AdamW(
        [{"params": tables, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0}],
        betas=(0.9, 0.95),
    )
    matrices = [p for p in other.blocks.parameters() if p.ndim == 2]
    muon = Muon(matrices, lr=1.0, weight_decay=0.1)
    for step in range(12):
        value = loss(other, data.batch(step, 8))
        value.backward()
        length = torch.nn.utils.clip_grad_norm_(other.parameters(), 0.5).item()
        rate = learning_rate((step + 1) / 12)
        for group in adamw.param_groups:
            group["lr"] = 0.005 * rate
        muon.param_groups[0]["lr"] = 0.02 * rate
        for optimizer in (adamw, muon):
            optimizer.step()
            optimizer.zero_grad()
        line = record[step]
        # float32, and steps that divide by small numbers: differences grow from 1e-7 to 1e-5.
        assert line["loss"] == pytest.approx(value.item(), abs=1e-4)
        assert line["gradient"] == pytest.approx(length, rel=1e-3)
        assert line["rate"] == pytest.approx(rate)
        assert line["step"] == step + 1
        assert line["tokens"] == (step + 1) * 8 * 8
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-4)


def counted(windows, rare):
    """Tell which targets of windows (B, T + 1) count: what is rare or comes behind it."""
    return (windows[:, 1:] < rare) | (windows[:, :-1] < rare)


def masked_loss(model, windows, rare):
    """Return the sum of the losses that count, and their number: what `train` takes."""
    mask = counted(windows, rare)
    logits, targets = model(windows[:, :-1])[mask], windows[:, 1:][mask]
    return F.cross_entropy(logits, targets, reduction="sum"), mask.sum()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rare", [1, 2, 6, 12])
def test_parts_weigh_by_their_tokens_that_count(seed, rare):
    """Beside the mean that PyTorch takes of the whole batch, where -100 marks what is left out."""
    ids = torch.randint(0, 12, (400,), generator=torch.Generator().manual_seed(seed))
    data = Windows(ids, 8)
    model = small_model(seed).double()
    windows = data.batch(0, 8)
    mask = counted(windows, rare)
    targets = windows[:, 1:].masked_fill(~mask, -100)
    expected = F.cross_entropy(model(windows[:, :-1]).flatten(0, 1), targets.flatten())
    expected.backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    counts = mask.sum(1).tolist()  # of parts of one window each
    assert rare == 12 or len(set(counts)) > 1
    assert rare > 1 or 0 in counts
    for accumulate in (1, 2, 4, 8):
        model.zero_grad()
        recipe = Recipe(n_steps=1, batch_size=8, accumulate=accumulate)
        run = Run(model, data, recipe, loss_fn=lambda m, w: masked_loss(m, w, rare))
        assert run.slopes() == pytest.approx(expected.item(), rel=1e-12)
        for p, gradient in zip(model.parameters(), gradients, strict=True):
            torch.testing.assert_close(p.grad, gradient, rtol=1e-9, atol=1e-12)


def test_a_mean_and_a_sum_with_its_count_are_one():
    data = Windows(torch.arange(300) % 12, 8)
    recipe = Recipe(n_steps=5, batch_size=8, accumulate=2)
    sums = train(small_model(), data, recipe, loss_fn=lambda m, w: (32 * loss(m, w), 32))
    means = train(small_model(), data, recipe)
    for one, other in zip(sums, means, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)  # float32, 5 steps
        assert one["gradient"] == pytest.approx(other["gradient"], rel=1e-4)


@pytest.mark.parametrize("count", [0, torch.tensor(0)])
def test_a_batch_of_which_nothing_counts_is_refused(count):
    data, model = Windows(torch.arange(300) % 12, 8), small_model()
    with pytest.raises(ValueError, match="a batch with tokens that count, got none at step 0"):
        train(model, data, Recipe(n_steps=1), loss_fn=lambda m, w: (0 * loss(m, w), count))
    for p, q in zip(model.parameters(), small_model().parameters(), strict=True):
        assert torch.equal(p, q)


def test_a_pattern_is_learned():
    """Tokens that follow one another without choice: the loss goes to nothing."""
    data = Windows(torch.arange(300) % 12, 8)
    model = small_model()
    record = train(model, data, Recipe(n_steps=200, batch_size=8), validation=data)
    assert record[0]["loss"] > 2.3  # ln 12 = 2.48
    assert record[-1]["validation"] < 0.1
    assert "validation" not in record[-2]


def test_record_with_a_line_cut_off(tmp_path):
    lines = [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.25, "validation": 2.4}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path = tmp_path / "record.jsonl"
    path.write_text(text)
    assert read_record(path) == lines
    path.write_text(text + '{"step": 3, "lo')
    assert read_record(path) == lines
    path.write_text(text + '{"step": 3}')  # whole, but who knows
    assert read_record(path) == lines
    path.write_text("")
    assert read_record(path) == []
    path.write_bytes(text.encode() + b'{"step": 3, "lo\xc3')
    assert read_record(path) == lines
    wrong = [b'{"step": 1\n', b"3\n", b"[]\n", b"\0\0\n", b'"\xff"\n', b"[" * 9**5 + b"\n", b"\n"]
    for line in wrong:
        path.write_bytes(b'{"step": 1}\n' + line + b'{"step": 3}\n')
        with pytest.raises(ValueError, match=r"a line of JSON .*record.jsonl, got in line 2"):
            read_record(path)


# ---------------------------------------------------------------- the stories


@pytest.fixture(scope="module")
def tokenizer():
    text = "".join(story.text for story in sample(60, seed=1, language="es"))
    return BPETokenizer.train(text, 300, special_tokens=[END])


@pytest.mark.parametrize("language", ["en", "es"])
def test_story_windows_begin_with_end(tokenizer, language):
    data = story_data(language, tokenizer, n_stories=12, length=40, seed=5)
    stories = sample(12, seed=5, language=language)
    text = END + END.join(story.text for story in stories) + END
    assert tokenizer.decode(data.token_ids.tolist()) == text
    [end] = tokenizer.encode(END, allowed_special=[END])
    rows = data.batch(0, len(data))
    assert len(data) == 12
    assert (rows[:, 0] == end).all()
    begun = {tokenizer.decode(row[1:12].tolist())[:8] for row in rows}
    assert begun == {story.text[:8] for story in stories}
    # Long windows: the last stories have too few tokens behind their beginnings.
    assert 0 < len(story_data(language, tokenizer, 12, length=800, seed=5)) < 12


def test_story_data_of_another_world(tokenizer):
    short = dataclasses.replace(WORLD, min_events=0, max_events=0)
    data = story_data("es", tokenizer, n_stories=4, length=10, seed=5, world=short)
    told = tokenizer.decode(data.token_ids.tolist()).split(END)[1:-1]
    assert told == [story.text for story in sample(4, seed=5, language="es", world=short)]
    assert told != [story.text for story in sample(4, seed=5, language="es")]


def test_story_losses_of_a_model_that_knows_nothing(tokenizer):
    model = Table(tokenizer.vocab_size)
    stories = sample(3, seed=0, language="es")
    found = story_losses(model, tokenizer, stories)
    sizes = torch.tensor([len(tokenizer.encode(story.text)) + 1.0 for story in stories])  # and END
    torch.testing.assert_close(found, sizes * math.log(tokenizer.vocab_size))
    assert not found.requires_grad


def test_story_losses_count_every_token_once(tokenizer):
    """The table's loss of a story is the sum of its surprises, worked one by one."""
    model = Table(tokenizer.vocab_size)
    with torch.no_grad():
        model.table.normal_(generator=torch.Generator().manual_seed(0))
    (story,) = sample(1, seed=0, language="en")
    end = tokenizer.encode(END, allowed_special=[END])
    ids = end + tokenizer.encode(story.text) + end
    surprise = sum(-model.table[a].log_softmax(-1)[b].item() for a, b in pairwise(ids))
    assert story_losses(model, tokenizer, [story]).item() == pytest.approx(surprise, rel=1e-5)


def test_the_book_s_tokenizer():
    tokenizer = story_tokenizer(300)
    assert tokenizer.vocab_size == 300
    assert len(tokenizer.encode(END * 2, allowed_special=[END])) == 2
    both = "".join(s.text for lang in ("en", "es") for s in sample(2000, seed=1, language=lang))
    assert tokenizer.vocab == BPETokenizer.train(both, 300, special_tokens=[END]).vocab


def test_windows_say_what_they_hold():
    assert repr(Windows(range(1234), 16)) == "Windows(1,234 tokens, length 16)"


def test_recipes_are_not_changed_by_chance():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe(n_steps=1).lr = 3


# ---------------------------------------------------------------- the exercises' answers


@pytest.mark.parametrize("case", check_teacher_gradient.cases)
def test_the_teacher_s_gradient_is_torch_s(case):
    logits, wanted = (torch.tensor(array, dtype=torch.float64) for array in case.arguments)
    logits.requires_grad_()
    F.cross_entropy(logits[None], wanted[None]).backward()
    found = check_teacher_gradient.solution(*case.arguments)
    np.testing.assert_allclose(found, logits.grad, atol=5.1e-5)  # it has four decimals


@pytest.mark.parametrize("case", check_best_rate.cases)
def test_the_best_rate_is_that_of_torch_s_adamw(case):
    rates, steepness, n_steps = case.arguments

    def height(rate):
        place = torch.tensor([-2.0, 1.0], requires_grad=True)
        optimizer = torch.optim.AdamW([place], rate, betas=(0.9, 0.95), weight_decay=0)
        for _ in range(n_steps):
            optimizer.zero_grad()
            ((place[0] ** 2 + steepness * place[1] ** 2) / 2).backward()
            optimizer.step()
        return (place[0] ** 2 + steepness * place[1] ** 2).item() / 2

    heights = sorted((height(rate), rate) for rate in rates)
    assert check_best_rate.solution(*case.arguments) == heights[0][1]
    assert heights[1][0] > 1.05 * heights[0][0]  # rounding cannot turn the order
