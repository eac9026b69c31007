"""Checkpoints are read whole or not at all: every flipped bit and every cut is refused."""

import random
import signal
import subprocess
import sys
import zipfile

import pytest
import torch

from lessons_lib.base.checkpoints import (
    before,
    differences,
    read_checkpoint,
    read_last_checkpoint,
    write_checkpoint,
)
from lessons_lib.base.files import lock_folder
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.training import Recipe, Windows, train

REFUSED = "expected a whole training state of this library"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Return the bytes of a checkpoint that a run wrote, with all that one holds."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    model = Llama(LlamaConfig(40, 16, 32, n_heads=2, n_layers=2, d_ff=48, n_kv_heads=1))
    train(model, Windows(torch.arange(300) % 40, 16), Recipe(n_steps=3), folder=folder)
    return (folder / "checkpoint.pt").read_bytes()


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def test_three_hundred_flipped_bits_are_refused(tmp_path, real):
    path = tmp_path / "checkpoint.pt"
    rng = random.Random(0)
    size = len(real)
    places = [rng.randrange(size) for _ in range(260)]
    places += [*range(20), *range(size - 20, size)]  # where the archive begins, and its checksum
    for place in places:
        spoilt = bytearray(real)
        spoilt[place] ^= 1 << rng.randrange(8)
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match=REFUSED):
            read_checkpoint(path)
    path.write_bytes(real)
    assert read_checkpoint(path)["n_done"] == 3


def test_what_is_cut_or_grew_or_lacks_a_piece_is_refused(tmp_path, real):
    path = tmp_path / "checkpoint.pt"
    rng = random.Random(1)
    size = len(real)
    lengths = [0, 1, 63, 64, 65, 66, size - 64, size - 1, *(rng.randrange(size) for _ in range(60))]
    spoilt = [real[:length] for length in lengths]
    spoilt += [real + b"\0", real + real, b"\0" + real, bytes(size), real[: size // 2] * 2]
    for _ in range(20):  # a sector that was never written
        place = rng.randrange(size - 512)
        spoilt.append(real[:place] + bytes(512) + real[place + 512 :])
    for data in spoilt:
        if data == real:  # the sector was zeros before
            continue
        path.write_bytes(data)
        with pytest.raises(ValueError, match=REFUSED):
            read_checkpoint(path)


def test_others_open_the_archive(tmp_path, real):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(real)
    state = torch.load(path, weights_only=True)
    assert equal(state, read_checkpoint(path))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.comment == real[-64:]


def test_what_is_written_comes_back(tmp_path):
    state = {
        "tensors": [torch.randn(3, 4), torch.zeros(0), torch.tensor(5), torch.ones(2).bfloat16()],
        "inner": {"text": "ñ", "number": 0.1, "none": None, "list": [1, [2]]},
    }
    write_checkpoint(tmp_path / "one.pt", state)
    found = read_checkpoint(tmp_path / "one.pt")
    assert equal({key: found[key] for key in state}, state)
    assert found.keys() - state.keys() == {"kind"}


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(ValueError, match=r"expected a checkpoint at .*No such file"):
        read_checkpoint(path)
    with pytest.raises(ValueError, match=r"expected a checkpoint at .*directory"):
        read_checkpoint(tmp_path)
    torch.save({"model": {}}, path)
    with pytest.raises(ValueError, match=REFUSED):
        read_checkpoint(path)
    write_checkpoint(path, {"kind": "another library's state 2"})
    with pytest.raises(ValueError, match="another file"):
        read_checkpoint(path)


def test_code_in_a_file_does_not_run(tmp_path):
    """With a right checksum: what it holds is refused by PyTorch's own reader."""
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (open, (str(ran), "w"))

    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"model": Trap()})
    with pytest.raises(ValueError, match=REFUSED):
        read_checkpoint(path)
    assert not ran.exists()


# ---------------------------------------------------------------- the one before


def test_the_last_two_are_kept(tmp_path):
    path = tmp_path / "checkpoint.pt"
    for n in range(4):
        write_checkpoint(path, {"n": n})
        assert read_last_checkpoint(path)["n"] == n
        if n:
            assert read_checkpoint(before(path))["n"] == n - 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-before.pt", "checkpoint.pt"]


@pytest.mark.parametrize("spoil", ["flip", "cut", "empty", "missing"])
def test_the_one_before_takes_the_place_of_a_broken_one(tmp_path, spoil):
    path = tmp_path / "checkpoint.pt"
    for n in range(3):
        write_checkpoint(path, {"n": n})
    data = path.read_bytes()
    if spoil == "missing":
        path.unlink()
    else:
        flipped = bytes([data[0] ^ 1]) + data[1:]
        path.write_bytes({"flip": flipped, "cut": data[:-1], "empty": b""}[spoil])
    with pytest.warns(UserWarning, match="going on from the one before, .*checkpoint-before.pt"):
        assert read_last_checkpoint(path)["n"] == 1
    write_checkpoint(path, {"n": 3})  # the broken one does not push out the whole one
    assert read_checkpoint(before(path))["n"] == 1
    assert read_checkpoint(path)["n"] == 3


def test_two_broken_ones_are_both_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    for n in range(2):
        write_checkpoint(path, {"n": n})
    for broken in (path, before(path)):
        broken.write_bytes(broken.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"checkpoint\.pt.*cut.*checkpoint-before\.pt.*cut"):
        read_last_checkpoint(path)
    before(path).unlink()
    with pytest.raises(ValueError, match=REFUSED):
        read_last_checkpoint(path)


def test_differences_are_named():
    assert differences({"a": 1, "b": 2}, {"a": 1, "c": 3}) == [
        "b: saved 2, given 'nothing'",
        "c: saved 'nothing', given 3",
    ]
    assert differences({"a": 1}, {"a": 1}) == []


# ---------------------------------------------------------------- a folder for one run

HOLDER = """
import sys, time
from lessons_lib.base.files import lock_folder
with lock_folder(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(600)
"""


def test_a_folder_is_for_one_process_as_long_as_it_lives(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline().strip() == b"locked"
    with (
        pytest.raises(ValueError, match=r"expected a folder that nobody uses, got .* in use now"),
        lock_folder(tmp_path),
    ):
        pass
    (tmp_path / ".writing-left").write_bytes(b"")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with lock_folder(tmp_path):
        assert not (tmp_path / ".writing-left").exists()
        with (
            pytest.raises(ValueError, match="in use now"),
            lock_folder(tmp_path),
        ):
            pass
    with lock_folder(tmp_path):
        pass
