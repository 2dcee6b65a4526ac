"""What a finished or unfinished training does to a call that asks for it again."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core import runs
from core.errors import RunError
from core.remote_store import remove_folder
from core.runs import Run
from core.study import Study
from core.training.resume import STATE, RequestedRun, find_kept
from core.training.run_locks import hold_runs
from tests.tiny import tiny_study

SPLIT = "0123456789abcdef"


@pytest.fixture(autouse=True)
def _stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "shipped_store", lambda: tmp_path / "shipped")
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path))


def ask(study: Study, store: Path, method: str = "ins", seed: int = 0) -> RequestedRun:
    return RequestedRun(study.for_method(method), method, seed, SPLIT, store)


def finish(asked: RequestedRun, **info: Any) -> Run:
    """Write a finished run as training does, without training."""
    study = asked.study
    return runs.write_run(
        asked.store,
        info={
            "study": study.name,
            "method": asked.method,
            "seed": asked.seed,
            "key": asked.key,
            "split_fingerprint": asked.split,
            "resolved": study.model_dump(mode="json", exclude={"methods", "search"}),
            "method_parameters": study.method(asked.method).use,
            **info,
        },
        history=pd.DataFrame(
            {"epoch": [1], "split": ["training"], "name": ["loss"], "value": [1.0]}
        ),
        predictions=pd.DataFrame({"image_id": ["a"], "split": ["test"]}),
        save_model=lambda path: path.write_bytes(b"model"),
    )


def leave_state(asked: RequestedRun, epoch: int) -> Path:
    """Leave what a training leaves that was stopped after an epoch."""
    asked.partial.mkdir(parents=True)
    record = np.array(json.dumps({"key": asked.key, "epoch": epoch}))
    np.savez(asked.partial / STATE, record=record)
    return asked.partial / STATE


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_run_as_asked_for_is_kept(tmp_path: Path, resume: bool) -> None:
    asked = ask(tiny_study(), tmp_path)
    assert find_kept([asked], resume=resume) == {}
    run = finish(asked)
    assert find_kept([asked], resume=resume) == {("ins", 0): run}
    assert find_kept([asked], resume=resume, replace=True) == (
        {("ins", 0): run} if resume else {}
    )


@pytest.mark.parametrize("resume", [False, True])
def test_other_epochs_do_not_replace_a_finished_run(
    tmp_path: Path, resume: bool
) -> None:
    finish(ask(tiny_study(epochs=4), tmp_path))
    asked = ask(tiny_study(epochs=1), tmp_path)
    with pytest.raises(RunError) as caught:
        find_kept([asked], resume=resume)
    assert "ins, seed 0 (training.epochs is 4 there and 1 here)" in str(caught.value)
    assert "--replace" in caught.value.remedy
    assert find_kept([asked], resume=resume, replace=True) == {}


def test_all_that_is_not_as_asked_for_is_said_at_once(tmp_path: Path) -> None:
    study = tiny_study()
    finish(ask(study, tmp_path, seed=0))
    other = study.model_copy(
        update={
            "methods": {
                **study.methods,
                "ins": study.method("ins").model_copy(
                    update={"use": {"ins": {"on": "glasses"}}}
                ),
            }
        }
    )
    finish(ask(study, tmp_path, "undersample"), split_fingerprint="other", key="other")
    finish(ask(study, tmp_path, "baseline"), imported={"label": "Mine"}, key="none")
    finish(ask(other, tmp_path, seed=1)).model_path.unlink()
    asked = [
        ask(other, tmp_path, *each)
        for each in (("ins", 0), ("undersample", 0), ("baseline", 0), ("ins", 1))
    ]
    with pytest.raises(RunError) as caught:
        find_kept(asked)
    said = caught.value.problem
    assert said.startswith("4 finished runs have other settings than requested here")
    assert "use.ins.on is hair there and glasses here" in said
    assert "undersample, seed 0 (its images or their split differ)" in said
    assert "its predictions were imported" in said
    assert "and 1 more" in said
    with pytest.raises(RunError, match=r"its model\.keras is gone"):
        find_kept(asked[3:])


def test_a_broken_run_is_not_finished(tmp_path: Path) -> None:
    asked = ask(tiny_study(), tmp_path)
    run = finish(asked)
    (run.folder / runs.PREDICTIONS).write_bytes(b"")
    assert find_kept([asked]) == {}


def test_what_was_begun_to_be_replaced_is_gone_on_with(tmp_path: Path) -> None:
    asked = ask(tiny_study(), tmp_path)
    run = finish(asked)
    leave_state(asked, 1)
    assert find_kept([asked], resume=True, replace=True) == {}
    assert find_kept([asked], resume=True) == {("ins", 0): run}


def test_a_training_that_ended_in_its_run_is_no_longer_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(tiny_study(), tmp_path)

    def die(*given: object) -> None:
        raise KeyboardInterrupt

    def die_half_way(folder: Path) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", die)
            remove_folder(folder)

    for second, remove in (("10:00:00", die), ("10:00:01", die_half_way)):
        leave_state(asked, 2)
        with monkeypatch.context() as patch:
            patch.setattr(runs, "remove_folder", remove)
            with pytest.raises(KeyboardInterrupt):
                finish(asked, created=second)
        assert [*asked.place.parent.glob(".*partial*")]
        with hold_runs(tmp_path, "tiny", [("ins", 0)]):
            assert [*asked.place.parent.iterdir()] == [asked.place]
    # Begun to replace that run: it may be gone on with.
    state = leave_state(asked, 2)
    with hold_runs(tmp_path, "tiny", [("ins", 0)]):
        assert state.is_file()
    # And killed while its run was being written, or that run cannot be read.
    for made, damaged in (("10:00:02", False), ("10:00:01", True)):
        (asked.partial / "ends_in").write_text(made)
        if damaged:
            (asked.place / runs.PREDICTIONS).write_bytes(b"")
        with hold_runs(tmp_path, "tiny", [("ins", 0)]):
            assert state.is_file()


def test_an_unfinished_training_of_other_epochs_is_not_lost(tmp_path: Path) -> None:
    state = leave_state(ask(tiny_study(epochs=4), tmp_path), 3)
    asked = ask(tiny_study(epochs=1), tmp_path)
    for replace in (False, True):
        with pytest.raises(RunError, match=r"ins, seed 0 \(3 epochs done\)"):
            find_kept([asked], resume=True, replace=replace)
    # Without --resume it is asked for anew; and it is gone on with as it was begun.
    assert find_kept([asked]) == {}
    assert find_kept([ask(tiny_study(epochs=4), tmp_path)], resume=True) == {}
    state.write_bytes(b"half a state")
    assert find_kept([asked], resume=True) == {}
