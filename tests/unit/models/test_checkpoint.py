"""Hugging Face checkpoints: they predict as the original does, or say what is wrong."""

import json
import shutil
from pathlib import Path
from typing import get_args

import huggingface_hub
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from core.data.images import preprocess
from core.errors import StudyError, WeightsError
from core.models.backbones import build_backbone
from core.models.checkpoint import (
    CONFIG,
    PROCESSOR,
    TENSORS,
    build_from_checkpoint,
    load_checkpoint,
    load_classifier,
)
from core.study import Resample, ResizeTable
from tests.checkpoint import FOLDER, expected_logits, pictures, write_changed

HERE = str(FOLDER)
FILTERS = Image.Resampling


def pixels(checkpoint, size):
    how = checkpoint.resize.model_dump()
    return np.stack([preprocess(picture, size, **how) for picture in pictures()])


def features(folder, size=32, **options):
    model = build_backbone("vit", image_size=size, weights=str(folder), options=options)
    return model.predict_on_batch(pixels(load_checkpoint(str(folder)), size))


@pytest.fixture(scope="module")
def of_the_transformer():
    return features(FOLDER)


@pytest.mark.parametrize("size", [0, 32, 48, 16])
def test_it_predicts_as_the_original_does(size):
    model, checkpoint = load_classifier(HERE, image_size=size)
    side = size or checkpoint.image_size
    logits = model.predict_on_batch(pixels(checkpoint, side))
    np.testing.assert_allclose(logits, expected_logits()[side], atol=1e-4)
    assert checkpoint.labels == ("Chihuahua", "pug", "tabby")


def test_all_is_taken_from_the_checkpoint():
    checkpoint = load_checkpoint(HERE)
    config = json.loads((FOLDER / CONFIG).read_text())
    processor = json.loads((FOLDER / PROCESSOR).read_text())
    assert checkpoint.image_size == config["image_size"]
    assert checkpoint.options["layers"] == config["num_hidden_layers"]
    assert checkpoint.options["epsilon"] == config["layer_norm_eps"]
    assert checkpoint.options["dropout"] == config["hidden_dropout_prob"]
    assert checkpoint.options["mean"] == processor["image_mean"]
    assert checkpoint.options["std"] == processor["image_std"]
    assert checkpoint.resize == ResizeTable(resample="lanczos", fit="stretch")


def test_labels_are_in_the_order_of_the_logits(tmp_path):
    labels = {str(number): f"breed {number}" for number in range(12)}
    folder = write_changed(tmp_path, CONFIG, id2label=dict(sorted(labels.items())))
    assert load_checkpoint(str(folder)).labels == tuple(labels.values())


@pytest.mark.parametrize("resample", get_args(Resample))
def test_its_pixels_are_those_of_the_processor(resample, tmp_path):
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    folder = write_changed(tmp_path, PROCESSOR, resample=FILTERS[resample.upper()])
    processor = ViTImageProcessorPil.from_pretrained(folder)
    theirs = processor(pictures(), return_tensors="np")["pixel_values"]
    checkpoint = load_checkpoint(str(folder))
    mean, std = (np.array(checkpoint.options[name]) for name in ("mean", "std"))
    ours = (pixels(checkpoint, 32) / 255 - mean) / std
    np.testing.assert_allclose(ours.transpose(0, 3, 1, 2), theirs, atol=1e-5)


def test_a_picture_much_larger_than_the_model_has_the_processors_pixels_too():
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    noise = np.random.default_rng(1).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    processor = ViTImageProcessorPil.from_pretrained(FOLDER)
    theirs = processor(noise, do_rescale=False, do_normalize=False)["pixel_values"][0]
    how = load_checkpoint(HERE).resize.model_dump()
    ours = preprocess(Image.fromarray(noise), 32, **how)
    np.testing.assert_array_equal(ours.transpose(2, 0, 1), theirs)


def test_a_processor_that_crops_is_followed(tmp_path):
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    square = {"height": 32, "width": 32}
    changes = {"size": {"shortest_edge": 32}, "crop_size": square}
    folder = write_changed(tmp_path, PROCESSOR, do_center_crop=True, **changes)
    checkpoint = load_checkpoint(str(folder))
    assert checkpoint.resize.fit == "crop"
    assert checkpoint.image_size == 32
    processor = ViTImageProcessorPil.from_pretrained(folder)
    rows, columns = np.indices((120, 160))
    slopes = np.stack([rows, columns, 255 - rows], axis=2).astype(np.uint8)
    theirs = processor(slopes, do_rescale=False, do_normalize=False)["pixel_values"][0]
    ours = preprocess(Image.fromarray(slopes), 32, **checkpoint.resize.model_dump())
    # Theirs resizes to whole pixels first: up to half of one beside ours.
    difference = np.abs(ours.transpose(2, 0, 1).astype(float) - theirs)
    assert difference.max() <= 0.5 * (120 / 32) + 1


def test_settings_of_older_files_are_understood(tmp_path):
    changes = {
        "image_processor_type": None,
        "feature_extractor_type": "ViTFeatureExtractor",
    }
    folder = write_changed(tmp_path, PROCESSOR, size=32, rescale_factor=None, **changes)
    assert load_checkpoint(str(folder)) == load_checkpoint(HERE).__class__(
        **{**vars(load_checkpoint(HERE)), "weights": str(folder), "folder": folder}
    )


@pytest.mark.parametrize(
    ("changes", "mean", "std"),
    [
        ({"do_normalize": False}, 0, 1),
        ({"rescale_factor": 1 / 127.5}, 0.24, 0.115),
        ({"do_rescale": False}, 0.48 / 255, 0.23 / 255),
    ],
)
def test_another_scale_of_the_pixels_is_taken_over(changes, mean, std, tmp_path):
    folder = write_changed(tmp_path, PROCESSOR, **changes)
    options = load_checkpoint(str(folder)).options
    assert options["mean"][0] == pytest.approx(mean)
    assert options["std"][0] == pytest.approx(std)


def test_a_checkpoint_of_the_transformer_alone_is_read(tmp_path, of_the_transformer):
    architectures = ["ViTModel"]
    folder = write_changed(tmp_path, CONFIG, architectures=architectures)
    tensors = load_file(FOLDER / TENSORS)
    bare = {name.removeprefix("vit."): value for name, value in tensors.items()}
    save_file(
        {n: v for n, v in bare.items() if "classifier" not in n}, folder / TENSORS
    )
    np.testing.assert_array_equal(features(folder), of_the_transformer)
    with pytest.raises(WeightsError, match="without a classifier"):
        load_classifier(str(folder))


def test_a_checkpoint_in_several_files_is_read(tmp_path, of_the_transformer):
    folder = write_changed(tmp_path, CONFIG)
    tensors = load_file(FOLDER / TENSORS)
    (folder / TENSORS).unlink()
    for number, odd in enumerate((False, True)):
        part = {n: v for i, (n, v) in enumerate(tensors.items()) if i % 2 == odd}
        save_file(part, folder / f"model-0000{number + 1}-of-00002.safetensors")
    np.testing.assert_array_equal(features(folder), of_the_transformer)


def test_half_precision_is_read(tmp_path, of_the_transformer):
    import ml_dtypes

    folder = write_changed(tmp_path, CONFIG)
    tensors = load_file(FOLDER / TENSORS)
    halved = {name: v.astype(ml_dtypes.bfloat16) for name, v in tensors.items()}
    save_file(halved, folder / TENSORS)
    np.testing.assert_allclose(features(folder), of_the_transformer, atol=0.3)


def test_regularisation_may_be_asked_for_and_nothing_else():
    checkpoint = load_checkpoint(HERE)
    options = {"dropout": 0.5, "patch": 8}
    model = build_from_checkpoint(checkpoint, image_size=0, options=options)
    assert model.get_layer("transformer").dropout_rate == 0.5
    with pytest.raises(StudyError, match="option 'layers' is 6, and the weights"):
        build_from_checkpoint(checkpoint, image_size=0, options={"layers": 6})
    mean = {"mean": [0.5, 0.5, 0.5]}
    with pytest.raises(StudyError, match="option 'mean'"):
        build_from_checkpoint(checkpoint, image_size=0, options=mean)


def test_patches_must_fill_a_picture_of_another_size():
    with pytest.raises(StudyError, match="Patches of 8 pixels do not fill"):
        load_classifier(HERE, image_size=36)


def test_its_key_is_of_all_that_is_read(tmp_path):
    keys = {load_checkpoint(HERE).key}
    keys |= {load_checkpoint(str(shutil.copytree(FOLDER, tmp_path / "same"))).key}
    assert len(keys) == 1
    for file, change in (
        (CONFIG, {"layer_norm_eps": 0.1}),
        (PROCESSOR, {"resample": 2}),
    ):
        keys |= {
            load_checkpoint(str(write_changed(tmp_path / file, file, **change))).key
        }
    folder = write_changed(tmp_path / TENSORS, CONFIG)
    tensors = load_file(FOLDER / TENSORS)
    tensors["classifier.bias"] += 1
    save_file(tensors, folder / TENSORS)
    assert len(keys | {load_checkpoint(str(folder)).key}) == 4


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        (CONFIG, {"model_type": "deit"}, "model_type is 'deit'"),
        (CONFIG, {"model_type": None}, "model_type is None"),
        (CONFIG, {"hidden_act": "relu"}, "hidden_act is 'relu'"),
        (CONFIG, {"qkv_bias": False}, "qkv_bias is False"),
        (CONFIG, {"num_channels": 1}, "num_channels is 1"),
        (CONFIG, {"image_size": [32, 64]}, "not square"),
        (CONFIG, {"num_hidden_layers": "two"}, "damaged"),
        (PROCESSOR, {"image_processor_type": "CLIPImageProcessor"}, "by CLIPImageP"),
        (PROCESSOR, {"size": {"height": 32, "width": 48}}, "prepared otherwise"),
        (PROCESSOR, {"size": {"shortest_edge": 36}}, "prepared otherwise"),
        (PROCESSOR, {"do_resize": False}, "prepared otherwise"),
        (PROCESSOR, {"resample": 9}, "resampled by 9"),
    ],
)
def test_what_cannot_be_followed_is_refused(file, changes, message, tmp_path):
    folder = write_changed(tmp_path, file, **changes)
    with pytest.raises(WeightsError, match=message) as caught:
        load_checkpoint(str(folder))
    assert str(folder) in caught.value.problem
    assert str(folder) in caught.value.expected
    assert TENSORS in caught.value.expected
    assert caught.value.remedy


@pytest.mark.parametrize("name", [CONFIG, PROCESSOR, TENSORS])
def test_a_missing_file_is_named(name, tmp_path):
    folder = write_changed(tmp_path, CONFIG)
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=f"there is no {name}"):
        load_checkpoint(str(folder))


@pytest.mark.parametrize("name", [CONFIG, PROCESSOR])
@pytest.mark.parametrize("content", ["{", "[]", '"vit"'])
def test_a_damaged_table_is_said(name, content, tmp_path):
    folder = write_changed(tmp_path, CONFIG)
    (folder / name).write_text(content)
    with pytest.raises(WeightsError, match="is damaged"):
        load_checkpoint(str(folder))


def test_pickled_weights_are_refused_and_not_opened(tmp_path):
    folder = write_changed(tmp_path, CONFIG)
    (folder / TENSORS).unlink()
    # Whoever unpickles this makes a folder.
    ran = tmp_path / "ran"
    (folder / "pytorch_model.bin").write_bytes(f"cos\nmkdir\n(V{ran}\ntR.".encode())
    with pytest.raises(WeightsError, match="pickles, which can run code"):
        load_checkpoint(str(folder))
    assert not ran.exists()


@pytest.mark.parametrize(
    "damage",
    ["cut off", "no safetensors", "a tensor is missing", "a tensor of another shape"],
)
def test_damaged_tensors_are_said(damage, tmp_path):
    folder = write_changed(tmp_path, CONFIG)
    whole = (FOLDER / TENSORS).read_bytes()
    tensors = load_file(FOLDER / TENSORS)
    if damage == "cut off":
        (folder / TENSORS).write_bytes(whole[:5000])
    elif damage == "no safetensors":
        (folder / TENSORS).write_bytes(b"\x80\x04 a pickle" * 40)
    elif damage == "a tensor is missing":
        tensors.pop("vit.encoder.layer.1.output.dense.weight")
        save_file(tensors, folder / TENSORS)
    else:
        tensors["vit.embeddings.cls_token"] = np.zeros((1, 1, 7), "f4")
        save_file(tensors, folder / TENSORS)
    with pytest.raises(WeightsError, match=r"is not what config\.json says"):
        load_classifier(str(folder))


@pytest.mark.parametrize("place", ["./nowhere", "~/nowhere", "/nowhere/at/all"])
def test_a_folder_that_is_not_there_is_named(place):
    with pytest.raises(WeightsError, match="there is no such folder") as caught:
        load_checkpoint(place)
    assert str(Path(place).expanduser()) in caught.value.expected


def test_a_folder_is_found_from_here(monkeypatch):
    monkeypatch.chdir(FOLDER.parent)
    assert load_checkpoint(f"./{FOLDER.name}").key == load_checkpoint(HERE).key


def test_a_checkpoint_of_the_hub_is_downloaded_without_pickles(monkeypatch):
    asked = []

    def download(name, *, allow_patterns):
        asked.append((name, allow_patterns))
        return HERE

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    checkpoint = load_checkpoint("hf:google/vit-base-patch16-224-in21k")
    ((name, patterns),) = asked
    assert name == "google/vit-base-patch16-224-in21k"
    assert all(pattern.endswith((".json", ".safetensors")) for pattern in patterns)
    assert checkpoint.folder == FOLDER


def test_offline_it_says_where_to_get_it_and_where_to_put_it(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        build_backbone("vit", image_size=224, weights="hf:google/vit-base-patch16-224")
    error = caught.value
    assert "hf:google/vit-base-patch16-224 could not be loaded" in error.problem
    assert TENSORS in error.expected
    assert str(tmp_path) in error.expected
    assert "https://huggingface.co/google/vit-base-patch16-224" in error.remedy
    assert "folder" in error.remedy


@pytest.mark.parametrize(
    "name", ["hf:", "hf:vit", "hf:a/b/c", "hf:../b", "hf:a/..", "hf:a b/c"]
)
def test_a_name_that_is_none_of_the_hub_is_refused(name, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("asked the network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(StudyError, match="names no checkpoint of Hugging Face"):
        load_checkpoint(name)
