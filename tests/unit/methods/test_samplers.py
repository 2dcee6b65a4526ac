import numpy as np
import pytest

from core.errors import MethodError
from core.methods.samplers import undersample_majority

LABELS = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], [40, 100, 7]))


def draw(seed=0, labels=LABELS, **parameters):
    return undersample_majority(labels, np.random.default_rng(seed), **parameters)


@pytest.mark.parametrize(
    ("keep", "kept"), [(0.5, 50), (0.1, 10), (1.0, 100), (0.001, 1)]
)
def test_keeps_a_share_of_the_majority_and_all_others(keep, kept):
    rows = draw(keep=keep)
    assert [int((LABELS[rows] == k).sum()) for k in range(3)] == [40, kept, 7]


def test_rows_ascend_without_repeats():
    rows = draw()
    assert (np.diff(rows) > 0).all()
    assert rows.dtype == np.int64


def test_same_state_same_rows_and_every_epoch_others():
    rng = np.random.default_rng(3)
    first, second = (undersample_majority(LABELS, rng) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, draw(seed=3))


def test_over_many_epochs_every_row_is_drawn_about_equally_often():
    rng = np.random.default_rng(0)
    drawn = np.zeros(len(LABELS))
    for _ in range(200):
        drawn[undersample_majority(LABELS, rng)] += 1
    assert (drawn[LABELS != 1] == 200).all()
    # Five standard deviations of a binomial of 200 draws at a half.
    assert np.abs(drawn[LABELS == 1] - 100).max() < 5 * np.sqrt(200 / 4)


def test_labels_may_be_names_and_the_first_of_equals_is_the_majority():
    labels = np.array(["b", "a", "b", "a", "c"])
    rows = draw(labels=labels, keep=0.5)
    assert sorted(labels[rows]) == ["a", "b", "b", "c"]


def test_a_single_class_is_drawn_from_too():
    rows = draw(labels=np.zeros(10, dtype=int), keep=0.3)
    assert len(np.unique(rows)) == 3


@pytest.mark.parametrize("keep", [0.0, -0.5, 1.1, float("nan")])
def test_bad_share(keep):
    with pytest.raises(MethodError, match="'keep'"):
        draw(keep=keep)


def test_no_labels():
    with pytest.raises(MethodError, match="no training images"):
        draw(labels=[])
