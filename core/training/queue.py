"""The queue of trainings and searches: jobs that wait for the worker, or are at work.

Huey keeps it in one file of SQLite, ``queue.db`` of the user's store: what waits, in
its order, and what each job is. How far a job is, is told by the folders of its runs
(``core.training.live``); whether it is at work, by a lock that its process holds. So
a process that is killed leaves nothing behind that is not true any more.

Nothing here imports Keras: pages and the server do.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from huey import SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from core import runs
from core.errors import EquipoiseError
from core.language import gettext, say_again
from core.locks import is_held
from core.study import Study, read_study_json
from core.training.live import Live, RunProgress, run_progress

DATABASE, FOLDER = "queue.db", ".jobs"
LOCK, LOG, NOW, WORKER = "lock", "log.txt", "now.json", "worker"
MOST_AT_ONCE = 8
"""Most jobs that may be set to run at once."""
_TASK = "run_job"
_BUSY_S = 30
_SLOTS = "slots"
_NICE = 10

Kind = Literal["training", "search"]
State = Literal["waiting", "running", "stopping", "stopped", "finished", "failed"]
OVER: tuple[State, ...] = ("finished", "failed", "stopped")
"""States in which nothing happens any more unless somebody asks for it."""
# Where a job stands in the list.
_RANKS = {"running": 0, "stopping": 0, "waiting": 1}


@dataclass(frozen=True)
class Job:
    """What is asked for; it never changes.

    Parameters
    ----------
    id : str
    kind : {"training", "search"}
    study : Study
        Which is trained, or searched for its settings.
    methods : tuple of str
        Of a search.
    pairs : tuple of (method, seed)
        Of a training: its runs.
    trials : int
        Of a search: settings that are tried of each method.
    epochs : int or None
        Of a search: epochs of a trial, where they are not the study's.
    tuned : str
        Of a search: the name of the study that it makes.
    data : str
        Where the dataset is; empty for one that needs no place.
    created : str
        When it was asked for (ISO 8601, UTC).
    """

    id: str
    kind: Kind
    study: Study
    methods: tuple[str, ...] = ()
    pairs: tuple[tuple[str, int], ...] = ()
    trials: int = 0
    epochs: int | None = None
    tuned: str = ""
    data: str = ""
    created: str = ""

    def to_json(self) -> bytes:
        """The job as it is kept."""
        content = {**vars(self), "study": self.study.model_dump_json()}
        return json.dumps(content).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Job:
        """The job of what is kept."""
        content = json.loads(text)
        study = read_study_json(content["study"])
        methods = tuple(content["methods"])
        pairs = tuple((str(name), int(seed)) for name, seed in content["pairs"])
        return cls(**{**content, "study": study, "methods": methods, "pairs": pairs})


@dataclass(frozen=True)
class JobStatus:
    """A job, and what became of it.

    Parameters
    ----------
    job : Job
    state : str
        One of ``State``.
    started, ended : str
        When it was begun first and was over (ISO 8601, UTC); empty where unknown.
    fault : tuple of str
        Of a failed job: the problem, what was expected, and what to do.
    position : int
        Of a waiting job: its place among those that wait, from 1.
    """

    job: Job
    state: State
    started: str = ""
    ended: str = ""
    fault: tuple[str, str, str] = ("", "", "")
    position: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more unless somebody asks for it."""
        return self.state in OVER


class _JSONSerializer(Serializer):
    """Huey's messages as JSON: nothing that is kept is ever unpickled."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Any:
        content = json.loads(bytes(data))
        return Message(*content) if isinstance(content, list) else content


class JobQueue:
    """The queue of a store.

    Parameters
    ----------
    store : Path
        The user's store.
    run : callable, optional
        What the worker does with the id of a job.
    """

    def __init__(
        self, store: Path, run: Callable[[str], None] = lambda job: None
    ) -> None:
        self.store = store
        self.huey = SqliteHuey(
            name="equipoise",
            filename=str(store / DATABASE),
            serializer=_JSONSerializer(),
            results=False,
            fsync=True,
            strict_fifo=True,
            timeout=_BUSY_S,
        )

        # Huey knows a task by its module and name: those are the same for whoever runs
        # it and whoever only asks for it.
        @self.huey.task(name=_TASK)
        def call(job: str) -> None:
            run(job)

        self._call = call

    def close(self) -> None:
        """Close the database."""
        self.huey.storage.close()

    def enqueue(self, job: str) -> None:
        """Let the worker run a job; a second time does no harm."""
        self._call(job)

    def enqueued(self) -> tuple[str, ...]:
        """Ids of the jobs that wait, in their order."""
        return tuple(dict.fromkeys(task.args[0] for task in self.huey.pending()))

    def put(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep a record."""
        self.huey.storage.put_data(key, json.dumps(content).encode())

    def get(self, key: str) -> dict[str, Any]:
        """A record; empty if none is kept."""
        found = self.huey.storage.peek_data(key)
        return json.loads(bytes(found)) if isinstance(found, bytes) else {}

    def remove(self, key: str) -> None:
        """Forget a record."""
        self.huey.storage.pop_data(key)

    def records(self) -> dict[str, bytes]:
        """Everything that is kept, by its key."""
        return {key: bytes(v) for key, v in self.huey.storage.result_items().items()}


@contextmanager
def open_queue(store: Path | None = None) -> Iterator[JobQueue]:
    """Open the queue of a store, the user's by default.

    Raises
    ------
    EquipoiseError
        If it cannot be made or read.
    """
    store = store or runs.user_store()
    try:
        store.mkdir(parents=True, exist_ok=True)
        queue = JobQueue(store)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(store, error) from error
    try:
        yield queue
    except sqlite3.Error as error:
        raise _unusable(store, error) from error
    finally:
        queue.close()


def _unusable(store: Path, error: Exception) -> EquipoiseError:
    return EquipoiseError(
        gettext(
            "The queue of trainings, {file}, cannot be used: {fault}.",
            file=store / DATABASE,
            fault=str(error),
        ),
        expected=gettext("a store that can be written to, with room."),
        remedy=gettext("free some space, or choose another store in EQUIPOISE_RUNS."),
    )


def new_job(kind: Kind, study: Study, **more: Any) -> Job:
    """A job with an id of its own, asked for now."""
    now = datetime.now(UTC)
    return Job(
        # In the order of time, for whoever lists the folder.
        id=f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}",
        kind=kind,
        study=study,
        created=now.isoformat(timespec="seconds"),
        **more,
    )


def submit(job: Job, store: Path | None = None) -> None:
    """Put a job at the end of the queue.

    Raises
    ------
    EquipoiseError
        If the queue cannot be written.
    """
    with open_queue(store) as queue:
        queue.huey.storage.put_data(f"job:{job.id}", job.to_json())
        queue.enqueue(job.id)


def stop(job: str, store: Path | None = None) -> None:
    """Take a job out of the queue, or stop it; what is trained stays to go on from."""
    with open_queue(store) as queue:
        queue.put(f"stop:{job}", {"at": _now()})


def go_on(job: str, store: Path | None = None) -> None:
    """Put a job that was stopped or has failed into the queue again."""
    with open_queue(store) as queue:
        for record in ("stop", "state"):
            queue.remove(f"{record}:{job}")
        queue.enqueue(job)


def delete(job: Job, *, with_runs: bool = False, store: Path | None = None) -> None:
    """Remove a job that is over, with the unfinished trainings that only it needs.

    Parameters
    ----------
    job : Job
    with_runs : bool
        Whether its finished runs are deleted too.
    store : Path, optional

    Raises
    ------
    EquipoiseError
        If it is at work, or a run cannot be deleted.
    """
    store = store or runs.user_store()
    if is_held(job_folder(job.id, store) / LOCK):
        raise EquipoiseError(
            gettext("The job on '{study}' is at work.", study=job.study.name),
            expected=gettext("a job that is over, or stopped."),
            remedy=gettext("stop it first, and wait until it has ended."),
        )
    with open_queue(store) as queue:
        others = [each for each in _jobs(queue) if each.id != job.id]
        # First it is forgotten: a worker that finds it in the queue does nothing then.
        for record in ("job", "stop", "state"):
            queue.remove(f"{record}:{job.id}")
    needed = {pair for other in others for pair in places_of(other, store)}
    for place in places_of(job, store).keys() - needed:
        shutil.rmtree(runs.partial_folder(place), ignore_errors=True)
        if with_runs and place.is_dir():
            runs.remove_run(runs.read_run(place))
    shutil.rmtree(job_folder(job.id, store), ignore_errors=True)


def list_jobs(store: Path | None = None) -> tuple[JobStatus, ...]:
    """All jobs with what became of them: at work, waiting in order, over by time.

    Raises
    ------
    EquipoiseError
        If the queue cannot be read.
    """
    store = store or runs.user_store()
    if not (store / DATABASE).is_file():
        return ()
    with open_queue(store) as queue:
        records, order = queue.records(), queue.enqueued()
        found = [_status(job, records, store) for job in _jobs(queue)]
    waiting = [each.job.id for each in found if each.state == "waiting"]
    waiting.sort(key=lambda id_: order.index(id_) if id_ in order else -1)
    placed = [
        replace(each, position=waiting.index(each.job.id) + 1)
        if each.state == "waiting"
        else each
        for each in sorted(found, key=lambda each: each.job.id, reverse=True)
    ]
    # The sort keeps the order of those that are over.
    return tuple(
        sorted(placed, key=lambda each: (_RANKS.get(each.state, 2), each.position))
    )


def _jobs(queue: JobQueue) -> list[Job]:
    found = []
    for key, value in queue.records().items():
        if key.startswith("job:"):
            try:
                found.append(Job.from_json(value))
            except (ValueError, TypeError, KeyError):
                # Of a later version, which alone knows it.
                continue
    return found


def _status(job: Job, records: Mapping[str, bytes], store: Path) -> JobStatus:
    def record(name: str) -> dict[str, Any]:
        text = records.get(f"{name}:{job.id}")
        return {} if text is None else json.loads(text)

    said = record("state")
    times = {"started": said.get("started", ""), "ended": said.get("ended", "")}
    if said.get("state") in ("finished", "failed"):
        parts = said.get("fault") or ("", "", "")
        problem, expected, remedy = map(say_again, parts)
        fault = problem, expected, remedy
        return JobStatus(job, said["state"], **times, fault=fault)
    at_work = is_held(job_folder(job.id, store) / LOCK)
    if record("stop"):
        return JobStatus(job, "stopping" if at_work else "stopped", **times)
    return JobStatus(job, "running" if at_work else "waiting", **times)


def find_job(job: str, queue: JobQueue) -> Job | None:
    """The job of an id; None if it was deleted."""
    found = queue.huey.storage.peek_data(f"job:{job}")
    return Job.from_json(bytes(found)) if isinstance(found, bytes) else None


def is_stopped(job: str, queue: JobQueue) -> bool:
    """Whether somebody has asked to stop a job."""
    return bool(queue.get(f"stop:{job}"))


def outcome(job: str, queue: JobQueue) -> dict[str, Any]:
    """What its process has written of a job: its state, times and fault."""
    return queue.get(f"state:{job}")


def begin(job: str, queue: JobQueue) -> None:
    """Write that a job is begun."""
    before = outcome(job, queue)
    started = before.get("started") or _now()
    queue.put(f"state:{job}", {"state": "running", "started": started})


def end(
    job: str,
    queue: JobQueue,
    fault: Sequence[object] = (),
) -> None:
    """Write that a job is finished, or has failed with a ``fault_record``."""
    said = {**outcome(job, queue), "state": "finished", "ended": _now()}
    if fault:
        said |= {"state": "failed", "fault": list(fault)}
    queue.put(f"state:{job}", said)


def unfinished(queue: JobQueue) -> tuple[str, ...]:
    """Ids of the jobs that are to be run and are not over, the oldest first."""
    ids = sorted(job.id for job in _jobs(queue))
    return tuple(
        job
        for job in ids
        if outcome(job, queue).get("state") not in ("finished", "failed")
        and not is_stopped(job, queue)
    )


def slots(queue: JobQueue) -> int:
    """How many jobs run at once: 1 unless somebody has set it."""
    return min(MOST_AT_ONCE, max(1, int(queue.get(_SLOTS).get("count", 1))))


def read_slots(store: Path | None = None) -> int:
    """How many jobs run at once, of a store that need not have a queue yet."""
    store = store or runs.user_store()
    if not (store / DATABASE).is_file():
        return 1
    with open_queue(store) as queue:
        return slots(queue)


def set_slots(count: int, store: Path | None = None) -> None:
    """Set how many jobs run at once; those at work are not touched."""
    with open_queue(store) as queue:
        queue.put(_SLOTS, {"count": count})


def job_folder(job: str, store: Path) -> Path:
    """The folder of a job: its lock, its log, and what it is doing now."""
    return store / FOLDER / job


def places_of(job: Job, store: Path) -> dict[Path, tuple[str, int]]:
    """Method and seed of each run that a training makes, by its folder."""
    return {
        store / job.study.name / method / f"seed-{seed}": (method, seed)
        for method, seed in job.pairs
    }


def progress_of(job: Job, store: Path | None = None) -> tuple[RunProgress, ...]:
    """How far each run of a training is, as their folders say."""
    store = store or runs.user_store()
    return tuple(
        run_progress(place, method, seed)
        for place, (method, seed) in places_of(job, store).items()
    )


@dataclass(frozen=True)
class Now:
    """What a job is doing now: "Preparing images", 300 of 1500."""

    what: str = ""
    done: int = 0
    total: int = 0


def doing_now(job: str, store: Path | None = None) -> Now:
    """What a job is doing now; empty where nothing is known."""
    place = job_folder(job, store or runs.user_store()) / NOW
    try:
        return Now(**json.loads(place.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Now()


def log_of(job: str, store: Path | None = None, *, lines: int = 200) -> str:
    """The last lines of a job's log; empty where there is none."""
    place = job_folder(job, store or runs.user_store()) / LOG
    try:
        with place.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 400 * lines))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def give_way() -> None:
    """Let the server and other programs have the processor first: pages answer."""
    if sys.platform != "win32":
        with suppress(OSError):
            lower = max(_NICE, os.getpriority(os.PRIO_PROCESS, 0))
            os.setpriority(os.PRIO_PROCESS, 0, lower)


def seconds_left(parts: Sequence[RunProgress]) -> float | None:
    """Seconds until the runs of a job are finished; None until one can be measured.

    A run that is not begun is taken to last as long as those that are.
    """
    lives = [part.live for part in parts if part.live is not None]
    lengths = [_length(each) for each in lives if each.epoch_s is not None]
    lengths += [
        float(part.run.info["duration_s"])
        for part in parts
        if part.run is not None and part.run.info.get("duration_s")
    ]
    if not lengths:
        return None
    usual = sum(lengths) / len(lengths)
    return sum((1.0 - part.share) * usual for part in parts)


def _length(live: Live) -> float:
    return live.epochs * (live.epoch_s or 0.0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
