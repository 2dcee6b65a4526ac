"""Errors of methods: the hardest classes, confusions of classes, the largest errors.

Everything is a rate over test images with its interval. The images themselves are in
``core.evaluation.answers``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.alignment import AlignedPredictions
from core.evaluation.intervals import wilson
from core.evaluation.resampling import Doubles, Floats, Integers
from core.tasks import Classification, Regression

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the signed errors within a bin."""
MOST_OF_ALL = 0.9
"""Share of the images whose error without sign is at most ``most``."""


@dataclass(frozen=True)
class Confusions:
    """Confusions of one method, over its seeds.

    Parameters
    ----------
    counts : float64 array, shape (classes, classes)
        Test images by true class (row) and answer (column), as a mean over the seeds.
    squares : float64 array, shape (classes, classes)
        Sum over the images of a true class of the squared share of the seeds that
        gave the answer; with one seed the counts again.
    probabilities : float64 array, shape (classes, classes), or None
        Mean probability of each class (column) over the images of a true class (row)
        and the seeds; NaN for a class without images, None where a run has none.
    seeds : int
    """

    counts: Doubles
    squares: Doubles
    probabilities: Doubles | None
    seeds: int

    @property
    def images(self) -> Doubles:
        """Test images of each class, whole numbers, shape (classes,)."""
        # A mean over the seeds sums to 486.9999999 where there are 487.
        return np.asarray(np.rint(self.counts.sum(axis=1)))


def mean_probabilities(
    y_true: Integers, probabilities: Floats, num_classes: int
) -> Doubles:
    """Mean probability of every class over the images of each true class.

    Parameters
    ----------
    y_true : int array, shape (rows,)
        Class ids.
    probabilities : float array, shape (rows, classes)
    num_classes : int

    Returns
    -------
    float64 array, shape (classes, classes)
        M[i, j] = mean P(class j | truth i); a class without images gives NaN. Rows sum
        to 1 where every image's probabilities do; probabilities of 0 and 1 alone give
        the shares of the confusion matrix.
    """
    sums = np.zeros((num_classes, num_classes))
    for label in range(num_classes):
        sums[label] = probabilities[y_true == label].sum(axis=0, dtype=np.float64)
    counts = np.bincount(y_true, minlength=num_classes)[:, None]
    return np.asarray(sums / np.where(counts > 0, counts, np.nan))


def count_confusions(
    aligned: AlignedPredictions, task: Classification
) -> dict[str, Confusions]:
    """Confusion counts and mean probabilities, by method in their order."""
    labels = aligned.truth[task.name].astype(np.int64)
    answers = aligned.predictions[task.name].astype(np.int64)
    k = len(task.classes)
    found = {}
    for method in aligned.methods:
        own = answers[aligned.columns_of(method)]
        given = aligned.probabilities_of(task.name, method)
        means = [mean_probabilities(labels, p, k) for p in given or ()]
        found[method] = Confusions(
            counts=np.mean([_cells(labels, row, k) for row in own], axis=0),
            squares=_squares(labels, own, k),
            probabilities=np.mean(means, axis=0) if means else None,
            seeds=len(own),
        )
    return found


def _cells(y_true: Integers, y_pred: Integers, k: int) -> Doubles:
    counts = np.bincount(y_true * k + y_pred, minlength=k * k)
    return counts.reshape(k, k).astype(np.float64)


def _squares(y_true: Integers, answers: Integers, k: int) -> Doubles:
    """(sum over seeds)^2 is the sum over pairs of seeds that gave the same answer."""
    sums = np.zeros((k, k))
    for first, second in product(answers, repeat=2):
        same = first == second
        sums += _cells(y_true[same], first[same], k)
    return sums / len(answers) ** 2


@dataclass(frozen=True)
class _Shares:
    """Shares of each true class with their intervals, shape (classes, classes)."""

    share: Doubles
    low: Doubles
    high: Doubles


def _shares(confusions: Confusions) -> _Shares:
    images = confusions.images[:, None]
    known = np.where(images > 0, images, np.nan)
    share = confusions.counts / known
    variance = confusions.squares / known - share**2
    low, high = wilson(share, images, variance, seeds=confusions.seeds)
    return _Shares(share, low, high)


def class_recalls(confusions: Confusions, classes: Sequence[str]) -> pd.DataFrame:
    """Recall of each class with its interval, the hardest first.

    Columns class, n (test images), recall, low, high; a class without test images is
    left out.
    """
    found = _shares(confusions)
    table = pd.DataFrame(
        {
            "class": list(classes),
            "n": confusions.images.astype(int),
            "recall": found.share.diagonal(),
            "low": found.low.diagonal(),
            "high": found.high.diagonal(),
        }
    )
    table = table[table["n"] > 0]
    return table.sort_values("recall", kind="stable", ignore_index=True)


def taken_for(confusions: Confusions, classes: Sequence[str]) -> pd.DataFrame:
    """Confusions of each class, the most common first within a true class.

    Columns truth, predicted, images (mean over the seeds), of (test images of the
    class), share, low, high, probability (the mean probability of the predicted class
    over all images of the true one; NaN where it is not known); what never happens is
    left out.
    """
    found, k = _shares(confusions), len(classes)
    given = confusions.probabilities
    names = np.array(classes, dtype=object)
    table = pd.DataFrame(
        {
            "truth": np.repeat(names, k),
            "predicted": np.tile(names, k),
            "images": confusions.counts.ravel(),
            "of": np.repeat(confusions.images.astype(int), k),
            "share": found.share.ravel(),
            "low": found.low.ravel(),
            "high": found.high.ravel(),
            "probability": np.nan if given is None else given.ravel(),
        }
    )
    wrong = table[(table["truth"] != table["predicted"]) & (table["images"] > 0)]
    places = {name: place for place, name in enumerate(classes)}
    wrong = wrong.sort_values("share", ascending=False, kind="stable")
    return wrong.sort_values(
        "truth", key=lambda c: c.map(places), kind="stable", ignore_index=True
    )


def confused_pairs(
    confusions: Mapping[str, Confusions], classes: Sequence[str]
) -> pd.DataFrame:
    """Pairs of classes that each method confuses, in both directions.

    One row a method and pair: method, first, second, both (the mean of the two shares),
    both_low, both_high, and of each way ``first_as_second`` and ``second_as_first``:
    ``<way>``, ``<way>_low``, ``<way>_high``, ``<way>_images``, ``<way>_of``; the most
    confused first within a method. Pairs with a class that has no test image are left
    out.

    Notes
    -----
    Shares and not images are averaged, so that a rare class counts as much as a common
    one. The two shares rest on different images; the interval of their mean is put
    together from theirs by MOVER (Zou and Donner, Statistics in Medicine 2008).
    """
    first, second = np.triu_indices(len(classes), 1)
    names = np.array(classes, dtype=object)
    parts = []
    for method, own in confusions.items():
        found, images = _shares(own), own.images
        there = (images[first] > 0) & (images[second] > 0)
        i, j = first[there], second[there]
        columns: dict[str, object] = {
            "method": method,
            "first": names[i],
            "second": names[j],
            **_both_ways(found, i, j),
        }
        for way, a, b in (("first_as_second", i, j), ("second_as_first", j, i)):
            columns |= {
                way: found.share[a, b],
                f"{way}_low": found.low[a, b],
                f"{way}_high": found.high[a, b],
                f"{way}_images": own.counts[a, b],
                f"{way}_of": images[a].astype(int),
            }
        part = pd.DataFrame(columns)
        parts.append(part.sort_values("both", ascending=False, kind="stable"))
    return pd.concat(parts, ignore_index=True)


def _both_ways(
    found: _Shares, i: NDArray[np.intp], j: NDArray[np.intp]
) -> dict[str, Doubles]:
    there, back = found.share[i, j], found.share[j, i]
    both = (there + back) / 2
    down = np.hypot(there - found.low[i, j], back - found.low[j, i]) / 2
    up = np.hypot(found.high[i, j] - there, found.high[j, i] - back) / 2
    return {"both": both, "both_low": both - down, "both_high": both + up}


def errors_by_bin(
    y_true: Doubles,
    y_pred: Doubles,
    image_ids: Sequence[str] | NDArray[np.object_],
    task: Regression,
) -> pd.DataFrame:
    """How errors are spread within each bin of the truth, and the largest of them.

    ``y_true`` and ``y_pred`` are float arrays, shape (rows,), the latter one method's,
    such as the mean over its seeds.

    Returns
    -------
    DataFrame
        One row a bin with test images, in the task's unit: bin, n, q05, q25, q50, q75,
        q95 (quantiles of prediction minus truth), median_size and most (quantiles 0.5
        and ``MOST_OF_ALL`` of the error without sign), too_high and too_low (the
        largest error either way, NaN if there is none), with too_high_id, too_low_id.
    """
    errors, bins = y_pred - y_true, task.bin_of(y_true)
    ids = np.asarray(image_ids, dtype=object)
    rows = []
    for place in np.unique(bins):
        members = np.flatnonzero(bins == place)
        own = errors[members]
        row = {"bin": task.bin_labels[place], "n": len(members)}
        names = (f"q{round(100 * q):02d}" for q in QUANTILES)
        row |= dict(zip(names, np.quantile(own, QUANTILES), strict=True))
        sizes = np.quantile(np.abs(own), (0.5, MOST_OF_ALL))
        row |= dict(zip(("median_size", "most"), sizes, strict=True))
        for name, sign in (("too_high", 1), ("too_low", -1)):
            farthest = members[(sign * own).argmax()]
            is_there = sign * errors[farthest] > 0
            row[name] = errors[farthest] if is_there else np.nan
            row[f"{name}_id"] = ids[farthest] if is_there else ""
        rows.append(row)
    return pd.DataFrame(rows)
