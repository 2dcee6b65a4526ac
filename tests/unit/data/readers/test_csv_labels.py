import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.catalog import READERS, dataset_info, dataset_of, load_dataset
from core.data.manifest import LEFT_OUT, SPLITS, TEST, VALIDATION
from core.data.readers import csv_labels
from core.data.readers.csv_labels import read_labels
from core.errors import DatasetError, StudyError
from core.study import Study, load_study
from core.training.jobs import train_study
from tests.celebrities import draw_celebrity, sample_attributes

COUNT = 60


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "runs"))


def rows_of() -> pd.DataFrame:
    """As that project's files were: names, -1 or 1, and a gender."""
    truth = sample_attributes(COUNT)
    return pd.DataFrame(
        {
            "filename": truth.index,
            "label": np.maximum(truth["Gray_Hair"], truth["Eyeglasses"]).to_numpy(),
            "gender": np.where(truth["Male"] == 1, "man", "woman"),
        }
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled") / "own"
    folder.mkdir()
    table = rows_of()
    for index, name in enumerate(table["filename"]):
        draw_celebrity(index, 32).save(folder / name, quality=92)
    table.to_csv(folder / "labels.csv", index=False)
    return folder


@pytest.fixture
def own(whole: Path, tmp_path: Path) -> Path:
    """A copy, to be spoiled."""
    return shutil.copytree(whole, tmp_path / "own")


def load(location: Path, **options: object):
    return csv_labels.load(location, READERS["labelled"].parse(options))


def write(folder: Path, text: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


# --- a whole folder -----------------------------------------------------------


def test_every_picture_has_its_label_its_group_and_a_split(whole: Path) -> None:
    loaded = load(
        whole, asked="Grey or glasses", classes="neither, either", sensitive="gender"
    )
    table = rows_of().set_index("filename")
    manifest = loaded.manifest.set_index("image_id")
    assert set(manifest.index) == set(table.index)
    positive = table.loc[manifest.index, "label"] == 1
    assert ((manifest["label"] == "either") == positive).all()
    assert (manifest["gender"] == table.loc[manifest.index, "gender"]).all()
    assert all(Path(path).name == name for name, path in manifest["path"].items())
    (task,) = loaded.info.tasks
    assert (task.label, task.classes) == ("Grey or glasses", ("neither", "either"))
    assert loaded.info.sensitive_features == {"gender": ("man", "woman")}
    for _, split in manifest.groupby(["label", "gender"])["split"]:
        for part in (VALIDATION, TEST):
            assert abs((split == part).sum() - 0.2 * len(split)) <= 1


def test_without_sensitive_columns_there_are_no_groups(whole: Path) -> None:
    loaded = load(whole, seed=1, test_share=0.3, validation_share=0.1)
    assert loaded.info.sensitive_features == {}
    assert "gender" not in loaded.manifest
    shares = loaded.manifest["split"].value_counts(normalize=True)
    assert shares[TEST] == pytest.approx(0.3, abs=0.03)


def test_labels_of_0_and_1_are_those_of_minus_1_and_1(own: Path, whole: Path) -> None:
    table = rows_of()
    for codes in ({-1: "0", 1: "1"}, {-1: "-1.0", 1: "1.0"}, {-1: " -1", 1: "+1 "}):
        coded = table.assign(label=table["label"].map(codes))
        coded.to_csv(own / "labels.csv", index=False)
        found, expected = load(own).manifest, load(whole).manifest
        assert found["label"].equals(expected["label"])
        assert found["split"].equals(expected["split"])


def test_a_spreadsheet_s_file_and_empty_groups_are_read(own: Path) -> None:
    table = rows_of()
    table.loc[3, "gender"] = ""
    text = table.to_csv(index=False).replace("\n", "\r\n")
    (own / "labels.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    loaded = load(own, sensitive="gender")
    assert loaded.info.sensitive_features == {"gender": ("man", "unknown", "woman")}
    row = loaded.manifest.set_index("image_id").loc[table["filename"][3]]
    assert row["gender"] == "unknown"


def test_pictures_may_lie_in_folders_and_come_packed(own: Path, tmp_path: Path) -> None:
    expected = load(own).manifest
    place = own / "images" / "train"
    place.mkdir(parents=True)
    for path in own.glob("*.jpg"):
        path.rename(place / path.name)
    assert load(own).manifest["split"].equals(expected["split"])
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "own")
    packed = load(Path(archive)).manifest
    assert packed["split"].equals(expected["split"])
    table = rows_of()
    table["filename"] = "images/train/" + table["filename"]
    table.to_csv(own / "labels.csv", index=False)
    assert set(load(own).manifest["image_id"]) == set(table["filename"])


def test_one_of_several_files_is_named(own: Path) -> None:
    rows_of().head(40).to_csv(own / "few.csv", index=False)
    with pytest.raises(DatasetError, match=r"has 2 CSV files: few\.csv, labels\.csv"):
        load(own)
    loaded = load(own, csv="few.csv")
    assert len(loaded.manifest) == 40
    assert len(loaded.report["counts"]["malformed"]) == COUNT - 40
    with pytest.raises(DatasetError, match=r"has no file none\.csv"):
        load(own, csv="none.csv")


def test_a_shipped_split_is_used(whole: Path) -> None:
    shipped = load(whole, seed=5).manifest[["image_id", "split"]]
    shipped.loc[0, "split"] = LEFT_OUT
    options = READERS["labelled"].parse({"sensitive": "gender"})
    again = csv_labels.load(whole, options, shipped=shipped)
    assert again.manifest["split"].tolist() == shipped["split"].tolist()
    assert again.info.sensitive_features == {"gender": ("man", "woman")}


# --- what can be wrong --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "filename,label\na.jpg,2\nb.jpg,1\n",
            r"1 rows .*cannot be \(line 2: a\.jpg, 2\)",
        ),
        ("filename,label\na.jpg,1\nb.jpg,\n", r"line 3: b\.jpg, no label"),
        ("filename,label\na.jpg,yes\n", r"line 2: a\.jpg, yes"),
        ("filename,label\na.jpg,0.5\n", r"line 2: a\.jpg, 0\.5"),
        (
            "filename,label\na.jpg,-1\nb.jpg,-1\nc.jpg,0\nd.jpg,1\n",
            r"1 rows that mix -1 and 0 \(line 4: c\.jpg, 0\)",
        ),
        ("filename,label\na.jpg,1\n,1\n", r"without a name \(line 3: no name, 1\)"),
        (
            "filename,label\na.jpg,1\na.jpg,-1\n",
            r"occurs before \(line 3: a\.jpg, -1\)",
        ),
        ("filename;label\na.jpg;1\n", r"no columns filename, label.*'filename;label'"),
        (
            "a.jpg,1\nb.jpg,-1\n",
            r"no columns filename, label; its first line is 'a\.jpg",
        ),
        ("filename,label\n", "has no rows"),
        ("", "cannot be read"),
        ("filename,label\na.jpg,1\nb.jpg,1,2,3\n", "cannot be read"),
    ],
)
def test_a_wrong_file_says_its_first_rows_at_fault(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        read_labels(write(tmp_path, text))


def test_only_the_first_rows_are_said(tmp_path: Path) -> None:
    rows = "".join(f"{i}.jpg,7\n" for i in range(50))
    with pytest.raises(DatasetError, match="50 rows") as caught:
        read_labels(write(tmp_path, f"filename,label\n{rows}"))
    assert str(caught.value).count("line ") == 3


def test_a_sensitive_column_has_to_be_there(own: Path) -> None:
    with pytest.raises(DatasetError, match="has no column age"):
        load(own, sensitive="gender, age")


def test_a_file_that_is_no_text_is_named(own: Path) -> None:
    (own / "labels.csv").write_bytes(b"\xff\xfe\x00\x81 no text")
    with pytest.raises(DatasetError, match=r"labels\.csv cannot be read"):
        load(own)


def test_missing_pictures_and_those_of_two_folders_are_named(own: Path) -> None:
    (own / "000002.jpg").unlink()
    (own / "000005.jpg").rename(own / "000005.txt")
    with pytest.raises(DatasetError, match=r"2 of the 60 .* not there: 000002\.jpg, 0"):
        load(own)
    for name in ("a", "b"):
        (own / name).mkdir()
        shutil.copy(own / "000003.jpg", own / name / "000002.jpg")
    shutil.copy(own / "000003.jpg", own / "000005.jpg")
    with pytest.raises(DatasetError, match=r"there more than once: 000002\.jpg"):
        load(own)


def test_a_name_cannot_leave_the_folder(own: Path) -> None:
    Image.new("RGB", (8, 8)).save(own.parent / "outside.jpg")
    table = rows_of()
    table.loc[0, "filename"] = "../outside.jpg"
    table.to_csv(own / "labels.csv", index=False)
    with pytest.raises(DatasetError, match=r"not there: \.\./outside\.jpg"):
        load(own)


def test_no_csv_and_nothing_there_are_said(tmp_path: Path, own: Path) -> None:
    with pytest.raises(DatasetError, match="nothing at"):
        load(tmp_path / "nowhere")
    (own / "labels.csv").unlink()
    with pytest.raises(DatasetError, match=r"no file that ends in \.csv"):
        load(own)


def test_each_split_needs_both_labels(own: Path) -> None:
    table = rows_of()
    table.loc[1:, "label"] = -1
    table.loc[0, "label"] = 1
    table.to_csv(own / "labels.csv", index=False)
    with pytest.raises(
        DatasetError, match="has 1 pictures of 'yes', and none falls in"
    ):
        load(own)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classes": "one"}, "'classes': expected two names"),
        ({"sensitive": "gender, split"}, "no feature may be called 'split'"),
        ({"csv": ""}, "'csv'"),
        ({"test_share": 0.9}, "'test_share'"),
        ({"colour": 1}, "'colour'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        READERS["labelled"].parse(options)


# --- the study ----------------------------------------------------------------


def own_study(**options: object) -> Study:
    study = load_study("avatars-softbio")
    model = {"image_size": 16, "options": {"filters": [4], "dense": [4]}}
    changes = {
        "name": "mine",
        "dataset": study.dataset.model_copy(
            update={"name": "labelled", "options": options}
        ),
        "model": study.model.model_copy(update=model),
        "training": study.training.model_copy(update={"epochs": 1}),
        "methods": {"baseline": study.method("baseline")},
        "label_noise": None,
    }
    return study.model_copy(update=changes)


def test_groups_are_those_of_the_manifest(whole: Path) -> None:
    study = own_study(sensitive="gender")
    info = dataset_of(study, {}.get)
    assert info.sensitive_features == {"gender": ()}
    assert not info.knows_classes
    manifest = load_dataset(study, whole).manifest
    found = dataset_of(study, {"mine": manifest}.get, needed=True)
    assert found.sensitive_features == {"gender": ("man", "woman")}
    with pytest.raises(DatasetError, match="are not known"):
        dataset_of(study, {}.get, needed=True)
    assert dataset_info("labelled").knows_classes


@pytest.mark.slow
def test_a_study_trains_on_a_folder_with_a_csv(whole: Path) -> None:
    (run,) = train_study(own_study(sensitive="gender"), seeds=(0,), data=whole)
    table = run.predictions()
    assert set(table["split"]) == set(SPLITS[1:])
    assert set(table["gender"]) == {"man", "woman"}
    assert set(table["label_true"]) == {"no", "yes"}


def test_suffixes_in_any_case_are_the_same_pictures(whole: Path, own: Path) -> None:
    (own / "labels.csv").rename(own / "labels.CSV")
    for name in rows_of()["filename"].iloc[:2]:
        (own / name).rename((own / name).with_suffix(".JPEG"))
    manifest = load(own).manifest
    assert manifest["split"].tolist() == load(whole).manifest["split"].tolist()
    assert all(Path(path).is_file() for path in manifest["path"])
