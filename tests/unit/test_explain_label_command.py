"""`equipoise explain-label`: the rule of a study, in text and JSON, and its faults."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.errors import RunError
from tests.synthetic import write_store

SOFTBIO = "avatars-softbio"
LABEL = "grey hair or glasses"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped runs alone."""
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(tmp_path / "runs"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    return folder


def explain(*options: str) -> str:
    result = CliRunner().invoke(app, ["explain-label", *options])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def fault(*options: str) -> str:
    result = CliRunner().invoke(app, ["explain-label", *options])
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


def with_manifest(store: Path, study: str, **columns: object) -> None:
    """Give the manifest of a study other columns."""
    path = store / study / "manifest.parquet"
    pd.read_parquet(path).assign(**columns).to_parquet(path)


def test_the_generators_own_rule_is_found_under_its_label_noise(shipped) -> None:
    text = explain(SOFTBIO)
    said = " ".join(text.split())
    assert f"'{LABEL}' is best explained by glasses or greying ≥ 0.5; on 1,200" in said
    assert re.search(r"precision 1\.000 \[0\.\d+, 1\.000\]", said)
    rows = [line for line in text.splitlines() if line.startswith("│")]
    assert "glasses or greying ≥ 0.5" in rows[1]
    manifest = core.runs.shipped_manifest(SOFTBIO)
    wrong = manifest[manifest["target"] != manifest["target_clean"]]
    assert (
        f"{len(wrong)} of 6,000 images contradict the rule: {len(wrong)} have" in said
    )
    assert "label error, made on purpose" in text
    assert wrong["image_id"].iloc[0] in text


def test_json_holds_all_of_it(shipped) -> None:
    (answer,) = json.loads(explain(SOFTBIO, "--json", "--images", "3"))
    assert answer["rule"] == "glasses or greying ≥ 0.5"
    assert (answer["task"], answer["class"]) == ("target", LABEL)
    first = answer["rules"][0]
    assert first["attributes"] == ["glasses", "greying"]
    assert first["f1"]["value"] == 1
    assert 0.9 < first["f1"]["ci"][0] < 1
    assert [each["bits"] for each in answer["rules"]] == sorted(
        each["bits"] for each in answer["rules"]
    )
    found = answer["contradictions"]
    assert found["counts"]["made"] == sum(found["counts"].values())
    assert len(found["listed"]) == len(answer["typical"]) == 3
    assert {each["split"] for each in found["listed"]} == {"training"}
    assert found["listed"][0]["probability"] is None


def test_labels_that_are_an_attribute_are_explained_by_it(store) -> None:
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=200)
    manifest = pd.read_parquet(store / "avatars" / "manifest.parquet")
    with_manifest(store, "avatars", Bald=manifest["hair"] == "bald")
    said = " ".join(explain("avatars", "--task", "hair", "--class", "bald").split())
    assert "'bald' is best explained by Bald; on 200 test images" in said
    assert "None of 2,400 images contradicts the rule." in said


def test_probable_label_errors_are_those_that_methods_doubt_too(store) -> None:
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=200)
    path = store / "avatars" / "baseline" / "seed-0" / "predictions.parquet"
    table = pd.read_parquet(path)
    test = table[table["split"] == "test"]
    doubted = test.index[(test["glasses_true"] != test["glasses_pred"])]
    manifest = pd.read_parquet(store / "avatars" / "manifest.parquet").copy()
    frame = (manifest["glasses"] == "glasses").set_axis(manifest["image_id"])
    ids = test.loc[doubted[:2], "image_id"]
    frame[ids] = ~frame[ids]
    with_manifest(store, "avatars", frame=frame.to_numpy())
    (answer,) = json.loads(explain("avatars", "--task", "glasses", "--json"))
    assert answer["rule"] == "frame"
    assert answer["contradictions"]["counts"]["probable"] == 2
    listed = {each["image_id"] for each in answer["contradictions"]["listed"]}
    assert listed == set(ids)


def test_a_study_of_labels_alone_says_so_and_shows_what_is_typical(store) -> None:
    write_store(store, "cifar10-lt-200", methods=("baseline",), seeds=(0,), rows=200)
    text = explain("cifar10-lt-200", "--images", "2")
    said = " ".join(text.split())
    assert said.count("These images have no other attribute than this label.") == 1
    assert "best explained" not in said
    ids = re.findall(r"test-cifar10-lt-200-\d+", text)
    assert len(ids) == 20
    (first, *_) = json.loads(explain("cifar10-lt-200", "--json"))
    assert first["rule"] is None
    assert first["rules"] == []
    assert "no other attribute" in first["reason"]


def test_labels_that_nothing_explains_have_no_contradictions(store) -> None:
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=200)
    said = " ".join(explain("avatars", "--task", "glasses").split())
    assert re.search(r"No rule (over 3 attributes )?explains 'glasses'", said)
    assert "contradict the rule" not in said


def test_bins_of_a_number_are_explained_too(store) -> None:
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=200)
    manifest = pd.read_parquet(store / "avatars" / "manifest.parquet")
    with_manifest(store, "avatars", years=manifest["age"] * 2.0)
    said = " ".join(explain("avatars", "--task", "age", "--class", "30-39").split())
    assert "'30-39' is best explained by" in said
    assert "years ≥ 60" in said
    assert "years < 80" in said


@pytest.mark.parametrize(
    ("options", "what", "expected"),
    [
        (["--task", "height"], "no task 'height'", "one of age, glasses, hair"),
        (["--task", "hair", "--class", "red"], "no class 'red'", "one of short, long"),
        (["--task", "age", "--class", "200"], "no bin '200'", "one of 0-9"),
        (["--data", "x"], "--data would change nothing", "--maps FILE"),
        (["--task", "hair", "--maps", "x.png"], "4 are asked for", "one --class"),
        (["--maps", "x.jpg"], "x.jpg does not end in .png", "a PNG file"),
        (["--maps", "x.png"], "have no models", "model.keras"),
    ],
)
def test_what_cannot_be_is_refused(store, options, what, expected) -> None:
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=64)
    said = fault("avatars", *options)
    assert what in said
    assert expected in said


def test_a_study_without_runs_says_how_to_train_it(store) -> None:
    assert "train it: equipoise train avatars" in fault("avatars")


def test_a_table_that_is_damaged_meanwhile_is_skipped_and_named(
    store, monkeypatch
) -> None:
    write_store(store, "avatars", methods=("baseline", "ins"), seeds=(0,), rows=200)
    read = core.runs.Run.predictions

    def predictions(run, split=None, columns=None):
        if (run.method, split) == ("ins", "validation"):
            raise RunError("ins is damaged.", expected="a table", remedy="train it")
        return read(run, split, columns)

    monkeypatch.setattr(core.runs.Run, "predictions", predictions)
    result = CliRunner().invoke(app, ["explain-label", "avatars"])
    assert result.exit_code == 0, result.stderr
    assert "Skipped: ins is damaged." in result.stderr
