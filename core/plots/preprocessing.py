"""What preprocessing and augmentation do to a picture: histograms, and words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import BASELINE_COLOUR, TRAINING_COLOUR, method_styles
from core.study import Augmentation
from core.text import listed, plural

CHANNELS = ("red", "green", "blue")
LEVELS = 256
BIN_WIDTH = 8
"""Levels that a bin of the histograms holds."""

_SHARES = ("shift", "zoom", "brightness", "contrast")
Pixels = NDArray[np.uint8]


def count_levels(pictures: Mapping[str, Pixels]) -> pd.DataFrame:
    """Histograms of the brightness of each channel.

    Parameters
    ----------
    pictures : mapping of str to uint8 array, shape (height, width, 3)
        What each is called; the sizes may differ.

    Returns
    -------
    DataFrame
        Columns picture, channel, level (the middle of a bin of ``BIN_WIDTH`` levels of
        0 to 255) and share (percent of the picture's pixels).
    """
    edges = np.arange(0, LEVELS + 1, BIN_WIDTH)
    parts = []
    for name, pixels in pictures.items():
        for place, channel in enumerate(CHANNELS):
            counts, _ = np.histogram(pixels[..., place], bins=edges)
            parts.append(
                pd.DataFrame(
                    {
                        "picture": name,
                        "channel": channel,
                        "level": edges[:-1] + (BIN_WIDTH - 1) / 2,
                        "share": 100.0 * counts / pixels[..., place].size,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


@escapes_names
def plot_levels(table: pd.DataFrame, channel: str, *, others: str = "") -> go.Figure:
    """One channel: the first picture as an area, the others as lines over it.

    Parameters
    ----------
    table : DataFrame
        From :func:`count_levels`.
    channel : {"red", "green", "blue"}
    others : str
        What all the others together are called in the legend, where they are several
        of a kind; without it each has its own name and colour.
    """
    rows = table[table["channel"] == channel]
    first, *rest = dict.fromkeys(rows["picture"])
    looks = method_styles([first, *rest], first)
    area = {"color": BASELINE_COLOUR, "width": 1}
    traces = [
        {
            **_steps(rows, first, area),
            "fill": "tozeroy",
            "fillcolor": TRAINING_COLOUR,
        }
    ]
    for name in rest:
        look = looks[rest[0] if others else name]
        line = {"color": look.colour, "width": 2.5, "dash": look.dash}
        trace = _steps(rows, name, line)
        if others:
            trace |= {"opacity": 0.8, "legendgroup": others, "name": others}
            trace["showlegend"] = name == rest[0]
        traces.append(trace)
    return build_figure(
        traces,
        height=320,
        title=f"{channel.capitalize()} channel",
        xaxis={"title": {"text": "level (0 to 255)"}, "range": [0, LEVELS - 1]},
        yaxis={"title": {"text": "pixels (%)"}, "rangemode": "tozero"},
    )


def _steps(rows: pd.DataFrame, name: str, line: Mapping[str, Any]) -> dict[str, Any]:
    """A trace: the histogram of one picture, level by level."""
    part = rows[rows["picture"] == name]
    return {
        "type": "scatter",
        "x": part["level"],
        "y": part["share"],
        "name": name,
        "mode": "lines",
        "line": {**line, "shape": "hvh"},
        "hovertemplate": f"{name}, around level %{{x:.0f}}: %{{y:.1f}} % of the pixels"
        "<extra></extra>",
    }


def takeaway_preprocessing(before: Pixels, after: Pixels) -> str:
    """How far preprocessing moves mean brightness and contrast."""
    (was, spread_was), (is_, spread_is) = map(_light, (before, after))
    if (round(was), round(spread_was)) == (round(is_), round(spread_is)):
        return (
            f"Preprocessing leaves the mean level at {is_:.0f} and the contrast"
            f" (standard deviation) at {spread_is:.0f}, of {LEVELS - 1}."
        )
    return (
        f"Preprocessing takes the mean level from {was:.0f} to {is_:.0f}, and the"
        f" contrast (standard deviation) from {spread_was:.0f} to {spread_is:.0f}, of"
        f" {LEVELS - 1}."
    )


def takeaway_augmentation(plain: Pixels, draws: NDArray[np.uint8]) -> str:
    """Between which values mean brightness and contrast lie over the draws."""
    means, spreads = zip(*map(_light, draws), strict=True)
    was, spread_was = _light(plain)
    return (
        f"Over {plural(len(draws), 'draw')} the mean level lies between"
        f" {min(means):.0f} and {max(means):.0f} (without augmentation {was:.0f}), and"
        f" the contrast between {min(spreads):.0f} and {max(spreads):.0f}"
        f" ({spread_was:.0f})."
    )


def describe_augmentation(settings: Augmentation) -> str:
    """What a study changes at random in its training images; empty if nothing."""
    s = settings
    percent = {name: f"{100 * getattr(s, name):g} %" for name in _SHARES}
    said = {
        f"rotated by up to {s.rotation_degrees:g}°": s.rotation_degrees,
        f"shifted by up to {percent['shift']} of the side": s.shift,
        f"sheared by up to {s.shear_degrees:g}°": s.shear_degrees,
        f"zoomed by up to {percent['zoom']}": s.zoom,
        "mirrored half of the time": s.horizontal_flip,
        f"cropped at random from {s.crop_padding} pixels of black around": (
            s.crop_padding
        ),
        f"made brighter or darker by up to {percent['brightness']} of the range": (
            s.brightness
        ),
        f"changed in contrast by up to {percent['contrast']}": s.contrast,
        f"half of the time reduced to as little as {100 * (s.resolution or 1):g} % of"
        " the side and enlarged again": s.resolution,
        f"half of the time blurred by up to {s.blur} pixels": s.blur,
        f"half of the time compressed as JPEG of quality {s.jpeg_quality} or more": (
            s.jpeg_quality
        ),
    }
    return listed([words for words, on in said.items() if on])


def _light(pixels: Pixels) -> tuple[float, float]:
    """Mean and standard deviation of all levels of a picture."""
    return float(pixels.mean()), float(pixels.std())
