import numpy as np
import pytest
from keras import ops

from core.errors import MethodError
from core.methods.losses.focal import Focal, build_focal, focal
from tests.unit.methods.reference import TOLERANCE, cases, value_and_gradient

VARIANT = {"softmax_alpha_outside": "outside", "softmax_weight_inside_p": "inside"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", cases("focal_loss"), ids=lambda case: case["id"])
def test_equals_the_originals(case, dtype):
    params, inputs, expected = case["params"], case["inputs"], case["expected"]
    loss = Focal(
        gamma=params["gamma"],
        class_weight=inputs.get("alpha", inputs.get("class_weights")),
        variant=VARIANT[params["variant"]],
        dtype=dtype,
    )
    labels = np.array(inputs["labels"])
    value, gradient = value_and_gradient(
        lambda z: loss(labels, z), inputs["logits"], dtype
    )
    each = loss.call(labels, ops.convert_to_tensor(inputs["logits"], dtype=dtype))
    close = TOLERANCE[dtype]
    np.testing.assert_allclose(value, expected["loss"], **close)
    np.testing.assert_allclose(
        ops.convert_to_numpy(each), expected["per_sample_loss"], **close
    )
    np.testing.assert_allclose(gradient, expected["grad_logits"], **close)


def test_by_hand():
    # Softmax of (ln 3, 0) is (3/4, 1/4).
    logits = np.log([[3.0, 1.0], [3.0, 1.0]])
    values = ops.convert_to_numpy(focal([0, 1], logits, gamma=2.0))
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
    value = float(ops.convert_to_numpy(focal([0], logits, gamma=0.5))[0])
    assert value == pytest.approx(1e-9**1.5, rel=1e-4)


@pytest.mark.parametrize("gamma", [-0.1, float("nan"), float("inf")])
def test_bad_gamma(gamma):
    with pytest.raises(MethodError, match="gamma"):
        Focal(gamma=gamma)
    with pytest.raises(MethodError, match="gamma"):
        focal([0], [[0.0, 1.0]], gamma=gamma)


def test_bad_variant():
    with pytest.raises(MethodError, match="variant 'both'"):
        focal([0], [[0.0, 1.0]], variant="both")


def test_a_study_builds_it_without_class_weights():
    loss = build_focal(np.array([5, 1]), gamma=3.0)
    assert loss.gamma == 3.0
    assert loss.class_weight is None
