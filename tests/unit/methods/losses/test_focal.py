import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import expit, log_expit

from core.errors import MethodError
from core.methods.losses.focal import (
    BinaryFocal,
    ClassBalancedFocal,
    Focal,
    binary_focal,
    build_focal,
    class_balanced_focal,
    focal,
)
from tests.unit.methods.reference import value_and_gradient


def binary(y_true, logits, **changed):
    return binary_focal(y_true, logits, **{**BinaryFocal.defaults(), **changed})


def test_by_hand():
    # Softmax of (ln 3, 0) is (3/4, 1/4).
    logits = np.log([[3.0, 1.0], [3.0, 1.0]])
    values = ops.convert_to_numpy(focal([0, 1], logits, gamma=2.0, variant="outside"))
    expected = [(1 / 4) ** 2 * np.log(4 / 3), (3 / 4) ** 2 * np.log(4)]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_both_variants_are_weighted_cross_entropy_at_gamma_0():
    logits = np.log([[3.0, 1.0], [3.0, 1.0]])
    for variant in ("outside", "inside"):
        values = focal([0, 1], logits, gamma=0, class_weight=[2, 5], variant=variant)
        expected = [2 * np.log(4 / 3), 5 * np.log(4)]
        np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.05, 0.5, 0.999])
def test_gradient_is_finite_where_p_is_one_and_gamma_below_one(gamma):
    logits = [[100.0, -100.0], [50.0, 0.0], [20.0, 0.0], [5.0, 0.0]]
    loss = Focal(gamma=gamma)
    _, gradient = value_and_gradient(lambda z: loss([0, 0, 0, 0], z), logits)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient[0]).max() == pytest.approx(0, abs=1e-12)


def test_far_tail_keeps_its_digits():
    # 1 - p is 1e-9 here: in float32, 1 - 0.999999999 would be 0.
    logits = np.array([[np.log(1e9), 0.0]], dtype="float32")
    value = float(
        ops.convert_to_numpy(focal([0], logits, gamma=0.5, variant="outside"))[0]
    )
    assert value == pytest.approx(1e-9**1.5, rel=1e-4)


@pytest.mark.parametrize("gamma", [-0.1, float("nan"), float("inf")])
def test_bad_gamma(gamma):
    with pytest.raises(MethodError, match="gamma"):
        Focal(gamma=gamma)
    with pytest.raises(MethodError, match="gamma"):
        focal([0], [[0.0, 1.0]], gamma=gamma, variant="outside")


def test_bad_variant():
    with pytest.raises(MethodError, match="variant 'both'"):
        Focal(gamma=2.0, variant="both")
    with pytest.raises(MethodError, match="variant 'both'"):
        focal([0], [[0.0, 1.0]], gamma=2.0, variant="both")


def test_a_study_builds_it_without_class_weights():
    config = build_focal(np.array([5, 1]), gamma=3.0).get_config()
    assert config["gamma"] == 3.0
    assert config["class_weight"] is None


class TestBinaryFocal:
    def test_a_clip_holds_the_logarithm_and_not_the_focus(self):
        values = binary([1, 0], [[-50.0], [-50.0]], gamma=0.0, clip=1e-3)
        np.testing.assert_allclose(
            ops.convert_to_numpy(values), -np.log([1e-3, 1 - 1e-3]), rtol=1e-5
        )
        with pytest.raises(MethodError, match="clip of binary focal loss"):
            binary([1], [[0.0]], clip=0.5)

    @pytest.mark.parametrize("balanced", [False, True])
    def test_equals_kerass_own_on_logits(self, balanced):
        parameters = {"gamma": 5.0, "alpha": 0.25, "apply_class_balancing": balanced}
        logits = np.linspace(-6, 6, 13)[:, None].astype("float32")
        labels = np.arange(13)[:, None] % 2
        theirs = keras.losses.BinaryFocalCrossentropy(from_logits=True, **parameters)
        ours = BinaryFocal(**parameters)
        value, expected = (
            float(ops.convert_to_numpy(loss(labels, logits))) for loss in (ours, theirs)
        )
        assert value == pytest.approx(expected, rel=1e-4)

    def test_alpha_does_nothing_unless_told(self):
        logits = np.array([[2.0], [-1.0]])
        values = [
            ops.convert_to_numpy(binary([1, 0], logits, alpha=alpha))
            for alpha in (0.25, 0.9)
        ]
        np.testing.assert_array_equal(*values)

    def test_by_hand(self):
        # A logit of ln 3 is a probability of 3/4.
        logits = np.log([[3.0], [3.0]])
        values = binary(
            [1, 0], logits, gamma=2.0, alpha=0.2, apply_class_balancing=True
        )
        expected = [0.2 / 16 * np.log(4 / 3), 0.8 * 9 / 16 * np.log(4)]
        np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-6)

    @pytest.mark.parametrize("gamma", [0.0, 0.05, 0.5, 5.0])
    def test_extreme_logits_stay_finite(self, gamma):
        logits = np.array([[100.0], [-100.0], [50.0], [-50.0], [1e4], [0.0]])
        _, gradient = value_and_gradient(
            lambda z: ops.sum(binary(np.ones(6), z, gamma=gamma)), logits
        )
        assert np.isfinite(gradient).all()
        assert gradient[1, 0] == pytest.approx(-1, rel=1e-5)
        assert gradient[0, 0] == pytest.approx(0, abs=1e-12)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"gamma": -0.1}, "gamma"),
            ({"gamma": float("nan")}, "gamma"),
            ({"alpha": -0.1}, "alpha of binary focal"),
            ({"alpha": 1.1}, "alpha of binary focal"),
            ({"alpha": float("nan")}, "alpha of binary focal"),
        ],
    )
    def test_bad_parameters(self, parameters, message):
        with pytest.raises(MethodError, match=message):
            BinaryFocal(**parameters)
        with pytest.raises(MethodError, match=message):
            binary([1], [[0.0]], **parameters)


class TestClassBalancedFocal:
    def test_is_a_sum_of_sigmoids_against_the_rest(self):
        logits = np.random.default_rng(0).normal(size=(5, 3))
        labels = np.array([0, 2, 1, 1, 0])
        signed = np.where(np.arange(3) == labels[:, None], logits, -logits)
        expected = -(expit(-signed) ** 1.5 * log_expit(signed)).sum(axis=1)
        values = class_balanced_focal(labels, logits, gamma=1.5)
        np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-5)

    def test_the_class_weighs_images_by_one_on_average(self):
        counts = np.array([40, 9, 1])
        loss = ClassBalancedFocal(counts, beta=0.9, gamma=0.0, reduction=None)
        labels = np.repeat(np.arange(3), counts)
        values = ops.convert_to_numpy(loss(labels, np.zeros((50, 3))))
        # At gamma 0 and logits of 0 each of the three sigmoids costs ln 2.
        assert values.mean() == pytest.approx(3 * np.log(2), rel=1e-5)
        ratio = (1 - 0.9**40) / (1 - 0.9)
        assert values[-1] / values[0] == pytest.approx(ratio, rel=1e-5)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [({"gamma": -1.0}, "gamma"), ({"beta": 1.0}, "beta"), ({"beta": -0.1}, "beta")],
    )
    def test_bad_parameters(self, parameters, message):
        with pytest.raises(MethodError, match=message):
            ClassBalancedFocal([3, 1], **parameters)
