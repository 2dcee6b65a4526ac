"""Figures and sentences of the Methods page: every class, or every target."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.language import gettext, in_form, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.look import FAINT_COLOUR, TRAINING_COLOUR, Look
from core.plots.methods import HEIGHT, two_figures, unreached_text
from core.plots.traces import build_line
from core.text import listed, number, percent, strong

# Classes whose number of images is written under their name.
CLASSES_WRITTEN = 12
# Beyond this ratio of largest to smallest, a linear axis hides the small ones.
LOG_FROM = 20.0


def class_axis(classes: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Names of classes for an axis, with their images where there is room."""
    if len(classes) > CLASSES_WRITTEN:
        return list(classes)
    pairs = zip(classes, counts, strict=True)
    return [f"{name}<br>n = {number(count, 0)}" for name, count in pairs]


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
                "customdata": [number(counts[i], 0) for i in order],
                "line": {"color": style.colour, "width": 2.6, "dash": style.dash},
                "marker": style.mark(11),
                "hovertemplate": gettext(
                    "{method}: {quantity} %{{y:.3g}}<br>%{{customdata}} training "
                    "images",
                    method=label,
                    quantity=y_title,
                )
                + "<extra></extra>",
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
        The quantity in a sentence: "an image weighs", in the reader's language.
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
            gettext(
                "{rare} against {common} under {method}",
                rare=two_figures(values[rare]),
                common=two_figures(values[common]),
                method=label,
            )
        )
    said = []
    if parts:
        said.append(
            ngettext(
                "For the rarest class, {rare} ({count} image), beside the most common, "
                "{common} ({images}), {what} {values}.",
                "For the rarest class, {rare} ({count} images), beside the most "
                "common, {common} ({images}), {what} {values}.",
                int(counts[rare]),
                rare=strong(classes[rare]),
                common=strong(classes[common]),
                images=int(counts[common]),
                what=what,
                values=listed(parts),
            )
        )
    if alike:
        said.append(
            ngettext(
                "{methods} treats all classes alike.",
                "{methods} treat all classes alike.",
                len(alike),
                methods=listed(alike),
            )
        )
    return " ".join(said)


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
            by_class_takeaway(drawn, classes, counts, look, what=gettext("the pull is"))
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
            gettext("all images (n = {count})", count=sum(counts)),
            {"color": TRAINING_COLOUR},
        )
    ]
    for name, images in drawn.items():
        marker = {"color": look.styles[name].colour}
        label = f"{look.labels[name]} (n = {number(sum(images), 0)})"
        traces.append(_bars(names, [images[i] for i in order], label, marker))
    return build_figure(
        traces,
        height=HEIGHT,
        barmode="group",
        xaxis={"title": {"text": x_title}, "type": "category"},
        yaxis={"title": {"text": gettext("images in an epoch")}, "rangemode": "tozero"},
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
        "hovertemplate": gettext("{name}: %{{y:,}} images", name=name)
        + "<extra></extra>",
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
        gettext(
            "{method} shows {images} in an epoch of {total}",
            method=look.labels[name],
            images=int(images[rare]),
            total=int(sum(images)),
        )
        for name, images in drawn.items()
    ]
    return gettext(
        "Of {name}, {images} of {total} training images, {methods}.",
        name=strong(classes[rare]),
        images=int(counts[rare]),
        total=int(total),
        methods=listed(parts),
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
    unit = gettext(unit)
    images = int(histogram["n"].sum())
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": histogram["value"].to_numpy(),
            "y": histogram["n"].to_numpy(),
            "name": gettext("training images (n = {count})", count=images),
            "marker": {"color": TRAINING_COLOUR},
            "yaxis": "y2",
            "hovertemplate": gettext("%{{x}} {unit}: %{{y:,}} images", unit=unit)
            + "<extra></extra>",
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
                "hovertemplate": gettext(
                    "{method}: %{{x}} {unit}: weight %{{y:.3g}}",
                    method=look.labels[name],
                    unit=unit,
                )
                + "<extra></extra>",
            }
        )
    weights = pd.concat([t["weight"] for t in tables.values()])
    return build_figure(
        traces,
        height=460,
        bargap=0.05,
        xaxis={"title": {"text": f"{label.lower()} ({unit})"}},
        yaxis={
            "title": {"text": gettext("weight of an image")},
            "overlaying": "y2",
            # Else Plotly sets its ticks where those of the other axis are.
            "tickmode": "auto",
            **_scale(weights),
        },
        yaxis2={
            "title": {"text": gettext("training images")},
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
    unit = gettext(unit)
    parts = []
    for name, table in tables.items():
        at_common = table.loc[table["value"] == common["value"], "weight"].iloc[0]
        top = table.iloc[int(table["weight"].to_numpy().argmax())]
        ratio = top["weight"] / at_common if at_common > 0 else np.inf
        said = {"method": look.labels[name], "value": _plain(top["value"])}
        if np.isclose(ratio, 1.0):
            parts.append(gettext("{method} weighs all alike", **said))
        elif ratio > 1e4:
            parts.append(
                gettext(
                    "under {method} it counts for nothing, and one at {value} {unit} "
                    "the most",
                    **said,
                    unit=unit,
                )
            )
        else:
            parts.append(
                gettext(
                    "under {method} one at {value} {unit} counts {times} times as much",
                    **said,
                    unit=unit,
                    times=number(ratio, 1),
                )
            )
    return gettext(
        "Beside an image at {value} {unit}, the most common value ({images} images), "
        "{methods}.",
        value=_plain(common["value"]),
        unit=unit,
        images=int(common["n"]),
        methods=listed(parts),
    )


def _plain(value: float) -> str:
    """A target with as many digits as it has."""
    return in_form(f"{value:g}")


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
    unit = gettext(unit)
    return build_figure(
        [
            {
                "type": "bar",
                "x": table["value"].to_numpy(),
                "y": table["before"].to_numpy(),
                "name": gettext("before"),
                "marker": {"color": TRAINING_COLOUR},
                "hovertemplate": gettext("%{{x}} {unit}: %{{y:.3g}} before", unit=unit)
                + "<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": table["value"].to_numpy(),
                "y": table["after"].to_numpy(),
                "name": gettext("smoothed"),
                "line": {"color": colour, "width": 3.2},
                "hovertemplate": gettext(
                    "%{{x}} {unit}: %{{y:.3g}} smoothed", unit=unit
                )
                + "<extra></extra>",
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
    unit = gettext(unit)
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
                "hovertemplate": gettext(
                    "{method}: %{{x:+d}} {unit}: %{{y:.3f}}",
                    method=look.labels[name],
                    unit=unit,
                )
                + "<extra></extra>",
            }
        )
    return build_figure(
        traces,
        height=HEIGHT,
        xaxis={"title": {"text": gettext("distance ({unit})", unit=unit)}},
        yaxis={
            "title": {"text": gettext("share of the middle's")},
            "rangemode": "tozero",
        },
    )


def kernels_takeaway(
    windows: Mapping[str, Sequence[float]], look: Look, *, unit: str
) -> str:
    """How far a window reaches and how much its ends count."""
    return " ".join(
        gettext(
            "{method} lends an image to targets up to {reach} {unit} away, at {share} "
            "of its own weight there.",
            method=look.labels[name],
            reach=len(window) // 2,
            unit=gettext(unit),
            share=percent(window[0]),
        )
        for name, window in windows.items()
    )
