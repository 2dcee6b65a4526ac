"""What preprocessing and augmentation do to a picture: histograms, and words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.language import N_, gettext, in_form, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import BASELINE_COLOUR, TRAINING_COLOUR, method_styles
from core.study import Augmentation
from core.text import NO_BREAK, listed, number

CHANNELS = (N_("red"), N_("green"), N_("blue"))
# What they are called above their histograms.
_CHANNEL_NAMES = {
    "red": N_("Red channel"),
    "green": N_("Green channel"),
    "blue": N_("Blue channel"),
}
LEVELS = 256
BIN_WIDTH = 8
"""Levels that a bin of the histograms holds."""

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
        title=gettext(_CHANNEL_NAMES[channel]),
        xaxis={
            "title": {"text": gettext("level (0 to 255)")},
            "range": [0, LEVELS - 1],
        },
        yaxis={"title": {"text": gettext("pixels (%)")}, "rangemode": "tozero"},
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
        "hovertemplate": gettext(
            "{name}, around level %{{x:.0f}}: %{{y:.1f}} % of the pixels", name=name
        )
        + "<extra></extra>",
    }


def takeaway_preprocessing(before: Pixels, after: Pixels) -> str:
    """How far preprocessing moves mean brightness and contrast."""
    (was, spread_was), (is_, spread_is) = map(_light, (before, after))
    if (round(was), round(spread_was)) == (round(is_), round(spread_is)):
        return gettext(
            "Preprocessing leaves the mean level at {mean} and the contrast (standard "
            "deviation) at {spread}, of {most}.",
            mean=number(is_, 0),
            spread=number(spread_is, 0),
            most=LEVELS - 1,
        )
    return gettext(
        "Preprocessing takes the mean level from {mean_before} to {mean}, and the "
        "contrast (standard deviation) from {spread_before} to {spread}, of {most}.",
        mean_before=number(was, 0),
        mean=number(is_, 0),
        spread_before=number(spread_was, 0),
        spread=number(spread_is, 0),
        most=LEVELS - 1,
    )


def takeaway_augmentation(plain: Pixels, draws: NDArray[np.uint8]) -> str:
    """Between which values mean brightness and contrast lie over the draws."""
    means, spreads = zip(*map(_light, draws), strict=True)
    was, spread_was = _light(plain)
    return ngettext(
        "Over {count} draw the mean level lies between {low} and {high} (without "
        "augmentation {plain}), and the contrast between {low_spread} and "
        "{high_spread} ({plain_spread}).",
        "Over {count} draws the mean level lies between {low} and {high} (without "
        "augmentation {plain}), and the contrast between {low_spread} and "
        "{high_spread} ({plain_spread}).",
        len(draws),
        low=number(min(means), 0),
        high=number(max(means), 0),
        plain=number(was, 0),
        low_spread=number(min(spreads), 0),
        high_spread=number(max(spreads), 0),
        plain_spread=number(spread_was, 0),
    )


def describe_augmentation(settings: Augmentation) -> str:
    """What a study changes at random in its training images; empty if nothing."""
    s = settings
    said = {
        gettext("rotated by up to {angle}°", angle=_short(s.rotation_degrees)): (
            s.rotation_degrees
        ),
        gettext("shifted by up to {share} of the side", share=_share(s.shift)): s.shift,
        gettext("sheared by up to {angle}°", angle=_short(s.shear_degrees)): (
            s.shear_degrees
        ),
        gettext("zoomed by up to {share}", share=_share(s.zoom)): s.zoom,
        gettext("mirrored half of the time"): s.horizontal_flip,
        gettext(
            "cropped at random from {pixels} pixels of black around",
            pixels=s.crop_padding,
        ): s.crop_padding,
        gettext(
            "made brighter or darker by up to {share} of the range",
            share=_share(s.brightness),
        ): s.brightness,
        gettext("changed in contrast by up to {share}", share=_share(s.contrast)): (
            s.contrast
        ),
        gettext(
            "half of the time reduced to as little as {share} of the side and enlarged "
            "again",
            share=_share(s.resolution or 1),
        ): s.resolution,
        gettext(
            "half of the time blurred by up to {pixels} pixels", pixels=_short(s.blur)
        ): s.blur,
        gettext(
            "half of the time compressed as JPEG of quality {quality} or more",
            quality=s.jpeg_quality,
        ): s.jpeg_quality,
    }
    return listed([words for words, on in said.items() if on])


def _short(value: float | None) -> str:
    return in_form(f"{value or 0:g}")


def _share(value: float) -> str:
    return f"{_short(100 * value)}{NO_BREAK}%"


def _light(pixels: Pixels) -> tuple[float, float]:
    """Mean and standard deviation of all levels of a picture."""
    return float(pixels.mean()), float(pixels.std())
