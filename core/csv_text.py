"""Tables as CSV that a spreadsheet shows and never runs.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula,
which may read other cells or ask another host. Such text, and headings alike, get an
apostrophe in front, by which spreadsheets know text. Numbers are left as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Apostrophes in front are counted too, so that the text that is read equals the text
# that was written.
_RUNS_TEXT = "'*(?:\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\\t\\r])"
GUARDED = f"^'({_RUNS_TEXT})"
_RUNS = re.compile(_RUNS_TEXT)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?|[+-]?(?:inf|nan)")
_GUARDED = re.compile(GUARDED)


def safe_cell(text: str) -> str:
    """The text of a cell, with an apostrophe in front where it could be a formula."""
    if not _RUNS.match(text) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def given_cell(text: str) -> str:
    """The text that was given to ``safe_cell``; any other text is not changed."""
    return _GUARDED.sub(r"\1", text)


def csv_text(table: pd.DataFrame) -> str:
    """Write a table as CSV, without its index.

    Every download and every file of the commands is written here.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    str
        A heading and a line a row, each ended by a line feed.

    Notes
    -----
    After the advice of OWASP on CSV injection; departures: a text that is a number as a
    whole, such as "-0.5", stays, and tabs and carriage returns count where they lead.
    """
    safe = table.rename(columns=lambda name: safe_cell(str(name)))
    for place, kind in enumerate(table.dtypes):
        if kind.kind in "biufcmM":
            continue
        cells = [
            safe_cell(cell) if isinstance(cell, str) else cell
            for cell in table.iloc[:, place].astype(object)
        ]
        safe.isetitem(place, cells)
    written: str = safe.to_csv(index=False, lineterminator="\n")
    return written
