"""Figures as pictures, at the size and the sharpness of a slide."""

import io

import plotly.graph_objects as go
from PIL import Image

from core.report.fit import POINTS
from core.report.print_figure import PAPERS, RESOLUTION, Paper, print_figure
from core.text import chart_to_plain

# Of the type of a whole slide: a tall figure, or one beside others, is smaller.
LEAST_SCALE = 0.6


def own_title(figure: go.Figure) -> str:
    """The title that a figure has besides that of its card, such as a method's name."""
    text = figure.layout.title.text or ""
    return chart_to_plain(text.rpartition("</span>")[2])


def paper_of(figure: go.Figure, width: float, height: float) -> Paper:
    """Room for a figure on a slide, in inches; its type shrinks until it fits."""
    whole = PAPERS["slide"]
    share = min(1.0, max(LEAST_SCALE, 2 * width / whole.width))
    pixels = figure.layout.height or 450
    least = LEAST_SCALE * whole.scale
    return Paper(
        width, height, min(whole.scale * share, max(least, height * POINTS / pixels))
    )


def figure_picture(
    figure: go.Figure, *, width: float, height: float, title: str = ""
) -> bytes:
    """A figure as PNG, for a place of so many inches.

    Parameters
    ----------
    figure : Figure
    width, height : float
        Inches of the place.
    title : str
        Written above the figure, unless it has one of its own.
    """
    above = "" if own_title(figure) else title
    printed = print_figure(figure, width=paper_of(figure, width, height), title=above)
    content = io.BytesIO()
    printed.savefig(content, format="png", dpi=RESOLUTION, metadata={"Software": None})
    return content.getvalue()


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture in pixels."""
    with Image.open(io.BytesIO(content)) as image:
        return image.size
