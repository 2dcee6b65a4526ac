"""Figures and sentences of the Cost page: quality against what it costs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.comparison import Comparison
from core.evaluation.cost import COSTS, SETTINGS, CostInfo, Spread, ratio_text
from core.evaluation.metrics import MetricInfo, in_unit
from core.evaluation.pareto import EQUAL_COST, Step
from core.evaluation.verdicts import MODEL
from core.language import gettext, ngettext
from core.plots.cost_axis import CostAxis, build_cost_axis
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import interval, p_value, signed, valued, verdict_mark
from core.plots.look import INK, Look, MethodStyle, faded, letters_of, place_sign
from core.plots.overview import (
    BETTER_SIDE,
    axis_title,
    shown_rows,
)
from core.plots.traces import build_marks, error_bar, front_line, sign_at
from core.text import NO_BREAK, clauses, listed, number, percent

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
    if metric.direction == "zero":
        return gettext("{title}, without sign", title=title)
    return title


def _better(metric: MetricInfo) -> str:
    side = "lower" if metric.direction != "higher" else "higher"
    return gettext(BETTER_SIDE[side])


def _cheaper(cost: CostInfo) -> str:
    return gettext("◀ cheaper") if cost.direction == "lower" else gettext("cheaper ▶")


def _seed_trace(
    runs: pd.DataFrame, metric: MetricInfo, cost: CostInfo, axis: CostAxis, look: Look
) -> dict[str, Any]:
    """The single runs of all methods as small dots."""
    colours = [faded(look.styles[method].colour, 0.6) for method in runs["method"]]
    return build_marks(
        axis.drawn(axis.runs),
        runs["value"].to_numpy(),
        {"color": colours, "size": 7},
        name=gettext("Single seeds"),
        hovertemplate=[
            _hover(
                gettext(
                    "{method}, seed {seed}",
                    method="<b>" + look.labels[run["method"]] + "</b>",
                    seed=str(run["seed"]),
                ),
                run["cost"] / cost.factor,
                in_unit(
                    number(run["value"], metric.digits), metric.plain_unit, run["value"]
                ),
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
    score = valued(metric, row["mean"], row["low"], row["high"])
    who = f"<b>{name}</b>"
    if row["on_front"]:
        who = gettext("{method}, on the front", method=who)
    return build_marks(
        axis.drawn(np.array([row["x"]])),
        [row["mean"]],
        marker,
        name=name,
        error_y=error_bar(
            row["mean"], row["low"], row["high"], faded(style.colour, 0.75)
        ),
        hovertemplate=_hover(who, row["cost"], score, metric, cost),
    )


def _hover(
    who: str, spent: float, score: str, metric: MetricInfo, cost: CostInfo
) -> str:
    """What the pointer shows."""
    lines = [
        who,
        gettext(
            "{name}: {value}", name=cost.label, value=cost.format(spent, unit=True)
        ),
        gettext("{name}: {value}", name=metric.label, value=score),
    ]
    return "<br>".join(lines) + "<extra></extra>"


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
    said = []
    if spread and cost_ratio(points) <= spread.factor:
        said.append(
            gettext(
                "No two of these methods differ more in {cost} than runs of one "
                "network do here (by {ratio} times): the differences may be the "
                "machine's and not the methods'.",
                cost=cost.phrase,
                ratio=ratio_text(spread.factor),
            )
        )
        spread = None
    if len(signs) == 1:
        said.append(
            gettext(
                "By the point estimates, {method} is alone on the front: of {count} "
                "methods, none is cheaper in {cost} and none has a better {metric}.",
                method=labels[next(iter(signs))],
                count=count,
                cost=cost.phrase,
                metric=metric.phrase,
            )
        )
        return " ".join(said)
    members = listed([f"{sign} {labels[method]}" for method, sign in signs.items()])
    said.append(
        gettext(
            "{members} of {count} methods are on the front, by the point estimates, "
            "cheapest first: {names}.",
            members=len(signs),
            count=count,
            names=members,
        )
    )
    said.append(
        step_sentence(
            steps[-1],
            metric,
            cost,
            labels,
            spread=spread,
            is_elsewhere=steps[-1] in elsewhere,
        )
    )
    return " ".join(said)


def _equal_takeaway(
    points: pd.DataFrame,
    metric: MetricInfo,
    cost: CostInfo,
    labels: Mapping[str, str],
) -> str:
    best = points["quality"].idxmax()
    row = points.loc[best]
    fields = {
        "metric": metric.phrase,
        "method": labels[best],
        "value": metric.format(row["mean"], unit=True),
    }
    match str(row["verdict"]):
        case "better":
            told = gettext(
                "On {metric}, {method} is best by the point estimate ({value}), "
                "certainly better than the baseline.",
                **fields,
            )
        case "equivalent":
            told = gettext(
                "On {metric}, {method} is best by the point estimate ({value}), "
                "equivalent to the baseline.",
                **fields,
            )
        case "inconclusive":
            told = gettext(
                "On {metric}, {method} is best by the point estimate ({value}), but no "
                "difference from the baseline can be told.",
                **fields,
            )
        case _:
            told = gettext(
                "On {metric}, {method} is best by the point estimate ({value}).",
                **fields,
            )
    same = gettext(
        "All {count} methods cost the same in {cost} ({value}, within {within}), so "
        "cost does not decide between them.",
        count=len(points),
        cost=cost.phrase,
        value=cost.format(points["cost"].median(), unit=True),
        within=percent(EQUAL_COST - 1),
    )
    return f"{same} {told}"


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
    fields = {
        "method": labels[step.dearer],
        "ratio": ratio_text(step.ratio),
        "cost": cost.phrase,
        "other": labels[step.cheaper],
    }
    if is_elsewhere:
        paid = gettext(
            "{method} takes {ratio} times the {cost} of {other}, timed on another "
            "machine, so that this ratio says little,",
            **fields,
        )
    elif spread and step.ratio < spread.factor:
        paid = gettext(
            "{method} takes {ratio} times the {cost} of {other}, a ratio that runs of "
            "one network show here by themselves,",
            **fields,
        )
    else:
        paid = gettext("{method} takes {ratio} times the {cost} of {other}", **fields)
    if step.verdict == "equivalent":
        return gettext(
            "{paid}, and the two are equivalent in {metric}.",
            paid=paid.removesuffix(","),
            metric=metric.phrase,
        )
    if step.verdict not in ("better", "worse"):
        return gettext(
            "{paid} and no difference in {metric} between the two was detected.",
            paid=paid,
            metric=metric.phrase,
        )
    moved = _moved(step, metric)
    if step.verdict == "better":
        if step.scope == MODEL:
            return gettext(
                "{paid} and is certainly better as a trained model: {moved}.",
                paid=paid,
                moved=moved,
            )
        return gettext(
            "{paid} and is certainly better: {moved}.",
            paid=paid,
            moved=moved,
        )
    if step.scope == MODEL:
        return gettext(
            "{paid} and is certainly worse as a trained model: {moved}.",
            paid=paid,
            moved=moved,
        )
    return gettext(
        "{paid} and is certainly worse: {moved}.",
        paid=paid,
        moved=moved,
    )


def _moved(step: Step, metric: MetricInfo) -> str:
    """By how much the dearer method's metric is another, such as "MAE 2.00 lower"."""
    size = in_unit(
        metric.format(abs(step.delta)), metric.plain_difference_unit, step.delta
    )
    fields = {"metric": metric.phrase, "size": size}
    if metric.direction == "zero" and step.delta < 0:
        return gettext("{metric} {size} nearer to zero", **fields)
    if metric.direction == "zero":
        return gettext("{metric} {size} farther from zero", **fields)
    if step.delta < 0:
        return gettext("{metric} {size} lower", **fields)
    return gettext("{metric} {size} higher", **fields)


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
        gain = in_unit(
            signed(delta, metric.digits), metric.plain_difference_unit, delta
        )
        between = interval(low, high, metric.digits)
        ratio = ratio_text(step.ratio)
        if step in elsewhere:
            ratio = gettext("{ratio} (another machine)", ratio=ratio)
        rows.append(
            {
                gettext("Step"): " → ".join(
                    f"{signs[method]} {labels[method]}"
                    for method in (step.cheaper, step.dearer)
                ),
                gettext("Is it real?"): verdict_mark(asdict(step)),
                gettext(
                    "Difference in {metric}", metric=metric.label
                ): f"{gain} {between}",
                gettext("p"): p_value(step.p).replace(" ", NO_BREAK),
                cost.heading: f"{ends[0]} → {ends[1]}",
                gettext("Times the cost"): ratio,
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
        to = [gettext("to {method}", method=labels[step.dearer]) for step in certain]
        fields = {"steps": count, "metric": metric.phrase, "ends": listed(to)}
        if count == 1:
            return gettext(
                "1 of 1 step along the front buys a certain gain in {metric}: {ends}.",
                **fields,
            )
        return ngettext(
            "{count} of {steps} steps along the front buys a certain gain in {metric}: "
            "{ends}.",
            "{count} of {steps} steps along the front buy a certain gain in {metric}: "
            "{ends}.",
            len(certain),
            **fields,
        )
    if count == 1:
        return gettext(
            "The one step along the front buys no difference in {metric} that these "
            "images and seeds can tell.",
            metric=metric.phrase,
        )
    if steps[-1].verdict == "better":
        return gettext(
            "None of the {count} steps from neighbour to neighbour buys a difference "
            "in {metric} that these images and seeds can tell; from end to end, from "
            "{cheap} to {dear}, the gain is certain.",
            count=count,
            metric=metric.phrase,
            cheap=labels[steps[-1].cheaper],
            dear=labels[steps[-1].dearer],
        )
    return gettext(
        "None of the {count} steps from neighbour to neighbour buys a difference in "
        "{metric} that these images and seeds can tell, nor does the way from end to "
        "end.",
        count=count,
        metric=metric.phrase,
    )


def left_out_note(points: pd.DataFrame, look: Look, cost: CostInfo) -> str:
    """Name the methods that are not drawn; empty where all are."""
    missing = [
        look.labels[method] for method in look.methods if method not in points.index
    ]
    if not missing:
        return ""
    return gettext(
        "Not drawn, since the {cost} or the metric is unknown: {methods}.",
        cost=cost.label.lower(),
        methods=listed(missing),
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
        gettext("Method"): [look.labels[method] for method in look.methods],
        gettext("Front"): [signs.get(method, "") for method in look.methods],
        axis_title(metric): rows["mean"].round(metric.digits).to_numpy(),
        gettext("95 % interval"): [
            interval(low, high, metric.digits)
            for low, high in zip(rows["low"], rows["high"], strict=True)
        ],
    }
    for info in COSTS.values():
        columns[info.heading] = costs[info.key].to_numpy() * info.factor
        if info.key in SPREAD_SHOWN:
            spread = costs[f"{info.key}_sd"].to_numpy() * info.factor
            columns[spread_heading(info)] = spread
    columns[gettext("Runs")] = costs["runs"].to_numpy()
    for key in SETTINGS:
        columns[setting_heading(key)] = costs[key].replace("", np.nan).to_numpy()
    return pd.DataFrame(columns)


def setting_heading(key: str) -> str:
    """Heading of the column with one of ``SETTINGS``."""
    return gettext(SETTINGS[key]).capitalize()


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
        return gettext(
            "There are not two methods here whose {cost} is known.", cost=cost.phrase
        )
    if is_equal(points):
        return gettext(
            "All {count} methods are equal in {cost}, within {within}.",
            count=len(points),
            cost=cost.phrase,
            within=percent(EQUAL_COST - 1),
        )
    better = [str(m) for m in points.index[points["verdict"] == "better"]]
    burden, own = points["cost_to_minimise"], spread.factor if spread else 1.0
    named = [labels[m] for m in better]
    if is_elsewhere:
        return gettext(
            "These methods were timed on different machines, so their {cost} cannot be "
            "compared; {better}.",
            cost=cost.phrase,
            better=_certainly_better(named),
        )
    ratio = cost_ratio(points)
    fields = {
        "cost": cost.phrase,
        "factor": number(ratio, 2),
        "least": labels[burden.idxmin()],
        "most": labels[burden.idxmax()],
        "own": number(own, 2),
    }
    if ratio < own:
        return gettext(
            "The {cost} differs by a factor of {factor}, from {least} to {most}, and "
            "runs of one network differ by {own} here by themselves: these times tell "
            "no method from another; {better}.",
            better=_certainly_better(named),
            **fields,
        )
    sentence = gettext(
        "The {cost} differs by a factor of {factor}, from {least} to {most}", **fields
    )
    if spread:
        sentence = gettext(
            "The {cost} differs by a factor of {factor}, from {least} to {most}, where "
            "runs of one network differ by {own} by themselves",
            **fields,
        )
    if better and not {references[m] for m in better} <= set(points.index):
        return f"{sentence}."
    paid = [_paid(labels[m], burden[m] / burden[references[m]], own) for m in better]
    return clauses([sentence, _certainly_better(paid)]) + "."


def _certainly_better(methods: Sequence[str]) -> str:
    """Which methods are certainly better than the baseline, or that none is."""
    if not methods:
        return gettext("no method is certainly better than the baseline here")
    return gettext("certainly better: {methods}", methods=listed(methods))


def _paid(label: str, ratio: float, own: float) -> str:
    """What a method costs beside the baseline, as far as times can tell."""
    if max(ratio, 1 / ratio) < own:
        return gettext(
            "{method} at about the baseline's time, as far as times can tell",
            method=label,
        )
    return gettext(
        "{method} at {ratio} times the baseline's",
        method=label,
        ratio=number(ratio, 2),
    )
