"""The heat map of the Fairness page: a metric in every crossing of two features."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.crossing import SHOWN as CROSSING
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import MetricInfo, in_unit
from core.evaluation.verdicts import BETTER, DIFFERS, SMALL_GROUP, WORSE
from core.language import gettext, ngettext
from core.plots.escape import escapes_names
from core.plots.formatting import interval, signed, valued
from core.plots.heat_map import plot_cells
from core.plots.look import SMALL_SIGN, Look
from core.results.sentences import SIGNS, about_models
from core.tasks import Task
from core.text import number

NARROW = 4
"""Columns for whose numbers a phone has room."""
CELL_SIGNS = {verdict: f" {SIGNS[verdict]}" for verdict in (BETTER, WORSE, DIFFERS)}


def map_cells(comparison: Comparison, info: MetricInfo, method: str) -> pd.DataFrame:
    """One row a crossing: its place in the map, its value, its change and its n.

    Parameters
    ----------
    comparison : Comparison
        Over at least one feature; the last one makes the columns.
    info : MetricInfo
    method : str

    Returns
    -------
    DataFrame
        Columns ``row``, ``column``, ``images``, ``n``, ``small``; ``mean``, ``low``,
        ``high`` and ``delta``, ``delta_low``, ``delta_high`` in the metric's unit
        (NaN where undefined, and the change of the baseline); ``verdict``, ``scope``
        and ``note``.
    """
    levels = comparison.grouping.levels
    features = list(levels.columns)
    names = pd.DataFrame(
        {
            "row": levels[features[:-1]].agg(CROSSING.join, axis=1)
            if len(features) > 1
            else "",
            "column": levels[features[-1]],
        }
    )
    groups = comparison.groups
    own = groups[(groups["metric"] == info.key) & (groups["method"] == method)]
    own = own.set_index("group")
    cells = names.join(own[["images", "n", "small", "verdict", "scope", "note"]])
    scaled = ["mean", "low", "high", "delta", "delta_low", "delta_high"]
    return cells.join(own[scaled] * info.factor).reset_index()


def map_methods(comparison: Comparison, info: MetricInfo, look: Look) -> pd.DataFrame:
    """As ``map_cells`` of one feature, with a row for each method."""
    parts = [
        map_cells(comparison, info, method).assign(row=look.labels[method])
        for method in look.methods
    ]
    return pd.concat(parts, ignore_index=True)


@escapes_names
def plot_group_map(
    cells: pd.DataFrame, info: MetricInfo, *, titles: tuple[str, str], change: bool
) -> go.Figure:
    """Heat map with the value, or its change, and n in every cell.

    Parameters
    ----------
    cells : DataFrame
        From ``map_cells``.
    info : MetricInfo
    titles : tuple of str
        Of the rows and of the columns.
    change : bool
        Whether the change to the baseline is drawn in place of the value.
    """
    rows, columns = (list(dict.fromkeys(cells[name])) for name in ("row", "column"))
    if len(columns) > max(len(rows), NARROW):
        # A phone has room for few columns, and for many rows.
        return plot_group_map(
            cells.rename(columns={"row": "column", "column": "row"}),
            info,
            titles=titles[::-1],
            change=change,
        )
    grid = cells.set_index(["row", "column"], drop=False)
    by_place = [[grid.loc[(row, column)] for column in columns] for row in rows]
    name = "delta" if change else "mean"
    values = np.array([[cell[name] for cell in line] for line in by_place], np.float64)
    return plot_cells(
        _shades(values, info, change=change),
        [[_text(cell, info, change=change) for cell in line] for line in by_place],
        rows=rows,
        columns=columns,
        hover=[[_hover(cell, info) for cell in line] for line in by_place],
        diverging=change,
        x_title=titles[1],
        y_title=titles[0],
        height=120 + 62 * len(rows),
    )


def _shades(
    values: NDArray[np.float64], info: MetricInfo, *, change: bool
) -> NDArray[np.float64]:
    """Darker is worse of a value; of a change, one hue is better, the other worse."""
    known = np.isfinite(values)
    if not known.any():
        return np.full(values.shape, np.nan)
    sizes = np.abs(values) if info.direction == "zero" else values
    if change:
        # Blue, above a half, is better on every page.
        better = 1 if info.direction in ("higher", "none") else -1
        reach = np.nanmax(np.abs(values)) or 1.0
        return np.asarray(0.5 + 0.5 * better * values / reach)
    low, high = np.nanmin(sizes), np.nanmax(sizes)
    share = (sizes - low) / (high - low) if high > low else np.where(known, 0.3, np.nan)
    return np.asarray(1 - share if info.direction == "higher" else share)


def _text(cell: pd.Series, info: MetricInfo, *, change: bool) -> str:
    if not cell["images"]:
        return "–"
    write, name = (signed, "delta") if change else (number, "mean")
    mark = SMALL_SIGN if cell["small"] else ""
    if change and not cell["small"]:
        mark = CELL_SIGNS.get(str(cell["verdict"]), "")
    n = number(cell["images"], 0)
    return f"<b>{write(cell[name], info.digits)}{mark}</b><br>n {n}"


def _hover(cell: pd.Series, info: MetricInfo) -> str:
    where = CROSSING.join(filter(None, (cell["row"], cell["column"])))
    if not cell["images"]:
        none = gettext("no image")
        return f"<b>{where}</b><br>{none}"
    value = valued(info, cell["mean"], cell["low"], cell["high"])
    lines = [
        f"<b>{where}</b>",
        gettext("{name}: {value}", name=info.label, value=value),
        _images_text(int(cell["images"]), int(cell["n"])),
    ]
    if np.isfinite(cell["delta"]):
        lines.append(
            gettext(
                "against the baseline {change} {interval}, {verdict}",
                change=signed(cell["delta"], info.digits),
                interval=interval(cell["delta_low"], cell["delta_high"], info.digits),
                verdict=gettext(str(cell["verdict"])),
            )
        )
    if cell["small"]:
        lines.append(gettext("fewer than {few}: too few to tell", few=SMALL_GROUP))
    return "<br>".join(lines)


def _images_text(images: int, counted: int) -> str:
    if images == counted:
        return ngettext("{count} image", "{count} images", images)
    return ngettext(
        "{count} image, {counted} of them count here",
        "{count} images, {counted} of them count here",
        images,
        counted=counted,
    )


def map_takeaway(
    cells: pd.DataFrame,
    info: MetricInfo,
    label: str,
    *,
    change: bool,
    tasks: tuple[Task, ...] = (),
) -> str:
    """The worst and the best cell, or where a method certainly changes something."""
    told = cells[(cells["images"] > 0) & ~cells["small"] & cells["mean"].notna()]
    small = int((cells["images"].gt(0) & cells["small"]).sum())
    if told.empty:
        return gettext(
            "Every cell rests on fewer than {few} images: none can be told.",
            few=SMALL_GROUP,
        )
    tell = _changes_told if change else _ends_told
    said = [tell(told, info, label)]
    if small:
        said.append(
            ngettext(
                "{count} cell of {cells} ({sign}) rests on fewer than {few} images: "
                "too few to tell.",
                "{count} cells of {cells} ({sign}) rest on fewer than {few} images: "
                "too few to tell.",
                small,
                cells=len(cells),
                sign=SMALL_SIGN,
                few=SMALL_GROUP,
            )
        )
    return " ".join(said)


def methods_takeaway(cells: pd.DataFrame, info: MetricInfo, feature: str) -> str:
    """In how many of the methods the same group has the lowest value."""
    known = cells[cells["mean"].notna() & (cells["images"] > 0) & ~cells["small"]]
    if known.empty:
        return gettext(
            "Every group rests on fewer than {few} images: none can be told.",
            few=SMALL_GROUP,
        )
    lowest = known.loc[known.groupby("row", sort=False)["mean"].idxmin(), "column"]
    counts = lowest.value_counts()
    feature = feature[:1].lower() + feature[1:]
    return ngettext(
        "By the point estimates, {metric} is lowest in {feature} {group} for {lowest} "
        "of {count} method.",
        "By the point estimates, {metric} is lowest in {feature} {group} for {lowest} "
        "of {count} methods.",
        len(lowest),
        metric=info.phrase,
        feature=feature,
        group=counts.index[0],
        lowest=counts.iloc[0],
    )


def map_note(info: MetricInfo, *, change: bool) -> str:
    """What the shades and the signs of the map mean."""
    if not change:
        if info.direction == "zero":
            return gettext("Darker is farther from zero.")
        if info.direction == "none":
            return gettext("Darker is more.")
        return gettext("Darker is worse.")
    if info.direction == "none":
        return gettext(
            "Blue is higher than the method compared with, orange lower; ◆ is certain."
        )
    return gettext(
        "Blue is better than the method compared with, orange worse; ▲ ▼ are certain."
    )


def _ends_told(told: pd.DataFrame, info: MetricInfo, label: str) -> str:
    sizes = told["mean"].abs() if info.direction == "zero" else told["mean"]
    ends = [sizes.idxmin(), sizes.idxmax()]
    if info.direction in ("lower", "zero"):
        ends.reverse()
    first, second = (_cell_told(told.loc[place], info) for place in ends)
    fields = {"method": label, "metric": info.phrase, "first": first, "second": second}
    if info.direction == "none":
        return ngettext(
            "With {method}, {metric} is lowest in {first} and highest in {second}, by "
            "the point estimates of {count} cell.",
            "With {method}, {metric} is lowest in {first} and highest in {second}, by "
            "the point estimates of {count} cells.",
            len(told),
            **fields,
        )
    return ngettext(
        "With {method}, {metric} is worst in {first} and best in {second}, by the "
        "point estimates of {count} cell.",
        "With {method}, {metric} is worst in {first} and best in {second}, by the "
        "point estimates of {count} cells.",
        len(told),
        **fields,
    )


def _cell_told(cell: Any, info: MetricInfo) -> str:
    """A cell with its value and its n."""
    value = in_unit(number(cell["mean"], info.digits), info.plain_unit, cell["mean"])
    return f"{cell['group']} ({value}, n {number(cell['images'], 0)})"


def _changes_told(told: pd.DataFrame, info: MetricInfo, label: str) -> str:
    counts: Mapping[str, int] = told["verdict"].value_counts().to_dict()
    better, worse, differ = (int(counts.get(v, 0)) for v in (BETTER, WORSE, DIFFERS))
    fields = {"method": label, "metric": info.phrase}
    if not better + worse + differ:
        return ngettext(
            "In none of {count} cell was a difference between {method} and the "
            "baseline detected on {metric}.",
            "In none of {count} cells was a difference between {method} and the "
            "baseline detected on {metric}.",
            len(told),
            **fields,
        )
    if differ:
        said = ngettext(
            "Against the baseline, {method} certainly differs in {differ} of {count} "
            "cell on {metric}.",
            "Against the baseline, {method} certainly differs in {differ} of {count} "
            "cells on {metric}.",
            len(told),
            differ=differ,
            **fields,
        )
    elif better and worse:
        said = ngettext(
            "Against the baseline, {method} is certainly better in {better} and worse "
            "in {worse} of {count} cell on {metric}.",
            "Against the baseline, {method} is certainly better in {better} and worse "
            "in {worse} of {count} cells on {metric}.",
            len(told),
            better=better,
            worse=worse,
            **fields,
        )
    elif better:
        said = ngettext(
            "Against the baseline, {method} is certainly better in {better} of {count} "
            "cell on {metric}.",
            "Against the baseline, {method} is certainly better in {better} of {count} "
            "cells on {metric}.",
            len(told),
            better=better,
            **fields,
        )
    else:
        said = ngettext(
            "Against the baseline, {method} is certainly worse in {worse} of {count} "
            "cell on {metric}.",
            "Against the baseline, {method} is certainly worse in {worse} of {count} "
            "cells on {metric}.",
            len(told),
            worse=worse,
            **fields,
        )
    others = gettext(
        "In the others no difference was detected. Verdicts are corrected for the "
        "methods, not for the cells."
    )
    return about_models(f"{said} {others}", told)


def axes_of(features: Sequence[str], names: Mapping[str, str]) -> tuple[str, str]:
    """Titles of the rows and the columns of the map."""
    rows = CROSSING.join(names[feature] for feature in features[:-1])
    return rows, names[features[-1]]
