"""Results in a terminal; no text of a person is ever read as Rich's markup."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich import box
from rich.console import Console
from rich.table import Table as Board
from rich.text import Text as Words

from core.results.cells import Cell, Part, Piece, Text
from core.results.document import Document, Lines
from core.results.numbers import UNKNOWN
from core.results.sentences import Tone
from core.results.tables import Column, Table

STYLES: dict[Tone, str] = {
    "good": "green",
    "bad": "red",
    "same": "cyan",
    "other": "magenta",
    "faint": "dim",
    "": "",
}


def print_document(document: Document, out: Console) -> None:
    """Print a document's tables and sentences in their order."""
    for place, block in enumerate(document.blocks):
        if isinstance(block, Table):
            if place:
                out.print()
            print_table(block, out)
            continue
        if block.title:
            out.print()
            out.print(Words(block.title, style="bold"))
        for number, item in enumerate(block.items, start=1):
            style = "dim" if block.kind == "notes" else ""
            out.print(Words(f"{_mark(block, number)}{item}", style=style))


def _mark(block: Lines, number: int) -> str:
    return {"findings": "- ", "sources": f"{number}: ", "notes": ""}[block.kind]


def print_table(table: Table, out: Console) -> None:
    """Print one table with its title and notes."""
    lines = _grid(table, narrow=False)
    if _width(table, lines) > out.width:
        lines = _grid(table, narrow=True)
    fits = _width(table, lines) <= out.width
    title = Words(table.title, style="italic") if table.title else None
    look = box.SIMPLE if table.blocks else box.SQUARE
    board = Board(title=title, title_justify="left", box=look)
    for place, column in enumerate(table.columns):
        # Folded and not cut where there is no room: a name is there to be typed.
        head = "\n".join(wrap(column.heading, _column_width(lines, place, column)))
        board.add_column(
            Words(head), justify=column.align, overflow="fold", no_wrap=fits
        )
    # Cells of several lines need a rule between rows; those of one do not.
    ruled = not table.blocks and any(len(cell) > 1 for row in lines for cell in row)
    last: Sequence[Cell | Text] = ()
    for row, cells in zip(table.rows, lines, strict=True):
        same = table.blocks if last and row[0] == last[0] else 0
        shown = [[Words()]] * same + cells[same:]
        board.add_row(*map(Words("\n").join, shown), end_section=ruled)
        last = row
    out.print(board)
    for note in table.notes:
        out.print(Words(note, style="dim"))


def _grid(table: Table, *, narrow: bool) -> list[list[list[Words]]]:
    """Every cell of every row as lines."""
    return [
        [
            _lines(cell, column.part, narrow=narrow) or [Words(UNKNOWN)]
            for cell, column in zip(row, table.columns, strict=True)
        ]
        for row in table.rows
    ]


def _width(table: Table, lines: list[list[list[Words]]]) -> int:
    """Characters that the table takes without a break in any line."""
    columns = enumerate(table.columns)
    return sum(_column_width(lines, place, column) + 3 for place, column in columns) + 1


def _column_width(lines: list[list[list[Words]]], place: int, column: Column) -> int:
    """Widest line of a column's cells, or word of its heading."""
    cells = (line.cell_len for row in lines for line in row[place])
    return max((*cells, *map(len, column.heading.split()), 1))


def _lines(cell: Cell | Text, part: Part, *, narrow: bool) -> list[Words]:
    if isinstance(cell, Text):
        key = [Words(cell.key, style="dim")] if cell.key else []
        return [*(Words(line) for line in cell.marked.split("\n")), *key]
    lines = cell.lines(part)
    if part == "full":
        lines = tuple(
            part for line in lines for part in _broken(line, narrow=narrow) if part
        )
    return [Words(" ").join(map(_piece, line)) for line in lines]


def _broken(pieces: Sequence[Piece], *, narrow: bool) -> Iterator[tuple[Piece, ...]]:
    """A line of a leaderboard as several: a terminal has little width."""
    numbers = tuple(p for p in pieces if p.role in ("value", "spread", "number"))
    first = [p for p in numbers if p.role != "number"] or numbers[: 1 if narrow else 2]
    yield tuple(first)
    yield numbers[len(first) :]
    yield tuple(p for p in pieces if p.role == "verdict")


def _piece(piece: Piece) -> Words:
    return Words(piece.text, style=STYLES[piece.tone])
