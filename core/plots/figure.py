"""A figure with the common look: fonts, margins, legend and axes."""

import copyreg
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from core.language import number_signs
from core.plots.look import (
    FONT_FAMILY,
    FONT_SIZE,
    GRID_COLOUR,
    INK,
    METHOD_COLOURS,
    TITLE_SIZE,
)

# Plotly's own templates are large, and copying one into each figure takes longer than
# all else: this small one is set for every figure that is made from here on.
pio.templates["equipoise"] = go.layout.Template(
    layout={
        "font": {"size": FONT_SIZE, "family": FONT_FAMILY},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "colorway": list(METHOD_COLOURS),
        # Distances as Streamlit's own template has them, so that a file looks alike.
        "margin": {"pad": 8},
        "xaxis": {"title": {"standoff": 20}, "showgrid": False, "zeroline": False},
        "yaxis": {"title": {"standoff": 24}},
    }
)
pio.templates.default = "equipoise"
TITLE_LETTERS = 28
"""Letters of a title below a chart that a phone has room for."""


def build_figure(
    traces: Sequence[Mapping[str, Any]],
    *,
    height: int,
    legend: bool = True,
    title: str = "",
    **layout: Any,
) -> go.Figure:
    """Build a figure in one go from plain traces, with the common look.

    Parameters
    ----------
    traces : sequence of mappings
        As Plotly's schema has them, each with its ``type``.
    height : int
        Pixels.
    legend : bool
        Whether a legend is drawn, above the chart.
    title : str
        Written in bold above the chart, where several stand side by side.
    **layout
        Further keys of the layout; axes are merged into the common style.

    Notes
    -----
    Plotly checks and copies at every ``update_``; building once is ten times as fast.
    """
    axes = {"xaxis": {}, "yaxis": {}} | {
        key: value for key, value in layout.items() if key[1:5] == "axis"
    }
    styled = {key: _styled_axis(value) for key, value in axes.items()}
    for note in layout.get("annotations", ()):
        note["font"] = {"size": FONT_SIZE, "color": INK, **note.get("font", {})}
    common = _common_layout(height=height, legend=legend)
    if title:
        common["title"] = {
            "text": f"<b>{title}</b>",
            "font": {"size": FONT_SIZE + 1, "color": INK},
            "x": 0,
            "y": 0.98,
            "yanchor": "top",
        }
        # A legend stands between title and chart.
        common["margin"]["t"] = 68 if legend else 46
    return go.Figure(data=list(traces), layout={**common, **layout, **styled})


def broken(text: str, letters: int) -> str:
    """A text in lines of at most so many letters, such as a phone has room for."""
    return "<br>".join(
        line for part in text.split("<br>") for line in wrap(part, letters)
    )


def finish(
    figure: go.Figure,
    *,
    x_title: str = "",
    y_title: str = "",
    height: int = 460,
    legend: bool = True,
    **layout: Any,
) -> go.Figure:
    """Give a figure made elsewhere the common look; return it.

    Parameters
    ----------
    figure : plotly Figure
        Changed in place.
    x_title, y_title : str
        Titles, with the unit, for every axis of that direction.
    height : int
        Pixels.
    legend : bool
        Whether a legend is drawn, above the chart.
    **layout
        Handed to ``update_layout`` with the rest.
    """
    figure.update_layout({**_common_layout(height=height, legend=legend), **layout})
    figure.update_xaxes(_styled_axis({"title": {"text": x_title}} if x_title else {}))
    figure.update_yaxes(_styled_axis({"title": {"text": y_title}} if y_title else {}))
    # Titles of subplots are annotations, which Plotly draws at 16 whatever the font.
    figure.update_annotations(font_size=FONT_SIZE)
    return figure


def rebuild(spec: Mapping[str, Any]) -> go.Figure:
    """A figure of the data and layout of another one (``spec_of``).

    Plotly has checked these, which takes four times as long as all else, and does not
    check them again.
    """
    return go.Figure(spec, _validate=False)


def spec_of(figure: go.Figure) -> dict[str, Any]:
    """Copies of data and layout; arrays stay arrays, and are no text as in a file."""
    return {
        "data": [trace.to_plotly_json() for trace in figure.data],
        "layout": figure.layout.to_plotly_json(),
    }


def _reduced(figure: go.Figure) -> tuple[Any, ...]:
    return rebuild, (spec_of(figure),)


# Plotly's own way would check the figure again as it is read, and give arrays as text.
copyreg.pickle(go.Figure, _reduced)


def _common_layout(*, height: int, legend: bool) -> dict[str, Any]:
    thousands, decimal = number_signs()
    return {
        "separators": decimal + thousands,
        # In the figure itself: the page gives its own font to every template.
        "font": {"size": FONT_SIZE, "color": INK, "family": FONT_FAMILY},
        "hoverlabel": {"font": {"size": FONT_SIZE}},
        "height": height,
        "margin": {"l": 10, "r": 16, "t": 48 if legend else 28, "b": 10},
        "showlegend": legend,
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": FONT_SIZE, "color": INK},
            "title": {"text": ""},
            "tracegroupgap": 0,
        },
        "dragmode": False,
        "bargap": 0.18,
    }


def _styled_axis(axis: Mapping[str, Any]) -> dict[str, Any]:
    title = axis.get("title", {})
    return {
        "tickfont": {"size": FONT_SIZE, "color": INK},
        "gridcolor": GRID_COLOUR,
        "zerolinecolor": GRID_COLOUR,
        "automargin": True,
        **axis,
        "title": {**title, "font": {"size": TITLE_SIZE, "color": INK}},
    }
