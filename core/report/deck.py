"""A story as a PowerPoint file: one claim a slide, native tables and charts, notes."""

import io
import math
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE
from pptx.util import Inches, Pt

from core.report.deck_base import Base, add_slide, open_base
from core.report.deck_table import add_table, table_sheets, write_marked
from core.report.fit import Fitted, fit_text, text_height
from core.report.markdown_words import read_paragraphs
from core.report.native_chart import Box, add_panels, add_words
from core.report.panels import figure_panels
from core.report.pictures import figure_picture, own_title, picture_size
from core.report.report import Progress, Report, ReportSlide
from core.text import to_plain

WRITING = "Writing the deck"
TITLE_SIZES = (36, 32, 28, 24, 22, 20)
COVER_SIZES = (54, 48, 44, 40, 36, 32, 28, 24)
TEXT_SIZES = (28, 24, 20, 18, 16, 14, 12)
NOTE_SIZES = (14, 13, 12, 11, 10)
# Share of the body that small print may take, and a doubt.
NOTE_SHARE, DOUBT_HEIGHT = 0.12, 0.55
# Figures on one slide; each needs so many inches to be read.
MOST_FIGURES, LEAST_FIGURE = 6, 2.9
GAP = 0.2
# A file says the same whenever it is made.
MADE = datetime(2000, 1, 1)
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_STAMPS = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(<)")


def build_deck(
    report: Report, *, template: Path | None = None, progress: Progress | None = None
) -> bytes:
    """Write a report as a PowerPoint file.

    Parameters
    ----------
    report : Report
    template : Path, optional
        A ``.pptx`` whose masters, fonts and colours are taken.
    progress : callable, optional

    Returns
    -------
    bytes
        The same for the same report and template.

    Raises
    ------
    EquipoiseError
        If the template cannot be used.
    """
    base = open_base(template)
    _add_cover(base, report)
    total = len(report.slides)
    for done, slide in enumerate(report.slides):
        if progress:
            progress(WRITING, done, total)
        _add_report_slide(base, slide)
    for answer in report.answers:
        _add_answer(base, answer.question, answer.answer)
    if report.provenance:
        _add_provenance(base, report)
    if progress:
        progress(WRITING, total, total)
    _describe(base.presentation, report)
    content = io.BytesIO()
    base.presentation.save(content)
    return without_dates(content.getvalue())


def _describe(presentation: Any, report: Report) -> None:
    said = presentation.core_properties
    said.title, said.author = report.title, report.story.author
    said.subject, said.language = report.study_title, report.language
    said.last_modified_by = "Equipoise"
    said.comments, said.keywords = "", ""
    said.created = said.modified = MADE
    said.revision = 1


def without_dates(content: bytes) -> bytes:
    """The same file of a zip format, without the time when it was written.

    Workbooks within it are rewritten too.
    """
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            part = old.read(entry)
            if entry.filename.endswith(".xlsx"):
                part = without_dates(part)
            elif entry.filename == "docProps/core.xml":
                stamp = MADE.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
                part = _STAMPS.sub(rb"\g<1>" + stamp + rb"\g<3>", part)
            new.writestr(
                zipfile.ZipInfo(entry.filename, ZIP_DATE),
                part,
                compress_type=zipfile.ZIP_DEFLATED,
            )
    return written.getvalue()


def _add_cover(base: Base, report: Report) -> None:
    slide = add_slide(base, base.cover)
    _write_title(slide, report.title, base.cover_title, COVER_SIZES)
    lines = [report.story.author]
    if report.study_title != report.title:
        lines.append(report.study_title)
    said = "\n".join(filter(None, lines))
    for shape in slide.placeholders:
        if shape.placeholder_format.type == PP_PLACEHOLDER.SUBTITLE:
            if said and base.cover_subtitle:
                _write_placeholder(shape, said, base.cover_subtitle, TEXT_SIZES)
            else:
                shape._element.getparent().remove(shape._element)


def _write_title(
    slide: Any, text: str, box: Box, sizes: Sequence[float] = TITLE_SIZES
) -> Fitted:
    return _write_placeholder(slide.shapes.title, text, box, sizes, bold=True)


def _write_placeholder(
    shape: Any, text: str, box: Box, sizes: Sequence[float], *, bold: bool = False
) -> Fitted:
    """Text in a place of the layout, in the largest size that fits it."""
    fitted = fit_text(text, box.width - 0.25, box.height - 0.1, sizes, bold=bold)
    frame = shape.text_frame
    frame.auto_size = MSO_AUTO_SIZE.NONE
    frame.word_wrap = True
    frame.text = fitted.text
    for paragraph in frame.paragraphs:
        for run in paragraph.runs:
            run.font.size = Pt(fitted.size)
    return fitted


def _add_report_slide(base: Base, slide: ReportSlide) -> None:
    if slide.problem is not None:
        _Page(base, slide).fill_text(_problem_text(slide))
    elif slide.drawn is None:
        _Page(base, slide).fill_text(slide.text)
    elif slide.drawn.figures:
        _add_figures(base, slide)
    elif slide.drawn.numbers is not None:
        _add_numbers(base, slide, slide.drawn.numbers.frame)


def _problem_text(slide: ReportSlide) -> str:
    error = slide.problem
    assert error is not None
    parts = [error.problem]
    if error.expected:
        parts.append(f"Expected: {error.expected}")
    if error.remedy:
        parts.append(f"What to do: {error.remedy}")
    return "\n\n".join(map(to_plain, parts))


class _Page:
    """One page of the deck: title, what is shown, doubt and small print in place.

    Parameters
    ----------
    base : Base
    slide : ReportSlide
    part : str
        Such as "2 of 3", where a slide takes several pages.
    note : str
        Small print; the view's own.
    """

    def __init__(
        self, base: Base, slide: ReportSlide, *, part: str = "", note: str = ""
    ) -> None:
        self.base, self.slide = base, slide
        self.page = add_slide(base, base.plain)
        self.left_out = _write_title(self.page, slide.heading, base.title).rest
        body = base.body
        top = body.y
        kicker = slide.title if slide.claim else ""
        said = " · ".join(filter(None, (kicker, part)))
        if said:
            fitted = fit_text(said, body.width, 0.32, (16, 14, 12))
            shape = add_words(
                self.page,
                fitted.text,
                Box(body.x, top, body.width, 0.32),
                size=fitted.size,
            )
            _quieten(shape)
            top += 0.38
        if slide.doubt:
            top += self._write_doubt(slide.doubt, top)
        bottom = body.y + body.height
        if note:
            bottom -= self._write_note(note, bottom)
        self.body = Box(body.x, top, body.width, bottom - top)
        self._write_notes(slide)

    def _write_doubt(self, doubt: str, top: float) -> float:
        body = self.base.body
        said = f"▲ {doubt}"
        fitted = fit_text(said, body.width - 0.3, DOUBT_HEIGHT - 0.1, (16, 14, 12))
        shape = self.page.shapes.add_textbox(
            Inches(body.x), Inches(top), Inches(body.width), Inches(DOUBT_HEIGHT)
        )
        shape.name = "Check of the claim"
        frame = shape.text_frame
        frame.word_wrap = True
        frame.vertical_anchor = MSO_ANCHOR.MIDDLE
        shape.fill.solid()
        shape.fill.fore_color.rgb = RGBColor.from_string("FFF1E6")
        shape.line.color.rgb = RGBColor.from_string("D55E00")
        shape.line.width = Pt(1.5)
        write_marked(frame, fitted.text, fitted.size, bold=True)
        for run in frame.paragraphs[0].runs:
            run.font.color.rgb = RGBColor.from_string("8A3A00")
        return DOUBT_HEIGHT + 0.1

    def _write_note(self, note: str, bottom: float) -> float:
        body = self.base.body
        room = NOTE_SHARE * body.height
        fitted = fit_text(note, body.width - 1.2, room, NOTE_SIZES)
        height = text_height(fitted.text, body.width - 1.2, fitted.size)
        shape = add_words(
            self.page,
            fitted.text,
            Box(body.x, bottom - height, body.width - 1.2, height),
            size=fitted.size,
        )
        _quieten(shape)
        shape.name = "Small print"
        return height + 0.1

    def _write_notes(self, slide: ReportSlide) -> None:
        spoken = slide.spoken
        if self.left_out:
            spoken = f"{slide.heading}\n\n{spoken}"
        if spoken:
            self.page.notes_slide.notes_text_frame.text = _printable(spoken)

    def fill_text(self, text: str) -> None:
        """Words in the body, with the slide's picture beside them."""
        box = self.body
        if self.slide.picture is not None:
            place = box
            if text:
                half = (box.width - GAP) / 2
                place = Box(box.x + half + GAP, box.y, half, box.height)
                box = Box(box.x, box.y, half, box.height)
            _add_picture(self.page, self.slide.picture.content, place, self.slide.title)
        if text:
            _write_paragraphs(self.page, text, box)


def _printable(text: str) -> str:
    """Without control characters, which the format cannot hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")


def _quieten(shape: Any) -> None:
    for paragraph in shape.text_frame.paragraphs:
        for run in paragraph.runs:
            run.font.color.theme_color = MSO_THEME_COLOR.TEXT_2


def _write_paragraphs(page: Any, text: str, box: Box) -> None:
    """Markdown as paragraphs: headings and bullets, in the largest size that fits."""
    paragraphs = read_paragraphs(text)

    def height(size: float) -> float:
        return sum(
            text_height(
                to_plain(one.text),
                box.width - 0.2 - one.indent(size),
                one.size(size),
                bold=one.is_heading,
            )
            + 0.4 * size / 72
            for one in paragraphs
        )

    size = next((s for s in TEXT_SIZES if height(s) <= box.height), TEXT_SIZES[-1])
    shape = page.shapes.add_textbox(
        Inches(box.x), Inches(box.y), Inches(box.width), Inches(box.height)
    )
    frame = shape.text_frame
    frame.margin_left = 0
    frame.word_wrap = True
    for place, one in enumerate(paragraphs):
        paragraph = frame.add_paragraph() if place else frame.paragraphs[0]
        paragraph.space_after = Pt(0.4 * size)
        one.write(paragraph, size)


def _add_figures(base: Base, slide: ReportSlide) -> None:
    assert slide.drawn is not None
    figures = list(slide.drawn.figures.items())
    groups = _figure_groups(base, figures)
    for number, group in enumerate(groups, start=1):
        part = f"{number} of {len(groups)}" if len(groups) > 1 else ""
        page = _Page(base, slide, part=part, note=slide.note)
        boxes = _grid(page.body, len(group))
        for (what, figure), box in zip(group, boxes, strict=True):
            said = to_plain(slide.drawn.takeaway)
            alone = len(figures) == 1
            _add_figure(
                page.page,
                figure,
                box,
                alt=said if alone else f"{what}. {said}",
                title=own_title(figure) or ("" if alone else what),
            )


def _figure_groups(
    base: Base, figures: Sequence[tuple[str, go.Figure]]
) -> list[Sequence[tuple[str, go.Figure]]]:
    """Figures by slide: as many on each as can be read, and as even as they can be."""
    columns = max(1, int(base.body.width / LEAST_FIGURE))
    tall = any(_is_tall(figure) for _, figure in figures)
    most = min(3, columns) if tall else min(MOST_FIGURES, 2 * min(3, columns))
    count = math.ceil(len(figures) / most)
    each = math.ceil(len(figures) / count)
    return [figures[i : i + each] for i in range(0, len(figures), each)]


def _is_tall(figure: go.Figure) -> bool:
    return bool((figure.layout.height or 0) > 420)


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


def _add_figure(
    page: Any, figure: go.Figure, box: Box, *, alt: str, title: str
) -> None:
    if panels := figure_panels(figure):
        add_panels(page, panels, box, alt=alt, title=title)
        return
    picture = figure_picture(figure, title=title, width=box.width, height=box.height)
    _add_picture(page, picture, box, alt)


def _add_picture(page: Any, content: bytes, box: Box, alt: str) -> None:
    """A picture, as large as its place allows, in its middle."""
    width, height = picture_size(content)
    scale = min(box.width / width, box.height / height)
    own_width, own_height = width * scale, height * scale
    picture = page.shapes.add_picture(
        io.BytesIO(content),
        Inches(box.x + (box.width - own_width) / 2),
        Inches(box.y + (box.height - own_height) / 2),
        Inches(own_width),
        Inches(own_height),
    )
    picture._element._nvXxPr.cNvPr.set("descr", alt)


def _add_numbers(base: Base, slide: ReportSlide, frame: pd.DataFrame) -> None:
    probe = base.body
    # Below what is shown, and above the small print.
    height = probe.height - 0.4 - (NOTE_SHARE * probe.height + 0.1)
    note = slide.note
    assert slide.drawn is not None
    assert slide.drawn.numbers is not None
    note = note or to_plain(slide.drawn.numbers.note)
    if slide.doubt:
        height -= DOUBT_HEIGHT + 0.1
    sheets = table_sheets(frame, probe.width, height)
    for number, sheet in enumerate(sheets, start=1):
        part = f"{number} of {len(sheets)}" if len(sheets) > 1 else ""
        page = _Page(base, slide, part=part, note=note)
        add_table(page.page, sheet, page.body, alt=to_plain(slide.drawn.takeaway))


def _add_answer(base: Base, question: str, answer: str) -> None:
    slide = ReportSlide(0, to_plain(question), "", notes=to_plain(answer))
    _Page(base, slide).fill_text(to_plain(answer))


def _add_provenance(base: Base, report: Report) -> None:
    frame = pd.DataFrame(report.provenance, columns=["What", "Value"])
    slide = ReportSlide(0, "Where these numbers come from", "")
    body = base.body
    for sheet in table_sheets(frame, body.width, body.height - 0.5):
        page = _Page(base, slide)
        add_table(page.page, sheet, page.body, alt="Provenance of the numbers.")
