"""The parts that figures are built from, as plain Plotly dictionaries."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.language import gettext
from core.plots.look import FAINT_COLOUR, INK

# Pixels of a row below its mark, and between the mark and its name; of a name's line.
ROW_BELOW, ROW_GAP, ROW_LINE = 15, 9, 19
# Below a mark that has its value written there.
ROW_VALUE = 28
# A row that is this many times as far as all others reach leaves them no room.
FAR = 4.0


def build_marks(
    x: Any, y: Any, marker: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """A trace of points, without lines; ``more`` are further keys of it."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "marker": marker,
        **more,
    }


def build_interval_band(
    x: ArrayLike, low: ArrayLike, high: ArrayLike, method: str, colour: str
) -> dict[str, Any]:
    """The area between two lines of a method, under them and not in the legend."""
    x, low, high = (np.asarray(each, np.float64) for each in (x, low, high))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([x, x[::-1]]),
        "y": np.concatenate([low, high[::-1]]),
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "legendgroup": method,
        "showlegend": False,
    }


def build_level_bars(
    x: Any, y: Any, marker: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """A trace of level bars, each as long as its ``x``; they may be stacked."""
    return {
        "type": "bar",
        "orientation": "h",
        "x": x,
        "y": y,
        "marker": marker,
        **more,
    }


def build_note(text: str, x: Any, y: Any, **more: Any) -> dict[str, Any]:
    """An annotation without an arrow."""
    return {"text": text, "x": x, "y": y, "showarrow": False, **more}


def build_band(axis: str, low: float, high: float, colour: str) -> dict[str, Any]:
    """A shape: everything from one value of an axis to another, behind the data."""
    other = "y" if axis == "x" else "x"
    return {
        "type": "rect",
        f"{axis}0": low,
        f"{axis}1": high,
        f"{other}0": 0,
        f"{other}1": 1,
        f"{other}ref": "paper",
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": colour,
    }


def build_line(
    axis: str, value: float, colour: str, *, width: float = 2, dash: str = ""
) -> dict[str, Any]:
    """A shape: a line across the chart, behind the data.

    Parameters
    ----------
    axis : {"x", "y"}
        Of the value: "x" is upright, "y" level.
    value : float
    colour : str
    width : float
        Pixels.
    dash : str
        Plotly's; none if empty.
    """
    other = "y" if axis == "x" else "x"
    line = {"color": colour, "width": width, **({"dash": dash} if dash else {})}
    return {
        "type": "line",
        f"{axis}0": value,
        f"{axis}1": value,
        f"{other}0": 0,
        f"{other}1": 1,
        f"{other}ref": "paper",
        "layer": "below",
        "line": line,
    }


def row_axis(
    rows: int, *, lines: int = 1, below: int = ROW_BELOW, down: bool = False
) -> dict[str, Any]:
    """A y axis of rows that leaves room above each mark for ``row_names``.

    Parameters
    ----------
    rows : int
        How many there are.
    lines : int
        Of a name.
    below : int
        Pixels of a row below its mark.
    down : bool
        Whether the first row is the uppermost.
    """
    above = ROW_GAP + lines * ROW_LINE
    share = above / (above + below)
    last = max(rows, 1) - 1
    return {
        "type": "category",
        "showticklabels": False,
        "showgrid": False,
        "range": [last + 1 - share, -share] if down else [share - 1, last + share],
    }


def row_names(names: Iterable[str]) -> list[dict[str, Any]]:
    """Annotations: the name of each row above its mark, at the left.

    Beside the rows they would leave a phone no room for intervals.
    """
    return [
        build_note(
            name,
            0,
            name,
            xref="paper",
            xanchor="left",
            align="left",
            yanchor="bottom",
            yshift=ROW_GAP,
        )
        for name in names
    ]


def difference_range(
    lows: ArrayLike, highs: ArrayLike
) -> tuple[list[float], NDArray[np.bool_]]:
    """The range of an axis of differences, even about 0, and the rows it leaves out.

    A method that answers by chance would press all others into a point. Its row keeps
    its name and its number, and ``beyond`` says where it is.

    Parameters
    ----------
    lows, highs : array of float, shape (rows,)
        Ends of the intervals.

    Returns
    -------
    range : list of two floats
    is_beyond : bool array, shape (rows,)
        Rows whose whole interval lies outside of it.
    """
    ends = np.array([np.atleast_1d(lows), np.atleast_1d(highs)], float)
    reach = np.nan_to_num(np.abs(ends).max(axis=0, initial=0))
    # A wide interval about 0 is on the chart, however far it reaches.
    nearest = np.where(np.sign(ends).prod(axis=0) > 0, np.abs(ends).min(axis=0), 0)
    is_beyond = np.zeros(len(reach), bool)
    for row in np.argsort(-reach, kind="stable"):
        others = reach[~is_beyond & (np.arange(len(reach)) != row)]
        # Of two rows neither is the usual one.
        if len(others) < 2 or nearest[row] <= FAR * others.max():
            break
        is_beyond[row] = True
    widest = 1.1 * float(reach[~is_beyond].max(initial=0)) or 1.0
    return [-widest, widest], is_beyond


def beyond(row: str, difference: str, at: float) -> dict[str, Any]:
    """A note at the edge, for a row that lies beyond the axis: how far, and where."""
    text = f"◀ {difference}" if at < 0 else f"{difference} ▶"
    return build_note(f"<b>{text}</b>", at, row, xanchor="left" if at < 0 else "right")


def zero_line(axis: str) -> dict[str, Any]:
    """A shape: the line at 0 across the whole chart, "x" upright or "y" level."""
    return build_line(axis, 0, FAINT_COLOUR)


def error_bar(
    value: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    colour: str,
    *,
    thickness: float = 2.5,
    width: float = 7,
) -> dict[str, Any]:
    """Plotly's error bars of intervals, which need not lie evenly about the values."""
    middle = np.atleast_1d(value)
    return {
        "type": "data",
        "symmetric": False,
        "array": (np.atleast_1d(high) - middle).tolist(),
        "arrayminus": (middle - np.atleast_1d(low)).tolist(),
        "thickness": thickness,
        "width": width,
        "color": colour,
    }


def front_line(x: ArrayLike, y: ArrayLike) -> dict[str, Any]:
    """A trace through the members of a front.

    From each member level until the next one's cost, then to its quality.
    """
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "name": gettext("Front"),
        "mode": "lines",
        "line": {"shape": "hv", "dash": "dash", "width": 2.5, "color": INK},
        "hoverinfo": "skip",
    }


def sign_at(
    text: str, x: float, y: float, right: float, up: float, size: int | None = None
) -> dict[str, Any]:
    """An annotation beside a mark, so many pixels away; bold where it has a size."""
    return build_note(
        f"<b>{text}</b>" if size else text,
        x,
        y,
        xshift=right,
        yshift=up,
        **({"font": {"size": size}} if size else {}),
    )
