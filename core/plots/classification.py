"""Figures and sentences of the Classification page: scores of each class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.metrics import shot_groups, shot_range
from core.language import N_, gettext, ngettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import interval, score_cell
from core.plots.look import (
    FAINT_COLOUR,
    FONT_SIZE,
    MINIMUM_FONT_SIZE,
    TRAINING_COLOUR,
    Look,
    MethodStyle,
)
from core.plots.traces import build_line, build_note, error_bar
from core.results.sentences import about_models
from core.text import bin_in_words, listed, number, percent, strong

# How far apart, in units of one class, the methods of one class stand.
SPREAD = 0.72
# Classes up to which each has its name, its count and its interval drawn.
MANY = 20
# Classes up to which a cell of a matrix has room for a decimal and a unit.
FEW = 6
# Of the training counts over bars that are narrower than these.
LEAST_COUNT_SIZE = 8
# Ratio of the largest count to the smallest from which bars of counts are logarithmic.
LOG_FROM = 10
# Classes that have room for their names at the width of a phone.
NAMED = 12
# Classes that may be drawn of many.
CHOICES = ("rarest", "hardest", "largest", "all")
_CHOICES = {
    "rarest": N_("{classes} rarest"),
    "hardest": N_("{classes} hardest"),
    "largest": N_("{classes} largest"),
    "all": N_("All"),
}


def choice_label(choice: str) -> str:
    """What a reader sees for one of ``CHOICES``."""
    return gettext(_CHOICES[choice], classes=NAMED)


def choose_classes(
    scores: pd.DataFrame,
    training_counts: Mapping[str, int] | None,
    baseline: str,
    choice: str = "all",
) -> list[str]:
    """Classes to draw, from most to fewest training images; test images otherwise.

    Parameters
    ----------
    scores : DataFrame
        Columns method, group (the class), mean, n (its test images).
    training_counts : mapping, optional
        Training images of each class.
    baseline : str
        Whose scores say what is hard.
    choice : {"all", "rarest", "largest", "hardest"}
        The last three leave ``NAMED`` classes.
    """
    classes = list(dict.fromkeys(scores["group"]))
    counts: Mapping[str, int] | None = training_counts
    if counts is None and "n" in scores:
        counts = scores.groupby("group")["n"].max().to_dict()
    if counts is not None:
        classes.sort(key=lambda name: -int(counts.get(name, 0)))
    if choice == "hardest":
        own = scores[scores["method"] == baseline].set_index("group")["mean"]
        hardest = set(own.sort_values(kind="stable").index[:NAMED])
        return [name for name in classes if name in hardest]
    kept = {"rarest": classes[-NAMED:], "largest": classes[:NAMED]}
    return kept.get(choice, classes)


@escapes_names
def plot_class_scores(
    scores: pd.DataFrame,
    classes: Sequence[str],
    training_counts: Mapping[str, int] | None,
    look: Look,
    *,
    score: str = "F1",
) -> go.Figure:
    """A score of each class with its interval, above the class's training images.

    Parameters
    ----------
    scores : DataFrame
        Columns method, group (the class), mean, low, high.
    classes : sequence of str
        In the order of the axis, such as from ``choose_classes``.
    training_counts : mapping, optional
        Training images of each class; left out where they are not known.
    look : Look
        Which methods are shown, and how.
    score : str
        Such as "F1" or "Recall"; from 0 to 1.
    """
    groups = _shot_runs(classes, training_counts)
    top = 1.16 if groups else 1.02
    axis = {
        "title": {"text": gettext("{score} (0 to 1)", score=score)},
        # A mark at 0 is drawn whole.
        "range": [-0.03, top],
        "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1],
    }
    return plot_by_group(
        scores,
        classes,
        training_counts,
        look,
        y_axis=axis,
        marks=_shot_marks(groups, top),
        log_counts=True,
    )


def _shot_runs(
    classes: Sequence[str], training_counts: Mapping[str, int] | None
) -> list[tuple[str, int, int]]:
    """Shot groups along the axis, with first and last place; none if there is one."""
    if training_counts is None:
        return []
    groups = shot_groups(classes, training_counts)
    if len(groups) < 2:
        return []
    return [(name, min(ids), max(ids)) for name, ids in groups.items()]


def _shot_marks(
    groups: Sequence[tuple[str, int, int]], top: float
) -> dict[str, list[dict[str, Any]]]:
    shapes, notes = [], []
    for name, first, last in groups:
        if first:
            shapes.append(_edge(first - 0.5))
        notes.append(
            build_note(
                f"<b>{gettext(name)}</b>", (first + last) / 2, top, yanchor="top"
            )
        )
    return {"shapes": shapes, "annotations": notes}


@escapes_names
def plot_shot_groups(
    scores: pd.DataFrame,
    classes: Sequence[str],
    training_counts: Mapping[str, int],
    look: Look,
) -> go.Figure:
    """Mean recall of the classes with many, medium and few training images.

    Parameters as in ``plot_class_scores``; the groups of ``scores`` are those of
    ``evaluation.metrics.SHOT_GROUPS``.
    """
    groups = shot_groups(classes, training_counts)
    images = {
        name: sum(training_counts.get(classes[i], 0) for i in members)
        for name, members in groups.items()
    }
    names = {n: f"<b>{gettext(n)}</b><br>{shot_range(n)}" for n in groups}
    return plot_by_group(
        scores.assign(group=scores["group"].map(names)),
        list(names.values()),
        {names[name]: count for name, count in images.items()},
        look,
        y_axis={
            "title": {"text": gettext("Accuracy (0 to 1)")},
            "range": [-0.03, 1.02],
        },
        x_title=gettext("Training images of a class"),
        log_counts=True,
    ).update_xaxes(tickangle=0)


def shot_takeaway(scores: pd.DataFrame, sizes: Mapping[str, int], look: Look) -> str:
    """How far the baseline falls from group to group, and who certainly lifts the last.

    ``scores`` as for ``plot_shot_groups``; ``sizes`` are the classes of each group.
    """
    groups = list(dict.fromkeys(scores["group"]))
    own = scores[scores["method"] == look.baseline].set_index("group")["mean"]
    fall = [
        ngettext(
            "{accuracy} on the {count} {group}",
            "{accuracy} on the {count} {group}",
            sizes[group],
            accuracy=number(own[group], 2),
            group=gettext(group),
        )
        for group in groups
    ]
    sentence = gettext(
        "The baseline's accuracy is {by_group} classes.", by_group=listed(fall)
    )
    last = scores[(scores["group"] == groups[-1]) & scores["method"].isin(look.methods)]
    better = [look.labels[m] for m in last[last["verdict"] == "better"]["method"]]
    if len(set(last["method"])) < 2:
        return sentence
    group = gettext(groups[-1])
    if better:
        lifted = ngettext(
            "{methods} is better on the {group} classes.",
            "{methods} are better on the {group} classes.",
            len(better),
            methods=listed(better),
            group=group,
        )
    else:
        lifted = gettext("No method certainly lifts the {group} classes.", group=group)
    return about_models(f"{sentence} {lifted}", scores)


@escapes_names
def plot_by_group(
    scores: pd.DataFrame,
    groups: Sequence[str],
    training_counts: Mapping[str, int] | None,
    look: Look,
    *,
    y_axis: Mapping[str, Any],
    x_title: str = "",
    digits: int = 3,
    unit: str = "",
    marks: Mapping[str, Sequence[dict[str, Any]]] | None = None,
    log_counts: bool = False,
) -> go.Figure:
    """One mark with its interval a method and group, above the training images.

    Parameters
    ----------
    scores : DataFrame
        Columns method, group, mean, low, high; a mean without an interval has no ends.
    groups : sequence of str
        Classes or bins, in the order of the axis.
    training_counts : mapping, optional
        Training images of each group; without them there is no lower row.
    look : Look
        Which methods are shown, and how.
    y_axis : mapping
        Of the upper row.
    x_title : str
    digits, unit
        How a value is written when it is pointed at.
    marks : mapping, optional
        Further ``shapes`` and ``annotations``.
    log_counts : bool
        Whether bars of counts that differ by ``LOG_FROM`` or more are logarithmic.

    Notes
    -----
    Of more than ``MANY`` groups only every so many has its name at the axis, marks are
    small and without interval, and a count is said when pointed at.
    """
    many = len(groups) > MANY
    shown = [m for m in look.methods if (scores["method"] == m).any()]
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(shown) + 2)[1:-1]
    traces = []
    for method, offset in zip(shown, offsets, strict=True):
        rows = scores[scores["method"] == method].set_index("group").reindex(groups)
        trace = _group_marks(
            rows, look.styles[method], look.labels[method], digits, unit
        )
        traces.append({**trace, "x": (np.arange(len(groups)) + offset).tolist()})
    layout: dict[str, Any] = {
        "xaxis": _group_axis(groups, x_title),
        "yaxis": dict(y_axis),
        "shapes": []
        if many
        else [
            build_line("x", edge - 0.5, TRAINING_COLOUR, width=1)
            for edge in range(1, len(groups))
        ],
        "annotations": [],
    }
    for key, extra in (marks or {}).items():
        layout[key] = [*layout[key], *extra]
    if training_counts is not None:
        counts = [int(training_counts.get(group, 0)) for group in groups]
        traces.append(_training_bars(groups, counts, written=not many))
        layout["xaxis"]["anchor"] = "y2"
        layout["yaxis"]["domain"] = [0.27, 1]
        layout["yaxis2"] = _training_axis(counts, log=log_counts)
        # Where a number is too wide for its bar, all are written smaller.
        layout["uniformtext"] = {"mode": "show", "minsize": LEAST_COUNT_SIZE}
    height = 480 if training_counts is None else 620
    # On a phone each method has a line of its own in the legend.
    height += 18 * max(0, len(shown) - 4)
    return build_figure(traces, height=height, **layout)


def _group_marks(
    rows: pd.DataFrame, style: MethodStyle, label: str, digits: int, unit: str
) -> dict[str, Any]:
    """One method's marks with their intervals, of groups in the order of the axis."""
    middle, lows, highs = (rows[name] for name in ("mean", "low", "high"))
    has_ends = bool(lows.notna().any())
    many = len(rows) > MANY
    said = [
        gettext(
            "{group}: {value} {unit} {ends}",
            group=group,
            value=number(mean, digits),
            unit=unit,
            ends=interval(low, high, digits) if has_ends else "",
        ).rstrip()
        for group, mean, low, high in zip(rows.index, middle, lows, highs, strict=True)
    ]
    return {
        "type": "scatter",
        "y": rows["mean"].tolist(),
        "name": label,
        "mode": "markers",
        "marker": style.mark(6 if many else 11),
        "error_y": error_bar(middle, lows, highs, style.colour, thickness=2, width=3)
        | {"visible": has_ends and not many},
        "customdata": said,
        "hovertemplate": f"<b>{label}</b><br>%{{customdata}}<extra></extra>",
    }


def _group_axis(groups: Sequence[str], title: str) -> dict[str, Any]:
    every = -(-len(groups) // NAMED) if len(groups) > MANY else 1
    return {
        "tickvals": list(range(0, len(groups), every)),
        "ticktext": [bin_in_words(name) for name in groups[::every]],
        "range": [-0.5, len(groups) - 0.5],
        "showgrid": False,
        "zeroline": False,
        **({"title": {"text": title}} if title else {}),
    }


def _edge(x: float) -> dict[str, Any]:
    """A line between two groups of classes, or at the value that is chosen."""
    return build_line("x", x, FAINT_COLOUR, dash="dash")


def _training_axis(counts: Sequence[int], *, log: bool) -> dict[str, Any]:
    """Axis of the bars; if allowed, logarithmic where the rarest would not be seen."""
    largest = max([*counts, 1])
    smallest = min([count for count in counts if count], default=1)
    axis = {
        "domain": [0, 0.22],
        "title": {"text": gettext("Training<br>images")},
        "showgrid": False,
        "showticklabels": False,
        "range": [0, largest * 1.4],
    }
    if not log or largest < LOG_FROM * smallest:
        return axis
    low, high = np.log10(smallest) - 0.3, np.log10(largest)
    return {
        **axis,
        "type": "log",
        "title": {"text": gettext("Training<br>images (log)")},
        "range": [low, high + 0.3 * (high - low)],
    }


def _training_bars(
    groups: Sequence[str], counts: Sequence[int], *, written: bool
) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": list(range(len(groups))),
        "y": list(counts),
        "yaxis": "y2",
        "width": SPREAD,
        "marker": {"color": TRAINING_COLOUR},
        "text": [number(count, 0) for count in counts] if written else None,
        "textposition": "outside" if written else "none",
        "textangle": 0,
        "textfont": {"size": MINIMUM_FONT_SIZE if len(groups) > FEW else FONT_SIZE},
        "cliponaxis": False,
        "showlegend": False,
        "customdata": list(groups),
        "hovertemplate": gettext("%{customdata}: %{y:,} training images")
        + "<extra></extra>",
    }


def class_takeaway(
    scores: pd.DataFrame,
    training_counts: Mapping[str, int] | None,
    look: Look,
    *,
    score: str = "F1",
) -> str:
    """The class that the baseline finds hardest, and who certainly moves it."""
    rows = scores[scores["method"] == look.baseline].set_index("group")["mean"]
    if rows.empty or rows.isna().all():
        return gettext(
            "No class has a score ({score}) that could be computed.", score=score
        )
    worst, best = str(rows.idxmin()), str(rows.idxmax())
    sentence = _hardest_and_easiest(rows, training_counts, score)
    moved = scores[(scores["group"] == worst) & scores["method"].isin(look.methods)]
    if worst == best or len(set(moved["method"])) < 2:
        return sentence
    better, worse = (
        [look.labels[m] for m in moved[moved["verdict"] == verdict]["method"]]
        for verdict in ("better", "worse")
    )
    said = [sentence]
    if better:
        said.append(
            ngettext(
                "{methods} is better on {name}.",
                "{methods} are better on {name}.",
                len(better),
                methods=listed(better),
                name=worst,
            )
        )
    if worse:
        said.append(
            ngettext(
                "{methods} is worse on {name}.",
                "{methods} are worse on {name}.",
                len(worse),
                methods=listed(worse),
                name=worst,
            )
        )
    if not better and not worse:
        said.append(gettext("No method moves {name} certainly.", name=worst))
    return about_models(" ".join(said), moved)


def _hardest_and_easiest(
    rows: pd.Series, training_counts: Mapping[str, int] | None, score: str
) -> str:
    """The classes with the lowest and the highest of the baseline's scores."""
    worst, best = str(rows.idxmin()), str(rows.idxmax())
    images = 0 if training_counts is None else int(training_counts.get(worst, 0))
    hardest = {"worst": worst, "score": score, "low": number(rows[worst], 2)}
    easiest = {"best": best, "high": number(rows[best], 2)}
    if worst == best and images:
        return ngettext(
            "The baseline finds {worst} hardest ({score} {low}), with {count} training "
            "image.",
            "The baseline finds {worst} hardest ({score} {low}), with {count} training "
            "images.",
            images,
            **hardest,
        )
    if worst == best:
        return gettext("The baseline finds {worst} hardest ({score} {low}).", **hardest)
    if images:
        return ngettext(
            "The baseline finds {worst} hardest ({score} {low}), with {count} training "
            "image, and {best} easiest ({high}).",
            "The baseline finds {worst} hardest ({score} {low}), with {count} training "
            "images, and {best} easiest ({high}).",
            images,
            **hardest,
            **easiest,
        )
    return gettext(
        "The baseline finds {worst} hardest ({score} {low}), and {best} easiest "
        "({high}).",
        **hardest,
        **easiest,
    )


@escapes_names
def plot_top_k(curves: pd.DataFrame, k: int, look: Look) -> go.Figure:
    """Top-k accuracy against k, one line a method, with one k marked.

    Parameters
    ----------
    curves : DataFrame
        Columns method, k, accuracy (0 to 1).
    k : int
        The one that is marked.
    look : Look
        Which methods are shown, and how.
    """
    traces = []
    for method in (m for m in look.methods if (curves["method"] == m).any()):
        own = curves[curves["method"] == method]
        style = look.styles[method]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines" if len(own) > MANY else "lines+markers",
                "x": own["k"].tolist(),
                "y": own["accuracy"].tolist(),
                "name": look.labels[method],
                "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
                "marker": style.mark(10),
                "hovertemplate": f"<b>{look.labels[method]}</b><br>"
                + gettext("k = %{x}: %{y:.3f}")
                + "<extra></extra>",
            }
        )
    last = int(curves["k"].max())
    return build_figure(
        traces,
        # Room for a legend of a line a method, as it is on a phone.
        height=400 + 24 * len(traces),
        xaxis={
            "title": {"text": "k"},
            # Between two marks there is no k.
            **({"dtick": 1} if last <= MANY else {}),
            "range": [0.5, last + 0.5],
        },
        yaxis={"title": {"text": gettext("Top-k accuracy (0 to 1)")}},
        shapes=[_edge(k)],
    )


def top_k_takeaway(rows: pd.DataFrame, k: int, classes: int, look: Look) -> str:
    """What the baseline reaches with one k, beside what guessing would.

    ``rows`` are those of the metric in ``Comparison.table``.
    """
    own = rows[(rows["method"] == look.baseline) & rows["mean"].notna()]
    label = look.labels[look.baseline]
    chance = percent(k / classes)
    if own.empty:
        return gettext(
            "{method} has labels only, without probabilities, so its top-k accuracy is "
            "not known; guessing would with {chance}.",
            method=label,
            chance=chance,
        )
    first = own.iloc[0]
    said = {
        "method": label,
        "share": percent(first["mean"], 1),
        "low": number(100 * first["low"], 1),
        "high": number(100 * first["high"], 1),
        "chance": chance,
    }
    if k == 1:
        return gettext(
            "With {method} the most probable class is right for {share} of the images "
            "(95 % interval {low} to {high}); guessing would with {chance}.",
            **said,
        )
    return gettext(
        "With {method} the right class is among the {k} most probable for {share} of "
        "the images (95 % interval {low} to {high}); guessing would with {chance}.",
        **said,
        k=k,
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
    scores: pd.DataFrame, classes: Sequence[str], look: Look, *, digits: int = 3
) -> pd.DataFrame:
    """One row a method, one column a class or bin: mean, interval and verdict."""
    rows = []
    for method in look.methods:
        mine = scores[scores["method"] == method].set_index("group")
        cells = {
            group: score_cell(mine.loc[group], digits) if group in mine.index else "–"
            for group in classes
        }
        rows.append({gettext("Method"): strong(look.labels[method]), **cells})
    return pd.DataFrame(rows)


def class_scores_table(
    scores: pd.DataFrame,
    classes: Sequence[str],
    training_counts: Mapping[str, int] | None,
    look: Look,
) -> pd.DataFrame:
    """One row a class, for many classes: images, then each method's score."""
    rows = scores[scores["method"].isin(look.methods)]
    wide = rows.pivot(index="group", columns="method", values="mean").reindex(classes)
    table = pd.DataFrame({gettext("Class"): list(classes)})
    if training_counts is not None:
        counts = [int(training_counts.get(name, 0)) for name in classes]
        table[gettext("Training images")] = counts
    images = rows.drop_duplicates("group").set_index("group")["n"]
    table[gettext("Test images")] = images.reindex(classes).to_numpy()
    for method in (m for m in look.methods if m in wide):
        table[look.labels[method]] = wide[method].round(3).to_numpy()
    return table
