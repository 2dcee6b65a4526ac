"""`equipoise predict` on a study of other pictures than faces."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.data.cifar import CLASSES_10
from core.models.build import build_models
from core.study import Augmentation, ModelTable
from tests.synthetic import TASKS, write_store

NAME = "cifar10-lt-200"
METHODS = ("baseline", "csce")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_store(folder, NAME, methods=METHODS, seeds=(0,), rows=200)
    for size, method in zip((32, 48), METHODS, strict=True):
        place = folder / NAME / method / "seed-0"
        table = ModelTable(
            backbone="cnn",
            image_size=size,
            head_units=0,
            options={"filters": [4], "dense": [], "summary": "average"},
        )
        built = build_models(table, TASKS[NAME], augmentation=Augmentation(), seed=0)
        built.inference.save(place / core.runs.MODEL)
        record = json.loads((place / core.runs.RECORD).read_text())
        record["resolved"]["model"]["image_size"] = size
        (place / core.runs.RECORD).write_text(json.dumps(record))
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "landscape.png"
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


@pytest.mark.usefixtures("store")
def test_whole_pictures_are_answered_without_a_word_on_faces(photo: Path) -> None:
    result = CliRunner().invoke(app, ["predict", str(photo), "--study", NAME])
    assert result.exit_code == 0, result.stderr
    assert "face" not in result.stdout
    rows = [line.split("│")[1:-1] for line in result.stdout.splitlines() if "│" in line]
    answers = {row[0].strip(): row[1].strip() for row in rows}
    assert list(answers) == list(METHODS)
    for answer in answers.values():
        name, share = answer.rsplit(" ", 1)
        assert name in CLASSES_10
        assert 10 <= int(share.strip("(%)")) <= 100


@pytest.mark.usefixtures("store")
def test_json_holds_the_part_of_the_picture_that_was_seen(photo: Path) -> None:
    arguments = ["predict", str(photo), "--study", NAME, "--json"]
    (answer,) = json.loads(CliRunner().invoke(app, arguments).stdout)
    (whole,) = answer["faces"]
    assert whole["box"] == [15, 0, 60, 60]
    assert whole["confidence"] is None
    assert set(whole["answers"]) == set(METHODS)
    for given in whole["answers"].values():
        assert given["label"]["label"] in CLASSES_10
        assert 0.1 <= given["label"]["probability"] <= 1
