"""Cross-entropy on logits, and the parts that every loss on classes is made of."""

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from core.errors import MethodError
from core.methods.losses.base import Tensor


def bound(values: Tensor, least: float, most: float) -> Tensor:
    """Clip values to an interval, in their own precision.

    Notes
    -----
    Under torch, Keras's ``maximum`` and ``minimum`` turn float64 into float32, and
    its ``clip`` does so with the limits.

    Examples
    --------
    >>> [float(value) for value in bound(ops.array([-1.0, 0.5, 3.0]), 0.0, 1.0)]
    [0.0, 0.5, 1.0]
    """
    dtype = keras.backend.standardize_dtype(values.dtype)
    low, high = (ops.convert_to_tensor(limit, dtype=dtype) for limit in (least, most))
    return ops.clip(values, low, high)


def class_ids(y_true: Tensor) -> Tensor:
    """Labels of shape (n,) or (n, 1), of any type, as int32 of shape (n,).

    Examples
    --------
    >>> [int(label) for label in class_ids([[2.0], [0.0]])]
    [2, 0]
    """
    return ops.reshape(ops.cast(y_true, "int32"), (-1,))


def class_logits(logits: Tensor) -> Tensor:
    """Logits of every class, shape (n, num_classes).

    Notes
    -----
    The one logit of a binary task becomes (0, logit), whose softmax is its sigmoid:
    every loss on several classes also serves a binary task.

    Examples
    --------
    >>> [float(logit) for logit in class_logits([[3.0]])[0]]
    [0.0, 3.0]
    """
    logits = ops.convert_to_tensor(logits)
    if logits.shape[-1] != 1:
        return logits
    return ops.concatenate([ops.zeros_like(logits), logits], axis=-1)


def per_class(class_values: ArrayLike, logits: Tensor) -> Tensor:
    """Values of the classes, shape (num_classes,), of the type of the logits.

    Raises
    ------
    MethodError
        If there is not one value for each logit.

    Examples
    --------
    >>> [float(value) for value in per_class([5, 7], ops.zeros((1, 2)))]
    [5.0, 7.0]
    """
    shape, classes = np.shape(class_values), logits.shape[-1]
    if shape != (classes,):
        raise MethodError(
            f"There are values of shape {shape} for {classes} classes.",
            expected=f"one number for each of the {classes} classes.",
        )
    dtype = keras.backend.standardize_dtype(logits.dtype)
    return ops.convert_to_tensor(class_values, dtype=dtype)


def per_example(class_values: ArrayLike, ids: Tensor, logits: Tensor) -> Tensor:
    """The value of each example's class, shape (n,), of the type of the logits.

    Raises
    ------
    MethodError
        If there is not one value for each logit.

    Examples
    --------
    >>> ids = class_ids([1, 0, 1])
    >>> [float(value) for value in per_example([5, 7], ids, ops.zeros((3, 2)))]
    [7.0, 5.0, 7.0]
    """
    return ops.take(per_class(class_values, logits), ids, axis=0)


def cross_entropy(
    y_true: Tensor, logits: Tensor, *, class_weight: ArrayLike | None = None
) -> Tensor:
    """Cross-entropy, weighted by class.

    Parameters
    ----------
    y_true : int array, shape (n,) or (n, 1)
        Class ids.
    logits : float array, shape (n, num_classes), or (n, 1) of a binary task
        Before any softmax or sigmoid.
    class_weight : float array, shape (num_classes,), optional

    Returns
    -------
    float array, shape (n,)
        Nats, times the class weight; finite at any finite logits.

    Raises
    ------
    MethodError
        If there is not one weight for each class.

    Notes
    -----
    ``-w_y ln softmax(z)_y``. The mean of these values divides by the number of
    examples, as Keras does; PyTorch's weighted loss divides by the sum of the weights
    of the batch. With equal logits it is ``w_y ln(num_classes)``.

    Examples
    --------
    >>> loss = cross_entropy([0, 1], [[0.0, 0.0], [0.0, 0.0]], class_weight=[1, 3])
    >>> [round(float(value), 4) for value in loss]  # ln(2) and 3 ln(2)
    [0.6931, 2.0794]
    """
    ids = class_ids(y_true)
    logits = class_logits(logits)
    values = ops.sparse_categorical_crossentropy(ids, logits, from_logits=True)
    if class_weight is None:
        return values
    return values * per_example(class_weight, ids, logits)
