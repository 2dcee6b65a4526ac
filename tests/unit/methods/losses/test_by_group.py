"""Objectives over groups, against the papers' rules written out in NumPy."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from core.errors import MethodError
from core.methods.losses.by_group import FairnessPenalty, GroupDRO
from core.models.build import TrainingModel
from tests.unit.methods.reference import value_and_gradient

COUNTS = [70, 20, 10]


def binary():
    return keras.losses.BinaryCrossentropy(from_logits=True)


def number(tensor):
    return float(ops.convert_to_numpy(tensor))


def cross_entropy(labels, logits):
    p = 1 / (1 + np.exp(-logits))
    return -np.where(labels == 1, np.log(p), np.log(1 - p))


def batch(rng, n=12, groups=3):
    labels = rng.integers(0, 2, n)
    logits = rng.normal(size=n)
    return labels, logits, rng.integers(0, groups, n)


def stacked(labels, groups):
    return np.column_stack([labels, groups]).astype("float32")


def call(objective, labels, logits, groups, weights=None):
    return number(
        objective(stacked(labels, groups), logits[:, None].astype("float32"), weights)
    )


def test_the_penalty_by_hand():
    # Losses at logit 0 are ln 2; at 2 of a positive ln(1 + e^-2).
    labels, logits = np.array([1, 1, 0, 1]), np.array([2.0, 2.0, 0.0, 0.0])
    groups = np.array([0, 0, 1, 1])
    low, high = np.log1p(np.exp(-2)), np.log(2)
    loss = FairnessPenalty(binary(), [2, 2], strength=3.0)
    expected = (low + high) / 2 + 3 * (high - low)
    assert call(loss, labels, logits, groups) == pytest.approx(expected, rel=1e-5)


def test_of_several_groups_the_largest_less_the_smallest():
    values = np.array([0.0, 4.0, 1.0, 1.0])
    error = keras.losses.MeanAbsoluteError()
    loss = FairnessPenalty(error, [1, 1, 2], strength=0.5)
    target = stacked(np.zeros(4), [0, 1, 2, 2])
    # Mean 1.5; group means 0, 4 and 1.
    assert number(loss(target, values[:, None])) == pytest.approx(1.5 + 0.5 * 4)


@pytest.mark.parametrize("present", [[1, 1, 1, 1], [0, 0, 2, 2]])
def test_a_group_that_is_missing_has_no_part_in_the_penalty(present):
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 2, 4), rng.normal(size=4)
    groups = np.array(present)
    each = cross_entropy(labels, logits)
    means = [each[groups == g].mean() for g in set(present)]
    loss = FairnessPenalty(binary(), COUNTS, strength=2.0)
    expected = each.mean() + 2 * (max(means) - min(means))
    assert call(loss, labels, logits, groups) == pytest.approx(expected, rel=1e-5)


def test_weights_weigh_the_mean_and_images_within_their_group():
    rng = np.random.default_rng(1)
    labels, logits, groups = batch(rng, groups=2)
    weights = rng.uniform(0.1, 3, 12)
    each = cross_entropy(labels, logits)
    means = [
        np.average(each[groups == g], weights=weights[groups == g]) for g in (0, 1)
    ]
    loss = FairnessPenalty(binary(), [50, 50], strength=1.5)
    expected = (weights * each).mean() + 1.5 * np.ptp(means)
    found = call(loss, labels, logits, groups, weights.astype("float32"))
    assert found == pytest.approx(expected, rel=1e-5)


def test_group_weights_do_not_move_the_gap():
    rng = np.random.default_rng(2)
    labels, logits, groups = batch(rng, groups=2)
    by_group = np.where(groups == 0, 0.1, 1.0).astype("float32")
    gaps = []
    for weights in (None, by_group):
        plain, strong = (
            call(
                FairnessPenalty(binary(), [5, 5], strength=s),
                labels,
                logits,
                groups,
                weights,
            )
            for s in (0.0, 1.0)
        )
        gaps.append(strong - plain)
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-4)


class Reference:
    """Algorithm 1 of Sagawa et al. on mini-batches, q itself multiplied."""

    def __init__(self, counts, step_size, adjustment):
        self.q = np.full(len(counts), 1 / len(counts))
        self.counts = np.array(counts)
        self.step_size, self.adjustment = step_size, adjustment

    def __call__(self, each, groups, weights):
        loss = np.zeros(len(self.q))
        for g in np.unique(groups):
            mine = groups == g
            loss[g] = np.average(each[mine], weights=weights[mine])
            raised = loss[g] + self.adjustment / np.sqrt(self.counts[g])
            self.q[g] *= np.exp(self.step_size * raised)
        self.q /= self.q.sum()
        return self.q @ loss


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    step_size=st.floats(0, 1),
    adjustment=st.floats(0, 5),
    weighted=st.booleans(),
)
def test_shares_and_loss_are_the_papers(seed, step_size, adjustment, weighted):
    rng = np.random.default_rng(seed)
    loss = GroupDRO(binary(), COUNTS, step_size=step_size, adjustment=adjustment)
    reference = Reference(COUNTS, step_size, adjustment)
    for _ in range(5):
        # Seven images of three groups: now and then one is missing.
        labels, logits, groups = batch(rng, n=7)
        weights = rng.uniform(0.5, 2, 7) if weighted else np.ones(7)
        expected = reference(cross_entropy(labels, logits), groups, weights)
        found = call(loss, labels, logits, groups, weights.astype("float32"))
        assert found == pytest.approx(expected, rel=1e-4)
        shares = ops.convert_to_numpy(loss.shares.shares)
        np.testing.assert_allclose(shares, reference.q, rtol=1e-4)


def test_without_steps_every_group_counts_the_same():
    rng = np.random.default_rng(3)
    labels, logits, groups = batch(rng, n=30)
    each = cross_entropy(labels, logits)
    expected = np.mean([each[groups == g].mean() for g in range(3)])
    loss = GroupDRO(binary(), COUNTS, step_size=0.0, adjustment=4.0)
    assert call(loss, labels, logits, groups) == pytest.approx(expected, rel=1e-5)


def test_validation_is_the_base_loss_and_moves_no_share():
    rng = np.random.default_rng(4)
    labels, logits, _ = batch(rng)
    for objective in (GroupDRO, FairnessPenalty):
        loss = objective(binary(), COUNTS)
        found = number(loss(labels[:, None].astype("float32"), logits[:, None]))
        expected = cross_entropy(labels, logits).mean()
        assert found == pytest.approx(expected, rel=1e-5)
        if objective is GroupDRO:
            shares = ops.convert_to_numpy(loss.shares.shares)
            np.testing.assert_allclose(shares, 1 / 3, rtol=1e-6)


@pytest.mark.parametrize("objective", [GroupDRO, FairnessPenalty])
@pytest.mark.parametrize("present", [[0, 1, 2, 2], [1, 1, 1, 1]])
def test_gradients_stay_finite_where_logits_are_extreme(objective, present):
    labels = np.array([0, 1, 0, 1])
    target = stacked(labels, present)
    logits = np.array([[50.0], [-50.0], [-50.0], [50.0]])
    value, gradient = value_and_gradient(
        lambda z: objective(binary(), COUNTS)(target, z), logits
    )
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_the_gradient_of_a_group_is_its_share():
    # Of the sum of the group's logits' gradients, q is the factor; it has none itself.
    target = stacked(np.zeros(4), [0, 0, 1, 1])
    error = keras.losses.MeanAbsoluteError()
    loss = GroupDRO(error, [2, 2], step_size=1.0)
    output = np.array([[1.0], [1.0], [3.0], [3.0]])
    _, gradient = value_and_gradient(lambda y: loss(target, y), output)
    q = np.exp([1.0, 3.0]) / np.exp([1.0, 3.0]).sum()
    np.testing.assert_allclose(gradient.ravel(), np.repeat(q / 2, 2), rtol=1e-5)


@pytest.mark.parametrize(
    "made",
    [
        GroupDRO(binary(), COUNTS, step_size=0.5, adjustment=2.0),
        FairnessPenalty(binary(), COUNTS, strength=0.3),
    ],
    ids=["dro", "penalty"],
)
def test_a_copy_from_its_configuration_is_the_same(made):
    again = keras.losses.deserialize(keras.losses.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


def test_another_base_shares_the_state():
    loss = GroupDRO(binary(), COUNTS)
    other = loss.over(keras.losses.BinaryFocalCrossentropy(from_logits=True))
    assert other.shares is loss.shares
    assert other.base is not loss.base


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([5], "The training images are all of one group."),
        ([94, 94, 0, 93], "1 of 4 groups has no training image."),
        ([5, 0, 0], "2 of 3 groups have no training image."),
        ([[1, 2]], "not one number for each"),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(counts, said):
    with pytest.raises(MethodError, match=said) as error:
        FairnessPenalty(binary(), counts)
    assert "[" not in str(error.value)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_bad_parameters_are_refused(bad):
    with pytest.raises(MethodError, match="strength"):
        FairnessPenalty(binary(), COUNTS, strength=bad)
    with pytest.raises(MethodError, match="step size"):
        GroupDRO(binary(), COUNTS, step_size=bad)
    with pytest.raises(MethodError, match="adjustment"):
        GroupDRO(binary(), COUNTS, adjustment=bad)


def test_a_training_moves_the_shares_and_its_validation_does_not():
    rng = np.random.default_rng(5)
    labels, logits, groups = batch(rng, n=28)
    loss = GroupDRO(binary(), COUNTS, step_size=0.7, adjustment=1.0)
    inputs = keras.Input((1,))
    model = TrainingModel(inputs, Same()(inputs), loss.learned)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
    given = logits[:, None].astype("float32")
    plain = labels[:, None].astype("float32")
    model.fit(
        given,
        stacked(labels, groups),
        validation_data=(given, plain),
        batch_size=7,
        shuffle=False,
        verbose=0,
    )
    reference = Reference(COUNTS, 0.7, 1.0)
    each = cross_entropy(labels, logits)
    for start in range(0, 28, 7):
        part = slice(start, start + 7)
        reference(each[part], groups[part], np.ones(7))
    (state,) = (v for v in model.non_trainable_variables if v.name == "log_q")
    shares = np.exp(ops.convert_to_numpy(state))
    np.testing.assert_allclose(shares, reference.q, rtol=1e-4)


class Same(keras.layers.Layer):
    """Gives back what it is given, and has a weight that nothing moves."""

    def build(self, shape):
        self.weight = self.add_weight(name="none", shape=(1,), initializer="zeros")

    def call(self, x):
        return x + 0.0 * self.weight
