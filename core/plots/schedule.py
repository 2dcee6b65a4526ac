"""The schedule of a method: learning rate, and phases behind it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.plots.methods import HEIGHT, short_number, upright
from core.plots.style import INK, METHOD_COLOURS, build_figure, faded, listed, plural


def plot_schedule(
    rates: pd.DataFrame,
    phases: Sequence[tuple[float, float, str]],
    *,
    label: str,
    log_axis: bool,
    drops: Sequence[tuple[float, float]] = (),
) -> go.Figure:
    """Learning rate over the epochs, with the phases of training behind it.

    Parameters
    ----------
    rates : DataFrame
        Columns epoch (from 0, with the part of it that is done) and rate.
    phases : sequence of (first, end, name)
        In epochs; ``end`` is where the next one begins.
    label : str
        Of the method.
    log_axis : bool
        Whether the rates are drawn in decades.
    drops : sequence of (epoch, factor)
        Marked where they fall.
    """
    line = {
        "type": "scatter",
        "mode": "lines",
        "showlegend": False,
        "x": rates["epoch"].to_numpy(),
        "y": rates["rate"].to_numpy(),
        "line": {"color": INK, "width": 3.2},
        "hovertemplate": f"{label}, epoch %{{x:.1f}}: rate %{{y:.2e}}<extra></extra>",
    }
    shapes, notes = [], []
    for place, (first, end, _) in enumerate(phases):
        shapes.append(_band(first, end, _phase_colour(place)))
        notes.append(_note(f"<b>{place + 1}</b>", (first + end) / 2, "center", 0.1))
    for place, (epoch, factor) in enumerate(drops):
        shapes.append(upright(epoch))
        # Neighbours would write over each other.
        notes.append(_note(f" × {factor:g}", epoch, "left", 0.6 - 0.12 * (place % 3)))
    scale = {"type": "log", "dtick": 1, "exponentformat": "power"}
    return build_figure(
        [*(_phase_key(place, phase[2]) for place, phase in enumerate(phases)), line],
        height=HEIGHT + 30,
        xaxis={"title": {"text": "epoch"}, "range": [0, phases[-1][1]]},
        yaxis={
            "title": {"text": "learning rate"},
            **(scale if log_axis else {"rangemode": "tozero"}),
        },
        shapes=shapes,
        annotations=notes,
    )


def _phase_colour(place: int) -> str:
    return METHOD_COLOURS[place % len(METHOD_COLOURS)]


def _phase_key(place: int, name: str) -> dict[str, Any]:
    """An entry of the legend: the number and the name of a phase."""
    colour = faded(_phase_colour(place), 0.45)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "name": f"{place + 1}: {name}",
        "marker": {"color": colour, "symbol": "square", "size": 15},
    }


def _band(first: float, end: float, colour: str) -> dict[str, Any]:
    return {
        "type": "rect",
        "x0": first,
        "x1": end,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": faded(colour, 0.16),
    }


def _note(text: str, x: float, anchor: str, y: float) -> dict[str, Any]:
    place = {"x": x, "xanchor": anchor, "y": y, "yref": "paper", "yanchor": "top"}
    return {"text": text, "showarrow": False, **place}


def schedule_takeaway(
    rates: pd.DataFrame,
    phases: Sequence[tuple[float, float, str]],
    *,
    label: str,
) -> str:
    """The phases in words, and how far the learning rate falls."""
    said = [
        f"({place + 1}) {name} for {_epochs(end - first)}"
        for place, (first, end, name) in enumerate(phases)
    ]
    top, last = float(rates["rate"].max()), float(rates["rate"].iloc[-1])
    return (
        f"**{label}** trains for {_epochs(phases[-1][1])}: {listed(said)}. The "
        f"learning rate is {short_number(top)} at its highest and "
        f"{short_number(last)} in the last step."
    )


def _epochs(count: float) -> str:
    return (
        plural(round(count), "epoch")
        if count == round(count)
        else (f"{count:.1f} epochs")
    )
