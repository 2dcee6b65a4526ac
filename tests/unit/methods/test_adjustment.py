import numpy as np
import pytest
from scipy.special import softmax

from core.errors import MethodError
from core.methods.adjustment import post_hoc_logit_adjustment

COUNTS = [900, 90, 10]


def test_is_minus_the_logarithm_of_the_share():
    np.testing.assert_allclose(
        post_hoc_logit_adjustment(COUNTS, tau=2.0), -2 * np.log([0.9, 0.09, 0.01])
    )


def test_takes_the_prior_out_of_calibrated_probabilities():
    # Likelihoods times the prior, normalised, are calibrated; what is left is the
    # likelihoods alone.
    likelihoods = np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]])
    joint = likelihoods * np.array(COUNTS) / 1000
    logits = np.log(joint / joint.sum(axis=1, keepdims=True))
    adjusted = softmax(logits + post_hoc_logit_adjustment(COUNTS), axis=1)
    np.testing.assert_allclose(adjusted, likelihoods)


def test_equal_counts_raise_all_logits_alike():
    adjustment = post_hoc_logit_adjustment([8, 8, 8])
    np.testing.assert_allclose(adjustment, np.log(3))
    assert adjustment.dtype == np.float64


def test_tau_0_adds_nothing():
    assert post_hoc_logit_adjustment(COUNTS, tau=0.0).tolist() == [0, 0, 0]


@pytest.mark.parametrize("tau", [-0.1, float("nan"), float("inf")])
def test_bad_tau(tau):
    with pytest.raises(MethodError, match="tau"):
        post_hoc_logit_adjustment(COUNTS, tau=tau)


def test_a_class_without_images():
    with pytest.raises(MethodError, match="Class 2 has no training image"):
        post_hoc_logit_adjustment([5, 1, 0])
