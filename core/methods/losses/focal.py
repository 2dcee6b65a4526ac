"""Focal loss in its forms: images that are already right count less."""

import math
from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from core.errors import MethodError
from core.methods.losses.cross_entropy import (
    Tensor,
    bound,
    class_ids,
    class_logits,
    cross_entropy,
    per_example,
)
from core.methods.weights import check_class_counts, effective_number_weights

Variant = Literal["outside", "inside"]

# Keeps the derivative of (1 - p)^gamma finite where p is 1 and gamma below 1.
_LEAST_MISS = 1e-30


def focus(cross_entropies: Tensor, gamma: float) -> Tensor:
    """``(1 - p)^gamma`` for cross-entropies ``-ln p``, accurate also near p = 1."""
    miss = bound(-ops.expm1(-cross_entropies), _LEAST_MISS, 1.0)
    # An operator, and no function: under torch that would round gamma to float32.
    return miss**gamma


def check_gamma(gamma: float) -> float:
    """Return gamma if the loss is defined for it.

    Raises
    ------
    MethodError
        If gamma is below 0 or no finite number.
    """
    if not (np.isfinite(gamma) and gamma >= 0):
        raise MethodError(
            f"gamma is {gamma}.", expected="a finite number from 0; 0 is cross-entropy."
        )
    return float(gamma)


def _check_variant(variant: Variant) -> Variant:
    if variant not in ("outside", "inside"):
        raise MethodError(
            f"There is no variant {variant!r}.", expected="outside, inside."
        )
    return variant


def focal(
    y_true: Tensor,
    logits: Tensor,
    *,
    gamma: float = 2.0,
    class_weight: ArrayLike | None = None,
    variant: Variant = "outside",
) -> Tensor:
    """Focal loss for several classes.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        Before any softmax or sigmoid.
    gamma : float, at least 0
        0 is cross-entropy; the larger, the less counts what is already right.
    class_weight : float array, shape (num_classes,), optional
        The paper's alpha.
    variant : {"outside", "inside"}
        Where the class weight goes: beside the focus, as in the paper, or also into
        the probability, ``p = exp(-w CE)``, as two known repositories do.

    Returns
    -------
    float array, shape (n,)
        Nats, times the class weight.

    Raises
    ------
    MethodError
        If gamma is below 0, there is no such variant, or the weights are not one for
        each class.

    Notes
    -----
    Source: Lin et al., ICCV 2017, ``w_y (1 - p_y)^gamma (-ln p_y)`` with the softmax
    probability in place of the sigmoid. Departures: none. At gamma 0 it is weighted
    cross-entropy, where both variants agree.
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
class Focal(keras.losses.Loss):
    """Focal loss on logits; see ``focal`` for the formula and the parameters.

    Parameters
    ----------
    gamma : float, at least 0
    class_weight : sequence of float, optional
    variant : {"outside", "inside"}
    reduction, name, dtype
        As for every Keras loss.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        class_weight: ArrayLike | None = None,
        variant: Variant = "outside",
        reduction: str | None = "sum_over_batch_size",
        name: str = "focal",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.gamma = check_gamma(gamma)
        self.class_weight = None if class_weight is None else np.asarray(class_weight)
        self.variant = _check_variant(variant)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return focal(
            y_true,
            y_pred,
            gamma=self.gamma,
            class_weight=self.class_weight,
            variant=self.variant,
        )

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again."""
        weight = self.class_weight
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "class_weight": None if weight is None else weight.tolist(),
            "variant": self.variant,
            "dtype": self.dtype,
        }


def build_focal(class_counts: ArrayLike, *, gamma: float = 2.0) -> Focal:
    """Focal loss without class weights, for a study; the counts are only checked."""
    check_class_counts(class_counts)
    return Focal(gamma=gamma)


def sigmoid_focal(margin: Tensor, gamma: float, clip: float = 0.0) -> Tensor:
    """``(1 - p)^gamma (-ln p)`` for ``p = sigmoid(margin)``, finite at any margin.

    The focus is a power of a sigmoid, taken through its logarithm: no digits are lost
    where p is 0 or 1, and at no gamma is the derivative infinite. With ``clip``, the
    p of ``-ln p`` stays that far from 0 and 1.
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
    """
    if not 0 <= alpha <= 1:
        raise MethodError(
            f"alpha of binary focal loss is {alpha}.",
            expected="a number from 0 to 1: the weight of the positive class.",
            remedy="the negative class gets 1 - alpha.",
        )
    return float(alpha)


def binary_focal(
    y_true: Tensor,
    logits: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float = 0.25,
    apply_class_balancing: bool = False,
    clip: float = 0.0,
) -> Tensor:
    """Focal loss for two classes, on one logit.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        1 for the positive class, 0 for the negative.
    logits : float array, shape (n,) or (n, 1)
        Of the positive class, before the sigmoid.
    gamma : float, at least 0
        0 is cross-entropy; the larger, the less counts what is already right.
    alpha : float, in [0, 1]
        Weight of the positive class; the negative has 1 - alpha.
    apply_class_balancing : bool
        Whether alpha is used at all.
    clip : float, in [0, 0.5)
        How far the p in the logarithm stays from 0 and 1; 1e-7 in Keras.

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
    ``apply_class_balancing`` is set. Departures: nothing is clipped unless asked for,
    where Keras mutes the gradient of what is badly wrong. At gamma 0 it is (weighted)
    cross-entropy.
    """
    check_gamma(gamma)
    check_alpha(alpha)
    if not 0 <= clip < 0.5:
        raise MethodError(
            f"The clip of binary focal loss is {clip}.",
            expected="a number from 0 and below 0.5; 0 clips nothing.",
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
    gamma: float = 2.0,
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
        On all the sigmoids of an example, by its true class; the paper's are
        ``core.methods.weights.effective_number_weights``.

    Returns
    -------
    float array, shape (n,)
        Nats, summed over the classes, times the class weight.

    Raises
    ------
    MethodError
        If gamma is below 0, or the weights are not one for each class.

    Notes
    -----
    Source: Cui et al., CVPR 2019, eq. 13, and the authors' code:
    ``w_y sum_k (1 - p_k)^gamma (-ln p_k)``, where p_k is the probability that the
    k-th sigmoid is right. Departures: none; their mean over a batch divides by the
    number of positives, which is the number of examples.
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
class BinaryFocal(keras.losses.Loss):
    """Binary focal loss on one logit; see ``binary_focal`` for the formula.

    Parameters
    ----------
    gamma, alpha, apply_class_balancing
        See ``binary_focal``.
    reduction, name, dtype
        As for every Keras loss.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        alpha: float = 0.25,
        apply_class_balancing: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.gamma = check_gamma(gamma)
        self.alpha = check_alpha(alpha)
        self.apply_class_balancing = bool(apply_class_balancing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return binary_focal(
            y_true,
            y_pred,
            gamma=self.gamma,
            alpha=self.alpha,
            apply_class_balancing=self.apply_class_balancing,
        )

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again."""
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "alpha": self.alpha,
            "apply_class_balancing": self.apply_class_balancing,
            "dtype": self.dtype,
        }


@keras.saving.register_keras_serializable(package="equipoise")
class ClassBalancedFocal(keras.losses.Loss):
    """Class-balanced focal loss; see ``class_balanced_focal`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    beta : float, in [0, 1)
        Of the weights, which have mean 1 over the training images here, as all
        weights; the paper's have mean 1 over the classes.
    gamma : float, at least 0
    reduction, name, dtype
        As for every Keras loss.
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        beta: float = 0.9999,
        gamma: float = 2.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "class_balanced_focal",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.class_counts = check_class_counts(class_counts)
        self.beta = float(beta)
        self.gamma = check_gamma(gamma)
        self.class_weight = effective_number_weights(
            self.class_counts, beta=beta, normalization="balanced"
        )

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return class_balanced_focal(
            y_true, y_pred, gamma=self.gamma, class_weight=self.class_weight
        )

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again."""
        return {
            **super().get_config(),
            "class_counts": self.class_counts.tolist(),
            "beta": self.beta,
            "gamma": self.gamma,
            "dtype": self.dtype,
        }
