"""A second process that computes what pages ask for, where visitors are many.

Python runs one thread at a time: while ten visitors wait for each other, the second
core has nothing to do. What is computed of shipped runs is kept on the disk
(``kept_results``), so another process can compute it. It is sent a function's name and
arguments, and keeps the result where this process reads it.
"""

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import IO

from core.heap import give_memory_back
from core.kept_results import keep_results
from core.language import aside, language, speaking
from core.views import drawing
from core.views.caching import Work, clear_caches
from core.views.catalog import all_views

ROOT = Path(__file__).resolve().parents[2]
NICE = 5
"""By how much the process stands behind the pages, on Linux and macOS."""
_STARTED, _DONE, _FAILED = b"S", b"D", b"F"
# Between the process and a server that has ended, or the other way round.
_BROKEN = (OSError, EOFError, ValueError, pickle.PickleError)


class SideProcess:
    """Takes work from threads that would else wait for each other.

    The process is started when a second thread has something to compute, so that one
    visitor alone never pays for it.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._waiting = 0
        self._here: set[int] = set()
        self._state, self._pipe = threading.Lock(), threading.Lock()

    def takes(self, work: Work) -> bool:
        """Have work done and its result kept; False if it is to be done here.

        It is done here where this process has less to do, where the thread does a part
        of other work here, and where the process fails, which says nothing.
        """
        with self._state:
            if threading.get_ident() in self._here:
                return False
            if not self._is_ready:
                if self._here and self._process is None:
                    self._start()
                return False
            if self._waiting > len(self._here):
                return False
            self._waiting += 1
        try:
            return self._ask(work)
        finally:
            with self._state:
                self._waiting -= 1

    @contextmanager
    def working_here(self) -> Iterator[None]:
        """Count a thread as one that computes in this process."""
        me = threading.get_ident()
        with self._state:
            is_part = me in self._here
            self._here.add(me)
        try:
            yield
        finally:
            if not is_part:
                with self._state:
                    self._here.discard(me)

    def close(self) -> None:
        """End the process."""
        with self._state:
            self._is_ready = False
            if self._process is not None:
                with self._process:
                    self._process.kill()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        threading.Thread(target=self._wait_until_ready, daemon=True).start()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._is_ready = self._process.stdout.read(1) == _STARTED

    def _ask(self, work: Work) -> bool:
        assert self._process is not None
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        with aside():
            spoken = language()
        try:
            sent = pickle.dumps((work, spoken), pickle.HIGHEST_PROTOCOL)
            with self._pipe:
                into.write(sent)
                into.flush()
                answer = out.read(1)
        except (*_BROKEN, TypeError, AttributeError):
            answer = b""
        if not answer:
            self._is_ready = False
        return answer == _DONE


def do_work(work: Work) -> None:
    """Call the function that a piece of work names, which keeps its result."""
    if work.name:
        view, parameters = work.args
        all_views()[work.name].draw(view, **parameters)
        return
    function = getattr(import_module(work.module), work.function)
    function(*work.args, **work.options)


def main() -> None:
    """Do work until the server ends."""
    into = sys.stdin.buffer
    # What a library prints is no answer.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(NICE)
    all_views()
    import_module("scipy.stats")
    # No collection need look at what is imported.
    gc.freeze()
    keep_results()
    with suppress(*_BROKEN):
        out.write(_STARTED)
        while True:
            out.write(_answer(into))


def _answer(into: IO[bytes]) -> bytes:
    work, spoken = pickle.load(into)
    try:
        with speaking(spoken):
            do_work(work)
    # The server does it again, and says what is wrong.
    except Exception:  # noqa: BLE001
        return _FAILED
    finally:
        # A picture is on the disk now, and is not asked for again.
        clear_caches(drawing.__file__)
        give_memory_back()
    return _DONE


if __name__ == "__main__":
    main()
