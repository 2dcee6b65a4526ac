"""The answer of every method to every test image, to be filtered, ranked and shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions, RunKey
from core.evaluation.auc import top_k_accuracies
from core.evaluation.grouping import group_labels
from core.evaluation.metrics import TOLERANCE
from core.evaluation.resampling import Doubles, Flags, Floats, Integers
from core.language import N_, gettext
from core.tasks import Classification, Multiclass, Regression, Task

Mask = Flags
ANY, ALL_RIGHT, ALL_WRONG = "any", "all-right", "all-wrong"
ONLY_RIGHT, ONLY_WRONG = "only-right", "only-wrong"


@dataclass(frozen=True)
class Answers:
    """One answer a method and image, over the method's seeds.

    Parameters
    ----------
    task : Task
    image_ids : object array, shape (images,)
    methods : tuple of str
    seeds : tuple of int
        How many each method has.
    truth : array, shape (images,)
        Class ids, or values in the task's unit.
    answer : array, shape (methods, images)
        The class that most seeds say; of a number the mean over the seeds.
    right : bool array, shape (methods, images)
        Whether the answer is the truth; of a number, at most ``TOLERANCE`` from it.
    confidence : float32 array, shape (methods, images)
        Probability of the answer, as every following one a mean over the seeds; NaN
        where a method has no probabilities, and for numbers.
    of_truth : float32 array, shape (methods, images)
        Probability of the true class.
    margin : float32 array, shape (methods, images)
        How far the most probable class is above the second.
    entropy : float32 array, shape (methods, images)
        Of the probabilities, as a share of the largest possible: 0 is certain, 1 is
        even.

    Notes
    -----
    If two classes are answered by equally many seeds, the more probable one is the
    answer. With one seed the answer is the run's own.
    """

    task: Task
    image_ids: NDArray[np.object_]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    truth: NDArray[np.generic]
    answer: NDArray[np.generic]
    right: Mask
    confidence: NDArray[np.float32]
    of_truth: NDArray[np.float32]
    margin: NDArray[np.float32]
    entropy: NDArray[np.float32]

    @property
    def categories(self) -> tuple[str, ...]:
        """Classes, or the bins of a number."""
        return categories_of(self.task)

    @property
    def true_category(self) -> Integers:
        """Class or bin of each image's truth, shape (images,)."""
        return self._category(self.truth)

    def answered_category(self, method: str) -> Integers:
        """Class or bin of each answer of a method, shape (images,)."""
        return self._category(self.answer[self.place(method)])

    def errors(self, method: str) -> Doubles:
        """Answer minus truth of a number, shape (images,)."""
        own = self.answer[self.place(method)].astype(np.float64)
        return np.asarray(own - self.truth.astype(np.float64))

    def place(self, method: str) -> int:
        """Row of a method."""
        return self.methods.index(method)

    def has_probabilities(self, method: str) -> bool:
        """Whether it is known how probable a method's answers are."""
        return bool(np.isfinite(self.confidence[self.place(method)]).all())

    def _category(self, values: NDArray[np.generic]) -> Integers:
        if isinstance(self.task, Regression):
            return self.task.bin_of(values.astype(np.float64))
        return values.astype(np.int64)

    def table(self, method: str) -> pd.DataFrame:
        """Truth and answer of one method for every image, by image id."""
        columns = {"truth": self.truth, "prediction": self.answer[self.place(method)]}
        return pd.DataFrame(columns, index=pd.Index(self.image_ids, name="image_id"))


def categories_of(task: Task) -> tuple[str, ...]:
    """Classes of a task, or the bins of a number."""
    return task.bin_labels if isinstance(task, Regression) else tuple(task.classes)


def collect_answers(
    aligned: AlignedPredictions,
    task: Task,
    image_ids: Sequence[str] | NDArray[np.object_],
) -> Answers:
    """Combine every method's runs to one answer an image; the ids name the rows."""
    truth, answer, right, measures = (
        _numbers(aligned, task)
        if isinstance(task, Regression)
        else _classes(aligned, task)
    )
    return Answers(
        task,
        np.asarray(image_ids, dtype=object),
        aligned.methods,
        tuple(len(aligned.seeds_of(method)) for method in aligned.methods),
        truth,
        answer,
        right,
        *measures,
    )


_Collected = tuple[NDArray[np.generic], NDArray[np.generic], Mask, NDArray[np.float32]]


def _numbers(aligned: AlignedPredictions, task: Regression) -> _Collected:
    truth = aligned.truth[task.name].astype(np.float64)
    given = aligned.predictions[task.name].astype(np.float64)
    answer = np.stack(
        [given[aligned.columns_of(method)].mean(axis=0) for method in aligned.methods]
    )
    unknown = np.full((4, *answer.shape), np.nan, np.float32)
    return truth, answer, np.abs(answer - truth) <= TOLERANCE, unknown


def _classes(aligned: AlignedPredictions, task: Classification) -> _Collected:
    truth = aligned.truth[task.name].astype(np.int64)
    given = aligned.predictions[task.name].astype(np.int64)
    shape = (len(aligned.methods), aligned.rows)
    answer = np.empty(shape, np.int64)
    measures = np.full((4, *shape), np.nan, np.float32)
    for row, method in enumerate(aligned.methods):
        own = aligned.probabilities_of(task.name, method)
        mean = None if own is None else np.mean(own, axis=0)
        votes = given[aligned.columns_of(method)]
        answer[row] = _vote(votes, mean, len(task.classes))
        if mean is not None:
            measures[:, row] = _measures(mean, answer[row], truth)
    return truth, answer, answer == truth, measures


def _vote(answers: Integers, mean: Floats | None, k: int) -> Integers:
    """The most common answer; probabilities decide between equals."""
    if len(answers) == 1:
        return np.asarray(answers[0], np.int64)
    votes = (answers[..., None] == np.arange(k)).sum(axis=0, dtype=np.float64)
    if mean is not None:
        # Less than one vote, so that it decides between equals only.
        votes += mean / 2
    return np.asarray(votes.argmax(axis=1), np.int64)


def _measures(mean: Floats, answer: Integers, truth: Integers) -> NDArray[np.float32]:
    """Probability of the answer and of the truth, margin and entropy, by image."""
    rows = np.arange(len(mean))
    top = np.partition(mean, mean.shape[1] - 2, axis=1)[:, -2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(mean > 0, mean * np.log(mean), 0)
    entropy = -terms.sum(axis=1) / np.log(mean.shape[1])
    parts = [mean[rows, answer], mean[rows, truth], top[:, 1] - top[:, 0], entropy]
    return np.asarray(parts, np.float32)


def describe_images(
    tables: Mapping[RunKey, pd.DataFrame],
    tasks: Sequence[Task],
    features: Sequence[str],
    baseline: str,
) -> pd.DataFrame:
    """Ids and groups of the images as text, in the order of ``align_predictions``.

    Columns image_id and the features: columns of the predictions, or bins of a task
    such as ``"age_bin"``; those that are not there are left out.
    """
    first = tables[min(run for run in tables if run[0] == baseline)]
    columns = {"image_id": first["image_id"].astype(str)}
    for feature in features:
        try:
            columns[feature] = group_labels(first, tasks, feature).astype(str)
        except EquipoiseError:
            continue
    return pd.DataFrame(columns).reset_index(drop=True)


def agreement_kinds(methods: Sequence[str]) -> list[str]:
    """Ways in which methods can agree: "any", "all-wrong", "only-right:lmf", ..."""
    kinds = [ANY, ALL_WRONG, ALL_RIGHT]
    if len(methods) > 1:
        kinds += [f"{ONLY_RIGHT}:{method}" for method in methods]
        kinds += [f"{ONLY_WRONG}:{method}" for method in methods]
    return kinds


def agreeing(answers: Answers, kind: str) -> Mask:
    """Images on which the methods agree in one of the ways of ``agreement_kinds``.

    A bool array, shape (images,).
    """
    right = answers.right
    word, _, method = kind.partition(":")
    if word == ANY:
        return np.ones(right.shape[1], bool)
    if word in (ALL_RIGHT, ALL_WRONG):
        return np.asarray((right if word == ALL_RIGHT else ~right).all(axis=0))
    own, total = right[answers.place(method)], right.sum(axis=0)
    if word == ONLY_RIGHT:
        return np.asarray(own & (total == 1))
    return np.asarray(~own & (total == len(right) - 1))


@dataclass(frozen=True)
class Order:
    """A way to put images in order, the first one first.

    Parameters
    ----------
    plain_label, plain_explanation : str
        ``label`` and ``explanation``, in English.
    badness : callable
        ``(answers, row of the method) -> float array, shape (images,)``: higher comes
        first; NaN where the order is not about the image.
    needs_probabilities : bool
    """

    plain_label: str
    plain_explanation: str
    badness: Callable[[Answers, int], Floats]
    needs_probabilities: bool = False

    @property
    def label(self) -> str:
        """The order as a reader sees it."""
        return gettext(self.plain_label)

    @property
    def explanation(self) -> str:
        """What comes first, for the middle of a sentence."""
        return gettext(self.plain_explanation)


def _confidently_wrong(answers: Answers, row: int) -> Floats:
    known = np.nan_to_num(answers.confidence[row], nan=0.0)
    return np.where(answers.right[row], np.nan, known)


def _one_way(answers: Answers, row: int, sign: int) -> Floats:
    error = sign * answers.errors(answers.methods[row])
    return np.where(error > 0, error, np.nan)


CLASS_ORDERS = {
    "confident": Order(
        N_("Confidently wrong"),
        N_("wrong answers, the most probable in the method's eyes first"),
        _confidently_wrong,
    ),
    "truth": Order(
        N_("Truth least probable"),
        N_("the lowest probability of the true class first"),
        lambda answers, row: 1 - answers.of_truth[row],
        needs_probabilities=True,
    ),
    "margin": Order(
        N_("Smallest margin"),
        N_("the least difference between the two most probable classes first"),
        lambda answers, row: 1 - answers.margin[row],
        needs_probabilities=True,
    ),
    "entropy": Order(
        N_("Highest entropy"),
        N_("the most even probabilities first"),
        lambda answers, row: answers.entropy[row],
        needs_probabilities=True,
    ),
    "listed": Order(
        N_("As listed"),
        N_("all answers, right or wrong, in the order of the test images"),
        lambda answers, row: np.zeros(len(answers.image_ids)),
    ),
}
NUMBER_ORDERS = {
    "largest": Order(
        N_("Largest error"),
        N_("the largest error either way first"),
        lambda answers, row: np.abs(answers.errors(answers.methods[row])),
    ),
    "high": Order(
        N_("Too high"),
        N_("answers above the truth, the farthest first"),
        lambda answers, row: _one_way(answers, row, 1),
    ),
    "low": Order(
        N_("Too low"),
        N_("answers below the truth, the farthest first"),
        lambda answers, row: _one_way(answers, row, -1),
    ),
}
AMONG_METHODS = {
    "apart": Order(
        N_("Methods far apart"),
        N_("the widest spread of the methods' answers first"),
        lambda answers, row: answers.answer.astype(np.float64).std(axis=0),
    )
}


def orders_of(answers: Answers, method: str) -> dict[str, Order]:
    """The orders that a method's answers allow, the first of them the usual one."""
    if isinstance(answers.task, Regression):
        among = AMONG_METHODS if len(answers.methods) > 1 else {}
        return {**NUMBER_ORDERS, **among}
    known = answers.has_probabilities(method)
    return {
        name: order
        for name, order in CLASS_ORDERS.items()
        if known or not order.needs_probabilities
    }


def rank_images(
    answers: Answers, method: str, order: Order, chosen: Mask
) -> NDArray[np.intp]:
    """Rows of the chosen images, in an order of one method's answers.

    ``order`` is one of ``orders_of``, and ``chosen`` a bool array, shape (images,).
    Gives an int array, shape (found,): images that the order is not about are left out;
    equal ones stay in the order of the table.
    """
    badness = order.badness(answers, answers.place(method))
    rows = np.flatnonzero(chosen & ~np.isnan(badness))
    return rows[np.argsort(-badness[rows], kind="stable")]


def tabulate_images(
    answers: Answers, images: pd.DataFrame, rows: NDArray[np.intp]
) -> pd.DataFrame:
    """Images with their groups and every method's answer, for a download.

    Parameters
    ----------
    answers : Answers
    images : DataFrame
        From ``describe_images``.
    rows : int array
        Which images, in the order wanted.

    Returns
    -------
    DataFrame
        image_id, truth, the features; of each method ``<method>_answer`` with
        ``<method>_probability`` and ``<method>_probability_of_truth``, or with
        ``<method>_error`` for a number.
    """
    part = images.iloc[rows].reset_index(drop=True)
    truth = _named(answers, answers.truth[rows])
    columns: dict[str, object] = {"image_id": part["image_id"], "truth": truth}
    columns |= {name: part[name] for name in part.columns if name != "image_id"}
    for row, method in enumerate(answers.methods):
        columns[f"{method}_answer"] = _named(answers, answers.answer[row, rows])
        if isinstance(answers.task, Regression):
            columns[f"{method}_error"] = answers.errors(method)[rows]
        elif answers.has_probabilities(method):
            columns[f"{method}_probability"] = answers.confidence[row, rows]
            columns[f"{method}_probability_of_truth"] = answers.of_truth[row, rows]
    return pd.DataFrame(columns)


def _named(answers: Answers, values: NDArray[np.generic]) -> NDArray[np.generic]:
    if isinstance(answers.task, Regression):
        return values
    return np.array(answers.categories, dtype=object)[values.astype(np.int64)]


def top_k_curves(aligned: AlignedPredictions, task: Multiclass) -> pd.DataFrame:
    """Top-k accuracy of each method for every k, as a mean over its seeds.

    Returns
    -------
    DataFrame
        Columns ``method``, ``k`` (from 1 to the number of classes) and ``accuracy``;
        no rows of a method that has labels without probabilities.
    """
    labels = aligned.truth[task.name].astype(np.int64)
    parts = []
    for method in aligned.methods:
        given = aligned.probabilities_of(task.name, method)
        if given is not None:
            shares = np.mean([top_k_accuracies(labels, p) for p in given], axis=0)
            k = np.arange(1, len(shares) + 1)
            parts.append(pd.DataFrame({"method": method, "k": k, "accuracy": shares}))
    columns = ["method", "k", "accuracy"]
    return (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    )
