"""What a training costs: counted from what was measured, on a few real steps."""

import json
from pathlib import Path

import pytest

from core.training import estimate as e
from core.training.cost_process import measure_request
from tests.tiny import tiny_study

PAIRS = (("baseline", 0), ("baseline", 1), ("ins", 0))


def test_nothing_is_said_before_a_method_is_measured(tmp_path: Path) -> None:
    assert e.estimate(tiny_study(), PAIRS, "", tmp_path) is None


def test_cost_is_counted_over_runs_and_epochs(tmp_path: Path) -> None:
    study = tiny_study(epochs=5)
    cost = e.MethodCost(
        epoch_s=2.0,
        once_s=1.0,
        frozen_s=8.0,
        begin_s=4.0,
        memory_bytes=9,
        run_bytes=3,
        state_bytes=7,
    )
    e.write_cost(e.cost_file(study, "baseline", "", tmp_path), cost)
    found = e.estimate(study, PAIRS, "", tmp_path)
    assert found is not None
    # The method that is not known counts like the one that is.
    # The outputs of its frozen layers are computed once for all three.
    assert found.seconds == pytest.approx(4 + 8 + 3 * (1 + 5 * 2))
    assert (found.disk_bytes, found.memory_bytes) == (3 * 3 + 7, 9)
    assert (found.measured, found.methods) == (1, 2)
    # The epochs are not part of what is measured, and the size of the images is.
    assert e.read_cost(tiny_study(epochs=9), "baseline", "", tmp_path) == cost
    larger = study.model.model_copy(update={"image_size": 48})
    other = study.model_copy(update={"model": larger})
    assert e.read_cost(other, "baseline", "", tmp_path) is None


@pytest.mark.slow
def test_steps_are_measured_and_faults_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path))
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("os.setpriority", lambda *given: None)
    study = tiny_study()
    place = tmp_path / "asked.request"
    asked = {"study": study.model_dump_json(), "methods": ["baseline"], "data": ""}
    place.write_text(json.dumps(asked))
    measure_request(place, tmp_path)
    cost = e.read_cost(study, "baseline", "", tmp_path)
    assert cost is not None
    assert cost.is_known
    # 72 training images in batches of 16, and some of validation: far from a minute.
    assert 0 < cost.epoch_s < 60
    assert cost.state_bytes > cost.run_bytes / 10 > 0
    assert not place.exists()
    # Nothing of the measuring is taken for a run.
    assert not (tmp_path / "tiny" / "baseline").exists()
    noise = study.model_copy(
        update={"dataset": study.dataset.model_copy(update={"name": "celeba"})}
    )
    place.write_text(json.dumps({**asked, "study": noise.model_dump_json()}))
    measure_request(place, tmp_path)
    fault = e.read_cost(noise, "baseline", "", tmp_path)
    assert fault is not None
    assert not fault.is_known
    assert fault.fault[0]
