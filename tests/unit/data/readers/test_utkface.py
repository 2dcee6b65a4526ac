import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.catalog import READERS
from core.data.duplicates import SAME_PHOTO
from core.data.manifest import LEFT_OUT, TEST, TRAINING, VALIDATION, split_fingerprint
from core.data.readers import utkface
from core.data.readers.utkface import UTKFaceOptions, parse_names
from core.errors import DatasetError, StudyError

OPTIONS = UTKFaceOptions(test_per_stratum=1)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise under published names: ten photos of each stratum."""
    folder = tmp_path_factory.mktemp("UTKFace")
    rng = np.random.default_rng(0)
    stamp = 20170101000000000
    for gender in range(2):
        for race in range(5):
            for decade in range(8):
                for k in range(10):
                    stamp += 1
                    age = max(1, 10 * decade + k)
                    name = f"{age}_{gender}_{race}_{stamp}.jpg.chip.jpg"
                    _save(folder / name, rng)
    for age, name in ((0, "0_0_0_1"), (85, "85_1_2_2"), (116, "116_0_1_3")):
        assert name.startswith(str(age))
        _save(folder / f"{name}.jpg.chip.jpg", rng)
    for name in ("39_1_20170116174525125.jpg.chip.jpg", "55_0_0_1jpg.chip.jpg"):
        _save(folder / name, rng)
    return folder


def _save(path: Path, rng: np.random.Generator) -> None:
    # Coarse noise, so that a JPEG keeps it and every hash differs.
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    coarse.resize((64, 64), Image.Resampling.NEAREST).save(path, quality=95)


def test_names_are_read_as_published() -> None:
    table, malformed = parse_names(
        [
            "26_0_2_20170104023102422.jpg.chip.jpg",
            "1_1_4_2017.jpg.chip.jpg",
            "61_1_20170109142408075.jpg.chip.jpg",
            "24_0_1_20170116220224657 .jpg.chip.jpg",
            "20_2_1_20170116220224657.jpg.chip.jpg",
        ]
    )
    assert table[["age", "gender", "ethnicity"]].to_numpy().tolist() == [
        [1, "female", "Others"],
        [26, "male", "Asian"],
    ]
    assert len(malformed) == 3


def test_protocol_leaves_out_and_balances(copy: Path) -> None:
    loaded = utkface.load(copy, OPTIONS)
    manifest = loaded.manifest
    test = manifest[manifest["split"] == TEST]
    strata = test.groupby(["gender", "ethnicity", test["age"] // 10]).size()
    assert len(strata) == 64
    assert set(strata) == {1}
    kept = manifest[manifest["split"] != LEFT_OUT]
    assert set(kept["ethnicity"]) == {"White", "Black", "Asian", "Indian"}
    assert kept["age"].between(1, 79).all()
    counts = loaded.report["counts"]
    assert len(counts["malformed"]) == 2
    assert counts["found"] == 2 * 5 * 8 * 10 + 3 + 2
    # 160 Asian photos, 16 of them in the test set, a quarter of the others kept.
    assert (kept["ethnicity"] == "Asian").sum() == 16 + 36
    training, validation = ((kept["split"] == s).sum() for s in (TRAINING, VALIDATION))
    assert validation == pytest.approx(0.2 * (training + validation), abs=1)


def test_split_is_the_same_again_and_another_with_another_seed(copy: Path) -> None:
    first = split_fingerprint(utkface.load(copy, OPTIONS).manifest)
    assert split_fingerprint(utkface.load(copy, OPTIONS).manifest) == first
    other = UTKFaceOptions(test_per_stratum=1, seed=1)
    assert split_fingerprint(utkface.load(copy, other).manifest) != first


def test_twins_of_the_test_set_are_left_out(copy: Path, tmp_path: Path) -> None:
    for photo in copy.iterdir():
        (tmp_path / photo.name).hardlink_to(photo)
    original = utkface.load(tmp_path, OPTIONS).manifest
    photo = original[original["split"] == TEST].iloc[0]["image_id"]
    again = tmp_path / ("50_1_3_1" + photo[photo.index(".jpg") :])
    again.write_bytes((tmp_path / photo).read_bytes())
    loaded = utkface.load(tmp_path, OPTIONS)
    split = loaded.manifest.set_index("image_id")["split"]
    assert {split[photo], split[again.name]} >= {LEFT_OUT}
    assert loaded.report["twins"]["pairs"] == 1
    (pair,) = loaded.report[SAME_PHOTO]
    assert set(pair) == {photo, again.name}


def test_only_what_twins_removed_is_counted(copy: Path, tmp_path: Path) -> None:
    for photo in copy.iterdir():
        (tmp_path / photo.name).hardlink_to(photo)
    manifest = utkface.load(copy, OPTIONS).manifest
    tested = manifest[manifest["split"] == TEST].iloc[-1]["image_id"]
    # Left out for its ethnicity, whatever else it is; sorts after what is drawn from.
    other = tmp_path / "9_1_4_99999999999999999.jpg.chip.jpg"
    other.write_bytes((copy / tested).read_bytes())
    report = utkface.load(tmp_path, OPTIONS).report
    reasons = report["counts"]["left_out_by"]
    removed = reasons.get("same photo as one in the test set", 0)
    assert report["twins"]["pairs"] == 1
    assert report["twins"]["removed_test"] == removed == 0


def test_a_photo_that_cannot_be_read_is_named_and_left_out(
    copy: Path, tmp_path: Path
) -> None:
    for photo in copy.iterdir():
        (tmp_path / photo.name).hardlink_to(photo)
    broken = [tmp_path / f"30_0_{race}_9.jpg.chip.jpg" for race in (0, 1)]
    whole = next(copy.iterdir()).read_bytes()
    for photo in broken:
        photo.write_bytes(whole[: len(whole) // 2])
    loaded = utkface.load(tmp_path, OPTIONS)
    split = loaded.manifest.set_index("image_id")["split"]
    assert {split[photo.name] for photo in broken} == {LEFT_OUT}
    assert len(loaded.report["unreadable"]) == 2
    first = loaded.report["unreadable"][0]
    assert first["picture"] == broken[0].name
    assert first["reason"].startswith("is damaged")
    assert loaded.report["twins"]["pairs"] == 0
    for k in range(8):
        (tmp_path / f"30_0_2_9{k}.jpg.chip.jpg").write_bytes(b"")
    with pytest.raises(DatasetError, match="cannot be read"):
        utkface.load(tmp_path, OPTIONS)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"asian_share": 2.0}, "asian_share"),
        ({"validation_share": 0.0}, "validation_share"),
        ({"test_per_stratum": -1}, "test_per_stratum"),
        ({"twin_bit": 40}, "twin_bit"),
        ({"oldest": "79"}, "oldest"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(StudyError, match=f"'{named}'"):
        READERS[utkface.INFO.name].parse(options)


def test_shipped_split_is_used_and_absent_photos_are_named(copy: Path) -> None:
    shipped = utkface.load(copy, OPTIONS).manifest[["image_id", "split"]]
    loaded = utkface.load(copy, OPTIONS, shipped=shipped)
    assert split_fingerprint(loaded.manifest) == split_fingerprint(shipped)
    lost = pd.DataFrame({"image_id": ["9_0_0_9.jpg.chip.jpg"], "split": [TEST]})
    with pytest.raises(DatasetError, match="9_0_0_9"):
        utkface.load(copy, OPTIONS, shipped=pd.concat([shipped, lost]))


def test_places_that_are_no_utkface(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing at"):
        utkface.load(tmp_path / "nowhere", OPTIONS)
    with pytest.raises(DatasetError, match="holds no file"):
        utkface.load(tmp_path, OPTIONS)
    Image.new("RGB", (8, 8)).save(tmp_path / "holiday.jpg")
    with pytest.raises(DatasetError, match="not UTKFace"):
        utkface.load(tmp_path, OPTIONS)
    text = tmp_path / "UTKFace.tar.gz"
    text.write_text("no archive")
    with pytest.raises(DatasetError, match="could not be unpacked"):
        utkface.load(text, OPTIONS)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_damaged_archive_is_said(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    # Of few different bytes, so that it is packed and not merely stored.
    noise = np.random.default_rng(0).integers(0, 8, 40_000, np.uint8).tobytes()
    content = bytearray(_zip(noise) if kind == "zip" else _tar(noise))
    content[2_000:9_000] = bytes(7_000)
    archive = tmp_path / f"UTKFace.{kind}"
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match="could not be unpacked"):
        utkface.load(archive, OPTIONS)
    assert list((tmp_path / "cache" / "unpacked").glob("*")) == []


def _zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1_0_0_1.jpg.chip.jpg", content)
    return file.getvalue()


def _tar(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("1_0_0_1.jpg.chip.jpg")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_too_few_photos_of_a_stratum_are_named(copy: Path) -> None:
    with pytest.raises(DatasetError, match="has 10 photos"):
        utkface.load(copy, UTKFaceOptions(test_per_stratum=11))


def test_photos_of_any_case_and_second_files_are_not_dropped(
    copy: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(copy, tmp_path / "own")
    photos = sorted(own.glob("*_1_3_*.jpg"))
    photos[0].rename(photos[0].with_suffix(".JPG"))
    photos[1].rename(photos[1].with_suffix(".JPeG"))
    (own / "holiday.png").write_bytes(photos[2].read_bytes())
    (own / "again").mkdir()
    shutil.copy(photos[3], own / "again")
    given, loaded = (utkface.load(place, OPTIONS) for place in (copy, own))
    ids = loaded.manifest["image_id"]
    assert ids.tolist() == given.manifest["image_id"].tolist()
    assert loaded.manifest["split"].tolist() == given.manifest["split"].tolist()
    path = loaded.manifest.set_index("image_id")["path"][photos[0].name]
    assert path.endswith(".JPG")
    counts, before = loaded.report["counts"], given.report["counts"]
    assert "holiday.png" in counts["malformed"]
    assert counts["found"] == before["found"] + 2
    assert counts["left_out_by"]["second file of the same photo"] == 1
    Image.new("RGB", (9, 9)).save(own / "again" / photos[4].name)
    with pytest.raises(DatasetError, match="Two different pictures have one name"):
        utkface.load(own, OPTIONS)
