"""Traces of a Plotly figure, drawn by matplotlib from the same numbers."""

from __future__ import annotations

import base64
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from core.errors import EquipoiseError
from core.language import gettext
from core.report.print_axes import Numbers, PrintAxis
from core.report.print_colours import (
    dash_of,
    hatch_of,
    is_thin,
    marker_of,
    read_colour,
    read_scale,
)
from core.report.print_text import Level, Upright, style_of, write_at

Trace = Mapping[str, Any]
KNOWN = ("scatter", "scattergl", "bar", "heatmap")
"""Types of traces that can be printed."""
# Plotly's own, where a trace says nothing.
_MARKER_SIZE, _LINE_WIDTH, _ERROR_WIDTH = 6, 2, 4
_STEPS = {"hv": "steps-post", "vh": "steps-pre", "hvh": "steps-mid"}
# From back to front: fills, bars, lines, marks, texts.
_CELLS, _FILLS, _BARS, _LINES, _ERRORS, _MARKS, _WORDS = (1, 1.5, 2, 3, 3.5, 4, 6)


@dataclass(frozen=True)
class Place:
    """Where a trace is drawn.

    Parameters
    ----------
    axes : Axes
    x, y : PrintAxis
    scale : float
        Points of a pixel.
    least : float
        Smallest type in points.
    font : mapping
        Plotly's, of the figure.
    within : list
        Texts in bars, each with the two ends of its bar: filled as they are written.
    """

    axes: Axes
    x: PrintAxis
    y: PrintAxis
    scale: float
    least: float
    font: Mapping[str, Any]
    within: list[tuple[Artist, Axes, float, float, bool]]


@dataclass(frozen=True)
class Bars:
    """Where the bars of a trace stand.

    Parameters
    ----------
    at, length, base, width : float64 array, shape (bars,)
        Middle along the axis of the bars; length from the base; base; width.
    """

    at: Numbers
    length: Numbers
    base: Numbers
    width: Numbers


def as_list(values: Any) -> list[Any]:
    """Values of a trace: an array, a list, or nothing.

    Plotly writes an array as a mapping of its type and its bytes.
    """
    if values is None:
        return []
    if isinstance(values, Mapping):
        flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
        shape = str(values.get("shape", len(flat))).split(",")
        return cast(list[Any], flat.reshape([int(n) for n in shape]).tolist())
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def mode_of(trace: Trace) -> str:
    """What a trace of points shows; where it does not say, what Plotly takes."""
    count = max(len(as_list(trace.get(letter))) for letter in "xy")
    return str(trace.get("mode", "lines+markers" if count < 20 else "lines"))


def is_seen(trace: Trace) -> bool:
    """Whether anything of a trace is drawn; marks to be clicked on are not."""
    return (
        trace.get("visible", True) is True
        and trace.get("opacity", 1) > 0
        and not (
            trace.get("mode") == "markers"
            and trace.get("marker", {}).get("opacity", 1) == 0
        )
    )


def require_known(trace: Trace) -> None:
    """Refuse a trace that cannot be printed.

    Raises
    ------
    EquipoiseError
        If it is of another type.
    """
    kind = trace.get("type", "scatter")
    if kind not in KNOWN:
        raise EquipoiseError(
            gettext(
                "A figure with a trace of the type '{kind}' cannot be printed.",
                kind=kind,
            ),
            expected=gettext("one of {names}.", names=", ".join(KNOWN)),
            remedy=gettext("save it as HTML, or as a picture from the page."),
        )


def is_level(trace: Trace) -> bool:
    """Whether bars lie level."""
    return trace.get("orientation") == "h"


def extend(trace: Trace, x: PrintAxis, y: PrintAxis, bars: Bars | None) -> None:
    """Let both axes reach to everything of a trace."""
    if bars is not None:
        along, across = (y, x) if is_level(trace) else (x, y)
        half = bars.width / 2
        along.extent.hold(np.concatenate([bars.at - half, bars.at + half]))
        ends = np.concatenate([bars.base, bars.base + bars.length])
        across.extent.hold(ends)
        if across.extent.low == 0:
            across.extent.free_low = False
        if across.extent.high == 0:
            across.extent.free_high = False
        for axis, values in ((across, bars.base + bars.length),):
            _hold_errors(axis, values, trace.get(f"error_{axis.letter}"))
        return
    for axis in (x, y):
        values = axis.places(as_list(trace.get(axis.letter)))
        axis.extent.hold(values)
        _hold_errors(axis, values, trace.get(f"error_{axis.letter}"))
    if trace.get("fill") == "tozeroy":
        y.extent.hold(np.zeros(1))
        y.extent.free_low = y.extent.free_low and y.extent.low != 0


def _hold_errors(axis: PrintAxis, values: Numbers, error: Any) -> None:
    if error and error.get("visible", True):
        below, above = errors_of(error, len(values))
        axis.extent.hold(values - below)
        axis.extent.hold(values + above)


def errors_of(error: Mapping[str, Any], count: int) -> tuple[Numbers, Numbers]:
    """How far error bars reach below and above each value."""
    above = np.asarray(as_list(error.get("array")), np.float64)
    if error.get("symmetric", "arrayminus" not in error):
        return above, above
    below = np.asarray(as_list(error.get("arrayminus")), np.float64)
    return below, above if above.size else np.zeros(count)


def place_bars(
    traces: Sequence[tuple[Trace, PrintAxis, PrintAxis]], layout: Mapping[str, Any]
) -> list[Bars]:
    """Where the bars of all traces of one pair of axes stand."""
    mode = layout.get("barmode", "group")
    spaces = [_space(trace, x, y) for trace, x, y in traces]
    gap = float(layout.get("bargap", 0.2))
    # Bars of one place share the least distance between any two places.
    space = min(spaces, default=1.0)
    grouped = [t for t, _, _ in traces if t.get("width") is None]
    tops: dict[tuple[float, bool], float] = defaultdict(float)
    placed = []
    for trace, x, y in traces:
        along, across = (y, x) if is_level(trace) else (x, y)
        at = along.places(as_list(trace.get(along.letter)))
        length = across.places(as_list(trace.get(across.letter)))
        whole = (1 - gap) * space
        if mode == "group" and trace.get("width") is None:
            own = whole / max(len(grouped), 1)
            rank = next(i for i, one in enumerate(grouped) if one is trace)
            at = at + (rank + 0.5) * own - whole / 2
            width = np.full(len(at), own)
        else:
            given = trace.get("width")
            widths = _each(given, len(at), whole)
            width = np.asarray(widths, np.float64)
        base = np.zeros(len(at))
        if mode in ("stack", "relative"):
            for i, (where, size) in enumerate(zip(at, length, strict=True)):
                key = (float(where), bool(size < 0))
                base[i] = tops[key]
                tops[key] += 0.0 if math.isnan(size) else size
        placed.append(Bars(at, length, base, np.asarray(width)))
    return placed


def _space(trace: Trace, x: PrintAxis, y: PrintAxis) -> float:
    along = y if is_level(trace) else x
    at = np.unique(along.places(as_list(trace.get(along.letter))))
    at = at[np.isfinite(at)]
    if along.kind == "category" or len(at) < 2:
        return 1.0
    return float(np.diff(at).min())


def draw_trace(trace: Trace, place: Place, bars: Bars | None, before: Any) -> Any:
    """Draw one trace; return its points, for a trace that fills down to them.

    Parameters
    ----------
    trace : mapping
    place : Place
    bars : Bars, optional
        Of a trace of bars.
    before : tuple of arrays, optional
        The points of the last trace of lines on the same axes.
    """
    kind = trace.get("type", "scatter")
    if kind == "bar":
        assert bars is not None
        _draw_bars(trace, place, bars)
        return before
    if kind == "heatmap":
        _draw_cells(trace, place)
        return before
    return _draw_points(trace, place, before)


def _draw_points(trace: Trace, place: Place, before: Any) -> tuple[Numbers, Numbers]:
    x = place.x.places(as_list(trace.get("x")))
    y = place.y.places(as_list(trace.get("y")))
    mode = mode_of(trace)
    if trace.get("fill", "none") != "none":
        _draw_fill(trace, place, x, y, before)
    if "lines" in mode and _line_width(trace) > 0:
        _draw_line(trace, place, x, y)
    for name in ("error_x", "error_y"):
        error = trace.get(name)
        if error and error.get("visible", True):
            _draw_errors(trace, place, x, y, name)
    if "markers" in mode:
        _draw_marks(trace, place, x, y)
    if "text" in mode:
        _write_texts(trace, place, x, y)
    return x, y


def _line_width(trace: Trace) -> float:
    return float(trace.get("line", {}).get("width", _LINE_WIDTH))


def _own_colour(trace: Trace) -> Any:
    line, marker = trace.get("line", {}), trace.get("marker", {})
    colour = line.get("color", marker.get("color"))
    return colour if isinstance(colour, str) else "#444444"


def _draw_fill(trace: Trace, place: Place, x: Numbers, y: Numbers, before: Any) -> None:
    colour = read_colour(trace.get("fillcolor", _own_colour(trace)))
    options: dict[str, Any] = {"facecolor": colour, "linewidth": 0, "zorder": _FILLS}
    step: Any = {"hv": "post", "vh": "pre", "hvh": "mid"}.get(
        trace.get("line", {}).get("shape", "")
    )
    match trace["fill"]:
        case "toself":
            for part in _unbroken(x, y):
                place.axes.fill(x[part], y[part], **options)
        case "tozeroy":
            place.axes.fill_between(x, y, 0, step=step, **options)
        case "tonexty" if before is not None:
            x_round, y_round = (
                np.concatenate([own, old[::-1]])
                for own, old in zip((x, y), before, strict=True)
            )
            place.axes.fill(x_round, y_round, **options)
        case other:
            raise EquipoiseError(
                gettext(
                    "A figure whose trace fills '{kind}' cannot be printed.",
                    kind=other,
                ),
                expected=gettext("one of {names}.", names="toself, tozeroy, tonexty"),
                remedy=gettext("save it as HTML, or as a picture from the page."),
            )


def _unbroken(x: Numbers, y: Numbers) -> list[NDArray[np.int64]]:
    """Indices of each run of points without a gap."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    return np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)


def _draw_line(trace: Trace, place: Place, x: Numbers, y: Numbers) -> None:
    line = trace.get("line", {})
    width = _line_width(trace) * place.scale
    place.axes.plot(
        x,
        y,
        color=read_colour(_own_colour(trace), trace.get("opacity", 1)),
        linewidth=width,
        linestyle=dash_of(line.get("dash", "solid"), width),
        drawstyle=_STEPS.get(line.get("shape", ""), "default"),
        solid_capstyle="butt",
        clip_on=trace.get("cliponaxis", True),
        zorder=_LINES,
    )


def _draw_errors(trace: Trace, place: Place, x: Numbers, y: Numbers, name: str) -> None:
    error = trace[name]
    below, above = errors_of(error, len(x))
    _error_bars(
        place,
        x,
        y,
        np.abs(np.stack([below, above])),
        name,
        error,
        _own_colour(trace),
    )


def _error_bars(
    place: Place,
    x: Numbers,
    y: Numbers,
    reach: NDArray[np.float64],
    name: str,
    error: Mapping[str, Any],
    colour: Any,
) -> None:
    width = float(error.get("thickness", 2)) * place.scale
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(reach).all(axis=0)
    if not known.any():
        return
    reaches: dict[str, Any] = {f"{name.removeprefix('error_')}err": reach[:, known]}
    place.axes.errorbar(
        x[known],
        y[known],
        **reaches,
        fmt="none",
        ecolor=read_colour(error.get("color", colour)),
        elinewidth=width,
        capthick=width,
        capsize=float(error.get("width", _ERROR_WIDTH)) * place.scale,
        zorder=_ERRORS,
    )


def _each(value: Any, count: int, default: Any) -> list[Any]:
    """A value for every mark, where Plotly has one for all or one for each."""
    if value is None:
        value = default
    if isinstance(value, list | tuple | np.ndarray | Mapping):
        return as_list(value)
    return [value] * count


def _draw_marks(trace: Trace, place: Place, x: Numbers, y: Numbers) -> None:
    marker = trace.get("marker", {})
    opacity = float(trace.get("opacity", 1))
    symbols = _each(marker.get("symbol"), len(x), "circle")
    sizes = _each(marker.get("size"), len(x), _MARKER_SIZE)
    opacities = _each(marker.get("opacity"), len(x), 1.0)
    colours = [
        read_colour(colour, opacity * own)
        for colour, own in zip(_mark_colours(trace, len(x)), opacities, strict=True)
    ]
    edge = marker.get("line", {})
    for symbol in dict.fromkeys(symbols):
        own = [i for i, one in enumerate(symbols) if one == symbol]
        shape, is_hollow, larger = marker_of(symbol)
        faces = [colours[i] for i in own]
        widths = _each(edge.get("width"), len(x), 2 if is_hollow else 0)
        edges: Any = faces
        if "color" in edge and (not is_hollow or is_thin(symbol)):
            edges = read_colour(edge["color"], opacity)
        options: dict[str, Any] = (
            {"color": edges if is_thin(symbol) else faces}
            if is_thin(symbol)
            else {"facecolors": "none" if is_hollow else faces, "edgecolors": edges}
        )
        drawn = place.axes.scatter(
            x[own],
            y[own],
            s=[(larger * float(sizes[i]) * place.scale) ** 2 for i in own],
            marker=shape,
            clip_on=trace.get("cliponaxis", True),
            zorder=_MARKS,
            **options,
        )
        # Given to scatter, a width for each mark would hide those without a place.
        drawn.set_linewidth([float(widths[i]) * place.scale for i in own])


def _mark_colours(trace: Trace, count: int) -> list[Any]:
    marker = trace.get("marker", {})
    colours = _each(marker.get("color"), count, _own_colour(trace))
    if not any(isinstance(colour, int | float) for colour in colours):
        return colours
    values = np.asarray(colours, np.float64)
    low = marker.get("cmin", np.nanmin(values))
    high = marker.get("cmax", np.nanmax(values))
    shares = (values - low) / ((high - low) or 1)
    scale = read_scale(marker["colorscale"])
    return [f"rgba({255 * r},{255 * g},{255 * b},{a})" for r, g, b, a in scale(shares)]


def _write_texts(trace: Trace, place: Place, x: Numbers, y: Numbers) -> None:
    font = {**place.font, **trace.get("textfont", {})}
    style = style_of(font, place.scale, place.least, read_colour(font["color"]))
    position = trace.get("textposition", "middle center")
    first, second = position.split()
    # Plotly names the side of the mark on which the text stands.
    upright: Upright = {"top": "bottom", "bottom": "top"}.get(first, "center")  # type: ignore[assignment]
    level: Level = {"left": "right", "right": "left"}.get(second, "center")  # type: ignore[assignment]
    sizes = _each(trace.get("marker", {}).get("size"), len(x), _MARKER_SIZE)
    for i, text in enumerate(_each(trace.get("text"), len(x), "")):
        if not text or not (math.isfinite(x[i]) and math.isfinite(y[i])):
            continue
        off = (0.5 * float(sizes[i]) + 2) * place.scale
        shift = (
            {"left": off, "right": -off}.get(level, 0.0),
            {"bottom": off, "top": -off}.get(upright, 0.0),
        )
        write_at(
            place.axes,
            str(text),
            (x[i], y[i]),
            place.axes.transData,
            style,
            shift=shift,
            level=level,
            upright=upright,
        )


def _draw_bars(trace: Trace, place: Place, bars: Bars) -> None:
    marker = trace.get("marker", {})
    opacity = float(trace.get("opacity", 1)) * float(marker.get("opacity", 1))
    count = len(bars.at)
    colours = [
        read_colour(colour, opacity)
        for colour in _each(marker.get("color"), count, "#444444")
    ]
    edge = marker.get("line", {})
    width = float(edge.get("width", 0)) * place.scale
    options: dict[str, Any] = {
        "color": colours,
        "linewidth": width,
        "edgecolor": read_colour(edge.get("color", "white")),
        "zorder": _BARS,
    }
    if hatch := hatch_of(marker):
        options |= {"hatch": hatch, "hatchcolor": "white"}
    draw: Any = place.axes.barh if is_level(trace) else place.axes.bar
    start = {"left" if is_level(trace) else "bottom": bars.base}
    draw(bars.at, bars.length, bars.width, **start, **options)
    end = bars.base + bars.length
    name = "error_x" if is_level(trace) else "error_y"
    x, y = (end, bars.at) if is_level(trace) else (bars.at, end)
    error = trace.get(name)
    if error and error.get("visible", True):
        reach = np.abs(np.stack(errors_of(error, count)))
        _error_bars(place, x, y, reach, name, error, "#444444")
    if trace.get("text") is not None and trace.get("textposition", "auto") != "none":
        _write_on_bars(trace, place, bars)


def _write_on_bars(trace: Trace, place: Place, bars: Bars) -> None:
    """Texts inside bars, or beyond their ends."""
    outside = trace.get("textposition") == "outside"
    own = {"size": place.font["size"], "color": place.font["color"]}
    inner = "outsidetextfont" if outside else "insidetextfont"
    font = {**own, **trace.get("textfont", {}), **trace.get(inner, {})}
    count = len(bars.at)
    colours = _each(font["color"], count, place.font["color"])
    gap = 4 * place.scale
    level_bars = is_level(trace)
    for i, text in enumerate(_each(trace["text"], count, "")):
        if not text or not math.isfinite(bars.length[i]):
            continue
        style = style_of(font, place.scale, place.least, read_colour(colours[i]))
        start, end = bars.base[i], bars.base[i] + bars.length[i]
        anchor = trace.get("insidetextanchor", "end")
        where = end if outside or anchor == "end" else (start + end) / 2
        where = start if not outside and anchor == "start" else where
        side = {"middle": 0.0, "start": 1.0}.get(anchor, -1.0)
        side = 1.0 if outside else side
        sides = {1.0: ("left", "bottom"), -1.0: ("right", "top")}
        level, upright = sides.get(side, ("center", "center"))
        artist = write_at(
            place.axes,
            str(text),
            (where, bars.at[i]) if level_bars else (bars.at[i], where),
            place.axes.transData,
            style,
            shift=(side * gap, 0) if level_bars else (0, side * gap),
            level=level if level_bars else "center",  # type: ignore[arg-type]
            upright="center" if level_bars else upright,  # type: ignore[arg-type]
        )
        if not outside:
            place.within.append((artist, place.axes, start, end, level_bars))


def cells_of(trace: Trace) -> NDArray[np.float64]:
    """Values of a heat map's cells; NaN where there is none."""
    rows = [as_list(row) for row in as_list(trace.get("z"))]
    return np.asarray(
        [[math.nan if v is None else float(v) for v in row] for row in rows],
        np.float64,
    )


def _edges(axis: PrintAxis, values: Any, count: int) -> Numbers:
    """Edges of cells around their places."""
    places = axis.places(as_list(values)) if values is not None else np.arange(count)
    if len(places) < 2:
        return np.asarray([places[0] - 0.5, places[0] + 0.5], np.float64)
    middles = (places[1:] + places[:-1]) / 2
    first, last = 2 * places[0] - middles[0], 2 * places[-1] - middles[-1]
    return np.asarray([first, *middles, last], np.float64)


def _draw_cells(trace: Trace, place: Place) -> None:
    z = cells_of(trace)
    gap = float(trace.get("xgap", 0)) * place.scale
    place.axes.pcolormesh(
        _edges(place.x, trace.get("x"), z.shape[1]),
        _edges(place.y, trace.get("y"), z.shape[0]),
        np.ma.masked_invalid(z),
        cmap=read_scale(trace["colorscale"]),
        vmin=trace.get("zmin", np.nanmin(z)),
        vmax=trace.get("zmax", np.nanmax(z)),
        edgecolors="white" if gap else "none",
        linewidth=gap,
        zorder=_CELLS,
        rasterized=z.size > 10_000,
    )


def legend_mark(trace: Trace, scale: float) -> Artist:
    """What stands for a trace in the legend."""
    if trace.get("type", "scatter") == "bar":
        marker = trace.get("marker", {})
        colours = _each(marker.get("color"), 1, "#444444")
        opacity = float(trace.get("opacity", 1)) * float(marker.get("opacity", 1))
        return Patch(
            facecolor=read_colour(colours[0] if colours else "#444444", opacity),
            edgecolor="none",
            hatch=hatch_of(marker) or None,
            hatchcolor="white",
        )
    return _line_mark(trace, scale)


def _line_mark(trace: Trace, scale: float) -> Artist:
    mode = mode_of(trace)
    if "markers" not in mode and _line_width(trace) == 0:
        colour = read_colour(trace.get("fillcolor", _own_colour(trace)))
        return Patch(facecolor=colour, edgecolor="none")
    options: dict[str, Any] = {"linestyle": "none"}
    opacity = float(trace.get("opacity", 1))
    if "lines" in mode:
        width = min(_line_width(trace), 6) * scale
        dash = trace.get("line", {}).get("dash", "solid")
        options = {"linestyle": dash_of(dash, width), "linewidth": width}
        options["color"] = read_colour(_own_colour(trace), opacity)
    if "markers" in mode:
        marker = trace.get("marker", {})
        symbol = str(_each(marker.get("symbol"), 1, "circle")[0])
        shape, is_hollow, larger = marker_of(symbol)
        size = float(_each(marker.get("size"), 1, _MARKER_SIZE)[0])
        own = read_colour(_mark_colours(trace, 1)[0], opacity)
        usual = 2 if is_hollow else 0
        edge = float(_each(marker.get("line", {}).get("width"), 1, usual)[0])
        options |= {
            "marker": shape,
            "markersize": larger * min(size, 14) * scale,
            "markerfacecolor": "none" if is_hollow else own,
            "markeredgecolor": own,
            "markeredgewidth": edge * scale,
        }
    return Line2D([], [], **options)
