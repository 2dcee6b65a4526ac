"""Predictions of several runs brought together: which truths are the same."""

import numpy as np
import pandas as pd
import pytest

from core.errors import EquipoiseError
from core.evaluation.alignment import align_predictions
from core.tasks import Regression

TASK = Regression("price", "Price", "euros", 0, 3e9, 1e9)


def table(truth, dtype):
    values = np.array(truth, dtype)
    ids = [f"i{place}" for place in range(len(values))]
    columns = {"image_id": ids, "price_true": values, "price_pred": values}
    return pd.DataFrame(columns)


def aligned(own, other):
    return align_predictions({("a", 0): own, ("b", 0): other}, [TASK], "a")


def test_numbers_are_taken_in_double_precision():
    truth = [1_700_000_001.0, 0.1]
    found = aligned(table(truth, np.float64), table(truth, np.float64))
    assert found.truth["price"].tolist() == truth
    assert found.predictions["price"].tolist() == [truth, truth]
    with pytest.raises(EquipoiseError, match="another true price"):
        aligned(table(truth, np.float64), table([1_700_000_003.0, 0.1], np.float64))


def test_a_run_of_single_precision_has_the_same_truth():
    truth = [1_700_000_001.0, 0.1, 30.7]
    for own, other in ((np.float32, np.float64), (np.float64, np.float32)):
        found = aligned(table(truth, own), table(truth, other))
        assert found.rows == 3
    with pytest.raises(EquipoiseError, match="another true price"):
        aligned(table(truth, np.float32), table([1_700_000_001.0, 0.2, 30.7], float))
