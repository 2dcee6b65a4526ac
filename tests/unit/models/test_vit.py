"""The vision transformer: its size, its pixels, and what it refuses."""

import keras
import numpy as np
import pytest

from core.errors import StudyError
from core.models.backbones import build_backbone
from core.models.vit import ViTOptions, build_vit

TINY = {"patch": 8, "layers": 2, "heads": 2, "width": 8, "mlp": 16}


def build(size=16, **options):
    return build_backbone(
        "vit", image_size=size, weights="none", options={**TINY, **options}
    )


def test_it_has_the_parameters_of_the_paper():
    model = build()
    width, mlp, patches = 8, 16, 4
    embedding = 3 * 8 * 8 * width + width + (patches + 1) * width + width
    attention, norms = 4 * (width * width + width), 2 * 2 * width
    hidden = width * mlp + mlp + mlp * width + width
    assert model.count_params() == (
        embedding + 2 * (attention + norms + hidden) + 2 * width
    )
    assert model.output_shape == (None, width)


def test_without_options_it_is_the_base():
    options = ViTOptions()
    # Dosovitskiy et al., table 1: ViT-Base.
    assert (options.layers, options.width, options.mlp, options.heads) == (
        12,
        768,
        3072,
        12,
    )


def test_mean_and_deviation_are_taken_off_inside():
    model = build(mean=[0.4, 0.5, 0.6], std=[0.2, 0.25, 0.5])
    (scaling,) = (x for x in model.layers if isinstance(x, keras.layers.Rescaling))
    inside = keras.Model(model.input, scaling.output)
    pixels = np.full((1, 16, 16, 3), 255.0, "f4")
    given = np.asarray(inside(pixels))[0, 0, 0]
    np.testing.assert_allclose(given, [3.0, 2.0, 0.8], rtol=1e-5)


def test_the_features_are_the_class_token():
    model = build()
    tokens = keras.Model(model.input, model.get_layer("class_token").input)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3))
    features, every = (m.predict_on_batch(pixels) for m in (model, tokens))
    np.testing.assert_array_equal(features, every[:, 0])
    # Each token is normalised last.
    np.testing.assert_allclose(features.mean(axis=1), 0, atol=1e-5)


def test_dropout_acts_in_training_alone():
    model = build(dropout=0.5, attention_dropout=0.5)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3))
    still, moved = (
        [keras.ops.convert_to_numpy(model(pixels, training=t)) for _ in range(2)]
        for t in (False, True)
    )
    np.testing.assert_array_equal(*still)
    assert not np.allclose(*moved)


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (20, {}, "Patches of 8 pixels do not fill a picture of 20"),
        (16, {"heads": 3}, "3 heads do not divide a width of 8"),
        (16, {"width": 0}, "'width'"),
        (16, {"mlp_dim": 8}, "'mlp_dim' is not a known key"),
        (16, {"epsilon": 0.0}, "'epsilon'"),
        (16, {"std": [0.2, 0.0, 0.2]}, "'std.1'"),
        (16, {"mean": [0.5, 0.5]}, "'mean"),
    ],
)
def test_what_cannot_be_built_is_said(size, options, message):
    with pytest.raises(StudyError, match=message) as caught:
        build(size, **options)
    assert caught.value.expected
    assert caught.value.remedy


def test_a_picture_smaller_than_a_patch_is_refused():
    with pytest.raises(StudyError, match="do not fill"):
        build_vit(16, ViTOptions(**{**TINY, "patch": 32}))
