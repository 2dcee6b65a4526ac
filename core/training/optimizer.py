"""The optimizer of a run: its learning rate as a table of steps, or two of them."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from core.errors import StudyError
from core.language import gettext
from core.methods.schedules import learning_rates
from core.study import Study, TrainingTable

# Excluded by name: decay would pull the noise of Balanced MSE to 0.
LEARNED_BY_LOSSES = "noise_sigma"
# Also excluded by name: biases, the scales and shifts of normalisations, and the class
# token and the position embeddings of a transformer.
UNDECAYED = ("bias", "gamma", "beta", "class_token", "embeddings")


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
        """The arguments of ``__init__``."""
        return {"rates": self.rates.tolist()}


class _TwoRates(keras.optimizers.Optimizer):
    """Another learning rate for some variables; put this before an optimizer.

    A class of its own has its ``update_step`` called for each variable on every
    backend: those of Keras are replaced under PyTorch by ones that step all at once.
    """

    def slow_down(self, variables: Sequence[keras.Variable], ratio: float) -> None:
        """Give these variables the usual rate times ``ratio``."""
        self._slow = {self._var_key(variable) for variable in variables}
        self._ratio = ratio

    def _rate_of(self, variable: Any, rate: Any) -> Any:
        slow = self._var_key(variable) in self._slow
        return rate * self._ratio if slow else rate

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Step one variable with the rate that is its own."""
        rate = self._rate_of(variable, learning_rate)
        super().update_step(gradient, variable, rate)

    def _apply_weight_decay(self, variables: Sequence[keras.Variable]) -> None:
        if self.weight_decay is None:
            return
        for variable in filter(self._use_weight_decay, variables):
            rate = self._rate_of(variable, self.learning_rate) * self.weight_decay
            variable.assign(variable - variable * ops.cast(rate, variable.dtype))


class TwoRatesSGD(_TwoRates, keras.optimizers.SGD):
    """SGD with another rate for some variables."""


class TwoRatesAdam(_TwoRates, keras.optimizers.Adam):
    """Adam with another rate for some variables."""


class TwoRatesAdamW(_TwoRates, keras.optimizers.AdamW):
    """AdamW with another rate for some variables."""


def build_optimizer(
    study: Study,
    method: str,
    steps: Sequence[int],
    *,
    backbone: Sequence[keras.Variable] = (),
) -> keras.optimizers.Optimizer:
    """Build the optimizer of a method.

    Parameters
    ----------
    study : Study
    method : str
    steps : sequence of int, one an epoch
        Batches of each epoch.
    backbone : sequence of keras.Variable
        What of the backbone is trained: it steps with ``backbone_learning_rate``, if
        the study has one, on the same schedule, and its weights decay in proportion.

    Returns
    -------
    keras.optimizers.Optimizer
        AdamW, which leaves biases, normalisation, class token and position embeddings
        undecayed; or SGD with momentum, whose papers mean by weight decay a gradient
        that the momentum carries on: ``1 / (1 - momentum)`` times what Keras takes from
        a weight at each step.

    Raises
    ------
    StudyError
        If there is a learning rate for the backbone, and nothing of it is trained.
    """
    budget = study.training
    rate = TabulatedRate(learning_rates(study, method, steps).tolist())
    own = budget.backbone_learning_rate
    optimizer = _build(budget, rate, two_rates=own is not None)
    undecayed = [LEARNED_BY_LOSSES]
    if not isinstance(optimizer, keras.optimizers.SGD):
        undecayed += UNDECAYED
    optimizer.exclude_from_weight_decay(var_names=undecayed)
    if own is not None:
        if not backbone:
            raise StudyError(
                gettext(
                    "There is a learning rate for the backbone, but no part of it is "
                    "trained."
                ),
                expected=gettext(
                    'backbone_learning_rate only where `trainable` is not "head".'
                ),
                remedy=gettext("leave one of the two out of the study's file."),
            )
        optimizer.slow_down(backbone, own / budget.learning_rate)
    return optimizer


def _build(
    budget: TrainingTable, rate: TabulatedRate, *, two_rates: bool
) -> keras.optimizers.Optimizer:
    table = budget.optimizer
    if table is not None and table.name == "sgd":
        sgd = TwoRatesSGD if two_rates else keras.optimizers.SGD
        decay = budget.weight_decay / (1 - table.momentum)
        return sgd(rate, momentum=table.momentum, weight_decay=decay or None)
    if table is not None and table.name == "adam":
        adam = TwoRatesAdam if two_rates else keras.optimizers.Adam
        return adam(rate, weight_decay=budget.weight_decay or None)
    adamw = TwoRatesAdamW if two_rates else keras.optimizers.AdamW
    return adamw(rate, weight_decay=budget.weight_decay)
