"""The slides as a PDF, without a browser or an office: drawn by matplotlib.

LibreOffice would convert the deck, and LaTeX the document, but neither is on every
computer. A page is laid out as in the deck; a figure that stands alone is vector, and
fonts are embedded.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from core.report.deck_base import WIDE, open_base
from core.report.deck_table import TONES
from core.report.fit import (
    LINE_HEIGHT,
    POINTS,
    Fitted,
    fit_text,
    text_width,
    wrapped_lines,
)
from core.report.layout import (
    COVER_SIZES,
    DOUBT_COLOURS,
    PARAGRAPH_GAP,
    TEXT_SIZES,
    Content,
    FigurePlace,
    Frame,
    Line,
    Page,
    PicturePlace,
    TablePlace,
    WordsPlace,
    fit_title,
    lay_out,
)
from core.report.pictures import Pictures, print_at
from core.report.places import Box
from core.report.print_figure import print_settings
from core.report.report import Progress, Report
from core.report.sheets import ACROSS, Sheet
from core.text import split_marks, to_plain

WRITING = "Writing the PDF"
INK, QUIET, RULE, STRIPE = "#1B1F24", "#5A6270", "#C9CED6", "#0072B2"
_INSET = 0.1


def build_pdf(report: Report, *, progress: Progress | None = None) -> bytes:
    """Write the slides of a report as a PDF, one page each.

    Parameters
    ----------
    report : Report
    progress : callable, optional

    Returns
    -------
    bytes
        The same for the same report.
    """
    base = open_base()
    frame = Frame(base.title, base.body)
    subtitle = base.cover_subtitle or base.body
    content = io.BytesIO()
    total = len(report.slides) + 1
    said = {"Title": report.title, "Author": report.story.author or None}
    fixed = {**said, "CreationDate": None, "Producer": None, "Creator": "Equipoise"}
    with _printing(), PdfPages(content, metadata=fixed) as pages:
        _write_cover(pages, report, base.cover_title, subtitle)
        for number, (slide, page) in enumerate(lay_out(report, frame), start=2):
            if progress:
                progress(WRITING, slide - 1, total)
            _write_page(pages, page, frame, number, report.pictures)
    if progress:
        progress(WRITING, total, total)
    return content.getvalue()


@contextmanager
def _printing() -> Iterator[None]:
    with print_settings(), warnings.catch_warnings():
        # A sign that the font does not have is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


@dataclass
class _Sheet:
    """One page: a figure of matplotlib, and where on the page it stands."""

    figure: Figure
    x: float = 0.0
    y: float = 0.0

    def write(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        *,
        colour: str = INK,
        bold: bool = False,
        italic: bool = False,
        align: str = "left",
    ) -> None:
        """One line, ``x`` and ``y`` inches from the upper left; y is its base line."""
        self.figure.add_artist(
            Text(
                *self._share(x, y),
                text,
                fontsize=size,
                color=colour,
                fontweight="bold" if bold else "normal",
                fontstyle="italic" if italic else "normal",
                ha=align,
                va="baseline",
                transform=self.figure.transFigure,
            )
        )

    def fill(
        self, box: Box, colour: str, *, line: str = "none", thickness: float = 0.0
    ) -> None:
        """A filled rectangle."""
        width, height = self.figure.get_size_inches()
        self.figure.add_artist(
            Rectangle(
                self._share(box.x, box.y + box.height),
                box.width / width,
                box.height / height,
                facecolor=colour,
                edgecolor=line,
                linewidth=thickness,
                zorder=-2,
                transform=self.figure.transFigure,
            )
        )

    def show(self, content: bytes, box: Box) -> None:
        """A picture, as large as its place allows, in its middle."""
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(image)
        height, width = pixels.shape[:2]
        scale = min(box.width / width, box.height / height)
        own = width * scale, height * scale
        left = box.x + (box.width - own[0]) / 2
        top = box.y + (box.height - own[1]) / 2
        page = WIDE.width, WIDE.height
        axes = self.figure.add_axes(
            (
                left / page[0],
                1 - (top + own[1]) / page[1],
                own[0] / page[0],
                own[1] / page[1],
            )
        )
        axes.set_axis_off()
        axes.imshow(pixels, aspect="auto", interpolation="none")

    def _share(self, x: float, y: float) -> tuple[float, float]:
        """A place of the page as shares of the figure, from its lower left corner."""
        width, height = self.figure.get_size_inches()
        return (x - self.x) / width, ((WIDE.height - y) - self.y) / height

    def save(self, pages: PdfPages) -> None:
        """Write the whole page, whatever size the figure has."""
        whole = Bbox.from_bounds(-self.x, -self.y, WIDE.width, WIDE.height)
        pages.savefig(self.figure, bbox_inches=whole)  # type: ignore[no-untyped-call]


def _blank() -> _Sheet:
    figure = Figure(figsize=(WIDE.width, WIDE.height))
    FigureCanvasAgg(figure)
    return _Sheet(figure)


def _write_cover(pages: PdfPages, report: Report, title: Box, subtitle: Box) -> None:
    sheet = _blank()
    _stripe(sheet)
    _write_title(sheet, fit_title(report.title, title, COVER_SIZES), title, low=True)
    if said := report.subtitle:
        fitted = fit_text(said, subtitle.width - 0.25, subtitle.height, TEXT_SIZES)
        place = Box(
            subtitle.x + _INSET, subtitle.y, subtitle.width - 0.25, subtitle.height
        )
        _write_lines(sheet, Line(fitted.text, fitted.size, place), colour=QUIET)
    sheet.save(pages)


def _write_page(
    pages: PdfPages, page: Page, frame: Frame, number: int, pictures: Pictures
) -> None:
    sheet = _sheet_of(page)
    _stripe(sheet)
    _write_title(sheet, page.title, frame.title)
    for line in (page.kicker, page.note):
        if line is not None:
            _write_lines(sheet, line, colour=QUIET)
    if page.doubt is not None:
        _write_doubt(sheet, page.doubt)
    for content in page.content:
        _write_content(sheet, content, pictures)
    right = frame.body.x + frame.body.width
    sheet.write(str(number), right, WIDE.height - 0.2, 12, colour=QUIET, align="right")
    sheet.save(pages)


def _sheet_of(page: Page) -> _Sheet:
    """The page; of a figure that stands alone, its own, so that it stays vector."""
    if len(page.content) != 1 or not isinstance(page.content[0], FigurePlace):
        return _blank()
    place = page.content[0]
    figure = print_at(place.figure, place.box, title=place.title)
    width, height = figure.get_size_inches()
    top = place.box.y + (place.box.height - height) / 2
    left = place.box.x + (place.box.width - width) / 2
    return _Sheet(figure, left, WIDE.height - top - height)


def _stripe(sheet: _Sheet) -> None:
    sheet.fill(Box(0, 0, 0.14, WIDE.height), STRIPE)


def _write_title(sheet: _Sheet, title: Fitted, box: Box, *, low: bool = False) -> None:
    width = box.width - 0.25
    lines = wrapped_lines(title.text, width, title.size, bold=True)
    pitch = title.size * LINE_HEIGHT / POINTS
    spare = box.height - pitch * len(lines)
    top = box.y + (spare if low else spare / 2)
    for place, text in enumerate(lines):
        base = top + pitch * (place + 0.8)
        sheet.write(text, box.x + _INSET, base, title.size, bold=True)


def _write_lines(sheet: _Sheet, line: Line, *, colour: str, bold: bool = False) -> None:
    pitch = line.size * LINE_HEIGHT / POINTS
    lines = wrapped_lines(line.text, line.box.width, line.size, bold=bold)
    for place, text in enumerate(lines):
        base = line.box.y + pitch * (place + 0.8)
        sheet.write(text, line.box.x, base, line.size, colour=colour, bold=bold)


def _write_doubt(sheet: _Sheet, doubt: Line) -> None:
    colours = {name: f"#{digits}" for name, digits in DOUBT_COLOURS.items()}
    sheet.fill(doubt.box, colours["fill"], line=colours["line"], thickness=1.5)
    inside = Box(
        doubt.box.x + 0.15, doubt.box.y + 0.05, doubt.box.width - 0.3, doubt.box.height
    )
    _write_lines(
        sheet, Line(doubt.text, doubt.size, inside), colour=colours["text"], bold=True
    )


def _write_content(sheet: _Sheet, content: Content, pictures: Pictures) -> None:
    if isinstance(content, TablePlace):
        _write_table(sheet, content.sheet, content.box)
    elif isinstance(content, WordsPlace):
        _write_words(sheet, content)
    elif isinstance(content, PicturePlace):
        sheet.show(content.content, content.box)
    elif not sheet.x:
        # One of several: a figure alone is the page itself.
        picture = pictures.png(content.figure, content.box, title=content.title)
        sheet.show(picture, content.box)


def _write_words(sheet: _Sheet, words: WordsPlace) -> None:
    top = words.box.y + 0.05
    for one in words.paragraphs:
        size = one.size(words.size)
        left = words.box.x + one.indent(words.size)
        width = words.box.width - 0.2 - one.indent(words.size)
        pitch = size * LINE_HEIGHT / POINTS
        lines = wrapped_lines(to_plain(one.text), width, size, bold=one.is_heading)
        if one.sign:
            sheet.write(
                one.sign, left - 1.1 * words.size / POINTS, top + 0.8 * pitch, size
            )
        for place, text in enumerate(lines):
            base = top + pitch * (place + 0.8)
            sheet.write(text, left, base, size, bold=one.is_heading)
        top += pitch * len(lines) + PARAGRAPH_GAP * words.size / POINTS


def _write_table(sheet: _Sheet, table: Sheet, box: Box) -> None:
    top = box.y
    for place, (row, height) in enumerate(
        zip([table.headings, *table.rows], table.heights, strict=True)
    ):
        left = box.x
        for text, width in zip(row, table.widths, strict=True):
            cell = Box(left, top, width, height)
            _write_cell(sheet, text, cell, table.size, bold=not place)
            left += width
        top += height
        line = Box(box.x, top, sum(table.widths), 0.0)
        sheet.fill(line, "none", line=INK if not place else RULE, thickness=0.6)


def _write_cell(
    sheet: _Sheet, text: str, cell: Box, size: float, *, bold: bool
) -> None:
    """Lines of a cell; a line that has one mark alone is written in its colour."""
    width = cell.width - 2 * ACROSS
    is_bold = bold or any("strong" in marks for _, marks in split_marks(text))
    lines = wrapped_lines(to_plain(text), width, size, bold=is_bold)
    pitch = size * LINE_HEIGHT / POINTS
    top = cell.y + (cell.height - pitch * len(lines)) / 2
    styles = list(_letter_styles(text))
    at = 0
    for place, line in enumerate(lines):
        base = top + pitch * (place + 0.8)
        x = cell.x + ACROSS
        for piece, (strong, colour) in _runs(line, styles, at):
            own_bold = bold or strong
            sheet.write(piece, x, base, size, bold=own_bold, colour=colour)
            x += text_width(piece, size, bold=own_bold)
        at += len(line) + _blank_after(to_plain(text), at + len(line))


def _letter_styles(text: str) -> Iterator[tuple[bool, str]]:
    """Of each letter, whether it is bold, and its colour."""
    for piece, marks in split_marks(text):
        colour = next((f"#{TONES[mark]}" for mark in marks if mark in TONES), INK)
        for _ in piece:
            yield "strong" in marks, colour


def _runs(
    line: str, styles: list[tuple[bool, str]], at: int
) -> Iterator[tuple[str, tuple[bool, str]]]:
    """Pieces of a line with one style each."""
    start = 0
    for place in range(1, len(line) + 1):
        is_end = place == len(line)
        if is_end or styles[at + place] != styles[at + start]:
            yield line[start:place], styles[at + start]
            start = place


def _blank_after(text: str, at: int) -> int:
    """Whether a line was broken at a blank, which no line has."""
    return int(at < len(text) and text[at] in " \n")
