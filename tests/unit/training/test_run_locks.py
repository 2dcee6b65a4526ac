"""One training of a run at a time, between real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core import cli, runs
from core.errors import RunError
from core.training.run_locks import FOLDER, hold_runs
from tests import tiny

HOLD = """
import sys, time
from pathlib import Path
from core.training.run_locks import hold_runs

with hold_runs(Path(sys.argv[1]), "tiny", [("ins", 0), ("ins", 1)]):
    print("held", flush=True)
    time.sleep(600)
"""
TRAIN = """
import sys, time
from pathlib import Path
from core.study import load_study
from core.training.jobs import Listener, train_study

def wait(method, seed, epoch, values):
    if epoch == 2:
        print("held", flush=True)
        time.sleep(600)

train_study(load_study(sys.argv[2]), out=Path(sys.argv[1]), methods=["baseline"],
            listener=Listener(epoch_done=wait))
"""


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process, and wait until it holds its runs."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_who_holds_a_run_is_said_and_other_runs_are_free(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start(HOLD, tmp_path)
    free = [("baseline", 0), ("ins", 2)]
    with (
        pytest.raises(RunError) as caught,
        hold_runs(tmp_path, "tiny", [*free, ("ins", 1)]),
    ):
        pass
    assert f"'ins, seed 1' is being trained by process {process.pid} on " in str(
        caught.value
    )
    assert f"kill {process.pid}" in caught.value.remedy
    with hold_runs(tmp_path, "tiny", free):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = tmp_path / FOLDER / "tiny+ins+seed-1.lock"
    assert str(process.pid) in left.read_text()
    with hold_runs(tmp_path, "tiny", [("ins", 0), ("ins", 1)]):
        assert str(os.getpid()) in left.read_text()
    # Nothing is left, and no study appears that has no run.
    assert list(tmp_path.iterdir()) == []


def test_a_second_training_is_refused_before_anything_slow(
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(
        "core.commands.train.load_engine", lambda: pytest.fail("loaded")
    )
    path = tmp_path / "tiny.toml"
    path.write_text(tiny.TEXT)
    process = start(HOLD, tmp_path)
    refused = CliRunner().invoke(cli.app, ["train", str(path), "--method", "ins"])
    assert refused.exit_code == 2
    assert f"trained by process {process.pid} on " in refused.stderr


def test_two_names_of_runs_are_two_locks(tmp_path: Path) -> None:
    with (
        hold_runs(tmp_path, "a", [("b-c", 0)]),
        hold_runs(tmp_path, "a-b", [("c", 0)]),
        hold_runs(tmp_path, "a", [("b", 0)]),
    ):
        assert len(list((tmp_path / FOLDER).iterdir())) == 3


def test_a_store_that_cannot_be_written_is_said() -> None:
    with (
        pytest.raises(RunError, match="could not be saved"),
        hold_runs(Path("/proc/nowhere"), "tiny", [("ins", 0)]),
    ):
        pass


def test_without_locks_it_is_said_and_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.locks._lock", lambda descriptor, is_shared: False)
    told: list[str] = []
    with hold_runs(tmp_path, "tiny", [("ins", 0), ("ins", 1)], warn=told.append):
        pass
    assert len(told) == 1
    assert "has no locks" in told[0]


def test_what_a_killed_process_left_half_written_is_tidied(tmp_path: Path) -> None:
    method = tmp_path / "tiny" / "ins"
    for name in (".seed-0.0a1b2c3d.old", ".seed-0.deadbeef", ".seed-0.partial"):
        (method / name).mkdir(parents=True)
    (method / ".seed-0.0a1b2c3d.old" / runs.RECORD).write_text("the finished run")
    (method / ".seed-1.deadbeef").mkdir()
    with hold_runs(tmp_path, "tiny", [("ins", 0)]):
        pass
    # Killed between the two renames of a replacement: the earlier run is put back.
    assert (method / "seed-0" / runs.RECORD).read_text() == "the finished run"
    assert {path.name for path in method.iterdir()} == {
        "seed-0",
        ".seed-0.partial",
        ".seed-1.deadbeef",
    }
    (method / ".seed-0.00000000.old").mkdir()
    with hold_runs(tmp_path, "tiny", [("ins", 0)]):
        pass
    assert not (method / ".seed-0.00000000.old").exists()


@pytest.mark.slow
def test_a_second_training_is_refused_until_the_first_is_killed(
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "runs"))
    path, out = tmp_path / "tiny.toml", tmp_path / "runs"
    path.write_text(tiny.TEXT)
    first = start(TRAIN, out, path)
    asked = ["train", str(path), "--method", "baseline", "--resume"]
    second = CliRunner().invoke(cli.app, asked)
    assert second.exit_code == 2
    assert f"'baseline, seed 0' is being trained by process {first.pid}" in (
        second.stderr
    )
    first.send_signal(signal.SIGKILL)
    first.wait()
    third = CliRunner().invoke(cli.app, asked)
    assert third.exit_code == 0, third.output
    place = out / "tiny" / "baseline" / "seed-0"
    finished = runs.read_run(place)
    assert finished.info["epochs"] == 2
    # Other epochs, with --resume or without: the finished run stays as it is.
    for further in ([], ["--resume"]):
        shorter = CliRunner().invoke(cli.app, [*asked[:4], "--epochs", "1", *further])
        assert shorter.exit_code == 2
        assert "training.epochs is 2 there and 1 here" in shorter.stderr
        assert runs.read_run(place).info == finished.info
    again = CliRunner().invoke(cli.app, asked[:4])
    assert again.exit_code == 0
    assert "finished already and kept" in again.stderr
    assert runs.read_run(place).info == finished.info
    anew = [*asked[:4], "--epochs", "1", "--replace"]
    assert CliRunner().invoke(cli.app, anew).exit_code == 0
    assert runs.read_run(place).info["epochs"] == 1
