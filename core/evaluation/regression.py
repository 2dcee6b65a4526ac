"""The error to expect of a number that was predicted."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.tasks import Regression


def expected_error(
    tables: Mapping[tuple[str, int], pd.DataFrame], task: Regression
) -> pd.DataFrame:
    """Error to expect of a prediction, by the value that was predicted.

    A new photo's truth is unknown, so the test images are put into bins by what was
    **predicted** for them, and not by their truth as in ``mae[...]``.

    Returns
    -------
    DataFrame
        One row a method and bin: ``method``, ``bin``, ``mae`` (mean absolute error of
        single runs), ``p90`` (nine in ten errors are at most that), both in the unit of
        the task, and ``n``, the distinct images; NaN where there are none.
    """
    bins = pd.CategoricalDtype(list(task.bin_labels), ordered=True)
    parts = []
    for (method, _), table in tables.items():
        predicted = table[f"{task.name}_pred"].to_numpy(np.float64)
        error = np.abs(predicted - table[f"{task.name}_true"].to_numpy(np.float64))
        codes = task.bin_of(predicted)
        part = {
            "method": method,
            "bin": pd.Categorical.from_codes(codes, dtype=bins),
            "error": error,
            "image_id": table["image_id"].to_numpy(),
        }
        parts.append(pd.DataFrame(part))
    if not parts:
        return pd.DataFrame(columns=["method", "bin", "mae", "p90", "n"])
    pooled = pd.concat(parts, ignore_index=True)
    grouped = pooled.groupby(["method", "bin"], sort=False, observed=False)
    result = grouped.agg(
        mae=("error", "mean"),
        p90=("error", lambda e: e.quantile(0.9)),
        n=("image_id", "nunique"),
    )
    methods = list(dict.fromkeys(method for method, _ in tables))
    order = pd.MultiIndex.from_product([methods, task.bin_labels])
    result = result.reindex(order).rename_axis(["method", "bin"])
    return result.assign(n=result["n"].fillna(0).astype(int)).reset_index()
