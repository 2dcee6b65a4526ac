"""Fine-tuning from a checkpoint and from a run of ours, from study to prediction."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core import runs
from core.cli import app
from core.data.images import preprocess
from core.models.checkpoint import load_checkpoint
from core.models.ensemble import Ensemble
from core.models.model_file import read_ahead
from core.models.saved import load_groups, load_model
from core.study import parse_study
from core.training.jobs import Listener, train_study
from tests.checkpoint import FOLDER
from tests.tiny_cifar import TINY_CIFAR, write_tiny_cifar

METHODS = """
[methods.vit]
label = "ViT from a checkpoint"
model = { backbone = "vit", image_size = 0, weights = "CHECKPOINT", trainable = 1 }

[methods.vit.training]
learning_rate = 0.01
backbone_learning_rate = 0.001
optimizer = { name = "adamw" }

[methods.larger]
label = "ViT at another size"
model = { backbone = "vit", image_size = 40, weights = "CHECKPOINT" }

[methods.half]
label = "ViT, its backbone in half precision"
model = { backbone = "vit", image_size = 0, weights = "CHECKPOINT" }
training = { precision = "mixed_bfloat16" }

[methods.frozen]
label = "A run's backbone, frozen"
model = { weights = "run:tiny-cifar/baseline", trainable = "head" }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("transfer")
        monkeypatch.setenv("EQUIPOISE_CACHE", str(folder / "cache"))
        monkeypatch.setenv(runs.STORE_VARIABLE, str(folder / "runs"))
        write_tiny_cifar(folder / "data")
        shutil.copytree(FOLDER, folder / "vit")
        yield folder


@pytest.fixture(scope="module")
def study(place):
    text = TINY_CIFAR.replace("0.05", "0.01")
    methods = METHODS.replace("CHECKPOINT", str(place / "vit"))
    (place / "study.toml").write_text(text + methods)
    return parse_study(text + methods, origin="tiny")


@pytest.fixture(scope="module")
def trained(study, place):
    data = place / "data"
    first = train_study(study, methods=["baseline"], data=data)
    methods = ["vit", "larger", "half", "frozen"]
    return {
        run.method: run
        for run in (*first, *train_study(study, methods=methods, data=data))
    }


def pictures(place, run):
    """The study's pictures as a run's model takes them, by image_id."""
    model = run.info["resolved"]["model"]
    how = model["resize"] or {}
    found = {}
    for image_id in run.predictions()["image_id"]:
        with Image.open(place / "data" / f"{image_id}.png") as picture:
            pixels = preprocess(picture.convert("RGB"), model["image_size"], **how)
        found[image_id] = pixels
    return np.stack(list(found.values()))


@pytest.mark.parametrize("name", ["vit", "larger", "half", "frozen"])
def test_what_is_saved_predicts_what_was_recorded(name, trained, place):
    run = trained[name]
    answers = load_model(run.model_path).predict_on_batch(pictures(place, run))["label"]
    recorded = run.predictions().filter(like="label_p_")
    np.testing.assert_allclose(answers, recorded, atol=1e-4)
    assert np.isfinite(run.history()["value"]).all()


def test_the_record_says_all_that_went_with_the_checkpoint(trained, place):
    checkpoint = load_checkpoint(str(place / "vit"))
    for name, size in (("vit", 32), ("larger", 40)):
        info = trained[name].info
        assert info["trained_from"] == str(place / "vit")
        assert info["trained_from_key"] == checkpoint.key
        model = info["resolved"]["model"]
        assert model["image_size"] == size
        assert model["resize"] == {"resample": "lanczos", "fit": "stretch"}
        assert model["options"]["mean"] == [0.48, 0.46, 0.41]
        assert model["options"]["layers"] == 2


def test_the_record_says_how_much_was_trained(trained):
    width, mlp, classes = 32, 64, 10
    block = 4 * (width**2 + width) + 2 * width * mlp + mlp + width + 4 * width
    head = width * classes + classes
    assert trained["vit"].info["parameters_trained"] == block + 2 * width + head
    whole = trained["larger"].info
    assert whole["parameters_trained"] == whole["parameters"]
    frozen = trained["frozen"].info
    assert frozen["parameters_trained"] == 6 * classes + classes
    assert frozen["parameters"] == trained["baseline"].info["parameters"]


def test_what_is_frozen_is_the_checkpoints_still(trained, place):
    from core.models.backbones import build_backbone

    weights = str(place / "vit")
    start = build_backbone("vit", image_size=32, weights=weights)
    end = load_model(trained["vit"].model_path).get_layer("vit")
    pairs = zip(start.weights, end.weights, strict=True)
    same = {a.path.split("vit_", 1)[1] for a, b in pairs if np.array_equal(a, b)}
    block = {path for path in same if "transformer_block_2" in path}
    assert not block
    assert any("transformer_block_1" in path for path in same)
    assert any("position_embedding" in path for path in same)


def test_a_frozen_runs_backbone_is_that_of_the_run(trained):
    source, target = (
        load_model(trained[name].model_path).get_layer("cnn")
        for name in ("baseline", "frozen")
    )
    for ours, theirs in zip(target.weights, source.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    info = trained["frozen"].info
    assert info["trained_from"] == "run:tiny-cifar/baseline/seed-0"
    assert info["trained_from_key"] == trained["baseline"].info["key"]
    assert "trained_from_key" not in trained["baseline"].info


def test_transformers_and_networks_answer_together(trained, place):
    paths = [trained[name].model_path for name in ("vit", "baseline")]
    groups, faults = load_groups(read_ahead(paths))
    assert faults == {}
    seen = [pictures(place, trained[name]) for name in ("vit", "baseline")]
    for number, group in enumerate(groups):
        group.pictures = number
    answers = Ensemble(groups).predict_on_batch(seen)["label"]
    for row, name in enumerate(("vit", "baseline")):
        recorded = trained[name].predictions().filter(like="label_p_")
        np.testing.assert_allclose(answers[row], recorded, atol=1e-4)


def test_the_command_takes_the_checkpoint_up(trained, place):
    words = ["train", str(place / "study.toml"), "--method", "vit", "--resume"]
    said = CliRunner().invoke(app, [*words, "--data", str(place / "data")])
    assert said.exit_code == 0, said.output
    # It is finished and begins with the same weights: nothing is trained again.
    assert str(trained["vit"].folder) in said.output
    again = runs.read_run(trained["vit"].folder)
    assert again.info["created"] == trained["vit"].info["created"]


def test_a_changed_checkpoint_is_trained_anew(study, trained, place):
    path = place / "vit" / "config.json"
    before = path.read_text()
    path.write_text(json.dumps({**json.loads(before), "layer_norm_eps": 1e-2}))
    epochs = []
    listener = Listener(
        epoch_done=lambda method, seed, epoch, values: epochs.append(epoch)
    )
    try:
        asked = {"methods": ["vit"], "data": place / "data", "resume": True}
        (run,) = train_study(study, **asked, out=place / "other", listener=listener)
        assert epochs == [1, 2]
        epochs.clear()
        (again,) = train_study(study, **asked, out=place / "other", listener=listener)
        assert epochs == []
    finally:
        path.write_text(before)
    assert run.info["key"] == again.info["key"] != trained["vit"].info["key"]
