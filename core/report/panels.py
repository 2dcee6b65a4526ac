"""What PowerPoint can draw of a figure: its panels as points, bars, axes and labels."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.plots.look import FAINT_COLOUR
from core.report.print_traces import as_list, errors_of, is_seen, mode_of
from core.text import chart_to_plain

Side = str
"""Of a label: "left", "right", "above", "below" or "centre" of its place."""
# Of the range of the data, on each side, where a figure gives no range of its own.
PADDING = 0.06
# Marks that are edited one by one; of more a picture is drawn.
MOST_POINTS = 600
# Pixels of a bar that is drawn as a line, and of a plain line.
BAR_WIDTH, LINE_WIDTH = 14, 2.5
# Of a step, how far an end of an axis may stand off a number of its steps.
SLACK = 0.2
_SIDES = {
    ("left", "middle"): "right",
    ("right", "middle"): "left",
    ("center", "bottom"): "above",
    ("center", "top"): "below",
    ("center", "middle"): "centre",
    ("left", "bottom"): "right",
    ("right", "bottom"): "left",
    ("left", "top"): "right",
    ("right", "top"): "left",
}


@dataclass(frozen=True)
class Errors:
    """How far the bars of an interval reach below and above each value."""

    minus: tuple[float, ...]
    plus: tuple[float, ...]


@dataclass(frozen=True)
class Points:
    """Marks, or a line through them.

    Parameters
    ----------
    name : str
    x, y : tuple of float
    colour : str
        As Plotly has it.
    symbol : str
        Plotly's; empty for a line alone.
    size : float
        Pixels of a mark.
    dash : str
        Plotly's, of the line; empty for marks alone.
    width : float
        Pixels of the line.
    x_errors, y_errors : Errors, optional
    has_entry : bool
        Whether it stands in the legend.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    colour: str
    symbol: str = ""
    size: float = 9
    dash: str = ""
    width: float = LINE_WIDTH
    x_errors: Errors | None = None
    y_errors: Errors | None = None
    has_entry: bool = True


@dataclass(frozen=True)
class Bars:
    """One series of bars, a value for each category of the panel."""

    name: str
    values: tuple[float, ...]
    colour: str
    errors: Errors | None = None
    texts: tuple[str, ...] = ()
    has_entry: bool = True


@dataclass(frozen=True)
class Axis:
    """An axis.

    Parameters
    ----------
    title : str
    low, high : float
        Its ends; of a logarithmic one too as the values themselves.
    is_log : bool
    step : float
        Between the numbers that stand at it; 0 where it is logarithmic.
    ticks : tuple of pairs, optional
        Value and name of each tick, where they are names; numbers stand there by
        themselves.
    is_written : bool
        Whether numbers stand at it.
    """

    title: str
    low: float
    high: float
    is_log: bool = False
    step: float = 0.0
    ticks: tuple[tuple[float, str], ...] = ()
    is_written: bool = True


@dataclass(frozen=True)
class Label:
    """Words at a place of the panel."""

    text: str
    x: float
    y: float
    side: Side = "right"
    is_bold: bool = False


@dataclass(frozen=True)
class PointsPanel:
    """Points over two axes, with labels and lines across."""

    points: tuple[Points, ...]
    x: Axis
    y: Axis
    labels: tuple[Label, ...] = ()
    share: float = 1.0


@dataclass(frozen=True)
class BarsPanel:
    """Bars over categories, side by side or stacked."""

    categories: tuple[str, ...]
    bars: tuple[Bars, ...]
    axis: Axis
    category_title: str = ""
    is_level: bool = False
    is_stacked: bool = False
    share: float = 1.0


Panel = PointsPanel | BarsPanel


def figure_panels(figure: go.Figure) -> tuple[Panel, ...]:
    """The panels of a figure from top to bottom; none where PowerPoint cannot draw it.

    Parameters
    ----------
    figure : Figure
        Of points with or without intervals, of lines, or of bars, over one x axis, and
        one or two y axes of which one stands above the other.

    Returns
    -------
    tuple of PointsPanel or BarsPanel
        The ``share`` of each is that of the height.
    """
    drawn = figure.to_plotly_json()
    try:
        return tuple(_read_panels(drawn["data"], drawn["layout"]))
    except _NotNative:
        return ()


class _NotNative(Exception):
    """The figure has a part that PowerPoint does not draw."""


def _read_panels(
    traces: Sequence[dict[str, Any]], layout: dict[str, Any]
) -> Iterable[Panel]:
    if any(trace.get("xaxis", "x") != "x" for trace in traces) or not traces:
        raise _NotNative
    if layout.get("images"):
        raise _NotNative
    if sum(len(as_list(trace.get("y"))) for trace in traces) > MOST_POINTS:
        raise _NotNative
    by_axis: dict[str, list[dict[str, Any]]] = {}
    for trace in traces:
        by_axis.setdefault(trace.get("yaxis", "y"), []).append(trace)
    domains = {
        axis: layout.get(_axis_key(axis), {}).get("domain", (0, 1)) for axis in by_axis
    }
    order = sorted(by_axis, key=lambda axis: -domains[axis][0])
    for upper, lower in pairwise(order):
        if domains[upper][0] < domains[lower][1]:
            raise _NotNative
    for place, axis in enumerate(order):
        low, high = domains[axis]
        own = {**layout, "annotations": list(_notes_of(axis, order, domains, layout))}
        panel = _read_panel(by_axis[axis], own, axis, is_last=axis == order[-1])
        if place and isinstance(panel, PointsPanel):
            panel = replace(panel, points=_without_entries(panel.points))
        yield replace(panel, share=high - low)


def _notes_of(
    axis: str,
    order: Sequence[str],
    domains: dict[str, Any],
    layout: dict[str, Any],
) -> Iterable[dict[str, Any]]:
    """The notes of a panel; one at a share of all the height is in one panel only."""
    for note in layout.get("annotations", ()):
        if note.get("yref", "y") != "paper":
            yield note
            continue
        share = note.get("y")
        if not isinstance(share, int | float):
            raise _NotNative
        holding = [a for a in order if domains[a][0] <= share <= domains[a][1]]
        if not holding:
            raise _NotNative
        if holding[0] == axis:
            low, high = domains[axis]
            yield {**note, "y": (share - low) / (high - low)}


def _without_entries(points: Iterable[Points]) -> tuple[Points, ...]:
    return tuple(replace(each, has_entry=False) for each in points)


def _axis_key(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"


def _read_panel(
    traces: Sequence[dict[str, Any]],
    layout: dict[str, Any],
    axis: str,
    *,
    is_last: bool,
) -> Panel:
    traces = [part for trace in traces for part in _single_marks(trace)]
    kinds = {trace["type"] for trace in traces}
    if kinds == {"scatter", "bar"}:
        traces = [line for trace in traces for line in _bars_as_lines(trace)]
        kinds = {"scatter"}
    x_axis, y_axis = layout.get("xaxis", {}), layout.get(_axis_key(axis), {})
    if kinds == {"scatter"}:
        panel = _read_points(traces, layout, x_axis, y_axis, axis)
        if is_last:
            return panel
        bare = replace(panel.x, title="", ticks=(), is_written=False)
        return replace(panel, x=bare)
    if kinds == {"bar"}:
        return _read_bars(traces, layout, x_axis, y_axis)
    raise _NotNative


def _single_marks(trace: dict[str, Any]) -> list[dict[str, Any]]:
    """A trace whose marks have a colour or a sign each, as one trace a mark."""
    marker = trace.get("marker", {})
    several = {
        key: as_list(value)
        for key in ("color", "symbol")
        if isinstance(value := marker.get(key), list | tuple | dict | np.ndarray)
    }
    if trace["type"] != "scatter" or not several or mode_of(trace) != "markers":
        return [trace]
    if len(as_list(trace.get("x"))) != len(as_list(trace.get("y"))):
        raise _NotNative
    if trace.get("error_x", {}).get("array") or trace.get("error_y", {}).get("array"):
        raise _NotNative
    return [
        {
            **trace,
            "x": [x],
            "y": [y],
            "marker": {**marker, **{key: each[i] for key, each in several.items()}},
            "showlegend": trace.get("showlegend") is not False and not i,
        }
        for i, (x, y) in enumerate(
            zip(as_list(trace["x"]), as_list(trace["y"]), strict=True)
        )
    ]


def _bars_as_lines(trace: dict[str, Any]) -> list[dict[str, Any]]:
    """Level bars as thick lines from zero, which points can stand beside."""
    if trace["type"] != "bar":
        return [trace]
    colour = trace.get("marker", {}).get("color")
    if trace.get("orientation") != "h" or not isinstance(colour, str):
        raise _NotNative
    if trace.get("base") is not None or trace.get("error_x", {}).get("array"):
        raise _NotNative
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": trace.get("name"),
            "x": [0.0, x],
            "y": [y, y],
            "line": {"color": colour, "width": BAR_WIDTH},
            "showlegend": trace.get("showlegend") is not False and not i,
        }
        for i, (x, y) in enumerate(
            zip(as_list(trace["x"]), as_list(trace["y"]), strict=True)
        )
    ]


def _read_points(
    traces: Sequence[dict[str, Any]],
    layout: dict[str, Any],
    x_axis: dict[str, Any],
    y_axis: dict[str, Any],
    axis: str,
) -> PointsPanel:
    x_places = _places(traces, x_axis, "x")
    y_places = _places(traces, y_axis, "y")
    shapes = list(layout.get("shapes", ()))
    x_axis = _forwards(x_axis, x_places, [s.get("xref", "x") == "x" for s in shapes])
    y_axis = _forwards(y_axis, y_places, [s.get("yref", "y") == axis for s in shapes])
    points = tuple(
        found
        for trace in traces
        if (found := _read_trace(trace, layout, x_places, y_places)) is not None
    )
    if not points:
        raise _NotNative
    x = _read_axis(x_axis, x_places, _reach(points, "x"))
    y = _read_axis(y_axis, y_places, _reach(points, "y"))
    lines = _lines_across(shapes, x, y, axis)
    labels, rows = _read_labels(layout, x, y, x_places, y_places, axis)
    if rows:
        # A slide has room for the names of rows beside them.
        y = replace(y, ticks=rows)
    return PointsPanel((*points, *lines), x, y, labels)


def _places(
    traces: Sequence[dict[str, Any]], axis: dict[str, Any], key: str
) -> dict[str, float]:
    """The place of each category of an axis; empty for an axis of numbers."""
    values = [value for trace in traces for value in as_list(trace.get(key))]
    is_named = axis.get("type") == "category" or any(
        isinstance(value, str) for value in values
    )
    if not is_named:
        return {}
    every = [*as_list(axis.get("categoryarray")), *values]
    order = list(dict.fromkeys(map(str, every)))
    if _is_reversed(axis):
        order.reverse()
    return {name: float(i) for i, name in enumerate(order)}


def _is_reversed(axis: dict[str, Any]) -> bool:
    """Whether an axis runs from its end to its start."""
    low, high = axis.get("range") or (None, None)
    if low is not None and high is not None:
        return bool(low > high)
    return str(axis.get("autorange", "")).endswith("reversed")


def _forwards(
    axis: dict[str, Any], places: dict[str, float], has_shapes: Sequence[bool]
) -> dict[str, Any]:
    """An axis of names that runs backwards, as one forwards of their reversed order."""
    if not _is_reversed(axis):
        return axis
    # The first number would stand at the other end.
    if not places or any(has_shapes):
        raise _NotNative
    last = len(places) - 1
    ends = axis.get("range")
    turned = None if ends is None else [last - float(end) for end in ends]
    return {**axis, "range": turned, "autorange": None}


def _numbers(values: Any, places: dict[str, float]) -> list[float]:
    found = []
    for value in as_list(values):
        if places:
            found.append(places.get(str(value), math.nan))
        elif value is None:
            found.append(math.nan)
        elif isinstance(value, int | float | np.number):
            found.append(float(value))
        else:
            raise _NotNative
    return found


def _read_trace(
    trace: dict[str, Any],
    layout: dict[str, Any],
    x_places: dict[str, float],
    y_places: dict[str, float],
) -> Points | None:
    """A trace as points; None for one that only stands in the legend or is hidden."""
    mode = mode_of(trace)
    if "text" in mode or trace.get("fill", "none") != "none":
        raise _NotNative
    if not is_seen(trace):
        return None
    x, y = _numbers(trace.get("x"), x_places), _numbers(trace.get("y"), y_places)
    if not x:
        x = [float(place) for place in range(len(y))]
    kept = [i for i in range(len(y)) if math.isfinite(x[i]) and math.isfinite(y[i])]
    if not kept:
        return None
    marker, line = trace.get("marker", {}), trace.get("line", {})
    has_line = "lines" in mode
    if has_line and line.get("shape", "linear") != "linear":
        raise _NotNative
    colour = marker.get("color") if "markers" in mode else line.get("color")
    symbol, size = marker.get("symbol", "circle"), marker.get("size", 6)
    if not all(isinstance(each, str) for each in (colour, symbol)):
        raise _NotNative
    if not isinstance(size, int | float):
        raise _NotNative
    has_entry = bool(layout.get("showlegend")) and trace.get("showlegend") is not False
    return Points(
        name=chart_to_plain(trace.get("name") or "").replace("\n", " "),
        x=tuple(x[i] for i in kept),
        y=tuple(y[i] for i in kept),
        colour=str(colour),
        symbol=symbol if "markers" in mode else "",
        size=float(size),
        dash=line.get("dash", "solid") if has_line else "",
        width=float(line.get("width", LINE_WIDTH)),
        x_errors=_errors(trace.get("error_x"), kept),
        y_errors=_errors(trace.get("error_y"), kept),
        has_entry=has_entry,
    )


def _errors(bars: dict[str, Any] | None, kept: Sequence[int]) -> Errors | None:
    if not bars or bars.get("array") is None or bars.get("visible") is False:
        return None
    minus, plus = errors_of(bars, len(as_list(bars["array"])))

    def of(sizes: Sequence[float]) -> tuple[float, ...]:
        # An interval that is not known is not drawn.
        return tuple(s if math.isfinite(s := float(sizes[i])) else 0.0 for i in kept)

    return Errors(of(minus.tolist()), of(plus.tolist()))


def _reach(points: Iterable[Points], key: str) -> tuple[float, float]:
    """The least and the greatest value of an axis, with its intervals."""
    lows, highs = [], []
    for each in points:
        values = getattr(each, key)
        errors = getattr(each, f"{key}_errors") or Errors(*[(0.0,) * len(values)] * 2)
        lows += [value - less for value, less in zip(values, errors.minus, strict=True)]
        highs += [value + more for value, more in zip(values, errors.plus, strict=True)]
    return min(lows), max(highs)


def _read_axis(
    axis: dict[str, Any], places: dict[str, float], reach: tuple[float, float]
) -> Axis:
    is_log = axis.get("type") == "log"
    if axis.get("type") == "date":
        raise _NotNative
    low, high = _ends(axis, reach, is_log=is_log)
    values, names = as_list(axis.get("tickvals")), as_list(axis.get("ticktext"))
    if places:
        ticks = tuple((place, chart_to_plain(name)) for name, place in places.items())
    elif names:
        ticks = tuple(
            (float(value), chart_to_plain(str(name)))
            for value, name in zip(values, names, strict=True)
        )
    else:
        ticks = ()
    if axis.get("showticklabels") is False:
        ticks = ()
    is_written = not places and not names and axis.get("showticklabels") is not False
    step = 0.0
    if is_written and not is_log:
        step = _step(values, low, high)
        low, high = _round_ends((low, high), step, reach)
    return Axis(
        chart_to_plain((axis.get("title") or {}).get("text") or "").replace("\n", " "),
        low,
        high,
        is_log=is_log,
        step=step,
        ticks=ticks,
        is_written=is_written,
    )


def _step(ticks: Sequence[Any], low: float, high: float) -> float:
    """Between numbers: the given ones; else 1, 2 or 5 of a power of ten, some six."""
    if len(ticks) > 1:
        return float(ticks[1]) - float(ticks[0])
    span = abs(high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 5))
    steps = (times * power for times in (1, 2, 5))
    return next((step for step in steps if span / step <= 6), 10 * power)


def _round_ends(
    ends: tuple[float, float], step: float, reach: tuple[float, float]
) -> tuple[float, float]:
    """The ends at numbers of the steps; PowerPoint counts them from the lower one."""
    low, high = ends
    below = step * math.floor(low / step + SLACK)
    above = step * math.ceil(high / step - SLACK)
    while below > reach[0]:
        below -= step
    while above < reach[1]:
        above += step
    return below, above


def _ends(
    axis: dict[str, Any], reach: tuple[float, float], *, is_log: bool
) -> tuple[float, float]:
    given = axis.get("range")
    if given is not None and None not in list(given):
        low, high = map(float, given)
        return (10**low, 10**high) if is_log else (low, high)
    low, high = reach
    if is_log:
        if low <= 0:
            raise _NotNative
        return low / 1.3, high * 1.3
    pad = PADDING * (high - low) or 1.0
    if axis.get("rangemode") == "tozero":
        return min(0.0, low), high + pad
    return low - pad, high + pad


def _lines_across(
    shapes: Iterable[dict[str, Any]], x: Axis, y: Axis, axis: str
) -> Iterable[Points]:
    """Lines and edges of bands that cross a panel from end to end."""
    for shape in shapes:
        if shape["type"] not in ("line", "rect"):
            raise _NotNative
        x_ref, y_ref = shape.get("xref", "x"), shape.get("yref", "y")
        line = shape.get("line", {})
        colour, dash = line.get("color", FAINT_COLOUR), line.get("dash", "solid")
        if shape["type"] == "rect":
            colour, dash = FAINT_COLOUR, "dot"
        if x_ref == "x" and (y_ref == "paper" or y_ref.endswith("domain")):
            for value in dict.fromkeys((shape["x0"], shape["x1"])):
                at = _value(value, x)
                yield _line((at, at), (y.low, y.high), colour, dash)
        elif y_ref == axis and (x_ref == "paper" or x_ref.endswith("domain")):
            for value in dict.fromkeys((shape["y0"], shape["y1"])):
                at = _value(value, y)
                yield _line((x.low, x.high), (at, at), colour, dash)
        elif y_ref in ("paper", axis):
            raise _NotNative


def _value(value: Any, axis: Axis) -> float:
    if isinstance(value, str):
        raise _NotNative
    return 10.0**value if axis.is_log else float(value)


def _line(
    x: tuple[float, float], y: tuple[float, float], colour: str, dash: str
) -> Points:
    return Points("", x, y, colour, dash=dash, width=1.5, has_entry=False)


def _read_labels(
    layout: dict[str, Any],
    x: Axis,
    y: Axis,
    x_places: dict[str, float],
    y_places: dict[str, float],
    axis: str,
) -> tuple[tuple[Label, ...], tuple[tuple[float, str], ...]]:
    """The words in a panel, and the names that stand above its rows."""
    labels, rows = [], []
    for note in layout.get("annotations", ()):
        if note.get("showarrow", True):
            raise _NotNative
        if note.get("yref", "y") not in ("paper", axis):
            continue
        at_x = _note_place(note, "x", "x", x, x_places)
        at_y = _note_place(note, "y", axis, y, y_places)
        text = chart_to_plain(note["text"])
        if _is_row_name(note):
            rows.append((at_y, re.sub(r"\s*\n\s*", "  ", text)))
            continue
        across, along = note.get("xanchor", "auto"), note.get("yanchor", "auto")
        side = _SIDES[
            "center" if across == "auto" else across,
            "middle" if along == "auto" else along,
        ]
        labels.append(Label(text, at_x, at_y, side, is_bold="<b>" in note["text"]))
    return tuple(labels), tuple(rows)


def _is_row_name(note: dict[str, Any]) -> bool:
    return note.get("xref") == "paper" and bool(note.get("yshift"))


def _note_place(
    note: dict[str, Any], key: str, axis: str, ends: Axis, places: dict[str, float]
) -> float:
    value = note[key]
    if note.get(f"{key}ref", key) == "paper":
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise _NotNative
        if ends.is_log:
            return float(ends.low * (ends.high / ends.low) ** value)
        return float(ends.low + value * (ends.high - ends.low))
    if places:
        if str(value) not in places:
            raise _NotNative
        return places[str(value)]
    return _value(value, ends)


def _read_bars(
    traces: Sequence[dict[str, Any]],
    layout: dict[str, Any],
    x_axis: dict[str, Any],
    y_axis: dict[str, Any],
) -> BarsPanel:
    is_level = {trace.get("orientation", "v") for trace in traces} == {"h"}
    named, valued = ("y", "x") if is_level else ("x", "y")
    name_axis, value_axis = (y_axis, x_axis) if is_level else (x_axis, y_axis)
    if _is_reversed(value_axis):
        raise _NotNative
    names = _category_names(traces, name_axis, named)
    bars = []
    for trace in traces:
        if trace.get("base") is not None:
            raise _NotNative
        colour = trace.get("marker", {}).get("color")
        if not isinstance(colour, str):
            raise _NotNative
        own = list(map(str, as_list(trace[named])))
        values = dict(zip(own, _numbers(trace[valued], {}), strict=True))
        errors = _errors(trace.get(f"error_{valued}"), range(len(own)))
        if errors is not None:
            if sorted(own) != sorted(names):
                raise _NotNative
            order = [own.index(key) for key in names]
            errors = Errors(
                tuple(errors.minus[i] for i in order),
                tuple(errors.plus[i] for i in order),
            )
        is_labelled = trace.get("textposition", "none") != "none"
        texts = dict(zip(own, map(str, as_list(trace.get("text"))), strict=False))
        has_entry = layout.get("showlegend") and trace.get("showlegend") is not False
        bars.append(
            Bars(
                chart_to_plain(trace.get("name") or ""),
                tuple(values.get(key, math.nan) for key in names),
                colour,
                errors,
                tuple(chart_to_plain(texts.get(key, "")) for key in names)
                if is_labelled
                else (),
                has_entry=bool(has_entry),
            )
        )
    is_stacked = layout.get("barmode") in ("stack", "relative")
    return BarsPanel(
        tuple(chart_to_plain(name) for name in names.values()),
        tuple(bars),
        _read_axis(value_axis, {}, _bars_reach(bars, is_stacked=is_stacked)),
        category_title=chart_to_plain((name_axis.get("title") or {}).get("text") or ""),
        is_level=is_level,
        is_stacked=is_stacked,
    )


def _bars_reach(bars: Sequence[Bars], *, is_stacked: bool) -> tuple[float, float]:
    """From the lowest to the highest end of bars and intervals; 0 is within."""
    values = np.nan_to_num(np.asarray([each.values for each in bars], np.float64))
    minus, plus = (
        np.asarray(
            [
                getattr(each.errors, side) if each.errors else (0.0,) * len(each.values)
                for each in bars
            ],
            np.float64,
        )
        for side in ("minus", "plus")
    )
    if is_stacked:
        # Bars above 0 stand on each other, and so do those below it.
        ends = (np.minimum(values, 0).sum(axis=0), np.maximum(values, 0).sum(axis=0))
        low, high = ends[0].min() - minus.max(), ends[1].max() + plus.max()
    else:
        low, high = (values - minus).min(), (values + plus).max()
    if low >= 0 and high <= 0:
        return 0.0, 1.0
    return min(0.0, float(low)), max(0.0, float(high))


def _category_names(
    traces: Sequence[dict[str, Any]], axis: dict[str, Any], key: str
) -> dict[str, str]:
    """The categories of bars, by what stands for each in the traces."""
    values = [value for trace in traces for value in as_list(trace.get(key))]
    if axis.get("type") != "category" and not any(isinstance(v, str) for v in values):
        values.sort()
    every = [*as_list(axis.get("categoryarray")), *values]
    order = list(dict.fromkeys(map(str, every)))
    if _is_reversed(axis):
        order.reverse()
    ticks = dict(
        zip(
            map(str, as_list(axis.get("tickvals"))),
            map(str, as_list(axis.get("ticktext"))),
            strict=False,
        )
    )
    return {value: ticks.get(value, value) for value in order}
