"""The command: what it prints, what it refuses, and how it leaves."""

import gc
import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from core import cli, runs
from core.commands import serve
from core.commands.console import print_json
from core.commands.predict import print_answers
from core.data.cache import build_image_cache
from core.data.cache_entries import (
    CACHE_VARIABLE,
    DEFAULT_LIMIT_GB,
    LIMIT_VARIABLE,
    describe_entry,
    entry_folder,
)
from core.data.catalog import dataset_info, dataset_of
from core.data.picture_paths import DATA_VARIABLE
from core.face_quality import whole_quality
from core.methods.verification.cases import SHIPPED
from core.predictor import (
    ClassificationAnswer,
    FaceAnswers,
    PhotoResult,
    RegressionAnswer,
)
from core.study import parse_study

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "studies",
    "data",
    "train",
    "tune",
    "stability",
    "robustness",
    "compare",
    "import",
    "predict",
    "verify",
    "cache",
    "app",
)
STUDY = """
name = "faces"
title = "Faces of the test"
baseline = "plain"
seeds = [0, 1]
[dataset]
name = "avatars"
options = { count = 120 }
[model]
backbone = "mobilenetv3_small_minimalistic"
image_size = 32
[training]
epochs = 1
[methods.plain]
label = "Baseline"
[methods.better]
label = "A better one"
"""
IMAGES = 90


def invoke(*arguments: str):
    return CliRunner().invoke(cli.app, arguments)


def start(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from core.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **changes},
        check=False,
    )


def build_predictions(spread_years: float, seed: int) -> pd.DataFrame:
    """Half validation, half test; the truth is the same for every method and seed."""
    tasks = {task.name: task for task in dataset_info("avatars").tasks}
    truth = np.random.default_rng(0)
    noise = np.random.default_rng((seed, round(spread_years)))
    table = pd.DataFrame(
        {
            "image_id": [f"{row:04d}" for row in range(2 * IMAGES)],
            "split": ["validation", "test"] * IMAGES,
            "group": truth.choice(list("ABCD"), 2 * IMAGES),
            "age_true": truth.integers(1, 80, 2 * IMAGES).astype(float),
        }
    )
    table["age_pred"] = table["age_true"] + noise.normal(0, spread_years, len(table))
    for name in ("glasses", "hair"):
        classes = list(tasks[name].classes)
        table[f"{name}_true"] = truth.choice(classes, len(table))
        chances = noise.dirichlet(np.ones(len(classes)), len(table))
        table[f"{name}_pred"] = np.array(classes)[chances.argmax(axis=1)]
        for place, label in enumerate(classes):
            table[f"{name}_p_{label}"] = chances[:, place].astype("float32")
    return table


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store with two methods and two seeds; 'better' errs half as much in age."""
    folder = tmp_path / "store"
    monkeypatch.setenv(runs.STORE_VARIABLE, str(folder))
    study = parse_study(STUDY, origin="the test")
    history = pd.DataFrame(
        {"epoch": [1], "split": ["training"], "name": ["loss"], "value": [1.0]}
    )
    for method, spread_years in (("plain", 12.0), ("better", 6.0)):
        for seed in study.seeds:
            runs.write_run(
                folder,
                info={
                    "study": study.name,
                    "method": method,
                    "seed": seed,
                    "resolved": study.model_dump(mode="json"),
                    "parameters": 1000,
                    "duration_s": 10.0 + seed,
                    "inference_ms": 0.5,
                },
                history=history,
                predictions=build_predictions(spread_years, seed),
                save_model=lambda path: path.write_bytes(b"none"),
            )
    manifest = pd.DataFrame(
        {
            "image_id": ["a", "b", "c", "d"],
            "age": [5, 7, 15, 25],
            "glasses": ["glasses"] * 4,
            "hair": ["short", "short", "long", "curly"],
            "group": ["A"] * 4,
            "split": ["training", "training", "training", "test"],
        }
    )
    runs.write_study_files(
        folder, study, manifest, {"counts": {"found": 1234, "malformed": []}}
    )
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"equipoise {command}" in result.output or "Usage:" in result.output


def test_help_lists_every_command():
    output = invoke("--help").output
    assert all(command in output for command in COMMANDS)


def test_help_tells_the_variables_with_their_defaults():
    output = " ".join(invoke("--help").output.split())
    for name in (CACHE_VARIABLE, LIMIT_VARIABLE, DATA_VARIABLE, runs.STORE_VARIABLE):
        assert name in output
    assert f"how large that may grow ({DEFAULT_LIMIT_GB:g})" in output
    own = " ".join(invoke("cache", "--help").output.split())
    assert f"${LIMIT_VARIABLE} ({DEFAULT_LIMIT_GB:g} by default)" in own


def test_cache_lists_what_is_there_and_clears_what_nobody_uses(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    empty = invoke("cache")
    assert empty.stdout == (
        f"0.0 MB of at most {DEFAULT_LIMIT_GB:g} GB in {tmp_path / 'cache'}.\n"
    )
    paths = [str(tmp_path / f"{i}.png") for i in range(2)]
    for path in paths:
        Image.new("RGB", (20, 20)).save(path)
    held = build_image_cache(paths, 200, study="flowers")
    build_image_cache(paths, 100, study="trees")
    gc.collect()
    listed = invoke("cache").stdout
    lines = [line.replace("│", " ").split() for line in listed.splitlines()]
    large = next(line for line in lines if "flowers" in line)
    small = next(line for line in lines if "trees" in line)
    assert large[:6] == ["2", "images", "of", "200", "x", "200"]
    assert large[-5:] == ["flowers", "0.2", "MB", "now", "yes"]
    assert small[-4:] == ["trees", "0.1", "MB", "now"]
    cleared = invoke("cache", "--clear").stdout
    assert "Removed 1 of 2: 0.1 MB." in cleared
    assert "In use, and kept: 2 images of 200 x 200 pixels." in cleared
    assert held.images.shape == (2, 200, 200, 3)
    del held
    gc.collect()
    assert "Removed 1 of 1" in invoke("cache", "--clear").stdout
    assert "0.0 MB of" in invoke("cache").stdout


def test_cache_says_whose_frozen_layers_it_keeps(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    entry_folder("features", "key").mkdir(parents=True)
    described = {"images": 1200, "side_pixels": 96, "variants": 8, "backbone": "cnn"}
    describe_entry("features", "key", study="flowers", **described)
    listed = " ".join(invoke("cache").stdout.split())
    wanted = "frozen layers of cnn on 1,200 images of 96 x 96 pixels, 8 variants"
    assert f"{wanted} │ flowers" in listed
    assert "Removed 1 of 1" in invoke("cache", "--clear").stdout


def test_a_wrong_limit_of_the_cache_is_a_fault(monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "much")
    result = invoke("cache")
    assert result.exit_code == 2
    assert f"{LIMIT_VARIABLE} is 'much'." in result.stderr


def test_data_lists_what_cannot_be_read(store):
    study = runs.study_of_runs("faces")
    manifest = runs.shipped_manifest("faces")
    report = {
        "unreadable": [
            {"picture": "a/1.jpg", "split": "test", "reason": "is empty: 0 bytes."},
            "2.jpg is damaged.",
        ]
    }
    runs.write_study_files(store, study, manifest, report)
    output = " ".join(invoke("data", "faces").stdout.split())
    assert "cannot be read · a/1.jpg is empty: 0 bytes." in output
    assert "2.jpg is damaged." in output


@pytest.mark.parametrize("arguments", [("--help",), ("studies",)])
def test_help_and_studies_take_little_more_than_reading_a_table(arguments):
    def spend(work) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert work().returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    yardstick = [sys.executable, "-c", "import pandas"]
    # Its own time, and not the clock's, beside that of pandas on the same machine:
    # the training engine would take many times as long.
    pandas = min(spend(lambda: subprocess.run(yardstick)) for _ in range(3))
    assert min(spend(lambda: start(*arguments)) for _ in range(3)) < 3 * pandas


def test_studies_lists_the_shipped_ones_with_their_methods():
    result = invoke("studies")
    assert result.exit_code == 0
    assert "avatars" in result.output
    assert "denseweight-1" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("data", "no-such-study"),
        ("train", "no-such-study"),
        ("compare", "no-such-study"),
        ("predict", "photo.jpg", "--study", "no-such-study"),
        ("data", "../../etc"),
        ("compare", "../../etc"),
        ("train", "missing.toml"),
        ("train", "avatars", "--method", "no-such-method"),
        ("train", "avatars", "--method", "../evil"),
        ("tune", "no-such-study"),
        ("tune", "avatars", "--method", "no-such-method"),
        ("tune", "avatars", "--storage", "nonsense"),
        ("tune", "avatars", "--out", "utkface.toml"),
    ],
)
def test_a_fault_is_three_sentences_on_stderr_and_exit_code_2(arguments):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("Expected: ")
    assert lines[2].startswith("What to do: ")


def test_the_installed_program_prints_no_traceback():
    done = start("compare", "no-such-study")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "no-such-study" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "avatars", "--epochs", "many"),
        ("train", "avatars", "--epochs", "0"),
        ("train", "avatars", "--sede", "1"),
        ("train", "avatars", "--seed", "-1"),
        ("train", "avatars", "--seed", "4294967296"),
        ("tune", "avatars", "--trials", "0"),
        ("no-such-command",),
        ("predict",),
    ],
)
def test_a_wrong_option_is_refused_with_exit_code_2(arguments):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_a_study_file_with_an_unknown_key_is_refused_by_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(STUDY.replace("epochs = 1", "epochs = 1\nepoch = 2"))
    result = invoke("train", str(path))
    assert result.exit_code == 2
    assert "'training.epoch' is not a known key" in result.stderr


@pytest.mark.parametrize(
    ("use", "named"),
    [
        ("no-such-entry = {}", "no-such-entry"),
        ('ins = { on = "hair", no_such_parameter = 1 }', "no_such_parameter"),
        ('ins = { on = "no-such-task" }', "no-such-task"),
    ],
)
def test_a_study_that_uses_what_does_not_exist_is_refused_by_name(tmp_path, use, named):
    path = tmp_path / "mine.toml"
    path.write_text(STUDY + f"[methods.better.use]\n{use}\n")
    result = invoke("train", str(path), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert named in result.stderr
    assert not (tmp_path / "out").exists()


def test_before_training_it_is_said_what_so_many_seeds_can_find(monkeypatch, store):
    monkeypatch.setattr("core.training.jobs.train_study", lambda *_, **__: [])
    path = store.parent / "study.toml"
    path.write_text(STUDY)
    said = " ".join(invoke("train", str(path)).stderr.split())
    assert "The study plans 2 seeds a method. By its 4 runs so far" in said
    assert re.search(
        r"Age MAE: [\d.]+ years with 3 seeds of each method, [\d.]+ with 5 and [\d.]+"
        " with 10",
        said,
    )
    path.write_text(STUDY.replace("faces", "unseen"))
    said = " ".join(invoke("train", str(path)).stderr.split())
    assert "is not known yet: that takes two seeds of the baseline" in said
    assert "Age MAE" not in said


def test_an_interrupted_training_says_how_to_go_on(monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.study.load_study", interrupt)
    result = invoke("train", "avatars")
    assert result.exit_code == 130
    assert "--resume" in result.stderr
    assert "--resume" not in invoke("data", "avatars").stderr
    assert "finished trials are kept" in invoke("tune", "avatars").stderr


def test_a_full_disk_is_a_fault_and_not_a_crash(monkeypatch):
    def fill(*_: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere/run.json")

    monkeypatch.setattr("core.study.load_study", fill)
    result = invoke("data", "avatars")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert "/somewhere/run.json" in result.stderr


def test_data_reports_what_is_kept_with_the_runs(store):
    result = invoke("data", "faces")
    assert result.exit_code == 0, result.stderr
    assert "1,234" in result.stdout
    # Two of the three training images are of the first bin, one of the second.
    line = next(line for line in result.stdout.splitlines() if "0-9" in line)
    assert line.split() == ["0-9", "2", "0", "0"]
    assert "imbalance ratio" in result.stdout


def test_data_says_how_many_near_copies_there_are(monkeypatch, tmp_path):
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "none"))
    result = invoke("data", "cifar10-lt-200")
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert "84 of 9,000 test images (0.9 %) in training" in said
    assert "remove_copies" in said
    assert "so none is a copy" not in said
    said = " ".join(invoke("data", "avatars").stdout.split())
    assert "9 of 1,000 test images (0.9 %) in training" in said
    assert "so none is a copy" in said


def test_data_of_a_generated_study_needs_no_copy(tmp_path, monkeypatch):
    monkeypatch.setenv(runs.STORE_VARIABLE, str(tmp_path / "none"))
    path = tmp_path / "mine.toml"
    path.write_text(STUDY)
    result = invoke("data", str(path))
    assert result.exit_code == 0, result.stderr
    totals = [
        sum(int(word) for word in line.split()[-3:])
        for line in result.stdout.splitlines()
        if line.split()[:-3] in (["glasses"], ["no", "glasses"])
    ]
    assert sum(totals) == 120


def test_data_of_a_changed_dataset_is_not_that_of_the_runs(store, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(STUDY.replace("count = 120", "count = 80"))
    result = invoke("data", str(path))
    assert result.exit_code == 0, result.stderr
    assert "1,234" not in result.stdout
    totals = [
        sum(int(word) for word in line.split()[-3:])
        for line in result.stdout.splitlines()
        if line.split()[:-3] in (["glasses"], ["no", "glasses"])
    ]
    assert sum(totals) == 80


def test_compare_as_json_has_the_promised_shape_and_the_true_means(store):
    result = invoke("compare", "faces", "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["study"], answer["baseline"]) == ("faces", "plain")
    methods = {method["name"]: method for method in answer["methods"]}
    assert set(methods) == {"plain", "better"}
    for name, spread_years in (("plain", 12.0), ("better", 6.0)):
        errors = []
        for seed in (0, 1):
            table = build_predictions(spread_years, seed).query("split == 'test'")
            errors.append((table["age_pred"] - table["age_true"]).abs().mean())
        mae = methods[name]["metrics"]["age.mae"]
        assert mae["mean"] == pytest.approx(np.mean(errors))
        assert mae["sd"] == pytest.approx(abs(errors[0] - errors[1]) / np.sqrt(2))
        assert mae["ci"][0] < mae["mean"] < mae["ci"][1]
    delta = methods["better"]["metrics"]["age.mae"]["delta"]
    assert delta["verdict"] == "better"
    assert delta["ci"][0] < delta["mean"] < delta["ci"][1] < 0
    assert delta["p"] < 0.05
    cost = methods["better"]["cost"]
    assert cost["parameters"] == 1000
    assert cost["training_seconds"] == pytest.approx(10.5)
    assert cost["inference_ms"] == pytest.approx(0.5)


def test_compare_as_json_has_every_promised_metric(store):
    answer = json.loads(invoke("compare", "faces", "--json").stdout)
    for method in answer["methods"]:
        assert {
            "age.mae",
            "age.rmse",
            "age.bias",
            "age.mae_balanced",
            "age.within_5",
            "age.mae[0-9]",
            "age.mae[70-79]",
            "glasses.accuracy",
            "glasses.f1",
            "hair.macro_f1",
            "hair.balanced_accuracy",
            "hair.f1[short]",
        } <= set(method["metrics"])


def test_compare_prints_methods_as_rows_with_a_verdict(store):
    result = invoke("compare", "faces")
    assert result.exit_code == 0, result.stderr
    lines = [line.split("│")[1:-1] for line in result.stdout.splitlines()]
    rows = [[cell.strip() for cell in line] for line in lines if line]
    methods, verdicts = [row[0] for row in rows], [row[1] for row in rows]
    assert methods.index("plain") < methods.index("better")
    assert "▲ better" in verdicts
    assert verdicts.index("▲ better") > methods.index("better")
    assert "0.001" in result.stdout


def test_compare_shows_the_metric_that_is_asked_for(store):
    assert invoke("compare", "faces", "--metric", "age.mae[0-9]").exit_code == 0
    result = invoke("compare", "faces", "--metric", "age.no_such")
    assert result.exit_code == 2
    assert "age.mae" in result.stderr


def test_a_broken_run_is_named_and_the_rest_is_compared(store):
    (store / "faces" / "better" / "seed-1" / "predictions.parquet").write_bytes(b"x")
    result = invoke("compare", "faces", "--json")
    assert result.exit_code == 0
    assert "seed-1" in result.stderr.replace("\n", "")
    seeds = {m["name"]: m["seeds"] for m in json.loads(result.stdout)["methods"]}
    assert seeds["better"] in (1, [0])


def test_a_table_that_breaks_in_the_middle_is_named_and_the_rest_compared(store):
    table = store / "faces" / "better" / "seed-1" / "predictions.parquet"
    content = bytearray(table.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    table.write_bytes(content)
    result = invoke("compare", "faces", "--json")
    assert result.exit_code == 0
    assert "is damaged" in result.stderr.replace("\n", " ")
    seeds = {m["name"]: m["seeds"] for m in json.loads(result.stdout)["methods"]}
    assert seeds["better"] == [0]


def test_without_a_run_of_the_baseline_nothing_is_compared(store):
    for seed in (0, 1):
        (store / "faces" / "plain" / f"seed-{seed}" / "run.json").unlink()
    result = invoke("compare", "faces")
    assert result.exit_code == 2
    assert "equipoise train faces --method plain" in result.stderr


def test_app_serves_the_pages_and_keeps_the_runs_of_this_folder(tmp_path, monkeypatch):
    calls = []

    def record(command, *, cwd, env):
        calls.append((command, cwd, env))
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(runs.STORE_VARIABLE, raising=False)
    monkeypatch.setattr(serve, "run_server", record)
    assert invoke("app", "--server.port=1234").exit_code == 0
    ((command, cwd, env),) = calls
    assert str(ROOT / "streamlit_app.py") in command
    assert "--server.address=127.0.0.1" in command
    assert command[-1] == "--server.port=1234"
    assert (cwd, env[runs.STORE_VARIABLE]) == (ROOT, str(tmp_path / "runs"))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
def test_app_is_opened_to_others_only_by_name(monkeypatch, host):
    calls = []
    monkeypatch.setattr(
        serve, "run_server", lambda command, **_: calls.append(command) or 0
    )
    opened = invoke("app", "--host", host)
    assert opened.exit_code == 0
    assert f"--server.address={host}" in calls[0]
    assert "upload photos" in " ".join(opened.stderr.split())
    own = invoke("app", "--host", "localhost")
    assert own.exit_code == 0
    assert "--server.address=localhost" in calls[1]
    assert own.stderr == ""
    refused = invoke("app", f"--server.address={host}")
    assert refused.exit_code == 2
    assert "--host ADDRESS" in refused.stderr
    assert len(calls) == 2


def test_numbers_that_are_none_are_null_in_json(capsys):
    print_json({"a": float("nan"), "b": [1.5, float("nan")]})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1.5, None]}


@pytest.fixture(scope="module")
def untrained_model(tmp_path_factory) -> bytes:
    """A model of the tasks that has learned nothing: quick, and it answers."""
    from core.models.build import build_models

    study = parse_study(STUDY, origin="the test")
    models = build_models(
        study.model,
        dataset_info("avatars").tasks,
        augmentation=study.training.augmentation,
        seed=0,
    )
    path = tmp_path_factory.mktemp("model") / runs.MODEL
    models.inference.save(path)
    return path.read_bytes()


@pytest.fixture
def store_that_answers(store, untrained_model):
    for folder in store.glob("faces/*/seed-*"):
        (folder / runs.MODEL).write_bytes(untrained_model)
    return store


def test_predict_answers_for_every_method_and_a_bad_photo_stops_no_other(
    store_that_answers, tmp_path
):
    good, bad = tmp_path / "good.png", tmp_path / "bad.jpg"
    Image.new("RGB", (40, 40), (200, 150, 90)).save(good)
    bad.write_bytes(b"")
    photos = [str(bad), str(good)]
    result = invoke("predict", *photos, "--study", "faces", "--aligned", "--json")
    assert result.exit_code == 2
    first, second = json.loads(result.stdout)
    assert (first["photo"], first["faces"]) == (str(bad), [])
    assert "empty" in first["error"]
    assert (second["photo"], second["error"]) == (str(good), None)
    (face,) = second["faces"]
    assert face["box"] == [0, 0, 40, 40]
    assert set(face["answers"]) == {"plain", "better"}
    for answer in face["answers"].values():
        assert 1 <= answer["age"] <= 80
        assert answer["glasses"]["label"] in ("no glasses", "glasses")
        assert 0 <= answer["hair"]["probability"] <= 1


def test_predict_prints_a_table_a_face_and_leaves_with_0(store_that_answers, tmp_path):
    photo = tmp_path / "good.png"
    Image.new("RGB", (40, 40), (200, 150, 90)).save(photo)
    result = invoke("predict", str(photo), "--study", "faces", "--aligned")
    assert result.exit_code == 0, result.stderr
    assert "years" in result.stdout
    assert "Hair" in result.stdout
    assert dataset_info("avatars").notice[:20] in result.stdout


def test_ethnicity_is_answered_only_for_who_asks(capsys):
    info = dataset_info("utkface")
    answers = {
        "age": RegressionAnswer(30.0, None),
        "gender": ClassificationAnswer("female", 0.9, {}, None),
        "ethnicity": ClassificationAnswer("Indian", 0.8, {}, None),
    }
    seen = {"baseline": np.zeros((8, 8, 3), np.uint8)}
    box = (0, 0, 8, 8)
    quality = whole_quality(box, 8)
    face = FaceAnswers(1, box, quality, seen, {"baseline": answers})
    results = [PhotoResult("photo.jpg", (face,))]
    labels = {"baseline": "Plain"}
    print_answers(results, info, info.answered_tasks(), labels=labels)
    assert "Indian" not in capsys.readouterr().out
    print_answers(results, info, info.answered_tasks({"ethnicity"}), labels=labels)
    shown = capsys.readouterr().out
    assert "Indian (80%)" in shown
    assert "not a person's identity" in shown


def test_json_holds_what_is_opt_in_only_for_who_asks(
    store_that_answers, tmp_path, monkeypatch
):
    def with_opt_in(*given, **options):
        info = dataset_of(*given, **options)
        return replace(info, opt_in={"hair": "A colour, as somebody saw it."})

    monkeypatch.setattr("core.data.catalog.dataset_of", with_opt_in)
    photo = tmp_path / "good.png"
    Image.new("RGB", (40, 40), (200, 150, 90)).save(photo)
    for option, named in ((), False), (("--ethnicity",), True):
        arguments = ["predict", str(photo), "--study", "faces", "--aligned", "--json"]
        result = invoke(*arguments, *option)
        assert result.exit_code == 0, result.stderr
        (answer,) = json.loads(result.stdout)
        for given in answer["faces"][0]["answers"].values():
            assert ("hair" in given) == named
            assert "age" in given


def test_a_missing_photo_is_a_fault(store_that_answers):
    result = invoke("predict", "no-such.jpg", "--study", "faces", "--aligned")
    assert result.exit_code == 2
    assert "no-such.jpg" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def write_cases(tmp_path):
    """Writes the fair metric's cases into a file, the second one changed."""

    def write(**changes):
        content = json.loads(SHIPPED.read_text(encoding="utf-8"))
        content["methods"] = {"fair_metric": content["methods"]["fair_metric"]}
        content["methods"]["fair_metric"][1].update(changes)
        path = tmp_path / f"cases-{len(list(tmp_path.iterdir()))}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    return write


def test_verify_prints_a_row_a_method_and_leaves_with_0(write_cases):
    result = invoke("verify", write_cases())
    assert result.exit_code == 0
    assert "fair_metric" in result.stdout
    assert "rtol 1e-06, atol 1e-09" in result.stdout
    assert "passes" in result.stdout
    assert "5 of 5 cases pass" in result.stdout


def test_verify_takes_the_shipped_cases_of_one_method():
    result = invoke("verify", "--method", "drw_weights", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["passed"]
    (method,) = found["methods"]
    assert (method["method"], method["cases"]) == ("drw_weights", 4)
    assert 0 <= method["worst_of_tolerance"] < 1
    assert method["failures"] == []


@pytest.mark.parametrize("name", ["denseweight", "ins", "class-balanced"])
def test_verify_knows_a_method_as_the_registry_names_it(name):
    result = invoke("verify", "--method", name, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)["methods"]
    assert found
    assert all(name in method["entries"] for method in found)


def test_verify_says_why_a_tolerance_is_wide():
    result = invoke("verify", "--method", "denseweight")
    assert result.exit_code == 0
    assert "denseweight: the tolerance is its cases' own: 4096-point grid" in (
        " ".join(result.stdout.split())
    )


def test_verify_in_float32_allows_more(write_cases):
    path = write_cases(expected={"value": 0.888})
    assert invoke("verify", path).exit_code == 1
    result = invoke("verify", path, "--dtype", "float32")
    assert result.exit_code == 0
    assert "rtol 0.0001, atol 0.0001" in result.stdout


def test_verify_names_the_case_and_number_that_fail(write_cases):
    path = write_cases(expected={"value": 0.5})
    result = invoke("verify", path)
    assert result.exit_code == 1
    assert "1 fail" in result.stdout
    assert "4 of 5 cases pass" in result.stdout
    line = next(row for row in result.stdout.splitlines() if "fair_metric-01" in row)
    assert line.split()[1:4] == ["value", "0.5", "0.888024449348"]
    found = json.loads(invoke("verify", path, "--json").stdout)
    (failure,) = found["methods"][0]["failures"]
    assert failure["id"] == "public-fair_metric-01"
    assert failure["fields"][0]["expected"] == 0.5


def test_verify_says_what_has_no_implementation(write_cases):
    result = invoke("verify", write_cases(params={"penalty": 2.0, "luck": 1.0}))
    assert result.exit_code == 1
    # "fair_metric" also takes any "acc_..."; nothing else.
    assert "public-fair_metric-01: 'fair_metric' takes no 'luck'" in result.stdout
    assert "no implementation" in result.stdout


def test_verify_refuses_a_bad_file_before_the_engine_is_loaded(tmp_path, write_cases):
    text = tmp_path / "text.json"
    text.write_text("no JSON", encoding="utf-8")
    for arguments, message in (
        (["missing.json"], "no file missing.json"),
        ([str(text)], "is not JSON"),
        ([write_cases(expected=None)], "no 'expected'"),
        ([write_cases(), "--method", "ldam_loss"], "no cases of 'ldam_loss'"),
    ):
        result = invoke("verify", *arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 3


def test_verify_refuses_an_unknown_method_in_a_file(tmp_path):
    content = json.loads(SHIPPED.read_text(encoding="utf-8"))
    content["methods"] = {"equal_luck": content["methods"]["fair_metric"]}
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = invoke("verify", str(path))
    assert result.exit_code == 1
    assert "equal_luck" in result.stdout
    assert "5 fail: no implementation" in result.stdout
