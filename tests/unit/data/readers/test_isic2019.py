import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.cache import build_image_cache
from core.data.catalog import READERS, load_dataset, renderer
from core.data.manifest import LEFT_OUT, SPLITS, TEST, TRAINING, VALIDATION
from core.data.readers import isic2019
from core.data.readers.isic2019 import (
    INFO_BINARY,
    INFO_EIGHT,
    ISICOptions,
    read_ground_truth,
)
from core.data.splits import split_by_group
from core.errors import DatasetError, StudyError
from core.study import load_study
from core.training.jobs import train_study
from tests.lesions import (
    CODES,
    GROUND_TRUTH,
    IMAGES,
    METADATA,
    Lesion,
    break_image,
    sample_lesions,
    write_copy,
)
from tests.tiny import tiny_study

COUNTS = {"MEL": 40, "NV": 120, "BCC": 30, "AK": 30, "BKL": 30, "DF": 30}
COUNTS |= {"VASC": 30, "SCC": 30, "UNK": 2}
LESIONS = sample_lesions(COUNTS)
OPTIONS = ISICOptions()
NAMES = {"MEL": "melanoma", "NV": "nevus", "DF": "dermatofibroma"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_copy(tmp_path_factory.mktemp("isic"), LESIONS)


@pytest.fixture
def own(copy: Path, tmp_path: Path) -> Path:
    """A copy of the copy, to be spoiled."""
    return shutil.copytree(copy, tmp_path / "isic")


def test_melanoma_against_nevus_leaves_the_others_out(copy: Path) -> None:
    loaded = isic2019.load(INFO_BINARY, copy, OPTIONS)
    manifest = loaded.manifest.set_index("image_id")
    assert len(manifest) == sum(COUNTS.values())
    kept = manifest[manifest["split"] != LEFT_OUT]
    codes = pd.Series({lesion.image: lesion.code for lesion in LESIONS})
    assert set(kept.index) == set(codes.index[codes.isin(["MEL", "NV"])])
    for code in ("MEL", "NV"):
        assert set(manifest.loc[codes.index[codes == code], "diagnosis"]) == {
            NAMES[code]
        }
    task = loaded.info.tasks[0]
    assert task.classes == ("nevus", "melanoma")
    assert task.kind == "binary"
    reasons = loaded.report["counts"]["left_out_by"]
    assert reasons["diagnosis dermatofibroma"] == COUNTS["DF"]
    assert sum(reasons.values()) == len(manifest) - 160
    assert all(Path(path).is_file() for path in manifest["path"])


def test_eight_diagnoses_leave_only_the_unknown_out(copy: Path) -> None:
    loaded = isic2019.load(INFO_EIGHT, copy, OPTIONS)
    manifest = loaded.manifest
    assert loaded.info.tasks[0].kind == "multiclass"
    assert len(loaded.info.tasks[0].classes) == 8
    assert (manifest["split"] == LEFT_OUT).sum() == COUNTS["UNK"]
    kept = manifest[manifest["split"] != LEFT_OUT]
    assert set(kept["diagnosis"]) == set(loaded.info.tasks[0].classes)
    counts = pd.crosstab(kept["diagnosis"], kept["split"])
    assert (counts > 0).all(axis=None)


def test_split_is_eighty_ten_ten_in_each_class_and_keeps_lesions_whole(
    copy: Path,
) -> None:
    manifest = isic2019.load(INFO_BINARY, copy, OPTIONS).manifest
    kept = manifest[manifest["split"] != LEFT_OUT]
    shares = pd.crosstab(kept["diagnosis"], kept["split"], normalize="index")
    # At most one lesion of three images off at either border.
    for label, count in (("nevus", 120), ("melanoma", 40)):
        for split, share in ((TRAINING, 0.8), (VALIDATION, 0.1), (TEST, 0.1)):
            assert abs(shares.loc[label, split] - share) <= 4 / count
    lesion_of = {lesion.image: lesion.lesion for lesion in LESIONS}
    seen: dict[str, set[str]] = {}
    for row in kept.itertuples():
        if lesion_of[row.image_id]:
            seen.setdefault(lesion_of[row.image_id], set()).add(row.split)
    assert len(seen) < (kept["lesion_id"] != "").sum()
    assert {len(splits) for splits in seen.values()} == {1}


def test_split_depends_on_the_seed_and_not_on_the_order_of_the_rows(
    copy: Path, own: Path
) -> None:
    first = isic2019.load(INFO_BINARY, copy, OPTIONS).manifest["split"]
    for name in (GROUND_TRUTH, METADATA):
        table = pd.read_csv(own / name, dtype=str, keep_default_na=False)
        table.sample(frac=1, random_state=1).to_csv(own / name, index=False)
    again = isic2019.load(INFO_BINARY, own, OPTIONS).manifest["split"]
    assert first.tolist() == again.tolist()
    other = isic2019.load(INFO_BINARY, copy, ISICOptions(seed=1)).manifest["split"]
    assert first.tolist() != other.tolist()


def test_shares_are_exact_where_each_image_is_a_lesion() -> None:
    labels = pd.Series(["a"] * 200 + ["b"] * 50)
    groups = pd.Series([f"g{i}" for i in range(250)])
    shares = {TEST: 0.1, VALIDATION: 0.2}
    split = split_by_group(labels, groups, shares=shares, seed=3)
    counts = pd.crosstab(labels, split)
    assert counts.loc["a", [TEST, VALIDATION, TRAINING]].tolist() == [20, 40, 140]
    assert counts.loc["b", [TEST, VALIDATION, TRAINING]].tolist() == [5, 10, 35]


def test_a_lesion_of_two_diagnoses_stays_whole() -> None:
    labels = pd.Series(["a", "b"] * 60)
    groups = pd.Series([f"g{i // 4}" for i in range(120)])
    shares = {TEST: 0.2, VALIDATION: 0.2}
    split = split_by_group(labels, groups, shares=shares, seed=0)
    assert set(split) == set(SPLITS)
    assert (split.groupby(groups).nunique() == 1).all()


def test_metadata_give_sex_and_age_group(own: Path) -> None:
    table = pd.read_csv(own / METADATA, dtype=str, keep_default_na=False)
    said = [("female", "29.0"), ("male", "30.0"), ("", "85.0"), ("Male", ""), ("", "0")]
    for row, (sex, age) in enumerate(said):
        table.loc[row, ["sex", "age_approx"]] = [sex, age]
    table.iloc[:-1].to_csv(own / METADATA, index=False)
    loaded = isic2019.load(INFO_EIGHT, own, OPTIONS)
    rows = loaded.manifest.set_index("image_id")
    expected = [
        ("female", "0-29"),
        ("male", "30-49"),
        ("unknown", "70 and over"),
        ("male", "unknown"),
        ("unknown", "0-29"),
    ]
    found = rows.loc[table["image"][:5], ["sex", "age group"]]
    assert list(found.itertuples(index=False, name=None)) == expected
    # The last image has no row any more.
    last = rows.loc[table["image"].iloc[-1], ["sex", "age group", "lesion_id"]]
    assert last.tolist() == ["unknown", "unknown", ""]
    for feature, groups in loaded.info.sensitive_features.items():
        assert set(rows[feature]) <= set(groups)


def test_without_metadata_nothing_is_known_of_anyone(tmp_path: Path) -> None:
    copy = write_copy(tmp_path, sample_lesions({"MEL": 20, "NV": 40}), metadata=False)
    loaded = isic2019.load(INFO_BINARY, copy, OPTIONS)
    assert set(loaded.manifest["sex"]) == set(loaded.manifest["age group"])
    assert set(loaded.manifest["sex"]) == {"unknown"}
    assert loaded.report["lesions"]["lesions"] == 60
    per_split = loaded.report["counts"]["per_split"]
    assert per_split == {TRAINING: 48, VALIDATION: 6, TEST: 6}


def test_shipped_split_is_used_and_absent_images_are_named(copy: Path) -> None:
    shipped = isic2019.load(INFO_BINARY, copy, ISICOptions(seed=5)).manifest
    shipped = shipped[["image_id", "split"]]
    loaded = isic2019.load(INFO_BINARY, copy, OPTIONS, shipped=shipped)
    assert loaded.manifest["split"].tolist() == shipped["split"].tolist()
    lost = pd.DataFrame({"image_id": ["ISIC_9999999"], "split": [TEST]})
    with pytest.raises(DatasetError, match="ISIC_9999999"):
        isic2019.load(INFO_BINARY, copy, OPTIONS, shipped=pd.concat([shipped, lost]))


def test_a_folder_inside_the_folder_is_found(own: Path, tmp_path: Path) -> None:
    nested = tmp_path / "download" / "isic" / IMAGES
    nested.mkdir(parents=True)
    (own / IMAGES).rename(nested / IMAGES)
    (nested / IMAGES / "._ISIC_0000000.jpg").write_bytes(b"a Mac was here")
    for name in (GROUND_TRUTH, METADATA):
        (own / name).rename(tmp_path / "download" / name)
    manifest = isic2019.load(INFO_EIGHT, tmp_path / "download", OPTIONS).manifest
    assert len(manifest) == len(LESIONS)


def test_a_picture_that_cannot_be_read_is_reported_by_the_cache(own: Path) -> None:
    broken = next(lesion.image for lesion in LESIONS if lesion.code == "NV")
    break_image(own, broken)
    study = load_study("isic2019-binary")
    manifest = load_dataset(study, own).manifest
    kept = manifest[manifest["split"] != LEFT_OUT].reset_index(drop=True)
    cache = build_image_cache(kept["path"].tolist(), 16, render=renderer(study))
    (row,) = cache.corrupt
    assert kept["image_id"][row] == broken
    assert broken in cache.corrupt[row]


@pytest.mark.slow
def test_the_study_trains_on_generated_lesions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "runs"))
    counts = {"MEL": 30, "NV": 60, "BCC": 5}
    copy = write_copy(tmp_path / "isic", sample_lesions(counts))
    shipped = load_study("isic2019-binary")
    budget = {"epochs": 2, "batch_size": 8, "warmup_steps": 2, "precision": None}
    study = shipped.model_copy(
        update={
            "model": tiny_study().model,
            "training": shipped.training.model_copy(update=budget),
        }
    )
    methods = ("baseline", "hmloss-cs")
    runs = train_study(study, methods=methods, seeds=(0,), data=copy)
    assert [run.method for run in runs] == list(methods)
    for run in runs:
        table = run.predictions()
        assert set(table["split"]) == {TEST, VALIDATION}
        assert set(table["diagnosis_true"]) == {"melanoma", "nevus"}
        shares = table[["diagnosis_p_nevus", "diagnosis_p_melanoma"]]
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        assert set(table["sex"]) <= {"female", "male", "unknown"}
        assert "age group" in table
        assert set(run.history()["epoch"]) == {1, 2}
    again = train_study(study, methods=methods, seeds=(0,), data=copy, resume=True)
    assert [run.info["key"] for run in again] == [run.info["key"] for run in runs]


def _spoil_truth(folder: Path, row: int, **cells: str) -> None:
    table = pd.read_csv(folder / GROUND_TRUTH, dtype=str)
    table.loc[row, list(cells)] = list(cells.values())
    table.to_csv(folder / GROUND_TRUTH, index=False)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"MEL": "0.0"}, "ISIC_0000003 has none"),
        ({"NV": "1.0"}, "ISIC_0000003 has MEL and NV"),
        ({"MEL": "0.5"}, "ISIC_0000003 has neither 0 nor 1 in MEL"),
        ({"BCC": "yes"}, "ISIC_0000003 has neither 0 nor 1 in BCC"),
        ({"BCC": "2.0"}, "ISIC_0000003 has neither 0 nor 1 in BCC"),
    ],
)
def test_a_row_must_mark_one_diagnosis(
    own: Path, cells: dict[str, str], said: str
) -> None:
    assert LESIONS[3].code == "MEL"
    _spoil_truth(own, 3, **cells)
    with pytest.raises(DatasetError, match=said) as caught:
        isic2019.load(INFO_BINARY, own, OPTIONS)
    assert "1 row of" in str(caught.value)


def test_ground_truth_is_missing_empty_or_of_other_columns(
    own: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="nothing at"):
        isic2019.load(INFO_BINARY, tmp_path / "nowhere", OPTIONS)
    truth = own / GROUND_TRUTH
    content = truth.read_text()
    truth.write_text(content.replace("MEL", "Melanoma", 1).replace("SCC", "scc", 1))
    with pytest.raises(DatasetError, match="has no columns MEL, SCC"):
        isic2019.load(INFO_BINARY, own, OPTIONS)
    truth.write_text(content.splitlines()[0] + "\n")
    with pytest.raises(DatasetError, match="has no rows"):
        isic2019.load(INFO_BINARY, own, OPTIONS)
    for damage in (b"", b"\xff\xfe\x00\x81 not text", b"image,MEL\n1,2\n1,2,3,4\n"):
        truth.write_bytes(damage)
        with pytest.raises(DatasetError, match="cannot be read"):
            isic2019.load(INFO_BINARY, own, OPTIONS)
    truth.unlink()
    with pytest.raises(DatasetError, match=f"matches {GROUND_TRUTH}"):
        isic2019.load(INFO_BINARY, own, OPTIONS)


def test_a_file_saved_by_a_spreadsheet_is_read(own: Path) -> None:
    truth = own / GROUND_TRUTH
    whole = read_ground_truth(truth)
    text = truth.read_text().replace(".0", "")
    truth.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    pd.testing.assert_frame_equal(read_ground_truth(truth), whole)


def test_images_and_ground_truth_must_agree(own: Path) -> None:
    gone = own / IMAGES / f"{LESIONS[7].image}.jpg"
    kept = gone.rename(own / "kept.jpg")
    with pytest.raises(DatasetError, match=f"lacks 1 of the .* {LESIONS[7].image}"):
        isic2019.load(INFO_BINARY, own, OPTIONS)
    kept.rename(gone)
    shutil.copy(gone, own / IMAGES / "ISIC_5555555.jpg")
    with pytest.raises(DatasetError, match="does not name: ISIC_5555555"):
        isic2019.load(INFO_BINARY, own, OPTIONS)
    shutil.rmtree(own / IMAGES)
    with pytest.raises(DatasetError, match=f"no folder {IMAGES}"):
        isic2019.load(INFO_BINARY, own, OPTIONS)


@pytest.mark.parametrize("name", [GROUND_TRUTH, METADATA])
def test_an_image_may_be_named_once(own: Path, name: str) -> None:
    lines = (own / name).read_text().splitlines()
    (own / name).write_text("\n".join([*lines, lines[5]]) + "\n")
    with pytest.raises(DatasetError, match=f"{name} names 1 image more than once"):
        isic2019.load(INFO_BINARY, own, OPTIONS)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("ISIC_7777777,30.0,,,male", "does not name: ISIC_7777777"),
        ("{image},thirty,,,male", "gives {image} the age_approx 'thirty'"),
        ("{image},-5,,,male", "gives {image} the age_approx '-5'"),
        ("{image},30.0,,,robot", "gives {image} the sex 'robot'"),
    ],
)
def test_metadata_that_cannot_be(own: Path, row: str, said: str) -> None:
    lines = (own / METADATA).read_text().splitlines()
    image = lines[1].split(",")[0]
    lines[1] = row.format(image=image)
    (own / METADATA).write_text("\n".join(lines) + "\n")
    with pytest.raises(DatasetError, match=said.format(image=image)):
        isic2019.load(INFO_BINARY, own, OPTIONS)


def test_metadata_of_other_columns(own: Path) -> None:
    table = pd.read_csv(own / METADATA, dtype=str, keep_default_na=False)
    table.drop(columns="lesion_id").to_csv(own / METADATA, index=False)
    with pytest.raises(DatasetError, match=f"{METADATA} has no columns lesion_id"):
        isic2019.load(INFO_BINARY, own, OPTIONS)


def test_a_class_too_small_for_the_splits_is_named(tmp_path: Path) -> None:
    lesions = sample_lesions({"NV": 40})
    rare = [Lesion(f"ISIC_{i:07d}", "MEL") for i in (900, 901, 902)]
    copy = write_copy(tmp_path, [*lesions, *rare])
    with pytest.raises(DatasetError, match="'melanoma' has 3 images"):
        isic2019.load(INFO_BINARY, copy, OPTIONS)
    same = [
        replace(lesion, lesion="HAM_9", image=f"{lesion.image}9") for lesion in rare
    ]
    copy = write_copy(tmp_path / "again", [*lesions, *same])
    with pytest.raises(DatasetError, match="'melanoma' has 3 images"):
        isic2019.load(INFO_BINARY, copy, OPTIONS)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"test_share": 0.0}, "test_share"),
        ({"validation_share": 0.5}, "validation_share"),
        ({"shares": 1}, "shares"),
        ({"seed": "0"}, "seed"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(StudyError, match=f"'{named}'"):
        READERS["isic2019"].parse(options)


def test_every_code_of_the_ground_truth_is_read(copy: Path) -> None:
    table = read_ground_truth(copy / GROUND_TRUTH).set_index("image_id")["diagnosis"]
    names = [set(table[[x.image for x in LESIONS if x.code == c]]) for c in CODES]
    assert all(len(name) == 1 for name in names)
    assert len(set.union(*names)) == len(CODES)
    assert np.array_equal(table.index, sorted(table.index))


def test_ids_and_files_with_any_jpeg_suffix_are_the_same_images(
    copy: Path, own: Path
) -> None:
    for file in (GROUND_TRUTH, METADATA):
        table = pd.read_csv(own / file, dtype=str, keep_default_na=False)
        table["image"] += [".jpg", ".JPG"] * (len(table) // 2) + [".jpeg"] * (
            len(table) % 2
        )
        table.to_csv(own / file, index=False)
    picture = next((own / IMAGES).glob("*.jpg"))
    picture.rename(picture.with_suffix(".JPG"))
    loaded = isic2019.load(INFO_BINARY, own, OPTIONS)
    given = isic2019.load(INFO_BINARY, copy, OPTIONS)
    columns = ["image_id", "diagnosis", "split"]
    pd.testing.assert_frame_equal(loaded.manifest[columns], given.manifest[columns])
    assert all(Path(path).is_file() for path in loaded.manifest["path"])
