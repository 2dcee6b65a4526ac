"""EfficientNet-Lite0: the original's logits, and what is wrong with a file."""

from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.errors import StudyError, WeightsError
from core.models import backbones
from core.models.backbones import build_backbone
from core.models.efficientnet_lite import (
    IMAGENET_FILE,
    build_efficientnet_lite0,
    load_tensors,
)
from core.models.transfer import blocks, freeze

REFERENCE = Path(__file__).parents[2] / "data" / "efficientnet_lite0_reference.npz"


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    return load_file(IMAGENET_FILE)


@pytest.fixture(scope="module")
def small() -> keras.Model:
    return build_backbone("efficientnet_lite0", image_size=96, weights="imagenet")


def test_its_logits_are_the_originals(tensors: dict[str, np.ndarray]) -> None:
    backbone = build_backbone("efficientnet_lite0", image_size=224, weights="imagenet")
    with np.load(REFERENCE) as reference:
        features = np.asarray(backbone(reference["images"], training=False))
        logits = features @ tensors["classifier.kernel"] + tensors["classifier.bias"]
        np.testing.assert_allclose(logits, reference["logits"], atol=1e-4)


def test_every_tensor_but_the_classifiers_is_read(
    small: keras.Model, tensors: dict[str, np.ndarray]
) -> None:
    theirs = {name: v for name, v in tensors.items() if "classifier" not in name}
    assert len(small.weights) == len(theirs)
    assert small.count_params() == sum(value.size for value in theirs.values())
    expand = small.get_layer("block_03_expand_conv").kernel
    np.testing.assert_array_equal(expand, tensors["block03.expand.conv.kernel"])


def test_without_weights_it_begins_at_random(small: keras.Model) -> None:
    keras.utils.set_random_seed(0)
    scratch = build_backbone("efficientnet_lite0", image_size=96, weights="none")
    assert [w.shape for w in scratch.weights] == [w.shape for w in small.weights]
    kernels = (model.get_layer("stem_conv").kernel for model in (scratch, small))
    assert not np.allclose(*map(np.asarray, kernels))


@pytest.mark.parametrize("weights", ["none", "imagenet"])
def test_normalisation_follows_a_small_set(weights: str) -> None:
    model = build_backbone("efficientnet_lite0", image_size=32, weights=weights)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.9}
    assert {layer.epsilon for layer in norms} == {1e-3}


def test_its_last_blocks_learn_with_what_follows_them(small: keras.Model) -> None:
    freeze(small, 5)
    learned = {w.path.split("/")[0].rsplit("_", 2)[0] for w in small.trainable_weights}
    small.trainable = True
    assert learned == {*(f"block_{number}" for number in range(11, 16)), "head"}


def test_its_blocks_are_numbered_in_order(small: keras.Model) -> None:
    first, *parts = blocks(small)
    assert [layer.name for layer in first[2:]] == [
        "stem_conv",
        "stem_norm",
        "stem_relu",
    ]
    names = [part[0].name for part in parts]
    assert names[0] == "block_00_depthwise_conv"
    assert names[1:] == [f"block_{number:02}_expand_conv" for number in range(1, 16)]
    assert parts[-1][-1].name.startswith("global_average_pooling")


def test_maps_shrink_to_a_thirty_second(small: keras.Model) -> None:
    sides = [part[-1].output.shape[1] for part in blocks(small)[:-1]]
    assert all(before >= after for before, after in pairwise(sides))
    assert (sides[0], sides[-1]) == (48, 3)
    assert small.output_shape == (None, 1280)


@pytest.mark.parametrize("weights", ["none", "imagenet"])
def test_too_small_images_are_refused(weights: str) -> None:
    with pytest.raises(StudyError, match="31 pixels are too small"):
        build_backbone("efficientnet_lite0", image_size=31, weights=weights)


def test_a_missing_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "efficientnet_lite0_imagenet.safetensors"
    monkeypatch.setattr(backbones, "IMAGENET_FILE", path)
    with pytest.raises(WeightsError) as caught:
        build_backbone("efficientnet_lite0", image_size=32, weights="imagenet")
    assert str(path) in str(caught.value)
    assert "restore efficientnet_lite0_imagenet.safetensors" in caught.value.remedy
    # It is not one of Keras's files: nothing is to be downloaded from there.
    assert "storage.googleapis.com" not in str(caught.value)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.safetensors"
    path.write_bytes(IMAGENET_FILE.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"short\.safetensors"):
        build_efficientnet_lite0(32, momentum=0.9, weights=path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, "stem.norm.gamma"),
        (np.ones(31, "f4"), r"stem_norm/gamma is not of shape \(32,\)"),
        (np.full(32, np.nan, "f4"), "stem_norm/gamma .* not finite"),
    ],
    ids=["left out", "of another shape", "not a number"],
)
def test_a_tensor_that_does_not_fit_is_named(
    tensors: dict[str, np.ndarray],
    change: np.ndarray | None,
    said: str,
    tmp_path: Path,
) -> None:
    others = {name: v for name, v in tensors.items() if name != "stem.norm.gamma"}
    changed = others if change is None else {**others, "stem.norm.gamma": change}
    path = tmp_path / "changed.safetensors"
    save_file(changed, path)
    model = build_efficientnet_lite0(32, momentum=0.9)
    before = model.get_weights()
    with pytest.raises(WeightsError, match=said):
        load_tensors(model, path)
    # Nothing of it was taken over.
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
