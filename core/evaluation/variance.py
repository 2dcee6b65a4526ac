"""How far a number may be off: the variance that test images and trainings bring.

A metric of a method is the mean over its seeds. Two things make it vary: which images
were drawn for the test set, and how each training went. The bootstrap over images
(``RunDraws.draws``) shows the first, the runs with other seeds show the second.

- ``compute_contrasts`` puts every method against the baseline, with both variances;
- ``simultaneous`` makes one interval and one p-value of each difference, which hold
  for all methods of a family at once;
- ``smallest_detectable``, ``detectable_with``, ``seeds_needed`` and ``seed_share`` read
  from these whether a difference could be found, and whether more seeds would settle
  it;
- ``single_interval`` and ``wilson`` are the intervals of one method's metric;
- ``monte_carlo_error`` and ``borderline`` say where the number of resamples decides.

Everything takes and returns arrays, one entry for each metric.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from core.evaluation.resampling import LEVEL, Doubles, Flags, Floats, Integers
from core.evaluation.verdicts import MOST_UNDEFINED

POWER = 0.8
JOINT_SHARE = 0.5
"""Share of resamples that all methods must have for their correlation to be used."""
MOST_SEEDS = 100
BORDERLINE_ERRORS = 3.0
"""Monte Carlo errors within which an interval's end does not decide a verdict."""
_WARY_SHARE = 0.3
"""Chance that a seed variance is larger than a family's degrees of freedom assume."""
_POINTS = 2**14
"""Points that the maximum over the methods is computed on."""
_SHARES = (np.arange(_POINTS) + 0.5) / _POINTS
_TAIL = 2e-3
"""Probability below which the sequence has too few points for a p-value."""
_LARGE_FREEDOM = 1e7
_LONG_REACH = 1e3
_ROUNDING = 1e-12
"""Share of a variance below which a part of it is rounding."""


_undefined_ratios = np.errstate(divide="ignore", invalid="ignore")
"""Decorates what divides by 0 where a number is not defined."""


@dataclass(frozen=True)
class RunDraws:
    """One method's metrics over its seeds, and the same under resampled images.

    Parameters
    ----------
    values : float64 array, shape (metrics, seeds)
    draws : float array, shape (metrics, seeds, resamples)
        Draw b of every method rests on the same resample b. NaN where a resample
        missed the class or group that a metric is about.
    """

    values: Doubles
    draws: Floats

    @property
    def seeds(self) -> int:
        """Number of runs."""
        return int(self.values.shape[1])

    def signed(self, sign: Doubles) -> "RunDraws":
        """Multiply each metric by a sign, shape (metrics,)."""
        draws = self.draws * sign[:, None, None].astype(self.draws.dtype)
        return RunDraws(self.values * sign[:, None], draws)

    def less(self, other: "RunDraws") -> "RunDraws":
        """Difference to another method of as many seeds, seed by seed."""
        return RunDraws(self.values - other.values, self.draws - other.draws)

    @cached_property
    def mean_draws(self) -> Floats:
        """Mean over the seeds in every resample, shape (metrics, resamples)."""
        return np.asarray(self.draws.mean(axis=1))

    @cached_property
    def over_images(self) -> Doubles:
        """Variance of the mean over the seeds that the draw of the images brings."""
        return draw_variance(self.mean_draws)

    def training_variance(self) -> "TrainingVariance":
        """Variance of one run over seeds; needs two seeds.

        Notes
        -----
        In the crossed model metric = mean + image + seed + image x seed, the mean V
        over the seeds of the bootstrap variances of a run, and the bootstrap variance
        U of the mean over S seeds, differ by interaction x (1 - 1 / S). So the
        interaction's variance in one run is (V - U) S / (S - 1). Crossed random
        effects and why the bootstrap counts the interaction twice: McCullagh,
        Bernoulli 2000; Owen, Annals of Applied Statistics 2007.
        """
        if self.seeds < 2:
            raise ValueError("the variance over seeds needs two seeds or more")
        return self._training_variance

    @cached_property
    def _training_variance(self) -> "TrainingVariance":
        seeds = self.seeds
        of_runs = draw_variance(self.draws).mean(axis=1)
        of_mean = self.over_images
        return TrainingVariance(
            observed=self.values.var(axis=1, ddof=1),
            interaction=(of_runs - of_mean) * seeds / (seeds - 1),
            freedom=np.full(len(self.values), seeds - 1.0),
        )


@dataclass(frozen=True)
class TrainingVariance:
    """How much a metric varies from training to training; arrays of shape (metrics,).

    Parameters
    ----------
    observed : float64 array
        Variance of the runs' values over the seeds.
    interaction : float64 array
        Part of ``observed`` that stems from the finite test set: seeds err on different
        images. The variance over images holds it already.
    freedom : float64 array
        Degrees of freedom of ``observed``.
    """

    observed: Doubles
    interaction: Doubles
    freedom: Doubles

    @property
    def between(self) -> Doubles:
        """Variance that trainings bring on any number of images, at least 0."""
        return np.asarray(np.maximum(self.observed - self.interaction, 0))

    @property
    def of_run(self) -> Doubles:
        """Variance that one more training brings on these images."""
        return np.asarray(np.maximum(np.maximum(self.observed, self.interaction), 0))


@dataclass(frozen=True)
class Contrast:
    """One method against the baseline.

    Every array has one entry for each metric, shape (metrics,), unless said.

    Parameters
    ----------
    delta : float64 array
        Mean over all seeds of the method minus that of the baseline.
    over_images : float64 array
        Variance U that the draw of the test images brings to ``delta``.
    over_seeds : float64 array
        Variance T that the trainings add to it; 0 where ``one_training``.
    freedom : float64 array
        Degrees of freedom of U + T.
    family_freedom : float64 array
        The same for an interval of several methods, at most ``freedom``.
    n : int array
        Images that the metric rests on.
    seeds : tuple of int
        Seeds of the method and of the baseline.
    shared : float64 array
        Part of ``over_seeds`` that the baseline's trainings bring, and that all
        methods with this baseline share.
    reference : str
        The baseline's name.
    interaction : float64 array
        Part of ``over_images`` that more seeds take away.
    method_run, baseline_run : TrainingVariance or None
        Of one run of the two, for planning; None where it is not known.
        ``baseline_run`` is also None where the two share their trainings.
    draws : float array, shape (metrics, resamples)
        ``delta`` under the resamples.
    undefined : bool array
        Where too many resamples (``MOST_UNDEFINED``), or ``delta`` itself, are
        undefined: there is no interval then.
    """

    delta: Doubles
    over_images: Doubles
    over_seeds: Doubles
    freedom: Doubles
    family_freedom: Doubles
    n: Integers
    seeds: tuple[int, int]
    shared: Doubles
    reference: str
    interaction: Doubles
    method_run: TrainingVariance | None
    baseline_run: TrainingVariance | None
    draws: Floats
    undefined: Flags

    @property
    def one_training(self) -> bool:
        """Whether there is no seed variance.

        The difference is then that of these trained models, and says nothing of how the
        method does when it is trained anew.
        """
        return self.method_run is None

    @property
    def pooled(self) -> bool:
        """Whether the seed variance is that of all methods, since one has one seed."""
        return _is_pooled((self.method_run, self.baseline_run))

    @property
    def error(self) -> Doubles:
        """Standard error of ``delta``, sqrt(U + T); NaN where undefined."""
        return np.asarray(np.sqrt(self.over_images + self.over_seeds))


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


@dataclass(frozen=True)
class SingleInterval:
    """Interval of one method's mean over its seeds, float64 arrays of shape (metrics,).

    ``anew`` says whether it speaks of the method trained anew on new images, else of
    these trained models on new images.
    """

    low: Doubles
    high: Doubles
    anew: bool


@_undefined_ratios
def draw_variance(draws: Floats) -> Doubles:
    """Variance over the last axis, undefined draws left out; NaN below two draws."""
    mean = draws.mean(axis=-1, keepdims=True)
    partial = np.isnan(mean[..., 0])
    if not partial.any():
        centred = draws - mean
        squares = np.linalg.vecdot(centred, centred).astype(np.float64)
        return np.asarray(squares / (draws.shape[-1] - 1))
    if not partial.all():
        # Counting what is defined takes many times as long.
        found = np.empty(partial.shape)
        found[partial] = draw_variance(draws[partial])
        found[~partial] = draw_variance(draws[~partial])
        return found
    defined = ~np.isnan(draws)
    counted = defined.sum(axis=-1)
    mean = np.where(defined, draws, 0).sum(axis=-1, dtype=np.float64) / counted
    squares = np.where(defined, (draws - mean[..., None]) ** 2, 0)
    variance = squares.sum(axis=-1) / (counted - 1)
    return np.asarray(np.where(counted > 1, variance, np.nan), np.float64)


def percentile_interval(draws: Floats, level: float) -> tuple[Doubles, Doubles]:
    """Percentile interval over the last axis; undefined draws are left out.

    Of draws of shape (..., resamples), NaN where a resample missed the class or group
    that a metric is about: ``low`` and ``high``, float64 arrays of shape (...), NaN
    where no draw is defined.
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


def pool_training_variance(
    methods: Mapping[str, RunDraws], trainings: Mapping[str, str] | None = None
) -> TrainingVariance | None:
    """Pool the variance over seeds of all methods that have two seeds or more.

    Parameters
    ----------
    methods : mapping of str to RunDraws
    trainings : mapping of str to str, optional
        What the trained weights of each method are known by. Methods that answer from
        the same weights count once, by the one with most seeds; a method that is not
        named has weights of its own.

    Returns
    -------
    TrainingVariance or None
        None where no method has two seeds. Over the distinct trainings j with S_j >= 2
        seeds, weighted by S_j - 1: ``observed`` is MS = sum (S_j - 1) s_j^2 / sum (S_j
        - 1), the pooled variance of an analysis of variance, and ``interaction`` is the
        same mean of i_j. Their difference, never below 0, is s_b^2.
    """
    return _pooled(_distinct(methods, trainings or {}))


def _distinct(
    methods: Mapping[str, RunDraws], trainings: Mapping[str, str]
) -> list[TrainingVariance]:
    """One variance for each training of two seeds, by the method with most of them."""
    chosen: dict[tuple[str, str], RunDraws] = {}
    for name, runs in methods.items():
        if runs.seeds > 1:
            # A training and a method may have the same name.
            is_known = name in trainings
            key = ("training", trainings[name]) if is_known else ("method", name)
            if runs.seeds > chosen.setdefault(key, runs).seeds:
                chosen[key] = runs
    return [runs.training_variance() for runs in chosen.values()]


@_undefined_ratios
def _pooled(parts: list[TrainingVariance]) -> TrainingVariance | None:
    if not parts:
        return None
    observed, interaction, freedom = _stacked(parts)
    known = np.isfinite(observed) & np.isfinite(interaction)
    weight = np.where(known, freedom, 0)
    total = weight.sum(axis=0)
    observed, interaction = (
        (weight * np.where(known, values, 0)).sum(axis=0) / total
        for values in (observed, interaction)
    )
    return TrainingVariance(observed, interaction, total)


def _typical(parts: list[TrainingVariance]) -> TrainingVariance | None:
    """The median training, its variance corrected for the median of chi-squared."""
    if not parts:
        return None
    observed, interaction, freedom = _stacked(parts)
    observed = observed * freedom / special.chdtri(freedom, 0.5)
    return TrainingVariance(_median(observed), _median(interaction), freedom[0])


def _stacked(parts: list[TrainingVariance]) -> tuple[Doubles, Doubles, Doubles]:
    return (
        np.array([one.observed for one in parts]),
        np.array([one.interaction for one in parts]),
        np.array([one.freedom for one in parts]),
    )


def _median(values: Doubles) -> Doubles:
    """Median over the first axis, undefined values left out; NaN where all are."""
    middle = np.full(values.shape[1], np.nan)
    known = np.isfinite(values).any(axis=0)
    middle[known] = np.nanmedian(values[:, known], axis=0)
    return middle


def compute_contrasts(
    methods: Mapping[str, RunDraws],
    baseline: str | Mapping[str, str],
    n: Integers | Mapping[str, Integers],
    *,
    paired: Collection[str] = (),
    trainings: Mapping[str, str] | None = None,
    parts: Mapping[str, RunDraws] | None = None,
) -> dict[str, Contrast]:
    """Put methods against a baseline, with the variance and where it is from.

    Parameters
    ----------
    methods : mapping of str to RunDraws
        The baseline among them. Seeds may differ in number; resamples are the same.
    baseline : str, or mapping of str to str
        The method that all others are put against; or of each method that is put
        against another, that one. No method may be on both sides.
    n : int array, shape (metrics,), or a mapping of method to such an array
        Images that each metric rests on.
    paired : collection of str
        Methods that have the baseline's own trained weights, seed by seed. With
        another number of seeds than the baseline they are not taken as paired.
    trainings : mapping of str to str, optional
        What the trained weights of each method are known by, so that each counts
        once in the pooled variance; see ``pool_training_variance``.
    parts : mapping of str to RunDraws, optional
        The baseline's part beside a method, where it is not the same for all: a gap is
        of the groups that count in both.

    Returns
    -------
    dict of str to Contrast
        Of the methods that have a baseline, in the order of ``methods``.

    Notes
    -----
    The variance of a difference is U + T. U is the variance of the paired bootstrap of
    the difference of the means over seeds. T depends on the seeds that there are:

    - The method and the baseline have two or more: the variance between the seeds of
      each, over their number, less the part that stems from the images
      (``TrainingVariance``). Methods differ in how much their trainings vary, so the
      variances are not pooled. Degrees of freedom by Welch and Satterthwaite
      (Satterthwaite, Biometrics 1946).
    - One of them has one seed, but other trainings have two or more: the pooled
      variance, T = s_b^2 (1 / S_k + 1 / S_0), with
      (U + T)^2 / ([MS (1 / S_k + 1 / S_0)]^2 / sum (S_j - 1) + U^2 / (n - 1)) degrees
      of freedom. It assumes that the method's trainings vary as those of the others.
    - Nobody has two: T is 0, and the difference speaks of these trained models only.

    Seeds are not paired: a seed's number makes two methods start alike, not end alike.
    ``paired`` methods are: the difference of each seed is the unit there, and with a
    single one the difference speaks of that training only.
    """
    if isinstance(baseline, str):
        baseline = {name: baseline for name in methods if name != baseline}
    own = {of: of for of in baseline.values()} | {m: baseline[m] for m in paired}
    distinct = _distinct(methods, own | dict(trainings or {}))
    pool, typical = _pooled(distinct), _typical(distinct)
    contrasts = {}
    for name, runs in methods.items():
        if name not in baseline:
            continue
        reference = parts[name] if parts else methods[baseline[name]]
        seeds = (runs.seeds, reference.seeds)
        variances: _Pair
        if name in paired and seeds[0] == seeds[1]:
            unit = runs.less(reference)
            variances = (unit.training_variance() if seeds[0] > 1 else None, None)
        elif min(seeds) > 1:
            variances = runs.training_variance(), reference.training_variance()
        else:
            variances = pool, pool
        images = n[name] if isinstance(n, Mapping) else n
        contrasts[name] = _contrast(
            runs, reference, images, variances, typical, of=baseline[name]
        )
    return contrasts


_Pair = tuple[TrainingVariance | None, TrainingVariance | None]
"""Of one run of the method and of the baseline; twice the same where pooled."""


def _contrast(
    runs: RunDraws,
    reference: RunDraws,
    n: Integers,
    variances: _Pair,
    typical: TrainingVariance | None,
    *,
    of: str,
) -> Contrast:
    delta = runs.values.mean(axis=1) - reference.values.mean(axis=1)
    draws = runs.mean_draws - reference.mean_draws
    undefined = np.isnan(draws).mean(axis=1) > MOST_UNDEFINED
    undefined |= ~np.isfinite(delta)
    over_images = np.where(undefined, np.nan, draw_variance(draws))
    seeds = (runs.seeds, reference.seeds)
    own, shared, spread = _seed_terms(variances, seeds)
    freedom = _satterthwaite(over_images, n, own + shared, spread)
    wary = _wary(variances, typical)
    own_wary, shared_wary, spread_wary = _seed_terms(wary, seeds)
    family = _satterthwaite(over_images, n, own_wary + shared_wary, spread_wary)
    interaction = np.zeros(len(delta))
    for one, number in zip(variances, seeds, strict=True):
        if one is not None:
            interaction = interaction + one.interaction / number
    over_seeds = np.where(undefined, np.nan, own + shared)
    return Contrast(
        delta=delta,
        over_images=over_images,
        over_seeds=over_seeds,
        freedom=freedom,
        family_freedom=np.fmin(family, freedom),
        n=np.asarray(n, np.int64),
        seeds=seeds,
        shared=np.broadcast_to(shared, delta.shape),
        reference=of,
        interaction=interaction,
        method_run=variances[0],
        baseline_run=variances[1],
        draws=draws,
        undefined=undefined | ~np.isfinite(over_seeds),
    )


def _is_pooled(variances: _Pair) -> bool:
    return variances[0] is not None and variances[0] is variances[1]


def _seed_terms(
    variances: _Pair, seeds: tuple[int, int]
) -> tuple[Doubles, Doubles, Doubles]:
    """Variances that the seeds of either add, and Satterthwaite's term of both."""
    nothing = np.zeros(1)
    between, spread = [nothing, nothing], nothing
    for i, one in enumerate(variances):
        if one is not None:
            between[i] = one.between / seeds[i]
            spread = spread + _spread(one, seeds[i])
    if _is_pooled(variances) and variances[0] is not None:
        spread = _spread(variances[0], 1 / (1 / seeds[0] + 1 / seeds[1]))
    return between[0], between[1], spread


@_undefined_ratios
def _spread(one: TrainingVariance, seeds: float) -> Doubles:
    """Satterthwaite's term of a variance over ``seeds`` seeds."""
    return np.asarray((one.observed / seeds) ** 2 / one.freedom)


@_undefined_ratios
def _satterthwaite(
    images: Doubles, n: Floats | Integers, seeds: Doubles, spread: Doubles
) -> Doubles:
    """Degrees of freedom, infinite where nothing varies.

    Never below 1, as of a plain sum: the images' part that is taken off a variance
    between seeds could bring it there, where a t interval has no use.
    """
    total = images + seeds
    spread = spread + images**2 / np.maximum(n - 1, 1)
    freedom = np.where(total == 0, np.inf, total**2 / spread)
    return np.asarray(np.maximum(freedom, 1.0))


def _wary(variances: _Pair, typical: TrainingVariance | None) -> _Pair:
    """The seed variances that the degrees of freedom of a family are counted with."""
    method, baseline = variances
    if method is None:
        return variances
    if baseline is None or method is baseline or typical is None:
        quantile = special.chdtri(method.freedom, 1 - _WARY_SHARE)
        upper = method.observed * method.freedom / quantile
        wary = TrainingVariance(upper, method.interaction, method.freedom)
        return wary, None if baseline is None else wary
    smaller = np.fmin(typical.observed, baseline.observed)
    return (
        TrainingVariance(typical.observed, typical.interaction, method.freedom),
        TrainingVariance(smaller, baseline.interaction, baseline.freedom),
    )


@_undefined_ratios
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
    therefore ``family_freedom``, the smaller of those and of the same formula with
    seed variances that chance did not make small: for own variances the median over
    the trainings (and the smaller of that and its own for the baseline, whose
    few seeds count most where they vary least), for pooled and paired ones the upper
    limit of a one-sided 70 % confidence interval. The standard errors are not touched.
    By simulation (``bench/coverage.py``) false verdicts of a family fall from up to
    16 % to at most 7 %.

    R has two parts. The images' covariance is that of the joint resamples. A
    baseline's trainings are shared by all methods that are put against it; a method's
    own are taken as independent of the others', also where methods answer from the same
    weights, and so are those of two baselines: that makes intervals wider, never too
    short (Sidak, Journal of the American Statistical Association 1967). Where R cannot
    be had, since few resamples are defined for all methods, Bonferroni's inequality
    takes its place (Dunn, same journal, 1961).

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
    single = 2 * _student_cdf(freedom, -score)
    critical, adjusted = _maximum(every, tested, single, level)
    reach = -_student_quantile(freedom, special.ndtr(-critical))
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
        # Never below one test nor above as many independent ones.
        sidak = special.ndtri((1 + level ** (1 / sizes[m])) / 2)
        quantile = np.interp(level, _SHARES, largest)
        critical[m] = np.clip(quantile, critical[m], sidak)
        most = -np.expm1(sizes[m] * np.log1p(-p))
        adjusted[members, m] = np.clip(_exceedance(largest, p), p, most)
    return critical, adjusted


def _exceedance(largest: Floats, p: Doubles) -> Doubles:
    """Chance that the maximum exceeds the normal score of each p.

    Where the sequence has too few points, the ratio to p stays that of where it has
    enough.
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


@_undefined_ratios
def _to_correlation(covariance: Floats) -> Doubles:
    """Scale covariances of shape (..., k, k) to a unit diagonal; 0 without variance."""
    deviations = np.sqrt(covariance.diagonal(axis1=-2, axis2=-1).astype(np.float64))
    scale = np.where(deviations > 0, 1 / deviations, 0)
    return np.asarray(covariance * scale[..., :, None] * scale[..., None, :])


@cache
def _normal_points(dimensions: int) -> NDArray[np.float32]:
    """Points that fill the standard normal distribution evenly, (dimensions, points).

    Notes
    -----
    A scrambled Sobol sequence (Owen, Journal of Complexity 1998). Of the quantile of a
    family of twelve methods it leaves an error of 0.2 %.
    """
    # It takes half a second to import, which a study of one method need not wait for.
    from scipy.stats import qmc

    sobol = qmc.Sobol(dimensions, rng=np.random.default_rng(0))
    uniform = np.clip(sobol.random(_POINTS).T, 1e-9, 1 - 1e-9)
    return np.asarray(special.ndtri(uniform), np.float32)


def smallest_detectable(contrast: Contrast, reach: Doubles) -> Doubles:
    """Difference that this study would have found with the power ``POWER``.

    In the metric's unit, at least 0, shape (metrics,); NaN where undefined. ``reach``
    are the standard errors to either end of the method's interval, of the same shape.

    Notes ----- The true difference d for which Student's noncentral t with
    noncentrality d / error exceeds the reach with that chance; with many degrees of
    freedom (reach + z) x error (Bloom, Evaluation Review 1995). Over a reach of
    thousands of errors, as of less than one degree of freedom, the normal part of t is
    nothing beside its noncentrality, and t is that over the root of a chi-square's mean
    square.
    """
    known = ~contrast.undefined & np.isfinite(reach)
    freedom = np.where(known, contrast.freedom, 1)
    shift = _found_with_power(freedom, np.where(known, reach, 1))
    return np.asarray(np.where(known, shift * contrast.error, np.nan))


def _found_with_power(freedom: Doubles, reach: Doubles) -> Doubles:
    """Standard errors that a true difference must have to be found with ``POWER``."""
    freedom = np.minimum(freedom, _LARGE_FREEDOM)
    # Of a long reach, the search for the noncentrality would take hours.
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
    needed = -_student_quantile(planned, _single_level(contrast, reach))
    shift = _found_with_power(np.where(known, planned, 1), np.where(known, needed, 1))
    return np.asarray(np.where(known, shift * error, np.nan))


def _single_level(contrast: Contrast, reach: Doubles) -> Doubles:
    """One-sided level of a single test that has this reach."""
    return _student_cdf(contrast.freedom, -np.where(np.isfinite(reach), reach, 1.0))


@_undefined_ratios
def seeds_needed(contrast: Contrast, reach: Doubles) -> Doubles:
    """Seeds of each method with which the observed difference would be settled.

    Found with the power ``POWER``, that is, were it the true one. A float64 array of
    shape (metrics,): seeds of the method and of the baseline, from 2; inf where
    ``MOST_SEEDS`` would not do, so that only more images would; NaN where the contrast
    is undefined or where no seed variance is known. ``reach`` is as in
    ``smallest_detectable``.

    Notes ----- With S seeds each the variance is F + (w_k + w_0) / S: F is the part of
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
        needed = -_student_quantile(freedom, tail)
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


@_undefined_ratios
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


@_undefined_ratios
def seed_share(contrast: Contrast) -> Doubles:
    """Share of the variance of ``delta`` that the trainings bring, shape (metrics,).

    T / (U + T), 0 to 1; NaN where undefined, where nothing varies, and where no seed
    variance is known.
    """
    if contrast.one_training:
        return np.full(len(contrast.delta), np.nan)
    total = contrast.over_images + contrast.over_seeds
    return np.asarray(contrast.over_seeds / total)


@_undefined_ratios
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
    the value, with both distances multiplied by sqrt((U + T) / U) x t / z x
    sqrt(n / (n - 1)): U is the variance over images, T that of the trainings over the
    number of seeds, t Student's quantile with Satterthwaite's degrees of freedom, and z
    the normal one (with T = 0: Hesterberg's expanded percentiles, The American
    Statistician 2015). Where the resamples do not vary, the ends are t sqrt(T) away.
    """
    mean = runs.values.mean(axis=1)
    draws = runs.mean_draws
    undefined = np.isnan(draws).mean(axis=1) > MOST_UNDEFINED
    undefined |= np.isnan(mean)
    images = runs.over_images
    training = None
    if anew:
        training = runs.training_variance() if runs.seeds > 1 else pooled
    trainings, _, spread = _seed_terms((training, None), (runs.seeds, 0))
    total = images + trainings
    freedom = _satterthwaite(images, n, trainings, spread)
    student = _student_quantile(freedom, np.full(len(mean), (1 + level) / 2))
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


@_undefined_ratios
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


@_undefined_ratios
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
    Journal of Survey Statistics and Methodology 2015). It is at most n times the
    seeds, and n where the share is 0 or 1: there the bootstrap would give an interval
    of no width. Else the two agree to first order. The variance that trainings add
    makes it smaller.
    """
    p, n = np.asarray(share, np.float64), np.asarray(images, np.float64)
    spread = p * (1 - p)
    effective = np.where(spread > 0, n * spread / np.asarray(variance), n)
    effective = np.clip(effective, n, n * seeds)
    total = spread / effective + trainings
    effective = np.where(spread > 0, spread / total, effective)
    usual = special.ndtri((1 + level) / 2)
    # Of a share of 0 or 1 no run differs: it says nothing of how trainings vary.
    z = usual if reach is None else np.where(spread > 0, reach, usual)
    ratio = z**2 / effective
    centre = (p + ratio / 2) / (1 + ratio)
    away = np.sqrt(ratio * spread + ratio**2 / 4) / (1 + ratio)
    known = (n > 0) & np.isfinite(p)
    low = np.where(known, np.clip(centre - away, 0, p), np.nan)
    return low, np.where(known, np.clip(centre + away, p, 1), np.nan)


def _student_cdf(freedom: Doubles, values: Doubles) -> Doubles:
    # The special functions are 50 times faster than scipy.stats.t on small arrays.
    finite = special.stdtr(np.where(np.isinf(freedom), 1.0, freedom), values)
    return np.asarray(np.where(np.isinf(freedom), special.ndtr(values), finite))


def _student_quantile(freedom: Doubles, share: Doubles | float) -> Doubles:
    finite = special.stdtrit(np.where(np.isinf(freedom), 1.0, freedom), share)
    return np.asarray(np.where(np.isinf(freedom), special.ndtri(share), finite))
