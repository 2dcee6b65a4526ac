"""A study before and after temperature scaling: how its images were drawn."""

import core.results.study_runs
import core.results.temperature_scaling
from core.results.temperature_scaling import scale_study
from core.study import load_study
from tests.oracles import FOUR
from tests.unit.evaluation.test_scaled_probabilities import runs_of


def test_the_strata_are_in_the_order_of_the_baselines_rows(monkeypatch):
    test = runs_of({"a": 2.0, "b": 1.0}, rows=200, seeds=(0,))
    test["b", 0] = test["b", 0].sample(frac=1, random_state=0).reset_index(drop=True)
    validation = runs_of({"a": 2.0, "b": 1.0}, rows=300, seeds=(0,), truth_seed=1)
    given = {}
    monkeypatch.setattr(
        core.results.study_runs, "test_strata", lambda study, table: table["image_id"]
    )
    monkeypatch.setattr(
        core.results.temperature_scaling,
        "compare_scaled",
        lambda *args, **options: given.update(options),
    )
    scale_study(load_study("avatars"), (), test, validation, FOUR, "b")
    assert given["design"].tolist() == test["b", 0]["image_id"].tolist()
