"""What `equipoise compare --json` says of intervals and of scaled probabilities."""

import json

import pandas as pd
import pytest

import core.runs
from core.evaluation.conformal_coverage import TOO_HIGH, TOO_LOW
from core.results.calibrated import calibrated_records
from core.results.study_runs import load_study_runs
from core.runs import PREDICTIONS
from tests import synthetic


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path))
    synthetic.write_store(
        tmp_path, "utkface", methods=("baseline", "lmf"), seeds=(0, 1), rows=256
    )
    return load_study_runs("utkface")


def test_intervals_are_always_there_and_temperatures_when_asked_for(runs):
    found = json.loads(json.dumps(calibrated_records(runs)))
    (intervals,) = found["prediction_intervals"]
    assert (intervals["task"], intervals["promised"]) == ("age", 0.9)
    assert {"baseline", "lmf"} <= {m["name"] for m in intervals["methods"]}
    own = next(m for m in intervals["methods"] if m["name"] == "lmf")["parts"]
    assert {"all", "prediction", "truth", "gender", "ethnicity"} == set(own)
    whole = own["all"]["all"]
    assert whole["ci"][0] < whole["coverage"] < whole["ci"][1]
    assert whole["width"] > 0
    assert whole["verdict"] in {"", TOO_LOW, TOO_HIGH}
    assert {"verdict"} < set(own["truth"]["30-39"])
    assert found["temperature_scaling"] == []


def test_a_task_whose_calibration_is_asked_for_is_scaled(runs):
    (scaled,) = calibrated_records(runs, ["gender.ece"])["temperature_scaling"]
    assert scaled["task"] == "gender"
    assert scaled["left_out"] == {}
    first = scaled["methods"][0]
    assert first["ci"][0] < first["temperature"] < first["ci"][1]
    assert set(first["metrics"]) == {"gender.log_loss", "gender.brier", "gender.ece"}
    loss = first["metrics"]["gender.log_loss"]
    difference = loss["after"] - loss["before"]
    assert loss["delta"]["mean"] == pytest.approx(difference, abs=1e-6)


def test_a_run_without_validation_predictions_is_left_out_and_a_damaged_one_named(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    synthetic.write_store(
        tmp_path, "utkface", methods=("baseline", "lmf"), seeds=(0, 1), rows=64
    )
    runs = load_study_runs("utkface")
    by_name = {(run.method, run.seed): run for run in runs.runs}
    path = by_name["lmf", 0].folder / PREDICTIONS
    whole = pd.read_parquet(path)
    whole[whole["split"] == "test"].to_parquet(path)
    # It breaks off after its test images were read.
    damaged = by_name["lmf", 1].folder / PREDICTIONS
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert set(runs.validation.tables) == {("baseline", 0), ("baseline", 1)}
    (problem,) = runs.validation.problems
    assert str(damaged) in problem
    assert list(runs.held_out) == ["validation", "test"]
    assert len(runs.held_out["test"]) == 4
    (intervals,) = calibrated_records(runs)["prediction_intervals"]
    assert [method["name"] for method in intervals["methods"]] == ["baseline"]
