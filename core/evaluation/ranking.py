"""Metrics of ranked probabilities: the area under the ROC curve, top-k accuracy.

Each is written as sums over images within the true classes, so that the resamples of
``intervals`` serve as they are: one sort a class and run, then one matrix product.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.intervals import Floats, Integers, StratumSums
from core.tasks import Classification

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class RankFeatures:
    """What each image adds to the ranking metrics of each run.

    Parameters
    ----------
    values : float32 array, shape (rows, (2 + tops) x columns)
        Of each run ``own`` and ``others`` (see ``auc_parts``), then for each k of
        ``tops`` whether the true class is among the k most probable.
    scored : int array, shape (scored,)
        Classes whose area is in the mean.
    known : bool array, shape (columns,)
        Runs that have probabilities.
    tops : tuple of int
    """

    values: NDArray[np.float32]
    scored: Integers
    known: NDArray[np.bool_]
    tops: tuple[int, ...]


def rank_features(
    y_true: Integers,
    probabilities: Sequence[Probabilities | None],
    task: Classification,
    tops: Sequence[int],
) -> RankFeatures:
    """Sort each run's probabilities once, for all resamples.

    Parameters
    ----------
    y_true : int array, shape (rows,)
        Class ids.
    probabilities : sequence of float arrays, shape (rows, classes), or None
        One a run; None where a run has none.
    task : Binary or Multiclass
    tops : sequence of int
        The k of each top-k accuracy, each at most the number of classes.
    """
    rows, columns = len(y_true), len(probabilities)
    scored = _scored_classes(y_true, task)
    values = np.zeros((rows, 2 + len(tops), columns), np.float32)
    for column, given in enumerate(probabilities):
        if given is None:
            continue
        values[:, 0, column], values[:, 1, column] = auc_parts(y_true, given, scored)
        if tops:
            ranks = true_class_ranks(y_true, given)
            values[:, 2:, column] = ranks[:, None] < np.array(tops)
    known = np.array([given is not None for given in probabilities], bool)
    return RankFeatures(values.reshape(rows, -1), scored, known, tuple(tops))


def _scored_classes(y_true: Integers, task: Classification) -> Integers:
    """Classes with images and images of others; of two classes the positive one."""
    counts = np.bincount(y_true, minlength=len(task.classes))
    scored = (counts > 0) & (counts < len(y_true))
    if task.kind == "binary":
        scored[0] = False
    return np.flatnonzero(scored)


def smallest_side(y_true: Integers, task: Classification) -> int:
    """Images of the smallest class whose area is in the mean, or of its rest.

    An area is as uncertain as the smaller of the two that it ranks: with five images
    of a class it rests on five, however many there are of the others. All images
    where none is defined.
    """
    counts = np.bincount(y_true, minlength=len(task.classes))
    scored = counts[_scored_classes(y_true, task)]
    return int(np.minimum(scored, len(y_true) - scored).min(initial=len(y_true)))


def auc_parts(
    y_true: Integers, probabilities: Probabilities, scored: Integers
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each image adds to the mean area of the classes against the rest.

    Parameters
    ----------
    y_true : int array, shape (rows,)
    probabilities : float array, shape (rows, classes)
        Equal values are ties and count half.
    scored : int array
        Classes with images and with images of others.

    Returns
    -------
    own : float64 array, shape (rows,)
        Share of the images of other classes that the image's own class ranks it
        above; its mean over a class is that class's area.
    others : float64 array, shape (rows,)
        How far the image shifts the areas of the classes it does not belong to;
        it sums to 0 over the images.

    Notes
    -----
    The placements of DeLong et al., Biometrics 1988. An area is a two-sample
    U-statistic; with w how often each image is drawn, its resampled value is
    sum(w own) / sum(w) over the class, plus sum(w others), up to terms of second
    order (Hoeffding's projection; van der Vaart, Asymptotic Statistics, 1998,
    section 12.2). With every w = 1 it is the area itself.
    """
    rows, count = len(y_true), max(len(scored), 1)
    own, others = np.zeros(rows), np.zeros(rows)
    for label in scored:
        members = np.flatnonzero(y_true == label)
        rest = np.flatnonzero(y_true != label)
        # Both sides sorted: a search in order keeps to the cache.
        members = members[np.argsort(probabilities[members, label])]
        rest = rest[np.argsort(probabilities[rest, label])]
        inside, outside = probabilities[members, label], probabilities[rest, label]
        own[members] = _placements(inside, outside)
        placed = 1 - _placements(outside, inside)
        others[rest] += (placed - placed.mean()) / (len(outside) * count)
    return own, others


def _placements(scores: Probabilities, among: Probabilities) -> NDArray[np.float64]:
    """Share of ``among`` that each score is above, ties for half; both ascending."""
    below = np.searchsorted(among, scores, side="left")
    level = np.searchsorted(among, scores, side="right")
    return np.asarray((below + level) / (2 * len(among)))


def true_class_ranks(y_true: Integers, probabilities: Probabilities) -> Integers:
    """Classes that stand before the true one; among equals the earlier class does.

    Returns
    -------
    int array, shape (rows,)
        0 where the true class is the most probable, as ``argmax`` finds it.
    """
    own = np.take_along_axis(probabilities, y_true[:, None], axis=1)
    earlier = np.arange(probabilities.shape[1]) < y_true[:, None]
    before = (probabilities > own) | ((probabilities == own) & earlier)
    return np.asarray(before.sum(axis=1), np.int64)


def top_k_accuracies(
    y_true: Integers, probabilities: Probabilities
) -> NDArray[np.float64]:
    """Top-k accuracy for every k at once.

    Returns
    -------
    float64 array, shape (classes,)
        Share of the images whose class is among the k most probable, for k = 1, 2, ...;
        it never falls, and is 1 at the last k.
    """
    ranks = true_class_ranks(y_true, probabilities)
    counts = np.bincount(ranks, minlength=probabilities.shape[1])
    return np.asarray(counts.cumsum() / len(y_true))


def ranking_metrics(sums: StratumSums, features: RankFeatures) -> dict[str, Floats]:
    """AUC and top-k accuracy from the features' sums within the true classes.

    Parameters
    ----------
    sums : StratumSums
        Of ``features.values``; the strata are the classes.
    features : RankFeatures

    Returns
    -------
    dict of float arrays, shape (columns, resamples)
        By the metric's name without the task; NaN for a run without probabilities,
        and for the AUC where there are not images of two classes.
    """
    columns = len(features.known)
    resamples = sums.counts.shape[-1]
    parts = sums.sums.reshape(len(sums.counts), -1, columns, resamples)
    metrics: dict[str, Floats] = {"auc": _area(sums.counts, parts, features.scored)}
    total = sums.counts.sum(axis=0)
    for place, k in enumerate(features.tops, start=2):
        metrics[f"top_{k}_accuracy"] = parts[:, place].sum(axis=0) / total
    unknown = ~features.known[:, None]
    return {name: np.where(unknown, np.nan, v) for name, v in metrics.items()}


def _area(counts: Floats, parts: NDArray[Any], scored: Integers) -> Floats:
    drawn = counts[scored]
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = parts[scored, 0] / drawn[:, None]
        present = drawn > 0
        mean = np.where(present[:, None], areas, 0).sum(axis=0) / present.sum(axis=0)
    # The terms left out can carry a draw next to 1 over it.
    return np.asarray(np.clip(mean + parts[:, 1].sum(axis=0), 0, 1))
