"""Figures and sentences of the Classification page: F1 by class, confusion."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.plots.style import (
    DIVERGING,
    FONT_SIZE,
    SEQUENTIAL,
    TRAINING_COLOUR,
    MethodStyle,
    build_figure,
    interval,
    listed,
    number,
    plural,
    score_cell,
    signed,
)

# How far apart, in units of one class, the methods of one class stand.
SPREAD = 0.72
# Share at which the colours of a difference end at the least.
MINIMUM_REACH = 0.05


def plot_class_f1(
    scores: pd.DataFrame,
    training_counts: pd.Series | None,
    methods: Sequence[str],
    styles: Mapping[str, MethodStyle],
    labels: Mapping[str, str],
) -> go.Figure:
    """F1 of each class with its interval, above the class's training images.

    Parameters
    ----------
    scores : DataFrame
        Columns method, group (the class), mean, low, high.
    training_counts : Series of int, optional
        Training images of each class; left out where they are not known.
    methods : sequence of str
        Those shown, in order.
    styles, labels : mapping
        How each method is drawn and named.
    """
    classes = list(dict.fromkeys(scores["group"]))
    if training_counts is not None:
        classes.sort(key=lambda name: -int(training_counts.get(name, 0)))
    return plot_by_group(
        scores,
        classes,
        training_counts,
        methods,
        styles,
        labels,
        y_axis={"title": {"text": "F1 (0 to 1)"}, "range": [0, 1.02]},
    )


def plot_by_group(
    scores: pd.DataFrame,
    groups: Sequence[str],
    training_counts: pd.Series | None,
    methods: Sequence[str],
    styles: Mapping[str, MethodStyle],
    labels: Mapping[str, str],
    *,
    y_axis: Mapping[str, Any],
    x_title: str = "",
    digits: int = 3,
    unit: str = "",
    marks: Mapping[str, Sequence[dict[str, Any]]] | None = None,
) -> go.Figure:
    """One mark with its interval a method and group, above the training images.

    Parameters
    ----------
    scores : DataFrame
        Columns method, group, mean, low, high.
    groups : sequence of str
        Classes or bins, in the order of the axis.
    training_counts : Series of int, optional
        Training images of each group; without them there is no lower row.
    methods, styles, labels
        Which methods are shown, and how.
    y_axis : mapping
        Of the upper row.
    x_title : str
    digits, unit
        How a value is written when it is pointed at.
    marks : mapping, optional
        Further ``shapes`` and ``annotations``.
    """
    shown = [m for m in methods if (scores["method"] == m).any()]
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(shown) + 2)[1:-1]
    traces = []
    for method, offset in zip(shown, offsets, strict=True):
        rows = scores[scores["method"] == method].set_index("group").reindex(groups)
        style, label = styles[method], labels[method]
        traces.append(
            {
                "type": "scatter",
                "x": (np.arange(len(groups)) + offset).tolist(),
                "y": rows["mean"].tolist(),
                "name": label,
                "mode": "markers",
                "marker": {"color": style.colour, "symbol": style.marker, "size": 10},
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": (rows["high"] - rows["mean"]).tolist(),
                    "arrayminus": (rows["mean"] - rows["low"]).tolist(),
                    "thickness": 2,
                    "width": 3,
                    "color": style.colour,
                },
                "customdata": [
                    f"{group}: {number(mean, digits)} {unit} "
                    f"{interval(low, high, digits)}"
                    for group, mean, low, high in zip(
                        groups, rows["mean"], rows["low"], rows["high"], strict=True
                    )
                ],
                "hovertemplate": f"<b>{label}</b><br>%{{customdata}}<extra></extra>",
            }
        )
    layout: dict[str, Any] = {
        "xaxis": {
            "tickvals": list(range(len(groups))),
            "ticktext": list(groups),
            "range": [-0.5, len(groups) - 0.5],
            "showgrid": False,
            "zeroline": False,
            **({"title": {"text": x_title}} if x_title else {}),
        },
        "yaxis": dict(y_axis),
        "shapes": [_divider(edge - 0.5) for edge in range(1, len(groups))],
        "annotations": [],
    }
    for key, extra in (marks or {}).items():
        layout[key] = [*layout[key], *extra]
    if training_counts is not None:
        counts = [int(training_counts.get(group, 0)) for group in groups]
        traces.append(_training_bars(groups, counts))
        layout["xaxis"]["anchor"] = "y2"
        layout["yaxis"]["domain"] = [0.27, 1]
        layout["yaxis2"] = {
            "domain": [0, 0.22],
            "title": {"text": "Training<br>images"},
            "showgrid": False,
            "showticklabels": False,
            "range": [0, max([*counts, 1]) * 1.4],
        }
    height = 480 if training_counts is None else 620
    return build_figure(traces, height=height, **layout)


def _divider(x: float) -> dict[str, Any]:
    line = {"color": TRAINING_COLOUR, "width": 1}
    ends = {"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"}
    return {"type": "line", "line": line, "layer": "below", **ends}


def _training_bars(groups: Sequence[str], counts: Sequence[int]) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": list(range(len(groups))),
        "y": list(counts),
        "yaxis": "y2",
        "width": SPREAD,
        "marker": {"color": TRAINING_COLOUR},
        "text": [f"{count:,}" for count in counts],
        "textposition": "outside",
        "textfont": {"size": FONT_SIZE},
        "cliponaxis": False,
        "showlegend": False,
        "customdata": list(groups),
        "hovertemplate": "%{customdata}: %{y:,} training images<extra></extra>",
    }


def class_f1_takeaway(
    scores: pd.DataFrame,
    training_counts: pd.Series | None,
    methods: Sequence[str],
    labels: Mapping[str, str],
    baseline: str,
) -> str:
    """The class that the baseline finds hardest, and who certainly moves it."""
    rows = scores[scores["method"] == baseline].set_index("group")["mean"]
    if rows.empty or rows.isna().all():
        return "No class has an F1 that could be computed."
    worst, best = rows.idxmin(), rows.idxmax()
    sentence = f"The baseline finds {worst} hardest (F1 {number(rows[worst], 2)})"
    if training_counts is not None and training_counts.get(worst, 0):
        sentence += f", with {plural(int(training_counts[worst]), 'training image')}"
    if worst == best:
        return f"{sentence}."
    sentence += f", and {best} easiest ({number(rows[best], 2)})"
    moved = scores[(scores["group"] == worst) & scores["method"].isin(methods)]
    parts = [
        f"{listed([labels[m] for m in names])} {'is' if len(names) == 1 else 'are'} "
        f"{verdict} on {worst}"
        for verdict in ("better", "worse")
        if (names := list(moved[moved["verdict"] == verdict]["method"]))
    ]
    if len(set(moved["method"])) < 2:
        return f"{sentence}."
    return f"{sentence}; {'; '.join(parts) or f'no method moves {worst} certainly'}."


def share_of_rows(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts as shares of each true class; a class without images gives NaN."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(totals > 0, totals, np.nan))


def plot_confusion(
    counts: NDArray[np.float64],
    classes: Sequence[str],
    title: str,
    *,
    show: str = "shares",
    baseline: NDArray[np.float64] | None = None,
    reach: float = 0.2,
) -> go.Figure:
    """One confusion matrix: rows are the truth, columns the prediction.

    Parameters
    ----------
    counts : float array, shape (classes, classes)
        Test images, as a mean over the seeds.
    classes : sequence of str
        In the order of rows and columns.
    title : str
        The method's label.
    show : {"shares", "counts", "difference"}
        Shares of each true class in per cent; images; or the difference of the shares
        to ``baseline`` in percentage points.
    baseline : float array, optional
        Counts of the baseline, for "difference".
    reach : float
        Share at which the colours of a difference end.
    """
    shares = share_of_rows(counts)
    low, high, colours = 0.0, 1.0, SEQUENTIAL
    if show == "difference" and baseline is not None:
        values = shares - share_of_rows(baseline)
        texts = [[signed(100 * v, 1) for v in row] for row in values]
        low, high, colours = -reach, reach, DIVERGING
    else:
        values = shares
        whole = np.allclose(counts, counts.round())
        texts = (
            [[number(v, 0 if whole else 1) for v in row] for row in counts]
            if show == "counts"
            else [[f"{number(100 * v, 0)} %" for v in row] for row in values]
        )
    heatmap = {
        "type": "heatmap",
        "z": values.tolist(),
        "x": list(classes),
        "y": list(classes),
        "text": texts,
        "texttemplate": "%{text}",
        "textfont": {"size": FONT_SIZE},
        "zmin": low,
        "zmax": high,
        "colorscale": [list(stop) for stop in colours],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": "Truth %{y}, predicted %{x}: %{text}<extra></extra>",
    }
    return build_figure(
        [heatmap],
        height=170 + 52 * max(len(classes), 3),
        legend=False,
        title=title,
        xaxis={"title": {"text": "Predicted"}, "showgrid": False},
        yaxis={
            "title": {"text": "Truth"},
            "showgrid": False,
            "autorange": "reversed",
        },
    )


def difference_reach(
    matrices: Mapping[str, NDArray[np.float64]], baseline: str
) -> float:
    """Largest difference of shares to the baseline, so that colours compare."""
    base = share_of_rows(matrices[baseline])
    gaps = [np.nanmax(np.abs(share_of_rows(m) - base)) for m in matrices.values()]
    return max(float(np.max(gaps)), MINIMUM_REACH)


def confusion_takeaway(
    matrices: Mapping[str, NDArray[np.float64]],
    classes: Sequence[str],
    labels: Mapping[str, str],
    baseline: str,
) -> str:
    """The baseline's most common confusion, and who makes it least and most."""
    base = share_of_rows(matrices[baseline])
    wrong = np.where(np.eye(len(classes), dtype=bool), -1, np.nan_to_num(base, nan=-1))
    true, said = divmod(int(wrong.argmax()), len(classes))
    if wrong[true, said] <= 0:
        return "The baseline makes no mistake on the test images."
    n = round(float(matrices[baseline][true].sum()))
    sentence = (
        f"The baseline's most common confusion, by share, takes {classes[true]} for "
        f"{classes[said]}: {number(100 * base[true, said], 0)} % of "
        f"{plural(n, 'test image')}"
    )
    shares = {m: float(share_of_rows(c)[true, said]) for m, c in matrices.items()}
    others = {m: s for m, s in shares.items() if m != baseline}
    if not others:
        return f"{sentence}."
    least, most = (
        min(others, key=others.__getitem__),
        max(others, key=others.__getitem__),
    )
    return (
        f"{sentence}; among the others it ranges from {number(100 * shares[least], 0)} "
        f"% ({labels[least]}) to {number(100 * shares[most], 0)} % ({labels[most]})."
    )


def confusion_table(
    matrices: Mapping[str, NDArray[np.float64]], classes: Sequence[str]
) -> pd.DataFrame:
    """All matrices in long form: method, truth, predicted, images, share."""
    rows = [
        (method, true, said, counts[i, j], shares[i, j])
        for method, counts in matrices.items()
        for shares in [share_of_rows(counts)]
        for i, true in enumerate(classes)
        for j, said in enumerate(classes)
    ]
    return pd.DataFrame(
        rows, columns=["method", "truth", "predicted", "images", "share"]
    )


def scores_by_part(
    comparison: pd.DataFrame, task: str, name: str, parts: Sequence[str]
) -> pd.DataFrame:
    """Rows of a metric that has one value a class or bin, such as ``f1[Asian]``.

    Returns
    -------
    DataFrame
        Rows of ``Comparison.table`` with the class or bin in column ``group``, in the
        order of ``parts``.
    """
    groups = {f"{task}.{name}[{part}]": part for part in parts}
    rows = comparison[comparison["metric"].isin(list(groups))]
    rows = rows.assign(group=rows["metric"].map(groups))
    order = {part: place for place, part in enumerate(parts)}
    return rows.sort_values("group", key=lambda c: c.map(order), kind="stable")


def class_table(
    scores: pd.DataFrame,
    classes: Sequence[str],
    methods: Sequence[str],
    labels: Mapping[str, str],
    *,
    digits: int = 3,
) -> pd.DataFrame:
    """One row a method, one column a class or bin: mean, interval and verdict."""
    rows = []
    for method in methods:
        mine = scores[scores["method"] == method].set_index("group")
        cells = {
            group: score_cell(mine.loc[group], digits) if group in mine.index else "–"
            for group in classes
        }
        rows.append({"Method": f"**{labels[method]}**", **cells})
    return pd.DataFrame(rows)
