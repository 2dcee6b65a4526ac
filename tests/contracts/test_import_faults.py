"""Every fault of a file of predictions: found, placed, and nothing written."""

import numpy as np
import pandas as pd
import pytest

import core.runs
from core.errors import RunError
from core.importing.file_findings import (
    WARNING,
    PredictionsError,
    faults_in,
    findings_table,
)
from core.importing.predictions import load_test_set, prepare, write
from tests.imports import ROWS, STUDY, VALIDATION_ROWS, read, theirs, write_study

BLACK, WHITE = "ethnicity_p_Black", "ethnicity_p_White"


@pytest.fixture
def store(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv(core.runs.STORE_VARIABLE, str(folder))
    monkeypatch.setattr(core.runs, "shipped_store", lambda: tmp_path / "shipped")
    write_study(folder)
    return folder


def cell(row, column, value):
    def change(table):
        changed = table.astype(object)
        changed.iloc[row, table.columns.get_loc(column)] = value
        return changed

    return change


def columns(**new):
    return lambda table: table.assign(**new)


def without(*names):
    return lambda table: table.drop(columns=list(names))


def renamed(old, new):
    return lambda table: table.rename(columns={old: new})


# What is done to a sound file; words of the fault; its first row, column and value.
FAULTS = {
    "an unknown id": (
        cell(3, "image_id", "nobody.jpg"),
        "1 image id is not among the study's 64 test images",
        (4, "", ""),
    ),
    "an empty id": (
        cell(3, "image_id", ""),
        "1 image id is not among the study's 64 test images",
        (4, "", ""),
    ),
    "a missing image": (
        lambda table: table.drop(index=5),
        "1 of the study's 64 test images is missing",
        (None, "", ""),
    ),
    "an image twice": (
        lambda table: pd.concat([table, table.iloc[[2]]]),
        "1 row for an image that has one already",
        (ROWS + 1, "", ""),
    ),
    "an unknown class": (
        cell(7, "gender_pred", "woman"),
        "'woman' in 'gender_pred' is not a class of gender",
        (8, "gender_pred", "woman"),
    ),
    "no label": (
        cell(7, "gender_pred", None),
        "no label in 'gender_pred' is not a class of gender",
        (8, "gender_pred", ""),
    ),
    "a probability of no class": (
        columns(gender_p_other=0.0),
        "'gender_p_other' is of no class of gender",
        None,
    ),
    "a class without a probability": (
        without(BLACK),
        "Ethnicity has probabilities, but none of 'Black'",
        None,
    ),
    "probabilities that are not 1 together": (
        cell(9, BLACK, 0.99),
        "Probabilities of ethnicity do not sum to 1 in 1 row",
        (10, "sum of ethnicity_p_White", None),
    ),
    "a probability above 1": (
        cell(9, BLACK, 1.5),
        f"1 row of '{BLACK}' outside 0 to 1",
        (10, BLACK, "1.5"),
    ),
    "a negative probability": (
        cell(9, BLACK, -0.25),
        f"1 row of '{BLACK}' outside 0 to 1",
        (10, BLACK, "-0.25"),
    ),
    "a probability that is NaN": (
        cell(9, BLACK, np.nan),
        f"No finite number in 1 row of '{BLACK}'",
        (10, BLACK, ""),
    ),
    "a number that is NaN": (
        cell(0, "age_pred", np.nan),
        "No finite number in 1 row of 'age_pred'",
        (1, "age_pred", ""),
    ),
    "a number that is infinite": (
        cell(0, "age_pred", np.inf),
        "No finite number in 1 row of 'age_pred'",
        (1, "age_pred", "inf"),
    ),
    "no number": (
        cell(0, "age_pred", "thirty"),
        "No finite number in 1 row of 'age_pred'",
        (1, "age_pred", "thirty"),
    ),
    "a task that is missing": (
        without("age_pred"),
        "There are no predictions of the task age",
        None,
    ),
    "a task misspelt": (
        renamed("age_pred", "agee_pred"),
        "Did you mean 'agee_pred'?",
        None,
    ),
    "no ids": (without("image_id"), "There is no column 'image_id'", None),
    "two columns for one thing": (
        lambda t: t.rename(columns={"age_pred": "Age_Pred"}).assign(AGE=1.0),
        "'Age_Pred', 'AGE' could each be the predicted age",
        None,
    ),
    "a seed that is none": (
        columns(seed=["x"] + ["0"] * (ROWS - 1)),
        "1 rows of 'seed' hold no seed",
        (1, "seed", "x"),
    ),
    "several methods": (
        columns(method=["a", "b"] * (ROWS // 2)),
        "The column 'method' holds 2 methods",
        None,
    ),
    "some validation images": (
        lambda table: pd.concat([theirs(validation=True).head(3), table]),
        f"{VALIDATION_ROWS - 3} of the study's {VALIDATION_ROWS} validation images are",
        (None, "", ""),
    ),
}


def found(table, *, name="Mine", form="mine.csv", **options):
    with pytest.raises(PredictionsError) as caught:
        prepare(read(table, form), load_test_set(STUDY), name=name, **options)
    return caught.value


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_found_placed_and_nothing_written(store, what):
    change, said, place = FAULTS[what]
    before = sorted(store.rglob("*"))
    error = found(change(theirs()))
    (fault,) = [f for f in faults_in(error.findings) if said in f.problem]
    assert fault.expected
    assert fault.remedy
    if place is not None:
        row, column, value = place
        first = fault.places[0]
        assert first.row == row
        assert first.column.startswith(column)
        assert value is None or first.value == value
        assert column or first.image_id or what == "an empty id"
    assert said in str(error)
    assert sorted(store.rglob("*")) == before


def test_a_sound_file_has_no_fault_and_the_predictions_are_kept(store):
    table = theirs()
    shuffled = table.sample(frac=1, random_state=0)
    for form in ("mine.csv", "mine.parquet"):
        prepared = prepare(read(shuffled, form), load_test_set(STUDY), name="Mine")
        assert not faults_in(prepared.findings)
        kept = prepared.tables["mine", 0].set_index("image_id")
        wanted = table.set_index("image_id").loc[kept.index]
        for column in wanted:
            if column.endswith("_pred") and column != "age_pred":
                assert kept[column].astype(str).tolist() == wanted[column].tolist()
            else:
                np.testing.assert_allclose(kept[column], wanted[column], rtol=1e-6)
        assert set(kept["split"]) == {"test"}


def test_all_faults_of_a_file_are_told_at_once(store):
    table = theirs()
    for what in ("an unknown id", "an unknown class", "a number that is NaN"):
        table = FAULTS[what][0](table)
    for what in ("a probability above 1", "a probability of no class"):
        table = FAULTS[what][0](table)
    error = found(table)
    problems = " ".join(fault.problem for fault in faults_in(error.findings))
    for words in (
        "not among",
        "missing",
        "woman",
        "age_pred",
        "outside",
        "not a class",
    ):
        assert words in problems
    listed = findings_table(error.findings)
    assert set(listed["level"]) <= {"fault", "warning", "note"}
    assert {"row", "image_id", "column", "value"} <= set(listed)


def test_only_the_first_rows_are_named_and_all_counted(store):
    table = theirs().assign(gender_pred="nobody")
    fault = faults_in(found(table).findings)[0]
    assert fault.count == ROWS
    assert [place.row for place in fault.places] == list(range(1, 11))
    assert "..." in str(fault)


def test_a_label_that_is_not_the_most_probable_is_a_warning_only(store):
    table = theirs()
    flipped = {"male": "female", "female": "male"}
    first = table.loc[0, "gender_pred"]
    changed = cell(0, "gender_pred", flipped[first])(table)
    prepared = prepare(read(changed), load_test_set(STUDY), name="Mine")
    (warning,) = [f for f in prepared.findings if f.level == WARNING]
    assert "not the most probable class of gender in 1 row" in warning.problem
    assert (warning.places[0].row, warning.places[0].value) == (1, flipped[first])
    kept = prepared.tables["mine", 0]
    assert str(kept["gender_pred"].iloc[0]) == flipped[first]


def test_another_truth_is_a_warning_and_the_studys_is_taken(store):
    test_set = load_test_set(STUDY)
    truth = test_set.images.test_table["gender_true"].astype(str)
    table = theirs().assign(gender_true=truth)
    assert not faults_in(prepare(read(table), test_set, name="Mine").findings)
    turned = table.assign(
        gender_true=["male" if label == "female" else "female" for label in truth]
    )
    prepared = prepare(read(turned), test_set, name="Mine")
    said = [f.problem for f in prepared.findings if f.level == WARNING]
    assert any(f"in {ROWS} rows" in problem for problem in said)
    kept = prepared.tables["mine", 0]["gender_true"].astype(str)
    assert kept.tolist() == truth.tolist()


def test_predictions_that_are_the_truth_are_a_warning(store):
    test_set = load_test_set(STUDY)
    truth = test_set.images.test_table["age_true"]
    prepared = prepare(read(theirs().assign(age_pred=truth)), test_set, name="Mine")
    said = [f.problem for f in prepared.findings if f.level == WARNING]
    assert said == ["Every prediction of age is the truth."]


def test_training_images_are_known_as_such(store):
    manifest = core.runs.shipped_manifest(STUDY)
    trained = manifest.loc[manifest["split"] == "training", "image_id"].iloc[0]
    error = found(cell(0, "image_id", trained)(theirs()))
    assert "1 of the first 1 are training images" in str(error)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda i: f"photos/{i}", "Without their folder"),
        (lambda i: f"{i}.png", "Without their suffix"),
        (str.upper, "In other capitals"),
    ],
)
def test_ids_that_are_only_written_otherwise_are_recognised(store, change, said):
    table = theirs()
    error = found(table.assign(image_id=table["image_id"].map(change)))
    assert said in str(error)


def test_a_name_of_a_method_of_the_study_is_taken(store):
    assert "is a method of the study" in str(found(theirs(), name="baseline"))


def test_an_import_is_replaced_only_when_asked(store):
    test_set = load_test_set(STUDY)
    write(prepare(read(theirs()), test_set, name="Mine"))
    again = load_test_set(STUDY)
    with pytest.raises(PredictionsError, match="imported before, with seed 0"):
        prepare(read(theirs()), again, name="mine")
    other = theirs(seed=6)
    (run,) = write(prepare(read(other), again, name="Mine", replacing=True))
    kept = run.predictions().set_index("image_id")["age_pred"]
    wanted = other.set_index("image_id")["age_pred"]
    np.testing.assert_allclose(kept, wanted.loc[kept.index], rtol=1e-6)


def test_a_seed_given_twice_must_be_the_same(store):
    table = theirs().assign(seed=3)
    assert "The seed given is 4" in str(found(table, seed=4))
    prepared = prepare(read(table), load_test_set(STUDY), name="Mine", seed=3)
    assert list(prepared.tables) == [("mine", 3)]


def test_of_several_seeds_all_are_imported_or_none(store, monkeypatch):
    table = pd.concat([theirs(seed=seed).assign(seed=seed) for seed in (5, 6)])
    made = prepare(read(table), load_test_set(STUDY), name="My net")
    before = sorted(store.rglob("*"))
    own, written = core.runs._write_table, []

    def fill(path, rows):
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        own(path, rows)

    with monkeypatch.context() as full:
        full.setattr(core.runs, "_write_table", fill)
        with pytest.raises(RunError, match="No space left") as refused:
            write(made)
    assert "--" not in str(refused.value)
    assert sorted(store.rglob("*")) == before
    assert [run.seed for run in write(made)] == [5, 6]
