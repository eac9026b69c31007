"""What makes steps faster or smaller changes no number, and what is said of them is right."""

from dataclasses import replace

import pytest
import torch
from torch._dynamo.utils import counters
from torch.utils.flop_counter import FlopCounterMode

from lessons_lib.gpt import GPTConfig, loss
from lessons_lib.llama import LlamaConfig
from lessons_lib.training import Recipe, train
from lessons_lib.training.command import describe_machine, find_peak, read_arguments
from lessons_lib.training.run import Run
from lessons_lib.training.speed import (
    Meter,
    compile_blocks,
    flops_per_token,
    measure_peak,
    memory_used,
    recompute_blocks,
)
from tests.test_training_runs import RECIPE, SIZES, new_model, same_weights, some_data

CPU = torch.device("cpu")
SMALL_GPT = GPTConfig(40, 16, 16, 2, 2)


def kept_bytes(model, rows):
    """Return how many bytes a forward pass keeps for the way back, weights not counted."""
    weights, kept = {p.data_ptr() for p in model.parameters()}, {}

    def keep(tensor):
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss(model, rows)
    return sum(kept.values())


@pytest.mark.parametrize("config", [SIZES, SMALL_GPT])
def test_blocks_computed_twice_keep_less_and_change_no_bit(tmp_path, config):
    deep = replace(config, n_layers=6)
    rows = some_data().batch(0, 4)
    plain, spare = new_model(config=deep), new_model(config=deep)
    names = list(spare.state_dict())
    recompute_blocks(spare)
    assert list(spare.state_dict()) == names
    assert kept_bytes(spare, rows) < 0.4 * kept_bytes(plain, rows)
    recipe = replace(RECIPE, n_steps=4)
    expected = train(plain, some_data(), recipe)
    found = train(spare, some_data(), recipe, folder=tmp_path)
    assert [line["loss"] for line in found] == [line["loss"] for line in expected]
    assert same_weights(plain, spare)
    longer = replace(RECIPE, n_steps=4)
    train(new_model(config=deep), some_data(), longer, folder=tmp_path, resume=True)  # without it


@pytest.mark.parametrize("twice", [False, True])
def test_compiled_blocks_keep_their_names_and_losses(tmp_path, twice):
    plain, compiled = new_model(), new_model()
    if twice:
        recompute_blocks(compiled)
    torch._dynamo.reset()
    counters.clear()
    compile_blocks(compiled, backend="aot_eager")
    assert list(compiled.state_dict()) == list(plain.state_dict())
    recipe = replace(RECIPE, n_steps=3)
    expected = train(plain, some_data(), recipe)
    found = train(compiled, some_data(), recipe, folder=tmp_path)
    for line, other in zip(found, expected, strict=True):  # sums may have another order
        assert line["loss"] == pytest.approx(other["loss"], abs=1e-5)
    # A block that PyTorch gives up compiling runs as it is, and its losses are right as well.
    assert counters["stats"]["unique_graphs"] == 2  # of the compiler's own trial, and of a block
    assert counters["aot_autograd"]["ok"] == 2
    assert not counters["graph_break"]


def test_where_nothing_can_be_compiled_it_says_so():
    def no_compiler(graph, inputs):
        raise RuntimeError("no working C++ compiler found\nin many lines")

    model = new_model()
    with pytest.raises(ValueError, match=r"expected what torch.compile needs.*g\+\+.*, got: ") as e:
        compile_blocks(model, backend=no_compiler)
    assert "no working C++ compiler found" in str(e.value)
    assert "\n" not in str(e.value)
    assert all(block._compiled_call_impl is None for block in model.blocks)


def test_bfloat16_keeps_weights_gradients_and_states_in_float32():
    run = Run(new_model(), some_data(), replace(RECIPE, precision="bfloat16"))
    run.slopes()
    assert {p.grad.dtype for p in run.parameters.values()} == {torch.float32}
    run.step()
    states = [v for o in run.optimizers for s in o.state.values() for v in s.values()]
    kinds = {v.dtype for v in states if isinstance(v, torch.Tensor)}
    assert kinds == {p.dtype for p in run.parameters.values()} == {torch.float32}


@pytest.mark.parametrize(
    "config", [SMALL_GPT, SIZES, LlamaConfig(40, 16, 16, 4, 3, 24, 2, d_head=8, tied=True)]
)
def test_the_operations_are_those_that_pytorch_counts(config):
    """PyTorch counts products of matrices; those of the attention come by hand, on a CPU."""
    model, rows = new_model(config=config), some_data().batch(0, 4)
    with FlopCounterMode(display=False) as counter:
        loss(model, rows).backward()
    width = config.n_heads * (getattr(config, "d_head", None) or config.d_model // config.n_heads)
    attention = 12 * config.n_layers * width * 16
    products = sum(
        n
        for kind, n in counter.get_flop_counts()["Global"].items()
        if "mm" in str(kind) and "bmm" not in str(kind)
    )
    assert (flops_per_token(model, 16) - attention) * rows[:, 1:].numel() == products


def test_the_meter_tells_the_speed_of_the_last_steps_and_the_time_left():
    recipe = Recipe(n_steps=200, seconds=100.0, batch_size=4)
    meter = Meter(new_model(), 16, recipe, peak=1e9)
    meter.note(0, 0.0)
    assert (meter.tokens_per_second, meter.seconds_left) == (0.0, 100.0)
    for step in range(1, 101):
        meter.note(step, 10.0 + 0.1 * step)  # the first took long, and is forgotten
    assert meter.tokens_per_second == pytest.approx(640)
    assert meter.seconds_left == pytest.approx(10)  # the steps end before the clock
    found = meter.report()
    assert found["tokens_per_second"] == 640
    assert found["mfu"] == pytest.approx(640 * flops_per_token(new_model(), 16) / 1e9, abs=1e-4)
    assert 1e7 < found["memory_bytes"] < 1e12
    assert meter.text() == "640 tokens/s, 0:10 left"
    said = describe_machine(found | {"mfu": 0.41, "memory_bytes": 2_500_000_000})
    assert said == "640 tokens/s, MFU 41%, 2.50 GB, 0:10 left"
    target = Meter(new_model(), 16, Recipe(n_steps=5))
    target.note(5, 1.0)
    assert "mfu" not in target.report()
    assert target.text() == "0 tokens/s"
    assert describe_machine({"tokens_per_second": 1.0}) == "1 tokens/s"


def test_a_peak_is_measured_or_told():
    assert 1e8 < measure_peak(CPU) < 1e14
    command = ["--text", "stories", "--out", "x", "--steps", "1", "--peak-tflops"]
    assert find_peak(read_arguments([*command, "989"]), CPU) == 989e12
    with pytest.raises(ValueError, match="expected --peak-tflops to be a finite number above 0"):
        find_peak(read_arguments([*command, "0"]), CPU)


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch):
    assert memory_used(CPU) > 0
    monkeypatch.setitem(__import__("sys").modules, "resource", None)
    assert memory_used(CPU) is None


def test_the_record_tells_the_machine_at_each_report():
    record = train(new_model(), some_data(), RECIPE, some_data(seed=1), peak=1e9)
    told = [line["step"] for line in record if "machine" in line]
    assert told == [line["step"] for line in record if "validation" in line] == [6, 12]
    assert record[-1]["machine"]["seconds_left"] == 0
