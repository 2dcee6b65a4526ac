"""Predictions for a study that is there become a method like any other."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import core.runs
from core.data.catalog import dataset_of
from core.errors import RunError
from core.evaluation.comparison import compare_runs
from core.importing.file_findings import FAULT, PredictionsError
from core.importing.predictions import (
    imported_runs,
    load_test_set,
    prepare,
    remove,
    template,
    write,
)
from core.language import speaking
from tests.imports import ROWS, STUDY, VALIDATION_ROWS, read, theirs


def bring(table, name="My net", **options):
    test_set = load_test_set(STUDY)
    return write(prepare(read(table), test_set, name=name, **options))


def compared():
    runs = core.runs.list_runs(STUDY).runs
    tables = {(run.method, run.seed): run.predictions("test") for run in runs}
    study = core.runs.study_of_runs(STUDY)
    tasks = dataset_of(study, core.runs.shipped_manifest).tasks
    return compare_runs(tables, tasks, "baseline", resamples=50)


def test_it_is_compared_like_any_method(study):
    table = theirs()
    (run,) = bring(table)
    assert run.folder == study / STUDY / "my-net" / "seed-0"
    assert run.imported["label"] == "My net"
    truth = run.predictions("test").set_index("image_id")["age_true"]
    error = table.set_index("image_id")["age_pred"] - truth
    row = compared().row("my-net", "age.mae")
    assert row["mean"] == pytest.approx(error.abs().mean(), abs=1e-5)
    labelled = core.runs.with_imported(core.runs.study_of_runs(STUDY), [run])
    assert labelled.methods["my-net"].label == "My net"


def test_labels_alone_and_probabilities_alone_are_enough(study):
    table = theirs()
    labels = [c for c in table if c == "image_id" or c.endswith("_pred")]
    bring(table[labels], "labels")
    numbers = [c for c in table if not c.endswith(("gender_pred", "ethnicity_pred"))]
    bring(table[numbers], "scores")
    found = compared()
    for metric in ("gender.accuracy", "ethnicity.macro_f1", "age.mae"):
        values = [found.row(name, metric)["mean"] for name in ("labels", "scores")]
        assert values[0] == pytest.approx(values[1])
    assert np.isnan(found.row("labels", "gender.auc")["mean"])
    assert found.row("scores", "gender.auc")["mean"] > 0.5


def test_one_probability_of_two_classes_says_both(study):
    table = theirs().drop(columns=["gender_p_male", "gender_pred"])
    (run,) = bring(table)
    kept = run.predictions("test")
    np.testing.assert_allclose(
        kept["gender_p_male"] + kept["gender_p_female"], 1, atol=1e-6
    )
    is_female = (kept["gender_pred"] == "female").to_numpy()
    np.testing.assert_array_equal(is_female, kept["gender_p_female"] > 0.5)


def test_several_seeds_come_in_one_file_or_in_several(study):
    both = pd.concat([theirs(seed=s).assign(seed=s) for s in (4, 7)])
    assert [run.seed for run in bring(both)] == [4, 7]
    bring(theirs(seed=8), seed=8)
    assert {run.seed for run in imported_runs(STUDY)} == {4, 7, 8}
    assert compared().seeds["my-net"] == (4, 7, 8)


def test_validation_images_are_kept_where_all_are_there(study):
    (run,) = bring(theirs(validation=True))
    splits = run.predictions()["split"].value_counts().to_dict()
    assert splits == {"test": ROWS, "validation": VALIDATION_ROWS}


def test_the_truth_and_the_features_are_the_studys(study):
    table = theirs().assign(age_true=0, gender="nobody", split="training")
    (run,) = bring(table.drop(columns="age_true"))
    kept = run.predictions("test").set_index("image_id")
    own = core.runs.list_runs(STUDY).runs[0].predictions("test").set_index("image_id")
    for name in ("gender", "ethnicity", "age_true", "gender_true"):
        wanted = own.loc[kept.index, name].astype(str).tolist()
        assert kept[name].astype(str).tolist() == wanted


def test_a_study_without_runs_is_known_by_its_manifest(study):
    for run in core.runs.list_runs(STUDY).runs:
        core.runs.remove_run(run)
    assert load_test_set(STUDY).images.is_test.sum() == ROWS
    bring(theirs())
    (study / STUDY / core.runs.MANIFEST_FILE).unlink()
    remove(STUDY, "My net")
    with pytest.raises(RunError, match=r"test images .* are not known"):
        load_test_set(STUDY)


def test_the_form_has_every_image_and_column(study):
    form = template(load_test_set(STUDY))
    assert len(form) == ROWS
    assert set(theirs()) == set(form)
    # As it is, every task is missing, and no column is a fault by itself.
    filled = form[["image_id"]].merge(theirs(), on="image_id")
    form["age_pred"], form["gender_pred"] = filled["age_pred"], filled["gender_pred"]
    form["ethnicity_pred"] = filled["ethnicity_pred"]
    (run,) = bring(form)
    assert "gender_p_male" not in run.predictions()


def test_predictions_are_not_read_for_the_truth(study, monkeypatch):
    read_table, read = core.runs._read_table, []

    def spy(path, columns, only=None):
        table = read_table(path, columns, only)
        read.append((path.name, list(table)))
        return table

    monkeypatch.setattr(core.runs, "_read_table", spy)
    load_test_set(STUDY)
    ((_, columns),) = [one for one in read if one[0] == core.runs.PREDICTIONS]
    assert "age_true" in columns
    assert not [name for name in columns if "_p_" in name or name.endswith("_pred")]


def test_removal_takes_what_was_imported_and_nothing_else(study):
    bring(theirs())
    bring(theirs(seed=1), seed=1)
    with pytest.raises(RunError, match="no imported method 'baseline'"):
        remove(STUDY, "baseline")
    assert [run.seed for run in remove(STUDY, "My net", seed=1)] == [1]
    assert [run.seed for run in remove(STUDY, "my-net")] == [0]
    assert not (study / STUDY / "my-net").exists()
    assert {run.method for run in core.runs.list_runs(STUDY).runs} == {
        "baseline",
        "ins",
    }


def test_lists_are_set_aside_unless_they_are_needed(study):
    table = theirs()
    lists = pd.Series([[0.1, 0.2]] * len(table))
    (run,) = write(
        prepare(
            read(table.assign(embedding=lists), "mine.parquet"),
            load_test_set(STUDY),
            name="My net",
        )
    )
    assert "embedding" not in run.predictions()
    for name, replaced in (
        ("age_pred", ["age_pred"]),
        ("gender_prob", ["gender_pred", "gender_p_male", "gender_p_female"]),
        ("image_id", ["image_id"]),
    ):
        changed = table.drop(columns=replaced).assign(**{name: lists})
        raw = read(changed, "mine.parquet")
        with pytest.raises(PredictionsError) as caught:
            prepare(raw, load_test_set(STUDY), name="Other")
        assert f"'{name}' cannot be read: its cells hold lists" in str(caught.value)


def test_an_import_needs_no_keras():
    code = (
        "import sys, core.importing.predictions, core.importing.table_study;"
        "sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_faults_are_said_in_french_where_it_is_spoken(study):
    table = theirs()
    table["age_pred"] = table["age_pred"].astype(object)
    table.loc[0, "age_pred"] = "many"
    with speaking("fr"), pytest.raises(PredictionsError) as caught:
        bring(table)
    assert "ne peut pas être importé\xa0: 1 erreur." in caught.value.heading
    (fault,) = [each for each in caught.value.findings if each.level == FAULT]
    assert fault.problem == "Pas de nombre fini dans 1 ligne de «\xa0age_pred\xa0»."
    with speaking("fr"):
        assert "Que faire\xa0: remplissez ces lignes" in str(fault)
    with pytest.raises(PredictionsError, match="cannot be imported: a fault"):
        bring(table)
