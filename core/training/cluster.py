"""Train or search a study on a Ray cluster, by tasks side by side.

A task of a training is ``train_study`` for one run. The store decides which runs are
finished, so no run is trained twice. A task of a search is one more worker of it: the
database of the trials decides what is left to try. Ray is imported only here, when a
cluster is asked for.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from core import runs
from core.errors import EquipoiseError, RunError
from core.methods.registry import resolve_method
from core.remote_store import WRITER_VARIABLE, refresh
from core.runs import Run
from core.stores import STORE_VARIABLE, location_of, store_at
from core.study import Study
from core.training.engine import load_engine
from core.training.jobs import Listener, train_study, use_one_thread, with_epochs
from core.training.run_locks import RunHeldError

ATTEMPTS = 4
"""How often a run is begun whose machine is lost."""
# A lost machine's process may hold its lock a little longer than the cluster waits.
HELD_S = 60.0
LOOK_AGAIN_S = 0.5
CANCEL_S = 10.0
# A batch is too short to be told one by one.
_REPORT_S = 0.5
# Read by the training, and so the same on every machine; each has its own cache.
_VARIABLES = (
    STORE_VARIABLE,
    "KERAS_BACKEND",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
Event = tuple[str, tuple[Any, ...]]
L = TypeVar("L", bound=Listener)


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster, and what a run asks of it.

    Parameters
    ----------
    address : str
        Such as ``ray-head:6379``, ``ray://ray-head:10001``, or ``auto`` for the cluster
        that this machine belongs to.
    cpus, gpus : float
        Cores and GPUs that are kept for each run; a part of a GPU may be shared.
    """

    address: str
    cpus: float = 1.0
    gpus: float = 0.0


class Tell(Protocol):
    """Tells the command what a task has to say: a field of a listener, and values."""

    def __call__(self, name: str, *values: Any) -> None:
        """Tell it."""


class Task(Protocol):
    """What a machine of the cluster is told to do."""

    @property
    def name(self) -> str:
        """How a person knows it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that its process has."""

    @property
    def lane(self) -> int:
        """Tasks of a lane, of which late ones wait for the others."""

    @property
    def is_late(self) -> bool:
        """Whether it starts alone, after the others of its lane."""

    def again(self) -> Self:
        """The task as it is begun once more."""


@dataclass(frozen=True)
class RunTask:
    """One run, as a machine of the cluster is told to train it.

    It is late if its method takes over another's finished run of the same seed.
    """

    study: Study
    method: str
    seed: int
    data: Path | None
    store: str
    resume: bool
    replace: bool
    environment: Mapping[str, str]
    is_late: bool = False

    @property
    def name(self) -> str:
        """Method and seed, such as "lmf, seed 0"."""
        return f"{self.method}, seed {self.seed}"

    @property
    def lane(self) -> int:
        """Its seed."""
        return self.seed

    def again(self) -> RunTask:
        """The run, from its last finished epoch."""
        return replace(self, resume=True)


@dataclass(frozen=True)
class SearchTask:
    """One worker of a search, as a machine of the cluster is told to be it."""

    study: Study
    number: int
    methods: tuple[str, ...]
    trials: int
    data: Path | None
    storage: str
    environment: Mapping[str, str]
    lane: int = 0
    is_late: bool = False

    @property
    def name(self) -> str:
        """Such as "worker 1 of the search"."""
        return f"worker {self.number} of the search"

    def again(self) -> SearchTask:
        """The same: the database has what was finished."""
        return self


Work = Callable[[Any, Tell], None]


@dataclass
class _Jobs:
    """What runs, what waits, and what has failed."""

    waiting: list[Task]
    running: dict[Any, Task] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    failed: dict[str, EquipoiseError] = field(default_factory=dict)

    def take_ready(self) -> list[Task]:
        """Take what may start: late tasks alone, after the others of their lane."""
        busy = {task.lane for task in self.running.values()}
        busy |= {task.lane for task in self.waiting if not task.is_late}
        ready = []
        for task in self.waiting:
            if not task.is_late:
                ready.append(task)
            elif task.lane not in busy:
                busy.add(task.lane)
                ready.append(task)
        self.waiting = [task for task in self.waiting if task not in ready]
        return ready


def train_on_cluster(
    study: Study,
    *,
    cluster: Cluster,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
    epochs: int | None = None,
    data: Path | None = None,
    out: Path | None = None,
    resume: bool = False,
    replace: bool = False,
    listener: Listener | None = None,
) -> tuple[Run, ...]:
    """Train the runs of a study on a Ray cluster and write them to a store.

    Parameters
    ----------
    study, methods, seeds, epochs, data, out, resume, replace, listener
        As for ``train_study``. All machines must find the dataset and the store under
        the same path, or the store by its URL.
    cluster : Cluster

    Returns
    -------
    tuple of Run
        The requested runs, trained now or before.

    Raises
    ------
    EquipoiseError
        If there is no such cluster, or a run fails. The others are trained first.

    Notes
    -----
    A run whose machine is lost is begun again on another, from its last finished epoch
    where the store is a shared folder. A method that takes over another's finished run
    comes after the others of its seed, as it does on one machine.
    """
    listener = listener or Listener()
    store = out or runs.user_store()
    shortened = with_epochs(study, epochs)
    environment = {**_environment(), WRITER_VARIABLE: uuid.uuid4().hex}
    chosen = tuple(methods or study.methods)
    late = _late_methods(shortened, chosen)
    tasks = [
        RunTask(
            shortened,
            method,
            seed,
            None if data is None else data.resolve(),
            location_of(store),
            resume,
            replace,
            environment,
            is_late=method in late,
        )
        for method, seed in dict.fromkeys(
            (name, seed) for name in chosen for seed in seeds or study.seeds_of(name)
        )
    ]
    run_tasks(tasks, train_task, cluster=cluster, listener=listener)
    refresh(store)
    return tuple(
        runs.read_run(store / study.name / task.method / f"seed-{task.seed}")
        for task in tasks
    )


def search_on_cluster(
    study: Study,
    *,
    cluster: Cluster,
    methods: Sequence[str],
    trials: int,
    storage: str,
    epochs: int | None = None,
    data: Path | None = None,
    listener: Listener,
) -> None:
    """Search the settings of a study by a worker on every free place of a cluster.

    Parameters
    ----------
    study, methods, trials, epochs, data
        As for ``search_and_write``, which finds all trials finished then. All machines
        must find the dataset under the same path.
    cluster : Cluster
    storage : str
        URL of the database of the trials, which all machines reach.
    listener : SearchListener

    Raises
    ------
    EquipoiseError
        If there is no such cluster, or a worker fails.

    Notes
    -----
    A worker whose machine is lost is begun again on another; what it was trying is
    tried again once it has been silent for a minute.
    """
    environment = _environment()
    with _connected(cluster) as ray:
        _check_room(ray, cluster)
        tasks = [
            SearchTask(
                with_epochs(study, epochs),
                number,
                tuple(methods),
                trials,
                None if data is None else data.resolve(),
                storage,
                environment,
            )
            for number in range(1, 1 + min(trials, _places(ray, cluster)))
        ]
        _run_all(ray, cluster, tasks, search_task, listener, what="Workers")


def _environment() -> dict[str, str]:
    """What the processes of tasks have of the environment of the command."""
    own = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    return {**own, STORE_VARIABLE: location_of(runs.user_store())}


def _places(ray: Any, cluster: Cluster) -> int:
    """How many tasks run at once on a cluster that has nothing else to do."""
    return sum(
        min(
            int(node["Resources"].get(kind, 0) / asked)
            for kind, asked in (("CPU", cluster.cpus), ("GPU", cluster.gpus))
            if asked
        )
        for node in ray.nodes()
        if node["Alive"]
    )


def run_tasks(
    tasks: Sequence[Task], work: Work, *, cluster: Cluster, listener: Listener
) -> None:
    """Run tasks on a cluster until all have ended.

    Parameters
    ----------
    tasks : sequence of Task
    work : callable
        ``(task, tell)``: does what a task says, on the machine that has it.
    cluster : Cluster
    listener : Listener

    Raises
    ------
    EquipoiseError
        If there is no such cluster, or a run fails. The others are trained first.
    """
    with _connected(cluster) as ray:
        _check_room(ray, cluster)
        _run_all(ray, cluster, tasks, work, listener)


@contextmanager
def _connected(cluster: Cluster) -> Iterator[Any]:
    """A connection to a cluster; it ends with the block."""
    ray = _connect(cluster)
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect(cluster: Cluster) -> Any:
    # Nothing is told to others.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise RunError(
            "Training on a cluster needs the package ray.",
            expected="the extra for clusters.",
            remedy="install it on every machine: pip install 'equipoise[cluster]'.",
        ) from None
    try:
        ray.init(
            address=cluster.address,
            log_to_driver=False,
            logging_level="ERROR",
            configure_logging=False,
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise RunError(
            f"No Ray cluster answers at {cluster.address}: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}",
            expected="the address of a running cluster of the same versions of Python "
            "and Ray, such as ray-head:6379, or auto.",
            remedy="start one with `ray start --head`, and join it from every other "
            "machine with `ray start --address=HEAD:6379`.",
        ) from error
    return ray


def _check_room(ray: Any, cluster: Cluster) -> None:
    """Refuse what no machine has: such a task would wait for ever."""
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(
        each.get("CPU", 0) >= cluster.cpus and each.get("GPU", 0) >= cluster.gpus
        for each in alive
    ):
        return
    largest = "; ".join(
        f"{each.get('CPU', 0):g} CPUs and {each.get('GPU', 0):g} GPUs" for each in alive
    )
    asked = f"{cluster.cpus:g} CPUs and {cluster.gpus:g} GPUs"
    raise RunError(
        f"No machine of the cluster has {asked} for a run.",
        expected=f"what a machine has: {largest or 'there is none'}.",
        remedy="ask for less with --cpus and --gpus.",
    )


def _run_all(
    ray: Any,
    cluster: Cluster,
    tasks: Sequence[Task],
    work: Work,
    listener: Listener,
    *,
    what: str = "Runs",
) -> None:
    """Run all tasks to their ends; or cancel them, if the person stops the command."""
    channel = _open_channel(ray)
    # What GPU memory TensorFlow has taken, it gives back only with its process.
    ends_after = {"max_calls": 1} if cluster.gpus else {}
    run = ray.remote(
        num_cpus=cluster.cpus, num_gpus=cluster.gpus, max_retries=0, **ends_after
    )(_run_task)
    jobs = _Jobs(waiting=[*tasks])
    total = len(tasks)

    def start() -> None:
        for task in jobs.take_ready():
            jobs.running[run.remote(task, work, channel)] = task

    try:
        listener.progress(what, 0, total)
        start()
        while jobs.running:
            ended, _ = ray.wait([*jobs.running], timeout=LOOK_AGAIN_S)
            _tell(ray, channel, listener)
            for reference in ended:
                _take_result(ray, jobs, reference, listener)
            start()
            if ended:
                done = total - len(jobs.running) - len(jobs.waiting)
                listener.progress(what, done, total)
        _tell(ray, channel, listener)
    except BaseException:
        _cancel(ray, [*jobs.running])
        raise
    _raise_failed(jobs.failed, total)


def _late_methods(study: Study, methods: Sequence[str]) -> set[str]:
    """Methods that take over another's finished run, and so come after it."""
    from core.data.catalog import dataset_of

    info = dataset_of(study, lambda _: None)
    return {
        name
        for name in methods
        if resolve_method(
            study, name, info.tasks, info.sensitive_features
        ).acts_afterwards
    }


def _take_result(ray: Any, jobs: _Jobs, reference: Any, listener: Listener) -> None:
    """Note how a task ended; begin it again if its machine is lost."""
    task = jobs.running.pop(reference)
    try:
        fault = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause or error from None
    except ray.exceptions.RayError as error:
        attempts = jobs.attempts[task.name] = jobs.attempts.get(task.name, 1) + 1
        if attempts <= ATTEMPTS:
            listener.noted(f"{task.name}: its machine is lost; it is begun again.")
            jobs.waiting.append(task.again())
            return
        fault = RunError(
            f"The machine of '{task.name}' was lost {ATTEMPTS} times "
            f"({type(error).__name__}).",
            expected="a machine with enough memory that stays.",
            remedy="look at the log of the cluster (ray logs), then run the same "
            "command with --resume.",
        )
    if fault is not None:
        jobs.failed[task.name] = fault
        listener.noted(f"{task.name}: {fault}")


def _raise_failed(failed: Mapping[str, EquipoiseError], total: int) -> None:
    """Raise the fault of a run that failed; of several, the first, with their names."""
    if not failed:
        return
    name, fault = next(iter(failed.items()))
    if total == 1:
        raise fault
    others = ", ".join(failed)
    raise RunError(
        f"{len(failed)} of {total} runs failed: {others}. {name}: {fault.problem}",
        expected=fault.expected,
        remedy=fault.remedy,
    ) from fault


def _cancel(ray: Any, references: Sequence[Any]) -> None:
    """Stop the tasks: first as Ctrl-C does, then by force."""
    if not references:
        return
    for reference in references:
        ray.cancel(reference, force=False)
    _, left = ray.wait([*references], num_returns=len(references), timeout=CANCEL_S)
    for reference in left:
        ray.cancel(reference, force=True)


def _open_channel(ray: Any) -> Any:
    """An actor beside the command that keeps what tasks tell until it is asked."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # Made here, the class is sent as it is: its process need not import this module.
    class Channel:
        def __init__(self) -> None:
            self.events: list[Event] = []

        def tell(self, event: Event) -> None:
            self.events.append(event)

        def arrived(self) -> None:
            """Answer when all has arrived that the same task told before."""

        def take(self) -> list[Event]:
            events, self.events = self.events, []
            return events

    here = ray.get_runtime_context().get_node_id()
    beside = NodeAffinitySchedulingStrategy(here, soft=False)
    return (
        ray.remote(Channel)
        .options(num_cpus=0, max_restarts=-1, scheduling_strategy=beside)
        .remote()
    )


def _tell(ray: Any, channel: Any, listener: Listener) -> None:
    """Tell the listener what the tasks have told."""
    try:
        events = ray.get(channel.take.remote(), timeout=CANCEL_S)
    except ray.exceptions.RayError:  # its machine is lost: only words are
        return
    for name, values in events:
        getattr(listener, name)(*values)


def _run_task(task: Task, work: Work, channel: Any) -> EquipoiseError | None:
    """Do what a task says on a machine of the cluster; the fault of the input."""
    os.environ.update(task.environment)
    told = time.monotonic()

    def tell(name: str, *values: Any) -> None:
        nonlocal told
        if name == "progress":
            _, done, total = values
            now = time.monotonic()
            if done < total and now - told < _REPORT_S:
                return
            told = now
        channel.tell.remote((name, values))

    try:
        work(task, tell)
    except EquipoiseError as error:
        return error
    finally:
        import ray

        with suppress(ray.exceptions.RayError):
            ray.get(channel.arrived.remote(), timeout=CANCEL_S)
    return None


def telling(kind: type[L], tell: Tell) -> L:
    """A listener that tells all that it hears."""
    return kind(**{each.name: partial(tell, each.name) for each in fields(kind)})


def train_task(task: RunTask, tell: Tell) -> None:
    """Train the run of a task here, unless the store has it.

    Raises
    ------
    EquipoiseError
        As ``train_study`` does.
    """
    deadline = time.monotonic() + HELD_S
    while True:
        try:
            train_study(
                task.study,
                methods=[task.method],
                seeds=[task.seed],
                data=task.data,
                out=store_at(task.store),
                resume=task.resume,
                replace=task.replace,
                listener=telling(Listener, tell),
                prepare=load_engine,
            )
            return
        except RunHeldError:
            # Only the process of a machine that was lost is waited for.
            if not task.resume or time.monotonic() > deadline:
                raise
            time.sleep(1)


def search_task(task: SearchTask, tell: Tell) -> None:
    """Try settings here until the search has as many trials as it is to have.

    Raises
    ------
    EquipoiseError
        As ``search`` does.
    """
    use_one_thread()
    load_engine()
    from core.training.trial_storage import open_storage
    from core.training.tuning import SearchListener, prepare_search, search

    listener = telling(SearchListener, tell)
    storage = open_storage(task.storage)
    searched = prepare_search(task.study, storage, data=task.data, listener=listener)
    search(searched, task.methods, task.trials, listener)
