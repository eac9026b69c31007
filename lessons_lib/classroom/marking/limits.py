"""What holds a student's code: a small world of its own, limits, and an end for all its processes.

On Linux a keeper (see `keeper`) is the first process of namespaces of its own: its processes see
no others, no network, and files that they can only read; when it ends, they all end. Where the
system does not allow that, its processes are found by their descent; elsewhere, by their group.
"""

import contextlib
import ctypes
import functools
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

__all__ = ["ALONE", "FILES", "MEMORY", "PROCESSES", "enclosing"]

MEMORY = 4 * 2**30  # bytes that all processes of a student may take together
FILES = 256 * 2**20  # bytes that they may write
PROCESSES = 64
LINUX = sys.platform == "linux"
ALONE = LINUX and os.getpid() == 1  # the first process of its namespace, or of a container
_PRACTICE = Path(__file__).parents[1] / "practice"
_UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")
_UNSHARE = (*_UNSHARE, "--mount-proc", "--net", "--ipc")
_PROBE = "from lessons_lib.classroom.marking import limits; limits.enclose({folder!r})"
# Numbers of the kernel's interface, from its headers.
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _CLONE_NEWNS = 1, 2, 4, 0x20000
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _RDONLY = 442, -100, 0x8000, 1
_SET_DUMPABLE, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 4, 36, 38
_CAPABILITIES = 0x20080522


@functools.cache
def enclosing() -> tuple[str, ...]:
    """Return the command that starts a keeper in namespaces of its own; nothing where none can."""
    if not LINUX:
        return ()
    with tempfile.TemporaryDirectory() as folder:
        probe = [*_UNSHARE, sys.executable, "-P", "-c", _PROBE.format(folder=folder)]
        path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
        try:
            ran = subprocess.run(
                probe, env=os.environ | {"PYTHONPATH": path}, capture_output=True, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired):
            return ()
    return () if ran.returncode else _UNSHARE


# ---------------------------------------------------------------- the keeper's world


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(folder: str | os.PathLike, options: str, flags: int = 0) -> None:
    flags |= _MS_NOSUID | _MS_NODEV
    where = os.fsencode(folder)
    _call("mount", b"tmpfs", where, b"tmpfs", ctypes.c_ulong(flags), options.encode())


def enclose(folder: str | os.PathLike) -> None:
    """Make all files read-only but those of `folder`, which begins empty and is held in memory."""
    read_only = struct.pack("QQQQ", _RDONLY, 0, 0, 0)
    everything = (_MOUNT_SETATTR, _AT_FDCWD, b"/", _AT_RECURSIVE, read_only, len(read_only))
    _call("syscall", *everything)
    _mount(folder, "size=512m")
    if os.path.isdir("/dev/shm"):
        _mount("/dev/shm", "size=64m")
    os.chdir(folder)


def guard() -> None:
    """Keep other processes out of this one, and let its orphans come back to it."""
    if LINUX:
        _call("prctl", _SET_DUMPABLE, 0, 0, 0, 0)
        _call("prctl", _SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def confine(
    folder: str, seconds: float, memory: int, enclosed: bool, hidden: str | None = None
) -> None:
    """Limit this process and what it will start; in an enclosed world, hide the solutions.

    Args:
        folder: where it works; in an enclosed world an empty one is laid over it.
        seconds: of processor time.
        memory: bytes of data for each process; the keeper counts them together.
        enclosed: whether `enclose` has been called.
        hidden: another folder that it may not see, where it is enclosed.
    """
    os.chdir(folder)
    if LINUX:
        if enclosed:
            _call("unshare", _CLONE_NEWNS)
            _mount(folder, f"size={FILES},nr_inodes=10000")
            for place in filter(None, (_PRACTICE, hidden)):
                _mount(place, "size=4k", _MS_RDONLY)
            os.chdir(folder)
        _call("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _call("capset", struct.pack("Ii", _CAPABILITIES, 0), bytes(24))
        _call("prctl", _SET_DUMPABLE, 1, 0, 0, 0)
    with contextlib.suppress(ImportError):  # Windows
        import resource

        limits = {
            "RLIMIT_CORE": 0,
            "RLIMIT_CPU": int(seconds) + 2,
            "RLIMIT_FSIZE": FILES,
            "RLIMIT_DATA": memory if LINUX else None,
            "RLIMIT_NPROC": 2 * PROCESSES if enclosed else None,  # elsewhere it counts all others
        }
        for name, most in limits.items():
            if most is not None:
                with contextlib.suppress(ValueError, OSError):  # a lower limit stands
                    resource.setrlimit(getattr(resource, name), (most, most))


# ---------------------------------------------------------------- its processes


def processes() -> list[int]:
    """Return the processes that a keeper answers for: all of its namespace, or its descendants."""
    if not LINUX:
        return []
    parents = {}
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            stat = Path("/proc", name, "stat").read_text(encoding="utf-8")
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(name)] = int(parent)
    own = os.getpid()
    if ALONE:
        return [pid for pid in parents if pid != own]
    found, waiting = [], [own]
    while waiting:
        one = waiting.pop()
        children = [pid for pid, parent in parents.items() if parent == one]
        found += children
        waiting += children
    return found


def memory_of(pids: list[int]) -> int:
    """Return the bytes of memory that processes take; what they share counts once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
                total += sum(int(line.split()[1]) * 1024 for line in lines if line[:4] == "Pss:")
            except PermissionError:
                pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
                total += pages * os.sysconf("SC_PAGE_SIZE")
    return total


def size_of(folder: str) -> int:
    """Return the bytes of the files in a folder; each counts for 4 KiB at least."""
    try:
        return _size_of(folder)
    except RecursionError:  # folders in folders in folders
        return FILES + 1


def _size_of(folder: str) -> int:
    total = 0
    for where, folders, files in os.walk(folder):
        total += 4096 * len(folders)
        for name in files:
            with contextlib.suppress(OSError):
                total += max(os.lstat(os.path.join(where, name)).st_blocks * 512, 4096)
        if total > FILES:
            break
    return total


def end_all(group: int) -> None:
    """End all processes that this keeper answers for; without Linux, those of one group."""
    if ALONE:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # to all but itself
    elif LINUX:
        stopped: set[int] = set()
        while found := set(processes()) - stopped:  # first none may start another
            for pid in found:
                _signal(pid, signal.SIGSTOP)
            stopped |= found
        for pid in stopped:
            _signal(pid, signal.SIGKILL)
    elif hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def reap() -> None:
    """Take leave of all processes that have ended, so that none is counted again."""
    if hasattr(os, "WNOHANG"):
        until = time.monotonic() + 5
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < until:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.002)


def sweep(turn: str) -> None:
    """End what is left of a keeper that was killed itself: it was given `turn` in its environment.

    Only where the keeper had no namespace of its own; on Linux.
    """
    if LINUX:
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if turn.encode() in Path("/proc", name, "environ").read_bytes():
                    os.kill(int(name), signal.SIGKILL)


def left_alone() -> bool:
    """Tell whether the marker is gone: it keeps its end of the keeper's input open."""
    if os.name == "nt":
        return False
    return bool(select.select([0], [], [], 0)[0]) and not os.read(0, 1)
