"""Training on a Ray cluster: what it adds to a run, and how runs spread over nodes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.study_toml import study_toml
from core.training.cluster import Cluster, RunTask, Tell, run_tasks
from core.training.jobs import Listener
from tests.tiny import tiny_study

METHODS = ("baseline", "ins")
MINUTE_S = 60.0
SLEEP_S = 12.0
SLEEPERS, NODES, SLOTS = 8, 2, 4


@contextmanager
def nodes(count: int, slots: int) -> Iterator[Cluster]:
    """A Ray cluster on this machine, of nodes with so many slots each."""
    from ray.cluster_utils import Cluster as LocalCluster

    # Unless told so, Ray's workers let other work have the processor first.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - so Ray spells it
    local = LocalCluster(
        initialize_head=True,
        head_node_args={"num_cpus": slots, "include_dashboard": False},
    )
    try:
        for _ in range(count - 1):
            local.add_node(num_cpus=slots)
        yield Cluster(local.address)
    finally:
        local.shutdown()


def measure_overhead() -> tuple[float, str]:
    """Wall time of runs of a minute on one slot, against the plain loop.

    The seconds that the cluster adds do not grow with a run: they are measured on short
    ones, by the command itself. The pixels are cached and the cluster has come to rest
    before either begins.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EQUIPOISE_CACHE"] = f"{folder}/cache"
        os.environ["EQUIPOISE_RUNS"] = f"{folder}/runs"
        study = Path(folder, "tiny.toml")
        study.write_text(study_toml(tiny_study()))
        train_by_command(study, "warm")
        with nodes(1, 1) as cluster:
            train_by_command(study, "rest", "--cluster", cluster.address)
            there_s = train_by_command(study, "there", "--cluster", cluster.address)
        here_s = train_by_command(study, "here")
    added_s = (there_s - here_s) / len(METHODS)
    said = f"{len(METHODS)} short runs: {there_s:.1f} s against {here_s:.1f} s"
    return 1 + added_s / MINUTE_S, f"{said}; {added_s:.1f} s more for each"


def train_by_command(study: Path, out: str, *options: str) -> float:
    """Seconds of ``equipoise train`` with two methods, into a store of its own."""
    words = [word for method in METHODS for word in ("--method", method)]
    store = str(study.with_name(out))
    began = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "core.cli", "train", str(study)),
            *(*words, "--out", store, *options),
        ],
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def sleep(task: RunTask, tell: Tell) -> None:
    """Take as long as a run, and no core."""
    time.sleep(SLEEP_S)
    tell("epoch_done", task.method, task.seed, 1, {})


def measure_spread() -> tuple[float, str]:
    """Wall time of sleeping runs on two nodes, against one after the other."""
    ended: list[int] = []
    listener = Listener(epoch_done=lambda method, seed, *_: ended.append(seed))
    tasks = [
        RunTask(tiny_study(), "baseline", seed, None, "", False, False, {})
        for seed in range(SLEEPERS)
    ]
    with nodes(NODES, SLOTS) as cluster:
        began = time.perf_counter()
        run_tasks(tasks, sleep, cluster=cluster, listener=listener)
        taken_s = time.perf_counter() - began
    if sorted(ended) != [*range(SLEEPERS)]:
        raise RuntimeError(f"Not every run ended once: {ended}.")
    serial_s = SLEEPERS * SLEEP_S
    return taken_s / serial_s, f"{taken_s:.1f} s in place of {serial_s:.0f} s"


ROWS = [
    (
        "two runs of a minute as tasks on one slot of a Ray cluster, against the loop",
        "at most 1.10 x",
        measure_overhead,
    ),
    (
        f"{SLEEPERS} sleeping runs on {NODES} nodes of {SLOTS} slots, against one by "
        "one",
        "at most 0.30 x",
        measure_spread,
    ),
]
