"""Rows of a comparison: the measured value, its interval, and the verdict.

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

from core.evaluation import verdicts
from core.evaluation.alignment import AlignedPredictions, RunKey
from core.evaluation.formulas import SHARES
from core.evaluation.gaps import (
    Bounds,
    Gap,
    GapRuns,
    gap_bounds,
    gaps_of,
    line_info,
    measure_gap,
)
from core.evaluation.grouping import ALL_IMAGES, Grouping
from core.evaluation.intervals import single_interval, wilson
from core.evaluation.metrics import metric_info, split_key
from core.evaluation.multiple_comparisons import (
    SimultaneousInterval,
    borderline,
    monte_carlo_error,
    simultaneous,
)
from core.evaluation.resampled_metrics import MetricDraws, TaskDraws
from core.evaluation.resampling import Doubles, Flags, Integers, Resampler
from core.evaluation.statistical_power import (
    detectable_with,
    seeds_needed,
    smallest_detectable,
)
from core.evaluation.variance import (
    Contrast,
    RunDraws,
    compute_contrasts,
    name_trainings,
    pool_training_variance,
    seed_share,
)
from core.tasks import Task

STUDY_FAMILY = "study"
"""Family of a study's own methods; verdicts are corrected within a family."""
_ROUNDING = 1e-6
"""Width that rounding to single precision gives an interval around 0."""
PLANNED_SEEDS = (3, 5, 10)
"""Numbers of seeds for which the detectable difference is given."""
DETECTABLE = tuple(f"detectable_with_{seeds}" for seeds in PLANNED_SEEDS)
_BATCH = 20_000_000
"""Draws of all runs that are judged in one go."""

_FLOATS = (
    *("mean", "sd", "low", "high", "delta", "delta_low", "delta_high", "p"),
    *("smallest_detectable", "seed_share", "seeds_needed", *DETECTABLE),
)
_TEXTS = ("lowest", "highest", "worst", "verdict", "scope", "note")


class Line(NamedTuple):
    """The subject of one row of every method; see ``Comparison.cells``."""

    metric: str
    measure: str
    group: str


@dataclass(frozen=True)
class Judging:
    """The settings that the rows of a comparison are made with.

    ``judged`` are the methods of one ``family`` whose rows are wanted, perhaps with the
    baselines; all methods of ``aligned`` tell how much trainings vary. ``references``
    are the methods that each is compared with, and ``baselines`` all of these. The rest
    is as in ``comparison.compare_runs``.
    """

    aligned: AlignedPredictions
    tasks: tuple[Task, ...]
    grouping: Grouping
    references: Mapping[str, str]
    baselines: Collection[str]
    judged: tuple[str, ...]
    family: str
    level: float
    include_small: bool
    anew: bool
    trainings: Mapping[RunKey, str]
    margins: Mapping[str, float]

    @cached_property
    def others(self) -> tuple[str, ...]:
        """Methods that are compared with another."""
        return tuple(m for m in self.judged if m in self.references)

    @cached_property
    def columns(self) -> dict[str, list[int]]:
        """Places of each method's runs."""
        return {m: self.aligned.columns_of(m) for m in self.aligned.methods}

    @cached_property
    def paired(self) -> set[str]:
        """Methods that answer from their baseline's own trainings, seed by seed."""
        return {
            method
            for method in self.others
            if None not in (own := self._trainings_of(self.references[method]))
            and self._trainings_of(method) == own
        }

    @cached_property
    def copies(self) -> set[str]:
        """Methods that give their baseline's answers, seed by seed, to every task."""
        return self.paired | {
            method
            for method in self.others
            if len(self.columns[method])
            == len(base := self.columns[self.references[method]])
            and all(
                np.array_equal(given[self.columns[method]], given[base])
                for given in self.aligned.predictions.values()
            )
        }

    @cached_property
    def weights(self) -> dict[str, str]:
        """A name for the trained weights of each method, where it is known."""
        return name_trainings(self.aligned.runs, self.trainings)

    def _trainings_of(self, method: str) -> list[str | None]:
        seeds = self.aligned.seeds_of(method)
        return [self.trainings.get((method, seed)) for seed in seeds]


_FACTS = np.dtype(
    [
        *((name, bool) for name in ("is_share", "is_f1", "is_bounded")),
        *((name, np.float64) for name in ("floor", "ceiling", "margin")),
        ("direction", object),
    ]
)
"""Facts of a line that are known before anything is measured.

Whether it is a metric that is a share of images, an F1, or any that lies between 0 and
1; the smallest and the largest value that it can have; the difference that does not
matter, NaN where none is known; which way is better.
"""


_Facts = NDArray[np.void]
"""One record of ``_FACTS`` a line, shape (lines,)."""


def _facts_of(line: Line, judging: Judging) -> tuple[Any, ...]:
    info = line_info(line.metric, line.measure, judging.tasks)
    floor, ceiling = 0.0, np.inf
    if line.measure == "fair_metric":
        floor, ceiling = -np.inf, 1.0
    elif info.direction == "zero":
        floor = -np.inf
    elif info.is_share or line.measure == "ratio":
        ceiling = 1.0
    if line.measure:
        return False, False, False, floor, ceiling, np.nan, info.direction
    margin = verdicts.margin_of(info, judging.margins, judging.tasks)
    kinds = _is_share(line.metric), info.name == "f1", ceiling == 1
    return *kinds, floor, ceiling, margin, info.direction


@dataclass(frozen=True)
class _Measured:
    """Lines of one method that are judged in one go: metrics in groups, or gaps.

    Parameters
    ----------
    runs : RunDraws
        The lines as metrics.
    rests, mean_rests : float64 arrays, shape (lines,)
        Images that each line rests on, the fewest and the mean of its runs.
    pair : tuple of (RunDraws, RunDraws, float64 array), or None
        Of gaps, the method's and the baseline's part in their difference, which are of
        the groups that count in both, and the images that it rests on.
    ends : dict of arrays
        Of gaps, ``lowest``, ``highest``, ``worst`` and ``groups``.
    fixed : pair of float64 arrays, or None
        Of gaps, the intervals with the trained models held fixed.
    """

    runs: RunDraws
    rests: Doubles
    mean_rests: Doubles
    pair: tuple[RunDraws, RunDraws, Doubles] | None = None
    ends: dict[str, NDArray[Any]] = field(default_factory=dict)
    fixed: tuple[Doubles, Doubles] | None = None


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
        grouping, rows = judging.grouping, judging.aligned.rows
        # Rows of one image in several groups: these are no groups of people.
        without_gaps = grouping.is_whole or drawing.resampler.repeats is not None
        self._gaps = () if without_gaps else gaps_of(keys)
        self._drawn = {key: drawing.metric(key) for key in keys}
        self._further: dict[str, list[MetricDraws]] = {}
        self.values = {key: one.values[-1] for key, one in self._drawn.items()}
        # A group without an image has its line, which stays empty.
        images = dict(zip(grouping.names, grouping.counts, strict=False))
        images[ALL_IMAGES] = rows
        if drawing.rows_an_image is not None:
            for group, rate in zip(
                grouping.measured, drawing.rows_an_image.ravel(), strict=True
            ):
                images[group] = round(images[group] / float(rate))
        self._images = {
            Line(key, "", group): int(count)
            for key in keys
            for group, count in images.items()
        } | {_line_of(gap): int(images[ALL_IMAGES]) for gap in self._gaps}
        self._places = {line: place for place, line in enumerate(self._images)}
        facts = [_facts_of(line, judging) for line in self._images]
        if drawing.resampler.repeats is not None:
            # Several rows of an image are no share of images: the bootstrap's interval.
            facts = [(False, *fact[1:]) for fact in facts]
        self._facts = np.array(facts, _FACTS)
        self._columns = _empty_columns(judging, len(facts))
        self._fill(self._drawn, self._gaps)

    @property
    def is_near(self) -> bool:
        """Whether a verdict is within the Monte Carlo error of its bound."""
        return bool(self._columns["near"].any())

    def draw_more(self, resampler: Resampler) -> None:
        """Draw a block of resamples for metrics with such a verdict."""
        near = self._near_metrics()
        more = replace(self._drawing, resampler=resampler)
        for key in self._drawn:
            if key in near:
                self._further.setdefault(key, []).append(more.metric(key))

    def judge_again(self) -> None:
        """Judge the lines with such a verdict again, on all their resamples."""
        drawn = {
            key: self._drawn[key].with_more(blocks)
            for key, blocks in self._further.items()
        }
        self._further = {}
        self._drawn |= drawn
        near = self._near_lines()
        gaps = [gap for gap in self._gaps if _line_of(gap) in near]
        self._fill(drawn, gaps, near)

    def frame(self) -> pd.DataFrame:
        """One row a method and line, the lines of a method together."""
        methods, lines = self._judging.judged, list(self._images)
        seeds = [len(self._judging.columns[method]) for method in methods]
        texts = {name: self._columns[name].ravel() for name in _TEXTS}
        texts["method"] = np.repeat(np.array(methods, object), len(lines))
        for place, name in enumerate(Line._fields):
            values = np.array([line[place] for line in lines], object)
            texts[name] = np.tile(values, len(methods))
        texts["family"] = np.full(len(texts["method"]), self._judging.family, object)
        return pd.DataFrame(
            {
                **{name: pd.array(text, dtype="str") for name, text in texts.items()},
                "images": np.tile(np.array([*self._images.values()]), len(methods)),
                "seeds": np.repeat(seeds, len(lines)),
                "margin": np.tile(self._facts["margin"], len(methods)),
                **{
                    name: values.ravel()
                    for name, values in self._columns.items()
                    if name not in texts and name != "near"
                },
            }
        )

    def _near_lines(self) -> set[Line]:
        """Lines with a verdict that is near to its bound."""
        near = np.asarray(self._columns["near"].any(axis=0))
        return {line for line, place in self._places.items() if near[place]}

    def _near_metrics(self) -> set[str]:
        """Metrics that have to be resampled more: those of a gap all together."""
        lines = self._near_lines()
        found = {line.metric for line in lines if not line.measure}
        for gap in self._gaps:
            if _line_of(gap) in lines or found & set(gap.parts):
                found |= set(gap.parts)
        return found

    def _fill(
        self,
        drawn: Mapping[str, MetricDraws],
        gaps: Sequence[Gap],
        chosen: Collection[Line] | None = None,
    ) -> None:
        """Judge lines of some metrics, all or the chosen ones, and some gaps."""
        for lines, measured in self._measure_metrics(drawn, chosen):
            self._judge(lines, measured)
        if gaps:
            found = _Gaps(self._judging, drawn, gaps).measure()
            self._judge(map(_line_of, gaps), found)

    def _measure_metrics(
        self, drawn: Mapping[str, MetricDraws], chosen: Collection[Line] | None
    ) -> Iterator[tuple[list[Line], dict[str, _Measured]]]:
        """Metrics in groups, as many at once as the memory may hold."""
        every = []
        for one in drawn.values():
            lines = [Line(one.key, "", g) for g in self._judging.grouping.measured]
            own = [
                p for p, line in enumerate(lines) if chosen is None or line in chosen
            ]
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
            yield (
                [line for *_, lines in block for line in lines],
                {
                    method: _Measured(
                        RunDraws(values[:, own], draws[:, own]),
                        rests[:, own].min(axis=1),
                        rests[:, own].mean(axis=1),
                    )
                    for method, own in self._judging.columns.items()
                },
            )

    def _judge(self, lines: Iterable[Line], measured: Mapping[str, _Measured]) -> None:
        """Put what follows from some draws into the columns."""
        judging = self._judging
        places = np.array([self._places[line] for line in lines], np.intp)
        facts = self._facts[places]
        pool = None
        if judging.anew:
            runs = {method: one.runs for method, one in measured.items()}
            pool = pool_training_variance(runs, judging.weights)
        changes = _changes(judging, measured, facts)
        for row, method in enumerate(judging.judged):
            own = measured[method]
            runs_of, mean = own.runs, own.runs.values.mean(axis=1)
            span = single_interval(
                runs_of,
                own.mean_rests,
                level=judging.level,
                pooled=pool,
                anew=judging.anew,
                shares=facts["is_share"] if own.fixed is None else None,
                fixed=own.fixed,
            )
            low, high = _cut(facts, mean, span.low, span.high, own.rests, judging.level)
            several = runs_of.seeds > 1
            untested = dict(
                zip(("verdict", "note"), _before_a_test(judging, method), strict=True)
            )
            found: dict[str, Any] = {
                "n": own.rests,
                "small": own.rests < verdicts.SMALL_GROUP,
                "mean": mean,
                "sd": runs_of.values.std(axis=1, ddof=1) if several else np.nan,
                "low": low,
                "high": high,
                **own.ends,
                **changes.get(method, untested),
            }
            for name, values in found.items():
                self._columns[name][row, places] = values


def _empty_columns(judging: Judging, lines: int) -> dict[str, NDArray[Any]]:
    """Columns of every judged method and line, before anything is measured."""
    shape = (len(judging.judged), lines)
    columns: dict[str, NDArray[Any]] = {
        **{name: np.full(shape, np.nan) for name in _FLOATS},
        **{name: np.full(shape, "", object) for name in _TEXTS},
        **{name: np.zeros(shape, np.int64) for name in ("n", "groups")},
        "small": np.ones(shape, bool),
        "near": np.zeros(shape, bool),
    }
    columns["scope"][:] = verdicts.METHOD
    for row, method in enumerate(judging.judged):
        columns["verdict"][row], columns["note"][row] = _before_a_test(judging, method)
    return columns


def _before_a_test(judging: Judging, method: str) -> tuple[str, str]:
    """Verdict and note of a method where nothing is compared."""
    if method in judging.references:
        return verdicts.UNTESTED, verdicts.UNDEFINED
    if method in judging.baselines:
        return verdicts.BASELINE, ""
    return verdicts.UNTESTED, verdicts.NO_COUNTERPART


def _line_of(gap: Gap) -> Line:
    return Line(gap.metric, gap.measure, ALL_IMAGES)


def _changes(
    judging: Judging, measured: Mapping[str, _Measured], facts: _Facts
) -> dict[str, dict[str, Any]]:
    """Columns of the difference to the baseline, by method."""
    signless = facts["direction"] == "zero"
    runs, parts, rests = {}, {}, {}
    for m, one in measured.items():
        runs[m] = without_sign(one.pair[0] if one.pair else one.runs, signless)
    for m in judging.others:
        own, base = measured[m], measured[judging.references[m]]
        theirs = own.pair[1] if own.pair else base.runs
        parts[m] = without_sign(theirs, signless)
        rests[m] = own.pair[2] if own.pair else np.minimum(own.rests, base.rests)
    contrasts = compute_contrasts(
        runs,
        {m: judging.references[m] for m in judging.others},
        {m: fewest.astype(np.int64) for m, fewest in rests.items()},
        paired=judging.paired,
        trainings=judging.weights,
        parts=parts,
    )
    tested = {
        m: replace(one, undefined=one.undefined | (rests[m] < verdicts.SMALL_GROUP))
        for m, one in contrasts.items()
    }
    # Sorted by name: the order of the methods must not change a digit.
    intervals = simultaneous(dict(sorted(tested.items())), level=judging.level)
    found = {}
    for m in judging.others:
        interval = intervals[m]
        if m not in judging.copies:
            interval = _widen(interval, tested[m], rests[m], facts, judging.level)
        found[m] = _change_columns(contrasts[m], tested[m], interval, facts)
    return found


def _widen(
    interval: SimultaneousInterval,
    contrast: Contrast,
    rests: Doubles,
    facts: _Facts,
    level: float,
) -> SimultaneousInterval:
    """The interval of a share that varied neither over images nor over trainings.

    Two methods that are right on all of n images, or on none of them, may still differ
    on others: on at most the share that Wilson's interval has for 0 of n, at the
    interval's own reach. The bootstrap would call it certain that they never do.
    """
    still = facts["is_bounded"] & ~contrast.undefined & (contrast.error == 0)
    if not still.any():
        return interval
    most = _most_of_none(rests[still], interval.reach[still])
    most = np.where(facts["is_f1"][still], 2 * most / (1 + most), most)
    low, high, p = (np.array(v) for v in (interval.low, interval.high, interval.p))
    low[still] = np.maximum(low[still] - most, -1)
    high[still] = np.minimum(high[still] + most, 1)
    open_ = still & (low <= 0) & (high >= 0)
    p[open_] = np.maximum(p[open_], 1 - level)
    return replace(interval, low=low, high=high, p=p)


def _most_of_none(rests: Doubles, reach: Doubles | float) -> Doubles:
    """Upper end of Wilson's interval for a share that held for none of the images."""
    return np.asarray(reach**2 / (rests + reach**2))


class _Gaps:
    """Some gaps of every method, and again of the groups that the baseline has too.

    ``drawn`` are all metrics that the gaps are made of, by key.
    """

    def __init__(
        self, judging: Judging, drawn: Mapping[str, MetricDraws], gaps: Sequence[Gap]
    ) -> None:
        self._judging, self._drawn, self._gaps = judging, drawn, gaps
        self._kept: dict[Any, Any] = {}

    def measure(self) -> dict[str, _Measured]:
        """Everything that is judged of the gaps, by method."""
        judging = self._judging
        measured = {}
        for method, own in judging.columns.items():
            found, pair = self._of(own, own), None
            runs, rests = self._runs_and_rests(found, own)
            if method in judging.others:
                # The same groups in both, or the difference would be theirs.
                base = judging.columns[judging.references[method]]
                (mine, least), (theirs, other) = (
                    self._runs_and_rests(self._of(part, [*own, *base]), part)
                    for part in (own, base)
                )
                pair = mine, theirs, np.minimum(least, other)
            is_judged = method in judging.judged
            ends, fixed = self._ends(found, own) if is_judged else ({}, None)
            measured[method] = _Measured(runs, rests, rests, pair, ends, fixed)
        return measured

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

    def _counted(self, key: str, columns: list[int]) -> Integers:
        """Groups that count in a gap of these runs.

        If a metric rests on the predicted images, as precision does, a method that
        predicts almost none has no gap. The gaps of the others stay.
        """
        kept = key, *columns
        if kept not in self._kept:
            drawn = self._drawn[key]
            defined = ~np.isnan(drawn.values[:-1][:, columns]).any(axis=1)
            large = drawn.rests[:-1][:, columns].min(axis=1) >= verdicts.SMALL_GROUP
            counts = defined & (self._judging.include_small | large)
            self._kept[kept] = np.flatnonzero(counts)
        return np.asarray(self._kept[kept], np.int64)

    def _runs_and_rests(
        self, found: Sequence[GapRuns], columns: list[int]
    ) -> tuple[RunDraws, Doubles]:
        """The gaps as metrics, and the images that the smaller group of each rests on.

        None without a gap. A ratio of shares rests on the images that they count: with
        1 image of 80 against 2, half is by chance, and with none the bootstrap would
        call it certain.
        """
        fewest = np.zeros(len(found))
        for place, (gap, one) in enumerate(zip(self._gaps, found, strict=True)):
            if one.lowest >= 0:
                drawn, ends = (
                    self._drawn[gap.parts[one.part]],
                    [one.lowest, one.highest],
                )
                rests = drawn.rests[:, columns].min(axis=1)[ends]
                if gap.measure == "ratio" and _is_share(drawn.key):
                    rests = rests * drawn.values[ends][:, columns].mean(axis=1)
                fewest[place] = rests.min()
        values = np.concatenate([one.runs.values for one in found])
        draws = np.concatenate([one.runs.draws for one in found])
        return RunDraws(values, draws), fewest

    def _ends(
        self, found: Sequence[GapRuns], own: list[int]
    ) -> tuple[dict[str, NDArray[Any]], tuple[Doubles, Doubles]]:
        """Groups that the gaps lie between, and intervals of these trained models."""
        judging, names = self._judging, self._judging.grouping.measured
        keys = {key for gap in self._gaps for key in gap.parts}
        bounds = {key: _bounds(judging, self._drawn[key], own) for key in keys}
        low, high = np.empty((2, len(found)))
        rows = []
        for place, (gap, one) in enumerate(zip(self._gaps, found, strict=True)):
            counted = [self._counted(key, own) for key in gap.parts]
            low[place], high[place] = gap_bounds(
                gap,
                [self._drawn[key].values[:, own].mean(axis=1) for key in gap.parts],
                [bounds[key] for key in gap.parts],
                counted,
                level=judging.level,
            )
            lowest, highest = "", ""
            if one.lowest >= 0:
                lowest, highest = names[one.lowest], names[one.highest]
            direction = metric_info(gap.parts[one.part]).direction
            worst = {"higher": lowest, "lower": highest}.get(direction, "")
            rows.append((lowest, highest, worst, len(counted[one.part])))
        columns = zip(*rows, strict=True)
        ends = ("lowest", "highest", "worst", "groups")
        return dict(zip(ends, map(np.array, columns), strict=True)), (low, high)


def _bounds(judging: Judging, drawn: MetricDraws, own: list[int]) -> Bounds:
    """Intervals of every group with these trained models held fixed."""
    runs = drawn.for_columns(own)
    mean, rests = runs.values.mean(axis=1), drawn.rests[:, own].mean(axis=1)
    if _is_share(drawn.key):
        variance = runs.over_images * rests

        def of_share(reach: float) -> tuple[Doubles, Doubles]:
            level = float(2 * special.ndtr(reach) - 1)
            return wilson(mean, rests, variance, seeds=runs.seeds, level=level)

        return of_share
    plain = single_interval(runs, rests, level=judging.level, anew=False)
    usual = special.ndtri((1 + judging.level) / 2)

    def of_mean(reach: float) -> tuple[Doubles, Doubles]:
        scale = reach / usual
        return mean - (mean - plain.low) * scale, mean + (plain.high - mean) * scale

    return of_mean


def _change_columns(
    contrast: Contrast, tested: Contrast, interval: SimultaneousInterval, facts: _Facts
) -> dict[str, Any]:
    error = monte_carlo_error(tested, interval.reach)
    near = borderline(interval, error, facts["margin"])
    note = np.where(near, verdicts.BORDERLINE, "").astype(object)
    note[tested.undefined] = verdicts.TOO_FEW
    note[contrast.undefined] = verdicts.OFTEN_UNDEFINED
    note[np.isnan(contrast.delta)] = verdicts.UNDEFINED
    # Two shares are at most 1 apart, even if few seeds show a larger spread.
    span = facts["ceiling"] - facts["floor"]
    low, high = np.maximum(interval.low, -span), np.minimum(interval.high, span)
    # The same predictions differ by nothing, but for the rounding of their sums.
    same = (contrast.delta == 0) & (high - low < _ROUNDING)
    low, high = np.where(same, 0.0, low), np.where(same, 0.0, high)
    return {
        "delta": contrast.delta,
        "delta_low": low,
        "delta_high": high,
        "p": interval.p,
        "verdict": verdicts.decide(
            low, high, facts["margin"], list(facts["direction"])
        ),
        "scope": verdicts.MODEL if contrast.one_training else verdicts.METHOD,
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


def without_sign(runs: RunDraws, signless: Flags) -> RunDraws:
    """Turn metrics that are best at zero into their sizes; ``signless`` says which."""
    if not signless.any():
        return runs
    # The sign of the estimate, for every draw: taking each draw's own sign would fold
    # the draws at zero and make the interval too short there.
    sign = np.where(signless & (runs.values.mean(axis=1) < 0), -1.0, 1.0)
    return runs.signed(sign)


def _cut(
    facts: _Facts,
    mean: Doubles,
    low: Doubles,
    high: Doubles,
    rests: Doubles,
    level: float,
) -> tuple[Doubles, Doubles]:
    """Keep an interval in the range of its metric, and a class never found honest.

    The bootstrap of an F1 of 0 never leaves it. Its class was found in none of n
    images, so that the recall is at most Wilson's upper end r, and the F1 at most
    2 r / (1 + r), with a precision of 1.
    """
    low, high = np.maximum(low, facts["floor"]), np.minimum(high, facts["ceiling"])
    never = facts["is_f1"] & (mean == 0) & (rests > 0)
    most = _most_of_none(rests[never], special.ndtri((1 + level) / 2))
    low[never], high[never] = 0.0, 2 * most / (1 + most)
    return low, high


@cache
def _is_share(metric: str) -> bool:
    _, name, part = split_key(metric)
    if name == "flip_rate":
        return bool(part)  # over several changes it is a mean of shares
    # The accuracy of a shot group is a mean of recalls.
    return name in SHARES and not (name == "accuracy" and part)
