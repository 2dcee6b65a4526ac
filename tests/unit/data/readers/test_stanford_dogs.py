import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
from PIL import Image

from core.data.cache import build_image_cache
from core.data.catalog import READERS
from core.data.enhancement import Enhancement, enhance
from core.data.images import decode_image, preprocess
from core.data.manifest import LEFT_OUT, TEST, TRAINING, VALIDATION, split_fingerprint
from core.data.readers import stanford_dogs
from core.data.readers.stanford_dogs import (
    StanfordDogsOptions,
    read_box,
    read_list,
    renderer,
)
from core.errors import DatasetError, ImageError, StudyError
from tests.dogs import BREEDS, names_of, pack, write_boxes, write_dogs, write_list

COUNTS = dict(zip(BREEDS, (14, 20, 10, 20, 12), strict=True))
NAMES = {folder: folder.partition("-")[2].replace("_", " ") for folder in BREEDS}
CHIHUAHUA = next(iter(BREEDS))
SIZE = (60, 48)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dogs(tmp_path_factory.mktemp("dogs"), COUNTS, lists=0.3)


@pytest.fixture
def own(copy: Path, tmp_path: Path) -> Path:
    """A copy of the copy, to be spoiled."""
    return shutil.copytree(copy, tmp_path / "dogs")


def load(location: Path, **options: object):
    return stanford_dogs.load(location, StanfordDogsOptions(**options))


def kept_of(manifest: pd.DataFrame) -> pd.DataFrame:
    return manifest[manifest["split"] != LEFT_OUT]


def test_every_picture_has_its_breed_and_a_split_of_80_10_10(copy: Path) -> None:
    loaded = load(copy)
    manifest = loaded.manifest.set_index("image_id")
    assert loaded.info.tasks[0].classes == (
        "beagle",
        "Chihuahua",
        "Japanese spaniel",
        "pug",
        "Shih-Tzu",
    )
    for folder, count in COUNTS.items():
        ids = [name.partition("/")[2] for name in names_of(folder, count)]
        assert set(manifest.loc[ids, "breed"]) == {NAMES[folder]}
    counts = pd.crosstab(manifest["breed"], manifest["split"])
    assert counts.loc["beagle", [TRAINING, VALIDATION, TEST]].tolist() == [16, 2, 2]
    assert (counts > 0).all(axis=None)
    assert all(Path(path).is_file() for path in manifest["path"])
    assert loaded.report["counts"]["found"] == sum(COUNTS.values())
    assert loaded.report["breeds"] == {
        "found": 5,
        "used": 5,
        "images_of_the_largest": 20,
        "images_of_the_smallest": 10,
    }


def test_breeds_with_the_most_images_are_chosen_and_thinned(copy: Path) -> None:
    loaded = load(copy, breeds=3, per_class=14)
    # Two have 20 images; of the others Chihuahua has the most.
    assert loaded.info.tasks[0].classes == ("beagle", "Chihuahua", "Japanese spaniel")
    kept = kept_of(loaded.manifest)
    assert kept["breed"].value_counts().tolist() == [14, 14, 14]
    assert loaded.report["counts"]["left_out_by"] == {
        "breed not chosen": 22,
        "over 14 of a breed": 12,
    }
    named = load(copy, breeds="pug, Japanese_spaniel")
    assert named.info.tasks[0].classes == ("Japanese spaniel", "pug")


def test_the_published_lists_are_taken_over(copy: Path) -> None:
    loaded = load(copy, split="lists", validation_share=0.2)
    manifest = loaded.manifest.set_index("image_id")
    for folder, count in COUNTS.items():
        ids = [name.partition("/")[2] for name in names_of(folder, count)]
        border = count - round(0.3 * count)
        assert set(manifest.loc[ids[border:], "split"]) == {TEST}
        rest = manifest.loc[ids[:border], "split"]
        assert set(rest) == {TRAINING, VALIDATION}
        assert abs((rest == VALIDATION).sum() - 0.2 * border) <= 1
    few = load(copy, split="lists", breeds=2)
    assert set(kept_of(few.manifest)["breed"]) == {"beagle", "Japanese spaniel"}


def test_what_no_list_names_is_left_out(own: Path) -> None:
    extra = own / "Images" / CHIHUAHUA / "n02085620_99999.jpg"
    shutil.copy(next(extra.parent.iterdir()), extra)
    loaded = load(own, split="lists")
    row = loaded.manifest.set_index("image_id").loc["n02085620_99999"]
    assert row["split"] == LEFT_OUT
    assert loaded.report["counts"]["left_out_by"] == {"in no list": 1}


def test_the_split_depends_on_the_options_and_not_on_the_place(
    copy: Path, own: Path
) -> None:
    here = split_fingerprint(load(copy).manifest)
    assert split_fingerprint(load(own).manifest) == here
    assert split_fingerprint(load(copy, seed=1).manifest) != here
    shipped = load(copy, seed=7).manifest[["image_id", "split"]]
    again = stanford_dogs.load(own, StanfordDogsOptions(), shipped=shipped)
    assert again.manifest["split"].tolist() == shipped["split"].tolist()
    assert again.info.tasks[0].classes[0] == "beagle"


@pytest.mark.parametrize("given", ["folder", "images.tar", "lists.tar"])
def test_the_published_archives_are_read_like_their_folder(
    copy: Path, tmp_path: Path, given: str
) -> None:
    options = {"split": "lists", "crop_to_box": True}
    archives = pack(copy, tmp_path / "archives")
    place = archives if given == "folder" else archives / given
    packed, plain = load(place, **options), load(copy, **options)
    columns = ["image_id", "breed", "split"]
    assert packed.manifest[columns].equals(plain.manifest[columns])
    boxes = [m.manifest["path"].str.partition("\t")[2] for m in (packed, plain)]
    assert boxes[0].equals(boxes[1])
    assert packed.report == plain.report


def test_one_archive_of_all_is_read(copy: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "all"), "zip", copy.parent, copy.name)
    loaded = load(Path(archive), split="lists", crop_to_box=True)
    assert loaded.report["crops"] == {"pictures": 76, "with_several_dogs": 0}


def test_a_crop_is_what_is_in_the_box(copy: Path) -> None:
    options = StanfordDogsOptions(crop_to_box=True, equalize=True)
    loaded = stanford_dogs.load(copy, options)
    row = loaded.manifest.iloc[5]
    file, _, edges = row["path"].partition("\t")
    assert file == load(copy).manifest.iloc[5]["path"]
    folder = Path(file).parent.name
    box, dogs = read_box(copy / "Annotation" / folder / row["image_id"])
    assert tuple(map(int, edges.split(","))) == box
    assert dogs == 1
    cropped = decode_image(Path(file)).crop(box)
    wanted = enhance(preprocess(cropped, 24), Enhancement(equalize=True))
    np.testing.assert_array_equal(renderer(options)(row["path"], 24), wanted)


def test_the_largest_of_several_dogs_is_cropped_to(own: Path) -> None:
    (name, *_) = names_of(CHIHUAHUA, 1)
    boxes = [(0, 0, 9, 9), (10, 10, 40, 30), (5, 5, 20, 40)]
    path = write_boxes(own, name, boxes, SIZE)
    assert read_box(path) == ((10, 10, 40, 30), 3)
    loaded = load(own, crop_to_box=True)
    assert loaded.report["crops"]["with_several_dogs"] == 1
    # As some copies have them.
    path.rename(path.with_suffix(".xml"))
    again = load(own, crop_to_box=True).manifest
    assert again["path"].equals(loaded.manifest["path"])


@pytest.mark.parametrize(
    "box",
    [(0, 0, 61, 20), (0, 0, 60, 49), (-1, 0, 9, 9), (9, 9, 9, 20), (30, 9, 5, 20)],
)
def test_a_box_outside_the_picture_is_reported_by_name(
    own: Path, box: tuple[int, int, int, int]
) -> None:
    (name, *_) = names_of(CHIHUAHUA, 1)
    write_boxes(own, name, [box], SIZE)
    options = StanfordDogsOptions(crop_to_box=True)
    manifest = stanford_dogs.load(own, options).manifest
    path = manifest.set_index("image_id").loc[Path(name).name, "path"]
    with pytest.raises(ImageError, match=r"n02085620_5\.jpg has a bounding box out"):
        renderer(options)(path, 16)


def test_the_whole_picture_may_be_the_box(own: Path) -> None:
    (name, *_) = names_of(CHIHUAHUA, 1)
    write_boxes(own, name, [(0, 0, *SIZE)], SIZE)
    options = StanfordDogsOptions(crop_to_box=True)
    path = stanford_dogs.load(own, options).manifest.set_index("image_id")["path"]
    assert renderer(options)(path[Path(name).name], 16).shape == (16, 16, 3)


def test_a_cache_knows_pictures_and_boxes_apart(own: Path) -> None:
    (name, *_) = names_of(CHIHUAHUA, 1)
    options = StanfordDogsOptions(crop_to_box=True)

    def images() -> np.ndarray:
        table = stanford_dogs.load(own, options).manifest.set_index("image_id")
        paths = [table.loc[Path(name).name, "path"]]
        return build_image_cache(paths, 16, render=renderer(options)).images

    before = images()
    write_boxes(own, name, [(0, 0, 7, 7)], SIZE)
    moved = images()
    Image.new("RGB", SIZE).save(own / "Images" / f"{name}.jpg")
    assert not images().any()
    assert (before != moved).any()
    write_boxes(own, name, [(0, 0, 99, 99)], SIZE)
    with pytest.raises(DatasetError, match=r"1 of 1 images .* n02085620_5"):
        images()


def test_an_unreadable_picture_is_reported_by_name(own: Path) -> None:
    (name, *_) = names_of(CHIHUAHUA, 1)
    broken = own / "Images" / f"{name}.jpg"
    broken.write_bytes(broken.read_bytes()[:300])
    paths = load(own).manifest["path"].tolist() * 2
    with pytest.raises(DatasetError, match=r"Chihuahua/n02085620_5\.jpg is damaged"):
        build_image_cache(paths, 16)


@pytest.mark.parametrize("count", [2, 7])
def test_a_breed_with_too_few_images_is_named(tmp_path: Path, count: int) -> None:
    copy = write_dogs(tmp_path / "dogs", {**COUNTS, "n02110958-pug": count})
    with pytest.raises(DatasetError, match=rf"too few images of pug \({count}\)") as e:
        load(copy)
    assert e.value.expected == "at least 8 of each class."
    assert "`breeds`" in e.value.remedy
    assert len(kept_of(load(copy, breeds=4).manifest)) == sum(COUNTS.values()) - 12


def test_missing_lists_are_said(own: Path) -> None:
    (own / "lists" / "test_list.mat").unlink()
    with pytest.raises(DatasetError, match=r"lists has no test_list\.mat"):
        load(own, split="lists")
    shutil.rmtree(own / "lists")
    with pytest.raises(DatasetError, match=r"has no train_list\.mat") as caught:
        load(own, split="lists")
    assert "lists.tar" in caught.value.remedy
    assert len(load(own).manifest) == 76


def _no_mat(path: Path) -> None:
    path.write_text("train, test\n" * 40)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:400])


def _other_variable(path: Path) -> None:
    scipy.io.savemat(path, {"labels": np.arange(5)})


def _numbers(path: Path) -> None:
    scipy.io.savemat(path, {"file_list": np.arange(5.0)})


def _no_names(path: Path) -> None:
    scipy.io.savemat(path, {"file_list": np.empty((0, 1), dtype=object)})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_mat, "is not a MAT file"),
        (_empty, "is not a MAT file"),
        (_cut, "is not a MAT file"),
        (_other_variable, "has no variable file_list"),
        (_numbers, r"has '0\.0' in its file_list"),
        (_no_names, "has an empty file_list"),
    ],
)
def test_a_mat_file_that_is_something_else_is_said(own: Path, spoil, said) -> None:
    path = own / "lists" / "train_list.mat"
    spoil(path)
    with pytest.raises(DatasetError, match=rf"train_list\.mat {said}"):
        load(own, split="lists")


def test_lists_that_do_not_fit_the_pictures_are_said(own: Path) -> None:
    names = names_of(CHIHUAHUA, 14)
    path = own / "lists" / "test_list.mat"
    # Of a breed that is not there nothing is asked.
    kept = [name for folder, n in COUNTS.items() for name in names_of(folder, n)[-3:]]
    write_list(path, [*kept, "n02099999-yeti/n02099999_1"], [1] * 16)
    assert read_list(path)[-1] == "n02099999-yeti/n02099999_1"
    load(own, split="lists", breeds="pug, beagle")
    write_list(path, [*kept, f"{CHIHUAHUA}/n02085620_77777"], [1] * 16)
    with pytest.raises(DatasetError, match=r"1 of the 16 .*n02085620_77777 among"):
        load(own, split="lists")
    write_list(path, [*kept, names[0]], [1] * 16)
    with pytest.raises(DatasetError, match=r"in both train_list\.mat and test_list"):
        load(own, split="lists")
    write_list(path, [name for name in kept if "pug" not in name], [1] * 12)
    with pytest.raises(DatasetError, match=r"in the test split of pug \(0\)"):
        load(own, split="lists")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no xml at all", "cannot be read"),
        ("<annotation></annotation>", "has no box"),
        ("<a><bndbox><xmin>1</xmin></bndbox></a>", "cannot be read"),
        (
            "<a><bndbox><xmin>one</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>"
            "</bndbox></a>",
            "cannot be read",
        ),
    ],
)
def test_a_box_that_is_none_is_said(own: Path, content: str, said: str) -> None:
    (name, *_) = names_of(CHIHUAHUA, 1)
    (own / "Annotation" / name).write_text(content)
    with pytest.raises(DatasetError, match=f"n02085620_5 {said}"):
        load(own, crop_to_box=True)


def test_missing_boxes_are_said_if_they_are_asked_for(own: Path) -> None:
    (name, *_) = names_of(CHIHUAHUA, 1)
    (own / "Annotation" / name).unlink()
    with pytest.raises(DatasetError, match="1 of 76 pictures have no bounding box"):
        load(own, crop_to_box=True)
    # Of a breed that is not used no box is asked for.
    load(own, crop_to_box=True, breeds="pug, beagle")
    shutil.rmtree(own / "Annotation")
    with pytest.raises(DatasetError, match="has no Annotation") as caught:
        load(own, crop_to_box=True)
    assert "annotation.tar" in caught.value.remedy
    load(own)


def test_a_place_without_images_is_said(own: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing at"):
        load(tmp_path / "nowhere")
    (own / "Images").rename(own / "pictures")
    with pytest.raises(DatasetError, match="has no Images") as caught:
        load(own)
    assert "n02085620-Chihuahua/n02085620_7.jpg" in caught.value.expected
    assert "images.tar" in caught.value.remedy


def test_folders_that_are_no_breeds_are_said(own: Path) -> None:
    (own / "Images" / CHIHUAHUA).rename(own / "Images" / "Chihuahua")
    with pytest.raises(DatasetError, match="not breeds: Chihuahua"):
        load(own)


def test_hidden_files_are_skipped_and_two_of_one_name_are_refused(own: Path) -> None:
    place = own / "Images" / CHIHUAHUA
    (place / "._n02085620_5.jpg").write_bytes(b"a Mac was here")
    (own / "__MACOSX" / "Images" / CHIHUAHUA).mkdir(parents=True)
    (place / "notes.txt").write_text("a picture of my dog")
    loaded = load(own)
    assert len(loaded.manifest) == 76
    assert loaded.report["counts"]["malformed"] == [f"{CHIHUAHUA}/notes.txt"]
    shutil.copy(place / "n02085620_5.jpg", own / "Images" / "n02110958-pug")
    with pytest.raises(DatasetError, match=r"'n02085620_5' of .* and "):
        load(own)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"breeds": 1}, "'breeds"),
        ({"breeds": ""}, "'breeds"),
        ({"split": "published"}, "'split'"),
        ({"per_class": 0}, "'per_class'"),
        ({"test_share": 0.0}, "'test_share'"),
        ({"crop": True}, "'crop'"),
        ({"equalize": 1}, "'equalize'"),
        ({"split": "lists", "per_class": 100}, "'per_class' cannot thin"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(StudyError, match=named):
        READERS[stanford_dogs.INFO.name].parse(options)
