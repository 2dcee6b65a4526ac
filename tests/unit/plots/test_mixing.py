import numpy as np
import pytest

from core.data.generated_images import GeneratedSample
from core.methods.mixing import cmo, mixup, remix
from core.plots.mixing import (
    choose_mixed,
    counts_table,
    say_labels,
    takeaway_counts,
    takeaway_sample,
)

LABELS = np.repeat([0, 1, 2], [80, 30, 10])
CLASSES = ("grey", "red", "none")


def test_counts_before_and_after():
    table = counts_table(CLASSES, np.array([80, 30, 10]), np.array([80.0, 80, 20]))
    assert table["class"].tolist() == [*CLASSES, "all"]
    assert table["in an epoch"].tolist() == [80, 80, 20, 180]
    np.testing.assert_allclose(table["times"], [1, 80 / 30, 2, 1.5])
    assert takeaway_counts(table, "It") == (
        "It shows the largest class 4.0 times as often as the smallest, where it has "
        "8.0 times as many images; an epoch is 1.5 times as long."
    )


def test_classes_that_become_equal_are_said():
    table = counts_table(CLASSES, np.array([80, 30, 10]), np.array([80.0, 80, 80]))
    assert takeaway_counts(table, "DeepSMOTE") == (
        "DeepSMOTE shows every class as often, where the largest has 8.0 times as many "
        "images as the smallest; an epoch is 2.0 times as long."
    )


def test_an_imbalance_that_stays_is_said():
    before = np.array([80, 30, 10])
    table = counts_table(CLASSES, before, before.astype(float))
    assert takeaway_counts(table, "Mixup") == (
        "Mixup leaves the imbalance as it is: the largest class has 8.0 times as many "
        "images as the smallest; an epoch is as long as without."
    )


def test_mixed_images_to_look_at_are_of_two_classes_and_several_batches():
    mixes = cmo(LABELS, np.random.default_rng(0), batch_size=10, probability=1.0)
    chosen = choose_mixed(mixes, LABELS, most=4)
    assert len(chosen) == 4
    assert mixes.is_mixed[chosen].all()
    assert (LABELS[mixes.first[chosen]] != LABELS[mixes.second[chosen]]).all()
    assert ((mixes.share[chosen] >= 0.1) & (mixes.share[chosen] <= 0.9)).all()
    assert len(set(mixes.share[chosen])) == 4


def test_of_one_class_or_none_mixed_there_is_what_there_is():
    same = np.zeros(20, dtype=np.int64)
    assert len(choose_mixed(mixup(same, np.random.default_rng(0)), same, most=3)) == 3
    none = mixup(same, np.random.default_rng(0), alpha=0.0)
    assert len(choose_mixed(none, same, most=3)) == 0


def test_labels_of_a_mix_in_words():
    mixes = remix(LABELS, np.random.default_rng(1), batch_size=20)
    for place in range(len(mixes)):
        first, second = (CLASSES[LABELS[r[place]]] for r in (mixes.first, mixes.second))
        share = mixes.label_share[place]
        said = say_labels(mixes, place, LABELS, CLASSES).replace("\u00a0", " ")
        if first == second or share == 1:
            assert said == first
        elif share == 0:
            assert said == second
        else:
            assert (
                said
                == f"{100 * share:.0f} % {first}, {100 - 100 * share:.0f} % {second}"
            )


@pytest.mark.parametrize(
    ("nearest", "said"),
    [
        ([20.0, 22.0, 9.0], "none is so near to a real one that it would be a copy"),
        ([20.0, 22.0, 1.0], "1 of 3 are so near to a real one that they may be copies"),
    ],
)
def test_copies_are_told_by_what_lies_between_real_images(nearest, said):
    ids = np.array(["a", "b", "c"])
    sample = GeneratedSample(
        images=np.zeros((3, 8, 8, 3), dtype=np.uint8),
        classes=np.array(["red", "red", "none"]),
        first_id=ids,
        second_id=ids,
        share=np.full(3, 0.5),
        nearest_id=ids,
        distance=np.array(nearest),
        real_distance=np.array([30.0, 30.0, 12.0]),
        on=np.array(["hair"]),
    )
    words = takeaway_sample(sample)
    assert "red 21 (real to real: 30)" in words
    assert words.endswith(f"Of those shown, {said}.")
