"""Figures and sentences on whether probabilities can be believed."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import MetricInfo
from core.evaluation.verdicts import BETTER, WORSE
from core.language import N_, gettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import BASELINE_COLOUR, INK, Look, MethodStyle
from core.plots.overview import rows_of
from core.plots.traces import build_marks, error_bar
from core.text import listed, number, percent, strong

# Parts of the height: the curve above, how sure the answers are below.
CURVE, BARS = (0.34, 1.0), (0.0, 0.22)
HEIGHT, MARK_SIZE = 430, 9
# A distance between probability and accuracy that is worth a word.
FAR = 0.02
_CALIBRATED = {
    BETTER: N_("Certainly better calibrated than {baseline}: {methods}."),
    WORSE: N_("Certainly worse calibrated than {baseline}: {methods}."),
}


@escapes_names
def plot_reliability(
    curve: pd.DataFrame,
    histogram: pd.DataFrame,
    style: MethodStyle,
    label: str,
    *,
    before: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> go.Figure:
    """Reliability diagram of one method, over the histogram of its confidence.

    Parameters
    ----------
    curve : DataFrame
        The method's rows of ``evaluation.reliability.reliability_curves``.
    histogram : DataFrame
        Its rows of ``confidence_histograms``.
    style : MethodStyle
    label : str
    before : pair of DataFrame, optional
        The two before the probabilities were scaled, drawn as dashed and stepped lines.
    """
    x, y, low, high = (
        100 * curve[name] for name in ("confidence", "accuracy", "low", "high")
    )
    perfect = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 100],
        "y": [0, 100],
        "line": {"color": BASELINE_COLOUR, "dash": "dot", "width": 2},
        "hoverinfo": "skip",
        "name": "perfect",
    }
    points = build_marks(
        x.tolist(),
        y.tolist(),
        style.mark(MARK_SIZE),
        name=label,
        error_y=error_bar(y, low, high, style.colour, thickness=2, width=0),
        # The last points lie at the edge, and are not cut in half.
        cliponaxis=False,
        customdata=curve["images"].round().tolist(),
        hovertemplate=gettext(
            "%{x:.0f} % sure on average, right in %{y:.0f} %<br>"
            "%{customdata:.0f} images"
        )
        + "<extra></extra>",
    )
    least = 100 * float(histogram["start"][histogram["share"] > 0].min())
    middles = 50 * (histogram["start"] + histogram["end"])
    bars = {
        "type": "bar",
        "x": middles.tolist(),
        "y": (100 * histogram["share"]).tolist(),
        "width": (100 * (histogram["end"] - histogram["start"])).tolist(),
        "marker": {"color": style.colour, "opacity": 0.6},
        "yaxis": "y2",
        "name": "answers",
        "hovertemplate": gettext("%{y:.1f} % of the answers") + "<extra></extra>",
    }
    behind = [] if before is None else _before(*before)
    return build_figure(
        [perfect, *behind, points, bars],
        height=HEIGHT,
        legend=False,
        title=label,
        barmode="overlay",
        xaxis={
            "title": {"text": gettext("Highest probability (%)")},
            # Of two classes the more probable one has half at least.
            "range": [50 if least >= 50 else 0, 100],
            "anchor": "y2",
        },
        yaxis={
            "title": {"text": gettext("Right (%)")},
            "range": [0, 100],
            "domain": CURVE,
        },
        yaxis2={
            "title": {"text": gettext("Answers (%)")},
            "domain": BARS,
            "rangemode": "tozero",
            "nticks": 3,
        },
    )


def _before(curve: pd.DataFrame, histogram: pd.DataFrame) -> list[dict[str, Any]]:
    """Traces of a curve and a histogram that another one is drawn over."""
    points = {
        "type": "scatter",
        "mode": "lines",
        "x": (100 * curve["confidence"]).tolist(),
        "y": (100 * curve["accuracy"]).tolist(),
        "line": {"color": INK, "width": 1.5, "dash": "dash"},
        "name": "before",
        "hovertemplate": gettext(
            "before scaling: %{x:.0f} % sure on average, right in %{y:.0f} %"
        )
        + "<extra></extra>",
    }
    # A line of steps: two rows of bars would hide each other.
    edges = [*histogram["start"], histogram["end"].iloc[-1]]
    shares = [*histogram["share"], histogram["share"].iloc[-1]]
    steps = {
        "type": "scatter",
        "mode": "lines",
        "x": [100 * edge for edge in edges],
        "y": [100 * share for share in shares],
        "line": {"color": INK, "width": 1.5, "shape": "hv"},
        "yaxis": "y2",
        "hoverinfo": "skip",
        "name": "answers before",
    }
    return [points, steps]


def reliability_takeaway(
    gaps: pd.DataFrame, comparison: pd.DataFrame, info: MetricInfo, look: Look
) -> str:
    """Who claims too much, and whose error is certainly another than the baseline's.

    Parameters
    ----------
    gaps : DataFrame
        From ``evaluation.reliability.confidence_gaps``.
    comparison : DataFrame
        The table of ``compare_runs``, with the calibration error.
    info : MetricInfo
        That error.
    look : Look
    """
    known = gaps[gaps["method"].isin(look.methods)].set_index("method")
    if known.empty:
        return gettext("No shown method has probabilities, only labels.")
    rows = rows_of(comparison, info.key)
    errors = rows.loc[[m for m in look.methods if m in known.index], "mean"]
    least = errors.idxmin()
    said = [
        _own(known, errors, info, look),
        gettext(
            "{method} has the lowest {metric} ({error}).",
            method=look.labels[least],
            metric=info.label,
            error=info.format(float(errors[least])),
        ),
    ]
    for verdict, sentence in _CALIBRATED.items():
        names = _with_verdict(rows, verdict, look)
        if names:
            baseline = look.labels[look.baseline]
            said.append(gettext(sentence, baseline=baseline, methods=listed(names)))
    return " ".join(said)


def _own(known: pd.DataFrame, errors: pd.Series, info: MetricInfo, look: Look) -> str:
    """How sure the baseline is, and how often right; of another method without it."""
    method = look.baseline if look.baseline in known.index else known.index[0]
    row = known.loc[method]
    gap = float(row["gap"])
    said = {
        "method": strong(look.labels[method]),
        "sure": percent(float(row["confidence"])),
        "right": percent(float(row["accuracy"])),
    }
    far = number(100 * abs(gap), 0)
    if gap >= FAR:
        return gettext(
            "{method} is {sure} sure of its answers on average and right in {right}: "
            "over-confident by {gap} points.",
            **said,
            gap=far,
        )
    if gap <= -FAR:
        return gettext(
            "{method} is {sure} sure of its answers on average and right in {right}: "
            "under-confident by {gap} points.",
            **said,
            gap=far,
        )
    if float(errors.get(method, 0)) < FAR:
        return gettext(
            "{method} is {sure} sure of its answers on average and right in {right}: "
            "it may be believed.",
            **said,
        )
    return gettext(
        "{method} is {sure} sure of its answers on average and right in {right}, but "
        "not at every level: {metric} {error}.",
        **said,
        metric=info.label,
        error=info.format(float(errors[method])),
    )


def _with_verdict(rows: pd.DataFrame, verdict: str, look: Look) -> Sequence[str]:
    found = rows.index[rows["verdict"] == verdict]
    return [look.labels[method] for method in look.methods if method in found]
