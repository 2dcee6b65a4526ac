"""Intervals and p-values that are corrected for comparing many methods at once.

``simultaneous`` makes one interval and one p-value of each difference, which hold for
all methods of a family at once. ``monte_carlo_error`` and ``borderline`` say where the
number of resamples decides what such an interval says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from core.evaluation.resampling import LEVEL, Doubles, Flags, Floats
from core.evaluation.student_t import student_cdf, student_quantile
from core.evaluation.variance import Contrast, undefined_ratios

JOINT_SHARE = 0.5
"""Share of resamples that all methods must have for their correlation to be used."""
BORDERLINE_ERRORS = 3.0
"""Monte Carlo errors within which an interval's end does not decide a verdict."""
_POINTS = 2**14
"""Points that the maximum over the methods is computed on."""
_SHARES = (np.arange(_POINTS) + 0.5) / _POINTS
_TAIL = 2e-3
"""Probability below which the sequence has too few points for a p-value."""


@dataclass(frozen=True)
class SimultaneousInterval:
    """Interval and p-value of one method, adjusted for all methods of its family.

    Float64 arrays of shape (metrics,). ``p`` is two-sided, and the interval leaves out
    0 exactly where it is below 1 - level. ``reach`` are the standard errors from
    ``delta`` to either end, and ``freedom`` the degrees of freedom that it rests on.
    """

    low: Doubles
    high: Doubles
    p: Doubles
    reach: Doubles
    freedom: Doubles


@undefined_ratios
def simultaneous(
    contrasts: Mapping[str, Contrast], *, level: float = LEVEL
) -> dict[str, SimultaneousInterval]:
    """Intervals and p-values that hold for all methods of a family at once.

    Parameters
    ----------
    contrasts : mapping of str to Contrast
        The methods of one family. Each metric is a family of its own.
    level : float, in (0, 1)
        Chance that all intervals of one metric hold their differences.

    Returns
    -------
    dict of str to SimultaneousInterval
        In the order of ``contrasts``; NaN where a contrast is undefined. A method
        with no variance is outside the family: its interval is its difference, with
        p 1 if that is 0 and else 0.

    Notes
    -----
    Single-step max-t (Hothorn, Bretz and Westfall, Biometrical Journal 2008): Z is
    normal with the correlation R of the differences, and c the level's quantile of
    max |Z|. Each method has its own degrees of freedom, so its reach is the quantile of
    Student's t at the probability of c (a normal copula), and its adjusted p the chance
    that max |Z| exceeds the normal score of its own p.

    Satterthwaite's degrees of freedom are off where three seeds agree by chance: the
    variance then seems to be that of the images, with many degrees of freedom, and of
    several methods one is likely to be such a case. For more than one method they are
    therefore ``family_freedom``, the smaller of those and of the same formula with seed
    variances that chance did not make small: for own variances the median over the
    trainings (and the smaller of that and its own for the baseline, whose few seeds
    count most where they vary least), for pooled and paired ones the upper limit of a
    one-sided 70 % confidence interval. The standard errors are not touched. In a
    simulation (``bench/coverage.py``) false verdicts of a family fall from up to 16 %
    to at most 7 %.

    R has two parts. The images' covariance is that of the joint resamples. A baseline's
    trainings are shared by all methods that are put against it; a method's own are
    taken as independent of the others', also where methods answer from the same
    weights, and so are those of two baselines: that makes intervals wider, never too
    short (Sidak, Journal of the American Statistical Association 1967). If too few
    resamples are defined for all methods, R is unknown, and Bonferroni's inequality is
    used (Dunn, same journal, 1961).

    One method has the plain t interval; perfectly correlated methods have it too;
    independent ones have Sidak's.
    """
    if not contrasts:
        return {}
    every = list(contrasts.values())
    delta, error, plain, wary = (
        np.array([getattr(one, field) for one in every])
        for field in ("delta", "error", "freedom", "family_freedom")
    )
    undefined = np.array([one.undefined for one in every])
    tested = ~undefined & (error > 0)
    freedom = np.where(tested.sum(axis=0) > 1, wary, plain)
    score = np.where(tested, np.abs(delta) / error, 0)
    single = 2 * student_cdf(freedom, -score)
    critical, adjusted = _maximum(every, tested, single, level)
    reach = -student_quantile(freedom, special.ndtr(-critical))
    p = np.where(tested, adjusted, np.where(delta == 0, 1.0, 0.0))
    low, high = delta - reach * error, delta + reach * error
    # The two are the same statement: rounding does not part them.
    excludes = (low > 0) | (high < 0)
    alpha = 1 - level
    p = np.where(excludes, np.minimum(p, np.nextafter(alpha, 0)), p)
    p = np.where(tested & ~excludes, np.maximum(p, alpha), p)
    found = [np.where(undefined, np.nan, x) for x in (low, high, p, reach, freedom)]
    return {
        name: SimultaneousInterval(*(part[k] for part in found))
        for k, name in enumerate(contrasts)
    }


def _maximum(
    contrasts: list[Contrast], tested: Flags, single: Doubles, level: float
) -> tuple[Doubles, Doubles]:
    """Critical value of max |Z| for each metric, and adjusted p, (methods, metrics)."""
    alpha = 1 - level
    critical = np.full(tested.shape[1], special.ndtri(1 - alpha / 2))
    adjusted = single.copy()
    sizes = tested.sum(axis=0)
    several = np.flatnonzero(sizes > 1)
    if not len(several):
        return critical, adjusted
    roots, known = _correlation_roots(contrasts, tested, several)
    points = _normal_points(len(contrasts))
    for place, m in enumerate(several):
        members = tested[:, m]
        p = single[members, m]
        if not known[place]:
            critical[m] = special.ndtri(1 - alpha / (2 * sizes[m]))
            adjusted[members, m] = np.minimum(p * sizes[m], 1)
            continue
        projected = roots[place][members] @ points
        largest = np.sort(np.abs(projected, out=projected).max(axis=0))
        # At least as for one test, and at most as for independent tests.
        sidak = special.ndtri((1 + level ** (1 / sizes[m])) / 2)
        quantile = np.interp(level, _SHARES, largest)
        critical[m] = np.clip(quantile, critical[m], sidak)
        most = -np.expm1(sizes[m] * np.log1p(-p))
        adjusted[members, m] = np.clip(_exceedance(largest, p), p, most)
    return critical, adjusted


def _exceedance(largest: Floats, p: Doubles) -> Doubles:
    """Chance that the maximum exceeds the normal score of each p.

    In the tail the sequence has too few points: the ratio to p at the last good point
    is used there.
    """
    score = -special.ndtri(p / 2)
    chance = 1 - np.interp(score, largest, _SHARES)
    edge = np.interp(1 - _TAIL, _SHARES, largest)
    ratio = _TAIL / (2 * special.ndtr(-edge))
    return np.asarray(np.where(score > edge, ratio * p, chance))


def _correlation_roots(
    contrasts: list[Contrast], tested: Flags, metrics: NDArray[np.intp]
) -> tuple[NDArray[np.float32], Flags]:
    """Symmetric root of each metric's correlation, and whether it is known."""
    members = tested.T[metrics]
    images, known = _image_correlation(
        np.stack([one.draws[metrics] for one in contrasts], axis=1), members
    )
    over_images, over_seeds, shared = (
        np.array([getattr(one, field)[metrics] for one in contrasts]).T
        for field in ("over_images", "over_seeds", "shared")
    )
    sizes = np.sqrt(np.where(members, over_images, 0))
    covariance = images * sizes[:, :, None] * sizes[:, None, :]
    loading = np.sqrt(np.where(members, shared, 0))
    references = np.array([one.reference for one in contrasts])
    same = references[:, None] == references[None, :]
    covariance += np.where(same, loading[:, :, None] * loading[:, None, :], 0)
    total = np.where(members, over_images + over_seeds, 1)
    diagonal = np.arange(len(contrasts))
    covariance[:, diagonal, diagonal] = total
    values, vectors = np.linalg.eigh(_to_correlation(covariance))
    # The symmetric root: eigenvectors themselves differ from one machine to the next.
    roots = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    roots = roots @ vectors.transpose(0, 2, 1)
    return roots.astype(np.float32), known


def _image_correlation(draws: Floats, members: Flags) -> tuple[Doubles, Flags]:
    """Correlation of draws of shape (metrics, methods, resamples), and if it is known.

    Only resamples that all members have are used.
    """
    missing = np.isnan(draws)
    if missing.any():
        joint = np.asarray(~(missing & members[:, :, None]).any(axis=1))
        usable = joint[:, None, :] & members[:, :, None]
        draws = np.where(usable, draws, 0)
        counted = np.maximum(joint.sum(axis=1), 1)[:, None, None]
        centred = (draws - draws.sum(axis=2, keepdims=True) / counted) * usable
        known = joint.mean(axis=1) > JOINT_SHARE
    else:
        centred = draws - draws.mean(axis=2, keepdims=True)
        known = np.ones(len(draws), bool)
    return _to_correlation(centred @ centred.transpose(0, 2, 1)), known


@undefined_ratios
def _to_correlation(covariance: Floats) -> Doubles:
    """Scale covariances of shape (..., k, k) to a unit diagonal; 0 without variance."""
    deviations = np.sqrt(covariance.diagonal(axis1=-2, axis2=-1).astype(np.float64))
    scale = np.where(deviations > 0, 1 / deviations, 0)
    return np.asarray(covariance * scale[..., :, None] * scale[..., None, :])


@lru_cache(maxsize=8)  # those of hundreds of slices take tens of MB
def _normal_points(dimensions: int) -> NDArray[np.float32]:
    """Points that fill the standard normal distribution evenly, (dimensions, points).

    Notes
    -----
    A scrambled Sobol sequence (Owen, Journal of Complexity 1998). The quantile of a
    family of twelve methods then has an error of 0.2 %.
    """
    # It takes half a second to import, which a study of one method need not wait for.
    from scipy.stats import qmc

    sobol = qmc.Sobol(dimensions, rng=np.random.default_rng(0))
    uniform = np.clip(sobol.random(_POINTS).T, 1e-9, 1 - 1e-9)
    return np.asarray(special.ndtri(uniform), np.float32)


@undefined_ratios
def monte_carlo_error(contrast: Contrast, reach: Doubles) -> Doubles:
    """How much an interval's end varies because resamples are finite in number.

    The standard deviation of either end over repeated resampling, in the metric's unit,
    shape (metrics,); NaN where undefined. ``reach`` is as in ``smallest_detectable``.

    Notes
    -----
    The variance over B draws is itself off by sqrt((m4 - m2^2) / B), with m2 and m4 the
    draws' central moments; the end is delta +- reach sqrt(U + T), so that its error is
    reach / (2 sqrt(U + T)) times that. With several seeds it is rather too large, since
    what U gains by chance T loses in part.
    """
    draws = contrast.draws
    defined = ~np.isnan(draws)
    counted = np.maximum(defined.sum(axis=1), 1)
    filled = np.where(defined, draws, 0)
    mean = filled.sum(axis=1, dtype=np.float64) / counted
    squares = np.where(defined, filled - mean[:, None], 0) ** 2
    second = squares.sum(axis=1, dtype=np.float64) / counted
    fourth = (squares**2).sum(axis=1, dtype=np.float64) / counted
    of_variance = np.sqrt(np.maximum(fourth - second**2, 0) / counted)
    error = reach * of_variance / (2 * contrast.error)
    return np.where(contrast.error == 0, 0.0, error)


def borderline(
    interval: SimultaneousInterval,
    error: Doubles,
    margin: Doubles | float = np.nan,
    *,
    errors: float = BORDERLINE_ERRORS,
) -> Flags:
    """Where more or other resamples might change what an interval says.

    Parameters
    ----------
    interval : SimultaneousInterval
    error : float64 array, shape (metrics,)
        From ``monte_carlo_error``.
    margin : float array or float
        Of equivalence; NaN where there is none.
    errors : float
        Monte Carlo errors that an end must be away from a bound to decide.

    Returns
    -------
    bool array, shape (metrics,)
        Where an end is that near to 0, or where one is that near to the margin and
        decides whether the interval lies within it.
    """
    near = errors * error
    bounds = np.asarray(margin)
    at_zero = (np.abs(interval.low) < near) | (np.abs(interval.high) < near)
    outermost = np.maximum(-interval.low, interval.high)
    return np.asarray((near > 0) & (at_zero | (np.abs(outermost - bounds) < near)))
