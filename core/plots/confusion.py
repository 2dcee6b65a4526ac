"""Confusion matrices of any number of classes: drawn, ordered, their worst pairs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.language import N_, gettext, ngettext
from core.plots.classification import FEW, MANY
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import signed
from core.plots.heat_map import ROW, build_heat_map, frame_cells, write_cells
from core.plots.look import (
    DIVERGING,
    FONT_SIZE,
    INK,
    MINIMUM_FONT_SIZE,
    SEQUENTIAL,
    Look,
    MethodStyle,
)
from core.plots.traces import build_level_bars, build_marks
from core.text import number, percent

# Share at which the colours of a difference, or of what is wrong, end at the least.
MINIMUM_REACH = 0.05
# What the values of a matrix are, by what it shows.
UNITS = {
    "shares": "%",
    "counts": N_("images"),
    "difference": N_("points"),
    "probability": "%",
}
# Cells that can be clicked at most: the most common mistakes where there are more.
CLICKABLE = MANY**2
# Orders of the classes, as a reader sees them.
ORDERS = {
    "study": N_("As in the study"),
    "training": N_("By training images"),
    "confusion": N_("By confusion"),
}


def share_of_rows(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts as shares of each true class; a class without images gives NaN."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(totals > 0, totals, np.nan))


def class_order(
    order: str,
    classes: Sequence[str],
    training_counts: Mapping[str, int] | None,
    counts: NDArray[np.float64],
) -> list[int]:
    """Ids of the classes in the order of rows and columns.

    Parameters
    ----------
    order : {"study", "training", "confusion"}
        As the task has them; from most to fewest training images, where these are
        known; or those beside each other that are taken for each other.
    classes : sequence of str
    training_counts : mapping, optional
    counts : float array, shape (classes, classes)
        Confusion counts that say what is taken for what.

    Notes
    -----
    By confusion: average linkage of the shares, both ways, with the leaves in the
    order in which neighbours are closest (Bar-Joseph et al., Bioinformatics 2001).
    """
    ids = list(range(len(classes)))
    if order == "training" and training_counts is not None:
        return sorted(ids, key=lambda i: -int(training_counts.get(classes[i], 0)))
    if order == "confusion" and len(classes) > 2:
        # Slow to import, and needed for this alone.
        from scipy.cluster.hierarchy import leaves_list, linkage
        from scipy.spatial.distance import squareform

        shares = np.nan_to_num(share_of_rows(counts))
        apart = 1 - (shares + shares.T) / 2
        np.fill_diagonal(apart, 0)
        tree = linkage(squareform(apart), "average", optimal_ordering=True)
        return [int(i) for i in leaves_list(tree)]
    return ids


@escapes_names
def plot_confusion(
    counts: NDArray[np.float64],
    classes: Sequence[str],
    title: str,
    *,
    show: str = "shares",
    baseline: NDArray[np.float64] | None = None,
    reach: float = 0.2,
    chosen: Sequence[int] | None = None,
    end: float = 1.0,
) -> go.Figure:
    """One confusion matrix: rows are the truth, columns the prediction.

    Parameters
    ----------
    counts : float array, shape (classes, classes)
        Test images, as a mean over the seeds; for "probability" the mean
        probabilities.
    classes : sequence of str
        In the order of ``counts``.
    title : str
        The method's label.
    show : {"shares", "counts", "difference", "probability"}
        Shares of each true class; images; the difference of the shares to
        ``baseline`` in percentage points; or the mean probability of each class over
        the images of the true one.
    baseline : float array, optional
        Counts of the baseline, for "difference".
    reach : float
        Share at which the colours of a difference end.
    chosen : sequence of int, optional
        Ids of the classes to draw, in the order of rows and columns; all otherwise.
        Shares stay those of the whole class.
    end : float
        Where the colours of shares end; of the counts of more than ``MANY`` classes,
        the number of images.

    Notes
    -----
    Values are written into the cells of up to ``MANY`` classes, coloured by the share
    for "counts" too; beyond, there is a scale of colours beside them.
    """
    ids = list(range(len(classes))) if chosen is None else list(chosen)
    part, many = np.ix_(ids, ids), len(ids) > MANY
    images, shares = counts[part], share_of_rows(counts)[part]
    low, high, colours = 0.0, end, SEQUENTIAL
    if show == "difference" and baseline is not None:
        values = 100 * (shares - share_of_rows(baseline)[part])
        low, high, colours = -100 * reach, 100 * reach, DIVERGING
    else:
        show = show if show in ("counts", "probability") else "shares"
        values = images if many and show == "counts" else shares
    names = [classes[i] for i in ids]
    heatmap = build_heat_map(
        values.round(4).tolist() if many else values.tolist(),
        names,
        names,
        colours,
        ends=(low, high),
        gap=0 if many else 2,
        showscale=many,
        **(
            _pointed_at(images, shares, show, (low, high))
            if many
            else _written(images, values, show)
        ),
    )
    few = len(ids) <= FEW
    size = FONT_SIZE if few else MINIMUM_FONT_SIZE
    shades = np.abs(values) / high
    notes = [] if many else write_cells(heatmap, heatmap["text"], shades, size=size)
    row = ROW if few else 42
    figure = frame_cells(
        heatmap,
        notes,
        columns=gettext("Predicted"),
        rows=gettext("Truth"),
        height=900 if many else 170 + row * max(len(ids), 3),
        title=title,
        **({} if few else {"tickangle": -90}),
    )
    # Room for the scale between title and cells.
    return figure.update_layout(margin_t=104, title_y=0.955) if many else figure


def _written(
    images: NDArray[np.float64], values: NDArray[np.float64], show: str
) -> dict[str, Any]:
    """Text of each cell; of more classes than ``FEW`` short, and none where nothing."""
    short = len(images) > FEW
    said = f"%{{text}} {gettext(UNITS[show])}"
    if show == "difference":
        texts = [[signed(v, 0 if short else 1) for v in row] for row in values]
    elif show == "counts":
        digits = 0 if short or np.allclose(images, images.round()) else 1
        texts = [[number(v, digits) for v in row] for row in images]
    elif short:
        texts = [[number(100 * v, 0) for v in row] for row in values]
    else:
        texts = [[percent(v) for v in row] for row in values]
        said = "%{text}"
    if show == "probability":
        said = gettext("mean probability {value}", value=said)
    if short:
        texts = [["" if text == "0" else text for text in row] for row in texts]
    return {"text": texts, "hovertemplate": _hover(said)}


def _hover(said: str) -> str:
    """The template of a cell that is pointed at."""
    text = gettext("Truth %{{y}}, predicted %{{x}}: {value}", value=said)
    return f"{text}<extra></extra>"


def _pointed_at(
    images: NDArray[np.float64],
    shares: NDArray[np.float64],
    show: str,
    ends: tuple[float, float],
) -> dict[str, Any]:
    """What is said of a cell without text, and the scale of its colours."""
    marks = [ends[0], sum(ends) / 2, ends[1]]
    if show == "difference":
        said = gettext("%{z:+.1f} points (%{customdata:,} images)")
        beside = images.round(1)
        ticks = [signed(mark, 0) for mark in marks]
    elif show == "counts":
        said = gettext("%{z:,} images (%{customdata:.1%} of the class)")
        beside = shares.round(4)
        ticks = [number(mark, 1 if mark % 1 else 0) for mark in marks]
    else:
        said = gettext("%{z:.1%} (%{customdata:,} images)")
        if show == "probability":
            said = gettext("mean probability {value}", value="%{z:.1%}")
        beside = images.round(1)
        ticks = [number(100 * mark, 0) for mark in marks]
    return {
        "customdata": beside.tolist(),
        "hovertemplate": _hover(said),
        "colorbar": {
            "tickfont": {"size": MINIMUM_FONT_SIZE, "color": INK},
            # Above, so that the cells keep the width of a phone.
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "bottom",
            "len": 0.9,
            "thickness": 10,
            "outlinewidth": 0,
            "tickvals": marks,
            "ticktext": [f"{tick} {gettext(UNITS[show])}" for tick in ticks],
            "tickangle": 0,
        },
    }


def make_clickable(figure: go.Figure) -> go.Figure:
    """Lay marks that cannot be seen over the cells of a matrix; return the figure.

    A heat map tells nobody that it was clicked, and points do. A point's ``x`` and
    ``y`` are the predicted and the true class. Of more than ``CLICKABLE`` cells those
    with the largest values have one, the diagonal aside.
    """
    cells = figure.data[0]
    values = np.asarray(cells.z, dtype=np.float64)
    rows, columns = np.indices(values.shape)
    order = np.arange(values.size)
    if values.size > CLICKABLE:
        wrong = np.where(rows == columns, -np.inf, np.nan_to_num(np.abs(values)))
        order = np.argsort(-wrong, axis=None, kind="stable")[:CLICKABLE]
        figure.update_layout(hoverdistance=6)
    else:
        # Wherever in its cell: the nearest mark is that of the cell.
        figure.update_layout(hoverdistance=-1)
    names = {"x": np.asarray(cells.x), "y": np.asarray(cells.y)}
    has_text = cells.text is not None
    template = cells.hovertemplate.replace("%{customdata", "%{customdata[1]")
    extra = values if cells.customdata is None else np.asarray(cells.customdata)
    marks: dict[str, Any] = build_marks(
        names["x"][columns.ravel()[order]].tolist(),
        names["y"][rows.ravel()[order]].tolist(),
        {"size": 12 if has_text else 8, "opacity": 0, "symbol": "square"},
        text=np.asarray(cells.text).ravel()[order].tolist() if has_text else None,
        customdata=np.stack([values.ravel(), extra.ravel()], axis=1)[order].tolist(),
        hovertemplate=template.replace("%{z", "%{customdata[0]"),
        showlegend=False,
    )
    for state in ("selected", "unselected"):
        marks[state] = {"marker": {"opacity": 0}}
    return figure.add_trace(marks)


def wrong_reach(matrices: Mapping[str, NDArray[np.float64]]) -> float:
    """Largest share of a class that is taken for one other, for the ends of colours."""
    largest = 0.0
    for counts in matrices.values():
        shares = np.nan_to_num(share_of_rows(counts))
        np.fill_diagonal(shares, 0)
        largest = max(largest, float(shares.max(initial=0)))
    return max(largest, MINIMUM_REACH)


def wrong_images(matrices: Mapping[str, NDArray[np.float64]]) -> int:
    """Most images of a class that are taken for one other, rounded up; at least 1."""
    wrong = (np.where(np.eye(len(m), dtype=bool), 0, m) for m in matrices.values())
    return max(1, *(int(np.ceil(images.max())) for images in wrong))


def difference_reach(
    matrices: Mapping[str, NDArray[np.float64]], references: Mapping[str, str]
) -> float:
    """Largest difference of shares to the baseline, so that colours compare.

    ``references`` are the baselines of those that have one.
    """
    pairs = [
        (matrices[method], matrices[reference])
        for method, reference in references.items()
        if method in matrices and reference in matrices
    ]
    gaps = [np.nanmax(np.abs(share_of_rows(a) - share_of_rows(b))) for a, b in pairs]
    return max(float(np.max(gaps, initial=0)), MINIMUM_REACH)


def confusion_takeaway(
    matrices: Mapping[str, NDArray[np.float64]], classes: Sequence[str], look: Look
) -> str:
    """The baseline's most common confusion, and who makes it least and most."""
    base = share_of_rows(matrices[look.baseline])
    wrong = np.where(np.eye(len(classes), dtype=bool), -1, np.nan_to_num(base, nan=-1))
    true, said = divmod(int(wrong.argmax()), len(classes))
    if wrong[true, said] <= 0:
        return gettext("The baseline makes no mistake on the test images.")
    sentence = ngettext(
        "The baseline's most common confusion, by share, takes {truth} for {answer}: "
        "{share} of {count} test image.",
        "The baseline's most common confusion, by share, takes {truth} for {answer}: "
        "{share} of {count} test images.",
        round(float(matrices[look.baseline][true].sum())),
        truth=classes[true],
        answer=classes[said],
        share=percent(base[true, said]),
    )
    shares = {m: float(share_of_rows(c)[true, said]) for m, c in matrices.items()}
    others = {m: s for m, s in shares.items() if m != look.baseline}
    if not others:
        return sentence
    if len(others) == 1:
        name, share = next(iter(others.items()))
        one = gettext(
            "Of {method} it is {share}.",
            method=look.labels[name],
            share=percent(share),
        )
        return f"{sentence} {one}"
    least, most = (
        min(others, key=others.__getitem__),
        max(others, key=others.__getitem__),
    )
    among = gettext(
        "Among the others it ranges from {low} ({least}) to {high} ({most}).",
        low=percent(shares[least]),
        least=look.labels[least],
        high=percent(shares[most]),
        most=look.labels[most],
    )
    return f"{sentence} {among}"


def probability_takeaway(
    means: Mapping[str, NDArray[np.float64]],
    images: NDArray[np.float64],
    classes: Sequence[str],
    labels: Mapping[str, str],
    method: str,
) -> str:
    """The wrong class that one method finds most probable, beside the true one.

    Parameters
    ----------
    means : mapping of str to float array, shape (classes, classes)
        Mean probabilities by method (``evaluation.errors.mean_probabilities``).
    images : float array, shape (classes,)
        Test images of each class.
    classes : sequence of str
    labels : mapping of str to str
    method : str
        The one it is about.
    """
    own = np.nan_to_num(means[method], nan=-1)
    wrong = np.where(np.eye(len(classes), dtype=bool), -1, own)
    true, said = divmod(int(wrong.argmax()), len(classes))
    return ngettext(
        "Of all wrong classes {method} finds {answer} most probable, on images of "
        "{truth}: {share} on average over {count} test image, and {own} for {truth} "
        "itself.",
        "Of all wrong classes {method} finds {answer} most probable, on images of "
        "{truth}: {share} on average over {count} test images, and {own} for {truth} "
        "itself.",
        round(float(images[true])),
        method=labels[method],
        answer=classes[said],
        truth=classes[true],
        share=percent(own[true, said]),
        own=percent(own[true, true]),
    )


def probability_table(
    means: Mapping[str, NDArray[np.float64]],
    images: NDArray[np.float64],
    classes: Sequence[str],
) -> pd.DataFrame:
    """Mean probabilities in long form: method, truth, predicted, probability, of."""
    table = confusion_table(means, classes)
    of = np.tile(np.repeat(images.astype(int), len(classes)), len(means))
    table = table.rename(columns={"images": "probability"}).assign(of=of)
    return table[["method", "truth", "predicted", "probability", "of"]]


def worst_pairs(
    matrices: Mapping[str, NDArray[np.float64]],
    classes: Sequence[str],
    *,
    limit: int = 15,
) -> pd.DataFrame:
    """The most common confusions of each method, by share of the true class.

    Returns
    -------
    DataFrame
        Columns method, truth, predicted, images, of (images of the class), share; at
        most ``limit`` rows a method, the worst first; what never happens is left out.
    """
    table = confusion_table(matrices, classes)
    wrong = table[(table["truth"] != table["predicted"]) & (table["images"] > 0)]
    wrong = wrong.sort_values(["share", "images"], ascending=False, kind="stable")
    places = {method: place for place, method in enumerate(matrices)}
    worst = wrong.groupby("method", sort=False).head(limit)
    return worst.sort_values(
        "method", key=lambda c: c.map(places), kind="stable", ignore_index=True
    )


@escapes_names
def plot_worst_pairs(
    pairs: pd.DataFrame,
    classes: Sequence[str],
    title: str,
    style: MethodStyle,
    *,
    baseline: NDArray[np.float64] | None = None,
) -> go.Figure:
    """One method's most common confusions as bars, with the baseline's share as a mark.

    Parameters
    ----------
    pairs : DataFrame
        One method's rows of ``worst_pairs``.
    classes : sequence of str
        In the order of ``baseline``.
    title : str
        The method's label.
    style : MethodStyle
    baseline : float array, optional
        Confusion counts of the baseline, where the method is another.
    """
    places = [
        f"<b>{row['truth']} → {row['predicted']}</b><br>"
        + gettext(
            "{share}: {images} of {all}",
            share=percent(row["share"]),
            images=number(row["images"], 0),
            all=number(row["of"], 0),
        )
        for row in pairs.to_dict("records")
    ]
    shares = 100 * pairs["share"]
    bars = build_level_bars(
        shares.tolist(),
        places,
        {"color": style.colour, "opacity": 0.75},
        name=title,
        hovertemplate="%{y}<extra></extra>",
    )
    traces: list[dict[str, Any]] = [bars]
    if baseline is not None:
        ids = {name: i for i, name in enumerate(classes)}
        own = 100 * share_of_rows(baseline)
        marks = [
            own[ids[t], ids[p]]
            for t, p in zip(pairs["truth"], pairs["predicted"], strict=True)
        ]
        traces.append(_baseline_marks(places, marks))
    return build_figure(
        traces,
        height=150 + 48 * max(len(pairs), 2),
        legend=baseline is not None,
        xaxis={
            "title": {"text": gettext("Share of the true class (%)")},
            "rangemode": "tozero",
        },
        yaxis={"autorange": "reversed", "showgrid": False},
    )


def _baseline_marks(places: Sequence[str], shares: Sequence[float]) -> dict[str, Any]:
    return build_marks(
        list(shares),
        list(places),
        {
            "symbol": "line-ns-open",
            "size": 18,
            "color": INK,
            "line": {"width": 3},
        },
        name=gettext("Baseline"),
        hovertemplate=gettext("%{y}, baseline: %{x:.0f} %") + "<extra></extra>",
    )


def worst_pairs_takeaway(pairs: pd.DataFrame, label: str, mistakes: int) -> str:
    """How much of all that one method gets wrong its worst pairs are.

    ``mistakes`` is how many images it gets wrong in all.
    """
    if pairs.empty:
        return gettext("{method} makes no mistake on the test images.", method=label)
    first = pairs.iloc[0]
    return ngettext(
        "{method} most often takes {truth} for {answer} ({share} of the class); its "
        "{count} most common confusion make up {images} of {mistakes}.",
        "{method} most often takes {truth} for {answer} ({share} of the class); its "
        "{count} most common confusions make up {images} of {mistakes}.",
        len(pairs),
        method=label,
        truth=first["truth"],
        answer=first["predicted"],
        share=percent(first["share"]),
        images=round(float(pairs["images"].sum())),
        mistakes=ngettext("{count} mistake", "{count} mistakes", mistakes),
    )


def confusion_table(
    matrices: Mapping[str, NDArray[np.float64]], classes: Sequence[str]
) -> pd.DataFrame:
    """All matrices in long form: method, truth, predicted, images, of, share."""
    k = len(classes)
    names = np.array(classes, dtype=object)
    parts = [
        pd.DataFrame(
            {
                "method": method,
                "truth": np.repeat(names, k),
                "predicted": np.tile(names, k),
                "images": counts.ravel(),
                "of": np.repeat(counts.sum(axis=1), k),
                "share": share_of_rows(counts).ravel(),
            }
        )
        for method, counts in matrices.items()
    ]
    return pd.concat(parts, ignore_index=True)
