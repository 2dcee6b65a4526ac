"""Figures and sentences of the Methods page: what a remedy does to one image.

Tables come in as they were computed by the functions that train; nothing is computed
here but what a sentence compares.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.language import N_, gettext, in_form, ngettext
from core.methods.entry import HeadName, Value
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import BASELINE_COLOUR, FAINT_COLOUR, Look, faded
from core.plots.traces import build_line, build_marks, build_note, zero_line
from core.study_toml import toml_value
from core.text import MINUS, clauses, listed, number, strong

LOSS, GRADIENT = "loss", "gradient"
# By the output of the last layer that a method takes, in the order of the pictures.
HEADS: dict[HeadName, str] = {
    "logits": N_("on plain logits"),
    "cosine": N_("on cosines"),
}
# What the two values are called.
VALUES = {LOSS: N_("loss"), GRADIENT: N_("gradient")}
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
    axis: dict[str, Any] = {
        "title": {"text": gettext("probability p of the true class")}
    }
    if log_axis:
        axis |= {"type": "log", "range": [-8, 0], "dtick": 2, "exponentformat": "power"}
    else:
        axis |= {"range": [0, 1], "dtick": 0.2}
        tables = {name: _readable(table) for name, table in tables.items()}
        defaults = {name: _readable(table) for name, table in defaults.items()}
    unit = gettext("nats") if value == LOSS else gettext("nats per unit of logit")
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
                gettext("guessing: 1/{num_classes}", num_classes=num_classes),
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
    per = (
        "" if value == LOSS else gettext("loss per {unit}", unit=unit.removesuffix("s"))
    )
    return build_figure(
        _lines(tables, value, look, defaults, relative, f"%{{x:+.1f}} {unit}"),
        height=HEIGHT,
        legend=True,
        xaxis={"title": {"text": gettext("prediction − truth ({unit})", unit=unit)}},
        yaxis={"title": {"text": _y_title(value, per, relative)}},
        shapes=[zero_line("y"), upright(0.0)],
    )


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Without the decades next to 0, where every logarithm shoots up."""
    return table[table["x"] >= 0.005]


def _y_title(value: str, unit: str, relative: bool) -> str:
    within = gettext("share of its highest") if relative else unit
    name = gettext(VALUES[value])
    return f"{name} ({within})" if within else name


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
            ghost["name"] = gettext("{method}, default", method=label)
            ghost["hovertemplate"] = gettext(
                "{method}, default: {place}: {value}",
                method=label,
                place=where,
                value="%{y:.3g}<extra></extra>",
            )
            traces.append(ghost)
        trace = _trace(table, value, relative)
        # Wider, so that it shows beneath a line that follows it.
        width = 6.5 if style.colour == BASELINE_COLOUR else 3.2
        trace["line"] = {"color": style.colour, "width": width, "dash": style.dash}
        trace |= {"name": label, "legendgroup": name}
        trace["hovertemplate"] = gettext(
            "{method}: {place}: {value}",
            method=label,
            place=where,
            value="%{y:.3g}<extra></extra>",
        )
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
        hovertemplate=gettext(
            "{method} costs most here: p = {probability}",
            method=label,
            probability="%{x:.2g}<extra></extra>",
        ),
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
        label, p = strong(look.labels[name]), two_figures(peak)
        parts.append(
            gettext(
                "{method} costs most near p = {probability} ({factor} / delta) and "
                "mutes what is below",
                method=label,
                probability=p,
                factor=in_form(f"{peak * deltas[name]:.2g}"),
            )
            if deltas.get(name)
            else gettext(
                "{method} costs most near p = {probability} and mutes what is below",
                method=label,
                probability=p,
            )
        )
    guess = 1 / num_classes
    pulls = {n: abs(_at(t, RIGHT) / _at(t, guess)) for n, t in tables.items()}
    base = pulls.get(usual)
    said = [
        _pull_in_words(
            look.labels[name], pull, pull / base if base and name != usual else 1.0
        )
        for name, pull in pulls.items()
        if np.isfinite(pull)
    ]
    if said:
        parts.append(
            gettext(
                "of the pull at an image that is guessed (p = {guess}), one that is "
                "already right (p = {right}) keeps {pulls}",
                guess=two_figures(guess),
                right=two_figures(RIGHT),
                pulls=listed(said[:MOST_SAID]),
            )
        )
    if not parts:
        return f"{unreached_text([look.labels[name] for name in tables], RIGHT)}."
    sentence = clauses(parts)
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
    apart = ngettext(
        "Drawn apart: {methods} takes cosines times a scale, the others plain logits.",
        "Drawn apart: {methods} take cosines times a scale, the others plain logits.",
        len(labels["cosine"]),
        methods=listed(labels["cosine"]),
    )
    why = gettext(
        "The two have different ranges, and a step of one is not a step of the other, "
        "so compare only curves of one picture."
    )
    return f"{apart} {why}"


def unreached_text(labels: Sequence[str], probability: float) -> str:
    """That losses on cosines have no value at a probability."""
    return ngettext(
        "{methods} cannot reach p = {probability} at this scale: two cosines are at "
        "most 2 apart",
        "{methods} cannot reach p = {probability} at this scale: two cosines are at "
        "most 2 apart",
        len(labels),
        methods=listed(labels),
        probability=two_figures(probability),
    )


def _at(table: pd.DataFrame, x: float) -> float:
    return float(np.interp(x, table["x"], table[GRADIENT]))


def _pull_in_words(label: str, pull: float, ratio: float) -> str:
    """A pull as a percentage, and how often it is that of the usual loss."""
    share = two_figures(100 * pull)
    if ratio < 1e-3:
        return gettext(
            "{share} % under {method} (next to nothing)", share=share, method=label
        )
    if 0.95 < ratio < 1.05:
        return gettext("{share} % under {method}", share=share, method=label)
    factor = ratio if ratio > 1 else 1 / ratio
    times = number(factor, 0 if factor >= 9.95 else 1)
    if ratio > 1:
        return gettext(
            "{share} % under {method} ({times} times more)",
            share=share,
            method=label,
            times=times,
        )
    return gettext(
        "{share} % under {method} ({times} times less)",
        share=share,
        method=label,
        times=times,
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
            distance = with_unit(round(abs(lowest)), unit)
            parts.append(
                gettext(
                    "{method} is lowest {distance} above the truth, away from the "
                    "targets that are common in its batch",
                    method=label,
                    distance=distance,
                )
                if lowest > 0
                else gettext(
                    "{method} is lowest {distance} below the truth, away from the "
                    "targets that are common in its batch",
                    method=label,
                    distance=distance,
                )
            )
        elif 0.95 < ratio < 1.05:
            parts.append(
                gettext(
                    "{method} pulls as hard at a large error as at a small one",
                    method=label,
                )
            )
        else:
            parts.append(
                gettext(
                    "{method} pulls {times} times as hard at an error of {large} as "
                    "at one of {small}",
                    method=label,
                    times=number(ratio, 1),
                    large=with_unit(large, unit),
                    small=number(small, 0),
                )
            )
    return gettext(
        "At a true value of {target}, {pulls}.",
        target=with_unit(true_value, unit),
        pulls=clauses(parts),
    )


def _two_errors(table: pd.DataFrame) -> tuple[float, float]:
    """A small and a large error on the side on which there is more room."""
    low, high = table["x"].iloc[0], table["x"].iloc[-1]
    side = 1.0 if high >= -low else -1.0
    return 2.0 * side, min(20.0, max(high, -low)) * side


def with_unit(value: float, unit: str) -> str:
    """A value with its unit, with no more decimals than it has."""
    return f"{in_form(f'{value:g}').replace('-', MINUS)} {unit}"


def short_number(value: float) -> str:
    """A number with few figures, in powers of ten where it is very large or small."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return in_form(f"{value:.7g}")
    mantissa, exponent = f"{value:.1e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    factor = in_form(mantissa.removesuffix(".0"))
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
