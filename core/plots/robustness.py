"""Answers to corrupted images: by severity, in all, and the pictures themselves."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.data.corruptions import FAMILIES, SEVERITIES
from core.evaluation.metrics import MetricInfo
from core.evaluation.robustness import CLEAN, condition
from core.language import N_, gettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import valued
from core.plots.look import Look, faded
from core.plots.overview import (
    differences_takeaway,
    shown_rows,
)
from core.plots.traces import build_interval_band, build_marks, build_note
from core.text import number

PANEL, LEGEND_LINE = 270, 24
LINE_WIDTH, STRONG_LINE_WIDTH, MARK_SIZE = 1.8, 3.5, 7
BAND_OPACITY, LONE_BAND_OPACITY = 0.08, 0.16
# Methods whose bands can be told apart; of more, the baseline alone has one.
MOST_BANDS = 8
# Of the width and height: panels stand two by two.
_LEFT, _RIGHT = (0.0, 0.47), (0.53, 1.0)
_TOP, _BOTTOM = (0.55, 0.97), (0.0, 0.42)
STRIP, STRIP_GAP = 76, 30
GOES_FROM = N_(
    "{method}: {metric} is {clean} on the images as they are. At severity 5 it is "
    "{worst} in the family {hardest}, which harms it most, and {best} in {easiest}, "
    "which harms it least."
)


def severity_table(groups: pd.DataFrame, info: MetricInfo, look: Look) -> pd.DataFrame:
    """One row a method, family and severity, in the unit of the metric.

    Parameters
    ----------
    groups : DataFrame
        ``Comparison.groups``, by ``robustness.CONDITION``.
    info : MetricInfo
    look : Look
        Which methods are shown.

    Returns
    -------
    DataFrame
        ``method``, ``family``, ``severity`` (0 is the images as they are, the same in
        every family), ``mean``, ``low``, ``high`` and ``n``.
    """
    own = groups[groups["metric"] == info.key]
    known = own.set_index(["method", "group"])
    rows = []
    for method in look.methods:
        if (method, CLEAN) not in known.index:
            continue
        for family in FAMILIES:
            for severity in (0, *SEVERITIES):
                row = known.loc[(method, condition(family, severity))]
                values = {n: row[n] * info.factor for n in ("mean", "low", "high")}
                rows.append(
                    {
                        "method": method,
                        "family": family,
                        "severity": severity,
                        **values,
                        "n": int(row["n"]),
                        "seeds": int(row["seeds"]),
                    }
                )
    return pd.DataFrame(rows)


@escapes_names
def plot_severities(table: pd.DataFrame, info: MetricInfo, look: Look) -> go.Figure:
    """A panel a family of corruptions, a line a method, its band behind it.

    Of more than ``MOST_BANDS`` methods the baseline alone has a band.

    Parameters
    ----------
    table : DataFrame
        Of ``severity_table``.
    info : MetricInfo
    look : Look
        Which methods are shown, and how.
    """
    shown = [method for method in look.methods if method in set(table["method"])]
    # The baseline is drawn last, so that it lies above the others.
    order = sorted(shown, key=lambda method: method == look.baseline)
    banded = with_bands(shown, look.baseline)
    parts = dict(iter(table.groupby(["family", "method"], sort=False)))
    traces: list[dict[str, Any]] = []
    for place, family in enumerate(FAMILIES, start=1):
        axes = {"xaxis": _axis("x", place), "yaxis": _axis("y", place)}
        for method in order:
            if method in banded:
                opacity = BAND_OPACITY if len(banded) > 1 else LONE_BAND_OPACITY
                band = _band(parts[family, method], method, look, opacity)
                traces.append(band | axes)
        for method in order:
            line = _line(parts[family, method], family, method, info, look)
            rank = look.methods.index(method) + 1
            traces.append(line | axes | {"showlegend": place == 1, "legendrank": rank})
    ends = [float(table["low"].min()), float(table["high"].max())]
    room = 0.05 * (ends[1] - ends[0] or 1)
    layout: dict[str, Any] = {}
    notes = []
    for place, family in enumerate(FAMILIES, start=1):
        across = _LEFT if place % 2 else _RIGHT
        up = _TOP if place <= 2 else _BOTTOM
        layout[_axis("xaxis", place)] = {
            "domain": across,
            "anchor": _axis("y", place),
            "tickvals": [0, *SEVERITIES],
            "range": [-0.2, 5.2],
            "title": {"text": gettext("Severity") if place > 2 else ""},
        }
        layout[_axis("yaxis", place)] = {
            "domain": up,
            "anchor": _axis("x", place),
            "range": [ends[0] - room, ends[1] + room],
            "showticklabels": bool(place % 2),
            "nticks": 6,
        }
        notes.append(
            build_note(
                f"<b>{gettext(FAMILIES[family])}</b>",
                across[0],
                up[1],
                xref="paper",
                yref="paper",
                xanchor="left",
                yanchor="bottom",
                yshift=4,
            )
        )
    figure = build_figure(
        traces,
        height=2 * PANEL + 60 + LEGEND_LINE * len(shown),
        hovermode="closest",
        annotations=notes,
        **layout,
    )
    figure.layout.legend.tracegroupgap = 0
    return figure


def _axis(name: str, place: int) -> str:
    return name if place == 1 else f"{name}{place}"


def with_bands(methods: Sequence[str], baseline: str) -> list[str]:
    """Which of the methods that are drawn have a band: all, or the baseline alone."""
    if len(methods) <= MOST_BANDS:
        return list(methods)
    return [method for method in methods if method == baseline]


def _band(own: pd.DataFrame, method: str, look: Look, opacity: float) -> dict[str, Any]:
    colour = faded(look.styles[method].colour, opacity)
    return build_interval_band(own["severity"], own["low"], own["high"], method, colour)


def _line(
    own: pd.DataFrame, family: str, method: str, info: MetricInfo, look: Look
) -> dict[str, Any]:
    style = look.styles[method]
    said = [
        gettext(
            "{family}, severity {severity}: {value}, {count} images",
            family=gettext(FAMILIES[family]),
            severity=int(row.severity),
            value=valued(info, row.mean, row.low, row.high),
            count=number(row.n, 0),
        )
        for row in own.itertuples()
    ]
    width = STRONG_LINE_WIDTH if method == look.baseline else LINE_WIDTH
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": own["severity"].to_numpy(np.float64),
        "y": own["mean"].to_numpy(np.float64),
        "line": {"color": style.colour, "dash": style.dash, "width": width},
        "marker": style.mark(MARK_SIZE),
        "name": look.labels[method],
        "legendgroup": method,
        "customdata": said,
        "hovertemplate": f"<b>{look.labels[method]}</b><br>%{{customdata}}"
        "<extra></extra>",
    }


def robustness_takeaway(
    table: pd.DataFrame, whole: pd.DataFrame, info: MetricInfo, look: Look
) -> str:
    """What severity 5 does to the baseline, and which methods differ from it in all.

    Parameters
    ----------
    table : DataFrame
        Of ``severity_table``.
    whole : DataFrame
        ``Comparison.table`` of all corrupted images.
    info : MetricInfo
    look : Look
    """
    known = list(dict.fromkeys(table["method"]))
    method = look.baseline if look.baseline in known else known[0]
    own = table[table["method"] == method].set_index(["family", "severity"])["mean"]
    last = own.xs(SEVERITIES[-1], level="severity")
    if info.direction == "higher":
        hardest, easiest = str(last.idxmin()), str(last.idxmax())
    else:
        hardest, easiest = str(last.idxmax()), str(last.idxmin())
    first = next(iter(FAMILIES))

    def written(value: float) -> str:
        return info.format(value / info.factor, unit=True)

    said = gettext(
        GOES_FROM,
        method=look.labels[method],
        metric=info.phrase,
        clean=written(float(own[first, 0])),
        worst=written(float(last[hardest])),
        hardest=gettext(FAMILIES[hardest]),
        best=written(float(last[easiest])),
        easiest=gettext(FAMILIES[easiest]),
    )
    return f"{said} {in_all_takeaway(whole, info, look)}"


def in_all_takeaway(whole: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Which methods differ from the baseline over all corruptions and severities."""
    finding = differences_takeaway(whole, info, look)
    return gettext(
        "Over all corruptions and severities: {finding}",
        finding=finding[:1].lower() + finding[1:],
    )


def clean_column(groups: pd.DataFrame, info: MetricInfo) -> dict[str, str]:
    """The value of one metric on the images as they are, written, by method."""
    own = groups[(groups["group"] == CLEAN) & (groups["metric"] == info.key)]
    means = own.set_index("method")["mean"]
    return {str(method): info.format(float(mean)) for method, mean in means.items()}


def differences_frame(
    whole: pd.DataFrame, info: MetricInfo, look: Look
) -> pd.DataFrame:
    """Rows over all corrupted images, one a method, for a download."""
    rows = shown_rows(whole, info).reset_index()
    names = ("method", "metric", "n", "seeds", "mean", "low", "high")
    more = ("delta", "delta_low", "delta_high", "p", "margin", "verdict", "scope")
    return rows.loc[rows["method"].isin(look.methods), [*names, *more]]


@escapes_names
def plot_strips(
    strips: Mapping[str, bytes], explained: Mapping[str, str], columns: int
) -> go.Figure:
    """Pictures that are rows of pictures, each under its name.

    Parameters
    ----------
    strips : mapping of str to bytes
        PNG files by what each shows.
    explained : mapping of str to str
        What is done to the picture, said where one is pointed at.
    columns : int
        Pictures side by side in each.
    """
    step = STRIP + STRIP_GAP
    hidden = {"visible": False, "fixedrange": True}
    tops = [place * step + STRIP_GAP for place in range(len(strips))]
    heads = [gettext("as it is"), *(str(severity) for severity in SEVERITIES)]
    return build_figure(
        [
            build_marks(
                [place + 0.5 for place in range(columns)] * len(tops),
                [top + STRIP / 2 for top in tops for _ in range(columns)],
                {"size": 12, "opacity": 0},
                customdata=[
                    f"{name}: {head}<br>{explained[name]}"
                    for name in strips
                    for head in heads
                ],
                hovertemplate="%{customdata}<extra></extra>",
                showlegend=False,
            )
        ],
        height=len(strips) * step + 40,
        legend=False,
        hoverdistance=-1,
        xaxis={**hidden, "range": [0, columns]},
        yaxis={**hidden, "range": [len(strips) * step, 0]},
        images=[
            {
                "source": f"data:image/png;base64,{base64.b64encode(png).decode()}",
                **{"xref": "x", "yref": "y", "x": 0, "y": top},
                **{"sizex": columns, "sizey": STRIP, "sizing": "contain"},
                **{"xanchor": "left", "yanchor": "top"},
            }
            for png, top in zip(strips.values(), tops, strict=True)
        ],
        annotations=[
            build_note(
                f"<b>{name}</b>", 0, top, xanchor="left", yanchor="bottom", yshift=2
            )
            for name, top in zip(strips, tops, strict=True)
        ],
    )
