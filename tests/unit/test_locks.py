"""Locks of real processes: held, named, and gone with the process."""

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core import locks
from core.locks import read_holder, take_lock
from tests.unit.conftest import StartHolder

HOLD = """
import sys, time
from pathlib import Path
from core.locks import take_lock

lock = take_lock(Path(sys.argv[1]), is_shared=len(sys.argv) > 2)
assert lock is not None
lock.say_holder()
print("held", flush=True)
time.sleep(600)
"""


def test_another_process_is_named_and_a_killed_one_is_taken_over(
    tmp_path: Path, start_holder: StartHolder
) -> None:
    path = tmp_path / "locks" / "one.lock"
    process = start_holder(HOLD, path)
    assert take_lock(path) is None
    holder = read_holder(path)
    assert (holder.pid, holder.host) == (process.pid, socket.gethostname())
    assert f"process {process.pid} on " in str(holder)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # The file of the dead one is still there, and so is what it says.
    assert read_holder(path) == holder
    lock = take_lock(path)
    lock.say_holder()
    assert read_holder(path).pid == os.getpid()
    assert take_lock(path) is None
    lock.release(remove=True)
    assert not path.exists()


def test_several_share_a_lock_and_none_has_it_alone(
    tmp_path: Path, start_holder: StartHolder
) -> None:
    path = tmp_path / "one.lock"
    process = start_holder(HOLD, path, "shared")
    shared = take_lock(path, is_shared=True)
    assert take_lock(path) is None
    shared.release()
    assert take_lock(path) is None
    process.kill()
    process.wait()
    alone = take_lock(path)
    assert alone is not None
    alone.release()


def test_a_lock_on_a_file_that_was_removed_guards_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.lock"
    real, calls = locks._lock, []

    def lock_late(descriptor: int, *, is_shared: bool) -> bool:
        if not calls:  # its holder lets go, and removes it, between open and lock
            path.unlink()
        calls.append(descriptor)
        return real(descriptor, is_shared=is_shared)

    monkeypatch.setattr(locks, "_lock", lock_late)
    lock = take_lock(path)
    assert len(calls) == 2
    assert path.exists()
    assert take_lock(path) is None
    lock.release()


def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("core.locks.fcntl.flock", refuse)
    lock = take_lock(tmp_path / "one.lock")
    assert not lock.is_enforced
    lock.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff"])
def test_a_file_that_says_nothing_names_nobody(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.lock"
    path.write_bytes(content)
    assert read_holder(path) is None
    assert read_holder(tmp_path / "none.lock") is None


def test_a_lock_does_not_outlive_its_process_in_a_child(tmp_path: Path) -> None:
    code = HOLD.replace(
        "time.sleep(600)",
        "import subprocess; "
        "code = [sys.executable, '-c', 'import time; time.sleep(600)']; "
        "print(subprocess.Popen(code, stdout=subprocess.DEVNULL).pid)",
    )
    path = tmp_path / "one.lock"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    child = int(done.stdout.split()[-1])
    try:
        lock = take_lock(path)
        assert lock is not None
        os.kill(child, 0)  # It goes on, and would have held the lock.
        lock.release()
    finally:
        os.kill(child, signal.SIGKILL)
