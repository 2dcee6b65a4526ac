"""``equipoise data PATH``: images of one's own, from the folder to a study's file."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.commands.options import FAULT
from core.data.catalog import load_dataset
from core.study import load_study
from tests.images import patients, write_classes


@pytest.fixture
def xrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EQUIPOISE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    place = write_classes(tmp_path / "xrays")
    patients().drop(columns="diagnosis").to_csv(place / "patients.csv", index=False)
    return place


def invoke(*arguments: object):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def fault_of(*arguments: object) -> str:
    result = invoke(*arguments)
    assert result.exit_code == FAULT
    return result.stderr


def test_a_folder_is_reported_and_a_study_of_it_can_be_loaded(
    xrays: Path, tmp_path: Path
) -> None:
    path = tmp_path / "chests.toml"
    result = invoke(xrays, "--write", path)
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    assert "48 images, with patients.csv" in said
    assert "class folder predicted, two classes healthy, sick" in said
    assert "patient group that is never split 24 different values" in said
    assert "Class: imbalance ratio" in said
    assert "note Images with one 'patient' stay in one split" in said
    assert "equipoise train" in result.stderr
    study = load_study(path)
    assert (study.name, study.title) == ("chests", "Chests")
    loaded = load_dataset(study, None)
    assert len(loaded.manifest) == 48
    assert list(loaded.info.sensitive_features) == ["age", "gender"]
    assert "cannot be the file of a new study" in fault_of(xrays, "--write", path)
    assert "Class: imbalance ratio" in invoke(path).stdout


def test_faults_are_said_and_nothing_is_written(xrays: Path, tmp_path: Path) -> None:
    (xrays / "healthy" / "healthy-000.png").write_bytes(b"")
    path = tmp_path / "chests.toml"
    assert "1 fault is in the way" in fault_of(xrays, "--write", path)
    assert not path.exists()
    # The pictures are not opened: the table alone has no fault.
    assert invoke(xrays, "--quick", "--write", path).exit_code == 0
    assert "nothing at" in fault_of(tmp_path / "none")
    assert "--write would change nothing" in fault_of("avatars", "--write", path)
