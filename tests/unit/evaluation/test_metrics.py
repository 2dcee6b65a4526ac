"""The table of metrics."""

import pytest

from core.errors import EquipoiseError
from core.evaluation.metrics import (
    further_keys,
    headline_keys,
    metric_info,
    metric_keys,
    shot_groups,
    split_key,
    top_k,
    unknown_metric,
)
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


@pytest.mark.parametrize("study", list(TASKS))
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
        "gender.error_rate",
        "gender.auc",
        "gender.f1",
        "ethnicity.auc",
        "ethnicity.macro_f1",
        "ethnicity.balanced_accuracy",
        "ethnicity.f1[Asian]",
    }


def test_class_names_may_hold_spaces_dots_and_brackets():
    task = Multiclass("breed", "Breed", ("St. Bernard", "mixed [small]"))
    for key in metric_keys(task):
        assert split_key(key)[0] == "breed"
    assert split_key("breed.f1[mixed [small]]") == ("breed", "f1", "mixed [small]")


UNKNOWN = ["age", "age.mea", "age.rmse[0-9]", "age.mae[]", "", "label.top_0_accuracy"]


@pytest.mark.parametrize("key", [*UNKNOWN, "label.top_k_accuracy", "label.ece[cat]"])
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


def test_error_rate_is_held_as_a_share_and_shown_in_per_cent():
    error = metric_info("label.error_rate")
    assert (error.unit, error.difference_unit, error.direction) == (
        "%",
        "points",
        "lower",
    )
    assert error.format(0.2314, unit=True) == "23.1 %"
    assert error.format(-0.0119, signed=True) == "-1.2"
    assert metric_info("age.mae").difference_unit == "years"


def test_any_k_is_a_metric_of_its_own():
    info = metric_info("label.top_3_accuracy")
    assert info.label == "Label top-3 accuracy"
    assert "the 3 with" in info.explanation
    assert top_k("top_12_accuracy") == 12
    assert top_k("accuracy") is None


def test_shot_groups_end_where_the_field_has_them_end():
    counts = {"a": 101, "b": 100, "c": 20, "d": 19}
    groups = shot_groups(("a", "b", "c", "d", "e"), counts)
    assert groups == {"many-shot": (0,), "medium-shot": (1, 2), "few-shot": (3, 4)}
    assert list(shot_groups(("a",), counts)) == ["many-shot"]
    task = Multiclass("label", "Class", ("a", "d"))
    assert "label.accuracy[few-shot]" in metric_keys(task, counts)
    assert "label.accuracy[medium-shot]" not in metric_keys(task, counts)
    info = metric_info("label.accuracy[few-shot]", (task,))
    assert info.label == "Class accuracy, few-shot"


def test_a_study_may_choose_its_headline():
    tasks = TASKS["cifar10-lt-200"]
    chosen = ("label.error_rate", "label.accuracy[few-shot]")
    assert headline_keys(tasks, chosen) == chosen
    assert headline_keys(tasks) == ("label.macro_f1", "label.balanced_accuracy")
    with pytest.raises(EquipoiseError, match=r"There is no metric 'label\.errors'"):
        headline_keys(tasks, ("label.errors",))
    with pytest.raises(EquipoiseError, match=r"'age\.mae' does not belong to a task"):
        headline_keys(tasks, ("age.mae",))


def test_top_k_is_asked_for_only_where_there_are_as_many_classes():
    tasks = (*TASKS["utkface"], *TASKS["cifar10-lt-200"])
    keys = (
        "ethnicity.top_3_accuracy",
        "ethnicity.top_5_accuracy",
        "age.top_2_accuracy",
        "label.top_10_accuracy",
        "label.top_11_accuracy",
        "label.accuracy[few-shot]",
        "other.top_1_accuracy",
    )
    assert further_keys(tasks, keys) == (keys[0], keys[3])


def test_a_misspelt_metric_is_answered_in_few_words():
    (task,) = TASKS["cifar100-lt-200"]
    known = metric_keys(task, {name: 10 * i for i, name in enumerate(task.classes)})
    error = unknown_metric("label.f1[aple]", known, study="this study")
    assert error.expected == (
        "one of label.accuracy, label.error_rate, label.top_5_accuracy, label.auc, "
        "label.macro_f1, label.balanced_accuracy, and label.accuracy[group], "
        "label.f1[class], label.recall[class]."
    )
    assert "label.f1[apple]" in error.remedy
    nothing = unknown_metric("zzz", known[:2], study="study 'x'")
    assert nothing.problem == "There is no metric 'zzz' in study 'x'."
    assert nothing.expected == "one of label.accuracy, label.error_rate."
    assert nothing.remedy == "choose one of these."


@pytest.mark.parametrize("study", list(TASKS))
def test_every_metric_of_a_part_says_what_its_part_is(study):
    keys = [key for task in TASKS[study] for key in metric_keys(task)]
    expected = unknown_metric("none", keys, study="this study").expected
    named = {key.split("[")[0] for key in keys if "[" in key}
    assert named
    assert all(f"{name}[" in expected for name in named)


def test_top_k_of_a_headline_is_asked_for_where_there_are_classes_enough():
    three = Multiclass("breed", "Breed", ("a", "b", "c"))
    age = Regression("age", "Age", "years", 0, 80, 10)
    headline = ("breed.accuracy", "breed.top_3_accuracy", "breed.top_4_accuracy")
    assert further_keys((three, age), headline) == ("breed.top_3_accuracy",)
    assert further_keys((age,), headline) == ()
    assert further_keys((three,), ()) == ()
