import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MethodError
from core.methods.samplers import (
    balance_batches,
    oversample,
    sample_classes_by_power,
    sample_classes_by_square_root,
    sample_classes_evenly,
    undersample_majority,
    undersample_to_smallest,
)

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


def counts_of(rows, labels=LABELS):
    return np.bincount(labels[rows], minlength=3)


class TestOversample:
    def test_every_class_reaches_the_largest_and_nothing_is_lost(self):
        rows = oversample(LABELS, np.random.default_rng(0))
        np.testing.assert_array_equal(counts_of(rows), 100)
        shown = np.bincount(rows, minlength=len(LABELS))
        assert shown.min() == 1
        assert (shown[LABELS == 1] == 1).all()
        assert (np.diff(rows) >= 0).all()
        assert rows.dtype == np.int64

    def test_other_images_are_repeated_at_every_epoch(self):
        rng = np.random.default_rng(3)
        first, second = (oversample(LABELS, rng) for _ in range(2))
        assert not np.array_equal(first, second)
        again = oversample(LABELS, np.random.default_rng(3))
        np.testing.assert_array_equal(first, again)

    def test_over_many_epochs_every_rare_image_is_repeated_about_equally_often(self):
        rng = np.random.default_rng(0)
        drawn = sum(
            np.bincount(oversample(LABELS, rng), minlength=len(LABELS))
            for _ in range(200)
        )
        # 93 more draws of 7 images: five standard deviations of a binomial.
        expected, spread = 200 * (1 + 93 / 7), np.sqrt(200 * 93 / 7 * 6 / 7)
        assert np.abs(drawn[LABELS == 2] - expected).max() < 5 * spread

    def test_names_and_a_single_class(self):
        rows = oversample(np.array(["b", "a", "b"]), np.random.default_rng(0))
        np.testing.assert_array_equal(rows, [0, 1, 1, 2])
        rows = oversample(np.zeros(4, dtype=int), np.random.default_rng(0))
        np.testing.assert_array_equal(rows, np.arange(4))


POWERS = pytest.mark.parametrize(
    ("sample", "power"),
    [(sample_classes_evenly, 0.0), (sample_classes_by_square_root, 0.5)],
)


class TestSamplingByPower:
    @POWERS
    def test_every_class_gets_its_share_of_as_many_draws(self, sample, power):
        share = np.array([40, 100, 7]) ** power
        share = 147 * share / share.sum()
        rng = np.random.default_rng(0)
        counts = np.array([counts_of(sample(LABELS, rng)) for _ in range(400)])
        np.testing.assert_array_equal(counts.sum(axis=1), 147)
        assert (np.abs(counts - share) < 1).all()
        # Rounding has a standard deviation of at most a half.
        assert np.abs(counts.mean(axis=0) - share).max() < 5 * 0.5 / np.sqrt(400)

    @POWERS
    def test_within_a_class_every_image_has_its_turn(self, sample, power):
        rows = sample(LABELS, np.random.default_rng(1))
        shown = np.bincount(rows, minlength=len(LABELS))
        for label in range(3):
            assert np.ptp(shown[np.equal(LABELS, label)]) <= 1
        assert shown[LABELS == 2].min() >= 1
        assert (np.diff(rows) >= 0).all()
        assert rows.dtype == np.int64

    @POWERS
    def test_same_state_same_rows_and_every_epoch_others(self, sample, power):
        rng = np.random.default_rng(3)
        first, second = (sample(LABELS, rng) for _ in range(2))
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(first, sample(LABELS, np.random.default_rng(3)))

    @POWERS
    @pytest.mark.parametrize("many", [1, 50, 5000])
    def test_no_class_is_left_out(self, sample, power, many):
        labels = np.concatenate([np.zeros(many, dtype=int), np.arange(1, 40)])
        for seed in range(20):
            rows = sample(labels, np.random.default_rng(seed))
            assert len(rows) == len(labels)
            assert set(labels[rows]) == set(range(40))

    def test_over_many_epochs_every_image_of_a_class_is_drawn_about_as_often(self):
        rng = np.random.default_rng(0)
        drawn = np.zeros(len(LABELS))
        for _ in range(300):
            np.add.at(drawn, sample_classes_evenly(LABELS, rng), 1)
        # 49 of the 100 images of the largest class at every epoch.
        spread = np.sqrt(300 * 0.49 * 0.51)
        assert np.abs(drawn[LABELS == 1] - 147).max() < 5 * spread

    def test_power_1_shows_every_image_once(self):
        rows = sample_classes_by_power(LABELS, np.random.default_rng(0), power=1.0)
        np.testing.assert_array_equal(rows, np.arange(len(LABELS)))

    @pytest.mark.parametrize("power", [-0.1, 1.5, float("nan")])
    def test_bad_power(self, power):
        with pytest.raises(MethodError, match="power is"):
            sample_classes_by_power(LABELS, np.random.default_rng(0), power=power)


@pytest.mark.parametrize(
    "sample", [oversample, sample_classes_evenly, sample_classes_by_square_root]
)
def test_nothing_to_draw_from(sample):
    with pytest.raises(MethodError, match="no training images"):
        sample([], np.random.default_rng(0))


def test_every_class_is_cut_to_the_smallest():
    rows = undersample_to_smallest(LABELS, np.random.default_rng(0))
    assert np.bincount(LABELS[rows]).tolist() == [7, 7, 7]
    assert (np.diff(rows) > 0).all()
    assert set(np.flatnonzero(LABELS == 2)) <= set(rows)


def test_one_class_has_no_smaller_one():
    rows = undersample_to_smallest(np.zeros(5), np.random.default_rng(0))
    np.testing.assert_array_equal(rows, np.arange(5))


@settings(max_examples=50, deadline=None)
@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    batch_size=st.integers(6, 40),
    seed=st.integers(0, 2**16),
)
def test_each_batch_holds_each_class_in_equal_shares(counts, batch_size, seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    rows = balance_batches(labels, rng, batch_size=batch_size)
    assert len(rows) == len(labels)
    for start in range(0, len(rows), batch_size):
        batch = labels[rows[start : start + batch_size]]
        assert np.ptp(np.bincount(batch, minlength=len(counts))) <= 1
    # Over the epoch too, within a class no image once more than another.
    assert np.ptp(np.bincount(labels[rows], minlength=len(counts))) <= 1
    shown = np.bincount(rows, minlength=len(labels))
    for label in range(len(counts)):
        assert np.ptp(shown[labels == label]) <= 1


def test_a_batch_without_room_for_every_class_is_refused():
    with pytest.raises(MethodError, match="batch of 2 has no room for 3 groups"):
        balance_batches(LABELS, np.random.default_rng(0), batch_size=2)
