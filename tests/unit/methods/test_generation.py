import numpy as np
import pytest

from core.errors import MethodError
from core.methods.generation import Between, plan_deepsmote

COUNTS = (40, 12, 3)
LABELS = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], COUNTS))


def plan(labels=LABELS, seed=0, **parameters):
    return plan_deepsmote(labels, np.random.default_rng(seed), **parameters)


@pytest.mark.parametrize(
    ("up_to", "new"), [(1.0, [0, 28, 37]), (0.5, [0, 8, 17]), (0.1, [0, 0, 1])]
)
def test_every_class_is_filled_up_to_a_share_of_the_largest(up_to, new):
    planned = plan(up_to=up_to)
    assert planned.new.tolist() == new
    assert len(planned) == len(LABELS) + sum(new)
    shown = planned.images_by_class(LABELS, 4)
    assert shown.tolist() == [*(np.array(COUNTS) + new), 0]


def test_labels_may_have_gaps():
    labels = np.array([1, 1, 1, 4, 4])
    assert plan(labels).images_by_class(labels, 5).tolist() == [0, 3, 0, 0, 3]


def test_the_seed_is_the_generators_and_the_side_a_multiple_of_8():
    assert plan().seed == plan().seed != plan(seed=1).seed
    assert [plan(side=side).side for side in (8, 20, 32, 63)] == [8, 16, 32, 56]


@pytest.mark.parametrize(
    ("labels", "parameters", "said"),
    [
        ([], {}, "no training images"),
        ([0, 0, 1], {}, "single training image"),
        ([0, 0, 1, 1], {"up_to": 0.0}, "'up_to'"),
        ([0, 0, 1, 1], {"form": "own"}, "form 'own'"),
    ],
)
def test_what_cannot_be_filled_up_is_refused(labels, parameters, said):
    with pytest.raises(MethodError, match=said):
        plan(np.array(labels), **parameters)


def test_a_class_with_one_image_that_is_not_filled_up_is_no_fault():
    assert plan(np.array([0, 0, 1]), up_to=0.5).new.tolist() == [0, 0]


def test_an_epoch_shows_all_real_and_all_generated_images():
    rows = np.array([3, 5, 9])
    between = Between(np.array([0, 2]), np.array([1, 0]), np.array([0.75, 0.5]))
    mixes = between.shuffled(rows, 20, np.random.default_rng(0))
    found = {
        int(row): (int(first), int(second), float(share), float(label_share))
        for row, first, second, share, label_share in zip(
            mixes.rows,
            mixes.first,
            mixes.second,
            mixes.share,
            mixes.label_share,
            strict=True,
        )
    }
    assert found == {
        3: (3, 3, 1, 1),
        5: (5, 5, 1, 1),
        9: (9, 9, 1, 1),
        20: (3, 5, 0.75, 0.75),
        21: (9, 3, 0.5, 0.5),
    }
    other = between.shuffled(rows, 20, np.random.default_rng(1))
    assert mixes.rows.tolist() != other.rows.tolist()
