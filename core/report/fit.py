"""Text that fits its box: how wide and high it will be, and which size to write it in.

Measured with a font that is wider than those of decks, so that what fits here fits
whatever font a template brings.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

POINTS = 72
"""Of an inch."""
# Of a line, over the size of its letters.
LINE_HEIGHT = 1.2
ELLIPSIS = "…"
# The size at which widths are measured, once for all sizes.
_MEASURED = 100
# A blank that does not break stands within a sentence.
SENTENCE_END = re.compile(r"(?<=[.!?])[ \n]+")


@dataclass(frozen=True)
class Fitted:
    """Text that fits a box.

    Parameters
    ----------
    text : str
        Shortened where even the smallest size was too large.
    size : float
        Points.
    rest : str
        Sentences that were left out; empty where all of it fits.
    """

    text: str
    size: float
    rest: str = ""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width in inches of text in one line, ``size`` in points."""
    width: float = sum(map(_letter_width(bold), text))
    return width * size / POINTS


def wrapped_lines(
    text: str, width: float, size: float, *, bold: bool = False
) -> list[str]:
    """The lines that text breaks into within a width in inches.

    It breaks at blanks and line feeds; a word that is wider than the box breaks
    anywhere.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if text_width(longer, size, bold=bold) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            *full, line = _cut(word, width, size, bold)
            lines += full
        lines.append(line)
    return lines


def text_height(text: str, width: float, size: float, *, bold: bool = False) -> float:
    """Height in inches of text in a box of that width."""
    lines = len(wrapped_lines(text, width, size, bold=bold))
    return lines * size * LINE_HEIGHT / POINTS


def fit_text(
    text: str,
    width: float,
    height: float,
    sizes: Sequence[float],
    *,
    bold: bool = False,
) -> Fitted:
    """The largest of some sizes in which text fits a box.

    Parameters
    ----------
    text : str
    width, height : float
        Inches, without the insets of the box.
    sizes : sequence of float
        Points, the largest first.
    bold : bool

    Notes
    -----
    What fits in none of them loses whole sentences from its end, which are returned as
    ``rest``; a first sentence that is too long alone is cut with an ellipsis, and is
    in ``rest`` as a whole.
    """
    for size in sizes:
        if text_height(text, width, size, bold=bold) <= height:
            return Fitted(text, size)
    size = sizes[-1]
    sentences = SENTENCE_END.split(text)
    for count in range(len(sentences) - 1, 0, -1):
        said = " ".join(sentences[:count])
        if text_height(said, width, size, bold=bold) <= height:
            return Fitted(said, size, " ".join(sentences[count:]))
    fitting = max(1, int(height * POINTS / (size * LINE_HEIGHT)))
    lines = wrapped_lines(text, width, size, bold=bold)[:fitting]
    return Fitted(" ".join(lines)[:-1].rstrip() + ELLIPSIS, size, text)


def _cut(word: str, width: float, size: float, bold: bool) -> list[str]:
    parts = [""]
    for letter in word:
        longer = parts[-1] + letter
        if parts[-1] and text_width(longer, size, bold=bold) > width:
            parts.append(letter)
        else:
            parts[-1] = longer
    return parts


@lru_cache(maxsize=2)
def _letter_width(bold: bool) -> Any:
    """A function from a letter to its width, as a share of the size."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    file = Path(get_data_path()) / "fonts" / "ttf" / name
    # Letters are measured one by one, so nothing is to be shaped.
    basic = ImageFont.Layout.BASIC
    font = ImageFont.truetype(str(file), _MEASURED, layout_engine=basic)

    @lru_cache(maxsize=4096)
    def width(letter: str) -> float:
        if unicodedata.combining(letter):
            return 0.0
        own = font.getlength(letter) / _MEASURED
        # Letters of East Asia, and emoji, which the font may not have.
        is_wide = unicodedata.east_asian_width(letter) in "WF"
        return max(own, 1.0) if is_wide else own

    return width
