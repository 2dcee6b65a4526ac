"""Neighbouring targets share what they know: LDS for weights, FDS for features."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError

Floats = NDArray[np.float64]
Kernel = Literal["gaussian", "triang", "laplace"]
Reweight = Literal["sqrt_inv", "inverse"]
Outside = Literal["error", "last bin"]

# Bounds of a count before its inverse is taken, as in the authors' code.
LEAST_COUNT, MOST_COUNT = 5, 1000
# scipy.ndimage.gaussian_filter1d, which the authors call, ends here.
GAUSSIAN_ENDS_AT_SIGMAS = 4.0
# Below this, a bucket's variances count as 0 in all, and its features stay.
LEAST_TOTAL_VARIANCE = 1e-10


def kernel_window(
    kernel: Kernel = "gaussian",
    *,
    kernel_size: int = 5,
    sigma: float = 2.0,
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
    Source: Yang et al., ICML 2021, and the authors' code. There the Gaussian is what
    a filter leaves of a single one inside the window, which reflects at its ends: a
    window that is narrow for its sigma has heavier ends than a Gaussian. Departures:
    none. A size of 1 is [1].
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
    targets: ArrayLike, *, max_target: int = 121, outside: Outside = "error"
) -> NDArray[np.int64]:
    """Bin of each target: its whole part.

    Parameters
    ----------
    targets : float array, shape (n,)
        At least one, from 0 to ``max_target``, in the unit of the task.
    max_target : int, at least 1
        Number of bins; the last one takes what is at or above ``max_target - 1``.
    outside : {"error", "last bin"}
        What becomes of targets above ``max_target``. The authors' code puts them
        into the last bin.

    Returns
    -------
    int64 array, shape (n,)
        From 0 to ``max_target - 1``.

    Raises
    ------
    MethodError
        If there are no targets, or one is no finite number or out of range.
    """
    values = np.asarray(targets)
    if not values.size:
        raise MethodError("There are no training images to weigh.")
    if not np.issubdtype(values.dtype, np.number) or not np.isfinite(values).all():
        raise MethodError(
            "Some targets are no finite numbers.",
            expected="a number for every image.",
            remedy="leave these images out of the manifest.",
        )
    if max_target < 1:
        raise MethodError(f"max_target is {max_target}.", expected="a number from 1.")
    wrong = values < 0
    if outside == "error":
        wrong |= values > max_target
    if wrong.any():
        raise MethodError(
            f"{wrong.sum()} of {values.size} targets are out of range: {values.min():g}"
            f" to {values.max():g}.",
            expected=f"targets from 0 to {max_target}.",
            remedy="leave these images out of the manifest, or set max_target.",
        )
    return np.minimum(values.astype(np.int64), max_target - 1)


def effective_density(
    density: ArrayLike,
    *,
    kernel: Kernel | None = "gaussian",
    kernel_size: int = 5,
    sigma: float = 2.0,
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
    """What LDS makes of a histogram of targets, to be drawn.

    Parameters
    ----------
    targets : float64 array, shape (bins,)
        Lower edge of each bin of width 1, in the unit of the task.
    counts : int64 array, shape (bins,)
        Training images.
    before : float64 array, shape (bins,)
        What is smoothed: the counts' square roots, or the clipped counts.
    density : float64 array, shape (bins,)
        Effective density: ``before``, smoothed.
    weights : float64 array, shape (bins,)
        Weight of an image in that bin; 1 is the mean over the training images. NaN
        where the density is 0, since no image is near.
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
    kernel_size: int = 5,
    sigma: float = 2.0,
    reweight: Reweight = "sqrt_inv",
    max_target: int = 121,
    outside: Outside = "error",
    whole: bool = False,
) -> LDSCurve:
    """Density and weight of every bin under LDS; see ``lds_weights``."""
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
    kernel_size: int = 5,
    sigma: float = 2.0,
    reweight: Reweight = "sqrt_inv",
    max_target: int = 121,
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
        What is smoothed and then inverted: the square root of a bin's images, or
        their number clipped to 5..1000.
    max_target, outside
        See ``bin_targets``.
    whole : bool
        Cut the smoothed density of "inverse" down to whole numbers, as the authors'
        code does unawares.

    Returns
    -------
    float64 array, shape (n,)
        Dimensionless weights with mean 1 over the images.

    Raises
    ------
    MethodError
        If a target is out of range or no number, or a parameter out of range.

    Notes
    -----
    Source: Yang et al., ICML 2021, and the authors' code: square root or clip, then
    smooth, then 1 / x. Departures: targets above ``max_target`` are an error unless
    asked for, and the density is not cut to whole numbers. As many images in every
    bin give ones, but for the bins next to the ends of the range.
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
    targets: ArrayLike, *, power: float = 1.0, max_target: int = 121
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
        If a target is out of range or no number, or the power is below 0.

    Notes
    -----
    Source: Yang et al., ICML 2021 (INV and SQINV). Departures: the number is not
    clipped; ``lds_weights`` without a kernel is the authors' "inverse", which is.
    """
    if not (np.isfinite(power) and power >= 0):
        raise MethodError(f"The power is {power}.", expected="a number from 0.")
    bins = bin_targets(targets, max_target=max_target)
    counts = np.bincount(bins)[bins]
    # Relative to the rarest target, no power of a large count can underflow.
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
        Variance with ``n - 1``, and 0 for a single image. Finite in empty buckets too,
        where it counts for nothing.
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
    """What FDS carries from epoch to epoch.

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
        """Before the first epoch: under these statistics features stay as they are."""
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
        """Take in the features of an epoch that has ended.

        Parameters
        ----------
        epoch : BucketStatistics
        window : float64 array, shape (odd,)
            ``kernel_window`` with ``total_one``.
        momentum : float in [0, 1), or None
            Share of the running statistics that stays, from the second epoch on; None
            weighs all images seen so far alike.
        aliased : bool
            Read the newest running statistics where those of one epoch before are
            meant, as a slip in the authors' code does.

        Returns
        -------
        FeatureStatistics

        Raises
        ------
        MethodError
            If the window is too wide for the buckets, or the momentum out of range.

        Notes
        -----
        Source: Yang et al., ICML 2021, and the authors' code. Departures: none, but
        that the slip is an option. The first epoch replaces the statistics, without
        momentum; the statistics of an epoch smooth features from the second epoch
        after it on, so that the first two epochs are plain.
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
        """Running mean and variance with an epoch in them; empty buckets stay."""
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
        """Factor and shift that move the features of each bucket.

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
    """
    if kernel_size // 2 >= buckets:
        raise MethodError(
            f"A kernel over {kernel_size} buckets is too wide for {buckets}.",
            expected=f"a kernel_size of at most {2 * buckets - 1}.",
        )


def check_momentum(momentum: float | None) -> None:
    """Refuse a momentum outside of [0, 1).

    Raises
    ------
    MethodError
        If it is; None is right.
    """
    if momentum is not None and not 0 <= momentum < 1:
        raise MethodError(
            f"The momentum is {momentum}.", expected="a number from 0 and below 1."
        )


def _reweighted(counts: NDArray[np.int64], reweight: Reweight) -> Floats:
    if reweight == "sqrt_inv":
        return np.sqrt(counts)
    if reweight == "inverse":
        return np.clip(counts, LEAST_COUNT, MOST_COUNT).astype(np.float64)
    raise MethodError(
        f"There is no re-weighting {reweight!r}.",
        expected=f"one of {', '.join(get_args(Reweight))}.",
    )


def _check_kernel(kernel: Kernel, kernel_size: int, sigma: float) -> None:
    if kernel not in get_args(Kernel):
        raise MethodError(
            f"There is no kernel {kernel!r}.",
            expected=f"one of {', '.join(get_args(Kernel))}.",
        )
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise MethodError(
            f"kernel_size is {kernel_size}.",
            expected="an odd number from 1, so that the window has a middle.",
        )
    if not (np.isfinite(sigma) and sigma > 0):
        raise MethodError(
            f"sigma of the kernel is {sigma}.", expected="a finite number above 0."
        )
