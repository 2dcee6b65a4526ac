from decimal import Decimal, localcontext

import numpy as np
import pytest
from keras import ops

from core.errors import MethodError
from core.methods.losses.hard_mining import (
    HardMining,
    compute_class_weight,
    hard_mining,
    hardness_weight,
)
from tests.unit.methods.reference import TOLERANCE, cases, value_and_gradient

WEIGHTING = {"CS": "ins", "CB": "class-balanced"}
PROBABILITIES = [0.99, 0.9, 0.5, 0.3, 1e-2, 1e-4, 1.2e-5, 1e-6, 1e-9, 1e-20]


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def mined(y_true, logits, **changed):
    """The loss in the authors' form, but for what is changed."""
    given = {"delta": 1e5, "form": "official", **changed}
    return hard_mining(y_true, logits, **given)


def logits_of(probabilities):
    """Two logits each, of which the first class has the probability."""
    p = np.asarray(probabilities, dtype=np.float64)
    return np.stack([np.log(p) - np.log1p(-p), np.zeros_like(p)], axis=1)


PI = Decimal("3.14159265358979323846264338327950288419716939937510582")


def exact_sinc(x):
    """sin(pi x) / (pi x) by its series, after whole turns are taken out."""
    u = PI * (x % 2)
    term, total, k = u, u, 1
    while abs(term) > Decimal("1e-60"):
        term *= -u * u / ((k + 1) * (k + 2))
        total, k = total + term, k + 2
    return total / (PI * x)


def exact(logits, delta):
    """The paper's loss of the first class, to 50 digits."""
    with localcontext(prec=60):
        z, other = (Decimal(float(value)) for value in logits)
        p = 1 / (1 + (other - z).exp())
        x = Decimal(delta) * p
        weight = exact_sinc(p) - (-x).exp() * exact_sinc(x)
        return float(-weight * p.ln())


@pytest.mark.parametrize(
    "case",
    [c for c in cases("hmloss") if c["params"]["variant"] == "official"],
    ids=lambda case: case["id"],
)
def test_the_class_trains_with_the_authors_weights(case):
    params, inputs = case["params"], case["inputs"]
    classes = len(inputs["logits"][0])
    loss = HardMining(
        inputs.get("class_counts", np.ones(classes)),
        delta=params["delta"],
        class_weighting=WEIGHTING.get(params["weighting"], "none"),
        dtype="float64",
    )
    value = float(loss(np.array(inputs["labels"]), np.array(inputs["logits"])))
    np.testing.assert_allclose(value, case["expected"]["loss"], **TOLERANCE["float64"])


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-13), ("float32", 2e-5)])
@pytest.mark.parametrize("delta", [1.0, 30.0, 1e4, 1e5, 1e8])
def test_keeps_its_digits_at_every_probability(dtype, close, delta):
    logits = logits_of(PROBABILITIES).astype(dtype)
    values = mined(
        np.zeros(len(logits)),
        ops.convert_to_tensor(logits),
        delta=delta,
        form="paper",
    )
    expected = [exact(row, delta) for row in logits]
    np.testing.assert_allclose(numbers(values), expected, rtol=close)


def test_the_weight_near_a_probability_of_one_is_what_is_missing():
    # In float32, 1 - p of these is 0 or off by its half.
    miss = np.array([1e-7, 1e-9, 1e-12], dtype="float32")
    weight = hardness_weight(
        ops.convert_to_tensor(1 - miss), ops.convert_to_tensor(miss), delta=1e5
    )
    np.testing.assert_allclose(numbers(weight), miss, rtol=1e-6)


@pytest.mark.parametrize("delta", [1e3, 1e5])
def test_peaks_near_a_probability_of_1_2_over_delta(delta):
    p = np.geomspace(1e-9, 0.9, 20_001)
    logits = ops.convert_to_tensor(logits_of(p), dtype="float64")
    values = numbers(mined(np.zeros(len(p)), logits, delta=delta, form="paper"))
    assert p[values.argmax()] * delta == pytest.approx(1.2, rel=0.15)
    assert values[0] < 0.01 * values.max()


def test_by_hand():
    # At p = 1/2 and a large delta, the weight is sinc(1/2) = 2 / pi.
    values = numbers(mined([0, 1], [[0.0, 0.0]] * 2, form="paper"))
    np.testing.assert_allclose(values, 2 / np.pi * np.log(2), rtol=1e-6)
    values = numbers(mined([0, 1], [[0.0, 0.0]] * 2, form="official"))
    np.testing.assert_allclose(values, 20 / np.pi * np.log(2), rtol=1e-6)


def test_weights_go_outside_in_the_paper_and_inside_in_the_code():
    logits, weights = np.log([[3.0, 1.0]]), [2.0, 1.0]
    plain = numbers(mined([0], logits, form="paper"))[0]
    paper = numbers(mined([0], logits, form="paper", class_weight=weights))[0]
    code = numbers(mined([0], logits, class_weight=weights))[0]
    assert paper == pytest.approx(2 * plain, rel=1e-6)
    # p^2 = 9/16 takes the place of p = 3/4, in the logarithm too.
    p = 9 / 16
    assert code == pytest.approx(-10 * np.sinc(p) * np.log(p), rel=1e-6)


@pytest.mark.parametrize("form", ["official", "paper"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [50.0, 100.0, 1e4])
def test_extreme_logits_stay_finite(form, dtype, size):
    logits = size * np.array([[1, 0], [0, 1], [-1, 1], [1, -1], [-1, 0], [0.0, 0.0]])
    value, gradient = value_and_gradient(
        lambda z: ops.sum(mined(np.zeros(6), z, form=form)), logits, dtype
    )
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    # All but the last are certain or hopeless: 10 delta 1e-10 is what the clip leaves.
    assert np.abs(gradient[:5]).max() < 2e-4
    assert np.abs(gradient[5]).max() > 0.1


class TestClassWeight:
    COUNTS = np.array([500, 60, 8, 1])

    def test_none(self):
        weights = compute_class_weight(
            self.COUNTS, form="official", class_weighting="none", beta=0.9
        )
        assert weights is None

    @pytest.mark.parametrize(
        ("weighting", "beta"), [("ins", 0.9), ("class-balanced", 0.99)]
    )
    def test_the_mean_is_one_over_classes_or_over_images(self, weighting, beta):
        official, paper = (
            compute_class_weight(
                self.COUNTS, form=form, class_weighting=weighting, beta=beta
            )
            for form in ("official", "paper")
        )
        assert official.sum() == pytest.approx(4)
        assert (self.COUNTS * paper).sum() == pytest.approx(569)
        np.testing.assert_allclose(paper / paper[0], official / official[0])
        effective = (1 - beta**self.COUNTS) if beta == 0.99 else self.COUNTS
        np.testing.assert_allclose(official / official[0], effective[0] / effective)


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_delta(delta):
    with pytest.raises(MethodError, match="delta of HMLoss"):
        HardMining([3, 1], delta=delta)
    with pytest.raises(MethodError, match="delta of HMLoss"):
        mined([0], [[0.0, 1.0]], delta=delta)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"form": "mine"}, "no form 'mine'"),
        ({"class_weighting": "cs"}, "class weighting 'cs'"),
        ({"beta": 1.0}, "beta of the class-balanced"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(MethodError, match=message):
        HardMining([3, 1], **parameters)


def test_bad_form_and_weights_of_the_function():
    with pytest.raises(MethodError, match="no form 'mine'"):
        mined([0], [[0.0, 1.0]], form="mine")
    with pytest.raises(MethodError, match="for 2 classes"):
        mined([0], [[0.0, 1.0]], class_weight=[1.0, 2.0, 3.0])


def test_scale_and_clip_are_the_forms_own_unless_given():
    ids = np.array([0, 1])
    logits = ops.convert_to_tensor([[30.0, 0.0], [40.0, 0.0]], dtype="float64")

    def values(**kwargs):
        return ops.convert_to_numpy(mined(ids, logits, delta=1e4, **kwargs))

    plain = values(form="paper")
    np.testing.assert_allclose(values(form="official", scale=1.0, clip=0.0), plain)
    np.testing.assert_allclose(values(form="paper", scale=10.0), 10 * plain)
    # A probability of e^-40 is muted to next to nothing; clipped at 0.01 it is not.
    assert values(form="paper", clip=0.01)[1] > 100 * plain[1]
    with pytest.raises(MethodError, match="The clip of HMLoss"):
        values(clip=0.5)
