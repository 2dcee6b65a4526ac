"""Whether a figure for print shows the numbers of the interactive one, readably."""

import base64
import json
import math

import numpy as np
import plotly.io as pio
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from core.report.print_figure import LEAST_TYPE

# Pixels that a text may reach beyond the edge: its box is larger than its letters.
_EDGE = 3


def _plain(value):
    """What Plotly's JSON says, with arrays unpacked."""
    if isinstance(value, dict):
        if "bdata" in value:
            flat = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
            shape = str(value.get("shape", flat.size)).split(",")
            return flat.reshape([int(n) for n in shape]).tolist()
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _spec(figure):
    return _plain(json.loads(pio.to_json(figure)))


def _is_seen(trace):
    hidden = trace.get("marker", {}).get("opacity", 1) == 0
    return trace.get("visible", True) is True and not hidden


class _Places:
    """Categories of each axis in the order in which they come."""

    def __init__(self, spec):
        self._layout, self._known = spec["layout"], {}
        for trace in filter(_is_seen, spec["data"]):
            for letter in "xy":
                self.of(trace, letter)

    def of(self, trace, letter):
        values = trace.get(letter) or []
        name = trace.get(f"{letter}axis", letter)
        axis = self._layout.get(f"{letter}axis{name[1:]}", {})
        words = any(isinstance(v, str) and not _is_number(v) for v in values)
        if axis.get("type") != "category" and not (words and "type" not in axis):
            return [math.nan if v is None else float(v) for v in values]
        known = self._known.setdefault(name, list(axis.get("categoryarray") or []))
        for value in values:
            if value is not None and str(value) not in known:
                known.append(str(value))
        return [math.nan if v is None else known.index(str(v)) for v in values]


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True


def _close(rows):
    return {
        tuple(f"{value:.8g}" for value in row)
        for row in np.asarray(rows, float).reshape(-1, 2)
        if np.isfinite(row).all()
    }


def _drawn_points(figure):
    """Every point of a mark or a line, and every end of an error bar."""
    found = set()
    for axes in figure.axes:
        for artist in axes.collections:
            if isinstance(artist, PathCollection):
                found |= _close(np.ma.filled(artist.get_offsets(), np.nan))
            elif isinstance(artist, LineCollection):
                for segment in artist.get_segments():
                    found |= _close(segment)
            else:
                found |= {
                    p for path in artist.get_paths() for p in _close(path.vertices)
                }
        for patch in axes.patches:
            if not isinstance(patch, Rectangle):
                found |= _close(patch.get_xy())
        for line in axes.lines:
            found |= _close(np.column_stack(line.get_data(orig=True)))
    return found


def _drawn_bars(figure):
    return [
        (bar.get_x(), bar.get_width(), bar.get_y(), bar.get_height())
        for axes in figure.axes
        for container in axes.containers
        if isinstance(container, BarContainer)
        for bar in container.patches
    ]


def _errors(trace, letter, values):
    """Both ends of each error bar along one axis."""
    error = trace.get(f"error_{letter}") or {}
    if not error or error.get("visible") is False:
        return []
    above = error["array"]
    below = error.get("arrayminus", above)
    lengths = ([math.nan if v is None else v for v in side] for side in (below, above))
    return [(v - b, v + a) for v, b, a in zip(values, *lengths, strict=True)]


def _check_points(trace, x, y, drawn):
    mode = trace.get("mode", "")
    shown = (
        "markers" in mode
        or ("lines" in mode and trace.get("line", {}).get("width", 2) > 0)
        or trace.get("fill", "none") != "none"
    )
    if shown:
        missing = _close(list(zip(x, y, strict=True))) - drawn
        assert not missing, (trace.get("name"), sorted(missing)[:3])
    for letter, own in (("x", x), ("y", y)):
        for place, ends in enumerate(_errors(trace, letter, own)):
            points = [
                (end, y[place]) if letter == "x" else (x[place], end) for end in ends
            ]
            missing = _close(points) - drawn
            assert not missing, (trace.get("name"), letter, missing)


def _check_bars(trace, x, y, bars):
    level = trace.get("orientation") == "h"
    at, length = (y, x) if level else (x, y)
    for place, size in zip(at, length, strict=True):
        if math.isnan(size):
            continue
        assert any(
            math.isclose(w if level else h, size, rel_tol=1e-9, abs_tol=1e-12)
            and (by - 1e-9 <= place <= by + h + 1e-9 or abs(by + h / 2 - place) < 0.5)
            if level
            else math.isclose(h, size, rel_tol=1e-9, abs_tol=1e-12)
            and (bx - 1e-9 <= place <= bx + w + 1e-9 or abs(bx + w / 2 - place) < 0.5)
            for bx, w, by, h in bars
        ), (trace.get("name"), place, size)


def check_numbers(source, printed):
    """Every number of a Plotly figure is in the axes of the printed one."""
    spec = _spec(source)
    places = _Places(spec)
    drawn, bars = _drawn_points(printed), _drawn_bars(printed)
    cells = [
        np.ma.filled(artist.get_array(), np.nan).ravel()
        for axes in printed.axes
        for artist in axes.collections
        if isinstance(artist, QuadMesh)
    ]
    for trace in filter(_is_seen, spec["data"]):
        kind = trace.get("type", "scatter")
        if kind == "heatmap":
            wanted = np.asarray(
                [[math.nan if v is None else v for v in row] for row in trace["z"]]
            ).ravel()
            assert any(np.array_equal(wanted, own, equal_nan=True) for own in cells)
            continue
        x, y = places.of(trace, "x"), places.of(trace, "y")
        if kind == "bar":
            _check_bars(trace, x, y, bars)
        else:
            _check_points(trace, x, y, drawn)


def check_texts(printed):
    """No text is too small, or cut off by the edge."""
    # Texts of a legend have their place once it is drawn.
    printed.draw_without_rendering()
    renderer = printed.canvas.get_renderer()
    width, height = printed.bbox.width, printed.bbox.height
    for text in printed.findobj(Text):
        if not text.get_visible() or not text.get_text().strip():
            continue
        assert text.get_fontsize() >= LEAST_TYPE - 1e-6, text.get_text()
        box = text.get_window_extent(renderer)
        inside = (
            box.x0 >= -_EDGE
            and box.y0 >= -_EDGE
            and box.x1 <= width + _EDGE
            and box.y1 <= height + _EDGE
        )
        assert inside, (text.get_text(), box, width, height)
