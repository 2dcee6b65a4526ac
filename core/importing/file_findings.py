"""Findings in a file: faults that stop an import, warnings, and notes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import pandas as pd

from core.errors import EquipoiseError
from core.language import gettext, ngettext

FAULT: Final = "fault"
WARNING: Final = "warning"
NOTE: Final = "note"
_T = TypeVar("_T")
Level = Literal["fault", "warning", "note"]
ROWS_NAMED = 10
"""First rows at fault that are named."""
COLUMNS = (
    "level",
    "problem",
    "expected",
    "what to do",
    "rows at fault",
    "row",
    "image_id",
    "column",
    "value",
)


@dataclass(frozen=True)
class Place:
    """A place of the file that is at fault.

    Parameters
    ----------
    row : int or None
        Row below the heading, from 1; None for what is not in the file.
    image_id : str
    column, value : str
        Empty where it is about the row as a whole; a value without a column says what
        is wrong with the image.
    """

    row: int | None
    image_id: str = ""
    column: str = ""
    value: str = ""

    def __str__(self) -> str:
        parts = [] if self.row is None else [gettext("row {row}", row=self.row)]
        parts += [self.image_id] if self.image_id else []
        text = ", ".join(parts)
        if not self.column:
            return f"{text} {self.value}".strip()
        value = self.value or gettext("empty")
        said = f"{self.column} = {value}"
        return gettext("{place}: {cell}", place=text, cell=said) if text else said


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Parameters
    ----------
    level : {"fault", "warning", "note"}
        A fault stops the import, a warning should be looked at, and a note says how
        the file was understood.
    problem, expected, remedy : str
        As in ``EquipoiseError``.
    count : int
        Rows or images that it is about.
    places : tuple of Place
        The first of them.
    """

    level: Level
    problem: str
    expected: str = ""
    remedy: str = ""
    count: int = 0
    places: tuple[Place, ...] = ()

    def __str__(self) -> str:
        parts = [self.problem]
        if self.places:
            named = gettext("; ").join(map(str, self.places))
            parts.append(
                gettext("First: {places}, ....", places=named)
                if self.count > len(self.places)
                else gettext("Here: {places}.", places=named)
            )
        if self.expected:
            parts.append(gettext("Expected: {expected}", expected=self.expected))
        if self.remedy:
            parts.append(gettext("What to do: {remedy}", remedy=self.remedy))
        return " ".join(parts)


class PredictionsError(EquipoiseError):
    """A file of predictions that cannot be imported; all its faults at once.

    Parameters
    ----------
    name : str
        Of the file.
    findings : sequence of Finding
        Faults, and whatever else was found.
    """

    def __init__(self, name: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        found = faults_in(findings)
        said = " ".join(
            f"({place}) {fault}" for place, fault in enumerate(found, start=1)
        )
        self.heading = ngettext(
            "{name} cannot be imported: a fault.",
            "{name} cannot be imported: {count} faults.",
            len(found),
            name=name,
        )
        nothing = gettext("Nothing was written.")
        super().__init__(f"{self.heading} {nothing} {said}")


class Collected:
    """Collects the findings of a file, step by step.

    Parameters
    ----------
    name : str
        Of the file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.findings: list[Finding] = []

    def add(self, *found: Iterable[Finding]) -> None:
        """Take up what a step found."""
        for each in found:
            self.findings += each

    def take(self, result: tuple[_T, Iterable[Finding]]) -> _T:
        """The value of a step, whose findings are taken up."""
        value, found = result
        self.add(found)
        return value

    def stop_at_faults(self) -> None:
        """Go no further with a file that is at fault.

        Raises
        ------
        PredictionsError
            With everything that was found so far.
        """
        if faults_in(self.findings):
            raise PredictionsError(self.name, self.findings)


def faults_in(findings: Iterable[Finding]) -> list[Finding]:
    """Those that stop the import."""
    return [finding for finding in findings if finding.level == FAULT]


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """All findings as one table: a row for each place named, or for each finding."""
    rows = [
        (
            finding.level,
            finding.problem,
            finding.expected,
            finding.remedy,
            finding.count or None,
            place.row,
            place.image_id,
            place.column,
            place.value,
        )
        for finding in findings
        for place in finding.places or (Place(None),)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    whole = ["rows at fault", "row"]
    return table.astype(dict.fromkeys(whole, "Int64"))
