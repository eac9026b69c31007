"""Files are written whole or not at all, and keep what is theirs. The oracle is the system."""

import os
import resource
import signal
import stat
import subprocess
import sys

import pytest

from lessons_lib.base.files import remove_leftovers, write_atomic

posix = pytest.mark.skipif(os.name == "nt", reason="permissions and pipes of POSIX")
root = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away"
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("data", [b"", b"new", bytes(range(256)) * 5000])
@pytest.mark.parametrize("old", [None, b"", b"something longer than the new content"])
def test_the_file_holds_what_was_written(tmp_path, data, old):
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    write_atomic(path, data)
    assert path.read_bytes() == data
    write_atomic(str(path), b"again")
    assert path.read_bytes() == b"again"
    assert names(tmp_path) == ["file"]


def test_names_as_long_as_may_be_and_of_any_letters(tmp_path):
    for name in ("n" * 255, "ñandú 5 %s {x}", "-f", ".writing"):
        write_atomic(tmp_path / name, name.encode())
        assert (tmp_path / name).read_bytes() == name.encode()


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_gets_the_permissions_that_open_gives(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "ours", b"")
        (tmp_path / "theirs").write_bytes(b"")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode for name in ("ours", "theirs")]
    assert modes[0] == modes[1]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o755, 0o2755, 0o4711])
def test_permissions_stay(tmp_path, mode):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomic(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


@root
def test_owner_and_group_stay(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    path.chmod(0o4640)
    write_atomic(path, b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid) == (12345, 23456)
    assert stat.S_IMODE(found.st_mode) == 0o4640
    assert path.read_bytes() == b"new"


AS_SOMEONE = """
import os, sys
from lessons_lib.base.files import write_atomic
os.setgroups([23456]), os.setgid(12345), os.setuid(12345)
try:
    write_atomic(sys.argv[1], b"new")
except PermissionError as error:
    sys.exit(f"PermissionError: {error}")
"""


def written_by_someone(path):
    return subprocess.run(
        [sys.executable, "-c", AS_SOMEONE, str(path)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def open_folder(tmp_path):
    """Return a folder that anyone may write in, with all folders above it open to be passed."""
    for folder in tmp_path.parents:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o711)
    tmp_path.chmod(0o777)
    return tmp_path


@root
def test_who_may_not_give_away_keeps_the_group_and_drops_setuid(open_folder):
    path = open_folder / "file"
    path.write_bytes(b"old")
    os.chown(path, 0, 23456)
    path.chmod(0o4666)
    run = written_by_someone(path)
    assert run.returncode == 0, run.stderr
    found = path.stat()
    assert path.read_bytes() == b"new"
    assert (found.st_uid, found.st_gid) == (12345, 23456)
    assert stat.S_IMODE(found.st_mode) == 0o666


@root
def test_a_protected_file_is_not_replaced(open_folder):
    path = open_folder / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    run = written_by_someone(path)
    assert "PermissionError: expected a file that may be written" in run.stderr
    assert path.read_bytes() == b"old"
    assert names(open_folder) == ["file"]


# ---------------------------------------------------------------- what is no file, and links


@posix
def test_what_is_no_file_is_refused_and_stays(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "to_null").symlink_to("/dev/null")
    for name, kind in {
        "folder": "a folder",
        "pipe": "a pipe",
        "loop": "a link that leads back to itself",
        "to_null": "a device",
    }.items():
        with pytest.raises(ValueError, match=f"expected a file to write, got {kind}"):
            write_atomic(tmp_path / name, b"new")
    assert names(tmp_path) == ["folder", "loop", "pipe", "to_null"]
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@posix
@pytest.mark.parametrize("target", ["there", "not there yet"])
@pytest.mark.parametrize("relative", [True, False])
def test_links_stay_and_lead_to_what_was_written(tmp_path, target, relative):
    inside = tmp_path / "inside"
    inside.mkdir()
    if target == "there":
        (inside / target).write_bytes(b"old")
        (inside / target).chmod(0o600)
    link, second = tmp_path / "link", tmp_path / "second"
    link.symlink_to(f"inside/{target}" if relative else inside / target)
    second.symlink_to("link")
    write_atomic(second, b"new")
    assert second.is_symlink()
    assert link.is_symlink()
    assert not (inside / target).is_symlink()
    assert (inside / target).read_bytes() == b"new"
    assert names(tmp_path) == ["inside", "link", "second"]
    assert names(inside) == [target]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "none" / "file", b"new")
    assert names(tmp_path) == []


# ---------------------------------------------------------------- errors and killed writers


def test_a_full_disk_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # no file may grow beyond 4 kB: writing fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        with pytest.raises(OSError, match="File too large"):
            write_atomic(path, bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_an_error_at_any_step_leaves_the_old_file_alone(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


SLOW = """
import os, sys, time
from lessons_lib.base.files import write_atomic
os.replace = lambda *arguments: (print("written", flush=True), time.sleep(600))
write_atomic(sys.argv[1], b"never")
"""


def test_what_a_killed_writer_leaves_is_removed_once_it_is_old(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    writer = subprocess.Popen([sys.executable, "-c", SLOW, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout.readline().strip() == b"written"
    writer.kill()
    writer.wait()
    writer.stdout.close()
    assert path.read_bytes() == b"old"
    left = [name for name in names(tmp_path) if name != "file"]
    assert len(left) == 1
    write_atomic(path, b"new")  # it may be another writer's, still at work
    assert names(tmp_path) == sorted(["file", *left])
    os.utime(tmp_path / left[0], (0, 0))
    write_atomic(path, b"newer")
    assert names(tmp_path) == ["file"]
    assert path.read_bytes() == b"newer"


def test_leftovers_are_removed_at_once_where_nobody_else_writes(tmp_path):
    for name in (".writing-1", ".writing-2", "writing-3", ".written"):
        (tmp_path / name).write_bytes(b"")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [".written", "writing-3"]
    remove_leftovers(tmp_path / "none")
