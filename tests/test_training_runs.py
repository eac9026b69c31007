"""Training runs: stopped and resumed, on several processes, from the command line."""

import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
import transformers

from lessons_lib.base.checkpoints import differences, read_checkpoint, write_checkpoint
from lessons_lib.gpt import GPT, GPTConfig
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.training import (
    Recipe,
    TrainingDiverged,
    Windows,
    read_record,
    train,
)
from lessons_lib.training.command import main
from lessons_lib.training.run import Run

SIZES = LlamaConfig(40, 16, 16, n_heads=2, n_layers=2, d_ff=24, n_kv_heads=1, qk_norm=True)
RECIPE = Recipe(n_steps=12, batch_size=4, save_every=5, evaluate_every=6)
TIGHT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "LESSONS_LIB_OFFLINE": "1"}


def new_model(seed=0, config=SIZES):
    torch.manual_seed(seed)
    return Llama(config) if isinstance(config, LlamaConfig) else GPT(config)


def some_data(n=600, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return Windows((torch.arange(n) * 7 + torch.randint(3, (n,), generator=rng)) % 40, 16)


def timeless(record):
    return [{k: v for k, v in line.items() if k != "seconds"} for line in record]


def same_weights(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def test_training_lowers_the_loss_and_keeps_a_record(tmp_path):
    model, data = new_model(), some_data()
    recipe = replace(RECIPE, n_steps=60)
    record = train(model, data, recipe, some_data(seed=1), tmp_path)
    assert [line["step"] for line in record] == list(range(1, 61))
    assert record[-1]["tokens"] == 60 * 4 * 16
    assert record[-1]["loss"] < 0.7 * record[0]["loss"]
    assert [line["step"] for line in record if "validation" in line] == list(range(6, 61, 6))
    assert read_record(tmp_path / "record.jsonl") == record


@pytest.mark.parametrize("stop", [5, 7])
def test_a_run_resumed_is_the_run_never_stopped(tmp_path, stop):
    data, validation = some_data(), some_data(seed=1)
    whole = new_model()
    expected = train(whole, data, RECIPE, validation)

    class Stop(Exception):
        pass

    def watch(line):
        if line["step"] == stop:
            raise Stop

    with pytest.raises(Stop):
        train(new_model(), data, RECIPE, validation, tmp_path, watch=watch)
    resumed = new_model(seed=1)  # what it starts from does not matter
    record = train(resumed, data, RECIPE, validation, tmp_path, resume=stop > 5)
    if stop > 5:
        assert timeless(record) == timeless(expected)
        assert timeless(read_record(tmp_path / "record.jsonl")) == timeless(expected)
        assert same_weights(resumed, whole)
    else:  # from the start, other weights: another run
        assert timeless(record) != timeless(expected)


LONG = replace(RECIPE, n_steps=300, save_every=1, evaluate_every=0)
KILLED = f"""
import sys
import torch
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.training import Recipe, Windows, train
torch.manual_seed(0)
model = Llama({SIZES!r})
data = Windows({some_data().token_ids.tolist()}, 16)
train(model, data, {LONG!r}, folder=sys.argv[1], resume=len(sys.argv) > 2)
"""


def test_a_killed_run_goes_on_to_the_bit(tmp_path):
    whole = new_model()
    expected = timeless(train(whole, some_data(), LONG))
    for more, least in ((), 0), (("resume",), 100):
        command = [sys.executable, "-c", KILLED, str(tmp_path), *more]
        run = subprocess.Popen(command, env=os.environ | TIGHT)
        while not (tmp_path / "checkpoint.pt").exists() or (
            read_checkpoint(tmp_path / "checkpoint.pt")["n_done"] <= least
        ):
            assert run.poll() is None, "the run ended before it could be killed"
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        assert read_checkpoint(tmp_path / "checkpoint.pt")["n_done"] < len(expected)
    resumed = new_model(seed=1)
    assert timeless(train(resumed, some_data(), LONG, folder=tmp_path, resume=True)) == expected
    assert timeless(read_record(tmp_path / "record.jsonl")) == expected
    assert same_weights(resumed, whole)


def test_parts_of_a_batch_add_up_to_the_batch():
    data = some_data()
    a = train(new_model(), data, RECIPE)
    b = train(new_model(), data, replace(RECIPE, accumulate=4))
    for one, other in zip(a, b, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)  # float32, 12 steps


def test_a_run_ends_at_its_target_or_its_time(monkeypatch):
    data = some_data()
    recipe = replace(RECIPE, n_steps=200, target_loss=3.0)
    record = train(new_model(), data, recipe, some_data(seed=1))
    assert 6 <= len(record) < 200
    assert record[-1]["validation"] <= 3.0
    clock = itertools.count(1000.0, 0.5)  # one look at it takes half a second
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    short = train(new_model(), data, Recipe(seconds=4, batch_size=4))
    seconds = [line["seconds"] for line in short]
    assert seconds == sorted(seconds)
    assert seconds[-2] < 4 <= seconds[-1] < 6
    assert short[-1]["rate"] < short[len(short) // 2]["rate"] <= 1


def test_mixed_precision_learns_too():
    model = new_model()
    record = train(model, some_data(), replace(RECIPE, n_steps=60, precision="bfloat16"))
    assert record[-1]["loss"] < 0.7 * record[0]["loss"]
    assert all(p.dtype == torch.float32 for p in model.parameters())
    exact = train(new_model(), some_data(), replace(RECIPE, n_steps=60))
    assert record[-1]["loss"] != exact[-1]["loss"]


# ---------------------------------------------------------------- what can go wrong


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(tmp_path):
    model = new_model()

    def watch(line):
        if line["step"] == 7:
            with torch.no_grad():
                model.head.weight[3] = torch.nan

    with pytest.raises(TrainingDiverged, match=r"loss at step 7 is nan.*lower learning rate") as e:
        train(model, some_data(), RECIPE, folder=tmp_path, watch=watch)
    assert f"{tmp_path / 'checkpoint.pt'} is from step 5" in str(e.value)
    state = read_checkpoint(tmp_path / "checkpoint.pt")
    assert state["n_done"] == 5
    assert all(tensor.isfinite().all() for tensor in state["model"].values())


def test_other_settings_are_refused_and_named(tmp_path):
    train(new_model(), some_data(), RECIPE, folder=tmp_path)
    changed = replace(RECIPE, lr=0.1, batch_size=8)
    with pytest.raises(ValueError, match="differ") as e:
        train(new_model(), some_data(), changed, folder=tmp_path, resume=True)
    assert "recipe.lr: saved 0.005, given 0.1" in str(e.value)
    assert "recipe.batch_size: saved 4, given 8" in str(e.value)
    with pytest.raises(ValueError, match=r"data\.sum"):
        train(new_model(), some_data(seed=3), RECIPE, folder=tmp_path, resume=True)
    other = new_model(config=replace(SIZES, n_layers=1))
    with pytest.raises(ValueError, match=r"model\.n_layers: saved '2', given '1'"):
        train(other, some_data(), RECIPE, folder=tmp_path, resume=True)
    gpt = new_model(config=GPTConfig(40, 16, 16, 2, 2))
    with pytest.raises(ValueError, match="model: saved 'Llama', given 'GPT'"):
        train(gpt, some_data(), RECIPE, folder=tmp_path, resume=True)
    assert differences({"a": 1}, {"a": 1}) == []


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_broken_checkpoint_is_refused_whole(tmp_path, keep):
    train(new_model(), some_data(), RECIPE, folder=tmp_path)
    path = tmp_path / "checkpoint.pt"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    model = new_model()
    with pytest.raises(ValueError, match="expected a whole checkpoint"):
        train(model, some_data(), RECIPE, folder=tmp_path, resume=True)
    assert same_weights(model, new_model())


def test_other_files_are_no_checkpoints(tmp_path):
    with pytest.raises(ValueError, match="got no file"):
        train(new_model(), some_data(), RECIPE, folder=tmp_path, resume=True)
    torch.save({"model": {}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="training state of this library"):
        read_checkpoint(tmp_path / "checkpoint.pt")


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"n_done": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # no file may grow beyond 4 kB: writing fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        with pytest.raises(OSError, match="File too large"):
            write_checkpoint(path, {"n_done": 2, "weights": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert read_checkpoint(path)["n_done"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_windows_longer_than_the_context_and_odd_batches_are_refused():
    with pytest.raises(ValueError, match="at most 16 tokens, got 17"):
        Run(new_model(), Windows(torch.zeros(100), 17), RECIPE)
    with pytest.raises(ValueError, match="several processes for sharded training, got one"):
        Run(new_model(), some_data(), RECIPE, sharded=True)


# ---------------------------------------------------------------- several processes, the command

COMMAND = ["-m", "lessons_lib.training", "--text", "stories", "--batch", "4", "--context", "96"]
COMMAND += ["--stories", "200", "--d-model", "32", "--steps", "6", "--every", "3"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    run = subprocess.run(
        [sys.executable, *COMMAND, "--out", str(folder)],
        env=os.environ | TIGHT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return folder, run.stdout


def test_the_command_tells_what_it_does(alone):
    folder, said = alone
    record = read_record(folder / "record.jsonl")
    for line in record:
        if "validation" in line:
            assert f"validation {line['validation']:.3f} nats per token" in said
    assert "bits per byte" in said
    assert "tokens" in said
    assert f"written: {folder}" in said
    assert "\r" not in said


def test_what_the_command_writes_opens_in_transformers(alone):
    folder, _ = alone
    ours = Llama.from_pretrained(folder)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("<|end|>Once upon a time", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-5, rtol=0)
    weights = read_checkpoint(folder / "checkpoint.pt")["model"]
    assert torch.equal(ours.token_embedding.weight, weights["token_embedding.weight"])


@pytest.mark.parametrize("more", [[], ["--fsdp"]])
def test_two_processes_take_the_steps_of_one(alone, tmp_path, more):
    folder, _ = alone
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = subprocess.run(
        [sys.executable, *torchrun, *COMMAND, "--out", str(tmp_path), *more],
        env=os.environ | TIGHT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    ours = read_record(tmp_path / "record.jsonl")
    expected = read_record(folder / "record.jsonl")
    for line, other in zip(ours, expected, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert line.get("validation") == pytest.approx(other.get("validation"), abs=1e-5)
    a, b = (Llama.from_pretrained(f).state_dict() for f in (tmp_path, folder))
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=1e-4, rtol=0)
    assert run.stdout.count("written:") == 1


def test_the_command_refuses_in_one_line(tmp_path):
    text = tmp_path / "short.txt"
    text.write_text("Too short. " * 30, encoding="utf-8")
    command = ["-m", "lessons_lib.training", "--text", str(text), "--out", str(tmp_path / "model")]
    run = subprocess.run(
        [sys.executable, *command, "--steps", "1", "--vocab-size", "280"],
        env=os.environ | TIGHT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.strip().startswith("error: expected at least 161 tokens for a window, got")
    with pytest.raises(SystemExit):
        main(["--text", "stories", "--out", str(tmp_path)])


def test_the_record_is_json_lines(alone):
    lines = (alone[0] / "record.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
