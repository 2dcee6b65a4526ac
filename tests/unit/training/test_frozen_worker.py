"""Processes that compute frozen layers end with the one that started them."""

import signal
import subprocess
import sys
import time

import pytest

from core.training.frozen_worker import Piece, work

PROGRAM = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from core.training.frozen_worker import end_with_parent

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        1, mp_context=context, initializer=end_with_parent
    ) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


def is_alive(pid: int) -> bool:
    # A zombie has no memory; whoever takes it over has not looked yet.
    try:
        with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123 - a device
            return file.read().split()[0] != "0"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_a_killed_process_leaves_no_other_behind(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, tmp_path / "program.py"], stdout=subprocess.PIPE, text=True
    ) as started:
        pid = int(started.stdout.readline())
        assert is_alive(pid)
        started.send_signal(signal.SIGKILL)
        started.wait()
        for _ in range(300):
            if not is_alive(pid):
                break
            time.sleep(0.1)
        assert not is_alive(pid)


def test_a_process_that_has_not_begun_says_so():
    with pytest.raises(RuntimeError, match="has not begun"):
        work(Piece(0, None, is_drawn=False))
