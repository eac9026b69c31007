"""The arithmetic of scale: counts equal those of real models, fits find what was put in."""

import doctest
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lessons_lib import scaling
from lessons_lib.block import block_flops
from lessons_lib.corpus.stories import entropy, sample
from lessons_lib.gpt import GPT, GPTConfig, gpt_parameters, loss
from lessons_lib.llama import Llama, LlamaConfig, llama_parameters
from lessons_lib.scaling import (
    CHINCHILLA,
    CHINCHILLA_REFIT,
    LossLaw,
    PowerLaw,
    StoredRun,
    activation_memory,
    bubble_fraction,
    compute_optimal,
    fit_floor,
    fit_power_law,
    kv_cache_memory,
    matmul_parameters,
    model_flops,
    peak_flops,
    pipeline_schedule,
    stored_runs,
    training_flops,
    training_memory,
    training_seconds,
    utilisation,
)
from lessons_lib.training import story_data, story_tokenizer
from tools import scaling_runs

CONFIGS = {
    "gpt": GPTConfig(50, 64, 32, 4, 2),
    "gpt, narrow": GPTConfig(31, 40, 24, 2, 3, d_ff=20),
    "llama": LlamaConfig(50, 64, 32, 4, 2, 88, 2),
    "llama, tied, wide heads": LlamaConfig(37, 48, 16, 2, 3, 40, 1, d_head=12, tied=True),
    "qwen3": LlamaConfig(50, 64, 32, 4, 2, 88, 2, d_head=16, qk_norm=True),
}
LLAMA_3_8B = LlamaConfig(128256, 8192, 4096, 32, 32, 14336, 8)
LLAMA_3_70B = LlamaConfig(128256, 8192, 8192, 64, 80, 28672, 8)
LLAMA_3_405B = LlamaConfig(128256, 8192, 16384, 128, 126, 53248, 8)


def build(config):
    torch.manual_seed(0)
    return (GPT if isinstance(config, GPTConfig) else Llama)(config)


def ids_for(config, batch_size, n_tokens):
    rng = torch.Generator().manual_seed(0)
    return torch.randint(config.vocab_size, (batch_size, n_tokens), generator=rng)


# ------------------------------------------------------------------------------------- operations


def test_training_flops_of_published_models():
    """GPT-3's paper, table D.1, and Llama 3's, section 3.2.1, state what they spent."""
    assert training_flops(175e9, 300e9) == pytest.approx(3.14e23, rel=0.01)
    assert training_flops(405e9, 15.6e12) == pytest.approx(3.8e25, rel=0.01)
    assert training_flops(0, 5) == 0


@pytest.mark.parametrize("name", CONFIGS)
def test_matmul_parameters_are_the_matrices_of_the_model(name):
    config = CONFIGS[name]
    model = build(config)
    matrices = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))
    if isinstance(config, GPTConfig):
        matrices += model.token_embedding.weight.numel()  # multiplies once more at the end
    assert matmul_parameters(config) == matrices


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("n_tokens", [1, 17, 40])
def test_model_flops_are_those_that_torch_counts(name, n_tokens):
    """Forward, and exactly twice as many backward.

    Attention runs as separate products: torch's counter knows no fused attention on CPUs.
    """
    config = CONFIGS[name]
    model, ids = build(config), ids_for(config, 3, n_tokens + 1)
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as forward:
            value = loss(model, ids)
        with FlopCounterMode(display=False) as backward:
            value.backward()
    assert forward.get_total_flops() == 3 * model_flops(config, n_tokens)
    assert backward.get_total_flops() == 2 * forward.get_total_flops()


def test_model_flops_are_the_blocks_and_the_map_to_the_vocabulary():
    config = GPTConfig()
    blocks = 12 * block_flops(1024, 768)
    assert model_flops(config, 1024) == blocks + 2 * 1024 * 768 * 50257


@pytest.mark.parametrize(
    ("config", "n_parameters", "low", "high"),
    [
        (GPTConfig(), gpt_parameters(GPTConfig()), 1.1, 1.2),
        (LLAMA_3_8B, llama_parameters(LLAMA_3_8B), 1.15, 1.25),
        (LLAMA_3_405B, llama_parameters(LLAMA_3_405B), 1.0, 1.1),
    ],
)
def test_six_n_d_is_close_for_large_models(config, n_parameters, low, high):
    """Attention adds more than tables of a vocabulary take away: most for a long context."""
    n_tokens = config.context_length
    exact = 3 * model_flops(config, n_tokens)
    assert low < exact / training_flops(n_parameters, n_tokens) < high


def test_sizes_of_llama_3():
    """The models whose budgets the chapter names have the published numbers of parameters."""
    assert llama_parameters(LLAMA_3_8B) == 8_030_261_248
    assert llama_parameters(LLAMA_3_70B) == 70_553_706_496
    assert llama_parameters(LLAMA_3_405B) == pytest.approx(405e9, rel=0.01)


# ----------------------------------------------------------------------------------------- memory


def size(tensors):
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_training_memory_is_that_of_real_tensors(precision, dtype):
    config = CONFIGS["llama"]
    model = build(config).to(dtype)
    optimizer = torch.optim.AdamW(model.parameters())
    loss(model, ids_for(config, 2, 9)).backward()
    optimizer.step()
    states = [s for kept in optimizer.state.values() for k, s in kept.items() if k != "step"]
    assert training_memory(llama_parameters(config), precision) == {
        "weights": size(model.parameters()),
        "gradients": size(p.grad for p in model.parameters()),
        "optimizer": size(states),
    }


def test_training_memory_in_mixed_precision_is_that_of_real_tensors():
    config = CONFIGS["gpt"]
    model = build(config).bfloat16()
    masters = [p.detach().float().requires_grad_() for p in model.parameters()]
    optimizer = torch.optim.AdamW(masters)
    loss(model, ids_for(config, 2, 9)).backward()
    gradients = [p.grad for p in model.parameters()]
    for master, gradient in zip(masters, gradients, strict=True):
        master.grad = gradient.float()
    optimizer.step()
    states = [s for kept in optimizer.state.values() for k, s in kept.items() if k != "step"]
    found = training_memory(gpt_parameters(config), "mixed")
    assert found["weights"] == size(model.parameters())
    assert found["gradients"] == size(gradients)
    assert found["optimizer"] == size(masters) + size(states)


def kept_for_backward(model, ids):
    """The bytes of all tensors that autograd keeps, without the weights, each memory once."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = tensor  # keeping it keeps its address from being used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        value = loss(model, ids)
    total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    del value
    return total


@pytest.mark.parametrize("n_tokens", [32, 128])
@pytest.mark.parametrize(
    "config",
    [
        GPTConfig(300, 128, 128, 2, 2),
        GPTConfig(1000, 128, 96, 3, 4, d_ff=200),
        LlamaConfig(300, 128, 128, 2, 2, 344, 1),
        LlamaConfig(300, 128, 128, 4, 3, 256, 2, d_head=64, qk_norm=True),
    ],
)
def test_activation_memory_is_about_what_torch_keeps(config, n_tokens):
    """What the estimate leaves out, numbers for heads and norms, is below 4% at these widths.

    In 64 bits, which oneDNN does not compute: no copies are made for it.
    """
    found = kept_for_backward(build(config).double(), ids_for(config, 4, n_tokens + 1))
    estimate = activation_memory(config, 4, n_tokens, n_bytes=8)
    assert estimate <= found <= 1.04 * estimate


def test_activation_memory_in_32_bits():
    config = GPTConfig(100, 64, 64, 2, 2)  # below the size at which oneDNN computes
    found = kept_for_backward(build(config), ids_for(config, 2, 33))
    assert found == pytest.approx(activation_memory(config, 2, 32), rel=0.04)


def test_activations_by_hand():
    # one layer: 8 * 2 + 2 * 8 numbers a position; the end: 2 * 2 + 5
    config = GPTConfig(5, 8, 2, 1, 1, d_ff=8)
    assert activation_memory(config, 3, 4, n_bytes=2) == 3 * 4 * (32 + 9) * 2


@pytest.mark.parametrize("name", CONFIGS)
def test_kv_cache_memory_is_that_of_the_keys_and_values(name):
    config = CONFIGS[name]
    model, kept = build(config), []
    for block in model.blocks:
        for part in (block.attention.key, block.attention.value):
            part.register_forward_hook(lambda _m, _x, out: kept.append(out))
    with torch.no_grad():
        model(ids_for(config, 3, 11))
    assert kv_cache_memory(config, 3, 11, n_bytes=4) == size(kept)


def test_kv_cache_of_llama_3():
    """128 KiB a token for the model of 8 billion, half a MiB if no heads were shared."""
    assert kv_cache_memory(LLAMA_3_8B, 1, 1) == 2**17
    alone = LlamaConfig(128256, 8192, 4096, 32, 32, 14336)
    assert kv_cache_memory(alone, 1, 1) == 2**19


# ------------------------------------------------------------------------------------------- time


def test_utilisation_and_time_are_inverse():
    flops = training_flops(405e9, 15.6e12)
    peak = 16384 * 989e12
    seconds = training_seconds(flops, peak, 0.4)
    assert utilisation(flops, seconds, peak) == pytest.approx(0.4)
    assert 60 < seconds / 86400 < 80  # days
    assert utilisation(flops, 2 * seconds, peak) == pytest.approx(0.2)


def test_peak_is_the_fastest_of_several_products(monkeypatch):
    """A clock that says how long each product took: 5, 2 and 4 seconds."""
    clock = iter([0, 5, 10, 12, 20, 24])
    monkeypatch.setattr(scaling.time, "perf_counter", lambda: next(clock))
    assert peak_flops(8, n_times=3) == 2 * 8**3 / 2


# ------------------------------------------------------------------------------------------- laws


def test_power_law_by_hand():
    law = PowerLaw(coefficient=100, exponent=0.5)
    assert law(25) == 20
    np.testing.assert_allclose(law(np.array([1.0, 4.0])), [100, 50])


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 0.05, 0.34, 2.0])
def test_fit_finds_the_power_law_it_was_given(exponent):
    x = np.geomspace(1e18, 1e24, 7)
    law = fit_power_law(x, 3e4 * x**-exponent)
    assert law.exponent == pytest.approx(exponent, abs=1e-9)
    assert law.coefficient == pytest.approx(3e4, rel=1e-6)


def test_fit_is_the_line_of_least_squares():
    """Against the normal equations, on points that lie on no line."""
    x, y = np.array([1.0, 10, 100, 1000]), np.array([5.0, 3, 1, 1.5])
    rows = np.stack([np.ones(4), np.log(x)], axis=1)
    intercept, slope = np.linalg.solve(rows.T @ rows, rows.T @ np.log(y))
    law = fit_power_law(x, y)
    assert law == pytest.approx((math.exp(intercept), -slope))
    two = fit_power_law([1, 100], [8, 2])  # through two points there is one line
    assert two(10) == pytest.approx(4)


def test_power_law_of_kaplan():
    """Loss against parameters, published as (8.8e13 / N) ** 0.076, from points of that curve."""
    n = np.geomspace(1e5, 1e9, 9)
    law = fit_power_law(n, (8.8e13 / n) ** 0.076)
    assert law.exponent == pytest.approx(0.076)
    assert law.coefficient ** (1 / law.exponent) == pytest.approx(8.8e13, rel=1e-6)


@pytest.mark.parametrize("floor", [0.0, 0.5, 34.0])
@pytest.mark.parametrize("exponent", [0.1, 0.5, 1.2])
def test_fit_floor_finds_floor_and_law(floor, exponent):
    x = np.geomspace(1e9, 1e13, 9)
    y = floor + 20 * (x / 1e9) ** -exponent
    found, law = fit_floor(x, y)
    assert found == pytest.approx(floor, abs=1e-4)  # the grid is of exponents
    assert law.exponent == pytest.approx(exponent)
    np.testing.assert_allclose(found + law(x), y, rtol=1e-6)


def test_an_unknown_floor_is_found_worse_than_a_known_one():
    """With errors of 2% the known floor gives the exponent several times as exactly."""
    rng = np.random.default_rng(0)
    x = np.geomspace(1e9, 1e11, 8)
    known, unknown = [], []
    for _ in range(20):
        y = 30 + 60 * (x / 1e9) ** -0.3 * np.exp(0.02 * rng.standard_normal(8))
        known.append(fit_power_law(x, y - 30).exponent)
        unknown.append(fit_floor(x, y)[1].exponent)
    assert np.std(known) < 0.01
    assert np.std(unknown) > 3 * np.std(known)


def test_a_floor_is_not_below_zero():
    x = np.array([1.0, 2, 3, 4])
    floor, law = fit_floor(x, 10 - 2 * x)  # a line, bent the other way
    assert floor >= 0
    assert law.coefficient > 0


def test_loss_law_by_hand():
    law = LossLaw(floor=1.0, a=8, alpha=0.5, b=27, beta=1 / 3)
    assert law(16, 27) == pytest.approx(1 + 2 + 9)
    assert CHINCHILLA(70e9, 1.4e12) == pytest.approx(1.69 + 0.0833 + 0.1632, abs=1e-3)


@pytest.mark.parametrize("law", [CHINCHILLA, CHINCHILLA_REFIT, LossLaw(0, 5, 0.5, 7, 0.25)])
@pytest.mark.parametrize("flops", [1e18, 5.76e23, 1e27])
def test_compute_optimal_is_the_best_of_all_splits(law, flops):
    """No other split on a fine grid has a lower loss."""
    n, d = compute_optimal(flops, law)
    assert training_flops(n, d) == pytest.approx(flops)
    others = n * np.geomspace(1e-3, 1e3, 6001)
    losses = law(others, flops / 6 / others)
    assert law(n, d) <= losses.min()
    assert others[losses.argmin()] == pytest.approx(n, rel=0.003)


def test_chinchilla_s_rule():
    """The refit gives Chinchilla's own 70 billion and 20 tokens a parameter; the print does not."""
    n, d = compute_optimal(5.76e23)
    assert n == pytest.approx(70e9, rel=0.05)
    assert 17 < d / n < 21
    n, d = compute_optimal(5.76e23, CHINCHILLA)
    assert 80 < d / n < 100


def assert_the_law_foretells(runs):
    """The cheaper runs of the frontier foretell the last one, if the floor is known."""
    frontier = []
    for run in sorted(runs, key=lambda run: run.flops):
        if not frontier or run.excess < frontier[-1].excess:
            frontier.append(run)
    *earlier, last = frontier
    x = [run.flops for run in earlier]
    law = fit_power_law(x, [run.excess for run in earlier])
    assert 0.5 < last.excess / law(last.flops) < 2
    for run in earlier:
        assert 0.6 < run.excess / law(run.flops) < 1.5
    floor, _ = fit_floor(x, [run.loss for run in earlier])
    assert floor > last.loss  # without it, the fit forbids what the last run does


def test_stored_runs():
    """What the chapter says of them: counted by the library, above the floor, on a line."""
    runs = stored_runs()
    assert 8 <= len(runs) <= 16
    for run in runs:
        length, batch = scaling_runs.LENGTH, scaling_runs.BATCH
        config = scaling_runs.story_config(run.d_model)
        assert run.n_parameters == llama_parameters(config)
        assert run.n_tokens == run.n_steps * batch * length
        assert run.flops == 3 * run.n_tokens // length * model_flops(config, length)
        assert run.excess > 0
        # the mean of 100 stories lies within some nats of the entropy, the mean of all
        assert run.loss - run.excess == pytest.approx(entropy("en"), abs=2)
    assert {(run.d_model, run.n_steps) for run in runs} == {
        (d_model, n_steps) for d_model, steps in scaling_runs.RUNS.items() for n_steps in steps
    }
    assert_the_law_foretells(runs)
    for d_model in scaling_runs.RUNS:
        excess = [run.excess for run in runs if run.d_model == d_model]
        assert excess == sorted(excess, reverse=True)  # more steps, lower loss


def test_a_run_as_the_script_makes_it():
    """A tiny one: counts, and a loss that is the floor and the excess."""
    tokenizer = story_tokenizer()
    data = story_data("en", tokenizer, 60, scaling_runs.LENGTH)
    test = sample(3, seed=0, language="en")
    run = scaling_runs.make_run(32, 2, data, tokenizer, test)
    floor = -sum(story.log_prob for story in test) / 3
    assert run["loss"] - run["excess"] == pytest.approx(floor, abs=2e-3)
    assert run["loss"] > 500  # after two steps it still knows nothing
    assert set(run) == set(StoredRun._fields)


# -------------------------------------------------------------------------------------- pipelines


def test_schedule_by_hand():
    assert pipeline_schedule(3, 2) == [
        ["F0", "F1", "", "", "", "", "B0", "B1"],
        ["", "F0", "F1", "", "", "B0", "B1", ""],
        ["", "", "F0", "F1", "B0", "B1", "", ""],
    ]
    assert pipeline_schedule(1, 2) == [["F0", "F1", "B0", "B1"]]


@pytest.mark.parametrize("p", [1, 2, 5])
@pytest.mark.parametrize("m", [1, 3, 8])
def test_schedule_keeps_the_order_and_waits_as_the_formula_says(p, m):
    table = pipeline_schedule(p, m)
    for i in range(m):
        forward = [row.index(f"F{i}") for row in table]
        backward = [row.index(f"B{i}") for row in table]
        assert np.all(np.diff(forward) > 0)  # a stage waits for the one before,
        assert np.all(np.diff(backward) < 0)  # and on the way back for the one behind
        assert forward[-1] < backward[-1]
    for row in table:
        assert sorted(filter(None, row)) == sorted(f"{k}{i}" for k in "FB" for i in range(m))
        assert row.count("") / len(row) == pytest.approx(bubble_fraction(p, m))


def test_bubbles():
    assert bubble_fraction(1, 5) == 0
    assert bubble_fraction(4, 1) == 0.75
    assert bubble_fraction(8, 1000) < 0.01


# ----------------------------------------------------------------------------------------- errors

TINY = CONFIGS["gpt"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: training_flops(-1, 5), "n_parameters to be a finite number of at least 0, got -1"),
        (lambda: training_flops(1, -5), "n_tokens to be a finite number of at least 0, got -5"),
        (lambda: model_flops(TINY, 0), "n_tokens to be an integer of at least 1, got 0"),
        (lambda: model_flops(TINY, 65), "at most 64 tokens, got 65"),
        (lambda: training_memory(5, "float16"), "'bfloat16', 'float32', 'mixed'.* got 'float16'"),
        (lambda: training_memory(-5), "got -5"),
        (lambda: activation_memory(TINY, 0, 5), "batch_size"),
        (lambda: activation_memory(TINY, 5, 0), "n_tokens"),
        (lambda: activation_memory(TINY, 5, 5, 0), "n_bytes"),
        (lambda: kv_cache_memory(TINY, 0, 5), "batch_size"),
        (lambda: kv_cache_memory(TINY, 5, 2.5), "n_tokens to be an integer"),
        (lambda: kv_cache_memory(TINY, 5, 5, 0), "n_bytes"),
        (lambda: utilisation(1, 0, 1), "seconds to be a finite number above 0, got 0"),
        (lambda: utilisation(1, 1, 0), "peak to be a finite number above 0, got 0"),
        (lambda: training_seconds(1, 0, 0.5), "peak to be a finite number above 0, got 0"),
        (lambda: training_seconds(1, 1, 0), "utilisation to be .* above 0 and at most 1"),
        (lambda: training_seconds(1, 1, 40), "at most 1, got 40"),
        (lambda: peak_flops(0), "size"),
        (lambda: peak_flops(4, 0), "n_times"),
        (lambda: fit_power_law([1, 1], [2, 3]), "2 x of them different"),
        (lambda: fit_power_law([1, 2], [2, 3, 4]), r"got \(2,\) and \(3,\)"),
        (lambda: fit_power_law([[1, 2]], [[1, 2]]), "as many x as y"),
        (lambda: fit_power_law([0, 2], [2, 3]), "above 0"),
        (lambda: fit_power_law([1, 2], [2, -3]), "above 0"),
        (lambda: fit_power_law([1, 2], [2, math.nan]), "above 0"),
        (lambda: fit_floor([1, 2, 2], [3, 2, 1]), "3 x of them different"),
        (lambda: fit_floor([1, 2, 3], [1, 2, 3]), "points that fall"),
        (lambda: compute_optimal(0), "above 0, got 0"),
        (lambda: pipeline_schedule(0, 1), "n_stages"),
        (lambda: pipeline_schedule(1, 0), "n_micro_batches"),
        (lambda: bubble_fraction(0, 1), "n_stages"),
        (lambda: bubble_fraction(1, 0), "n_micro_batches"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_doctests():
    assert doctest.testmod(scaling).failed == 0
