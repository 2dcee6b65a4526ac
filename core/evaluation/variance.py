"""How far a number may be off: the variance that test images and trainings bring.

A metric of a method is the mean over its seeds. Two things make it vary: which images
were drawn for the test set, and how each training went. The bootstrap over images
(``RunDraws.draws``) shows the first, the runs with other seeds show the second.

- ``compute_contrasts`` puts every method against the baseline, with both variances;
- ``seed_share`` says which share of the variance the trainings bring;
- ``multiple_comparisons`` makes intervals and p-values of these contrasts, corrected
  for the number of methods;
- ``statistical_power`` says which difference would be found, and with how many seeds;
- ``intervals`` holds the intervals of one method's metric.

Everything takes and returns arrays, one entry for each metric.
"""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from core.evaluation.resampling import Doubles, Flags, Floats, Integers
from core.evaluation.verdicts import MOST_UNDEFINED

_WARY_SHARE = 0.3
"""Chance that a seed variance is larger than a family's degrees of freedom assume."""

undefined_ratios = np.errstate(divide="ignore", invalid="ignore")
"""Decorates what divides by 0 where a number is not defined."""


ROUNDING = 1e-5
"""How far two sums of the same answers may differ, of their size."""


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

    def without_rounding(self, other: "RunDraws") -> "RunDraws":
        """Take the other's draws of each metric in which both give the same answers.

        Sums in float32 differ in their last digits from one processor to the next, and
        from one column to the next. A difference of exactly 0 has no variance, and one
        of 1e-7 would have some, and would count as one more comparison.
        """
        if self.draws.shape != other.draws.shape:
            return self
        with warnings.catch_warnings(action="ignore"):  # no draw may be defined
            apart = np.nanmax(np.abs(self.draws - other.draws), axis=(1, 2))
            size = np.nanmax(np.abs(other.draws), axis=(1, 2))
        same = np.isclose(self.values, other.values, rtol=1e-12, atol=0).all(axis=1)
        same &= apart <= ROUNDING * size
        if not same.any():
            return self
        return RunDraws(
            np.where(same[:, None], other.values, self.values),
            np.where(same[:, None, None], other.draws, self.draws),
        )

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


@undefined_ratios
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
    return pool_variances(_distinct(methods, trainings or {}))


def _distinct(
    methods: Mapping[str, RunDraws], trainings: Mapping[str, str]
) -> list[TrainingVariance]:
    seeds = {name: runs.seeds for name, runs in methods.items()}
    chosen = distinct_trainings(seeds, trainings)
    return [methods[name].training_variance() for name in chosen]


def name_trainings(
    runs: Sequence[tuple[str, int]], trainings: Mapping[tuple[str, int], str]
) -> dict[str, str]:
    """Name the trained weights of each method, where they are known.

    Parameters
    ----------
    runs : sequence of (method, seed)
    trainings : mapping of (method, seed) to str
        What the training of each run is known by.

    Returns
    -------
    dict of str to str
        By method. Methods that share some of their trainings have one name.
    """
    owners: dict[str, str] = {}
    found: dict[str, str] = {}
    for method in dict.fromkeys(method for method, _ in runs):
        own = [trainings[run] for run in runs if run[0] == method and run in trainings]
        if own:
            owner = next((owners[key] for key in own if key in owners), method)
            owners |= {key: owners.get(key, owner) for key in own}
            found[method] = owner
    return found


def distinct_trainings(
    seeds: Mapping[str, int], trainings: Mapping[str, str]
) -> list[str]:
    """Methods that tell how much trainings vary: one for each training of two seeds.

    Parameters
    ----------
    seeds : mapping of str to int
        Number of seeds of each method.
    trainings : mapping of str to str
        As for ``pool_training_variance``.
    """
    chosen: dict[tuple[str, str], str] = {}
    for name, number in seeds.items():
        if number > 1:
            # A training and a method may have the same name.
            is_known = name in trainings
            key = ("training", trainings[name]) if is_known else ("method", name)
            if number > seeds[chosen.setdefault(key, name)]:
                chosen[key] = name
    return list(chosen.values())


@undefined_ratios
def pool_variances(parts: Sequence[TrainingVariance]) -> TrainingVariance | None:
    """Pool the variances of distinct trainings, as ``pool_training_variance`` says."""
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


def _stacked(parts: Sequence[TrainingVariance]) -> tuple[Doubles, Doubles, Doubles]:
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
    paired_run: TrainingVariance | None = None,
) -> dict[str, Contrast]:
    """Put methods against a baseline, with the variance and where it is from.

    Parameters
    ----------
    methods : mapping of str to RunDraws
        The baseline among them. Seeds may differ in number; resamples are the same.
    baseline : str, or mapping of str to str
        The method that all others are put against; or of each method that is put
        against another, that one. No method may be a baseline of another and have one
        itself.
    n : int array, shape (metrics,), or a mapping of method to such an array
        Images that each metric rests on.
    paired : collection of str
        Methods that have the baseline's own trained weights, seed by seed. If the
        number of seeds differs from the baseline's, they are not paired.
    trainings : mapping of str to str, optional
        A name for the trained weights of each method, so that each counts once in the
        pooled variance; see ``pool_training_variance``.
    parts : mapping of str to RunDraws, optional
        The baseline's part beside a method, where it is not the same for all: a gap is
        of the groups that count in both.
    paired_run : TrainingVariance, optional
        Of the difference of one paired run, where more trainings tell it than the
        method's own.

    Returns
    -------
    dict of str to Contrast
        Of the methods that have a baseline, in the order of ``methods``.

    Notes
    -----
    The variance of a difference is U + T. U is the variance of the paired bootstrap of
    the difference of the means over seeds. T depends on the seeds of the two:

    - The method and the baseline have two or more: the variance between the seeds of
      each, over their number, less the part that stems from the images
      (``TrainingVariance``). Methods differ in how much their trainings vary, so the
      variances are not pooled. Degrees of freedom by Welch and Satterthwaite
      (Satterthwaite, Biometrics 1946).
    - One of them has one seed, but other trainings have two or more: the pooled
      variance, T = s_b^2 (1 / S_k + 1 / S_0), with
      (U + T)^2 / ([MS (1 / S_k + 1 / S_0)]^2 / sum (S_j - 1) + U^2 / (n - 1)) degrees
      of freedom. It assumes that the method's trainings vary as those of the others.
    - No method has two: T is 0, and the difference speaks of these trained models only.

    Seeds are not paired: a seed's number makes two methods start alike, not end alike.
    ``paired`` methods are: the difference of each seed is the unit there, and with a
    single one the difference speaks of that training only.
    """
    if isinstance(baseline, str):
        baseline = {name: baseline for name in methods if name != baseline}
    own = {name: name for name in baseline.values()} | {m: baseline[m] for m in paired}
    distinct = _distinct(methods, own | dict(trainings or {}))
    pool, typical = pool_variances(distinct), _typical(distinct)
    contrasts = {}
    for name, runs in methods.items():
        if name not in baseline:
            continue
        reference = parts[name] if parts else methods[baseline[name]]
        runs = runs.without_rounding(reference)
        seeds = (runs.seeds, reference.seeds)
        variances: _Pair
        if name in paired and seeds[0] == seeds[1]:
            unit = paired_run
            if unit is None and seeds[0] > 1:
                unit = runs.less(reference).training_variance()
            variances = unit, None
        elif min(seeds) > 1:
            variances = runs.training_variance(), reference.training_variance()
        else:
            variances = pool, pool
        images = n[name] if isinstance(n, Mapping) else n
        contrasts[name] = _contrast(
            runs, reference, images, variances, typical, baseline_name=baseline[name]
        )
    return contrasts


_Pair = tuple[TrainingVariance | None, TrainingVariance | None]
"""Variances of one run of the method and of the baseline; one twice if pooled."""


def _contrast(
    runs: RunDraws,
    reference: RunDraws,
    n: Integers,
    variances: _Pair,
    typical: TrainingVariance | None,
    *,
    baseline_name: str,
) -> Contrast:
    delta = runs.values.mean(axis=1) - reference.values.mean(axis=1)
    draws = runs.mean_draws - reference.mean_draws
    undefined = np.isnan(draws).mean(axis=1) > MOST_UNDEFINED
    undefined |= ~np.isfinite(delta)
    over_images = np.where(undefined, np.nan, draw_variance(draws))
    seeds = (runs.seeds, reference.seeds)
    own, shared, spread = seed_terms(variances, seeds)
    freedom = satterthwaite(over_images, n, own + shared, spread)
    wary = _wary(variances, typical)
    own_wary, shared_wary, spread_wary = seed_terms(wary, seeds)
    family = satterthwaite(over_images, n, own_wary + shared_wary, spread_wary)
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
        reference=baseline_name,
        interaction=interaction,
        method_run=variances[0],
        baseline_run=variances[1],
        draws=draws,
        undefined=undefined | ~np.isfinite(over_seeds),
    )


def _is_pooled(variances: _Pair) -> bool:
    return variances[0] is not None and variances[0] is variances[1]


def seed_terms(
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


@undefined_ratios
def _spread(one: TrainingVariance, seeds: float) -> Doubles:
    """Satterthwaite's term of a variance over ``seeds`` seeds."""
    return np.asarray((one.observed / seeds) ** 2 / one.freedom)


@undefined_ratios
def satterthwaite(
    images: Doubles, n: Floats | Integers, seeds: Doubles, spread: Doubles
) -> Doubles:
    """Degrees of freedom, infinite where nothing varies.

    At least 1, as for a plain sum. Without this limit, subtracting the part of the
    images from a variance between seeds could give less, where a t interval is useless.
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


@undefined_ratios
def seed_share(contrast: Contrast) -> Doubles:
    """Share of the variance of ``delta`` that the trainings bring, shape (metrics,).

    T / (U + T), 0 to 1; NaN where undefined, where nothing varies, and where no seed
    variance is known.
    """
    if contrast.one_training:
        return np.full(len(contrast.delta), np.nan)
    total = contrast.over_images + contrast.over_seeds
    return np.asarray(contrast.over_seeds / total)
