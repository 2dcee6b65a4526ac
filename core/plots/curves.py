"""Figures and sentences on ROC and precision-recall curves."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.curves import AXES, Kind
from core.evaluation.metrics import MetricInfo
from core.language import N_, gettext, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import interval
from core.plots.look import FAINT_COLOUR, Look, faded
from core.plots.overview import differences_takeaway, rows_of
from core.plots.traces import build_interval_band, build_marks
from core.text import listed

KIND_LABELS: dict[str, str] = {"roc": N_("ROC"), "pr": N_("Precision-recall")}
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
    highlighted: Collection[str],
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
    highlighted : collection of str
        Methods that stand out; drawn last, so that they lie above the others.
    """
    order = sorted(look.methods, key=lambda method: method in highlighted)
    traces = [_guessing(kind, chance)]
    traces += [_band(bands, m, look) for m in order if (bands["method"] == m).any()]
    for method in order:
        own, at = curves[curves["method"] == method], points[points["method"] == method]
        if len(own):
            traces.append(
                _line(own, kind, method, look, highlighted, in_legend=not len(at))
            )
    for method in order:
        at = points[points["method"] == method]
        if len(at):
            traces.append(_mark(at.iloc[0], kind, method, look, highlighted))
    x, y = (
        {"title": {"text": f"{rate} (%)"}, "range": [0, 100]} for rate in _rates(kind)
    )
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


def _rates(kind: Kind) -> tuple[str, str]:
    """What lies along, and up, as titles."""
    along, up = AXES[kind]
    return gettext(along).capitalize(), gettext(up).capitalize()


def _guessing(kind: Kind, chance: float) -> dict[str, Any]:
    ends = [0, 100] if kind == "roc" else [100 * chance] * 2
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 100],
        "y": ends,
        "line": {"color": FAINT_COLOUR, "dash": "dot", "width": 2},
        "hoverinfo": "skip",
        "name": gettext("Guessing"),
        "legendrank": LAST_RANK,
    }


def _band(bands: pd.DataFrame, method: str, look: Look) -> dict[str, Any]:
    own = bands[(bands["method"] == method) & bands["low"].notna()]
    colour = faded(look.styles[method].colour, BAND_OPACITY)
    return build_interval_band(
        100 * own["x"], 100 * own["low"], 100 * own["high"], method, colour
    )


def _line(
    own: pd.DataFrame,
    kind: Kind,
    method: str,
    look: Look,
    highlighted: Collection[str],
    *,
    in_legend: bool,
) -> dict[str, Any]:
    style, stands_out = look.styles[method], method in highlighted
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
    at: pd.Series, kind: Kind, method: str, look: Look, highlighted: Collection[str]
) -> dict[str, Any]:
    style = look.styles[method]
    size = STRONG_MARK_SIZE if method in highlighted else MARK_SIZE
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
            gettext("{method}: its own answers", method=look.labels[method]),
            kind,
            at["threshold"],
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
    x, y = _rates(kind)
    known = ""
    if np.isfinite(threshold):
        known = "<br>" + gettext("from probability %{customdata:.3f}")
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
        return gettext(
            "{method} has labels only, without probabilities, so there is no {metric} "
            "to compare with.",
            method=label,
            metric=info.phrase,
        )
    own = gettext(
        "The {metric} of {method} is {value} {ends}; guessing has {chance}.",
        metric=info.phrase,
        method=label,
        value=info.format(row["mean"]),
        ends=interval(row["low"], row["high"]),
        chance=info.format(chance),
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
    return ngettext(
        "{methods} has labels only, without probabilities: no curve.",
        "{methods} have labels only, without probabilities: no curve.",
        len(without),
        methods=listed(without),
    )


def reading_note(bands: pd.DataFrame, look: Look) -> str:
    """Say what the bands, the marks and the dotted line are.

    ``bands`` are those of ``plot_curves``; without any, nothing is said of them.
    """
    marks = gettext(
        "A mark is where a method's own answers lie: of several seeds their mean, "
        "close to the curve. With several classes the answers are the most probable "
        "class and no threshold, so a mark may lie beside its curve. Dotted: guessing."
    )
    return f"{_of_bands(bands, look)} {marks}".strip()


def _of_bands(bands: pd.DataFrame, look: Look) -> str:
    """What the bands are, and whether they are for methods or for trained models."""
    anew = bands.groupby("method")["anew"].all()
    having = [method for method in look.methods if method in anew.index]
    if not having:
        return ""
    fixed = [method for method in having if not anew[method]]
    shaded = ngettext(
        "Shaded: 95 % interval at each place on its own, of {methods} alone, so that "
        "{count} method stay readable; a whole curve lies in it less often.",
        "Shaded: 95 % interval at each place on its own, of {methods} alone, so that "
        "{count} methods stay readable; a whole curve lies in it less often.",
        len(look.methods),
        methods=listed([look.labels[m] for m in having]),
    )
    if not fixed:
        about = gettext("It is for a method trained anew, on new images.")
    elif fixed == having:
        about = ngettext(
            "With one seed it is for this trained model, on new images.",
            "With one seed it is for these trained models, on new images.",
            len(fixed),
        )
    else:
        about = gettext(
            "It is for a method trained anew, on new images; of {methods}, with one "
            "seed, for the trained model.",
            methods=listed([look.labels[method] for method in fixed]),
        )
    return f"{shaded} {about}"
