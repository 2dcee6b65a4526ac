"""Images of one's own, understood: what is guessed, and what is found wrong."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.column_roles import describe_columns, find_roles
from core.data.readers.image_table import ImageTableOptions
from core.errors import StudyError
from core.importing import image_study
from core.importing.file_findings import FAULT, NOTE, WARNING
from core.importing.image_findings import (
    Understanding,
    check_images,
    look_at_pictures,
    propose,
    understand_images,
    unreadable_ids,
)
from core.study import load_study, own_studies
from core.training.run_locks import hold_runs
from tests.images import patients, write_classes, write_picture


def roles_of(**columns: list[str]):
    return find_roles(describe_columns(pd.DataFrame(columns, dtype=object)))


def understand(root: Path, **changes: object) -> Understanding:
    listing, facts, roles = understand_images(root)
    options = propose(listing, roles).model_copy(update=changes)
    return check_images(listing, facts, options, roles.notes)


def said(understood: Understanding, level: str) -> str:
    return "\n".join(str(f) for f in understood.findings if f.level == level)


@pytest.fixture(scope="module")
def xrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders and a table, with a fault of every kind that stops nothing."""
    place = write_classes(tmp_path_factory.mktemp("images") / "xrays")
    table = patients().drop(columns="diagnosis").astype(object)
    table.loc[4, "gender"] = ""
    table.to_csv(place / "patients.csv", index=False)
    shutil.copy(place / "sick" / "sick-000.png", place / "healthy" / "copy.png")
    damaged = place / "healthy" / "healthy-008.png"
    damaged.write_bytes(damaged.read_bytes()[:80])
    rng = np.random.default_rng(9)
    banner = rng.integers(0, 256, (8, 90, 3), np.uint8)
    Image.fromarray(banner).save(place / "sick" / "sick-005.png")
    (place / "empty").mkdir()
    (place / "readme.md").write_text("mine")
    (place / "Thumbs.db").write_bytes(b"x")
    return place


# --- guesses ------------------------------------------------------------------


def test_the_role_of_a_column_is_guessed_by_its_name_and_its_values() -> None:
    rows = 60
    roles = roles_of(
        label=["0", "1", "1"] * 20,
        sex=["f", "m"] * 30,
        age=[str(20 + i % 50) for i in range(rows)],
        patient_id=[str(i // 2) for i in range(rows)],
        uid=[f"x{i}" for i in range(rows)],
        note=[f"text {i % 55}" for i in range(rows)],
        split=["Train", "val", "test"] * 20,
        scanner=["one"] * rows,
    )
    assert roles.two_classes == {"label": ("0", "1")}
    assert roles.sensitive == ("sex", "age")
    assert roles.bins == {"age": 10.0}
    assert (roles.group, roles.split) == ("patient_id", "split")
    notes = "\n".join(roles.notes)
    assert "'label' holds two numbers, 1 and 0: they are taken for classes" in notes
    assert "'uid' is left out: it looks like an id" in notes
    assert "'note' is left out: it is text with 55 different values" in notes
    assert "'scanner' is left out: it has one value alone" in notes
    assert "'split' is the split that came with them" in notes
    assert "one 'patient_id' stay in one split: 30 of 60 images" in notes


def test_kinds_of_targets() -> None:
    numbers = roles_of(target=[str(i / 7) for i in range(40)])
    assert list(numbers.numbers) == ["target"]
    low, high, width = numbers.numbers["target"]
    assert (low, round(high, 3), width) == (0.0, 5.571, 1.0)
    few = roles_of(grade=["1", "2", "3"] * 20, person=[str(i) for i in range(60)])
    assert few.classes == ("grade",)
    assert "Every image has its own 'person'" in "\n".join(few.notes)
    # A known pair has its positive, and of another the rarer class is it.
    assert roles_of(y=["yes"] * 9 + ["no"] * 3).two_classes == {"y": ("no", "yes")}
    assert roles_of(y=["a"] * 3 + ["b"] * 9).two_classes == {"y": ("b", "a")}


# --- findings -----------------------------------------------------------------


def test_everything_that_is_wrong_is_named(xrays: Path) -> None:
    before = understand(xrays)
    assert before.options.two_classes == {"class folder": ("healthy", "sick")}
    assert before.options.group == "patient"
    warned = said(before, WARNING)
    assert "1 class folder has no picture. Here: empty." in warned
    assert "2 images of 49 have no 'gender'" in warned
    assert "healthy/copy.png" in warned
    assert "Class: 1 group has fewer than 20 images. Here: sick = 16" in warned
    noted = said(before, NOTE)
    assert "1 file is not a picture, and is left out. Here: readme.md" in noted
    assert "times as many training images as 'sick'" in noted
    assert "Thumbs" not in warned + noted
    assert before.is_usable

    after = look_at_pictures(before)
    faults = said(after, FAULT)
    assert "1 picture cannot be read" in faults
    assert "healthy/healthy-008.png is damaged" in faults
    assert not after.is_usable
    warned = said(after, WARNING)
    assert "sick/sick-005.png has 90 × 8 pixels" in warned
    assert "sick/sick-000.png = healthy/copy.png" in warned
    assert "there twice with two labels" in warned
    assert unreadable_ids(after) == ["healthy/healthy-008.png"]

    # Left out by hand, it stops nothing; what was seen is not looked at again.
    again = understand(xrays, leave_out=("healthy/healthy-008.png", "healthy/copy.png"))
    again = look_at_pictures(again, looked=after.looked)
    assert again.is_usable
    assert "twice" not in said(again, WARNING)


def test_copies_across_splits_and_torn_groups_come_first(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=20, dog=20)
    for i, name in enumerate(("cat", "dog") * 6):
        write_picture(tmp_path / "test" / name / f"{i}.png", 5000 + i)
    twin = tmp_path / "train" / "cat" / "cat-003.png"
    shutil.copy(twin, tmp_path / "test" / "cat" / "twin.png")
    names = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.png")]
    table = pd.DataFrame({"file": names, "person": [str(i % 9) for i in range(53)]})
    table.to_csv(tmp_path / "people.csv", index=False)
    found = look_at_pictures(understand(tmp_path))
    assert found.options.split == "split folder"
    first, second = (f for f in found.findings if f.level == WARNING and f.count > 0)
    assert str(first).startswith("1 pair of pictures in two splits shows one photo")
    assert "test/cat/twin.png = train/cat/cat-003.png" in str(first)
    assert str(second).startswith("9 different 'person' are in more than one split")
    drawn = look_at_pictures(understand(tmp_path, split="drawn"), looked=found.looked)
    assert "more than one split" not in said(drawn, WARNING)


def test_what_cannot_be_split_is_a_fault(tmp_path: Path) -> None:
    place = write_classes(tmp_path, cat=20, dog=20, fox=1)
    found = understand(place)
    assert "too few images of fox (1)" in said(found, FAULT)
    assert not found.is_usable
    assert found.columns == {}
    table = patients({"cat": 20, "dog": 20}).assign(diagnosis="cat", age=40)
    table.loc[[0, 1], "file"] = ["gone-1.png", "gone-2.png"]
    table.to_csv(place / "labels.csv", index=False)
    found = understand(place, at_least=8, two_classes={}, classes=("diagnosis",))
    assert "All images have the same 'Diagnosis': cat" in said(found, FAULT)
    assert "labels.csv names 2 pictures that are not there" in said(found, FAULT)
    found = understand(place, numbers={"age": ()}, two_classes={}, classes=())
    assert "All images have the same 'Age': 40" in said(found, FAULT)


# --- the study ----------------------------------------------------------------


@pytest.fixture
def usable(xrays: Path) -> Understanding:
    return understand(xrays, leave_out=("healthy/healthy-008.png",))


def test_a_study_is_proposed_written_and_removed(
    usable: Understanding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "runs"))
    uploaded = tmp_path / "runs" / "images" / ".upload"
    shutil.copytree(usable.listing.root, uploaded)
    assert usable.loaded is not None
    # A process was killed between the images and the file of their study.
    (tmp_path / "runs" / "images" / "mes-radios").mkdir()
    with pytest.raises(StudyError, match="is a study 'mes-radios' already"):
        image_study.check_new_name("Mes radios")
    monkeypatch.setattr(image_study, "_KEEPING_S", -1)
    name = image_study.check_new_name("Mes radios")
    made = image_study.propose_study(name, "Mes radios", usable.options, usable.loaded)
    kept = image_study.keep_study(made, uploaded)
    assert load_study("mes-radios") == kept
    assert kept.dataset.options["path"] == "images/mes-radios"
    assert not uploaded.exists()
    assert list(image_study.image_studies()) == ["mes-radios"]
    with pytest.raises(StudyError, match="is a study 'mes-radios' already"):
        image_study.check_new_name("mes radios")
    for taken in ("avatars", "images"):
        with pytest.raises(StudyError):
            image_study.check_new_name(taken)

    other = kept.model_copy(update={"name": "smaller"})
    image_study.keep_study(other)
    with pytest.raises(StudyError, match="are those of other studies too: smaller"):
        image_study.remove_images("mes-radios")
    image_study.remove_images("smaller")
    runs = tmp_path / "runs" / "mes-radios" / "baseline"
    runs.mkdir(parents=True)
    with (
        hold_runs(tmp_path / "runs", "mes-radios", [("baseline", 7)]),
        pytest.raises(StudyError, match="'mes-radios' is being trained now"),
    ):
        image_study.remove_images("mes-radios")
    image_study.remove_images("mes-radios", with_runs=True)
    assert own_studies() == ()
    (left_over,) = (tmp_path / "runs" / "images").iterdir()
    assert left_over.name.startswith(".upload-")
    assert not runs.exists()
    with pytest.raises(StudyError, match="no study 'mes-radios' of your own"):
        image_study.remove_images("mes-radios")


def test_uploads_that_nobody_kept_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path))
    image_study.forget_old_uploads()
    old, new = image_study.new_upload_place(), image_study.new_upload_place()
    kept = tmp_path / "images" / "mine"
    for place in (old, new, kept):
        write_picture(place / "a.png")
    for place in (old, kept):
        os.utime(place, (0, 0))
    image_study.forget_old_uploads()
    assert [place.is_dir() for place in (old, new, kept)] == [False, True, True]


def test_a_study_of_numbers_weighs_them_by_their_spread(usable: Understanding) -> None:
    assert usable.loaded is not None
    options = ImageTableOptions(numbers={"age": (0, 100, 10)}, table="patients.csv")
    found = check_images(usable.listing, usable.facts, options)
    assert found.loaded is not None
    made = image_study.propose_study("ages", "Ages", options, found.loaded)
    assert list(made.methods) == ["baseline", "denseweight"]
    spread = found.loaded.manifest["age"].dropna().std()
    assert made.training.loss_weights["age"] == pytest.approx(1.5 / spread, rel=0.1)


def test_a_folder_is_refused_that_a_study_cannot_be_written_to(
    usable: Understanding, tmp_path: Path
) -> None:
    assert usable.loaded is not None
    study = image_study.propose_study("mine", "Mine", usable.options, usable.loaded)
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"mine\.toml could not be written"):
        image_study.write_file(study, tmp_path / "file" / "mine.toml")
    assert replace(usable, loaded=None).columns == {}
