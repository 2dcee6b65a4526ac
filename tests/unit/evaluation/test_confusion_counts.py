"""Confusions and counts of classes, with scikit-learn and pandas as oracle."""

import pytest
from sklearn import metrics as sk

from core.errors import EquipoiseError
from core.evaluation.confusion_counts import class_counts, confusion, training_counts
from core.tasks import Binary
from tests.synthetic import (
    AGE,
    TASKS,
    long_tail,
    synthetic_manifest,
    synthetic_predictions,
)

ETHNICITY = TASKS["utkface"][2]
CIFAR = TASKS["cifar10-lt-200"]
COUNTS = {
    "label": dict(zip(CIFAR[0].classes, long_tail("cifar10-lt-200"), strict=True))
}


def test_confusion_is_scikit_learns_with_empty_classes():
    table = synthetic_predictions("utkface", "ins", 3, rows=400)
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


def test_training_counts_are_those_of_the_rows_with_zeros():
    manifest = synthetic_manifest("cifar10-lt-200", rows=20)
    rows = manifest[manifest["split"] == "training"]
    assert training_counts(rows, CIFAR) == COUNTS
    without = rows[rows["label"] != "cat"]
    assert training_counts(without, CIFAR)["label"]["cat"] == 0
    assert training_counts(None, CIFAR) == {}
    assert training_counts(rows, (AGE, Binary("ill", "Ill", ("no", "yes")))) == {}
