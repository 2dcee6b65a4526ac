"""Results as Markdown that a paper or a README can take."""

from collections.abc import Iterator

from core.results.cells import Cell, Piece, Text
from core.results.document import Document, Lines
from core.results.numbers import UNKNOWN
from core.results.tables import Column, Table
from core.text import escape_document


def document_markdown(document: Document) -> str:
    """A document's tables and sentences in their order."""
    parts: list[str] = []
    for place, block in enumerate(document.blocks):
        if block.title and (place or isinstance(block, Lines)):
            parts.append(f"**{escape_document(block.title)}**")
        if isinstance(block, Lines):
            parts.append("\n".join(_listed(block)))
        else:
            mark = "- " * (len(block.notes) > 1)
            notes = "\n".join(f"{mark}{escape_document(note)}" for note in block.notes)
            parts += [table_markdown(block), notes]
    return "\n\n".join(filter(None, parts))


def table_markdown(table: Table) -> str:
    """A table as Markdown, without its title and notes; empty without rows."""
    if not table.rows:
        return ""
    rules = ["---" if column.align == "left" else "---:" for column in table.columns]
    head = [escape_document(column.heading) for column in table.columns]
    rows = [
        [_write(cell, column) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rules, *rows))


def _write(cell: Cell | Text, column: Column) -> str:
    if isinstance(cell, Text):
        text = f"`{cell.text}`" if cell.is_code else escape_document(cell.marked)
        return text.replace("\n", "<br>")
    strong = column.part in ("full", "score")
    lines = (
        " ".join(_piece(p, strong=strong) for p in line if p.role != "spread")
        for line in cell.lines(column.part)
    )
    return "<br>".join(lines) or UNKNOWN


def _piece(piece: Piece, *, strong: bool) -> str:
    if piece.role == "text":
        return escape_document(piece.text)
    return f"**{piece.text}**" if strong and piece.role == "value" else piece.text


def _listed(block: Lines) -> Iterator[str]:
    if block.kind == "notes":
        yield " ".join(map(escape_document, block.items))
    for number, item in enumerate(block.items, start=1):
        if block.kind != "notes":
            mark = f"{number}." if block.kind == "sources" else "-"
            yield f"{mark} {escape_document(item)}"
