"""Figures and sentences of the Methods page: what a remedy does to one image.

Tables come in as they were computed by the functions that train; nothing is computed
here but what a sentence compares.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.methods.entry import HeadName, Value
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import BASELINE_COLOUR, FAINT_COLOUR, Look, faded
from core.plots.traces import build_line, build_marks, build_note, zero_line
from core.study_toml import toml_value
from core.text import MINUS, listed, number, strong

LOSS, GRADIENT = "loss", "gradient"
# By the output of the last layer that a method takes, in the order of the pictures.
HEADS: dict[HeadName, str] = {"logits": "on plain logits", "cosine": "on cosines"}
RIGHT = 0.9
# Methods that a sentence lists.
MOST_SAID = 5
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
HEIGHT = 400


@escapes_names
def plot_by_probability(
    tables: Mapping[str, pd.DataFrame],
    value: str,
    look: Look,
    *,
    defaults: Mapping[str, pd.DataFrame],
    num_classes: int,
    log_axis: bool,
    relative: bool = False,
    title: str = "",
) -> go.Figure:
    """Loss or gradient of one image against the probability of its class.

    Parameters
    ----------
    tables : mapping of method to DataFrame
        Columns x (probability), loss and gradient, ascending in x.
    value : {"loss", "gradient"}
    look : Look
    defaults : mapping of method to DataFrame
        The same with the default parameters, for the methods that were moved; drawn
        thin and dotted.
    num_classes : int
        Marks the probability that guessing gives.
    log_axis : bool
        Whether the axis runs in decades, from 1e-8.
    relative : bool
        Whether each curve is divided by its largest absolute value.
    title : str
        Tells the figure from that of methods with another head.
    """
    axis: dict[str, Any] = {"title": {"text": "probability p of the true class"}}
    if log_axis:
        axis |= {"type": "log", "range": [-8, 0], "dtick": 2, "exponentformat": "power"}
    else:
        axis |= {"range": [0, 1], "dtick": 0.2}
        tables = {name: _readable(table) for name, table in tables.items()}
        defaults = {name: _readable(table) for name, table in defaults.items()}
    unit = "nats" if value == LOSS else "nats per unit of logit"
    chance = 1 / num_classes
    return build_figure(
        _lines(tables, value, look, defaults, relative, "p = %{x:.3g}"),
        height=HEIGHT,
        legend=True,
        title=title,
        xaxis=axis,
        yaxis={"title": {"text": _y_title(value, unit, relative)}},
        shapes=[zero_line("y"), upright(chance)],
        annotations=[
            build_note(
                f"guessing: 1/{num_classes}",
                np.log10(chance) if log_axis else chance,
                1,
                yref="paper",
                xanchor="right" if log_axis else "left",
                yanchor="top",
                # Below the line at 0, which lies at the top of a gradient.
                yshift=0 if value == LOSS else -16,
            )
        ],
    )


@escapes_names
def plot_by_error(
    tables: Mapping[str, pd.DataFrame],
    value: str,
    look: Look,
    *,
    defaults: Mapping[str, pd.DataFrame],
    unit: str,
    relative: bool = False,
) -> go.Figure:
    """Loss or gradient of one image against the error of its prediction.

    Parameters as in ``plot_by_probability``; x is the error in ``unit``.
    """
    # Each loss has a unit of its own: of the error, of its square, or none.
    per = "" if value == LOSS else f"loss per {unit.removesuffix('s')}"
    return build_figure(
        _lines(tables, value, look, defaults, relative, f"%{{x:+.1f}} {unit}"),
        height=HEIGHT,
        legend=True,
        xaxis={"title": {"text": f"prediction − truth ({unit})"}},
        yaxis={"title": {"text": _y_title(value, per, relative)}},
        shapes=[zero_line("y"), upright(0.0)],
    )


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Without the decades next to 0, where every logarithm shoots up."""
    return table[table["x"] >= 0.005]


def _y_title(value: str, unit: str, relative: bool) -> str:
    within = "share of its highest" if relative else unit
    return f"{value} ({within})" if within else value


def upright(x: float) -> dict[str, Any]:
    """A shape: a dotted line over the whole height of a chart."""
    return build_line("x", x, FAINT_COLOUR, width=1.5, dash="dot")


def _lines(
    tables: Mapping[str, pd.DataFrame],
    value: str,
    look: Look,
    defaults: Mapping[str, pd.DataFrame],
    relative: bool,
    where: str,
) -> list[dict[str, Any]]:
    traces = []
    for name, table in tables.items():
        style, label = look.styles[name], look.labels[name]
        if name in defaults:
            ghost = _trace(defaults[name], value, relative)
            ghost["line"] = {"color": faded(style.colour, 0.7), "width": 1.6}
            ghost["line"]["dash"] = "dot"
            ghost |= {"showlegend": False, "legendgroup": name}
            ghost["name"] = f"{label}, default"
            ghost["hovertemplate"] = f"{label}, default: {where}: %{{y:.3g}}"
            ghost["hovertemplate"] += "<extra></extra>"
            traces.append(ghost)
        trace = _trace(table, value, relative)
        # Wider, so that it shows beneath a line that follows it.
        width = 6.5 if style.colour == BASELINE_COLOUR else 3.2
        trace["line"] = {"color": style.colour, "width": width, "dash": style.dash}
        trace |= {"name": label, "legendgroup": name}
        trace["hovertemplate"] = f"{label}: {where}: %{{y:.3g}}<extra></extra>"
        traces.append(trace)
        peak = peak_of(table)
        if value == LOSS and peak is not None:
            mark = _peak_trace(trace, peak, style.colour, label)
            traces.append({**mark, "legendgroup": name})
    return traces


def _trace(table: pd.DataFrame, value: str, relative: bool) -> dict[str, Any]:
    y = table[value].to_numpy()
    highest = np.nanmax(np.abs(y)) if np.isfinite(y).any() else 0.0
    if relative and highest > 0:
        y = y / highest
    return {"type": "scatter", "mode": "lines", "x": table["x"].to_numpy(), "y": y}


def _peak_trace(
    trace: Mapping[str, Any], peak: float, colour: str, label: str
) -> dict[str, Any]:
    place = int(np.searchsorted(trace["x"], peak))
    return build_marks(
        [peak],
        [trace["y"][place]],
        {"color": colour, "size": 11, "symbol": "diamond"},
        showlegend=False,
        hovertemplate=f"{label} costs most here: p = %{{x:.2g}}<extra></extra>",
    )


def peak_of(table: pd.DataFrame) -> float | None:
    """Where a loss is highest, if that is not at an end of its line.

    Between the points of the line, by a parabola over the logarithm of x.
    """
    values = table[LOSS].to_numpy()
    if not np.isfinite(values).any():
        return None
    place = int(np.nanargmax(values))
    if not 0 < place < len(values) - 1:
        return None
    if not values[place] > 1.001 * np.nanmax(values[[0, -1]]):
        return None
    near = slice(place - 1, place + 2)
    x, y = np.log(table["x"].to_numpy()[near]), values[near]
    square, slope, _ = np.polyfit(x - x[1], y, 2)
    return float(np.exp(x[1] - slope / (2 * square)))


def probability_takeaway(
    tables: Mapping[str, pd.DataFrame],
    look: Look,
    usual: str,
    *,
    deltas: Mapping[str, float],
    num_classes: int,
) -> str:
    """Where a loss turns, and how hard it pulls at an image that is already right.

    A pull is said as a share of the same loss's pull at an image that is guessed: what
    a loss is multiplied by, as HMLoss is by ten, is the learning rate's affair.

    Parameters
    ----------
    tables : mapping of method to DataFrame
        As drawn.
    look : Look
    usual : str
        The method that the others are compared with, where it is drawn.
    deltas : mapping of method to float
        HMLoss's delta, and that of any loss with one: a peak is said in its terms.
    num_classes : int
        The probability of a guess is one over it.
    """
    parts = []
    for name, table in tables.items():
        peak = peak_of(table)
        if peak is None:
            continue
        terms = f" ({peak * deltas[name]:.2g} / delta)" if deltas.get(name) else ""
        parts.append(
            f"{strong(look.labels[name])} costs most near "
            f"p = {two_figures(peak)}{terms} and mutes what is below"
        )
    guess = 1 / num_classes
    pulls = {n: abs(_at(t, RIGHT) / _at(t, guess)) for n, t in tables.items()}
    base = pulls.get(usual)
    said = [
        f"{two_figures(100 * pull)} % under {look.labels[name]}"
        + ("" if name == usual or not base else _times(pull / base))
        for name, pull in pulls.items()
        if np.isfinite(pull)
    ]
    if said:
        parts.append(
            f"of the pull at an image that is guessed (p = {two_figures(guess)}), one "
            f"that is already right (p = {RIGHT:g}) keeps {listed(said[:MOST_SAID])}"
        )
    if not parts:
        return f"{unreached_text([look.labels[name] for name in tables], RIGHT)}."
    sentence = "; ".join(parts)
    return sentence[:1].upper() + sentence[1:] + "."


def heads_note(labels: Mapping[HeadName, Sequence[str]]) -> str:
    """Why methods with different heads are drawn apart; empty with one head.

    Parameters
    ----------
    labels : mapping of {"logits", "cosine"} to sequence of str
        Labels of the methods drawn, by the output of their last layer.
    """
    if len(labels) < 2:
        return ""
    verb = "takes" if len(labels["cosine"]) == 1 else "take"
    return (
        f"Drawn apart: {listed(labels['cosine'])} {verb} cosines times a scale, the "
        "others plain logits. The two have different ranges, and a step of one is not "
        "a step of the other, so compare only curves of one picture."
    )


def unreached_text(labels: Sequence[str], probability: float) -> str:
    """That losses on cosines have no value at a probability."""
    return (
        f"{listed(labels)} cannot reach p = {probability:g} at this scale: two cosines "
        "are at most 2 apart"
    )


def _at(table: pd.DataFrame, x: float) -> float:
    return float(np.interp(x, table["x"], table[GRADIENT]))


def _times(ratio: float) -> str:
    if ratio < 1e-3:
        return " (next to nothing)"
    if 0.95 < ratio < 1.05:
        return ""
    times = ratio if ratio > 1 else 1 / ratio
    return (
        f" ({number(times, 0 if times >= 9.95 else 1)} times "
        f"{'more' if ratio > 1 else 'less'})"
    )


def error_takeaway(
    tables: Mapping[str, pd.DataFrame], look: Look, *, unit: str, true_value: float
) -> str:
    """How a loss grows with the error, and where it is lowest if not at the truth."""
    parts = []
    for name, table in tables.items():
        drawn, label = table.dropna(), look.labels[name]
        lowest = float(drawn["x"].iloc[int(drawn[LOSS].to_numpy().argmin())])
        small, large = _two_errors(drawn)
        ratio = abs(_at(drawn, large)) / max(abs(_at(drawn, small)), 1e-12)
        if abs(lowest) > 1.5:
            parts.append(
                f"{label} is lowest {number(abs(lowest), 0)} {unit} "
                f"{'above' if lowest > 0 else 'below'} the truth, away from the "
                "targets that are common in its batch"
            )
        elif 0.95 < ratio < 1.05:
            parts.append(f"{label} pulls as hard at a large error as at a small one")
        else:
            parts.append(
                f"{label} pulls {number(ratio, 1)} times as hard at an error of "
                f"{number(large, 0)} {unit} as at one of {number(small, 0)}"
            )
    return f"At a true value of {true_value:g} {unit}, {'; '.join(parts)}."


def _two_errors(table: pd.DataFrame) -> tuple[float, float]:
    """A small and a large error on the side on which there is more room."""
    low, high = table["x"].iloc[0], table["x"].iloc[-1]
    side = 1.0 if high >= -low else -1.0
    return 2.0 * side, min(20.0, max(high, -low)) * side


def short_number(value: float) -> str:
    """A number with few figures, in powers of ten where it is very large or small."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.7g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    factor = mantissa.removesuffix(".0")
    return f"10{power}" if factor == "1" else f"{factor} × 10{power}"


def two_figures(value: float) -> str:
    """A number in a sentence: two figures, and a real minus."""
    return short_number(float(f"{value:.2g}")).replace("-", MINUS)


def toml_of(entry: str, label: str, on: str, parameters: Mapping[str, Value]) -> str:
    """A method with one entry, as a study's file writes it."""
    values = {"on": on, **parameters}
    lines = [
        f"[methods.{entry}]",
        f'label = "{label}"',
        "",
        f"[methods.{entry}.use.{entry}]",
        *(f"{name} = {toml_value(value)}" for name, value in values.items()),
    ]
    return "\n".join(lines)
