import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.catalog import READERS
from core.data.long_tail import OVER_PROFILE, class_counts
from core.data.manifest import LEFT_OUT, TEST, TRAINING, VALIDATION, split_fingerprint
from core.data.readers import cifar
from core.errors import DatasetError, StudyError
from tests.tiny_cifar import write_tiny_cifar


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return write_tiny_cifar(tmp_path / "CIFAR-10-images")


def load(location, **options):
    given = {"ratio": 6, "validation_per_class": 1, **options}
    parsed = cifar.CIFAROptions(**given)
    return cifar.load(cifar.INFO_10, location, parsed)


def test_training_has_the_profile_and_the_rest_is_left_out(folder):
    loaded = load(folder)
    manifest = loaded.manifest
    training = manifest[manifest["split"] == TRAINING]
    counts = training["label"].value_counts()[list(cifar.CLASSES_10)]
    assert counts.tolist() == class_counts(10, 12, 6).tolist()
    assert training["image_id"].str.startswith("train/").all()
    sizes = manifest["split"].value_counts()
    assert sizes[VALIDATION] == 10
    assert sizes[TEST] == 30
    assert sizes[LEFT_OUT] == 120 - counts.sum()
    tail = loaded.report["long_tail"]
    assert tail["realised_ratio"] == counts.max() / counts.min()
    assert loaded.report["counts"]["left_out_by"] == {
        OVER_PROFILE: int(sizes[LEFT_OUT])
    }


def test_validation_images_are_set_aside_from_the_published_test_images(folder):
    manifest = load(folder).manifest
    for split in (VALIDATION, TEST):
        ids = manifest.loc[manifest["split"] == split, "image_id"]
        assert ids.str.startswith("test/").all()


def test_the_split_depends_on_the_options_alone(folder, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    here = split_fingerprint(load(folder).manifest)
    assert split_fingerprint(load(moved).manifest) == here
    assert split_fingerprint(load(folder, seed=1).manifest) != here
    assert split_fingerprint(load(folder, ratio=5).manifest) != here


def test_an_archive_is_read_like_its_folder(folder, tmp_path):
    place = str(tmp_path / "cifar")
    archive = shutil.make_archive(place, "gztar", tmp_path, folder.name)
    unpacked = load(Path(archive)).manifest.drop(columns="path")
    assert unpacked.equals(load(folder).manifest.drop(columns="path"))


def test_kerass_own_download_gives_the_same_split(folder, monkeypatch):
    manifest = load(folder).manifest
    rng = np.random.default_rng(1)
    parts = {}
    for part in cifar.PARTS:
        rows = manifest[manifest["image_id"].str.startswith(part)]
        # The classes are mixed there; within a class the order is that of the names.
        mixed = rng.permutation(rows["label"].to_numpy())
        by_class = {label: iter(of["path"]) for label, of in rows.groupby("label")}
        images = [np.asarray(Image.open(next(by_class[label]))) for label in mixed]
        ids = np.array([cifar.CLASSES_10.index(label) for label in mixed])
        parts[part] = (np.stack(images), ids)
    monkeypatch.setattr(cifar, "_arrays", lambda name: parts)
    downloaded = load(None).manifest
    assert split_fingerprint(downloaded) == split_fingerprint(manifest)
    paths = downloaded.set_index("image_id")["path"]
    for image_id, path in manifest.set_index("image_id")["path"].iloc[::40].items():
        np.testing.assert_array_equal(
            cifar.render(paths[image_id], 32), cifar.render(path, 32)
        )


def test_a_refused_download_says_what_to_do(monkeypatch):
    import keras

    def refuse():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", refuse)
    cifar._arrays.cache_clear()
    with pytest.raises(DatasetError, match="could not be downloaded") as error:
        load(None)
    assert "--data" in str(error.value)


def test_a_missing_class_is_named(folder):
    shutil.rmtree(folder / "train" / "frog")
    with pytest.raises(DatasetError, match="'frog' in train"):
        load(folder)


def test_no_test_image_left_is_said_with_the_option(folder):
    for asked in (4, 5):
        with pytest.raises(DatasetError, match="has 4 test images") as error:
            load(folder, validation_per_class=asked)
        assert "`validation_per_class` below 4" in error.value.expected
        assert "validation_per_class" in error.value.remedy
    # The smallest class counts, and is named.
    (folder / "test" / "deer" / "0000.png").unlink()
    with pytest.raises(DatasetError, match="'deer' has 3 test images"):
        load(folder, validation_per_class=3)
    sizes = load(folder, validation_per_class=2).manifest["split"].value_counts()
    assert (sizes[VALIDATION], sizes[TEST]) == (20, 19)


def test_what_a_mac_packs_beside_is_no_picture(folder, tmp_path):
    whole = load(folder).manifest.drop(columns="path")
    for path in list(folder.rglob("*.png")):
        path.with_name(f"._{path.name}").write_bytes(b"Mac OS X")
    assert load(folder).manifest.drop(columns="path").equals(whole)
    beside = tmp_path / "packed" / "__MACOSX" / folder.name
    shutil.copytree(folder, beside)
    shutil.copytree(folder, tmp_path / "packed" / folder.name)
    for path in beside.rglob("[0-9]*.png"):
        path.unlink()
    assert load(tmp_path / "packed").manifest.drop(columns="path").equals(whole)


def test_two_pictures_of_one_name_are_refused(folder):
    place = folder / "train" / "frog"
    shutil.copy(place / "0003.png", place / "0003.jpg")
    with pytest.raises(DatasetError, match="'train/frog/0003' of") as error:
        load(folder)
    for name in ("0003.jpg", "0003.png"):
        assert str(place / name) in error.value.problem
    assert error.value.remedy


def test_an_image_is_named_by_part_class_and_file(folder):
    (folder / "train" / "frog" / "0003.png").rename(folder / "train/frog/last.png")
    ids = load(folder).manifest["image_id"]
    assert {"train/frog/0002", "train/frog/last", "test/frog/0003"} <= set(ids)
    assert "train/frog/0003" not in set(ids)


def test_a_place_that_is_no_cifar_is_said(tmp_path):
    with pytest.raises(DatasetError, match="nothing at"):
        load(tmp_path / "nowhere")
    (tmp_path / "note.txt").write_text("no pictures")
    with pytest.raises(DatasetError, match="holds no file"):
        load(tmp_path)


@pytest.mark.parametrize(
    "options", [{"ratio": 0}, {"ratio": "much"}, {"profile": "pareto"}, {"ratoi": 3}]
)
def test_a_bad_option_is_named(options):
    (name,) = options
    with pytest.raises(StudyError, match=name):
        READERS["cifar10"].parse(options)


def test_class_names_are_the_published_ones():
    assert len(set(cifar.CLASSES_100)) == 100
    assert list(cifar.CLASSES_100) == sorted(cifar.CLASSES_100)
    assert list(cifar.CLASSES_10) == sorted(cifar.CLASSES_10)
