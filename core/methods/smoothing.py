"""Smoothing over neighbouring targets: LDS for weights, FDS for features."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.language import gettext, in_form
from core.methods.checks import (
    ABOVE_ZERO,
    FROM_ZERO,
    SHARE_BELOW_ONE,
    check_choice,
    check_number,
)

Floats = NDArray[np.float64]
Kernel = Literal["gaussian", "triang", "laplace"]
Reweight = Literal["sqrt_inv", "inverse"]
Outside = Literal["error", "last bin"]
# Defaults of LDS, and of FDS.
KERNEL_SIZE = 5
SIGMA = 2.0
MAX_TARGET = 121

# Counts are clipped to these bounds before they are inverted, as in the authors' code.
LEAST_COUNT, MOST_COUNT = 5, 1000
# scipy.ndimage.gaussian_filter1d, which the authors call, ends here.
GAUSSIAN_ENDS_AT_SIGMAS = 4.0
# If a bucket's variances sum to less, they count as 0, and its features stay.
LEAST_TOTAL_VARIANCE = 1e-10


def kernel_window(
    kernel: Kernel = "gaussian",
    *,
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    total_one: bool = False,
) -> Floats:
    """Window of the kernel that LDS and FDS smooth with.

    Parameters
    ----------
    kernel : {"gaussian", "triang", "laplace"}
    kernel_size : int, odd
        Bins that the window spans.
    sigma : float, above 0
        Width of the Gaussian or Laplace kernel, in bins; a triangle has none.
    total_one : bool
        Whether the window adds up to 1, as in FDS; else its peak is 1, as in LDS.

    Returns
    -------
    float64 array, shape (kernel_size,)

    Raises
    ------
    MethodError
        If there is no such kernel, its size is even or its sigma not above 0.

    Notes
    -----
    Source: Yang et al., ICML 2021, and the authors' code. There the Gaussian is the
    response of a filter to a single 1 in the middle of the window. The filter reflects
    at the ends: a window that is narrow for its sigma has heavier ends than a
    Gaussian. Departures: none. A size of 1 is [1].

    Examples
    --------
    >>> kernel_window("triang", kernel_size=3).tolist()
    [0.5, 1.0, 0.5]
    """
    _check_kernel(kernel, kernel_size, sigma)
    half = kernel_size // 2
    distance = np.abs(np.arange(-half, half + 1, dtype=np.float64))
    if kernel == "triang":
        # Rounded once, as scipy's: cutting to whole numbers shows the last bit.
        window = (half + 1 - distance) / (half + 1)
    elif kernel == "laplace":
        window = np.exp(-distance / sigma)
    else:
        radius = int(GAUSSIAN_ENDS_AT_SIGMAS * sigma + 0.5)
        gauss = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        mirrored = np.pad(np.where(distance == 0, 1.0, 0.0), radius, mode="symmetric")
        window = np.convolve(mirrored, gauss, mode="valid")
    return window / float(window.sum() if total_one else window.max())


def bin_targets(
    targets: ArrayLike, *, max_target: int = MAX_TARGET, outside: Outside = "error"
) -> NDArray[np.int64]:
    """Bin of each target: its whole part.

    Parameters
    ----------
    targets : float array, shape (n,)
        At least one, from 0 to ``max_target``, in the unit of the task.
    max_target : int, at least 1
        Number of bins; the last one takes all targets from ``max_target - 1`` on.
    outside : {"error", "last bin"}
        Treatment of targets above ``max_target``. The authors' code puts them into
        the last bin.

    Returns
    -------
    int64 array, shape (n,)
        From 0 to ``max_target - 1``.

    Raises
    ------
    MethodError
        If there are no targets, or one is not a finite number or out of range.

    Examples
    --------
    >>> bin_targets([0.4, 30.9, 121.0]).tolist()
    [0, 30, 120]
    """
    values = np.asarray(targets)
    if not values.size:
        raise MethodError(gettext("There are no training images to weigh."))
    if not np.issubdtype(values.dtype, np.number) or not np.isfinite(values).all():
        raise MethodError(
            gettext("Some targets are not finite numbers."),
            expected=gettext("a number for every image."),
            remedy=gettext("leave these images out of the manifest."),
        )
    if max_target < 1:
        raise MethodError(f"max_target is {max_target}.", expected="a number from 1.")
    wrong = values < 0
    if outside == "error":
        wrong |= values > max_target
    if wrong.any():
        raise MethodError(
            gettext(
                "{wrong} of {count} targets are out of range: {low} to {high}.",
                wrong=int(wrong.sum()),
                count=values.size,
                low=in_form(f"{values.min():g}"),
                high=in_form(f"{values.max():g}"),
            ),
            expected=gettext(
                "targets from 0 to {max_target}.", max_target=str(max_target)
            ),
            remedy=gettext(
                "leave these images out of the manifest, or set max_target."
            ),
        )
    return np.minimum(values.astype(np.int64), max_target - 1)


def effective_density(
    density: ArrayLike,
    *,
    kernel: Kernel | None = "gaussian",
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    whole: bool = False,
) -> Floats:
    """Smooth the density of labels over neighbouring bins.

    Parameters
    ----------
    density : float array, shape (bins,)
        Images of each bin, or a function of their number.
    kernel : {"gaussian", "triang", "laplace"} or None
        None leaves the density as it is.
    kernel_size, sigma
        See ``kernel_window``.
    whole : bool
        Cut each value down to a whole number, as happens in the authors' code where
        the density is whole.

    Returns
    -------
    float64 array, shape (bins,)
        In the unit of ``density``, times the sum of a window whose peak is 1.

    Raises
    ------
    MethodError
        As ``kernel_window``.

    Notes
    -----
    Source: Yang et al., ICML 2021, eq. 1. Outside the bins there are no images. A
    kernel of size 1 changes nothing.

    Examples
    --------
    >>> effective_density([0, 4, 0], kernel="triang", kernel_size=3).tolist()
    [2.0, 4.0, 2.0]
    """
    values = np.asarray(density, dtype=np.float64)
    if kernel is None:
        return values.copy()
    window = kernel_window(kernel, kernel_size=kernel_size, sigma=sigma)
    if whole:
        # Cutting shows the last bit of a sum, so this sums in the authors' order.
        from scipy.ndimage import convolve1d

        smooth = convolve1d(values.astype(np.int64), weights=window, mode="constant")
        return np.asarray(smooth, dtype=np.float64)
    half = kernel_size // 2
    return np.convolve(values, window)[half : half + values.size]


@dataclass(frozen=True, eq=False)
class LDSCurve:
    """A histogram of targets before and after LDS, for a plot.

    Parameters
    ----------
    targets : float64 array, shape (bins,)
        Lower edge of each bin of width 1, in the unit of the task.
    counts : int64 array, shape (bins,)
        Training images.
    before : float64 array, shape (bins,)
        Input of the smoothing: the counts' square roots, or the clipped counts.
    density : float64 array, shape (bins,)
        Effective density: ``before``, smoothed.
    weights : float64 array, shape (bins,)
        Weight of an image in that bin; 1 is the mean over the training images. NaN
        where the density is 0, because no image is near.
    """

    targets: Floats
    counts: NDArray[np.int64]
    before: Floats
    density: Floats
    weights: Floats


def lds_curve(
    targets: ArrayLike,
    *,
    kernel: Kernel | None = "gaussian",
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    reweight: Reweight = "sqrt_inv",
    max_target: int = MAX_TARGET,
    outside: Outside = "error",
    whole: bool = False,
) -> LDSCurve:
    """Density and weight of every bin under LDS; see ``lds_weights``.

    Examples
    --------
    >>> curve = lds_curve([1.0, 1.5, 3.0], kernel=None, max_target=4)
    >>> curve.counts.tolist(), curve.density.round(4).tolist()
    ([0, 2, 0, 1], [0.0, 1.4142, 0.0, 1.0])
    """
    counts = np.bincount(
        bin_targets(targets, max_target=max_target, outside=outside),
        minlength=max_target,
    )
    before = _reweighted(counts, reweight)
    density = effective_density(
        before,
        kernel=kernel,
        kernel_size=kernel_size,
        sigma=sigma,
        whole=whole and reweight == "inverse",
    )
    inverse = np.full(max_target, np.nan)
    np.divide(1.0, density, out=inverse, where=density > 0)
    total = float(counts[counts > 0] @ inverse[counts > 0])
    return LDSCurve(
        targets=np.arange(max_target, dtype=np.float64),
        counts=counts,
        before=before,
        density=density,
        weights=inverse * (counts.sum() / total),
    )


def lds_weights(
    targets: ArrayLike,
    *,
    kernel: Kernel | None = "gaussian",
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    reweight: Reweight = "sqrt_inv",
    max_target: int = MAX_TARGET,
    outside: Outside = "error",
    whole: bool = False,
) -> Floats:
    """Weight each training image by the smoothed rarity of its target (LDS).

    Parameters
    ----------
    targets : float array, shape (n,)
        Targets of the training images, from 0 to ``max_target``.
    kernel, kernel_size, sigma
        See ``kernel_window``; without a kernel nothing is smoothed.
    reweight : {"sqrt_inv", "inverse"}
        Value of a bin that is smoothed and then inverted: the square root of its
        number of images, or the number clipped to 5..1000.
    max_target, outside
        See ``bin_targets``.
    whole : bool
        Cut the smoothed density of "inverse" down to whole numbers, as the authors'
        code does by accident.

    Returns
    -------
    float64 array, shape (n,)
        Dimensionless weights with mean 1 over the images.

    Raises
    ------
    MethodError
        If a target is out of range or not a number, or a parameter is out of range.

    Notes
    -----
    Source: Yang et al., ICML 2021, and the authors' code: square root or clip, then
    smooth, then 1 / x. Departures: by default targets above ``max_target`` are an
    error, and the density is not cut to whole numbers. Equal numbers of images in all
    bins give ones, except for the bins next to the ends of the range.

    Examples
    --------
    Bins of four images and of one, without smoothing: weights of 1 to 2.

    >>> lds_weights([5, 5, 5, 5, 9], kernel=None).round(4).tolist()
    [0.8333, 0.8333, 0.8333, 0.8333, 1.6667]
    """
    curve = lds_curve(
        targets,
        kernel=kernel,
        kernel_size=kernel_size,
        sigma=sigma,
        reweight=reweight,
        max_target=max_target,
        outside=outside,
        whole=whole,
    )
    bins = bin_targets(targets, max_target=max_target, outside=outside)
    return np.asarray(curve.weights[bins], dtype=np.float64)


def inverse_frequency_bin_weights(
    targets: ArrayLike, *, power: float = 1.0, max_target: int = MAX_TARGET
) -> Floats:
    """Weight each training image by the inverse of the number of its whole target.

    Parameters
    ----------
    targets : float array, shape (n,)
        Targets of the training images, from 0 to ``max_target``.
    power : float, at least 0
        Exponent of the number: 0 gives ones, 0.5 its square root, 1 the number.
    max_target : int
        See ``bin_targets``.

    Returns
    -------
    float64 array, shape (n,)
        Dimensionless weights with mean 1 over the images.

    Raises
    ------
    MethodError
        If a target is out of range or not a number, or the power is below 0.

    Notes
    -----
    Source: Yang et al., ICML 2021 (INV and SQINV). Departures: the number is not
    clipped; ``lds_weights`` without a kernel is the authors' clipped "inverse".

    Examples
    --------
    >>> inverse_frequency_bin_weights([5.0, 5.5, 9.0]).tolist()
    [0.75, 0.75, 1.5]
    """
    check_number("The power", power, FROM_ZERO)
    bins = bin_targets(targets, max_target=max_target)
    counts = np.bincount(bins)[bins]
    # Shares of the smallest count: their powers do not underflow at large counts.
    weights: Floats = (counts.min() / counts) ** power
    return weights / float(weights.mean())


@dataclass(frozen=True, eq=False)
class BucketStatistics:
    """Features of one epoch, by bucket of their target.

    Parameters
    ----------
    counts : float64 array, shape (buckets,)
        Images.
    mean, variance : float64 array, shape (buckets, features)
        Variance with ``n - 1``, and 0 for a single image. Finite also in empty buckets,
        where it has no effect.
    """

    counts: Floats
    mean: Floats
    variance: Floats


def bucket_of(targets: ArrayLike, *, start: int, buckets: int) -> NDArray[np.int64]:
    """Bucket of each target: its whole part from ``start`` on, clipped at the ends.

    Parameters
    ----------
    targets : float array, shape (n,)
    start : int
        Whole part of the targets of the first bucket.
    buckets : int

    Returns
    -------
    int64 array, shape (n,)
        From 0 to ``buckets - 1``.

    Examples
    --------
    >>> bucket_of([1.0, 3.7, 200.0], start=3, buckets=97).tolist()
    [0, 0, 96]
    """
    index = np.floor(np.asarray(targets, dtype=np.float64)).astype(np.int64) - start
    return np.clip(index, 0, buckets - 1)


def compute_bucket_statistics(
    features: ArrayLike, bucket: ArrayLike, *, buckets: int
) -> BucketStatistics:
    """Mean and variance of the features of each bucket.

    Parameters
    ----------
    features : float array, shape (n, features)
    bucket : int array, shape (n,)
        See ``bucket_of``.
    buckets : int

    Returns
    -------
    BucketStatistics

    Examples
    --------
    >>> found = compute_bucket_statistics([[1.0], [3.0], [7.0]], [0, 0, 1], buckets=2)
    >>> found.mean.tolist(), found.variance.tolist()
    ([[2.0], [7.0]], [[2.0], [0.0]])
    """
    values = np.asarray(features, dtype=np.float64)
    index = np.asarray(bucket)
    counts = np.bincount(index, minlength=buckets).astype(np.float64)
    mean = np.zeros((buckets, values.shape[1]))
    np.add.at(mean, index, values)
    mean /= np.maximum(counts, 1)[:, None]
    variance = np.zeros_like(mean)
    np.add.at(variance, index, (values - mean[index]) ** 2)
    return BucketStatistics(counts, mean, variance / np.maximum(counts - 1, 1)[:, None])


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """The state of FDS between epochs.

    Parameters
    ----------
    epochs : int
        Epochs that have ended.
    tracked : float64 array, shape (buckets,)
        Images seen so far.
    mean, variance : float64 array, shape (buckets, features)
        Running statistics; 0 and 1 in buckets that were never seen.
    last_mean, last_variance : float64 array, shape (buckets, features)
        Running statistics as they were one epoch before.
    smoothed_mean, smoothed_variance : float64 array, shape (buckets, features)
        These, smoothed over the buckets.
    """

    epochs: int
    tracked: Floats
    mean: Floats
    variance: Floats
    last_mean: Floats
    last_variance: Floats
    smoothed_mean: Floats
    smoothed_variance: Floats

    @classmethod
    def initial(cls, buckets: int, features: int) -> Self:
        """Statistics before the first epoch, which leave features as they are."""
        zeros, ones = np.zeros((buckets, features)), np.ones((buckets, features))
        return cls(0, np.zeros(buckets), zeros, ones, zeros, ones, zeros, ones)

    def end_epoch(
        self,
        epoch: BucketStatistics,
        *,
        window: Floats,
        momentum: float | None = 0.9,
        aliased: bool = False,
    ) -> Self:
        """Update the statistics with the features of an epoch that has ended.

        Parameters
        ----------
        epoch : BucketStatistics
        window : float64 array, shape (odd,)
            ``kernel_window`` with ``total_one``.
        momentum : float in [0, 1), or None
            Share of the running statistics that stays, from the second epoch on; None
            weighs all images seen so far alike.
        aliased : bool
            Whether to read the newest running statistics in place of those of one
            epoch before, which is a mistake in the authors' code.

        Returns
        -------
        FeatureStatistics

        Raises
        ------
        MethodError
            If the window is too wide for the buckets, or the momentum out of range.

        Notes
        -----
        Source: Yang et al., ICML 2021, and the authors' code. Departures: the mistake
        is off by default. The first epoch replaces the statistics, without momentum.
        The statistics of an epoch smooth features from the second epoch after it on,
        so that the first two epochs are plain.
        """
        mean, variance = self._take_in(epoch, momentum)
        before = (self.last_mean, self.last_variance)
        smoothed = (self.smoothed_mean, self.smoothed_variance)
        if self.epochs:
            before = (mean, variance) if aliased else (self.mean, self.variance)
            smoothed = (
                smooth_over_buckets(self.mean, window),
                smooth_over_buckets(self.variance, window),
            )
        tracked = self.tracked + epoch.counts
        return type(self)(self.epochs + 1, tracked, mean, variance, *before, *smoothed)

    def _take_in(
        self, epoch: BucketStatistics, momentum: float | None
    ) -> tuple[Floats, Floats]:
        """Running mean and variance after an epoch; empty buckets do not change."""
        check_momentum(momentum)
        if not self.epochs:
            share = np.ones_like(epoch.counts)
        elif momentum is None:
            share = epoch.counts / np.maximum(self.tracked + epoch.counts, 1)
        else:
            share = np.full_like(epoch.counts, 1 - momentum)
        step = np.where(epoch.counts > 0, share, 0.0)[:, None]
        mean = step * epoch.mean + (1 - step) * self.mean
        return mean, step * epoch.variance + (1 - step) * self.variance

    def calibration(
        self, *, clip_min: float = 0.1, clip_max: float = 10.0
    ) -> tuple[Floats, Floats]:
        """Factor and shift of the features of each bucket.

        Parameters
        ----------
        clip_min, clip_max : float, above 0
            Bounds of the ratio of the smoothed variance to the bucket's own.

        Returns
        -------
        factor, shift : float64 array, shape (buckets, features)
            Smoothed features are ``factor * features + shift``. 1 and 0 where the
            variance is 0.
        """
        moved = self.last_variance > 0
        moved &= self.last_variance.sum(axis=1, keepdims=True) >= LEAST_TOTAL_VARIANCE
        ratio = np.ones_like(self.last_variance)
        np.divide(self.smoothed_variance, self.last_variance, out=ratio, where=moved)
        factor = np.where(moved, np.sqrt(np.clip(ratio, clip_min, clip_max)), 1.0)
        shift = np.where(moved, self.smoothed_mean - factor * self.last_mean, 0.0)
        return factor, shift

    def smooth(
        self,
        features: ArrayLike,
        bucket: ArrayLike,
        *,
        clip_min: float = 0.1,
        clip_max: float = 10.0,
    ) -> Floats:
        """Features moved towards the smoothed statistics of their bucket (FDS).

        Parameters
        ----------
        features : float array, shape (n, features)
        bucket : int array, shape (n,)
            See ``bucket_of``.
        clip_min, clip_max
            See ``calibration``.

        Returns
        -------
        float64 array, shape (n, features)
            ``(x - mean) sqrt(clip(smoothed variance / variance)) + smoothed mean``.
        """
        factor, shift = self.calibration(clip_min=clip_min, clip_max=clip_max)
        index = np.asarray(bucket)
        values = np.asarray(features, dtype=np.float64)
        return np.asarray(values * factor[index] + shift[index])


def smooth_over_buckets(values: ArrayLike, window: ArrayLike) -> Floats:
    """Smooth statistics over neighbouring buckets, reflected at both ends.

    Parameters
    ----------
    values : float array, shape (buckets, features)
    window : float array, shape (odd,)
        ``kernel_window`` with ``total_one``.

    Returns
    -------
    float64 array, shape (buckets, features)

    Raises
    ------
    MethodError
        If half the window is as wide as the buckets.

    Examples
    --------
    >>> smooth_over_buckets([[0.0], [3.0], [0.0]], [1 / 3] * 3).round(4).tolist()
    [[2.0], [1.0], [2.0]]
    """
    rows = np.asarray(values, dtype=np.float64)
    weights = np.asarray(window, dtype=np.float64)
    half = weights.size // 2
    check_window_fits(weights.size, len(rows))
    padded = np.pad(rows, ((half, half), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.size, axis=0)
    return np.asarray(windows @ weights, dtype=np.float64)


def check_window_fits(kernel_size: int, buckets: int) -> None:
    """Refuse a window whose half is as wide as the buckets.

    Raises
    ------
    MethodError
        If it is.

    Examples
    --------
    >>> check_window_fits(kernel_size=5, buckets=3)
    """
    if kernel_size // 2 >= buckets:
        raise MethodError(
            gettext(
                "A kernel over {kernel_size} buckets is too wide for {buckets}.",
                kernel_size=kernel_size,
                buckets=buckets,
            ),
            expected=gettext("a kernel_size of at most {most}.", most=2 * buckets - 1),
        )


def check_momentum(momentum: float | None) -> None:
    """Refuse a momentum outside of [0, 1).

    Raises
    ------
    MethodError
        If it is; None is allowed.

    Examples
    --------
    >>> check_momentum(0.9)
    """
    if momentum is not None:
        check_number("The momentum", momentum, SHARE_BELOW_ONE)


def _reweighted(counts: NDArray[np.int64], reweight: Reweight) -> Floats:
    check_choice("re-weighting", reweight, get_args(Reweight))
    if reweight == "sqrt_inv":
        return np.sqrt(counts)
    return np.clip(counts, LEAST_COUNT, MOST_COUNT).astype(np.float64)


def _check_kernel(kernel: Kernel, kernel_size: int, sigma: float) -> None:
    check_choice("kernel", kernel, get_args(Kernel))
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise MethodError(
            gettext("{name} is {value}.", name="kernel_size", value=str(kernel_size)),
            expected=gettext("an odd number from 1, so that the window has a middle."),
        )
    check_number("sigma of the kernel", sigma, ABOVE_ZERO)
