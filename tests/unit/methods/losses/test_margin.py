import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax

from core.errors import MethodError
from core.methods.losses.focal import focal
from core.methods.losses.margin import LDAM, LMF, compute_margins, ldam, lmf

LOGITS = np.random.default_rng(1).normal(size=(6, 3))
LABELS = np.array([0, 1, 2, 2, 1, 0])
MARGINS = np.array([0.1, 0.2, 0.5])


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def blend(**halves):
    return numbers(lmf(LABELS, LOGITS, margins=MARGINS, scale=30.0, **halves))


class TestMargins:
    def test_a_sixteenth_of_the_images_doubles_the_margin(self):
        np.testing.assert_allclose(
            compute_margins([1600, 100], max_margin=0.5), [0.25, 0.5]
        )

    def test_equal_counts_give_equal_margins(self):
        np.testing.assert_allclose(compute_margins([9, 9], max_margin=0.3), 0.3)

    def test_bad_arguments(self):
        with pytest.raises(MethodError, match="Class 1 has no training image"):
            compute_margins([3, 0], max_margin=0.5)
        for bad in (-0.1, float("nan")):
            with pytest.raises(MethodError, match="max_margin"):
                compute_margins([3, 1], max_margin=bad)


class TestLDAM:
    def test_by_hand(self):
        # A margin of ln 2 halves the odds of the true class: 3 to 1, then 3 to 2.
        values = ldam([0], np.log([[3.0, 1.0]]), margins=[np.log(2), 0.0], scale=1.0)
        assert numbers(values)[0] == pytest.approx(np.log(5 / 3), rel=1e-6)

    def test_without_margins_it_is_cross_entropy_of_scaled_logits(self):
        values = ldam(LABELS, LOGITS, margins=np.zeros(3), scale=7.0)
        expected = -log_softmax(7 * LOGITS, axis=1)[np.arange(6), LABELS]
        np.testing.assert_allclose(numbers(values), expected, rtol=1e-5)

    def test_a_margin_only_adds_loss(self):
        plain = numbers(ldam(LABELS, LOGITS, margins=np.zeros(3), scale=30.0))
        assert (
            numbers(ldam(LABELS, LOGITS, margins=MARGINS, scale=30.0)) > plain
        ).all()

    @pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
    def test_bad_scale(self, scale):
        with pytest.raises(MethodError, match="scale"):
            LDAM([3, 1], scale=scale)


class TestLMF:
    def test_either_half_alone(self):
        large_margin = blend(alpha=1, beta=0, gamma=4)
        np.testing.assert_allclose(
            large_margin, numbers(ldam(LABELS, LOGITS, margins=MARGINS, scale=30.0))
        )
        focused = blend(alpha=0, beta=1, gamma=4)
        np.testing.assert_allclose(
            focused, numbers(focal(LABELS, LOGITS, gamma=4.0, variant="outside"))
        )

    def test_gamma_0_makes_the_focal_half_cross_entropy(self):
        values = blend(alpha=0, beta=1, gamma=0)
        expected = -log_softmax(LOGITS, axis=1)[np.arange(6), LABELS]
        np.testing.assert_allclose(values, expected, rtol=1e-5)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"alpha": -1.0}, "alpha of LMF"),
            ({"beta": float("nan")}, "beta of LMF"),
            ({"alpha": 0.0, "beta": 0.0}, "both 0"),
            ({"gamma": -0.5}, "gamma"),
            ({"scale": 0.0}, "scale"),
            ({"max_margin": -1.0}, "max_margin"),
            ({"class_weighting": "ins"}, "class weighting 'ins'"),
        ],
    )
    def test_bad_parameters(self, parameters, message):
        with pytest.raises(MethodError, match=message):
            LMF([3, 1], **parameters)
