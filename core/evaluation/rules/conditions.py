"""Conditions on one attribute each, of which rules are made: "hat", "age ≥ 30"."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.language import gettext, in_form
from core.tasks import natural_order

Booleans = NDArray[np.bool_]
Doubles = NDArray[np.float64]

MOST_VALUES = 30
"""Different words of an attribute beyond which it names images and not groups."""
THRESHOLDS = 16
"""Thresholds of a number that are tried with all other conditions."""
_DIGITS = 2
"""Further digits that a threshold may take, once its rule is found."""
_FLAGS = ([0, 1], [-1, 1])
_RULE_WORDS = frozenset({"and", "or", "not"})


@dataclass(frozen=True)
class Condition:
    """Something that holds of an image or does not.

    Parameters
    ----------
    column : str
        The attribute that it looks at.
    kind : {"flag", "is", "at least"}
    value : float or str
        What the attribute is, or is at least; a flag is True.
    others : tuple of str
        Other words that the attribute may be; a single one also names the opposite.
    bits : float
        Bits that name the condition, among those of its attribute.
    """

    column: str
    kind: Literal["flag", "is", "at least"]
    value: float | str = True
    others: tuple[str, ...] = ()
    bits: float = 0.0

    @property
    def text(self) -> str:
        """As it is written: ``hat``, ``hair = curly``, ``age ≥ 30``."""
        if self.kind == "flag":
            return self.column
        if self.kind == "is":
            return self._is(str(self.value))
        return f"{self.column} ≥ {self._number}"

    @property
    def opposite(self) -> str:
        """Its opposite: ``not hat``, ``hair ≠ curly``, ``age < 30``."""
        if self.kind == "flag":
            return f"not {self.column}"
        if self.kind == "at least":
            return f"{self.column} < {self._number}"
        if len(self.others) == 1:
            return self._is(self.others[0])
        return f"{self.column} ≠ {_quoted(str(self.value))}"

    def said(self, *, is_opposite: bool = False) -> str:
        """``text``, or ``opposite``, in the reader's language."""
        if self.kind == "flag":
            name = gettext(self.column)
            return gettext("not {condition}", condition=name) if is_opposite else name
        text = self.opposite if is_opposite else self.text
        own = text.removeprefix(self.column)
        if own == text or not own.startswith(" "):
            return text
        return gettext(self.column) + (in_form(own) if self.kind == "at least" else own)

    @property
    def _number(self) -> str:
        return str(np.format_float_positional(float(self.value), trim="-"))

    def _is(self, word: str) -> str:
        """The word, with its attribute where it does not name that itself."""
        words = word.lower().split()
        if self.column.lower() in words and _RULE_WORDS.isdisjoint(words):
            return word
        return f"{self.column} = {_quoted(word)}"

    def holds(self, table: pd.DataFrame) -> Booleans:
        """Whether it holds of each row; of one without a value it does not.

        Parameters
        ----------
        table : DataFrame
            With the column.

        Returns
        -------
        bool array, shape (rows,)
        """
        column = table[self.column]
        if self.kind == "at least":
            numbers = column.to_numpy(np.float64, na_value=np.nan)
            return np.asarray(numbers >= float(self.value))
        if self.kind == "is":
            return np.asarray(column.astype("str") == str(self.value), bool)
        if column.dtype == bool:
            return np.asarray(column, bool)
        return np.asarray(column.to_numpy(np.float64, na_value=np.nan) == 1)


def _quoted(text: str) -> str:
    return f"'{text}'" if " " in text else text


@dataclass(frozen=True)
class Conditions:
    """The conditions that attributes allow.

    Parameters
    ----------
    listed : tuple of Condition
        In the order of the attributes.
    columns : tuple of str
        Attributes that they look at.
    left_out : tuple of str
        Attributes of which no condition is made: the same for all images, or words
        that nearly every image has of its own.
    """

    listed: tuple[Condition, ...]
    columns: tuple[str, ...]
    left_out: tuple[str, ...]


def list_conditions(table: pd.DataFrame) -> Conditions:
    """List the conditions on every attribute of a table.

    Parameters
    ----------
    table : DataFrame
        One row an image that the rule is searched on, one column an attribute: truth
        values (bool, or 0 and 1, or -1 and 1), words, or numbers.

    Notes
    -----
    Truth values and two words make one condition, several words one each, and a number
    a threshold at each of ``THRESHOLDS`` quantiles, each written with as few digits as
    part the same images.
    """
    found: dict[str, tuple[Condition, ...]] = {
        str(name): tuple(_of_column(str(name), table[name])) for name in table
    }
    return Conditions(
        listed=tuple(each for own in found.values() for each in own),
        columns=tuple(name for name, own in found.items() if own),
        left_out=tuple(name for name, own in found.items() if not own),
    )


def _of_column(name: str, column: pd.Series) -> Iterator[Condition]:
    if column.dtype == bool:
        if column.nunique() == 2:
            yield Condition(name, "flag")
        return
    if pd.api.types.is_numeric_dtype(column):
        values = np.unique(column.dropna().to_numpy(np.float64))
        if values.tolist() in _FLAGS:
            yield Condition(name, "flag")
            return
        cuts = _quantile_cuts(column.dropna().to_numpy(np.float64))
        for cut in cuts:
            yield Condition(name, "at least", cut, bits=math.log2(len(cuts)))
        return
    words = natural_order(column.dropna().astype("str").unique())
    if len(words) == 2:
        yield Condition(name, "is", words[1], (words[0],))
    elif 2 < len(words) <= MOST_VALUES:
        for word in words:
            others = tuple(other for other in words if other != word)
            yield Condition(name, "is", word, others, bits=math.log2(len(words)))


def _quantile_cuts(values: Doubles) -> list[float]:
    """Thresholds between values, at quantiles where there are many."""
    distinct = np.unique(values)
    if len(distinct) < 2:
        return []
    uppers = distinct[1:]
    if len(uppers) > THRESHOLDS:
        shares = np.arange(1, THRESHOLDS + 1) / (THRESHOLDS + 1)
        picked = np.quantile(values, shares, method="closest_observation")
        uppers = np.unique(picked[picked > distinct[0]])
    lowers = distinct[np.searchsorted(distinct, uppers) - 1]
    return [_simplest(*pair) for pair in zip(lowers, uppers, strict=True)]


def _simplest(low: float, high: float) -> float:
    """The number with the fewest digits that is above ``low``, and at most ``high``."""
    places = math.floor(math.log10(max(abs(low), abs(high)))) + 1
    for place in range(places, places - 17, -1):
        number = _multiple(math.floor(high / 10.0**place), place)
        if low < number <= high:
            return number
    return float(high)


def _multiple(count: int, place: int) -> float:
    """``count`` times ten to the ``place``, as it is written: 0.3 and no digit more."""
    return float(f"{count}e{place}")


def fine_thresholds(values: Doubles) -> dict[float, float]:
    """Round thresholds of a number, with the bits that name each.

    Parameters
    ----------
    values : float array, shape (rows,)
        Of the images that the rule is searched on; NaN where there is none.

    Returns
    -------
    dict of float to float
        Multiples of the powers of ten that are at most the range of the values, and of
        the next ones with ``_DIGITS`` digits more, without those that only the most
        extreme hundredth of the images lie beyond. Bits are the binary logarithm of
        how many there are with as many digits: a rounder threshold is cheaper.
    """
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, (0.01, 0.99))
    if not low < high:
        return {}
    whole = bool((known == np.rint(known)).all())
    first = math.floor(math.log10(high - low))
    found: dict[float, float] = {}
    for place in range(first, first - _DIGITS - 1, -1):
        if whole and place < 0:
            break
        counts = range(
            math.floor(low / 10.0**place) + 1, math.floor(high / 10.0**place) + 1
        )
        for count in counts:
            found.setdefault(_multiple(count, place), math.log2(len(counts)))
    return found


def hold_all(conditions: Sequence[Condition], table: pd.DataFrame) -> Booleans:
    """Whether each condition holds of each row, shape (conditions, rows)."""
    found = np.empty((len(conditions), len(table)), bool)
    for place, condition in enumerate(conditions):
        found[place] = condition.holds(table)
    return found
