"""What the methods answer for one picture, and where in it the faces are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image, ImageDraw, ImageFont

from core.evaluation.conformal import COVERAGE
from core.language import gettext
from core.plots.escape import escapes_names
from core.plots.figure import build_figure
from core.plots.heat_map import plot_cells
from core.plots.look import (
    BOX_COLOUR,
    BOX_EDGE,
    FONT_SIZE,
    INK,
    TRAINING_COLOUR,
    Look,
    faded,
)
from core.plots.traces import (
    ROW_VALUE,
    build_band,
    build_level_bars,
    row_axis,
    row_names,
)
from core.tasks import Classification, Regression, Task
from core.text import coloured, listed, number, percent, strong

# A photo is shown no larger than this, whatever it was uploaded as.
SHOWN_SIDE = 1200
LEAST_WIDTH = 100
# Of more classes than these only the most probable ones are drawn.
TOP = 5
# With more classes than these, cells have no room for a percent sign.
_WIDE_CELLS = 3
_LONGEST_NAME = 24

Box = tuple[float, float, float, float]
# Method, then task, to an answer of core.predictor, which plots do not import.
Answers = Mapping[str, Mapping[str, Any]]


def thicken(image: Image.Image) -> Image.Image:
    """A picture, or a thicker one of a strip that has no side when it is made small.

    What draws it in a page scales it to a width of ``LEAST_WIDTH`` pixels or more, and
    fails where less than one pixel of height is left.
    """
    least = -(-max(image.size) // LEAST_WIDTH)
    size = (max(image.width, least), max(image.height, least))
    return image if size == image.size else image.resize(size)


def draw_faces(
    image: Image.Image, boxes: Sequence[Box], *, names: Sequence[str] = ()
) -> Image.Image:
    """A copy of a photo with its faces boxed and numbered from 1.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB; unchanged.
    boxes : sequence of (x, y, width, height)
        In pixels of the photo.
    names : sequence of str, optional
        What is written on each box instead of its number.

    Returns
    -------
    PIL.Image.Image
        At most ``SHOWN_SIDE`` pixels a side.
    """
    scale = min(1.0, SHOWN_SIDE / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    shown = thicken(image.resize(size) if scale < 1 else image.copy())
    draw = ImageDraw.Draw(shown)
    side = max(shown.size)
    line = max(2, side // 200)
    font = ImageFont.load_default(max(14, side // 22))
    for place, (x, y, width, height) in enumerate(boxes):
        corners = [v * scale for v in (x, y, x + max(width, 1.0), y + max(height, 1.0))]
        # Dark under bright: seen on any photo.
        draw.rectangle(corners, outline=BOX_EDGE, width=line + 2)
        draw.rectangle(corners, outline=BOX_COLOUR, width=line)
        text = names[place] if names else str(place + 1)
        _draw_badge(draw, (corners[0], corners[1]), text, font, shown.size)
    return shown


def _draw_badge(
    draw: ImageDraw.ImageDraw,
    corner: tuple[float, float],
    text: str,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    size: tuple[int, int],
) -> None:
    """Write on the upper left corner of a box, kept inside the photo."""
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    pad = max(3.0, (bottom - top) / 4)
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x = min(max(0.0, corner[0]), max(0.0, size[0] - width))
    y = min(max(0.0, corner[1]), max(0.0, size[1] - height))
    draw.rectangle((x, y, x + width, y + height), fill=BOX_COLOUR, outline=BOX_EDGE)
    draw.text((x + pad - left, y + pad - top), text, font=font, fill=BOX_EDGE)


def tabulate_values(
    answers: Answers, task: Regression, expected: pd.DataFrame
) -> pd.DataFrame:
    """One row a method for a number: its value, and where the truth is expected.

    Parameters
    ----------
    answers : mapping
        Method, then task, to an answer with ``value`` and ``sd``.
    task : Regression
    expected : DataFrame
        From ``core.evaluation.conformal.conformal_offsets``.

    Returns
    -------
    DataFrame
        Columns method, value, sd, low and high (in the task's unit, within its range;
        NaN where no validation image tells), and n, the validation images behind them.
    """
    known = expected.astype({"bin": str}).set_index(["method", "bin"])
    rows = []
    for method, given in answers.items():
        answer = given[task.name]
        place = (method, task.bin_labels[int(task.bin_of(answer.value))])
        found = known.loc[place] if place in known.index else None
        rows.append(
            {
                "method": method,
                "value": answer.value,
                "sd": np.nan if answer.sd is None else answer.sd,
                **_ends(answer.value, found, task),
                "n": 0 if found is None else int(found["n"]),
            }
        )
    return pd.DataFrame(rows)


def _ends(value: float, found: pd.Series | None, task: Regression) -> dict[str, float]:
    """The interval about a value, not beyond the range of the task."""
    if found is None:
        return {"low": np.nan, "high": np.nan}
    low, high = (
        float(np.clip(value + found[end], task.minimum, task.maximum))
        for end in ("low", "high")
    )
    # A model may answer beyond the range itself.
    return {"low": min(low, value), "high": max(high, value)}


def tabulate_probabilities(answers: Answers, task: Classification) -> pd.DataFrame:
    """One row a method: the probability of every class, in [0, 1]."""
    rows = {
        method: [given[task.name].probabilities[name] for name in task.classes]
        for method, given in answers.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(task.classes))


def tabulate_answers(
    answers: Answers, tasks: Sequence[Task], expected: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Every answer for one face, in long form: for a download.

    Returns
    -------
    DataFrame
        Columns method, task, answer, unit, probability (of the answered class), sd
        (over the seeds: of the number, or of the probability), low, high, and of a
        class whether its probability is calibrated, and by which temperature.
    """
    rows: list[dict[str, object]] = []
    for task in tasks:
        if isinstance(task, Regression):
            table = tabulate_values(answers, task, expected[task.name])
            rows += [
                {
                    "method": row["method"],
                    "task": task.name,
                    "answer": round(row["value"], 2),
                    "unit": task.unit,
                    "sd": row["sd"],
                    "low": row["low"],
                    "high": row["high"],
                }
                for _, row in table.iterrows()
            ]
            continue
        rows += [
            {
                "method": method,
                "task": task.name,
                "answer": given[task.name].label,
                "probability": given[task.name].probability,
                "sd": given[task.name].sd,
                "calibrated": given[task.name].temperature is not None,
                "temperature": given[task.name].temperature,
            }
            for method, given in answers.items()
        ]
    columns = ["method", "task", "answer", "unit", "probability", "sd"]
    columns += ["low", "high", "calibrated", "temperature"]
    return pd.DataFrame(rows, columns=columns)


def describe_answers(
    answers: Answers,
    tasks: Sequence[Task],
    expected: Mapping[str, pd.DataFrame],
    labels: Mapping[str, str],
    moves: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """One row a method, in words; a class that most others do not give is marked.

    ``moves`` says, by task and method, how far such answers move when a picture is
    harmlessly changed, in a few words that follow the answer.

    Returns
    -------
    DataFrame
        Column "Method", as it is said, then one column a task, as Markdown.
    """
    table = pd.DataFrame({gettext("Method"): [labels.get(m, m) for m in answers]})
    for task in tasks:
        if isinstance(task, Regression):
            values = tabulate_values(answers, task, expected[task.name])
            cells = [_value_in_words(row) for _, row in values.iterrows()]
            table[f"{gettext(task.label)} ({gettext(task.unit)})"] = _followed(
                cells, answers, moves, task
            )
            continue
        given = [answer[task.name] for answer in answers.values()]
        names = [answer.label for answer in given]
        most = max(task.classes, key=names.count)
        cells = [
            _class_in_words(answer.label, answer.probability, answer.label != most)
            for answer in given
        ]
        table[gettext(task.label)] = _followed(cells, answers, moves, task)
    return table


def _followed(
    cells: Sequence[str],
    methods: Iterable[str],
    moves: Mapping[str, Mapping[str, str]] | None,
    task: Task,
) -> list[str]:
    """Cells of a task, each followed by how far the method's answers move."""
    own = (moves or {}).get(task.name, {})
    pairs = zip(cells, methods, strict=True)
    return [
        f"{cell}, {own[method]}" if method in own else cell for cell, method in pairs
    ]


def _value_in_words(row: pd.Series) -> str:
    text = strong(number(row["value"], 0))
    return f"{text} {_within(row)}".strip()


def _within(row: pd.Series) -> str:
    """Where the truth is expected, such as "(29 to 52)"; empty where unknown."""
    low, high = row["low"], row["high"]
    if low != low:
        return ""
    return gettext("({low} to {high})", low=number(low, 0), high=number(high, 0))


def _class_in_words(label: str, probability: float, stands_apart: bool) -> str:
    share = percent(probability)
    if stands_apart:
        return coloured("orange-background", f"≠ {strong(label)}") + f" {share}"
    return f"{strong(label)} {share}"


@escapes_names
def plot_values(table: pd.DataFrame, task: Regression, look: Look) -> go.Figure:
    """One row a method: its value, and the interval that holds nine truths in ten.

    Parameters
    ----------
    table : DataFrame
        Columns method, value, low and high (NaN where not known).
    """
    names = [look.labels.get(method, method) for method in table["method"]]
    unit = gettext(task.unit)
    low, high = table["value"].min(), table["value"].max()
    span = build_band("x", low, high, TRAINING_COLOUR)
    least, most = np.nanmin([low, *table["low"]]), np.nanmax([high, *table["high"]])
    return build_figure(
        [
            _value_mark(row, name, unit, look)
            for name, (_, row) in zip(names, table.iterrows(), strict=True)
        ],
        height=120 + 56 * len(table),
        legend=False,
        shapes=[span] if len(table) > 1 else [],
        annotations=row_names(names),
        xaxis={
            "title": {"text": f"{gettext(task.label).lower()} ({unit})"},
            "range": [least - 3, most + 3],
        },
        yaxis={
            "categoryorder": "array",
            "categoryarray": names,
            **row_axis(len(names), below=ROW_VALUE, down=True),
        },
    )


def _value_mark(row: pd.Series, name: str, unit: str, look: Look) -> dict[str, Any]:
    """The trace of one method: its value, and its interval where that is known."""
    value, style = row["value"], look.styles[row["method"]]
    known = bool(row["low"] == row["low"])
    return {
        "type": "scatter",
        "x": [value],
        "y": [name],
        "mode": "markers+text",
        "text": [number(value, 0)],
        "textposition": "bottom center",
        "cliponaxis": False,
        "marker": style.mark(15),
        "error_x": {
            "type": "data",
            "array": [row["high"] - value if known else 0],
            "arrayminus": [value - row["low"] if known else 0],
            "thickness": 3,
            "width": 7,
            "color": style.colour,
            "visible": known,
        },
        "showlegend": False,
        "hovertemplate": _value_hover(name, row, unit) + "<extra></extra>",
    }


def _value_hover(name: str, row: pd.Series, unit: str) -> str:
    if row["low"] != row["low"]:
        return gettext("{name}: %{{x:.1f}} {unit}", name=name, unit=unit)
    return gettext(
        "{name}: %{{x:.1f}} {unit}, the truth in {share} {interval}",
        name=name,
        unit=unit,
        share=percent(COVERAGE),
        interval=_within(row),
    )


def takeaway_values(
    table: pd.DataFrame,
    task: Regression,
    labels: Mapping[str, str],
    *,
    stands_out: bool = False,
) -> str:
    """How far the methods are apart, and where the first one expects the truth.

    Parameters
    ----------
    table : DataFrame
        From :func:`tabulate_values`.
    task : Regression
    labels : mapping of str
        What a reader sees for each method.
    stands_out : bool
        Whether the disagreement does (``core.predictor.disagreements``).
    """
    first = table.iloc[0]
    name = labels.get(first["method"], first["method"])
    said = {"task": gettext(task.label), "unit": gettext(task.unit)}
    if len(table) == 1:
        sentence = gettext(
            "{task}: {method} answers {value} {unit}.",
            method=name,
            value=number(first["value"], 0),
            **said,
        )
    else:
        sentence = _span_in_words(table, labels, said, stands_out=stands_out)
    if first["low"] != first["low"]:
        return sentence
    known = {
        "share": percent(COVERAGE),
        "low": number(first["low"], 0),
        "high": number(first["high"], 0),
        "unit": said["unit"],
    }
    if len(table) == 1:
        truth = gettext(
            "In {share} of such answers the truth is {low} to {high} {unit}.", **known
        )
    else:
        truth = gettext(
            "In {share} of such answers of {method} the truth is {low} to {high} "
            "{unit}.",
            method=name,
            **known,
        )
    return f"{sentence} {truth}"


def _span_in_words(
    table: pd.DataFrame,
    labels: Mapping[str, str],
    said: Mapping[str, str],
    *,
    stands_out: bool,
) -> str:
    """From the lowest to the highest answer of several methods."""
    values = table["value"].to_numpy()
    low, high = table.iloc[int(values.argmin())], table.iloc[int(values.argmax())]
    least, most = (labels.get(row["method"], row["method"]) for row in (low, high))
    # A reader subtracts the numbers that are written.
    difference = round(high["value"]) - round(low["value"])
    if difference == 0:
        sentence = gettext(
            "{task}: all methods answer {value} {unit}.",
            value=number(low["value"], 0),
            **said,
        )
    else:
        sentence = gettext(
            "{task}: from {low} ({least}) to {high} ({most}) {unit}.",
            low=number(low["value"], 0),
            least=least,
            high=number(high["value"], 0),
            most=most,
            **said,
        )
    if not stands_out:
        return sentence
    disagree = gettext("The methods disagree")
    apart = gettext(
        "{disagree}, by {difference} {unit}.",
        disagree=strong(disagree),
        difference=number(difference, 0),
        unit=said["unit"],
    )
    return f"{sentence} {apart}"


@escapes_names
def plot_probabilities(
    table: pd.DataFrame, label: str, labels: Mapping[str, str]
) -> go.Figure:
    """Heat map: probability of each class by each method, written in the cells.

    Parameters
    ----------
    table : DataFrame
        Index the methods, columns the classes, values in [0, 1].
    label : str
        Name of the task.
    labels : mapping of str
        What a reader sees for each method.
    """
    shares = table.to_numpy(dtype=np.float64)
    best = shares.argmax(axis=1)
    methods = [labels.get(str(method), str(method)) for method in table.index]
    classes = [str(name) for name in table.columns]
    # Where cells are narrow the sign stands once, beside the task.
    is_narrow = len(classes) > _WIDE_CELLS
    texts = [
        [number(100 * p, 0) if is_narrow else percent(p) for p in row] for row in shares
    ]
    return plot_cells(
        shares,
        [
            [
                f"<b>{text}</b>" if column == best[row] else text
                for column, text in enumerate(said)
            ]
            for row, said in enumerate(texts)
        ],
        rows=methods,
        columns=classes,
        hover=[
            [
                gettext(
                    "{method}: {answer} with probability {share}",
                    method=method,
                    answer=name,
                    share=percent(value, 1),
                )
                for name, value in zip(classes, values, strict=True)
            ]
            for method, values in zip(methods, shares, strict=True)
        ],
        height=120 + 44 * len(table),
        x_title=f"{label} (%)" if is_narrow else label,
        side="top",
    )


@escapes_names
def plot_top_classes(
    shares: pd.Series, *, title: str, colour: str, top: int = TOP
) -> go.Figure:
    """Bars: the most probable classes of one method, the first on top.

    Parameters
    ----------
    shares : Series
        Index the classes, values in [0, 1]; ties are in the order of the index.
    title : str
        The method's name.
    colour : str
        Of the first bar, as ``#RRGGBB``; the others are paler.
    top : int
        How many classes.
    """
    chosen = shares.sort_values(ascending=False, kind="stable").head(top)
    values = chosen.to_numpy(dtype=np.float64)
    names = [str(name) for name in chosen.index]
    places = list(range(len(chosen)))
    texts = [percent(value) for value in values]
    bars = build_level_bars(
        (100 * values).tolist(),
        places,
        {"color": [colour, *[faded(colour, 0.45)] * (len(chosen) - 1)]},
        text=[f"<b>{texts[0]}</b>", *texts[1:]],
        textposition="outside",
        textfont={"size": FONT_SIZE, "color": INK},
        cliponaxis=False,
        customdata=names,
        hovertemplate=gettext(
            "{method}: %{{customdata}} with probability %{{x:.1f}} %", method=title
        )
        + "<extra></extra>",
    )
    return build_figure(
        [bars],
        height=76 + 32 * len(chosen),
        legend=False,
        title=title,
        # Room for what is written behind the longest bar.
        xaxis={"range": [0, 125], "visible": False},
        yaxis={
            "tickvals": places,
            "ticktext": [_shortened(name) for name in names],
            "autorange": "reversed",
            "showgrid": False,
            "zeroline": False,
        },
    )


def _shortened(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 1].rstrip()}…"


def takeaway_probabilities(
    table: pd.DataFrame, label: str, labels: Mapping[str, str]
) -> str:
    """What most methods answer, who answers otherwise, and how sure they are."""
    answers = table.idxmax(axis=1)
    sure = table.max(axis=1)
    counts = answers.value_counts()
    most = str(counts.index[0])
    low, high = sure.min(), sure.max()
    if round(100 * low) == round(100 * high):
        span = percent(low)
    else:
        span = gettext("{low} to {high}", low=number(100 * low, 0), high=percent(high))
    if len(table) == 1:
        return gettext(
            "{task}: the one method answers {answer}, with probability {share}.",
            task=label,
            answer=most,
            share=span,
        )
    if len(counts) == 1:
        return gettext(
            "{task}: all methods answer {answer}, with probability {share}.",
            task=label,
            answer=most,
            share=span,
        )
    apart = [
        f"{labels.get(str(method), str(method))} ({answer})"
        for method, answer in answers[answers != most].items()
    ]
    disagree = gettext("the methods disagree")
    return gettext(
        "{task}: {disagree}: {n} of {methods} answer {answer}, not {others}; "
        "probabilities {share}.",
        task=label,
        disagree=strong(disagree),
        n=counts.iloc[0],
        methods=len(table),
        answer=most,
        others=listed(apart),
        share=span,
    )
