r"""The formulas of methods as plain text, for where LaTeX cannot be set.

``\frac{1 - a}{b}`` becomes (1 − a)/b, and Greek letters are written as such; indices
and powers keep their signs, as in p_y and e^(−x).
"""

import re

from core.language import N_, gettext
from core.text import MINUS

_WORDS = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "Delta": "Δ"},
    **{"eta": "η", "kappa": "κ", "lambda": "λ", "mu": "μ", "pi": "π", "sigma": "σ"},
    **{"tau": "τ", "sum": "Σ", "cdot": "·", "odot": "⊙", "propto": "∝", "sim": "~"},
    **{"ne": "≠", "ge": "≥", "le": "≤", "in": "∈", "pm": "±", "lfloor": "⌊"},
    **{"rfloor": "⌋", "quad": " ", "left": "", "right": "", "Big": "", "Pr": "Pr"},
}
# Between two parts of a formula, and signs that LaTeX spaces or escapes.
_SIGNS = {r"\,": " ", r"\;": " ", r"\ ": " ", r"\{": "{", r"\}": "}", r"\\": "; "}
_ACCENTS = {"hat": "\u0302", "tilde": "\u0303", "overline": "\u0304"}
_UPRIGHT = ("mathrm", "text", "operatorname")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)


_SAID = (N_("or"), N_("else"), N_("unless given"), N_("the density scaled to"))
"""Words of formulas."""


def said_formula(latex: str) -> str:
    r"""A formula with its words, such as ``\text{ or }``, in the reader's language.

    Examples
    --------
    >>> said_formula(r"a \text{ or } b")
    'a \\text{ or } b'
    """
    for word in _SAID:
        said = rf"\g<1>{gettext(word)}\g<2>"
        latex = re.sub(rf"(\\text\{{ ?){word}( ?\}})", said, latex)
    return latex


def formula_text(latex: str) -> str:
    """Write a formula of the registry as one line of plain text."""
    text, _ = _read(_TOKEN.findall(latex), 0)
    text = " ".join(text.split()).replace("if else", "else")
    return text.replace(" ,", ",").replace(" ;", ";").replace("-", MINUS)


def _read(tokens: list[str], place: int, *, until: str = "") -> tuple[str, int]:
    """The text up to a closing brace, and the place behind it."""
    parts: list[str] = []
    while place < len(tokens):
        token, place = tokens[place], place + 1
        if token == until:
            break
        written, place = _write(token, tokens, place)
        parts.append(written)
    return "".join(parts), place


def _write(token: str, tokens: list[str], place: int) -> tuple[str, int]:
    name = token[1:]
    if token == "{":
        return _read(tokens, place, until="}")
    if token in ("_", "^"):
        text, place = _argument(tokens, place)
        return token + (text if text.isalnum() else f"({text})"), place
    if token == "&":
        return " if ", place
    if not token.startswith("\\"):
        return token, place
    if token in _SIGNS:
        return _SIGNS[token], place
    if name in ("begin", "end"):
        _, place = _argument(tokens, place)
        return "", place
    if name == "frac":
        above, place = _argument(tokens, place)
        below, place = _argument(tokens, place)
        return f"{_grouped(above)}/{_grouped(below)}", place
    if name == "sqrt":
        text, place = _argument(tokens, place)
        return f"√{_grouped(text)}", place
    if name in _ACCENTS:
        text, place = _argument(tokens, place)
        return text[:1] + _ACCENTS[name] + text[1:], place
    if name in _UPRIGHT:
        return _argument(tokens, place)
    return _WORDS.get(name, name), place


def _argument(tokens: list[str], place: int) -> tuple[str, int]:
    """What a command takes: a group in braces, or the next sign."""
    while place < len(tokens) and tokens[place] == " ":
        place += 1
    return _write(tokens[place], tokens, place + 1)


def _grouped(text: str) -> str:
    return f"({text})" if re.search(r"[ +-]", text) else text
