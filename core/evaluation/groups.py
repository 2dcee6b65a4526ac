"""Metrics within the groups of sensitive features, as they are and resampled.

The images are laid out in strata group x truth (or bin). Every metric of every group
is a function of sums within these strata, so that one resample of the whole test set
serves all metrics, all groups and all methods: what differs between them is paired.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from core.errors import EquipoiseError
from core.evaluation.alignment import AlignedPredictions
from core.evaluation.classification import label_codes
from core.evaluation.intervals import (
    MAX_WEIGHTED_ROWS,
    Floats,
    Integers,
    RunDraws,
    StratumDraws,
    StratumSums,
    draw_variance,
    percentile_interval,
    resample_weights,
    share_interval,
    stratum_members,
    stratum_sums,
)
from core.evaluation.metrics import (
    CLASS_RATES,
    group_metric_keys,
    split_key,
    unknown_metric,
)
from core.evaluation.ranking import (
    RankFeatures,
    rank_features,
    ranking_metrics,
    smallest_side,
)
from core.tasks import Classification, Regression, Task

CROSSING = " × "
"""Stands between the features, and between the groups, of a crossing."""
MISSING = "unknown"
"""Group of the images whose sensitive feature is missing."""
SHARES = (
    "accuracy",
    "precision",
    "recall",
    "selection_rate",
    "false_positive_rate",
    "false_negative_rate",
)
"""Metrics that are a share of images."""
MAX_GROUPS = 200
"""Groups with images beyond which a crossing tells nothing any more."""


@dataclass(frozen=True)
class Grouping:
    """Images by the groups of one sensitive feature, or of several crossed.

    Parameters
    ----------
    feature : str
        Such as ``"gender"`` or ``"gender × ethnicity"``.
    levels : DataFrame
        One row a group, its name as index (``"female × Asian"``), a column a feature.
        Of several features all crossings of the groups found are here, so that one may
        have no image.
    codes : int array, shape (rows,)
        Row of ``levels`` that an image is in.
    """

    feature: str
    levels: pd.DataFrame
    codes: Integers

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all groups, those without an image too."""
        return tuple(self.levels.index)

    @cached_property
    def counts(self) -> Integers:
        """Images of each group, shape (groups,)."""
        return np.bincount(self.codes, minlength=len(self.levels))

    @cached_property
    def present(self) -> Integers:
        """Groups with images."""
        return np.flatnonzero(self.counts)

    @cached_property
    def dense(self) -> Integers:
        """Place of each image's group among those with images, shape (rows,)."""
        places = np.cumsum(self.counts > 0) - 1
        return np.asarray(places[self.codes], np.int64)


def group_labels(table: pd.DataFrame, tasks: Sequence[Task], feature: str) -> pd.Series:
    """Group of each row: a column of the table, or the bin of a regression's truth.

    Raises
    ------
    EquipoiseError
        If there is no such feature.
    """
    codes, names = _feature_codes(table, tasks, feature)
    return pd.Series(np.array(names)[codes], index=table.index, name=feature)


def group_images(
    table: pd.DataFrame, tasks: Sequence[Task], features: Sequence[str]
) -> Grouping:
    """Put images into the groups of one sensitive feature, or of several crossed.

    Parameters
    ----------
    table : DataFrame
        Predictions, one row an image, with the features as columns.
    tasks : sequence of Task
        ``"<task>_bin"`` is the bin of a regression's truth, such as ``"age_bin"``.
    features : sequence of str

    Raises
    ------
    EquipoiseError
        If no feature is named, one is not there or is named twice, or more than
        ``MAX_GROUPS`` groups have images.

    Notes
    -----
    Groups come in the order of the task's classes or bins, others by name. An image
    without a value is in the group ``"unknown"``.
    """
    if not features or len(set(features)) < len(features):
        raise EquipoiseError(
            f"The sensitive features are {', '.join(features) or '(none)'}.",
            expected="at least one, and each once.",
            remedy="choose one of the study's features, or several to be crossed.",
        )
    codes = np.zeros(len(table), np.int64)
    found: list[tuple[str, ...]] = []
    for feature in features:
        own, names = _feature_codes(table, tasks, feature)
        used = np.bincount(own, minlength=len(names)) > 0
        places = np.cumsum(used) - 1
        codes = codes * int(used.sum()) + places[own]
        found.append(tuple(n for n, there in zip(names, used, strict=True) if there))
    number = len(np.unique(codes))
    if number > MAX_GROUPS:
        raise EquipoiseError(
            f"{CROSSING.join(features)} has {number:,} groups.",
            expected=f"at most {MAX_GROUPS}: metrics of fewer images tell nothing.",
            remedy="choose fewer features, or one with fewer groups.",
        )
    crossed = list(product(*found))
    index = pd.Index([CROSSING.join(names) for names in crossed], name="group")
    levels = pd.DataFrame(crossed, index=index, columns=list(features))
    return Grouping(CROSSING.join(features), levels, codes)


def _feature_codes(
    table: pd.DataFrame, tasks: Sequence[Task], feature: str
) -> tuple[Integers, tuple[str, ...]]:
    """Group of each row as a place in the names of the groups."""
    order: tuple[str, ...] = ()
    for task in tasks:
        if isinstance(task, Regression) and feature == f"{task.name}_bin":
            return task.bin_of(table[f"{task.name}_true"]), task.bin_labels
        if not isinstance(task, Regression) and feature == task.name:
            order = task.classes
    if feature not in table:
        raise EquipoiseError(
            f"There is no sensitive feature '{feature}' in the predictions.",
            expected="a sensitive feature of the study.",
            remedy="choose one of the study's features.",
        )
    codes, values = label_codes(table[feature])
    found = [str(value) for value in values]
    if (codes < 0).any():
        codes = np.where(codes < 0, len(found), codes)
        found.append(MISSING)
    names = [name for name in order if name in found]
    names += sorted(set(found) - set(names))
    places = np.array([names.index(name) for name in found], np.int64)
    return places[codes], tuple(names)


@dataclass(frozen=True)
class GroupDraws:
    """One metric of every group and run, as it is and under the resamples.

    The last entry of the first axis is all images together.

    Parameters
    ----------
    key : str
        Such as ``"gender.recall"``.
    rests : float64 array, shape (groups + 1, columns)
        Images that the metric rests on: those of the class for a recall.
    values : float64 array, shape (groups + 1, columns)
        NaN where the metric is not defined.
    draws : float array, shape (groups + 1, columns, resamples)
    """

    key: str
    rests: NDArray[np.float64]
    values: NDArray[np.float64]
    draws: Floats

    @property
    def is_share(self) -> bool:
        """Whether the metric is a share of images."""
        return split_key(self.key)[1] in SHARES

    def of(self, columns: list[int]) -> RunDraws:
        """Every group as a metric of the method whose runs are ``columns``."""
        return RunDraws(self.values[:, columns], self.draws[:, columns])

    def intervals(self, columns: list[int], *, level: float) -> "GroupIntervals":
        """Mean over the runs ``columns`` of every group, and what it varies by.

        Notes
        -----
        A share of images has Wilson's interval on the effective number of images
        (``intervals.share_interval``): groups are small and shares often 0 or 1, where
        the bootstrap would say that they are certain. Any other metric has the
        percentile interval, its ends moved away from the value as Student's t with
        n - 1 degrees of freedom asks for, since the bootstrap of few images is too
        short (Hesterberg, The American Statistician 2015, expanded percentiles); all
        images together have it as it is, as in ``compare.compare``.
        """
        value = self.values[:, columns].mean(axis=1)
        draws = self.draws[:, columns].mean(axis=1)
        rests = self.rests[:, columns].mean(axis=1)
        variance = draw_variance(draws) * rests
        low, high = percentile_interval(draws, level)
        wide = _student_widening(rests, level)
        wide[-1] = 1
        return GroupIntervals(
            value=value,
            down=np.where(np.isnan(value), np.nan, (value - low) * wide),
            up=np.where(np.isnan(value), np.nan, (high - value) * wide),
            rests=rests,
            variance=variance,
            seeds=len(columns),
            level=level,
            is_share=self.is_share,
        )


@dataclass(frozen=True)
class GroupIntervals:
    """One metric of a method in every group, the last one of all images.

    Every array has shape (groups + 1,).

    Parameters
    ----------
    value : float64 array
        Mean over the seeds.
    down, up : float64 arrays
        How far the percentile interval reaches below and above it.
    rests : float64 array
        Images that it rests on, mean over the seeds.
    variance : float64 array
        Of an image's part, over the images.
    seeds : int
    level : float
    is_share : bool
    """

    value: NDArray[np.float64]
    down: NDArray[np.float64]
    up: NDArray[np.float64]
    rests: NDArray[np.float64]
    variance: NDArray[np.float64]
    seeds: int
    level: float
    is_share: bool

    def bounds(
        self, reach: float | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Low and high end of every group's interval.

        Parameters
        ----------
        reach : float, optional
            Standard errors to either side; by default those of the level.
        """
        own = float(special.ndtri((1 + self.level) / 2))
        scale = 1.0 if reach is None else reach / own
        low, high = self.value - self.down * scale, self.value + self.up * scale
        if self.is_share:
            level = float(2 * special.ndtr(own * scale) - 1)
            shares = share_interval(
                self.value, self.rests, self.variance, seeds=self.seeds, level=level
            )
            low[:-1], high[:-1] = shares[0][:-1], shares[1][:-1]
        return low, high


def _student_widening(n: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """How much wider an interval of n images is by Student's t; NaN below two."""
    with np.errstate(invalid="ignore", divide="ignore"):
        student = special.stdtrit(np.where(n > 1, n - 1, np.nan), (1 + level) / 2)
        widening = student / special.ndtri((1 + level) / 2) * np.sqrt(n / (n - 1))
    return np.asarray(widening, np.float64)


@dataclass(frozen=True)
class ClassCounts:
    """Confusion counts of every group, the last one of all images.

    Parameters
    ----------
    support : float array, shape (groups, classes, resamples)
        Images of each true class.
    hits, predicted : float arrays, shape (groups, columns, classes, resamples)
        Images of each class that were predicted rightly; that were predicted as it.
    """

    support: Floats
    hits: Floats
    predicted: Floats

    @property
    def total(self) -> Floats:
        """Images of each group, shape (groups, resamples)."""
        return np.asarray(self.support.sum(axis=1))

    def add(self, group: int, label: int, counts: Floats, sums: Floats) -> None:
        """Count the images of one class in one group.

        ``sums`` are of every run's answers, shape (columns x classes, resamples).
        """
        # Normal draws of a rare cell can dip below 0.
        cells = np.maximum(sums, 0).reshape(self.hits.shape[1:])
        self.support[group, label] = counts
        self.hits[group, :, label] = cells[:, label]
        self.predicted[group] += cells

    def with_all(self) -> "ClassCounts":
        """The same, its last group the sum of the others."""
        for sums in (self.support, self.hits, self.predicted):
            sums[-1] = sums[:-1].sum(axis=0)
        return self


@dataclass(frozen=True)
class ErrorSums:
    """Sums of errors of every group, the last one of all images.

    Parameters
    ----------
    counts : float array, shape (groups, bins, resamples)
        Images of each bin of the truth.
    sizes : float array, shape (groups, bins, columns, resamples)
        Of the errors without sign.
    signed, squares : float arrays, shape (groups, columns, resamples)
        Of the errors, and of their squares.
    """

    counts: Floats
    sizes: Floats
    signed: Floats
    squares: Floats

    def add(self, group: int, place: int, counts: Floats, sums: Floats) -> None:
        """Add the images of one bin in one group; ``sums`` of all three, by run."""
        parts = sums.reshape(3, *self.signed.shape[1:])
        self.counts[group, place], self.sizes[group, place] = counts, parts[0]
        self.signed[group] += parts[1]
        self.squares[group] += parts[2]

    def with_all(self) -> "ErrorSums":
        """The same, its last group the sum of the others."""
        for sums in (self.counts, self.sizes, self.signed, self.squares):
            sums[-1] = sums[:-1].sum(axis=0)
        return self


@dataclass(frozen=True)
class GroupMetrics:
    """Computes metrics of one task within groups; every metric on the same resamples.

    Parameters
    ----------
    aligned : AlignedPredictions
    task : Task
    grouping : Grouping
        Of the same images in the same order.
    resamples : int
    rng_seed : int
        Seed of the resamples.

    Notes
    -----
    Up to ``MAX_WEIGHTED_ROWS`` images the resamples are those of ``compare.compare``;
    beyond, see ``intervals.normal_sums``.
    """

    aligned: AlignedPredictions
    task: Task
    grouping: Grouping
    resamples: int
    rng_seed: int

    def metric(self, key: str) -> GroupDraws:
        """One metric of every group and run.

        Raises
        ------
        EquipoiseError
            If there is no such metric within groups.
        """
        task, name, part = split_key(key)
        known = task == self.task.name
        if known and isinstance(self.task, Regression):
            bins = self.task.bin_labels
            if part in bins if part else name in ("mae", "bias", "rmse"):
                return self._of_errors(key, name, bins.index(part) if part else None)
        elif known and not isinstance(self.task, Regression):
            if name == "auc":
                return self._of_ranks(key)
            place = _class_place(self.task, name, part)
            if place is not None:
                return self._of_classes(key, name, place)
        raise unknown_metric(key, group_metric_keys(self.task), study="these groups")

    def _of_errors(self, key: str, name: str, place: int | None) -> GroupDraws:
        here, there = self._errors
        chosen = slice(None) if place is None else slice(place, place + 1)
        rests = here.counts[:, chosen].sum(axis=1)
        columns = len(self.aligned.runs)
        return GroupDraws(
            key,
            np.repeat(rests, columns, axis=1),
            error_metric(here, name, chosen)[..., 0].astype(np.float64),
            error_metric(there, name, chosen),
        )

    def _of_classes(self, key: str, name: str, place: int) -> GroupDraws:
        here, there = self._classes
        known = here.support > 0
        rests = _resting_images(here, name, place)[..., 0]
        columns = len(self.aligned.runs)
        return GroupDraws(
            key,
            np.array(np.broadcast_to(rests, (len(rests), columns)), np.float64),
            class_metric(here, name, place, known)[..., 0].astype(np.float64),
            class_metric(there, name, place, known),
        )

    def _of_ranks(self, key: str) -> GroupDraws:
        rests, here, there = self._areas
        columns = len(self.aligned.runs)
        return GroupDraws(key, np.repeat(rests[:, None], columns, axis=1), here, there)

    @cached_property
    def _weights(self) -> Floats | None:
        if self.aligned.rows > MAX_WEIGHTED_ROWS:
            return None
        rng = np.random.default_rng(self.rng_seed)
        return resample_weights(self.aligned.rows, self.resamples, rng)

    def _sums(
        self,
        features: Callable[[NDArray[np.intp]], Floats],
        strata: Integers,
        num_strata: int,
        stream: int,
    ) -> Iterator[StratumDraws]:
        return stratum_sums(
            features,
            strata,
            num_strata,
            weights=self._weights,
            resamples=self.resamples,
            rng=np.random.default_rng([self.rng_seed, stream]),
        )

    @cached_property
    def _classes(self) -> tuple[ClassCounts, ClassCounts]:
        """Confusion counts of the data, and of the resamples."""
        y_true = self.aligned.truth[self.task.name].astype(np.int64)
        y_pred = self.aligned.predictions[self.task.name].astype(np.int16)
        k, groups = self._num_classes, len(self.grouping.present)
        here, there = (
            ClassCounts(
                np.zeros((groups + 1, k, size), dtype),
                np.zeros((groups + 1, len(y_pred), k, size), dtype),
                np.zeros((groups + 1, len(y_pred), k, size), dtype),
            )
            for size, dtype in ((1, np.float64), (self.resamples, np.float32))
        )

        def one_hot(members: NDArray[np.intp]) -> Floats:
            own = y_pred[:, members].T[:, :, None] == np.arange(k, dtype=np.int16)
            return np.asarray(own.reshape(len(members), -1), np.float32)

        strata = self.grouping.dense * k + y_true
        for drawn in self._sums(one_hot, strata, groups * k, 0):
            group, label = divmod(drawn.stratum, k)
            here.add(group, label, np.array([drawn.images]), drawn.total[:, None])
            there.add(group, label, drawn.counts, drawn.sums)
        return here.with_all(), there.with_all()

    @property
    def _num_classes(self) -> int:
        return 0 if isinstance(self.task, Regression) else len(self.task.classes)

    @cached_property
    def _errors(self) -> tuple[ErrorSums, ErrorSums]:
        """Sums of errors of the data, and of the resamples."""
        assert isinstance(self.task, Regression)
        y_true = self.aligned.truth[self.task.name].astype(np.float64)
        y_pred = self.aligned.predictions[self.task.name].astype(np.float64)
        bins, groups = len(self.task.bin_labels), len(self.grouping.present)
        columns = len(y_pred)
        here, there = (
            ErrorSums(
                np.zeros((groups + 1, bins, size), dtype),
                np.zeros((groups + 1, bins, columns, size), dtype),
                np.zeros((groups + 1, columns, size), dtype),
                np.zeros((groups + 1, columns, size), dtype),
            )
            for size, dtype in ((1, np.float64), (self.resamples, np.float32))
        )

        def features(members: NDArray[np.intp]) -> Floats:
            errors = (y_pred[:, members] - y_true[members]).T
            return np.concatenate([np.abs(errors), errors, errors**2], axis=1)

        strata = self.grouping.dense * bins + self.task.bin_of(y_true)
        for drawn in self._sums(features, strata, groups * bins, 0):
            group, place = divmod(drawn.stratum, bins)
            here.add(group, place, np.array([drawn.images]), drawn.total[:, None])
            there.add(group, place, drawn.counts, drawn.sums)
        return here.with_all(), there.with_all()

    @cached_property
    def _areas(self) -> tuple[NDArray[np.float64], NDArray[np.float64], Floats]:
        """Images that each area rests on, the areas, and the resampled ones."""
        parts = [
            self._areas_within(self.grouping.dense, len(self.grouping.present)),
            self._areas_within(np.zeros(self.aligned.rows, np.int64), 1),
        ]
        rests, here, there = zip(*parts, strict=True)
        return np.concatenate(rests), np.concatenate(here), np.concatenate(there)

    def _areas_within(
        self, codes: Integers, groups: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], Floats]:
        task = self.task
        assert not isinstance(task, Regression)
        y_true = self.aligned.truth[task.name].astype(np.int64)
        given = self.aligned.probabilities[task.name]
        values = np.zeros((len(y_true), 2 * len(given)), np.float32)
        ranked, rests = [], []
        for members in stratum_members(codes, groups):
            is_all = len(members) == len(y_true)
            own = [p if p is None or is_all else p[members] for p in given]
            found = rank_features(y_true[members], own, task, ())
            values[members] = found.values
            ranked.append(found)
            rests.append(smallest_side(y_true[members], task))
        here, there = self._ranked(values, codes, ranked)
        return np.array(rests, np.float64), here, there

    def _ranked(
        self,
        values: NDArray[np.float32],
        codes: Integers,
        ranked: Sequence[RankFeatures],
    ) -> tuple[NDArray[np.float64], Floats]:
        """Areas of each group and run, of the data and of the resamples."""
        k, width = self._num_classes, values.shape[1]
        strata = codes * k + self.aligned.truth[self.task.name].astype(np.int64)
        drawn = self._sums(lambda own: values[own], strata, len(ranked) * k, 1)
        here: list[Floats] = []
        there: list[Floats] = []
        for group, strata_of in groupby(drawn, key=lambda one: one.stratum // k):
            data = StratumSums(np.zeros((k, 1)), np.zeros((k, width, 1)))
            resampled = StratumSums(
                np.zeros((k, self.resamples), np.float32),
                np.zeros((k, width, self.resamples), np.float32),
            )
            for one in strata_of:
                label = one.stratum % k
                data.counts[label], data.sums[label, :, 0] = one.images, one.total
                resampled.counts[label] = one.counts
                resampled.sums[label] = one.sums
            for sums, areas in ((data, here), (resampled, there)):
                areas.append(ranking_metrics(sums, ranked[group])["auc"])
        return np.stack(here)[..., 0].astype(np.float64), np.stack(there)


def _class_place(task: Classification, name: str, part: str) -> int | None:
    """Class that a metric is about, 0 if it is about all; None if there is no such."""
    if name in CLASS_RATES:
        if task.kind == "binary" and not part:
            return 1
        return task.classes.index(part) if part in task.classes else None
    plain = ("accuracy",) if task.kind == "binary" else _MEANS
    return 0 if name in plain and not part else None


_MEANS = ("accuracy", "balanced_accuracy", "macro_f1")


def class_rate(
    name: str, total: Floats, support: Floats, hits: Floats, predicted: Floats
) -> Floats:
    """A rate of one class against the rest, from counts that broadcast.

    Parameters
    ----------
    name : str
        One of ``metrics.CLASS_RATES``.
    total, support, hits, predicted : float arrays
        Images; those of the class; those of it that were predicted as it; all that
        were predicted as it.

    Returns
    -------
    float array
        NaN where the denominator is 0.

    Notes
    -----
    Definitions of fairlearn and scikit-learn, which instead give 0 for 0 / 0.
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


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; NaN where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(denominator > 0, numerator / denominator, np.nan))


def class_metric(
    counts: ClassCounts, name: str, place: int, known: NDArray[np.bool_]
) -> Floats:
    """One metric of every group and run from confusion counts.

    Parameters
    ----------
    counts : ClassCounts
    name : str
        Metric's name without task and class.
    place : int
        Class that it is about.
    known : bool array, shape (groups, classes, 1)
        Classes that a group has images of, in the data themselves.

    Returns
    -------
    float array, shape (groups, columns, resamples)

    Notes
    -----
    Macro F1 is scikit-learn's: the mean over the classes that a group has or that were
    predicted there. A class that a resample merely missed is left out of that
    resample.
    """
    total = counts.total[:, None]
    support = counts.support[:, None]
    if name == "accuracy":
        return ratio(counts.hits.sum(axis=2), total)
    if name == "balanced_accuracy":
        return _mean_defined(ratio(counts.hits, support))
    if name == "macro_f1":
        f1 = ratio(2 * counts.hits, support + counts.predicted)
        missed = known[:, None] & (support == 0)
        return _mean_defined(np.where(missed, np.nan, f1))
    return class_rate(
        name,
        total,
        support[:, :, place],
        counts.hits[:, :, place],
        counts.predicted[:, :, place],
    )


def _mean_defined(values: Floats) -> Floats:
    """Mean over the classes whose value is defined."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=2), defined.sum(axis=2))


def _resting_images(counts: ClassCounts, name: str, place: int) -> Floats:
    """Images that a metric rests on, shape (groups, 1 or columns, 1)."""
    total, support = counts.total[:, None], counts.support[:, None, place]
    if name == "precision":
        return counts.predicted[:, :, place]
    if name in ("recall", "f1", "false_negative_rate"):
        return support
    return total - support if name == "false_positive_rate" else total


def error_metric(sums: ErrorSums, name: str, chosen: slice) -> Floats:
    """One metric of every group and run from sums of errors.

    Parameters
    ----------
    sums : ErrorSums
    name : {"mae", "bias", "rmse"}
    chosen : slice
        Bins of the truth that it is about: of the MAE any, else all.

    Returns
    -------
    float array, shape (groups, columns, resamples)
        In the unit of the task; NaN where there is no image.
    """
    total = sums.counts[:, chosen].sum(axis=1)[:, None]
    if name == "mae":
        return ratio(sums.sizes[:, chosen].sum(axis=1), total)
    if name == "bias":
        return ratio(sums.signed, total)
    # A normal draw can dip below 0 only where every error is next to 0.
    return np.sqrt(ratio(np.maximum(sums.squares, 0), total))
