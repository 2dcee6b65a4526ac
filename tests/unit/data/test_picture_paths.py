"""Where the pictures of a study are: drawn from their ids, or in a person's copy."""

import numpy as np
import pytest

from core.data import catalog
from core.data.picture_paths import DATA_VARIABLE, copied_paths, drawn_paths, own_copy
from core.data.readers import avatars
from core.errors import DatasetError
from core.study import load_study, parse_study
from tests.synthetic import synthetic_study
from tests.tiny_cifar import TINY_CIFAR, write_tiny_cifar


def test_generated_pictures_are_found_by_their_ids():
    study = load_study("avatars")
    ids = avatars.sample_people(avatars.AvatarsOptions(count=60))["image_id"]
    paths = drawn_paths(study, ids)
    assert list(paths) == ids.tolist()
    drawn = catalog.renderer(study)(paths["avatar-000007"], 32)
    expected = avatars.render(7, 32, avatars.AvatarsOptions(**study.dataset.options))
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("image_id", ["avatar-", "face-000007", "7", "x-avatar-000001"])
def test_an_id_of_something_else_has_no_picture(image_id):
    with pytest.raises(DatasetError, match="is not an image of the dataset 'avatars'"):
        avatars.path_of(image_id)
    assert drawn_paths(load_study("avatars"), [image_id]) == {}


def test_pictures_of_other_datasets_are_not_drawn():
    assert drawn_paths(load_study("utkface"), ["1_0_0_1.jpg"]) == {}


def test_no_copy_is_known_unless_it_is_named(tmp_path, monkeypatch):
    study = synthetic_study("cifar10-lt-200", methods=("baseline",))
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    assert own_copy(study) is None
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert own_copy(study) is None
    (tmp_path / "cifar10").mkdir()
    assert own_copy(study) == tmp_path / "cifar10"
    # A study's own place comes before that of its dataset.
    (tmp_path / "cifar10-lt-200").mkdir()
    assert own_copy(study) == tmp_path / "cifar10-lt-200"


def test_paths_of_a_copy_are_by_the_ids_that_runs_keep(tmp_path):
    folder = write_tiny_cifar(tmp_path / "copy")
    study = parse_study(TINY_CIFAR, origin="test")
    paths = copied_paths(study, folder)
    manifest = catalog.load_dataset(study, folder).manifest
    assert paths == dict(zip(manifest["image_id"], manifest["path"], strict=True))


def test_a_copy_in_another_layout_is_named(tmp_path):
    with pytest.raises(DatasetError):
        copied_paths(load_study("cifar10-lt-200"), tmp_path)
