"""Tables of a deck: native and editable, in sizes that fit, over as many slides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from lxml import etree
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.text import MSO_ANCHOR
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from core.report.fit import LINE_HEIGHT, POINTS, text_width, wrapped_lines
from core.report.native_chart import Box
from core.text import split_marks, to_plain

SIZES = (18, 16, 14, 12, 11, 10)
# Inches left and right, above and below the words of a cell.
_ACROSS, _ALONG = 0.07, 0.035
# Of a table in type that is read from afar, before it goes to a second slide.
_FEWEST_ROWS = 4
_COLOURS = {
    "green": "00734F",
    "red": "B23A00",
    "blue": "005A8E",
    "orange": "A65F00",
    "gray": "5A6270",
}


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


def cell_text(value: Any) -> str:
    """What stands in a cell of a table of numbers."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


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
        + 2 * _ACROSS
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
            + 2 * _ACROSS,
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
                to_plain(text), width - 2 * _ACROSS, size, bold=bold or _is_bold(text)
            )
        )
        for text, width in zip(row, widths, strict=True)
    )
    return lines * size * LINE_HEIGHT / POINTS + 2 * _ALONG


def _is_bold(text: str) -> bool:
    return any("strong" in marks for _, marks in split_marks(text))


def add_table(slide: Any, sheet: Sheet, box: Box, *, alt: str) -> Any:
    """Write a part of a table on a slide."""
    frame = slide.shapes.add_table(
        len(sheet.rows) + 1,
        len(sheet.headings),
        Inches(box.x),
        Inches(box.y),
        Inches(sum(sheet.widths)),
        Inches(sum(sheet.heights)),
    )
    frame._element.nvGraphicFramePr.cNvPr.set("descr", alt)
    table = frame.table
    table.first_row, table.horz_banding = True, False
    _style_table(table)
    for place, width in enumerate(sheet.widths):
        table.columns[place].width = Inches(width)
    for place, height in enumerate(sheet.heights):
        table.rows[place].height = Inches(height)
    for place, row in enumerate([sheet.headings, *sheet.rows]):
        for column, text in enumerate(row):
            _write_cell(
                table.cell(place, column), text, sheet.size, is_heading=not place
            )
    return frame


# "No Style, Table Grid" would frame each cell; this one has lines between rows alone.
_LIGHT_STYLE = "{9D7B26C5-4107-4FEC-AEDC-1716B250A1EF}"


def _style_table(table: Any) -> None:
    style = table._tbl.tblPr.find(qn("a:tableStyleId"))
    if style is not None:
        style.text = _LIGHT_STYLE


def _write_cell(cell: Any, text: str, size: float, *, is_heading: bool) -> None:
    cell.margin_left = cell.margin_right = Inches(_ACROSS)
    cell.margin_top = cell.margin_bottom = Inches(_ALONG)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    write_marked(cell.text_frame, text, size, bold=is_heading)
    cell.fill.background()
    _rule_below(cell, 1.5 if is_heading else 0.5)


def _rule_below(cell: Any, points: float) -> None:
    properties = cell._tc.get_or_add_tcPr()
    line = etree.Element(qn("a:lnB"), w=str(Pt(points)))
    fill = etree.SubElement(line, qn("a:solidFill"))
    etree.SubElement(fill, qn("a:schemeClr"), val="tx1" if points > 1 else "bg2")
    properties.insert(0, line)


def write_marked(frame: Any, text: str, size: float, *, bold: bool = False) -> None:
    """Write text with marks: bold where strong, and verdicts in their colours."""
    paragraph = frame.paragraphs[0]
    for piece, marks in split_marks(text) if text else [("", ())]:
        for place, line in enumerate(piece.split("\n")):
            if place:
                paragraph = frame.add_paragraph()
            if not line and piece:
                continue
            run = paragraph.add_run()
            run.text = line
            run.font.size = Pt(size)
            run.font.bold = bold or "strong" in marks
            run.font.italic = "emphasis" in marks or None
            colour = next((_COLOURS[mark] for mark in marks if mark in _COLOURS), None)
            if colour:
                run.font.color.rgb = RGBColor.from_string(colour)
            else:
                run.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
