"""A second process that computes results for the server, where visitors are many.

Python runs one thread at a time: while ten visitors wait for each other, the second
core has nothing to do. What is computed of shipped runs is kept on the disk
(``kept_results``), so another process can compute it. It is sent a function's name and
arguments, and keeps the result where this process reads it.
"""

import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from core.errors import EquipoiseError
from core.freed_memory import give_memory_back
from core.kept_results import keep_results, kept_in
from core.language import aside, language, speaking
from core.views import drawing, own_copy
from core.views.caching import Work, clear_caches, share_work
from core.views.catalog import all_views

VARIABLE = "EQUIPOISE_SIDE_PROCESS"
"""Of the environment: "off" leaves everything to the server."""
ROOT = Path(__file__).resolve().parents[2]
NICE = 5
"""Niceness that is added, so that the server goes first (Linux and macOS)."""
PATIENCE_S = 120.0
"""Seconds after which a piece of work is given up, and the process with it."""
NOT_USED = "No side process any more (%s): the server computes everything itself."
_LENGTH_BYTES = 8

Answer = bool | EquipoiseError
"""Whether the result is kept; or the fault of the input, if there was one."""


class SideProcess:
    """Takes work from threads that would otherwise wait for each other.

    The process is started when a second thread has something to compute, so one visitor
    alone never pays for it. Where it ends or hangs, the server computes everything, and
    the log says so.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here: set[int] = set()
        self._waiting = 0
        self._is_ready = self._is_closed = False
        self._jobs: SimpleQueue[tuple[bytes, Future[Answer]]] = SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._driver: threading.Thread | None = None

    def takes(self, work: Work) -> bool:
        """Compute a result in the process, unless it is sooner computed here.

        Returns
        -------
        bool
            True if the result is kept now. False if it is to be computed here: this
            process has less to do, the thread computes a part of other work here, or
            the side process could not do it.

        Raises
        ------
        EquipoiseError
            If the work fails by a fault of its input.
        """
        with self._lock:
            if threading.get_ident() in self._here:
                return False
            if not self._is_ready:
                if self._here and self._driver is None and not self._is_closed:
                    self._driver = threading.Thread(target=self._drive, daemon=True)
                    self._driver.start()
                return False
            if self._waiting > len(self._here):
                return False
            self._waiting += 1
        try:
            return self._ask(work)
        finally:
            with self._lock:
                self._waiting -= 1

    @contextmanager
    def working_here(self) -> Iterator[None]:
        """Count a thread as one that computes in this process."""
        me = threading.get_ident()
        with self._lock:
            is_part = me in self._here
            self._here.add(me)
        try:
            yield
        finally:
            if not is_part:
                with self._lock:
                    self._here.discard(me)

    def close(self) -> None:
        """End the process, and start no other."""
        with self._lock:
            self._is_closed = True
        self._end()
        if self._driver is not None:
            self._driver.join()

    def _ask(self, work: Work) -> bool:
        with aside():
            told = (language(), own_copy.is_seen_alone())
        try:
            sent = pickle.dumps((work, *told), pickle.HIGHEST_PROTOCOL)
        except (pickle.PickleError, TypeError, AttributeError):
            return False  # such as a function without a name
        future: Future[Answer] = Future()
        with self._lock:
            if not self._is_ready:
                return False
            self._jobs.put((sent, future))
        try:
            answer = future.result(PATIENCE_S)
        except TimeoutError:
            self._end()
            return False
        if isinstance(answer, EquipoiseError):
            raise answer
        return answer

    def _end(self) -> None:
        """Kill the process; the thread that drives it sees that."""
        if self._process is not None:
            self._process.kill()
        # The driver may wait for work.
        self._jobs.put((b"", Future()))

    def _drive(self) -> None:
        """Start the process, and hand it one piece of work after another."""
        why = "it has ended"
        try:
            self._process = process = _start()
            if self._is_closed:
                process.kill()
            if pickle.loads(_read(process.stdout)) == kept_in():
                self._is_ready = True
                while True:
                    sent, future = self._jobs.get()
                    self._answer(process, sent, future)
            why = "it keeps its results elsewhere"
        except (OSError, EOFError, pickle.PickleError) as error:
            why = str(error) or why
        finally:
            self._stop()
            if not self._is_closed:
                logging.getLogger(__name__).warning(NOT_USED, why)

    def _answer(
        self, process: subprocess.Popen[bytes], sent: bytes, future: Future[Answer]
    ) -> None:
        answer: Answer = False
        try:
            _write(process.stdin, sent)
            answer = pickle.loads(_read(process.stdout))
        finally:
            future.set_result(answer)

    def _stop(self) -> None:
        """Tell all who wait, and leave nothing of the process."""
        with self._lock:
            self._is_ready = False
            while not self._jobs.empty():
                self._jobs.get()[1].set_result(False)
        if self._process is not None:
            self._process.kill()
            with suppress(OSError), self._process:
                pass


@contextmanager
def working_beside() -> Iterator[None]:
    """Share work with a side process inside the block, unless ``VARIABLE`` is "off"."""
    if os.environ.get(VARIABLE) == "off":
        yield
        return
    process = SideProcess()
    share_work(process)
    try:
        yield
    finally:
        share_work(None)
        process.close()


def _start() -> subprocess.Popen[bytes]:
    # In the server's folder: what it names by a relative path is there.
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _write(pipe: IO[bytes] | None, content: bytes) -> None:
    assert pipe is not None
    pipe.write(len(content).to_bytes(_LENGTH_BYTES, "little") + content)
    pipe.flush()


def _read(pipe: IO[bytes] | None) -> bytes:
    assert pipe is not None
    length = int.from_bytes(_whole(pipe, _LENGTH_BYTES), "little")
    return _whole(pipe, length)


def _whole(pipe: IO[bytes], length: int) -> bytes:
    content = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return content


def main() -> None:
    """Do work until the server ends."""
    into = sys.stdin.buffer
    # Keep what libraries print out of the answers.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Ctrl+C reaches both processes; the server then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICE)
    all_views()
    import_module("scipy.stats")
    # No collection need look at what is imported.
    gc.freeze()
    keep_results()
    with suppress(OSError, EOFError):
        _write(out, pickle.dumps(kept_in()))
        while True:
            _write(out, _answered(_read(into)))


def _answered(sent: bytes) -> bytes:
    """Do a piece of work; the answer, as bytes."""
    answer: Answer = True
    try:
        work, spoken, is_seen_alone = pickle.loads(sent)
        own_copy.show_copies_where(lambda: is_seen_alone)
        with speaking(spoken):
            _do(work)
        return pickle.dumps(answer)
    except EquipoiseError as error:
        answer = error
    # The server computes it again, and so sees what is wrong.
    except Exception:  # noqa: BLE001
        answer = False
    finally:
        # A picture is on the disk now, and is not asked for again.
        clear_caches(drawing.__file__)
        give_memory_back()
    return pickle.dumps(answer)


def _do(work: Work) -> Any:
    """Call the function that a piece of work names, which keeps its result."""
    if work.name:
        view, parameters = work.args
        return all_views()[work.name].draw(view, **parameters)
    function = getattr(import_module(work.module), work.function)
    return function(*work.args, **work.options)


if __name__ == "__main__":
    main()
