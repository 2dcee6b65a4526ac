r"""Text that a person gave stays text: in Markdown, in charts, and in what is read out.

Names of studies, methods, classes, columns and groups, values of a study's file, names
of uploaded files, and addresses may hold anything: ``![](http://...)``, ``$x^2$``, ``<a
href=...>``. Sentences and tables are therefore written as plain text, and emphasis is
marked (``strong``, ``coloured``, ``code``). ``to_markdown`` turns them into Markdown to
be shown, and escapes every sign outside the marks.

Sentences also write their counts, numbers and lists with what is here.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from core.language import gettext, in_form

# Characters of the private use area: no text that people write has them.
_END = "\ue00f"
_MARKS = {
    "strong": "\ue000",
    "emphasis": "\ue008",
    "green": "\ue001",
    "red": "\ue002",
    "blue": "\ue003",
    "gray": "\ue004",
    "orange": "\ue005",
    "orange-background": "\ue006",
    "code": "\ue007",
}
_KINDS = {mark: kind for kind, mark in _MARKS.items()}
# Signs that open and close marks in Markdown; all others are directives.
_FENCES = {"strong": "**", "emphasis": "*", "code": ""}
# Latin letters that are not a letter with a mark.
_SPELLED = dict(
    zip(
        "æœøłđðþıħŧŋ",
        ["ae", "oe", "o", "l", "d", "d", "th", "i", "h", "t", "n"],
        strict=True,
    )
)
# Begins a new line.
BREAK = "\ue00e"
MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
# Between parts of one line that are no sentence.
SEPARATOR = " · "
_PIECES = re.compile("([\ue000-\ue00f])")

# Between two characters it ends a run of text, and draws nothing. A backslash is not
# enough: addresses and emoji are looked for in the text that escapes leave.
_BOUNDARY = ":small[]"
_BLANKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_BACKTICKS = re.compile("`+")
_SPECIAL = re.compile(
    r"(?P<keep>(?<!!)\[[-+−–\d.,% ∞]+\](?![(\[:]))"  # an interval
    r"|(?P<arrow>[<>~=-]{2,})"
    r"|(?P<split>[wW](?=[wW]{2})|@)"
    r"|(?P<name>:(?=[\w+/-]))"
    r"|(?P<escape>[\\`*\[\]$~|{]|<(?=[A-Za-z/!?])|&(?=[#\w])|:(?=\S)|:$"
    r"|(?<![^\W_])_|_(?![^\W_]))"
)
# Signs that begin a block, but only at the start of a line.
_LINE_START = re.compile(r"(?:[-+](?=[\s\-]|$)|#{1,6}(?=\s|$)|>|=|\d+(?=[.)](?:\s|$)))")
_ANY_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_TAGS = re.compile(r"</?b>|<br>|<extra></extra>")


def as_latin(text: str) -> str:
    """Lower case, with Latin letters of other languages as those of English."""
    spelled = "".join(_SPELLED.get(c, c) for c in text.casefold())
    parts = unicodedata.normalize("NFKD", spelled)
    return "".join(c for c in parts if not unicodedata.combining(c))


def strong(text: object) -> str:
    """Emphasised text."""
    return _marked("strong", text)


def emphasis(text: object) -> str:
    """Text that is set apart, such as what a button says."""
    return _marked("emphasis", text)


def coloured(colour: str, text: object) -> str:
    """Text in one of the colours of ``_MARKS``."""
    return _marked(colour, text)


def code(text: object) -> str:
    """Text in letters of one width: a command, a name of a file or an image."""
    return _marked("code", text)


def _marked(kind: str, text: object) -> str:
    return f"{_MARKS[kind]}{text}{_END}"


def to_plain(text: str) -> str:
    """The text that a reader sees: without its marks."""
    return _PIECES.sub(lambda found: "\n" if found[1] == BREAK else "", text)


def split_marks(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A text in pieces, each with the names of the marks around it, outermost first.

    The names are those of ``_MARKS``; ``BREAK`` is a piece of its own, a line feed.
    """
    open_marks: list[str] = []
    for piece in _PIECES.split(text):
        if piece == BREAK:
            yield "\n", ()
        elif piece in _KINDS:
            open_marks.append(_KINDS[piece])
        elif piece == _END:
            del open_marks[-1:]
        elif piece:
            yield piece, tuple(open_marks)


def to_markdown(text: object) -> str:
    r"""Make Markdown that shows a text as it is, with its marks.

    Parameters
    ----------
    text : object
        What ``str`` makes of it is shown. Line breaks and control characters become
        blanks; ``BREAK`` begins a new line.

    Returns
    -------
    str
        Markdown for a paragraph, a label or a cell: outside of the marks no picture,
        link, formula, emphasis, code, HTML, list, heading, table, emoji, icon or colour
        comes of it. Letters, digits, blanks and most signs are unchanged.

    Notes
    -----
    For Streamlit 1.67: CommonMark with GitHub's tables, strikethrough and autolinks,
    formulas, emoji (``:name:``), directives (``:name[...]``) and arrows. A reader who
    copies it gets the text itself.
    """
    written: list[str] = []
    open_marks: list[str] = []
    is_start = True
    for piece in _PIECES.split(str(text)):
        if piece == BREAK:
            written.append("  \n")
            is_start = True
        elif piece in _KINDS:
            open_marks.append(_KINDS[piece])
            written.append(_FENCES.get(open_marks[-1], f":{open_marks[-1]}["))
        elif piece == _END:
            kind = open_marks.pop() if open_marks else "code"
            written.append(_FENCES.get(kind, "]"))
        elif piece:
            line = _BLANKS.sub(" ", piece)
            is_code = open_marks and open_marks[-1] == "code"
            written.append(_as_code(line) if is_code else _escape(line, is_start))
            is_start = False
    return "".join(written)


def escape_markdown(text: object) -> str:
    """Make Markdown that shows a text as it is, to be put among deliberate Markdown.

    As ``to_markdown``, without blanks around it; marks are removed and their content
    stays.
    """
    return to_markdown(to_plain(str(text)).strip())


def escape_document(text: object) -> str:
    """Make Markdown for a document, as GitHub shows it, that shows a text as it is.

    As ``escape_markdown``, which writes for Streamlit: a document has no directives,
    and an empty comment ends a run of text.
    """
    return escape_markdown(text).replace(_BOUNDARY, "<!-- -->")


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence: "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    first, last = ", ".join(names[:-1]), names[-1]
    return gettext("{names} and {last_name}", names=first, last_name=last)


def quoted(text: str) -> str:
    """Somebody's word in quotes: "'a'", or "« a »" in French."""
    return gettext("'{text}'", text=text)


def clauses(said: Iterable[str]) -> str:
    """Clauses of one sentence, which a semicolon separates: "a; b; c"."""
    first, *others = said
    for clause in others:
        first = gettext("{clause}; {next_clause}", clause=first, next_clause=clause)
    return first


def number(value: float, digits: int = 3) -> str:
    """A number as it is read aloud: fixed digits, a real minus, an en dash if none.

    Its signs are those of the reader's language: "1,234.5", or "1 234,5" in French.
    """
    if value != value:
        return "–"
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return in_form(text.replace("-", MINUS))


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 as a percentage: "12.4 %", with a blank that does not break."""
    return f"{number(100 * share, digits)}{NO_BREAK}%"


def to_list(texts: Iterable[str]) -> str:
    """Make a bulleted list in Markdown, each text as ``to_markdown`` shows it."""
    return "\n".join(f"- {to_markdown(text)}" for text in texts)


def mark_code(text: str) -> str:
    """Mark what our own messages put between backticks, such as a command to run."""
    return re.sub("`([^`]+)`", lambda found: code(found[1]), text)


def _as_code(text: str) -> str:
    """As code, within more backticks than it holds side by side."""
    runs = {len(run) for run in _BACKTICKS.findall(text)}
    fence = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    space = " " if "`" in (text[:1], text[-1:]) else ""
    return f"{fence}{space}{text}{space}{fence}" if text.strip() else text


def _escape(text: str, is_start: bool) -> str:
    line = text.lstrip(" ") if is_start else text
    start = _LINE_START.match(line) if is_start else None
    safe = _SPECIAL.sub(_harmless, line)
    if start is None or safe.startswith("\\"):
        return safe
    # Behind a number, it is the full stop or the bracket that makes a list.
    number = start[0] if start[0].isdigit() else ""
    return f"{number}\\{safe[len(number) :]}"


def _harmless(found: re.Match[str]) -> str:
    sign = found[0]
    if found["keep"]:
        return sign
    if found["arrow"]:
        return _BOUNDARY.join(f"\\{one}" if one in "<~" else one for one in sign)
    if found["split"]:
        return sign + _BOUNDARY
    return f"\\{sign}{_BOUNDARY if found['name'] else ''}"


def escape_chart(text: object) -> str:
    """Make text for a chart that shows a text as it is.

    Plotly reads tags, entities, formulas and, in templates, ``%{...}``.
    """
    line = _BLANKS.sub(" ", to_plain(str(text)))
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return line.replace("$", "&#36;").replace("%{", "%&#123;")


def chart_to_plain(text: str) -> str:
    """The text that a reader sees of a chart's text; a line break is a line feed.

    The reverse of ``escape_chart``, once the chart's own tags are left out.
    """
    lines = text.replace("<br>", "\n")
    return html.unescape(_ANY_TAG.sub("", lines))


def only_own_tags(text: str) -> str:
    """A chart's text in which no tag is left but bold and line breaks."""
    parts = []
    place = 0
    for found in _TAGS.finditer(text):
        parts += [_untagged(text[place : found.start()]), found[0]]
        place = found.end()
    return "".join([*parts, _untagged(text[place:])])


def _untagged(text: str) -> str:
    return text.replace("<", "&lt;")
