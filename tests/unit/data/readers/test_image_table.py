import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.cache import render_file
from core.data.catalog import READERS, dataset_of, load_dataset
from core.data.enhancement import render_enhanced
from core.data.manifest import LEFT_OUT, TEST, TRAINING, VALIDATION
from core.data.readers import image_table
from core.data.readers.image_table import ImageTableOptions
from core.errors import DatasetError, StudyError
from core.study import Study, parse_study
from core.tasks import Binary, Multiclass, Regression
from core.training.jobs import train_study
from core.training.reuse import run_key
from tests.images import patients, write_classes, write_picture

SPLIT_SIZES = (TRAINING, VALIDATION, TEST)
STUDY = """
schema = 1
name = "mine"
title = "Mine"
baseline = "plain"
[dataset]
name = "image-table"
options = { numbers = { age = [0, 100, 10] }, two_classes = { diagnosis = ["healthy", "sick"] }, sensitive = ["gender"], group = "patient" }
[model]
backbone = "cnn"
image_size = 16
options = { filters = [4], dense = [4] }
[training]
epochs = 1
[methods.plain]
label = "Plain"
"""  # noqa: E501


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "runs"))


@pytest.fixture(scope="module")
def xrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders with a table of patients beside them."""
    place = write_classes(tmp_path_factory.mktemp("images") / "xrays")
    patients().drop(columns="diagnosis").to_csv(place / "patients.csv", index=False)
    return place


@pytest.fixture
def own(xrays: Path, tmp_path: Path) -> Path:
    """A copy, to be spoiled."""
    return shutil.copytree(xrays, tmp_path / "own")


def load(location: Path, shipped: pd.DataFrame | None = None, **options: object):
    given = READERS["image-table"].parse(options)
    return image_table.load(location, given, shipped=shipped)


# --- class folders ------------------------------------------------------------


def test_class_folders_are_split_class_by_class(tmp_path: Path) -> None:
    loaded = load(write_classes(tmp_path / "flowers", tulip=40, rose=10, Aster=20))
    assert loaded.info.tasks == (
        Multiclass("label", "Class", ("Aster", "rose", "tulip")),
    )
    manifest = loaded.manifest
    counts = pd.crosstab(manifest["label"], manifest["split"])
    wanted = {"tulip": (32, 4, 4), "Aster": (16, 2, 2), "rose": (8, 1, 1)}
    for name, sizes in wanted.items():
        assert tuple(counts.loc[name, list(SPLIT_SIZES)]) == sizes
    assert manifest["image_id"].iloc[0] == "Aster/Aster-000.png"
    assert all(Path(path).is_file() for path in manifest["path"])
    assert loaded.report["classes"]["used"] == 3
    few = load(tmp_path / "flowers", chosen=2, per_class=12).manifest
    kept = few[few["split"] != LEFT_OUT]["label"].value_counts()
    assert kept.to_dict() == {"Aster": 12, "tulip": 12}
    large = load(tmp_path / "flowers", at_least=15)
    assert large.info.tasks == (Binary("label", "Class", ("Aster", "tulip")),)
    assert large.report["counts"]["left_out_by"] == {
        "of a class with too few images": 10
    }


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_is_read_like_its_folder(tmp_path: Path, kind: str) -> None:
    place = write_classes(tmp_path / "deep" / "flowers", tulip=20, rose=10)
    base = str(tmp_path / "packed")
    archive = Path(shutil.make_archive(base, kind, tmp_path, "deep"))
    columns = ["image_id", "label", "split"]
    assert load(archive).manifest[columns].equals(load(place).manifest[columns])


def test_the_split_of_the_folders_is_taken_over(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", tulip=20, rose=20)
    write_classes(tmp_path / "test", tulip=5, rose=4)
    manifest = load(tmp_path).manifest
    sizes = {TRAINING: 36, VALIDATION: 4, TEST: 9}
    assert manifest["split"].value_counts().to_dict() == sizes
    apart = manifest["image_id"].str.startswith("test/")
    assert (apart == (manifest["split"] == TEST)).all()
    write_classes(tmp_path / "valid", tulip=3, rose=2)
    manifest = load(tmp_path).manifest
    apart = manifest["image_id"].str.partition("/")[0]
    assert set(zip(apart, manifest["split"], strict=True)) == {
        ("train", TRAINING),
        ("valid", VALIDATION),
        ("test", TEST),
    }
    drawn = load(tmp_path, split="drawn").manifest
    assert (drawn.loc[apart == "test", "split"] != TEST).any()


def test_a_class_may_be_called_as_a_split_is(tmp_path: Path) -> None:
    loaded = load(write_classes(tmp_path, train=10, plane=10))
    assert loaded.info.tasks[0].classes == ("plane", "train")


def test_classes_that_are_numbers_are_in_the_order_of_their_values(tmp_path) -> None:
    place = write_classes(tmp_path, **{str(n): 10 for n in range(12)})
    assert load(place).info.tasks[0].classes == tuple(str(n) for n in range(12))


# --- a table beside them ------------------------------------------------------


def test_folders_and_a_table_are_joined(xrays: Path) -> None:
    loaded = load(
        xrays,
        numbers={"age": [0, 100, 10]},
        classes=["class folder"],
        sensitive=["gender"],
        group="patient",
        units={"age": "years"},
    )
    assert loaded.info.tasks == (
        Regression("age", "Age", "years", 0.0, 100.0, 10.0),
        Binary("label", "Class", ("healthy", "sick")),
    )
    assert loaded.info.sensitive_features == {"gender": ("f", "m")}
    manifest = loaded.manifest
    truth = patients().set_index("file")
    rows = truth.loc[manifest["image_id"].str.partition("/")[2]]
    assert manifest["age"].tolist() == rows["age"].tolist()
    assert manifest["label"].tolist() == rows["diagnosis"].tolist()
    # No patient is in two splits.
    assert (manifest["split"].groupby(rows["patient"].to_numpy()).nunique() == 1).all()
    assert set(manifest["split"]) == set(SPLIT_SIZES)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".xlsx", ";.csv"])
def test_tables_of_every_kind_say_the_same(tmp_path: Path, suffix: str) -> None:
    place = tmp_path / "flat"
    for i, name in enumerate(patients()["file"]):
        write_picture(place / "images" / name, i)
    table = patients().assign(age=lambda t: t["age"].astype(float))
    file = place / f"labels.{suffix.rpartition('.')[2]}"
    if suffix == ".parquet":
        table.to_parquet(file)
    elif suffix == ".xlsx":
        table.to_excel(file, index=False)
    else:
        sep = {".tsv": "\t", ";.csv": ";"}.get(suffix, ",")
        text = table.to_csv(index=False, sep=sep, lineterminator="\r\n")
        file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    loaded = load(
        place, two_classes={"diagnosis": ["sick", "healthy"]}, numbers={"age": []}
    )
    assert loaded.info.tasks[0] == Regression("age", "Age", "units", 20, 79, 10)
    assert loaded.info.tasks[1].positive == "healthy"
    found = loaded.manifest.set_index("image_id").loc[patients()["file"]]
    assert found["age"].tolist() == patients()["age"].tolist()


def test_missing_values_are_unknown_or_left_out(own: Path) -> None:
    table = patients()
    table = table.astype({"age": object})
    table.loc[[0, 1], "age"] = ["", "n/a"]
    table.loc[2, "gender"] = " "
    table.drop(columns="diagnosis").to_csv(own / "patients.csv", index=False)
    loaded = load(own, numbers={"age": []}, sensitive=["gender"])
    assert loaded.info.sensitive_features == {"gender": ("f", "m", "unknown")}
    assert loaded.report["counts"]["left_out_by"] == {"without a value to predict": 2}
    binned = load(own, sensitive=["age"], bins={"age": 20}).info.sensitive_features
    assert binned == {"age": ("20-39", "40-59", "60-79", "unknown")}


def test_a_split_column_is_taken_over(own: Path) -> None:
    parts = np.where(np.arange(48) % 4 == 0, "Test", "train")
    table = patients().drop(columns="diagnosis").assign(part=parts)
    table.to_csv(own / "patients.csv", index=False)
    manifest = load(own, split="part").manifest
    found = manifest.set_index(manifest["image_id"].str.partition("/")[2])["split"]
    tests = table.loc[parts == "Test", "file"]
    assert (found[tests] == TEST).all()
    assert (found == TEST).sum() == len(tests)
    table.loc[3, "part"] = "holiday"
    table.to_csv(own / "patients.csv", index=False)
    with pytest.raises(DatasetError, match="'part' is not a split: it holds holiday"):
        load(own, split="part")


def test_names_are_found_in_any_script_and_spelling(tmp_path: Path) -> None:
    names = ["né.png", "猫 1.png", "a/ж.JPEG", "b.png"]
    for i, name in enumerate(names):
        folded = unicodedata.normalize("NFD", name)
        write_picture(tmp_path / "photos" / folded, i)
    said = ["né.png", "猫 1", "photos/a/ж.jpg", "C:\\somewhere\\b.png"]
    table = pd.DataFrame({"image": said, "y": ["1", "2", "1", "2"]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    listing = image_table.list_images(tmp_path)
    assert listing.ids.tolist() == ["né.png", "猫 1.png", "a/ж.jpg", "b.png"]
    assert listing.columns["y"].tolist() == ["1", "2", "1", "2"]
    assert all(Path(path).is_file() for path in listing.paths)


def test_a_split_of_earlier_runs_is_used(xrays: Path, own: Path) -> None:
    shipped = load(xrays, seed=3).manifest[["image_id", "split", "label"]]
    shipped.loc[0, "split"] = LEFT_OUT
    again = load(xrays, shipped=shipped)
    assert again.manifest["split"].tolist() == shipped["split"].tolist()
    (own / shipped["image_id"][1]).unlink()
    with pytest.raises(DatasetError, match=r"lacks 1 of the .*healthy-001"):
        load(own, shipped=shipped)


# --- what can be wrong --------------------------------------------------------


def rewrite(folder: Path, **changes: object) -> None:
    """Write the table anew, with some of its cells changed."""
    table = patients().drop(columns="diagnosis").astype(object)
    for column, values in changes.items():
        for row, value in values.items():
            table.loc[row, column] = value
    table.to_csv(folder / "patients.csv", index=False)


def test_pictures_that_the_table_names_wrongly_are_said(own: Path) -> None:
    write_picture(own.parent / "outside.png")
    rewrite(own, file={0: "../outside.png"})
    with pytest.raises(DatasetError, match=r"1 of the 48 .* there: \.\./outside\.png"):
        load(own)
    rewrite(own, file={0: "healthy-001.png"})
    with pytest.raises(DatasetError, match=r"1 pictures more than once: healthy/h"):
        load(own)
    rewrite(own)
    (own / "more").mkdir()
    shutil.copy(own / "sick" / "sick-000.png", own / "more")
    with pytest.raises(DatasetError, match=r"more than one picture: 'sick-000\.png'"):
        load(own)
    shutil.rmtree(own / "more")
    rewrite(own, file=dict.fromkeys(range(48), "none"))
    with pytest.raises(DatasetError, match=r"No column of patients\.csv names the pic"):
        load(own)


def test_tables_that_do_not_fit_are_said(own: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no column 'city'") as caught:
        load(own, sensitive=["city"])
    assert "age, gender" in caught.value.expected
    shutil.copy(own / "patients.csv", own / "second.csv")
    with pytest.raises(DatasetError, match=r"has 2 tables: patients\.csv, second\.csv"):
        load(own)
    assert load(own, table="second.csv").report["counts"]["malformed"] == [
        "patients.csv"
    ]
    (own / "second.csv").write_bytes(b"\x81\x00 no text")
    with pytest.raises(DatasetError, match=r"second\.csv cannot be read"):
        load(own, table="second.csv")
    (own / "second.csv").write_text("file,file\na,b\n")
    with pytest.raises(DatasetError, match="more than one column called file"):
        load(own, table="second.csv")
    with pytest.raises(DatasetError, match=r"has no table none\.csv"):
        load(own, table="none.csv")


def test_columns_that_hold_something_else_are_said(own: Path) -> None:
    rewrite(own, age={4: "old"})
    with pytest.raises(DatasetError, match=r"'age' is to be a number.*: old"):
        load(own, table="patients.csv", numbers={"age": [0, 100, 10]})
    with pytest.raises(DatasetError, match="No image has 'x' as its 'gender'"):
        load(own, two_classes={"gender": ["f", "x"]})
    rewrite(own)
    with pytest.raises(DatasetError, match="groups of 'age' are too narrow"):
        load(own, sensitive=["age"], bins={"age": 0.01})
    rewrite(own, gender=dict.fromkeys(range(48), "m"))
    with pytest.raises(DatasetError, match="All images have the same 'Gender': m"):
        load(own, classes=["gender"])


def test_classes_of_too_few_images_are_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing at"):
        load(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="holds no file"):
        load(tmp_path)
    write_classes(tmp_path, tulip=20)
    with pytest.raises(DatasetError, match="do not lie in class folders"):
        load(tmp_path)
    write_classes(tmp_path, rose=1, aster=20)
    with pytest.raises(DatasetError, match=r"of rose \(1\)") as caught:
        load(tmp_path)
    assert caught.value.expected == "at least 8 of each class."
    assert "at_least = 8" in caught.value.remedy


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colour": 1}, "'colour'"),
        ({"numbers": {"age": [3, 1, 1]}}, "expected the lowest and the highest"),
        ({"numbers": {"age": [0, 100, 0.01]}}, "'age' are too narrow"),
        ({"two_classes": {"x": ["a"]}}, "expected two different classes of 'x'"),
        ({"two_classes": {"x": ["a", "b"]}, "classes": ["x"]}, "'x' is a target twice"),
        ({"numbers": {"age": []}, "sensitive": ["age"]}, "is predicted as a number"),
        ({"test_share": 0.9}, "'test_share'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        READERS["image-table"].parse(options)


def test_names_of_columns_never_meet() -> None:
    options = ImageTableOptions(
        classes=("Split", "label", "class folder"), sensitive=("Âge (y)", "年齢", "性")
    )
    assert list(options.names.values()) == [
        *("split_2", "label", "label_2", "age_y", "column", "column_2"),
    ]


# --- the study ----------------------------------------------------------------


def mine() -> Study:
    return parse_study(
        STUDY.replace('["healthy"', '["m"')
        .replace('"sick"]', '"f"]')
        .replace("diagnosis", "gender"),
        origin="mine",
    )


def test_the_description_comes_of_the_options_then_of_the_images(xrays: Path) -> None:
    study = mine()
    before = dataset_of(study, {}.get)
    assert [task.kind for task in before.tasks] == ["regression", "binary"]
    manifest = load_dataset(study, xrays).manifest
    after = dataset_of(study, {"mine": manifest}.get, needed=True)
    assert after.tasks == before.tasks
    assert after.sensitive_features == {"gender": ("f", "m")}
    options = study.dataset.options | {"path": str(xrays)}
    placed = study.model_copy(
        update={"dataset": study.dataset.model_copy(update={"options": options})}
    )
    assert load_dataset(placed, None).manifest.equals(manifest)
    # Moved images give the same runs.
    assert run_key(placed, "plain", 0, "x") == run_key(study, "plain", 0, "x")
    assert placed.dataset.without_place == study.dataset


def test_options_choose_what_renders() -> None:
    assert image_table.renderer(ImageTableOptions()) is render_file
    options = ImageTableOptions(equalize=True, autocontrast=True)
    render = image_table.renderer(options)
    assert render.func is render_enhanced
    assert render.keywords["enhancement"] == options.enhancement


@pytest.mark.slow
def test_a_study_trains_on_numbers_and_classes(xrays: Path) -> None:
    (run,) = train_study(mine(), seeds=(0,), data=xrays)
    table = run.predictions()
    assert set(table["gender_true"]) == {"m", "f"}
    assert table["age_true"].between(20, 79).all()
