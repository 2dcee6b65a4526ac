"""The error to expect of a number that was predicted."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.errors import expected_error
from tests.synthetic import AGE, synthetic_tables


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
