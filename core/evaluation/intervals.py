"""The bootstrap over test images, vectorised: no Python loop over resamples.

Every metric here is a function of sums over images, taken within strata of the truth
(a class, or a bin of a regression). A resample draws as many images as there are, with
replacement, and so only changes those sums. Three ways draw them, all for the paired
case: every method and seed sees the same resample.

- up to ``MAX_WEIGHTED_ROWS`` images, exactly: how often each image was drawn, as a
  matrix of weights that is multiplied with the images' values
  (``resample_weights``, ``weighted_sums``);
- beyond, for functions of a confusion matrix and one seed a method, exactly:
  multinomial counts over the joint cells truth x baseline x method (``cell_draws``);
- beyond, for means, and for several seeds: the sums of a large stratum are drawn from
  the normal distribution with the mean and covariance that the bootstrap gives them,
  and those of a small one exactly (``normal_sums``).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]

LEVEL = 0.95
RESAMPLES = 2_000
MAX_WEIGHTED_ROWS = 10_000
"""Images up to which every resample is drawn image by image."""
SMALL_STRATUM = 1_000
"""Images up to which ``normal_sums`` draws a stratum image by image."""
MAX_CELLS = 1_000
"""Cells truth x baseline x method up to which ``cell_draws`` is worth it."""
BLOCK = 4_000_000
"""Draws of an image that are made at once."""


@dataclass(frozen=True)
class StratumSums:
    """Sums over images within each stratum, once a resample.

    Parameters
    ----------
    counts : float array, shape (strata, resamples)
        Images of each stratum.
    sums : float array, shape (strata, features, resamples)
        Sum of each feature over the images of the stratum.
    """

    counts: Floats
    sums: Floats


@dataclass(frozen=True)
class StratumDraws:
    """Sums over the images of one stratum, as they are and under the resamples.

    Parameters
    ----------
    stratum : int
    images : int
        In the data.
    total : float64 array, shape (features,)
        Sum of each feature in the data.
    counts : float array, shape (resamples,)
        Images in each resample.
    sums : float array, shape (features, resamples)
    """

    stratum: int
    images: int
    total: NDArray[np.float64]
    counts: Floats
    sums: Floats


@dataclass(frozen=True)
class CellDraws:
    """What is needed of resampled confusion matrices.

    Parameters
    ----------
    support : float array, shape (classes, resamples)
        Images of each true class.
    hits : float array, shape (columns, classes, resamples)
        Images of each class that were predicted rightly, for each run.
    predicted : float array, shape (columns, classes, resamples)
        Images that were predicted as each class, for each run.
    """

    support: Floats
    hits: Floats
    predicted: Floats


@cache
def _threadpools() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep matrix products on one core inside the block.

    They are small here, and on a busy machine the wait for a second thread costs
    many times what it saves.
    """
    with _threadpools().limit(limits=1, user_api="blas"):
        yield


def resample_weights(
    rows: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """How often each image is in each resample.

    Returns
    -------
    float32 array, shape (rows, resamples)
        Whole numbers; every column sums to ``rows``.
    """
    weights = np.empty((rows, resamples), np.float32)
    step = max(1, BLOCK // max(rows, 1))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(0, rows, (size, rows))
        drawn += np.arange(size)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=size * rows)
        weights[:, start : start + size] = counts.reshape(size, rows).T
    return weights


def stratum_members(strata: Integers, num_strata: int) -> list[NDArray[np.intp]]:
    """Images of each stratum, in their order."""
    # Sixteen bits are sorted by radix, which is many times faster.
    small = num_strata <= np.iinfo(np.int16).max
    keys = strata.astype(np.int16) if small else strata
    order = np.argsort(keys, kind="stable")
    ends = np.bincount(strata, minlength=num_strata).cumsum()
    return np.split(order, ends[:-1])


def stratum_sums(
    features: Callable[[NDArray[np.intp]], Floats],
    strata: Integers,
    num_strata: int,
    *,
    weights: Floats | None,
    resamples: int,
    rng: np.random.Generator,
) -> Iterator[StratumDraws]:
    """Sum features within one stratum after another, under every resample.

    What is not needed of a stratum need not be held: with many strata, runs and
    classes all sums together would fill the memory.

    Parameters
    ----------
    features : callable
        Gives the features of some images, shape (images, features).
    strata : int array, shape (rows,)
    num_strata : int
    weights : float array, shape (rows, resamples), or None
        How often each image is in each resample; without them the sums are drawn as
        ``normal_sums`` says.
    resamples : int
    rng : numpy.random.Generator
        For draws without weights.

    Yields
    ------
    StratumDraws
        Strata ascending; those without an image are left out.
    """
    groups = stratum_members(strata, num_strata)
    sizes = np.array([len(members) for members in groups])
    if weights is None:
        drawn = rng.multinomial(len(strata), sizes / len(strata), size=resamples)
    for s, members in enumerate(groups):
        if not len(members):
            continue
        values = features(members)
        if weights is None:
            is_small = len(members) <= SMALL_STRATUM
            draw = _drawn_sums if is_small else _normal_stratum
            counts: Floats = drawn[:, s].astype(np.float32)
            sums: Floats = draw(values, drawn[:, s], rng)
        else:
            part = weights[members]
            counts = part.sum(axis=0)
            sums = values.astype(weights.dtype, copy=False).T @ part
        total = values.sum(axis=0, dtype=np.float64)
        yield StratumDraws(s, len(members), total, counts, sums)


def weighted_sums(
    features: Floats, strata: Integers, num_strata: int, weights: Floats
) -> StratumSums:
    """Sum features within strata under each resample's weights.

    Parameters
    ----------
    features : float array, shape (rows, features)
    strata : int array, shape (rows,)
    num_strata : int
    weights : float array, shape (rows, resamples)
        Ones in float64 give the sums of the data themselves.
    """
    rng = np.random.default_rng(0)  # nothing is drawn
    return _all_sums(features, strata, num_strata, weights, weights.shape[1], rng)


def normal_sums(
    features: Floats,
    strata: Integers,
    num_strata: int,
    resamples: int,
    rng: np.random.Generator,
) -> StratumSums:
    """Draw bootstrap sums without drawing images, for many rows.

    The number of images in each stratum is multinomial, as in the bootstrap. Given
    that number N, the features' sums have mean N m and covariance N C, with m and C
    those of the stratum's images; a stratum of more than ``SMALL_STRATUM`` images
    takes them from the normal distribution, a smaller one from drawn images.

    Notes
    -----
    The central limit theorem for the multinomial bootstrap (van der Vaart,
    Asymptotic Statistics, 1998, theorem 23.4). Functions of the sums are then
    evaluated as they are, not linearised.
    """
    return _all_sums(features, strata, num_strata, None, resamples, rng)


def _all_sums(
    features: Floats,
    strata: Integers,
    num_strata: int,
    weights: Floats | None,
    resamples: int,
    rng: np.random.Generator,
) -> StratumSums:
    dtype = np.float32 if weights is None else weights.dtype
    counts = np.zeros((num_strata, resamples), dtype)
    sums = np.zeros((num_strata, features.shape[1], resamples), dtype)
    for drawn in stratum_sums(
        lambda members: features[members],
        strata,
        num_strata,
        weights=weights,
        resamples=resamples,
        rng=rng,
    ):
        counts[drawn.stratum], sums[drawn.stratum] = drawn.counts, drawn.sums
    return StratumSums(counts, sums)


def _drawn_sums(
    values: Floats, drawn: Integers, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Sums over images that are drawn one by one, ``drawn`` in each resample."""
    size, resamples = len(values), len(drawn)
    picked = np.repeat(np.arange(resamples) * size, drawn)
    picked += rng.integers(0, size, len(picked))
    counts = np.bincount(picked, minlength=resamples * size)
    weights = counts.reshape(resamples, size).astype(np.float32)
    return np.asarray((weights @ values.astype(np.float32)).T)


def _normal_stratum(
    values: Floats, drawn: Integers, rng: np.random.Generator
) -> NDArray[np.float32]:
    mean = values.mean(axis=0, dtype=np.float64)
    centred = (values - mean).astype(np.float32)
    root = _covariance_root(centred.T @ centred / len(values))
    shape = (values.shape[1], len(drawn))
    noise = root @ rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(drawn * mean[:, None] + np.sqrt(drawn) * noise, np.float32)


def _covariance_root(covariance: NDArray[np.float32]) -> NDArray[np.float32]:
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)), np.float32)


def cell_draws(
    y_true: Integers,
    y_pred: Integers,
    num_classes: int,
    baseline: int,
    resamples: int,
    rng: np.random.Generator,
) -> CellDraws:
    """Draw bootstrap confusion matrices as counts over joint cells.

    The cells truth x baseline are multinomial and drawn once; each is then shared
    out over the other run's predictions. So every pair of baseline and run has
    exactly the distribution that drawing images would give it, and all pairs share
    the baseline's resamples.

    Parameters
    ----------
    y_true : int array, shape (rows,)
        Class ids.
    y_pred : int array, shape (columns, rows)
        Class ids that each run predicted.
    num_classes, baseline : int
        ``baseline`` is the row of ``y_pred`` that the others are paired with.
    """
    rows, k = len(y_true), num_classes
    pairs = y_true * k + y_pred[baseline]
    sizes = np.bincount(pairs, minlength=k * k)
    drawn = rng.multinomial(rows, sizes / rows, size=resamples)
    shape = (len(y_pred), k, resamples)
    hits, predicted = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for c, labels in enumerate(y_pred):
        cells = np.bincount(pairs * k + labels, minlength=k**3).reshape(k * k, k)
        # Where the truth x baseline cell is empty nothing is drawn: any share will do.
        shares = np.where(sizes[:, None], cells / np.maximum(sizes, 1)[:, None], 1 / k)
        if c == baseline:
            matrices = drawn.reshape(resamples, k, k)
        else:
            counts = rng.multinomial(drawn, shares)
            matrices = counts.reshape(resamples, k, k, k).sum(axis=2)
        hits[c] = matrices.diagonal(axis1=1, axis2=2).T
        predicted[c] = matrices.sum(axis=1).T
    support = drawn.reshape(resamples, k, k).sum(axis=2).T
    return CellDraws(support.astype(np.float32), hits, predicted)


def percentile_interval(
    draws: Floats, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile interval over the last axis; undefined draws are left out.

    Parameters
    ----------
    draws : float array, shape (..., resamples)
        NaN where a resample missed the class or group that a metric is about.
    level : float, in (0, 1)

    Returns
    -------
    low, high : float64 arrays, shape (...)
        NaN where no draw is defined.
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


def share_interval(
    share: Floats, images: Floats, variance: Floats, *, seeds: int, level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a share over test images, the trained models held fixed.

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

    Returns
    -------
    low, high : float64 arrays
        NaN where there are no images.

    Notes
    -----
    Wilson's score interval (Journal of the American Statistical Association 1927) on
    the effective number of images, n p (1 - p) / variance: that of one seed is n, and
    the mean of several varies less (as for a survey's design effect, Dean and Pagano,
    Journal of Survey Statistics and Methodology 2015). It is at most n times the
    seeds, and n where the share is 0 or 1: there the bootstrap would give an interval
    of no width. Else the two agree to first order.
    """
    p, n = np.asarray(share, np.float64), np.asarray(images, np.float64)
    spread = p * (1 - p)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(spread > 0, n * spread / np.asarray(variance), n)
        effective = np.clip(effective, n, n * seeds)
        z = special.ndtri((1 + level) / 2)
        ratio = z**2 / effective
        centre = (p + ratio / 2) / (1 + ratio)
        reach = np.sqrt(ratio * spread + ratio**2 / 4) / (1 + ratio)
    known = (n > 0) & np.isfinite(p)
    low = np.where(known, np.clip(centre - reach, 0, p), np.nan)
    return low, np.where(known, np.clip(centre + reach, p, 1), np.nan)


def draw_variance(draws: Floats) -> NDArray[np.float64]:
    """Variance over the last axis, undefined draws left out; NaN below two draws."""
    if not np.isnan(draws).any():
        return np.asarray(draws.var(axis=-1, ddof=1, dtype=np.float64))
    defined = ~np.isnan(draws)
    count = defined.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(defined, draws, 0).sum(axis=-1, dtype=np.float64) / count
        squares = np.where(defined, (draws - mean[..., None]) ** 2, 0)
        variance = squares.sum(axis=-1) / (count - 1)
    return np.asarray(np.where(count > 1, variance, np.nan), np.float64)


@dataclass(frozen=True)
class Differences:
    """A method against the baseline, for several metrics at once.

    Every array has shape (metrics,). ``p`` is two-sided and not yet corrected.
    """

    delta: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]


@dataclass(frozen=True)
class RunDraws:
    """One method's metrics over its seeds, and what resampling makes of them.

    Parameters
    ----------
    values : float64 array, shape (metrics, seeds)
    draws : float array, shape (metrics, seeds, resamples)
        Draw b of every method rests on the same resample b.
    """

    values: NDArray[np.float64]
    draws: Floats

    def signed(self, sign: NDArray[np.float64]) -> "RunDraws":
        """Multiply each metric by a sign, shape (metrics,)."""
        draws = self.draws * sign[:, None, None].astype(self.draws.dtype)
        return RunDraws(self.values * sign[:, None], draws)

    def seed_variance(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Variance of the mean over seeds that other seeds would bring.

        Returns
        -------
        added : float64 array, shape (metrics,)
            What training adds to the variance over images; 0 with one seed.
        spread : float64 array, shape (metrics,)
            Term of the Welch-Satterthwaite formula; 0 where nothing is added.
        """
        seeds = self.values.shape[1]
        if seeds < 2:
            return np.zeros(len(self.values)), np.zeros(len(self.values))
        observed = self.values.var(axis=1, ddof=1) / seeds
        # Images and seeds interact: seeds differ partly because there are few images,
        # and that part is in the variance over images already.
        single = draw_variance(self.draws).mean(axis=1)
        averaged = draw_variance(self.draws.mean(axis=1))
        added = np.maximum(observed - (single - averaged) / (seeds - 1), 0)
        spread = np.where(added > 0, observed**2 / (seeds - 1), 0)
        return added, spread


def paired_differences(
    method: RunDraws,
    baseline: RunDraws,
    n: Integers,
    *,
    level: float,
    same_trainings: bool = False,
) -> Differences:
    """Difference of two methods' means over seeds, with interval and p-value.

    Parameters
    ----------
    method, baseline : RunDraws
        Seeds may differ in number; resamples must be the same.
    n : int array, shape (metrics,)
        Images that each metric rests on.
    level : float, in (0, 1)
    same_trainings : bool
        Whether the two have the same trained weights, seed by seed.

    Returns
    -------
    Differences
        Method minus baseline.

    Notes
    -----
    Two things vary: which test images were drawn, and how training went. The
    variance over images is that of the paired bootstrap of the difference between
    the means over seeds. With two or more seeds a method, the variance between its
    seeds, over the number of seeds, is added, less the part that stems from the
    images and is counted already: in the crossed model metric = mean + image + seed +
    image x seed, the mean over seeds V of the bootstrap variances and the bootstrap
    variance U of the mean over seeds differ by interaction x (1 - 1 / seeds), so that
    (V - U) / (seeds - 1) is taken off, never below 0. (Crossed random effects and why
    the bootstrap counts the interaction twice: McCullagh, Bernoulli 2000; Owen,
    Annals of Applied Statistics 2007.) Seeds are not paired: a seed's number makes
    two methods start alike, not end alike. Where both answer from the same trainings
    they are, and what varies is the difference of each seed.

    The interval is delta +- t x standard error and p the matching t-test's, so they
    agree with each other; degrees of freedom by Welch and Satterthwaite (Satterthwaite,
    Biometrics 1946): close to n - 1 where the images dominate, as few as
    seeds - 1 where training does. With one seed training's variance cannot be
    known and is not in it. Identical predictions give delta 0 and p 1.
    """
    delta = method.values.mean(axis=1) - baseline.values.mean(axis=1)
    draws = method.draws.mean(axis=1) - baseline.draws.mean(axis=1)
    over_images = draw_variance(draws)
    varying: tuple[RunDraws, ...] = (method, baseline)
    if same_trainings:
        values = method.values - baseline.values
        varying = (RunDraws(values, method.draws - baseline.draws),)
    seeds = [runs.seed_variance() for runs in varying]
    variance = over_images + sum(added for added, _ in seeds)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = sum(spread for _, spread in seeds)
        spread = spread + over_images**2 / np.maximum(n - 1, 1)
        freedom = np.where(variance > 0, variance**2 / spread, np.inf)
        error = np.sqrt(variance)
        score = np.abs(delta) / error
    # No variance at all: certain, or no difference at all.
    score = np.where((error == 0) & (delta == 0), 0, score)
    p = 2 * _student_cdf(freedom, -score)
    reach = _student_quantile(freedom, (1 + level) / 2) * error
    return Differences(delta, delta - reach, delta + reach, p)


def _student_cdf(
    freedom: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    # The special functions are 50 times faster than scipy.stats.t on small arrays.
    finite = special.stdtr(np.where(np.isinf(freedom), 1.0, freedom), values)
    return np.asarray(np.where(np.isinf(freedom), special.ndtr(values), finite))


def _student_quantile(freedom: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    finite = special.stdtrit(np.where(np.isinf(freedom), 1.0, freedom), q)
    return np.asarray(np.where(np.isinf(freedom), special.ndtri(q), finite))


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct p-values for several methods by Holm's step-down procedure.

    Parameters
    ----------
    p : float64 array, shape (methods, ...)
        NaN is left out and stays NaN.

    Returns
    -------
    float64 array, shape like ``p``
        Corrected along the first axis.

    Notes
    -----
    Source: Holm, Scandinavian Journal of Statistics 1979. One method stays as it is.
    """
    if p.shape[0] == 0:
        return p.copy()
    order = np.argsort(p, axis=0)  # NaN last
    tests = (~np.isnan(p)).sum(axis=0)
    rank = np.arange(p.shape[0]).reshape(-1, *[1] * (p.ndim - 1))
    stepped = np.take_along_axis(p, order, 0) * np.maximum(tests - rank, 1)
    stepped = np.minimum(np.maximum.accumulate(stepped, axis=0), 1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, stepped, 0)
    return np.where(np.isnan(p), np.nan, corrected)
