"""Tasks: predict a number, one of two classes, or one of several."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.language import N_

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.I)
_DIGITS = re.compile(r"([0-9]+)")
SHIPPED_LABELS = (
    *(N_("Age"), N_("Gender"), N_("Ethnicity"), N_("Class"), N_("Breed")),
    *(N_("Glasses"), N_("Hair"), N_("Grey hair or glasses"), N_("Diagnosis")),
    *(N_("Blond hair or eyeglasses"), N_("Label")),
)
"""Labels of tasks that have a translation; others are said as they were given."""
SHIPPED_FEATURES = (
    *(N_("age"), N_("gender"), N_("ethnicity"), N_("group")),
    *(N_("glasses"), N_("hair"), N_("earrings"), N_("beard"), N_("hat")),
    N_("hood"),
    *(N_("freckles"), N_("greying")),
    *(N_("brightness"), N_("sharpness"), N_("size")),
)
"""Features of images that have one, as they stand in the middle of a sentence."""


def natural_order(names: Iterable[str]) -> list[str]:
    """Sort names of classes or groups as a person would: 0, 1, 2, 10.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    list of str
        Numbers by their value, then words by their letters, whatever their case;
        digits inside a word count as a number. Each name as often as it was given.

    Notes
    -----
    The one order of names without a given order: of class folders, of the values of a
    CSV, on axes, in tables and in the outputs of models. Code that draws images class
    by class keeps its own order, so that its draws can be repeated.
    """
    return sorted(names, key=_natural_key)


def _natural_key(name: str) -> tuple[bool, Decimal, list[str | int], str]:
    text = name.strip()
    if _NUMBER.fullmatch(text):
        return False, Decimal(text), [], name
    # Split by digits, letters and numbers take turns: like is compared with like.
    parts = _DIGITS.split(text.casefold())
    pieces = [int(part) if i % 2 else part for i, part in enumerate(parts)]
    return True, Decimal(0), pieces, name


@dataclass(frozen=True)
class Regression:
    """A number in a known range, looked at in bins of equal width.

    Parameters
    ----------
    name : str
        Column prefix in the manifest and the predictions.
    label : str
        What a reader sees.
    unit : str
        Unit of the value, in the plural ("years").
    minimum, maximum : float
        Range of the target, both included.
    bin_width : float
        Width of a bin; the first bin starts at the multiple at or below ``minimum``
        and the last ends at the multiple at or above ``maximum``.
    """

    name: str
    label: str
    unit: str
    minimum: float
    maximum: float
    bin_width: float

    kind: Literal["regression"] = "regression"

    @property
    def bin_edges(self) -> NDArray[np.float64]:
        """Edges of the bins, shape (bins + 1,), in the unit of the task."""
        first = np.floor(self.minimum / self.bin_width)
        last = np.ceil(self.maximum / self.bin_width)
        return np.arange(first, last + 1, dtype=np.float64) * self.bin_width

    @property
    def bin_labels(self) -> tuple[str, ...]:
        """Names of the bins: "10-19", "3"; "0.1 to 0.2" where they are not whole.

        If a bound is negative, all bins of the task are written as "-40 to -21". No two
        bins whose edges differ as numbers have the same name.
        """
        edges = self.bin_edges
        if self.bin_width % 1:
            # As many digits as tell the edges apart, and six at least.
            largest = np.log10(np.abs(edges).max())
            apart = largest - np.log10(self.bin_width)
            digits = min(17, max(6, int(apart) + 4, int(largest) + 2))
            return tuple(
                f"{low:.{digits}g} to {high:.{digits}g}"
                for low, high in pairwise(edges)
            )
        if self.bin_width == 1:
            return tuple(f"{low:.15g}" for low in edges[:-1])
        between = " to " if edges[0] < 0 else "-"
        return tuple(
            f"{low:.15g}{between}{high - 1:.15g}" for low, high in pairwise(edges)
        )

    def bin_of(self, values: ArrayLike) -> NDArray[np.int64]:
        """Bin index of each value, shape like ``values``; outside is clipped."""
        edges = self.bin_edges
        index = np.searchsorted(edges, np.asarray(values), side="right") - 1
        return np.clip(index, 0, len(edges) - 2).astype(np.int64)


@dataclass(frozen=True)
class Binary:
    """One of two classes; the second is the positive one."""

    name: str
    label: str
    classes: tuple[str, str]

    kind: Literal["binary"] = "binary"

    @property
    def positive(self) -> str:
        """The class that recall and F1 are about."""
        return self.classes[1]


@dataclass(frozen=True)
class Multiclass:
    """One of several classes."""

    name: str
    label: str
    classes: tuple[str, ...]

    kind: Literal["multiclass"] = "multiclass"


Classification = Binary | Multiclass
Task = Regression | Binary | Multiclass
