"""A report as Markdown, with its tables and pictures of its figures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from core.language import gettext
from core.report.markdown_words import BULLET, Paragraph, read_paragraphs
from core.report.print_figure import print_figure, save_figure, side_by_side
from core.report.report import (
    PROVENANCE_TABLE,
    QUESTIONS,
    Progress,
    Report,
    ReportSlide,
)
from core.report.tables import (
    ReportTable,
    beyond_claim,
    figure_names,
    slide_name,
    tables_of,
)
from core.text import code, escape_document, split_marks, to_markdown, to_plain

DOCUMENT = "report.md"
PRINTING = "Drawing figures for print"
_NARROW, _BESIDE = 700, 2


def markdown_files(
    report: Report, *, progress: Progress | None = None
) -> dict[str, bytes]:
    """Every file of a report in Markdown.

    Returns
    -------
    dict of str to bytes
        Path of each file to its content: ``DOCUMENT``, pictures in ``figures/``, and
        the same tables as CSV in ``tables/``.
    """
    tables = {table.name: table for table in tables_of(report.slides)}
    files = {DOCUMENT: report_markdown(report).encode()}
    for table in tables.values():
        files[f"tables/{table.name}.csv"] = table.csv.encode()
    for done, slide in enumerate(report.slides):
        if progress:
            progress(PRINTING, done, len(report.slides))
        files |= _pictures(slide)
    if progress:
        progress(PRINTING, len(report.slides), len(report.slides))
    return files


def report_markdown(report: Report) -> str:
    """The document: claims, figures, tables, questions and provenance."""
    tables = {table.name: table for table in tables_of(report.slides)}
    parts = [f"# {escape_document(report.title)}"]
    parts += [
        escape_document(s) for s in (report.story.author, report.study_title) if s
    ]
    for slide in report.slides:
        parts += _slide(slide, tables.get(slide_name(slide)))
    if report.questions:
        parts.append(f"## {escape_document(gettext(QUESTIONS))}")
    for asked in report.questions:
        parts.append(f"### {escape_document(asked.question)}")
        parts.append(document_text(asked.text))
    if report.provenance.rows:
        rows = [
            [escape_document(cell) for cell in row] for row in report.provenance.rows
        ]
        heading = escape_document(gettext(PROVENANCE_TABLE))
        parts += [f"## {heading}", _lines(["", ""], rows)]
    return "\n\n".join(filter(None, parts)) + "\n"


def table_markdown(table: ReportTable) -> str:
    """A table, with its caption before it and its note behind."""
    rows = [
        [document_text(str(cell)) for cell in row]
        for row in table.frame.itertuples(index=False)
    ]
    heads = [document_text(str(name)) for name in table.frame.columns]
    parts = (escape_document(table.caption), _lines(heads, rows))
    return "\n\n".join(filter(None, (*parts, escape_document(table.note))))


def document_text(text: str) -> str:
    """A text with the marks of ``core.text`` as Markdown for a document."""
    return "".join(_piece(piece, marks) for piece, marks in split_marks(text))


def _piece(piece: str, marks: tuple[str, ...]) -> str:
    if piece == "\n":
        return "<br>"
    inner = piece.strip(" ")
    if not inner:
        return piece
    # Signs of emphasis stand next to a letter.
    before = piece[: len(piece) - len(piece.lstrip(" "))]
    after = piece[len(piece.rstrip(" ")) :]
    is_code = "code" in marks
    written = to_markdown(code(inner)) if is_code else escape_document(inner)
    fence = "**" * ("strong" in marks) + "*" * ("emphasis" in marks)
    return f"{before}{fence}{written}{fence[::-1]}{after}"


def _lines(heads: list[str], rows: list[list[str]]) -> str:
    rules = ["---"] * len(heads)
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rules, *rows))


def _slide(slide: ReportSlide, table: ReportTable | None) -> Iterator[str]:
    yield f"## {escape_document(slide.title or slide.claim)}"
    if slide.claim and slide.title:
        yield f"**{escape_document(slide.claim)}**"
    if slide.doubt:
        yield f"> {escape_document(slide.doubt)}"
    if slide.problem is not None:
        yield escape_document(to_plain(str(slide.problem)))
    yield _words(read_paragraphs(slide.text))
    if slide.picture is not None:
        yield f"![{escape_document(slide.title)}]({_picture_path(slide)})"
    if slide.drawn is None:
        return
    takeaway = to_plain(slide.drawn.takeaway)
    yield escape_document(beyond_claim(slide))
    for what, name in zip(slide.drawn.figures, figure_names(slide), strict=True):
        yield f"![{escape_document(f'{what}. {takeaway}')}](figures/{name}.png)"
    yield escape_document(slide.note)
    if table is not None:
        yield table_markdown(table)


def _words(paragraphs: Sequence[Paragraph]) -> str:
    """A slide's own words, without HTML and pictures from elsewhere."""
    parts = []
    for paragraph in paragraphs:
        text = document_text(paragraph.text)
        if paragraph.is_heading:
            parts.append(f"### {text}")
        elif paragraph.sign:
            sign = "-" if paragraph.sign == BULLET else paragraph.sign
            parts.append(f"{'    ' * (paragraph.level - 1)}{sign} {text}")
        else:
            parts.append(f"{'    ' * paragraph.level}{text}")
    return "\n\n".join(parts)


def _pictures(slide: ReportSlide) -> dict[str, bytes]:
    if slide.picture is not None:
        return {_picture_path(slide): slide.picture.content}
    if slide.drawn is None:
        return {}
    count = len(slide.drawn.figures)
    is_narrow = slide.drawn.column_width <= _NARROW and count > 1
    paper = side_by_side("two-columns", _BESIDE if is_narrow else 1)
    files = {}
    for name, figure in zip(
        figure_names(slide), slide.drawn.figures.values(), strict=True
    ):
        content = io.BytesIO()
        save_figure(print_figure(figure, width=paper), content, kind="png")
        files[f"figures/{name}.png"] = content.getvalue()
    return files


def _picture_path(slide: ReportSlide) -> str:
    assert slide.picture is not None
    return f"figures/{slide_name(slide)}.{slide.picture.kind}"
