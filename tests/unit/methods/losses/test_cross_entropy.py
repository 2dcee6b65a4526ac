import numpy as np
import pytest
from keras import ops
from scipy.special import log_expit, log_softmax

from core.errors import MethodError
from core.methods.losses.cross_entropy import class_logits, cross_entropy

RNG = np.random.default_rng(2)
LOGITS = RNG.normal(size=(6, 3))
LABELS = np.array([0, 1, 2, 2, 1, 0])


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def test_is_the_logarithm_of_the_softmax():
    expected = -log_softmax(LOGITS, axis=1)[np.arange(6), LABELS]
    np.testing.assert_allclose(
        numbers(cross_entropy(LABELS, LOGITS)), expected, rtol=1e-5
    )


def test_the_one_logit_of_a_binary_task_is_its_sigmoid():
    logit = LOGITS[:, :1]
    labels = np.array([[0.0], [1.0], [1.0], [0.0], [1.0], [0.0]])
    expected = -log_expit(np.where(labels == 1, logit, -logit))[:, 0]
    np.testing.assert_allclose(
        numbers(cross_entropy(labels, logit)), expected, rtol=1e-5
    )
    pair = np.hstack([0 * logit, logit])
    np.testing.assert_allclose(numbers(class_logits(logit)), pair, rtol=1e-6)
    np.testing.assert_allclose(numbers(class_logits(LOGITS)), LOGITS, rtol=1e-6)


@pytest.mark.parametrize("weights", [[1.0, 2.0], [[1.0], [2.0], [3.0]], 2.0])
def test_weights_must_be_one_a_class(weights):
    with pytest.raises(MethodError, match="for 3 classes"):
        cross_entropy(LABELS, LOGITS, class_weight=weights)
