"""Heads: a feature vector in, one output a task out.

While training, a classification head gives logits, which the losses want; for use,
``probabilities`` turns them into what a reader wants.
"""

from collections.abc import Sequence
from functools import partial

import keras
from keras import ops

from core.tasks import Binary, Multiclass, Regression, Task

PACKAGE = "equipoise"


@keras.saving.register_keras_serializable(PACKAGE)
class BoundedValue(keras.layers.Layer):
    """One value between two bounds: low + (high - low) sigmoid(w x + b).

    Parameters
    ----------
    low, high : float
        Bounds, in the unit of the task.
    logarithmic : bool
        Whether the sigmoid runs between the logarithms of the bounds, so that equal
        steps of the layer are equal ratios of the value.
    """

    def __init__(
        self, low: float, high: float, *, logarithmic: bool = False, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.logarithmic = low, high, logarithmic
        self.dense = keras.layers.Dense(1, dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights."""
        self.dense.build(input_shape)
        self.built = True

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Features, shape (n, channels), to values, shape (n, 1)."""
        share = ops.sigmoid(self.dense(features))
        if self.logarithmic:
            ratio = ops.log(ops.cast(self.high / self.low, share.dtype))
            return self.low * ops.exp(ratio * share)
        return self.low + (self.high - self.low) * share

    def get_config(self) -> dict[str, object]:
        """The arguments of ``__init__``."""
        return {
            **super().get_config(),
            "low": self.low,
            "high": self.high,
            "logarithmic": self.logarithmic,
        }


@keras.saving.register_keras_serializable(PACKAGE)
class CosineLogits(keras.layers.Layer):
    """Cosine between the feature vector and each class's vector, in [-1, 1].

    Source: Cao et al., NeurIPS 2019 (LDAM's head); the loss multiplies by its s.
    """

    def __init__(self, num_classes: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create one vector a class."""
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.num_classes)
        )

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Features, shape (n, channels), to cosines, shape (n, num_classes)."""
        return ops.matmul(
            ops.normalize(features, axis=-1), ops.normalize(self.kernel, axis=0)
        )

    def get_config(self) -> dict[str, object]:
        """The arguments of ``__init__``."""
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(PACKAGE)
class CosineDifference(CosineLogits):
    """Cosine to the positive class's vector less that to the other's, in [-2, 2].

    The logit of a binary task whose two classes have ``CosineLogits``.
    """

    def __init__(self, **kwargs: object) -> None:
        kwargs.pop("num_classes", None)
        super().__init__(2, **kwargs)

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Features, shape (n, channels), to differences, shape (n, 1)."""
        cosines = super().call(features)
        return cosines[:, 1:] - cosines[:, :1]


def build_head(
    features: keras.KerasTensor,
    task: Task,
    *,
    units: int,
    dropout: float,
    logarithmic: bool = False,
    cosine: bool = False,
) -> keras.KerasTensor:
    """Put a head on the features.

    Returns
    -------
    KerasTensor
        Regression: the value in its unit, shape (n, 1). Binary: the logit of the
        positive class, shape (n, 1). Multiclass: logits, shape (n, classes).
    """
    if isinstance(task, Regression):
        return BoundedValue(
            task.minimum, task.maximum, logarithmic=logarithmic, name=task.name
        )(features)
    x = features
    if units:
        x = keras.layers.Dense(units, activation="relu", name=f"{task.name}_dense")(x)
        x = keras.layers.Dropout(dropout, name=f"{task.name}_dropout")(x)
    if isinstance(task, Binary):
        head = CosineDifference if cosine else partial(keras.layers.Dense, 1)
        return head(name=task.name)(x)
    if cosine:
        return CosineLogits(len(task.classes), name=task.name)(x)
    return keras.layers.Dense(len(task.classes), name=task.name)(x)


def answer_layer(task: str) -> str:
    """Name of the inference model's last layer for a task: logits or value in."""
    return f"{task}_answer"


def probabilities(
    output: keras.KerasTensor,
    task: Task,
    *,
    scale: float = 1.0,
    offset: Sequence[float] = (),
) -> keras.KerasTensor:
    """Turn a head's output into probabilities; the output of a regression stays.

    Parameters
    ----------
    output : KerasTensor
        As ``build_head`` gives it.
    task : Task
    scale : float
        Factor of the logits; cosine logits need their loss's s.
    offset : sequence of float, one a logit
        What is added to the scaled logits.
    """
    name = answer_layer(task.name)
    if isinstance(task, Regression):
        return keras.layers.Identity(name=name)(output)
    if scale != 1.0 or offset:
        output = keras.layers.Rescaling(
            scale, offset=list(offset) or 0.0, name=f"{task.name}_scale"
        )(output)
    kind = "softmax" if isinstance(task, Multiclass) else "sigmoid"
    return keras.layers.Activation(kind, name=name)(output)
