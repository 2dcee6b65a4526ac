"""The parts that figures are built from, as plain Plotly dictionaries."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.plots.look import FAINT_COLOUR, INK


def zero_line(axis: str) -> dict[str, Any]:
    """A shape: the line at 0 across the whole chart, "x" upright or "y" level."""
    other = "y" if axis == "x" else "x"
    return {
        "type": "line",
        f"{axis}0": 0,
        f"{axis}1": 0,
        f"{other}0": 0,
        f"{other}1": 1,
        f"{other}ref": "paper",
        "layer": "below",
        "line": {"color": FAINT_COLOUR, "width": 2},
    }


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
        "name": "Front",
        "mode": "lines",
        "line": {"shape": "hv", "dash": "dash", "width": 2.5, "color": INK},
        "hoverinfo": "skip",
    }


def sign_at(
    text: str, x: float, y: float, right: float, up: float, size: int | None = None
) -> dict[str, Any]:
    """An annotation beside a mark, so many pixels away; bold where it has a size."""
    return {
        "text": f"<b>{text}</b>" if size else text,
        "x": x,
        "y": y,
        "xshift": right,
        "yshift": up,
        "showarrow": False,
        **({"font": {"size": size}} if size else {}),
    }
