"""Values that a search may try of a setting, declared beside the setting itself.

The ranges leave out values with which a setting does nothing: a search chooses between
settings of a remedy, and not whether there is one.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Choice = bool | int | float | str | tuple[int, ...]


@dataclass(frozen=True)
class Span:
    """The numbers that one search may try of a setting.

    Parameters
    ----------
    low, high : float
        Both included, and whole where ``step`` is given.
    by_powers : bool
        Whether each power of ten is as likely as the next; else each number.
    step : int or None
        Distance between two whole numbers; None where any number may be tried.
    """

    low: float
    high: float
    by_powers: bool = False
    step: int | None = None


@dataclass(frozen=True)
class Words:
    """The values that one search may try of a setting, each with its name."""

    values: dict[str, Choice]

    @classmethod
    def from_values(cls, values: Iterable[Choice]) -> "Words":
        """Name each of the values."""
        return cls({json.dumps(value): value for value in values})


@dataclass(frozen=True)
class Between:
    """Any number of a range."""

    low: float
    high: float

    def around(self, own: Any) -> Span:
        """The range, wide enough for a study's own value."""
        return Span(min(self.low, own), max(self.high, own))


@dataclass(frozen=True)
class Powers:
    """Any number of a range, each power of ten as likely as the next.

    With ``times_own`` the range is that of the factor on a study's own value.
    """

    low: float
    high: float
    times_own: bool = False

    def around(self, own: Any) -> Span:
        """The range, wide enough for a study's own value."""
        scale = own if self.times_own else 1.0
        low, high = self.low * scale, self.high * scale
        return Span(min(low, own), max(high, own), by_powers=True)


@dataclass(frozen=True)
class Whole:
    """Whole numbers of a range, ``step`` apart."""

    low: int
    high: int
    step: int = 1

    def around(self, own: Any) -> Span | Words:
        """The numbers, with a study's own value among them."""
        numbers = range(self.low, self.high + 1, self.step)
        if own in numbers:
            return Span(self.low, self.high, step=self.step)
        return Words.from_values(sorted({*numbers, own}))


@dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    values: tuple[Choice, ...]

    def around(self, own: Any) -> Words:
        """The values, with a study's own among them."""
        return Words.from_values(dict.fromkeys((*self.values, own)))


@dataclass(frozen=True)
class Times:
    """A study's own whole number, or each of its numbers, times one of a few factors.

    No value becomes smaller than 1.
    """

    factors: tuple[float, ...]

    def around(self, own: Any) -> Words:
        """The numbers so multiplied."""
        found: list[Choice] = []
        for factor in (1.0, *self.factors):
            if isinstance(own, Sequence):
                found.append(tuple(max(1, round(n * factor)) for n in own))
            else:
                found.append(max(1, round(own * factor)))
        return Words.from_values(dict.fromkeys(found))


Tunable = Between | Powers | Whole | OneOf | Times


def is_switched_off(own: Any) -> bool:
    """Whether a study leaves a setting out, or has it at 0: then it is not searched."""
    return own is None or own == 0 or (isinstance(own, Sequence) and not own)
