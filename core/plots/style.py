"""The look that every figure shares: colours, markers, sizes, wording of numbers.

Text colours are left to the theme of the page (light or dark); everything that carries
meaning has a colour that can be told apart on both, and a second cue beside it.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from numpy.typing import ArrayLike

from core.evaluation.verdicts import BASELINE
from core.results.cells import Piece
from core.results.frame import verdict_marked
from core.results.sentences import TONES, verdict_text
from core.tasks import Task
from core.text import strong

# Okabe and Ito's palette, without its black (lost on dark) and yellow (lost on white).
METHOD_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
BASELINE_COLOUR = "#8A8A8A"
MARKERS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot")


def verdict_mark(row: Mapping[Any, Any] | pd.Series) -> str:
    """A verdict with its sign and colour; nothing for the baseline.

    Parameters
    ----------
    row : mapping or Series
        With ``verdict`` and ``scope``: of one trained model it says so.
    """
    verdict = str(row["verdict"])
    if verdict == BASELINE:
        return ""
    return verdict_marked(Piece("verdict", verdict_text(row), TONES[verdict]))


TRAINING_COLOUR = "rgba(128, 128, 128, 0.30)"
FAINT_COLOUR = "rgba(128, 128, 128, 0.55)"
GRID_COLOUR = "rgba(128, 128, 128, 0.22)"
NOISE_COLOUR = "#B8860B"
# Light to dark of one hue for shares; two hues around a neutral for differences.
SEQUENTIAL = ((0.0, "#F2F6FB"), (0.5, "#6FA8DC"), (1.0, "#0B3C6F"))
DIVERGING = ((0.0, "#B2500B"), (0.5, "#F4F4F4"), (1.0, "#0B5FA5"))

# Text. Streamlit replaces this very colour by the theme's eighth categorical colour,
# which .streamlit/config.toml gives the colour of text; elsewhere it is near black.
INK = "#000008"

FONT_SIZE = 15
TITLE_SIZE = 17
MINIMUM_FONT_SIZE = 14
MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"

# Plotly's own templates are large, and copying one into each figure takes longer than
# all else: this small one is set for every figure that is made from here on.
pio.templates["equipoise"] = go.layout.Template(
    layout={
        "font": {"size": FONT_SIZE, "family": "Source Sans Pro, Arial, sans-serif"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "colorway": list(METHOD_COLOURS),
    }
)
pio.templates.default = "equipoise"


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn, the same on every page.

    Parameters
    ----------
    colour : str
        As ``#RRGGBB``.
    marker : str
        Plotly's symbol; one that ends in "-open" is hollow.
    dash : str
        Plotly's dash of a line.
    """

    colour: str
    marker: str
    dash: str

    def mark(self, size: float) -> dict[str, Any]:
        """Plotly's ``marker`` of this method, ``size`` pixels wide."""
        mark: dict[str, Any] = {
            "color": self.colour,
            "symbol": self.marker,
            "size": size,
        }
        if self.marker.endswith("-open"):
            # Plotly would draw the outline one pixel wide.
            mark["line"] = {"width": max(2.0, size / 5)}
        return mark


def counterpart_style(style: MethodStyle) -> MethodStyle:
    """The style of a method's counterpart in another study: its colour, not its marks.

    A filled marker becomes hollow, a hollow one filled; the line is another one.
    """
    plain = style.marker.removesuffix("-open")
    marker = plain if style.marker.endswith("-open") else f"{plain}-open"
    place = (DASHES.index(style.dash) + 2) % len(DASHES)
    return MethodStyle(style.colour, marker, DASHES[place])


def method_styles(methods: Sequence[str], baseline: str) -> dict[str, MethodStyle]:
    """Style of each method by its place in the study, so that filters change nothing.

    Parameters
    ----------
    methods : sequence of str
        All methods of the study in its order, chosen or not.
    baseline : str
        The method that is drawn in grey.

    Returns
    -------
    dict of str to MethodStyle
        No two methods share colour, marker and dash until twenty-four are drawn.

    Notes
    -----
    There are six colours that everybody can tell apart. Where they come round again
    the marker is another one, and hollow, and the line is dashed.
    """
    styles = {}
    others = [method for method in methods if method != baseline]
    for place, method in enumerate(others):
        turn, colour = divmod(place, len(METHOD_COLOURS))
        styles[method] = MethodStyle(
            METHOD_COLOURS[colour],
            MARKERS[(colour + turn) % len(MARKERS)] + ("-open" if turn % 2 else ""),
            DASHES[turn % len(DASHES)],
        )
    if baseline in methods:
        styles[baseline] = MethodStyle(BASELINE_COLOUR, "circle", "solid")
    return {method: styles[method] for method in methods}


def build_figure(
    traces: Sequence[Mapping[str, Any]],
    *,
    height: int,
    legend: bool = True,
    title: str = "",
    **layout: Any,
) -> go.Figure:
    """Build a figure in one go from plain traces, with the common look.

    Parameters
    ----------
    traces : sequence of mappings
        As Plotly's schema has them, each with its ``type``.
    height : int
        Pixels.
    legend : bool
        Whether a legend is drawn, above the chart.
    title : str
        Written in bold above the chart, where several stand side by side.
    **layout
        Further keys of the layout; axes are merged into the common style.

    Notes
    -----
    Plotly checks and copies at every ``update_``; building once is ten times as fast.
    """
    axes = {"xaxis": {}, "yaxis": {}} | {
        key: value for key, value in layout.items() if key[1:5] == "axis"
    }
    styled = {key: _styled_axis(value) for key, value in axes.items()}
    for note in layout.get("annotations", ()):
        note["font"] = {"size": FONT_SIZE, "color": INK, **note.get("font", {})}
    common = _common_layout(height=height, legend=legend)
    if title:
        common["title"] = {
            "text": f"<b>{title}</b>",
            "font": {"size": FONT_SIZE + 1, "color": INK},
            "x": 0,
            "y": 0.98,
            "yanchor": "top",
        }
        # A legend stands between title and chart.
        common["margin"]["t"] = 68 if legend else 46
    return go.Figure(data=list(traces), layout={**common, **layout, **styled})


def finish(
    figure: go.Figure,
    *,
    x_title: str = "",
    y_title: str = "",
    height: int = 460,
    legend: bool = True,
    **layout: Any,
) -> go.Figure:
    """Give a figure made elsewhere the common look; return it.

    Parameters
    ----------
    figure : plotly Figure
        Changed in place.
    x_title, y_title : str
        Titles, with the unit, for every axis of that direction.
    height : int
        Pixels.
    legend : bool
        Whether a legend is drawn, above the chart.
    **layout
        Handed to ``update_layout`` with the rest.
    """
    figure.update_layout({**_common_layout(height=height, legend=legend), **layout})
    figure.update_xaxes(_styled_axis({"title": {"text": x_title}} if x_title else {}))
    figure.update_yaxes(_styled_axis({"title": {"text": y_title}} if y_title else {}))
    # Titles of subplots are annotations, which Plotly draws at 16 whatever the font.
    figure.update_annotations(font_size=FONT_SIZE)
    return figure


def _common_layout(*, height: int, legend: bool) -> dict[str, Any]:
    return {
        "font": {"size": FONT_SIZE, "color": INK},
        "hoverlabel": {"font": {"size": FONT_SIZE}},
        "height": height,
        "margin": {"l": 10, "r": 16, "t": 48 if legend else 28, "b": 10},
        "showlegend": legend,
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": FONT_SIZE, "color": INK},
            "title": {"text": ""},
        },
        "dragmode": False,
        "bargap": 0.18,
    }


def _styled_axis(axis: Mapping[str, Any]) -> dict[str, Any]:
    title = axis.get("title", {})
    return {
        "tickfont": {"size": FONT_SIZE, "color": INK},
        "gridcolor": GRID_COLOUR,
        "zerolinecolor": GRID_COLOUR,
        "automargin": True,
        **axis,
        "title": {**title, "font": {"size": TITLE_SIZE, "color": INK}},
    }


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


def faded(colour: str, opacity: float) -> str:
    """``#RRGGBB`` as an ``rgba()`` of that opacity, for bands and fills."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def number(value: float, digits: int = 3) -> str:
    """A number as it is read aloud: fixed digits, a real minus, an en dash if none."""
    if value != value:
        return "–"
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """A difference, with its sign always written; nothing rounds to "+0"."""
    text = number(value, digits)
    return f"+{text}" if round(value, digits) > 0 else text


def interval(low: float, high: float, digits: int = 3) -> str:
    """An interval as "[low, high]"."""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def p_value(value: float) -> str:
    """A p-value to three digits; "< 0.001" below."""
    return "< 0.001" if value < 0.001 else number(value, 3)


def letters_of(methods: Sequence[str]) -> dict[str, str]:
    """A letter for each method, in bold, where a name would not fit on a phone."""
    letters = [f"<b>{letter}</b>" for letter in string.ascii_lowercase]
    spare = len(methods) - len(letters)
    return dict(zip(methods, letters + [""] * spare, strict=False))


def place_sign(place: int) -> str:
    """The sign of a place on a front, counted from 1: a digit in a circle."""
    return chr(0x2460 + place - 1) if place <= 20 else f"({place})"


def feature_label(feature: str, tasks: Sequence[Task] = ()) -> str:
    """A sensitive feature as a reader sees it, such as "Age bin" for ``age_bin``."""
    named = {task.name: task.label for task in tasks}
    binned = feature.removesuffix("_bin")
    if binned != feature and binned in named:
        return f"{named[binned]} bin"
    text = named.get(feature, feature.replace("_", " "))
    return text[:1].upper() + text[1:]


def plural(count: int, word: str, many: str = "") -> str:
    """A count with its noun: "1 photo", "3 photos"."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def score_cell(row: pd.Series, digits: int) -> str:
    """Mean, interval and verdict of a row of ``Comparison.table``.

    Breaks into two lines, before the verdict, where room is scarce.
    """
    between = interval(row["low"], row["high"], digits)
    score = f"{strong(number(row['mean'], digits))} {between}".replace(" ", NO_BREAK)
    return f"{score} {verdict_mark(row)}".strip()
