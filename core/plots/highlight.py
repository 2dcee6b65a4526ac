"""Dimming the rest: who points at a line, or at its name in the legend, sees it alone.

Plotly has no such highlight, so its parts are marked, and a style sheet does the rest.
"""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from core.plots.look import FONT_FAMILY

# Legends with fewer entries are read without help; no chart has more than the last.
FEWEST_ENTRIES, MOST_ENTRIES = 4, 32
DIMMED = 0.12
NOTE = (
    "Point at a line or mark, or at its name in the legend, to dim the others; a click "
    "on a name hides it, and a double click shows it alone."
)
_MARK = "entry"


def with_highlight(figure: go.Figure) -> go.Figure:
    """A copy whose traces say which entry of the legend they belong to.

    Parameters
    ----------
    figure : plotly Figure
        One with few entries, or with a trace in its legend that is not of lines and
        points, is returned as it is.

    Notes
    -----
    Plotly writes a trace's opacity into the style of its lines and of its entry, and
    the font of its hover label into that of the label: ``HIGHLIGHT`` reads the place of
    the entry there. In the opacity it stands in digits too small to be seen. A trace's
    ``uid`` would be plainer, but is not sent to the browser.
    """
    traces = figure.to_plotly_json()["data"]
    places = _entries_of(traces) if figure.layout.showlegend else []
    count = len({place for place in places if place})
    if not FEWEST_ENTRIES <= count <= MOST_ENTRIES:
        return figure
    marked = [
        _marked(trace, place) if place else trace
        for trace, place in zip(traces, places, strict=True)
    ]
    return go.Figure(data=marked, layout=figure.layout)


def is_highlighted(figure: go.Figure) -> bool:
    """Whether ``with_highlight`` has marked its traces."""
    return any(_MARK in (trace.hoverlabel.font.family or "") for trace in figure.data)


def _entries_of(traces: Sequence[dict[str, Any]]) -> list[int]:
    """Place of each trace's entry in the legend, from 1; 0 for a trace without one.

    Empty where the places cannot be told.
    """
    shown = [trace for trace in traces if trace.get("showlegend", True)]
    if any(trace["type"] != "scatter" for trace in shown):
        return []
    groups = [trace.get("legendgroup", "") for trace in shown]
    if not any(groups):
        numbers = iter(range(1, len(shown) + 1))
        return [next(numbers) if t.get("showlegend", True) else 0 for t in traces]
    # A group that has several entries, or none, is not one line of the legend.
    if len(set(groups)) < len(groups) or not all(groups):
        return []
    places = {group: place for place, group in enumerate(groups, start=1)}
    return [places.get(trace.get("legendgroup", ""), 0) for trace in traces]


def _marked(trace: dict[str, Any], place: int) -> dict[str, Any]:
    label = trace.get("hoverlabel", {})
    family = {"family": f"{FONT_FAMILY}, {_MARK}-{place}-"}
    seen = min(int(100 * trace.get("opacity", 1)), 99)
    return {
        **trace,
        "opacity": float(f"0.{seen:02}{_digits(place)}"),
        "hoverlabel": {**label, "font": {**label.get("font", {}), **family}},
    }


def _digits(place: int) -> str:
    """Those of an opacity that say the place; a 0 at the end would be dropped."""
    return f"{place:02}1"


def _rule(place: int) -> str:
    """The others fade while an entry, or a point of what it names, is pointed at."""
    own = f'[style*="{_digits(place)};"]'
    return (
        f".js-plotly-plot:has(.layers{own} ~ .legendtoggle:hover, "
        f'.hovertext .nums[style*="{_MARK}-{place}-"]) .scatterlayer .trace:not({own})'
    )


HIGHLIGHT = (
    "<style>.scatterlayer .trace {transition: opacity 0.15s} "
    + ", ".join(map(_rule, range(1, MOST_ENTRIES + 1)))
    + f" {{opacity: {DIMMED} !important}}</style>"
)
