"""The table of metrics."""

import pytest

from core.errors import EquipoiseError
from core.evaluation.metrics import headline_keys, metric_info, metric_keys, split_key
from core.tasks import Multiclass, Regression
from tests.synthetic import TASKS


def test_parametrised_key_has_label_unit_and_direction():
    info = metric_info("age.mae[0-9]")
    assert (info.label, info.unit, info.direction) == ("Age MAE, 0-9", "years", "lower")
    assert (info.task, info.name, info.part) == ("age", "mae", "0-9")
    assert info.phrase == "age MAE (0-9)"
    assert "0-9" in info.explanation


def test_task_gives_label_and_unit():
    weight = Regression("mass", "Body mass", "kilograms", 0, 200, 50)
    info = metric_info("mass.rmse", (weight,))
    assert (info.label, info.unit) == ("Body mass RMSE", "kilograms")
    assert metric_info("mass.within_5", (weight,)).unit == ""


@pytest.mark.parametrize("study", ["utkface", "avatars"])
def test_every_key_of_every_task_is_known_and_explained(study):
    for task in TASKS[study]:
        for key in metric_keys(task):
            info = metric_info(key, TASKS[study])
            assert info.label.startswith(task.label)
            assert info.explanation.endswith(".")
            assert "{" not in info.label + info.explanation
    assert set(headline_keys(TASKS[study])) <= {
        key for task in TASKS[study] for key in metric_keys(task)
    }


def test_keys_that_the_command_promises():
    keys = {key for task in TASKS["utkface"] for key in metric_keys(task)}
    assert keys >= {
        "age.mae",
        "age.rmse",
        "age.bias",
        "age.mae_balanced",
        "age.mae[0-9]",
        "age.mae[70-79]",
        "age.within_5",
        "gender.accuracy",
        "gender.f1",
        "ethnicity.macro_f1",
        "ethnicity.balanced_accuracy",
        "ethnicity.f1[Asian]",
    }


def test_class_names_may_hold_spaces_dots_and_brackets():
    task = Multiclass("breed", "Breed", ("St. Bernard", "mixed [small]"))
    for key in metric_keys(task):
        assert split_key(key)[0] == "breed"
    assert split_key("breed.f1[mixed [small]]") == ("breed", "f1", "mixed [small]")


@pytest.mark.parametrize("key", ["age", "age.mea", "age.rmse[0-9]", "age.mae[]", ""])
def test_unknown_key_is_said(key):
    with pytest.raises(EquipoiseError, match="There is no metric"):
        metric_info(key)


def test_values_are_written_with_the_metrics_decimals():
    mae, f1 = metric_info("age.mae"), metric_info("gender.f1")
    assert mae.format(8.777, unit=True) == "8.78 years"
    assert f1.format(0.69849) == "0.698"
    assert mae.format(-0.001, signed=True) == "+0.00"
    assert mae.format(0.214, signed=True) == "+0.21"
    assert mae.format(float("nan"), unit=True) == "–"
