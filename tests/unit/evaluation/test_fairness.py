"""Metrics by group."""

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score, mean_absolute_error

from core.errors import EquipoiseError
from core.evaluation.fairness import by_group, fair_metric
from tests.synthetic import TASKS, synthetic_tables

UTKFACE = TASKS["utkface"]


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(methods=("baseline", "ins"), seeds=(0, 1))


@pytest.mark.parametrize(
    ("metric", "column", "function"),
    [
        ("age.mae", "age", mean_absolute_error),
        ("gender.accuracy", "gender", accuracy_score),
    ],
)
def test_values_are_fairlearns(tables, metric, column, function):
    found = by_group(tables, UTKFACE, metric, "ethnicity", resamples=200)
    expected = np.mean(
        [
            MetricFrame(
                metrics=function,
                y_true=tables["ins", seed][f"{column}_true"],
                y_pred=tables["ins", seed][f"{column}_pred"],
                sensitive_features=tables["ins", seed]["ethnicity"],
            ).by_group.sort_index()
            for seed in (0, 1)
        ],
        axis=0,
    )
    ins = found[found["method"] == "ins"].sort_values("group")
    assert ins["value"].to_numpy() == pytest.approx(expected)
    assert (ins["n"] == 160).all()
    assert (ins["low"] < ins["value"]).all()
    assert (ins["value"] < ins["high"]).all()
    assert not ins["small"].any()


def test_groups_come_in_the_order_of_the_classes(tables):
    found = by_group(tables, UTKFACE, "age.mae", "ethnicity", resamples=20)
    assert found["group"].tolist() == list(UTKFACE[2].classes) * 2
    assert found["method"].tolist() == ["baseline"] * 4 + ["ins"] * 4


def test_undefined_where_the_denominator_is_zero(tables):
    metric = "ethnicity.recall[Asian]"
    found = by_group(tables, UTKFACE, metric, "ethnicity", resamples=20)
    found = found[found["method"] == "baseline"].set_index("group")
    assert found.loc["Asian", "value"] > 0
    assert found.loc["White", ["value", "low", "high"]].isna().all()


def test_age_bins_and_small_groups(tables):
    first = tables["baseline", 0]
    # Drop the images of the first decade but 7.
    young = first.index[first["age_true"] < 10][7:]
    part = {run: table.drop(index=young) for run, table in tables.items()}
    found = by_group(part, UTKFACE, "age.mae", "age_bin", resamples=20)
    found = found[found["method"] == "ins"]
    assert found["group"].tolist() == list(UTKFACE[0].bin_labels)
    assert found["n"].tolist() == [7] + [80] * 7
    assert found["small"].tolist() == [True] + [False] * 7


def test_what_is_not_there_is_said(tables):
    with pytest.raises(EquipoiseError, match="no sensitive feature 'shoe'"):
        by_group(tables, UTKFACE, "age.mae", "shoe")
    with pytest.raises(EquipoiseError, match=r"'glasses\.accuracy' does not belong"):
        by_group(tables, UTKFACE, "glasses.accuracy", "gender")


def test_fair_metric_rewards_levelling_down():
    assert fair_metric([0.9, 0.7]) == pytest.approx(0.8 - 2 * 0.2)
    assert fair_metric([0.6, 0.6]) > fair_metric([0.9, 0.7])
    assert fair_metric([1.0, 0.0]) == -1.5
    assert fair_metric([0.2, 0.5, 0.8], penalty=0.5) == pytest.approx(0.5 - 0.5 * 0.6)


@pytest.mark.parametrize(
    ("accuracies", "penalty", "message"),
    [
        ([], 2.0, "accuracies of the groups"),
        ([0.5, 1.5], 2.0, "accuracies of the groups"),
        ([0.5, float("nan")], 2.0, "accuracies of the groups"),
        ([0.5, 0.6], -1.0, "penalty is -1"),
    ],
)
def test_fair_metric_of_bad_arguments(accuracies, penalty, message):
    with pytest.raises(EquipoiseError, match=message):
        fair_metric(accuracies, penalty=penalty)
