"""Figures and sentences of the Methods page: every class, or every target."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import FAINT_COLOUR, TRAINING_COLOUR, Look
from core.plots.methods import HEIGHT, two_figures, unreached_text
from core.plots.traces import build_line
from core.text import listed, number, plural, strong

# Classes whose number of images is written under their name.
CLASSES_WRITTEN = 12
# Beyond this ratio of largest to smallest, a linear axis hides the small ones.
LOG_FROM = 20.0


def class_axis(classes: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Names of classes for an axis, with their images where there is room."""
    if len(classes) > CLASSES_WRITTEN:
        return list(classes)
    pairs = zip(classes, counts, strict=True)
    return [f"{name}<br>n = {count:,}" for name, count in pairs]


def order_by_count(counts: Sequence[int]) -> list[int]:
    """Places of the classes from the most to the fewest images."""
    return [int(i) for i in np.argsort(-np.asarray(counts), kind="stable")]


@escapes_names
def plot_by_class(
    table: pd.DataFrame,
    classes: Sequence[str],
    counts: Sequence[int],
    look: Look,
    *,
    x_title: str,
    y_title: str,
    reference: float | None = None,
) -> go.Figure:
    """One value of each class under each method, from common to rare.

    Parameters
    ----------
    table : DataFrame
        Columns method, class (place in ``classes``) and value.
    classes : sequence of str
    counts : sequence of int
        Training images of each class.
    look : Look
    x_title, y_title : str
    reference : float, optional
        A level drawn across, such as the weight 1.
    """
    order = order_by_count(counts)
    names = class_axis([classes[i] for i in order], [counts[i] for i in order])
    traces = []
    for name, part in table.groupby("method", sort=False):
        style, label = look.styles[str(name)], look.labels[str(name)]
        values = part.set_index("class")["value"].reindex(order)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": label,
                "x": names,
                "y": values.to_numpy(),
                "customdata": [f"{counts[i]:,}" for i in order],
                "line": {"color": style.colour, "width": 2.6, "dash": style.dash},
                "marker": style.mark(11),
                "hovertemplate": f"{label}: {y_title} %{{y:.3g}}<br>"
                "%{customdata} training images<extra></extra>",
            }
        )
    level = (
        []
        if reference is None
        else [build_line("y", reference, FAINT_COLOUR, dash="dash")]
    )
    return build_figure(
        traces,
        height=HEIGHT,
        xaxis={"title": {"text": x_title}, "type": "category"},
        yaxis={"title": {"text": y_title}, **_scale(table["value"])},
        shapes=level,
    )


def _scale(values: pd.Series) -> dict[str, Any]:
    low, high = values.min(), values.max()
    if low > 0 and high / low > LOG_FROM:
        return {"type": "log", "tickmode": "linear", "dtick": 1}
    return {"rangemode": "tozero"}


def by_class_takeaway(
    table: pd.DataFrame,
    classes: Sequence[str],
    counts: Sequence[int],
    look: Look,
    *,
    what: str,
) -> str:
    """The value of the rarest class beside that of the most common, by method.

    Parameters
    ----------
    what : str
        The quantity in a sentence: "an image weighs".
    """
    order = order_by_count(counts)
    common, rare = order[0], order[-1]
    parts, alike = [], []
    for name, part in table.groupby("method", sort=False):
        values, label = part.set_index("class")["value"], look.labels[str(name)]
        if np.isclose(values.max(), values.min(), rtol=1e-6):
            alike.append(label)
            continue
        parts.append(
            f"{two_figures(values[rare])} against {two_figures(values[common])} "
            f"under {label}"
        )
    same = (
        f"{listed(alike)} {'treat' if len(alike) > 1 else 'treats'} all classes alike"
    )
    if not parts:
        return f"{same}."
    return (
        f"For the rarest class, {strong(classes[rare])} "
        f"({plural(int(counts[rare]), 'image')}), beside the most common, "
        f"{strong(classes[common])} ({int(counts[common]):,}), {what} {listed(parts)}"
        f"{f'; {same}' if alike else ''}."
    )


def pulls_takeaway(
    table: pd.DataFrame,
    classes: Sequence[str],
    counts: Sequence[int],
    look: Look,
    *,
    probability: float,
) -> str:
    """As ``by_class_takeaway``, of pulls at a probability that not all may reach."""
    undefined = table["value"].isna()
    sentences = []
    if not undefined.all():
        drawn = table[~undefined]
        sentences.append(
            by_class_takeaway(drawn, classes, counts, look, what="the pull is")
        )
    if undefined.any():
        labels = [look.labels[name] for name in table["method"][undefined].unique()]
        sentences.append(f"{unreached_text(labels, probability)}.")
    return " ".join(sentences)


@escapes_names
def plot_drawn_images(
    drawn: Mapping[str, Sequence[int]],
    classes: Sequence[str],
    counts: Sequence[int],
    look: Look,
    *,
    x_title: str,
) -> go.Figure:
    """Images of each class in one epoch: all of them, and as each sampler draws."""
    order = order_by_count(counts)
    names = class_axis([classes[i] for i in order], [counts[i] for i in order])
    traces = [
        _bars(
            names,
            [counts[i] for i in order],
            f"all images (n = {sum(counts):,})",
            {"color": TRAINING_COLOUR},
        )
    ]
    for name, images in drawn.items():
        marker = {"color": look.styles[name].colour}
        label = f"{look.labels[name]} (n = {sum(images):,})"
        traces.append(_bars(names, [images[i] for i in order], label, marker))
    return build_figure(
        traces,
        height=HEIGHT,
        barmode="group",
        xaxis={"title": {"text": x_title}, "type": "category"},
        yaxis={"title": {"text": "images in an epoch"}, "rangemode": "tozero"},
    )


def _bars(
    x: Sequence[str], y: Sequence[int], name: str, marker: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": list(x),
        "y": list(y),
        "name": name,
        "marker": dict(marker),
        "hovertemplate": f"{name}: %{{y:,}} images<extra></extra>",
    }


def drawn_takeaway(
    drawn: Mapping[str, Sequence[int]],
    classes: Sequence[str],
    counts: Sequence[int],
    look: Look,
) -> str:
    """How often the rarest class is seen, and how long an epoch is."""
    order = order_by_count(counts)
    rare, total = order[-1], sum(counts)
    parts = [
        f"{look.labels[name]} shows {images[rare]:,} in an epoch of {sum(images):,}"
        for name, images in drawn.items()
    ]
    return (
        f"Of {strong(classes[rare])}, {counts[rare]:,} of {total:,} training images, "
        f"{listed(parts)}."
    )


@escapes_names
def plot_by_target(
    tables: Mapping[str, pd.DataFrame],
    histogram: pd.DataFrame,
    look: Look,
    *,
    label: str,
    unit: str,
) -> go.Figure:
    """Weight of an image by its target, over the histogram of training images.

    Parameters
    ----------
    tables : mapping of method to DataFrame
        Columns value and weight, ascending in value.
    histogram : DataFrame
        Columns value and n: training images of each value.
    look : Look
    label, unit : str
        Of the target.
    """
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": histogram["value"].to_numpy(),
            "y": histogram["n"].to_numpy(),
            "name": f"training images (n = {histogram['n'].sum():,})",
            "marker": {"color": TRAINING_COLOUR},
            "yaxis": "y2",
            "hovertemplate": f"%{{x}} {unit}: %{{y:,}} images<extra></extra>",
        }
    ]
    for name, table in tables.items():
        style = look.styles[name]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": look.labels[name],
                "x": table["value"].to_numpy(),
                "y": table["weight"].to_numpy(),
                "line": {"color": style.colour, "width": 3.2, "dash": style.dash},
                "hovertemplate": f"{look.labels[name]}: %{{x}} {unit}: weight "
                "%{y:.3g}<extra></extra>",
            }
        )
    weights = pd.concat([t["weight"] for t in tables.values()])
    return build_figure(
        traces,
        height=460,
        bargap=0.05,
        xaxis={"title": {"text": f"{label.lower()} ({unit})"}},
        yaxis={
            "title": {"text": "weight of an image"},
            "overlaying": "y2",
            # Else Plotly sets its ticks where those of the other axis are.
            "tickmode": "auto",
            **_scale(weights),
        },
        yaxis2={
            "title": {"text": "training images"},
            "side": "right",
            "showgrid": False,
            "rangemode": "tozero",
        },
        shapes=[build_line("y", 1.0, FAINT_COLOUR, dash="dash")],
    )


def by_target_takeaway(
    tables: Mapping[str, pd.DataFrame],
    histogram: pd.DataFrame,
    look: Look,
    *,
    unit: str,
) -> str:
    """The most weighted target of each method beside the most common target."""
    common = histogram.iloc[int(histogram["n"].to_numpy().argmax())]
    parts = []
    for name, table in tables.items():
        at_common = table.loc[table["value"] == common["value"], "weight"].iloc[0]
        top = table.iloc[int(table["weight"].to_numpy().argmax())]
        ratio = top["weight"] / at_common if at_common > 0 else np.inf
        if np.isclose(ratio, 1.0):
            parts.append(f"{look.labels[name]} weighs all alike")
        elif ratio > 1e4:
            parts.append(
                f"under {look.labels[name]} it counts for nothing, and one at "
                f"{top['value']:g} {unit} the most"
            )
        else:
            parts.append(
                f"under {look.labels[name]} one at {top['value']:g} {unit} counts "
                f"{number(ratio, 1)} times as much"
            )
    return (
        f"Beside an image at {common['value']:g} {unit}, the most common value "
        f"({int(common['n']):,} images), {listed(parts)}."
    )


@escapes_names
def plot_smoothing(
    table: pd.DataFrame,
    *,
    label: str,
    unit: str,
    what: str,
    colour: str,
) -> go.Figure:
    """What a kernel makes of the histogram: before as bars, after as a line.

    Parameters
    ----------
    table : DataFrame
        Columns value, before and after, in the same unit.
    label, unit : str
        Of the target.
    what : str
        What is smoothed, for the axis.
    colour : str
    """
    return build_figure(
        [
            {
                "type": "bar",
                "x": table["value"].to_numpy(),
                "y": table["before"].to_numpy(),
                "name": "before",
                "marker": {"color": TRAINING_COLOUR},
                "hovertemplate": f"%{{x}} {unit}: %{{y:.3g}} before<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": table["value"].to_numpy(),
                "y": table["after"].to_numpy(),
                "name": "smoothed",
                "line": {"color": colour, "width": 3.2},
                "hovertemplate": f"%{{x}} {unit}: %{{y:.3g}} smoothed<extra></extra>",
            },
        ],
        height=HEIGHT,
        bargap=0.05,
        xaxis={"title": {"text": f"{label.lower()} ({unit})"}},
        yaxis={"title": {"text": what}, "rangemode": "tozero"},
    )


@escapes_names
def plot_kernels(
    windows: Mapping[str, Sequence[float]], look: Look, *, unit: str
) -> go.Figure:
    """Windows of the kernels, by the distance from their middle."""
    traces = []
    for name, window in windows.items():
        style = look.styles[name]
        half = len(window) // 2
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": look.labels[name],
                "x": list(range(-half, half + 1)),
                "y": list(window),
                "line": {"color": style.colour, "width": 2.6, "dash": style.dash},
                "marker": style.mark(11),
                "hovertemplate": f"{look.labels[name]}: %{{x:+d}} {unit}: %{{y:.3f}}"
                "<extra></extra>",
            }
        )
    return build_figure(
        traces,
        height=HEIGHT,
        xaxis={"title": {"text": f"distance ({unit})"}},
        yaxis={"title": {"text": "share of the middle's"}, "rangemode": "tozero"},
    )


def kernels_takeaway(
    windows: Mapping[str, Sequence[float]], look: Look, *, unit: str
) -> str:
    """How far a window reaches and how much its ends count."""
    parts = [
        f"{look.labels[name]} lends an image to targets up to {len(window) // 2} "
        f"{unit} away, at {100 * window[0]:.0f} % of its own weight there"
        for name, window in windows.items()
    ]
    return f"{'; '.join(parts)}."
