"""Focal loss: images that are already right count less."""

from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from core.errors import MethodError
from core.methods.weights import check_class_counts

Tensor = Any
Variant = Literal["outside", "inside"]

# Keeps the derivative of (1 - p)^gamma finite where p is 1 and gamma below 1.
_LEAST_MISS = 1e-30


def class_ids(y_true: Tensor) -> Tensor:
    """Labels of shape (n,) or (n, 1), of any type, as int32 of shape (n,)."""
    return ops.reshape(ops.cast(y_true, "int32"), (-1,))


def cross_entropy(ids: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy of each example, shape (n,); finite at any finite logits."""
    return ops.sparse_categorical_crossentropy(ids, logits, from_logits=True)


def focus(cross_entropies: Tensor, gamma: float) -> Tensor:
    """``(1 - p)^gamma`` for cross-entropies ``-ln p``, accurate also near p = 1."""
    miss = ops.maximum(-ops.expm1(-cross_entropies), _LEAST_MISS)
    return ops.power(miss, gamma)


def per_example(class_values: ArrayLike, ids: Tensor, dtype: str) -> Tensor:
    """The value of each example's class, shape (n,)."""
    return ops.take(ops.convert_to_tensor(class_values, dtype=dtype), ids, axis=0)


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
    logits : float array, shape (n, num_classes)
        Before any softmax.
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
        If gamma is below 0, or there is no such variant.

    Notes
    -----
    Source: Lin et al., ICCV 2017, ``w_y (1 - p_y)^gamma (-ln p_y)`` with the softmax
    probability in place of the sigmoid. Departures: none. At gamma 0 it is weighted
    cross-entropy, where both variants agree.
    """
    if variant not in ("outside", "inside"):
        raise MethodError(
            f"There is no variant {variant!r}.", expected="outside, inside."
        )
    check_gamma(gamma)
    ids = class_ids(y_true)
    logits = ops.convert_to_tensor(logits)
    plain = cross_entropy(ids, logits)
    weighted = plain
    if class_weight is not None:
        dtype = keras.backend.standardize_dtype(logits.dtype)
        weighted = plain * per_example(class_weight, ids, dtype)
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
        self.variant = variant

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
