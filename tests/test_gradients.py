"""The chapter `gradients`, held against PyTorch's autograd in 64 bits.

Tolerances: both sides round some hundred operations to 16 digits, in another order, so 1e-12
of numbers around 1 for single operations, and 1e-10 for a whole model.
"""

import doctest
import operator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

from lessons_lib import gpt as book_gpt
from lessons_lib import gradients, llama
from lessons_lib.attention import MultiHeadAttention, scaled_dot_product_attention
from lessons_lib.block import Block, FeedForward
from lessons_lib.gpt import GPT, GPTConfig
from lessons_lib.gradients import Node, Tensor, TinyGPT, fit, gpt_shapes, in_order


def agree(ours, theirs, *made_of, atol=1e-12):
    """Run a function of Tensors and one of torch's tensors; compare results and all slopes.

    The slopes that arrive at the result differ from number to number, as a rule that forgets them
    must not pass.
    """
    a = [Tensor(x) for x in made_of]
    b = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in made_of]
    result, wanted = ours(*a), theirs(*b)
    np.testing.assert_allclose(result.array, wanted.detach(), rtol=1e-12, atol=atol)
    assert result.array.shape == tuple(wanted.shape)
    arrives = np.random.default_rng(0).normal(size=result.array.shape)
    (result * arrives).sum().backward()
    (wanted * torch.tensor(arrives)).sum().backward()
    for one, other in zip(a, b, strict=True):
        grad = torch.zeros_like(other) if other.grad is None else other.grad
        assert one.gradient.shape == one.array.shape
        np.testing.assert_allclose(one.gradient, grad, rtol=1e-10, atol=atol)


def same(function, *made_of, **options):
    """As `agree`, for a function that both know by the same signs."""
    agree(function, function, *made_of, **options)


numbers = st.floats(-3, 3, allow_subnormal=False).map(lambda x: round(x, 3))


def filled(shape):
    return arrays.arrays(np.float64, shape, elements=numbers)


pairs = arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)
two = pairs.flatmap(lambda s: st.tuples(*(filled(shape) for shape in s.input_shapes)))
shapes = arrays.array_shapes(min_dims=0, max_dims=4, max_side=3)
one = shapes.flatmap(filled)


@given(two)
@pytest.mark.parametrize("sign", [operator.add, operator.mul, operator.sub])
def test_signs_with_broadcasting(sign, both):
    same(sign, *both)


@given(two)
@pytest.mark.parametrize("sign", [operator.add, operator.mul])
def test_plain_numbers_on_both_sides(sign, both):
    x, array = both
    for plain in (array, array.tolist(), 2, np.float64(0.5)):
        if isinstance(plain, list) and not isinstance(array.tolist(), list):
            continue
        constant = torch.tensor(plain, dtype=torch.float64)
        agree(lambda a, p=plain: sign(a, p), lambda b, c=constant: sign(b, c), x)
        agree(lambda a, p=plain: sign(p, a), lambda b, c=constant: sign(c, b), x)


@given(one)
def test_minus_exp_and_log(x):
    same(operator.neg, x)
    same(lambda a: a.exp(), x)
    same(lambda a: a.log(), np.abs(x) + 0.01)


@st.composite
def summed(draw):
    x = draw(one)
    axes = st.integers(-x.ndim, x.ndim - 1) if x.ndim else st.nothing()
    several = st.sets(st.integers(0, max(x.ndim - 1, 0)), max_size=x.ndim).map(tuple)
    return x, draw(st.none() | axes | (several if x.ndim else st.nothing())), draw(st.booleans())


@given(summed())
def test_sum_and_mean(drawn):
    x, axis, keep = drawn
    if axis == ():  # NumPy adds up along no axis, torch along all
        assert np.array_equal(Tensor(x).sum(()).array, x)
        return
    for name in ("sum", "mean"):
        agree(
            lambda a, name=name: getattr(a, name)(axis, keep),
            lambda b, name=name: getattr(b, name)(axis, keep),
            x,
        )


@given(
    arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3).flatmap(
        lambda s: st.tuples(
            *(st.just(shape) for shape in s.input_shapes), *(st.integers(1, 3) for _ in range(3))
        )
    ),
    st.integers(0, 9),
)
def test_matrix_products_of_batches(sizes, seed):
    batch, other_batch, n, d, e = sizes
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(*batch, n, d)), rng.normal(size=(*other_batch, d, e))
    same(operator.matmul, a, b)
    agree(lambda x: x @ b, lambda x: x @ torch.tensor(b), a)


def test_rules_of_a_linear_map_as_the_chapter_writes_them():
    rng = np.random.default_rng(1)
    x, w, bias = Tensor(rng.normal(size=(5, 3))), Tensor(rng.normal(size=(2, 3))), Tensor([1, 2])
    arrived = rng.normal(size=(5, 2))
    ((gradients.linear(x, w) + bias) * arrived).sum().backward()
    np.testing.assert_allclose(x.gradient, arrived @ w.array, atol=1e-12)
    np.testing.assert_allclose(w.gradient, arrived.T @ x.array, atol=1e-12)
    np.testing.assert_allclose(bias.gradient, arrived.sum(0), atol=1e-12)


TABLE = np.arange(24.0).reshape(4, 3, 2) / 7


@pytest.mark.parametrize(
    "index",
    [
        1,
        -1,
        slice(1, 3),
        slice(None, None, 2),
        (0, 2),
        (slice(None), 1),
        (..., 0),
        (None, 2),
        (slice(None), None, 1),
        [0, 0, 0],
        [2, 0, 2, 2, 1],
        np.array([[0, 1], [1, 1]]),
        ([0, 0, 3], [1, 1, 2]),
        ([0, 0], slice(None), [1, 1]),
        (np.array([3, 3]), 1, 0),
        TABLE[..., 0] > 1,
    ],
    ids=str,
)
def test_places_once_and_several_times(index):
    as_theirs = torch.tensor(index) if isinstance(index, np.ndarray) else index
    agree(lambda a: a[index], lambda b: b[as_theirs], TABLE)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_embeddings_add_up_the_slopes_of_repeated_ids(ids):
    agree(lambda a: a[ids], lambda b: F.embedding(torch.tensor(ids), b), TABLE[:, 0])


@given(one, st.data())
def test_other_shapes(x, data):
    if x.ndim > 1:
        i, j = (data.draw(st.integers(-x.ndim, x.ndim - 1)) for _ in range(2))
        same(lambda a: a.swapaxes(i, j), x)
    same(lambda a: a.reshape(-1), x)
    same(lambda a: a.reshape(1, x.size, 1), x)


@given(two)
def test_fit_is_torch_s_own_sum(both):
    total = np.asarray(both[0] + both[1])
    for x in both:
        wanted = torch.tensor(total).sum_to_size(x.shape)
        np.testing.assert_allclose(fit(total, x.shape), wanted, atol=1e-12)


# ------------------------------------------------------------------------------- the way back


def test_the_chapter_s_graph_by_hand():
    w, x, b, y = (Tensor(number) for number in (2.0, 3.0, -1.0, 1.0))
    p = w * x
    s = p + b
    d = s - y
    result = d * d
    result.backward()
    assert [one.array.item() for one in (p, s, d, result)] == [6, 5, 4, 16]
    slopes = [one.gradient.item() for one in (result, d, s, y, p, b, w, x)]
    assert slopes == [1, 8, 8, -8, 8, 8, 24, 16]


OPERATIONS = {
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "subtract": lambda a, b: a - b,
    "exp of a little": lambda a, b: (a * 0.1 + b * 0).exp(),
}


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 99), st.integers(0, 99)),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.floats(-1, 1), min_size=2, max_size=3),
)
@example([("multiply", 0, 0)] * 4, [0.9, 0.1])
def test_graphs_in_which_values_are_used_again(steps, start):
    def run(*values):
        values = list(values)
        for name, i, j in steps:
            values.append(OPERATIONS[name](values[i % len(values)], values[j % len(values)]))
        return values[-1]

    same(run, *start, atol=1e-9)


def test_each_backward_adds_to_the_gradient():
    x, same_x = Tensor([1.0, 2.0]), torch.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(2):
        (x * x).sum().backward()
        (same_x * same_x).sum().backward()
    assert x.gradient.tolist() == same_x.grad.tolist() == [4.0, 8.0]
    total = (x * x).sum()  # twice the same graph: no slope goes back twice
    total.backward()
    total.backward()
    assert x.gradient.tolist() == [8.0, 16.0]
    assert total.gradient == 2


def test_in_order_each_after_what_it_was_made_from():
    a = Tensor(1.0)
    b = a + a
    c = b * a
    d = c + b
    order = in_order(d)
    assert set(order) == {a, b, c, d}
    assert len(order) == 4
    for node in order:
        for source, _ in node.made_from:
            assert order.index(source) < order.index(node)
    assert in_order(a) == [a]


@given(st.lists(st.lists(st.integers(0, 99), max_size=3), max_size=12))
def test_orders_of_any_graph(links):
    nodes = []
    for link in links:
        sources = [nodes[i % len(nodes)] for i in link] if nodes else []
        nodes.append(Node(0.0, *((source, lambda slope: slope) for source in sources)))
    last = Node(0.0, *((node, lambda slope: slope) for node in nodes))
    order = in_order(last)
    assert len(order) == len(set(order)) == len(nodes) + 1
    place = {node: i for i, node in enumerate(order)}
    assert all(place[source] < place[node] for node in order for source, _ in node.made_from)


def test_a_graph_of_many_layers_and_of_many_paths():
    deep = x = Tensor(1.0)
    for _ in range(5000):  # beyond Python's limit for calls within calls
        deep = deep + 0.0
    deep.backward()
    assert x.gradient == 1
    x.gradient[...] = 0
    wide = x
    for _ in range(60):  # 2**60 paths; each node sends its slope once
        wide = wide + wide
    wide.backward()
    assert x.gradient == 2.0**60


def test_arrays_are_copies_and_constants_do_no_harm():
    own = np.ones(2)
    x = Tensor(own)
    own[0] = 9
    assert x.array.tolist() == [1, 1]
    assert Tensor([1, 2]).array.dtype == np.float64
    assert repr(Tensor([[1]])) == "Tensor(shape=(1, 1))"
    total = (np.ones(2) * x + [1.0, 1.0] + 1).sum()
    assert isinstance(total, Tensor)
    assert total.array == 6


# ----------------------------------------------------------------------------- parts of a model


@given(arrays.array_shapes(min_dims=1, max_dims=3, max_side=4).flatmap(filled))
@example(np.array([1000.0, 999.0, -1000.0]))
@example(np.array([[-1000.0, -1000.0]]))
def test_log_softmax(x):
    agree(gradients.log_softmax, lambda b: b.log_softmax(-1), x)


@given(
    st.integers(1, 4).flatmap(
        lambda v: st.lists(st.integers(0, v - 1), min_size=1, max_size=5).flatmap(
            lambda t: st.tuples(filled((len(t), v)), st.just(t))
        )
    )
)
@example((np.array([[1000.0, 0.0]]), [1]))
def test_cross_entropy(drawn):
    logits, targets = drawn
    agree(
        lambda a: gradients.cross_entropy(a, targets),
        lambda b: F.cross_entropy(b, torch.tensor(targets)),
        logits,
    )


def test_cross_entropy_goes_back_as_probabilities_less_one_at_the_target():
    logits = Tensor([[2.0, 1.0, 0.0]])
    gradients.cross_entropy(logits, [1]).backward()
    np.testing.assert_allclose(logits.gradient, [[0.665, -0.755, 0.090]], atol=6e-4)


@pytest.mark.parametrize("eps", [1e-5, 0.1, 0.0])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 4)])
def test_rms_norm(shape, eps):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=shape), rng.normal(size=shape[-1:])
    agree(
        lambda a, w: gradients.rms_norm(a, w, eps),
        lambda b, w: F.rms_norm(b, shape[-1:], w, eps),
        x,
        weight,
    )
    theirs = llama.RMSNorm(shape[-1], eps).double()
    theirs.weight.data = torch.tensor(weight)
    ours = gradients.rms_norm(Tensor(x), Tensor(weight), eps).array
    np.testing.assert_allclose(ours, theirs(torch.tensor(x)).detach(), atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (4, 3), (2, 4, 3), (2, 2, 5, 1)])
def test_attention(shape):
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=shape) for _ in range(3))
    agree(
        gradients.attention,
        lambda *x: F.scaled_dot_product_attention(*x, is_causal=True),
        q,
        k,
        v,
    )
    mask = torch.ones(shape[-2], shape[-2], dtype=torch.bool).tril()
    book = scaled_dot_product_attention(*(torch.tensor(x) for x in (q, k, v)), mask)
    ours = gradients.attention(Tensor(q), Tensor(k), Tensor(v)).array
    np.testing.assert_allclose(ours, book, atol=1e-12)


def test_attention_survives_scores_that_are_large():
    big = np.array([[40.0], [50.0]])
    agree(
        gradients.attention,
        lambda *x: F.scaled_dot_product_attention(*x, is_causal=True),
        *[big] * 3,
    )


# --------------------------------------------------------------------------------- a whole model


def twin_of(model, vocab_size, context_length, d_model, n_heads, n_layers):
    """Return the book's GPT of the same parts, with the same parameters, in 64 bits."""
    twin = GPT(GPTConfig(vocab_size, context_length, d_model, n_heads, n_layers))
    twin.blocks = nn.ModuleList(
        Block(
            llama.RMSNorm(d_model),
            MultiHeadAttention(d_model, n_heads, bias=False),
            llama.RMSNorm(d_model),
            FeedForward(d_model, bias=False, activation=torch.relu),
        )
        for _ in range(n_layers)
    )
    twin.final_norm = llama.RMSNorm(d_model)
    twin = twin.double()
    twin.load_state_dict({name: torch.tensor(p.array) for name, p in model.parameters.items()})
    return twin


SIZES = [(11, 7, 8, 2, 2), (2, 1, 1, 1, 1), (30, 16, 12, 3, 1), (5, 4, 4, 4, 12), (9, 5, 6, 1, 3)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("std", [1, 30])
def test_all_slopes_of_a_gpt_are_torch_s(sizes, std):
    model = TinyGPT(*sizes, seed=3)
    for parameter in model.parameters.values():
        if parameter.array.ndim > 1:  # at the start all logits are small, and attention is even
            parameter.array *= std
    twin = twin_of(model, *sizes)
    ids = np.random.default_rng(0).integers(0, sizes[0], (3, sizes[1] + 1))
    loss, wanted = gradients.loss(model, ids), book_gpt.loss(twin, torch.tensor(ids))
    loss.backward()
    wanted.backward()
    assert abs(loss.array - wanted.item()) < 1e-10
    assert model.parameters.keys() == dict(twin.named_parameters()).keys()
    for name, parameter in twin.named_parameters():
        np.testing.assert_allclose(
            model.parameters[name].gradient, parameter.grad, rtol=1e-10, atol=1e-10, err_msg=name
        )


def test_logits_are_the_twin_s_and_know_no_future():
    sizes = 11, 7, 8, 2, 2
    model = TinyGPT(*sizes)
    ids = np.random.default_rng(0).integers(0, 11, (2, 7))
    wanted = twin_of(model, *sizes)(torch.tensor(ids)).detach()
    np.testing.assert_allclose(model(ids).array, wanted, atol=1e-12)
    later = ids.copy()
    later[:, 4] = (later[:, 4] + 1) % 11
    np.testing.assert_array_equal(model(later).array[:, :4], model(ids).array[:, :4])
    assert not np.allclose(model(later).array[:, 4], model(ids).array[:, 4])
    np.testing.assert_array_equal(model(torch.tensor(ids)).array, model(ids.tolist()).array)


def test_slopes_lead_downhill():
    model = TinyGPT(6, 8, seed=1)
    ids = np.arange(27).reshape(3, 9) % 6
    losses = []
    for _ in range(60):
        loss = gradients.loss(model, ids)
        loss.backward()
        for parameter in model.parameters.values():
            parameter.array -= 0.5 * parameter.gradient
            parameter.gradient[...] = 0
        losses.append(loss.array.item())
    assert losses[0] == pytest.approx(np.log(6), abs=0.1)
    assert losses[-1] < 0.05  # the next of six in a row is always the same


def test_the_start_is_small_and_depends_on_the_seed():
    shapes = gpt_shapes(10, 8, 4, 2)
    model, again, other = (TinyGPT(10, 8, 4, 2, 2, seed=seed) for seed in (0, 0, 1))
    assert {name: p.array.shape for name, p in model.parameters.items()} == shapes
    for name, p in model.parameters.items():
        assert np.array_equal(p.array, again.parameters[name].array)
        if p.array.ndim == 1:
            assert (p.array == 1).all()
        else:
            assert not np.array_equal(p.array, other.parameters[name].array)
            assert 0.01 < p.array.std() < 0.03


def test_examples_in_docstrings():
    found = doctest.testmod(gradients)
    assert found.attempted >= 4
    assert found.failed == 0


x = Tensor(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tensor("a"), "expected array to be numbers, got 'a'"),
        (lambda: Tensor([1.0, np.nan]), "numbers, got nan"),
        (lambda: Tensor(None), "numbers, got None"),
        (lambda: Tensor([True]), "numbers"),
        (lambda: Tensor(1j), "numbers"),
        (lambda: Tensor(Tensor(1)), "numbers"),
        (lambda: x.backward(), r"one number to go back from, got shape \(2, 3\)"),
        (lambda: x + np.ones(2), r"shapes that broadcast, got \(2, 3\) \+ \(2,\)"),
        (lambda: x * Tensor(np.ones((3, 3))), r"got \(2, 3\) \* \(3, 3\)"),
        (lambda: x - np.ones(2), r"got \(2, 3\) - \(2,\)"),
        (lambda: x + "a", "numbers, got 'a'"),
        (lambda: x @ x, r"\(..., N, D\) @ \(..., D, E\), got \(2, 3\) @ \(2, 3\)"),
        (lambda: x @ np.ones(3), r"got \(2, 3\) @ \(3,\)"),
        (
            lambda: Tensor(np.ones((2, 1, 3))) @ np.ones((3, 3, 1)),
            r"broadcast, got \(2,\) @ \(3,\)",
        ),
        (lambda: (x * 0).log(), "numbers of log to be finite numbers above 0, got 0.0"),
        (lambda: (-x).log(), "above 0, got -1.0"),
        (lambda: x.sum(2), "axis 2"),
        (lambda: x.reshape(4), "reshape"),
        (lambda: x[:0].mean(), "size of an array with a mean to be an integer of at least 1"),
        (lambda: gradients.cross_entropy(x, [0]), "expected 2 targets, as many as rows, got 1"),
        (lambda: gradients.cross_entropy(x, [0, 3]), "ids from 0 to 2, got 3"),
        (lambda: gradients.cross_entropy(x, [0, -1]), "ids from 0 to 2, got -1"),
        (lambda: gradients.cross_entropy(x, [0, 1.0]), "integers"),
        (lambda: gradients.cross_entropy(x[0], [0]), r"shape \(N, D\) with N above 0, got \(3,\)"),
        (lambda: gradients.cross_entropy(x[:0], []), r"got \(0, 3\)"),
        (lambda: gradients.rms_norm(x, Tensor(np.ones(2))), "broadcast"),
        (lambda: gradients.rms_norm(x, Tensor(np.ones(3)), -1), "eps to be a finite number"),
        (lambda: gradients.rms_norm(x * 0, Tensor(np.ones(3)), 0), "above 0, got 0.0"),
        (lambda: gradients.attention(x, x, x[:1]), r"got \(2, 2\) @ \(1, 3\)"),
        (lambda: gradients.attention(x, x[:1], x[:1]), "broadcast|got"),
        (lambda: TinyGPT(0, 4), "vocab_size to be an integer from 1"),
        (lambda: TinyGPT(4, 0), "context_length to be an integer from 1"),
        (lambda: TinyGPT(4, 4, 6, 4), "d_model divisible by n_heads, got 6 and 4"),
        (lambda: TinyGPT(4, 4, n_layers=0), "n_layers to be an integer from 1"),
        (lambda: TinyGPT(4, 4, seed=-1), "seed to be an integer of at least 0"),
        (lambda: TinyGPT(4, 4, seed=0.5), "seed to be an integer"),
        (lambda: TinyGPT(4, 2)([0, 1]), r"shape \(B, T\) with T from 1 to 2, got \(2,\)"),
        (lambda: TinyGPT(4, 2)([[0, 1, 2]]), r"T from 1 to 2, got \(1, 3\)"),
        (lambda: TinyGPT(4, 2)([[]]), "T from 1 to 2"),
        (lambda: TinyGPT(4, 2)([[4]]), "ids from 0 to 3, got 4"),
        (lambda: TinyGPT(4, 2)([[-1]]), "ids from 0 to 3, got -1"),
        (lambda: TinyGPT(4, 2)([[0.5]]), "integers"),
        (lambda: TinyGPT(4, 2)([[0], [0, 1]]), "rows of token ids"),
        (lambda: gradients.loss(TinyGPT(4, 2), [[1]]), "T from 1 to 2"),
        (lambda: gradients.loss(TinyGPT(4, 2), [[1, 5]]), "ids from 0 to 3, got 5"),
        (lambda: gradients.loss(TinyGPT(4, 2), [[1, 1, 1, 1]]), "T from 1 to 2"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("index", [2, (0, 3), [5], 0.5])
def test_places_that_are_not_there(index):
    with pytest.raises(IndexError):
        x[index]
