"""`lessons_lib.base.linear`: equal to PyTorch's own linear map, whichever library computes."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.base import linear as module
from lessons_lib.base.linear import Linear, linear


def drawn(*shape, dtype=torch.float32):
    return torch.randn(*shape, dtype=dtype, requires_grad=True)


def gradients(function, x, weight, bias, back):
    for tensor in (x, weight, bias):
        tensor.grad = None
    y = function(x, weight, bias)
    y.backward(back)
    return y.detach(), x.grad, weight.grad, bias.grad


@pytest.mark.parametrize("shape", [(1200, 96), (4, 300, 96), (2, 3, 200, 96)])
@pytest.mark.parametrize("width", [64, 384])  # below that of x, and above
def test_large_products_equal_those_of_torch_with_gradients(shape, width, monkeypatch):
    monkeypatch.setattr(module, "_WORTH_IT", 2**20)
    torch.manual_seed(0)
    x, weight, bias = drawn(*shape), drawn(width, 96), drawn(width)
    assert module._pays(x, weight) == (module._X86 and torch.backends.mkldnn.is_available())
    back = torch.randn(*shape[:-1], width)
    ours = gradients(linear, x, weight, bias, back)
    theirs = gradients(F.linear, x, weight, bias, back)
    for got, expected in zip(ours, theirs, strict=True):
        # Sums of up to 1,200 products of size 1, in another order.
        torch.testing.assert_close(got, expected, atol=3e-4, rtol=1e-5)


def test_views_and_frozen_weights():
    torch.manual_seed(0)
    x = torch.randn(300, 4, 96).transpose(0, 1)
    weight = torch.randn(256, 96)[::2]
    torch.testing.assert_close(linear(x, weight), F.linear(x, weight), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("direct", [True, False])
def test_products_without_gradients_equal_those_of_torch(mode, direct, monkeypatch):
    asked = []

    def spy(x, weight, bias):
        asked.append(x.shape)
        return F.linear(x, weight, bias)

    monkeypatch.setattr(module, "_DIRECT", direct and module._DIRECT)
    torch.manual_seed(0)
    bias = drawn(128)
    with mode():
        for x, weight in [
            (drawn(4, 300, 96), drawn(128, 96)),
            (torch.randn(300, 4, 96).transpose(0, 1), torch.randn(256, 96)[::2]),
            (torch.randn(96, 1200).T, torch.randn(96, 128).T),
        ]:
            for b in (bias, None):
                expected = F.linear(x, weight, b)
                torch.testing.assert_close(linear(x, weight, b), expected, atol=1e-4, rtol=1e-5)
        monkeypatch.setattr(module, "_direct", spy)
        linear(x, weight, bias)
        assert len(asked) == (module._DIRECT and module._pays(x, weight))


def laid_out(shape, how, generator):
    """Numbers of a shape, in one of the ways in which they can stand in memory."""

    def draw(*sizes):
        return torch.randn(*sizes, generator=generator)

    if how == "offset":
        return draw(7 + math.prod(shape))[7:].view(shape)
    if how == "steps":
        return draw(*(2 * n for n in shape))[tuple(slice(None, None, 2) for _ in shape)]
    if how == "transposed":
        return draw(*reversed(shape)).permute(*reversed(range(len(shape))))
    if how == "one row for all":
        return draw(*([1] * (len(shape) - 1)), shape[-1]).expand(shape)
    if how == "one column for all":
        return draw(*shape[:-1], 1).expand(shape)
    if how == "one number for all":
        return draw(*([1] * len(shape))).expand(shape)
    if how == "overlapping":  # each row begins one number after the one before
        strides = [*reversed(range(1, len(shape))), 1]
        return draw(sum(shape) * len(shape)).as_strided(shape, strides)
    return draw(*shape)


LAYOUTS = [
    "in order",
    "offset",
    "steps",
    "transposed",
    "one row for all",
    "one column for all",
    "one number for all",
    "overlapping",
]
SHAPES = [(40,), (2, 3, 5), (1, 40), (), (1,)]  # of x but for its last axis


@pytest.mark.parametrize("path", ["direct", "copied", "gradients"])
@pytest.mark.parametrize("how_x", LAYOUTS)
def test_every_layout_equals_torch_s(path, how_x, monkeypatch):
    """A bias that is not contiguous was read as if it were, beyond its memory too."""
    monkeypatch.setattr(module, "_DIRECT", path == "direct" and module._DIRECT)
    monkeypatch.setattr(module, "_WORTH_IT", 1)
    generator = torch.Generator().manual_seed(LAYOUTS.index(how_x))
    for number, how_weight in enumerate(LAYOUTS):
        how_bias = LAYOUTS[(number * 3 + LAYOUTS.index(how_x)) % len(LAYOUTS)]
        shape = SHAPES[number % len(SHAPES)]
        x = laid_out((*shape, 24), how_x, generator)
        weight = laid_out((16, 24), how_weight, generator)
        biases = [laid_out((16,), how, generator) for how in (how_bias, "one number for all")]
        for bias in (*biases, None):
            given = [x, weight] if bias is None else [x, weight, bias]
            assert module._pays(*given) == (
                module._X86 and torch.backends.mkldnn.is_available() and x.ndim > 1
            )
            with torch.set_grad_enabled(path == "gradients"):
                check_against_torch(given, path == "gradients", generator)


def check_against_torch(given, with_gradients, generator):
    leaves = [t.detach().requires_grad_(with_gradients) for t in given]
    ours, expected = linear(*leaves), F.linear(*leaves)
    # Sums of 24 products of numbers of size 1, in another order.
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-5)
    if with_gradients:
        for back in (
            torch.randn(expected.shape, generator=generator),
            torch.ones(()).expand_as(expected),
        ):
            found = torch.autograd.grad(ours, leaves, back, retain_graph=True)
            wanted = torch.autograd.grad(expected, leaves, back, retain_graph=True)
            for got, want in zip(found, wanted, strict=True):
                assert got.shape == want.shape
                torch.testing.assert_close(got, want, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("trained", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_gradients_of_some_arguments_only(trained, monkeypatch):
    monkeypatch.setattr(module, "_WORTH_IT", 1)
    torch.manual_seed(0)
    given = [torch.randn(40, 24), torch.randn(24, 16).T, torch.randn(32)[::2]]
    for i in trained:
        given[i].requires_grad_()
    leaves = [given[i] for i in trained]
    found = torch.autograd.grad(linear(*given).square().sum(), leaves)
    wanted = torch.autograd.grad(F.linear(*given).square().sum(), leaves)
    for got, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, want, atol=1e-2, rtol=1e-4)


def outcome(function, *given):
    try:
        return function(*given)
    except (RuntimeError, TypeError, IndexError) as error:
        return type(error)


@pytest.mark.parametrize("path", ["direct", "gradients"])
@pytest.mark.parametrize("bias", [None, (), (1,), (16,), (5,), (32,), (40, 16), (40, 1), (1, 16)])
def test_every_shape_is_torch_s_result_or_torch_s_error(bias, path, monkeypatch):
    """A bias without dimensions was left out, others ended in an error of oneDNN."""
    monkeypatch.setattr(module, "_WORTH_IT", 1)
    torch.manual_seed(0)
    bias = [] if bias is None else [torch.randn(bias)]
    shapes_x = [(40, 24), (24,), (2, 3, 24), (0, 24), (2, 0, 24), (40, 0), (40, 23), ()]
    shapes_weight = [(16, 24), (24,), (2, 16, 24), (0, 24), (16, 0), ()]
    for shape_x, shape_weight in itertools.product(shapes_x, shapes_weight):
        given = [torch.randn(shape_x), torch.randn(shape_weight), *bias]
        for tensor in given:
            tensor.requires_grad_(path == "gradients")
        with torch.set_grad_enabled(path == "gradients"):
            ours, expected = outcome(linear, *given), outcome(F.linear, *given)
        if isinstance(expected, Tensor):
            assert isinstance(ours, Tensor), (shape_x, shape_weight, ours)
            torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-5)
        else:
            assert ours is expected, (shape_x, shape_weight)


def test_a_bias_of_another_type_is_torch_s_error(monkeypatch):
    monkeypatch.setattr(module, "_WORTH_IT", 1)
    for dtype in (torch.float64, torch.int64, torch.bool):
        with pytest.raises(RuntimeError, match="same dtype"):
            linear(torch.ones(40, 24), torch.ones(16, 24), torch.ones(16, dtype=dtype))


def wrong(x, weight, bias):
    return F.linear(x, weight, bias) + 1


def missing(x, weight, bias):
    return torch.ops.mkldnn.no_such_operator(x, weight)


def changed(x, weight, bias):
    return torch.ops.mkldnn._linear_pointwise(x, weight)


@pytest.mark.parametrize("operator", [wrong, missing, changed])
def test_a_torch_without_the_direct_operator_is_noticed(operator, monkeypatch):
    monkeypatch.setattr(module, "_direct", operator)
    assert not module._has_direct()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_are_torch_to_the_bit(dtype):
    torch.manual_seed(0)
    x, weight = drawn(1200, 96, dtype=dtype), drawn(128, 96, dtype=dtype)
    assert torch.equal(linear(x, weight), F.linear(x, weight))


def test_slopes_of_slopes_equal_those_of_torch(monkeypatch):
    monkeypatch.setattr(module, "_WORTH_IT", 1)
    torch.manual_seed(0)
    x, weight, bias = drawn(40, 24), drawn(16, 24), drawn(16)

    def second(function):
        first = torch.autograd.grad(function(x, weight, bias).square().sum(), x, create_graph=True)
        return torch.autograd.grad(first[0].square().sum(), (x, weight, bias))

    for got, expected in zip(second(linear), second(F.linear), strict=True):
        torch.testing.assert_close(got, expected, atol=1e-2, rtol=1e-4)


def test_with_gradients_only_larger_products_are_handed_over():
    x, weight = drawn(1000, 100), drawn(100, 100)
    with torch.no_grad():
        assert module._pays(x, weight) == (module._X86 and torch.backends.mkldnn.is_available())
    assert not module._pays(x, weight)
    weight = drawn(400, 100)
    assert module._pays(x, weight) == (module._X86 and torch.backends.mkldnn.is_available())


def test_small_products_and_mixed_precision_are_left_to_torch():
    torch.manual_seed(0)
    x, weight = drawn(4, 96), drawn(128, 96)
    assert torch.equal(linear(x, weight), F.linear(x, weight))
    x = drawn(1200, 96)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(x, weight).dtype == torch.bfloat16


def test_layer_is_torchs_layer():
    torch.manual_seed(0)
    ours = Linear(96, 128)
    theirs = nn.Linear(96, 128)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, 300, 96)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)
