"""Metrics of regression, from sums of errors within bins of the truth."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.intervals import (
    Floats,
    StratumSums,
    normal_sums,
    weighted_sums,
)
from core.evaluation.metrics import TOLERANCE
from core.tasks import Regression


def summed_errors(
    y_true: NDArray[np.float64],
    y_pred: NDArray[np.float64],
    task: Regression,
    weights: Floats,
) -> StratumSums:
    """Sum errors in each bin under each resample's weights.

    Parameters
    ----------
    y_true : float array, shape (rows,)
    y_pred : float array, shape (columns, rows)
    weights : float array, shape (rows, resamples)
        Ones in float64 give the data themselves.
    """
    features, bins = _features(y_true, y_pred), task.bin_of(y_true)
    return weighted_sums(features, bins, len(task.bin_labels), weights)


def resampled_errors(
    y_true: NDArray[np.float64],
    y_pred: NDArray[np.float64],
    task: Regression,
    *,
    weights: Floats | None,
    resamples: int,
    rng: np.random.Generator,
) -> StratumSums:
    """Sums of errors under the resamples; without weights by normal sums."""
    if weights is not None:
        return summed_errors(y_true, y_pred, task, weights)
    features, bins = _features(y_true, y_pred), task.bin_of(y_true)
    return normal_sums(features, bins, len(task.bin_labels), resamples, rng)


def _features(
    y_true: NDArray[np.float64], y_pred: NDArray[np.float64]
) -> NDArray[np.float64]:
    errors = (y_pred - y_true).T
    sizes = np.abs(errors)
    return np.concatenate([sizes, errors, errors**2, sizes <= TOLERANCE], axis=1)


def regression_metrics(sums: StratumSums, task: Regression) -> dict[str, Floats]:
    """Every metric of a regression task, from sums of errors.

    Returns
    -------
    dict of float arrays, shape (columns, resamples)
        By the metric's name without the task, such as ``"mae[0-9]"``; in the unit of
        the task, ``within_5`` a share.

    Notes
    -----
    A bin without an image in the (re)sample has no MAE (NaN), and is left out of
    the balanced MAE. Errors are prediction minus truth.
    """
    parts = sums.sums.reshape(len(sums.counts), 4, -1, sums.sums.shape[-1])
    total = sums.counts.sum(axis=0)
    sizes, errors, squares, near = parts.sum(axis=0) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        by_bin = parts[:, 0] / sums.counts[:, None]
    present = sums.counts > 0
    filled = np.where(present[:, None], by_bin, 0)
    metrics: dict[str, Floats] = {
        "mae": sizes,
        # A normal draw can dip below 0 only where every error is next to 0.
        "rmse": np.sqrt(np.maximum(squares, 0)),
        "bias": errors,
        "mae_balanced": filled.sum(axis=0) / present.sum(axis=0),
        "within_5": near,
    }
    for j, label in enumerate(task.bin_labels):
        metrics[f"mae[{label}]"] = by_bin[j]
    return metrics


def expected_error(
    tables: Mapping[tuple[str, int], pd.DataFrame], task: Regression
) -> pd.DataFrame:
    """Error to expect of a prediction, by the value that was predicted.

    A new photo's truth is unknown, so the test images are put into bins by what was
    **predicted** for them, and not by their truth as in ``mae[...]``.

    Parameters
    ----------
    tables : mapping of (method, seed) to DataFrame
        Test-split predictions.
    task : Regression

    Returns
    -------
    DataFrame
        One row a method and bin: ``method``, ``bin``, ``mae`` (mean absolute error of
        single runs), ``p90`` (nine in ten errors are at most that), both in the
        unit of the task, and ``n``, the distinct images; NaN where there are none.
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
