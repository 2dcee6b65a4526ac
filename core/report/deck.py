"""A story as a PowerPoint file: one claim a slide, native tables and charts, notes."""

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from core.language import gettext
from core.report.deck_base import Base, add_slide, open_base
from core.report.deck_table import add_table, write_marked
from core.report.fit import Fitted, fit_text
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
from core.report.native_chart import add_panels, add_words
from core.report.output import ZIP_DATE
from core.report.panels import figure_panels
from core.report.pictures import Pictures, picture_size
from core.report.places import Box
from core.report.report import Progress, Report
from core.report.xml_text import printable

WRITING = "Writing the deck"
# A file says the same whenever it is made.
MADE = datetime(2000, 1, 1)
LONGEST_PROPERTY = 255
LANGUAGE_TAGS = {"en": "en-US", "fr": "fr-FR"}
"""Of the languages, as PowerPoint has them."""
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
    total = len(report.slides) + 1
    for number, page in lay_out(report, Frame(base.title, base.body)):
        if progress:
            progress(WRITING, number - 1, total)
        _add_page(base, page, report.pictures)
    if progress:
        progress(WRITING, total, total)
    _describe(base.presentation, report)
    _name_language(base.presentation, LANGUAGE_TAGS[report.language])
    content = io.BytesIO()
    base.presentation.save(content)
    return without_dates(content.getvalue())


def _describe(presentation: Any, report: Report) -> None:
    said = presentation.core_properties
    said.title, said.author = _property(report.title), _property(report.story.author)
    said.subject, said.language = _property(report.study_title), report.language
    said.last_modified_by = "Equipoise"
    said.comments, said.keywords = "", ""
    said.created = said.modified = MADE
    said.revision = 1


def _name_language(presentation: Any, tag: str) -> None:
    """Say of every text which language it is in, for who checks it or reads it out."""
    for slide in presentation.slides:
        pages = [slide, slide.notes_slide] if slide.has_notes_slide else [slide]
        for page in pages:
            for run in page._element.iter(qn("a:r")):
                run.get_or_add_rPr().set("lang", tag)


def _property(text: str) -> str:
    """A property of the file, which holds so many letters."""
    return printable(text)[:LONGEST_PROPERTY]


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
    title = fit_title(report.title, base.cover_title, COVER_SIZES)
    _write_placeholder(slide.shapes.title, title)
    said = report.subtitle
    for shape in slide.placeholders:
        if shape.placeholder_format.type != PP_PLACEHOLDER.SUBTITLE:
            continue
        box = base.cover_subtitle
        if said and box:
            width, height = box.width - 0.25, box.height - 0.1
            _write_placeholder(shape, fit_text(said, width, height, TEXT_SIZES))
        else:
            shape._element.getparent().remove(shape._element)


def _write_placeholder(shape: Any, fitted: Fitted) -> None:
    """Text in a place of the layout, in a size that is known to fit."""
    frame = shape.text_frame
    frame.auto_size = MSO_AUTO_SIZE.NONE
    frame.word_wrap = True
    frame.text = printable(fitted.text)
    for paragraph in frame.paragraphs:
        for run in paragraph.runs:
            run.font.size = Pt(fitted.size)


def _add_page(base: Base, page: Page, pictures: Pictures) -> None:
    slide = add_slide(base, base.plain)
    _write_placeholder(slide.shapes.title, page.title)
    small = (
        (gettext("What is shown"), page.kicker),
        (gettext("Small print"), page.note),
    )
    for name, line in small:
        if line is not None:
            shape = add_words(slide, printable(line.text), line.box, size=line.size)
            shape.name = name
            _quieten(shape)
    if page.doubt is not None:
        _add_doubt(slide, page.doubt)
    for content in page.content:
        _add_content(slide, content, pictures)
    if page.spoken:
        slide.notes_slide.notes_text_frame.text = printable(page.spoken)


def _add_doubt(slide: Any, doubt: Line) -> None:
    shape = _text_box(slide, doubt.box)
    shape.name = gettext("Check of the claim")
    shape.text_frame.vertical_anchor = MSO_ANCHOR.MIDDLE
    shape.fill.solid()
    shape.fill.fore_color.rgb = _rgb("fill")
    shape.line.color.rgb = _rgb("line")
    shape.line.width = Pt(1.5)
    write_marked(shape.text_frame, printable(doubt.text), doubt.size, bold=True)
    for run in shape.text_frame.paragraphs[0].runs:
        run.font.color.rgb = _rgb("text")


def _rgb(what: str) -> RGBColor:
    return RGBColor.from_string(DOUBT_COLOURS[what])


def _text_box(slide: Any, box: Box) -> Any:
    shape = slide.shapes.add_textbox(
        Inches(box.x), Inches(box.y), Inches(box.width), Inches(box.height)
    )
    shape.text_frame.word_wrap = True
    return shape


def _quieten(shape: Any) -> None:
    for paragraph in shape.text_frame.paragraphs:
        for run in paragraph.runs:
            run.font.color.theme_color = MSO_THEME_COLOR.TEXT_2


def _add_content(slide: Any, content: Content, pictures: Pictures) -> None:
    if isinstance(content, FigurePlace):
        _add_figure(slide, content, pictures)
    elif isinstance(content, TablePlace):
        add_table(slide, content.sheet, content.box, alt=content.alt)
    elif isinstance(content, PicturePlace):
        _add_picture(slide, content.content, content.box, content.alt)
    else:
        _add_paragraphs(slide, content)


def _add_paragraphs(slide: Any, words: WordsPlace) -> None:
    frame = _text_box(slide, words.box).text_frame
    frame.margin_left = 0
    for place, one in enumerate(words.paragraphs):
        paragraph = frame.add_paragraph() if place else frame.paragraphs[0]
        paragraph.space_after = Pt(PARAGRAPH_GAP * words.size)
        one.write(paragraph, words.size)


def _add_figure(slide: Any, place: FigurePlace, pictures: Pictures) -> None:
    if panels := figure_panels(place.figure):
        add_panels(slide, panels, place.box, alt=place.alt, title=place.title)
        return
    picture = pictures.png(place.figure, place.box, title=place.title)
    _add_picture(slide, picture, place.box, place.alt)


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
    picture._element._nvXxPr.cNvPr.set("descr", printable(alt))
