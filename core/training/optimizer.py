"""The optimizer of a run, with its learning rate as a table of steps."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from core.methods.schedules import learning_rates
from core.study import Study

# By name: decay would draw the noise of Balanced MSE to 0.
LEARNED_BY_LOSSES = "noise_sigma"
# By name too: biases, and the scales and shifts of normalisations.
UNDECAYED = ("bias", "gamma", "beta")


@keras.saving.register_keras_serializable("equipoise")
class TabulatedRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate for each step; the last one from there on.

    Parameters
    ----------
    rates : sequence of float, one a step
    """

    def __init__(self, rates: Sequence[float]) -> None:
        self.rates = np.asarray(rates, dtype=np.float32)

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        """The rate of a step, counted from 0."""
        step = ops.minimum(ops.cast(step, "int32"), len(self.rates) - 1)
        return ops.take(ops.convert_to_tensor(self.rates), step)

    def get_config(self) -> dict[str, object]:
        """What ``__init__`` takes."""
        return {"rates": self.rates.tolist()}


def build_optimizer(
    study: Study, method: str, steps: Sequence[int]
) -> keras.optimizers.Optimizer:
    """Build the optimizer of a method.

    Parameters
    ----------
    study : Study
    method : str
    steps : sequence of int, one an epoch
        Batches of each epoch.

    Returns
    -------
    keras.optimizers.Optimizer
        AdamW, which leaves biases and normalisation undecayed; or SGD with momentum,
        whose papers mean by weight decay a gradient that the momentum carries on:
        ``1 / (1 - momentum)`` times what Keras takes from a weight at each step.
    """
    budget = study.training
    rate = TabulatedRate(learning_rates(study, method, steps).tolist())
    table = budget.optimizer
    if table is not None and table.name == "sgd":
        decay = budget.weight_decay / (1 - table.momentum)
        optimizer = keras.optimizers.SGD(
            rate, momentum=table.momentum, weight_decay=decay or None
        )
        undecayed = [LEARNED_BY_LOSSES]
    elif table is not None and table.name == "adam":
        optimizer = keras.optimizers.Adam(
            rate, weight_decay=budget.weight_decay or None
        )
        undecayed = [*UNDECAYED, LEARNED_BY_LOSSES]
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=budget.weight_decay)
        undecayed = [*UNDECAYED, LEARNED_BY_LOSSES]
    optimizer.exclude_from_weight_decay(var_names=undecayed)
    return optimizer
