"""Figures, tables and sentences of the Errors page: rates, pairs, bins."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.evaluation.errors import MOST_OF_ALL
from core.evaluation.verdicts import SMALL_GROUP
from core.language import N_, gettext, ngettext
from core.plots.classification import NAMED, plot_by_group
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.formatting import interval, signed
from core.plots.look import (
    FONT_SIZE,
    INK,
    METHOD_COLOURS,
    MINIMUM_FONT_SIZE,
    REST_COLOUR,
    RIGHT_COLOUR,
    WRONG_COLOURS,
    Look,
    MethodStyle,
    faded,
)
from core.plots.traces import build_level_bars, build_marks, error_bar, zero_line
from core.tasks import Regression
from core.text import NO_BREAK, clauses, code, listed, number, percent, strong

# Wrong answers that are named for one class; the rest of them is one piece.
NAMED_WRONG = 3
# Percentage points that the name of a class takes beside one for each letter.
ROOM = 1
# Pairs of classes that are drawn.
PAIRS = 8


@escapes_names
def plot_hardest(
    recalls: pd.DataFrame, taken: pd.DataFrame, *, limit: int = NAMED
) -> go.Figure:
    """The hardest classes as bars: the right share, then what the rest is taken for.

    Parameters
    ----------
    recalls : DataFrame
        From ``evaluation.errors.class_recalls``, the hardest first.
    taken : DataFrame
        From ``evaluation.errors.taken_for``, of the same method.
    limit : int
        How many classes.
    """
    drawn = recalls.head(limit)
    places = [
        f"<b>{name}</b><br>" + ngettext("{count} image", "{count} images", n)
        for name, n in zip(drawn["class"], drawn["n"], strict=True)
    ]
    pieces = dict(list(taken.groupby("truth", sort=False)))
    nothing = taken.iloc[:0]
    own = [pieces.get(name, nothing) for name in drawn["class"]]
    traces = [_right_bars(drawn, places)]
    for rank in range(NAMED_WRONG):
        traces.append(_wrong_bars(own, drawn, places, rank))
    shares = [100 * rows["share"].iloc[NAMED_WRONG:].sum() for rows in own]
    traces.append(
        {
            **_bars(places, shares, REST_COLOUR),
            "name": gettext("others"),
            "hovertemplate": gettext("%{x:.1f} % taken for others") + "<extra></extra>",
        }
    )
    # Last, so that the bars of what is wrong do not hide half of it.
    traces.append(_recall_intervals(drawn, places))
    return build_figure(
        traces,
        height=90 + 50 * max(len(drawn), 2),
        legend=False,
        barmode="stack",
        bargap=0.3,
        uniformtext={"mode": "hide", "minsize": MINIMUM_FONT_SIZE},
        xaxis={
            "title": {"text": gettext("Share of the class (%)")},
            "range": [0, 100.5],
        },
        yaxis={"autorange": "reversed", "showgrid": False},
    )


def _bars(
    places: Sequence[str], shares: Sequence[float], colour: str
) -> dict[str, Any]:
    return build_level_bars(
        list(shares),
        list(places),
        {"color": colour, "line": {"width": 1, "color": "white"}},
    )


def _right_bars(drawn: pd.DataFrame, places: Sequence[str]) -> dict[str, Any]:
    recall = 100 * drawn["recall"]
    return {
        **_bars(places, recall.tolist(), RIGHT_COLOUR),
        "name": gettext("right"),
        "customdata": [
            gettext(
                "{share} right {interval}",
                share=percent(r, 1),
                interval=interval(100 * low, 100 * high, 1),
            )
            for r, low, high in zip(
                drawn["recall"], drawn["low"], drawn["high"], strict=True
            )
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _recall_intervals(drawn: pd.DataFrame, places: Sequence[str]) -> dict[str, Any]:
    recall, low, high = (100 * drawn[name] for name in ("recall", "low", "high"))
    return build_marks(
        recall.tolist(),
        list(places),
        {"symbol": "line-ns-open", "size": 8, "color": INK},
        name=gettext("95 % interval"),
        error_x=error_bar(recall, low, high, INK, width=6),
        hoverinfo="skip",
    )


def _wrong_bars(
    own: Sequence[pd.DataFrame], drawn: pd.DataFrame, places: Sequence[str], rank: int
) -> dict[str, Any]:
    """The pieces of the class that each is taken for most, second, third."""
    rows = [rows.iloc[rank] if len(rows) > rank else None for rows in own]
    shares = [0.0 if row is None else 100 * float(row["share"]) for row in rows]
    names = ["" if row is None else str(row["predicted"]) for row in rows]
    # The interval of the recall lies over the beginning of what is wrong.
    before = [rows["share"].iloc[:rank].sum() for rows in own]
    covered = (100 * (drawn["high"] - drawn["recall"] - before)).clip(lower=0)
    for place, (share, end) in enumerate(zip(shares, covered, strict=True)):
        if end > 0 and (rank > 0 or share - end < ROOM + len(names[place])):
            names[place] = ""
    words = (N_("taken for most"), N_("second"), N_("third"))
    colours = WRONG_COLOURS[rank]
    return {
        **_bars(places, shares, colours[0]),
        "name": gettext(words[rank]),
        "text": names,
        "textposition": "inside",
        "insidetextanchor": "end" if rank == 0 else "middle",
        "textangle": 0,
        "textfont": {"size": FONT_SIZE, "color": colours[1]},
        "customdata": ["" if row is None else _taken(row) for row in rows],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _taken(row: pd.Series) -> str:
    """How often and how probably one class is taken for another."""
    span = interval(100 * row["low"], 100 * row["high"], 1)
    fields = {
        "truth": row["truth"],
        "answer": row["predicted"],
        "share": percent(row["share"], 1),
        "interval": span,
    }
    if not np.isfinite(row["probability"]):
        return gettext("{truth} taken for {answer}: {share} {interval}", **fields)
    return gettext(
        "{truth} taken for {answer}: {share} {interval}, mean probability "
        "{probability}",
        probability=number(row["probability"], 2),
        **fields,
    )


def hardest_takeaway(
    recalls: pd.DataFrame, taken: pd.DataFrame, label: str, *, many: int = 3
) -> str:
    """The hardest class, what it is taken for, and how sure it is the hardest."""
    if recalls.empty:
        return gettext("There is no test image of any class.")
    first = recalls.iloc[0]
    if first["recall"] == 1:
        return ngettext(
            "{method} makes no mistake on {count} test image.",
            "{method} makes no mistake on {count} test images.",
            recalls["n"].sum(),
            method=label,
        )
    said = _hardest_told(first, taken[taken["truth"] == first["class"]], label)
    if first["n"] < SMALL_GROUP:
        chance = gettext("These are so few images that this may be chance.")
        return f"{said} {chance}"
    rest = recalls.iloc[1:]
    level = list(rest[rest["low"] <= first["high"]]["class"])
    if not level:
        return said
    names = listed(level)
    if len(level) > many:
        names = gettext("{count} other classes", count=len(level))
    reach = gettext(
        "Its interval reaches that of {classes}, which may be as hard.", classes=names
    )
    return f"{said} {reach}"


def _hardest_told(first: pd.Series, wrong: pd.DataFrame, label: str) -> str:
    """How much of the hardest class is recognised, and what it is taken for."""
    fields = {
        "method": label,
        "hardest": strong(first["class"]),
        "share": percent(first["recall"]),
        "interval": interval(100 * first["low"], 100 * first["high"], 0),
    }
    if wrong.empty:
        return ngettext(
            "{method} finds {hardest} hardest: it recognises {share} {interval} of "
            "{count} test image.",
            "{method} finds {hardest} hardest: it recognises {share} {interval} of "
            "{count} test images.",
            int(first["n"]),
            **fields,
        )
    most = wrong.iloc[0]
    return ngettext(
        "{method} finds {hardest} hardest: it recognises {share} {interval} of "
        "{count} test image and takes it for {answer} most often ({wrong}).",
        "{method} finds {hardest} hardest: it recognises {share} {interval} of "
        "{count} test images and takes it for {answer} most often ({wrong}).",
        int(first["n"]),
        answer=most["predicted"],
        wrong=percent(most["share"]),
        **fields,
    )


def hardest_table(
    recalls: pd.DataFrame, taken: pd.DataFrame, *, limit: int = NAMED
) -> pd.DataFrame:
    """One row a class: n, recall, and what it is taken for."""
    rows = []
    for row in recalls.head(limit).to_dict("records"):
        wrong = taken[taken["truth"] == row["class"]].head(NAMED_WRONG)
        recall = strong(number(100 * row["recall"], 1))
        span = interval(100 * row["low"], 100 * row["high"], 1)
        said = [_share_and_probability(other) for other in wrong.to_dict("records")]
        rows.append(
            {
                gettext("Class"): strong(row["class"]),
                gettext("Test images"): number(row["n"], 0),
                gettext("Recall (%)"): f"{recall} {span}",
                gettext("Taken for"): clauses(said) if said else "–",
            }
        )
    return pd.DataFrame(rows)


def _share_and_probability(row: Mapping[Any, Any]) -> str:
    text = f"{row['predicted']} {percent(row['share'], 1)}"
    if np.isfinite(row["probability"]):
        text += f" (p {number(row['probability'], 2)})"
    return text.replace(" ", NO_BREAK)


def pair_name(first: str, second: str) -> str:
    """A pair of classes that are taken for each other."""
    return f"{first} ↔ {second}"


@escapes_names
def plot_pairs(
    pairs: pd.DataFrame, title: str, style: MethodStyle, *, limit: int = PAIRS
) -> go.Figure:
    """One method's most confused pairs, two bars a pair: one for each way.

    Parameters
    ----------
    pairs : DataFrame
        One method's rows of ``evaluation.errors.confused_pairs``.
    title : str
        The method's label.
    style : MethodStyle
    limit : int
        How many pairs.
    """
    ways: list[tuple[float, str, float, float, float]] = []
    for place, row in enumerate(pairs.head(limit).to_dict("records")):
        for side, way in enumerate(("first_as_second", "second_as_first")):
            names = (row["first"], row["second"])
            true, said = names[side], names[1 - side]
            counted = gettext(
                "{share}: {images} of {total}",
                share=percent(row[way]),
                images=number(row[f"{way}_images"], 0),
                total=number(row[f"{way}_of"], 0),
            )
            words = f"<b>{true} → {said}</b><br>{counted}"
            ends = (100 * row[way], 100 * row[f"{way}_low"], 100 * row[f"{way}_high"])
            ways.append((2.35 * place + side, words, *ends))
    y, words_of, share, low, high = (list(c) for c in zip(*ways, strict=True))
    values = [
        f"{percent(s / 100, 1)} {interval(lo, h, 1)}"
        for s, lo, h in zip(share, low, high, strict=True)
    ]
    bars = build_level_bars(
        share,
        y,
        {"color": [faded(style.colour, 0.55 if i % 2 else 0.9) for i in range(len(y))]},
        width=0.72,
        error_x=error_bar(share, low, high, INK, thickness=2, width=5),
        customdata=[
            gettext("{name}: {value}", name=words.split("<br>")[0], value=value)
            for words, value in zip(words_of, values, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return build_figure(
        [bars],
        height=130 + 46 * max(len(ways), 2),
        legend=False,
        title=title,
        xaxis={
            "title": {"text": gettext("Share of the true class (%)")},
            "rangemode": "tozero",
        },
        yaxis={
            "tickvals": y,
            "ticktext": words_of,
            "range": [max(y) + 0.7, -0.7],
            "showgrid": False,
            "zeroline": False,
        },
    )


@escapes_names
def plot_pairs_by_method(
    pairs: pd.DataFrame, method: str, look: Look, *, limit: int = PAIRS
) -> go.Figure:
    """The pairs that one method confuses most, beside all the other methods.

    Parameters
    ----------
    pairs : DataFrame
        From ``evaluation.errors.confused_pairs``.
    method : str
        Whose pairs are drawn.
    look : Look
        Which methods are shown, and how.
    limit : int
        How many pairs.
    """
    scores = pd.DataFrame(
        {
            "method": pairs["method"],
            "group": [
                pair_name(first, second)
                for first, second in zip(pairs["first"], pairs["second"], strict=True)
            ],
            "mean": 100 * pairs["both"],
            "low": 100 * pairs["both_low"],
            "high": 100 * pairs["both_high"],
        }
    )
    groups = list(scores[scores["method"] == method]["group"].head(limit))
    return plot_by_group(
        scores,
        groups,
        None,
        look,
        y_axis={
            "title": {"text": gettext("Mean of both shares (%)")},
            "rangemode": "tozero",
        },
        digits=1,
        unit="%",
    )


def pairs_takeaway(pairs: pd.DataFrame, label: str) -> str:
    """The pair that one method confuses most, both ways, and who is as high."""
    if pairs.empty or pairs["both"].iloc[0] == 0:
        return gettext("{method} takes no class for another.", method=label)
    first = pairs.iloc[0]
    ways = [
        (first["first_as_second"], first["first_as_second_of"], "first", "second"),
        (first["second_as_first"], first["second_as_first_of"], "second", "first"),
    ]
    more, less = sorted(ways, key=lambda way: -way[0])
    share, of, true, taken = more
    said = ngettext(
        "{method} confuses {first} and {second} most: it takes {share} of {count} test "
        "image of {truth} for {answer}, and {back} of {total_back} the other way "
        "round.",
        "{method} confuses {first} and {second} most: it takes {share} of {count} test "
        "images of {truth} for {answer}, and {back} of {total_back} the other way "
        "round.",
        int(of),
        method=label,
        first=strong(first["first"]),
        second=strong(first["second"]),
        share=percent(share),
        truth=first[true],
        answer=first[taken],
        back=percent(less[0]),
        total_back=int(less[1]),
    )
    close = int((pairs["both_high"].iloc[1:] >= first["both_low"]).sum())
    if not close:
        return said
    uncertain = ngettext(
        "The interval of {count} other pair reaches as high, so which comes first is "
        "not certain.",
        "The intervals of {count} other pairs reach as high, so which comes first is "
        "not certain.",
        close,
    )
    return f"{said} {uncertain}"


@escapes_names
def plot_errors_by_bin(
    table: pd.DataFrame, task: Regression, style: MethodStyle, *, absolute: bool = False
) -> go.Figure:
    """How one method's errors are spread in each bin, and the largest of them.

    Parameters
    ----------
    table : DataFrame
        From ``evaluation.errors.errors_by_bin``.
    task : Regression
    style : MethodStyle
    absolute : bool
        Errors without their sign.
    """
    x = [f"{row['bin']} ({number(row['n'], 0)})" for row in table.to_dict("records")]
    median, unit = gettext("median"), gettext(task.unit)
    colour = style.colour
    if absolute:
        largest = table[["too_high", "too_low"]].abs().max(axis=1)
        traces = [
            _ranges(
                x,
                [0.0] * len(x),
                table["most"],
                14,
                faded(colour, 0.45),
                gettext("{share} of the images", share=percent(MOST_OF_ALL)),
            ),
            _marks(x, table["median_size"], median, "line-ew-open"),
            _extremes(x, largest, _farther_ids(table), gettext("largest"), "star"),
        ]
        title = gettext("Error without its sign ({unit})", unit=unit)
    else:
        traces = [
            _ranges(
                x,
                table["q05"],
                table["q95"],
                4,
                faded(colour, 0.9),
                gettext("5 to 95 %"),
            ),
            _ranges(
                x,
                table["q25"],
                table["q75"],
                16,
                faded(colour, 0.55),
                gettext("25 to 75 %"),
            ),
            _marks(x, table["q50"], median, "line-ew-open"),
            _extremes(
                x,
                table["too_high"],
                table["too_high_id"],
                gettext("largest +"),
                "star",
            ),
            _extremes(
                x,
                table["too_low"],
                table["too_low_id"],
                gettext("largest −"),
                "diamond",
            ),
        ]
        title = gettext("Prediction − truth ({unit})", unit=unit)
    return build_figure(
        traces,
        height=480,
        xaxis={
            "title": {
                "text": gettext(
                    "True {task} ({unit}), images",
                    task=gettext(task.label).lower(),
                    unit=unit,
                )
            },
            "type": "category",
            "showgrid": False,
        },
        yaxis={
            "title": {"text": title},
            "rangemode": "tozero" if absolute else "normal",
        },
        shapes=[] if absolute else [zero_line("y")],
    )


def _ranges(
    x: Sequence[str],
    low: Sequence[float],
    high: Sequence[float],
    width: int,
    colour: str,
    name: str,
) -> dict[str, Any]:
    """One thick line a bin from a lower to a higher value."""
    columns, values = [], []
    for place, start, end in zip(x, low, high, strict=True):
        columns += [place, place, place]
        values += [start, end, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": columns,
        "y": values,
        "name": name,
        "line": {"color": colour, "width": width},
        "hovertemplate": _said_of_y(name) + "<extra></extra>",
    }


def _marks(
    x: Sequence[str], values: Sequence[float], name: str, symbol: str
) -> dict[str, Any]:
    return build_marks(
        list(x),
        list(values),
        {
            "symbol": symbol,
            "size": 18,
            "color": INK,
            "line": {"width": 3, "color": INK},
        },
        name=name,
        hovertemplate=_said_of_y(name) + "<extra></extra>",
    )


def _extremes(
    x: Sequence[str],
    values: pd.Series,
    ids: Sequence[str],
    name: str,
    symbol: str,
) -> dict[str, Any]:
    return build_marks(
        list(x),
        values.tolist(),
        {"symbol": symbol, "size": 10, "color": METHOD_COLOURS[1]},
        name=name,
        customdata=list(ids),
        hovertemplate=_said_of_y(name) + "<br>%{customdata}<extra></extra>",
    )


def _said_of_y(name: str) -> str:
    return gettext("{name}: {value}", name=name, value="%{y:.1f}")


def _farther_ids(table: pd.DataFrame) -> list[str]:
    high = table["too_high"].fillna(0) >= table["too_low"].abs().fillna(0)
    return list(np.where(high, table["too_high_id"], table["too_low_id"]))


def bins_takeaway(table: pd.DataFrame, task: Regression, label: str) -> str:
    """Where one method errs most for most images, and its largest error of all."""
    if table.empty:
        return gettext("There is no test image in any bin.")
    worst = table.loc[table["most"].idxmax()]
    best = table.loc[table["most"].idxmin()]
    fields = {
        "bin": worst["bin"],
        "share": percent(1 - MOST_OF_ALL),
        "method": label,
        "most": number(worst["most"], 1),
        "unit": gettext(task.unit),
    }
    if len(table) > 1:
        said = ngettext(
            "At {bin} ({count} test image) {share} of {method}'s answers are more than "
            "{most} {unit} off, at {best_bin} ({best_n}) more than {best}.",
            "At {bin} ({count} test images) {share} of {method}'s answers are more "
            "than {most} {unit} off, at {best_bin} ({best_n}) more than {best}.",
            int(worst["n"]),
            best_bin=best["bin"],
            best_n=int(best["n"]),
            best=number(best["most"], 1),
            **fields,
        )
    else:
        said = ngettext(
            "At {bin} ({count} test image) {share} of {method}'s answers are more than "
            "{most} {unit} off.",
            "At {bin} ({count} test images) {share} of {method}'s answers are more "
            "than {most} {unit} off.",
            int(worst["n"]),
            **fields,
        )
    ends = [(table[name].abs().max(), name) for name in ("too_high", "too_low")]
    size, name = max((end for end in ends if end[0] == end[0]), default=(0.0, ""))
    if not name:
        return said
    row = table.loc[table[name].abs().idxmax()]
    largest = (
        N_("Its largest error is {size} {unit} too high, at {bin}.")
        if name == "too_high"
        else N_("Its largest error is {size} {unit} too low, at {bin}.")
    )
    told = gettext(
        largest, size=number(size, 1), unit=gettext(task.unit), bin=row["bin"]
    )
    return f"{said} {told}"


def bins_table(table: pd.DataFrame) -> pd.DataFrame:
    """One row a bin: n, middle and most of the error, the largest either way."""
    return pd.DataFrame(
        {
            gettext("Bin"): [strong(label) for label in table["bin"]],
            gettext("Test images"): [number(n, 0) for n in table["n"]],
            gettext("Median error"): [signed(v, 1) for v in table["q50"]],
            gettext("Median size"): [number(v, 1) for v in table["median_size"]],
            gettext("{share} are within", share=percent(MOST_OF_ALL)): [
                number(v, 1) for v in table["most"]
            ],
            gettext("Largest too high"): [
                _extreme(v, name)
                for v, name in zip(table["too_high"], table["too_high_id"], strict=True)
            ],
            gettext("Largest too low"): [
                _extreme(v, name)
                for v, name in zip(table["too_low"], table["too_low_id"], strict=True)
            ],
        }
    )


def _extreme(value: float, image_id: str) -> str:
    return f"{signed(value, 1)} ({code(image_id)})" if image_id else "–"
