"""Losses on one value: a number with a unit, such as an age."""

from typing import Any, Literal, get_args

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from core.methods.checks import ABOVE_ZERO, FROM_ZERO, check_choice, check_number
from core.methods.losses.base import FunctionLoss, Tensor
from core.methods.losses.cross_entropy import bound

Base = Literal["mse", "l1"]
Activation = Literal["sigmoid", "tanh"]
DenseVariant = Literal["once", "squared"]

# Keeps the derivative of f^gamma finite where the error is 0 and gamma below 1.
_LEAST_FOCUS = 1e-30
# In squared units of the target: with a learned noise of 0 the loss divides by 0.
_LEAST_VARIANCE = 1e-6


def _columns(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Targets and values of shape (n,) or (n, 1), as (n,) in the values' type."""
    y_pred = ops.reshape(ops.convert_to_tensor(y_pred), (-1,))
    dtype = keras.backend.standardize_dtype(y_pred.dtype)
    return ops.reshape(ops.cast(y_true, dtype), (-1,)), y_pred


def _like(value: Tensor, tensor: Tensor) -> Tensor:
    """A number in the type of a tensor; beside a bare one, torch takes float32."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return ops.convert_to_tensor(value, dtype=dtype)


def squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Squared error of each example.

    Parameters
    ----------
    y_true, y_pred : float array, shape (n,) or (n, 1)

    Returns
    -------
    float array, shape (n,)
        In the squared unit of the target.

    Examples
    --------
    >>> float(squared_error([30.0], [33.0])[0])
    9.0
    """
    y_true, y_pred = _columns(y_true, y_pred)
    return ops.square(y_pred - y_true)


def absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Absolute error of each example.

    Parameters
    ----------
    y_true, y_pred : float array, shape (n,) or (n, 1)

    Returns
    -------
    float array, shape (n,)
        In the unit of the target.

    Examples
    --------
    >>> float(absolute_error([30.0], [33.0])[0])
    3.0
    """
    y_true, y_pred = _columns(y_true, y_pred)
    return ops.abs(y_pred - y_true)


def _error(y_true: Tensor, y_pred: Tensor, base: Base) -> Tensor:
    check_choice("error", base, get_args(Base))
    return (squared_error if base == "mse" else absolute_error)(y_true, y_pred)


def log_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Absolute error of the logarithm of each example, ``|ln y_true - ln y_pred|``.

    Parameters
    ----------
    y_true, y_pred : float array, shape (n,) or (n, 1), above 0

    Returns
    -------
    float array, shape (n,)
        Dimensionless: an error of 10 % costs the same at every target.

    Examples
    --------
    >>> loss = log_absolute_error([10.0, 80.0], [20.0, 40.0])
    >>> [round(float(value), 4) for value in loss]  # twice ln(2)
    [0.6931, 0.6931]
    """
    y_true, y_pred = _columns(y_true, y_pred)
    return ops.abs(ops.log(y_true) - ops.log(y_pred))


def focal_regression(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    kind: Base,
    activate: Activation,
    beta: float,
    gamma: float,
) -> Tensor:
    """Error whose small values count less (Focal-R).

    Parameters
    ----------
    y_true, y_pred : float array, shape (n,) or (n, 1)
    kind : {"mse", "l1"}
        Whether the error is squared or absolute.
    activate : {"sigmoid", "tanh"}
        Map of the error to 0..1: ``2 sigmoid(beta e) - 1`` or ``tanh(beta e)``.
    beta : float, above 0
        Steepness, in one over the unit of the target.
    gamma : float, at least 0
        Focusing: 0 is the plain error.

    Returns
    -------
    float array, shape (n,)
        In the unit of the target, squared for "mse".

    Raises
    ------
    MethodError
        If a parameter is out of range, or not one of its choices.

    Notes
    -----
    Source: Yang et al., ICML 2021, and the authors' code. Departures: none;
    ``2 sigmoid(x) - 1`` is computed as ``tanh(x / 2)``, which keeps its digits near 0.
    Large errors cost the same as without the focus.

    Examples
    --------
    At a steepness of ln(3) an error of 1 is mapped to 2 * 3/4 - 1, one half:

    >>> loss = focal_regression(
    ...     [30.0], [31.0], kind="l1", activate="sigmoid", beta=np.log(3), gamma=1
    ... )
    >>> round(float(loss[0]), 4)
    0.5
    """
    check_choice("activation", activate, get_args(Activation))
    check_number("beta", beta, ABOVE_ZERO)
    _check_gamma(gamma)
    plain = _error(y_true, y_pred, kind)
    if gamma == 0:
        return plain
    slope = beta if activate == "tanh" else beta / 2
    share = ops.tanh(slope * absolute_error(y_true, y_pred))
    # An operator, and no function: under torch that would round gamma to float32.
    return plain * bound(share, _LEAST_FOCUS, 1.0) ** gamma


def huber(y_true: Tensor, y_pred: Tensor, *, beta: float) -> Tensor:
    """Squared error near 0, absolute error beyond ``beta``.

    Parameters
    ----------
    y_true, y_pred : float array, shape (n,) or (n, 1)
    beta : float, above 0
        Error at which the one becomes the other, in the unit of the target.

    Returns
    -------
    float array, shape (n,)
        ``e^2 / (2 beta)`` below ``beta`` and ``e - beta / 2`` from there on, in the
        unit of the target.

    Raises
    ------
    MethodError
        If beta is not above 0.

    Notes
    -----
    Source: Huber, 1964, divided by ``beta`` as in the code of Yang et al., ICML 2021,
    so that its slope ends at 1. Towards beta 0 it is the absolute error.

    Examples
    --------
    Errors of 1 and 6 at beta 2: 1/4 and 6 - 1.

    >>> [float(value) for value in huber([30.0, 30.0], [31.0, 36.0], beta=2.0)]
    [0.25, 5.0]
    """
    check_number("beta", beta, ABOVE_ZERO)
    size = absolute_error(y_true, y_pred)
    # The square must be finite beyond beta too, where only its gradient is computed.
    near = bound(size, 0.0, beta)
    return ops.square(near) / (2 * beta) + (size - near)


def dense_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    weights: ArrayLike,
    base: Base = "mse",
    variant: DenseVariant = "once",
) -> Tensor:
    """Error of each example times its weight (DenseLoss).

    Parameters
    ----------
    y_true, y_pred : float array, shape (n,) or (n, 1)
    weights : float array, shape (n,) or (n, 1)
        Weights of ``DenseWeight``. Training passes them as sample weights of the plain
        error, which is the same.
    base : {"mse", "l1"}
        Squared or absolute error.
    variant : {"once", "squared"}
        Whether the weight is applied once, or once as sample weight and again inside
        the loss, as one known project does.

    Returns
    -------
    float array, shape (n,)
        In the unit of the target, squared for "mse".

    Raises
    ------
    MethodError
        If there is no such base or variant.

    Notes
    -----
    Source: Steininger et al., Machine Learning 110, 2021, eq. 5. Departures: none in
    "once". Weights of 1 give the plain error.

    Examples
    --------
    >>> float(dense_loss([30.0], [33.0], weights=[2.0])[0])  # 2 * 3^2
    18.0
    """
    check_choice("variant", variant, get_args(DenseVariant))
    weight, values = _columns(weights, _error(y_true, y_pred, base))
    return (weight if variant == "once" else ops.square(weight)) * values


def balanced_mse(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    noise_sigma: Tensor,
    rescale: bool = True,
) -> Tensor:
    """Balanced MSE by the targets of the batch (BMC).

    Parameters
    ----------
    y_true, y_pred : float array, shape (n,) or (n, 1)
    noise_sigma : float or scalar tensor, not 0
        Noise of the prediction, in the unit of the target; a tensor can be learned.
    rescale : bool
        Whether the loss is multiplied by twice the variance, as a constant.

    Returns
    -------
    float array, shape (n,)
        In the squared unit of the target; in nats without ``rescale``. Each value
        depends on the whole batch.

    Notes
    -----
    Source: Ren et al., CVPR 2022, eq. 9 and the authors' code: cross-entropy to the
    diagonal of ``-(y_pred_i - y_true_j)^2 / (2 sigma^2)``. Departures: the variance
    is held above 1e-6. A batch of one gives 0; equal targets give ``2 sigma^2 ln n``.

    Examples
    --------
    >>> loss = balanced_mse([30.0, 30.0], [33.0, 29.0], noise_sigma=1.0)
    >>> [round(float(value), 4) for value in loss]  # 2 ln(2)
    [1.3863, 1.3863]
    """
    y_true, y_pred = _columns(y_true, y_pred)
    sigma = _like(noise_sigma, y_pred)
    variance = bound(ops.square(sigma), _LEAST_VARIANCE, np.inf)
    # (y_pred_i - y_true_i)^2 - (y_pred_i - y_true_j)^2 as a product, which keeps the
    # digits that the difference of two large squares loses.
    gap = y_true[None, :] - y_true[:, None]
    nearer = gap * (2 * y_pred[:, None] - y_true[None, :] - y_true[:, None])
    values = ops.logsumexp(nearer / (2 * variance), axis=-1)
    return values * ops.stop_gradient(2 * variance) if rescale else values


@keras.saving.register_keras_serializable("equipoise")
class LogAbsoluteError(keras.losses.Loss):
    """|ln y_true - ln y_pred|: an error of 10 % costs the same at every age.

    Both must be above 0. Equal values give 0.

    Examples
    --------
    >>> loss = LogAbsoluteError()
    >>> round(float(loss(np.array([[10.0]]), np.array([[20.0]]))), 4)  # ln(2)
    0.6931
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value an example, shape (n,)."""
        return log_absolute_error(y_true, y_pred)


@keras.saving.register_keras_serializable("equipoise")
class FocalRegression(FunctionLoss):
    """Error whose small values count less; see ``focal_regression``.

    Parameters
    ----------
    kind : {"mse", "l1"}
    activate : {"sigmoid", "tanh"}
    beta : float, above 0
    gamma : float, at least 0
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = FocalRegression(beta=np.log(3))
    >>> round(float(loss(np.array([[30.0]]), np.array([[31.0]]))), 4)
    0.5
    """

    def __init__(
        self,
        *,
        kind: Base = "l1",
        activate: Activation = "sigmoid",
        beta: float = 0.2,
        gamma: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(
            focal_regression,
            {
                "kind": check_choice("error", kind, get_args(Base)),
                "activate": check_choice("activation", activate, get_args(Activation)),
                "beta": check_number("beta", beta, ABOVE_ZERO),
                "gamma": _check_gamma(gamma),
            },
            **options,
        )


@keras.saving.register_keras_serializable("equipoise")
class Huber(FunctionLoss):
    """Squared error near 0, absolute error beyond ``beta``; see ``huber``.

    Parameters
    ----------
    beta : float, above 0
        In the unit of the target.
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Examples
    --------
    >>> loss = Huber(beta=2.0)
    >>> float(loss(np.array([30.0, 30.0]), np.array([31.0, 36.0])))  # (0.25 + 5) / 2
    2.625
    """

    def __init__(self, *, beta: float = 1.0, **options: Any) -> None:
        super().__init__(
            huber, {"beta": check_number("beta", beta, ABOVE_ZERO)}, **options
        )


@keras.saving.register_keras_serializable("equipoise")
class NoiseSigma(keras.layers.Layer):
    """The noise that Balanced MSE learns: one trainable number.

    Parameters
    ----------
    initial : float, above 0
        In the unit of the target.
    """

    def __init__(self, initial: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial = float(initial)
        self.noise_sigma = self.add_weight(
            name="noise_sigma",
            shape=(),
            initializer=keras.initializers.Constant(self.initial),
            autocast=False,
        )
        self.built = True

    def call(self) -> Tensor:
        """The noise, a scalar."""
        return ops.convert_to_tensor(self.noise_sigma)

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``."""
        return {**super().get_config(), "initial": self.initial}


@keras.saving.register_keras_serializable("equipoise")
class BalancedMSE(FunctionLoss):
    """Balanced MSE with a learned noise; see ``balanced_mse`` for the formula.

    Parameters
    ----------
    noise_sigma : float, above 0
        Initial noise, in the unit of the target.
    **options
        ``reduction``, ``name`` and ``dtype`` of every Keras loss.

    Attributes
    ----------
    learned : tuple of keras.layers.Layer
        Layers that a training model must hold as its own, so that the noise is trained
        and saved with it: a Keras loss has no weights. Without that the noise stays.

    Examples
    --------
    >>> loss = BalancedMSE(noise_sigma=1.0)
    >>> predicted = np.array([33.0, 29.0])
    >>> round(float(loss(np.array([30.0, 30.0]), predicted)), 4)  # 2 ln(2)
    1.3863
    """

    def __init__(self, *, noise_sigma: float = 10.0, **options: Any) -> None:
        initial = check_number("noise_sigma", noise_sigma, ABOVE_ZERO)
        super().__init__(balanced_mse, {"noise_sigma": initial}, **options)
        self.layer = NoiseSigma(initial, dtype=self.dtype, name=f"{self.name}_noise")
        self.learned = (self.layer,)
        self.arguments["noise_sigma"] = self.layer.noise_sigma


def _check_gamma(gamma: float) -> float:
    return check_number("gamma", gamma, FROM_ZERO, note="0 is the plain error")
