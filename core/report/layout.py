"""Where everything stands on the slides of a report, whatever writes them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from core.errors import EquipoiseError
from core.language import gettext
from core.report.fit import POINTS, Fitted, fit_text, text_height
from core.report.markdown_words import Paragraph, read_paragraphs
from core.report.pictures import own_title
from core.report.places import Box
from core.report.report import Report, ReportSlide
from core.report.sheets import Sheet, table_sheets, written_table
from core.story.provenance import PROVENANCE
from core.text import SEPARATOR, to_plain

TITLE_SIZES = (36, 32, 28, 24, 22, 20)
COVER_SIZES = (54, 48, 44, 40, 36, 32, 28, 24)
TEXT_SIZES = (28, 24, 20, 18, 16, 14, 12, 10)
# From this size on words are read; longer ones go to a second page.
READ_SIZE = 14
NOTE_SIZES = (14, 13, 12, 11, 10)
SMALL_SIZES = (16, 14, 12)
# Inches: of a line on what is shown, of a doubt, and between things.
KICKER, DOUBT, GAP = 0.38, 0.55, 0.2
# Share of the body that small print may take, and of its width the number's.
NOTE_SHARE, NUMBER_WIDTH = 0.12, 1.2
# Figures on one slide; each needs so many inches to be read; from so many pixels on
# one is tall, and has no other below it.
MOST_FIGURES, LEAST_FIGURE, TALL = 6, 2.9, 420
# Behind a paragraph, and around the words of a text box, as a share of its letters
# and in inches.
PARAGRAPH_GAP, BOX_INSET = 0.4, 0.2
DOUBT_COLOURS = {"fill": "FFF1E6", "line": "D55E00", "text": "8A3A00"}


@dataclass(frozen=True)
class Frame:
    """The places that a design leaves for a title and for all else, in inches."""

    title: Box
    body: Box


@dataclass(frozen=True)
class Line:
    """Small words at a place."""

    text: str
    size: float
    box: Box


@dataclass(frozen=True)
class FigurePlace:
    """A figure at a place; the title is written above it."""

    figure: go.Figure
    box: Box
    alt: str
    title: str = ""


@dataclass(frozen=True)
class TablePlace:
    """A part of a table at a place."""

    sheet: Sheet
    box: Box
    alt: str


@dataclass(frozen=True)
class WordsPlace:
    """Paragraphs at a place, in a size in which they fit."""

    paragraphs: tuple[Paragraph, ...]
    box: Box
    size: float


@dataclass(frozen=True)
class PicturePlace:
    """A picture at a place."""

    content: bytes
    box: Box
    alt: str


Content = FigurePlace | TablePlace | WordsPlace | PicturePlace


@dataclass(frozen=True)
class Page:
    """One page.

    Parameters
    ----------
    title : Fitted
    kicker, note, doubt : Line, optional
        What is shown, small print, and why the numbers do not bear the claim out.
    content : tuple
    spoken : str
        What the speaker sees.
    """

    title: Fitted
    content: tuple[Content, ...]
    kicker: Line | None = None
    doubt: Line | None = None
    note: Line | None = None
    spoken: str = ""


def lay_out(report: Report, frame: Frame) -> Iterator[tuple[int, Page]]:
    """The pages behind the cover, each with the number of its slide.

    Parameters
    ----------
    report : Report
    frame : Frame

    Returns
    -------
    iterator of pairs
        Slides, then questions, then where the numbers come from; the last two have the
        number after the last slide's.
    """
    for slide in report.slides:
        for page in _slide_pages(slide, frame):
            yield slide.number, page
    after = len(report.slides) + 1
    for question in report.questions:
        asked = ReportSlide(0, to_plain(question.question), "")
        answer = [Paragraph(sentence) for sentence in question.answer]
        for page in _words_pages(asked, frame, answer):
            yield after, page
    heads = [gettext("What"), gettext("Value")]
    rows = pd.DataFrame(report.provenance.rows, columns=heads)
    last = ReportSlide(0, gettext(PROVENANCE), "")
    for page in _table_pages(last, frame, rows, alt=last.title):
        yield after, page


def part_of(number: int, count: int) -> str:
    """Which part of several something is: "1 of 2"."""
    return gettext("{number} of {count}", number=number, count=count)


def fit_title(text: str, box: Box, sizes: Sequence[float] = TITLE_SIZES) -> Fitted:
    """A title in the largest size that fits its place, with the insets of a box."""
    return fit_text(text, box.width - 0.25, box.height - 0.1, sizes, bold=True)


def _slide_pages(slide: ReportSlide, frame: Frame) -> Iterator[Page]:
    if slide.problem is not None:
        words = [*read_paragraphs(slide.text), *_problem_words(slide.problem)]
        yield from _words_pages(slide, frame, words)
    elif slide.drawn is None:
        yield from _words_pages(slide, frame, read_paragraphs(slide.text))
    elif slide.drawn.figures:
        yield from _figure_pages(slide, frame)
    elif slide.drawn.numbers is not None:
        numbers = slide.drawn.numbers
        alt = to_plain(slide.drawn.takeaway)
        note = slide.note or to_plain(numbers.note).replace("\n", " ")
        yield from _table_pages(
            slide, frame, written_table(numbers), alt=alt, note=note
        )


def _problem_words(error: EquipoiseError) -> list[Paragraph]:
    parts = [Paragraph(error.problem)]
    if error.expected:
        parts.append(
            Paragraph(gettext("Expected: {expected}", expected=error.expected))
        )
    if error.remedy:
        parts.append(Paragraph(gettext("What to do: {remedy}", remedy=error.remedy)))
    return parts


@dataclass(frozen=True)
class _Head:
    """What stands around the content of a page, and the place that is left."""

    title: Fitted
    kicker: Line | None
    doubt: Line | None
    note: Line | None
    spoken: str
    body: Box

    def page(self, *content: Content) -> Page:
        return Page(
            self.title, content, self.kicker, self.doubt, self.note, self.spoken
        )


def _head(slide: ReportSlide, frame: Frame, *, part: str = "", note: str = "") -> _Head:
    title = fit_title(slide.heading, frame.title)
    body = frame.body
    top, bottom = body.y, body.y + body.height
    shown = slide.title if slide.claim else ""
    kicker = doubt = small = None
    if said := SEPARATOR.join(filter(None, (shown, part))):
        fitted = fit_text(said, body.width, KICKER - 0.06, SMALL_SIZES)
        place = Box(body.x, top, body.width, KICKER - 0.06)
        kicker = Line(fitted.text, fitted.size, place)
        top += KICKER
    if slide.doubt:
        place = Box(body.x, top, body.width, DOUBT)
        fitted = fit_text(
            slide.doubt, body.width - 0.3, DOUBT - 0.1, SMALL_SIZES, bold=True
        )
        doubt = Line(fitted.text, fitted.size, place)
        top += DOUBT + 0.1
    if note:
        width = body.width - NUMBER_WIDTH
        fitted = fit_text(note, width, NOTE_SHARE * body.height, NOTE_SIZES)
        height = text_height(fitted.text, width, fitted.size)
        small = Line(
            fitted.text, fitted.size, Box(body.x, bottom - height, width, height)
        )
        bottom -= height + 0.1
    spoken = slide.spoken
    if title.rest:
        spoken = f"{slide.heading}\n\n{spoken}"
    return _Head(
        title,
        kicker,
        doubt,
        small,
        spoken.strip(),
        Box(body.x, top, body.width, bottom - top),
    )


def _words_pages(
    slide: ReportSlide, frame: Frame, paragraphs: Sequence[Paragraph]
) -> Iterator[Page]:
    """Words on as few pages as they can be read on, the slide's picture beside them."""
    box = _words_box(slide, _head(slide, frame, part=part_of(1, 2)).body, paragraphs)
    for count in range(1, len(paragraphs) + 1):
        each = math.ceil(len(paragraphs) / count)
        starts = range(0, len(paragraphs), each)
        parts = [paragraphs[start : start + each] for start in starts]
        heights = [_words_height(part, box.width, READ_SIZE) for part in parts]
        if max(heights) <= box.height:
            break
    else:
        parts = [[one] for one in paragraphs] or [[]]
    for number, part in enumerate(parts, start=1):
        said = part_of(number, len(parts)) if len(parts) > 1 else ""
        head = _head(slide, frame, part=said)
        yield head.page(*_words(slide, head.body, part))


def _words(
    slide: ReportSlide, body: Box, paragraphs: Sequence[Paragraph]
) -> Iterator[Content]:
    box = _words_box(slide, body, paragraphs)
    if slide.picture is not None:
        left = body.x + body.width - box.width if paragraphs else body.x
        width = box.width if paragraphs else body.width
        place = Box(left, body.y, width, body.height)
        yield PicturePlace(slide.picture.content, place, slide.heading)
    if paragraphs:
        heights = {s: _words_height(paragraphs, box.width, s) for s in TEXT_SIZES}
        fits = (size for size in TEXT_SIZES if heights[size] <= box.height)
        yield WordsPlace(tuple(paragraphs), box, next(fits, TEXT_SIZES[-1]))


def _words_box(slide: ReportSlide, body: Box, paragraphs: Sequence[Paragraph]) -> Box:
    """The place of the words: the left half where a picture stands beside them."""
    if slide.picture is None or not paragraphs:
        return body
    return Box(body.x, body.y, (body.width - GAP) / 2, body.height)


def _words_height(paragraphs: Sequence[Paragraph], width: float, size: float) -> float:
    gap = PARAGRAPH_GAP * size / POINTS
    return BOX_INSET + sum(
        gap
        + text_height(
            to_plain(one.text),
            width - BOX_INSET - one.indent(size),
            one.size(size),
            bold=one.is_heading,
        )
        for one in paragraphs
    )


def _figure_pages(slide: ReportSlide, frame: Frame) -> Iterator[Page]:
    assert slide.drawn is not None
    figures = list(slide.drawn.figures.items())
    said = to_plain(slide.drawn.takeaway)
    alone = len(figures) == 1
    groups = _figure_groups(figures, frame.body.width)
    for number, group in enumerate(groups, start=1):
        part = part_of(number, len(groups)) if len(groups) > 1 else ""
        head = _head(slide, frame, part=part, note=slide.note)
        yield head.page(
            *(
                FigurePlace(
                    figure,
                    box,
                    said if alone else f"{what}. {said}",
                    own_title(figure) or ("" if alone else what),
                )
                for (what, figure), box in zip(
                    group, _grid(head.body, len(group)), strict=True
                )
            )
        )


def _figure_groups(
    figures: Sequence[tuple[str, go.Figure]], width: float
) -> list[Sequence[tuple[str, go.Figure]]]:
    """Figures by slide: as many on each as can be read, and as even as they can be."""
    columns = min(3, max(1, int(width / LEAST_FIGURE)))
    is_tall = any((figure.layout.height or 0) > TALL for _, figure in figures)
    most = columns if is_tall else min(MOST_FIGURES, 2 * columns)
    count = math.ceil(len(figures) / most)
    each = math.ceil(len(figures) / count)
    return [figures[i : i + each] for i in range(0, len(figures), each)]


def _grid(body: Box, count: int) -> list[Box]:
    columns = count if count <= 3 else math.ceil(count / 2)
    rows = math.ceil(count / columns)
    width = (body.width - GAP * (columns - 1)) / columns
    height = (body.height - GAP * (rows - 1)) / rows
    return [
        Box(
            body.x + (place % columns) * (width + GAP),
            body.y + (place // columns) * (height + GAP),
            width,
            height,
        )
        for place in range(count)
    ]


def _table_pages(
    slide: ReportSlide, frame: Frame, rows: pd.DataFrame, *, alt: str, note: str = ""
) -> Iterator[Page]:
    place = _head(slide, frame, part=part_of(1, 2), note=note).body
    sheets = table_sheets(rows, place.width, place.height)
    for number, sheet in enumerate(sheets, start=1):
        part = part_of(number, len(sheets)) if len(sheets) > 1 else ""
        head = _head(slide, frame, part=part, note=note)
        yield head.page(TablePlace(sheet, head.body, alt))
