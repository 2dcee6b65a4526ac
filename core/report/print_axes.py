"""Axes of a Plotly figure as matplotlib draws them: places, ranges and ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from core.report.print_text import plain_text

Numbers = NDArray[np.float64]
# Free beyond the outermost mark, as a share of the axis.
_FREE = 0.05
# Decades that an axis spans with ticks at 1, 2 and 5.
_FEW_DECADES = 1.6
PLAIN = ".,"
"""Plotly's separators, where a figure has none of its own."""
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass
class Extent:
    """What an axis has to show: its least and greatest value, and free room.

    Parameters
    ----------
    low, high : float
        NaN where nothing is known yet.
    free_low, free_high : bool
        Whether room is left beyond.
    """

    low: float = math.nan
    high: float = math.nan
    free_low: bool = True
    free_high: bool = True

    def hold(self, values: Numbers) -> None:
        """Reach to all of these values; those that are not finite do not count."""
        known = values[np.isfinite(values)]
        if known.size:
            self.low = float(np.fmin(self.low, known.min()))
            self.high = float(np.fmax(self.high, known.max()))


@dataclass
class PrintAxis:
    """One axis.

    Parameters
    ----------
    letter : {"x", "y"}
    layout : mapping
        Plotly's, with its template's.
    kind : {"linear", "log", "category"}
    categories : dict of str to int
        Place of each.
    extent : Extent
        Filled by the traces.
    separators : str
        Plotly's: the sign before decimals, and the one between thousands.
    """

    letter: str
    layout: Mapping[str, Any]
    kind: str = "linear"
    categories: dict[str, int] = field(default_factory=dict)
    extent: Extent = field(default_factory=Extent)
    separators: str = PLAIN

    @property
    def is_log(self) -> bool:
        """Whether its places are powers."""
        return self.kind == "log"

    @property
    def domain(self) -> tuple[float, float]:
        """The share of the plot that it spans."""
        low, high = self.layout.get("domain", (0.0, 1.0))
        return float(low), float(high)

    @property
    def title(self) -> str:
        """Its title, with its line breaks."""
        return plain_text(self.layout.get("title", {}).get("text") or "")

    def learn(self, values: Iterable[Any]) -> None:
        """Take the categories of a trace; numbers leave the axis as it is."""
        if self.kind == "category":
            for value in values:
                if value is not None:
                    self.categories.setdefault(str(value), len(self.categories))

    def places(self, values: Iterable[Any]) -> Numbers:
        """Values of a trace as numbers; NaN where there is none."""
        if self.kind != "category":
            return np.asarray(
                [math.nan if v is None else float(v) for v in values], np.float64
            )
        found = [self.place(v) for v in values]
        return np.asarray(found, np.float64)

    def place(self, value: Any) -> float:
        """A value of a shape or a trace: a category, or a number."""
        if value is None:
            return math.nan
        if self.kind == "category" and str(value) in self.categories:
            return float(self.categories[str(value)])
        return float(value)

    def noted_place(self, value: Any) -> float:
        """A value of an annotation, which on a logarithmic axis is a logarithm."""
        place = self.place(value)
        return float(10**place) if self.is_log else place

    def limits(self) -> tuple[float, float]:
        """Both ends of the axis, the first at the left or below."""
        given = self.layout.get("range")
        if given is not None and None not in given:
            ends = [float(end) for end in given]
            return (10 ** ends[0], 10 ** ends[1]) if self.is_log else (ends[0], ends[1])
        low, high = self._automatic()
        if given is not None:
            own = [math.nan if end is None else float(end) for end in given]
            own = [10**end if self.is_log else end for end in own]
            low, high = (
                end if math.isnan(fixed) else fixed
                for fixed, end in zip(own, (low, high), strict=True)
            )
        if self.layout.get("autorange") == "reversed":
            return high, low
        return low, high

    def _automatic(self) -> tuple[float, float]:
        if self.kind == "category":
            return -0.5, max(len(self.categories), 1) - 0.5
        extent = self.extent
        low, high = extent.low, extent.high
        if math.isnan(low):
            return (1.0, 10.0) if self.is_log else (0.0, 1.0)
        from_zero = self.layout.get("rangemode") == "tozero" and not self.is_log
        if from_zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if self.is_log:
            low, high = math.log10(low), math.log10(high)
        if low == high:
            low, high = low - 0.5, high + 0.5
        free = _FREE * (high - low)
        ends = (
            low - free * (extent.free_low and not (from_zero and low == 0)),
            high + free * (extent.free_high and not (from_zero and high == 0)),
        )
        return (10 ** ends[0], 10 ** ends[1]) if self.is_log else ends

    def ticks(self, limits: tuple[float, float], room: int) -> list[tuple[float, str]]:
        """Where ticks stand, and what is written there.

        Parameters
        ----------
        limits : tuple of float
        room : int
            How many there is room for.
        """
        layout = self.layout
        low, high = min(limits), max(limits)
        vals, texts = layout.get("tickvals"), layout.get("ticktext")
        if vals is not None:
            places = [self.place(value) for value in vals]
            written = (
                [plain_text(str(text)) for text in texts]
                if texts is not None
                else self._written(places)
            )
            ticks = list(zip(places, written, strict=True))
        elif self.kind == "category":
            ticks = [(float(at), plain_text(n)) for n, at in self.categories.items()]
        else:
            places = self._tick_places(low, high, room)
            ticks = list(zip(places, self._written(places), strict=True))
        reach = 1e-9 * (high - low)
        return [(at, text) for at, text in ticks if low - reach <= at <= high + reach]

    def _tick_places(self, low: float, high: float, room: int) -> list[float]:
        count = min(int(self.layout.get("nticks") or room), room)
        step = self.layout.get("dtick")
        if self.is_log:
            return _log_places(low, high, count)
        if step is not None and (high - low) / float(step) <= 2 * room:
            first = float(self.layout.get("tick0") or 0)
            start = math.ceil((low - first) / step - 1e-9)
            stop = math.floor((high - first) / step + 1e-9)
            return [first + step * place for place in range(start, stop + 1)]
        locator = MaxNLocator(max(count, 2), steps=[1, 2, 2.5, 5, 10])
        return [float(place) for place in locator.tick_values(low, high)]

    def _written(self, places: Sequence[float]) -> list[str]:
        before = self.layout.get("tickprefix", "")
        after = self.layout.get("ticksuffix", "")
        pattern = self.layout.get("tickformat", "")
        if pattern:
            # Of a whole number Plotly takes any number, and rounds it.
            whole = pattern.endswith("d")
            texts = [format(round(p) if whole else p, pattern) for p in places]
        elif self.is_log:
            texts = [_log_text(place) for place in places]
        else:
            texts = _alike(places)
        return [
            plain_text(f"{before}{separated(text, self.separators)}{after}").replace(
                "-", "\N{MINUS SIGN}"
            )
            for text in texts
        ]


def separated(number: str, separators: str) -> str:
    """A number that Python wrote, with a figure's separators."""
    decimal, thousands = separators[0], separators[1]
    return number.translate({ord("."): decimal, ord(","): thousands})


def kind_of(layout: Mapping[str, Any], values: Iterable[Any]) -> str:
    """Of an axis: as its layout says, or as its values are."""
    kind = str(layout.get("type", "-"))
    if kind != "-":
        return kind
    words = [value for value in values if isinstance(value, str)]
    return "category" if any(not _is_number(word) for word in words) else "linear"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _alike(places: Sequence[float]) -> list[str]:
    """Numbers with as many digits as tell the ticks apart."""
    steps = np.diff(sorted(set(places)))
    step = float(steps.min()) if steps.size else 1.0
    digits = 0
    while digits < 6 and abs(round(step, digits) - step) > 1e-6 * step:
        digits += 1
    return [f"{0.0 if abs(p) < 1e-12 else p:,.{digits}f}" for p in places]


def _log_places(low: float, high: float, room: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    leading = (1, 2, 5) if math.log10(high / low) < _FEW_DECADES else (1,)
    stride = max(1, math.ceil((last - first) / max(room, 1)))
    powers = range(first, last + 1, stride)
    return [lead * 10.0**power for power in powers for lead in leading]


def _log_text(place: float) -> str:
    power = math.floor(math.log10(place) + 1e-9)
    if -4 < power < 5:
        return f"{place:,g}"
    lead = place / 10.0**power
    sign = f"10{str(power).translate(_SUPERSCRIPTS)}"
    return sign if abs(lead - 1) < 1e-9 else f"{lead:g}·{sign}"
