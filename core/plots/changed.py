"""Figures, tables and sentences on what changed between two methods."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.evaluation.answers import Answers
from core.evaluation.changed import Change, Churn, McNemar, Shift
from core.evaluation.metrics import MetricInfo
from core.evaluation.verdicts import BETTER, WORSE
from core.language import N_, gettext, ngettext
from core.plots.answers import coloured_sign, sign_of, truth_text
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import feature_label, interval, signed, verdict_mark
from core.plots.look import INK, METHOD_COLOURS, faded
from core.plots.traces import (
    ROW_LINE,
    build_level_bars,
    build_marks,
    build_note,
    error_bar,
    zero_line,
)
from core.results.sentences import SIGNS, p_text
from core.tasks import Regression
from core.text import listed, number, percent, strong

GAINED_COLOUR, LOST_COLOUR = METHOD_COLOURS[0], METHOD_COLOURS[1]
# Changed by some of the seeds only.
FAINT = 0.45
# Rows that are drawn: those with the largest net change.
ROWS = 12
# Pixels of a row, of its bar, and from the middle of the bar to the mark of the net.
ROW_HEIGHT, BAR, TO_NET = 76, 20, 22
SIDE_SHARE = 1 / 3
"""Least length of one side of the axis, as a share of the other."""
MARK_SIZE, HEIGHT = 11, 360
# Groups that a sentence names.
NAMED = 3

Labels = Mapping[str, str]


def images_text(value: float) -> str:
    """A number of images, with a decimal where seeds make it broken and it is small."""
    return number(value, _digits(value))


def _digits(value: float) -> int:
    return 0 if round(value, 1) == round(value) or abs(value) >= 100 else 1


def _net_text(value: float) -> str:
    return signed(value, _digits(value))


def _ends_text(row: Mapping[Any, Any] | pd.Series) -> str:
    """The interval of a net change; nothing where it has none."""
    if not np.isfinite(row["low"]):
        return ""
    digits = max(_digits(row["low"]), _digits(row["high"]))
    return f" {interval(row['low'], row['high'], digits)}"


def drawn_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The groups that changed most, what gained most first."""
    most = table["net"].abs().sort_values(ascending=False, kind="stable").index[:ROWS]
    kept = table.loc[table.index.isin(most)]
    return kept.sort_values("net", ascending=False, kind="stable")


@escapes_names
def plot_changes(table: pd.DataFrame) -> go.Figure:
    """Bars to both sides: images gained and lost in each group, and the net below.

    Parameters
    ----------
    table : DataFrame
        From ``evaluation.changed.count_changes`` or ``count_by_class``; the ``ROWS``
        groups with the largest net change are drawn.
    """
    rows = drawn_rows(table)
    places = list(range(len(rows)))
    sides = (("gained", 1, GAINED_COLOUR), ("lost", -1, LOST_COLOUR))
    traces = [
        trace
        for name, sign, colour in sides
        for trace in _side(rows, places, name, sign, colour)
    ]
    traces.append(_nets(rows, places))
    ends = [rows["gained"], -rows["lost"], rows["low"], rows["high"]]
    values = np.concatenate([[-1.0, 1.0], *(one.to_numpy(float) for one in ends)])
    low, high = 1.06 * np.nanmin(values), 1.06 * np.nanmax(values)
    # A phone has room for the word of either side then.
    low, high = min(low, -SIDE_SHARE * high), max(high, -SIDE_SHARE * low)
    above = (BAR / 2 + ROW_LINE + 8) / ROW_HEIGHT
    below = (TO_NET + MARK_SIZE) / ROW_HEIGHT
    return build_figure(
        traces,
        height=110 + ROW_HEIGHT * max(len(rows), 1),
        legend=False,
        barmode="overlay",
        xaxis={
            "title": {"text": gettext("Test images")},
            "range": [low, high],
            "nticks": 6,
        },
        yaxis={
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
            "range": [len(rows) - 1 + below, -above],
        },
        shapes=[_zero(place) for place in places],
        annotations=[
            *_sides(gettext("◀ lost"), gettext("gained ▶")),
            *(
                _row_name(row, place)
                for place, row in zip(places, rows.to_dict("records"), strict=True)
            ),
        ],
    )


def _zero(place: int) -> dict[str, Any]:
    """The line at 0 through one row, and not through the row's name."""
    ends = {"y0": place - BAR / 2 / ROW_HEIGHT, "y1": place + 1.5 * TO_NET / ROW_HEIGHT}
    return {**zero_line("x"), **ends, "yref": "y"}


def _sides(left: str, right: str) -> list[dict[str, Any]]:
    """Say at the top what each side of zero is."""
    return [
        build_note(
            text, 0, 1, yref="paper", yanchor="bottom", xanchor=anchor, xshift=shift
        )
        for text, anchor, shift in ((left, "right", -8), (right, "left", 8))
    ]


def _side(
    rows: pd.DataFrame, places: list[int], name: str, sign: int, colour: str
) -> list[dict[str, Any]]:
    """One side's bars: all that changed, and over it what changed in all seeds."""
    hover = [
        f"<b>{row['group']}</b><br>{_side_hover(row, name)}"
        for row in rows.to_dict("records")
    ]
    shades = ((name, faded(colour, FAINT)), (f"{name}_in_all", colour))
    return [
        build_level_bars(
            (sign * rows[column]).tolist(),
            places,
            {"color": shade},
            width=BAR / ROW_HEIGHT,
            name=column,
            customdata=hover,
            hovertemplate="%{customdata}<extra></extra>",
        )
        for column, shade in shades
    ]


def _side_hover(row: Mapping[Any, Any], name: str) -> str:
    images = int(row["images"])
    changed = {
        "some": images_text(row[name]),
        "in_all": int(row[f"{name}_in_all"]),
    }
    if name == "gained":
        return ngettext(
            "{some} of {count} image gained, {in_all} of them in all seeds",
            "{some} of {count} images gained, {in_all} of them in all seeds",
            images,
            **changed,
        )
    return ngettext(
        "{some} of {count} image lost, {in_all} of them in all seeds",
        "{some} of {count} images lost, {in_all} of them in all seeds",
        images,
        **changed,
    )


def _nets(rows: pd.DataFrame, places: list[int]) -> dict[str, Any]:
    hover = [
        f"<b>{row['group']}</b><br>{_net_hover(row)}<br>"
        f"{SIGNS[row['verdict']]} {gettext(row['verdict'])}"
        for row in rows.to_dict("records")
    ]
    return build_marks(
        rows["net"].tolist(),
        [place + TO_NET / ROW_HEIGHT for place in places],
        {"symbol": "diamond", "size": MARK_SIZE, "color": INK},
        name="net",
        error_x=error_bar(rows["net"], rows["low"], rows["high"], INK),
        customdata=hover,
        hovertemplate="%{customdata}<extra></extra>",
    )


def _net_hover(row: Mapping[Any, Any]) -> str:
    change = _net_text(row["net"]) + _ends_text(row)
    return gettext("net {change}", change=change)


def _row_name(row: Mapping[Any, Any], place: int) -> dict[str, Any]:
    text = f"<b>{row['group']}</b>  {SIGNS[row['verdict']]} {_net_of(row)}"
    return build_note(
        text,
        0,
        place,
        xref="paper",
        xanchor="left",
        align="left",
        yanchor="bottom",
        yshift=BAR / 2 + 2,
    )


def _net_of(row: Mapping[Any, Any] | pd.Series, *, ends: bool = False) -> str:
    """A net change of so many images, with its interval if asked for."""
    net = f"{_net_text(row['net'])}{_ends_text(row) if ends else ''}"
    return gettext("{net} of {images}", net=net, images=int(row["images"]))


def changes_takeaway(
    change: Change, whole: pd.Series, table: pd.DataFrame, labels: Labels, what: str
) -> str:
    """How many images the second method gains and loses, and which groups' they are.

    Parameters
    ----------
    change : Change
    whole : Series
        The row of ``count_changes`` of all images.
    table : DataFrame
        The rows by class or by group.
    labels : mapping of str to str
        By method.
    what : str
        What the groups are called: "class", "group".
    """
    # Thirds of images do not add up to a whole number.
    net = round(float(whole["net"]), 6)
    span = ""
    if np.isfinite(whole["delta_low"]):
        span = f" {interval(whole['delta_low'], whole['delta_high'], 3)}"
    images = int(whole["images"])
    fields = {
        "second": strong(labels[change.second]),
        "net": images_text(abs(net)),
        "first": labels[change.first],
        "gained": images_text(whole["gained"]),
        "lost": images_text(whole["lost"]),
        "change": f"{signed(whole['delta'], 3)}{span} {verdict_mark(whole)}",
    }
    if net > 0:
        said = ngettext(
            "{second} answers {net} more of {count} test image right than {first}: "
            "{gained} gained, {lost} lost; accuracy {change}.",
            "{second} answers {net} more of {count} test images right than {first}: "
            "{gained} gained, {lost} lost; accuracy {change}.",
            images,
            **fields,
        )
    elif net < 0:
        said = ngettext(
            "{second} answers {net} fewer of {count} test image right than {first}: "
            "{gained} gained, {lost} lost; accuracy {change}.",
            "{second} answers {net} fewer of {count} test images right than {first}: "
            "{gained} gained, {lost} lost; accuracy {change}.",
            images,
            **fields,
        )
    else:
        said = ngettext(
            "{second} answers as many of {count} test image right as {first}: {gained} "
            "gained, {lost} lost; accuracy {change}.",
            "{second} answers as many of {count} test images right as {first}: "
            "{gained} gained, {lost} lost; accuracy {change}.",
            images,
            **fields,
        )
    return f"{said} {_groups_text(table, what)}".strip()


def _groups_text(table: pd.DataFrame, what: str) -> str:
    """Which groups changed for certain; the largest change if none did."""
    ordered = table.sort_values("net", kind="stable")
    certain = {
        verdict: ordered[ordered["verdict"] == verdict] for verdict in (BETTER, WORSE)
    }
    # The largest gain first, and the largest loss.
    named = {
        N_("Certainly gained: {groups}."): certain[BETTER][::-1],
        N_("Certainly lost: {groups}."): certain[WORSE],
    }
    parts = [
        gettext(sentence, groups=_listed(rows))
        for sentence, rows in named.items()
        if len(rows)
    ]
    if parts:
        return " ".join(parts)
    if table.empty:
        return ""
    most = table.loc[table["net"].abs().idxmax()]
    change = {"group": most["group"], "change": _net_of(most, ends=True)}
    if what == "class":
        return gettext(
            "No class changed for certain; the largest change: {group} {change}.",
            **change,
        )
    return gettext(
        "No group changed for certain; the largest change: {group} {change}.", **change
    )


def _listed(rows: pd.DataFrame) -> str:
    names = [
        f"{row['group']} ({_net_of(row)})"
        for row in rows.head(NAMED).to_dict("records")
    ]
    if len(rows) > NAMED:
        names.append(ngettext("{count} more", "{count} more", len(rows) - NAMED))
    return listed(names)


def nothing_changed(change: Change, labels: Labels) -> str:
    """Say of two methods that no image moved from one to the other."""
    images = len(change.gain)
    both = {"second": strong(labels[change.second]), "first": labels[change.first]}
    if isinstance(change.task, Regression):
        return ngettext(
            "Nothing moved: {second} and {first} are equally far off on every one of "
            "{count} test image.",
            "Nothing moved: {second} and {first} are equally far off on every one of "
            "{count} test images.",
            images,
            **both,
        )
    if max(change.seeds) > 1:
        return ngettext(
            "Nothing gained or lost: {second} and {first} get the same of {count} test "
            "image right with the same share of their seeds.",
            "Nothing gained or lost: {second} and {first} get the same of {count} test "
            "images right with the same share of their seeds.",
            images,
            **both,
        )
    return ngettext(
        "Nothing gained or lost: {second} and {first} get the same of {count} test "
        "image right.",
        "Nothing gained or lost: {second} and {first} get the same of {count} test "
        "images right.",
        images,
        **both,
    )


def mcnemar_line(test: McNemar, change: Change, labels: Labels) -> str:
    """McNemar's test in one line, and what it does not include."""
    found = {
        "second": labels[change.second],
        "lost": test.lost,
        "first": labels[change.first],
        "p": p_text(test.p),
    }
    if max(change.seeds) > 1:
        said = ngettext(
            "McNemar's exact test on the answers that most seeds give: {count} image "
            "right by {second} alone, {lost} by {first} alone, p {p}.",
            "McNemar's exact test on the answers that most seeds give: {count} images "
            "right by {second} alone, {lost} by {first} alone, p {p}.",
            test.gained,
            **found,
        )
    else:
        said = ngettext(
            "McNemar's exact test on the two trained models' answers: {count} image "
            "right by {second} alone, {lost} by {first} alone, p {p}.",
            "McNemar's exact test on the two trained models' answers: {count} images "
            "right by {second} alone, {lost} by {first} alone, p {p}.",
            test.gained,
            **found,
        )
    about = gettext(
        "It is about these trained models only: unlike the interval, it leaves out how "
        "trainings vary, and is not corrected for the other methods."
    )
    return f"{said} {about}"


def churn_line(churn: Churn | None, change: Change, labels: Labels) -> str:
    """How many answers change from one training to another, also of one method.

    ``churn`` is None where both methods share their trainings.
    """
    first, second = (labels[method] for method in (change.first, change.second))
    if churn is None:
        return gettext(
            "{first} and {second} answer from the same trainings.",
            first=first,
            second=second,
        )
    changed = {
        "first": first,
        "second": second,
        "gained": images_text(churn.gained),
        "lost": images_text(churn.lost),
    }
    if np.isnan(churn.retrained):
        return gettext(
            "From one training of {first} to one of {second}, {gained} images are "
            "gained and {lost} lost on average; with one seed of {first} it is not "
            "known how many change by training it again.",
            **changed,
        )
    return gettext(
        "From one training of {first} to one of {second}, {gained} images are gained "
        "and {lost} lost on average; from one training of {first} to another of "
        "{first}, {retrained} either way.",
        **changed,
        retrained=images_text(churn.retrained),
    )


def changes_table(table: pd.DataFrame, heading: str) -> pd.DataFrame:
    """One row a class or group: images, gained, lost, net and difference."""
    return pd.DataFrame(
        [
            {
                heading: strong(row["group"]),
                gettext("Test images"): number(row["images"], 0),
                gettext("Gained (in all seeds)"): f"{images_text(row['gained'])} "
                f"({number(row['gained_in_all'], 0)})",
                gettext("Lost (in all seeds)"): f"{images_text(row['lost'])} "
                f"({number(row['lost_in_all'], 0)})",
                gettext("Net"): f"{strong(_net_text(row['net']))}{_ends_text(row)} "
                f"{verdict_mark(row)}".strip(),
            }
            for row in table.to_dict("records")
        ]
    )


@escapes_names
def plot_shifts(histogram: pd.DataFrame, row: pd.Series, unit: str) -> go.Figure:
    """How far the error of each image moved, and the mean with its interval.

    Parameters
    ----------
    histogram : DataFrame
        From ``evaluation.changed.shift_histogram``.
    row : Series
        Of the second method's MAE, from a comparison with the first.
    unit : str
    """
    unit = gettext(unit)
    middles = (histogram["start"] + histogram["end"]) / 2
    colours = [GAINED_COLOUR if middle < 0 else LOST_COLOUR for middle in middles]
    bars = {
        "type": "bar",
        "x": middles.tolist(),
        "y": histogram["images"].tolist(),
        "width": (histogram["end"] - histogram["start"]).tolist(),
        "marker": {"color": colours},
        "customdata": [
            interval(start, end, 1)
            for start, end in zip(histogram["start"], histogram["end"], strict=True)
        ],
        "hovertemplate": gettext(
            "error moved by %{{customdata}} {unit}<br>%{{y}} images", unit=unit
        )
        + "<extra></extra>",
        "name": "images",
    }
    highest = float(histogram["images"].max())
    mean = build_marks(
        [row["delta"]],
        [1.1 * highest],
        {"symbol": "diamond", "size": MARK_SIZE, "color": INK},
        name="mean",
        error_x=error_bar(row["delta"], row["delta_low"], row["delta_high"], INK),
        hovertemplate=gettext(
            "mean {change} {ends} {unit}",
            change=signed(row["delta"], 2),
            ends=interval(row["delta_low"], row["delta_high"], 2),
            unit=unit,
        )
        + "<extra></extra>",
    )
    return build_figure(
        [bars, mean],
        height=HEIGHT,
        legend=False,
        bargap=0,
        xaxis={
            "title": {"text": gettext("Change of the error's size ({unit})", unit=unit)}
        },
        yaxis={
            "title": {"text": gettext("Test images")},
            "range": [0, 1.2 * highest],
        },
        shapes=[zero_line("x")],
        annotations=_sides(gettext("◀ closer to the truth"), gettext("farther ▶")),
    )


def shifts_takeaway(
    change: Change, shift: Shift, row: pd.Series, info: MetricInfo, labels: Labels
) -> str:
    """On how many images the second method is closer, and how the MAE changes.

    ``row`` is that of the second method in a comparison by the MAE, ``info``.
    """
    span = ""
    if np.isfinite(row["delta_low"]):
        span = f" {interval(row['delta_low'], row['delta_high'], info.digits)}"
    moved = f"{signed(row['delta'], info.digits)}{span} {info.unit} {verdict_mark(row)}"
    return ngettext(
        "{second} is closer to the truth than {first} on {closer} of {count} test "
        "image ({share}) and farther on {farther}; {metric} {change}.",
        "{second} is closer to the truth than {first} on {closer} of {count} test "
        "images ({share}) and farther on {farther}; {metric} {change}.",
        shift.images,
        second=strong(labels[change.second]),
        first=labels[change.first],
        closer=shift.closer,
        share=percent(shift.closer / shift.images),
        farther=shift.farther,
        metric=info.phrase,
        change=moved,
    )


def gallery_heading(change: Change, labels: Labels, *, gained: bool) -> str:
    """Which images stand in one of the two galleries."""
    second, first = labels[change.second], labels[change.first]
    if isinstance(change.task, Regression):
        if gained:
            return gettext(
                "{second} is closer than {first}", second=second, first=first
            )
        return gettext("{second} is farther than {first}", second=second, first=first)
    winner, loser = (second, first) if gained else (first, second)
    if change.seeds == (1, 1):
        return gettext(
            "{winner} is right, {loser} is wrong", winner=winner, loser=loser
        )
    return gettext(
        "{winner} is right with more seeds than {loser}", winner=winner, loser=loser
    )


def change_lines(
    answers: Answers, change: Change, row: int, labels: Labels
) -> list[str]:
    """Both methods' answers to one image, a line each."""
    sides = (change.second, change.after, 1), (change.first, change.before, 0)
    return [
        gettext(
            "{sign} {method}: {answer}",
            sign=coloured_sign(answers, method, row),
            method=labels[method],
            answer=_side_text(answers, change, method, float(scores[row]), side, row),
        )
        for method, scores, side in sides
    ]


def _side_text(
    answers: Answers, change: Change, method: str, score: float, side: int, row: int
) -> str:
    place = answers.place(method)
    if isinstance(answers.task, Regression):
        said = number(float(answers.answer[place, row]), 1)
        error = number(score, 1)
        return gettext("{answer} (off by {error})", answer=said, error=error)
    said = answers.categories[int(answers.answer[place, row])]
    seeds = change.seeds[side]
    if seeds == 1:
        return said
    return gettext(
        "{answer} ({right} of {seeds})",
        answer=said,
        right=round(score * seeds),
        seeds=seeds,
    )


def listed_changes(
    answers: Answers,
    images: pd.DataFrame,
    change: Change,
    rows: NDArray[np.intp],
    labels: Labels,
) -> pd.DataFrame:
    """One row an image, for who may not see the pictures: truth and both answers."""
    part = images.iloc[rows].reset_index(drop=True)
    places: Sequence[int] = rows.tolist()
    columns = {gettext("Truth"): [truth_text(answers, row) for row in places]}
    pairs = (change.second, change.after, 1), (change.first, change.before, 0)
    for method, scores, side in pairs:
        columns[labels[method]] = [
            f"{sign_of(answers, method, row)} "
            f"{_side_text(answers, change, method, float(scores[row]), side, row)}"
            for row in places
        ]
    for name in part.columns:
        heading = gettext("Image") if name == "image_id" else feature_label(name)
        columns[heading] = part[name].tolist()
    return pd.DataFrame(columns)
