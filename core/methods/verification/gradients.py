"""Losses reduced, and their gradients on any backend of Keras."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from core.methods.verification.cases import Dtype, NoImplementation

Tensor = Any
Values = NDArray[np.floating]


class _Shifted(keras.Model):  # type: ignore[misc]
    """A function around a point, with the shift from the point as its weights."""

    def __init__(self, function: Callable[..., Tensor], points: list[Tensor]) -> None:
        super().__init__()
        self.function = function
        self.points = points
        self.shifts = [
            self.add_weight(
                shape=point.shape,
                initializer="zeros",
                dtype=keras.backend.standardize_dtype(point.dtype),
                autocast=False,
            )
            for point in points
        ]
        self.built = True

    def call(self, batch: Tensor) -> Tensor:
        """Value of the function; the batch is there because Keras wants one."""
        pairs = zip(self.points, self.shifts, strict=True)
        return self.function(*(point + shift for point, shift in pairs))

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """The value itself is minimised."""
        return y_pred


def evaluate(
    function: Callable[..., Tensor], *points: ArrayLike, dtype: Dtype = "float64"
) -> Values:
    """Value of a function of tensors at some points, as an array."""
    tensors = [ops.convert_to_tensor(np.asarray(point), dtype) for point in points]
    return np.asarray(ops.convert_to_numpy(function(*tensors)))


def value_and_gradients(
    function: Callable[..., Tensor], *points: ArrayLike, dtype: Dtype = "float64"
) -> tuple[float, list[Values]]:
    """Value of a scalar function, and its derivative by each of its arguments.

    Parameters
    ----------
    function : callable
        From tensors to a tensor of one number, written with ``keras.ops``.
    points : float arrays
        Arguments of the function.
    dtype : {"float64", "float32"}
        Of the arguments.

    Returns
    -------
    value : float
    gradients : list of array
        One for each point, of its shape.

    Notes
    -----
    The function is evaluated at the points plus weights of 0. After one step of plain
    gradient descent at learning rate 1 the weights are the negative gradient. Nothing
    is rounded; a step from the points themselves would lose all digits below theirs.
    """
    tensors = [ops.convert_to_tensor(np.asarray(point), dtype) for point in points]
    model = _Shifted(function, tensors)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), run_eagerly=True)
    model.train_on_batch(np.zeros((1, 1)))
    # 0 - shift, and not -shift, which would print minus zeros.
    value = float(evaluate(function, *points, dtype=dtype))
    return value, [0 - ops.convert_to_numpy(shift.value) for shift in model.shifts]


def loss_answers(
    each: Callable[..., Tensor],
    points: Mapping[str, ArrayLike],
    *,
    dtype: Dtype,
    reduction: str = "mean",
    sample_weights: ArrayLike | None = None,
    drawn_weights: ArrayLike | None = None,
) -> dict[str, Any]:
    """Value of each example, their reduction, and its derivative by every point.

    Parameters
    ----------
    each : callable
        From the points to one value an example, shape (n,).
    points : mapping of str to float array
        Arguments of ``each`` by name.
    dtype : {"float64", "float32"}
        Of the points.
    reduction : {"mean", "weighted_mean", "sum"}
        The sum is divided by the number of examples, by the sum of their weights, or
        not at all. Keras's name for the first is known too.
    sample_weights : float array, shape (n,), optional
        Factors on the values.
    drawn_weights : float array, shape (n,), optional
        Factors that ``each`` has applied already. "weighted_mean" divides by the sum
        of the product of both, and without either it is the mean.

    Returns
    -------
    dict
        ``per_sample_loss``, ``loss``, and ``grad_<name>`` of each point.

    Raises
    ------
    NoImplementation
        If there is no such reduction.
    """

    def weighted(*tensors: Tensor) -> Tensor:
        values = each(*tensors)
        if sample_weights is None:
            return values
        kind = keras.backend.standardize_dtype(values.dtype)
        return values * ops.convert_to_tensor(sample_weights, dtype=kind)

    values = evaluate(weighted, *points.values(), dtype=dtype)
    divisor = _divisor(reduction, values.size, drawn_weights, sample_weights)
    value, gradients = value_and_gradients(
        lambda *args: ops.sum(weighted(*args)) / divisor, *points.values(), dtype=dtype
    )
    slopes = {f"grad_{n}": g for n, g in zip(points, gradients, strict=True)}
    return {"per_sample_loss": values, "loss": value, **slopes}


def _divisor(reduction: str, examples: int, *weights: ArrayLike | None) -> float:
    if reduction == "sum":
        return 1.0
    if reduction in ("mean", "sum_over_batch_size"):
        return float(examples)
    if reduction != "weighted_mean":
        raise NoImplementation(f"There is no reduction {reduction!r}.")
    product = np.ones(examples)
    for factor in weights:
        if factor is not None:
            product = product * np.asarray(factor, dtype=np.float64)
    return float(product.sum())
