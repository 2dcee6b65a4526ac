"""What a deck is built on: a person's own template, or the house's, and its places."""

import zlib
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PackageNotFoundError
from pptx.oxml.ns import qn
from pptx.util import Emu, Inches

from core.errors import EquipoiseError
from core.plots.look import FONT_FAMILY, METHOD_COLOURS
from core.report.places import Box

WIDE = Box(0, 0, 13.333, 7.5)
"""16:9, in inches."""
MARGIN, INSET = 0.5, 0.1
_TITLE = Box(MARGIN, 0.35, WIDE.width - 2 * MARGIN, 1.2)
_COVER_TITLE = Box(1.0, 2.0, WIDE.width - 2.0, 1.9)
_COVER_SUBTITLE = Box(1.0, 4.1, WIDE.width - 2.0, 1.6)
_NUMBER = Box(WIDE.width - MARGIN - 1.0, 7.05, 1.0, 0.3)
_INK, _PAPER, _QUIET = "1B1F24", "FFFFFF", "5A6270"
_TITLES = (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE)
# What is raised of files that are no decks, or damaged ones.
_NO_DECK = (
    *(PackageNotFoundError, BadZipFile, etree.XMLSyntaxError, zlib.error),
    *(KeyError, ValueError, AttributeError, OSError),
)
_FURNITURE = (
    PP_PLACEHOLDER.DATE,
    PP_PLACEHOLDER.FOOTER,
    PP_PLACEHOLDER.SLIDE_NUMBER,
)


@dataclass(frozen=True)
class Base:
    """An empty deck and where things stand on its slides.

    Parameters
    ----------
    presentation : pptx presentation
    cover : slide layout
        Of the first slide.
    plain : slide layout
        Of all others: a title and nothing else.
    title, cover_title, cover_subtitle : Box
        Of the titles; the last is None where the template's cover has no subtitle.
    body : Box
        All that is free below a title.
    """

    presentation: Any
    cover: Any
    plain: Any
    title: Box
    cover_title: Box
    cover_subtitle: Box | None
    body: Box


def open_base(template: Path | None = None) -> Base:
    """An empty deck with the masters, fonts and colours of a template.

    Parameters
    ----------
    template : Path, optional
        A ``.pptx``; its slides are left out. The house's own where there is none.

    Raises
    ------
    EquipoiseError
        If it cannot be read, or no layout of it has a title.
    """
    presentation = _house() if template is None else _read(template)
    plain = _plainest(presentation, template)
    cover = _cover(presentation) or plain
    width, height = presentation.slide_width, presentation.slide_height
    title = _place_of(plain, _TITLES) or _TITLE
    body = _below(plain, title, Box(0, 0, _inches(width), _inches(height)))
    return Base(
        presentation,
        cover,
        plain,
        title,
        _place_of(cover, _TITLES) or _COVER_TITLE,
        _place_of(cover, (PP_PLACEHOLDER.SUBTITLE,)),
        body,
    )


def _read(template: Path) -> Any:
    try:
        presentation = Presentation(str(template))
    except _NO_DECK as error:
        raise EquipoiseError(
            f"The template '{template}' cannot be read.",
            expected="a PowerPoint file, .pptx.",
            remedy="save the template as .pptx, or leave --template out.",
        ) from error
    _remove_slides(presentation)
    return presentation


def _remove_slides(presentation: Any) -> None:
    listing = presentation.slides._sldIdLst
    for entry in list(listing):
        presentation.part.drop_rel(entry.rId)
        listing.remove(entry)


def _inches(length: int) -> float:
    return float(Emu(length).inches)


def _kinds(layout: Any) -> list[Any]:
    return [shape.placeholder_format.type for shape in layout.placeholders]


def _plainest(presentation: Any, template: Path | None) -> Any:
    """The layout with a title and the fewest other things to fill in."""
    titled = [
        layout
        for layout in presentation.slide_layouts
        if PP_PLACEHOLDER.TITLE in _kinds(layout)
    ]
    if not titled:
        raise EquipoiseError(
            f"No layout of the template '{template}' has a title.",
            expected="a layout such as PowerPoint's 'Title Only'.",
            remedy="add one to its master, or leave --template out.",
        )

    def others(layout: Any) -> int:
        return sum(k not in (*_TITLES, *_FURNITURE) for k in _kinds(layout))

    return min(titled, key=others)


def _cover(presentation: Any) -> Any:
    for layout in presentation.slide_layouts:
        kinds = _kinds(layout)
        if PP_PLACEHOLDER.CENTER_TITLE in kinds:
            return layout
    return None


def _place_of(layout: Any, kinds: Sequence[Any]) -> Box | None:
    """Where a layout, or else its master, has its first placeholder of some kinds."""
    for source in (layout, layout.slide_master):
        for shape in source.placeholders:
            if shape.placeholder_format.type in kinds and shape.width:
                sides = (shape.left, shape.top, shape.width, shape.height)
                return Box(*map(_inches, sides))
    return None


def _below(layout: Any, title: Box, slide: Box) -> Box:
    """What is free below the title, above the footer."""
    bottom = slide.height - 0.25
    for shape in layout.placeholders:
        if shape.placeholder_format.type in _FURNITURE and shape.top:
            top = _inches(shape.top)
            if top > slide.height / 2:
                bottom = min(bottom, top)
    top = title.y + title.height + 0.05
    if top > slide.height / 2:
        # A title at the foot: what is above it is free.
        free = title.y - MARGIN - INSET
        return Box(title.x + INSET, MARGIN, title.width - 2 * INSET, free)
    # As far from the edge as the words of the title are.
    return Box(title.x + INSET, top, title.width - 2 * INSET, bottom - top - 0.05)


def _house() -> Any:
    """PowerPoint's plain design at 16:9, in our fonts and colours."""
    presentation = Presentation()
    presentation.slide_width = Inches(WIDE.width)
    presentation.slide_height = Inches(WIDE.height)
    cover, plain = (presentation.slide_layouts[place] for place in (0, 5))
    for layout in list(presentation.slide_layouts):
        if layout not in (cover, plain):
            presentation.slide_layouts.remove(layout)
    master = presentation.slide_master
    for source in (master, plain):
        _place_house(source, _TITLE)
    _place_house(cover, _COVER_TITLE, _COVER_SUBTITLE)
    _colour_theme(master)
    _style_titles(master, cover)
    _add_rule(master, Box(0, 0, 0.14, WIDE.height), "accent1")
    return presentation


def _place_house(source: Any, title: Box, subtitle: Box | None = None) -> None:
    for shape in list(source.placeholders):
        kind = shape.placeholder_format.type
        if kind in _TITLES:
            _move(shape, title)
        elif kind == PP_PLACEHOLDER.SUBTITLE and subtitle is not None:
            _move(shape, subtitle)
        elif kind == PP_PLACEHOLDER.SLIDE_NUMBER:
            _move(shape, _NUMBER)
        elif kind == PP_PLACEHOLDER.BODY:
            _move(shape, Box(MARGIN, 1.7, WIDE.width - 2 * MARGIN, 5.2))
        else:
            shape._element.getparent().remove(shape._element)


def _move(shape: Any, box: Box) -> None:
    shape.left, shape.top = Inches(box.x), Inches(box.y)
    shape.width, shape.height = Inches(box.width), Inches(box.height)


def _colour_theme(master: Any) -> None:
    """Write fonts and colours into the theme, which python-pptx leaves alone."""
    part = next(
        rel.target_part
        for rel in master.part.rels.values()
        if rel.reltype.endswith("/theme")
    )
    theme = etree.fromstring(part.blob)
    colours = {
        "dk1": _INK,
        "lt1": _PAPER,
        "dk2": _QUIET,
        "lt2": "F1F3F5",
        **{
            f"accent{place}": colour[1:]
            for place, colour in enumerate(METHOD_COLOURS, start=1)
        },
    }
    scheme = theme.find(f".//{qn('a:clrScheme')}")
    for name, digits in colours.items():
        entry = scheme.find(qn(f"a:{name}"))
        for old in list(entry):
            entry.remove(old)
        etree.SubElement(entry, qn("a:srgbClr"), val=digits)
    for font in theme.findall(f".//{qn('a:fontScheme')}/*/{qn('a:latin')}"):
        font.set("typeface", FONT_FAMILY.split(",")[0])
    part._blob = etree.tostring(
        theme, xml_declaration=True, encoding="UTF-8", standalone=True
    )


def _style_titles(master: Any, cover: Any) -> None:
    """Titles at the left, bold; the anchor at the foot, so that one line sits low."""
    style = master._element.find(f".//{qn('p:titleStyle')}/{qn('a:lvl1pPr')}")
    style.set("algn", "l")
    style.find(qn("a:defRPr")).set("b", "1")
    for shape in master.placeholders:
        if shape.placeholder_format.type in _TITLES:
            shape._element.txBody.find(qn("a:bodyPr")).set("anchor", "ctr")
    for shape in cover.placeholders:
        kind = shape.placeholder_format.type
        body = shape._element.txBody
        if kind in _TITLES:
            body.find(qn("a:bodyPr")).set("anchor", "b")
        if kind == PP_PLACEHOLDER.SUBTITLE:
            for level in body.iter(qn("a:lvl1pPr")):
                level.set("algn", "l")


def _add_rule(master: Any, box: Box, colour: str) -> None:
    """A stripe of an accent, behind everything."""
    tree = master.shapes._spTree
    used = [int(element.get("id")) for element in tree.iter(qn("p:cNvPr"))]
    xml = (
        '<p:sp xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><p:nvSpPr>'
        f'<p:cNvPr id="{max(used) + 1}" name="Stripe"/><p:cNvSpPr/>'
        '<p:nvPr userDrawn="1"/>'
        "</p:nvSpPr><p:spPr><a:xfrm>"
        f'<a:off x="{Inches(box.x)}" y="{Inches(box.y)}"/>'
        f'<a:ext cx="{Inches(box.width)}" cy="{Inches(box.height)}"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom><a:solidFill>'
        f'<a:schemeClr val="{colour}"/></a:solidFill><a:ln><a:noFill/></a:ln>'
        "</p:spPr></p:sp>"
    )
    tree.insert(2, etree.fromstring(xml))


def add_slide(base: Base, layout: Any) -> Any:
    """A slide whose only placeholders are titles, and its number where there is one."""
    slide = base.presentation.slides.add_slide(layout)
    kept = (*_TITLES, PP_PLACEHOLDER.SUBTITLE) if layout == base.cover else _TITLES
    for shape in list(slide.placeholders):
        if shape.placeholder_format.type not in kept:
            shape._element.getparent().remove(shape._element)
    for shape in layout.placeholders:
        if shape.placeholder_format.type == PP_PLACEHOLDER.SLIDE_NUMBER:
            # python-pptx leaves it out, and so it would not be shown.
            copy = deepcopy(shape._element)
            used = [int(e.get("id")) for e in slide.shapes._spTree.iter(qn("p:cNvPr"))]
            copy.nvSpPr.cNvPr.set("id", str(max(used) + 1))
            slide.shapes._spTree.append(copy)
    return slide
