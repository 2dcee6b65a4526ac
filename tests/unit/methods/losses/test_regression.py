import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from core.errors import MethodError
from core.methods.losses.regression import (
    BalancedMSE,
    FocalRegression,
    Huber,
    LogAbsoluteError,
    absolute_error,
    balanced_mse,
    dense_loss,
    focal_regression,
    huber,
    squared_error,
)
from core.methods.verification.cases import load_cases
from core.methods.verify import verify
from tests.unit.methods.reference import cases, value_and_gradient

RNG = np.random.default_rng(11)
TARGETS = RNG.uniform(1, 90, size=(12, 1)).astype("float32")
VALUES = (TARGETS + RNG.normal(0, 8, size=(12, 1))).astype("float32")
LOSSES = [
    BalancedMSE,
    Huber,
    FocalRegression,
    lambda **given: FocalRegression(kind="mse", gamma=2.5, **given),
    lambda **given: FocalRegression(activate="tanh", gamma=0.0, **given),
    LogAbsoluteError,
]
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def ids(case):
    return case["id"]


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def mean(each):
    """Mean over the examples; a Keras loss's own is float32 under torch."""
    return ops.sum(each) / each.shape[0]


def focused(y_true, y_pred, **changed):
    return focal_regression(y_true, y_pred, **{**FocalRegression.defaults(), **changed})


class TestErrors:
    def test_by_hand(self):
        y_true, y_pred = np.array([[1.0], [5.0]]), np.array([[3.0], [4.5]])
        np.testing.assert_allclose(numbers(squared_error(y_true, y_pred)), [4, 0.25])
        np.testing.assert_allclose(numbers(absolute_error(y_true, y_pred)), [2, 0.5])
        np.testing.assert_allclose(
            numbers(huber(y_true, y_pred, beta=1.0)), [1.5, 0.125]
        )
        np.testing.assert_allclose(
            numbers(huber(y_true, y_pred, beta=4.0)), [0.5, 1 / 32]
        )
        # sigmoid(ln 3) is 3/4, and 2 * 3/4 - 1 is a half.
        focal = focused(y_true, y_pred, beta=np.log(3) / 2, gamma=2)
        np.testing.assert_allclose(numbers(focal)[0], 2 * 0.5**2)

    def test_an_error_of_a_tenth_costs_the_same_at_every_age(self):
        y_true = np.array([[2.0], [80.0]])
        each = LogAbsoluteError().call(y_true, ops.convert_to_tensor(y_true * 1.1))
        np.testing.assert_allclose(numbers(each), np.log(1.1), rtol=1e-6)
        np.testing.assert_array_equal(numbers(LogAbsoluteError()(y_true, y_true)), 0)

    def test_huber_becomes_the_absolute_error(self):
        near = numbers(huber(TARGETS, VALUES, beta=1e-3))
        np.testing.assert_allclose(
            near, numbers(absolute_error(TARGETS, VALUES)), atol=1e-3
        )

    @pytest.mark.parametrize("kind", ["mse", "l1"])
    def test_large_errors_keep_their_cost_and_gamma_0_all(self, kind):
        plain = {"mse": squared_error, "l1": absolute_error}[kind]
        far = np.array([[500.0]])
        zero = np.zeros((1, 1))
        np.testing.assert_allclose(
            numbers(focused(zero, far, kind=kind, gamma=3.0)),
            numbers(plain(zero, far)),
        )
        np.testing.assert_array_equal(
            numbers(focused(TARGETS, VALUES, kind=kind, gamma=0.0)),
            numbers(plain(TARGETS, VALUES)),
        )

    def test_small_errors_keep_their_digits(self):
        value = focused(np.zeros(1), np.array([1e-4], "float32"), beta=0.2)
        np.testing.assert_allclose(numbers(value), [1e-4 * 1e-5], rtol=1e-5)

    @pytest.mark.parametrize("kind", ["mse", "l1"])
    @pytest.mark.parametrize("gamma", [0.01, 0.5, 1.0, 3.0])
    @pytest.mark.parametrize("activate", ["sigmoid", "tanh"])
    def test_gradient_is_finite_at_no_error_and_at_a_large_one(
        self, kind, gamma, activate
    ):
        loss = FocalRegression(kind=kind, gamma=gamma, activate=activate)
        value, gradient = value_and_gradient(
            lambda p: loss(np.zeros(4), p), [0.0, 1e-30, 50.0, -100.0]
        )
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        assert gradient[0] == 0

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: FocalRegression(gamma=-1), "gamma is -1"),
            (lambda: FocalRegression(beta=0), "beta is 0"),
            (lambda: FocalRegression(kind="l3"), "no error 'l3'"),
            (lambda: FocalRegression(activate="relu"), "no activation 'relu'"),
            (lambda: Huber(beta=-2.0), "beta is -2"),
            (lambda: Huber(beta=float("nan")), "beta is nan"),
            (lambda: BalancedMSE(noise_sigma=0), "noise_sigma is 0"),
            (lambda: huber([1.0], [2.0], beta=0), "beta is 0"),
            (lambda: focused([1.0], [2.0], gamma=-1), "gamma is -1"),
            (lambda: focused([1.0], [2.0], kind="l3"), "no error 'l3'"),
            (lambda: focused([1.0], [2.0], activate="x"), "no activation 'x'"),
            (
                lambda: dense_loss([1.0], [2.0], weights=[1.0], base="l3"),
                "no error 'l3'",
            ),
            (
                lambda: dense_loss([1.0], [2.0], weights=[1.0], variant="thrice"),
                "no variant 'thrice'",
            ),
        ],
    )
    def test_bad_parameters(self, make, message):
        with pytest.raises(MethodError, match=message):
            make()


class TestDenseLoss:
    @dtypes
    def test_equals_the_originals_given_their_weights(self, dtype):
        # The wide tolerance of the cases is for fitting the weights.
        given = [
            replace(
                case,
                inputs={**case.inputs, "weights": case.expected["weights"]},
                tol={},
            )
            for case in load_cases(methods=["dense_loss"])
        ]
        result = verify(given, dtype=dtype)
        assert given
        assert result.passed, result.as_dict()

    def test_it_is_what_training_does_with_sample_weights(self):
        weights = RNG.uniform(0.2, 3, size=12).astype("float32")
        each = numbers(dense_loss(TARGETS, VALUES, weights=weights))
        trained = keras.losses.MeanSquaredError()(
            TARGETS, VALUES, sample_weight=weights
        )
        assert float(trained) == pytest.approx(each.mean(), rel=1e-5)

    def test_squared_weights_by_hand(self):
        values = dense_loss(
            [0.0, 0.0], [2.0, 3.0], weights=[0.5, 3], base="l1", variant="squared"
        )
        np.testing.assert_allclose(numbers(values), [0.5, 27])


class TestBalancedMSE:
    def test_by_hand(self):
        # Distances 0 and 1 at 2 sigma^2 = 1: each image is sure by 1 / (1 + e^-1).
        each = balanced_mse([[3.0], [4.0]], [[3.0], [4.0]], noise_sigma=np.sqrt(0.5))
        np.testing.assert_allclose(numbers(each), np.log(1 + np.exp(-1)), rtol=1e-6)

    def test_limits(self):
        alone = balanced_mse([[30.0]], [[70.0]], noise_sigma=3.0)
        np.testing.assert_allclose(numbers(alone), 0, atol=1e-6)
        same = balanced_mse(np.full(8, 30.0), np.linspace(0, 90, 8), noise_sigma=3.0)
        np.testing.assert_allclose(numbers(same), 2 * 3**2 * np.log(8), rtol=1e-5)
        # With much noise, what is left of it is plain MSE against that of a guess
        # among the batch's targets.
        y_true, y_pred = TARGETS.astype("float64"), VALUES.astype("float64")
        wide = numbers(balanced_mse(y_true, y_pred, noise_sigma=1e4))
        distances = np.square(y_pred - y_true.T)
        plain = np.diag(distances) - distances.mean(axis=1)
        np.testing.assert_allclose(
            wide - 2e8 * np.log(len(TARGETS)), plain, rtol=1e-3, atol=0.1
        )

    def test_without_rescaling_it_is_a_cross_entropy(self):
        from scipy.special import log_softmax

        logits = -np.square(VALUES - TARGETS.T) / (2 * 5.0**2)
        expected = -np.diag(log_softmax(logits, axis=1))
        each = numbers(balanced_mse(TARGETS, VALUES, noise_sigma=5.0, rescale=False))
        np.testing.assert_allclose(each, expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("sigma", [0.0, 1e-4, 10.0])
    def test_extremes_stay_finite(self, sigma):
        targets = np.array([0.0, 0.0, 100.0, -50.0])
        value, gradient = value_and_gradient(
            lambda p: mean(balanced_mse(targets, p, noise_sigma=sigma)),
            [50.0, -50.0, 100.0, 100.0],
        )
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()

    @pytest.mark.parametrize("case", cases("balanced_mse_bmc"), ids=ids)
    def test_a_model_that_holds_it_trains_the_noise(self, case):
        sigma, inputs = case["params"]["noise_sigma"], case["inputs"]
        loss = BalancedMSE(noise_sigma=sigma)
        model = Holder(loss)
        model.compile(optimizer=keras.optimizers.SGD(1e-3), loss=loss)
        predicted = np.array(inputs["preds"], "float32")[:, None]
        targets = np.array(inputs["targets"], "float32")[:, None]
        model.train_on_batch(predicted, targets)
        (variable,) = model.trainable_variables
        assert variable is loss.layer.noise_sigma
        step = 1e-3 * case["expected"]["grad_noise_sigma"]
        np.testing.assert_allclose(
            numbers(variable) - sigma, -step, rtol=1e-2, atol=2e-6
        )
        assert loss.get_config()["noise_sigma"] == sigma

    def test_the_noise_is_learned_along_and_saved_with_the_model(self, tmp_path):
        keras.utils.set_random_seed(1)
        x = RNG.normal(size=(256, 1)).astype("float32")
        y = 3 * x + RNG.normal(0, 0.5, size=(256, 1)).astype("float32")
        loss = BalancedMSE(noise_sigma=3.0)
        model = Holder(loss, keras.layers.Dense(1))
        model.compile(optimizer=keras.optimizers.Adam(0.05), loss=loss)
        model.fit(x, y, epochs=30, batch_size=64, verbose=0)
        # The noise of the data is what is left to be learned.
        assert 0.3 < float(numbers(loss.layer.noise_sigma)) < 0.8
        path = tmp_path / "model.weights.h5"
        model.save_weights(path)
        other = BalancedMSE(noise_sigma=9.0)
        fresh = Holder(other, keras.layers.Dense(1))
        fresh(x)
        fresh.load_weights(path)
        assert float(numbers(other.layer.noise_sigma)) == pytest.approx(
            float(numbers(loss.layer.noise_sigma))
        )


class Holder(keras.Model):
    """A model that has the loss's layers for its own, as the training model does."""

    def __init__(self, loss, inner=None):
        super().__init__()
        self.learned = loss.learned
        self.inner = inner or keras.layers.Identity()

    def call(self, inputs):
        return self.inner(inputs)


@pytest.fixture(params=range(len(LOSSES)))
def make(request):
    return LOSSES[request.param]


class TestEveryLoss:
    def test_one_value_an_example_whose_mean_and_weights_are_kerass(self, make):
        loss = make()
        each = numbers(loss.call(TARGETS, ops.convert_to_tensor(np.abs(VALUES))))
        assert each.shape == (12,)
        assert (each >= 0).all()
        weights = RNG.uniform(0.1, 3, size=12).astype("float32")
        assert float(numbers(loss(TARGETS, np.abs(VALUES)))) == pytest.approx(
            each.mean(), rel=1e-5
        )
        weighted = float(numbers(loss(TARGETS, np.abs(VALUES), sample_weight=weights)))
        assert weighted == pytest.approx((each * weights).mean(), rel=1e-5)

    def test_gradient_is_the_slope(self, make):
        loss = make(dtype="float64")
        targets = TARGETS[:4].astype("float64")
        at = np.abs(VALUES[:4]).astype("float64")

        def value(p):
            return mean(loss.call(targets, p))

        _, gradient = value_and_gradient(value, at, "float64")
        for index in range(4):
            moved = np.zeros_like(at)
            moved[index] = 1e-6
            up, down = (
                float(numbers(value(ops.convert_to_tensor(p, dtype="float64"))))
                for p in (at + moved, at - moved)
            )
            slope = (up - down) / 2e-6
            assert gradient[index, 0] == pytest.approx(slope, rel=1e-5, abs=1e-6)

    def test_a_copy_from_its_configuration_is_the_same(self, make):
        loss = make()
        copy = keras.losses.deserialize(
            json.loads(json.dumps(keras.losses.serialize(loss)))
        )
        assert type(copy) is type(loss)
        assert copy.get_config() == loss.get_config()
        assert float(copy(TARGETS, np.abs(VALUES))) == float(
            loss(TARGETS, np.abs(VALUES))
        )
