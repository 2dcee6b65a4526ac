import numpy as np
import pytest

from core.data.long_tail import class_counts, draw_long_tail, imbalance_ratio
from core.errors import DatasetError
from tests.unit.methods.reference import cases

WORDS = {"exp": "exponential", "step": "step"}


@pytest.mark.parametrize("case", cases("imbalance_profile"), ids=lambda c: c["id"])
def test_counts_are_those_of_the_originals(case):
    params, expected = case["params"], case["expected"]
    counts = class_counts(
        params["num_classes"],
        params["img_max"],
        params["rho"],
        WORDS[params["imb_type"]],
    )
    assert counts.tolist() == expected["class_counts"]
    assert counts.sum() == expected["total"]
    assert imbalance_ratio(counts) == pytest.approx(expected["realised_ratio"])


def test_ratio_one_keeps_every_class_whole():
    for profile in ("exponential", "step"):
        assert class_counts(3, 7, 1, profile).tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ratio": 0.5}, "ratio is 0.5"),
        ({"ratio": float("nan")}, "ratio is nan"),
        ({"ratio": 1000}, "leaves class"),
        ({"num_classes": 1}, "1 classes"),
        ({"profile": "pareto"}, "'pareto'"),
    ],
)
def test_what_cannot_be_is_said(change, said):
    arguments = {"num_classes": 4, "largest": 100, "ratio": 10, **change}
    with pytest.raises(DatasetError, match=said):
        class_counts(**arguments)


def test_the_draw_has_the_counts_and_depends_on_the_seed():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], 50))
    rows = draw_long_tail(labels, [50, 10, 3], seed=4)
    assert np.bincount(labels[rows]).tolist() == [50, 10, 3]
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, draw_long_tail(labels, [50, 10, 3], seed=4))
    other = draw_long_tail(labels, [50, 10, 3], seed=5)
    assert not np.array_equal(rows, other)


def test_a_steeper_profile_draws_some_of_what_a_flatter_one_does():
    labels = np.repeat([0, 1], 30)
    flat = draw_long_tail(labels, [30, 20], seed=0)
    assert set(draw_long_tail(labels, [30, 5], seed=0)) <= set(flat)


def test_too_few_images_of_a_class_are_said():
    with pytest.raises(DatasetError, match="Class 1 has 2 images") as error:
        draw_long_tail(np.array([0, 0, 1, 1]), [2, 3], seed=0)
    assert error.value.expected == "at least 3."


def test_a_class_is_called_by_its_name():
    names = ("cat", "deer")
    with pytest.raises(DatasetError, match="Class 'deer' has 1 image\\."):
        draw_long_tail(np.array([0, 0, 1]), [2, 3], seed=0, names=names)
    with pytest.raises(DatasetError, match="leaves class 'deer' no image of 100"):
        class_counts(2, 100, 1000, names=names)
