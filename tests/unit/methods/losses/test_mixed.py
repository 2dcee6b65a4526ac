"""Images with two labels: what is minimised of them."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from core.methods.losses.mixed import MixedLabels
from tests.contracts.test_losses import CLASSIFIERS, build, over

RNG = np.random.default_rng(3)
SHARE = np.linspace(0, 1, 9)
LOGITS = RNG.normal(size=(9, 4))
FIRST, SECOND = RNG.integers(0, 4, size=(2, 9))


def pairs(first, second, share=SHARE):
    return np.column_stack([first, second, share]).astype("float32")


def values(loss, y_true, logits):
    tensor = ops.convert_to_tensor(logits, dtype="float32")
    return ops.convert_to_numpy(loss.call(y_true, tensor))


def test_cross_entropy_is_that_of_the_mixed_label():
    loss = MixedLabels(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    share = SHARE[:, None]
    soft = share * np.eye(4)[FIRST] + (1 - share) * np.eye(4)[SECOND]
    log_p = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))
    found = values(loss, pairs(FIRST, SECOND), LOGITS)
    np.testing.assert_allclose(found, -(soft * log_p).sum(axis=1), rtol=1e-5)


def test_binary_cross_entropy_is_that_of_the_mean_label():
    loss = MixedLabels(keras.losses.BinaryCrossentropy(from_logits=True))
    first, second = FIRST % 2, SECOND % 2
    mean = SHARE * first + (1 - SHARE) * second
    z = LOGITS[:, 0]
    expected = np.log1p(np.exp(z)) - mean * z
    found = values(loss, pairs(first, second), z[:, None])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@over(CLASSIFIERS)
def test_every_loss_on_classes_is_mixed_by_share(entry, kind):
    classes = 2 if kind == "binary" else 4
    first, second = FIRST % classes, SECOND % classes
    logits = LOGITS[:, :1] if kind == "binary" else LOGITS
    # A loss that draws masks draws for either label: here all are left out, or none.
    base = build(entry, kind)
    if hasattr(base, "gamma") and hasattr(base, "draws"):
        base = type(base).from_config({**base.get_config(), "gamma": 1.0})
    own, other = (values(base, ids[:, None], logits) for ids in (first, second))
    found = values(MixedLabels(base), pairs(first, second), logits)
    np.testing.assert_allclose(found, SHARE * own + (1 - SHARE) * other, rtol=1e-5)


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 2, 9)])
def test_it_is_averaged_over_the_batch_and_weighted(weights):
    loss = MixedLabels(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    each = values(loss, pairs(FIRST, SECOND), LOGITS)
    found = float(loss(pairs(FIRST, SECOND), LOGITS.astype("f4"), weights))
    expected = (each * (1 if weights is None else weights)).mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_copy_from_its_configuration_is_the_same():
    loss = MixedLabels(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    copy = keras.losses.deserialize(
        json.loads(json.dumps(keras.losses.serialize(loss)))
    )
    assert copy.get_config() == loss.get_config()
    given = pairs(FIRST, SECOND), LOGITS
    np.testing.assert_array_equal(values(copy, *given), values(loss, *given))
