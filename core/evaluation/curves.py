"""ROC and precision-recall curves of every method, one class against the rest.

A run's curve is held as segments, one for each equal part of its level axis: of a ROC
curve one for each image of another class, of a precision-recall curve one for each
image of the class. All runs answer for the same images, so all have the same parts,
and the vertical mean over seeds is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.alignment import AlignedPredictions, Probabilities
from core.evaluation.auc import scored_classes, ties
from core.evaluation.formulas import class_rate
from core.evaluation.resampling import Doubles, Flags, Integers
from core.language import N_
from core.tasks import Classification

Kind = Literal["roc", "pr"]
KINDS: tuple[Kind, ...] = ("roc", "pr")
AXES = {
    "roc": (N_("false positive rate"), N_("true positive rate")),
    "pr": (N_("recall"), N_("precision")),
}
"""What lies along, and up."""
AREA_OF = {"roc": "auc", "pr": "average_precision"}
"""The metric that is the area under a curve."""

PARTS = 1_000
"""Equal parts of the level axis of a mean over classes, whose own parts differ."""
TOLERANCE = 0.5 / 1_000
"""Half a pixel of a chart that is 1,000 pixels high: no reduced curve is so far off."""
_FIRST_BLOCKS = 64
"""Blocks that a curve is divided into at first."""

COLUMNS = ("method", "x", "y", "threshold")


@dataclass(frozen=True)
class CurveChoice:
    """Which curve is meant.

    Parameters
    ----------
    kind : {"roc", "pr"}
    label : str
        The class against the rest. Empty for the mean over the classes; of two classes
        for the positive one, as for the areas.
    """

    kind: Kind
    label: str = ""

    def area(self, task: Classification) -> str:
        """The key of the metric that is the area under the curve."""
        part = f"[{self.label}]" if self.label else ""
        return f"{task.name}.{AREA_OF[self.kind]}{part}"

    def scored(self, y_true: Integers, task: Classification) -> Integers:
        """Ids of the classes: the one, or those of the mean; none without images."""
        place = task.classes.index(self.label) if self.label else None
        return scored_classes(y_true, task, place)


class Segments(NamedTuple):
    """A curve between 0 and 1, in equal parts of the level axis.

    Parameters
    ----------
    start, end : float64 arrays, shape (parts,)
        Height at the beginning and at the end of each part; straight between. Between
        two parts the curve is upright.
    threshold : float64 array, shape (parts,)
        The probability from which on an image counts as one of the class.
    lowest : float
        The lowest probability of all images: there a ROC curve ends, perhaps below its
        last threshold.
    """

    start: Doubles
    end: Doubles
    threshold: Doubles
    lowest: float = np.nan


def roc_segments(positive: Flags, scores: Probabilities) -> Segments:
    """The ROC curve of one class: true positive rate over false positive rate.

    Parameters
    ----------
    positive : bool array, shape (rows,)
        Images of the class; at least one is, and one is not.
    scores : float array, shape (rows,)

    Notes
    -----
    Equal probabilities of the class and the rest make a slope, as in scikit-learn
    (Fawcett, Pattern Recognition Letters 2006, section 5).

    Examples
    --------
    The first is of the class, then one of the rest, then one of each with one value:

    >>> positive = np.array([True, False, True, False])
    >>> found = roc_segments(positive, np.array([0.9, 0.8, 0.4, 0.4]))
    >>> found.start.tolist(), found.end.tolist()
    ([0.5, 0.5], [0.5, 1.0])
    """
    inside, outside = np.sort(scores[positive]), np.sort(scores[~positive])[::-1]
    below = np.searchsorted(inside, outside, side="left")
    upto = np.searchsorted(inside, outside, side="right")
    first, last = ties(outside)
    count = last + 1 - first
    passed = np.arange(len(outside)) - first
    above = len(inside) - upto
    start, end = (
        (above + (upto - below) * share / count) / len(inside)
        for share in (passed, passed + 1)
    )
    return Segments(start, end, outside.astype(np.float64), float(scores.min()))


def precision_segments(positive: Flags, scores: Probabilities) -> Segments:
    """The precision-recall curve of one class.

    Arguments as for ``roc_segments``.

    Notes
    -----
    A recall has the precision of the highest threshold that reaches it. The curve is
    therefore a step, and the area under it is the average precision; straight lines
    between the points would promise a precision that no threshold has (Davis and
    Goadrich, ICML 2006).

    Examples
    --------
    >>> positive = np.array([True, False, True])
    >>> precision_segments(positive, np.array([0.9, 0.8, 0.4])).end.round(3).tolist()
    [1.0, 0.667]
    """
    inside, outside = np.sort(scores[positive])[::-1], np.sort(scores[~positive])
    hits = ties(inside)[1] + 1
    wrong = len(outside) - np.searchsorted(outside, inside, side="left")
    precision = hits / (hits + wrong)
    return Segments(precision, precision, inside.astype(np.float64))


SEGMENTS = {"roc": roc_segments, "pr": precision_segments}


def resampled_parts(curve: Segments, parts: int) -> Segments:
    """The same curve in another number of equal parts, exact where parts meet.

    Examples
    --------
    >>> rising = Segments(np.array([0.0, 0.5]), np.array([0.5, 1.0]), np.zeros(2))
    >>> resampled_parts(rising, 4).end.tolist()
    [0.25, 0.5, 0.75, 1.0]
    """
    size = len(curve.start)
    # Whole numbers: a part must not begin a rounding before or after another.
    place, rest = np.divmod(np.arange(parts) * size, parts)
    before, rest_before = np.divmod(np.arange(1, parts + 1) * size - 1, parts)
    rise = curve.end - curve.start
    start = curve.start[place] + rise[place] * (rest / parts)
    end = curve.start[before] + rise[before] * ((rest_before + 1) / parts)
    return Segments(start, end, curve.threshold[before], curve.lowest)


def method_segments(
    aligned: AlignedPredictions, task: Classification, choice: CurveChoice, method: str
) -> Segments | None:
    """The curve of a method: the vertical mean over its seeds, and over the classes.

    None of a method with labels alone, and of a class that has no image or no rest.
    """
    y_true = aligned.truth[task.name].astype(np.int64)
    scored = choice.scored(y_true, task)
    given = aligned.probabilities_of(task.name, method)
    if given is None or not len(scored):
        return None
    build = SEGMENTS[choice.kind]
    curves = [
        build(y_true == label, np.ascontiguousarray(own[:, label]))
        for own in given
        for label in scored
    ]
    if len(scored) > 1:
        curves = [resampled_parts(curve, PARTS) for curve in curves]
    start, end, threshold, lowest = (
        np.mean(part, axis=0) for part in zip(*curves, strict=True)
    )
    if len(scored) > 1:
        threshold, lowest = np.full(len(start), np.nan), np.nan
    return Segments(start, end, threshold, float(lowest))


def vertices(curve: Segments, kind: Kind) -> tuple[Doubles, Doubles, Doubles]:
    """The corners of a curve, from left to right: x, y and threshold.

    Examples
    --------
    >>> step = Segments(np.array([1.0, 0.5]), np.array([1.0, 0.5]), np.zeros(2))
    >>> x, y, _ = vertices(step, "pr")
    >>> x.tolist(), y.tolist()
    ([0.0, 0.5, 0.5, 1.0], [1.0, 1.0, 0.5, 0.5])
    """
    edges = np.arange(len(curve.start) + 1) / len(curve.start)
    x = np.repeat(edges, 2)[1:-1]
    y = np.column_stack([curve.start, curve.end]).ravel()
    threshold = np.repeat(curve.threshold, 2)
    if kind == "pr":
        return x, y, threshold
    ends = (0.0, 1.0), (0.0, 1.0), (np.nan, curve.lowest)
    x, y, threshold = (
        np.concatenate([[first], values, [last]])
        for values, (first, last) in zip((x, y, threshold), ends, strict=True)
    )
    return x, y, threshold


def visible(x: Doubles, y: Doubles, tolerance: float = TOLERANCE) -> NDArray[np.intp]:
    """Places of the corners that a drawn curve needs.

    No corner that is left out lies farther than ``tolerance`` above or below the line
    through those that stay, so that no point of the curve does: both are straight
    between corners. The curve is halved until that holds for every part (as Douglas and
    Peucker, Cartographica 1973, but at the middle: all parts are looked at in one go).

    Parameters
    ----------
    x, y : float64 arrays, shape (corners,)
        ``x`` never falls.
    tolerance : float

    Returns
    -------
    int array, ascending

    Examples
    --------
    >>> x = np.linspace(0, 1, 1001)
    >>> visible(x, 2 * x).size < 200, visible(x, x, 0.1)[[0, -1]].tolist()
    (True, [0, 1000])
    """
    last = len(x) - 1
    kept = np.zeros(len(x), bool)
    kept[[0, last]] = True
    size = 1 << max(0, (max(last, 1) // _FIRST_BLOCKS).bit_length())
    starts = np.arange(0, last, size)
    while len(starts):
        ends = np.minimum(starts + size, last)
        kept[starts] = kept[ends] = True
        if size == 1:
            break
        places = np.minimum(starts[:, None] + np.arange(size + 1), last)
        far = _distance(x[places], y[places]).max(axis=1) >= tolerance
        size //= 2
        starts = np.concatenate([starts[far], starts[far] + size])
        starts = starts[starts < last]
    return np.flatnonzero(kept)


def _distance(x: Doubles, y: Doubles) -> Doubles:
    """How far corners are above or below the line from the first to the last."""
    width = x[:, -1:] - x[:, :1]
    share = (x - x[:, :1]) / np.where(width > 0, width, 1)
    line = y[:, :1] + (y[:, -1:] - y[:, :1]) * share
    low, high = np.minimum(y[:, :1], y[:, -1:]), np.maximum(y[:, :1], y[:, -1:])
    # An upright line is at every height between its ends.
    return np.abs(y - np.where(width > 0, line, np.clip(y, low, high)))


def method_curves(
    aligned: AlignedPredictions, task: Classification, choice: CurveChoice
) -> pd.DataFrame:
    """The curve of every method, reduced to the corners that can be seen.

    Parameters
    ----------
    aligned : AlignedPredictions
    task : Binary or Multiclass
    choice : CurveChoice

    Returns
    -------
    DataFrame
        Columns ``method``, ``x`` and ``y`` (false and true positive rate, or recall and
        precision; 0 to 1) and ``threshold``: the probability from which on an image
        counts as one of the class, as a mean over the seeds; NaN in a mean over
        classes. No rows of a method with labels alone. See ``visible`` for the corners.
    """
    parts = []
    for method in aligned.methods:
        curve = method_segments(aligned, task, choice, method)
        if curve is None:
            continue
        corners = vertices(curve, choice.kind)
        kept = visible(*corners[:2])
        columns = zip(COLUMNS[1:], corners, strict=True)
        parts.append(
            pd.DataFrame(
                {"method": method, **{name: values[kept] for name, values in columns}}
            )
        )
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)


def operating_points(
    aligned: AlignedPredictions, task: Classification, choice: CurveChoice
) -> pd.DataFrame:
    """Where each method's own answers lie: its predicted labels, not its ranking.

    Arguments as for ``method_curves``.

    Returns
    -------
    DataFrame
        Columns ``method``, ``x`` and ``y``, as a mean over the seeds and the classes;
        and ``threshold``: of two classes the probability from which on a method answers
        with the class, NaN where its answers follow no single one. No rows of a method
        that never answers with the class in one of its runs: it has no precision there.
        In a mean over classes such a class has precision 0, as in scikit-learn.
    """
    y_true = aligned.truth[task.name].astype(np.int64)
    scored = choice.scored(y_true, task)
    rows = []
    for method in aligned.methods if len(scored) else ():
        columns = aligned.columns_of(method)
        answers = aligned.predictions[task.name][columns].astype(np.int64)
        x, y = _rates(y_true, answers, scored, choice.kind)
        threshold = np.nan
        given = aligned.probabilities_of(task.name, method)
        if given is not None and len(task.classes) == 2:
            own = [p[:, scored[0]] for p in given]
            threshold = _threshold(answers == scored[0], own)
        rows.append((method, x, y, threshold))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table[table["y"].notna()].reset_index(drop=True)


def _rates(
    y_true: Integers, answers: Integers, scored: Integers, kind: Kind
) -> tuple[float, float]:
    """Mean x and y of some answers, shape (seeds, rows)."""
    own = y_true == scored[:, None, None]
    said = answers == scored[:, None, None]
    counts = (
        np.asarray(float(len(y_true))),
        own.sum(axis=-1, dtype=np.float64),
        (own & said).sum(axis=-1, dtype=np.float64),
        said.sum(axis=-1, dtype=np.float64),
    )
    names = {"roc": ("false_positive_rate", "recall"), "pr": ("recall", "precision")}
    x, y = (class_rate(name, *counts) for name in names[kind])
    if len(scored) > 1:
        y = np.nan_to_num(y, nan=0.0)
    return float(x.mean()), float(y.mean())


def _threshold(said: Flags, scores: Sequence[Probabilities]) -> float:
    """The mean over the seeds of the lowest probability that was enough."""
    found = []
    for answered, own in zip(said, scores, strict=True):
        if not answered.any() or answered.all():
            return float("nan")
        lowest = own[answered].min()
        # Thresholds by group, or moved labels, follow no single one.
        if own[~answered].max() > lowest:
            return float("nan")
        found.append(float(lowest))
    return float(np.mean(found))


def chance_precision(
    aligned: AlignedPredictions, task: Classification, choice: CurveChoice
) -> float:
    """Precision of guessing: the share of the class, as a mean over the classes.

    NaN where no class has images.
    """
    y_true = aligned.truth[task.name].astype(np.int64)
    scored = choice.scored(y_true, task)
    if not len(scored):
        return float("nan")
    counts = np.bincount(y_true, minlength=len(task.classes))
    return float((counts[scored] / len(y_true)).mean())
