from collections.abc import Callable
from typing import Any

import numpy as np

from core.data.batches import Batches, Mixing, Rows, Stacked, shuffled_rows
from core.methods.mixing import Mixes


def _batches(
    drop_last: bool = False,
    first_epoch: int = 0,
    places: Callable[[int, Rows], Rows] | None = None,
) -> Batches:
    n = 10
    images = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3))
    return Batches(
        images.astype(np.uint8),
        {"age": np.arange(n)},
        {"age": np.arange(n) / 10},
        rows=shuffled_rows(np.arange(2, 9), seed=5),
        batch_size=3,
        places=places,
        drop_last=drop_last,
        first_epoch=first_epoch,
    )


def test_images_targets_and_weights_stay_together() -> None:
    batches = _batches()
    seen = []
    for i in range(len(batches)):
        images, targets, weights = batches[i]
        np.testing.assert_array_equal(images[:, 0, 0, 0], targets["age"])
        np.testing.assert_array_equal(weights["age"], targets["age"] / 10)
        seen += targets["age"].tolist()
    assert sorted(seen) == list(range(2, 9))


def test_incomplete_batch_can_be_dropped() -> None:
    assert len(_batches()) == 3
    assert len(_batches(drop_last=True)) == 2


def test_resumed_epochs_are_those_of_an_unbroken_training() -> None:
    unbroken = _batches()
    unbroken.on_epoch_end()
    unbroken.on_epoch_end()
    resumed = _batches(first_epoch=2)
    assert unbroken[0][1]["age"].tolist() == resumed[0][1]["age"].tolist()
    assert _batches()[0][1]["age"].tolist() != resumed[0][1]["age"].tolist()


def test_images_may_lie_in_other_places_than_targets() -> None:
    batches = _batches(places=lambda epoch, rows: (rows + epoch + 1) % 10)
    for epoch in range(2):
        for i in range(len(batches)):
            images, targets, _ = batches[i]
            expected = (targets["age"] + epoch + 1) % 10
            np.testing.assert_array_equal(images[:, 0, 0, 0], expected)
        batches.on_epoch_end()


def _mixed(weights: tuple[float, float] = (1.0, 1.0)) -> tuple[Any, Any, Any]:
    """One batch of two images: 1 with a quarter of 0's pixels, and 0 as it is."""
    mixes = Mixes(
        rows=np.array([1, 0]),
        first=np.array([1, 0]),
        second=np.array([0, 0]),
        share=np.array([0.75, 1.0]),
        label_share=np.array([0.5, 1.0]),
        keep=np.array([0.0, 1.0]),
        boxes=np.array([[0, 0, 1, 2], [0, 0, 0, 0]]),
    )
    ages = np.array([[10.0], [50.0]], dtype=np.float32)
    classes = np.array([3, 2], dtype=np.int32)
    weight = np.array(weights, dtype=np.float32)
    batches = Batches(
        np.zeros((2, 2, 2, 3), dtype=np.uint8),
        {"age": ages, "hair": classes, "glasses": classes[:, None] - 2.0},
        dict.fromkeys(("age", "hair", "glasses"), weight),
        rows=lambda _: mixes.rows,
        batch_size=2,
        first_input="first",
        mixing=Mixing(
            lambda _: mixes,
            paired=["hair", "glasses"],
            leaning=["hair"],
            inputs=("second", "plan"),
        ),
    )
    return batches[0]


def test_mixed_images_have_both_labels_and_the_mean_of_a_number() -> None:
    inputs, targets, weights = _mixed()
    assert list(inputs) == ["first", "second", "plan"]
    np.testing.assert_array_equal(inputs["plan"], [[0, 0, 0, 1, 2], [1, 0, 0, 0, 0]])
    np.testing.assert_allclose(targets["age"], [[40], [10]])
    np.testing.assert_allclose(targets["hair"], [[2, 3, 0.5], [3, 3, 1]])
    np.testing.assert_allclose(targets["glasses"], [[0, 1, 0.75], [1, 1, 1]])
    for values in weights.values():
        np.testing.assert_allclose(values, [1, 1])


def test_each_label_counts_by_the_weight_of_its_own_image() -> None:
    _, targets, weights = _mixed((4.0, 1.0))
    np.testing.assert_allclose(weights["glasses"], [0.75 * 1 + 0.25 * 4, 4])
    np.testing.assert_allclose(weights["hair"], [0.5 * 1 + 0.5 * 4, 4])
    share = targets["glasses"][:, 2]
    np.testing.assert_allclose(weights["glasses"] * share, [0.75 * 1, 4])
    np.testing.assert_allclose(weights["glasses"] * (1 - share), [0.25 * 4, 0])


def test_labels_without_weight_stay_finite() -> None:
    _, targets, weights = _mixed((0.0, 0.0))
    assert weights["hair"].tolist() == [0, 0]
    np.testing.assert_allclose(targets["hair"][:, 2], [0.5, 1])


def test_two_arrays_are_looked_up_as_one() -> None:
    numbers = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3))
    both = numbers.astype(np.uint8)
    found = Stacked(both[:4], both[4:])[np.array([6, 0, 3, 4])]
    assert found[:, 0, 0, 0].tolist() == [6, 0, 3, 4]
    assert (found.dtype, found.shape) == (np.uint8, (4, 2, 2, 3))
