"""Rows of a comparison: what was measured, its interval, and what is said of it.

Everything is computed for many lines at once, a line being a metric of all images or of
one group, or a gap between the groups; the results are arrays, methods by lines.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from core.evaluation.alignment import AlignedPredictions, RunKey
from core.evaluation.formulas import SHARES
from core.evaluation.gaps import (
    Bounds,
    Gap,
    GapRuns,
    gap_bounds,
    gap_info,
    gaps_of,
    measure_gap,
)
from core.evaluation.grouping import ALL_IMAGES, Grouping
from core.evaluation.metrics import MetricInfo, metric_info, split_key
from core.evaluation.resampled_metrics import MetricDraws, TaskDraws
from core.evaluation.resampling import Resampler
from core.evaluation.variance import (
    Contrast,
    RunDraws,
    SimultaneousInterval,
    borderline,
    compute_contrasts,
    detectable_with,
    monte_carlo_error,
    pool_training_variance,
    seed_share,
    seeds_needed,
    simultaneous,
    single_interval,
    smallest_detectable,
    wilson,
)
from core.evaluation.verdicts import (
    BASELINE,
    BORDERLINE,
    METHOD,
    MODEL,
    OFTEN_UNDEFINED,
    SMALL_GROUP,
    TOO_FEW,
    UNDEFINED,
    UNTESTED,
    decide,
    margin_of,
)
from core.tasks import Task

STUDY_FAMILY = "study"
"""Family of a study's own methods; verdicts are corrected within a family."""
_ROUNDING = 1e-6
"""Width of an interval around no difference that single precision makes."""
PLANNED_SEEDS = (3, 5, 10)
"""Numbers of seeds that it is said of which difference they would find."""
DETECTABLE = tuple(f"detectable_with_{seeds}" for seeds in PLANNED_SEEDS)
_BATCH = 20_000_000
"""Draws of all runs that are judged in one go."""

_FLOATS = (
    "mean",
    "sd",
    "low",
    "high",
    "delta",
    "delta_low",
    "delta_high",
    "p",
    "smallest_detectable",
    "seed_share",
    "seeds_needed",
    *DETECTABLE,
)
_TEXTS = ("lowest", "highest", "worst", "verdict", "scope", "note")


class Line(NamedTuple):
    """What one row of every method is about; see ``Comparison.cells``."""

    metric: str
    measure: str
    group: str


@dataclass(frozen=True)
class Judging:
    """What the rows of a comparison are made with.

    Parameters
    ----------
    aligned : AlignedPredictions
    tasks : tuple of Task
    grouping : Grouping
    baseline : str
    judged : tuple of str
        Methods of one family whose rows are wanted, perhaps with the baseline. All
        methods of ``aligned`` tell how much trainings vary.
    family : str
    level : float
    include_small : bool
    anew : bool
    trainings : mapping of (method, seed) to str
    margins : mapping of str to float
        As in ``comparison.compare_runs``.
    """

    aligned: AlignedPredictions
    tasks: tuple[Task, ...]
    grouping: Grouping
    baseline: str
    judged: tuple[str, ...]
    family: str
    level: float
    include_small: bool
    anew: bool
    trainings: Mapping[RunKey, str]
    margins: Mapping[str, float]

    @cached_property
    def others(self) -> tuple[str, ...]:
        """Methods that are compared with the baseline."""
        return tuple(m for m in self.judged if m != self.baseline)

    @cached_property
    def columns(self) -> dict[str, list[int]]:
        """Places of each method's runs."""
        return {m: self.aligned.columns_of(m) for m in self.aligned.methods}

    @cached_property
    def paired(self) -> set[str]:
        """Methods that answer from the baseline's own trainings, seed by seed."""
        own = self._trainings_of(self.baseline)
        return {
            method
            for method in self.others
            if None not in own and self._trainings_of(method) == own
        }

    @cached_property
    def copies(self) -> set[str]:
        """Methods that give the baseline's own answers, seed by seed, to every task."""
        base = self.columns[self.baseline]
        return self.paired | {
            method
            for method in self.others
            if len(self.columns[method]) == len(base)
            and all(
                np.array_equal(given[self.columns[method]], given[base])
                for given in self.aligned.predictions.values()
            )
        }

    @cached_property
    def weights(self) -> dict[str, str]:
        """What the trained weights of each method are known by, where it is known.

        Methods that share some of their trainings have one name.
        """
        owners: dict[str, str] = {}
        found: dict[str, str] = {}
        for method in self.aligned.methods:
            own = [key for key in self._trainings_of(method) if key is not None]
            if own:
                owner = next((owners[key] for key in own if key in owners), method)
                owners |= {key: owners.get(key, owner) for key in own}
                found[method] = owner
        return found

    def _trainings_of(self, method: str) -> list[str | None]:
        seeds = self.aligned.seeds_of(method)
        return [self.trainings.get((method, seed)) for seed in seeds]


@dataclass(frozen=True)
class _Facts:
    """What is known of each line before anything is measured; arrays of one length.

    ``is_share`` and ``is_bounded``: whether the line is a metric that is a share of
    images, and one that lies between 0 and 1.
    """

    is_share: NDArray[np.bool_]
    is_f1: NDArray[np.bool_]
    is_bounded: NDArray[np.bool_]
    floor: NDArray[np.float64]
    ceiling: NDArray[np.float64]
    margin: NDArray[np.float64]
    directions: NDArray[np.object_]

    @classmethod
    def of(cls, lines: Sequence[Line], judging: Judging) -> "_Facts":
        tasks, margins = judging.tasks, judging.margins
        infos = [_line_info(line.metric, line.measure, tasks) for line in lines]
        ranges = [_range_of(line.metric, line.measure, tasks) for line in lines]
        floor, ceiling = np.array(ranges, np.float64).reshape(-1, 2).T
        return cls(
            is_share=np.array(
                [not line.measure and _is_share(line.metric) for line in lines], bool
            ),
            is_f1=np.array(
                [
                    not line.measure and info.name == "f1"
                    for line, info in zip(lines, infos, strict=True)
                ],
                bool,
            ),
            is_bounded=(ceiling == 1) & [not line.measure for line in lines],
            floor=floor,
            ceiling=ceiling,
            margin=np.array(
                [
                    np.nan if line.measure else margin_of(info, margins, tasks)
                    for line, info in zip(lines, infos, strict=True)
                ],
                np.float64,
            ),
            directions=np.array([info.direction for info in infos], object),
        )

    def take(self, places: NDArray[np.intp]) -> "_Facts":
        names = self.__dataclass_fields__
        return _Facts(**{name: getattr(self, name)[places] for name in names})


@dataclass(frozen=True)
class _Table:
    """Columns of every judged method and line, filled in place.

    Parameters
    ----------
    judging : Judging
    lines : tuple of Line
        In their order; a group without an image has its line, which stays empty.
    images : int array, shape (lines,)
    columns : dict of arrays, shape (methods, lines)
    """

    judging: Judging
    lines: tuple[Line, ...]
    images: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]

    @classmethod
    def empty(
        cls, judging: Judging, keys: Sequence[str], gaps: Sequence[Gap]
    ) -> "_Table":
        names, rows = judging.grouping.names, judging.aligned.rows
        lines = [Line(key, "", group) for key in keys for group in (*names, ALL_IMAGES)]
        images = [*judging.grouping.counts[: len(names)], rows] * len(keys)
        lines += [Line(gap.metric, gap.measure, ALL_IMAGES) for gap in gaps]
        images += [rows] * len(gaps)
        shape = (len(judging.judged), len(lines))
        columns: dict[str, NDArray[Any]] = {
            **{name: np.full(shape, np.nan) for name in _FLOATS},
            **{name: np.full(shape, "", object) for name in _TEXTS},
            **{name: np.zeros(shape, np.int64) for name in ("n", "groups")},
            "small": np.ones(shape, bool),
            "near": np.zeros(shape, bool),
        }
        columns["verdict"][:], columns["note"][:] = UNTESTED, UNDEFINED
        columns["scope"][:] = METHOD
        for row, method in enumerate(judging.judged):
            if method == judging.baseline:
                columns["verdict"][row], columns["note"][row] = BASELINE, ""
        return cls(judging, tuple(lines), np.array(images, np.int64), columns)

    @cached_property
    def facts(self) -> _Facts:
        return _Facts.of(self.lines, self.judging)

    @cached_property
    def _place_of(self) -> dict[Line, int]:
        return {line: place for place, line in enumerate(self.lines)}

    def places(self, lines: Iterable[Line]) -> NDArray[np.intp]:
        """Where lines are among all of them."""
        return np.array([self._place_of[line] for line in lines], np.intp)

    def near_lines(self) -> set[Line]:
        """Lines with a verdict that is near to its bound."""
        near = self.columns["near"].any(axis=0)
        return {self.lines[place] for place in np.flatnonzero(near)}

    def frame(self) -> pd.DataFrame:
        """One row a method and line, the lines of a method together."""
        methods = self.judging.judged
        count = len(self.lines)
        seeds = [len(self.judging.columns[method]) for method in methods]
        lines = list(zip(*self.lines, strict=True)) or [(), (), ()]
        data: dict[str, Any] = {
            "method": np.repeat(np.array(methods, object), count),
            **{
                name: np.tile(np.array(values, object), len(methods))
                for name, values in zip(Line._fields, lines, strict=True)
            },
            "images": np.tile(self.images, len(methods)),
            "seeds": np.repeat(seeds, count),
            "family": np.full(count * len(methods), self.judging.family, object),
            "margin": np.tile(self.facts.margin, len(methods)),
            **{
                name: values.ravel()
                for name, values in self.columns.items()
                if name != "near"
            },
        }
        texts = {name for name, values in data.items() if values.dtype == object}
        return pd.DataFrame(
            {
                name: pd.array(values, dtype="str") if name in texts else values
                for name, values in data.items()
            }
        )


@dataclass(frozen=True)
class _Ends:
    """Of the gaps of one method: the groups they lie between, and their intervals.

    Parameters
    ----------
    columns : dict of arrays
        ``lowest``, ``highest``, ``worst`` and ``groups``.
    fixed : pair of float64 arrays
        Intervals with the trained models held fixed.
    """

    columns: dict[str, NDArray[Any]]
    fixed: tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class _Measured:
    """Lines that are judged in one go: metrics in groups, or gaps.

    Parameters
    ----------
    places : int array, shape (lines,)
        Where the lines are in the table.
    runs : dict of RunDraws
        By method; the lines as metrics.
    references : dict of RunDraws, or None
        Of gaps, the baseline's beside each method: of the groups that count in both.
    rests, mean_rests : dict of float64 arrays, shape (lines,)
        By method: images that each line rests on, the fewest and the mean of its runs.
    pair_runs : dict of RunDraws
        By method, its part in the difference: that of gaps is of the groups that count
        in both. ``runs`` for metrics.
    pair_rests : dict of float64 arrays
        Images that the differences of gaps rest on; of metrics they follow from
        ``rests``.
    ends : dict of _Ends
        Of gaps, by method.
    """

    places: NDArray[np.intp]
    runs: dict[str, RunDraws]
    references: dict[str, RunDraws] | None
    rests: dict[str, NDArray[np.float64]]
    mean_rests: dict[str, NDArray[np.float64]]
    paired_runs: dict[str, RunDraws] = field(default_factory=dict)
    pair_rests: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    ends: dict[str, _Ends] = field(default_factory=dict)

    @property
    def pair_runs(self) -> dict[str, RunDraws]:
        """By method, its part in the difference to the baseline."""
        return self.runs | self.paired_runs


class TaskRows:
    """Rows of one task, which are judged again when more resamples are drawn.

    Parameters
    ----------
    judging : Judging
    drawing : TaskDraws
        Of the same images and runs.
    keys : sequence of str
        Metrics of the task.
    """

    def __init__(
        self, judging: Judging, drawing: TaskDraws, keys: Sequence[str]
    ) -> None:
        self._judging, self._drawing = judging, drawing
        self._gaps = () if judging.grouping.is_whole else gaps_of(keys)
        self._drawn = {key: drawing.metric(key) for key in keys}
        self._further: dict[str, list[MetricDraws]] = {}
        self._table = _Table.empty(judging, keys, self._gaps)
        self.values = {key: one.values[-1] for key, one in self._drawn.items()}
        self._fill(self._drawn, self._gaps)

    @property
    def is_near(self) -> bool:
        """Whether a verdict is within the Monte Carlo error of its bound."""
        return bool(self._table.columns["near"].any())

    def draw_more(self, resampler: Resampler) -> None:
        """Draw a block of resamples for what has such a verdict."""
        near = self._near_metrics()
        more = replace(self._drawing, resampler=resampler)
        for key in self._drawn:
            if key in near:
                self._further.setdefault(key, []).append(more.metric(key))

    def judge_again(self) -> None:
        """Judge the lines again that have such a verdict, on all their resamples."""
        drawn = {
            key: self._drawn[key].with_more(blocks)
            for key, blocks in self._further.items()
        }
        self._further = {}
        self._drawn |= drawn
        near = self._table.near_lines()
        gaps = [gap for gap in self._gaps if _line_of(gap) in near]
        self._fill(drawn, gaps, near)

    def frame(self) -> pd.DataFrame:
        """One row a method and line, the lines of a method together."""
        return self._table.frame()

    def _fill(
        self,
        drawn: Mapping[str, MetricDraws],
        gaps: Sequence[Gap],
        chosen: Collection[Line] | None = None,
    ) -> None:
        """Judge lines of some metrics, all or the chosen ones, and some gaps."""
        judging, table = self._judging, self._table
        for measured in _measure_metrics(judging, table, drawn, chosen):
            _judge(judging, table, measured)
        if gaps:
            _judge(judging, table, _Gaps(judging, drawn, gaps).measure(table))

    def _near_metrics(self) -> set[str]:
        """Metrics that have to be resampled more: those of a gap all together."""
        lines = self._table.near_lines()
        found = {line.metric for line in lines if not line.measure}
        for gap in self._gaps:
            if _line_of(gap) in lines or found & set(gap.parts):
                found |= set(gap.parts)
        return found


def _line_of(gap: Gap) -> Line:
    return Line(gap.metric, gap.measure, ALL_IMAGES)


def _judge(judging: Judging, table: _Table, measured: _Measured) -> None:
    """Put what follows from some draws into the table."""
    pool = None
    if judging.anew:
        pool = pool_training_variance(measured.runs, judging.weights)
    facts = table.facts.take(measured.places)
    changes = _changes(judging, measured, facts)
    for row, method in enumerate(judging.judged):
        runs, mean_rests = measured.runs[method], measured.mean_rests[method]
        ends = measured.ends.get(method)
        span = single_interval(
            runs,
            mean_rests,
            level=judging.level,
            pooled=pool,
            anew=judging.anew,
            shares=facts.is_share if ends is None else None,
            fixed=None if ends is None else ends.fixed,
        )
        rests, mean = measured.rests[method], runs.values.mean(axis=1)
        low, high = _cut(facts, mean, span.low, span.high, rests)
        found: dict[str, Any] = {
            "n": rests,
            "small": rests < SMALL_GROUP,
            "mean": mean,
            "sd": runs.values.std(axis=1, ddof=1) if runs.seeds > 1 else np.nan,
            "low": low,
            "high": high,
            **({} if ends is None else ends.columns),
            **changes.get(method, {"verdict": BASELINE, "note": ""}),
        }
        for name, values in found.items():
            table.columns[name][row, measured.places] = values


def _changes(
    judging: Judging, measured: _Measured, facts: _Facts
) -> dict[str, dict[str, Any]]:
    """Columns of the difference to the baseline, by method."""
    signless = np.array([way == "zero" for way in facts.directions], bool)
    runs = {m: without_sign(one, signless) for m, one in measured.pair_runs.items()}
    references = None
    if measured.references is not None:
        references = dict.fromkeys(judging.aligned.methods, runs[judging.baseline])
        references |= {
            m: without_sign(one, signless) for m, one in measured.references.items()
        }
    base = measured.rests[judging.baseline]
    fewest = {
        m: measured.pair_rests.get(m, np.minimum(rests, base))
        for m, rests in measured.rests.items()
    }
    every = compute_contrasts(
        runs,
        judging.baseline,
        {m: rests.astype(np.int64) for m, rests in fewest.items()},
        paired=judging.paired,
        trainings=judging.weights,
        references=references,
    )
    contrasts = {m: every[m] for m in judging.others}
    tested = {
        m: replace(one, undefined=one.undefined | (fewest[m] < SMALL_GROUP))
        for m, one in contrasts.items()
    }
    # By name: in which order methods are given changes no digit.
    intervals = simultaneous(dict(sorted(tested.items())), level=judging.level)
    found = {}
    for m in judging.others:
        interval = intervals[m]
        if m not in judging.copies:
            interval = _widen(interval, tested[m], fewest[m], facts, judging.level)
        found[m] = _change_columns(contrasts[m], tested[m], interval, facts)
    return found


def _widen(
    interval: SimultaneousInterval,
    contrast: Contrast,
    rests: NDArray[np.float64],
    facts: _Facts,
    level: float,
) -> SimultaneousInterval:
    """The interval of a share that varied neither over images nor over trainings.

    Two methods that are right on all of n images, or on none of them, may still differ
    on others: on at most the share that Wilson's interval has for 0 of n, at the
    interval's own reach. The bootstrap would call it certain that they never do.
    """
    still = facts.is_bounded & ~contrast.undefined & (contrast.error == 0)
    if not still.any():
        return interval
    reach = interval.reach[still]
    nothing = np.zeros(len(reach))
    most = wilson(nothing, rests[still], nothing, seeds=1, reach=reach)[1]
    most = np.where(facts.is_f1[still], 2 * most / (1 + most), most)
    low, high, p = (np.array(v) for v in (interval.low, interval.high, interval.p))
    low[still] = np.maximum(low[still] - most, -1)
    high[still] = np.minimum(high[still] + most, 1)
    open_ = still & (low <= 0) & (high >= 0)
    p[open_] = np.maximum(p[open_], 1 - level)
    return replace(interval, low=low, high=high, p=p)


def _measure_metrics(
    judging: Judging,
    table: _Table,
    drawn: Mapping[str, MetricDraws],
    chosen: Collection[Line] | None,
) -> Iterator[_Measured]:
    """Metrics in groups, as many at once as the memory may hold."""
    every = []
    for one in drawn.values():
        lines = [Line(one.key, "", group) for group in judging.grouping.measured]
        own = [p for p, line in enumerate(lines) if chosen is None or line in chosen]
        if own:
            every.append((one, own, [lines[place] for place in own]))
    size = max((one.draws[own].size for one, own, _ in every), default=1)
    step = max(1, _BATCH // size)
    for start in range(0, len(every), step):
        block = every[start : start + step]
        rests, values, draws = (
            np.concatenate([getattr(one, name)[own] for one, own, _ in block])
            for name in ("rests", "values", "draws")
        )
        columns = judging.columns.items()
        yield _Measured(
            places=table.places(line for _, _, lines in block for line in lines),
            runs={m: RunDraws(values[:, own], draws[:, own]) for m, own in columns},
            references=None,
            rests={m: rests[:, own].min(axis=1) for m, own in columns},
            mean_rests={m: rests[:, own].mean(axis=1) for m, own in columns},
        )


class _Gaps:
    """Some gaps of every method, and again of the groups that the baseline has too.

    Parameters
    ----------
    judging : Judging
    drawn : mapping of str to MetricDraws
        All that the gaps are made of.
    gaps : sequence of Gap
    """

    def __init__(
        self, judging: Judging, drawn: Mapping[str, MetricDraws], gaps: Sequence[Gap]
    ) -> None:
        self._judging, self._drawn, self._gaps = judging, drawn, gaps
        self._kept: dict[Any, Any] = {}

    def measure(self, table: _Table) -> _Measured:
        """Everything that is judged of the gaps."""
        judging, base = self._judging, self._judging.columns[self._judging.baseline]
        runs, rests, ends = {}, {}, {}
        for method, own in judging.columns.items():
            found = self._of(own, own)
            runs[method], rests[method] = _stack(found), self._fewest(found, own)
            if method in judging.judged:
                ends[method] = self._ends(found, own)
        pair_runs, references, pair_rests = {}, {}, {}
        for method in judging.others:
            own = judging.columns[method]
            # The same groups in both, or the difference would be theirs.
            mine, theirs = (self._of(part, [*own, *base]) for part in (own, base))
            pair_runs[method], references[method] = _stack(mine), _stack(theirs)
            pair_rests[method] = np.minimum(
                self._fewest(mine, own), self._fewest(theirs, base)
            )
        return _Measured(
            places=table.places(map(_line_of, self._gaps)),
            runs=runs,
            references=references,
            rests=rests,
            mean_rests=rests,
            paired_runs=pair_runs,
            pair_rests=pair_rests,
            ends=ends,
        )

    def _of(self, columns: list[int], counting: list[int]) -> list[GapRuns]:
        """Gaps of some runs, over the groups that count in others too."""
        found = []
        for gap in self._gaps:
            parts = [self._drawn[key] for key in gap.parts]
            counted = [self._counted(key, counting) for key in gap.parts]
            # Most often the same groups count in both: nothing is to be done again.
            kept = gap, columns[0], *(groups.tobytes() for groups in counted)
            if kept not in self._kept:
                self._kept[kept] = measure_gap(gap, parts, counted, columns)
            found.append(self._kept[kept])
        return found

    def _counted(self, key: str, columns: list[int]) -> NDArray[np.int64]:
        """Groups that count in a gap of these runs.

        Where a metric rests on what is predicted, as precision does, a method that
        predicts hardly anything has no gap; those of the others stay.
        """
        kept = key, *columns
        if kept not in self._kept:
            drawn = self._drawn[key]
            defined = ~np.isnan(drawn.values[:-1][:, columns]).any(axis=1)
            large = drawn.rests[:-1][:, columns].min(axis=1) >= SMALL_GROUP
            counts = defined & (self._judging.include_small | large)
            self._kept[kept] = np.flatnonzero(counts)
        return np.asarray(self._kept[kept], np.int64)

    def _fewest(
        self, found: Sequence[GapRuns], columns: list[int]
    ) -> NDArray[np.float64]:
        fewest = [
            _fewest(gap, one, [self._drawn[key] for key in gap.parts], columns)
            for gap, one in zip(self._gaps, found, strict=True)
        ]
        return np.array(fewest)

    def _ends(self, found: Sequence[GapRuns], own: list[int]) -> _Ends:
        names = self._judging.grouping.measured
        columns: dict[str, NDArray[Any]] = {
            name: np.full(len(found), "", object)
            for name in ("lowest", "highest", "worst")
        }
        columns["groups"] = np.zeros(len(found), np.int64)
        fixed = np.empty((2, len(found)))
        keys = {key for gap in self._gaps for key in gap.parts}
        bounds = {key: _bounds(self._judging, self._drawn[key], own) for key in keys}
        for place, (gap, one) in enumerate(zip(self._gaps, found, strict=True)):
            counted = [self._counted(key, own) for key in gap.parts]
            columns["groups"][place] = len(counted[one.part])
            fixed[:, place] = gap_bounds(
                gap,
                [self._drawn[key].values[:, own].mean(axis=1) for key in gap.parts],
                [bounds[key] for key in gap.parts],
                counted,
                level=self._judging.level,
            )
            if one.lowest < 0:
                continue
            lowest, highest = names[one.lowest], names[one.highest]
            direction = metric_info(gap.parts[one.part]).direction
            worst = {"higher": lowest, "lower": highest}.get(direction, "")
            ends = {"lowest": lowest, "highest": highest, "worst": worst}
            for name, group in ends.items():
                columns[name][place] = group
        return _Ends(columns, (fixed[0], fixed[1]))


def _stack(found: Sequence[GapRuns]) -> RunDraws:
    return RunDraws(
        np.concatenate([one.runs.values for one in found]),
        np.concatenate([one.runs.draws for one in found]),
    )


def _fewest(
    gap: Gap, found: GapRuns, parts: Sequence[MetricDraws], columns: list[int]
) -> float:
    """Images that the smaller of the two groups of a gap rests on; 0 without a gap.

    A ratio of shares rests on the images that they count: with 1 image of 80 against
    2, half is by chance, and with none the bootstrap would call it certain.
    """
    if found.lowest < 0:
        return 0.0
    drawn, ends = parts[found.part], [found.lowest, found.highest]
    rests = drawn.rests[:, columns].min(axis=1)[ends]
    if gap.measure == "ratio" and _is_share(drawn.key):
        rests = rests * drawn.values[ends][:, columns].mean(axis=1)
    return float(rests.min())


def _bounds(judging: Judging, drawn: MetricDraws, own: list[int]) -> Bounds:
    """Intervals of every group with these trained models held fixed."""
    runs = drawn.of(own)
    mean, rests = runs.values.mean(axis=1), drawn.rests[:, own].mean(axis=1)
    if _is_share(drawn.key):
        variance = runs.over_images * rests

        def of_share(reach: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            level = float(2 * special.ndtr(reach) - 1)
            return wilson(mean, rests, variance, seeds=runs.seeds, level=level)

        return of_share
    plain = single_interval(runs, rests, level=judging.level, anew=False)
    usual = special.ndtri((1 + judging.level) / 2)

    def of_mean(reach: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        scale = reach / usual
        return mean - (mean - plain.low) * scale, mean + (plain.high - mean) * scale

    return of_mean


def _change_columns(
    contrast: Contrast,
    tested: Contrast,
    interval: SimultaneousInterval,
    facts: _Facts,
) -> dict[str, Any]:
    error = monte_carlo_error(tested, interval.reach)
    near = borderline(interval, error, facts.margin)
    note = np.where(near, BORDERLINE, "").astype(object)
    note[tested.undefined] = TOO_FEW
    note[contrast.undefined] = OFTEN_UNDEFINED
    note[np.isnan(contrast.delta)] = UNDEFINED
    # Two shares are at most 1 apart, whatever few seeds say of the spread.
    span = facts.ceiling - facts.floor
    low, high = np.maximum(interval.low, -span), np.minimum(interval.high, span)
    # The same predictions differ by nothing, but for the rounding of their sums.
    same = (contrast.delta == 0) & (high - low < _ROUNDING)
    low, high = np.where(same, 0.0, low), np.where(same, 0.0, high)
    return {
        "delta": contrast.delta,
        "delta_low": low,
        "delta_high": high,
        "p": interval.p,
        "verdict": decide(low, high, facts.margin, list(facts.directions)),
        "scope": MODEL if contrast.one_training else METHOD,
        "note": note,
        "near": near,
        "smallest_detectable": smallest_detectable(tested, interval.reach),
        "seed_share": seed_share(tested),
        "seeds_needed": seeds_needed(tested, interval.reach),
        **{
            f"detectable_with_{seeds}": detectable_with(seeds, tested, interval.reach)
            for seeds in PLANNED_SEEDS
        },
    }


def without_sign(runs: RunDraws, signless: NDArray[np.bool_]) -> RunDraws:
    """Turn metrics that are best at zero into their sizes; ``signless`` says which."""
    if not signless.any():
        return runs
    # The sign of the estimate, for every draw: taking each draw's own sign would fold
    # the draws at zero and make the interval too short there.
    sign = np.where(signless & (runs.values.mean(axis=1) < 0), -1.0, 1.0)
    return runs.signed(sign)


def _cut(
    facts: _Facts,
    mean: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    rests: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep an interval in the range of its metric, and a class never found honest.

    The bootstrap of an F1 of 0 never leaves it. Its class was found in none of n
    images, so that the recall is at most Wilson's upper end r, and the F1 at most
    2 r / (1 + r), with a precision of 1.
    """
    low, high = np.maximum(low, facts.floor), np.minimum(high, facts.ceiling)
    never = facts.is_f1 & (mean == 0) & (rests > 0)
    if never.any():
        nothing = np.zeros(int(never.sum()))
        most = wilson(nothing, rests[never], nothing, seeds=1)[1]
        low[never], high[never] = 0.0, 2 * most / (1 + most)
    return low, high


@cache
def _line_info(metric: str, measure: str, tasks: tuple[Task, ...]) -> MetricInfo:
    return gap_info(metric, measure, tasks) if measure else metric_info(metric, tasks)


@cache
def _is_share(metric: str) -> bool:
    _, name, part = split_key(metric)
    # The accuracy of a shot group is a mean of recalls.
    return name in SHARES and not (name == "accuracy" and part)


@cache
def _range_of(
    metric: str, measure: str, tasks: tuple[Task, ...]
) -> tuple[float, float]:
    """Smallest and largest value that a metric or a gap can have."""
    info = _line_info(metric, measure, tasks)
    if measure == "fair_metric":
        return -np.inf, 1.0
    if info.direction == "zero":
        return -np.inf, np.inf
    return 0.0, 1.0 if info.is_share or measure == "ratio" else np.inf
