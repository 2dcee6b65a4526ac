"""Figures and sentences of the Fairness page: groups, what they differ by, for whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.compare import SMALL_GROUP
from core.evaluation.fairness import GroupComparison
from core.evaluation.gaps import gap_info
from core.evaluation.metrics import MetricInfo, task_label
from core.plots.escape import escapes_names
from core.plots.overview import BETTER_SIDE, axis_title, with_unit
from core.plots.style import (
    FAINT_COLOUR,
    INK,
    MARKERS,
    METHOD_COLOURS,
    NO_BREAK,
    VERDICT_MARKED,
    build_figure,
    faded,
    interval,
    listed,
    number,
    p_value,
    plural,
    signed,
)
from core.tasks import Task
from core.text import strong

NAMED_GROUPS = len(METHOD_COLOURS)
"""Groups up to which each has its own colour and mark."""
SPREAD, LOWERED = 0.56, 0.16
"""How far apart, in units of one method, its groups stand, and how far below its
name."""
STRIPE_COLOUR = "rgba(128, 128, 128, 0.09)"


def shown_groups(
    comparison: GroupComparison, info: MetricInfo, methods: Sequence[str]
) -> pd.DataFrame:
    """Rows of one metric in the groups with images, as it is shown.

    Returns
    -------
    DataFrame
        As ``GroupComparison.groups``, with ``value``, ``low`` and ``high`` in the
        metric's unit; methods in the order given.
    """
    table = comparison.groups
    rows = table[(table["metric"] == info.key) & table["method"].isin(methods)]
    rows = rows[rows["n"] > 0]
    order = {method: place for place, method in enumerate(methods)}
    rows = rows.assign(place=rows["method"].map(order)).sort_values(
        "place", kind="stable"
    )
    scaled = {name: rows[name] * info.factor for name in ("value", "low", "high")}
    return rows.assign(**scaled).drop(columns="place").reset_index(drop=True)


@escapes_names
def plot_groups(
    comparison: GroupComparison,
    info: MetricInfo,
    methods: Sequence[str],
    labels: Mapping[str, str],
) -> go.Figure:
    """A row a method: its metric in each group with the interval, and of all images.

    Parameters
    ----------
    comparison : GroupComparison
    info : MetricInfo
        The metric.
    methods : sequence of str
        Those shown, from above.
    labels : mapping
        What a reader sees for each method.

    Notes
    -----
    More than ``NAMED_GROUPS`` groups are dots of one colour, but for the lowest and
    the highest of each method. A hollow mark rests on fewer than ``SMALL_GROUP``
    images.
    """
    rows = shown_groups(comparison, info, methods)
    places = {method: float(place) for place, method in enumerate(methods)}
    groups = list(dict.fromkeys(rows["group"]))
    few = len(groups) <= NAMED_GROUPS
    if few:
        traces = [
            _group_trace(
                rows[rows["group"] == group], places, info, labels, place, len(groups)
            )
            for place, group in enumerate(groups)
        ]
    else:
        traces = _crowd_traces(comparison, rows, places, info, labels)
    traces.append(_overall_trace(comparison, places, info, labels))
    lanes = min(len(groups), NAMED_GROUPS) if few else 2
    return build_figure(
        traces,
        height=150 + 24 * len(groups) * few + len(methods) * (34 + 14 * lanes),
        xaxis={"title": {"text": _titled(info)}},
        yaxis={
            "showticklabels": False,
            "range": [len(methods) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
        shapes=[_stripe(place) for place in range(0, len(methods), 2)],
        annotations=[_name(labels[method], place) for method, place in places.items()],
    )


def _name(label: str, place: float) -> dict[str, Any]:
    """A method's name within its row: beside it, it would take half of a phone."""
    return {
        "text": f"<b>{label}</b>",
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "xshift": 4,
        "y": place - 0.5,
        "yanchor": "top",
        "showarrow": False,
    }


def _titled(info: MetricInfo) -> str:
    better = BETTER_SIDE.get(info.direction, "neither side is better")
    return f"{axis_title(info)}<br>{better}"


def _stripe(place: int) -> dict[str, Any]:
    return {
        "type": "rect",
        "x0": 0,
        "x1": 1,
        "xref": "paper",
        "y0": place - 0.5,
        "y1": place + 0.5,
        "fillcolor": STRIPE_COLOUR,
        "line": {"width": 0},
        "layer": "below",
    }


def _group_trace(
    rows: pd.DataFrame,
    places: Mapping[str, float],
    info: MetricInfo,
    labels: Mapping[str, str],
    place: int,
    of: int,
) -> dict[str, Any]:
    """One group in all methods."""
    offset = SPREAD * ((place + 0.5) / of - 0.5) + LOWERED
    colour, marker = METHOD_COLOURS[place], MARKERS[place % len(MARKERS)]
    group, n = rows["group"].iloc[0], int(rows["n"].iloc[0])
    return {
        "type": "scatter",
        "x": rows["value"].to_numpy(),
        "y": [places[method] + offset for method in rows["method"]],
        "name": f"{group} (n {n:,})",
        "mode": "markers",
        "marker": {
            "color": colour,
            "size": 11,
            "symbol": [
                f"{marker}-open" if small else marker for small in rows["small"]
            ],
            "line": {"width": 2, "color": colour},
        },
        "error_x": _bars(rows, faded(colour, 0.7)),
        "hovertemplate": _hovers(rows, info, labels),
    }


def _bars(rows: pd.DataFrame, colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows["high"] - rows["value"]).to_numpy(),
        "arrayminus": (rows["value"] - rows["low"]).to_numpy(),
        "color": colour,
        "thickness": 2.5,
        "width": 0,
    }


def _hovers(
    rows: pd.DataFrame, info: MetricInfo, labels: Mapping[str, str], word: str = ""
) -> list[str]:
    texts = []
    for row in rows.to_dict("records"):
        rests = f", {info.label} on {row['of']:,.0f}" if row["of"] != row["n"] else ""
        few = f"<br>fewer than {SMALL_GROUP}: too few to tell" if row["small"] else ""
        texts.append(
            f"<b>{row['group']}</b>{word}, {labels[row['method']]}<br>"
            f"{with_unit(number(row['value'], info.digits), info.unit)} "
            f"{interval(row['low'], row['high'], info.digits)}"
            f"<br>{plural(int(row['n']), 'image')}{rests}{few}<extra></extra>"
        )
    return texts


def _crowd_traces(
    comparison: GroupComparison,
    rows: pd.DataFrame,
    places: Mapping[str, float],
    info: MetricInfo,
    labels: Mapping[str, str],
) -> list[dict[str, Any]]:
    """All groups as faint dots, and the two ends of each method."""
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": rows["value"].to_numpy(),
            "y": [places[method] + LOWERED for method in rows["method"]],
            "name": f"Each of {rows['group'].nunique()} groups",
            "mode": "markers",
            "marker": {
                "color": FAINT_COLOUR,
                "size": 9,
                "symbol": [
                    "circle-open" if small else "circle" for small in rows["small"]
                ],
                "line": {"width": 1.5, "color": FAINT_COLOUR},
            },
            "hovertemplate": _hovers(rows, info, labels),
        }
    ]
    ends = comparison.gaps[
        (comparison.gaps["metric"] == info.key)
        & (comparison.gaps["measure"] == "difference")
    ].set_index("method")
    for column, name, marker, colour, offset in (
        ("lowest", "Lowest", "triangle-left", METHOD_COLOURS[1], -SPREAD / 4),
        ("highest", "Highest", "triangle-right", METHOD_COLOURS[0], SPREAD / 4),
    ):
        named = rows["group"] == rows["method"].map(ends[column])
        own = rows[named]
        traces.append(
            {
                "type": "scatter",
                "x": own["value"].to_numpy(),
                "y": [places[method] + offset + LOWERED for method in own["method"]],
                "name": f"{name} group",
                "mode": "markers",
                "marker": {"color": colour, "size": 12, "symbol": marker},
                "error_x": _bars(own, faded(colour, 0.7)),
                "hovertemplate": _hovers(own, info, labels, f", {name.lower()}"),
            }
        )
    return traces


def _overall_trace(
    comparison: GroupComparison,
    places: Mapping[str, float],
    info: MetricInfo,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    rows = comparison.overall
    rows = rows[rows["metric"] == info.key].set_index("method")
    rows = rows.loc[list(places), ["value", "low", "high"]] * info.factor
    return {
        "type": "scatter",
        "x": rows["value"].to_numpy(),
        "y": [place + LOWERED for place in places.values()],
        "name": "All images",
        "mode": "markers",
        "marker": {
            "symbol": "line-ns-open",
            "size": 20,
            "color": INK,
            "line": {"width": 2.5},
        },
        "hovertemplate": [
            f"<b>All images</b>, {labels[method]}<br>"
            f"{with_unit(number(row['value'], info.digits), info.unit)} "
            f"{interval(row['low'], row['high'], info.digits)}<extra></extra>"
            for method, row in rows.iterrows()
        ],
    }


def groups_takeaway(
    comparison: GroupComparison,
    info: MetricInfo,
    methods: Sequence[str],
    labels: Mapping[str, str],
    tasks: tuple[Task, ...] = (),
) -> str:
    """What the baseline's groups differ by, and which methods certainly change that."""
    base = comparison.gap(comparison.baseline, info.key, "difference")
    gap = gap_info(info.key, "difference", tasks)
    if not np.isfinite(base["value"]):
        fewer = " Choose fewer features." if len(_features(comparison)) > 1 else ""
        return (
            f"With {labels[comparison.baseline]} there are no two groups whose "
            f"{info.phrase} rests on at least {SMALL_GROUP} images, so no gap can be "
            f"told.{fewer}"
        )
    own = shown_groups(comparison, info, [comparison.baseline]).set_index("group")
    ends = [
        f"{with_unit(number(own['value'][base[end]], info.digits), info.unit)} in "
        f"group {base[end]}"
        for end in ("lowest", "highest")
    ]
    low, high = (base[name] * gap.factor for name in ("low", "high"))
    said = (
        f"With {labels[comparison.baseline]}, {info.phrase} is {ends[0]} and {ends[1]}:"
        f" {gap.format(base['value'], unit=True)} apart"
        f" {interval(low, high, gap.digits)}."
    )
    others = [method for method in methods if method != comparison.baseline]
    return f"{said} {_gap_changes(comparison, info.key, gap, others, labels)}".strip()


def _features(comparison: GroupComparison) -> list[str]:
    return list(comparison.grouping.levels.columns)


def _gap_changes(
    comparison: GroupComparison,
    metric: str,
    gap: MetricInfo,
    others: Sequence[str],
    labels: Mapping[str, str],
) -> str:
    by_verdict: dict[str, list[str]] = {"better": [], "worse": []}
    for method in others:
        row = comparison.change(method, metric, "difference")
        if row is not None and row["verdict"] in by_verdict:
            change = gap.format(row["delta"], signed=True).replace("-", "−")
            by_verdict[str(row["verdict"])].append(f"{labels[method]} ({change})")
    if not others:
        return ""
    certain = sum(map(len, by_verdict.values()))
    if not certain:
        if len(others) == 1:
            return f"With {labels[others[0]]}, no change of the gap can be told."
        return f"For none of the {len(others)} other methods can a change be told."
    parts = [
        f"certainly {word} with {listed(names)}"
        for word, names in zip(("narrower", "wider"), by_verdict.values(), strict=True)
        if names
    ]
    rest = len(others) - certain
    if rest:
        parts.append(
            "with the other method it cannot be told"
            if rest == 1
            else f"with the other {rest} methods it cannot be told"
        )
    return f"The gap is {'; '.join(parts)}."


def gap_table(
    comparison: GroupComparison,
    info: MetricInfo,
    methods: Sequence[str],
    labels: Mapping[str, str],
    tasks: tuple[Task, ...] = (),
) -> pd.DataFrame:
    """A row a method: its end groups, its gaps, and their change; cells in Markdown."""
    measures = [
        measure
        for measure in ("difference", "ratio", "fair_metric")
        if (
            (comparison.gaps["metric"] == info.key)
            & (comparison.gaps["measure"] == measure)
        ).any()
    ]
    rows = []
    for method in methods:
        gap = comparison.gap(method, info.key, "difference")
        row = {
            "Method": strong(labels[method]) + seeds_mark(comparison, method),
            **_end_cells(comparison, info, gap, method),
        }
        for measure in measures:
            about = gap_info(info.key, measure, tasks)
            heading = f"{_short(about, info, tasks)} {_arrow(about)}"
            row[heading] = _gap_cell(comparison, method, info.key, measure, about)
            if measure == "difference":
                row["Change"] = _change_cell(comparison, method, info.key, about)
        rows.append(row)
    return pd.DataFrame(rows)


def seeds_mark(comparison: GroupComparison, method: str) -> str:
    """How many seeds a method has, where others have more, such as " (1 seed)"."""
    own = len(comparison.seeds[method])
    most = max(map(len, comparison.seeds.values()))
    return f" ({plural(own, 'seed')})" if own < most else ""


def _short(about: MetricInfo, info: MetricInfo, tasks: tuple[Task, ...]) -> str:
    """A gap's label without the task, which the page has named already."""
    label = about.label.removeprefix(f"{task_label(info.task, tasks)} ")
    return label[:1].upper() + label[1:]


def _arrow(info: MetricInfo) -> str:
    unit = f"({info.unit}) " if info.unit else ""
    return unit + {"lower": "↓", "higher": "↑"}[info.direction]


def _end_cells(
    comparison: GroupComparison, info: MetricInfo, gap: pd.Series, method: str
) -> dict[str, str]:
    """The two groups that are farthest apart, worst first, with their values."""
    ends = [("Lowest group", "lowest"), ("Highest group", "highest")]
    if info.direction == "higher":
        ends = [("Worst group", "lowest"), ("Best group", "highest")]
    elif info.direction == "lower":
        ends = [("Worst group", "highest"), ("Best group", "lowest")]
    values = shown_groups(comparison, info, [method]).set_index("group")["value"]
    return {
        heading: f"{gap[end]} {number(values[gap[end]], info.digits)}"
        if gap[end]
        else "–"
        for heading, end in ends
    }


def _gap_cell(
    comparison: GroupComparison,
    method: str,
    metric: str,
    measure: str,
    about: MetricInfo,
) -> str:
    gap = comparison.gap(method, metric, measure)
    if not np.isfinite(gap["value"]):
        return "–"
    value, low, high = (gap[n] * about.factor for n in ("value", "low", "high"))
    change = comparison.change(method, metric, measure)
    verdict = "baseline" if change is None else str(change["verdict"])
    between = interval(low, high, about.digits)
    return (
        f"{strong(number(value, about.digits))} {between} {VERDICT_MARKED[verdict]}"
    ).strip()


def _change_cell(
    comparison: GroupComparison, method: str, metric: str, about: MetricInfo
) -> str:
    row = comparison.change(method, metric, "difference")
    if row is None:
        return "baseline"
    if not np.isfinite(row["delta"]):
        return "–"
    if row["delta"] == row["delta_low"] == row["delta_high"] == 0:
        return "none at all"
    delta, low, high = (
        row[name] * about.factor for name in ("delta", "delta_low", "delta_high")
    )
    between = interval(low, high, about.digits)
    p = f"p {p_value(row['p_holm'])}".replace(" ", NO_BREAK)
    return f"{signed(delta, about.digits)} {between}, {p}"


def gap_table_takeaway(
    comparison: GroupComparison,
    info: MetricInfo,
    methods: Sequence[str],
    labels: Mapping[str, str],
    tasks: tuple[Task, ...] = (),
) -> str:
    """Which method has the smallest gap, and whether that can be told."""
    gap = gap_info(info.key, "difference", tasks)
    values = {
        method: comparison.gap(method, info.key, "difference")["value"]
        for method in methods
    }
    known = {method: value for method, value in values.items() if np.isfinite(value)}
    if not known:
        return f"No {gap.phrase} can be computed of these groups."
    least = min(known, key=known.__getitem__)
    said = (
        f"Smallest {gap.phrase} by the point estimate: {labels[least]} "
        f"({gap.format(known[least], unit=True)}, at "
        f"{_overall(comparison, info, least)} over all images)"
    )
    row = comparison.change(least, info.key, "difference")
    base = labels[comparison.baseline]
    if row is None:
        return f"{said}, the method that the others are compared with."
    told = {
        "better": f"certainly smaller than that of {base} (at "
        f"{_overall(comparison, info, comparison.baseline)})",
        "worse": "which is no gain",
        "inconclusive": f"which cannot be told from that of {base} (at "
        f"{_overall(comparison, info, comparison.baseline)})",
    }[str(row["verdict"])]
    return f"{said}, {told}."


def _overall(comparison: GroupComparison, info: MetricInfo, method: str) -> str:
    """The metric of all images: a small gap of a useless method is no achievement."""
    rows = comparison.overall
    row = rows[(rows["metric"] == info.key) & (rows["method"] == method)].iloc[0]
    return info.format(row["value"], unit=True)
