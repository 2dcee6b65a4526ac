"""The worker: a process that runs the jobs of the queue, each in one of its own.

The app starts it when there is something to do (``ensure_worker``); it ends by itself
when there is not. It outlives the server. A job is a process of its own, so that its
memory goes when it ends and it can be stopped at any moment: it goes on from the last
epoch that was finished. A worker that is killed takes its jobs with it, since each of
them watches a pipe to it; the next worker lets them go on.
"""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from core.errors import EquipoiseError, fault_record
from core.language import gettext, remembering
from core.locks import is_held, wait_for_lock
from core.runs import user_store
from core.training import detached
from core.training.queue import (
    FOLDER,
    LOCK,
    LOG,
    MOST_AT_ONCE,
    WORKER,
    JobQueue,
    end,
    find_job,
    is_stopped,
    job_folder,
    list_jobs,
    outcome,
    slots,
    unfinished,
)

IDLE_S = 30.0
"""Seconds without work after which the worker ends."""
_LOOK_S = 0.3
# Whoever only looks whether the lock is held has it for an instant.
_LOCK_S = 2.0
# A job that does not stop when it is asked to is killed: its state is whole all the
# same.
_STOPS_S = 20.0
# A job whose process dies without a word is begun again so often.
_ATTEMPTS = 3
_started: dict[Path, subprocess.Popen[bytes]] = {}


def is_working(store: Path | None = None) -> bool:
    """Whether the worker of a store is there."""
    return is_held(_lock_of(store or user_store()))


def ensure_worker(store: Path | None = None) -> None:
    """Start the worker of a store, unless it is there.

    It is a process of its own, in a session of its own: it stays when the server ends.

    Raises
    ------
    EquipoiseError
        If it cannot be started.
    """
    store = (store or user_store()).resolve()
    before = _started.get(store)
    # One that was started just now need not hold the lock yet.
    is_starting = before is not None and before.poll() is None
    if is_starting or is_working(store):
        return
    try:
        (store / FOLDER).mkdir(parents=True, exist_ok=True)
        with (store / FOLDER / f"{WORKER}.log").open("ab") as log:
            _started[store] = detached.start_detached(store=store, log=log)
    except OSError as error:
        raise EquipoiseError(
            gettext(
                "The process that trains could not be started: {fault}.",
                fault=error.strerror or str(error),
            ),
            expected=gettext("a store that can be written to, with room."),
            remedy=gettext("free some space, then try again."),
        ) from error


def resume_jobs(store: Path | None = None) -> None:
    """Start the worker of a store if it has jobs that are not over.

    Raises
    ------
    EquipoiseError
        If it cannot be started, or the queue cannot be read.
    """
    if any(not each.is_over for each in list_jobs(store)):
        ensure_worker(store)


def work(store: Path, *, idle_s: float = IDLE_S) -> bool:
    """Run jobs until there has been nothing to do for a while.

    Parameters
    ----------
    store : Path
    idle_s : float
        How long that is.

    Returns
    -------
    bool
        False if another worker is there already.
    """
    did_any = False
    while True:
        lock = wait_for_lock(_lock_of(store), most_s=_LOCK_S)
        if lock is None:
            return did_any
        try:
            did_any = True
            if not Worker(store).run(idle_s):
                return True
        finally:
            lock.release()
        # Whoever put a job there while this worker was ending has not started another.
        queue = JobQueue(store)
        try:
            if not queue.enqueued():
                return True
        finally:
            queue.close()


class Worker:
    """The worker of a store, whose lock is held.

    Parameters
    ----------
    store : Path
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        self.queue = JobQueue(store, self._run_job)
        self._take_from_store = self.queue.huey.storage.dequeue
        # A job stays in the queue, at its place, until its turn has come.
        self.queue.huey.storage.dequeue = self._take
        self._lock = threading.Lock()
        self._busy = 0
        self._is_ending = False

    def run(self, idle_s: float) -> bool:
        """Run jobs until none is there for so many seconds, or a signal ends it.

        Returns
        -------
        bool
            False if a signal ended it.
        """
        # Jobs that were at work when the worker before was killed are not in the queue.
        there = self.queue.enqueued()
        for job in unfinished(self.queue):
            if job not in there:
                self.queue.enqueue(job)
        consumer = self.queue.huey.create_consumer(
            workers=MOST_AT_ONCE, periodic=False, max_delay=1.0
        )
        consumer.start()
        idle_since, was_told = time.monotonic(), True
        try:
            while True:
                if consumer.stop_flag.wait(_LOOK_S) or consumer._signum:
                    break
                if self._busy or self.queue.huey.pending_count():
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > idle_s:
                    was_told = False
                    break
        except KeyboardInterrupt:
            pass
        self._is_ending = True
        consumer.stop(graceful=True)
        self.queue.close()
        return not was_told

    def _take(self) -> bytes | None:
        """The next job of the queue, if one more may run now."""
        with self._lock:
            if self._is_ending or self._busy >= slots(self.queue):
                return None
            taken: bytes | None = self._take_from_store()
            self._busy += taken is not None
            return taken

    def _run_job(self, job: str) -> None:
        """Run a job in a process of its own, again if that dies, until it is over."""
        try:
            self._attend(job)
        finally:
            with self._lock:
                self._busy -= 1

    def _is_wanted(self, job: str) -> bool:
        return (
            find_job(job, self.queue) is not None
            and not is_stopped(job, self.queue)
            and outcome(job, self.queue).get("state") not in ("finished", "failed")
        )

    def _attend(self, job: str) -> None:
        code: int | None = 0
        for _ in range(_ATTEMPTS):
            if not self._is_wanted(job) or self._is_ending:
                return
            code = self._run_process(job)
            if code == 0:
                return
        if self._is_wanted(job) and not self._is_ending:
            with remembering() as recall:
                end(job, self.queue, fault_record(_died(code), recall))

    def _run_process(self, job: str) -> int:
        folder = job_folder(job, self.store)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                detached.worker_command("--job", job),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=detached.environment_of(self.store),
            )
        try:
            while (code := process.poll()) is None:
                if self._is_ending or is_stopped(job, self.queue):
                    return _stop(process)
                time.sleep(_LOOK_S)
            return code
        finally:
            if process.stdin is not None:
                process.stdin.close()


def _stop(process: subprocess.Popen[bytes]) -> int:
    with suppress(OSError):
        process.terminate()
    try:
        process.wait(_STOPS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return 0


def _died(code: int | None) -> EquipoiseError:
    return EquipoiseError(
        gettext(
            "The training process ended without a word, {count} times (code {code}).",
            count=_ATTEMPTS,
            code=str(code),
        ),
        expected=gettext("a process that ends by itself."),
        remedy=gettext(
            "look into its log; it may have needed more memory than there is: choose "
            "smaller images or fewer jobs at once, then retry."
        ),
    )


def _lock_of(store: Path) -> Path:
    return store / FOLDER / f"{WORKER}.{LOCK}"
