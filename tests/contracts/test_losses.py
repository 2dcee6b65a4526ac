"""What every registered loss must keep, under whichever backend Keras runs."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from core.errors import MethodError
from core.methods.registry import ENTRIES, load_builder
from tests.unit.methods.reference import value_and_gradient

COUNTS = np.array([500, 60, 8, 1])
CLASSES = len(COUNTS)
LOSSES = [entry for entry in ENTRIES.values() if entry.part == "loss"]
RNG = np.random.default_rng(7)
LABELS = RNG.integers(0, CLASSES, size=12)
LOGITS = RNG.normal(size=(12, CLASSES)).astype("float32")


@pytest.fixture(params=LOSSES, ids=lambda entry: entry.name)
def entry(request):
    return request.param


@pytest.fixture
def loss(entry):
    return load_builder(entry)(COUNTS)


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def extreme_logits(size):
    """Every label against: all equal, one class up, and one class down."""
    one_up = size * np.eye(CLASSES)
    rows = np.concatenate([np.zeros((1, CLASSES)), one_up, -one_up, 2 * one_up - size])
    labels = np.tile(np.arange(CLASSES), len(rows))
    return labels, np.repeat(rows, CLASSES, axis=0)


def test_one_value_an_example(loss):
    values = loss.call(LABELS, ops.convert_to_tensor(LOGITS))
    assert tuple(values.shape) == (len(LABELS),)
    assert (numbers(values) >= 0).all()


def test_labels_of_any_shape_and_type(loss):
    values = numbers(loss.call(LABELS, ops.convert_to_tensor(LOGITS)))
    for labels in (LABELS[:, None], LABELS.astype("float32"), LABELS.astype("uint8")):
        np.testing.assert_array_equal(
            numbers(loss.call(labels, ops.convert_to_tensor(LOGITS))), values
        )


def test_reduction_is_the_mean_over_the_batch_and_weights_multiply(loss):
    values = numbers(loss.call(LABELS, ops.convert_to_tensor(LOGITS)))
    weights = RNG.uniform(0.1, 3, size=len(LABELS)).astype("float32")
    assert float(loss(LABELS, LOGITS)) == pytest.approx(values.mean(), rel=1e-5)
    weighted = float(loss(LABELS, LOGITS, sample_weight=weights))
    assert weighted == pytest.approx((values * weights).mean(), rel=1e-5)


@pytest.mark.parametrize("size", [50.0, 100.0])
def test_extreme_logits_stay_finite_in_float32(loss, size):
    labels, logits = extreme_logits(size)
    value, gradient = value_and_gradient(lambda z: loss(labels, z), logits)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_gradient_is_the_slope(loss):
    loss = type(loss).from_config({**loss.get_config(), "dtype": "float64"})
    logits = LOGITS[:3].astype("float64")
    _, gradient = value_and_gradient(lambda z: loss(LABELS[:3], z), logits, "float64")
    step = 1e-6
    for index in np.ndindex(logits.shape):
        moved = np.zeros_like(logits)
        moved[index] = step
        up, down = (
            float(loss(LABELS[:3], ops.convert_to_tensor(z, dtype="float64")))
            for z in (logits + moved, logits - moved)
        )
        assert gradient[index] == pytest.approx((up - down) / (2 * step), abs=1e-6)


def test_right_costs_less_than_wrong(loss):
    confident = 5 * np.eye(CLASSES, dtype="float32")
    right = numbers(loss.call(np.arange(CLASSES), ops.convert_to_tensor(confident)))
    wrong = numbers(
        loss.call(np.roll(np.arange(CLASSES), 1), ops.convert_to_tensor(confident))
    )
    assert (right < wrong).all()


def test_a_copy_from_its_configuration_is_the_same(loss):
    text = json.dumps(keras.losses.serialize(loss))
    copy = keras.losses.deserialize(json.loads(text))
    assert type(copy) is type(loss)
    assert copy.get_config() == loss.get_config()
    assert float(copy(LABELS, LOGITS)) == float(loss(LABELS, LOGITS))
    assert keras.saving.get_registered_name(type(loss)).startswith("equipoise>")


def test_a_model_learns_with_it(loss):
    keras.utils.set_random_seed(0)
    features = np.repeat(np.eye(CLASSES, dtype="float32"), 8, axis=0)
    labels = np.repeat(np.arange(CLASSES), 8)
    inputs = keras.Input((CLASSES,))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(inputs))
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=loss)
    history = model.fit(features, labels, epochs=15, batch_size=12, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    answers = numbers(ops.argmax(model(features), axis=-1))
    assert (answers == labels).mean() > 0.9


def test_a_class_without_images_is_refused(entry):
    with pytest.raises(MethodError, match="Class 1 has no training image"):
        load_builder(entry)(np.array([5, 0, 2]))
