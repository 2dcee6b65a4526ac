"""Locks on files that end with the process that holds them.

The operating system holds them (``flock``; on Windows a locked byte), so that a process
which is killed leaves none: the next one takes the file over. The file says who holds
it, for messages alone; nothing is decided from what it says.
"""

import errno
import json
import os
import shlex
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.language import gettext

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Some network file systems are mounted without locks.
_WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}
# Windows keeps others from reading a locked byte: one far behind what is written.
_FAR_BYTE = 2**30
_ATTEMPTS = 100


@dataclass(frozen=True)
class Holder:
    """The holder of a lock: process, machine, command, and since when (UTC)."""

    pid: int
    host: str
    command: str
    since: str

    def __str__(self) -> str:
        return gettext(
            "process {pid} on {host} since {since} ({command})",
            pid=str(self.pid),
            host=self.host,
            since=self.since,
            command=self.command,
        )


@dataclass(frozen=True)
class Lock:
    """A lock that this process holds, until it is released or the process ends.

    ``is_enforced`` is false where the file system has no locks: another process may
    then hold the same one.
    """

    path: Path
    descriptor: int
    is_enforced: bool

    def say_holder(self) -> None:
        """Write into the file that this process holds it."""
        text = json.dumps(asdict(_this_process())).encode()
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        os.write(self.descriptor, text)

    def release(self, *, remove: bool = False) -> None:
        """Let others have it, and remove its file where no lock needs it any more."""
        # Done while the lock is still held: no other process can lock this file then.
        if remove:
            with suppress(OSError):
                self.path.unlink()
        os.close(self.descriptor)
        # An open file cannot be removed on Windows: it is now, or it stays.
        if remove and sys.platform == "win32":
            with suppress(OSError):
                self.path.unlink()


def take_lock(path: Path, *, is_shared: bool = False) -> Lock | None:
    """Take the lock of a file, which is made if it is not there.

    Parameters
    ----------
    path : Path
    is_shared : bool
        Several processes may hold it together, but then none alone. It waits for a
        process that holds it alone. On Windows this only keeps the file open.

    Returns
    -------
    Lock or None
        None if another process holds it.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    for _ in range(_ATTEMPTS):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # somebody removed the empty folder just now
            continue
        try:
            is_enforced = _lock(descriptor, is_shared=is_shared)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        # The holder before may have removed the file: a lock on it guards nothing.
        if _is_file_of(descriptor, path):
            return Lock(path, descriptor, is_enforced)
        os.close(descriptor)
    raise OSError(errno.EAGAIN, "its lock is removed as fast as it is made", str(path))


def is_held(path: Path) -> bool:
    """Whether another process holds the lock of a file now.

    It is taken for a moment where nobody does: who takes it at the same moment must try
    again (``wait_for_lock``).
    """
    if not path.is_file():
        return False
    try:
        lock = take_lock(path)
    except OSError:
        return False
    if lock is None:
        return True
    lock.release()
    return False


def wait_for_lock(path: Path, *, most_s: float) -> Lock | None:
    """Take the lock of a file, waiting for who holds it; None after ``most_s``.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    end = time.monotonic() + most_s
    while (lock := take_lock(path)) is None and time.monotonic() < end:
        time.sleep(0.05)
    if lock is not None:
        lock.say_holder()
    return lock


def read_holder(path: Path) -> Holder | None:
    """The holder that a lock's file names; None if it names none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Holder(**content)
    except (OSError, ValueError, TypeError):
        return None


def _this_process() -> Holder:
    return Holder(
        pid=os.getpid(),
        host=socket.gethostname(),
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _lock(descriptor: int, *, is_shared: bool) -> bool:
    """Lock an open file; False where the file system has no locks."""
    if sys.platform == "win32":
        if is_shared:
            return True
        os.lseek(descriptor, _FAR_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
        return True
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX | fcntl.LOCK_NB
    try:
        fcntl.flock(descriptor, kind)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            return False
        raise
    return True


def _is_file_of(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
