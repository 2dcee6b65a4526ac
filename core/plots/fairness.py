"""Figures and sentences of the Fairness page: groups, what they differ by, for whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.comparison import Comparison
from core.evaluation.gaps import gap_info
from core.evaluation.metrics import MetricInfo, in_unit
from core.evaluation.verdicts import BASELINE, SMALL_GROUP
from core.language import N_, gettext, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import interval, valued
from core.plots.look import (
    FAINT_COLOUR,
    INK,
    MARKERS,
    METHOD_COLOURS,
    STRIPE_COLOUR,
    Look,
    faded,
)
from core.plots.overview import BETTER_SIDE, axis_title
from core.plots.traces import build_band, build_marks, build_note, error_bar
from core.results.sentences import about_models, compared_with
from core.tasks import Task
from core.text import listed, number

NAMED_GROUPS = len(METHOD_COLOURS)
"""Groups up to which each has its own colour and mark."""
SPREAD, LOWERED = 0.56, 0.16
"""How far apart, in units of one method, its groups stand, and how far below its
name."""


def shown_groups(
    comparison: Comparison, info: MetricInfo, methods: Sequence[str]
) -> pd.DataFrame:
    """Rows of one metric in the groups with images, as it is shown.

    Returns
    -------
    DataFrame
        As ``Comparison.groups``, with ``mean``, ``low`` and ``high`` in the
        metric's unit; methods in the order given.
    """
    table = comparison.groups
    rows = table[(table["metric"] == info.key) & table["method"].isin(methods)]
    rows = rows[rows["images"] > 0]
    order = {method: place for place, method in enumerate(methods)}
    rows = rows.assign(place=rows["method"].map(order)).sort_values(
        "place", kind="stable"
    )
    scaled = {name: rows[name] * info.factor for name in ("mean", "low", "high")}
    return rows.assign(**scaled).drop(columns="place").reset_index(drop=True)


@escapes_names
def plot_groups(comparison: Comparison, info: MetricInfo, look: Look) -> go.Figure:
    """A row a method: its metric in each group with the interval, and of all images.

    Parameters
    ----------
    comparison : Comparison
    info : MetricInfo
        The metric.
    look : Look
        Which methods are shown, and how.

    Notes
    -----
    More than ``NAMED_GROUPS`` groups are dots of one colour, but for the lowest and
    the highest of each method. A hollow mark rests on fewer than ``SMALL_GROUP``
    images.
    """
    rows = shown_groups(comparison, info, look.methods)
    places = {method: float(place) for place, method in enumerate(look.methods)}
    groups = list(dict.fromkeys(rows["group"]))
    few = len(groups) <= NAMED_GROUPS
    if few:
        traces = [
            _group_trace(
                rows[rows["group"] == group],
                places,
                info,
                look.labels,
                place,
                len(groups),
            )
            for place, group in enumerate(groups)
        ]
    else:
        traces = _crowd_traces(comparison, rows, places, info, look.labels)
    traces.append(_overall_trace(comparison, places, info, look.labels))
    lanes = min(len(groups), NAMED_GROUPS) if few else 2
    return build_figure(
        traces,
        height=150 + 24 * len(groups) * few + len(look.methods) * (34 + 14 * lanes),
        xaxis={"title": {"text": _titled(info)}},
        yaxis={
            "showticklabels": False,
            "range": [len(look.methods) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
        shapes=[_stripe(place) for place in range(0, len(look.methods), 2)],
        annotations=[
            _name(look.labels[method], place) for method, place in places.items()
        ],
    )


def _name(label: str, place: float) -> dict[str, Any]:
    """A method's name within its row: beside it, it would take half of a phone."""
    return build_note(
        f"<b>{label}</b>",
        0,
        place - 0.5,
        xref="paper",
        xanchor="left",
        xshift=4,
        yanchor="top",
    )


def _titled(info: MetricInfo) -> str:
    better = BETTER_SIDE.get(info.direction, N_("neither side is better"))
    return f"{axis_title(info)}<br>{gettext(better)}"


def _stripe(place: int) -> dict[str, Any]:
    return build_band("y", place - 0.5, place + 0.5, STRIPE_COLOUR)


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
    group, n = rows["group"].iloc[0], int(rows["images"].iloc[0])
    return build_marks(
        rows["mean"].to_numpy(),
        [places[method] + offset for method in rows["method"]],
        {
            "color": colour,
            "size": 11,
            "symbol": [
                f"{marker}-open" if small else marker for small in rows["small"]
            ],
            "line": {"width": 2, "color": colour},
        },
        name=f"{group} (n {number(n, 0)})",
        error_x=_bars(rows, colour),
        hovertemplate=_hovers(rows, info, labels),
    )


def _bars(rows: pd.DataFrame, colour: str) -> dict[str, Any]:
    fine = faded(colour, 0.7)
    return error_bar(rows["mean"], rows["low"], rows["high"], fine, width=0)


def _hovers(
    rows: pd.DataFrame, info: MetricInfo, labels: Mapping[str, str], word: str = ""
) -> list[str]:
    texts = []
    for row in rows.to_dict("records"):
        which = f", {word}" if word else ""
        lines = [
            f"<b>{row['group']}</b>{which}, {labels[row['method']]}",
            valued(info, row["mean"], row["low"], row["high"]),
            _images_text(row, info),
        ]
        if row["small"]:
            lines.append(gettext("fewer than {few}: too few to tell", few=SMALL_GROUP))
        texts.append(f"{'<br>'.join(lines)}<extra></extra>")
    return texts


def _images_text(row: Mapping[Any, Any], info: MetricInfo) -> str:
    """Images of a group, and how many of them the metric rests on, where it differs."""
    images, n = int(row["images"]), int(row["n"])
    if n == images:
        return ngettext("{count} image", "{count} images", images)
    return ngettext(
        "{count} image, {metric} on {n}",
        "{count} images, {metric} on {n}",
        images,
        metric=info.label,
        n=n,
    )


def _crowd_traces(
    comparison: Comparison,
    rows: pd.DataFrame,
    places: Mapping[str, float],
    info: MetricInfo,
    labels: Mapping[str, str],
) -> list[dict[str, Any]]:
    """All groups as faint dots, and the two ends of each method."""
    traces: list[dict[str, Any]] = [
        build_marks(
            rows["mean"].to_numpy(),
            [places[method] + LOWERED for method in rows["method"]],
            {
                "color": FAINT_COLOUR,
                "size": 9,
                "symbol": [
                    "circle-open" if small else "circle" for small in rows["small"]
                ],
                "line": {"width": 1.5, "color": FAINT_COLOUR},
            },
            name=gettext("Each of {count} groups", count=rows["group"].nunique()),
            hovertemplate=_hovers(rows, info, labels),
        )
    ]
    ends = comparison.gaps[
        (comparison.gaps["metric"] == info.key)
        & (comparison.gaps["measure"] == "difference")
    ].set_index("method")
    lowest = gettext("Lowest group"), gettext("lowest")
    highest = gettext("Highest group"), gettext("highest")
    for column, (name, word), marker, colour, offset in (
        ("lowest", lowest, "triangle-left", METHOD_COLOURS[1], -SPREAD / 4),
        ("highest", highest, "triangle-right", METHOD_COLOURS[0], SPREAD / 4),
    ):
        named = rows["group"] == rows["method"].map(ends[column])
        own = rows[named]
        traces.append(
            build_marks(
                own["mean"].to_numpy(),
                [places[method] + offset + LOWERED for method in own["method"]],
                {"color": colour, "size": 12, "symbol": marker},
                name=name,
                error_x=_bars(own, colour),
                hovertemplate=_hovers(own, info, labels, word),
            )
        )
    return traces


def _overall_trace(
    comparison: Comparison,
    places: Mapping[str, float],
    info: MetricInfo,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    rows = comparison.table
    rows = rows[rows["metric"] == info.key].set_index("method")
    rows = rows.loc[list(places), ["mean", "low", "high"]] * info.factor
    name = gettext("All images")
    return build_marks(
        rows["mean"].to_numpy(),
        [place + LOWERED for place in places.values()],
        {
            "symbol": "line-ns-open",
            "size": 20,
            "color": INK,
            "line": {"width": 2.5},
        },
        name=name,
        hovertemplate=[
            f"<b>{name}</b>, {labels[method]}<br>"
            f"{valued(info, row['mean'], row['low'], row['high'])}<extra></extra>"
            for method, row in rows.iterrows()
        ],
    )


def groups_takeaway(
    comparison: Comparison, info: MetricInfo, look: Look, tasks: tuple[Task, ...] = ()
) -> str:
    """What the baseline's groups differ by, and which methods certainly change that."""
    base = comparison.row(comparison.baseline, info.key, "difference")
    gap = gap_info(info.key, "difference", tasks)
    if not np.isfinite(base["mean"]):
        said = gettext(
            "With {method} there are no two groups whose {metric} rests on at least "
            "{few} images, so no gap can be told.",
            method=look.labels[comparison.baseline],
            metric=info.phrase,
            few=SMALL_GROUP,
        )
        if len(_features(comparison)) < 2:
            return said
        fewer = gettext("Choose fewer features.")
        return f"{said} {fewer}"
    own = shown_groups(comparison, info, [comparison.baseline]).set_index("group")
    least, most = (
        in_unit(number(mean, info.digits), info.plain_unit, mean)
        for mean in (own["mean"][base[end]] for end in ("lowest", "highest"))
    )
    low, high = (base[name] * gap.factor for name in ("low", "high"))
    said = gettext(
        "With {method}, {metric} is {least} in group {lowest} and {most} in group "
        "{highest}: {gap} apart {interval}.",
        method=look.labels[comparison.baseline],
        metric=info.phrase,
        least=least,
        lowest=base["lowest"],
        most=most,
        highest=base["highest"],
        gap=gap.format(base["mean"], unit=True),
        interval=interval(low, high, gap.digits),
    )
    others = [method for method in look.methods if method in comparison.references]
    return (
        f"{said} {_gap_changes(comparison, info.key, gap, others, look.labels)}".strip()
    )


def _features(comparison: Comparison) -> list[str]:
    return list(comparison.grouping.levels.columns)


def _gap_changes(
    comparison: Comparison,
    metric: str,
    gap: MetricInfo,
    others: Sequence[str],
    labels: Mapping[str, str],
) -> str:
    by_verdict: dict[str, list[str]] = {"better": [], "worse": []}
    for method in others:
        row = comparison.row(method, metric, "difference")
        if row["verdict"] in by_verdict:
            change = gap.format(row["delta"], signed=True).replace("-", "−")
            by_verdict[str(row["verdict"])].append(f"{labels[method]} ({change})")
    if not others:
        return ""
    certain = sum(map(len, by_verdict.values()))
    if not certain:
        return _no_change(comparison, [labels[method] for method in others])
    narrower, wider = map(listed, by_verdict.values())
    said = []
    if narrower:
        said.append(
            gettext("The gap is certainly narrower with {methods}.", methods=narrower)
        )
    if wider:
        said.append(
            gettext("The gap is certainly wider with {methods}.", methods=wider)
        )
    rest = len(others) - certain
    if rest == 1:
        said.append(gettext("With the other method no change was detected."))
    elif rest:
        said.append(
            gettext(
                "With the other {count} methods no change was detected.", count=rest
            )
        )
    return about_models(" ".join(said), comparison.gaps)


def _no_change(comparison: Comparison, labels: Sequence[str]) -> str:
    if len(labels) == 1:
        return gettext(
            "With {method}, no change of the gap was detected.", method=labels[0]
        )
    if comparison.counterparts is None:
        return gettext(
            "No change of the gap was detected for the {count} other methods.",
            count=len(labels),
        )
    return gettext(
        "No change of the gap was detected for the {count} methods.",
        count=len(labels),
    )


def seeds_mark(comparison: Comparison, method: str) -> str:
    """How many seeds a method has, where others have more, such as " (1 seed)"."""
    own = len(comparison.seeds[method])
    most = max(map(len, comparison.seeds.values()))
    if own == most:
        return ""
    said = ngettext("{count} seed", "{count} seeds", own)
    return f" ({said})"


def gap_table_takeaway(
    comparison: Comparison, info: MetricInfo, look: Look, tasks: tuple[Task, ...] = ()
) -> str:
    """Which method has the smallest gap, and whether that can be told."""
    gap = gap_info(info.key, "difference", tasks)
    values = {
        method: comparison.row(method, info.key, "difference")["mean"]
        for method in look.methods
    }
    known = {method: value for method, value in values.items() if np.isfinite(value)}
    if not known:
        return gettext("No {gap} can be computed of these groups.", gap=gap.phrase)
    least = min(known, key=known.__getitem__)
    said = gettext(
        "Smallest {gap} by the point estimate: {method} ({value}, at {overall} over "
        "all images).",
        gap=gap.phrase,
        method=look.labels[least],
        value=gap.format(known[least], unit=True),
        overall=_overall(comparison, info, least),
    )
    row = comparison.row(least, info.key, "difference")
    if row["verdict"] == BASELINE and comparison.counterparts is None:
        told = gettext("It is the method that the others are compared with.")
        return f"{said} {told}"
    if least not in comparison.references:
        return said
    reference = comparison.references[least]
    base = {
        "reference": compared_with(comparison, look.labels),
        "overall": _overall(comparison, info, reference),
    }
    if row["verdict"] == "worse":
        told = gettext("That is no gain.")
    elif row["verdict"] == "better":
        told = gettext(
            "This is certainly smaller than that of {reference} (at {overall}).",
            **base,
        )
    else:
        told = gettext(
            "No difference was detected from that of {reference} (at {overall}).",
            **base,
        )
    return f"{said} {told}"


def _overall(comparison: Comparison, info: MetricInfo, method: str) -> str:
    """The metric of all images: a small gap of a useless method is no achievement."""
    rows = comparison.table
    row = rows[(rows["metric"] == info.key) & (rows["method"] == method)].iloc[0]
    return info.format(row["mean"], unit=True)
