"""Which forms of columns are taken, and which only with a word about it."""

import pytest

from core.importing.columns import match_tasks
from core.importing.file_findings import faults_in
from core.tasks import Binary, Multiclass, Regression

AGE = Regression("age", "Age", "years", 1, 80, 10)
GLASSES = Binary("glasses", "Glasses", ("no glasses", "glasses"))
HAIR = Multiclass("hair", "Hair", ("short", "long", "bald"))


def matched(names, *tasks):
    found = match_tasks(names, tasks)
    assert not faults_in(found.findings), found.findings
    return found


@pytest.mark.parametrize(
    ("name", "is_noted"),
    [
        ("age_pred", False),
        ("age", False),
        ("age_prediction", True),
        ("Age_Predicted", True),
        ("AGE-PRED", True),
    ],
)
def test_labels_go_by_several_names(name, is_noted):
    found = matched([name], AGE)
    assert found.columns[0].label == name
    assert bool(found.findings) == is_noted


@pytest.mark.parametrize("name", ["pred", "prediction", "y_pred"])
def test_a_bare_name_is_taken_where_there_is_one_task_only(name):
    assert matched([name], AGE).columns[0].label == name
    assert faults_in(match_tasks([name], (AGE, HAIR)).findings)


def test_the_usual_name_goes_before_others():
    assert matched(["age", "age_pred"], AGE).columns[0].label == "age_pred"


@pytest.mark.parametrize("word", ["p", "prob", "proba", "probability"])
def test_probabilities_go_by_several_names(word):
    names = [f"hair_{word}_{label}" for label in HAIR.classes]
    own = matched(names, HAIR).columns[0]
    assert list(own.probabilities.values()) == names
    assert not own.label


def test_classes_with_blanks_may_be_written_without():
    own = matched(["glasses_p_no_glasses", "glasses_p_glasses"], GLASSES).columns[0]
    assert own.probabilities == {
        "no glasses": "glasses_p_no_glasses",
        "glasses": "glasses_p_glasses",
    }


@pytest.mark.parametrize("name", ["glasses_p", "glasses_score", "proba", "score"])
def test_one_score_of_two_classes_is_that_of_the_positive_and_said(name):
    found = matched([name], GLASSES)
    assert found.columns[0].probabilities == {"glasses": name}
    assert "the probability of 'glasses'" in found.findings[0].problem


def test_classes_by_number_are_refused():
    names = [f"hair_p_{place}" for place in range(3)]
    (fault, *_) = faults_in(match_tasks(names, (HAIR,)).findings)
    assert "Classes go by their names" in fault.problem


def test_one_tasks_columns_are_no_other_tasks():
    names = ["age_pred", "glasses_pred", "hair_pred"]
    own = matched(names, AGE, GLASSES, HAIR).columns
    assert [one.label for one in own] == names
