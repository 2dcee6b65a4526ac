"""Tasks: ranges, bins and classes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.tasks import Binary, Multiclass, Regression, natural_order

AGE = Regression("age", "Age", "years", 1, 80, 10)


def test_age_has_the_eight_decades():
    expected = tuple(f"{start}-{start + 9}" for start in range(0, 80, 10))
    assert AGE.bin_labels == expected
    assert AGE.bin_edges.tolist() == list(range(0, 90, 10))


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (1, "0-9"),
        (9, "0-9"),
        (9.99, "0-9"),
        (10, "10-19"),
        (39, "30-39"),
        (40, "40-49"),
        (79, "70-79"),
    ],
)
def test_a_value_falls_in_the_bin_whose_label_spans_it(value, label):
    assert AGE.bin_labels[AGE.bin_of([value])[0]] == label


def test_every_whole_age_is_in_its_decade():
    ages = np.arange(1, 80)
    assert AGE.bin_of(ages).tolist() == [age // 10 for age in range(1, 80)]


def test_outside_the_range_the_nearest_bin_is_taken():
    assert AGE.bin_of([-5.0, 80.0, 116.0]).tolist() == [0, 7, 7]


def test_bin_of_keeps_the_shape():
    assert AGE.bin_of(np.full((3, 4), 25)).shape == (3, 4)
    assert AGE.bin_of([]).shape == (0,)


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        (Regression("t", "T", "days", 5, 14, 5), ("5-9", "10-14")),
        (Regression("t", "T", "days", 0, 30, 10), ("0-9", "10-19", "20-29")),
        (Regression("t", "T", "days", 7, 11, 5), ("5-9", "10-14")),
    ],
)
def test_bins_begin_and_end_on_multiples_of_their_width(task, labels):
    assert task.bin_labels == labels


def test_the_second_class_is_the_positive_one():
    assert Binary("gender", "Gender", ("male", "female")).positive == "female"


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (AGE, "regression"),
        (Binary("b", "B", ("no", "yes")), "binary"),
        (Multiclass("m", "M", ("a", "b", "c")), "multiclass"),
    ],
)
def test_tasks_say_their_kind_and_cannot_be_changed(task, kind):
    assert task.kind == kind
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.name = "other"


def test_bins_that_are_not_whole_are_named_by_their_ends():
    share = Regression("share", "Share", "units", 0.05, 0.55, 0.25)
    assert share.bin_labels == ("0 to 0.25", "0.25 to 0.5", "0.5 to 0.75")
    assert share.bin_of([0.3]).tolist() == [1]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([str(n) for n in range(26)], [str(n) for n in range(26)]),
        (["10", "2", "1e1", "-3", "2.5", "0"], ["-3", "0", "2", "2.5", "10", "1e1"]),
        (["254637008", "254637007"], ["254637007", "254637008"]),
        (["class 10", "Class 2", "class 1"], ["class 1", "Class 2", "class 10"]),
        (["tulip", "Aster", "rose"], ["Aster", "rose", "tulip"]),
        (["b", "B", "a", "A"], ["A", "a", "B", "b"]),
        (
            ["unknown", "70 and over", "0-29", "30-49"],
            ["0-29", "30-49", "70 and over", "unknown"],
        ),
        (["nan", "3", "inf", "x", ""], ["3", "", "inf", "nan", "x"]),
        (["²", "2", "x"], ["2", "x", "²"]),
        (["01", "1", "001"], ["001", "01", "1"]),
    ],
)
def test_natural_order_is_that_of_a_person(names, wanted):
    assert natural_order(names) == wanted
    assert natural_order(reversed(names)) == wanted


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        (
            Regression("t", "T", "degrees", -40, 39, 20),
            ("-40 to -21", "-20 to -1", "0 to 19", "20 to 39"),
        ),
        (Regression("t", "T", "points", -2, 1, 1), ("-2", "-1", "0")),
        (
            Regression("t", "T", "views", 0, 1_500_000, 1_000_000),
            ("0-999999", "1000000-1999999"),
        ),
    ],
)
def test_bounds_are_told_from_the_dash_between_them(task, labels):
    assert task.bin_labels == labels


@given(
    start=st.floats(-1e12, 1e12),
    extent=st.floats(1e-3, 1e9),
    bins=st.integers(2, 12),
)
def test_no_two_bins_have_one_name(start, extent, bins):
    # Beyond, the edges are not apart as numbers.
    assume(extent / bins > 1e-11 * abs(start))
    task = Regression("t", "T", "units", start, start + extent, extent / bins)
    assert len(set(task.bin_labels)) == len(task.bin_labels)
    assert not any("--" in label or "e+" in label for label in task.bin_labels)


def test_the_labels_of_shipped_bins_are_as_they_were():
    ages = Regression("age", "Age", "years", 1, 116, 10)
    assert ages.bin_labels[0] == "0-9"
    assert ages.bin_labels[-1] == "110-119"
