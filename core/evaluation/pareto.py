"""Pareto front of quality against cost, or against a gap.

The front is computed from the point estimates. The paired comparison of two methods
says whether a step along it brings a detected difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.evaluation.comparison import Comparison
from core.evaluation.cost import CostInfo
from core.evaluation.gaps import Gap, gap_info
from core.evaluation.metrics import MetricInfo
from core.evaluation.resampling import Doubles, Flags
from core.evaluation.verdicts import METHOD

EQUAL_COST = 1.02
"""Ratio of two costs up to which they are called equal."""


def cost_to_minimise(values: pd.Series, cost: CostInfo) -> pd.Series:
    """The cost with lower meaning cheaper: time an image for images a second."""
    return 1 / values if cost.direction == "higher" else values


def quality(values: pd.Series, metric: MetricInfo) -> pd.Series:
    """The metric with higher meaning better; for a bias, minus its size."""
    if metric.direction == "higher":
        return values
    return -values.abs() if metric.direction == "zero" else -values


def equal_costs(cost: ArrayLike) -> Doubles:
    """Give almost equal costs the cost of the cheapest among them.

    ``cost`` has shape (n,) and is at least 0; NaN is unknown and stays so. The lowest
    cost is joined with all up to ``EQUAL_COST`` times it; then the next one in the same
    way. So no two costs that are made equal differ by more.
    """
    costs = np.array(cost, np.float64)
    first = -np.inf
    for place in np.argsort(costs, kind="stable"):
        if not costs[place] <= EQUAL_COST * first:
            first = costs[place]
        costs[place] = first
    return costs


def pareto_front(cost: ArrayLike, gain: ArrayLike) -> Flags:
    """Find the points that no other point beats in both cost and gain.

    Takes float arrays of shape (n,): less cost and more gain is better, and NaN is
    unknown. Returns a bool array of that shape: True where no other costs at most as
    much and gains at least as much, with one of the two better. An unknown number gives
    False. Equal points are all on the front, or none of them is.
    """
    costs, gains = np.asarray(cost, np.float64), np.asarray(gain, np.float64)
    front = np.zeros(len(costs), bool)
    known = np.flatnonzero(np.isfinite(costs) & np.isfinite(gains))
    # Cheapest first, of equal cost the best gain first.
    order = known[np.lexsort((-gains[known], costs[known]))]
    best, best_cost = -np.inf, np.nan
    for place in order:
        is_twin = gains[place] == best and costs[place] == best_cost
        if gains[place] > best or is_twin:
            front[place] = True
            best, best_cost = gains[place], costs[place]
    return front


def cost_points(
    comparison: Comparison,
    costs: pd.DataFrame,
    metric: MetricInfo,
    cost: CostInfo,
    methods: Sequence[str],
) -> pd.DataFrame:
    """Quality and cost of each method, and which are on the front.

    ``costs`` are from ``cost_table``, and ``methods`` those that are looked at.

    Returns
    -------
    DataFrame
        The method as index, cheapest first; those of which cost or metric is unknown
        are left out. Columns ``cost``, ``cost_to_minimise``, ``mean``, ``low``,
        ``high``, ``quality`` (more is better), ``verdict``, ``on_front``.
    """
    rows = comparison.table[comparison.table["metric"] == metric.key]
    rows = rows.set_index("method").reindex(list(methods))
    points = rows[["mean", "low", "high", "verdict"]].assign(
        cost=costs[cost.key].reindex(rows.index)
    )
    points = points.dropna(subset=["mean", "cost"])
    points["cost_to_minimise"] = cost_to_minimise(points["cost"], cost)
    points["quality"] = quality(points["mean"], metric)
    points["on_front"] = pareto_front(
        equal_costs(points["cost_to_minimise"]), points["quality"]
    )
    return points.sort_values(["cost_to_minimise", "quality"], kind="stable")


def gap_points(
    comparison: Comparison, metric: MetricInfo, gap: Gap, methods: Sequence[str]
) -> pd.DataFrame:
    """Quality of all images and the gap between groups, and the methods on the front.

    The ``metric`` has a better side; ``methods`` are those that are looked at.

    Returns
    -------
    DataFrame
        The method as index, smallest gap first; those of which gap or metric is unknown
        are left out. Columns ``gap``, ``gap_low``, ``gap_high``, ``gap_verdict``,
        ``mean``, ``low``, ``high``, ``verdict``, ``on_front``; the verdicts are against
        the baseline, whose own is ``"baseline"``.
    """
    quality_rows = comparison.table[comparison.table["metric"] == metric.key]
    gaps = comparison.gaps[
        (comparison.gaps["metric"] == gap.metric)
        & (comparison.gaps["measure"] == gap.measure)
    ]
    shown = ["mean", "low", "high", "verdict"]
    of_gap = dict(
        zip(shown, ["gap", "gap_low", "gap_high", "gap_verdict"], strict=True)
    )
    points = pd.concat(
        [
            quality_rows.set_index("method")[shown],
            gaps.set_index("method")[shown].rename(columns=of_gap),
        ],
        axis=1,
    ).reindex(list(methods))
    points = points.dropna(subset=["mean", "gap"])
    wider = 1 if gap_info(gap.metric, gap.measure).direction == "lower" else -1
    points["on_front"] = pareto_front(
        wider * points["gap"], quality(points["mean"], metric)
    )
    return points.sort_values("gap", ascending=wider > 0, kind="stable")


@dataclass(frozen=True)
class Step:
    """A step from a cheaper method of the front to a dearer one: its cost and gain.

    Parameters
    ----------
    cheaper, dearer : str
    ratio : float
        Of their costs, at least 1.
    delta, low, high : float
        The dearer one's metric minus the cheaper one's, and its interval, in the unit
        of the tables; for a bias, of the sizes without sign.
    p : float
        Adjusted for all methods of the comparison.
    verdict, scope : str
        Of the dearer one, as in ``Comparison.cells``.
    """

    cheaper: str
    dearer: str
    ratio: float
    delta: float
    low: float
    high: float
    p: float
    verdict: str
    scope: str = METHOD


def step_pairs(points: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Neighbours on the front of ``cost_points``, cheaper first; then its two ends."""
    front = [str(method) for method in points.index[points["on_front"]]]
    pairs = list(pairwise(front))
    if len(front) > 2:
        pairs.append((front[0], front[-1]))
    return tuple(pairs)


def reference_of(pair: tuple[str, str], baseline: str) -> str:
    """With which of two methods a comparison is made that tells them apart.

    The study's baseline where it is one of the two, so that the verdict is the one of
    every other page; the cheaper one otherwise.
    """
    return baseline if baseline in pair else pair[0]


def compute_step(
    pair: tuple[str, str], points: pd.DataFrame, comparison: Comparison, metric: str
) -> Step:
    """Cost and gain of the second of a pair against the first.

    ``pair`` is one of ``step_pairs``, ``points`` are from ``cost_points``, ``metric``
    is a key, and ``comparison`` is of all methods, its baseline one of the two.
    """
    cheaper, dearer = pair
    ratio = float(
        points["cost_to_minimise"][dearer] / points["cost_to_minimise"][cheaper]
    )
    is_turned = comparison.baseline == dearer
    row = comparison.row(cheaper if is_turned else dearer, metric)
    delta, low, high = row["delta"], row["delta_low"], row["delta_high"]
    verdict = str(row["verdict"])
    if is_turned:
        delta, low, high = -delta, -high, -low
        verdict = {"better": "worse", "worse": "better"}.get(verdict, verdict)
    return Step(
        cheaper,
        dearer,
        ratio,
        delta,
        low,
        high,
        p=row["p"],
        verdict=verdict,
        scope=str(row["scope"]),
    )
