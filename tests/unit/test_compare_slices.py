"""`equipoise compare --slices`: printed, as JSON, and with what pictures tell."""

import json

import pytest
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.data.image_properties import PROPERTIES
from core.results.slices import study_features
from core.results.study_runs import load_study_runs
from core.runs import shipped_manifest
from tests.synthetic import write_store

NAME = "avatars"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def store(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_store(folder, NAME, methods=("baseline", "lmf"), seeds=(0, 1), rows=300)
    return folder


def compare(*options):
    result = CliRunner().invoke(app, ["compare", NAME, *options])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_every_task_and_method_is_in_the_json(store):
    record = json.loads(compare("--json", "--slices"))
    assert [one["task"] for one in record["slices"]] == ["age", "glasses", "hair"]
    for one in record["slices"]:
        assert one["looked_at"] > 10
        assert set(PROPERTIES) <= set(one["not_searched"])
        assert [method["name"] for method in one["methods"]] == ["baseline", "lmf"]
        for method in one["methods"]:
            for found in method["slices"]:
                assert found["n"] >= one["fewest_images"]
                assert found["ci"][0] > 0
    assert "slices" not in json.loads(compare("--json"))


def test_sentences_are_printed_on_request(store):
    said = compare("--markdown", "--only", "slices")
    assert "**Where methods are worst: Hair error rate by slice**" in said
    assert said.count("certainly worse") >= 6
    assert "Where methods are worst" not in compare("--markdown")


def test_generated_pictures_are_measured_and_what_was_drawn_is_known():
    runs = load_study_runs(NAME)
    table = runs.tables["baseline", 0].head(40)
    paths = {one: f"avatars:{int(one[-6:])}" for one in table["image_id"]}
    found = study_features(
        runs.study,
        runs.info,
        table,
        manifest=shipped_manifest(NAME),
        paths=paths,
        no_pictures="none",
    )
    assert {"brightness", "sharpness", "hat", "greying"} <= set(found.names)
    assert found.left_out["size"] == "no picture has a file of its own"
    # Labels from before the noise would tell where it is.
    assert not [name for name in found.names if "clean" in name]
    assert (found.groups["brightness"].value_counts() >= 9).all()
