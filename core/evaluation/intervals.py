"""Intervals of one method's metric: by the bootstrap and the seeds, or Wilson's."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from core.evaluation.resampling import LEVEL, Doubles, Flags, Floats
from core.evaluation.student_t import student_quantile
from core.evaluation.variance import (
    RunDraws,
    TrainingVariance,
    satterthwaite,
    seed_terms,
    undefined_ratios,
)
from core.evaluation.verdicts import MOST_UNDEFINED

_ROUNDING = 1e-12
"""Share of a variance below which a part of it is rounding."""


@dataclass(frozen=True)
class SingleInterval:
    """Interval of one method's mean over its seeds, float64 arrays of shape (metrics,).

    ``anew`` is True for the method trained anew on new images, and False for these
    trained models on new images.
    """

    low: Doubles
    high: Doubles
    anew: bool


def percentile_interval(draws: Floats, level: float) -> tuple[Doubles, Doubles]:
    """Percentile interval over the last axis; undefined draws are left out.

    Takes draws of shape (..., resamples), NaN where a resample missed the class or
    group of a metric: ``low`` and ``high``, float64 arrays of shape (...), NaN where no
    draw is defined.
    """
    ordered = np.sort(draws, axis=-1)
    defined = (~np.isnan(ordered)).sum(axis=-1)
    bounds = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        place = share * np.maximum(defined - 1, 0)
        lower = np.floor(place).astype(np.int64)
        upper = np.minimum(lower + 1, np.maximum(defined - 1, 0))
        below = np.take_along_axis(ordered, lower[..., None], -1)[..., 0]
        above = np.take_along_axis(ordered, upper[..., None], -1)[..., 0]
        bounds.append(below + (above - below) * (place - lower))
    return bounds[0].astype(np.float64), bounds[1].astype(np.float64)


@undefined_ratios
def single_interval(
    runs: RunDraws,
    n: Floats,
    *,
    level: float = LEVEL,
    pooled: TrainingVariance | None = None,
    anew: bool = True,
    shares: Flags | None = None,
    fixed: tuple[Doubles, Doubles] | None = None,
) -> SingleInterval:
    """Interval of one method's mean over its seeds.

    Parameters
    ----------
    runs : RunDraws
    n : float array, shape (metrics,)
        Images that the metric rests on.
    level : float, in (0, 1)
    pooled : TrainingVariance, optional
        For a method of one seed; from ``pool_training_variance``.
    anew : bool
        Ask how the method does when it is trained anew, on new images. Otherwise, or
        with one seed and nothing pooled, how these trained models do on new images.
    shares : bool array, shape (metrics,), optional
        Where the metric is a share of images: its interval is Wilson's.
    fixed : pair of float64 arrays, shape (metrics,), optional
        Ends of the interval with the trained models held fixed, where the bootstrap of
        the metric itself does not give them, as for the largest of several gaps.

    Returns
    -------
    SingleInterval
        NaN where the metric, or more than ``MOST_UNDEFINED`` of its resamples, is
        undefined.

    Notes
    -----
    The percentile interval of the bootstrap, whose ends need not be equally far from
    the value, with both distances multiplied by sqrt((U + T) / U) x t / z x sqrt(n / (n
    - 1)): U is the variance over images, T that of the trainings over the number of
    seeds, t Student's quantile with Satterthwaite's degrees of freedom, and z the
    normal one (with T = 0: Hesterberg's expanded percentiles, The American Statistician
    2015). If the resamples do not vary, the ends are t sqrt(T) away.
    """
    mean = runs.values.mean(axis=1)
    draws = runs.mean_draws
    undefined = np.isnan(draws).mean(axis=1) > MOST_UNDEFINED
    undefined |= np.isnan(mean)
    images = runs.over_images
    training = None
    if anew:
        training = runs.training_variance() if runs.seeds > 1 else pooled
    trainings, _, spread = seed_terms((training, None), (runs.seeds, 0))
    total = images + trainings
    freedom = satterthwaite(images, n, trainings, spread)
    student = student_quantile(freedom, np.full(len(mean), (1 + level) / 2))
    few = np.sqrt(n / np.maximum(n - 1, 1))
    widening = student / special.ndtri((1 + level) / 2) * np.sqrt(total / images)
    still = images <= _ROUNDING * total
    plain = percentile_interval(draws, level)
    if fixed is not None:
        plain, few = fixed, np.ones(len(mean))
    bounds = []
    for end, sign in zip(plain, (-1, 1), strict=True):
        away = np.maximum(sign * (end - mean), 0)
        wide = away * np.where(still, 1, widening) * few
        away = np.where(still, away + student * np.sqrt(total), wide)
        bounds.append(mean + sign * away)
    if shares is not None:
        own = wilson(
            mean,
            n,
            images * n,
            seeds=runs.seeds,
            trainings=trainings,
            reach=student if training is not None else None,
            level=level,
        )
        bounds = [np.where(shares, *pair) for pair in zip(own, bounds, strict=True)]
    low, high = (np.where(undefined, np.nan, bound) for bound in bounds)
    return SingleInterval(low, high, training is not None)


@undefined_ratios
def wilson(
    share: Floats,
    images: Floats,
    variance: Floats,
    *,
    seeds: int,
    level: float = LEVEL,
    trainings: Floats | float = 0.0,
    reach: Floats | None = None,
) -> tuple[Doubles, Doubles]:
    """Interval of a share of images.

    Parameters
    ----------
    share : float array, in [0, 1]
        Mean over the images of the share of the seeds, for which something holds.
    images : float array
        How many images each share rests on.
    variance : float array
        Of an image's share of the seeds, over the images.
    seeds : int
    level : float, in (0, 1)
    trainings : float array or float
        Variance of the mean over the seeds that the trainings bring; 0 holds the
        trained models fixed.
    reach : float array, optional
        Standard errors to either side, by default those of ``level``.

    Returns
    -------
    low, high : float64 arrays
        NaN where there are no images.

    Notes
    -----
    Wilson's score interval (Journal of the American Statistical Association 1927) on
    the effective number of images, n p (1 - p) / variance: that of one seed is n, and
    the mean of several varies less (as for a survey's design effect, Dean and Pagano,
    Journal of Survey Statistics and Methodology 2015). It is at most n times the seeds,
    and n where the share is 0 or 1: there the bootstrap would give an interval of no
    width. In all other cases the two agree to first order. The variance that trainings
    add makes it smaller.
    """
    p, n = np.asarray(share, np.float64), np.asarray(images, np.float64)
    spread = p * (1 - p)
    effective = np.where(spread > 0, n * spread / np.asarray(variance), n)
    effective = np.clip(effective, n, n * seeds)
    total = spread / effective + trainings
    effective = np.where(spread > 0, spread / total, effective)
    usual = special.ndtri((1 + level) / 2)
    # With a share of 0 or 1 no run differs, so it does not show how trainings vary.
    z = usual if reach is None else np.where(spread > 0, reach, usual)
    ratio = z**2 / effective
    centre = (p + ratio / 2) / (1 + ratio)
    away = np.sqrt(ratio * spread + ratio**2 / 4) / (1 + ratio)
    known = (n > 0) & np.isfinite(p)
    low = np.where(known, np.clip(centre - away, 0, p), np.nan)
    return low, np.where(known, np.clip(centre + away, p, 1), np.nan)
