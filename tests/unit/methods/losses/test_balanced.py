import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax, logsumexp

from core.errors import MethodError
from core.methods.losses.balanced import (
    LogitAdjusted,
    SoftmaxEqualization,
    balanced_softmax,
    logit_adjusted,
    softmax_equalization,
)
from tests.unit.methods.reference import value_and_gradient

COUNTS = np.array([500, 60, 8, 1])
RNG = np.random.default_rng(4)
LOGITS = RNG.normal(size=(200, 4))
LABELS = RNG.integers(0, 4, size=200)


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def plain(logits=LOGITS):
    return -log_softmax(logits, axis=1)[np.arange(len(LABELS)), LABELS]


class TestBalancedSoftmax:
    def test_by_hand(self):
        # Odds of 1 to 2 from the logits and of 30 to 10 from the counts: 3 to 2.
        values = balanced_softmax([0], np.log([[1.0, 2.0]]), class_counts=[30, 10])
        assert numbers(values)[0] == pytest.approx(np.log(5 / 3), rel=1e-6)

    def test_equal_counts_are_cross_entropy(self):
        values = balanced_softmax(LABELS, LOGITS, class_counts=[7, 7, 7, 7])
        np.testing.assert_allclose(numbers(values), plain(), rtol=1e-4)

    def test_a_binary_task_is_its_two_classes(self):
        one = balanced_softmax(LABELS > 1, LOGITS[:, :1], class_counts=[30, 10])
        both = np.stack([0 * LOGITS[:, 0], LOGITS[:, 0]], axis=1)
        two = balanced_softmax(LABELS > 1, both, class_counts=[30, 10])
        np.testing.assert_allclose(numbers(one), numbers(two), rtol=1e-6)

    def test_bad_counts(self):
        with pytest.raises(MethodError, match="Class 1 has no training image"):
            balanced_softmax([0], [[0.0, 1.0]], class_counts=[3, 0])
        with pytest.raises(MethodError, match="for 2 classes"):
            balanced_softmax([0], [[0.0, 1.0]], class_counts=[3])


class TestLogitAdjusted:
    @pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
    def test_raises_the_logits_by_the_prior(self, tau):
        values = logit_adjusted(LABELS, LOGITS, class_counts=COUNTS, tau=tau)
        expected = plain(LOGITS + tau * np.log(COUNTS / COUNTS.sum()))
        np.testing.assert_allclose(numbers(values), expected, rtol=1e-4, atol=1e-6)

    def test_tau_0_is_cross_entropy(self):
        values = logit_adjusted(LABELS, LOGITS, class_counts=COUNTS, tau=0.0)
        np.testing.assert_allclose(numbers(values), plain(), rtol=1e-4)

    @pytest.mark.parametrize("tau", [-0.1, float("nan"), float("inf")])
    def test_bad_tau(self, tau):
        with pytest.raises(MethodError, match="tau"):
            LogitAdjusted([3, 1], tau=tau)
        with pytest.raises(MethodError, match="tau"):
            logit_adjusted([0], [[0.0, 1.0]], class_counts=[3, 1], tau=tau)


class TestSoftmaxEqualization:
    def test_leaves_out_rare_classes_that_are_not_the_true_one(self):
        # Of 569 images, classes 2 and 3 have less than 2 %.
        values = softmax_equalization(
            LABELS, LOGITS, class_counts=COUNTS, mask=np.ones(4), threshold=0.02
        )
        expected = [
            logsumexp(row[sorted({0, 1, label})]) - row[label]
            for row, label in zip(LOGITS, LABELS, strict=True)
        ]
        np.testing.assert_allclose(numbers(values), expected, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize(
        ("mask", "threshold"), [(np.zeros((200, 4)), 1.0), (np.ones((200, 4)), 0.0)]
    )
    def test_without_a_mask_or_a_rare_class_it_is_cross_entropy(self, mask, threshold):
        values = softmax_equalization(
            LABELS, LOGITS, class_counts=COUNTS, mask=mask, threshold=threshold
        )
        np.testing.assert_allclose(numbers(values), plain(), rtol=1e-4)

    def test_logits_above_88_do_not_overflow(self):
        logits = np.array([[300.0, -300.0, 0.0, 200.0]] * 4, dtype="float32")
        value, gradient = value_and_gradient(
            lambda z: ops.sum(
                softmax_equalization(
                    np.arange(4),
                    z,
                    class_counts=COUNTS,
                    mask=np.ones(4),
                    threshold=0.02,
                )
            ),
            logits,
        )
        assert value == pytest.approx(0 + 600 + 300 + 100)
        assert np.isfinite(gradient).all()

    def test_draws_with_probability_gamma_anew_each_time(self):
        loss = SoftmaxEqualization(COUNTS, gamma=0.75, threshold=0.02, seed=3)
        # With no logit above another, the loss counts the classes that stayed.
        stayed = [
            np.exp(numbers(loss.call(np.zeros(4000), np.zeros((4000, 4)))))
            for _ in range(2)
        ]
        for kept in stayed:
            # Two rare classes, each kept by 1 in 4: five deviations of 8000 draws.
            spread = 5 * np.sqrt(8000 * 0.25 * 0.75) / 4000
            assert kept.mean() == pytest.approx(2.5, abs=spread)
        assert (stayed[0] != stayed[1]).any()

    def test_follows_its_seed_and_the_global_one(self):
        def value(seed):
            loss = SoftmaxEqualization(COUNTS, gamma=0.5, threshold=1.0, seed=seed)
            return float(loss(LABELS, LOGITS))

        assert value(1) == value(1)
        assert value(1) != value(2)
        keras.utils.set_random_seed(5)
        first = value(None)
        assert value(None) != first
        keras.utils.set_random_seed(5)
        assert value(None) == first

    def test_a_model_that_holds_its_draws_keeps_where_they_are(self):
        def three(loss):
            return [float(loss(LABELS, LOGITS)) for _ in range(3)]

        loss = SoftmaxEqualization(COUNTS, gamma=0.5, threshold=1.0, seed=1)
        (draws,) = loss.learned
        (state,) = draws.variables
        start = numbers(state).copy()
        drawn = three(loss)
        assert (numbers(state) != start).any()
        assert len(set(drawn)) == 3
        state.assign(start)
        assert three(loss) == drawn
        copy = type(draws).from_config(draws.get_config())
        assert numbers(copy.variables[0]).tolist() == start.tolist()

    @pytest.mark.parametrize("name", ["gamma", "threshold"])
    @pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
    def test_bad_parameters(self, name, bad):
        with pytest.raises(MethodError, match=f"{name} of softmax equalization"):
            SoftmaxEqualization(COUNTS, **{name: bad})
