from pathlib import Path

import pandas as pd
import pytest

from core.data.manifest import (
    DRAWN_SPLIT,
    LEFT_OUT,
    TEST,
    TRAINING,
    VALIDATION,
    DatasetInfo,
    LoadedDataset,
    split_fingerprint,
    summarise_split,
)
from core.data.splits import apply_split
from core.data.unreadable_pictures import (
    describe_damage,
    leave_out_damaged,
    leave_out_known_damage,
)
from core.errors import DatasetError

ROOT = Path("/data/pets")
INFO = DatasetInfo(
    name="pets",
    title="Pets",
    tasks=(),
    sensitive_features={},
    shareable=False,
    generated=False,
    notice="",
)


def manifest() -> pd.DataFrame:
    """Two classes with files of the same names."""
    rows = [
        (f"{label}/{i}", str(ROOT / label / f"{i}.png"), label, split)
        for label in ("cat", "dog")
        for i, split in enumerate((TRAINING, TRAINING, VALIDATION, TEST, LEFT_OUT))
    ]
    return pd.DataFrame(rows, columns=["image_id", "path", "label", "split"])


REASONS = {
    1: "1.png is damaged: it breaks off.",
    6: "1.png is empty: 0 bytes.",
    8: "3.png is empty: 0 bytes.",
}


def test_two_of_one_name_in_two_classes_are_told_apart() -> None:
    said = describe_damage(manifest(), REASONS, ROOT)
    assert [str(each) for each in said] == [
        "cat/1.png is damaged: it breaks off.",
        "dog/1.png is empty: 0 bytes.",
        "dog/3.png is empty: 0 bytes.",
    ]
    assert [each.split for each in said] == [TRAINING, TRAINING, TEST]
    # Of an archive, the folder that all have in common stands for the place given.
    for place in (Path("/data/pets.zip"), None):
        assert describe_damage(manifest(), REASONS, place) == said
    above = describe_damage(manifest(), REASONS, ROOT.parent)
    assert above[0].picture == "pets/cat/1.png"


def test_a_box_and_a_picture_without_a_file_are_named() -> None:
    table = manifest()
    table.loc[1, "path"] += "\t1,2,3,4"
    assert describe_damage(table, REASONS, ROOT)[0].picture == "cat/1.png"
    table["path"] = [f"avatar:{i}" for i in range(len(table))]
    assert describe_damage(table, {1: "broken."}, None)[0].picture == "avatar:1"


def test_every_count_is_without_them_and_the_split_is_known_by_all() -> None:
    whole = manifest()
    report = summarise_split(whole.assign(reason="not chosen"))
    sizes = {"used": 2, "images_of_the_largest": 4, "images_of_the_smallest": 4}
    report["classes"] = {"found": 3, **sizes}
    damaged = describe_damage(whole, REASONS, ROOT)
    marked, told = leave_out_damaged(whole, report, damaged, column="label")
    assert told["classes"] == {
        "found": 3,
        "used": 2,
        "images_of_the_largest": 3,
        "images_of_the_smallest": 2,
    }
    sizes = marked["split"].value_counts()
    assert sizes.to_dict() == {TRAINING: 2, VALIDATION: 2, TEST: 1, LEFT_OUT: 5}
    assert told["counts"]["per_split"] == {TRAINING: 2, VALIDATION: 2, TEST: 1}
    assert told["counts"]["left_out_by"] == {"not chosen": 2, "cannot be read": 3}
    assert told["counts"]["found"] == 10
    assert [each["picture"] for each in told["unreadable"]] == [
        "cat/1.png",
        "dog/1.png",
        "dog/3.png",
    ]
    assert split_fingerprint(marked) == split_fingerprint(whole)
    assert told["split_fingerprint"] == split_fingerprint(whole)
    assert marked[DRAWN_SPLIT].tolist() == whole["split"].tolist()
    # A report that another version wrote may lack anything.
    assert leave_out_damaged(whole, {}, damaged)[1]["unreadable"]


def test_nothing_damaged_changes_nothing() -> None:
    whole, report = manifest(), {"counts": {"found": 10}}
    same, told = leave_out_damaged(whole, report, [])
    pd.testing.assert_frame_equal(same, whole)
    assert told == report


def test_later_trainings_leave_the_same_out() -> None:
    whole = manifest()
    kept, report = leave_out_damaged(
        whole, {}, describe_damage(whole, dict([*REASONS.items()][:1]), ROOT)
    )
    again = apply_split(whole.drop(columns="split"), kept, ROOT)
    loaded = leave_out_known_damage(LoadedDataset(INFO, again), kept)
    assert loaded.manifest["split"].tolist() == kept["split"].tolist()
    assert split_fingerprint(loaded.manifest) == split_fingerprint(whole)
    # Another one is damaged since: it joins the first.
    rows = loaded.manifest
    marked, told = leave_out_damaged(
        rows, report, describe_damage(rows, {6: REASONS[6]}, ROOT)
    )
    assert len(told["unreadable"]) == 2
    assert marked[DRAWN_SPLIT].tolist() == whole["split"].tolist()
    assert split_fingerprint(marked) == split_fingerprint(whole)


def test_a_damaged_picture_may_be_taken_out_and_no_other() -> None:
    whole = manifest()
    kept, _ = leave_out_damaged(whole, {}, describe_damage(whole, REASONS, ROOT))
    kept = kept.drop(columns="path")
    there = whole[whole["image_id"] != "dog/1"].drop(columns="split")
    applied = apply_split(there, kept, ROOT)
    loaded = leave_out_known_damage(LoadedDataset(INFO, applied), kept)
    assert split_fingerprint(loaded.manifest) == split_fingerprint(whole)
    gone = loaded.manifest.set_index("image_id").loc["dog/1"]
    assert (gone["split"], gone["label"], gone["path"]) == (LEFT_OUT, "dog", "")
    there = whole[whole["image_id"] != "dog/0"].drop(columns="split")
    with pytest.raises(DatasetError, match="dog/0"):
        apply_split(there, kept, ROOT)
