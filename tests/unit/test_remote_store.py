"""Stores behind a URL: two machines that share one, and a server that speaks S3."""

import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fsspec.registry import _registry

from core import remote_store, runs
from core.errors import RunError
from core.runs import MODEL, PREDICTIONS, RECORD, Run
from core.stores import CACHE_VARIABLE, location_of, store_at
from tests.synthetic import synthetic_manifest, synthetic_study
from tests.synthetic import write_run as write_synthetic

STUDY = synthetic_study(methods=("baseline",), seeds=(0, 1))
NAME = f"{STUDY.name}/baseline/seed-0"
Machine = Callable[[str], Path]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Run:
    store = tmp_path_factory.mktemp("source")
    return runs.read_run(write_synthetic(store, STUDY, "baseline", 0, rows=40))


@pytest.fixture
def url() -> str:
    return f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def machine(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    """The store as one of several machines sees it right now."""

    def see(name: str, place: str = url) -> Path:
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / name))
        monkeypatch.setenv(remote_store.WRITER_VARIABLE, name)
        store = store_at(place)
        remote_store.refresh(store)
        return store

    before = {*remote_store._OPEN}
    yield see
    for folder in {*remote_store._OPEN} - before:
        del remote_store._OPEN[folder]


def write(store: Path, source: Run, **changes: object) -> Run:
    info = {**source.info, **changes}
    return runs.write_run(
        store,
        info=info,
        history=source.history(),
        predictions=source.predictions(),
        save_model=lambda path: path.write_bytes(b"model"),
    )


def seen(store: Path) -> list[tuple[str, int]]:
    return [(run.method, run.seed) for run in runs.list_runs(within=[store]).runs]


def test_a_run_and_its_study_reach_another_machine_whole(
    machine: Machine, source: Run
) -> None:
    here = machine("here")
    runs.write_study_files(here, STUDY, synthetic_manifest(rows=40), {"images": 40})
    written = write(here, source)
    there = machine("there")
    assert there != here
    (run,) = runs.list_runs(within=[there]).runs
    assert run.info == written.info
    assert run.predictions().equals(written.predictions())
    assert run.model_path.read_bytes() == b"model"
    assert runs.study_of_runs(STUDY.name, within=[there]) == STUDY
    runs.remove_run(written)
    assert seen(machine("there")) == []
    assert not run.folder.exists()


def test_what_is_known_is_not_brought_again(
    machine: Machine, source: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = machine("here")
    write(here, source)
    brought: list[str] = []
    own = remote_store._Remote._bring

    def count(remote: object, name: str, versions: dict[str, str]) -> bool:
        brought.append(name)
        return own(remote, name, versions)

    monkeypatch.setattr(remote_store._Remote, "_bring", count)
    machine("here")
    assert brought == []
    machine("there")
    machine("there")
    assert brought == [NAME]
    write(here, source, created="later")
    machine("there")
    assert brought == [NAME, NAME]


def test_a_run_that_another_machine_finished_meanwhile_is_not_replaced(
    machine: Machine, source: Run
) -> None:
    here = machine("here")
    remote_store.expect(here / NAME)
    first = write(machine("there"), source, created="first")
    machine("here")  # the other's run has come down while this one trained
    with pytest.raises(RunError, match="Another machine has finished"):
        write(here, source, created="second")
    assert runs.read_run(here / NAME).info == first.info
    remote_store.expect(here / NAME)  # as for --replace
    write(here, source, created="third")
    assert runs.read_run(machine("there") / NAME).info["created"] == "third"


def test_a_run_that_another_machine_brings_up_is_left_to_it(
    machine: Machine, source: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = machine("there")
    remote, _ = remote_store._remote_of(store / NAME)
    stopped = pytest.MonkeyPatch()
    stopped.setattr(remote, "_put", lambda *paths: sys.exit("killed"))
    stopped.setattr(remote.filesystem, "rm_file", lambda path: None)
    with pytest.raises(SystemExit):
        write(store, source)
    stopped.undo()
    here = machine("here")
    with pytest.raises(RunError, match="right now"):
        write(here, source)
    assert seen(here) == []
    monkeypatch.setattr(remote_store, "CLAIM_S", 0.0)  # the other was killed
    write(here, source)
    assert seen(machine("there")) == [("baseline", 0)]


def test_a_half_run_is_not_seen(machine: Machine, url: str, source: Run) -> None:
    write(machine("here"), source)
    remote, _ = remote_store._remote_of(machine("there") / NAME)
    remote.filesystem.rm_file(f"{remote.root}/{NAME}/{RECORD}")
    assert seen(machine("there")) == []
    assert remote.filesystem.exists(f"{remote.root}/{NAME}/{PREDICTIONS}")


def test_faults_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine
) -> None:
    with pytest.raises(RunError, match="cannot be opened") as fault:
        store_at("nowhere://runs")
    assert "--out" in fault.value.remedy
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(RunError, match="needs a package more") as fault:
        store_at("s3://bucket/runs")
    assert fault.value.remedy == "install them: pip install 'equipoise[cloud]'."
    assert location_of(tmp_path) == str(tmp_path)


@pytest.mark.slow
def test_an_object_store_whose_connection_breaks_in_the_middle(
    machine: Machine, source: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto.ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    place = "s3://results/runs"
    try:
        with pytest.raises(RunError, match="is not there") as fault:
            machine("here", place)
        assert "bucket" in fault.value.remedy
        import s3fs

        s3fs.S3FileSystem().mkdir("results")
        here = machine("here", place)
        remote, _ = remote_store._remote_of(here / NAME)
        put = remote._put

        def break_off(written: Path, target: str) -> None:
            if target.endswith(PREDICTIONS):
                server.stop()
            put(written, target)

        monkeypatch.setattr(remote, "_put", break_off)
        monkeypatch.setattr(remote_store, "MAX_AGE_S", 0.0)
        with pytest.raises(RunError, match="could not be reached") as fault:
            write(here, source)
        assert "--resume" in fault.value.remedy
        # The runs that are known stay, and a sentence says how old they are.
        assert store_at(place) == here
        assert any("could not be reached" in each for each in remote_store.problems())
        assert seen(here) == []
        server = moto.ThreadedMotoServer("127.0.0.1", port, verbose=False)
        server.start()
        there = machine("there", place)
        assert seen(there) == []
        names = remote.filesystem.find("results/runs")
        assert any(name.endswith(MODEL) for name in names)
        assert not any(name.endswith(RECORD) for name in names)
        machine("here", place)
        monkeypatch.setattr(remote, "_put", put)
        write(here, source)
        assert remote_store.problems() == ()
        assert seen(machine("there", place)) == [("baseline", 0)]
        index = remote_store._read_index(here)
        assert index == remote_store._read_index(there)
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
