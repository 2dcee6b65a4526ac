"""One measured thing of one method, and how each piece of it is written.

Every renderer takes these pieces, so that a number, an interval and a verdict read the
same on a page, in a terminal and in a file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import dropwhile, zip_longest
from typing import Any, Literal, Self

import pandas as pd

from core.evaluation.metrics import MetricInfo
from core.evaluation.verdicts import BASELINE, BORDERLINE, INCONCLUSIVE, UNTESTED
from core.results.numbers import UNKNOWN, between, telling_digits, write
from core.results.sentences import p_text, percent, row_info
from core.results.signs import TONES, Tone, verdict_text
from core.tasks import Task

ARROWS = {"lower": " ↓", "higher": " ↑", "zero": " → 0", "none": ""}
"""Which way is better, behind a heading."""

Role = Literal["text", "value", "spread", "number", "verdict"]
Part = Literal[
    "full",
    "score",
    "estimate",
    "value",
    "sd",
    "interval",
    "delta",
    "delta interval",
    "change",
    "p",
    "verdict",
    "n",
    "seeds",
    "smallest detectable",
    "seed share",
    "seeds needed",
    "power",
    "named",
]
"""What of a cell a column shows.

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
    """One thing that was measured of one method; fields as in ``Comparison.cells``.

    Parameters
    ----------
    info : MetricInfo
        Of the metric, or of the gap between groups.
    level : float
        Of the intervals.
    """

    info: MetricInfo
    method: str
    metric: str
    measure: str
    group: str
    images: int
    n: int
    seeds: int
    value: float
    sd: float
    low: float
    high: float
    delta: float
    delta_low: float
    delta_high: float
    p: float
    margin: float
    verdict: str
    scope: str
    note: str
    smallest_detectable: float
    seed_share: float
    seeds_needed: float
    family: str
    level: float = 0.95

    @classmethod
    def of(
        cls,
        row: Mapping[Any, Any] | pd.Series,
        tasks: tuple[Task, ...] = (),
        level: float = 0.95,
    ) -> Self:
        """The cell of a row of ``Comparison.cells``; ``tasks`` give the labels."""
        names = cls.__dataclass_fields__
        own = {name: row[name] for name in names if name in row}
        whole = {name: int(own[name]) for name in ("images", "n", "seeds")}
        info = row_info(row, tasks)
        return cls(
            **{**own, **whole, "value": row["mean"], "info": info, "level": level}
        )

    @property
    def is_baseline(self) -> bool:
        """Whether it is of the method that the others are compared with."""
        return self.verdict == BASELINE

    @property
    def is_known(self) -> bool:
        """Whether the metric is defined here."""
        return math.isfinite(self.value)

    @property
    def was_never_found(self) -> bool:
        """Whether it is the F1 or recall of a class that was found in no image."""
        of_class = not self.measure and self.info.name in ("f1", "recall")
        return of_class and self.value == 0 and self.n > 0

    @property
    def has_test(self) -> bool:
        """Whether there is a difference with an interval."""
        return math.isfinite(self.delta_low)

    def lines(self, part: Part) -> tuple[tuple[Piece, ...], ...]:
        """The cell as lines of pieces; without any where the part says nothing."""
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
            return _filled(self._verdict() or (Piece("verdict", BASELINE),))
        if part == "named":
            name = (Piece("text", self.group),) if self.group else ()
            return _filled((*name, *self._value()), self._interval())
        text = self._write(part)
        return _filled((Piece("value" if part == "value" else "number", text),))

    def _score(self) -> tuple[Piece, ...]:
        spread = f"± {self._number(self.sd)}" if math.isfinite(self.sd) else ""
        return (*self._value(), Piece("spread", spread), *self._interval())

    def _value(self) -> tuple[Piece, ...]:
        return (Piece("value", self._write("value")),)

    def _interval(self) -> tuple[Piece, ...]:
        return (Piece("number", self._write("interval") if self.is_known else ""),)

    def _change(self) -> tuple[Piece, ...]:
        if self.is_baseline:
            return ()
        known = math.isfinite(self.delta)
        parts: tuple[Part, ...] = ("delta", "delta interval")
        numbers = [Piece("number", self._write(p)) for p in parts[: 1 + self.has_test]]
        return (*numbers[: 2 * known], *self._verdict())

    def _verdict(self) -> tuple[Piece, ...]:
        if self.is_baseline:
            return ()
        said = verdict_text({"verdict": self.verdict, "scope": self.scope})
        if self.verdict == UNTESTED and self.note:
            said = f"{said}: {self.note}"
        elif self.note == BORDERLINE:
            said = f"{said} (borderline)"
        return (Piece("verdict", said, TONES[self.verdict]),)

    def _write(self, part: Part) -> str:
        """A piece that is one number or interval; a dash where it is unknown."""
        if self.is_baseline and part in _OF_DIFFERENCE:
            return UNKNOWN
        match part:
            case "value" if self.was_never_found:
                return f"0 of {self.n:,} found"
            case "value":
                return self._number(self.value)
            case "sd":
                return self._number(self.sd)
            case "interval":
                return between(self.info, self.low, self.high)
            case "delta":
                return write(self._telling, self.delta, signed=True)
            case "delta interval":
                ends = (self.delta_low, self.delta_high)
                return between(self._telling, *ends, signed=True)
            case "p":
                return p_text(self.p).removeprefix("= ") if self.has_test else UNKNOWN
            case "n":
                few = self.n < self.images
                return f"{self.n:,} of {self.images:,}" if few else f"{self.n:,}"
            case "seeds":
                return f"{self.seeds}"
            case "smallest detectable":
                return self._number(self.smallest_detectable)
            case "seed share":
                known = math.isfinite(self.seed_share)
                return percent(round(self.seed_share, 2)) if known else UNKNOWN
            case "seeds needed":
                is_open = self.verdict == INCONCLUSIVE
                return seeds_text(self.seeds_needed) if is_open else UNKNOWN
        return self._power()

    def _power(self) -> str:
        """What could have been found, and what would settle it, if nothing has."""
        if self.verdict != INCONCLUSIVE or not math.isfinite(self.smallest_detectable):
            return UNKNOWN
        found = f"from {self._number(self.smallest_detectable)}"
        needed = seeds_text(self.seeds_needed)
        return found if needed == UNKNOWN else f"{found}; {needed}"

    def _number(self, value: float) -> str:
        return write(self.info, value)

    @property
    def _telling(self) -> MetricInfo:
        row = {"verdict": self.verdict, "margin": self.margin}
        ends = {"delta_low": self.delta_low, "delta_high": self.delta_high}
        return telling_digits(row | ends, self.info)


_OF_DIFFERENCE = (
    *("delta", "delta interval", "p", "power"),
    *("smallest detectable", "seed share", "seeds needed"),
)


def _filled(*lines: tuple[Piece, ...]) -> tuple[tuple[Piece, ...], ...]:
    written = (tuple(piece for piece in line if piece.text) for line in lines)
    return tuple(line for line in written if line)


def seeds_text(seeds: float) -> str:
    """How many seeds would do: "7 seeds", or that only more images would."""
    if math.isnan(seeds):
        return UNKNOWN
    return "more images" if math.isinf(seeds) else f"{int(seeds)} seeds"


def heading(infos: MetricInfo | tuple[MetricInfo, ...]) -> str:
    """A column's heading: label, unit, and which way is better.

    Of several metrics that are equal by design, the labels of all.
    """
    of = infos if isinstance(infos, tuple) else (infos,)
    first = of[0]
    labels = [first.label, *(_after_shared(one.label, first.label) for one in of[1:])]
    unit = f" ({first.unit})" if first.unit else ""
    return f"{' = '.join(labels)}{unit}{ARROWS[first.direction]}"


def _after_shared(label: str, other: str) -> str:
    """A label without the words that another one begins with too."""
    words = zip_longest(label.split(), other.split())
    return " ".join(
        word for word, _ in dropwhile(lambda w: w[0] == w[1], words) if word
    )
