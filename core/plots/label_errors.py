"""Figures of doubted labels: what is proposed for what."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.label_errors import count_pairs
from core.language import gettext, ngettext
from core.plots.classification import FEW
from core.plots.confusion import make_clickable
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.heat_map import ROW, build_heat_map, frame_cells, write_cells
from core.plots.look import (
    BASELINE_COLOUR,
    METHOD_COLOURS,
    SEQUENTIAL,
    faded,
)
from core.plots.traces import (
    ROW_BELOW,
    ROW_GAP,
    ROW_LINE,
    build_level_bars,
    build_marks,
    row_axis,
    row_names,
)
from core.results.doubt_limits import PAIRS
from core.tasks import Classification, Regression
from core.text import escape_chart, number

DRAWN = 500
"""Doubted numbers that are drawn, the most doubted first."""


@escapes_names
def plot_label_pairs(doubted: pd.DataFrame, task: Classification) -> go.Figure:
    """How many images have each given label (row) and proposed one (column).

    Parameters
    ----------
    doubted : DataFrame
        ``LabelDoubts.doubted``, at least one row.
    task : Binary or Multiclass
        Beyond ``FEW`` classes the most common pairs are drawn as bars: cells would
        be too narrow for their numbers on a phone.
    """
    pairs = count_pairs(doubted)
    if len(task.classes) > FEW:
        return _bars(pairs)
    classes = list(task.classes)
    places = {name: place for place, name in enumerate(classes)}
    counts, against = np.zeros((2, len(classes), len(classes)), np.int64)
    for row in pairs.to_dict("records"):
        cell = places[row["given"]], places[row["proposed"]]
        counts[cell], against[cell] = row["images"], row["by_all"]
    shades = counts / counts.max()
    heat = build_heat_map(
        np.where(counts > 0, shades, np.nan).tolist(),
        classes,
        classes,
        SEQUENTIAL,
        hoverongaps=False,
        customdata=[
            [_cell_text(int(n), int(m)) for n, m in zip(*both, strict=True)]
            for both in zip(counts, against, strict=True)
        ],
        hovertemplate=gettext("labelled %{y}, proposed %{x}: %{customdata}")
        + "<extra></extra>",
    )
    texts = [[number(n, 0) if n else "" for n in row] for row in counts.tolist()]
    figure = frame_cells(
        heat,
        write_cells(heat, texts, shades),
        columns=gettext("Proposed label"),
        rows=gettext("Given label"),
        height=160 + ROW * max(len(classes), 3),
    )
    return make_clickable(figure)


def _cell_text(images: int, by_all: int) -> str:
    if not images:
        return gettext("no doubted label")
    return ngettext(
        "{count} image, every run against the label of {by_all}",
        "{count} images, every run against the label of {by_all}",
        images,
        by_all=by_all,
    )


def pair_at(
    point: Mapping[str, Any], doubted: pd.DataFrame, task: Classification
) -> tuple[str, str]:
    """The given and the proposed label of a point of ``plot_label_pairs``.

    Parameters
    ----------
    point : mapping
        As the browser tells of it: ``x`` and ``y`` of a cell, ``point_index`` of a bar.
    doubted : DataFrame
        What the figure was drawn from.
    task : Binary or Multiclass
    """
    if len(task.classes) > FEW:
        row = count_pairs(doubted).iloc[int(point["point_index"])]
        return str(row["given"]), str(row["proposed"])
    # A point has the names as they were drawn.
    named = {escape_chart(name): name for name in task.classes}
    return named[str(point["y"])], named[str(point["x"])]


def _bars(pairs: pd.DataFrame) -> go.Figure:
    """The most common pairs, one bar each, with their names above them."""
    first = pairs.head(PAIRS)
    names = [
        f"{row['given']} → <b>{row['proposed']}</b>" for row in first.to_dict("records")
    ]
    bars = build_level_bars(
        first["images"].tolist(),
        names,
        {"color": faded(METHOD_COLOURS[0], 0.8)},
        width=0.36,
        text=[number(count, 0) for count in first["images"]],
        textposition="outside",
        cliponaxis=False,
        # A bar that was clicked does not fade the others.
        unselected={"marker": {"opacity": 1}},
        customdata=first["by_all"].tolist(),
        hovertemplate=gettext(
            "%{y}: %{x} images, every run against the label of %{customdata}"
        )
        + "<extra></extra>",
    )
    return build_figure(
        [bars],
        height=90 + (ROW_BELOW + ROW_GAP + ROW_LINE) * len(first),
        legend=False,
        annotations=row_names(names),
        xaxis={
            "title": {"text": gettext("Doubted labels (images)")},
            "rangemode": "tozero",
            # Room for the number behind the longest bar.
            "range": [0, 1.08 * int(first["images"].max())],
        },
        yaxis=row_axis(len(first), down=True),
    )


@escapes_names
def plot_doubted_numbers(doubted: pd.DataFrame, task: Regression) -> go.Figure:
    """The doubted labels of a number beside what is proposed for each.

    Parameters
    ----------
    doubted : DataFrame
        ``LabelDoubts.doubted``; a bar is the spread of the runs' answers.
    task : Regression
    """
    rows = doubted.head(DRAWN)
    ends = [task.minimum, task.maximum]
    same = {
        "type": "scatter",
        "mode": "lines",
        "x": ends,
        "y": ends,
        "line": {"color": BASELINE_COLOUR, "dash": "dot", "width": 2},
        "hoverinfo": "skip",
        "name": gettext("as labelled"),
    }
    colour = METHOD_COLOURS[0]
    spread, unit = rows["spread"].fillna(0), gettext(task.unit)
    points = build_marks(
        rows["given"].tolist(),
        rows["proposed"].tolist(),
        {"color": colour, "size": 9, "symbol": "circle"},
        name=gettext("doubted"),
        error_y={
            "type": "data",
            "array": spread.tolist(),
            "color": faded(colour, 0.45),
            "thickness": 1.5,
            "width": 0,
        },
        customdata=[_number_text(row, task) for row in rows.to_dict("records")],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return build_figure(
        [same, points],
        height=430,
        legend=False,
        xaxis={"title": {"text": gettext("Given label ({unit})", unit=unit)}},
        yaxis={
            "title": {"text": gettext("Proposed by the methods ({unit})", unit=unit)}
        },
    )


def _number_text(row: Mapping[Any, Any], task: Regression) -> str:
    """What is said of one doubted number where it is pointed at."""
    return gettext(
        "{image}<br>labelled {given}, proposed {proposed} {unit}<br>{against} of "
        "{runs} runs as far away",
        image=row["image_id"],
        given=number(row["given"], 0),
        proposed=number(row["proposed"], 0),
        unit=gettext(task.unit),
        against=int(row["against"]),
        runs=int(row["runs"]),
    )
