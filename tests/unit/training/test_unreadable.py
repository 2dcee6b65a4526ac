"""A study of class folders with pictures that cannot be read, and classes of none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core import runs
from core.data.catalog import load_dataset
from core.data.manifest import LEFT_OUT, TEST, TRAINING, split_fingerprint
from core.data.readers import avatars
from core.errors import DatasetError
from core.study import Study, load_study, parse_study
from core.training.jobs import Listener, train_study
from tests.tiny import tiny_study

TEXT = """
schema = 1
name = "pets"
title = "Pets"
baseline = "plain"
seeds = [0]
[dataset]
name = "image-table"
[model]
backbone = "cnn"
image_size = 16
head_units = 0
options = { filters = [4], dense = [4] }
[training]
epochs = 1
batch_size = 32
[methods.plain]
label = "Plain"
[methods.other]
label = "Other"
"""


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "shipped_store", lambda: tmp_path / "shipped")


@pytest.fixture
def study() -> Study:
    return parse_study(TEXT, origin="the test")


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """150 cats and dogs each, whose files have the same names."""
    folder = tmp_path / "pets"
    for label, level in (("cat", 60), ("dog", 180)):
        (folder / label).mkdir(parents=True)
        for i in range(150):
            pixels = np.full((16, 16, 3), level + i % 40, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{i:03d}.png")
    return folder


def split_of(manifest: pd.DataFrame) -> pd.Series:
    return manifest.set_index("image_id")["split"]


@pytest.mark.slow
def test_what_cannot_be_read_is_recorded_and_counted_nowhere(
    study: Study, pets: Path, tmp_path: Path
) -> None:
    drawn = load_dataset(study, pets).manifest
    split = split_of(drawn)
    # One name that is in training in both classes.
    name = next(
        name
        for name in split.index[split == TRAINING]
        if name.startswith("cat") and split[name.replace("cat", "dog")] == TRAINING
    )
    tested = next(i for i in split.index[split == TEST] if i.startswith("cat"))
    damaged = [name, name.replace("cat", "dog"), tested]
    for image_id in damaged:
        (pets / image_id).write_bytes(b"\x89PNG and no more")
    told: list[str] = []
    listener = Listener(left_out=told.append)
    (run,) = train_study(study, methods=["plain"], data=pets, listener=listener)
    named = sorted(damaged)
    assert [line.partition(" ")[0] for line in told] == named
    listed = run.info["unreadable"]
    assert [each["picture"] for each in listed] == named
    assert {each["picture"]: each["split"] for each in listed} == {
        image_id: split[image_id] for image_id in damaged
    }
    assert all("is damaged" in each["reason"] for each in listed)
    report = runs.data_report("pets")
    assert report["unreadable"] == listed
    manifest = runs.shipped_manifest("pets")
    kept = split_of(manifest)
    assert set(kept[damaged]) == {LEFT_OUT}
    sizes = split.drop(damaged).value_counts()
    assert report["counts"]["per_split"] == {
        part: sizes[part] for part in ("training", "validation", "test")
    }
    assert report["counts"]["left_out_by"] == {"cannot be read": 3}
    assert not set(run.predictions()["image_id"]) & set(damaged)
    # The split is known by all of its images, as where none is damaged.
    assert run.info["split_fingerprint"] == split_fingerprint(drawn)
    assert split_fingerprint(manifest) == split_fingerprint(drawn)

    # Taken out and one more broken: the finished run stays, another one joins it.
    (pets / damaged[0]).unlink()
    later = next(i for i in split.index[split == TRAINING] if i not in damaged)
    (pets / later).write_bytes(b"")
    first, second = train_study(study, data=pets)
    assert first.info == run.info
    assert len(second.info["unreadable"]) == 4
    assert second.info["split_fingerprint"] == run.info["split_fingerprint"]
    assert runs.list_runs("pets").problems == ()
    assert runs.data_report("pets")["counts"]["left_out_by"] == {"cannot be read": 4}

    # A test picture that both have answered for may not go missing.
    answered = next(i for i in split.index[split == TEST] if i != tested)
    (pets / answered).write_bytes(b"")
    with pytest.raises(DatasetError, match=rf"'pets' have answered for: {answered}"):
        train_study(study, methods=["plain"], seeds=[1], data=pets)


def test_a_class_that_damage_leaves_without_a_training_image_is_refused(
    study: Study, pets: Path
) -> None:
    for i in range(150):
        if i % 2:
            (pets / "cat" / f"{i:03d}.png").unlink()
    rare = pets / "newt"
    rare.mkdir()
    for i in range(8):
        Image.new("RGB", (16, 16), (i, 0, 0)).save(rare / f"{i}.png")
    options = {"validation_share": 0.4, "test_share": 0.4}
    table = study.dataset.model_copy(update={"options": options})
    study = study.model_copy(update={"dataset": table})
    manifest = load_dataset(study, pets).manifest
    newts = manifest[(manifest["label"] == "newt") & (manifest["split"] == TRAINING)]
    assert 1 <= len(newts) <= 2
    for path in newts["path"]:
        Path(path).write_bytes(b"")
    with pytest.raises(DatasetError, match="No training image shows Class newt"):
        train_study(study, methods=["plain"], data=pets)
    assert not (runs.user_store() / "pets").exists()


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Noise under UTKFace's names: few photos of each stratum."""
    folder = tmp_path / "UTKFace"
    folder.mkdir()
    rng = np.random.default_rng(0)
    stamp = 20170101000000000
    for gender in range(2):
        for race in range(4):
            for decade in range(8):
                for k in range(6):
                    stamp += 1
                    age = max(1, 10 * decade + k)
                    name = f"{age}_{gender}_{race}_{stamp}.jpg.chip.jpg"
                    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                    picture = Image.fromarray(coarse)
                    picture = picture.resize((64, 64), Image.Resampling.NEAREST)
                    picture.save(folder / name, quality=95)
    return folder


def test_a_class_of_utkface_without_a_training_image_is_refused(faces: Path) -> None:
    study = load_study("utkface")
    options = {"test_per_stratum": 1, "asian_share": 0.001}
    study = study.model_copy(
        update={
            "name": "faces",
            "dataset": study.dataset.model_copy(update={"options": options}),
        }
    )
    with pytest.raises(DatasetError) as caught:
        train_study(study, methods=["baseline"], seeds=[0], data=faces)
    assert "No training image shows Ethnicity Asian" in caught.value.problem
    assert "[dataset] options" in caught.value.remedy


def test_a_class_of_any_dataset_without_a_training_image_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = avatars.sample_people

    def sample(options: avatars.AvatarsOptions) -> pd.DataFrame:
        people = draw(options)
        is_bald = people["hair"].eq("bald") & people["split"].eq(TRAINING)
        return people.assign(split=people["split"].mask(is_bald, TEST))

    monkeypatch.setattr(avatars, "sample_people", sample)
    with pytest.raises(DatasetError, match="No training image shows Hair bald"):
        train_study(tiny_study(), methods=["baseline"])
