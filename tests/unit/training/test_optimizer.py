import json

import keras
import numpy as np
import pytest

from core.errors import StudyError
from core.methods.schedules import cosine_rates
from core.models.backbones import build_backbone
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


RATE, OWN, DECAY, STEPS = 0.1, 0.02, 0.3, 5
FIRST = np.array([1.0, -2.0, 3.0])


def two_rates(optimizer=None, **training):
    study = tiny_study(
        epochs=1,
        learning_rate=RATE,
        backbone_learning_rate=OWN,
        weight_decay=DECAY,
        warmup_steps=1,
        optimizer=optimizer,
        **training,
    )
    names = ("kernel", "bias", "kernel")
    variables = [keras.Variable(FIRST, dtype="float32", name=name) for name in names]
    backbone = variables[:2]
    return build_optimizer(study, "baseline", [STEPS], backbone=backbone), variables


def adam_by_hand(weight, gradients, rates, decay):
    """Kingma and Ba's algorithm 1, and Loshchilov and Hutter's decay before it."""
    m = v = np.zeros_like(weight)
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        weight = weight - rate * decay * weight
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        unbiased = np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weight = weight - rate * unbiased * m / (np.sqrt(v) + 1e-7)
    return weight


def sgd_by_hand(weight, gradients, rates, decay):
    speed = np.zeros_like(weight)
    for gradient, rate in zip(gradients, rates, strict=True):
        weight = weight - rate * decay * weight
        speed = 0.9 * speed - rate * gradient
        weight = weight + speed
    return weight


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_the_backbone_steps_and_decays_at_its_own_rate(name):
    optimizer, variables = two_rates(OptimizerTable(name=name))
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(STEPS, len(variables), len(FIRST))).astype("f4")
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in step], variables)
    rates = cosine_rates(STEPS, RATE, warmup_steps=1)
    by_hand = sgd_by_hand if name == "sgd" else adam_by_hand
    # The bias does not decay; SGD's papers decay it too, and more (see there).
    sgd = name == "sgd"
    decay = DECAY / (1 - 0.9) if sgd else DECAY
    for i, (ratio, decays) in enumerate([(OWN / RATE, 1), (OWN / RATE, sgd), (1, 1)]):
        expected = by_hand(FIRST, gradients[:, i], rates * ratio, decay * decays)
        found = keras.ops.convert_to_numpy(variables[i])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_one_rate_is_that_of_the_backbone_too():
    study = tiny_study(learning_rate=RATE)
    weight = keras.Variable(FIRST, dtype="float32", name="kernel")
    optimizer = build_optimizer(study, "baseline", [STEPS, STEPS], backbone=[weight])
    assert isinstance(optimizer, keras.optimizers.AdamW)
    assert not hasattr(optimizer, "slow_down")


def test_what_is_shown_as_learning_rate_is_that_of_the_heads():
    optimizer, variables = two_rates()
    zeros = [keras.ops.zeros_like(variable.value) for variable in variables]
    optimizer.apply(zeros, variables)
    expected = cosine_rates(STEPS, RATE, warmup_steps=1)[1]
    assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(expected)


def test_a_rate_for_a_backbone_that_does_not_learn_is_refused():
    study = tiny_study(backbone_learning_rate=1e-4)
    with pytest.raises(StudyError, match="no part of it is trained") as caught:
        build_optimizer(study, "baseline", [4, 4])
    assert "backbone_learning_rate" in caught.value.expected


@pytest.mark.parametrize("own", [None, 0.02])
def test_of_a_transformer_only_matrices_decay(own):
    options = {"patch": 8, "layers": 1, "heads": 2, "width": 8, "mlp": 16}
    model = build_backbone("vit", image_size=16, weights="none", options=options)
    variables = model.trainable_variables
    for variable in variables:
        variable.assign(keras.ops.ones_like(variable.value))
    study = tiny_study(
        learning_rate=0.1, backbone_learning_rate=own, weight_decay=0.5, warmup_steps=0
    )
    optimizer = build_optimizer(study, "baseline", [4, 4], backbone=variables)
    optimizer.apply([keras.ops.zeros_like(v.value) for v in variables], variables)
    decayed = {
        variable.path.split("vit", 1)[1]
        for variable in variables
        if (keras.ops.convert_to_numpy(variable) != 1).any()
    }
    kernels = {
        v.path.split("vit", 1)[1] for v in variables if v.path.endswith("kernel")
    }
    assert decayed == kernels
    # Patches; query, key, value and output; two of the hidden layer.
    assert len(decayed) == 7
