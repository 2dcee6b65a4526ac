"""The process of a job: it trains, or searches, and writes down how far it is."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from core.errors import EquipoiseError, fault_record
from core.language import remembering
from core.locks import wait_for_lock
from core.study import own_study_path
from core.training.live import epoch_sentence
from core.training.queue import (
    LOCK,
    NOW,
    Job,
    JobQueue,
    Now,
    begin,
    end,
    find_job,
    give_way,
    is_stopped,
    job_folder,
    outcome,
)

if TYPE_CHECKING:
    from core.runs import Run
    from core.study import Trial

# Seconds for a process that is ending, or looks whether this one is there.
_LOCK_S = 15.0
_EVERY_S = 0.5


def run_job(job_id: str, store: Path, *, is_attended: bool = True) -> None:
    """Run a job of the queue to its end, from where an earlier process has left it.

    Nothing happens if it is over, stopped or deleted, or if another process runs it.

    Parameters
    ----------
    job_id : str
    store : Path
        The user's store.
    is_attended : bool
        Whether the standard input is a pipe to the worker: this process ends with it.
    """
    folder = job_folder(job_id, store)
    if is_attended:
        _end_with_worker()
    lock = wait_for_lock(folder / LOCK, most_s=_LOCK_S)
    if lock is None:
        return
    queue = JobQueue(store)
    try:
        job = find_job(job_id, queue)
        is_over = outcome(job_id, queue).get("state") in ("finished", "failed")
        if job is None or is_over or is_stopped(job_id, queue):
            return
        begin(job_id, queue)
        give_way()
        _say(f"Job {job.id}: {job.kind} of {job.study.name}.")
        with remembering() as recall:
            try:
                (_train if job.kind == "training" else _search)(job, store, folder)
            except EquipoiseError as error:
                _say(str(error))
                end(job_id, queue, fault_record(error, recall))
            except KeyboardInterrupt:
                _say("Stopped. It goes on from the last finished epoch.")
            else:
                _say("Finished.")
                end(job_id, queue)
    finally:
        queue.close()
        (folder / NOW).unlink(missing_ok=True)
        lock.release()


def _train(job: Job, store: Path, folder: Path) -> None:
    from core.training.engine import load_engine
    from core.training.jobs import Listener, train_study

    def epoch_done(
        method: str, seed: int, epoch: int, values: Mapping[str, float]
    ) -> None:
        _say(epoch_sentence(method, seed, epoch, values))

    def taken(method: str, seed: int, run: Run) -> None:
        _say(f"{method}, seed {seed}: trained as {run.method}, which is taken.")

    def kept(method: str, seed: int, run: Run) -> None:
        _say(f"{method}, seed {seed}: finished already, and kept.")

    train_study(
        job.study,
        pairs=job.pairs,
        data=Path(job.data) if job.data else None,
        out=store,
        resume=True,
        prepare=load_engine,
        listener=Listener(
            progress=_progress(folder),
            epoch_done=epoch_done,
            left_out=_say,
            noted=_say,
            taken=taken,
            kept=kept,
        ),
    )


def _search(job: Job, store: Path, folder: Path) -> None:
    from core.training.engine import load_engine
    from core.training.jobs import use_one_thread
    from core.training.trial_storage import default_url, open_storage
    from core.training.tuned_file import check_place

    use_one_thread()
    load_engine()
    from core.training.search_record import search_and_write
    from core.training.tuning import SearchListener

    def trial_done(trial: Trial, done: int, trials: int) -> None:
        score = "no skill" if trial.score is None else f"skill {trial.score:.3f}"
        settings = ", ".join(f"{name} {v}" for name, v in trial.settings.items())
        _say(f"{trial.method}, {done} of {trials}: {score}, {trial.state}: {settings}")

    place = own_study_path(job.tuned)
    check_place(place, job.study)
    search_and_write(
        job.study,
        open_storage(default_url(store, job.study.name)),
        job.methods,
        job.trials,
        place,
        epochs=job.epochs,
        data=Path(job.data) if job.data else None,
        listener=SearchListener(
            progress=_progress(folder),
            left_out=_say,
            noted=_say,
            trial_done=trial_done,
            untuned=lambda method: _say(f"{method}: it has no setting to tune."),
        ),
    )


def _progress(folder: Path) -> Callable[[str, int, int], None]:
    """Write what is being done, once in a while, for whoever looks on."""
    last: tuple[str, float] = "", 0.0

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if what == last[0] and now - last[1] < _EVERY_S:
            return
        last = what, now
        beside = folder / f"{NOW}.new"
        with suppress(OSError):
            beside.write_text(json.dumps(asdict(Now(what, done, total))))
            beside.replace(folder / NOW)

    return progress


def _say(line: str) -> None:
    sys.stdout.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {line}\n")
    sys.stdout.flush()


def _end_with_worker() -> None:
    """End when the worker asks for it, or is gone: the state of a run is always whole.

    A signal interrupts as Ctrl-C does; a worker that is killed sends none, but its end
    of the pipe is closed.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def watch() -> None:
        # Not through sys.stdin, whose lock would be held while the interpreter ends.
        while os.read(0, 1):
            pass
        os._exit(1)

    signal.signal(signal.SIGTERM, interrupt)
    threading.Thread(target=watch, daemon=True).start()
