"""Intervals that hold the truth of a new image in nine of ten cases."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.alignment import RunKey
from core.evaluation.intervals import wilson
from core.tasks import Regression

Doubles = NDArray[np.float64]

COVERAGE = 0.9
FEWEST = 50
"""Validation images, all of one weight, that the offsets of a bin rest on at least."""
COLUMNS = (
    *("method", "bin", "low", "high", "n"),
    *("held", "held_low", "held_high", "weighed"),
)


def conformal_offsets(
    validation: Mapping[RunKey, pd.DataFrame],
    test: Mapping[RunKey, pd.DataFrame],
    task: Regression,
    *,
    strata: Mapping[str, tuple[Sequence[str], Sequence[str]]] | None = None,
    coverage: float = COVERAGE,
) -> pd.DataFrame:
    """How far the truth may lie from a prediction, by the value that was predicted.

    Parameters
    ----------
    validation, test : mapping of (method, seed) to DataFrame
        Predictions of the two splits; a run without the first is left out.
    task : Regression
    strata : mapping of method to two sequences of str, optional
        Stratum of each row of a method's validation and test tables, where the test set
        was drawn by strata: the validation images then count as often as such an image
        is in the test set. One weight each by default.
    coverage : float, in (0, 1)
        Chance that the interval holds the truth.

    Returns
    -------
    DataFrame
        One row a method and bin of what is predicted: ``method``, ``bin``; ``low`` and
        ``high``, to be added to a prediction, in the unit of the task (NaN without
        validation images); ``n``, the validation images that they rest on; ``held``,
        the share of the method's test images whose truth lies within, the same in every
        bin, with Wilson's interval ``held_low`` to ``held_high``; ``weighed``, whether
        the images have weights.

    Notes
    -----
    Split conformal prediction (Papadopoulos et al., ECML 2002; Lei et al., Journal of
    the American Statistical Association 2018) with the signed error as the score, the
    two ends at (1 - coverage) / 2 each, apart for the bins of the prediction (Vovk et
    al., Mondrian confidence machines, 2003): the truth of a new photo is not known, its
    prediction is. A bin of few images takes its neighbours' too. Weights: Tibshirani et
    al., NeurIPS 2019; the new image counts with the mean weight. The promise is for
    images that are drawn as the weighted validation images are, and validation images
    that also chose the epoch promise a little too much: ``held`` tells.
    """
    rows = []
    bins = np.arange(len(task.bin_labels))
    for method in dict.fromkeys(method for method, _ in test):
        keys = [key for key in test if key[0] == method and key in validation]
        if not keys:
            continue
        stratum = (strata or {}).get(method)
        weight = _weights(stratum, len(validation[keys[0]]))
        errors, predicted = _errors([validation[key] for key in keys], task)
        places = task.bin_of(predicted)
        low, high, n = _by_bin(errors, places, weight, len(keys), bins, coverage)
        off, answered = _errors([test[key] for key in keys], task)
        place = task.bin_of(answered)
        held = (off >= low[place]) & (off <= high[place])
        images = len(test[keys[0]])
        by_image = held.reshape(len(keys), images).mean(axis=0)
        share = float(by_image.mean())
        ends = wilson(
            np.array([share]),
            np.array([float(images)]),
            np.array([by_image.var()]),
            seeds=len(keys),
        )
        common = {
            "held": share,
            "held_low": ends[0][0],
            "held_high": ends[1][0],
            "weighed": stratum is not None,
        }
        rows += [
            {
                "method": method,
                "bin": task.bin_labels[b],
                "low": low[b],
                "high": high[b],
                "n": int(n[b]),
                **common,
            }
            for b in bins
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _errors(
    tables: Sequence[pd.DataFrame], task: Regression
) -> tuple[Doubles, Doubles]:
    """Truth minus prediction of every run, one after the other, and the predictions."""
    truth, predicted = (
        np.concatenate([table[f"{task.name}_{which}"] for table in tables]).astype(
            np.float64
        )
        for which in ("true", "pred")
    )
    return truth - predicted, predicted


def _weights(
    stratum: tuple[Sequence[str], Sequence[str]] | None, count: int
) -> Doubles:
    """Weight of each validation image, with mean 1."""
    if stratum is None:
        return np.ones(count)
    own, of_test = (pd.Series(list(names), dtype=object) for names in stratum)
    ratio = of_test.value_counts(normalize=True) / own.value_counts(normalize=True)
    weight = own.map(ratio.fillna(0.0)).to_numpy(np.float64)
    return np.asarray(weight / weight.mean())


def _by_bin(
    errors: Doubles,
    places: NDArray[np.int64],
    weight: Doubles,
    runs: int,
    bins: NDArray[np.int64],
    coverage: float,
) -> tuple[Doubles, Doubles, Doubles]:
    """Ends and number of images of each bin of the prediction, of runs one by one."""
    low, high, counted = np.full((3, len(bins)), np.nan)
    weight = np.tile(weight, runs)
    for b in bins:
        for reach in range(len(bins)):
            near = np.abs(places - b) <= reach
            if _effective(weight[near]) >= FEWEST * runs:
                break
        counted[b] = near.sum() // runs
        tail = (1 - coverage) / 2
        high[b] = _upper(errors[near], weight[near], 1 - tail)
        low[b] = -_upper(-errors[near], weight[near], 1 - tail)
    return low, high, counted


def _effective(weight: Doubles) -> float:
    """How many images of one weight these are worth (Kish, Survey Sampling, 1965)."""
    total = float((weight**2).sum())
    return float(weight.sum()) ** 2 / total if total > 0 else 0.0


def _upper(values: Doubles, weight: Doubles, share: float) -> float:
    """Smallest value that a new one stays below with at least that chance.

    The largest of all where the new one's own weight is too much for any: a range that
    is never left, as that of ages, ends there.
    """
    if not len(values):
        return np.nan
    order = np.argsort(values, kind="stable")
    total = weight.sum() + weight.mean()
    below = np.cumsum(weight[order])
    place = int(np.searchsorted(below, share * total * (1 - 1e-12)))
    return float(values[order[min(place, len(values) - 1)]])
