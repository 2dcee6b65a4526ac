"""Two studies side by side: which images count, what is compared, what differs."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import core.runs
from core.data.catalog import dataset_of
from core.errors import StudyError
from core.evaluation.comparison import Counterparts, compare_runs
from core.results.findings import findings
from core.results.run_settings import ALIKE, TOGETHER, differences
from core.results.study_runs import load_study_runs, study_options
from core.results.tables import seeds_table
from core.results.two_studies import (
    differences_notes,
    differences_table,
    join_studies,
    pairing_notes,
    shared_test_images,
)
from tests.synthetic import write_store
from tests.two_studies import OTHER, change_split, copy_study, test_ids

METHODS = ("baseline", "ins", "lmf")
ROWS = 320
PREFIX = f"{OTHER}-"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A study of five seeds, whose last two are the other study's 0 and 1."""
    folder = tmp_path / "runs"
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    sizes = {"rows": ROWS, "validation_rows": 40}
    write_store(folder, methods=METHODS, seeds=range(5), **sizes)
    copy_study(folder, seeds=(3, 4), seeds_from=-3)
    for run in (folder / "utkface").glob("*/seed-[34]"):
        shutil.rmtree(run)
    return folder


def copy_into_one(store):
    """The runs of both studies as methods of one."""
    shutil.copytree(store / "utkface", store / "both")
    own = core.runs.study_of_runs("utkface").model_dump(mode="json")
    own["name"] = "both"
    for method in METHODS:
        shutil.copytree(store / OTHER / method, store / "both" / f"{PREFIX}{method}")
        own["methods"][f"{PREFIX}{method}"] = own["methods"][method]
    for record in (store / "both").rglob(core.runs.RECORD):
        info = json.loads(record.read_text())
        info |= {"study": "both", "method": record.parents[1].name}
        record.write_text(json.dumps(info))
    (store / "both" / core.runs.STUDY_FILE).write_text(json.dumps(own))


def renamed(cells):
    """Cells whose methods are called as in two studies, in one order."""
    names = cells["method"].str.replace(PREFIX, f"{OTHER}/")
    by = ["method", "metric", "measure", "group"]
    return cells.assign(method=names).sort_values(by, ignore_index=True)


def test_the_numbers_are_those_of_one_study_that_has_all_runs(store):
    copy_into_one(store)
    both, two = load_study_runs("both"), load_study_runs("utkface", beside=OTHER)
    pairs = Counterparts({m: f"{PREFIX}{m}" for m in METHODS}, OTHER)
    found = two.compare()
    own = compare_runs(
        both.tables,
        both.info.tasks,
        pairs,
        metrics=list(dict.fromkeys(found.cells["metric"])),
        training_counts=None,
        **study_options(both.study, both.runs, both.tables, pairs),
    )
    assert found.by_strata == own.by_strata > 0
    pd.testing.assert_frame_equal(
        renamed(found.cells), renamed(own.cells), check_exact=True
    )
    assert found.counterparts.by_method == {m: f"{OTHER}/{m}" for m in METHODS}


@pytest.mark.parametrize("method", ["ins", f"{OTHER}/ins"])
def test_one_method_for_all_is_as_in_one_study(store, method):
    copy_into_one(store)
    both, two = load_study_runs("both"), load_study_runs("utkface", beside=OTHER)
    found = two.compare(against=method)
    own = both.compare(against=method.replace(f"{OTHER}/", PREFIX))
    assert found.counterparts is None
    pd.testing.assert_frame_equal(
        renamed(found.cells), renamed(own.cells), check_exact=True
    )


def test_groups_are_compared_with_their_counterparts_too(store):
    from core.evaluation.fairness_views import chosen_views

    two = load_study_runs("utkface", beside=OTHER)
    features = tuple(two.info.sensitive_features)
    views = chosen_views(two.study, two.info.tasks, features, by=("gender",))
    found, errors = two.compare_groups(views)
    assert not errors
    for comparison in found.values():
        groups = comparison.groups
        own = groups[(groups["method"] == "ins") & (groups["group"] == "male")]
        base = groups[
            (groups["method"] == f"{OTHER}/ins") & (groups["group"] == "male")
        ]
        assert np.allclose(own["delta"], own["mean"].values - base["mean"].values)


def test_methods_are_labelled_with_their_study_and_stand_in_pairs(store):
    labels = load_study_runs("utkface", beside=OTHER).labels
    assert list(labels) == [n for m in METHODS for n in (m, f"{OTHER}/{m}")]
    assert labels["ins"] == "INS (utkface)"
    assert labels[f"{OTHER}/ins"] == f"INS ({OTHER})"


def test_a_method_of_one_study_alone_has_its_own_label_and_no_verdict(store):
    shutil.rmtree(store / OTHER / "lmf")
    path = store / OTHER / core.runs.STUDY_FILE
    study = json.loads(path.read_text())
    del study["methods"]["lmf"]
    path.write_text(json.dumps(study))
    two = load_study_runs("utkface", beside=OTHER)
    assert two.labels["lmf"] == "LMF"
    table = two.compare().table
    assert set(table[table["method"] == "lmf"]["verdict"]) == {"no verdict"}


def test_the_same_images_count_all(store):
    shared = shared_test_images(*map(core.runs.study_of_runs, ("utkface", OTHER)))
    assert shared.are_all
    assert shared.test_images == (ROWS, ROWS)
    two = load_study_runs("utkface", beside=OTHER)
    assert all(run.only is None for run in two.runs)
    assert pairing_notes(two.two) == (
        f"utkface and {OTHER} have the same {ROWS} test images.",
    )


def test_only_images_that_both_were_tested_on_count(store):
    ids = test_ids(store, "utkface")
    change_split(store, OTHER, ids[:50], "training")
    change_split(store, OTHER, ids[50:60], "validation")
    two = load_study_runs("utkface", beside=OTHER)
    comparison = two.compare()
    assert comparison.rows == ROWS - 60
    assert comparison.by_strata == 0
    kept = set(ids[60:])
    for (method, seed), table in two.tables.items():
        assert set(table["image_id"]) == kept
        errors = (table["age_pred"] - table["age_true"]).abs()
        found = comparison.runs.loc[(method, seed), "age.mae"]
        assert found == pytest.approx(errors.mean())
    said = " ".join(pairing_notes(two.two))
    assert f"{ROWS - 60} images are test images of both studies, of {ROWS}" in said
    assert f"50 test images were left out of utkface, since {OTHER} was trained" in said


def test_without_a_shared_image_it_says_why(store):
    change_split(store, OTHER, test_ids(store, "utkface"), "training")
    with pytest.raises(StudyError, match="no test image in common") as caught:
        load_study_runs("utkface", beside=OTHER)
    assert f"{ROWS} test images of one are training images" in caught.value.problem


def test_studies_of_other_datasets_are_refused(store):
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=40)
    with pytest.raises(StudyError, match="other datasets, utkface and avatars"):
        load_study_runs("utkface", beside="avatars")


def test_pictures_drawn_with_other_options_are_others(store):
    write_store(store, "avatars", methods=("baseline",), seeds=(0,), rows=40)
    options = {"name": "avatars", "options": {"seed": 7}}
    copy_study(store, "avatars", "avatars-7", study={"dataset": options})
    with pytest.raises(StudyError, match="drawn with other options"):
        load_study_runs("avatars", beside="avatars-7")
    copy_study(store, "avatars", "avatars-again")
    assert load_study_runs("avatars", beside="avatars-again").compare().rows == 40


def test_a_study_beside_itself_is_refused(store):
    with pytest.raises(StudyError, match="with itself"):
        load_study_runs("utkface", beside="utkface")


def test_another_truth_of_the_same_image_is_refused(store):
    for path in (store / OTHER).rglob(core.runs.PREDICTIONS):
        table = pd.read_parquet(path)
        test = table["split"] == "test"
        table.loc[test & (table.index % 7 == 0), "age_true"] += 1
        table.to_parquet(path)
    with pytest.raises(StudyError, match="cannot be compared") as caught:
        load_study_runs("utkface", beside=OTHER)
    assert "another true age" in caught.value.problem
    assert "utkface" in caught.value.problem


def test_label_noise_of_one_study_is_no_hindrance_and_is_named(store):
    shutil.rmtree(store / OTHER)
    noise = {"task": "gender", "share": 0.1}
    copy_study(store, seeds=(0, 1), study={"label_noise": noise})
    two = load_study_runs("utkface", beside=OTHER)
    settings = {one.setting: (one.own, one.other) for one in two.two.differing}
    assert settings["label_noise.share"] == ("none", "0.1")
    assert two.compare().rows == ROWS


def test_without_a_method_in_both_it_says_what_to_do(store):
    for name in METHODS:
        (store / OTHER / name).rename(store / OTHER / f"{name}-2")
    for record in (store / OTHER).rglob(core.runs.RECORD):
        info = json.loads(record.read_text())
        record.write_text(json.dumps({**info, "method": record.parents[1].name}))
    two = load_study_runs("utkface", beside=OTHER)
    with pytest.raises(StudyError, match="No method has runs in both") as caught:
        two.compare()
    assert f"{OTHER}/ins-2" in caught.value.remedy
    assert two.compare(against=f"{OTHER}/ins-2").baseline == f"{OTHER}/ins-2"


def test_what_a_visitor_imports_stays_a_family_of_its_own(store):
    for record in (store / "utkface" / "lmf").rglob(core.runs.RECORD):
        info = json.loads(record.read_text())
        info["imported"] = {"label": "Mine", "is_own": False}
        record.write_text(json.dumps(info))
    two = load_study_runs("utkface", beside=OTHER)
    families = two.compare().families
    assert families["lmf"] != families["ins"] == families["baseline"]
    assert two.labels["lmf"] == "Mine (utkface)"
    own = next(one for one in two.two.differing if one.setting == "training")
    assert own.methods == ("lmf",)
    assert (own.own, own.other) == ("not known: imported predictions", "here")


@pytest.fixture
def changed(store):
    """The other study with twice the epochs, another optimizer, and another alpha."""
    study = core.runs.study_of_runs("utkface").model_dump(mode="json")
    training = {**study["training"], "epochs": 12, "weight_decay": 0.01}
    for record in (store / OTHER).rglob(core.runs.RECORD):
        info = json.loads(record.read_text())
        info["resolved"] = {**info["resolved"], "training": training}
        info["versions"] = {**info["versions"], "keras": "3.16.0"}
        if info["method"] == "lmf":
            info["method_parameters"] = {"lmf": {"on": "ethnicity", "alpha": 2.0}}
        record.write_text(json.dumps(info))
    return load_study_runs("utkface", beside=OTHER)


def test_settings_that_differ_are_listed(changed):
    found = {one.setting: one for one in changed.two.differing}
    assert (found["training.epochs"].own, found["training.epochs"].other) == ("6", "12")
    assert found["training.epochs"].methods == ()
    assert found["training.weight_decay"].other == "0.01"
    assert found["lmf.alpha"].methods == ("lmf",)
    assert (found["lmf.alpha"].own, found["lmf.alpha"].other) == ("none", "2")
    assert found["version of keras"].own == "3.15.0"
    assert found["seeds"].own == "0, 1, 2"
    assert found["seeds"].other == "0, 1"
    assert not {"name", "title", "created", "duration_s"} & found.keys()
    # What was chosen comes first, versions last.
    assert changed.two.differing[-1].setting == "version of keras"


def test_settings_are_a_table_with_the_methods_that_they_are_of(changed):
    table = differences_table(changed.two)
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert [column.heading for column in table.columns[1:3]] == ["utkface", OTHER]
    assert rows["training.epochs"] == ["6", "12", "all"]
    assert rows["lmf.alpha"] == ["none", "2", "LMF"]
    assert differences_notes(changed.two) == (TOGETHER,)


def test_runs_that_were_made_alike_do_not_differ(store):
    runs = {
        m: [r for r in core.runs.list_runs("utkface").runs if r.method == m]
        for m in METHODS
    }
    assert differences(runs, runs) == ()
    copy_study(store, other="again")
    two = load_study_runs("utkface", beside="again").two
    assert differences_notes(two) == (ALIKE,)


def test_findings_and_headings_name_the_other_study(store):
    two = load_study_runs("utkface", beside=OTHER)
    comparison = two.compare()
    said = " ".join(findings(comparison, ["age.mae"], two.labels, two.info.tasks))
    assert f"in {OTHER}" in said
    assert "baseline" not in said
    notes = " ".join(seeds_table(comparison, ["age.mae"], two.labels).notes)
    assert "counterpart included" in notes


def test_only_tasks_and_groups_of_both_are_compared(store):
    study, other = map(core.runs.study_of_runs, ("utkface", OTHER))
    study = study.model_copy(update={"headline": ("age.mae", "gender.accuracy")})
    runs, theirs = (core.runs.list_runs(name).runs for name in ("utkface", OTHER))
    info = dataset_of(study, core.runs.shipped_manifest)
    less = replace(info, tasks=info.tasks[1:], sensitive_features={"gender": ("a",)})
    two = join_studies(study, info, runs, other, less, theirs)
    assert [task.name for task in two.info.tasks] == ["gender", "ethnicity"]
    assert dict(two.info.sensitive_features) == {}
    assert two.study.headline == ("gender.accuracy",)
    none = replace(info, tasks=())
    with pytest.raises(StudyError, match="no task in common"):
        join_studies(study, info, runs, other, none, theirs)
    with pytest.raises(StudyError, match=f"'{OTHER}' has no runs"):
        join_studies(study, info, runs, other, info, ())


def test_a_list_of_tables_is_written_in_words(store):
    drops = [{"at": 0.8, "factor": 0.01}, {"at": 0.9, "factor": 0.01}]
    run = core.runs.list_runs("utkface").runs[0]
    training = {**run.info["resolved"]["training"], "schedule": {"drops": drops}}
    info = {**run.info, "resolved": {**run.info["resolved"], "training": training}}
    (found,) = (
        one
        for one in differences({"ins": [run]}, {"ins": [replace(run, info=info)]})
        if one.setting == "training.schedule.drops"
    )
    assert (found.own, found.other) == (
        "none",
        "at 0.8 factor 0.01, at 0.9 factor 0.01",
    )
