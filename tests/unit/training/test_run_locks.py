"""One training of a run at a time, between real processes."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core import cli, runs
from core.errors import RunError
from core.training.run_locks import FOLDER, hold_runs
from tests import tiny
from tests.unit.conftest import StartHolder

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
    if epoch == 3:
        print("held", flush=True)
        time.sleep(600)

train_study(load_study(sys.argv[2]), out=Path(sys.argv[1]), methods=["baseline"],
            listener=Listener(epoch_done=wait))
"""


def test_who_holds_a_run_is_said_and_other_runs_are_free(
    tmp_path: Path, start_holder: StartHolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs"
    process = start_holder(HOLD, store)
    free = [("baseline", 0), ("ins", 2)]
    with (
        pytest.raises(RunError) as caught,
        hold_runs(store, "tiny", [*free, ("ins", 1)]),
    ):
        pass
    assert f"'ins, seed 1' is being trained by process {process.pid} on " in str(
        caught.value
    )
    assert f"kill {process.pid}" in caught.value.remedy
    with hold_runs(store, "tiny", free):
        pass

    # A second training is refused before anything slow.
    monkeypatch.setenv(runs.STORE_VARIABLE, str(store))
    monkeypatch.setattr(
        "core.commands.train.load_engine", lambda: pytest.fail("loaded")
    )
    path = tmp_path / "tiny.toml"
    path.write_text(tiny.TEXT)
    refused = CliRunner().invoke(cli.app, ["train", str(path), "--method", "ins"])
    assert refused.exit_code == 2
    assert f"trained by process {process.pid} on " in refused.stderr

    process.send_signal(signal.SIGKILL)
    process.wait()
    left = store / FOLDER / "tiny+ins+seed-1.lock"
    assert str(process.pid) in left.read_text()
    with hold_runs(store, "tiny", [("ins", 0), ("ins", 1)]):
        assert str(os.getpid()) in left.read_text()
    # Nothing is left, and no study appears that has no run.
    assert list(store.iterdir()) == []


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
def test_a_killed_training_is_gone_on_with_and_until_then_a_second_is_refused(
    tmp_path: Path, start_holder: StartHolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "runs"))
    path, out = tmp_path / "tiny.toml", tmp_path / "runs"
    path.write_text(tiny.TEXT.replace("epochs = 2", "epochs = 4"))
    first = start_holder(TRAIN, out, path)
    asked = ["train", str(path), "--method", "baseline", "--resume"]
    second = CliRunner().invoke(cli.app, asked)
    assert second.exit_code == 2
    assert f"'baseline, seed 0' is being trained by process {first.pid}" in (
        second.stderr
    )
    first.send_signal(signal.SIGKILL)
    first.wait()
    place = out / "tiny" / "baseline" / "seed-0"
    state = place.with_name(".seed-0.partial") / "state.npz"
    assert not place.exists()
    with np.load(state, allow_pickle=False) as saved:
        assert json.loads(str(saved["record"]))["epoch"] == 2
    third = CliRunner().invoke(cli.app, asked)
    assert third.exit_code == 0, third.output
    finished = runs.read_run(place)
    assert finished.info["epochs"] == 4
    assert list(finished.history()["epoch"].unique()) == [1, 2, 3, 4]
    assert not state.exists()
    # Other epochs, with --resume or without: the finished run stays as it is.
    for further in ([], ["--resume"]):
        shorter = CliRunner().invoke(cli.app, [*asked[:4], "--epochs", "1", *further])
        assert shorter.exit_code == 2
        assert "training.epochs is 4 there and 1 here" in shorter.stderr
        assert runs.read_run(place).info == finished.info
    again = CliRunner().invoke(cli.app, asked[:4])
    assert again.exit_code == 0
    assert "finished already and kept" in again.stderr
    assert runs.read_run(place).info == finished.info
    anew = [*asked[:4], "--epochs", "1", "--replace"]
    assert CliRunner().invoke(cli.app, anew).exit_code == 0
    assert runs.read_run(place).info["epochs"] == 1
