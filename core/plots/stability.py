"""How far answers move under harmless changes: by method, and by change."""

from collections.abc import Iterable, Sequence

import pandas as pd
import plotly.graph_objects as go

from core.data.harmless_changes import CHANGES, WORST
from core.evaluation.metrics import SHIFTS, MetricInfo
from core.language import N_, gettext, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import finish
from core.plots.formatting import valued
from core.plots.look import Look
from core.plots.overview import axis_title, rows_of, shown_rows
from core.plots.traces import ROW_VALUE, error_bar, row_axis, row_names
from core.text import NO_BREAK, listed, number, strong

UNKNOWN = N_("How far answers move was not measured for any of the methods shown.")


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
    return ngettext(
        "{value}, {count} image",
        "{value}, {count} images",
        int(row["n"]),
        value=valued(info, row["mean"], row["low"], row["high"]),
    )


def tabulate_changes(table: pd.DataFrame, info: MetricInfo, look: Look) -> pd.DataFrame:
    """How far each method's answers move under each change, and at worst, as Markdown.

    Parameters as in ``plot_instability``. The change of each row that moves them most
    is bold.
    """
    shown = measured_methods(table, info, look.methods)
    values = _by_change(table, info, SHIFTS).loc[shown]
    most = values[list(CHANGES)].max(axis=1)
    columns = {gettext("Method"): [look.labels[method] for method in shown]}
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
    return gettext("worst") if change == WORST else gettext(CHANGES[change].label)


def instability_takeaway(table: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Whose answers move least and most, over all changes."""
    shown = measured_methods(table, info, look.methods)
    if not shown:
        return gettext(UNKNOWN)
    means = rows_of(table, info.key)["mean"].loc[shown]
    least, most = str(means.idxmin()), str(means.idxmax())
    value, far = (info.format(means[method], unit=True) for method in (least, most))
    if least == most:
        return gettext(
            "On {metric}: {method} {value}.",
            metric=info.label,
            method=look.labels[least],
            value=value,
        )
    return gettext(
        "On {metric}: {least} {value} (the lowest), {most} {far} (the highest).",
        metric=info.label,
        least=look.labels[least],
        value=value,
        most=look.labels[most],
        far=far,
    )


def worst_takeaway(
    table: pd.DataFrame,
    info: MetricInfo,
    methods: Sequence[str],
) -> str:
    """Under which change the answers move most, and under which least."""
    shown = measured_methods(table, info, methods)
    if not shown:
        return gettext(UNKNOWN)
    means = _by_change(table, info, CHANGES).loc[shown].mean()
    most, least = str(means.idxmax()), str(means.idxmin())
    value, least_value = (
        info.format(float(means[change]), unit=True) for change in (most, least)
    )
    fields = {
        "most": change_label(most),
        "value": value,
        "least": change_label(least),
        "least_value": least_value,
    }
    if len(shown) == 1:
        return gettext(
            "Answers change most when the image is {most} ({value}), and least when it "
            "is {least} ({least_value}).",
            **fields,
        )
    return gettext(
        "Answers change most when the image is {most} ({value}), and least when it is "
        "{least} ({least_value}), as a mean over the methods shown.",
        **fields,
    )


def moves_in_words(
    table: pd.DataFrame, infos: Iterable[MetricInfo], methods: Sequence[str]
) -> dict[str, dict[str, str]]:
    """How far answers move on average, by task and method, such as "flips 2.4 %"."""
    found: dict[str, dict[str, str]] = {}
    for info in infos:
        means = rows_of(table, info.key)["mean"]
        found[info.task] = {
            method: _move_in_words(float(means[method]) * info.factor, info)
            for method in measured_methods(table, info, methods)
        }
    return found


def _move_in_words(size: float, info: MetricInfo) -> str:
    unit = NO_BREAK + info.unit if info.unit == "%" else ""
    value = f"{number(size, 1)}{unit}"
    if info.is_share:
        return gettext("flips {value}", value=value).replace(" ", NO_BREAK)
    # Of one photo it can be more: the mean says so itself.
    said = gettext("moves {value} on average", value=value)
    return said.replace(" ", NO_BREAK, 1)


def unmeasured_note(table: pd.DataFrame, info: MetricInfo, look: Look) -> str:
    """Which of the methods shown were not measured; empty if all were."""
    known = measured_methods(table, info, look.methods)
    missing = [look.labels[method] for method in look.methods if method not in known]
    if not missing:
        return ""
    return gettext("Not measured: {methods}.", methods=listed(missing))


def instability_frame(table: pd.DataFrame, info: MetricInfo) -> pd.DataFrame:
    """Rows behind both figures: one a method and change, for a download."""
    keys = [info.key, *(f"{info.key}[{change}]" for change in SHIFTS)]
    columns = ["method", "metric", "n", "seeds", "mean", "sd", "low", "high"]
    return table.loc[table["metric"].isin(keys), columns].reset_index(drop=True)
