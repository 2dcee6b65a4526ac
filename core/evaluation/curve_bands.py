"""Pointwise bands of ROC and precision-recall curves, from the engine's resamples."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from core.evaluation.alignment import AlignedPredictions, Probabilities, RunKey
from core.evaluation.auc import area, ties
from core.evaluation.curves import (
    CurveChoice,
    Kind,
    precision_segments,
)
from core.evaluation.intervals import SingleInterval, single_interval, wilson
from core.evaluation.resampling import (
    LEVEL,
    Doubles,
    Flags,
    Floats,
    Integers,
    Resampler,
    one_thread,
)
from core.evaluation.variance import (
    RunDraws,
    TrainingVariance,
    distinct_trainings,
    name_trainings,
    pool_training_variance,
)
from core.tasks import Classification

PLACES, FEW_PLACES = 40, 8
"""Places of a band at most and at least."""
MOST_TERMS = 8_000_000
"""Terms that are resampled at once: many images have a narrow band, at fewer places."""
NEAR = 2
"""Places to either side whose variances between trainings are taken together."""
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
_STREAM = 5
_ROUNDING = 1e-12
"""Variance of heights that no resample moves."""
BAND_COLUMNS = ("method", "x", "y", "low", "high", "anew")


def curve_bands(
    aligned: AlignedPredictions,
    task: Classification,
    choice: CurveChoice,
    methods: Sequence[str],
    resampler: Resampler,
    *,
    trained: Sequence[str] | None = None,
    trainings: Mapping[RunKey, str] | None = None,
    level: float = LEVEL,
) -> pd.DataFrame:
    """A pointwise interval around the curve of some methods.

    Parameters
    ----------
    aligned : AlignedPredictions
    task : Binary or Multiclass
    choice : CurveChoice
    methods : sequence of str
        Those with a band.
    resampler : Resampler
        Of the same images.
    trained : sequence of str, optional
        Methods that tell how much the curve of one with a single seed varies from
        training to training; all by default.
    trainings : mapping of (method, seed) to str, optional
        What the training of each run is known by, so that each counts once.
    level : float, in (0, 1)

    Returns
    -------
    DataFrame
        Columns ``method``, ``x``, ``y`` (of the curve there), ``low``, ``high`` and
        ``anew``: whether the interval is for the method trained anew, or for this one
        trained model, since nothing tells how much trainings vary. No rows of a method
        without a curve.

    Notes
    -----
    At each place of the level axis the height is a metric like any other: its resamples
    are the sums of terms that each image adds (``place_terms``), its interval that of
    the mean over the seeds, as the area's (``intervals.single_interval``). That is the
    vertical averaging of Fawcett (Pattern Recognition Letters 2006, section 8.1). Each
    place has its own interval: the whole curve lies in the band less often. Of few
    seeds the variance between trainings is known badly, and would jump from one place
    to the next: it is the mean of near places. Where no resample moves the height, as
    where all images that pass are of the class, the interval is Wilson's of a share of
    as many images.
    """
    y_true = aligned.truth[task.name].astype(np.int64)
    scored = choice.scored(y_true, task)
    every = [m for m in aligned.methods if aligned.probabilities_of(task.name, m)]
    known = [m for m in methods if m in every]
    if not known or not len(scored):
        return pd.DataFrame(columns=list(BAND_COLUMNS))
    counts = np.bincount(y_true)[scored]
    fewest, others = int(counts.min()), len(y_true) - int(counts.max())
    x = band_places(
        choice.kind, len(y_true), others if choice.kind == "roc" else fewest
    )
    seeds = {method: len(aligned.seeds_of(method)) for method in every}
    asked = every if trained is None else [m for m in every if m in trained]
    telling = distinct_trainings(
        {method: seeds[method] for method in asked},
        name_trainings(aligned.runs, trainings or {}),
    )
    if all(seeds[method] > 1 for method in known):
        telling = []
    with one_thread():
        runs = {
            method: _draw_method(
                aligned, task, choice.kind, scored, method, x, resampler
            )
            for method in dict.fromkeys((*known, *telling))
        }
    pool = pool_training_variance({method: runs[method] for method in telling})
    parts = []
    for method in known:
        own = runs[method]
        span = _interval(own, pool, x, min(fewest, others), level)
        height = own.values.mean(axis=1)
        # All images that pass are of the class; of a ROC curve all of the class pass.
        passing = (
            x * fewest / height if choice.kind == "pr" else np.where(x < 1, fewest, 0)
        )
        still = own.over_images <= _ROUNDING
        edges = wilson(
            height, np.where(still, passing, 0), np.zeros(len(x)), seeds=1, level=level
        )
        # Without images Wilson's interval is undefined, and not taken.
        low, high = np.fmin(span.low, edges[0]), np.fmax(span.high, edges[1])
        if choice.kind == "roc":
            low[x == 1] = 1.0
        columns = {"x": x, "y": height, "low": low.clip(0, 1), "high": high.clip(0, 1)}
        parts.append(pd.DataFrame({"method": method, **columns, "anew": span.anew}))
    return pd.concat(parts, ignore_index=True)


def _interval(
    own: RunDraws,
    pool: TrainingVariance | None,
    x: Doubles,
    images: int,
    level: float,
) -> SingleInterval:
    """Interval of a method's height at each place, its trainings' variance smoothed."""
    given = own.training_variance() if own.seeds > 1 else pool
    if given is not None:
        given = smoothed(given, own.seeds)
    # With the variance of its trainings given, the mean over seeds is as one run.
    mean = RunDraws(own.values.mean(axis=1)[:, None], own.mean_draws[:, None])
    return single_interval(mean, np.full(len(x), images), level=level, pooled=given)


def smoothed(one: TrainingVariance, seeds: int) -> TrainingVariance:
    """Variance between trainings of a mean over seeds, as the mean of near places.

    Degrees of freedom stay those of one place: heights of near places go together.

    Examples
    --------
    >>> jumps = TrainingVariance(*(np.array([0.0, 0.0, 3.0]),) * 3)
    >>> smoothed(jumps, 2).observed.tolist()
    [0.5, 0.5, 0.5]
    """
    places = np.arange(len(one.observed))
    near = np.abs(places[:, None] - places) <= NEAR
    weights = near / near.sum(axis=1, keepdims=True) / seeds
    return TrainingVariance(
        weights @ one.observed, weights @ one.interaction, one.freedom
    )


def band_places(kind: Kind, rows: int, size: int) -> Doubles:
    """Places of the level axis, closer where a ROC curve is steep.

    ``size`` is the least number of images that a share of the axis is of: between two
    of them no place is needed.

    Examples
    --------
    >>> band_places("roc", 640, 1_600)[[0, 20, -1]].tolist()
    [0.0, 0.25, 1.0]
    >>> band_places("pr", 640, 4).tolist()
    [0.25, 0.5, 0.75, 1.0]
    """
    places = max(FEW_PLACES, min(PLACES, MOST_TERMS // rows))
    even = np.arange(places + 1) / places
    found = even**2 if kind == "roc" else even
    found = np.unique(np.rint(found * size) / size)
    return np.asarray(found if kind == "roc" else found[1:], np.float64)


def _draw_method(
    aligned: AlignedPredictions,
    task: Classification,
    kind: Kind,
    scored: Integers,
    method: str,
    x: Doubles,
    resampler: Resampler,
) -> RunDraws:
    """Height at each place, of the data and of the resamples, by seed."""
    y_true = aligned.truth[task.name].astype(np.int64)
    values, draws = [], []
    for given in aligned.probabilities_of(task.name, method) or ():
        own, others = mean_terms(y_true, given, scored, kind, x)
        values.append(
            np.mean([own[:, y_true == c].mean(axis=1) for c in scored], axis=0)
        )
        draws.append(
            _resampled(y_true, len(task.classes), own, others, scored, resampler)
        )
    return RunDraws(np.stack(values, axis=1), np.stack(draws, axis=1))


def mean_terms(
    y_true: Integers, given: Probabilities, scored: Integers, kind: Kind, x: Doubles
) -> tuple[Floats, Floats]:
    """The terms of ``place_terms`` for the mean over some classes."""
    if len(scored) == 1:
        return place_terms(y_true == scored[0], given[:, scored[0]], kind, x)
    shape = (len(x), len(y_true))
    own, others = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for label in scored:
        positive = y_true == label
        inside, shift = place_terms(positive, given[:, label], kind, x)
        own[:, positive] = inside[:, positive]
        others += shift / len(scored)
    return own, others


def place_terms(
    positive: Flags, scores: Probabilities, kind: Kind, x: Doubles
) -> tuple[Floats, Floats]:
    """The terms that each image adds to the height of a curve at some places.

    Parameters
    ----------
    positive : bool array, shape (rows,)
        Images of the class.
    scores : float array, shape (rows,)
    kind : {"roc", "pr"}
    x : float64 array, shape (places,)

    Returns
    -------
    own : float32 array, shape (places, rows)
        Their mean over the class is the height; those of others mean nothing.
    others : float32 array, shape (places, rows)
        They sum to 0; with w how often each image is drawn, the height of a resample is
        sum(w own) / sum(w) over the class plus sum(w others), as of ``auc.auc_parts``,
        up to terms of second order.

    Notes
    -----
    Of a ROC curve: at a fixed threshold both rates are shares. Where more of the rest
    pass it than x, the threshold rises, and the true positive rate falls as much as the
    curve does over that distance (Bahadur, Annals of Mathematical Statistics 1966). Its
    slope is that of the chord over one standard error of the rate to either side.

    Of a precision-recall curve the same: where T images of the class and F of the rest
    pass a fixed threshold, the precision is T / (T + F), and where T is not the share x
    of the class, the threshold moves, and the precision with it along the curve.

    Examples
    --------
    >>> positive = np.array([True, True, False, False])
    >>> scores = np.array([0.9, 0.4, 0.5, 0.1])
    >>> own, others = place_terms(positive, scores, "roc", np.array([0.0, 0.5]))
    >>> own[:, positive].mean(axis=1).tolist(), others.sum(axis=1).tolist()
    ([0.5, 1.0], [0.0, 0.0])
    """
    if kind == "roc":
        return _roc_terms(positive, scores, x)
    return _precision_terms(positive, scores, x)


def _roc_terms(
    positive: Flags, scores: Probabilities, x: Doubles
) -> tuple[Floats, Floats]:
    inside, outside = np.sort(scores[positive]), np.sort(scores[~positive])
    size = len(outside)

    def threshold_of(passing: Doubles) -> tuple[Probabilities, Doubles]:
        """Where so many of the rest pass, and the part that passes of those there."""
        value = outside[size - 1 - np.minimum(passing.astype(np.int64), size - 1)]
        below, upto = (np.searchsorted(outside, value, side) for side in _SIDES)
        return value, (passing - (size - upto)) / (upto - below)

    def height_of(passing: Doubles) -> Doubles:
        value, share = threshold_of(passing)
        below, upto = (np.searchsorted(inside, value, side) for side in _SIDES)
        height = (len(inside) - upto + (upto - below) * share) / len(inside)
        return np.where(passing < size, height, 1.0)

    # A whole number of images must not be a rounding short of it.
    own = _passed(scores, *threshold_of(np.round(x * size, 6)))
    turned = (-_slope(height_of, size, x) / size).astype(np.float32)[:, None]
    others = (own - x.astype(np.float32)[:, None]) * (turned * ~positive)
    own[x == 1] = 1
    return own, others


def _precision_terms(
    positive: Flags, scores: Probabilities, x: Doubles
) -> tuple[Floats, Floats]:
    inside = np.sort(scores[positive])[::-1]
    size = len(inside)
    place = np.ceil(np.round(x * size, 6)).astype(np.int64) - 1
    passed = _passed(scores, inside[place], np.ones(len(x)))
    precisions = precision_segments(positive, scores).end
    height, hits = precisions[place], ties(inside)[1][place] + 1.0
    heights = np.append(precisions[:1], precisions)
    slope = _slope(lambda k: heights[k.astype(np.int64)], size, hits / size) / size
    # The derivatives of T / (T + F) by T and by F.
    of_hit, of_wrong = (1 - height) * height / hits, height**2 / hits
    columns = (of_hit - slope, -of_wrong, slope * hits / size)
    hit, wrong, shift = (part.astype(np.float32)[:, None] for part in columns)
    others = passed * np.where(positive, hit, wrong) + shift * positive
    own = np.broadcast_to(height.astype(np.float32)[:, None], passed.shape)
    return own, others


def _passed(scores: Probabilities, threshold: Probabilities, share: Doubles) -> Floats:
    """1 above a threshold, a share at it, 0 below; shape (places, rows)."""
    found = (scores > threshold[:, None]).astype(np.float32)
    some = np.flatnonzero(share)
    at = scores == threshold[some, None]
    found[some] += at * share[some, None].astype(np.float32)
    return found


def _slope(height_of: Callable[[Doubles], Doubles], size: int, x: Doubles) -> Doubles:
    """Slope of a curve, over one standard error of a share of x to either side.

    ``height_of`` gives the height where so many of the ``size`` images pass.
    """
    away = np.maximum(np.sqrt(x * (1 - x) * size), 1)
    left, right = (
        np.clip(np.rint(x * size + side * away), 0, size) for side in (-1, 1)
    )
    return np.asarray((height_of(right) - height_of(left)) * size / (right - left))


def _resampled(
    y_true: Integers,
    classes: int,
    own: Floats,
    others: Floats,
    scored: Integers,
    resampler: Resampler,
) -> Floats:
    """Heights in every resample, shape (places, resamples)."""
    values = np.concatenate([own, others])
    shape = (classes, 2, len(own), resampler.resamples)
    counts = np.zeros((classes, shape[-1]), np.float32)
    sums = np.zeros(shape, np.float32)
    drawn = resampler.sums(
        lambda members: values[:, members].T, y_true, classes, stream=_STREAM
    )
    for one in drawn:
        counts[one.stratum] = one.counts
        sums[one.stratum] = one.sums.reshape(shape[1:])
    return area(counts, sums, scored)
