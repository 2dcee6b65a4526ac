"""Figures and sentences of the Cost page: quality against what it costs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.comparison import Comparison
from core.evaluation.cost import COSTS, SETTINGS, CostInfo, Spread, ratio_text
from core.evaluation.metrics import MetricInfo
from core.evaluation.pareto import EQUAL_COST, Step
from core.evaluation.verdicts import MODEL
from core.plots.cost_axis import CostAxis, build_cost_axis
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import interval, p_value, signed, verdict_mark
from core.plots.look import INK, Look, MethodStyle, faded, letters_of, place_sign
from core.plots.overview import (
    BETTER_SIDE,
    axis_title,
    shown_rows,
    with_unit,
)
from core.plots.traces import build_marks, error_bar, front_line, sign_at
from core.text import listed, number

# Ratio of the greatest to the least cost from which a logarithmic axis is offered,
# and from which it is there unasked.
WIDE, VERY_WIDE = 4.0, 20.0
# Shares of the chart within which two letters would cover each other.
NEAR = 0.05
# Costs whose spread over the runs is worth a column of its own.
SPREAD_SHOWN = ("training_seconds", "images_per_second", "inference_ms")


def front_signs(points: pd.DataFrame) -> dict[str, str]:
    """Sign of each method on the front of ``front.cost_points``, cheapest first."""
    members = points.index[points["on_front"]]
    return {str(method): place_sign(i) for i, method in enumerate(members, start=1)}


def is_equal(points: pd.DataFrame) -> bool:
    """Whether all methods cost the same, as near as it is told apart."""
    return cost_ratio(points) <= EQUAL_COST


def cost_ratio(points: pd.DataFrame) -> float:
    """Greatest cost over the least; 1 where nothing is known."""
    if points.empty:
        return 1.0
    return float(points["cost_to_minimise"].max() / points["cost_to_minimise"].min())


def seed_points(
    comparison: Comparison, per_run: pd.DataFrame, metric: MetricInfo, cost: CostInfo
) -> pd.DataFrame:
    """Metric and cost of each run, in the unit in which they are shown.

    Returns
    -------
    DataFrame
        Columns ``method``, ``seed``, ``cost``, ``value``; without the methods that
        have one run only, and without what is unknown.
    """
    values = comparison.runs[metric.key].rename("value").reset_index()
    costs = per_run[["method", "seed", cost.key]].rename(columns={cost.key: "cost"})
    rows = values.merge(costs, on=["method", "seed"]).dropna()
    rows = rows[rows.groupby("method")["seed"].transform("size") > 1]
    rows["cost"] *= cost.factor
    rows["value"] *= metric.factor
    if metric.direction == "zero":
        rows["value"] = rows["value"].abs()
    return rows


@escapes_names
def plot_cost(
    points: pd.DataFrame,
    seeds: pd.DataFrame,
    metric: MetricInfo,
    cost: CostInfo,
    look: Look,
    *,
    logarithmic: bool = False,
) -> go.Figure:
    """Quality with its interval against one cost, with the front drawn.

    Parameters
    ----------
    points : DataFrame
        From ``front.cost_points``.
    seeds : DataFrame
        From ``seed_points``; drawn small.
    metric, cost
        The axes; of a bias, its size without sign is drawn.
    look : Look
        How each method is drawn and called.
    logarithmic : bool
        Of the cost.

    Notes
    -----
    Signs that would cover each other are moved apart sideways, as little as need be,
    in their order and never far; what the pointer shows are the true numbers.
    """
    equal = is_equal(points)
    shown = _in_units(points, metric)
    # Where cost tells nothing apart, the best stands first.
    by = {"by": "quality", "ascending": False} if equal else {"by": "cost"}
    shown = shown.sort_values(**by, kind="stable")
    seeds = seeds[seeds["method"].isin(shown.index)]
    axis = build_cost_axis(
        shown["cost"].to_numpy(np.float64) * cost.factor,
        seeds["cost"].to_numpy(np.float64),
        shown.index.get_indexer(seeds["method"]),
        equal=equal,
        logarithmic=logarithmic,
    )
    shown["x"] = axis.places
    signs = front_signs(points)
    letters = letters_of([method for method in shown.index if method not in signs])
    front = shown.loc[list(signs)]
    places = axis.drawn(front["x"].to_numpy(np.float64))
    line = front_line(places, front["mean"].to_numpy())
    traces = [line] if len(front) > 1 else []
    if not seeds.empty:
        traces.append(_seed_trace(seeds, metric, cost, axis, look))
    for method, sign in (signs | letters).items():
        traces.append(
            _method_trace(
                shown.loc[method],
                f"{sign} {look.labels[method]}".strip(),
                metric,
                cost,
                axis,
                look.styles[method],
            )
        )
    up = 1 if metric.direction == "higher" else -1
    left = -1 if cost.direction == "lower" else 1
    sides = _letter_sides(shown.loc[list(letters)], shown, -left)
    cheaper = "" if equal else f"<br>{_cheaper(cost)}"
    return build_figure(
        traces,
        # Room for a legend of a line a method, as it is on a phone.
        height=400 + 30 * len(shown),
        xaxis={"title": {"text": f"{cost.heading}{cheaper}"}, **axis.layout},
        yaxis={"title": {"text": f"{_quality_title(metric)}<br>{_better(metric)}"}},
        annotations=[
            # The badges stand towards the corner where nothing can be, the better one.
            *(
                sign_at(sign, shown["x"][m], shown["mean"][m], 17 * left, 17 * up, 22)
                for m, sign in signs.items()
            ),
            *(
                sign_at(sign, shown["x"][m], shown["mean"][m], 14 * sides[m], -12 * up)
                for m, sign in letters.items()
            ),
        ],
    )


def _letter_sides(
    lettered: pd.DataFrame, shown: pd.DataFrame, usual: int
) -> dict[str, int]:
    """Whether a letter stands right (1) or left (-1) of its mark: as usual.

    Of two marks in nearly one place, the letters stand on either side.
    """
    width = NEAR * (shown["x"].max() - shown["x"].min())
    height = NEAR * (shown["high"].max() - shown["low"].min())
    sides: dict[str, int] = {}
    for method, row in lettered.sort_values("x", ascending=usual < 0).iterrows():
        near = [
            other
            for other in sides
            if abs(lettered["x"][other] - row["x"]) <= width
            and abs(lettered["mean"][other] - row["mean"]) <= height
        ]
        sides[str(method)] = -usual if near else usual
    return sides


def _in_units(points: pd.DataFrame, metric: MetricInfo) -> pd.DataFrame:
    """The metric in the unit in which it is shown; a bias without its sign."""
    names = ["mean", "low", "high"]
    shown = points.assign(**{name: points[name] * metric.factor for name in names})
    if metric.direction == "zero":
        ends = shown[["low", "high"]].abs()
        across = (shown["low"] < 0) & (shown["high"] > 0)
        shown["mean"] = shown["mean"].abs()
        shown["low"] = ends.min(axis=1).where(~across, 0.0)
        shown["high"] = ends.max(axis=1)
    return shown


def _quality_title(metric: MetricInfo) -> str:
    title = axis_title(metric)
    return f"{title}, without sign" if metric.direction == "zero" else title


def _better(metric: MetricInfo) -> str:
    return BETTER_SIDE["lower" if metric.direction != "higher" else "higher"]


def _cheaper(cost: CostInfo) -> str:
    return "◀ cheaper" if cost.direction == "lower" else "cheaper ▶"


def _seed_trace(
    runs: pd.DataFrame, metric: MetricInfo, cost: CostInfo, axis: CostAxis, look: Look
) -> dict[str, Any]:
    """The single runs of all methods as small dots."""
    colours = [faded(look.styles[method].colour, 0.6) for method in runs["method"]]
    return build_marks(
        axis.drawn(axis.runs),
        runs["value"].to_numpy(),
        {"color": colours, "size": 7},
        name="Single seeds",
        hovertemplate=[
            _hover(
                f"{look.labels[run['method']]}</b>, seed {run['seed']}",
                run["cost"] / cost.factor,
                with_unit(number(run["value"], metric.digits), metric.unit),
                metric,
                cost,
            )
            for run in runs.to_dict("records")
        ],
    )


def _method_trace(
    row: pd.Series,
    name: str,
    metric: MetricInfo,
    cost: CostInfo,
    axis: CostAxis,
    style: MethodStyle,
) -> dict[str, Any]:
    """A method's mean with its interval."""
    marker = style.mark(18 if row["on_front"] else 14)
    if row["on_front"]:
        # Of a hollow one Plotly draws the outline in the method's colour.
        marker["line"] = {"color": INK, "width": 3}
    score = with_unit(number(row["mean"], metric.digits), metric.unit)
    between = interval(row["low"], row["high"], metric.digits)
    return build_marks(
        axis.drawn(np.array([row["x"]])),
        [row["mean"]],
        marker,
        name=name,
        error_y=error_bar(
            row["mean"], row["low"], row["high"], faded(style.colour, 0.75)
        ),
        hovertemplate=_hover(
            f"{name}</b>{', on the front' if row['on_front'] else ''}",
            row["cost"],
            f"{score} {between}",
            metric,
            cost,
        ),
    )


def _hover(
    who: str, spent: float, score: str, metric: MetricInfo, cost: CostInfo
) -> str:
    """What the pointer shows; ``who`` begins in bold."""
    return (
        f"<b>{who}<br>{cost.label}: {cost.format(spent, unit=True)}<br>"
        f"{metric.label}: {score}<extra></extra>"
    )


def front_takeaway(
    points: pd.DataFrame,
    steps: Sequence[Step],
    metric: MetricInfo,
    cost: CostInfo,
    labels: Mapping[str, str],
    *,
    spread: Spread | None = None,
    elsewhere: Collection[Step] = (),
) -> str:
    """Which methods are on the front, and whether its dear end is worth its cost.

    Parameters
    ----------
    points : DataFrame
        From ``front.cost_points``, at least two rows.
    steps : sequence of Step
        Of ``front.step_pairs``; the last one is between the two ends.
    spread : Spread, optional
        Of the times behind this cost.
    elsewhere : collection of Step
        Those whose two methods were timed on different machines.
    """
    signs = front_signs(points)
    count = len(points)
    if is_equal(points):
        return _equal_takeaway(points, metric, cost, labels)
    warning = ""
    if spread and cost_ratio(points) <= spread.factor:
        warning = (
            f"No two of these methods differ more in {cost.phrase} than runs of one "
            f"network do here (by {ratio_text(spread.factor)} times): the differences "
            "may be the machine's and not the methods'. "
        )
        spread = None
    if len(signs) == 1:
        return (
            f"{warning}By the point estimates, {labels[next(iter(signs))]} is "
            f"alone on the front: of {count} methods, none is cheaper in {cost.phrase} "
            f"and none has a better {metric.phrase}."
        )
    members = listed([f"{sign} {labels[method]}" for method, sign in signs.items()])
    said = (
        f"{warning}{len(signs)} of {count} methods are on the front, by the point "
        f"estimates, cheapest first: {members}."
    )
    last = step_sentence(
        steps[-1],
        metric,
        cost,
        labels,
        spread=spread,
        is_elsewhere=steps[-1] in elsewhere,
    )
    return f"{said} {last}"


def _equal_takeaway(
    points: pd.DataFrame,
    metric: MetricInfo,
    cost: CostInfo,
    labels: Mapping[str, str],
) -> str:
    best = points["quality"].idxmax()
    row = points.loc[best]
    value = metric.format(row["mean"], unit=True)
    told = {
        "better": ", certainly better than the baseline",
        "equivalent": ", equivalent to the baseline",
        "inconclusive": ", but no difference from the baseline can be told",
    }.get(str(row["verdict"]), "")
    return (
        f"All {len(points)} methods cost the same in {cost.phrase} "
        f"({cost.format(points['cost'].median(), unit=True)}, within "
        f"{100 * (EQUAL_COST - 1):.0f} %), so cost does not decide between them. On "
        f"{metric.phrase}, {labels[best]} is best by the point estimate ({value})"
        f"{told}."
    )


def step_sentence(
    step: Step,
    metric: MetricInfo,
    cost: CostInfo,
    labels: Mapping[str, str],
    *,
    spread: Spread | None = None,
    is_elsewhere: bool = False,
) -> str:
    """What the dearer of two methods costs and buys, and whether that can be told."""
    said = (
        f"{labels[step.dearer]} takes {ratio_text(step.ratio)} times the "
        f"{cost.phrase} of {labels[step.cheaper]}"
    )
    if is_elsewhere:
        said += ", timed on another machine, so that this ratio says little,"
    elif spread and step.ratio < spread.factor:
        said += ", a ratio that runs of one network show here by themselves,"
    if step.verdict == "equivalent":
        return f"{said}, and the two are equivalent in {metric.phrase}."
    if step.verdict not in ("better", "worse"):
        return (
            f"{said} and no difference in {metric.phrase} between the two was detected."
        )
    size = metric.format(abs(step.delta))
    amount = with_unit(size, metric.difference_unit)
    closer = ("nearer to zero", "farther from zero")
    down, up = closer if metric.direction == "zero" else ("lower", "higher")
    whose = " as a trained model" if step.scope == MODEL else ""
    return (
        f"{said} and is certainly {step.verdict}{whose}: {metric.phrase} {amount} "
        f"{down if step.delta < 0 else up}."
    )


def steps_table(
    steps: Sequence[Step],
    points: pd.DataFrame,
    metric: MetricInfo,
    cost: CostInfo,
    labels: Mapping[str, str],
    *,
    elsewhere: Collection[Step] = (),
) -> pd.DataFrame:
    """A row a step along the front: its cost, its gain, and whether that is certain.

    Cells hold Markdown; ``elsewhere`` as in ``front_takeaway``.
    """
    signs = front_signs(points)
    rows = []
    for step in steps:
        ends = [cost.format(points["cost"][m]) for m in (step.cheaper, step.dearer)]
        factor = metric.factor
        delta, low, high = (v * factor for v in (step.delta, step.low, step.high))
        gain = with_unit(signed(delta, metric.digits), metric.difference_unit)
        between = interval(low, high, metric.digits)
        rows.append(
            {
                "Step": " → ".join(
                    f"{signs[method]} {labels[method]}"
                    for method in (step.cheaper, step.dearer)
                ),
                "Is it real?": verdict_mark(asdict(step)),
                f"Difference in {metric.label}": f"{gain} {between}",
                "p": p_value(step.p),
                cost.heading: f"{ends[0]} → {ends[1]}",
                "Times the cost": ratio_text(step.ratio)
                + (" (another machine)" if step in elsewhere else ""),
            }
        )
    return pd.DataFrame(rows)


def steps_takeaway(
    steps: Sequence[Step], metric: MetricInfo, labels: Mapping[str, str]
) -> str:
    """How many steps from neighbour to neighbour buy a difference that can be told."""
    neighbours = steps[:-1] if len(steps) > 1 else steps
    certain = [step for step in neighbours if step.verdict == "better"]
    count = len(neighbours)
    if certain:
        to = listed([f"to {labels[step.dearer]}" for step in certain])
        return (
            f"{len(certain)} of {count} {'step' if count == 1 else 'steps'} along the "
            f"front {'buys' if len(certain) == 1 else 'buy'} a certain gain in "
            f"{metric.phrase}: {to}."
        )
    if count == 1:
        return (
            f"The one step along the front buys no difference in {metric.phrase} that "
            "these images and seeds can tell."
        )
    said = (
        f"None of the {count} steps from neighbour to neighbour buys a difference in "
        f"{metric.phrase} that these images and seeds can tell"
    )
    if steps[-1].verdict == "better":
        dear, cheap = (labels[m] for m in (steps[-1].dearer, steps[-1].cheaper))
        return f"{said}; from end to end, from {cheap} to {dear}, the gain is certain."
    return f"{said}, nor does the way from end to end."


def left_out_note(points: pd.DataFrame, look: Look, cost: CostInfo) -> str:
    """Name the methods that are not drawn; empty where all are."""
    missing = [
        look.labels[method] for method in look.methods if method not in points.index
    ]
    if not missing:
        return ""
    return (
        f"Not drawn, since the {cost.label.lower()} or the metric is unknown: "
        f"{listed(missing)}."
    )


def costs_frame(
    costs: pd.DataFrame,
    points: pd.DataFrame,
    metric_rows: pd.DataFrame,
    metric: MetricInfo,
    look: Look,
) -> pd.DataFrame:
    """Every cost of every method, as a reader sees it: a row a method.

    Parameters
    ----------
    costs : DataFrame
        From ``cost.cost_table``.
    points : DataFrame
        From ``front.cost_points``, for the signs of the front.
    metric_rows : DataFrame
        ``Comparison.table``.
    look : Look
        Which methods are shown, and how.

    Returns
    -------
    DataFrame
        Numbers, NaN where unknown, in the units of the headings; the spread is the
        standard deviation over the runs.
    """
    rows = shown_rows(metric_rows, metric).reindex(list(look.methods))
    costs = costs.reindex(list(look.methods))
    signs = front_signs(points)
    columns: dict[str, Any] = {
        "Method": [look.labels[method] for method in look.methods],
        "Front": [signs.get(method, "") for method in look.methods],
        axis_title(metric): rows["mean"].round(metric.digits).to_numpy(),
        "95 % interval": [
            interval(low, high, metric.digits)
            for low, high in zip(rows["low"], rows["high"], strict=True)
        ],
    }
    for info in COSTS.values():
        columns[info.heading] = costs[info.key].to_numpy() * info.factor
        if info.key in SPREAD_SHOWN:
            spread = costs[f"{info.key}_sd"].to_numpy() * info.factor
            columns[spread_heading(info)] = spread
    columns["Runs"] = costs["runs"].to_numpy()
    for key, heading in SETTINGS.items():
        columns[heading.capitalize()] = costs[key].replace("", np.nan).to_numpy()
    return pd.DataFrame(columns)


def spread_heading(info: CostInfo) -> str:
    """Heading of the column with a cost's standard deviation."""
    return f"± {info.unit}"


def paid_takeaway(
    points: pd.DataFrame,
    cost: CostInfo,
    labels: Mapping[str, str],
    references: Mapping[str, str],
    *,
    spread: Spread | None = None,
    is_elsewhere: bool = False,
) -> str:
    """How far apart the costs are, and what the certainly better methods pay.

    Parameters
    ----------
    points : DataFrame
        From ``cost_points``.
    cost : CostInfo
    labels : mapping
        What a reader sees for each method.
    references : mapping of str to str
        The method that each is compared with.
    spread : Spread, optional
        How far apart runs of one network were timed: a ratio within it is no method's.
    is_elsewhere : bool
        Whether these methods were timed on different machines, so that no ratio of
        their times says anything.
    """
    if len(points) < 2:
        return f"There are not two methods here whose {cost.phrase} is known."
    if is_equal(points):
        within = f"{100 * (EQUAL_COST - 1):.0f} %"
        return f"All {len(points)} methods are equal in {cost.phrase}, within {within}."
    better = [str(m) for m in points.index[points["verdict"] == "better"]]
    none = "no method is certainly better than the baseline here"
    burden, own = points["cost_to_minimise"], spread.factor if spread else 1.0
    named = listed([labels[m] for m in better])
    if is_elsewhere:
        told = f"certainly better: {named}" if better else none
        return (
            f"These methods were timed on different machines, so their {cost.phrase} "
            f"cannot be compared; {told}."
        )
    ratio = cost_ratio(points)
    sentence = (
        f"The {cost.phrase} differs by a factor of {number(ratio, 2)}, "
        f"from {labels[burden.idxmin()]} to {labels[burden.idxmax()]}"
    )
    if ratio < own:
        told = f"certainly better: {named}" if better else none
        return (
            f"{sentence}, and runs of one network differ by {number(own, 2)} here by "
            f"themselves: these times tell no method from another; {told}."
        )
    if spread:
        sentence += (
            f", where runs of one network differ by {number(own, 2)} by themselves"
        )
    if not better:
        return f"{sentence}; {none}."
    if not {references[m] for m in better} <= set(points.index):
        return f"{sentence}."
    paid = [_paid(labels[m], burden[m] / burden[references[m]], own) for m in better]
    return f"{sentence}; certainly better: {listed(paid)}."


def _paid(label: str, ratio: float, own: float) -> str:
    """What a method costs beside the baseline, as far as times can tell."""
    if max(ratio, 1 / ratio) < own:
        return f"{label} at about the baseline's time, as far as times can tell"
    return f"{label} at {number(ratio, 2)} times the baseline's"
