"""The schema's words for losses on one value and changes to features, in ours.

Each function takes the inputs and parameters of a case by name, calls the functions
that train, and returns their answers by field.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.methods import smoothing
from core.methods.losses import regression
from core.methods.verification.cases import (
    Dtype,
    NoImplementation,
    check_arguments,
)
from core.methods.verification.gradients import Tensor, loss_answers
from core.methods.weights import Bandwidth, DenseWeight

Answers = Mapping[str, Any]
Each = Callable[..., Tensor]

# Parameters that a case does not give have the defaults of a study.
_focal = partial(regression.focal_regression, **regression.FocalRegression.defaults())
KINDS: Mapping[str, Each] = {
    "mse": regression.squared_error,
    "l1": regression.absolute_error,
    "focal_mse": partial(_focal, kind="mse"),
    "focal_l1": partial(_focal, kind="l1"),
    "huber": partial(regression.huber, **regression.Huber.defaults()),
}


def weighted_regression_loss(
    *,
    dtype: Dtype,
    preds: ArrayLike,
    targets: ArrayLike,
    kind: str,
    sample_weights: ArrayLike | None = None,
    reduction: str = "mean",
    activate: regression.Activation | None = None,
    beta: float | None = None,
    gamma: float | None = None,
) -> Answers:
    """Squared, absolute, focal or Huber error, with weights of the samples."""
    if kind not in KINDS:
        raise NoImplementation(f"There is no error {kind!r}.")
    words = {"activate": activate, "beta": beta, "gamma": gamma}
    given = {name: value for name, value in words.items() if value is not None}
    check_arguments(KINDS[kind], ("y_true", "y_pred", *given), f"The error '{kind}'")
    return loss_answers(
        partial(KINDS[kind], np.asarray(targets, dtype), **given),
        {"preds": preds},
        sample_weights=sample_weights,
        reduction=reduction,
        dtype=dtype,
    )


def balanced_mse_bmc(
    *,
    dtype: Dtype,
    preds: ArrayLike,
    targets: ArrayLike,
    noise_sigma: float,
    rescale_by_2var: bool = True,
    reduction: str = "mean",
) -> Answers:
    """Balanced MSE, with the derivative by the learned noise."""
    return loss_answers(
        lambda preds, noise_sigma: regression.balanced_mse(
            np.asarray(targets, dtype),
            preds,
            noise_sigma=noise_sigma,
            rescale=rescale_by_2var,
        ),
        {"preds": preds, "noise_sigma": noise_sigma},
        reduction=reduction,
        dtype=dtype,
    )


def dense_loss(
    *,
    dtype: Dtype,
    preds: ArrayLike,
    targets: ArrayLike,
    alpha: float,
    weights: ArrayLike | None = None,
    bandwidth: Bandwidth | None = None,
    eps: float = 1e-6,
    base: str = "mse",
    reduction: str = "mean",
) -> Answers:
    """Error times DenseWeight, which is fitted to the very targets unless given."""
    if weights is None:
        fitted = DenseWeight.fit(targets, alpha=alpha, bandwidth=bandwidth, eps=eps)
        weights = fitted.training_weights
    bases: Mapping[str, regression.Base] = {"mse": "mse", "l1": "l1", "mae": "l1"}
    if base not in bases:
        raise NoImplementation(f"There is no error {base!r}.")
    answers = loss_answers(
        partial(
            regression.dense_loss,
            np.asarray(targets, dtype),
            weights=np.asarray(weights, dtype),
            base=bases[base],
        ),
        {"preds": preds},
        reduction=reduction,
        dtype=dtype,
    )
    return {"weights": weights, **answers}


def denseweight(
    *,
    dtype: Dtype,
    targets: ArrayLike,
    alpha: float,
    query: ArrayLike = (),
    bandwidth: Bandwidth | None = None,
    eps: float = 1e-6,
    grid_points: int = 4096,
) -> Answers:
    """DenseWeight as in the authors' package, and in its two exact forms."""
    fit = partial(
        DenseWeight.fit,
        targets,
        alpha=alpha,
        bandwidth=bandwidth,
        eps=eps,
        grid_points=grid_points,
    )
    fitted = fit()
    return {
        "bandwidth_used": fitted.bandwidth,
        "density_norm": fitted.training_density,
        "weights": fitted.training_weights,
        "query_weights": fitted.weights(query) if np.size(query) else np.empty(0),
        "mean_w_star": fitted.mean_weight,
        "exact_kde_gridminmax_weights": fit(lookup="linear").training_weights,
        "paper_pointminmax_weights": fit(
            lookup="linear", extremes="targets"
        ).training_weights,
    }


def fds(
    *,
    dtype: Dtype,
    epoch0_features: ArrayLike,
    epoch0_labels: ArrayLike,
    epoch1_features: ArrayLike,
    epoch1_labels: ArrayLike,
    batch_features: ArrayLike,
    batch_labels: ArrayLike,
    kernel: smoothing.Kernel,
    ks: int = 5,
    sigma: float = 2.0,
    bucket_num: int = 100,
    bucket_start: int = 3,
    start_update: int = 0,
    start_smooth: int = 1,
    momentum: float | None = 0.9,
    clip_min: float = 0.1,
    clip_max: float = 10.0,
) -> Answers:
    """Feature distribution smoothing after two epochs, with and without the slip."""
    if (start_update, start_smooth) != (0, 1):
        raise NoImplementation(
            "FDS tracks from the first epoch, smooths from the next."
        )
    window = smoothing.kernel_window(
        kernel, kernel_size=ks, sigma=sigma, total_one=True
    )
    buckets = bucket_num - bucket_start
    bucket = partial(smoothing.bucket_of, start=bucket_start, buckets=buckets)
    epochs = [
        smoothing.compute_bucket_statistics(features, bucket(labels), buckets=buckets)
        for features, labels in (
            (epoch0_features, epoch0_labels),
            (epoch1_features, epoch1_labels),
        )
    ]
    blank = smoothing.FeatureStatistics.initial(buckets, np.shape(batch_features)[1])
    smooth = partial(
        smoothing.FeatureStatistics.smooth,
        features=batch_features,
        bucket=bucket(batch_labels),
        clip_min=clip_min,
        clip_max=clip_max,
    )
    end = partial(
        smoothing.FeatureStatistics.end_epoch, window=window, momentum=momentum
    )
    first = end(blank, epochs[0])
    second, slipped = (end(first, epochs[1], aliased=slip) for slip in (False, True))
    return {
        "kernel_window": window,
        "running_mean": second.mean,
        "running_var": second.variance,
        "smoothed_mean_last_epoch": second.smoothed_mean,
        "smoothed_var_last_epoch": second.smoothed_variance,
        "batch_smoothed_epoch1": smooth(first),
        "batch_smoothed_epoch2_no_alias": smooth(second),
        "batch_smoothed_epoch2_official": smooth(slipped),
    }
