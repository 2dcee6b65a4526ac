"""The tables of a report, for LaTeX, Markdown and CSV alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from core.csv_text import csv_text
from core.report.report import ReportSlide
from core.report.sheets import written_table
from core.text import to_plain

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.]+")


@dataclass(frozen=True)
class ReportTable:
    """The numbers of one slide.

    Parameters
    ----------
    name : str
        Of its files, and its label.
    caption : str
        What it shows.
    note : str
        Smaller print.
    frame : DataFrame
        Its cells as a reader sees them, which may hold the marks of ``core.text``.
    """

    name: str
    caption: str
    note: str
    frame: pd.DataFrame

    @property
    def csv(self) -> str:
        """The same cells, without marks, as CSV."""
        plain = self.frame.rename(columns=lambda name: to_plain(str(name)))
        return csv_text(plain.map(lambda cell: to_plain(str(cell))))


def tables_of(slides: Sequence[ReportSlide]) -> tuple[ReportTable, ...]:
    """The tables of all slides that have numbers, in their order."""
    found = []
    for slide in slides:
        numbers = slide.drawn.numbers if slide.drawn is not None else None
        if numbers is not None and len(numbers.frame):
            note = to_plain(numbers.note)
            found.append(
                ReportTable(
                    slide_name(slide),
                    to_plain(numbers.takeaway),
                    note,
                    written_table(numbers),
                )
            )
    return tuple(found)


def beyond_claim(slide: ReportSlide) -> str:
    """The takeaway of a slide's view, without the claim where it begins with it."""
    if slide.drawn is None:
        return ""
    return to_plain(slide.drawn.takeaway).removeprefix(slide.claim).strip()


def slide_name(slide: ReportSlide) -> str:
    """What files of a slide are called: its number, and its view or title."""
    said = slide.drawn.view if slide.drawn is not None else slide.title
    return f"{slide.number:02}-{file_name(said)}".strip("-")


def file_name(text: str) -> str:
    """A text as part of a file's name that every system and LaTeX can read."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_IN_NAMES.sub("-", plain).strip("-").lower()


def figure_names(slide: ReportSlide) -> tuple[str, ...]:
    """Names of a slide's figures, in their order."""
    name = slide_name(slide)
    count = len(slide.drawn.figures) if slide.drawn is not None else 0
    if count == 1:
        return (name,)
    return tuple(f"{name}-{place}" for place in range(1, count + 1))
