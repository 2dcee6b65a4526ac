"""What a run keeps of how its answers move, and how it is measured after the fact."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from core import runs
from core.cli import app
from core.data.catalog import renderer
from core.data.corruptions import corrupt
from core.data.harmless_changes import CHANGES, shift_column
from core.data.manifest import TEST, VALIDATION
from core.data.readers.avatars import INFO, path_of
from core.models.saved import load_model
from core.runs import Run
from core.study import MethodTable, Study
from core.training import stability
from core.training.jobs import Listener, load_data, train_study
from core.training.stability import load_changed
from tests.tiny import tiny_study

TASKS = ("age", "glasses", "hair")
COLUMNS = [shift_column(task, change) for task in TASKS for change in CHANGES]
RULE = {
    "threshold-optimizer": {
        "on": "glasses",
        "groups": "group",
        "constraint": "demographic_parity",
    }
}


def study() -> Study:
    plain = tiny_study(epochs=1)
    own = {
        "ruled": MethodTable(label="Ruled", use=RULE),
        "averaged": MethodTable(label="Averaged", mirrored_answers=True),
    }
    return plain.model_copy(update={"methods": {**own, **plain.methods}})


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[str, Run]:
    store = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(runs.STORE_VARIABLE, str(store))
        patch.setattr(runs, "shipped_store", lambda: store / "none")
        methods = ["baseline", "ruled", "averaged"]
        found = train_study(study(), methods=methods, out=store)
    return {run.method: run for run in found}


@pytest.fixture
def store(trained, tmp_path, monkeypatch) -> Path:
    """The trained runs as they were written before anything was measured."""
    folder = tmp_path / "runs"
    shutil.copytree(trained["baseline"].folder.parents[2], folder)
    for place in folder.glob("tiny/*/seed-0/predictions.parquet"):
        pd.read_parquet(place).drop(columns=COLUMNS).to_parquet(place)
    monkeypatch.setenv(runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(runs, "shipped_store", lambda: tmp_path / "shipped")
    return folder


def run_of(store: Path, method: str = "baseline") -> Run:
    return runs.read_run(store / "tiny" / method / "seed-0")


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["stability", "tiny", *arguments])


def test_a_finished_run_keeps_how_its_answers_move(trained):
    table = trained["baseline"].predictions()
    assert trained["baseline"].has_stability(INFO.tasks)
    tested = table[table["split"] == TEST]
    assert table.loc[table["split"] == VALIDATION, COLUMNS].isna().all(axis=None)
    assert tested[COLUMNS].notna().all(axis=None)
    flips = tested[[c for c in COLUMNS if not c.startswith("age")]]
    assert set(np.unique(flips)) <= {0.0, 1.0}
    # The mirrored drawing is another one, so some number moves.
    assert (tested["age_shift_mirrored"] != 0).any()


def pixels_of(image_ids, *, change: str = "") -> np.ndarray:
    """The images as the models take them, rendered one by one."""
    render = renderer(study(), change=change)
    return np.stack([render(path_of(name), 32) for name in image_ids])


def test_moves_are_those_of_the_model_on_the_changed_pictures(trained):
    run, change = trained["baseline"], "darker"
    tested = run.predictions(TEST)
    pixels = pixels_of(tested["image_id"], change=change)
    answers = load_model(run.model_path).predict_on_batch(pixels)
    moved = np.asarray(answers["age"])[:, 0] - tested["age_pred"]
    # Kept in half precision.
    found = tested[shift_column("age", change)]
    np.testing.assert_allclose(found, moved, rtol=1e-3, atol=1e-4)
    hair = np.array(INFO.tasks[2].classes)[np.asarray(answers["hair"]).argmax(1)]
    flipped = tested[shift_column("hair", change)] == 1
    assert (flipped == (hair != tested["hair_pred"].to_numpy())).all()


def test_a_rule_decides_about_changed_pictures_too(trained):
    run = trained["ruled"]
    thresholds = run.info["decisions"]["glasses"]
    assert thresholds["by"] == "group"
    table = run.predictions(TEST)
    model = load_model(run.model_path)
    loaded, _ = load_data(study(), None, Listener().progress)
    images = loaded.manifest.set_index("image_id").loc[table["image_id"]].reset_index()
    changed = load_changed(study(), images, lambda what, done, total: None)
    from core.methods.registry import resolve_method
    from core.training.decisions import decide

    info = loaded.info
    method = resolve_method(study(), "ruled", info.tasks, info.sensitive_features)
    answers = model.predict_on_batch(changed.caches["lighter"].images)
    scores = np.asarray(answers["glasses"])[:, 0]
    whole = run.predictions().set_index("image_id")
    whole.loc[table["image_id"], "glasses_p_glasses"] = scores
    decided, _ = decide(whole.reset_index(), method, info.tasks, 0)
    own = decided.set_index("image_id").loc[table["image_id"], "glasses_pred"]
    flipped = own.to_numpy() != table["glasses_pred"].to_numpy()
    assert (table[shift_column("glasses", "lighter")] == 1).to_numpy().tolist() == (
        flipped.tolist()
    )


def test_mirrored_answers_are_the_baselines_averaged_and_do_not_move_mirrored(trained):
    run, plain = trained["averaged"], trained["baseline"]
    assert run.has_mirrored_answers
    assert not plain.has_mirrored_answers
    # Trained once: only the answers differ.
    assert run.info["trained_with"] == "baseline"
    table, base = run.predictions(TEST), plain.predictions(TEST)
    pixels = pixels_of(table["image_id"])
    mirrored = load_model(plain.model_path).predict_on_batch(pixels[:, :, ::-1])
    wanted = (base["age_pred"] + np.asarray(mirrored["age"])[:, 0]) / 2
    np.testing.assert_allclose(table["age_pred"], wanted, rtol=1e-5)
    assert (table["age_pred"] != base["age_pred"]).all()
    moved, before = (t["age_shift_mirrored"].abs().mean() for t in (table, base))
    still = table["age_shift_256 px"].abs().mean()
    assert moved < before
    assert moved == pytest.approx(still, abs=0.05)
    assert run.info["key"] != plain.info["key"]


def test_a_run_of_before_is_measured_as_training_would_have(store, trained):
    before = run_of(store).predictions()
    record = (run_of(store).folder / runs.RECORD).read_bytes()
    result = invoke("--method", "baseline")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "baseline, seed 0: measured on 20 test images\n"
    assert "compare tiny --metric age.instability --metric glasses.fl" in result.stderr
    after = run_of(store).predictions()
    assert after[before.columns].equals(before)
    assert (run_of(store).folder / runs.RECORD).read_bytes() == record
    wanted = trained["baseline"].predictions()[COLUMNS]
    np.testing.assert_allclose(after[COLUMNS], wanted, atol=2e-3)
    assert not run_of(store, "ruled").has_stability(INFO.tasks)


def test_the_same_command_goes_on_with_what_is_left(store):
    assert invoke("--method", "baseline").exit_code == 0
    changed = (run_of(store).folder / runs.PREDICTIONS).stat().st_mtime_ns
    result = invoke()
    assert result.exit_code == 0, result.stderr
    assert "baseline, seed 0: measured already." in result.stderr
    assert result.stdout.splitlines() == [
        "averaged, seed 0: measured on 20 test images",
        "ruled, seed 0: measured on 20 test images",
    ]
    assert (run_of(store).folder / runs.PREDICTIONS).stat().st_mtime_ns == changed
    again = invoke("--method", "baseline", "--replace")
    assert again.stdout == "baseline, seed 0: measured on 20 test images\n"


def test_a_model_that_does_not_give_the_stored_answers_is_refused(store):
    run = run_of(store)
    other = run.predictions()
    other.loc[other["split"] == TEST, "age_pred"] += 1.0
    other.to_parquet(run.folder / runs.PREDICTIONS)
    result = invoke()
    assert result.exit_code == 2
    assert "The model of baseline, seed 0 does not give the answers" in result.stderr
    assert "age differs by up to 1 on 20 of the test images" in result.stderr
    assert not run_of(store).has_stability(INFO.tasks)
    # The others go on.
    assert "ruled, seed 0: measured on 20 test images\n" in result.stdout


def test_what_cannot_be_measured_is_said_and_left(store, tmp_path):
    run_of(store).model_path.unlink()
    shutil.copytree(store, tmp_path / "shipped")
    shutil.rmtree(store / "tiny" / "ruled")
    shutil.rmtree(store / "tiny" / "averaged")
    result = invoke()
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stderr.split())
    assert "baseline, seed 0: it has no model.keras." in said
    assert "ruled, seed 0: it comes with the project" in said
    assert result.stdout == ""


def test_a_method_that_has_no_run_is_named(store):
    result = invoke("--method", "lmf", "--method", "baseline")
    assert result.exit_code == 2
    assert "has no run of lmf" in result.stderr
    assert "baseline" in result.stderr


def test_of_many_test_images_some_at_equal_distances_are_changed(trained, monkeypatch):
    monkeypatch.setattr(stability, "MOST_IMAGES", 5)
    loaded, _ = load_data(study(), None, Listener().progress)
    images = loaded.manifest[loaded.manifest["split"] == TEST]
    changed = load_changed(
        study(), images, lambda what, done, total: None, changes=["mirrored"]
    )
    assert (
        list(changed.image_ids) == images["image_id"].iloc[[0, 5, 10, 14, 19]].tolist()
    )
    assert len(changed.caches["mirrored"].images) == 5


def compare(*options: str):
    result = CliRunner().invoke(app, ["compare", "tiny", *options])
    assert result.exit_code == 0, result.stderr
    return result


def test_compare_shows_it_and_its_groups_and_leaves_it_out_unasked(store):
    assert "instability" not in compare().stdout
    assert invoke().exit_code == 0
    asked = ("--metric", "age.instability", "--metric", "glasses.flip_rate[mirrored]")
    found = compare(*asked, "--only", "leaderboard")
    said = " ".join(found.stdout.replace("│", " ").split())
    assert "instability" in said
    assert found.stderr == ""
    assert "age.instability" in compare(*asked, "--json").stdout
    assert "instability" not in compare("--json").stdout
    groups = compare("--by", "group", "--metric", "age.instability").stdout
    assert "Age instability by group" in groups


def test_compare_names_what_was_not_measured(store):
    assert invoke("--method", "baseline").exit_code == 0
    found = compare("--metric", "age.instability", "--no-fairness")
    said = " ".join(found.stderr.split())
    assert "the stability of averaged, ruled: not every run of it was" in said
    assert "`equipoise stability tiny`" in said
    assert compare("--metric", "age.mae", "--no-fairness").stderr == ""


def robustness(*arguments: str):
    return CliRunner().invoke(app, ["robustness", "tiny", *arguments])


def test_answers_to_corrupted_images_are_those_of_the_model_and_compared(store):
    result = robustness("--method", "baseline", "--method", "ruled", "--images", "20")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "baseline, seed 0: measured on 20 test images",
        "ruled, seed 0: measured on 20 test images",
    ]
    assert "equipoise compare tiny --corrupted" in " ".join(result.stderr.split())
    run = run_of(store)
    assert run.corrupted_images == 20
    own = run.corrupted().query("corruption == 'fog' and severity == 4")
    pixels = pixels_of(own["image_id"])
    foggy = np.stack([corrupt(picture, "fog 4") for picture in pixels])
    answers = load_model(run.model_path).predict_on_batch(foggy)
    ages = np.asarray(answers["age"])[:, 0]
    np.testing.assert_allclose(own["age_pred"], ages, rtol=1e-3)
    found = own[[f"hair_p_{name}" for name in INFO.tasks[2].classes]]
    np.testing.assert_allclose(found, np.asarray(answers["hair"]), atol=6e-4)
    assert not run.has_stability(INFO.tasks)
    # The same command goes on; the same pictures are not corrupted again.
    again = robustness("--images", "20", "--method", "baseline")
    assert "baseline, seed 0: measured already." in again.stderr
    assert again.stdout == ""
    record = json.loads(compare("--corrupted", "--json").stdout)
    assert record["images"] == 20
    assert [m["name"] for m in record["comparison"]["methods"]] == ["baseline", "ruled"]
    wrong = run.corrupted().eval("glasses_pred != glasses_true").mean()
    shown = record["comparison"]["methods"][0]["metrics"]["glasses.error_rate"]
    assert shown["mean"] == pytest.approx(wrong)
    assert set(record["conditions"]) >= {"clean", "noise 1", "digital 5"}
    said = compare("--corrupted", "--markdown").stdout
    assert "20 test images, each under 12 corruptions at 5 severities." in said
    refused = CliRunner().invoke(
        app, ["compare", "tiny", "--corrupted", "--metric", "age.mae"]
    )
    assert refused.exit_code == 2
    assert "--metric would change nothing here." in refused.stderr


def test_without_answers_to_corrupted_images_compare_says_what_to_do(store):
    result = CliRunner().invoke(app, ["compare", "tiny", "--corrupted"])
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert "was not measured on corrupted images" in said
    assert "equipoise robustness tiny" in said
