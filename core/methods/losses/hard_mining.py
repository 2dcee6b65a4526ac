"""Hard-mining loss: images that are right, or hopelessly wrong, count less."""

import math
from typing import Any, Literal, get_args

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from core.methods.checks import ABOVE_ZERO, Interval, check_choice, check_number
from core.methods.losses.base import FunctionLoss, Tensor
from core.methods.losses.cross_entropy import (
    bound,
    class_ids,
    class_logits,
    cross_entropy,
    per_example,
)
from core.methods.weights import (
    BETA,
    Normalization,
    check_class_counts,
    effective_number_weights,
    inverse_frequency_weights,
)

Form = Literal["official", "paper"]
ClassWeighting = Literal["none", "ins", "class-balanced"]

# Factor of each form, and the distance that its probability keeps from 0 and 1.
OWN: dict[Form, tuple[float, float]] = {"official": (10.0, 1e-10), "paper": (1.0, 0.0)}

# 1 - sin(u)/u = u^2/3! - u^4/5! + ...: ten terms are exact in float64 up to u = 1.
_SERIES = tuple((-1) ** k / math.factorial(2 * k + 3) for k in range(10))
_BELOW_HALF = Interval(0, 0.5, with_high=False)


def check_delta(delta: float) -> float:
    """Return delta if the loss is defined for it.

    Raises
    ------
    MethodError
        If delta is not above 0, or not finite.

    Examples
    --------
    >>> check_delta(1e5)
    100000.0
    """
    return check_number(
        "delta of HMLoss",
        delta,
        ABOVE_ZERO,
        note="1e5 for ten classes, 1e4 for a hundred",
        remedy="the loss peaks where the probability is about 1.2 / delta.",
    )


def _check_form(form: Form) -> Form:
    return check_choice("form", form, get_args(Form), owner="HMLoss")


def _sinc_defect(x: Tensor) -> Tensor:
    """``1 - sin(pi x)/(pi x)`` for x from 0, to full precision also near 0."""
    u = math.pi * x
    near = u < 1.0
    # Each branch sees only values that it can differentiate.
    square = ops.square(ops.where(near, u, 0.0))
    series = ops.zeros_like(square)
    for coefficient in reversed(_SERIES):
        series = series * square + coefficient
    far = ops.where(near, 1.0, u)
    return ops.where(near, series * square, 1.0 - ops.sin(far) / far)


def hardness_weight(p: Tensor, miss: Tensor, *, delta: float) -> Tensor:
    """``sinc(p) - e^(-delta p) sinc(delta p)``, without cancellation at either end.

    Parameters
    ----------
    p, miss : float array, shape (n,)
        Probability of the true class, and 1 minus it, each to full precision.
    delta : float, above 0

    Returns
    -------
    float array, shape (n,)
        About ``delta p`` near p = 0 and ``miss`` near p = 1.

    Notes
    -----
    Near 0 both terms are 1 to float32, so their differences from 1 are subtracted;
    near 1, ``sin(pi p)`` is computed as ``sin(pi miss)``.

    Examples
    --------
    At p = 1/2 and a large delta it is sinc(1/2) = 2 / pi:

    >>> half = ops.array([0.5])
    >>> round(float(hardness_weight(half, half, delta=1e5)[0]), 4)
    0.6366
    """
    x = delta * p
    decay, bend = ops.exp(-x), _sinc_defect(x)
    near_zero = decay * bend - ops.expm1(-x) - _sinc_defect(p)
    likely = p > 0.5
    safe = ops.where(likely, p, 1.0)
    near_one = ops.sin(math.pi * miss) / (math.pi * safe) - decay * (1.0 - bend)
    return ops.where(likely, near_one, near_zero)


def hard_mining(
    y_true: Tensor,
    logits: Tensor,
    *,
    delta: float,
    form: Form,
    class_weight: ArrayLike | None = None,
    scale: float | None = None,
    clip: float | None = None,
) -> Tensor:
    """Hard-mining loss (HMLoss).

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        Before any softmax or sigmoid.
    delta : float, above 0
        The larger it is, the further out an image must be to be muted as an outlier.
    form : {"official", "paper"}
        The authors' code: ten times the loss, the class weight also inside the
        probability, ``p = exp(-w_y CE)``, which is clipped to [1e-10, 1 - 1e-10] in
        the weight and not in the logarithm. Or their equations: none of these, and
        the class weight outside.
    class_weight : float array, shape (num_classes,), optional
    scale, clip : float, optional
        Other values for the form's factor, and for the distance that the weight's
        probability keeps from 0 and 1; a clip of 0 leaves it as it is.

    Returns
    -------
    float array, shape (n,)
        Nats, weighted.

    Raises
    ------
    MethodError
        If delta is not above 0, there is no such form, there is not one weight for
        each class, or the clip is not from 0 and below 0.5.

    Notes
    -----
    Source: Foahom Gouabou et al., GRETSI 2022, eq. 2 and 3, and the authors' code:
    ``-w(p) ln p`` with ``w(p) = sinc(p) - e^(-delta p) sinc(delta p)`` and
    ``sinc(x) = sin(pi x) / (pi x)``. Departures: none in value; near p = 0 and 1 the
    weight is evaluated without cancellation. As p goes to 0, so does the paper's
    loss; it is highest near p = 1.2 / delta.

    Examples
    --------
    At p = 1/2 the weight is 2 / pi:

    >>> loss = hard_mining([0], [[0.0, 0.0]], delta=1e5, form="paper")
    >>> round(float(loss[0]), 4)  # 2 / pi ln(2)
    0.4413
    """
    check_delta(delta)
    own_scale, own_clip = OWN[_check_form(form)]
    scale = own_scale if scale is None else scale
    clip = own_clip if clip is None else clip
    check_number("The clip of HMLoss", clip, _BELOW_HALF)
    ids = class_ids(y_true)
    logits = class_logits(logits)
    plain = cross_entropy(ids, logits)
    weighted = plain
    if class_weight is not None:
        weighted = plain * per_example(class_weight, ids, logits)
    seen = plain if form == "paper" else weighted
    p, miss = ops.exp(-seen), -ops.expm1(-seen)
    if clip:
        p, miss = (bound(share, clip, 1.0 - clip) for share in (p, miss))
    return scale * hardness_weight(p, miss, delta=delta) * weighted


def compute_class_weight(
    class_counts: ArrayLike,
    *,
    form: Form,
    class_weighting: ClassWeighting,
    beta: float,
) -> NDArray[np.float64] | None:
    """Class weights in the normalization of a form of HMLoss.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    form : {"official", "paper"}
        Official: mean 1 over the classes, as in the authors' code; another factor
        would make another loss of it. Paper: mean 1 over the training images, as for
        all other weights here.
    class_weighting : {"none", "ins", "class-balanced"}
        Inverse number of samples is the CS of the paper, class-balanced its CB.
    beta : float, in [0, 1)
        Parameter of class-balanced weights.

    Returns
    -------
    float64 array, shape (num_classes,), or None

    Raises
    ------
    MethodError
        If a class has no image, beta is out of range, or there is no such weighting.

    Examples
    --------
    Weights in proportion to 1 / 30 and 1 / 10, with mean 1 over the classes:

    >>> weights = compute_class_weight(
    ...     [30, 10], form="official", class_weighting="ins", beta=0.9999
    ... )
    >>> weights.tolist()
    [0.5, 1.5]
    """
    check_choice("class weighting", class_weighting, get_args(ClassWeighting))
    mean_one: Normalization = (
        "sum_to_num_classes" if _check_form(form) == "official" else "balanced"
    )
    counts = check_class_counts(class_counts)
    effective = effective_number_weights(counts, beta=beta, normalization=mean_one)
    if class_weighting == "none":
        return None
    if class_weighting == "class-balanced":
        return effective
    return inverse_frequency_weights(counts, normalization=mean_one)


@keras.saving.register_keras_serializable(package="equipoise")
class HardMining(FunctionLoss):
    """HMLoss on logits; see ``hard_mining`` for the formula.

    Parameters
    ----------
    class_counts : int array, shape (num_classes,)
        Training images of each class, each at least 1.
    delta, form
        See ``hard_mining``.
    class_weighting, beta
        See ``compute_class_weight``.
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = HardMining([30, 10], form="paper")
    >>> round(float(loss(ops.array([0]), ops.zeros((1, 2)))), 4)  # 2 / pi ln(2)
    0.4413
    """

    def __init__(
        self,
        class_counts: ArrayLike,
        *,
        delta: float = 1e5,
        form: Form = "official",
        class_weighting: ClassWeighting = "none",
        beta: float = BETA,
        **options: Any,
    ) -> None:
        counts = check_class_counts(class_counts)
        self.class_weight = compute_class_weight(
            counts, form=form, class_weighting=class_weighting, beta=beta
        )
        super().__init__(
            hard_mining,
            {
                "class_counts": counts,
                "delta": check_delta(delta),
                "form": form,
                "class_weighting": class_weighting,
                "beta": float(beta),
            },
            derived={"class_weight": self.class_weight},
            **options,
        )
