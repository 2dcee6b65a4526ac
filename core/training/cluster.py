"""Train a study on a Ray cluster: its methods and seeds side by side, as tasks.

Each task is ``train_study`` for one run. The store decides which runs are finished, so
no run is trained twice. Ray is imported only here, when a cluster is asked for.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core import runs
from core.errors import EquipoiseError, RunError
from core.methods.registry import resolve_method
from core.remote_store import WRITER_VARIABLE, refresh
from core.runs import Run
from core.stores import STORE_VARIABLE, location_of, store_at
from core.study import Study
from core.training.jobs import Listener, train_study, with_epochs
from core.training.run_locks import RunHeldError

ATTEMPTS = 4
"""How often a run is begun whose machine is lost."""
# A lost machine's process may hold its lock a little longer than the cluster waits.
HELD_S = 60.0
LOOK_AGAIN_S = 0.2
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
Pair = tuple[str, int]
Event = tuple[str, tuple[Any, ...]]
Train = Callable[["Task", Listener], None]


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


@dataclass(frozen=True)
class Task:
    """One run, as a machine of the cluster is told to train it."""

    study: Study
    method: str
    seed: int
    data: Path | None
    store: str
    resume: bool
    replace: bool
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        """Method and seed, such as "lmf, seed 0"."""
        return f"{self.method}, seed {self.seed}"


@dataclass
class _Jobs:
    """What runs, what waits, and what has failed."""

    waiting: list[Task]
    late: frozenset[str]
    running: dict[Any, Task] = field(default_factory=dict)
    attempts: dict[Pair, int] = field(default_factory=dict)
    failed: dict[str, EquipoiseError] = field(default_factory=dict)

    def take_ready(self) -> list[Task]:
        """Take what may start: late methods alone, after the others of their seed."""
        busy = {task.seed for task in self.running.values()}
        busy |= {task.seed for task in self.waiting if task.method not in self.late}
        ready = []
        for task in self.waiting:
            if task.method not in self.late:
                ready.append(task)
            elif task.seed not in busy:
                busy.add(task.seed)
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
    environment = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    environment[STORE_VARIABLE] = location_of(runs.user_store())
    environment[WRITER_VARIABLE] = uuid.uuid4().hex
    tasks = [
        Task(
            shortened,
            method,
            seed,
            None if data is None else data.resolve(),
            location_of(store),
            resume,
            replace,
            environment,
        )
        for method, seed in dict.fromkeys(
            (name, seed)
            for name in methods or study.methods
            for seed in seeds or study.seeds_of(name)
        )
    ]
    run_tasks(tasks, train_task, cluster=cluster, listener=listener)
    refresh(store)
    return tuple(
        runs.read_run(store / study.name / task.method / f"seed-{task.seed}")
        for task in tasks
    )


def run_tasks(
    tasks: Sequence[Task], train: Train, *, cluster: Cluster, listener: Listener
) -> None:
    """Run tasks on a cluster until all have ended.

    Parameters
    ----------
    tasks : sequence of Task
    train : callable
        ``(task, listener)``: trains one run, on the machine that has its task.
    cluster : Cluster
    listener : Listener

    Raises
    ------
    EquipoiseError
        If there is no such cluster, or a run fails. The others are trained first.
    """
    with _connected(cluster) as ray:
        _check_room(ray, cluster)
        _run_all(ray, cluster, tasks, train, listener)


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
    ray: Any, cluster: Cluster, tasks: Sequence[Task], train: Train, listener: Listener
) -> None:
    """Run all tasks to their ends; or cancel them, if the person stops the command."""
    channel = _open_channel(ray)
    # What GPU memory TensorFlow has taken, it gives back only with its process.
    ends_after = {"max_calls": 1} if cluster.gpus else {}
    run = ray.remote(
        num_cpus=cluster.cpus, num_gpus=cluster.gpus, max_retries=0, **ends_after
    )(_run_task)
    jobs = _Jobs(waiting=[*tasks], late=_late_methods(tasks))
    total = len(tasks)

    def start() -> None:
        for task in jobs.take_ready():
            jobs.running[run.remote(task, train, channel)] = task

    try:
        listener.progress("Runs", 0, total)
        start()
        while jobs.running:
            ended, _ = ray.wait([*jobs.running], timeout=LOOK_AGAIN_S)
            _tell(ray, channel, listener)
            for reference in ended:
                _take_result(ray, jobs, reference, listener)
            start()
            if ended:
                done = total - len(jobs.running) - len(jobs.waiting)
                listener.progress("Runs", done, total)
        _tell(ray, channel, listener)
    except BaseException:
        _cancel(ray, [*jobs.running])
        raise
    _raise_failed(jobs.failed, total)


def _late_methods(tasks: Iterable[Task]) -> frozenset[str]:
    """Methods that take over another's finished run, and so come after it."""
    from core.data.catalog import dataset_of

    late = set()
    for method, study in {task.method: task.study for task in tasks}.items():
        info = dataset_of(study, lambda _: None)
        found = resolve_method(study, method, info.tasks, info.sensitive_features)
        if found.acts_afterwards:
            late.add(method)
    return frozenset(late)


def _take_result(ray: Any, jobs: _Jobs, reference: Any, listener: Listener) -> None:
    """Note how a task ended; begin it again if its machine is lost."""
    task = jobs.running.pop(reference)
    pair = (task.method, task.seed)
    try:
        fault = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause or error from None
    except ray.exceptions.RayError as error:
        attempts = jobs.attempts[pair] = jobs.attempts.get(pair, 1) + 1
        if attempts <= ATTEMPTS:
            listener.noted(f"{task.name}: its machine is lost; it is begun again.")
            jobs.waiting.append(replace(task, resume=True))
            return
        fault = RunError(
            f"The machine of the run '{task.name}' was lost {ATTEMPTS} times "
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


def _run_task(task: Task, train: Train, channel: Any) -> EquipoiseError | None:
    """Train one run on a machine of the cluster; the fault of the input, if any."""
    os.environ.update(task.environment)
    told = time.monotonic()

    def tell(name: str, *values: object) -> None:
        channel.tell.remote((name, values))

    def progress(what: str, done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if done >= total or now - told >= _REPORT_S:
            told = now
            tell("progress", what, done, total)

    listener = Listener(
        progress=progress,
        epoch_done=lambda method, seed, epoch, values: tell(
            "epoch_done", method, seed, epoch, {k: float(v) for k, v in values.items()}
        ),
        left_out=lambda reason: tell("left_out", reason),
        noted=lambda sentence: tell("noted", sentence),
        taken=lambda method, seed, run: tell("taken", method, seed, run),
        kept=lambda method, seed, run: tell("kept", method, seed, run),
    )
    try:
        train(task, listener)
    except EquipoiseError as error:
        return error
    finally:
        import ray

        with suppress(ray.exceptions.RayError):
            ray.get(channel.arrived.remote(), timeout=CANCEL_S)
    return None


def train_task(task: Task, listener: Listener) -> None:
    """Train the run of a task here, unless the store has it.

    Raises
    ------
    EquipoiseError
        As ``train_study`` does.
    """
    from core.training.engine import load_engine

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
                listener=listener,
                prepare=load_engine,
            )
            return
        except RunHeldError:
            # Only the process of a machine that was lost is waited for.
            if not task.resume or time.monotonic() > deadline:
                raise
            time.sleep(1)
