r"""A report as LaTeX: a file a table, a file a figure, and one document of all.

A table's file can be taken into any document with ``\input``; what it needs stands at
its head.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from core.language import N_, gettext
from core.report.latex_text import PACKAGES, escape_latex, has_unknown, marked_latex
from core.report.layout import part_of
from core.report.markdown_words import Paragraph, read_paragraphs
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
from core.text import to_plain
from core.views.drawing import Drawn

DOCUMENT = "report.tex"
_WIDTH = 504.0
"""Points of a line of text: that of a figure over two columns."""
# Rows of a table that is not broken over pages, and of one that is printed at all.
_SHORT, _LONGEST = 34, 150
# Figures in a row; inches of a figure, or of all in a block that stays on one page.
_BESIDE, _TALLEST = 3, 7.9
_NARROW = 700
# Points of a letter of a table, of the room between columns, and of a column at least.
_LETTER, _GAP, _LEAST = 4.4, 12.0, 44.0
# Points that the first column, which names the row, takes without a break.
_NAME = 120.0
_NUMBER = re.compile(r"[-−+]?[\d.,\u00a0\u202f ]+%?")
PRINTING = "Drawing figures for print"
NAMED_SIGNS = N_(
    "This document is set by pdfLaTeX, which has only Latin letters: signs that it "
    "does not have stand in brackets by their names. The tables in Markdown and CSV "
    "have them all."
)


def latex_files(
    report: Report, *, progress: Progress | None = None
) -> dict[str, bytes]:
    """Every file of a report in LaTeX.

    Parameters
    ----------
    report : Report
    progress : callable, optional

    Returns
    -------
    dict of str to bytes
        Path of each file to its content: ``DOCUMENT``, ``tables/*.tex`` and
        ``figures/*.pdf``.
    """
    files: dict[str, bytes] = {}
    tables = {table.name: table for table in tables_of(report.slides)}
    for table in tables.values():
        files[f"tables/{table.name}.tex"] = table_latex(table).encode()
    heights: dict[str, float] = {}
    for done, slide in enumerate(report.slides):
        if progress:
            progress(PRINTING, done, len(report.slides))
        if slide.drawn is not None:
            for name, (content, height) in _figures(slide, slide.drawn).items():
                files[_figure_path(name)], heights[name] = content, height
        if slide.picture is not None:
            files[_picture_path(slide)] = slide.picture.content
    if progress:
        progress(PRINTING, len(report.slides), len(report.slides))
    body = "\n".join(_body(report, tables, heights))
    note = rf"\bigskip\noindent {escape_latex(gettext(NAMED_SIGNS))}" + "\n"
    said = _visible(report) + "".join(map(table_text, tables.values()))
    is_named = has_unknown(said)
    text = f"{_head(report)}{body}\n{note if is_named else ''}\\end{{document}}\n"
    return {DOCUMENT: text.encode(), **files}


def _figures(slide: ReportSlide, drawn: Drawn) -> dict[str, tuple[bytes, float]]:
    """A slide's figures by their names, each with its height in inches."""
    paper = side_by_side("two-columns", _beside(drawn))
    paper = replace(paper, tallest=min(paper.tallest, _TALLEST))
    title = to_plain(slide.title)
    files = {}
    for name, figure in zip(figure_names(slide), drawn.figures.values(), strict=True):
        content = io.BytesIO()
        printed = print_figure(figure, width=paper)
        save_figure(printed, content, kind="pdf", title=title)
        files[name] = content.getvalue(), float(printed.get_size_inches()[1])
    return files


def _figure_path(name: str) -> str:
    return f"figures/{name}.pdf"


def _beside(drawn: Drawn) -> int:
    """How many of a view's figures stand side by side."""
    if drawn.column_width > _NARROW:
        return 1
    return max(1, min(len(drawn.figures), _BESIDE))


# Tables


def table_latex(table: ReportTable) -> str:
    r"""A table for ``\input``, with what it needs, its caption and its label.

    A table that is too wide for a page is broken into several, each with the first
    column; one that is too long for a page is broken where the page ends.
    """
    needs = " ".join(
        rf"\usepackage{package}"
        for package in (*PACKAGES, "{array}", "{booktabs}", "{longtable}")
    )
    return f"% {needs}\n" + "\n".join(_tables(table))


def table_text(table: ReportTable) -> str:
    """All words of a table."""
    cells = [str(cell) for row in table.frame.itertuples(index=False) for cell in row]
    return to_plain(" ".join([*map(str, table.frame.columns), *cells, table.caption]))


def _tables(table: ReportTable) -> Iterator[str]:
    headings = [str(name) for name in table.frame.columns]
    rows = [[str(cell) for cell in row] for row in table.frame.itertuples(index=False)]
    parts = _parts(headings, rows)
    for place, columns in enumerate(parts):
        yield _part(
            table,
            [headings[i] for i in columns],
            [[row[i] for i in columns] for row in rows[:_LONGEST]],
            place,
            len(parts),
        )


def _part(
    table: ReportTable,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    place: int,
    parts: int,
) -> str:
    """One table of booktabs."""
    caption = escape_latex(table.caption)
    label = rf"\label{{tab:{table.name}}}" if place == 0 else ""
    if parts > 1:
        caption += f" ({escape_latex(part_of(place + 1, parts))})"
    rules = "".join(_columns(headings, rows))
    head = " & ".join(marked_latex(heading) for heading in headings) + r" \\"
    # Rows of several lines are kept apart.
    end = r" \\ \addlinespace[2pt]" if "p{" in rules else r" \\"
    lines = [" & ".join(map(marked_latex, row)) + end for row in rows]
    notes = _notes(table, len(rows)) if place == parts - 1 else ""
    if len(rows) <= _SHORT:
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering\footnotesize",
                rf"\caption{{{caption}}}{label}\vspace{{4pt}}",
                rf"\begin{{tabular}}{{@{{}}{rules}@{{}}}}",
                rf"\toprule {head} \midrule",
                *lines,
                r"\bottomrule",
                r"\end{tabular}",
                notes,
                r"\end{table}",
                "",
            ]
        )
    return "\n".join(
        [
            r"\begingroup\footnotesize",
            rf"\begin{{longtable}}{{@{{}}{rules}@{{}}}}",
            rf"\caption{{{caption}}}{label}\\",
            rf"\toprule {head} \midrule \endfirsthead",
            rf"\toprule {head} \midrule \endhead",
            r"\bottomrule \endfoot",
            *lines,
            r"\end{longtable}",
            notes,
            r"\endgroup",
            "",
        ]
    )


def _notes(table: ReportTable, shown: int) -> str:
    said = [table.note] if table.note else []
    if shown < len(table.frame):
        said.append(
            gettext(
                "The first {shown} of {count} rows; the table in CSV has them all.",
                shown=shown,
                count=len(table.frame),
            )
        )
    if not said:
        return ""
    written = escape_latex(" ".join(said))
    return rf"\par\smallskip\parbox{{\linewidth}}{{\scriptsize {written}}}"


def _parts(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[int]]:
    """Columns of each table, where all of them are too wide for one."""
    columns = zip(headings, zip(*rows, strict=True), strict=True)
    least = [_least_width(heading, column) for heading, column in columns]
    least[0] = max(least[0], min(_NAME, _natural_width(headings[0], _first(rows))))
    parts: list[list[int]] = []
    room = 0.0
    for place in range(1, len(headings)):
        if not parts or room < least[place]:
            parts.append([0])
            room = _WIDTH - least[0]
        parts[-1].append(place)
        room -= least[place]
    return parts or [[0]]


def _first(rows: Sequence[Sequence[str]]) -> list[str]:
    return [row[0] for row in rows]


def _words(cell: str) -> list[str]:
    return re.split(r"[ \n]", to_plain(cell))


def _least_width(heading: str, column: Sequence[str]) -> float:
    """Points of the longest piece that is not broken."""
    longest = max(len(word) for cell in (heading, *column) for word in _words(cell))
    return min(max(longest * _LETTER + _GAP, _LEAST), _WIDTH / 3)


def _natural_width(heading: str, column: Sequence[str]) -> float:
    longest = max(len(to_plain(cell)) for cell in (heading, *column))
    return longest * _LETTER + _GAP


def _columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A letter for each column, or its width where lines have to be broken."""
    columns = list(zip(*rows, strict=True))
    natural = [_natural_width(h, c) for h, c in zip(headings, columns, strict=True)]
    if sum(natural) <= _WIDTH:
        for column in columns:
            yield "r" if all(_NUMBER.fullmatch(to_plain(c)) for c in column) else "l"
        return
    least = [_least_width(h, c) for h, c in zip(headings, columns, strict=True)]
    least[0] = max(least[0], min(_NAME, natural[0]))
    room = _WIDTH - sum(least)
    wanted = [n - one for n, one in zip(natural, least, strict=True)]
    for one, more in zip(least, wanted, strict=True):
        width = one + max(room, 0) * more / (sum(wanted) or 1)
        share = (width - _GAP) / _WIDTH
        yield rf">{{\raggedright\arraybackslash}}p{{{share:.3f}\linewidth}}"


# The document


# How words are divided, and what captions say. Blanks before signs are in the texts.
_LANGUAGES = {
    "fr": (
        r"\usepackage[french]{babel}",
        r"\frenchsetup{AutoSpacePunctuation=false}",
    )
}


def _head(report: Report) -> str:
    author = report.story.author
    packages = [*PACKAGES, "{array}", "{booktabs}", "{longtable}", "{float}"]
    lines = [
        r"\documentclass[10pt,a4paper]{article}",
        *(rf"\usepackage{package}" for package in packages),
        *_LANGUAGES.get(report.language, ()),
        r"\usepackage{graphicx}",
        r"\usepackage[textwidth=7in,textheight=9.8in]{geometry}",
        r"\floatplacement{table}{H}",
        r"\floatplacement{figure}{H}",
        r"\setlength{\parindent}{0pt}\setlength{\parskip}{4pt}",
        r"\setlength{\tabcolsep}{6pt}\emergencystretch=3em",
        rf"\title{{{escape_latex(report.title)}}}",
        rf"\author{{{escape_latex(author)}}}",
        r"\date{}",
        r"\begin{document}",
        r"\maketitle",
        rf"\begin{{center}}{escape_latex(report.study_title)}\end{{center}}",
    ]
    return "\n".join(lines) + "\n"


def _body(
    report: Report,
    tables: Mapping[str, ReportTable],
    heights: Mapping[str, float],
) -> Iterator[str]:
    for slide in report.slides:
        yield from _slide(slide, tables, heights)
    if report.questions:
        yield rf"\section{{{escape_latex(gettext(QUESTIONS))}}}"
        for asked in report.questions:
            yield rf"\paragraph{{{escape_latex(asked.question)}}}"
            yield marked_latex(asked.text)
    if report.provenance.rows:
        yield rf"\section{{{escape_latex(gettext(PROVENANCE_TABLE))}}}"
        rules = r"@{}p{0.24\linewidth}>{\raggedright\arraybackslash}p{0.7\linewidth}@{}"
        yield rf"\begin{{longtable}}{{{rules}}}"
        yield r"\toprule"
        for name, value in report.provenance.rows:
            yield rf"{escape_latex(name)} & {escape_latex(value)} \\"
        yield r"\bottomrule"
        yield r"\end{longtable}"


def _slide(
    slide: ReportSlide,
    tables: Mapping[str, ReportTable],
    heights: Mapping[str, float],
) -> Iterator[str]:
    # A heading stays with its figure.
    yield r"\clearpage" if figure_names(slide) else ""
    yield rf"\section{{{escape_latex(slide.title or slide.claim)}}}"
    if slide.claim and slide.title:
        yield rf"\textbf{{{escape_latex(slide.claim)}}}\par"
    if slide.doubt:
        yield rf"\fbox{{\parbox{{0.97\linewidth}}{{{escape_latex(slide.doubt)}}}}}\par"
    if slide.problem is not None:
        yield rf"\emph{{{escape_latex(to_plain(str(slide.problem)))}}}\par"
    yield from map(_paragraph, read_paragraphs(slide.text))
    if slide.picture is not None:
        place = r"width=0.8\linewidth,height=0.5\textheight,keepaspectratio"
        yield rf"\includegraphics[{place}]{{{_picture_path(slide)}}}\par"
    if slide.drawn is None:
        return
    yield escape_latex(beyond_claim(slide)) + r"\par"
    yield from _figure_blocks(slide, _beside(slide.drawn), heights)
    if slide_name(slide) in tables:
        yield rf"\input{{tables/{slide_name(slide)}.tex}}"


def _figure_blocks(
    slide: ReportSlide, beside: int, heights: Mapping[str, float]
) -> Iterator[str]:
    """A slide's figures in rows, as many of them in a block as a page holds."""
    names = figure_names(slide)
    rows = [names[place : place + beside] for place in range(0, len(names), beside)]
    blocks: list[list[tuple[str, ...]]] = []
    room = 0.0
    for row in rows:
        tall = max(heights[name] for name in row)
        if not blocks or room < tall:
            blocks.append([])
            room = _TALLEST
        blocks[-1].append(row)
        room -= tall
    caption = escape_latex(f"{slide.title}. {slide.note}".strip())
    for place, block in enumerate(blocks):
        yield r"\begin{figure}\centering"
        for row in block:
            parts = [rf"\includegraphics{{{_figure_path(name)}}}" for name in row]
            parts += [r"\null"] * (beside - len(row))
            yield r"\hfill ".join(parts) + r"\par"
        if place == len(blocks) - 1:
            yield rf"\caption{{{caption}}}\label{{fig:{slide_name(slide)}}}"
        yield r"\end{figure}"


def _paragraph(paragraph: Paragraph) -> str:
    text = marked_latex(paragraph.text)
    if paragraph.is_heading:
        return rf"\subsection*{{{text}}}"
    indent = rf"\hspace*{{{1.4 * paragraph.level:.1f}em}}" if paragraph.level else ""
    sign = f"{escape_latex(paragraph.sign)} " if paragraph.sign else ""
    return rf"{indent}{sign}{text}\par"


def _picture_path(slide: ReportSlide) -> str:
    assert slide.picture is not None
    return f"figures/{slide_name(slide)}.{slide.picture.kind}"


def _visible(report: Report) -> str:
    """Words of the document that people wrote."""
    said = [report.title, report.story.author, report.study_title]
    for slide in report.slides:
        said += [slide.title, slide.claim, slide.doubt, slide.text, slide.note]
        if slide.drawn is not None:
            said.append(to_plain(slide.drawn.takeaway))
    for asked in report.questions:
        said += [asked.question, to_plain(asked.text)]
    for row in report.provenance.rows:
        said += row
    return " ".join(said)
