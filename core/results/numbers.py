"""How a number of a result is written: in its unit, with the digits that it needs."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from core.evaluation.metrics import MetricInfo, in_unit
from core.evaluation.verdicts import CERTAIN, EQUIVALENT
from core.language import gettext
from core.text import MINUS

UNKNOWN = "–"
MOST_DIGITS = 12
"""Decimals beyond those of the metric that an interval of a difference may take."""


def write(info: MetricInfo, value: float, *, signed: bool = False) -> str:
    """A number in a metric's unit and decimals, with a real minus; nothing is "+0"."""
    if signed and math.isfinite(value) and info.rounded(value) == 0:
        return info.format(0.0)
    return info.format(value, signed=signed).replace("-", MINUS)


def with_unit(info: MetricInfo, size: float) -> str:
    """The size of a difference with its unit."""
    return in_unit(write(info, size), info.plain_difference_unit, size)


def between(info: MetricInfo, low: float, high: float, *, signed: bool = False) -> str:
    """An interval in a metric's unit and decimals; a dash if undefined."""
    if not math.isfinite(low):
        return UNKNOWN
    first, last = (write(info, end, signed=signed) for end in (low, high))
    return gettext("[{low}, {high}]", low=first, high=last)


def telling_digits(row: Mapping[Any, Any] | pd.Series, info: MetricInfo) -> MetricInfo:
    """The metric with decimals enough for an interval to show what its verdict says.

    It has more where an interval that leaves out 0 would be written with an end of 0,
    or one inside the margin with an end at the margin. ``row`` has ``verdict``,
    ``delta_low``, ``delta_high`` and ``margin``.
    """
    ends = (row["delta_low"], row["delta_high"])
    for more in range(MOST_DIGITS):
        finer = replace(info, digits=info.digits + more)
        shown = [finer.rounded(end) for end in ends if math.isfinite(end)]
        if row["verdict"] in CERTAIN:
            tells = all(shown)
        elif row["verdict"] == EQUIVALENT and any(shown):
            tells = max(map(abs, shown)) < finer.rounded(row["margin"])
        else:
            return info
        if tells:
            return finer
    return info
