"""Statistical power: which differences a study can find, and with how many seeds."""

import numpy as np
from scipy import special

from core.evaluation.resampling import Doubles, Flags, Integers
from core.evaluation.student_t import student_cdf, student_quantile
from core.evaluation.variance import Contrast, undefined_ratios

POWER = 0.8
"""Chance with which a difference is to be found."""
MOST_SEEDS = 100
"""Seeds beyond which only more images would settle a difference."""
_LARGE_FREEDOM = 1e7
_LONG_REACH = 1e3


def smallest_detectable(contrast: Contrast, reach: Doubles) -> Doubles:
    """Difference that this study would have found with the power ``POWER``.

    In the metric's unit, at least 0, shape (metrics,); NaN where undefined. ``reach``
    are the standard errors to either end of the method's interval, of the same shape.

    Notes
    -----
    The true difference d for which Student's noncentral t with noncentrality d / error
    exceeds the reach with that chance; with many degrees of freedom (reach + z) x error
    (Bloom, Evaluation Review 1995). With a reach of thousands of errors, as with less
    than one degree of freedom, the normal part of t is negligible beside its
    noncentrality. Then t is the noncentrality over the root of a chi-square's mean
    square.
    """
    known = ~contrast.undefined & np.isfinite(reach)
    freedom = np.where(known, contrast.freedom, 1)
    shift = _found_with_power(freedom, np.where(known, reach, 1))
    return np.asarray(np.where(known, shift * contrast.error, np.nan))


def _found_with_power(freedom: Doubles, reach: Doubles) -> Doubles:
    """Standard errors that a true difference must have to be found with ``POWER``."""
    freedom = np.minimum(freedom, _LARGE_FREEDOM)
    # With a long reach, the search for the noncentrality would take hours.
    shift = special.nctdtrinc(freedom, 1 - POWER, np.minimum(reach, _LONG_REACH))
    quantile = 2 * special.gammaincinv(freedom / 2, POWER) / freedom
    far = np.asarray(reach * np.sqrt(quantile))
    return np.asarray(np.where(reach > _LONG_REACH, far, shift))


def detectable_with(seeds: int, contrast: Contrast, reach: Doubles) -> Doubles:
    """Difference that would be found with another number of seeds of each method.

    In the metric's unit, at least 0, shape (metrics,); NaN where the contrast is
    undefined or no seed variance is known. There are two seeds or more; ``reach`` is as
    in ``smallest_detectable``.

    Notes
    -----
    ``smallest_detectable`` at the standard error, degrees of freedom and reach that
    ``seeds_needed`` plans with.
    """
    if contrast.method_run is None:
        return np.full(len(contrast.delta), np.nan)
    known = ~contrast.undefined & np.isfinite(reach)
    error, planned = _planned(contrast, np.full(len(contrast.delta), seeds))
    needed = -student_quantile(planned, _single_level(contrast, reach))
    shift = _found_with_power(np.where(known, planned, 1), np.where(known, needed, 1))
    return np.asarray(np.where(known, shift * error, np.nan))


def _single_level(contrast: Contrast, reach: Doubles) -> Doubles:
    """One-sided level of a single test that has this reach."""
    return student_cdf(contrast.freedom, -np.where(np.isfinite(reach), reach, 1.0))


@undefined_ratios
def seeds_needed(contrast: Contrast, reach: Doubles) -> Doubles:
    """Seeds of each method with which the observed difference would be settled.

    Found with the power ``POWER``, that is, were it the true one. A float64 array of
    shape (metrics,): seeds of the method and of the baseline, from 2; inf where
    ``MOST_SEEDS`` would not do, so that only more images would; NaN where the contrast
    is undefined or where no seed variance is known. ``reach`` is as in
    ``smallest_detectable``.

    Notes
    -----
    With S seeds each the variance is F + (w_k + w_0) / S: F is the part of
    U that seeds do not change, w the variance that one run of the method and of the
    baseline brings, its interaction with the images included. Degrees of freedom are
    Satterthwaite's for that variance, and the reach moves with them at the same
    single-test level.
    """
    known = ~contrast.undefined & np.isfinite(reach)
    if contrast.method_run is None:
        return np.full(len(contrast.delta), np.nan)
    tail = _single_level(contrast, reach)

    def settles(seeds: Integers) -> Flags:
        error, freedom = _planned(contrast, seeds)
        needed = -student_quantile(freedom, tail)
        shift = np.abs(contrast.delta) / error
        sure = shift > needed + 10
        usable = known & ~sure & np.isfinite(shift)
        chance = 1 - special.nctdtr(
            np.where(usable, freedom, 1.0),
            np.where(usable, shift, 0.0),
            np.where(usable, needed, 1.0),
        )
        return np.asarray(sure | (usable & (chance >= POWER)))

    low = np.full(len(contrast.delta), 2)
    high = np.full(len(contrast.delta), MOST_SEEDS)
    within = settles(high)
    while (low < high).any():
        middle = (low + high) // 2
        enough = settles(middle)
        high = np.where(enough, middle, high)
        low = np.where(enough, low, np.minimum(middle + 1, high))
    return np.where(known, np.where(within, high, np.inf), np.nan)


@undefined_ratios
def _planned(contrast: Contrast, seeds: Integers) -> tuple[Doubles, Doubles]:
    """Standard error and degrees of freedom with other numbers of seeds."""
    variance = np.maximum(contrast.over_images - contrast.interaction, 0)
    spread = variance**2 / np.maximum(contrast.n - 1, 1)
    for run in (contrast.method_run, contrast.baseline_run):
        if run is not None:
            variance = variance + run.of_run / seeds
            spread = spread + (run.of_run / seeds) ** 2 / (seeds - 1)
    freedom = np.where(spread > 0, variance**2 / spread, _LARGE_FREEDOM)
    return np.sqrt(variance), np.asarray(np.minimum(freedom, _LARGE_FREEDOM))
