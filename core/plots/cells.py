"""A grid of shaded cells with their values written in, readable on every shade."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from core.plots import style

# Where white text begins to stand out more than dark text on ``style.SEQUENTIAL``.
WHITE_FROM = 0.72
DARK_TEXT, WHITE_TEXT = "#000000", "#FFFFFF"


def text_colour(shade: float) -> str:
    """Colour of text on a cell that is that dark, from 0 (lightest) to 1 (darkest)."""
    return WHITE_TEXT if shade >= WHITE_FROM else DARK_TEXT


def plot_cells(
    shades: ArrayLike,
    texts: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    hover: Sequence[Sequence[str]],
) -> go.Figure:
    """Heat map whose text is dark on light cells and white on dark ones.

    Parameters
    ----------
    shades : float array, shape (rows, columns)
        From 0 (lightest) to 1 (darkest).
    texts, hover : nested sequences of str
        What is written in each cell, and what is said when it is pointed at.
    rows, columns : sequences of str
        Names, from above and from the left.

    Notes
    -----
    Plotly's own text colour follows the theme and is lost on the middle shades.
    """
    values = np.asarray(shades, dtype=np.float64)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(columns),
            y=list(rows),
            customdata=hover,
            zmin=0.0,
            zmax=1.0,
            colorscale=[list(stop) for stop in style.SEQUENTIAL],
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            figure.add_annotation(
                x=column,
                y=row,
                text=texts[i][j],
                showarrow=False,
                font={
                    "size": style.FONT_SIZE,
                    "color": text_colour(values[i, j]),
                },
            )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return figure
