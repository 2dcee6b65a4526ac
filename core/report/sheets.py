"""Tables cut into parts that fit a slide, in the largest letters that do."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from core.language import in_form
from core.report.fit import LINE_HEIGHT, POINTS, text_width, wrapped_lines
from core.text import MINUS, number, split_marks, to_plain
from core.views.drawing import Column, Numbers

SIZES = (18, 16, 14, 12, 11, 10)
# Inches left and right, above and below the words of a cell.
ACROSS, ALONG = 0.07, 0.035


@dataclass(frozen=True)
class Sheet:
    """A part of a table that fits one slide.

    Parameters
    ----------
    headings : tuple of str
    rows : tuple of tuples of str
        Cells with the marks of ``core.text``.
    widths : tuple of float
        Of the columns, in inches.
    heights : tuple of float
        Of the heading and the rows, in inches.
    size : float
        Of its letters, in points.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    heights: tuple[float, ...]
    size: float


def cell_text(value: Any, column: Column | None = None) -> str:
    """What stands in a cell of a table of numbers.

    Parameters
    ----------
    value : object
        Text, a number, or nothing.
    column : Column, optional
        How many decimals the numbers of its column have.
    """
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return str(value)
    if column is not None and column.is_count:
        return number(float(value), 0)
    if column is not None and column.digits is not None:
        return number(float(value), column.digits)
    written = str(value) if isinstance(value, Integral) else f"{float(value):g}"
    return in_form(written).replace("-", MINUS)


def written_table(numbers: Numbers) -> pd.DataFrame:
    """A table with its cells as texts, as the page shows them; they may hold marks."""
    frame = numbers.frame.astype(object)
    for place, name in enumerate(frame.columns):
        column = numbers.columns.get(str(name))
        texts = [cell_text(cell, column) for cell in numbers.frame.iloc[:, place]]
        frame.isetitem(place, texts)
    return frame


def table_sheets(frame: pd.DataFrame, width: float, height: float) -> list[Sheet]:
    """Cut a table into parts that each fit a place on a slide.

    Parameters
    ----------
    frame : DataFrame
        One column a heading; cells may hold marks.
    width, height : float
        Inches of the place.

    Notes
    -----
    The largest size in which all of it fits one slide is taken; else the largest in
    which the fewest slides are needed. Rows are shared evenly among the slides. A
    table that is too wide in the smallest size is cut between columns, and its first
    column stands on each slide.
    """
    headings = tuple(map(str, frame.columns))
    rows = [tuple(map(cell_text, row)) for row in frame.itertuples(index=False)]
    groups = _column_groups(headings, rows, width)
    return [
        sheet
        for group in groups
        for sheet in _row_sheets(
            tuple(headings[i] for i in group),
            [tuple(row[i] for i in group) for row in rows],
            width,
            height,
        )
    ]


def _column_groups(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: float
) -> list[list[int]]:
    """Columns that stand on one slide together; the first is in every group."""
    least = _least_widths(headings, rows, SIZES[-1])
    if sum(least) <= width or len(least) < 3:
        return [list(range(len(least)))]
    groups: list[list[int]] = [[0]]
    for place in range(1, len(least)):
        taken = sum(least[i] for i in groups[-1])
        if len(groups[-1]) > 1 and taken + least[place] > width:
            groups.append([0])
        groups[-1].append(place)
    # As many columns on each as on the others.
    count = len(groups)
    others = list(range(1, len(least)))
    each = -(-len(others) // count)
    even = [[0, *others[i : i + each]] for i in range(0, len(others), each)]
    fits = all(sum(least[i] for i in group) <= width for group in even)
    return even if fits else groups


def _row_sheets(
    headings: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    width: float,
    height: float,
) -> list[Sheet]:
    best: list[Sheet] = []
    for size in SIZES:
        widths = _fit_columns(headings, rows, width, size)
        if widths is None:
            continue
        heights = [
            _row_height(row, widths, size, bold=not place)
            for place, row in enumerate([headings, *rows])
        ]
        sheets = _share(headings, rows, widths, heights, height, size)
        if sheets and (not best or len(sheets) < len(best)):
            best = sheets
        if len(best) == 1:
            break
    return best or [_squeezed(headings, rows, width)]


def _squeezed(
    headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], width: float
) -> Sheet:
    size = SIZES[-1]
    widths = tuple(width / len(headings) for _ in headings)
    heights = tuple(_row_height(row, widths, size) for row in [headings, *rows])
    return Sheet(headings, tuple(rows), widths, heights, size)


def _share(
    headings: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    widths: tuple[float, ...],
    heights: Sequence[float],
    height: float,
    size: float,
) -> list[Sheet]:
    """Rows in as few parts as fit, as even as they can be; none if a row does not."""
    head, *own = heights
    for count in range(1, len(rows) + 1):
        each = -(-len(rows) // count)
        parts = [range(i, min(i + each, len(rows))) for i in range(0, len(rows), each)]
        if all(head + sum(own[i] for i in part) <= height for part in parts):
            return [
                Sheet(
                    headings,
                    tuple(rows[i] for i in part),
                    widths,
                    (head, *(own[i] for i in part)),
                    size,
                )
                for part in parts
            ]
    return []


def _words(text: str) -> list[str]:
    return to_plain(text).replace("\n", " ").split(" ") or [""]


def _least_widths(
    headings: Sequence[str], rows: Sequence[Sequence[str]], size: float
) -> list[float]:
    """Of each column, the width of its longest word."""
    return [
        max(
            text_width(word, size, bold=True)
            for row in [headings, *rows]
            for word in _words(row[place])
        )
        + 2 * ACROSS
        for place in range(len(headings))
    ]


def _fit_columns(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: float, size: float
) -> tuple[float, ...] | None:
    """Widths of the columns; None where a word would have to be broken.

    Each has its longest word; what is left goes to those whose text is longer.
    """
    least = _least_widths(headings, rows, size)
    if sum(least) > width:
        return None
    wanted = [
        max(
            least[place],
            max(
                text_width(line, size)
                for row in [headings, *rows]
                for line in to_plain(row[place]).split("\n")
            )
            + 2 * ACROSS,
        )
        for place in range(len(headings))
    ]
    spare = width - sum(least)
    more = [want - have for want, have in zip(wanted, least, strict=True)]
    share = min(1.0, spare / (sum(more) or 1.0))
    widths = [have + share * each for have, each in zip(least, more, strict=True)]
    # What is still left is shared by all alike, so that the table fills its place.
    rest = (width - sum(widths)) / len(widths)
    return tuple(each + rest for each in widths)


def _row_height(
    row: Sequence[str], widths: Sequence[float], size: float, *, bold: bool = False
) -> float:
    lines = max(
        len(
            wrapped_lines(
                to_plain(text), width - 2 * ACROSS, size, bold=bold or _is_bold(text)
            )
        )
        for text, width in zip(row, widths, strict=True)
    )
    return lines * size * LINE_HEIGHT / POINTS + 2 * ALONG


def _is_bold(text: str) -> bool:
    return any("strong" in marks for _, marks in split_marks(text))
