"""One expected field against the answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.methods.verification.cases import Tolerance

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Check:
    """An expected field, at the place where it deviates most.

    Parameters
    ----------
    field : str
        Name, with the place in brackets.
    expected, got : number, word or str
        At that place; shapes in words where these differ.
    deviation : float
        Absolute; infinite if there are no numbers to compare.
    share : float
        Share of the tolerance: up to 1 passes.
    """

    field: str
    expected: Any
    got: Any
    deviation: float
    share: float

    @property
    def passed(self) -> bool:
        """Whether the deviation is within the tolerance."""
        return self.share <= 1


def compare(field: str, expected: Any, got: Any, tolerance: Tolerance) -> Check:
    """Compare a field with its answer.

    Parameters
    ----------
    field : str
    expected, got : number, word or array
        Of one shape; words must be equal, numbers close, and finite.
    tolerance : Tolerance

    Returns
    -------
    Check
    """
    wanted, given = np.asarray(expected), np.asarray(got)
    if wanted.shape != given.shape:
        shapes = (f"shape {wanted.shape}", f"shape {given.shape}")
        return Check(field, *shapes, deviation=np.inf, share=np.inf)
    if not wanted.size:
        return Check(field, "nothing", "nothing", 0.0, 0.0)
    if "U" in (wanted.dtype.kind, given.dtype.kind):
        deviation = share = np.where(wanted == given, 0.0, np.inf)
    else:
        deviation = np.abs(given.astype(np.float64) - wanted.astype(np.float64))
        deviation = np.where(np.isfinite(deviation), deviation, np.inf)
        allowed = tolerance.absolute + tolerance.relative * np.abs(wanted)
        share = _share(deviation, allowed)
    place = np.unravel_index(int(np.argmax(share)), wanted.shape)
    where = f"[{', '.join(map(str, place))}]" if place else ""
    return Check(
        field + where,
        wanted[place].item(),
        given[place].item(),
        float(deviation[place]),
        float(share[place]),
    )


def _share(deviation: Floats, allowed: Floats) -> Floats:
    share = np.full_like(deviation, np.inf)
    np.divide(deviation, allowed, out=share, where=allowed > 0)
    return np.where(deviation == 0, 0.0, share)
