"""Writing files so that a reader never sees half of one."""

import os
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["lock_folder", "remove_leftovers", "write_atomic"]

_TEMPORARY = ".writing-"  # begins the names of files that are not whole yet
_OLD = 3600.0  # seconds: nobody writes that long at one file


def write_atomic(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path`: afterwards the file holds all of it or what it held before.

    The bytes go to a temporary file in the same folder, which then takes the name of `path` in one
    step. An error or a killed process leaves the old file as it was. What a killed process leaves
    beside it is removed by a later writer in that folder, see `remove_leftovers`.

    A link stays a link, and the file that it leads to is written; if there is none yet, it is made.
    An existing file keeps its permissions, and its owner and group where the system allows that.
    Another name of the same file (a hard link) keeps the old content.

    Raises:
        ValueError: `path` is a folder, a device, a pipe, or a link that leads back to itself.
        OSError: it cannot be written, for example because it is protected or the disk is full.
    """
    path = Path(os.path.realpath(path))
    old = _old_file(path)
    remove_leftovers(path.parent, _OLD)
    temporary = path.with_name(_TEMPORARY + uuid.uuid4().hex)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o777
    handle = os.open(temporary, flags, mode)  # less what the umask takes
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            _make_alike(temporary, old)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: str | os.PathLike, seconds: float = 0.0) -> None:
    """Remove what writers that were killed left in a folder, if it is at least so old.

    Without an age, nobody else may be writing in the folder.
    """
    for left in Path(folder).glob(f"{_TEMPORARY}*"):
        with suppress(OSError):  # its writer, or another one like this, was faster
            if time.time() - left.stat().st_mtime >= seconds:
                left.unlink()


@contextmanager
def lock_folder(folder: str | os.PathLike) -> Iterator[None]:
    """Keep other processes that ask for the same folder out of it, for as long as this one lives.

    The system gives the lock back when the process ends, however it ends. What killed writers left
    in the folder is removed.

    Raises:
        ValueError: another process, or another part of this one, has the folder.
    """
    from filelock import FileLock, Timeout  # here: some tools run without any package

    lock = FileLock(Path(folder) / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"expected a folder that nobody uses, got {folder}, in use now") from None
    try:
        remove_leftovers(folder)
        yield
    finally:
        lock.release()


def _old_file(path: Path) -> os.stat_result | None:
    """Return what is known of the file to be written, None if there is none.

    Raises:
        ValueError: it is no file.
        PermissionError: it is protected.
    """
    try:
        old = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(old.st_mode):
        kinds = {
            stat.S_IFDIR: "a folder",
            stat.S_IFLNK: "a link that leads back to itself",
            stat.S_IFIFO: "a pipe",
        }
        kind = kinds.get(stat.S_IFMT(old.st_mode), "a device")
        raise ValueError(f"expected a file to write, got {kind}: {path}")
    if not os.access(path, os.W_OK):
        raise PermissionError(f"expected a file that may be written, got a protected one: {path}")
    return old


def _make_alike(new: Path, old: os.stat_result) -> None:
    """Give a file the owner, the group and the permissions of another, as far as one may.

    Whoever may not give it away does not pass on either what only holds for its owner (setuid).
    """
    mode = stat.S_IMODE(old.st_mode)
    now = new.stat()
    if (old.st_uid, old.st_gid) != (now.st_uid, now.st_gid):
        try:
            os.chown(new, old.st_uid, old.st_gid)
        except OSError:
            mode &= 0o777
            with suppress(OSError):
                os.chown(new, -1, old.st_gid)
    os.chmod(new, mode)
