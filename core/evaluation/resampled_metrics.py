"""Every metric of a task in every group, as it is and under the same resamples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.alignment import AlignedPredictions
from core.evaluation.formulas import (
    ClassCounts,
    ErrorSums,
    class_metric,
    class_places,
    error_metric,
    has_metric,
    ratio,
    resting_images,
)
from core.evaluation.grouping import Grouping
from core.evaluation.metrics import (
    TOLERANCE,
    metric_keys,
    split_key,
    top_k,
    unknown_metric,
)
from core.evaluation.ranking import (
    ALL,
    RankFeatures,
    area,
    rank_features,
    smallest_side,
)
from core.evaluation.resampling import Floats, Resampler, stratum_members
from core.evaluation.variance import RunDraws
from core.tasks import Classification, Regression, Task


@dataclass(frozen=True)
class MetricDraws:
    """One metric of every group and run, as it is and under the resamples.

    The groups are ``Grouping.measured``: the last entry of the first axis is all
    images together.

    Parameters
    ----------
    key : str
        Such as ``"gender.recall"``.
    rests : float64 array, shape (groups, columns)
        Images that the metric rests on: those of the class for a recall.
    values : float64 array, shape (groups, columns)
        NaN where the metric is not defined.
    draws : float array, shape (groups, columns, resamples)
    """

    key: str
    rests: NDArray[np.float64]
    values: NDArray[np.float64]
    draws: Floats

    def of(self, columns: list[int]) -> RunDraws:
        """Every group as a metric of the method whose runs are ``columns``."""
        return RunDraws(self.values[:, columns], self.draws[:, columns])

    def with_more(self, others: Sequence["MetricDraws"]) -> "MetricDraws":
        """The same, with the resamples of other blocks too."""
        blocks = [self.draws, *(other.draws for other in others)]
        return replace(self, draws=np.concatenate(blocks, axis=-1))


@dataclass(frozen=True)
class TaskDraws:
    """Computes the metrics of one task within groups, all on the same resamples.

    Parameters
    ----------
    aligned : AlignedPredictions
    task : Task
    grouping : Grouping
        Of the same images in the same order.
    resampler : Resampler
        Of the same images in the same order.
    training_counts : mapping, optional
        Training images of each class, for the accuracy of the shot groups.
    tops : tuple of int
        The k of each top-k accuracy that will be asked for.
    """

    aligned: AlignedPredictions
    task: Task
    grouping: Grouping
    resampler: Resampler
    training_counts: Mapping[str, int] | None = None
    tops: tuple[int, ...] = ()

    def metric(self, key: str) -> MetricDraws:
        """One metric of every group and run.

        Raises
        ------
        EquipoiseError
            If the task has no such metric.
        """
        if not has_metric(self.task, key, self.training_counts):
            known = metric_keys(self.task, self.training_counts)
            raise unknown_metric(key, known, study=f"the task '{self.task.name}'")
        _, name, part = split_key(key)
        if isinstance(self.task, Regression):
            place = self.task.bin_labels.index(part) if part else None
            return self._of_errors(key, name, place)
        if name == "auc" or top_k(name) is not None:
            return self._of_ranks(key, name)
        places = class_places(self.task, key, self.training_counts)
        assert places is not None
        # The accuracy of a shot group is the mean recall of its classes.
        return self._of_classes(
            key, "recall" if name == "accuracy" and part else name, places
        )

    def _of_errors(self, key: str, name: str, place: int | None) -> MetricDraws:
        here, there = self._errors
        chosen = slice(None) if place is None else slice(place, place + 1)
        rests = here.counts[:, chosen].sum(axis=1)
        return MetricDraws(
            key,
            np.repeat(rests, len(self.aligned.runs), axis=1),
            error_metric(here, name, place)[..., 0].astype(np.float64),
            error_metric(there, name, place),
        )

    def _of_classes(self, key: str, name: str, places: list[int]) -> MetricDraws:
        here, there = self._classes
        known = here.support > 0
        rests = resting_images(here, name, places)[..., 0]
        shape = (len(rests), len(self.aligned.runs))
        return MetricDraws(
            key,
            np.array(np.broadcast_to(rests, shape), np.float64),
            class_metric(here, name, places, known)[..., 0].astype(np.float64),
            class_metric(there, name, places, known),
        )

    def _of_ranks(self, key: str, name: str) -> MetricDraws:
        ranked = self._ranks
        k = top_k(name)
        if k is None:
            rests, here, there = ranked.rests, ranked.areas, ranked.area_draws
        else:
            place = self.tops.index(k)
            rests = ranked.images
            here, there = ranked.tops[:, place], ranked.top_draws[:, place]
        return MetricDraws(
            key, np.repeat(rests[:, None], here.shape[1], axis=1), here, there
        )

    @property
    def _num_groups(self) -> int:
        """Groups with images; the rows of every result have one more, all images."""
        return len(self.grouping.present)

    @cached_property
    def _classes(self) -> tuple[ClassCounts, ClassCounts]:
        """Confusion counts of the data, and of the resamples."""
        task = self._classified
        y_true = self.aligned.truth[task.name].astype(np.int64)
        y_pred = self.aligned.predictions[task.name].astype(np.int16)
        k, rows = len(task.classes), len(self.grouping.measured)
        here, there = (
            ClassCounts.zeros(rows, len(y_pred), k, size)
            for size in (1, self.resampler.resamples)
        )

        def one_hot(members: NDArray[np.intp]) -> Floats:
            own = y_pred[:, members].T[:, :, None] == np.arange(k, dtype=np.int16)
            return np.asarray(own.reshape(len(members), -1), np.float32)

        strata = self.grouping.dense * k + y_true
        for drawn in self.resampler.sums(one_hot, strata, self._num_groups * k):
            group, label = divmod(drawn.stratum, k)
            here.add(group, label, np.array([drawn.images]), drawn.total[:, None])
            there.add(group, label, drawn.counts, drawn.sums)
        for counts in (here, there):
            counts.sum_groups(self._num_groups)
        return here, there

    @cached_property
    def _errors(self) -> tuple[ErrorSums, ErrorSums]:
        """Sums of errors of the data, and of the resamples."""
        assert isinstance(self.task, Regression)
        y_true = self.aligned.truth[self.task.name].astype(np.float64)
        y_pred = self.aligned.predictions[self.task.name].astype(np.float64)
        bins, rows = len(self.task.bin_labels), len(self.grouping.measured)
        here, there = (
            ErrorSums.zeros(rows, len(y_pred), bins, size)
            for size in (1, self.resampler.resamples)
        )

        def features(members: NDArray[np.intp]) -> Floats:
            errors = (y_pred[:, members] - y_true[members]).T
            sizes = np.abs(errors)
            return np.concatenate(
                [sizes, errors, errors**2, sizes <= TOLERANCE], axis=1
            )

        strata = self.grouping.dense * bins + self.task.bin_of(y_true)
        for drawn in self.resampler.sums(features, strata, self._num_groups * bins):
            group, place = divmod(drawn.stratum, bins)
            here.add(group, place, np.array([drawn.images]), drawn.total[:, None])
            there.add(group, place, drawn.counts, drawn.sums)
        for sums in (here, there):
            sums.sum_groups(self._num_groups)
        return here, there

    @property
    def _classified(self) -> Classification:
        assert not isinstance(self.task, Regression)
        return self.task

    @cached_property
    def _ranks(self) -> "_Ranks":
        """Areas and top-k accuracies of every group, then of all images."""
        parts = [_Ranks.of(self, self.grouping.dense, self._num_groups)]
        if not self.grouping.is_whole:
            everything = np.zeros(self.aligned.rows, np.int64)
            parts.append(_Ranks.of(self, everything, 1))
        return parts[0] if len(parts) == 1 else parts[0].with_more(parts[1])


@dataclass(frozen=True)
class _Ranks:
    """Ranking metrics of several groups.

    ``rests`` and ``images`` have shape (groups,): images of the smaller side of an
    area, and all. ``areas`` and ``tops`` are of the data, shape (groups, columns) and
    (groups, tops, columns), the others of the resamples, with one more axis.
    """

    rests: NDArray[np.float64]
    images: NDArray[np.float64]
    areas: NDArray[np.float64]
    area_draws: Floats
    tops: NDArray[np.float64]
    top_draws: Floats

    @classmethod
    def of(cls, drawing: TaskDraws, codes: NDArray[np.int64], groups: int) -> "_Ranks":
        task = drawing._classified
        y_true = drawing.aligned.truth[task.name].astype(np.int64)
        given = drawing.aligned.probabilities[task.name]
        members_of = stratum_members(codes, groups)
        ranked: list[RankFeatures] = []
        shape = ((2 + len(drawing.tops)) * len(given), len(y_true))
        values = np.zeros(shape, np.float32)
        for members in members_of:
            images = ALL if len(members) == len(y_true) else members
            found = rank_features(y_true, given, task, drawing.tops, images)
            values[:, images] = found.values
            ranked.append(found)
        k = len(task.classes)
        drawn = drawing.resampler.sums(
            lambda members: values[:, members].T,
            codes * k + y_true,
            groups * k,
            stream=1,
        )
        found_by_group = [
            _rank_group(list(strata), k, ranked[group], drawing.resampler.resamples)
            for group, strata in groupby(drawn, key=lambda one: one.stratum // k)
        ]
        areas, area_draws, tops, top_draws = (
            np.stack(part) for part in zip(*found_by_group, strict=True)
        )
        return cls(
            rests=np.array(
                [smallest_side(y_true[own], task) for own in members_of], np.float64
            ),
            images=np.array([len(own) for own in members_of], np.float64),
            areas=areas,
            area_draws=area_draws,
            tops=tops,
            top_draws=top_draws,
        )

    def with_more(self, other: "_Ranks") -> "_Ranks":
        """These groups, and then those of another."""
        fields = (name for name in self.__dataclass_fields__)
        return _Ranks(
            **{
                name: np.concatenate([getattr(self, name), getattr(other, name)])
                for name in fields
            }
        )


def _rank_group(
    strata: Sequence[Any], k: int, ranked: RankFeatures, resamples: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Areas and top-k accuracies of one group: of the data, and of the resamples."""
    columns = len(ranked.known)
    counts = np.zeros((k, resamples))
    totals = np.zeros(len(ranked.values))
    sums = np.zeros((k, len(ranked.values), resamples))
    for one in strata:
        own = one.stratum % k
        counts[own], sums[own] = one.counts, one.sums
        totals += one.total
    parts = sums.reshape(k, -1, columns, resamples)
    images = sum(one.images for one in strata)
    # A resample may have missed the whole group.
    top_draws = ratio(parts[:, 2:].sum(axis=0), counts.sum(axis=0))
    unknown = ~ranked.known[:, None]
    draws = np.where(unknown, np.nan, area(counts, parts, ranked.scored))
    tops = np.where(ranked.known, totals.reshape(-1, columns)[2:] / images, np.nan)
    return (
        ranked.areas,
        draws.astype(np.float32),
        tops,
        np.where(unknown, np.nan, top_draws).astype(np.float32),
    )
