"""Metrics of ranked probabilities: AUC, average precision, top-k accuracy.

Each is written as sums over images within the true classes, so that the resamples of
``resampling`` serve as they are: one sort a class and run, then one matrix product.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import AVERAGE_PRECISION
from core.evaluation.resampling import Doubles, Flags, Floats, Integers
from core.tasks import Classification

Probabilities = NDArray[np.floating]
Images = NDArray[np.intp] | slice
ALL = slice(None)
"""Stands for all images."""
Parts = Callable[[Integers, Probabilities, Integers, Images], tuple[Doubles, Doubles]]
"""Gives the terms that each image adds to an area, as ``auc_parts`` does."""


@dataclass(frozen=True)
class RankFeatures:
    """The terms that each image adds to the ranking metrics of each run.

    Parameters
    ----------
    values : float32 array, shape ((2 + tops) x columns, rows)
        For each run ``own`` and ``others`` (see ``auc_parts``), then for each k of
        ``tops`` whether the true class is among the k most probable.
    areas : float64 array, shape (columns,)
        Area of each run on the data themselves, under the ROC curve or another.
    scored : int array, shape (scored,)
        Classes whose area is in the mean.
    known : bool array, shape (columns,)
        Runs that have probabilities.
    tops : tuple of int
    """

    values: NDArray[np.float32]
    areas: Doubles
    scored: Integers
    known: Flags
    tops: tuple[int, ...]


def rank_features(
    y_true: Integers,
    probabilities: Sequence[Probabilities | None],
    task: Classification,
    tops: Sequence[int] = (),
    images: Images = ALL,
    *,
    name: str = "auc",
    label: int | None = None,
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
    images : int array, or slice
        Rows to rank, all by default; the features are for these rows.
    name : {"auc", "average_precision"}
        Area that the features are of.
    label : int, optional
        Class whose area it is; by default the mean over the classes, of two classes
        the area of the positive one.

    Examples
    --------
    One of two negatives is ranked above the positive:

    >>> from core.tasks import Binary
    >>> task = Binary("pet", "Pet", ("cat", "dog"))
    >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    >>> truth = np.array([0, 0, 1])
    >>> rank_features(truth, [p], task).areas.tolist()
    [0.5]
    >>> rank_features(truth, [p], task, label=0).areas.tolist()
    [0.5]
    """
    own = y_true[images]
    rows, columns = len(own), len(probabilities)
    scored = scored_classes(own, task, label)
    values = np.zeros((2 + len(tops), columns, rows), np.float32)
    areas = np.full(columns, np.nan)
    for column, given in enumerate(probabilities):
        if given is None:
            continue
        parts = PARTS[name](own, given, scored, images)
        values[0, column], values[1, column] = parts
        if len(scored):
            areas[column] = np.mean([parts[0][own == one].mean() for one in scored])
        if tops:
            ranks = true_class_ranks(own, given[images])
            values[2:, column] = ranks < np.array(tops)[:, None]
    known = np.array([given is not None for given in probabilities], bool)
    return RankFeatures(values.reshape(-1, rows), areas, scored, known, tuple(tops))


def scored_classes(
    y_true: Integers, task: Classification, label: int | None = None
) -> Integers:
    """Classes with images and images of others, of which an area is the mean.

    Of two classes the positive one; with ``label`` at most that class.

    Examples
    --------
    >>> from core.tasks import Multiclass
    >>> task = Multiclass("kind", "Kind", ("cat", "dog", "fox"))
    >>> scored_classes(np.array([0, 2, 2]), task).tolist()
    [0, 2]
    """
    counts = np.bincount(y_true, minlength=len(task.classes))
    scored = (counts > 0) & (counts < len(y_true))
    if label is not None:
        scored &= np.arange(len(scored)) == label
    elif task.kind == "binary":
        scored[0] = False
    return np.flatnonzero(scored)


def smallest_side(
    y_true: Integers, task: Classification, label: int | None = None
) -> int:
    """Images on the smallest side of the areas in the mean: a class, or all others.

    An area is as uncertain as the smaller of the two sides that it ranks: with five
    images of a class it rests on five, however many other images there are. If no area
    is defined, this is the number of all images. ``label`` is as for
    ``rank_features``.

    Examples
    --------
    >>> from core.tasks import Binary
    >>> task = Binary("pet", "Pet", ("cat", "dog"))
    >>> smallest_side(np.array([0, 0, 0, 1, 1]), task)
    2
    """
    counts = np.bincount(y_true, minlength=len(task.classes))
    scored = counts[scored_classes(y_true, task, label)]
    return int(np.minimum(scored, len(y_true) - scored).min(initial=len(y_true)))


def auc_parts(
    y_true: Integers,
    probabilities: Probabilities,
    scored: Integers,
    images: Images = ALL,
) -> tuple[Doubles, Doubles]:
    """The terms that each image adds to the mean area of the classes against the rest.

    Parameters
    ----------
    y_true : int array, shape (images,)
    probabilities : float array, shape (rows, classes)
        Equal values are ties and count half.
    scored : int array
        Classes with images and with images of others.
    images : int array, or slice
        Rows to rank, all by default.

    Returns
    -------
    own : float64 array, shape (images,)
        Share of the images of other classes that have a lower probability of the
        image's own class; its mean over a class is that class's area.
    others : float64 array, shape (images,)
        Shift of the areas of the other classes by the image; it sums to 0 over the
        images.

    Notes
    -----
    The placements of DeLong et al., Biometrics 1988. An area is a two-sample
    U-statistic; with w how often each image is drawn, its resampled value is
    sum(w own) / sum(w) over the class, plus sum(w others), up to terms of second
    order (Hoeffding's projection; van der Vaart, Asymptotic Statistics, 1998,
    section 12.2). With every w = 1 it is the area itself.

    Examples
    --------
    The positives are ranked above both negatives, and above one of two:

    >>> p = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.7, 0.3]])
    >>> own, _ = auc_parts(np.array([0, 0, 1, 1]), p, np.array([1]))
    >>> own[2:].tolist()
    [1.0, 0.5]
    """
    rows, count = len(y_true), max(len(scored), 1)
    own, others = np.zeros(rows), np.zeros(rows)
    for label in scored:
        scores, is_own = probabilities[images, label], y_true == label
        # Both sides sorted: a search in order keeps to the cache.
        members, inside = _ascending(scores, np.flatnonzero(is_own))
        rest, outside = _ascending(scores, np.flatnonzero(~is_own))
        own[members] = _placements(inside, outside)
        placed = 1 - _placements(outside, inside)
        others[rest] += (placed - placed.mean()) / (len(outside) * count)
    return own, others


def average_precision_parts(
    y_true: Integers,
    probabilities: Probabilities,
    scored: Integers,
    images: Images = ALL,
) -> tuple[Doubles, Doubles]:
    """The terms that each image adds to the mean average precision of the classes.

    Arguments as for ``auc_parts``; equal values are one threshold.

    Returns
    -------
    own : float64 array, shape (images,)
        Precision among the images whose probability of the image's own class is at
        least the image's; its mean over a class is that class's average precision.
    others : float64 array, shape (images,)
        By how much the image moves the precision at the thresholds below it; it sums to
        0 over the images.

    Notes
    -----
    Average precision is scikit-learn's: the area under the precision-recall curve whose
    steps are those of the data (Boyd et al., ECML 2013). With w how often each image is
    drawn, y 1 for the images of the class, T_i and N_i the images of the class and all
    images at or above the i-th, it is sum(w y T / N) / sum(w y). Its resampled value is
    sum(w own) / sum(w) over the class, plus sum(w others), up to terms of second order:
    others_k is the derivative of the precisions by w_k, the sum of (y_k - T_i / N_i) /
    N_i over the images i of the class at or below the k-th, over their number (van der
    Vaart, Asymptotic Statistics, 1998, chapter 20). An image that is drawn twice is
    ranked beside itself, which would raise the precision of a rare class in nearly
    every resample; the terms of first order do not have that bias.

    Examples
    --------
    The positives are first and third of four:

    >>> p = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]])
    >>> own, others = average_precision_parts(np.array([1, 0, 1, 0]), p, np.array([1]))
    >>> own.round(3).tolist()
    [1.0, 0.0, 0.667, 0.0]
    >>> bool(np.isclose(others.sum(), 0))
    True
    """
    rows, count = len(y_true), max(len(scored), 1)
    own, others = np.zeros(rows), np.zeros(rows)
    for label in scored:
        scores = probabilities[images, label]
        order = np.argsort(scores)[::-1]
        found = y_true[order] == label
        first, last = ties(scores[order])
        ranked = last + 1
        precision = found.cumsum()[last] / ranked
        own[order[found]] = precision[found]
        gain = _sums_to_the_end(found / ranked)[first]
        loss = _sums_to_the_end(found * precision / ranked)[first]
        others[order] += (found * gain - loss) / (found.sum() * count)
    return own, others


def ties(ordered: Probabilities) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last place of the values that equal each value, of values in order.

    Examples
    --------
    >>> first, last = ties(np.array([3.0, 2.0, 2.0]))
    >>> first.tolist(), last.tolist()
    ([0, 1, 1], [0, 2, 2])
    """
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(ordered))
    return np.repeat(starts, ends - starts), np.repeat(ends - 1, ends - starts)


def _sums_to_the_end(values: Doubles) -> Doubles:
    return np.asarray(values[::-1].cumsum()[::-1])


PARTS: dict[str, Parts] = {
    "auc": auc_parts,
    AVERAGE_PRECISION: average_precision_parts,
}
"""The terms of each area, by the metric's name."""


def _ascending(
    scores: Probabilities, images: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Probabilities]:
    """Some images by their score, and the scores."""
    found = scores[images]
    order = np.argsort(found)
    return images[order], found[order]


def _placements(scores: Probabilities, among: Probabilities) -> Doubles:
    """Share of ``among`` that each score is above, ties for half; both ascending."""
    below = np.searchsorted(among, scores, side="left")
    level = np.searchsorted(among, scores, side="right")
    return np.asarray((below + level) / (2 * len(among)))


def true_class_ranks(y_true: Integers, probabilities: Probabilities) -> Integers:
    """Number of classes ranked before the true one; ties go to the earlier class.

    An int array, shape (rows,): 0 where the true class is the most probable, as
    ``argmax`` finds it.

    Examples
    --------
    >>> p = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    >>> true_class_ranks(np.array([2, 1]), p).tolist()
    [1, 1]
    """
    own = np.take_along_axis(probabilities, y_true[:, None], axis=1)
    earlier = np.arange(probabilities.shape[1]) < y_true[:, None]
    before = (probabilities > own) | ((probabilities == own) & earlier)
    return np.asarray(before.sum(axis=1), np.int64)


def top_k_accuracies(y_true: Integers, probabilities: Probabilities) -> Doubles:
    """Top-k accuracy for every k at once, float64, shape (classes,).

    The share of the images whose class is among the k most probable, for k = 1, 2, ...;
    it never falls, and is 1 at the last k.

    Examples
    --------
    >>> p = np.array([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]])
    >>> top_k_accuracies(np.array([2, 0]), p).tolist()
    [0.5, 1.0, 1.0]
    """
    ranks = true_class_ranks(y_true, probabilities)
    counts = np.bincount(ranks, minlength=probabilities.shape[1])
    return np.asarray(counts.cumsum() / len(y_true))


def area(counts: Floats, parts: Floats, scored: Integers) -> Floats:
    """Area under a curve from sums of the features within the true classes.

    Under the ROC curve, or that of precision and recall, as the features are.

    Parameters
    ----------
    counts : float array, shape (classes, resamples)
        Images of each class.
    parts : float array, shape (classes, features, columns, resamples)
        Sums of ``RankFeatures.values``.
    scored : int array
        Classes whose area is in the mean.

    Returns
    -------
    float array, shape (columns, resamples)
        NaN without images of two classes.

    Examples
    --------
    Two images of class 1, whose terms ``own`` are 1 and 1/2:

    >>> counts, parts = np.array([[2.0], [2.0]]), np.zeros((2, 2, 1, 1))
    >>> parts[1, 0] = 1.5
    >>> area(counts, parts, np.array([1])).item()
    0.75
    """
    drawn = counts[scored]
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = parts[scored, 0] / drawn[:, None]
        present = drawn > 0
        mean = np.where(present[:, None], areas, 0).sum(axis=0) / present.sum(axis=0)
    # Without the terms of second order, a draw near 1 can exceed it.
    return np.asarray(np.clip(mean + parts[:, 1].sum(axis=0), 0, 1))
