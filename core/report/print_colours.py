"""Plotly's colours, scales and marks as matplotlib has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgba

Colour = tuple[float, float, float, float]
_NUMBERS = re.compile(r"rgba?\(([^)]*)\)")
_MARKERS = {
    "circle": "o",
    "diamond": "D",
    "square": "s",
    "triangle-up": "^",
    "triangle-down": "v",
    "triangle-left": "<",
    "triangle-right": ">",
    "cross": "P",
    "x": "X",
    "star": "*",
    "hexagon": "h",
    "cross-thin": "+",
    "x-thin": "x",
    "line-ns": "|",
    "line-ew": "_",
}
# Marks without a face: an outline is all they have.
_THIN = ("cross-thin", "x-thin", "line-ns", "line-ew")
# Plotly draws these larger than the circle of the same size, and matplotlib likewise.
_SIZES = {"diamond": 0.95, "square": 0.9, "star": 1.25, "triangle-up": 1.05}
_DASHES: dict[str, tuple[float, ...]] = {
    "dash": (5, 3),
    "dot": (1.2, 1.8),
    "dashdot": (5, 2, 1.2, 2),
    "longdash": (8, 3),
    "longdashdot": (8, 2.5, 1.2, 2.5),
}
_PATTERNS = {"/": "///", "\\": "\\\\\\", "x": "xxx", "-": "---", "|": "|||", ".": "..."}


def read_colour(colour: Any, opacity: float = 1.0) -> Colour:
    """A colour of Plotly's: a name, ``#RRGGBB``, or ``rgba(...)``."""
    text = str(colour)
    if found := _NUMBERS.fullmatch(text.strip()):
        red, green, blue, *alpha = (float(part) for part in found[1].split(","))
        own = alpha[0] if alpha else 1.0
        return red / 255, green / 255, blue / 255, own * opacity
    return to_rgba(text, to_rgba(text)[3] * opacity)


def read_scale(stops: Sequence[Sequence[Any]]) -> Colormap:
    """A scale of colours from its stops."""
    colours = [(float(share), read_colour(colour)) for share, colour in stops]
    scale = LinearSegmentedColormap.from_list("scale", colours, N=512)
    return scale.with_extremes(bad=(0, 0, 0, 0))


def marker_of(symbol: str) -> tuple[str, bool, float]:
    """A symbol's marker, whether it is hollow, and how much larger it is drawn.

    Raises
    ------
    KeyError
        If no figure of ours has had it.
    """
    name = symbol.removesuffix("-open")
    return (
        _MARKERS[name],
        symbol != name or name in _THIN,
        _SIZES.get(name, 1.0),
    )


def is_thin(symbol: str) -> bool:
    """Whether the symbol has no face."""
    return symbol.removesuffix("-open") in _THIN


def dash_of(dash: str, width: float) -> Any:
    """Plotly's dash of a line that is ``width`` points wide."""
    if dash in ("", "solid"):
        return "solid"
    if dash in _DASHES:
        return (0, tuple(length for length in _DASHES[dash]))
    lengths = [float(part.removesuffix("px")) for part in dash.split(",")]
    return (0, tuple(length / max(width, 1) for length in lengths))


def hatch_of(marker: dict[str, Any]) -> str:
    """The pattern of bars; none where it is empty."""
    shape = marker.get("pattern", {}).get("shape", "")
    return _PATTERNS.get(shape, "") if isinstance(shape, str) else ""
