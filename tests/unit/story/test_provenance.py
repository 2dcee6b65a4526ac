"""The card of provenance says what the runs record, and nothing more."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.language import speaking
from core.story.model_card import model_card
from core.story.provenance import (
    NOT_RECORDED,
    provenance_markdown,
    provenance_of,
)
from core.views.studies import open_study, view_beside
from tests.synthetic import write_run, write_store

SHIPPED = core.runs.shipped_store()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "none")
    write_store(tmp_path, "utkface", methods=("baseline", "ins"), rows=160)
    return tmp_path


def records(study: str) -> list[dict]:
    paths = sorted((SHIPPED / study).glob("*/seed-*/run.json"))
    return [json.loads(path.read_text()) for path in paths]


@pytest.mark.parametrize("study", ["utkface", "cifar10-transfer", "avatars"])
def test_a_shipped_study_says_what_its_records_say(study: str) -> None:
    found = provenance_of(open_study(study))
    kept = records(study)
    assert len(found.runs) == len(kept)
    assert {run.key for run in found.runs} == {info["key"] for info in kept}
    assert set(found.split_fingerprints) == {i["split_fingerprint"] for i in kept}
    assert set(found.seeds) == {info["seed"] for info in kept}
    days = sorted(info["created"][:10] for info in kept)
    assert found.trained == (days[0], days[-1])
    packages = {name for info in kept for name in info["versions"]}
    assert set(found.versions) == packages
    assert any("AMD EPYC" in machine for machine in found.hardware)
    assert len(found.runs_digest) == 16


def test_of_two_studies_side_by_side_each_is_named() -> None:
    view = view_beside(open_study("utkface"), "utkface-scratch")
    card = provenance_of(view)
    assert list(card.titles) == ["utkface", "utkface-scratch"]
    assert dict(card.rows)["Study"].endswith("(utkface-scratch)")
    other = model_card(view, "utkface-scratch/baseline")
    assert other.study == card.titles["utkface-scratch"]
    assert model_card(view, "baseline").study == card.titles["utkface"]


def test_licences_of_data_and_weights_are_named() -> None:
    rows = dict(provenance_of(open_study("utkface")).rows)
    assert "non-commercial research" in rows["Licence and limits of the data"]
    assert "Apache License 2.0" in rows["Weights to begin from"]
    rows = dict(provenance_of(open_study("cifar10-transfer")).rows)
    assert "run:cifar10-lt-200/baseline" in rows["Weights to begin from"]


def test_what_is_not_recorded_is_not_guessed(store: Path) -> None:
    found = provenance_of(open_study("utkface"))
    rows = dict(found.rows)
    assert rows["Commit"] == NOT_RECORDED
    # The synthetic runs have no keys.
    assert found.runs_digest == ""
    assert rows["Fingerprint of the run keys"] == NOT_RECORDED
    bare = {"hardware": None, "versions": None, "created": "yesterday"}
    for method in ("baseline", "ins"):
        for seed in (0, 1, 2):
            folder = store / "utkface" / method / f"seed-{seed}"
            info = json.loads((folder / "run.json").read_text())
            (folder / "run.json").write_text(json.dumps({**info, **bare}))
    rows = dict(provenance_of(open_study("utkface")).rows)
    for what in ("Hardware", "Versions", "Trained"):
        assert rows[what] == NOT_RECORDED


def test_as_markdown_it_has_the_facts_and_every_run(store: Path) -> None:
    found = provenance_of(open_study("utkface"))
    text = provenance_markdown(found)
    assert text.startswith("# Where these numbers come from\n")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    # Two tables, each with a head and a rule.
    assert len(lines) == len(found.rows) + len(found.runs) + 2 * 2
    # The synthetic runs have no keys.
    ins = [line for line in lines if f"| 1 | {NOT_RECORDED} |" in line]
    assert len(ins) == 2


def test_the_card_is_read_in_the_reader_s_language(store: Path) -> None:
    english = provenance_of(open_study("utkface")).rows
    with speaking("fr"):
        rows = dict(provenance_of(open_study("utkface")).rows)
    assert len(rows) == len(english)
    assert rows["Commit"] == "pas d’indication"
    assert rows["Entraînements"] == "6 entraînements"
    assert provenance_of(open_study("utkface")).rows == english


def test_a_commit_that_is_recorded_is_shown(store: Path) -> None:
    view = open_study("utkface")
    runs = tuple(
        replace(run, info={**run.info, "commit": "abc1234", "key": f"k{run.seed}"})
        for run in view.runs
    )
    found = provenance_of(replace(view, runs=runs))
    assert dict(found.rows)["Commit"] == "abc1234"
    other = provenance_of(replace(view, runs=runs[:-1]))
    assert found.runs_digest != other.runs_digest


def test_imported_methods_are_named_with_their_file(store: Path) -> None:
    origin = {"label": "Ours & theirs", "file": "theirs.csv", "is_own": False}
    info = {"imported": origin, "resolved": {}, "created": "2026-05-06T07:08:09+00:00"}
    write_run(
        store,
        core.runs.study_of_runs("utkface"),
        "ins",
        3,
        rows=160,
        info={**info, "method": "theirs", "seed": 0},
    ).rename(store / "utkface" / "moved")
    (store / "utkface" / "theirs").mkdir()
    (store / "utkface" / "moved").rename(store / "utkface" / "theirs" / "seed-0")
    found = provenance_of(open_study("utkface"))
    (said,) = found.imported
    assert "Ours & theirs" in said
    assert "theirs.csv" in said
    # When it was imported is not when it was trained.
    assert [r.trained for r in found.runs if r.method == "theirs"] == [""]


def test_the_command_prints_the_card_and_its_record() -> None:
    result = CliRunner().invoke(app, ["provenance", "avatars"])
    assert result.exit_code == 0
    assert "Split fingerprint" in result.stdout
    assert records("avatars")[0]["split_fingerprint"] in result.stdout
    result = CliRunner().invoke(app, ["provenance", "avatars", "--json"])
    found = json.loads(result.stdout)
    assert found == json.loads(
        json.dumps(provenance_of(open_study("avatars")).record())
    )
    assert {run["key"] for run in found["runs"]} == {
        r["key"] for r in records("avatars")
    }


def test_a_study_that_is_not_there_is_named() -> None:
    result = CliRunner().invoke(app, ["provenance", "nobody"])
    assert result.exit_code == 2
    assert "'nobody'" in result.stderr
