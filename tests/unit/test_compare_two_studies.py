"""`equipoise compare STUDY --with OTHER`: all printed forms, options and errors."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.results.run_settings import TOGETHER
from tests.synthetic import write_store
from tests.two_studies import OTHER, change_split, copy_study, test_ids

METHODS = ("baseline", "ins", "lmf")
ROWS = 200


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_store(folder, methods=METHODS, seeds=(0, 1, 2), rows=ROWS)
    study = core.runs.study_of_runs("utkface").model_dump(mode="json")
    training = {**study["training"], "epochs": 12}
    kept = ("baseline", "ins")
    copy_study(folder, methods=kept, seeds=(0, 1), study={"training": training})
    return folder


def compare(*options: str, study: str = "utkface", other: str = OTHER) -> str:
    result = CliRunner().invoke(app, ["compare", study, "--with", other, *options])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refused(*options: str) -> str:
    result = CliRunner().invoke(app, ["compare", "utkface", *options])
    assert result.exit_code == 2
    return " ".join(result.stderr.split())


def test_it_prints_the_pairs_the_images_and_what_differs(store: Path) -> None:
    text = " ".join(compare().split())
    assert "UTKFace beside UTKFace from scratch" in text
    assert f"utkface and {OTHER} have the same {ROWS} test images." in text
    assert f"the difference to the same method in {OTHER}" in text
    assert f"What differs between utkface and {OTHER}" in text
    assert "training.epochs" in text
    assert TOGETHER in text
    assert f"counterparts in {OTHER}" in text


def test_markdown_has_each_method_above_its_counterpart(store: Path) -> None:
    lines = compare("--markdown").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("| Baseline"))
    assert lines[first].startswith("| Baseline (utkface) |")
    assert lines[first + 1].startswith(f"| Baseline ({OTHER}) (2 seeds) |")
    assert "inconclusive" in lines[first] or "equivalent" in lines[first]
    assert "inconclusive" not in lines[first + 1]
    assert "| training.epochs | 6 | 12 | all |" in lines
    alone = next(line for line in lines if line.startswith("| LMF |"))
    assert "no verdict: in one study only" in alone


def test_json_says_what_each_method_is_against_and_what_differs(store: Path) -> None:
    answer = json.loads(compare("--json"))
    methods = {method["name"]: method for method in answer["methods"]}
    assert methods["ins"]["against"] == f"{OTHER}/ins"
    assert methods[f"{OTHER}/ins"]["against"] is None
    assert methods[f"{OTHER}/ins"]["metrics"]["age.mae"]["delta"] is None
    own = methods["ins"]["metrics"]["age.mae"]
    base = methods[f"{OTHER}/ins"]["metrics"]["age.mae"]
    assert own["delta"]["mean"] == pytest.approx(own["mean"] - base["mean"])
    assert methods["lmf"]["against"] is None
    beside = answer["with"]
    assert beside["study"] == OTHER
    assert beside["test_images"] == {
        "shared": ROWS,
        "of": {"utkface": ROWS, OTHER: ROWS},
        "trained_on": {"utkface": 0, OTHER: 0},
    }
    epochs = {"setting": "training.epochs", "utkface": "6", OTHER: "12"}
    assert {**epochs, "methods": None} in beside["differences"]
    assert beside["note"] == TOGETHER
    # Of one study alone there is no such part, and all stand against the baseline.
    result = CliRunner().invoke(app, ["compare", "utkface", "--json"])
    alone = json.loads(result.stdout)
    assert "with" not in alone
    assert {m["name"]: m["against"] for m in alone["methods"]} == {
        "baseline": None,
        "ins": "baseline",
        "lmf": "baseline",
    }


def test_groups_stand_against_the_other_study(store: Path) -> None:
    text = " ".join(compare("--by", "gender", "--only", "fairness").split())
    assert f"Against {OTHER}" in text
    assert "Against the baseline" not in text
    assert f"the difference to that of the same method in {OTHER}" in text
    assert "by gender" in text


def test_costs_are_of_both_studies(store: Path) -> None:
    text = compare("--only", "cost", "--markdown")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert any(line.startswith(f"| INS ({OTHER}) |") for line in rows)
    assert any(line.startswith("| INS (utkface) |") for line in rows)


def test_one_method_for_all_can_be_named(store: Path) -> None:
    text = " ".join(compare("--against", f"{OTHER}/ins", "--markdown").split())
    assert f"Compared with INS ({OTHER}) ({OTHER}/ins)" in text
    assert "the difference to the baseline" in text


def test_only_what_differs_can_be_printed(store: Path) -> None:
    text = compare("--only", "differences", "--markdown")
    assert text.startswith(f"| Setting | utkface | {OTHER} | Methods |")
    assert "Age MAE" not in text


def test_margins_and_metrics_are_as_for_one_study(store: Path) -> None:
    options = ("--metric", "age.mae", "--margin", "age.mae=99", "--markdown")
    text = compare(*options)
    assert "≈ equivalent" in text
    assert "Gender accuracy" not in text.partition("What differs")[0]


def test_images_that_do_not_count_are_told(store: Path) -> None:
    change_split(store, OTHER, test_ids(store, "utkface")[:20], "training")
    text = " ".join(compare().split())
    assert f"{ROWS - 20} images are test images of both studies" in text
    assert f"20 test images were left out of utkface, since {OTHER} was" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--with", "utkface"), "cannot be compared with itself"),
        (("--with", "nowhere"), "No store holds runs of a study 'nowhere'"),
        (("--with", OTHER, "--against", "nothing"), "no run of a method 'nothing'"),
        (("--with", OTHER, "--metric", "no.such"), "no.such"),
    ],
)
def test_what_cannot_be_is_an_error(
    store: Path, options: tuple[str, ...], words: str
) -> None:
    assert words in refused(*options)


def test_a_study_of_other_images_is_an_error(store: Path) -> None:
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=40)
    assert "have no test image in common" in refused("--with", "avatars")
