"""Values of the metrics, with scikit-learn and pandas as oracle."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from core.errors import EquipoiseError
from core.evaluation.classification import class_counts, confusion
from core.evaluation.compare import compare
from core.evaluation.regression import expected_error
from tests.synthetic import AGE, TASKS, synthetic_predictions, synthetic_tables

ETHNICITY = TASKS["utkface"][2]


@pytest.fixture(scope="module")
def table():
    return synthetic_predictions("utkface", "ins", 3, rows=400)


@pytest.fixture(scope="module")
def means(table):
    found = compare({("ins", 3): table}, TASKS["utkface"], "ins", resamples=20)
    return found.table.set_index("metric")["mean"]


def test_regression_values(table, means):
    y_true, y_pred = table["age_true"], table["age_pred"]
    decade = table["age_true"].astype(int) // 10
    by_decade = (y_pred - y_true).abs().groupby(decade).mean()
    assert means["age.mae"] == pytest.approx(sk.mean_absolute_error(y_true, y_pred))
    assert means["age.rmse"] == pytest.approx(
        sk.root_mean_squared_error(y_true, y_pred)
    )
    assert means["age.bias"] == pytest.approx(y_pred.mean() - y_true.mean())
    assert means["age.within_5"] == ((y_pred - y_true).abs() <= 5).mean()
    assert means["age.mae[30-39]"] == pytest.approx(by_decade[3])
    assert means["age.mae_balanced"] == pytest.approx(by_decade.mean())


@pytest.mark.parametrize("name", ["gender", "ethnicity"])
def test_classification_values(table, means, name):
    task = next(t for t in TASKS["utkface"] if t.name == name)
    y_true, y_pred = table[f"{name}_true"], table[f"{name}_pred"]
    f1 = sk.f1_score(y_true, y_pred, labels=task.classes, average=None)
    accuracy = sk.accuracy_score(y_true, y_pred)
    balanced = sk.balanced_accuracy_score(y_true, y_pred)
    assert means[f"{name}.accuracy"] == pytest.approx(accuracy)
    assert means[f"{name}.balanced_accuracy"] == pytest.approx(balanced)
    for label, value in zip(task.classes, f1, strict=True):
        assert means[f"{name}.f1[{label}]"] == pytest.approx(value)
    if name == "gender":
        assert means["gender.f1"] == pytest.approx(f1[1])
    else:
        assert means["ethnicity.macro_f1"] == pytest.approx(f1.mean())
        asian = sk.recall_score(y_true, y_pred, labels=["Asian"], average="macro")
        assert means["ethnicity.recall[Asian]"] == pytest.approx(asian)


def test_confusion_is_scikit_learns_with_empty_classes(table):
    part = table[table["ethnicity_true"] != "Asian"]
    matrix = confusion(
        part["ethnicity_true"], part["ethnicity_pred"], ETHNICITY.classes
    )
    expected = sk.confusion_matrix(
        part["ethnicity_true"], part["ethnicity_pred"], labels=ETHNICITY.classes
    )
    assert matrix.to_numpy().tolist() == expected.tolist()
    assert matrix.loc["Asian"].sum() == 0
    assert class_counts(part["ethnicity_true"], ETHNICITY.classes).tolist() == [
        (part["ethnicity_true"] == label).sum() for label in ETHNICITY.classes
    ]


@pytest.mark.parametrize("label", ["Other", None])
def test_a_label_that_is_no_class_is_said(label):
    with pytest.raises(EquipoiseError, match="predicted labels"):
        confusion(["White"], [label], ETHNICITY.classes)


def test_expected_error_is_by_the_predicted_value():
    tables = synthetic_tables(methods=("baseline", "ins"), seeds=(0, 1), rows=160)
    result = expected_error(tables, AGE)
    pooled = pd.concat([tables["ins", 0], tables["ins", 1]])
    pooled = pooled[pooled["age_pred"].between(20, 30, inclusive="left")]
    errors = (pooled["age_pred"] - pooled["age_true"]).abs()
    row = result[(result["method"] == "ins") & (result["bin"] == "20-29")].iloc[0]
    assert row["mae"] == pytest.approx(errors.mean())
    assert row["p90"] == pytest.approx(np.quantile(errors, 0.9))
    assert row["n"] == pooled["image_id"].nunique()
    assert len(result) == 2 * len(AGE.bin_labels)


def test_expected_error_of_a_bin_that_nobody_predicted_is_undefined():
    table = pd.DataFrame(
        {"image_id": ["a", "b"], "age_true": [3.0, 5.0], "age_pred": [4.0, 80.0]}
    )
    result = expected_error({("baseline", 0): table}, AGE).set_index("bin")
    assert result.loc["0-9", ["mae", "n"]].tolist() == [1.0, 1]
    assert result.loc["70-79", "mae"] == 75.0
    assert np.isnan(result.loc["20-29", "mae"])
    assert result.loc["20-29", "n"] == 0
    assert expected_error({}, AGE).empty
