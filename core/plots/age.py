"""Figures and sentences of the Age page: error, bias and scatter of a regression."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import in_unit
from core.language import gettext
from core.plots.classification import plot_by_group
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import signed
from core.plots.look import FAINT_COLOUR, NOISE_COLOUR, Look, MethodStyle
from core.plots.traces import build_marks, build_note, zero_line
from core.results.sentences import about_models
from core.tasks import Regression
from core.text import bin_in_words, listed, number, percent

# Points drawn in one scatter; beyond it a fixed sample keeps the browser quick.
MAXIMUM_POINTS = 1500
# A sentence names so many bins of a method; if there are more, it says how many.
MOST_NAMED = 5


@escapes_names
def plot_error_by_bin(
    scores: pd.DataFrame,
    task: Regression,
    training_counts: pd.Series | None,
    look: Look,
    *,
    noise_floor: float | None = None,
) -> go.Figure:
    """MAE in each bin with its interval, over the histogram of training images.

    Parameters
    ----------
    scores : DataFrame
        Columns method, group (the bin), mean, low, high in the task's unit.
    task : Regression
        Gives the bins and the unit.
    training_counts : Series of int, optional
        Training images of each bin.
    look : Look
        Which methods are shown, and how.
    noise_floor : float, optional
        Mean difference of two labels of one photo, drawn as a line.
    """
    marks = {} if noise_floor is None else _noise_marks(noise_floor, task.unit)
    return plot_by_group(
        scores,
        task.bin_labels,
        training_counts,
        look,
        y_axis={
            "title": {"text": gettext("MAE ({unit})", unit=gettext(task.unit))},
            "rangemode": "tozero",
        },
        x_title=_truth_title(task),
        digits=2,
        unit=gettext(task.unit),
        marks=marks,
    )


def _truth_title(task: Regression) -> str:
    unit = gettext(task.unit)
    return gettext(
        "True {label} ({unit})", label=gettext(task.label).lower(), unit=unit
    )


def _noise_marks(value: float, unit: str) -> dict[str, list[dict[str, Any]]]:
    line = {"color": NOISE_COLOUR, "width": 2.5, "dash": "dash"}
    ends = {"x0": 0, "x1": 1, "xref": "paper", "y0": value, "y1": value}
    note = build_note(
        gettext(
            "noise of the labels: {size} {unit}",
            size=number(value, 1),
            unit=gettext(unit),
        ),
        1,
        value,
        font={"color": NOISE_COLOUR, "weight": 600},
        xref="paper",
        xanchor="right",
        yanchor="top",
    )
    return {"shapes": [{"type": "line", "line": line, **ends}], "annotations": [note]}


def error_takeaway(
    scores: pd.DataFrame,
    training_counts: pd.Series | None,
    look: Look,
    task: Regression,
) -> str:
    """Where the baseline errs most and least, and in which bins a method helps."""
    base = scores[scores["method"] == look.baseline].set_index("group")["mean"].dropna()
    if base.empty:
        return gettext("There is no test image in any bin.")
    sentence = _furthest_and_nearest(base, training_counts, task)
    others = scores[
        scores["method"].isin(look.methods) & (scores["method"] != look.baseline)
    ]
    if others.empty:
        return sentence
    gains, losses = (
        _bins_with(others[others["verdict"] == verdict], look)
        for verdict in ("better", "worse")
    )
    if not gains and not losses:
        none = gettext("In no bin is a method certainly better or worse than it.")
        return f"{sentence} {none}"
    smaller, larger = (_at_bins(found, task, len(base)) for found in (gains, losses))
    if gains and losses:
        said = gettext(
            "Beside the baseline's, the error is certainly smaller {smaller}; it is "
            "certainly larger {larger}.",
            smaller=smaller,
            larger=larger,
        )
    elif gains:
        said = gettext(
            "Beside the baseline's, the error is certainly smaller {in_bins}.",
            in_bins=smaller,
        )
    else:
        said = gettext(
            "Beside the baseline's, the error is certainly larger {in_bins}.",
            in_bins=larger,
        )
    return f"{sentence} {about_models(said, others)}"


def _furthest_and_nearest(
    base: pd.Series, training_counts: pd.Series | None, task: Regression
) -> str:
    """Where the baseline errs most and least, with the training images there."""
    worst, best = base.idxmax(), base.idxmin()
    said = {
        "label": gettext(task.label).lower(),
        "unit": gettext(task.unit),
        "worst": bin_in_words(worst),
        "most": number(base[worst], 1),
        "best": bin_in_words(best),
        "least": number(base[best], 1),
    }
    if training_counts is None or not training_counts.sum():
        return gettext(
            "The baseline is furthest off at {label} {worst} (by {most} {unit} on "
            "average) and nearest at {label} {best} (by {least} {unit}).",
            **said,
        )
    shares = training_counts / training_counts.sum()
    return gettext(
        "The baseline is furthest off at {label} {worst} (by {most} {unit} on average; "
        "{worst_share} of the training images) and nearest at {label} {best} (by "
        "{least} {unit}; {best_share} of the training images).",
        **said,
        worst_share=percent(shares.get(worst, 0)),
        best_share=percent(shares.get(best, 0)),
    )


def _bins_with(rows: pd.DataFrame, look: Look) -> dict[tuple[str, ...], list[str]]:
    """Labels of the methods that have the same bins in ``rows``; most bins first."""
    found: dict[tuple[str, ...], list[str]] = {}
    for method in look.methods:
        if bins := tuple(rows.loc[rows["method"] == method, "group"]):
            found.setdefault(bins, []).append(look.labels[method])
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def _at_bins(
    found: Mapping[tuple[str, ...], list[str]], task: Regression, count: int
) -> str:
    """Say the bins of methods: "at age 0-9 and 60-69 with INS, at 0-9 with LDS".

    ``found`` is from ``_bins_with``; ``count`` is the number of all bins.
    """
    said, named = [], False
    for bins, methods in found.items():
        fields = {
            "label": gettext(task.label).lower(),
            "bins": listed([bin_in_words(name) for name in bins]),
            "some": str(len(bins)),
            "count": str(count),
            "methods": listed(methods),
        }
        if len(bins) == count:
            text = gettext("in every bin with {methods}", **fields)
        elif len(bins) > MOST_NAMED:
            text = gettext("in {some} of {count} bins with {methods}", **fields)
        elif named:
            text = gettext("at {bins} with {methods}", **fields)
        else:
            text, named = gettext("at {label} {bins} with {methods}", **fields), True
        said.append(text)
    return ", ".join(said)


@escapes_names
def plot_bias_by_bin(scores: pd.DataFrame, task: Regression, look: Look) -> go.Figure:
    """Mean of prediction minus truth in each bin, with its interval, by method.

    Parameters
    ----------
    scores : DataFrame
        Columns method, group (the bin), mean, low, high in the task's unit.
    """
    return plot_by_group(
        scores,
        task.bin_labels,
        None,
        look,
        y_axis={
            "title": {
                "text": gettext("Prediction − truth ({unit})", unit=gettext(task.unit))
            }
        },
        x_title=_truth_title(task),
        digits=2,
        unit=gettext(task.unit),
        marks={"shapes": [zero_line("y")]},
    )


def bias_takeaway(scores: pd.DataFrame, look: Look, task: Regression) -> str:
    """Which way the baseline leans at both ends, and who leans least."""
    rows = scores[scores["method"] == look.baseline].dropna(subset=["mean"])
    if len(rows) < 2:
        return gettext(
            "There are not two bins with test images, so no lean can be seen."
        )
    first, last = rows.iloc[0], rows.iloc[-1]
    ends = {
        "first": in_unit(signed(first["mean"], 1), task.unit, first["mean"]),
        "first_bin": first["group"],
        "last": signed(last["mean"], 1),
        "last_bin": last["group"],
    }
    if first["low"] > 0 and last["high"] < 0:
        sentence = gettext(
            "The baseline predicts {first} at {first_bin} and {last} at {last_bin}: it "
            "pulls towards the middle.",
            **ends,
        )
    else:
        sentence = gettext(
            "The baseline predicts {first} at {first_bin} and {last} at {last_bin}.",
            **ends,
        )
    size = scores.assign(size=scores["mean"].abs()).groupby("method")["size"].mean()
    if len(size) < 2:
        return sentence
    least = str(size.idxmin())
    smallest = gettext(
        "The mean size of the bias over the bins is smallest for {method} ({size} "
        "{unit}; baseline {baseline}).",
        method=look.labels[least],
        size=number(size[least], 1),
        unit=gettext(task.unit),
        baseline=number(size[look.baseline], 1),
    )
    return f"{sentence} {smallest}"


@escapes_names
def plot_truth_prediction(
    predictions: pd.DataFrame,
    task: Regression,
    style: MethodStyle,
    title: str,
) -> go.Figure:
    """Prediction against truth, one point an image, with the mean in each bin.

    Parameters
    ----------
    predictions : DataFrame
        Columns truth and prediction in the task's unit; the prediction is the mean
        over the seeds.
    """
    drawn = predictions
    if len(drawn) > MAXIMUM_POINTS:
        drawn = drawn.sample(MAXIMUM_POINTS, random_state=0)
    edges = task.bin_edges
    ends = [float(edges[0]), float(edges[-1])]
    unit = gettext(task.unit)
    means = predictions.groupby(task.bin_of(predictions["truth"])).mean()
    perfect = {
        "type": "scatter",
        "x": ends,
        "y": ends,
        "mode": "lines",
        "line": {"color": FAINT_COLOUR, "width": 2, "dash": "dash"},
        "hoverinfo": "skip",
    }
    points = build_marks(
        drawn["truth"].to_numpy(),
        drawn["prediction"].to_numpy(),
        {"color": style.colour, "size": 5, "opacity": 0.45},
        hovertemplate=gettext("truth %{x:.0f}, predicted %{y:.1f}") + "<extra></extra>",
    )
    middle = {
        "type": "scatter",
        "x": means["truth"].tolist(),
        "y": means["prediction"].tolist(),
        "mode": "lines+markers",
        "line": {"color": style.colour, "width": 3},
        "marker": style.mark(11),
        "hovertemplate": gettext("mean of the bin: %{y:.1f}") + "<extra></extra>",
    }
    return build_figure(
        [perfect, points, middle],
        height=380,
        legend=False,
        title=title,
        xaxis={"title": {"text": gettext("Truth ({unit})", unit=unit)}, "range": ends},
        yaxis={
            "title": {"text": gettext("Prediction ({unit})", unit=unit)},
            "range": ends,
        },
    )


def truth_prediction_takeaway(
    tables: Mapping[str, pd.DataFrame], look: Look, task: Regression
) -> str:
    """How much of the range the predictions use: the slope against the truth."""
    slopes = {
        method: float(np.polyfit(table["truth"], table["prediction"], 1)[0])
        for method, table in tables.items()
        if table["truth"].nunique() > 1
    }
    if look.baseline not in slopes:
        return gettext("The test images all have one value, so no slope can be seen.")
    sentence = gettext(
        "Where the truth rises by 1 of its {unit}, the baseline's prediction rises by "
        "{slope} (1 would be right).",
        unit=gettext(task.unit),
        slope=number(slopes[look.baseline], 2),
    )
    others = {m: s for m, s in slopes.items() if m != look.baseline}
    if not others:
        return sentence
    closest = min(others, key=lambda m: abs(others[m] - 1))
    among = gettext(
        "Among the others {method} comes closest, with {slope}.",
        method=look.labels[closest],
        slope=number(slopes[closest], 2),
    )
    return f"{sentence} {among}"


def count_by_bin(values: pd.Series, task: Regression) -> pd.Series:
    """Images in each bin of a task, zeros included, with the bins as index."""
    bins = task.bin_labels
    counts = np.bincount(task.bin_of(values), minlength=len(bins))
    return pd.Series(counts, index=list(bins))


def noise_floor_of(
    report: Mapping[str, object] | None, task: Regression
) -> float | None:
    """Mean difference of two labels of one photo, where the data report holds it."""
    twins = (report or {}).get("twins")
    noise = twins.get("label_noise") if isinstance(twins, dict) else None
    value = (noise or {}).get(f"{task.name}_mean_difference")
    return float(value) if isinstance(value, int | float) else None
