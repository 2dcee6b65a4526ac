import json

import keras
import numpy as np
import pytest

from core.methods.schedules import cosine_rates
from core.study import OptimizerTable
from core.training.optimizer import TabulatedRate, build_optimizer
from tests.tiny import tiny_study


def test_the_rate_of_each_step_is_that_of_the_table():
    rate = TabulatedRate([0.1, 0.2, 0.05])
    seen = [float(rate(step)) for step in (0, 1, 2, 3, 100)]
    np.testing.assert_allclose(seen, [0.1, 0.2, 0.05, 0.05, 0.05])
    copy = TabulatedRate(**json.loads(json.dumps(rate.get_config())))
    assert float(copy(1)) == float(rate(1))


def test_the_usual_optimizer_is_adamw_on_the_studys_schedule():
    study = tiny_study(learning_rate=0.5, warmup_steps=2, weight_decay=0.1)
    optimizer = build_optimizer(study, "baseline", [8, 8])
    assert isinstance(optimizer, keras.optimizers.AdamW)
    expected = cosine_rates(16, 0.5, warmup_steps=2)
    rates = [float(optimizer._learning_rate(step)) for step in range(16)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-7)


def test_momentum_carries_the_weight_decay_on_as_in_the_papers():
    decay, momentum, rate = 0.002, 0.9, 0.1
    study = tiny_study(
        learning_rate=rate,
        warmup_steps=0,
        weight_decay=decay,
        optimizer=OptimizerTable(name="sgd", momentum=momentum),
    )
    study = study.model_copy(
        update={"training": study.training.model_copy(update={"epochs": 1})}
    )
    # A constant rate: one step out of very many.
    optimizer = build_optimizer(study, "baseline", [100_000])
    weight = keras.Variable([1.0])
    # The gradient decay x weight, carried on by the momentum.
    expected, speed = 1.0, 0.0
    optimizer.build([weight])
    for _ in range(200):
        optimizer.apply([np.zeros(1, dtype=np.float32)], [weight])
        speed = momentum * speed + decay * expected
        expected -= rate * speed
    assert float(weight[0]) == pytest.approx(expected, rel=0.03)
    assert float(weight[0]) < 0.75
