"""Figures and sentences on how often conformal intervals hold the truth."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.conformal import COVERAGE
from core.evaluation.conformal_coverage import PREDICTION, TOO_HIGH, TOO_LOW, TRUTH
from core.evaluation.grouping import ALL_IMAGES
from core.language import N_, gettext, ngettext
from core.plots.classification import plot_by_group
from core.plots.escape import escapes_names
from core.plots.formatting import feature_label, interval
from core.plots.look import NOISE_COLOUR, Look
from core.plots.traces import build_line
from core.tasks import Regression, Task
from core.text import NO_BREAK, number, percent, strong

WIDTH_HEIGHT = 340
ALL_LABEL = N_("All images")
_VERDICTS = {TOO_LOW: N_("too low"), TOO_HIGH: N_("too high")}


def part_label(part: str, task: Regression, tasks: tuple[Task, ...] = ()) -> str:
    """What the groups of a part are called, such as "Predicted age"."""
    label = gettext(task.label).lower()
    if part == PREDICTION:
        return gettext("Predicted {label}", label=label)
    if part == TRUTH:
        return gettext("True {label}", label=label)
    return feature_label(part, tasks)


@escapes_names
def plot_coverage(
    table: pd.DataFrame, task: Regression, look: Look, *, x_title: str
) -> go.Figure:
    """Share of the intervals that hold the truth, by group, beside what is promised.

    Parameters
    ----------
    table : DataFrame
        Rows of all images and of one part of
        ``evaluation.conformal_coverage.conformal_coverage``.
    task : Regression
    look : Look
        Which methods are shown, and how.
    x_title : str
        What the groups are.
    """
    scores = pd.DataFrame(
        {
            "method": table["method"],
            "group": _named(table),
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
            "title": {
                "text": gettext(
                    "Coverage (%); promised: {share}", share=number(promised, 0)
                )
            },
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
            "group": _named(table),
            "mean": table["width"],
            # A mean width has no interval, and so no bar.
            "low": np.nan,
            "high": np.nan,
        }
    )
    figure = plot_by_group(
        scores,
        groups_of(table, task),
        None,
        look,
        y_axis={
            "title": {"text": gettext("Mean width ({unit})", unit=gettext(task.unit))},
            "rangemode": "tozero",
        },
        x_title=x_title,
        digits=1,
        unit=gettext(task.unit),
    )
    # It stands below the other figure, which has the legend.
    return figure.update_layout(showlegend=False, height=WIDTH_HEIGHT, margin_t=20)


def groups_of(table: pd.DataFrame, task: Regression) -> tuple[str, ...]:
    """All images, then the groups of a part in their order; bins ascending."""
    found = dict.fromkeys(table.loc[table["part"] != ALL_IMAGES, "group"])
    if set(found) <= set(task.bin_labels):
        found = dict.fromkeys(name for name in task.bin_labels if name in found)
    has_all = (table["part"] == ALL_IMAGES).any()
    return (gettext(ALL_LABEL), *found) if has_all else tuple(found)


def _named(table: pd.DataFrame) -> pd.Series:
    return table["group"].mask(table["part"] == ALL_IMAGES, gettext(ALL_LABEL))


def coverage_takeaway(
    table: pd.DataFrame, task: Regression, look: Look, *, what: str
) -> str:
    """Where the intervals hold the truth too seldom, and where they are wide.

    Parameters
    ----------
    table : DataFrame
        As for ``plot_coverage``, of all methods, one of which is shown at least.
    task : Regression
    look : Look
        Which methods are spoken of.
    what : str
        What the groups are, such as "Predicted age".
    """
    shown = table[table["method"].isin(look.methods)]
    whole, rows = shown[shown["part"] == ALL_IMAGES], shown[shown["part"] != ALL_IMAGES]
    promised = percent(COVERAGE)
    worst = rows.loc[rows["coverage"].idxmin()]
    low = rows[rows["verdict"] == TOO_LOW]
    if len(low):
        worst = low.loc[low["coverage"].idxmin()]
        seldom = gettext(
            "{what} {group}: only {share} of the intervals of {method} hold the truth, "
            "not {promised}.",
            what=what,
            group=worst["group"],
            share=percent(worst["coverage"]),
            method=look.labels[worst["method"]],
            promised=promised,
        )
        groups = ngettext(
            "In {low} of {count} group, at least one method is certainly below "
            "{promised}.",
            "In {low} of {count} groups, at least one method is certainly below "
            "{promised}.",
            rows["group"].nunique(),
            low=low["group"].nunique(),
            promised=promised,
        )
        said = f"{strong(seldom)} {groups}"
    else:
        said = gettext(
            "No group is certainly below {promised}. The lowest is {method}, {what} "
            "{group}: {share}.",
            promised=promised,
            method=look.labels[worst["method"]],
            what=what.lower(),
            group=worst["group"],
            share=percent(worst["coverage"]),
        )
    return f"{said} {_overall(whole['coverage'])} {_widths(rows, task, look)}"


def _overall(shares: pd.Series) -> str:
    """Coverage of all images, which is what the intervals promise."""
    low, high = percent(shares.min()), percent(shares.max())
    if low == high:
        return gettext("Over all images, the coverage is {share}.", share=low)
    return gettext(
        "Over all images, the coverage is {low} to {high}.",
        low=number(100 * shares.min(), 0),
        high=high,
    )


def _widths(rows: pd.DataFrame, task: Regression, look: Look) -> str:
    """From where to where the intervals of the baseline, or of another, are wide."""
    there = [method for method in look.methods if method in set(rows["method"])]
    method = look.baseline if look.baseline in there else there[0]
    own = rows[rows["method"] == method].set_index("group")["width"]
    least, most = own.idxmin(), own.idxmax()
    return gettext(
        "The intervals of {method} are {narrow} {unit} wide in {narrow_group} and "
        "{wide} in {wide_group}.",
        method=look.labels[method],
        narrow=number(own[least], 0),
        unit=gettext(task.unit),
        narrow_group=least,
        wide=number(own[most], 0),
        wide_group=most,
    )


def coverage_table(table: pd.DataFrame, task: Regression, look: Look) -> pd.DataFrame:
    """A row a group, a column a method: coverage, interval, width, images.

    Parameters as for ``coverage_takeaway``.
    """
    table = table.assign(group=_named(table))
    cells = table.set_index(["group", "method"])
    images = table.groupby("group")["images"]
    rows = []
    for group in groups_of(table, task):
        n, high = (number(ends[group], 0) for ends in (images.min(), images.max()))
        if n != high:
            n = gettext("{low} to {high}", low=n, high=high)
        own = {
            look.labels[method]: _cell(cells.loc[(group, method)], task)
            if (group, method) in cells.index
            else "–"
            for method in look.methods
            if method in set(table["method"])
        }
        rows.append({gettext("Group"): group, gettext("Images"): n, **own})
    return pd.DataFrame(rows)


def _cell(row: pd.Series, task: Regression) -> str:
    between = interval(100 * row["low"], 100 * row["high"], 0)
    share = f"{strong(percent(row['coverage']))} {between}".replace(" ", NO_BREAK)
    width = f"{number(row['width'], 1)} {gettext(task.unit)}".replace(" ", NO_BREAK)
    sign = f" {gettext(_VERDICTS[row['verdict']])}" if row["verdict"] else ""
    return f"{share}{sign}, {width}"
