"""The first figure of Overview: every method against the baseline, metric by metric."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import MetricInfo
from core.evaluation.verdicts import (
    BETTER,
    DIFFERS,
    EQUIVALENT,
    INCONCLUSIVE,
    UNTESTED,
    WORSE,
)
from core.plots.escape import escapes_names
from core.plots.figure import broken, build_figure
from core.plots.formatting import interval, p_value, signed
from core.plots.look import BASELINE_COLOUR, METHOD_COLOURS, Look
from core.plots.overview import margin_band, shown_rows, side_notes
from core.plots.traces import (
    ROW_LINE,
    beyond,
    build_marks,
    difference_range,
    error_bar,
    row_axis,
    row_names,
    zero_line,
)
from core.results.sentences import SIGNS, verdict_text

# Colour and marker of each verdict.
MARKS = {
    BETTER: (METHOD_COLOURS[2], "triangle-up"),
    WORSE: (METHOD_COLOURS[1], "triangle-down"),
    EQUIVALENT: (METHOD_COLOURS[0], "square"),
    DIFFERS: (METHOD_COLOURS[3], "diamond"),
    INCONCLUSIVE: (BASELINE_COLOUR, "circle-open"),
    UNTESTED: (BASELINE_COLOUR, "line-ew-open"),
}
MARK_SIZE, ROW_HEIGHT, FRAME_HEIGHT = 12, 46, 110
# How long a line may be on a phone, and a name that has its difference beside it.
LINE_LETTERS, NAME_LETTERS = 38, 28


def sort_by_difference(
    comparison: pd.DataFrame, info: MetricInfo, look: Look
) -> list[str]:
    """Methods with a difference to the baseline, the most favourable first."""
    rows = shown_rows(comparison, info)
    shown = [m for m in look.methods if m in rows.index]
    gains = {m: _gain(rows.loc[m], info) for m in shown}
    known = [m for m in shown if np.isfinite(gains[m])]
    return sorted(known, key=lambda method: -gains[method])


@escapes_names
def plot_headline(comparison: pd.DataFrame, info: MetricInfo, look: Look) -> go.Figure:
    """Forest plot of one metric, the most favourable difference first.

    Colour and sign are of the verdict, since a name stands above each row.

    Parameters
    ----------
    comparison : DataFrame
        The table of ``compare_runs``.
    info : MetricInfo
    look : Look
    """
    rows = shown_rows(comparison, info)
    methods = sort_by_difference(comparison, info, look)
    names = {m: _name(rows.loc[m], look.labels[m], info) for m in methods}
    lines = 1 + max((name.count("<br>") for name in names.values()), default=0)
    traces = []
    for method in reversed(methods):
        row = rows.loc[method]
        colour, symbol = MARKS[str(row["verdict"])]
        traces.append(
            build_marks(
                [row["delta"]],
                [names[method]],
                {
                    "color": colour,
                    "symbol": symbol,
                    "size": MARK_SIZE,
                    "line": {"width": 2, "color": colour},
                },
                name=look.labels[method],
                error_x=error_bar(
                    row["delta"], row["delta_low"], row["delta_high"], colour
                ),
                hovertemplate=f"<b>{look.labels[method]}</b><br>"
                f"{signed(row['delta'], info.digits)} "
                f"{interval(row['delta_low'], row['delta_high'], info.digits)}"
                f"<br>p {p_value(row['p'])}, {verdict_text(row)}<extra></extra>",
            )
        )
    shown = rows.loc[methods]
    span, is_beyond = difference_range(shown["delta_low"], shown["delta_high"])
    far = [
        beyond(
            names[method],
            interval(row["delta_low"], row["delta_high"], info.digits),
            float(np.copysign(span[1], row["delta"])),
        )
        for method, row in shown[is_beyond].iterrows()
    ]
    unit = f" ({info.difference_unit})" if info.difference_unit else ""
    return build_figure(
        traces,
        height=FRAME_HEIGHT
        + (ROW_HEIGHT + (lines - 1) * ROW_LINE) * max(len(methods), 1),
        legend=False,
        title=f"{info.label}{unit}",
        xaxis={"range": span, "nticks": 5},
        yaxis=row_axis(len(methods), lines=lines),
        shapes=[*margin_band(rows), zero_line("x")],
        annotations=[*side_notes(info), *row_names(names[m] for m in methods), *far],
    )


def _gain(row: pd.Series, info: MetricInfo) -> float:
    """How far a method is on the better side; NaN for what is not compared."""
    # Of a metric that is best at 0 the difference is that of the sizes.
    delta = float(row["delta"])
    return delta if info.direction == "higher" else -delta


def _name(row: pd.Series, label: str, info: MetricInfo) -> str:
    number = f"{SIGNS[str(row['verdict'])]} {signed(row['delta'], info.digits)}"
    if len(label) <= NAME_LETTERS:
        return f"<b>{label}</b>  {number}"
    return f"<b>{broken(label, LINE_LETTERS)}</b><br>{number}"
