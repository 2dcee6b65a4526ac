"""The axis of a chart of costs: where each sign stands so that none covers another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from core.evaluation.pareto import EQUAL_COST
from core.language import gettext, in_form
from core.text import percent

Numbers = NDArray[np.float64]

# Ratio of the greatest to the least cost from which a linear axis begins at zero.
FROM_ZERO = 2.5
# Powers of ten that a logarithmic axis may span and still have 1, 2, 5 as ticks.
FEW_DECADES = 1.3
# Shares of the axis: the distance that two signs should keep, how far one may be
# moved for it, and what is left free beyond the last one.
APART, MOST_MOVED, FREE = 0.018, 0.05, 0.06


@dataclass(frozen=True)
class CostAxis:
    """Where methods and their runs stand on an axis of costs.

    Parameters
    ----------
    places : float64 array, shape (methods,)
        As the axis counts: numbers, or logarithms to the base of ten.
    runs : float64 array, shape (runs,)
        Likewise: as far from their method's place as their costs are apart.
    logarithmic : bool
    layout : dict
        Of Plotly's axis, without its title.
    """

    places: Numbers
    runs: Numbers
    logarithmic: bool
    layout: dict[str, Any]

    def drawn(self, places: Numbers) -> Numbers:
        """Places as a trace takes them; annotations take them as they are."""
        return np.asarray(10**places if self.logarithmic else places, np.float64)


def build_cost_axis(
    costs: Numbers,
    run_costs: Numbers,
    owners: NDArray[np.int64],
    *,
    equal: bool,
    logarithmic: bool,
) -> CostAxis:
    """Place methods and their runs by their costs.

    Parameters
    ----------
    costs : float64 array, shape (methods,)
        Above 0 and ascending, unless they are equal; in the unit of the axis.
    run_costs : float64 array, shape (runs,)
    owners : int array, shape (runs,)
        Which method each run is of.
    equal : bool
        Whether the methods count as of one cost: they then stand side by side, in the
        order given, over that one.
    logarithmic : bool
    """
    if equal:
        return _side_by_side(costs, owners)
    scale = np.log10 if logarithmic else np.asarray
    true, true_runs = scale(costs), scale(run_costs)
    from_zero = not logarithmic and costs[-1] > FROM_ZERO * costs[0]
    low, high = 0.0 if from_zero else float(true[0]), float(true[-1])
    span = high - low
    places = spread_apart(
        true,
        APART * span,
        most_moved=MOST_MOVED * span,
        floor=APART * span if from_zero else -np.inf,
    )
    runs = true_runs - true[owners] + places[owners]
    everything = np.concatenate([places, runs, [low, high]])
    first, last = float(everything.min()), float(everything.max())
    free = FREE * (last - first)
    layout: dict[str, Any] = {
        "range": [first - (0 if from_zero else free), last + free]
    }
    if logarithmic:
        layout |= {"type": "log", **_log_ticks(first, last)}
    return CostAxis(places, runs, logarithmic, layout)


def _side_by_side(costs: Numbers, owners: NDArray[np.int64]) -> CostAxis:
    count = len(costs)
    places = np.arange(count, dtype=np.float64) - (count - 1) / 2.0
    layout = {
        "range": [-count / 2 - 0.5, count / 2 + 0.5],
        "tickvals": [0] if count else [],
        "ticktext": [
            gettext(
                "{cost} for all, within {within}",
                cost=in_form(f"{cost:,.3g}"),
                within=percent(EQUAL_COST - 1),
            )
            for cost in costs[:1]
        ],
        "showgrid": False,
        "zeroline": False,
    }
    return CostAxis(places, places[owners], False, layout)


def _log_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks of a logarithmic axis between two powers of ten, all written alike."""
    # Plotly writes those between the powers as small single digits.
    leading = (1, 2, 5) if high - low < FEW_DECADES else (1, 3)
    powers = range(int(np.floor(low)) - 1, int(np.ceil(high)) + 1)
    ticks = [digit * 10.0**power for power in powers for digit in leading]
    return {"tickvals": ticks, "ticktext": [in_form(f"{tick:,g}") for tick in ticks]}


def spread_apart(
    places: Numbers,
    least: float,
    *,
    most_moved: float = np.inf,
    floor: float = -np.inf,
) -> Numbers:
    """Move numbers apart until neighbours keep a distance, and no more than need be.

    Parameters
    ----------
    places : float64 array, shape (n,)
        Ascending.
    least : float
        The distance.
    most_moved : float
        How far one may be moved; where that is not enough, the distance shrinks.
    floor : float
        Below which none goes that was not there.

    Returns
    -------
    float64 array, shape (n,)
        In the same order, with the least sum of squared moves.

    Notes
    -----
    With i times the distance taken off the i-th, it is the isotonic regression.
    """
    steps = least * np.arange(len(places))
    fitted = isotonic_regression(places - steps).x
    moved = np.asarray(
        np.maximum(fitted, min(floor, float(places[0]))) + steps, np.float64
    )
    if np.abs(moved - places).max() > most_moved:
        return spread_apart(places, 0.8 * least, most_moved=most_moved, floor=floor)
    return moved
