"""Dimming the rest: who points at a line, or at its name in the legend, sees it alone.

Plotly has no such highlight, so its parts are marked, and a style sheet does the rest.
"""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from core.language import N_
from core.plots.look import FONT_FAMILY

# Legends with fewer entries are read without help; no chart has more than the last.
FEWEST_ENTRIES, MOST_ENTRIES = 4, 32
DIMMED = 0.12
# To be said by ``gettext``.
NOTE = N_(
    "Point at a line or mark, or at its name in the legend, to dim the others; a click "
    "on a name hides it, and a double click shows it alone."
)
_MARK = "entry"


def with_highlight(figure: go.Figure) -> go.Figure:
    """Say of each trace which entry of the legend it belongs to.

    Parameters
    ----------
    figure : plotly Figure
        Changed in place. One with few entries, or with a trace in its legend that is
        not of lines and points, stays as it is.

    Notes
    -----
    Plotly writes a trace's opacity into the style of its lines and of its entry, and
    the font of its hover label into that of the label: ``HIGHLIGHT`` reads the place of
    the entry there. In the opacity it stands in digits too small to be seen. A trace's
    ``uid`` would be plainer, but is not sent to the browser.
    """
    places = _entries_of(figure.data) if figure.layout.showlegend else []
    count = len({place for place in places if place})
    if FEWEST_ENTRIES <= count <= MOST_ENTRIES:
        for trace, place in zip(figure.data, places, strict=True):
            if place:
                _mark(trace, place)
    return figure


def is_highlighted(figure: go.Figure) -> bool:
    """Whether ``with_highlight`` has marked its traces."""
    return any(_MARK in (trace.hoverlabel.font.family or "") for trace in figure.data)


def _entries_of(traces: Sequence[Any]) -> list[int]:
    """Place of each trace's entry in the legend, from 1; 0 for a trace without one.

    Empty where the places cannot be told.
    """
    shown = [trace for trace in traces if trace.showlegend is not False]
    if any(trace.type != "scatter" for trace in shown):
        return []
    groups = [trace.legendgroup or "" for trace in shown]
    if not any(groups):
        numbers = iter(range(1, len(shown) + 1))
        return [0 if t.showlegend is False else next(numbers) for t in traces]
    # A group that has several entries, or none, is not one line of the legend.
    if len(set(groups)) < len(groups) or not all(groups):
        return []
    places = {group: place for place, group in enumerate(groups, start=1)}
    return [places.get(trace.legendgroup or "", 0) for trace in traces]


def _mark(trace: Any, place: int) -> None:
    opacity = 1.0 if trace.opacity is None else trace.opacity
    seen = min(int(100 * opacity), 99)
    trace.opacity = float(f"0.{seen:02}{_digits(place)}")
    trace.hoverlabel.font.family = f"{FONT_FAMILY}, {_MARK}-{place}-"


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
