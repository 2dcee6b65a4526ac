"""The schema's words for losses on classes, in ours.

Each function takes the inputs and parameters of a case by name, calls the functions
that train, and returns their answers by field.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.methods import weights
from core.methods.losses import balanced, cross_entropy, focal, hard_mining, margin
from core.methods.verification.cases import Dtype, NoImplementation
from core.methods.verification.gradients import Tensor, evaluate, loss_answers

Answers = Mapping[str, Any]
Floats = NDArray[np.float64]

FOCAL_VARIANTS: Mapping[str, focal.Variant] = {
    "softmax_alpha_outside": "outside",
    "softmax_weight_inside_p": "inside",
}
AS_THE_FORM = "as the form"
# Keras keeps probabilities this far from 0 and 1.
KERAS_CLIP = 1e-7
CLASS_WEIGHTS: Mapping[str, Callable[[ArrayLike], Floats]] = {
    "CS": partial(
        weights.inverse_frequency_weights, normalization="sum_to_num_classes"
    ),
    "CB": weights.effective_number_weights,
}


def weighted_cross_entropy(
    *,
    dtype: Dtype,
    logits: ArrayLike,
    labels: ArrayLike,
    scheme: str | None = None,
    class_counts: ArrayLike | None = None,
    class_weights: ArrayLike | None = None,
    reduction: str = "mean",
) -> Answers:
    """Cross-entropy with INS (CS) or class-balanced (CB) weights, or those given."""
    ids = _ids(labels, logits)
    weight = _class_weights(scheme, class_counts, class_weights)
    return loss_answers(
        lambda logits: cross_entropy.cross_entropy(ids, logits, class_weight=weight),
        {"logits": logits},
        drawn_weights=_drawn(weight, ids),
        reduction=reduction,
        dtype=dtype,
    )


def focal_loss(
    *,
    dtype: Dtype,
    logits: ArrayLike,
    labels: ArrayLike,
    variant: str,
    gamma: float,
    alpha: ArrayLike | None = None,
    class_weights: ArrayLike | None = None,
    class_counts: ArrayLike | None = None,
    reduction: str = "mean",
) -> Answers:
    """Focal loss; alpha and class weights are two names of one thing."""
    if variant not in FOCAL_VARIANTS:
        raise NoImplementation(f"There is no variant {variant!r} of focal loss.")
    ids = _ids(labels, logits)
    weight = class_weights if alpha is None else alpha
    return loss_answers(
        lambda logits: focal.focal(
            ids,
            logits,
            gamma=gamma,
            class_weight=weight,
            variant=FOCAL_VARIANTS[variant],
        ),
        {"logits": logits},
        drawn_weights=_drawn(weight, ids),
        reduction=reduction,
        dtype=dtype,
    )


def binary_focal_loss(
    *,
    dtype: Dtype,
    labels: ArrayLike,
    variant: str,
    gamma: float,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    alpha: float | None = None,
    apply_class_balancing: bool | None = None,
    from_logits: bool | None = None,
    reduction: str = "mean",
) -> Answers:
    """Focal loss on one logit, or on the probability that Keras's takes."""
    if variant not in ("retinanet", "keras_builtin"):
        raise NoImplementation(f"There is no variant {variant!r} of binary focal loss.")
    if (probs is None) == (logits is None) or from_logits is (logits is None):
        raise NoImplementation(
            "There must be 'logits' or 'probs', as from_logits says."
        )
    like_keras = variant == "keras_builtin"
    balanced_by_alpha = bool(apply_class_balancing) if like_keras else alpha is not None
    given = "probs" if logits is None else "logits"
    points = {given: np.asarray(probs if logits is None else logits)}
    each = partial(
        focal.binary_focal,
        _ids(labels, points[given]),
        gamma=gamma,
        alpha=0.5 if alpha is None else alpha,
        apply_class_balancing=balanced_by_alpha,
        clip=KERAS_CLIP if like_keras else 0.0,
    )
    return loss_answers(
        each if probs is None else lambda probs: each(_logits_of(probs, dtype)),
        points,
        reduction=reduction,
        dtype=dtype,
    )


def class_balanced_focal_sigmoid(
    *,
    dtype: Dtype,
    logits: ArrayLike,
    labels: ArrayLike,
    class_counts: ArrayLike,
    beta: float,
    gamma: float,
    reduction: str = "sum_over_classes_mean_over_samples",
) -> Answers:
    """Focal loss of one sigmoid a class, with class-balanced weights."""
    ids = _ids(labels, logits)
    weight = weights.effective_number_weights(class_counts, beta=beta)
    # Each value is the sum over classes already.
    usual = reduction == "sum_over_classes_mean_over_samples"
    answers = loss_answers(
        partial(focal.class_balanced_focal, ids, gamma=gamma, class_weight=weight),
        {"logits": logits},
        drawn_weights=_drawn(weight, ids),
        reduction="mean" if usual else reduction,
        dtype=dtype,
    )
    return {"weights": weight, **answers}


def ldam_loss(
    *,
    dtype: Dtype,
    logits: ArrayLike,
    labels: ArrayLike,
    class_counts: ArrayLike,
    class_weights: ArrayLike | None = None,
    max_m: float = 0.5,
    s: float = 30.0,
    reduction: str = "mean",
) -> Answers:
    """Label-distribution-aware margins."""
    ids = _ids(labels, logits)
    margins = margin.compute_margins(class_counts, max_margin=max_m)
    answers = loss_answers(
        lambda logits: margin.ldam(
            ids, logits, margins=margins, scale=s, class_weight=class_weights
        ),
        {"logits": logits},
        drawn_weights=_drawn(class_weights, ids),
        reduction=reduction,
        dtype=dtype,
    )
    return {"margins": margins, **answers}


def lmf_loss(
    *,
    dtype: Dtype,
    logits: ArrayLike,
    labels: ArrayLike,
    class_counts: ArrayLike,
    alpha: float,
    beta: float,
    gamma: float,
    max_m: float = 0.5,
    s: float = 30.0,
    class_weighting: str | None = None,
    class_weights: ArrayLike | None = None,
) -> Answers:
    """LMF and its two halves; with weights, only LDAM's is a weighted mean."""
    if class_weighting not in (None, "none", "margins"):
        raise NoImplementation(f"LMF knows no class weighting {class_weighting!r}.")
    ids = _ids(labels, logits)
    margins = margin.compute_margins(class_counts, max_margin=max_m)
    weight = class_weights
    if class_weighting == "margins" and weight is None:
        weight = margins
    blend = partial(
        margin.lmf, ids, margins=margins, gamma=gamma, scale=s, class_weight=weight
    )
    whole = loss_answers(
        partial(blend, alpha=alpha, beta=beta), {"logits": logits}, dtype=dtype
    )
    large_margin, focused = (
        evaluate(partial(blend, alpha=a, beta=b), logits, dtype=dtype).mean()
        for a, b in ((1.0, 0.0), (0.0, 1.0))
    )
    each_large_margin, each_focused = (
        evaluate(half, logits, dtype=dtype)
        for half in (
            partial(margin.ldam, ids, margins=margins, scale=s, class_weight=weight),
            partial(
                focal.focal, ids, gamma=gamma, variant="outside", class_weight=weight
            ),
        )
    )
    return {
        "loss": whole["loss"],
        "grad_logits": whole["grad_logits"],
        "ldam_part": large_margin,
        "focal_part": focused,
        "per_sample_ldam": each_large_margin,
        "per_sample_focal": each_focused,
        "loss_plain_mean": (alpha * each_large_margin + beta * each_focused).mean(),
        "margins": margins,
    }


def hmloss(
    *,
    dtype: Dtype,
    logits: ArrayLike,
    labels: ArrayLike,
    variant: str,
    delta: float,
    scale: float | None = None,
    p_clip: float | str | None = AS_THE_FORM,
    weighting: str | None = None,
    class_counts: ArrayLike | None = None,
    class_weights: ArrayLike | None = None,
    reduction: str = "mean",
) -> Answers:
    """Hard-mining loss; scale and clip are the form's own unless a case gives them."""
    if variant not in hard_mining.OWN:
        raise NoImplementation(f"There is no variant {variant!r} of HMLoss.")
    clip = None if p_clip == AS_THE_FORM else float(p_clip or 0.0)
    ids = _ids(labels, logits)
    weight = _class_weights(weighting, class_counts, class_weights)
    return loss_answers(
        partial(
            hard_mining.hard_mining,
            ids,
            delta=delta,
            form=variant,
            class_weight=weight,
            scale=scale,
            clip=clip,
        ),
        {"logits": logits},
        drawn_weights=_drawn(weight, ids),
        reduction=reduction,
        dtype=dtype,
    )


def balanced_softmax(
    *,
    dtype: Dtype,
    logits: ArrayLike,
    labels: ArrayLike,
    class_counts: ArrayLike,
    reduction: str = "mean",
) -> Answers:
    """Balanced softmax."""
    return loss_answers(
        partial(
            balanced.balanced_softmax, _ids(labels, logits), class_counts=class_counts
        ),
        {"logits": logits},
        reduction=reduction,
        dtype=dtype,
    )


def softmax_equalization(
    *,
    dtype: Dtype,
    logits: ArrayLike,
    labels: ArrayLike,
    class_counts: ArrayLike,
    beta_mask: ArrayLike,
    lambda_: float,
    gamma: float | None = None,
    tail_mask: ArrayLike | None = None,
    reduction: str = "mean",
) -> Answers:
    """Softmax equalization with the mask of the case.

    Gamma is not needed. Neither is the mask of rare classes, which follows from the
    counts and lambda.
    """
    return loss_answers(
        partial(
            balanced.softmax_equalization,
            _ids(labels, logits),
            class_counts=class_counts,
            mask=np.asarray(beta_mask, dtype=dtype),
            threshold=lambda_,
        ),
        {"logits": logits},
        reduction=reduction,
        dtype=dtype,
    )


def _logits_of(probabilities: Tensor, dtype: Dtype) -> Tensor:
    """Logits of probabilities, finite at 0 and 1."""
    limits = np.finfo(dtype)
    p = cross_entropy.bound(probabilities, float(limits.tiny), 1 - float(limits.epsneg))
    return ops.log(p) - ops.log1p(-p)


def _ids(labels: ArrayLike, logits: ArrayLike) -> NDArray[np.int64]:
    """Labels as ids of the logits' classes, one a row."""
    ids, shape = np.asarray(labels), np.shape(logits)
    classes = shape[1] if len(shape) == 2 else 2
    if ids.dtype.kind not in "iu" or ids.shape != shape[:1] or not ids.size:
        raise MethodError(
            f"There are labels of shape {ids.shape} for logits of shape {shape}.",
            expected="one whole number for each row.",
        )
    if ids.min() < 0 or ids.max() >= classes:
        raise MethodError(
            f"Labels run from {ids.min()} to {ids.max()}.",
            expected=f"class ids from 0 to {classes - 1}.",
        )
    return ids


def _class_weights(
    scheme: str | None, class_counts: ArrayLike | None, given: ArrayLike | None
) -> Floats | None:
    """The weights that are given, or those of a scheme, with mean 1 over classes."""
    if given is not None:
        return np.asarray(given, dtype=np.float64)
    if scheme is None:
        return None
    if scheme not in CLASS_WEIGHTS:
        raise NoImplementation(f"There are no class weights {scheme!r}.")
    if class_counts is None:
        raise NoImplementation(f"Weights {scheme} need 'class_counts'.")
    return CLASS_WEIGHTS[scheme](class_counts)


def _drawn(weight: ArrayLike | None, ids: NDArray[np.int64]) -> Floats | None:
    """Weight of each example."""
    return None if weight is None else np.asarray(weight, dtype=np.float64)[ids]
