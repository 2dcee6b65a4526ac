"""How far answers move under harmless changes: by method, and by change."""

from collections.abc import Iterable, Sequence

import pandas as pd
import plotly.graph_objects as go

from core.data.harmless_changes import CHANGES, WORST
from core.evaluation.metrics import SHIFTS, MetricInfo
from core.plots.escape import escapes_names
from core.plots.figure import finish
from core.plots.formatting import interval
from core.plots.look import Look
from core.plots.overview import axis_title, rows_of, shown_rows, with_unit
from core.plots.traces import ROW_VALUE, error_bar, row_axis, row_names
from core.text import NO_BREAK, listed, number, plural, strong

UNKNOWN = "How far answers move was not measured for any of the methods shown."


def measured_methods(
    table: pd.DataFrame, info: MetricInfo, methods: Sequence[str]
) -> list[str]:
    """Those of the methods whose answers to changed images are known."""
    means = rows_of(table, info.key)["mean"].reindex(list(methods))
    return [str(method) for method in means[means.notna()].index]


@escapes_names
def plot_instability(table: pd.DataFrame, info: MetricInfo, look: Look) -> go.Figure:
    """One row a method: how far its answers move on average, with its interval.

    Parameters
    ----------
    table : DataFrame
        ``Comparison.table``.
    info : MetricInfo
        Of an instability or a flip rate over all changes.
    look : Look
        Which methods are shown, and how.
    """
    rows = shown_rows(table, info)
    figure = go.Figure()
    for method in measured_methods(table, info, look.methods):
        row = rows.loc[method]
        figure.add_scatter(
            x=[row["mean"]],
            y=[look.labels[method]],
            mode="markers+text",
            text=[number(row["mean"], info.digits)],
            textposition="bottom center",
            cliponaxis=False,
            marker=look.styles[method].mark(14),
            error_x=error_bar(
                row["mean"], row["low"], row["high"], look.styles[method].colour
            ),
            showlegend=False,
            hovertemplate=f"<b>{look.labels[method]}</b><br>{_in_words(row, info)}"
            "<extra></extra>",
        )
    figure.update_yaxes(row_axis(len(figure.data), below=ROW_VALUE, down=True))
    figure.update_xaxes(rangemode="tozero")
    return finish(
        figure,
        x_title=axis_title(info),
        height=120 + 56 * max(len(figure.data), 1),
        annotations=row_names([trace.y[0] for trace in figure.data]),
        legend=False,
    )


def _in_words(row: pd.Series, info: MetricInfo) -> str:
    value = with_unit(number(row["mean"], info.digits), info.unit)
    span = interval(row["low"], row["high"], info.digits)
    return f"{value} {span}, {plural(int(row['n']), 'image')}"


def tabulate_changes(table: pd.DataFrame, info: MetricInfo, look: Look) -> pd.DataFrame:
    """How far each method's answers move under each change, and at worst, as Markdown.

    Parameters as in ``plot_instability``. The change of each row that moves them most
    is bold.
    """
    shown = measured_methods(table, info, look.methods)
    values = _by_change(table, info, SHIFTS).loc[shown]
    most = values[list(CHANGES)].max(axis=1)
    columns = {"Method": [look.labels[method] for method in shown]}
    for change in SHIFTS:
        columns[change_label(change)] = [
            strong(text) if change in CHANGES and value == most[method] else text
            for method, value in values[change].items()
            for text in [info.format(value)]
        ]
    return pd.DataFrame(columns)


def _by_change(
    table: pd.DataFrame, info: MetricInfo, changes: Iterable[str]
) -> pd.DataFrame:
    """One row a method, one column a change."""
    return pd.DataFrame(
        {change: rows_of(table, f"{info.key}[{change}]")["mean"] for change in changes}
    )


def change_label(change: str) -> str:
    """What a reader sees of a change, or of the worst of them."""
    return "worst" if change == WORST else CHANGES[change].label


def instability_takeaway(table: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Whose answers move least and most, over all changes."""
    shown = measured_methods(table, info, look.methods)
    if not shown:
        return UNKNOWN
    means = rows_of(table, info.key)["mean"].loc[shown]
    least, most = str(means.idxmin()), str(means.idxmax())
    said = (
        f"On {info.label}: {look.labels[least]} {info.format(means[least], unit=True)}"
    )
    if least != most:
        far = info.format(means[most], unit=True)
        said += f" (the lowest), {look.labels[most]} {far} (the highest)"
    return f"{said}."


def worst_takeaway(
    table: pd.DataFrame,
    info: MetricInfo,
    methods: Sequence[str],
) -> str:
    """Under which change the answers move most, and under which least."""
    shown = measured_methods(table, info, methods)
    if not shown:
        return UNKNOWN
    means = _by_change(table, info, CHANGES).loc[shown].mean()
    most, least = str(means.idxmax()), str(means.idxmin())
    of = "" if len(shown) == 1 else ", as a mean over the methods shown"
    value, least_value = (
        info.format(float(means[change]), unit=True) for change in (most, least)
    )
    return (
        f"Answers change most when the image is {CHANGES[most].label} ({value}), and "
        f"least when it is {CHANGES[least].label} ({least_value}){of}."
    )


def moves_in_words(
    table: pd.DataFrame, infos: Iterable[MetricInfo], methods: Sequence[str]
) -> dict[str, dict[str, str]]:
    """How far answers move, by task and method: "moves 1.2", or "flips 2.4 %"."""
    found: dict[str, dict[str, str]] = {}
    for info in infos:
        means = rows_of(table, info.key)["mean"]
        verb = "flips" if info.is_share else "moves"
        unit = NO_BREAK + info.unit if info.unit == "%" else ""
        found[info.task] = {
            method: f"{verb}{NO_BREAK}{number(means[method] * info.factor, 1)}{unit}"
            for method in measured_methods(table, info, methods)
        }
    return found


def unmeasured_note(table: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Which of the methods shown were not measured; empty if all were."""
    known = measured_methods(table, info, look.methods)
    missing = [look.labels[method] for method in look.methods if method not in known]
    return f"Not measured: {listed(missing)}." if missing else ""


def instability_frame(table: pd.DataFrame, info: MetricInfo) -> pd.DataFrame:
    """Rows behind both figures: one a method and change, for a download."""
    keys = [info.key, *(f"{info.key}[{change}]" for change in SHIFTS)]
    columns = ["method", "metric", "n", "seeds", "mean", "sd", "low", "high"]
    return table.loc[table["metric"].isin(keys), columns].reset_index(drop=True)
