"""The losses over a function pass on their parameters, and write them down."""

from functools import partial

import numpy as np
import pytest
from keras import ops

from core.methods.losses import balanced, focal, hard_mining, margin, regression
from core.methods.weights import effective_number_weights, inverse_frequency_weights

COUNTS = np.array([40, 9, 1])
WEIGHTS = [1.0, 2.0, 5.0]
MARGINS = margin.compute_margins(COUNTS, max_margin=0.3)
RNG = np.random.default_rng(6)
LOGITS = RNG.normal(size=(9, 3))
PAIRS = [
    (
        balanced.BalancedSoftmax(COUNTS),
        partial(balanced.balanced_softmax, class_counts=COUNTS),
    ),
    (
        balanced.LogitAdjusted(COUNTS, tau=2),
        partial(balanced.logit_adjusted, class_counts=COUNTS, tau=2),
    ),
    (
        focal.Focal(gamma=1, class_weight=WEIGHTS, variant="inside"),
        partial(focal.focal, gamma=1, class_weight=WEIGHTS, variant="inside"),
    ),
    (
        focal.ClassBalancedFocal(COUNTS, beta=0.9, gamma=1.5),
        partial(
            focal.class_balanced_focal,
            gamma=1.5,
            class_weight=effective_number_weights(
                COUNTS, beta=0.9, normalization="balanced"
            ),
        ),
    ),
    (
        hard_mining.HardMining(COUNTS, delta=99, form="paper", class_weighting="ins"),
        partial(
            hard_mining.hard_mining,
            delta=99,
            form="paper",
            class_weight=inverse_frequency_weights(COUNTS),
        ),
    ),
    (
        margin.LDAM(COUNTS, max_margin=0.3, scale=5, class_weight=WEIGHTS),
        partial(margin.ldam, margins=MARGINS, scale=5, class_weight=WEIGHTS),
    ),
    (
        margin.LMF(
            COUNTS,
            alpha=1,
            beta=2,
            gamma=3,
            max_margin=0.3,
            scale=5,
            class_weighting="margins",
        ),
        partial(
            margin.lmf,
            margins=MARGINS,
            alpha=1,
            beta=2,
            gamma=3,
            scale=5,
            class_weight=MARGINS,
        ),
    ),
]
ON_ONE_VALUE = [
    (
        focal.BinaryFocal(gamma=3, alpha=0.3, apply_class_balancing=True),
        partial(focal.binary_focal, gamma=3, alpha=0.3, apply_class_balancing=True),
    ),
    (
        regression.FocalRegression(kind="mse", activate="tanh", beta=0.5, gamma=2),
        partial(
            regression.focal_regression,
            kind="mse",
            activate="tanh",
            beta=0.5,
            gamma=2,
        ),
    ),
    (regression.Huber(beta=0.5), partial(regression.huber, beta=0.5)),
    (
        regression.BalancedMSE(noise_sigma=2.0),
        partial(regression.balanced_mse, noise_sigma=2.0),
    ),
]


def ids(pair):
    return type(pair[0]).__name__


def check(pair, y_true, y_pred):
    loss, function = pair
    each = function(y_true, ops.convert_to_tensor(y_pred, dtype="float32"))
    expected = ops.convert_to_numpy(each).mean()
    assert float(loss(y_true, y_pred)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("pair", PAIRS, ids=ids)
def test_the_function_receives_the_parameters(pair):
    check(pair, RNG.integers(0, 3, size=9), LOGITS)


@pytest.mark.parametrize("pair", ON_ONE_VALUE, ids=ids)
def test_so_does_that_of_a_loss_on_one_value(pair):
    check(pair, RNG.integers(0, 2, size=9), LOGITS[:, 0])


def test_the_configuration_is_what_it_was_made_with():
    loss = margin.LDAM([4, 2], scale=5, name="mine", reduction="sum", dtype="float64")
    assert loss.get_config() == {
        "name": "mine",
        "reduction": "sum",
        "class_counts": [4, 2],
        "max_margin": 0.5,
        "scale": 5.0,
        "class_weight": None,
        "dtype": "float64",
    }


def test_it_is_named_after_its_function():
    assert regression.Huber().name == "huber"


def test_an_unknown_parameter_is_refused():
    with pytest.raises(TypeError, match="steepness"):
        regression.Huber(steepness=2.0)


def test_defaults_are_those_of_its_own_signature():
    assert margin.LDAM.defaults() == {
        "max_margin": 0.5,
        "scale": 30.0,
        "class_weight": None,
    }
