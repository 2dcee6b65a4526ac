import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.cache import render_file
from core.data.catalog import READERS
from core.data.enhancement import render_enhanced
from core.data.manifest import LEFT_OUT, TEST, TRAINING, VALIDATION
from core.data.readers import image_folder
from core.data.readers.image_folder import FolderOptions
from core.errors import DatasetError, StudyError


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


def write(place: Path, **counts: int) -> Path:
    """Write so many pictures of each class."""
    for number, (name, count) in enumerate(counts.items()):
        (place / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.full((6, 8, 3), (30 * number + i) % 256, np.uint8)
            Image.fromarray(pixels).save(place / name / f"{i:03d}.png")
    return place


def load(location: Path, **options: object):
    return image_folder.load(location, FolderOptions(**options))


def test_a_folder_of_classes_is_split_class_by_class(tmp_path: Path) -> None:
    loaded = load(write(tmp_path / "flowers", tulip=40, rose=10, Aster=20))
    assert loaded.info.tasks[0].classes == ("Aster", "rose", "tulip")
    manifest = loaded.manifest
    counts = pd.crosstab(manifest["label"], manifest["split"])
    wanted = {"tulip": (32, 4, 4), "Aster": (16, 2, 2), "rose": (8, 1, 1)}
    for name, sizes in wanted.items():
        assert tuple(counts.loc[name, [TRAINING, VALIDATION, TEST]]) == sizes
    assert manifest["image_id"].iloc[0] == "Aster/000"
    assert all(Path(path).is_file() for path in manifest["path"])
    assert loaded.report["classes"]["used"] == 3


def test_classes_are_chosen_and_thinned(tmp_path: Path) -> None:
    place = write(tmp_path, tulip=40, rose=10, aster=20)
    loaded = load(place, classes=2, per_class=12)
    assert loaded.info.tasks[0].classes == ("aster", "tulip")
    kept = loaded.manifest[loaded.manifest["split"] != LEFT_OUT]
    assert kept["label"].value_counts().tolist() == [12, 12]


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_is_read_like_its_folder(tmp_path: Path, kind: str) -> None:
    place = write(tmp_path / "deep" / "flowers", tulip=20, rose=10)
    base = str(tmp_path / "packed")
    archive = Path(shutil.make_archive(base, kind, tmp_path, "deep"))
    columns = ["image_id", "label", "split"]
    assert load(archive).manifest[columns].equals(load(place).manifest[columns])


def test_the_split_of_the_folders_is_taken_over(tmp_path: Path) -> None:
    write(tmp_path / "train", tulip=20, rose=20)
    write(tmp_path / "test", tulip=5, rose=4)
    manifest = load(tmp_path, split="folders").manifest
    assert manifest["split"].value_counts().to_dict() == {
        TRAINING: 36,
        VALIDATION: 4,
        TEST: 9,
    }
    tests = manifest[manifest["split"] == TEST]
    assert tests["image_id"].str.startswith("test/").all()
    write(tmp_path / "valid", tulip=3, rose=2)
    manifest = load(tmp_path, split="folders").manifest
    apart = manifest["image_id"].str.partition("/")[0]
    assert set(zip(apart, manifest["split"], strict=True)) == {
        ("train", TRAINING),
        ("valid", VALIDATION),
        ("test", TEST),
    }


def test_folders_of_a_split_that_are_not_meant_are_said(tmp_path: Path) -> None:
    write(tmp_path / "train", tulip=20, rose=20)
    with pytest.raises(DatasetError, match="has train of the folders") as caught:
        load(tmp_path, split="folders")
    assert caught.value.expected.startswith("train and test")
    # Alone it is a folder around the classes, as many archives have it.
    assert load(tmp_path).manifest["image_id"][0] == "rose/000"
    write(tmp_path / "test", tulip=5, rose=4)
    with pytest.raises(DatasetError, match="has test, train of the folders") as caught:
        load(tmp_path)
    assert "fix `split`" in caught.value.remedy
    (tmp_path / "testing").mkdir()
    with pytest.raises(DatasetError, match="has test, testing, train"):
        load(tmp_path, split="folders")
    flat = write(tmp_path / "flat", tulip=20, rose=20)
    with pytest.raises(DatasetError, match="has none of the folders"):
        load(flat, split="folders")


def test_a_class_may_be_called_as_a_split_is(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, train=10, plane=10))
    assert loaded.info.tasks[0].classes == ("plane", "train")


def test_the_split_of_earlier_runs_is_used(tmp_path: Path) -> None:
    place = write(tmp_path, tulip=20, rose=20)
    shipped = load(place, seed=3, classes="tulip, rose").manifest
    shipped = shipped[["image_id", "split"]]
    again = image_folder.load(place, FolderOptions(), shipped=shipped)
    assert again.manifest["split"].tolist() == shipped["split"].tolist()
    (place / "tulip" / "000.png").unlink()
    with pytest.raises(DatasetError, match="tulip/000"):
        image_folder.load(place, FolderOptions(), shipped=shipped)


def test_two_suffixes_of_one_name_are_refused(tmp_path: Path) -> None:
    place = write(tmp_path, tulip=20, rose=20)
    shutil.copy(place / "rose" / "003.png", place / "rose" / "003.jpg")
    with pytest.raises(DatasetError, match=r"'rose/003' of .*003\.jpg and .*003\.png"):
        load(place)


def test_bad_folders_are_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing at"):
        load(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="holds no file"):
        load(tmp_path)
    write(tmp_path, tulip=20)
    with pytest.raises(DatasetError, match="has 1 class folder"):
        load(tmp_path)
    write(tmp_path, rose=2)
    with pytest.raises(DatasetError, match=r"of rose \(2\)") as caught:
        load(tmp_path)
    assert caught.value.expected == "at least 8 of each class."


def test_options_choose_what_renders() -> None:
    assert image_folder.renderer(FolderOptions()) is render_file
    options = FolderOptions(equalize=True, autocontrast=True)
    render = image_folder.renderer(options)
    assert render.func is render_enhanced
    assert render.keywords["enhancement"] == options.enhancement
    with pytest.raises(StudyError, match="'colour'"):
        READERS["folder"].parse({"colour": 1})


def test_classes_that_are_numbers_are_in_the_order_of_their_values(tmp_path) -> None:
    place = write(tmp_path, **{str(n): 20 for n in range(12)})
    loaded = load(place)
    assert loaded.info.tasks[0].classes == tuple(str(n) for n in range(12))
    # Of equals the first are chosen.
    assert load(place, classes=3).info.tasks[0].classes == ("0", "1", "2")


def test_the_order_of_classes_does_not_change_what_is_drawn(tmp_path) -> None:
    place = write(tmp_path, **{str(n): 20 for n in range(12)})
    manifest = load(place).manifest
    by_letters = sorted(map(str, range(12)))
    renamed = dict(zip(by_letters, "abcdefghijkl", strict=True))
    other = write(tmp_path / "other", **{renamed[str(n)]: 20 for n in range(12)})
    same = load(other).manifest
    by_new = manifest.assign(label=manifest["label"].map(renamed))
    key = ["label", "image_id"]
    by_new["image_id"] = by_new["label"] + "/" + by_new["image_id"].str[-3:]
    pd.testing.assert_frame_equal(
        by_new.sort_values(key)[[*key, "split"]].reset_index(drop=True),
        same.sort_values(key)[[*key, "split"]].reset_index(drop=True),
    )
