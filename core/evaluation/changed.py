"""What changed between two methods, image by image.

The seeds of two methods are not pairs: an equal seed makes two trainings start alike,
and not end alike. An image is therefore judged by how many of the seeds of either
method answer it right, and never by one seed beside another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from core.evaluation.alignment import RunKey
from core.evaluation.answers import Answers
from core.evaluation.comparison import Comparison
from core.evaluation.resampling import Doubles, Flags, Integers
from core.tasks import Regression, Task

HISTOGRAM_BINS = 40
"""Bars of the distribution of how far the errors of a number moved."""
NEARLY_ALL = 0.99
"""Share of the images between its ends; the others count in the bars at the ends."""
COUNTS = ("images", "gained", "lost", "net", "gained_in_all", "lost_in_all")


@dataclass(frozen=True)
class Change:
    """How one method does on each image beside another.

    Parameters
    ----------
    task : Task
    first, second : str
        The method that is begun from, and the one that is looked at.
    seeds : tuple of int
        How many each of the two has.
    before, after : float64 arrays, shape (images,)
        Their rows of ``image_errors.image_scores``.
    """

    task: Task
    first: str
    second: str
    seeds: tuple[int, int]
    before: Doubles
    after: Doubles

    @cached_property
    def moved(self) -> Doubles:
        """Second less first: of the share that is right, or of the error's size."""
        return self.after - self.before

    @cached_property
    def gain(self) -> Doubles:
        """How far the second is better, shape (images,): below 0 it is worse."""
        return -self.moved if isinstance(self.task, Regression) else self.moved

    @property
    def is_none(self) -> bool:
        """Whether no image was gained or lost, and no error changed its size.

        So it is between a method and its copy, but also between other wrong classes,
        and errors of the other sign.
        """
        return not self.moved.any()

    @property
    def gained_in_all(self) -> Flags:
        """Images of classes that no seed of the first gets right, and all others do."""
        return np.asarray((self.before == 0) & (self.after == 1))

    @property
    def lost_in_all(self) -> Flags:
        """Images that all seeds of the first get right, and none of the second."""
        return np.asarray((self.before == 1) & (self.after == 0))

    def ranked(self, *, gained: bool) -> NDArray[np.intp]:
        """Images on which the second is better, or worse: the farthest moved first."""
        gain = self.gain if gained else -self.gain
        rows = np.flatnonzero(gain > 0)
        return rows[np.argsort(-gain[rows], kind="stable")]


def change_of(answers: Answers, scores: Doubles, first: str, second: str) -> Change:
    """What changes from the first method to the second.

    ``scores`` are the ``image_errors.image_scores`` of the methods of ``answers``.
    """
    one, other = answers.place(first), answers.place(second)
    seeds = answers.seeds[one], answers.seeds[other]
    return Change(answers.task, first, second, seeds, scores[one], scores[other])


def change_keys(task: Task, *, by_class: bool = True) -> tuple[str, ...]:
    """The metrics whose differences are the changes, as means over the images."""
    if isinstance(task, Regression):
        return (f"{task.name}.mae",)
    parts = task.classes if by_class else ()
    recalls = (f"{task.name}.recall[{label}]" for label in parts)
    return (f"{task.name}.accuracy", *recalls)


def count_changes(
    change: Change, comparison: Comparison, labels: NDArray[np.object_] | None = None
) -> pd.DataFrame:
    """Count images that the second method gained and lost, by class or by group.

    Parameters
    ----------
    change : Change
        Of a task with classes.
    comparison : Comparison
        Of the methods with the first as the baseline of the second, by the metrics of
        ``change_keys``; within the groups of a feature, if ``labels`` are given.
    labels : object array, shape (images,), optional
        Group of each image; by default the only group is all images.

    Returns
    -------
    DataFrame
        Columns ``group``; ``images``; ``gained`` and ``lost``, in images; ``net``, the
        first less the second; ``gained_in_all`` and ``lost_in_all``; ``low`` and
        ``high``, the interval of ``net``; ``delta``, ``delta_low``, ``delta_high``,
        ``p``, ``verdict`` and ``scope`` of the accuracy within the group, as the
        comparison has them. A group without an image is left out.

    Notes
    -----
    An image that k of K seeds of the first and m of M seeds of the second answer right
    counts by m / M - k / K: to what is gained if that is above 0, to what is lost if it
    is below. With one seed of each, the images are counted. ``gained_in_all`` are those
    that all seeds of the first get wrong and all of the second get right. The net is
    the number of images times the difference of the two accuracies, and its interval
    the same number times that difference's.
    """
    key = change_keys(change.task)[0]
    cells = comparison.cells
    rows = cells[
        (cells["method"] == change.second)
        & (cells["metric"] == key)
        & (cells["measure"] == "")
    ].set_index("group")
    if labels is None:
        labels = np.full(len(change.gain), "", object)
    else:
        rows = rows.drop(index="", errors="ignore")
    return _joined(change, labels, rows)


def count_by_class(
    change: Change, truth: Integers, comparison: Comparison
) -> pd.DataFrame:
    """As ``count_changes``, by the true class, whose accuracy is its recall.

    ``truth`` are class ids, shape (images,).
    """
    assert not isinstance(change.task, Regression)
    table = comparison.table[comparison.table["method"] == change.second]
    keys = change_keys(change.task)[1:]
    rows = table.set_index("metric").reindex(keys).set_axis(change.task.classes)
    return _joined(change, true_labels(change, truth), rows)


def count_groups(
    change: Change, labels: NDArray[np.object_], names: Sequence[str]
) -> pd.DataFrame:
    """Count images that the second method gained and lost in each group.

    As ``count_changes``, without what a comparison says: columns ``group`` and
    ``COUNTS``, a row for each of the ``names``, also where no image has that label.
    """
    codes, gain = pd.Index(names).get_indexer(pd.Index(labels)), change.gain
    size = len(names)

    def total(values: Doubles) -> Doubles:
        return np.asarray(np.bincount(codes, values, size), np.float64)

    def count(chosen: Flags) -> Integers:
        return np.bincount(codes[chosen], minlength=size)

    columns = (
        np.bincount(codes, minlength=size),
        total(np.maximum(gain, 0)),
        total(np.maximum(-gain, 0)),
        total(gain),
        count(change.gained_in_all),
        count(change.lost_in_all),
    )
    counts = dict(zip(COUNTS, columns, strict=True))
    return pd.DataFrame({"group": list(names), **counts})


def _joined(
    change: Change, labels: NDArray[np.object_], rows: pd.DataFrame
) -> pd.DataFrame:
    """Counts of the groups that are rows of a comparison, beside what it says."""
    counts = count_groups(change, labels, tuple(rows.index))
    images = counts["images"].to_numpy()
    said = rows[["delta", "delta_low", "delta_high", "p", "verdict", "scope"]]
    table = counts.assign(
        low=images * rows["delta_low"].to_numpy(),
        high=images * rows["delta_high"].to_numpy(),
        **{name: said[name].to_numpy() for name in said},
    )
    return table[images > 0].reset_index(drop=True)


def true_labels(change: Change, truth: Integers) -> NDArray[np.object_]:
    """The true class of each image by its name; ``truth`` are class ids."""
    assert not isinstance(change.task, Regression)
    return np.array(change.task.classes, dtype=object)[truth]


class McNemar(NamedTuple):
    """McNemar's exact test of two answers to every image.

    Parameters
    ----------
    gained, lost : int
        Images that only the second answer gets right, and only the first.
    p : float
        Two-sided.
    """

    gained: int
    lost: int
    p: float


def mcnemar(gained: int, lost: int) -> McNemar:
    """Test whether one of two answers to the same images is right more often.

    Parameters
    ----------
    gained, lost : int
        Images that only the second gets right, and only the first.

    Returns
    -------
    McNemar
        With no image that only one gets right, p is 1.

    Notes
    -----
    Source: McNemar, Psychometrika 1947. The exact form: if neither is better, each of
    these images is as likely to be of one kind as of the other, so that the smaller
    number is binomial. It needs no correction for continuity and holds for few images.

    Examples
    --------
    Of six images all are gained: 2 / 2 ** 6.

    >>> mcnemar(6, 0).p
    0.03125
    """
    tail = float(special.bdtr(min(gained, lost), gained + lost, 0.5))
    return McNemar(gained, lost, min(1.0, 2 * tail))


def mcnemar_of_votes(answers: Answers, change: Change) -> McNemar:
    """McNemar's test of the answers that most seeds of either method give.

    One answer a method and image, since the test needs one: it does not know how much
    trainings vary, and speaks of these trained models on new images.
    """
    before, after = (answers.right[answers.place(m)] for m in _pair(change))
    return mcnemar(int((after & ~before).sum()), int((before & ~after).sum()))


def _pair(change: Change) -> tuple[str, str]:
    return change.first, change.second


class Churn(NamedTuple):
    """Images that change from one training to another, as means over all pairs.

    Parameters
    ----------
    gained : float
        That a training of the second method gets right, and one of the first wrong.
    lost : float
        The other way round.
    retrained : float
        That one training of the first gets right, and another of the first wrong; NaN
        if it has one seed.
    """

    gained: float
    lost: float
    retrained: float


def count_churn(change: Change) -> Churn:
    """How many answers change with the method, and how many by training again.

    Notes
    -----
    Of an image that a share r of the first's seeds and s of the second's get right, (1
    - r) s of the pairs of seeds are gained and r (1 - s) lost. Of K seeds of the first,
    K r (1 - r) / (K - 1) of the pairs of two different ones gain it, and as many lose
    it.
    """
    r, s = change.before, change.after
    seeds = change.seeds[0]
    among = r @ (1 - r) * seeds / (seeds - 1) if seeds > 1 else np.nan
    return Churn(float(s @ (1 - r)), float(r @ (1 - s)), float(among))


def share_trainings(trainings: Mapping[RunKey, str], change: Change) -> bool:
    """Whether both methods answer from the same trainings, each in its own way.

    ``trainings`` are ``runs.training_keys``. Pairs of seeds then are of one training or
    of two, and ``count_churn`` would mix both.
    """
    own = [
        {key for (name, _), key in trainings.items() if name == method}
        for method in _pair(change)
    ]
    return bool(own[0] & own[1])


class Shift(NamedTuple):
    """How the errors of a number moved.

    Parameters
    ----------
    images, closer, farther : int
        All, and those whose error became smaller or larger.
    """

    images: int
    closer: int
    farther: int


def count_shifts(change: Change) -> Shift:
    """Images of a number whose error became smaller, or larger."""
    gain = change.gain
    return Shift(len(gain), int((gain > 0).sum()), int((gain < 0).sum()))


def shift_histogram(change: Change) -> pd.DataFrame:
    """How far the errors of a number moved.

    Returns
    -------
    DataFrame
        Columns ``start``, ``end`` and ``images``; 0 is an edge, and as many bars lie on
        either side of it. An image that moved farther than ``NEARLY_ALL`` of them
        counts in the bar at its end. What did not move at all is left out.
    """
    moved = change.moved[change.moved != 0]
    if not len(moved):
        return pd.DataFrame(columns=["start", "end", "images"])
    reach = float(np.quantile(np.abs(moved), NEARLY_ALL))
    edges = np.linspace(-reach, reach, HISTOGRAM_BINS + 1)
    # Just above 0 and just below are told apart, whatever the sum of the steps is.
    edges[HISTOGRAM_BINS // 2] = 0.0
    places = np.searchsorted(edges[1:-1], np.clip(moved, -reach, reach), side="left")
    counts = np.bincount(places, minlength=HISTOGRAM_BINS)
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "images": counts})


def tabulate_changes(
    change: Change,
    images: pd.DataFrame,
    truth: NDArray[np.generic],
    rows: NDArray[np.intp] | None = None,
) -> pd.DataFrame:
    """Every image with what changed, the farthest moved to the better first.

    Parameters
    ----------
    change : Change
    images : DataFrame
        From ``answers.describe_images``.
    truth : array, shape (images,)
        Class ids, or values.
    rows : int array, optional
        Which images, in the order wanted; by default all.

    Returns
    -------
    DataFrame
        ``image_id``, ``truth``, the features, ``<first>_right`` and ``<second>_right``
        (shares of the seeds) with ``change``; of a number ``<first>_error`` and
        ``<second>_error`` (sizes, as means over the seeds).
    """
    if rows is None:
        rows = np.argsort(-change.gain, kind="stable")
    part = images.iloc[rows].reset_index(drop=True)
    task = change.task
    names, word = truth, "error"
    if not isinstance(task, Regression):
        names, word = true_labels(change, truth.astype(np.int64)), "right"
    return pd.DataFrame(
        {
            "image_id": part["image_id"],
            "truth": names[rows],
            **{name: part[name] for name in part.columns if name != "image_id"},
            f"{change.first}_{word}": change.before[rows],
            f"{change.second}_{word}": change.after[rows],
            "change": change.moved[rows],
        }
    )
