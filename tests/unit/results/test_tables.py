"""Which cells stand where, and what a file has of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.evaluation.comparison import Comparison, compare_runs
from core.evaluation.cost import cost_table, run_costs
from core.evaluation.published import published_by_group_table, published_table
from core.results.costs import costs_beside, costs_table
from core.results.markdown import table_markdown
from core.results.methods_table import Outcome, remedies_table
from core.results.published import PUBLISHED_NOTE, beside_published, published_notes
from core.results.tables import (
    Table,
    distinct_metrics,
    fairness_table,
    further_gaps_table,
    groups_table,
    leaderboard,
    method_labels,
    metric_detail,
    seeds_table,
)
from core.study import PublishedByGroup, Study
from core.tasks import Binary
from core.text import escape_document
from tests.records import record
from tests.synthetic import TASKS, synthetic_study, synthetic_tables

FACES = TASKS["utkface"]
TARGET = (Binary("target", "Target", ("no", "yes")),)
LABELS = {"baseline": "Baseline", "lmf": "LMF"}


def texts(table: Table) -> pd.DataFrame:
    """Cells as Markdown has them, without marks."""
    lines = table_markdown(table).replace("**", "").replace(r"\[", "[").splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines]
    return pd.DataFrame(cells[2:], columns=cells[0])


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    tables = synthetic_tables(methods=("baseline", "lmf"), rows=320)
    del tables["lmf", 1], tables["lmf", 2]
    metrics = ("age.mae", "age.mae_balanced", "ethnicity.f1[Asian]", "gender.accuracy")
    metrics += ("ethnicity.accuracy", "ethnicity.balanced_accuracy", "gender.f1")
    return compare_runs(tables, FACES, "baseline", metrics=metrics, resamples=200)


def test_a_leaderboard_has_a_row_a_method_and_a_column_a_metric(comparison) -> None:
    keys = ("ethnicity.f1[Asian]", "gender.accuracy")
    table = leaderboard(comparison, keys, LABELS, FACES)
    lines = table_markdown(table).splitlines()
    assert lines[:2] == [
        "| Method | Ethnicity F1, Asian ↑ | Gender accuracy ↑ |",
        "| --- | ---: | ---: |",
    ]
    assert "<br>" not in lines[2]
    row = comparison.row("lmf", keys[0])
    # A method with fewer seeds than others says so.
    assert lines[3].startswith(f"| LMF (1 seed) | **{row['mean']:.3f}** [")
    assert f"<br>{row['delta']:+.3f} [".replace("-", "−") in lines[3]
    assert str(row["verdict"]) in lines[3]
    short = leaderboard(comparison, keys, LABELS, FACES, part="score")
    assert "<br>" not in table_markdown(short)


def test_a_method_that_is_not_compared_has_no_row(comparison) -> None:
    table = leaderboard(comparison, ["age.mae"], {**LABELS, "gone": "Gone"}, FACES)
    assert len(table.rows) == 2


def test_metrics_that_are_equal_by_design_are_one_column_and_count_once(
    comparison,
) -> None:
    keys = ("age.mae", "gender.accuracy", "age.mae_balanced", "gender.f1")
    groups = distinct_metrics(comparison, keys)
    # 320 images are five of each gender, ethnicity and decade.
    assert groups == (
        ("age.mae", "age.mae_balanced"),
        ("gender.accuracy",),
        ("gender.f1",),
    )
    balanced = ("ethnicity.balanced_accuracy", "ethnicity.accuracy")
    assert distinct_metrics(comparison, balanced) == (balanced,)
    table = leaderboard(comparison, keys, LABELS, FACES)
    assert table.columns[1].heading == "Age MAE = balanced MAE (years) ↓"
    assert len(table.columns) == 4
    (note,) = table.notes
    assert "equal here" in note
    assert "of every bin" in note


def test_on_an_unbalanced_test_set_they_are_two() -> None:
    tables = synthetic_tables("avatars", methods=("baseline",), seeds=(0,), rows=200)
    keys = ("age.mae", "age.mae_balanced")
    comparison = compare_runs(tables, TASKS["avatars"], "baseline", metrics=keys)
    assert distinct_metrics(comparison, keys) == (keys[:1], keys[1:])
    # A metric that nobody computed is not equal to any.
    assert distinct_metrics(comparison, ("age.mae", "age.rmse")) == (
        ("age.mae",),
        ("age.rmse",),
    )


def test_one_metric_in_detail_has_what_tells_how_far_to_trust_it(comparison) -> None:
    found = texts(metric_detail(comparison, "age.mae", LABELS, FACES)).set_index(
        "Method"
    )
    row = comparison.row("lmf", "age.mae")
    lmf = found.loc["LMF"]
    assert lmf["Smallest detectable"] == f"{row['smallest_detectable']:.2f}"
    assert lmf["Variance from seeds"] == f"{row['seed_share']:.0%}".replace("%", " %")
    assert (lmf["Images"], lmf["Seeds"], lmf["SD over seeds"]) == ("320", "1", "–")
    assert found.loc["Baseline", "Verdict"] == "baseline"
    assert found.loc["Baseline", "p"] == "–"


def test_how_many_seeds_is_asked_only_of_what_is_inconclusive(comparison) -> None:
    keys = ("age.mae", "gender.accuracy", "ethnicity.accuracy")
    # Without a margin the age is not equivalent, but open.
    comparison = comparison.with_margins({"age.mae": 1e-6}, FACES)
    table = seeds_table(comparison, keys, LABELS, FACES)
    verdicts = {key: comparison.row("lmf", key)["verdict"] for key in keys}
    assert "inconclusive" in verdicts.values()
    ((_, *cells),) = texts(table).to_numpy().tolist()
    for cell, verdict in zip(cells, verdicts.values(), strict=True):
        assert cell.startswith("from ") == (verdict == "inconclusive")
    assert not seeds_table(comparison, [], LABELS, FACES).rows


def table_of(right: dict[str, int], n: int = 100) -> pd.DataFrame:
    """``right`` of ``n`` images of each group are answered rightly, all of them yes."""
    parts = [
        pd.DataFrame(
            {
                "image_id": [f"{group}-{i}" for i in range(n)],
                "group": group,
                "target_true": "yes",
                "target_pred": np.where(np.arange(n) < hits, "yes", "no"),
                "target_p_no": np.where(np.arange(n) < hits, 0.2, 0.8),
                "target_p_yes": np.where(np.arange(n) < hits, 0.8, 0.2),
            }
        )
        for group, hits in right.items()
    ]
    return pd.concat(parts, ignore_index=True)


def compare(
    right: dict[str, dict[str, int]], *metrics: str, n: int = 100
) -> Comparison:
    return compare_runs(
        {(method, 0): table_of(own, n) for method, own in right.items()},
        TARGET,
        "baseline",
        by=["group"],
        metrics=metrics or ["target.accuracy"],
        resamples=500,
    )


FALLS = {"baseline": {"a": 80, "b": 99}, "lmf": {"a": 60, "b": 62}}


def test_the_farthest_groups_their_gap_and_its_change() -> None:
    shown = texts(fairness_table(compare(FALLS), "target.accuracy", LABELS, TARGET))
    assert list(shown.columns) == [
        "Method",
        "Worst group",
        "Best group",
        "Difference ↓",
        "Fair metric ↑",
    ]
    baseline, other = shown.to_dict("records")
    assert baseline["Worst group"].startswith("a 0.800<br>[0.7")
    assert baseline["Best group"].startswith("b 0.990<br>[0.9")
    assert baseline["Difference ↓"].startswith("0.190 [")
    assert "<br>" not in baseline["Difference ↓"]
    assert baseline["Fair metric ↑"].startswith(f"{0.895 - 2 * 0.19:.3f} [")
    value, change = other["Difference ↓"].split("<br>")
    assert value.startswith("0.020 [")
    assert change.startswith("−0.170 [−")
    assert change.endswith("] ▲ this trained model is better")
    fair = other["Fair metric ↑"].split("<br>")[1]
    assert fair.startswith(f"{(0.61 - 2 * 0.02) - (0.895 - 2 * 0.19):+.3f} [")


def test_lower_is_better_turns_worst_and_best_around() -> None:
    metric = "target.false_negative_rate"
    shown = texts(fairness_table(compare(FALLS, metric), metric, LABELS, TARGET))
    assert list(shown.columns)[1:] == ["Worst group", "Best group", "Difference ↓"]
    assert shown.loc[0, "Worst group"].startswith("a 0.200")
    assert shown.loc[0, "Best group"].startswith("b 0.010")


def test_where_no_side_is_better_groups_are_lowest_and_highest() -> None:
    metric = "target.selection_rate"
    shown = texts(fairness_table(compare(FALLS, metric), metric, LABELS, TARGET))
    assert list(shown.columns)[1:3] == ["Lowest group", "Highest group"]
    assert shown.loc[0, "Highest group"].startswith("b 0.990")


def test_without_a_gap_there_are_dashes_and_the_groups_are_shown_all_the_same() -> None:
    few = {method: {"a": 5, "b": 9} for method in ("baseline", "lmf")}
    comparison = compare(few, n=10)
    shown = texts(fairness_table(comparison, "target.accuracy", LABELS, TARGET))
    assert set(shown.iloc[1, 1:]) == {"–"}
    groups = texts(groups_table(comparison, "target.accuracy", LABELS, TARGET))
    row = groups.set_index(["Group", "Method"]).loc[("b", "LMF")]
    assert row["Target accuracy ↑"] == "0.900"
    assert "no verdict: fewer than 20 images" in row["Against the baseline"]


def test_every_group_is_shown_with_the_images_that_it_rests_on() -> None:
    metric = "target.precision"
    table = groups_table(compare(FALLS, metric), metric, LABELS, TARGET)
    found = texts(table).set_index(["Group", "Method"])
    assert list(found.index.get_level_values(0).unique()) == ["all images", "a", "b"]
    # Of a precision, the images predicted as the class.
    assert found.loc[("a", "LMF"), "Images"] == "60 of 100"
    assert found.loc[("all images", "Baseline"), "Images"] == "179 of 200"
    assert found.loc[("a", "Baseline"), "Against the baseline"] == "–"


def test_ratios_and_equalized_odds_are_the_further_gaps() -> None:
    metrics = ("target.accuracy", "target.recall", "target.false_positive_rate")
    shown = texts(further_gaps_table(compare(FALLS, *metrics), LABELS, TARGET))
    assert list(shown["Gap"].unique()) == [
        "Target accuracy ratio",
        "Target equal opportunity ratio",
        "Target false positive rate ratio",
        "Target equalized odds difference",
        "Target equalized odds ratio",
    ]
    (first, *_) = shown.to_dict("records")
    assert first["Value"].startswith(f"{0.80 / 0.99:.3f} [")
    assert (first["Lowest"], first["Highest"]) == ("a", "b")


def test_names_mean_nothing_to_markdown(comparison) -> None:
    hostile = "a|b ![t](http://x) $x^2$ `c` *d*"
    labels = {"baseline": "Baseline", "lmf": hostile}
    text = table_markdown(leaderboard(comparison, ["gender.accuracy"], labels, FACES))
    line = text.splitlines()[3]
    assert line.startswith(f"| {escape_document(hostile)} (1 seed) |")
    assert r"\|" in line
    assert "![t](" not in line


def test_methods_that_the_study_does_not_name_come_last() -> None:
    study = synthetic_study(methods=("baseline", "lmf"), seeds=(0,))
    labels = method_labels(study, ["mine", "lmf", "baseline"])
    assert list(labels.items()) == [
        ("baseline", "Baseline"),
        ("lmf", "LMF"),
        ("mine", "mine"),
    ]


def test_costs_have_their_spread_and_a_dash_where_nothing_is_known() -> None:
    runs = [
        record("lmf", duration_s=500.0, inference_ms=0, trained_from="imagenet"),
        record("baseline", 0, duration_s=90.0),
        record("baseline", 1, duration_s=110.0),
    ]
    costs = cost_table(run_costs(runs))
    table = costs_table(costs, LABELS)
    shown = texts(table)
    assert shown["Method"].tolist() == ["Baseline", "LMF"]
    assert shown["Training time (s)"].tolist() == ["100 ± 14", "500"]
    assert shown["Parameters in all (millions)"].tolist() == ["1.500", "1.500"]
    assert shown["Inference time (ms per image)"].tolist() == ["2.00", "–"]
    assert shown["Trained from"].tolist() == ["scratch", "imagenet"]
    assert "Epochs" not in shown
    shared, *explained = table.notes
    assert shared.startswith("For all: epochs 10; image size (px) 64; backbone cnn;")
    assert any(note.startswith("Inference time: Median of 30") for note in explained)
    beside = costs_beside(costs, {**LABELS, "imported": "Mine"})
    assert [cell.text for cell in beside["Training time (s)"]] == ["100", "500", "–"]


OURS = pd.DataFrame(
    [
        {"method": m, "metric": "label.error_rate", "mean": v, "low": v - 0.01}
        | {"high": v + 0.01, "verdict": "better"}
        | {"delta": v - 0.3051, "delta_low": v - 0.32, "delta_high": v - 0.29}
        for m, v in (("baseline", 0.3051), ("csce", 0.2871))
    ]
)


def claimed(**number: float) -> Study:
    study = synthetic_study("cifar10-lt-200", methods=("baseline", "csce"))
    claims = [
        {"method": "baseline", "value": 0.231, "source": "paper A"},
        {"method": "csce", "source": "paper B", **(number or {"value": 0.221})},
        {"method": "hmloss", "value": 0.218, "source": "paper A"},
    ]
    claims = [{"metric": "label.error_rate", **claim} for claim in claims]
    own = {"published": claims, "notice": "Thirty epochs here."}
    return Study.model_validate({**study.model_dump(), **own})


def test_published_numbers_are_in_the_metrics_unit_with_numbered_sources() -> None:
    theirs = published_table(claimed().published, OURS, "baseline")
    labels = {"csce": "Cost-sensitive"}
    table, sources = beside_published(theirs, labels, TASKS["cifar10-lt-200"])
    assert sources == ("paper A", "paper B")
    assert texts(table).to_numpy().tolist() == [
        ["baseline", "Class error rate (%)", "30.5", "29.5 to 31.5", "23.1", "1"],
        ["Cost-sensitive", "Class error rate (%)", "28.7", "27.7 to 29.7", "22.1", "2"],
        ["hmloss", "Class error rate (%)", "–", "–", "21.8", "1"],
    ]


def test_published_changes_are_in_per_cent_of_the_own_baseline() -> None:
    study = claimed(change_percent=-4.3)
    theirs = published_table(study.published, OURS, "baseline")
    table, _ = beside_published(theirs, {}, TASKS["cifar10-lt-200"])
    _, metric, ours, span, published, _ = texts(table).iloc[1]
    assert metric == "Class error rate, change (%)"
    assert ours == f"{100 * -0.018 / 0.3051:.1f}".replace("-", "−")
    assert span.startswith("−10.8 to −")
    assert published == "−4.3"


def test_what_may_not_be_concluded_is_said_with_the_studys_notice() -> None:
    assert published_notes(claimed()) == (PUBLISHED_NOTE, "Thirty epochs here.")


def claims(**values: float) -> list[PublishedByGroup]:
    return [
        PublishedByGroup(
            method=name.split("_")[0],
            metric="target.accuracy",
            feature="group",
            group=name.split("_")[1],
            value=value,
            source="them",
        )
        for name, value in values.items()
    ]


def test_published_numbers_of_groups_say_what_they_are_and_are_not() -> None:
    study = synthetic_study(methods=("baseline", "lmf"), seeds=(0,))
    published = claims(baseline_a=0.9, baseline_b=0.96, lmf_a=0.89, lmf_b=0.9)
    theirs = published_by_group_table(published, [compare(FALLS)])
    table, sources = beside_published(theirs, LABELS, TARGET)
    text = table_markdown(table)
    assert "| Baseline | Target accuracy by group | a | 0.800 | 0.7" in text
    assert "0.810 (computed from their accuracies)" in text
    assert sources == ("them",)
    rise, *rest = published_notes(study, theirs)
    assert rest == [PUBLISHED_NOTE]
    assert "of LMF is higher than that of Baseline" in rise
    assert "the accuracy of every group that they report lower" in rise


def test_a_fair_metric_that_rose_with_an_accuracy_is_not_accused() -> None:
    study = synthetic_study(methods=("baseline", "lmf"), seeds=(0,))
    published = claims(baseline_a=0.9, baseline_b=0.96, lmf_a=0.91, lmf_b=0.92)
    theirs = published_by_group_table(published)
    assert published_notes(study, theirs) == (PUBLISHED_NOTE,)


def where(outcomes: list[Outcome], untrained: list[Study]) -> dict[str, str]:
    table = texts(remedies_table(outcomes, untrained))
    names = table["Name"].str.strip("`")
    return dict(zip(names, table["Where it helps"], strict=True))


def outcome(
    methods: tuple[str, ...], seeds: tuple[int, ...] = (0, 1), keys=("age.mae",)
) -> Outcome:
    """A study of these methods, INS with one seed, whose LMF has no run."""
    names = ("baseline", "ins", "denseweight")
    tables = synthetic_tables(methods=names, seeds=seeds, rows=320)
    kept = {key: t for key, t in tables.items() if key[0] != "ins" or key[1] == 0}
    comparison = compare_runs(kept, FACES, "baseline", metrics=keys, resamples=50)
    return Outcome(synthetic_study(methods=methods), comparison, FACES, keys)


def test_a_verdict_on_trained_models_alone_says_so() -> None:
    methods = ("baseline", "ins", "denseweight")
    found = where([outcome(methods, seeds=(0,))], [])
    assert found["ins"].startswith("ins (utkface): ")
    assert found["ins"].endswith(" (this trained model)")
    found = where([outcome(methods)], [])
    assert "this trained model" not in found["ins"]
    assert "this trained model" not in found["denseweight"]


def test_verdicts_on_equal_metrics_count_once() -> None:
    keys = ("age.mae", "age.mae_balanced")
    found = where([outcome(("baseline", "ins", "denseweight"), keys=keys)], [])
    assert "balanced" not in found["denseweight"]


def test_a_remedy_that_is_not_trained_yet_is_told_from_one_of_no_study() -> None:
    methods = ("baseline", "ins", "denseweight", "lmf", "denseweight-lmf")
    untrained = synthetic_study("cifar10-lt-200", methods=("baseline", "csce", "focal"))
    trained = outcome(methods)
    found = where([trained], [untrained])
    assert found["lmf"] == "in utkface, not trained yet"
    assert found["focal"] == "in cifar10-lt-200, not trained yet"
    # What is trained somewhere needs no more.
    assert "not trained" not in found["ins"]
    assert found["huber"] == "in no study by itself"
    both = synthetic_study("avatars", methods=("baseline", "lmf"))
    assert where([trained], [both])["lmf"] == "in utkface, avatars, not trained yet"


def test_images_that_a_metric_rests_on_are_explained(comparison) -> None:
    part = comparison.cells.assign(n=116, images=300)
    few = replace(comparison, cells=part)
    (note,) = metric_detail(few, "age.mae", LABELS, FACES).notes
    assert note.startswith("116 of 300 images: the metric rests on these alone")
    assert not metric_detail(comparison, "age.mae", LABELS, FACES).notes
