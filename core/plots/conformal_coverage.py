"""Figures and sentences on how often conformal intervals hold the truth."""

import pandas as pd
import plotly.graph_objects as go

from core.evaluation.conformal import COVERAGE
from core.evaluation.conformal_coverage import PREDICTION, TOO_LOW, TRUTH
from core.plots.classification import plot_by_group
from core.plots.escape import escapes_names
from core.plots.formatting import feature_label, interval
from core.plots.look import NO_BREAK, NOISE_COLOUR, Look
from core.plots.traces import build_line
from core.tasks import Regression, Task
from core.text import number, plural, strong

WIDTH_HEIGHT = 340


def part_label(part: str, task: Regression, tasks: tuple[Task, ...] = ()) -> str:
    """What the groups of a part are called, such as "Predicted age"."""
    if part in (PREDICTION, TRUTH):
        word = "Predicted" if part == PREDICTION else "True"
        return f"{word} {task.label.lower()}"
    return feature_label(part, tasks)


@escapes_names
def plot_coverage(
    table: pd.DataFrame, task: Regression, look: Look, *, x_title: str
) -> go.Figure:
    """Share of the intervals that hold the truth, by group, beside what is promised.

    Parameters
    ----------
    table : DataFrame
        Rows of one part of ``evaluation.conformal_coverage.conformal_coverage``.
    task : Regression
    look : Look
        Which methods are shown, and how.
    x_title : str
        What the groups are.
    """
    scores = pd.DataFrame(
        {
            "method": table["method"],
            "group": table["group"],
            "mean": 100 * table["coverage"],
            "low": 100 * table["low"],
            "high": 100 * table["high"],
        }
    )
    promised = 100 * COVERAGE
    return plot_by_group(
        scores,
        groups_of(table, task),
        None,
        look,
        y_axis={
            "title": {"text": f"Hold the truth (%), {promised:.0f} promised"},
            "range": [max(0.0, scores["low"].min() - 5), 103],
        },
        x_title=x_title,
        digits=0,
        unit="%",
        marks={
            "shapes": [build_line("y", promised, NOISE_COLOUR, width=2.5, dash="dash")]
        },
    )


@escapes_names
def plot_width(
    table: pd.DataFrame, task: Regression, look: Look, *, x_title: str
) -> go.Figure:
    """Mean width of the intervals by group; parameters as for ``plot_coverage``."""
    scores = pd.DataFrame(
        {
            "method": table["method"],
            "group": table["group"],
            "mean": table["width"],
            "low": table["width"],
            "high": table["width"],
        }
    )
    figure = plot_by_group(
        scores,
        groups_of(table, task),
        None,
        look,
        y_axis={"title": {"text": f"Mean width ({task.unit})"}, "rangemode": "tozero"},
        x_title=x_title,
        digits=1,
        unit=task.unit,
    )
    # It stands below the other figure, which has the legend.
    return figure.update_layout(showlegend=False, height=WIDTH_HEIGHT, margin_t=20)


def groups_of(table: pd.DataFrame, task: Regression) -> tuple[str, ...]:
    """Groups of a part in their order; bins of a number ascending."""
    found = tuple(dict.fromkeys(table["group"]))
    if set(found) <= set(task.bin_labels):
        return tuple(name for name in task.bin_labels if name in found)
    return found


def coverage_takeaway(
    table: pd.DataFrame, task: Regression, look: Look, *, what: str
) -> str:
    """Where the intervals hold the truth too seldom, and where they are wide.

    Parameters
    ----------
    table : DataFrame
        As for ``plot_coverage``, of all methods.
    task : Regression
    look : Look
        Which methods are spoken of.
    what : str
        What the groups are, such as "Predicted age".
    """
    rows = table[table["method"].isin(look.methods)]
    if rows.empty:
        return "No shown method has predictions of validation images: no intervals."
    promised = f"{100 * COVERAGE:.0f}"
    worst = rows.loc[rows["coverage"].idxmin()]
    low = rows[rows["verdict"] == TOO_LOW]
    if len(low):
        worst = low.loc[low["coverage"].idxmin()]
        groups = low["group"].nunique()
        said = strong(
            f"{what} {worst['group']}: only {_percent(worst['coverage'])} of the "
            f"intervals of {look.labels[worst['method']]} hold the truth"
        )
        said += (
            f", not {promised} %. Certainly too few do in {groups} of "
            f"{plural(rows['group'].nunique(), 'group')}, of one method at least."
        )
    else:
        said = (
            f"In no group do certainly fewer than {promised} % of the intervals hold "
            f"the truth; the fewest do with {look.labels[worst['method']]} "
            f"({what.lower()} {worst['group']}): {_percent(worst['coverage'])}."
        )
    return f"{said} {_widths(rows, task, look)}"


def _widths(rows: pd.DataFrame, task: Regression, look: Look) -> str:
    """From where to where the intervals of the baseline, or of another, are wide."""
    there = [method for method in look.methods if method in set(rows["method"])]
    method = look.baseline if look.baseline in there else there[0]
    own = rows[rows["method"] == method].set_index("group")["width"]
    least, most = own.idxmin(), own.idxmax()
    return (
        f"Those of {look.labels[method]} are {number(own[least], 0)} {task.unit} wide "
        f"in {least} and {number(own[most], 0)} in {most}."
    )


def coverage_table(table: pd.DataFrame, task: Regression, look: Look) -> pd.DataFrame:
    """A row a group, a column a method: coverage, interval, width, images.

    Parameters as for ``coverage_takeaway``.
    """
    cells = table.set_index(["group", "method"])
    images = table.groupby("group")["images"]
    rows = []
    for group in groups_of(table, task):
        low, high = images.min()[group], images.max()[group]
        n = f"{low:,.0f}" if round(low) == round(high) else f"{low:,.0f} to {high:,.0f}"
        own = {
            look.labels[method]: _cell(cells.loc[(group, method)], task)
            if (group, method) in cells.index
            else "–"
            for method in look.methods
            if method in set(table["method"])
        }
        rows.append({"Group": group, "Images": n, **own})
    return pd.DataFrame(rows)


def _cell(row: pd.Series, task: Regression) -> str:
    between = interval(100 * row["low"], 100 * row["high"], 0)
    share = f"{strong(_percent(row['coverage']))} {between}".replace(" ", NO_BREAK)
    width = f"{number(row['width'], 1)} {task.unit}".replace(" ", NO_BREAK)
    sign = f" {row['verdict']}" if row["verdict"] else ""
    return f"{share}{sign}, {width}"


def _percent(share: float) -> str:
    return f"{number(100 * share, 0)} %"
