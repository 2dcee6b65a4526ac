"""A study on a real Ray cluster of two nodes, one of which is lost in the middle."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core import runs
from core.cli import app
from core.errors import RunError
from core.training.cluster import Cluster, Task, _Jobs, train_on_cluster
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


def task(method: str, seed: int) -> Task:
    return Task(tiny_study(), method, seed, None, "runs", False, False, {})


def test_a_method_that_takes_over_a_run_waits_for_the_others_of_its_seed() -> None:
    asked = [task("late", 0), task("later", 0), task("first", 0), task("late", 1)]
    jobs = _Jobs(asked, frozenset({"late", "later"}))
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


def test_options_of_a_cluster_need_one() -> None:
    result = CliRunner().invoke(app, ["train", "avatars", "--gpus", "1"])
    assert result.exit_code == 2
    assert "--gpus would change nothing here" in result.stderr


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(root / "cache"))
        patch.setenv(runs.STORE_VARIABLE, str(root / "runs"))
        patch.setattr(runs, "shipped_store", lambda: root / "shipped")
        yield root


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_every_run_finishes_once_though_a_node_is_lost(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    from ray.cluster_utils import Cluster as LocalCluster

    study = tiny_study()
    local, shared = root / "local", root / "shared"
    nodes = LocalCluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False},
    )
    lost = nodes.add_node(num_cpus=1)
    said: list[str] = []
    epochs: list[tuple[str, int]] = []

    def epoch_done(
        method: str, seed: int, epoch: int, values: Mapping[str, float]
    ) -> None:
        if not epochs:
            nodes.remove_node(lost, allow_graceful=False)
        epochs.append((method, epoch))

    try:
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
    finally:
        nodes.shutdown()
    assert [(run.method, run.seed) for run in trained] == [(m, 0) for m in METHODS]
    assert [each for each in said if "its machine is lost" in each] == said
    assert len(said) == 1
    assert sorted(each for each in epochs if each[1] == EPOCHS) == [
        (method, EPOCHS) for method in METHODS
    ]
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
