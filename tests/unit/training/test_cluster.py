"""A study on a real Ray cluster of two nodes, one of which is lost in the middle."""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core import runs
from core.cli import app
from core.errors import RunError
from core.study import load_study
from core.study_toml import study_toml
from core.training.cluster import (
    Cluster,
    RunTask,
    Tell,
    _Jobs,
    run_tasks,
    train_on_cluster,
)
from core.training.jobs import Listener, train_study
from tests.tiny import tiny_study

METHODS = ("baseline", "ins")
EPOCHS = 4
# Of two trainings of the same run, even on one machine, these differ: a model's file
# holds when it was written.
MEASURED = (
    "training_seconds",
    "training_seconds_per_million",
    "images_per_second",
    "inference_ms",
    "size_mb",
)


def task(method: str, seed: int) -> RunTask:
    is_late = method.startswith("late")
    return RunTask(
        tiny_study(), method, seed, None, "runs", False, False, {}, is_late=is_late
    )


def test_a_method_that_takes_over_a_run_waits_for_the_others_of_its_seed() -> None:
    asked = [task("late", 0), task("later", 0), task("first", 0), task("late", 1)]
    jobs = _Jobs(asked)
    assert [each.name for each in jobs.take_ready()] == [
        "first, seed 0",
        "late, seed 1",
    ]
    jobs.running = {"a": asked[2]}
    assert jobs.take_ready() == []
    jobs.running = {}
    assert jobs.take_ready() == asked[:1]
    assert jobs.take_ready() == asked[1:2]
    assert jobs.waiting == []


@pytest.mark.parametrize("command", ["train", "tune"])
def test_options_of_a_cluster_need_one(command: str) -> None:
    result = CliRunner().invoke(app, [command, "avatars", "--gpus", "1"])
    assert result.exit_code == 2
    assert "--gpus would change nothing here" in result.stderr


def test_a_search_on_a_cluster_needs_a_database_that_all_reach() -> None:
    result = CliRunner().invoke(app, ["tune", "avatars", "--cluster", "auto"])
    assert result.exit_code == 2
    assert "--storage URL" in result.stderr


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(root / "cache"))
        patch.setenv(runs.STORE_VARIABLE, str(root / "runs"))
        patch.setattr(runs, "shipped_store", lambda: root / "shipped")
        # Ray's workers would let every other test have the processor first.
        patch.setenv("RAY_worker_niceness", "0")
        yield root


@pytest.fixture(scope="module")
def nodes(root: Path) -> Iterator[Any]:
    """Two nodes of one core each."""
    from ray.cluster_utils import Cluster as LocalCluster

    nodes = LocalCluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False},
    )
    try:
        nodes.add_node(num_cpus=1)
        yield nodes
    finally:
        nodes.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_runs_are_at_work_at_once_on_all_nodes(nodes: Any, tmp_path: Path) -> None:
    count, limit_s = 4, 120.0

    def meet(task: RunTask, tell: Tell) -> None:
        """Wait for the others, which a run after another would do in vain."""
        import ray

        (tmp_path / task.name).touch()
        end = time.monotonic() + limit_s
        while len(list(tmp_path.iterdir())) < count:
            if time.monotonic() > end:
                raise RunError("alone.", expected="others.", remedy="wait.")
            time.sleep(0.1)
        tell("noted", ray.get_runtime_context().get_node_id())

    where: list[str] = []
    run_tasks(
        [task("baseline", seed) for seed in range(count)],
        meet,
        cluster=Cluster(nodes.address, cpus=0.5),
        listener=Listener(noted=where.append),
    )
    assert sorted(Counter(where).values()) == [2, 2]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_the_trials_of_a_search_are_made_on_the_cluster(
    nodes: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training.tuning import MethodSearch

    def refuse(*given: object) -> None:
        raise AssertionError("A trial was made by the command itself.")

    monkeypatch.setattr(MethodSearch, "_run_one", refuse)
    study, tuned = root / "tiny.toml", root / "tiny-tuned.toml"
    study.write_text(study_toml(tiny_study(epochs=1)))
    options = {
        "--cluster": nodes.address,
        "--storage": f"sqlite:///{root / 'trials.sqlite'}",
        "--method": "baseline",
        "--trials": "2",
        "--out": str(tuned),
    }
    given = [word for option in options.items() for word in option]
    result = CliRunner().invoke(app, ["tune", str(study), *given])
    assert result.exit_code == 0, result.stderr
    tried = load_study(tuned).search.trials
    assert [each.method for each in tried] == ["baseline"] * 2
    assert [each.own for each in tried].count(True) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_every_run_finishes_once_though_a_node_is_lost(
    nodes: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tiny_study()
    local, shared, held = root / "local", root / "shared", root / "held"
    (lost,) = nodes.worker_nodes
    lost_id = lost.node_id
    said: list[str] = []
    epochs: list[tuple[str, int]] = []

    def train_until_lost(task: RunTask, tell: Tell) -> None:
        """Train; on the machine that is to be lost, wait for it in the second epoch."""
        import ray

        from core.training import cluster

        is_lost = ray.get_runtime_context().get_node_id() == lost_id

        def hold(name: str, *values: Any) -> None:
            if name != "epoch_done" or not is_lost or values[2] < 2:
                tell(name, *values)
                return
            held.write_text(task.method)
            tell(name, *values)
            time.sleep(600)

        cluster.train_task(task, hold)  # unpatched there

    def epoch_done(
        method: str, seed: int, epoch: int, values: Mapping[str, float]
    ) -> None:
        epochs.append((method, epoch))
        if epoch == 2 and held.is_file() and held.read_text() == method:
            held.rename(held.with_suffix(".lost"))
            nodes.remove_node(lost, allow_graceful=False)

    monkeypatch.setattr("core.training.cluster.train_task", train_until_lost)
    trained = train_on_cluster(
        study,
        cluster=Cluster(nodes.address),
        methods=METHODS,
        epochs=EPOCHS,
        out=shared,
        listener=Listener(epoch_done=epoch_done, noted=said.append),
    )
    with pytest.raises(RunError, match="No machine of the cluster has") as fault:
        train_on_cluster(study, cluster=Cluster(nodes.address, gpus=8), out=shared)
    assert "--gpus" in fault.value.remedy
    assert [(run.method, run.seed) for run in trained] == [(m, 0) for m in METHODS]
    assert [each for each in said if "its machine is lost" in each] == said
    assert len(said) == 1
    # The run whose machine was lost goes on from its last saved epoch.
    again = held.with_suffix(".lost").read_text()
    every = [(method, 1 + epoch) for method in METHODS for epoch in range(EPOCHS)]
    assert sorted(epochs) == sorted([*every, (again, 2)])
    assert not [*shared.rglob(".*partial*")]
    train_study(study, methods=METHODS, epochs=EPOCHS, out=local)
    assert compare(local, monkeypatch) == compare(shared, monkeypatch)


def compare(store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(runs.STORE_VARIABLE, str(store))
    result = CliRunner().invoke(app, ["compare", "tiny", "--json"])
    assert result.exit_code == 0, result.stderr
    measured = "|".join(MEASURED)
    text, count = re.subn(rf'"({measured})": [0-9.e+-]+', r'"\1": 0', result.stdout)
    assert count == len(MEASURED) * len(METHODS)
    return text
