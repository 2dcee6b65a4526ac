"""What a search may try of a setting, around a study's own value."""

import pytest

from core.methods.entries import ENTRIES
from core.methods.entry import GROUPS, ON
from core.tunable import (
    Between,
    OneOf,
    Powers,
    Span,
    Times,
    Whole,
    Words,
    is_switched_off,
)

TUNED = [
    (entry.name, parameter)
    for entry in ENTRIES.values()
    for parameter in entry.parameters
    if parameter.tuned is not None
]


def test_a_range_grows_to_hold_the_own_value() -> None:
    assert Between(0.1, 0.6).around(0.3) == Span(0.1, 0.6)
    assert Between(0.1, 0.6).around(0.9) == Span(0.1, 0.9)
    assert Powers(1e-4, 1e-1).around(1e-6) == Span(1e-6, 1e-1, by_powers=True)
    assert Powers(0.1, 10, times_own=True).around(4.0) == Span(0.4, 40, by_powers=True)
    assert Whole(3, 15, 2).around(5) == Span(3, 15, step=2)
    assert list(Whole(3, 7, 2).around(31).values.values()) == [3, 5, 7, 31]
    assert list(OneOf((32, 64)).around(8).values.values()) == [32, 64, 8]


def test_widths_are_multiplied_and_stay_above_0() -> None:
    words = Times((0.5, 2.0)).around((1, 32))
    assert words == Words({"[1, 32]": (1, 32), "[1, 16]": (1, 16), "[2, 64]": (2, 64)})
    assert list(Times((0.5, 2.0)).around(8).values.values()) == [8, 4, 16]


@pytest.mark.parametrize("own", [None, 0, 0.0, ()])
def test_what_is_left_out_or_0_is_switched_off(own: object) -> None:
    assert is_switched_off(own)
    assert not any(map(is_switched_off, (0.1, 3, "cosine", (8,))))


@pytest.mark.parametrize(("entry", "parameter"), TUNED)
def test_what_is_tried_of_a_parameter_is_allowed(entry, parameter) -> None:
    assert parameter.name not in (ON, GROUPS)
    tried = parameter.tuned.around(parameter.default)
    if isinstance(tried, Words):
        ends = list(tried.values.values())
    else:
        ends = [tried.low, tried.high]
        assert tried.low < tried.high
    for end in ends:
        if isinstance(end, str):
            assert end in parameter.choices
        else:
            assert parameter.minimum <= end <= parameter.maximum
            assert not (parameter.odd and end % 2 == 0)


def test_the_issue_s_parameters_are_searched() -> None:
    named = {f"{entry}.{parameter.name}" for entry, parameter in TUNED}
    assert {"lmf.alpha", "lmf.beta", "lmf.gamma", "hmloss.delta"} <= named
    # Judged by quality alone, these would be switched off.
    assert not any(name.startswith(("fairness-penalty", "group-dro")) for name in named)
