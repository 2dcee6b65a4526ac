"""Images whose label the methods contradict together: label errors, or their own.

Of classes by confident learning on the mean of the methods' probabilities; of a number
by how far the label is from the mean answer, beside images with like answers.
"""

import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.alignment import AlignedPredictions
from core.evaluation.answers import categories_of
from core.evaluation.calibration import bin_of
from core.evaluation.confusion_counts import encode_categories
from core.evaluation.intervals import wilson
from core.evaluation.metrics import TOLERANCE
from core.evaluation.resampling import Doubles, Flags, Floats, Integers
from core.language import N_
from core.tasks import Classification, Regression, Task

FAR = 3.5
"""Robust standard deviations beyond which a number is doubted."""
LIKE = 50
"""Images with like answers at the least, beside which a number is judged."""
MOST_BINS = 15

COLUMNS = (
    *("image_id", "split", "place", "given", "proposed", "score", "doubted"),
    *("against", "runs", "p_given", "p_proposed", "residual", "spread"),
)

# cleanlab hands its arguments on in globals: two visitors at once would mix them.
_ONE_AT_A_TIME = threading.Lock()
_NORMAL = 1.4826

Says = Literal["given", "proposed", "other"]


@dataclass(frozen=True)
class SplitPredictions:
    """What the methods answered to the images of one split.

    Parameters
    ----------
    aligned : AlignedPredictions
    image_ids : object array, shape (images,)
    """

    aligned: AlignedPredictions
    image_ids: NDArray[np.object_]


@dataclass(frozen=True)
class LabelDoubts:
    """Every image with how far its label is doubted, the most doubted first.

    Parameters
    ----------
    task : Task
    table : DataFrame
        One row an image: ``image_id``, ``split``, ``place`` in that split; the
        ``given`` and the ``proposed`` label; ``score``, from 0 (most doubtful) to 1;
        ``doubted``, whether the label is among those found; of how many ``runs`` the
        answer is ``against`` it. Of classes the mean probabilities ``p_given`` and
        ``p_proposed``; of a number the ``residual`` in robust standard deviations, and
        the ``spread`` of the runs' answers (standard deviation, in its unit).
    methods, silent : tuple of str
        Those whose answers count, and those that have labels without probabilities.
    joint : int array, shape (classes, classes)
        Of classes, the estimated images of each given label (row) and true class.
    """

    task: Task
    table: pd.DataFrame
    methods: tuple[str, ...]
    silent: tuple[str, ...] = ()
    joint: Integers = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    @cached_property
    def doubted(self) -> pd.DataFrame:
        """The images whose label is doubted, in order."""
        return self.table[self.table["doubted"]]

    @cached_property
    def by_all(self) -> pd.DataFrame:
        """The images whose label every run contradicts."""
        return self.table[self.table["against"] == self.table["runs"]]

    def first(self, count: int, split: str) -> pd.DataFrame:
        """The first doubted images of a split, so many at the most."""
        own = self.doubted
        return own[own["split"] == split].head(count)


def find_label_doubts(
    splits: Mapping[str, SplitPredictions], task: Task
) -> LabelDoubts | None:
    """Find the labels that the methods contradict together.

    Parameters
    ----------
    splits : mapping of str to SplitPredictions
        By name; only splits that no method was trained on.
    task : Task

    Returns
    -------
    LabelDoubts or None
        None if there are no images, or if no method has probabilities.

    Notes
    -----
    The answer to an image is the mean over the methods of the mean over their seeds, so
    that a method with more seeds does not count more. Of classes: ``doubt_classes``, of
    numbers ``doubt_numbers``. Images that are not doubted follow those that are.
    """
    parts = [_collect(name, given, task) for name, given in splits.items()]
    known = [part for part in parts if part is not None]
    if not known:
        return None
    table = pd.concat([part.table for part in known], ignore_index=True)
    answers = np.concatenate([part.answers for part in known])
    joint = np.zeros((0, 0), np.int64)
    if isinstance(task, Regression):
        given = table["given"].to_numpy(np.float64)
        found = doubt_numbers(given, answers)
        table = table.assign(
            proposed=np.clip(answers + found["centre"], task.minimum, task.maximum),
            score=found["score"],
            doubted=found["doubted"],
            residual=found["residual"],
            against=_count_far(known, found),
        )
    else:
        labels = np.concatenate([part.labels for part in known])
        doubted, score, joint = doubt_classes(labels, answers)
        rows = np.arange(len(labels))
        # Where a label is doubted, another class is the most probable one.
        likeliest = answers.argmax(axis=1)
        names = np.array(task.classes, dtype=object)
        table = table.assign(
            given=names[labels],
            proposed=names[likeliest],
            score=score,
            doubted=doubted,
            p_given=answers[rows, labels],
            p_proposed=answers[rows, likeliest],
        )
    order = np.lexsort((np.arange(len(table)), table["score"], ~table["doubted"]))
    ranked = table.iloc[order].reset_index(drop=True)
    methods = dict.fromkeys(m for part in known for m in part.methods)
    silent = dict.fromkeys(m for part in known for m in part.silent)
    return LabelDoubts(
        task,
        ranked[[name for name in COLUMNS if name in ranked]],
        tuple(methods),
        tuple(method for method in silent if method not in methods),
        joint,
    )


def doubt_classes(
    labels: Integers, probabilities: Floats
) -> tuple[Flags, Doubles, Integers]:
    """Find labels of classes that are probably wrong, by confident learning.

    Parameters
    ----------
    labels : int array, shape (images,)
        Given labels, as class ids.
    probabilities : float array, shape (images, classes)
        Of models that were not trained on these images.

    Returns
    -------
    doubted : bool array, shape (images,)
    score : float64 array, shape (images,)
        The label quality: the probability of the given label.
    joint : int array, shape (classes, classes)
        Estimated images of each given label (row) and true class (column); the rows
        sum to the images of each label.

    Notes
    -----
    Source: Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research
    2021, by cleanlab with its defaults (``prune_by_noise_rate``, self-confidence). An
    image counts for the class whose probability reaches the mean that this class has
    among the images labelled so: a class that every model is unsure of needs less. That
    gives the joint; of each pair of labels so many images are doubted as it says, those
    first whose probabilities are farthest apart, and none whose given label is the most
    probable one. With labels of one class there is nothing to compare.

    Examples
    --------
    The last label is 0, and the model is sure of 1:

    >>> p = np.array([[0.9, 0.1]] * 5 + [[0.1, 0.9]] * 5 + [[0.05, 0.95]])
    >>> doubted, score, joint = doubt_classes(np.array([0] * 5 + [1] * 5 + [0]), p)
    >>> np.flatnonzero(doubted).tolist(), round(float(score[-1]), 2), joint.tolist()
    ([10], 0.05, [[5, 1], [0, 5]])
    """
    own = np.clip(np.asarray(probabilities, np.float64), 0, 1)
    score = own[np.arange(len(labels)), labels]
    if len(np.unique(labels)) < 2:
        counts = np.bincount(labels, minlength=own.shape[1])
        return np.zeros(len(labels), bool), score, np.diag(counts)
    # Imported here: it brings scikit-learn along, which no other page needs.
    from cleanlab.count import compute_confident_joint
    from cleanlab.filter import find_label_issues

    joint = np.asarray(compute_confident_joint(labels, own), np.int64)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # A class without images, or with a single one, has no label to be doubted.
        warnings.filterwarnings("ignore", "May not flag all label issues")
        doubted = find_label_issues(labels, own, confident_joint=joint, n_jobs=1)
    return np.asarray(doubted, bool), score, joint


def doubt_numbers(labels: Floats, answers: Floats) -> dict[str, Any]:
    """Find labels of a number that are far from the answers of all methods.

    Parameters
    ----------
    labels, answers : float arrays, shape (images,)
        In the task's unit.

    Returns
    -------
    dict of arrays, shape (images,)
        ``residual``: label less answer, less its ``centre``, in units of its ``scale``:
        the median and the robust standard deviation of images with like answers;
        ``doubted``: beyond ``FAR`` of them; ``score``: exp(-abs(residual)).

    Notes
    -----
    Errors grow with age, and answers are drawn to the middle: an error of ten years is
    large for a child and usual at 70. Images are therefore compared with those that got
    a like answer, in bins of equally many. Bins of the label would take a wrong label
    for a usual one. The scale is 1.4826 times the median absolute deviation, and the
    bound 3.5 (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993). The score
    is cleanlab's for regression ("residual"), of the standardised residual.

    Examples
    --------
    >>> labels = np.array([20.0, 21.0, 19.0, 22.0, 18.0, 60.0])
    >>> found = doubt_numbers(labels, np.full(6, 20.0))
    >>> found["doubted"].tolist()
    [False, False, False, False, False, True]
    """
    residual = np.asarray(labels, np.float64) - np.asarray(answers, np.float64)
    codes = bin_of(answers, max(1, min(MOST_BINS, len(residual) // LIKE)))
    centre, scale = np.zeros(len(residual)), np.full(len(residual), np.inf)
    overall = _robust_scale(residual)
    for code in np.unique(codes):
        own = codes == code
        centre[own] = np.median(residual[own])
        scale[own] = _robust_scale(residual[own]) or overall or np.inf
    away = (residual - centre) / scale
    return {
        "residual": away,
        "centre": centre,
        "scale": scale,
        "score": np.exp(-np.abs(away)),
        "doubted": np.abs(away) > FAR,
    }


def count_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """How many images have each given and proposed label, the most common first.

    Parameters
    ----------
    rows : DataFrame
        Doubted images of ``LabelDoubts``, of a task with classes.

    Returns
    -------
    DataFrame
        Columns ``given``, ``proposed``, ``images``, and ``by_all``: those of them that
        every run contradicts.
    """
    by_all = rows["against"] == rows["runs"]
    counts = (
        rows.assign(by_all=by_all)
        .groupby(["given", "proposed"], sort=True)["by_all"]
        .agg(images="size", by_all="sum")
        .reset_index()
    )
    return counts.sort_values("images", ascending=False, kind="stable").reset_index(
        drop=True
    )


def count_dropped(
    doubts: LabelDoubts, dropped: pd.DataFrame, split: str
) -> pd.DataFrame:
    """Images of each class or bin that are left out, beside those that there are.

    Columns ``category``, ``images``, ``dropped`` and ``share``; NaN without images.
    """
    task = doubts.task
    everything = doubts.table[doubts.table["split"] == split]
    names = categories_of(task)
    counts = [
        np.bincount(
            encode_categories(rows["given"], task, where=N_("The table of labels")),
            minlength=len(names),
        )
        for rows in (everything, dropped)
    ]
    images, left_out = (count.astype(np.int64) for count in counts)
    share = left_out / np.where(images > 0, images, np.nan)
    return pd.DataFrame(
        {"category": names, "images": images, "dropped": left_out, "share": share}
    )


@dataclass(frozen=True)
class KnownErrors:
    """How many of the doubted labels are wrong, where that is known.

    Parameters
    ----------
    images, wrong : int
        Images, and those of them with a wrong label.
    top, top_wrong : int
        Images at the head of the ranking, and those of them with a wrong label.
    doubted, doubted_wrong : int
        Doubted images, and those of them with a wrong label.
    """

    images: int
    wrong: int
    top: int
    top_wrong: int
    doubted: int
    doubted_wrong: int


def count_known_errors(
    doubts: LabelDoubts, is_wrong: pd.Series, top: int
) -> KnownErrors:
    """Compare the ranking with labels that are known to be wrong.

    Parameters
    ----------
    doubts : LabelDoubts
    is_wrong : bool Series
        By image id; other images count as right.
    top : int
        Images at the head of the ranking, doubted or not.
    """
    known_wrong = is_wrong.index[is_wrong.to_numpy(bool)]
    wrong = doubts.table["image_id"].isin(known_wrong).to_numpy()
    doubted = doubts.table["doubted"].to_numpy(bool)
    head = wrong[:top]
    return KnownErrors(
        images=len(wrong),
        wrong=int(wrong.sum()),
        top=len(head),
        top_wrong=int(head.sum()),
        doubted=int(doubted.sum()),
        doubted_wrong=int((doubted & wrong).sum()),
    )


def share_interval(hits: int, of: int) -> tuple[float, float, float]:
    """A share of images with its Wilson interval; NaN of none."""
    if not of:
        return float("nan"), float("nan"), float("nan")
    share = hits / of
    variance = np.array(share * (1 - share))
    with np.errstate(invalid="ignore"):
        low, high = wilson(np.array(share), np.array(of), variance, seeds=1)
    return share, float(low), float(high)


def ask_twins(
    doubts: LabelDoubts,
    pairs: Sequence[Sequence[str]],
    labels: Mapping[str, Any],
) -> pd.DataFrame:
    """Ask the copies of each photo, which were labelled apart from it.

    Parameters
    ----------
    doubts : LabelDoubts
    pairs : sequence of pairs of str
        Ids of images of the same photo.
    labels : mapping of str to object
        Label of every image of the dataset, those left out among them.

    Returns
    -------
    DataFrame
        Of the images that have a copy: ``image_id``, ``doubted``, ``twins`` (labels of
        the copies), whether most of them ``agree`` with the given label, and what most
        ``say``: the "given" label, the "proposed" one, or "other", which is also said
        where neither has more than half. A number is the same within ``TOLERANCE``, and
        says the nearer of the two.
    """
    partners: dict[str, list[Any]] = {}
    for first, second in pairs:
        for own, other in ((first, second), (second, first)):
            if other in labels:
                partners.setdefault(own, []).append(labels[other])
    rows = doubts.table[doubts.table["image_id"].isin(partners.keys())]
    twins = [partners[image_id] for image_id in rows["image_id"]]
    given, proposed = rows["given"].tolist(), rows["proposed"].tolist()
    said = [
        _majority([_side(doubts.task, label, g, p) for label in own])
        for own, g, p in zip(twins, given, proposed, strict=True)
    ]
    agree = [
        2 * sum(_is_same(doubts.task, label, g) for label in own) > len(own)
        for own, g in zip(twins, given, strict=True)
    ]
    return pd.DataFrame(
        {
            "image_id": rows["image_id"].to_numpy(),
            "doubted": rows["doubted"].to_numpy(bool),
            "twins": twins,
            "agree": agree,
            "say": said,
        }
    )


def _is_same(task: Task, label: Any, other: Any) -> bool:
    if isinstance(task, Regression):
        return bool(abs(label - other) <= TOLERANCE)
    return bool(label == other)


def _side(task: Task, label: Any, given: Any, proposed: Any) -> Says:
    """Whether a copy has the given label, the proposed one, or another."""
    is_given, is_proposed = (_is_same(task, label, one) for one in (given, proposed))
    if is_given and is_proposed and isinstance(task, Regression):
        is_given = abs(label - given) <= abs(label - proposed)
    if is_given:
        return "given"
    return "proposed" if is_proposed else "other"


def _majority(said: Sequence[Says]) -> Says:
    """What more than half of the copies say."""
    sides: tuple[Says, ...] = ("given", "proposed")
    return next((one for one in sides if 2 * said.count(one) > len(said)), "other")


def _robust_scale(values: Doubles) -> float:
    return _NORMAL * float(np.median(np.abs(values - np.median(values))))


@dataclass(frozen=True)
class _Collected:
    """One split: its images, the mean answer to each, and who gave it."""

    table: pd.DataFrame
    answers: Doubles
    labels: Integers
    singles: Doubles
    methods: tuple[str, ...]
    silent: tuple[str, ...]


def _collect(name: str, given: SplitPredictions, task: Task) -> _Collected | None:
    aligned = given.aligned
    truth = aligned.truth[task.name]
    said = aligned.predictions[task.name]
    table = pd.DataFrame(
        {
            "image_id": given.image_ids,
            "split": name,
            "place": np.arange(aligned.rows),
            "runs": len(aligned.runs),
        }
    )
    if isinstance(task, Regression):
        singles = said.astype(np.float64)
        table = table.assign(given=truth.astype(np.float64), spread=_spread(singles))
        own = [singles[aligned.columns_of(m)].mean(axis=0) for m in aligned.methods]
        mean, labels = np.mean(own, axis=0), np.zeros(0, np.int64)
        return _Collected(table, mean, labels, singles, aligned.methods, ())
    labels = truth.astype(np.int64)
    mean, methods = _mean_probabilities(aligned, task)
    if not methods:
        return None
    silent = tuple(method for method in aligned.methods if method not in methods)
    against = (said.astype(np.int64) != labels).sum(axis=0)
    table = table.assign(against=against)
    return _Collected(table, mean, labels, np.zeros((0, 0)), methods, silent)


def _count_far(parts: Sequence[_Collected], found: Mapping[str, Doubles]) -> Integers:
    """How many runs' own answers are as far from each label, one way.

    Split by split: some runs have no validation images.
    """
    counts, start = [], 0
    for part in parts:
        own = slice(start, start + len(part.table))
        start = own.stop
        given = part.table["given"].to_numpy(np.float64)
        away = (given - part.singles - found["centre"][own]) / found["scale"][own]
        is_same_way = np.sign(away) == np.sign(found["residual"][own])
        counts.append((is_same_way & (np.abs(away) > FAR)).sum(axis=0))
    return np.concatenate(counts)


def _spread(answers: Doubles) -> Doubles:
    """Standard deviation of the runs' answers; NaN of a single run."""
    if len(answers) < 2:
        return np.full(answers.shape[1], np.nan)
    return np.asarray(answers.std(axis=0, ddof=1))


def _mean_probabilities(
    aligned: AlignedPredictions, task: Classification
) -> tuple[Doubles, tuple[str, ...]]:
    """Mean over the methods of their mean over the seeds, and who has any."""
    total = np.zeros((aligned.rows, len(task.classes)))
    methods = []
    for method in aligned.methods:
        own = aligned.probabilities_of(task.name, method)
        if own:
            # Run by run: no array of all runs at once.
            for values in own:
                total += values / np.float64(len(own))
            methods.append(method)
    return total / max(len(methods), 1), tuple(methods)
