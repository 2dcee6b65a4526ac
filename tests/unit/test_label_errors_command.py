"""`equipoise label-errors` on shipped studies, in text, Markdown and JSON."""

import inspect
import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.commands.label_errors import label_errors
from core.errors import RunError
from core.results import doubt_limits
from tests.synthetic import write_store


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """The shipped runs alone."""
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(tmp_path / "runs"))


@pytest.fixture
def store(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    return folder


def find(*options):
    result = CliRunner().invoke(app, ["label-errors", *options])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def fault(*options):
    result = CliRunner().invoke(app, ["label-errors", *options])
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


def drop_probabilities(store, study):
    for path in store.glob(f"{study}/*/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table.drop(columns=[c for c in table if "_p_" in c]).to_parquet(path)


def test_flipped_labels_of_the_avatars_are_found(shipped):
    found = json.loads(find("avatars", "--task", "hair", "--json", "--images", "50"))
    manifest = core.runs.shipped_manifest("avatars").set_index("image_id")
    own = manifest[manifest["split"].isin(["validation", "test"])]
    wrong = own.index[own["hair"] != own["hair_clean"]]
    known = found["known"]
    assert (known["images"], known["wrong"]) == (len(own), len(wrong))
    listed = [row["image_id"] for row in found["labels"]]
    assert known["doubted_wrong"] == len(set(listed) & set(wrong))
    precision = known["precision_at_top"]
    assert precision["value"] == pytest.approx(known["top_wrong"] / 50)
    # Of the first fifty nearly all: by chance it would be 1 in 31.
    assert precision["ci"][0] > 0.8
    assert known["recall_at_top"]["value"] > 0.7
    assert all(
        row["known_wrong"] == (row["image_id"] in wrong) for row in found["labels"]
    )
    proposed = {row["image_id"]: row["proposed"] for row in found["labels"]}
    right = [own.loc[i, "hair_clean"] == proposed[i] for i in listed if i in wrong]
    assert np.mean(right) > 0.9


def test_the_softbio_study_has_no_wrong_label_to_be_found(shipped):
    said = " ".join(find("avatars-softbio").split())
    manifest = core.runs.shipped_manifest("avatars-softbio")
    wrong = manifest[manifest["target"] != manifest["target_clean"]]
    assert set(wrong["split"]) == {"training"}
    assert "2,400 images is known to be right" in said
    assert f"the {len(wrong)} wrong ones of this study are of other images" in said
    assert "no recall to measure" in said


def test_copies_of_utkface_speak_for_the_doubts(shipped):
    options = ("utkface", "--task", "ethnicity", "--without", "0", "--json")
    found = json.loads(find(*options, "--images", "300"))
    assert found["sensitivity"] is None
    assert found["known"] is None
    says = found["twins"]["doubted"]
    rows = [row for row in found["labels"] if row["twins"]]
    assert len(rows) == sum(says.values())
    labels = core.runs.shipped_manifest("utkface").set_index("image_id")["ethnicity"]
    pairs = core.runs.data_report("utkface")["same_photo"]
    for row in rows:
        copies = [
            labels[other]
            for pair in pairs
            if row["image_id"] in pair
            for other in pair
            if other != row["image_id"]
        ]
        assert sorted(row["twins"].split("; ")) == sorted(copies)
    assert says["proposed"] > says["given"]


def test_its_defaults_are_those_of_the_page():
    given = inspect.signature(label_errors).parameters
    assert given["top"].default == doubt_limits.TOP
    assert given["without"].default == doubt_limits.LEFT_OUT


def test_it_prints_text_and_markdown(store):
    write_store(store, "avatars", methods=("baseline", "ins"), seeds=(0, 1))
    text = " ".join(find("avatars", "--images", "2").split())
    assert "Of 840 test and validation images" in text
    assert (
        "how much the leaderboard depends on a few labels. It is not a result." in text
    )
    markdown = find("avatars", "--images", "2", "--markdown", "--without", "3")
    assert "| Method | Glasses accuracy ↑ | Glasses accuracy, without" in markdown
    assert markdown.count("| `test-") + markdown.count("| `validation-") <= 2


def test_json_holds_the_leaderboard_with_and_without(store):
    write_store(store, "utkface", methods=("baseline", "ins"), seeds=(0, 1))
    options = ("utkface", "--task", "ethnicity", "--json", "--without", "4")
    found = json.loads(find(*options))
    rest = found["sensitivity"]
    assert rest["left_out"] == 4
    assert "not a result" in rest["note"]
    assert sum(row["dropped"] for row in rest["dropped"]) == 4
    assert {row["metric"] for row in rest["leaderboard"]} == {
        "ethnicity.macro_f1",
        "ethnicity.balanced_accuracy",
    }
    for row in rest["leaderboard"]:
        assert row["n_without"] <= row["n"]
        assert row["low_without"] <= row["mean_without"] <= row["high_without"]
    number = json.loads(find("utkface", "--task", "age", "--json"))
    assert number["pairs"] is number["joint"] is None


def test_a_method_without_its_baseline_has_no_leaderboard(store):
    write_store(store, "utkface", methods=("ins",), seeds=(0,))
    assert json.loads(find("utkface", "--json"))["sensitivity"] is None


def test_what_cannot_be_is_refused(store):
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=64)
    assert "no task 'height'" in fault("avatars", "--task", "height")
    drop_probabilities(store, "avatars")
    said = fault("avatars", "--task", "hair")
    assert "No method of study 'avatars' has probabilities of 'hair'" in said
    assert "import predictions with a column for each class" in said
    # A number needs none.
    assert "Age" in find("avatars", "--task", "age")


def test_a_table_that_is_damaged_meanwhile_is_skipped_and_named(store, monkeypatch):
    write_store(store, "utkface", methods=("baseline", "ins"), seeds=(0,), rows=200)
    read = core.runs.Run.predictions

    def predictions(run, split=None, columns=None):
        if (run.method, split) == ("ins", "validation"):
            raise RunError("ins is damaged.", expected="a table", remedy="train it")
        return read(run, split, columns)

    monkeypatch.setattr(core.runs.Run, "predictions", predictions)
    result = CliRunner().invoke(app, ["label-errors", "utkface", *("--task", "age")])
    assert result.exit_code == 0, result.stderr
    assert "Skipped: ins is damaged." in result.stderr
