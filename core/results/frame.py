"""A table of results as a DataFrame of texts with marks, for the pages' tables."""

import pandas as pd

from core.results.cells import Cell, Part, Piece, Text
from core.results.numbers import UNKNOWN
from core.results.sentences import Tone
from core.results.tables import Table
from core.text import coloured, strong, to_plain

NO_BREAK = "\N{NO-BREAK SPACE}"
COLOURS: dict[Tone, str] = {
    "good": "green",
    "bad": "red",
    "same": "blue",
    "other": "orange",
    "faint": "gray",
}


def table_frame(table: Table) -> pd.DataFrame:
    """The table's cells under its headings, with the marks of ``core.text``.

    Where room is scarce a cell breaks before its difference and before its verdict.
    """
    columns = [
        [cell_marked(row[place], column.part) for row in table.rows]
        for place, column in enumerate(table.columns)
    ]
    headings = [column.heading for column in table.columns]
    return pd.DataFrame(dict(zip(headings, columns, strict=True)))


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The table without the marks of its cells."""
    return frame.map(lambda cell: to_plain(cell) if isinstance(cell, str) else cell)


def cell_marked(cell: Cell | Text, part: Part) -> str:
    """One cell, or a part of it, as text with marks."""
    if isinstance(cell, Text):
        mark = f" ({cell.mark})" if cell.mark else ""
        return (strong(cell.text) if cell.is_name else cell.text) + mark
    stands_out = part in ("full", "score")
    said = []
    for line in cell.lines(part):
        numbers = [p for p in line if p.role in ("text", "value", "number")]
        said.append(NO_BREAK.join(_number(p, stands_out=stands_out) for p in numbers))
        said += [verdict_marked(p) for p in line if p.role == "verdict"]
    return " ".join(filter(None, said)) or UNKNOWN


def verdict_marked(piece: Piece) -> str:
    """A verdict in its colour; a break never parts it from its sign."""
    text = piece.text.replace(" ", NO_BREAK, 1)
    if piece.tone not in COLOURS:
        return text
    shown = text if piece.tone == "faint" else strong(text)
    return coloured(COLOURS[piece.tone], shown)


def _number(piece: Piece, *, stands_out: bool) -> str:
    if piece.role == "text":
        return piece.text
    text = piece.text.replace(" ", NO_BREAK)
    is_value = piece.role == "value" and text != UNKNOWN
    return strong(text) if stands_out and is_value else text
