"""One measured thing of one method, and how each piece of it is written.

Every renderer takes these pieces, so that a number, an interval and a verdict read the
same on a page, in a terminal and in a file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import pandas as pd

from core.evaluation.metrics import MetricInfo
from core.evaluation.verdicts import BASELINE, BORDERLINE, INCONCLUSIVE, UNTESTED
from core.language import gettext, ngettext
from core.results.numbers import UNKNOWN, between, telling_digits, write
from core.results.sentences import (
    TONES,
    Tone,
    p_text,
    plain_percent,
    row_info,
    verdict_text,
)
from core.tasks import Task
from core.text import number

ARROWS = {"lower": " ↓", "higher": " ↑", "zero": " → 0", "none": ""}
"""Which way is better, behind a heading."""

Role = Literal["text", "value", "spread", "number", "verdict"]
_Several = Literal["full", "score", "estimate", "change", "verdict", "named"]
_OfMetric = Literal["value", "sd", "interval", "n", "seeds"]
_OfTest = Literal["delta", "delta interval", "p", "power"]
_OfPlan = Literal["smallest detectable", "seed share", "seeds needed"]
Part = _Several | _OfMetric | _OfTest | _OfPlan
"""The part of a cell that a column shows.

"full" is value, interval, difference and verdict; "score" the same without the
difference; "estimate" value and interval; "named" that of a group with its name;
"change" the difference with its interval and verdict; "power" what could have been
found, and what would settle it.
"""


@dataclass(frozen=True)
class Piece:
    """Part of a cell, as text.

    Parameters
    ----------
    role : {"text", "value", "spread", "number", "verdict"}
        Of all but ``text``, no character comes from a person.
    text : str
    tone : str
        Of a verdict.
    """

    role: Role
    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Text:
    """A cell of words.

    Parameters
    ----------
    text : str
    mark : str
        What has to be seen beside it, such as "1 seed".
    key : str
        What is typed to name it in a command.
    is_name : bool
        Whether it names the row.
    is_code : bool
        Whether it is to be typed as it stands; no person gave it.
    """

    text: str
    mark: str = ""
    key: str = ""
    is_name: bool = False
    is_code: bool = False

    @property
    def marked(self) -> str:
        """The text with its mark."""
        return f"{self.text} ({self.mark})" if self.mark else self.text


@dataclass(frozen=True)
class Cell:
    """One thing that was measured of one method.

    Parameters
    ----------
    row : mapping
        A row of ``Comparison.cells``.
    info : MetricInfo
        Of the metric, or of the gap between groups.
    """

    row: Mapping[Any, Any] | pd.Series
    info: MetricInfo

    @classmethod
    def from_row(
        cls, row: Mapping[Any, Any] | pd.Series, tasks: tuple[Task, ...] = ()
    ) -> Self:
        """The cell of a row of ``Comparison.cells``; ``tasks`` give the labels."""
        return cls(row, row_info(row, tasks))

    @property
    def verdict(self) -> str:
        """One of ``verdicts.VERDICTS``."""
        return str(self.row["verdict"])

    @property
    def margin(self) -> float:
        """Difference that does not matter; NaN where none is known."""
        return float(self.row["margin"])

    @property
    def is_baseline(self) -> bool:
        """Whether its method is the one that the others are compared with."""
        return self.verdict == BASELINE

    @property
    def is_known(self) -> bool:
        """Whether the metric is defined here."""
        return math.isfinite(self.row["mean"])

    @property
    def _was_never_found(self) -> bool:
        """Whether it is the F1 or recall of a class that was found in no image."""
        of_class = not self.row["measure"] and self.info.name in ("f1", "recall")
        return bool(of_class and self.row["mean"] == 0 and self.row["n"] > 0)

    @property
    def _has_test(self) -> bool:
        """Whether there is a difference with an interval."""
        return math.isfinite(self.row["delta_low"])

    def lines(self, part: Part) -> tuple[tuple[Piece, ...], ...]:
        """The cell as lines of pieces; empty if the part says nothing."""
        if part in ("full", "score") and not self.is_known:
            return _filled(self._value())
        if part == "full":
            return _filled(self._score(), self._change())
        if part == "score":
            return _filled((*self._score(), *self._verdict()))
        if part == "estimate":
            return _filled((*self._value(), *self._interval()))
        if part == "change":
            return _filled(self._change())
        if part == "verdict":
            return _filled(self._verdict() or (Piece("verdict", gettext(BASELINE)),))
        if part == "named":
            name = Piece("text", self.row["group"])
            return _filled((name, *self._value()), self._interval())
        text = self._write(part)
        return _filled((Piece("value" if part == "value" else "number", text),))

    def _score(self) -> tuple[Piece, ...]:
        known = math.isfinite(self.row["sd"])
        spread = f"± {self._write('sd')}" if known else ""
        return (*self._value(), Piece("spread", spread), *self._interval())

    def _value(self) -> tuple[Piece, ...]:
        return (Piece("value", self._write("value")),)

    def _interval(self) -> tuple[Piece, ...]:
        return (Piece("number", self._write("interval") if self.is_known else ""),)

    def _change(self) -> tuple[Piece, ...]:
        if self.is_baseline:
            return ()
        known = math.isfinite(self.row["delta"])
        parts: tuple[Part, ...] = ("delta", "delta interval")
        numbers = [Piece("number", self._write(p)) for p in parts[: 1 + self._has_test]]
        return (*numbers[: 2 * known], *self._verdict())

    def _verdict(self) -> tuple[Piece, ...]:
        if self.is_baseline:
            return ()
        said, note = verdict_text(self.row), self.row["note"]
        if self.verdict == UNTESTED and note:
            said = gettext("{verdict}: {why}", verdict=said, why=gettext(note))
        elif note == BORDERLINE:
            said = gettext("{verdict} (borderline)", verdict=said)
        return (Piece("verdict", said, TONES[self.verdict]),)

    def _write(self, part: Part) -> str:
        """A piece that is one number or interval; a dash where it is unknown."""
        row, n, is_open = self.row, int(self.row["n"]), self.verdict == INCONCLUSIVE
        if self.is_baseline and part in (*get_args(_OfTest), *get_args(_OfPlan)):
            return UNKNOWN
        match part:
            case "value" if self._was_never_found:
                return gettext("0 of {count} found", count=n)
            case "value":
                return write(self.info, row["mean"])
            case "sd":
                return write(self.info, row["sd"])
            case "interval":
                return between(self.info, row["low"], row["high"])
            case "delta":
                return write(telling_digits(row, self.info), row["delta"], signed=True)
            case "delta interval":
                ends = row["delta_low"], row["delta_high"]
                return between(telling_digits(row, self.info), *ends, signed=True)
            case "p":
                return (
                    p_text(row["p"]).removeprefix("= ") if self._has_test else UNKNOWN
                )
            case "n":
                if n < row["images"]:
                    return gettext("{part} of {whole}", part=n, whole=row["images"])
                return number(n, 0)
            case "seeds":
                return f"{row['seeds']}"
            case "smallest detectable":
                return write(self.info, row["smallest_detectable"])
            case "seed share":
                known = math.isfinite(row["seed_share"])
                return plain_percent(round(row["seed_share"], 2)) if known else UNKNOWN
            case "seeds needed":
                return seeds_text(row["seeds_needed"]) if is_open else UNKNOWN
        return self._power()

    def _power(self) -> str:
        """The detectable difference and the seeds needed, if it is inconclusive."""
        size = self.row["smallest_detectable"]
        if self.verdict != INCONCLUSIVE or not math.isfinite(size):
            return UNKNOWN
        found = gettext("from {size}", size=write(self.info, size))
        needed = seeds_text(self.row["seeds_needed"])
        if needed == UNKNOWN:
            return found
        return gettext("{found}; {needed}", found=found, needed=needed)


def _filled(*lines: tuple[Piece, ...]) -> tuple[tuple[Piece, ...], ...]:
    written = (tuple(piece for piece in line if piece.text) for line in lines)
    return tuple(line for line in written if line)


def seeds_text(seeds: float) -> str:
    """How many seeds would do: "7 seeds", or that only more images would."""
    if math.isnan(seeds):
        return UNKNOWN
    if math.isinf(seeds):
        return gettext("more images")
    number_of = int(seeds)
    return ngettext("{count} seed", "{count} seeds", number_of, count=str(number_of))


def heading(infos: MetricInfo | tuple[MetricInfo, ...], *, label: str = "") -> str:
    """A column's heading: label, unit, and which way is better.

    Metrics that are equal by design have all their labels. Another ``label`` than the
    metric's own may be given.
    """
    several = infos if isinstance(infos, tuple) else (infos,)
    first = several[0]
    labels = [label or first.label, *(one.own_label for one in several[1:])]
    unit = f" ({first.unit})" if first.unit else ""
    return f"{' = '.join(labels)}{unit}{ARROWS[first.direction]}"
