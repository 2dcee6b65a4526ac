import gc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core import runs
from core.data.cache import ImageCache
from core.data.catalog import load_dataset
from core.errors import DatasetError, MethodError, RunError, StudyError
from core.methods.registry import resolve_method
from core.runs import Run
from core.training import jobs
from core.training.jobs import Listener, train_study
from core.training.reuse import run_key
from core.training.training_rows import (
    Data,
    class_ids,
    epoch_rows,
    sample_weights,
)
from tests.tiny import tiny_study


@pytest.fixture(scope="module", autouse=True)
def _places(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("training")
        patch.setenv("EQUIPOISE_CACHE", str(root / "cache"))
        patch.setenv(runs.STORE_VARIABLE, str(root / "runs"))
        patch.setattr(runs, "shipped_store", lambda: root / "shipped")
        yield


@pytest.fixture(scope="module")
def data() -> Data:
    loaded = load_dataset(tiny_study(), None)
    images = np.zeros((len(loaded.manifest), 4, 4, 3), dtype=np.uint8)
    info = loaded.info
    return Data(ImageCache(images, {}, "key"), loaded.manifest, info.tasks, ("group",))


@pytest.fixture(scope="module")
def trained() -> tuple[Run, list[tuple[str, int, int]]]:
    seen: list[tuple[str, int, int]] = []
    listener = Listener(
        epoch_done=lambda method, seed, epoch, values: seen.append(
            (method, seed, epoch)
        )
    )
    (run,) = train_study(tiny_study(), methods=["denseweight-lmf"], listener=listener)
    return run, seen


def test_no_model_is_kept_after_its_run_is_written(
    trained: tuple[Run, list[tuple[str, int, int]]],
) -> None:
    import keras

    alive = [kept for kept in gc.get_objects() if issubclass(type(kept), keras.Model)]
    assert alive == []


def test_run_is_whole_and_says_how_it_was_trained(
    trained: tuple[Run, list[tuple[str, int, int]]],
) -> None:
    run, seen = trained
    assert seen == [("denseweight-lmf", 0, 1), ("denseweight-lmf", 0, 2)]
    assert run in runs.list_runs("tiny").runs
    info = run.info
    assert info["epochs"] == 2
    assert info["best_epoch"] in (1, 2)
    backbone, hidden = 5 * 5 * 3 * 8 + 4 * 8, 8 * 8 + 8
    heads = (8 + 1) + (hidden + 8 + 1) + (hidden + 4 * 8)
    assert info["parameters"] == backbone + heads
    assert info["duration_s"] > 0
    assert info["inference_ms"] > 0
    assert info["trained_from"] == "none"
    assert info["loss_weights"] == {"age": 0.1, "glasses": 1.0, "hair": 1.0}
    assert info["method_parameters"]["denseweight"]["alpha"] == 1.0
    assert "keras" in info["versions"]
    with zipfile.ZipFile(run.model_path) as model:
        assert all(m.compress_size < m.file_size for m in model.infolist()[1:])
    assert set(run.history()["split"]) == {"training", "validation"}


def test_predictions_are_of_validation_and_test(
    trained: tuple[Run, list[tuple[str, int, int]]],
) -> None:
    table = trained[0].predictions()
    manifest = runs.shipped_manifest("tiny").set_index("image_id")
    assert set(table["split"]) == {"validation", "test"}
    assert len(table) == (manifest["split"] != "training").sum()
    row = table.set_index("image_id")
    truth = manifest.loc[row.index]
    pd.testing.assert_series_equal(
        row["hair_true"], truth["hair"], check_names=False, check_dtype=False
    )
    assert (row["age_true"] == truth["age"]).all()
    shares = row.filter(like="hair_p_")
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-4)
    named = shares.idxmax(axis=1).str.removeprefix("hair_p_")
    assert (named == row["hair_pred"]).all()
    assert (row["glasses_p_glasses"] + row["glasses_p_no glasses"]).sub(1).max() < 1e-5


def test_saved_model_gives_the_saved_predictions(
    trained: tuple[Run, list[tuple[str, int, int]]],
) -> None:
    import keras

    from core.data.readers.avatars import AvatarsOptions, render

    run, _ = trained
    table = run.predictions().iloc[:8]
    options = AvatarsOptions(count=120, seed=0)
    pixels = np.stack(
        [render(int(name.split("-")[1]), 32, options) for name in table["image_id"]]
    )
    model = keras.saving.load_model(run.model_path, compile=False, safe_mode=True)
    answers = model.predict_on_batch(pixels)
    np.testing.assert_allclose(answers["age"][:, 0], table["age_pred"], rtol=1e-3)


def test_finished_run_is_not_trained_again(
    trained: tuple[Run, list[tuple[str, int, int]]],
) -> None:
    def fail(*args: object) -> None:
        raise AssertionError("trained again")

    listener = Listener(epoch_done=fail)
    (run,) = train_study(
        tiny_study(), methods=["denseweight-lmf"], resume=True, listener=listener
    )
    assert run.info["created"] == trained[0].info["created"]


def test_ins_weighs_all_heads_and_denseweight_only_its_own(data: Data) -> None:
    rows = data.rows("training")
    method = resolve_method(tiny_study(), "ins", data.tasks)
    weights = sample_weights(data, method, rows)
    hair = data.manifest["hair"].iloc[rows]
    expected = 1 / hair.map(hair.value_counts()).to_numpy()
    for head in ("age", "glasses", "hair"):
        assert weights[head][rows].mean() == pytest.approx(1, rel=1e-5)
        ratio = weights[head][rows] / expected
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    method = resolve_method(tiny_study(), "denseweight-lmf", data.tasks)
    weights = sample_weights(data, method, rows)
    assert (weights["hair"] == 1).all()
    assert weights["age"][rows].std() > 0.1
    assert weights["age"][rows].mean() == pytest.approx(1, rel=1e-5)


def test_sampler_draws_anew_at_every_epoch_from_training_rows_only(data: Data) -> None:
    rows = data.rows("training")
    method = resolve_method(tiny_study(), "undersample", data.tasks)
    draw = epoch_rows(data, method, rows, seed=0, epochs=4, batch_size=16)
    counts = np.bincount(class_ids(data, "hair", rows))
    assert set(draw(0)) <= set(rows)
    kept = np.bincount(class_ids(data, "hair", draw(0)))
    counts[counts.argmax()] = round(counts.max() / 2)
    np.testing.assert_array_equal(kept, counts)
    assert set(draw(0)) != set(draw(1))
    np.testing.assert_array_equal(
        draw(3), epoch_rows(data, method, rows, seed=0, epochs=4, batch_size=16)(3)
    )


def test_key_depends_on_what_decides_the_result_and_not_on_labels() -> None:
    study = tiny_study()
    key = run_key(study, "ins", 0, "split")
    assert run_key(study, "ins", 1, "split") != key
    assert run_key(study, "ins", 0, "other") != key
    assert run_key(tiny_study(epochs=3), "ins", 0, "split") != key
    renamed = study.model_copy(update={"title": "Renamed"})
    assert run_key(renamed, "ins", 0, "split") == key


def test_what_cannot_be_trained_is_refused_before_anything_is() -> None:
    with pytest.raises(StudyError, match="no method 'unheard'"):
        train_study(tiny_study(), methods=["unheard"])
    study = tiny_study()
    broken = {**study.methods}
    broken["ins"] = broken["ins"].model_copy(update={"use": {"ins": {"on": "height"}}})
    with pytest.raises(MethodError, match="height"):
        train_study(study.model_copy(update={"methods": broken}), methods=["ins"])
    table = study.model.model_copy(update={"log_targets": ("height",)})
    with pytest.raises(StudyError, match="'height'"):
        train_study(study.model_copy(update={"model": table}), methods=["baseline"])
    table = study.model.model_copy(update={"log_targets": ("hair",)})
    with pytest.raises(StudyError, match="logarithm of 'hair'"):
        train_study(study.model_copy(update={"model": table}), methods=["baseline"])
    with pytest.raises(RunError, match="could not be saved"):
        train_study(study, methods=["baseline"], out=Path("/proc/nowhere"))


def test_a_split_without_images_is_refused_before_anything_is_trained() -> None:
    study = tiny_study()
    options = {"count": 60, "validation_share": 0.5, "test_share": 0.5}
    dataset = study.dataset.model_copy(update={"options": options})
    with pytest.raises(DatasetError, match="leaves training without images"):
        train_study(study.model_copy(update={"name": "half", "dataset": dataset}))


def test_unreadable_images_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(paths: list[str], size: int, **_: object) -> ImageCache:
        images = np.zeros((len(paths), size, size, 3), dtype=np.uint8)
        reasons = {row: f"{path} is damaged." for row, path in enumerate(paths)}
        return ImageCache(images, reasons, "key")

    monkeypatch.setattr("core.training.jobs.build_image_cache", build)
    told: list[str] = []
    with pytest.raises(
        DatasetError, match="leaves test, training and validation without"
    ):
        train_study(tiny_study(), out=tmp_path, listener=Listener(left_out=told.append))
    assert told[0] == "avatars:0 is damaged."


def test_a_run_asked_for_twice_is_one_run(
    trained: tuple[Run, list[tuple[str, int, int]]],
) -> None:
    name = "denseweight-lmf"
    kept: list[tuple[str, int, Run]] = []
    listener = Listener(kept=lambda *told: kept.append(told))
    runs_kept = train_study(
        tiny_study(), methods=[name, name], seeds=[0, 0], listener=listener
    )
    assert runs_kept == (trained[0],)
    assert kept == [(name, 0, trained[0])]


def test_a_truth_is_kept_as_it_was_given():
    table = pd.DataFrame({"age_true": [20_000_001.0, 0.1], "age_pred": [1.5, 0.1]})
    kept = jobs._compact(table)
    assert kept["age_true"].tolist() == [20_000_001.0, 0.1]
    assert kept["age_pred"].dtype == np.float32
