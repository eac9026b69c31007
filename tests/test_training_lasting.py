"""Training that lasts: killed, told to stop, and resumed by another number of processes."""

import multiprocessing
import os
import signal
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist

from lessons_lib.base.checkpoints import before, read_checkpoint
from lessons_lib.base.parts import check_parts, read_parts, write_parts
from lessons_lib.training import Recipe, Stopping, read_record, state, train
from tests.test_training_runs import RECIPE, new_model, no_file_beyond, same_weights, some_data

FORK = multiprocessing.get_context("fork")  # what PyTorch takes seconds to import is there already
EIGHT = Recipe(n_steps=12, batch_size=8, save_every=4)


def in_children(work, n=1, folder=None):
    """Do `work` in `n` processes, which form a group if there is a folder; return exit codes."""

    def child(rank):
        if folder is not None:
            store = dist.FileStore(str(folder / "store"), n)
            dist.init_process_group("gloo", store=store, rank=rank, world_size=n)
        work()
        if folder is not None:
            dist.destroy_process_group()

    children = [FORK.Process(target=child, args=(rank,)) for rank in range(n)]
    for process in children:
        process.start()
    for process in children:
        process.join()
    if folder is not None:
        (folder / "store").unlink(missing_ok=True)
    return [process.exitcode for process in children]


def losses(record):
    return [line["loss"] for line in record]


# ---------------------------------------------------------------- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_given_back(number):
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    with Stopping() as stopping:
        assert not stopping()
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)  # the first counts
        assert stopping()
    assert (stopping.number, stopping.status) == (number, 128 + number)
    assert stopping.name == signal.Signals(number).name
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers


def killing(step, number):
    """Return what to watch a run with so that it gets a signal at a step."""

    def watch(line):
        if line["step"] == step:
            os.kill(os.getpid(), number)

    return watch


@pytest.mark.parametrize("parts", [False, True])
def test_a_run_killed_and_stopped_ends_with_the_same_bits(tmp_path, parts):
    """-9 between two steps and within a save, then -TERM, twice; the end is that of one run."""
    data, whole = some_data(), new_model()
    expected = train(whole, data, RECIPE)

    def kill(step, number):
        with Stopping() as stopping:
            model, resume = new_model(), (tmp_path / "checkpoint.pt").exists()
            watch = killing(step, number)
            train(
                model,
                data,
                RECIPE,
                None,
                tmp_path,
                resume,
                False,
                watch,
                stop=stopping,
                parts=parts,
            )
        os._exit(stopping.status)

    def kill_in_save():
        state.write_checkpoint = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        train(new_model(), data, RECIPE, None, tmp_path, True, parts=parts)

    saved = []
    for work, code in (
        (lambda: kill(7, signal.SIGKILL), -9),
        (kill_in_save, -9),
        (lambda: kill(6, signal.SIGTERM), 143),
        (lambda: kill(8, signal.SIGINT), 130),
        (lambda: kill(11, signal.SIGKILL), -9),
    ):
        assert in_children(work) == [code]
        saved.append(read_checkpoint(tmp_path / "checkpoint.pt")["n_done"])
    assert saved == [5, 5, 6, 8, 10]
    resumed = new_model(seed=1)
    record = train(resumed, data, RECIPE, None, tmp_path, True)
    assert losses(record) == losses(expected)
    assert losses(read_record(tmp_path / "record.jsonl")) == losses(expected)
    assert same_weights(resumed, whole)


# ---------------------------------------------------------------- parts


def test_a_run_on_four_processes_goes_on_with_two_and_alone(tmp_path):
    """Four with parts of the weights, two with whole copies, four stopped by a signal to one."""
    data, whole = some_data(), new_model()
    expected = train(whole, data, EIGHT)

    def go(steps, sharded, resume):
        def stop():
            reached["n"] += 1
            return reached["n"] == steps

        reached = {"n": 0}
        model = new_model(seed=int(resume))
        train(model, data, EIGHT, None, tmp_path, resume, sharded, stop=stop, parts=True)

    assert in_children(lambda: go(3, True, False), 4, tmp_path) == [0] * 4
    kept = read_checkpoint(tmp_path / "checkpoint.pt")
    assert kept["parts"] == "parts-3"
    assert len(kept["digests"]) == 5  # a file of each process, and what they hold
    assert in_children(lambda: go(3, False, True), 2, tmp_path) == [0] * 2
    assert in_children(lambda: go(2, True, True), 2, tmp_path) == [0] * 2
    assert sorted(p.name for p in tmp_path.glob("parts-*")) == ["parts-6", "parts-8"]
    weights = state.saved_weights(tmp_path / "checkpoint.pt")
    assert list(weights) == list(whole.state_dict())
    model = new_model(seed=1)
    record = train(model, data, EIGHT, None, tmp_path, resume=True)  # to one file, from here on
    assert losses(record) == pytest.approx(losses(expected), abs=1e-5)
    for p, q in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-4, rtol=0)  # sums in another order, 12 steps
    assert "model" in read_checkpoint(tmp_path / "checkpoint.pt")


def test_a_signal_to_one_process_stops_all(tmp_path):
    def work():
        number = signal.SIGTERM if dist.get_rank() == 1 else 0
        with Stopping() as stopping:
            watch = killing(3, number)
            train(
                new_model(), some_data(), EIGHT, None, tmp_path, False, False, watch, stop=stopping
            )
        os._exit(stopping.status)

    assert in_children(work, 2, tmp_path) == [143, 143]
    assert read_checkpoint(tmp_path / "checkpoint.pt")["n_done"] == 3


def test_parts_that_changed_by_a_bit_leave_the_ones_before(tmp_path):
    data, whole = some_data(), new_model()
    train(whole, data, RECIPE, folder=tmp_path, parts=True)
    kept = read_checkpoint(tmp_path / "checkpoint.pt")
    old = read_checkpoint(before(tmp_path / "checkpoint.pt"))
    assert sorted(p.name for p in tmp_path.glob("parts-*")) == sorted([kept["parts"], old["parts"]])
    path = tmp_path / kept["parts"] / "__0_0.distcp"
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    with pytest.raises(ValueError, match=r"__0_0.distcp .* got a file that was cut or changed"):
        state.saved_weights(tmp_path / "checkpoint.pt")
    resumed = new_model(seed=1)
    with pytest.warns(UserWarning, match="going on from the one before"):
        train(resumed, data, RECIPE, folder=tmp_path, resume=True, parts=True)
    assert same_weights(resumed, whole)
    other = replace(RECIPE, lr=0.1)
    with pytest.raises(ValueError, match=r"recipe.lr: saved 0.005, given 0.1"):
        train(new_model(), data, other, folder=tmp_path, resume=True)


def test_parts_come_back_and_say_what_is_wrong(tmp_path):
    tensors = {"a": torch.randn(3, 4), "b": torch.arange(5)}
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "left.distcp").write_text("from a killed process")
    digests = write_parts(tmp_path / "x", tensors)
    assert sorted(digests) == [".metadata", "__0_0.distcp"]
    check_parts(tmp_path / "x", digests)
    found = {"a": torch.zeros(3, 4)}
    read_parts(tmp_path / "x", found)
    assert torch.equal(found["a"], tensors["a"])
    for wrong in ({"c": torch.zeros(2)}, {"a": torch.zeros(2)}):
        with pytest.raises(OSError, match=r"process 0: (Missing key|Size mismatch)"):
            read_parts(tmp_path / "x", wrong)
    with pytest.raises(ValueError, match=r"expected .metadata in .*, got none"):
        check_parts(tmp_path, digests)
    with no_file_beyond(100), pytest.raises(OSError, match="File too large"):
        write_parts(tmp_path / "y", tensors)
