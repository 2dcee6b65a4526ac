"""Feature distribution smoothing (FDS): a layer between a backbone and a head."""

from typing import Any

import keras
import numpy as np
from keras import ops

from core.errors import MethodError
from core.language import gettext, in_form
from core.methods.smoothing import (
    KERNEL_SIZE,
    SIGMA,
    BucketStatistics,
    FeatureStatistics,
    Kernel,
    check_momentum,
    check_window_fits,
    kernel_window,
)

PACKAGE = "equipoise"
Tensor = Any


@keras.saving.register_keras_serializable(PACKAGE)
class FeatureSmoothing(keras.layers.Layer):
    """Move features towards the statistics of images with similar targets.

    While training, the features of each bucket of targets are given the mean and
    variance that are smoothed over neighbouring buckets, and their statistics are
    gathered; ``end_epoch`` takes these in. Outside of training nothing happens.

    Parameters
    ----------
    minimum, maximum : float
        Range of the targets; every whole number in it is a bucket. Targets beyond it
        belong to the bucket at that end.
    kernel : {"gaussian", "triang", "laplace"}
    kernel_size : int, odd
        Buckets that are smoothed over.
    sigma : float, above 0
        Width of the Gaussian or Laplace kernel, in buckets.
    momentum : float in [0, 1), or None
        Share of the running statistics that an epoch leaves; None weighs all images
        seen so far alike.

    Raises
    ------
    MethodError
        If the range is empty, the kernel does not fit it, or a parameter is out of
        range.

    Notes
    -----
    Source: Yang et al., ICML 2021, and the authors' code; see ``FeatureStatistics``
    for the rules. Departures: the authors gather the features of an epoch in a pass
    of their own after it; here they are gathered during it, while the weights move,
    which costs nothing. And a bucket's own statistics are those of the epoch that was
    smoothed, as was meant. All statistics are weights that are not trained, so they
    are saved and resumed.
    """

    def __init__(
        self,
        minimum: float,
        maximum: float,
        *,
        kernel: Kernel = "gaussian",
        kernel_size: int = KERNEL_SIZE,
        sigma: float = SIGMA,
        momentum: float | None = 0.9,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not minimum <= maximum:
            raise MethodError(
                gettext(
                    "The range of the targets goes from {low} to {high}.",
                    low=in_form(f"{minimum:g}"),
                    high=in_form(f"{maximum:g}"),
                ),
                expected=gettext("a minimum that is at most the maximum."),
            )
        self.minimum, self.maximum = float(minimum), float(maximum)
        self.kernel, self.kernel_size, self.sigma = kernel, kernel_size, sigma
        self.momentum = momentum
        self.start = int(np.floor(minimum))
        self.buckets = int(np.floor(maximum)) - self.start + 1
        self.window = kernel_window(
            kernel, kernel_size=kernel_size, sigma=sigma, total_one=True
        )
        check_window_fits(kernel_size, self.buckets)
        check_momentum(momentum)

    def build(
        self,
        features_shape: tuple[int | None, ...],
        targets_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        """Create the statistics."""
        table = (self.buckets, features_shape[-1])
        # Gathered in the epoch that runs.
        self.epoch_count = self._state("epoch_count", table[:1], "zeros")
        self.epoch_mean = self._state("epoch_mean", table, "zeros")
        self.epoch_squares = self._state("epoch_squares", table, "zeros")
        # Carried from epoch to epoch.
        self.epochs = self._state("epochs", (), "zeros")
        self.tracked = self._state("tracked", table[:1], "zeros")
        self.running_mean = self._state("running_mean", table, "zeros")
        self.running_variance = self._state("running_variance", table, "ones")
        # Statistics that move the features.
        self.factor = self._state("factor", table, "ones")
        self.shift = self._state("shift", table, "zeros")
        self.built = True

    def _state(
        self, name: str, shape: tuple[int | None, ...], initializer: str
    ) -> keras.Variable:
        # In half precision the sums of an epoch would lose their digits.
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            dtype="float32",
            autocast=False,
            trainable=False,
        )

    def call(
        self, features: Tensor, targets: Tensor = None, training: bool = False
    ) -> Tensor:
        """Features, shape (n, channels), to the same shape.

        Parameters
        ----------
        features : float array, shape (n, channels)
        targets : float array, shape (n,) or (n, 1), in the unit of the task
            Read only while training.
        training : bool
        """
        if not training or targets is None:
            return features
        bucket = self._bucket_of(targets)
        exact = ops.cast(features, "float32")
        self._gather(ops.stop_gradient(exact), bucket)
        factor = ops.take(ops.convert_to_tensor(self.factor), bucket, axis=0)
        shift = ops.take(ops.convert_to_tensor(self.shift), bucket, axis=0)
        return ops.cast(exact * factor + shift, self.compute_dtype)

    def _bucket_of(self, targets: Tensor) -> Tensor:
        whole = ops.cast(ops.floor(ops.cast(targets, "float32")), "int32")
        return ops.reshape(ops.clip(whole - self.start, 0, self.buckets - 1), (-1,))

    def _gather(self, features: Tensor, bucket: Tensor) -> None:
        """Merge a batch into the epoch's counts, means and squared deviations.

        Means and deviations are merged pairwise (Chan et al., 1979): sums of squares
        would cancel in float32.
        """
        ones = ops.ones_like(features[:, 0])
        count = self._sum_by_bucket(ones, bucket)
        mean = self._sum_by_bucket(features, bucket) / ops.maximum(count, 1)[:, None]
        deviation = features - ops.take(mean, bucket, axis=0)
        squares = self._sum_by_bucket(ops.square(deviation), bucket)
        before = ops.convert_to_tensor(self.epoch_count)
        total = before + count
        share = (count / ops.maximum(total, 1))[:, None]
        gap = mean - self.epoch_mean
        self.epoch_squares.assign_add(
            squares + ops.square(gap) * share * before[:, None]
        )
        self.epoch_mean.assign_add(gap * share)
        self.epoch_count.assign(total)

    def _sum_by_bucket(self, values: Tensor, bucket: Tensor) -> Tensor:
        return ops.segment_sum(values, bucket, num_segments=self.buckets)

    def end_epoch(self) -> None:
        """Take in the epoch that has ended, and start to gather the next one."""
        count = _numbers(self.epoch_count)
        squares = _numbers(self.epoch_squares)
        epoch = BucketStatistics(
            counts=count,
            mean=_numbers(self.epoch_mean),
            variance=squares / np.maximum(count - 1, 1)[:, None],
        )
        # Statistics of the epoch before, and the smoothed ones, follow from the running
        # ones, so only these are saved.
        state = FeatureStatistics(
            int(_numbers(self.epochs)),
            _numbers(self.tracked),
            _numbers(self.running_mean),
            _numbers(self.running_variance),
            *(2 * _untouched(squares.shape)),
        ).end_epoch(epoch, window=self.window, momentum=self.momentum)
        factor, shift = state.calibration()
        self.epochs.assign(float(state.epochs))
        self.tracked.assign(state.tracked)
        self.running_mean.assign(state.mean)
        self.running_variance.assign(state.variance)
        self.factor.assign(factor)
        self.shift.assign(shift)
        for gathered in (self.epoch_count, self.epoch_mean, self.epoch_squares):
            gathered.assign(np.zeros(gathered.shape))

    def compute_output_shape(
        self,
        features_shape: tuple[int | None, ...],
        targets_shape: tuple[int | None, ...] | None = None,
    ) -> tuple[int | None, ...]:
        """The shape of the features."""
        return features_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``."""
        return {
            **super().get_config(),
            "minimum": self.minimum,
            "maximum": self.maximum,
            "kernel": self.kernel,
            "kernel_size": self.kernel_size,
            "sigma": self.sigma,
            "momentum": self.momentum,
        }


def _numbers(variable: keras.Variable) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(ops.convert_to_numpy(variable), dtype=np.float64)


def _untouched(shape: tuple[int, ...]) -> tuple[Any, Any]:
    return np.zeros(shape), np.ones(shape)
