from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from core.data.readers.avatars import INFO
from core.errors import StudyError, WeightsError
from core.models import backbones
from core.models.backbones import BACKBONES, build_backbone
from core.models.build import Models, build_models
from core.models.heads import BoundedValue, CosineLogits
from core.study import Augmentation
from tests.tiny import tiny_study

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def _build(seed: int = 0, **kwargs: Any) -> Models:
    table = tiny_study().model
    augmentation = Augmentation(rotation_degrees=5)
    return build_models(
        table, INFO.tasks, augmentation=augmentation, seed=seed, **kwargs
    )


@pytest.fixture(scope="module")
def models() -> Models:
    return _build()


def test_inference_gives_years_and_probabilities(models: Models) -> None:
    answers = models.inference.predict_on_batch(PIXELS)
    assert set(answers) == {"age", "glasses", "hair"}
    assert answers["age"].shape == (3, 1)
    assert ((answers["age"] >= 1) & (answers["age"] <= 80)).all()
    assert ((answers["glasses"] >= 0) & (answers["glasses"] <= 1)).all()
    np.testing.assert_allclose(answers["hair"].sum(axis=1), 1, rtol=1e-5)


def test_both_models_share_weights_and_agree(models: Models) -> None:
    logits = models.training(PIXELS, training=False)
    answers = models.inference(PIXELS, training=False)
    expected = 1 / (1 + np.exp(-np.asarray(logits["glasses"])))
    np.testing.assert_allclose(answers["glasses"], expected, rtol=1e-5)
    raw = np.exp(np.asarray(logits["hair"]))
    expected = raw / raw.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers["hair"], expected, rtol=1e-5)
    np.testing.assert_allclose(answers["age"], logits["age"])


def test_same_seed_gives_the_same_first_weights(models: Models) -> None:
    again, other = _build(), _build(seed=1)
    for a, b in zip(models.inference.weights, again.inference.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(models.inference.weights, other.inference.weights, strict=True)
    )


def test_saved_inference_model_answers_the_same(models: Models, tmp_path: Path) -> None:
    models.inference.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(
        tmp_path / "model.keras", compile=False, safe_mode=True
    )
    before, after = (m.predict_on_batch(PIXELS) for m in (models.inference, loaded))
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-5)


def test_cosine_head_is_bounded_and_scaled_in_the_answer() -> None:
    models = _build(cosine_scale={"hair": 30.0})
    cosines = np.asarray(models.training(PIXELS, training=False)["hair"])
    assert np.abs(cosines).max() <= 1.0 + 1e-6
    raw = np.exp(30 * cosines)
    answers = models.inference(PIXELS, training=False)["hair"]
    np.testing.assert_allclose(answers, raw / raw.sum(axis=1, keepdims=True), rtol=1e-4)


def test_cosine_logits_are_cosines() -> None:
    features = np.array([[3.0, 4.0], [1.0, 0.0]], dtype=np.float32)
    layer = CosineLogits(2)
    layer.build((None, 2))
    layer.kernel.assign([[2.0, 0.0], [0.0, 5.0]])
    np.testing.assert_allclose(layer(features), [[0.6, 0.8], [1.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize(("logarithmic", "middle"), [(False, 40.5), (True, 80**0.5)])
def test_bounded_value_is_half_way_at_zero(logarithmic: bool, middle: float) -> None:
    layer = BoundedValue(1, 80, logarithmic=logarithmic)
    zeros = np.zeros((1, 4), dtype=np.float32)
    np.testing.assert_allclose(layer(zeros), [[middle]], rtol=1e-5)


def test_batch_norm_from_scratch_settles(models: Models) -> None:
    backbone = build_backbone(
        "mobilenetv3_small_minimalistic", image_size=32, weights="none"
    )
    norms = [
        layer
        for layer in backbone.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert norms
    assert {layer.momentum for layer in norms} == {0.9}


@pytest.mark.parametrize(
    "name", [b.name for b in BACKBONES.values() if b.imagenet_file]
)
def test_imagenet_weights_offline_say_where_to_get_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise Exception("URL fetch failure: [Errno -2] Name or service not known")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    monkeypatch.setattr(
        "keras.src.applications.mobilenet_v3.file_utils.get_file", offline
    )
    with pytest.raises(WeightsError) as caught:
        build_backbone(name, image_size=224, weights="imagenet")
    said = str(caught.value)
    file = Path(BACKBONES[name].imagenet_file).name
    assert file in said
    assert "Name or service not known" in said
    assert backbones.KERAS_FILES in said
    assert str(Path("models") / file) in said


def test_unknown_backbone_or_weights() -> None:
    with pytest.raises(StudyError, match="no backbone 'resnet99'"):
        build_backbone("resnet99", image_size=32, weights="none")
    with pytest.raises(StudyError, match="no weights 'mars'"):
        build_backbone(next(iter(BACKBONES)), image_size=32, weights="mars")


def test_an_adjustment_is_added_to_the_logits_of_the_inference_model_alone() -> None:
    shift = np.array([0.5, -1.0, 0.0, 2.0])
    adjusted = _build(adjustments={"hair": shift, "glasses": np.array([0.25, 1.0])})
    logits = adjusted.training(PIXELS, training=False)
    answers = adjusted.inference(PIXELS, training=False)
    raw = np.exp(np.asarray(logits["hair"]) + shift)
    expected = raw / raw.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers["hair"], expected, rtol=1e-5)
    expected = 1 / (1 + np.exp(-np.asarray(logits["glasses"]) - 0.75))
    np.testing.assert_allclose(answers["glasses"], expected, rtol=1e-5)


@pytest.mark.parametrize("scales", [{}, {"hair": 10.0}])
def test_half_precision_trains_and_full_precision_answers(
    scales: dict[str, float],
) -> None:
    mixed = _build(precision="mixed_bfloat16", cosine_scale=scales)
    full = _build(cosine_scale=scales)
    assert keras.config.dtype_policy().name == "float32"
    assert all(w.dtype == "float32" for w in mixed.training.trainable_weights)
    moved = [w + 0.01 for w in mixed.plain.get_weights()]
    mixed.plain.set_weights(moved)
    mixed.settle()
    full.plain.set_weights(moved)
    expected = full.inference.predict_on_batch(PIXELS)
    for task, answers in mixed.inference.predict_on_batch(PIXELS).items():
        np.testing.assert_array_equal(answers, expected[task])
    names = {layer.dtype_policy.name for layer in mixed.inference._flatten_layers()}
    assert names == {"float32"}
    assert mixed.inference.predict_on_batch(PIXELS)["hair"].dtype == np.float32


def test_a_head_may_be_one_linear_layer() -> None:
    table = tiny_study().model.model_copy(update={"head_units": 0, "dropout": 0.0})
    built = build_models(table, INFO.tasks, augmentation=Augmentation(), seed=0)
    names = {layer.name for layer in built.inference.layers}
    assert "hair" in names
    assert not {"hair_dense", "hair_dropout", "glasses_dense"} & names


def test_a_loss_that_learns_is_trained_with_the_model() -> None:
    from core.methods.losses.regression import BalancedMSE

    loss = BalancedMSE(noise_sigma=2.0)
    before = {weight.path for weight in _build().training.trainable_weights}
    built = _build(learned=loss.learned)
    added = {w.path for w in built.training.trainable_weights} - before
    assert any("noise_sigma" in path for path in added)
    assert not any("noise_sigma" in w.path for w in built.inference.weights)


def test_a_binary_head_of_cosines_gives_their_difference(tmp_path: Path) -> None:
    built = _build(cosine_scale={"glasses": 4.0})
    logit = np.asarray(built.training(PIXELS, training=False)["glasses"])
    assert logit.shape == (3, 1)
    assert (np.abs(logit) <= 2).all()
    expected = 1 / (1 + np.exp(-4 * logit))
    answers = built.inference.predict_on_batch(PIXELS)["glasses"]
    np.testing.assert_allclose(answers, expected, rtol=1e-5)
    built.inference.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    again = loaded.predict_on_batch(PIXELS)["glasses"]
    np.testing.assert_allclose(again, answers, rtol=1e-6)
