"""Doubted labels in words, and the leaderboard without their images."""

import re
from functools import partial

import numpy as np
import pandas as pd
import pytest

from core.data.catalog import test_strata as strata_of
from core.data.duplicates import SAME_PHOTO
from core.evaluation.comparison import compare_runs
from core.evaluation.label_errors import find_label_doubts
from core.results import label_errors as results
from core.results.explain_label import align_splits
from core.study import Study
from core.tasks import Binary, Regression
from core.text import to_plain
from tests.synthetic import TASKS, synthetic_predictions, synthetic_study

STUDY = synthetic_study("utkface", methods=("baseline", "ins"), seeds=(0, 1))
AGE, GENDER, ETHNICITY = TASKS["utkface"]
LABELS = {"baseline": "Baseline", "ins": "INS"}
KEYS = ("ethnicity.macro_f1", "ethnicity.balanced_accuracy")


@pytest.fixture(scope="module")
def tables():
    """Predictions of two methods and seeds by split."""
    whole = {
        (method, seed): synthetic_predictions(
            "utkface", method, seed, rows=640, validation_rows=200
        )
        for method in ("baseline", "ins")
        for seed in (0, 1)
    }
    return {
        split: {
            run: table[table["split"] == split].reset_index(drop=True)
            for run, table in whole.items()
        }
        for split in ("validation", "test")
    }


@pytest.fixture(scope="module")
def doubts_of(tables):
    def find(task, tables=tables):
        return find_label_doubts(align_splits(tables, task, "baseline"), task)

    return find


def manifest_of(doubts, **columns):
    """A manifest of these images and two more, with the labels that they have."""
    ids = [*doubts.table["image_id"], "more-0", "more-1"]
    given = [*doubts.table["given"], *doubts.table["given"].tail(2)]
    own = pd.DataFrame({"image_id": ids, doubts.task.name: given})
    return own.assign(**columns)


def test_the_sentence_counts_doubts_and_names_the_most_common(doubts_of):
    doubts = doubts_of(ETHNICITY)
    said = to_plain(results.doubt_sentence(doubts))
    found = doubts.doubted
    pairs = (found["proposed"] + " labelled " + found["given"]).value_counts()
    assert said.startswith(
        f"Of {len(doubts.table):,} test and validation images, {len(found):,} have a "
        "doubtful label of Ethnicity, most often "
    )
    named, count = re.search(r"most often (.+) \((\d+)\)\.", said).groups()
    assert pairs[named] == int(count) == pairs.max()
    all_wrong = (doubts.table["against"] == 4).sum()
    assert said.endswith(
        f"Of all {len(doubts.table):,} images, {all_wrong:,} have a label that every "
        "one of 4 runs contradicts."
    )


@pytest.mark.parametrize("task", [AGE, ETHNICITY])
def test_no_number_of_runs_is_said_where_it_varies(task, doubts_of, tables):
    fewer = {run: t for run, t in tables["validation"].items() if run[0] == "ins"}
    doubts = doubts_of(task, {**tables, "validation": fewer})
    runs = doubts.table.groupby("split")["runs"].unique()
    assert {split: own.tolist() for split, own in runs.items()} == {
        "test": [4],
        "validation": [2],
    }
    said = results.doubt_sentence(doubts)
    assert " runs" not in said
    if len(doubts.doubted):
        how = "is as far from" if task is AGE else "contradicts"
        assert said.endswith(f" a label that every run {how}.")


def test_one_run_agrees_with_nobody(doubts_of, tables):
    alone = {
        split: {run: own[run] for run in own if run == ("baseline", 0)}
        for split, own in tables.items()
    }
    said = results.doubt_sentence(doubts_of(GENDER, alone))
    assert said.endswith("There is one run: nothing says whether others would agree.")


def test_a_number_says_how_far_it_is(doubts_of):
    doubts = doubts_of(AGE)
    said = to_plain(results.doubt_sentence(doubts))
    if len(doubts.doubted):
        assert "more than 3.5 robust standard deviations" in said
    else:
        assert said.startswith("No label of Age is doubted among 840 test and")
    assert "median absolute deviation" in results.agreement_note(doubts)


def test_without_known_labels_precision_is_not_measured(doubts_of):
    doubts = doubts_of(ETHNICITY)
    for manifest in (None, manifest_of(doubts), pd.DataFrame({"image_id": ["x"]})):
        labels = results.describe_doubts(doubts, manifest, None)
        assert "cannot be measured" in results.known_sentence(labels)
        assert labels.known(50) is None
        assert results.twins_sentence(labels) == ""


def test_labels_that_are_all_right_make_every_doubt_wrong(doubts_of):
    doubts = doubts_of(ETHNICITY)
    manifest = manifest_of(doubts)
    clean = manifest["ethnicity"].tolist()
    clean[-1] = next(c for c in ETHNICITY.classes if c != clean[-1])
    labels = results.describe_doubts(
        doubts, manifest.assign(ethnicity_clean=clean), None
    )
    said = results.known_sentence(labels)
    assert "of these 840 images is known to be right; the 1 wrong ones" in said
    assert f"So all {len(doubts.doubted)} doubts are wrong" in said
    assert "no recall to measure" in said


def test_precision_and_recall_are_of_what_is_known(doubts_of):
    doubts = doubts_of(ETHNICITY)
    manifest = manifest_of(doubts)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(manifest)) < np.where(manifest.index < 40, 0.8, 0.02)
    clean = np.where(wrong, "another", manifest["ethnicity"])
    labels = results.describe_doubts(
        doubts, manifest.assign(ethnicity_clean=clean), None
    )
    known, own = labels.known(30), wrong[:-2]
    is_doubted = doubts.table["doubted"].to_numpy()
    assert (known.images, known.wrong) == (840, own.sum())
    assert (known.top, known.top_wrong) == (30, own[:30].sum())
    assert known.doubted_wrong == (own & is_doubted).sum()
    said = to_plain(results.known_sentence(labels, 30))
    share = own[:30].mean()
    assert f"Of the first 30, {own[:30].sum()} are: precision {share:.2f} [" in said
    recall = (own & is_doubted).sum() / own.sum()
    assert f"recall {recall:.2f} [" in said.rpartition("Of all")[2]
    assert labels.rows["known_wrong"].tolist() == own[: len(labels.rows)].tolist()


def test_copies_are_told(doubts_of):
    doubts = doubts_of(ETHNICITY)
    first, last = doubts.table.iloc[0], doubts.table.iloc[-1]
    manifest = manifest_of(doubts)
    manifest.loc[manifest["image_id"] == "more-0", "ethnicity"] = first["proposed"]
    manifest.loc[manifest["image_id"] == "more-1", "ethnicity"] = last["given"]
    pairs = [[first["image_id"], "more-0"], ["more-1", last["image_id"]]]
    labels = results.describe_doubts(doubts, manifest, {SAME_PHOTO: pairs})
    said = results.twins_sentence(labels)
    assert said.startswith(
        "2 of these images show a photo that is in the dataset again"
    )
    assert "the copies have: 1 the proposed label, 0 the given one, 0 neither" in said
    assert "Of the other 1, the copies of 1 have the given label (1.00 [" in said
    row = labels.rows.iloc[0]
    assert (row["twins"], row["twins_say"]) == (first["proposed"], "proposed")
    assert results.labels_table(labels, limit=3).columns[-1].heading == "Its copies"


def compare(tables, task=ETHNICITY, keys=KEYS, **options):
    return results.compare_without(
        STUDY, (), tables["test"], task, "baseline", keys, training_counts={}, **options
    )


def test_the_leaderboard_without_images_is_that_of_the_others(tables, doubts_of):
    ranked = doubts_of(ETHNICITY).table
    dropped = set(ranked.loc[ranked["split"] == "test", "image_id"].head(15))
    left = compare(tables, image_ids=dropped)
    others = {
        run: table[[i not in dropped for i in table["image_id"]]]
        for run, table in tables["test"].items()
    }
    strata = strata_of(STUDY, others["baseline", 0])
    expected = compare_runs(
        others, [ETHNICITY], "baseline", metrics=KEYS, design=strata
    )
    pd.testing.assert_frame_equal(left.table, expected.table)
    every = compare(tables)
    assert (every.rows, left.rows) == (640, 625)
    rows = results.sensitivity_rows(every, left, KEYS).set_index(["method", "metric"])
    for method in LABELS:
        for key in KEYS:
            row = rows.loc[(method, key)]
            assert row["mean"] == every.row(method, key)["mean"]
            assert row["verdict_without"] == left.row(method, key)["verdict"]
    board = results.sensitivity_table(every, left, KEYS, LABELS, (ETHNICITY,))
    assert [column.heading for column in board.columns][:3] == [
        "Method",
        "Ethnicity macro F1 ↑",
        "Ethnicity macro F1, without 15",
    ]
    assert len(board.rows) == 2


def test_verdicts_that_change_are_named(tables):
    every = compare(tables)
    say = partial(
        results.sensitivity_sentence, keys=KEYS, labels=LABELS, tasks=(ETHNICITY,)
    )
    assert say(every, every).endswith("640 test images every verdict stays as it is.")
    # Only images that INS gets wrong with either seed are left out.
    test = tables["test"]
    wrong = [
        test["ins", s]["ethnicity_pred"] != test["ins", s]["ethnicity_true"]
        for s in (0, 1)
    ]
    ids = test["ins", 0]["image_id"][wrong[0] | wrong[1]]
    left = compare(tables, image_ids=set(ids))
    before, after = (c.row("ins", KEYS[0])["verdict"] for c in (every, left))
    assert after == "better"
    said = say(every, left)
    if before != after:
        assert f"INS, Ethnicity macro F1: {before} → better" in said
    one = results.sensitivity_sentence(
        every, left, KEYS, {"baseline": "Baseline"}, (ETHNICITY,)
    )
    assert one == "Values of the only method without these images:"


def test_the_classes_that_go_first_are_named(doubts_of):
    doubts = doubts_of(ETHNICITY)
    dropped = doubts.first(20, "test")
    said = results.dropped_sentence(doubts, dropped)
    test = doubts.table[doubts.table["split"] == "test"]
    shares = dropped["given"].value_counts() / test["given"].value_counts()
    worst = shares.idxmax()
    count, total = (rows["given"].eq(worst).sum() for rows in (dropped, test))
    assert said.startswith(
        f"Left out, by the given label: {count} of {total} of {worst} ("
    )
    assert results.dropped_sentence(doubts, dropped.head(0)) == ""


def test_metrics_are_the_studys_headline_of_the_task():
    keys = results.sensitivity_keys(STUDY, TASKS["utkface"], ETHNICITY, {})
    assert keys == KEYS
    chosen = {**STUDY.model_dump(), "headline": ["ethnicity.accuracy", "age.mae"]}
    study = Study.model_validate(chosen)
    tasks = TASKS["utkface"]
    assert results.sensitivity_keys(study, tasks, ETHNICITY, {}) == (
        "ethnicity.accuracy",
    )
    assert results.sensitivity_keys(study, tasks, GENDER, {}) == ("gender.accuracy",)


@pytest.mark.parametrize("task", [AGE, ETHNICITY])
def test_the_record_is_plain(task, doubts_of):
    labels = results.describe_doubts(doubts_of(task), None, None)
    record = results.doubts_record(labels, top=10, limit=3)
    assert record["images"] == 840
    assert record["runs"] == 4
    assert record["splits"] == ["test", "validation"]
    assert len(record["labels"]) == min(3, record["doubted"])
    assert (record["joint"] is None) == isinstance(task, Regression)
    if record["joint"]:
        assert np.sum(record["joint"]) == 840


def test_a_positive_class_needs_no_special_name(doubts_of):
    assert isinstance(GENDER, Binary)
    table = results.pairs_table(doubts_of(GENDER))
    assert {row[0].text for row in table.rows} <= set(GENDER.classes)
