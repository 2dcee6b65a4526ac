import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.cache import build_image_cache
from core.data.catalog import READERS, dataset_of, load_dataset, renderer
from core.data.manifest import LEFT_OUT, SPLITS, TEST, TRAINING, VALIDATION
from core.data.readers import celeba
from core.data.readers.celeba import read_attributes, read_partition
from core.errors import DatasetError, StudyError
from core.study import Study, load_study
from core.training.jobs import train_study
from tests.celebrities import (
    NAMES,
    PICTURES,
    pack,
    parts,
    sample_attributes,
    write_attributes,
    write_celeba,
    write_partition,
)

COUNT = 90
# Of the forty, two that avatars have.
GREY = {"target": "Gray_Hair or Eyeglasses"}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "runs"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_celeba(tmp_path_factory.mktemp("celeba") / "celeba", COUNT)


@pytest.fixture
def own(copy: Path, tmp_path: Path) -> Path:
    """A copy of the copy, to be spoiled."""
    return shutil.copytree(copy, tmp_path / "celeba")


def load(location: Path, **options: object):
    return celeba.load(location, READERS["celeba"].parse({**GREY, **options}))


def with_options(study: Study, **options: object) -> Study:
    table = study.dataset.model_copy(
        update={"options": {**study.dataset.options, **options}}
    )
    return study.model_copy(update={"dataset": table})


# --- a whole copy -------------------------------------------------------------


def test_every_picture_has_its_target_its_gender_and_a_split(copy: Path) -> None:
    loaded = load(copy, target_classes="neither, grey hair or glasses")
    truth = sample_attributes(COUNT)
    manifest = loaded.manifest.set_index("image_id")
    assert manifest.index.tolist() == truth.index.tolist()
    positive = (truth["Gray_Hair"] == 1) | (truth["Eyeglasses"] == 1)
    assert ((manifest["target"] == "grey hair or glasses") == positive).all()
    assert ((manifest["gender"] == "men") == (truth["Male"] == 1)).all()
    assert set(manifest["gender"]) == {"women", "men"}
    assert all(Path(path).is_file() for path in manifest["path"])
    (task,) = loaded.info.tasks
    assert task.label == "Gray hair or eyeglasses"
    assert task.classes == ("neither", "grey hair or glasses")
    assert loaded.info.sensitive_features == {"gender": ("women", "men")}
    assert not loaded.info.shareable
    assert loaded.info.of_faces
    assert "non-commercial" in loaded.info.notice


def test_the_drawn_split_is_stratified_by_gender_and_target(copy: Path) -> None:
    manifest = load(copy).manifest
    for _, split in manifest.groupby(["gender", "target"])["split"]:
        for part in (VALIDATION, TEST):
            assert abs((split == part).sum() - 0.2 * len(split)) <= 1
    assert not manifest["split"].equals(load(copy, seed=1).manifest["split"])
    assert manifest["split"].equals(load(copy).manifest["split"])


def test_the_published_split_is_taken_over(copy: Path) -> None:
    manifest = load(copy, split="published").manifest
    assert manifest["split"].tolist() == [SPLITS[code] for code in parts(COUNT)]


def test_fewer_pictures_are_drawn(copy: Path) -> None:
    for split in ("stratified", "published"):
        loaded = load(copy, count=60, split=split)
        kept = loaded.manifest[loaded.manifest["split"] != LEFT_OUT]
        assert len(kept) == 60
        assert loaded.report["counts"]["left_out_by"] == {"not drawn": COUNT - 60}
        other = load(copy, count=60, split=split, seed=3).manifest
        assert set(kept["image_id"]) != set(
            other.loc[other["split"] != LEFT_OUT, "image_id"]
        )
    with pytest.raises(DatasetError, match="There are 90 pictures and not 91"):
        load(copy, count=91)


def test_more_attributes_may_be_sensitive(copy: Path) -> None:
    loaded = load(copy, sensitive="Male, Young, Wearing_Hat")
    truth = sample_attributes(COUNT)
    assert loaded.info.sensitive_features == {
        "gender": ("women", "men"),
        "age group": ("not young", "young"),
        "wearing hat": ("not wearing hat", "wearing hat"),
    }
    manifest = loaded.manifest.set_index("image_id")
    assert ((manifest["age group"] == "young") == (truth["Young"] == 1)).all()
    assert (
        (manifest["wearing hat"] == "wearing hat") == (truth["Wearing_Hat"] == 1)
    ).all()


def test_any_expression_can_be_the_target(copy: Path) -> None:
    truth = sample_attributes(COUNT) == 1
    loaded = load(copy, target="not Young or (Smiling and Bangs)")
    wanted = ~truth["Young"] | (truth["Smiling"] & truth["Bangs"])
    found = loaded.manifest.set_index("image_id")["target"] == "yes"
    assert (found == wanted).all()
    assert loaded.info.tasks[0].classes == ("no", "yes")


@pytest.mark.parametrize("csv", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_both_kinds_of_lists_and_nested_folders_are_read(
    tmp_path: Path, csv: bool, nested: bool, copy: Path
) -> None:
    other = write_celeba(tmp_path / "other", COUNT, csv=csv, nested=nested)
    for split in ("published", "stratified"):
        here, there = load(copy, split=split), load(other, split=split)
        columns = ["image_id", "target", "gender", "split"]
        assert here.manifest[columns].equals(there.manifest[columns])
        assert here.report == there.report


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("given", ["whole", "folder", "pictures"])
def test_archives_are_read(own: Path, copy: Path, kind: str, given: str) -> None:
    archive = pack(own, whole=given == "whole", kind=kind)
    place = own if given == "folder" else archive
    found = load(place).manifest
    columns = ["image_id", "target", "gender", "split"]
    assert found[columns].equals(load(copy).manifest[columns])
    assert all(Path(path).is_file() for path in found["path"])


def test_the_folder_of_pictures_with_the_lists_beside_it_will_do(copy: Path) -> None:
    assert len(load(copy / PICTURES).manifest) == COUNT


def test_lists_in_folders_of_their_own_are_found(own: Path, copy: Path) -> None:
    for name, folder in (("list_attr", "Anno"), ("list_eval", "Eval")):
        (own / folder).mkdir()
        (path,) = own.glob(f"{name}*")
        path.rename(own / folder / path.name)
    (own / "__MACOSX" / PICTURES).mkdir(parents=True)
    (own / "__MACOSX" / PICTURES / "._000001.jpg").write_bytes(b"a Mac was here")
    found = load(own, split="published").manifest["split"]
    assert found.equals(load(copy, split="published").manifest["split"])


def test_a_shipped_split_is_used(copy: Path) -> None:
    shipped = load(copy, seed=5).manifest[["image_id", "split"]]
    again = celeba.load(copy, READERS["celeba"].parse(GREY), shipped=shipped)
    assert again.manifest["split"].tolist() == shipped["split"].tolist()
    lost = pd.DataFrame({"image_id": ["999999.jpg"], "split": [TEST]})
    with pytest.raises(DatasetError, match=r"999999\.jpg"):
        celeba.load(
            copy, READERS["celeba"].parse(GREY), shipped=pd.concat([shipped, lost])
        )


# --- bad layouts --------------------------------------------------------------


def test_a_picture_that_cannot_be_read_is_reported_by_the_cache(own: Path) -> None:
    broken = own / PICTURES / "000007.jpg"
    broken.write_bytes(broken.read_bytes()[:300])
    manifest = load(own).manifest
    study = load_study("softbio")
    # Over one in a hundred is an error, so it is one of two hundred here.
    paths = manifest["path"].tolist() * 3
    with pytest.raises(DatasetError, match=r"3 of 270 images.*000007\.jpg is damaged"):
        build_image_cache(paths, 16, render=renderer(study))
    paths = [path for path in paths if not path.endswith("000007.jpg")]
    cache = build_image_cache([*paths, str(broken)], 16, render=renderer(study))
    (reason,) = cache.corrupt.values()
    assert "000007.jpg" in reason


def test_missing_parts_are_named(own: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing at"):
        load(tmp_path / "nowhere")
    (own / "list_eval_partition.txt").unlink()
    assert len(load(own).manifest) == COUNT
    with pytest.raises(DatasetError, match=r"no list_eval_partition\.txt and no .*csv"):
        load(own, split="published")
    kept = (own / "list_attr_celeba.txt").rename(tmp_path / "kept.txt")
    with pytest.raises(DatasetError, match=r"no list_attr_celeba\.txt and no .*csv"):
        load(own)
    kept.rename(own / "list_attr_celeba.txt")
    shutil.rmtree(own / PICTURES)
    with pytest.raises(DatasetError, match=f"no folder {PICTURES}"):
        load(own)
    (own / PICTURES).mkdir()
    with pytest.raises(DatasetError, match=f"no folder {PICTURES} with pictures"):
        load(own)
    (own / f"{PICTURES}.zip").write_bytes(b"PK no archive")
    with pytest.raises(DatasetError, match="could not be unpacked"):
        load(own)


def test_missing_pictures_are_named_and_strange_ones_left_out(own: Path) -> None:
    (own / PICTURES / "000003.jpg").rename(own / PICTURES / "999999.jpg")
    with pytest.raises(DatasetError, match=r"lacks 1 of the 90 .* 000003\.jpg among"):
        load(own)
    shutil.copy(own / PICTURES / "999999.jpg", own / PICTURES / "000003.jpg")
    assert load(own).report["counts"]["malformed"] == ["999999.jpg"]


@pytest.mark.parametrize("csv", [False, True])
@pytest.mark.parametrize("value", ["0", "2", "yes", "1.5"])
def test_values_other_than_1_and_minus_1_are_named(
    tmp_path: Path, csv: bool, value: str
) -> None:
    table = sample_attributes(9).astype(object)
    table.loc["000004.jpg", "Bald"] = value
    path = write_attributes(tmp_path, table, csv=csv)
    with pytest.raises(
        DatasetError, match=rf"1 value of Bald .*000004\.jpg has '{value}'"
    ):
        read_attributes(path)


def _spoiled(tmp_path: Path, change, *, csv: bool = False) -> Path:
    path = write_attributes(tmp_path, sample_attributes(9), csv=csv)
    lines = path.read_text().splitlines()
    change(lines)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines.pop(0), "begins with '5_o_Clock_Shadow"),
        (lambda lines: lines.__setitem__(0, "12"), "there are 12 pictures and has 9"),
        (lambda lines: lines.pop(), "there are 9 pictures and has 8"),
        (lambda lines: lines.pop(1), "names 41 attributes: it lacks 5_o_Clock"),
        (
            lambda lines: lines.__setitem__(1, lines[1].replace("Bald", "Bold")),
            "names 40 attributes: it lacks Bald and has Bold",
        ),
        (
            lambda lines: lines.__setitem__(1, lines[1].replace("Young", "Bald")),
            "lacks Young",
        ),
        (
            lambda lines: lines.__setitem__(4, lines[4].rsplit(" ", 1)[0]),
            "1 row with too few or too many cells: line 5",
        ),
        (
            lambda lines: lines.__setitem__(6, lines[6] + " 1"),
            "1 row with too few or too many cells: line 7",
        ),
        (
            lambda lines: lines.__setitem__(6, lines[6] + " 1 1 1"),
            "cannot be read|too many",
        ),
        (
            lambda lines: lines.__setitem__(2, lines[3]),
            "names 1 picture twice: 000002",
        ),
        (
            lambda lines: lines.__delitem__(slice(1, None)),
            "names 0 attributes: it lacks",
        ),
        (lambda lines: lines.clear(), "begins with ''"),
    ],
)
def test_a_damaged_list_of_attributes_says_where(tmp_path: Path, change, said) -> None:
    with pytest.raises(DatasetError, match=said):
        read_attributes(_spoiled(tmp_path, change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines.pop(0), "begins with '000001.jpg'"),
        (
            lambda lines: lines.__setitem__(0, lines[0].replace("image_id", "name")),
            "begins with 'name'",
        ),
        (
            lambda lines: lines.__setitem__(0, lines[0].replace(",Young", "")),
            "names 39 attributes: it lacks Young",
        ),
        (
            lambda lines: lines.__setitem__(3, lines[3] + ",1"),
            "too many cells: line 4",
        ),
        (lambda lines: lines.__delitem__(slice(1, None)), "has no rows"),
    ],
)
def test_a_damaged_csv_of_attributes_says_where(tmp_path: Path, change, said) -> None:
    with pytest.raises(DatasetError, match=said):
        read_attributes(_spoiled(tmp_path, change, csv=True))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x81 no text", b"\x00\x01"])
def test_a_list_that_is_no_text_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list_attr_celeba.txt"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"list_attr_celeba\.txt"):
        read_attributes(path)


@pytest.mark.parametrize("csv", [False, True])
@pytest.mark.parametrize("code", ["3", "-1", "train"])
def test_a_part_other_than_0_1_2_is_named(tmp_path: Path, csv: bool, code: str) -> None:
    path = write_partition(tmp_path, {"000001.jpg": 0, "000002.jpg": code}, csv)
    with pytest.raises(DatasetError, match=rf"000002\.jpg has '{code}'") as caught:
        read_partition(path)
    assert "2 for test" in caught.value.expected


def test_the_partition_must_be_of_the_same_pictures(own: Path) -> None:
    codes = dict(zip(sample_attributes(COUNT).index, parts(COUNT), strict=True))
    write_partition(own, {**codes, "777777.jpg": 0})
    with pytest.raises(DatasetError, match=r"1 pictures without .*777777\.jpg"):
        load(own, split="published")
    del codes["000011.jpg"]
    write_partition(own, codes)
    with pytest.raises(DatasetError, match=r"1 pictures with attributes, 000011\.jpg"):
        load(own, split="published")
    path = own / "list_eval_partition.csv"
    path.write_text("image,part\n000001.jpg,0\n")
    with pytest.raises(DatasetError, match="has the columns image, part"):
        read_partition(path)


def test_each_split_needs_each_class_and_each_group(own: Path) -> None:
    truth = sample_attributes(COUNT)
    codes = dict(zip(truth.index, parts(COUNT), strict=True))
    women = {
        name: 0 if truth.loc[name, "Male"] == 1 else code
        for name, code in codes.items()
    }
    write_partition(own, women)
    with pytest.raises(DatasetError, match=r"'men' of gender has .* none in the"):
        load(own, split="published")
    with pytest.raises(DatasetError, match="'yes' of target has 0 pictures"):
        load(own, target="Bald and not Bald")


# --- options ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "Blonde_Hair"}, "did you mean Blond_Hair"),
        ({"target": "Blond_Hair or"}, "has the end after"),
        ({"sensitive": "Man"}, "'Man', which `sensitive` names.* did you mean Male"),
        ({"sensitive": " , "}, "'sensitive': expected at least one"),
        ({"target_classes": "one"}, "'target_classes': expected two names"),
        ({"target_classes": "a, b, c"}, "'target_classes': expected two names"),
        ({"target_classes": "a, a"}, "'target_classes': expected two names"),
        ({"split": "random"}, "'split'"),
        ({"count": 0}, "'count'"),
        ({"test_share": 0.6}, "'test_share'"),
        ({"traget": "Young"}, "'traget' is not a known key"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        READERS["celeba"].parse(options)


def test_the_attributes_are_the_published_ones() -> None:
    assert list(celeba.ATTRIBUTES) == NAMES
    assert READERS["celeba"].parse({}).expression.names == {"Blond_Hair", "Eyeglasses"}


def test_a_study_has_the_target_and_the_groups_of_its_options() -> None:
    study = with_options(load_study("softbio"), target="Smiling", sensitive="Young")
    info = dataset_of(study, pytest.fail, needed=True)
    assert info.tasks[0].label == "Smiling"
    assert info.sensitive_features == {"age group": ("not young", "young")}
    assert dataset_of(load_study("softbio"), pytest.fail).tasks[0].classes == (
        "neither",
        "blond hair or eyeglasses",
    )


# --- the study ----------------------------------------------------------------


@pytest.mark.slow
def test_the_study_trains_on_avatars_laid_out_as_celeba(copy: Path) -> None:
    shipped = with_options(load_study("softbio"), **GREY, target_classes="no, yes")
    budget = {"epochs": 2, "batch_size": 16}
    options = {"filters": [4, 4, 4], "kernel": 3, "pool": 2, "dense": [8]}
    study = shipped.model_copy(
        update={
            "model": shipped.model.model_copy(
                update={"image_size": 24, "options": options}
            ),
            "training": shipped.training.model_copy(update=budget),
        }
    )
    methods = ("baseline", "focal-alpha", "undersample")
    runs = train_study(study, methods=methods, seeds=(0,), data=copy)
    assert [run.method for run in runs] == list(methods)
    manifest = load_dataset(study, copy).manifest
    judged = manifest[manifest["split"].isin([VALIDATION, TEST])]
    for run in runs:
        table = run.predictions()
        assert set(table["image_id"]) == set(judged["image_id"])
        assert set(table["gender"]) == {"women", "men"}
        shares = table[["target_p_no", "target_p_yes"]]
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        assert run.model_path.is_file()
    again = train_study(study, methods=methods, seeds=(0,), data=copy, resume=True)
    assert [run.info["key"] for run in again] == [run.info["key"] for run in runs]
    assert (manifest["split"] == TRAINING).sum() == COUNT - len(judged)


def test_pictures_with_any_jpeg_suffix_are_the_published_ones(own):
    given = load(own).manifest
    for name in ("000007", "000008"):
        place = own / PICTURES / f"{name}.jpg"
        place.rename(place.with_suffix(".JPG"))
    manifest = load(own).manifest
    assert manifest["image_id"].tolist() == given["image_id"].tolist()
    paths = manifest.set_index("image_id")["path"]
    assert paths["000007.jpg"].endswith("000007.JPG")
    assert Path(paths["000008.jpg"]).is_file()
