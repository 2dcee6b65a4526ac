"""Figures as pictures, at the size and the sharpness of a slide."""

import io
from typing import Any

import plotly.graph_objects as go
from matplotlib.figure import Figure
from PIL import Image

from core.report.fit import POINTS
from core.report.places import Box
from core.report.print_figure import (
    PAPERS,
    RESOLUTION,
    Paper,
    print_figure,
    print_settings,
)
from core.text import chart_to_plain

# Of the type of a whole slide: a tall figure, or one beside others, is smaller.
LEAST_SCALE = 0.8


def own_title(figure: go.Figure) -> str:
    """The title that a figure has besides that of its card, such as a method's name."""
    text = figure.layout.title.text or ""
    return chart_to_plain(text.rpartition("</span>")[2])


def paper_of(figure: go.Figure, width: float, height: float) -> Paper:
    """Room for a figure on a slide, in inches; its type shrinks until it fits."""
    whole = PAPERS["slide"]
    share = min(1.0, max(LEAST_SCALE, 2 * width / whole.width))
    pixels = figure.layout.height or 450
    # Below pictures stand lines of text, which would reach into the next row.
    least = 0.0 if figure.layout.images else LEAST_SCALE * whole.scale
    return Paper(
        width, height, min(whole.scale * share, max(least, height * POINTS / pixels))
    )


def print_at(figure: go.Figure, place: Box, *, title: str = "") -> Figure:
    """A figure drawn for a place; the title is left out where it has one of its own."""
    above = "" if own_title(figure) else title
    paper = paper_of(figure, place.width, place.height)
    return print_figure(figure, width=paper, title=above)


class Pictures:
    """Figures of a report as PNG, each drawn once for all formats."""

    def __init__(self) -> None:
        # A figure is kept beside its picture, so that its identity stays its own.
        self._known: dict[Any, tuple[go.Figure, bytes]] = {}

    def png(self, figure: go.Figure, place: Box, *, title: str = "") -> bytes:
        """A figure at a place; as in ``print_at``."""
        key = id(figure), place.width, place.height, title
        if key not in self._known:
            self._known[key] = figure, _png(print_at(figure, place, title=title))
        return self._known[key][1]


def _png(printed: Figure) -> bytes:
    content = io.BytesIO()
    with print_settings():
        printed.savefig(
            content, format="png", dpi=RESOLUTION, metadata={"Software": None}
        )
    return content.getvalue()


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture in pixels."""
    with Image.open(io.BytesIO(content)) as image:
        return image.size
