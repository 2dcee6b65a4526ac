"""Figures and sentences of what a smaller gap costs, and who pays for it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.gaps import FAIR_PENALTY
from core.evaluation.levelling_down import (
    BEST_PAID,
    LEVELLED_DOWN,
    NO_RISE,
    OTHERWISE,
    WORST_GAINED,
)
from core.evaluation.metrics import MetricInfo
from core.language import N_, gettext, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import TITLE_LETTERS, broken, build_figure
from core.plots.formatting import interval, signed, valued, verdict_mark
from core.plots.look import (
    FAINT_COLOUR,
    FALLS_COLOUR,
    GRID_COLOUR,
    INK,
    Look,
    MethodStyle,
    faded,
    letters_of,
    place_sign,
)
from core.plots.overview import BETTER_SIDE, axis_title
from core.plots.traces import build_marks, build_note, error_bar, front_line, sign_at
from core.text import clauses, listed, strong

FAR = 5.0
"""Times the median change beyond which a method is left out of the chart."""
REASONS = {
    WORST_GAINED: N_("the worst group gained and the best lost nothing"),
    BEST_PAID: N_("the worst group gained and the best group paid"),
    LEVELLED_DOWN: N_("levelled down: it rose because the better group fell"),
    OTHERWISE: N_("neither the best nor the worst group explains it"),
    NO_RISE: N_("it did not rise"),
}
"""Why the Fair metric changed, in words."""


@escapes_names
def plot_gap_quality(
    points: pd.DataFrame, metric: MetricInfo, gap: MetricInfo, look: Look
) -> go.Figure:
    """Quality of all images against a gap, both with intervals, and the front.

    Parameters
    ----------
    points : DataFrame
        From ``front.gap_points``.
    metric, gap : MetricInfo
        The axes.
    look : Look
        How each method is drawn and called.
    """
    shown = points.assign(
        **{name: points[name] * metric.factor for name in ("mean", "low", "high")},
        **{name: points[name] * gap.factor for name in ("gap", "gap_low", "gap_high")},
    )
    signs = {
        str(method): place_sign(place)
        for place, method in enumerate(shown.index[shown["on_front"]], start=1)
    }
    beside = letters_of([str(m) for m in shown.index if m not in signs])
    front = shown.loc[list(signs)]
    line = front_line(front["gap"].to_numpy(), front["mean"].to_numpy())
    traces = [line] if len(front) > 1 else []
    for method, sign in (signs | beside).items():
        name = f"{sign} {look.labels[method]}"
        traces.append(_point(shown.loc[method], name, metric, gap, look.styles[method]))
    up = 1 if metric.direction == "higher" else -1
    side = -1 if gap.direction == "lower" else 1
    is_lower = gap.direction == "lower"
    smaller = gettext("◀ smaller gap") if is_lower else gettext("better ▶")
    return build_figure(
        traces,
        height=400 + 30 * len(shown),
        xaxis={
            "title": {"text": broken(f"{axis_title(gap)}<br>{smaller}", TITLE_LETTERS)}
        },
        yaxis={
            "title": {
                "text": f"{axis_title(metric)}<br>"
                f"{gettext(BETTER_SIDE[metric.direction])}"
            }
        },
        annotations=[
            *(
                sign_at(sign, shown["gap"][m], shown["mean"][m], 17 * side, 17 * up, 22)
                for m, sign in signs.items()
            ),
            *(
                sign_at(sign, shown["gap"][m], shown["mean"][m], -14 * side, -12 * up)
                for m, sign in beside.items()
            ),
        ],
    )


def _point(
    row: pd.Series, name: str, metric: MetricInfo, gap: MetricInfo, style: MethodStyle
) -> dict[str, Any]:
    marker = style.mark(18 if row["on_front"] else 14)
    if row["on_front"]:
        marker["line"] = {"color": INK, "width": 3}
    colour = faded(style.colour, 0.45)
    lines = [
        _valued(gap, row["gap"], row["gap_low"], row["gap_high"]),
        _valued(metric, row["mean"], row["low"], row["high"]),
    ]
    return build_marks(
        [row["gap"]],
        [row["mean"]],
        marker,
        name=name,
        error_x=_fine_bar(row["gap"], row["gap_low"], row["gap_high"], colour),
        error_y=_fine_bar(row["mean"], row["low"], row["high"], colour),
        hovertemplate=f"<b>{name}</b><br>{'<br>'.join(lines)}<extra></extra>",
    )


def _valued(info: MetricInfo, value: float, low: float, high: float) -> str:
    """A metric with its value and interval."""
    value_said = valued(info, value, low, high)
    return gettext("{name}: {value}", name=info.label, value=value_said)


# Finer than elsewhere: bars cross here in both directions.
_fine_bar = partial(error_bar, thickness=2, width=0)


def gap_quality_takeaway(
    points: pd.DataFrame,
    metric: MetricInfo,
    gap: MetricInfo,
    labels: Mapping[str, str],
    than: str,
) -> str:
    """Who is on the front, and who certainly has the smaller gap at what price.

    ``than`` is what the methods are compared with, in words.
    """
    front = [labels[str(method)] for method in points.index[points["on_front"]]]
    count = len(points)
    if len(front) == 1:
        said = gettext(
            "By the point estimates {method} is alone on the front: of {count} methods "
            "none does better on the gap, and none on {metric}.",
            method=front[0],
            count=count,
            metric=metric.phrase,
        )
    else:
        signed_names = [f"{place_sign(i)} {name}" for i, name in enumerate(front, 1)]
        said = gettext(
            "{on_front} of {count} methods are on the front, by the point estimates, "
            "from the best gap on: {methods}.",
            on_front=len(front),
            count=count,
            methods=listed(signed_names),
        )
    return f"{said} {_narrower_told(points, metric, gap, labels, than)}"


def _narrower_told(
    points: pd.DataFrame,
    metric: MetricInfo,
    gap: MetricInfo,
    labels: Mapping[str, str],
    than: str,
) -> str:
    """Who certainly has the smaller gap, and what becomes of the metric with each."""
    is_lower = gap.direction == "lower"
    narrower = points[points["gap_verdict"] == "better"]
    if narrower.empty and is_lower:
        return gettext(
            "No method has a certainly smaller {gap} than {reference}.",
            gap=gap.phrase,
            reference=than,
        )
    if narrower.empty:
        return gettext(
            "No method has a certainly better {gap} than {reference}.",
            gap=gap.phrase,
            reference=than,
        )
    parts = []
    for verdict in ("better", "equivalent", "inconclusive", "worse"):
        names = [labels[str(m)] for m in narrower.index[narrower["verdict"] == verdict]]
        if names:
            parts.append(_price(verdict, names, metric.phrase))
    if is_lower:
        return ngettext(
            "A certainly smaller {gap} has: {methods}.",
            "A certainly smaller {gap} have: {methods}.",
            len(narrower),
            gap=gap.phrase,
            methods=clauses(parts),
        )
    return ngettext(
        "A certainly better {gap} has: {methods}.",
        "A certainly better {gap} have: {methods}.",
        len(narrower),
        gap=gap.phrase,
        methods=clauses(parts),
    )


def _price(verdict: str, names: Sequence[str], metric: str) -> str:
    """Methods, and what becomes of the metric with them."""
    methods = listed(names)
    if verdict == "better":
        return gettext(
            "{methods}, and a certainly better {metric}", methods=methods, metric=metric
        )
    if verdict == "equivalent":
        return gettext(
            "{methods}, at an equivalent {metric}", methods=methods, metric=metric
        )
    if verdict == "inconclusive":
        return gettext(
            "{methods}, with no certain change of {metric}",
            methods=methods,
            metric=metric,
        )
    return ngettext(
        "{methods}, and pays for it with a certainly worse {metric}",
        "{methods}, and pay for it with a certainly worse {metric}",
        len(names),
        methods=methods,
        metric=metric,
    )


@escapes_names
def plot_levelling(table: pd.DataFrame, look: Look, *, two_groups: bool) -> go.Figure:
    """Change of the worst group against that of the best: who gained and who paid.

    Parameters
    ----------
    table : DataFrame
        From ``levelling_down.levelling``; not empty.
    look : Look
        How each method is drawn and called.
    two_groups : bool
        Of two groups the Fair metric rises above a line, which is drawn then.

    Notes
    -----
    With changes b of the best and w of the worst group and the penalty p, the Fair
    metric of two groups changes by (b + w) / 2 - p (b - w) as long as the best stays
    best: it rises above w = b (p - 1/2) / (p + 1/2).
    """
    ends = table[["best_low", "best_high", "worst_low", "worst_high"]].to_numpy()
    known = ends[np.isfinite(ends)]
    reach = 1.08 * float(np.abs(known).max(initial=0)) or 0.01
    letters = letters_of([str(method) for method in table["method"]])
    traces = [
        build_marks(
            [0],
            [0],
            look.styles[look.baseline].mark(16),
            name=look.labels[look.baseline],
            hovertemplate=f"<b>{look.labels[look.baseline]}</b><extra></extra>",
        )
    ]
    for row in table.to_dict("records"):
        traces.append(_levelling_point(row, letters, look))
    shapes = [_lost(reach), *_axes(reach)]
    if two_groups:
        slope = (FAIR_PENALTY - 0.5) / (FAIR_PENALTY + 0.5)
        shapes.append(_line(-reach, -reach * slope, reach, reach * slope))
    best, worst = table["best_group"].iloc[0], table["worst_group"].iloc[0]
    return build_figure(
        traces,
        height=430 + 26 * len(table),
        xaxis=_change_axis(
            broken(
                gettext(
                    "Change of accuracy in {group}<br>(the baseline's best)", group=best
                ),
                TITLE_LETTERS,
            ),
            reach,
        ),
        yaxis=_change_axis(
            gettext(
                "Change of accuracy in {group}<br>(the baseline's worst)", group=worst
            ),
            reach,
        ),
        shapes=shapes,
        annotations=[
            *_corner_words(reach, two_groups=two_groups),
            *(
                _letter(letters[row["method"]], row)
                for row in table.to_dict("records")
                if np.isfinite(row["best_delta"])
            ),
        ],
    )


def _change_axis(title: str, reach: float) -> dict[str, Any]:
    return {
        "title": {"text": title},
        "range": [-reach, reach],
        "zeroline": False,
    }


def _letter(text: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    return build_note(text, row["best_delta"], row["worst_delta"], xshift=14, yshift=12)


def _levelling_point(
    row: Mapping[Any, Any], letters: Mapping[str, str], look: Look
) -> dict[str, Any]:
    method = str(row["method"])
    style, name = look.styles[method], f"{letters[method]} {look.labels[method]}"
    colour = faded(style.colour, 0.4)
    texts = []
    for end in ("best", "worst"):
        span = interval(row[f"{end}_low"], row[f"{end}_high"])
        change = f"{signed(row[f'{end}_delta'])} {span}"
        group = row[f"{end}_group"]
        texts.append(gettext("{name}: {value}", name=group, value=change))
    texts.append(
        gettext(
            "Fair metric {change}: {reason}",
            change=signed(row["fair_delta"]),
            reason=gettext(REASONS[row["reason"]]),
        )
    )
    return build_marks(
        [row["best_delta"]],
        [row["worst_delta"]],
        style.mark(14),
        name=name,
        error_x=_fine_bar(row["best_delta"], row["best_low"], row["best_high"], colour),
        error_y=_fine_bar(
            row["worst_delta"], row["worst_low"], row["worst_high"], colour
        ),
        hovertemplate=f"<b>{name}</b><br>{'<br>'.join(texts)}<extra></extra>",
    )


def _lost(reach: float) -> dict[str, Any]:
    return {
        "type": "rect",
        "x0": -reach,
        "x1": 0,
        "y0": -reach,
        "y1": 0,
        "fillcolor": FALLS_COLOUR,
        "line": {"width": 0},
        "layer": "below",
    }


def _axes(reach: float) -> list[dict[str, Any]]:
    return [
        _line(-reach, 0, reach, 0, colour=FAINT_COLOUR, dash="solid"),
        _line(0, -reach, 0, reach, colour=FAINT_COLOUR, dash="solid"),
    ]


def _line(
    x0: float, y0: float, x1: float, y1: float, colour: str = INK, dash: str = "dash"
) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "layer": "below",
        "line": {"color": colour, "width": 2, "dash": dash},
    }


def _corner_words(reach: float, *, two_groups: bool) -> list[dict[str, Any]]:
    words = [
        (gettext("both<br>gained"), 1, 1, "right", "top"),
        (gettext("worst gained,<br>best paid"), -1, 1, "left", "top"),
        (gettext("both<br>lost"), -1, -1, "left", "bottom"),
    ]
    if two_groups:
        rises = gettext("Fair metric<br>rises above<br>the dashes")
        words.append((rises, 1, -1, "right", "bottom"))
    return [
        build_note(
            text,
            right * reach,
            up * reach,
            xanchor=x_anchor,
            yanchor=y_anchor,
            align=x_anchor,
            bgcolor=GRID_COLOUR if right + up == -2 else "rgba(0, 0, 0, 0)",
        )
        for text, right, up, x_anchor, y_anchor in words
    ]


def levelling_takeaway(table: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """For which methods the Fair metric rose, and who gained or paid for it."""
    rose = table[table["fair_verdict"] == "better"]
    fell = int((table["fair_verdict"] == "worse").sum())
    who = " ".join(_certain_changes(table, end) for end in ("best", "worst"))
    if rose.empty:
        said = [who, gettext("For no method has the Fair metric certainly risen.")]
        if fell:
            said.append(
                ngettext(
                    "For {count} method it certainly fell.",
                    "For {count} methods it certainly fell.",
                    fell,
                )
            )
        return " ".join(said)
    parts = []
    for reason in (WORST_GAINED, BEST_PAID, LEVELLED_DOWN, OTHERWISE):
        rows = rose[rose["reason"] == reason]
        names = [_risen(row, labels) for row in rows.to_dict("records")]
        if names:
            parts.append(
                gettext(
                    "{methods}: {reason}",
                    methods=listed(names),
                    reason=gettext(REASONS[reason]),
                )
            )
    risen = gettext(
        "The Fair metric certainly rose for {methods}.", methods=clauses(parts)
    )
    return f"{who} {risen}"


def _risen(row: Mapping[Any, Any], labels: Mapping[str, str]) -> str:
    """A method with the change of its Fair metric."""
    label, change = labels[row["method"]], signed(row["fair_delta"])
    if row["certain"]:
        return f"{label} ({change})"
    return gettext(
        "{method} ({change}, the reason uncertain)", method=label, change=change
    )


def _certain_changes(table: pd.DataFrame, end: str) -> str:
    """In how many methods the accuracy of an end group certainly rose or fell."""
    counts = table[f"{end}_verdict"].value_counts()
    group = table[f"{end}_group"].iloc[0]
    rose, fell = (int(counts.get(word, 0)) for word in ("better", "worse"))
    if end == "best":
        return ngettext(
            "In group {group}, the best one before, accuracy certainly rose with "
            "{rose} and fell with {fell} of {count} method.",
            "In group {group}, the best one before, accuracy certainly rose with "
            "{rose} and fell with {fell} of {count} methods.",
            len(table),
            group=group,
            rose=rose or gettext("none"),
            fell=fell or gettext("none"),
        )
    return ngettext(
        "In group {group}, the worst one before, accuracy certainly rose with {rose} "
        "and fell with {fell} of {count} method.",
        "In group {group}, the worst one before, accuracy certainly rose with {rose} "
        "and fell with {fell} of {count} methods.",
        len(table),
        group=group,
        rose=rose or gettext("none"),
        fell=fell or gettext("none"),
    )


def far_out(table: pd.DataFrame) -> pd.Series:
    """Which methods' changes are so large that they would hide all others.

    More than ``FAR`` times the median change of the methods, where there are three or
    more.
    """
    sizes = table[["best_delta", "worst_delta"]].abs().max(axis=1)
    if len(table) < 3:
        return pd.Series(False, index=table.index)
    return sizes > FAR * max(float(sizes.median()), 1e-3)


def levelling_table(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """A row a method: the Fair metric's change, that of both ends, and the reason."""
    rows = []
    for row in table.to_dict("records"):
        cells = {gettext("Method"): strong(labels[row["method"]])}
        worst, best = row["worst_group"], row["best_group"]
        for heading, name in (
            (gettext("Fair metric"), "fair"),
            (gettext("Worst group ({group})", group=worst), "worst"),
            (gettext("Best group ({group})", group=best), "best"),
        ):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            between = interval(low, high)
            verdict = verdict_mark(
                {"verdict": row[f"{name}_verdict"], "scope": row["scope"]}
            )
            cells[heading] = (
                f"{strong(signed(row[f'{name}_delta']))} {between} {verdict}"
            )
        reason = gettext(REASONS[row["reason"]])
        if not row["certain"]:
            reason = gettext("{reason} (not certain)", reason=reason)
        cells[gettext("Why")] = reason
        rows.append(cells)
    return pd.DataFrame(rows)
