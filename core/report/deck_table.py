"""Tables of a deck: native and editable."""

from typing import Any

from lxml import etree
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.text import MSO_ANCHOR
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from core.report.places import Box
from core.report.sheets import ACROSS, ALONG, Sheet
from core.report.xml_text import printable
from core.text import split_marks

TONES = {
    "green": "00734F",
    "red": "B23A00",
    "blue": "005A8E",
    "orange": "A65F00",
    "gray": "5A6270",
}


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
    frame._element.nvGraphicFramePr.cNvPr.set("descr", printable(alt))
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
    cell.margin_left = cell.margin_right = Inches(ACROSS)
    cell.margin_top = cell.margin_bottom = Inches(ALONG)
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
            run.text = printable(line)
            run.font.size = Pt(size)
            run.font.bold = bold or "strong" in marks
            run.font.italic = "emphasis" in marks or None
            colour = next((TONES[mark] for mark in marks if mark in TONES), None)
            if colour:
                run.font.color.rgb = RGBColor.from_string(colour)
            else:
                run.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
