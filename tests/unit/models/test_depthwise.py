"""Depthwise convolution by matrices is Keras's, forwards and backwards."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from core.methods.verification.gradients import evaluate, value_and_gradients
from core.models.depthwise import MOST_PAIRS, SmallMapDepthwise, place_pairs
from core.models.saved import load_model

# Height, width, kernel, stride.
SMALL = [
    (1, 1, 5, 1),
    (2, 2, 5, 1),
    (3, 3, 5, 1),
    (3, 3, 5, 2),
    (4, 4, 5, 1),
    (6, 6, 5, 1),
    (6, 6, 5, 2),
    (7, 7, 5, 2),
    (5, 5, 7, 1),
    (3, 4, (5, 7), 1),
]
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
RNG = np.random.default_rng(0)


def both(height, width, kernel, stride, **settings):
    """Ours and Keras's with the same weights, in float64."""
    settings = {"padding": "same", "dtype": "float64", **settings}
    pair = [
        kind(kernel, strides=stride, **settings)
        for kind in (SmallMapDepthwise, keras.layers.DepthwiseConv2D)
    ]
    for layer in pair:
        layer.build((None, height, width, 3))
    values = [RNG.normal(size=weight.shape) for weight in pair[0].weights]
    for layer in pair:
        layer.set_weights(values)
    return pair


def answers(layer, factors, *points, **how):
    """Outputs for maps and weights, and the slopes of their weighted sum by each."""

    def called(maps, *weights):
        return layer.stateless_call(list(weights), [], maps, **how)[0]

    _, slopes = value_and_gradients(lambda *p: ops.sum(factors * called(*p)), *points)
    return [evaluate(called, *points), *slopes]


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize(("height", "width", "kernel", "stride"), SMALL)
def test_outputs_and_gradients_are_those_of_keras(
    height, width, kernel, stride, use_bias
):
    ours, theirs = both(height, width, kernel, stride, use_bias=use_bias)
    assert ours.small_map is not None
    points = (RNG.normal(size=(4, height, width, 3)), *ours.get_weights())
    factors = RNG.normal(size=ours.compute_output_shape(points[0].shape))
    found = answers(ours, factors, *points, training=True)
    wanted = answers(theirs, factors, *points)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


def test_a_pixel_alone_meets_the_middle_of_the_kernel():
    pairs = place_pairs((1, 1), (5, 5), (1, 1))
    assert pairs.shape == (1, 1, 25)
    assert np.flatnonzero(pairs).tolist() == [12]


def test_a_pair_of_pixels_meets_one_place_or_none():
    pairs = place_pairs((6, 6), (5, 5), (2, 2))
    assert pairs.shape == (36, 9, 25)
    assert set(pairs.sum(axis=2).ravel()) == {0.0, 1.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": 3},
        {"height": 7, "width": 7},
        {"padding": "valid"},
        {"depth_multiplier": 2},
        {"dilation_rate": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_elsewhere_it_is_keras_own_way(changes):
    usual = {"height": 6, "width": 6, "kernel": 5, "stride": 1}
    assert both(**usual)[0].small_map is not None
    ours, theirs = both(**{**usual, **changes})
    assert ours.small_map is None
    maps = RNG.normal(size=(2, *(changes.get(s, 6) for s in ("height", "width")), 3))
    np.testing.assert_array_equal(ours(maps, training=True), theirs(maps))


def test_six_by_six_is_the_largest_map():
    assert 6**2 * 6**2 == MOST_PAIRS < 7**2 * 7**2


def test_maps_of_unknown_size_are_left_to_keras():
    layer = SmallMapDepthwise(5, padding="same")
    layer.build((None, None, None, 3))
    assert layer.small_map is None
    assert layer(np.ones((1, 4, 4, 3)), training=True).shape == (1, 4, 4, 3)


def test_in_use_and_frozen_it_is_keras_own_way():
    ours, theirs = both(3, 3, 5, 1)
    maps = RNG.normal(size=(2, 3, 3, 3))
    expected = np.asarray(theirs(maps))
    np.testing.assert_array_equal(ours(maps, training=False), expected)
    ours.trainable = False
    np.testing.assert_array_equal(ours(maps, training=True), expected)


def test_an_activation_follows():
    ours, theirs = both(3, 3, 5, 1, activation="relu")
    maps = RNG.normal(size=(2, 3, 3, 3))
    outputs = np.asarray(ours(maps, training=True))
    assert outputs.min() == 0
    np.testing.assert_allclose(outputs, theirs(maps), **CLOSE)


def test_in_half_precision_it_computes_in_it():
    ours, theirs = both(3, 3, 5, 1, dtype="mixed_bfloat16")
    maps = RNG.normal(size=(2, 3, 3, 3)).astype("f4")
    outputs = ours(maps, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    theirs = ops.cast(theirs(maps), "float32")
    np.testing.assert_allclose(
        ops.cast(outputs, "float32"), theirs, rtol=0.05, atol=0.3
    )


def test_saved_and_loaded_it_is_the_same(tmp_path: Path):
    maps = keras.Input((4, 4, 3))
    layer = SmallMapDepthwise(5, strides=2, padding="same", name="depthwise")
    model = keras.Model(maps, layer(maps))
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert isinstance(loaded.get_layer("depthwise"), SmallMapDepthwise)
    values = RNG.normal(size=(2, 4, 4, 3)).astype("f4")
    for training in (False, True):
        before, after = (m(values, training=training) for m in (model, loaded))
        np.testing.assert_array_equal(after, before)
