"""Figures and sentences on ROC and precision-recall curves."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.curves import Kind
from core.evaluation.metrics import MetricInfo
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import interval, plural
from core.plots.look import FAINT_COLOUR, Look, faded
from core.plots.overview import differences_takeaway, rows_of
from core.plots.traces import build_marks
from core.text import listed

KINDS: dict[str, str] = {"roc": "ROC", "pr": "Precision-recall"}
AXES = {
    "roc": ("False positive rate (%)", "True positive rate (%)"),
    "pr": ("Recall (%)", "Precision (%)"),
}
HEIGHT, LEGEND_LINE = 430, 24
MARK_SIZE, STRONG_MARK_SIZE = 10, 14
LINE_WIDTH, STRONG_LINE_WIDTH = 1.6, 3.5
LAST_RANK = 1_000
BAND_OPACITY, FAINT_OPACITY = 0.22, 0.6


@escapes_names
def plot_curves(
    curves: pd.DataFrame,
    bands: pd.DataFrame,
    points: pd.DataFrame,
    kind: Kind,
    chance: float,
    look: Look,
    strong: Collection[str],
) -> go.Figure:
    """The curves of all methods, a few of them strong and with their bands.

    Parameters
    ----------
    curves : DataFrame
        From ``evaluation.curves.method_curves``.
    bands : DataFrame
        From ``evaluation.curve_bands.curve_bands``.
    points : DataFrame
        From ``evaluation.curves.operating_points``.
    kind : {"roc", "pr"}
    chance : float
        Precision of guessing.
    look : Look
        Which methods are shown, and how.
    strong : collection of str
        Methods that stand out; drawn last, so that they lie above the others.
    """
    order = sorted(look.methods, key=lambda method: method in strong)
    traces = [_guessing(kind, chance)]
    traces += [_band(bands, m, look) for m in order if (bands["method"] == m).any()]
    for method in order:
        own, at = curves[curves["method"] == method], points[points["method"] == method]
        if len(own):
            traces.append(_line(own, kind, method, look, strong, in_legend=not len(at)))
    for method in order:
        at = points[points["method"] == method]
        if len(at):
            traces.append(_mark(at.iloc[0], kind, method, look, strong))
    x, y = ({"title": {"text": text}, "range": [0, 100]} for text in AXES[kind])
    figure = build_figure(
        traces,
        # Room for a legend of a line a method, as it is on a phone.
        height=HEIGHT + LEGEND_LINE * len(look.methods),
        hovermode="closest",
        xaxis=x,
        yaxis=y,
    )
    # A group is a line, its band and its mark: no gap between the methods.
    figure.layout.legend.tracegroupgap = 0
    return figure


def _guessing(kind: Kind, chance: float) -> dict[str, Any]:
    ends = [0, 100] if kind == "roc" else [100 * chance] * 2
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 100],
        "y": ends,
        "line": {"color": FAINT_COLOUR, "dash": "dot", "width": 2},
        "hoverinfo": "skip",
        "name": "Guessing",
        "legendrank": LAST_RANK,
    }


def _band(bands: pd.DataFrame, method: str, look: Look) -> dict[str, Any]:
    own = bands[(bands["method"] == method) & bands["low"].notna()]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": (100 * np.concatenate([own["x"], own["x"][::-1]])).tolist(),
        "y": (100 * np.concatenate([own["low"], own["high"][::-1]])).tolist(),
        "fill": "toself",
        "fillcolor": faded(look.styles[method].colour, BAND_OPACITY),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "legendgroup": method,
        "showlegend": False,
    }


def _line(
    own: pd.DataFrame,
    kind: Kind,
    method: str,
    look: Look,
    strong: Collection[str],
    *,
    in_legend: bool,
) -> dict[str, Any]:
    style, stands_out = look.styles[method], method in strong
    # No image passes at the first corner: its threshold is that of the next.
    threshold = own["threshold"].bfill()
    return {
        "type": "scatter",
        "mode": "lines",
        # Arrays: Plotly copies a list item by item.
        "x": (100 * own["x"]).round(3).to_numpy(np.float64),
        "y": (100 * own["y"]).round(3).to_numpy(np.float64),
        "line": {
            "color": style.colour,
            "dash": style.dash,
            "width": STRONG_LINE_WIDTH if stands_out else LINE_WIDTH,
        },
        "opacity": 1 if stands_out else FAINT_OPACITY,
        "name": look.labels[method],
        "legendgroup": method,
        "legendrank": _rank(method, look),
        "showlegend": in_legend,
        "customdata": threshold.to_numpy(np.float64),
        "hovertemplate": _hover(look.labels[method], kind, threshold.iloc[0]),
    }


def _mark(
    at: pd.Series, kind: Kind, method: str, look: Look, strong: Collection[str]
) -> dict[str, Any]:
    style = look.styles[method]
    size = STRONG_MARK_SIZE if method in strong else MARK_SIZE
    trace = build_marks(
        [round(100 * at["x"], 3)],
        [round(100 * at["y"], 3)],
        style.mark(size),
        name=look.labels[method],
        legendgroup=method,
        legendrank=_rank(method, look),
        cliponaxis=False,
        customdata=[at["threshold"]],
        hovertemplate=_hover(
            f"{look.labels[method]}: its own answers", kind, at["threshold"]
        ),
    )
    # With a line in the legend, although one point draws none.
    line = {"color": style.colour, "dash": style.dash, "width": 2.5}
    return {**trace, "mode": "lines+markers", "line": line}


def _rank(method: str, look: Look) -> int:
    """Its place in the legend: that of the study, whatever lies above."""
    return 1 + look.methods.index(method)


def _hover(label: str, kind: Kind, threshold: float) -> str:
    """Both rates, and the threshold where there is one."""
    x, y = (title.removesuffix(" (%)") for title in AXES[kind])
    known = "<br>from probability %{customdata:.3f}" * bool(np.isfinite(threshold))
    return (
        f"<b>{label}</b><br>{x} %{{x:.1f}} %<br>{y} %{{y:.1f}} %{known}<extra></extra>"
    )


def curves_takeaway(
    comparison: pd.DataFrame, info: MetricInfo, chance: float, look: Look
) -> str:
    """What the baseline's area is beside guessing, and whose certainly is another.

    Parameters
    ----------
    comparison : DataFrame
        The table of ``compare_runs``, with the area under the curve.
    info : MetricInfo
        That area.
    chance : float
        The area of guessing.
    look : Look
    """
    row = rows_of(comparison, info.key).loc[look.baseline]
    label = look.labels[look.baseline]
    if np.isnan(row["mean"]):
        return (
            f"{label} has labels only, without probabilities, so there is no "
            f"{info.phrase} to compare with."
        )
    own = (
        f"The {info.phrase} of {label} is {info.format(row['mean'])} "
        f"{interval(row['low'], row['high'])}; guessing has {info.format(chance)}."
    )
    if set(look.methods) <= {look.baseline}:
        return own
    return f"{own} {differences_takeaway(comparison, info, look)}"


def without_curve(curves: pd.DataFrame, look: Look) -> str:
    """Say which shown methods have no curve; nothing if all have one."""
    known = set(curves["method"])
    without = [look.labels[m] for m in look.methods if m not in known]
    if not without:
        return ""
    has = "has" if len(without) == 1 else "have"
    return f"{listed(without)} {has} labels only, without probabilities: no curve."


def reading_note(strong: Collection[str], look: Look) -> str:
    """Say what the bands, the marks and the dotted line are."""
    named = listed([look.labels[m] for m in look.methods if m in strong])
    shown = plural(len(look.methods), "method")
    return (
        f"Shaded: 95 % interval at each place on its own, of {named} alone, so that "
        f"{shown} stay readable; a whole curve lies in it less often. "
        "A mark is where a method's own answers lie. With several classes these are "
        "the most probable class and no threshold, so a mark may lie beside its curve. "
        "Dotted: guessing."
    )
