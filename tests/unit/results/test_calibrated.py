"""What `equipoise compare --json` says of intervals and of scaled probabilities."""

import json

import pytest

from core.evaluation.conformal_coverage import TOO_HIGH, TOO_LOW
from core.results.calibrated import calibrated_records
from core.results.study_runs import load_study_runs
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
