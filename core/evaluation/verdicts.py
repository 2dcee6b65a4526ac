"""Verdicts on a difference: where "better" and "inconclusive" are decided."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.metrics import Direction, MetricInfo
from core.evaluation.resampling import Doubles
from core.language import N_
from core.tasks import Regression, Task

SMALL_GROUP = 20
"""Images below which there is no verdict: the bootstrap cannot be trusted there."""
MOST_UNDEFINED = 0.05
"""Share of the resamples in which a metric may be undefined and still be judged."""

BASELINE = N_("baseline")
BETTER, WORSE = N_("better"), N_("worse")
EQUIVALENT = N_("equivalent")
DIFFERS = N_("differs")
INCONCLUSIVE = N_("inconclusive")
UNTESTED = N_("no verdict")
VERDICTS = (BASELINE, BETTER, WORSE, EQUIVALENT, DIFFERS, INCONCLUSIVE, UNTESTED)
CERTAIN = (BETTER, WORSE, DIFFERS)

METHOD, MODEL = "method", "model"
"""The subject of a verdict: a method, trained anew, or one trained model."""

TOO_FEW = N_("fewer than 20 images")
OFTEN_UNDEFINED = N_("undefined in more than 5% of the resamples")
UNDEFINED = N_("not defined here")
NO_COUNTERPART = N_("in one study only")
BORDERLINE = N_("borderline: too near its bound to be decided by resampling")

# Differences too small to matter, where a study gives none of its own.
_MARGINS = {
    "accuracy": 0.01,
    "error_rate": 0.01,
    "flip_rate": 0.01,
    "balanced_accuracy": 0.01,
    "auc": 0.01,
    "average_precision": 0.01,
    "f1": 0.02,
    "macro_f1": 0.02,
}
_YEARS_MARGIN = 0.5
_IN_UNITS = ("mae", "mae_balanced", "rmse", "instability")


def margin_of(
    info: MetricInfo, margins: Mapping[str, float], tasks: Sequence[Task]
) -> float:
    """The largest difference of a metric that does not matter; NaN if none is known.

    The study's own in ``margins``, by the metric's key; else 0.5 years, 0.01 of an
    accuracy, an area or a flip rate, 0.02 of an F1. A metric of one class, bin, group
    or change has no default margin, and neither has an error in a unit other than
    years.
    """
    if info.key in margins:
        return float(margins[info.key])
    if info.part:
        return float("nan")
    task = next((one for one in tasks if one.name == info.task), None)
    if info.name in _IN_UNITS and isinstance(task, Regression):
        return _YEARS_MARGIN if task.unit == "years" else float("nan")
    return _MARGINS.get(info.name, float("nan"))


def decide(
    delta_low: Doubles,
    delta_high: Doubles,
    margin: Doubles,
    directions: Sequence[Direction],
) -> NDArray[np.str_]:
    """Say of every difference what its interval says; all arrays have one shape.

    Parameters
    ----------
    delta_low, delta_high : float64 arrays
        The simultaneous interval; NaN where there is none.
    margin : float64 array
        Difference that does not matter; NaN where none is known.
    directions : sequence of {"lower", "higher", "zero", "none"}

    Returns
    -------
    str array
        ``equivalent`` where the interval lies inside the margin, or holds 0 alone; else
        ``better`` or ``worse`` where it leaves out 0 (``differs`` where no side is
        better), else ``inconclusive``; ``no verdict`` without an interval.

    Notes
    -----
    Equivalence is decided by two one-sided tests (Schuirmann, Journal of
    Pharmacokinetics and Biopharmaceutics 1987), read off the interval that is shown: at
    95 % they are stricter than the usual 90 %.
    """
    inside = (delta_low > -margin) & (delta_high < margin)
    # Two methods with the same predictions are equivalent, whatever the margin.
    inside |= (delta_low == 0) & (delta_high == 0)
    lower = np.array([direction != "higher" for direction in directions], bool)
    sided = np.array([direction != "none" for direction in directions], bool)
    better = np.where(lower, delta_high < 0, delta_low > 0)
    apart = (delta_low > 0) | (delta_high < 0)
    words = np.where(apart, np.where(better, BETTER, WORSE), INCONCLUSIVE)
    words = np.where(apart & ~sided, DIFFERS, words)
    words = np.where(inside, EQUIVALENT, words)
    return np.where(np.isnan(delta_low), UNTESTED, words)


def speaks_of_model(row: Mapping[Any, Any] | pd.Series) -> bool:
    """Whether a verdict is about one trained model, and not about its method."""
    return bool(row["scope"] == MODEL)
