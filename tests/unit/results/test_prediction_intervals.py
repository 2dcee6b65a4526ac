"""Intervals about a live answer, and what is said of them."""

import pandas as pd

from core.data.manifest import TEST, VALIDATION
from core.evaluation.conformal import conformal_offsets
from core.results.prediction_intervals import expected_truths, held_note
from core.results.study_runs import load_study_runs


def shipped(name: str):
    runs = load_study_runs(name)
    own = [run for run in runs.runs if run.seed == 0]
    tables = (
        {(run.method, run.seed): run.predictions(split) for run in own}
        for split in (VALIDATION, TEST)
    )
    return (runs.study, *tables, runs.info.tasks[0])


def test_faces_of_rare_ages_count_as_often_as_in_the_test_set() -> None:
    study, validation, test, age = shipped("utkface")
    offsets = expected_truths(study, validation, test, age)
    assert offsets["weighed"].all()
    plain = conformal_offsets(validation, test, age)
    held, unweighed = (
        table.drop_duplicates("method").set_index("method")["held"]
        for table in (offsets, plain)
    )
    # Validation images are mostly of people in their twenties, who are easy to tell.
    assert (unweighed < 0.86).all()
    assert (unweighed < held).all()
    assert (held > 0.85).all()
    said = held_note(offsets, ["baseline"])
    assert f"of the test images they held {100 * held['baseline']:.0f} %." in said
    assert "weighed as the test set is drawn" in said


def test_a_study_without_strata_has_equal_weights() -> None:
    study, validation, test, age = shipped("avatars")
    offsets = expected_truths(study, validation, test, age)
    assert not offsets["weighed"].any()
    assert "weighed" not in held_note(offsets, ["baseline", "lmf"])
    empty = pd.DataFrame(columns=offsets.columns)
    assert held_note(empty, ["baseline"]).startswith("No interval")
