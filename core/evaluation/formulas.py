"""The one formula of each metric, from sums over images within strata of the truth.

The whole test set, a group and a resample are all sums, and call the same function.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.evaluation.metrics import (
    CLASS_RATES,
    ERRORS,
    SHIFTS,
    asked_keys,
    shot_groups,
    split_key,
    stability_keys,
    top_k,
)
from core.evaluation.resampling import Flags, Floats
from core.tasks import Classification, Regression

SHARES = ("accuracy", *(name for name in CLASS_RATES if name != "f1"))
"""Metrics that are a share of images."""


HITS_ALONE = ("accuracy", "error_rate", "balanced_accuracy", "recall")
"""Metrics of classes that need the images answered rightly, and no others."""


class GroupSums:
    """Sums of every group; where there are several groups, the last is their sum."""

    def sum_groups(self, groups: int) -> None:
        """Make the last group the sum of the first ``groups``."""
        for sums in vars(self).values():
            if len(sums) > groups:
                sums[-1] = sums[:groups].sum(axis=0)


@dataclass(frozen=True)
class ClassCounts(GroupSums):
    """Confusion counts of every group.

    Parameters
    ----------
    support : float array, shape (groups, classes, resamples)
        Images of each true class.
    hits, predicted : float arrays, shape (groups, columns, classes, resamples)
        Images of each class that were predicted rightly; all images that were
        predicted as it.
    """

    support: Floats
    hits: Floats
    predicted: Floats

    @classmethod
    def zeros(cls, groups: int, columns: int, classes: int, size: int) -> "ClassCounts":
        """Counts of 0, in float64 for the data themselves, which have ``size`` 1."""
        dtype = np.float64 if size == 1 else np.float32
        shape = (groups, columns, classes, size)
        return cls(
            np.zeros((groups, classes, size), dtype),
            np.zeros(shape, dtype),
            np.zeros(shape, dtype),
        )

    def add(self, group: int, label: int, counts: Floats, sums: Floats) -> None:
        """Count the images of one class in one group.

        ``sums`` are of every run's answers, shape (columns x classes, resamples).
        """
        # Normal draws of a rare cell can dip below 0.
        cells = np.maximum(sums, 0).reshape(self.hits.shape[1:])
        self.support[group, label] = counts
        self.hits[group, :, label] = cells[:, label]
        self.predicted[group] += cells


class HitCounts(ClassCounts):
    """As ``ClassCounts``, for metrics of ``HITS_ALONE``: nothing is ``predicted``.

    Of a hundred classes it is a hundredth of the work.
    """

    @classmethod
    def zeros(cls, groups: int, columns: int, classes: int, size: int) -> "HitCounts":
        """Counts of 0, in float64 for the data themselves, which have ``size`` 1."""
        dtype = np.float64 if size == 1 else np.float32
        shape = (groups, columns, classes)
        return cls(
            np.zeros((groups, classes, size), dtype),
            np.zeros((*shape, size), dtype),
            np.zeros((*shape, 0), dtype),
        )

    def add(self, group: int, label: int, counts: Floats, sums: Floats) -> None:
        """Count the images of one class in one group.

        ``sums`` are of every run's hits, shape (columns, resamples).
        """
        self.support[group, label] = counts
        self.hits[group, :, label] = sums


@dataclass(frozen=True)
class ErrorSums(GroupSums):
    """Sums of errors of every group.

    Parameters
    ----------
    counts : float array, shape (groups, bins, resamples)
        Images of each bin of the truth.
    sizes : float array, shape (groups, bins, columns, resamples)
        Sums of the absolute errors.
    signed, squares, near : float arrays, shape (groups, columns, resamples)
        Sums of the errors and of their squares, and the number of errors of at most
        ``metrics.TOLERANCE``.
    """

    counts: Floats
    sizes: Floats
    signed: Floats
    squares: Floats
    near: Floats

    @classmethod
    def zeros(cls, groups: int, columns: int, bins: int, size: int) -> "ErrorSums":
        """Sums of 0, in float64 for the data themselves, which have ``size`` 1."""
        dtype = np.float64 if size == 1 else np.float32
        plain = (groups, columns, size)
        return cls(
            np.zeros((groups, bins, size), dtype),
            np.zeros((groups, bins, columns, size), dtype),
            *(np.zeros(plain, dtype) for _ in range(3)),
        )

    def add(self, group: int, place: int, counts: Floats, sums: Floats) -> None:
        """Add the images of one bin in one group; ``sums`` of all four, by run."""
        parts = sums.reshape(4, *self.signed.shape[1:])
        self.counts[group, place], self.sizes[group, place] = counts, parts[0]
        self.signed[group] += parts[1]
        self.squares[group] += parts[2]
        self.near[group] += parts[3]


@dataclass(frozen=True)
class ShiftSums(GroupSums):
    """Sums of how far answers move under harmless changes, of every group.

    Parameters
    ----------
    sizes : float array, shape (groups, shifts, columns, resamples)
        Of the moves without sign, of ``metrics.SHIFTS``; of classes 1 where the label
        changed.
    counts : float array, shape (groups, shifts, columns, resamples)
        Images of which that is known.
    """

    sizes: Floats
    counts: Floats

    @classmethod
    def zeros(cls, groups: int, columns: int, places: int, size: int) -> "ShiftSums":
        """Empty sums; ``size`` 1 in float64 for the data themselves."""
        dtype = np.float64 if size == 1 else np.float32
        shape = (groups, len(SHIFTS), columns, size)
        return cls(np.zeros(shape, dtype), np.zeros(shape, dtype))

    def add(self, group: int, place: int, counts: Floats, sums: Floats) -> None:
        """Add the images of one group; ``sums`` of both, by change and run."""
        parts = sums.reshape(2, *self.sizes.shape[1:])
        self.sizes[group] += parts[0]
        self.counts[group] += parts[1]


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; NaN where the denominator is 0.

    Examples
    --------
    >>> ratio(np.array([3.0, 1.0]), np.array([4.0, 0.0])).tolist()
    [0.75, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(denominator > 0, numerator / denominator, np.nan))


def class_rate(
    name: str, total: Floats, support: Floats, hits: Floats, predicted: Floats
) -> Floats:
    """A rate of one class against the rest, from counts that broadcast.

    ``name`` is one of ``metrics.CLASS_RATES``. The float arrays count all images; the
    images of the class; those of the class that were predicted as it; and all that
    were predicted as it. The definitions are those of fairlearn and scikit-learn, but
    the rate is NaN where the denominator is 0, and not 0.

    Examples
    --------
    Of 10 images, 4 are of the class; 3 of these and 3 others are predicted as it:

    >>> counts = [np.array(count) for count in (10.0, 4.0, 3.0, 6.0)]
    >>> [float(class_rate(name, *counts)) for name in ("precision", "recall", "f1")]
    [0.5, 0.75, 0.6]
    """
    others = total - support
    numerator, denominator = {
        "precision": (hits, predicted),
        "recall": (hits, support),
        "f1": (2 * hits, support + predicted),
        "selection_rate": (predicted, total),
        "false_positive_rate": (predicted - hits, others),
        "false_negative_rate": (support - hits, support),
    }[name]
    return ratio(numerator, denominator)


def class_metric(
    counts: ClassCounts, name: str, places: list[int], known: Flags
) -> Floats:
    """One metric of every group and run from confusion counts.

    Parameters
    ----------
    counts : ClassCounts
    name : str
        Metric's name without task and class.
    places : list of int
        Classes of the metric: one for a rate, several for a mean of rates (the
        accuracy of a shot group is the mean recall of its classes), or all.
    known : bool array, shape (groups, classes, 1)
        Whether a group has images of a class, in the data themselves.

    Returns
    -------
    float array, shape (groups, columns, resamples)

    Notes
    -----
    Macro F1 and balanced accuracy are scikit-learn's: the first is the mean over the
    classes that a group has images of or that were predicted there, the second over
    those that it has images of. A class that a resample merely missed is left out of
    that resample: it is not absent from the data.

    Examples
    --------
    Two classes of 4 and 6 images, with 3 and 3 hits:

    >>> counts = ClassCounts.zeros(groups=1, columns=1, classes=2, size=1)
    >>> counts.add(0, 0, np.array([4.0]), np.array([[3.0], [1.0]]))
    >>> counts.add(0, 1, np.array([6.0]), np.array([[3.0], [3.0]]))
    >>> known = np.ones((1, 2, 1), bool)
    >>> [
    ...     class_metric(counts, name, [0, 1], known).item()
    ...     for name in ("accuracy", "balanced_accuracy")
    ... ]
    [0.6, 0.625]
    """
    support = counts.support[:, None]
    total = support.sum(axis=2)
    if name in ("accuracy", "error_rate"):
        share = ratio(counts.hits.sum(axis=2), total)
        return np.asarray(1 - share) if name == "error_rate" else share
    if name in ("balanced_accuracy", "recall"):
        recall = ratio(counts.hits[:, :, places], support[:, :, places])
        return mean_defined(recall)
    if name in ("macro_f1", "f1"):
        own = support[:, :, places]
        f1 = class_rate(
            "f1", total, own, counts.hits[:, :, places], counts.predicted[:, :, places]
        )
        missed = known[:, None, places] & (own == 0)
        return mean_defined(np.where(missed, np.nan, f1))
    (place,) = places
    return class_rate(
        name,
        total,
        support[:, :, place],
        counts.hits[:, :, place],
        counts.predicted[:, :, place],
    )


def mean_defined(values: Floats) -> Floats:
    """Mean of the defined values over the third axis; NaN where none is defined.

    Examples
    --------
    >>> float(mean_defined(np.array([[[[0.5], [np.nan], [1.0]]]])).item())
    0.75
    """
    if values.shape[2] == 1:
        return values[:, :, 0]
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=2), defined.sum(axis=2))


def resting_images(counts: ClassCounts, name: str, places: list[int]) -> Floats:
    """Number of images that a metric rests on, shape (groups, 1 or columns, 1).

    Examples
    --------
    Of 10 images, 4 are of the class; the rate of false positives rests on the others:

    >>> counts = ClassCounts.zeros(groups=1, columns=1, classes=2, size=1)
    >>> counts.add(0, 0, np.array([6.0]), np.array([[5.0], [1.0]]))
    >>> counts.add(0, 1, np.array([4.0]), np.array([[0.0], [4.0]]))
    >>> resting_images(counts, "false_positive_rate", [1]).item()
    6.0
    """
    total = counts.support[:, None].sum(axis=2)
    own = counts.support[:, None, places].sum(axis=2)
    if name == "precision":
        return np.asarray(counts.predicted[:, :, places].sum(axis=2))
    if name in ("recall", "f1", "false_negative_rate"):
        return np.asarray(own)
    return np.asarray(total - own if name == "false_positive_rate" else total)


def error_metric(sums: ErrorSums, name: str, place: int | None = None) -> Floats:
    """One metric of every group and run from sums of errors, prediction minus truth.

    Parameters
    ----------
    sums : ErrorSums
    name : {"mae", "bias", "rmse", "mae_balanced", "within_5"}
    place : int, optional
        Bin of the truth for which the MAE is computed; by default all images.

    Returns
    -------
    float array, shape (groups, columns, resamples)
        In the unit of the task; ``within_5`` is a share. NaN where there is no image.
        The balanced MAE is the mean over the bins that have images.

    Examples
    --------
    Errors of 1 and -3 in one bin, and of 6 in another:

    >>> sums = ErrorSums.zeros(groups=1, columns=1, bins=2, size=1)
    >>> sums.add(0, 0, np.array([2.0]), np.array([[4.0], [-2.0], [10.0], [2.0]]))
    >>> sums.add(0, 1, np.array([1.0]), np.array([[6.0], [6.0], [36.0], [0.0]]))
    >>> for name in ("mae", "mae_balanced", "bias"):
    ...     print(name, round(error_metric(sums, name).item(), 4))
    mae 3.3333
    mae_balanced 4.0
    bias 1.3333
    """
    if place is not None:
        return ratio(sums.sizes[:, place], sums.counts[:, place, None])
    total = sums.counts.sum(axis=1)[:, None]
    if name == "mae_balanced":
        by_bin = ratio(sums.sizes, sums.counts[:, :, None])
        return mean_defined(by_bin.transpose(0, 2, 1, 3))
    if name == "mae":
        return ratio(sums.sizes.sum(axis=1), total)
    if name == "rmse":
        # A normal draw can dip below 0 only where every error is next to 0.
        return np.asarray(np.sqrt(ratio(np.maximum(sums.squares, 0), total)))
    return ratio({"bias": sums.signed, "within_5": sums.near}[name], total)


def shift_metric(sums: ShiftSums, change: str = "") -> Floats:
    """How far answers move under one harmless change, or on average under all.

    Returns
    -------
    float array, shape (groups, columns, resamples)
        In the unit of the task, of classes a share. NaN where it is not known under
        every change asked for.

    Examples
    --------
    Under every change the answers for two images move by 3 years together:

    >>> shape = (1, len(SHIFTS), 1, 1)
    >>> sums = ShiftSums(sizes=np.full(shape, 3.0), counts=np.full(shape, 2.0))
    >>> shift_metric(sums, "mirrored").item()
    1.5
    """
    by_change = ratio(sums.sizes, sums.counts)
    if change:
        return by_change[:, SHIFTS.index(change)]
    # The worst of them is not a change of its own.
    return np.asarray(by_change[:, :-1].mean(axis=1))


def class_places(
    task: Classification, key: str, training_counts: Mapping[str, int] | None = None
) -> list[int] | None:
    """Ids of the classes of a metric; None if no metric of counts has this key.

    ``training_counts`` are training images by class, for the accuracy of shot groups.

    Examples
    --------
    >>> from core.tasks import Multiclass
    >>> task = Multiclass("kind", "Kind", ("cat", "dog", "fox"))
    >>> class_places(task, "kind.recall[dog]"), class_places(task, "kind.accuracy")
    ([1], [0, 1, 2])
    """
    _, name, part = split_key(key)
    if part and name == "accuracy":
        groups = shot_groups(task.classes, training_counts) if training_counts else {}
        return list(groups[part]) if part in groups else None
    if name in CLASS_RATES and not part:
        return [1] if task.kind == "binary" else None
    if part:
        known = name in CLASS_RATES and part in task.classes
        return [task.classes.index(part)] if known else None
    whole = ("accuracy", "error_rate", "balanced_accuracy", "macro_f1")
    return list(range(len(task.classes))) if name in whole else None


def has_metric(
    task: Classification | Regression,
    key: str,
    training_counts: Mapping[str, int] | None = None,
) -> bool:
    """Whether a task has a metric, in the whole set and in every group alike.

    Examples
    --------
    >>> from core.tasks import Binary
    >>> task = Binary("pet", "Pet", ("cat", "dog"))
    >>> has_metric(task, "pet.auc"), has_metric(task, "pet.mae")
    (True, False)
    """
    name_of_task, name, part = split_key(key)
    if name_of_task != task.name:
        return False
    if key in stability_keys([task], by_change=True) or key in asked_keys(task):
        return True
    if isinstance(task, Regression):
        return (name == "mae" and part in task.bin_labels) if part else name in ERRORS
    k = top_k(name)
    if name == "auc" or k is not None:
        return k is None or k <= len(task.classes)
    return class_places(task, key, training_counts) is not None
