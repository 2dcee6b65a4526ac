"""Losses on one bounded value."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("equipoise")
class LogAbsoluteError(keras.losses.Loss):
    """|ln y_true - ln y_pred|: an error of 10 % costs the same at every age.

    Both must be above 0. Equal values give 0.
    """

    def call(
        self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Values, shape (n, 1), to one loss an example, shape (n,)."""
        y_true = ops.cast(y_true, y_pred.dtype)
        return ops.mean(ops.abs(ops.log(y_true) - ops.log(y_pred)), axis=-1)
