from collections.abc import Callable

import numpy as np

from core.data.batches import Batches, Rows, shuffled_rows


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
