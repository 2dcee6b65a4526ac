"""The convolutional network: each of its parts does what its name says."""

import keras
import numpy as np
import pytest

from core.errors import StudyError
from core.models.backbones import build_backbone
from core.models.cnn import CNNOptions, build_cnn

SIZE = 16
SMALL = {"filters": [4], "dense": [6]}


def build(**options):
    return build_backbone("cnn", image_size=SIZE, weights="none", options=options)


def layers(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def parameters(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_the_first_of_the_breeds_study_has_the_parameters_of_the_sum():
    model = build_cnn(SIZE, CNNOptions(), momentum=0.9)
    # conv 3x3x3 to 32, pool 2, 8x8 maps laid flat, dense 128.
    assert parameters(model) == (27 + 1) * 32 + (8 * 8 * 32 + 1) * 128
    assert model.output_shape == (None, 128)


def test_pixels_are_scaled_inside():
    model = build(**SMALL)
    first = layers(model, keras.layers.Conv2D)[0]
    pixels = np.array([0, 127.5, 255], "f4") * np.ones((1, SIZE, SIZE, 3), "f4")
    given = np.asarray(keras.Model(model.input, first.input)(pixels))
    np.testing.assert_allclose(given[0, 0, 0], [-1, 0, 1], atol=1e-6)


def test_filters_and_kernel_are_of_the_convolutions():
    model = build(filters=[4, 8], kernel=5, dense=[])
    kernels = [tuple(la.kernel.shape) for la in model.layers if hasattr(la, "kernel")]
    assert kernels == [(5, 5, 3, 4), (5, 5, 4, 8)]


@pytest.mark.parametrize(
    ("options", "side"),
    [({}, 8), ({"pool": 4}, 4), ({"pool_stride": 1}, 16), ({"pool_stride": 4}, 4)],
)
def test_pooling_makes_the_maps_smaller(options, side):
    (pooling,) = layers(build(**SMALL, **options), keras.layers.MaxPooling2D)
    assert pooling.output.shape[1:3] == (side, side)


def test_maps_smaller_than_the_window_are_pooled_still():
    model = build(filters=[2] * 6, pool=4, dense=[3])
    assert np.isfinite(model.predict_on_batch(np.ones((1, SIZE, SIZE, 3)))).all()


def test_dense_layers_and_their_activation():
    model = build(filters=[4], dense=[7, 5], activation="tanh")
    dense = layers(model, keras.layers.Dense)
    assert [layer.units for layer in dense] == [7, 5]
    assert {layer.activation for layer in dense} == {keras.activations.tanh}
    (activation,) = layers(model, keras.layers.Activation)
    assert activation.activation is keras.activations.tanh


def test_without_dense_layers_the_maps_are_the_features():
    assert build(filters=[4], dense=[]).output_shape == (None, 8 * 8 * 4)


def test_dropout_is_after_each_part():
    drops = layers(build(filters=[4, 4], dense=[6], dropout=0.25), keras.layers.Dropout)
    assert [layer.rate for layer in drops] == [0.25] * 3
    assert layers(build(**SMALL), keras.layers.Dropout) == []


def test_batch_norm_is_before_the_activation_and_takes_the_bias():
    model = build(**SMALL, batch_norm=True)
    (norm,) = layers(model, keras.layers.BatchNormalization)
    (convolution,) = layers(model, keras.layers.Conv2D)
    assert norm.input is convolution.output
    assert norm.momentum == 0.9
    assert not convolution.use_bias
    assert layers(build(**SMALL), keras.layers.Conv2D)[0].use_bias


def test_the_average_of_each_map():
    model = build(filters=[4], dense=[], summary="average")
    (pooling,) = layers(model, keras.layers.MaxPooling2D)
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3))
    maps = np.asarray(keras.Model(model.input, pooling.output)(pixels))
    expected = maps.mean(axis=(1, 2))
    np.testing.assert_allclose(model.predict_on_batch(pixels), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"filter": [32]}, "'filter' is not a known key"),
        ({"filters": []}, "'filters'"),
        ({"filters": [0]}, "'filters.0'"),
        ({"kernel": 0}, "'kernel'"),
        ({"kernel": 3.0}, "'kernel'"),
        ({"pool_stride": 0}, "'pool_stride'"),
        ({"dense": [128, -1]}, "'dense.1'"),
        ({"dropout": 1.0}, "'dropout'"),
        ({"batch_norm": 1}, "'batch_norm'"),
        ({"activation": "softmax"}, "'activation'"),
        ({"summary": "max"}, "'summary'"),
    ],
)
def test_a_wrong_option_is_named(options, named):
    with pytest.raises(StudyError) as caught:
        build(**options)
    assert "'cnn' cannot use these options" in caught.value.problem
    assert named in caught.value.problem
    assert "filters" in caught.value.expected
