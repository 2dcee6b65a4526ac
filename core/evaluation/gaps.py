"""Gaps between groups: largest difference, ratio, parities and the Fair metric.

Definitions are fairlearn's. A gap is that of the mean over the seeds; its lowest and
highest group are found there and kept for every seed and resample. If each resample
chose its own groups, noise alone would make a gap, and the interval would leave out 0.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from core.errors import EquipoiseError
from core.evaluation.formulas import ratio
from core.evaluation.metrics import MetricInfo, metric_info, split_key
from core.evaluation.resampled_metrics import MetricDraws
from core.evaluation.resampling import Doubles, Floats, Integers
from core.evaluation.variance import RunDraws
from core.language import N_, gettext
from core.tasks import Task

Measure = Literal["difference", "ratio", "fair_metric"]
FAIR_PENALTY = 2.0
"""How much the largest gap costs in the Fair metric."""
REWARDS_LEVELLING_DOWN = N_(
    "The Fair metric rewards levelling down: it can rise while the accuracy of every"
    " group falls, if the better group falls more."
)
EQUALIZED_ODDS = "equalized_odds"

_NAMES = {
    ("selection_rate", "difference"): N_("demographic parity difference"),
    ("selection_rate", "ratio"): N_("demographic parity ratio"),
    ("recall", "difference"): N_("equal opportunity difference"),
    ("recall", "ratio"): N_("equal opportunity ratio"),
    (EQUALIZED_ODDS, "difference"): N_("equalized odds difference"),
    (EQUALIZED_ODDS, "ratio"): N_("equalized odds ratio"),
}
_OTHER_NAMES = {
    "difference": N_("{metric} difference"),
    "ratio": N_("{metric} ratio"),
    "fair_metric": N_("Fair metric"),
}
_EXPLANATIONS = {
    "difference": N_("Highest less lowest {what} of the groups; 0 is parity."),
    "ratio": N_("Lowest over highest {what} of the groups; 1 is parity."),
    "fair_metric": N_(
        "Mean accuracy of the groups less twice their largest difference. {warning}"
    ),
}


@dataclass(frozen=True)
class GapInfo(MetricInfo):
    """The description of a gap, as that of a metric.

    Parameters
    ----------
    measure : {"difference", "ratio", "fair_metric"}
    of_odds : bool
        Whether it is one of equalized odds.
    """

    measure: str = "difference"
    of_odds: bool = False

    @property
    def _metric_label(self) -> str:
        """Label of the metric that differs, without task and part."""
        if self.of_odds:
            return gettext("true or false positive rate")
        return super().own_label

    @property
    def own_label(self) -> str:
        """Label without task and part, such as ``"MAE difference"``."""
        name = EQUALIZED_ODDS if self.of_odds else self.name
        message = _NAMES.get((name, self.measure), _OTHER_NAMES[self.measure])
        return gettext(message, metric=self._metric_label)

    @property
    def explanation(self) -> str:
        """One sentence for a tooltip."""
        what = self._metric_label
        if self.part:
            what = f"{what} ({self.part_label})"
        warning = gettext(REWARDS_LEVELLING_DOWN)
        return gettext(_EXPLANATIONS[self.measure], what=what, warning=warning)


@dataclass(frozen=True)
class Gap:
    """One measure of what groups differ by.

    Parameters
    ----------
    metric : str
        Key of the metric that differs, or ``"<task>.equalized_odds"``.
    measure : {"difference", "ratio", "fair_metric"}
    parts : tuple of str
        Keys of the metrics that it is computed from: of two, as for equalized odds,
        the one with the larger gap counts.
    """

    metric: str
    measure: Measure
    parts: tuple[str, ...]


def gaps_of(keys: Iterable[str]) -> tuple[Gap, ...]:
    """Every gap that follows from metrics within groups, in their order.

    A metric has its difference and its ratio, but for the bias, whose sign makes a
    ratio meaningless; accuracy also has the Fair metric; recall and false positive rate
    together have equalized odds.

    Examples
    --------
    >>> [(gap.metric, gap.measure) for gap in gaps_of(["age.mae"])]
    [('age.mae', 'difference'), ('age.mae', 'ratio')]
    """
    keys = tuple(keys)
    found: list[Gap] = []
    for key in keys:
        task, name, part = split_key(key)
        found.append(Gap(key, "difference", (key,)))
        if name != "bias":
            found.append(Gap(key, "ratio", (key,)))
        if name == "accuracy":
            found.append(Gap(key, "fair_metric", (key,)))
        other = _key(task, "recall", part)
        if name == "false_positive_rate" and other in keys:
            odds = _key(task, EQUALIZED_ODDS, part)
            found.append(Gap(odds, "difference", (other, key)))
            found.append(Gap(odds, "ratio", (other, key)))
    return tuple(found)


def _key(task: str, name: str, part: str) -> str:
    return f"{task}.{name}[{part}]" if part else f"{task}.{name}"


def gap_info(metric: str, measure: str, tasks: tuple[Task, ...] = ()) -> GapInfo:
    """Name, unit, direction and explanation of a gap.

    Metric and measure are as in ``Gap``; ``tasks`` give label and unit. Its key is that
    of the metric, and for equalized odds that of the recall.

    Examples
    --------
    >>> info = gap_info("age.mae", "difference")
    >>> info.label, info.unit
    ('Age MAE difference', 'years')
    """
    odds = f".{EQUALIZED_ODDS}"
    info = metric_info(metric.replace(odds, ".recall"), tasks)
    in_units = measure == "difference"
    return GapInfo(
        key=info.key,
        task_label=info.task_label,
        plain_unit=info.plain_difference_unit if in_units else "",
        direction="lower" if in_units else "higher",
        digits=info.digits if in_units else 3,
        factor=info.factor if in_units else 1.0,
        measure=measure,
        of_odds=odds in metric,
    )


@cache
def line_info(metric: str, measure: str, tasks: tuple[Task, ...] = ()) -> MetricInfo:
    """``gap_info`` of a gap; without a measure, ``metric_info`` of the metric.

    Examples
    --------
    >>> line_info("age.mae", "").label, line_info("age.mae", "ratio").label
    ('Age MAE', 'Age MAE ratio')
    """
    return gap_info(metric, measure, tasks) if measure else metric_info(metric, tasks)


def fair_metric(accuracies: ArrayLike, *, penalty: float = FAIR_PENALTY) -> float:
    """Mean accuracy over groups, less a penalty on their largest difference.

    Parameters
    ----------
    accuracies : float array, shape (groups,)
        Accuracy within each group, from 0 to 1.
    penalty : float, at least 0
        Factor on the gap between the best and the worst group.

    Returns
    -------
    float
        At most 1; with two groups and penalty 2, at least -1.5.

    Raises
    ------
    EquipoiseError
        If there are no accuracies, one lies outside 0..1, or the penalty is below 0.

    Notes
    -----
    Source: the soft-bio project, ``mean(a) - 2 |a_women - a_men|``. Departures: any
    number of groups, with their largest gap. It rewards levelling down: it can rise
    while the accuracy of every group falls. Equal accuracies give that accuracy.

    Examples
    --------
    >>> round(fair_metric([0.9, 0.8]), 4)  # 0.85 - 2 * 0.1
    0.65
    """
    values = np.asarray(accuracies, dtype=np.float64)
    if not values.size or not ((values >= 0) & (values <= 1)).all():
        raise EquipoiseError(
            f"The accuracies of the groups are {values.tolist()}.",
            expected="one number from 0 to 1 for each group.",
        )
    if not (np.isfinite(penalty) and penalty >= 0):
        raise EquipoiseError(
            f"The penalty is {penalty}.", expected="a finite number from 0."
        )
    return float(values.mean() - penalty * np.ptp(values))


@dataclass(frozen=True)
class GapRuns:
    """One gap of one method.

    Parameters
    ----------
    runs : RunDraws
        Of one metric: the gap.
    lowest, highest : int
        Groups with the lowest and the highest value; -1 if there are not two groups.
    part : int
        Which of ``Gap.parts`` it is a gap of.
    """

    runs: RunDraws
    lowest: int
    highest: int
    part: int

    @property
    def value(self) -> float:
        """Mean over the seeds."""
        return float(self.runs.values.mean())


def measure_gap(
    gap: Gap,
    parts: Sequence[MetricDraws],
    counted: Sequence[Integers],
    columns: list[int],
) -> GapRuns:
    """Compute a gap for every run of a method, as it is and under the resamples.

    Parameters
    ----------
    gap : Gap
    parts : sequence of MetricDraws
        Of each metric in ``gap.parts``.
    counted : sequence of int arrays
        Groups that count for each part. With fewer than two there is no gap.
    columns : list of int
        Places of the method's runs.

    Examples
    --------
    Two groups with a value of 4 and of 6 years, under one resample:

    >>> values = np.array([[4.0], [6.0]])
    >>> drawn = MetricDraws("age.mae", values, values, values[..., None])
    >>> (gap, _) = gaps_of(["age.mae"])
    >>> measure_gap(gap, [drawn], [np.array([0, 1])], [0]).value
    2.0
    """
    candidates = []
    for part, (drawn, groups) in enumerate(zip(parts, counted, strict=True)):
        if len(groups) < 2:
            continue
        means = drawn.values[groups][:, columns].mean(axis=1)
        if np.isnan(means).any():
            continue
        # Two groups even where all are equal: a group against itself never varies.
        order = np.argsort(means, kind="stable")
        ends = groups[order[0]], groups[order[-1]]
        runs = RunDraws(
            _gap_value(gap.measure, drawn.values, columns, groups, ends)[None].astype(
                np.float64
            ),
            _gap_value(gap.measure, drawn.draws, columns, groups, ends)[None],
        )
        candidates.append(GapRuns(runs, int(ends[0]), int(ends[1]), part))
    if not candidates:
        shape = (1, len(columns))
        resamples = parts[0].draws.shape[-1]
        nothing = RunDraws(np.full(shape, np.nan), np.full((*shape, resamples), np.nan))
        return GapRuns(nothing, -1, -1, 0)
    widest = max if gap.measure == "difference" else min
    return widest(candidates, key=lambda found: found.value)


def _gap_value(
    measure: Measure,
    values: Floats,
    columns: list[int],
    groups: Integers,
    ends: tuple[int, int],
) -> Floats:
    """Gap of each of some runs between two groups; the groups are the first axis."""
    low, high = values[ends[0]][columns], values[ends[1]][columns]
    if measure == "difference":
        return np.asarray(high - low)
    if measure == "fair_metric":
        mean = values[groups][:, columns].mean(axis=0)
        return np.asarray(mean - FAIR_PENALTY * (high - low))
    return ratio(low, high)


Bounds = Callable[[float], tuple[Doubles, Doubles]]
"""Ends of every group's interval, so many standard errors to either side."""


def gap_bounds(
    gap: Gap,
    values: Sequence[Doubles],
    bounds: Sequence[Bounds],
    counted: Sequence[Integers],
    *,
    level: float,
) -> tuple[float, float]:
    """Interval of a gap from those of the groups, the trained models held fixed.

    Parameters
    ----------
    gap : Gap
    values : sequence of float64 arrays, shape (groups,)
        Of one method, for each of ``gap.parts``.
    bounds : sequence of callables
        The groups' intervals, for each part.
    counted : sequence of int arrays
        Groups that count, for each part.
    level : float, in (0, 1)

    Returns
    -------
    low, high : float
        NaN where there is no gap.

    Notes
    -----
    A gap is the largest of the differences between all pairs of groups. Each pair has
    an interval from those of its groups, which rest on different images (MOVER: Zou
    and Donner, Statistics in Medicine 2008; for two shares that is Newcombe's; ratios:
    Donner and Zou, Statistical Methods in Medical Research 2012), wide enough that all
    hold at once (Tukey and Kramer: quantiles of the studentized range; conservative by
    Hayter, Annals of Statistics 1984). The largest lower and the largest upper end
    hold the largest difference. With two groups the interval is the plain one of their
    difference, cut at 0 (a ratio and the Fair metric at 1); with many it is
    conservative, since any of them may be the worst.

    Examples
    --------
    Groups at 4 and 6 with ends at 4 +- 1 and 6 +- 1 differ by 2 +- the root of 2:

    >>> (gap, _) = gaps_of(["age.mae"])
    >>> values, groups = np.array([4.0, 6.0]), np.array([0, 1])
    >>> ends = lambda reach: (values - 1, values + 1)
    >>> low, high = gap_bounds(gap, [values], [ends], [groups], level=0.95)
    >>> round(low, 4), round(high, 4)
    (0.5858, 3.4142)
    """
    lows, highs = [], []
    for own, ends_of, groups in zip(values, bounds, counted, strict=True):
        if len(groups) < 2 or np.isnan(own[groups]).any():
            continue
        reach = pairwise_reach(len(groups), level ** (1 / len(values)))
        low, high = (ends[groups] for ends in ends_of(reach))
        pairs = _pair_bounds(gap.measure, own[groups], low, high)
        lows.append(pairs[0])
        highs.append(pairs[1])
    if not lows:
        return np.nan, np.nan
    low, high = np.concatenate(lows), np.concatenate(highs)
    if gap.measure == "difference":
        return max(float(low.max()), 0.0), float(high.max())
    if gap.measure == "ratio":
        return float(np.clip(low.min(), 0, 1)), float(np.clip(high.min(), 0, 1))
    return float(low.min()), min(float(high.min()), 1.0)


@cache
def pairwise_reach(groups: int, level: float) -> float:
    """Half width of the intervals of all pairs of groups at once, in standard errors.

    Notes
    -----
    Quantile of the range of ``groups`` standard normal values, over the root of 2. Two
    groups give the usual 1.96 at 95 %.

    Examples
    --------
    >>> round(pairwise_reach(2, 0.95), 2)
    1.96
    """
    top = np.linspace(-9.0, 9.0, 3601)
    density = np.exp(-(top**2) / 2) / np.sqrt(2 * np.pi)

    def excess(spread: float) -> float:
        within = special.ndtr(top) - special.ndtr(top - spread)
        inside = np.trapezoid(density * within ** (groups - 1), top)
        return float(groups * inside - level)

    return float(optimize.brentq(excess, 1e-3, 20.0) / np.sqrt(2))


def _pair_bounds(
    measure: Measure, value: Doubles, low: Doubles, high: Doubles
) -> tuple[Doubles, Doubles]:
    """Interval of every pair of groups, of the higher against the lower."""
    order = np.argsort(value, kind="stable")
    i, j = np.triu_indices(len(value), 1)
    lesser, greater = order[i], order[j]
    down, up = value - low, high - value
    if measure == "ratio":
        return _ratio_bounds(
            (value[lesser], low[lesser], high[lesser]),
            (value[greater], low[greater], high[greater]),
        )
    difference = value[greater] - value[lesser]
    if measure == "difference":
        return (
            difference - np.hypot(down[greater], up[lesser]),
            difference + np.hypot(up[greater], down[lesser]),
        )
    # Coefficient of every group: 1 / groups, of the pair that and -+ the penalty.
    each = 1 / len(value)
    lost, won = (each - FAIR_PENALTY) ** 2, (each + FAIR_PENALTY) ** 2
    own = value.mean() - FAIR_PENALTY * difference
    below, above = (each**2 * (reach**2).sum() for reach in (down, up))
    below = below - each**2 * (down[greater] ** 2 + down[lesser] ** 2)
    above = above - each**2 * (up[greater] ** 2 + up[lesser] ** 2)
    # A negative coefficient turns the ends of the better group around.
    below = below + lost * up[greater] ** 2 + won * down[lesser] ** 2
    above = above + lost * down[greater] ** 2 + won * up[lesser] ** 2
    return own - np.sqrt(np.maximum(below, 0)), own + np.sqrt(np.maximum(above, 0))


_Ends = tuple[Doubles, Doubles, Doubles]


def _ratio_bounds(lesser: _Ends, greater: _Ends) -> tuple[Doubles, Doubles]:
    (a, a_low, a_high), (b, b_low, b_high) = lesser, greater
    product = a * b
    inside = a_low * (2 * a - a_low)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(product**2 - inside * b_high * (2 * b - b_high), 0))
        low = inside / (product + root)
        outside, divisor = a_high * (2 * a - a_high), b_low * (2 * b - b_low)
        root = np.sqrt(np.maximum(product**2 - outside * divisor, 0))
        high = np.where(divisor > 0, (product + root) / divisor, np.inf)
    return np.where(np.isnan(low), 0.0, low), high
