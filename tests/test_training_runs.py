"""Training runs: stopped and resumed, on several processes, from the command line."""

import errno
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
import torch

from lessons_lib.base.checkpoints import before, read_checkpoint, write_checkpoint
from lessons_lib.base.parallel import process_group, rank_and_size
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
    clocked = {"seconds", "machine"}
    return [{k: v for k, v in line.items() if k not in clocked} for line in record]


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


class Stop(Exception):
    pass


def stop_at(step):
    """Return what to watch a run with so that it stops at a step."""

    def watch(line):
        if line["step"] == step:
            raise Stop

    return watch


@pytest.mark.parametrize("stop", [1, 5, 6, 7, 12])
def test_a_run_resumed_is_the_run_never_stopped(tmp_path, stop):
    data, validation = some_data(), some_data(seed=1)
    whole = new_model()
    expected = train(whole, data, RECIPE, validation)
    with pytest.raises(Stop):  # before the checkpoint of that step, if it has one, is written
        train(new_model(), data, RECIPE, validation, tmp_path, watch=stop_at(stop))
    saved = read_checkpoint(tmp_path / "checkpoint.pt")["n_done"]
    assert saved == max(n for n in (0, 5, 10) if n < stop)
    assert len(read_record(tmp_path / "record.jsonl")) == stop
    resumed = new_model(seed=1)  # what it starts from does not matter
    record = train(resumed, data, RECIPE, validation, tmp_path, resume=True)
    assert timeless(record) == timeless(expected)
    assert timeless(read_record(tmp_path / "record.jsonl")) == timeless(expected)
    assert same_weights(resumed, whole)


def test_a_finished_run_resumed_changes_nothing(tmp_path):
    model = new_model()
    record = train(model, some_data(), RECIPE, folder=tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    again = new_model(seed=1)
    assert train(again, some_data(), RECIPE, folder=tmp_path, resume=True) == record
    assert same_weights(again, model)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize("tail", ["", '{"step": 11, "lo', '{"step": 11}', "\0\0\0"])
def test_the_record_agrees_with_the_checkpoint_after_a_kill(tmp_path, tail):
    """Lines behind the checkpoint, whole or cut off, are dropped: those steps are taken again."""
    data = some_data()
    expected = timeless(train(new_model(), data, RECIPE))
    with pytest.raises(Stop):
        train(new_model(), data, RECIPE, folder=tmp_path, watch=stop_at(8))
    path = tmp_path / "record.jsonl"
    path.write_text(path.read_text() + tail)
    seen = []

    def watch(line):
        seen.append(line["step"])
        assert [one["step"] for one in read_record(path)] == list(range(1, line["step"] + 1))

    train(new_model(), data, RECIPE, folder=tmp_path, resume=True, watch=watch)
    assert seen == list(range(6, 13))
    assert timeless(read_record(path)) == expected


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
    again = [sys.executable, "-c", KILLED, str(tmp_path)]
    for more, least in ((), 0), (("resume",), 100):
        run = subprocess.Popen([*again, *more], env=os.environ | TIGHT)
        while not (tmp_path / "checkpoint.pt").exists() or (
            read_checkpoint(tmp_path / "checkpoint.pt")["n_done"] <= least
        ):
            assert run.poll() is None, "the run ended before it could be killed"
            time.sleep(0.01)
        run.send_signal(signal.SIGSTOP)  # alive, and in nobody's way
        for resume in (False, True):
            with pytest.raises(ValueError, match="expected a folder that nobody uses"):
                train(new_model(), some_data(), LONG, folder=tmp_path, resume=resume)
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        assert read_checkpoint(tmp_path / "checkpoint.pt")["n_done"] < len(expected)
        with pytest.raises(ValueError, match="expected a folder without a run"):
            train(new_model(), some_data(), LONG, folder=tmp_path)
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


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_broken_checkpoints_are_refused_whole(tmp_path, keep):
    train(new_model(), some_data(), RECIPE, folder=tmp_path)
    path = tmp_path / "checkpoint.pt"
    for broken in (path, before(path)):
        data = broken.read_bytes()
        broken.write_bytes(data[: int(keep * len(data))])
    model = new_model()
    with pytest.raises(ValueError, match="expected a whole training state"):
        train(model, some_data(), RECIPE, folder=tmp_path, resume=True)
    assert same_weights(model, new_model())


def test_a_broken_checkpoint_leaves_the_one_before_to_go_on_from(tmp_path):
    whole = new_model()
    expected = train(whole, some_data(), RECIPE)
    with pytest.raises(Stop):
        train(new_model(), some_data(), RECIPE, folder=tmp_path, watch=stop_at(11))
    path = tmp_path / "checkpoint.pt"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    resumed = new_model(seed=1)
    with pytest.warns(UserWarning, match=r"cut or changed.*going on from the one before") as said:
        record = train(resumed, some_data(), RECIPE, folder=tmp_path, resume=True)
    assert str(before(path)) in str(said[0].message)
    assert timeless(record) == timeless(expected)
    assert same_weights(resumed, whole)


def test_a_run_without_a_checkpoint_or_a_folder_cannot_go_on(tmp_path):
    with pytest.raises(ValueError, match="expected a checkpoint at"):
        train(new_model(), some_data(), RECIPE, folder=tmp_path, resume=True)
    with pytest.raises(ValueError, match="expected a folder with the run to go on with, got none"):
        train(new_model(), some_data(), RECIPE, resume=True)


def test_other_parameters_are_refused_and_named(tmp_path):
    """A model of the same configuration with another head: no setting tells them apart."""
    train(new_model(), some_data(), RECIPE, folder=tmp_path)
    other = new_model()
    other.head = torch.nn.Linear(16, 40)
    with pytest.raises(ValueError, match=r"head\.bias: saved 'nothing', given \(40,\)"):
        train(other, some_data(), RECIPE, folder=tmp_path, resume=True)


@contextmanager
def no_file_beyond(size):
    """Let writing fail beyond so many bytes, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"n_done": 1})
    with no_file_beyond(4096), pytest.raises(OSError, match="File too large"):
        write_checkpoint(path, {"n_done": 2, "weights": torch.zeros(10_000)})
    assert read_checkpoint(path)["n_done"] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-before.pt", "checkpoint.pt"]


@pytest.mark.parametrize("fails", ["checkpoint", "record"])
def test_a_run_on_a_full_disk_says_what_is_kept_and_goes_on_later(tmp_path, fails):
    whole = new_model()
    expected = timeless(train(whole, some_data(), RECIPE))
    with ExitStack() as stack:

        def watch(line):
            if line["step"] == (9 if fails == "checkpoint" else 7):
                record = (tmp_path / "record.jsonl").stat().st_size
                size = 4096 if fails == "checkpoint" else record + 20
                stack.enter_context(no_file_beyond(size))

        with pytest.raises(OSError, match="the checkpoint of step 5 is kept") as error:
            train(new_model(), some_data(), RECIPE, folder=tmp_path, watch=watch)
    assert error.value.errno == errno.EFBIG
    assert read_checkpoint(tmp_path / "checkpoint.pt")["n_done"] == 5
    assert not list(tmp_path.glob(".writing-*"))
    resumed = new_model(seed=1)
    record = train(resumed, some_data(), RECIPE, folder=tmp_path, resume=True)
    assert timeless(record) == timeless(read_record(tmp_path / "record.jsonl")) == expected
    assert same_weights(resumed, whole)


# ---------------------------------------------------------------- one folder, one run


@pytest.mark.parametrize("lost", [None, "checkpoint.pt", "record.jsonl"])
def test_a_second_run_in_a_folder_is_refused_and_the_first_stays(tmp_path, lost):
    train(new_model(), some_data(), RECIPE, folder=tmp_path)
    if lost:
        (tmp_path / lost).unlink()
    files = {p: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"expected a folder without a run.*--resume") as error:
        train(new_model(), some_data(), RECIPE, folder=tmp_path)
    own = ("checkpoint.pt", "checkpoint-before.pt", "record.jsonl")
    assert all((name in str(error.value)) == (name != lost) for name in own)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == files


def test_windows_longer_than_the_context_and_odd_batches_are_refused():
    with pytest.raises(ValueError, match="at most 16 tokens, got 17"):
        Run(new_model(), Windows(torch.zeros(100, dtype=torch.long), 17), RECIPE)
    with pytest.raises(ValueError, match="several processes for sharded training, got one"):
        Run(new_model(), some_data(), RECIPE, sharded=True)


# ---------------------------------------------------------------- wrappers, several processes


def plain(model):
    return model


def compiled(model):
    return torch.compile(model, backend="eager")


def compiled_blocks(model):
    for i, block in enumerate(model.blocks):
        model.blocks[i] = torch.compile(block, backend="eager")
    return model


def parallel(model):
    return torch.nn.DataParallel(model)


def compiled_parallel(model):
    return torch.compile(torch.nn.DataParallel(model), backend="eager")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (plain, compiled),
        (compiled, plain),
        (compiled_blocks, parallel),
        (parallel, compiled_blocks),
        (compiled_parallel, plain),
    ],
)
def test_a_run_goes_on_under_another_wrapper(tmp_path, first, second):
    recipe = replace(RECIPE, n_steps=6, save_every=3, evaluate_every=0)
    expected = new_model()
    record = train(expected, some_data(), recipe)
    with pytest.raises(Stop):
        train(first(new_model()), some_data(), recipe, folder=tmp_path, watch=stop_at(5))
    saved = read_checkpoint(tmp_path / "checkpoint.pt")
    assert list(saved["model"]) == list(expected.state_dict())
    assert set().union(*saved["optimizers"]) == set(expected.state_dict())
    model = new_model(seed=1)
    found = train(second(model), some_data(), recipe, folder=tmp_path, resume=True)
    for line, other in zip(found, record, strict=True):  # a compiled sum may have another order
        assert line["loss"] == pytest.approx(other["loss"], abs=1e-5)
    for p, q in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-4, rtol=0)


def sparse_loss(model, windows):
    """Sum the losses of a few targets: some windows have none."""
    mask = windows[:, 1:] < 2
    logits, targets = model(windows[:, :-1])[mask], windows[:, 1:][mask]
    return torch.nn.functional.cross_entropy(logits, targets, reduction="sum"), mask.sum()


SPARSE = replace(RECIPE, batch_size=8, save_every=4)


def take_part(folder):
    """Go on three times with a run, as one of two processes: to start them takes longest."""
    with process_group() as device:
        for stop, resume, sharded in (6, True, True), (9, True, False), (99, False, False):
            model, watch = new_model(seed=int(resume)).to(device), stop_at(stop)
            with pytest.raises((Stop, ValueError)) as error:
                train(model, some_data(), SPARSE, None, folder / "sparse", resume, sharded, watch,
                      sparse_loss)  # fmt: skip
            if rank_and_size()[0] == 0:
                shutil.copy(folder / "sparse" / "checkpoint.pt", folder / f"until-{stop}.pt")
                (folder / f"until-{stop}.txt").write_text(error.exconly(), encoding="utf-8")


def on_two(folder):
    """Let two processes go on with a run of one."""
    with pytest.raises(Stop):
        train(new_model(), some_data(), SPARSE, None, folder / "sparse", watch=stop_at(3),
              loss_fn=sparse_loss)  # fmt: skip
    part = "import pathlib, sys; from tests.test_training_runs import take_part; "
    part += "take_part(pathlib.Path(sys.argv[1]))"
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = subprocess.run(
        [sys.executable, *torchrun, "--no-python", sys.executable, "-c", part, str(folder)],
        env=os.environ | TIGHT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]


def test_a_run_goes_on_alone_and_on_two_processes_with_a_sparse_loss(tmp_path):
    """Alone, then in shards, then with whole copies, then alone: the steps of one process."""
    data = some_data()
    windows = [data.batch(step, 8) for step in range(12)]
    counts = torch.stack([(rows[:, 1:] < 2).sum(1) for rows in windows])
    assert (counts == 0).any()
    assert (counts.view(12, 4, 2).sum(1).diff() != 0).all(1).sum() > 3  # the processes' shares
    expected = new_model()
    record = train(expected, data, SPARSE, loss_fn=sparse_loss)
    on_two(tmp_path)
    for stop, saved in (6, 4), (9, 8):
        assert (tmp_path / f"until-{stop}.txt").read_text(encoding="utf-8").endswith("Stop")
        state = read_checkpoint(tmp_path / f"until-{stop}.pt")
        assert state["n_done"] == saved
        assert list(state["model"]) == list(expected.state_dict())
    refused = (tmp_path / "until-99.txt").read_text(encoding="utf-8")
    assert "expected a folder without a run" in refused
    model = new_model(seed=1)
    found = train(model, data, SPARSE, None, tmp_path / "sparse", resume=True, loss_fn=sparse_loss)
    for line, other in zip(found, record, strict=True):  # sums in another order, 12 steps
        assert line["loss"] == pytest.approx(other["loss"], abs=1e-4)
        assert line["gradient"] == pytest.approx(other["gradient"], rel=1e-3)
    for p, q in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-3, rtol=0)


# ---------------------------------------------------------------- the command

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
    import transformers  # here, because the processes of other tests import this file too

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
