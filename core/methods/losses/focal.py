"""Focal loss in its forms: images that are already right count less."""

import math
from typing import Any, Literal, get_args

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from core.methods.checks import (
    FROM_ZERO,
    SHARE,
    Interval,
    check_choice,
    check_number,
)
from core.methods.losses.base import FunctionLoss, Tensor
from core.methods.losses.cross_entropy import (
    bound,
    class_ids,
    class_logits,
    cross_entropy,
    per_example,
)
from core.methods.weights import BETA, check_class_counts, effective_number_weights

Variant = Literal["outside", "inside"]
# Default focusing of every focal loss.
GAMMA = 2.0

# Keeps the derivative of (1 - p)^gamma finite where p is 1 and gamma below 1.
_LEAST_MISS = 1e-30
_BELOW_HALF = Interval(0, 0.5, with_high=False)


def focus(cross_entropies: Tensor, gamma: float) -> Tensor:
    """``(1 - p)^gamma`` for cross-entropies ``-ln p``, accurate also near p = 1.

    Examples
    --------
    >>> round(float(focus(cross_entropy([0], [[0.0, 0.0]]), 2.0)[0]), 4)  # p is 1/2
    0.25
    """
    miss = bound(-ops.expm1(-cross_entropies), _LEAST_MISS, 1.0)
    # An operator, and no function: under torch that would round gamma to float32.
    return miss**gamma


def check_gamma(gamma: float) -> float:
    """Return gamma if the loss is defined for it.

    Raises
    ------
    MethodError
        If gamma is below 0 or not finite.

    Examples
    --------
    >>> check_gamma(2)
    2.0
    """
    return check_number("gamma", gamma, FROM_ZERO, note="0 is cross-entropy")


def _check_variant(variant: Variant) -> Variant:
    return check_choice("variant", variant, get_args(Variant))


def focal(
    y_true: Tensor,
    logits: Tensor,
    *,
    gamma: float,
    variant: Variant,
    class_weight: ArrayLike | None = None,
) -> Tensor:
    """Focal loss for several classes.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        Before any softmax or sigmoid.
    gamma : float, at least 0
        0 is cross-entropy. The larger it is, the less an image counts that is already
        right.
    variant : {"outside", "inside"}
        Where the class weight goes: beside the focus, as in the paper, or also into
        the probability, ``p = exp(-w CE)``, as two known repositories do.
    class_weight : float array, shape (num_classes,), optional
        The paper's alpha.

    Returns
    -------
    float array, shape (n,)
        Nats, times the class weight.

    Raises
    ------
    MethodError
        If gamma is below 0, there is no such variant, or there is not one weight for
        each class.

    Notes
    -----
    Source: Lin et al., ICCV 2017, ``w_y (1 - p_y)^gamma (-ln p_y)`` with the softmax
    probability in place of the sigmoid. Departures: none. At gamma 0 both variants
    are weighted cross-entropy.

    Examples
    --------
    Equal logits give p = 1/2:

    >>> loss = focal([0], [[0.0, 0.0]], gamma=2.0, variant="outside")
    >>> round(float(loss[0]), 4)  # (1/2)^2 ln(2)
    0.1733
    """
    check_gamma(gamma)
    _check_variant(variant)
    ids = class_ids(y_true)
    logits = class_logits(logits)
    plain = cross_entropy(ids, logits)
    weighted = plain
    if class_weight is not None:
        weighted = plain * per_example(class_weight, ids, logits)
    if gamma == 0:
        return weighted
    return focus(plain if variant == "outside" else weighted, gamma) * weighted


@keras.saving.register_keras_serializable(package="equipoise")
class Focal(FunctionLoss):
    """Focal loss on logits; see ``focal`` for the formula and the parameters.

    Parameters
    ----------
    gamma : float, at least 0
    class_weight : sequence of float, optional
    variant : {"outside", "inside"}
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = Focal(gamma=2.0)
    >>> round(float(loss(ops.array([0]), ops.zeros((1, 2)))), 4)  # (1/2)^2 ln(2)
    0.1733
    """

    def __init__(
        self,
        *,
        gamma: float,
        class_weight: ArrayLike | None = None,
        variant: Variant = "outside",
        **options: Any,
    ) -> None:
        self.class_weight = None if class_weight is None else np.asarray(class_weight)
        super().__init__(
            focal,
            {
                "gamma": check_gamma(gamma),
                "class_weight": self.class_weight,
                "variant": _check_variant(variant),
            },
            **options,
        )


def build_focal(class_counts: ArrayLike, *, gamma: float = GAMMA) -> Focal:
    """Focal loss without class weights, for a study; the counts are only checked.

    Examples
    --------
    >>> build_focal([30, 10]).get_config()["gamma"]
    2.0
    """
    check_class_counts(class_counts)
    return Focal(gamma=gamma)


def sigmoid_focal(margin: Tensor, gamma: float, clip: float = 0.0) -> Tensor:
    """``(1 - p)^gamma (-ln p)`` for ``p = sigmoid(margin)``, finite at any margin.

    The focus is a power of a sigmoid, computed through its logarithm: no digits are
    lost where p is 0 or 1, and the derivative is finite at every gamma. With ``clip``,
    the p of ``-ln p`` stays that far from 0 and 1.

    Examples
    --------
    >>> round(float(sigmoid_focal(ops.array(0.0), 2.0)), 4)  # (1/2)^2 ln(2)
    0.1733
    """
    nats = ops.softplus(-margin)
    if clip > 0:
        nats = bound(nats, -math.log1p(-clip), -math.log(clip))
    return ops.exp(-gamma * ops.softplus(margin)) * nats


def check_alpha(alpha: float) -> float:
    """Return the weight of the positive class if it is a share.

    Raises
    ------
    MethodError
        If alpha is outside [0, 1].

    Examples
    --------
    >>> check_alpha(0.25)
    0.25
    """
    return check_number(
        "alpha of binary focal loss",
        alpha,
        SHARE,
        note="it is the weight of the positive class, and 1 - alpha of the negative",
    )


def binary_focal(
    y_true: Tensor,
    logits: Tensor,
    *,
    gamma: float,
    alpha: float,
    apply_class_balancing: bool,
    clip: float = 0.0,
) -> Tensor:
    """Focal loss for two classes, on one logit.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        1 for the positive class, 0 for the negative.
    logits : float array, shape (n,) or (n, 1)
        Logit of the positive class, before the sigmoid.
    gamma : float, at least 0
        0 is cross-entropy. The larger it is, the less an image counts that is already
        right.
    alpha : float, in [0, 1]
        Weight of the positive class; the negative has 1 - alpha.
    apply_class_balancing : bool
        Whether alpha is used at all.
    clip : float, in [0, 0.5)
        Distance that the p in the logarithm keeps from 0 and 1; 1e-7 in Keras.

    Returns
    -------
    float array, shape (n,)
        Nats, times the weight.

    Raises
    ------
    MethodError
        If gamma is below 0, alpha outside [0, 1], or the clip outside [0, 0.5).

    Notes
    -----
    Source: Lin et al., ICCV 2017, eq. 5: ``alpha_t (1 - p_t)^gamma (-ln p_t)``, which
    always balances. As in Keras, alpha is ignored here unless
    ``apply_class_balancing`` is set. Departures: nothing is clipped by default; the
    clip of Keras mutes the gradient of images that are badly wrong. At gamma 0 it is
    (weighted) cross-entropy.

    Examples
    --------
    A logit of 0 is a probability of 1/2:

    >>> loss = binary_focal(
    ...     [1], [0.0], gamma=2.0, alpha=0.25, apply_class_balancing=True
    ... )
    >>> round(float(loss[0]), 4)  # 1/4 (1/2)^2 ln(2)
    0.0433
    """
    check_gamma(gamma)
    check_alpha(alpha)
    check_number(
        "The clip of binary focal loss", clip, _BELOW_HALF, note="0 clips nothing"
    )
    logits = ops.reshape(ops.convert_to_tensor(logits), (-1,))
    positive = ops.reshape(ops.cast(y_true, logits.dtype), (-1,))
    values = sigmoid_focal((2.0 * positive - 1.0) * logits, gamma, clip)
    if not apply_class_balancing:
        return values
    return values * (1.0 - alpha + (2.0 * alpha - 1.0) * positive)


def class_balanced_focal(
    y_true: Tensor,
    logits: Tensor,
    *,
    gamma: float,
    class_weight: ArrayLike | None = None,
) -> Tensor:
    """Focal loss of one sigmoid a class, weighted by the true class.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes)
        One for each class against all others, before the sigmoids.
    gamma : float, at least 0
        0 is the sum of the binary cross-entropies.
    class_weight : float array, shape (num_classes,), optional
        Factor on all the sigmoids of an example, by its true class; the paper's are
        ``core.methods.weights.effective_number_weights``.

    Returns
    -------
    float array, shape (n,)
        Nats, summed over the classes, times the class weight.

    Raises
    ------
    MethodError
        If gamma is below 0, or there is not one weight for each class.

    Notes
    -----
    Source: Cui et al., CVPR 2019, eq. 13, and the authors' code:
    ``w_y sum_k (1 - p_k)^gamma (-ln p_k)``, where p_k is the probability that the
    k-th sigmoid is right. Departures: none; their mean over a batch divides by the
    number of positives, which is the number of examples.

    Examples
    --------
    Both sigmoids are 1/2:

    >>> loss = class_balanced_focal([0], [[0.0, 0.0]], gamma=2.0)
    >>> round(float(loss[0]), 4)  # 2 (1/2)^2 ln(2)
    0.3466
    """
    check_gamma(gamma)
    ids = class_ids(y_true)
    logits = ops.convert_to_tensor(logits)
    signs = 2.0 * ops.one_hot(ids, logits.shape[-1], dtype=logits.dtype) - 1.0
    values = ops.sum(sigmoid_focal(signs * logits, gamma), axis=-1)
    if class_weight is None:
        return values
    return values * per_example(class_weight, ids, logits)


@keras.saving.register_keras_serializable(package="equipoise")
class BinaryFocal(FunctionLoss):
    """Binary focal loss on one logit; see ``binary_focal`` for the formula.

    Parameters
    ----------
    gamma, alpha, apply_class_balancing
        See ``binary_focal``.
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = BinaryFocal(gamma=2.0)
    >>> round(float(loss(ops.array([1]), ops.zeros((1, 1)))), 4)  # (1/2)^2 ln(2)
    0.1733
    """

    def __init__(
        self,
        *,
        gamma: float = GAMMA,
        alpha: float = 0.25,
        apply_class_balancing: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            binary_focal,
            {
                "gamma": check_gamma(gamma),
                "alpha": check_alpha(alpha),
                "apply_class_balancing": bool(apply_class_balancing),
            },
            **options,
        )


@keras.saving.register_keras_serializable(package="equipoise")
class ClassBalancedFocal(FunctionLoss):
    """Class-balanced focal loss; see ``class_balanced_focal`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    beta : float, in [0, 1)
        See ``core.methods.weights.effective_number_weights``. The weights have mean 1
        over the training images, as all weights here; the paper's over the classes.
    gamma : float, at least 0
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    Equal counts give weights of 1:

    >>> loss = ClassBalancedFocal([5, 5], gamma=2.0)
    >>> round(float(loss(ops.array([0]), ops.zeros((1, 2)))), 4)  # 2 (1/2)^2 ln(2)
    0.3466
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        beta: float = BETA,
        gamma: float = GAMMA,
        **options: Any,
    ) -> None:
        counts = check_class_counts(class_counts)
        self.class_weight = effective_number_weights(
            counts, beta=beta, normalization="balanced"
        )
        super().__init__(
            class_balanced_focal,
            {
                "class_counts": counts,
                "beta": float(beta),
                "gamma": check_gamma(gamma),
            },
            derived={"class_weight": self.class_weight},
            **options,
        )
