"""`equipoise compare` on a long-tailed study with published numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.study import Study
from tests.synthetic import synthetic_study, write_run, write_store

NAME = "cifar10-lt-200"
METHODS = ("baseline", "csce")
SOURCE = "the paper: 200 epochs, ten runs"


def write_headline(store: Path, *keys: str) -> None:
    path = store / NAME / core.runs.STUDY_FILE
    own = {**json.loads(path.read_text()), "headline": keys}
    path.write_text(json.dumps(own))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_store(folder, NAME, methods=METHODS, seeds=(0,), rows=200)
    claims = [
        {"method": m, "metric": "label.error_rate", "value": v, "source": SOURCE}
        for m, v in (("baseline", 0.231), ("csce", 0.221), ("hmloss", 0.218))
    ]
    own = {
        "published": claims,
        "headline": ["label.error_rate", "label.accuracy[few-shot]"],
        "notice": "Thirty epochs here.",
    }
    study = synthetic_study(NAME, methods=METHODS, seeds=(0,))
    study = Study.model_validate({**study.model_dump(), **own})
    (folder / NAME / "study.json").write_text(study.model_dump_json())
    return folder


def compare(*options: str) -> str:
    result = CliRunner().invoke(app, ["compare", NAME, *options])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def error_rates(store: Path) -> dict[str, float]:
    rates = {}
    for run in core.runs.list_runs(NAME).runs:
        test = run.predictions().query("split == 'test'")
        rates[run.method] = float((test["label_true"] != test["label_pred"]).mean())
    return rates


def test_our_error_rates_stand_beside_the_published_ones(store: Path) -> None:
    lines = compare().splitlines()
    start = next(i for i, line in enumerate(lines) if "beside the published" in line)
    rows = [line.split("│")[1:-1] for line in lines[start:] if "│" in line]
    cells = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    labels = {m: t.label for m, t in core.runs.study_of_runs(NAME).methods.items()}
    for method, published in (("baseline", "23.1"), ("csce", "22.1")):
        metric, ours, interval, theirs, source = cells[labels[method]]
        assert metric == "Class error rate (%)"
        assert ours == f"{100 * error_rates(store)[method]:.1f}"
        low, high = map(float, interval.split(" to "))
        assert low < float(ours) < high
        assert (theirs, source) == (published, "1")
    assert cells["hmloss"][1:] == ["–", "–", "21.8", "1"]
    # A source's number is its name and no quantity.
    assert next(row[-1] for row in rows if " 1 " in row[-1]).startswith(" 1 ")


def test_it_says_source_budget_and_that_nothing_is_claimed(store: Path) -> None:
    text = " ".join(compare().split())
    assert f"1: {SOURCE}" in text
    assert "no difference between the two is claimed" in text
    assert "Thirty epochs here." in text
    assert "One seed for every method: the verdicts are about these trained" in text
    assert "The value of the one seed and its interval" in text


def test_the_headline_of_the_study_is_shown(store: Path) -> None:
    head = " ".join(compare().split("├")[0].replace("│", " ").split())
    assert "error" in head
    assert "few-shot" in head
    assert "macro F1" not in head


def test_json_has_the_published_numbers_apart_from_ours(store: Path) -> None:
    answer = json.loads(compare("--json"))
    first = answer["published"][0]
    assert first["published"] == {"value": 0.231, "source": SOURCE}
    assert first["ours"]["value"] == pytest.approx(error_rates(store)["baseline"])
    assert answer["published"][2]["ours"] == {"value": None, "ci": [None, None]}
    assert answer["notice"] == "Thirty epochs here."
    metrics = answer["methods"][1]["metrics"]
    assert {"label.auc", "label.top_5_accuracy", "label.accuracy[few-shot]"} <= set(
        metrics
    )


def test_markdown_has_both_tables(store: Path) -> None:
    text = compare("--markdown")
    assert "| Method | Class error rate (%) ↓ | Class accuracy, few-shot ↑ |" in text
    assert "| Method | Metric | Ours | 95 % interval | Published | Source |" in text
    assert f"1. {SOURCE}" in text


def test_how_the_trainings_enter_a_verdict_of_one_seed_is_said(store: Path) -> None:
    study = core.runs.study_of_runs(NAME)
    assert "this trained model is" in compare("--markdown")
    write_run(store, study, "baseline", 1, rows=200)
    said = f"One seed for {study.methods['csce'].label}: how much another training"
    assert said in compare("--markdown")
    assert "this trained model is" not in compare("--markdown")
    text = " ".join(compare().split())
    assert said in text
    assert "The mean over the seeds and its interval" in text
    entries = json.loads(compare("--json"))["methods"]
    assert [entry["seeds"] for entry in entries] == [[0, 1], [0]]


def test_a_margin_makes_a_difference_equivalent(store: Path) -> None:
    key = "label.error_rate"
    plain = json.loads(compare("--json"))["methods"][1]["metrics"][key]["delta"]
    assert plain["margin"] == 0.01
    asked = ("--margin", f"{key}=0.9", "--margin", "label.macro_f1=0.5")
    wide = json.loads(compare("--json", *asked))["methods"][1]["metrics"]
    assert wide[key]["delta"]["margin"] == 0.9
    assert wide[key]["delta"]["verdict"] == "equivalent"
    assert wide[key]["delta"]["ci"] == plain["ci"]
    assert wide["label.macro_f1"]["delta"]["margin"] == 0.5
    assert "class error rate 90.0 points" in " ".join(compare(*asked).split())


@pytest.mark.parametrize(
    "given", ["label.error_rate", "=1", "label.error_rate=0", "label.error_rate=x"]
)
def test_a_margin_that_cannot_be_read_is_refused(store: Path, given: str) -> None:
    result = CliRunner().invoke(app, ["compare", NAME, "--margin", given])
    assert result.exit_code == 2
    assert "METRIC=VALUE" in result.stderr


def test_a_margin_of_a_metric_that_is_not_there_is_refused(store: Path) -> None:
    result = CliRunner().invoke(app, ["compare", NAME, "--margin", "label.mae=1"])
    assert result.exit_code == 2
    assert "no metric 'label.mae'" in result.stderr


def test_one_part_can_be_printed_alone(store: Path) -> None:
    whole = compare("--markdown")
    findings = compare("--markdown", "--only", "findings")
    assert findings.startswith("**What it says**\n\n- Class error rate: ")
    assert findings.strip() in whole
    cost = compare("--markdown", "--only", "cost")
    assert cost.startswith("| Method | Parameters trained (millions) |")
    both = compare("--only", "findings", "--only", "published")
    assert "What it says" in both
    assert "Ours beside the published numbers" in both
    assert "value of the one seed" not in both


def test_a_part_that_does_not_exist_is_refused(store: Path) -> None:
    for options in (["--only", "leaderbord"], ["--only", "cost", "--json"]):
        result = CliRunner().invoke(app, ["compare", NAME, *options])
        assert result.exit_code == 2
        assert "--only" in result.stderr


def test_findings_are_in_json_too(store: Path) -> None:
    findings = json.loads(compare("--json"))["findings"]
    printed = compare("--markdown", "--only", "findings")
    assert findings
    for sentence in findings:
        assert f"- {sentence}" in printed


def test_methods_can_be_compared_with_another_than_the_baseline(store: Path) -> None:
    usual = json.loads(compare("--json"))
    turned = json.loads(compare("--json", "--against", "csce"))
    assert (usual["baseline"], turned["baseline"]) == ("baseline", "csce")
    key = "label.error_rate"
    one = usual["methods"][1]["metrics"][key]["delta"]
    other = turned["methods"][0]["metrics"][key]["delta"]
    assert turned["methods"][1]["metrics"][key]["delta"] is None
    assert other["mean"] == pytest.approx(-one["mean"])
    # Beside what others published stands ours, whatever it is compared with.
    assert turned["published"] == usual["published"]
    for option in ((), ("--markdown",)):
        text = " ".join(compare("--against", "csce", *option).split())
        assert "in place of the study's baseline (baseline)." in text


def test_a_method_without_runs_cannot_be_compared_with(store: Path) -> None:
    result = CliRunner().invoke(app, ["compare", NAME, "--against", "lmf"])
    assert result.exit_code == 2
    assert "no run of a method 'lmf'" in result.stderr
    assert "one of baseline, csce." in result.stderr


def test_top_k_of_any_k_can_be_asked_for(store: Path) -> None:
    asked = ("--markdown", "--metric", "label.top_3_accuracy")
    assert "top-3 accuracy" in compare(*asked)
    for key in ("label.top_11_accuracy", "label.top_0_accuracy"):
        result = CliRunner().invoke(app, ["compare", NAME, "--metric", key])
        assert result.exit_code == 2
        assert key in result.stderr


def test_a_top_k_headline_is_computed(store: Path) -> None:
    write_headline(store, "label.top_3_accuracy")
    assert "| Method | Class top-3 accuracy ↑ |" in compare("--markdown")


@pytest.mark.parametrize(
    "command", [["compare", NAME], ["compare", NAME, "--markdown"]]
)
@pytest.mark.parametrize(
    "missing", ["label.accuracy[few-shot]", "label.top_11_accuracy"]
)
def test_a_headline_that_a_comparison_lacks_is_left_out_and_said(
    store: Path, command: list[str], missing: str
) -> None:
    write_headline(store, missing, "label.error_rate")
    # Without training counts there are no shot groups.
    (store / NAME / core.runs.MANIFEST_FILE).unlink()
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert "error rate" in result.stdout
    assert "few-shot" not in result.stdout
    said = " ".join(result.stderr.split())
    assert f"Skipped: the headline '{missing}'" in said
    assert "take it out of `headline`" in said


def test_without_any_headline_that_exists_the_usual_ones_are_shown(store: Path) -> None:
    write_headline(store, "label.top_11_accuracy")
    head = CliRunner().invoke(app, ["compare", NAME, "--markdown"]).stdout
    assert head.startswith("| Method | Class macro F1 ↑ | Class balanced accuracy ↑ |")


def test_methods_leaves_out_what_a_comparison_lacks(store: Path) -> None:
    write_headline(store, "label.top_11_accuracy", "label.error_rate")
    result = CliRunner().invoke(app, ["methods", "--markdown"])
    assert result.exit_code == 0, result.stderr
    assert "| csce (cifar10-lt-200): " in result.stdout
    assert "label.top_11_accuracy" in result.stderr


def test_methods_skips_a_study_whose_headline_makes_no_sense(store: Path) -> None:
    write_headline(store, "label.eror_rate")
    result = CliRunner().invoke(app, ["methods", "--markdown"])
    assert result.exit_code == 0, result.stderr
    assert "no metric 'label.eror_rate'" in " ".join(result.stderr.split())
    # It has runs, so that it is not among those to be trained either.
    assert "in cifar10-step-200, cifar100-lt-200" in result.stdout
    assert "cifar10-lt-200" not in result.stdout


def test_a_misspelt_metric_is_answered_with_names_and_not_with_every_class(
    store: Path,
) -> None:
    result = CliRunner().invoke(app, ["compare", NAME, "--metric", "label.eror_rate"])
    assert result.exit_code == 2
    expected = result.stderr.splitlines()[1]
    assert "label.error_rate" in expected
    assert expected.endswith(
        ", and label.accuracy[group], label.f1[class], label.recall[class]."
    )
    assert "truck" not in result.stderr
    assert "near to it: label.error_rate" in result.stderr


def test_every_cost_is_printed_when_asked_for(store: Path) -> None:
    assert "Size on disk" not in compare()
    text = compare("--cost")
    board = text[text.index("What each method costs") :].split("Ours beside")[0]
    for heading in ("trained", "Training time", "Inference time", "Size on disk"):
        assert heading in board
    row = next(line for line in board.splitlines() if "Cross" in line or "Base" in line)
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    # No record of how much is trained, no model kept: unknown, and not 0.
    assert cells[1:4] == ["–", "1.200", "600"]
    assert cells[7] == "–"
    assert "For all: epochs 6; image size (px) 96" in board


def test_markdown_has_the_costs_only_when_asked_for(store: Path) -> None:
    plain, more = compare("--markdown"), compare("--markdown", "--cost")
    assert "Training time" not in plain
    head = "| Method | Parameters trained (millions) | Parameters in all (millions) |"
    assert head in more
    assert "- Inference time: Median of 30 answers" in more
    for part in plain.split("\n\n"):
        assert part.strip() in more


def test_json_always_has_every_cost_and_setting(store: Path) -> None:
    entry = json.loads(compare("--json"))["methods"][1]
    assert entry["cost"]["training_seconds"] == 640.0
    assert entry["cost"]["images_per_second"] == 420.0
    assert entry["cost"]["parameters_trained"] is None
    assert entry["cost"]["size_mb"] is None
    assert entry["settings"]["image_size"] == 96
    assert entry["settings"]["backbone"] == "mobilenet_v3_small"


def test_different_budgets_and_machines_are_noted(store: Path) -> None:
    path = store / NAME / "csce" / "seed-0" / "run.json"
    record = json.loads(path.read_text())
    record["resolved"]["model"]["image_size"] = 224
    record["hardware"]["gpu"] = "NVIDIA H200"
    path.write_text(json.dumps(record))
    text = " ".join(compare("--cost").split())
    assert "The methods differ in image size (96, 224 px)" in text
    assert "Timed on different machines" in text
    assert "Machine 1 is test, 2 cores, tensorflow; 2 is test, 2 cores, NVIDIA" in text


def test_curves_are_in_the_json_where_their_area_is_asked_for(store: Path) -> None:
    assert "curves" not in json.loads(compare("--json"))
    keys = ("label.average_precision[cat]", "label.auc")
    asked = [word for key in keys for word in ("--metric", key)]
    answer = json.loads(compare("--json", *asked))
    first, second = answer["curves"]
    assert (first["metric"], first["x"], first["y"]) == (keys[0], "recall", "precision")
    assert (second["metric"], second["x"]) == (keys[1], "false positive rate")
    for curve, key in zip(answer["curves"], keys, strict=True):
        for one, method in zip(curve["methods"], answer["methods"], strict=True):
            assert one["name"] == method["name"]
            assert len(one["x"]) == len(one["y"]) == len(one["threshold"]) < 500
            area = np.trapezoid(one["y"], one["x"])
            mean = method["metrics"][key]["mean"]
            assert area == pytest.approx(mean, abs=0.005)
            band = one["band"]
            assert len(band["x"]) == len(band["low"]) == len(band["high"]) > 5
            assert band["anew"] is False
            assert set(one["answers"]) == {"x", "y", "threshold"}


def test_json_says_how_many_images_each_method_gains_and_loses(store: Path) -> None:
    changed = json.loads(compare("--json"))["changed"]
    (record,) = changed
    named = (record["task"], record["method"], record["against"])
    assert named == ("label", "csce", "baseline")
    tables = {
        run.method: run.predictions().query("split == 'test'").reset_index(drop=True)
        for run in core.runs.list_runs(NAME).runs
    }
    right = {m: t["label_true"] == t["label_pred"] for m, t in tables.items()}
    gained = right["csce"] & ~right["baseline"]
    lost = right["baseline"] & ~right["csce"]
    assert (record["gained"], record["lost"]) == (gained.sum(), lost.sum())
    assert record["mcnemar"]["gained"] == record["gained_in_all"] == gained.sum()
    truth = tables["baseline"]["label_true"]
    for name, row in record["by_class"].items():
        assert row["images"] == (truth == name).sum()
        assert row["net"] == gained[truth == name].sum() - lost[truth == name].sum()
    assert record["churn"]["gained"] == record["gained"]
    assert record["churn"]["retrained"] is None
