"""Text that a person gave, as LaTeX that shows it as it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from core.text import split_marks

PACKAGES = ("[T1]{fontenc}", "{lmodern}", "{amssymb}")
"""What a document has to load for the signs that are written here."""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # Two of them would become one other sign.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    # At the head of a row they would belong to the line break before.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{THIN SPACE}": r"\,",
    "\N{EN DASH}": r"\textendash{}",
    "\N{EM DASH}": r"\textemdash{}",
    "\N{LEFT SINGLE QUOTATION MARK}": r"\textquoteleft{}",
    "\N{RIGHT SINGLE QUOTATION MARK}": r"\textquoteright{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": r"\textquotedblleft{}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": r"\textquotedblright{}",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{DAGGER}": r"\dag{}",
    "\N{BULLET}": r"\textbullet{}",
    "\N{EURO SIGN}": r"\texteuro{}",
}
# Signs that stand in a formula.
_MATHS = {
    "\N{MINUS SIGN}": "-",
    "×": r"\times",
    "÷": r"\div",
    "±": r"\pm",
    "·": r"\cdot",
    "≤": r"\leq",
    "≥": r"\geq",
    "≈": r"\approx",
    "≠": r"\neq",
    "∞": r"\infty",
    "√": r"\surd",
    "∑": r"\sum",
    "Δ": r"\Delta",
    "→": r"\rightarrow",
    "←": r"\leftarrow",
    "↑": r"\uparrow",
    "↓": r"\downarrow",
    "↔": r"\leftrightarrow",
    "▲": r"\blacktriangle",
    "▼": r"\blacktriangledown",
    "▶": r"\blacktriangleright",
    "◀": r"\blacktriangleleft",
    "○": r"\circ",
    "●": r"\bullet",
    "✓": r"\checkmark",
    "✕": r"\times",
    "⋅": r"\cdot",
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "δ": r"\delta",
    "ε": r"\varepsilon",
    "η": r"\eta",
    "θ": r"\theta",
    "κ": r"\kappa",
    "λ": r"\lambda",
    "μ": r"\mu",
    "π": r"\pi",
    "ρ": r"\rho",
    "σ": r"\sigma",
    "τ": r"\tau",
    "φ": r"\varphi",
    "ω": r"\omega",
}
_FIRST_CIRCLED = 0x2460
# Letters of Latin-1 and Latin Extended-A, which T1 has; these it has not.
_LATIN = (0xA1, 0x17F)
_NOT_IN_T1 = frozenset("ĦħŀĿŉŦŧĸſ")
# Of two of these the font of T1 makes one sign.
_JOINED = re.compile("-(?=-)|,(?=,)")
_BLANKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_WORDS_OF_LETTERS = re.compile(r"(?:LETTER|SIGN|SYLLABLE|SYLLABICS|DIGIT) ")


def escape_latex(text: object) -> str:
    """Make LaTeX that shows a text as it is, whoever wrote it.

    Parameters
    ----------
    text : object
        What ``str`` makes of it is shown. Line breaks become blanks.

    Returns
    -------
    str
        For pdfLaTeX with ``PACKAGES``. It has no letters of other scripts than Latin
        and no emoji: these stand in brackets by their names.
    """
    line = unicodedata.normalize("NFC", _BLANKS.sub(" ", str(text)))
    return _JOINED.sub(r"\g<0>{}", "".join(_written(line)))


def has_unknown(text: str) -> bool:
    """Whether a sign of a text is written by its name."""
    return any(
        _plain(sign) is None for sign in unicodedata.normalize("NFC", text) if sign
    )


def marked_latex(text: str) -> str:
    """A text with the marks of ``core.text`` as LaTeX: bold, italic and code."""
    parts = []
    for piece, marks in split_marks(text):
        if piece == "\n":
            parts.append(r"\newline ")
            continue
        written = escape_latex(piece)
        if "code" in marks:
            written = rf"\texttt{{{written}}}"
        if "emphasis" in marks:
            written = rf"\emph{{{written}}}"
        if "strong" in marks:
            written = rf"\textbf{{{written}}}"
        parts.append(written)
    return "".join(parts)


def _written(line: str) -> Iterator[str]:
    unknown = ""
    for sign in line:
        plain = _plain(sign)
        if plain is None:
            if unknown and _script(unknown[-1]) != _script(sign):
                yield _named(unknown)
                unknown = ""
            unknown += sign
            continue
        if unknown and plain:
            yield _named(unknown)
            unknown = ""
        yield plain
    if unknown:
        yield _named(unknown)


def _plain(sign: str) -> str | None:
    """A sign as pdfLaTeX writes it; None where it cannot."""
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    if sign in _MATHS:
        return f"${_MATHS[sign]}$"
    if " " <= sign <= "~" or sign.isspace():
        return sign if sign.isascii() else " "
    code = ord(sign)
    if _FIRST_CIRCLED <= code < _FIRST_CIRCLED + 20:
        return rf"\textcircled{{\footnotesize {code - _FIRST_CIRCLED + 1}}}"
    if _LATIN[0] <= code <= _LATIN[1] and sign not in _NOT_IN_T1:
        return sign
    # Signs that say how others are drawn, such as the direction of a text.
    if unicodedata.category(sign) in ("Cf", "Cc") or 0xFE00 <= code <= 0xFE0F:
        return ""
    return None


def _script(sign: str) -> str:
    """The first word of a letter's name; of another sign its own name."""
    name = unicodedata.name(sign, f"U+{ord(sign):04X}")
    if unicodedata.category(sign).startswith(("L", "M")):
        return name.replace("-", " ").split()[0]
    return name


def _named(signs: str) -> str:
    """Signs of one script by their names, in brackets."""
    script = _script(signs[0])
    names = [unicodedata.name(sign, f"U+{ord(sign):04X}") for sign in signs]
    if names[0] == script:
        return "".join(f"{{[}}{name.lower()}{{]}}" for name in names)
    short = [_WORDS_OF_LETTERS.split(name)[-1].split("-")[-1] for name in names]
    return f"{{[}}{script.capitalize()}: {' '.join(short).lower()}{{]}}"
