"""Losses with a margin that grows with a class's rarity: LDAM, and LMF over it."""

from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.methods.losses.cross_entropy import (
    Tensor,
    class_ids,
    class_logits,
    cross_entropy,
    per_class,
    per_example,
)
from core.methods.losses.focal import check_gamma, focus
from core.methods.weights import check_class_counts

ClassWeighting = Literal["none", "margins"]


def compute_margins(
    class_counts: ArrayLike, *, max_margin: float = 0.5
) -> NDArray[np.float64]:
    """Margin of each class, ``C n^(-1/4)``.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    max_margin : float, at least 0
        Margin of the rarest class, which fixes C.

    Returns
    -------
    float64 array, shape (num_classes,)
        In the unit of the logits before they are scaled.

    Raises
    ------
    MethodError
        If a class has no image, or ``max_margin`` is out of range.

    Notes
    -----
    Source: Cao et al., NeurIPS 2019, eq. 13. Equal counts give equal margins.
    """
    if not (np.isfinite(max_margin) and max_margin >= 0):
        raise MethodError(
            f"max_margin is {max_margin}.", expected="a finite number from 0."
        )
    counts = check_class_counts(class_counts).astype(np.float64)
    margins: NDArray[np.float64] = max_margin * (counts.min() / counts) ** 0.25
    return margins


def _scaled_with_margin(
    ids: Tensor, logits: Tensor, margins: ArrayLike, scale: float
) -> Tensor:
    margin = per_class(margins, logits)
    true_class = ops.one_hot(ids, logits.shape[-1], dtype=margin.dtype)
    return (logits - true_class * margin) * scale


def ldam(
    y_true: Tensor,
    logits: Tensor,
    *,
    margins: ArrayLike,
    scale: float = 30.0,
    class_weight: ArrayLike | None = None,
) -> Tensor:
    """Label-distribution-aware margin loss.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        Cosines in the paper; any logits will do.
    margins : float array, shape (num_classes,)
        Taken from the logit of the true class; see ``compute_margins``.
    scale : float, above 0
        Factor on all logits, after the margin.
    class_weight : float array, shape (num_classes,), optional

    Returns
    -------
    float array, shape (n,)
        Nats, times the class weight.

    Raises
    ------
    MethodError
        If the margins or the weights are not one for each class.

    Notes
    -----
    Source: Cao et al., NeurIPS 2019, eq. 10 and the authors' code:
    ``CE(s (z - margin_y on the true class))``. Departures: none. With margins 0 and
    scale 1 it is cross-entropy.
    """
    ids = class_ids(y_true)
    raised = _scaled_with_margin(ids, class_logits(logits), margins, scale)
    return cross_entropy(ids, raised, class_weight=class_weight)


def lmf(
    y_true: Tensor,
    logits: Tensor,
    *,
    margins: ArrayLike,
    alpha: float = 2.5,
    beta: float = 0.05,
    gamma: float = 4.0,
    scale: float = 30.0,
    class_weight: ArrayLike | None = None,
) -> Tensor:
    """Large-margin-aware focal loss: ``alpha LDAM + beta focal``.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes)
        Before any softmax; both halves see the same, and only LDAM scales them.
    margins : float array, shape (num_classes,)
        See ``compute_margins``.
    alpha, beta : float, at least 0
        Weights of the two halves; 1.5 and 1 in the paper.
    gamma : float, at least 0
        Of the focal half; 1.5 in the paper.
    scale : float, above 0
        Of the LDAM half.
    class_weight : float array, shape (num_classes,), optional
        On both halves. The LDAM half is then divided by the mean weight over the
        batch, so that its mean over the batch is a weighted mean; the focal half is
        not, as in the authors' training code.

    Returns
    -------
    float array, shape (n,)
        Nats, weighted. With ``class_weight`` it depends on the batch.

    Raises
    ------
    MethodError
        If gamma is below 0, or the margins or the weights are not one for each class.

    Notes
    -----
    Source: Sadi et al., arXiv 2212.12741, 2022, and the authors' code. Departures:
    class weights are off unless given; their training passes the margins as such.
    With beta 0 it is LDAM, with alpha 0 focal loss.
    """
    check_gamma(gamma)
    ids = class_ids(y_true)
    logits = class_logits(logits)
    large_margin = cross_entropy(ids, _scaled_with_margin(ids, logits, margins, scale))
    focused = cross_entropy(ids, logits)
    if gamma > 0:
        focused = focus(focused, gamma) * focused
    if class_weight is not None:
        weight = per_example(class_weight, ids, logits)
        large_margin = large_margin * (weight / ops.mean(weight))
        focused = focused * weight
    return alpha * large_margin + beta * focused


def _check_scale(scale: float) -> float:
    if not (np.isfinite(scale) and scale > 0):
        raise MethodError(f"scale is {scale}.", expected="a finite number above 0.")
    return float(scale)


@keras.saving.register_keras_serializable(package="equipoise")
class LDAM(keras.losses.Loss):
    """LDAM on logits; see ``ldam`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    max_margin, scale : float
        See ``compute_margins`` and ``ldam``.
    class_weight : sequence of float, optional
    reduction, name, dtype
        As for every Keras loss.
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        max_margin: float = 0.5,
        scale: float = 30.0,
        class_weight: ArrayLike | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str = "ldam",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.class_counts = check_class_counts(class_counts)
        self.max_margin = float(max_margin)
        self.scale = _check_scale(scale)
        self.class_weight = None if class_weight is None else np.asarray(class_weight)
        self.margins = compute_margins(self.class_counts, max_margin=max_margin)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return ldam(
            y_true,
            y_pred,
            margins=self.margins,
            scale=self.scale,
            class_weight=self.class_weight,
        )

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again."""
        weight = self.class_weight
        return {
            **super().get_config(),
            "class_counts": self.class_counts.tolist(),
            "max_margin": self.max_margin,
            "scale": self.scale,
            "class_weight": None if weight is None else weight.tolist(),
            "dtype": self.dtype,
        }


@keras.saving.register_keras_serializable(package="equipoise")
class LMF(keras.losses.Loss):
    """LMF on logits; see ``lmf`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    alpha, beta, gamma, max_margin, scale : float
        See ``lmf`` and ``compute_margins``.
    class_weighting : {"none", "margins"}
        Whether the margins also weigh the classes, as in the authors' training code.
    reduction, name, dtype
        As for every Keras loss.
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        alpha: float = 2.5,
        beta: float = 0.05,
        gamma: float = 4.0,
        max_margin: float = 0.5,
        scale: float = 30.0,
        class_weighting: ClassWeighting = "none",
        reduction: str | None = "sum_over_batch_size",
        name: str = "lmf",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.class_counts = check_class_counts(class_counts)
        self.alpha, self.beta = _check_halves(alpha, beta)
        self.gamma = check_gamma(gamma)
        self.max_margin = float(max_margin)
        self.scale = _check_scale(scale)
        self.class_weighting = _check_weighting(class_weighting)
        self.margins = compute_margins(self.class_counts, max_margin=max_margin)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return lmf(
            y_true,
            y_pred,
            margins=self.margins,
            alpha=self.alpha,
            beta=self.beta,
            gamma=self.gamma,
            scale=self.scale,
            class_weight=self.margins if self.class_weighting == "margins" else None,
        )

    def get_config(self) -> dict[str, Any]:
        """What is needed to make the same loss again."""
        return {
            **super().get_config(),
            "class_counts": self.class_counts.tolist(),
            "alpha": self.alpha,
            "beta": self.beta,
            "gamma": self.gamma,
            "max_margin": self.max_margin,
            "scale": self.scale,
            "class_weighting": self.class_weighting,
            "dtype": self.dtype,
        }


def _check_halves(alpha: float, beta: float) -> tuple[float, float]:
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not (np.isfinite(value) and value >= 0):
            raise MethodError(
                f"{name} of LMF is {value}.", expected="a finite number from 0."
            )
    if alpha == beta == 0:
        raise MethodError(
            "LMF's alpha and beta are both 0: nothing would be learned.",
            expected="at least one above 0.",
        )
    return float(alpha), float(beta)


def _check_weighting(class_weighting: ClassWeighting) -> ClassWeighting:
    if class_weighting not in ("none", "margins"):
        raise MethodError(
            f"There is no class weighting {class_weighting!r}.",
            expected="none or margins.",
        )
    return class_weighting
