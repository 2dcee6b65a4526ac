"""A figure of pictures side by side, each with a few lines of text below it."""

import base64
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from core.plots.escape import escapes_names
from core.plots.figure import broken, build_figure
from core.plots.traces import build_marks, build_note

COLUMNS = 4
"""Pictures side by side."""
SIDE = 128
"""Pixels of a picture's height."""
# Pixels of a line below it, and between one picture's lines and the next picture.
LINE, GAP = 21, 22
LETTERS = 32
"""Of a line below a picture, at most."""


@escapes_names
def plot_gallery(
    pictures: Sequence[bytes], ids: Sequence[str], lines: Sequence[Sequence[str]]
) -> go.Figure:
    """Pictures in rows of ``COLUMNS``, in the order given.

    Parameters
    ----------
    pictures : sequence of bytes
        PNG files.
    ids : sequence of str
        Names of the images, shown where one is pointed at.
    lines : sequence of sequence of str
        What is written below each; the first line is bold.
    """
    texts = [[broken(line, LETTERS) for line in own] for own in lines]
    written = ["<br>".join([f"<b>{own[0]}</b>", *own[1:]]) for own in texts]
    deepest = 1 + max(text.count("<br>") for text in written)
    step = SIDE + LINE * deepest + GAP
    rows = -(-len(pictures) // COLUMNS)
    places = [
        (index % COLUMNS + 0.5, step * (index // COLUMNS))
        for index in range(len(pictures))
    ]
    hidden = {"visible": False, "fixedrange": True}
    return build_figure(
        [_marks(places, ids, lines)],
        height=rows * step + 40,
        legend=False,
        hoverdistance=-1,
        xaxis={**hidden, "range": [0, COLUMNS]},
        yaxis={**hidden, "range": [rows * step, 0]},
        images=[
            {
                "source": f"data:image/png;base64,{base64.b64encode(png).decode()}",
                **{"xref": "x", "yref": "y", "x": x, "y": y},
                **{"sizex": 0.94, "sizey": SIDE, "sizing": "contain"},
                **{"xanchor": "center", "yanchor": "top"},
            }
            for png, (x, y) in zip(pictures, places, strict=True)
        ],
        annotations=[
            build_note(text, x, y + SIDE, yanchor="top")
            for text, (x, y) in zip(written, places, strict=True)
        ],
    )


def _marks(
    places: Sequence[tuple[float, float]],
    ids: Sequence[str],
    lines: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """What is said where a picture is pointed at: its id, and what stands below it."""
    return build_marks(
        [x for x, _ in places],
        [y + SIDE / 2 for _, y in places],
        {"size": 12, "opacity": 0},
        customdata=[
            "<br>".join([image_id, *own])
            for image_id, own in zip(ids, lines, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=False,
    )
