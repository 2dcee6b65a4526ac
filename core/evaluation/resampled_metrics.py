"""Every metric of a task in every group, as it is and under the same resamples."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.data.harmless_changes import CHANGES
from core.evaluation import auc, calibration, formulas
from core.evaluation.alignment import AlignedPredictions
from core.evaluation.binned_values import BinnedValues
from core.evaluation.formulas import ClassCounts, ErrorSums, HitCounts, ShiftSums
from core.evaluation.grouping import Grouping
from core.evaluation.metrics import (
    AREAS,
    CLASSWISE,
    CONFIDENCE,
    STABILITY,
    TOLERANCE,
    metric_keys,
    split_key,
    top_k,
    unknown_metric,
)
from core.evaluation.resampling import (
    Doubles,
    Floats,
    Integers,
    Resampler,
    StratumDraws,
    stratum_members,
)
from core.evaluation.variance import RunDraws
from core.language import gettext
from core.tasks import Classification, Regression, Task

_Sums = TypeVar("_Sums", ClassCounts, ErrorSums, ShiftSums)


@dataclass(frozen=True)
class _OfProbabilities:
    """How metrics of probabilities are computed: features, then metrics of their sums.

    ``metrics`` takes sums, images and the number of bins; ``stream`` tells draws of
    many images apart (``Resampler.sums``).
    """

    features: Callable[
        [Integers, Sequence[calibration.Probabilities | None], int], BinnedValues
    ]
    metrics: Callable[[Floats, Floats, int], dict[str, Floats]]
    stream: int


_OF_ANSWER = _OfProbabilities(
    calibration.confidence_features, calibration.confidence_metrics, stream=2
)
_OF_CLASSES = _OfProbabilities(
    calibration.class_features, calibration.class_metrics, stream=3
)


_STREAMS = dict(zip(AREAS, (1, 4), strict=True))
"""Tells draws of the areas of many images apart."""


@dataclass(frozen=True)
class MetricDraws:
    """One metric of every group and run, as it is and under the resamples.

    The groups are ``Grouping.measured``: the last entry of the first axis is all images
    together.

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
    rests: Doubles
    values: Doubles
    draws: Floats

    def for_columns(self, columns: list[int]) -> RunDraws:
        """Every group as a metric of the method whose runs are ``columns``."""
        return RunDraws(self.values[:, columns], self.draws[:, columns])

    def with_more(self, others: Sequence["MetricDraws"]) -> "MetricDraws":
        """The same, with the resamples of other blocks too."""
        blocks = [self.draws, *(other.draws for other in others)]
        return replace(self, draws=np.concatenate(blocks, axis=-1))


@dataclass(frozen=True)
class TaskDraws:
    """Computes the metrics of one task within groups, all on the same resamples.

    Grouping and resampler are of the same images in the same order. The training images
    of each class are for the accuracy of the shot groups; ``tops`` are the k of each
    top-k accuracy that will be asked for. With ``hits_alone`` only the metrics of
    ``formulas.HITS_ALONE`` are asked for.
    """

    aligned: AlignedPredictions
    task: Task
    grouping: Grouping
    resampler: Resampler
    training_counts: Mapping[str, int] | None = None
    tops: tuple[int, ...] = ()
    hits_alone: bool = False

    def metric(self, key: str) -> MetricDraws:
        """One metric of every group and run.

        Raises
        ------
        EquipoiseError
            If the task has no such metric.
        """
        found = self._metric(key)
        rows = self.rows_an_image
        return found if rows is None else replace(found, rests=found.rests / rows)

    @cached_property
    def rows_an_image(self) -> Doubles | None:
        """Rows of an image in each group and in all, shape (groups, 1); None if one."""
        repeats = self.resampler.repeats
        if repeats is None:
            return None
        groups = [self.grouping.dense == g for g in range(len(self.grouping.present))]
        if not self.grouping.is_whole:
            groups.append(np.ones(len(repeats), bool))
        return np.array([[own.sum() / len(np.unique(repeats[own]))] for own in groups])

    def _metric(self, key: str) -> MetricDraws:
        if not formulas.has_metric(self.task, key, self.training_counts):
            known = metric_keys(self.task, self.training_counts)
            where = gettext("the task '{task}'", task=self.task.name)
            raise unknown_metric(key, known, study=where)
        _, name, part = split_key(key)
        if name in STABILITY:
            return self._of_shifts(key, part)
        if isinstance(self.task, Regression):
            place = self.task.bin_labels.index(part) if part else None
            return self._of_errors(key, name, place)
        if name in AREAS or top_k(name) is not None:
            return self._of_ranks(key, name, part)
        if name in CONFIDENCE or name in CLASSWISE:
            return self._of_probabilities(key, name)
        places = formulas.class_places(self.task, key, self.training_counts)
        assert places is not None
        # The accuracy of a shot group is the mean recall of its classes.
        return self._of_classes(
            key, "recall" if name == "accuracy" and part else name, places
        )

    def _of_shifts(self, key: str, change: str) -> MetricDraws:
        here, there = self._shifts
        return MetricDraws(
            key,
            here.counts.min(axis=1)[..., 0].astype(np.float64),
            formulas.shift_metric(here, change)[..., 0].astype(np.float64),
            formulas.shift_metric(there, change),
        )

    def _of_errors(self, key: str, name: str, place: int | None) -> MetricDraws:
        here, there = self._errors
        chosen = slice(None) if place is None else slice(place, place + 1)
        rests = here.counts[:, chosen].sum(axis=1)
        return MetricDraws(
            key,
            np.repeat(rests, len(self.aligned.runs), axis=1),
            formulas.error_metric(here, name, place)[..., 0].astype(np.float64),
            formulas.error_metric(there, name, place),
        )

    def _of_classes(self, key: str, name: str, places: list[int]) -> MetricDraws:
        here, there = self._classes
        known = here.support > 0
        rests = formulas.resting_images(here, name, places)[..., 0]
        shape = (len(rests), len(self.aligned.runs))
        return MetricDraws(
            key,
            np.array(np.broadcast_to(rests, shape), np.float64),
            formulas.class_metric(here, name, places, known)[..., 0].astype(np.float64),
            formulas.class_metric(there, name, places, known),
        )

    def _of_ranks(self, key: str, name: str, part: str) -> MetricDraws:
        k = top_k(name)
        is_usual = k is not None or (name == "auc" and not part)
        ranked = self._ranks if is_usual else self._ranked(name, part)
        if k is None:
            rests, here, there = ranked.rests, ranked.areas, ranked.area_draws
        else:
            place = self.tops.index(k)
            rests = ranked.images
            here, there = ranked.tops[:, place], ranked.top_draws[:, place]
        return MetricDraws(
            key, np.repeat(rests[:, None], here.shape[1], axis=1), here, there
        )

    def _of_probabilities(self, key: str, name: str) -> MetricDraws:
        found = self._classwise if name in CLASSWISE else self._confidence
        here, there = found.values[name].astype(np.float64), found.draws[name]
        rests = np.repeat(found.images[:, None], here.shape[1], axis=1)
        return MetricDraws(key, rests, here, there)

    @cached_property
    def _classes(self) -> tuple[ClassCounts, ClassCounts]:
        """Confusion counts of the data, and of the resamples."""
        task = self._classified
        y_true = self.aligned.truth[task.name].astype(np.int64)
        y_pred = self.aligned.predictions[task.name].astype(np.int16)
        k = len(task.classes)

        def one_hot(members: NDArray[np.intp]) -> Floats:
            own = y_pred[:, members].T[:, :, None] == np.arange(k, dtype=np.int16)
            return np.asarray(own.reshape(len(members), -1), np.float32)

        def hits(members: NDArray[np.intp]) -> Floats:
            own = y_pred[:, members] == y_true[members]
            return np.asarray(own.T, np.float32)

        # Drawn from the normal distribution, sums depend on what is drawn with them.
        if self.hits_alone and self.resampler.is_exact:
            return self._summed(HitCounts, hits, y_true, k)
        return self._summed(ClassCounts, one_hot, y_true, k)

    @cached_property
    def _errors(self) -> tuple[ErrorSums, ErrorSums]:
        """Sums of errors of the data, and of the resamples."""
        assert isinstance(self.task, Regression)
        y_true = self.aligned.truth[self.task.name].astype(np.float64)
        y_pred = self.aligned.predictions[self.task.name].astype(np.float64)

        def features(members: NDArray[np.intp]) -> Floats:
            errors = (y_pred[:, members] - y_true[members]).T
            sizes = np.abs(errors)
            return np.concatenate(
                [sizes, errors, errors**2, sizes <= TOLERANCE], axis=1
            )

        bins = self.task.bin_of(y_true)
        return self._summed(ErrorSums, features, bins, len(self.task.bin_labels))

    @cached_property
    def _shifts(self) -> tuple[ShiftSums, ShiftSums]:
        """Sums of how far answers move, of the data and of the resamples."""
        shape = (len(CHANGES), len(self.aligned.runs), self.aligned.rows)
        unknown = np.broadcast_to(np.float32(np.nan), shape)
        shifts = self.aligned.shifts.get(self.task.name, unknown)

        def features(members: NDArray[np.intp]) -> Floats:
            moves = np.abs(shifts[..., members])
            moves = np.concatenate([moves, moves.max(axis=0, keepdims=True)])
            own = moves.reshape(-1, len(members)).T
            known = np.isfinite(own)
            sizes = np.where(known, own, 0)
            return np.concatenate([sizes, known], axis=1, dtype=np.float32)

        zeros = np.zeros(self.aligned.rows, np.int64)
        return self._summed(ShiftSums, features, zeros, 1)

    def _summed(
        self,
        kind: type[_Sums],
        features: Callable[[NDArray[np.intp]], Floats],
        places: Integers,
        num_places: int,
    ) -> tuple[_Sums, _Sums]:
        """Sums of the data and of the resamples, by group and class, or bin."""
        groups, shape = len(self.grouping.present), (len(self.aligned.runs), num_places)
        here, there = (
            kind.zeros(len(self.grouping.measured), *shape, size)
            for size in (1, self.resampler.resamples)
        )
        strata = self.grouping.dense * num_places + places
        for drawn in self.resampler.sums(features, strata, groups * num_places):
            group, place = divmod(drawn.stratum, num_places)
            here.add(group, place, np.array([drawn.images]), drawn.total[:, None])
            there.add(group, place, drawn.counts, drawn.sums)
        for sums in (here, there):
            sums.sum_groups(groups)
        return here, there

    @property
    def _classified(self) -> Classification:
        assert not isinstance(self.task, Regression)
        return self.task

    @cached_property
    def _confidence(self) -> "_Calibration":
        """Metrics of the probability of the answer, of every group and of all."""
        return self._calibrated(_OF_ANSWER)

    @cached_property
    def _classwise(self) -> "_Calibration":
        """Metrics of the probabilities of every class, of every group and of all."""
        return self._calibrated(_OF_CLASSES)

    def _calibrated(self, kind: _OfProbabilities) -> "_Calibration":
        parts = [(self.grouping.dense, len(self.grouping.present))]
        if not self.grouping.is_whole:
            parts.append((np.zeros(self.aligned.rows, np.int64), 1))
        found = [
            one
            for codes, groups in parts
            for one in self._calibrate_groups(codes, groups, kind)
        ]
        names = found[0].values
        return _Calibration(
            np.stack([one.images for one in found]),
            {name: np.stack([one.values[name] for one in found]) for name in names},
            {name: np.stack([one.draws[name] for one in found]) for name in names},
        )

    def _calibrate_groups(
        self, codes: Integers, groups: int, kind: _OfProbabilities
    ) -> Iterator["_Calibration"]:
        task = self._classified
        y_true = self.aligned.truth[task.name].astype(np.int64)
        given = self.aligned.probabilities[task.name]

        def of_group(members: NDArray[np.intp]) -> BinnedValues:
            # Strata are ascending: one that has all images has them in their order.
            whole = len(members) == len(y_true)
            own = [p if p is None or whole else p[members] for p in given]
            bins = calibration.bins_for(len(members))
            return kind.features(y_true[members], own, bins)

        for drawn in self.resampler.sums(of_group, codes, groups, stream=kind.stream):
            bins = calibration.bins_for(drawn.images)
            sums = [
                part.reshape(-1, len(given), part.shape[1])
                for part in (drawn.total[:, None], drawn.sums)
            ]
            counts = np.array([float(drawn.images)]), drawn.counts
            here, there = (
                kind.metrics(*pair, bins) for pair in zip(sums, counts, strict=True)
            )
            for name in set(there) & set(calibration.DISTANCES):
                there[name] = calibration.around_value(here[name], there[name])
            if "brier_refinement" in there:
                there["brier_refinement"] = there["brier"] - there["brier_calibration"]
            unknown = np.array([p is None for p in given])
            yield _Calibration(
                np.array(drawn.images, np.float64),
                {
                    name: np.where(unknown, np.nan, value[..., 0])
                    for name, value in here.items()
                },
                {
                    name: np.where(unknown[:, None], np.nan, value).astype(np.float32)
                    for name, value in there.items()
                },
            )

    @cached_property
    def _ranks(self) -> "_Ranks":
        """AUC and top-k accuracies of every group, then of all images."""
        return self._ranked("auc", tops=self.tops)

    def _ranked(
        self, name: str, part: str = "", tops: tuple[int, ...] = ()
    ) -> "_Ranks":
        """One area, of all classes or of one, and top-k accuracies."""
        whole = np.zeros(self.aligned.rows, np.int64), 1
        parts = [(self.grouping.dense, len(self.grouping.present))]
        parts += [] if self.grouping.is_whole else [whole]
        found = [
            one
            for codes, groups in parts
            for one in self._rank_groups(codes, groups, name, part, tops)
        ]
        return _Ranks(*map(np.stack, zip(*found, strict=True)))

    def _rank_groups(
        self, codes: Integers, groups: int, name: str, part: str, tops: tuple[int, ...]
    ) -> Iterator["_Ranks"]:
        task = self._classified
        label = task.classes.index(part) if part else None
        y_true = self.aligned.truth[task.name].astype(np.int64)
        given = self.aligned.probabilities[task.name]
        members_of = stratum_members(codes, groups)
        ranked: list[auc.RankFeatures] = []
        shape = ((2 + len(tops)) * len(given), len(y_true))
        values = np.zeros(shape, np.float32)
        for members in members_of:
            images = auc.ALL if len(members) == len(y_true) else members
            found = auc.rank_features(
                y_true, given, task, tops, images, name=name, label=label
            )
            values[:, images] = found.values
            ranked.append(found)
        k = len(task.classes)
        drawn = self.resampler.sums(
            lambda members: values[:, members].T,
            codes * k + y_true,
            groups * k,
            stream=_STREAMS[name],
        )
        for group, strata in groupby(drawn, key=lambda one: one.stratum // k):
            rests = auc.smallest_side(y_true[members_of[group]], task, label)
            resamples = self.resampler.resamples
            yield _rank_group([*strata], k, ranked[group], resamples, rests)


class _Calibration(NamedTuple):
    """Metrics of probabilities of one group, or of several along a first axis.

    ``values`` are of the data, shape (columns,), and ``draws`` of the resamples, with
    one more axis, by the metric's name.
    """

    images: Doubles
    values: dict[str, Floats]
    draws: dict[str, Floats]


class _Ranks(NamedTuple):
    """Ranking metrics of one group, or of several along a first axis.

    ``rests`` and ``images`` are the images of the smaller side of an area, and all.
    ``areas`` and ``tops`` are of the data, shape (columns,) and (tops, columns), the
    others of the resamples, with one more axis.
    """

    rests: Doubles
    images: Doubles
    areas: Doubles
    area_draws: Floats
    tops: Doubles
    top_draws: Floats


def _rank_group(
    strata: Sequence[StratumDraws],
    k: int,
    ranked: auc.RankFeatures,
    resamples: int,
    rests: int,
) -> _Ranks:
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
    top_draws = formulas.ratio(parts[:, 2:].sum(axis=0), counts.sum(axis=0))
    unknown = ~ranked.known[:, None]
    draws = np.where(unknown, np.nan, auc.area(counts, parts, ranked.scored))
    return _Ranks(
        np.array(rests, np.float64),
        np.array(images, np.float64),
        ranked.areas,
        draws.astype(np.float32),
        np.where(ranked.known, totals.reshape(-1, columns)[2:] / images, np.nan),
        np.where(unknown, np.nan, top_draws).astype(np.float32),
    )
