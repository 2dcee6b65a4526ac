"""Figures and sentences of the Age page: error, bias and scatter of a regression."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.plots.classification import plot_by_group
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import signed
from core.plots.look import FAINT_COLOUR, NOISE_COLOUR, Look, MethodStyle
from core.plots.traces import build_marks, build_note, zero_line
from core.results.sentences import about_models
from core.tasks import Regression
from core.text import listed, number, plural

# Points drawn in one scatter; beyond it a fixed sample keeps the browser quick.
MAXIMUM_POINTS = 1500


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
        y_axis={"title": {"text": f"MAE ({task.unit})"}, "rangemode": "tozero"},
        x_title=f"True {task.label.lower()} ({task.unit})",
        digits=2,
        unit=task.unit,
        marks=marks,
    )


def _noise_marks(value: float, unit: str) -> dict[str, list[dict[str, Any]]]:
    line = {"color": NOISE_COLOUR, "width": 2.5, "dash": "dash"}
    ends = {"x0": 0, "x1": 1, "xref": "paper", "y0": value, "y1": value}
    note = build_note(
        f"noise of the labels: {number(value, 1)} {unit}",
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
        return "There is no test image in any bin."
    worst, best = base.idxmax(), base.idxmin()
    what = task.label.lower()
    shares = {str(worst): "", str(best): ""}
    if training_counts is not None and training_counts.sum():
        percent = 100 * training_counts / training_counts.sum()
        shares = {
            name: f"; {number(percent.get(name, 0), 0)} % of the training images"
            for name in shares
        }
    sentence = (
        f"The baseline is furthest off at {what} {worst} (by "
        f"{number(base[worst], 1)} {task.unit} on average{shares[worst]}) and nearest "
        f"at {what} {best} (by {number(base[best], 1)} {task.unit}{shares[best]})."
    )
    others = scores[
        scores["method"].isin(look.methods) & (scores["method"] != look.baseline)
    ]
    if others.empty:
        return sentence
    gains = others[others["verdict"] == "better"]["method"].value_counts().to_dict()
    losses = others[others["verdict"] == "worse"]["method"].value_counts().to_dict()
    if not gains and not losses:
        return f"{sentence} In no bin is a method certainly better or worse than it."
    parts = [
        f"certainly {word} {_in_bins(counts, look.labels, len(base))}"
        for counts, word in ((gains, "smaller"), (losses, "larger"))
        if counts
    ]
    said = f"Beside the baseline's, the error is {'; it is '.join(parts)}."
    return f"{sentence} {about_models(said, others)}"


def _in_bins(counts: Mapping[Any, int], labels: Mapping[str, str], bins: int) -> str:
    """In how many bins with which methods: "in 3 of 8 bins with INS, in 1 with LDS"."""
    methods: dict[int, list[str]] = {}
    of = f" of {plural(bins, 'bin')}"
    for method, count in counts.items():
        methods.setdefault(int(count), []).append(labels[str(method)])
    said = [
        f"in {count}{'' if place else of} with {listed(names)}"
        for place, (count, names) in enumerate(sorted(methods.items(), reverse=True))
    ]
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
        y_axis={"title": {"text": f"Prediction − truth ({task.unit})"}},
        x_title=f"True {task.label.lower()} ({task.unit})",
        digits=2,
        unit=task.unit,
        marks={"shapes": [zero_line("y")]},
    )


def bias_takeaway(scores: pd.DataFrame, look: Look, task: Regression) -> str:
    """Which way the baseline leans at both ends, and who leans least."""
    rows = scores[scores["method"] == look.baseline].dropna(subset=["mean"])
    if len(rows) < 2:
        return "There are not two bins with test images, so no lean can be seen."
    first, last = rows.iloc[0], rows.iloc[-1]
    sentence = (
        f"The baseline predicts {signed(first['mean'], 1)} {task.unit} at "
        f"{first['group']} and {signed(last['mean'], 1)} at {last['group']}"
    )
    certain = first["low"] > 0 and last["high"] < 0
    if certain:
        sentence += ": it pulls towards the middle"
    size = scores.assign(size=scores["mean"].abs()).groupby("method")["size"].mean()
    if len(size) < 2:
        return f"{sentence}."
    least = str(size.idxmin())
    return (
        f"{sentence}; the mean size of the bias over the bins is smallest for "
        f"{look.labels[least]} ({number(size[least], 1)} {task.unit}; baseline "
        f"{number(size[look.baseline], 1)})."
    )


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
        hovertemplate="truth %{x:.0f}, predicted %{y:.1f}<extra></extra>",
    )
    middle = {
        "type": "scatter",
        "x": means["truth"].tolist(),
        "y": means["prediction"].tolist(),
        "mode": "lines+markers",
        "line": {"color": style.colour, "width": 3},
        "marker": style.mark(11),
        "hovertemplate": "mean of the bin: %{y:.1f}<extra></extra>",
    }
    return build_figure(
        [perfect, points, middle],
        height=380,
        legend=False,
        title=title,
        xaxis={"title": {"text": f"Truth ({task.unit})"}, "range": ends},
        yaxis={"title": {"text": f"Prediction ({task.unit})"}, "range": ends},
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
        return "The test images all have one value, so no slope can be seen."
    sentence = (
        f"Where the truth rises by 1 of its {task.unit}, the baseline's prediction "
        f"rises by {number(slopes[look.baseline], 2)} (1 would be right)"
    )
    others = {m: s for m, s in slopes.items() if m != look.baseline}
    if not others:
        return f"{sentence}."
    closest = min(others, key=lambda m: abs(others[m] - 1))
    return (
        f"{sentence}; among the others {look.labels[closest]} comes closest, "
        f"with {number(slopes[closest], 2)}."
    )


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
