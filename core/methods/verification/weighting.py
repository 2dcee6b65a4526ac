"""The schema's words for weights, schedules, profiles and metrics, in ours.

Each function takes the inputs and parameters of a case by name, calls the functions
that train, and returns their answers by field.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.data.long_tail import Profile, class_counts, imbalance_ratio
from core.evaluation import gaps
from core.methods import smoothing, weights
from core.methods.schedules import first_epoch, step_rates
from core.methods.verification.cases import Dtype, NoImplementation

Answers = Mapping[str, Any]

# The schedules of the originals are written for 200 epochs and keep these at any other.
WARMUP_EPOCHS = 5
DROPS = ((160, 0.01), (180, 0.01))
PHASE_FACTOR = 0.01
PROFILES: Mapping[str, Profile] = {"exp": "exponential", "step": "step"}


def ins_weights(
    *,
    dtype: Dtype,
    class_counts: ArrayLike,
    labels: ArrayLike = (),
    power: float = 1.0,
    normalization: weights.Normalization = "sum_to_num_classes",
) -> Answers:
    """Inverse number of samples."""
    values = weights.inverse_frequency_weights(
        class_counts, power=power, normalization=normalization
    )
    drawn = values[np.asarray(labels, dtype=np.int64)]
    return {"weights": values, "sample_weights": drawn}


def class_balanced_weights(
    *,
    dtype: Dtype,
    class_counts: ArrayLike,
    beta: float,
    normalization: weights.Normalization = "sum_to_num_classes",
) -> Answers:
    """Inverse effective number of samples."""
    values = weights.effective_number_weights(
        class_counts, beta=beta, normalization=normalization
    )
    return {"weights": values}


def drw_weights(
    *,
    dtype: Dtype,
    class_counts: ArrayLike,
    epoch: int,
    drw_epoch: int,
    betas: Sequence[float],
) -> Answers:
    """Class-balanced weights that change at an epoch, counted from 0."""
    beta = betas[min(epoch // drw_epoch, len(betas) - 1)]
    return {"weights": weights.effective_number_weights(class_counts, beta=beta)}


def lds_weights(
    *,
    dtype: Dtype,
    targets: ArrayLike,
    reweight: str,
    lds: bool = True,
    kernel: smoothing.Kernel | None = "gaussian",
    ks: int = 5,
    sigma: float = 2.0,
    max_target: int | None = 121,
) -> Answers:
    """Label distribution smoothing, with and without the cut to whole numbers."""
    if reweight == "readme_inverse_unnormalized":
        return _unnormalised_lds(targets, kernel if lds else None, ks, sigma)
    if reweight not in ("sqrt_inv", "inverse"):
        raise NoImplementation(f"There is no re-weighting {reweight!r}.")
    if lds and kernel is None:
        raise NoImplementation("There is no smoothing without a kernel.")
    cut, smooth = (
        smoothing.lds_weights(
            targets,
            kernel=kernel if lds else None,
            kernel_size=ks,
            sigma=sigma,
            reweight="sqrt_inv" if reweight == "sqrt_inv" else "inverse",
            max_target=121 if max_target is None else max_target,
            outside="last bin",
            whole=whole,
        )
        for whole in (True, False)
    )
    return {
        "weights": cut,
        "weights_no_int_truncation": smooth,
        **_window(kernel, ks, sigma),
    }


def _window(kernel: smoothing.Kernel | None, ks: int, sigma: float) -> Answers:
    if kernel is None:
        return {}
    window = smoothing.kernel_window(kernel, kernel_size=ks, sigma=sigma)
    return {"kernel_window": window}


def _unnormalised_lds(
    targets: ArrayLike, kernel: smoothing.Kernel | None, ks: int, sigma: float
) -> Answers:
    """The example of the original's README: plain counts, and plain inverses."""
    last = int(np.max(np.asarray(targets, dtype=np.float64)))
    bins = smoothing.bin_targets(targets, max_target=last + 1)
    cut, smooth = (
        smoothing.effective_density(
            np.bincount(bins), kernel=kernel, kernel_size=ks, sigma=sigma, whole=whole
        )
        for whole in (True, False)
    )
    return {
        "effective_density": cut,
        "effective_density_float": smooth,
        "weights": 1 / cut[bins],
        **_window(kernel, ks, sigma),
    }


def training_schedule(
    *,
    dtype: Dtype,
    epochs: Sequence[int],
    kind: str,
    epochs_total: int,
    lr: float,
    start_hm_epoch: int | None = None,
    loss_type: str = "CE",
) -> Answers:
    """Learning rate and phase at epochs counted from 0."""
    if kind not in ("ldam_drw", "hmloss_two_phase"):
        raise NoImplementation(f"There is no schedule {kind!r}.")
    total = max(epochs_total, *(epoch + 1 for epoch in epochs))
    start = total
    if kind == "hmloss_two_phase" and "HML" in loss_type:
        if start_hm_epoch is None:
            raise NoImplementation("Two phases need a 'start_hm_epoch'.")
        start = first_epoch(start_hm_epoch / total, total)
    drops = [*DROPS, (start, PHASE_FACTOR)]
    rates = step_rates(
        total,
        lr,
        warmup_epochs=WARMUP_EPOCHS,
        drops=[(epoch / total, factor) for epoch, factor in drops],
    )
    phases = ["hmloss" if epoch >= start else "ce" for epoch in epochs]
    return {"lr": rates[np.asarray(epochs)], "phase": phases}


def imbalance_profile(
    *,
    dtype: Dtype,
    num_classes: int,
    img_max: int,
    imb_type: str,
    rho: float | None = None,
    imb_factor: float | None = None,
) -> Answers:
    """Images of each class under a profile."""
    if imb_type not in PROFILES:
        raise NoImplementation(f"There is no profile {imb_type!r}.")
    if rho is None:
        if imb_factor is None:
            raise NoImplementation("A profile needs a 'rho' or an 'imb_factor'.")
        rho = 1 / imb_factor
    counts = class_counts(num_classes, img_max, rho, PROFILES[imb_type])
    return {
        "class_counts": counts,
        "total": counts.sum(),
        "realised_ratio": imbalance_ratio(counts),
    }


def fair_metric(*, dtype: Dtype, penalty: float = 2.0, **accuracies: float) -> Answers:
    """Mean accuracy less the penalty on the gap; each group is an ``acc_...``."""
    for name in accuracies:
        if not name.startswith("acc_"):
            raise NoImplementation(f"'fair_metric' takes no '{name}'.")
    value = gaps.fair_metric(list(accuracies.values()), penalty=penalty)
    return {"value": value}
