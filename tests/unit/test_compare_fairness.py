"""`equipoise compare` within groups: what is printed, asked for and refused."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import core.runs
from core.cli import app
from core.results.study_document import FAIRNESS_READING
from core.study import Study
from tests.synthetic import LABELS, write_store

NAME = "avatars"
METHODS = ("baseline", "lmf", "undersample")
SOURCE = "a project: its own draw"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_store(folder, NAME, methods=METHODS, seeds=(0, 1), rows=400)
    return folder


def change_study(store: Path, **tables: object) -> None:
    path = store / NAME / core.runs.STUDY_FILE
    study = Study.model_validate({**json.loads(path.read_text()), **tables})
    path.write_text(study.model_dump_json())


def compare(*options: str, name: str = NAME) -> str:
    result = CliRunner().invoke(app, ["compare", name, *options])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refuse(*options: str, name: str = NAME) -> str:
    result = CliRunner().invoke(app, ["compare", name, *options])
    assert result.exit_code == 2
    return result.stderr


def predictions_of(method: str = "baseline") -> pd.DataFrame:
    runs = [run for run in core.runs.list_runs(NAME).runs if run.method == method]
    return pd.concat(run.predictions().query("split == 'test'") for run in runs)


def accuracies(task: str, by: str, method: str = "baseline") -> pd.Series:
    """Of both seeds, whose images are the same: their mean is that of all rows."""
    table = predictions_of(method)
    right = table[f"{task}_true"] == table[f"{task}_pred"]
    return right.groupby(table[by]).mean()


def test_every_view_of_the_study_is_printed_with_intervals_and_verdicts(
    store: Path,
) -> None:
    text = compare()
    for title in ("Age MAE by group, years", "Glasses accuracy by group"):
        assert title in text
    by_group = accuracies("glasses", "group")
    start = text.index("Glasses accuracy by group")
    part = text[start : text.index("Hair macro F1 by group")]
    first = next(line for line in part.splitlines() if " Baseline " in line)
    worst, best = by_group.idxmin(), by_group.idxmax()
    assert worst == "C"
    assert f"{worst} {by_group[worst]:.3f}" in first
    assert f"{best} {by_group[best]:.3f}" in first
    assert f"{by_group[best] - by_group[worst]:.3f} ±" in first
    fair = by_group.mean() - 2 * (by_group.max() - by_group.min())
    assert f"{fair:.3f} ±" in first
    assert "Fair metric" in part
    assert any(word in part for word in ("inconclusive", "worse", "better"))
    assert FAIRNESS_READING in " ".join(text.split())
    assert "rewards levelling down" in text
    assert max(map(len, text.splitlines())) <= 160


def test_json_holds_the_numbers_of_every_group(store: Path) -> None:
    answer = json.loads(compare("--json"))
    found = [
        (one["features"], list(one["methods"][0]["metrics"]))
        for one in answer["fairness"]
    ]
    assert found == [
        (["group"], ["age.mae"]),
        (["group"], ["glasses.accuracy"]),
        (["group"], ["hair.macro_f1"]),
    ]
    one = answer["fairness"][1]
    sizes = predictions_of().groupby("group").size() // 2
    assert {g["name"]: g["images"] for g in one["groups"]} == sizes.to_dict()
    for method in one["methods"]:
        expected = accuracies("glasses", "group", method["name"])
        own = method["metrics"]["glasses.accuracy"]["by_group"]
        assert {k: v["value"] for k, v in own.items()} == pytest.approx(
            expected.to_dict()
        )
        for name, value in own.items():
            low, high = value["ci"]
            assert 0 <= low <= value["value"] <= high <= 1
            assert low < high
            assert value["rests_on"] == sizes[name]
            assert (value["delta"] is None) == (method["name"] == "baseline")
        gaps = {gap["measure"]: gap for gap in method["gaps"]}
        assert gaps["ratio"]["value"] == pytest.approx(
            expected.min() / expected.max(),
            abs=1e-3,  # ours is a mean over seeds
        )
        assert gaps["fair_metric"]["value"] == pytest.approx(
            expected.mean() - 2 * (expected.max() - expected.min())
        )
        assert gaps["difference"]["worst"] == expected.idxmin()
    change = one["methods"][1]["metrics"]["glasses.accuracy"]["by_group"]["A"]["delta"]
    base = accuracies("glasses", "group")["A"]
    assert change["mean"] == pytest.approx(
        accuracies("glasses", "group", one["methods"][1]["name"])["A"] - base
    )


def test_a_feature_asked_for_shows_every_group_and_every_gap(store: Path) -> None:
    text = compare("--by", "age_bin", "--metric", "glasses.accuracy")
    assert "Glasses accuracy by age bin: every group" in text
    part = text[text.index("every group") : text.index("Further gaps by age bin")]
    table = predictions_of()
    right = table["glasses_true"] == table["glasses_pred"]
    decade = (table["age_true"] // 10).clip(upper=7)
    for place, value in right.groupby(decade).mean().items():
        low = int(place) * 10
        (row,) = [
            line for line in part.splitlines() if f"  {low}-{low + 9} " in f" {line}"
        ]
        assert f" {value:.3f} " in row
        assert f" {int((decade == place).sum() / 2)} " in row
    assert "all images" in part
    assert "Glasses accuracy ratio" in text
    assert "Age MAE by" not in text


def test_rates_of_a_group_may_be_asked_for_and_make_equalized_odds(store: Path) -> None:
    asked = ("--metric", "glasses.recall", "--metric", "glasses.false_positive_rate")
    text = compare("--by", "group", *asked)
    assert "Glasses recall by group" in text
    assert "Glasses equalized odds difference" in text
    # They are no metrics of the leaderboard, which shows its own.
    assert "Age MAE (years)" in text
    (one,) = json.loads(compare("--json", "--by", "group", *asked))["fairness"]
    table = predictions_of()
    table = table[table["glasses_true"] == "glasses"]
    recall = (table["glasses_pred"] == "glasses").groupby(table["group"]).mean()
    found = one["methods"][0]["metrics"]["glasses.recall"]["by_group"]
    assert {k: v["value"] for k, v in found.items()} == pytest.approx(recall.to_dict())


def test_crossed_features_are_named_by_both(store: Path) -> None:
    (one,) = json.loads(
        compare(
            "--json", "--by", "group", "--by", "age_bin", "--metric", "hair.accuracy"
        )
    )["fairness"]
    assert one["features"] == ["group", "age_bin"]
    assert {"group": "A", "age_bin": "10-19"} in [g["features"] for g in one["groups"]]


def test_markdown_has_groups_for_who_asks(store: Path) -> None:
    assert "by group" not in compare("--markdown")
    text = compare("--markdown", "--fairness")
    assert "**Glasses accuracy by group**" in text
    heading = "| Method | Worst group | Best group | Difference ↓ | Fair metric ↑ |"
    assert heading in text
    assert f"| {LABELS['baseline']} | C " in text
    assert "all images" not in text
    assert "| Group | Images | Method | Glasses accuracy ↑ |" not in text
    assert "| Group | Images | Method | Glasses accuracy ↑ |" in compare(
        "--markdown", "--by", "group"
    )
    assert text.count("One seed only") <= 1


def test_groups_can_be_left_out(store: Path) -> None:
    assert "by group" not in compare("--no-fairness")
    assert json.loads(compare("--json", "--no-fairness"))["fairness"] == []


def test_another_baseline_is_that_of_the_groups_too(store: Path) -> None:
    answer = json.loads(compare("--json", "--against", "lmf"))
    assert {one["baseline"] for one in answer["fairness"]} == {"lmf"}


def test_what_is_asked_wrongly_is_refused(store: Path) -> None:
    assert "group, age_bin" in refuse("--by", "colour")
    assert "each feature once" in refuse("--by", "group", "--by", "group")
    assert "--no-fairness" in refuse("--by", "group", "--no-fairness")
    assert "glasses.recall" in refuse("--metric", "glasses.recall", "--no-fairness")
    assert "age.mae" in refuse("--by", "group", "--metric", "age.within_5")
    assert "near to it" in refuse("--by", "group", "--metric", "glasses.acuracy")


def test_a_study_without_groups_says_so_when_asked(store: Path) -> None:
    write_store(store, "cifar10-lt-200", methods=("baseline",), seeds=(0,), rows=100)
    name = "cifar10-lt-200"
    assert FAIRNESS_READING[:30] not in compare(name=name)
    for option in (("--by", "group"), ("--fairness",)):
        assert "no sensitive feature" in refuse(*option, name=name)


def test_one_method_alone_has_gaps_and_no_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_store(tmp_path, NAME, methods=("baseline",), seeds=(0,), rows=200)
    text = compare("--by", "group")
    part = text[text.index("Glasses accuracy by group") :]
    assert "C 0." in part
    assert "better" not in part.split("rewards levelling")[0]
    assert "inconclusive" not in part


def test_groups_that_cannot_be_compared_leave_the_rest(store: Path) -> None:
    for run in core.runs.list_runs(NAME).runs:
        path = run.folder / "predictions.parquet"
        pd.read_parquet(path).drop(columns="group").to_parquet(path)
    result = CliRunner().invoke(app, ["compare", NAME])
    assert result.exit_code == 0
    assert "Age MAE (years)" in result.stdout
    assert "by group" not in result.stdout
    assert "no sensitive feature 'group'" in " ".join(result.stderr.split())
    assert "no sensitive feature 'group'" in refuse("--by", "group")


def test_the_studys_own_views_are_shown(store: Path) -> None:
    own = [{"metric": "hair.recall[bald]", "by": ["group"]}]
    change_study(store, fairness=own)
    text = compare()
    assert "Hair recall (bald) by group" in text
    assert "Age MAE by group" not in text
    change_study(store, fairness=[{"metric": "hair.recall[bald]", "by": ["colour"]}])
    assert "[[fairness]]" in refuse()


def published(method: str, group: str | None, value: float) -> dict[str, object]:
    name = "accuracy" if group else "fair_metric"
    return {
        "method": method,
        "metric": f"glasses.{name}",
        "feature": "group",
        "group": group,
        "value": value,
        "source": SOURCE,
    }


def test_published_numbers_of_groups_stand_beside_ours(store: Path) -> None:
    claims = [
        published("baseline", "A", 0.92),
        published("baseline", "B", 0.97),
        published("lmf", "A", 0.91),
        published("lmf", "B", 0.914),
        published("ins", None, 0.8),
    ]
    change_study(store, published_by_group=claims)
    text = compare()
    part = " ".join(text[text.index("published numbers of groups") :].split())
    ours = accuracies("glasses", "group")["A"]
    assert f"│ A │ {ours:.3f} │" in part
    # (0.92 + 0.97) / 2 - 2 * 0.05, and (0.91 + 0.914) / 2 - 2 * 0.004.
    assert "0.845 (computed from their accuracies)" in part
    assert "0.904 (computed from their accuracies)" in part
    assert "│ – │ – │ 0.800 │" in part
    assert f"1: {SOURCE}" in part
    assert "the Fair metric of LMF is higher than that of Baseline" in part
    assert "no difference between the two is claimed" in part
    assert max(map(len, text.splitlines())) <= 160
    records = json.loads(compare("--json"))["published_by_group"]
    first = records[0]
    assert first["published"] == {"value": 0.92, "reported": True, "source": SOURCE}
    assert first["ours"]["value"] == pytest.approx(ours)
    low, high = first["ours"]["ci"]
    assert low < ours < high
    assert records[-1]["ours"] == {"value": None, "ci": [None, None]}
    markdown = compare("--markdown")
    assert "| Method | Metric | Group | Ours | 95 % interval | Published |" in markdown


def test_without_published_numbers_of_groups_nothing_is_said_of_them(
    store: Path,
) -> None:
    assert "published" not in compare()
    assert json.loads(compare("--json"))["published_by_group"] == []
