"""What groups differ by, as text."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.fairness import GroupComparison, compare_groups
from core.evaluation.fairness_views import FairnessView
from core.evaluation.published_by_group import published_by_group_table
from core.fairness_report import (
    certain_changes,
    fairness_markdown,
    fairness_notes,
    fairness_text,
    further_gaps_text,
    groups_text,
    published_by_group_markdown,
    published_by_group_notes,
)
from core.report import PUBLISHED_NOTE, method_labels, text_markdown
from core.study import PublishedByGroup, Study
from core.tasks import Binary
from tests.synthetic import synthetic_study

TASK = Binary("target", "Target", ("no", "yes"))
TASKS = (TASK,)
LABELS = ("Baseline", "Undersampling")


@pytest.fixture
def study() -> Study:
    return synthetic_study(methods=("baseline", "undersample"), seeds=(0,))


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
) -> GroupComparison:
    return compare_groups(
        {(method, 0): table_of(own, n) for method, own in right.items()},
        TASKS,
        "baseline",
        task="target",
        features=["group"],
        metrics=metrics or ["target.accuracy"],
        resamples=500,
    )


FALLS = {"baseline": {"a": 80, "b": 99}, "undersample": {"a": 60, "b": 62}}


def test_the_farthest_groups_their_gap_and_its_change_are_in_words(study) -> None:
    shown = fairness_text(compare(FALLS), "target.accuracy", study, TASKS)
    assert list(shown.columns) == [
        "Method",
        "Worst group",
        "Best group",
        "Difference ↓",
        "Fair metric ↑",
    ]
    assert tuple(shown["Method"]) == LABELS
    baseline, other = shown.to_dict("records")
    assert baseline["Worst group"].startswith("a 0.800\n[0.7")
    assert baseline["Best group"].startswith("b 0.990\n[0.9")
    assert baseline["Difference ↓"].startswith("0.190 [")
    assert "\n" not in baseline["Difference ↓"]
    assert baseline["Fair metric ↑"].startswith(f"{0.895 - 2 * 0.19:.3f} [")
    value, change = other["Difference ↓"].split("\n")
    assert value.startswith("0.020 [")
    assert change.startswith("-0.170 [-")
    assert change.endswith("] better")
    assert (
        other["Fair metric ↑"]
        .split("\n")[1]
        .startswith(f"{(0.61 - 2 * 0.02) - (0.895 - 2 * 0.19):+.3f} [")
    )


def test_lower_is_better_turns_worst_and_best_around(study) -> None:
    metric = "target.false_negative_rate"
    shown = fairness_text(compare(FALLS, metric), metric, study, TASKS)
    assert list(shown.columns)[1:] == ["Worst group", "Best group", "Difference ↓"]
    assert shown.loc[0, "Worst group"].startswith("a 0.200")
    assert shown.loc[0, "Best group"].startswith("b 0.010")


def test_where_no_side_is_better_groups_are_lowest_and_highest(study) -> None:
    metric = "target.selection_rate"
    shown = fairness_text(compare(FALLS, metric), metric, study, TASKS)
    assert list(shown.columns)[1:3] == ["Lowest group", "Highest group"]
    assert shown.loc[0, "Highest group"].startswith("b 0.990")


def test_what_is_certain_is_said_in_sentences_and_nothing_else(study) -> None:
    said = certain_changes(compare(FALLS), "target.accuracy", study, TASKS)
    assert all(sentence.startswith("Undersampling's") for sentence in said)
    assert any("accuracy difference is 0.170 lower" in sentence for sentence in said)
    assert all(sentence.endswith((": better.", ": worse.")) for sentence in said)
    same = {"baseline": FALLS["baseline"], "undersample": {"a": 81, "b": 99}}
    assert certain_changes(compare(same), "target.accuracy", study, TASKS) == (
        "No method's gap certainly differs from the baseline's.",
    )
    alone = {"baseline": FALLS["baseline"]}
    assert certain_changes(compare(alone), "target.accuracy", study, TASKS) == ()


def test_without_a_gap_there_are_dashes_and_a_reason(study) -> None:
    few = {method: {"a": 5, "b": 9} for method in ("baseline", "undersample")}
    comparison = compare(few, n=10)
    row = fairness_text(comparison, "target.accuracy", study, TASKS).loc[1]
    assert set(row.iloc[1:]) == {"–", "–\n–"}
    (reason,) = certain_changes(comparison, "target.accuracy", study, TASKS)
    assert "two groups of enough images" in reason
    # The groups themselves are shown all the same.
    groups = groups_text(comparison, "target.accuracy", study, TASKS)
    assert groups.set_index(["Group", "Method"]).loc[("b", "Baseline"), "Value"] == (
        "0.900"
    )


def test_every_group_is_shown_with_the_images_that_it_rests_on(study) -> None:
    metric = "target.precision"
    shown = groups_text(compare(FALLS, metric), metric, study, TASKS)
    found = shown.set_index(["Group", "Method"])
    assert list(found.index.get_level_values(0).unique()) == ["all images", "a", "b"]
    # Of a precision, the images predicted as the class.
    assert found.loc[("a", "Undersampling"), "Images"] == "60 of 100"
    assert found.loc[("all images", "Baseline"), "Images"] == "179 of 200"
    assert found.loc[("a", "Baseline"), "Against the baseline"] == ""


def test_ratios_and_equalized_odds_are_the_further_gaps(study) -> None:
    metrics = ("target.accuracy", "target.recall", "target.false_positive_rate")
    shown = further_gaps_text(compare(FALLS, *metrics), study, TASKS)
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


def test_markdown_holds_a_table_sentences_and_each_note_once(study) -> None:
    view = FairnessView("target", ("group",), "target.accuracy")
    comparison = compare(FALLS)
    notes = fairness_notes([comparison, comparison], study)
    assert len(notes) == len(set(notes))
    both = {(view,): comparison, (view, view): comparison}
    text = fairness_markdown(both, study, TASKS, said=notes[:1])
    assert "**Target accuracy by group**" in text
    assert "| Baseline | a 0.800<br>[" in text
    assert "- Undersampling's target accuracy difference is" in text
    assert notes[0] not in text
    assert text.count(notes[-1]) == 1


def test_a_bar_in_a_name_breaks_no_table() -> None:
    text = text_markdown(pd.DataFrame({"Method": ["a|b"], "Value": ["1\n2"]}))
    assert text.splitlines()[-1] == r"| a\|b | 1<br>2 |"


def test_methods_that_the_study_does_not_name_come_last(study) -> None:
    labels = method_labels(study, ["mine", "undersample", "baseline"])
    assert list(labels.items()) == [
        ("baseline", "Baseline"),
        ("undersample", "Undersampling"),
        ("mine", "mine"),
    ]


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


def test_published_numbers_of_groups_say_what_they_are_and_are_not(study) -> None:
    published = claims(
        baseline_a=0.9, baseline_b=0.96, undersample_a=0.89, undersample_b=0.9
    )
    table = published_by_group_table(published, [compare(FALLS)])
    text = published_by_group_markdown(table, study, TASKS)
    assert "| Baseline | Target accuracy by group | a | 0.800 | 0.7" in text
    assert "0.810 (computed from their accuracies)" in text
    assert "1. them" in text
    assert text.endswith(PUBLISHED_NOTE)
    rise, *_ = published_by_group_notes(table, study)
    assert "of Undersampling is higher than that of Baseline" in rise
    assert "the accuracy of every group that they report lower" in rise


def test_a_fair_metric_that_rose_with_an_accuracy_is_not_accused(study) -> None:
    published = claims(
        baseline_a=0.9, baseline_b=0.96, undersample_a=0.91, undersample_b=0.92
    )
    notes = published_by_group_notes(published_by_group_table(published), study)
    assert notes == (PUBLISHED_NOTE,)
