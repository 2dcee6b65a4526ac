"""A grid of shaded cells with their values written in, readable on every shade."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from core.plots.figure import broken, build_figure
from core.plots.look import DARK_TEXT, DIVERGING, FONT_SIZE, INK, SEQUENTIAL, WHITE_TEXT
from core.plots.traces import build_note

ROW = 52
"""Pixels of a row whose cells have large text."""
ROW_LETTERS = 18
"""Letters of a row's name that leave a phone room for the cells."""
# Where white text begins to stand out more than dark text on ``SEQUENTIAL``.
WHITE_FROM = 0.72
# The same of ``DIVERGING``, on either side.
WHITE_ENDS = 0.82


def text_colour(shade: float, *, diverging: bool = False) -> str:
    """Colour of text on a cell that is that dark, from 0 (lightest) to 1 (darkest).

    Without a shade, NaN, the cell has the page's ground, and text its colour.
    """
    if shade != shade:
        return INK
    if diverging:
        return WHITE_TEXT if abs(2 * shade - 1) >= WHITE_ENDS else DARK_TEXT
    return WHITE_TEXT if shade >= WHITE_FROM else DARK_TEXT


def build_heat_map(
    z: Any,
    columns: Sequence[str],
    rows: Sequence[str],
    scale: Sequence[tuple[float, str]],
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    gap: int = 2,
    **more: Any,
) -> dict[str, Any]:
    """A trace of coloured cells, without their texts.

    Parameters
    ----------
    z : array, shape (rows, columns)
    columns, rows : sequence of str
        Names of the axes' places.
    scale : sequence of (share, colour)
    ends : tuple of float
        Values at both ends of the scale.
    gap : int
        Pixels between cells.
    **more
        Further keys of the trace.
    """
    return {
        "type": "heatmap",
        "z": z,
        "x": list(columns),
        "y": list(rows),
        "zmin": ends[0],
        "zmax": ends[1],
        "colorscale": [list(stop) for stop in scale],
        "showscale": False,
        "xgap": gap,
        "ygap": gap,
        **more,
    }


def write_cells(
    heatmap: Mapping[str, Any],
    texts: Sequence[Sequence[str]],
    shades: ArrayLike,
    *,
    size: int = FONT_SIZE,
    diverging: bool = False,
) -> list[dict[str, Any]]:
    """Text of each cell of a heat map, where there is any, as annotations.

    Plotly's own text colour follows the theme and is lost on the middle shades.
    ``texts`` and ``shades`` have the shape of the cells; see ``text_colour``.
    """
    return [
        build_note(
            text,
            column,
            row,
            font={"size": size, "color": text_colour(shade, diverging=diverging)},
        )
        for row, said, tones in zip(
            heatmap["y"], texts, np.asarray(shades, np.float64), strict=True
        )
        for column, text, shade in zip(heatmap["x"], said, tones, strict=True)
        if text
    ]


def frame_cells(
    heatmap: Mapping[str, Any],
    notes: Sequence[dict[str, Any]],
    *,
    columns: str,
    rows: str,
    height: int,
    title: str = "",
    **columns_axis: Any,
) -> go.Figure:
    """A heat map of classes by classes, its first row above.

    Parameters
    ----------
    heatmap : mapping
        From ``build_heat_map``.
    notes : sequence of dict
        From ``write_cells``.
    columns, rows : str
        Titles of the axes.
    height : int
    title : str
    **columns_axis
        Further keys of the axis below.
    """
    # A class may be called by a number.
    axis = {"type": "category", "showgrid": False}
    return build_figure(
        [heatmap],
        height=height,
        legend=False,
        title=title,
        xaxis={**axis, "title": {"text": columns}, **columns_axis},
        yaxis={**axis, "title": {"text": rows}, "autorange": "reversed"},
        annotations=notes,
    )


def plot_cells(
    shades: ArrayLike,
    texts: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    hover: Sequence[Sequence[str]],
    height: int,
    x_title: str = "",
    y_title: str = "",
    diverging: bool = False,
    **columns_axis: Any,
) -> go.Figure:
    """Heat map whose text is dark on light cells and white on dark ones.

    Parameters
    ----------
    shades : float array, shape (rows, columns)
        From 0 (lightest) to 1 (darkest); NaN leaves a cell without colour.
    texts, hover : nested sequences of str
        What is written in each cell, and what is said when it is pointed at.
    rows, columns : sequences of str
        Names, from above and from the left.
    height : int
        Pixels.
    x_title, y_title : str
        What the columns are, and what the rows are.
    diverging : bool
        Whether 0.5 is the neutral middle between two hues.
    **columns_axis
        Further keys of the axis of the columns.
    """
    values = np.asarray(shades, dtype=np.float64)
    scale = DIVERGING if diverging else SEQUENTIAL
    heat = build_heat_map(
        values,
        columns,
        [broken(row, ROW_LETTERS) for row in rows],
        scale,
        customdata=hover,
        hoverongaps=True,
        hovertemplate="%{customdata}<extra></extra>",
    )
    axis = {"type": "category", "showgrid": False}
    return build_figure(
        [heat],
        height=height,
        legend=False,
        annotations=write_cells(heat, texts, values, diverging=diverging),
        xaxis={**axis, "title": {"text": x_title}, **columns_axis},
        yaxis={**axis, "title": {"text": y_title}, "autorange": "reversed"},
    )
