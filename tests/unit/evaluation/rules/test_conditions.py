"""Conditions on attributes: which there are, how they read, where they hold."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.rules.conditions import (
    MOST_VALUES,
    THRESHOLDS,
    fine_thresholds,
    list_conditions,
)


def texts(column: pd.Series, name: str = "x") -> list[str]:
    return [each.text for each in list_conditions(pd.DataFrame({name: column})).listed]


@pytest.mark.parametrize(
    "column", [[True, False, True], [0, 1, 1], [-1, 1, 1], [1.0, 0.0, 1.0]]
)
def test_truth_values_are_one_condition_of_their_name(column):
    table = pd.DataFrame({"Blond_Hair": column})
    (condition,) = list_conditions(table).listed
    assert (condition.text, condition.opposite) == ("Blond_Hair", "not Blond_Hair")
    assert condition.holds(table).tolist() == [each in (True, 1) for each in column]


def test_the_opposite_of_one_of_two_words_is_the_other():
    table = pd.DataFrame({"group": ["B", "A", "B"]})
    (condition,) = list_conditions(table).listed
    assert (condition.text, condition.opposite) == ("group = B", "group = A")
    assert condition.holds(table).tolist() == [True, False, True]


def test_a_word_that_names_its_attribute_stands_alone():
    words = pd.Series(["no glasses", "glasses", "glasses"])
    (condition,) = list_conditions(pd.DataFrame({"glasses": words})).listed
    assert {condition.text, condition.opposite} == {"glasses", "no glasses"}
    other = pd.Series(["glasses or hat", "bare", "bare"])
    assert texts(other, "glasses") == ["glasses = 'glasses or hat'"]


def test_several_words_are_a_condition_each():
    table = pd.DataFrame({"hair": ["long", "short", "curly", "long", None]})
    listed = list_conditions(table).listed
    assert [each.text for each in listed] == [
        "hair = curly",
        "hair = long",
        "hair = short",
    ]
    assert listed[1].opposite == "hair ≠ long"
    assert listed[1].holds(table).tolist() == [True, False, False, True, False]
    assert listed[0].bits == pytest.approx(np.log2(3))


def test_a_few_numbers_are_parted_at_each():
    assert texts(pd.Series([3, 7, 40, 7])) == ["x ≥ 7", "x ≥ 40"]


def test_a_threshold_has_as_few_digits_as_part_the_same_images():
    assert texts(pd.Series([0.4973, 0.5012, 0.61])) == ["x ≥ 0.5", "x ≥ 0.6"]
    assert texts(pd.Series([-8.0, -2.5])) == ["x ≥ -3"]
    assert texts(pd.Series([1_234_567.0, 1_234_568.0])) == ["x ≥ 1234568"]


def test_many_numbers_are_parted_at_quantiles():
    values = pd.Series(np.random.default_rng(0).normal(100, 15, 5000))
    listed = list_conditions(pd.DataFrame({"x": values})).listed
    assert len(listed) == THRESHOLDS
    shares = [(values >= each.value).mean() for each in listed]
    np.testing.assert_allclose(shares, 1 - np.arange(1, 17) / 17, atol=0.002)


def test_a_missing_number_is_below_every_threshold():
    table = pd.DataFrame({"x": [1.0, np.nan, 2.0]})
    (condition,) = list_conditions(table).listed
    assert condition.holds(table).tolist() == [False, False, True]


def test_what_says_nothing_is_left_out_by_name():
    many = [f"lesion {i}" for i in range(MOST_VALUES + 1)]
    table = pd.DataFrame(
        {"lesion": many, "same": 1, "hat": [True, False] * 15 + [True]}
    )
    found = list_conditions(table)
    assert found.left_out == ("lesion", "same")
    assert found.columns == ("hat",)


def test_rounder_thresholds_are_cheaper():
    fine = fine_thresholds(np.linspace(0, 1, 1001))
    assert fine[0.5] == pytest.approx(np.log2(9))
    assert fine[0.47] > fine[0.5]
    assert fine[0.473] > fine[0.47]


def test_whole_numbers_have_whole_thresholds():
    fine = fine_thresholds(np.arange(80.0))
    assert all(each == int(each) for each in fine)
    assert fine_thresholds(np.full(5, 3.0)) == {}
