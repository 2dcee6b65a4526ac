"""One figure at other sizes: for a projector, and as a small preview."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

# Keys that hold pixels or points, whatever they are of.
_SIZES = {
    *("ticklen", "tickwidth", "gridwidth", "zerolinewidth", "standoff", "borderpad"),
    *("xshift", "yshift", "thickness", "itemwidth", "tracegroupgap", "borderwidth"),
    *("xpad", "ypad", "arrowwidth", "outlinewidth", "linewidth"),
}
# Keys that hold them only within these.
_SIZES_WITHIN = {
    "size": ("font", "marker"),
    "width": ("line", "error_x", "error_y"),
    "l": ("margin",),
    "r": ("margin",),
    "t": ("margin",),
    "b": ("margin",),
    "pad": ("margin",),
}
# Of a preview: its height in pixels, and points of a trace at most.
PREVIEW_HEIGHT, PREVIEW_POINTS = 96, 160
_PREVIEW_AXIS = {
    "showticklabels": False,
    "ticks": "",
    "title": {"text": ""},
    "automargin": False,
    "showgrid": False,
}


def enlarged(figure: go.Figure, factor: float) -> go.Figure:
    """A copy in which letters, marks and margins are ``factor`` times as big.

    Parameters
    ----------
    figure : plotly Figure
    factor : float
        Above 0; 1 gives an equal figure.

    Returns
    -------
    Figure
        Without its height: it fills the place that it is given. Of its title only what
        it has of its own, such as the name of a method: the rest stands above it.
    """
    spec = _scaled(figure.to_plotly_json(), "", factor)
    layout = spec["layout"]
    layout.pop("height", None)
    own = layout.pop("title", {}).get("text", "").rpartition("</span>")[2]
    if own:
        layout["title"] = {
            "text": own,
            "font": layout["font"],
            **{"x": 0, "xanchor": "left", "y": 1, "yanchor": "top"},
            # Room for the accent of a capital.
            "pad": {"t": round(4 * factor)},
        }
    if layout.get("showlegend"):
        # Hung from the top of the figure, whatever its height.
        layout["legend"] = {
            **layout.get("legend", {}),
            **{"yref": "container", "y": 1, "yanchor": "top"},
        }
    return go.Figure(spec, skip_invalid=False)


def preview(figure: go.Figure, *, height: int = PREVIEW_HEIGHT) -> go.Figure:
    """A small copy that is recognised, and not read: no words, few points."""
    spec = figure.to_plotly_json()
    layout = spec["layout"]
    for name in [name for name in layout if name[1:5] == "axis"]:
        layout[name] = {**layout[name], **_PREVIEW_AXIS}
    for name in ("title", "annotations", "legend", "coloraxis"):
        layout.pop(name, None)
    layout.update(
        {
            "height": height,
            "margin": {"l": 2, "r": 2, "t": 2, "b": 2, "pad": 0},
            "showlegend": False,
            "hovermode": False,
        }
    )
    traces = [_thinned(trace) for trace in spec["data"]]
    return go.Figure({"data": traces, "layout": layout})


def _scaled(value: Any, name: str, factor: float, within: str = "") -> Any:
    if isinstance(value, Mapping):
        return {
            key: _scaled(each, key, factor, within=name) for key, each in value.items()
        }
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        return [_scaled(each, name, factor, within) for each in value]
    is_size = name in _SIZES or any(
        within.endswith(part) for part in _SIZES_WITHIN.get(name, ())
    )
    if not is_size or isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value * factor
    return np.asarray(value, dtype=float) * factor


def _thinned(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace as a preview has it: every n-th point, small marks, no words."""
    trace = {
        key: value
        for key, value in trace.items()
        if key not in ("text", "texttemplate", "customdata", "hovertemplate")
    }
    trace |= {"hoverinfo": "skip"}
    if "showscale" in trace or trace.get("type") == "heatmap":
        trace["showscale"] = False
    if str(trace.get("type", "scatter")).startswith("scatter"):
        marker = {**trace.get("marker", {}), "size": 4}
        trace["marker"] = marker
        if "text" in str(trace.get("mode", "")):
            trace["mode"] = "markers"
        step = max(1, -(-len(trace.get("x") or ()) // PREVIEW_POINTS))
        for name in ("x", "y"):
            if step > 1 and trace.get(name) is not None:
                trace[name] = trace[name][::step]
    return trace
