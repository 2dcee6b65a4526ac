"""The text of a CSV file, in whichever encoding and with whichever line ends."""

import codecs
import csv
import re
from dataclasses import dataclass

from core.importing.file_findings import FAULT, NOTE, WARNING, Finding, Place
from core.language import N_, gettext

DELIMITERS = {
    ",": N_("commas"),
    ";": N_("semicolons"),
    "\t": N_("tabs"),
    "|": N_("bars"),
}
_UTF8 = b"\xef\xbb\xbf"
# The mark of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CHUNK = 2**22
# Bytes of Windows-1252: letters and signs of Western European languages. The letters
# that other encodings of one byte use more often (Turkish, Polish, Czech) are not among
# them, so that a text of those is refused and not misread.
_LETTERS = "À-ÏÑ-ÖØ-ÜßÀ-ïñ-öø-üÿ"
_SIGNS = "€…«»°±²µ·½¼¾§©®™£¡¿ªº\xa0\u2013\u2014\u2018\u2019\u201c\u201d"
_OTHER = re.compile(f"[^\\x00-\\x7f{_LETTERS}{_SIGNS}]|[{_LETTERS}]{{3}}")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_REMEDY = N_("save it as 'CSV UTF-8', or as Parquet, then try again.")


@dataclass(frozen=True)
class CsvText:
    """A CSV file as text.

    Parameters
    ----------
    content : bytes
        In UTF-8, from its heading on.
    heading : str
        The first line.
    delimiter : str
        Between cells.
    findings : tuple of Finding
        How it was read; a fault where it cannot be.
    """

    content: bytes
    heading: str
    delimiter: str
    findings: tuple[Finding, ...]


def decode_csv(content: bytes, name: str) -> CsvText:
    """Find the encoding, the heading and the separator of a CSV file.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for messages.

    Notes
    -----
    UTF-16 and UTF-32 are known by their mark, or by the zero bytes between Latin
    letters. Text that is not UTF-8 is read as Windows-1252, with a warning, if the
    result is words of Western European languages. A first line ``sep=;``, which Excel
    writes and reads, names the separator.
    """
    content, findings = _as_utf8(content)
    if b"\x00" in content:
        findings.append(
            Finding(
                FAULT,
                gettext("It is not a text file."),
                expected=gettext("a CSV file with a heading, or a Parquet file."),
                remedy=gettext(_REMEDY),
            )
        )
        return CsvText(b"", "", ",", tuple(findings))
    said, content = _without_separator_line(content.lstrip(b"\r\n"))
    heading = re.split(rb"[\r\n]", content[:_CHUNK], maxsplit=1)[0]
    first = heading.decode("utf-8", errors="replace")
    delimiter = said or _most_cells(first)
    if delimiter != ",":
        named = gettext(DELIMITERS.get(delimiter, f"'{delimiter}'"))
        note = (
            gettext(
                "The cells of {file} have {sign} between, as its first line says.",
                file=name,
                sign=named,
            )
            if said
            else gettext(
                "The cells of {file} have {sign} between.", file=name, sign=named
            )
        )
        findings.append(Finding(NOTE, note))
    text = CsvText(content, first, delimiter, tuple(findings))
    return text if _is_utf8(content) else _as_windows(text)


def _as_utf8(content: bytes) -> tuple[bytes, list[Finding]]:
    """The content without its mark, in UTF-8 where its encoding is certain."""
    if content.startswith(_UTF8):
        return content.removeprefix(_UTF8), []
    encoding = next((e for mark, e in _MARKS.items() if content.startswith(mark)), "")
    encoding = encoding or _without_mark(content)
    if not encoding:
        return content, []
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        fault = Finding(
            FAULT,
            gettext(
                "It begins as {encoding}, and is damaged or cut off.",
                encoding=encoding.upper(),
            ),
            expected=gettext("text in UTF-8, or in UTF-16 as Excel writes it."),
            remedy=gettext(_REMEDY),
        )
        return b"", [fault]
    return text.encode(), [
        Finding(NOTE, gettext("Its text is in {encoding}.", encoding=encoding.upper()))
    ]


def _without_mark(content: bytes) -> str:
    """UTF-16, recognised by the zero byte beside each Latin letter."""
    start = content[: len(content[:1000]) // 2 * 2]
    zeros = [start[place::2].count(0) / max(1, len(start) // 2) for place in (0, 1)]
    if zeros[1] > 0.9 > 0.1 > zeros[0]:
        return "utf-16-le"
    return "utf-16-be" if zeros[0] > 0.9 > 0.1 > zeros[1] else ""


def _without_separator_line(content: bytes) -> tuple[str, bytes]:
    line = re.match(rb"[^\r\n]{0,20}", content)
    assert line is not None
    said = _SEPARATOR_LINE.fullmatch(line[0].decode("utf-8", errors="replace"))
    if said is None:
        return "", content
    return said[1], content[line.end() :].lstrip(b"\r\n")


def _most_cells(heading: str) -> str:
    """The separator that makes the most cells of the heading; quotes are heeded."""

    def cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader([heading], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=cells)


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(content), _CHUNK):
            decoder.decode(content[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _as_windows(text: CsvText) -> CsvText:
    """Bytes that are not UTF-8, as Windows-1252 or as a fault; both name a place."""
    try:
        read = text.content.decode("cp1252")
    except UnicodeDecodeError:
        read = None
    where, places = _first_place(text, _first_not_utf8(text.content))
    if read is None or _OTHER.search(read):
        fault = Finding(
            FAULT,
            gettext(
                "It is not text in UTF-8, and its encoding is not known{where}.",
                where=where,
            ),
            expected=gettext("text in UTF-8, or in UTF-16 as Excel writes it."),
            remedy=gettext(_REMEDY),
            places=places,
        )
        return CsvText(b"", "", text.delimiter, (*text.findings, fault))
    warning = Finding(
        WARNING,
        gettext(
            "It is not text in UTF-8: it is read as Windows-1252{where}.", where=where
        ),
        expected=gettext("text in UTF-8."),
        remedy=gettext(
            "check these letters; if they are wrong, save the file as 'CSV UTF-8'."
        ),
        places=places,
    )
    heading = re.split(r"[\r\n]", read, maxsplit=1)[0]
    findings = (*text.findings, warning)
    return CsvText(read.encode(), heading, text.delimiter, findings)


def _first_not_utf8(content: bytes) -> int:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _first_place(text: CsvText, start: int) -> tuple[str, tuple[Place, ...]]:
    """The cell that the byte at ``start`` is in, as words and as a place."""
    lines = re.split(rb"\r\n|\r|\n", text.content[:start])
    begin = start - len(lines[-1])
    line = re.split(rb"[\r\n]", text.content[begin : begin + _CHUNK], maxsplit=1)[0]
    number = sum(bool(each) for each in lines[:-1])
    if number == 0:
        return gettext(", first in its heading"), ()

    def cells(line: bytes) -> list[str]:
        said = line.decode("cp1252", errors="replace")
        try:
            return next(csv.reader([said], delimiter=text.delimiter), [])
        except csv.Error:
            return []

    place = max(0, len(cells(lines[-1])) - 1)
    heads, own = cells(re.split(rb"[\r\n]", text.content, maxsplit=1)[0]), cells(line)
    if place >= min(len(heads), len(own)):
        return "", (Place(number),)
    return gettext(", first in '{column}'", column=heads[place]), (
        Place(number, column=heads[place], value=_printable(own[place])),
    )


def _printable(text: str) -> str:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
