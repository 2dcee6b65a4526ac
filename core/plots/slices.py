"""Figures of slices: the worst groups of up to two features."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import MetricInfo
from core.evaluation.slices import SliceSearch
from core.language import gettext, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import broken, build_figure
from core.plots.formatting import p_value
from core.plots.look import BASELINE_COLOUR, MethodStyle
from core.plots.overview import axis_title
from core.plots.traces import (
    ROW_BELOW,
    ROW_GAP,
    ROW_LINE,
    build_line,
    build_marks,
    build_note,
    error_bar,
    row_axis,
    row_names,
)
from core.results.numbers import write
from core.results.slices import difference_text, slice_text
from core.tasks import Task
from core.text import NO_BREAK, number

MOST = 10
"""Slices that are drawn."""
MARK_SIZE = 11
LETTERS = 44
"""Letters of a row's name that a phone has room for."""


def worst_slices(search: SliceSearch) -> pd.DataFrame:
    """The slices that are drawn: the highest lower bounds of those above overall."""
    return search.listed[search.listed["delta"] > 0].head(MOST)


@escapes_names
def plot_slices(
    search: SliceSearch,
    info: MetricInfo,
    style: MethodStyle,
    tasks: Sequence[Task],
) -> go.Figure:
    """Forest of the worst slices, beside the error of all images.

    Parameters
    ----------
    search : SliceSearch
    info : MetricInfo
        From ``results.slices.error_info``.
    style : MethodStyle
        Of the method.
    tasks : sequence of Task
    """
    rows, scale = worst_slices(search), info.factor
    names = [_row_name(row, tasks) for row in rows.to_dict("records")]
    lines = 1 + max((name.count("<br>") for name in names), default=0)
    error, low, high = (
        scale * values
        for values in (
            rows["error"],
            search.overall + rows["low"],
            search.overall + rows["high"],
        )
    )
    overall = scale * search.overall
    points = build_marks(
        error.tolist(),
        names,
        _marks(rows, style),
        error_x=error_bar(error, low, high, style.colour),
        customdata=[_hover(row, info) for row in rows.to_dict("records")],
        hovertemplate="%{y}<br>%{customdata}<extra></extra>",
        cliponaxis=False,
    )
    note = build_note(
        gettext("overall {error}", error=info.format(search.overall, unit=True)),
        overall,
        1,
        yref="paper",
        yanchor="bottom",
        xanchor="left",
        yshift=8,
    )
    return build_figure(
        [points],
        height=90 + len(names) * (ROW_GAP + lines * ROW_LINE + ROW_BELOW),
        legend=False,
        xaxis={"title": {"text": axis_title(info)}, "nticks": 6},
        yaxis=row_axis(len(names), lines=lines, down=True),
        shapes=[build_line("x", overall, BASELINE_COLOUR, dash="dot")],
        annotations=[note, *row_names(names)],
    )


def _marks(rows: pd.DataFrame, style: MethodStyle) -> dict[str, Any]:
    """Filled where it is certain; the other cue is the bar, which reaches the line."""
    plain = style.marker.removesuffix("-open")
    return style.mark(MARK_SIZE) | {
        "symbol": [plain if worse else f"{plain}-open" for worse in rows["worse"]],
        "line": {"width": 2, "color": style.colour},
    }


def _hover(row: Mapping[Any, Any], info: MetricInfo) -> str:
    error, difference = write(info, row["error"]), difference_text(row, info)
    said = gettext(
        "difference {difference}, p {p}", difference=difference, p=p_value(row["p"])
    )
    return f"{error}<br>{said}"


def _row_name(row: Mapping[Any, Any], tasks: Sequence[Task]) -> str:
    text = slice_text(row, tasks)
    count = f"(n = {number(row['n'], 0)})".replace(" ", NO_BREAK)
    return broken(f"{text[:1].upper()}{text[1:]} {count}", LETTERS)


def slices_table(
    search: SliceSearch, info: MetricInfo, tasks: Sequence[Task]
) -> pd.DataFrame:
    """The drawn slices in numbers: name, n, error, difference with interval, p."""
    rows = worst_slices(search).to_dict("records")
    return pd.DataFrame(
        {
            gettext("Slice"): [slice_text(row, tasks) for row in rows],
            "n": [number(row["n"], 0) for row in rows],
            axis_title(info): [write(info, row["error"]) for row in rows],
            gettext("Difference"): [difference_text(row, info) for row in rows],
            "p": [p_value(row["p"]) for row in rows],
            gettext("Certainly worse"): [
                gettext("yes") if row["worse"] else gettext("no") for row in rows
            ],
        }
    )


def rule_note(search: SliceSearch) -> str:
    """How many slices were looked at, and which are left out of the picture."""
    said = [
        ngettext(
            "{count} slice looked at.", "{count} slices looked at.", search.looked_at
        )
    ]
    if search.same:
        said.append(
            ngettext(
                "{count} further slice with the same images as another or as all "
                "(95 % of them) was not looked at.",
                "{count} further slices with the same images as another or as all "
                "(95 % of them) were not looked at.",
                search.same,
            )
        )
    said.append(
        gettext(
            "A crossing is left out where one of its features alone is as bad: its "
            "error and its lower bound must be above those of both."
        )
    )
    return " ".join(said)
