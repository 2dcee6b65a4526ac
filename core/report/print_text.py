"""Texts of a figure in print: bold and line breaks, and everything else as it is."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ft2font import FT2Font
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker
from matplotlib.transforms import Transform

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that a figure is the same on every machine."""
MISSING = "\N{WHITE SQUARE}"
"""Stands for a character that the font does not have."""
_TAGS = re.compile(r"(</?b>|<br>|</?span[^>]*>)")
_BOLD = 600

Level = Literal["left", "center", "right"]
Upright = Literal["top", "center", "bottom"]
_SHARES = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "top": 1.0}


@dataclass(frozen=True)
class Piece:
    """A part of a line in one weight."""

    text: str
    is_bold: bool = False


Line = tuple[Piece, ...]


@dataclass(frozen=True)
class Style:
    """How a text is written: its size in points, its colour and its weight."""

    size: float
    colour: Any
    is_bold: bool = False
    angle: float = 0.0


def read_text(text: str) -> tuple[Line, ...]:
    """Lines of a chart's text, which has bold, line breaks and entities."""
    lines: list[list[Piece]] = [[]]
    is_bold = False
    for part in _TAGS.split(text):
        if part == "<br>":
            lines.append([])
        elif part in ("<b>", "</b>"):
            is_bold = part == "<b>"
        elif part and not _TAGS.fullmatch(part):
            lines[-1].append(Piece(drawable(html.unescape(part)), is_bold))
    return tuple(map(tuple, lines))


def plain_text(text: str) -> str:
    """A chart's text without its tags, with its line breaks."""
    return "\n".join("".join(p.text for p in line) for line in read_text(text))


def drawable(text: str) -> str:
    """The text, with a square for each character that the font does not have."""
    known = _characters()
    return "".join(
        sign if ord(sign) in known or sign.isspace() else MISSING for sign in text
    )


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    path = font_manager.findfont(FONT)
    return frozenset(FT2Font(path).get_charmap())


def wrapped(text: str, letters: int, *, breaks: bool = True) -> str:
    """Plain text in lines of about so many letters; a longer word is broken, or not."""
    return "\n".join(
        "\n".join(textwrap.wrap(line, max(letters, 4), break_long_words=breaks) or [""])
        for line in text.split("\n")
    )


def broken(text: str, letters: int) -> str:
    """A chart's text with line breaks at blanks, so that lines have so many letters."""
    lines = []
    for line in text.split("<br>"):
        lines.append("")
        for word in line.split(" "):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if lines[-1] and len(_TAGS.sub("", longer)) > letters:
                lines.append(word)
            else:
                lines[-1] = longer
    return "<br>".join(lines)


def write_at(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    transform: Transform,
    style: Style,
    *,
    shift: tuple[float, float] = (0.0, 0.0),
    level: Level = "center",
    upright: Upright = "center",
    align: Level | None = None,
) -> Artist:
    """Write a chart's text at a place; return the artist.

    Parameters
    ----------
    axes : Axes
        That the text is an artist of.
    text : str
        With its tags.
    place : tuple of float
        In the coordinates of ``transform``.
    transform : Transform
    style : Style
    shift : tuple of float
        Points to the right and up.
    level, upright : str
        Which side of the text stands at the place.
    align : str, optional
        Of several lines; as ``level`` by default.
    """
    lines = read_text(text)
    weights = {piece.is_bold for line in lines for piece in line}
    if len(weights) > 1:
        return _write_mixed(
            axes, lines, place, transform, style, shift, level, upright, align or level
        )
    bold = style.is_bold or weights == {True}
    return axes.annotate(
        plain_text(text),
        place,
        xycoords=transform,
        xytext=shift,
        textcoords="offset points",
        ha=level,
        va=upright,
        multialignment=align or level,
        fontsize=style.size,
        color=style.colour,
        fontweight="bold" if bold else "normal",
        rotation=style.angle,
        annotation_clip=False,
    )


def _write_mixed(
    axes: Axes,
    lines: Sequence[Line],
    place: tuple[float, float],
    transform: Transform,
    style: Style,
    shift: tuple[float, float],
    level: Level,
    upright: Upright,
    align: Level,
) -> Artist:
    """Write lines of several weights, which one text cannot have."""
    rows: list[Artist] = [
        HPacker(
            children=[
                TextArea(piece.text, textprops=_properties(piece, style))
                for piece in line
            ],
            pad=0,
            sep=0,
            align="baseline",
        )
        for line in lines
        if line
    ]
    box = VPacker(children=rows, pad=0, sep=0.25 * style.size, align=align)
    return axes.add_artist(
        AnnotationBbox(
            box,
            place,
            xybox=shift,
            xycoords=transform,
            boxcoords="offset points",
            box_alignment=(_SHARES[level], _SHARES[upright]),
            frameon=False,
            pad=0,
            annotation_clip=False,
        )
    )


def _properties(piece: Piece, style: Style) -> dict[str, Any]:
    is_bold = piece.is_bold or style.is_bold
    return {
        "fontsize": style.size,
        "color": style.colour,
        "fontweight": "bold" if is_bold else "normal",
    }


def style_of(font: dict[str, Any], scale: float, least: float, colour: Any) -> Style:
    """The style of Plotly's ``font``: pixels times ``scale``, at least ``least``."""
    weight = font.get("weight", "normal")
    return Style(
        max(float(font["size"]) * scale, least),
        colour,
        weight == "bold" or (isinstance(weight, int) and weight >= _BOLD),
    )


def turned(style: Style, angle: float) -> Style:
    """The style with a text that is turned, in degrees against the clock."""
    return replace(style, angle=angle)
