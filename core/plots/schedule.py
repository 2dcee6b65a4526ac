"""The schedule of a method: learning rate, and phases behind it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.language import gettext, in_form, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import INK, METHOD_COLOURS, faded
from core.plots.methods import HEIGHT, short_number, upright
from core.plots.traces import build_band, build_marks, build_note
from core.text import listed, number, strong

# The chart's height up to which lines are drawn; above stand the phases' numbers.
STRIP = 0.92


@escapes_names
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
        "hovertemplate": gettext(
            "{method}, epoch {epoch}: rate {rate}",
            method=label,
            epoch="%{x:.1f}",
            rate="%{y:.2e}",
        )
        + "<extra></extra>",
    }
    shapes, notes = [], []
    for place, (first, end, _) in enumerate(phases):
        shapes.append(_band(first, end, _phase_colour(place)))
        notes.append(_number(place + 1, (first + end) / 2))
    for epoch, factor in drops:
        shapes.append(upright(epoch))
        notes.append(_fall(factor, epoch, rates, log_axis=log_axis))
    scale = {"type": "log", "dtick": 1, "exponentformat": "power"}
    return build_figure(
        [*(_phase_key(place, phase[2]) for place, phase in enumerate(phases)), line],
        height=HEIGHT + 30,
        xaxis={"title": {"text": gettext("epoch")}, "range": [0, phases[-1][1]]},
        yaxis={
            "title": {"text": gettext("learning rate")},
            "domain": [0, STRIP],
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
    return build_marks(
        [None],
        [None],
        {"color": colour, "symbol": "square", "size": 15},
        name=gettext("{name}: {value}", name=place + 1, value=name),
    )


def _band(first: float, end: float, colour: str) -> dict[str, Any]:
    return build_band("x", first, end, faded(colour, 0.16))


def _number(phase: int, x: float) -> dict[str, Any]:
    """The number of a phase, in the strip above all lines."""
    place = {"x": x, "xanchor": "center", "y": 1, "yref": "paper", "yanchor": "top"}
    return {"text": f"<b>{phase}</b>", "showarrow": False, **place}


def _fall(
    factor: float, epoch: float, rates: pd.DataFrame, *, log_axis: bool
) -> dict[str, Any]:
    """The factor of a fall, left of its middle: where the line never is."""
    before = rates.loc[rates["epoch"] < epoch, "rate"].iloc[-1:]
    after = rates.loc[rates["epoch"] >= epoch, "rate"].iloc[:1]
    ends = np.concatenate([before, after])
    return build_note(
        f"× {in_form(f'{factor:g}')}",
        epoch,
        float((np.log10(ends) if log_axis else ends).mean()),
        xanchor="right",
        xshift=-4,
        yanchor="middle",
    )


def schedule_takeaway(
    rates: pd.DataFrame,
    phases: Sequence[tuple[float, float, str]],
    *,
    label: str,
) -> str:
    """The phases in words, and how far the learning rate falls."""
    said = [
        gettext(
            "({place}) {phase} for {epochs}",
            place=place + 1,
            phase=name,
            epochs=_epochs(end - first),
        )
        for place, (first, end, name) in enumerate(phases)
    ]
    top, last = float(rates["rate"].max()), float(rates["rate"].iloc[-1])
    return gettext(
        "{method} trains for {epochs}: {phases}. The learning rate is {top} at its "
        "highest and {last} in the last step.",
        method=strong(label),
        epochs=_epochs(phases[-1][1]),
        phases=listed(said),
        top=short_number(float(f"{top:.3g}")),
        last=short_number(float(f"{last:.3g}")),
    )


def _epochs(count: float) -> str:
    if count == round(count):
        return ngettext("{count} epoch", "{count} epochs", round(count))
    return gettext("{epochs} epochs", epochs=number(count, 1))
