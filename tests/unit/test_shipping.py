"""Runs made ready to be passed on: what is copied, halved, and left behind."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import core.runs
import core.shipping
from core.cli import app
from core.data.catalog import renderer
from core.data.picture_paths import drawn_paths
from core.data.readers.avatars import IMAGE_ID
from core.models import model_file
from core.models.build import build_models
from core.models.model_file import read_model_file
from core.models.saved import load_model
from core.shipping import agrees
from core.study import Augmentation, ModelTable
from tests.synthetic import TASKS, write_store

NAME = "avatars"
METHODS, SEEDS = ("baseline", "ins"), (0, 1)
TABLE = ModelTable(
    backbone="cnn", image_size=24, head_units=128, options={"filters": [64, 64]}
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two methods with two seeds, whose test images can be drawn."""
    store = tmp_path_factory.mktemp("runs")
    write_store(store, NAME, methods=METHODS, seeds=SEEDS, rows=24, validation_rows=8)
    manifest = store / NAME / core.runs.MANIFEST_FILE
    table = pd.read_parquet(manifest)
    table["image_id"] = [IMAGE_ID.format(index) for index in range(len(table))]
    table.to_parquet(manifest)
    for number, folder in enumerate(sorted(store.glob(f"{NAME}/*/seed-*"))):
        models = build_models(
            TABLE, TASKS[NAME], augmentation=Augmentation(), seed=number
        )
        models.inference.save(folder / core.runs.MODEL)
        record = json.loads((folder / core.runs.RECORD).read_text())
        record["resolved"]["model"] = TABLE.model_dump(mode="json")
        (folder / core.runs.RECORD).write_text(json.dumps(record))
    return store


@pytest.fixture(autouse=True)
def alone(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(trained))


def ship(out: Path, *more: str):
    return CliRunner().invoke(app, ["ship", NAME, "--out", str(out), *more])


def shipped_in(folder: Path) -> dict:
    return json.loads((folder / core.runs.RECORD).read_text())[core.runs.SHIPPED]


def test_all_goes_along_but_the_models_of_other_seeds(
    trained: Path, tmp_path: Path
) -> None:
    result = ship(tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "4 runs" in result.stdout
    listing = core.runs.list_runs(NAME, within=[tmp_path / "out"])
    assert listing.problems == ()
    assert {(run.method, run.seed) for run in listing.runs} == {
        (method, seed) for method in METHODS for seed in SEEDS
    }
    for run in listing.runs:
        before = trained / NAME / run.method / f"seed-{run.seed}"
        pd.testing.assert_frame_equal(
            run.predictions(), pd.read_parquet(before / core.runs.PREDICTIONS)
        )
        size = (before / core.runs.MODEL).stat().st_size
        said = shipped_in(run.folder)
        assert said["size_mb"] == size / 1e6
        assert run.model_path.is_file() == (run.seed == 0)
        assert run.is_without_model == (run.seed == 1)
        if run.seed == 1:
            assert said["model"] is None
            assert said["seed_with_model"] == 0
    for name in ("study.json", "manifest.parquet", "data.json"):
        copy = tmp_path / "out" / NAME / name
        assert copy.read_bytes() == (trained / NAME / name).read_bytes()


def test_where_the_images_of_a_study_are_stays_at_home(tmp_path: Path) -> None:
    file = tmp_path / core.runs.STUDY_FILE
    options = {"group": "patient", "path": "/home/somebody/xrays"}
    file.write_text(json.dumps({"name": "x", "dataset": {"options": options}}))
    core.shipping._forget_place(file)
    kept = {"name": "x", "dataset": {"options": {"group": "patient"}}}
    assert json.loads(file.read_text()) == kept
    file.write_text("{}")
    core.shipping._forget_place(file)
    assert file.read_text() == "{}"


def test_models_that_agree_are_halved_and_the_record_says_how_far_they_moved(
    trained: Path, tmp_path: Path
) -> None:
    assert ship(tmp_path / "out").exit_code == 0
    folder = tmp_path / "out" / NAME / "baseline" / "seed-0"
    said = shipped_in(folder)
    assert said["model"] == "float16"
    kinds = {
        a.dtype.name for a in read_model_file(folder / "model.keras").arrays.values()
    }
    assert "float16" in kinds
    manifest = core.runs.shipped_manifest(NAME)
    tested = manifest.loc[manifest["split"] == "test", "image_id"]
    study = core.runs.study_of_runs(NAME)
    paths = drawn_paths(study, tested).values()
    pixels = np.stack([renderer(study)(path, 24) for path in paths])
    before, after = (
        load_model(path / "model.keras").predict_on_batch(pixels)
        for path in (trained / NAME / "baseline" / "seed-0", folder)
    )
    for task, moved in said["largest_change"].items():
        expected = np.abs(before[task] - after[task]).max()
        assert moved == pytest.approx(expected, rel=0.05, abs=1e-6)
    assert list(said["largest_change"]) == ["age", "glasses", "hair"]
    assert 0 < said["largest_change"]["age"] <= 0.05
    assert said["test_images"] == 24


def test_a_model_that_does_not_agree_stays_as_it_is(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.shipping, "LARGEST_CHANGE", 1e-9)
    result = ship(tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "float32" in result.stdout
    folder = tmp_path / "out" / NAME / "ins" / "seed-0"
    assert shipped_in(folder)["model"] == "float32"
    assert (folder / "model.keras").read_bytes() == (
        trained / NAME / "ins" / "seed-0" / "model.keras"
    ).read_bytes()


def test_of_a_model_that_does_not_agree_whole_the_largest_arrays_are_halved(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_file, "LEAST_HALVED", 64)
    model = trained / NAME / "ins" / "seed-0" / "model.keras"
    sizes = model_file.halvable_sizes(model)
    assert len(sizes) > 2
    kept = sizes[len(sizes) // 2]

    def agree(changes: dict[str, float], tasks: object) -> bool:
        file = next((tmp_path / "out").rglob("ins/seed-0/model.keras"), None)
        if file is None:
            return True
        arrays = read_model_file(file).arrays.values()
        halved = [a.size for a in arrays if a.dtype == np.float16]
        return min(halved, default=kept) >= kept

    monkeypatch.setattr(core.shipping, "agrees", agree)
    assert ship(tmp_path / "out").exit_code == 0
    folder = tmp_path / "out" / NAME / "ins" / "seed-0"
    said = shipped_in(folder)
    assert said["model"] == "float16"
    assert said["least_halved"] == kept
    for array in read_model_file(folder / "model.keras").arrays.values():
        if array.dtype in (np.float16, np.float32):
            assert (array.dtype == np.float16) == (array.size >= kept)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"age": 0.05, "glasses": 0.002, "hair": 0.0}, True),
        ({"age": 0.051, "glasses": 0.0, "hair": 0.0}, False),
        ({"age": 0.0, "glasses": 0.0021, "hair": 0.0}, False),
        ({"age": float("nan"), "glasses": 0.0, "hair": 0.0}, False),
    ],
)
def test_answers_agree_within_what_the_issue_allows(
    changes: dict[str, float], expected: bool
) -> None:
    assert agrees(changes, TASKS[NAME]) == expected


def test_what_was_shipped_is_shipped_again_as_it_was(
    trained: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert ship(first).exit_code == 0
    assert ship(second, "--from", str(first)).exit_code == 0
    for seed in SEEDS:
        before, after = (
            shipped_in(store / NAME / "ins" / f"seed-{seed}")
            for store in (first, second)
        )
        assert after == before
    model = Path(NAME) / "ins" / "seed-0" / "model.keras"
    assert (first / model).read_bytes() == (second / model).read_bytes()


def test_what_is_there_is_replaced_only_if_asked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    kept = out / NAME / "mine.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    refused = ship(out)
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    assert kept.read_text() == "mine"
    assert ship(out, "--replace").exit_code == 0
    assert not kept.exists()
    assert [path.name for path in out.iterdir()] == [NAME]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--seed", "7"], "No run of 'avatars' with seed 7 has its model.keras"),
        (["--from", "nowhere"], "No store holds runs of a study 'avatars'"),
    ],
)
def test_what_cannot_be_shipped_is_said_and_nothing_is_written(
    tmp_path: Path, more: list[str], said: str
) -> None:
    result = ship(tmp_path / "out", *more)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_folder_of_the_study_is_no_store(tmp_path: Path) -> None:
    result = ship(tmp_path / NAME)
    assert result.exit_code == 2
    assert "is the folder of the study itself" in result.stderr
