"""Checks of the parameters of methods. Nothing here imports Keras."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.errors import MethodError
from core.language import N_, gettext, in_form

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
        low, high = (in_form(f"{end:g}") for end in (self.low, self.high))
        if math.isinf(self.high):
            return (
                gettext("a finite number from {low}", low=low)
                if self.with_low
                else gettext("a finite number above {low}", low=low)
            )
        said = {
            (True, True): N_("a number from {low} to {high}"),
            (True, False): N_("a number from {low} and below {high}"),
            (False, True): N_("a number above {low} and at most {high}"),
            (False, False): N_("a number above {low} and below {high}"),
        }
        return gettext(said[self.with_low, self.with_high], low=low, high=high)


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
        raise MethodError(
            gettext("{name} is {value}.", name=name, value=str(value)),
            expected=expected,
            remedy=remedy,
        )
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
        said = {"name": name, "value": repr(value)}
        raise MethodError(
            gettext("There is no {name} {value} of {owner}.", owner=owner, **said)
            if owner
            else gettext("There is no {name} {value}.", **said),
            expected=gettext("one of {known}.", known=", ".join(choices)),
        )
    return value
