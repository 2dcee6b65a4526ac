from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.class_folders import (
    ClassColumn,
    choose_images,
    class_folders,
    count_used,
    draw_split,
    list_pictures,
    pictures_in,
    take_split,
    walk_pictures,
)
from core.data.manifest import LEFT_OUT, TEST, TRAINING, VALIDATION
from core.data.splits import least_to_split, split_by_group
from core.errors import DatasetError

KIND = ClassColumn("kind", "kind", "kinds")
SHARES = {TEST: 0.1, VALIDATION: 0.1}


def table(**counts: int) -> pd.DataFrame:
    """So many rows of each kind, undecided."""
    kinds = [name for name, count in counts.items() for _ in range(count)]
    ids = [f"{name}-{i:03d}" for i, name in enumerate(kinds)]
    rows = {"image_id": ids, "path": ids, "kind": kinds, "split": "", "reason": ""}
    return pd.DataFrame(rows)


def chosen(wanted: int | str | None, **counts: int) -> list[str]:
    manifest = table(**counts)
    choose_images(manifest, KIND, wanted, per_class=None, seed=0)
    kept = manifest[manifest["split"] == ""]
    gone = manifest[manifest["split"] == LEFT_OUT]
    assert set(gone["reason"]) <= {"kind not chosen"}
    assert not set(gone["kind"]) & set(kept["kind"])
    return sorted(kept["kind"].unique())


def test_the_classes_with_the_most_images_are_chosen_ties_by_name():
    counts = {"d": 5, "c": 9, "b": 5, "a": 4}
    assert chosen(2, **counts) == ["b", "c"]
    assert chosen(3, **counts) == ["b", "c", "d"]
    assert chosen(None, **counts) == ["a", "b", "c", "d"]


def test_classes_are_chosen_by_name_however_it_is_written():
    counts = {"Shih-Tzu": 3, "Great Dane": 2, "pug": 1}
    assert chosen("pug, great_dane", **counts) == ["Great Dane", "pug"]
    assert chosen("PUG,Shih-Tzu,pug,", **counts) == ["Shih-Tzu", "pug"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (4, "There are 3 classes and not 4"),
        ("a, poodle", "There is no class 'poodle'"),
        ("a, A", "'a, A' names 1 class"),
        (" , ", "names 0 classes"),
    ],
)
def test_what_cannot_be_chosen_is_said(wanted, said):
    with pytest.raises(DatasetError, match=said) as caught:
        chosen(wanted, a=3, b=2, c=1)
    assert "`kinds`" in caught.value.remedy
    assert "a, b, c" in caught.value.expected


def test_a_limit_draws_of_the_larger_classes_only():
    manifest = table(a=20, b=3, c=9)
    choose_images(manifest, KIND, "a, b", per_class=5, seed=0)
    kept = manifest[manifest["split"] == ""]
    assert kept["kind"].value_counts().to_dict() == {"a": 5, "b": 3}
    reasons = manifest["reason"].value_counts().to_dict()
    assert reasons == {"": 8, "over 5 of a kind": 15, "kind not chosen": 9}
    assert count_used(manifest, KIND) == {
        "found": 3,
        "used": 2,
        "images_of_the_largest": 5,
        "images_of_the_smallest": 3,
    }
    same, other = table(a=20, b=3, c=9), table(a=20, b=3, c=9)
    choose_images(same, KIND, "a, b", per_class=5, seed=0)
    choose_images(other, KIND, "a, b", per_class=5, seed=1)
    assert same.equals(manifest)
    assert not other.equals(manifest)


def test_every_class_is_split_by_the_shares():
    manifest = table(a=100, b=10)
    draw_split(manifest, KIND, SHARES, seed=0)
    counts = pd.crosstab(manifest["kind"], manifest["split"])
    assert counts.loc["a", [TRAINING, VALIDATION, TEST]].tolist() == [80, 10, 10]
    assert counts.loc["b", [TRAINING, VALIDATION, TEST]].tolist() == [8, 1, 1]


def test_too_small_classes_are_named_with_how_many_are_needed():
    manifest = table(a=20, b=7, c=2, d=8, e=1, f=1)
    with pytest.raises(DatasetError, match=r"of b \(7\), c \(2\), e \(1\) and 1 more"):
        draw_split(manifest, KIND, SHARES, seed=0)
    with pytest.raises(DatasetError) as caught:
        draw_split(table(a=20, b=2), KIND, SHARES, seed=0)
    assert caught.value.expected == "at least 8 of each class."


@pytest.mark.parametrize(
    "shares", [SHARES, {VALIDATION: 0.1}, {TEST: 0.3, VALIDATION: 0.1}, {TEST: 0.4}]
)
def test_from_the_least_number_on_every_split_gets_an_image(shares):
    def splits(count: int) -> int:
        ids = pd.Series([str(i) for i in range(count)])
        labels = pd.Series(["a"] * count)
        return split_by_group(labels, ids, shares=shares, seed=1).nunique()

    least = least_to_split(shares)
    assert splits(least - 1) <= len(shares)
    assert all(splits(n) == len(shares) + 1 for n in range(least, 60))


def test_a_split_that_came_with_the_images_is_taken_over():
    manifest = table(a=10, b=10)
    parts = pd.Series(([TRAINING] * 7 + [VALIDATION] + [TEST] * 2) * 2)
    take_split(manifest, KIND, parts, validation_share=0.1, seed=0)
    assert manifest["split"].tolist() == parts.tolist()


def test_without_a_validation_part_it_is_set_aside_from_training():
    manifest = table(a=30, b=30)
    manifest.loc[0, ["split", "reason"]] = [LEFT_OUT, "for a reason"]
    parts = pd.Series(([TRAINING] * 20 + [TEST] * 10) * 2)
    take_split(manifest, KIND, parts, validation_share=0.1, seed=0)
    assert manifest["split"][0] == LEFT_OUT
    assert (manifest["split"] == TEST).equals(parts == TEST)
    validation = manifest[manifest["split"] == VALIDATION]
    assert validation["kind"].value_counts().to_dict() == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([TRAINING] * 15 + [TEST] * 5, r"in the test split of a \(0\)"),
        ([TEST] * 11 + [TRAINING] * 9, r"in the training split of a \(0\)"),
        ([TEST] * 8 + [TRAINING] * 11 + [TEST], r"in the training split of a \(2\)"),
    ],
)
def test_a_class_absent_from_a_part_is_named(parts, said):
    manifest = table(a=10, b=10)
    with pytest.raises(DatasetError, match=said):
        take_split(manifest, KIND, pd.Series(parts), validation_share=0.1, seed=0)


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path, "PNG")
    return folder


def test_pictures_are_found_by_name_and_hidden_files_are_none(tmp_path: Path):
    write(tmp_path, "a/2.PNG", "a/1.jpg", "a/.3.jpg", "b/1.webp", ".c/1.png")
    (tmp_path / "a" / "note.txt").write_text("no picture")
    (tmp_path / "__MACOSX").mkdir()
    found, strange = class_folders(tmp_path)
    assert {name: [p.name for p in files] for name, files in found.items()} == {
        "a": ["1.jpg", "2.PNG"],
        "b": ["1.webp"],
    }
    assert strange == ["a/note.txt"]
    assert pictures_in(tmp_path / "nowhere") == []


def test_folders_that_are_no_classes_are_said(tmp_path: Path):
    with pytest.raises(DatasetError, match="has no class folders"):
        class_folders(tmp_path)
    write(tmp_path, "a/1.png")
    with pytest.raises(DatasetError, match="has 1 class folder"):
        class_folders(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(DatasetError, match="without a picture: b"):
        class_folders(tmp_path)


def test_two_pictures_of_one_name_are_refused():
    rows = [("b", "here/b.jpg"), ("a", "a.jpg"), ("b", "there/b.png")]
    with pytest.raises(DatasetError, match=r"'b' of here/b\.jpg and there/b\.png"):
        list_pictures(rows, ("image_id", "path"))
    listed = list_pictures(rows[:2], ("image_id", "path"))
    assert listed["image_id"].tolist() == ["a", "b"]


def test_pictures_below_a_folder_are_walked_by_name(tmp_path: Path):
    write(tmp_path, "b.png", "a/2.PNG", "a/c/1.jpg", "a/.3.jpg", ".d/1.png", "ab/1.gif")
    write(tmp_path, "__MACOSX/a/1.png")
    (tmp_path / "a" / "note.txt").write_text("no picture")
    walked = list(walk_pictures(tmp_path))
    assert walked == ["b.png", "a/2.PNG", "a/c/1.jpg", "ab/1.gif"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(DatasetError, match="nowhere cannot be read: No such file"):
        list(walk_pictures(tmp_path / "nowhere"))
