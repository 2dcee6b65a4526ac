from pathlib import Path

import keras
import numpy as np
import pytest

from core.errors import StudyError, WeightsError
from core.models import backbones
from core.models.backbones import BACKBONES, Backbone, build_backbone

SIZE = 32
PIXELS = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def efficientnet() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_backbone("efficientnet_b3", image_size=SIZE, weights="none")


def test_efficientnet_gives_one_vector_an_image(efficientnet: keras.Model) -> None:
    # Called and not compiled, which would take longer than all else.
    features = np.asarray(efficientnet(PIXELS, training=False))
    assert features.shape == (2, 1536)
    assert np.isfinite(features).all()
    # Tan and Le, table 2: 12 million parameters, of which the classifier has 1.5.
    assert 10.5e6 < efficientnet.count_params() < 11e6


def test_efficientnet_scales_its_pixels_itself(efficientnet: keras.Model) -> None:
    stem = next(
        layer
        for layer in efficientnet.layers
        if isinstance(layer, keras.layers.ZeroPadding2D)
    )
    scaled = keras.Model(efficientnet.input, stem.input)(PIXELS)
    np.testing.assert_allclose(scaled, PIXELS / 255, atol=1e-6)


def test_efficientnet_settles_from_scratch(efficientnet: keras.Model) -> None:
    momenta = {
        layer.momentum
        for layer in efficientnet.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert momenta == {0.9}


@pytest.mark.slow
def test_saved_efficientnet_answers_the_same(
    efficientnet: keras.Model, tmp_path: Path
) -> None:
    efficientnet.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(
        tmp_path / "model.keras", compile=False, safe_mode=True
    )
    before, after = (m(PIXELS, training=False) for m in (efficientnet, loaded))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_efficientnet_weights_are_where_keras_fetches_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def offline(name: str, origin: str, **kwargs: object) -> None:
        asked.append((name, origin))
        raise Exception("URL fetch failure: [Errno -2] Name or service not known")

    monkeypatch.setattr(
        "keras.src.applications.efficientnet.file_utils.get_file", offline
    )
    with pytest.raises(WeightsError) as caught:
        build_backbone("efficientnet_b3", image_size=SIZE, weights="imagenet")
    ((name, origin),) = asked
    assert origin in str(caught.value)
    assert str(Path("models") / name) in str(caught.value)
    assert "Name or service not known" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        (backbone.name, weights)
        for backbone in BACKBONES.values()
        for weights in ("none", "imagenet")
        if weights == "none" or backbone.has_imagenet
    ],
)
def test_images_that_are_too_small_are_said(name: str, weights: str) -> None:
    smallest = BACKBONES[name].smallest
    with pytest.raises(StudyError, match=f"{smallest - 1} pixels are too small"):
        build_backbone(name, image_size=smallest - 1, weights=weights)


def test_a_backbone_without_imagenet_weights_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = Backbone("plain", "Plain", "nobody", lambda *_: keras.Model())
    monkeypatch.setitem(backbones.BACKBONES, "plain", plain)
    with pytest.raises(StudyError, match="no weights 'imagenet' for Plain") as caught:
        build_backbone("plain", image_size=SIZE, weights="imagenet")
    assert caught.value.expected == '"none" or run:<study>/<method>.'


def test_a_checkpoint_is_for_the_transformer_alone() -> None:
    with pytest.raises(StudyError, match="no weights 'hf:a/b' for ResNet-50") as caught:
        build_backbone("resnet50", image_size=SIZE, weights="hf:a/b")
    assert '"imagenet"' in caught.value.expected
    assert "hf:" not in caught.value.expected


def _before_the_network(model: keras.Model, first: str) -> np.ndarray:
    """What the first layer with weights is given."""
    return np.asarray(keras.Model(model.input, model.get_layer(first).input)(PIXELS))


def test_mobilenetv2_prepares_pixels_as_its_weights_want() -> None:
    model = build_backbone("mobilenetv2", image_size=SIZE, weights="none")
    expected = keras.applications.mobilenet_v2.preprocess_input(PIXELS.astype("f4"))
    given = _before_the_network(model, "Conv1")
    np.testing.assert_allclose(given, expected, atol=1e-6)


def test_resnet50_prepares_pixels_as_its_weights_want() -> None:
    model = build_backbone("resnet50", image_size=SIZE, weights="none")
    expected = keras.applications.resnet.preprocess_input(PIXELS.astype("f4"))
    given = _before_the_network(model, "conv1_pad")
    np.testing.assert_allclose(given, expected, atol=1e-4)


@pytest.mark.parametrize("size", ["small", "large"])
def test_mobilenetv3_has_squeezes_unless_minimalistic(size: str) -> None:
    full, minimal = (
        build_backbone(f"mobilenetv3_{size}{kind}", image_size=SIZE, weights="none")
        for kind in ("", "_minimalistic")
    )
    squeezes = [
        [layer.name for layer in model.layers if "squeeze" in layer.name]
        for model in (full, minimal)
    ]
    assert squeezes[0]
    assert squeezes[1] == []
    assert full.count_params() > minimal.count_params()
    assert full.output_shape == minimal.output_shape
    # Both scale their pixels themselves, to -1..1.
    for model in (full, minimal):
        given = _before_the_network(model, "conv")
        np.testing.assert_allclose(given, PIXELS / 127.5 - 1, atol=1e-6)
