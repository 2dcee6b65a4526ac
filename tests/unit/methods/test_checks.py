import pytest

from core.errors import MethodError
from core.methods.checks import (
    ABOVE_ZERO,
    FROM_ZERO,
    SHARE,
    SHARE_ABOVE_ZERO,
    SHARE_BELOW_ONE,
    Interval,
    check_choice,
    check_number,
)


@pytest.mark.parametrize(
    ("interval", "inside", "outside", "words"),
    [
        (FROM_ZERO, [0, 1e9], [-1e-9], "a finite number from 0"),
        (ABOVE_ZERO, [1e-9], [0, -1], "a finite number above 0"),
        (SHARE, [0, 0.5, 1], [-1e-9, 1 + 1e-9], "a number from 0 to 1"),
        (SHARE_BELOW_ONE, [0, 0.999], [1], "a number from 0 and below 1"),
        (SHARE_ABOVE_ZERO, [1e-9, 1], [0], "a number above 0 and at most 1"),
        (Interval(1), [1, 7], [0.9], "a finite number from 1"),
    ],
)
def test_intervals(interval, inside, outside, words):
    assert all(value in interval for value in inside)
    for bad in (*outside, float("nan"), float("inf"), float("-inf")):
        assert bad not in interval
    assert str(interval) == words


def test_a_number_in_its_interval_becomes_a_float():
    value = check_number("tau", 2, FROM_ZERO)
    assert value == 2
    assert isinstance(value, float)


def test_a_number_outside_is_refused_with_the_interval_in_words():
    with pytest.raises(MethodError) as error:
        check_number("tau", -1, FROM_ZERO, note="0 adjusts nothing", remedy="raise it.")
    assert str(error.value) == (
        "tau is -1. Expected: a finite number from 0; 0 adjusts nothing. "
        "What to do: raise it."
    )


def test_a_choice_is_returned_and_any_other_word_refused():
    assert check_choice("form", "paper", ("official", "paper")) == "paper"
    with pytest.raises(MethodError) as error:
        check_choice("form", "own", ("official", "paper"), owner="HMLoss")
    assert str(error.value) == (
        "There is no form 'own' of HMLoss. Expected: one of official, paper."
    )
