"""The worker: jobs in turn, each in a process of its own, whatever is killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from core import cli, runs
from core.locks import read_holder
from core.study import load_study
from core.training import detached, worker
from core.training import queue as q
from tests.tiny import tiny_study

ROOT = Path(__file__).resolve().parents[3]
# In place of a training: it takes the lock, writes that it was here, and ends as told.
JOB = """
import os, sys, time
from pathlib import Path
from core.locks import take_lock
from core.training import queue as q

store, job = Path(os.environ["EQUIPOISE_RUNS"]), sys.argv[2]
lock = take_lock(q.job_folder(job, store) / q.LOCK)
with (store / "seen").open("a") as seen:
    seen.write(f"{job} begins\\n")
with q.open_queue(store) as queue:
    study = q.find_job(job, queue).study.name
    if study == "dies":
        os._exit(9)
    time.sleep(600 if study == "long" else 0.3)
    with (store / "seen").open("a") as seen:
        seen.write(f"{job} ends\\n")
    q.end(job, queue)
"""

# The command itself, where a search that is silent for seconds is lost.
CLI = """
from core.cli import main
from core.training import trial_storage
trial_storage.HEARTBEAT_S, trial_storage.SILENCE_S = 1, 8
import sys
sys.argv.insert(1, "worker")
main()
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that train nothing."""
    monkeypatch.setattr(
        detached, "worker_command", lambda *given: [sys.executable, "-c", JOB, *given]
    )


def put(store: Path, name: str = "tiny") -> q.Job:
    study = tiny_study().model_copy(update={"name": name})
    job = q.new_job("training", study, pairs=(("ins", 0),))
    q.submit(job, store)
    return job


def seen(store: Path) -> list[str]:
    path = store / "seen"
    return path.read_text().splitlines() if path.is_file() else []


def wait_until(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@contextmanager
def at_work(store: Path) -> Iterator[None]:
    """A worker beside the test, until it has nothing to do."""
    thread = threading.Thread(
        target=worker.work, args=(store,), kwargs={"idle_s": 0.5}, daemon=True
    )
    # Signals are for the main thread alone.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huey.consumer.Consumer._set_signal_handlers", lambda self: None)
        thread.start()
        yield
        thread.join(900)


@pytest.mark.usefixtures("quick")
def test_jobs_run_one_after_another_and_the_worker_ends(tmp_path: Path) -> None:
    first, second = put(tmp_path), put(tmp_path)
    # A second time in the queue, as after a crash: it is not run twice.
    with q.open_queue(tmp_path) as queue:
        queue.enqueue(first.id)
    assert worker.work(tmp_path, idle_s=0.5)
    assert [each.state for each in q.list_jobs(tmp_path)] == ["finished"] * 2
    expected = [
        f"{job.id} {what}" for job in (first, second) for what in ("begins", "ends")
    ]
    assert seen(tmp_path) == expected
    assert not worker.is_working(tmp_path)


@pytest.mark.usefixtures("quick")
def test_a_process_that_dies_is_begun_again_and_then_given_up(tmp_path: Path) -> None:
    job = put(tmp_path, "dies")
    worker.work(tmp_path, idle_s=0.5)
    (status,) = q.list_jobs(tmp_path)
    assert status.state == "failed"
    assert "code 9" in status.fault[0]
    assert seen(tmp_path) == [f"{job.id} begins"] * 3


@pytest.mark.usefixtures("quick")
def test_a_job_is_stopped_while_the_next_one_runs(tmp_path: Path) -> None:
    long, short = put(tmp_path, "long"), put(tmp_path)
    with at_work(tmp_path):
        wait_until(lambda: f"{long.id} begins" in seen(tmp_path))
        assert worker.is_working(tmp_path)
        assert not worker.work(tmp_path)
        q.stop(long.id, tmp_path)
    found = {each.job.id: each.state for each in q.list_jobs(tmp_path)}
    assert found == {long.id: "stopped", short.id: "finished"}


def test_a_worker_without_jobs_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(
        "huey.consumer.Consumer._set_signal_handlers", lambda self: None
    )
    done = CliRunner().invoke(cli.app, ["worker", "--idle", "0"])
    assert done.exit_code == 0
    assert f"Jobs of {tmp_path}, 1 at once." in done.stderr.replace("\n", "")
    assert not worker.is_working(tmp_path)


@contextmanager
def served(store: Path) -> Iterator[None]:
    """A server that answers; then it and all that it started in its session is killed.

    ``equipoise app`` sees that jobs wait, and starts their worker.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--server.port={port}", "--server.headless=true"]
    server = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "app", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/_stcore/health"), 900)
        # It is a process of its own, and may take longer to start than the server.
        wait_until(lambda: worker.is_working(store), 900)
        yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, TimeoutError, ConnectionError):
        return False


@pytest.fixture
def store_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that the server and the workers of a test write to as well."""
    store = tmp_path / "runs"
    monkeypatch.setenv(runs.STORE_VARIABLE, str(store))
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(ROOT)
    return store


@pytest.mark.slow
def test_a_killed_server_and_a_killed_worker_lose_nothing_and_train_nothing_twice(
    store_of_processes: Path,
) -> None:
    store = store_of_processes
    epochs = 60
    job = q.new_job(
        "training",
        tiny_study(epochs=epochs, patience=epochs),
        pairs=(("baseline", 0), ("ins", 0)),
    )
    q.submit(job, store)
    with served(store):
        wait_until(lambda: q.progress_of(job, store)[0].share > 0.1, 900)
    reached = q.progress_of(job, store)[0].share
    wait_until(lambda: q.progress_of(job, store)[0].share > reached + 0.1, 900)
    assert q.log_of(job.id, store, lines=1000).count("Job ") == 1
    holder = read_holder(store / q.FOLDER / "worker.lock")
    assert holder is not None
    os.kill(holder.pid, signal.SIGKILL)
    wait_until(lambda: [s.state for s in q.list_jobs(store)] == ["waiting"])
    stopped_at = q.progress_of(job, store)[0].live
    assert stopped_at is not None
    worker.resume_jobs(store)
    wait_until(lambda: q.list_jobs(store)[0].is_over, 900)
    (status,) = q.list_jobs(store)
    assert (status.state, status.fault) == ("finished", ("", "", ""))
    for part in q.progress_of(job, store):
        assert part.run is not None
        history = part.run.history()
        losses = history[(history["name"] == "loss") & (history["split"] == "training")]
        assert list(losses["epoch"]) == list(range(1, epochs + 1))
    # No epoch that was finished is trained again, but for the one it was killed in.
    log = q.log_of(job.id, store, lines=1000)
    said = Counter(
        line.split("  ")[1].split(":")[0]
        for line in log.splitlines()
        if ", epoch " in line
    )
    assert len(said) == 2 * epochs
    assert sum(said.values()) <= 2 * epochs + 1
    assert log.count("Job ") == 2
    _end(store)


@pytest.mark.slow
def test_a_killed_search_goes_on_and_the_study_that_it_makes_is_trained(
    store_of_processes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of_processes
    monkeypatch.setattr(
        detached, "worker_command", lambda *given: [sys.executable, "-c", CLI, *given]
    )
    job = q.new_job(
        "search",
        tiny_study(),
        methods=("baseline",),
        trials=2,
        epochs=20,
        tuned="tiny-tuned",
    )
    q.submit(job, store)

    def said() -> list[str]:
        return q.log_of(job.id, store).splitlines()

    def second_try_is_under_way() -> bool:
        return any("1 of 2: " in line for line in said()) and any(store.rglob("*.npz"))

    with at_work(store):
        wait_until(second_try_is_under_way, 900)
        holder = read_holder(q.job_folder(job.id, store) / q.LOCK)
        assert holder is not None
        os.kill(holder.pid, signal.SIGKILL)
    assert [s.state for s in q.list_jobs(store)] == ["finished"]
    assert sum("  Job " in line for line in said()) == 2
    for number in (1, 2):
        assert sum(f"{number} of 2: " in line for line in said()) == 1
    tuned = load_study("tiny-tuned")
    assert [(t.method, t.state) for t in tuned.search.trials] == [
        ("baseline", "complete")
    ] * 2
    training = q.new_job("training", tuned, pairs=(("baseline", tuned.seeds[0]),))
    q.submit(training, store)
    worker.work(store, idle_s=0.5)
    assert [s.state for s in q.list_jobs(store)] == ["finished"] * 2
    assert [run.study for run in runs.list_runs("tiny-tuned").runs] == ["tiny-tuned"]


def _end(store: Path) -> None:
    holder = read_holder(store / q.FOLDER / "worker.lock")
    if holder is not None and worker.is_working(store):
        os.kill(holder.pid, signal.SIGTERM)
        wait_until(lambda: not worker.is_working(store))
    for process in worker._started.values():
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
