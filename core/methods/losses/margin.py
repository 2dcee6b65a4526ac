"""Losses with a margin that is larger for rarer classes: LDAM, and LMF over it."""

from typing import Any, Literal, get_args

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from core.errors import MethodError
from core.language import gettext
from core.methods.checks import ABOVE_ZERO, FROM_ZERO, check_choice, check_number
from core.methods.losses.base import FunctionLoss, Tensor
from core.methods.losses.cross_entropy import (
    class_ids,
    class_logits,
    cross_entropy,
    per_class,
    per_example,
)
from core.methods.losses.focal import check_gamma, focus
from core.methods.weights import check_class_counts

ClassWeighting = Literal["none", "margins"]
# Defaults of LDAM, and so of the LDAM half of LMF.
MAX_MARGIN = 0.5
SCALE = 30.0


def compute_margins(
    class_counts: ArrayLike, *, max_margin: float
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

    Examples
    --------
    A class with 16 times the images has half the margin:

    >>> compute_margins([160, 10], max_margin=0.5).round(4).tolist()
    [0.25, 0.5]
    """
    check_number("max_margin", max_margin, FROM_ZERO)
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
    scale: float,
    class_weight: ArrayLike | None = None,
) -> Tensor:
    """Label-distribution-aware margin loss.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        Cosines in the paper; other logits are allowed.
    margins : float array, shape (num_classes,)
        Subtracted from the logit of the true class; see ``compute_margins``.
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
        If there is not one margin, or not one weight, for each class.

    Notes
    -----
    Source: Cao et al., NeurIPS 2019, eq. 10 and the authors' code:
    ``CE(s (z - margin_y on the true class))``. Departures: none. With margins 0 and
    scale 1 it is cross-entropy.

    Examples
    --------
    A margin of ln 3 on equal logits makes the odds 1 to 3:

    >>> loss = ldam([0], [[0.0, 0.0]], margins=[np.log(3), 0.0], scale=1.0)
    >>> round(float(loss[0]), 4)  # ln(4)
    1.3863
    """
    ids = class_ids(y_true)
    raised = _scaled_with_margin(ids, class_logits(logits), margins, scale)
    return cross_entropy(ids, raised, class_weight=class_weight)


def lmf(
    y_true: Tensor,
    logits: Tensor,
    *,
    margins: ArrayLike,
    alpha: float,
    beta: float,
    gamma: float,
    scale: float,
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
        Focusing of the focal half; 1.5 in the paper.
    scale : float, above 0
        Factor on the logits of the LDAM half.
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
        If gamma is below 0, or there is not one margin or weight for each class.

    Notes
    -----
    Source: Sadi et al., arXiv 2212.12741, 2022, and the authors' code. Departures:
    class weights are off unless given; the authors' training passes the margins as
    class weights. With beta 0 it is LDAM, with alpha 0 focal loss.

    Examples
    --------
    Without margins at scale 1, LDAM is ln(2), and focal loss (1/2)^2 ln(2):

    >>> loss = lmf(
    ...     [0], [[0.0, 0.0]], margins=[0, 0], alpha=2, beta=4, gamma=2, scale=1
    ... )
    >>> round(float(loss[0]), 4)  # 3 ln(2)
    2.0794
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
    return check_number("scale", scale, ABOVE_ZERO)


@keras.saving.register_keras_serializable(package="equipoise")
class LDAM(FunctionLoss):
    """LDAM on logits; see ``ldam`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    max_margin, scale : float
        See ``compute_margins`` and ``ldam``.
    class_weight : sequence of float, optional
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = LDAM([5, 5], max_margin=0.0, scale=1.0)
    >>> round(float(loss(ops.array([0]), ops.zeros((1, 2)))), 4)  # ln(2)
    0.6931
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        max_margin: float = MAX_MARGIN,
        scale: float = SCALE,
        class_weight: ArrayLike | None = None,
        **options: Any,
    ) -> None:
        counts = check_class_counts(class_counts)
        self.margins = compute_margins(counts, max_margin=max_margin)
        self.class_weight = None if class_weight is None else np.asarray(class_weight)
        super().__init__(
            ldam,
            {
                "class_counts": counts,
                "max_margin": float(max_margin),
                "scale": _check_scale(scale),
                "class_weight": self.class_weight,
            },
            derived={"margins": self.margins},
            **options,
        )


@keras.saving.register_keras_serializable(package="equipoise")
class LMF(FunctionLoss):
    """LMF on logits; see ``lmf`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    alpha, beta, gamma, max_margin, scale : float
        See ``lmf`` and ``compute_margins``.
    class_weighting : {"none", "margins"}
        Whether the margins also weigh the classes, as in the authors' training code.
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = LMF([5, 5], alpha=2, beta=4, gamma=2, max_margin=0.0, scale=1.0)
    >>> round(float(loss(ops.array([0]), ops.zeros((1, 2)))), 4)  # 3 ln(2)
    2.0794
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        alpha: float = 2.5,
        beta: float = 0.05,
        gamma: float = 4.0,
        max_margin: float = MAX_MARGIN,
        scale: float = SCALE,
        class_weighting: ClassWeighting = "none",
        **options: Any,
    ) -> None:
        counts = check_class_counts(class_counts)
        self.margins = compute_margins(counts, max_margin=max_margin)
        check_choice("class weighting", class_weighting, get_args(ClassWeighting))
        weighted = class_weighting == "margins"
        if alpha == beta == 0:
            raise MethodError(
                gettext("LMF's alpha and beta are both 0: nothing would be learned."),
                expected=gettext("at least one of them above 0."),
            )
        super().__init__(
            lmf,
            {
                "class_counts": counts,
                "alpha": check_number("alpha of LMF", alpha, FROM_ZERO),
                "beta": check_number("beta of LMF", beta, FROM_ZERO),
                "gamma": check_gamma(gamma),
                "max_margin": float(max_margin),
                "scale": _check_scale(scale),
                "class_weighting": class_weighting,
            },
            derived={
                "margins": self.margins,
                "class_weight": self.margins if weighted else None,
            },
            **options,
        )
