"""`lessons_lib.base.linear`: equal to PyTorch's own linear map, whichever library computes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

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
def test_large_products_equal_those_of_torch_with_gradients(shape):
    torch.manual_seed(0)
    x, weight, bias = drawn(*shape), drawn(128, 96), drawn(128)
    assert module._pays(x, weight) == (module._X86 and torch.backends.mkldnn.is_available())
    back = torch.randn(*shape[:-1], 128)
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
    linear(x.clone(), weight.clone(), bias)  # the operator knows no gradients
    assert len(asked) == (module._DIRECT and module._pays(x, weight))


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
