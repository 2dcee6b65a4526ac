"""Checks of the parameters of methods. Nothing here imports Keras."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.errors import MethodError

Choice = TypeVar("Choice", bound=str)


@dataclass(frozen=True)
class Interval:
    """Numbers between two ends; an infinite end is never included.

    Examples
    --------
    >>> 1.0 in Interval(0, 1), 1.0 in Interval(0, 1, with_high=False)
    (True, False)
    >>> print(Interval(0, 1, with_high=False))
    a number from 0 and below 1
    """

    low: float
    high: float = math.inf
    with_low: bool = True
    with_high: bool = True

    def __contains__(self, value: float) -> bool:
        above = self.low <= value if self.with_low else self.low < value
        below = value <= self.high if self.with_high else value < self.high
        return bool(above and below and math.isfinite(value))

    def __str__(self) -> str:
        start = f"{'from' if self.with_low else 'above'} {self.low:g}"
        if math.isinf(self.high):
            return f"a finite number {start}"
        if self.with_low and self.with_high:
            return f"a number {start} to {self.high:g}"
        end = f"{'at most' if self.with_high else 'below'} {self.high:g}"
        return f"a number {start} and {end}"


FROM_ZERO = Interval(0)
ABOVE_ZERO = Interval(0, with_low=False)
SHARE = Interval(0, 1)
SHARE_ABOVE_ZERO = Interval(0, 1, with_low=False)
SHARE_BELOW_ONE = Interval(0, 1, with_high=False)


def check_number(
    name: str, value: float, allowed: Interval, *, note: str = "", remedy: str = ""
) -> float:
    """Return a parameter as a float if it lies in its interval.

    Parameters
    ----------
    name : str
        Name of the parameter, as the message begins with it.
    value : float
    allowed : Interval
    note, remedy : str
        Further words on the expected value; advice on what to do.

    Raises
    ------
    MethodError
        If the value lies outside, or is not finite.

    Examples
    --------
    >>> check_number("tau", 1, FROM_ZERO)
    1.0
    """
    if value not in allowed:
        expected = f"{allowed}; {note}." if note else f"{allowed}."
        raise MethodError(f"{name} is {value}.", expected=expected, remedy=remedy)
    return float(value)


def check_choice(
    name: str, value: Choice, choices: Sequence[str], *, owner: str = ""
) -> Choice:
    """Return a parameter if it is one of the choices, such as a form.

    An error names its ``owner``, such as a loss.

    Raises
    ------
    MethodError
        If it is not.

    Examples
    --------
    >>> check_choice("form", "paper", ("official", "paper"))
    'paper'
    """
    if value not in choices:
        raise MethodError(
            f"There is no {name} {value!r}{' of ' * bool(owner)}{owner}.",
            expected=f"one of {', '.join(choices)}.",
        )
    return value
