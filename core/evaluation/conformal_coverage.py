"""How often conformal intervals hold the truth, and how wide they are: by group.

Each interval is that of ``conformal.conformal_offsets`` about a prediction, fitted on
validation images. It promises its coverage over all images like these, and of the bins
of the prediction; of a group, or of an age that is true, it promises nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from core.evaluation.alignment import RunKey, align_predictions
from core.evaluation.conformal import COVERAGE, conformal_offsets
from core.evaluation.grouping import ALL_IMAGES, group_images
from core.evaluation.intervals import single_interval
from core.evaluation.resampling import (
    LEVEL,
    RESAMPLES,
    Doubles,
    Flags,
    Floats,
    Integers,
    Resampler,
    one_thread,
)
from core.evaluation.variance import RunDraws
from core.tasks import Regression, Task

PREDICTION, TRUTH = "prediction", "truth"
"""Parts by the bin of the number itself, beside sensitive features."""
COLUMNS = (
    *("method", "part", "group", "coverage", "low", "high"),
    *("width", "images", "seeds", "verdict"),
)
TOO_LOW, TOO_HIGH = "too low", "too high"
Strata = Mapping[str, tuple[Sequence[str], Sequence[str]]]


def conformal_coverage(
    validation: Mapping[RunKey, pd.DataFrame],
    test: Mapping[RunKey, pd.DataFrame],
    task: Regression,
    *,
    features: Sequence[str] = (),
    tasks: Sequence[Task] = (),
    strata: Strata | None = None,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Coverage and width of the intervals on the test images, in parts of them.

    Parameters
    ----------
    validation, test : mapping of (method, seed) to DataFrame
        Predictions of the two splits; a method without the first is left out.
    task : Regression
    features : sequence of str
        Sensitive features whose groups are looked at. Those that the tables lack are
        left out.
    tasks : sequence of Task
        Order the groups of a feature that is a task too.
    strata
        As for ``conformal_offsets``.
    resamples : int

    Returns
    -------
    DataFrame
        One row a method, part and group. ``part`` is empty for all images, else
        ``PREDICTION``, ``TRUTH`` (bins of the number) or a feature. ``coverage`` is the
        share of intervals that hold the truth, as a mean over the ``seeds``, with its
        95 % interval ``low`` to ``high``; ``width`` the mean width within the range of
        the task, in its unit; ``images`` those of the group, in a bin of the prediction
        as a mean over the seeds; ``verdict``, ``TOO_LOW`` or ``TOO_HIGH`` where the
        coverage is certainly not what was promised, else empty.

    Notes
    -----
    The interval is Wilson's, over images and seeds, as that of any share of images
    (``intervals.single_interval``). A verdict takes a wider one, corrected over all
    methods and groups of the part (Bonferroni): the worst of many groups is low by
    chance.
    """
    offsets = conformal_offsets(validation, test, task, strata=strata)
    parts: list[pd.DataFrame] = []
    drawn: dict[int, Resampler] = {}
    methods = offsets["method"].unique()
    for method in methods:
        keys = sorted(key for key in test if key[0] == method and key in validation)
        tables = {key: test[key] for key in keys}
        found = _hold(tables, task, offsets[offsets["method"] == method])
        groupings = _groupings(tables[keys[0]], task, found, features, tasks)
        rows = found.held.shape[1]
        # Methods of as many images are drawn alike, once.
        resampler = drawn.setdefault(rows, Resampler(rows, resamples))
        table = _coverage(found, groupings, resampler, methods=len(methods))
        parts.append(table.assign(method=method, seeds=len(keys)))
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


@dataclass(frozen=True)
class _Intervals:
    """The intervals of one method's seeds, arrays of shape (seeds, images)."""

    held: Flags
    width: Doubles
    places: Integers


@dataclass(frozen=True)
class _Grouping:
    """Parts of the images: names, and the place of each, shape (seeds, images)."""

    part: str
    names: tuple[str, ...]
    places: Integers


def _hold(
    tables: Mapping[RunKey, pd.DataFrame], task: Regression, offsets: pd.DataFrame
) -> _Intervals:
    aligned = align_predictions(tables, [task], next(iter(tables))[0])
    predicted = aligned.predictions[task.name].astype(np.float64)
    truth = aligned.truth[task.name].astype(np.float64)
    own = offsets.set_index("bin").loc[list(task.bin_labels)]
    places = task.bin_of(predicted.ravel()).reshape(predicted.shape)
    low, high = (
        predicted + own[end].to_numpy(np.float64)[places] for end in ("low", "high")
    )
    held = (low <= truth) & (truth <= high)
    inside = (np.clip(end, task.minimum, task.maximum) for end in (low, high))
    low, high = inside
    return _Intervals(held, high - low, places)


def _groupings(
    first: pd.DataFrame,
    task: Regression,
    found: _Intervals,
    features: Sequence[str],
    tasks: Sequence[Task],
) -> list[_Grouping]:
    whole = np.zeros(found.held.shape, np.int64)
    parts = [
        _Grouping("", (ALL_IMAGES,), whole),
        _Grouping(PREDICTION, task.bin_labels, found.places),
    ]
    bins = f"{task.name}_bin"
    for feature in (bins, *(name for name in features if name in first)):
        groups = group_images(first, [task, *tasks], [feature])
        places = np.broadcast_to(groups.codes, found.held.shape)
        name = TRUTH if feature == bins else feature
        parts.append(_Grouping(name, groups.names, places))
    return parts


def _coverage(
    found: _Intervals,
    groupings: Sequence[_Grouping],
    resampler: Resampler,
    *,
    methods: int,
) -> pd.DataFrame:
    """Coverage of one method's intervals in all parts."""
    seeds, rows = found.held.shape
    tables = []
    for grouping in groupings:
        count = len(grouping.names)
        # How many images of a seed are in each group, and how many are held.
        inside = np.zeros((rows, 2, count, seeds), np.float32)
        width = np.zeros((count, seeds))
        for seed in range(seeds):
            places = grouping.places[seed]
            inside[np.arange(rows), 0, places, seed] = 1
            inside[np.arange(rows), 1, places, seed] = found.held[seed]
            width[:, seed] = np.bincount(places, found.width[seed], minlength=count)
        flat = inside.reshape(rows, -1)
        with one_thread():
            (drawn,) = resampler.sums(
                partial(np.take, flat, axis=0), np.zeros(rows, np.int64), 1
            )
        totals = drawn.total.reshape(2, count, seeds)
        sums = drawn.sums.reshape(2, count, seeds, -1)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = totals[1] / totals[0]
            mean_width = width.sum(axis=1) / totals[0].sum(axis=1)
            runs = RunDraws(values, sums[1] / sums[0])
        n = totals[0].mean(axis=1)
        tables.append(_table(grouping, runs, n, mean_width, methods))
    return pd.concat(tables, ignore_index=True)


def _table(
    grouping: _Grouping, runs: RunDraws, n: Floats, width: Doubles, methods: int
) -> pd.DataFrame:
    shares = np.full(len(n), True)
    found = single_interval(runs, n, shares=shares)
    looks = methods * max(int((n > 0).sum()), 1)
    sure = single_interval(runs, n, shares=shares, level=1 - (1 - LEVEL) / looks)
    verdict = np.where(sure.high < COVERAGE, TOO_LOW, "")
    verdict = np.where(sure.low > COVERAGE, TOO_HIGH, verdict)
    table = pd.DataFrame(
        {
            "part": grouping.part,
            "group": grouping.names,
            "coverage": runs.values.mean(axis=1),
            "low": found.low,
            "high": found.high,
            "width": width,
            "images": n,
            "verdict": verdict,
        }
    )
    return table[n > 0]
