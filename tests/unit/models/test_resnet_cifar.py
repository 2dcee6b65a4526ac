import keras
import numpy as np
import pytest

from core.models.resnet_cifar import PadChannels, build_resnet_cifar


def test_it_has_the_papers_layers_and_parameters():
    model = build_resnet_cifar(32)
    convolutions = [la for la in model.layers if isinstance(la, keras.layers.Conv2D)]
    assert len(convolutions) == 31
    # He et al. count 0.46 million with the last layer's 650.
    trainable = sum(np.prod(weight.shape) for weight in model.trainable_weights)
    assert trainable + 650 == pytest.approx(0.464e6, rel=0.005)
    assert model.output_shape == (None, 64)


def test_stages_halve_the_picture():
    model = build_resnet_cifar(32, blocks=1)
    sides = [
        layer.output.shape[1]
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert sides == [32, 32, 32, 16, 16, 8, 8]


def test_the_shortcut_has_zeros_on_both_sides():
    layer = PadChannels(6)
    out = np.asarray(layer(np.ones((1, 2, 2, 3))))
    np.testing.assert_array_equal(out[0, 0, 0], [0, 1, 1, 1, 0, 0])
    assert layer.compute_output_shape((None, 2, 2, 3)) == (None, 2, 2, 6)


def test_it_is_saved_and_loaded(tmp_path):
    model = build_resnet_cifar(16, blocks=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3))
    np.testing.assert_allclose(
        model.predict_on_batch(pixels), loaded.predict_on_batch(pixels), rtol=1e-6
    )
