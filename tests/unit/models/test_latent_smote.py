"""Which pictures a new one lies between, and that it is SMOTE's."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from scipy.spatial.distance import cdist

from core.methods.generation import plan_deepsmote
from core.models.latent_smote import interpolate

COUNTS = (60, 20, 4)
LABELS = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], COUNTS))
CODES = np.random.default_rng(6).normal(size=(84, 8)) + 3 * LABELS[:, None]


def plan(**parameters):
    return plan_deepsmote(LABELS, np.random.default_rng(0), **parameters)


def test_new_points_lie_between_neighbours_of_their_class():
    planned = plan(neighbours=5)
    between = interpolate(CODES, planned)
    classes = np.repeat(np.arange(3), planned.new)
    np.testing.assert_array_equal(LABELS[between.first], classes)
    np.testing.assert_array_equal(LABELS[between.second], classes)
    assert ((between.share >= 0.5) & (between.share <= 1)).all()
    assert (between.first != between.second).all()
    for label in (1, 2):
        own = np.flatnonzero(np.equal(LABELS, label))
        apart = cdist(CODES[own], CODES[own])
        rank = {
            a: {b: place for place, b in enumerate(own[np.argsort(distances)])}
            for a, distances in zip(own, apart, strict=True)
        }
        near = min(5, len(own) - 1)
        # One of them is the base, and the other among its neighbours.
        assert all(
            min(rank[a][b], rank[b][a]) <= near
            for a, b in zip(between.first, between.second, strict=True)
            if LABELS[a] == label
        )


def test_the_points_are_those_of_smote_on_the_codes():
    planned = plan(neighbours=3)
    between = interpolate(CODES, planned)
    share = between.share[:, None]
    found = share * CODES[between.first] + (1 - share) * CODES[between.second]
    expected = []
    for label, own in ((1, 20), (2, 4)):
        smote = SMOTE(
            sampling_strategy={label: own + int(planned.new[label])},
            k_neighbors=3,
            random_state=planned.seed + label,
        )
        expected.append(smote.fit_resample(CODES, LABELS)[0][len(LABELS) :])
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-9)


def test_a_class_of_two_has_one_neighbour():
    labels = np.array([0] * 6 + [1] * 2)
    planned = plan_deepsmote(labels, np.random.default_rng(0))
    between = interpolate(CODES[:8], planned)
    assert {*between.first, *between.second} == {6, 7}


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 0, 0]])
def test_nothing_to_fill_up(labels):
    planned = plan_deepsmote(np.array(labels), np.random.default_rng(0))
    assert len(interpolate(CODES[: len(labels)], planned).first) == 0
