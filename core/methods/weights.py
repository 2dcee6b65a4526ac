"""Weights of the training images, by their class or by the density of their target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.language import gettext, ngettext
from core.methods.checks import (
    ABOVE_ZERO,
    FROM_ZERO,
    SHARE_BELOW_ONE,
    check_choice,
    check_number,
)

Floats = NDArray[np.float64]
Normalization = Literal["sum_to_num_classes", "balanced", "min_over_n"]
# Default of the effective number of images, for weights and for losses.
BETA = 0.9999
BandwidthRule = Literal["silverman", "scott", "ISJ"]
Bandwidth = float | BandwidthRule
Lookup = Literal["floor", "linear"]
Extremes = Literal["grid", "targets"]
EVEN: Mapping[str, float] = MappingProxyType({})


def count_classes(
    labels: ArrayLike, num_classes: int, *, names: Sequence[str] = ()
) -> NDArray[np.int64]:
    """Count the images of each class.

    Parameters
    ----------
    labels : int array, shape (n,)
        Class ids, from 0 to ``num_classes`` - 1.
    num_classes : int
        Number of classes of the task.
    names : sequence of str
        Names of the classes, for the message.

    Returns
    -------
    int64 array, shape (num_classes,)

    Raises
    ------
    MethodError
        If a label is not a class id, or a class has no image.

    Examples
    --------
    >>> count_classes([0, 1, 1], 2).tolist()
    [1, 2]
    """
    ids = np.asarray(labels)
    if not np.issubdtype(ids.dtype, np.integer) or ids.ndim != 1:
        raise MethodError(
            f"Labels are {ids.dtype} of shape {ids.shape}.",
            expected="one whole number an image.",
        )
    if ids.size and not 0 <= ids.min() <= ids.max() < num_classes:
        raise MethodError(
            f"Labels run from {ids.min()} to {ids.max()}.",
            expected=f"class ids from 0 to {num_classes - 1}.",
        )
    return check_class_counts(np.bincount(ids, minlength=num_classes), names=names)


def check_class_counts(
    class_counts: ArrayLike, *, names: Sequence[str] = ()
) -> NDArray[np.int64]:
    """Return the counts if every class has an image.

    Raises
    ------
    MethodError
        If a class has none, or the counts are not one whole number a class.

    Examples
    --------
    >>> check_class_counts([30.0, 10.0]).tolist()
    [30, 10]
    """
    counts = np.asarray(class_counts)
    numeric = np.issubdtype(counts.dtype, np.number) and np.isfinite(counts).all()
    if counts.ndim != 1 or not counts.size or not numeric or np.any(counts % 1):
        raise MethodError(
            f"The class counts are {counts.tolist()}.",
            expected="one whole number for each class.",
        )
    empty = [names[i] if names else str(i) for i in np.flatnonzero(counts < 1).tolist()]
    if empty:
        raise MethodError(
            ngettext(
                "Class {names} has no training image.",
                "Classes {names} have no training image.",
                len(empty),
                names=", ".join(empty),
            ),
            expected=gettext("at least one image of every class."),
            remedy=gettext("take the class out of the study, or add images of it."),
        )
    return counts.astype(np.int64)


def inverse_frequency_weights(
    class_counts: ArrayLike,
    *,
    power: float = 1.0,
    normalization: Normalization = "balanced",
) -> Floats:
    """Weight each class by the inverse of its number of samples (INS).

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    power : float, at least 0
        Exponent of the count; 0 gives equal weights.
    normalization : {"balanced", "sum_to_num_classes", "min_over_n"}
        Mean 1 over the training images; mean 1 over the classes; or
        ``(n_min / n) ** power``, whose largest is 1.

    Returns
    -------
    float64 array, shape (num_classes,)
        Dimensionless weights.

    Raises
    ------
    MethodError
        If a class has no image, or a parameter is out of range.

    Notes
    -----
    With power 1, "balanced" is scikit-learn's ``N / (C n)``. Equal counts give ones.

    Examples
    --------
    >>> inverse_frequency_weights([30, 10]).round(4).tolist()  # 40 / 60 and 40 / 20
    [0.6667, 2.0]
    """
    counts = check_class_counts(class_counts).astype(np.float64)
    check_number("The power", power, FROM_ZERO)
    # Shares of the smallest count: their powers do not underflow at large counts.
    inverse: Floats = (counts.min() / counts) ** power
    return _normalise(inverse, counts, normalization)


def _normalise(
    relative: Floats, counts: Floats, normalization: Normalization
) -> Floats:
    """Scale class weights whose value for the rarest class is 1."""
    check_choice("normalization", normalization, get_args(Normalization))
    if normalization == "min_over_n":
        return relative
    if normalization == "sum_to_num_classes":
        return _mean_one(relative)
    return relative * float(counts.sum() / (counts @ relative))


def inverse_frequency_sample_weights(
    labels: ArrayLike, *, power: float = 1.0, num_classes: int | None = None
) -> Floats:
    """Weight each training image by the inverse of the number of its class.

    Parameters
    ----------
    labels : int array, shape (n,)
        Class ids of the training images.
    power : float, at least 0
        Exponent of the count.
    num_classes : int, optional
        Number of classes of the task; by default, up to the largest label.

    Returns
    -------
    float64 array, shape (n,)
        Dimensionless weights with mean 1 over the images.

    Raises
    ------
    MethodError
        If a class has no image, or there are no labels.

    Examples
    --------
    >>> inverse_frequency_sample_weights([0, 1, 1, 1]).round(4).tolist()
    [2.0, 0.6667, 0.6667, 0.6667]
    """
    ids, counts = _count_labels(labels, num_classes)
    weights = inverse_frequency_weights(counts, power=power)
    return np.asarray(weights[ids], dtype=np.float64)


def group_weights(groups: ArrayLike, *, weights: Mapping[str, float] = EVEN) -> Floats:
    """Weight each training image by its group.

    Parameters
    ----------
    groups : array, shape (n,)
        Group of each training image.
    weights : mapping of str to float
        Weight of each group, at least 0, one of them above 0. By default each group
        weighs the inverse of the number of its images.

    Returns
    -------
    float64 array, shape (n,)
        Dimensionless weights with mean 1 over the images.

    Raises
    ------
    MethodError
        If there are no images; a group has no weight, or a weight no group; a weight
        is below 0 or not finite; or all are 0.

    Notes
    -----
    ``w_i = v_g(i) / mean_j v_g(j)``. By default every group has the same total:
    ``n / (groups * n_g)``, as in ``inverse_frequency_sample_weights``.

    Examples
    --------
    >>> group_weights(["a", "a", "b"], weights={"a": 1, "b": 4}).tolist()  # mean 2
    [0.5, 0.5, 2.0]
    """
    names, ids, counts = np.unique(
        np.asarray(groups), return_inverse=True, return_counts=True
    )
    if not names.size:
        raise MethodError(gettext("There are no training images to weigh."))
    if not weights:
        return np.asarray(inverse_frequency_weights(counts)[ids], dtype=np.float64)
    values = _check_group_weights([str(name) for name in names], weights)
    return _mean_one(values[ids])


def _check_group_weights(names: Sequence[str], weights: Mapping[str, float]) -> Floats:
    """The weight of each group, in their order."""
    without = [name for name in names if name not in weights]
    unknown = [name for name in weights if name not in names]
    if without or unknown:
        raise MethodError(
            gettext(
                "Groups of the group weights have no weight: {names}.",
                names=", ".join(without),
            )
            if without
            else gettext(
                "Groups of the group weights have no training image: {names}.",
                names=", ".join(unknown),
            ),
            expected=gettext("a weight for each of {names}.", names=", ".join(names)),
            remedy=gettext("fix 'weights' under 'use.group-weights' in the study."),
        )
    values = np.array([weights[name] for name in names], dtype=np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
        raise MethodError(
            gettext(
                "The group weights are {weights}.",
                weights=", ".join(f"{v:g}" for v in values),
            ),
            expected=gettext("finite numbers from 0, at least one of them above 0."),
        )
    return values


def effective_number_weights(
    class_counts: ArrayLike,
    *,
    beta: float = BETA,
    normalization: Normalization = "sum_to_num_classes",
) -> Floats:
    """Weight each class by the inverse of its effective number of samples.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    beta : float, in [0, 1)
        0 gives equal weights; towards 1 they approach the inverse of the count.
    normalization : {"sum_to_num_classes", "balanced", "min_over_n"}
        As for ``inverse_frequency_weights``; the paper has mean 1 over the classes.

    Returns
    -------
    float64 array, shape (num_classes,)
        Dimensionless weights.

    Raises
    ------
    MethodError
        If a class has no image, or beta is out of range.

    Notes
    -----
    Source: Cui et al., CVPR 2019, eq. 2: ``(1 - beta) / (1 - beta^n)``. Departures:
    float64, computed from the logarithm of beta, because ``1 - 0.9999`` is off by
    1e-4 in float32. Equal counts give ones.

    Examples
    --------
    Effective numbers of 1.5 and 1 at beta 0.5 give weights of 2 to 3:

    >>> effective_number_weights([2, 1], beta=0.5).round(4).tolist()
    [0.8, 1.2]
    """
    counts = check_class_counts(class_counts).astype(np.float64)
    check_number(
        "beta of the class-balanced weights",
        beta,
        SHARE_BELOW_ONE,
        remedy="the paper's best are 0.9999 and 0.999; 0 weighs nothing.",
    )
    effective = -np.expm1(counts * np.log(beta)) if beta else np.ones_like(counts)
    return _normalise(effective.min() / effective, counts, normalization)


def effective_number_sample_weights(
    labels: ArrayLike, *, beta: float = BETA, num_classes: int | None = None
) -> Floats:
    """Weight each training image by its class's effective number of samples.

    Parameters
    ----------
    labels : int array, shape (n,)
        Class ids of the training images.
    beta : float, in [0, 1)
        See ``effective_number_weights``.
    num_classes : int, optional
        Number of classes of the task; by default, up to the largest label.

    Returns
    -------
    float64 array, shape (n,)
        Dimensionless weights with mean 1 over the images.

    Raises
    ------
    MethodError
        If a class has no image, there are no labels, or beta is out of range.

    Examples
    --------
    >>> effective_number_sample_weights([0, 0, 1], beta=0.5).round(4).tolist()
    [0.8571, 0.8571, 1.2857]
    """
    ids, counts = _count_labels(labels, num_classes)
    weights = effective_number_weights(counts, beta=beta, normalization="balanced")
    return np.asarray(weights[ids], dtype=np.float64)


def _count_labels(
    labels: ArrayLike, num_classes: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ids = np.asarray(labels)
    if ids.size == 0:
        raise MethodError(gettext("There are no training images to weigh."))
    # count_classes reports labels that are not numbers.
    numeric = np.issubdtype(ids.dtype, np.number)
    classes = num_classes or (int(ids.max()) + 1 if numeric else 1)
    return ids, count_classes(ids, classes)


@dataclass(frozen=True)
class DenseWeightCurve:
    """Density and weight at evenly spaced targets, for a plot.

    Parameters
    ----------
    targets : float64 array, shape (points,)
        In the unit of the task.
    density : float64 array, shape (points,)
        Normalised density, from 0 to 1.
    weights : float64 array, shape (points,)
        Weight of an image with this target; 1 is the mean over the training images.
    """

    targets: Floats
    density: Floats
    weights: Floats


@dataclass(frozen=True, eq=False)
class DenseWeight:
    """Weights by the density of the targets, fitted once and frozen.

    Parameters
    ----------
    alpha : float, at least 0
        Strength: 0 gives ones; from 1 on, the densest targets weigh ``eps``.
    eps : float, above 0
        Smallest weight before the mean is made 1.
    bandwidth : float
        Width of the kernel, in the unit of the targets.
    grid, density : float64 array, shape (grid_points,)
        Targets, and their density with minimum 0 and maximum 1.
    training_density : float64 array, shape (n,)
        Normalised density of the targets that it was fitted to.
    lookup : {"floor", "linear"}
        Whether the density is that of the grid point at or below a target, or
        interpolated between two points.

    Notes
    -----
    Source: Steininger et al., Machine Learning 110, 2021:
    ``w = max(1 - alpha p', eps) / mean``, with a Gaussian kernel of bandwidth
    ``1.06 std n^(-1/5)``, on a grid of 4096 points that is read at the point at or
    below the target, as in the authors' package. Departures: a new fit makes a new
    object, so that no bandwidth remains from an earlier fit; and a target below the
    grid reads the first point and not the last.

    Examples
    --------
    >>> fitted = DenseWeight.fit([20.0, 21.0, 22.0, 80.0], alpha=1.0)
    >>> bool(fitted.training_weights.argmax() == 3)  # the rare target weighs most
    True
    """

    alpha: float
    eps: float
    bandwidth: float
    grid: Floats
    density: Floats
    training_density: Floats
    lookup: Lookup = "floor"

    @classmethod
    def fit(
        cls,
        targets: ArrayLike,
        *,
        alpha: float = 0.25,
        bandwidth: Bandwidth | None = None,
        eps: float = 1e-6,
        grid_points: int = 4096,
        lookup: Lookup = "floor",
        extremes: Extremes = "grid",
    ) -> Self:
        """Estimate the density of training targets.

        Parameters
        ----------
        targets : float array, shape (n,)
            At least two that differ.
        alpha, eps : float
            See the class.
        bandwidth : float or {"silverman", "scott", "ISJ"}, optional
            In the unit of the targets, or a rule of KDEpy; by default
            ``1.06 std n^(-1/5)``.
        grid_points : int, at least 2
        lookup : {"floor", "linear"}
            "floor" is the authors' package; "linear" interpolates, and is exact to the
            precision of a plot.
        extremes : {"grid", "targets"}
            Whether density 0 and 1 are its extremes over the grid, as in the package,
            or over the targets, as in the paper.

        Raises
        ------
        MethodError
            If the targets are not finite or are all the same, or a parameter is out
            of range.
        """
        # Half a second to import, and the pages that list methods do not need it.
        from KDEpy import FFTKDE

        strength = _check_alpha(alpha)
        check_number("DenseWeight's eps", eps, ABOVE_ZERO)
        _check_bandwidth(bandwidth)
        values = _check_targets(targets)
        if values.size < 2 or np.ptp(values) == 0:
            raise MethodError(
                gettext("DenseWeight cannot weigh: all targets are the same."),
                expected=gettext("at least two targets that differ."),
                remedy=gettext("use it on another task, or not at all."),
            )
        if bandwidth is None:
            bandwidth = float(1.06 * values.std() * values.size**-0.2)
        kde = FFTKDE(kernel="gaussian", bw=bandwidth).fit(values)
        grid, density = kde.evaluate(grid_points)
        check_choice("lookup", lookup, get_args(Lookup), owner="DenseWeight")
        check_choice("extremes", extremes, get_args(Extremes), owner="DenseWeight")
        span = density if extremes == "grid" else _read(grid, density, values, lookup)
        density = (density - span.min()) / (np.ptp(span) or 1.0)
        return cls(
            alpha=strength,
            eps=eps,
            bandwidth=float(kde.bw),
            grid=_freeze(grid),
            density=_freeze(density),
            training_density=_freeze(_read(grid, density, values, lookup)),
            lookup=lookup,
        )

    @property
    def mean_weight(self) -> float:
        """Mean over the training images before it is made 1."""
        return float(self._raw(self.training_density).mean())

    @property
    def training_weights(self) -> Floats:
        """Weights of the training images, shape (n,), with mean 1."""
        return _mean_one(self._raw(self.training_density))

    def with_alpha(self, alpha: float) -> Self:
        """The same density with another strength, without a new fit."""
        return replace(self, alpha=_check_alpha(alpha))

    def density_at(self, targets: ArrayLike) -> Floats:
        """Normalised density at any targets; outside the grid, that of its end.

        Raises
        ------
        MethodError
            If a target is not a finite number.
        """
        return _read(self.grid, self.density, _check_targets(targets), self.lookup)

    def weights(self, targets: ArrayLike) -> Floats:
        """Weights of any targets; 1 is the mean over the training images.

        Raises
        ------
        MethodError
            If a target is not a finite number.
        """
        return self._raw(self.density_at(targets)) / self.mean_weight

    def curve(
        self, minimum: float, maximum: float, points: int = 400
    ) -> DenseWeightCurve:
        """Density and weight at evenly spaced targets, for a plot."""
        targets = np.linspace(minimum, maximum, points)
        return DenseWeightCurve(
            targets, self.density_at(targets), self.weights(targets)
        )

    def _raw(self, density: Floats) -> Floats:
        return np.maximum(1 - self.alpha * density, self.eps)


def dense_weights(targets: ArrayLike, *, alpha: float = 0.25) -> Floats:
    """Weight each training image by the rarity of its target (DenseWeight).

    Parameters
    ----------
    targets : float array, shape (n,)
        Targets of the training images.
    alpha : float, at least 0
        Strength; 0 gives ones.

    Returns
    -------
    float64 array, shape (n,)
        Dimensionless weights with mean 1 over the images.

    Raises
    ------
    MethodError
        As ``DenseWeight.fit``.

    Examples
    --------
    >>> dense_weights([20.0, 21.0, 22.0, 80.0], alpha=0.0).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return DenseWeight.fit(targets, alpha=alpha).training_weights


def _mean_one(values: Floats) -> Floats:
    return values / float(values.mean())


def _read(grid: Floats, density: Floats, targets: Floats, lookup: Lookup) -> Floats:
    if lookup == "linear":
        return np.asarray(np.interp(targets, grid, density), dtype=np.float64)
    index = np.searchsorted(grid, targets, side="right") - 1
    return density[np.clip(index, 0, len(grid) - 1)]


def _check_targets(targets: ArrayLike) -> Floats:
    values = np.asarray(targets)
    if not np.issubdtype(values.dtype, np.number):
        raise MethodError(f"Targets are {values.dtype}.", expected="numbers.")
    faults = int(np.count_nonzero(~np.isfinite(values)))
    if faults:
        raise MethodError(
            gettext(
                "{faults} of {count} targets are not finite numbers.",
                faults=faults,
                count=values.size,
            ),
            expected=gettext("a number for every image."),
            remedy=gettext("leave these images out of the manifest."),
        )
    return values.astype(np.float64)


def _check_alpha(alpha: float) -> float:
    return check_number(
        "DenseWeight's alpha",
        alpha,
        FROM_ZERO,
        note="0 gives every image the same weight",
    )


def _check_bandwidth(bandwidth: Bandwidth | None) -> None:
    if isinstance(bandwidth, str):
        check_choice("bandwidth rule", bandwidth, get_args(BandwidthRule))
    elif bandwidth is not None:
        check_number("DenseWeight's bandwidth", bandwidth, ABOVE_ZERO)


def _freeze(values: Floats) -> Floats:
    frozen = np.array(values, dtype=np.float64)
    frozen.setflags(write=False)
    return frozen
